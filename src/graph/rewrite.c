/* Moving a graph's nodes into a new list while merging some. */
#include "graph/rewrite.h"

#include <string.h>

tw_status tw_rewrite_begin(tw_graph *graph, tw_rewrite *ret_rewrite, tw_error *error) {
  tw_rewrite rewrite = {.graph = graph, .use_count = graph->value_count};
  TW_TRY(tw_graph_count_uses(graph, &rewrite.uses, error));
  rewrite.places = tw_alloc(graph->value_count, sizeof *rewrite.places);
  if (rewrite.places == NULL) {
    tw_free(rewrite.uses);
    return tw_error_memory(error);
  }
  *ret_rewrite = rewrite;
  return TW_OK;
}

tw_status tw_rewrite_end(tw_rewrite *rewrite, tw_status status, tw_error *error) {
  tw_free(rewrite->uses);
  tw_free(rewrite->places);
  if (status != TW_OK) {
    return status;
  }
  rewrite->graph->nodes = rewrite->nodes;
  rewrite->graph->node_count = rewrite->node_count;
  rewrite->graph->node_capacity = rewrite->node_capacity;
  return tw_graph_sweep(rewrite->graph, error);
}

tw_status tw_rewrite_append(tw_rewrite *rewrite, tw_node *node, tw_error *error) {
  if (rewrite->node_count == rewrite->node_capacity) {
    size_t capacity = rewrite->node_capacity == 0 ? rewrite->graph->node_count + 1 : 2 * rewrite->node_capacity;
    tw_node **larger = tw_arena_alloc(rewrite->graph->arena, capacity, sizeof(tw_node *));
    if (larger == NULL) {
      return tw_error_memory(error);
    }
    if (rewrite->node_count != 0) {
      memcpy(larger, rewrite->nodes, rewrite->node_count * sizeof(tw_node *));
    }
    rewrite->nodes = larger;
    rewrite->node_capacity = capacity;
  }
  if (node->output->index < rewrite->use_count) {
    rewrite->places[node->output->index] = rewrite->node_count;
  }
  rewrite->nodes[rewrite->node_count++] = node;
  return TW_OK;
}

tw_status tw_rewrite_absorb(tw_rewrite *rewrite, tw_node *node, const tw_node *user, tw_error *error) {
  rewrite->nodes[rewrite->places[node->output->index]] = NULL;
  node->output = user->output;
  node->output->producer = node;
  return tw_rewrite_append(rewrite, node, error);
}

tw_node *tw_rewrite_sole_producer(const tw_rewrite *rewrite, const tw_value *value, tw_op op) {
  tw_node *node = value->producer;
  bool fits = node != NULL && node->op == op && node->attributes.activation == TW_ACTIVATION_NONE &&
              value->index < rewrite->use_count && rewrite->uses[value->index] == 1;
  return fits ? node : NULL;
}
