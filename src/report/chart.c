/* What the charts share: colours on paper, text with its name cut to size, and what figures are of. */
#include "report/chart.h"

#include "report/html.h"

/* The heat ramp is viridis (van der Walt and Smith, 2015) read from light to dark: even in lightness, so that it
 * survives a grey printer, and safe for the usual kinds of colour blindness. The two series are Okabe and Ito's blue
 * and vermilion. The page's style sheet has the same colours for light, and the ramp in the other direction for dark.
 */
static const tw_rgb heat[TW_HEAT_LEVELS] = {
    {0xfd, 0xe7, 0x25}, {0xd2, 0xe2, 0x1b}, {0xa5, 0xdb, 0x36}, {0x7a, 0xd1, 0x51},
    {0x54, 0xc5, 0x68}, {0x35, 0xb7, 0x79}, {0x22, 0xa8, 0x84}, {0x1f, 0x98, 0x8b},
    {0x23, 0x88, 0x8e}, {0x2a, 0x78, 0x8e}, {0x31, 0x68, 0x8e}, {0x39, 0x56, 0x8c},
    {0x41, 0x44, 0x87}, {0x47, 0x2f, 0x7d}, {0x48, 0x1a, 0x6c}, {0x44, 0x01, 0x54},
};
enum { FIRST_DARK = 7 /* the first level that wants white text */ };

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
  tw_buffer_done(&visible);
}

void tw_draw_group(tw_canvas *canvas, const char *name) {
  if (canvas->group != NULL) {
    canvas->group(canvas, name);
  }
}

void tw_chart_of_what(const tw_outcome *outcome, tw_buffer *buffer) {
  if (outcome->folds > 0) {
    tw_buffer_format(buffer, "All %zu folds together, ", outcome->folds);
  } else if (outcome->counts_used) {
    tw_buffer_text(buffer, "Pictures used in training included, ");
  } else {
    tw_buffer_text(buffer, outcome->evaluation ? "Pictures training has not seen, " : "Test part, ");
  }
  tw_html_count(buffer, outcome->test->count, outcome->trunk_name == NULL ? "row" : "picture",
                outcome->trunk_name == NULL ? "rows" : "pictures");
}
