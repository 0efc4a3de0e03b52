/* Several tops trained side by side on parts of the same rows, each leaving out one group of them (a fold, the
 * validation part) or none. Evaluations are shared, so that two cores are busy whatever the number of tops; the digits
 * depend neither on the number of threads nor on which other tops are trained. */
#ifndef TW_TRAIN_TEAM_H
#define TW_TRAIN_TEAM_H

#include "train/lbfgs.h"
#include "train/spectrum.h"

/* What a member knows when it is next trained. */
typedef enum tw_stand {
  TW_STAND_NEW = 0, /* nothing: it was put somewhere */
  TW_STAND_MOVED,   /* the curvature that it met elsewhere */
  TW_STAND_TRAINED  /* all of the point where it stands */
} tw_stand;

typedef struct tw_member {
  struct tw_team *team;
  tw_lbfgs *solver;
  tw_precondition precondition;
  tw_lbfgs_state state;
  tw_stand stand;
  bool *present;    /* K: classes with training samples */
  size_t *supports; /* K: their number */
  double *spread;   /* K */
  tw_block *blocks; /* training rows, then those left out */
  size_t training_blocks;
  size_t left_out_blocks;
  size_t row_count; /* training rows */
  double penalty;
  tw_evaluation evaluation;
} tw_member;

typedef struct tw_team {
  const tw_rows *rows;
  const tw_fit_options *options;
  int threads;
  tw_objective *objective;
  tw_spectrum *spectrum;
  size_t size; /* of a point: K (d + 1) */
  size_t count;
  tw_member *members;
} tw_team;

enum { TW_NO_GROUP = -1 };

/* left_out[i]: the group that member i is not trained on, or TW_NO_GROUP. All members stand at weights 0 and the
 * intercepts that are best for them: the optimum of the strongest regularisation. */
tw_status tw_team_create(const tw_rows *rows, const int *left_out, size_t count, const tw_fit_options *options,
                         tw_team **ret_team, tw_error *error);
void tw_team_free(tw_team *team);

/* Puts the member at `point`, as one that is new or that moved. */
void tw_member_put(tw_member *member, const float *point, tw_stand stand);

/* Trains all members at strength C, from where they stand; those that were trained before carry over
 * what they learnt, going `ahead` as tw_lbfgs_continue says. progress: reported between iterations. */
tw_status tw_team_run(tw_team *team, double strength, double ahead, tw_lbfgs_goal goal, const tw_progress *progress,
                      tw_error *error);

/* ret_loss: the sum over the left-out rows of all members of the clipped cross-entropy; their number; how many
 * are right. */
tw_status tw_team_score(tw_team *team, double *ret_loss, size_t *ret_correct, size_t *ret_count, tw_error *error);

/* Reports to the options' ticker; TW_E_CANCELLED when it says stop. */
tw_status tw_team_report(const tw_fit_options *options, const tw_progress *progress, bool last, tw_error *error);

#endif
