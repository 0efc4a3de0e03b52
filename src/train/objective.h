/* The mean cross-entropy of many tops at once over ranges of the same rows, and its gradients: all the matrix products
 * of training. Work is cut into tiles by the sizes alone, each tile is computed by one thread, and tiles are summed in
 * their order, so that the digits do not depend on the number of threads. */
#ifndef TW_TRAIN_OBJECTIVE_H
#define TW_TRAIN_OBJECTIVE_H

#include "train/rows.h"

/* A stretch of rows, at most TW_BLOCK_ROWS long. */
typedef struct tw_block {
  size_t begin;
  size_t count;
} tw_block;

/* One top to be evaluated. point: K x d weights, then K intercepts; so is the gradient. */
typedef struct tw_evaluation {
  const bool *present;    /* K: classes that have samples; the others have probability 0 */
  const tw_block *blocks; /* the rows, in their order */
  size_t block_count;
  const float *point;
  float *gradient; /* written unless NULL: of the mean cross-entropy */
  double *spread;  /* K, written unless NULL: the mean of p (1 - p) */
  double loss;     /* written, as what follows: the sum of the cross-entropies */
  double clipped;  /* the same with probabilities clipped at 1e-15 */
  size_t correct;
  size_t row_count;
} tw_evaluation;

typedef struct tw_objective tw_objective;

/* Room for up to `capacity` evaluations at once, and for second moments of up to `rank` vectors. The rows must outlive
 * it. Not thread-safe. */
tw_status tw_objective_create(const tw_rows *rows, size_t capacity, size_t rank, int threads,
                              tw_objective **ret_objective, tw_error *error);
void tw_objective_free(tw_objective *objective);

tw_status tw_objective_evaluate(tw_objective *objective, tw_evaluation *const *evaluations, size_t count,
                                tw_error *error);
/* vectors: rank x d -> ret_product: rank x d = vectors * X^T X over the rows of the blocks. */
tw_status tw_objective_second_moment(tw_objective *objective, const tw_block *blocks, size_t block_count,
                                     const float *vectors, size_t rank, double *ret_product, tw_error *error);

/* Cuts the rows begin .. end - 1 into blocks, appended to blocks[count]; the new count. Room for tw_blocks_limit(rows)
 * blocks is enough for all groups of `rows`. */
size_t tw_blocks_append(tw_block *blocks, size_t count, size_t begin, size_t end);
size_t tw_blocks_limit(const tw_rows *rows);

#endif
