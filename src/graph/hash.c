/* The canonical hash of a network up to one of its values: what the features cache is keyed by, so a change here makes
 * every cache stale.
 *
 * Each value has a hash made from what makes it: an input from its number and shape, a constant from its content, a
 * result from operator, attributes and the hashes of the node's inputs. Nodes are met in order, each once: linear. */
#include <string.h>

#include "graph/internal.h"

enum { KIND_INPUT = 1, KIND_CONSTANT = 2, KIND_NODE = 3, KIND_MISSING = 4 };

typedef struct hashing {
  const tw_graph *graph;
  tw_hash *hashes; /* by value index */
  bool *needed;    /* by value index */
  bool *known;     /* by value index */
  tw_buffer pieces;
} hashing;

static void add_number(tw_buffer *buffer, uint64_t number) {
  uint8_t bytes[8];
  for (size_t i = 0; i < sizeof bytes; i++) {
    bytes[i] = (uint8_t)(number >> 8 * i);
  }
  tw_buffer_append(buffer, bytes, sizeof bytes);
}

static void add_type(tw_buffer *buffer, const tw_value *value) {
  add_number(buffer, (uint64_t)value->dtype);
  add_number(buffer, (uint64_t)value->shape.rank);
  for (int i = 0; i < value->shape.rank; i++) {
    add_number(buffer, (uint64_t)value->shape.dims[i]);
  }
}

static tw_status finish(hashing *at, const tw_value *value, tw_error *error) {
  TW_TRY(tw_buffer_status(&at->pieces, error));
  at->hashes[value->index] = tw_hash_of(at->pieces.data, at->pieces.size);
  at->known[value->index] = true;
  at->pieces.size = 0;
  return TW_OK;
}

static tw_status hash_input(hashing *at, const tw_value *value, size_t number, tw_error *error) {
  add_number(&at->pieces, KIND_INPUT);
  add_number(&at->pieces, number);
  add_type(&at->pieces, value);
  return finish(at, value, error);
}

static tw_status hash_constant(hashing *at, const tw_value *value, tw_error *error) {
  tw_hash content = tw_hash_of(value->data, value->data_size);
  tw_graph_release(at->graph, value);
  add_number(&at->pieces, KIND_CONSTANT);
  add_type(&at->pieces, value);
  tw_buffer_append(&at->pieces, content.bytes, sizeof content.bytes);
  return finish(at, value, error);
}

/* Operators by name, so that a new one does not change the hashes of the old. */
static tw_status hash_node(hashing *at, const tw_node *node, tw_error *error) {
  for (size_t i = 0; i < node->input_count; i++) {
    const tw_value *input = node->inputs[i];
    if (input != NULL && !at->known[input->index] && input->data != NULL) {
      TW_TRY(hash_constant(at, input, error));
    }
  }
  const char *op = tw_op_name(node->op);
  uint64_t numbers[TW_ATTRIBUTE_NUMBERS];
  tw_attributes_numbers(&node->attributes, numbers);
  add_number(&at->pieces, KIND_NODE);
  add_number(&at->pieces, strlen(op));
  tw_buffer_text(&at->pieces, op);
  for (size_t i = 0; i < TW_ATTRIBUTE_NUMBERS; i++) {
    add_number(&at->pieces, numbers[i]);
  }
  add_number(&at->pieces, node->input_count);
  for (size_t i = 0; i < node->input_count; i++) {
    if (node->inputs[i] == NULL) {
      add_number(&at->pieces, KIND_MISSING);
    } else {
      tw_buffer_append(&at->pieces, at->hashes[node->inputs[i]->index].bytes, sizeof(tw_hash));
    }
  }
  return finish(at, node->output, error);
}

static tw_status hash_value(const tw_graph *graph, hashing *at, const tw_value *value, tw_error *error) {
  if (value->data != NULL) {
    return hash_constant(at, value, error);
  }
  tw_value *const roots[1] = {(tw_value *)value};
  TW_TRY(tw_graph_mark_needed(graph, roots, 1, &at->needed, error));
  for (size_t i = 0; i < graph->input_count; i++) {
    TW_TRY(hash_input(at, graph->inputs[i], i, error));
  }
  for (size_t i = 0; i < graph->node_count; i++) {
    if (at->needed[graph->nodes[i]->output->index]) {
      TW_TRY(hash_node(at, graph->nodes[i], error));
    }
  }
  return at->known[value->index]
             ? TW_OK
             : tw_error_set(error, TW_E_ARGUMENT, "the value " TW_QUOTED " is not of this network", value->name);
}

tw_status tw_graph_hash(const tw_graph *graph, const tw_value *value, tw_hash *ret_hash, tw_error *error) {
  if (value == NULL || value->index >= graph->value_count) {
    return tw_error_set(error, TW_E_ARGUMENT, "no value of this network");
  }
  hashing at = {.graph = graph,
                .hashes = tw_alloc(graph->value_count, sizeof(tw_hash)),
                .known = tw_alloc(graph->value_count, sizeof(bool))};
  bool room = at.hashes != NULL && at.known != NULL;
  tw_status status = room ? hash_value(graph, &at, value, error) : tw_error_memory(error);
  if (status == TW_OK) {
    *ret_hash = at.hashes[value->index];
  }
  tw_buffer_done(&at.pieces);
  tw_free(at.hashes);
  tw_free(at.needed);
  tw_free(at.known);
  return status;
}
