/* Private to the floor `image`: the resize in two passes, horizontal and then vertical, of which only the pixels inside
 * a window of the result are computed.
 *
 * A pass is a table of weights: output i is the weighted sum of `used[i]` inputs from `first[i]` on. The 8-bit form is
 * Pillow's: weights in fixed point with TW_WEIGHT_BITS after the point, rounded to 8 bits and clipped after each pass.
 */
#ifndef TW_IMAGE_RESAMPLE_H
#define TW_IMAGE_RESAMPLE_H

#include "image/reader.h"

enum {
  TW_WEIGHT_BITS = 22,     /* 32 bits less 8 of a pixel and 2 for sums beyond 0..255 */
  TW_WEIGHT_LOW_BITS = 12, /* a weight is high * 2^12 + low, both 16 bits: what vector units multiply */
};

/* The part of a resized side that is wanted. */
typedef struct tw_span {
  size_t whole; /* pixels of the whole resized side */
  size_t first;
  size_t count;
} tw_span;

/* Weights of `count` outputs; the arrays lie in one store, each output has `stride` weights, unused ones 0. */
typedef struct tw_weights {
  size_t count;
  size_t stride; /* a multiple of 4 */
  const uint32_t *first;
  const uint32_t *used; /* 1..stride */
  const double *exact;  /* sum 1 */
  const int32_t *fixed; /* round(exact * 2^TW_WEIGHT_BITS); NULL for rounding=float */
  const int16_t *high;
  const int16_t *low;
} tw_weights;

/* The weights with which `filter` (one of Pillow's four) turns `input` pixels into `span`. The same size gives the
 * identity. */
tw_status tw_weights_make(tw_store *store, tw_filter filter, size_t input, tw_span span, tw_rounding rounding,
                          tw_weights *ret_weights, tw_error *error);

/* The two inner loops of the 8-bit form.
 * horizontal: one row. Reads up to 16 bytes beyond the last input pixel that has a weight, rounded up to 4 pixels;
 *   writes weights->count RGB pixels and one byte more.
 * vertical: output `i`, `size` bytes of it, from rows `stride` bytes apart of which the first is input row `base`.
 *   Reads and writes up to 31 bytes beyond `size`. */
typedef struct tw_passes {
  void (*horizontal)(const tw_weights *weights, const uint8_t *row, uint8_t *to);
  void (*vertical)(const tw_weights *weights, size_t i, const uint8_t *rows, size_t stride, size_t size, uint8_t *to);
} tw_passes;

extern const tw_passes tw_passes_portable;
/* The fastest that this processor has; all give the same bits. */
const tw_passes *tw_passes_best(void);
/* NULL where the processor or the compiler lacks it. */
const tw_passes *tw_passes_avx2(void);

/* Makes room in reader->rows for `rows` rows of `stride` bytes and in reader->resized for `result` bytes; an `image`
 * that lies in the latter stays valid. */
tw_status tw_resample_reserve(tw_image_reader *reader, const tw_image *image, size_t rows, size_t stride, size_t result,
                              tw_error *error);

/* `image` resized to columns.whole x lines.whole, and of that the window: columns.count x lines.count RGB pixels, rows
 * dense, in reader->resized. */
tw_status tw_resample_u8(tw_image_reader *reader, const tw_image *image, tw_filter filter, tw_span columns,
                         tw_span lines, const tw_passes *passes, uint8_t **ret_rgb, tw_error *error);
/* The same in float, without clipping, as Pillow resizes pictures of mode F: sums in double in the order of the inputs,
 * rounded to float after each pass. */
tw_status tw_resample_float(tw_image_reader *reader, const tw_image *image, tw_filter filter, tw_span columns,
                            tw_span lines, float **ret_rgb, tw_error *error);
/* TensorFlow 1's ResizeBilinear with align_corners and half_pixel_centers false. */
tw_status tw_resample_legacy(tw_image_reader *reader, const tw_image *image, tw_span columns, tw_span lines,
                             float **ret_rgb, tw_error *error);

#endif
