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

static tw_status begin(const tw_cairo_request *request, tw_canvas **ret_canvas, tw_error *error) {
  pthread_once(&loaded.once, load);
  if (loaded.module == NULL) {
    return tw_error_set(error, TW_E_UNSUPPORTED,
                        "charts cannot be drawn: install libcairo2 and topwork's module " TW_CAIRO_FILE);
  }
  *ret_canvas = loaded.module->begin(request);
  return *ret_canvas == NULL ? tw_error_memory(error) : TW_OK;
}

static tw_status end(tw_canvas *canvas, const tw_buffer *buffer, tw_status status, tw_error *error) {
  bool good = loaded.module->end(canvas);
  if (status == TW_OK && !good) {
    status = buffer->failed ? tw_error_memory(error)
                            : tw_error_set(error, TW_E_UNSUPPORTED, "a chart could not be drawn: cairo gave up");
  }
  return status;
}

static tw_status draw_confusion(const tw_outcome *outcome, bool png, tw_buffer *buffer, tw_error *error) {
  tw_heat heat;
  tw_status status = tw_heat_init(&heat, outcome, error);
  if (status == TW_OK) {
    tw_extent extent = tw_heat_extent(&heat);
    tw_cairo_request request = {.png = png,
                                .width = extent.width,
                                .height = extent.height,
                                .scale = png_scale(extent),
                                .write = on_write,
                                .context = buffer};
    tw_canvas *canvas;
    status = begin(&request, &canvas, error);
    if (status == TW_OK) {
      tw_heat_draw(&heat, canvas);
      status = end(canvas, buffer, TW_OK, error);
    }
  }
  tw_heat_done(&heat);
  return status;
}

static tw_status draw_simple(const tw_outcome *outcome, bool path, tw_buffer *buffer, tw_error *error) {
  tw_extent extent = path ? tw_path_extent() : tw_classes_extent(outcome);
  tw_cairo_request request = {
      .width = extent.width, .height = extent.height, .scale = 1, .write = on_write, .context = buffer};
  tw_canvas *canvas;
  TW_TRY(begin(&request, &canvas, error));
  tw_status status = TW_OK;
  if (path) {
    tw_path_draw(outcome, canvas);
  } else {
    status = tw_classes_draw(outcome, canvas, error);
  }
  return end(canvas, buffer, status, error);
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
    case TW_CHART_CONFUSION_PNG: return draw_confusion(outcome, true, buffer, error);
    case TW_CHART_CONFUSION_SVG: return draw_confusion(outcome, false, buffer, error);
    case TW_CHART_PATH: return draw_simple(outcome, true, buffer, error);
    default: return draw_simple(outcome, false, buffer, error);
  }
}
