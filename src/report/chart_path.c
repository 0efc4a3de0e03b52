/* The path of strengths: log loss above, accuracy below, over C on a logarithmic axis; the chosen C is marked. */
#include "report/chart.h"

#include <math.h>
#include <stdlib.h>

#include "report/html.h"

enum { WIDTH = 640, LEFT = 64, RIGHT = 20, TOP = 34, PANEL = 150, BETWEEN = 22, FONT = 11, TICKS = 4 };

/* A panel's mapping from values to pixels. */
typedef struct panel {
  double top; /* pixel of `high` */
  double low;
  double high;
  double first; /* log10 C of the first and the last point */
  double last;
} panel;

static double x_of(const panel *panel, double strength) {
  double range = panel->last - panel->first;
  double share = range > 0 ? (log10(strength) - panel->first) / range : 0.5;
  return LEFT + 12 + share * (WIDTH - LEFT - RIGHT - 24);
}

static double y_of(const panel *panel, double value) {
  double range = panel->high - panel->low;
  return panel->top + (range > 0 ? (panel->high - value) / range : 0.5) * PANEL;
}

static double value_of(const tw_path_point *point, bool accuracy) {
  return accuracy ? 100 * point->accuracy : point->log_loss;
}

/* The step of 1, 2 or 5 times a power of ten that gives about TICKS ticks. */
static double tick_step(double range) {
  double rough = range / TICKS;
  double power = pow(10, floor(log10(rough)));
  double lead = rough / power;
  return power * (lead < 1.5 ? 1 : lead < 3.5 ? 2 : lead < 7.5 ? 5 : 10);
}

static void set_range(panel *panel, const tw_path *path, bool accuracy, double *ret_step) {
  panel->low = INFINITY;
  panel->high = -INFINITY;
  for (size_t i = 0; i < path->count; i++) {
    double value = value_of(&path->points[i], accuracy);
    if (isfinite(value)) {
      panel->low = fmin(panel->low, value);
      panel->high = fmax(panel->high, value);
    }
  }
  if (!(panel->low <= panel->high)) {
    panel->low = 0;
    panel->high = 1;
  }
  double range = fmax(panel->high - panel->low, accuracy ? 1 : 0.001);
  *ret_step = tick_step(range);
  double low = floor(panel->low / *ret_step - 0.1) * *ret_step;
  double high = ceil(panel->high / *ret_step + 0.1) * *ret_step;
  panel->low = fmax(low, 0);
  panel->high = accuracy ? fmin(high, 100) : high;
}

static void draw_value_axis(tw_canvas *canvas, const panel *panel, double step, const char *name) {
  int decimals = step >= 1 ? 0 : (int)ceil(-log10(step) - 1e-9);
  for (double value = panel->low; value <= panel->high + step / 2; value += step) {
    double y = y_of(panel, value);
    canvas->line(canvas, LEFT, y, WIDTH - RIGHT, y);
    tw_buffer text = {0};
    tw_html_fixed(&text, value, decimals);
    tw_label label = {.x = LEFT - 6, .y = y + 0.36 * FONT, .size = FONT, .anchor = TW_ANCHOR_END};
    tw_draw_buffer(canvas, &text, label, TW_INK_TEXT);
  }
  tw_draw_stroke(canvas, TW_INK_GRID, 1);
  tw_label label = {
      .x = 15, .y = panel->top + PANEL / 2.0, .size = FONT + 1, .anchor = TW_ANCHOR_MIDDLE, .turned = true};
  tw_draw_text(canvas, name, 40, label, TW_INK_TEXT);
}

/* A log loss that is no number has no place; false then. */
static bool place_of(const panel *panel, const tw_path_point *point, bool accuracy, double *ret_x, double *ret_y) {
  double value = value_of(point, accuracy);
  if (!isfinite(value)) {
    return false;
  }
  *ret_x = x_of(panel, point->strength);
  *ret_y = y_of(panel, value);
  return true;
}

static void draw_series(tw_canvas *canvas, const panel *panel, const tw_path *path, bool accuracy) {
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

static void draw_chosen(tw_canvas *canvas, const panel *panel, const tw_path *path, bool accuracy) {
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
static void draw_strength_axis(tw_canvas *canvas, const panel *panel) {
  enum { PLAIN_POWER = 4 };
  double y = panel->top + PANEL;
  int from = (int)ceil(panel->first - 1e-9);
  int to = (int)floor(panel->last + 1e-9);
  int step = (to - from) / 12 + 1;
  for (int power = from; power <= to; power += step) {
    double x = x_of(panel, pow(10, power));
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
  panel panel = {
      .top = TOP, .first = log10(path->points[0].strength), .last = log10(path->points[path->count - 1].strength)};
  for (int accuracy = 0; accuracy < 2; accuracy++) {
    double step;
    set_range(&panel, path, accuracy == 1, &step);
    draw_value_axis(canvas, &panel, step, accuracy == 1 ? "accuracy, %" : "log loss");
    draw_series(canvas, &panel, path, accuracy == 1);
    draw_chosen(canvas, &panel, path, accuracy == 1);
    if (accuracy == 0) {
      panel.top += PANEL + BETWEEN;
    }
  }
  draw_strength_axis(canvas, &panel);
}
