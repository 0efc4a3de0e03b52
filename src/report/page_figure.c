/* One picture on the page: its thumbnail, what was said of it, its file. */
#include <string.h>

#include "report/page.h"

enum { PATH = 48 /* characters */ };

static const char *below_folder(const tw_page *page, const char *path) {
  const char *folder = page->outcome->folder;
  size_t length = folder == NULL ? 0 : strlen(folder);
  if (length > 0 && strncmp(path, folder, length) == 0) {
    path += length;
    path += strspn(path, "/");
  }
  return path;
}

void tw_page_path(tw_page *page, const char *path) {
  tw_page_put(page, "<span class=\"path\">");
  tw_html_name(page->out, below_folder(page, path), PATH);
  tw_page_put(page, "</span>");
}

void tw_page_image(tw_page *page, const tw_shown *item) {
  if (item->base64.size > 0) {
    tw_buffer_format(page->out,
                     "<img width=\"%zu\" height=\"%zu\" loading=\"lazy\" alt=\"\" src=\"data:image/jpeg;base64,",
                     item->width, item->height);
    tw_buffer_append(page->out, item->base64.data, item->base64.size);
    tw_page_put(page, "\">");
  } else if (page->shown.pictures) {
    tw_page_put(page, "<div class=\"gone\">picture gone</div>");
  }
}

void tw_page_figure(tw_page *page, const tw_shown *item, bool full) {
  const tw_report_row *row = &page->outcome->rows[item->row];
  bool right = row->label_index == row->predicted_index;
  tw_page_put(page, right ? "<figure>" : "<figure class=\"wrong\">");
  tw_page_image(page, item);
  tw_page_put(page, "<figcaption>");
  if (full) {
    tw_html_name(page->out, row->label, TW_PAGE_CELL_NAME);
    if (!right) {
      tw_page_put(page, ", taken for <b>");
      tw_html_name(page->out, row->prediction, TW_PAGE_CELL_NAME);
      tw_page_put(page, "</b>");
    }
    tw_page_put(page, "<br>");
  }
  tw_html_percent(page->out, row->probability);
  if (!right) {
    tw_page_put(page, ", its own class ");
    tw_html_percent(page->out, row->own_probability);
  }
  tw_page_put(page, "<br>");
  tw_page_path(page, row->path);
  tw_page_put(page, "</figcaption></figure>\n");
}
