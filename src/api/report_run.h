/* A model against the folder of its pictures, its figures being those of its test part: what `report` and `draw` share.
 */
#ifndef TW_API_REPORT_RUN_H
#define TW_API_REPORT_RUN_H

#include "api/evaluation.h"

/* Zero but for evaluation.tool, .model_path and .folder. */
typedef struct tw_report_run {
  tw_model *model;
  tw_evaluation evaluation;
  bool *counted; /* n: the rows that the figures are of */
  bool unseen;   /* they are pictures that training has not seen: none of the test part is here */
  tw_metrics *test;
  tw_notes notes;
} tw_report_run;

/* Opens the model, unless it is open, and computes features, parts and predictions of the folder. */
tw_status tw_report_run_load(tw_report_run *run, tw_error *error);
/* Chooses the rows that the figures are of, and computes these; run->test stays NULL when there is no such row. */
tw_status tw_report_run_measure(tw_report_run *run, tw_error *error);
/* What a report says; borrows from `run`. */
tw_outcome tw_report_run_outcome(const tw_report_run *run, const char *report_path);
void tw_report_run_done(tw_report_run *run);

#endif
