/* The table of the classes. The script makes it sortable; without it, it stands in the order of the names. */
#include <math.h>
#include <stdlib.h>

#include "report/page.h"

typedef struct listed {
  size_t class;
  size_t mistakes;
} listed;

static int by_mistakes(const void *a, const void *b) {
  const listed *x = a;
  const listed *y = b;
  return x->mistakes != y->mistakes ? (x->mistakes < y->mistakes ? 1 : -1)
                                    : (x->class > y->class) - (x->class < y->class);
}

static int by_class(const void *a, const void *b) {
  const listed *x = a;
  const listed *y = b;
  return (x->class > y->class) - (x->class < y->class);
}

/* A cell that is sorted by its value; what is no number comes last. */
static void append_share(tw_page *page, double share) {
  if (!isfinite(share)) {
    tw_page_put(page, "<td data-v=\"-1\">\xe2\x80\x93</td>");
    return;
  }
  tw_page_put(page, "<td data-v=\"");
  tw_html_fixed(page->out, share, 6);
  tw_page_put(page, "\">");
  tw_html_percent(page->out, share);
  tw_page_put(page, "</td>");
}

static void append_recall(tw_page *page, const tw_class_metrics *each) {
  append_share(page, each->recall);
  tw_page_put(page, "<td class=\"interval\">");
  if (each->support > 0) {
    double interval[2];
    tw_wilson(each->correct, each->support, interval);
    tw_html_fixed(page->out, 100 * interval[0], 0);
    tw_page_put(page, "\xe2\x80\x93");
    tw_html_fixed(page->out, 100 * interval[1], 0);
    tw_page_put(page, "\xc2\xa0%");
  }
  tw_page_put(page, "</td>");
}

/* What the class is taken for most, when it is not itself. */
static void append_confused_with(tw_page *page, size_t class) {
  size_t k = page->outcome->class_count;
  const size_t *row = page->outcome->test->confusion + class * k;
  size_t worst = class;
  for (size_t i = 0; i < k; i++) {
    if (i != class && row[i] > (worst == class ? 0 : row[worst])) {
      worst = i;
    }
  }
  tw_page_put(page, "<td class=\"name\">");
  if (worst != class) {
    tw_page_name(page, worst);
    tw_buffer_format(page->out, " (%zu)", row[worst]);
  }
  tw_page_put(page, "</td>");
}

static void append_row(tw_page *page, size_t class) {
  const tw_class_metrics *each = &page->outcome->test->each[class];
  bool small = each->support < TW_PAGE_SMALL;
  tw_page_put(page, small ? "<tr class=\"small\"><th scope=\"row\">" : "<tr><th scope=\"row\">");
  tw_page_name(page, class);
  tw_page_put(page, small ? " <span class=\"mark\">too few</span></th>" : "</th>");
  tw_buffer_format(page->out, "<td>%zu</td><td>%zu</td>", each->support, each->correct);
  append_recall(page, each);
  append_share(page, each->precision);
  append_share(page, each->f1);
  append_confused_with(page, class);
  tw_page_put(page, "</tr>\n");
}

/* The classes of the table: all, or those with the most mistakes. Sets *ret_count. */
static listed *choose(const tw_page *page, size_t *ret_count) {
  size_t k = page->outcome->class_count;
  listed *list = tw_alloc(k, sizeof *list);
  for (size_t i = 0; list != NULL && i < k; i++) {
    const tw_class_metrics *each = &page->outcome->test->each[i];
    list[i] = (listed){i, each->support - each->correct};
  }
  *ret_count = k < TW_PAGE_MAX_CLASSES ? k : TW_PAGE_MAX_CLASSES;
  if (list != NULL && k > *ret_count) {
    qsort(list, k, sizeof *list, by_mistakes);
    qsort(list, *ret_count, sizeof *list, by_class);
  }
  return list;
}

static void append_explanation(tw_page *page, size_t listed_count) {
  const tw_outcome *outcome = page->outcome;
  size_t small = 0;
  for (size_t i = 0; i < outcome->class_count; i++) {
    small += outcome->test->each[i].support < TW_PAGE_SMALL;
  }
  tw_page_put(page,
              "<p>Recall: share of the class's own that are recognised. Precision: share of what is called so "
              "that is so. F1: their harmonic mean.");
  if (small > 0) {
    tw_page_put(page, " <span class=\"mark\">too few</span>: ");
    tw_html_count(page->out, small, "class has", "classes have");
    tw_buffer_format(page->out, " under %d tested %s, too small to judge.", TW_PAGE_SMALL,
                     tw_report_unit(page->outcome, true));
  }
  if (listed_count < outcome->class_count) {
    tw_buffer_format(page->out, " The %zu classes with the most mistakes of %zu; <code>metrics.json</code> has all.",
                     listed_count, outcome->class_count);
  }
  tw_page_put(page, "</p>\n");
}

void tw_page_classes(tw_page *page) {
  size_t count;
  listed *list = choose(page, &count);
  if (list == NULL) {
    page->out->failed = true;
    return;
  }
  tw_page_section(page, "classes", "Classes", true);
  append_explanation(page, count);
  tw_page_put(
      page,
      "<div class=\"wide\"><table class=\"sortable\"><thead><tr><th scope=\"col\" class=\"name\">Class</th>"
      "<th scope=\"col\">Tested</th><th scope=\"col\">Right</th><th scope=\"col\">Recall</th>"
      "<th scope=\"col\" class=\"fixed\">95\xc2\xa0% interval</th><th scope=\"col\">Precision</th>"
      "<th scope=\"col\">F1</th><th scope=\"col\" class=\"name fixed\">Most taken for</th></tr></thead>\n<tbody>\n");
  for (size_t i = 0; i < count; i++) {
    append_row(page, list[i].class);
  }
  tw_page_put(page, "</tbody></table></div>\n</section>\n");
  tw_free(list);
}
