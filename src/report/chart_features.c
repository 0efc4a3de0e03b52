/* A picture's features as a picture: rows of cells, coloured from the least value to the largest, with the key. */
#include <math.h>

#include "report/chart.h"
#include "report/html.h"

enum { KEY_GAP = 12, KEY_BAR = 12, KEY_STEP = 15, FONT = 11, MAX_CELL = 12 };

/* How far rows x columns is from 1:2: the larger of columns : 2 rows and its inverse, as a fraction. */
typedef struct ratio {
  size_t over;
  size_t under;
} ratio;

static ratio ratio_of(size_t rows, size_t columns) {
  size_t twice = 2 * rows;
  return twice > columns ? (ratio){twice, columns} : (ratio){columns, twice};
}

static bool is_nearer(ratio a, ratio b) {
  return a.over * b.under < b.over * a.under;
}

void tw_report_features_shape(size_t count, size_t *ret_rows, size_t *ret_columns) {
  enum { FAR = 4 };
  size_t best = 1;
  for (size_t rows = 2; rows <= count / rows; rows++) {
    bool whole = count % rows == 0;
    if (whole && !is_nearer(ratio_of(best, count / best), ratio_of(rows, count / rows))) {
      best = rows;
    }
  }
  size_t columns = count / best;
  if (is_nearer((ratio){FAR, 1}, ratio_of(best, columns))) {
    columns = (size_t)ceil(sqrt(2 * (double)count));
    best = (count + columns - 1) / columns;
  }
  *ret_rows = best;
  *ret_columns = columns;
}

tw_features_cells tw_features_cells_of(const float *features, size_t count, double width) {
  tw_features_cells cells = {.features = features, .count = count};
  tw_report_features_shape(count, &cells.rows, &cells.columns);
  double cell = floor(width / (double)cells.columns);
  cells.cell = cell > MAX_CELL ? MAX_CELL : cell >= 1 ? cell : width / (double)cells.columns;
  bool any = false;
  for (size_t i = 0; i < count; i++) {
    if (isfinite(features[i])) {
      cells.least = any && cells.least <= features[i] ? cells.least : features[i];
      cells.most = any && cells.most >= features[i] ? cells.most : features[i];
      any = true;
    }
  }
  return cells;
}

/* -1: it is no number, and has no colour. */
static int level_of(const tw_features_cells *cells, size_t i) {
  double range = (double)cells->most - (double)cells->least;
  if (!isfinite(cells->features[i])) {
    return -1;
  }
  double share = range > 0 ? ((double)cells->features[i] - (double)cells->least) / range : 0;
  int level = (int)(share * TW_HEAT_LEVELS);
  return level >= TW_HEAT_LEVELS ? TW_HEAT_LEVELS - 1 : level;
}

/* Runs of a level in a row are one rectangle. */
static void draw_level(const tw_features_cells *cells, tw_canvas *canvas, double left, double top, int level) {
  bool any = false;
  for (size_t i = 0, run; i < cells->count; i += run) {
    size_t column = i % cells->columns;
    run = 1;
    if (level_of(cells, i) != level) {
      continue;
    }
    while (column + run < cells->columns && i + run < cells->count && level_of(cells, i + run) == level) {
      run++;
    }
    canvas->rectangle(canvas, left + (double)column * cells->cell, top + (double)(i / cells->columns) * cells->cell,
                      (double)run * cells->cell, cells->cell);
    any = true;
  }
  if (any) {
    tw_draw_fill(canvas, (tw_ink)(TW_INK_HEAT + level));
  }
}

static void draw_mark(tw_canvas *canvas, double x, double y, tw_anchor anchor, double value) {
  tw_buffer text = {0};
  tw_html_short(&text, value);
  tw_draw_buffer(canvas, &text, (tw_label){.x = x, .y = y, .size = FONT, .anchor = anchor}, TW_INK_TEXT);
}

static void draw_key(const tw_features_cells *cells, tw_canvas *canvas, double left, double top) {
  enum { WIDTH = KEY_STEP * TW_HEAT_LEVELS };
  for (int level = 0; level < TW_HEAT_LEVELS; level++) {
    canvas->rectangle(canvas, left + level * KEY_STEP, top, KEY_STEP, KEY_BAR);
    tw_draw_fill(canvas, (tw_ink)(TW_INK_HEAT + level));
  }
  double y = top + KEY_BAR + FONT + 3;
  draw_mark(canvas, left, y, TW_ANCHOR_START, (double)cells->least);
  draw_mark(canvas, left + WIDTH / 2.0, y, TW_ANCHOR_MIDDLE, ((double)cells->least + (double)cells->most) / 2);
  draw_mark(canvas, left + WIDTH, y, TW_ANCHOR_END, (double)cells->most);
}

tw_extent tw_features_cells_extent(const tw_features_cells *cells) {
  enum { KEY_WIDTH = KEY_STEP * TW_HEAT_LEVELS };
  return (tw_extent){fmax((double)cells->columns * cells->cell, KEY_WIDTH),
                     (double)cells->rows * cells->cell + KEY_GAP + KEY_BAR + FONT + 6};
}

void tw_features_cells_draw(const tw_features_cells *cells, tw_canvas *canvas, double left, double top) {
  double width = (double)cells->columns * cells->cell;
  double height = (double)cells->rows * cells->cell;
  for (int level = 0; level < TW_HEAT_LEVELS; level++) {
    draw_level(cells, canvas, left, top, level);
  }
  canvas->rectangle(canvas, left, top, width, height);
  tw_draw_stroke(canvas, TW_INK_MUTED, 1);
  draw_key(cells, canvas, left, top + height + KEY_GAP);
}
