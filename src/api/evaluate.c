/* `evaluate`: a model against a folder. Pictures that training has used are no test; they get a line of their own. */
#include "api/evaluation.h"

/* The rows that the result is of, and the others that training has used. */
static void choose(const tw_evaluation *run, bool include_training, bool *ret_fresh, bool *ret_used) {
  for (size_t i = 0; i < run->dataset->count; i++) {
    ret_used[i] = tw_part_is_used(run->parts[i]);
    ret_fresh[i] = tw_part_is_fresh(run->parts[i]) || (include_training && ret_used[i]);
  }
}

/* The baseline is the largest class here, as far as the test's own pictures tell. */
static tw_status measure(tw_evaluation *run, bool include_training, tw_metrics **ret_fresh, tw_metrics **ret_used,
                         tw_error *error) {
  size_t n = run->dataset->count;
  bool *fresh = tw_alloc(n, sizeof *fresh);
  bool *used = tw_alloc(n, sizeof *used);
  uint32_t baseline = 0;
  tw_status status = fresh == NULL || used == NULL ? tw_error_memory(error) : TW_OK;
  if (status == TW_OK) {
    choose(run, include_training, fresh, used);
    status = tw_evaluation_largest(run, fresh, &baseline, error);
  }
  if (status == TW_OK) {
    status = tw_evaluation_measure(run, fresh, baseline, ret_fresh, error);
  }
  if (status == TW_OK) {
    status = tw_evaluation_measure(run, used, baseline, ret_used, error);
  }
  if (status == TW_OK) {
    status = tw_evaluation_rows(run, fresh, error);
  }
  tw_free(fresh);
  tw_free(used);
  return status;
}

tw_status tw_api_evaluate(const tw_tool *tool, const tw_model *model, const char *model_path, const char *folder,
                          bool include_training, tw_tool_summary *ret_summary, tw_test_result *ret_result,
                          tw_error *error) {
  double started = tw_seconds();
  tw_evaluation run = {.tool = tool, .model = model, .model_path = model_path, .folder = folder};
  tw_metrics *fresh = NULL;
  tw_metrics *used = NULL;
  tw_test_result result = {0};
  tw_status status = tw_evaluation_load(&run, error);
  if (status == TW_OK) {
    status = measure(&run, include_training, &fresh, &used, error);
  }
  if (status == TW_OK) {
    tw_outcome outcome = tw_evaluation_outcome(&run);
    outcome.evaluation = true;
    outcome.test = fresh;
    outcome.used = used;
    outcome.counts_used = include_training;
    outcome.seconds = tw_seconds() - started;
    result = tw_api_test_result(&outcome);
    status = tw_api_say(tool, &outcome, error);
  }
  if (status == TW_OK && ret_summary != NULL) {
    ret_summary->skipped = result.skipped;
  }
  if (status == TW_OK && fresh == NULL) {
    status =
        tw_error_set(error, TW_E_DATA,
                     "%s: training has used every picture of it, so this is no test; give it pictures the model has "
                     "not seen, or say --include-training to count them all the same",
                     folder);
  }
  if (status == TW_OK && ret_result != NULL) {
    *ret_result = result;
  }
  tw_metrics_free(fresh);
  tw_metrics_free(used);
  tw_evaluation_done(&run);
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
