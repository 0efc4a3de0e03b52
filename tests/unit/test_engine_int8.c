/* Plans in int8: each kind of node in bytes against float32, whatever the number of threads, and what stays as it is.
 */
#include "int8_nets.h"

static const double tolerance = 0.03; /* of the root mean square; a byte alone has 0.5 / 255 of the range */

/* The network in both precisions; the plan in int8 has `convolutions` of them, and none of the library's slow ones. */
static void check_int8(net *net, size_t convolutions) {
  tw_quantised *quantised = int8_quantise(net->graph, 2);
  tw_plan *plans[3];
  float *outputs[3];
  size_t count = 0;
  assert_int_equal(tw_plan_create(net->graph, 1, &plans[0], NULL), TW_OK);
  plans[1] = int8_plan(net->graph, quantised, 1);
  plans[2] = int8_plan(net->graph, quantised, 2);
  for (int i = 0; i < 3; i++) {
    outputs[i] = int8_run(plans[i], INT8_PICTURES, &count);
  }
  double error = relative_error(outputs[1], outputs[0], count);
  if (!(error < tolerance)) {
    fail_msg("differs by %g", error);
  }
  assert_memory_equal(outputs[1], outputs[2], count * sizeof(float));
  if (int8_convolutions(plans[1]) != convolutions) {
    fail_msg("%zu convolutions in int8, not %zu", int8_convolutions(plans[1]), convolutions);
  }
  for (size_t i = 0; i < tw_plan_step_count(plans[1]); i++) {
    assert_null(strstr(tw_plan_step_at(plans[1], i)->implementation, "ref"));
  }
  for (int i = 0; i < 3; i++) {
    tw_free(outputs[i]);
    tw_plan_free(plans[i]);
  }
  tw_quantised_free(quantised);
  tw_graph_free(net->graph);
}

static tw_value *begin(net *net, uint64_t seed, int64_t channels) {
  net_init(net, seed);
  tw_value *x = net_input(net, SHAPE(1, 3, 20, 24));
  return int8_conv(net, x, channels, 3, 2, 1, TW_ACTIVATION_RELU, NULL);
}

static void finish(net *net, tw_value *y, size_t convolutions) {
  net_output(net, y);
  check_int8(net, convolutions);
}

/* ---- Convolutions ------------------------------------------------------------------------------------------------ */

static void convolutions_of_all_kinds(void **state) {
  (void)state;
  const struct {
    int64_t channels, kernel, stride, group;
    tw_activation activation;
  } cases[] = {
      {32, 1, 1, 1, TW_ACTIVATION_NONE},  {24, 3, 1, 1, TW_ACTIVATION_RELU},  {20, 5, 2, 1, TW_ACTIVATION_CLIP},
      {16, 3, 1, 16, TW_ACTIVATION_CLIP}, {16, 5, 2, 16, TW_ACTIVATION_NONE}, {32, 3, 1, 2, TW_ACTIVATION_RELU},
      {8, 7, 1, 4, TW_ACTIVATION_NONE},   {13, 3, 1, 1, TW_ACTIVATION_NONE},  {5, 1, 2, 1, TW_ACTIVATION_RELU}};
  for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
    net net;
    tw_value *x = begin(&net, i, 16);
    /* A convolution in groups needs 4 channels in and out of each; what has less stays in float32. */
    bool fits = cases[i].group == 1 || cases[i].group == 16 || cases[i].channels / cases[i].group % 4 == 0;
    finish(&net,
           int8_conv(&net, x, cases[i].channels, cases[i].kernel, cases[i].stride, cases[i].group, cases[i].activation,
                     NULL),
           fits ? 2 : 1);
  }
}

/* Without an activation there are negative bytes; the next one pads, so their zero has to be around them. */
static void negative_values_are_padded_with_zero(void **state) {
  (void)state;
  net net;
  tw_value *x = begin(&net, 1, 16);
  x = int8_conv(&net, x, 16, 1, 1, 1, TW_ACTIVATION_NONE, NULL);
  x = int8_conv(&net, x, 24, 3, 1, 1, TW_ACTIVATION_NONE, NULL);
  finish(&net, int8_conv(&net, x, 24, 3, 1, 24, TW_ACTIVATION_NONE, NULL), 4);
}

static void odd_channels(void **state) {
  (void)state;
  net net;
  tw_value *x = begin(&net, 2, 13);
  x = int8_conv(&net, x, 13, 3, 1, 13, TW_ACTIVATION_RELU, NULL);
  finish(&net, int8_conv(&net, x, 7, 1, 1, 1, TW_ACTIVATION_RELU, NULL), 3);
}

/* ---- Residuals --------------------------------------------------------------------------------------------------- */

/* What is added may be overwritten, is read later, comes from a pool, is what the convolution reads, or the input. */
static void residuals(void **state) {
  (void)state;
  for (int i = 0; i < 5; i++) {
    net net;
    tw_attributes pool = {.kernel = {3, 3}, .strides = {1, 1}, .pads_begin = {1, 1}, .pads_end = {1, 1}, .spatial = 2};
    tw_value *x = begin(&net, (uint64_t)i, 16);
    tw_value *added = i == 2 ? NODE(&net, TW_OP_MAX_POOL, &pool, x) : x;
    tw_value *y = i == 3 ? x : int8_conv(&net, x, 16, 3, 1, 1, TW_ACTIVATION_RELU, NULL);
    y = int8_conv(&net, y, 16, 1, 1, 1, i % 2 == 0 ? TW_ACTIVATION_RELU : TW_ACTIVATION_NONE, added);
    if (i == 1) {
      y = int8_conv(&net, y, 16, 1, 1, 1, TW_ACTIVATION_NONE, x);
    }
    finish(&net, y, i == 1 ? 4 : i == 3 ? 2 : 3);
  }
  net net;
  net_init(&net, 9);
  tw_value *x = net_input(&net, SHAPE(1, 3, 12, 12));
  tw_value *y = int8_conv(&net, x, 8, 3, 1, 1, TW_ACTIVATION_RELU, NULL);
  finish(&net, int8_conv(&net, y, 3, 3, 1, 1, TW_ACTIVATION_NONE, x), 2);
}

/* ---- Pools and joins --------------------------------------------------------------------------------------------- */

static void pools(void **state) {
  (void)state;
  for (int i = 0; i < 8; i++) {
    net net;
    tw_attributes pool = {.spatial = 2,
                          .kernel = {3, 3},
                          .strides = {2, 1},
                          .pads_begin = {1, 0},
                          .pads_end = {1, 1},
                          .count_include_pad = i % 4 == 2};
    tw_value *x = begin(&net, (uint64_t)i, 16);
    if (i >= 4) { /* negative values */
      x = int8_conv(&net, x, 16, 1, 1, 1, TW_ACTIVATION_NONE, NULL);
    }
    tw_value *y = NODE(&net, i % 4 == 0 ? TW_OP_MAX_POOL : TW_OP_AVERAGE_POOL, &pool, x);
    if (i % 4 == 3) {
      y = NODE(&net, TW_OP_GLOBAL_AVERAGE_POOL, NULL, y);
    }
    finish(&net, int8_conv(&net, y, 8, 1, 1, 1, TW_ACTIVATION_NONE, NULL), i >= 4 ? 3 : 2);
  }
}

static void the_average_of_all_pixels(void **state) {
  (void)state;
  for (int i = 0; i < 2; i++) {
    net net;
    tw_attributes pool = {.spatial = 2, .kernel = {10, 12}, .strides = {1, 1}};
    tw_value *x = int8_conv(&net, begin(&net, 1, 16), 300, 1, 1, 1, TW_ACTIVATION_NONE, NULL);
    finish(&net, NODE(&net, i == 0 ? TW_OP_GLOBAL_AVERAGE_POOL : TW_OP_AVERAGE_POOL, i == 0 ? NULL : &pool, x), 2);
  }
}

/* Branches whose scales are a hundred times apart. */
static void joins_of_different_scales(void **state) {
  (void)state;
  net net;
  tw_attributes channels = {.axis = 1};
  tw_value *x = begin(&net, 4, 16);
  tw_value *small = int8_conv(&net, x, 12, 3, 1, 1, TW_ACTIVATION_RELU, NULL);
  float *weights = (float *)(uintptr_t)small->producer->inputs[1]->data;
  for (size_t i = 0; i < count_of(&small->producer->inputs[1]->shape); i++) {
    weights[i] *= 0.01F;
  }
  tw_value *signed_one = int8_conv(&net, x, 20, 1, 1, 1, TW_ACTIVATION_NONE, NULL);
  tw_value *joined = NODE(&net, TW_OP_CONCAT, &channels, small, x, signed_one);
  joined = NODE(&net, TW_OP_CONCAT, &channels, joined, x);
  tw_value *y = int8_conv(&net, joined, 16, 3, 1, 1, TW_ACTIVATION_RELU, NULL);
  net_output(&net, y);
  net_output(&net, joined);
  check_int8(&net, 4);
}

/* ---- Among float32 ----------------------------------------------------------------------------------------------- */

/* Operators that know no bytes before, between and after convolutions. */
static void the_rest_is_float32(void **state) {
  (void)state;
  net net;
  tw_attributes flatten = {.axis = 1};
  tw_attributes gemm = {.alpha = 1, .beta = 1, .transpose_b = true};
  net_init(&net, 5);
  tw_value *x = net_input(&net, SHAPE(1, 3, 12, 12));
  x = NODE(&net, TW_OP_MUL, NULL, x, net_constant(&net, SHAPE(1, 3, 1, 1)));
  tw_value *y = int8_conv(&net, x, 16, 3, 1, 1, TW_ACTIVATION_RELU, NULL);
  tw_value *gate = NODE(&net, TW_OP_GLOBAL_AVERAGE_POOL, NULL, y);
  gate = int8_conv(&net, gate, 16, 1, 1, 1, TW_ACTIVATION_RELU, NULL);
  y = NODE(&net, TW_OP_MUL, NULL, y, gate);
  y = int8_conv(&net, y, 12, 3, 2, 1, TW_ACTIVATION_NONE, NULL);
  y = NODE(&net, TW_OP_FLATTEN, &flatten, y);
  y = NODE(&net, TW_OP_GEMM, &gemm, y, net_constant(&net, SHAPE(10, 12 * 36)), net_constant(&net, SHAPE(10)));
  finish(&net, y, 3);
}

/* A batch of sizes that fill neither blocks nor vectors. */
static void every_value_may_be_an_output(void **state) {
  (void)state;
  net net;
  tw_value *x = begin(&net, 6, 24);
  tw_value *y = int8_conv(&net, x, 9, 3, 1, 1, TW_ACTIVATION_CLIP, NULL);
  tw_value *z = int8_conv(&net, y, 31, 3, 1, 1, TW_ACTIVATION_NONE, NULL);
  net_output(&net, x);
  net_output(&net, y);
  net_output(&net, z);
  check_int8(&net, 3);
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(convolutions_of_all_kinds),
                                     cmocka_unit_test(negative_values_are_padded_with_zero),
                                     cmocka_unit_test(odd_channels),
                                     cmocka_unit_test(residuals),
                                     cmocka_unit_test(pools),
                                     cmocka_unit_test(the_average_of_all_pixels),
                                     cmocka_unit_test(joins_of_different_scales),
                                     cmocka_unit_test(the_rest_is_float32),
                                     cmocka_unit_test(every_value_may_be_an_output)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
