/* Convolution by Winograd's algorithms: the loops that run. Included once for each width of vectors, after a header
 * that defines `vector`, WIDTH and what is done with them (lanes_avx2.h).
 *
 * The idea: a block of tiles goes through three stages while it is in the second-level cache. The source's tiles are
 * evaluated at the points (a vector is one block of channels of a pixel); at each point the tiles x channels are
 * multiplied by the channels x results of the packed weights; the products become tiles of the result. Each tile is
 * computed by itself, so that no digit depends on blocks or threads. */
#include "engine/kernels/unroll.h"

#define ALIGNED __attribute__((aligned(64)))

enum { ROWS = TW_KERNEL_ROWS, PANEL = 2 * WIDTH, SKEW = TW_KERNEL_SKEW, MOST_PIXELS = 36 };

/* ---- One direction of a transform -------------------------------------------------------------------------------- */

/* Evaluates at the points: pixels in[i * in_step] to out[p * out_step], both in floats. */
INLINE void evaluate(const tw_winograd_axis *axis, size_t pairs, const float *in, size_t in_step, float *out,
                     size_t out_step) {
  if (pairs == 0) {
    store(out, load(in));
    return;
  }
  vector even[TW_WINOGRAD_PAIRS + 1];
  vector odd[TW_WINOGRAD_PAIRS + 1];
  EACH(k, TW_WINOGRAD_PAIRS + 1, pairs + 1) {
    even[k] = load(in + 2 * k * in_step);
    odd[k] = load(in + (2 * k + 1) * in_step);
  }
  vector first = even[pairs];
  vector last = odd[pairs];
  EACH(k, TW_WINOGRAD_PAIRS, pairs) {
    const vector factor = spread(&axis->all[k]);
    first = multiply_add(factor, even[k], first);
    last = multiply_add(factor, odd[k], last);
  }
  store(out, first);
  store(out + (2 * pairs + 1) * out_step, last);
  EACH(i, TW_WINOGRAD_PAIRS, pairs) {
    vector sum = even[pairs];
    vector difference = odd[pairs - 1];
    EACH(k, TW_WINOGRAD_PAIRS - 1, pairs - 1) {
      const vector factor = spread(&axis->others[i][k]);
      sum = multiply_add(factor, even[k + 1], sum);
      difference = multiply_add(factor, odd[k], difference);
    }
    const vector a = spread(&axis->pair[i]);
    store(out + (1 + 2 * i) * out_step, multiply_add(a, difference, sum));
    store(out + (2 + 2 * i) * out_step, multiply_subtract(a, difference, sum));
  }
}

/* The results of the products at the points, in[p * in_step], to out[j * out_step]. */
INLINE void interpolate(const tw_winograd_axis *axis, size_t pairs, size_t results, const float *in, size_t in_step,
                        float *out, size_t out_step) {
  if (pairs == 0) {
    store(out, load(in));
    return;
  }
  vector sums[TW_WINOGRAD_RESULTS];
  EACH(j, TW_WINOGRAD_RESULTS, results) {
    sums[j] = zeros();
  }
  EACH(i, TW_WINOGRAD_PAIRS, pairs) {
    const vector plus = load(in + (1 + 2 * i) * in_step);
    const vector minus = load(in + (2 + 2 * i) * in_step);
    const vector even = add(plus, minus);
    const vector odd = subtract(plus, minus);
    EACH(j, TW_WINOGRAD_RESULTS, results) {
      sums[j] = multiply_add(spread(&axis->powers[i][j]), j % 2 == 0 ? even : odd, sums[j]);
    }
  }
  sums[0] = add(sums[0], load(in));
  sums[results - 1] = add(sums[results - 1], load(in + (2 * pairs + 1) * in_step));
  EACH(j, TW_WINOGRAD_RESULTS, results) {
    store(out + j * out_step, sums[j]);
  }
}

/* ---- Tiles ------------------------------------------------------------------------------------------------------- */

typedef struct winograd_work {
  const tw_winograd *winograd;
  const float *source;
  const float *packed;
  const float *bias; /* or NULL */
  float *result;
  float *scratch;
  size_t point_in;  /* floats from a point to the next, of evaluated tiles */
  size_t point_out; /* and of products */
} winograd_work;

typedef struct position {
  size_t y; /* of the tile's first result */
  size_t x;
} position;

static position position_of(const tw_winograd *winograd, size_t tile) {
  return (position){tile / winograd->tiles[1] * winograd->axis[0].results,
                    tile % winograd->tiles[1] * winograd->axis[1].results};
}

/* The tile's pixels where the picture does not reach all of them: copied, with zeros around. */
TARGET static void copy_pixels(const tw_winograd *winograd, const float *source, position at, size_t high, size_t wide,
                               float *ret_pixels) {
  const tw_kernel_conv *conv = &winograd->conv;
  for (size_t i = 0; i < high; i++) {
    const size_t y = at.y + i - conv->pads[0]; /* outside: huge */
    for (size_t j = 0; j < wide; j++) {
      const size_t x = at.x + j - conv->pads[1];
      const bool inside = y < conv->source[0] && x < conv->source[1];
      const vector pixel = inside ? load(source + (y * conv->source[1] + x) * WIDTH) : zeros();
      store(ret_pixels + (i * wide + j) * WIDTH, pixel);
    }
  }
}

/* A block of channels of one tile, evaluated at all points. */
INLINE void evaluate_tile(const winograd_work *run, const float *source, position at, size_t pairs_y, size_t pairs_x,
                          float *points) {
  const tw_winograd *winograd = run->winograd;
  const tw_kernel_conv *conv = &winograd->conv;
  const size_t high = pairs_y == 0 ? 1 : 2 * pairs_y + 2;
  const size_t wide = pairs_x == 0 ? 1 : 2 * pairs_x + 2;
  float pixels[MOST_PIXELS * WIDTH] ALIGNED;
  float half[MOST_PIXELS * WIDTH] ALIGNED;
  const float *from = pixels;
  size_t row = wide * WIDTH;
  if (at.y >= conv->pads[0] && at.x >= conv->pads[1] && at.y - conv->pads[0] + high <= conv->source[0] &&
      at.x - conv->pads[1] + wide <= conv->source[1]) {
    row = conv->source[1] * WIDTH;
    from = source + (at.y - conv->pads[0]) * row + (at.x - conv->pads[1]) * WIDTH;
  } else {
    copy_pixels(winograd, source, at, high, wide, pixels);
  }
  if (pairs_y == 0) {
    evaluate(&winograd->axis[1], pairs_x, from, WIDTH, points, run->point_in);
    return;
  }
  if (pairs_x == 0) {
    evaluate(&winograd->axis[0], pairs_y, from, row, points, run->point_in);
    return;
  }
  for (size_t x = 0; x < wide; x++) {
    evaluate(&winograd->axis[0], pairs_y, from + x * WIDTH, row, half + x * WIDTH, wide * WIDTH);
  }
  for (size_t y = 0; y < high; y++) {
    evaluate(&winograd->axis[1], pairs_x, half + y * wide * WIDTH, WIDTH, points + y * wide * run->point_in,
             run->point_in);
  }
}

/* A block of channels of one tile of results, from the products; with bias and bounds. */
INLINE void interpolate_tile(const winograd_work *run, const float *points, vector offset, position at, size_t pairs_y,
                             size_t results_y, size_t pairs_x, size_t results_x, float *result) {
  const tw_winograd *winograd = run->winograd;
  const tw_kernel_conv *conv = &winograd->conv;
  const size_t wide = pairs_x == 0 ? 1 : 2 * pairs_x + 2;
  float half[TW_WINOGRAD_RESULTS * TW_WINOGRAD_POINTS * WIDTH] ALIGNED;
  float tile[TW_WINOGRAD_RESULTS * TW_WINOGRAD_RESULTS * WIDTH] ALIGNED;
  if (pairs_y == 0) {
    interpolate(&winograd->axis[1], pairs_x, results_x, points, run->point_out, tile, WIDTH);
  } else if (pairs_x == 0) {
    interpolate(&winograd->axis[0], pairs_y, results_y, points, run->point_out, tile, WIDTH);
  } else {
    for (size_t x = 0; x < wide; x++) {
      interpolate(&winograd->axis[0], pairs_y, results_y, points + x * run->point_out, wide * run->point_out,
                  half + x * WIDTH, wide * WIDTH);
    }
    for (size_t y = 0; y < results_y; y++) {
      interpolate(&winograd->axis[1], pairs_x, results_x, half + y * wide * WIDTH, WIDTH, tile + y * results_x * WIDTH,
                  WIDTH);
    }
  }
  const vector low = spread(&conv->low);
  const vector high = spread(&conv->high);
  const size_t rows = conv->result[0] - at.y < results_y ? conv->result[0] - at.y : results_y;
  const size_t columns = conv->result[1] - at.x < results_x ? conv->result[1] - at.x : results_x;
  for (size_t y = 0; y < rows; y++) {
    float *to = result + ((at.y + y) * conv->result[1] + at.x) * WIDTH;
    for (size_t x = 0; x < columns; x++) {
      const vector sum = add(load(tile + (y * results_x + x) * WIDTH), offset);
      store(to + x * WIDTH, smaller(larger(sum, low), high));
    }
  }
}

/* ---- Stages of a block ------------------------------------------------------------------------------------------- */

INLINE void evaluate_block(const winograd_work *run, size_t begin, size_t count, float *points, size_t pairs_y,
                           size_t pairs_x) {
  const tw_winograd *winograd = run->winograd;
  const size_t size = winograd->conv.source[0] * winograd->conv.source[1] * WIDTH;
  for (size_t t = 0; t < count; t++) {
    const position at = position_of(winograd, begin + t);
    float *to = points + t * winograd->channels;
    for (size_t c = 0; c < winograd->channels / WIDTH; c++) {
      evaluate_tile(run, run->source + c * size, at, pairs_y, pairs_x, to + c * WIDTH);
    }
  }
}

/* Of a block of results; 0 where they only pad the last one. */
INLINE vector bias_of(const winograd_work *run, size_t block) {
  const size_t counted = run->winograd->conv.results - block * WIDTH;
  float padded[WIDTH] ALIGNED = {0};
  if (run->bias == NULL) {
    return zeros();
  }
  memcpy(padded, run->bias + block * WIDTH, (counted < WIDTH ? counted : WIDTH) * sizeof *padded);
  return load(padded);
}

INLINE void interpolate_block(const winograd_work *run, size_t begin, size_t count, const float *points, size_t pairs_y,
                              size_t results_y, size_t pairs_x, size_t results_x) {
  const tw_winograd *winograd = run->winograd;
  const size_t size = winograd->conv.result[0] * winograd->conv.result[1] * WIDTH;
  for (size_t t = 0; t < count; t++) {
    const position at = position_of(winograd, begin + t);
    const float *from = points + t * winograd->results;
    for (size_t c = 0; c < winograd->results / WIDTH; c++) {
      interpolate_tile(run, from + c * WIDTH, bias_of(run, c), at, pairs_y, results_y, pairs_x, results_x,
                       run->result + c * size);
    }
  }
}

/* products (rows x PANEL or WIDTH) = tiles (rows x depth) * weights (depth x as many); all sums in one order. */
INLINE void multiply(const float *tiles, size_t depth, const float *weights, float *products, size_t stride,
                     size_t rows, size_t vectors) {
  vector sums[ROWS][2];
  EACH(r, ROWS, rows) {
    EACH(v, 2, vectors) {
      sums[r][v] = zeros();
    }
  }
  for (size_t k = 0; k < depth; k++) {
    vector row[2];
    EACH(v, 2, vectors) {
      row[v] = load(weights + (k * vectors + v) * WIDTH);
    }
    EACH(r, ROWS, rows) {
      const vector tile = spread(tiles + r * depth + k);
      EACH(v, 2, vectors) {
        sums[r][v] = multiply_add(tile, row[v], sums[r][v]);
      }
    }
  }
  EACH(r, ROWS, rows) {
    EACH(v, 2, vectors) {
      store(products + r * stride + v * WIDTH, sums[r][v]);
    }
  }
}

INLINE void multiply_rows(const float *tiles, size_t depth, const float *weights, float *products, size_t stride,
                          size_t rows, size_t vectors) {
  switch (rows) {
    case 1: multiply(tiles, depth, weights, products, stride, 1, vectors); return;
    case 2: multiply(tiles, depth, weights, products, stride, 2, vectors); return;
    case 3: multiply(tiles, depth, weights, products, stride, 3, vectors); return;
    case 4: multiply(tiles, depth, weights, products, stride, 4, vectors); return;
    case 5: multiply(tiles, depth, weights, products, stride, 5, vectors); return;
    default: multiply(tiles, depth, weights, products, stride, ROWS, vectors); return;
  }
}

TARGET static void multiply_block(const winograd_work *run, size_t count, const float *points, float *products) {
  const tw_winograd *winograd = run->winograd;
  const size_t depth = winograd->channels;
  const size_t width = winograd->results;
  const float *weights = run->packed;
  for (size_t p = 0; p < winograd->points; p++) {
    for (size_t o = 0; o < width; o += PANEL) {
      const size_t vectors = width - o < PANEL ? 1 : 2;
      for (size_t t = 0; t < count; t += ROWS) {
        const size_t rows = count - t < ROWS ? count - t : ROWS;
        const float *tiles = points + p * run->point_in + t * depth;
        float *to = products + p * run->point_out + t * width + o;
        if (vectors == 2) {
          multiply_rows(tiles, depth, weights, to, width, rows, 2);
        } else {
          multiply_rows(tiles, depth, weights, to, width, rows, 1);
        }
      }
      weights += depth * vectors * WIDTH;
    }
  }
}

/* ---- The whole --------------------------------------------------------------------------------------------------- */

TARGET static void run_block(const winograd_work *run, size_t begin, size_t count, float *points, float *products) {
  const tw_winograd_axis *axis = run->winograd->axis;
  const size_t kind = axis[0].pairs * 16 + axis[1].pairs;
  switch (kind) {
    case 0x11: evaluate_block(run, begin, count, points, 1, 1); break;
    case 0x22: evaluate_block(run, begin, count, points, 2, 2); break;
    case 0x02: evaluate_block(run, begin, count, points, 0, 2); break;
    case 0x20: evaluate_block(run, begin, count, points, 2, 0); break;
    case 0x04: evaluate_block(run, begin, count, points, 0, 4); break;
    default: evaluate_block(run, begin, count, points, 4, 0); break;
  }
  multiply_block(run, count, points, products);
  switch (kind) {
    case 0x11: interpolate_block(run, begin, count, products, 1, 2, 1, 2); break;
    case 0x22:
      if (axis[0].results == 4) {
        interpolate_block(run, begin, count, products, 2, 4, 2, 4);
      } else {
        interpolate_block(run, begin, count, products, 2, 2, 2, 2);
      }
      break;
    case 0x02: interpolate_block(run, begin, count, products, 0, 1, 2, 4); break;
    case 0x20: interpolate_block(run, begin, count, products, 2, 4, 0, 1); break;
    case 0x04: interpolate_block(run, begin, count, products, 0, 1, 4, 4); break;
    default: interpolate_block(run, begin, count, products, 4, 4, 0, 1); break;
  }
}

static size_t share(size_t groups, size_t part, size_t parts) {
  return groups * part / parts * ROWS;
}

TARGET static void winograd_part(const void *context, size_t part, size_t parts) {
  const winograd_work *run = context;
  const tw_winograd *winograd = run->winograd;
  const size_t tiles = winograd->tiles[0] * winograd->tiles[1];
  const size_t groups = (tiles + ROWS - 1) / ROWS;
  const size_t begin = share(groups, part, parts);
  const size_t end = part + 1 == parts ? tiles : share(groups, part + 1, parts);
  float *points = run->scratch + part * winograd->points * (run->point_in + run->point_out);
  float *products = points + winograd->points * run->point_in;
  const size_t blocks = (end - begin + winograd->block - 1) / winograd->block;
  const size_t part_groups = (end - begin + ROWS - 1) / ROWS;
  for (size_t b = 0; b < blocks; b++) {
    const size_t from = begin + share(part_groups, b, blocks);
    const size_t to = b + 1 == blocks ? end : begin + share(part_groups, b + 1, blocks);
    run_block(run, from, to - from, points, products);
  }
}

static void winograd_run(const tw_winograd *winograd, const float *source, const float *packed, const float *bias,
                         float *ret_result, float *scratch, int threads) {
  const winograd_work run = {winograd,
                             source,
                             packed,
                             bias,
                             ret_result,
                             scratch,
                             winograd->block * winograd->channels + SKEW,
                             winograd->block * winograd->results + SKEW};
  tw_kernels_parallel(threads, winograd_part, &run);
}
