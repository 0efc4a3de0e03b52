/* Placing buffers that live for a while into one block of memory.
 *
 * The idea: walk over the buffers as they come to life and keep a list of those alive, ordered by offset. The gaps
 * between neighbours are the room there is. */
#include "engine/lifetimes.h"

#include <stdlib.h>
#include <string.h>

typedef struct alive {
  size_t begin;
  size_t end;
  size_t last;
} alive;

static int by_first_step(const void *a, const void *b) {
  const tw_lifetime *x = *(tw_lifetime *const *)a;
  const tw_lifetime *y = *(tw_lifetime *const *)b;
  if (x->first != y->first) {
    return x->first < y->first ? -1 : 1;
  }
  if (x->bytes != y->bytes) {
    return x->bytes > y->bytes ? -1 : 1;
  }
  return x < y ? -1 : x > y;
}

static size_t drop_dead(alive *list, size_t count, size_t step) {
  size_t kept = 0;
  for (size_t i = 0; i < count; i++) {
    if (list[i].last >= step) {
      list[kept++] = list[i];
    }
  }
  return kept;
}

/* The index in the list before which a buffer of that size goes: the smallest gap that holds it, else the end. */
static size_t best_gap(const alive *list, size_t count, size_t bytes) {
  size_t best = count;
  size_t best_room = SIZE_MAX;
  size_t end = 0;
  for (size_t i = 0; i < count; i++) {
    size_t room = list[i].begin - end;
    if (room >= bytes && room < best_room) {
      best = i;
      best_room = room;
    }
    end = list[i].end;
  }
  return best;
}

static tw_status place(alive *list, size_t count, tw_lifetime *buffer, size_t limit, tw_error *error) {
  size_t padded;
  if (!tw_add_size(buffer->bytes, TW_LIFETIME_ALIGNMENT - 1, &padded)) {
    return tw_error_set(error, TW_E_LIMIT, "a buffer of %zu bytes is too large", buffer->bytes);
  }
  padded &= ~(size_t)(TW_LIFETIME_ALIGNMENT - 1);
  size_t at = best_gap(list, count, padded);
  size_t begin = at == 0 ? 0 : list[at - 1].end;
  if (padded > limit || begin > limit - padded) {
    return tw_error_set(error, TW_E_LIMIT, "the network needs more than %zu bytes of working memory", limit);
  }
  memmove(&list[at + 1], &list[at], (count - at) * sizeof *list);
  list[at] = (alive){begin, begin + padded, buffer->last};
  buffer->offset = begin;
  return TW_OK;
}

tw_status tw_lifetimes_place(tw_lifetime *buffers, size_t count, size_t limit, size_t *ret_bytes, tw_error *error) {
  tw_lifetime **order = tw_alloc(count, sizeof(tw_lifetime *));
  alive *list = tw_alloc(count + 1, sizeof *list);
  tw_status status = order == NULL || list == NULL ? tw_error_memory(error) : TW_OK;
  size_t total = 0;
  size_t living = 0;
  if (status == TW_OK) {
    for (size_t i = 0; i < count; i++) {
      order[i] = &buffers[i];
    }
    qsort(order, count, sizeof *order, by_first_step);
  }
  for (size_t i = 0; status == TW_OK && i < count; i++) {
    living = drop_dead(list, living, order[i]->first);
    status = place(list, living, order[i], limit, error);
    if (status == TW_OK) {
      living++;
      total = list[living - 1].end > total ? list[living - 1].end : total;
    }
  }
  tw_free(order);
  tw_free(list);
  if (status == TW_OK) {
    *ret_bytes = total;
  }
  return status;
}
