/* A drawing as a file, PNG or SVG, by cairo in a module that is opened for it. Not for the page, whose charts are
 * inline SVG (canvas_svg.c) and need no library. */
#include <math.h>
#include <pthread.h>

#include "report/chart.h"

enum { PNG_MAX_SIDE = 8000 /* pixels */ };

static struct {
  pthread_once_t once;
  const tw_cairo_module *module; /* NULL: not to be had */
} loaded = {.once = PTHREAD_ONCE_INIT};

static void load(void) {
  const tw_cairo_module *module = tw_module_open(TW_CAIRO_FILE, TW_CAIRO_SYMBOL, NULL);
  loaded.module = module != NULL && module->version == TW_CAIRO_VERSION ? module : NULL;
}

static const tw_cairo_module *cairo_module(void) {
  pthread_once(&loaded.once, load);
  return loaded.module;
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

tw_status tw_chart_save(tw_draw_fn function, const void *what, tw_extent extent, bool png, tw_buffer *buffer,
                        tw_error *error) {
  tw_cairo_request request = {.png = png,
                              .width = extent.width,
                              .height = extent.height,
                              .scale = png_scale(extent),
                              .write = on_write,
                              .context = buffer};
  const tw_cairo_module *module = cairo_module();
  if (module == NULL) {
    return tw_error_set(error, TW_E_UNSUPPORTED,
                        "charts cannot be drawn: install libcairo2 and topwork's module " TW_CAIRO_FILE);
  }
  tw_canvas *canvas = module->begin(&request);
  if (canvas == NULL) {
    return tw_error_memory(error);
  }
  function(what, canvas);
  bool memory = canvas->failed;
  bool good = module->end(canvas);
  if (memory || buffer->failed) {
    return tw_error_memory(error);
  }
  return good ? TW_OK : tw_error_set(error, TW_E_UNSUPPORTED, "a chart could not be drawn: cairo gave up");
}
