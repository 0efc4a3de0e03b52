/* Calibration: its bytes, what it refuses, and the nodes that it leaves in float32. */
#include "int8_nets.h"

/* A network with every kind of node that int8 has. */
static void make_net(net *net, uint64_t seed) {
  tw_attributes channels = {.axis = 1};
  tw_attributes pool = {.spatial = 2, .kernel = {2, 2}, .strides = {2, 2}};
  net_init(net, seed);
  tw_value *x = int8_conv(net, net_input(net, SHAPE(1, 3, 16, 16)), 16, 3, 2, 1, TW_ACTIVATION_RELU, NULL);
  tw_value *y = int8_conv(net, x, 16, 3, 1, 16, TW_ACTIVATION_CLIP, NULL);
  y = int8_conv(net, y, 16, 1, 1, 1, TW_ACTIVATION_NONE, x);
  y = NODE(net, TW_OP_CONCAT, &channels, y, int8_conv(net, x, 8, 1, 1, 1, TW_ACTIVATION_RELU, NULL));
  y = int8_conv(net, NODE(net, TW_OP_MAX_POOL, &pool, y), 20, 3, 1, 1, TW_ACTIVATION_RELU, NULL);
  net_output(net, NODE(net, TW_OP_GLOBAL_AVERAGE_POOL, NULL, y));
}

static tw_buffer written(const tw_quantised *quantised) {
  tw_buffer buffer = {0};
  assert_int_equal(tw_quantised_write(quantised, &buffer, NULL), TW_OK);
  return buffer;
}

static tw_status quantise(const tw_graph *graph, const tw_sample *sample, tw_error *error) {
  tw_quantised *quantised = NULL;
  tw_status status = tw_quantise(graph, sample, 2, NULL, &quantised, error);
  assert_true(status != TW_OK || quantised != NULL);
  assert_true(status == TW_OK || quantised == NULL);
  tw_quantised_free(quantised);
  return status;
}

/* The network's calibration on that sample fails with that status, and says that. */
static void assert_refused(net *net, const tw_sample *sample, tw_status status, const char *says) {
  tw_error error = {0};
  assert_int_equal(quantise(net->graph, sample, &error), status);
  if (strstr(error.message, says) == NULL) {
    fail_msg("'%s' does not say '%s'", error.message, says);
  }
  tw_graph_free(net->graph);
}

/* ---- Bytes ------------------------------------------------------------------------------------------------------- */

static void the_number_of_threads_changes_nothing(void **state) {
  (void)state;
  net net;
  make_net(&net, 1);
  tw_buffer first = {0};
  for (int threads = 1; threads <= 5; threads++) {
    tw_quantised *quantised = int8_quantise(net.graph, threads);
    tw_buffer bytes = written(quantised);
    if (threads == 1) {
      first = bytes;
    } else {
      assert_int_equal(bytes.size, first.size);
      assert_memory_equal(bytes.data, first.data, first.size);
      tw_buffer_done(&bytes);
    }
    tw_quantised_free(quantised);
  }
  tw_buffer_done(&first);
  tw_graph_free(net.graph);
}

static void bytes_come_back(void **state) {
  (void)state;
  net net;
  make_net(&net, 2);
  tw_quantised *quantised = int8_quantise(net.graph, 2);
  tw_buffer bytes = written(quantised);
  tw_quantised *read;
  assert_int_equal(tw_quantised_read(tw_buffer_bytes(&bytes), &read, NULL), TW_OK);
  tw_buffer again = written(read);
  assert_int_equal(again.size, bytes.size);
  assert_memory_equal(again.data, bytes.data, bytes.size);
  assert_int_equal(tw_hash_compare(tw_quantised_hash(read), tw_quantised_hash(quantised)), 0);
  assert_memory_equal(tw_quantised_hash(read)->bytes, bytes.data + bytes.size - 16, 16);
  tw_fidelity fidelity = tw_quantised_fidelity(read);
  assert_int_equal(fidelity.pictures, INT8_CHECKS);
  assert_true(fidelity.mean > 0.99 && fidelity.mean <= 1 && fidelity.worst <= fidelity.mean);
  size_t wide = 7;
  assert_int_equal(tw_quantised_nodes(read, &wide), 5);
  assert_int_equal(wide, 0);
  size_t count = 0;
  tw_plan *plans[2] = {int8_plan(net.graph, quantised, 1), int8_plan(net.graph, read, 1)};
  float *outputs[2] = {int8_run(plans[0], 3, &count), int8_run(plans[1], 3, &count)};
  assert_memory_equal(outputs[0], outputs[1], count * sizeof(float));
  for (int i = 0; i < 2; i++) {
    tw_free(outputs[i]);
    tw_plan_free(plans[i]);
  }
  tw_buffer_done(&again);
  tw_buffer_done(&bytes);
  tw_quantised_free(read);
  tw_quantised_free(quantised);
  tw_graph_free(net.graph);
}

static bool is_read(const uint8_t *data, size_t size, tw_quantised **ret_quantised) {
  tw_error error = {0};
  *ret_quantised = NULL;
  tw_status status = tw_quantised_read((tw_bytes){data, size}, ret_quantised, &error);
  assert_true(status == TW_OK || (status == TW_E_FORMAT && error.message[0] != '\0' && *ret_quantised == NULL));
  return status == TW_OK;
}

static void any_damage_is_found(void **state) {
  (void)state;
  net net;
  tw_quantised *damaged;
  make_net(&net, 3);
  tw_quantised *quantised = int8_quantise(net.graph, 2);
  tw_buffer bytes = written(quantised);
  for (size_t i = 0; i < bytes.size; i++) {
    assert_false(is_read(bytes.data, i, &damaged));
    bytes.data[i] ^= (uint8_t)(1U << (i % 8));
    assert_false(is_read(bytes.data, bytes.size, &damaged));
    bytes.data[i] ^= (uint8_t)(1U << (i % 8));
  }
  tw_buffer_append(&bytes, "x", 1);
  assert_false(is_read(bytes.data, bytes.size, &damaged));
  tw_buffer_done(&bytes);
  tw_quantised_free(quantised);
  tw_graph_free(net.graph);
}

/* Who writes a file can write its hash: what is then read must at least do no harm. */
static void damage_with_a_fitting_hash_does_no_harm(void **state) {
  (void)state;
  net net;
  make_net(&net, 4);
  tw_quantised *quantised = int8_quantise(net.graph, 2);
  tw_buffer bytes = written(quantised);
  size_t content = bytes.size - 16;
  size_t planned = 0;
  for (size_t i = 0; i < content; i += i < 600 ? 1 : 37) {
    uint8_t before = bytes.data[i];
    bytes.data[i] = (uint8_t)(i % 3 == 0 ? 0xff : before ^ 1U << (i % 8));
    const tw_hash hash = tw_hash_of(bytes.data, content);
    memcpy(bytes.data + content, hash.bytes, sizeof hash.bytes);
    tw_quantised *damaged;
    if (is_read(bytes.data, bytes.size, &damaged)) {
      const tw_plan_options options = {1, TW_PRECISION_INT8, damaged};
      tw_plan *plan = NULL;
      tw_error error = {0};
      tw_status status = tw_plan_create_with(net.graph, &options, &plan, &error);
      assert_true(status == TW_OK || status == TW_E_DATA);
      if (status == TW_OK) {
        size_t count;
        tw_free(int8_run(plan, 0, &count));
        planned++;
      }
      tw_plan_free(plan);
      tw_quantised_free(damaged);
    }
    bytes.data[i] = before;
  }
  assert_true(planned > 0);
  tw_buffer_done(&bytes);
  tw_quantised_free(quantised);
  tw_graph_free(net.graph);
}

static void another_networks_calibration_is_refused(void **state) {
  (void)state;
  net nets[3];
  make_net(&nets[0], 5);
  make_net(&nets[1], 6); /* the same shapes, other weights */
  net_init(&nets[2], 7);
  tw_value *x = net_input(&nets[2], SHAPE(1, 3, 16, 16));
  net_output(&nets[2], int8_conv(&nets[2], x, 16, 3, 2, 1, TW_ACTIVATION_RELU, NULL));
  tw_quantised *quantised = int8_quantise(nets[0].graph, 2);
  for (int i = 1; i < 3; i++) {
    tw_error error = {0};
    tw_plan *plan = NULL;
    const tw_plan_options options = {1, TW_PRECISION_INT8, quantised};
    assert_int_equal(tw_plan_create_with(nets[i].graph, &options, &plan, &error), TW_E_DATA);
    assert_non_null(strstr(error.message, nets[i].graph->nodes[0]->name));
    assert_non_null(strstr(error.message, "another network"));
    assert_null(plan);
  }
  tw_quantised_free(quantised);
  for (int i = 0; i < 3; i++) {
    tw_graph_free(nets[i].graph);
  }
}

/* ---- Bad samples ------------------------------------------------------------------------------------------------- */

static void samples_need_a_size(void **state) {
  (void)state;
  const size_t counts[][2] = {{0, 0}, {TW_MIN_CALIBRATION - 1, 5}, {TW_MAX_CALIBRATION + 1, 0}, {20, SIZE_MAX}};
  for (size_t i = 0; i < 4; i++) {
    net net;
    int8_sample context;
    make_net(&net, 1);
    tw_sample sample = int8_sample_of(net.graph, &context);
    sample.count = counts[i][0];
    sample.checks = counts[i][1];
    assert_refused(&net, &sample, i < 2 ? TW_E_DATA : TW_E_LIMIT, i < 2 ? "at least 10" : "at most 200");
  }
}

static void pictures_have_to_differ(void **state) {
  (void)state;
  net net;
  int8_sample context;
  make_net(&net, 1);
  tw_sample sample = int8_sample_of(net.graph, &context);
  context.same = true;
  assert_refused(&net, &sample, TW_E_DATA, "the same");
  make_net(&net, 1);
  sample = int8_sample_of(net.graph, &context);
  context.constant = -1;
  assert_refused(&net, &sample, TW_E_DATA, "single colour");
}

static tw_status broken_picture(void *context, size_t index, float *ret_input, tw_error *error) {
  if (index == 7 || index == 9) {
    return tw_error_set(error, TW_E_FORMAT, "picture %zu is broken", index);
  }
  return int8_picture(context, index, ret_input, error);
}

static tw_status infinite_picture(void *context, size_t index, float *ret_input, tw_error *error) {
  TW_TRY(int8_picture(context, index, ret_input, error));
  ret_input[5] = index == 4 ? INFINITY : ret_input[5];
  return TW_OK;
}

static void pictures_may_fail(void **state) {
  (void)state;
  net net;
  int8_sample context;
  make_net(&net, 1);
  tw_sample sample = int8_sample_of(net.graph, &context);
  sample.picture = broken_picture;
  assert_refused(&net, &sample, TW_E_FORMAT, "picture 7 is broken");
  make_net(&net, 1);
  sample = int8_sample_of(net.graph, &context);
  sample.picture = infinite_picture;
  assert_refused(&net, &sample, TW_E_DATA, "input 'x': its result for picture 5");
}

static bool stop(void *context, const tw_progress *progress) {
  (void)context;
  return progress->done < 3;
}

static void it_can_be_stopped(void **state) {
  (void)state;
  net net;
  int8_sample context;
  make_net(&net, 1);
  const tw_sample sample = int8_sample_of(net.graph, &context);
  tw_ticker ticker = {.callback = stop, .last = -1e9};
  ticker.cancelled = true;
  tw_quantised *quantised = NULL;
  tw_error error = {0};
  assert_int_equal(tw_quantise(net.graph, &sample, 2, &ticker, &quantised, &error), TW_E_CANCELLED);
  assert_null(quantised);
  tw_graph_free(net.graph);
}

/* ---- Bad networks ------------------------------------------------------------------------------------------------ */

static void set_weight(const tw_value *value, size_t input, float number) {
  float *weights = (float *)(uintptr_t)value->producer->inputs[input]->data;
  weights[1] = number;
}

static void numbers_have_to_be_finite(void **state) {
  (void)state;
  const float bad[] = {NAN, INFINITY, -INFINITY};
  for (size_t i = 0; i < 6; i++) {
    net net;
    int8_sample context;
    make_net(&net, 1);
    const tw_sample sample = int8_sample_of(net.graph, &context);
    set_weight(net.graph->nodes[1]->output, 1 + i % 2, bad[i / 2]);
    assert_refused(&net, &sample, TW_E_DATA, net.graph->nodes[1]->name);
  }
}

static void numbers_may_overflow(void **state) {
  (void)state;
  net net;
  int8_sample context;
  make_net(&net, 1);
  const tw_sample sample = int8_sample_of(net.graph, &context);
  set_weight(net.graph->nodes[2]->output, 1, 3e38F);
  tw_error error = {0};
  assert_int_equal(quantise(net.graph, &sample, &error), TW_E_DATA);
  assert_non_null(strstr(error.message, "not finite"));
  tw_graph_free(net.graph);
}

static void a_network_without_convolutions(void **state) {
  (void)state;
  net net;
  int8_sample context;
  net_init(&net, 1);
  net_output(&net, NODE(&net, TW_OP_RELU, NULL, net_input(&net, SHAPE(1, 3, 16, 16))));
  const tw_sample sample = int8_sample_of(net.graph, &context);
  assert_refused(&net, &sample, TW_E_UNSUPPORTED, "no convolution");
}

/* What never fires has no range. */
static void dead_channels(void **state) {
  (void)state;
  net net;
  net_init(&net, 1);
  tw_value *x = net_input(&net, SHAPE(1, 3, 8, 8));
  tw_value *dead = int8_conv(&net, x, 4, 1, 1, 1, TW_ACTIVATION_RELU, NULL);
  for (size_t i = 0; i < 12; i++) {
    ((float *)(uintptr_t)dead->producer->inputs[1]->data)[i] = 0;
    ((float *)(uintptr_t)dead->producer->inputs[2]->data)[i % 4] = -1;
  }
  tw_attributes channels = {.axis = 1};
  tw_value *y = NODE(&net, TW_OP_CONCAT, &channels, dead, int8_conv(&net, x, 8, 3, 1, 1, TW_ACTIVATION_RELU, NULL));
  net_output(&net, int8_conv(&net, y, 8, 3, 1, 1, TW_ACTIVATION_NONE, NULL));
  tw_quantised *quantised = int8_quantise(net.graph, 2);
  assert_true(tw_quantised_fidelity(quantised).worst > 0.99);
  tw_quantised_free(quantised);
  tw_graph_free(net.graph);
}

/* ---- Saturation -------------------------------------------------------------------------------------------------- */

/* All bytes 255 and all weights as large as they get: sums of pairs of 16 bits would overflow. */
static void nothing_saturates(void **state) {
  (void)state;
  for (int i = 0; i < 4; i++) {
    net net;
    net_init(&net, 1);
    tw_value *x = net_input(&net, SHAPE(1, i == 3 ? 3 : 8, 8, 8));
    tw_value *y = int8_conv(&net, x, 8, i == 0 ? 1 : 3, 1, i == 2 ? 8 : 1, TW_ACTIVATION_NONE, NULL);
    float *weights = (float *)(uintptr_t)y->producer->inputs[1]->data;
    for (size_t k = 0; k < count_of(&y->producer->inputs[1]->shape); k++) {
      weights[k] = 1;
    }
    net_output(&net, y);
    tw_quantised *quantised = int8_quantise(net.graph, 1);
    tw_plan *plans[2] = {int8_plan(net.graph, quantised, 1)};
    assert_int_equal(tw_plan_create(net.graph, 1, &plans[1], NULL), TW_OK);
    float input[8 * 64];
    float outputs[2][8 * 64];
    for (size_t k = 0; k < 8 * 64; k++) {
      input[k] = 1; /* beyond the range: the largest byte */
    }
    for (int p = 0; p < 2; p++) {
      tw_session *session;
      assert_int_equal(tw_session_create(plans[p], &session, NULL), TW_OK);
      assert_int_equal(tw_session_run(session, input, (float *[]){outputs[p]}, NULL), TW_OK);
      tw_session_free(session);
      tw_plan_free(plans[p]);
    }
    assert_true(relative_error(outputs[0], outputs[1], 8 * 64) < 0.02);
    tw_quantised_free(quantised);
    tw_graph_free(net.graph);
  }
}

/* ---- Wide nodes -------------------------------------------------------------------------------------------------- */

/* The second convolution takes the difference of channels that are nearly the same: bytes cannot hold that. */
static void make_hard_net(net *net, int after) {
  net_init(net, 8);
  tw_value *x = int8_conv(net, net_input(net, SHAPE(1, 3, 16, 16)), 16, 3, 1, 1, TW_ACTIVATION_RELU, NULL);
  tw_value *twins = int8_conv(net, x, 32, 1, 1, 1, TW_ACTIVATION_NONE, NULL);
  float *weights = (float *)(uintptr_t)twins->producer->inputs[1]->data;
  float *bias = (float *)(uintptr_t)twins->producer->inputs[2]->data;
  for (size_t i = 0; i < 16; i++) {
    for (size_t k = 0; k < 16; k++) {
      weights[(i + 16) * 16 + k] = weights[i * 16 + k] * (1 + 0.004F * (float)((i * 5 + k * 3) % 7));
    }
    bias[i + 16] = bias[i];
  }
  tw_value *y = int8_conv(net, twins, 16, 1, 1, 1, TW_ACTIVATION_NONE, NULL);
  weights = (float *)(uintptr_t)y->producer->inputs[1]->data;
  bias = (float *)(uintptr_t)y->producer->inputs[2]->data;
  for (size_t i = 0; i < 16; i++) {
    for (size_t k = 0; k < 32; k++) {
      weights[i * 32 + k] = k % 16 != i ? 0 : k < 16 ? -50.0F : 50.0F;
    }
    bias[i] = 0;
  }
  for (int i = 0; i < after; i++) {
    y = int8_conv(net, y, 16, 1, 1, 1, TW_ACTIVATION_NONE, NULL);
  }
  net_output(net, y);
}

static void nodes_that_hurt_stay_wide(void **state) {
  (void)state;
  net net;
  make_hard_net(&net, 4);
  tw_quantised *quantised = int8_quantise(net.graph, 2);
  size_t wide;
  assert_int_equal(tw_quantised_nodes(quantised, &wide), 7);
  assert_in_range(wide, 1, 4);
  assert_true(tw_quantised_fidelity(quantised).mean >= TW_FIDELITY_MEAN);
  assert_true(tw_quantised_fidelity(quantised).worst >= TW_FIDELITY_WORST);
  tw_buffer bytes = written(quantised);
  tw_quantised *read;
  assert_true(is_read(bytes.data, bytes.size, &read));
  tw_plan *plan = int8_plan(net.graph, read, 1);
  assert_int_equal(int8_convolutions(plan), 7 - wide);
  tw_plan_free(plan);
  tw_quantised_free(read);
  tw_buffer_done(&bytes);
  tw_quantised_free(quantised);
  tw_graph_free(net.graph);
}

/* Not finite only in int8: too large for a byte's bias. Here: no part of it bears bytes. */
static void a_network_that_bears_no_int8(void **state) {
  (void)state;
  net net;
  int8_sample context;
  make_hard_net(&net, 0);
  net.graph->nodes[0]->attributes.activation = TW_ACTIVATION_NONE;
  for (int i = 0; i < 2; i++) { /* each node but the last is such a difference */
    float *weights = (float *)(uintptr_t)net.graph->nodes[i]->inputs[1]->data;
    size_t count = count_of(&net.graph->nodes[i]->inputs[1]->shape);
    for (size_t k = 0; k < count; k++) {
      weights[k] = 1 + 1e-4F * weights[k];
    }
  }
  const tw_sample sample = int8_sample_of(net.graph, &context);
  assert_refused(&net, &sample, TW_E_DATA, "too much");
}

static void fidelity_of_plans(void **state) {
  (void)state;
  net net;
  int8_sample context;
  make_net(&net, 1);
  tw_sample sample = int8_sample_of(net.graph, &context);
  tw_fidelity fidelity;
  tw_quantised *quantised = int8_quantise(net.graph, 2);
  assert_int_equal(tw_engine_fidelity(net.graph, TW_PRECISION_F32, NULL, &sample, 2, &fidelity, NULL), TW_OK);
  assert_int_equal(fidelity.pictures, INT8_CHECKS);
  assert_true(fidelity.worst > 1 - 1e-12 && fidelity.mean <= 1);
  assert_int_equal(tw_engine_fidelity(net.graph, TW_PRECISION_INT8, quantised, &sample, 2, &fidelity, NULL), TW_OK);
  tw_fidelity own = tw_quantised_fidelity(quantised);
  assert_memory_equal(&fidelity.mean, &own.mean, sizeof own.mean);
  assert_memory_equal(&fidelity.worst, &own.worst, sizeof own.worst);
  sample.checks = 0;
  assert_int_equal(tw_engine_fidelity(net.graph, TW_PRECISION_INT8, quantised, &sample, 2, &fidelity, NULL), TW_OK);
  assert_int_equal(fidelity.pictures, INT8_PICTURES);
  sample.count = 0;
  assert_int_equal(tw_engine_fidelity(net.graph, TW_PRECISION_F32, NULL, &sample, 2, &fidelity, NULL), TW_E_DATA);
  tw_quantised_free(quantised);
  tw_graph_free(net.graph);
}

/* ---- Memory ------------------------------------------------------------------------------------------------------ */

static void every_allocation_may_fail(void **state) {
  (void)state;
  net net;
  int8_sample context;
  make_net(&net, 1);
  const tw_sample sample = int8_sample_of(net.graph, &context);
  tw_quantised *made = int8_quantise(net.graph, 1);
  tw_buffer bytes = written(made);
  tw_quantised_free(made);
  for (size_t i = 1;; i += i < 400 ? 1 : 53) {
    tw_quantised *quantised = NULL;
    tw_error error = {0};
    tw_memory_fail_after(i);
    tw_status status = tw_quantise(net.graph, &sample, 1, NULL, &quantised, &error);
    tw_memory_fail_after(0);
    tw_quantised_free(quantised);
    if (status == TW_OK) {
      break;
    }
    assert_int_equal(status, TW_E_MEMORY);
  }
  for (size_t i = 1;; i++) {
    tw_quantised *quantised = NULL;
    tw_plan *plan = NULL;
    tw_memory_fail_after(i);
    tw_status status = tw_quantised_read(tw_buffer_bytes(&bytes), &quantised, NULL);
    if (status == TW_OK) {
      const tw_plan_options options = {1, TW_PRECISION_INT8, quantised};
      status = tw_plan_create_with(net.graph, &options, &plan, NULL);
    }
    tw_memory_fail_after(0);
    tw_plan_free(plan);
    tw_quantised_free(quantised);
    if (status == TW_OK) {
      break;
    }
    assert_int_equal(status, TW_E_MEMORY);
  }
  tw_buffer_done(&bytes);
  tw_graph_free(net.graph);
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(the_number_of_threads_changes_nothing),
                                     cmocka_unit_test(bytes_come_back),
                                     cmocka_unit_test(any_damage_is_found),
                                     cmocka_unit_test(damage_with_a_fitting_hash_does_no_harm),
                                     cmocka_unit_test(another_networks_calibration_is_refused),
                                     cmocka_unit_test(samples_need_a_size),
                                     cmocka_unit_test(pictures_have_to_differ),
                                     cmocka_unit_test(pictures_may_fail),
                                     cmocka_unit_test(it_can_be_stopped),
                                     cmocka_unit_test(numbers_have_to_be_finite),
                                     cmocka_unit_test(numbers_may_overflow),
                                     cmocka_unit_test(a_network_without_convolutions),
                                     cmocka_unit_test(dead_channels),
                                     cmocka_unit_test(nothing_saturates),
                                     cmocka_unit_test(nodes_that_hurt_stay_wide),
                                     cmocka_unit_test(a_network_that_bears_no_int8),
                                     cmocka_unit_test(fidelity_of_plans),
                                     cmocka_unit_test(every_allocation_may_fail)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
