/* The reader: its memory, and the way from a file's bytes to an upright RGB picture and on to the tensor. What a format
 * needs is in its own file. */
#include "image/reader.h"

#include <string.h>

tw_status tw_store_reserve(tw_store *store, size_t size, tw_error *error) {
  size_t wanted;
  if (!tw_add_size(size, TW_IMAGE_ROW_PADDING, &wanted)) {
    return tw_error_memory(error);
  }
  if (store->capacity >= wanted && (store->capacity <= TW_IMAGE_KEEP || store->capacity / 4 <= wanted)) {
    return TW_OK;
  }
  tw_store_done(store);
  store->data = tw_alloc_aligned(wanted);
  if (store->data == NULL) {
    return tw_error_memory(error);
  }
  store->capacity = wanted;
  return TW_OK;
}

void tw_store_done(tw_store *store) {
  tw_free(store->data);
  *store = (tw_store){0};
}

tw_image_reader *tw_image_reader_create(void) {
  return tw_alloc(1, sizeof(tw_image_reader));
}

void tw_image_reader_free(tw_image_reader *reader) {
  if (reader != NULL) {
    tw_store *const stores[] = {&reader->raw,  &reader->rgb,     &reader->oriented, &reader->resized,
                                &reader->rows, &reader->columns, &reader->lines};
    for (size_t i = 0; i < sizeof stores / sizeof *stores; i++) {
      tw_store_done(stores[i]);
    }
    tw_free(reader);
  }
}

tw_status tw_image_check_size(size_t width, size_t height, tw_error *error) {
  size_t pixels;
  if (width == 0 || height == 0) {
    return tw_error_set(error, TW_E_FORMAT, "the picture is empty: %zu x %zu pixels", width, height);
  }
  if (width > TW_IMAGE_MAX_SIDE || height > TW_IMAGE_MAX_SIDE) {
    return tw_error_set(error, TW_E_LIMIT, "the picture has %zu x %zu pixels, the limit is %d a side", width, height,
                        TW_IMAGE_MAX_SIDE);
  }
  if (!tw_mul_size(width, height, &pixels) || pixels > TW_IMAGE_MAX_PIXELS) {
    return tw_error_set(error, TW_E_LIMIT, "the picture has %zu x %zu pixels, the limit is %zu in all", width, height,
                        TW_IMAGE_MAX_PIXELS);
  }
  return TW_OK;
}

static tw_status decode(tw_image_reader *reader, tw_bytes file, const tw_preprocess *preprocess,
                        tw_decoded *ret_decoded, tw_error *error) {
  tw_image_format format = tw_image_sniff(file);
  switch (format) {
    case TW_IMAGE_JPEG: return tw_jpeg_decode(reader, file, preprocess, ret_decoded, error);
    case TW_IMAGE_PNG: return tw_png_decode(reader, file, preprocess, ret_decoded, error);
    case TW_IMAGE_WEBP:
    case TW_IMAGE_GIF:
    case TW_IMAGE_TIFF:
    case TW_IMAGE_HEIC:
    case TW_IMAGE_AVIF: return tw_vips_decode(reader, file, format, preprocess, ret_decoded, error);
    case TW_IMAGE_SVG:
      return tw_error_set(error, TW_E_UNSUPPORTED,
                          "an SVG drawing, which topwork does not read: export it as PNG first");
    case TW_IMAGE_UNKNOWN: break;
  }
  return tw_error_set(error, TW_E_UNSUPPORTED,
                      "not a picture that topwork reads: JPEG, PNG, WebP, GIF, TIFF, HEIC or AVIF");
}

tw_status tw_image_decode(tw_image_reader *reader, tw_bytes file, const tw_preprocess *preprocess, tw_image *ret_image,
                          tw_error *error) {
  if (file.size == 0) {
    return tw_error_set(error, TW_E_FORMAT, "the file is empty");
  }
  if (file.size > TW_IMAGE_MAX_FILE) {
    return tw_error_set(error, TW_E_LIMIT, "the file has %zu bytes, the limit for a picture is %d", file.size,
                        TW_IMAGE_MAX_FILE);
  }
  tw_decoded decoded;
  TW_TRY(decode(reader, file, preprocess, &decoded, error));
  tw_image image = {decoded.width, decoded.height, reader->rgb.data};
  if (decoded.orientation != 1 && preprocess->orientation == TW_ORIENTATION_EXIF) {
    TW_TRY(tw_store_reserve(&reader->oriented, image.width * image.height * 3, error));
    tw_pixels_orient(image.rgb, image.width, image.height, decoded.orientation, reader->oriented.data);
    bool turned = decoded.orientation >= 5;
    image = (tw_image){turned ? decoded.height : decoded.width, turned ? decoded.width : decoded.height,
                       reader->oriented.data};
  }
  *ret_image = image;
  return TW_OK;
}

tw_status tw_image_borrow(tw_image_reader *reader, const uint8_t *rgb, size_t width, size_t height, size_t stride,
                          tw_image *ret_image, tw_error *error) {
  if (width == 0 || height == 0) {
    return tw_error_set(error, TW_E_ARGUMENT, "the picture is empty: %zu x %zu pixels", width, height);
  }
  TW_TRY(tw_image_check_size(width, height, error));
  size_t row = 3 * width;
  if (stride < row) {
    return tw_error_set(error, TW_E_ARGUMENT, "rows %zu bytes apart; %zu pixels of RGB take %zu", stride, width, row);
  }
  if (stride == row) {
    union {
      const uint8_t *borrowed;
      uint8_t *rgb;
    } pixels = {.borrowed = rgb};
    *ret_image = (tw_image){width, height, pixels.rgb};
    return TW_OK;
  }
  TW_TRY(tw_store_reserve(&reader->rgb, row * height, error));
  for (size_t y = 0; y < height; y++) {
    memcpy(reader->rgb.data + y * row, rgb + y * stride, row);
  }
  *ret_image = (tw_image){width, height, reader->rgb.data};
  return TW_OK;
}

tw_status tw_image_read(tw_image_reader *reader, tw_bytes file, const tw_preprocess *preprocess, float *ret_tensor,
                        tw_error *error) {
  tw_image image;
  TW_TRY(tw_image_decode(reader, file, preprocess, &image, error));
  return tw_image_normalise(reader, &image, preprocess, ret_tensor, error);
}
