/* The public library when memory runs out: the n-th allocation and all after it fail, for every n. Each function says
 * so, releases what it took (the leak check of the address sanitizer sees to that), and works again afterwards. */
#include "test_library.h"

enum {
  K = LIBRARY_CLASSES,
  D = NET_CHANNELS,
  WAYS = 6,
  PICTURES = 4 /* of each class: training takes one pass for each n */
};

static char model_path[LIBRARY_PATH];
static char picture_path[LIBRARY_PATH];
static char small_path[LIBRARY_PATH];
static char out_path[LIBRARY_PATH];
static tw_buffer picture;
static uint8_t spread[31 * 40]; /* 10 x 40 pixels, rows of 31 bytes */

static int setup(void **state) {
  if (library_setup(state) != 0) {
    return -1;
  }
  for (size_t i = 0; i < K * PICTURES; i++) {
    char name[64];
    snprintf(name, sizeof name, "small/%c/%zu.png", (char)('a' + i % K), i);
    library_picture(name, 500 + i);
  }
  library_path("model.onnx", model_path);
  library_path("data/a/1.png", picture_path);
  library_path("small", small_path);
  library_path("out.onnx", out_path);
  picture = library_read("data/a/1.png");
  return 0;
}

static int teardown(void **state) {
  tw_buffer_done(&picture);
  return tree_teardown(state);
}

/* One attempt of something; everything it makes is freed by itself. */
typedef tw_status (*attempt)(void *context, tw_error *error);

/* Lets the n-th allocation fail, n = 1, 2, ..., until the attempt succeeds without what is left to allocate; returns
 * that n. `step`: the growth of n, in hundredths. */
static size_t exhaust(attempt run, void *context, size_t step) {
  for (size_t n = 1;; n += 1 + n * step / 100) {
    tw_error error = {.code = TW_OK};
    tw_memory_fail_after(n);
    tw_status status = run(context, &error);
    tw_memory_fail_after(0);
    if (status == TW_OK) {
      return n;
    }
    if (status != TW_E_MEMORY || error.code != TW_E_MEMORY || error.message[0] == '\0') {
      fail_msg("allocation %zu: status %d, error %d '%s'", n, (int)status, (int)error.code, error.message);
    }
  }
}

static tw_status attempt_open(void *context, tw_error *error) {
  (void)context;
  tw_model *model = NULL;
  tw_status status = tw_model_open(model_path, &model, error);
  assert_true((status == TW_OK) == (model != NULL));
  tw_model_free(model);
  return status;
}

static void opening(void **state) {
  (void)state;
  assert_true(exhaust(attempt_open, NULL, 0) > 20);
}

typedef struct prediction {
  const tw_model *model;
  int way;
  float probabilities[K];
  float features[D];
} prediction;

static tw_status attempt_predict(void *context, tw_error *error) {
  prediction *to = context;
  switch (to->way) {
    case 0: return tw_model_predict_memory(to->model, picture.data, picture.size, K, to->probabilities, error);
    case 1: return tw_model_predict_pixels(to->model, spread, 10, 40, 31, K, to->probabilities, error);
    case 2: return tw_model_features_memory(to->model, picture.data, picture.size, D, to->features, error);
    case 3: return tw_model_features_pixels(to->model, spread, 10, 40, 31, D, to->features, error);
    case 4: return tw_model_predict_file(to->model, picture_path, K, to->probabilities, error);
    default: return tw_model_features_file(to->model, picture_path, D, to->features, error);
  }
}

static void predicting(void **state) {
  (void)state;
  for (int way = 0; way < WAYS; way++) {
    tw_model *used = library_open("model.onnx"); /* one model for all n: no failure may spoil it */
    prediction to = {.model = used, .way = way};
    size_t first = exhaust(attempt_predict, &to, 0);
    assert_true(first > 10);
    prediction later = {.model = used, .way = way};
    assert_true(exhaust(attempt_predict, &later, 0) < first); /* the plan and the session are there */
    assert_memory_equal(later.probabilities, to.probabilities, sizeof to.probabilities);
    assert_memory_equal(later.features, to.features, sizeof to.features);
    tw_model_free(used);
  }
}

static void a_new_model_each_time(void **state) {
  (void)state;
  for (size_t n = 1;; n++) {
    tw_model *fresh = library_open("model.onnx");
    prediction to = {.model = fresh, .way = 0};
    tw_error error = {.code = TW_OK};
    tw_memory_fail_after(n);
    tw_status status = attempt_predict(&to, &error);
    tw_memory_fail_after(0);
    tw_model_free(fresh);
    if (status == TW_OK) {
      assert_true(n > 10);
      break;
    }
    assert_int_equal(status, TW_E_MEMORY);
    assert_int_equal(error.code, TW_E_MEMORY);
  }
}

static tw_status attempt_train(void *context, tw_error *error) {
  tw_train_options options = *(const tw_train_options *)context;
  return tw_train(small_path, out_path, &options, NULL, error);
}

static void same_as_ever(void) {
  tw_buffer wanted = library_read("wanted.onnx");
  tw_buffer got = library_read("out.onnx");
  assert_int_equal(got.size, wanted.size);
  assert_memory_equal(got.data, wanted.data, got.size);
  tw_buffer_done(&got);
  tw_buffer_done(&wanted);
}

static void training(void **state) {
  (void)state;
  tw_error error;
  tw_train_options options = library_options();
  library_ok(tw_train(small_path, tree_path("wanted.onnx"), &options, NULL, &error), &error);
  options.threads = 1;
  assert_true(exhaust(attempt_train, &options, 2) > 100);
  same_as_ever();
  options.threads = 2;
  options.report = true;
  exhaust(attempt_train, &options, 10);
  same_as_ever();
}

static void training_with_a_cache(void **state) {
  (void)state;
  char cache[LIBRARY_PATH];
  tw_train_options options = library_options();
  options.no_cache = false;
  options.cache = library_path("cache", cache);
  exhaust(attempt_train, &options, 10);
  same_as_ever();
}

static tw_status attempt_evaluate(void *context, tw_error *error) {
  tw_evaluate_options options;
  tw_evaluate_options_init(&options);
  options.no_cache = true;
  options.threads = 2;
  return tw_model_evaluate(((prediction *)context)->model, small_path, &options, &(tw_test_result){0}, error);
}

static void evaluating(void **state) {
  (void)state;
  tw_model *model = library_open("model.onnx");
  prediction to = {.model = model};
  assert_true(exhaust(attempt_evaluate, &to, 2) > 50);
  tw_model_free(model);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(opening),
      cmocka_unit_test(predicting),
      cmocka_unit_test(a_new_model_each_time),
      cmocka_unit_test(training),
      cmocka_unit_test(training_with_a_cache),
      cmocka_unit_test(evaluating),
  };
  return cmocka_run_group_tests(tests, setup, teardown);
}
