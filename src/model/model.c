/* A model in memory: trunk, top and record, and the path from pictures to probabilities. Not its file: see
 * model_write.c and model_read.c. */
#include "model/model.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

void tw_model_record_done(tw_model_record *record) {
  for (size_t i = 0; i < record->class_count; i++) {
    tw_free(record->classes[i]);
  }
  tw_free(record->classes);
  for (size_t part = 0; part < 3; part++) {
    tw_free(record->contents[part]);
  }
  tw_free(record->path.points);
  tw_history_free(record->history);
  tw_free(record->repeat_accuracies);
  tw_free(record->repeat_class_accuracies);
  *record = (tw_model_record){0};
}

tw_status tw_model_create(tw_trunk *trunk, tw_top *top, tw_model_record *record, tw_model **ret_model,
                          tw_error *error) {
  tw_model *model = tw_alloc(1, sizeof *model);
  if (model == NULL) {
    tw_trunk_free(trunk);
    tw_top_free(top);
    tw_model_record_done(record);
    return tw_error_memory(error);
  }
  *model = (tw_model){.trunk = trunk, .top = top, .record = *record};
  *record = (tw_model_record){0};
  *ret_model = model;
  return TW_OK;
}

void tw_model_free(tw_model *model) {
  if (model != NULL) {
    tw_trunk_free(model->trunk);
    tw_top_free(model->top);
    tw_model_record_done(&model->record);
    tw_free(model);
  }
}

tw_part tw_model_part_of(const tw_model *model, const tw_hash *content) {
  for (int part = TW_PART_TRAINING; part <= TW_PART_TEST; part++) {
    size_t count = model->record.content_counts[part];
    if (count > 0 && bsearch(content, model->record.contents[part], count, sizeof(tw_hash), tw_hash_order) != NULL) {
      return (tw_part)part;
    }
  }
  return TW_PART_UNSET;
}

size_t tw_model_class(const tw_model *model, const char *name) {
  size_t low = 0;
  size_t high = model->record.class_count;
  while (low < high) {
    size_t middle = low + (high - low) / 2;
    int order = strcmp(name, model->record.classes[middle]);
    if (order == 0) {
      return middle;
    }
    if (order < 0) {
      high = middle;
    } else {
      low = middle + 1;
    }
  }
  return SIZE_MAX;
}

static tw_status needs_trunk(const tw_model *model, tw_error *error) {
  return model->trunk != NULL ? TW_OK
                              : tw_error_set(error, TW_E_ARGUMENT,
                                             "this model takes rows of %zu features, not pictures: it was trained with "
                                             "--features; a model trained on a folder takes pictures",
                                             model->top->dimensions);
}

tw_status tw_model_predict(const tw_model *model, tw_cache *cache, const char *const *paths, size_t count, int threads,
                           tw_ticker *ticker, tw_extraction **ret_extraction, float **ret_probabilities,
                           tw_error *error) {
  TW_TRY(needs_trunk(model, error));
  tw_extract_options options = {.threads = threads, .head = TW_HEAD_FEATURES, .ticker = ticker};
  tw_extraction *extraction;
  TW_TRY(tw_extract(model->trunk, cache, paths, count, &options, &extraction, error));
  size_t classes = model->top->classes;
  size_t cells;
  float *probabilities = tw_mul_size(count, classes, &cells) ? tw_alloc(cells, sizeof *probabilities) : NULL;
  tw_status status = probabilities == NULL ? tw_error_memory(error)
                                           : tw_top_apply(model->top, extraction->rows, count, tw_thread_count(threads),
                                                          probabilities, error);
  if (status != TW_OK) {
    tw_free(probabilities);
    tw_extraction_free(extraction);
    return status;
  }
  for (size_t i = 0; i < count; i++) {
    if (extraction->items[i].status != TW_OK) {
      memset(probabilities + i * classes, 0, classes * sizeof *probabilities);
    }
  }
  *ret_extraction = extraction;
  *ret_probabilities = probabilities;
  return TW_OK;
}

tw_status tw_model_features_one(const tw_model *model, const tw_source *source, int threads, float *ret_features,
                                tw_error *error) {
  TW_TRY(needs_trunk(model, error));
  return tw_extract_one(model->trunk, source, TW_HEAD_FEATURES, threads, ret_features, error);
}

tw_status tw_model_apply(const tw_model *model, const float *features, float *ret_probabilities, tw_error *error) {
  for (size_t i = 0; i < model->top->dimensions; i++) {
    if (!isfinite(features[i])) {
      return tw_error_set(error, TW_E_DATA, "feature %zu is not a finite number", i);
    }
  }
  return tw_top_apply(model->top, features, 1, 1, ret_probabilities, error);
}

tw_status tw_model_predict_one(const tw_model *model, const tw_source *source, int threads, float *ret_probabilities,
                               tw_error *error) {
  TW_TRY(needs_trunk(model, error));
  float *features = tw_alloc(model->top->dimensions, sizeof *features);
  if (features == NULL) {
    return tw_error_memory(error);
  }
  tw_status status = tw_model_features_one(model, source, threads, features, error);
  if (status == TW_OK) {
    status = tw_model_apply(model, features, ret_probabilities, error);
  }
  tw_free(features);
  return status;
}

void tw_largest(const float *values, size_t count, size_t k, size_t *ret_indices) {
  size_t have = 0;
  for (size_t i = 0; i < count; i++) {
    size_t at = have;
    while (at > 0 && values[i] > values[ret_indices[at - 1]]) {
      at--;
    }
    if (at < k) {
      size_t last = have < k ? have : k - 1;
      memmove(ret_indices + at + 1, ret_indices + at, (last - at) * sizeof *ret_indices);
      ret_indices[at] = i;
      have += have < k ? 1 : 0;
    }
  }
}
