/* The page and the charts of outcomes made by formula: what is in them, what must not be, how large they get. */
#include <math.h>
#include <string.h>

#include "report/html.h"
#include "report_outcome.h"
#include "support.h"

static tw_buffer page_of(const tw_outcome *outcome) {
  tw_buffer page = {0};
  tw_error error = {0};
  tw_status status = tw_report_page(outcome, 2, NULL, &page, &error);
  assert_string_equal(status == TW_OK ? "" : error.message, "");
  tw_buffer_append(&page, "", 1);
  return page;
}

static const char *text_of(const tw_buffer *page) {
  return (const char *)page->data;
}

static size_t count_of(const tw_buffer *page, const char *what) {
  size_t count = 0;
  for (const char *at = text_of(page); (at = strstr(at, what)) != NULL; at++) {
    count++;
  }
  return count;
}

/* A picture file of 40 x 20 pixels; its path is static. */
static char *make_picture(void) {
  static char path[] = "/tmp/topwork-report-XXXXXX";
  static uint8_t rgb[40 * 20 * 3];
  tw_image image = {40, 20, rgb};
  tw_buffer jpeg = {0};
  for (size_t i = 0; i < sizeof rgb; i++) {
    rgb[i] = (uint8_t)(i * 7);
  }
  if (strstr(path, "XXXXXX") != NULL) {
    int file = mkstemp(path);
    assert_true(file >= 0);
    close(file);
  }
  assert_int_equal(tw_image_encode_jpeg(&image, 80, &jpeg, NULL), TW_OK);
  assert_int_equal(tw_output_save(path, tw_buffer_bytes(&jpeg), NULL), TW_OK);
  tw_buffer_done(&jpeg);
  return path;
}

/* ---- What is in it ----------------------------------------------------------------------------------------------- */

static void figures_say_what_they_are_of(void **state) {
  (void)state;
  made_outcome *made = make_outcome_of(6, 120, NULL, 0);
  tw_buffer page = page_of(&made->outcome);
  char expected[64];
  snprintf(expected, sizeof expected, "<strong>%.1f\xc2\xa0%%</strong> accuracy", 100 * made->metrics->accuracy);
  assert_non_null(strstr(text_of(&page), expected));
  assert_int_equal(count_of(&page, "<p class=\"of\">Test part, 120 pictures</p>"), 7);
  assert_non_null(strstr(text_of(&page), "Always saying <bdi>001.class-number-1</bdi>"));
  assert_non_null(strstr(text_of(&page), "<dt>Top 5</dt>"));
  assert_non_null(strstr(text_of(&page), "360 training, 120 validation, 120 test"));
  assert_int_equal(count_of(&page, "too few</span></th>"), 0);
  tw_buffer_done(&page);
  made_outcome_free(made);
}

static void two_small_classes_without_top5(void **state) {
  (void)state;
  made_outcome *made = make_outcome_of(2, 12, NULL, 0);
  tw_buffer page = page_of(&made->outcome);
  assert_null(strstr(text_of(&page), "Top 5"));
  assert_int_equal(count_of(&page, "too few</span></th>"), 2);
  assert_non_null(strstr(text_of(&page), "2 classes have under 10 tested pictures"));
  tw_buffer_done(&page);
  made_outcome_free(made);
}

static void the_recipe_stands_beside_the_exact_top(void **state) {
  (void)state;
  static tw_epoch epochs[2] = {{0.5, 0.7, 0.5, 0.75, 0.25, 1.5}, {0.25, 0.6, 0.75, 0.8, 0.5, 2}};
  made_outcome *made = make_outcome_of(2, 12, NULL, 0);
  tw_history history = {.options = tw_recipe_defaults(), .count = 2, .epochs = epochs};
  made->outcome.history = &history;
  made->outcome.recipe_objective = 4.5;
  made->outcome.exact_objective = 4;
  made->outcome.exact_test = made->metrics;
  tw_buffer page = page_of(&made->outcome);
  assert_non_null(strstr(text_of(&page), "Trained by the recipe, which stopped 12.5 % above the optimum"));
  assert_non_null(strstr(text_of(&page), " is 4.5000, the least is 4.0000."));
  assert_non_null(strstr(text_of(&page), "The exact top, topwork\xe2\x80\x99s default, gets "));
  assert_non_null(strstr(text_of(&page),
                         "softmax by the tutorial's recipe: sgd, 2 epochs of batches of 128, learning "
                         "rate 0.01, times 0.9 every 500 steps; the weights of epoch 1 were kept, "
                         "those of the lowest validation loss (0.7500)"));
  tw_buffer_done(&page);
  made->outcome.history = NULL;
  page = page_of(&made->outcome);
  assert_null(strstr(text_of(&page), "recipe"));
  tw_buffer_done(&page);
  made_outcome_free(made);
}

static void folds_and_evaluations_are_named(void **state) {
  (void)state;
  static const double accuracies[2] = {0.75, 0.5};
  made_outcome *made = make_outcome_of(3, 30, NULL, 0);
  made->outcome.folds = 2;
  made->outcome.fold_accuracies = accuracies;
  made->outcome.fold_mean = 0.625;
  made->outcome.fold_deviation = 0.125;
  tw_buffer page = page_of(&made->outcome);
  assert_int_equal(count_of(&page, "<p class=\"of\">All 2 folds together, 30 pictures</p>"), 7);
  assert_non_null(strstr(text_of(&page), "62.5\xc2\xa0% \xc2\xb1 12.5"));
  tw_buffer_done(&page);
  made->outcome.folds = 0;
  made->outcome.evaluation = true;
  page = page_of(&made->outcome);
  assert_non_null(strstr(text_of(&page), "Pictures training has not seen, 30 pictures"));
  tw_buffer_done(&page);
  made_outcome_free(made);
}

static void draws_of_the_parts_are_named(void **state) {
  (void)state;
  static const double accuracies[2] = {0.75, 0.5};
  static const double class_accuracies[2] = {0.8128, 0.6128};
  made_outcome *made = make_outcome_of(3, 30, NULL, 0);
  made->outcome.history = NULL; /* whose table has many numbers */
  made->outcome.seed = 41;
  made->outcome.train_per_class = 15;
  made->outcome.repeats = 2;
  made->outcome.repeat_accuracies = accuracies;
  made->outcome.repeat_class_accuracies = class_accuracies;
  made->outcome.repeat_mean = 0.625;
  made->outcome.repeat_deviation = 0.125;
  made->outcome.repeat_class_mean = 0.7128;
  made->outcome.repeat_class_deviation = 0.0622;
  tw_buffer page = page_of(&made->outcome);
  assert_int_equal(count_of(&page, "<p class=\"of\">Test part of the first of 2 draws, 30 pictures</p>"), 7);
  assert_non_null(strstr(text_of(&page), "62.5\xc2\xa0% \xc2\xb1 12.5"));
  assert_non_null(strstr(text_of(&page), "71.3\xc2\xa0% \xc2\xb1 6.2"));
  assert_non_null(strstr(text_of(&page), "90 training (15 of each class), 30 test: all others"));
  assert_non_null(strstr(text_of(&page), ">42</th><td>50.0\xc2\xa0%</td><td>61.3\xc2\xa0%</td>"));
  tw_buffer_done(&page);
  made->outcome.evaluation = true;
  page = page_of(&made->outcome);
  assert_non_null(strstr(text_of(&page), "Pictures training has not seen, 30 pictures"));
  assert_null(strstr(text_of(&page), "62.5"));
  tw_buffer_done(&page);
  made_outcome_free(made);
}

static void pictures_are_embedded_and_gone_ones_are_boxes(void **state) {
  (void)state;
  char *paths[2] = {make_picture(), (char *)"/tmp/topwork-no-such-picture.jpg"};
  made_outcome *made = make_outcome_of(2, 8, paths, 2);
  tw_buffer page = page_of(&made->outcome);
  assert_true(count_of(&page, "<img width=\"40\" height=\"20\"") >= 4);
  assert_true(count_of(&page, "picture gone</div>") >= 4);
  assert_non_null(strstr(text_of(&page), "4 could not be read any more"));
  tw_buffer_done(&page);
  made->outcome.trunk_name = NULL;
  page = page_of(&made->outcome);
  assert_int_equal(count_of(&page, "<img"), 0);
  assert_int_equal(count_of(&page, "picture gone"), 0);
  assert_non_null(strstr(text_of(&page), "there are no pictures to show"));
  assert_non_null(strstr(text_of(&page), "8 rows"));
  tw_buffer_done(&page);
  made_outcome_free(made);
  unlink(paths[0]);
}

static void without_mistakes(void **state) {
  (void)state;
  made_outcome *made = make_outcome_of(4, 4, NULL, 0);
  for (size_t i = 0; i < 4; i++) {
    for (size_t j = 0; j < 4; j++) {
      made->probabilities[4 * i + j] = i == j ? 1 : 0;
    }
    made->rows[i].predicted_index = made->rows[i].label_index;
  }
  tw_metrics_free(made->metrics);
  assert_int_equal(tw_metrics_compute(made->probabilities, made->labels, 4, 4, 0, &made->metrics, NULL), TW_OK);
  made->outcome.test = made->metrics;
  tw_buffer page = page_of(&made->outcome);
  assert_int_equal(count_of(&page, "None: not a single mistake."), 2);
  assert_int_equal(count_of(&page, "class=\"wrong\""), 0);
  tw_buffer_done(&page);
  made_outcome_free(made);
}

static void without_a_test_or_a_path(void **state) {
  (void)state;
  made_outcome *made = make_outcome_of(3, 9, NULL, 0);
  made->outcome.test = NULL;
  made->outcome.path = NULL;
  made->outcome.history = NULL;
  for (size_t i = 0; i < 9; i++) {
    made->rows[i].tested = false;
  }
  tw_buffer page = page_of(&made->outcome);
  assert_non_null(strstr(text_of(&page), "was not measured"));
  assert_non_null(strstr(text_of(&page), "does not say which strengths were tried"));
  assert_null(strstr(text_of(&page), "id=\"cells\""));
  assert_null(strstr(text_of(&page), "#confusion"));
  assert_null(strstr(text_of(&page), "over the epochs"));
  assert_null(strstr(text_of(&page), "#random"));
  assert_null(strstr(text_of(&page), "makes of a picture"));
  tw_buffer_done(&page);
  for (tw_report_chart chart = 0; chart < TW_CHART_COUNT; chart++) {
    assert_false(tw_report_has_chart(&made->outcome, chart));
  }
  made_outcome_free(made);
}

static void what_was_left_out_is_listed(void **state) {
  (void)state;
  made_outcome *made = make_outcome_of(3, 9, NULL, 0);
  tw_skipped *skipped = tw_alloc(300, sizeof *skipped);
  char *empty[1] = {(char *)"hollow<"};
  char *notes[1] = {(char *)"classes 'a' and 'A' & more"};
  for (size_t i = 0; i < 300; i++) {
    skipped[i] = (tw_skipped){(char *)"photos/b\xff" "d.jpg", (char *)"0 bytes"};
  }
  made->rows[0].part = tw_part_name(TW_PART_CONFLICT);
  made->rows[1].part = tw_part_name(TW_PART_DUPLICATE);
  made->outcome.skipped = skipped;
  made->outcome.skipped_count = 300;
  made->outcome.empty = empty;
  made->outcome.empty_count = 1;
  made->outcome.notes = notes;
  made->outcome.note_count = 1;
  made->outcome.loose_count = 1;
  tw_buffer page = page_of(&made->outcome);
  assert_non_null(strstr(text_of(&page), "Skipped: 300"));
  assert_non_null(strstr(text_of(&page),
                         "<bdi>b\xef\xbf\xbd"
                         "d.jpg</bdi>"));
  assert_non_null(strstr(text_of(&page), "and 100 more"));
  assert_non_null(strstr(text_of(&page), "Conflicts: 1"));
  assert_non_null(strstr(text_of(&page), "Duplicates: 1"));
  assert_non_null(strstr(text_of(&page), "hollow&lt;"));
  assert_non_null(strstr(text_of(&page), "classes &#39;a&#39; and &#39;A&#39; &amp; more"));
  assert_non_null(strstr(text_of(&page), "1 picture lies directly"));
  tw_buffer_done(&page);
  tw_free(skipped);
  made_outcome_free(made);
}

/* ---- What must not be in it -------------------------------------------------------------------------------------- */

static void names_stay_names(void **state) {
  (void)state;
  made_outcome *made = make_outcome_of(MADE_HOSTILE, 60, NULL, 0);
  make_names_hostile(made);
  made->outcome.model_path = "d/</title><script>alert(2)</script>.onnx";
  made->rows[0].path = "photos/<img src=y onerror=alert(3)>.jpg";
  tw_buffer page = page_of(&made->outcome);
  assert_int_equal(count_of(&page, "<img"), 0);
  assert_int_equal(count_of(&page, "<svg onload"), 0);
  assert_int_equal(count_of(&page, "<!--"), 0);
  assert_int_equal(count_of(&page, "<script"), 2); /* the data and ours */
  assert_int_equal(count_of(&page, "</script"), 2);
  assert_int_equal(count_of(&page, "</style"), 1);
  assert_int_equal(count_of(&page, "</title"), 1);
  assert_true(count_of(&page, "&lt;/script&gt;") > 0);
  assert_true(count_of(&page, "line\\nbreak\\ttab\xef\xbf\xbd") > 0);
  for (size_t i = 0; i + 1 < page.size; i++) {
    assert_true(page.data[i] == '\n' || page.data[i] >= 0x20);
  }
  tw_buffer_done(&page);
  made_outcome_free(made);
}

static void nothing_is_fetched(void **state) {
  (void)state;
  char *picture = make_picture();
  made_outcome *made = make_outcome_of(6, 60, &picture, 1);
  tw_buffer page = page_of(&made->outcome);
  assert_int_equal(count_of(&page, "http:"), 0);
  assert_int_equal(count_of(&page, "https:"), 0);
  assert_int_equal(count_of(&page, "@import"), 0);
  assert_int_equal(count_of(&page, "<link"), 0);
  assert_int_equal(count_of(&page, "url("), 0);
  assert_int_equal(count_of(&page, "src=\"data:image/jpeg;base64,"), count_of(&page, "src="));
  assert_int_equal(count_of(&page, "href=\"#"), count_of(&page, "href="));
  for (const char *at = text_of(&page); (at = strstr(at, "//")) != NULL; at++) {
    assert_true(at[-1] != '"' && at[-1] != '\'' && at[-1] != '(' && at[-1] != ' '); /* base64 may hold it */
  }
  tw_buffer_done(&page);
  made_outcome_free(made);
  unlink(picture);
}

/* ---- Limits ------------------------------------------------------------------------------------------------------ */

static void long_names_are_cut_in_the_middle(void **state) {
  (void)state;
  made_outcome *made = make_outcome_of(3, 9, NULL, 0);
  made_rename(made, 1, made_long_name('x', 10000));
  memcpy(made->names[1], "begin", 5);
  memcpy(made->names[1] + 9997, "end", 3);
  tw_buffer page = page_of(&made->outcome);
  assert_null(strstr(text_of(&page), "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"));
  assert_non_null(strstr(text_of(&page), "beginxxxxxxxxxxxxxxxxxxxxxxxxx\xe2\x80\xa6xxxxxxxxxxxxxxxxxxxxxxxxxxend"));
  tw_buffer_done(&page);
  made_outcome_free(made);
}

static void five_thousand_classes_stay_under_the_limit(void **state) {
  (void)state;
  enum { CLASSES = 5000, COUNT = 10000 };
  char *picture = make_picture();
  made_outcome *made = make_outcome_of(CLASSES, COUNT, &picture, 1);
  for (size_t i = 0; i < CLASSES; i++) { /* the longest that a name gets on the page: each character five bytes */
    tw_free(made->names[i]);
    made->names[i] = made_long_name('\'', 300);
  }
  for (size_t i = 0; i < COUNT; i++) {
    made->rows[i].label = made->names[made->rows[i].label_index];
    made->rows[i].prediction = made->names[made->rows[i].predicted_index];
  }
  tw_buffer page = page_of(&made->outcome);
  assert_true(page.size <= TW_REPORT_MAX_BYTES);
  assert_non_null(strstr(text_of(&page), "</html>"));
  assert_non_null(strstr(text_of(&page), "for want of room"));
  assert_int_equal(count_of(&page, "<details"), count_of(&page, "</details>"));
  assert_non_null(strstr(text_of(&page), "The 2000 classes with the most mistakes of 5000"));
  tw_buffer_done(&page);
  made_outcome_free(made);
  unlink(picture);
}

static void what_is_shown_is_limited_and_counted(void **state) {
  (void)state;
  made_outcome *made = make_outcome_of(10, 10000, NULL, 0);
  size_t mistakes = made->metrics->count - made->metrics->correct;
  assert_true(mistakes > TW_REPORT_MAX_MISTAKES);
  tw_buffer page = page_of(&made->outcome);
  char expected[160];
  snprintf(expected, sizeof expected,
           "Shown above: 1500 mistakes and 120 right, at most 12 of a class. Left out: %zu mistakes and %zu right;",
           mistakes - 1500, made->metrics->correct - 120);
  assert_non_null(strstr(text_of(&page), expected));
  tw_buffer_done(&page);
  made_outcome_free(made);
}

static void every_failed_allocation_is_an_error(void **state) {
  (void)state;
  char *picture = make_picture();
  made_outcome *made = make_outcome_of(3, 12, &picture, 1);
  for (size_t n = 1;; n++) {
    tw_buffer page = {0};
    tw_memory_fail_after(n);
    tw_status status = tw_report_page(&made->outcome, 1, NULL, &page, NULL);
    tw_memory_fail_after(0);
    tw_buffer_done(&page);
    if (status == TW_OK) {
      assert_true(n > 100);
      break;
    }
    assert_int_equal(status, TW_E_MEMORY);
  }
  made_outcome_free(made);
  unlink(picture);
}

static bool say_stop(void *context, const tw_progress *progress) {
  (void)context;
  (void)progress;
  return false;
}

static void a_page_can_be_cancelled(void **state) {
  (void)state;
  made_outcome *made = make_outcome_of(3, 12, NULL, 0);
  tw_ticker ticker = {.callback = say_stop};
  tw_buffer page = {0};
  assert_int_equal(tw_report_page(&made->outcome, 1, &ticker, &page, NULL), TW_E_CANCELLED);
  tw_buffer_done(&page);
  made_outcome_free(made);
}

static void not_a_number_becomes_a_dash(void **state) {
  (void)state;
  made_outcome *made = make_outcome_of(3, 12, NULL, 0);
  made->metrics->log_loss = (double)NAN;
  made->metrics->each[1].precision = (double)NAN;
  made->metrics->each[1].f1 = (double)NAN;
  made->points[2].log_loss = (double)NAN;
  made->points[3].accuracy = (double)INFINITY;
  made->rows[3].probability = NAN;
  made->rows[4].own_probability = NAN;
  tw_buffer page = page_of(&made->outcome);
  assert_int_equal(count_of(&page, "nan"), 0);
  assert_true(count_of(&page, "<td data-v=\"-1\">") == 2);
  tw_buffer_done(&page);
  made_outcome_free(made);
}

/* ---- Labels and numbers ------------------------------------------------------------------------------------------ */

static void labels_are_cut_between_characters(void **state) {
  (void)state;
  static const struct {
    const char *bytes;
    size_t limit;
    const char *expected;
  } cases[] = {
      {"", 5, ""},
      {"short", 5, "short"},
      {"longer", 5,
       "lo\xe2\x80\xa6"
       "er"},
      {"\xc3\xa4\xc3\xb6\xc3\xbc\xc3\xa4\xc3\xb6\xc3\xbc", 5, "\xc3\xa4\xc3\xb6\xe2\x80\xa6\xc3\xb6\xc3\xbc"},
      {"a\xff\n\x7f", 9, "a\xef\xbf\xbd\\n\xef\xbf\xbd"},
      {"ab", 1, "\xe2\x80\xa6"},
  };
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    tw_buffer label = {0};
    tw_label_set(&label, cases[i].bytes, cases[i].limit);
    assert_string_equal((const char *)label.data, cases[i].expected);
    tw_buffer_done(&label);
  }
}

static void numbers_do_not_ask_the_locale(void **state) {
  (void)state;
  static const struct {
    double value;
    int decimals;
    const char *fixed;
    const char *brief;
  } cases[] = {{0.98765, 2, "0.99", "0.988"},
               {-1.25, 1, "-1.3", "-1.25"},
               {31.622776601683793, 0, "32", "31.6"},
               {0.0316227, 3, "0.032", "0.0316"},
               {-0.001, 1, "0.0", "-0.001"},
               {12345, 0, "12345", "12300"},
               {10, 0, "10", "10"}};
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    tw_buffer text = {0};
    tw_html_fixed(&text, cases[i].value, cases[i].decimals);
    tw_buffer_text(&text, "|");
    tw_html_short(&text, cases[i].value);
    tw_buffer_append(&text, "", 1);
    char expected[64];
    snprintf(expected, sizeof expected, "%s|%s", cases[i].fixed, cases[i].brief);
    assert_string_equal((const char *)text.data, expected);
    tw_buffer_done(&text);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(figures_say_what_they_are_of),
      cmocka_unit_test(two_small_classes_without_top5),
      cmocka_unit_test(the_recipe_stands_beside_the_exact_top),
      cmocka_unit_test(folds_and_evaluations_are_named),
      cmocka_unit_test(draws_of_the_parts_are_named),
      cmocka_unit_test(pictures_are_embedded_and_gone_ones_are_boxes),
      cmocka_unit_test(without_mistakes),
      cmocka_unit_test(without_a_test_or_a_path),
      cmocka_unit_test(what_was_left_out_is_listed),
      cmocka_unit_test(names_stay_names),
      cmocka_unit_test(nothing_is_fetched),
      cmocka_unit_test(long_names_are_cut_in_the_middle),
      cmocka_unit_test(five_thousand_classes_stay_under_the_limit),
      cmocka_unit_test(what_is_shown_is_limited_and_counted),
      cmocka_unit_test(every_failed_allocation_is_an_error),
      cmocka_unit_test(a_page_can_be_cancelled),
      cmocka_unit_test(not_a_number_becomes_a_dash),
      cmocka_unit_test(labels_are_cut_between_characters),
      cmocka_unit_test(numbers_do_not_ask_the_locale),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
