/* A row a class: its recall with Wilson's interval, and its precision; the lowest recall first. */
#include "report/chart.h"

#include <math.h>
#include <stdlib.h>

#include "report/html.h"

enum { BORDER = 14, PITCH = 16, FONT = 11, PLOT = 420, TOP = 62, GAP = 8, SUPPORT = 60 };

typedef struct ranked {
  size_t class;
  double recall;
} ranked;

static int by_recall(const void *a, const void *b) {
  const ranked *x = a;
  const ranked *y = b;
  if (x->recall < y->recall || x->recall > y->recall) {
    return x->recall < y->recall ? -1 : 1;
  }
  return (x->class > y->class) - (x->class < y->class);
}

static tw_status rank(tw_class_rows *rows, tw_error *error) {
  const tw_outcome *outcome = rows->outcome;
  ranked *order = tw_alloc(outcome->class_count, sizeof *order);
  rows->classes = tw_alloc(outcome->class_count, sizeof *rows->classes);
  if (order == NULL || rows->classes == NULL) {
    tw_free(order);
    return tw_error_memory(error);
  }
  for (size_t i = 0; i < outcome->class_count; i++) {
    if (outcome->test->each[i].support > 0) {
      order[rows->tested++] = (ranked){i, outcome->test->each[i].recall};
    }
  }
  qsort(order, rows->tested, sizeof *order, by_recall);
  for (size_t i = 0; i < rows->tested; i++) {
    rows->classes[i] = order[i].class;
  }
  rows->count = rows->tested < TW_CLASSES_MAX_ROWS ? rows->tested : TW_CLASSES_MAX_ROWS;
  tw_free(order);
  return TW_OK;
}

tw_status tw_class_rows_init(tw_class_rows *rows, const tw_outcome *outcome, tw_error *error) {
  double names;
  *rows = (tw_class_rows){.outcome = outcome};
  TW_TRY(tw_chart_names_width(outcome, 1, FONT, &names, error));
  rows->left = BORDER + names + GAP;
  return rank(rows, error);
}

void tw_class_rows_done(tw_class_rows *rows) {
  tw_free(rows->classes);
  *rows = (tw_class_rows){0};
}

tw_extent tw_class_rows_extent(const tw_class_rows *rows) {
  return (tw_extent){rows->left + PLOT + SUPPORT + BORDER, TOP + (double)rows->count * PITCH + 24 + BORDER};
}

static void draw_axis(tw_canvas *canvas, double left, double bottom) {
  for (int percent = 0; percent <= 100; percent += 20) {
    char text[16];
    double x = left + PLOT * percent / 100.0;
    canvas->line(canvas, x, TOP, x, bottom);
    snprintf(text, sizeof text, "%d%%", percent);
    tw_draw_text(canvas, text, sizeof text,
                 (tw_label){.x = x, .y = bottom + 4 + FONT, .size = FONT, .anchor = TW_ANCHOR_MIDDLE}, TW_INK_TEXT);
  }
  tw_draw_stroke(canvas, TW_INK_GRID, 1);
}

static void draw_head(const tw_class_rows *rows, tw_canvas *canvas) {
  double left = rows->left;
  tw_buffer title = {0};
  tw_chart_of_what(rows->outcome, &title);
  if (rows->count < rows->tested) {
    tw_buffer_format(&title, "; the %zu classes with the lowest recall of %zu", rows->count, rows->tested);
  }
  tw_draw_buffer(canvas, &title, (tw_label){.x = BORDER, .y = 26, .size = 13, .bold = true}, TW_INK_TEXT);
  canvas->disc(canvas, left + 4, 46, 4);
  tw_draw_fill(canvas, TW_INK_MAIN);
  tw_draw_text(canvas, "recall, 95 % interval", 40, (tw_label){.x = left + 14, .y = 50, .size = FONT}, TW_INK_TEXT);
  canvas->rectangle(canvas, left + 184, 42.5, 7, 7);
  tw_draw_stroke(canvas, TW_INK_SECOND, 1.5);
  tw_draw_text(canvas, "precision", 40, (tw_label){.x = left + 198, .y = 50, .size = FONT}, TW_INK_TEXT);
  tw_draw_text(canvas, "tested", 40,
               (tw_label){.x = left + PLOT + SUPPORT, .y = 50, .size = FONT, .anchor = TW_ANCHOR_END}, TW_INK_MUTED);
}

static void draw_class(const tw_outcome *outcome, tw_canvas *canvas, size_t class, double left, double y) {
  const tw_class_metrics *each = &outcome->test->each[class];
  double interval[2];
  char text[24];
  tw_wilson(each->correct, each->support, interval);
  canvas->line(canvas, left + PLOT * interval[0], y, left + PLOT * interval[1], y);
  tw_draw_stroke(canvas, TW_INK_MAIN, 1.2);
  if (isfinite(each->precision)) {
    canvas->rectangle(canvas, left + PLOT * each->precision - 3.5, y - 3.5, 7, 7);
    tw_draw_stroke(canvas, TW_INK_SECOND, 1.5);
  }
  canvas->disc(canvas, left + PLOT * each->recall, y, 4);
  tw_draw_fill(canvas, TW_INK_MAIN);
  tw_label name = {.x = left - GAP, .y = y + 0.36 * FONT, .size = FONT, .anchor = TW_ANCHOR_END};
  tw_draw_text(canvas, outcome->classes[class], TW_CHART_LABEL, name, TW_INK_TEXT);
  snprintf(text, sizeof text, "%zu", each->support);
  tw_label count = {.x = left + PLOT + SUPPORT, .y = y + 0.36 * FONT, .size = FONT, .anchor = TW_ANCHOR_END};
  tw_draw_text(canvas, text, sizeof text, count, TW_INK_MUTED);
}

void tw_class_rows_draw(const tw_class_rows *rows, tw_canvas *canvas) {
  draw_head(rows, canvas);
  draw_axis(canvas, rows->left, TOP + (double)rows->count * PITCH);
  for (size_t i = 0; i < rows->count; i++) {
    draw_class(rows->outcome, canvas, rows->classes[i], rows->left, TOP + ((double)i + 0.5) * PITCH);
  }
}
