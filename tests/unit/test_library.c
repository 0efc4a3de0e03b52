/* The public library: opening a model, asking it about itself, and predicting in every way there is. */
#include <math.h>

#include "model/model.h"
#include "test_library.h"

enum { K = LIBRARY_CLASSES, D = NET_CHANNELS };

static tw_model *model;

static int setup(void **state) {
  if (library_setup(state) != 0) {
    return -1;
  }
  model = library_open("model.onnx");
  return 0;
}

static int teardown(void **state) {
  tw_model_free(model);
  return tree_teardown(state);
}

/* ---- What a model says ------------------------------------------------------------------------------------------- */

static void a_model_knows_itself(void **state) {
  (void)state;
  char version[32];
  snprintf(version, sizeof version, "%d.%d.%d", TW_VERSION_MAJOR, TW_VERSION_MINOR, TW_VERSION_PATCH);
  assert_string_equal(tw_version(), version);
  assert_int_equal(tw_model_class_count(model), K);
  assert_string_equal(tw_model_class_name(model, 0), "a");
  assert_string_equal(tw_model_class_name(model, K - 1), "c");
  assert_null(tw_model_class_name(model, K));
  assert_null(tw_model_class_name(model, SIZE_MAX));
  assert_int_equal(tw_model_feature_count(model), D);
  assert_string_equal(tw_model_trunk_name(model), "net");
  assert_string_equal(tw_model_precision(model), "f32");
  assert_int_equal(tw_model_class_count(NULL), 0);
  assert_int_equal(tw_model_feature_count(NULL), 0);
  assert_null(tw_model_class_name(NULL, 0));
  assert_null(tw_model_trunk_name(NULL));
  assert_null(tw_model_precision(NULL));
  tw_model_free(NULL);
}

static void what_is_no_model_is_refused(void **state) {
  (void)state;
  tw_error error = {0};
  tw_model *opened = NULL;
  library_fails(tw_model_open(NULL, &opened, &error), TW_E_ARGUMENT, &error, "path");
  library_fails(tw_model_open(tree_path("model.onnx"), NULL, &error), TW_E_ARGUMENT, &error, "ret_model");
  library_fails(tw_model_open(tree_path("nowhere.onnx"), &opened, &error), TW_E_IO, &error, "nowhere.onnx");
  library_fails(tw_model_open(tree_path("data"), &opened, &error), TW_E_IO, &error, "data");
  library_fails(tw_model_open(tree_path("net.onnx"), &opened, &error), TW_E_FORMAT, &error, "no topwork model");
  library_fails(tw_model_open(tree_path("data/a/0.png"), &opened, &error), TW_E_FORMAT, &error, "0.png");
  tw_buffer file = library_read("model.onnx");
  tree_file("cut.onnx", file.data, file.size - 1);
  tw_buffer_done(&file);
  library_fails(tw_model_open(tree_path("cut.onnx"), &opened, &error), TW_E_FORMAT, &error, "cut");
  assert_int_equal(tw_model_open(tree_path("cut.onnx"), &opened, NULL), TW_E_FORMAT);
  assert_null(opened);
}

/* ---- Predictions ------------------------------------------------------------------------------------------------- */

/* The pixels of a PNG, rows dense; freed by free(). */
static uint8_t *pixels_of(const char *relative, size_t *ret_width, size_t *ret_height) {
  png_image image = {.version = PNG_IMAGE_VERSION};
  assert_true(png_image_begin_read_from_file(&image, tree_path(relative)));
  image.format = PNG_FORMAT_RGB;
  uint8_t *pixels = malloc(PNG_IMAGE_SIZE(image));
  assert_true(png_image_finish_read(&image, NULL, pixels, 0, NULL));
  *ret_width = image.width;
  *ret_height = image.height;
  return pixels;
}

static void check_probabilities(const float *probabilities) {
  float sum = 0;
  for (size_t i = 0; i < K; i++) {
    assert_true(probabilities[i] >= 0 && probabilities[i] <= 1);
    sum += probabilities[i];
  }
  assert_true(sum > 0.99999f && sum < 1.00001f);
}

static void all_ways_give_the_same_digits(void **state) {
  (void)state;
  tw_error error = {0};
  float by_file[K];
  float others[K];
  float features[D];
  float other_features[D];
  size_t width;
  size_t height;
  library_ok(tw_model_predict_file(model, tree_path("data/b/3.png"), K, by_file, &error), &error);
  check_probabilities(by_file);

  tw_buffer file = library_read("data/b/3.png");
  library_ok(tw_model_predict_memory(model, file.data, file.size, K, others, &error), &error);
  assert_memory_equal(others, by_file, sizeof others);
  library_ok(tw_model_features_memory(model, file.data, file.size, D, features, &error), &error);
  tw_buffer_done(&file);

  library_ok(tw_model_features_file(model, tree_path("data/b/3.png"), D, other_features, &error), &error);
  assert_memory_equal(other_features, features, sizeof features);
  library_ok(tw_model_predict_features(model, features, D, K, others, &error), &error);
  assert_memory_equal(others, by_file, sizeof others);

  uint8_t *pixels = pixels_of("data/b/3.png", &width, &height);
  library_ok(tw_model_predict_pixels(model, pixels, width, height, 3 * width, K, others, &error), &error);
  assert_memory_equal(others, by_file, sizeof others);
  library_ok(tw_model_features_pixels(model, pixels, width, height, 3 * width, D, other_features, &error), &error);
  assert_memory_equal(other_features, features, sizeof features);

  size_t stride = 3 * width + 7; /* the last row ends with its last pixel */
  uint8_t *spread = malloc(stride * (height - 1) + 3 * width);
  for (size_t y = 0; y < height; y++) {
    memcpy(spread + y * stride, pixels + y * 3 * width, 3 * width);
  }
  library_ok(tw_model_predict_pixels(model, spread, width, height, stride, K, others, &error), &error);
  assert_memory_equal(others, by_file, sizeof others);
  free(spread);
  free(pixels);
}

static void pixels_of_any_size_are_a_png_of_them(void **state) {
  (void)state;
  static const size_t sizes[][2] = {{1, 1}, {1, 9}, {9, 1}, {8, 8}, {7, 300}, {300, 7}, {33, 65}};
  for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
    size_t width = sizes[i][0];
    size_t height = sizes[i][1];
    uint8_t *pixels = malloc(3 * width * height); /* its own block, so that a read past its end is seen */
    tw_random random;
    tw_random_init(&random, i);
    for (size_t p = 0; p < 3 * width * height; p++) {
      pixels[p] = (uint8_t)tw_random_below(&random, 256);
    }
    png_image image = {.version = PNG_IMAGE_VERSION, .format = PNG_FORMAT_RGB};
    image.width = (png_uint_32)width;
    image.height = (png_uint_32)height;
    assert_true(png_image_write_to_file(&image, tree_path("some.png"), 0, pixels, 0, NULL));
    float of_file[K];
    float of_pixels[K];
    tw_error error = {0};
    library_ok(tw_model_predict_file(model, tree_path("some.png"), K, of_file, &error), &error);
    library_ok(tw_model_predict_pixels(model, pixels, width, height, 3 * width, K, of_pixels, &error), &error);
    assert_memory_equal(of_pixels, of_file, sizeof of_file);
    free(pixels);
  }
}

/* As libgomp has them, which the kernel library uses and the program may, too. */
void omp_set_num_threads(int count);
int omp_get_max_threads(void);

static void the_programs_own_threads_stay_as_they_are(void **state) {
  (void)state;
  tw_error error = {0};
  float probabilities[K];
  int before = omp_get_max_threads();
  omp_set_num_threads(5);
  tw_model *fresh = library_open("model.onnx");
  library_ok(tw_model_predict_file(fresh, tree_path("data/a/0.png"), K, probabilities, &error), &error);
  assert_int_equal(omp_get_max_threads(), 5);
  library_ok(tw_model_predict_file(fresh, tree_path("data/a/0.png"), K, probabilities, &error), &error);
  assert_int_equal(omp_get_max_threads(), 5);
  tw_model_free(fresh);
  tw_train_options options = library_options();
  library_ok(tw_train(tree_path("data"), tree_path("omp.onnx"), &options, NULL, &error), &error);
  assert_int_equal(omp_get_max_threads(), 5);
  omp_set_num_threads(before);
}

static void the_test_is_remembered(void **state) {
  (void)state;
  tw_error error = {0};
  tw_test_result trained;
  tw_test_result read;
  tw_train_options options = library_options();
  library_ok(tw_train(tree_path("data"), tree_path("again.onnx"), &options, &trained, &error), &error);
  tw_model *again = library_open("again.onnx");
  library_ok(tw_model_test(again, &read, &error), &error);
  assert_true(trained.count > 0);
  assert_int_equal(read.count, trained.count);
  assert_int_equal(read.correct, trained.correct);
  assert_true(read.accuracy == trained.accuracy && read.accuracy == (double)read.correct / (double)read.count);
  assert_memory_equal(read.interval, trained.interval, sizeof read.interval);
  assert_true(fabs(read.baseline - trained.baseline) < 1e-12); /* the file keeps 15 digits */
  assert_true(fabs(read.log_loss - trained.log_loss) < 1e-12);
  assert_true(isnan(read.top5) && isnan(trained.top5)); /* three classes */
  assert_int_equal(read.pictures, 0);
  assert_int_equal(trained.pictures, K * LIBRARY_PICTURES);
  tw_model_free(again);
  library_fails(tw_model_test(NULL, &read, &error), TW_E_ARGUMENT, &error, "model");
  library_fails(tw_model_test(model, NULL, &error), TW_E_ARGUMENT, &error, "ret_result");

  options.test = 0;
  library_ok(tw_train(tree_path("data"), tree_path("untested.onnx"), &options, &trained, &error), &error);
  assert_int_equal(trained.count, 0);
  assert_true(isnan(trained.accuracy));
  again = library_open("untested.onnx");
  library_ok(tw_model_test(again, &read, &error), &error);
  assert_int_equal(read.count, 0);
  assert_true(isnan(read.accuracy) && isnan(read.interval[0]) && isnan(read.baseline) && isnan(read.log_loss));
  tw_model_free(again);
}

/* A model without a trunk, as one that was trained on files of features is. */
static void a_model_of_features_takes_features(void **state) {
  (void)state;
  tw_error error = {0};
  tw_model_record record = {.class_count = 2, .classes = tw_alloc(2, sizeof(char *))};
  record.classes[0] = tw_strdup("no");
  record.classes[1] = tw_strdup("yes");
  for (size_t part = 0; part < 3; part++) {
    record.contents[part] = tw_alloc(0, sizeof(tw_hash));
  }
  tw_top *top = tw_top_create(2, 3);
  top->weights[3] = 2;
  tw_model *made = NULL;
  tw_buffer file = {0};
  library_ok(tw_model_create(NULL, top, &record, &made, &error), &error);
  library_ok(tw_model_write(made, &file, &error), &error);
  tree_file("features.onnx", file.data, file.size);
  tw_buffer_done(&file);
  tw_model_free(made);

  tw_model *of_features = library_open("features.onnx");
  float probabilities[2] = {7, 7};
  const float zeros[3] = {0};
  assert_null(tw_model_trunk_name(of_features));
  assert_string_equal(tw_model_precision(of_features), "f32");
  assert_int_equal(tw_model_feature_count(of_features), 3);
  library_fails(tw_model_predict_file(of_features, tree_path("data/a/0.png"), 2, probabilities, &error), TW_E_ARGUMENT,
                &error, "takes rows of 3 features");
  library_fails(tw_model_features_file(of_features, tree_path("data/a/0.png"), 3, probabilities, &error), TW_E_ARGUMENT,
                &error, "takes rows of 3 features");
  library_fails(tw_model_evaluate(of_features, tree_path("data"), NULL, &(tw_test_result){0}, &error), TW_E_ARGUMENT,
                &error, "takes features");
  assert_true(probabilities[0] == 7);
  library_ok(tw_model_predict_features(of_features, zeros, 3, 2, probabilities, &error), &error);
  assert_true(probabilities[0] == 0.5f && probabilities[1] == 0.5f);
  library_ok(tw_model_predict_features(of_features, (const float[]){1, 0, 0}, 3, 2, probabilities, &error), &error);
  assert_true(fabs((double)probabilities[1] - 1 / (1 + exp(-2.0))) < 1e-6);
  tw_model_free(of_features);
}

/* ---- Misuse ------------------------------------------------------------------------------------------------------ */

static const float untouched[D + K] = {7, 7, 7, 7, 7, 7, 7, 7};

static void null_is_an_error(void **state) {
  (void)state;
  tw_error error = {0};
  float out[D + K];
  memcpy(out, untouched, sizeof out);
  const uint8_t pixel[3] = {1, 2, 3};
  const float features[D] = {0};
  char path[LIBRARY_PATH];
  library_path("data/a/0.png", path);
#define REFUSED(call, words) library_fails(call, TW_E_ARGUMENT, &error, words)
  REFUSED(tw_model_predict_file(NULL, path, K, out, &error), "model");
  REFUSED(tw_model_predict_file(model, NULL, K, out, &error), "path");
  REFUSED(tw_model_predict_file(model, path, K, NULL, &error), "ret_probabilities");
  REFUSED(tw_model_predict_memory(NULL, "x", 1, K, out, &error), "model");
  REFUSED(tw_model_predict_memory(model, NULL, 1, K, out, &error), "file");
  REFUSED(tw_model_predict_memory(model, "x", 1, K, NULL, &error), "ret_probabilities");
  REFUSED(tw_model_predict_pixels(NULL, pixel, 1, 1, 3, K, out, &error), "model");
  REFUSED(tw_model_predict_pixels(model, NULL, 1, 1, 3, K, out, &error), "rgb");
  REFUSED(tw_model_predict_pixels(model, pixel, 1, 1, 3, K, NULL, &error), "ret_probabilities");
  REFUSED(tw_model_predict_features(NULL, features, D, K, out, &error), "model");
  REFUSED(tw_model_predict_features(model, NULL, D, K, out, &error), "features");
  REFUSED(tw_model_predict_features(model, features, D, K, NULL, &error), "ret_probabilities");
  REFUSED(tw_model_features_file(NULL, path, D, out, &error), "model");
  REFUSED(tw_model_features_file(model, NULL, D, out, &error), "path");
  REFUSED(tw_model_features_file(model, path, D, NULL, &error), "ret_features");
  REFUSED(tw_model_features_memory(NULL, "x", 1, D, out, &error), "model");
  REFUSED(tw_model_features_memory(model, NULL, 1, D, out, &error), "file");
  REFUSED(tw_model_features_memory(model, "x", 1, D, NULL, &error), "ret_features");
  REFUSED(tw_model_features_pixels(NULL, pixel, 1, 1, 3, D, out, &error), "model");
  REFUSED(tw_model_features_pixels(model, NULL, 1, 1, 3, D, out, &error), "rgb");
  REFUSED(tw_model_features_pixels(model, pixel, 1, 1, 3, D, NULL, &error), "ret_features");
  assert_int_equal(tw_model_predict_file(model, NULL, K, out, NULL), TW_E_ARGUMENT);
  assert_memory_equal(out, untouched, sizeof out);
}

static void wrong_sizes_are_errors(void **state) {
  (void)state;
  tw_error error = {0};
  float out[D + K];
  memcpy(out, untouched, sizeof out);
  const uint8_t pixels[2 * 2 * 3] = {0};
  const float features[D + 1] = {0};
  char path[LIBRARY_PATH];
  library_path("data/a/0.png", path);
  for (size_t count = 0; count < D + K; count++) {
    if (count != K) {
      REFUSED(tw_model_predict_file(model, path, count, out, &error), "the model has 3");
      REFUSED(tw_model_predict_memory(model, "x", 1, count, out, &error), "the model has 3");
      REFUSED(tw_model_predict_pixels(model, pixels, 2, 2, 6, count, out, &error), "the model has 3");
      REFUSED(tw_model_predict_features(model, features, D, count, out, &error), "the model has 3");
    }
    if (count != D) {
      REFUSED(tw_model_features_file(model, path, count, out, &error), "the model has 5");
      REFUSED(tw_model_features_memory(model, "x", 1, count, out, &error), "the model has 5");
      REFUSED(tw_model_features_pixels(model, pixels, 2, 2, 6, count, out, &error), "the model has 5");
      REFUSED(tw_model_predict_features(model, features, count, K, out, &error), "the model has 5");
    }
  }
  REFUSED(tw_model_predict_pixels(model, pixels, 0, 2, 6, K, out, &error), "empty");
  REFUSED(tw_model_predict_pixels(model, pixels, 2, 0, 6, K, out, &error), "empty");
  REFUSED(tw_model_predict_pixels(model, pixels, 2, 2, 5, K, out, &error), "take 6");
  REFUSED(tw_model_predict_pixels(model, pixels, 2, 2, 0, K, out, &error), "take 6");
  library_fails(tw_model_predict_pixels(model, pixels, SIZE_MAX, 2, SIZE_MAX, K, out, &error), TW_E_LIMIT, &error,
                "limit");
  library_fails(tw_model_predict_pixels(model, pixels, 60000, 60000, 180000, K, out, &error), TW_E_LIMIT, &error,
                "limit");
  assert_memory_equal(out, untouched, sizeof out);
}

static void bad_pictures_are_errors(void **state) {
  (void)state;
  tw_error error = {0};
  float out[D + K];
  memcpy(out, untouched, sizeof out);
  library_fails(tw_model_predict_memory(model, NULL, 0, K, out, &error), TW_E_FORMAT, &error, "empty");
  library_fails(tw_model_predict_memory(model, "text", 4, K, out, &error), TW_E_UNSUPPORTED, &error, "not a picture");
  library_fails(tw_model_predict_file(model, tree_path("none.png"), K, out, &error), TW_E_IO, &error, "none.png");
  library_fails(tw_model_predict_file(model, tree_root, K, out, &error), TW_E_IO, &error, tree_root);
  library_fails(tw_model_predict_file(model, "", K, out, &error), TW_E_IO, &error, "");
  tw_buffer file = library_read("data/a/0.png");
  for (size_t size = 1; size < file.size; size += 1 + size / 8) {
    assert_int_not_equal(tw_model_predict_memory(model, file.data, size, K, out, &error), TW_OK);
  }
  tree_file("short.png", file.data, file.size / 2);
  library_fails(tw_model_predict_file(model, tree_path("short.png"), K, out, &error), TW_E_FORMAT, &error,
                "short.png: ");
  float features[D] = {0, 0, NAN, 0, 0};
  library_fails(tw_model_predict_features(model, features, D, K, out, &error), TW_E_DATA, &error, "feature 2");
  features[2] = -INFINITY;
  library_fails(tw_model_predict_features(model, features, D, K, out, &error), TW_E_DATA, &error, "feature 2");
  assert_memory_equal(out, untouched, sizeof out);
  library_ok(tw_model_predict_memory(model, file.data, file.size, K, out, &error), &error); /* as if nothing had been */
  tw_buffer_done(&file);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(a_model_knows_itself),
      cmocka_unit_test(what_is_no_model_is_refused),
      cmocka_unit_test(all_ways_give_the_same_digits),
      cmocka_unit_test(pixels_of_any_size_are_a_png_of_them),
      cmocka_unit_test(the_programs_own_threads_stay_as_they_are),
      cmocka_unit_test(the_test_is_remembered),
      cmocka_unit_test(a_model_of_features_takes_features),
      cmocka_unit_test(null_is_an_error),
      cmocka_unit_test(wrong_sizes_are_errors),
      cmocka_unit_test(bad_pictures_are_errors),
  };
  return cmocka_run_group_tests(tests, setup, teardown);
}
