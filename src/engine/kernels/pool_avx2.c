/* Maximum and average pooling in AVX2.
 *
 * The idea: a window is reduced downwards first, a whole row at a time, then across: kernel height + kernel width loads
 * a result instead of their product, and no division (the library's are ten times slower). */
#include "engine/kernels/kernels.h"

size_t tw_kernel_pool_scratch_bytes(const tw_kernel_pool *pool, int threads) {
  return (size_t)threads * pool->source[1] * TW_KERNEL_BLOCK * sizeof(float);
}

#if defined(__x86_64__) && defined(__GNUC__)

#include <immintrin.h>

#define TARGET __attribute__((target("avx2,fma")))
#define INLINE static inline __attribute__((always_inline)) TARGET

enum { WIDTH = TW_KERNEL_BLOCK };

typedef struct run {
  const tw_kernel_pool *pool;
  const float *source;
  float *result;
  float *scratch;
} run;

/* The part of a window that lies in the picture. */
typedef struct range {
  size_t begin;
  size_t end;
} range;

static range range_of(const tw_kernel_pool *pool, int direction, size_t position) {
  const size_t at = position * pool->strides[direction];
  const size_t pad = pool->pads[direction];
  const size_t end = at + pool->kernel[direction] - pad;
  return (range){at < pad ? 0 : at - pad, end < pool->source[direction] ? end : pool->source[direction]};
}

INLINE __m256 combine(__m256 a, __m256 b, bool average) {
  return average ? _mm256_add_ps(a, b) : _mm256_max_ps(a, b);
}

/* The rows of a window as one. */
INLINE void reduce_rows(const float *source, size_t wide, range rows, bool average, float *ret_row) {
  const size_t row = wide * WIDTH;
  for (size_t x = 0; x < row; x += WIDTH) {
    __m256 all = _mm256_loadu_ps(source + rows.begin * row + x);
    for (size_t y = rows.begin + 1; y < rows.end; y++) {
      all = combine(all, _mm256_loadu_ps(source + y * row + x), average);
    }
    _mm256_storeu_ps(ret_row + x, all);
  }
}

/* One row of results, eight channels. */
INLINE void pool_row(const tw_kernel_pool *pool, const float *source, size_t y, float *row, float *result,
                     bool average) {
  const range rows = range_of(pool, 0, y);
  reduce_rows(source, pool->source[1], rows, average, row);
  for (size_t i = 0; i < pool->result[1]; i++) {
    const range columns = range_of(pool, 1, i);
    __m256 all = _mm256_loadu_ps(row + columns.begin * WIDTH);
    for (size_t x = columns.begin + 1; x < columns.end; x++) {
      all = combine(all, _mm256_loadu_ps(row + x * WIDTH), average);
    }
    if (average) {
      const size_t count = pool->count_padding ? pool->kernel[0] * pool->kernel[1]
                                               : (rows.end - rows.begin) * (columns.end - columns.begin);
      all = _mm256_mul_ps(all, _mm256_set1_ps(1.0F / (float)count));
    }
    _mm256_storeu_ps(result + i * WIDTH, all);
  }
}

TARGET static void run_part(const void *context, size_t part, size_t parts) {
  const run *run = context;
  const tw_kernel_pool *pool = run->pool;
  const size_t high = pool->result[0];
  const size_t all = (pool->channels + WIDTH - 1) / WIDTH * high;
  float *row = run->scratch + part * pool->source[1] * WIDTH;
  for (size_t i = all * part / parts; i < all * (part + 1) / parts; i++) {
    const float *source = run->source + i / high * pool->source[0] * pool->source[1] * WIDTH;
    float *result = run->result + i * pool->result[1] * WIDTH;
    if (pool->average) {
      pool_row(pool, source, i % high, row, result, true);
    } else {
      pool_row(pool, source, i % high, row, result, false);
    }
  }
}

void tw_kernel_pool_run(const tw_kernel_pool *pool, const float *source, float *ret_result, float *scratch,
                        int threads) {
  const run run = {pool, source, ret_result, scratch};
  tw_kernels_parallel(threads, run_part, &run);
}

#else

void tw_kernel_pool_run(const tw_kernel_pool *pool, const float *source, float *ret_result, float *scratch,
                        int threads) {
  (void)pool, (void)source, (void)ret_result, (void)scratch, (void)threads;
}

#endif
