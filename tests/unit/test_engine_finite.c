/* Numbers that are not finite: in weights they are refused by the name of their node, in results the first node that
 * gives them is found. And weights that are scaled only as they are packed give the digits of those that were scaled
 * before. */
#include "engine_reference.h"

enum { SIDE = 16, CHANNELS = 16 };

static const tw_attributes same = {.strides = {1, 1}, .pads_begin = {1, 1}, .pads_end = {1, 1}, .group = 1};

static void spoil(const tw_value *constant, size_t element, float with) {
  float *data = (float *)(uintptr_t)constant->data; /* of the network's arena */
  data[element] = with;
}

/* Every kind of constant in turn: what it is, and the node that must be named. */
typedef enum place {
  IN_STEM,      /* a convolution that reads the picture */
  IN_BIAS,      /* of a convolution that is also one of our own kernels' */
  IN_MIDDLE,    /* its weights */
  IN_DEPTHWISE, /* one filter a channel */
  IN_NUMBER,    /* a factor that becomes a part of its step */
  IN_ROW,       /* a factor a channel */
  IN_GEMM,
  IN_GEMM_BIAS,
  PLACES
} place;

static const char *make(net *net, place spoilt, float with) {
  const char *names[PLACES];
  tw_value *values[PLACES];
  tw_attributes depthwise = same;
  tw_attributes gemm = {.alpha = 1, .beta = 1, .transpose_b = true};
  net_init(net, 3);
  depthwise.group = CHANNELS;
  values[IN_STEM] = net_constant(net, SHAPE(CHANNELS, 3, 3, 3));
  values[IN_MIDDLE] = net_constant(net, SHAPE(CHANNELS, CHANNELS, 3, 3));
  values[IN_BIAS] = net_constant(net, SHAPE(CHANNELS));
  values[IN_DEPTHWISE] = net_constant(net, SHAPE(CHANNELS, 1, 3, 3));
  values[IN_NUMBER] = net_constant(net, SHAPE(1));
  values[IN_ROW] = net_constant(net, SHAPE(CHANNELS, 1, 1));
  values[IN_GEMM] = net_constant(net, SHAPE(10, CHANNELS));
  values[IN_GEMM_BIAS] = net_constant(net, SHAPE(10));
  tw_value *x = NODE(net, TW_OP_CONV, &same, net_input(net, SHAPE(1, 3, SIDE, SIDE)), values[IN_STEM]);
  names[IN_STEM] = x->name;
  x = NODE(net, TW_OP_CONV, &same, x, values[IN_MIDDLE], values[IN_BIAS]);
  names[IN_MIDDLE] = names[IN_BIAS] = x->name;
  x = NODE(net, TW_OP_CONV, &depthwise, x, values[IN_DEPTHWISE]);
  names[IN_DEPTHWISE] = x->name;
  x = NODE(net, TW_OP_MUL, NULL, x, values[IN_NUMBER]);
  names[IN_NUMBER] = x->name;
  x = NODE(net, TW_OP_MUL, NULL, x, values[IN_ROW]);
  names[IN_ROW] = x->name;
  x = NODE(net, TW_OP_FLATTEN, &(tw_attributes){.axis = 1}, NODE(net, TW_OP_GLOBAL_AVERAGE_POOL, NULL, x));
  x = NODE(net, TW_OP_GEMM, &gemm, x, values[IN_GEMM], values[IN_GEMM_BIAS]);
  names[IN_GEMM] = names[IN_GEMM_BIAS] = x->name;
  net_output(net, x);
  if (spoilt < PLACES) {
    spoil(values[spoilt], values[spoilt]->data_size / sizeof(float) - 1, with);
  }
  return spoilt < PLACES ? names[spoilt] : NULL;
}

static void weights_are_refused_by_name(void **state) {
  (void)state;
  static const float wrong[] = {NAN, -NAN, INFINITY, -INFINITY};
  for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
    for (place place = IN_STEM; place < PLACES; place++) {
      net net;
      tw_plan *plan = NULL;
      tw_error error = {0};
      char named[64];
      snprintf(named, sizeof named, "node '%s'", make(&net, place, wrong[i]));
      assert_int_equal(tw_plan_create(net.graph, 1, &plan, &error), TW_E_DATA);
      assert_null(plan);
      assert_int_equal(strncmp(error.message, named, strlen(named)), 0);
      assert_non_null(strstr(error.message, "finite"));
      tw_graph_free(net.graph);
    }
  }
}

/* The largest numbers there are, and the smallest: nothing to complain of. */
static void finite_extremes_are_taken(void **state) {
  (void)state;
  static const float fine[] = {3.4028235e38f, -3.4028235e38f, 1e-45f, -0.0f};
  for (size_t i = 0; i < sizeof fine / sizeof *fine; i++) {
    for (place place = IN_STEM; place < PLACES; place++) {
      net net;
      tw_plan *plan = NULL;
      make(&net, place, fine[i]);
      assert_int_equal(tw_plan_create(net.graph, 1, &plan, NULL), TW_OK);
      tw_plan_free(plan);
      tw_graph_free(net.graph);
    }
  }
}

static void the_first_node_that_overflows_is_found(void **state) {
  (void)state;
  static float input[3 * SIDE * SIDE];
  for (size_t i = 0; i < sizeof input / sizeof *input; i++) {
    input[i] = 1;
  }
  for (int threads = 1; threads <= 2; threads++) {
    net net;
    tw_plan *plan;
    tw_session *session;
    const char *found = "";
    char wanted[64];
    snprintf(wanted, sizeof wanted, "%s", make(&net, IN_ROW, 3e38f));
    for (const tw_value *value = net.graph->outputs[0]; value != NULL; value = value->producer->inputs[0]) {
      if (strcmp(value->name, wanted) == 0) { /* the one before gives large numbers, all of them finite */
        spoil(value->producer->inputs[0]->producer->inputs[1], 0, 1e10f);
        break;
      }
    }
    assert_int_equal(tw_plan_create(net.graph, threads, &plan, NULL), TW_OK);
    assert_int_equal(tw_session_create(plan, &session, NULL), TW_OK);
    assert_int_equal(tw_session_find_not_finite(session, input, &found, NULL), TW_OK);
    assert_non_null(found);
    assert_non_null(strstr(found, wanted));
    input[0] = NAN; /* the picture itself */
    assert_int_equal(tw_session_find_not_finite(session, input, &found, NULL), TW_OK);
    assert_non_null(found);
    assert_string_equal(found, tw_plan_step_at(plan, 0)->name);
    input[0] = 1;
    tw_session_free(session);
    tw_plan_free(plan);
    tw_graph_free(net.graph);
    make(&net, PLACES, 0);
    assert_int_equal(tw_plan_create(net.graph, threads, &plan, NULL), TW_OK);
    assert_int_equal(tw_session_create(plan, &session, NULL), TW_OK);
    assert_int_equal(tw_session_find_not_finite(session, input, &found, NULL), TW_OK);
    assert_null(found);
    tw_session_free(session);
    tw_plan_free(plan);
    tw_graph_free(net.graph);
  }
}

/* ---- Scaling ----------------------------------------------------------------------------------------------------- */

static tw_value *norm(net *net, tw_value *x, float variance) {
  int64_t channels = x->shape.dims[1];
  tw_value *constants[4];
  for (int i = 0; i < 4; i++) {
    constants[i] = net_constant(net, SHAPE(channels));
  }
  for (int64_t c = 0; c < channels; c++) {
    spoil(constants[3], (size_t)c, variance);
  }
  return NODE(net, TW_OP_BATCH_NORM, &(tw_attributes){.epsilon = 0.001f}, x, constants[0], constants[1], constants[2],
              constants[3]);
}

/* Weights stored in either order, grouped and not, a norm behind each, and one behind a norm. */
static void make_scaled(net *net, float variance) {
  static const int64_t order[] = {3, 2, 0, 1};
  tw_attributes transpose = {.target_rank = 4};
  tw_attributes grouped = same;
  memcpy(transpose.target, order, sizeof order);
  grouped.group = 4;
  net_init(net, 8);
  tw_value *x = net_input(net, SHAPE(1, 3, SIDE, SIDE));
  x = norm(net, NODE(net, TW_OP_CONV, &same, x, net_constant(net, SHAPE(CHANNELS, 3, 3, 3))), 2);
  tw_value *stored = NODE(net, TW_OP_TRANSPOSE, &transpose, net_constant(net, SHAPE(3, 3, CHANNELS, 24)));
  x = norm(net, NODE(net, TW_OP_CONV, &same, x, stored), variance);
  x = norm(net, NODE(net, TW_OP_CONV, &grouped, x, net_constant(net, SHAPE(CHANNELS, 6, 3, 3))), 3);
  x = NODE(net, TW_OP_MUL, NULL, x, net_constant(net, SHAPE(CHANNELS, 1, 1)));
  net_output(net, NODE(net, TW_OP_RELU, NULL, x));
}

static void run_scaled(bool late, float *ret_result) {
  static float input[3 * SIDE * SIDE];
  net net;
  tw_plan *plan;
  tw_session *session;
  make_scaled(&net, 0.5f);
  for (size_t i = 0; i < sizeof input / sizeof *input; i++) {
    input[i] = (float)i / 500 - 0.7f;
  }
  assert_int_equal(late ? tw_graph_optimise_for_plan(net.graph, NULL) : tw_graph_optimise(net.graph, NULL, NULL, NULL),
                   TW_OK);
  assert_int_equal(tw_plan_create(net.graph, 1, &plan, NULL), TW_OK);
  tw_graph_free(net.graph);
  assert_int_equal(tw_session_create(plan, &session, NULL), TW_OK);
  assert_int_equal(tw_session_run(session, input, (float *const[]){ret_result}, NULL), TW_OK);
  tw_session_free(session);
  tw_plan_free(plan);
}

static void scaling_late_gives_the_same_digits(void **state) {
  (void)state;
  static float before[CHANNELS * SIDE * SIDE];
  static float late[CHANNELS * SIDE * SIDE];
  run_scaled(false, before);
  run_scaled(true, late);
  assert_memory_equal(before, late, sizeof late);
  float largest = 0;
  for (size_t i = 0; i < sizeof late / sizeof *late; i++) {
    largest = late[i] > largest ? late[i] : largest;
  }
  assert_true(largest > 0 && isfinite(largest));
}

/* A variance below 0 is a factor that is no number. */
static void a_norm_that_gives_no_numbers_is_named(void **state) {
  (void)state;
  for (int late = 0; late < 2; late++) {
    net net;
    tw_plan *plan;
    tw_error error = {0};
    make_scaled(&net, -1);
    assert_int_equal(
        late ? tw_graph_optimise_for_plan(net.graph, NULL) : tw_graph_optimise(net.graph, NULL, NULL, NULL), TW_OK);
    assert_int_equal(tw_plan_create(net.graph, 1, &plan, &error), TW_E_DATA);
    assert_non_null(strstr(error.message, "node 'n"));
    assert_non_null(strstr(error.message, "finite"));
    tw_graph_free(net.graph);
  }
}

static void memory_may_run_out_while_scaling(void **state) {
  (void)state;
  tw_status status = TW_E_MEMORY;
  for (size_t n = 1; status == TW_E_MEMORY; n++) {
    net net;
    tw_plan *plan = NULL;
    make_scaled(&net, 0.5f);
    tw_memory_fail_after(n);
    status = tw_graph_optimise_for_plan(net.graph, NULL);
    status = status == TW_OK ? tw_plan_create(net.graph, 1, &plan, NULL) : status;
    tw_memory_fail_after(0);
    tw_plan_free(plan);
    tw_graph_free(net.graph);
    assert_true(n < 5000);
  }
  assert_int_equal(status, TW_OK);
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(weights_are_refused_by_name),
                                     cmocka_unit_test(finite_extremes_are_taken),
                                     cmocka_unit_test(the_first_node_that_overflows_is_found),
                                     cmocka_unit_test(scaling_late_gives_the_same_digits),
                                     cmocka_unit_test(a_norm_that_gives_no_numbers_is_named),
                                     cmocka_unit_test(memory_may_run_out_while_scaling)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
