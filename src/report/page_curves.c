/* The history of a training by a recipe: curves, and the epochs as a table. */
#include "report/page.h"

enum { MAX_ROWS = 200 /* epochs in the table; of more every so many are shown */ };

static void append_epoch(tw_page *page, const tw_history *history, size_t i) {
  const tw_epoch *epoch = &history->epochs[i];
  tw_page_put(page, i == history->best ? "<tr class=\"chosen\"><th scope=\"row\">" : "<tr><th scope=\"row\">");
  tw_buffer_format(page->out, "%zu</th><td>", i + 1);
  tw_html_short(page->out, epoch->rate);
  tw_page_put(page, "</td><td>");
  tw_html_fixed(page->out, epoch->training_loss, 4);
  tw_page_put(page, "</td><td>");
  tw_html_percent(page->out, epoch->training_accuracy);
  tw_page_put(page, "</td><td>");
  tw_html_fixed(page->out, epoch->validation_loss, 4);
  tw_page_put(page, "</td><td>");
  tw_html_percent(page->out, epoch->validation_accuracy);
  tw_page_put(page, "</td></tr>\n");
}

static void append_table(tw_page *page, const tw_history *history) {
  size_t each = (history->count + MAX_ROWS - 1) / MAX_ROWS;
  tw_page_put(page, "<details><summary>The epochs as a table</summary>\n");
  if (each > 1) {
    tw_buffer_format(page->out,
                     "<p>Every %zu epochs, the one that was kept and the last; <code>history.csv</code> has all.</p>\n",
                     each);
  }
  tw_page_put(page,
              "<div class=\"wide\"><table><thead><tr><th scope=\"col\">Epoch</th><th scope=\"col\">Learning rate</th>"
              "<th scope=\"col\">Training loss</th><th scope=\"col\">accuracy</th>"
              "<th scope=\"col\">Validation loss</th><th scope=\"col\">accuracy</th></tr></thead>\n<tbody>\n");
  for (size_t i = 0; i < history->count; i++) {
    if ((i + 1) % each == 0 || i == 0 || i == history->best || i + 1 == history->count) {
      append_epoch(page, history, i);
    }
  }
  tw_page_put(page, "</tbody></table></div></details>\n");
}

void tw_page_curves(tw_page *page) {
  const tw_history *history = page->outcome->history;
  if (history == NULL || history->count == 0) {
    return;
  }
  tw_page_put(page, "<h3>Loss and accuracy over the epochs</h3>\n<p class=\"of\">Training part");
  tw_page_put(page, page->outcome->part_counts[TW_PART_VALIDATION] > 0 ? " and validation part" : "");
  tw_page_put(page, "</p>\n<div class=\"wide\">");
  tw_extent extent = tw_curves_extent();
  tw_canvas *canvas = tw_svg_begin(page->out, extent.width, extent.height,
                                   "class=\"chart\" role=\"img\" aria-label=\"Loss and accuracy over the epochs\"");
  if (canvas != NULL) {
    tw_curves_draw(history, canvas);
  }
  tw_svg_end(canvas);
  tw_page_put(page, "</div>\n");
  append_table(page, history);
}
