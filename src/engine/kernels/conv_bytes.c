/* Convolution of bytes: the order of packed weights, and the loops in AVX2. */
#include "engine/kernels/bytes_body.h"
#include "engine/kernels/kernels.h"

enum { GROUP = TW_BYTES_GROUP, QUAD = 4, VECTOR = LANES * QUAD };

/* ---- Weights ----------------------------------------------------------------------------------------------------- */

static size_t taps_of(const tw_byte_conv *conv) {
  return conv->kernel[0] * conv->kernel[1];
}

/* Whether one quad of a group's weights keeps to its bounds at each tap. */
static bool is_within(const int8_t *group, size_t number, size_t taps) {
  const int8_t *quad[QUAD];
  int wrong = 0;
  for (size_t i = 0; i < QUAD; i++) {
    quad[i] = group + tw_byte_quad_input(number, i) * taps;
  }
  for (size_t t = 0; t < taps; t++) {
    int positive = 0;
    int negative = 0;
    for (size_t i = 0; i < QUAD; i++) {
      const int weight = quad[i][t];
      positive += weight > 0 ? weight : 0;
      negative -= weight < 0 ? weight : 0;
    }
    wrong |= positive > TW_BYTES_MOST || negative > TW_BYTES_MOST;
  }
  return wrong == 0;
}

bool tw_byte_conv_fits(const tw_byte_conv *conv, const int8_t *weights) {
  const size_t taps = taps_of(conv);
  const size_t channels = conv->results * conv->channels;
  for (size_t c = 0; c < channels; c += GROUP) {
    const int8_t *group = weights + c * taps;
    if (!is_within(group, 0, taps) || !is_within(group, 1, taps)) {
      return false;
    }
  }
  return true;
}

size_t tw_byte_conv_packed_bytes(const tw_byte_conv *conv) {
  return padded_results(conv) * conv->channels * taps_of(conv);
}

/* One vector: LANES results x QUAD inputs. */
static void pack_vector(const tw_byte_conv *conv, const int8_t *weights, size_t result, size_t channel, size_t tap,
                        int8_t ret_vector[VECTOR]) {
  const size_t taps = taps_of(conv);
  const size_t lanes = conv->results - result < LANES ? conv->results - result : LANES;
  memset(ret_vector, 0, VECTOR);
  for (size_t i = 0; i < lanes; i++) {
    const int8_t *from = weights + ((result + i) * conv->channels + channel) * taps + tap;
    for (size_t k = 0; k < QUAD; k++) {
      ret_vector[i * QUAD + k] = from[k * taps];
    }
  }
}

/* Panels of results; in each the taps, groups of inputs, vectors of results, quads. */
void tw_byte_conv_pack(const tw_byte_conv *conv, const int8_t *weights, int8_t *ret_packed) {
  int8_t *to = ret_packed;
  for (size_t p = 0; p < panels_of(conv); p++) {
    for (size_t t = 0; t < taps_of(conv); t++) {
      for (size_t c = 0; c < conv->channels; c += GROUP) {
        for (size_t v = 0; v < vectors_of(conv, p); v++, to += 2 * VECTOR) {
          const size_t result = p * PANEL + v * LANES;
          pack_vector(conv, weights, result, c, t, to);
          pack_vector(conv, weights, result, c + QUAD, t, to + VECTOR);
        }
      }
    }
  }
}

#if defined(__x86_64__) && defined(__GNUC__)

enum {
  ROWS = 4,         /* pixels of the result that a step makes */
  CHUNK = 32 * 1024 /* bytes of the source that are read again for each panel: they stay in the first-level cache */
};

typedef struct byte_work {
  const tw_byte_conv *conv;
  const uint8_t *source;
  const int8_t *packed;
  void *result;
} byte_work;

/* ---- Sums -------------------------------------------------------------------------------------------------------- */

/* Four bytes in all lanes. */
INLINE __m256i spread_quad(const uint8_t *bytes) {
  int32_t quad;
  memcpy(&quad, bytes, sizeof quad);
  return _mm256_set1_epi32(quad);
}

/* Adds the products of `count` bytes of each pixel, and those behind it. */
INLINE void add_products(const uint8_t *const pixels[ROWS], size_t count, const int8_t *weights, size_t rows,
                         size_t vectors, __m256i sums[ROWS][VECTORS]) {
  const __m256i ones = _mm256_set1_epi16(1);
  for (size_t c = 0; c < count; c += GROUP, weights += 2 * vectors * VECTOR) {
    const __m256i *halves = (const __m256i *)(const void *)weights;
    EACH(r, ROWS, rows) {
      const __m256i a = spread_quad(pixels[r] + c);
      const __m256i b = spread_quad(pixels[r] + c + QUAD);
      EACH(v, VECTORS, vectors) {
        const __m256i products =
            _mm256_add_epi16(_mm256_maddubs_epi16(a, halves[2 * v]), _mm256_maddubs_epi16(b, halves[2 * v + 1]));
        sums[r][v] = _mm256_add_epi32(sums[r][v], _mm256_madd_epi16(products, ones));
      }
    }
  }
}

/* A tile: `rows` neighbours of the result, row by row; the first of them. */
typedef struct tile {
  size_t number;
  size_t y;
  size_t x;
} tile;

/* Where all of the tile is in one row, and all that it reads inside the picture. */
INLINE bool is_inside(const tw_byte_conv *conv, tile tile, size_t rows) {
  const size_t top = tile.y * conv->strides[0] - conv->pads[0]; /* outside: huge */
  const size_t left = tile.x * conv->strides[1] - conv->pads[1];
  const size_t bottom = top + (conv->kernel[0] - 1) * conv->dilations[0];
  const size_t right = left + (rows - 1) * conv->strides[1] + (conv->kernel[1] - 1) * conv->dilations[1];
  return tile.x + rows <= conv->result[1] && top <= bottom && bottom < conv->source[0] && left <= right &&
         right < conv->source[1];
}

/* Neighbours in a row lie side by side, so a row of the kernel may be one run. */
INLINE void sum_inside(const byte_work *work, tile tile, const int8_t *weights, size_t rows, size_t vectors,
                       __m256i sums[ROWS][VECTORS]) {
  const tw_byte_conv *conv = work->conv;
  const bool together = conv->dilations[1] == 1;
  const size_t runs = together ? 1 : conv->kernel[1];
  const size_t run = (together ? conv->kernel[1] : 1) * conv->channels;
  const size_t top = tile.y * conv->strides[0] - conv->pads[0];
  const size_t left = tile.x * conv->strides[1] - conv->pads[1];
  const uint8_t *corner = work->source + (top * conv->source[1] + left) * conv->channels;
  for (size_t i = 0; i < conv->kernel[0]; i++) {
    for (size_t j = 0; j < runs; j++) {
      const size_t tap = i * conv->dilations[0] * conv->source[1] + j * conv->dilations[1];
      const uint8_t *pixels[ROWS];
      EACH(r, ROWS, rows) {
        pixels[r] = corner + (tap + r * conv->strides[1]) * conv->channels;
      }
      add_products(pixels, run, weights, rows, vectors, sums);
      weights += run * vectors * LANES;
    }
  }
}

INLINE void sum_at_edges(const byte_work *work, tile tile, const int8_t *weights, size_t rows, size_t vectors,
                         __m256i sums[ROWS][VECTORS]) {
  const tw_byte_conv *conv = work->conv;
  size_t top[ROWS]; /* outside: huge */
  size_t left[ROWS];
  EACH(r, ROWS, rows) {
    top[r] = tile.y * conv->strides[0] - conv->pads[0];
    left[r] = tile.x * conv->strides[1] - conv->pads[1];
    tile.x++;
    if (tile.x == conv->result[1]) {
      tile.x = 0;
      tile.y++;
    }
  }
  for (size_t i = 0; i < conv->kernel[0]; i++) {
    for (size_t j = 0; j < conv->kernel[1]; j++) {
      const uint8_t *pixels[ROWS];
      EACH(r, ROWS, rows) {
        const size_t y = top[r] + i * conv->dilations[0];
        const size_t x = left[r] + j * conv->dilations[1];
        pixels[r] = pixel_at(conv, work->source, y, x);
      }
      add_products(pixels, conv->channels, weights, rows, vectors, sums);
      weights += conv->channels * vectors * LANES;
    }
  }
}

/* ---- The whole --------------------------------------------------------------------------------------------------- */

INLINE void make_tile(const byte_work *work, const panel *panel, const int8_t *weights, tile tile, size_t rows,
                      size_t vectors) {
  const tw_byte_conv *conv = work->conv;
  __m256i sums[ROWS][VECTORS];
  EACH(r, ROWS, rows) {
    EACH(v, VECTORS, vectors) {
      sums[r][v] = _mm256_setzero_si256();
    }
  }
  if (is_inside(conv, tile, rows)) {
    sum_inside(work, tile, weights, rows, vectors, sums);
  } else {
    sum_at_edges(work, tile, weights, rows, vectors, sums);
  }
  EACH(r, ROWS, rows) {
    put(conv, sums[r], panel, vectors, work->result, tile.number + r);
  }
}

INLINE void make_panel(const byte_work *work, const panel *panel, const int8_t *weights, size_t from, size_t to,
                       size_t vectors) {
  const size_t width = work->conv->result[1];
  tile tile = {from, from / width, from % width};
  for (; tile.number + ROWS <= to; tile.number += ROWS) {
    make_tile(work, panel, weights, tile, ROWS, vectors);
    tile.x += ROWS;
    while (tile.x >= width) {
      tile.x -= width;
      tile.y++;
    }
  }
  switch (to - tile.number) {
    case 1: make_tile(work, panel, weights, tile, 1, vectors); break;
    case 2: make_tile(work, panel, weights, tile, 2, vectors); break;
    case 3: make_tile(work, panel, weights, tile, 3, vectors); break;
    default: break;
  }
}

/* Pixels `from` to `to` of the result. */
TARGET static void make_pixels(const byte_work *work, size_t from, size_t to) {
  const tw_byte_conv *conv = work->conv;
  const size_t depth = conv->channels * taps_of(conv);
  for (size_t p = 0; p < panels_of(conv); p++) {
    const panel panel = panel_of(conv, p);
    const int8_t *weights = work->packed + panel.first * depth;
    if (panel.vectors == 1) {
      make_panel(work, &panel, weights, from, to, 1);
    } else {
      make_panel(work, &panel, weights, from, to, VECTORS);
    }
  }
}

/* Pixels of the result that read about CHUNK bytes, whole tiles. */
static size_t chunk_of(const tw_byte_conv *conv) {
  const size_t read = conv->channels * conv->strides[0] * conv->strides[1];
  return (CHUNK / read / ROWS + 1) * ROWS;
}

static void byte_part(const void *context, size_t part, size_t parts) {
  const byte_work *work = context;
  const tw_byte_conv *conv = work->conv;
  const size_t pixels = conv->result[0] * conv->result[1];
  const size_t tiles = (pixels + ROWS - 1) / ROWS;
  const size_t begin = tiles * part / parts * ROWS;
  const size_t end = part + 1 == parts ? pixels : tiles * (part + 1) / parts * ROWS;
  const size_t chunk = chunk_of(conv);
  for (size_t from = begin; from < end; from += chunk) {
    make_pixels(work, from, end - from < chunk ? end : from + chunk);
  }
}

bool tw_byte_conv_possible(void) {
  return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
}

void tw_byte_conv_run(const tw_byte_conv *conv, const uint8_t *source, const int8_t *packed, void *ret_result,
                      int threads) {
  const byte_work work = {conv, source, packed, ret_result};
  tw_kernels_parallel(threads, byte_part, &work);
}

#else

bool tw_byte_conv_possible(void) {
  return false;
}

void tw_byte_conv_run(const tw_byte_conv *conv, const uint8_t *source, const int8_t *packed, void *ret_result,
                      int threads) {
  (void)conv, (void)source, (void)packed, (void)ret_result, (void)threads;
}

#endif
