/* Names of precisions, what a processor makes of them, and plans that are asked for one. */
#include "int8_nets.h"

static void names_are_parsed(void **state) {
  (void)state;
  for (int i = 0; i < TW_PRECISION_COUNT; i++) {
    tw_precision precision = TW_PRECISION_COUNT;
    assert_true(tw_precision_parse(tw_precision_name((tw_precision)i), &precision));
    assert_int_equal(precision, i);
  }
  tw_precision untouched = TW_PRECISION_COUNT;
  assert_false(tw_precision_parse("f16", &untouched));
  assert_false(tw_precision_parse("", &untouched));
  assert_false(tw_precision_parse("F32", &untouched));
  assert_int_equal(untouched, TW_PRECISION_COUNT);
}

static void a_processor_does_what_it_can(void **state) {
  (void)state;
  tw_precision precision;
  const char *note = "untouched";
  assert_int_equal(tw_engine_precision(TW_PRECISION_F32, &precision, &note, NULL), TW_OK);
  assert_int_equal(precision, TW_PRECISION_F32);
  assert_null(note);
  bool native = strstr(tw_engine_identity(), "bf16") != NULL || strstr(tw_engine_identity(), "amx") != NULL;
  assert_int_equal(tw_engine_precision(TW_PRECISION_BF16, &precision, &note, NULL), TW_OK);
  assert_int_equal(precision, native ? TW_PRECISION_BF16 : TW_PRECISION_F32);
  assert_int_equal(note == NULL, native);
  assert_int_equal(tw_engine_precision(TW_PRECISION_INT8, &precision, &note, NULL), TW_OK); /* SSE4.1 is everywhere */
  assert_int_equal(precision, TW_PRECISION_INT8);
  assert_null(note);
}

static void make_net(net *net) {
  net_init(net, 3);
  tw_attributes attributes = {.group = 1};
  tw_value *weights = net_constant(net, SHAPE(4, 3, 1, 1));
  net_output(net, NODE(net, TW_OP_CONV, &attributes, net_input(net, SHAPE(1, 3, 8, 8)), weights));
}

static void plain_plans_are_float32(void **state) {
  (void)state;
  net net;
  make_net(&net);
  tw_plan *plans[2];
  const tw_plan_options options = {.threads = 1, .precision = TW_PRECISION_F32};
  assert_int_equal(tw_plan_create(net.graph, 1, &plans[0], NULL), TW_OK);
  assert_int_equal(tw_plan_create_with(net.graph, &options, &plans[1], NULL), TW_OK);
  float input[3 * 64];
  float outputs[2][4 * 64];
  for (size_t i = 0; i < 3 * 64; i++) {
    input[i] = random_float(&net.random);
  }
  for (int i = 0; i < 2; i++) {
    tw_session *session;
    assert_int_equal(tw_session_create(plans[i], &session, NULL), TW_OK);
    assert_int_equal(tw_session_run(session, input, (float *[]){outputs[i]}, NULL), TW_OK);
    tw_session_free(session);
    tw_plan_free(plans[i]);
  }
  assert_memory_equal(outputs[0], outputs[1], sizeof outputs[0]);
  tw_graph_free(net.graph);
}

static void int8_needs_a_calibration(void **state) {
  (void)state;
  net net;
  make_net(&net);
  tw_error error;
  tw_plan *plan = NULL;
  const tw_plan_options options = {.threads = 1, .precision = TW_PRECISION_INT8};
  assert_int_equal(tw_plan_create_with(net.graph, &options, &plan, &error), TW_E_ARGUMENT);
  assert_non_null(strstr(error.message, "calibration"));
  assert_null(plan);
  tw_graph_free(net.graph);
}

/* ---- bfloat16 ---------------------------------------------------------------------------------------------------- */

/* A network with operators that know bfloat16 and others that do not. */
static void make_mixed_net(net *net) {
  tw_attributes channels = {.axis = 1};
  tw_attributes gemm = {.alpha = 1, .beta = 1, .transpose_b = true};
  tw_attributes pool = {.spatial = 2, .kernel = {3, 3}, .strides = {2, 2}, .pads_begin = {1, 1}, .pads_end = {1, 1}};
  tw_attributes counting = {.spatial = 2,
                            .kernel = {2, 2},
                            .strides = {2, 2},
                            .pads_begin = {1, 1},
                            .ceil_mode = true,
                            .count_include_pad = true};
  net_init(net, 11);
  tw_value *x = int8_conv(net, net_input(net, SHAPE(1, 3, 33, 33)), 32, 3, 2, 1, TW_ACTIVATION_RELU, NULL);
  tw_value *y = int8_conv(net, x, 32, 3, 1, 32, TW_ACTIVATION_CLIP, NULL);
  y = int8_conv(net, y, 32, 1, 1, 1, TW_ACTIVATION_NONE, x);
  y = NODE(net, TW_OP_ADD, NULL, y, x);
  y = NODE(net, TW_OP_MUL, NULL, y, net_constant(net, SHAPE(1, 32, 1, 1)));
  y = NODE(net, TW_OP_RELU, NULL, y);
  tw_value *z = int8_conv(net, x, 12, 5, 1, 1, TW_ACTIVATION_RELU, NULL);
  y = NODE(net, TW_OP_CONCAT, &channels, y, x, z);
  y = NODE(net, TW_OP_MAX_POOL, &pool, y);
  y = NODE(net, TW_OP_AVERAGE_POOL, &pool, y);
  y = NODE(net, TW_OP_AVERAGE_POOL, &counting, y);
  net_output(net, y);
  y = NODE(net, TW_OP_FLATTEN, &channels, NODE(net, TW_OP_GLOBAL_AVERAGE_POOL, NULL, y));
  net_output(net, y);
  y = NODE(net, TW_OP_GEMM, &gemm, y, net_constant(net, SHAPE(10, 76)), net_constant(net, SHAPE(10)));
  net_output(net, NODE(net, TW_OP_SOFTMAX, &channels, y));
}

static void bfloat16_comes_near(void **state) {
  (void)state;
  net net;
  make_mixed_net(&net);
  tw_plan *plans[3];
  float *outputs[3];
  size_t count = 0;
  for (int i = 0; i < 3; i++) {
    const tw_plan_options options = {.threads = i == 2 ? 2 : 1,
                                     .precision = i == 0 ? TW_PRECISION_F32 : TW_PRECISION_BF16};
    tw_error error = {0};
    if (tw_plan_create_with(net.graph, &options, &plans[i], &error) != TW_OK) {
      fail_msg("%s", error.message);
    }
    outputs[i] = int8_run(plans[i], 0, &count);
  }
  tw_precision precision;
  const char *note;
  assert_int_equal(tw_engine_precision(TW_PRECISION_BF16, &precision, &note, NULL), TW_OK);
  double error = relative_error(outputs[1], outputs[0], count);
  if (precision == TW_PRECISION_F32) {
    assert_memory_equal(outputs[1], outputs[0], count * sizeof(float));
  } else {
    assert_true(error > 1e-5 && error < 0.02);
    assert_true(tw_plan_weight_bytes(plans[1]) < tw_plan_weight_bytes(plans[0]) * 3 / 4);
    assert_memory_equal(outputs[1], outputs[2], count * sizeof(float));
    for (size_t i = 0; i < tw_plan_step_count(plans[1]); i++) {
      assert_null(strstr(tw_plan_step_at(plans[1], i)->implementation, "ref"));
    }
  }
  for (int i = 0; i < 3; i++) {
    tw_free(outputs[i]);
    tw_plan_free(plans[i]);
  }
  tw_graph_free(net.graph);
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(names_are_parsed), cmocka_unit_test(a_processor_does_what_it_can),
                                     cmocka_unit_test(plain_plans_are_float32),
                                     cmocka_unit_test(int8_needs_a_calibration), cmocka_unit_test(bfloat16_comes_near)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
