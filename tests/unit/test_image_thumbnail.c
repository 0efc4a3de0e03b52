/* Thumbnails: their sizes, their colours, and that they leave the reader as it was. */
#include <string.h>

#include "image/image.h"
#include "support.h"

enum { RED = 200, GREEN = 60, BLUE = 20 };

/* A JPEG of one colour. */
static tw_buffer plain_jpeg(size_t width, size_t height) {
  tw_image image = {width, height, tw_alloc(width * height, 3)};
  tw_buffer jpeg = {0};
  for (size_t i = 0; i < width * height; i++) {
    memcpy(image.rgb + 3 * i, (const uint8_t[]){RED, GREEN, BLUE}, 3);
  }
  assert_int_equal(tw_image_encode_jpeg(&image, 90, &jpeg, NULL), TW_OK);
  tw_free(image.rgb);
  return jpeg;
}

static void sizes_and_colours(void **state) {
  (void)state;
  static const struct {
    size_t width, height, side, expected_width, expected_height;
  } cases[] = {
      {200, 100, 96, 96, 48}, {100, 200, 96, 48, 96},   {96, 96, 96, 96, 96},
      {50, 20, 96, 50, 20},   {3000, 2, 96, 96, 1},     {1, 1, 96, 1, 1},
      {97, 97, 96, 96, 96},   {1603, 1201, 96, 96, 72}, {2000, 1500, 1, 1, 1},
  };
  tw_image_reader *reader = tw_image_reader_create();
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    tw_buffer jpeg = plain_jpeg(cases[i].width, cases[i].height);
    tw_image image;
    assert_int_equal(tw_image_thumbnail(reader, tw_buffer_bytes(&jpeg), cases[i].side, &image, NULL), TW_OK);
    assert_int_equal(image.width, cases[i].expected_width);
    assert_int_equal(image.height, cases[i].expected_height);
    for (size_t at = 0; at < image.width * image.height * 3; at += 3) {
      assert_in_range(image.rgb[at], RED - 4, RED + 4);
      assert_in_range(image.rgb[at + 1], GREEN - 4, GREEN + 4);
      assert_in_range(image.rgb[at + 2], BLUE - 4, BLUE + 4);
    }
    tw_buffer_done(&jpeg);
  }
  tw_image_reader_free(reader);
}

static void the_next_picture_is_decoded_in_full(void **state) {
  (void)state;
  tw_preprocess preprocess;
  assert_int_equal(
      tw_preprocess_parse("dct=islow upsampling=fancy orientation=exif icc=ignored cmyk=pillow alpha=white "
                          "filter=bicubic geometry=squash crop=1 rounding=u8 size=8x8 mean=0,0,0 "
                          "scale=1,1,1 colour=rgb layout=nchw",
                          &preprocess, NULL),
      TW_OK);
  tw_image_reader *reader = tw_image_reader_create();
  tw_buffer jpeg = plain_jpeg(800, 600);
  tw_image image;
  assert_int_equal(tw_image_thumbnail(reader, tw_buffer_bytes(&jpeg), 96, &image, NULL), TW_OK);
  assert_int_equal(tw_image_decode(reader, tw_buffer_bytes(&jpeg), &preprocess, &image, NULL), TW_OK);
  assert_int_equal(image.width, 800);
  assert_int_equal(tw_image_thumbnail(reader, tw_bytes_of("no picture"), 96, &image, NULL), TW_E_UNSUPPORTED);
  assert_int_equal(tw_image_decode(reader, tw_buffer_bytes(&jpeg), &preprocess, &image, NULL), TW_OK);
  assert_int_equal(image.width, 800);
  tw_buffer_done(&jpeg);
  tw_image_reader_free(reader);
}

static void what_cannot_be_a_jpeg(void **state) {
  (void)state;
  uint8_t pixel[3] = {0};
  tw_buffer jpeg = {0};
  tw_image empty = {0, 5, pixel};
  tw_image wide = {TW_IMAGE_MAX_SIDE + 1, 1, pixel};
  assert_int_equal(tw_image_encode_jpeg(&empty, 80, &jpeg, NULL), TW_E_LIMIT);
  assert_int_equal(tw_image_encode_jpeg(&wide, 80, &jpeg, NULL), TW_E_LIMIT);
  assert_int_equal(jpeg.size, 0);
  tw_memory_fail_after(1);
  assert_int_equal(tw_image_encode_jpeg(&(tw_image){1, 1, pixel}, 80, &jpeg, NULL), TW_E_MEMORY);
  tw_memory_fail_after(0);
  tw_buffer_done(&jpeg);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(sizes_and_colours),
      cmocka_unit_test(the_next_picture_is_decoded_in_full),
      cmocka_unit_test(what_cannot_be_a_jpeg),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
