/* Loops over activations in bytes. */
#include "engine/kernels/bytes.h"

#include <string.h>

enum { CHUNK = 256 }; /* elements converted at a time */

static size_t smaller(size_t a, size_t b) {
  return a < b ? a : b;
}

static uint8_t byte_of(float value) {
  float low = value > 0.0F ? value : 0.0F; /* and what is not a number */
  float within = low < 255.0F ? low : 255.0F;
  return (uint8_t)(int)(within + 0.5F);
}

/* ---- From floats ------------------------------------------------------------------------------------------------- */

/* `count` pixels of one channel. */
static void plane_to_bytes(float inverse, float zero, size_t count, const float *floats, size_t stride,
                           uint8_t *bytes) {
  uint8_t chunk[CHUNK];
  for (size_t begin = 0; begin < count; begin += CHUNK) {
    size_t some = smaller(CHUNK, count - begin);
    for (size_t i = 0; i < some; i++) {
      chunk[i] = byte_of(floats[begin + i] * inverse + zero);
    }
    uint8_t *to = bytes + begin * stride;
    for (size_t i = 0; i < some; i++, to += stride) {
      *to = chunk[i];
    }
  }
}

static void pixel_to_bytes(const float *inverses, const uint8_t *zeros, size_t channels, const float *floats,
                           uint8_t *bytes) {
  for (size_t i = 0; i < channels; i++) {
    bytes[i] = byte_of(floats[i] * inverses[i] + (float)zeros[i]);
  }
}

/* A row of pixels; `plane`: pixels of the whole picture; `at`: the first of the row. */
static void row_from_floats(const tw_byte_scales *scales, size_t plane, size_t at, size_t width, size_t block,
                            const float *floats, uint8_t *bytes) {
  for (size_t first = 0; first < scales->channels; first += block) {
    const float *from = floats + (first * plane + at * block);
    if (block == 1) {
      plane_to_bytes(scales->inverses[first], (float)scales->zeros[first], width, from, scales->channels,
                     bytes + first);
      continue;
    }
    size_t some = smaller(block, scales->channels - first);
    for (size_t x = 0; x < width; x++) {
      pixel_to_bytes(scales->inverses + first, scales->zeros + first, some, from + x * block,
                     bytes + x * scales->channels + first);
    }
  }
}

/* ---- The frame --------------------------------------------------------------------------------------------------- */

static uint8_t *fill(const tw_byte_scales *scales, size_t pixels, uint8_t *bytes) {
  for (size_t i = 0; i < pixels; i++) {
    memcpy(bytes, scales->zeros, scales->channels);
    bytes += scales->channels;
  }
  return bytes;
}

static size_t framed_width(const tw_byte_grid *grid) {
  return grid->left + grid->width + grid->right;
}

void tw_bytes_from_floats(const tw_byte_scales *scales, const tw_byte_grid *grid, size_t block, const float *floats,
                          uint8_t *bytes) {
  size_t plane = grid->height * grid->width;
  bytes = fill(scales, grid->top * framed_width(grid), bytes);
  for (size_t y = 0; y < grid->height; y++) {
    bytes = fill(scales, grid->left, bytes);
    row_from_floats(scales, plane, y * grid->width, grid->width, block, floats, bytes);
    bytes = fill(scales, grid->right, bytes + grid->width * scales->channels);
  }
  fill(scales, grid->bottom * framed_width(grid), bytes);
}

void tw_bytes_frame(const tw_byte_scales *scales, const tw_byte_grid *grid, const uint8_t *from, uint8_t *to) {
  size_t row = grid->width * scales->channels;
  to = fill(scales, grid->top * framed_width(grid), to);
  for (size_t y = 0; y < grid->height; y++) {
    to = fill(scales, grid->left, to);
    memcpy(to, from, row);
    from += row;
    to = fill(scales, grid->right, to + row);
  }
  fill(scales, grid->bottom * framed_width(grid), to);
}

/* ---- To floats --------------------------------------------------------------------------------------------------- */

static void pixel_to_floats(const float *scales, const uint8_t *zeros, size_t channels, const uint8_t *bytes,
                            float *floats) {
  for (size_t i = 0; i < channels; i++) {
    floats[i] = scales[i] * (float)(bytes[i] - zeros[i]);
  }
}

void tw_bytes_to_floats(const tw_byte_scales *scales, size_t pixels, size_t block, const uint8_t *bytes,
                        float *floats) {
  for (size_t first = 0; first < scales->channels; first += block) {
    size_t some = smaller(block, scales->channels - first);
    float *to = floats + first * pixels;
    for (size_t x = 0; x < pixels; x++) {
      pixel_to_floats(scales->scales + first, scales->zeros + first, some, bytes + x * scales->channels + first,
                      to + x * block);
      for (size_t i = some; i < block; i++) {
        to[x * block + i] = 0;
      }
    }
  }
}

/* ---- Joins and averages ------------------------------------------------------------------------------------------ */

void tw_bytes_join(size_t pixels, size_t channels, size_t stride, const uint8_t *from, uint8_t *to) {
  for (size_t i = 0; i < pixels; i++) {
    memcpy(to + i * stride, from + i * channels, channels);
  }
}

void tw_bytes_average(const tw_byte_scales *scales, size_t pixels, const uint8_t *bytes, float *averages) {
  for (size_t first = 0; first < scales->channels; first += CHUNK) {
    size_t some = smaller(CHUNK, scales->channels - first);
    uint32_t sums[CHUNK] = {0};
    for (size_t x = 0; x < pixels; x++) {
      const uint8_t *pixel = bytes + x * scales->channels + first;
      for (size_t i = 0; i < some; i++) {
        sums[i] += pixel[i];
      }
    }
    for (size_t i = 0; i < some; i++) {
      double mean = (double)sums[i] / (double)pixels - (double)scales->zeros[first + i];
      averages[first + i] = (float)(mean * (double)scales->scales[first + i]);
    }
  }
}
