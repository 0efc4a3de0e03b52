/* Which nodes hurt most in int8.
 *
 * The idea: both precisions run over a few pictures, and everything that a node reads and makes is compared. What the
 * error of its result, as a share of the result, is above that of what it reads, is the node's own doing. */
#include "engine/worst.h"

#include <math.h>
#include <stdlib.h>

#include "engine/probe.h"

enum { PICTURES = 4, OF_NODE = 3 }; /* a node's values: what it makes, what it reads, what it adds */

typedef struct side {
  tw_plan *plan;
  tw_session *session;
  float **outputs;
} side;

typedef struct rank {
  size_t node;
  double own; /* share of the error that is its own */
} rank;

/* ---- Running ----------------------------------------------------------------------------------------------------- */

static tw_status side_init(side *side, const tw_graph *graph, const tw_plan_options *options, tw_error *error) {
  TW_TRY(tw_plan_create_with(graph, options, &side->plan, error));
  TW_TRY(tw_session_create(side->plan, &side->session, error));
  side->outputs = tw_alloc(graph->output_count, sizeof(float *));
  for (size_t i = 0; side->outputs != NULL && i < graph->output_count; i++) {
    side->outputs[i] = tw_alloc(tw_plan_output_count(side->plan, i), sizeof(float));
    if (side->outputs[i] == NULL) {
      return tw_error_memory(error);
    }
  }
  return side->outputs == NULL ? tw_error_memory(error) : TW_OK;
}

static void side_done(side *side) {
  for (size_t i = 0; side->outputs != NULL && i < tw_plan_output_number(side->plan); i++) {
    tw_free(side->outputs[i]);
  }
  tw_free(side->outputs);
  tw_session_free(side->session);
  tw_plan_free(side->plan);
}

/* Adds, for each output, the squares of the differences and of the numbers of float32. */
static void add_squares(const side sides[2], double *differences, double *sizes) {
  for (size_t i = 0; i < tw_plan_output_number(sides[0].plan); i++) {
    const float *exact = sides[0].outputs[i];
    const float *rounded = sides[1].outputs[i];
    for (size_t k = 0; k < tw_plan_output_count(sides[0].plan, i); k++) {
      double difference = (double)rounded[k] - (double)exact[k];
      differences[i] += difference * difference;
      sizes[i] += (double)exact[k] * (double)exact[k];
    }
  }
}

/* ret_errors: for each output of the graph, the mean squared error as a share of the mean square. */
static tw_status compare(side sides[2], const tw_sample *sample, double *ret_errors, tw_error *error) {
  size_t outputs = tw_plan_output_number(sides[0].plan);
  float *input = tw_alloc(tw_plan_input_count(sides[0].plan), sizeof *input);
  double *sizes = tw_alloc(outputs, sizeof *sizes);
  tw_status status = input == NULL || sizes == NULL ? tw_error_memory(error) : TW_OK;
  for (size_t i = 0; status == TW_OK && i < PICTURES && i < sample->count; i++) {
    status = sample->picture(sample->context, i, input, error);
    for (int s = 0; status == TW_OK && s < 2; s++) {
      status = tw_session_run(sides[s].session, input, sides[s].outputs, error);
    }
    if (status == TW_OK) {
      add_squares(sides, ret_errors, sizes);
    }
  }
  for (size_t i = 0; status == TW_OK && i < outputs; i++) {
    ret_errors[i] = sizes[i] > 0 ? ret_errors[i] / sizes[i] : 0;
  }
  tw_free(sizes);
  tw_free(input);
  return status;
}

/* ---- Ranking ----------------------------------------------------------------------------------------------------- */

static int worse_first(const void *a, const void *b) {
  const rank *x = a;
  const rank *y = b;
  if (x->own > y->own || x->own < y->own) {
    return x->own > y->own ? -1 : 1;
  }
  return x->node < y->node ? -1 : x->node > y->node;
}

static double error_of(const tw_probe *probe, const tw_value *const *values, const double *errors, size_t i) {
  return values[i]->producer == NULL ? 0 : errors[probe->output_of[i]];
}

static void order_nodes(const tw_probe *probe, const tw_value *const *values, const double *errors, rank *ranks,
                        size_t count, size_t *ret_order) {
  for (size_t i = 0; i < count; i++) {
    double made = error_of(probe, values, errors, OF_NODE * i);
    double read = error_of(probe, values, errors, OF_NODE * i + 1);
    double added = error_of(probe, values, errors, OF_NODE * i + 2);
    double own = made - (read > added ? read : added);
    ranks[i] = (rank){i, isnan(own) ? INFINITY : own};
  }
  qsort(ranks, count, sizeof *ranks, worse_first);
  for (size_t i = 0; i < count; i++) {
    ret_order[i] = ranks[i].node;
  }
}

static void list_values(const tw_graph *graph, const tw_quantised *quantised, const tw_value **values) {
  for (size_t i = 0; i < quantised->node_count; i++) {
    const tw_node *node = graph->nodes[quantised->nodes[i].index];
    bool adds = node->input_count > 3 && node->inputs[3] != NULL;
    values[OF_NODE * i] = node->output;
    values[OF_NODE * i + 1] = node->inputs[0];
    values[OF_NODE * i + 2] = node->inputs[adds ? 3 : 0];
  }
}

tw_status tw_worst_nodes(const tw_graph *graph, const tw_quantised *quantised, const tw_sample *sample,
                         size_t *ret_order, tw_error *error) {
  size_t count = quantised->node_count;
  const tw_value **values = tw_alloc(count * OF_NODE, sizeof(tw_value *));
  rank *ranks = tw_alloc(count, sizeof *ranks);
  double *errors = tw_alloc(graph->output_count + count * OF_NODE, sizeof *errors);
  tw_probe probe = {.output_of = NULL};
  side sides[2] = {{.plan = NULL}, {.plan = NULL}};
  const tw_plan_options options[2] = {{.threads = 1, .precision = TW_PRECISION_F32},
                                      {.threads = 1, .precision = TW_PRECISION_INT8, .quantised = quantised}};
  tw_status status = values == NULL || ranks == NULL || errors == NULL ? tw_error_memory(error) : TW_OK;
  if (status == TW_OK) {
    list_values(graph, quantised, values);
    status = tw_probe_init(&probe, graph, values, count * OF_NODE, error);
  }
  for (int s = 0; status == TW_OK && s < 2; s++) {
    status = side_init(&sides[s], &probe.graph, &options[s], error);
  }
  status = status != TW_OK ? status : compare(sides, sample, errors, error);
  if (status == TW_OK) {
    order_nodes(&probe, values, errors, ranks, count, ret_order);
  }
  side_done(&sides[0]);
  side_done(&sides[1]);
  tw_probe_done(&probe);
  tw_free(errors);
  tw_free(ranks);
  tw_free(values);
  return status;
}
