/* Small pictures of every kind against what Pillow makes of them; both are in tests/data/pictures, made by
 * tests/peers/make_image_goldens.py, which describes the table. Formats of the libvips module are left out, and that is
 * said, where it was not built. */
#include <string.h>

#include "image/image.h"
#include "sha256.h"
#include "support.h"

static const char FOLDER[] = TW_SOURCE_DIR "/tests/data/pictures";

typedef struct row {
  char *file;
  char *what;
  char *how;
  char *size;
  char *sum;
} row;

static bool next_row(FILE *table, char *line, size_t size, row *ret_row) {
  if (fgets(line, (int)size, table) == NULL) {
    return false;
  }
  line[strcspn(line, "\n")] = '\0';
  char *fields[5];
  char *rest = line;
  for (size_t i = 0; i < 5; i++) {
    fields[i] = strsep(&rest, "\t");
    assert_non_null(fields[i]);
  }
  *ret_row = (row){fields[0], fields[1], fields[2], fields[3], fields[4]};
  return true;
}

static tw_map *open_picture(const char *name) {
  tw_map *map;
  tw_error error;
  char *path = tw_path_join(FOLDER, name);
  assert_int_equal(tw_map_open(path, &map, &error), TW_OK);
  tw_free(path);
  return map;
}

static bool needs_module(tw_bytes file) {
  tw_image_format format = tw_image_sniff(file);
  return format != TW_IMAGE_JPEG && format != TW_IMAGE_PNG;
}

/* The preprocessing of a row: plain decoding with its alpha, or "filter,geometry,crop,rounding,WxH", perhaps of a
 * picture that is decoded at a fraction of its size. */
static tw_preprocess preprocess_of(const row *row) {
  char text[512];
  char how[128];
  snprintf(how, sizeof how, "%s", row->how);
  char *rest = how;
  bool draft = strncmp(row->what, "draft", 5) == 0;
  bool resize = draft || strcmp(row->what, "resize") == 0;
  const char *filter = resize ? strsep(&rest, ",") : "box";
  const char *geometry = resize ? strsep(&rest, ",") : "squash";
  const char *crop = resize ? strsep(&rest, ",") : "1";
  const char *rounding = resize ? strsep(&rest, ",") : "u8";
  snprintf(
      text, sizeof text,
      "%sdct=islow upsampling=fancy orientation=exif icc=ignored cmyk=pillow alpha=%s filter=%s geometry=%s crop=%s "
      "rounding=%s size=%s mean=0,0,0 scale=1,1,1 colour=rgb layout=nhwc",
      draft ? "decode=draft " : "", resize ? "white" : row->how, filter, geometry, crop, rounding,
      resize ? rest : "1x1");
  tw_preprocess preprocess;
  tw_error error = {0};
  tw_status status = tw_preprocess_parse(text, &preprocess, &error);
  assert_string_equal(error.message, "");
  assert_int_equal(status, TW_OK);
  return preprocess;
}

static void expect_sum(const row *row, const void *data, size_t size) {
  char sum[SHA256_TEXT_SIZE];
  if (strcmp(sha256_text(data, size, sum), row->sum) != 0) {
    fail_msg("%s %s %s: other values than Pillow's", row->file, row->what, row->how);
  }
}

static void expect_decoded(tw_image_reader *reader, const row *row, tw_bytes file) {
  tw_preprocess preprocess = preprocess_of(row);
  tw_image image;
  tw_error error = {0};
  char size[64];
  tw_status status = tw_image_decode(reader, file, &preprocess, &image, &error);
  assert_string_equal(error.message, "");
  assert_int_equal(status, TW_OK);
  snprintf(size, sizeof size, "%zux%zu", image.width, image.height);
  assert_string_equal(size, row->size);
  expect_sum(row, image.rgb, image.width * image.height * 3);
}

static void expect_resized(tw_image_reader *reader, const row *row, tw_bytes file) {
  static float tensor[64 * 64 * 3];
  static uint8_t bytes[64 * 64 * 3];
  tw_preprocess preprocess = preprocess_of(row);
  size_t count = tw_preprocess_count(&preprocess);
  assert_in_range(count, 1, sizeof bytes);
  tw_error error = {0};
  tw_status status = tw_image_read(reader, file, &preprocess, tensor, &error);
  assert_string_equal(error.message, "");
  assert_int_equal(status, TW_OK);
  if (preprocess.rounding == TW_ROUNDING_FLOAT) {
    expect_sum(row, tensor, count * sizeof *tensor);
    return;
  }
  for (size_t i = 0; i < count; i++) {
    bytes[i] = (uint8_t)tensor[i];
  }
  expect_sum(row, bytes, count);
}

static void pictures_are_pillows(void **state) {
  (void)state;
  char *module = tw_module_path("topwork-vips.so");
  tw_image_reader *reader = tw_image_reader_create();
  FILE *table = fopen(TW_SOURCE_DIR "/tests/data/pictures/goldens.tsv", "r");
  assert_non_null(table);
  char line[512];
  size_t done = 0;
  size_t left_out = 0;
  for (row row; next_row(table, line, sizeof line, &row);) {
    tw_map *map = open_picture(row.file);
    if (module == NULL && needs_module(tw_map_bytes(map))) {
      left_out++;
    } else if (strcmp(row.what, "decode") == 0 || strcmp(row.what, "draft") == 0) {
      expect_decoded(reader, &row, tw_map_bytes(map));
      done++;
    } else {
      expect_resized(reader, &row, tw_map_bytes(map));
      done++;
    }
    tw_map_close(map);
  }
  print_message("%zu rows, %zu left out for want of the libvips module\n", done, left_out);
  assert_true(done > 800);
  fclose(table);
  tw_image_reader_free(reader);
  tw_free(module);
}

/* Lossy pictures whose decoders differ in the last bit: close to the picture that they were made from. */
static void lossy_pictures_are_near(void **state) {
  (void)state;
  char *module = tw_module_path("topwork-vips.so");
  if (module == NULL) {
    print_message("no libvips module\n");
    return;
  }
  tw_free(module);
  static const char *const names[] = {"lossy.webp", "picture.avif", "picture.heic"};
  row plain = {"rgb8.png", "decode", "white", "37x23", NULL};
  tw_preprocess preprocess = preprocess_of(&plain);
  tw_image_reader *first = tw_image_reader_create();
  tw_image_reader *second = tw_image_reader_create();
  tw_map *map = open_picture(plain.file);
  tw_image wanted;
  assert_int_equal(tw_image_decode(first, tw_map_bytes(map), &preprocess, &wanted, NULL), TW_OK);
  tw_map_close(map);
  for (size_t n = 0; n < sizeof names / sizeof *names; n++) {
    tw_image image;
    map = open_picture(names[n]);
    assert_int_equal(tw_image_decode(second, tw_map_bytes(map), &preprocess, &image, NULL), TW_OK);
    tw_map_close(map);
    assert_int_equal(image.width, wanted.width);
    assert_int_equal(image.height, wanted.height);
    size_t difference = 0;
    for (size_t i = 0; i < 37 * 23 * 3; i++) {
      difference += (size_t)abs(image.rgb[i] - wanted.rgb[i]);
    }
    assert_true(difference < 37 * 23 * 3 * 20);
  }
  tw_image_reader_free(first);
  tw_image_reader_free(second);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(pictures_are_pillows),
      cmocka_unit_test(lossy_pictures_are_near),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
