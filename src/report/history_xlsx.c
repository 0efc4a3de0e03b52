/* history.xlsx: the table of history.csv with a chart of loss and one of accuracy, by libxlsxwriter in a module that is
 * opened for it. */
#include <math.h>
#include <pthread.h>

#include "report/history.h"
#include "report/xlsx.h"

static struct {
  pthread_once_t once;
  const tw_xlsx_module *module; /* NULL: not to be had */
} loaded = {.once = PTHREAD_ONCE_INIT};

static void load(void) {
  const tw_xlsx_module *module = tw_module_open(TW_XLSX_FILE, TW_XLSX_SYMBOL, NULL);
  loaded.module = module != NULL && module->version == TW_XLSX_VERSION ? module : NULL;
}

static bool on_write(void *context, const unsigned char *data, size_t size) {
  tw_buffer *buffer = context;
  tw_buffer_append(buffer, data, size);
  return !buffer->failed;
}

static double *table_of(const tw_history *history) {
  double *values = tw_alloc(history->count, TW_HISTORY_COLUMNS * sizeof *values);
  for (size_t i = 0; values != NULL && i < history->count; i++) {
    for (size_t column = 0; column < TW_HISTORY_COLUMNS; column++) {
      values[i * TW_HISTORY_COLUMNS + column] = tw_history_value(history, i, (tw_history_column)column);
    }
  }
  return values;
}

static bool has_validation(const tw_history *history) {
  bool any = false;
  for (size_t i = 0; i < history->count; i++) {
    any = any || isfinite(history->epochs[i].validation_loss);
  }
  return any;
}

tw_status tw_report_history_xlsx(const tw_history *history, tw_buffer *buffer, tw_error *error) {
  pthread_once(&loaded.once, load);
  if (loaded.module == NULL) {
    return tw_error_set(error, TW_E_UNSUPPORTED,
                        "history.xlsx cannot be written: install libxlsxwriter4 and topwork's module " TW_XLSX_FILE);
  }
  size_t series = has_validation(history) ? 2 : 1;
  const tw_xlsx_chart charts[] = {
      {"Loss", "cross-entropy", {TW_HISTORY_TRAINING_LOSS, TW_HISTORY_VALIDATION_LOSS}, series},
      {"Accuracy", "share right", {TW_HISTORY_TRAINING_ACCURACY, TW_HISTORY_VALIDATION_ACCURACY}, series},
  };
  tw_xlsx_request request = {.sheet = "history",
                             .headings = tw_history_headings,
                             .columns = TW_HISTORY_COLUMNS,
                             .rows = history->count,
                             .values = table_of(history),
                             .charts = charts,
                             .chart_count = sizeof charts / sizeof *charts,
                             .write = on_write,
                             .context = buffer};
  if (request.values == NULL) {
    return tw_error_memory(error);
  }
  const char *why = loaded.module->save(&request);
  tw_free((double *)(uintptr_t)request.values);
  if (buffer->failed) {
    return tw_error_memory(error);
  }
  return why == NULL ? TW_OK : tw_error_set(error, TW_E_UNSUPPORTED, "history.xlsx cannot be written: %s", why);
}
