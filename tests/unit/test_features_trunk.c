/* Trunks: found by name and by file, cut, keyed; every mistake in a file is an error that says what is right. */
#include "test_features_networks.h"

/* Opening `name` fails with these words in the message. */
static void fails(const char *name, const tw_trunk_options *options, tw_status expected, const char *words) {
  tw_trunk *untouched = (tw_trunk *)1;
  tw_trunk *trunk = untouched;
  tw_error error = {0};
  tw_status status = tw_trunk_open(name, options, &trunk, &error);
  if (status != expected || strstr(error.message, words) == NULL) {
    fail_msg("wanted %d '%s', got %d '%s'", expected, words, status, error.message);
  }
  assert_int_equal(error.code, expected);
  assert_ptr_equal(trunk, untouched);
}

static const tw_trunk_options plain_options = {.preprocess = NET_PREPROCESS};

static void the_shipped_trunk_opens_by_name(void **state) {
  (void)state;
  tw_trunk *trunk = net_open(TW_TRUNK_DEFAULT, NULL);
  assert_string_equal(tw_trunk_name(trunk), "efficientnet-lite0");
  assert_string_equal(tw_trunk_licence(trunk), "Apache-2.0");
  assert_non_null(tw_trunk_description(trunk));
  assert_non_null(strstr(tw_trunk_file(trunk), "efficientnet-lite0.onnx"));
  assert_int_equal(tw_trunk_dimensions(trunk), 1280);
  assert_int_equal(tw_trunk_label_count(trunk), 1000);
  assert_non_null(tw_trunk_label(trunk, 999));
  assert_null(tw_trunk_label(trunk, 1000));
  assert_int_equal(tw_trunk_preprocess(trunk)->width, 224);
  tw_preprocess again;
  assert_int_equal(tw_preprocess_parse(tw_trunk_preprocess_text(trunk), &again, NULL), TW_OK);
  tw_trunk *by_file = net_open(tw_trunk_file(trunk), NULL);
  assert_string_equal(tw_trunk_name(by_file), "efficientnet-lite0");
  assert_int_equal(tw_trunk_label_count(by_file), 1000);
  tw_hash key = tw_trunk_key(trunk);
  tw_hash key_by_file = tw_trunk_key(by_file);
  assert_int_equal(tw_hash_compare(&key, &key_by_file), 0);
  tw_trunk_free(by_file);
  tw_trunk_free(trunk);
}

static void names_are_listed(void **state) {
  (void)state;
  char **names;
  size_t count;
  assert_int_equal(tw_trunk_names(&names, &count, NULL), TW_OK);
  bool found = false;
  for (size_t i = 0; i < count; i++) {
    found = found || strcmp(names[i], TW_TRUNK_DEFAULT) == 0;
    assert_true(i == 0 || strcmp(names[i - 1], names[i]) < 0);
  }
  assert_true(found);
  tw_trunk_names_free(names, count);
}

static void unknown_names_say_what_there_is(void **state) {
  (void)state;
  fails("efficientnet", NULL, TW_E_ARGUMENT, "installed are: efficientnet-lite0");
  fails("", NULL, TW_E_ARGUMENT, "empty");
  fails("missing.onnx", NULL, TW_E_IO, "missing.onnx: No such file");
  fails("/nowhere/net", NULL, TW_E_IO, "/nowhere/net: No such file");
  tree_folder("bare");
  fails(tree_path("bare"), NULL, TW_E_IO, "without a trunk.json");
}

static void a_file_needs_preprocessing(void **state) {
  (void)state;
  net_save(net_plain(), "alone/net.onnx", NULL);
  fails(tree_path("alone/net.onnx"), NULL, TW_E_ARGUMENT, "net.onnx.json");
  fails(tree_path("alone/net.onnx"), NULL, TW_E_ARGUMENT, "--preprocess");
  tw_trunk *trunk = net_open(tree_path("alone/net.onnx"), &plain_options);
  assert_string_equal(tw_trunk_name(trunk), "net");
  assert_int_equal(tw_trunk_dimensions(trunk), NET_CHANNELS);
  assert_int_equal(tw_trunk_label_count(trunk), 0);
  assert_null(tw_trunk_licence(trunk));
  assert_null(tw_trunk_label(trunk, 0));
  tw_hash key = tw_trunk_key(trunk);
  tw_trunk_free(trunk);
  fails(tree_path("alone/net.onnx"), &(tw_trunk_options){.preprocess = "nonsense"}, TW_E_FORMAT, "preprocessing");

  tree_text("alone/net.onnx.json", "{\"preprocessing\": \"" NET_PREPROCESS "\", \"labels\": \"l.txt\", \"x\": [1]}");
  tree_text("alone/l.txt", "one\ntwo\r\nthree\nfour");
  trunk = net_open(tree_path("alone/net.onnx"), NULL);
  assert_int_equal(tw_trunk_label_count(trunk), NET_CLASSES);
  assert_string_equal(tw_trunk_label(trunk, 1), "two");
  assert_string_equal(tw_trunk_label(trunk, 3), "four");
  tw_hash same = tw_trunk_key(trunk);
  assert_int_equal(tw_hash_compare(&key, &same), 0);
  tw_trunk_free(trunk);
}

static void a_card_may_be_named_or_lie_beside(void **state) {
  (void)state;
  net_save(net_plain(), "card/net.onnx", NULL);
  net_save(net_plain(), "card/other.onnx", NULL);
  tree_text("card/trunk.json",
            "{\"name\": \"mine\", \"network\": \"net.onnx\", \"licence\": \"MIT\", \"preprocessing\": \"" NET_PREPROCESS
            "\"}");
  static const char *const names[] = {"card", "card/", "card/trunk.json"};
  for (size_t i = 0; i < 3; i++) {
    tw_trunk *trunk = net_open(tree_path(names[i]), NULL);
    assert_string_equal(tw_trunk_name(trunk), "mine");
    assert_string_equal(tw_trunk_licence(trunk), "MIT");
    tw_trunk_free(trunk);
  }
  tw_trunk *trunk = net_open(tree_path("card/net.onnx"), NULL);
  assert_string_equal(tw_trunk_name(trunk), "net");
  tw_trunk_free(trunk);
  fails(tree_path("card/other.onnx"), NULL, TW_E_ARGUMENT, "other.onnx.json"); /* the card is another's */
}

static void every_wrong_card_is_named(void **state) {
  (void)state;
  static const struct {
    const char *text;
    const char *words;
  } cases[] = {
      {"", "trunk.json: line"},
      {"{", "trunk.json: line 1"},
      {"[]", "one JSON object"},
      {"{\"network\": \"net.onnx\"}", "\"preprocessing\" is missing"},
      {"{\"preprocessing\": \"" NET_PREPROCESS "\"}", "\"network\" is missing"},
      {"{\"network\": 7}", "\"network\" must be a text"},
      {"{\"network\": \"\"}", "\"network\" must be a text"},
      {"{\"network\": \"../net.onnx\"}", "the name of a file beside it"},
      {"{\"network\": \"..\"}", "the name of a file beside it"},
      {"{\"network\": \"a\\u0000b\"}", "trunk.json: line 1"},
      {"{\"network\": \"net.onnx\", \"network\": \"net.onnx\"}", "trunk.json: line 1"},
      {"{\"name\": null, \"network\": \"net.onnx\"}", "\"name\" must be a text"},
      {"{\"labels\": \"/etc/passwd\"}", "\"labels\" must be the name of a file"},
      {"{\"labels\": \"l.txt\", \"label_names\": \"../n.txt\"}", "\"label_names\" must be the name of a file"},
      {"{\"label_names\": \"n.txt\"}", "\"label_names\" is there, but not \"labels\""},
      {"{\"licence\": {}}", "\"licence\" must be a text"},
      {"{\"description\": []}", "\"description\" must be a text"},
      {"{\"network\": \"net.onnx\", \"preprocessing\": \"size=8x8\"}", "\"preprocessing\""},
      {"{\"network\": \"gone.onnx\", \"preprocessing\": \"" NET_PREPROCESS "\"}", "gone.onnx"},
  };
  net_save(net_plain(), "wrong/net.onnx", NULL);
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    tree_text("wrong/trunk.json", cases[i].text);
    bool missing = strstr(cases[i].words, "gone") != NULL;
    fails(tree_path("wrong"), NULL, missing ? TW_E_IO : TW_E_FORMAT, cases[i].words);
  }
  tree_text("wrong/trunk.json", "{\"network\": ");
  fails(tree_path("wrong/net.onnx"), &plain_options, TW_E_FORMAT, "trunk.json: line 1");
}

static tw_trunk *open_cut(const char *cut) {
  return net_open(tree_path("cut.onnx"), &(tw_trunk_options){.cut = cut, .preprocess = NET_PREPROCESS});
}

static void the_cut_makes_one_row(void **state) {
  (void)state;
  net_save(net_plain(), "cut.onnx", NULL);
  tw_trunk *whole = open_cut(NULL);
  tw_trunk *spatial = open_cut("relu");
  tw_trunk *pooled = open_cut("pool");
  tw_trunk *flat = open_cut("flat");
  tw_trunk *late = open_cut("dense");
  assert_string_equal(tw_trunk_features(whole)->name, "flat");
  assert_int_equal(tw_trunk_dimensions(whole), NET_CHANNELS);
  assert_int_equal(tw_trunk_dimensions(spatial), NET_CHANNELS);
  assert_int_equal(tw_trunk_dimensions(pooled), NET_CHANNELS);
  assert_int_equal(tw_trunk_dimensions(late), NET_CLASSES);
  assert_int_equal(tw_trunk_features(spatial)->shape.rank, 2);
  assert_int_equal(tw_graph_verify(tw_trunk_graph(spatial), NULL), TW_OK);
  tw_hash hashes[] = {tw_trunk_hash(whole), tw_trunk_hash(spatial), tw_trunk_hash(pooled), tw_trunk_hash(flat),
                      tw_trunk_hash(late)};
  for (size_t i = 1; i < 4; i++) { /* the same computation, whoever appended what */
    assert_int_equal(tw_hash_compare(&hashes[0], &hashes[i]), 0);
  }
  assert_int_not_equal(tw_hash_compare(&hashes[0], &hashes[4]), 0);
  tw_trunk_free(whole);
  tw_trunk_free(spatial);
  tw_trunk_free(pooled);
  tw_trunk_free(flat);
  tw_trunk_free(late);
}

static void an_unknown_cut_names_near_ones(void **state) {
  (void)state;
  net_save(net_plain(), "near.onnx", NULL);
  const char *path = tree_path("near.onnx");
  fails(path, &(tw_trunk_options){.cut = "rel", .preprocess = NET_PREPROCESS}, TW_E_ARGUMENT,
        "nearest names are 'relu'");
  fails(path, &(tw_trunk_options){.cut = "", .preprocess = NET_PREPROCESS}, TW_E_ARGUMENT, "no node ''");
  fails(path, &(tw_trunk_options){.cut = "picture", .preprocess = NET_PREPROCESS}, TW_E_ARGUMENT,
        "where nothing is computed yet");
  fails(path, &(tw_trunk_options){.cut = "weights", .preprocess = NET_PREPROCESS}, TW_E_ARGUMENT,
        "where nothing is computed yet");
  char longer[3000];
  memset(longer, 'x', sizeof longer - 1);
  longer[sizeof longer - 1] = '\0';
  fails(path, &(tw_trunk_options){.cut = longer, .preprocess = NET_PREPROCESS}, TW_E_ARGUMENT, "no node 'xxx");
}

/* A network of one node on an input of this shape, opened with NET_PREPROCESS with `from` replaced by `to`. */
static void input_fails(tw_dtype dtype, const tw_shape *shape, const char *from, const char *to, tw_status expected,
                        const char *words) {
  tw_graph *graph = tw_graph_create();
  tw_value *at = NULL;
  tw_error error = {0};
  net_ok(tw_graph_add_input(graph, "picture", dtype, shape, &at, &error), &error);
  at = net_node(graph, "same", TW_OP_IDENTITY, NULL, at, NULL);
  net_ok(tw_graph_add_output(graph, at, &error), &error);
  net_save(graph, "input.onnx", NULL);
  const char *where = strstr(NET_PREPROCESS, from);
  assert_non_null(where);
  char *text = tw_format("%.*s%s%s", (int)(where - NET_PREPROCESS), NET_PREPROCESS, to, where + strlen(from));
  fails(tree_path("input.onnx"), &(tw_trunk_options){.preprocess = text}, expected, words);
  tw_free(text);
}

static void the_input_must_be_the_picture(void **state) {
  (void)state;
  const tw_shape good = {4, {1, 3, 8, 8}};
  input_fails(TW_DTYPE_F32, &good, "size=8x8", "size=9x8", TW_E_ARGUMENT, "wanted is size=8x8");
  input_fails(TW_DTYPE_F32, &(tw_shape){4, {1, 3, 8, 16}}, "size=8x8", "size=8x16", TW_E_ARGUMENT,
              "wanted is size=16x8");
  input_fails(TW_DTYPE_F32, &good, "layout=nchw", "layout=nhwc", TW_E_ARGUMENT, "layout=nchw");
  input_fails(TW_DTYPE_F32, &(tw_shape){4, {1, 8, 8, 3}}, "size", "size", TW_E_UNSUPPORTED, "colours last");
  input_fails(TW_DTYPE_F32, &(tw_shape){4, {1, 1, 8, 8}}, "size", "size", TW_E_UNSUPPORTED, "three colours");
  input_fails(TW_DTYPE_F32, &(tw_shape){2, {1, 192}}, "size", "size", TW_E_UNSUPPORTED, "1x192");
  input_fails(TW_DTYPE_U8, &good, "size", "size", TW_E_UNSUPPORTED, "uint8");
}

static void features_must_be_a_row(void **state) {
  (void)state;
  tw_graph *graph = net_plain();
  tw_value *dense = tw_graph_find(graph, "relu");
  tw_value *odd =
      net_node(graph, "odd", TW_OP_RESHAPE, &(tw_attributes){.target = {1, 9, 5}, .target_rank = 3}, dense, NULL);
  assert_int_equal(tw_graph_add_output(graph, odd, NULL), TW_OK);
  net_save(graph, "row.onnx", NULL);
  fails(tree_path("row.onnx"), &(tw_trunk_options){.cut = "odd", .preprocess = NET_PREPROCESS}, TW_E_UNSUPPORTED,
        "'odd' is 1x9x5");
  tw_preprocess preprocess;
  tw_trunk *trunk = NULL;
  tw_error error = {0};
  net_ok(tw_preprocess_parse(NET_PREPROCESS, &preprocess, &error), &error);
  graph = net_unplannable();
  assert_int_equal(tw_trunk_create(graph, tw_graph_find(graph, "whole"), &preprocess, "whole", &trunk, &error),
                   TW_E_UNSUPPORTED);
  assert_non_null(strstr(error.message, "holds int32"));
}

static void a_model_is_no_trunk(void **state) {
  (void)state;
  net_save(net_plain(), "model.onnx", "topwork.complete");
  fails(tree_path("model.onnx"), &plain_options, TW_E_ARGUMENT, "model.onnx: is a topwork model, not a trunk");
  tree_text("garbage.onnx", "garbage");
  fails(tree_path("garbage.onnx"), &plain_options, TW_E_FORMAT, "garbage.onnx");
  tree_text("empty.onnx", "");
  fails(tree_path("empty.onnx"), &plain_options, TW_E_FORMAT, "empty.onnx");
}

static void a_graph_becomes_a_trunk(void **state) {
  (void)state;
  tw_trunk *trunk = net_create(net_plain(), "flat");
  assert_string_equal(tw_trunk_name(trunk), "flat");
  assert_null(tw_trunk_file(trunk));
  net_save(net_plain(), "made.onnx", NULL);
  tw_trunk *opened = net_open(tree_path("made.onnx"), &plain_options);
  tw_hash made_key = tw_trunk_key(trunk);
  tw_hash opened_key = tw_trunk_key(opened);
  assert_int_equal(tw_hash_compare(&made_key, &opened_key), 0);
  tw_trunk_free(opened);
  tw_trunk_free(trunk);
  tw_trunk_free(NULL);
  tw_preprocess preprocess;
  tw_error error = {0};
  net_ok(tw_preprocess_parse(NET_PREPROCESS, &preprocess, &error), &error);
  preprocess.width = 9;
  tw_graph *graph = net_plain();
  assert_int_equal(tw_trunk_create(graph, tw_graph_find(graph, "flat"), &preprocess, "made", &trunk, &error),
                   TW_E_ARGUMENT);
}

static void the_key_is_of_all_that_counts(void **state) {
  (void)state;
  net_save(net_plain(), "key.onnx", NULL);
  char other[] = NET_PREPROCESS;
  memcpy(strstr(other, "bicubic"), "lanczos", 7);
  tw_trunk *one = net_open(tree_path("key.onnx"), &plain_options);
  tw_trunk *two = net_open(tree_path("key.onnx"), &(tw_trunk_options){.preprocess = other});
  tw_hash one_key = tw_trunk_key(one);
  tw_hash two_key = tw_trunk_key(two);
  assert_int_not_equal(tw_hash_compare(&one_key, &two_key), 0);
  tw_hash one_hash = tw_trunk_hash(one);
  tw_hash two_hash = tw_trunk_hash(two);
  assert_int_equal(tw_hash_compare(&one_hash, &two_hash), 0);
  tw_trunk_free(one);
  tw_trunk_free(two);
}

static void plans_are_made_once(void **state) {
  (void)state;
  net_save(net_plain(), "plans.onnx", NULL);
  tw_trunk *trunk = net_open(tree_path("plans.onnx"), &plain_options);
  const tw_plan *first = NULL;
  const tw_plan *again = NULL;
  const tw_plan *own = NULL;
  const tw_plan *wide = NULL;
  tw_error error = {0};
  net_ok(tw_trunk_plan(trunk, TW_HEAD_FEATURES, 1, &first, &error), &error);
  net_ok(tw_trunk_plan(trunk, TW_HEAD_FEATURES, 1, &again, &error), &error);
  net_ok(tw_trunk_plan(trunk, TW_HEAD_OWN, 1, &own, &error), &error);
  net_ok(tw_trunk_plan(trunk, TW_HEAD_FEATURES, 2, &wide, &error), &error);
  assert_ptr_equal(first, again);
  assert_ptr_not_equal(first, own);
  assert_ptr_not_equal(first, wide);
  assert_int_equal(tw_plan_output_count(first, 0), NET_CHANNELS);
  assert_int_equal(tw_plan_output_count(own, 0), NET_CLASSES);
  tw_trunk_free(trunk);
}

static void a_plan_that_cannot_be_made_is_an_error(void **state) {
  (void)state;
  tw_trunk *trunk = net_create(net_unplannable(), "back");
  const tw_plan *plan = NULL;
  tw_error error = {0};
  assert_int_equal(tw_trunk_plan(trunk, TW_HEAD_FEATURES, 1, &plan, &error), TW_E_UNSUPPORTED);
  assert_non_null(strstr(error.message, "back: "));
  assert_null(plan);
  tw_trunk_free(trunk);
}

static void memory_may_run_out(void **state) {
  (void)state;
  net_save(net_plain(), "memory/net.onnx", NULL);
  tree_text("memory/trunk.json",
            "{\"name\": \"m\", \"network\": \"net.onnx\", \"labels\": \"l.txt\", \"preprocessing\": \"" NET_PREPROCESS
            "\"}");
  tree_text("memory/l.txt", "one\ntwo\nthree\nfour\n");
  const char *path = tree_path("memory");
  tw_trunk_options options = {.cut = "relu"};
  for (size_t n = 1;; n++) {
    tw_trunk *trunk = NULL;
    const tw_plan *plan = NULL;
    tw_memory_fail_after(n);
    tw_status status = tw_trunk_open(path, &options, &trunk, NULL);
    status = status == TW_OK ? tw_trunk_plan(trunk, TW_HEAD_FEATURES, 1, &plan, NULL) : status;
    tw_memory_fail_after(0);
    tw_trunk_free(trunk);
    if (status == TW_OK) {
      assert_true(n > 50);
      return;
    }
    assert_int_equal(status, TW_E_MEMORY);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(the_shipped_trunk_opens_by_name),
      cmocka_unit_test(names_are_listed),
      cmocka_unit_test(unknown_names_say_what_there_is),
      cmocka_unit_test(a_file_needs_preprocessing),
      cmocka_unit_test(a_card_may_be_named_or_lie_beside),
      cmocka_unit_test(every_wrong_card_is_named),
      cmocka_unit_test(the_cut_makes_one_row),
      cmocka_unit_test(an_unknown_cut_names_near_ones),
      cmocka_unit_test(the_input_must_be_the_picture),
      cmocka_unit_test(features_must_be_a_row),
      cmocka_unit_test(a_model_is_no_trunk),
      cmocka_unit_test(a_graph_becomes_a_trunk),
      cmocka_unit_test(the_key_is_of_all_that_counts),
      cmocka_unit_test(plans_are_made_once),
      cmocka_unit_test(a_plan_that_cannot_be_made_is_an_error),
      cmocka_unit_test(memory_may_run_out),
  };
  return cmocka_run_group_tests_name("features_trunk", tests, tree_setup, tree_teardown);
}
