/* Chooses the pictures of the page: all mistakes up to a limit, and of each class the right ones nearest to a mistake.
 */
#include "report/shown.h"

#include <stdlib.h>

typedef struct candidate {
  size_t row;
  uint32_t class; /* its own */
  size_t rank;    /* among the right ones of its class */
  float probability;
} candidate;

static int by_row(const candidate *a, const candidate *b) {
  return (a->row > b->row) - (a->row < b->row);
}

/* Negative when `a` has the larger probability. */
static int by_probability(const candidate *a, const candidate *b) {
  return a->probability > b->probability ? -1 : a->probability < b->probability;
}

static int surest_first(const void *a, const void *b) {
  int order = by_probability(a, b);
  return order != 0 ? order : by_row(a, b);
}

static int by_class_then_doubt(const void *a, const void *b) {
  const candidate *x = a;
  const candidate *y = b;
  if (x->class != y->class) {
    return x->class > y->class ? 1 : -1;
  }
  int order = by_probability(y, x);
  return order != 0 ? order : by_row(x, y);
}

static int by_rank_then_doubt(const void *a, const void *b) {
  const candidate *x = a;
  const candidate *y = b;
  if (x->rank != y->rank) {
    return x->rank > y->rank ? 1 : -1;
  }
  return x->class != y->class ? (x->class > y->class ? 1 : -1) : by_row(x, y);
}

static size_t gather(const tw_outcome *outcome, bool right, candidate *candidates) {
  size_t count = 0;
  for (size_t i = 0; i < outcome->row_count; i++) {
    const tw_report_row *row = &outcome->rows[i];
    if (row->tested && (row->label_index == row->predicted_index) == right) {
      candidates[count++] = (candidate){.row = i, .class = row->label_index, .probability = row->probability};
    }
  }
  return count;
}

/* Keeps the TW_REPORT_MAX_RIGHT least certain of each class, all first ones before all second ones. */
static size_t thin_out_right(candidate *candidates, size_t count) {
  size_t kept = 0;
  size_t rank = 0;
  qsort(candidates, count, sizeof *candidates, by_class_then_doubt);
  for (size_t i = 0; i < count; i++) {
    candidate one = candidates[i];
    rank = kept > 0 && candidates[kept - 1].class == one.class ? rank + 1 : 0;
    if (rank < TW_REPORT_MAX_RIGHT) {
      one.rank = rank;
      candidates[kept++] = one;
    }
  }
  qsort(candidates, kept, sizeof *candidates, by_rank_then_doubt);
  return kept;
}

static void take(tw_shown_set *set, const candidate *candidates, size_t count) {
  for (size_t i = 0; i < count; i++) {
    set->items[set->count++] = (tw_shown){.row = candidates[i].row};
  }
}

tw_status tw_shown_choose(const tw_outcome *outcome, tw_shown_set *ret_set, tw_error *error) {
  tw_shown_set set = {.pictures = outcome->trunk_name != NULL};
  candidate *candidates = tw_alloc(outcome->row_count, sizeof *candidates);
  set.items = tw_alloc(TW_SHOWN_MAX, sizeof *set.items);
  if (candidates == NULL || set.items == NULL) {
    tw_free(candidates);
    tw_free(set.items);
    return tw_error_memory(error);
  }
  size_t mistakes = gather(outcome, false, candidates);
  set.mistakes = mistakes < TW_REPORT_MAX_MISTAKES ? mistakes : TW_REPORT_MAX_MISTAKES;
  set.mistakes_left_out = mistakes - set.mistakes;
  qsort(candidates, mistakes, sizeof *candidates, surest_first);
  take(&set, candidates, set.mistakes);
  size_t right = gather(outcome, true, candidates);
  size_t kept = thin_out_right(candidates, right);
  kept = kept < TW_SHOWN_MAX - set.mistakes ? kept : TW_SHOWN_MAX - set.mistakes;
  set.right_left_out = right - kept;
  take(&set, candidates, kept);
  tw_free(candidates);
  *ret_set = set;
  return TW_OK;
}

void tw_shown_done(tw_shown_set *set) {
  for (size_t i = 0; i < set->count; i++) {
    tw_buffer_done(&set->items[i].base64);
  }
  tw_free(set->items);
  *set = (tw_shown_set){0};
}
