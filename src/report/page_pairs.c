/* Which classes are taken for each other most, with examples side by side. */
#include <stdlib.h>

#include "report/page.h"

enum { PAIRS = 10, EXAMPLES = 6 };

/* Two classes, a < b. */
typedef struct pair {
  uint32_t a;
  uint32_t b;
  size_t count; /* both ways */
} pair;

static int by_classes(const void *x, const void *y) {
  const pair *p = x;
  const pair *q = y;
  return p->a != q->a ? (p->a > q->a ? 1 : -1) : (p->b > q->b) - (p->b < q->b);
}

static int by_count(const void *x, const void *y) {
  const pair *p = x;
  const pair *q = y;
  return p->count != q->count ? (p->count < q->count ? 1 : -1) : by_classes(x, y);
}

/* The pairs of all filled cells off the diagonal, most confused first. */
static size_t collect(const tw_heat *heat, pair *pairs) {
  size_t count = 0;
  for (size_t i = 0; i < heat->cell_count; i++) {
    const tw_heat_cell *cell = &heat->cells[i];
    if (cell->row != cell->column) {
      bool ordered = cell->row < cell->column;
      pairs[count++] = (pair){ordered ? cell->row : cell->column, ordered ? cell->column : cell->row, cell->count};
    }
  }
  qsort(pairs, count, sizeof *pairs, by_classes);
  size_t kept = 0;
  for (size_t i = 0; i < count; i++) {
    if (kept > 0 && by_classes(&pairs[kept - 1], &pairs[i]) == 0) {
      pairs[kept - 1].count += pairs[i].count;
    } else {
      pairs[kept++] = pairs[i];
    }
  }
  qsort(pairs, kept, sizeof *pairs, by_count);
  return kept;
}

static void append_examples(tw_page *page, uint32_t label, uint32_t predicted) {
  size_t put = 0;
  tw_page_put(page, "<div class=\"figures\">");
  for (size_t i = 0; i < page->shown.count && put < EXAMPLES; i++) {
    const tw_report_row *row = &page->outcome->rows[page->shown.items[i].row];
    if (row->label_index == label && row->predicted_index == predicted) {
      tw_page_figure(page, &page->shown.items[i], false);
      put++;
    }
  }
  tw_page_put(page, "</div>");
}

static void append_side(tw_page *page, uint32_t label, uint32_t predicted) {
  size_t count = page->outcome->test->confusion[label * page->outcome->class_count + predicted];
  tw_page_put(page, "<div><h4>");
  tw_page_name(page, label);
  if (count > 0) {
    tw_page_put(page, " taken for ");
    tw_page_name(page, predicted);
    tw_buffer_format(page->out, ": %zu</h4>", count);
    append_examples(page, label, predicted);
  } else {
    tw_page_put(page, ", never taken for ");
    tw_page_name(page, predicted);
    tw_page_put(page, "; for comparison</h4>");
    append_examples(page, label, label);
  }
  tw_page_put(page, "</div>\n");
}

static void append_pair(tw_page *page, const pair *pair) {
  tw_page_put(page, "<article><h3>");
  tw_page_name(page, pair->a);
  tw_page_put(page, " and ");
  tw_page_name(page, pair->b);
  tw_page_put(page, ": ");
  tw_html_count(page->out, pair->count, "mistake", "mistakes");
  tw_page_put(page, "</h3>\n<div class=\"sides\">\n");
  append_side(page, pair->a, pair->b);
  append_side(page, pair->b, pair->a);
  tw_page_put(page, "</div></article>\n");
}

void tw_page_pairs(tw_page *page) {
  tw_page_section(page, "pairs", "Most confused pairs", true);
  pair *pairs = tw_alloc(page->heat.cell_count, sizeof *pairs);
  if (pairs == NULL) {
    page->out->failed = true;
    return;
  }
  size_t count = collect(&page->heat, pairs);
  size_t least = count > 0 && pairs[0].count > 1 ? 2 : 1;
  if (count == 0) {
    tw_page_put(page, "<p>None: not a single mistake.</p>\n");
  } else if (count > 1 && least == 1) {
    tw_page_put(page, "<p>No pair of classes was confused more than once.</p>\n");
  }
  size_t put = 0;
  while (put < count && put < PAIRS && pairs[put].count >= least) {
    append_pair(page, &pairs[put++]);
  }
  if (put < count) {
    tw_buffer_format(page->out, "<p>%zu more pairs with %zu %s or fewer each are in the matrix.</p>\n", count - put,
                     pairs[put].count, pairs[put].count == 1 ? "mistake" : "mistakes");
  }
  tw_free(pairs);
  tw_page_put(page, "</section>\n");
}
