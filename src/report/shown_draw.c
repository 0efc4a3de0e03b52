/* The thumbnails of the page, made in parallel and in order until the room for them is used. */
#include <stdatomic.h>

#include "report/shown.h"

enum { BLOCK = 128 /* pictures between two looks at the room that is left */ };

typedef struct studio {
  tw_shown *items; /* of this block */
  size_t count;
  const tw_outcome *outcome;
  tw_image_reader **readers; /* a task */
  int quality;
  atomic_size_t next;
} studio;

/* Fewer pictures may be finer ones. */
static int quality_for(size_t count) {
  return count <= 800 ? 75 : count <= 1600 ? 62 : count <= 2600 ? 50 : 42;
}

/* A picture that cannot be read any more is none of this run's failures. */
tw_status tw_shown_read(tw_image_reader *reader, const char *path, size_t side, int quality, tw_shown *item,
                        tw_error *error) {
  tw_map *map;
  if (tw_map_open(path, &map, NULL) != TW_OK) {
    return TW_OK;
  }
  tw_image image;
  tw_buffer jpeg = {0};
  tw_status status = tw_image_thumbnail(reader, tw_map_bytes(map), side, &image, error);
  if (status == TW_OK) {
    status = tw_image_encode_jpeg(&image, quality, &jpeg, error);
  }
  if (status == TW_OK) {
    tw_base64_append(&item->base64, jpeg.data, jpeg.size);
    item->width = image.width;
    item->height = image.height;
    status = tw_buffer_status(&item->base64, error);
  }
  tw_buffer_done(&jpeg);
  tw_map_close(map);
  return status == TW_E_MEMORY ? status : TW_OK;
}

static tw_status run_task(void *context, size_t task, tw_error *error) {
  studio *studio = context;
  tw_status status = TW_OK;
  while (status == TW_OK) {
    size_t i = atomic_fetch_add(&studio->next, 1);
    if (i >= studio->count) {
      break;
    }
    tw_shown *item = &studio->items[i];
    const char *path = studio->outcome->rows[item->row].path;
    status = tw_shown_read(studio->readers[task], path, TW_REPORT_THUMBNAIL, studio->quality, item, error);
  }
  return status;
}

/* Items from `end` on do not fit. */
static void drop_from(tw_shown_set *set, size_t end) {
  for (size_t i = end; i < set->count; i++) {
    tw_buffer_done(&set->items[i].base64);
    if (i < set->mistakes) {
      set->mistakes_left_out++;
    } else {
      set->right_left_out++;
    }
  }
  set->count = end < set->count ? end : set->count;
  set->mistakes = set->mistakes < set->count ? set->mistakes : set->count;
}

static tw_status draw_blocks(tw_shown_set *set, studio *studio, int threads, tw_ticker *ticker, tw_error *error) {
  size_t used = 0;
  for (size_t begin = 0; begin < set->count; begin += studio->count) {
    studio->items = set->items + begin;
    studio->count = set->count - begin < BLOCK ? set->count - begin : BLOCK;
    atomic_store(&studio->next, 0);
    TW_TRY(tw_parallel(threads, (size_t)threads, run_task, studio, error));
    for (size_t i = begin; i < begin + studio->count; i++) {
      used += set->items[i].base64.size;
      if (used > TW_SHOWN_MAX_BYTES) {
        drop_from(set, i);
        return TW_OK;
      }
      set->gone += set->items[i].base64.size == 0;
    }
    tw_progress progress = {.stage = "report", .done = begin + studio->count, .total = set->count};
    if (ticker != NULL && !tw_ticker_report(ticker, &progress, begin + studio->count == set->count)) {
      return tw_error_set(error, TW_E_CANCELLED, "stopped while the report was being written");
    }
  }
  return TW_OK;
}

tw_status tw_shown_draw(tw_shown_set *set, const tw_outcome *outcome, int threads, tw_ticker *ticker, tw_error *error) {
  if (!set->pictures || set->count == 0) {
    return TW_OK;
  }
  threads = tw_thread_count(threads);
  studio studio = {.outcome = outcome, .quality = quality_for(set->count)};
  studio.readers = tw_alloc((size_t)threads, sizeof *studio.readers);
  tw_status status = studio.readers == NULL ? tw_error_memory(error) : TW_OK;
  for (int i = 0; status == TW_OK && i < threads; i++) {
    studio.readers[i] = tw_image_reader_create();
    status = studio.readers[i] == NULL ? tw_error_memory(error) : TW_OK;
  }
  if (status == TW_OK) {
    status = draw_blocks(set, &studio, threads, ticker, error);
  }
  for (int i = 0; studio.readers != NULL && i < threads; i++) {
    tw_image_reader_free(studio.readers[i]);
  }
  tw_free(studio.readers);
  return status;
}
