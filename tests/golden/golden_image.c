/* Pictures against the reference data: TensorFlow's DecodeJpeg and ResizeBilinear, Pillow's resize. */
#include <math.h>
#include <string.h>

#include "image/image.h"
#include "sha256.h"
#include "support.h"

static const char DECODED[] = "goldens/inception-2015-trunk.decoded.tsv";
static const char PILLOW[] = "goldens/pillow-resize.tsv";
static const char RESIZED[] = "goldens/inception-2015-trunk.resized-every-23rd.npy";

static const tw_preprocess TENSORFLOW = {
    .dct = TW_DCT_IFAST,
    .orientation = TW_ORIENTATION_IGNORED,
    .filter = TW_FILTER_BILINEAR_LEGACY,
    .crop = 1,
    .rounding = TW_ROUNDING_FLOAT,
    .width = 299,
    .height = 299,
    .scale = {1, 1, 1},
    .layout = TW_LAYOUT_NHWC,
};

typedef struct fixture {
  tw_image_reader *reader;
  tw_map *map;
  char name[256]; /* of the file that `map` holds */
} fixture;

/* Fields of the next line, split at tabs in place; 0 at the end of the file. */
static size_t next_line(FILE *file, char *line, size_t size, char **fields, size_t most) {
  if (fgets(line, (int)size, file) == NULL) {
    return 0;
  }
  line[strcspn(line, "\n")] = '\0';
  size_t count = 0;
  for (char *rest = line; count < most && rest != NULL; count++) {
    fields[count] = strsep(&rest, "\t");
  }
  return count;
}

static FILE *open_golden(const char *name) {
  FILE *file = fopen(shared_path(name), "r");
  assert_non_null(file);
  return file;
}

/* Maps a picture, unless it is the one that is mapped already. */
static tw_bytes picture(fixture *fixture, const char *name) {
  tw_error error;
  if (fixture->map == NULL || strcmp(name, fixture->name) != 0) {
    const char *path = shared_path(name);
    assert_non_null(path);
    tw_map_close(fixture->map);
    assert_int_equal(tw_map_open(path, &fixture->map, &error), TW_OK);
    snprintf(fixture->name, sizeof fixture->name, "%s", name);
  }
  return tw_map_bytes(fixture->map);
}

static void decodes_as_tensorflow(void **state) {
  fixture *fixture = *state;
  FILE *file = open_golden(DECODED);
  char line[512];
  char sum[SHA256_TEXT_SIZE];
  char *fields[4];
  size_t count = 0;
  assert_int_equal(next_line(file, line, sizeof line, fields, 4), 4);
  for (; next_line(file, line, sizeof line, fields, 4) == 4; count++) {
    tw_image image;
    tw_error error = {0};
    tw_status status = tw_image_decode(fixture->reader, picture(fixture, fields[0]), &TENSORFLOW, &image, &error);
    assert_string_equal(error.message, "");
    assert_int_equal(status, TW_OK);
    assert_int_equal(image.width, strtoul(fields[1], NULL, 10));
    assert_int_equal(image.height, strtoul(fields[2], NULL, 10));
    sha256_text(image.rgb, image.width * image.height * 3, sum);
    assert_string_equal(sum, fields[3]);
  }
  fclose(file);
  assert_int_equal(count, 44);
}

/* The golden: 44 x 13 x 13 x 3 floats, every 23rd row and column of 299. */
static void resizes_as_tensorflow(void **state) {
  enum { SIDE = 13, STEP = 23, FULL = 299 };
  fixture *fixture = *state;
  tw_buffer golden = {0};
  tw_error error;
  assert_int_equal(tw_file_read(shared_path(RESIZED), 1 << 20, &golden, &error), TW_OK);
  assert_int_equal(golden.size, 128 + 44 * SIDE * SIDE * 3 * sizeof(float));
  const float *wanted = (const float *)(const void *)(golden.data + 128);
  float *tensor = malloc(tw_preprocess_count(&TENSORFLOW) * sizeof *tensor);
  FILE *file = open_golden(DECODED);
  char line[512];
  char *fields[1];
  float worst = 0;
  next_line(file, line, sizeof line, fields, 1);
  while (next_line(file, line, sizeof line, fields, 1) == 1) {
    assert_int_equal(tw_image_read(fixture->reader, picture(fixture, fields[0]), &TENSORFLOW, tensor, &error), TW_OK);
    for (size_t y = 0; y < SIDE; y++) {
      for (size_t x = 0; x < SIDE * 3; x++) {
        float difference = fabsf(*wanted++ - tensor[y * STEP * FULL * 3 + x / 3 * STEP * 3 + x % 3]);
        worst = difference > worst ? difference : worst;
      }
    }
  }
  print_message("ResizeBilinear: largest difference %g\n", (double)worst);
  assert_true(worst < 1e-4f);
  fclose(file);
  free(tensor);
  tw_buffer_done(&golden);
}

static tw_filter filter_of(const char *name) {
  static const char *const names[] = {"box", "bilinear", "bicubic", "lanczos"};
  for (size_t i = 0; i < 4; i++) {
    if (strcmp(name, names[i]) == 0) {
      return (tw_filter)i;
    }
  }
  fail_msg("filter %s", name);
  return TW_FILTER_BOX;
}

/* The tensor of mean 0 and scale 1, channels last, holds the resized picture's bytes. */
static void resizes_as_pillow(void **state) {
  fixture *fixture = *state;
  FILE *file = open_golden(PILLOW);
  char line[512];
  char sum[SHA256_TEXT_SIZE];
  char *fields[5];
  static float tensor[224 * 224 * 3];
  static uint8_t bytes[224 * 224 * 3];
  size_t count = 0;
  assert_int_equal(next_line(file, line, sizeof line, fields, 5), 5);
  for (; next_line(file, line, sizeof line, fields, 5) == 5; count++) {
    bool crop = strcmp(fields[2], "crop-0.875") == 0;
    assert_true(crop || strcmp(fields[2], "squash") == 0);
    tw_preprocess preprocess = {
        .filter = filter_of(fields[1]),
        .geometry = crop ? TW_GEOMETRY_CROP : TW_GEOMETRY_SQUASH,
        .crop = crop ? 0.875 : 1,
        .width = 224,
        .height = 224,
        .scale = {1, 1, 1},
        .layout = TW_LAYOUT_NHWC,
    };
    tw_error error = {0};
    tw_status status = tw_image_read(fixture->reader, picture(fixture, fields[0]), &preprocess, tensor, &error);
    assert_string_equal(error.message, "");
    assert_int_equal(status, TW_OK);
    for (size_t i = 0; i < sizeof bytes; i++) {
      bytes[i] = (uint8_t)tensor[i];
    }
    sha256_text(bytes, sizeof bytes, sum);
    if (strcmp(sum, fields[4]) != 0) {
      fail_msg("%s %s %s: other bytes than Pillow's", fields[0], fields[1], fields[2]);
    }
  }
  fclose(file);
  print_message("Pillow: %zu rows\n", count);
  assert_true(count >= 44 * 8);
}

int main(void) {
  if (shared_path(DECODED) == NULL || shared_path(PILLOW) == NULL || shared_path(RESIZED) == NULL) {
    printf("no reference data\n");
    return TW_TEST_SKIPPED;
  }
  fixture fixture = {.reader = tw_image_reader_create()};
  const struct CMUnitTest tests[] = {
      cmocka_unit_test_prestate(decodes_as_tensorflow, &fixture),
      cmocka_unit_test_prestate(resizes_as_tensorflow, &fixture),
      cmocka_unit_test_prestate(resizes_as_pillow, &fixture),
  };
  int failed = cmocka_run_group_tests(tests, NULL, NULL);
  tw_map_close(fixture.map);
  tw_image_reader_free(fixture.reader);
  return failed;
}
