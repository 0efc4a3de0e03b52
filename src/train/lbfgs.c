/* The two-loop recursion around a preconditioner, and a line search that trusts slopes more than values: near the
 * optimum the differences of float32 losses are noise, their slopes are not (Hager and Zhang, 2005). */
#include "train/lbfgs.h"

#include <math.h>
#include <string.h>

#include "train/vector.h"

enum {
  MAX_TRIALS = 20,   /* steps tried along one direction */
  MAX_STANDSTILL = 5 /* iterations without progress before float32 is taken to be exhausted */
};
static const double sufficient = 1e-4; /* Armijo */
static const double curvature = 0.9;   /* Wolfe */
static const double noise = 1e-7;      /* relative, of a value */
static const double progress = 1e-10;  /* relative decrease of an iteration that counts as none */

struct tw_lbfgs {
  size_t size;
  size_t penalised;
  size_t memory;
  tw_lbfgs_precondition_fn precondition;
  tw_lbfgs_bound_fn bound;
  void *context;
  float *x;
  float *gradient; /* at x, with the penalty's */
  float *trial;
  float *trial_gradient;
  float *direction;
  float *last;      /* the solution before the last continue */
  float *steps;     /* memory x size: differences of x */
  float *turns;     /* memory x size: differences of the gradient */
  double *products; /* steps . turns */
  double *factors;
  size_t used;
  size_t newest;
  bool first; /* the evaluation asked for is at x itself */
  double penalty;
  tw_lbfgs_goal goal;
  size_t max_iterations;
  size_t iterations;
  size_t standstill;
  double value;
  double distance;
  double slope; /* along the direction at x */
  double step;
  double low;  /* longest step known to be too short */
  double high; /* shortest known to be too long; 0: none */
  size_t trials;
};

tw_lbfgs *tw_lbfgs_create(size_t size, size_t penalised, size_t memory, tw_lbfgs_precondition_fn precondition,
                          tw_lbfgs_bound_fn bound, void *context) {
  size_t all;
  tw_lbfgs *solver = tw_mul_size(size, memory, &all) ? tw_alloc(1, sizeof *solver) : NULL;
  if (solver == NULL) {
    return NULL;
  }
  solver->size = size;
  solver->penalised = penalised;
  solver->memory = memory;
  solver->precondition = precondition;
  solver->bound = bound;
  solver->context = context;
  float **vectors[] = {&solver->x,    &solver->gradient,       &solver->trial,
                       &solver->last, &solver->trial_gradient, &solver->direction};
  bool complete = true;
  for (size_t i = 0; i < sizeof vectors / sizeof *vectors; i++) {
    *vectors[i] = tw_alloc(size, sizeof(float));
    complete = complete && *vectors[i] != NULL;
  }
  solver->steps = tw_alloc(all, sizeof(float));
  solver->turns = tw_alloc(all, sizeof(float));
  solver->products = tw_alloc(memory, sizeof(double));
  solver->factors = tw_alloc(memory, sizeof(double));
  if (!complete || solver->steps == NULL || solver->turns == NULL || solver->products == NULL ||
      solver->factors == NULL) {
    tw_lbfgs_free(solver);
    return NULL;
  }
  return solver;
}

void tw_lbfgs_free(tw_lbfgs *solver) {
  if (solver == NULL) {
    return;
  }
  tw_free(solver->x);
  tw_free(solver->gradient);
  tw_free(solver->trial);
  tw_free(solver->trial_gradient);
  tw_free(solver->direction);
  tw_free(solver->last);
  tw_free(solver->steps);
  tw_free(solver->turns);
  tw_free(solver->products);
  tw_free(solver->factors);
  tw_free(solver);
}

float *tw_lbfgs_x(tw_lbfgs *solver) {
  return solver->x;
}

const float *tw_lbfgs_point(tw_lbfgs *solver) {
  return solver->first ? solver->x : solver->trial;
}

float *tw_lbfgs_gradient(tw_lbfgs *solver) {
  return solver->first ? solver->gradient : solver->trial_gradient;
}

double tw_lbfgs_value(const tw_lbfgs *solver) {
  return solver->value;
}

double tw_lbfgs_distance(const tw_lbfgs *solver) {
  return solver->distance;
}

size_t tw_lbfgs_iterations(const tw_lbfgs *solver) {
  return solver->iterations;
}

/* ---- Directions -------------------------------------------------------------------------------------------------- */

/* The a-th newest pair. */
static size_t pair_at(const tw_lbfgs *solver, size_t a) {
  return (solver->newest + solver->memory - a) % solver->memory;
}

/* How much the preconditioner overstates the curvature that the newest pair saw; 1 before there is one. The trial point
 * is free for scratch. */
static tw_status measure_scale(tw_lbfgs *solver, double *ret_scale, tw_error *error) {
  *ret_scale = 1;
  if (solver->used == 0) {
    return TW_OK;
  }
  const float *turn = solver->turns + solver->newest * solver->size;
  memcpy(solver->trial, turn, solver->size * sizeof(float));
  TW_TRY(solver->precondition(solver->context, solver->trial, error));
  double along = tw_vector_dot(turn, solver->trial, solver->size);
  if (along > 0) {
    *ret_scale = solver->products[solver->newest] / along;
  }
  return TW_OK;
}

/* direction = -H gradient, by the two loops. */
static tw_status two_loops(tw_lbfgs *solver, tw_error *error) {
  size_t size = solver->size;
  double scale;
  TW_TRY(measure_scale(solver, &scale, error));
  memcpy(solver->direction, solver->gradient, size * sizeof(float));
  for (size_t a = 0; a < solver->used; a++) {
    size_t pair = pair_at(solver, a);
    solver->factors[pair] =
        tw_vector_dot(solver->steps + pair * size, solver->direction, size) / solver->products[pair];
    tw_vector_add(solver->direction, -solver->factors[pair], solver->turns + pair * size, size);
  }
  TW_TRY(solver->precondition(solver->context, solver->direction, error));
  tw_vector_scale(solver->direction, scale, size);
  for (size_t a = solver->used; a-- > 0;) {
    size_t pair = pair_at(solver, a);
    double along = tw_vector_dot(solver->turns + pair * size, solver->direction, size) / solver->products[pair];
    tw_vector_add(solver->direction, solver->factors[pair] - along, solver->steps + pair * size, size);
  }
  tw_vector_scale(solver->direction, -1, size);
  return TW_OK;
}

static void begin_search(tw_lbfgs *solver) {
  solver->step = 1;
  solver->low = 0;
  solver->high = 0;
  solver->trials = 0;
  tw_vector_sum(solver->trial, solver->x, 1, solver->direction, solver->size);
}

static double slope_of(const tw_lbfgs *solver, const float *gradient) {
  return tw_vector_dot(gradient, solver->direction, solver->size);
}

/* Whether the gradient proves that x is near enough; the distance then. */
static bool is_proven(tw_lbfgs *solver) {
  double bound = solver->goal.proven > 0 ? solver->bound(solver->context, solver->gradient) : INFINITY;
  if (!(bound <= solver->goal.proven * solver->value)) {
    return false;
  }
  solver->distance = solver->value > 0 ? bound / solver->value : 0;
  return true;
}

/* The next direction, or the end. */
static tw_status choose_direction(tw_lbfgs *solver, tw_lbfgs_state *ret_state, tw_error *error) {
  if (is_proven(solver)) {
    *ret_state = TW_LBFGS_CONVERGED;
    return TW_OK;
  }
  TW_TRY(two_loops(solver, error));
  solver->slope = slope_of(solver, solver->gradient);
  if (!(solver->slope < 0) && solver->used > 0) {
    solver->used = 0;
    TW_TRY(two_loops(solver, error));
    solver->slope = slope_of(solver, solver->gradient);
  }
  solver->distance = solver->value > 0 ? fmax(0, -solver->slope / 2) / solver->value : 0;
  if (!(solver->slope < 0) || solver->distance <= solver->goal.estimated) {
    *ret_state = TW_LBFGS_CONVERGED;
  } else if (solver->standstill >= MAX_STANDSTILL) {
    *ret_state = TW_LBFGS_STALLED;
  } else if (solver->iterations >= solver->max_iterations) {
    *ret_state = TW_LBFGS_LIMIT;
  } else {
    begin_search(solver);
    *ret_state = TW_LBFGS_EVALUATE;
  }
  return TW_OK;
}

/* ---- Steps ------------------------------------------------------------------------------------------------------- */

/* Adds the penalty's share to a gradient of the loss at `point`; the value with it. */
static double add_penalty(const tw_lbfgs *solver, double loss, const float *point, float *gradient) {
  tw_vector_add(gradient, solver->penalty, point, solver->penalised);
  return loss + solver->penalty / 2 * tw_vector_dot(point, point, solver->penalised);
}

static void remember_pair(tw_lbfgs *solver) {
  size_t place = solver->used == 0 ? 0 : (solver->newest + 1) % solver->memory;
  float *step = solver->steps + place * solver->size;
  float *turn = solver->turns + place * solver->size;
  tw_vector_sum(step, solver->trial, -1, solver->x, solver->size);
  tw_vector_sum(turn, solver->trial_gradient, -1, solver->gradient, solver->size);
  double product = tw_vector_dot(step, turn, solver->size);
  double squares = tw_vector_dot(turn, turn, solver->size);
  if (product > 1e-12 * squares && product > 0) {
    solver->products[place] = product;
    solver->newest = place;
    solver->used += solver->used < solver->memory;
  }
}

static void swap(float **a, float **b) {
  float *kept = *a;
  *a = *b;
  *b = kept;
}

static tw_status accept(tw_lbfgs *solver, double value, tw_lbfgs_state *ret_state, tw_error *error) {
  remember_pair(solver);
  swap(&solver->x, &solver->trial);
  swap(&solver->gradient, &solver->trial_gradient);
  solver->standstill = solver->value - value > progress * fabs(value) ? 0 : solver->standstill + 1;
  solver->value = value;
  solver->iterations++;
  return choose_direction(solver, ret_state, error);
}

/* Another step along the same direction: by the secant of the slopes, kept inside what is known. */
static void try_other_step(tw_lbfgs *solver, double slope, bool too_long) {
  double secant = solver->slope / (solver->slope - slope); /* where the slope would be 0, in steps */
  if (too_long) {
    solver->high = solver->step;
    double ratio = isfinite(secant) && slope > 0 ? fmin(fmax(secant, 0.1), 0.7) : 0.3;
    solver->step = fmax(solver->low + 0.1 * (solver->high - solver->low), solver->step * ratio);
    solver->step = fmin(solver->step, solver->low + 0.9 * (solver->high - solver->low));
  } else {
    solver->low = solver->step;
    solver->step = solver->high > 0 ? (solver->low + solver->high) / 2 : solver->step * 3;
  }
  tw_vector_sum(solver->trial, solver->x, solver->step, solver->direction, solver->size);
}

/* No step along this direction would do: forget what was learnt, or give up. */
static tw_status give_up_direction(tw_lbfgs *solver, tw_lbfgs_state *ret_state, tw_error *error) {
  if (solver->used == 0) {
    *ret_state = TW_LBFGS_STALLED;
    return TW_OK;
  }
  solver->used = 0;
  solver->iterations++;
  return choose_direction(solver, ret_state, error);
}

tw_status tw_lbfgs_advance(tw_lbfgs *solver, double loss, tw_lbfgs_state *ret_state, tw_error *error) {
  if (solver->first) {
    solver->first = false;
    solver->value = add_penalty(solver, loss, solver->x, solver->gradient);
    return choose_direction(solver, ret_state, error);
  }
  double value = add_penalty(solver, loss, solver->trial, solver->trial_gradient);
  double slope = slope_of(solver, solver->trial_gradient);
  double bound = solver->value + sufficient * solver->step * solver->slope + noise * fabs(solver->value);
  bool too_long = !(value <= bound) || !(slope <= -curvature * solver->slope);
  bool too_short = !too_long && slope < curvature * solver->slope && solver->step < 100;
  if (!too_long && !too_short) {
    return accept(solver, value, ret_state, error);
  }
  if (++solver->trials >= MAX_TRIALS) {
    return give_up_direction(solver, ret_state, error);
  }
  try_other_step(solver, slope, too_long);
  *ret_state = TW_LBFGS_EVALUATE;
  return TW_OK;
}

/* ---- Beginnings -------------------------------------------------------------------------------------------------- */

/* What is known of the loss's curvature, under another penalty. */
static void change_penalty(tw_lbfgs *solver, double penalty) {
  double change = penalty - solver->penalty;
  solver->penalty = penalty;
  bool sound = true;
  for (size_t a = 0; a < solver->used; a++) {
    size_t pair = pair_at(solver, a);
    float *step = solver->steps + pair * solver->size;
    float *turn = solver->turns + pair * solver->size;
    tw_vector_add(turn, change, step, solver->penalised);
    solver->products[pair] = tw_vector_dot(step, turn, solver->size);
    sound = sound && solver->products[pair] > 0;
  }
  solver->used = sound ? solver->used : 0;
}

void tw_lbfgs_start(tw_lbfgs *solver, double penalty, tw_lbfgs_goal goal, size_t max_iterations, bool forget) {
  solver->used = forget ? 0 : solver->used;
  change_penalty(solver, penalty);
  solver->goal = goal;
  solver->max_iterations = max_iterations;
  solver->iterations = 0;
  solver->standstill = 0;
  solver->first = true;
  memcpy(solver->last, solver->x, solver->size * sizeof(float));
}

tw_status tw_lbfgs_continue(tw_lbfgs *solver, double penalty, double ahead, tw_lbfgs_goal goal,
                            tw_lbfgs_state *ret_state, tw_error *error) {
  double change = penalty - solver->penalty;
  solver->value += change / 2 * tw_vector_dot(solver->x, solver->x, solver->penalised);
  tw_vector_add(solver->gradient, change, solver->x, solver->penalised);
  change_penalty(solver, penalty);
  solver->goal = goal;
  solver->iterations = 0;
  solver->standstill = 0;
  bool extrapolate = ahead > 0;
  if (extrapolate) {
    tw_vector_sum(solver->direction, solver->x, -1, solver->last, solver->size);
    tw_vector_scale(solver->direction, ahead, solver->size);
    solver->slope = slope_of(solver, solver->gradient);
  }
  memcpy(solver->last, solver->x, solver->size * sizeof(float));
  if (extrapolate && solver->slope < 0) {
    begin_search(solver);
    *ret_state = TW_LBFGS_EVALUATE;
    return TW_OK;
  }
  return choose_direction(solver, ret_state, error);
}
