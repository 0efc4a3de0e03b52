/* Convolution of bytes by Winograd's F(2x2, 3x3), in integers.
 *
 * The idea: the transforms of two results from three taps have coefficients of 0, 1 and -1, but for halves in that of
 * the weights, which are doubled in each direction. So bytes become 11 bits, weights 12, both are multiplied in 16 bits
 * and summed in 32, and four times the sum of the direct algorithm comes out, without any rounding; sums on the way may
 * wrap around, as integers do, without harm. 16 products instead of 36 for four results, two instructions for 16 of
 * them. */
#include "engine/kernels/bytes_body.h"
#include "engine/kernels/kernels.h"

enum {
  RESULTS = 2,            /* of a tile, in each direction */
  SIDE = 4,               /* pixels of the source that a tile reads, and points */
  POINTS = SIDE * SIDE,   /* in both directions */
  TAPS = 3,               /* of the kernel */
  PAIR = 2,               /* inputs that are multiplied and summed at once */
  WORDS = 16,             /* 16-bit numbers of a vector */
  SKEW = 32,              /* numbers, see point_step */
  MOST_TILES = 48,        /* of a block: what is multiplied stays in the second-level cache */
  LEAST_TILES = 64,       /* of a picture: with fewer the weights, 32 bytes instead of 9, cost too much */
  MOST_CHANNELS = 1 << 11 /* 4 * 255 * 128 * 9 * 2^11 / 2 < 2^31: the result fits */
};

static size_t tiles_of(const tw_byte_conv *conv, int direction) {
  return (conv->result[direction] + RESULTS - 1) / RESULTS;
}

bool tw_byte_winograd_pays(const tw_byte_conv *conv) {
  for (int i = 0; i < 2; i++) {
    if (conv->kernel[i] != TAPS || conv->strides[i] != 1 || conv->dilations[i] != 1) {
      return false;
    }
  }
  return conv->channels % WORDS == 0 && conv->channels <= MOST_CHANNELS &&
         tiles_of(conv, 0) * tiles_of(conv, 1) >= LEAST_TILES;
}

/* ---- Weights ----------------------------------------------------------------------------------------------------- */

size_t tw_byte_winograd_packed_bytes(const tw_byte_conv *conv) {
  return padded_results(conv) * conv->channels * POINTS * sizeof(int16_t);
}

/* One direction of a kernel, doubled. */
static void evaluate_taps(const int taps[TAPS], int ret_points[SIDE]) {
  ret_points[0] = 2 * taps[0];
  ret_points[1] = taps[0] + taps[1] + taps[2];
  ret_points[2] = taps[0] - taps[1] + taps[2];
  ret_points[3] = 2 * taps[2];
}

static void evaluate_kernel(const int8_t weights[TAPS * TAPS], int ret_points[POINTS]) {
  int down[SIDE][TAPS];
  for (size_t x = 0; x < TAPS; x++) {
    const int taps[TAPS] = {weights[x], weights[TAPS + x], weights[2 * TAPS + x]};
    int points[SIDE];
    evaluate_taps(taps, points);
    for (size_t y = 0; y < SIDE; y++) {
      down[y][x] = points[y];
    }
  }
  for (size_t y = 0; y < SIDE; y++) {
    evaluate_taps(down[y], ret_points + y * SIDE);
  }
}

/* Panels of results; in each the points, pairs of inputs, results of the panel, inputs of the pair. */
void tw_byte_winograd_pack(const tw_byte_conv *conv, const int8_t *weights, int16_t *ret_packed) {
  memset(ret_packed, 0, tw_byte_winograd_packed_bytes(conv));
  for (size_t r = 0; r < conv->results; r++) {
    const size_t width = vectors_of(conv, r / PANEL) * LANES;
    int16_t *panel = ret_packed + r / PANEL * PANEL * conv->channels * POINTS + r % PANEL * PAIR;
    for (size_t c = 0; c < conv->channels; c++) {
      int points[POINTS];
      evaluate_kernel(weights + (r * conv->channels + c) * TAPS * TAPS, points);
      for (size_t p = 0; p < POINTS; p++) {
        panel[(p * conv->channels + c / PAIR * PAIR) * width + c % PAIR] = (int16_t)points[p];
      }
    }
  }
}

/* ---- Blocks ------------------------------------------------------------------------------------------------------ */

/* Numbers from one point of a block to the next: not all points in the same lines of a cache. */
static size_t point_step(const tw_byte_conv *conv) {
  return MOST_TILES * conv->channels + SKEW;
}

/* A block's tiles at all points; behind them its products of one panel. */
static size_t points_bytes(const tw_byte_conv *conv) {
  return POINTS * point_step(conv) * sizeof(int16_t);
}

static size_t part_bytes(const tw_byte_conv *conv) {
  return points_bytes(conv) + POINTS * MOST_TILES * PANEL * sizeof(int32_t);
}

size_t tw_byte_winograd_scratch_bytes(const tw_byte_conv *conv, int threads) {
  return (size_t)threads * part_bytes(conv);
}

#if defined(__x86_64__) && defined(__GNUC__)

enum { ROWS = 6 }; /* tiles that a step of the matrix product takes */

typedef struct winograd_work {
  const tw_byte_conv *conv;
  const uint8_t *source;
  const int16_t *packed;
  void *result;
  uint8_t *scratch;
} winograd_work;

typedef struct position {
  size_t y; /* of the tile's first result */
  size_t x;
} position;

static position position_of(const tw_byte_conv *conv, size_t tile) {
  return (position){tile / tiles_of(conv, 1) * RESULTS, tile % tiles_of(conv, 1) * RESULTS};
}

/* ---- Evaluation -------------------------------------------------------------------------------------------------- */

/* One direction: pixels to points. */
INLINE void evaluate(const __m256i pixels[SIDE], __m256i ret_points[SIDE]) {
  ret_points[0] = _mm256_sub_epi16(pixels[0], pixels[2]);
  ret_points[1] = _mm256_add_epi16(pixels[1], pixels[2]);
  ret_points[2] = _mm256_sub_epi16(pixels[2], pixels[1]);
  ret_points[3] = _mm256_sub_epi16(pixels[1], pixels[3]);
}

/* WORDS channels of one tile; points are `step` numbers apart. */
INLINE void evaluate_channels(const uint8_t *const pixels[POINTS], size_t channel, int16_t *to, size_t step) {
  __m256i down[SIDE][SIDE];
  UNROLL
  for (size_t x = 0; x < SIDE; x++) {
    __m256i column[SIDE];
    __m256i points[SIDE];
    UNROLL
    for (size_t y = 0; y < SIDE; y++) {
      const __m128i bytes = _mm_loadu_si128((const __m128i *)(const void *)(pixels[y * SIDE + x] + channel));
      column[y] = _mm256_cvtepu8_epi16(bytes);
    }
    evaluate(column, points);
    UNROLL
    for (size_t y = 0; y < SIDE; y++) {
      down[y][x] = points[y];
    }
  }
  UNROLL
  for (size_t y = 0; y < SIDE; y++) {
    __m256i points[SIDE];
    evaluate(down[y], points);
    UNROLL
    for (size_t x = 0; x < SIDE; x++) {
      _mm256_store_si256((__m256i *)(void *)(to + (y * SIDE + x) * step), points[x]);
    }
  }
}

/* Tiles `begin` and following, points first, then tiles, then channels. */
TARGET static void evaluate_block(const winograd_work *work, size_t begin, size_t count, int16_t *points) {
  const tw_byte_conv *conv = work->conv;
  for (size_t t = 0; t < count; t++) {
    const position at = position_of(conv, begin + t);
    const uint8_t *pixels[POINTS];
    for (size_t i = 0; i < POINTS; i++) {
      const size_t y = at.y + i / SIDE - conv->pads[0]; /* outside: huge */
      const size_t x = at.x + i % SIDE - conv->pads[1];
      pixels[i] = pixel_at(conv, work->source, y, x);
    }
    for (size_t c = 0; c < conv->channels; c += WORDS) {
      evaluate_channels(pixels, c, points + t * conv->channels + c, point_step(conv));
    }
  }
}

/* ---- Products ---------------------------------------------------------------------------------------------------- */

/* products (rows x PANEL) = tiles (rows x depth) * weights (depth x vectors of results). */
INLINE void multiply(const int16_t *tiles, size_t depth, const int16_t *weights, int32_t *products, size_t rows,
                     size_t vectors) {
  __m256i sums[ROWS][VECTORS];
  EACH(r, ROWS, rows) {
    EACH(v, VECTORS, vectors) {
      sums[r][v] = _mm256_setzero_si256();
    }
  }
  for (size_t k = 0; k < depth; k += PAIR, weights += vectors * WORDS) {
    __m256i row[VECTORS];
    EACH(v, VECTORS, vectors) {
      row[v] = _mm256_load_si256((const __m256i *)(const void *)weights + v);
    }
    EACH(r, ROWS, rows) {
      int32_t pair;
      memcpy(&pair, tiles + r * depth + k, sizeof pair);
      const __m256i tile = _mm256_set1_epi32(pair);
      EACH(v, VECTORS, vectors) {
        sums[r][v] = _mm256_add_epi32(sums[r][v], _mm256_madd_epi16(tile, row[v]));
      }
    }
  }
  EACH(r, ROWS, rows) {
    EACH(v, VECTORS, vectors) {
      _mm256_store_si256((__m256i *)(void *)(products + r * PANEL) + v, sums[r][v]);
    }
  }
}

INLINE void multiply_rows(const int16_t *tiles, size_t depth, const int16_t *weights, int32_t *products, size_t rows,
                          size_t vectors) {
  switch (rows) {
    case 1: multiply(tiles, depth, weights, products, 1, vectors); return;
    case 2: multiply(tiles, depth, weights, products, 2, vectors); return;
    case 3: multiply(tiles, depth, weights, products, 3, vectors); return;
    case 4: multiply(tiles, depth, weights, products, 4, vectors); return;
    case 5: multiply(tiles, depth, weights, products, 5, vectors); return;
    default: multiply(tiles, depth, weights, products, ROWS, vectors); return;
  }
}

TARGET static void multiply_block(const winograd_work *work, const panel *panel, size_t count, const int16_t *points,
                                  int32_t *products) {
  const size_t depth = work->conv->channels;
  const int16_t *weights = work->packed + panel->first * depth * POINTS;
  for (size_t p = 0; p < POINTS; p++) {
    for (size_t t = 0; t < count; t += ROWS) {
      const size_t rows = count - t < ROWS ? count - t : ROWS;
      const int16_t *tiles = points + p * point_step(work->conv) + t * depth;
      int32_t *to = products + (p * MOST_TILES + t) * PANEL;
      if (panel->vectors == 1) {
        multiply_rows(tiles, depth, weights, to, rows, 1);
      } else {
        multiply_rows(tiles, depth, weights, to, rows, VECTORS);
      }
    }
    weights += depth * panel->vectors * LANES;
  }
}

/* ---- Results ----------------------------------------------------------------------------------------------------- */

/* One direction: points to results. */
INLINE void interpolate(const __m256i points[SIDE], __m256i ret_results[RESULTS]) {
  ret_results[0] = _mm256_add_epi32(_mm256_add_epi32(points[0], points[1]), points[2]);
  ret_results[1] = _mm256_sub_epi32(_mm256_sub_epi32(points[1], points[2]), points[3]);
}

/* One vector of a tile's results, from the products; each sum is four times what it should be. */
INLINE void interpolate_tile(const int32_t *products, __m256i ret_sums[RESULTS * RESULTS]) {
  __m256i down[RESULTS][SIDE];
  UNROLL
  for (size_t x = 0; x < SIDE; x++) {
    __m256i column[SIDE];
    __m256i results[RESULTS];
    UNROLL
    for (size_t y = 0; y < SIDE; y++) {
      const int32_t *from = products + (y * SIDE + x) * MOST_TILES * PANEL;
      column[y] = _mm256_load_si256((const __m256i *)(const void *)from);
    }
    interpolate(column, results);
    down[0][x] = results[0];
    down[1][x] = results[1];
  }
  UNROLL
  for (size_t y = 0; y < RESULTS; y++) {
    __m256i results[RESULTS];
    interpolate(down[y], results);
    ret_sums[y * RESULTS] = _mm256_srai_epi32(results[0], 2);
    ret_sums[y * RESULTS + 1] = _mm256_srai_epi32(results[1], 2);
  }
}

INLINE void put_tile(const winograd_work *work, const panel *panel, position at, const int32_t *products,
                     size_t vectors) {
  const tw_byte_conv *conv = work->conv;
  __m256i sums[VECTORS][RESULTS * RESULTS];
  EACH(v, VECTORS, vectors) {
    interpolate_tile(products + v * LANES, sums[v]);
  }
  UNROLL
  for (size_t i = 0; i < RESULTS * RESULTS; i++) {
    const size_t y = at.y + i / RESULTS;
    const size_t x = at.x + i % RESULTS;
    const __m256i pixel[VECTORS] = {sums[0][i], sums[vectors - 1][i]};
    if (y < conv->result[0] && x < conv->result[1]) {
      put(conv, pixel, panel, vectors, work->result, y * conv->result[1] + x);
    }
  }
}

TARGET static void put_block(const winograd_work *work, const panel *panel, size_t begin, size_t count,
                             const int32_t *products) {
  for (size_t t = 0; t < count; t++) {
    const position at = position_of(work->conv, begin + t);
    if (panel->vectors == 1) {
      put_tile(work, panel, at, products + t * PANEL, 1);
    } else {
      put_tile(work, panel, at, products + t * PANEL, VECTORS);
    }
  }
}

/* ---- The whole --------------------------------------------------------------------------------------------------- */

TARGET static void winograd_part(const void *context, size_t part, size_t parts) {
  const winograd_work *work = context;
  const tw_byte_conv *conv = work->conv;
  const size_t tiles = tiles_of(conv, 0) * tiles_of(conv, 1);
  const size_t end = tiles * (part + 1) / parts;
  int16_t *points = (int16_t *)(void *)(work->scratch + part * part_bytes(conv));
  int32_t *products = (int32_t *)(void *)((uint8_t *)points + points_bytes(conv));
  for (size_t begin = tiles * part / parts; begin < end; begin += MOST_TILES) {
    const size_t count = end - begin < MOST_TILES ? end - begin : MOST_TILES;
    evaluate_block(work, begin, count, points);
    for (size_t p = 0; p < panels_of(conv); p++) {
      const panel panel = panel_of(conv, p);
      multiply_block(work, &panel, count, points, products);
      put_block(work, &panel, begin, count, products);
    }
  }
}

void tw_byte_winograd_run(const tw_byte_conv *conv, const uint8_t *source, const int16_t *packed, void *ret_result,
                          void *scratch, int threads) {
  const winograd_work work = {conv, source, packed, ret_result, scratch};
  tw_kernels_parallel(threads, winograd_part, &work);
}

#else

void tw_byte_winograd_run(const tw_byte_conv *conv, const uint8_t *source, const int16_t *packed, void *ret_result,
                          void *scratch, int threads) {
  (void)conv, (void)source, (void)packed, (void)ret_result, (void)scratch, (void)threads;
}

#endif
