/* The public library, second part: training and testing on folders. The options of the library become requests of the
 * program's commands, which do the work. */
#include <math.h>
#include <string.h>

#include "api/internal.h"

#if UINTPTR_MAX > UINT32_MAX /* programs are built against these sizes: what is new comes out of `reserved` */
_Static_assert(sizeof(tw_train_options) == 256, "the size of tw_train_options is part of the binary interface");
_Static_assert(sizeof(tw_evaluate_options) == 256, "the size of tw_evaluate_options is part of the binary interface");
_Static_assert(sizeof(tw_test_result) == 256, "the size of tw_test_result is part of the binary interface");
#endif

tw_status tw_api_present(const void *pointer, const char *name, tw_error *error) {
  return pointer != NULL ? TW_OK : tw_error_set(error, TW_E_ARGUMENT, "%s must not be NULL", name);
}

/* ---- Results ----------------------------------------------------------------------------------------------------- */

tw_test_result tw_api_no_test(void) {
  const double none = (double)NAN;
  return (tw_test_result){.accuracy = none, .interval = {none, none}, .baseline = none, .log_loss = none, .top5 = none};
}

tw_test_result tw_api_test_result(const tw_outcome *outcome) {
  tw_test_result result = tw_api_no_test();
  const tw_metrics *test = outcome->test;
  if (test != NULL) {
    result.count = test->count;
    result.correct = test->correct;
    result.accuracy = test->accuracy;
    memcpy(result.interval, test->interval, sizeof result.interval);
    result.baseline = test->baseline;
    result.log_loss = test->log_loss;
    result.top5 = test->top5;
  }
  result.pictures = outcome->pictures;
  result.skipped = outcome->skipped_count;
  result.duplicates = outcome->part_counts[TW_PART_DUPLICATE];
  result.conflicts = outcome->part_counts[TW_PART_CONFLICT];
  result.unknown = outcome->unknown_pictures;
  if (outcome->used != NULL) {
    result.used = outcome->used->count;
    result.used_correct = outcome->used->correct;
  }
  return result;
}

/* ---- Options ----------------------------------------------------------------------------------------------------- */

void tw_train_options_init(tw_train_options *options) {
  if (options != NULL) {
    tw_parts_options parts = tw_parts_defaults();
    *options = (tw_train_options){.validation = parts.validation, .test = parts.test};
  }
}

void tw_evaluate_options_init(tw_evaluate_options *options) {
  if (options != NULL) {
    *options = (tw_evaluate_options){0};
  }
}

static tw_status check_reserved(void *const *reserved, size_t count, const char *init, tw_error *error) {
  for (size_t i = 0; i < count; i++) {
    if (reserved[i] != NULL) {
      return tw_error_set(error, TW_E_ARGUMENT,
                          "options that this version (%s) does not know are set, or %s was not called", tw_version(),
                          init);
    }
  }
  return TW_OK;
}

static tw_status check_threads(int threads, tw_error *error) {
  return threads >= 0 && threads <= TW_MAX_THREADS
             ? TW_OK
             : tw_error_set(error, TW_E_ARGUMENT, "threads is %d; it must be 1 to %d, or 0 for as many as processors",
                            threads, (int)TW_MAX_THREADS);
}

static tw_status check_train_options(const tw_train_options *options, tw_error *error) {
  TW_TRY(check_reserved(options->reserved, sizeof options->reserved / sizeof *options->reserved,
                        "tw_train_options_init", error));
  TW_TRY(check_threads(options->threads, error));
  if (!(options->validation >= 0 && options->test >= 0 && options->validation + options->test < 1)) {
    return tw_error_set(error, TW_E_ARGUMENT,
                        "validation is %g and test %g; each must be 0 or more, and both together below 1",
                        options->validation, options->test);
  }
  if (options->folds == 1 || options->folds > TW_MAX_FOLDS) {
    return tw_error_set(error, TW_E_ARGUMENT, "folds is %zu; it must be 0 or 2 to %d", options->folds,
                        (int)TW_MAX_FOLDS);
  }
  tw_precision precision;
  if (options->precision != NULL && strcmp(options->precision, "auto") != 0 &&
      !tw_precision_parse(options->precision, &precision)) {
    return tw_error_set(error, TW_E_ARGUMENT, "precision is '%s'; it must be f32, bf16, int8 or auto, or NULL for f32",
                        options->precision);
  }
  if (options->seed > INT64_MAX) {
    return tw_error_set(error, TW_E_ARGUMENT, "seed is %llu; it must be below 2^63", (unsigned long long)options->seed);
  }
  return TW_OK;
}

/* How a job runs, out of the fields that both kinds of options have under the same names. */
#define TOOL_OF(options)                      \
  ((tw_tool){.context = (options)->context,   \
             .note = (options)->note,         \
             .progress = (options)->progress, \
             .cache = (options)->cache,       \
             .no_cache = (options)->no_cache, \
             .threads = (options)->threads})

/* ---- Jobs -------------------------------------------------------------------------------------------------------- */

tw_status tw_train(const char *folder, const char *model_path, const tw_train_options *options,
                   tw_test_result *ret_result, tw_error *error) {
  tw_train_options defaults;
  tw_train_options_init(&defaults);
  options = options == NULL ? &defaults : options;
  TW_TRY(tw_api_present(folder, "folder", error));
  TW_TRY(tw_api_present(model_path, "model_path", error));
  TW_TRY(check_train_options(options, error));
  tw_tool tool = TOOL_OF(options);
  tw_tool_train request = {.folder = folder,
                           .output = model_path,
                           .report = options->report,
                           .trunk = {.name = options->trunk == NULL ? TW_TRUNK_DEFAULT : options->trunk,
                                     .cut = options->cut,
                                     .preprocess = options->preprocess,
                                     .precision = options->precision,
                                     .recalibrate = options->recalibrate},
                           .validation = options->validation,
                           .test = options->test,
                           .folds = options->folds,
                           .seed = options->seed};
  return tw_tool_run_train(&tool, &request, NULL, ret_result, error);
}

tw_status tw_model_evaluate(const tw_model *model, const char *folder, const tw_evaluate_options *options,
                            tw_test_result *ret_result, tw_error *error) {
  tw_evaluate_options defaults;
  tw_evaluate_options_init(&defaults);
  options = options == NULL ? &defaults : options;
  TW_TRY(tw_api_present(model, "model", error));
  TW_TRY(tw_api_present(folder, "folder", error));
  TW_TRY(tw_api_present(ret_result, "ret_result", error));
  TW_TRY(check_reserved(options->reserved, sizeof options->reserved / sizeof *options->reserved,
                        "tw_evaluate_options_init", error));
  TW_TRY(check_threads(options->threads, error));
  tw_tool tool = TOOL_OF(options);
  return tw_api_evaluate(&tool, model, "the model", folder, options->include_training, NULL, ret_result, error);
}
