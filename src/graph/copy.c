/* Copying a graph and cutting it down to what some of its values need. */
#include <string.h>

#include "graph/internal.h"

/* ---- Copy -------------------------------------------------------------------------------------------------------- */

/* The copy's value for a value of the original: constants are made when first met. */
static tw_status copy_value(tw_graph *copy, tw_value **made, const tw_value *value, tw_error *error) {
  if (value == NULL || made[value->index] != NULL) {
    return TW_OK;
  }
  if (value->data == NULL) {
    return tw_error_set(error, TW_E_ARGUMENT, "the value " TW_QUOTED " is used before it is made", value->name);
  }
  TW_TRY(
      tw_graph_add_constant(copy, value->name, value->dtype, &value->shape, value->data, &made[value->index], error));
  made[value->index]->scaling = value->scaling;
  return TW_OK;
}

static tw_status copy_node(tw_graph *copy, tw_value **made, const tw_node *node, tw_error *error) {
  tw_value **inputs = tw_alloc(node->input_count, sizeof(tw_value *));
  tw_status status = inputs == NULL ? tw_error_memory(error) : TW_OK;
  for (size_t i = 0; status == TW_OK && i < node->input_count; i++) {
    status = copy_value(copy, made, node->inputs[i], error);
    inputs[i] = node->inputs[i] == NULL ? NULL : made[node->inputs[i]->index];
  }
  if (status == TW_OK) {
    status = tw_graph_add_node(copy, node->name, node->op, inputs, node->input_count, &node->attributes,
                               node->output->name, &made[node->output->index], error);
  }
  tw_free(inputs);
  return status;
}

static tw_status copy_metadata(tw_graph *copy, const tw_graph *graph, tw_error *error) {
  copy->metadata = tw_arena_alloc(copy->arena, graph->metadata_count, sizeof *copy->metadata);
  if (copy->metadata == NULL) {
    return tw_error_memory(error);
  }
  if (graph->metadata_count != 0) {
    memcpy(copy->metadata, graph->metadata, graph->metadata_count * sizeof *copy->metadata);
  }
  copy->metadata_count = graph->metadata_count;
  return TW_OK;
}

static tw_status copy_into(tw_graph *copy, const tw_graph *graph, tw_value **made, tw_error *error) {
  copy->dynamic_batch = graph->dynamic_batch;
  copy->colours_last = graph->colours_last;
  copy->mapped = graph->mapped;
  TW_TRY(copy_metadata(copy, graph, error));
  for (size_t i = 0; i < graph->input_count; i++) {
    const tw_value *input = graph->inputs[i];
    TW_TRY(tw_graph_add_input(copy, input->name, input->dtype, &input->shape, &made[input->index], error));
  }
  for (size_t i = 0; i < graph->node_count; i++) {
    TW_TRY(copy_node(copy, made, graph->nodes[i], error));
  }
  for (size_t i = 0; i < graph->output_count; i++) {
    TW_TRY(copy_value(copy, made, graph->outputs[i], error));
    TW_TRY(tw_graph_add_output(copy, made[graph->outputs[i]->index], error));
  }
  return TW_OK;
}

tw_status tw_graph_copy(const tw_graph *graph, tw_graph **ret_graph, tw_error *error) {
  tw_graph *copy = tw_graph_create();
  tw_value **made = tw_alloc(graph->value_count, sizeof(tw_value *));
  tw_status status = copy == NULL || made == NULL ? tw_error_memory(error) : copy_into(copy, graph, made, error);
  tw_free(made);
  if (status != TW_OK) {
    tw_graph_free(copy);
    return status;
  }
  *ret_graph = copy;
  return TW_OK;
}

/* ---- Cut --------------------------------------------------------------------------------------------------------- */

static void mark_inputs(const tw_node *node, bool *needed) {
  for (size_t i = 0; i < node->input_count; i++) {
    if (node->inputs[i] != NULL) {
      needed[node->inputs[i]->index] = true;
    }
  }
}

tw_status tw_graph_mark_needed(const tw_graph *graph, tw_value *const *roots, size_t root_count, bool **ret_needed,
                               tw_error *error) {
  bool *needed = tw_alloc(graph->value_count, sizeof *needed);
  if (needed == NULL) {
    return tw_error_memory(error);
  }
  for (size_t i = 0; i < root_count; i++) {
    needed[roots[i]->index] = true;
  }
  for (size_t i = graph->node_count; i-- > 0;) {
    const tw_node *node = graph->nodes[i];
    if (node != NULL && needed[node->output->index]) {
      mark_inputs(node, needed);
    }
  }
  *ret_needed = needed;
  return TW_OK;
}

tw_status tw_graph_sweep(tw_graph *graph, tw_error *error) {
  bool *needed;
  TW_TRY(tw_graph_mark_needed(graph, graph->outputs, graph->output_count, &needed, error));
  size_t kept = 0;
  for (size_t i = 0; i < graph->node_count; i++) {
    tw_node *node = graph->nodes[i];
    if (node != NULL && needed[node->output->index]) {
      graph->nodes[kept++] = node;
    }
  }
  graph->node_count = kept;
  tw_free(needed);
  return tw_graph_rebuild_names(graph, error);
}

tw_status tw_graph_cut(tw_graph *graph, tw_value *const *outputs, size_t count, tw_error *error) {
  if (count == 0) {
    return tw_error_set(error, TW_E_ARGUMENT, "a network must have an output");
  }
  for (size_t i = 0; i < count; i++) {
    if (outputs[i] == NULL || outputs[i]->index >= graph->value_count) {
      return tw_error_set(error, TW_E_ARGUMENT, "output %zu is no value of this network", i + 1);
    }
  }
  tw_value **own = tw_arena_alloc(graph->arena, count, sizeof(tw_value *));
  if (own == NULL) {
    return tw_error_memory(error);
  }
  memcpy(own, outputs, count * sizeof(tw_value *));
  graph->outputs = own;
  graph->output_count = count;
  return tw_graph_sweep(graph, error);
}

tw_status tw_graph_count_uses(const tw_graph *graph, uint32_t **ret_uses, tw_error *error) {
  uint32_t *uses = tw_alloc(graph->value_count, sizeof *uses);
  if (uses == NULL) {
    return tw_error_memory(error);
  }
  for (size_t i = 0; i < graph->node_count; i++) {
    const tw_node *node = graph->nodes[i];
    for (size_t j = 0; j < node->input_count; j++) {
      if (node->inputs[j] != NULL) {
        uses[node->inputs[j]->index]++;
      }
    }
  }
  for (size_t i = 0; i < graph->output_count; i++) {
    uses[graph->outputs[i]->index] += 2;
  }
  *ret_uses = uses;
  return TW_OK;
}
