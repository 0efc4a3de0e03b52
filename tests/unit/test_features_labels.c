/* What a trunk's own outputs are called: which file says so, what it needs to say, and that a wrong one stops only
 * those who want to know. */
#include "test_features_networks.h"

#define CARD_WITH(more) "{\"network\": \"net.onnx\", \"preprocessing\": \"" NET_PREPROCESS "\"" more "}"
#define MAP                                                               \
  "entry {\n  target_class: 1\n  target_class_string: \"n02500267\"\n}\n" \
  "entry {\n  target_class: 2\n  target_class_string: \"n02510455\"\n}\n"
#define NAMES "n02500267\tindri, indris\nn02510455\tgiant panda, panda\n"
#define MAP_NAME "imagenet_2012_challenge_label_map_proto.pbtxt"
#define NAMES_NAME "imagenet_synset_to_human_label_map.txt"

static const tw_trunk_options plain_options = {.preprocess = NET_PREPROCESS};

/* The trunk opens with the labels of its outputs 0.. being these, written with a '|' after each, '-' for none. */
static void gives(const char *name, const tw_trunk_options *options, const char *wanted) {
  tw_trunk *trunk = net_open(name, options);
  tw_buffer got = {0};
  tw_buffer_text(&got, "");
  for (size_t i = 0; i < tw_trunk_label_count(trunk); i++) {
    tw_buffer_format(&got, "%s|", tw_trunk_label(trunk, i) == NULL ? "-" : tw_trunk_label(trunk, i));
  }
  assert_string_equal((const char *)got.data, wanted);
  tw_buffer_done(&got);
  tw_error error = {0};
  net_ok(tw_trunk_check_answer(trunk, &error), &error);
  assert_null(tw_trunk_label(trunk, tw_trunk_label_count(trunk)));
  assert_null(tw_trunk_synset(trunk, tw_trunk_label_count(trunk)));
  tw_trunk_free(trunk);
}

/* The trunk opens, but has no labels, and says why when asked to answer. */
static void lacks(const char *name, const tw_trunk_options *options, tw_status expected, const char *words) {
  tw_trunk *trunk = net_open(name, options);
  tw_error error = {0};
  tw_status status = tw_trunk_check_answer(trunk, &error);
  if (status != expected || strstr(error.message, words) == NULL) {
    fail_msg("%s: wanted %d '%s', got %d '%s'", name, expected, words, status, error.message);
  }
  assert_int_equal(error.code, expected);
  assert_int_equal(tw_trunk_label_count(trunk), 0);
  assert_null(tw_trunk_label(trunk, 0));
  assert_null(tw_trunk_synset(trunk, 0));
  tw_trunk_free(trunk);
}

static void a_card_names_the_file(void **state) {
  (void)state;
  net_save(net_plain(), "card/net.onnx", NULL);
  tree_text("card/trunk.json", CARD_WITH(", \"labels\": \"l.txt\""));
  lacks(tree_path("card"), NULL, TW_E_IO, "l.txt: No such file");
  static const struct {
    const char *text;
    const char *words;
  } cases[] = {
      {"", "card/l.txt: has 0 labels, but the network has 4 outputs"},
      {"a\nb\nc\n", "card/l.txt: has 3 labels, but the network has 4 outputs"},
      {"a\nb\n\nd\n", "card/l.txt: line 3 is empty"},
      {NAMES, "card/l.txt: is a list of synsets and their names; give the map"},
      {MAP, "card/l.txt: the names of its synsets: "},
  };
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    tree_text("card/l.txt", cases[i].text);
    lacks(tree_path("card"), NULL, strcmp(cases[i].text, MAP) == 0 ? TW_E_IO : TW_E_FORMAT, cases[i].words);
  }
  tree_text("card/l.txt", "\xef\xbb\xbfone\ntwo\ntwo\nfour\n");
  gives(tree_path("card"), NULL, "one|two|two|four|");
  tree_text("card/l.txt", "3:d\n2:c\n1:b\n0:a\n");
  gives(tree_path("card"), NULL, "a|b|c|d|");
  gives(tree_path("card/net.onnx"), NULL, "a|b|c|d|");
}

static void a_card_names_two_files(void **state) {
  (void)state;
  net_save(net_plain(), "two/net.onnx", NULL);
  tree_text("two/trunk.json", CARD_WITH(", \"labels\": \"m\", \"label_names\": \"n\""));
  tree_text("two/m", MAP);
  lacks(tree_path("two"), NULL, TW_E_IO, "two/m: the names of its synsets: ");
  tree_text("two/n", NAMES);
  gives(tree_path("two"), NULL, "-|indri, indris|giant panda, panda|-|");
  tw_trunk *trunk = net_open(tree_path("two"), NULL);
  assert_null(tw_trunk_synset(trunk, 0));
  assert_string_equal(tw_trunk_synset(trunk, 2), "n02510455");
  tw_trunk_free(trunk);
  tree_text("two/m", NAMES);
  lacks(tree_path("two"), NULL, TW_E_FORMAT, "two/m: is the list of synsets and their names");
  tree_text("two/m", "a\nb\nc\nd\n");
  lacks(tree_path("two"), NULL, TW_E_FORMAT, "two/m: line 1: wanted is 'entry', not 'a'");
}

static void a_file_may_be_given(void **state) {
  (void)state;
  net_save(net_plain(), "given/net.onnx", NULL);
  tree_text("given/trunk.json", CARD_WITH(", \"labels\": \"l.txt\", \"label_names\": \"n.txt\""));
  tree_text("given/own.txt", "a\nb\nc\nd\n");
  tree_text("given/" MAP_NAME, MAP);
  char *path = tw_strdup(tree_path("given/own.txt"));
  tw_trunk_options options = {.labels = path};
  gives(tree_path("given"), &options, "a|b|c|d|");
  tw_free(path);
  path = tw_strdup(tree_path("given/" MAP_NAME));
  options.labels = path;
  lacks(tree_path("given"), &options, TW_E_IO, MAP_NAME ": the names of its synsets: ");
  lacks(tree_path("given"), &options, TW_E_IO, NAMES_NAME ": No such file");
  tree_text("given/" NAMES_NAME, NAMES);
  gives(tree_path("given"), &options, "-|indri, indris|giant panda, panda|-|");
  tw_free(path);
  path = tw_strdup(tree_path("given/" NAMES_NAME));
  options.labels = path;
  lacks(tree_path("given"), &options, TW_E_FORMAT, NAMES_NAME ": is a list of synsets and their names; give the map");
  tw_free(path);
  options.labels = "no/such.txt";
  lacks(tree_path("given"), &options, TW_E_IO, "no/such.txt: No such file");
  options.labels = tree_root;
  lacks(tree_path("given"), &options, TW_E_IO, tree_root);
}

static void what_lies_beside_is_found(void **state) {
  (void)state;
  net_save(net_plain(), "beside/net.onnx", NULL);
  lacks(tree_path("beside/net.onnx"), &plain_options, TW_E_DATA, "comes without labels");
  lacks(tree_path("beside/net.onnx"), &plain_options, TW_E_DATA, "--labels FILE");
  tree_text("beside/" NAMES_NAME, NAMES);
  lacks(tree_path("beside/net.onnx"), &plain_options, TW_E_DATA, "comes without labels");
  tree_text("beside/labels.txt", "p\nq\nr\ns\n");
  gives(tree_path("beside/net.onnx"), &plain_options, "p|q|r|s|");
  tree_text("beside/" MAP_NAME, MAP);
  gives(tree_path("beside/net.onnx"), &plain_options, "-|indri, indris|giant panda, panda|-|");
  tree_text("beside/net.labels.txt", "a\nb\nc\nd\n");
  gives(tree_path("beside/net.onnx"), &plain_options, "a|b|c|d|");
  tree_text("beside/net.labels.txt", "a\nb\n");
  lacks(tree_path("beside/net.onnx"), &plain_options, TW_E_FORMAT,
        "net.labels.txt: has 2 labels, but the network has 4");
  tree_text("beside/net.onnx.json", "{\"preprocessing\": \"" NET_PREPROCESS "\"}"); /* says nothing of labels */
  tree_text("beside/net.labels.txt", "a\nb\nc\nd\n");
  gives(tree_path("beside/net.onnx"), NULL, "a|b|c|d|");
  tree_text("beside/net.onnx.json", "{\"preprocessing\": \"" NET_PREPROCESS "\", \"labels\": \"labels.txt\"}");
  gives(tree_path("beside/net.onnx"), NULL, "p|q|r|s|");
}

/* net_plain with these of its nodes as outputs, and one more node of `op` on the last of them unless that is -1. */
static void save_with_outputs(const char *relative, const char *const *names, size_t count, int op,
                              const tw_attributes *attributes) {
  tw_graph *graph = net_plain();
  tw_value *outputs[4];
  tw_error error = {0};
  for (size_t i = 0; i < count; i++) {
    outputs[i] = tw_graph_find(graph, names[i]);
    assert_non_null(outputs[i]);
  }
  if (op >= 0) {
    outputs[count - 1] = net_node(graph, "end", (tw_op)op, attributes, outputs[count - 1], NULL);
  }
  net_ok(tw_graph_cut(graph, outputs, count, &error), &error);
  net_save(graph, relative, NULL);
}

/* It has labels, if their number fits, and still cannot answer. */
static void gives_no_probabilities(const char *name, const char *words) {
  tw_trunk *trunk = net_open(name, &plain_options);
  tw_error error = {0};
  assert_int_equal(tw_trunk_check_answer(trunk, &error), TW_E_DATA);
  if (strstr(error.message, words) == NULL) {
    fail_msg("wanted '%s', got '%s'", words, error.message);
  }
  tw_trunk_free(trunk);
}

static void only_probabilities_are_an_answer(void **state) {
  (void)state;
  tree_text("ends/labels.txt", "a\nb\nc\nd\n");
  save_with_outputs("ends/net.onnx", (const char *const[]){"dense"}, 1, TW_OP_RELU, NULL);
  gives_no_probabilities(tree_path("ends/net.onnx"),
                         "ends/net.onnx: says nothing about pictures by itself: its output 'end' is no row of "
                         "probabilities (it comes from Relu, not from Softmax)");
  save_with_outputs("ends/net.onnx", (const char *const[]){"dense"}, 1, -1, NULL);
  gives_no_probabilities(tree_path("ends/net.onnx"), "its output 'dense'");
  save_with_outputs("ends/net.onnx", (const char *const[]){"answer"}, 1, TW_OP_RELU, NULL);
  gives_no_probabilities(tree_path("ends/net.onnx"), "it comes from Relu");
  /* A softmax at each place of a picture. */
  save_with_outputs("ends/net.onnx", (const char *const[]){"relu"}, 1, TW_OP_SOFTMAX, &(tw_attributes){.axis = 1});
  gives_no_probabilities(tree_path("ends/net.onnx"), "its output 'end'");
}

static void probabilities_need_not_be_the_last_output(void **state) {
  (void)state;
  tree_text("several/labels.txt", "a\nb\nc\nd\n");
  save_with_outputs("several/net.onnx", (const char *const[]){"answer", "flat"}, 2, -1, NULL);
  gives(tree_path("several/net.onnx"), &plain_options, "a|b|c|d|");
  tw_trunk *trunk = net_open(tree_path("several/net.onnx"), &plain_options);
  const tw_plan *plan = NULL;
  tw_error error = {0};
  net_ok(tw_trunk_plan(trunk, TW_HEAD_OWN, 1, &plan, &error), &error);
  assert_int_equal(tw_plan_output_count(plan, 0), NET_CLASSES);
  tw_trunk_free(trunk);
}

static void an_answer_may_be_reshaped(void **state) {
  (void)state;
  tree_text("shaped/labels.txt", "a\nb\nc\nd\n");
  tw_graph *graph = net_plain();
  tw_value *at = tw_graph_find(graph, "answer");
  at = net_node(graph, "square", TW_OP_RESHAPE, &(tw_attributes){.target = {1, 1, 4}, .target_rank = 3}, at, NULL);
  at = net_node(graph, "same", TW_OP_IDENTITY, NULL, at, NULL);
  tw_error error = {0};
  net_ok(tw_graph_cut(graph, &at, 1, &error), &error);
  net_save(graph, "shaped/net.onnx", NULL);
  gives(tree_path("shaped/net.onnx"), &plain_options, "a|b|c|d|");
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(a_card_names_the_file),
      cmocka_unit_test(a_card_names_two_files),
      cmocka_unit_test(a_file_may_be_given),
      cmocka_unit_test(what_lies_beside_is_found),
      cmocka_unit_test(only_probabilities_are_an_answer),
      cmocka_unit_test(probabilities_need_not_be_the_last_output),
      cmocka_unit_test(an_answer_may_be_reshaped),
  };
  return cmocka_run_group_tests_name("features_labels", tests, tree_setup, tree_teardown);
}
