/* Shape inference: what each operator gives, and every way in which its inputs cannot fit. */
#include <math.h>
#include <string.h>

#include "graph/graph.h"
#include "support.h"

#define S(...)                                                   \
  {                                                              \
    (int)(sizeof((int64_t[]){__VA_ARGS__}) / sizeof(int64_t)), { \
      __VA_ARGS__                                                \
    }                                                            \
  }
#define SCALAR \
  {            \
    0, {       \
      0        \
    }          \
  }

typedef struct infer_case {
  tw_op op;
  const char *expected; /* the result's shape; or, when `wrong`, a part of the message */
  bool wrong;
  size_t count;
  tw_shape inputs[5];
  tw_attributes attributes;
} infer_case;

/* Adds float32 inputs of the case's shapes and the node. */
static tw_status run_case(const infer_case *at, char text[TW_SHAPE_TEXT_SIZE], tw_error *error) {
  tw_graph *graph = tw_graph_create();
  tw_value *inputs[5];
  tw_value *result = NULL;
  for (size_t i = 0; i < at->count; i++) {
    char name[] = "in0";
    name[2] = (char)('0' + i);
    assert_int_equal(tw_graph_add_input(graph, name, TW_DTYPE_F32, &at->inputs[i], &inputs[i], error), TW_OK);
  }
  tw_status status =
      tw_graph_add_node(graph, "node", at->op, inputs, at->count, &at->attributes, "out", &result, error);
  if (status == TW_OK) {
    tw_shape_text(&result->shape, text);
    assert_int_equal(tw_graph_add_output(graph, result, error), TW_OK);
    assert_int_equal(tw_graph_verify(graph, error), TW_OK);
  } else {
    assert_null(result);
    assert_int_equal(graph->node_count, 0);
  }
  tw_graph_free(graph);
  return status;
}

static void run_cases(const infer_case *cases, size_t count) {
  for (size_t i = 0; i < count; i++) {
    const infer_case *at = &cases[i];
    char text[TW_SHAPE_TEXT_SIZE] = "";
    tw_error error = {0};
    tw_status status = run_case(at, text, &error);
    bool fine = at->wrong ? status == TW_E_FORMAT && strstr(error.message, at->expected) != NULL &&
                                strstr(error.message, "node 'node'") != NULL
                          : status == TW_OK && strcmp(text, at->expected) == 0;
    if (!fine) {
      fail_msg("case %zu (%s): status %d, shape %s, message '%s' instead of '%s'", i, tw_op_name(at->op), (int)status,
               text, error.message, at->expected);
    }
  }
}
#define RUN(cases) run_cases(cases, sizeof(cases) / sizeof *(cases))

static void convolutions(void **state) {
  (void)state;
  static const infer_case cases[] = {
      {TW_OP_CONV, "1x8x5x5", false, 2, {S(1, 3, 7, 7), S(8, 3, 3, 3)}, {0}},
      {TW_OP_CONV,
       "1x8x4x4",
       false,
       3,
       {S(1, 3, 7, 7), S(8, 3, 3, 3), S(8)},
       {.strides = {2, 2}, .pads_begin = {1, 1}, .pads_end = {1, 1}}},
      {TW_OP_CONV, "1x6x3x7", false, 2, {S(1, 3, 7, 7), S(6, 1, 3, 1)}, {.group = 3, .dilations = {2, 1}}},
      {TW_OP_CONV, "1x2x4", false, 2, {S(1, 2, 5), S(2, 2, 2)}, {0}},
      {TW_OP_CONV, "1x2x4x1x1", false, 2, {S(1, 1, 5, 2, 3), S(2, 1, 2, 2, 3)}, {0}},
      {TW_OP_CONV,
       "1x8x5x5",
       false,
       4,
       {S(1, 3, 7, 7), S(8, 3, 3, 3), S(8), S(1, 8, 5, 5)},
       {.activation = TW_ACTIVATION_RELU}},
      {TW_OP_CONV, "has 1 inputs; it takes 2 to 4", true, 1, {S(1, 3, 7, 7)}, {0}},
      {TW_OP_CONV, "it wants batch, channels", true, 2, {S(1, 3), S(8, 3)}, {0}},
      {TW_OP_CONV, "it wants batch, channels", true, 2, {S(1, 3, 1, 1, 1, 1), S(8, 3, 1, 1, 1, 1)}, {0}},
      {TW_OP_CONV,
       "weights of shape 8x3x3 do not fit an input of shape 1x3x7x7",
       true,
       2,
       {S(1, 3, 7, 7), S(8, 3, 3)},
       {.kernel = {3, 3}}},
      {TW_OP_CONV, "weights of shape 8x2x3x3 do not fit", true, 2, {S(1, 3, 7, 7), S(8, 2, 3, 3)}, {0}},
      {TW_OP_CONV, "in 2 groups", true, 2, {S(1, 3, 7, 7), S(8, 1, 3, 3)}, {.group = 2}},
      {TW_OP_CONV, "in 3 groups", true, 2, {S(1, 3, 7, 7), S(8, 1, 3, 3)}, {.group = 3}},
      {TW_OP_CONV, "in -1 groups", true, 2, {S(1, 3, 7, 7), S(8, 3, 3, 3)}, {.group = -1}},
      {TW_OP_CONV, "do not fit", true, 2, {S(1, 3, 7, 7), S(8, 3, 3, 3)}, {.kernel = {3, 2}}},
      {TW_OP_CONV,
       "the bias has the shape 7; 8 output channels want 8 numbers",
       true,
       3,
       {S(1, 3, 7, 7), S(8, 3, 3, 3), S(7)},
       {0}},
      {TW_OP_CONV, "the bias has the shape 1x8", true, 3, {S(1, 3, 7, 7), S(8, 3, 3, 3), S(1, 8)}, {0}},
      {TW_OP_CONV,
       "the addend has the shape 1x8x5x4, the result 1x8x5x5",
       true,
       4,
       {S(1, 3, 7, 7), S(8, 3, 3, 3), S(8), S(1, 8, 5, 4)},
       {0}},
      {TW_OP_CONV,
       "a kernel of 3 (dilation 4) does not fit into 7 pixels",
       true,
       2,
       {S(1, 3, 7, 7), S(8, 3, 3, 3)},
       {.dilations = {4, 4}}},
      {TW_OP_CONV, "pads must be 0", true, 2, {S(1, 3, 7, 7), S(8, 3, 3, 3)}, {.pads_begin = {-1, 0}}},
      {TW_OP_CONV, "strides and dilations must be 1", true, 2, {S(1, 3, 7, 7), S(8, 3, 3, 3)}, {.strides = {-1, 1}}},
      {TW_OP_CONV,
       "strides and dilations must be 1",
       true,
       2,
       {S(1, 3, 7, 7), S(8, 3, 3, 3)},
       {.dilations = {1, INT64_MAX}}},
      {TW_OP_CONV,
       "a bound is not a number",
       true,
       2,
       {S(1, 3, 7, 7), S(8, 3, 3, 3)},
       {.activation = TW_ACTIVATION_CLIP, .low = NAN}},
  };
  RUN(cases);
}

static void pools(void **state) {
  (void)state;
  static const infer_case cases[] = {
      {TW_OP_MAX_POOL, "1x3x3x3", false, 1, {S(1, 3, 7, 7)}, {.kernel = {3, 3}, .strides = {2, 2}}},
      {TW_OP_MAX_POOL, "1x3x4x4", false, 1, {S(1, 3, 8, 8)}, {.kernel = {3, 3}, .strides = {2, 2}, .ceil_mode = true}},
      {TW_OP_MAX_POOL, "1x3x3x3", false, 1, {S(1, 3, 8, 8)}, {.kernel = {3, 3}, .strides = {2, 2}}},
      /* the third window would begin in the padding at the end */
      {TW_OP_MAX_POOL,
       "1x3x2",
       false,
       1,
       {S(1, 3, 4)},
       {.kernel = {2}, .strides = {4}, .pads_begin = {1}, .pads_end = {1}, .ceil_mode = true}},
      {TW_OP_MAX_POOL, "1x3x3", false, 1, {S(1, 3, 7)}, {.kernel = {3}, .dilations = {2}}},
      {TW_OP_AVERAGE_POOL,
       "1x3x7x7",
       false,
       1,
       {S(1, 3, 7, 7)},
       {.kernel = {3, 3}, .pads_begin = {1, 1}, .pads_end = {1, 1}, .count_include_pad = true}},
      {TW_OP_AVERAGE_POOL, "kernel, strides and dilations must be 1", true, 1, {S(1, 3, 7, 7)}, {.kernel = {3, 0}}},
      {TW_OP_MAX_POOL, "must be smaller than the kernel, 3", true, 1, {S(1, 3, 7)}, {.kernel = {3}, .pads_begin = {3}}},
      {TW_OP_MAX_POOL, "does not fit into 2 pixels", true, 1, {S(1, 3, 2)}, {.kernel = {3}}},
      {TW_OP_MAX_POOL, "does not fit into 2 pixels", true, 1, {S(1, 3, 2)}, {.kernel = {3}, .ceil_mode = true}},
      {TW_OP_MAX_POOL, "it wants batch", true, 1, {S(1, 3)}, {.kernel = {3}}},
      {TW_OP_GLOBAL_AVERAGE_POOL, "1x3x1x1", false, 1, {S(1, 3, 7, 5)}, {0}},
      {TW_OP_GLOBAL_AVERAGE_POOL, "1x3x1", false, 1, {S(1, 3, 7)}, {0}},
      {TW_OP_GLOBAL_AVERAGE_POOL, "it wants batch, channels and pixels", true, 1, {S(1, 3)}, {0}},
  };
  RUN(cases);
}

static void norms_and_arithmetic(void **state) {
  (void)state;
  static const infer_case cases[] = {
      {TW_OP_BATCH_NORM, "1x3x7x7", false, 5, {S(1, 3, 7, 7), S(3), S(3), S(3), S(3)}, {.epsilon = 1e-3f}},
      {TW_OP_BATCH_NORM, "1x3", false, 5, {S(1, 3), S(3), S(3), S(3), S(3)}, {0}},
      {TW_OP_BATCH_NORM, "3 channels want 3 numbers", true, 5, {S(1, 3, 7, 7), S(3), S(3), S(4), S(3)}, {0}},
      {TW_OP_BATCH_NORM, "'in4' has the shape 1x3", true, 5, {S(1, 3, 7, 7), S(3), S(3), S(3), S(1, 3)}, {0}},
      {TW_OP_BATCH_NORM, "batch and a channel", true, 5, {S(3), S(3), S(3), S(3), S(3)}, {0}},
      {TW_OP_BATCH_NORM, "epsilon", true, 5, {S(1, 3), S(3), S(3), S(3), S(3)}, {.epsilon = INFINITY}},
      {TW_OP_BATCH_NORM, "has 4 inputs", true, 4, {S(1, 3), S(3), S(3), S(3)}, {0}},
      {TW_OP_ADD, "2x3x4", false, 2, {S(2, 3, 4), S(2, 3, 4)}, {0}},
      {TW_OP_ADD, "2x3x4", false, 2, {S(3, 1), S(2, 1, 4)}, {0}},
      {TW_OP_MUL, "2x3x4", false, 2, {SCALAR, S(2, 3, 4)}, {0}},
      {TW_OP_SUB, "scalar", false, 2, {SCALAR, SCALAR}, {0}},
      {TW_OP_MUL, "2x3x4 and 2x4", true, 2, {S(2, 3, 4), S(2, 4)}, {0}},
      {TW_OP_RELU, "1x3", false, 1, {S(1, 3)}, {0}},
      {TW_OP_CLIP, "1x3", false, 1, {S(1, 3)}, {.low = 0, .high = 6}},
      {TW_OP_CLIP, "a bound is not a number", true, 1, {S(1, 3)}, {.low = 0, .high = NAN}},
      {TW_OP_IDENTITY, "1x3", false, 1, {S(1, 3)}, {0}},
      {TW_OP_CAST, "1x3", false, 1, {S(1, 3)}, {.to = TW_DTYPE_I64}},
      {TW_OP_CAST, "cannot give an unknown type (number 8)", true, 1, {S(1, 3)}, {.to = (tw_dtype)8}},
      {TW_OP_SOFTMAX, "1x3", false, 1, {S(1, 3)}, {.axis = 1}},
      {TW_OP_SOFTMAX, "axis 2 is outside", true, 1, {S(1, 3)}, {.axis = 2}},
      {TW_OP_SOFTMAX, "axis -1 is outside", true, 1, {S(1, 3)}, {.axis = -1}},
  };
  RUN(cases);
}

static void shapes_and_products(void **state) {
  (void)state;
  static const infer_case cases[] = {
      {TW_OP_CONCAT, "1x9x2", false, 3, {S(1, 3, 2), S(1, 2, 2), S(1, 4, 2)}, {.axis = 1}},
      {TW_OP_CONCAT, "may differ only in axis 1", true, 2, {S(1, 3, 2), S(1, 3, 3)}, {.axis = 1}},
      {TW_OP_CONCAT, "may differ only in axis 1", true, 2, {S(1, 3, 2), S(1, 3)}, {.axis = 1}},
      {TW_OP_CONCAT, "axis 3 is outside", true, 2, {S(1, 3, 2), S(1, 3, 2)}, {.axis = 3}},
      {TW_OP_FLATTEN, "1x42", false, 1, {S(1, 2, 3, 7)}, {.axis = 1}},
      {TW_OP_FLATTEN, "1x42", false, 1, {S(1, 2, 3, 7)}, {.axis = 0}},
      {TW_OP_FLATTEN, "42x1", false, 1, {S(1, 2, 3, 7)}, {.axis = 4}},
      {TW_OP_FLATTEN, "1x1", false, 1, {SCALAR}, {.axis = 0}},
      {TW_OP_FLATTEN, "axis 5 is outside", true, 1, {S(1, 2, 3, 7)}, {.axis = 5}},
      {TW_OP_RESHAPE, "1x42", false, 1, {S(1, 2, 3, 7)}, {.target_rank = 2, .target = {1, -1}}},
      {TW_OP_RESHAPE, "1x2x21", false, 1, {S(1, 2, 3, 7)}, {.target_rank = 3, .target = {0, 0, -1}}},
      {TW_OP_RESHAPE, "scalar", false, 1, {S(1, 1)}, {.target_rank = 0}},
      {TW_OP_RESHAPE, "42", false, 1, {S(1, 2, 3, 7)}, {.target_rank = 1, .target = {42}}},
      {TW_OP_RESHAPE,
       "shape 1x2x3x7 cannot become 1x41",
       true,
       1,
       {S(1, 2, 3, 7)},
       {.target_rank = 2, .target = {1, 41}}},
      {TW_OP_RESHAPE, "cannot become 4x-1", true, 1, {S(1, 2, 3, 7)}, {.target_rank = 2, .target = {4, -1}}},
      {TW_OP_RESHAPE, "cannot become -1x-1", true, 1, {S(1, 2, 3, 7)}, {.target_rank = 2, .target = {-1, -1}}},
      {TW_OP_RESHAPE, "cannot become -2", true, 1, {S(1, 2, 3, 7)}, {.target_rank = 1, .target = {-2}}},
      {TW_OP_RESHAPE, "cannot become 42x0", true, 1, {S(42)}, {.target_rank = 2, .target = {42, 0}}},
      {TW_OP_RESHAPE,
       "cannot become 0x-1",
       true,
       1,
       {S(1, 42)},
       {.target_rank = 2, .target = {0, -1}, .allow_zero = true}},
      {TW_OP_RESHAPE, "cannot become", true, 1, {S(1, 42)}, {.target_rank = 3, .target = {INT64_MAX, INT64_MAX, 4}}},
      {TW_OP_RESHAPE, "has 9 dimensions", true, 1, {S(1, 42)}, {.target_rank = 9}},
      {TW_OP_GEMM, "1x5", false, 2, {S(1, 4), S(4, 5)}, {.alpha = 1}},
      {TW_OP_GEMM,
       "1x5",
       false,
       3,
       {S(4, 1), S(5, 4), S(5)},
       {.alpha = 1, .beta = 1, .transpose_a = true, .transpose_b = true}},
      {TW_OP_GEMM, "1x5", false, 3, {S(1, 4), S(4, 5), SCALAR}, {.alpha = 1, .beta = 1}},
      {TW_OP_GEMM, "4 columns meet 5 rows", true, 2, {S(1, 4), S(5, 4)}, {.alpha = 1}},
      {TW_OP_GEMM, "1x4 and 4x5 (transposed)", true, 2, {S(1, 4), S(4, 5)}, {.alpha = 1, .transpose_b = true}},
      {TW_OP_GEMM, "both must be matrices", true, 2, {S(1, 4, 1), S(4, 5)}, {.alpha = 1}},
      {TW_OP_GEMM,
       "the addend's shape 2x5 does not broadcast to the product's 1x5",
       true,
       3,
       {S(1, 4), S(4, 5), S(2, 5)},
       {.alpha = 1}},
      {TW_OP_GEMM, "the addend's shape 4", true, 3, {S(1, 4), S(4, 5), S(4)}, {.alpha = 1}},
      {TW_OP_MATMUL, "1x5", false, 2, {S(1, 4), S(4, 5)}, {0}},
      {TW_OP_MATMUL, "7x2x5", false, 2, {S(7, 2, 4), S(4, 5)}, {0}},
      {TW_OP_MATMUL, "3x7x2x5", false, 2, {S(3, 1, 2, 4), S(7, 4, 5)}, {0}},
      {TW_OP_MATMUL, "5", false, 2, {S(4), S(4, 5)}, {0}},
      {TW_OP_MATMUL, "7x2", false, 2, {S(7, 2, 4), S(4)}, {0}},
      {TW_OP_MATMUL, "scalar", false, 2, {S(4), S(4)}, {0}},
      {TW_OP_MATMUL, "1x4 and 5x4 do not multiply", true, 2, {S(1, 4), S(5, 4)}, {0}},
      {TW_OP_MATMUL, "do not multiply", true, 2, {S(2, 1, 4), S(3, 4, 5)}, {0}},
      {TW_OP_MATMUL, "scalar and 4 do not multiply", true, 2, {SCALAR, S(4)}, {0}},
  };
  RUN(cases);
}

static void types_must_agree(void **state) {
  (void)state;
  tw_graph *graph = tw_graph_create();
  tw_error error;
  tw_shape shape = S(1, 2, 4, 4);
  tw_shape weights = S(2, 2, 1, 1);
  tw_value *values[3];
  tw_value *integers;
  tw_value *result;
  assert_int_equal(tw_graph_add_input(graph, "a", TW_DTYPE_F32, &shape, &values[0], &error), TW_OK);
  assert_int_equal(tw_graph_add_input(graph, "b", TW_DTYPE_F16, &weights, &values[1], &error), TW_OK);
  assert_int_equal(tw_graph_add_input(graph, "c", TW_DTYPE_I64, &shape, &integers, &error), TW_OK);
  assert_int_equal(tw_graph_add_node(graph, "n", TW_OP_CONV, values, 2, NULL, NULL, NULL, &error), TW_E_FORMAT);
  assert_string_equal(error.message, "node 'n' (Conv): its inputs are float32 and float16; they must be of one type");
  assert_int_equal(tw_graph_add_node(graph, "n", TW_OP_RELU, &integers, 1, NULL, NULL, NULL, &error), TW_E_FORMAT);
  assert_string_equal(error.message, "node 'n' (Relu): does not compute with int64");
  tw_value *twice[2] = {integers, integers};
  assert_int_equal(tw_graph_add_node(graph, "n", TW_OP_ADD, twice, 2, NULL, NULL, &result, &error), TW_OK);
  assert_int_equal(result->dtype, TW_DTYPE_I64);
  tw_attributes to = {.to = TW_DTYPE_BF16};
  assert_int_equal(tw_graph_add_node(graph, "m", TW_OP_CAST, &integers, 1, &to, NULL, &result, &error), TW_OK);
  assert_int_equal(result->dtype, TW_DTYPE_BF16);
  tw_value *missing[2] = {NULL, integers};
  assert_int_equal(tw_graph_add_node(graph, "k", TW_OP_ADD, missing, 2, NULL, NULL, NULL, &error), TW_E_FORMAT);
  assert_non_null(strstr(error.message, "its input 1 is missing"));
  assert_int_equal(tw_graph_add_node(graph, "k", TW_OP_COUNT, twice, 2, NULL, NULL, NULL, &error), TW_E_ARGUMENT);
  tw_graph_free(graph);
}

/* Results that no memory holds are refused before anyone asks for it. */
static void huge_results_are_refused(void **state) {
  (void)state;
  tw_graph *graph = tw_graph_create();
  tw_error error;
  tw_shape column = S(1, 1 << 20, 1);
  tw_shape row = S(1, 1 << 20);
  tw_shape more = S(1, 1 << 20, 1 << 20);
  tw_shape zero = S(1, 0);
  tw_value *values[2];
  assert_int_equal(tw_graph_add_input(graph, "a", TW_DTYPE_F32, &column, &values[0], &error), TW_OK);
  assert_int_equal(tw_graph_add_input(graph, "b", TW_DTYPE_F32, &row, &values[1], &error), TW_OK);
  assert_int_equal(tw_graph_add_node(graph, "n", TW_OP_ADD, values, 2, NULL, NULL, NULL, &error), TW_E_LIMIT);
  assert_int_equal(error.code, TW_E_LIMIT);
  assert_non_null(strstr(error.message, "node 'n' (Add): its result has the shape 1x1048576x1048576"));
  assert_int_equal(tw_graph_add_input(graph, "c", TW_DTYPE_F32, &more, NULL, &error), TW_E_LIMIT);
  assert_int_equal(tw_graph_add_input(graph, "d", TW_DTYPE_F32, &zero, NULL, &error), TW_E_FORMAT);
  assert_non_null(strstr(error.message, "the input 'd' has the shape 1x0"));
  assert_int_equal(tw_graph_add_node(graph, "n", TW_OP_ADD, values, 2, NULL, NULL, NULL, NULL), TW_E_LIMIT);
  tw_graph_free(graph);
}

static void shapes_count_and_print(void **state) {
  (void)state;
  char text[TW_SHAPE_TEXT_SIZE];
  size_t count;
  tw_shape shape = S(INT64_MAX, INT64_MAX, INT64_MAX, INT64_MAX, INT64_MAX, INT64_MAX, INT64_MAX, INT64_MIN);
  assert_false(tw_shape_count(&shape, &count));
  assert_true(strlen(tw_shape_text(&shape, text)) < TW_SHAPE_TEXT_SIZE);
  assert_non_null(strstr(text, "x-9223372036854775808"));
  tw_shape scalar = SCALAR;
  assert_true(tw_shape_count(&scalar, &count));
  assert_int_equal(count, 1);
  assert_string_equal(tw_shape_text(&scalar, text), "scalar");
  tw_shape other = S(1);
  assert_false(tw_shape_equal(&scalar, &other));
  assert_string_equal(tw_dtype_name(TW_DTYPE_BF16), "bfloat16");
  assert_int_equal(tw_dtype_size((tw_dtype)8), 0);
  for (int op = 0; op < TW_OP_COUNT; op++) {
    assert_non_null(tw_op_name((tw_op)op));
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(convolutions),           cmocka_unit_test(pools),
      cmocka_unit_test(norms_and_arithmetic),   cmocka_unit_test(shapes_and_products),
      cmocka_unit_test(types_must_agree),       cmocka_unit_test(huge_results_are_refused),
      cmocka_unit_test(shapes_count_and_print),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
