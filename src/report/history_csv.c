/* history.csv, written and read: a row an epoch. */
#include <math.h>
#include <string.h>

#include "report/history.h"

const char *const tw_history_headings[TW_HISTORY_COLUMNS] = {
    "epoch",           "learning_rate",       "training_loss", "training_accuracy",
    "validation_loss", "validation_accuracy", "seconds"};

double tw_history_value(const tw_history *history, size_t epoch, tw_history_column column) {
  const tw_epoch *at = &history->epochs[epoch];
  switch (column) {
    case TW_HISTORY_EPOCH: return (double)(epoch + 1);
    case TW_HISTORY_RATE: return at->rate;
    case TW_HISTORY_TRAINING_LOSS: return at->training_loss;
    case TW_HISTORY_TRAINING_ACCURACY: return at->training_accuracy;
    case TW_HISTORY_VALIDATION_LOSS: return at->validation_loss;
    case TW_HISTORY_VALIDATION_ACCURACY: return at->validation_accuracy;
    default: return at->seconds;
  }
}

/* ---- Writing ----------------------------------------------------------------------------------------------------- */

void tw_report_history_csv(const tw_history *history, tw_buffer *buffer) {
  char text[TW_NUMBER_TEXT_SIZE];
  for (int column = 0; column < TW_HISTORY_COLUMNS; column++) {
    tw_buffer_format(buffer, "%s%s", column == 0 ? "" : ",", tw_history_headings[column]);
  }
  tw_buffer_text(buffer, "\n");
  for (size_t i = 0; i < history->count; i++) {
    for (int column = 0; column < TW_HISTORY_COLUMNS; column++) {
      double value = tw_history_value(history, i, (tw_history_column)column);
      tw_buffer_format(buffer, "%s%s", column == 0 ? "" : ",", isfinite(value) ? tw_number_text(value, text) : "");
    }
    tw_buffer_text(buffer, "\n");
  }
}

/* ---- Reading ----------------------------------------------------------------------------------------------------- */

typedef struct reading {
  const char *path;
  tw_bytes rest;
  size_t line;
} reading;

/* The next line without its end; false at the end of the file. */
static bool next_line(reading *reading, tw_bytes *ret_line) {
  if (reading->rest.size == 0) {
    return false;
  }
  const uint8_t *end = memchr(reading->rest.data, '\n', reading->rest.size);
  size_t length = end == NULL ? reading->rest.size : (size_t)(end - reading->rest.data);
  size_t used = end == NULL ? length : length + 1;
  *ret_line =
      (tw_bytes){reading->rest.data, length > 0 && reading->rest.data[length - 1] == '\r' ? length - 1 : length};
  reading->rest = (tw_bytes){reading->rest.data + used, reading->rest.size - used};
  reading->line++;
  return true;
}

/* Splits off what is before the next comma. */
static tw_bytes next_field(tw_bytes *line) {
  const uint8_t *comma = line->size == 0 ? NULL : memchr(line->data, ',', line->size);
  size_t length = comma == NULL ? line->size : (size_t)(comma - line->data);
  size_t used = comma == NULL ? length : length + 1;
  tw_bytes field = {line->data, length};
  *line = (tw_bytes){line->data + used, line->size - used};
  return field;
}

static tw_status check_header(reading *reading, tw_error *error) {
  tw_bytes line = {0};
  bool right = next_line(reading, &line);
  for (int column = 0; right && column < TW_HISTORY_COLUMNS; column++) {
    right = tw_bytes_is(next_field(&line), tw_history_headings[column]);
  }
  return right && line.size == 0 ? TW_OK
                                 : tw_error_set(error, TW_E_FORMAT,
                                                "%s: is no history.csv of topwork: its first line is not "
                                                "'epoch,learning_rate,training_loss,...'",
                                                reading->path);
}

/* Only validation may be missing. */
static tw_status parse_field(const reading *reading, tw_bytes field, int column, double *ret, tw_error *error) {
  char text[TW_NUMBER_TEXT_SIZE + 8];
  bool optional = column == TW_HISTORY_VALIDATION_LOSS || column == TW_HISTORY_VALIDATION_ACCURACY;
  if (field.size == 0 && optional) {
    *ret = (double)NAN;
    return TW_OK;
  }
  bool share = column == TW_HISTORY_TRAINING_ACCURACY || column == TW_HISTORY_VALIDATION_ACCURACY;
  if (field.size < sizeof text) {
    if (field.size > 0) {
      memcpy(text, field.data, field.size);
    }
    text[field.size] = '\0';
    if (tw_number_parse(text, ret) && *ret >= 0 && (!share || *ret <= 1)) {
      return TW_OK;
    }
  }
  return tw_error_set(error, TW_E_FORMAT, "%s: line %zu: %s wants a number %s, not '%.*s'", reading->path,
                      reading->line, tw_history_headings[column], share ? "from 0 to 1" : "of 0 or more",
                      (int)(field.size < sizeof text ? field.size : sizeof text), (const char *)field.data);
}

static tw_status parse_epoch(const reading *reading, tw_bytes line, size_t number, tw_epoch *ret_epoch,
                             tw_error *error) {
  double values[TW_HISTORY_COLUMNS];
  size_t commas = 0;
  for (size_t i = 0; i < line.size; i++) {
    commas += line.data[i] == ',';
  }
  if (commas != TW_HISTORY_COLUMNS - 1) {
    return tw_error_set(error, TW_E_FORMAT, "%s: line %zu: has %zu columns, not %d", reading->path, reading->line,
                        commas + 1, TW_HISTORY_COLUMNS);
  }
  for (int column = 0; column < TW_HISTORY_COLUMNS; column++) {
    TW_TRY(parse_field(reading, next_field(&line), column, &values[column], error));
  }
  if (values[TW_HISTORY_EPOCH] < (double)number || values[TW_HISTORY_EPOCH] > (double)number) {
    return tw_error_set(error, TW_E_FORMAT, "%s: line %zu: epoch %zu should be here", reading->path, reading->line,
                        number);
  }
  *ret_epoch = (tw_epoch){.rate = values[TW_HISTORY_RATE],
                          .training_loss = values[TW_HISTORY_TRAINING_LOSS],
                          .training_accuracy = values[TW_HISTORY_TRAINING_ACCURACY],
                          .validation_loss = values[TW_HISTORY_VALIDATION_LOSS],
                          .validation_accuracy = values[TW_HISTORY_VALIDATION_ACCURACY],
                          .seconds = values[TW_HISTORY_SECONDS]};
  return TW_OK;
}

/* The lowest validation loss, the first one of equals; without validation the last epoch. */
static size_t best_of(const tw_epoch *epochs, size_t count) {
  size_t best = count - 1;
  bool any = false;
  for (size_t i = 0; i < count; i++) {
    double loss = epochs[i].validation_loss;
    if (!isnan(loss) && (!any || loss < epochs[best].validation_loss)) {
      best = i;
      any = true;
    }
  }
  return best;
}

static tw_status parse_epochs(reading *reading, tw_epoch *epochs, size_t *ret_count, tw_error *error) {
  tw_bytes line;
  size_t count = 0;
  while (next_line(reading, &line)) {
    TW_TRY(parse_epoch(reading, line, count + 1, &epochs[count], error));
    count++;
  }
  *ret_count = count;
  return count > 0 ? TW_OK : tw_error_set(error, TW_E_FORMAT, "%s: holds no epoch", reading->path);
}

tw_status tw_report_history_parse(const char *path, tw_bytes file, tw_history *ret_history, tw_error *error) {
  reading reading = {.path = path, .rest = file};
  TW_TRY(check_header(&reading, error));
  size_t lines = 1;
  for (size_t i = 0; i < reading.rest.size; i++) {
    lines += reading.rest.data[i] == '\n';
  }
  if (lines > TW_RECIPE_MAX_EPOCHS + 1) {
    return tw_error_set(error, TW_E_LIMIT, "%s: has more than %d epochs", path, TW_RECIPE_MAX_EPOCHS);
  }
  tw_epoch *epochs = tw_alloc(lines, sizeof *epochs);
  if (epochs == NULL) {
    return tw_error_memory(error);
  }
  size_t count = 0;
  tw_status status = parse_epochs(&reading, epochs, &count, error);
  if (status != TW_OK) {
    tw_free(epochs);
    return status;
  }
  *ret_history =
      (tw_history){.options = {.epochs = count}, .count = count, .epochs = epochs, .best = best_of(epochs, count)};
  return TW_OK;
}
