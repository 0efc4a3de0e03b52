/* Axes: from values to pixels, round ticks, their lines and numbers. */
#include <math.h>

#include "report/chart.h"
#include "report/html.h"

enum { TICKS = 4, NAME = 49 /* pixels from the axis to its name */ };

double tw_panel_x(const tw_panel *panel, double x) {
  double range = panel->last - panel->first;
  double share = range > 0 ? (x - panel->first) / range : 0.5;
  return panel->left + panel->inset + share * (panel->right - panel->left - 2 * panel->inset);
}

double tw_panel_y(const tw_panel *panel, double value) {
  double range = panel->high - panel->low;
  return panel->top + (range > 0 ? (panel->high - value) / range : 0.5) * panel->height;
}

double tw_tick_step(double range, double ticks) {
  double rough = range / ticks;
  double power = pow(10, floor(log10(rough)));
  double lead = rough / power;
  return power * (lead < 1.5 ? 1 : lead < 3.5 ? 2 : lead < 7.5 ? 5 : 10);
}

void tw_panel_fit(tw_panel *panel, double least, double most, double range, double ceiling) {
  if (!(least <= most)) {
    least = 0;
    most = 1;
  }
  range = fmax(range, 1e-6 * most); /* digits that there are */
  panel->step = tw_tick_step(fmax(most - least, range), TICKS);
  panel->low = fmax(floor(least / panel->step - 0.1) * panel->step, 0);
  panel->high = fmin(ceil(most / panel->step + 0.1) * panel->step, ceiling);
}

void tw_panel_draw_values(const tw_panel *panel, tw_canvas *canvas, const char *name) {
  enum { LARGEST = 1000000 /* that is written out */ };
  int decimals = panel->step >= 1 ? 0 : (int)ceil(-log10(panel->step) - 1e-9);
  int ticks = (int)floor((panel->high - panel->low) / panel->step + 0.5);
  for (int i = 0; i <= ticks; i++) {
    double value = panel->low + i * panel->step;
    double y = tw_panel_y(panel, value);
    canvas->line(canvas, panel->left, y, panel->right, y);
    tw_buffer text = {0};
    if (panel->high < LARGEST) {
      tw_html_fixed(&text, value, decimals);
    } else {
      tw_buffer_format(&text, "%.2g", value);
    }
    tw_label label = {
        .x = panel->left - 6, .y = y + 0.36 * TW_PANEL_FONT, .size = TW_PANEL_FONT, .anchor = TW_ANCHOR_END};
    tw_draw_buffer(canvas, &text, label, TW_INK_TEXT);
  }
  tw_draw_stroke(canvas, TW_INK_GRID, 1);
  tw_label label = {.x = panel->left - NAME,
                    .y = panel->top + panel->height / 2,
                    .size = TW_PANEL_FONT + 1,
                    .anchor = TW_ANCHOR_MIDDLE,
                    .turned = true};
  tw_draw_text(canvas, name, 40, label, TW_INK_TEXT);
}
