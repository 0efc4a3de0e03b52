/* The confusion matrix on the page: the drawing of chart_heat.c in three pieces, so that the labels stay in sight when
 * the cells are scrolled; and what the script needs to say which cell is which. */
#include "report/page.h"

enum {
  MAX_BOTH = 12000, /* filled cells; with more, only one of the two colourings is drawn */
  MAX_NAMED = 6000, /* classes whose names the script gets */
  WHOLE_FROM = 60,  /* classes; with more the page offers the matrix shrunk to its width */
};

static void draw_mode(tw_page *page, tw_canvas *canvas, tw_heat_mode mode) {
  tw_draw_group(canvas, mode == TW_HEAT_COUNTS ? "counts" : "shares");
  tw_heat_draw_cells(&page->heat, canvas, 0, 0, mode, mode);
  tw_draw_group(canvas, NULL);
}

static void append_cells(tw_page *page) {
  double side = tw_heat_side(&page->heat);
  tw_canvas *canvas = tw_svg_begin(page->out, side, side,
                                   "class=\"cells\" id=\"cells\" aria-labelledby=\"confusion-label\" role=\"img\"");
  if (canvas != NULL) {
    tw_heat_draw_frame(&page->heat, canvas, 0, 0);
    draw_mode(page, canvas, TW_HEAT_COUNTS);
    if (page->heat.cell_count <= MAX_BOTH) {
      draw_mode(page, canvas, TW_HEAT_SHARES);
    }
    tw_heat_draw_links(&page->heat, canvas);
  }
  tw_svg_end(canvas);
}

static void append_matrix(tw_page *page) {
  const tw_heat *heat = &page->heat;
  double side = tw_heat_side(heat);
  tw_page_put(page,
              "<div class=\"matrix\" tabindex=\"0\" role=\"group\" aria-label=\"Confusion matrix\">"
              "<div class=\"corner\">predicted \xe2\x86\x92\ntrue \xe2\x86\x93</div>");
  tw_canvas *canvas = tw_svg_begin(page->out, side, heat->above, "class=\"above\" aria-hidden=\"true\"");
  if (canvas != NULL) {
    tw_heat_draw_above(heat, canvas, 0, heat->above);
  }
  tw_svg_end(canvas);
  canvas = tw_svg_begin(page->out, heat->margin, side, "class=\"left\" aria-hidden=\"true\"");
  if (canvas != NULL) {
    tw_heat_draw_left(heat, canvas, heat->margin, 0);
  }
  tw_svg_end(canvas);
  append_cells(page);
  tw_page_put(page, "</div>\n");
}

static void append_key(tw_page *page, tw_heat_mode mode) {
  tw_canvas *canvas = tw_svg_begin(page->out, TW_HEAT_KEY_WIDTH, TW_HEAT_KEY_HEIGHT,
                                   mode == TW_HEAT_COUNTS ? "class=\"key-counts\" aria-hidden=\"true\""
                                                          : "class=\"key-shares\" aria-hidden=\"true\"");
  if (canvas != NULL) {
    tw_heat_draw_key(&page->heat, canvas, 2, 2, mode);
  }
  tw_svg_end(canvas);
}

static void append_choices(tw_page *page) {
  tw_page_put(
      page,
      "<input type=\"radio\" name=\"mode\" id=\"mode-counts\" checked><label for=\"mode-counts\">Counts</label>\n");
  if (page->heat.cell_count <= MAX_BOTH) {
    tw_page_put(page,
                "<input type=\"radio\" name=\"mode\" id=\"mode-shares\"><label for=\"mode-shares\">Shares of the true "
                "class</label>\n");
  }
  if (page->outcome->class_count > WHOLE_FROM) {
    tw_page_put(page, "<input type=\"checkbox\" id=\"whole\"><label for=\"whole\">Shrink to the width</label>\n");
  }
}

static void append_data(tw_page *page) {
  const tw_outcome *outcome = page->outcome;
  size_t named = outcome->class_count <= MAX_NAMED ? outcome->class_count : 0;
  tw_buffer label = {0};
  tw_page_put(page, "<script type=\"application/json\" id=\"data\">{\"classes\":");
  tw_buffer_format(page->out, "%zu,\"names\":[", outcome->class_count);
  for (size_t i = 0; i < named; i++) {
    tw_label_set(&label, outcome->classes[i], TW_PAGE_CELL_NAME);
    tw_page_put(page, i == 0 ? "\"" : ",\"");
    if (!label.failed) {
      tw_html_json_text(page->out, (const char *)label.data);
    }
    tw_page_put(page, "\"");
  }
  tw_page_put(page, "],\"support\":[");
  for (size_t i = 0; i < named; i++) {
    tw_buffer_format(page->out, i == 0 ? "%zu" : ",%zu", outcome->test->each[i].support);
  }
  tw_page_put(page, "],\"cells\":[");
  for (size_t i = 0; i < page->heat.cell_count; i++) {
    const tw_heat_cell *cell = &page->heat.cells[i];
    tw_buffer_format(page->out, i == 0 ? "%u,%u,%zu" : ",%u,%u,%zu", cell->row, cell->column, cell->count);
  }
  tw_page_put(page, "]}</script>\n");
  page->out->failed = page->out->failed || label.failed;
  tw_buffer_done(&label);
}

void tw_page_confusion(tw_page *page) {
  tw_page_section(page, "confusion", "Confusion", true);
  tw_page_put(page,
              "<p id=\"confusion-label\">A row is a true class, a column what its pictures were taken for; the "
              "diagonal is right. Colours go by the square root, so that a single mistake can be seen.");
  if (page->outcome->class_count > TW_HEAT_MAX_TEXTS) {
    tw_page_put(page, " <code>confusion.csv</code> has the numbers.");
  }
  tw_page_put(
      page,
      " <span class=\"scripted\">A click on a cell (or the arrow keys and Enter) shows its pictures.</span></p>\n");
  append_choices(page);
  append_key(page, TW_HEAT_COUNTS);
  append_key(page, TW_HEAT_SHARES);
  tw_page_put(page, "<p id=\"where\" aria-live=\"polite\"></p>\n");
  append_matrix(page);
  if (page->heat.left_out > 0) {
    tw_buffer_format(page->out, "<p>The %zu cells with the smallest counts are not drawn.</p>\n", page->heat.left_out);
  }
  append_data(page);
  tw_page_put(page, "<div id=\"panel\" hidden></div>\n</section>\n");
}
