/* Pictures that the libvips module reads: damaged ones, too large ones, many at once. What good ones hold is compared
 * in golden_pictures. Skipped where the module was not built. */
#include "test_image_pictures.h"

static const char *const NAMES[] = {"rgb.webp",    "rgba.webp",    "lossy.webp",  "plain.gif", "animated.gif",
                                    "rgb-lzw.tif", "rgba.tif",     "palette.tif", "cmyk.tif",  "grey16.tif",
                                    "big.tif",     "picture.avif", "exif6.webp"};
enum { NAME_COUNT = sizeof NAMES / sizeof *NAMES };

static void cut_off(void **state) {
  tw_image_reader *reader = *state;
  tw_error error;
  for (size_t k = 0; k < NAME_COUNT; k++) {
    tw_buffer file = load(NAMES[k]);
    assert_int_equal(attempt(reader, file.data, file.size, &error), TW_OK);
    for (size_t size = 0; size < file.size / 2; size += 1 + size / 16) {
      tw_status status = attempt(reader, file.data, size, &error);
      if (status != TW_E_FORMAT && status != TW_E_UNSUPPORTED) {
        fail_msg("%s cut to %zu of %zu bytes: %d %s", NAMES[k], size, file.size, status, error.message);
      }
    }
    tw_buffer_done(&file);
  }
}

static void bits_flipped(void **state) {
  tw_image_reader *reader = *state;
  tw_error error;
  tw_random random;
  tw_random_init(&random, 77);
  size_t counts[TW_E_ENGINE + 1] = {0};
  for (size_t k = 0; k < NAME_COUNT; k++) {
    tw_buffer file = load(NAMES[k]);
    for (int round = 0; round < 40; round++) {
      uint8_t *byte = &file.data[tw_random_below(&random, file.size)];
      uint8_t before = *byte;
      *byte ^= (uint8_t)(1u << tw_random_below(&random, 8));
      counts[attempt(reader, file.data, file.size, &error)]++;
      *byte = before;
    }
    tw_buffer_done(&file);
  }
  assert_true(counts[TW_OK] > 0 && counts[TW_E_FORMAT] > 0);
  assert_int_equal(counts[TW_E_ARGUMENT] + counts[TW_E_ENGINE], 0);
}

/* Width and height of a TIFF are numbers in two entries of its directory. */
static void too_large(void **state) {
  static const char *const entries[] = {"\0\1\4\0\1\0\0\0", "\1\1\4\0\1\0\0\0"};
  tw_image_reader *reader = *state;
  tw_error error;
  tw_buffer file = load("rgb.tif");
  for (size_t i = 0; i < 2; i++) {
    uint8_t *entry = memmem(file.data, file.size, entries[i], 8);
    assert_non_null(entry);
    memcpy(entry + 8, "\140\352", 2); /* 60000 */
  }
  tw_status status = attempt(reader, file.data, file.size, &error);
  assert_non_null(strstr(error.message, "60000 x 60000"));
  assert_int_equal(status, TW_E_LIMIT);
  tw_buffer_done(&file);
}

/* Task `task` reads one picture, good or cut off, and gets the answer that it always gets. */
static tw_status read_one(void *context, size_t task, tw_error *error) {
  const tw_buffer *files = context;
  const tw_buffer *file = &files[task % NAME_COUNT];
  bool good = task % 3 != 0;
  tw_image image;
  tw_error found = {0};
  tw_image_reader *reader = tw_image_reader_create();
  tw_bytes bytes = {file->data, good ? file->size : file->size / 3};
  tw_status status = tw_image_decode(reader, bytes, &PLAIN, &image, &found);
  tw_image_reader_free(reader);
  if ((status == TW_OK) != good) {
    return tw_error_set(error, TW_E_DATA, "%s: %d %s", NAMES[task % NAME_COUNT], status, found.message);
  }
  return TW_OK;
}

static void many_at_once(void **state) {
  (void)state;
  tw_buffer files[NAME_COUNT];
  tw_error error = {0};
  for (size_t k = 0; k < NAME_COUNT; k++) {
    files[k] = load(NAMES[k]);
  }
  tw_status status = tw_parallel(4, NAME_COUNT * 12, read_one, files, &error);
  assert_string_equal(error.message, "");
  assert_int_equal(status, TW_OK);
  for (size_t k = 0; k < NAME_COUNT; k++) {
    tw_buffer_done(&files[k]);
  }
}

int main(void) {
  char *module = tw_module_path("topwork-vips.so");
  if (module == NULL) {
    printf("no libvips module\n");
    return TW_TEST_SKIPPED;
  }
  tw_free(module);
  tw_image_reader *reader = tw_image_reader_create();
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(many_at_once),
      cmocka_unit_test_prestate(cut_off, reader),
      cmocka_unit_test_prestate(bits_flipped, reader),
      cmocka_unit_test_prestate(too_large, reader),
  };
  int failed = cmocka_run_group_tests(tests, NULL, NULL);
  tw_image_reader_free(reader);
  return failed;
}
