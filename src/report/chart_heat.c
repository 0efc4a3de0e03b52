/* The confusion matrix as a heat map: a row a true class, a column a predicted one. Only filled cells are kept and
 * drawn, so that ten thousand classes cost no more than their predictions do. */
#include "report/chart.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "report/html.h"

enum { KEY_FONT = 11, TITLE_FONT = 14, GAP = 6, LINE = 20, NUMBER_FONT = 11, LEAST_MARGIN = 80 };

/* ---- Layout ------------------------------------------------------------------------------------------------------ */

static double cell_size(size_t classes) {
  static const struct {
    size_t classes;
    double size;
  } sizes[] = {{3, 72}, {6, 58}, {12, 42}, {20, 34}, {40, 24}, {60, 15}, {120, 11}, {300, 9}};
  for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
    if (classes <= sizes[i].classes) {
      return sizes[i].size;
    }
  }
  return 2700 / (double)classes;
}

static int larger_count(const void *a, const void *b) {
  const tw_heat_cell *x = a;
  const tw_heat_cell *y = b;
  if (x->count != y->count) {
    return x->count < y->count ? 1 : -1;
  }
  return x->row != y->row ? (x->row > y->row ? 1 : -1) : (x->column > y->column) - (x->column < y->column);
}

static int by_place(const void *a, const void *b) {
  const tw_heat_cell *x = a;
  const tw_heat_cell *y = b;
  return x->row != y->row ? (x->row > y->row ? 1 : -1) : (x->column > y->column) - (x->column < y->column);
}

static tw_status collect_cells(tw_heat *heat, tw_error *error) {
  const size_t *confusion = heat->outcome->test->confusion;
  size_t all = heat->classes * heat->classes;
  size_t filled = 0;
  for (size_t i = 0; i < all; i++) {
    filled += confusion[i] > 0;
  }
  heat->cells = tw_alloc(filled, sizeof *heat->cells);
  if (heat->cells == NULL) {
    return tw_error_memory(error);
  }
  for (size_t i = 0; i < all; i++) {
    if (confusion[i] > 0) {
      heat->cells[heat->cell_count++] =
          (tw_heat_cell){(uint32_t)(i / heat->classes), (uint32_t)(i % heat->classes), confusion[i]};
      heat->largest = confusion[i] > heat->largest ? confusion[i] : heat->largest;
    }
  }
  if (heat->cell_count > TW_HEAT_MAX_CELLS) {
    qsort(heat->cells, heat->cell_count, sizeof *heat->cells, larger_count);
    heat->left_out = heat->cell_count - TW_HEAT_MAX_CELLS;
    heat->cell_count = TW_HEAT_MAX_CELLS;
    qsort(heat->cells, heat->cell_count, sizeof *heat->cells, by_place);
  }
  return TW_OK;
}

tw_status tw_heat_init(tw_heat *heat, const tw_outcome *outcome, tw_error *error) {
  *heat = (tw_heat){.outcome = outcome, .classes = outcome->class_count};
  heat->cell = cell_size(heat->classes);
  heat->font = heat->cell >= 15 ? 12 : heat->cell >= 11 ? 10 : 8.5;
  heat->step = (size_t)ceil(9 / heat->cell);
  double widest;
  TW_TRY(tw_chart_names_width(outcome, heat->step, heat->font, &widest, error));
  heat->margin = fmax(widest + GAP + 2, LEAST_MARGIN);
  heat->turned = widest > heat->cell - 4;
  heat->above = heat->turned ? widest + GAP + 2 : heat->font + 2 * GAP;
  return collect_cells(heat, error);
}

void tw_heat_done(tw_heat *heat) {
  tw_free(heat->cells);
  *heat = (tw_heat){0};
}

double tw_heat_side(const tw_heat *heat) {
  return heat->cell * (double)heat->classes;
}

/* ---- Labels and frame -------------------------------------------------------------------------------------------- */

/* Of a class's label, along its side. The first label of tiny cells must not begin before them. */
static double middle_of(const tw_heat *heat, size_t class) {
  return fmax(((double)class + 0.5) * heat->cell, heat->font / 2);
}

void tw_heat_draw_left(const tw_heat *heat, tw_canvas *canvas, double right, double top) {
  for (size_t i = 0; i < heat->classes; i += heat->step) {
    tw_label label = {.x = right - GAP,
                      .y = top + middle_of(heat, i) + 0.36 * heat->font,
                      .size = heat->font,
                      .anchor = TW_ANCHOR_END};
    tw_draw_text(canvas, heat->outcome->classes[i], TW_CHART_LABEL, label, TW_INK_TEXT);
  }
}

void tw_heat_draw_above(const tw_heat *heat, tw_canvas *canvas, double left, double bottom) {
  for (size_t i = 0; i < heat->classes; i += heat->step) {
    double middle = left + middle_of(heat, i);
    tw_label label = {.x = heat->turned ? middle + 0.36 * heat->font : middle,
                      .y = bottom - GAP,
                      .size = heat->font,
                      .anchor = heat->turned ? TW_ANCHOR_START : TW_ANCHOR_MIDDLE,
                      .turned = heat->turned};
    tw_draw_text(canvas, heat->outcome->classes[i], TW_CHART_LABEL, label, TW_INK_TEXT);
  }
}

void tw_heat_draw_frame(const tw_heat *heat, tw_canvas *canvas, double left, double top) {
  double side = tw_heat_side(heat);
  size_t every = heat->classes <= 60 ? 1 : 10;
  for (size_t i = every; i < heat->classes && heat->classes <= 1000; i += every) {
    double at = (double)i * heat->cell;
    canvas->line(canvas, left + at, top, left + at, top + side);
    canvas->line(canvas, left, top + at, left + side, top + at);
  }
  tw_draw_stroke(canvas, TW_INK_GRID, heat->classes <= 60 ? 1 : 0.5);
  canvas->rectangle(canvas, left, top, side, side);
  tw_draw_stroke(canvas, TW_INK_MUTED, 1);
}

/* ---- Cells ------------------------------------------------------------------------------------------------------- */

static double share_of(const tw_heat *heat, const tw_heat_cell *cell, tw_heat_mode mode) {
  size_t whole = mode == TW_HEAT_COUNTS ? heat->largest : heat->outcome->test->each[cell->row].support;
  return (double)cell->count / (double)whole;
}

/* By the square root: a single mistake among a hundred is not the same as none. */
static int level_of(double share) {
  int level = (int)(sqrt(share) * TW_HEAT_LEVELS);
  return level >= TW_HEAT_LEVELS ? TW_HEAT_LEVELS - 1 : level;
}

static void draw_number(const tw_heat *heat, tw_canvas *canvas, const tw_heat_cell *cell, double left, double top,
                        tw_heat_mode texts, int level) {
  char text[24];
  if (texts == TW_HEAT_COUNTS) {
    snprintf(text, sizeof text, "%zu", cell->count);
  } else {
    snprintf(text, sizeof text, "%ld%%", lround(100 * share_of(heat, cell, TW_HEAT_SHARES)));
  }
  double size = NUMBER_FONT;
  double width = tw_label_width(text, size);
  size *= width > heat->cell - 2 ? (heat->cell - 2) / width : 1;
  tw_label label = {.x = left + ((double)cell->column + 0.5) * heat->cell,
                    .y = top + ((double)cell->row + 0.5) * heat->cell + 0.36 * size,
                    .size = size,
                    .anchor = TW_ANCHOR_MIDDLE};
  tw_draw_text(canvas, text, sizeof text, label, (tw_ink)(TW_INK_ON_HEAT + level));
}

void tw_heat_draw_cells(const tw_heat *heat, tw_canvas *canvas, double left, double top, tw_heat_mode mode,
                        tw_heat_mode texts) {
  double inset = heat->cell >= 9 ? 0.5 : 0;
  double side = heat->cell - 2 * inset;
  side = side < 1.5 ? 1.5 : side;
  for (int level = 0; level < TW_HEAT_LEVELS; level++) {
    bool any = false;
    for (size_t i = 0; i < heat->cell_count; i++) {
      const tw_heat_cell *cell = &heat->cells[i];
      if (level_of(share_of(heat, cell, mode)) == level) {
        canvas->rectangle(canvas, left + (double)cell->column * heat->cell + inset,
                          top + (double)cell->row * heat->cell + inset, side, side);
        any = true;
      }
    }
    if (any) {
      tw_draw_fill(canvas, (tw_ink)(TW_INK_HEAT + level));
    }
  }
  for (size_t i = 0; heat->classes <= TW_HEAT_MAX_TEXTS && i < heat->cell_count; i++) {
    draw_number(heat, canvas, &heat->cells[i], left, top, texts, level_of(share_of(heat, &heat->cells[i], mode)));
  }
}

void tw_heat_draw_links(const tw_heat *heat, tw_canvas *canvas) {
  for (size_t i = 0; canvas->cell != NULL && heat->classes <= TW_HEAT_MAX_TEXTS && i < heat->cell_count; i++) {
    const tw_heat_cell *cell = &heat->cells[i];
    canvas->cell(canvas, (double)cell->column * heat->cell, (double)cell->row * heat->cell, heat->cell, cell->row,
                 cell->column);
  }
}

/* ---- Key and whole ----------------------------------------------------------------------------------------------- */

enum { KEY_MARKS = 5, KEY_STEP = 15, KEY_BAR = 12 };

/* The value at a mark, so that its text is exact: whole percents, whole counts. Returns its share of the whole. */
static double key_mark(const tw_heat *heat, tw_heat_mode mode, int mark, char text[24]) {
  static const int percents[KEY_MARKS] = {1, 10, 25, 50, 100};
  if (mode == TW_HEAT_SHARES) {
    snprintf(text, 24, "%d%%", percents[mark]);
    return percents[mark] / 100.0;
  }
  double largest = (double)heat->largest;
  double count = fmax(1, round(largest * percents[mark] / 100));
  snprintf(text, 24, "%.0f", count);
  return count / largest;
}

void tw_heat_draw_key(const tw_heat *heat, tw_canvas *canvas, double left, double top, tw_heat_mode mode) {
  for (int level = 0; level < TW_HEAT_LEVELS; level++) {
    canvas->rectangle(canvas, left + level * KEY_STEP, top, KEY_STEP, KEY_BAR);
    tw_draw_fill(canvas, (tw_ink)(TW_INK_HEAT + level));
  }
  double last = -1;
  for (int mark = 0; mark < KEY_MARKS; mark++) {
    char text[24];
    double place = sqrt(key_mark(heat, mode, mark, text));
    if (place - last > 0.12) {
      tw_label label = {.x = left + place * KEY_STEP * TW_HEAT_LEVELS,
                        .y = top + KEY_BAR + KEY_FONT + 3,
                        .size = KEY_FONT,
                        .anchor = TW_ANCHOR_MIDDLE};
      tw_draw_text(canvas, text, sizeof text, label, TW_INK_MUTED);
      last = place;
    }
  }
  tw_label name = {.x = left + KEY_STEP * TW_HEAT_LEVELS + 24, .y = top + KEY_FONT - 1, .size = KEY_FONT};
  tw_draw_text(canvas, mode == TW_HEAT_SHARES ? "of the row" : tw_report_unit(heat->outcome, true), 24, name,
               TW_INK_MUTED);
}

enum { BORDER = 14 };

static double top_of_cells(const tw_heat *heat) {
  return BORDER + LINE + heat->above + LINE;
}

tw_extent tw_heat_extent(const tw_heat *heat) {
  double width = BORDER + LINE + heat->margin + tw_heat_side(heat) + BORDER;
  double least = BORDER + LINE + heat->margin + TW_HEAT_KEY_WIDTH + BORDER;
  return (tw_extent){width > least ? width : least,
                     top_of_cells(heat) + tw_heat_side(heat) + 2 * GAP + TW_HEAT_KEY_HEIGHT + BORDER};
}

void tw_heat_draw(const tw_heat *heat, tw_canvas *canvas) {
  double left = BORDER + LINE + heat->margin;
  double top = top_of_cells(heat);
  double side = tw_heat_side(heat);
  tw_buffer title = {0};
  tw_chart_of_what(heat->outcome, &title);
  tw_draw_buffer(canvas, &title, (tw_label){.x = BORDER, .y = BORDER + TITLE_FONT, .size = TITLE_FONT, .bold = true},
                 TW_INK_TEXT);
  tw_draw_text(
      canvas, "predicted class", 40,
      (tw_label){.x = left + side / 2, .y = BORDER + LINE + TITLE_FONT, .size = 12, .anchor = TW_ANCHOR_MIDDLE},
      TW_INK_MUTED);
  tw_draw_text(
      canvas, "true class", 40,
      (tw_label){.x = BORDER + 12, .y = top + side / 2, .size = 12, .anchor = TW_ANCHOR_MIDDLE, .turned = true},
      TW_INK_MUTED);
  tw_heat_draw_left(heat, canvas, left, top);
  tw_heat_draw_above(heat, canvas, left, top);
  tw_heat_draw_frame(heat, canvas, left, top);
  tw_heat_draw_cells(heat, canvas, left, top, TW_HEAT_SHARES, TW_HEAT_COUNTS);
  tw_heat_draw_key(heat, canvas, left, top + side + 2 * GAP, TW_HEAT_SHARES);
}
