/* What others ask about a graph: where the features are, how large it is, what it costs. */
#include <string.h>

#include "graph/internal.h"

/* A value that no input of the graph reaches is a constant, computed or not; as far as a few nodes tell. */
static bool is_constant(const tw_value *value) {
  enum { FEW = 8 };
  for (int i = 0; i < FEW && value->producer != NULL && value->producer->input_count == 1; i++) {
    value = value->producer->inputs[0];
  }
  return value->data != NULL;
}

/* A convolution of one pixel by one pixel is a fully connected layer. */
static bool is_connected_conv(const tw_node *node) {
  if (node->op != TW_OP_CONV || node->attributes.group != 1) {
    return false;
  }
  bool connected = node->output->shape.dims[0] == 1;
  for (int i = 0; i < node->attributes.spatial; i++) {
    connected = connected && node->inputs[0]->shape.dims[i + 2] == 1 && node->attributes.kernel[i] == 1;
  }
  return connected;
}

/* The fully connected layer in the form of a convolution whose result is the output but for what follows it: a bias, a
 * softmax, other dimensions. */
static const tw_node *last_connected_conv(const tw_graph *graph) {
  const tw_value *value = graph->output_count == 0 ? NULL : graph->outputs[graph->output_count - 1];
  while (value != NULL && value->producer != NULL) {
    const tw_node *node = value->producer;
    switch (node->op) {
      case TW_OP_CONV: return is_connected_conv(node) ? node : NULL;
      case TW_OP_ADD:
        if (!is_constant(node->inputs[1])) {
          return NULL;
        }
        break;
      case TW_OP_SOFTMAX:
      case TW_OP_RESHAPE:
      case TW_OP_FLATTEN:
      case TW_OP_IDENTITY: break;
      default: return NULL;
    }
    value = node->inputs[0];
  }
  return NULL;
}

tw_value *tw_graph_features_value(const tw_graph *graph) {
  for (size_t i = graph->node_count; i-- > 0;) {
    const tw_node *node = graph->nodes[i];
    if (node->op == TW_OP_GEMM || (node->op == TW_OP_MATMUL && is_constant(node->inputs[1]))) {
      return node->inputs[0];
    }
  }
  const tw_node *conv = last_connected_conv(graph);
  return conv == NULL ? NULL : conv->inputs[0];
}

uint64_t tw_node_multiplications(const tw_node *node) {
  size_t count = 0;
  tw_shape_count(&node->output->shape, &count);
  uint64_t terms = 0; /* of each element of the result */
  if (node->op == TW_OP_CONV) {
    const tw_shape *weights = &node->inputs[1]->shape;
    terms = 1;
    for (int i = 1; i < weights->rank; i++) {
      terms *= (uint64_t)weights->dims[i];
    }
  } else if (node->op == TW_OP_GEMM) {
    terms = (uint64_t)node->inputs[0]->shape.dims[node->attributes.transpose_a ? 0 : 1];
  } else if (node->op == TW_OP_MATMUL) {
    terms = (uint64_t)node->inputs[0]->shape.dims[node->inputs[0]->shape.rank - 1];
  }
  return count * terms;
}

static size_t new_parameters(const tw_value *value, bool *counted) {
  size_t count = 0;
  if (value != NULL && value->data != NULL && !counted[value->index] && tw_dtype_is_float(value->dtype)) {
    counted[value->index] = true;
    tw_shape_count(&value->shape, &count);
  }
  return count;
}

size_t tw_graph_parameters(const tw_graph *graph) {
  bool *counted = tw_alloc(graph->value_count, sizeof *counted);
  size_t sum = 0;
  for (size_t i = 0; counted != NULL && i < graph->node_count; i++) {
    for (size_t j = 0; j < graph->nodes[i]->input_count; j++) {
      sum += new_parameters(graph->nodes[i]->inputs[j], counted);
    }
  }
  tw_free(counted);
  return sum;
}

tw_bytes tw_graph_metadata(const tw_graph *graph, const char *key) {
  for (size_t i = 0; i < graph->metadata_count; i++) {
    if (strcmp(graph->metadata[i].key, key) == 0) {
      return graph->metadata[i].value;
    }
  }
  return (tw_bytes){NULL, 0};
}
