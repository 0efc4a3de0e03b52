/* What each operator of TensorFlow becomes: one function an operator, one table; windows and dimensions have files of
 * their own. https://www.tensorflow.org/api_docs/python/tf/raw_ops */
#include <string.h>

#include "graph/evaluate.h"
#include "graph/tf_import.h"

/* ---- Element by element ------------------------------------------------------------------------------------------ */

/* The two inputs as values that broadcast in our order as they do in the file's. */
static tw_status aligned_inputs(tw_tf_importer *importer, const tw_tf_slot *slot, tw_value *values[2],
                                tw_error *error) {
  int rank = 0;
  for (size_t i = 0; i < 2; i++) {
    if (i >= slot->input_count) {
      return tw_tf_wrong(slot->node, TW_E_FORMAT, error, "its input %zu is missing", i + 1);
    }
    rank = slot->inputs[i]->shape.rank > rank ? slot->inputs[i]->shape.rank : rank;
  }
  for (size_t i = 0; i < 2; i++) {
    const tw_tf_slot *input = slot->inputs[i];
    if (rank > 4 && input->shape.rank == 4) {
      return tw_tf_wrong(slot->node, TW_E_UNSUPPORTED, error, "its inputs have 4 and %d dimensions", rank);
    }
    if (rank == 4 && input->constant == NULL) {
      TW_TRY(tw_tf_widen(importer, slot, input, &values[i], error));
    } else {
      TW_TRY(tw_tf_input(importer, slot, i, rank == 4 ? TW_TF_PICTURE : TW_TF_PLAIN, &values[i], error));
    }
  }
  return TW_OK;
}

static tw_status arithmetic(tw_tf_importer *importer, tw_tf_slot *slot, tw_op op, tw_error *error) {
  tw_value *values[2];
  if (slot->end - slot->first < slot->input_count) { /* what is left of a dropout */
    tw_value *x;
    TW_TRY(tw_tf_input(importer, slot, slot->first, TW_TF_PLAIN, &x, error));
    return tw_tf_finish(importer, slot, TW_OP_IDENTITY, &x, 1, NULL, error);
  }
  TW_TRY(aligned_inputs(importer, slot, values, error));
  return tw_tf_finish(importer, slot, op, values, 2, NULL, error);
}

static tw_status convert_add(tw_tf_importer *importer, tw_tf_slot *slot, tw_error *error) {
  return arithmetic(importer, slot, TW_OP_ADD, error);
}

static tw_status convert_sub(tw_tf_importer *importer, tw_tf_slot *slot, tw_error *error) {
  return arithmetic(importer, slot, TW_OP_SUB, error);
}

static tw_status convert_mul(tw_tf_importer *importer, tw_tf_slot *slot, tw_error *error) {
  return arithmetic(importer, slot, TW_OP_MUL, error);
}

static tw_status convert_bias_add(tw_tf_importer *importer, tw_tf_slot *slot, tw_error *error) {
  TW_TRY(tw_tf_check_layout(slot->node, error));
  if (slot->input_count < 2 || slot->inputs[1]->shape.rank != 1) {
    return tw_tf_wrong(slot->node, TW_E_FORMAT, error, "its bias must be a list of numbers");
  }
  return arithmetic(importer, slot, TW_OP_ADD, error);
}

/* Division by a constant is multiplication by its reciprocal. */
static tw_status convert_div(tw_tf_importer *importer, tw_tf_slot *slot, tw_error *error) {
  const tw_value *divisor = slot->input_count == 2 ? slot->inputs[1]->constant : NULL;
  if (divisor == NULL || divisor->dtype != TW_DTYPE_F32) {
    return tw_tf_wrong(slot->node, TW_E_UNSUPPORTED, error, "supported only by a constant of float32");
  }
  size_t count = divisor->data_size / sizeof(float);
  tw_tf_slot inverse = {.node = slot->inputs[1]->node, .shape = divisor->shape};
  tw_value constant = *divisor;
  float *reciprocals = tw_arena_alloc(importer->graph->arena, count, sizeof *reciprocals);
  if (reciprocals == NULL) {
    return tw_error_memory(error);
  }
  for (size_t i = 0; i < count; i++) {
    reciprocals[i] = 1 / (float)tw_constant_f64(divisor, i);
  }
  constant.data = reciprocals;
  inverse.constant = &constant;
  tw_tf_slot *inputs[2] = {slot->inputs[0], &inverse};
  tw_tf_slot product = *slot;
  product.inputs = inputs;
  TW_TRY(arithmetic(importer, &product, TW_OP_MUL, error));
  tw_tf_settle(slot, product.value);
  return TW_OK;
}

static tw_status unary(tw_tf_importer *importer, tw_tf_slot *slot, tw_op op, const tw_attributes *attributes,
                       tw_error *error) {
  tw_value *x;
  TW_TRY(tw_tf_result_input(slot, 0, 0, &x, error));
  return tw_tf_finish(importer, slot, op, &x, 1, attributes, error);
}

static tw_status convert_relu(tw_tf_importer *importer, tw_tf_slot *slot, tw_error *error) {
  return unary(importer, slot, TW_OP_RELU, NULL, error);
}

static tw_status convert_relu6(tw_tf_importer *importer, tw_tf_slot *slot, tw_error *error) {
  return unary(importer, slot, TW_OP_CLIP, &(tw_attributes){.low = 0, .high = 6}, error);
}

static tw_status convert_identity(tw_tf_importer *importer, tw_tf_slot *slot, tw_error *error) {
  return unary(importer, slot, TW_OP_IDENTITY, NULL, error);
}

static tw_status convert_softmax(tw_tf_importer *importer, tw_tf_slot *slot, tw_error *error) {
  tw_value *x;
  TW_TRY(tw_tf_result_input(slot, 0, 0, &x, error));
  tw_attributes attributes = {.axis = x->shape.rank == 4 ? 1 : x->shape.rank - 1};
  return tw_tf_finish(importer, slot, TW_OP_SOFTMAX, &x, 1, &attributes, error);
}

/* ---- Batch normalisation ----------------------------------------------------------------------------------------- */

/* parts: which input is scale, bias, mean, variance; a scale of 0 is none: ones. */
static tw_status batch_norm(tw_tf_importer *importer, tw_tf_slot *slot, const size_t parts[4], float epsilon,
                            tw_error *error) {
  tw_value *values[5];
  TW_TRY(tw_tf_result_input(slot, 0, 4, &values[0], error));
  for (size_t i = 0; i < 4; i++) {
    if (parts[i] == 0) {
      tw_shape shape = {.rank = 1, .dims = {slot->inputs[0]->shape.dims[3]}};
      float *ones;
      TW_TRY(tw_tf_new_constant(importer, slot, "ones", &shape, &ones, &values[i + 1], error));
      for (int64_t c = 0; c < shape.dims[0]; c++) {
        ones[c] = 1;
      }
      continue;
    }
    if (parts[i] >= slot->input_count || slot->inputs[parts[i]]->constant == NULL) {
      return tw_tf_wrong(slot->node, TW_E_UNSUPPORTED, error, "its input %zu must be constant", parts[i] + 1);
    }
    TW_TRY(tw_tf_input(importer, slot, parts[i], TW_TF_PLAIN, &values[i + 1], error));
  }
  tw_attributes attributes = {.epsilon = epsilon};
  return tw_tf_finish(importer, slot, TW_OP_BATCH_NORM, values, 5, &attributes, error);
}

/* x, mean, variance, beta, gamma; gamma counts only with scale_after_normalization. */
static tw_status convert_global_norm(tw_tf_importer *importer, tw_tf_slot *slot, tw_error *error) {
  float epsilon = 0;
  bool scaled = true;
  TW_TRY(tw_tf_get_float(slot->node, "variance_epsilon", &epsilon, error));
  TW_TRY(tw_tf_get_flag(slot->node, "scale_after_normalization", &scaled, error));
  return batch_norm(importer, slot, (const size_t[]){scaled ? 4 : 0, 3, 1, 2}, epsilon, error);
}

/* x, gamma, beta, mean, variance. */
static tw_status convert_fused_norm(tw_tf_importer *importer, tw_tf_slot *slot, tw_error *error) {
  float epsilon = 1e-4F;
  bool training = true; /* when it is not said */
  TW_TRY(tw_tf_check_layout(slot->node, error));
  TW_TRY(tw_tf_get_float(slot->node, "epsilon", &epsilon, error));
  TW_TRY(tw_tf_get_flag(slot->node, "is_training", &training, error));
  if (training) {
    return tw_tf_wrong(
        slot->node, TW_E_UNSUPPORTED, error,
        "the attribute 'is_training' is true: the network was saved in training mode, freeze it for use");
  }
  return batch_norm(importer, slot, (const size_t[]){1, 2, 3, 4}, epsilon, error);
}

/* ---- Matrix products --------------------------------------------------------------------------------------------- */

static tw_status convert_matmul(tw_tf_importer *importer, tw_tf_slot *slot, tw_error *error) {
  tw_value *values[2];
  tw_attributes attributes = {.alpha = 1, .beta = 1};
  for (size_t i = 0; i < 2; i++) {
    TW_TRY(tw_tf_input(importer, slot, i, TW_TF_PLAIN, &values[i], error));
    char text[TW_SHAPE_TEXT_SIZE];
    if (values[i]->shape.rank != 2) {
      return tw_tf_wrong(slot->node, TW_E_FORMAT, error, "its input %zu is %s; it must have 2 dimensions", i + 1,
                         tw_shape_text(&slot->inputs[i]->shape, text));
    }
  }
  TW_TRY(tw_tf_get_flag(slot->node, "transpose_a", &attributes.transpose_a, error));
  TW_TRY(tw_tf_get_flag(slot->node, "transpose_b", &attributes.transpose_b, error));
  return tw_tf_finish(importer, slot, TW_OP_GEMM, values, 2, &attributes, error);
}

/* ---- The table --------------------------------------------------------------------------------------------------- */

typedef struct converter {
  const char *op;
  tw_tf_convert_fn convert; /* NULL: only of constants, or of what is before the network */
} converter;

/* In the order of the alphabet: this is also the list that an error shows. */
static const converter converters[] = {
    {"Add", convert_add},
    {"AddV2", convert_add},
    {"AvgPool", tw_tf_convert_average_pool},
    {"BatchNormWithGlobalNormalization", convert_global_norm},
    {"BiasAdd", convert_bias_add},
    {"Cast", NULL},
    {"CheckNumerics", convert_identity},
    {"Concat", tw_tf_convert_concat},
    {"ConcatV2", tw_tf_convert_concat_v2},
    {"Const", NULL},
    {"Conv2D", tw_tf_convert_conv},
    {"DecodeJpeg", NULL},
    {"DepthwiseConv2dNative", tw_tf_convert_depthwise},
    {"Div", convert_div},
    {"ExpandDims", tw_tf_convert_expand_dims},
    {"FusedBatchNorm", convert_fused_norm},
    {"FusedBatchNormV2", convert_fused_norm},
    {"FusedBatchNormV3", convert_fused_norm},
    {"Identity", convert_identity},
    {"Inv", NULL},
    {"MatMul", convert_matmul},
    {"MaxPool", tw_tf_convert_max_pool},
    {"Mean", tw_tf_convert_mean},
    {"Mul", convert_mul},
    {"Neg", NULL},
    {"Pack", tw_tf_convert_pack},
    {"Pad", tw_tf_convert_pad},
    {"PadV2", tw_tf_convert_pad},
    {"Placeholder", NULL},
    {"PlaceholderWithDefault", convert_identity},
    {"RealDiv", convert_div},
    {"Reciprocal", NULL},
    {"Relu", convert_relu},
    {"Relu6", convert_relu6},
    {"Reshape", tw_tf_convert_reshape},
    {"ResizeBilinear", NULL},
    {"Rsqrt", NULL},
    {"Shape", tw_tf_convert_shape},
    {"Softmax", convert_softmax},
    {"Sqrt", NULL},
    {"Square", NULL},
    {"Squeeze", tw_tf_convert_squeeze},
    {"StopGradient", convert_identity},
    {"StridedSlice", tw_tf_convert_strided_slice},
    {"Sub", convert_sub},
    {"Transpose", tw_tf_convert_transpose},
};
enum { CONVERTER_COUNT = sizeof converters / sizeof *converters };

static const converter *find_converter(const tw_tf_node *node) {
  for (size_t i = 0; i < CONVERTER_COUNT; i++) {
    if (tw_bytes_is(node->op, converters[i].op)) {
      return &converters[i];
    }
  }
  return NULL;
}

bool tw_tf_is_known(const tw_tf_node *node) {
  return find_converter(node) != NULL;
}

/* Operators that say how the file came about, and what to do about it. */
static const char *reason_of(const tw_tf_node *node) {
  static const struct {
    const char *op;
    const char *reason;
  } reasons[] = {
      {"Merge", "it is left over from training; freeze the network for use"},
      {"RandomUniform", "a dropout is still at work; freeze the network for use"},
      {"ReadVariableOp", "the network is not frozen: turn its variables into constants"},
      {"Switch", "it is left over from training; freeze the network for use"},
      {"VarHandleOp", "the network is not frozen: turn its variables into constants"},
      {"Variable", "the network is not frozen: turn its variables into constants"},
      {"VariableV2", "the network is not frozen: turn its variables into constants"},
  };
  for (size_t i = 0; i < sizeof reasons / sizeof *reasons; i++) {
    if (tw_bytes_is(node->op, reasons[i].op)) {
      return reasons[i].reason;
    }
  }
  return NULL;
}

static tw_status unknown_operator(const tw_tf_node *node, tw_error *error) {
  char list[TW_ERROR_MESSAGE_SIZE];
  size_t used = 0;
  const char *reason = reason_of(node);
  for (size_t i = 0; i < CONVERTER_COUNT && used < sizeof list; i++) {
    used += (size_t)snprintf(list + used, sizeof list - used, i == 0 ? "%s" : ", %s", converters[i].op);
  }
  return tw_error_set(error, TW_E_UNSUPPORTED, "node '%.*s': the operator '%.*s' is not supported%s %s",
                      tw_onnx_name_length(node->name), node->name.data, tw_onnx_name_length(node->op), node->op.data,
                      reason != NULL ? ":" : "; supported are", reason != NULL ? reason : list);
}

static tw_status convert_const(tw_tf_importer *importer, tw_tf_slot *slot, tw_error *error) {
  const tw_tf_attribute *value = tw_tf_attribute_find(slot->node, "value");
  if (value == NULL || value->kind != TW_TF_ATTR_TENSOR) {
    return tw_tf_wrong(slot->node, TW_E_FORMAT, error, "it has no value");
  }
  return tw_tf_take_constant(importer, slot, &value->tensor, error);
}

tw_status tw_tf_convert(tw_tf_importer *importer, tw_tf_slot *slot, tw_error *error) {
  const converter *converter = find_converter(slot->node);
  bool done = slot->value != NULL;
  if (done) {
    return TW_OK;
  }
  if (converter == NULL) {
    return unknown_operator(slot->node, error);
  }
  if (tw_bytes_is(slot->node->op, "Const")) {
    return convert_const(importer, slot, error);
  }
  TW_TRY(tw_tf_fold(importer, slot, &done, error));
  if (done) {
    return TW_OK;
  }
  if (converter->convert == NULL) {
    bool placeholder = tw_bytes_is(slot->node->op, "Placeholder");
    return tw_tf_wrong(slot->node, TW_E_UNSUPPORTED, error,
                       placeholder ? "a second input; a network must have one"
                                   : "supported only of constants, or between DecodeJpeg and the network");
  }
  return converter->convert(importer, slot, error);
}
