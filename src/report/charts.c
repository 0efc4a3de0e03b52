/* The charts as files: confusion.png and .svg, path.svg, classes.svg, by cairo in a module that is opened for them. */
#include <dlfcn.h>
#include <math.h>
#include <pthread.h>

#include "report/chart.h"

enum { PNG_MAX_SIDE = 8000 /* pixels */ };

static struct {
  pthread_once_t once;
  const tw_cairo_module *module; /* NULL: not to be had */
} loaded = {.once = PTHREAD_ONCE_INIT};

/* The module stays open for the life of the process, as its libraries keep things that they never free. */
static void load(void) {
  char *path = tw_module_path(TW_CAIRO_FILE);
  void *handle = path == NULL ? NULL : dlopen(path, RTLD_NOW | RTLD_LOCAL | RTLD_NODELETE);
  const tw_cairo_module *module = handle == NULL ? NULL : dlsym(handle, TW_CAIRO_SYMBOL);
  loaded.module = module != NULL && module->version == TW_CAIRO_VERSION ? module : NULL;
  tw_free(path);
}

static bool on_write(void *context, const unsigned char *data, size_t size) {
  tw_buffer *buffer = context;
  tw_buffer_append(buffer, data, size);
  return !buffer->failed;
}

/* Twice the pixels for sharp print, as long as the picture stays of a size that programs open. */
static double png_scale(tw_extent extent) {
  double larger = extent.width > extent.height ? extent.width : extent.height;
  return fmin(2, PNG_MAX_SIDE / larger);
}

typedef void (*draw_fn)(const void *what, tw_canvas *canvas);

static tw_status draw(draw_fn function, const void *what, tw_extent extent, bool png, tw_buffer *buffer,
                      tw_error *error) {
  tw_cairo_request request = {.png = png,
                              .width = extent.width,
                              .height = extent.height,
                              .scale = png_scale(extent),
                              .write = on_write,
                              .context = buffer};
  pthread_once(&loaded.once, load);
  if (loaded.module == NULL) {
    return tw_error_set(error, TW_E_UNSUPPORTED,
                        "charts cannot be drawn: install libcairo2 and topwork's module " TW_CAIRO_FILE);
  }
  tw_canvas *canvas = loaded.module->begin(&request);
  if (canvas == NULL) {
    return tw_error_memory(error);
  }
  function(what, canvas);
  bool memory = canvas->failed;
  bool good = loaded.module->end(canvas);
  if (memory || buffer->failed) {
    return tw_error_memory(error);
  }
  return good ? TW_OK : tw_error_set(error, TW_E_UNSUPPORTED, "a chart could not be drawn: cairo gave up");
}

static void draw_heat(const void *heat, tw_canvas *canvas) {
  tw_heat_draw(heat, canvas);
}

static void draw_path(const void *outcome, tw_canvas *canvas) {
  tw_path_draw(outcome, canvas);
}

static void draw_rows(const void *rows, tw_canvas *canvas) {
  tw_class_rows_draw(rows, canvas);
}

static tw_status confusion(const tw_outcome *outcome, bool png, tw_buffer *buffer, tw_error *error) {
  tw_heat heat;
  tw_status status = tw_heat_init(&heat, outcome, error);
  if (status == TW_OK) {
    status = draw(draw_heat, &heat, tw_heat_extent(&heat), png, buffer, error);
  }
  tw_heat_done(&heat);
  return status;
}

static tw_status classes(const tw_outcome *outcome, tw_buffer *buffer, tw_error *error) {
  tw_class_rows rows;
  tw_status status = tw_class_rows_init(&rows, outcome, error);
  if (status == TW_OK) {
    status = draw(draw_rows, &rows, tw_class_rows_extent(&rows), false, buffer, error);
  }
  tw_class_rows_done(&rows);
  return status;
}

const char *tw_report_chart_file(tw_report_chart chart) {
  static const char *const names[] = {"confusion.png", "confusion.svg", "path.svg", "classes.svg"};
  return names[chart];
}

bool tw_report_has_chart(const tw_outcome *outcome, tw_report_chart chart) {
  return chart == TW_CHART_PATH ? outcome->path != NULL && outcome->path->count > 0 : outcome->test != NULL;
}

tw_status tw_report_draw(const tw_outcome *outcome, tw_report_chart chart, tw_buffer *buffer, tw_error *error) {
  switch (chart) {
    case TW_CHART_CONFUSION_PNG: return confusion(outcome, true, buffer, error);
    case TW_CHART_CONFUSION_SVG: return confusion(outcome, false, buffer, error);
    case TW_CHART_PATH: return draw(draw_path, outcome, tw_path_extent(), false, buffer, error);
    default: return classes(outcome, buffer, error);
  }
}
