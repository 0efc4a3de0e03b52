/* Pictures one after the other, computed many at a time. */
#include "api/stream.h"

/* Progress over all chunks from the progress of one. */
typedef struct whole {
  const tw_tool *tool;
  size_t before; /* pictures of earlier chunks */
  size_t cached_before;
  size_t total;
} whole;

static bool report_whole(void *context, const tw_progress *progress) {
  const whole *whole = context;
  tw_progress all = {.stage = progress->stage,
                     .done = whole->before + progress->done,
                     .total = whole->total,
                     .cached = whole->cached_before + progress->cached};
  return whole->tool->progress(whole->tool->context, &all);
}

static tw_status run_chunk(const tw_tool *tool, tw_trunk *trunk, tw_trunk_head head, tw_cache *cache, whole *whole,
                           const char *const *paths, size_t count, tw_row_fn each, void *context, size_t *skipped,
                           tw_error *error) {
  tw_ticker ticker = {.callback = tool->progress == NULL ? NULL : report_whole, .context = whole};
  tw_extract_options options = {.threads = tool->threads, .head = head, .ticker = &ticker};
  tw_extraction *extraction;
  TW_TRY(tw_extract(trunk, cache, paths, count, &options, &extraction, error));
  tw_status status = TW_OK;
  for (size_t i = 0; status == TW_OK && i < count; i++) {
    if (extraction->items[i].status != TW_OK) {
      tw_api_note_skipped(tool, paths[i], extraction->items[i].reason);
      (*skipped)++;
    } else {
      status = each(context, paths[i], extraction->rows + i * extraction->dimensions, error);
    }
  }
  whole->before += count;
  whole->cached_before += extraction->cached;
  tw_extraction_free(extraction);
  return status;
}

tw_status tw_api_stream(const tw_tool *tool, tw_trunk *trunk, tw_trunk_head head, const char *const *paths,
                        size_t count, tw_row_fn each, void *context, size_t *ret_skipped, tw_error *error) {
  tw_listing *listing;
  TW_TRY(tw_walk_files(paths, count, &listing, error));
  size_t skipped = listing->skipped_count;
  for (size_t i = 0; i < listing->skipped_count; i++) {
    tw_api_note_skipped(tool, listing->skipped[i].path, listing->skipped[i].reason);
  }
  tw_status status = TW_OK;
  if (listing->count == 0) {
    status = tw_error_set(error, TW_E_DATA, "no picture among what was given");
  }
  const char **all = tw_alloc(listing->count, sizeof *all);
  if (all == NULL) {
    status = tw_error_memory(error);
  }
  for (size_t i = 0; all != NULL && i < listing->count; i++) {
    all[i] = listing->pictures[i].path;
  }
  tw_cache *cache = NULL;
  if (status == TW_OK && head == TW_HEAD_FEATURES) {
    status = tw_api_open_cache(tool, &cache, error);
  }
  whole whole = {.tool = tool, .total = listing->count};
  for (size_t at = 0; status == TW_OK && at < listing->count; at += TW_STREAM_CHUNK) {
    size_t left = listing->count - at;
    status = run_chunk(tool, trunk, head, cache, &whole, all + at, left < TW_STREAM_CHUNK ? left : TW_STREAM_CHUNK,
                       each, context, &skipped, error);
  }
  tw_api_close_cache(tool, cache);
  if (status == TW_OK && skipped > 0 && skipped == whole.before + listing->skipped_count) {
    status = tw_error_set(error, TW_E_DATA, "no picture among what was given could be read");
  }
  tw_free(all);
  tw_listing_free(listing);
  if (ret_skipped != NULL) {
    *ret_skipped = skipped;
  }
  return status;
}
