/* The suite's pictures, and decoding what has been made of them: for the tests of bad pictures. */
#ifndef TW_TEST_IMAGE_PICTURES_H
#define TW_TEST_IMAGE_PICTURES_H

#include <string.h>

#include "image/image.h"
#include "support.h"

static const tw_preprocess PLAIN = {.crop = 1, .width = 8, .height = 8, .scale = {1, 1, 1}};

/* A file of the suite's pictures; the caller frees it by tw_buffer_done. */
static inline tw_buffer load(const char *name) {
  tw_buffer file = {0};
  tw_error error;
  char *path = tw_path_join(TW_SOURCE_DIR "/tests/data/pictures", name);
  assert_int_equal(tw_file_read(path, 1 << 20, &file, &error), TW_OK);
  tw_free(path);
  return file;
}

/* Decodes a copy of exactly `size` bytes, so that a sanitizer sees every read beyond them. An error must have a message
 * of one line and leave no picture; all of a picture is read. */
static inline tw_status attempt(tw_image_reader *reader, const uint8_t *bytes, size_t size, tw_error *ret_error) {
  uint8_t *exact = malloc(size == 0 ? 1 : size);
  memcpy(exact, bytes, size);
  tw_image image = {0};
  *ret_error = (tw_error){0};
  tw_status status = tw_image_decode(reader, (tw_bytes){exact, size}, &PLAIN, &image, ret_error);
  if (status == TW_OK) {
    size_t count = image.width * image.height * 3;
    size_t sum = 0;
    for (size_t i = 0; i < count; i++) {
      sum += image.rgb[i];
    }
    assert_true(sum <= count * 255);
    assert_int_equal(ret_error->message[0], '\0');
  } else {
    assert_int_equal(ret_error->code, status);
    assert_true(strlen(ret_error->message) > 10);
    assert_null(strchr(ret_error->message, '\n'));
    assert_null(image.rgb);
  }
  free(exact);
  return status;
}

#endif
