/* The shipped trunk on the 44 reference pictures, through the whole pipeline: the numbers of ONNX Runtime behind
 * Pillow's preprocessing. */
#include <math.h>
#include <string.h>

#include "features/features.h"
#include "support.h"

enum { FILES = 44, FEATURES = 1280, CLASSES = 1000 };

static char *paths[FILES];

/* The floats of a reference array in numpy's format, version 1, float32, row-major, whose shape is known. */
static float *read_npy(const char *relative, size_t count) {
  tw_buffer bytes = {0};
  assert_int_equal(tw_file_read(shared_path(relative), SIZE_MAX, &bytes, NULL), TW_OK);
  assert_memory_equal(bytes.data, "\x93NUMPY\x01", 7);
  size_t header = 10 + (size_t)bytes.data[8] + 256 * (size_t)bytes.data[9];
  assert_non_null(strstr((const char *)bytes.data + 10, "'<f4', 'fortran_order': False"));
  assert_int_equal(bytes.size, header + count * sizeof(float));
  float *floats = tw_alloc(count, sizeof *floats);
  memcpy(floats, bytes.data + header, count * sizeof *floats);
  tw_buffer_done(&bytes);
  return floats;
}

static int read_paths(void **state) {
  (void)state;
  tw_buffer list = {0};
  if (tw_file_read(shared_path("goldens/files.txt"), 1 << 20, &list, NULL) != TW_OK) {
    return -1;
  }
  char *line = (char *)list.data;
  for (size_t i = 0; i < FILES; i++) {
    size_t length = strcspn(line, "\n");
    line[length] = '\0';
    paths[i] = tw_strdup(shared_path(line));
    line += length + 1;
  }
  tw_buffer_done(&list);
  return 0;
}

static int free_paths(void **state) {
  (void)state;
  for (size_t i = 0; i < FILES; i++) {
    tw_free(paths[i]);
  }
  return 0;
}

static tw_extraction *extract(tw_trunk_head head) {
  tw_trunk *trunk = NULL;
  tw_extraction *extraction = NULL;
  tw_error error = {0};
  tw_extract_options options = {.head = head};
  if (tw_trunk_open(TW_TRUNK_DEFAULT, NULL, &trunk, &error) != TW_OK ||
      tw_extract(trunk, NULL, (const char *const *)paths, FILES, &options, &extraction, &error) != TW_OK) {
    fail_msg("%s", error.message);
  }
  tw_trunk_free(trunk);
  assert_int_equal(extraction->count, FILES);
  assert_int_equal(extraction->failed, 0);
  return extraction;
}

static double worst(const float *a, const float *b, size_t count) {
  double largest = 0;
  for (size_t i = 0; i < count; i++) {
    largest = fmax(largest, fabs((double)a[i] - (double)b[i]));
  }
  return largest;
}

static size_t best(const float *row, size_t count) {
  size_t at = 0;
  for (size_t i = 1; i < count; i++) {
    at = row[i] > row[at] ? i : at;
  }
  return at;
}

static void features_are_the_references(void **state) {
  (void)state;
  float *expected = read_npy("goldens/efficientnet-lite0.features.npy", (size_t)FILES * FEATURES);
  tw_extraction *extraction = extract(TW_HEAD_FEATURES);
  assert_int_equal(extraction->dimensions, FEATURES);
  double difference = worst(extraction->rows, expected, (size_t)FILES * FEATURES);
  print_message("largest difference of features %.3g\n", difference);
  assert_true(difference < 2e-3);
  tw_extraction_free(extraction);
  tw_free(expected);
}

static void probabilities_are_the_references(void **state) {
  (void)state;
  float *expected = read_npy("goldens/efficientnet-lite0.probabilities.npy", (size_t)FILES * CLASSES);
  tw_extraction *extraction = extract(TW_HEAD_OWN);
  assert_int_equal(extraction->dimensions, CLASSES);
  double difference = worst(extraction->rows, expected, (size_t)FILES * CLASSES);
  print_message("largest difference of probabilities %.3g\n", difference);
  assert_true(difference < 1e-3);
  for (size_t i = 0; i < FILES; i++) {
    assert_int_equal(best(extraction->rows + i * CLASSES, CLASSES), best(expected + i * CLASSES, CLASSES));
  }
  tw_extraction_free(extraction);
  tw_free(expected);
}

int main(void) {
  if (shared_path("goldens/efficientnet-lite0.features.npy") == NULL) {
    return TW_TEST_SKIPPED;
  }
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(features_are_the_references),
      cmocka_unit_test(probabilities_are_the_references),
  };
  return cmocka_run_group_tests_name("golden_features", tests, read_paths, free_paths);
}
