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

static size_t tested_classes(const tw_outcome *outcome) {
  size_t tested = 0;
  for (size_t i = 0; i < outcome->class_count; i++) {
    tested += outcome->test->each[i].support > 0;
  }
  return tested;
}

static size_t rows_drawn(const tw_outcome *outcome) {
  size_t tested = tested_classes(outcome);
  return tested < TW_CLASSES_MAX_ROWS ? tested : TW_CLASSES_MAX_ROWS;
}

static double names_width(const tw_outcome *outcome) {
  tw_buffer label = {0};
  double widest = 0;
  for (size_t i = 0; i < outcome->class_count; i++) {
    tw_label_set(&label, outcome->classes[i], TW_CHART_LABEL);
    widest = label.failed ? widest : fmax(widest, tw_label_width((const char *)label.data, FONT));
  }
  tw_buffer_done(&label);
  return widest;
}

tw_extent tw_classes_extent(const tw_outcome *outcome) {
  return (tw_extent){BORDER + names_width(outcome) + GAP + PLOT + SUPPORT + BORDER,
                     TOP + (double)rows_drawn(outcome) * PITCH + 24 + BORDER};
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

static void draw_head(const tw_outcome *outcome, tw_canvas *canvas, double left) {
  tw_buffer title = {0};
  tw_chart_of_what(outcome, &title);
  if (tested_classes(outcome) > TW_CLASSES_MAX_ROWS) {
    tw_buffer_format(&title, "; the %d classes with the lowest recall of %zu", TW_CLASSES_MAX_ROWS,
                     tested_classes(outcome));
  }
  tw_buffer_append(&title, "", 1);
  if (!title.failed) {
    tw_draw_text(canvas, (const char *)title.data, 200, (tw_label){.x = BORDER, .y = 26, .size = 13, .bold = true},
                 TW_INK_TEXT);
  }
  tw_buffer_done(&title);
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

tw_status tw_classes_draw(const tw_outcome *outcome, tw_canvas *canvas, tw_error *error) {
  size_t tested = 0;
  ranked *order = tw_alloc(outcome->class_count, sizeof *order);
  if (order == NULL) {
    return tw_error_memory(error);
  }
  for (size_t i = 0; i < outcome->class_count; i++) {
    if (outcome->test->each[i].support > 0) {
      order[tested++] = (ranked){i, outcome->test->each[i].recall};
    }
  }
  qsort(order, tested, sizeof *order, by_recall);
  size_t rows = rows_drawn(outcome);
  double left = BORDER + names_width(outcome) + GAP;
  draw_head(outcome, canvas, left);
  draw_axis(canvas, left, TOP + (double)rows * PITCH);
  for (size_t i = 0; i < rows; i++) {
    draw_class(outcome, canvas, order[i].class, left, TOP + ((double)i + 0.5) * PITCH);
  }
  tw_free(order);
  return TW_OK;
}
