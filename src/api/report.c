/* `report`: writes the report of a model again, from the folder of its pictures. Which picture was tested is known by
 * its content, so files may have been renamed or moved meanwhile. */
#include <unistd.h>

#include "api/report_run.h"

static tw_status look_around(tw_report_run *run, tw_error *error) {
  const tw_evaluation *evaluation = &run->evaluation;
  const tw_model_record *record = &evaluation->model->record;
  bool *duplicates = tw_alloc(evaluation->dataset->count, sizeof *duplicates);
  if (duplicates == NULL) {
    return tw_error_memory(error);
  }
  for (size_t i = 0; i < evaluation->dataset->count; i++) {
    duplicates[i] = evaluation->parts[i] == tw_part_name(TW_PART_DUPLICATE);
  }
  tw_notes_look(&run->notes, evaluation->dataset, evaluation->folder, duplicates);
  tw_free(duplicates);
  size_t tested = record->content_counts[TW_PART_TEST];
  if (!run->unseen && run->test->count < tested) {
    tw_notes_add(&run->notes, "only %zu of the %zu pictures of the model's test part are here", run->test->count,
                 tested);
  }
  if (run->unseen && tested > 0) {
    tw_notes_add(&run->notes, "none of the %zu pictures of the model's test part is here", tested);
  }
  if (record->folds > 0) {
    tw_notes_add(&run->notes,
                 "the model was tested by %zu folds, and only 'topwork train' has their predictions: its file says "
                 "%zu of %zu right, log loss %.4f",
                 record->folds, record->test_correct, record->test_count, record->test_log_loss);
  }
  return run->notes.failed ? tw_error_memory(error) : TW_OK;
}

/* The report of folds cannot be made again, so it is not replaced by one that says less. */
static tw_status check_folds(const tw_report_run *run, const char *report_path, tw_error *error) {
  if (run->evaluation.model->record.folds == 0) {
    return TW_OK;
  }
  char *page = tw_path_join(report_path, "index.html");
  if (page == NULL) {
    return tw_error_memory(error);
  }
  bool there = access(page, F_OK) == 0;
  tw_free(page);
  return there ? tw_error_set(error, TW_E_DATA,
                              "%s: holds the report of the folds that 'topwork train' tested, which cannot be made "
                              "again from the model; give another folder with -o",
                              report_path)
               : TW_OK;
}

static tw_status compute(tw_report_run *run, const char *report_path, tw_error *error) {
  TW_TRY(tw_api_check_report(report_path, error));
  TW_TRY(tw_report_run_load(run, error));
  TW_TRY(check_folds(run, report_path, error));
  TW_TRY(tw_report_run_measure(run, error));
  return look_around(run, error);
}

tw_status tw_tool_report(const tw_tool *tool, const char *model, const char *folder, const char *output,
                         tw_tool_summary *ret_summary, tw_error *error) {
  double started = tw_seconds();
  tw_report_run run = {.evaluation = {.tool = tool, .model_path = model, .folder = folder}};
  char *report_path = output != NULL ? tw_strdup(output) : tw_path_with_suffix(model, TW_REPORT_SUFFIX);
  tw_status status = report_path == NULL ? tw_error_memory(error) : compute(&run, report_path, error);
  if (status == TW_OK) {
    tw_outcome outcome = tw_report_run_outcome(&run, report_path);
    outcome.seconds = tw_seconds() - started;
    tw_buffer page = {0};
    status = tw_api_make_page(tool, &outcome, &page, error);
    if (status == TW_OK) {
      status = tw_api_write_report(tool, &outcome, &page, error);
    }
    tw_buffer_done(&page);
    if (status == TW_OK) {
      status = tw_api_say(tool, &outcome, error);
    }
    ret_summary->skipped = outcome.skipped_count;
  }
  tw_free(report_path);
  tw_report_run_done(&run);
  return status;
}
