/* What the convolutions of bytes share: panels of results, and what becomes of a sum. Included by their files. */
#ifndef TW_ENGINE_KERNELS_BYTES_BODY_H
#define TW_ENGINE_KERNELS_BYTES_BODY_H

#include <string.h>

#include "engine/kernels/conv_bytes.h"

enum { PANEL = TW_BYTES_PANEL, LANES = 8, VECTORS = PANEL / LANES };

static inline size_t panels_of(const tw_byte_conv *conv) {
  return (conv->results + PANEL - 1) / PANEL;
}

/* How many vectors of results a panel has; the last one may have fewer. */
static inline size_t vectors_of(const tw_byte_conv *conv, size_t panel) {
  const size_t left = (conv->results - panel * PANEL + LANES - 1) / LANES;
  return left < VECTORS ? left : VECTORS;
}

/* Results filled up to whole vectors. */
static inline size_t padded_results(const tw_byte_conv *conv) {
  return (conv->results + LANES - 1) / LANES * LANES;
}

#if defined(__x86_64__) && defined(__GNUC__)

#include <immintrin.h>

#include "engine/kernels/unroll.h"

#define TARGET __attribute__((target("avx2,fma")))
#define INLINE static inline __attribute__((always_inline)) TARGET

/* A pixel of the source; outside of it, where y or x may have wrapped around, the padding. */
INLINE const uint8_t *pixel_at(const tw_byte_conv *conv, const uint8_t *source, size_t y, size_t x) {
  const bool inside = y < conv->source[0] && x < conv->source[1];
  return inside ? source + (y * conv->source[1] + x) * conv->channels : conv->padding;
}

/* Channels of one panel. */
typedef struct panel {
  size_t first;
  size_t count;
  size_t vectors;
  __m256 scales[VECTORS];
  __m256 biases[VECTORS];
} panel;

INLINE panel panel_of(const tw_byte_conv *conv, size_t number) {
  panel panel = {.first = number * PANEL, .vectors = vectors_of(conv, number)};
  panel.count = conv->results - panel.first < PANEL ? conv->results - panel.first : PANEL;
  EACH(v, VECTORS, VECTORS) {
    panel.scales[v] = _mm256_loadu_ps(conv->scales + panel.first + v * LANES);
    panel.biases[v] = _mm256_loadu_ps(conv->biases + panel.first + v * LANES);
  }
  return panel;
}

INLINE __m256 to_float(__m256i sums, const panel *panel, size_t v) {
  return _mm256_mul_ps(_mm256_add_ps(_mm256_cvtepi32_ps(sums), panel->biases[v]), panel->scales[v]);
}

/* The panel's channels of a pixel. */
INLINE void put_floats(const tw_byte_conv *conv, const __m256i sums[VECTORS], const panel *panel, size_t vectors,
                       float *to) {
  float room[PANEL];
  EACH(v, VECTORS, vectors) {
    const __m256 bounded = _mm256_max_ps(to_float(sums[v], panel, v), _mm256_set1_ps(conv->low));
    _mm256_storeu_ps(room + v * LANES, _mm256_min_ps(bounded, _mm256_set1_ps(conv->high)));
  }
  memcpy(to, room, panel->count * sizeof *to);
}

/* To the nearest; what is below 0 saturates when it is packed. */
INLINE __m256i to_whole(__m256i sums, const panel *panel, size_t v) {
  return _mm256_cvtps_epi32(_mm256_min_ps(to_float(sums, panel, v), _mm256_set1_ps(UINT8_MAX)));
}

/* The same with what is there, LANES bytes. */
INLINE __m256i to_whole_added(__m256i sums, const panel *panel, size_t v, float added, const uint8_t *there) {
  const __m128i bytes = _mm_loadl_epi64((const __m128i *)(const void *)there);
  const __m256 values = _mm256_cvtepi32_ps(_mm256_cvtepu8_epi32(bytes));
  const __m256 whole = _mm256_fmadd_ps(values, _mm256_set1_ps(added), to_float(sums, panel, v));
  return _mm256_cvtps_epi32(_mm256_min_ps(whole, _mm256_set1_ps(UINT8_MAX)));
}

/* The panel's bytes: `low` is its first vector, `high` the second. */
INLINE __m128i to_bytes(__m256i low, __m256i high) {
  const __m256i words = _mm256_packs_epi32(low, high); /* quads 0, 2, 1, 3 */
  const __m256i bytes = _mm256_packus_epi16(words, words);
  return _mm256_castsi256_si128(_mm256_permutevar8x32_epi32(bytes, _mm256_setr_epi32(0, 4, 1, 5, 0, 4, 1, 5)));
}

INLINE void put_bytes(const tw_byte_conv *conv, const __m256i sums[VECTORS], const panel *panel, size_t vectors,
                      uint8_t *to) {
  __m256i whole[VECTORS] = {_mm256_setzero_si256(), _mm256_setzero_si256()};
  uint8_t room[PANEL];
  uint8_t *place = to;
  if (panel->count < vectors * LANES) {
    place = room;
    memset(room, 0, sizeof room);
    memcpy(room, to, panel->count);
  }
  EACH(v, VECTORS, vectors) {
    whole[v] = conv->added > 0 ? to_whole_added(sums[v], panel, v, conv->added, place + v * LANES)
                               : to_whole(sums[v], panel, v);
  }
  const __m128i bytes = to_bytes(whole[0], whole[1]);
  if (vectors == 1) {
    _mm_storel_epi64((__m128i *)(void *)place, bytes);
  } else {
    _mm_storeu_si128((__m128i *)(void *)place, bytes);
  }
  if (place == room) {
    memcpy(to, room, panel->count);
  }
}

/* The sums of one pixel as the convolution wants them; result: the picture. */
INLINE void put(const tw_byte_conv *conv, const __m256i sums[VECTORS], const panel *panel, size_t vectors, void *result,
                size_t pixel) {
  const size_t at = pixel * conv->results + panel->first;
  if (conv->floats) {
    put_floats(conv, sums, panel, vectors, (float *)result + at);
  } else {
    put_bytes(conv, sums, panel, vectors, (uint8_t *)result + at);
  }
}

#endif
#endif
