/* What fitting at one strength and the path share. */
#ifndef TW_TRAIN_FIT_H
#define TW_TRAIN_FIT_H

#include "train/team.h"

/* About the strength up to which regularisation rules: C times the largest curvature that a class can have is 1, the
 * penalty's. 1 when all rows are the same. */
double tw_fit_first_strength(const tw_team *team);
/* When a fit with these options has arrived. */
tw_lbfgs_goal tw_fit_goal(const tw_fit_options *options);
/* The top and the report of a team of one that has run at `strength`, after `earlier` iterations on the way there.
 * ret_report may be NULL. */
tw_status tw_fit_finish(tw_team *team, double strength, size_t earlier, tw_top **ret_top, tw_fit_report *ret_report,
                        tw_error *error);
/* TW_E_DATA unless the samples list[0..count-1] are of two classes at least. */
tw_status tw_fit_check_classes(const tw_samples *samples, const size_t *list, size_t count, tw_error *error);

#endif
