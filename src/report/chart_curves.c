/* The history of a training by a recipe: loss above, accuracy below, over the epochs; training drawn through,
 * validation dashed, the epoch whose weights were kept marked. With more epochs than pixels each pixel has the least
 * and the largest of its epochs, so that no spike is lost. */
#include <math.h>

#include "report/chart.h"
#include "report/html.h"

enum {
  WIDTH = 720,
  LEFT = 64,
  RIGHT = 20,
  TOP = 66,
  PANEL = 170,
  BETWEEN = 24,
  FONT = TW_PANEL_FONT,
  FEW = 40,     /* epochs; with fewer each is a point of its own */
  DASH = 5,     /* pixels */
  COLUMNS = 600 /* of pixels; with more epochs than twice that several share one */
};
#define LARGEST 1e100 /* a value beyond is not drawn */

typedef struct curves {
  const tw_history *history;
  tw_canvas *canvas;
  tw_panel panel;
  bool accuracy; /* the panel's; otherwise loss */
} curves;

/* NAN: there is none. */
static double value_of(const curves *curves, bool validation, size_t epoch) {
  const tw_epoch *at = &curves->history->epochs[epoch];
  double value = curves->accuracy ? 100 * (validation ? at->validation_accuracy : at->training_accuracy)
                 : validation     ? at->validation_loss
                                  : at->training_loss;
  return fabs(value) <= LARGEST ? value : (double)NAN;
}

static bool has_validation(const tw_history *history) {
  for (size_t i = 0; i < history->count; i++) {
    if (!isnan(history->epochs[i].validation_loss)) {
      return true;
    }
  }
  return false;
}

static void fit(curves *curves) {
  double least = INFINITY;
  double most = -INFINITY;
  for (size_t i = 0; i < curves->history->count; i++) {
    for (int validation = 0; validation < 2; validation++) {
      double value = value_of(curves, validation == 1, i);
      if (!isnan(value)) {
        least = fmin(least, value);
        most = fmax(most, value);
      }
    }
  }
  tw_panel_fit(&curves->panel, least, most, curves->accuracy ? 1 : 0.001, curves->accuracy ? 100 : INFINITY);
}

static double x_of(const curves *curves, size_t epoch) {
  return tw_panel_x(&curves->panel, (double)epoch + 1);
}

/* Goes on to the epoch's place, or begins there; nothing where there is no value. */
static void go_to(const curves *curves, bool validation, size_t epoch, bool *begun) {
  double value = value_of(curves, validation, epoch);
  if (isnan(value)) {
    *begun = false;
    return;
  }
  double x = x_of(curves, epoch);
  double y = tw_panel_y(&curves->panel, value);
  if (*begun) {
    curves->canvas->to(curves->canvas, x, y);
  } else {
    curves->canvas->line(curves->canvas, x, y, x, y);
  }
  *begun = true;
}

/* The least and the largest of epochs begin..end-1, in their order. */
static void go_through(const curves *curves, bool validation, size_t begin, size_t end, bool *begun) {
  size_t least = begin;
  size_t most = begin;
  for (size_t i = begin; i < end; i++) {
    double value = value_of(curves, validation, i);
    least = !(value_of(curves, validation, least) <= value) && !isnan(value) ? i : least;
    most = !(value_of(curves, validation, most) >= value) && !isnan(value) ? i : most;
  }
  go_to(curves, validation, least < most ? least : most, begun);
  if (least != most) {
    go_to(curves, validation, least < most ? most : least, begun);
  }
}

static void draw_series(const curves *curves, bool validation) {
  tw_canvas *canvas = curves->canvas;
  tw_ink ink = validation ? TW_INK_SECOND : TW_INK_MAIN;
  size_t count = curves->history->count;
  size_t each = count > 2 * (size_t)COLUMNS ? (count + COLUMNS - 1) / COLUMNS : 1;
  bool begun = false;
  for (size_t i = 0; i < count; i += each) {
    go_through(curves, validation, i, i + each < count ? i + each : count, &begun);
  }
  if (validation) {
    canvas->dash(canvas, DASH);
  }
  tw_draw_stroke(canvas, ink, 1.5);
  for (size_t i = 0; i < count && count <= FEW; i++) {
    double value = value_of(curves, validation, i);
    if (!isnan(value)) {
      canvas->disc(canvas, x_of(curves, i), tw_panel_y(&curves->panel, value), 2.5);
    }
  }
  if (count <= FEW) {
    tw_draw_fill(canvas, ink);
  }
}

/* The epoch that was kept. */
static void draw_best(const curves *curves) {
  tw_canvas *canvas = curves->canvas;
  double x = x_of(curves, curves->history->best);
  canvas->line(canvas, x, curves->panel.top, x, curves->panel.top + curves->panel.height);
  tw_draw_stroke(canvas, TW_INK_MUTED, 1);
  for (int validation = 0; validation < 2; validation++) {
    double value = value_of(curves, validation == 1, curves->history->best);
    if (!isnan(value)) {
      canvas->disc(canvas, x, tw_panel_y(&curves->panel, value), 4.5);
      tw_draw_fill(canvas, validation == 1 ? TW_INK_SECOND : TW_INK_MAIN);
    }
  }
}

/* ---- Around the plots -------------------------------------------------------------------------------------------- */

static void draw_epoch_axis(const curves *curves) {
  tw_canvas *canvas = curves->canvas;
  double y = curves->panel.top + curves->panel.height;
  double step = fmax(tw_tick_step(fmax(curves->panel.last - 1, 1), 8), 1);
  for (double epoch = 1; epoch <= curves->panel.last; epoch = epoch < step ? step : epoch + step) {
    double x = tw_panel_x(&curves->panel, epoch);
    char text[24];
    snprintf(text, sizeof text, "%.0f", epoch);
    canvas->line(canvas, x, y, x, y + 5);
    tw_label label = {.x = x, .y = y + 8 + FONT, .size = FONT, .anchor = TW_ANCHOR_MIDDLE};
    tw_draw_text(canvas, text, sizeof text, label, TW_INK_TEXT);
  }
  tw_draw_stroke(canvas, TW_INK_MUTED, 1);
  tw_label name = {.x = (LEFT + WIDTH - RIGHT) / 2.0, .y = y + 26 + FONT, .size = FONT + 1, .anchor = TW_ANCHOR_MIDDLE};
  tw_draw_text(canvas, "epoch", 20, name, TW_INK_TEXT);
}

static void draw_title(const tw_history *history, tw_canvas *canvas, bool validation) {
  const tw_epoch *best = &history->epochs[history->best];
  tw_buffer title = {0};
  tw_html_count(&title, history->count, "epoch", "epochs");
  tw_buffer_format(&title,
                   validation ? "; the weights of epoch %zu were kept: lowest validation loss"
                              : "; the weights of epoch %zu were kept: the last one",
                   history->best + 1);
  tw_draw_buffer(canvas, &title, (tw_label){.x = LEFT, .y = 22, .size = 13, .bold = true}, TW_INK_TEXT);
  tw_buffer figures = {0};
  tw_buffer_text(&figures, "there: training loss ");
  tw_html_fixed(&figures, best->training_loss, 4);
  tw_buffer_text(&figures, ", accuracy ");
  tw_html_percent(&figures, best->training_accuracy);
  if (validation) {
    tw_buffer_text(&figures, "; validation loss ");
    tw_html_fixed(&figures, best->validation_loss, 4);
    tw_buffer_text(&figures, ", accuracy ");
    tw_html_percent(&figures, best->validation_accuracy);
  }
  tw_draw_buffer(canvas, &figures, (tw_label){.x = LEFT, .y = 39, .size = FONT}, TW_INK_TEXT);
}

static void draw_key(tw_canvas *canvas, bool validation) {
  enum { Y = 54, SIDE = 28, SECOND = 110, THIRD = 230 };
  canvas->line(canvas, LEFT, Y - 4, LEFT + SIDE, Y - 4);
  tw_draw_stroke(canvas, TW_INK_MAIN, 1.5);
  tw_draw_text(canvas, "training", 20, (tw_label){.x = LEFT + SIDE + 6, .y = Y, .size = FONT}, TW_INK_TEXT);
  if (validation) {
    canvas->line(canvas, LEFT + SECOND, Y - 4, LEFT + SECOND + SIDE, Y - 4);
    canvas->dash(canvas, DASH);
    tw_draw_stroke(canvas, TW_INK_SECOND, 1.5);
    tw_draw_text(canvas, "validation", 20, (tw_label){.x = LEFT + SECOND + SIDE + 6, .y = Y, .size = FONT},
                 TW_INK_TEXT);
  }
  double third = LEFT + (validation ? THIRD : SECOND);
  canvas->line(canvas, third, Y - 9, third, Y + 2);
  tw_draw_stroke(canvas, TW_INK_MUTED, 1);
  tw_draw_text(canvas, "kept", 20, (tw_label){.x = third + 8, .y = Y, .size = FONT}, TW_INK_TEXT);
}

tw_extent tw_curves_extent(void) {
  return (tw_extent){WIDTH, TOP + 2 * PANEL + BETWEEN + 48};
}

void tw_curves_draw(const tw_history *history, tw_canvas *canvas) {
  curves curves = {.history = history,
                   .canvas = canvas,
                   .panel = {.left = LEFT,
                             .right = WIDTH - RIGHT,
                             .inset = 8,
                             .top = TOP,
                             .height = PANEL,
                             .first = 1,
                             .last = (double)history->count}};
  bool validation = has_validation(history);
  draw_title(history, canvas, validation);
  draw_key(canvas, validation);
  for (int accuracy = 0; accuracy < 2; accuracy++) {
    curves.accuracy = accuracy == 1;
    fit(&curves);
    tw_panel_draw_values(&curves.panel, canvas, accuracy == 1 ? "accuracy, %" : "loss (cross-entropy)");
    draw_best(&curves);
    draw_series(&curves, false);
    if (validation) {
      draw_series(&curves, true);
    }
    if (accuracy == 0) {
      curves.panel.top += PANEL + BETWEEN;
    }
  }
  draw_epoch_axis(&curves);
}

static void draw(const void *history, tw_canvas *canvas) {
  tw_curves_draw(history, canvas);
}

tw_status tw_report_draw_curves(const tw_history *history, bool png, tw_buffer *buffer, tw_error *error) {
  return tw_chart_save(draw, history, tw_curves_extent(), png, buffer, error);
}
