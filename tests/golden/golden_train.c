/* Training on genuine features (flowers, the tutorial's network): the optimum against scikit-learn's, and the accuracy
 * that 5 folds reach, each choosing its own strength. */
#include <math.h>
#include <string.h>

#include "formats/formats.h"
#include "support.h"
#include "train/train.h"

enum { CLASSES = 5 };

typedef struct flowers {
  tw_samples samples;
  float *features;
  uint32_t *labels;
  tw_hash *contents;
} flowers;

/* The class is the second column; classes come in byte order. */
static uint32_t next_label(const char **line) {
  static const char *const names[CLASSES] = {"daisy", "dandelion", "roses", "sunflowers", "tulips"};
  const char *name = strchr(*line, '\t') + 1;
  const char *end = strchr(name, '\n');
  uint32_t label = CLASSES;
  for (uint32_t k = 0; k < CLASSES; k++) {
    label = strlen(names[k]) == (size_t)(end - name) && memcmp(names[k], name, strlen(names[k])) == 0 ? k : label;
  }
  assert_true(label < CLASSES);
  *line = end + 1;
  return label;
}

static void read_labels(flowers *flowers) {
  tw_buffer text = {0};
  tw_error error;
  assert_int_equal(tw_file_read(shared_path("features/flowers-inception2015.tsv"), 1 << 20, &text, &error), TW_OK);
  tw_buffer_append(&text, "", 1);
  const char *line = strchr((const char *)text.data, '\n') + 1;
  for (size_t i = 0; i < flowers->samples.count; i++) {
    flowers->labels[i] = next_label(&line);
  }
  tw_buffer_done(&text);
}

static flowers read_flowers(void) {
  flowers flowers = {0};
  tw_map *map;
  tw_npy npy;
  tw_error error;
  assert_int_equal(tw_map_open(shared_path("features/flowers-inception2015.f16.npy"), &map, &error), TW_OK);
  assert_int_equal(tw_npy_read(tw_map_bytes(map), &npy, &error), TW_OK);
  size_t n = npy.dims[0];
  size_t d = npy.dims[1];
  flowers.features = tw_alloc(n * d, sizeof *flowers.features);
  flowers.labels = tw_alloc(n, sizeof *flowers.labels);
  flowers.contents = tw_alloc(n, sizeof *flowers.contents);
  assert_true(flowers.features != NULL && flowers.labels != NULL && flowers.contents != NULL);
  assert_int_equal(tw_npy_to_f32(&npy, 0, n * d, flowers.features, &error), TW_OK);
  for (size_t i = 0; i < n; i++) {
    flowers.contents[i] = tw_hash_of(flowers.features + i * d, d * sizeof *flowers.features);
  }
  flowers.samples = (tw_samples){.count = n,
                                 .dimensions = d,
                                 .classes = CLASSES,
                                 .features = flowers.features,
                                 .labels = flowers.labels,
                                 .contents = flowers.contents};
  read_labels(&flowers);
  tw_map_close(map);
  return flowers;
}

static void flowers_free(flowers *flowers) {
  tw_free(flowers->features);
  tw_free(flowers->labels);
  tw_free(flowers->contents);
}

static void the_optimum_is_scikit_learns(void **state) {
  (void)state;
  /* J of LogisticRegression(C, tol=1e-10, max_iter=20000) in float64 on every second row: tests/peers/check_top.py */
  static const double optima[][2] = {{1e-4, 0.235564722732331}, {1e-2, 6.84949458493097}, {1, 62.860573512268}};
  flowers flowers = read_flowers();
  size_t *rows = tw_alloc(flowers.samples.count, sizeof *rows);
  size_t count = 0;
  for (size_t i = 0; i < flowers.samples.count; i += 2) {
    rows[count++] = i;
  }
  for (size_t i = 0; i < sizeof optima / sizeof *optima; i++) {
    tw_fit_options options = tw_fit_defaults();
    tw_fit_report report;
    tw_top *top;
    assert_int_equal(tw_top_fit(&flowers.samples, rows, count, optima[i][0], NULL, &options, &top, &report, NULL),
                     TW_OK);
    double objective = tw_top_objective(&flowers.samples, rows, count, optima[i][0], top);
    print_message("C %g: %zu iterations, J %.9g, above scikit-learn's by %.1e\n", optima[i][0], report.iterations,
                  objective, objective / optima[i][1] - 1);
    assert_true(report.converged);
    assert_true(objective < optima[i][1] * (1 + 1e-6));
    tw_top_free(top);
  }
  tw_free(rows);
  flowers_free(&flowers);
}

/* Trains without fold `tested` (the next one is for validation) and counts how many of its rows are right. */
static size_t right_in_fold(const flowers *flowers, const int32_t *folds, int32_t tested, uint8_t *parts) {
  const tw_samples *samples = &flowers->samples;
  for (size_t i = 0; i < samples->count; i++) {
    parts[i] = (uint8_t)(folds[i] < 0                   ? TW_PART_DUPLICATE
                         : folds[i] == tested           ? TW_PART_TEST
                         : folds[i] == (tested + 1) % 5 ? TW_PART_VALIDATION
                                                        : TW_PART_TRAINING);
  }
  tw_fit_options options = tw_fit_defaults();
  tw_top *top;
  tw_path *path;
  assert_int_equal(tw_top_train(samples, parts, 0, &options, &top, &path, NULL, NULL), TW_OK);
  size_t right = 0;
  for (size_t i = 0; i < samples->count; i++) {
    float row[CLASSES];
    if (parts[i] == TW_PART_TEST) {
      assert_int_equal(tw_top_apply(top, samples->features + i * samples->dimensions, 1, 1, row, NULL), TW_OK);
      right += tw_top_best(row, CLASSES) == samples->labels[i];
    }
  }
  print_message("fold %d: C %g\n", (int)tested, path->points[path->chosen].strength);
  tw_path_free(path);
  tw_top_free(top);
  return right;
}

static void five_folds_reach_the_accuracy(void **state) {
  (void)state;
  flowers flowers = read_flowers();
  int32_t *folds = tw_alloc(flowers.samples.count, sizeof *folds);
  uint8_t *parts = tw_alloc(flowers.samples.count, 1);
  size_t right = 0;
  size_t dealt = 0;
  assert_int_equal(tw_folds_draw(&flowers.samples, 5, 0, folds, NULL), TW_OK);
  for (int32_t fold = 0; fold < 5; fold++) {
    right += right_in_fold(&flowers, folds, fold, parts);
  }
  for (size_t i = 0; i < flowers.samples.count; i++) {
    dealt += folds[i] >= 0;
  }
  print_message("accuracy %.4f of %zu\n", (double)right / (double)dealt, dealt);
  assert_true((double)right / (double)dealt > 0.90);
  tw_free(folds);
  tw_free(parts);
  flowers_free(&flowers);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(the_optimum_is_scikit_learns),
      cmocka_unit_test(five_folds_reach_the_accuracy),
  };
  if (shared_path("features/flowers-inception2015.f16.npy") == NULL) {
    print_message("skipped: no reference data\n");
    return TW_TEST_SKIPPED;
  }
  return cmocka_run_group_tests(tests, NULL, NULL);
}
