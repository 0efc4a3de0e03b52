/* What the charts share: colours on paper, text with its name cut to size, and what figures are of. */
#include "report/chart.h"

#include "report/html.h"

/* The heat ramp is viridis (van der Walt and Smith, 2015) read from light to dark and without its palest end, which is
 * lost on white: even in lightness, so that it survives a grey printer, and safe for the usual kinds of colour
 * blindness. The two series are Okabe and Ito's blue and vermilion. The page's style sheet has the same colours for
 * light, and the ramp in the other direction, without the end that is lost on black, for dark. */
static const tw_rgb heat[TW_HEAT_LEVELS] = {
    {0xc0, 0xdf, 0x26}, {0x98, 0xd8, 0x3e}, {0x72, 0xce, 0x56}, {0x50, 0xc3, 0x6a},
    {0x34, 0xb7, 0x79}, {0x23, 0xa9, 0x83}, {0x1f, 0x9b, 0x8a}, {0x22, 0x8c, 0x8d},
    {0x28, 0x7e, 0x8e}, {0x2e, 0x6f, 0x8e}, {0x35, 0x60, 0x8d}, {0x3c, 0x4f, 0x8a},
    {0x43, 0x3e, 0x84}, {0x47, 0x2b, 0x7a}, {0x48, 0x18, 0x6a}, {0x44, 0x01, 0x54}};
enum { FIRST_DARK = 8 /* the first level that wants white text */ };

tw_rgb tw_ink_colour(tw_ink ink) {
  static const tw_rgb plain[] = {
      [TW_INK_PAPER] = {0xff, 0xff, 0xff}, [TW_INK_TEXT] = {0, 0, 0},          [TW_INK_MUTED] = {0x55, 0x55, 0x55},
      [TW_INK_GRID] = {0xdd, 0xdd, 0xdd},  [TW_INK_MAIN] = {0x00, 0x72, 0xb2}, [TW_INK_SECOND] = {0xd5, 0x5e, 0x00},
  };
  if (ink >= TW_INK_ON_HEAT) {
    return plain[(int)ink - TW_INK_ON_HEAT >= FIRST_DARK ? TW_INK_PAPER : TW_INK_TEXT];
  }
  return ink >= TW_INK_HEAT ? heat[ink - TW_INK_HEAT] : plain[ink];
}

void tw_draw_fill(tw_canvas *canvas, tw_ink ink) {
  canvas->fill(canvas, ink, tw_ink_colour(ink));
}

void tw_draw_stroke(tw_canvas *canvas, tw_ink ink, double width) {
  canvas->stroke(canvas, ink, tw_ink_colour(ink), width);
}

void tw_draw_text(tw_canvas *canvas, const char *text, size_t limit, tw_label label, tw_ink ink) {
  tw_buffer visible = {0};
  tw_label_set(&visible, text, limit);
  if (!visible.failed) {
    label.text = (const char *)visible.data;
    canvas->text(canvas, &label, ink, tw_ink_colour(ink));
  }
  canvas->failed = canvas->failed || visible.failed;
  tw_buffer_done(&visible);
}

void tw_draw_fitted(tw_canvas *canvas, const char *text, double width, tw_label label, tw_ink ink) {
  enum { LEAST = 4, FIRST = 200 };
  tw_buffer visible = {0};
  size_t limit = FIRST;
  tw_label_set(&visible, text, limit);
  while (!visible.failed && limit > LEAST && tw_label_width((const char *)visible.data, label.size) > width) {
    limit--;
    tw_label_set(&visible, text, limit);
  }
  canvas->failed = canvas->failed || visible.failed;
  tw_buffer_done(&visible);
  tw_draw_text(canvas, text, limit, label, ink);
}

void tw_draw_buffer(tw_canvas *canvas, tw_buffer *text, tw_label label, tw_ink ink) {
  enum { LONGEST = 200 };
  tw_buffer_append(text, "", 1);
  if (!text->failed) {
    tw_draw_text(canvas, (const char *)text->data, LONGEST, label, ink);
  }
  canvas->failed = canvas->failed || text->failed;
  tw_buffer_done(text);
}

void tw_draw_group(tw_canvas *canvas, const char *name) {
  if (canvas->group != NULL) {
    canvas->group(canvas, name);
  }
}

tw_status tw_chart_names_width(const tw_outcome *outcome, size_t step, double size, double *ret_width,
                               tw_error *error) {
  tw_buffer label = {0};
  double widest = 0;
  for (size_t i = 0; i < outcome->class_count; i += step) {
    tw_label_set(&label, outcome->classes[i], TW_CHART_LABEL);
    double width = label.failed ? 0 : tw_label_width((const char *)label.data, size);
    widest = width > widest ? width : widest;
  }
  tw_status status = tw_buffer_status(&label, error);
  tw_buffer_done(&label);
  *ret_width = widest;
  return status;
}

const char *tw_report_unit(const tw_outcome *outcome, bool many) {
  bool pictures = outcome->trunk_name != NULL;
  return many ? (pictures ? "pictures" : "rows") : (pictures ? "picture" : "row");
}

void tw_chart_of_what(const tw_outcome *outcome, tw_buffer *buffer) {
  if (outcome->folds > 0) {
    tw_buffer_format(buffer, "All %zu folds together, ", outcome->folds);
  } else if (outcome->counts_used) {
    tw_buffer_text(buffer, "Pictures used in training included, ");
  } else if (outcome->repeats > 0 && !outcome->evaluation) {
    tw_buffer_format(buffer, "Test part of the first of %zu draws, ", outcome->repeats);
  } else {
    tw_buffer_text(buffer, outcome->evaluation ? "Pictures training has not seen, " : "Test part, ");
  }
  tw_html_count(buffer, outcome->test->count, tw_report_unit(outcome, false), tw_report_unit(outcome, true));
}
