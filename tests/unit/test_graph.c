/* The graph itself: building, names, copy, cut, verify, hash, and what is asked about it. */
#include <string.h>

#include "onnx_builder.h"

static const tw_shape picture = {4, {1, 2, 4, 4}};
static const float numbers[64] = {1, 2, 3, 4, 5, 6, 7, 8};

/* x -> Conv "conv" -> Relu "relu" -> GlobalAveragePool "pool" -> Flatten "flat" -> MatMul with "top" -> "logits" */
static tw_graph *small_network(void) {
  tw_graph *graph = tw_graph_create();
  tw_error error;
  tw_value *values[2];
  const tw_shape weights = {4, {3, 2, 1, 1}};
  const tw_shape top = {2, {3, 5}};
  tw_attributes flat = {.axis = 1};
  assert_int_equal(tw_graph_add_input(graph, "x", TW_DTYPE_F32, &picture, &values[0], &error), TW_OK);
  assert_int_equal(tw_graph_add_constant(graph, "w", TW_DTYPE_F32, &weights, numbers, &values[1], &error), TW_OK);
  assert_int_equal(tw_graph_add_node(graph, "conv", TW_OP_CONV, values, 2, NULL, "conv_out", values, &error), TW_OK);
  assert_int_equal(tw_graph_add_node(graph, "relu", TW_OP_RELU, values, 1, NULL, "relu_out", values, &error), TW_OK);
  assert_int_equal(tw_graph_add_node(graph, "pool", TW_OP_GLOBAL_AVERAGE_POOL, values, 1, NULL, NULL, values, &error),
                   TW_OK);
  assert_int_equal(tw_graph_add_node(graph, NULL, TW_OP_FLATTEN, values, 1, &flat, "flat", values, &error), TW_OK);
  assert_int_equal(tw_graph_add_constant(graph, "top", TW_DTYPE_F32, &top, numbers, &values[1], &error), TW_OK);
  assert_int_equal(tw_graph_add_node(graph, "fc", TW_OP_MATMUL, values, 2, NULL, "logits", values, &error), TW_OK);
  assert_int_equal(tw_graph_add_output(graph, values[0], &error), TW_OK);
  assert_int_equal(tw_graph_verify(graph, &error), TW_OK);
  return graph;
}

static void names_are_found(void **state) {
  (void)state;
  tw_graph *graph = small_network();
  assert_string_equal(tw_graph_find(graph, "relu_out")->name, "relu_out");
  assert_ptr_equal(tw_graph_find(graph, "relu"), tw_graph_find(graph, "relu_out"));
  assert_string_equal(tw_graph_find(graph, "pool")->producer->name, "pool");
  assert_string_equal(tw_graph_find(graph, "flat")->producer->name, "flat");
  assert_non_null(tw_graph_find(graph, "w")->data);
  assert_null(tw_graph_find(graph, "nothing"));
  assert_null(tw_graph_find(graph, ""));
  tw_graph_free(graph);
}

static void bad_names_are_refused(void **state) {
  (void)state;
  tw_graph *graph = small_network();
  tw_value *x = graph->inputs[0];
  tw_error error;
  char *longest = tw_alloc(TW_MAX_NAME + 2, 1);
  memset(longest, 'a', TW_MAX_NAME + 1);
  assert_int_equal(tw_graph_add_input(graph, "logits", TW_DTYPE_F32, &picture, NULL, &error), TW_E_FORMAT);
  assert_string_equal(error.message, "the value 'logits' is defined twice");
  assert_int_equal(tw_graph_add_node(graph, "relu", TW_OP_RELU, &x, 1, NULL, "new", NULL, &error), TW_E_FORMAT);
  assert_string_equal(error.message, "two nodes have the name 'relu'");
  assert_int_equal(tw_graph_add_node(graph, "new", TW_OP_RELU, &x, 1, NULL, "x", NULL, &error), TW_E_FORMAT);
  assert_int_equal(tw_graph_add_node(graph, NULL, TW_OP_RELU, &x, 1, NULL, NULL, NULL, &error), TW_E_ARGUMENT);
  assert_int_equal(tw_graph_add_input(graph, "", TW_DTYPE_F32, &picture, NULL, &error), TW_E_FORMAT);
  assert_int_equal(tw_graph_add_input(graph, "\xff", TW_DTYPE_F32, &picture, NULL, &error), TW_E_FORMAT);
  assert_int_equal(tw_graph_add_input(graph, longest, TW_DTYPE_F32, &picture, NULL, &error), TW_E_LIMIT);
  longest[TW_MAX_NAME] = '\0';
  assert_int_equal(tw_graph_add_input(graph, longest, TW_DTYPE_F32, &picture, NULL, &error), TW_OK);
  assert_int_equal(tw_graph_add_input(graph, "s", (tw_dtype)8, &picture, NULL, &error), TW_E_UNSUPPORTED);
  assert_int_equal(tw_graph_add_constant(graph, "c", TW_DTYPE_F32, &picture, NULL, NULL, &error), TW_E_ARGUMENT);
  assert_int_equal(tw_graph_verify(graph, &error), TW_OK); /* nothing of all that stayed */
  tw_free(longest);
  tw_graph_free(graph);
}

static void attributes_get_their_normal_form(void **state) {
  (void)state;
  tw_graph *graph = small_network();
  const tw_attributes *conv = &graph->nodes[0]->attributes;
  assert_true(conv->spatial == 2 && conv->group == 1 && conv->kernel[0] == 1 && conv->strides[1] == 1);
  assert_int_equal(conv->strides[2], 0);
  tw_error error;
  tw_value *result;
  tw_attributes all = {.epsilon = 1, .low = 2, .group = 3, .axis = 1, .target_rank = 2, .flat_softmax = true};
  assert_int_equal(tw_graph_add_node(graph, "s", TW_OP_SOFTMAX, graph->inputs, 1, &all, NULL, &result, &error), TW_OK);
  const tw_attributes *softmax = &result->producer->attributes;
  assert_true(softmax->axis == 1 && softmax->flat_softmax);
  assert_true(softmax->epsilon == 0 && softmax->low == 0 && softmax->group == 0 && softmax->target_rank == 0);
  tw_graph_free(graph);
}

static void copies_are_equal_and_apart(void **state) {
  (void)state;
  tw_graph *graph = small_network();
  tw_graph *copy;
  tw_error error;
  graph->dynamic_batch = true;
  assert_int_equal(tw_graph_copy(graph, &copy, &error), TW_OK);
  assert_int_equal(tw_graph_verify(copy, &error), TW_OK);
  assert_true(copy->dynamic_batch);
  assert_int_equal(copy->node_count, graph->node_count);
  assert_ptr_not_equal(tw_graph_find(copy, "w"), tw_graph_find(graph, "w"));
  assert_ptr_equal(tw_graph_find(copy, "w")->data, tw_graph_find(graph, "w")->data);
  tw_hash first = hash_of_output(graph, 0);
  tw_hash second = hash_of_output(copy, 0);
  assert_int_equal(tw_hash_compare(&first, &second), 0);
  assert_int_equal(tw_graph_optimise(copy, NULL, NULL, &error), TW_OK);
  assert_int_equal(tw_graph_verify(graph, &error), TW_OK);
  assert_int_equal(graph->node_count, 5);
  assert_int_equal(copy->node_count, 4);
  tw_graph_free(copy);
  tw_graph_free(graph);
}

static void cuts_drop_what_is_not_needed(void **state) {
  (void)state;
  tw_graph *graph = small_network();
  tw_error error;
  tw_value *outputs[3] = {tw_graph_find(graph, "flat"), tw_graph_find(graph, "relu"), NULL};
  assert_int_equal(tw_graph_cut(graph, outputs, 0, &error), TW_E_ARGUMENT);
  assert_int_equal(tw_graph_cut(graph, outputs, 3, &error), TW_E_ARGUMENT);
  assert_int_equal(tw_graph_cut(graph, outputs, 2, &error), TW_OK);
  assert_int_equal(graph->node_count, 4);
  assert_int_equal(graph->output_count, 2);
  assert_string_equal(graph->outputs[1]->name, "relu_out");
  assert_null(tw_graph_find(graph, "top"));
  assert_null(tw_graph_find(graph, "logits"));
  assert_null(tw_graph_find(graph, "fc"));
  assert_non_null(tw_graph_find(graph, "x"));
  assert_int_equal(tw_graph_verify(graph, &error), TW_OK);
  outputs[0] = graph->inputs[0];
  assert_int_equal(tw_graph_cut(graph, outputs, 1, &error), TW_OK);
  assert_int_equal(graph->node_count, 0);
  assert_int_equal(graph->input_count, 1);
  assert_int_equal(tw_graph_verify(graph, &error), TW_OK);
  tw_graph_free(graph);
}

/* Each way to break a graph is seen, and mending it is enough. */
static void broken_graphs_are_seen(void **state) {
  (void)state;
  tw_graph *graph = small_network();
  tw_error error;
  tw_node *conv = graph->nodes[0];
  tw_node *relu = graph->nodes[1];
#define BREAK(place, value)                                          \
  do {                                                               \
    __auto_type was = place;                                         \
    place = value;                                                   \
    assert_int_equal(tw_graph_verify(graph, &error), TW_E_ARGUMENT); \
    place = was;                                                     \
    assert_int_equal(tw_graph_verify(graph, &error), TW_OK);         \
  } while (0)
  BREAK(graph->nodes[0], relu);
  BREAK(graph->nodes[0], NULL);
  BREAK(conv->op, TW_OP_COUNT);
  BREAK(conv->input_count, 1);
  BREAK(conv->name, "relu");
  BREAK(conv->output->name, "x");
  BREAK(conv->output->dtype, TW_DTYPE_F16);
  BREAK(conv->output->shape.dims[1], 4);
  BREAK(conv->output->producer, relu);
  BREAK(conv->output->index, relu->output->index);
  BREAK(conv->output->index, graph->value_count);
  BREAK(conv->inputs[0], tw_graph_find(graph, "logits"));
  BREAK(conv->inputs[1]->data_size, 1);
  BREAK(conv->attributes.strides[0], 2);
  BREAK(conv->attributes.axis, 1);
  BREAK(relu->attributes.low, 1);
  BREAK(graph->inputs[0]->data, numbers);
#undef BREAK
  assert_int_equal(tw_graph_add_output(graph, graph->outputs[0], &error), TW_OK);
  assert_int_equal(tw_graph_verify(graph, &error), TW_E_ARGUMENT);
  tw_graph_free(graph);
}

static void questions_are_answered(void **state) {
  (void)state;
  tw_graph *graph = small_network();
  assert_ptr_equal(tw_graph_features_value(graph), tw_graph_find(graph, "flat"));
  assert_int_equal(tw_graph_parameters(graph), 6 + 15);
  assert_int_equal(tw_node_multiplications(graph->nodes[0]), 3 * 16 * 2);
  assert_int_equal(tw_node_multiplications(graph->nodes[1]), 0);
  assert_int_equal(tw_node_multiplications(graph->nodes[4]), 15);
  tw_error error;
  tw_value *outputs[1] = {tw_graph_find(graph, "pool")};
  assert_int_equal(tw_graph_cut(graph, outputs, 1, &error), TW_OK);
  assert_null(tw_graph_features_value(graph));
  assert_null(tw_graph_metadata(graph, "key").data);
  tw_graph_free(graph);
}

/* Each added constant doubles the graph that a hash without memory would walk. */
static void hashes_are_linear(void **state) {
  (void)state;
  tw_graph *graph = tw_graph_create();
  tw_error error;
  const tw_shape shape = {1, {1}};
  tw_value *value;
  char name[32];
  assert_int_equal(tw_graph_add_input(graph, "x", TW_DTYPE_F32, &shape, &value, &error), TW_OK);
  for (int i = 0; i < 300; i++) {
    tw_value *both[2] = {value, value};
    snprintf(name, sizeof name, "n%d", i);
    assert_int_equal(tw_graph_add_node(graph, name, TW_OP_ADD, both, 2, NULL, NULL, &value, &error), TW_OK);
  }
  assert_int_equal(tw_graph_add_output(graph, value, &error), TW_OK);
  tw_hash first = hash_of_output(graph, 0);
  tw_hash other;
  assert_int_equal(tw_graph_hash(graph, tw_graph_find(graph, "n298"), &other, &error), TW_OK);
  assert_int_not_equal(tw_hash_compare(&first, &other), 0);
  assert_int_equal(tw_graph_hash(graph, NULL, &other, &error), TW_E_ARGUMENT);
  tw_graph_free(graph);
}

/* Every failed allocation is an error, and nothing is lost or used after it was freed. */
static void memory_may_run_out(void **state) {
  (void)state;
  tw_graph *graph = small_network();
  tw_status status = TW_E_MEMORY;
  for (size_t n = 1; status == TW_E_MEMORY; n++) {
    tw_graph *copy = NULL;
    tw_hash hash;
    tw_error error = {0};
    tw_memory_fail_after(n);
    status = tw_graph_copy(graph, &copy, &error);
    status = status == TW_OK ? tw_graph_optimise(copy, NULL, NULL, &error) : status;
    status = status == TW_OK ? tw_graph_verify(copy, &error) : status;
    status = status == TW_OK ? tw_graph_hash(graph, graph->outputs[0], &hash, &error) : status;
    tw_memory_fail_after(0);
    tw_graph_free(copy);
    assert_true(n < 10000);
  }
  assert_int_equal(status, TW_OK);
  tw_graph_free(graph);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(names_are_found),
      cmocka_unit_test(bad_names_are_refused),
      cmocka_unit_test(attributes_get_their_normal_form),
      cmocka_unit_test(copies_are_equal_and_apart),
      cmocka_unit_test(cuts_drop_what_is_not_needed),
      cmocka_unit_test(broken_graphs_are_seen),
      cmocka_unit_test(questions_are_answered),
      cmocka_unit_test(hashes_are_linear),
      cmocka_unit_test(memory_may_run_out),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
