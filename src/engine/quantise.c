/* Making a tw_quantised: ranges from a sample, scales from ranges, and the check. Weights are weigh.c.
 *
 * The idea: float32 runs over the sample once. The scale of a source is the one with the smallest mean squared error
 * over its distribution, clipping included. */
#include <math.h>
#include <string.h>

#include "engine/fidelity.h"
#include "engine/statistics.h"
#include "engine/weigh.h"
#include "engine/worst.h"

typedef struct quantising {
  const tw_graph *graph;
  const tw_sample *sample;
  int threads;
  tw_ticker *ticker; /* may be NULL */
  tw_quantised *result;
  bool *int8; /* by node: takes it */
  tw_flow flow;
  const tw_value **values; /* what statistics are of */
  size_t value_count;
  size_t *value_at; /* by value->index: its place among them, from 1 */
  tw_statistics statistics;
} quantising;

/* ---- What is looked at ------------------------------------------------------------------------------------------- */

static void look_at(quantising *q, const tw_value *value) {
  if (q->value_at[value->index] == 0) {
    q->values[q->value_count++] = value;
    q->value_at[value->index] = q->value_count;
  }
}

/* Sources of bytes, for their ranges, and what convolutions read, for the means of its channels. */
static tw_status choose_values(quantising *q, tw_error *error) {
  const tw_graph *graph = q->graph;
  q->values = tw_alloc(graph->value_count, sizeof(tw_value *));
  q->value_at = tw_alloc(graph->value_count, sizeof *q->value_at);
  if (q->values == NULL || q->value_at == NULL) {
    return tw_error_memory(error);
  }
  for (size_t i = 0; i < graph->input_count; i++) {
    if (q->flow.narrow[graph->inputs[i]->index]) {
      look_at(q, graph->inputs[i]);
    }
  }
  for (size_t i = 0; i < graph->node_count; i++) {
    const tw_node *node = graph->nodes[i];
    if (q->int8[i]) {
      look_at(q, node->inputs[0]);
    }
    if (q->flow.narrow[node->output->index] && tw_flow_is_source(node->output)) {
      look_at(q, node->output);
    }
  }
  return TW_OK;
}

static tw_status choose_nodes(quantising *q, tw_error *error) {
  const tw_graph *graph = q->graph;
  size_t count = 0;
  q->int8 = tw_alloc(graph->node_count, sizeof *q->int8);
  if (q->int8 == NULL) {
    return tw_error_memory(error);
  }
  for (size_t i = 0; i < graph->node_count; i++) {
    q->int8[i] = tw_flow_takes_int8(graph->nodes[i]);
    count += q->int8[i];
  }
  if (count == 0) {
    return tw_error_set(error, TW_E_UNSUPPORTED, "the network has no convolution of pictures that int8 could compute");
  }
  tw_quantised *result = q->result;
  result->graph_nodes = graph->node_count;
  result->nodes = tw_arena_alloc(result->arena, count, sizeof *result->nodes);
  if (result->nodes == NULL) {
    return tw_error_memory(error);
  }
  for (size_t i = 0; i < graph->node_count; i++) {
    if (q->int8[i]) {
      result->nodes[result->node_count++].index = i;
    }
  }
  return tw_flow_init(&q->flow, graph, q->int8, error);
}

/* ---- Scales of sources ------------------------------------------------------------------------------------------- */

/* Squared error of one side of the distribution when it is clipped at `limit` and rounded in steps of `step`. */
static double side_error(const uint64_t bins[TW_BINS], double limit, double step) {
  double sum = 0;
  for (size_t i = 0; i < TW_BINS; i++) {
    double beyond = (double)tw_bin_middle(i) - limit;
    sum += (double)bins[i] * (beyond > 0 ? beyond * beyond : step * step / 12);
  }
  return sum;
}

/* The share of the range that is kept. */
static double best_share(const tw_distribution *distribution) {
  double range = (double)distribution->high - (double)distribution->low;
  double best = 1;
  double least = INFINITY;
  for (int percent = 100; percent >= 40; percent -= 2) {
    double share = percent / 100.0;
    double step = range * share / 255;
    double sum = side_error(distribution->positive, (double)distribution->high * share, step) +
                 side_error(distribution->negative, -(double)distribution->low * share, step);
    if (sum < least) {
      least = sum;
      best = share;
    }
  }
  return best;
}

static tw_quantised_source source_of(const tw_distribution *distribution, bool is_input) {
  double share = is_input ? 1 : best_share(distribution);
  double low = (double)distribution->low * share;
  double high = (double)distribution->high * share;
  tw_quantised_source source = {.scale = (float)((high - low) / 255)};
  if (!isnormal(source.scale)) {
    source.scale = 1; /* nothing but zeros */
    return source;
  }
  source.zero = (uint8_t)lrint(-low / (double)source.scale);
  return source;
}

static tw_status add_sources(quantising *q, tw_error *error) {
  tw_quantised *result = q->result;
  const tw_graph *graph = q->graph;
  result->sources = tw_arena_alloc(result->arena, graph->node_count + 1, sizeof *result->sources);
  if (result->sources == NULL) {
    return tw_error_memory(error);
  }
  for (size_t i = 0; i <= graph->node_count; i++) {
    const tw_value *value = i < graph->node_count ? graph->nodes[i]->output : graph->inputs[0];
    if (!q->flow.narrow[value->index] || !tw_flow_is_source(value)) {
      continue;
    }
    const tw_distribution *distribution = &q->statistics.distributions[q->value_at[value->index] - 1];
    tw_quantised_source *source = &result->sources[result->source_count++];
    *source = source_of(distribution, i == graph->node_count);
    source->producer = i < graph->node_count ? i : TW_FLOW_INPUT;
  }
  return TW_OK;
}

/* ---- Weights ----------------------------------------------------------------------------------------------------- */

static tw_status weigh_node(const quantising *q, tw_quantised_node *to, tw_error *error) {
  const tw_node *node = q->graph->nodes[to->index];
  const tw_value *read = node->inputs[0];
  size_t channels = (size_t)read->shape.dims[1];
  float *scales = tw_alloc(channels, sizeof *scales);
  uint8_t *zeros = tw_alloc(channels, sizeof *zeros);
  tw_status status = scales == NULL || zeros == NULL
                         ? tw_error_memory(error)
                         : tw_quantised_scales(q->result, &q->flow, read, scales, zeros, error);
  if (status == TW_OK) {
    status = tw_weigh(node, scales, q->statistics.means[q->value_at[read->index] - 1], q->result->arena, to, error);
  }
  tw_free(scales);
  tw_free(zeros);
  return status;
}

/* ---- The check --------------------------------------------------------------------------------------------------- */

static bool passes(const tw_fidelity *fidelity) {
  return fidelity->mean >= TW_FIDELITY_MEAN && fidelity->worst >= TW_FIDELITY_WORST;
}

static tw_status too_far(const tw_fidelity *fidelity, tw_error *error) {
  return tw_error_set(error, TW_E_DATA,
                      "int8 changes this network's results too much: even with nearly all of it in float32 the cosine "
                      "to float32 alone is %.4f on average and %.4f at worst; at least %.3f and %.3f are wanted",
                      fidelity->mean, fidelity->worst, TW_FIDELITY_MEAN, TW_FIDELITY_WORST);
}

/* Makes nodes wide, those that hurt most first, twice as many each time, until the check passes. */
static tw_status widen(quantising *q, const tw_fidelity_check *check, const tw_plan_options *options, tw_error *error) {
  tw_quantised *result = q->result;
  TW_TRY(tw_fidelity_check_run(check, options, &result->fidelity, error));
  if (passes(&result->fidelity)) {
    return TW_OK;
  }
  size_t *order = tw_alloc(result->node_count, sizeof *order);
  tw_status status = order == NULL ? tw_error_memory(error) : tw_worst_nodes(q->graph, result, q->sample, order, error);
  size_t wide = 0;
  for (size_t more = 1; status == TW_OK && !passes(&result->fidelity); more *= 2) {
    size_t most = result->node_count - 1;
    if (wide == most) {
      status = too_far(&result->fidelity, error);
      break;
    }
    for (; wide < most && wide < more; wide++) {
      result->nodes[order[wide]].wide = true;
    }
    status = tw_fidelity_check_run(check, options, &result->fidelity, error);
  }
  tw_free(order);
  return status;
}

static tw_status check(quantising *q, tw_error *error) {
  const tw_sample *sample = q->sample;
  size_t checks = sample->checks > 0 ? sample->checks : sample->count;
  tw_fidelity_check check = {.graph = q->graph,
                             .sample = sample,
                             .first = sample->checks > 0 ? sample->count : 0,
                             .count = checks,
                             .threads = q->threads,
                             .ticker = q->ticker,
                             .before = sample->count,
                             .total = sample->count + checks};
  const tw_plan_options options = {.threads = 1, .precision = TW_PRECISION_INT8, .quantised = q->result};
  tw_status status = tw_fidelity_check_init(&check, error);
  status = status != TW_OK ? status : widen(q, &check, &options, error);
  tw_fidelity_check_done(&check);
  return status;
}

/* ---- All of it --------------------------------------------------------------------------------------------------- */

static tw_status check_sample(const tw_sample *sample, tw_error *error) {
  if (sample->count < TW_MIN_CALIBRATION) {
    return tw_error_set(error, TW_E_DATA, "a calibration needs at least %d pictures; there are %zu",
                        (int)TW_MIN_CALIBRATION, sample->count);
  }
  if (sample->count > TW_MAX_CALIBRATION || sample->checks > TW_MAX_CALIBRATION) {
    return tw_error_set(error, TW_E_LIMIT, "a calibration on %zu pictures and a check on %zu; at most %d are possible",
                        sample->count, sample->checks, (int)TW_MAX_CALIBRATION);
  }
  return TW_OK;
}

static tw_status make_hash(tw_quantised *quantised, tw_error *error) {
  tw_buffer buffer = {0};
  tw_status status = tw_quantised_write(quantised, &buffer, error);
  if (status == TW_OK) {
    memcpy(quantised->hash.bytes, buffer.data + buffer.size - sizeof quantised->hash.bytes,
           sizeof quantised->hash.bytes);
  }
  tw_buffer_done(&buffer);
  return status;
}

static tw_status quantise(quantising *q, tw_error *error) {
  size_t checks = q->sample->checks > 0 ? q->sample->checks : q->sample->count;
  TW_TRY(choose_nodes(q, error));
  TW_TRY(choose_values(q, error));
  TW_TRY(tw_statistics_init(&q->statistics, q->graph, q->values, q->value_count, q->sample, q->threads, q->ticker,
                            q->sample->count + checks, error));
  TW_TRY(add_sources(q, error));
  for (size_t i = 0; i < q->result->node_count; i++) {
    TW_TRY(weigh_node(q, &q->result->nodes[i], error));
  }
  TW_TRY(check(q, error));
  return make_hash(q->result, error);
}

tw_status tw_quantise(const tw_graph *graph, const tw_sample *sample, int threads, tw_ticker *ticker,
                      tw_quantised **ret_quantised, tw_error *error) {
  TW_TRY(check_sample(sample, error));
  TW_TRY(tw_graph_verify(graph, error));
  quantising q = {.graph = graph, .sample = sample, .threads = threads, .ticker = ticker};
  q.result = tw_quantised_create();
  tw_status status = q.result == NULL ? tw_error_memory(error) : quantise(&q, error);
  tw_statistics_done(&q.statistics);
  tw_flow_done(&q.flow);
  tw_free(q.values);
  tw_free(q.value_at);
  tw_free(q.int8);
  if (status != TW_OK) {
    tw_quantised_free(q.result);
    return status;
  }
  *ret_quantised = q.result;
  return TW_OK;
}
