/* The leading directions of the rows' second moment X^T X / n: what makes training converge in few steps.
 *
 * The Hessian of the objective is nearly block-diagonal with blocks spread_k X^T X / n + penalty I. Its largest
 * eigenvalues are thousands of times the others; dividing by them along their directions, and by a constant elsewhere,
 * costs one thin product and leaves L-BFGS little to learn. Directions found by subspace iteration (Halko, Martinsson
 * and Tropp, 2011); any orthonormal ones give a correct preconditioner, better ones a faster. */
#ifndef TW_TRAIN_SPECTRUM_H
#define TW_TRAIN_SPECTRUM_H

#include "train/objective.h"

enum { TW_SPECTRUM_RANK = 64 };

typedef struct tw_spectrum {
  size_t rank; /* r, at most TW_SPECTRUM_RANK */
  size_t dimensions;
  float *vectors; /* r x d, orthonormal */
  double *values; /* r, descending: the eigenvalues */
  double tail;    /* the mean of the others */
} tw_spectrum;

/* The rank for these rows: what tw_objective_create must have room for. */
size_t tw_spectrum_rank(const tw_rows *rows);
tw_status tw_spectrum_create(tw_objective *objective, const tw_rows *rows, tw_spectrum **ret_spectrum, tw_error *error);
void tw_spectrum_free(tw_spectrum *spectrum);

/* The approximate inverse of the Hessian for one top: spread_k as tw_evaluation has it. */
typedef struct tw_precondition {
  const tw_spectrum *spectrum;
  size_t classes;
  double *along;      /* K x (r + 1): factors along each direction less the one of the rest, and that one */
  double *intercepts; /* K */
  float *components;  /* K x r, scratch */
} tw_precondition;

tw_status tw_precondition_init(tw_precondition *precondition, const tw_spectrum *spectrum, size_t classes,
                               tw_error *error);
void tw_precondition_done(tw_precondition *precondition);
void tw_precondition_set(tw_precondition *precondition, const double *spread, double penalty);
/* vector, in place: K x d weights, then K intercepts. */
tw_status tw_precondition_apply(tw_precondition *precondition, float *vector, tw_error *error);

#endif
