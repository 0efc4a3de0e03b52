/* L-BFGS (Nocedal, 1980) for a smooth convex loss with a quadratic penalty, by reverse communication: the solver says
 * where it wants the loss and its gradient, the caller evaluates, so that several solvers can share one evaluation.
 *
 * Minimises loss(x) + penalty / 2 |x[0..penalised-1]|^2. Because the penalty is known apart from the loss, what was
 * learnt under one penalty is carried over to the next exactly: a path of penalties is one long run. Nothing here knows
 * of tops or features. */
#ifndef TW_TRAIN_LBFGS_H
#define TW_TRAIN_LBFGS_H

#include "base/base.h"

typedef enum tw_lbfgs_state {
  TW_LBFGS_EVALUATE, /* evaluate at tw_lbfgs_point, then tw_lbfgs_advance */
  TW_LBFGS_CONVERGED,
  TW_LBFGS_STALLED, /* no further progress in float32 */
  TW_LBFGS_LIMIT    /* max_iterations */
} tw_lbfgs_state;

/* Multiplies `vector` by an approximate inverse Hessian, symmetric and positive definite. */
typedef tw_status (*tw_lbfgs_precondition_fn)(void *context, float *vector, tw_error *error);
/* The most that the value can be above its minimum where this is the gradient (of loss and penalty). */
typedef double (*tw_lbfgs_bound_fn)(void *context, const float *gradient);

/* Shares of the value: it is enough when the distance to the minimum is estimated to be at most the first, or proven
 * to be at most the second. The estimate comes from the step that would be next, and may be far too small where steps
 * are; the proof comes from the gradient, and is far too large under weak penalties. */
typedef struct tw_lbfgs_goal {
  double estimated;
  double proven; /* 0: never */
} tw_lbfgs_goal;

typedef struct tw_lbfgs tw_lbfgs;

/* size: of x; memory: pairs kept; context: of both functions. x is 0. */
tw_lbfgs *tw_lbfgs_create(size_t size, size_t penalised, size_t memory, tw_lbfgs_precondition_fn precondition,
                          tw_lbfgs_bound_fn bound, void *context); /* NULL when out of memory */
void tw_lbfgs_free(tw_lbfgs *solver);

float *tw_lbfgs_x(tw_lbfgs *solver);           /* the best point so far; may be written before tw_lbfgs_start */
const float *tw_lbfgs_point(tw_lbfgs *solver); /* where to evaluate */
float *tw_lbfgs_gradient(tw_lbfgs *solver);    /* where to write the gradient of the loss at that point */

/* Begins at x; `forget`: knowing nothing, otherwise with what was learnt of the loss elsewhere. Always wants an
 * evaluation, at x. */
void tw_lbfgs_start(tw_lbfgs *solver, double penalty, tw_lbfgs_goal goal, size_t max_iterations, bool forget);
/* Goes on with another penalty from x, which must be a finished start's. ahead > 0: the first step goes on along the
 * way from the last solution (or the start) to this one, `ahead` times as far. The state as in tw_lbfgs_advance. */
tw_status tw_lbfgs_continue(tw_lbfgs *solver, double penalty, double ahead, tw_lbfgs_goal goal,
                            tw_lbfgs_state *ret_state, tw_error *error);
tw_status tw_lbfgs_advance(tw_lbfgs *solver, double loss, tw_lbfgs_state *ret_state, tw_error *error);

double tw_lbfgs_value(const tw_lbfgs *solver);      /* loss and penalty at x */
double tw_lbfgs_distance(const tw_lbfgs *solver);   /* (value - minimum) / value, as what ended it has it */
size_t tw_lbfgs_iterations(const tw_lbfgs *solver); /* since start or continue */

#endif
