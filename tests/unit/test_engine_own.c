/* Our own kernels as steps of a plan: where they stand in for the library's, whether they agree with the naive
 * reference there, and that they are gone where ONEDNN_MAX_CPU_ISA says so (the suite runs this under several of its
 * values). */
#include <stdlib.h>

#include "engine_reference.h"

static const double tolerance = 2e-5;

static bool has_own(void) {
  return strstr(tw_engine_identity(), " kernels ") != NULL;
}

static tw_value *conv(net *net, tw_value *x, int64_t results, int64_t high, int64_t wide, bool padded,
                      tw_activation activation) {
  const tw_attributes attributes = {.spatial = 2,
                                    .group = 1,
                                    .kernel = {high, wide},
                                    .strides = {1, 1},
                                    .dilations = {1, 1},
                                    .pads_begin = {padded ? high / 2 : 0, padded ? wide / 2 : 0},
                                    .pads_end = {padded ? high / 2 : 0, padded ? wide / 2 : 0},
                                    .activation = activation,
                                    .low = -50,
                                    .high = 50};
  tw_value *weights = net_constant(net, SHAPE(results, x->shape.dims[1], high, wide));
  return NODE(net, TW_OP_CONV, &attributes, x, weights, net_constant(net, SHAPE(results)));
}

/* A first layer, so that what comes after it is in blocks of channels. */
static tw_value *blocked_input(net *net, int64_t channels, int64_t size) {
  return conv(net, net_input(net, SHAPE(1, 3, size, size + 1)), channels, 3, 3, true, TW_ACTIVATION_RELU);
}

static size_t count_steps(const net *net, const char *implementation) {
  tw_plan *plan;
  tw_error error;
  size_t count = 0;
  assert_int_equal(tw_plan_create(net->graph, 1, &plan, &error), TW_OK);
  for (size_t i = 0; i < tw_plan_step_count(plan); i++) {
    const tw_plan_step *step = tw_plan_step_at(plan, i);
    count += strncmp(step->implementation, implementation, strlen(implementation)) == 0;
  }
  tw_plan_free(plan);
  return count;
}

static void each_form_of_convolution(void **state) {
  (void)state;
  static const int64_t forms[][5] = {/* channels, results, kernel, size */
                                     {32, 64, 3, 3, 20}, {24, 40, 3, 3, 13},  {64, 64, 3, 3, 11},
                                     {48, 64, 5, 5, 16}, {128, 64, 1, 7, 12}, {64, 72, 7, 1, 17},
                                     {64, 64, 1, 3, 20}, {64, 64, 3, 1, 20},  {36, 50, 3, 3, 16}};
  for (size_t i = 0; i < sizeof forms / sizeof *forms; i++) {
    for (int padded = 0; padded < 2; padded++) {
      net net;
      net_init(&net, i);
      const int64_t *form = forms[i];
      tw_value *x = blocked_input(&net, form[0], form[4]);
      net_output(&net, conv(&net, x, form[1], form[2], form[3], padded == 1, (tw_activation)(i % 3)));
      const size_t count = count_steps(&net, "winograd ");
      if (count != (has_own() ? 1 : 0)) {
        print_message("form %zu, padded: %d\n", i, padded);
      }
      assert_int_equal(count, has_own() ? 1 : 0);
      check_net(&net, tolerance);
    }
  }
}

/* Branches of a join write into their part of it, and read parts of others; nothing is copied. */
static void branches_of_joins(void **state) {
  (void)state;
  net net;
  net_init(&net, 11);
  const tw_attributes pool = {
      .spatial = 2, .kernel = {3, 3}, .strides = {1, 1}, .dilations = {1, 1}, .pads_begin = {1, 1}, .pads_end = {1, 1}};
  const tw_attributes axis = {.axis = 1};
  tw_value *x = blocked_input(&net, 64, 14);
  tw_value *a = conv(&net, x, 48, 3, 3, true, TW_ACTIVATION_RELU);
  tw_value *b = conv(&net, x, 64, 1, 7, true, TW_ACTIVATION_CLIP);
  tw_value *c = NODE(&net, TW_OP_AVERAGE_POOL, &pool, x);
  tw_value *joined = NODE(&net, TW_OP_CONCAT, &axis, a, b, c);
  tw_value *d = conv(&net, a, 32, 3, 3, true, TW_ACTIVATION_NONE); /* from the middle of the join */
  tw_value *e = NODE(&net, TW_OP_MAX_POOL, &pool, joined);
  net_output(&net, conv(&net, NODE(&net, TW_OP_CONCAT, &axis, d, e), 36, 3, 3, false, TW_ACTIVATION_NONE));
  assert_int_equal(count_steps(&net, "winograd "), has_own() ? 4 : 0);
  assert_int_equal(count_steps(&net, "separable "), has_own() ? 2 : 0);
  check_net(&net, tolerance);
}

/* What a GraphDef's weights are: height x width x channels x results, behind a Transpose. */
static void transposed_weights(void **state) {
  (void)state;
  net net;
  net_init(&net, 12);
  const tw_attributes transpose = {.target = {3, 2, 0, 1}, .target_rank = 4};
  const tw_attributes attributes = {.spatial = 2, .group = 1, .pads_begin = {1, 1}, .pads_end = {1, 1}};
  tw_value *x = blocked_input(&net, 40, 15);
  tw_value *weights = NODE(&net, TW_OP_TRANSPOSE, &transpose, net_constant(&net, SHAPE(3, 3, 40, 56)));
  net_output(&net, NODE(&net, TW_OP_CONV, &attributes, x, weights));
  assert_int_equal(count_steps(&net, "winograd "), has_own() ? 1 : 0);
  check_net(&net, tolerance);
}

/* What must stay with the library. */
static void others_stay(void **state) {
  (void)state;
  for (int form = 0; form < 5; form++) {
    net net;
    net_init(&net, (uint64_t)form);
    tw_attributes attributes = {.spatial = 2, .group = 1, .strides = {1, 1}, .dilations = {1, 1}};
    tw_value *x = blocked_input(&net, 32, 18);
    tw_value *weights = net_constant(&net, form == 2 ? SHAPE(32, 1, 3, 3) : SHAPE(32, 32, 3, 3));
    attributes.strides[1] = form == 0 ? 2 : 1;
    attributes.dilations[0] = form == 1 ? 2 : 1;
    attributes.group = form == 2 ? 32 : 1;
    attributes.activation = form == 3 ? TW_ACTIVATION_CLIP : TW_ACTIVATION_NONE;
    attributes.low = 0.5F;
    attributes.high = 2;
    if (form == 4) { /* a residual */
      attributes.pads_begin[0] = attributes.pads_begin[1] = attributes.pads_end[0] = attributes.pads_end[1] = 1;
      net_output(&net, net_node(&net, TW_OP_CONV, &attributes, 4, (tw_value *[]){x, weights, NULL, x}));
    } else {
      net_output(&net, NODE(&net, TW_OP_CONV, &attributes, x, weights));
    }
    assert_int_equal(count_steps(&net, "winograd "), 0);
    check_net(&net, tolerance);
  }
}

static void the_identity_follows_the_library(void **state) {
  (void)state;
  const char *most = getenv("ONEDNN_MAX_CPU_ISA");
  if (most != NULL && (strcmp(most, "SSE41") == 0 || strcmp(most, "AVX") == 0)) {
    assert_false(has_own());
  }
#if defined(__x86_64__) && defined(__GNUC__)
  if (most == NULL && __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma")) {
    assert_true(has_own());
  }
#endif
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(each_form_of_convolution), cmocka_unit_test(branches_of_joins),
                                     cmocka_unit_test(transposed_weights), cmocka_unit_test(others_stay),
                                     cmocka_unit_test(the_identity_follows_the_library)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
