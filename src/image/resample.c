/* The resize with 8 bits after each pass. The loops here are the portable ones and the definition of the result;
 * resample_avx2.c has the same in vectors. */
#include <string.h>

#include "image/resample.h"

static uint8_t clip(int32_t sum) {
  int32_t value = sum >> TW_WEIGHT_BITS;
  return (uint8_t)(value < 0 ? 0 : value > 255 ? 255 : value);
}

static const int32_t HALF = 1 << (TW_WEIGHT_BITS - 1);

static void horizontal(const tw_weights *weights, const uint8_t *row, uint8_t *to) {
  for (size_t i = 0; i < weights->count; i++) {
    const int32_t *weight = weights->fixed + i * weights->stride;
    const uint8_t *pixel = row + (size_t)3 * weights->first[i];
    int32_t sums[3] = {HALF, HALF, HALF};
    for (size_t k = 0; k < weights->used[i]; k++) {
      for (size_t c = 0; c < 3; c++) {
        sums[c] += weight[k] * pixel[3 * k + c];
      }
    }
    for (size_t c = 0; c < 3; c++) {
      to[3 * i + c] = clip(sums[c]);
    }
  }
}

enum { BLOCK = 64 }; /* bytes whose sums stay in registers or the nearest cache */

static void vertical(const tw_weights *weights, size_t i, const uint8_t *rows, size_t stride, size_t size,
                     uint8_t *to) {
  const int32_t *weight = weights->fixed + i * weights->stride;
  for (size_t left = 0; left < size; left += BLOCK) {
    size_t count = size - left < BLOCK ? size - left : BLOCK;
    int32_t sums[BLOCK];
    for (size_t x = 0; x < count; x++) {
      sums[x] = HALF;
    }
    for (size_t k = 0; k < weights->used[i]; k++) {
      const uint8_t *row = rows + k * stride + left;
      for (size_t x = 0; x < count; x++) {
        sums[x] += weight[k] * row[x];
      }
    }
    for (size_t x = 0; x < count; x++) {
      to[left + x] = clip(sums[x]);
    }
  }
}

const tw_passes tw_passes_portable = {horizontal, vertical};

const tw_passes *tw_passes_best(void) {
  const tw_passes *avx2 = tw_passes_avx2();
  return avx2 != NULL ? avx2 : &tw_passes_portable;
}

/* Bytes that the horizontal pass may read of a row, from its beginning. */
static size_t row_reach(const tw_weights *weights) {
  size_t last = weights->count - 1;
  return 3 * (weights->first[last] + weights->stride) + 16;
}

/* Input rows begin..end-1 through the horizontal pass into `rows`. A row so near the picture's end that the pass would
 * read beyond it is copied first. */
static tw_status pass_rows(tw_image_reader *reader, const tw_image *image, const tw_passes *passes,
                           const tw_weights *columns, size_t begin, size_t end, size_t stride, tw_error *error) {
  size_t bytes = image->width * 3;
  size_t reach = row_reach(columns);
  TW_TRY(tw_store_reserve(&reader->raw, reach > bytes ? reach : bytes, error));
  for (size_t y = begin; y < end; y++) {
    const uint8_t *row = image->rgb + y * bytes;
    if ((image->height - y) * bytes < reach) {
      memset(reader->raw.data + bytes, 0, reach > bytes ? reach - bytes : 0);
      memcpy(reader->raw.data, row, bytes);
      row = reader->raw.data;
    }
    passes->horizontal(columns, row, reader->rows.data + (y - begin) * stride);
  }
  return TW_OK;
}

/* A picture that is itself the last result must not be overwritten by the next. */
static void set_aside(tw_image_reader *reader, const tw_image *image) {
  if (image->rgb == reader->resized.data) {
    tw_store other = reader->oriented;
    reader->oriented = reader->resized;
    reader->resized = other;
  }
}

tw_status tw_resample_reserve(tw_image_reader *reader, const tw_image *image, size_t rows, size_t stride, size_t result,
                              tw_error *error) {
  size_t size;
  set_aside(reader, image);
  if (!tw_mul_size(rows, stride, &size) || size > TW_IMAGE_MAX_RESIZE) {
    return tw_error_set(error, TW_E_LIMIT, "resizing %zu x %zu pixels to so large a picture needs too much memory",
                        image->width, image->height);
  }
  TW_TRY(tw_store_reserve(&reader->rows, size, error));
  return tw_store_reserve(&reader->resized, result, error);
}

tw_status tw_resample_u8(tw_image_reader *reader, const tw_image *image, tw_filter filter, tw_span columns,
                         tw_span lines, const tw_passes *passes, uint8_t **ret_rgb, tw_error *error) {
  tw_weights across;
  tw_weights down;
  TW_TRY(tw_weights_make(&reader->columns, filter, image->width, columns, TW_ROUNDING_U8, &across, error));
  TW_TRY(tw_weights_make(&reader->lines, filter, image->height, lines, TW_ROUNDING_U8, &down, error));
  size_t begin = down.first[0];
  size_t end = down.first[down.count - 1] + down.used[down.count - 1];
  size_t row = columns.count * 3;
  size_t stride = (row + 63) & ~(size_t)63;
  TW_TRY(tw_resample_reserve(reader, image, end - begin, stride, row * lines.count, error));
  TW_TRY(pass_rows(reader, image, passes, &across, begin, end, stride, error));
  for (size_t i = 0; i < down.count; i++) {
    passes->vertical(&down, i, reader->rows.data + (down.first[i] - begin) * stride, stride, row,
                     reader->resized.data + i * row);
  }
  *ret_rgb = reader->resized.data;
  return TW_OK;
}
