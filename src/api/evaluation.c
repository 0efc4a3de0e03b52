/* A model against a folder: features, classes by name, parts by content, probabilities. */
#include "api/evaluation.h"

#include <stdlib.h>
#include <string.h>

void tw_evaluation_done(tw_evaluation *run) {
  tw_dataset_free(run->dataset);
  tw_free(run->labels);
  tw_free(run->parts);
  tw_free(run->probabilities);
  tw_free(run->unknown);
  tw_free(run->rows);
}

bool tw_part_is_used(const char *part) {
  return part == tw_part_name(TW_PART_TRAINING) || part == tw_part_name(TW_PART_VALIDATION);
}

bool tw_part_is_fresh(const char *part) {
  return strcmp(part, TW_PART_UNSEEN) == 0 || part == tw_part_name(TW_PART_TEST);
}

/* Classes by name: labels of the model for every row, and what it does not know or does not find here. */
static tw_status match_classes(tw_evaluation *run, tw_error *error) {
  const tw_dataset *dataset = run->dataset;
  size_t *match = tw_alloc(dataset->class_count, sizeof *match);
  bool *found = tw_alloc(run->model->record.class_count, sizeof *found);
  run->unknown = tw_alloc(dataset->class_count, sizeof *run->unknown);
  run->labels = tw_alloc(dataset->count, sizeof *run->labels);
  if (match == NULL || found == NULL || run->unknown == NULL || run->labels == NULL) {
    tw_free(match);
    tw_free(found);
    return tw_error_memory(error);
  }
  for (size_t i = 0; i < dataset->class_count; i++) {
    match[i] = tw_model_class(run->model, dataset->classes[i]);
    if (match[i] == SIZE_MAX) {
      run->unknown[run->unknown_count++] = dataset->classes[i];
    } else {
      found[match[i]] = true;
    }
  }
  for (size_t i = 0; i < run->model->record.class_count; i++) {
    run->missing += !found[i];
  }
  for (size_t i = 0; i < dataset->count; i++) {
    size_t label = match[dataset->labels[i]];
    run->labels[i] = label == SIZE_MAX ? UINT32_MAX : (uint32_t)label;
    run->unknown_pictures += label == SIZE_MAX;
  }
  tw_free(match);
  tw_free(found);
  return TW_OK;
}

/* Each content counts once; the same content under two classes is left out; the rest is fresh or was used. */
static tw_status sort_out(tw_evaluation *run, tw_error *error) {
  const tw_dataset *dataset = run->dataset;
  tw_samples samples = tw_dataset_samples(dataset);
  uint8_t *parts = tw_alloc(dataset->count, 1);
  run->parts = tw_alloc(dataset->count, sizeof *run->parts);
  if (parts == NULL || run->parts == NULL) {
    tw_free(parts);
    return tw_error_memory(error);
  }
  tw_status status = tw_parts_settle(&samples, NULL, parts, error);
  for (size_t i = 0; status == TW_OK && i < dataset->count; i++) {
    if (parts[i] != TW_PART_TRAINING) {
      run->parts[i] = tw_part_name((tw_part)parts[i]);
    } else if (run->labels[i] == UINT32_MAX) {
      run->parts[i] = TW_PART_UNKNOWN_CLASS;
    } else {
      tw_part part = tw_model_part_of(run->model, &dataset->contents[i]);
      run->parts[i] = part == TW_PART_UNSET ? TW_PART_UNSEEN : tw_part_name(part);
    }
  }
  tw_free(parts);
  return status;
}

tw_status tw_evaluation_load(tw_evaluation *run, tw_error *error) {
  if (run->model->trunk == NULL) {
    return tw_error_set(error, TW_E_ARGUMENT, "%s: takes features, not pictures: it cannot be tested on a folder",
                        run->model_path);
  }
  tw_api_note_precision(run->tool, run->model);
  TW_TRY(tw_dataset_from_folder(run->tool, run->folder, run->model->trunk, NULL, &run->dataset, error));
  TW_TRY(match_classes(run, error));
  if (run->unknown_count == run->dataset->class_count) {
    return tw_error_set(error, TW_E_DATA, "%s: none of its %zu classes is one the model knows ('%s', '%s', ...)",
                        run->folder, run->dataset->class_count, run->model->record.classes[0],
                        run->model->record.classes[1]);
  }
  TW_TRY(sort_out(run, error));
  size_t k = run->model->record.class_count;
  run->probabilities = tw_alloc(run->dataset->count, k * sizeof *run->probabilities);
  if (run->probabilities == NULL) {
    return tw_error_memory(error);
  }
  return tw_top_apply(run->model->top, run->dataset->features, run->dataset->count, tw_thread_count(run->tool->threads),
                      run->probabilities, error);
}

tw_status tw_evaluation_largest(const tw_evaluation *run, const bool *counted, uint32_t *ret_class, tw_error *error) {
  size_t classes = run->model->record.class_count;
  size_t *counts = tw_alloc(classes, sizeof *counts);
  if (counts == NULL) {
    return tw_error_memory(error);
  }
  for (size_t i = 0; i < run->dataset->count; i++) {
    if (counted[i]) {
      counts[run->labels[i]]++;
    }
  }
  uint32_t best = 0;
  for (uint32_t i = 1; i < classes; i++) {
    best = counts[i] > counts[best] ? i : best;
  }
  tw_free(counts);
  *ret_class = best;
  return TW_OK;
}

tw_status tw_evaluation_measure(const tw_evaluation *run, const bool *counted, uint32_t baseline,
                                tw_metrics **ret_metrics, tw_error *error) {
  return tw_api_measure(run->probabilities, run->labels, counted, run->dataset->count, run->model->record.class_count,
                        baseline, ret_metrics, error);
}

tw_status tw_evaluation_rows(tw_evaluation *run, const bool *counted, tw_error *error) {
  const tw_dataset *dataset = run->dataset;
  size_t k = run->model->record.class_count;
  run->rows = tw_alloc(dataset->count, sizeof *run->rows);
  if (run->rows == NULL) {
    return tw_error_memory(error);
  }
  for (size_t i = 0; i < dataset->count; i++) {
    const float *row = run->probabilities + i * k;
    uint32_t best = tw_top_best(row, k);
    run->rows[i] = (tw_report_row){.path = dataset->paths[i],
                                   .label = dataset->classes[dataset->labels[i]],
                                   .part = run->parts[i],
                                   .prediction = run->model->record.classes[best],
                                   .probability = row[best],
                                   .tested = counted[i],
                                   .label_index = run->labels[i],
                                   .predicted_index = best,
                                   .own_probability = counted[i] ? row[run->labels[i]] : 0};
  }
  return TW_OK;
}

tw_outcome tw_evaluation_outcome(const tw_evaluation *run) {
  const tw_dataset *dataset = run->dataset;
  tw_outcome outcome = {
      .model_path = run->model_path,
      .folder = run->folder,
      .trunk_name = tw_trunk_name(run->model->trunk),
      .precision = tw_trunk_get_precision(run->model->trunk),
      .class_count = run->model->record.class_count,
      .classes = (const char *const *)run->model->record.classes,
      .pictures = dataset->count,
      .train_per_class = run->model->record.train_per_class,
      .skipped_count = dataset->skipped_count,
      .skipped = dataset->skipped,
      .loose_count = dataset->loose_count,
      .ignored = dataset->ignored,
      .empty_count = dataset->empty_count,
      .empty = dataset->empty,
      .unknown_count = run->unknown_count,
      .unknown = run->unknown,
      .unknown_pictures = run->unknown_pictures,
      .missing_count = run->missing,
      .row_count = dataset->count,
      .rows = run->rows,
      .cached = dataset->cached,
  };
  for (size_t i = 0; i < dataset->count; i++) {
    outcome.part_counts[TW_PART_DUPLICATE] += run->parts[i] == tw_part_name(TW_PART_DUPLICATE);
    outcome.part_counts[TW_PART_CONFLICT] += run->parts[i] == tw_part_name(TW_PART_CONFLICT);
  }
  return outcome;
}
