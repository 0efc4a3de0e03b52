/* The resize in float: Pillow's filters without rounding to 8 bits, and TensorFlow 1's legacy bilinear. */
#include <math.h>

#include "image/resample.h"

/* ---- Pillow's filters, as on pictures of mode F ------------------------------------------------------------------ */

static void horizontal(const tw_weights *weights, const uint8_t *row, float *to) {
  for (size_t i = 0; i < weights->count; i++) {
    const double *weight = weights->exact + i * weights->stride;
    const uint8_t *pixel = row + (size_t)3 * weights->first[i];
    double sums[3] = {0, 0, 0};
    for (size_t k = 0; k < weights->used[i]; k++) {
      for (size_t c = 0; c < 3; c++) {
        sums[c] += (double)pixel[3 * k + c] * weight[k];
      }
    }
    for (size_t c = 0; c < 3; c++) {
      to[3 * i + c] = (float)sums[c];
    }
  }
}

enum { BLOCK = 64 }; /* values whose sums stay in the nearest cache */

static void vertical(const tw_weights *weights, size_t i, const float *rows, size_t size, float *to) {
  const double *weight = weights->exact + i * weights->stride;
  for (size_t left = 0; left < size; left += BLOCK) {
    size_t count = size - left < BLOCK ? size - left : BLOCK;
    double sums[BLOCK] = {0};
    for (size_t k = 0; k < weights->used[i]; k++) {
      const float *row = rows + k * size + left;
      for (size_t x = 0; x < count; x++) {
        sums[x] += (double)row[x] * weight[k];
      }
    }
    for (size_t x = 0; x < count; x++) {
      to[left + x] = (float)sums[x];
    }
  }
}

tw_status tw_resample_float(tw_image_reader *reader, const tw_image *image, tw_filter filter, tw_span columns,
                            tw_span lines, float **ret_rgb, tw_error *error) {
  tw_weights across;
  tw_weights down;
  TW_TRY(tw_weights_make(&reader->columns, filter, image->width, columns, TW_ROUNDING_FLOAT, &across, error));
  TW_TRY(tw_weights_make(&reader->lines, filter, image->height, lines, TW_ROUNDING_FLOAT, &down, error));
  size_t begin = down.first[0];
  size_t end = down.first[down.count - 1] + down.used[down.count - 1];
  size_t row = columns.count * 3;
  TW_TRY(
      tw_resample_reserve(reader, image, end - begin, row * sizeof(float), lines.count * row * sizeof(float), error));
  float *rows = (float *)(void *)reader->rows.data;
  float *resized = (float *)(void *)reader->resized.data;
  for (size_t y = begin; y < end; y++) {
    horizontal(&across, image->rgb + y * image->width * 3, rows + (y - begin) * row);
  }
  for (size_t i = 0; i < down.count; i++) {
    vertical(&down, i, rows + (down.first[i] - begin) * row, row, resized + i * row);
  }
  *ret_rgb = resized;
  return TW_OK;
}

/* ---- TensorFlow 1's bilinear ------------------------------------------------------------------------------------- */

typedef struct between {
  uint32_t lower;
  uint32_t upper;
  float part; /* of upper */
} between;

/* All in float, as the kernel does: the position of output i is i * (input / output). */
static tw_status make_between(tw_store *store, size_t input, tw_span span, const between **ret_between,
                              tw_error *error) {
  float scale = (float)input / (float)span.whole;
  TW_TRY(tw_store_reserve(store, span.count * sizeof(between), error));
  between *table = (between *)(void *)store->data;
  for (size_t i = 0; i < span.count; i++) {
    float position = (float)(span.first + i) * scale;
    float below = floorf(position);
    size_t lower = (size_t)below < input ? (size_t)below : input - 1;
    table[i] = (between){(uint32_t)lower, (uint32_t)(lower + 1 < input ? lower + 1 : input - 1), position - below};
  }
  *ret_between = table;
  return TW_OK;
}

static float mix(float a, float b, float part) {
  return a + (b - a) * part;
}

tw_status tw_resample_legacy(tw_image_reader *reader, const tw_image *image, tw_span columns, tw_span lines,
                             float **ret_rgb, tw_error *error) {
  const between *across;
  const between *down;
  TW_TRY(make_between(&reader->columns, image->width, columns, &across, error));
  TW_TRY(make_between(&reader->lines, image->height, lines, &down, error));
  TW_TRY(tw_resample_reserve(reader, image, 0, 0, lines.count * columns.count * 3 * sizeof(float), error));
  float *to = (float *)(void *)reader->resized.data;
  *ret_rgb = to;
  for (size_t y = 0; y < lines.count; y++) {
    const uint8_t *top = image->rgb + down[y].lower * image->width * 3;
    const uint8_t *bottom = image->rgb + down[y].upper * image->width * 3;
    for (size_t x = 0; x < columns.count; x++) {
      size_t left = (size_t)3 * across[x].lower;
      size_t right = (size_t)3 * across[x].upper;
      for (size_t c = 0; c < 3; c++) {
        float above = mix(top[left + c], top[right + c], across[x].part);
        float under = mix(bottom[left + c], bottom[right + c], across[x].part);
        *to++ = mix(above, under, down[y].part);
      }
    }
  }
  return TW_OK;
}
