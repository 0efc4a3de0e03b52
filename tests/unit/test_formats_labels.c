/* labels.txt as people and tools write it, with and without numbers; every mistake in it is an error that says where it
 * is and what would be right. */
#include <string.h>

#include "formats/formats.h"
#include "support.h"

static tw_status parse(const char *text, size_t size, size_t count, tw_labels *ret_labels, tw_error *error) {
  return tw_labels_parse("l.txt", (tw_bytes){(const uint8_t *)text, size}, count, ret_labels, error);
}

/* `text` gives these labels, written with a '|' after each. */
static void gives(const char *text, size_t count, const char *wanted) {
  tw_labels labels;
  tw_error error;
  if (parse(text, strlen(text), count, &labels, &error) != TW_OK) {
    fail_msg("%s: %s", text, error.message);
  }
  assert_int_equal(labels.count, count);
  assert_null(labels.synsets);
  tw_buffer got = {0};
  tw_buffer_text(&got, "");
  for (size_t i = 0; i < count; i++) {
    tw_buffer_format(&got, "%s|", labels.texts[i]);
  }
  assert_string_equal((const char *)got.data, wanted);
  tw_buffer_done(&got);
  tw_labels_done(&labels);
}

static void fails_sized(const char *text, size_t size, size_t count, tw_status expected, const char *words) {
  tw_labels labels = {.count = 77};
  tw_error error = {0};
  tw_status status = parse(text, size, count, &labels, &error);
  if (status != expected || strstr(error.message, words) == NULL || strncmp(error.message, "l.txt: ", 7) != 0) {
    fail_msg("'%s': wanted %d '%s', got %d '%s'", text, expected, words, status, error.message);
  }
  assert_int_equal(labels.count, 77);
}

static void fails(const char *text, size_t count, const char *words) {
  fails_sized(text, strlen(text), count, TW_E_FORMAT, words);
}

static void one_label_a_line(void **state) {
  (void)state;
  gives("a\nb\nc\n", 3, "a|b|c|");
  gives("a\nb\nc", 3, "a|b|c|");
  gives("a\r\nb\r\nc\r\n", 3, "a|b|c|");
  gives(
      "\xef\xbb\xbf"
      "a\nb\nc\n",
      3, "a|b|c|");
  gives("a\nb\n\n \t\r\n\n", 2, "a|b|");
  gives("  a b \t\n\tc\r", 2, "a b|c|");
  gives("tench, Tinca tinca\ncrane\ncrane\n", 3, "tench, Tinca tinca|crane|crane|");
  gives("caf\xc3\xa9\n\xe7\x86\x8a\xe7\x8c\xab\n", 2, "caf\xc3\xa9|\xe7\x86\x8a\xe7\x8c\xab|");
  gives("only", 1, "only|");
}

static void numbers_say_where_a_label_belongs(void **state) {
  (void)state;
  gives("0:background\n1:tench, Tinca tinca\n", 2, "background|tench, Tinca tinca|");
  gives("0: a\n1: b\n", 2, "a|b|");
  gives("0 a\n1 b\n", 2, "a|b|");
  gives("0\ta\n1  b\n", 2, "a|b|");
  gives("2:c\n0:a\n1: b\n", 3, "a|b|c|");
  gives("1:b\r\n0:a\r\n\r\n", 2, "a|b|");
  gives("000 a\n001 b\n", 2, "a|b|");
  gives("0:3:10 to Yuma\n1:x:y\n", 2, "3:10 to Yuma|x:y|");
  gives("0 : a\n1 : b\n", 2, "a|b|");
  gives("0 1\n1 0\n", 2, "1|0|");
  gives("0:0 x\n1:10 z\n2:2 w\n", 3, "0 x|10 z|2 w|");
  gives(
      "\xef\xbb\xbf"
      "0:a\n",
      1, "a|");
}

static void numbers_that_are_part_of_a_label_stay(void **state) {
  (void)state;
  gives("1 euro coin\n2 euro coin\n", 2, "1 euro coin|2 euro coin|");
  gives("10 cent\n20 cent\n5 cent\n", 3, "10 cent|20 cent|5 cent|");
  gives("0\n1\n2\n", 3, "0|1|2|");
  gives("1 euro coin\n1 euro coin, old\n", 2, "1 euro coin|1 euro coin, old|");
  gives("0 degrees\n90 degrees\nupside down\n", 3, "0 degrees|90 degrees|upside down|");
  gives("other\n1: b\n", 2, "other|1: b|");
  gives("001.Black_footed_Albatross\n002.Laysan_Albatross\n", 2, "001.Black_footed_Albatross|002.Laysan_Albatross|");
  gives("0123456789 a\n1 b\n", 2, "0123456789 a|1 b|");
}

static void wrong_numbers_are_named(void **state) {
  (void)state;
  fails("0:a\n1:b\n1:c\n", 3, "lines 2 and 3 both have the number 1");
  fails("0 a\n0 b\n", 2, "line 2 has the number 0 where 1 would be next");
  fails("0 x\n10 z\n2 w\n", 3,
        "line 2 has the number 10 where 1 would be next; are these the outputs' numbers, or part "
        "of the labels? Begin every line with its output's number and a colon, as in '1:label'");
  fails("2 c\n0 a\n1 b\n", 3, "line 1 has the number 2 where 0 would be next");
  fails("0:a\n2:b\n", 2, "line 2 has the number 2, but the network's outputs are 0 to 1");
  fails("0 a\n7 b\n", 2, "line 2 has the number 7 where 1 would be next");
  fails("1:a\n2:b\n", 2, "line 2 has the number 2, but the network's outputs are 0 to 1; numbers begin with 0");
  fails("0:a\nb\n", 2, "line 2 does not begin with the number of its output, as the first line does");
  fails("0:a\n1:\n", 2, "line 2 has a number, but no label");
  fails("0:a\n1\n", 2, "line 2 does not begin with the number");
  fails("0:a\n1234567890:b\n", 2, "line 2 does not begin with the number");
  fails("0:a\n999999999:b\n", 2, "line 2 has the number 999999999");
}

static void wrong_counts_say_both(void **state) {
  (void)state;
  tw_labels labels;
  tw_error error;
  assert_int_equal(parse("0:a\n1:b\n3:d\n", 12, 4, &labels, &error), TW_E_FORMAT);
  assert_null(strstr(error.message, "background")); /* that would be the first */
  fails("", 4, "has 0 labels, but the network has 4 outputs");
  fails("\n\r\n \n", 4, "has 0 labels, but the network has 4 outputs");
  fails("\xef\xbb\xbf", 4, "has 0 labels, but the network has 4 outputs");
  fails("a\nb\n", 4, "has 2 labels, but the network has 4 outputs");
  fails("a\n", 4, "has 1 label, but the network has 4 outputs");
  fails("a\nb\nc\n", 1, "has 3 labels, but the network has 1 output");
  fails("a\n", 0, "has 1 label, but the network has 0 outputs");
  fails("a\nb\nc\n", 4, "has 3 labels, but the network has 4 outputs; such networks often have an output 'background'");
  fails("a\nb\nc\nd\ne\n", 4,
        "has 5 labels, but the network has 4 outputs; such files often have a label 'background'");
  fails("0:a\n1:b\n3:d\n", 4, "has 3 labels, but the network has 4 outputs; output 2 is the first without one");
  fails("1:a\n2:b\n3:c\n", 4, "output 0 is the first without one; such networks often have an output 'background'");
  fails("0:a\n1:b\n2:c\n", 2, "has 3 labels, but the network has 2 outputs");
}

static void what_is_no_text_is_named(void **state) {
  (void)state;
  fails("a\nb\n\nd\n", 4, "line 3 is empty");
  fails("\n\na\n", 3, "line 1 is empty");
  fails("a\n \t\r\nc\n", 3, "line 2 is empty");
  fails("a\nb\n\xff\nd\n", 4, "line 3 is not UTF-8");
  fails("a\n\xed\xa0\x80\n", 2, "line 2 is not UTF-8"); /* half of a surrogate pair */
  fails("a\rb\rc", 3, "line 1 holds the control character 0x0d");
  fails("\x1b[31mred\nb\n", 2, "line 1 holds the control character 0x1b");
  fails("a\nb\x7f\n", 2, "line 2 holds the control character 0x7f");
  fails_sized("a\nb\0\n", 5, 2, TW_E_FORMAT, "line 2 holds the control character 0x00");
  fails_sized("\0\0\0", 3, 1, TW_E_FORMAT, "line 1 holds the control character 0x00");
  fails_sized(
      "\xff\xfe"
      "a\0\n\0",
      6, 1, TW_E_FORMAT, "is UTF-16; save it as UTF-8");
  fails_sized("\xfe\xff\0a", 4, 1, TW_E_FORMAT, "is UTF-16; save it as UTF-8");
}

static void other_kinds_of_files_are_told(void **state) {
  (void)state;
  fails("# labels\nentry {\n  target_class: 0\n}\n", 1, "is a map from outputs to synsets");
  fails("item {\n  id: 1\n  name: 'x'\n}\n", 1, "is a map from outputs to synsets");
  fails("n00004475\torganism, being\nn00005787\tbenthos\n", 2, "is a list of synsets and their names");
  gives("n00004475 organism, being\n", 1, "n00004475 organism, being|"); /* Caffe's, in the order of the outputs */
}

static void kinds_are_told_by_the_beginning(void **state) {
  (void)state;
  static const struct {
    const char *text;
    tw_labels_kind kind;
  } cases[] = {
      {"", TW_LABELS_PLAIN},
      {"# only a comment", TW_LABELS_PLAIN},
      {"entry", TW_LABELS_PLAIN},
      {"entry\n{", TW_LABELS_PLAIN},
      {"{", TW_LABELS_PLAIN},
      {"Entry {", TW_LABELS_PLAIN},
      {"entry {", TW_LABELS_IMAGENET_MAP},
      {"\xef\xbb\xbf# c\r\n\r\n  entry{", TW_LABELS_IMAGENET_MAP},
      {"entry: {", TW_LABELS_IMAGENET_MAP},
      {"n12345678\tx", TW_LABELS_IMAGENET_NAMES},
      {"n12345678\t", TW_LABELS_PLAIN},
      {"n12345678 x", TW_LABELS_PLAIN},
      {"n1234567\tx", TW_LABELS_PLAIN},
      {"v12345678\tx", TW_LABELS_PLAIN},
      {"cat\nn12345678\tx", TW_LABELS_PLAIN},
  };
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    assert_int_equal(tw_labels_sniff(tw_bytes_of(cases[i].text)), cases[i].kind);
  }
}

static void limits_hold(void **state) {
  (void)state;
  tw_buffer text = {0};
  for (size_t i = 0; i < TW_LABELS_MAX_COUNT; i++) {
    tw_buffer_text(&text, "x\n");
  }
  tw_labels labels;
  tw_error error;
  assert_int_equal(parse((const char *)text.data, text.size, TW_LABELS_MAX_COUNT, &labels, &error), TW_OK);
  tw_labels_done(&labels);
  tw_buffer_text(&text, "x\n");
  fails_sized((const char *)text.data, text.size, TW_LABELS_MAX_COUNT, TW_E_LIMIT, "more than 65536 labels");
  fails_sized("0:a\n", 4, TW_LABELS_MAX_COUNT + 1, TW_E_LIMIT, "the network has 65537 outputs");
  tw_buffer_done(&text);
  char *huge = tw_alloc(TW_LABELS_MAX_TEXT + 1, 1);
  assert_non_null(huge);
  fails_sized(huge, TW_LABELS_MAX_TEXT + 1, 1, TW_E_LIMIT, "is longer than 64 MiB");
  memset(huge, 'x', TW_LABELS_MAX_TEXT);
  assert_int_equal(parse(huge, TW_LABELS_MAX_TEXT, 1, &labels, &error), TW_OK);
  assert_int_equal(strlen(labels.texts[0]), TW_LABELS_MAX_TEXT);
  tw_labels_done(&labels);
  tw_free(huge);
}

static void people_call_things_by_the_first_name(void **state) {
  (void)state;
  assert_int_equal(tw_label_short_length("giant panda, panda, panda bear"), 11);
  assert_int_equal(tw_label_short_length("benthos"), 7);
  assert_int_equal(tw_label_short_length(""), 0);
  assert_int_equal(tw_label_short_length(", odd"), 5);
}

static void memory_may_run_out(void **state) {
  (void)state;
  static const char text[] = "0:a\n1:b\n";
  for (size_t n = 1;; n++) {
    tw_labels labels = {0};
    tw_memory_fail_after(n);
    tw_status status = parse(text, sizeof text - 1, 2, &labels, NULL);
    tw_memory_fail_after(0);
    tw_labels_done(&labels);
    if (status == TW_OK) {
      assert_int_equal(n, 5);
      return;
    }
    assert_int_equal(status, TW_E_MEMORY);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(one_label_a_line),
      cmocka_unit_test(numbers_say_where_a_label_belongs),
      cmocka_unit_test(numbers_that_are_part_of_a_label_stay),
      cmocka_unit_test(wrong_numbers_are_named),
      cmocka_unit_test(wrong_counts_say_both),
      cmocka_unit_test(what_is_no_text_is_named),
      cmocka_unit_test(other_kinds_of_files_are_told),
      cmocka_unit_test(kinds_are_told_by_the_beginning),
      cmocka_unit_test(limits_hold),
      cmocka_unit_test(people_call_things_by_the_first_name),
      cmocka_unit_test(memory_may_run_out),
  };
  return cmocka_run_group_tests_name("formats_labels", tests, NULL, NULL);
}
