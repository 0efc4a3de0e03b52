/* The worst mistakes and the least certain right answers; and, at the end of the page, all pictures that are shown, by
 * class and by what they were taken for. */
#include <stdlib.h>

#include "report/page.h"

enum {
  EXTREMES = 24,
  ROOM_FOR_END = 100000, /* bytes kept for what follows the gallery */
};

/* ---- Extremes ---------------------------------------------------------------------------------------------------- */

static void append_worst(tw_page *page) {
  tw_page_put(page, "<h3>Surest mistakes</h3>\n");
  if (page->shown.mistakes == 0) {
    tw_page_put(page, "<p>None: not a single mistake.</p>\n");
    return;
  }
  tw_page_put(page,
              "<p>The mistakes with the highest probability. Such a picture often has the wrong label.</p>\n"
              "<div class=\"figures\">");
  for (size_t i = 0; i < page->shown.mistakes && i < EXTREMES; i++) {
    tw_page_figure(page, &page->shown.items[i], true);
  }
  tw_page_put(page, "</div>\n");
}

static int by_doubt(const void *a, const void *b) {
  const tw_report_row *const *x = a;
  const tw_report_row *const *y = b;
  if ((*x)->probability < (*y)->probability || (*x)->probability > (*y)->probability) {
    return (*x)->probability < (*y)->probability ? -1 : 1;
  }
  return (*x > *y) - (*x < *y);
}

static const tw_shown *shown_of(const tw_page *page, const tw_report_row *row) {
  for (size_t i = page->shown.mistakes; i < page->shown.count; i++) {
    if (&page->outcome->rows[page->shown.items[i].row] == row) {
      return &page->shown.items[i];
    }
  }
  return NULL;
}

static void append_least_certain(tw_page *page) {
  size_t right = page->shown.count - page->shown.mistakes;
  tw_page_put(page, "<h3>Least certain right answers</h3>\n");
  if (right == 0) {
    tw_page_put(page, "<p>None is shown.</p>\n");
    return;
  }
  const tw_report_row **rows = tw_alloc(right, sizeof *rows);
  if (rows == NULL) {
    page->out->failed = true;
    return;
  }
  for (size_t i = 0; i < right; i++) {
    rows[i] = &page->outcome->rows[page->shown.items[page->shown.mistakes + i].row];
  }
  qsort(rows, right, sizeof *rows, by_doubt);
  tw_page_put(page, "<p>Right, but with a low probability.</p>\n<div class=\"figures\">");
  for (size_t i = 0; i < right && i < EXTREMES; i++) {
    tw_page_figure(page, shown_of(page, rows[i]), true);
  }
  tw_page_put(page, "</div>\n");
  tw_free(rows);
}

void tw_page_extremes(tw_page *page) {
  tw_page_section(page, "mistakes", "Mistakes and close calls", true);
  if (!page->shown.pictures) {
    tw_page_put(page, "<p>The features came from a file, so there are no pictures to show.</p>\n");
  }
  append_worst(page);
  append_least_certain(page);
  tw_page_put(page, "</section>\n");
}

/* ---- All that is shown ------------------------------------------------------------------------------------------- */

typedef struct place {
  const tw_shown *item;
  uint32_t label;
  uint32_t predicted;
} place;

/* Mistakes of a class before its right ones, which are many; otherwise as the set has them. */
static int by_cell(const void *a, const void *b) {
  const place *x = a;
  const place *y = b;
  if (x->label != y->label) {
    return x->label > y->label ? 1 : -1;
  }
  bool right = x->predicted == x->label;
  if (right != (y->predicted == y->label)) {
    return right ? 1 : -1;
  }
  if (x->predicted != y->predicted) {
    return x->predicted > y->predicted ? 1 : -1;
  }
  return (x->item > y->item) - (x->item < y->item);
}

static void append_class_head(tw_page *page, uint32_t label) {
  const tw_class_metrics *each = &page->outcome->test->each[label];
  tw_page_put(page, "<details><summary>");
  tw_page_name(page, label);
  tw_buffer_format(page->out, ": %zu of %zu right</summary>\n", each->correct, each->support);
}

static bool has_room(const tw_page *page) {
  return page->out->size <= TW_REPORT_MAX_BYTES - ROOM_FOR_END;
}

/* A figure, unless the page would become too large for it. */
static void append_if_room(tw_page *page, const tw_shown *item) {
  size_t before = page->out->size;
  tw_page_figure(page, item, false);
  if (!has_room(page)) {
    page->out->size = before;
    page->no_room++;
  }
}

/* The pictures of one cell, places[0..count-1]. */
static void append_cell(tw_page *page, const place *places, size_t count) {
  size_t all = page->outcome->test->confusion[places->label * page->outcome->class_count + places->predicted];
  tw_buffer_format(page->out, "<div class=\"cell\" id=\"p%u-%u\"><h4>", places->label, places->predicted);
  if (places->label == places->predicted) {
    tw_buffer_format(page->out, "Right: %zu", all);
  } else {
    tw_page_put(page, "Taken for ");
    tw_page_name(page, places->predicted);
    tw_buffer_format(page->out, ": %zu", all);
  }
  if (all > count) {
    tw_buffer_format(page->out, ", %zu of them here", count);
  }
  tw_page_put(page, "</h4><div class=\"figures\">");
  for (size_t i = 0; i < count; i++) {
    append_if_room(page, places[i].item);
  }
  tw_page_put(page, "</div></div>\n");
}

/* Where the run of places with the label (and, with same_cell, the prediction) of places[0] ends. */
static size_t run_length(const place *places, size_t count, bool same_cell) {
  size_t end = 1;
  while (end < count && places[end].label == places->label &&
         (!same_cell || places[end].predicted == places->predicted)) {
    end++;
  }
  return end;
}

static void append_class(tw_page *page, const place *places, size_t count) {
  append_class_head(page, places->label);
  for (size_t i = 0, length; i < count; i += length) {
    length = run_length(places + i, count - i, true);
    if (has_room(page)) {
      append_cell(page, places + i, length);
    } else {
      page->no_room += length;
    }
  }
  tw_page_put(page, "</details>\n");
}

static void append_places(tw_page *page, const place *places, size_t count) {
  for (size_t i = 0, length; i < count; i += length) {
    length = run_length(places + i, count - i, false);
    if (has_room(page)) {
      append_class(page, places + i, length);
    } else {
      page->no_room += length;
    }
  }
}

static void append_left_out(tw_page *page) {
  const tw_shown_set *shown = &page->shown;
  tw_page_put(page, "<p>Shown above: ");
  tw_html_count(page->out, shown->mistakes, "mistake", "mistakes");
  tw_buffer_format(page->out, " and %zu right, at most %d of a class. Left out: ", shown->count - shown->mistakes,
                   TW_REPORT_MAX_RIGHT);
  tw_html_count(page->out, shown->mistakes_left_out, "mistake", "mistakes");
  tw_buffer_format(page->out, " and %zu right", shown->right_left_out);
  if (page->no_room > 0) {
    tw_buffer_format(page->out, ", and %zu for want of room", page->no_room);
  }
  tw_page_put(page, "; <code>predictions.csv</code> has all.");
  if (shown->pictures && shown->gone > 0) {
    tw_buffer_format(page->out, " %zu could not be read any more when this page was written.", shown->gone);
  }
  tw_page_put(page, "</p>\n");
}

void tw_page_gallery(tw_page *page) {
  const tw_shown_set *shown = &page->shown;
  place *places = tw_alloc(shown->count, sizeof *places);
  if (places == NULL) {
    page->out->failed = true;
    return;
  }
  for (size_t i = 0; i < shown->count; i++) {
    const tw_report_row *row = &page->outcome->rows[shown->items[i].row];
    places[i] = (place){&shown->items[i], row->label_index, row->predicted_index};
  }
  qsort(places, shown->count, sizeof *places, by_cell);
  tw_page_section(page, "pictures", "All shown, by class", true);
  if (!shown->pictures) {
    tw_page_put(page, "<p>The features came from a file, so there are no pictures to show, only their names.</p>\n");
  }
  append_places(page, places, shown->count);
  tw_free(places);
  append_left_out(page);
  tw_page_put(page, "</section>\n");
}
