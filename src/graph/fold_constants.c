/* The pass that computes what depends on constants alone, weights stored as float16 above all, and puts the results in
 * the place of the nodes.
 *
 * A first walk finds what can be computed and how much room that takes, so that all results lie in one block: asking
 * the system for one large block is several times faster than for many. */
#include "graph/evaluate.h"
#include "graph/internal.h"

/* Arithmetic on two constants may give far more than both hold; such results stay computed at run time. */
#define MAX_EXPANDED_BYTES ((size_t)1 << 20)
#define ALIGNMENT ((size_t)64)

typedef struct folding {
  bool *constant; /* by value index: is or becomes a constant */
  bool *stored;   /* by value index: weights of one convolution; their order is the engine's business */
  bool *folds;    /* by position of the node */
  size_t room;    /* bytes for all results */
} folding;

static bool renames(tw_op op) {
  return op == TW_OP_IDENTITY || op == TW_OP_RESHAPE || op == TW_OP_FLATTEN;
}

static size_t bytes_of(const tw_value *value) {
  size_t count = 0;
  tw_shape_count(&value->shape, &count); /* at most TW_MAX_TENSOR_BYTES in all */
  return count * tw_dtype_size(value->dtype);
}

/* What the result takes in the block: nothing when the input's bytes serve. */
static size_t room_of(const tw_node *node) {
  return renames(node->op) ? 0 : (bytes_of(node->output) + ALIGNMENT - 1) & ~(ALIGNMENT - 1);
}

static bool can_fold(const folding *at, const tw_node *node) {
  size_t given = 0;
  bool kept = node->op == TW_OP_TRANSPOSE && at->stored[node->output->index] && node->output->dtype == TW_DTYPE_F32;
  if (!tw_can_evaluate(node) || kept) {
    return false;
  }
  for (size_t i = 0; i < node->input_count; i++) {
    const tw_value *input = node->inputs[i];
    if (!at->constant[input->index] && input->data == NULL) {
      return false;
    }
    given += bytes_of(input);
  }
  size_t bytes = bytes_of(node->output);
  return node->op == TW_OP_CAST || bytes <= given || bytes <= MAX_EXPANDED_BYTES;
}

/* Weights that another format stores in another order are transposed as they are packed. */
static tw_status find_stored(const tw_graph *graph, folding *at, tw_error *error) {
  uint32_t *uses;
  TW_TRY(tw_graph_count_uses(graph, &uses, error));
  for (size_t i = 0; i < graph->node_count; i++) {
    const tw_node *node = graph->nodes[i];
    if (node->op == TW_OP_CONV && uses[node->inputs[1]->index] == 1) {
      at->stored[node->inputs[1]->index] = true;
    }
  }
  tw_free(uses);
  return TW_OK;
}

static void survey(const tw_graph *graph, folding *at) {
  for (size_t i = 0; i < graph->node_count; i++) {
    const tw_node *node = graph->nodes[i];
    at->folds[i] = can_fold(at, node);
    at->constant[node->output->index] = at->folds[i];
    at->room += at->folds[i] ? room_of(node) : 0;
  }
}

/* The nodes' results become constants: those who use them need not know. */
static void fold_all(tw_graph *graph, const folding *at, uint8_t *room) {
  for (size_t i = 0; i < graph->node_count; i++) {
    tw_node *node = graph->nodes[i];
    if (!at->folds[i]) {
      continue;
    }
    tw_value *value = node->output;
    value->data = node->inputs[0]->data;
    value->data_size = bytes_of(value);
    if (!renames(node->op)) {
      tw_evaluate(node, room);
      value->data = room;
      room += room_of(node);
    }
    value->producer = NULL;
    graph->nodes[i] = NULL;
  }
}

static tw_status fold(tw_graph *graph, bool keep_stored, tw_error *error) {
  folding at = {.constant = tw_alloc(graph->value_count, sizeof(bool)),
                .stored = tw_alloc(graph->value_count, sizeof(bool)),
                .folds = tw_alloc(graph->node_count, sizeof(bool))};
  void *room = NULL;
  tw_status status = TW_OK;
  if (at.constant == NULL || at.folds == NULL || at.stored == NULL) {
    status = tw_error_memory(error);
  } else {
    status = keep_stored ? find_stored(graph, &at, error) : TW_OK;
  }
  if (status == TW_OK) {
    survey(graph, &at);
    status = tw_graph_fold_room(graph, at.room, &room, error);
  }
  if (status == TW_OK) {
    fold_all(graph, &at, room);
    status = tw_graph_sweep(graph, error);
  }
  tw_free(at.constant);
  tw_free(at.stored);
  tw_free(at.folds);
  return status;
}

tw_status tw_graph_fold_constants(tw_graph *graph, tw_error *error) {
  return fold(graph, false, error);
}

tw_status tw_graph_fold_for_engine(tw_graph *graph, tw_error *error) {
  return fold(graph, true, error);
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
