/* The model file: what is written is read back, and what is damaged is refused. */
#include <math.h>
#include <string.h>

#include "model/model.h"
#include "support.h"

enum { K = 3, D = 5 };

static tw_hash hash_number(uint8_t number) {
  return tw_hash_of(&number, 1);
}

static int by_content(const void *a, const void *b) {
  return tw_hash_compare(a, b);
}

/* A model that takes features, filled by formula. */
static tw_model *make_model(void) {
  static const char *const names[K] = {"a, b", "line\nbreak", "\xc3\xbc"};
  tw_top *top = tw_top_create(K, D);
  for (size_t i = 0; i < K * D; i++) {
    top->weights[i] = (float)i / 7 - 1;
  }
  for (size_t i = 0; i < K; i++) {
    top->intercepts[i] = (float)i - 0.5f;
  }
  tw_model_record record = {.class_count = K,
                            .classes = tw_alloc(K, sizeof(char *)),
                            .seed = 9,
                            .validation_share = (double)NAN,
                            .test_share = 0.16,
                            .strength = 0.1,
                            .by_folds = true,
                            .objective = 12.5,
                            .test_count = 10,
                            .test_correct = 9,
                            .test_log_loss = 0.25,
                            .baseline = 0.5};
  for (size_t i = 0; i < K; i++) {
    record.classes[i] = tw_strdup(names[i]);
  }
  record.train_per_class = 15;
  record.repeats = 2;
  record.repeat_accuracies = tw_alloc(2, sizeof(double));
  record.repeat_class_accuracies = tw_alloc(2, sizeof(double));
  record.repeat_accuracies[0] = 0.5;
  record.repeat_accuracies[1] = (double)NAN;
  record.repeat_class_accuracies[0] = 0.25;
  record.repeat_class_accuracies[1] = 0.75;
  static const tw_path_point points[3] = {{0.01, 0.5, 0.75, 10}, {0.1, 0.25, 0.875, 11}, {1, 0.375, (double)NAN, 12}};
  record.path = (tw_path){.count = 3, .points = tw_alloc(3, sizeof *points), .chosen = 1, .by_folds = true};
  memcpy(record.path.points, points, sizeof points);
  for (size_t part = 0; part < 3; part++) {
    record.content_counts[part] = part + 1;
    record.contents[part] = tw_alloc(part + 1, sizeof(tw_hash));
    for (size_t i = 0; i <= part; i++) {
      record.contents[part][i] = hash_number((uint8_t)(10 * part + i));
    }
    qsort(record.contents[part], part + 1, sizeof(tw_hash), by_content);
  }
  tw_model *model;
  tw_error error;
  assert_int_equal(tw_model_create(NULL, top, &record, &model, &error), TW_OK);
  return model;
}

static tw_model *make_recipe_model(void) {
  static const tw_epoch epochs[3] = {{0.01, 1.25, 0.5, 1.5, 0.4, 3.5},
                                     {0.009, 1, 0.6, 1.125, 0.7, 4.5},
                                     {0.008, 0.5, 0.9, (double)NAN, (double)NAN, 0.5}};
  tw_model *model = make_model();
  tw_history history = {
      .options = tw_recipe_defaults(), .count = 3, .epochs = (tw_epoch *)epochs, .best = 1, .stopped_early = true};
  history.options.solver = TW_SOLVER_MOMENTUM;
  history.options.epochs = 20;
  history.options.batch = 7;
  history.options.momentum = 0.75;
  history.options.patience = 4;
  history.options.threads = 3;
  model->record.history = tw_history_copy(&history);
  model->record.exact_objective = 11.5;
  return model;
}

static void a_model_reads_back(void **state) {
  (void)state;
  tw_model *model = make_model();
  tw_buffer file = {0};
  tw_error error = {0};
  assert_int_equal(tw_model_write(model, &file, &error), TW_OK);
  tw_model *read;
  tw_status status = tw_model_open_bytes(tw_buffer_bytes(&file), &read, &error);
  assert_string_equal(status == TW_OK ? "" : error.message, "");
  assert_null(read->trunk);
  assert_int_equal(read->record.class_count, K);
  for (size_t i = 0; i < K; i++) {
    assert_string_equal(read->record.classes[i], model->record.classes[i]);
    assert_int_equal(tw_model_class(read, model->record.classes[i]), i);
  }
  assert_int_equal(tw_model_class(read, "nobody"), SIZE_MAX);
  assert_memory_equal(read->top->weights, model->top->weights, K * D * sizeof(float));
  assert_memory_equal(read->top->intercepts, model->top->intercepts, K * sizeof(float));
  assert_int_equal(read->record.seed, 9);
  assert_true(isnan(read->record.validation_share));
  assert_true(read->record.test_share == 0.16);
  assert_true(read->record.strength == 0.1);
  assert_true(read->record.by_folds);
  assert_int_equal(read->record.path.count, 3);
  assert_int_equal(read->record.path.chosen, 1);
  assert_true(read->record.path.by_folds);
  assert_true(read->record.path.points[0].strength == 0.01);
  assert_true(read->record.path.points[1].log_loss == 0.25);
  assert_true(isnan(read->record.path.points[2].accuracy));
  assert_int_equal(read->record.path.points[2].iterations, 12);
  assert_int_equal(read->record.train_per_class, 15);
  assert_int_equal(read->record.repeats, 2);
  assert_true(read->record.repeat_accuracies[0] == 0.5 && isnan(read->record.repeat_accuracies[1]));
  assert_true(read->record.repeat_class_accuracies[0] == 0.25 && read->record.repeat_class_accuracies[1] == 0.75);
  assert_int_equal(read->record.test_correct, 9);
  for (uint8_t part = 0; part < 3; part++) {
    tw_hash content = hash_number((uint8_t)(10 * part));
    assert_int_equal(tw_model_part_of(read, &content), part);
  }
  tw_hash other = hash_number(99);
  assert_int_equal(tw_model_part_of(read, &other), TW_PART_UNSET);
  float probabilities[K];
  assert_int_equal(tw_model_predict_one(read, &(tw_source){.file = tw_bytes_of("x")}, 1, probabilities, &error),
                   TW_E_ARGUMENT);
  tw_buffer again = {0};
  assert_int_equal(tw_model_write(read, &again, &error), TW_OK);
  assert_int_equal(again.size, file.size);
  assert_memory_equal(again.data, file.data, file.size);
  tw_buffer_done(&again);
  tw_buffer_done(&file);
  tw_model_free(read);
  tw_model_free(model);
}

static void damage_is_refused(void **state) {
  (void)state;
  tw_model *model = make_model();
  tw_buffer file = {0};
  tw_error error;
  tw_model *read;
  assert_int_equal(tw_model_write(model, &file, &error), TW_OK);
  for (size_t size = 0; size < file.size; size++) {
    uint8_t *cut = malloc(size + 1); /* its own block, so that a read past its end is seen */
    memcpy(cut, file.data, size);
    assert_int_not_equal(tw_model_open_bytes((tw_bytes){cut, size}, &read, &error), TW_OK);
    free(cut);
  }
  for (size_t at = 0; at < file.size; at++) {
    file.data[at] ^= 0x11;
    assert_int_not_equal(tw_model_open_bytes(tw_buffer_bytes(&file), &read, &error), TW_OK);
    file.data[at] ^= 0x11;
  }
  assert_int_equal(tw_model_open_bytes(tw_buffer_bytes(&file), &read, &error), TW_OK);
  tw_model_free(read);
  tw_buffer_done(&file);
  tw_model_free(model);
}

static void memory_that_runs_out_is_an_error(void **state) {
  (void)state;
  tw_model *model = make_recipe_model();
  tw_buffer file = {0};
  tw_error error;
  assert_int_equal(tw_model_write(model, &file, &error), TW_OK);
  bool done = false;
  for (size_t n = 1; !done; n++) {
    tw_model *read = NULL;
    tw_memory_fail_after(n);
    tw_status status = tw_model_open_bytes(tw_buffer_bytes(&file), &read, &error);
    tw_memory_fail_after(0);
    assert_true(status == TW_OK || status == TW_E_MEMORY);
    done = status == TW_OK;
    tw_model_free(read);
  }
  done = false;
  for (size_t n = 1; !done; n++) {
    tw_buffer again = {0};
    tw_memory_fail_after(n);
    tw_status status = tw_model_write(model, &again, &error);
    tw_memory_fail_after(0);
    assert_true(status == TW_OK || status == TW_E_MEMORY);
    done = status == TW_OK;
    tw_buffer_done(&again);
  }
  tw_buffer_done(&file);
  tw_model_free(model);
}

static void largest_come_first(void **state) {
  (void)state;
  static const float values[6] = {0.1f, 0.3f, 0.3f, 0.05f, 0.2f, 0.05f};
  size_t order[6];
  tw_largest(values, 6, 6, order);
  static const size_t expected[6] = {1, 2, 4, 0, 3, 5};
  assert_memory_equal(order, expected, sizeof expected);
  tw_largest(values, 6, 2, order);
  assert_memory_equal(order, expected, 2 * sizeof *expected);
}

/* Models written before the path was kept, and paths that do not fit the model. */
static void a_model_without_its_path_reads(void **state) {
  (void)state;
  for (int kind = 0; kind < 3; kind++) {
    tw_model *model = make_model();
    if (kind == 0) {
      model->record.path.count = 0;
    } else if (kind == 1) {
      model->record.path.points[1].strength = 0.2;
    } else {
      model->record.path.points[0].strength = 0.5;
    }
    tw_buffer file = {0};
    assert_int_equal(tw_model_write(model, &file, NULL), TW_OK);
    tw_model *read;
    assert_int_equal(tw_model_open_bytes(tw_buffer_bytes(&file), &read, NULL), TW_OK);
    assert_int_equal(read->record.path.count, 0);
    assert_null(read->record.path.points);
    tw_model_free(read);
    tw_model_free(model);
    tw_buffer_done(&file);
  }
}

/* ---- The recipe -------------------------------------------------------------------------------------------------- */

static void the_recipe_reads_back_without_times(void **state) {
  (void)state;
  tw_model *model = make_recipe_model();
  tw_buffer file = {0};
  tw_buffer again = {0};
  assert_int_equal(tw_model_write(model, &file, NULL), TW_OK);
  model->record.history->options.threads = 1;
  model->record.history->epochs[0].seconds = 99;
  assert_int_equal(tw_model_write(model, &again, NULL), TW_OK);
  assert_true(tw_bytes_equal(tw_buffer_bytes(&file), tw_buffer_bytes(&again)));
  tw_model *read;
  assert_int_equal(tw_model_open_bytes(tw_buffer_bytes(&file), &read, NULL), TW_OK);
  const tw_history *history = read->record.history;
  assert_non_null(history);
  assert_int_equal(history->count, 3);
  assert_int_equal(history->best, 1);
  assert_true(history->stopped_early);
  assert_int_equal(history->options.solver, TW_SOLVER_MOMENTUM);
  assert_int_equal(history->options.epochs, 20);
  assert_int_equal(history->options.batch, 7);
  assert_int_equal(history->options.decay_steps, 500);
  assert_int_equal(history->options.patience, 4);
  assert_int_equal(history->options.seed, 9);
  assert_true(history->options.momentum == 0.75 && history->options.rate == 0.01 && history->options.decay == 0.9);
  assert_true(history->epochs[1].validation_loss == 1.125 && history->epochs[1].training_accuracy == 0.6);
  assert_true(history->epochs[2].rate == 0.008 && isnan(history->epochs[2].validation_loss));
  assert_true(history->epochs[0].seconds == 0);
  assert_true(read->record.exact_objective == 11.5);
  tw_model_free(read);
  tw_model_free(model);
  tw_buffer_done(&file);
  tw_buffer_done(&again);
}

/* Written as it is, but with a check sum that fits: only reading can find it. */
static void expect_refused_recipe(tw_model *model) {
  tw_buffer file = {0};
  tw_error error = {0};
  tw_model *read;
  assert_int_equal(tw_model_write(model, &file, NULL), TW_OK);
  assert_int_equal(tw_model_open_bytes(tw_buffer_bytes(&file), &read, &error), TW_E_FORMAT);
  assert_string_equal(error.message, "metadata 'topwork.training': its recipe makes no sense");
  tw_buffer_done(&file);
  tw_model_free(model);
}

static void a_recipe_that_makes_no_sense_is_refused(void **state) {
  (void)state;
  tw_model *model = make_recipe_model();
  model->record.history->best = 3;
  expect_refused_recipe(model);
  model = make_recipe_model();
  model->record.history->count = 0;
  expect_refused_recipe(model);
  model = make_recipe_model();
  model->record.history->options.epochs = 2;
  expect_refused_recipe(model);
  model = make_recipe_model();
  model->record.history->options.epochs = TW_RECIPE_MAX_EPOCHS + 1;
  expect_refused_recipe(model);
  model = make_recipe_model();
  model->record.history->options.solver = TW_SOLVER_EXACT;
  expect_refused_recipe(model);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(a_model_reads_back),
      cmocka_unit_test(a_model_without_its_path_reads),
      cmocka_unit_test(damage_is_refused),
      cmocka_unit_test(memory_that_runs_out_is_an_error),
      cmocka_unit_test(largest_come_first),
      cmocka_unit_test(the_recipe_reads_back_without_times),
      cmocka_unit_test(a_recipe_that_makes_no_sense_is_refused),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
