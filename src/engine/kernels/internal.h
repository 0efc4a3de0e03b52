/* What the files of this folder share. */
#ifndef TW_ENGINE_KERNELS_INTERNAL_H
#define TW_ENGINE_KERNELS_INTERNAL_H

#include "engine/kernels/kernels.h"

enum {
  TW_KERNEL_ROWS = 6,  /* tiles that a step of the matrix product takes, with two vectors of results */
  TW_KERNEL_SKEW = 32, /* floats between the points of a block of tiles: not all of them in the same lines of a cache */
};

/* The loops for one width of vectors. */
typedef struct tw_kernel_set {
  void (*winograd)(const tw_winograd *winograd, const float *source, const float *packed, const float *bias,
                   float *ret_result, float *scratch, int threads);
  void (*pool)(const tw_kernel_pool *pool, const float *source, float *ret_result, float *scratch, int threads);
} tw_kernel_set;

/* NULL where the processor has not what they are written in. */
const tw_kernel_set *tw_kernel_set_avx2(void);
const tw_kernel_set *tw_kernel_set_avx512(void);

#endif
