/* A libvips module that cannot be had: one clear line, and JPEG and PNG go on. A program of its own, because the answer
 * is remembered for the life of the process. */
#include <string.h>

#include "image/image.h"
#include "support.h"

static const tw_preprocess PLAIN = {.crop = 1, .width = 8, .height = 8, .scale = {1, 1, 1}};

static tw_status decode(const char *name, tw_error *ret_error) {
  tw_buffer file = {0};
  tw_image image;
  char *path = tw_path_join(TW_SOURCE_DIR "/tests/data/pictures", name);
  assert_int_equal(tw_file_read(path, 1 << 20, &file, ret_error), TW_OK);
  tw_free(path);
  tw_image_reader *reader = tw_image_reader_create();
  tw_status status = tw_image_decode(reader, tw_buffer_bytes(&file), &PLAIN, &image, ret_error);
  tw_image_reader_free(reader);
  tw_buffer_done(&file);
  return status;
}

static void says_what_to_install(void **state) {
  (void)state;
  static const char *const names[] = {"rgb.webp", "plain.gif", "rgb.tif", "picture.avif"};
  static const char *const formats[] = {
      "WebP cannot be read: ", "GIF cannot be read: ", "TIFF cannot be read: ", "AVIF cannot be read: "};
  for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
    tw_error error;
    assert_int_equal(decode(names[i], &error), TW_E_UNSUPPORTED);
    assert_memory_equal(error.message, formats[i], strlen(formats[i]));
    assert_non_null(strstr(error.message, "install libvips"));
    assert_null(strchr(error.message, '\n'));
  }
  assert_int_equal(decode("444.jpg", NULL), TW_OK);
  assert_int_equal(decode("rgb8.png", NULL), TW_OK);
}

int main(void) {
  char folder[] = "/tmp/topwork-test-XXXXXX";
  if (mkdtemp(folder) == NULL || setenv("TOPWORK_MODULES", folder, 1) != 0) {
    return 1;
  }
  char *path = tw_path_join(folder, "topwork-vips.so");
  if (tw_output_save(path, tw_bytes_of("not a module"), NULL) != TW_OK) {
    return 1;
  }
  const struct CMUnitTest tests[] = {cmocka_unit_test(says_what_to_install)};
  int failed = cmocka_run_group_tests(tests, NULL, NULL);
  unlink(path);
  rmdir(folder);
  tw_free(path);
  return failed;
}
