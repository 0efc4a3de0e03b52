/* Data sets from a folder of pictures; those from files are made in dataset_files.c. */
#include <stdlib.h>
#include <string.h>

#include "api/internal.h"

void tw_dataset_free(tw_dataset *dataset) {
  if (dataset == NULL) {
    return;
  }
  for (size_t i = 0; dataset->classes != NULL && i < dataset->class_count; i++) {
    tw_free(dataset->classes[i]);
  }
  for (size_t i = 0; dataset->paths != NULL && i < dataset->count; i++) {
    tw_free(dataset->paths[i]);
  }
  for (size_t i = 0; i < dataset->skipped_count; i++) {
    tw_free(dataset->skipped[i].path);
    tw_free(dataset->skipped[i].reason);
  }
  for (size_t i = 0; dataset->empty != NULL && i < dataset->empty_count; i++) {
    tw_free(dataset->empty[i]);
  }
  tw_free(dataset->classes);
  tw_free(dataset->features);
  tw_free(dataset->labels);
  tw_free(dataset->contents);
  tw_free(dataset->given);
  tw_free(dataset->paths);
  tw_free(dataset->skipped);
  tw_free(dataset->empty);
  tw_free(dataset);
}

tw_samples tw_dataset_samples(const tw_dataset *dataset) {
  return (tw_samples){.count = dataset->count,
                      .dimensions = dataset->dimensions,
                      .classes = dataset->class_count,
                      .features = dataset->features,
                      .labels = dataset->labels,
                      .contents = dataset->contents};
}

tw_dataset *tw_dataset_create(size_t count) {
  tw_dataset *dataset = tw_alloc(1, sizeof *dataset);
  if (dataset == NULL) {
    return NULL;
  }
  dataset->labels = tw_alloc(count, sizeof *dataset->labels);
  dataset->contents = tw_alloc(count, sizeof *dataset->contents);
  dataset->paths = tw_alloc(count, sizeof *dataset->paths);
  if (dataset->labels == NULL || dataset->contents == NULL || dataset->paths == NULL) {
    tw_dataset_free(dataset);
    return NULL;
  }
  return dataset;
}

/* Drops the classes that no row has, as when all of a class's pictures are corrupt. */
static tw_status drop_unused_classes(tw_dataset *dataset, tw_error *error) {
  uint32_t *renumbered = tw_alloc(dataset->class_count, sizeof *renumbered);
  char **dropped = tw_realloc(dataset->empty, dataset->empty_count + dataset->class_count, sizeof *dropped);
  if (renumbered == NULL || dropped == NULL) {
    dataset->empty = dropped != NULL ? dropped : dataset->empty;
    tw_free(renumbered);
    return tw_error_memory(error);
  }
  dataset->empty = dropped;
  for (size_t i = 0; i < dataset->count; i++) {
    renumbered[dataset->labels[i]] = 1;
  }
  uint32_t kept = 0;
  for (size_t i = 0; i < dataset->class_count; i++) {
    if (renumbered[i] == 1) {
      renumbered[i] = kept;
      dataset->classes[kept++] = dataset->classes[i];
    } else {
      dataset->empty[dataset->empty_count++] = dataset->classes[i];
    }
  }
  dataset->class_count = kept;
  for (size_t i = 0; i < dataset->count; i++) {
    dataset->labels[i] = renumbered[dataset->labels[i]];
  }
  tw_free(renumbered);
  return TW_OK;
}

/* Moves what the listing owns into the data set: row i is picture i where its features could be computed. */
static tw_status take_pictures(tw_dataset *dataset, tw_listing *listing, tw_extraction *extraction, tw_error *error) {
  tw_skipped *skipped = tw_realloc(listing->skipped, listing->skipped_count + extraction->failed, sizeof *skipped);
  uint8_t *given = listing->has_parts ? tw_alloc(listing->count, sizeof *given) : NULL;
  if (skipped == NULL || (listing->has_parts && given == NULL)) {
    listing->skipped = skipped != NULL ? skipped : listing->skipped;
    tw_free(given);
    return tw_error_memory(error);
  }
  dataset->skipped = skipped;
  dataset->skipped_count = listing->skipped_count;
  dataset->given = given;
  listing->skipped = NULL;
  listing->skipped_count = 0;
  size_t d = extraction->dimensions;
  for (size_t i = 0; i < listing->count; i++) {
    tw_picture *picture = &listing->pictures[i];
    tw_extracted *item = &extraction->items[i];
    if (item->status != TW_OK) {
      dataset->skipped[dataset->skipped_count++] = (tw_skipped){picture->path, item->reason};
      item->reason = NULL;
    } else {
      size_t row = dataset->count++;
      memmove(extraction->rows + row * d, extraction->rows + i * d, d * sizeof(float));
      dataset->labels[row] = picture->label;
      dataset->contents[row] = item->content;
      dataset->paths[row] = picture->path;
      if (given != NULL) {
        given[row] = picture->part;
      }
    }
    picture->path = NULL;
  }
  dataset->dimensions = d;
  dataset->features = extraction->rows;
  extraction->rows = NULL;
  return TW_OK;
}

static void take_lists(tw_dataset *dataset, tw_listing *listing) {
  dataset->classes = listing->classes;
  dataset->class_count = listing->class_count;
  dataset->empty = listing->empty;
  dataset->empty_count = listing->empty_count;
  dataset->loose_count = listing->loose_count;
  dataset->ignored = listing->ignored;
  listing->classes = NULL;
  listing->class_count = 0;
  listing->empty = NULL;
  listing->empty_count = 0;
}

static tw_status extract_paths(const tw_tool *tool, const char *const *paths, size_t count, tw_trunk *trunk,
                               tw_extraction **ret_extraction, tw_error *error) {
  tw_cache *cache;
  TW_TRY(tw_api_open_cache(tool, &cache, error));
  tw_ticker ticker = tw_api_ticker(tool);
  tw_extract_options options = {.threads = tool->threads, .head = TW_HEAD_FEATURES, .ticker = &ticker};
  tw_status status = tw_extract(trunk, cache, paths, count, &options, ret_extraction, error);
  tw_api_close_cache(tool, cache);
  return status;
}

static tw_status extract_listing(const tw_tool *tool, const tw_listing *listing, tw_trunk *trunk,
                                 const tw_tool_trunk *request, tw_extraction **ret_extraction, tw_error *error) {
  const char **paths = tw_alloc(listing->count, sizeof *paths);
  if (paths == NULL) {
    return tw_error_memory(error);
  }
  for (size_t i = 0; i < listing->count; i++) {
    paths[i] = listing->pictures[i].path;
  }
  tw_status status =
      request == NULL ? TW_OK : tw_api_choose_precision(tool, request, trunk, paths, listing->count, error);
  if (status == TW_OK) {
    status = extract_paths(tool, paths, listing->count, trunk, ret_extraction, error);
  }
  tw_free(paths);
  return status;
}

tw_status tw_dataset_from_folder(const tw_tool *tool, const char *folder, tw_trunk *trunk, const tw_tool_trunk *request,
                                 tw_dataset **ret_dataset, tw_error *error) {
  tw_listing *listing;
  TW_TRY(tw_walk_classes(folder, &listing, error));
  if (listing->count == 0) {
    tw_status status = tw_error_set(
        error, TW_E_DATA,
        "%s: holds no subfolder with pictures, but %zu picture%s directly; each class needs a subfolder (if it "
        "is itself a class, give the folder above it)",
        folder, listing->loose_count, listing->loose_count == 1 ? "" : "s");
    tw_listing_free(listing);
    return status;
  }
  tw_extraction *extraction = NULL;
  tw_status status = extract_listing(tool, listing, trunk, request, &extraction, error);
  tw_dataset *dataset = status == TW_OK ? tw_dataset_create(listing->count) : NULL;
  if (status == TW_OK && dataset == NULL) {
    status = tw_error_memory(error);
  }
  if (status == TW_OK) {
    dataset->cached = extraction->cached;
    status = take_pictures(dataset, listing, extraction, error);
  }
  if (status == TW_OK) {
    take_lists(dataset, listing);
    status = drop_unused_classes(dataset, error);
  }
  tw_extraction_free(extraction);
  tw_listing_free(listing);
  if (status != TW_OK) {
    tw_dataset_free(dataset);
    return status;
  }
  *ret_dataset = dataset;
  return TW_OK;
}

tw_status tw_api_measure(const float *probabilities, const uint32_t *labels, const bool *counted, size_t count,
                         size_t classes, uint32_t baseline_class, tw_metrics **ret_metrics, tw_error *error) {
  float *rows = tw_alloc(count, classes * sizeof *rows);
  uint32_t *row_labels = tw_alloc(count, sizeof *row_labels);
  tw_status status = rows == NULL || row_labels == NULL ? tw_error_memory(error) : TW_OK;
  size_t have = 0;
  for (size_t i = 0; status == TW_OK && i < count; i++) {
    if (counted[i]) {
      memcpy(rows + have * classes, probabilities + i * classes, classes * sizeof *rows);
      row_labels[have++] = labels[i];
    }
  }
  if (status == TW_OK && have > 0) {
    status = tw_metrics_compute(rows, row_labels, have, classes, baseline_class, ret_metrics, error);
  }
  tw_free(rows);
  tw_free(row_labels);
  return status;
}
