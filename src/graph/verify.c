/* Checks that a graph is what graph.h says. A failure is a mistake of ours, never of a file. */
#include <string.h>

#include "graph/internal.h"

typedef struct verifier {
  const tw_graph *graph;
  const tw_value **defined; /* by index */
  tw_names values;
  tw_names nodes;
} verifier;

static tw_status wrong(const char *what, const char *name, tw_error *error) {
  return tw_error_set(error, TW_E_ARGUMENT, "broken graph: " TW_QUOTED " %s", name, what);
}

static tw_status define(verifier *at, const tw_value *value, tw_error *error) {
  if (value->name == NULL || value->index >= at->graph->value_count) {
    return wrong("has no name or a wrong index", value->name == NULL ? "?" : value->name, error);
  }
  if (at->defined[value->index] != NULL || tw_names_find(&at->values, tw_bytes_of(value->name)) != NULL) {
    return wrong("is defined twice", value->name, error);
  }
  at->defined[value->index] = value;
  return tw_names_add(&at->values, tw_bytes_of(value->name), (void *)value, error);
}

/* An input of a node or an output of the graph: defined already, or a constant. */
static tw_status check_use(verifier *at, const tw_value *value, tw_error *error) {
  if (value->index < at->graph->value_count && at->defined[value->index] == value) {
    return TW_OK;
  }
  if (value->data == NULL || value->producer != NULL) {
    return wrong("is used before it is made", value->name, error);
  }
  TW_TRY(define(at, value, error));
  TW_TRY(tw_shape_check(value->name, &value->shape, value->dtype, error));
  size_t count = 0;
  if (!tw_shape_count(&value->shape, &count) || count * tw_dtype_size(value->dtype) != value->data_size) {
    return wrong("has data of another size than its shape", value->name, error);
  }
  return TW_OK;
}

static bool attributes_equal(const tw_attributes *a, const tw_attributes *b) {
  uint64_t left[TW_ATTRIBUTE_NUMBERS];
  uint64_t right[TW_ATTRIBUTE_NUMBERS];
  tw_attributes_numbers(a, left);
  tw_attributes_numbers(b, right);
  return memcmp(left, right, sizeof left) == 0;
}

static tw_status check_node(verifier *at, tw_node *node, tw_error *error) {
  if (node == NULL || node->name == NULL || node->output == NULL || (unsigned)node->op >= TW_OP_COUNT) {
    return tw_error_set(error, TW_E_ARGUMENT, "broken graph: a node lacks name, output or operator");
  }
  if (tw_names_find(&at->nodes, tw_bytes_of(node->name)) != NULL) {
    return wrong("is the name of two nodes", node->name, error);
  }
  TW_TRY(tw_names_add(&at->nodes, tw_bytes_of(node->name), node, error));
  for (size_t i = 0; i < node->input_count; i++) {
    if (node->inputs[i] != NULL) {
      TW_TRY(check_use(at, node->inputs[i], error));
    }
  }
  tw_dtype dtype;
  tw_shape shape;
  if (tw_infer(node, &dtype, &shape, error) != TW_OK) {
    return tw_error_prefix(error, TW_E_ARGUMENT, "broken graph");
  }
  tw_node normal = *node;
  tw_attributes_normalise(&normal);
  if (!attributes_equal(&normal.attributes, &node->attributes)) {
    return wrong("has attributes that its operator has not", node->name, error);
  }
  const tw_value *output = node->output;
  if (output->producer != node || output->data != NULL || output->dtype != dtype ||
      !tw_shape_equal(&output->shape, &shape)) {
    return wrong("has a result that does not follow from its inputs", node->name, error);
  }
  return define(at, output, error);
}

static tw_status check_outputs(verifier *at, tw_error *error) {
  const tw_graph *graph = at->graph;
  bool *listed = tw_alloc(graph->value_count, sizeof *listed);
  tw_status status = listed == NULL ? tw_error_memory(error) : TW_OK;
  for (size_t i = 0; status == TW_OK && i < graph->output_count; i++) {
    status = check_use(at, graph->outputs[i], error);
    if (status == TW_OK && listed[graph->outputs[i]->index]) {
      status = wrong("is an output twice", graph->outputs[i]->name, error);
    }
    if (status == TW_OK) {
      listed[graph->outputs[i]->index] = true;
    }
  }
  tw_free(listed);
  return status;
}

static tw_status verify(verifier *at, tw_error *error) {
  const tw_graph *graph = at->graph;
  for (size_t i = 0; i < graph->input_count; i++) {
    if (graph->inputs[i]->data != NULL || graph->inputs[i]->producer != NULL) {
      return wrong("is an input that something else makes", graph->inputs[i]->name, error);
    }
    TW_TRY(define(at, graph->inputs[i], error));
  }
  for (size_t i = 0; i < graph->node_count; i++) {
    TW_TRY(check_node(at, graph->nodes[i], error));
  }
  return check_outputs(at, error);
}

tw_status tw_graph_verify(const tw_graph *graph, tw_error *error) {
  verifier at = {.graph = graph, .defined = tw_alloc(graph->value_count, sizeof(tw_value *))};
  tw_status status = at.defined == NULL ? tw_error_memory(error) : verify(&at, error);
  tw_names_done(&at.values);
  tw_names_done(&at.nodes);
  tw_free(at.defined);
  if (status == TW_OK || status == TW_E_MEMORY) {
    return status;
  }
  if (error != NULL) {
    error->code = TW_E_ARGUMENT;
  }
  return TW_E_ARGUMENT;
}
