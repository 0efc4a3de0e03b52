/* All operators but convolutions and pools, as TensorFlow's. */
#include <math.h>
#include <string.h>

#include "graph/graphdef_export.h"

tw_status tw_export_refuse(const tw_node *node, tw_status code, const char *why, tw_error *error) {
  return tw_error_set(error, code, "node " TW_QUOTED " (%s): %s", node->name, tw_op_name(node->op), why);
}

/* One of TensorFlow's operators on one input, whatever its order. */
static void elementwise(tw_exporter *to, const tw_node *node, const char *op) {
  tw_export_order order = tw_export_order_of(to, node->inputs[0]);
  const char *input = tw_export_operand(to, node->inputs[0], order);
  const char *name = tw_export_value_name(to, node->output);
  tw_export_simple(to, name, op, input, NULL);
  tw_export_define(to, node->output, order, name);
}

/* ---- Arithmetic -------------------------------------------------------------------------------------------------- */

static void clip(tw_exporter *to, const tw_node *node) {
  const tw_attributes *attributes = &node->attributes;
  bool lower = attributes->low != -INFINITY;
  bool upper = attributes->high != INFINITY;
  if (attributes->low == 0 && (attributes->high == 6 || !upper)) {
    elementwise(to, node, upper ? "Relu6" : "Relu");
    return;
  }
  if (!lower && !upper) {
    elementwise(to, node, "Identity");
    return;
  }
  tw_export_order order = tw_export_order_of(to, node->inputs[0]);
  const char *name = tw_export_operand(to, node->inputs[0], order);
  const char *result = tw_export_value_name(to, node->output);
  if (lower) {
    const char *bound = tw_export_scalar(to, tw_export_part(to, result, "min"), attributes->low);
    const char *raised = upper ? tw_export_part(to, result, "raised") : result;
    tw_export_simple(to, raised, "Maximum", name, bound, NULL);
    name = raised;
  }
  if (upper) {
    const char *bound = tw_export_scalar(to, tw_export_part(to, result, "max"), attributes->high);
    tw_export_simple(to, result, "Minimum", name, bound, NULL);
  }
  tw_export_define(to, node->output, order, result);
}

/* The order that all inputs can be had in: channels last when one of them is so and what is computed has four
 * dimensions everywhere. */
static tw_export_order common_order(const tw_exporter *to, const tw_node *node) {
  tw_export_order order = TW_ORDER_GRAPH;
  for (size_t i = 0; i < node->input_count; i++) {
    const tw_value *input = node->inputs[i];
    if (node->output->shape.rank != 4 || (input->data == NULL && input->shape.rank != 4)) {
      return TW_ORDER_GRAPH;
    }
    order =
        tw_export_order_of(to, input) == TW_ORDER_CHANNELS_LAST && input->data == NULL ? TW_ORDER_CHANNELS_LAST : order;
  }
  return order;
}

static void arithmetic(tw_exporter *to, const tw_node *node, const char *op) {
  tw_export_order order = common_order(to, node);
  const char *left = tw_export_operand(to, node->inputs[0], order);
  const char *right = tw_export_operand(to, node->inputs[1], order);
  const char *name = tw_export_value_name(to, node->output);
  tw_export_simple(to, name, op, left, right, NULL);
  tw_export_define(to, node->output, order, name);
}

/* x * factor + addend, worked out here: for other than four dimensions, where TensorFlow has no batch norm. */
static tw_status batch_norm_spelled_out(tw_exporter *to, const tw_node *node, tw_error *error) {
  int64_t channels = node->output->shape.dims[1];
  tw_shape shape = {.rank = node->output->shape.rank - 1, .dims = {channels, 1, 1, 1, 1, 1, 1}};
  float *factors = tw_export_floats(to, (size_t)channels);
  float *addends = tw_export_floats(to, (size_t)channels);
  for (size_t i = 1; i < node->input_count; i++) {
    if (node->inputs[i]->data == NULL) {
      return tw_export_refuse(node, TW_E_UNSUPPORTED, "its numbers are not constants", error);
    }
  }
  for (int64_t c = 0; addends != NULL && c < channels; c++) {
    float given[5]; /* x's place is not used */
    for (size_t i = 1; i < 5; i++) {
      memcpy(&given[i], (const uint8_t *)node->inputs[i]->data + (size_t)c * sizeof *given, sizeof *given);
    }
    double factor = (double)given[1] / sqrt((double)given[4] + (double)node->attributes.epsilon);
    factors[c] = (float)factor;
    addends[c] = (float)((double)given[2] - (double)given[3] * factor);
  }
  const char *input = tw_export_operand(to, node->inputs[0], TW_ORDER_GRAPH);
  const char *result = tw_export_value_name(to, node->output);
  const char *scaled = tw_export_part(to, result, "scaled");
  const char *factor = tw_export_constant(to, tw_export_part(to, result, "factor"), &shape, factors);
  const char *addend = tw_export_constant(to, tw_export_part(to, result, "addend"), &shape, addends);
  tw_export_simple(to, scaled, "Mul", input, factor, NULL);
  tw_export_simple(to, result, "Add", scaled, addend, NULL);
  tw_export_define(to, node->output, TW_ORDER_GRAPH, result);
  return TW_OK;
}

static tw_status batch_norm(tw_exporter *to, const tw_node *node, tw_error *error) {
  if (node->output->shape.rank != 4) {
    return batch_norm_spelled_out(to, node, error);
  }
  const char *inputs[5];
  for (size_t i = 0; i < 5; i++) {
    inputs[i] = tw_export_operand(to, node->inputs[i], i == 0 ? TW_ORDER_CHANNELS_LAST : TW_ORDER_GRAPH);
  }
  const char *name = tw_export_value_name(to, node->output);
  tw_tf_node *norm =
      tw_export_simple(to, name, "FusedBatchNorm", inputs[0], inputs[1], inputs[2], inputs[3], inputs[4], NULL);
  tw_export_float(to, norm, "epsilon", node->attributes.epsilon);
  tw_export_bool(to, norm, "is_training", false);
  tw_export_text(to, norm, "data_format", "NHWC");
  tw_export_define(to, node->output, TW_ORDER_CHANNELS_LAST, name);
  return TW_OK;
}

/* ---- Products ---------------------------------------------------------------------------------------------------- */

/* c * beta; its operand when that is c itself. */
static const char *addend_of(tw_exporter *to, const tw_node *node, const char *result) {
  const char *addend = tw_export_operand(to, node->inputs[2], TW_ORDER_GRAPH);
  if (node->attributes.beta == 1) {
    return addend;
  }
  const char *beta = tw_export_scalar(to, tw_export_part(to, result, "beta"), node->attributes.beta);
  const char *name = tw_export_part(to, result, "addend");
  tw_export_simple(to, name, "Mul", addend, beta, NULL);
  return name;
}

static void gemm(tw_exporter *to, const tw_node *node) {
  const tw_attributes *attributes = &node->attributes;
  const char *left = tw_export_operand(to, node->inputs[0], TW_ORDER_GRAPH);
  const char *right = tw_export_operand(to, node->inputs[1], TW_ORDER_GRAPH);
  const char *result = tw_export_value_name(to, node->output);
  bool scaled = attributes->alpha != 1;
  bool added = node->input_count == 3 && attributes->beta != 0;
  const char *name = scaled || added ? tw_export_part(to, result, "product") : result;
  tw_tf_node *product = tw_export_simple(to, name, "MatMul", left, right, NULL);
  tw_export_bool(to, product, "transpose_a", attributes->transpose_a);
  tw_export_bool(to, product, "transpose_b", attributes->transpose_b);
  if (scaled) {
    const char *alpha = tw_export_scalar(to, tw_export_part(to, result, "alpha"), attributes->alpha);
    const char *next = added ? tw_export_part(to, result, "scaled") : result;
    tw_export_simple(to, next, "Mul", name, alpha, NULL);
    name = next;
  }
  if (added) {
    const tw_shape *shape = &node->inputs[2]->shape;
    bool bias = shape->rank == 1 && shape->dims[0] == node->output->shape.dims[1];
    tw_export_simple(to, result, bias ? "BiasAdd" : "Add", name, addend_of(to, node, result), NULL);
  }
  tw_export_define(to, node->output, TW_ORDER_GRAPH, result);
}

static tw_status matmul(tw_exporter *to, const tw_node *node, tw_error *error) {
  int left_rank = node->inputs[0]->shape.rank;
  int right_rank = node->inputs[1]->shape.rank;
  if (left_rank < 2 || right_rank < 2) {
    return tw_export_refuse(node, TW_E_UNSUPPORTED, "TensorFlow multiplies no vectors; matrices are written", error);
  }
  const char *left = tw_export_operand(to, node->inputs[0], TW_ORDER_GRAPH);
  const char *right = tw_export_operand(to, node->inputs[1], TW_ORDER_GRAPH);
  const char *name = tw_export_value_name(to, node->output);
  tw_export_simple(to, name, left_rank == 2 && right_rank == 2 ? "MatMul" : "BatchMatMulV2", left, right, NULL);
  tw_export_define(to, node->output, TW_ORDER_GRAPH, name);
  return TW_OK;
}

/* ---- Shapes ------------------------------------------------------------------------------------------------------ */

/* The first dimension is left open: it grows with the batch. */
static void reshape_to(tw_exporter *to, const char *name, const char *input, const tw_shape *shape) {
  int64_t dims[TW_MAX_RANK];
  memcpy(dims, shape->dims, sizeof dims);
  dims[0] = -1;
  const char *target = tw_export_integers(to, tw_export_part(to, name, "shape"), 1, (size_t)shape->rank, dims);
  tw_export_type(to, tw_export_simple(to, name, "Reshape", input, target, NULL), "Tshape", TW_TF_INT32);
}

static void reshape(tw_exporter *to, const tw_node *node) {
  const char *input = tw_export_elements(to, node->inputs[0]);
  const char *name = tw_export_value_name(to, node->output);
  reshape_to(to, name, input, &node->output->shape);
  tw_export_define(to, node->output, TW_ORDER_GRAPH, name);
}

/* From channels last it is another permutation, and often none. */
static void transpose(tw_exporter *to, const tw_node *node) {
  const tw_value *input = node->inputs[0];
  tw_export_order order = tw_export_order_of(to, input);
  int rank = input->shape.rank;
  int64_t perm[TW_MAX_RANK];
  bool moves = false;
  for (int i = 0; i < rank; i++) {
    int axis = (int)node->attributes.target[i];
    perm[i] = order == TW_ORDER_CHANNELS_LAST ? tw_export_axis(axis) : axis;
    moves = moves || perm[i] != i;
  }
  const char *from = tw_export_operand(to, input, order);
  const char *name = tw_export_value_name(to, node->output);
  if (moves) {
    const char *numbers = tw_export_integers(to, tw_export_part(to, name, "perm"), 1, (size_t)rank, perm);
    tw_export_type(to, tw_export_simple(to, name, "Transpose", from, numbers, NULL), "Tperm", TW_TF_INT32);
  } else {
    tw_export_simple(to, name, "Identity", from, NULL);
  }
  tw_export_define(to, node->output, TW_ORDER_GRAPH, name);
}

static void global_average(tw_exporter *to, const tw_node *node) {
  static const int64_t axes[TW_MAX_RANK] = {2, 3, 4, 5, 6, 7};
  static const int64_t axes_last[2] = {1, 2};
  int rank = node->output->shape.rank;
  tw_export_order order = rank == 4 ? TW_ORDER_CHANNELS_LAST : TW_ORDER_GRAPH;
  const char *input = tw_export_operand(to, node->inputs[0], order);
  const char *name = tw_export_value_name(to, node->output);
  const char *over =
      tw_export_integers(to, tw_export_part(to, name, "axes"), 1, (size_t)rank - 2, rank == 4 ? axes_last : axes);
  tw_tf_node *mean = tw_export_simple(to, name, "Mean", input, over, NULL);
  tw_export_type(to, mean, "Tidx", TW_TF_INT32);
  tw_export_bool(to, mean, "keep_dims", true);
  tw_export_define(to, node->output, order, name);
}

static tw_status concat(tw_exporter *to, const tw_node *node, tw_error *error) {
  if (node->input_count == 1) {
    elementwise(to, node, "Identity");
    return TW_OK;
  }
  const char **inputs = tw_arena_alloc(to->scratch, node->input_count, sizeof *inputs);
  if (inputs == NULL) {
    return tw_error_memory(error);
  }
  tw_export_order order = common_order(to, node);
  for (size_t i = 0; i < node->input_count; i++) {
    if (node->inputs[i]->data != NULL) {
      return tw_export_refuse(node, TW_E_UNSUPPORTED,
                              "joins a constant to what comes from the picture, which TensorFlow does for one picture "
                              "only",
                              error);
    }
    inputs[i] = tw_export_operand(to, node->inputs[i], order);
  }
  int axis = (int)node->attributes.axis;
  const int64_t place[1] = {order == TW_ORDER_CHANNELS_LAST ? tw_export_axis(axis) : axis};
  const char *name = tw_export_value_name(to, node->output);
  const char *along = tw_export_integers(to, tw_export_part(to, name, "axis"), 0, 1, place);
  tw_tf_node *join = tw_export_node(to, name, "ConcatV2", node->input_count + 1);
  for (size_t i = 0; i < node->input_count; i++) {
    tw_export_input(to, join, inputs[i]);
  }
  tw_export_input(to, join, along);
  tw_export_int(to, join, "N", (int64_t)node->input_count);
  tw_export_type(to, join, "T", TW_TF_FLOAT);
  tw_export_type(to, join, "Tidx", TW_TF_INT32);
  tw_export_define(to, node->output, order, name);
  return TW_OK;
}

/* TensorFlow's is over the last dimension. */
static tw_status softmax(tw_exporter *to, const tw_node *node, tw_error *error) {
  const tw_value *input = node->inputs[0];
  int axis = (int)node->attributes.axis;
  tw_export_order order = input->shape.rank == 4 && axis == 1 ? TW_ORDER_CHANNELS_LAST : TW_ORDER_GRAPH;
  if (order == TW_ORDER_GRAPH && axis != input->shape.rank - 1) {
    return tw_export_refuse(node, TW_E_UNSUPPORTED, "TensorFlow's is over the last dimension or the channels", error);
  }
  const char *name = tw_export_value_name(to, node->output);
  tw_export_simple(to, name, "Softmax", tw_export_operand(to, input, order), NULL);
  tw_export_define(to, node->output, order, name);
  return TW_OK;
}

tw_status tw_export_operator(tw_exporter *to, const tw_node *node, tw_error *error) {
  switch (node->op) {
    case TW_OP_CONV: return tw_export_conv(to, node, error);
    case TW_OP_MAX_POOL:
    case TW_OP_AVERAGE_POOL: return tw_export_pool(to, node, error);
    case TW_OP_BATCH_NORM: return batch_norm(to, node, error);
    case TW_OP_RELU: elementwise(to, node, "Relu"); break;
    case TW_OP_CLIP: clip(to, node); break;
    case TW_OP_ADD: arithmetic(to, node, "Add"); break;
    case TW_OP_MUL: arithmetic(to, node, "Mul"); break;
    case TW_OP_SUB: arithmetic(to, node, "Sub"); break;
    case TW_OP_GLOBAL_AVERAGE_POOL: global_average(to, node); break;
    case TW_OP_CONCAT: return concat(to, node, error);
    case TW_OP_FLATTEN:
    case TW_OP_RESHAPE: reshape(to, node); break;
    case TW_OP_TRANSPOSE: transpose(to, node); break;
    case TW_OP_GEMM: gemm(to, node); break;
    case TW_OP_MATMUL: return matmul(to, node, error);
    case TW_OP_SOFTMAX: return softmax(to, node, error);
    case TW_OP_CAST: /* from float32 to float32: others were refused */
    case TW_OP_IDENTITY: elementwise(to, node, "Identity"); break;
    case TW_OP_COUNT: break;
  }
  return TW_OK;
}
