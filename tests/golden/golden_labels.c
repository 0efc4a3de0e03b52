/* The label files of the reference data: those of the Inception archive and TF-slim's. Skipped without them. */
#include <string.h>

#include "formats/formats.h"
#include "support.h"

#define MAP "models/inception-2015/imagenet_2012_challenge_label_map_proto.pbtxt"
#define NAMES "models/inception-2015/imagenet_synset_to_human_label_map.txt"
#define SLIM "models/mobilenet-v1-0.25-224/labels.txt"

static tw_buffer map;
static tw_buffer names;

static int read_files(void **state) {
  (void)state;
  tw_status status = tw_file_read(shared_path(MAP), TW_LABELS_MAX_TEXT, &map, NULL);
  return status == TW_OK ? (int)tw_file_read(shared_path(NAMES), TW_LABELS_MAX_TEXT, &names, NULL) : -1;
}

static int free_files(void **state) {
  (void)state;
  tw_buffer_done(&map);
  tw_buffer_done(&names);
  return 0;
}

static tw_status parse(size_t count, tw_labels *ret_labels, tw_error *error) {
  return tw_labels_parse_imagenet("map", tw_buffer_bytes(&map), "names", tw_buffer_bytes(&names), count, ret_labels,
                                  error);
}

static void inception_has_1008_outputs_and_1000_labels(void **state) {
  (void)state;
  tw_labels labels;
  tw_error error;
  if (parse(1008, &labels, &error) != TW_OK) {
    fail_msg("%s", error.message);
  }
  assert_int_equal(labels.count, 1008);
  for (size_t i = 0; i < 1008; i++) {
    assert_int_equal(labels.texts[i] != NULL, i >= 1 && i <= 1000);
    assert_int_equal(labels.synsets[i] != NULL, i >= 1 && i <= 1000);
  }
  assert_string_equal(labels.texts[169], "giant panda, panda, panda bear, coon bear, Ailuropoda melanoleuca");
  assert_string_equal(labels.synsets[169], "n02510455");
  assert_string_equal(labels.synsets[449], "n01440764");
  assert_string_equal(labels.texts[449], "tench, Tinca tinca");
  tw_labels_done(&labels);
}

static void it_fits_1001_outputs_and_not_1000(void **state) {
  (void)state;
  tw_labels labels;
  tw_error error;
  assert_int_equal(parse(1001, &labels, &error), TW_OK);
  tw_labels_done(&labels);
  assert_int_equal(parse(1000, &labels, &error), TW_E_FORMAT);
  assert_non_null(strstr(error.message, "target_class is 1000, but the network has 1000 outputs"));
}

static void each_file_is_known_as_what_it_is(void **state) {
  (void)state;
  assert_int_equal(tw_labels_sniff(tw_buffer_bytes(&map)), TW_LABELS_IMAGENET_MAP);
  assert_int_equal(tw_labels_sniff(tw_buffer_bytes(&names)), TW_LABELS_IMAGENET_NAMES);
}

static void slim_counts_from_the_background(void **state) {
  (void)state;
  tw_buffer text = {0};
  tw_labels labels;
  tw_error error;
  assert_int_equal(tw_file_read(shared_path(SLIM), TW_LABELS_MAX_TEXT, &text, &error), TW_OK);
  assert_int_equal(tw_labels_sniff(tw_buffer_bytes(&text)), TW_LABELS_PLAIN);
  if (tw_labels_parse("slim", tw_buffer_bytes(&text), 1001, &labels, &error) != TW_OK) {
    fail_msg("%s", error.message);
  }
  assert_string_equal(labels.texts[0], "background");
  assert_string_equal(labels.texts[1000], "toilet tissue, toilet paper, bathroom tissue");
  assert_null(labels.synsets);
  tw_labels_done(&labels);
  assert_int_equal(tw_labels_parse("slim", tw_buffer_bytes(&text), 1000, &labels, &error), TW_E_FORMAT);
  assert_non_null(strstr(error.message, "has 1001 labels, but the network has 1000 outputs"));
  tw_buffer_done(&text);
}

int main(void) {
  if (shared_path(MAP) == NULL || shared_path(NAMES) == NULL || shared_path(SLIM) == NULL) {
    return TW_TEST_SKIPPED;
  }
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(inception_has_1008_outputs_and_1000_labels),
      cmocka_unit_test(it_fits_1001_outputs_and_not_1000),
      cmocka_unit_test(each_file_is_known_as_what_it_is),
      cmocka_unit_test(slim_counts_from_the_background),
  };
  return cmocka_run_group_tests_name("golden_labels", tests, read_files, free_files);
}
