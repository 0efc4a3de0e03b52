/* The inner loops of the recipe: products of a few rows with a top, sums of rows, and the updates of the weights. Each
 * element is summed in an order that depends on the sizes alone, without fused multiply-adds, so that portable and
 * vector code give the same digits. Nothing here allocates or knows of threads. */
#ifndef TW_TRAIN_RECIPE_KERNELS_H
#define TW_TRAIN_RECIPE_KERNELS_H

#include "base/base.h"

typedef struct tw_recipe_kernels {
  /* rows: count pointers to d numbers; weights: K x d. ret_products: count x K, each the digits of tw_vector_dot_row.
   */
  void (*multiply)(const float *const *rows, size_t count, const float *weights, size_t classes, size_t dimensions,
                   float *ret_products);
  /* sums (K x d) += residuals^T (K x count) * rows, in the columns begin .. end - 1, row by row. */
  void (*accumulate)(const float *const *rows, size_t count, const float *residuals, size_t classes, size_t dimensions,
                     size_t begin, size_t end, float *sums);
  /* The updates: g = sum * scale; rate and the rest as tw_solver says. `count` numbers each. */
  void (*sgd)(float *point, const float *sums, size_t count, float scale, float rate);
  void (*momentum)(float *point, float *velocity, const float *sums, size_t count, float scale, float rate,
                   float momentum);
  /* rate: with the correction of both moments, sqrt(1 - beta2^t) / (1 - beta1^t), in it. */
  void (*adam)(float *point, float *mean, float *square, const float *sums, size_t count, float scale, float rate);
} tw_recipe_kernels;

/* The fastest ones that this processor has; static. */
const tw_recipe_kernels *tw_recipe_kernels_choose(void);
/* Each by itself; the latter NULL where the processor has no AVX2. */
const tw_recipe_kernels *tw_recipe_kernels_portable(void);
const tw_recipe_kernels *tw_recipe_kernels_avx2(void);

#endif
