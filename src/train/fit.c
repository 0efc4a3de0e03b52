/* Fitting one top at one strength. */
#include <math.h>

#include "train/fit.h"

enum { MAX_APPROACH = 24 };

tw_fit_options tw_fit_defaults(void) {
  return (tw_fit_options){.tolerance = 2e-9, .proven = 5e-6, .max_iterations = 1000};
}

tw_lbfgs_goal tw_fit_goal(const tw_fit_options *options) {
  return (tw_lbfgs_goal){.estimated = options->tolerance, .proven = options->proven};
}

double tw_fit_first_strength(const tw_team *team) {
  const tw_rows *rows = team->rows;
  double largest = 0;
  for (size_t a = 0; a < team->spectrum->rank; a++) {
    largest = fmax(largest, team->spectrum->values[a]);
  }
  double curvature = largest * (double)rows->count * rows->scale * rows->scale / (double)rows->classes;
  return curvature > 0 ? 1 / curvature : 1;
}

tw_status tw_fit_finish(tw_team *team, double strength, size_t earlier, tw_top **ret_top, tw_fit_report *ret_report,
                        tw_error *error) {
  const tw_rows *rows = team->rows;
  tw_member *member = &team->members[0];
  tw_top *top = tw_top_create(rows->classes, rows->dimensions);
  if (top == NULL) {
    return tw_error_memory(error);
  }
  tw_rows_to_top(rows, tw_lbfgs_x(member->solver), member->present, top);
  if (ret_report != NULL) {
    *ret_report = (tw_fit_report){.objective = tw_lbfgs_value(member->solver) * strength * (double)member->row_count,
                                  .distance = tw_lbfgs_distance(member->solver),
                                  .iterations = earlier + tw_lbfgs_iterations(member->solver),
                                  .converged = member->state != TW_LBFGS_LIMIT};
  }
  *ret_top = top;
  return TW_OK;
}

tw_status tw_fit_check_classes(const tw_samples *samples, const size_t *list, size_t count, tw_error *error) {
  for (size_t i = 1; i < count; i++) {
    if (samples->labels[list[i]] != samples->labels[list[0]]) {
      return TW_OK;
    }
  }
  return tw_error_set(error, TW_E_DATA, count == 0 ? "nothing to train on" : "pictures of one class only to train on");
}

static tw_status check(const tw_samples *samples, const size_t *list, size_t count, double strength,
                       const tw_top *start, tw_error *error) {
  if (!(strength > 0) || !isfinite(strength)) {
    return tw_error_set(error, TW_E_ARGUMENT, "strength C = %g: must be a positive number", strength);
  }
  if (start != NULL && (start->classes != samples->classes || start->dimensions != samples->dimensions)) {
    return tw_error_set(error, TW_E_ARGUMENT, "the top to start from has %zu classes of %zu numbers, not %zu of %zu",
                        start->classes, start->dimensions, samples->classes, samples->dimensions);
  }
  return tw_fit_check_classes(samples, list, count, error);
}

/* To weak regularisation the short way leads over stronger ones: from far away the curvature near the optimum cannot be
 * seen. */
static tw_status approach(tw_team *team, double strength, const tw_progress *progress, size_t *ret_iterations,
                          tw_error *error) {
  const double rough = 1e-3; /* tolerance on the way */
  const tw_lbfgs_goal goal = tw_fit_goal(team->options);
  const tw_lbfgs_goal on_the_way = {.estimated = fmax(rough, goal.estimated)};
  const double step = sqrt(10);
  double at = tw_fit_first_strength(team);
  for (size_t i = 0; i < MAX_APPROACH && at * step < strength; i++, at *= step) {
    TW_TRY(tw_team_run(team, at, 1, on_the_way, progress, error));
    *ret_iterations += tw_lbfgs_iterations(team->members[0].solver);
  }
  return tw_team_run(team, strength, log(strength * step / at) / log(step), goal, progress, error);
}

tw_status tw_top_fit(const tw_samples *samples, const size_t *rows, size_t row_count, double strength,
                     const tw_top *start, const tw_fit_options *options, tw_top **ret_top, tw_fit_report *ret_report,
                     tw_error *error) {
  static const int left_out[] = {TW_NO_GROUP};
  const tw_progress progress = {.stage = "fit", .total = 1};
  const tw_progress done = {.stage = "fit", .done = 1, .total = 1};
  TW_TRY(check(samples, rows, row_count, strength, start, error));
  tw_rows *ordered;
  TW_TRY(tw_rows_create(samples, rows, NULL, row_count, 1, tw_thread_count(options->threads), &ordered, error));
  tw_team *team = NULL;
  size_t earlier = 0;
  tw_status status = tw_team_create(ordered, left_out, 1, options, &team, error);
  if (status == TW_OK && start != NULL) {
    tw_rows_from_top(ordered, start, team->members[0].present, tw_lbfgs_x(team->members[0].solver));
    status = tw_team_run(team, strength, 0, tw_fit_goal(options), &progress, error);
  } else if (status == TW_OK) {
    status = approach(team, strength, &progress, &earlier, error);
  }
  if (status == TW_OK) {
    status = tw_team_report(options, &done, true, error);
  }
  if (status == TW_OK) {
    status = tw_fit_finish(team, strength, earlier, ret_top, ret_report, error);
  }
  tw_team_free(team);
  tw_rows_free(ordered);
  return status;
}
