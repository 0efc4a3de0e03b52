/* The floor `train`: the path of strengths, from parts to a finished top. */
#include <math.h>

#include "test_train_data.h"

typedef struct trained {
  tw_top *top;
  tw_path *path;
  tw_fit_report report;
} trained;

static void trained_free(trained *with) {
  tw_top_free(with->top);
  tw_path_free(with->path);
}

static tw_status try_train(const set *set, const uint8_t *parts, int threads, trained *ret, tw_error *error) {
  tw_fit_options options = tw_fit_defaults();
  options.threads = threads;
  *ret = (trained){0};
  return tw_top_train(&set->samples, parts, 7, &options, &ret->top, &ret->path, &ret->report, error);
}

static trained train(const set *set, const uint8_t *parts, int threads) {
  trained made;
  tw_error error;
  if (try_train(set, parts, threads, &made, &error) != TW_OK) {
    fail_msg("%s", error.message);
  }
  return made;
}

static uint8_t *draw(const set *set) {
  uint8_t *parts = set_memory(set->samples.count, 1);
  tw_parts_options options = tw_parts_defaults();
  assert_int_equal(tw_parts_draw(&set->samples, NULL, &options, NULL, parts, NULL), TW_OK);
  return parts;
}

/* Ascending, and the chosen one as train.h says. */
static void expect_sound(const tw_path *path) {
  assert_true(path->count > 0 && path->chosen < path->count);
  for (size_t i = 0; i < path->count; i++) {
    const tw_path_point *point = &path->points[i];
    assert_true(isfinite(point->log_loss) && point->log_loss >= 0);
    assert_true(point->accuracy >= 0 && point->accuracy <= 1 && point->strength > 0);
    assert_true(i == 0 || point->strength > path->points[i - 1].strength);
    double chosen = path->points[path->chosen].log_loss;
    assert_true(i < path->chosen ? point->log_loss >= chosen
                                 : point->log_loss >= chosen - 0.005 /* train.h: what is worth it */);
  }
}

static void folds_when_few_validation_when_many(void **state) {
  (void)state;
  set few = set_make(84, 6, 3); /* 71 training + validation */
  set many = set_make(300, 6, 3);
  uint8_t *few_parts = draw(&few);
  uint8_t *many_parts = draw(&many);
  trained by_folds = train(&few, few_parts, 2);
  trained by_validation = train(&many, many_parts, 2);
  assert_true(by_folds.path->by_folds);
  assert_false(by_validation.path->by_folds);
  expect_sound(by_folds.path);
  expect_sound(by_validation.path);
  for (size_t i = 0; i < 300; i++) {
    many_parts[i] = many_parts[i] == TW_PART_VALIDATION ? TW_PART_TRAINING : many_parts[i];
  }
  trained without_validation = train(&many, many_parts, 2);
  assert_true(without_validation.path->by_folds);
  trained_free(&by_folds);
  trained_free(&by_validation);
  trained_free(&without_validation);
  free(few_parts);
  free(many_parts);
  set_free(&few);
  set_free(&many);
}

static void the_best_strength_is_found(void **state) {
  (void)state;
  set set = set_make(400, 12, 4);
  uint8_t *parts = draw(&set);
  trained made = train(&set, parts, 2);
  const tw_path_point *chosen = &made.path->points[made.path->chosen];
  /* A finer grid, fitted by itself on the training part and scored on validation. */
  size_t training[400];
  size_t count = 0;
  for (size_t i = 0; i < 400; i++) {
    if (parts[i] == TW_PART_TRAINING) {
      training[count++] = i;
    }
  }
  double lowest = (double)INFINITY;
  for (int step = -24; step <= 24; step++) {
    tw_fit_options options = tw_fit_defaults();
    tw_top *top;
    assert_int_equal(tw_top_fit(&set.samples, training, count, pow(10, step / 8.0), NULL, &options, &top, NULL, NULL),
                     TW_OK);
    double loss = 0;
    size_t scored = 0;
    for (size_t i = 0; i < 400; i++) {
      float row[4];
      assert_int_equal(tw_top_apply(top, set.features + i * 12, 1, 1, row, NULL), TW_OK);
      loss -= parts[i] == TW_PART_VALIDATION ? log((double)row[set.labels[i]]) : 0;
      scored += parts[i] == TW_PART_VALIDATION;
    }
    lowest = fmin(lowest, loss / (double)scored);
    tw_top_free(top);
  }
  assert_true(chosen->log_loss < lowest + 0.002);
  trained_free(&made);
  free(parts);
  set_free(&set);
}

static void the_top_is_the_fit_of_training_and_validation(void **state) {
  (void)state;
  set set = set_make(300, 6, 3);
  uint8_t *parts = draw(&set);
  trained made = train(&set, parts, 2);
  size_t rows[300];
  size_t count = 0;
  for (size_t i = 0; i < 300; i++) {
    if (parts[i] == TW_PART_TRAINING || parts[i] == TW_PART_VALIDATION) {
      rows[count++] = i;
    }
  }
  double strength = made.path->points[made.path->chosen].strength;
  tw_fit_options options = tw_fit_defaults();
  options.proven = 0;
  tw_fit_report report;
  tw_top *top;
  assert_int_equal(tw_top_fit(&set.samples, rows, count, strength, NULL, &options, &top, &report, NULL), TW_OK);
  assert_true(made.report.converged);
  assert_true(fabs(made.report.objective - report.objective) < 1e-5 * report.objective);
  double objective = tw_top_objective(&set.samples, rows, count, strength, made.top);
  assert_true(fabs(objective - made.report.objective) < 1e-6 * report.objective);
  tw_top_free(top);
  trained_free(&made);
  free(parts);
  set_free(&set);
}

static void expect_same(const trained *a, const trained *b) {
  assert_true(same_tops(a->top, b->top));
  assert_int_equal(a->path->count, b->path->count);
  assert_int_equal(a->path->chosen, b->path->chosen);
  assert_memory_equal(a->path->points, b->path->points, a->path->count * sizeof *a->path->points);
  assert_memory_equal(&a->report.objective, &b->report.objective, sizeof(double));
}

static void expect_order_and_threads_have_no_say(size_t count, size_t dimensions, size_t classes) {
  set set = set_make(count, dimensions, classes);
  struct set other = set_shuffled(&set, 11);
  uint8_t *parts = draw(&set);
  uint8_t *other_parts = draw(&other);
  trained first = train(&set, parts, 1);
  static const int threads[] = {1, 2, 3, 8};
  for (size_t i = 0; i < 4; i++) {
    trained again = train(&set, parts, threads[i]);
    trained shuffled = train(&other, other_parts, threads[i]);
    expect_same(&first, &again);
    expect_same(&first, &shuffled);
    trained_free(&again);
    trained_free(&shuffled);
  }
  trained_free(&first);
  free(parts);
  free(other_parts);
  set_free(&other);
  set_free(&set);
}

static void order_and_threads_have_no_say(void **state) {
  (void)state;
  expect_order_and_threads_have_no_say(400, 300, 40); /* by folds */
  expect_order_and_threads_have_no_say(1301, 200, 3); /* by validation */
}

static void test_and_left_out_samples_have_no_say(void **state) {
  (void)state;
  set set = set_make(301, 6, 3);
  uint8_t *parts = draw(&set);
  trained first = train(&set, parts, 2);
  size_t changed = 0;
  for (size_t i = 0; i < 301; i++) {
    if (parts[i] == TW_PART_TEST) {
      static const tw_part others[] = {TW_PART_DUPLICATE, TW_PART_CONFLICT, TW_PART_LEAKED, TW_PART_TEST};
      parts[i] = (uint8_t)others[changed++ % 4];
      set.features[i * 6] = (float)NAN;
    }
  }
  assert_true(changed > 4);
  trained again = train(&set, parts, 2);
  expect_same(&first, &again);
  trained_free(&first);
  trained_free(&again);
  free(parts);
  set_free(&set);
}

/* ---- Odd input --------------------------------------------------------------------------------------------------- */

static void noise_is_left_to_the_prior(void **state) {
  (void)state;
  set set = set_make(600, 20, 2);
  tw_random random;
  tw_random_init(&random, 5);
  for (size_t i = 0; i < 600; i++) {
    set.labels[i] = (uint32_t)tw_random_below(&random, 2);
    for (size_t j = 0; j < 20; j++) {
      set.features[i * 20 + j] = (float)tw_random_unit(&random);
    }
  }
  uint8_t *parts = draw(&set);
  trained made = train(&set, parts, 2);
  expect_sound(made.path);
  assert_true(made.path->points[made.path->chosen].log_loss < 0.70);
  assert_true(made.path->points[made.path->chosen].strength < 0.1);
  trained_free(&made);
  free(parts);
  set_free(&set);
}

static void separable_classes_end(void **state) {
  (void)state;
  set set = set_make(300, 4, 2);
  for (size_t i = 0; i < 300; i++) {
    set.features[i * 4] += set.labels[i] == 0 ? 10.0f : -10.0f;
  }
  uint8_t *parts = draw(&set);
  trained made = train(&set, parts, 2);
  expect_sound(made.path);
  assert_true(made.path->points[made.path->chosen].log_loss < 0.01);
  assert_true(made.path->points[made.path->chosen].accuracy == 1);
  trained_free(&made);
  free(parts);
  set_free(&set);
}

static void expect_trains(size_t count, size_t dimensions, size_t classes) {
  set set = set_make(count, dimensions, classes);
  uint8_t *parts = set_memory(count, 1);
  trained made = train(&set, parts, 2);
  expect_sound(made.path);
  assert_true(made.path->by_folds);
  trained_free(&made);
  free(parts);
  set_free(&set);
}

static void odd_shapes_are_trained(void **state) {
  (void)state;
  expect_trains(2, 1, 2); /* each fold knows one class only */
  expect_trains(3, 5, 3);
  expect_trains(4, 2, 2);
  expect_trains(7, 300, 7);
  expect_trains(20, 1, 10);
  expect_trains(1500, 3, 700);
}

static void a_validation_part_may_lack_classes(void **state) {
  (void)state;
  set set = set_make(300, 6, 3);
  uint8_t parts[300] = {0};
  for (size_t i = 0; i < 300; i++) {
    parts[i] = set.labels[i] == 1 && i < 150 ? TW_PART_VALIDATION : TW_PART_TRAINING;
  }
  trained made = train(&set, parts, 2);
  expect_sound(made.path);
  trained_free(&made);
  for (size_t i = 0; i < 300; i++) { /* and hold one that training has not: its loss is the clipped one */
    parts[i] = set.labels[i] == 1 || i % 7 == 0 ? TW_PART_VALIDATION : TW_PART_TRAINING;
  }
  made = train(&set, parts, 2);
  expect_sound(made.path);
  assert_true(made.path->points[made.path->chosen].log_loss > 10);
  trained_free(&made);
  set_free(&set);
}

static void rows_all_the_same_are_trained(void **state) {
  (void)state;
  set set = set_make(120, 3, 3);
  memset(set.features, 0, 360 * sizeof *set.features);
  uint8_t *parts = draw(&set);
  trained made = train(&set, parts, 2);
  expect_sound(made.path);
  trained_free(&made);
  free(parts);
  set_free(&set);
}

static void extremes_are_trained(void **state) {
  (void)state;
  static const float scales[] = {1e30f, 1e-42f};
  for (size_t s = 0; s < 2; s++) {
    set set = set_make(120, 3, 3);
    for (size_t i = 0; i < 360; i++) {
      set.features[i] *= scales[s];
    }
    uint8_t *parts = draw(&set);
    trained made = train(&set, parts, 2);
    expect_sound(made.path);
    trained_free(&made);
    free(parts);
    set_free(&set);
  }
}

static void bad_input_is_named(void **state) {
  (void)state;
  set set = set_make(120, 3, 3);
  uint8_t parts[120] = {0};
  trained made;
  tw_error error;
  set.features[17 * 3] = (float)NAN;
  assert_int_equal(try_train(&set, parts, 1, &made, &error), TW_E_DATA);
  assert_non_null(strstr(error.message, "row 17"));
  set.features[17 * 3] = 0;
  set.contents[4] = set.contents[7];
  set.labels[4] = set.labels[7];
  assert_int_equal(try_train(&set, parts, 1, &made, &error), TW_E_ARGUMENT);
  assert_non_null(strstr(error.message, "twice"));
  memset(set.labels, 0, sizeof *set.labels * 120);
  assert_int_equal(try_train(&set, parts, 1, &made, &error), TW_E_DATA);
  memset(parts, TW_PART_TEST, sizeof parts);
  assert_int_equal(try_train(&set, parts, 1, &made, &error), TW_E_DATA);
  assert_null(made.top);
  assert_null(made.path);
  set_free(&set);
}

typedef struct listener {
  size_t calls;
  size_t last_done;
  size_t stop_at;
} listener;

static bool listen(void *context, const tw_progress *progress) {
  listener *listener = context;
  listener->calls++;
  listener->last_done = progress->done;
  assert_true(progress->total == 0 || progress->done <= progress->total);
  return listener->calls != listener->stop_at;
}

static void a_callback_hears_and_cancels(void **state) {
  (void)state;
  set set = set_make(120, 3, 3);
  uint8_t parts[120] = {0};
  for (size_t stop_at = 0; stop_at <= 2; stop_at++) {
    listener heard = {.stop_at = stop_at};
    tw_ticker ticker = {.callback = listen, .context = &heard};
    tw_fit_options options = tw_fit_defaults();
    options.ticker = &ticker;
    trained made = {0};
    tw_error error;
    tw_status status = tw_top_train(&set.samples, parts, 0, &options, &made.top, &made.path, NULL, &error);
    assert_int_equal(status, stop_at == 0 ? TW_OK : TW_E_CANCELLED);
    assert_true(stop_at != 0 || heard.calls >= 2); /* the ends of both stages */
    assert_true((made.top == NULL) == (stop_at != 0));
    trained_free(&made);
  }
  set_free(&set);
}

static void every_allocation_may_fail(void **state) {
  (void)state;
  set set = set_make(12, 2, 2);
  uint8_t parts[12] = {0};
  size_t failures = 0;
  for (tw_status status = TW_E_MEMORY; status != TW_OK; failures++) {
    trained made;
    tw_error error;
    tw_memory_fail_after(failures + 1);
    status = try_train(&set, parts, 1, &made, &error);
    tw_memory_fail_after(0);
    assert_true(status == TW_OK || status == TW_E_MEMORY);
    trained_free(&made);
  }
  assert_true(failures > 50);
  set_free(&set);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(folds_when_few_validation_when_many),
      cmocka_unit_test(the_best_strength_is_found),
      cmocka_unit_test(the_top_is_the_fit_of_training_and_validation),
      cmocka_unit_test(order_and_threads_have_no_say),
      cmocka_unit_test(test_and_left_out_samples_have_no_say),
      cmocka_unit_test(noise_is_left_to_the_prior),
      cmocka_unit_test(separable_classes_end),
      cmocka_unit_test(odd_shapes_are_trained),
      cmocka_unit_test(a_validation_part_may_lack_classes),
      cmocka_unit_test(rows_all_the_same_are_trained),
      cmocka_unit_test(extremes_are_trained),
      cmocka_unit_test(bad_input_is_named),
      cmocka_unit_test(a_callback_hears_and_cancels),
      cmocka_unit_test(every_allocation_may_fail),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
