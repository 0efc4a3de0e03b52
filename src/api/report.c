/* `report`: writes the report of a model again, from the folder of its pictures. Which picture was tested is known by
 * its content, so files may have been renamed or moved meanwhile. */
#include <string.h>
#include <unistd.h>

#include "api/evaluation.h"

/* One run of `report`. */
typedef struct report_run {
  tw_model *model;
  tw_evaluation evaluation;
  bool *counted; /* n: the rows that the figures are of */
  bool unseen;   /* they are pictures that training has not seen: none of the test part is here */
  tw_metrics *test;
  tw_notes notes;
} report_run;

static void report_done(report_run *run) {
  tw_evaluation_done(&run->evaluation);
  tw_model_free(run->model);
  tw_metrics_free(run->test);
  tw_free(run->counted);
  tw_notes_done(&run->notes);
}

/* The figures are of the test part; of unseen pictures when nothing of it is here. */
static tw_status choose(report_run *run, tw_error *error) {
  const tw_evaluation *evaluation = &run->evaluation;
  size_t n = evaluation->dataset->count;
  size_t tested = 0;
  run->counted = tw_alloc(n, sizeof *run->counted);
  if (run->counted == NULL) {
    return tw_error_memory(error);
  }
  for (size_t i = 0; i < n; i++) {
    run->counted[i] = evaluation->parts[i] == tw_part_name(TW_PART_TEST);
    tested += run->counted[i];
  }
  run->unseen = tested == 0;
  for (size_t i = 0; run->unseen && i < n; i++) {
    run->counted[i] = strcmp(evaluation->parts[i], TW_PART_UNSEEN) == 0;
  }
  return TW_OK;
}

/* The baseline is the class that is largest in training, as far as its pictures are here. */
static tw_status measure(report_run *run, tw_error *error) {
  tw_evaluation *evaluation = &run->evaluation;
  size_t n = evaluation->dataset->count;
  bool *used = tw_alloc(n, sizeof *used);
  if (used == NULL) {
    return tw_error_memory(error);
  }
  bool any = false;
  for (size_t i = 0; i < n; i++) {
    used[i] = !run->unseen && tw_part_is_used(evaluation->parts[i]);
    any = any || used[i];
  }
  uint32_t baseline = 0;
  tw_status status = tw_evaluation_largest(evaluation, any ? used : run->counted, &baseline, error);
  if (status == TW_OK) {
    status = tw_evaluation_measure(evaluation, run->counted, baseline, &run->test, error);
  }
  if (status == TW_OK) {
    status = tw_evaluation_rows(evaluation, run->counted, error);
  }
  tw_free(used);
  return status;
}

static tw_status look_around(report_run *run, tw_error *error) {
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

static tw_outcome make_outcome(const report_run *run, const char *report_path) {
  const tw_model_record *record = &run->evaluation.model->record;
  tw_outcome outcome = tw_evaluation_outcome(&run->evaluation);
  outcome.evaluation = run->unseen;
  outcome.again = true;
  outcome.report_path = report_path;
  outcome.test = run->test;
  outcome.path = record->path.count > 0 ? &record->path : NULL;
  outcome.strength = record->strength;
  outcome.objective = record->objective;
  outcome.seed = record->seed;
  tw_api_tell_repeats(record, &outcome);
  outcome.note_count = run->notes.count;
  outcome.notes = run->notes.list;
  for (int part = TW_PART_TRAINING; part <= TW_PART_TEST; part++) {
    outcome.part_counts[part] = record->content_counts[part];
  }
  for (size_t i = 0; i < outcome.row_count; i++) {
    outcome.unseen_count += run->evaluation.parts[i] != NULL && strcmp(outcome.rows[i].part, TW_PART_UNSEEN) == 0;
  }
  return outcome;
}

/* The report of folds cannot be made again, so it is not replaced by one that says less. */
static tw_status check_folds(const report_run *run, const char *report_path, tw_error *error) {
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

static tw_status compute(report_run *run, const char *report_path, tw_error *error) {
  TW_TRY(tw_api_check_report(report_path, error));
  TW_TRY(tw_model_open(run->evaluation.model_path, &run->model, error));
  run->evaluation.model = run->model;
  TW_TRY(tw_evaluation_load(&run->evaluation, error));
  TW_TRY(check_folds(run, report_path, error));
  TW_TRY(choose(run, error));
  TW_TRY(measure(run, error));
  return look_around(run, error);
}

tw_status tw_tool_report(const tw_tool *tool, const char *model, const char *folder, const char *output,
                         tw_tool_summary *ret_summary, tw_error *error) {
  double started = tw_seconds();
  report_run run = {.evaluation = {.tool = tool, .model_path = model, .folder = folder}};
  char *report_path = output != NULL ? tw_strdup(output) : tw_path_with_suffix(model, TW_REPORT_SUFFIX);
  tw_status status = report_path == NULL ? tw_error_memory(error) : compute(&run, report_path, error);
  if (status == TW_OK) {
    tw_outcome outcome = make_outcome(&run, report_path);
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
  report_done(&run);
  return status;
}
