/* The pass that merges what one kernel can do: a convolution takes the residual sum and the activation after it, a
 * matrix product and a sum the activation. A value that is used twice, or is an output of the network, is never
 * swallowed. The merged node has the names of all, joined by '+', and the result of the last. */
#include <string.h>

#include "graph/rewrite.h"

/* A joined name that would be too long, or is taken, stays the first one's. */
static tw_status join_names(tw_graph *graph, tw_node *node, const tw_node *user, tw_error *error) {
  size_t first = strlen(node->name);
  size_t second = strlen(user->name);
  if (first + 1 + second > TW_MAX_NAME) {
    return TW_OK;
  }
  char *name = tw_arena_alloc(graph->arena, first + second + 2, 1);
  if (name == NULL) {
    return tw_error_memory(error);
  }
  memcpy(name, node->name, first);
  name[first] = '+';
  memcpy(name + first + 1, user->name, second);
  if (tw_graph_find(graph, name) == NULL) {
    node->name = name;
    return tw_names_add(&graph->names->nodes, tw_bytes_of(name), node, error);
  }
  return TW_OK;
}

static tw_status absorb(tw_rewrite *rewrite, tw_node *node, const tw_node *user, tw_error *error) {
  TW_TRY(join_names(rewrite->graph, node, user, error));
  return tw_rewrite_absorb(rewrite, node, user, error);
}

/* ---- Activations ------------------------------------------------------------------------------------------------- */

static tw_status fuse_activation(tw_rewrite *rewrite, tw_node *node, tw_error *error) {
  static const tw_op takers[] = {TW_OP_CONV, TW_OP_GEMM, TW_OP_ADD};
  tw_node *taker = NULL;
  for (size_t i = 0; i < sizeof takers / sizeof *takers && taker == NULL; i++) {
    taker = tw_rewrite_sole_producer(rewrite, node->inputs[0], takers[i]);
  }
  if (taker == NULL || node->output->dtype != TW_DTYPE_F32) {
    return tw_rewrite_append(rewrite, node, error);
  }
  bool clip = node->op == TW_OP_CLIP;
  taker->attributes.activation = clip ? TW_ACTIVATION_CLIP : TW_ACTIVATION_RELU;
  taker->attributes.low = clip ? node->attributes.low : 0;
  taker->attributes.high = clip ? node->attributes.high : 0;
  return absorb(rewrite, taker, node, error);
}

/* ---- Residual sums ----------------------------------------------------------------------------------------------- */

/* The convolution that could add the other input of `add` to its own result. */
static tw_node *adding_conv(const tw_rewrite *rewrite, const tw_node *add, size_t which) {
  const tw_value *value = add->inputs[which];
  const tw_value *other = add->inputs[1 - which];
  tw_node *conv = tw_rewrite_sole_producer(rewrite, value, TW_OP_CONV);
  bool fits = conv != NULL && conv->input_count <= 3 && value->dtype == TW_DTYPE_F32 && other->data == NULL &&
              tw_shape_equal(&value->shape, &add->output->shape) && tw_shape_equal(&other->shape, &value->shape);
  return fits ? conv : NULL;
}

/* Of two convolutions the later one adds: its result is not there yet when the other's is. */
static tw_status fuse_sum(tw_rewrite *rewrite, tw_node *add, tw_error *error) {
  tw_node *convs[2] = {adding_conv(rewrite, add, 0), adding_conv(rewrite, add, 1)};
  size_t which = convs[0] == NULL ? 1 : 0;
  if (convs[0] != NULL && convs[1] != NULL &&
      rewrite->places[convs[1]->output->index] > rewrite->places[convs[0]->output->index]) {
    which = 1;
  }
  tw_node *conv = convs[which];
  if (conv == NULL) {
    return tw_rewrite_append(rewrite, add, error);
  }
  tw_value **inputs = tw_arena_alloc(rewrite->graph->arena, 4, sizeof(tw_value *));
  if (inputs == NULL) {
    return tw_error_memory(error);
  }
  memcpy(inputs, conv->inputs, conv->input_count * sizeof(tw_value *));
  inputs[3] = add->inputs[1 - which];
  conv->inputs = inputs;
  conv->input_count = 4;
  return absorb(rewrite, conv, add, error);
}

tw_status tw_graph_fuse(tw_graph *graph, tw_error *error) {
  tw_rewrite rewrite;
  TW_TRY(tw_rewrite_begin(graph, &rewrite, error));
  tw_status status = TW_OK;
  for (size_t i = 0; status == TW_OK && i < graph->node_count; i++) {
    tw_node *node = graph->nodes[i];
    if (node->op == TW_OP_RELU || node->op == TW_OP_CLIP) {
      status = fuse_activation(&rewrite, node, error);
    } else if (node->op == TW_OP_ADD && node->attributes.activation == TW_ACTIVATION_NONE) {
      status = fuse_sum(&rewrite, node, error);
    } else {
      status = tw_rewrite_append(&rewrite, node, error);
    }
  }
  return tw_rewrite_end(&rewrite, status, error);
}
