/* Maximum and average pooling: the loops that run, included as winograd_body.h is.
 *
 * The idea: a window is reduced downwards first, a whole row at a time, then across: kernel height + kernel width loads
 * a result instead of their product, and no division (the library's are three to eight times slower). */

typedef struct pool_work {
  const tw_kernel_pool *pool;
  const float *source;
  float *result;
  float *scratch;
} pool_work;

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

INLINE vector combine(vector a, vector b, bool average) {
  return average ? add(a, b) : larger(a, b);
}

/* The rows of a window as one. */
INLINE void reduce_rows(const float *source, size_t wide, range rows, bool average, float *ret_row) {
  const size_t row = wide * WIDTH;
  for (size_t x = 0; x < row; x += WIDTH) {
    vector all = load(source + rows.begin * row + x);
    for (size_t y = rows.begin + 1; y < rows.end; y++) {
      all = combine(all, load(source + y * row + x), average);
    }
    store(ret_row + x, all);
  }
}

/* One row of results, a block of channels. */
INLINE void pool_row(const tw_kernel_pool *pool, const float *source, size_t y, float *row, float *result,
                     bool average) {
  const range rows = range_of(pool, 0, y);
  reduce_rows(source, pool->source[1], rows, average, row);
  for (size_t i = 0; i < pool->result[1]; i++) {
    const range columns = range_of(pool, 1, i);
    vector all = load(row + columns.begin * WIDTH);
    for (size_t x = columns.begin + 1; x < columns.end; x++) {
      all = combine(all, load(row + x * WIDTH), average);
    }
    if (average) {
      const size_t count = pool->count_padding ? pool->kernel[0] * pool->kernel[1]
                                               : (rows.end - rows.begin) * (columns.end - columns.begin);
      const float part = 1.0F / (float)count;
      all = times(all, spread(&part));
    }
    store(result + i * WIDTH, all);
  }
}

TARGET static void pool_part(const void *context, size_t part, size_t parts) {
  const pool_work *run = context;
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

static void pool_run(const tw_kernel_pool *pool, const float *source, float *ret_result, float *scratch, int threads) {
  const pool_work run = {pool, source, ret_result, scratch};
  tw_kernels_parallel(threads, pool_part, &run);
}
