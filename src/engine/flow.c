/* What of a graph runs in int8. */
#include "engine/flow.h"

#include <math.h>

/* ---- Nodes ------------------------------------------------------------------------------------------------------- */

static bool is_picture(const tw_value *value) {
  return value->dtype == TW_DTYPE_F32 && value->shape.rank == 4 && value->shape.dims[0] == 1;
}

static bool is_constant(const tw_value *value) {
  return value->data != NULL && value->dtype == TW_DTYPE_F32;
}

const tw_value *tw_flow_weights(const tw_value *value, size_t ret_strides[TW_MAX_RANK]) {
  const tw_node *transpose = value->producer;
  bool transposed = transpose != NULL && transpose->op == TW_OP_TRANSPOSE;
  const tw_value *stored = transposed ? transpose->inputs[0] : value;
  if (!is_constant(stored)) {
    return NULL;
  }
  size_t strides[TW_MAX_RANK];
  size_t stride = 1;
  for (int i = stored->shape.rank - 1; i >= 0; i--) {
    strides[i] = stride;
    stride *= (size_t)stored->shape.dims[i];
  }
  for (int i = 0; i < stored->shape.rank; i++) {
    ret_strides[i] = strides[transposed ? transpose->attributes.target[i] : i];
  }
  return stored;
}

bool tw_flow_is_depthwise(const tw_node *node) {
  int64_t group = node->attributes.group;
  return group > 1 && node->inputs[0]->shape.dims[1] == group && node->output->shape.dims[1] == group;
}

bool tw_flow_takes_int8(const tw_node *node) {
  size_t strides[TW_MAX_RANK];
  if (node->op != TW_OP_CONV || node->attributes.spatial != 2 || !is_picture(node->inputs[0]) ||
      !is_picture(node->output) || node->inputs[0]->data != NULL || tw_flow_weights(node->inputs[1], strides) == NULL) {
    return false;
  }
  const tw_value *bias = node->input_count > 2 ? node->inputs[2] : NULL;
  const tw_value *addend = node->input_count > 3 ? node->inputs[3] : NULL;
  return (bias == NULL || is_constant(bias)) &&
         (addend == NULL || (addend->data == NULL && tw_flow_source(addend) != NULL));
}

/* Nothing in it is below 0, so that 0 is its zero, and padding with 0 is padding with that. */
static bool is_never_negative(const tw_value *value) {
  const tw_node *node = value->producer;
  if (node == NULL) {
    return false;
  }
  if (node->op == TW_OP_MAX_POOL) {
    return is_never_negative(node->inputs[0]);
  }
  const tw_attributes *attributes = &node->attributes;
  return node->op == TW_OP_CONV && (attributes->activation == TW_ACTIVATION_RELU ||
                                    (attributes->activation == TW_ACTIVATION_CLIP && attributes->low >= 0.0F));
}

bool tw_flow_averages(const tw_node *node) {
  const tw_attributes *attributes = &node->attributes;
  if ((node->op != TW_OP_GLOBAL_AVERAGE_POOL && node->op != TW_OP_AVERAGE_POOL) || !is_picture(node->inputs[0]) ||
      node->inputs[0]->data != NULL) {
    return false;
  }
  for (int i = 0; node->op == TW_OP_AVERAGE_POOL && i < 2; i++) {
    if (attributes->kernel[i] != node->inputs[0]->shape.dims[2 + i] || attributes->dilations[i] > 1 ||
        attributes->pads_begin[i] != 0 || attributes->pads_end[i] != 0 || node->output->shape.dims[2 + i] != 1) {
      return false;
    }
  }
  return true;
}

static bool pool_passes(const tw_node *node) {
  const tw_attributes *attributes = &node->attributes;
  bool padded = attributes->ceil_mode;
  if (attributes->spatial != 2 || !is_picture(node->inputs[0]) || node->inputs[0]->data != NULL ||
      tw_flow_averages(node)) {
    return false;
  }
  for (int i = 0; i < 2; i++) {
    padded |= attributes->pads_begin[i] != 0 || attributes->pads_end[i] != 0;
    if (attributes->dilations[i] > 1) {
      return false;
    }
  }
  bool counts_padding = node->op == TW_OP_AVERAGE_POOL && attributes->count_include_pad && padded;
  return !counts_padding || (!attributes->ceil_mode && is_never_negative(node->inputs[0]));
}

static bool join_passes(const tw_node *node) {
  for (size_t i = 0; i < node->input_count; i++) {
    if (!is_picture(node->inputs[i]) || node->inputs[i]->data != NULL) {
      return false;
    }
  }
  return node->attributes.axis == 1;
}

bool tw_flow_passes(const tw_node *node) {
  return node->op == TW_OP_CONCAT ? join_passes(node)
                                  : (node->op == TW_OP_MAX_POOL || node->op == TW_OP_AVERAGE_POOL) && pool_passes(node);
}

/* ---- Values ------------------------------------------------------------------------------------------------------ */

bool tw_flow_is_source(const tw_value *value) {
  return value->producer == NULL || !tw_flow_passes(value->producer);
}

const tw_value *tw_flow_source(const tw_value *value) {
  while (!tw_flow_is_source(value)) {
    if (value->producer->op == TW_OP_CONCAT) {
      return NULL;
    }
    value = value->producer->inputs[0];
  }
  return value;
}

/* by value->index: bytes are how it is made, so that they cost nothing. */
static void find_made(const tw_flow *flow, const bool *int8, bool *made) {
  for (size_t i = 0; i < flow->graph->node_count; i++) {
    const tw_node *node = flow->graph->nodes[i];
    bool bytes = int8[i];
    if (tw_flow_passes(node)) {
      bytes = true;
      for (size_t k = 0; k < node->input_count; k++) {
        bytes &= made[node->inputs[k]->index];
      }
    }
    made[node->output->index] = bytes;
  }
}

static void find_narrow(tw_flow *flow, const bool *int8, const bool *made) {
  for (size_t i = flow->graph->node_count; i-- > 0;) {
    const tw_node *node = flow->graph->nodes[i];
    bool *narrow = flow->narrow;
    if (int8[i]) {
      narrow[node->inputs[0]->index] = true;
      if (node->input_count > 3 && node->inputs[3] != NULL) {
        narrow[node->inputs[3]->index] = true;
        narrow[node->output->index] = true; /* the sum is made in the addend's place */
      }
    } else if (tw_flow_averages(node)) {
      narrow[node->inputs[0]->index] |= made[node->inputs[0]->index];
    } else if (narrow[node->output->index] && tw_flow_passes(node)) {
      for (size_t k = 0; k < node->input_count; k++) {
        narrow[node->inputs[k]->index] = true;
      }
    }
  }
}

tw_status tw_flow_init(tw_flow *flow, const tw_graph *graph, const bool *int8, tw_error *error) {
  *flow = (tw_flow){.graph = graph};
  flow->node_of = tw_alloc(graph->value_count, sizeof *flow->node_of);
  flow->narrow = tw_alloc(graph->value_count, sizeof *flow->narrow);
  bool *made = tw_alloc(graph->value_count, sizeof *made);
  if (flow->node_of == NULL || flow->narrow == NULL || made == NULL) {
    tw_free(made);
    return tw_error_memory(error);
  }
  for (size_t i = 0; i < graph->value_count; i++) {
    flow->node_of[i] = TW_FLOW_INPUT;
  }
  for (size_t i = 0; i < graph->node_count; i++) {
    flow->node_of[graph->nodes[i]->output->index] = i;
  }
  find_made(flow, int8, made);
  find_narrow(flow, int8, made);
  tw_free(made);
  return TW_OK;
}

void tw_flow_done(tw_flow *flow) {
  tw_free(flow->node_of);
  tw_free(flow->narrow);
}
