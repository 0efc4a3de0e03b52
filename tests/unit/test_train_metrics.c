/* The floor `train`: metrics, on a case counted by hand, and at their edges. */
#include <math.h>

#include "test_train_data.h"

static void near(double value, double expected) {
  assert_true(fabs(value - expected) <= 1e-6 * fmax(1, fabs(expected)));
}

static void wilson_as_published(void **state) {
  (void)state;
  double interval[2];
  tw_wilson(81, 263, interval); /* Newcombe (1998), table I */
  assert_true(fabs(interval[0] - 0.2553) < 5e-5 && fabs(interval[1] - 0.3662) < 5e-5);
  tw_wilson(15, 148, interval);
  assert_true(fabs(interval[0] - 0.0624) < 5e-5 && fabs(interval[1] - 0.1605) < 5e-5);
  tw_wilson(0, 20, interval);
  assert_true(interval[0] == 0 && fabs(interval[1] - 0.1611) < 5e-5);
  tw_wilson(29, 29, interval);
  assert_true(interval[1] == 1 && fabs(interval[0] - 0.8830) < 5e-5);
  tw_wilson(0, 0, interval);
  assert_true(interval[0] == 0 && interval[1] == 1);
}

static void spread_by_hand(void **state) {
  (void)state;
  static const double values[] = {0.5, (double)NAN, 0.75, 1};
  double mean;
  double deviation;
  tw_mean_and_deviation(values, 4, &mean, &deviation);
  near(mean, 0.75);
  near(deviation, 0.25);
  tw_mean_and_deviation(values, 2, &mean, &deviation);
  assert_true(mean == 0.5 && deviation == 0);
  tw_mean_and_deviation(values + 1, 1, &mean, &deviation);
  assert_true(isnan(mean) && isnan(deviation));
}

static void counted_by_hand(void **state) {
  (void)state;
  static const float probabilities[] = {
      0.7f, 0.2f, 0.1f, /* class 0, right */
      0.4f, 0.5f, 0.1f, /* class 0, taken for 1 */
      0.2f, 0.7f, 0.1f, /* class 0, taken for 1 */
      0.1f, 0.8f, 0.1f, /* class 1, right */
      0.5f, 0.5f, 0.0f, /* class 1, taken for 0: the first of equals */
  };
  static const uint32_t labels[] = {0, 0, 0, 1, 1};
  tw_metrics *metrics;
  tw_error error;
  assert_int_equal(tw_metrics_compute(probabilities, labels, 5, 3, 1, &metrics, &error), TW_OK);
  assert_int_equal(metrics->correct, 2);
  near(metrics->accuracy, 0.4);
  near(metrics->baseline, 0.4);
  assert_int_equal(metrics->baseline_class, 1);
  near(metrics->log_loss, -(log(0.7) + log(0.4) + log(0.2) + log(0.8) + log(0.5)) / 5);
  assert_true(isnan(metrics->top5));
  near(metrics->macro_accuracy, (1.0 / 3 + 1.0 / 2) / 2);
  assert_int_equal(metrics->each[0].support, 3);
  assert_int_equal(metrics->each[0].predicted, 2);
  near(metrics->each[0].precision, 0.5);
  near(metrics->each[0].recall, 1.0 / 3);
  near(metrics->each[0].f1, 0.4);
  near(metrics->each[1].precision, 1.0 / 3);
  assert_true(isnan(metrics->each[2].precision) && isnan(metrics->each[2].recall) && isnan(metrics->each[2].f1));
  static const size_t confusion[] = {1, 2, 0, 1, 1, 0, 0, 0, 0};
  assert_memory_equal(metrics->confusion, confusion, sizeof confusion);
  assert_int_equal(metrics->worst_count, 2);
  assert_int_equal(metrics->worst_true, 0);
  assert_int_equal(metrics->worst_predicted, 1);
  tw_metrics_free(metrics);
}

static void top5_counts_the_first_of_equals(void **state) {
  (void)state;
  static const float probabilities[] = {0.1f,  0.1f,  0.1f,  0.1f,  0.1f, 0.1f, 0.4f,
                                        0.05f, 0.05f, 0.05f, 0.05f, 0.4f, 0.3f, 0.1f};
  static const uint32_t third[] = {3, 6};
  static const uint32_t fifth[] = {4, 2};
  tw_metrics *metrics;
  tw_error error;
  assert_int_equal(tw_metrics_compute(probabilities, third, 2, 7, 0, &metrics, &error), TW_OK);
  near(metrics->top5, 1);
  tw_metrics_free(metrics);
  assert_int_equal(tw_metrics_compute(probabilities, fifth, 2, 7, 0, &metrics, &error), TW_OK);
  near(metrics->top5, 0);
  tw_metrics_free(metrics);
}

static void nothing_wrong_and_nothing_at_all(void **state) {
  (void)state;
  static const float probabilities[] = {1, 0, 0, 1};
  static const uint32_t labels[] = {0, 1};
  static const uint32_t wrong[] = {1, 0};
  tw_metrics *metrics;
  tw_error error;
  assert_int_equal(tw_metrics_compute(probabilities, labels, 2, 2, 0, &metrics, &error), TW_OK);
  assert_int_equal(metrics->worst_count, 0);
  assert_true(metrics->log_loss == 0);
  tw_metrics_free(metrics);
  assert_int_equal(tw_metrics_compute(probabilities, wrong, 2, 2, 0, &metrics, &error), TW_OK);
  near(metrics->log_loss, -log(1e-15));
  tw_metrics_free(metrics);
  assert_int_equal(tw_metrics_compute(NULL, NULL, 0, 2, 0, &metrics, &error), TW_OK);
  assert_true(isnan(metrics->accuracy) && isnan(metrics->log_loss) && isnan(metrics->macro_accuracy));
  assert_true(metrics->interval[0] == 0 && metrics->interval[1] == 1);
  tw_metrics_free(metrics);
}

static void bad_input_is_refused(void **state) {
  (void)state;
  static const float probabilities[] = {1, 0, 0, 1};
  static const uint32_t labels[] = {0, 2};
  tw_metrics *metrics = NULL;
  tw_error error;
  assert_int_equal(tw_metrics_compute(probabilities, labels, 2, 2, 0, &metrics, &error), TW_E_ARGUMENT);
  assert_non_null(strstr(error.message, "row 1"));
  assert_int_equal(tw_metrics_compute(probabilities, labels, 1, 2, 2, &metrics, &error), TW_E_ARGUMENT);
  assert_int_equal(tw_metrics_compute(probabilities, labels, 1, 0, 0, &metrics, &error), TW_E_ARGUMENT);
  assert_null(metrics);
  size_t failures = 0;
  for (tw_status status = TW_E_MEMORY; status != TW_OK; failures++) {
    tw_memory_fail_after(failures + 1);
    status = tw_metrics_compute(probabilities, labels, 1, 2, 0, &metrics, &error);
    tw_memory_fail_after(0);
    assert_true(status == TW_OK || status == TW_E_MEMORY);
  }
  assert_int_equal(failures, 4);
  tw_metrics_free(metrics);
  tw_metrics_free(NULL);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(wilson_as_published),
      cmocka_unit_test(spread_by_hand),
      cmocka_unit_test(counted_by_hand),
      cmocka_unit_test(top5_counts_the_first_of_equals),
      cmocka_unit_test(nothing_wrong_and_nothing_at_all),
      cmocka_unit_test(bad_input_is_refused),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
