/* The most probable classes of one picture as bars. */
#include <math.h>

#include "report/chart.h"
#include "report/html.h"

enum {
  BORDER = 16,
  TOP = 62,
  PITCH = 30,
  BAR = 20,
  FONT = 13,
  PLOT = 420,
  GAP = 8,
  SHARE = 70,
  NAME = 48,
  LEAST = 120
};

typedef struct bars {
  const char *picture;
  const char *by;
  const char *const *labels;
  const float *probabilities;
  size_t count;
  double left; /* pixels of the bars' beginning */
} bars;

static tw_extent extent_of(const bars *bars) {
  return (tw_extent){bars->left + PLOT + SHARE + BORDER, TOP + (double)bars->count * PITCH + 24 + BORDER};
}

static tw_status find_left(bars *bars, tw_error *error) {
  tw_buffer label = {0};
  double widest = LEAST;
  for (size_t i = 0; i < bars->count && !label.failed; i++) {
    tw_label_set(&label, bars->labels[i], NAME);
    widest = label.failed ? 0 : fmax(widest, tw_label_width((const char *)label.data, FONT));
  }
  bars->left = BORDER + widest + GAP;
  tw_status status = tw_buffer_status(&label, error);
  tw_buffer_done(&label);
  return status;
}

static void draw_axis(const bars *bars, tw_canvas *canvas) {
  double bottom = TOP + (double)bars->count * PITCH;
  for (int percent = 0; percent <= 100; percent += 20) {
    char text[16];
    double x = bars->left + PLOT * percent / 100.0;
    canvas->line(canvas, x, TOP, x, bottom);
    snprintf(text, sizeof text, "%d%%", percent);
    tw_draw_text(canvas, text, sizeof text,
                 (tw_label){.x = x, .y = bottom + 18, .size = FONT - 2, .anchor = TW_ANCHOR_MIDDLE}, TW_INK_MUTED);
  }
  tw_draw_stroke(canvas, TW_INK_GRID, 1);
}

static void draw_bar(const bars *bars, tw_canvas *canvas, size_t i) {
  double middle = TOP + ((double)i + 0.5) * PITCH;
  double width = fmin(fmax((double)bars->probabilities[i], 0), 1) * PLOT;
  canvas->rectangle(canvas, bars->left, middle - BAR / 2.0, fmax(width, 1), BAR);
  tw_draw_fill(canvas, TW_INK_MAIN);
  tw_label name = {.x = bars->left - GAP, .y = middle + 0.36 * FONT, .size = FONT, .anchor = TW_ANCHOR_END};
  tw_draw_text(canvas, bars->labels[i], NAME, name, TW_INK_TEXT);
  tw_buffer share = {0};
  tw_html_fixed(&share, 100 * (double)bars->probabilities[i], 2);
  tw_buffer_text(&share, " %");
  tw_label figure = {.x = bars->left + width + GAP, .y = middle + 0.36 * FONT, .size = FONT};
  tw_draw_buffer(canvas, &share, figure, TW_INK_TEXT);
}

static void draw(const void *what, tw_canvas *canvas) {
  const bars *bars = what;
  double width = extent_of(bars).width - 2 * BORDER;
  tw_draw_fitted(canvas, tw_path_base(bars->picture), width, (tw_label){.x = BORDER, .y = 28, .size = 15, .bold = true},
                 TW_INK_TEXT);
  tw_buffer by = {0};
  tw_buffer_format(&by, "what %s takes it for", bars->by);
  tw_draw_buffer(canvas, &by, (tw_label){.x = BORDER, .y = 47, .size = FONT - 1}, TW_INK_MUTED);
  draw_axis(bars, canvas);
  for (size_t i = 0; i < bars->count; i++) {
    draw_bar(bars, canvas, i);
  }
}

tw_status tw_report_draw_bars(const char *picture, const char *by, const char *const *labels,
                              const float *probabilities, size_t count, bool png, tw_buffer *buffer, tw_error *error) {
  bars bars = {.picture = picture, .by = by, .labels = labels, .probabilities = probabilities, .count = count};
  TW_TRY(find_left(&bars, error));
  return tw_chart_save(draw, &bars, extent_of(&bars), png, buffer, error);
}
