/* A model against the folder of its pictures: which rows the figures are of, and the figures. Says and writes nothing.
 */
#include "api/report_run.h"

#include <string.h>

void tw_report_run_done(tw_report_run *run) {
  tw_evaluation_done(&run->evaluation);
  tw_model_free(run->model);
  tw_metrics_free(run->test);
  tw_free(run->counted);
  tw_notes_done(&run->notes);
}

tw_status tw_report_run_load(tw_report_run *run, tw_error *error) {
  if (run->model == NULL) {
    TW_TRY(tw_model_open(run->evaluation.model_path, &run->model, error));
  }
  run->evaluation.model = run->model;
  return tw_evaluation_load(&run->evaluation, error);
}

/* The figures are of the test part; of unseen pictures when nothing of it is here. */
static tw_status choose(tw_report_run *run, tw_error *error) {
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
static tw_status measure(tw_report_run *run, tw_error *error) {
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

tw_status tw_report_run_measure(tw_report_run *run, tw_error *error) {
  TW_TRY(choose(run, error));
  return measure(run, error);
}

tw_outcome tw_report_run_outcome(const tw_report_run *run, const char *report_path) {
  const tw_model_record *record = &run->evaluation.model->record;
  tw_outcome outcome = tw_evaluation_outcome(&run->evaluation);
  outcome.evaluation = run->unseen;
  outcome.again = true;
  outcome.report_path = report_path;
  outcome.test = run->test;
  outcome.features = run->evaluation.dataset->features;
  outcome.dimensions = run->evaluation.dataset->dimensions;
  outcome.path = record->path.count > 0 ? &record->path : NULL;
  outcome.strength = record->strength;
  outcome.objective = record->objective;
  outcome.history = record->history;
  outcome.recipe_objective = record->objective;
  outcome.exact_objective = record->exact_objective;
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
