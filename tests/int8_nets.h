/* For the tests of int8: small networks, a sample of random pictures for them, and both precisions run on the same
 * picture. */
#ifndef TW_TESTS_INT8_NETS_H
#define TW_TESTS_INT8_NETS_H

#include "engine_reference.h"

enum { INT8_PICTURES = 12, INT8_CHECKS = 4 };

typedef struct int8_sample {
  size_t count;   /* floats of a picture */
  bool same;      /* every picture is the first */
  float constant; /* instead of noise, when it is not 0 */
} int8_sample;

/* Smooth enough for a network to see something, different from picture to picture. */
static inline tw_status int8_picture(void *context, size_t index, float *ret_input, tw_error *error) {
  (void)error;
  const int8_sample *sample = context;
  tw_random random;
  tw_random_init(&random, sample->same ? 7 : 7 + index);
  for (size_t i = 0; i < sample->count; i++) {
    float wave = (float)sin((double)i * 0.11 * (double)(1 + (sample->same ? 0 : index) % 5));
    ret_input[i] =
        sample->constant > 0 || sample->constant < 0 ? sample->constant : 0.6F * wave + 0.4F * random_float(&random);
  }
  return TW_OK;
}

static inline tw_sample int8_sample_of(const tw_graph *graph, int8_sample *context) {
  *context = (int8_sample){.count = count_of(&graph->inputs[0]->shape)};
  return (tw_sample){INT8_PICTURES, INT8_CHECKS, int8_picture, context};
}

static inline tw_quantised *int8_quantise(const tw_graph *graph, int threads) {
  int8_sample context;
  const tw_sample sample = int8_sample_of(graph, &context);
  tw_quantised *quantised = NULL;
  tw_error error = {0};
  if (tw_quantise(graph, &sample, threads, NULL, &quantised, &error) != TW_OK) {
    fail_msg("%s", error.message);
  }
  return quantised;
}

static inline tw_plan *int8_plan(const tw_graph *graph, const tw_quantised *quantised, int threads) {
  const tw_plan_options options = {threads, TW_PRECISION_INT8, quantised};
  tw_plan *plan = NULL;
  tw_error error = {0};
  if (tw_plan_create_with(graph, &options, &plan, &error) != TW_OK) {
    fail_msg("%s", error.message);
  }
  return plan;
}

/* The plan's outputs, one after the other, for a picture of the sample. */
static inline float *int8_run(const tw_plan *plan, size_t picture, size_t *ret_count) {
  float *outputs[16];
  int8_sample context = {.count = tw_plan_input_count(plan)};
  float *input = tw_alloc(context.count, sizeof *input);
  assert_int_equal(int8_picture(&context, picture, input, NULL), TW_OK);
  size_t count = 0;
  for (size_t i = 0; i < tw_plan_output_number(plan); i++) {
    count += tw_plan_output_count(plan, i);
  }
  float *all = tw_alloc(count, sizeof *all);
  assert_non_null(all);
  for (size_t i = 0, at = 0; i < tw_plan_output_number(plan); i++) {
    outputs[i] = all + at;
    at += tw_plan_output_count(plan, i);
  }
  tw_session *session;
  assert_int_equal(tw_session_create(plan, &session, NULL), TW_OK);
  assert_int_equal(tw_session_run(session, input, outputs, NULL), TW_OK);
  tw_session_free(session);
  tw_free(input);
  *ret_count = count;
  return all;
}

/* The error's root mean square as a share of the numbers' own. */
static inline double relative_error(const float *a, const float *b, size_t count) {
  double difference = 0;
  double size = 0;
  for (size_t i = 0; i < count; i++) {
    difference += ((double)a[i] - (double)b[i]) * ((double)a[i] - (double)b[i]);
    size += (double)b[i] * (double)b[i];
  }
  return sqrt(difference / size);
}

static inline size_t steps_of_kind(const tw_plan *plan, const char *kind) {
  size_t count = 0;
  for (size_t i = 0; i < tw_plan_step_count(plan); i++) {
    count += strcmp(tw_plan_step_at(plan, i)->kind, kind) == 0;
  }
  return count;
}

static inline size_t int8_convolutions(const tw_plan *plan) {
  static const char *const words[] = {"int8", "x8s8s32x", "vnni"};
  size_t count = 0;
  for (size_t i = 0; i < tw_plan_step_count(plan); i++) {
    const tw_plan_step *step = tw_plan_step_at(plan, i);
    bool int8 = false;
    for (size_t k = 0; k < sizeof words / sizeof words[0]; k++) {
      int8 |= strstr(step->implementation, words[k]) != NULL;
    }
    count += int8 && strcmp(step->kind, "convolution") == 0;
  }
  return count;
}

/* A convolution with a bias. `kernel` squared, padded to keep the size, divided by stride. */
static inline tw_value *int8_conv(net *net, tw_value *x, int64_t channels, int64_t kernel, int64_t stride,
                                  int64_t group, tw_activation activation, tw_value *addend) {
  tw_attributes attributes = {.group = group, .activation = activation};
  if (activation == TW_ACTIVATION_CLIP) {
    attributes.high = 6;
  }
  for (int i = 0; i < 2; i++) {
    attributes.strides[i] = stride;
    attributes.pads_begin[i] = kernel / 2;
    attributes.pads_end[i] = kernel / 2;
  }
  tw_value *weights = net_constant(net, SHAPE(channels, x->shape.dims[1] / group, kernel, kernel));
  tw_value *bias = net_constant(net, SHAPE(channels));
  return net_node(net, TW_OP_CONV, &attributes, addend != NULL ? 4 : 3, (tw_value *[]){x, weights, bias, addend});
}

#endif
