/* The charts as files. Skipped where the module with cairo is not to be had. */
#include <math.h>
#include <string.h>

#include "report_outcome.h"
#include "support.h"

static tw_buffer draw(const tw_outcome *outcome, tw_report_chart chart) {
  tw_buffer file = {0};
  tw_error error = {0};
  tw_status status = tw_report_draw(outcome, chart, &file, &error);
  if (status == TW_E_UNSUPPORTED) {
    fprintf(stderr, "%s\n", error.message);
    exit(TW_TEST_SKIPPED);
  }
  assert_string_equal(status == TW_OK ? "" : error.message, "");
  tw_buffer_append(&file, "", 1);
  file.size--;
  return file;
}

/* The pixels of the longer side of a PNG. */
static size_t png_side(const tw_buffer *file) {
  static const uint8_t signature[8] = {0x89, 'P', 'N', 'G', '\r', '\n', 0x1a, '\n'};
  assert_true(file->size > 24);
  assert_memory_equal(file->data, signature, sizeof signature);
  size_t side = 0;
  for (size_t at = 16; at < 24; at += 4) {
    size_t value = (size_t)file->data[at] << 24 | (size_t)file->data[at + 1] << 16 | (size_t)file->data[at + 2] << 8 |
                   file->data[at + 3];
    side = value > side ? value : side;
  }
  return side;
}

static void every_chart_at_every_size(void **state) {
  (void)state;
  static const size_t classes[] = {2, 6, 101, 257, 3000};
  for (size_t i = 0; i < sizeof classes / sizeof *classes; i++) {
    made_outcome *made = make_outcome_of(classes[i], 3 * classes[i], NULL, 0);
    for (tw_report_chart chart = 0; chart < TW_CHART_COUNT; chart++) {
      assert_true(tw_report_has_chart(&made->outcome, chart));
      tw_buffer file = draw(&made->outcome, chart);
      if (chart == TW_CHART_CONFUSION_PNG || chart == TW_CHART_CURVES_PNG) {
        assert_in_range(png_side(&file), 300, 8000);
      } else {
        assert_non_null(strstr((const char *)file.data, "<svg "));
        assert_non_null(strstr((const char *)file.data, "</svg>"));
      }
      tw_buffer_done(&file);
    }
    made_outcome_free(made);
  }
}

/* cairo numbers the surfaces of a process, and writes the number into an SVG. */
static void forget_surface(tw_buffer *file) {
  static const char name[] = "id=\"surface";
  char *at = strstr((char *)file->data, name);
  for (char *digit = at == NULL ? (char *)"" : at + strlen(name); *digit >= '0' && *digit <= '9'; digit++) {
    *digit = '0';
  }
}

static void the_same_outcome_gives_the_same_bytes(void **state) {
  (void)state;
  for (tw_report_chart chart = 0; chart < TW_CHART_COUNT; chart++) {
    tw_buffer files[2];
    for (size_t i = 0; i < 2; i++) {
      made_outcome *made = make_outcome_of(12, 60, NULL, 0);
      files[i] = draw(&made->outcome, chart);
      forget_surface(&files[i]);
      made_outcome_free(made);
    }
    assert_int_equal(files[0].size, files[1].size);
    assert_memory_equal(files[0].data, files[1].data, files[0].size);
    tw_buffer_done(&files[0]);
    tw_buffer_done(&files[1]);
  }
}

static void odd_names_and_numbers(void **state) {
  (void)state;
  made_outcome *made = make_outcome_of(MADE_HOSTILE, 60, NULL, 0);
  make_names_hostile(made);
  made_rename(made, 5, made_long_name('x', 10000));
  made->points[1].log_loss = (double)NAN;
  made->points[2].accuracy = (double)INFINITY;
  made->metrics->each[2].precision = (double)NAN;
  for (tw_report_chart chart = 0; chart < TW_CHART_COUNT; chart++) {
    tw_buffer file = draw(&made->outcome, chart);
    assert_true(file.size > 1000);
    tw_buffer_done(&file);
  }
  made_outcome_free(made);
}

static void a_path_of_one_point(void **state) {
  (void)state;
  made_outcome *made = make_outcome_of(2, 20, NULL, 0);
  made->path.count = 1;
  made->path.chosen = 0;
  tw_buffer file = draw(&made->outcome, TW_CHART_PATH);
  assert_null(strstr((const char *)file.data, "nan"));
  tw_buffer_done(&file);
  made_outcome_free(made);
}

static void every_failed_allocation_is_an_error(void **state) {
  (void)state;
  made_outcome *made = make_outcome_of(3, 12, NULL, 0);
  for (tw_report_chart chart = 0; chart < TW_CHART_COUNT; chart++) {
    for (size_t n = 1;; n++) {
      tw_buffer file = {0};
      tw_memory_fail_after(n);
      tw_status status = tw_report_draw(&made->outcome, chart, &file, NULL);
      tw_memory_fail_after(0);
      tw_buffer_done(&file);
      if (status == TW_OK) {
        assert_true(n > 5);
        break;
      }
      assert_int_equal(status, TW_E_MEMORY);
    }
  }
  made_outcome_free(made);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(every_chart_at_every_size),
      cmocka_unit_test(the_same_outcome_gives_the_same_bytes),
      cmocka_unit_test(odd_names_and_numbers),
      cmocka_unit_test(a_path_of_one_point),
      cmocka_unit_test(every_failed_allocation_is_an_error),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
