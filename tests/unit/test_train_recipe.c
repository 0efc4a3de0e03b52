/* The floor `train`: a training by the recipe as a whole. Its steps and its checkpoints have tests of their own. */
#include <math.h>

#include "test_train_recipe.h"

static const tw_solver solvers[] = {TW_SOLVER_SGD, TW_SOLVER_MOMENTUM, TW_SOLVER_ADAM};
enum { SOLVERS = sizeof solvers / sizeof *solvers };

/* ---- The watch --------------------------------------------------------------------------------------------------- */

static void measure(const set *set, const uint8_t *parts, tw_part part, const tw_top *top, double *ret_loss,
                    double *ret_accuracy) {
  float probabilities[16];
  double loss = 0;
  double correct = 0;
  double count = 0;
  for (size_t i = 0; i < set->samples.count; i++) {
    if (parts[i] == part) {
      tw_top_apply(top, set->features + i * set->samples.dimensions, 1, 1, probabilities, NULL);
      loss -= log((double)probabilities[set->labels[i]]);
      correct += tw_top_best(probabilities, top->classes) == set->labels[i];
      count++;
    }
  }
  *ret_loss = loss / count;
  *ret_accuracy = correct / count;
}

static void the_history_says_what_the_top_does(void **state) {
  (void)state;
  set set = set_make(150, 9, 5);
  uint8_t *parts = recipe_parts(150, true);
  tw_recipe_options options = recipe_options(TW_SOLVER_ADAM, 30);
  tw_recipe *recipe = recipe_start(&set, parts, &options);
  const tw_history *history = tw_recipe_history(recipe);
  double lowest = INFINITY;
  for (size_t i = 0; i < 30; i++) {
    recipe_run(recipe, i + 1);
    const tw_epoch *epoch = &history->epochs[i];
    bool lower = epoch->validation_loss < lowest;
    lowest = lower ? epoch->validation_loss : lowest;
    assert_int_equal(history->best == i, lower);
    assert_true(epoch->seconds >= 0);
    if (lower) {
      double loss;
      double accuracy;
      measure(&set, parts, TW_PART_TRAINING, tw_recipe_best(recipe), &loss, &accuracy);
      assert_true(fabs(epoch->training_loss - loss) < 1e-6 && epoch->training_accuracy == accuracy);
      measure(&set, parts, TW_PART_VALIDATION, tw_recipe_best(recipe), &loss, &accuracy);
      assert_true(fabs(epoch->validation_loss - loss) < 1e-6 && epoch->validation_accuracy == accuracy);
    }
  }
  assert_true(tw_recipe_done(recipe));
  assert_false(history->stopped_early);
  tw_error error;
  assert_int_equal(tw_recipe_epoch(recipe, &error), TW_E_ARGUMENT);
  tw_recipe_free(recipe);
  free(parts);
  set_free(&set);
}

static void the_rate_falls_in_steps(void **state) {
  (void)state;
  set set = set_make(30, 3, 2);
  uint8_t *parts = recipe_parts(30, false);
  tw_recipe_options options = recipe_options(TW_SOLVER_SGD, 12); /* 2 steps an epoch */
  options.decay = 0.5;
  options.decay_steps = 5;
  tw_recipe *recipe = recipe_start(&set, parts, &options);
  recipe_run(recipe, 12);
  for (size_t i = 0; i < 12; i++) {
    assert_true(tw_recipe_history(recipe)->epochs[i].rate == 0.05 * pow(0.5, (double)((2 * i + 1) / 5)));
    assert_true(isnan(tw_recipe_history(recipe)->epochs[i].validation_loss));
    assert_true(isnan(tw_recipe_history(recipe)->epochs[i].validation_accuracy));
  }
  assert_int_equal(tw_recipe_history(recipe)->best, 11);
  tw_recipe_free(recipe);
  options.decay_steps = 0;
  recipe = recipe_start(&set, parts, &options);
  recipe_run(recipe, 12);
  assert_true(tw_recipe_history(recipe)->epochs[11].rate == 0.05);
  tw_recipe_free(recipe);
  free(parts);
  set_free(&set);
}

static void patience_ends_it(void **state) {
  (void)state;
  set set = set_make(100, 8, 3);
  for (size_t i = 0; i < 100; i += 2) {
    set.labels[i] = (uint32_t)(i / 2 % 3); /* labels that say nothing: what is learnt of them is wrong elsewhere */
  }
  uint8_t *parts = recipe_parts(100, true);
  tw_recipe_options options = recipe_options(TW_SOLVER_ADAM, 500);
  tw_recipe *without = recipe_start(&set, parts, &options);
  recipe_run(without, 500);
  size_t best = tw_recipe_history(without)->best;
  assert_true(best < 400);
  options.patience = 80;
  tw_recipe *with = recipe_start(&set, parts, &options);
  recipe_run(with, 500);
  assert_true(tw_recipe_history(with)->stopped_early);
  assert_int_equal(tw_recipe_history(with)->count, tw_recipe_history(with)->best + 81);
  assert_int_equal(tw_recipe_history(with)->best, best);
  assert_true(same_tops(tw_recipe_best(with), tw_recipe_best(without)));
  tw_recipe_free(with);
  tw_recipe_free(without);
  free(parts);
  set_free(&set);
}

/* ---- Sameness ---------------------------------------------------------------------------------------------------- */

static void threads_have_no_say(void **state) {
  (void)state;
  enum { N = 1300, D = 700, K = 23 }; /* large enough for threads in a batch and in the watch */
  set set = set_make(N, D, K);
  uint8_t *parts = recipe_parts(N, true);
  for (size_t i = 0; i < SOLVERS; i++) {
    tw_recipe_options options = recipe_options(solvers[i], 2);
    options.rate = 0.001;
    for (options.batch = 650; options.batch <= 800; options.batch += 150) {
      options.threads = 1;
      tw_recipe *one = recipe_start(&set, parts, &options);
      recipe_run(one, 2);
      options.threads = 4;
      tw_recipe *four = recipe_start(&set, parts, &options);
      recipe_run(four, 2);
      assert_true(same_tops(tw_recipe_best(one), tw_recipe_best(four)));
      assert_true(same_histories(tw_recipe_history(one), tw_recipe_history(four)));
      tw_recipe_free(one);
      tw_recipe_free(four);
    }
  }
  free(parts);
  set_free(&set);
}

static void order_and_copies_have_no_say(void **state) {
  (void)state;
  enum { N = 101 };
  set set = set_make(N, 6, 3);
  uint8_t *parts = recipe_parts(N, true);
  uint8_t moved[N];
  tw_recipe_options options = recipe_options(TW_SOLVER_MOMENTUM, 10);
  tw_recipe *expected = recipe_start(&set, parts, &options);
  recipe_run(expected, 10);
  for (size_t stride = 7; stride < 100; stride += 31) {
    struct set other = set_shuffled(&set, stride);
    for (size_t i = 0; i < N; i++) {
      moved[i] = parts[(i * stride + 3) % N];
    }
    tw_recipe *recipe = recipe_start(&other, moved, &options);
    recipe_run(recipe, 10);
    assert_true(same_tops(tw_recipe_best(recipe), tw_recipe_best(expected)));
    assert_true(same_histories(tw_recipe_history(recipe), tw_recipe_history(expected)));
    tw_recipe_free(recipe);
    set_free(&other);
  }
  struct set longer = set_make(N + 5, 6, 3);
  uint8_t with_copies[N + 5];
  memcpy(with_copies, parts, N);
  for (size_t i = 0; i < 5; i++) {
    longer.contents[N + i] = longer.contents[i];
    longer.features[(N + i) * 6] = NAN; /* never looked at */
    with_copies[N + i] = i < 3 ? TW_PART_DUPLICATE : TW_PART_CONFLICT;
  }
  tw_recipe *recipe = recipe_start(&longer, with_copies, &options);
  recipe_run(recipe, 10);
  assert_true(same_tops(tw_recipe_best(recipe), tw_recipe_best(expected)));
  tw_recipe_free(recipe);
  set_free(&longer);
  options.seed++;
  recipe = recipe_start(&set, parts, &options);
  recipe_run(recipe, 10);
  assert_false(same_tops(tw_recipe_best(recipe), tw_recipe_best(expected)));
  tw_recipe_free(recipe);
  tw_recipe_free(expected);
  free(parts);
  set_free(&set);
}

/* ---- What goes wrong --------------------------------------------------------------------------------------------- */

static void a_rate_too_high_is_said(void **state) {
  (void)state;
  set set = set_make(40, 4, 3);
  uint8_t *parts = recipe_parts(40, true);
  for (size_t i = 0; i < SOLVERS; i++) {
    tw_recipe_options options = recipe_options(solvers[i], 50);
    options.rate = 1e39; /* more than a float holds */
    options.decay_steps = 0;
    tw_recipe *recipe = recipe_start(&set, parts, &options);
    tw_error error = {0};
    tw_status status = TW_OK;
    while (status == TW_OK && !tw_recipe_done(recipe)) {
      status = tw_recipe_epoch(recipe, &error);
    }
    assert_int_equal(status, TW_E_DATA);
    assert_non_null(strstr(error.message, "the learning rate 1e+39 is too high"));
    tw_recipe_free(recipe);
  }
  free(parts);
  set_free(&set);
}

static void expect_refusal(const set *set, const uint8_t *parts, const tw_recipe_options *options, tw_status status,
                           const char *words) {
  tw_recipe *recipe = NULL;
  tw_error error = {0};
  assert_int_equal(tw_recipe_create(&set->samples, parts, options, &recipe, &error), status);
  assert_null(recipe);
  if (strstr(error.message, words) == NULL) {
    fail_msg("'%s' does not say '%s'", error.message, words);
  }
}

static void options_out_of_range_are_refused(void **state) {
  (void)state;
  set set = set_make(20, 3, 2);
  uint8_t *parts = recipe_parts(20, false);
  const tw_recipe_options good = recipe_options(TW_SOLVER_SGD, 5);
#define REFUSED(field, value, words)                             \
  do {                                                           \
    tw_recipe_options options = good;                            \
    options.field = value;                                       \
    expect_refusal(&set, parts, &options, TW_E_ARGUMENT, words); \
  } while (0)
  REFUSED(solver, TW_SOLVER_EXACT, "is no recipe");
  REFUSED(epochs, 0, "0 epochs: must be 1 to 100000");
  REFUSED(epochs, TW_RECIPE_MAX_EPOCHS + 1, "100001 epochs");
  REFUSED(batch, 0, "batches of 0");
  REFUSED(batch, TW_RECIPE_MAX_BATCH + 1, "batches of 1048577: must be 1 to 1048576");
  REFUSED(rate, 0, "learning rate 0");
  REFUSED(rate, -1, "learning rate -1");
  REFUSED(rate, (double)NAN, "learning rate");
  REFUSED(rate, (double)INFINITY, "learning rate inf");
  REFUSED(decay, 0, "decay 0");
  REFUSED(decay, 1.5, "decay 1.5");
  REFUSED(decay, (double)NAN, "decay");
  REFUSED(momentum, 1, "momentum 1");
  REFUSED(momentum, -0.1, "momentum -0.1");
  REFUSED(patience, 3, "there is no validation part");
  free(parts);
  set_free(&set);
}

static void data_that_allow_no_training_are_refused(void **state) {
  (void)state;
  set set = set_make(20, 3, 2);
  uint8_t *parts = recipe_parts(20, true);
  const tw_recipe_options options = recipe_options(TW_SOLVER_SGD, 5);
  set.features[3 * 3 + 1] = NAN; /* validation */
  expect_refusal(&set, parts, &options, TW_E_DATA, "features of row 3: number 1 is not a number");
  set.features[3 * 3 + 1] = 0;
  set.features[9 * 3] = INFINITY; /* test: not looked at */
  tw_recipe *recipe = recipe_start(&set, parts, &options);
  tw_recipe_free(recipe);
  memset(parts, TW_PART_TEST, 20);
  expect_refusal(&set, parts, &options, TW_E_DATA, "nothing to train on");
  parts[0] = parts[2] = TW_PART_TRAINING;
  expect_refusal(&set, parts, &options, TW_E_DATA, "one class only");
  set.labels[2] = 2;
  expect_refusal(&set, parts, &options, TW_E_ARGUMENT, "row 2");
  free(parts);
  set_free(&set);
}

static tw_status try_all(const set *set, const uint8_t *parts) {
  tw_recipe_options options = recipe_options(TW_SOLVER_ADAM, 1);
  options.batch = 600;
  tw_recipe *recipe = NULL;
  tw_error error;
  tw_status status = tw_recipe_create(&set->samples, parts, &options, &recipe, &error);
  if (status == TW_OK) {
    status = tw_recipe_epoch(recipe, &error);
  }
  tw_recipe_free(recipe);
  return status;
}

static void every_allocation_may_fail(void **state) {
  (void)state;
  set set = set_make(900, 2, 3);
  uint8_t *parts = recipe_parts(900, true);
  size_t failures = 0;
  for (tw_status status = TW_E_MEMORY; status != TW_OK; failures++) {
    tw_memory_fail_after(failures + 1);
    status = try_all(&set, parts);
    tw_memory_fail_after(0);
    assert_true(status == TW_OK || status == TW_E_MEMORY);
  }
  assert_true(failures > 15);
  free(parts);
  set_free(&set);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(the_history_says_what_the_top_does),
      cmocka_unit_test(the_rate_falls_in_steps),
      cmocka_unit_test(patience_ends_it),
      cmocka_unit_test(threads_have_no_say),
      cmocka_unit_test(order_and_copies_have_no_say),
      cmocka_unit_test(a_rate_too_high_is_said),
      cmocka_unit_test(options_out_of_range_are_refused),
      cmocka_unit_test(data_that_allow_no_training_are_refused),
      cmocka_unit_test(every_allocation_may_fail),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
