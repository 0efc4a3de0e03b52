/* The floor `train`: applying a top, and fitting one to the optimum. */
#include <math.h>

#include "test_train_data.h"
#include "test_train_goldens.h"
#include "train/objective.h"

/* ---- Applying ---------------------------------------------------------------------------------------------------- */

static tw_top *some_top(size_t classes, size_t dimensions) {
  tw_top *top = tw_top_create(classes, dimensions);
  assert_non_null(top);
  for (size_t i = 0; i < classes * dimensions; i++) {
    top->weights[i] = (float)((i * 7919 + 3) % 1000) / 250 - 2;
  }
  for (size_t k = 0; k < classes; k++) {
    top->intercepts[k] = (float)k * 0.1f;
  }
  return top;
}

static void a_row_has_the_same_digits_everywhere(void **state) {
  (void)state;
  enum { N = 301, D = 83, K = 7 };
  set set = set_make(N, D, K);
  tw_top *top = some_top(K, D);
  float *all = set_memory(N * K, sizeof *all);
  float *again = set_memory(N * K, sizeof *again);
  assert_int_equal(tw_top_apply(top, set.features, N, 1, all, NULL), TW_OK);
  for (int threads = 2; threads <= 8; threads += 3) {
    assert_int_equal(tw_top_apply(top, set.features, N, threads, again, NULL), TW_OK);
    assert_memory_equal(all, again, N * K * sizeof *all);
  }
  float *moved = set_memory(D + 1, sizeof *moved);
  for (size_t i = 0; i < N; i++) {
    float alone[K];
    memcpy(moved + 1, set.features + i * D, D * sizeof *moved); /* elsewhere in memory, too */
    assert_int_equal(tw_top_apply(top, moved + 1, 1, 1, alone, NULL), TW_OK);
    assert_memory_equal(alone, all + i * K, sizeof alone);
  }
  free(moved);
  free(all);
  free(again);
  tw_top_free(top);
  set_free(&set);
}

static void probabilities_are_the_softmax(void **state) {
  (void)state;
  enum { N = 20, D = 37, K = 5 };
  set set = set_make(N, D, K);
  tw_top *top = some_top(K, D);
  float got[N * K];
  assert_int_equal(tw_top_apply(top, set.features, N, 2, got, NULL), TW_OK);
  for (size_t i = 0; i < N; i++) {
    double logits[K];
    double sum = 0;
    double total = 0;
    for (size_t k = 0; k < K; k++) {
      logits[k] = (double)top->intercepts[k];
      for (size_t j = 0; j < D; j++) {
        logits[k] += (double)set.features[i * D + j] * (double)top->weights[k * D + j];
      }
      sum += exp(logits[k]);
    }
    for (size_t k = 0; k < K; k++) {
      assert_true(fabs((double)got[i * K + k] - exp(logits[k]) / sum) < 1e-5);
      total += (double)got[i * K + k];
    }
    assert_true(fabs(total - 1) < 1e-6);
  }
  tw_top_free(top);
  set_free(&set);
}

static void huge_logits_stay_probabilities(void **state) {
  (void)state;
  tw_top *top = tw_top_create(3, 2);
  const float features[] = {1e30f, 1e30f};
  float got[3];
  top->weights[0] = 1e20f;
  top->weights[3] = -1e20f;
  top->intercepts[2] = TW_ABSENT_INTERCEPT;
  assert_int_equal(tw_top_apply(top, features, 1, 1, got, NULL), TW_OK);
  assert_true(got[0] == 1 && got[1] == 0 && got[2] == 0);
  tw_top_free(top);
  assert_int_equal(tw_top_best((const float[]){0.25f, 0.5f, 0.5f}, 3), 1);
  assert_int_equal(tw_top_best((const float[]){0.25f}, 1), 0);
}

static void tops_have_limits(void **state) {
  (void)state;
  assert_null(tw_top_create(0, 1));
  assert_null(tw_top_create(1, 0));
  assert_null(tw_top_create(TW_MAX_CLASSES + 1, 1));
  assert_null(tw_top_create(TW_MAX_CLASSES, SIZE_MAX / 2));
  assert_null(tw_top_create(TW_MAX_CLASSES, (size_t)1 << 30));
  tw_top_free(NULL);
}

/* ---- The objective ----------------------------------------------------------------------------------------------- */

typedef struct evaluated {
  set set;
  tw_rows *rows;
  tw_objective *objective;
  tw_block blocks[32];
  tw_evaluation evaluation;
} evaluated;

static void evaluate(evaluated *with, const float *point, float *gradient, double *spread) {
  static const bool present[] = {true, true, true, true};
  tw_evaluation *list[] = {&with->evaluation};
  with->evaluation = (tw_evaluation){.present = present,
                                     .blocks = with->blocks,
                                     .block_count = tw_blocks_append(with->blocks, 0, 0, with->rows->count),
                                     .point = point,
                                     .gradient = gradient,
                                     .spread = spread};
  assert_int_equal(tw_objective_evaluate(with->objective, list, 1, NULL), TW_OK);
}

static evaluated evaluated_make(size_t count, size_t dimensions, size_t classes, int threads) {
  evaluated with = {.set = set_make(count, dimensions, classes)};
  tw_error error;
  assert_int_equal(tw_rows_create(&with.set.samples, with.set.rows, NULL, count, 1, threads, &with.rows, &error),
                   TW_OK);
  assert_int_equal(tw_objective_create(with.rows, 1, 1, threads, &with.objective, &error), TW_OK);
  return with;
}

static void evaluated_free(evaluated *with) {
  tw_objective_free(with->objective);
  tw_rows_free(with->rows);
  set_free(&with->set);
}

static void gradient_by_finite_differences(void **state) {
  (void)state;
  enum { N = 1100, D = 9, K = 4, SIZE = K * (D + 1) };
  evaluated with = evaluated_make(N, D, K, 2);
  float point[SIZE];
  float gradient[SIZE];
  float unused[SIZE];
  double spread[K];
  for (size_t j = 0; j < SIZE; j++) {
    point[j] = (float)((j * 37 + 5) % 20) / 20 - 0.5f;
  }
  evaluate(&with, point, gradient, spread);
  assert_int_equal(with.evaluation.row_count, N);
  for (size_t j = 0; j < SIZE; j++) {
    const float step = 1.0f / 256;
    float kept = point[j];
    point[j] = kept + step;
    evaluate(&with, point, unused, NULL);
    double above = with.evaluation.loss;
    point[j] = kept - step;
    evaluate(&with, point, NULL, NULL);
    double below = with.evaluation.loss;
    point[j] = kept;
    assert_true(fabs((above - below) / (2 * (double)step * N) - (double)gradient[j]) < 2e-5);
  }
  double total = 0;
  for (size_t k = 0; k < K; k++) {
    assert_true(spread[k] > 0 && spread[k] < 0.25);
    total += (double)gradient[K * D + k];
  }
  assert_true(fabs(total) < 1e-6);
  evaluated_free(&with);
}

static void threads_do_not_change_a_sum(void **state) {
  (void)state;
  enum { N = 1700, D = 300, K = 4, SIZE = K * (D + 1) };
  static float point[SIZE];
  static float first[SIZE];
  static float other[SIZE];
  double loss = 0;
  for (size_t j = 0; j < SIZE; j++) {
    point[j] = (float)((j * 37 + 5) % 20) / 200 - 0.05f;
  }
  for (int threads = 1; threads <= 8; threads++) {
    evaluated with = evaluated_make(N, D, K, threads);
    evaluate(&with, point, threads == 1 ? first : other, NULL);
    if (threads == 1) {
      loss = with.evaluation.loss;
    } else {
      assert_true(with.evaluation.loss == loss);
      assert_memory_equal(first, other, sizeof first);
    }
    evaluated_free(&with);
  }
}

/* ---- Fitting ----------------------------------------------------------------------------------------------------- */

/* As near to the optimum as float32 leads; `proven` as tw_fit_options has it. */
static tw_top *fit_until(const set *set, double strength, int threads, double proven, tw_fit_report *report) {
  tw_fit_options options = tw_fit_defaults();
  options.threads = threads;
  options.proven = proven;
  tw_top *top;
  tw_error error = {0};
  tw_status status =
      tw_top_fit(&set->samples, set->rows, set->samples.count, strength, NULL, &options, &top, report, &error);
  if (status != TW_OK) {
    fail_msg("%s", error.message);
  }
  return top;
}

static tw_top *fit(const set *set, double strength, int threads, tw_fit_report *report) {
  return fit_until(set, strength, threads, 0, report);
}

static void reaches_the_optimum(void **state) {
  (void)state;
  for (size_t i = 0; i < sizeof optima / sizeof *optima; i++) {
    const optimum *at = &optima[i];
    set set = set_make(at->count, at->dimensions, at->classes);
    tw_fit_report report;
    tw_top *top = fit(&set, at->strength, 2, &report);
    double objective = tw_top_objective(&set.samples, set.rows, set.samples.count, at->strength, top);
    assert_true(report.converged);
    assert_true(fabs(report.objective - objective) <= 1e-6 * objective);
    assert_true(objective >= at->objective * (1 - 1e-9));
    assert_true(objective <= at->objective * (1 + 1e-7));
    float first[4];
    assert_int_equal(tw_top_apply(top, set.features, 1, 1, first, NULL), TW_OK);
    for (size_t k = 0; k < at->classes; k++) {
      assert_true(fabs((double)first[k] - at->first[k]) < 2e-4);
    }
    tw_top_free(top);
    set_free(&set);
  }
}

/* What is said to be proven is true, and saves iterations. */
static void what_is_proven_is_enough(void **state) {
  (void)state;
  for (size_t i = 0; i < sizeof optima / sizeof *optima; i++) {
    const optimum *at = &optima[i];
    set set = set_make(at->count, at->dimensions, at->classes);
    tw_fit_report exact;
    tw_top_free(fit(&set, at->strength, 2, &exact));
    for (double proven = 1e-2; proven > 1e-7; proven /= 10) {
      tw_fit_report report;
      tw_top *top = fit_until(&set, at->strength, 2, proven, &report);
      double excess =
          tw_top_objective(&set.samples, set.rows, set.samples.count, at->strength, top) / at->objective - 1;
      assert_true(report.converged && report.iterations <= exact.iterations);
      assert_true(report.distance <= proven);
      assert_true(excess <= fmax(report.distance, 1e-7));
      tw_top_free(top);
    }
    tw_fit_report rough;
    tw_top_free(fit_until(&set, at->strength, 2, 0.5, &rough));
    assert_true(rough.iterations < exact.iterations);
    set_free(&set);
  }
}

static void starts_where_told(void **state) {
  (void)state;
  set set = set_make(90, 7, 3);
  tw_fit_report cold;
  tw_fit_report warm;
  tw_top *top = fit(&set, 1, 1, &cold);
  tw_fit_options options = tw_fit_defaults();
  tw_top *again;
  tw_error error;
  assert_int_equal(tw_top_fit(&set.samples, set.rows, 90, 1, top, &options, &again, &warm, &error), TW_OK);
  assert_true(warm.iterations < cold.iterations / 2);
  assert_true(fabs(warm.objective - cold.objective) < 1e-7 * cold.objective);
  tw_top_free(again);
  tw_top *other = tw_top_create(3, 8);
  assert_int_equal(tw_top_fit(&set.samples, set.rows, 90, 1, other, &options, &again, &warm, &error), TW_E_ARGUMENT);
  tw_top_free(other);
  tw_top_free(top);
  set_free(&set);
}

static void order_and_threads_have_no_say(void **state) {
  (void)state;
  enum { N = 701, D = 150, K = 5 };
  set set = set_make(N, D, K);
  struct set other = set_shuffled(&set, 17);
  tw_top *top = fit(&set, 3, 1, NULL);
  for (int threads = 1; threads <= 8; threads += 1 + threads) {
    tw_top *again = fit(&other, 3, threads, NULL);
    assert_true(same_tops(top, again));
    tw_top_free(again);
  }
  tw_top_free(top);
  set_free(&other);
  set_free(&set);
}

static void only_the_listed_rows_count(void **state) {
  (void)state;
  set all = set_make(90, 7, 3);
  set few = set_make(60, 7, 3);
  tw_top *expected = fit(&few, 1, 1, NULL);
  tw_fit_options options = tw_fit_defaults();
  options.proven = 0;
  tw_top *top;
  all.features[80 * 7] = (float)NAN; /* not listed: not looked at */
  assert_int_equal(tw_top_fit(&all.samples, all.rows, 60, 1, NULL, &options, &top, NULL, NULL), TW_OK);
  assert_true(same_tops(top, expected));
  tw_top_free(top);
  tw_top_free(expected);
  set_free(&all);
  set_free(&few);
}

static void an_absent_class_is_never_the_answer(void **state) {
  (void)state;
  set set = set_make(90, 7, 3);
  set.samples.classes = 5;
  for (size_t i = 0; i < 90; i++) {
    set.labels[i] = set.labels[i] == 1 ? 4 : set.labels[i];
  }
  tw_top *top = fit(&set, 1, 1, NULL);
  float got[5];
  assert_int_equal(tw_top_apply(top, set.features, 1, 1, got, NULL), TW_OK);
  assert_true(got[1] == 0 && got[3] == 0 && top->weights[1 * 7] == 0);
  assert_true(top->intercepts[3] == TW_ABSENT_INTERCEPT);
  set_free(&set);
  set = set_make(90, 7, 3);
  tw_top *plain = fit(&set, 1, 1, NULL);
  for (size_t j = 0; j < 7; j++) {
    assert_true(fabsf(plain->weights[7 + j] - top->weights[4 * 7 + j]) < 1e-3f);
  }
  tw_top_free(plain);
  tw_top_free(top);
  set_free(&set);
}

/* ---- Bad and odd input ------------------------------------------------------------------------------------------- */

static tw_status try_fit(const set *set, double strength, tw_error *error) {
  tw_fit_options options = tw_fit_defaults();
  tw_top *top = NULL;
  tw_status status =
      tw_top_fit(&set->samples, set->rows, set->samples.count, strength, NULL, &options, &top, NULL, error);
  assert_true((status == TW_OK) == (top != NULL));
  for (size_t i = 0; top != NULL && i < top->classes * top->dimensions; i++) {
    assert_true(isfinite(top->weights[i]));
  }
  for (size_t k = 0; top != NULL && k < top->classes; k++) {
    assert_true(isfinite(top->intercepts[k]));
  }
  tw_top_free(top);
  return status;
}

static void bad_numbers_are_named(void **state) {
  (void)state;
  static const float bad[] = {(float)NAN, (float)INFINITY, -(float)INFINITY};
  for (size_t i = 0; i < 3; i++) {
    set set = set_make(90, 7, 3);
    tw_error error;
    set.features[41 * 7 + 2] = bad[i];
    assert_int_equal(try_fit(&set, 1, &error), TW_E_DATA);
    assert_non_null(strstr(error.message, "row 41"));
    set_free(&set);
  }
}

static void bad_arguments_are_refused(void **state) {
  (void)state;
  static const double strengths[] = {0, -1, (double)NAN, (double)INFINITY};
  set set = set_make(90, 7, 3);
  tw_error error;
  for (size_t i = 0; i < 4; i++) {
    assert_int_equal(try_fit(&set, strengths[i], &error), TW_E_ARGUMENT);
  }
  set.rows[3] = 90;
  assert_int_equal(try_fit(&set, 1, &error), TW_E_ARGUMENT);
  set.rows[3] = 3;
  set.labels[5] = 3;
  assert_int_equal(try_fit(&set, 1, &error), TW_E_ARGUMENT);
  memset(set.labels, 0, 90 * sizeof *set.labels);
  assert_int_equal(try_fit(&set, 1, &error), TW_E_DATA);
  set.samples.count = 0;
  assert_int_equal(try_fit(&set, 1, &error), TW_E_DATA);
  set_free(&set);
  set = set_make(4, 1, 2);
  set.samples.dimensions = SIZE_MAX / 8;
  assert_int_equal(try_fit(&set, 1, &error), TW_E_LIMIT);
  set.samples.dimensions = 0;
  assert_int_equal(try_fit(&set, 1, &error), TW_E_LIMIT);
  set_free(&set);
}

static void extremes_end_and_stay_finite(void **state) {
  (void)state;
  static const float scales[] = {1, 1e30f, 3e37f, 1e-30f, 1e-42f};
  static const double strengths[] = {1e-300, 1e-12, 1, 1e12, 1e300};
  for (size_t s = 0; s < sizeof scales / sizeof *scales; s++) {
    set set = set_make(60, 5, 3);
    for (size_t i = 0; i < 300; i++) {
      set.features[i] *= scales[s];
    }
    for (size_t c = 0; c < sizeof strengths / sizeof *strengths; c++) {
      tw_error error;
      assert_int_equal(try_fit(&set, strengths[c], &error), TW_OK);
    }
    set_free(&set);
  }
}

static void scaled_features_give_the_same_top(void **state) {
  (void)state;
  set set = set_make(90, 7, 3);
  tw_top *top = fit(&set, 1, 1, NULL);
  for (size_t i = 0; i < 90 * 7; i++) {
    set.features[i] *= 0x1p90f;
  }
  tw_top *scaled = fit(&set, 0x1p-180, 1, NULL); /* the same problem in other units */
  for (size_t i = 0; i < 3 * 7; i++) {
    assert_true(scaled->weights[i] * 0x1p90f == top->weights[i]);
  }
  tw_top_free(scaled);
  tw_top_free(top);
  set_free(&set);
}

static void odd_shapes_are_fitted(void **state) {
  (void)state;
  static const size_t shapes[][3] = {{2, 1, 2}, {3, 1, 3}, {7, 200, 7}, {600, 1, 2}, {5, 3, 4}, {1200, 3, 600}};
  for (size_t i = 0; i < sizeof shapes / sizeof *shapes; i++) {
    set set = set_make(shapes[i][0], shapes[i][1], shapes[i][2]);
    tw_error error;
    assert_int_equal(try_fit(&set, 1, &error), TW_OK);
    assert_int_equal(try_fit(&set, 1e6, &error), TW_OK);
    set_free(&set);
  }
}

static void rows_all_the_same_give_the_prior(void **state) {
  (void)state;
  set set = set_make(60, 5, 3);
  for (size_t i = 0; i < 60; i++) {
    for (size_t j = 0; j < 5; j++) {
      set.features[i * 5 + j] = 0.1f * (float)j;
    }
    set.labels[i] = i < 30 ? 0 : i < 48 ? 1 : 2;
  }
  tw_top *top = fit(&set, 1, 1, NULL);
  float got[3];
  assert_int_equal(tw_top_apply(top, set.features, 1, 1, got, NULL), TW_OK);
  assert_true(fabsf(got[0] - 0.5f) < 1e-5f && fabsf(got[1] - 0.3f) < 1e-5f && fabsf(got[2] - 0.2f) < 1e-5f);
  tw_top_free(top);
  set_free(&set);
}

static void a_far_mean_does_no_harm(void **state) {
  (void)state;
  set set = set_make(90, 7, 3);
  for (size_t i = 0; i < 90; i++) {
    for (size_t j = 0; j < 7; j++) {
      set.features[i * 7 + j] = rintf(set.features[i * 7 + j] * 500) / 512 + 1024; /* exact in float32 */
    }
  }
  tw_fit_report report;
  tw_top *top = fit(&set, 1, 1, &report);
  double objective = tw_top_objective(&set.samples, set.rows, 90, 1, top);
  assert_true(report.converged);
  assert_true(fabs(objective - report.objective) < 1e-4 * objective); /* the intercept is rounded to float32 */
  tw_top_free(top);
  set_free(&set);
}

static void max_iterations_is_said(void **state) {
  (void)state;
  set set = set_make(90, 7, 3);
  tw_fit_options options = tw_fit_defaults();
  tw_fit_report report;
  tw_top *top;
  options.max_iterations = 1;
  assert_int_equal(tw_top_fit(&set.samples, set.rows, 90, 1e4, NULL, &options, &top, &report, NULL), TW_OK);
  assert_false(report.converged);
  tw_top_free(top);
  options.max_iterations = 100000;
  options.tolerance = 0; /* cannot be reached: ends when float32 is exhausted */
  assert_int_equal(tw_top_fit(&set.samples, set.rows, 90, 1e4, NULL, &options, &top, &report, NULL), TW_OK);
  assert_true(report.converged && report.iterations < 2000);
  tw_top_free(top);
  set_free(&set);
}

static bool stop_at_once(void *context, const tw_progress *progress) {
  (*(size_t *)context)++;
  assert_string_equal(progress->stage, "fit");
  return false;
}

static void a_callback_cancels(void **state) {
  (void)state;
  set set = set_make(90, 7, 3);
  size_t calls = 0;
  tw_ticker ticker = {.callback = stop_at_once, .context = &calls};
  tw_fit_options options = tw_fit_defaults();
  options.ticker = &ticker;
  tw_top *top = NULL;
  tw_error error;
  assert_int_equal(tw_top_fit(&set.samples, set.rows, 90, 1, NULL, &options, &top, NULL, &error), TW_E_CANCELLED);
  assert_int_equal(calls, 1);
  assert_null(top);
  set_free(&set);
}

static void every_allocation_may_fail(void **state) {
  (void)state;
  set set = set_make(30, 4, 3);
  size_t failures = 0;
  for (tw_status status = TW_E_MEMORY; status != TW_OK; failures++) {
    tw_error error;
    tw_memory_fail_after(failures + 1);
    status = try_fit(&set, 1, &error);
    tw_memory_fail_after(0);
    assert_true(status == TW_OK || status == TW_E_MEMORY);
  }
  assert_true(failures > 20);
  set_free(&set);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(a_row_has_the_same_digits_everywhere),
      cmocka_unit_test(probabilities_are_the_softmax),
      cmocka_unit_test(huge_logits_stay_probabilities),
      cmocka_unit_test(tops_have_limits),
      cmocka_unit_test(gradient_by_finite_differences),
      cmocka_unit_test(threads_do_not_change_a_sum),
      cmocka_unit_test(reaches_the_optimum),
      cmocka_unit_test(what_is_proven_is_enough),
      cmocka_unit_test(starts_where_told),
      cmocka_unit_test(order_and_threads_have_no_say),
      cmocka_unit_test(only_the_listed_rows_count),
      cmocka_unit_test(an_absent_class_is_never_the_answer),
      cmocka_unit_test(bad_numbers_are_named),
      cmocka_unit_test(bad_arguments_are_refused),
      cmocka_unit_test(extremes_end_and_stay_finite),
      cmocka_unit_test(scaled_features_give_the_same_top),
      cmocka_unit_test(odd_shapes_are_fitted),
      cmocka_unit_test(rows_all_the_same_give_the_prior),
      cmocka_unit_test(a_far_mean_does_no_harm),
      cmocka_unit_test(max_iterations_is_said),
      cmocka_unit_test(a_callback_cancels),
      cmocka_unit_test(every_allocation_may_fail),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
