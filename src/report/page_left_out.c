/* What is in the folder but not in the figures, and why: nothing disappears without a word. */
#include <string.h>

#include "report/page.h"

enum { REASON = 300 /* characters */ };

static void append_more(tw_page *page, size_t count, const char *where) {
  if (count > TW_PAGE_MAX_LISTED) {
    tw_buffer_format(page->out, "<p>and %zu more%s</p>\n", count - TW_PAGE_MAX_LISTED, where);
  }
}

static void append_skipped(tw_page *page) {
  const tw_outcome *outcome = page->outcome;
  if (outcome->skipped_count == 0) {
    return;
  }
  tw_buffer_format(page->out,
                   "<details open><summary>Skipped: %zu</summary>\n<p>Files that claim to be pictures but "
                   "could not be used.</p>\n<div class=\"wide\"><table><tbody>\n",
                   outcome->skipped_count);
  for (size_t i = 0; i < outcome->skipped_count && i < TW_PAGE_MAX_LISTED; i++) {
    tw_page_put(page, "<tr><th scope=\"row\">");
    tw_page_path(page, outcome->skipped[i].path);
    tw_page_put(page, "</th><td class=\"name\">");
    tw_html_name(page->out, outcome->skipped[i].reason, REASON);
    tw_page_put(page, "</td></tr>\n");
  }
  tw_page_put(page, "</tbody></table></div>\n");
  append_more(page, outcome->skipped_count, "; <code>metrics.json</code> lists all");
  tw_page_put(page, "</details>\n");
}

static void append_part(tw_page *page, const char *part, const char *heading, const char *why) {
  const tw_outcome *outcome = page->outcome;
  size_t count = 0;
  for (size_t i = 0; i < outcome->row_count; i++) {
    count += strcmp(outcome->rows[i].part, part) == 0;
  }
  if (count == 0) {
    return;
  }
  tw_buffer_format(page->out, "<details><summary>%s: %zu</summary>\n<p>%s</p>\n<ul>\n", heading, count, why);
  size_t listed = 0;
  for (size_t i = 0; i < outcome->row_count && listed < TW_PAGE_MAX_LISTED; i++) {
    if (strcmp(outcome->rows[i].part, part) == 0) {
      tw_page_put(page, "<li>");
      tw_page_path(page, outcome->rows[i].path);
      tw_page_put(page, "</li>\n");
      listed++;
    }
  }
  tw_page_put(page, "</ul>\n");
  append_more(page, count, "; <code>predictions.csv</code> lists all");
  tw_page_put(page, "</details>\n");
}

static void append_names(tw_page *page, const char *heading, const char *const *names, size_t count) {
  if (count == 0) {
    return;
  }
  tw_buffer_format(page->out, "<details><summary>%s: %zu</summary>\n<ul>\n", heading, count);
  for (size_t i = 0; i < count && i < TW_PAGE_MAX_LISTED; i++) {
    tw_page_put(page, "<li>");
    tw_html_name(page->out, names[i], TW_PAGE_NAME);
    tw_page_put(page, "</li>\n");
  }
  tw_page_put(page, "</ul>\n");
  append_more(page, count, "");
  tw_page_put(page, "</details>\n");
}

static void append_counts(tw_page *page) {
  const tw_outcome *outcome = page->outcome;
  if (outcome->loose_count > 0) {
    tw_buffer_format(page->out, "<p>%zu %s directly in the folder, in no class: not used.</p>\n", outcome->loose_count,
                     outcome->loose_count == 1 ? "picture lies" : "pictures lie");
  }
  if (outcome->ignored > 0) {
    tw_page_put(page, "<p>");
    tw_html_count(page->out, outcome->ignored, "other file was", "other files were");
    tw_page_put(page, " ignored.</p>\n");
  }
  if (outcome->missing_count > 0) {
    tw_buffer_format(page->out, "<p>%zu of the model's classes have no picture here.</p>\n", outcome->missing_count);
  }
}

void tw_page_left_out(tw_page *page) {
  const tw_outcome *outcome = page->outcome;
  tw_page_section(page, "left-out", "Left out", false);
  size_t opened = page->out->size;
  append_skipped(page);
  append_part(page, tw_part_name(TW_PART_DUPLICATE), "Duplicates",
              "Exact copies of other files of their class: each content counts once.");
  append_part(page, tw_part_name(TW_PART_CONFLICT), "Conflicts",
              "The same content stands under two classes, so one label must be wrong: in no part.");
  append_part(page, tw_part_name(TW_PART_LEAKED), "Leaked", "In training and in another part: taken out of training.");
  append_part(page, TW_PART_UNSEEN, "Not of the model's parts",
              "Training has not seen them, and they are not in the figures of the test part: <code>topwork "
              "evaluate</code> tests on them.");
  append_names(page, "Folders without a usable picture", (const char *const *)outcome->empty, outcome->empty_count);
  append_names(page, "Classes the model does not know", outcome->unknown, outcome->unknown_count);
  append_counts(page);
  if (page->out->size == opened) {
    tw_page_put(page, "<p>Nothing.</p>\n");
  }
  tw_page_put(page, "</section>\n");
}
