/* Sums over long float vectors in one fixed order, and the softmax of a row. Nothing here allocates. */
#ifndef TW_TRAIN_VECTOR_H
#define TW_TRAIN_VECTOR_H

#include "base/base.h"

/* The dot product: float sums of 16 lanes over short stretches, stretches summed in double. */
double tw_vector_dot(const float *a, const float *b, size_t count);
/* The same in one stretch, for rows of features: its order depends on `count` alone. */
float tw_vector_dot_row(const float *a, const float *b, size_t count);
/* y += factor * x */
void tw_vector_add(float *y, double factor, const float *x, size_t count);
/* ret = y + factor * x */
void tw_vector_sum(float *ret, const float *y, double factor, const float *x, size_t count);
void tw_vector_scale(float *y, double factor, size_t count);

/* The softmax of one row of logits with everything that training and scoring want of it. */
typedef struct tw_softmax {
  double loss;  /* cross-entropy of `label` */
  bool correct; /* `label` has the largest logit, the first one of equals */
} tw_softmax;

/* logits: classes, overwritten by the probabilities minus one-hot(label): the gradient of the cross-entropy. Classes
 * with present[k] false are left out (0); `label` may be one of them: its loss is infinite. Relative precision is kept
 * where a probability is near 1: the residual of `label` is minus the sum of the others. */
tw_softmax tw_softmax_residual(float *logits, const bool *present, size_t classes, uint32_t label);

#endif
