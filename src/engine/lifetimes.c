/* Placing buffers that live for a while into one block of memory.
 *
 * The idea: the largest first, since small ones fit into what is left. Those placed are kept in order of their offset;
 * one walk over the ones that live at the same time finds the gaps between them. */
#include "engine/lifetimes.h"

#include <stdlib.h>
#include <string.h>

static int larger_first(const void *a, const void *b) {
  const tw_lifetime *x = *(tw_lifetime *const *)a;
  const tw_lifetime *y = *(tw_lifetime *const *)b;
  if (x->bytes != y->bytes) {
    return x->bytes > y->bytes ? -1 : 1;
  }
  if (x->first != y->first) {
    return x->first < y->first ? -1 : 1;
  }
  return x < y ? -1 : x > y;
}

/* SIZE_MAX when it overflows. */
static size_t padded_size(const tw_lifetime *buffer) {
  size_t sum;
  return tw_add_size(buffer->bytes, TW_LIFETIME_ALIGNMENT - 1, &sum) ? sum & ~(size_t)(TW_LIFETIME_ALIGNMENT - 1)
                                                                     : SIZE_MAX;
}

static bool meet(const tw_lifetime *a, const tw_lifetime *b) {
  return a->first <= b->last && b->first <= a->last;
}

/* The offset of the smallest gap that holds `size` bytes beside the placed ones that live at the same time, else the
 * end of the last of those. */
static size_t best_offset(tw_lifetime *const *placed, size_t count, const tw_lifetime *buffer, size_t size) {
  size_t end = 0;
  size_t best = 0;
  size_t best_room = SIZE_MAX;
  for (size_t i = 0; i < count; i++) {
    if (!meet(placed[i], buffer)) {
      continue;
    }
    size_t room = placed[i]->offset > end ? placed[i]->offset - end : 0;
    if (room >= size && room < best_room) {
      best = end;
      best_room = room;
    }
    size_t its_end = placed[i]->offset + padded_size(placed[i]);
    end = its_end > end ? its_end : end;
  }
  return best_room == SIZE_MAX ? end : best;
}

static void insert(tw_lifetime **placed, size_t count, tw_lifetime *buffer) {
  size_t at = count;
  while (at > 0 && placed[at - 1]->offset > buffer->offset) {
    placed[at] = placed[at - 1];
    at--;
  }
  placed[at] = buffer;
}

static tw_status place_all(tw_lifetime **order, tw_lifetime **placed, size_t count, size_t limit, size_t *ret_bytes,
                           tw_error *error) {
  size_t total = 0;
  for (size_t i = 0; i < count; i++) {
    size_t size = padded_size(order[i]);
    size_t offset = best_offset(placed, i, order[i], size);
    if (size == SIZE_MAX || size > limit || offset > limit - size) {
      return tw_error_set(error, TW_E_LIMIT, "the network needs more than %zu bytes of working memory", limit);
    }
    order[i]->offset = offset;
    insert(placed, i, order[i]);
    total = offset + size > total ? offset + size : total;
  }
  *ret_bytes = total;
  return TW_OK;
}

tw_status tw_lifetimes_place(tw_lifetime *buffers, size_t count, size_t limit, size_t *ret_bytes, tw_error *error) {
  tw_lifetime **order = tw_alloc(count, sizeof(tw_lifetime *));
  tw_lifetime **placed = tw_alloc(count, sizeof(tw_lifetime *));
  tw_status status = TW_E_MEMORY;
  if (order == NULL || placed == NULL) {
    tw_error_memory(error);
  } else {
    for (size_t i = 0; i < count; i++) {
      order[i] = &buffers[i];
    }
    qsort(order, count, sizeof *order, larger_first);
    status = place_all(order, placed, count, limit, ret_bytes, error);
  }
  tw_free(order);
  tw_free(placed);
  return status;
}
