/* Writing graphs as ONNX, and the hash: what is written comes back the same, and what is the same network has the same
 * hash however its file says it. */
#include <math.h>
#include <string.h>

#include "onnx_builder.h"

static void export_to(const tw_graph *graph, tw_buffer *file) {
  static const tw_metadata metadata[] = {{"topwork.b", {(const uint8_t *)"2", 1}}, {"topwork.a", {NULL, 0}}};
  tw_error error;
  tw_buffer_done(file);
  if (tw_graph_export_onnx(graph, metadata, 2, file, &error) != TW_OK) {
    fail_msg("%s", error.message);
  }
}

static void what_is_written_comes_back(void **state) {
  (void)state;
  builder b;
  builder_every_operator(&b);
  tw_graph *graph = builder_graph(&b);
  tw_graph *again;
  tw_buffer first = {0};
  tw_buffer second = {0};
  tw_error error;
  export_to(graph, &first);
  assert_int_equal(tw_graph_import_bytes(tw_buffer_bytes(&first), &again, &error), TW_OK);
  assert_int_equal(tw_graph_verify(again, &error), TW_OK);
  assert_int_equal(again->node_count, graph->node_count);
  assert_true(again->dynamic_batch);
  for (size_t i = 0; i < graph->node_count; i++) { /* not only the outputs: every value is the same */
    tw_hash left;
    tw_hash right;
    tw_value *value = graph->nodes[i]->output;
    assert_int_equal(tw_graph_hash(graph, value, &left, &error), TW_OK);
    assert_int_equal(tw_graph_hash(again, tw_graph_find(again, value->name), &right, &error), TW_OK);
    assert_int_equal(tw_hash_compare(&left, &right), 0);
    assert_string_equal(again->nodes[i]->name, graph->nodes[i]->name);
  }
  assert_int_equal(tw_graph_find(again, "h")->dtype, TW_DTYPE_F16);
  assert_string_equal(again->metadata[0].key, "topwork.b");
  assert_string_equal(again->metadata[1].key, "topwork.a");
  export_to(again, &second);
  assert_true(tw_bytes_equal(tw_buffer_bytes(&first), tw_buffer_bytes(&second)));
  tw_graph_free(again);
  tw_graph_free(graph);
  tw_buffer_done(&first);
  tw_buffer_done(&second);
  builder_done(&b);
}

/* Only what the outputs need is written, and fixed batches stay fixed. */
static void cut_networks_are_small(void **state) {
  (void)state;
  builder b;
  builder_every_operator(&b);
  b.model.inputs[0].dims[0] = 1;
  tw_graph *graph = builder_graph(&b);
  tw_graph *again;
  tw_buffer file = {0};
  tw_error error;
  tw_hash before = hash_of_output(graph, 0);
  tw_value *features = tw_graph_find(graph, "features");
  assert_int_equal(tw_graph_cut(graph, &features, 1, &error), TW_OK);
  export_to(graph, &file);
  assert_int_equal(tw_graph_import_bytes(tw_buffer_bytes(&file), &again, &error), TW_OK);
  assert_false(again->dynamic_batch);
  assert_int_equal(again->output_count, 1);
  assert_null(tw_graph_find(again, "g"));
  assert_null(tw_graph_find(again, "target"));
  tw_hash after = hash_of_output(again, 0);
  assert_int_equal(tw_hash_compare(&before, &after), 0);
  tw_graph_free(again);
  tw_graph_free(graph);
  tw_buffer_done(&file);
  builder_done(&b);
}

/* Names that we invent give way to names that are there. */
static void invented_names_are_free(void **state) {
  (void)state;
  builder b;
  BUILD(&b, -1, 3);
  WEIGHTS(&b, "y/min", 3);
  WEIGHTS(&b, "y/min.2", 3);
  builder_node(&b, "Add", "", "x,y/min", "a");
  builder_node(&b, "Add", "", "a,y/min.2", "b");
  builder_scalar(&b, "low", -1);
  builder_node(&b, "Clip", "", "b,low", "y");
  builder_output(&b, "y");
  tw_graph *graph = builder_graph(&b);
  tw_graph *again;
  tw_buffer file = {0};
  tw_error error;
  export_to(graph, &file);
  assert_int_equal(tw_graph_import_bytes(tw_buffer_bytes(&file), &again, &error), TW_OK);
  tw_hash before = hash_of_output(graph, 0);
  tw_hash after = hash_of_output(again, 0);
  assert_int_equal(tw_hash_compare(&before, &after), 0);
  tw_graph_free(again);
  tw_graph_free(graph);
  tw_buffer_done(&file);
  builder_done(&b);
}

static void what_cannot_be_written_is_refused(void **state) {
  (void)state;
  builder b;
  builder_every_operator(&b);
  tw_graph *graph = builder_graph(&b);
  tw_buffer file = {0};
  tw_error error;
  assert_int_equal(tw_graph_export_onnx(graph, NULL, TW_MAX_METADATA + 1, &file, &error), TW_E_LIMIT);
  assert_int_equal(tw_graph_optimise(graph, NULL, NULL, &error), TW_OK);
  assert_int_equal(tw_graph_export_onnx(graph, NULL, 0, &file, &error), TW_E_ARGUMENT);
  assert_non_null(strstr(error.message, "fused"));
  tw_graph_free(graph);
  graph = tw_graph_create();
  assert_int_equal(tw_graph_export_onnx(graph, NULL, 0, &file, &error), TW_E_ARGUMENT);
  tw_graph_free(graph);
  builder_done(&b);
  BUILD(&b, -1, 2, 9);
  b.model.opset = 19;
  builder_node(&b, "AveragePool", "avg", "x", "y");
  INTS(&b, "kernel_shape", 3);
  INTS(&b, "dilations", 2);
  builder_output(&b, "y");
  graph = builder_graph(&b);
  assert_int_equal(tw_graph_export_onnx(graph, NULL, 0, &file, &error), TW_E_UNSUPPORTED);
  tw_graph_free(graph);
  builder_done(&b);
  tw_buffer_done(&file);
}

/* ---- The hash ---------------------------------------------------------------------------------------------------- */

typedef struct variation {
  bool renamed;
  bool reordered;       /* nodes */
  bool weights_swapped; /* their order in the file */
  bool constant_node;   /* weights from a Constant */
  bool old_clip;        /* bounds as attributes, opset 10 */
  bool padded_name;     /* auto_pad instead of pads */
  bool fixed_batch;
  float bound;
  float weight;
} variation;

/* x -> Conv -> Clip -> Add with v; and what the variation says. */
static tw_hash hash_of(const variation *how) {
  builder b;
  builder_init(&b, 4, DIMS(how->fixed_batch ? 1 : -1, 1, 4, 4));
  const char *w = how->renamed ? "weights" : "w";
  float weights[9] = {how->weight, 1, 2, 3, 4, 5, 6, 7, 8};
  static const float v[4] = {1, 2, 3, 4};
  b.model.opset = how->old_clip ? 10 : 13;
  if (how->weights_swapped) {
    builder_tensor(&b, "v", TW_DTYPE_F32, 1, DIMS(4), v);
  }
  if (how->constant_node) {
    builder_node(&b, "Constant", "k", "", w);
    builder_attribute(&b, "value", 4)->tensor =
        (tw_onnx_tensor){.type = 1, .rank = 4, .dims = {1, 1, 3, 3}, .raw = {(const uint8_t *)weights, sizeof weights}};
  } else {
    builder_tensor(&b, w, TW_DTYPE_F32, 4, DIMS(1, 1, 3, 3), weights);
  }
  if (!how->weights_swapped) {
    builder_tensor(&b, "v", TW_DTYPE_F32, 1, DIMS(4), v);
  }
  builder_scalar(&b, "bound", how->bound);
  if (how->reordered) {
    builder_node(&b, "Add", "add", "r,v", "y");
  }
  builder_node(&b, "Conv", how->renamed ? "other" : "conv", how->renamed ? "x,weights" : "x,w", "c");
  if (how->padded_name) {
    builder_string(&b, "auto_pad", "SAME_UPPER");
  } else {
    INTS(&b, "pads", 1, 1, 1, 1);
  }
  builder_node(&b, "Clip", "clip", how->old_clip ? "c" : "c,,bound", "r");
  if (how->old_clip) {
    builder_float(&b, "max", how->bound);
  }
  if (!how->reordered) {
    builder_node(&b, "Add", "add", "r,v", "y");
  }
  builder_output(&b, "y");
  tw_graph *graph = builder_graph(&b);
  tw_hash hash = hash_of_output(graph, 0);
  tw_graph_free(graph);
  builder_done(&b);
  return hash;
}

static void hashes_see_the_network_not_the_file(void **state) {
  (void)state;
  static const variation plain = {.bound = 6, .weight = 1};
  static const variation same[] = {
      {.bound = 6, .weight = 1, .renamed = true},         {.bound = 6, .weight = 1, .reordered = true},
      {.bound = 6, .weight = 1, .weights_swapped = true}, {.bound = 6, .weight = 1, .constant_node = true},
      {.bound = 6, .weight = 1, .old_clip = true},        {.bound = 6, .weight = 1, .padded_name = true},
      {.bound = 6, .weight = 1, .fixed_batch = true},
  };
  static const variation different[] = {{.bound = 5, .weight = 1}, {.bound = 6, .weight = 2}};
  tw_hash expected = hash_of(&plain);
  for (size_t i = 0; i < sizeof same / sizeof *same; i++) {
    tw_hash hash = hash_of(&same[i]);
    assert_int_equal(tw_hash_compare(&hash, &expected), 0);
  }
  for (size_t i = 0; i < sizeof different / sizeof *different; i++) {
    tw_hash hash = hash_of(&different[i]);
    assert_int_not_equal(tw_hash_compare(&hash, &expected), 0);
  }
}

/* The cache lives by this number: a change of it is a decision, not an accident. */
static void the_hash_stays(void **state) {
  (void)state;
  char text[TW_HASH_TEXT_SIZE];
  tw_hash hash = hash_of(&(variation){.bound = 6, .weight = 1});
  assert_string_equal(tw_hash_text(&hash, text), "8acb78d1c90c67b2826f8e0e68307fd7");
}

static void inputs_of_a_sum_do_not_commute(void **state) {
  (void)state;
  tw_hash hashes[2];
  for (int i = 0; i < 2; i++) {
    builder b;
    BUILD(&b, -1, 3);
    WEIGHTS(&b, "w", 3);
    builder_node(&b, "Sub", "s", i == 0 ? "x,w" : "w,x", "y");
    builder_output(&b, "y");
    tw_graph *graph = builder_graph(&b);
    hashes[i] = hash_of_output(graph, 0);
    tw_graph_free(graph);
    builder_done(&b);
  }
  assert_int_not_equal(tw_hash_compare(&hashes[0], &hashes[1]), 0);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(what_is_written_comes_back),
      cmocka_unit_test(cut_networks_are_small),
      cmocka_unit_test(invented_names_are_free),
      cmocka_unit_test(what_cannot_be_written_is_refused),
      cmocka_unit_test(hashes_see_the_network_not_the_file),
      cmocka_unit_test(the_hash_stays),
      cmocka_unit_test(inputs_of_a_sum_do_not_commute),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
