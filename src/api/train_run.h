/* One run of `train` while it is under way: what train.c computes and train_finish.c writes. */
#ifndef TW_API_TRAIN_RUN_H
#define TW_API_TRAIN_RUN_H

#include "api/internal.h"

/* Everything of one run, freed at its end. */
typedef struct tw_train_run {
  const tw_tool *tool;
  const tw_tool_train *request;
  tw_trunk *trunk; /* NULL with features from a file; moves into the model */
  tw_dataset *dataset;
  tw_samples samples;
  uint8_t *parts; /* n, tw_part */
  int32_t *folds; /* n; NULL without folds */
  tw_top *top;    /* moves into the model */
  tw_path *path;
  tw_fit_report fit;
  float *probabilities; /* n x K: of the final top, or of the fold that did not train on the row */
  tw_metrics *test;     /* NULL when there is no test part */
  double *fold_accuracies;
  double *repeat_accuracies;       /* request->repeat, with more than one draw; the first one is this run's */
  double *repeat_class_accuracies; /* averaged over the classes */
  tw_recipe *recipe;               /* NULL: the exact top. Then path and fit are of the exact top, for comparison */
  double recipe_objective;         /* J of the recipe's top on the training part at the chosen strength */
  double exact_objective;          /* the least there is */
  tw_metrics *exact_test;          /* of the exact top; NULL when there is no test part */
  tw_model *model;
  tw_report_row *rows;
  char (*fold_names)[32];
  tw_notes notes;
} tw_train_run;

void tw_train_run_done(tw_train_run *run);
/* Draws the parts by the request and its seed, trains and tests: needs tool, request, dataset and samples. */
tw_status tw_train_draw(tw_train_run *run, tw_error *error);
/* tw_train_draw, and the tests of the other request->repeat - 1 draws (train_repeat.c). */
tw_status tw_train_repeat(tw_train_run *run, tw_error *error);

/* The recipe that the request asks for (train_recipe.c). */
bool tw_train_has_recipe(const tw_tool_train *request);
/* What of it can be said to be wrong before any work. */
tw_status tw_train_check_recipe(const tw_tool_train *request, tw_error *error);
/* Trains by it, from the start or from a checkpoint: fills in recipe and top. */
tw_status tw_train_by_recipe(tw_train_run *run, tw_error *error);
/* Trains the exact top, too, and measures how far from it the recipe stopped: fills in path, fit and the two objectives
 * and the test above. Needs recipe, top and test. */
tw_status tw_train_compare(tw_train_run *run, tw_error *error);

/* Makes the model and writes its file, the tables and the summary. `started`: tw_seconds at the beginning. */
tw_status tw_train_finish(tw_train_run *run, double started, tw_tool_summary *ret_summary, tw_test_result *ret_result,
                          tw_error *error);

#endif
