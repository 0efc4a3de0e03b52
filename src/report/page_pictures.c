/* Test pictures at random, and one picture beside its features: the pictures of the page that show no selection. */
#include "report/page.h"

enum { NINE_PIXELS = 192, EXAMPLE_PIXELS = 288, QUALITY = 80, CELLS_WIDTH = 640 };

/* The thumbnail of a row in `item`, empty when it cannot be read any more. */
static bool read_picture(tw_page *page, tw_image_reader *reader, size_t row, size_t side, tw_shown *item) {
  *item = (tw_shown){.row = row};
  if (reader != NULL && tw_shown_read(reader, page->outcome->rows[row].path, side, QUALITY, item, NULL) == TW_OK) {
    return true;
  }
  page->out->failed = true;
  return false;
}

static void append_random(tw_page *page, const tw_shown *item) {
  const tw_report_row *row = &page->outcome->rows[item->row];
  bool right = row->label_index == row->predicted_index;
  tw_page_put(page, right ? "<figure>" : "<figure class=\"wrong\">");
  tw_page_image(page, item);
  tw_page_put(page, "<figcaption>true: ");
  tw_html_name(page->out, row->label, TW_PAGE_CELL_NAME);
  tw_page_put(page, right ? "<br>predicted: " : "<br><b>\xc3\x97 wrong: ");
  tw_html_name(page->out, row->prediction, TW_PAGE_CELL_NAME);
  tw_page_put(page, " ");
  tw_html_percent(page->out, (double)row->probability);
  tw_page_put(page, right ? "<br>" : "</b><br>");
  tw_page_path(page, row->path);
  tw_page_put(page, "</figcaption></figure>\n");
}

void tw_page_random(tw_page *page) {
  size_t rows[TW_REPORT_GRID];
  size_t count = tw_report_grid_choose(page->outcome, page->outcome->seed, rows);
  if (!page->shown.pictures || count == 0) {
    return;
  }
  tw_image_reader *reader = tw_image_reader_create();
  tw_page_section(page, "random", "At random", true);
  tw_page_put(page, "<p>Drawn by the seed, not chosen: what to expect.</p>\n<div class=\"nine\">");
  for (size_t i = 0; i < count; i++) {
    tw_shown item;
    if (read_picture(page, reader, rows[i], NINE_PIXELS, &item)) {
      append_random(page, &item);
    }
    tw_buffer_done(&item.base64);
  }
  tw_page_put(page, "</div></section>\n");
  tw_image_reader_free(reader);
}

/* ---- Features ---------------------------------------------------------------------------------------------------- */

static void append_cells(tw_page *page, size_t row) {
  const tw_outcome *outcome = page->outcome;
  tw_features_cells cells =
      tw_features_cells_of(outcome->features + row * outcome->dimensions, outcome->dimensions, CELLS_WIDTH);
  tw_extent extent = tw_features_cells_extent(&cells);
  tw_canvas *canvas = tw_svg_begin(page->out, extent.width + 2, extent.height + 1,
                                   "class=\"chart\" role=\"img\" aria-label=\"Features as cells\"");
  if (canvas != NULL) {
    tw_features_cells_draw(&cells, canvas, 1, 1);
  }
  tw_svg_end(canvas);
}

/* The first right one of those at random; otherwise the first. */
static bool choose_example(const tw_outcome *outcome, size_t *ret_row) {
  size_t rows[TW_REPORT_GRID];
  size_t count = tw_report_grid_choose(outcome, outcome->seed, rows);
  size_t chosen = 0;
  for (size_t i = count; i > 0; i--) {
    const tw_report_row *row = &outcome->rows[rows[i - 1]];
    chosen = row->label_index == row->predicted_index ? i - 1 : chosen;
  }
  if (count > 0) {
    *ret_row = rows[chosen];
  }
  return count > 0;
}

void tw_page_features(tw_page *page) {
  const tw_outcome *outcome = page->outcome;
  size_t row;
  if (!page->shown.pictures || outcome->features == NULL || outcome->dimensions == 0 ||
      !choose_example(outcome, &row)) {
    return;
  }
  size_t rows;
  size_t columns;
  tw_report_features_shape(outcome->dimensions, &rows, &columns);
  tw_page_put(page, "<h3>What the trunk makes of a picture</h3>\n<p>");
  tw_html_name(page->out, outcome->rows[row].label, TW_PAGE_NAME);
  tw_buffer_format(page->out,
                   ", and its %zu features in %zu rows of %zu, the first one top left. The top sees these numbers, not "
                   "the picture.</p>\n<div class=\"example\"><figure>",
                   outcome->dimensions, rows, columns);
  tw_image_reader *reader = tw_image_reader_create();
  tw_shown item;
  if (read_picture(page, reader, row, EXAMPLE_PIXELS, &item)) {
    tw_page_image(page, &item);
  }
  tw_buffer_done(&item.base64);
  tw_image_reader_free(reader);
  tw_page_put(page, "<figcaption>");
  tw_page_path(page, outcome->rows[row].path);
  tw_page_put(page, "</figcaption></figure>\n<div class=\"wide\">");
  append_cells(page, row);
  tw_page_put(page, "</div></div>\n");
}
