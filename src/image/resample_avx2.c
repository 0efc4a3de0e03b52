/* The two passes of the 8-bit resize in AVX2. A weight of 24 bits is multiplied in two halves of 16 (pmaddwd: two
 * products and their sum), and the sums are joined at the end; integers, so the bits are those of the portable loops
 * whatever the order. */
#include "image/resample.h"

#if defined(__x86_64__) && defined(__GNUC__)

#include <immintrin.h>
#include <string.h>

#define AVX2 __attribute__((target("avx2")))

/* The sum of both halves, rounded, without the fraction. */
AVX2 static inline __m256i join(__m256i high, __m256i low) {
  const __m256i half = _mm256_set1_epi32(1 << (TW_WEIGHT_BITS - 1));
  __m256i sum = _mm256_add_epi32(_mm256_slli_epi32(high, TW_WEIGHT_LOW_BITS), low);
  return _mm256_srai_epi32(_mm256_add_epi32(sum, half), TW_WEIGHT_BITS);
}

AVX2 static void horizontal(const tw_weights *weights, const uint8_t *row, uint8_t *to) {
  /* Four pixels RGBRGBRGBRGB to four values of 16 bits for R, for G | for B and nothing. */
  const __m256i spread = _mm256_setr_epi8(0, -1, 3, -1, 6, -1, 9, -1, 1, -1, 4, -1, 7, -1, 10, -1, /* R G */
                                          2, -1, 5, -1, 8, -1, 11, -1, -1, -1, -1, -1, -1, -1, -1, -1);
  const __m256i half = _mm256_set1_epi32(1 << (TW_WEIGHT_BITS - 1));
  const __m256i gather = _mm256_setr_epi32(0, 2, 4, 6, 0, 2, 4, 6);
  for (size_t i = 0; i < weights->count; i++) {
    const int16_t *weight_high = weights->high + i * weights->stride;
    const int16_t *weight_low = weights->low + i * weights->stride;
    const uint8_t *pixel = row + (size_t)3 * weights->first[i];
    __m256i high = _mm256_setzero_si256();
    __m256i low = _mm256_setzero_si256();
    for (size_t k = 0; k < weights->used[i]; k += 4) {
      int64_t four_high;
      int64_t four_low;
      memcpy(&four_high, weight_high + k, sizeof four_high);
      memcpy(&four_low, weight_low + k, sizeof four_low);
      __m128i bytes = _mm_loadu_si128((const __m128i *)(const void *)(pixel + 3 * k));
      __m256i values = _mm256_shuffle_epi8(_mm256_broadcastsi128_si256(bytes), spread);
      high = _mm256_add_epi32(high, _mm256_madd_epi16(values, _mm256_set1_epi64x(four_high)));
      low = _mm256_add_epi32(low, _mm256_madd_epi16(values, _mm256_set1_epi64x(four_low)));
    }
    __m256i sum = _mm256_add_epi32(_mm256_slli_epi32(high, TW_WEIGHT_LOW_BITS), low);
    sum = _mm256_add_epi32(sum, _mm256_shuffle_epi32(sum, 0xb1));
    sum = _mm256_srai_epi32(_mm256_add_epi32(sum, half), TW_WEIGHT_BITS);
    __m128i rgb = _mm256_castsi256_si128(_mm256_permutevar8x32_epi32(sum, gather));
    rgb = _mm_packs_epi32(rgb, rgb);
    int32_t packed = _mm_cvtsi128_si32(_mm_packus_epi16(rgb, rgb));
    memcpy(to + 3 * i, &packed, sizeof packed);
  }
}

/* Sums of 32 bytes: unpacking pairs two rows, and splits in the order in which packing joins again. */
typedef struct sums {
  __m256i high[4];
  __m256i low[4];
} sums;

AVX2 static inline void add_rows(sums *sums, __m256i first, __m256i second, __m256i high, __m256i low) {
  const __m256i zero = _mm256_setzero_si256();
  __m256i front = _mm256_unpacklo_epi8(first, second);
  __m256i back = _mm256_unpackhi_epi8(first, second);
  __m256i pairs[4] = {_mm256_unpacklo_epi8(front, zero), _mm256_unpackhi_epi8(front, zero),
                      _mm256_unpacklo_epi8(back, zero), _mm256_unpackhi_epi8(back, zero)};
  for (int part = 0; part < 4; part++) {
    sums->high[part] = _mm256_add_epi32(sums->high[part], _mm256_madd_epi16(pairs[part], high));
    sums->low[part] = _mm256_add_epi32(sums->low[part], _mm256_madd_epi16(pairs[part], low));
  }
}

AVX2 static void vertical(const tw_weights *weights, size_t i, const uint8_t *rows, size_t stride, size_t size,
                          uint8_t *to) {
  const int16_t *weight_high = weights->high + i * weights->stride;
  const int16_t *weight_low = weights->low + i * weights->stride;
  size_t used = weights->used[i];
  for (size_t left = 0; left < size; left += 32) {
    const uint8_t *at = rows + left;
    sums sums = {0};
    for (size_t k = 0; k < used; k += 2, at += 2 * stride) {
      int32_t pair_high;
      int32_t pair_low;
      memcpy(&pair_high, weight_high + k, sizeof pair_high);
      memcpy(&pair_low, weight_low + k, sizeof pair_low);
      __m256i first = _mm256_loadu_si256((const __m256i *)(const void *)at);
      __m256i second = _mm256_loadu_si256((const __m256i *)(const void *)(k + 1 < used ? at + stride : at));
      add_rows(&sums, first, second, _mm256_set1_epi32(pair_high), _mm256_set1_epi32(pair_low));
    }
    __m256i front = _mm256_packs_epi32(join(sums.high[0], sums.low[0]), join(sums.high[1], sums.low[1]));
    __m256i back = _mm256_packs_epi32(join(sums.high[2], sums.low[2]), join(sums.high[3], sums.low[3]));
    _mm256_storeu_si256((__m256i *)(void *)(to + left), _mm256_packus_epi16(front, back));
  }
}

const tw_passes *tw_passes_avx2(void) {
  static const tw_passes passes = {horizontal, vertical};
  return __builtin_cpu_supports("avx2") ? &passes : NULL;
}

#else

const tw_passes *tw_passes_avx2(void) {
  return NULL;
}

#endif
