/* The module topwork-cairo.so: a canvas by cairo, onto a PNG or an SVG. It decides nothing about what is drawn. A
 * module so that a program that only predicts does not load twenty libraries for it. */
#include <limits.h>
#include <math.h>
#include <stdlib.h>

#include <cairo-svg.h>
#include <cairo.h>

#include "report/canvas.h"

__attribute__((visibility("default"))) extern const tw_cairo_module tw_cairo_module_entry;

typedef struct drawing {
  tw_canvas canvas; /* first: the functions get a pointer to it */
  cairo_t *cairo;
  cairo_surface_t *surface;
  const tw_cairo_request *request;
} drawing;

static cairo_t *of(tw_canvas *canvas) {
  return ((drawing *)(void *)canvas)->cairo;
}

static void colour_set(cairo_t *cairo, tw_rgb colour) {
  cairo_set_source_rgb(cairo, colour.r / 255.0, colour.g / 255.0, colour.b / 255.0);
}

static void rectangle(tw_canvas *canvas, double x, double y, double width, double height) {
  cairo_rectangle(of(canvas), x, y, width, height);
}

static void line(tw_canvas *canvas, double x1, double y1, double x2, double y2) {
  cairo_move_to(of(canvas), x1, y1);
  cairo_line_to(of(canvas), x2, y2);
}

static void to(tw_canvas *canvas, double x, double y) {
  cairo_line_to(of(canvas), x, y);
}

static void disc(tw_canvas *canvas, double x, double y, double radius) {
  cairo_new_sub_path(of(canvas));
  cairo_arc(of(canvas), x, y, radius, 0, 2 * M_PI);
  cairo_close_path(of(canvas));
}

static void fill(tw_canvas *canvas, tw_ink ink, tw_rgb colour) {
  (void)ink;
  colour_set(of(canvas), colour);
  cairo_fill(of(canvas));
}

static void dash(tw_canvas *canvas, double length) {
  cairo_set_dash(of(canvas), &length, 1, 0);
}

static void stroke(tw_canvas *canvas, tw_ink ink, tw_rgb colour, double width) {
  (void)ink;
  colour_set(of(canvas), colour);
  cairo_set_line_width(of(canvas), width);
  cairo_set_line_cap(of(canvas), CAIRO_LINE_CAP_ROUND);
  cairo_stroke(of(canvas));
  cairo_set_dash(of(canvas), NULL, 0, 0);
}

static void text(tw_canvas *canvas, const tw_label *label, tw_ink ink, tw_rgb colour) {
  (void)ink;
  cairo_t *cairo = of(canvas);
  cairo_text_extents_t extents;
  cairo_path_t *path = cairo_copy_path(cairo); /* what is being put together stays */
  cairo_save(cairo);
  cairo_select_font_face(cairo, "sans-serif", CAIRO_FONT_SLANT_NORMAL,
                         label->bold ? CAIRO_FONT_WEIGHT_BOLD : CAIRO_FONT_WEIGHT_NORMAL);
  cairo_set_font_size(cairo, label->size);
  cairo_text_extents(cairo, label->text, &extents);
  double share = label->anchor == TW_ANCHOR_START ? 0 : label->anchor == TW_ANCHOR_MIDDLE ? 0.5 : 1;
  cairo_translate(cairo, label->x, label->y);
  if (label->turned) {
    cairo_rotate(cairo, -M_PI / 2);
  }
  cairo_move_to(cairo, -share * extents.x_advance, 0);
  colour_set(cairo, colour);
  cairo_show_text(cairo, label->text);
  cairo_restore(cairo);
  cairo_new_path(cairo);
  cairo_append_path(cairo, path);
  cairo_path_destroy(path);
}

/* Cairo's 32 bits a pixel from our 24; NULL when out of memory or too large. */
static cairo_surface_t *surface_of(const tw_pixels *pixels) {
  if (pixels->width > SHRT_MAX || pixels->height > SHRT_MAX) {
    return NULL;
  }
  cairo_surface_t *surface = cairo_image_surface_create(CAIRO_FORMAT_RGB24, (int)pixels->width, (int)pixels->height);
  unsigned char *data = cairo_image_surface_get_data(surface);
  if (data == NULL) {
    cairo_surface_destroy(surface);
    return NULL;
  }
  size_t stride = (size_t)cairo_image_surface_get_stride(surface);
  for (size_t y = 0; y < pixels->height; y++) {
    const uint8_t *rgb = pixels->rgb + 3 * pixels->width * y;
    uint32_t *row = (uint32_t *)(void *)(data + stride * y);
    for (size_t x = 0; x < pixels->width; x++, rgb += 3) {
      row[x] = (uint32_t)rgb[0] << 16 | (uint32_t)rgb[1] << 8 | rgb[2];
    }
  }
  cairo_surface_mark_dirty(surface);
  return surface;
}

static void image(tw_canvas *canvas, double x, double y, double width, double height, const tw_pixels *pixels) {
  cairo_t *cairo = of(canvas);
  cairo_surface_t *surface = surface_of(pixels);
  if (surface == NULL) {
    canvas->failed = true;
    return;
  }
  cairo_save(cairo);
  cairo_translate(cairo, x, y);
  cairo_scale(cairo, width / (double)pixels->width, height / (double)pixels->height);
  cairo_set_source_surface(cairo, surface, 0, 0);
  cairo_pattern_set_filter(cairo_get_source(cairo), CAIRO_FILTER_GOOD);
  cairo_pattern_set_extend(cairo_get_source(cairo), CAIRO_EXTEND_PAD); /* no grey seam at its sides */
  cairo_rectangle(cairo, 0, 0, (double)pixels->width, (double)pixels->height);
  cairo_fill(cairo);
  cairo_restore(cairo);
  cairo_surface_destroy(surface);
}

static cairo_status_t on_write(void *context, const unsigned char *data, unsigned int size) {
  const tw_cairo_request *request = context;
  return request->write(request->context, data, size) ? CAIRO_STATUS_SUCCESS : CAIRO_STATUS_WRITE_ERROR;
}

static cairo_surface_t *surface_create(const tw_cairo_request *request) {
  if (request->png) {
    return cairo_image_surface_create(CAIRO_FORMAT_RGB24, (int)ceil(request->width * request->scale),
                                      (int)ceil(request->height * request->scale));
  }
  cairo_surface_t *surface =
      cairo_svg_surface_create_for_stream(on_write, (void *)(uintptr_t)request, request->width, request->height);
  cairo_svg_surface_set_document_unit(surface, CAIRO_SVG_UNIT_PX);
  return surface;
}

static tw_canvas *begin(const tw_cairo_request *request) {
  drawing *drawing = malloc(sizeof *drawing);
  if (drawing == NULL) {
    return NULL;
  }
  *drawing = (struct drawing){.canvas = {.rectangle = rectangle,
                                         .line = line,
                                         .to = to,
                                         .disc = disc,
                                         .fill = fill,
                                         .stroke = stroke,
                                         .dash = dash,
                                         .text = text,
                                         .image = request->png ? image : NULL},
                              .surface = surface_create(request),
                              .request = request};
  drawing->cairo = cairo_create(drawing->surface);
  if (request->png) {
    cairo_scale(drawing->cairo, request->scale, request->scale);
  }
  cairo_set_source_rgb(drawing->cairo, 1, 1, 1);
  cairo_paint(drawing->cairo);
  return &drawing->canvas;
}

static bool end(tw_canvas *canvas) {
  drawing *drawing = (struct drawing *)(void *)canvas;
  bool good = cairo_status(drawing->cairo) == CAIRO_STATUS_SUCCESS;
  cairo_destroy(drawing->cairo);
  if (good && drawing->request->png) {
    good = cairo_surface_write_to_png_stream(drawing->surface, on_write, (void *)(uintptr_t)drawing->request) ==
           CAIRO_STATUS_SUCCESS;
  }
  cairo_surface_finish(drawing->surface);
  good = good && cairo_surface_status(drawing->surface) == CAIRO_STATUS_SUCCESS;
  cairo_surface_destroy(drawing->surface);
  free(drawing);
  return good;
}

const tw_cairo_module tw_cairo_module_entry = {.version = TW_CAIRO_VERSION, .begin = begin, .end = end};
