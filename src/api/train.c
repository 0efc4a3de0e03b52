/* `train`: from a data set to a tested model, its file and the tables beside it. The one place where parts, top, test
 * and report come together; what they do is on the floors below. */
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "api/train_run.h"

void tw_train_run_done(tw_train_run *run) {
  tw_trunk_free(run->trunk);
  tw_dataset_free(run->dataset);
  tw_free(run->parts);
  tw_free(run->folds);
  tw_top_free(run->top);
  tw_path_free(run->path);
  tw_free(run->probabilities);
  tw_metrics_free(run->test);
  tw_free(run->fold_accuracies);
  tw_free(run->repeat_accuracies);
  tw_free(run->repeat_class_accuracies);
  tw_recipe_free(run->recipe);
  tw_metrics_free(run->exact_test);
  tw_model_free(run->model);
  tw_free(run->rows);
  tw_free(run->fold_names);
  tw_notes_done(&run->notes);
}

/* ---- Data and parts ---------------------------------------------------------------------------------------------- */

static tw_status too_few_classes(const tw_train_run *run, tw_error *error) {
  const tw_tool_train *request = run->request;
  const char *from = request->features != NULL ? request->names : request->folder;
  if (run->samples.classes == 0) {
    return tw_error_set(error, TW_E_DATA, "%s: no picture could be read; a classifier needs at least two classes",
                        from);
  }
  if (request->features == NULL && tw_notes_too_high(run->dataset, request->folder)) {
    return tw_error_set(error, TW_E_DATA,
                        "%s: holds only one class, '%s', and all its pictures are in folders inside it: if these are "
                        "the classes, give %s/%s",
                        from, run->dataset->classes[0], from, run->dataset->classes[0]);
  }
  return tw_error_set(error, TW_E_DATA, "%s: holds only one class; a classifier needs at least two", from);
}

static tw_status load(tw_train_run *run, tw_error *error) {
  const tw_tool_train *request = run->request;
  if (request->features != NULL) {
    TW_TRY(tw_dataset_from_files(request->features, request->names, &run->dataset, error));
  } else {
    TW_TRY(tw_api_open_trunk(&request->trunk, &run->trunk, error));
    TW_TRY(tw_dataset_from_folder(run->tool, request->folder, run->trunk, &request->trunk, &run->dataset, error));
  }
  run->samples = tw_dataset_samples(run->dataset);
  return run->samples.classes < 2 ? too_few_classes(run, error) : TW_OK;
}

static tw_status draw_parts(tw_train_run *run, tw_error *error) {
  size_t n = run->samples.count;
  run->parts = tw_alloc(n, 1);
  if (run->parts == NULL) {
    return tw_error_memory(error);
  }
  const tw_tool_train *request = run->request;
  if (request->folds == 0) {
    if (request->train_per_class > 0 && run->dataset->given != NULL) {
      return tw_error_set(error, TW_E_ARGUMENT,
                          "%s: its folders give the parts, so --train-per-class has nothing to draw; leave it out",
                          request->folder);
    }
    tw_parts_options options = {.validation = request->validation,
                                .test = request->test,
                                .per_class = request->train_per_class,
                                .seed = request->seed};
    return tw_parts_draw(&run->samples, run->dataset->given, &options, (const char *const *)run->dataset->classes,
                         run->parts, error);
  }
  if (run->dataset->given != NULL) {
    return tw_error_set(error, TW_E_ARGUMENT,
                        "%s: its folders give the parts, so --folds has nothing to deal; leave it out",
                        request->folder);
  }
  run->folds = tw_alloc(n, sizeof *run->folds);
  if (run->folds == NULL) {
    return tw_error_memory(error);
  }
  /* Parts tell duplicates from conflicts; the folds then deal the rest. */
  tw_parts_options options = {.validation = 0, .test = 0, .seed = request->seed};
  TW_TRY(tw_parts_draw(&run->samples, NULL, &options, (const char *const *)run->dataset->classes, run->parts, error));
  return tw_folds_draw(&run->samples, request->folds, request->seed, run->folds, error);
}

/* Parts for a training that may not see fold `tested` (-1: may see all): the fold after it is for validation. With two
 * folds nothing is left for that, and the strength is chosen by inner folds. */
static void parts_of_fold(const tw_train_run *run, int32_t tested, uint8_t *ret_parts) {
  int32_t folds = (int32_t)run->request->folds;
  int32_t validation = (tested + 1) % folds;
  for (size_t i = 0; i < run->samples.count; i++) {
    int32_t fold = run->folds[i];
    if (fold < 0) {
      ret_parts[i] = run->parts[i];
    } else if (fold == tested) {
      ret_parts[i] = TW_PART_TEST;
    } else {
      ret_parts[i] = fold == validation && (folds > 2 || tested < 0) ? TW_PART_VALIDATION : TW_PART_TRAINING;
    }
  }
}

/* ---- Training and testing ---------------------------------------------------------------------------------------- */

/* The class with most samples in training and validation. */
static uint32_t largest_class(const tw_train_run *run, tw_error *error, tw_status *ret_status) {
  size_t *counts = tw_alloc(run->samples.classes, sizeof *counts);
  if (counts == NULL) {
    *ret_status = tw_error_memory(error);
    return 0;
  }
  for (size_t i = 0; i < run->samples.count; i++) {
    counts[run->samples.labels[i]] += run->parts[i] == TW_PART_TRAINING || run->parts[i] == TW_PART_VALIDATION;
  }
  uint32_t best = 0;
  for (uint32_t i = 1; i < run->samples.classes; i++) {
    best = counts[i] > counts[best] ? i : best;
  }
  tw_free(counts);
  *ret_status = TW_OK;
  return best;
}

/* Metrics over the test part, or over all folds together. */
static tw_status measure(tw_train_run *run, tw_error *error) {
  tw_status status;
  uint32_t baseline = largest_class(run, error, &status);
  bool *counted = status == TW_OK ? tw_alloc(run->samples.count, sizeof *counted) : NULL;
  if (status == TW_OK && counted == NULL) {
    status = tw_error_memory(error);
  }
  for (size_t i = 0; counted != NULL && i < run->samples.count; i++) {
    counted[i] = run->folds != NULL ? run->folds[i] >= 0 : run->parts[i] == TW_PART_TEST;
  }
  if (status == TW_OK) {
    status = tw_api_measure(run->probabilities, run->samples.labels, counted, run->samples.count, run->samples.classes,
                            baseline, &run->test, error);
  }
  tw_free(counted);
  return status;
}

static tw_fit_options fit_options(const tw_train_run *run, tw_ticker *ticker) {
  tw_fit_options options = tw_fit_defaults();
  options.threads = run->tool->threads;
  options.ticker = ticker;
  return options;
}

/* Trains without fold `fold` and writes the probabilities of its rows. */
static tw_status run_fold(tw_train_run *run, int32_t fold, uint8_t *parts, tw_fit_options *options, tw_error *error) {
  size_t k = run->samples.classes;
  size_t d = run->samples.dimensions;
  tw_top *top;
  tw_path *path;
  parts_of_fold(run, fold, parts);
  TW_TRY(tw_top_train(&run->samples, parts, run->request->seed, options, &top, &path, NULL, error));
  tw_path_free(path);
  size_t tested = 0;
  size_t correct = 0;
  tw_status status = TW_OK;
  for (size_t i = 0; status == TW_OK && i < run->samples.count; i++) {
    if (run->folds[i] == fold) {
      float *row = run->probabilities + i * k;
      status = tw_top_apply(top, run->samples.features + i * d, 1, 1, row, error);
      correct += tw_top_best(row, k) == run->samples.labels[i];
      tested++;
    }
  }
  run->fold_accuracies[fold] = tested == 0 ? (double)NAN : (double)correct / (double)tested;
  tw_top_free(top);
  return status;
}

static tw_status run_folds(tw_train_run *run, tw_fit_options *options, tw_error *error) {
  size_t folds = run->request->folds;
  run->fold_accuracies = tw_alloc(folds, sizeof *run->fold_accuracies);
  uint8_t *parts = tw_alloc(run->samples.count, 1);
  tw_status status = run->fold_accuracies == NULL || parts == NULL ? tw_error_memory(error) : TW_OK;
  for (size_t fold = 0; status == TW_OK && fold < folds; fold++) {
    status = run_fold(run, (int32_t)fold, parts, options, error);
  }
  if (status == TW_OK) {
    parts_of_fold(run, -1, parts);
    memcpy(run->parts, parts, run->samples.count);
  }
  tw_free(parts);
  return status;
}

static tw_status train_and_test(tw_train_run *run, tw_error *error) {
  tw_ticker ticker = tw_api_ticker(run->tool);
  tw_fit_options options = fit_options(run, &ticker);
  size_t cells;
  if (!tw_mul_size(run->samples.count, run->samples.classes, &cells)) {
    return tw_error_memory(error);
  }
  run->probabilities = tw_alloc(cells, sizeof *run->probabilities);
  if (run->probabilities == NULL) {
    return tw_error_memory(error);
  }
  if (run->folds != NULL) {
    TW_TRY(run_folds(run, &options, error));
  }
  if (tw_train_has_recipe(run->request)) {
    TW_TRY(tw_train_by_recipe(run, error));
  } else {
    TW_TRY(
        tw_top_train(&run->samples, run->parts, run->request->seed, &options, &run->top, &run->path, &run->fit, error));
  }
  size_t k = run->samples.classes;
  size_t d = run->samples.dimensions;
  if (run->folds == NULL) {
    TW_TRY(tw_top_apply(run->top, run->samples.features, run->samples.count, tw_thread_count(run->tool->threads),
                        run->probabilities, error));
  } else {
    for (size_t i = 0; i < run->samples.count; i++) { /* duplicates and conflicts are in no fold */
      if (run->folds[i] < 0) {
        TW_TRY(tw_top_apply(run->top, run->samples.features + i * d, 1, 1, run->probabilities + i * k, error));
      }
    }
  }
  return measure(run, error);
}

tw_status tw_train_draw(tw_train_run *run, tw_error *error) {
  TW_TRY(draw_parts(run, error));
  return train_and_test(run, error);
}

/* What cannot be written is said before the work, not after it. */
static tw_status check_outputs(const tw_tool_train *request, tw_error *error) {
  TW_TRY(tw_api_check_output(request->output, error));
  TW_TRY(tw_train_check_recipe(request, error));
  if (!request->report) {
    return TW_OK;
  }
  char *folder = tw_path_with_suffix(request->output, TW_REPORT_SUFFIX);
  tw_status status = folder == NULL ? tw_error_memory(error) : TW_OK;
  if (status == TW_OK) {
    status = tw_api_check_report(folder, error);
  }
  tw_free(folder);
  return status;
}

tw_status tw_tool_run_train(const tw_tool *tool, const tw_tool_train *request, tw_tool_summary *ret_summary,
                            tw_test_result *ret_result, tw_error *error) {
  double started = tw_seconds();
  tw_train_run run = {.tool = tool, .request = request};
  tw_status status = check_outputs(request, error);
  if (status == TW_OK) {
    status = load(&run, error);
  }
  if (status == TW_OK) {
    status = request->repeat > 1 ? tw_train_repeat(&run, error) : tw_train_draw(&run, error);
  }
  if (status == TW_OK && run.recipe != NULL) {
    status = tw_train_compare(&run, error);
  }
  if (status == TW_OK) {
    status = tw_train_finish(&run, started, ret_summary, ret_result, error);
  }
  tw_train_run_done(&run);
  return status;
}
