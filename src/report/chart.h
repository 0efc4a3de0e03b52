/* Private to the floor `report`: the drawing code of all charts. Each is laid out first and then drawn on any canvas
 * (canvas.h). Sizes are pixels; no label lies on another: where there is no room, labels are thinned out. */
#ifndef TW_REPORT_CHART_H
#define TW_REPORT_CHART_H

#include "report/canvas.h"
#include "report/report.h"

typedef struct tw_extent {
  double width;
  double height;
} tw_extent;

/* ---- Canvases ---------------------------------------------------------------------------------------------------- */

/* Opens an <svg> at the end of `out`, with these attributes; NULL when out of memory, which `out` remembers. */
tw_canvas *tw_svg_begin(tw_buffer *out, double width, double height, const char *attributes);
void tw_svg_end(tw_canvas *canvas); /* NULL is fine; what failed on the way, `out` remembers */

typedef void (*tw_draw_fn)(const void *what, tw_canvas *canvas);

/* Appends a PNG or an SVG of the drawing (chart_file.c). TW_E_UNSUPPORTED when the module with cairo is not installed.
 */
tw_status tw_chart_save(tw_draw_fn function, const void *what, tw_extent extent, bool png, tw_buffer *buffer,
                        tw_error *error);

/* ---- What charts are drawn with (chart.c) ------------------------------------------------------------------------ */

tw_rgb tw_ink_colour(tw_ink ink); /* on white paper */
void tw_draw_fill(tw_canvas *canvas, tw_ink ink);
void tw_draw_stroke(tw_canvas *canvas, tw_ink ink, double width);
/* `text` may hold any bytes; it is cut to `limit` characters in its middle. */
void tw_draw_text(tw_canvas *canvas, const char *text, size_t limit, tw_label label, tw_ink ink);
/* The same, cut to as many characters as have room in `width` pixels. */
void tw_draw_fitted(tw_canvas *canvas, const char *text, double width, tw_label label, tw_ink ink);
/* The same for a text put together in `text`, which is emptied and freed. */
void tw_draw_buffer(tw_canvas *canvas, tw_buffer *text, tw_label label, tw_ink ink);
void tw_draw_group(tw_canvas *canvas, const char *name);
/* The widest of every step-th class's name, pixels. */
tw_status tw_chart_names_width(const tw_outcome *outcome, size_t step, double size, double *ret_width, tw_error *error);
/* What is counted: "picture", "pictures", "row", "rows"; static. */
const char *tw_report_unit(const tw_outcome *outcome, bool many);
/* "Test part, 96 pictures": what the figures of an outcome are of. Appends. */
void tw_chart_of_what(const tw_outcome *outcome, tw_buffer *buffer);

enum { TW_CHART_LABEL = 28 /* characters of a class's name in a chart */ };

/* ---- Axes (chart_panel.c) ---------------------------------------------------------------------------------------- */

/* A plot's mapping from values to pixels. x is linear in whatever unit the chart chooses. */
typedef struct tw_panel {
  double left; /* pixels */
  double right;
  double inset; /* of the first and the last point from these */
  double top;
  double height;
  double first; /* x of the first and the last point */
  double last;
  double low; /* value at the bottom, at the top; a tick each `step` */
  double high;
  double step;
} tw_panel;

double tw_panel_x(const tw_panel *panel, double x);
double tw_panel_y(const tw_panel *panel, double value);
/* Sets low, high and step so that ticks are round and all values from `least` to `most` have room; `range`: the least
 * there is between low and high. Nothing is below 0; `ceiling` is the largest value there can be. */
void tw_panel_fit(tw_panel *panel, double least, double most, double range, double ceiling);
/* The ticks with their lines, and the axis's name to the left. */
void tw_panel_draw_values(const tw_panel *panel, tw_canvas *canvas, const char *name);
enum { TW_PANEL_FONT = 11 };
/* The step of 1, 2 or 5 times a power of ten that gives about `ticks` ticks. */
double tw_tick_step(double range, double ticks);

/* ---- The confusion heat map (chart_heat.c) ----------------------------------------------------------------------- */

enum {
  TW_HEAT_MAX_CELLS = 50000, /* filled cells that are drawn: the largest */
  TW_HEAT_MAX_TEXTS = 40,    /* classes: with more, cells hold no numbers */
};

typedef struct tw_heat_cell {
  uint32_t row;    /* true class */
  uint32_t column; /* predicted */
  size_t count;
} tw_heat_cell;

typedef struct tw_heat {
  const tw_outcome *outcome;
  size_t classes; /* K */
  double cell;    /* pixels of a cell's side */
  double font;    /* of the labels */
  size_t step;    /* every step-th class has a label */
  double margin;  /* pixels for labels: to the left, and above */
  double above;
  bool turned; /* labels above read upwards */
  size_t cell_count;
  tw_heat_cell *cells; /* filled ones, by row, then column */
  size_t left_out;     /* filled ones beyond TW_HEAT_MAX_CELLS */
  size_t largest;      /* count */
} tw_heat;

typedef enum tw_heat_mode {
  TW_HEAT_COUNTS, /* colour: count against the largest */
  TW_HEAT_SHARES, /* colour: share of the row, the true class */
} tw_heat_mode;

/* outcome->test must be there. */
tw_status tw_heat_init(tw_heat *heat, const tw_outcome *outcome, tw_error *error);
void tw_heat_done(tw_heat *heat);
double tw_heat_side(const tw_heat *heat); /* of the square of cells */
void tw_heat_draw_left(const tw_heat *heat, tw_canvas *canvas, double right, double top);
void tw_heat_draw_above(const tw_heat *heat, tw_canvas *canvas, double left, double bottom);
void tw_heat_draw_frame(const tw_heat *heat, tw_canvas *canvas, double left, double top);
/* texts: the mode of the numbers in the cells. */
void tw_heat_draw_cells(const tw_heat *heat, tw_canvas *canvas, double left, double top, tw_heat_mode mode,
                        tw_heat_mode texts);
void tw_heat_draw_links(const tw_heat *heat, tw_canvas *canvas);
/* The key to the colours: TW_HEAT_KEY_WIDTH x TW_HEAT_KEY_HEIGHT. */
enum { TW_HEAT_KEY_WIDTH = 340, TW_HEAT_KEY_HEIGHT = 30 };
void tw_heat_draw_key(const tw_heat *heat, tw_canvas *canvas, double left, double top, tw_heat_mode mode);

/* ---- Whole charts ------------------------------------------------------------------------------------------------ */

tw_extent tw_heat_extent(const tw_heat *heat);
void tw_heat_draw(const tw_heat *heat, tw_canvas *canvas);

tw_extent tw_path_extent(void);
void tw_path_draw(const tw_outcome *outcome, tw_canvas *canvas);

/* history->count > 0 (chart_curves.c). */
tw_extent tw_curves_extent(void);
void tw_curves_draw(const tw_history *history, tw_canvas *canvas);

/* Features as rows of cells, coloured by level from the least to the largest (chart_features.c). */
typedef struct tw_features_cells {
  const float *features;
  size_t count;
  size_t rows;
  size_t columns;
  double cell; /* pixels of a cell's side */
  float least; /* of the finite ones */
  float most;
} tw_features_cells;

/* `width`: pixels there are for a row. */
tw_features_cells tw_features_cells_of(const float *features, size_t count, double width);
/* The cells with a frame, and below them the key: TW_FEATURES_KEY_HEIGHT more. */
void tw_features_cells_draw(const tw_features_cells *cells, tw_canvas *canvas, double left, double top);
tw_extent tw_features_cells_extent(const tw_features_cells *cells);

enum { TW_CLASSES_MAX_ROWS = 400 /* classes in classes.svg: those with the lowest recall */ };

/* The rows of classes.svg. */
typedef struct tw_class_rows {
  const tw_outcome *outcome;
  size_t tested;   /* classes with a tested picture */
  size_t count;    /* rows */
  size_t *classes; /* tested, the lowest recall first */
  double left;     /* pixels of the names' right end */
} tw_class_rows;

tw_status tw_class_rows_init(tw_class_rows *rows, const tw_outcome *outcome, tw_error *error);
void tw_class_rows_done(tw_class_rows *rows);
tw_extent tw_class_rows_extent(const tw_class_rows *rows);
void tw_class_rows_draw(const tw_class_rows *rows, tw_canvas *canvas);

#endif
