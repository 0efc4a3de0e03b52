/* history.csv and history.xlsx. The workbook is taken apart here: an archive (APPNOTE 6.3.4 of PKWARE) of XML, deflated
 * (zlib), so that what is checked are the cells and the charts, not the library's word for them. */
#include <math.h>
#include <string.h>
#include <zlib.h>

#include "report_outcome.h"
#include "support.h"

static const char *text_of(tw_buffer *buffer) {
  tw_buffer_append(buffer, "", 1);
  assert_false(buffer->failed);
  buffer->size--;
  return (const char *)buffer->data;
}

/* ---- CSV --------------------------------------------------------------------------------------------------------- */

#define HEADER "epoch,learning_rate,training_loss,training_accuracy,validation_loss,validation_accuracy,seconds\n"

static void two_epochs_as_csv(void **state) {
  (void)state;
  tw_epoch epochs[2] = {{0.01, 1.25, 0.5, 1.5, 0.25, 0.125}, {0.009, 0.1, 1, (double)NAN, (double)NAN, 0}};
  tw_history history = {.count = 2, .epochs = epochs};
  tw_buffer csv = {0};
  tw_report_history_csv(&history, &csv);
  assert_string_equal(text_of(&csv), HEADER "1,0.01,1.25,0.5,1.5,0.25,0.125\n2,0.009,0.1,1,,,0\n");
  tw_buffer_done(&csv);
}

static void csv_reads_back_to_the_bit(void **state) {
  (void)state;
  made_outcome *made = make_outcome_of(2, 2, NULL, 0);
  tw_buffer csv = {0};
  tw_report_history_csv(&made->history, &csv);
  tw_history back;
  assert_int_equal(tw_report_history_parse("h.csv", tw_buffer_bytes(&csv), &back, NULL), TW_OK);
  assert_int_equal(back.count, MADE_EPOCHS);
  assert_int_equal(back.best, MADE_BEST);
  assert_memory_equal(back.epochs, made->epochs, sizeof made->epochs);
  tw_free(back.epochs);
  tw_buffer_done(&csv);
  made_outcome_free(made);
}

static tw_status parse(const char *text, tw_history *ret_history, tw_error *error) {
  return tw_report_history_parse("h.csv", tw_bytes_of(text), ret_history, error);
}

static void the_best_epoch_is_found_again(void **state) {
  (void)state;
  static const struct {
    const char *rows;
    size_t best;
  } cases[] = {
      {"1,1,1,1,0.5,1,1\n2,1,1,1,0.25,1,1\n3,1,1,1,0.25,1,1\n", 1}, /* the first of equals */
      {"1,1,1,1,,,1\n2,1,1,1,,,1\n", 1},                            /* without validation the last */
      {"1,1,1,1,,,1\n2,1,1,1,3,0,1\n3,1,1,1,,,1", 1},               /* no newline at the end */
      {"1,1,1,1,2,0,1\r\n2,1,1,1,3,0,1\r\n", 0},
  };
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    char text[400];
    tw_history history;
    tw_error error = {0};
    snprintf(text, sizeof text, HEADER "%s", cases[i].rows);
    assert_int_equal(parse(text, &history, &error), TW_OK);
    assert_int_equal(history.best, cases[i].best);
    tw_free(history.epochs);
  }
}

static void wrong_csv_is_named(void **state) {
  (void)state;
  static const struct {
    const char *text;
    const char *said;
  } cases[] = {
      {"", "h.csv: is no history.csv of topwork"},
      {"path,part,label\n", "h.csv: is no history.csv of topwork"},
      {"epoch,learning_rate\n", "h.csv: is no history.csv of topwork"},
      {HEADER, "h.csv: holds no epoch"},
      {HEADER "1,1,1,1,1,1\n", "h.csv: line 2: has 6 columns, not 7"},
      {HEADER "1,1,1,1,1,1,1,1\n", "h.csv: line 2: has 8 columns, not 7"},
      {HEADER "1,1,1,1,1,1,1\n\n", "h.csv: line 3: has 1 columns, not 7"},
      {HEADER "2,1,1,1,1,1,1\n", "h.csv: line 2: epoch 1 should be here"},
      {HEADER "1,1,1,1,1,1,1\n1,1,1,1,1,1,1\n", "h.csv: line 3: epoch 2 should be here"},
      {HEADER "1,1,nan,1,1,1,1\n", "h.csv: line 2: training_loss wants a number of 0 or more, not 'nan'"},
      {HEADER "1,1,-1,1,1,1,1\n", "h.csv: line 2: training_loss wants a number of 0 or more, not '-1'"},
      {HEADER "1,1,,1,1,1,1\n", "h.csv: line 2: training_loss wants a number of 0 or more, not ''"},
      {HEADER "1,1,1,1.5,1,1,1\n", "h.csv: line 2: training_accuracy wants a number from 0 to 1, not '1.5'"},
      {HEADER "1,1,1,1,1,yes,1\n", "h.csv: line 2: validation_accuracy wants a number from 0 to 1, not 'yes'"},
      {HEADER "1,1,1,1,1,1,1e999\n", "h.csv: line 2: seconds wants a number of 0 or more, not '1e999'"},
  };
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    tw_history history = {.count = 77};
    tw_error error = {0};
    assert_int_equal(parse(cases[i].text, &history, &error), TW_E_FORMAT);
    assert_non_null(strstr(error.message, cases[i].said));
    assert_int_equal(history.count, 77);
  }
}

static void too_many_epochs_are_refused(void **state) {
  (void)state;
  tw_buffer text = {0};
  tw_buffer_text(&text, HEADER);
  for (size_t i = 0; i <= TW_RECIPE_MAX_EPOCHS; i++) {
    tw_buffer_text(&text, "\n");
  }
  tw_error error = {0};
  tw_history history;
  assert_int_equal(tw_report_history_parse("h.csv", tw_buffer_bytes(&text), &history, &error), TW_E_LIMIT);
  tw_buffer_done(&text);
}

/* ---- Workbook ---------------------------------------------------------------------------------------------------- */

static size_t number_at(const tw_buffer *file, size_t at, size_t size) {
  assert_true(at + size <= file->size);
  size_t value = 0;
  for (size_t i = size; i > 0; i--) {
    value = value << 8 | file->data[at + i - 1];
  }
  return value;
}

/* The member `name` of the archive as text; the caller's to tw_free. */
static char *member_of(const tw_buffer *file, const char *name) {
  enum { END = 22, ENTRY = 46, LOCAL = 30 };
  size_t end = file->size - END; /* the library writes no comment */
  assert_int_equal(number_at(file, end, 4), 0x06054b50);
  size_t at = number_at(file, end + 16, 4);
  for (size_t left = number_at(file, end + 10, 2); left > 0; left--) {
    size_t name_size = number_at(file, at + 28, 2);
    assert_int_equal(number_at(file, at, 4), 0x02014b50);
    if (name_size == strlen(name) && memcmp(file->data + at + ENTRY, name, name_size) == 0) {
      size_t packed = number_at(file, at + 20, 4);
      size_t size = number_at(file, at + 24, 4);
      size_t local = number_at(file, at + 42, 4);
      size_t data = local + LOCAL + number_at(file, local + 26, 2) + number_at(file, local + 28, 2);
      assert_int_equal(number_at(file, at + 10, 2), Z_DEFLATED);
      assert_true(data + packed <= file->size);
      char *text = tw_alloc(size + 1, 1);
      z_stream stream = {.next_in = file->data + data,
                         .avail_in = (uInt)packed,
                         .next_out = (unsigned char *)text,
                         .avail_out = (uInt)size};
      assert_int_equal(inflateInit2(&stream, -MAX_WBITS), Z_OK);
      assert_int_equal(inflate(&stream, Z_FINISH), Z_STREAM_END);
      inflateEnd(&stream);
      assert_int_equal(crc32(0, (const unsigned char *)text, (uInt)size), number_at(file, at + 16, 4));
      return text;
    }
    at += ENTRY + name_size + number_at(file, at + 30, 2) + number_at(file, at + 32, 2);
  }
  fail_msg("%s is not in the archive", name);
  return NULL;
}

static tw_buffer workbook_of(const tw_history *history) {
  tw_buffer file = {0};
  tw_error error = {0};
  tw_status status = tw_report_history_xlsx(history, &file, &error);
  if (status == TW_E_UNSUPPORTED) {
    fprintf(stderr, "%s\n", error.message);
    exit(TW_TEST_SKIPPED);
  }
  assert_string_equal(status == TW_OK ? "" : error.message, "");
  return file;
}

static void expect(const tw_buffer *file, const char *member, const char *text) {
  char *content = member_of(file, member);
  if (strstr(content, text) == NULL) {
    fail_msg("%s has no '%s': %s", member, text, content);
  }
  tw_free(content);
}

static size_t count_of(const tw_buffer *file, const char *member, const char *text) {
  char *content = member_of(file, member);
  size_t count = 0;
  for (const char *at = content; (at = strstr(at, text)) != NULL; at++) {
    count++;
  }
  tw_free(content);
  return count;
}

static void the_workbook_has_the_cells(void **state) {
  (void)state;
  made_outcome *made = make_outcome_of(2, 2, NULL, 0);
  made->epochs[4] = (tw_epoch){0.125, 2.5, 0.75, (double)NAN, (double)NAN, 0.5};
  tw_buffer file = workbook_of(&made->history);
  expect(&file, "xl/workbook.xml", "<sheet name=\"history\"");
  expect(&file, "xl/sharedStrings.xml",
         "<t>epoch</t></si><si><t>learning_rate</t></si><si><t>training_loss</t></si><si><t>training_accuracy</t></si>"
         "<si><t>validation_loss</t></si><si><t>validation_accuracy</t></si><si><t>seconds</t></si></sst>");
  assert_int_equal(count_of(&file, "xl/worksheets/sheet1.xml", "<row "), MADE_EPOCHS + 1);
  /* The fifth epoch, without validation: E6 and F6 are empty. */
  expect(&file, "xl/worksheets/sheet1.xml",
         "<c r=\"A6\"><v>5</v></c><c r=\"B6\"><v>0.125</v></c><c r=\"C6\"><v>2.5</v></c><c r=\"D6\"><v>0.75</v></c>"
         "<c r=\"G6\"><v>0.5</v></c>");
  expect(&file, "xl/worksheets/sheet1.xml", "<c r=\"A51\"><v>50</v></c>");
  tw_buffer_done(&file);
  made_outcome_free(made);
}

static void the_workbook_has_two_charts(void **state) {
  (void)state;
  made_outcome *made = make_outcome_of(2, 2, NULL, 0);
  tw_buffer file = workbook_of(&made->history);
  expect(&file, "xl/charts/chart1.xml", "<a:t>Loss</a:t>");
  expect(&file, "xl/charts/chart1.xml", "<c:f>history!$C$2:$C$51</c:f>");
  expect(&file, "xl/charts/chart1.xml", "<c:f>history!$E$2:$E$51</c:f>");
  expect(&file, "xl/charts/chart2.xml", "<a:t>Accuracy</a:t>");
  expect(&file, "xl/charts/chart2.xml", "<c:f>history!$D$2:$D$51</c:f>");
  expect(&file, "xl/charts/chart2.xml", "<c:f>history!$F$2:$F$51</c:f>");
  expect(&file, "xl/charts/chart2.xml", "<c:f>history!$A$2:$A$51</c:f>");
  tw_buffer_done(&file);
  for (size_t i = 0; i < MADE_EPOCHS; i++) {
    made->epochs[i].validation_loss = (double)NAN;
    made->epochs[i].validation_accuracy = (double)NAN;
  }
  file = workbook_of(&made->history);
  assert_int_equal(count_of(&file, "xl/charts/chart1.xml", "<c:ser>"), 1);
  tw_buffer_done(&file);
  made_outcome_free(made);
}

static void the_workbook_knows_no_clock(void **state) {
  (void)state;
  made_outcome *made = make_outcome_of(2, 2, NULL, 0);
  tw_buffer first = workbook_of(&made->history);
  tw_buffer second = workbook_of(&made->history);
  assert_int_equal(first.size, second.size);
  assert_memory_equal(first.data, second.data, first.size);
  expect(&first, "docProps/core.xml", ">1980-01-01T00:00:00Z</dcterms:created>");
  expect(&first, "docProps/core.xml", ">1980-01-01T00:00:00Z</dcterms:modified>");
  size_t at = number_at(&first, first.size - 6, 4);
  assert_int_equal(number_at(&first, at + 12, 4), 0x00210000); /* 1980-01-01, midnight, as MS-DOS has it */
  tw_buffer_done(&first);
  tw_buffer_done(&second);
  made_outcome_free(made);
}

static void the_longest_history_has_room(void **state) {
  (void)state;
  tw_epoch *epochs = tw_alloc(TW_RECIPE_MAX_EPOCHS, sizeof *epochs);
  tw_history history = {.count = TW_RECIPE_MAX_EPOCHS, .epochs = epochs};
  tw_buffer file = workbook_of(&history);
  expect(&file, "xl/worksheets/sheet1.xml", "<c r=\"A100001\"><v>100000</v></c>");
  tw_buffer_done(&file);
  tw_free(epochs);
}

static void every_failed_allocation_is_an_error(void **state) {
  (void)state;
  made_outcome *made = make_outcome_of(2, 2, NULL, 0);
  size_t n = 1;
  for (tw_status status = TW_E_MEMORY; status != TW_OK; n++) {
    tw_buffer csv = {0};
    tw_buffer file = {0};
    tw_history back = {0};
    tw_memory_fail_after(n);
    tw_report_history_csv(&made->history, &csv);
    status = tw_buffer_status(&csv, NULL);
    if (status == TW_OK) {
      status = tw_report_history_parse("h.csv", tw_buffer_bytes(&csv), &back, NULL);
    }
    if (status == TW_OK) {
      status = tw_report_history_xlsx(&made->history, &file, NULL);
    }
    tw_memory_fail_after(0);
    assert_true(status == TW_OK || status == TW_E_MEMORY);
    tw_free(back.epochs);
    tw_buffer_done(&csv);
    tw_buffer_done(&file);
  }
  assert_true(n > 5);
  made_outcome_free(made);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(two_epochs_as_csv),
      cmocka_unit_test(csv_reads_back_to_the_bit),
      cmocka_unit_test(the_best_epoch_is_found_again),
      cmocka_unit_test(wrong_csv_is_named),
      cmocka_unit_test(too_many_epochs_are_refused),
      cmocka_unit_test(the_workbook_has_the_cells),
      cmocka_unit_test(the_workbook_has_two_charts),
      cmocka_unit_test(the_workbook_knows_no_clock),
      cmocka_unit_test(the_longest_history_has_room),
      cmocka_unit_test(every_failed_allocation_is_an_error),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
