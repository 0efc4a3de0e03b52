/* The public library: many threads predict through one model, and all get the digits that one thread gets.
 *
 * TOPWORK_TEST_PICTURES says how many predictions they make in all; the run under the thread sanitizer makes more.
 */
#include <pthread.h>

#include "test_library.h"

enum { THREADS = 8, SOURCES = 24, CLASSES = 2, DEFAULT_PICTURES = 400 };

/* A picture as a file, as its bytes and as its pixels; thread t takes them in an order of its own. */
typedef struct source {
  char path[LIBRARY_PATH];
  tw_buffer file;
  tw_image pixels;
  float expected[CLASSES];
  float *features;
} source;

static source sources[SOURCES];
static tw_image_reader *readers[SOURCES]; /* they own the pixels */
static tw_model *model;
static size_t features;
static size_t pictures;

static void read_pixels(source *source, tw_image_reader **reader) {
  tw_preprocess preprocess;
  tw_error error;
  library_ok(tw_preprocess_parse(NET_PREPROCESS, &preprocess, &error), &error); /* decides nothing of a plain PNG */
  *reader = tw_image_reader_create();
  library_ok(tw_image_decode(*reader, tw_buffer_bytes(&source->file), &preprocess, &source->pixels, &error), &error);
}

/* The trunk that ships: sessions of many steps, memory of megabytes. */
static int setup(void **state) {
  if (tree_setup(state) != 0) {
    return -1;
  }
  const char *wanted = getenv("TOPWORK_TEST_PICTURES");
  double number;
  pictures = wanted != NULL && tw_number_parse(wanted, &number) ? (size_t)number : DEFAULT_PICTURES;
  char name[64];
  for (uint64_t i = 0; i < SOURCES; i++) {
    snprintf(name, sizeof name, "data/%c/%d.png", i % CLASSES == 0 ? 'a' : 'b', (int)i);
    library_picture(name, i);
    library_path(name, sources[i].path);
    sources[i].file = library_read(name);
    read_pixels(&sources[i], &readers[i]);
  }
  tw_train_options options;
  tw_error error;
  tw_train_options_init(&options);
  options.no_cache = true;
  library_ok(tw_train(tree_path("data"), tree_path("model.onnx"), &options, NULL, &error), &error);
  model = library_open("model.onnx");
  features = tw_model_feature_count(model);
  return 0;
}

static int teardown(void **state) {
  for (size_t i = 0; i < SOURCES; i++) {
    tw_buffer_done(&sources[i].file);
    tw_image_reader_free(readers[i]);
    tw_free(sources[i].features);
  }
  tw_model_free(model);
  return tree_teardown(state);
}

static tw_status predict(const source *source, size_t way, float *probabilities, tw_error *error) {
  switch (way % 3) {
    case 0: return tw_model_predict_file(model, source->path, CLASSES, probabilities, error);
    case 1: return tw_model_predict_memory(model, source->file.data, source->file.size, CLASSES, probabilities, error);
    default:
      return tw_model_predict_pixels(model, source->pixels.rgb, source->pixels.width, source->pixels.height,
                                     3 * source->pixels.width, CLASSES, probabilities, error);
  }
}

typedef struct worker {
  size_t first;
  size_t wrong;
  size_t refused;
  size_t turns;
} worker;

/* What cmocka may not be told by other threads is counted. */
static void *work(void *argument) {
  worker *worker = argument;
  for (size_t turn = 0; turn < worker->turns; turn++) {
    const source *source = &sources[(worker->first + 7 * turn) % SOURCES];
    float probabilities[CLASSES];
    tw_error error;
    tw_status status = predict(source, turn + worker->first, probabilities, &error);
    worker->wrong += status != TW_OK || memcmp(probabilities, source->expected, sizeof probabilities) != 0;
    status = tw_model_predict_features(model, source->features, features, CLASSES, probabilities, &error);
    worker->wrong += status != TW_OK || memcmp(probabilities, source->expected, sizeof probabilities) != 0;
    if (turn % 16 == 0) { /* a failure in one thread harms no other */
      status = tw_model_predict_memory(model, source->file.data, source->file.size / 2, CLASSES, probabilities, &error);
      worker->refused += status == TW_E_FORMAT && error.code == TW_E_FORMAT;
    }
  }
  return NULL;
}

static void run_workers(size_t turns) {
  pthread_t threads[THREADS];
  worker workers[THREADS] = {0};
  for (size_t i = 0; i < THREADS; i++) {
    workers[i] = (worker){.first = i, .turns = turns};
    assert_int_equal(pthread_create(&threads[i], NULL, work, &workers[i]), 0);
  }
  for (size_t i = 0; i < THREADS; i++) {
    pthread_join(threads[i], NULL);
    assert_int_equal(workers[i].wrong, 0);
    assert_int_equal(workers[i].refused, (turns + 15) / 16);
  }
}

static void many_threads_give_the_digits_of_one(void **state) {
  (void)state;
  tw_error error;
  for (size_t i = 0; i < SOURCES; i++) {
    sources[i].features = tw_alloc(features, sizeof(float));
    library_ok(tw_model_features_file(model, sources[i].path, features, sources[i].features, &error), &error);
    library_ok(predict(&sources[i], 0, sources[i].expected, &error), &error);
  }
  assert_memory_not_equal(sources[0].expected, sources[1].expected, sizeof sources[0].expected);
  tw_model_free(model); /* one that nobody has used: all threads want its plan at once */
  model = library_open("model.onnx");
  run_workers(pictures / THREADS);
}

typedef struct trainer {
  char path[LIBRARY_PATH];
  char cache[LIBRARY_PATH];
  tw_status status;
} trainer;

static void *train(void *argument) {
  trainer *trainer = argument;
  char data[LIBRARY_PATH];
  tw_train_options options;
  tw_train_options_init(&options);
  options.cache = trainer->cache;
  trainer->status = tw_train(library_path("data", data), trainer->path, &options, NULL, NULL);
  return NULL;
}

static void trainings_side_by_side_share_a_cache(void **state) {
  (void)state;
  enum { TRAINERS = 3 };
  pthread_t threads[TRAINERS];
  trainer trainers[TRAINERS];
  char name[32];
  for (int i = 0; i < TRAINERS; i++) {
    snprintf(name, sizeof name, "side%d.onnx", i);
    library_path(name, trainers[i].path);
    library_path("cache", trainers[i].cache);
    assert_int_equal(pthread_create(&threads[i], NULL, train, &trainers[i]), 0);
  }
  tw_buffer first = library_read("model.onnx");
  for (int i = 0; i < TRAINERS; i++) {
    pthread_join(threads[i], NULL);
    assert_int_equal(trainers[i].status, TW_OK);
    snprintf(name, sizeof name, "side%d.onnx", i);
    tw_buffer other = library_read(name);
    assert_int_equal(other.size, first.size);
    assert_memory_equal(other.data, first.data, first.size);
    tw_buffer_done(&other);
  }
  tw_buffer_done(&first);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(many_threads_give_the_digits_of_one),
      cmocka_unit_test(trainings_side_by_side_share_a_cache),
  };
  return cmocka_run_group_tests(tests, setup, teardown);
}
