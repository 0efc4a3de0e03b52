/* From ONNX files to graphs: every operator in every form that its versions had, and the ways in which files wire
 * them. */
#include <math.h>
#include <string.h>

#include "onnx_builder.h"

static const tw_attributes *first_attributes(const tw_graph *graph) {
  return &graph->nodes[0]->attributes;
}

/* ---- Operators --------------------------------------------------------------------------------------------------- */

typedef struct padding {
  const char *mode;
  int64_t kernel;
  int64_t stride;
  int64_t dilation;
  int64_t begin;
  int64_t end;
  const char *shape; /* from 7 pixels */
} padding;

static void all_paddings(void **state) {
  (void)state;
  static const padding cases[] = {
      {"SAME_UPPER", 3, 1, 1, 1, 1, "1x2x7"}, {"SAME_LOWER", 3, 1, 1, 1, 1, "1x2x7"},
      {"SAME_UPPER", 2, 1, 1, 0, 1, "1x2x7"}, {"SAME_LOWER", 2, 1, 1, 1, 0, "1x2x7"},
      {"SAME_UPPER", 4, 2, 1, 1, 2, "1x2x4"}, {"SAME_LOWER", 4, 2, 1, 2, 1, "1x2x4"},
      {"SAME_UPPER", 3, 2, 2, 2, 2, "1x2x4"}, {"SAME_UPPER", 1, 3, 1, 0, 0, "1x2x3"},
      {"VALID", 3, 2, 1, 0, 0, "1x2x3"},      {"NOTSET", 3, 1, 1, 2, 1, "1x2x8"},
  };
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    builder b;
    BUILD(&b, -1, 3, 7);
    builder_weights(&b, "w", 3, DIMS(2, 3, cases[i].kernel));
    builder_node(&b, "Conv", "conv", "x,w", "y");
    builder_string(&b, "auto_pad", cases[i].mode);
    INTS(&b, "strides", cases[i].stride);
    INTS(&b, "dilations", cases[i].dilation);
    INTS(&b, "pads", 2, 1); /* counts for NOTSET alone */
    builder_output(&b, "y");
    tw_graph *graph = builder_graph(&b);
    assert_int_equal(first_attributes(graph)->pads_begin[0], cases[i].begin);
    assert_int_equal(first_attributes(graph)->pads_end[0], cases[i].end);
    tw_graph_free(graph);
    builder_gives(&b, cases[i].shape);
  }
}

static void convolutions(void **state) {
  (void)state;
  builder b;
  BUILD(&b, -1, 4, 9, 9);
  WEIGHTS(&b, "w", 8, 1, 3, 2);
  WEIGHTS(&b, "bias", 8);
  builder_node(&b, "Conv", "conv", "x,w,bias", "y");
  builder_int(&b, "group", 4);
  INTS(&b, "kernel_shape", 3, 2);
  INTS(&b, "dilations", 2, 3);
  INTS(&b, "strides", 1, 2);
  INTS(&b, "pads", 1, 2, 3, 4);
  builder_output(&b, "y");
  tw_graph *graph = builder_graph(&b);
  const tw_attributes *attributes = first_attributes(graph);
  assert_true(attributes->group == 4 && attributes->spatial == 2 && attributes->dilations[1] == 3);
  assert_true(attributes->pads_begin[0] == 1 && attributes->pads_begin[1] == 2 && attributes->pads_end[0] == 3 &&
              attributes->pads_end[1] == 4);
  tw_graph_free(graph);
  builder_gives(&b, "1x8x9x6");
}

static void pools(void **state) {
  (void)state;
  static const struct {
    const char *op;
    bool ceil;
    bool include;
    int64_t pad;
    const char *shape; /* from 8 pixels, kernel 3, stride 2 */
    int64_t end;       /* what became of the pad at the end */
    bool still_ceil;
  } cases[] = {
      {"MaxPool", false, false, 0, "1x2x3", 0, false},    {"MaxPool", true, false, 0, "1x2x4", 1, false},
      {"AveragePool", true, false, 1, "1x2x5", 2, false}, {"AveragePool", true, true, 1, "1x2x5", 1, true},
      {"AveragePool", false, true, 1, "1x2x4", 1, false},
  };
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    builder b;
    BUILD(&b, -1, 2, 8);
    builder_node(&b, cases[i].op, "pool", "x", "y");
    INTS(&b, "kernel_shape", 3);
    INTS(&b, "strides", 2);
    INTS(&b, "pads", cases[i].pad, cases[i].pad);
    builder_int(&b, "ceil_mode", cases[i].ceil);
    if (cases[i].include) {
      builder_int(&b, "count_include_pad", 1);
    }
    builder_output(&b, "y");
    tw_graph *graph = builder_graph(&b);
    assert_int_equal(first_attributes(graph)->pads_end[0], cases[i].end);
    assert_int_equal(first_attributes(graph)->ceil_mode, cases[i].still_ceil);
    assert_int_equal(first_attributes(graph)->count_include_pad, cases[i].include);
    tw_graph_free(graph);
    builder_gives(&b, cases[i].shape);
  }
}

/* Padding as large as the kernel is refused by other runtimes: a dilated pool keeps the mode then. */
static void dilated_pools_keep_their_mode(void **state) {
  (void)state;
  builder b;
  BUILD(&b, -1, 2, 8);
  builder_node(&b, "MaxPool", "pool", "x", "y");
  INTS(&b, "kernel_shape", 2);
  INTS(&b, "dilations", 3);
  INTS(&b, "strides", 3);
  INTS(&b, "pads", 0, 1);
  builder_int(&b, "ceil_mode", 1);
  builder_output(&b, "y");
  tw_graph *graph = builder_graph(&b);
  assert_true(first_attributes(graph)->ceil_mode);
  assert_int_equal(first_attributes(graph)->pads_end[0], 1);
  tw_graph_free(graph);
  builder_gives(&b, "1x2x3");
}

/* ReduceMean over the pixels, with axes as attribute or input, kept or not. */
static void means_are_global_pools(void **state) {
  (void)state;
  for (int form = 0; form < 4; form++) {
    builder b;
    BUILD(&b, 1, 3, 5, 5);
    b.model.opset = form < 2 ? 13 : 18;
    builder_integers(&b, "axes", DIMS(-1, 2), 2);
    builder_node(&b, "ReduceMean", "mean", form < 2 ? "x" : "x,axes", "y");
    if (form < 2) {
      INTS(&b, "axes", 3, -2);
    }
    builder_int(&b, "keepdims", form % 2);
    builder_output(&b, "y");
    tw_graph *graph = builder_graph(&b);
    assert_int_equal(graph->node_count, form % 2 ? 1 : 2);
    assert_int_equal(graph->nodes[0]->op, TW_OP_GLOBAL_AVERAGE_POOL);
    assert_string_equal(graph->outputs[0]->name, "y");
    tw_graph_free(graph);
    builder_gives(&b, form % 2 ? "1x3x1x1" : "1x3");
  }
  builder b;
  BUILD(&b, 1, 3, 5, 5);
  builder_node(&b, "ReduceMean", "mean", "x", "y");
  INTS(&b, "axes", 1);
  builder_output(&b, "y");
  builder_fails(&b, TW_E_UNSUPPORTED, "only as the mean over all pixels");
}

/* Bounds as attributes, as constants, as float16 that is cast, or not at all. */
static void clips(void **state) {
  (void)state;
  static const struct {
    int64_t opset;
    const char *inputs;
    float low;
    float high;
  } cases[] = {
      {6 + 1, "x", -1, 6},
      {10, "x", -1, 6},
      {11, "x", -INFINITY, INFINITY},
      {13, "x,low,high", -1, 6},
      {13, "x,,high", -INFINITY, 6},
      {13, "x,low", -1, INFINITY},
      {13, "x,low,cast", -1, 6},
      {13, "x,,made", -INFINITY, 7},
  };
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    builder b;
    BUILD(&b, -1, 3);
    b.model.opset = cases[i].opset;
    uint16_t half = tw_f32_to_f16(6);
    builder_scalar(&b, "low", -1);
    builder_scalar(&b, "high", 6);
    builder_tensor(&b, "half", TW_DTYPE_F16, 0, NULL, &half);
    builder_node(&b, "Sub", "sub", "high,low", "made");
    builder_node(&b, "Cast", "c", "half", "cast");
    builder_int(&b, "to", 1);
    builder_node(&b, "Clip", "clip", cases[i].inputs, "y");
    builder_float(&b, "min", -1); /* counts before version 11 alone */
    builder_float(&b, "max", 6);
    builder_output(&b, "y");
    tw_graph *graph = builder_graph(&b);
    assert_int_equal(graph->node_count, 1);
    assert_true(first_attributes(graph)->low == cases[i].low && first_attributes(graph)->high == cases[i].high);
    tw_graph_free(graph);
    builder_done(&b);
  }
}

/* The many ways to write a target. */
static void reshapes(void **state) {
  (void)state;
  for (int form = 0; form < 5; form++) {
    builder b;
    BUILD(&b, -1, 2, 3, 4);
    builder_integers(&b, "zero", DIMS(0), 1);
    builder_integers(&b, "rest", DIMS(-1), 1);
    builder_integers(&b, "both", DIMS(0, -1), 2);
    if (form == 1) {
      builder_node(&b, "Constant", "k", "", "target");
      INTS(&b, "value_ints", 0, -1);
    } else if (form == 2) {
      builder_node(&b, "Concat", "k", "zero,rest", "target");
      builder_int(&b, "axis", 0);
    } else if (form == 3) {
      builder_node(&b, "Cast", "k0", "both", "narrow");
      builder_int(&b, "to", TW_DTYPE_I32);
      builder_node(&b, "Cast", "k", "narrow", "target");
      builder_int(&b, "to", TW_DTYPE_I64);
    } else {
      builder_node(&b, "Identity", "k", "both", "target");
    }
    builder_node(&b, "Reshape", "r", form == 4 ? "x,both" : "x,target", "y");
    builder_output(&b, "y");
    tw_graph *graph = builder_graph(&b);
    assert_int_equal(graph->node_count, 1);
    assert_true(first_attributes(graph)->target_rank == 2 && first_attributes(graph)->target[1] == -1);
    tw_graph_free(graph);
    builder_gives(&b, "1x24");
  }
}

/* A file of a fixed batch: its targets hold the batch. */
static void fixed_batches_become_one(void **state) {
  (void)state;
  static const struct {
    int64_t batch;
    int64_t target[2];
    const char *shape; /* NULL: an error */
  } cases[] = {
      {4, {4, 24}, "1x24"}, {4, {4, -1}, "1x24"}, {4, {-1, 24}, "1x24"}, {4, {0, 24}, "1x24"},
      {1, {1, 24}, "1x24"}, {4, {4, 12}, NULL},   {-1, {1, -1}, "1x24"},
  };
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    builder b;
    BUILD(&b, cases[i].batch, 2, 3, 4);
    builder_integers(&b, "target", cases[i].target, 2);
    builder_node(&b, "Reshape", "r", "x,target", "y");
    builder_output(&b, "y");
    if (cases[i].shape == NULL) {
      builder_fails(&b, TW_E_FORMAT, "node 'r' (Reshape): a tensor of shape 1x2x3x4 cannot become 4x12");
      continue;
    }
    tw_graph *graph = builder_graph(&b);
    assert_int_equal(graph->dynamic_batch, cases[i].batch == -1);
    tw_graph_free(graph);
    builder_gives(&b, cases[i].shape);
  }
}

static void softmaxes(void **state) {
  (void)state;
  static const struct {
    int64_t opset;
    int64_t axis; /* 99: not given */
    size_t nodes;
    int64_t expected;
  } cases[] = {{13, 99, 1, 2}, {13, 1, 1, 1},  {13, -2, 1, 1}, {12, 2, 1, 2},
               {12, -1, 1, 2}, {12, 99, 3, 1}, {7, 0, 3, 1}};
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    builder b;
    BUILD(&b, -1, 2, 3);
    b.model.opset = cases[i].opset;
    builder_node(&b, "Softmax", "s", "x", "y");
    if (cases[i].axis != 99) {
      builder_int(&b, "axis", cases[i].axis);
    }
    builder_output(&b, "y");
    tw_graph *graph = builder_graph(&b);
    assert_int_equal(graph->node_count, cases[i].nodes);
    const tw_node *softmax = graph->nodes[cases[i].nodes / 2];
    assert_int_equal(softmax->op, TW_OP_SOFTMAX);
    assert_int_equal(softmax->attributes.axis, cases[i].expected);
    tw_graph_free(graph);
    builder_gives(&b, "1x2x3");
  }
}

static void products_and_norms(void **state) {
  (void)state;
  builder b;
  BUILD(&b, -1, 3);
  WEIGHTS(&b, "w", 5, 3);
  WEIGHTS(&b, "c", 1, 5);
  WEIGHTS(&b, "v", 5, 2);
  WEIGHTS(&b, "n", 2);
  builder_node(&b, "Gemm", "g", "x,w,c", "a");
  builder_float(&b, "alpha", 0.5f);
  builder_float(&b, "beta", 2);
  builder_int(&b, "transB", 1);
  builder_node(&b, "MatMul", "m", "a,v", "b");
  builder_node(&b, "BatchNormalization", "bn", "b,n,n,n,n", "y");
  builder_float(&b, "epsilon", 0.25f);
  builder_output(&b, "y");
  tw_graph *graph = builder_graph(&b);
  const tw_attributes *gemm = first_attributes(graph);
  assert_true(gemm->alpha == 0.5f && gemm->beta == 2 && !gemm->transpose_a && gemm->transpose_b);
  assert_true(graph->nodes[2]->attributes.epsilon == 0.25f);
  tw_graph_free(graph);
  builder_gives(&b, "1x2");
}

static void constants_of_every_kind(void **state) {
  (void)state;
  static const float three[] = {1, 2, 3};
  builder b;
  BUILD(&b, -1, 3);
  builder_node(&b, "Constant", "", "", "one");
  builder_float(&b, "value_float", 2);
  builder_node(&b, "Constant", "", "", "list");
  builder_attribute(&b, "value_floats", 6)->count = 3;
  b.model.nodes[1].attributes[0].floats = three;
  builder_node(&b, "Constant", "", "", "tensor");
  builder_attribute(&b, "value", 4)->tensor =
      (tw_onnx_tensor){.type = 1, .rank = 1, .dims = {3}, .raw = {(const uint8_t *)three, 12}};
  builder_node(&b, "Mul", "m", "x,one", "a");
  builder_node(&b, "Add", "n", "a,list", "b");
  builder_node(&b, "Sub", "o", "b,tensor", "y");
  builder_output(&b, "y");
  tw_graph *graph = builder_graph(&b);
  assert_int_equal(graph->node_count, 3);
  assert_int_equal(graph->nodes[0]->inputs[1]->shape.rank, 0);
  assert_memory_equal(graph->nodes[1]->inputs[1]->data, three, sizeof three);
  assert_memory_equal(graph->nodes[2]->inputs[1]->data, three, sizeof three);
  tw_graph_free(graph);
  builder_done(&b);
}

/* ---- Wiring ------------------------------------------------------------------------------------------------------ */

static void order_in_the_file_does_not_matter(void **state) {
  (void)state;
  builder b;
  BUILD(&b, -1, 3);
  builder_node(&b, "Relu", "third", "b", "y");
  builder_node(&b, "Add", "second", "a,x", "b");
  builder_node(&b, "Relu", "first", "x", "a");
  builder_node(&b, "Sigmoid", "dead", "x", "unused"); /* unknown, but nobody needs it */
  builder_output(&b, "y");
  builder_output(&b, "x");
  tw_graph *graph = builder_graph(&b);
  assert_int_equal(graph->node_count, 3);
  assert_string_equal(graph->nodes[0]->name, "first");
  assert_string_equal(graph->nodes[2]->name, "third");
  assert_ptr_equal(graph->outputs[1], graph->inputs[0]);
  tw_graph_free(graph);
  builder_done(&b);
}

/* Files before IR version 4 list their weights as inputs, too. */
static void weights_may_be_listed_as_inputs(void **state) {
  (void)state;
  builder b;
  BUILD(&b, -1, 3);
  WEIGHTS(&b, "w", 3);
  b.model.inputs[1] = b.model.inputs[0];
  b.model.inputs[0] = (tw_onnx_value_info){.name = tw_bytes_of("w"), .type = 1, .rank = 1, .dims = {3}};
  b.model.input_count = 2;
  builder_node(&b, "Add", "", "x,w", "y");
  builder_output(&b, "y");
  tw_graph *graph = builder_graph(&b);
  assert_int_equal(graph->input_count, 1);
  assert_string_equal(graph->inputs[0]->name, "x");
  assert_string_equal(graph->nodes[0]->name, "y"); /* the output's name when the file gives none */
  tw_graph_free(graph);
  builder_done(&b);
}

static void equal_node_names_are_told_apart(void **state) {
  (void)state;
  builder b;
  BUILD(&b, -1, 3);
  builder_node(&b, "Relu", "n", "x", "a");
  builder_node(&b, "Relu", "n", "a", "y");
  builder_output(&b, "y");
  tw_graph *graph = builder_graph(&b);
  assert_string_equal(graph->nodes[0]->name, "n");
  assert_string_equal(graph->nodes[1]->name, "y");
  tw_graph_free(graph);
  builder_done(&b);
}

/* Constants are not copied, wherever they lie in the file. */
static void constants_stay_in_the_file(void **state) {
  (void)state;
  builder b;
  BUILD(&b, -1, 3);
  WEIGHTS(&b, "w", 3);
  builder_node(&b, "Add", "n", "x,w", "y");
  builder_output(&b, "y");
  tw_graph *graph = builder_graph(&b);
  const uint8_t *data = graph->nodes[0]->inputs[1]->data;
  assert_true(data > b.file.data && data < b.file.data + b.file.size);
  tw_graph_free(graph);
  builder_done(&b);
}

static void metadata_are_kept(void **state) {
  (void)state;
  builder b;
  BUILD(&b, -1, 3);
  builder_node(&b, "Relu", "n", "x", "y");
  builder_output(&b, "y");
  b.model.properties[0] = (tw_onnx_property){tw_bytes_of("topwork.labels"), tw_bytes_of("a\nb")};
  b.model.properties[1] = (tw_onnx_property){tw_bytes_of("empty"), {NULL, 0}};
  b.model.property_count = 2;
  tw_graph *graph = builder_graph(&b);
  assert_int_equal(graph->metadata_count, 2);
  assert_true(tw_bytes_is(tw_graph_metadata(graph, "topwork.labels"), "a\nb"));
  assert_non_null(tw_graph_metadata(graph, "empty").data);
  assert_int_equal(tw_graph_metadata(graph, "empty").size, 0);
  assert_null(tw_graph_metadata(graph, "none").data);
  tw_graph_free(graph);
  b.model.properties[1].key = tw_bytes_of("\xff");
  builder_fails(&b, TW_E_FORMAT, "metadata entry 2 is not text");
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(all_paddings),
      cmocka_unit_test(convolutions),
      cmocka_unit_test(pools),
      cmocka_unit_test(dilated_pools_keep_their_mode),
      cmocka_unit_test(means_are_global_pools),
      cmocka_unit_test(clips),
      cmocka_unit_test(reshapes),
      cmocka_unit_test(fixed_batches_become_one),
      cmocka_unit_test(softmaxes),
      cmocka_unit_test(products_and_norms),
      cmocka_unit_test(constants_of_every_kind),
      cmocka_unit_test(order_in_the_file_does_not_matter),
      cmocka_unit_test(weights_may_be_listed_as_inputs),
      cmocka_unit_test(equal_node_names_are_told_apart),
      cmocka_unit_test(constants_stay_in_the_file),
      cmocka_unit_test(metadata_are_kept),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
