/* The pass that computes what depends on constants alone, weights stored as float16 above all, and puts the results in
 * the place of the nodes. */
#include "graph/evaluate.h"
#include "graph/internal.h"

/* Arithmetic on two constants may give far more than both hold; such results stay computed at run time. */
#define MAX_EXPANDED_BYTES ((size_t)1 << 20)

static bool renames(tw_op op) {
  return op == TW_OP_IDENTITY || op == TW_OP_RESHAPE || op == TW_OP_FLATTEN;
}

static bool can_fold(const tw_node *node, size_t bytes) {
  size_t given = 0;
  if (!tw_can_evaluate(node)) {
    return false;
  }
  for (size_t i = 0; i < node->input_count; i++) {
    if (node->inputs[i] == NULL || node->inputs[i]->data == NULL) {
      return false;
    }
    given += node->inputs[i]->data_size;
  }
  return node->op == TW_OP_CAST || bytes <= given || bytes <= MAX_EXPANDED_BYTES;
}

/* The node's result becomes a constant: those who use it need not know. */
static tw_status fold(tw_graph *graph, tw_node *node, size_t bytes, tw_error *error) {
  tw_value *value = node->output;
  const void *data = node->inputs[0]->data;
  if (!renames(node->op)) {
    void *room;
    TW_TRY(tw_graph_fold_room(graph, bytes, &room, error));
    tw_evaluate(node, room);
    data = room;
  }
  value->data = data;
  value->data_size = bytes;
  value->producer = NULL;
  return TW_OK;
}

tw_status tw_graph_fold_constants(tw_graph *graph, tw_error *error) {
  for (size_t i = 0; i < graph->node_count; i++) {
    tw_node *node = graph->nodes[i];
    size_t bytes = 0;
    tw_shape_count(&node->output->shape, &bytes);
    bytes *= tw_dtype_size(node->output->dtype);
    if (!can_fold(node, bytes)) {
      continue;
    }
    tw_status status = fold(graph, node, bytes, error);
    if (status != TW_OK) {
      return tw_error_prefix(error, status, "node " TW_QUOTED, node->name);
    }
    graph->nodes[i] = NULL;
  }
  return tw_graph_sweep(graph, error);
}

/* What passes compute is bounded by what the file holds: a small file cannot ask for much. */
#define FOLDED_BASE ((size_t)64 << 20)
enum { FOLDED_FACTOR = 16 };

tw_status tw_graph_fold_room(tw_graph *graph, size_t bytes, void **ret_room, tw_error *error) {
  size_t limit = FOLDED_BASE + FOLDED_FACTOR * graph->constant_bytes;
  limit = limit > TW_MAX_FOLDED_BYTES ? TW_MAX_FOLDED_BYTES : limit;
  if (bytes > limit || graph->folded_bytes > limit - bytes) {
    return tw_error_set(error, TW_E_LIMIT, "computing the network's constants would take more than %zu bytes", limit);
  }
  void *room = tw_arena_aligned(graph->arena, bytes);
  if (room == NULL) {
    return tw_error_memory(error);
  }
  graph->folded_bytes += bytes;
  *ret_room = room;
  return TW_OK;
}
