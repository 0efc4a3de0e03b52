/* The public library: training and testing on folders, with all options, callbacks and misuses. */
#include <dirent.h>
#include <math.h>

#include "test_library.h"

enum { K = LIBRARY_CLASSES, ALL = LIBRARY_CLASSES * LIBRARY_PICTURES };

/* How many entries a folder of the tree has. */
static size_t entries(const char *relative) {
  size_t count = 0;
  DIR *folder = opendir(tree_path(relative));
  assert_non_null(folder);
  for (const struct dirent *entry; (entry = readdir(folder)) != NULL;) {
    count += entry->d_name[0] != '.' || strlen(entry->d_name) > 2;
  }
  closedir(folder);
  return count;
}

static void same_files(const char *a, const char *b) {
  tw_buffer left = library_read(a);
  tw_buffer right = library_read(b);
  assert_int_equal(left.size, right.size);
  assert_memory_equal(left.data, right.data, left.size);
  tw_buffer_done(&left);
  tw_buffer_done(&right);
}

/* ---- Callbacks --------------------------------------------------------------------------------------------------- */

typedef struct watcher {
  size_t calls;
  size_t stop_at; /* the call that says stop; 0: none */
  tw_progress last_features;
  bool other_stage;
  size_t notes;
} watcher;

static bool watch(void *context, const tw_progress *progress) {
  watcher *watcher = context;
  assert_non_null(progress->stage);
  assert_true(progress->total == 0 || progress->done <= progress->total);
  assert_true(progress->cached <= progress->done);
  if (strcmp(progress->stage, "features") == 0) {
    watcher->last_features = *progress;
  } else {
    watcher->other_stage = true;
  }
  return ++watcher->calls != watcher->stop_at;
}

static void note(void *context, const char *line) {
  watcher *watcher = context;
  assert_null(strchr(line, '\n'));
  watcher->notes++;
}

static void progress_is_told_to_the_end(void **state) {
  (void)state;
  tw_error error = {0};
  watcher watcher = {0};
  tw_train_options options = library_options();
  options.progress = watch;
  options.note = note;
  options.context = &watcher;
  library_ok(tw_train(tree_path("data"), tree_path("told.onnx"), &options, NULL, &error), &error);
  assert_int_equal(watcher.last_features.done, ALL);
  assert_int_equal(watcher.last_features.total, ALL);
  assert_int_equal(watcher.last_features.cached, 0);
  assert_int_equal(watcher.notes, 0); /* there is nothing worth knowing */
  same_files("told.onnx", "model.onnx");

  options.no_cache = false; /* a cache that cannot be: the run goes on, and says so */
  char cache[LIBRARY_PATH];
  options.cache = library_path("data/a/0.png", cache);
  library_ok(tw_train(tree_path("data"), tree_path("told.onnx"), &options, NULL, &error), &error);
  assert_int_equal(watcher.notes, 1);
  same_files("told.onnx", "model.onnx");
}

static void a_cancelled_training_leaves_nothing(void **state) {
  (void)state;
  tw_error error = {0};
  tree_folder("out");
  for (size_t stop = 1;; stop++) {
    watcher watcher = {.stop_at = stop};
    tw_train_options options = library_options();
    options.progress = watch;
    options.context = &watcher;
    options.report = true;
    tw_test_result result = {.count = 77};
    tw_status status = tw_train(tree_path("data"), tree_path("out/model.onnx"), &options, &result, &error);
    if (status == TW_OK) {
      assert_true(stop > 1 && watcher.calls < stop);
      break;
    }
    library_fails(status, TW_E_CANCELLED, &error, "");
    assert_int_equal(watcher.calls, stop);
    assert_int_equal(result.count, 77);
    assert_int_equal(entries("out"), 0);
  }
  assert_int_equal(entries("out"), 2); /* model and report */
  same_files("out/model.onnx", "model.onnx");
}

static void what_was_computed_before_a_cancel_stays(void **state) {
  (void)state;
  tw_error error = {0};
  watcher watcher = {.stop_at = 1}; /* small pictures: the first call comes when all features are there */
  tw_train_options options = library_options();
  char cache[LIBRARY_PATH];
  options.no_cache = false;
  options.cache = library_path("cache", cache);
  options.progress = watch;
  options.context = &watcher;
  library_fails(tw_train(tree_path("data"), tree_path("late.onnx"), &options, NULL, &error), TW_E_CANCELLED, &error,
                "");
  size_t done = watcher.last_features.done;
  watcher.stop_at = 0;
  library_ok(tw_train(tree_path("data"), tree_path("late.onnx"), &options, NULL, &error), &error);
  assert_true(watcher.last_features.cached >= done);
  same_files("late.onnx", "model.onnx");
}

/* ---- Options ----------------------------------------------------------------------------------------------------- */

static void options_do_what_they_say(void **state) {
  (void)state;
  tw_error error = {0};
  tw_test_result result;
  tw_train_options options = library_options();
  options.folds = 3;
  options.report = true;
  library_ok(tw_train(tree_path("data"), tree_path("folds.onnx"), &options, &result, &error), &error);
  assert_int_equal(result.count, ALL);
  assert_int_equal(access(tree_path("folds.report/metrics.json"), R_OK), 0);

  options = library_options();
  options.threads = 1;
  library_ok(tw_train(tree_path("data"), tree_path("one.onnx"), &options, &result, &error), &error);
  same_files("one.onnx", "model.onnx");
  assert_int_equal(access(tree_path("one.report"), F_OK), -1);
  assert_int_equal(result.pictures, ALL);

  options.seed = INT64_MAX;
  options.validation = 0.5;
  options.test = 0.25;
  library_ok(tw_train(tree_path("data"), tree_path("seed.onnx"), &options, &result, &error), &error);
  assert_int_equal(result.count, ALL / 4);

  options = library_options();
  options.cut = "relu";
  library_ok(tw_train(tree_path("data"), tree_path("cut.onnx"), &options, NULL, NULL), &error);
  options.cut = "no-such-node";
  library_fails(tw_train(tree_path("data"), tree_path("cut.onnx"), &options, NULL, &error), TW_E_ARGUMENT, &error,
                "no-such-node");
}

/* Calibrated on the folder, kept beside the cache, held by the model: whoever opens it has the same answers. */
static void int8_is_trained_and_predicted_in(void **state) {
  (void)state;
  tw_error error = {0};
  watcher watcher = {0};
  tw_train_options options = library_options();
  options.precision = "int8";
  options.note = note;
  options.context = &watcher;
  library_ok(tw_train(tree_path("data"), tree_path("int8.onnx"), &options, NULL, &error), &error);
  assert_int_equal(watcher.notes, 1);
  options.threads = 1;
  library_ok(tw_train(tree_path("data"), tree_path("again.onnx"), &options, NULL, &error), &error);
  same_files("int8.onnx", "again.onnx");

  char cache[LIBRARY_PATH];
  char folder[LIBRARY_PATH];
  options.no_cache = false;
  options.cache = library_path("kept", cache);
  options.recalibrate = true;
  library_ok(tw_train(tree_path("data"), tree_path("again.onnx"), &options, NULL, &error), &error);
  same_files("int8.onnx", "again.onnx");
  assert_int_equal(access(library_path("kept/calibrations", folder), R_OK), 0);

  tw_model *models[2];
  float answers[2][LIBRARY_CLASSES];
  for (size_t i = 0; i < 2; i++) {
    library_ok(tw_model_open(tree_path(i == 0 ? "int8.onnx" : "model.onnx"), &models[i], &error), &error);
    assert_string_equal(tw_model_precision(models[i]), i == 0 ? "int8" : "f32");
    library_ok(tw_model_predict_file(models[i], tree_path("data/a/0.png"), LIBRARY_CLASSES, answers[i], &error),
               &error);
  }
  assert_int_not_equal(memcmp(answers[0], answers[1], sizeof answers[0]), 0);
  for (size_t i = 0; i < LIBRARY_CLASSES; i++) {
    assert_true(answers[0][i] - answers[1][i] < 0.2F && answers[1][i] - answers[0][i] < 0.2F);
  }
  tw_model_free(models[0]);
  tw_model_free(models[1]);

  options.precision = "auto";
  library_ok(tw_train(tree_path("data"), tree_path("again.onnx"), &options, NULL, &error), &error);
  same_files("int8.onnx", "again.onnx");
  options.precision = "f32";
  library_ok(tw_train(tree_path("data"), tree_path("again.onnx"), &options, NULL, &error), &error);
  same_files("model.onnx", "again.onnx");
}

static void options_out_of_range_are_errors(void **state) {
  (void)state;
  tw_error error = {0};
  tw_test_result result = {.count = 77};
#define REFUSED_WITH(setting, words)                                                                              \
  do {                                                                                                            \
    tw_train_options options = library_options();                                                                 \
    options.setting;                                                                                              \
    library_fails(tw_train(tree_path("data"), tree_path("never.onnx"), &options, &result, &error), TW_E_ARGUMENT, \
                  &error, words);                                                                                 \
  } while (0)
  REFUSED_WITH(validation = -0.1, "validation");
  REFUSED_WITH(validation = (double)NAN, "validation");
  REFUSED_WITH(test = -1, "test");
  REFUSED_WITH(test = (double)INFINITY, "test");
  REFUSED_WITH(test = 0.8, "below 1");
  REFUSED_WITH(folds = 1, "folds");
  REFUSED_WITH(folds = 101, "folds");
  REFUSED_WITH(folds = SIZE_MAX, "folds");
  REFUSED_WITH(seed = (uint64_t)1 << 63, "seed");
  REFUSED_WITH(threads = -1, "threads");
  REFUSED_WITH(threads = TW_MAX_THREADS + 1, "threads");
  REFUSED_WITH(reserved[0] = &error, "tw_train_options_init");
  REFUSED_WITH(reserved[17] = &error, "tw_train_options_init");
  REFUSED_WITH(trunk = "no-such-trunk", "no-such-trunk");
  REFUSED_WITH(precision = "f16", "precision is 'f16'; it must be f32, bf16, int8 or auto");
  REFUSED_WITH(precision = "", "precision");
  char data[LIBRARY_PATH];
  library_path("data", data);
  library_fails(tw_train(NULL, tree_path("never.onnx"), NULL, &result, &error), TW_E_ARGUMENT, &error, "folder");
  library_fails(tw_train(data, NULL, NULL, &result, &error), TW_E_ARGUMENT, &error, "model_path");
  assert_int_equal(tw_train(NULL, NULL, NULL, NULL, NULL), TW_E_ARGUMENT);
  assert_int_equal(result.count, 77);
  assert_int_equal(access(tree_path("never.onnx"), F_OK), -1);
  tw_train_options_init(NULL);
  tw_evaluate_options_init(NULL);
}

static void folders_that_allow_no_training_are_errors(void **state) {
  (void)state;
  tw_error error = {0};
  tw_train_options options = library_options();
  char never[LIBRARY_PATH];
  library_path("never.onnx", never);
  library_fails(tw_train(tree_path("nowhere"), never, &options, NULL, &error), TW_E_IO, &error, "nowhere");
  library_fails(tw_train(tree_path("data/a"), never, &options, NULL, &error), TW_E_DATA, &error, "subfolder");
  library_picture("single/only/1.png", 90);
  library_picture("single/only/2.png", 91);
  library_fails(tw_train(tree_path("single"), never, &options, NULL, &error), TW_E_DATA, &error, "one class");
  library_fails(tw_train(tree_path("data"), tree_path("no/such/place.onnx"), &options, NULL, &error), TW_E_IO, &error,
                "no/such");
  assert_int_equal(access(tree_path("never.onnx"), F_OK), -1);
}

/* ---- Evaluation -------------------------------------------------------------------------------------------------- */

static tw_evaluate_options quiet_evaluation(void) {
  tw_evaluate_options options;
  tw_evaluate_options_init(&options);
  options.no_cache = true;
  return options;
}

static void an_evaluation_counts_what_is_fresh(void **state) {
  (void)state;
  tw_error error = {0};
  tw_test_result trained;
  tw_test_result result;
  tw_train_options training = library_options();
  library_ok(tw_train(tree_path("data"), tree_path("fresh.onnx"), &training, &trained, &error), &error);
  tw_model *model = library_open("fresh.onnx");
  tw_evaluate_options options = quiet_evaluation();
  library_ok(tw_model_evaluate(model, tree_path("data"), &options, &result, &error), &error);
  assert_int_equal(result.count, trained.count); /* the test part again */
  assert_int_equal(result.correct, trained.correct);
  assert_true(result.accuracy == trained.accuracy);
  assert_int_equal(result.used, ALL - trained.count);
  assert_true(result.used_correct <= result.used);
  assert_int_equal(result.pictures, ALL);
  assert_int_equal(result.unknown, 0);

  options.include_training = true;
  library_ok(tw_model_evaluate(model, tree_path("data"), &options, &result, &error), &error);
  assert_int_equal(result.count, ALL);

  library_picture("mixed/a/new.png", 700);
  library_picture("mixed/a/same.png", 700);
  library_picture("mixed/b/two.png", 701);
  library_picture("mixed/c/two.png", 701);
  library_picture("mixed/stranger/1.png", 702);
  tree_text("mixed/a/broken.png", "\x89PNG\r\n\x1a\n");
  watcher watcher = {0};
  options = quiet_evaluation();
  options.progress = watch;
  options.note = note;
  options.context = &watcher;
  options.threads = 2;
  library_ok(tw_model_evaluate(model, tree_path("mixed"), &options, &result, &error), &error);
  assert_int_equal(result.count, 1);
  assert_int_equal(result.duplicates, 1);
  assert_int_equal(result.conflicts, 2);
  assert_int_equal(result.unknown, 1);
  assert_int_equal(result.skipped, 1);
  assert_int_equal(result.used, 0);
  assert_int_equal(watcher.last_features.done, watcher.last_features.total);
  tw_model_free(model);
}

static void an_evaluation_without_a_test_is_an_error(void **state) {
  (void)state;
  tw_error error = {0};
  tw_test_result result = {.count = 77};
  tw_model *model = library_open("model.onnx");
  tw_evaluate_options options = quiet_evaluation();
  library_fails(tw_model_evaluate(NULL, tree_path("data"), &options, &result, &error), TW_E_ARGUMENT, &error, "model");
  library_fails(tw_model_evaluate(model, NULL, &options, &result, &error), TW_E_ARGUMENT, &error, "folder");
  library_fails(tw_model_evaluate(model, tree_path("data"), NULL, NULL, &error), TW_E_ARGUMENT, &error, "ret_result");
  library_fails(tw_model_evaluate(model, tree_path("none"), &options, &result, &error), TW_E_IO, &error, "none");
  library_picture("others/x/1.png", 800);
  library_picture("others/y/1.png", 801);
  library_fails(tw_model_evaluate(model, tree_path("others"), &options, &result, &error), TW_E_DATA, &error, "knows");

  options.threads = -1;
  library_fails(tw_model_evaluate(model, tree_path("data"), &options, &result, &error), TW_E_ARGUMENT, &error,
                "threads");
  options = quiet_evaluation();
  options.reserved[26] = &error;
  library_fails(tw_model_evaluate(model, tree_path("data"), &options, &result, &error), TW_E_ARGUMENT, &error,
                "tw_evaluate_options_init");
  options = quiet_evaluation();
  watcher watcher = {.stop_at = 1};
  options.progress = watch;
  options.context = &watcher;
  library_fails(tw_model_evaluate(model, tree_path("data"), &options, &result, &error), TW_E_CANCELLED, &error, "");

  tw_train_options training = library_options();
  training.test = 0;
  library_ok(tw_train(tree_path("data"), tree_path("all.onnx"), &training, NULL, &error), &error);
  tw_model *all = library_open("all.onnx");
  options = quiet_evaluation();
  library_fails(tw_model_evaluate(all, tree_path("data"), &options, &result, &error), TW_E_DATA, &error, "no test");
  assert_int_equal(result.count, 77);
  tw_model_free(all);
  tw_model_free(model);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(progress_is_told_to_the_end),
      cmocka_unit_test(a_cancelled_training_leaves_nothing),
      cmocka_unit_test(what_was_computed_before_a_cancel_stays),
      cmocka_unit_test(options_do_what_they_say),
      cmocka_unit_test(int8_is_trained_and_predicted_in),
      cmocka_unit_test(options_out_of_range_are_errors),
      cmocka_unit_test(folders_that_allow_no_training_are_errors),
      cmocka_unit_test(an_evaluation_counts_what_is_fresh),
      cmocka_unit_test(an_evaluation_without_a_test_is_an_error),
  };
  return cmocka_run_group_tests(tests, library_setup, tree_teardown);
}
