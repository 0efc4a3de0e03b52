/* What each ONNX operator becomes: one function an operator, one table. Where versions of an operator differ, the
 * function knows (https://github.com/onnx/onnx/blob/main/docs/Changelog.md). */
#include <math.h>

#include "graph/evaluate.h"
#include "graph/onnx_import.h"

typedef tw_status (*convert_fn)(tw_onnx_importer *importer, const tw_onnx_node *node, tw_error *error);

/* Input `i`, which must be there. */
static tw_status need_input(tw_onnx_importer *importer, const tw_onnx_node *node, size_t i, tw_value **ret_value,
                            tw_error *error) {
  tw_value *value;
  TW_TRY(tw_onnx_input(importer, node, i, &value, error));
  if (value == NULL) {
    return tw_onnx_wrong(node, TW_E_FORMAT, error, "its input %zu is missing", i + 1);
  }
  *ret_value = value;
  return TW_OK;
}

static tw_status refuse_attribute(const tw_onnx_node *node, const char *name, const char *why, tw_error *error) {
  return tw_onnx_attribute_find(node, name) == NULL
             ? TW_OK
             : tw_onnx_wrong(node, TW_E_UNSUPPORTED, error, "the attribute '%s' is not supported: %s", name, why);
}

/* Operators whose inputs and attributes are ours already. */
static tw_status convert_plain(tw_onnx_importer *importer, const tw_onnx_node *node, tw_op op, size_t inputs,
                               const tw_attributes *attributes, tw_error *error) {
  tw_value *values[3];
  for (size_t i = 0; i < inputs; i++) {
    TW_TRY(need_input(importer, node, i, &values[i], error));
  }
  return tw_onnx_emit(importer, node, op, values, inputs, attributes, true, NULL, error);
}

/* ---- Convolution, pools, normalisation --------------------------------------------------------------------------- */

static tw_status convert_conv(tw_onnx_importer *importer, const tw_onnx_node *node, tw_error *error) {
  tw_value *values[3];
  tw_attributes attributes = {.group = 1};
  TW_TRY(need_input(importer, node, 0, &values[0], error));
  TW_TRY(need_input(importer, node, 1, &values[1], error));
  TW_TRY(tw_onnx_input(importer, node, 2, &values[2], error));
  const tw_shape *weights = &values[1]->shape;
  if (weights->rank != values[0]->shape.rank) {
    return tw_onnx_wrong(node, TW_E_FORMAT, error, "its weights have %d dimensions, its input %d", weights->rank,
                         values[0]->shape.rank);
  }
  for (int i = 2; i < weights->rank && i < TW_MAX_SPATIAL + 2; i++) {
    attributes.kernel[i - 2] = weights->dims[i];
  }
  TW_TRY(tw_onnx_get_window(node, values[0], &attributes, error));
  TW_TRY(tw_onnx_get_int(node, "group", &attributes.group, error));
  if (attributes.group < 1) {
    return tw_onnx_wrong(node, TW_E_FORMAT, error, "'group' is %lld; it must be at least 1",
                         (long long)attributes.group);
  }
  return tw_onnx_emit(importer, node, TW_OP_CONV, values, 3, &attributes, true, NULL, error);
}

/* ceil_mode lets a last window hang over the end. Where what hangs over counts as padding does, it is padding: then the
 * pool is the same without the mode. Not where the padding would be as large as the kernel, which runtimes refuse. */
static void settle_ceil_mode(const tw_value *x, tw_op op, tw_attributes *attributes) {
  tw_attributes padded = *attributes;
  bool stays = false;
  for (int i = 0; attributes->ceil_mode && i < attributes->spatial; i++) {
    int64_t reach = x->shape.dims[i + 2] + attributes->pads_begin[i];
    int64_t extent = attributes->dilations[i] * (attributes->kernel[i] - 1) + 1;
    int64_t room = reach + attributes->pads_end[i] - extent;
    int64_t stride = attributes->strides[i];
    if (room >= 0 && room % stride != 0 && (room / stride + 1) * stride < reach) {
      padded.pads_end[i] += stride - room % stride;
      bool counts = op == TW_OP_AVERAGE_POOL && attributes->count_include_pad;
      stays = stays || counts || padded.pads_end[i] >= attributes->kernel[i];
    }
  }
  if (!stays) {
    *attributes = padded;
    attributes->ceil_mode = false;
  }
}

static tw_status convert_pool(tw_onnx_importer *importer, const tw_onnx_node *node, tw_op op, tw_error *error) {
  tw_value *x;
  tw_attributes attributes = {0};
  TW_TRY(need_input(importer, node, 0, &x, error));
  TW_TRY(tw_onnx_get_flag(node, "ceil_mode", &attributes.ceil_mode, error));
  TW_TRY(tw_onnx_get_flag(node, "count_include_pad", &attributes.count_include_pad, error));
  TW_TRY(tw_onnx_get_window(node, x, &attributes, error));
  settle_ceil_mode(x, op, &attributes);
  return tw_onnx_emit(importer, node, op, &x, 1, &attributes, true, NULL, error);
}

static tw_status convert_max_pool(tw_onnx_importer *importer, const tw_onnx_node *node, tw_error *error) {
  return convert_pool(importer, node, TW_OP_MAX_POOL, error);
}

static tw_status convert_average_pool(tw_onnx_importer *importer, const tw_onnx_node *node, tw_error *error) {
  return convert_pool(importer, node, TW_OP_AVERAGE_POOL, error);
}

static tw_status convert_global_average_pool(tw_onnx_importer *importer, const tw_onnx_node *node, tw_error *error) {
  return convert_plain(importer, node, TW_OP_GLOBAL_AVERAGE_POOL, 1, NULL, error);
}

/* A mean over exactly the pixels is a global average pool, flattened when the dimensions are not kept. */
static tw_status convert_reduce_mean(tw_onnx_importer *importer, const tw_onnx_node *node, tw_error *error) {
  tw_value *x;
  bool keep = true;
  int64_t axes[TW_MAX_RANK];
  int count = 0;
  TW_TRY(need_input(importer, node, 0, &x, error));
  TW_TRY(tw_onnx_get_flag(node, "keepdims", &keep, error));
  const tw_onnx_attribute *given = tw_onnx_attribute_find(node, "axes");
  if (given != NULL) {
    count = given->count <= TW_MAX_RANK ? (int)given->count : 0;
    TW_TRY(tw_onnx_get_ints(node, "axes", axes, (size_t)count, error));
  } else if (tw_onnx_has_input(node, 1)) {
    TW_TRY(tw_onnx_known_integers(importer, node, 1, "its list of axes", axes, TW_MAX_RANK, &count, error));
  }
  unsigned reduced = 0;
  for (int i = 0; i < count; i++) {
    TW_TRY(tw_onnx_normalise_axis(node, &axes[i], x->shape.rank, error));
    reduced |= 1u << axes[i];
  }
  if (x->shape.rank < 3 || reduced != (1u << x->shape.rank) - 4) {
    return tw_onnx_wrong(node, TW_E_UNSUPPORTED, error, "supported only as the mean over all pixels of each channel");
  }
  if (keep) {
    return tw_onnx_emit(importer, node, TW_OP_GLOBAL_AVERAGE_POOL, &x, 1, NULL, true, NULL, error);
  }
  TW_TRY(tw_onnx_emit(importer, node, TW_OP_GLOBAL_AVERAGE_POOL, &x, 1, NULL, false, &x, error));
  tw_attributes flatten = {.axis = 1};
  return tw_onnx_emit(importer, node, TW_OP_FLATTEN, &x, 1, &flatten, true, NULL, error);
}

static tw_status convert_batch_norm(tw_onnx_importer *importer, const tw_onnx_node *node, tw_error *error) {
  tw_value *values[5];
  tw_attributes attributes = {.epsilon = 1e-5f};
  int64_t spatial = 1;
  bool training = false;
  TW_TRY(tw_onnx_get_float(node, "epsilon", &attributes.epsilon, error));
  TW_TRY(tw_onnx_get_int(node, "spatial", &spatial, error));
  TW_TRY(tw_onnx_get_flag(node, "training_mode", &training, error));
  if (spatial != 1 || training) {
    return tw_onnx_wrong(node, TW_E_UNSUPPORTED, error, "supported only as used after training, one number a channel");
  }
  for (size_t i = 0; i < 5; i++) {
    TW_TRY(need_input(importer, node, i, &values[i], error));
    if (i > 0 && !importer->facts[values[i]->index].constant) {
      return tw_onnx_wrong(node, TW_E_UNSUPPORTED, error, "its input '%.160s' must be constant", values[i]->name);
    }
  }
  return tw_onnx_emit(importer, node, TW_OP_BATCH_NORM, values, 5, &attributes, true, NULL, error);
}

/* ---- Element by element ------------------------------------------------------------------------------------------ */

static tw_status convert_relu(tw_onnx_importer *importer, const tw_onnx_node *node, tw_error *error) {
  return convert_plain(importer, node, TW_OP_RELU, 1, NULL, error);
}

static tw_status known_bound(tw_onnx_importer *importer, const tw_onnx_node *node, size_t i, float *ret_bound,
                             tw_error *error) {
  const tw_value *constant;
  size_t count = 0;
  TW_TRY(tw_onnx_known_input(importer, node, i, "a bound", &constant, error));
  if (constant == NULL) {
    return TW_OK;
  }
  if (!tw_shape_count(&constant->shape, &count) || count != 1 || !tw_dtype_is_float(constant->dtype)) {
    return tw_onnx_wrong(node, TW_E_FORMAT, error, "its bound '%.160s' must be one number", constant->name);
  }
  *ret_bound = (float)tw_constant_f64(constant, 0);
  return TW_OK;
}

/* Bounds are attributes up to opset 10, inputs from 11 on. */
static tw_status convert_clip(tw_onnx_importer *importer, const tw_onnx_node *node, tw_error *error) {
  tw_attributes attributes = {.low = -INFINITY, .high = INFINITY};
  if (importer->model->opset < 11) {
    TW_TRY(tw_onnx_get_float(node, "min", &attributes.low, error));
    TW_TRY(tw_onnx_get_float(node, "max", &attributes.high, error));
  } else {
    TW_TRY(known_bound(importer, node, 1, &attributes.low, error));
    TW_TRY(known_bound(importer, node, 2, &attributes.high, error));
  }
  return convert_plain(importer, node, TW_OP_CLIP, 1, &attributes, error);
}

static tw_status convert_arithmetic(tw_onnx_importer *importer, const tw_onnx_node *node, tw_op op, tw_error *error) {
  static const char why[] = "this is how operators before version 7 wrote it, export the network anew";
  TW_TRY(refuse_attribute(node, "axis", why, error));
  TW_TRY(refuse_attribute(node, "broadcast", why, error));
  return convert_plain(importer, node, op, 2, NULL, error);
}

static tw_status convert_add(tw_onnx_importer *importer, const tw_onnx_node *node, tw_error *error) {
  return convert_arithmetic(importer, node, TW_OP_ADD, error);
}

static tw_status convert_mul(tw_onnx_importer *importer, const tw_onnx_node *node, tw_error *error) {
  return convert_arithmetic(importer, node, TW_OP_MUL, error);
}

static tw_status convert_sub(tw_onnx_importer *importer, const tw_onnx_node *node, tw_error *error) {
  return convert_arithmetic(importer, node, TW_OP_SUB, error);
}

static tw_status convert_cast(tw_onnx_importer *importer, const tw_onnx_node *node, tw_error *error) {
  int64_t to = 0;
  TW_TRY(tw_onnx_get_int(node, "to", &to, error));
  if (to < 1 || to > INT32_MAX || tw_dtype_size((tw_dtype)to) == 0) {
    return tw_onnx_wrong(node, TW_E_UNSUPPORTED, error, "casts to type number %lld, which is not supported",
                         (long long)to);
  }
  tw_attributes attributes = {.to = (tw_dtype)to};
  return convert_plain(importer, node, TW_OP_CAST, 1, &attributes, error);
}

static tw_status convert_identity(tw_onnx_importer *importer, const tw_onnx_node *node, tw_error *error) {
  return convert_plain(importer, node, TW_OP_IDENTITY, 1, NULL, error);
}

/* Once trained it changes nothing; from opset 12 on an input can say that it is still in training. */
static tw_status convert_dropout(tw_onnx_importer *importer, const tw_onnx_node *node, tw_error *error) {
  const tw_value *training;
  TW_TRY(tw_onnx_known_input(importer, node, 2, "whether it is in training", &training, error));
  if (training != NULL && tw_constant_f64(training, 0) != 0) {
    return tw_onnx_wrong(node, TW_E_UNSUPPORTED, error, "the network was exported in training mode");
  }
  return convert_plain(importer, node, TW_OP_IDENTITY, 1, NULL, error);
}

/* ---- Shape ------------------------------------------------------------------------------------------------------- */

static tw_status convert_concat(tw_onnx_importer *importer, const tw_onnx_node *node, tw_error *error) {
  tw_attributes attributes = {0};
  if (node->input_count == 0 || node->input_count > TW_MAX_NODE_INPUTS || !tw_onnx_attribute_find(node, "axis")) {
    return tw_onnx_wrong(node, TW_E_FORMAT, error, "it must have an axis and 1 to %d inputs", TW_MAX_NODE_INPUTS);
  }
  tw_value **values = tw_alloc(node->input_count, sizeof *values);
  tw_status status = values == NULL ? tw_error_memory(error) : TW_OK;
  for (size_t i = 0; status == TW_OK && i < node->input_count; i++) {
    status = need_input(importer, node, i, &values[i], error);
  }
  if (status == TW_OK) {
    status = tw_onnx_get_int(node, "axis", &attributes.axis, error);
  }
  if (status == TW_OK) {
    status = tw_onnx_normalise_axis(node, &attributes.axis, values[0]->shape.rank, error);
  }
  if (status == TW_OK) {
    status = tw_onnx_emit(importer, node, TW_OP_CONCAT, values, node->input_count, &attributes, true, NULL, error);
  }
  tw_free(values);
  return status;
}

static tw_status convert_flatten(tw_onnx_importer *importer, const tw_onnx_node *node, tw_error *error) {
  tw_value *x;
  tw_attributes attributes = {.axis = 1};
  TW_TRY(need_input(importer, node, 0, &x, error));
  TW_TRY(tw_onnx_get_int(node, "axis", &attributes.axis, error));
  TW_TRY(tw_onnx_normalise_axis(node, &attributes.axis, x->shape.rank, error));
  return tw_onnx_emit(importer, node, TW_OP_FLATTEN, &x, 1, &attributes, true, NULL, error);
}

/* A file made for a fixed batch has that batch in its targets; ours is 1. */
static void reshape_one_picture(const tw_value *x, int64_t file_batch, tw_attributes *attributes) {
  if (file_batch == 1 || attributes->target_rank < 1 || attributes->target[0] != file_batch) {
    return;
  }
  size_t count;
  size_t known = 1;
  bool open = false;
  for (int i = 1; i < attributes->target_rank; i++) {
    int64_t size = attributes->target[i];
    size = size == 0 && !attributes->allow_zero && i < x->shape.rank ? x->shape.dims[i] : size;
    open = open || size == -1;
    if (size < -1 || (size >= 0 && !tw_mul_size(known, (size_t)size, &known))) {
      return;
    }
  }
  if (tw_shape_count(&x->shape, &count) && (open ? known != 0 && count % known == 0 : count == known)) {
    attributes->target[0] = 1;
  }
}

static tw_status convert_reshape(tw_onnx_importer *importer, const tw_onnx_node *node, tw_error *error) {
  tw_value *x;
  tw_attributes attributes = {0};
  TW_TRY(need_input(importer, node, 0, &x, error));
  TW_TRY(tw_onnx_get_flag(node, "allowzero", &attributes.allow_zero, error));
  TW_TRY(tw_onnx_known_integers(importer, node, 1, "its target", attributes.target, TW_MAX_RANK,
                                &attributes.target_rank, error));
  reshape_one_picture(x, importer->file_batch, &attributes);
  return tw_onnx_emit(importer, node, TW_OP_RESHAPE, &x, 1, &attributes, true, NULL, error);
}

/* Without an order the dimensions are reversed. */
static tw_status convert_transpose(tw_onnx_importer *importer, const tw_onnx_node *node, tw_error *error) {
  tw_value *x;
  TW_TRY(need_input(importer, node, 0, &x, error));
  tw_attributes attributes = {.target_rank = x->shape.rank};
  for (int i = 0; i < x->shape.rank; i++) {
    attributes.target[i] = x->shape.rank - 1 - i;
  }
  TW_TRY(tw_onnx_get_ints(node, "perm", attributes.target, (size_t)x->shape.rank, error));
  return tw_onnx_emit(importer, node, TW_OP_TRANSPOSE, &x, 1, &attributes, true, NULL, error);
}

/* ---- Matrix products, softmax ------------------------------------------------------------------------------------ */

static tw_status convert_gemm(tw_onnx_importer *importer, const tw_onnx_node *node, tw_error *error) {
  tw_value *values[3];
  tw_attributes attributes = {.alpha = 1, .beta = 1};
  TW_TRY(need_input(importer, node, 0, &values[0], error));
  TW_TRY(need_input(importer, node, 1, &values[1], error));
  TW_TRY(tw_onnx_input(importer, node, 2, &values[2], error));
  TW_TRY(tw_onnx_get_float(node, "alpha", &attributes.alpha, error));
  TW_TRY(tw_onnx_get_float(node, "beta", &attributes.beta, error));
  TW_TRY(tw_onnx_get_flag(node, "transA", &attributes.transpose_a, error));
  TW_TRY(tw_onnx_get_flag(node, "transB", &attributes.transpose_b, error));
  return tw_onnx_emit(importer, node, TW_OP_GEMM, values, 3, &attributes, true, NULL, error);
}

static tw_status convert_matmul(tw_onnx_importer *importer, const tw_onnx_node *node, tw_error *error) {
  return convert_plain(importer, node, TW_OP_MATMUL, 2, NULL, error);
}

/* Before opset 13 a softmax runs over all dimensions from its axis on. Where that is one dimension it is today's; else
 * it becomes three nodes, so that the graph can be written with today's operators and stay the same. */
static tw_status convert_softmax(tw_onnx_importer *importer, const tw_onnx_node *node, tw_error *error) {
  tw_value *x;
  bool flat = importer->model->opset < 13;
  tw_attributes attributes = {.axis = flat ? 1 : -1};
  TW_TRY(need_input(importer, node, 0, &x, error));
  TW_TRY(tw_onnx_get_int(node, "axis", &attributes.axis, error));
  TW_TRY(tw_onnx_normalise_axis(node, &attributes.axis, x->shape.rank, error));
  if (!flat || attributes.axis >= x->shape.rank - 1) {
    return tw_onnx_emit(importer, node, TW_OP_SOFTMAX, &x, 1, &attributes, true, NULL, error);
  }
  tw_attributes restore = {.target_rank = x->shape.rank};
  for (int i = 1; i < x->shape.rank; i++) {
    restore.target[i] = x->shape.dims[i];
  }
  restore.target[0] = attributes.axis == 1 ? 0 : x->shape.dims[0]; /* 0: the batch as it comes */
  tw_attributes softmax = {.axis = 1};
  TW_TRY(tw_onnx_emit(importer, node, TW_OP_FLATTEN, &x, 1, &attributes, false, &x, error));
  TW_TRY(tw_onnx_emit(importer, node, TW_OP_SOFTMAX, &x, 1, &softmax, false, &x, error));
  return tw_onnx_emit(importer, node, TW_OP_RESHAPE, &x, 1, &restore, true, NULL, error);
}

/* ---- The table --------------------------------------------------------------------------------------------------- */

typedef struct converter {
  const char *op;
  convert_fn convert;
} converter;

/* In the order of the alphabet: this is also the list that an error shows. */
static const converter converters[] = {
    {"Add", convert_add},
    {"AveragePool", convert_average_pool},
    {"BatchNormalization", convert_batch_norm},
    {"Cast", convert_cast},
    {"Clip", convert_clip},
    {"Concat", convert_concat},
    {"Constant", NULL}, /* never a node of ours */
    {"Conv", convert_conv},
    {"Dropout", convert_dropout},
    {"Flatten", convert_flatten},
    {"Gemm", convert_gemm},
    {"GlobalAveragePool", convert_global_average_pool},
    {"Identity", convert_identity},
    {"MatMul", convert_matmul},
    {"MaxPool", convert_max_pool},
    {"Mul", convert_mul},
    {"ReduceMean", convert_reduce_mean},
    {"Relu", convert_relu},
    {"Reshape", convert_reshape},
    {"Softmax", convert_softmax},
    {"Sub", convert_sub},
    {"Transpose", convert_transpose},
};
enum { CONVERTER_COUNT = sizeof converters / sizeof *converters };

static tw_status unknown_operator(const tw_onnx_node *node, tw_error *error) {
  char list[TW_ERROR_MESSAGE_SIZE];
  size_t used = 0;
  for (size_t i = 0; i < CONVERTER_COUNT && used < sizeof list; i++) {
    used += (size_t)snprintf(list + used, sizeof list - used, i == 0 ? "%s" : ", %s", converters[i].op);
  }
  tw_bytes title = tw_onnx_node_title(node);
  return tw_error_set(error, TW_E_UNSUPPORTED,
                      "node '%.*s': the operator '%.*s%s%.*s' is not supported; supported are %s", (int)title.size,
                      title.data, tw_onnx_name_length(node->domain), node->domain.data, node->domain.size ? "." : "",
                      tw_onnx_name_length(node->op), node->op.data, list);
}

tw_status tw_onnx_convert(tw_onnx_importer *importer, const tw_onnx_node *node, tw_error *error) {
  for (size_t i = 0; tw_onnx_is_standard(node) && i < CONVERTER_COUNT; i++) {
    if (converters[i].convert != NULL && tw_bytes_is(node->op, converters[i].op)) {
      return converters[i].convert(importer, node, error);
    }
  }
  return unknown_operator(node, error);
}
