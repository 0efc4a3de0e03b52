/* Convolution of bytes by weights of 8 bits, for processors that multiply bytes only into 16 bits (AVX2 without VNNI).
 *
 * The idea: the instruction adds the products of two neighbours in 16 bits; to widen and add them to sums of 32 costs
 * two more. Where the weights of four inputs stay within TW_BYTES_MOST together, two such results can be added in 16
 * bits first: five instructions for 64 products instead of six. Weights that keep to that are made by weigh.c. */
#ifndef TW_ENGINE_KERNELS_CONV_BYTES_H
#define TW_ENGINE_KERNELS_CONV_BYTES_H

#include "base/base.h"

enum {
  TW_BYTES_GROUP = 8,  /* inputs that a step takes: two quads, of 0, 1, 4, 5 and of 2, 3, 6, 7 */
  TW_BYTES_MOST = 128, /* of a quad: the sum of its positive weights, and of its negative ones; 255 * 128 < 2^15 */
  TW_BYTES_PANEL = 16, /* results that a step makes */
  TW_BYTES_DEPTH = 64, /* inputs times taps; with fewer, what surrounds the products costs more than is won */
};

/* Input i (0..3) of quad 0 or 1, in its group. */
static inline size_t tw_byte_quad_input(size_t quad, size_t i) {
  return 2 * quad + i % 2 + i / 2 * 4;
}

/* Two-dimensional, one group; height before width. Pictures are channels last. */
typedef struct tw_byte_conv {
  size_t channels; /* of the source; a multiple of TW_BYTES_GROUP */
  size_t results;  /* channels of the result */
  size_t kernel[2];
  size_t strides[2];
  size_t dilations[2]; /* 1: neighbours */
  size_t source[2];    /* height and width */
  size_t result[2];
  size_t pads[2];         /* before: above and to the left; what is needed behind is padding, too */
  const uint8_t *padding; /* a pixel: `channels` bytes */
  /* The result is (sum + bias) * scale, plus `added` times the byte that was there; scale and bias: `results`, filled
   * up with any floats to a multiple of TW_BYTES_PANEL. */
  const float *scales;
  const float *biases;
  float added; /* 0: nothing was there */
  bool floats; /* the result: floats, within low and high; otherwise bytes, to the nearest (to even), 0..255 */
  float low, high;
} tw_byte_conv;

/* Whether this processor has what it is written in: AVX2 and FMA. */
bool tw_byte_conv_possible(void);

/* Where weights lie before they are packed: results x channels x height x width. Whether all quads keep to their
 * bounds. */
bool tw_byte_conv_fits(const tw_byte_conv *conv, const int8_t *weights);
size_t tw_byte_conv_packed_bytes(const tw_byte_conv *conv);
/* ret_packed: 64-byte aligned. */
void tw_byte_conv_pack(const tw_byte_conv *conv, const int8_t *weights, int8_t *ret_packed);
/* Sums are exact (in 32 bits), so no digit depends on threads, nor on who else computes them. Only where
 * tw_byte_conv_possible. ret_result: uint8_t or float, results to a pixel. */
void tw_byte_conv_run(const tw_byte_conv *conv, const uint8_t *source, const int8_t *packed, void *ret_result,
                      int threads);

/* ---- The same by Winograd's algorithm ---------------------------------------------------------------------------- */

/* For windows of 3x3: exact, too, so the same to the bit. Whether it costs less: by the shape alone. */
bool tw_byte_winograd_pays(const tw_byte_conv *conv);
size_t tw_byte_winograd_packed_bytes(const tw_byte_conv *conv);
size_t tw_byte_winograd_scratch_bytes(const tw_byte_conv *conv, int threads);
/* As above; scratch: for at least `threads`, 64-byte aligned. */
void tw_byte_winograd_pack(const tw_byte_conv *conv, const int8_t *weights, int16_t *ret_packed);
void tw_byte_winograd_run(const tw_byte_conv *conv, const uint8_t *source, const int16_t *packed, void *ret_result,
                          void *scratch, int threads);

#endif
