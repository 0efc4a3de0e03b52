/* A model against a folder: what `evaluate` and `report` share. Each says for itself which pictures its figures are of.
 */
#ifndef TW_API_EVALUATION_H
#define TW_API_EVALUATION_H

#include "api/internal.h"

typedef struct tw_evaluation {
  const tw_tool *tool; /* these four are set by the caller, and the caller's */
  const tw_model *model;
  const char *model_path;
  const char *folder;
  tw_dataset *dataset;
  uint32_t *labels;     /* n: classes of the model; UINT32_MAX: unknown to it */
  const char **parts;   /* n: names of tw_part, TW_PART_UNSEEN or TW_PART_UNKNOWN_CLASS; static texts */
  float *probabilities; /* n x K */
  const char **unknown; /* names, the data set's */
  size_t unknown_count;
  size_t unknown_pictures;
  size_t missing;
  tw_report_row *rows; /* n */
} tw_evaluation;

/* Computes what the cache has not, matches classes by name and parts by content. */
tw_status tw_evaluation_load(tw_evaluation *run, tw_error *error);
void tw_evaluation_done(tw_evaluation *run);

/* The class with most pictures among those `counted` (n); the first one of equals. */
tw_status tw_evaluation_largest(const tw_evaluation *run, const bool *counted, uint32_t *ret_class, tw_error *error);
/* Metrics over the rows that are `counted` (n); *ret_metrics stays as it is when there is none. */
tw_status tw_evaluation_measure(const tw_evaluation *run, const bool *counted, uint32_t baseline,
                                tw_metrics **ret_metrics, tw_error *error);
/* Makes run->rows; `counted` (n) are those of the test. */
tw_status tw_evaluation_rows(tw_evaluation *run, const bool *counted, tw_error *error);
/* All that does not depend on which rows are counted. */
tw_outcome tw_evaluation_outcome(const tw_evaluation *run);

/* Whether a row of this part was used in training; whether the model has never been fitted to it. */
bool tw_part_is_used(const char *part);
bool tw_part_is_fresh(const char *part);

#endif
