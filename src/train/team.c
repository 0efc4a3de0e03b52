/* Members that take their steps together: evaluate all, then let each solver think. */
#include "train/team.h"

#include <math.h>
#include <string.h>

#include "train/vector.h"

enum {
  PAIRS_ALONE = 20,
  PAIRS_TOGETHER = 10, /* more would leave the processor's cache, and cost more than they save */
  FEWEST_PAIRS = 4
};
static const size_t pair_budget = (size_t)1 << 30; /* bytes of pairs of all members, when FEWEST_PAIRS allow */

/* ---- Setting up -------------------------------------------------------------------------------------------------- */

static tw_status precondition(void *context, float *vector, tw_error *error) {
  tw_member *member = context;
  return tw_precondition_apply(&member->precondition, vector, error);
}

/* J - its minimum, in the solver's units. The objective is strongly convex in the weights, by the penalty (Nesterov,
 * 2004, 2.1.19); the intercepts, which it does not reach, add what their own curvature says. */
static double bound(void *context, const float *gradient) {
  const tw_member *member = context;
  const tw_rows *rows = member->team->rows;
  size_t weights = rows->classes * rows->dimensions;
  double sum = tw_vector_dot(gradient, gradient, weights) / member->penalty;
  for (size_t k = 0; k < rows->classes; k++) {
    double slope = (double)gradient[weights + k];
    sum += slope == 0 ? 0 : slope * slope / member->spread[k];
  }
  return sum / 2;
}

static void list_blocks(tw_member *member, const tw_rows *rows, int left_out) {
  size_t count = 0;
  size_t begin = 0;
  size_t end = rows->count;
  if (left_out >= 0) {
    size_t group = (size_t)left_out;
    count = tw_blocks_append(member->blocks, count, 0, rows->group_begin[group]);
    begin = rows->group_begin[group + 1];
  }
  member->training_blocks = tw_blocks_append(member->blocks, count, begin, end);
  count = member->training_blocks;
  if (left_out >= 0) {
    size_t group = (size_t)left_out;
    count = tw_blocks_append(member->blocks, count, rows->group_begin[group], rows->group_begin[group + 1]);
  }
  member->left_out_blocks = count - member->training_blocks;
  for (size_t b = 0; b < member->training_blocks; b++) {
    member->row_count += member->blocks[b].count;
    for (size_t i = 0; i < member->blocks[b].count; i++) {
      member->supports[rows->labels[member->blocks[b].begin + i]]++;
    }
  }
}

static size_t pairs_that_fit(const tw_team *team) {
  size_t pair = team->size * 2 * sizeof(float) * team->count;
  size_t pairs = pair_budget / pair;
  size_t wanted = team->count > 1 ? PAIRS_TOGETHER : PAIRS_ALONE;
  return pairs > wanted ? wanted : pairs < FEWEST_PAIRS ? FEWEST_PAIRS : pairs;
}

/* Weights 0 and the intercepts that are best for them. */
static void reset(tw_member *member) {
  const tw_rows *rows = member->team->rows;
  float *intercepts = tw_lbfgs_x(member->solver) + rows->classes * rows->dimensions;
  for (size_t k = 0; k < rows->classes; k++) {
    double share = (double)member->supports[k] / (double)member->row_count;
    intercepts[k] = member->present[k] ? (float)log(share) : 0.0f;
  }
}

static tw_status init_member(tw_team *team, tw_member *member, int left_out, tw_error *error) {
  const tw_rows *rows = team->rows;
  member->team = team;
  member->present = tw_alloc(rows->classes, sizeof *member->present);
  member->supports = tw_alloc(rows->classes, sizeof *member->supports);
  member->spread = tw_alloc(rows->classes, sizeof *member->spread);
  member->blocks = tw_alloc(tw_blocks_limit(rows) + 1, sizeof *member->blocks);
  member->solver =
      tw_lbfgs_create(team->size, rows->classes * rows->dimensions, pairs_that_fit(team), precondition, bound, member);
  if (member->present == NULL || member->supports == NULL || member->spread == NULL || member->blocks == NULL ||
      member->solver == NULL) {
    return tw_error_memory(error);
  }
  TW_TRY(tw_precondition_init(&member->precondition, team->spectrum, rows->classes, error));
  list_blocks(member, rows, left_out);
  for (size_t k = 0; k < rows->classes; k++) {
    member->present[k] = member->supports[k] > 0;
  }
  reset(member);
  return TW_OK;
}

tw_status tw_team_create(const tw_rows *rows, const int *left_out, size_t count, const tw_fit_options *options,
                         tw_team **ret_team, tw_error *error) {
  tw_team *team = tw_alloc(1, sizeof *team);
  if (team == NULL) {
    return tw_error_memory(error);
  }
  team->rows = rows;
  team->options = options;
  team->threads = tw_thread_count(options->threads);
  team->count = count;
  team->size = rows->classes * (rows->dimensions + 1);
  team->members = tw_alloc(count, sizeof *team->members);
  tw_status status = team->members == NULL ? tw_error_memory(error) : TW_OK;
  if (status == TW_OK) {
    status = tw_objective_create(rows, count, tw_spectrum_rank(rows), team->threads, &team->objective, error);
  }
  if (status == TW_OK) {
    status = tw_spectrum_create(team->objective, rows, &team->spectrum, error);
  }
  for (size_t i = 0; i < count && status == TW_OK; i++) {
    status = init_member(team, &team->members[i], left_out[i], error);
  }
  if (status != TW_OK) {
    tw_team_free(team);
    return status;
  }
  *ret_team = team;
  return TW_OK;
}

void tw_team_free(tw_team *team) {
  if (team == NULL) {
    return;
  }
  for (size_t i = 0; team->members != NULL && i < team->count; i++) {
    tw_member *member = &team->members[i];
    tw_lbfgs_free(member->solver);
    tw_precondition_done(&member->precondition);
    tw_free(member->present);
    tw_free(member->supports);
    tw_free(member->spread);
    tw_free(member->blocks);
  }
  tw_free(team->members);
  tw_objective_free(team->objective);
  tw_spectrum_free(team->spectrum);
  tw_free(team);
}

void tw_member_put(tw_member *member, const float *point, tw_stand stand) {
  memcpy(tw_lbfgs_x(member->solver), point, member->team->size * sizeof *point);
  member->stand = stand;
}

/* ---- Running ----------------------------------------------------------------------------------------------------- */

tw_status tw_team_report(const tw_fit_options *options, const tw_progress *progress, bool last, tw_error *error) {
  if (options->ticker != NULL && !tw_ticker_report(options->ticker, progress, last)) {
    return tw_error_set(error, TW_E_CANCELLED, "cancelled");
  }
  return TW_OK;
}

/* The members that wait for an evaluation. */
typedef struct round {
  tw_member **members;
  tw_evaluation **evaluations;
  size_t count;
} round_of_members;

static tw_status advance_member(void *context, size_t task, tw_error *error) {
  const round_of_members *round = context;
  tw_member *member = round->members[task];
  const tw_evaluation *evaluation = &member->evaluation;
  tw_precondition_set(&member->precondition, member->spread, member->penalty);
  return tw_lbfgs_advance(member->solver, evaluation->loss / (double)evaluation->row_count, &member->state, error);
}

static void gather(tw_team *team, round_of_members *round) {
  round->count = 0;
  for (size_t i = 0; i < team->count; i++) {
    tw_member *member = &team->members[i];
    if (member->state == TW_LBFGS_EVALUATE) {
      member->evaluation = (tw_evaluation){.present = member->present,
                                           .blocks = member->blocks,
                                           .block_count = member->training_blocks,
                                           .point = tw_lbfgs_point(member->solver),
                                           .gradient = tw_lbfgs_gradient(member->solver),
                                           .spread = member->spread};
      round->members[round->count] = member;
      round->evaluations[round->count++] = &member->evaluation;
    }
  }
}

/* What solver coordinates make of strength C: J = C n (mean cross-entropy + penalty / 2 |x|^2). Beyond the bounds
 * float32 knows only "all" and "nothing". */
static double penalty_of(const tw_member *member, double strength) {
  double scale = member->team->rows->scale;
  return fmin(fmax(1 / (strength * scale * scale * (double)member->row_count), 1e-30), 1e30);
}

static tw_status begin_member(tw_member *member, double strength, double ahead, tw_lbfgs_goal goal, tw_error *error) {
  tw_stand stand = member->stand;
  member->penalty = penalty_of(member, strength);
  member->stand = TW_STAND_TRAINED;
  if (stand != TW_STAND_TRAINED) {
    tw_lbfgs_start(member->solver, member->penalty, goal, member->team->options->max_iterations, stand == TW_STAND_NEW);
    member->state = TW_LBFGS_EVALUATE;
    return TW_OK;
  }
  tw_precondition_set(&member->precondition, member->spread, member->penalty);
  return tw_lbfgs_continue(member->solver, member->penalty, ahead, goal, &member->state, error);
}

static tw_status run_rounds(tw_team *team, round_of_members *round, const tw_progress *progress, tw_error *error) {
  for (;;) {
    gather(team, round);
    if (round->count == 0) {
      return TW_OK;
    }
    TW_TRY(tw_team_report(team->options, progress, false, error));
    TW_TRY(tw_objective_evaluate(team->objective, round->evaluations, round->count, error));
    TW_TRY(tw_parallel(team->threads, round->count, advance_member, round, error));
  }
}

static tw_status with_round(tw_team *team,
                            tw_status (*run)(tw_team *, round_of_members *, const tw_progress *, tw_error *),
                            const tw_progress *progress, tw_error *error) {
  round_of_members round = {.members = tw_alloc(team->count, sizeof *round.members),
                            .evaluations = tw_alloc(team->count, sizeof *round.evaluations)};
  tw_status status =
      round.members == NULL || round.evaluations == NULL ? tw_error_memory(error) : run(team, &round, progress, error);
  tw_free(round.members);
  tw_free(round.evaluations);
  return status;
}

tw_status tw_team_run(tw_team *team, double strength, double ahead, tw_lbfgs_goal goal, const tw_progress *progress,
                      tw_error *error) {
  for (size_t i = 0; i < team->count; i++) {
    TW_TRY(begin_member(&team->members[i], strength, ahead, goal, error));
  }
  return with_round(team, run_rounds, progress, error);
}

static tw_status score_rounds(tw_team *team, round_of_members *round, const tw_progress *progress, tw_error *error) {
  (void)progress;
  for (size_t i = 0; i < team->count; i++) {
    tw_member *member = &team->members[i];
    member->evaluation = (tw_evaluation){.present = member->present,
                                         .blocks = member->blocks + member->training_blocks,
                                         .block_count = member->left_out_blocks,
                                         .point = tw_lbfgs_x(member->solver)};
    round->evaluations[i] = &member->evaluation;
  }
  return tw_objective_evaluate(team->objective, round->evaluations, team->count, error);
}

tw_status tw_team_score(tw_team *team, double *ret_loss, size_t *ret_correct, size_t *ret_count, tw_error *error) {
  TW_TRY(with_round(team, score_rounds, NULL, error));
  *ret_loss = 0;
  *ret_correct = 0;
  *ret_count = 0;
  for (size_t i = 0; i < team->count; i++) {
    *ret_loss += team->members[i].evaluation.clipped;
    *ret_correct += team->members[i].evaluation.correct;
    *ret_count += team->members[i].evaluation.row_count;
  }
  return TW_OK;
}
