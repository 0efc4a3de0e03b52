/* Loops over activations in bytes: to and from floats, into a joined tensor, around a picture, averages. Plain C that
 * compilers turn into vectors; knows nothing of plans.
 *
 * The idea: in bytes a value is always pixels x channels, channels last. Floats may be row-major (channel by channel),
 * channels last, or in blocks of channels: all three are blocks, of 1, of all, or of 8 or 16 channels. */
#ifndef TW_ENGINE_KERNELS_BYTES_H
#define TW_ENGINE_KERNELS_BYTES_H

#include "base/base.h"

/* x = scale * (byte - zero), for each channel. */
typedef struct tw_byte_scales {
  size_t channels;
  const float *scales;
  const float *inverses; /* 1 / scale */
  const uint8_t *zeros;
} tw_byte_scales;

/* height x width pixels in bytes, within a frame of padding (0 where there is none). */
typedef struct tw_byte_grid {
  size_t height;
  size_t width;
  size_t top;
  size_t bottom;
  size_t left;
  size_t right;
} tw_byte_grid;

/* Bytes from floats in blocks of `block` channels (of the last one only what exists is read). The frame is filled with
 * the zeros. Halves round up; what is out of range, or not a number, becomes the nearest byte, or 0. */
void tw_bytes_from_floats(const tw_byte_scales *scales, const tw_byte_grid *grid, size_t block, const float *floats,
                          uint8_t *bytes);
/* The other way; grid without frame. What fills the last block is 0. */
void tw_bytes_to_floats(const tw_byte_scales *scales, size_t pixels, size_t block, const uint8_t *bytes, float *floats);
/* Copies the picture into its frame, which is filled with the zeros. */
void tw_bytes_frame(const tw_byte_scales *scales, const tw_byte_grid *grid, const uint8_t *from, uint8_t *to);
/* Copies `channels` of each pixel to pixels that are `stride` bytes apart. */
void tw_bytes_join(size_t pixels, size_t channels, size_t stride, const uint8_t *from, uint8_t *to);
/* The average of each channel. */
void tw_bytes_average(const tw_byte_scales *scales, size_t pixels, const uint8_t *bytes, float *averages);

#endif
