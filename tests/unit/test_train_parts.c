/* The floor `train`: parts and folds, rule by rule. */
#include <math.h>

#include "test_train_data.h"

/* Samples with contents 0..n-1 and the given numbers in each class. */
static set set_of_counts(const size_t *counts, size_t classes) {
  size_t total = 0;
  for (size_t k = 0; k < classes; k++) {
    total += counts[k];
  }
  set made = set_make(total, 1, classes);
  for (size_t k = 0, i = 0; k < classes; k++) {
    for (size_t c = 0; c < counts[k]; c++) {
      made.labels[i++] = (uint32_t)k;
    }
  }
  return made;
}

static size_t count_part(const set *set, const uint8_t *parts, uint32_t label, tw_part part) {
  size_t count = 0;
  for (size_t i = 0; i < set->samples.count; i++) {
    count += set->labels[i] == label && parts[i] == part;
  }
  return count;
}

static void expect_counts(size_t m, double validation, double test, size_t tests, size_t validations) {
  const size_t counts[] = {m, 10};
  set set = set_of_counts(counts, 2);
  uint8_t *parts = set_memory(m + 10, 1);
  tw_error error;
  tw_parts_options options = {.validation = validation, .test = test, .seed = 4};
  assert_int_equal(tw_parts_draw(&set.samples, NULL, &options, NULL, parts, &error), TW_OK);
  assert_int_equal(count_part(&set, parts, 0, TW_PART_TEST), tests);
  assert_int_equal(count_part(&set, parts, 0, TW_PART_VALIDATION), validations);
  assert_int_equal(count_part(&set, parts, 0, TW_PART_TRAINING), m - tests - validations);
  free(parts);
  set_free(&set);
}

static void counts_are_rounded(void **state) {
  (void)state;
  expect_counts(100, 0.24, 0.16, 16, 24);
  expect_counts(20, 0.24, 0.16, 3, 5);
  expect_counts(10, 0.25, 0.15, 2, 3); /* halves go up */
  expect_counts(3, 0.24, 0.16, 1, 1);  /* 0.48 is no test, but one there must be; 0.72 is one */
  expect_counts(4, 0.1, 0.05, 1, 0);   /* one test at least; validation may be empty */
  expect_counts(50, 0, 0, 0, 0);       /* no test wanted: none */
  expect_counts(3, 0.45, 0.5, 2, 0);   /* one training at least: validation gives way */
  expect_counts(10, 0.09, 0.9, 9, 0);
  expect_counts(1, 0.24, 0.16, 0, 0); /* too few: training only */
  expect_counts(2, 0.4, 0.5, 0, 0);
}

static void shares_must_make_sense(void **state) {
  (void)state;
  static const double bad[][2] = {{-0.1, 0.1}, {0.1, -0.1}, {0.5, 0.5}, {1, 0}, {0, 1}, {(double)NAN, 0}};
  set set = set_make(12, 1, 3);
  uint8_t parts[12];
  memset(parts, 99, sizeof parts);
  for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
    tw_parts_options options = {.validation = bad[i][0], .test = bad[i][1]};
    tw_error error;
    assert_int_equal(tw_parts_draw(&set.samples, NULL, &options, NULL, parts, &error), TW_E_ARGUMENT);
    assert_int_equal(parts[0], 99);
  }
  set_free(&set);
}

static void labels_and_given_parts_must_exist(void **state) {
  (void)state;
  set set = set_make(12, 1, 3);
  uint8_t parts[12];
  uint8_t given[12] = {0};
  int32_t folds[12];
  tw_error error;
  tw_parts_options options = tw_parts_defaults();
  given[5] = TW_PART_CONFLICT;
  assert_int_equal(tw_parts_draw(&set.samples, given, &options, NULL, parts, &error), TW_E_ARGUMENT);
  assert_non_null(strstr(error.message, "row 5"));
  set.labels[7] = 3;
  assert_int_equal(tw_parts_draw(&set.samples, NULL, &options, NULL, parts, &error), TW_E_ARGUMENT);
  assert_non_null(strstr(error.message, "row 7"));
  assert_int_equal(tw_folds_draw(&set.samples, 2, 0, folds, &error), TW_E_ARGUMENT);
  set_free(&set);
}

static void order_of_the_list_has_no_say(void **state) {
  (void)state;
  enum { N = 101 };
  set set = set_make(N, 1, 3);
  struct set other = set_shuffled(&set, 7);
  uint8_t parts[N];
  uint8_t other_parts[N];
  int32_t folds[N];
  int32_t other_folds[N];
  tw_error error;
  tw_parts_options options = tw_parts_defaults();
  assert_int_equal(tw_parts_draw(&set.samples, NULL, &options, NULL, parts, &error), TW_OK);
  assert_int_equal(tw_parts_draw(&other.samples, NULL, &options, NULL, other_parts, &error), TW_OK);
  assert_int_equal(tw_folds_draw(&set.samples, 4, 9, folds, &error), TW_OK);
  assert_int_equal(tw_folds_draw(&other.samples, 4, 9, other_folds, &error), TW_OK);
  for (size_t i = 0; i < N; i++) {
    assert_int_equal(other_parts[i], parts[(i * 7 + 3) % N]);
    assert_int_equal(other_folds[i], folds[(i * 7 + 3) % N]);
  }
  set_free(&other);
  set_free(&set);
}

static void seeds_move_the_draw(void **state) {
  (void)state;
  enum { N = 90 };
  set set = set_make(N, 1, 3);
  uint8_t parts[2][N];
  int32_t folds[2][N];
  tw_error error;
  for (uint64_t seed = 0; seed < 2; seed++) {
    tw_parts_options options = tw_parts_defaults();
    options.seed = seed;
    assert_int_equal(tw_parts_draw(&set.samples, NULL, &options, NULL, parts[seed], &error), TW_OK);
    assert_int_equal(tw_folds_draw(&set.samples, 3, seed, folds[seed], &error), TW_OK);
  }
  assert_memory_not_equal(parts[0], parts[1], N);
  assert_memory_not_equal(folds[0], folds[1], sizeof folds[0]);
  set_free(&set);
}

/* How many of the first n samples are elsewhere when sample n joins them. */
static size_t moved_by_one_more(set *set, size_t n) {
  uint8_t before[200];
  uint8_t after[200];
  tw_error error;
  tw_parts_options options = tw_parts_defaults();
  set->samples.count = n;
  assert_int_equal(tw_parts_draw(&set->samples, NULL, &options, NULL, before, &error), TW_OK);
  set->samples.count = n + 1;
  assert_int_equal(tw_parts_draw(&set->samples, NULL, &options, NULL, after, &error), TW_OK);
  size_t moved = 0;
  for (size_t i = 0; i < n; i++) {
    moved += before[i] != after[i];
  }
  return moved;
}

static void one_more_picture_moves_at_most_one_at_a_boundary(void **state) {
  (void)state;
  set set = set_make(200, 1, 1);
  for (size_t n = 5; n < 199; n++) {
    assert_true(moved_by_one_more(&set, n) <= 2); /* there are two boundaries */
  }
  set_free(&set);
}

static void copies_count_once(void **state) {
  (void)state;
  set set = set_make(40, 1, 2);
  set.contents[6] = set.contents[4];  /* both of class 0 */
  set.contents[20] = set.contents[4]; /* a third */
  set.contents[9] = set.contents[8];  /* classes 1 and 0 */
  uint8_t parts[40];
  int32_t folds[40];
  tw_error error;
  tw_parts_options options = tw_parts_defaults();
  assert_int_equal(tw_parts_draw(&set.samples, NULL, &options, NULL, parts, &error), TW_OK);
  assert_true(parts[4] <= TW_PART_TEST);
  assert_int_equal(parts[6], TW_PART_DUPLICATE);
  assert_int_equal(parts[20], TW_PART_DUPLICATE);
  assert_int_equal(parts[8], TW_PART_CONFLICT);
  assert_int_equal(parts[9], TW_PART_CONFLICT);
  assert_int_equal(tw_folds_draw(&set.samples, 3, 0, folds, &error), TW_OK);
  assert_true(folds[4] >= 0);
  assert_int_equal(folds[6], -1);
  assert_int_equal(folds[8], -1);
  assert_int_equal(folds[9], -1);
  set_free(&set);
}

static void copies_do_not_move_others(void **state) {
  (void)state;
  set set = set_make(42, 1, 1);
  uint8_t with[42];
  uint8_t without[42];
  tw_error error;
  tw_parts_options options = tw_parts_defaults();
  set.contents[40] = set.contents[0];
  set.contents[41] = set.contents[1];
  assert_int_equal(tw_parts_draw(&set.samples, NULL, &options, NULL, with, &error), TW_OK);
  set.samples.count = 40;
  assert_int_equal(tw_parts_draw(&set.samples, NULL, &options, NULL, without, &error), TW_OK);
  assert_memory_equal(with, without, 40);
  set_free(&set);
}

static void given_parts_are_kept_and_missing_ones_drawn(void **state) {
  (void)state;
  enum { N = 60 };
  set set = set_make(N, 1, 2);
  uint8_t given[N] = {0};
  uint8_t parts[N];
  tw_error error;
  tw_parts_options options = tw_parts_defaults();
  for (size_t i = 50; i < N; i++) {
    given[i] = TW_PART_TEST;
  }
  assert_int_equal(tw_parts_draw(&set.samples, given, &options, NULL, parts, &error), TW_OK);
  assert_int_equal(count_part(&set, parts, 0, TW_PART_TEST), 5);
  assert_int_equal(count_part(&set, parts, 0, TW_PART_VALIDATION), 6); /* 0.24 of the 25 given as training */
  for (size_t i = 40; i < 50; i++) {
    given[i] = TW_PART_VALIDATION;
  }
  assert_int_equal(tw_parts_draw(&set.samples, given, &options, NULL, parts, &error), TW_OK);
  assert_memory_equal(parts, given, N);
  memset(given, TW_PART_UNSET, N);
  uint8_t drawn[N];
  assert_int_equal(tw_parts_draw(&set.samples, given, &options, NULL, parts, &error), TW_OK);
  assert_int_equal(tw_parts_draw(&set.samples, NULL, &options, NULL, drawn, &error), TW_OK);
  assert_memory_equal(parts, drawn, N);
  set_free(&set);
}

static void leaks_leave_the_weaker_part(void **state) {
  (void)state;
  enum { N = 60 };
  set set = set_make(N, 1, 2);
  uint8_t given[N] = {0};
  uint8_t parts[N];
  tw_error error;
  tw_parts_options options = tw_parts_defaults();
  for (size_t i = 30; i < N; i++) {
    given[i] = i < 45 ? TW_PART_VALIDATION : TW_PART_TEST;
  }
  set.contents[0] = set.contents[50];  /* training and test */
  set.contents[1] = set.contents[31];  /* training and validation */
  set.contents[40] = set.contents[46]; /* validation and test */
  set.contents[52] = set.contents[54]; /* twice in the test */
  set.contents[3] = set.contents[48];  /* another class there: a conflict, whatever the parts */
  assert_int_equal(tw_parts_draw(&set.samples, given, &options, NULL, parts, &error), TW_OK);
  assert_int_equal(parts[0], TW_PART_LEAKED);
  assert_int_equal(parts[50], TW_PART_TEST);
  assert_int_equal(parts[1], TW_PART_LEAKED);
  assert_int_equal(parts[31], TW_PART_VALIDATION);
  assert_int_equal(parts[40], TW_PART_LEAKED);
  assert_int_equal(parts[46], TW_PART_TEST);
  assert_int_equal(parts[52], TW_PART_TEST);
  assert_int_equal(parts[54], TW_PART_DUPLICATE);
  assert_int_equal(parts[3], TW_PART_CONFLICT);
  assert_int_equal(parts[48], TW_PART_CONFLICT);
  set_free(&set);
}

static void a_class_of_conflicts_is_named(void **state) {
  (void)state;
  static const char *const names[] = {"a", "b o", "c"};
  set set = set_make(30, 1, 3);
  uint8_t parts[30];
  tw_error error;
  tw_parts_options options = tw_parts_defaults();
  for (size_t i = 1; i < 28; i += 3) {
    set.contents[i] = set.contents[i + 1]; /* all of class 1 but one are in class 2 as well */
  }
  assert_int_equal(tw_parts_draw(&set.samples, NULL, &options, names, parts, &error), TW_OK);
  assert_int_equal(parts[1], TW_PART_CONFLICT);
  assert_int_equal(parts[28], TW_PART_TRAINING);
  set.contents[28] = set.contents[27];
  memset(parts, 99, sizeof parts);
  assert_int_equal(tw_parts_draw(&set.samples, NULL, &options, names, parts, &error), TW_E_DATA);
  assert_string_equal(error.message,
                      "class 'b o' has nothing of its own, all of it is in other classes, too: nothing to train it on");
  assert_int_equal(parts[0], 99);
  assert_int_equal(tw_parts_settle(&set.samples, NULL, parts, &error), TW_OK); /* who does not train does not mind */
  assert_int_equal(parts[28], TW_PART_CONFLICT);
  assert_int_equal(parts[29], TW_PART_TRAINING);
  set_free(&set);
}

static void a_class_only_in_the_test_is_named(void **state) {
  (void)state;
  static const char *const names[] = {"a", "b o", "c"};
  set set = set_make(30, 1, 3);
  uint8_t given[30] = {0};
  uint8_t parts[30];
  tw_error error;
  tw_parts_options options = tw_parts_defaults();
  for (size_t i = 1; i < 30; i += 3) {
    given[i] = TW_PART_TEST;
  }
  assert_int_equal(tw_parts_draw(&set.samples, given, &options, names, parts, &error), TW_E_DATA);
  assert_non_null(strstr(error.message, "class 'b o'"));
  assert_int_equal(tw_parts_draw(&set.samples, given, &options, NULL, parts, &error), TW_E_DATA);
  assert_non_null(strstr(error.message, "class 1 "));
  memset(given, TW_PART_VALIDATION, sizeof given);
  assert_int_equal(tw_parts_draw(&set.samples, given, &options, NULL, parts, &error), TW_E_DATA);
  assert_string_equal(error.message, "nothing is left to train on");
  set.samples.count = 0;
  assert_int_equal(tw_parts_draw(&set.samples, NULL, &options, NULL, parts, &error), TW_E_DATA);
  set_free(&set);
}

/* ---- So many of each class --------------------------------------------------------------------------------------- */

static tw_status draw_by_number(const set *set, size_t per_class, uint64_t seed, uint8_t *ret_parts, tw_error *error) {
  static const char *const names[] = {"a", "b o", "c", "d"};
  tw_parts_options options = tw_parts_defaults();
  options.per_class = per_class;
  options.seed = seed;
  return tw_parts_draw(&set->samples, NULL, &options, names, ret_parts, error);
}

static void so_many_of_each_class_are_training_and_all_others_test(void **state) {
  (void)state;
  const size_t counts[] = {7, 31, 12};
  set set = set_of_counts(counts, 3);
  uint8_t parts[50];
  tw_error error;
  for (size_t per_class = 1; per_class <= 6; per_class++) {
    assert_int_equal(draw_by_number(&set, per_class, 3, parts, &error), TW_OK);
    for (uint32_t k = 0; k < 3; k++) {
      assert_int_equal(count_part(&set, parts, k, TW_PART_TRAINING), per_class);
      assert_int_equal(count_part(&set, parts, k, TW_PART_TEST), counts[k] - per_class);
    }
  }
  set_free(&set);
}

static void what_is_training_with_few_is_training_with_more(void **state) {
  (void)state;
  enum { N = 120 };
  set set = set_make(N, 1, 3);
  uint8_t few[N];
  uint8_t more[N];
  tw_error error;
  assert_int_equal(draw_by_number(&set, 1, 8, few, &error), TW_OK);
  for (size_t per_class = 2; per_class < 40; per_class++) {
    assert_int_equal(draw_by_number(&set, per_class, 8, more, &error), TW_OK);
    for (size_t i = 0; i < N; i++) {
      assert_true(few[i] != TW_PART_TRAINING || more[i] == TW_PART_TRAINING);
    }
    memcpy(few, more, N);
  }
  set_free(&set);
}

static void draws_by_number_depend_on_content_and_seed_only(void **state) {
  (void)state;
  enum { N = 101 };
  set set = set_make(N, 1, 3);
  struct set other = set_shuffled(&set, 7);
  uint8_t parts[N];
  uint8_t other_parts[N];
  tw_error error;
  assert_int_equal(draw_by_number(&set, 10, 5, parts, &error), TW_OK);
  assert_int_equal(draw_by_number(&other, 10, 5, other_parts, &error), TW_OK);
  for (size_t i = 0; i < N; i++) {
    assert_int_equal(other_parts[i], parts[(i * 7 + 3) % N]);
  }
  assert_int_equal(draw_by_number(&set, 10, 6, other_parts, &error), TW_OK);
  assert_memory_not_equal(parts, other_parts, N);
  set_free(&other);
  set_free(&set);
}

static void copies_do_not_count_towards_the_number(void **state) {
  (void)state;
  enum { N = 44 };
  set set = set_make(N, 1, 2);
  uint8_t parts[N];
  uint8_t without[N];
  tw_error error;
  set.contents[40] = set.contents[0];
  set.contents[42] = set.contents[2];
  set.contents[41] = set.contents[43]; /* one content less in class 1 */
  assert_int_equal(draw_by_number(&set, 19, 0, parts, &error), TW_OK);
  assert_int_equal(count_part(&set, parts, 0, TW_PART_TRAINING), 19);
  assert_int_equal(count_part(&set, parts, 0, TW_PART_TEST), 1);
  assert_int_equal(count_part(&set, parts, 0, TW_PART_DUPLICATE), 2);
  assert_int_equal(count_part(&set, parts, 1, TW_PART_TEST), 2);
  assert_int_equal(draw_by_number(&set, 20, 0, parts, &error), TW_E_DATA);
  assert_int_equal(draw_by_number(&set, 10, 0, parts, &error), TW_OK);
  set.samples.count = 40;
  assert_int_equal(draw_by_number(&set, 10, 0, without, &error), TW_OK);
  for (size_t i = 0; i < 40; i += 2) { /* class 0 has lost copies only */
    assert_int_equal(parts[i], without[i]);
  }
  set_free(&set);
}

static void the_smallest_class_says_how_many_work(void **state) {
  (void)state;
  const size_t counts[] = {9, 5, 5, 6};
  set set = set_of_counts(counts, 4);
  uint8_t parts[25];
  memset(parts, 99, sizeof parts);
  tw_error error;
  assert_int_equal(draw_by_number(&set, 5, 0, parts, &error), TW_E_DATA);
  assert_string_equal(error.message,
                      "class 'b o' has 5 different pictures: 5 of each class for training leave none of "
                      "it for the test; at most 4 work here");
  assert_int_equal(draw_by_number(&set, SIZE_MAX, 0, parts, &error), TW_E_DATA);
  assert_int_equal(parts[0], 99);
  tw_parts_options options = {.per_class = 6};
  assert_int_equal(tw_parts_draw(&set.samples, NULL, &options, NULL, parts, &error), TW_E_DATA);
  assert_memory_equal(error.message, "class 1 has 5", 13);
  assert_int_equal(draw_by_number(&set, 4, 0, parts, &error), TW_OK);
  for (size_t i = 9; i < 13; i++) { /* all but one of class 1 stand under class 0, too */
    set.contents[i] = set.contents[i - 9];
  }
  assert_int_equal(draw_by_number(&set, 1, 0, parts, &error), TW_E_DATA);
  assert_string_equal(error.message,
                      "class 'b o' has 1 different picture: with a fixed number of each class for "
                      "training every class needs at least two");
  set.contents[13] = set.contents[4];
  assert_int_equal(draw_by_number(&set, 1, 0, parts, &error), TW_E_DATA);
  assert_non_null(strstr(error.message, "class 'b o' has nothing of its own"));
  set_free(&set);
}

static void given_parts_leave_no_number_to_draw(void **state) {
  (void)state;
  set set = set_make(12, 1, 2);
  uint8_t given[12] = {0};
  uint8_t parts[12];
  tw_error error;
  tw_parts_options options = {.per_class = 2};
  assert_int_equal(tw_parts_draw(&set.samples, given, &options, NULL, parts, &error), TW_E_ARGUMENT);
  set_free(&set);
}

/* ---- Folds ------------------------------------------------------------------------------------------------------- */

static void folds_are_stratified_and_level(void **state) {
  (void)state;
  const size_t counts[] = {7, 1, 12, 5};
  set set = set_of_counts(counts, 4);
  int32_t folds[25];
  tw_error error;
  assert_int_equal(tw_folds_draw(&set.samples, 4, 11, folds, &error), TW_OK);
  size_t sizes[4] = {0};
  for (uint32_t k = 0; k < 4; k++) {
    size_t each[4] = {0};
    for (size_t i = 0; i < 25; i++) {
      assert_in_range(folds[i], 0, 3);
      each[folds[i]] += set.labels[i] == k;
      sizes[folds[i]] += set.labels[i] == k;
    }
    for (size_t f = 0; f < 4; f++) {
      assert_in_range(each[f], counts[k] / 4, counts[k] / 4 + 1);
    }
  }
  for (size_t f = 0; f < 4; f++) {
    assert_in_range(sizes[f], 6, 7);
  }
  set_free(&set);
}

static void folds_must_make_sense(void **state) {
  (void)state;
  set set = set_make(6, 1, 2);
  int32_t folds[6] = {77, 77, 77, 77, 77, 77};
  tw_error error;
  assert_int_equal(tw_folds_draw(&set.samples, 0, 0, folds, &error), TW_E_ARGUMENT);
  assert_int_equal(tw_folds_draw(&set.samples, 1, 0, folds, &error), TW_E_ARGUMENT);
  assert_int_equal(tw_folds_draw(&set.samples, TW_MAX_FOLDS + 1, 0, folds, &error), TW_E_ARGUMENT);
  assert_int_equal(tw_folds_draw(&set.samples, 7, 0, folds, &error), TW_E_DATA);
  set.contents[0] = set.contents[2];
  assert_int_equal(tw_folds_draw(&set.samples, 6, 0, folds, &error), TW_E_DATA);
  assert_int_equal(folds[0], 77);
  set_free(&set);
}

static void every_allocation_may_fail(void **state) {
  (void)state;
  set set = set_make(30, 1, 3);
  uint8_t parts[30];
  int32_t folds[30];
  tw_error error;
  tw_parts_options options = tw_parts_defaults();
  size_t failures = 0;
  for (tw_status status = TW_E_MEMORY; status != TW_OK; failures++) {
    tw_memory_fail_after(failures + 1);
    status = tw_parts_draw(&set.samples, NULL, &options, NULL, parts, &error);
    tw_memory_fail_after(0);
    assert_true(status == TW_OK || status == TW_E_MEMORY);
  }
  assert_true(failures > 1);
  failures = 0;
  for (tw_status status = TW_E_MEMORY; status != TW_OK; failures++) {
    tw_memory_fail_after(failures + 1);
    status = draw_by_number(&set, 4, 0, parts, &error);
    tw_memory_fail_after(0);
    assert_true(status == TW_OK || status == TW_E_MEMORY);
  }
  assert_true(failures > 1);
  failures = 0;
  for (tw_status status = TW_E_MEMORY; status != TW_OK; failures++) {
    tw_memory_fail_after(failures + 1);
    status = tw_folds_draw(&set.samples, 3, 0, folds, &error);
    tw_memory_fail_after(0);
    assert_true(status == TW_OK || status == TW_E_MEMORY);
  }
  assert_true(failures > 1);
  set_free(&set);
}

static void parts_have_names(void **state) {
  (void)state;
  assert_string_equal(tw_part_name(TW_PART_TRAINING), "training");
  assert_string_equal(tw_part_name(TW_PART_LEAKED), "leaked");
  assert_string_equal(tw_part_name((tw_part)99), "unknown");
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(counts_are_rounded),
      cmocka_unit_test(shares_must_make_sense),
      cmocka_unit_test(labels_and_given_parts_must_exist),
      cmocka_unit_test(order_of_the_list_has_no_say),
      cmocka_unit_test(seeds_move_the_draw),
      cmocka_unit_test(one_more_picture_moves_at_most_one_at_a_boundary),
      cmocka_unit_test(copies_count_once),
      cmocka_unit_test(copies_do_not_move_others),
      cmocka_unit_test(given_parts_are_kept_and_missing_ones_drawn),
      cmocka_unit_test(leaks_leave_the_weaker_part),
      cmocka_unit_test(a_class_of_conflicts_is_named),
      cmocka_unit_test(a_class_only_in_the_test_is_named),
      cmocka_unit_test(so_many_of_each_class_are_training_and_all_others_test),
      cmocka_unit_test(what_is_training_with_few_is_training_with_more),
      cmocka_unit_test(draws_by_number_depend_on_content_and_seed_only),
      cmocka_unit_test(copies_do_not_count_towards_the_number),
      cmocka_unit_test(the_smallest_class_says_how_many_work),
      cmocka_unit_test(given_parts_leave_no_number_to_draw),
      cmocka_unit_test(folds_are_stratified_and_level),
      cmocka_unit_test(folds_must_make_sense),
      cmocka_unit_test(every_allocation_may_fail),
      cmocka_unit_test(parts_have_names),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
