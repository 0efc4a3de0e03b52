/* The end of `train`: the model, its file, the tables beside it, the summary. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "api/train_run.h"

enum {
  SMALL_CLASS = 10,   /* contents; a class with fewer is too small to judge */
  UNTESTED_CLASS = 3, /* a class with fewer has no test part (train/train.h) */
};

/* ---- The model --------------------------------------------------------------------------------------------------- */

static tw_status record_parts(const tw_train_run *run, tw_model_record *record, tw_error *error) {
  for (int part = TW_PART_TRAINING; part <= TW_PART_TEST; part++) {
    tw_hash *contents = tw_alloc(run->samples.count, sizeof *contents);
    if (contents == NULL) {
      return tw_error_memory(error);
    }
    size_t count = 0;
    for (size_t i = 0; i < run->samples.count; i++) {
      if (run->parts[i] == part) {
        contents[count++] = run->samples.contents[i];
      }
    }
    qsort(contents, count, sizeof *contents, tw_hash_order);
    record->contents[part] = contents;
    record->content_counts[part] = count;
  }
  return TW_OK;
}

static tw_status record_classes(const tw_train_run *run, tw_model_record *record, tw_error *error) {
  record->classes = tw_alloc(run->samples.classes, sizeof *record->classes);
  if (record->classes == NULL) {
    return tw_error_memory(error);
  }
  for (size_t i = 0; i < run->samples.classes; i++) {
    record->classes[i] = tw_strdup(run->dataset->classes[i]);
    if (record->classes[i] == NULL) {
      return tw_error_memory(error);
    }
    record->class_count = i + 1;
  }
  return TW_OK;
}

static tw_status record_path(const tw_train_run *run, tw_model_record *record, tw_error *error) {
  record->path.points = tw_alloc(run->path->count, sizeof *record->path.points);
  if (record->path.points == NULL) {
    return tw_error_memory(error);
  }
  memcpy(record->path.points, run->path->points, run->path->count * sizeof *record->path.points);
  record->path.count = run->path->count;
  record->path.chosen = run->path->chosen;
  record->path.by_folds = run->path->by_folds;
  return TW_OK;
}

/* A copy; NULL when out of memory. */
static double *copy_numbers(const double *numbers, size_t count) {
  double *copy = tw_alloc(count, sizeof *copy);
  if (copy != NULL) {
    memcpy(copy, numbers, count * sizeof *copy);
  }
  return copy;
}

/* By a recipe: what it did, and J of what it found. */
static tw_status record_recipe(const tw_train_run *run, tw_model_record *record, tw_error *error) {
  if (run->recipe == NULL) {
    return TW_OK;
  }
  record->objective = run->recipe_objective;
  record->exact_objective = run->exact_objective;
  record->history = tw_history_copy(tw_recipe_history(run->recipe));
  return record->history == NULL ? tw_error_memory(error) : TW_OK;
}

static tw_status record_repeats(const tw_train_run *run, tw_model_record *record, tw_error *error) {
  if (run->repeat_accuracies == NULL) {
    return TW_OK;
  }
  record->repeats = run->request->repeat;
  record->repeat_accuracies = copy_numbers(run->repeat_accuracies, record->repeats);
  record->repeat_class_accuracies = copy_numbers(run->repeat_class_accuracies, record->repeats);
  return record->repeat_accuracies == NULL || record->repeat_class_accuracies == NULL ? tw_error_memory(error) : TW_OK;
}

static bool folders_give(const tw_train_run *run, tw_given_part part) {
  for (size_t i = 0; run->dataset->given != NULL && i < run->samples.count; i++) {
    if (run->dataset->given[i] == part) {
      return true;
    }
  }
  return false;
}

static tw_status make_model(tw_train_run *run, tw_error *error) {
  const tw_tool_train *request = run->request;
  bool drawn = request->folds == 0 && request->train_per_class == 0;
  tw_model_record record = {
      .seed = request->seed,
      .validation_share = drawn && !folders_give(run, TW_GIVEN_VALIDATION) ? request->validation : (double)NAN,
      .test_share = drawn && !folders_give(run, TW_GIVEN_TEST) ? request->test : (double)NAN,
      .folds = request->folds,
      .train_per_class = request->train_per_class,
      .strength = run->path->points[run->path->chosen].strength,
      .by_folds = run->path->by_folds,
      .objective = run->fit.objective,
  };
  if (run->test != NULL) {
    record.test_count = run->test->count;
    record.test_correct = run->test->correct;
    record.test_log_loss = run->test->log_loss;
    record.baseline = run->test->baseline;
  }
  tw_status status = record_classes(run, &record, error);
  if (status == TW_OK) {
    status = record_parts(run, &record, error);
  }
  if (status == TW_OK) {
    status = record_path(run, &record, error);
  }
  if (status == TW_OK) {
    status = record_repeats(run, &record, error);
  }
  if (status == TW_OK) {
    status = record_recipe(run, &record, error);
  }
  if (status != TW_OK) {
    tw_model_record_done(&record);
    return status;
  }
  status = tw_model_create(run->trunk, run->top, &record, &run->model, error);
  run->trunk = NULL;
  run->top = NULL;
  return status;
}

/* ---- What is said and written ------------------------------------------------------------------------------------ */

static tw_status make_rows(tw_train_run *run, tw_error *error) {
  size_t n = run->samples.count;
  run->rows = tw_alloc(n, sizeof *run->rows);
  run->fold_names = tw_alloc(run->request->folds, sizeof *run->fold_names);
  if (run->rows == NULL || run->fold_names == NULL) {
    return tw_error_memory(error);
  }
  for (size_t i = 0; i < run->request->folds; i++) {
    snprintf(run->fold_names[i], sizeof *run->fold_names, "fold %zu", i + 1);
  }
  size_t k = run->samples.classes;
  for (size_t i = 0; i < n; i++) {
    const float *row = run->probabilities + i * k;
    uint32_t best = tw_top_best(row, k);
    bool in_fold = run->folds != NULL && run->folds[i] >= 0;
    run->rows[i] = (tw_report_row){
        .path = run->dataset->paths[i],
        .label = run->dataset->classes[run->samples.labels[i]],
        .part = in_fold ? run->fold_names[run->folds[i]] : tw_part_name((tw_part)run->parts[i]),
        .prediction = run->dataset->classes[best],
        .probability = row[best],
        .tested = run->test != NULL && (run->folds != NULL ? in_fold : run->parts[i] == TW_PART_TEST),
        .label_index = run->samples.labels[i],
        .predicted_index = best,
        .own_probability = row[run->samples.labels[i]],
    };
  }
  return TW_OK;
}

static tw_status look_around(tw_train_run *run, tw_error *error) {
  bool *duplicates = tw_alloc(run->samples.count, sizeof *duplicates);
  if (duplicates == NULL) {
    return tw_error_memory(error);
  }
  for (size_t i = 0; i < run->samples.count; i++) {
    duplicates[i] = run->parts[i] == TW_PART_DUPLICATE;
  }
  tw_notes_look(&run->notes, run->dataset, run->request->folder, duplicates);
  tw_free(duplicates);
  return run->notes.failed ? tw_error_memory(error) : TW_OK;
}

/* How many classes have fewer than `limit` contents in the parts. */
static size_t count_classes_below(const tw_train_run *run, const size_t *contents, size_t limit) {
  size_t below = 0;
  for (size_t label = 0; label < run->samples.classes; label++) {
    below += contents[label] < limit;
  }
  return below;
}

static tw_status count_small_classes(const tw_train_run *run, tw_outcome *outcome, tw_error *error) {
  size_t *contents = tw_alloc(run->samples.classes, sizeof *contents);
  if (contents == NULL) {
    return tw_error_memory(error);
  }
  for (size_t i = 0; i < run->samples.count; i++) {
    contents[run->samples.labels[i]] += run->parts[i] <= TW_PART_TEST;
  }
  outcome->small_classes = count_classes_below(run, contents, SMALL_CLASS);
  bool by_shares = run->request->folds == 0 && run->request->train_per_class == 0;
  outcome->untested_classes = by_shares && run->test != NULL ? count_classes_below(run, contents, UNTESTED_CLASS) : 0;
  tw_free(contents);
  return TW_OK;
}

static tw_outcome make_outcome(const tw_train_run *run, const char *report_path) {
  const tw_dataset *dataset = run->dataset;
  tw_outcome outcome = {
      .model_path = run->request->output,
      .folder = run->request->folder,
      .report_path = report_path,
      .trunk_name = run->model->trunk == NULL ? NULL : tw_trunk_name(run->model->trunk),
      .precision = run->model->trunk == NULL ? NULL : tw_trunk_get_precision(run->model->trunk),
      .class_count = run->samples.classes,
      .classes = (const char *const *)dataset->classes,
      .pictures = dataset->count,
      .test = run->test,
      .folds = run->request->folds,
      .fold_accuracies = run->fold_accuracies,
      .train_per_class = run->request->train_per_class,
      .path = run->path,
      .seed = run->request->seed,
      .strength = run->model->record.strength,
      .objective = run->model->record.objective,
      .history = run->recipe == NULL ? NULL : tw_recipe_history(run->recipe),
      .recipe_objective = run->recipe_objective,
      .exact_objective = run->exact_objective,
      .exact_test = run->exact_test,
      .skipped_count = dataset->skipped_count,
      .skipped = dataset->skipped,
      .loose_count = dataset->loose_count,
      .ignored = dataset->ignored,
      .empty_count = dataset->empty_count,
      .empty = dataset->empty,
      .row_count = dataset->count,
      .rows = run->rows,
      .features = dataset->features,
      .dimensions = dataset->dimensions,
      .note_count = run->notes.count,
      .notes = run->notes.list,
      .cached = dataset->cached,
  };
  for (size_t i = 0; i < dataset->count; i++) {
    outcome.part_counts[run->parts[i]]++;
  }
  if (outcome.folds > 0) {
    tw_mean_and_deviation(run->fold_accuracies, outcome.folds, &outcome.fold_mean, &outcome.fold_deviation);
  }
  tw_api_tell_repeats(&run->model->record, &outcome);
  return outcome;
}

static tw_status save_model(const tw_train_run *run, tw_error *error) {
  tw_buffer buffer = {0};
  tw_status status = tw_model_write(run->model, &buffer, error);
  if (status == TW_OK) {
    status = tw_output_save(run->request->output, tw_buffer_bytes(&buffer), error);
  }
  tw_buffer_done(&buffer);
  return status;
}

/* Who stops the run while the page is made finds nothing written. */
static tw_status save_all(const tw_train_run *run, tw_outcome *outcome, tw_error *error) {
  tw_buffer page = {0};
  tw_status status = TW_OK;
  if (outcome->report_path != NULL) {
    status = tw_api_make_page(run->tool, outcome, &page, error);
  }
  if (status == TW_OK) {
    status = save_model(run, error);
  }
  if (status == TW_OK && outcome->report_path != NULL) {
    status = tw_api_write_report(run->tool, outcome, &page, error);
  }
  tw_buffer_done(&page);
  return status;
}

tw_status tw_train_finish(tw_train_run *run, double started, tw_tool_summary *ret_summary, tw_test_result *ret_result,
                          tw_error *error) {
  TW_TRY(make_model(run, error));
  TW_TRY(make_rows(run, error));
  TW_TRY(look_around(run, error));
  char *report_path = run->request->report ? tw_path_with_suffix(run->request->output, TW_REPORT_SUFFIX) : NULL;
  if (run->request->report && report_path == NULL) {
    return tw_error_memory(error);
  }
  tw_outcome outcome = make_outcome(run, report_path);
  tw_status status = count_small_classes(run, &outcome, error);
  outcome.seconds = tw_seconds() - started;
  if (status == TW_OK) {
    status = save_all(run, &outcome, error);
  }
  if (status == TW_OK) {
    status = tw_api_say(run->tool, &outcome, error);
  }
  tw_free(report_path);
  if (status == TW_OK && ret_summary != NULL) {
    ret_summary->skipped = outcome.skipped_count;
  }
  if (status == TW_OK && ret_result != NULL) {
    *ret_result = tw_api_test_result(&outcome);
  }
  return status;
}
