/* The choice between the widths of vectors. */
#include "engine/kernels/internal.h"

static const tw_kernel_set *set_of(size_t lanes) {
  return lanes == 8 ? tw_kernel_set_avx2() : lanes == 16 ? tw_kernel_set_avx512() : NULL;
}

bool tw_kernels_possible(size_t lanes) {
  return set_of(lanes) != NULL;
}

void tw_winograd_run(const tw_winograd *winograd, const float *source, const float *packed, const float *bias,
                     float *ret_result, float *scratch, int threads) {
  set_of(winograd->conv.lanes)->winograd(winograd, source, packed, bias, ret_result, scratch, threads);
}

size_t tw_kernel_pool_scratch_bytes(const tw_kernel_pool *pool, int threads) {
  return (size_t)threads * pool->source[1] * pool->lanes * sizeof(float);
}

void tw_kernel_pool_run(const tw_kernel_pool *pool, const float *source, float *ret_result, float *scratch,
                        int threads) {
  set_of(pool->lanes)->pool(pool, source, ret_result, scratch, threads);
}
