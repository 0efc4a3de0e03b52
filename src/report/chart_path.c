/* The path of strengths: log loss above, accuracy below, over C on a logarithmic axis; the chosen C is marked. */
#include "report/chart.h"

#include <math.h>
#include <stdlib.h>

#include "report/html.h"

enum { WIDTH = 640, LEFT = 64, RIGHT = 20, TOP = 34, PANEL = 150, BETWEEN = 22, FONT = TW_PANEL_FONT };

static double value_of(const tw_path_point *point, bool accuracy) {
  return accuracy ? 100 * point->accuracy : point->log_loss;
}

static void set_range(tw_panel *panel, const tw_path *path, bool accuracy) {
  double least = INFINITY;
  double most = -INFINITY;
  for (size_t i = 0; i < path->count; i++) {
    double value = value_of(&path->points[i], accuracy);
    if (isfinite(value)) {
      least = fmin(least, value);
      most = fmax(most, value);
    }
  }
  tw_panel_fit(panel, least, most, accuracy ? 1 : 0.001, accuracy ? 100 : INFINITY);
}

/* A log loss that is no number has no place; false then. */
static bool place_of(const tw_panel *panel, const tw_path_point *point, bool accuracy, double *ret_x, double *ret_y) {
  double value = value_of(point, accuracy);
  if (!isfinite(value)) {
    return false;
  }
  *ret_x = tw_panel_x(panel, log10(point->strength));
  *ret_y = tw_panel_y(panel, value);
  return true;
}

static void draw_series(tw_canvas *canvas, const tw_panel *panel, const tw_path *path, bool accuracy) {
  double x[2];
  double y[2];
  for (size_t i = 1; i < path->count; i++) {
    if (place_of(panel, &path->points[i - 1], accuracy, &x[0], &y[0]) &&
        place_of(panel, &path->points[i], accuracy, &x[1], &y[1])) {
      canvas->line(canvas, x[0], y[0], x[1], y[1]);
    }
  }
  tw_draw_stroke(canvas, TW_INK_MAIN, 1.5);
  for (size_t i = 0; i < path->count; i++) {
    if (place_of(panel, &path->points[i], accuracy, &x[0], &y[0])) {
      canvas->disc(canvas, x[0], y[0], 3);
    }
  }
  tw_draw_fill(canvas, TW_INK_MAIN);
}

static void draw_chosen(tw_canvas *canvas, const tw_panel *panel, const tw_path *path, bool accuracy) {
  double x;
  double y;
  if (place_of(panel, &path->points[path->chosen], accuracy, &x, &y)) {
    canvas->line(canvas, x, panel->top, x, panel->top + PANEL);
    tw_draw_stroke(canvas, TW_INK_SECOND, 1);
    canvas->disc(canvas, x, y, 4.5);
    tw_draw_fill(canvas, TW_INK_SECOND);
  }
}

/* The powers of ten, thinned out to what there is room for. */
static void draw_strength_axis(tw_canvas *canvas, const tw_panel *panel) {
  enum { PLAIN_POWER = 4 };
  double y = panel->top + PANEL;
  int from = (int)ceil(panel->first - 1e-9);
  int to = (int)floor(panel->last + 1e-9);
  int step = (to - from) / 12 + 1;
  for (int power = from; power <= to; power += step) {
    double x = tw_panel_x(panel, power);
    tw_buffer text = {0};
    canvas->line(canvas, x, y, x, y + 5);
    if (abs(power) <= PLAIN_POWER) {
      tw_html_fixed(&text, pow(10, power), power < 0 ? -power : 0);
    } else {
      tw_buffer_format(&text, "1e%d", power);
    }
    tw_label label = {.x = x, .y = y + 8 + FONT, .size = FONT, .anchor = TW_ANCHOR_MIDDLE};
    tw_draw_buffer(canvas, &text, label, TW_INK_TEXT);
  }
  tw_draw_stroke(canvas, TW_INK_MUTED, 1);
  tw_label name = {.x = (LEFT + WIDTH - RIGHT) / 2.0, .y = y + 26 + FONT, .size = FONT + 1, .anchor = TW_ANCHOR_MIDDLE};
  tw_draw_text(canvas, "strength C (to the left: regularised more)", 60, name, TW_INK_TEXT);
}

static void draw_title(tw_canvas *canvas, const tw_path *path) {
  tw_buffer title = {0};
  tw_buffer_text(&title, "Chosen C = ");
  tw_html_short(&title, path->points[path->chosen].strength);
  tw_buffer_text(&title, path->by_folds ? ", by log loss on 5 folds of training + validation"
                                        : ", by log loss on the validation part");
  tw_draw_buffer(canvas, &title, (tw_label){.x = LEFT, .y = 20, .size = 13, .bold = true}, TW_INK_TEXT);
}

tw_extent tw_path_extent(void) {
  return (tw_extent){WIDTH, TOP + 2 * PANEL + BETWEEN + 48};
}

void tw_path_draw(const tw_outcome *outcome, tw_canvas *canvas) {
  const tw_path *path = outcome->path;
  draw_title(canvas, path);
  tw_panel panel = {.left = LEFT,
                    .right = WIDTH - RIGHT,
                    .inset = 12,
                    .top = TOP,
                    .height = PANEL,
                    .first = log10(path->points[0].strength),
                    .last = log10(path->points[path->count - 1].strength)};
  for (int accuracy = 0; accuracy < 2; accuracy++) {
    set_range(&panel, path, accuracy == 1);
    tw_panel_draw_values(&panel, canvas, accuracy == 1 ? "accuracy, %" : "log loss");
    draw_series(canvas, &panel, path, accuracy == 1);
    draw_chosen(canvas, &panel, path, accuracy == 1);
    if (accuracy == 0) {
      panel.top += PANEL + BETWEEN;
    }
  }
  draw_strength_axis(canvas, &panel);
}
