/* Fuzz target: picture bytes. The first byte chooses the preprocessing, the rest is the file; JPEG and PNG are decoded
 * and normalised, for all others only the recognition runs (their decoders are libvips's). Pictures that say they are
 * large are left out, so that a second is worth many tries. */
#include <stdlib.h>
#include <string.h>

#include "image/image.h"

enum { MAX_PIXELS = 1 << 18, MAX_SIDE = 2048 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static uint32_t big_endian(const uint8_t *bytes, int count) {
  uint32_t value = 0;
  for (int i = 0; i < count; i++) {
    value = value << 8 | bytes[i];
  }
  return value;
}

static bool small(uint32_t width, uint32_t height) {
  return width <= MAX_SIDE && height <= MAX_SIDE && (size_t)width * height <= MAX_PIXELS;
}

/* Every pair of bytes that could open a frame header counts: cheaper than finding the one that does. */
static bool small_jpeg(tw_bytes file) {
  for (size_t at = 0; at + 9 < file.size; at++) {
    const uint8_t *bytes = file.data + at;
    if (bytes[0] == 0xff && (bytes[1] & 0xf0) == 0xc0 && bytes[1] != 0xc4 &&
        !small(big_endian(bytes + 7, 2), big_endian(bytes + 5, 2))) {
      return false;
    }
  }
  return true;
}

static bool small_png(tw_bytes file) {
  return file.size < 24 || small(big_endian(file.data + 16, 4), big_endian(file.data + 20, 4));
}

static tw_preprocess choose(uint8_t byte) {
  return (tw_preprocess){
      .dct = (tw_dct)(byte & 1),
      .upsampling = (tw_upsampling)(byte >> 1 & 1),
      .alpha = (tw_alpha)(byte % 3),
      .filter = (tw_filter)(byte >> 2 & 3),
      .geometry = (tw_geometry)(byte >> 4 & 1),
      .crop = (byte >> 4 & 1) != 0 ? 0.75 : 1,
      .rounding = (tw_rounding)(byte >> 5 & 1),
      .width = 24,
      .height = 17,
      .scale = {1, 1, 1},
  };
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  static tw_image_reader *reader;
  if (reader == NULL) {
    reader = tw_image_reader_create();
  }
  if (size == 0) {
    return 0;
  }
  tw_preprocess preprocess = choose(data[0]);
  tw_bytes file = {data + 1, size - 1};
  float tensor[24 * 17 * 3];
  tw_error error = {0};
  tw_image_format format = tw_image_sniff(file);
  if ((format == TW_IMAGE_JPEG && small_jpeg(file)) || (format == TW_IMAGE_PNG && small_png(file))) {
    tw_status status = tw_image_read(reader, file, &preprocess, tensor, &error);
    if ((status == TW_OK) != (error.message[0] == '\0')) {
      abort();
    }
  }
  return 0;
}
