/* The two label files of Inception 2015 together: what belongs to which output, and every way in which they can be
 * wrong or not fit each other. */
#include <string.h>

#include "formats/formats.h"
#include "support.h"

#define ENTRY(target, synset) "entry {\n  target_class: " target "\n  target_class_string: \"" synset "\"\n}\n"
#define PANDA ENTRY("2", "n02510455")
#define INDRI ENTRY("1", "n02500267")
#define NAMES "n02500267\tindri, indris, Indri indri\nn02510455\tgiant panda, panda\nn02509815\tlesser panda\n"

static tw_status parse_sized(const char *map, size_t map_size, const char *names, size_t names_size, size_t count,
                             tw_labels *ret_labels, tw_error *error) {
  return tw_labels_parse_imagenet("map.pbtxt", (tw_bytes){(const uint8_t *)map, map_size}, "names.txt",
                                  (tw_bytes){(const uint8_t *)names, names_size}, count, ret_labels, error);
}

static tw_status parse(const char *map, const char *names, size_t count, tw_labels *ret_labels, tw_error *error) {
  return parse_sized(map, strlen(map), names, strlen(names), count, ret_labels, error);
}

/* Output 1 is the indri, 2 the giant panda, and the others are nothing. */
static void gives_both(const char *map, const char *names) {
  tw_labels labels;
  tw_error error;
  if (parse(map, names, 4, &labels, &error) != TW_OK) {
    fail_msg("%s: %s", map, error.message);
  }
  assert_int_equal(labels.count, 4);
  assert_null(labels.texts[0]);
  assert_null(labels.synsets[0]);
  assert_string_equal(labels.texts[1], "indri, indris, Indri indri");
  assert_string_equal(labels.synsets[1], "n02500267");
  assert_string_equal(labels.texts[2], "giant panda, panda");
  assert_string_equal(labels.synsets[2], "n02510455");
  assert_null(labels.texts[3]);
  assert_null(labels.synsets[3]);
  tw_labels_done(&labels);
  assert_int_equal(labels.count, 0);
}

static void fails_sized(const char *map, size_t map_size, const char *names, size_t names_size, size_t count,
                        tw_status expected, const char *words) {
  tw_labels labels = {.count = 77};
  tw_error error = {0};
  tw_status status = parse_sized(map, map_size, names, names_size, count, &labels, &error);
  if (status != expected || strstr(error.message, words) == NULL) {
    fail_msg("'%s' with '%s': wanted %d '%s', got %d '%s'", map, names, expected, words, status, error.message);
  }
  assert_int_equal(labels.count, 77);
}

static void fails(const char *map, const char *names, size_t count, const char *words) {
  fails_sized(map, strlen(map), names, strlen(names), count, TW_E_FORMAT, words);
}

static void the_files_as_they_may_be_written(void **state) {
  (void)state;
  gives_both(PANDA INDRI, NAMES);
  gives_both(INDRI PANDA, NAMES);
  gives_both("# -*- protobuffer -*-\n\n# two\n" INDRI "  # entry {\n" PANDA "\n\n", NAMES);
  gives_both("\xef\xbb\xbf" INDRI PANDA, "\xef\xbb\xbf" NAMES "\n\n");
  gives_both(
      "entry { target_class_string: 'n02500267' target_class: 1 } entry: {target_class:2 "
      "target_class_string:\"n02510455\"}",
      NAMES);
  gives_both("entry {\r\n  target_class: 0001\r\n  target_class_string: \"n02500267\"\r\n}\r\n" PANDA,
             "n02510455\tgiant panda, panda\r\nn02500267\t indri, indris, Indri indri \r\n");
}

static void a_wrong_map_is_named(void **state) {
  (void)state;
  static const struct {
    const char *map;
    const char *words;
  } cases[] = {
      {"", "map.pbtxt: has no entry"},
      {"# only a comment\n", "map.pbtxt: has no entry"},
      {"cat\ndog\n", "map.pbtxt: line 1: wanted is 'entry', not 'cat'"},
      {PANDA "item {\n}\n", "line 5: wanted is 'entry', not 'item'"},
      {PANDA "}\n", "line 5: wanted is 'entry', not '}'"},
      {"entry\n", "line 1: wanted is '{', but the file ends"},
      {"entry target_class: 1", "line 1: wanted is '{', not 'target_class'"},
      {"entry {", "line 1: wanted is target_class or target_class_string, but the file ends"},
      {"entry {\n}\n", "line 2: the entry that ends here has no target_class"},
      {"entry {\n target_class: 1\n}\n", "line 3: the entry that ends here has no target_class_string"},
      {"entry {\n target_class_string: \"n02510455\"\n}\n", "line 3: the entry that ends here has no target_class"},
      {"entry {\n target_class 1\n}\n", "line 2: wanted is ':', not '1'"},
      {"entry {\n target_class: x\n}\n", "line 2: wanted is the number of an output, not 'x'"},
      {"entry {\n target_class: -1\n}\n", "line 2: wanted is the number of an output"},
      {"entry {\n target_class: \"1\"\n}\n", "line 2: wanted is the number of an output, not '1'"},
      {"entry {\n target_class: 1234567890\n}\n", "line 2: wanted is the number of an output, not '1234567890'"},
      {"entry {\n target_class: 1.5\n}\n", "line 2: wanted is target_class or target_class_string"},
      {"entry {\n target_class: 1 target_class: 1\n}\n", "line 2: target_class is there twice in one entry"},
      {"entry {\n target_class_string: 'n02510455'\n target_class_string: 'n02510455'\n}\n",
       "line 3: target_class_string is there twice"},
      {"entry {\n target_class_string: n02510455\n}\n", "line 2: wanted is a synset such as \"n02510455\", not 'n02"},
      {"entry {\n target_class_string: \"panda\"\n}\n",
       "line 2: wanted is a synset such as \"n02510455\", not 'panda'"},
      {"entry {\n target_class_string: \"n02510455x\"\n}\n", "line 2: wanted is a synset"},
      {"entry {\n target_class_string: \"\"\n}\n", "line 2: wanted is a synset"},
      {"entry {\n target_class_string: \"n02510455\n}\n", "line 2: wanted is a synset"},
      {"entry {\n target_class_string: \"n02510455'\n}\n", "line 2: wanted is a synset"},
      {"entry {\n id: 1\n}\n", "line 2: wanted is target_class or target_class_string, not 'id'"},
      {"entry {\n entry {\n", "line 2: wanted is target_class or target_class_string, not 'entry'"},
      {"entry {\n \xff\n", "line 2: wanted is target_class or target_class_string"},
      {ENTRY("4", "n02510455"), "line 2: target_class is 4, but the network has 4 outputs"},
      {ENTRY("999999999", "n02510455"), "line 2: target_class is 999999999, but the network has 4 outputs"},
      {PANDA ENTRY("2", "n02500267"), "lines 2 and 6 both have the target_class 2"},
      {PANDA INDRI ENTRY("3", "n02510455"), "lines 3 and 11 both have the synset n02510455"},
      {PANDA PANDA, "lines 2 and 6 both have the target_class 2"},
      {PANDA ENTRY("3", "n00000001"), "line 7: the synset n00000001 has no name in names.txt"},
      {"\xff\xfe"
       "e\0",
       "map.pbtxt: is UTF-16"},
  };
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    fails(cases[i].map, NAMES, 4, cases[i].words);
  }
  fails_sized(PANDA "\0", sizeof PANDA, NAMES, strlen(NAMES), 4, TW_E_FORMAT, "line 5: wanted is 'entry'");
}

static void wrong_names_are_named(void **state) {
  (void)state;
  static const struct {
    const char *names;
    const char *words;
  } cases[] = {
      {"", "map.pbtxt: line 3: the synset n02510455 has no name in names.txt"},
      {"n02510455\n", "names.txt: line 1: wanted is a synset, a tab and its name"},
      {"n02510455\t\n", "names.txt: line 1: wanted is a synset, a tab and its name"},
      {"n02510455 giant panda\n", "names.txt: line 1: wanted is a synset, a tab and its name"},
      {"giant panda\n", "names.txt: line 1: wanted is a synset, a tab and its name"},
      {NAMES "n0251045\tx\n", "names.txt: line 4: wanted is a synset, a tab and its name"},
      {NAMES "\n" NAMES, "names.txt: line 4 is empty"},
      {NAMES "n02510456\t\xff\n", "names.txt: line 4 is not UTF-8"},
      {NAMES "n02510456\ta\x01\n", "names.txt: line 4 holds the control character 0x01"},
      {NAMES "n02510455\tpanda\n", "names.txt: lines 2 and 4 both name the synset n02510455"},
      {"0:a\n1:b\n", "names.txt: line 1: wanted is a synset, a tab and its name"},
  };
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    fails(PANDA, cases[i].names, 4, cases[i].words);
  }
  static const char nul[] = NAMES "n02510456\ta\0b\n";
  fails_sized(PANDA, strlen(PANDA), nul, sizeof nul - 1, 4, TW_E_FORMAT, "line 4 holds the control character 0x00");
}

static void files_in_each_others_place_are_told(void **state) {
  (void)state;
  fails(NAMES, PANDA, 4, "map.pbtxt: is the list of synsets and their names, which belongs in the place of the other");
  fails(NAMES, NAMES, 4, "map.pbtxt: is the list of synsets and their names");
  fails(PANDA, PANDA, 4, "names.txt: is the map from outputs to synsets, which belongs in the place of the other");
}

static void limits_hold(void **state) {
  (void)state;
  fails_sized(PANDA, strlen(PANDA), NAMES, strlen(NAMES), TW_LABELS_MAX_COUNT + 1, TW_E_LIMIT, "65537 outputs");
  char *huge = tw_alloc(TW_LABELS_MAX_TEXT + 1, 1);
  assert_non_null(huge);
  memset(huge, 'x', TW_LABELS_MAX_TEXT + 1);
  fails_sized(huge, TW_LABELS_MAX_TEXT + 1, NAMES, strlen(NAMES), 4, TW_E_LIMIT, "map.pbtxt: is longer than 64 MiB");
  fails_sized(PANDA, strlen(PANDA), huge, TW_LABELS_MAX_TEXT + 1, 4, TW_E_LIMIT, "names.txt: is longer than 64 MiB");
  memset(huge, '\n', TW_LABELS_MAX_TEXT - 1);
  huge[TW_LABELS_MAX_TEXT - 1] = 'x';
  fails_sized(PANDA, strlen(PANDA), huge, TW_LABELS_MAX_TEXT, 4, TW_E_LIMIT, "names more than 1048576 synsets");
  tw_free(huge);
}

static void memory_may_run_out(void **state) {
  (void)state;
  for (size_t n = 1;; n++) {
    tw_labels labels = {0};
    tw_memory_fail_after(n);
    tw_status status = parse(PANDA INDRI, NAMES, 4, &labels, NULL);
    tw_memory_fail_after(0);
    tw_labels_done(&labels);
    if (status == TW_OK) {
      assert_int_equal(n, 10);
      return;
    }
    assert_int_equal(status, TW_E_MEMORY);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(the_files_as_they_may_be_written),
      cmocka_unit_test(a_wrong_map_is_named),
      cmocka_unit_test(wrong_names_are_named),
      cmocka_unit_test(files_in_each_others_place_are_told),
      cmocka_unit_test(limits_hold),
      cmocka_unit_test(memory_may_run_out),
  };
  return cmocka_run_group_tests_name("formats_labels_imagenet", tests, NULL, NULL);
}
