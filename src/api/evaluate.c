/* `evaluate`: a model against a folder. Pictures that training has used are no test; they get a line of their own. */
#include <stdlib.h>
#include <string.h>

#include "api/internal.h"

typedef struct evaluation {
  const tw_tool *tool;
  const char *model_path;
  bool include_training;
  const tw_model *model;
  tw_dataset *dataset;
  uint32_t *labels;     /* n: classes of the model; UINT32_MAX: unknown to it */
  const char **parts;   /* n: static texts */
  float *probabilities; /* n x K */
  tw_metrics *fresh;
  tw_metrics *used;
  const char **unknown; /* names, the data set's */
  size_t unknown_count;
  size_t unknown_pictures;
  size_t missing;
  tw_report_row *rows;
} evaluation;

#define PART_UNSEEN "unseen"
#define PART_UNKNOWN "unknown class"

static void evaluation_done(evaluation *run) {
  tw_dataset_free(run->dataset);
  tw_free(run->labels);
  tw_free(run->parts);
  tw_free(run->probabilities);
  tw_metrics_free(run->fresh);
  tw_metrics_free(run->used);
  tw_free(run->unknown);
  tw_free(run->rows);
}

/* Classes by name: labels of the model for every row, and what it does not know or does not find here. */
static tw_status match_classes(evaluation *run, tw_error *error) {
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
static tw_status sort_out(evaluation *run, tw_error *error) {
  const tw_dataset *dataset = run->dataset;
  tw_samples samples = tw_dataset_samples(dataset);
  uint8_t *parts = tw_alloc(dataset->count, 1);
  run->parts = tw_alloc(dataset->count, sizeof *run->parts);
  if (parts == NULL || run->parts == NULL) {
    tw_free(parts);
    return tw_error_memory(error);
  }
  tw_parts_options options = {.validation = 0, .test = 0, .seed = 0};
  tw_status status = tw_parts_draw(&samples, NULL, &options, NULL, parts, error);
  for (size_t i = 0; status == TW_OK && i < dataset->count; i++) {
    if (parts[i] != TW_PART_TRAINING) {
      run->parts[i] = tw_part_name((tw_part)parts[i]);
    } else if (run->labels[i] == UINT32_MAX) {
      run->parts[i] = PART_UNKNOWN;
    } else {
      tw_part part = tw_model_part_of(run->model, &dataset->contents[i]);
      run->parts[i] = part == TW_PART_UNSET ? PART_UNSEEN : tw_part_name(part);
    }
  }
  tw_free(parts);
  return status;
}

static bool is_used(const char *part) {
  return part == tw_part_name(TW_PART_TRAINING) || part == tw_part_name(TW_PART_VALIDATION);
}

static bool is_fresh(const char *part) {
  return strcmp(part, PART_UNSEEN) == 0 || part == tw_part_name(TW_PART_TEST);
}

/* The class the model saw most of in training, as far as the test's own pictures tell: the largest one here. */
static uint32_t largest_class(const evaluation *run, tw_error *error, tw_status *ret_status) {
  size_t *counts = tw_alloc(run->model->record.class_count, sizeof *counts);
  uint32_t best = 0;
  *ret_status = counts == NULL ? tw_error_memory(error) : TW_OK;
  for (size_t i = 0; counts != NULL && i < run->dataset->count; i++) {
    if (is_fresh(run->parts[i]) || (run->include_training && is_used(run->parts[i]))) {
      counts[run->labels[i]]++;
    }
  }
  for (uint32_t i = 1; counts != NULL && i < run->model->record.class_count; i++) {
    best = counts[i] > counts[best] ? i : best;
  }
  tw_free(counts);
  return best;
}

/* Metrics over the rows that `fresh` and `used` ask for; *ret_metrics stays NULL when there is none. */
static tw_status measure(const evaluation *run, bool fresh, bool used, uint32_t baseline, tw_metrics **ret_metrics,
                         tw_error *error) {
  size_t n = run->dataset->count;
  bool *counted = tw_alloc(n, sizeof *counted);
  if (counted == NULL) {
    return tw_error_memory(error);
  }
  for (size_t i = 0; i < n; i++) {
    counted[i] = (fresh && is_fresh(run->parts[i])) || (used && is_used(run->parts[i]));
  }
  tw_status status = tw_api_measure(run->probabilities, run->labels, counted, n, run->model->record.class_count,
                                    baseline, ret_metrics, error);
  tw_free(counted);
  return status;
}

static tw_status make_rows(evaluation *run, tw_error *error) {
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
                                   .probability = row[best]};
  }
  return TW_OK;
}

static tw_status compute(evaluation *run, const char *folder, tw_error *error) {
  if (run->model->trunk == NULL) {
    return tw_error_set(error, TW_E_ARGUMENT, "%s: takes features, not pictures: it cannot be tested on a folder",
                        run->model_path);
  }
  TW_TRY(tw_dataset_from_folder(run->tool, folder, run->model->trunk, &run->dataset, error));
  TW_TRY(match_classes(run, error));
  if (run->unknown_count == run->dataset->class_count) {
    return tw_error_set(error, TW_E_DATA, "%s: none of its %zu classes is one the model knows ('%s', '%s', ...)",
                        folder, run->dataset->class_count, run->model->record.classes[0],
                        run->model->record.classes[1]);
  }
  TW_TRY(sort_out(run, error));
  size_t k = run->model->record.class_count;
  run->probabilities = tw_alloc(run->dataset->count, k * sizeof *run->probabilities);
  if (run->probabilities == NULL) {
    return tw_error_memory(error);
  }
  TW_TRY(tw_top_apply(run->model->top, run->dataset->features, run->dataset->count, tw_thread_count(run->tool->threads),
                      run->probabilities, error));
  tw_status status;
  uint32_t baseline = largest_class(run, error, &status);
  TW_TRY(status);
  TW_TRY(measure(run, true, run->include_training, baseline, &run->fresh, error));
  TW_TRY(measure(run, false, true, baseline, &run->used, error));
  return make_rows(run, error);
}

static tw_outcome make_outcome(const evaluation *run) {
  const tw_dataset *dataset = run->dataset;
  tw_outcome outcome = {
      .evaluation = true,
      .model_path = run->model_path,
      .trunk_name = tw_trunk_name(run->model->trunk),
      .precision = "f32",
      .class_count = run->model->record.class_count,
      .classes = (const char *const *)run->model->record.classes,
      .pictures = dataset->count,
      .test = run->fresh,
      .used = run->used,
      .counts_used = run->include_training,
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

tw_status tw_api_evaluate(const tw_tool *tool, const tw_model *model, const char *model_path, const char *folder,
                          bool include_training, tw_tool_summary *ret_summary, tw_test_result *ret_result,
                          tw_error *error) {
  double started = tw_seconds();
  evaluation run = {.tool = tool, .model = model, .model_path = model_path, .include_training = include_training};
  tw_test_result result = {0};
  tw_status status = compute(&run, folder, error);
  if (status == TW_OK) {
    tw_outcome outcome = make_outcome(&run);
    outcome.seconds = tw_seconds() - started;
    result = tw_api_test_result(&outcome);
    status = tw_api_say(tool, &outcome, error);
  }
  if (status == TW_OK && ret_summary != NULL) {
    ret_summary->skipped = result.skipped;
  }
  if (status == TW_OK && run.fresh == NULL) {
    status =
        tw_error_set(error, TW_E_DATA,
                     "%s: training has used every picture of it, so this is no test; give it pictures the model has "
                     "not seen, or say --include-training to count them all the same",
                     folder);
  }
  if (status == TW_OK && ret_result != NULL) {
    *ret_result = result;
  }
  evaluation_done(&run);
  return status;
}

tw_status tw_tool_evaluate(const tw_tool *tool, const char *model, const char *folder, bool include_training,
                           tw_tool_summary *ret_summary, tw_error *error) {
  tw_model *opened;
  TW_TRY(tw_model_open(model, &opened, error));
  tw_status status = tw_api_evaluate(tool, opened, model, folder, include_training, ret_summary, NULL, error);
  tw_model_free(opened);
  return status;
}
