/* Fusing: what is merged, what must be left alone. */
#include <string.h>

#include "onnx_builder.h"

static void activations_are_fused(void **state) {
  (void)state;
  builder b;
  tw_buffer file;
  BUILD(&b, -1, 3, 2, 2);
  WEIGHTS(&b, "w", 3, 3, 1, 1);
  WEIGHTS(&b, "g", 12, 5);
  builder_scalar(&b, "zero", 0);
  builder_scalar(&b, "six", 6);
  builder_node(&b, "Conv", "conv", "x,w", "c");
  builder_node(&b, "Clip", "clip", "c,zero,six", "r");
  builder_node(&b, "Add", "add", "r,x", "a");
  builder_node(&b, "Relu", "relu", "a", "s");
  builder_node(&b, "Flatten", "flat", "s", "f");
  builder_node(&b, "Gemm", "gemm", "f,g", "m");
  builder_node(&b, "Relu", "last", "m", "y");
  builder_output(&b, "y");
  tw_graph *graph = run_pass(&b, &file, tw_graph_fuse);
  check_ops(graph, "Conv Add Flatten Gemm");
  assert_int_equal(graph->nodes[0]->attributes.activation, TW_ACTIVATION_CLIP);
  assert_true(graph->nodes[0]->attributes.low == 0 && graph->nodes[0]->attributes.high == 6);
  assert_int_equal(graph->nodes[1]->attributes.activation, TW_ACTIVATION_RELU);
  assert_int_equal(graph->nodes[3]->attributes.activation, TW_ACTIVATION_RELU);
  assert_string_equal(graph->nodes[0]->name, "conv+clip");
  assert_string_equal(graph->nodes[3]->output->name, "y");
  assert_ptr_equal(tw_graph_find(graph, "conv+clip"), tw_graph_find(graph, "r"));
  finish(graph, &file);
}

/* Two convolutions and their sum: the later one adds, whichever side of the sum it is on. */
static void residual_sums_are_fused(void **state) {
  (void)state;
  for (int swapped = 0; swapped < 2; swapped++) {
    builder b;
    tw_buffer file;
    BUILD(&b, -1, 3, 2, 2);
    WEIGHTS(&b, "w", 3, 3, 1, 1);
    builder_node(&b, "Conv", "first", "x,w", "c");
    builder_node(&b, "Conv", "second", "x,w", "d");
    builder_node(&b, "Add", "add", swapped ? "d,c" : "c,d", "a");
    builder_node(&b, "Relu", "relu", "a", "y");
    builder_output(&b, "y");
    tw_graph *graph = run_pass(&b, &file, tw_graph_fuse);
    check_ops(graph, "Conv Conv");
    const tw_node *adding = graph->nodes[1];
    assert_string_equal(adding->name, "second+add+relu");
    assert_int_equal(adding->input_count, 4);
    assert_null(adding->inputs[2]);
    assert_string_equal(adding->inputs[3]->name, "c");
    assert_int_equal(adding->attributes.activation, TW_ACTIVATION_RELU);
    assert_int_equal(graph->nodes[0]->attributes.activation, TW_ACTIVATION_NONE);
    finish(graph, &file);
  }
}

/* The addend is made after the convolution in the file: the convolution moves behind it. */
static void convolutions_wait_for_their_addend(void **state) {
  (void)state;
  builder b;
  tw_buffer file;
  BUILD(&b, -1, 3, 2, 2);
  WEIGHTS(&b, "w", 3, 3, 1, 1);
  WEIGHTS(&b, "bias", 3);
  builder_node(&b, "Conv", "conv", "x,w,bias", "c");
  builder_node(&b, "Relu", "late", "x", "r");
  builder_node(&b, "Add", "add", "c,r", "y");
  builder_output(&b, "y");
  tw_graph *graph = run_pass(&b, &file, tw_graph_fuse);
  check_ops(graph, "Relu Conv");
  assert_string_equal(graph->nodes[1]->inputs[2]->name, "bias");
  assert_string_equal(graph->nodes[1]->inputs[3]->name, "r");
  finish(graph, &file);
}

static void what_is_needed_is_not_swallowed(void **state) {
  (void)state;
  static const struct {
    const char *expected;
    const char *sum;  /* the inputs of Add "a"; NULL: none, the last Relu takes the convolution's result */
    const char *also; /* an output of the network beside y */
  } cases[] = {
      {"Conv Relu", NULL, "c"},                          /* the convolution's result is an output */
      {"Conv Relu", "c,x", "a"},                         /* so is the sum: the convolution adds, nothing more */
      {"Conv Add", "c,c", NULL},                         /* it is used twice */
      {"Conv Add", "c,k", NULL},                         /* a constant is no residual */
      {"GlobalAveragePool Conv Add", "c,channel", NULL}, /* nor is what broadcasts */
      {"Conv Add", "r,x", NULL},                         /* an activation is between */
  };
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    builder b;
    tw_buffer file;
    BUILD(&b, -1, 3, 2, 2);
    WEIGHTS(&b, "w", 3, 3, 1, 1);
    WEIGHTS(&b, "k", 1, 3, 2, 2);
    builder_node(&b, "GlobalAveragePool", "pool", "x", "channel");
    builder_node(&b, "Conv", "conv", "x,w", "c");
    builder_node(&b, "Relu", "between", "c", "r");
    if (cases[i].sum != NULL) {
      builder_node(&b, "Add", "add", cases[i].sum, "a");
    }
    builder_node(&b, "Relu", "relu", cases[i].sum == NULL ? "c" : "a", "y");
    builder_output(&b, "y");
    if (cases[i].also != NULL) {
      builder_output(&b, cases[i].also);
    }
    tw_graph *graph = run_pass(&b, &file, tw_graph_fuse);
    check_ops(graph, cases[i].expected);
    if (cases[i].also != NULL) { /* an output keeps its value from before the activation */
      assert_int_equal(tw_graph_find(graph, cases[i].also)->producer->attributes.activation, TW_ACTIVATION_NONE);
    }
    finish(graph, &file);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(activations_are_fused),
      cmocka_unit_test(residual_sums_are_fused),
      cmocka_unit_test(convolutions_wait_for_their_addend),
      cmocka_unit_test(what_is_needed_is_not_swallowed),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
