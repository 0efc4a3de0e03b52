/* The pass that removes nodes which change nothing: Identity, a cast to the same type, a reshape to the same shape, a
 * concatenation of one, a clip without bounds. */
#include <math.h>

#include "graph/internal.h"

static bool changes_nothing(const tw_node *node) {
  const tw_value *x = node->inputs[0];
  switch (node->op) {
    case TW_OP_IDENTITY: return true;
    case TW_OP_CAST: return x->dtype == node->output->dtype;
    case TW_OP_RESHAPE:
    case TW_OP_FLATTEN: return tw_shape_equal(&x->shape, &node->output->shape);
    case TW_OP_CONCAT: return node->input_count == 1;
    case TW_OP_CLIP: return node->attributes.low == -INFINITY && node->attributes.high == INFINITY;
    default: return false;
  }
}

typedef struct renaming {
  tw_value **instead; /* by value index: what to use in its place; NULL: itself */
  bool *is_output;    /* by value index */
} renaming;

static tw_value *resolve(const renaming *names, tw_value *value) {
  while (value != NULL && names->instead[value->index] != NULL) {
    value = names->instead[value->index];
  }
  return value;
}

/* An output of the network keeps its name: then it is the input's name that goes, unless that has to stay, too. */
static bool bypass(renaming *names, tw_node *node) {
  tw_value *x = resolve(names, node->inputs[0]);
  tw_value *y = node->output;
  if (!names->is_output[y->index]) {
    names->instead[y->index] = x;
    return true;
  }
  if (x->producer == NULL || names->is_output[x->index]) {
    return false;
  }
  names->instead[x->index] = y;
  y->producer = x->producer;
  x->producer->output = y;
  return true;
}

static void remove_all(tw_graph *graph, renaming *names) {
  for (size_t i = 0; i < graph->output_count; i++) {
    names->is_output[graph->outputs[i]->index] = true;
  }
  for (size_t i = 0; i < graph->node_count; i++) {
    if (changes_nothing(graph->nodes[i]) && bypass(names, graph->nodes[i])) {
      graph->nodes[i] = NULL;
    }
  }
  for (size_t i = 0; i < graph->node_count; i++) {
    tw_node *node = graph->nodes[i];
    for (size_t j = 0; node != NULL && j < node->input_count; j++) {
      node->inputs[j] = resolve(names, node->inputs[j]);
    }
  }
}

tw_status tw_graph_remove_identities(tw_graph *graph, tw_error *error) {
  renaming names = {.instead = tw_alloc(graph->value_count, sizeof(tw_value *)),
                    .is_output = tw_alloc(graph->value_count, sizeof(bool))};
  bool room = names.instead != NULL && names.is_output != NULL;
  if (room) {
    remove_all(graph, &names);
  }
  tw_free(names.instead);
  tw_free(names.is_output);
  return room ? tw_graph_sweep(graph, error) : tw_error_memory(error);
}
