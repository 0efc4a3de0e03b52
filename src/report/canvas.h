/* Private to the floor `report`: what charts are drawn on. The same drawing code draws on cairo (PNG and SVG files for
 * papers: black on white) and on inline SVG (the page: colours by class, so that they follow dark and light).
 *
 * Shapes are added to a path and then filled or stroked at once, which keeps a heat map of a thousand cells small. This
 * header is also what the core and the module topwork-cairo.so share, so it holds no function of the core that the
 * module would have to be linked to. */
#ifndef TW_REPORT_CANVAS_H
#define TW_REPORT_CANVAS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { TW_HEAT_LEVELS = 16 };

/* What something is drawn in. */
typedef enum tw_ink {
  TW_INK_PAPER,
  TW_INK_TEXT,
  TW_INK_MUTED,
  TW_INK_GRID,
  TW_INK_MAIN,                                   /* the first series */
  TW_INK_SECOND,                                 /* the second series, and what is chosen */
  TW_INK_HEAT,                                   /* + level, 0 (little) .. TW_HEAT_LEVELS - 1 (all) */
  TW_INK_ON_HEAT = TW_INK_HEAT + TW_HEAT_LEVELS, /* + level: text on it */
  TW_INK_COUNT = TW_INK_ON_HEAT + TW_HEAT_LEVELS,
} tw_ink;

/* On white paper. */
typedef struct tw_rgb {
  uint8_t r;
  uint8_t g;
  uint8_t b;
} tw_rgb;

typedef enum tw_anchor { TW_ANCHOR_START, TW_ANCHOR_MIDDLE, TW_ANCHOR_END } tw_anchor;

/* A line of text; (x, y) is the anchor on its base line, in pixels from the top left. */
typedef struct tw_label {
  const char *text; /* UTF-8 without control characters */
  double x;
  double y;
  double size; /* pixels */
  tw_anchor anchor;
  bool turned; /* reads upwards */
  bool bold;
} tw_label;

/* A picture: 8-bit RGB, rows dense. */
typedef struct tw_pixels {
  size_t width;
  size_t height;
  const uint8_t *rgb;
} tw_pixels;

/* Implementations put their own fields behind it. Functions that may be NULL do nothing then. */
typedef struct tw_canvas tw_canvas;
struct tw_canvas {
  bool failed; /* something could not be drawn for want of memory */
  void (*rectangle)(tw_canvas *canvas, double x, double y, double width, double height);
  void (*line)(tw_canvas *canvas, double x1, double y1, double x2, double y2);
  void (*to)(tw_canvas *canvas, double x, double y); /* goes on from the end of a line */
  void (*disc)(tw_canvas *canvas, double x, double y, double radius);
  void (*fill)(tw_canvas *canvas, tw_ink ink, tw_rgb colour);
  void (*stroke)(tw_canvas *canvas, tw_ink ink, tw_rgb colour, double width);
  /* The next stroke is broken into dashes of this length. */
  void (*dash)(tw_canvas *canvas, double length);
  void (*text)(tw_canvas *canvas, const tw_label *label, tw_ink ink, tw_rgb colour);
  /* Draws the pixels, which need not stay, into this place. NULL where only shapes are drawn. */
  void (*image)(tw_canvas *canvas, double x, double y, double width, double height, const tw_pixels *pixels);
  /* Everything up to the next call has this name; NULL ends it. May be NULL. */
  void (*group)(tw_canvas *canvas, const char *name);
  /* The place of a cell that leads to its pictures. May be NULL. */
  void (*cell)(tw_canvas *canvas, double x, double y, double size, size_t row, size_t column);
};

/* ---- The module topwork-cairo.so --------------------------------------------------------------------------------- */

enum { TW_CAIRO_VERSION = 2 };
#define TW_CAIRO_FILE "topwork-cairo.so"
#define TW_CAIRO_SYMBOL "tw_cairo_module_entry"

typedef struct tw_cairo_request {
  bool png;     /* otherwise SVG */
  double width; /* pixels of the drawing */
  double height;
  double scale; /* of a PNG: its pixels to the drawing's */
  /* Takes the file's bytes in order; false: no room, give up. */
  bool (*write)(void *context, const unsigned char *data, size_t size);
  void *context;
} tw_cairo_request;

typedef struct tw_cairo_module {
  int version; /* TW_CAIRO_VERSION */
  /* NULL: out of memory or a picture too large. Draws on white. `request` is kept until the end. */
  tw_canvas *(*begin)(const tw_cairo_request *request);
  /* Writes and frees it; false when something on the way failed. */
  bool (*end)(tw_canvas *canvas);
} tw_cairo_module;

#endif
