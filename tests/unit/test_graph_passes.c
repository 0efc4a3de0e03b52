/* The passes on small networks: what they merge, what they must leave alone, and the numbers they compute. */
#include <math.h>
#include <string.h>

#include "onnx_builder.h"

/* ---- Constants --------------------------------------------------------------------------------------------------- */

static float constant_at(const tw_value *constant, size_t i) {
  float value;
  assert_non_null(constant->data);
  assert_int_equal(constant->dtype, TW_DTYPE_F32);
  assert_true((i + 1) * sizeof value <= constant->data_size);
  memcpy(&value, (const uint8_t *)constant->data + i * sizeof value, sizeof value);
  return value;
}

static void weights_of_any_type_become_float32(void **state) {
  (void)state;
  static const uint16_t halves[] = {0x3c00, 0xc000, 0x0001, 0x7bff, 0x8000, 0x03ff, 0x7c00, 0xfc00};
  static const uint16_t brains[] = {0x3f80, 0xc000, 0x0001, 0x7f7f, 0x8000, 0x0080, 0x7f80, 0xff80};
  static const double doubles[] = {1, -2, 0x1p-24, 65504, -0.0, 0x1.ff8p-15, 1e300, -1e300};
  static const struct {
    tw_dtype dtype;
    const void *data;
  } types[] = {{TW_DTYPE_F16, halves}, {TW_DTYPE_BF16, brains}, {TW_DTYPE_F64, doubles}};
  for (size_t t = 0; t < 3; t++) {
    builder b;
    tw_buffer file;
    BUILD(&b, -1, 8);
    builder_tensor(&b, "stored", types[t].dtype, 1, DIMS(8), types[t].data);
    builder_node(&b, "Cast", "c", "stored", "w");
    builder_int(&b, "to", TW_DTYPE_F32);
    builder_node(&b, "Add", "a", "x,w", "y");
    builder_output(&b, "y");
    tw_graph *graph = run_pass(&b, &file, tw_graph_fold_constants);
    check_ops(graph, "Add");
    for (size_t i = 0; i < 8; i++) {
      float expected = types[t].dtype == TW_DTYPE_F16    ? tw_f16_to_f32(halves[i])
                       : types[t].dtype == TW_DTYPE_BF16 ? tw_bf16_to_f32(brains[i])
                                                         : (float)doubles[i];
      float got = constant_at(graph->nodes[0]->inputs[1], i);
      assert_memory_equal(&got, &expected, sizeof got);
    }
    assert_string_equal(graph->nodes[0]->inputs[1]->name, "w");
    finish(graph, &file);
  }
}

/* Every half there is, against the plain conversion. */
static void all_halves_convert(void **state) {
  (void)state;
  enum { COUNT = 65536 };
  uint16_t *halves = tw_alloc(COUNT, sizeof *halves);
  for (size_t i = 0; i < COUNT; i++) {
    halves[i] = (uint16_t)i;
  }
  builder b;
  tw_buffer file;
  BUILD(&b, -1, COUNT);
  builder_tensor(&b, "stored", TW_DTYPE_F16, 1, DIMS(COUNT), halves);
  builder_node(&b, "Cast", "c", "stored", "w");
  builder_int(&b, "to", TW_DTYPE_F32);
  builder_node(&b, "Add", "a", "x,w", "y");
  builder_output(&b, "y");
  tw_graph *graph = run_pass(&b, &file, tw_graph_fold_constants);
  for (size_t i = 0; i < COUNT; i++) {
    float got = constant_at(graph->nodes[0]->inputs[1], i);
    float expected = tw_f16_to_f32((uint16_t)i);
    assert_memory_equal(&got, &expected, sizeof got);
  }
  tw_free(halves);
  finish(graph, &file);
}

static void arithmetic_on_constants_broadcasts(void **state) {
  (void)state;
  static const float column[] = {1, 2};
  static const float row[] = {10, 20, 30};
  static const struct {
    const char *op;
    float expected[6];
  } cases[] = {
      {"Add", {11, 21, 31, 12, 22, 32}}, {"Sub", {-9, -19, -29, -8, -18, -28}}, {"Mul", {10, 20, 30, 20, 40, 60}}};
  for (size_t c = 0; c < 3; c++) {
    builder b;
    tw_buffer file;
    BUILD(&b, -1, 2, 3);
    builder_tensor(&b, "column", TW_DTYPE_F32, 2, DIMS(2, 1), column);
    builder_tensor(&b, "row", TW_DTYPE_F32, 1, DIMS(3), row);
    builder_node(&b, cases[c].op, "op", "column,row", "both");
    builder_node(&b, "Add", "a", "x,both", "y");
    builder_output(&b, "y");
    tw_graph *graph = run_pass(&b, &file, tw_graph_fold_constants);
    check_ops(graph, "Add");
    for (size_t i = 0; i < 6; i++) {
      assert_true(constant_at(graph->nodes[0]->inputs[1], i) == cases[c].expected[i]);
    }
    finish(graph, &file);
  }
}

/* Integers, concatenation, reshape and identity together give a target. */
static void chains_of_constants_fold(void **state) {
  (void)state;
  static const int32_t small[] = {7, -2};
  static const float parts[] = {1, 2, 3, 4};
  builder b;
  tw_buffer file;
  BUILD(&b, -1, 2, 2, 2);
  builder_tensor(&b, "i32", TW_DTYPE_I32, 1, DIMS(2), small);
  builder_tensor(&b, "a", TW_DTYPE_F32, 2, DIMS(2, 2), parts);
  builder_node(&b, "Cast", "c1", "i32", "f32");
  builder_int(&b, "to", TW_DTYPE_F32);
  builder_node(&b, "Reshape", "r", "f32,shape", "column");
  builder_integers(&b, "shape", DIMS(2, 1), 2);
  builder_node(&b, "Identity", "id", "column", "same");
  builder_node(&b, "Concat", "cat", "a,same,a", "joined");
  builder_int(&b, "axis", -1);
  builder_node(&b, "Flatten", "f", "joined", "flat");
  builder_int(&b, "axis", 0);
  builder_node(&b, "MatMul", "m", "x10,flat10", "y");
  builder_node(&b, "Reshape", "r2", "flat,shape10", "flat10");
  builder_integers(&b, "shape10", DIMS(10, 1), 2);
  builder_weights(&b, "eight", 2, DIMS(8, 10));
  builder_node(&b, "Flatten", "f2", "x", "x8");
  builder_node(&b, "MatMul", "m2", "x8,eight", "x10");
  builder_output(&b, "y");
  tw_graph *graph = run_pass(&b, &file, tw_graph_fold_constants);
  check_ops(graph, "Flatten MatMul MatMul");
  static const float expected[] = {1, 2, 7, 1, 2, 3, 4, -2, 3, 4};
  for (size_t i = 0; i < 10; i++) {
    assert_true(constant_at(graph->nodes[2]->inputs[1], i) == expected[i]);
  }
  finish(graph, &file);
}

/* A small file must not make us compute a large constant. */
static void constants_do_not_explode(void **state) {
  (void)state;
  builder b;
  tw_buffer file;
  BUILD(&b, -1, 1);
  builder_weights(&b, "column", 2, DIMS(2000, 1));
  builder_weights(&b, "row", 2, DIMS(1, 2000));
  builder_node(&b, "Add", "big", "column,row", "square");
  builder_node(&b, "Flatten", "f", "square", "flat");
  builder_int(&b, "axis", 0);
  builder_node(&b, "Mul", "m", "x,flat", "y");
  builder_output(&b, "y");
  tw_graph *graph = run_pass(&b, &file, tw_graph_fold_constants);
  check_ops(graph, "Add Flatten Mul");
  assert_int_equal(graph->folded_bytes, 0);
  finish(graph, &file);
}

/* ---- Identities -------------------------------------------------------------------------------------------------- */

static void what_changes_nothing_goes(void **state) {
  (void)state;
  builder b;
  tw_buffer file;
  BUILD(&b, -1, 4);
  builder_node(&b, "Relu", "r", "x", "r");
  builder_node(&b, "Identity", "id", "r", "a");
  builder_node(&b, "Dropout", "d", "a", "b");
  builder_node(&b, "Cast", "c", "b", "c");
  builder_int(&b, "to", TW_DTYPE_F32);
  builder_node(&b, "Flatten", "f", "c", "d");
  builder_node(&b, "Clip", "open", "d", "e");
  builder_node(&b, "Concat", "one", "e", "f");
  builder_int(&b, "axis", 1);
  builder_node(&b, "Reshape", "rs", "f,shape", "g");
  builder_integers(&b, "shape", DIMS(0, 4), 2);
  builder_node(&b, "Softmax", "s", "g", "y");
  builder_output(&b, "y");
  tw_graph *graph = run_pass(&b, &file, tw_graph_remove_identities);
  check_ops(graph, "Relu Softmax");
  finish(graph, &file);
}

/* The network's outputs keep their names. */
static void outputs_survive_identities(void **state) {
  (void)state;
  builder b;
  tw_buffer file;
  BUILD(&b, -1, 4);
  builder_node(&b, "Identity", "i0", "x", "copy"); /* an output that is the input: the node must stay */
  builder_node(&b, "Relu", "r", "x", "r");
  builder_node(&b, "Identity", "i1", "r", "hidden");
  builder_node(&b, "Identity", "i2", "hidden", "features"); /* takes the name */
  builder_node(&b, "Identity", "i3", "features", "again");  /* a second output of the same value: stays */
  builder_node(&b, "Softmax", "s", "r", "y");
  builder_output(&b, "copy");
  builder_output(&b, "features");
  builder_output(&b, "again");
  builder_output(&b, "y");
  tw_graph *graph = run_pass(&b, &file, tw_graph_remove_identities);
  check_ops(graph, "Identity Relu Identity Softmax");
  assert_string_equal(graph->outputs[0]->name, "copy");
  assert_string_equal(graph->outputs[1]->name, "features");
  assert_string_equal(graph->outputs[2]->name, "again");
  assert_string_equal(graph->nodes[1]->output->name, "features");
  assert_ptr_equal(graph->nodes[3]->inputs[0], graph->outputs[1]);
  finish(graph, &file);
}

/* ---- Batch norms ------------------------------------------------------------------------------------------------- */

static const float scales[] = {0.5f, -2, 3};
static const float shifts[] = {1, 0.25f, -1};
static const float means[] = {0.125f, -4, 7};
static const float variances[] = {1, 0.01f, 1e-6f};

static void add_norm(builder *b, const char *input, const char *output) {
  builder_tensor(b, "gamma", TW_DTYPE_F32, 1, DIMS(3), scales);
  builder_tensor(b, "beta", TW_DTYPE_F32, 1, DIMS(3), shifts);
  builder_tensor(b, "mean", TW_DTYPE_F32, 1, DIMS(3), means);
  builder_tensor(b, "var", TW_DTYPE_F32, 1, DIMS(3), variances);
  char inputs[64];
  snprintf(inputs, sizeof inputs, "%s,gamma,beta,mean,var", input);
  builder_node(b, "BatchNormalization", "norm", tw_arena_strdup(b->arena, inputs), output);
  builder_float(b, "epsilon", 1e-3f);
}

static double norm(size_t c, double x) {
  return ((double)x - (double)means[c]) / sqrt((double)variances[c] + (double)1e-3f) * (double)scales[c] +
         (double)shifts[c];
}

/* One pixel out: the convolution is a dot product a channel. */
static double dot(const tw_node *conv, size_t c, const double *x, size_t count) {
  double sum = conv->input_count > 2 ? (double)constant_at(conv->inputs[2], c) : 0;
  for (size_t i = 0; i < count; i++) {
    sum += x[i] * (double)constant_at(conv->inputs[1], c * count + i);
  }
  return sum;
}

static void norms_go_into_convolutions(void **state) {
  (void)state;
  for (int with_bias = 0; with_bias < 2; with_bias++) {
    builder b;
    BUILD(&b, -1, 2, 2, 2);
    WEIGHTS(&b, "w", 3, 2, 2, 2);
    WEIGHTS(&b, "bias", 3);
    builder_node(&b, "Conv", "conv", with_bias ? "x,w,bias" : "x,w", "c");
    add_norm(&b, "c", "y");
    builder_output(&b, "y");
    tw_graph *before = builder_graph(&b);
    tw_graph *graph;
    tw_error error;
    assert_int_equal(tw_graph_copy(before, &graph, &error), TW_OK);
    assert_int_equal(tw_graph_fold_batch_norms(graph, &error), TW_OK);
    assert_int_equal(tw_graph_verify(graph, &error), TW_OK);
    check_ops(graph, "Conv");
    assert_string_equal(graph->outputs[0]->name, "y");
    static const double x[8] = {1, -2, 0.5, 3, -1, 0.25, 2, -0.75};
    for (size_t c = 0; c < 3; c++) {
      double expected = norm(c, dot(before->nodes[0], c, x, 8));
      double got = dot(graph->nodes[0], c, x, 8);
      assert_true(fabs(got - expected) <= 1e-6 * (1 + fabs(expected)));
      double scale = (double)scales[c] / sqrt((double)variances[c] + (double)1e-3f);
      float weight = (float)((double)constant_at(before->nodes[0]->inputs[1], c * 8) * scale);
      assert_true(constant_at(graph->nodes[0]->inputs[1], c * 8) == weight); /* rounded once */
    }
    tw_graph_free(graph);
    tw_graph_free(before);
    builder_done(&b);
  }
}

static void lone_norms_become_mul_and_add(void **state) {
  (void)state;
  builder b;
  tw_buffer file;
  BUILD(&b, -1, 3, 2, 2);
  add_norm(&b, "x", "n");
  builder_node(&b, "Relu", "relu", "n", "y");
  builder_output(&b, "y");
  tw_graph *graph = run_pass(&b, &file, tw_graph_fold_batch_norms);
  check_ops(graph, "Mul Add Relu");
  const tw_shape channels = {3, {3, 1, 1}};
  assert_true(tw_shape_equal(&graph->nodes[0]->inputs[1]->shape, &channels));
  for (size_t c = 0; c < 3; c++) {
    double got =
        (double)constant_at(graph->nodes[0]->inputs[1], c) * 1.5 + (double)constant_at(graph->nodes[1]->inputs[1], c);
    assert_true(fabs(got - norm(c, 1.5)) <= 1e-5 * (1 + fabs(norm(c, 1.5))));
  }
  assert_string_equal(graph->nodes[1]->output->name, "n");
  finish(graph, &file);
}

/* A convolution whose result is needed as it is keeps its weights. */
static void needed_convolutions_stay(void **state) {
  (void)state;
  for (int kind = 0; kind < 3; kind++) {
    builder b;
    tw_buffer file;
    BUILD(&b, -1, 2, 2, 2);
    WEIGHTS(&b, "w", 3, 2, 2, 2);
    builder_node(&b, "Conv", "conv", "x,w", "c");
    if (kind == 2) {
      builder_node(&b, "Relu", "between", "c", "r");
    }
    add_norm(&b, kind == 2 ? "r" : "c", "n");
    builder_node(&b, "Add", "sum", kind == 1 ? "n,c" : "n,n", "y");
    builder_output(&b, "y");
    if (kind == 0) {
      builder_output(&b, "c");
    }
    tw_graph *graph = run_pass(&b, &file, tw_graph_fold_batch_norms);
    check_ops(graph, kind == 2 ? "Conv Relu Mul Add Add" : "Conv Mul Add Add");
    assert_string_equal(graph->nodes[0]->inputs[1]->name, "w");
    finish(graph, &file);
  }
}

/* Weights that two convolutions share are changed for each alone. */
static void shared_weights_are_not_spoilt(void **state) {
  (void)state;
  builder b;
  tw_buffer file;
  BUILD(&b, -1, 2, 2, 2);
  WEIGHTS(&b, "w", 3, 2, 2, 2);
  builder_node(&b, "Conv", "first", "x,w", "c");
  builder_node(&b, "Conv", "second", "x,w", "d");
  add_norm(&b, "c", "n");
  builder_node(&b, "Concat", "both", "n,d", "y");
  builder_int(&b, "axis", 1);
  builder_output(&b, "y");
  tw_graph *graph = run_pass(&b, &file, tw_graph_fold_batch_norms);
  check_ops(graph, "Conv Conv Concat");
  const tw_value *plain = tw_graph_find(graph, "d")->producer->inputs[1];
  const tw_value *folded = tw_graph_find(graph, "n")->producer->inputs[1];
  assert_string_equal(plain->name, "w");
  assert_true(constant_at(plain, 0) != constant_at(folded, 0));
  finish(graph, &file);
}

/* Mul, Add and Sub of a constant a channel, on either side, after a convolution. */
static void scales_and_shifts_go_into_convolutions(void **state) {
  (void)state;
  static const struct {
    const char *op;
    const char *inputs;
    double scale[3];
    double shift[3];
  } cases[] = {
      {"Mul", "c,k", {2, -3, 0.5}, {0, 0, 0}},    {"Mul", "k,c", {2, -3, 0.5}, {0, 0, 0}},
      {"Add", "c,k", {1, 1, 1}, {2, -3, 0.5}},    {"Sub", "c,k", {1, 1, 1}, {-2, 3, -0.5}},
      {"Sub", "k,c", {-1, -1, -1}, {2, -3, 0.5}}, {"Mul", "c,one", {4, 4, 4}, {0, 0, 0}},
  };
  static const float constants[] = {2, -3, 0.5f};
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    builder b;
    tw_buffer file;
    BUILD(&b, -1, 2, 2, 2);
    WEIGHTS(&b, "w", 3, 2, 1, 1);
    WEIGHTS(&b, "bias", 3);
    builder_tensor(&b, "k", TW_DTYPE_F32, 3, DIMS(3, 1, 1), constants);
    builder_scalar(&b, "one", 4);
    builder_node(&b, "Conv", "conv", "x,w,bias", "c");
    builder_node(&b, cases[i].op, "op", cases[i].inputs, "y");
    builder_output(&b, "y");
    tw_graph *graph = run_pass(&b, &file, tw_graph_fold_batch_norms);
    check_ops(graph, "Conv");
    for (size_t c = 0; c < 3; c++) {
      double weight = ((int)(2 * c * 7 % 31) - 12) / 16.0;
      double bias = ((int)(c * 7 % 31) - 12) / 16.0;
      assert_true((double)constant_at(graph->nodes[0]->inputs[1], 2 * c) == weight * cases[i].scale[c]);
      assert_true((double)constant_at(graph->nodes[0]->inputs[2], c) == bias * cases[i].scale[c] + cases[i].shift[c]);
    }
    finish(graph, &file);
  }
}

/* Constants that are not one number a channel, or make the result larger, stay outside. */
static void other_constants_stay_outside(void **state) {
  (void)state;
  static const int64_t shapes[][4] = {{1, 1, 1, 2}, {1, 3, 2, 2}, {1, 1, 2, 1}, {2, 3, 1, 1}};
  for (size_t i = 0; i < sizeof shapes / sizeof *shapes; i++) {
    builder b;
    tw_buffer file;
    BUILD(&b, -1, 2, 2, 2);
    WEIGHTS(&b, "w", 3, 2, 1, 1);
    builder_weights(&b, "k", 4, shapes[i]);
    builder_node(&b, "Conv", "conv", "x,w", "c");
    builder_node(&b, "Mul", "op", "c,k", "m");
    builder_node(&b, "Flatten", "flat", "m", "y");
    builder_int(&b, "axis", 0);
    builder_output(&b, "y");
    tw_graph *graph = run_pass(&b, &file, tw_graph_fold_batch_norms);
    check_ops(graph, "Conv Mul Flatten");
    finish(graph, &file);
  }
}

/* ---- All of them ------------------------------------------------------------------------------------------------- */

static void record(void *context, const char *pass, const tw_graph *graph) {
  tw_buffer_format(context, "%s: %zu\n", pass, graph->node_count);
}

static void a_block_becomes_one_node(void **state) {
  (void)state;
  builder b;
  BUILD(&b, -1, 3, 2, 2);
  uint16_t halves[9];
  for (size_t i = 0; i < 9; i++) {
    halves[i] = tw_f32_to_f16((float)i / 8);
  }
  builder_tensor(&b, "h", TW_DTYPE_F16, 4, DIMS(3, 3, 1, 1), halves);
  builder_node(&b, "Cast", "cast", "h", "w");
  builder_int(&b, "to", TW_DTYPE_F32);
  builder_node(&b, "Conv", "conv", "x,w", "c");
  add_norm(&b, "c", "n");
  builder_node(&b, "Dropout", "drop", "n", "d");
  builder_node(&b, "Add", "add", "d,x", "a");
  builder_node(&b, "Relu", "relu", "a", "y");
  builder_output(&b, "y");
  tw_graph *graph = builder_graph(&b);
  tw_buffer seen = {0};
  tw_error error;
  assert_int_equal(tw_graph_optimise(graph, record, &seen, &error), TW_OK);
  assert_string_equal((const char *)seen.data,
                      "fold constants: 5\nremove identities: 4\nfold batch norms: 3\nfuse: 1\n");
  assert_string_equal(graph->nodes[0]->name, "conv+add+relu");
  assert_int_equal(tw_graph_verify(graph, &error), TW_OK);
  assert_int_equal(tw_graph_optimise(graph, NULL, NULL, &error), TW_OK); /* a second time there is nothing to do */
  assert_int_equal(graph->node_count, 1);
  tw_buffer_done(&seen);
  tw_graph_free(graph);
  builder_done(&b);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(weights_of_any_type_become_float32), cmocka_unit_test(all_halves_convert),
      cmocka_unit_test(arithmetic_on_constants_broadcasts), cmocka_unit_test(chains_of_constants_fold),
      cmocka_unit_test(constants_do_not_explode),           cmocka_unit_test(what_changes_nothing_goes),
      cmocka_unit_test(outputs_survive_identities),         cmocka_unit_test(norms_go_into_convolutions),
      cmocka_unit_test(lone_norms_become_mul_and_add),      cmocka_unit_test(needed_convolutions_stay),
      cmocka_unit_test(shared_weights_are_not_spoilt),      cmocka_unit_test(scales_and_shifts_go_into_convolutions),
      cmocka_unit_test(other_constants_stay_outside),       cmocka_unit_test(a_block_becomes_one_node),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
