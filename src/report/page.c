/* The page as a whole: its head, its order, its end. */
#include "report/page.h"

#include <string.h>

#include "report/assets.h"

void tw_page_put(tw_page *page, const char *html) {
  tw_buffer_text(page->out, html);
}

void tw_page_name(tw_page *page, size_t class) {
  tw_html_name(page->out, page->outcome->classes[class], TW_PAGE_NAME);
}

void tw_page_section(tw_page *page, const char *id, const char *heading, bool of_test) {
  tw_buffer_format(page->out, "<section id=\"%s\"><h2>%s</h2>\n", id, heading);
  if (of_test) {
    tw_page_put(page, "<p class=\"of\">");
    tw_chart_of_what(page->outcome, page->out);
    tw_page_put(page, "</p>\n");
  }
}

/* ---- Head and end ------------------------------------------------------------------------------------------------ */

static void append_title(tw_page *page) {
  tw_buffer label = {0};
  tw_label_set(&label, tw_path_base(page->outcome->model_path), TW_PAGE_NAME);
  if (label.failed) {
    page->out->failed = true;
  } else {
    tw_html_text(page->out, (const char *)label.data);
  }
  tw_buffer_done(&label);
}

static void append_head(tw_page *page) {
  tw_page_put(page,
              "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
              "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n"
              "<meta name=\"color-scheme\" content=\"light dark\">\n"
              "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; img-src data:; style-src "
              "'unsafe-inline'; script-src 'unsafe-inline'\">\n<title>");
  append_title(page);
  tw_page_put(page, ": topwork report</title>\n<style>\n");
  tw_buffer_append(page->out, tw_asset_report_css, tw_asset_report_css_size);
  tw_page_put(page, "</style>\n</head>\n<body>\n<header><h1><bdi>");
  append_title(page);
  tw_page_put(page, "</bdi></h1>\n<nav aria-label=\"Sections\">");
}

static void append_nav(tw_page *page) {
  enum { ALWAYS, TEST, PICTURES };
  static const struct {
    const char *link;
    int when;
  } links[] = {{"<a href=\"#summary\">Result</a>", ALWAYS},    {"<a href=\"#random\">At random</a>", PICTURES},
               {"<a href=\"#confusion\">Confusion</a>", TEST}, {"<a href=\"#pairs\">Pairs</a>", TEST},
               {"<a href=\"#mistakes\">Mistakes</a>", TEST},   {"<a href=\"#classes\">Classes</a>", TEST},
               {"<a href=\"#training\">Training</a>", ALWAYS}, {"<a href=\"#left-out\">Left out</a>", ALWAYS},
               {"<a href=\"#pictures\">All shown</a>", TEST}};
  int there = page->outcome->test == NULL ? ALWAYS : !page->shown.pictures ? TEST : PICTURES;
  for (size_t i = 0; i < sizeof links / sizeof *links; i++) {
    if (links[i].when <= there) {
      tw_page_put(page, links[i].link);
    }
  }
  tw_page_put(page, "</nav></header>\n<main>\n");
}

static void append_end(tw_page *page) {
  tw_page_put(page, "</main>\n<footer>Written by topwork. The whole of it in tables: <code>predictions.csv</code>");
  tw_page_put(page, page->outcome->test == NULL ? "" : ", <code>confusion.csv</code>");
  tw_page_put(page, page->outcome->history == NULL ? "" : ", <code>history.csv</code>");
  tw_page_put(page, ", <code>metrics.json</code> beside this page.</footer>\n<script>\n");
  tw_buffer_append(page->out, tw_asset_report_js, tw_asset_report_js_size);
  tw_page_put(page, "</script>\n</body>\n</html>\n");
}

static void append_body(tw_page *page) {
  append_head(page);
  append_nav(page);
  tw_page_summary(page);
  if (page->outcome->test != NULL) {
    tw_page_random(page);
    tw_page_confusion(page);
    tw_page_pairs(page);
    tw_page_extremes(page);
    tw_page_classes(page);
  }
  tw_page_training(page);
  tw_page_left_out(page);
  if (page->outcome->test != NULL) {
    tw_page_gallery(page);
  }
  append_end(page);
}

tw_status tw_report_page(const tw_outcome *outcome, int threads, tw_ticker *ticker, tw_buffer *buffer,
                         tw_error *error) {
  tw_page page = {.out = buffer, .outcome = outcome};
  tw_status status = tw_shown_choose(outcome, &page.shown, error);
  if (status == TW_OK) {
    status = tw_shown_draw(&page.shown, outcome, threads, ticker, error);
  }
  if (status == TW_OK && outcome->test != NULL) {
    status = tw_heat_init(&page.heat, outcome, error);
  }
  if (status == TW_OK) {
    append_body(&page);
    status = tw_buffer_status(buffer, error);
  }
  tw_heat_done(&page.heat);
  tw_shown_done(&page.shown);
  return status;
}
