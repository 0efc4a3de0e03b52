/* What a node's result looks like, and whether its inputs and attributes make sense: the one place that knows. All
 * functions here are pure. Semantics: https://onnx.ai/onnx/operators, opset 13. */
#include <math.h>
#include <string.h>

#include "graph/internal.h"

typedef struct arity {
  size_t least;
  size_t most;
} arity;

static const arity arities[TW_OP_COUNT] = {
    [TW_OP_CONV] = {2, 4},
    [TW_OP_BATCH_NORM] = {5, 5},
    [TW_OP_RELU] = {1, 1},
    [TW_OP_CLIP] = {1, 1},
    [TW_OP_ADD] = {2, 2},
    [TW_OP_MUL] = {2, 2},
    [TW_OP_SUB] = {2, 2},
    [TW_OP_MAX_POOL] = {1, 1},
    [TW_OP_AVERAGE_POOL] = {1, 1},
    [TW_OP_GLOBAL_AVERAGE_POOL] = {1, 1},
    [TW_OP_CONCAT] = {1, TW_MAX_NODE_INPUTS},
    [TW_OP_FLATTEN] = {1, 1},
    [TW_OP_RESHAPE] = {1, 1},
    [TW_OP_GEMM] = {2, 3},
    [TW_OP_MATMUL] = {2, 2},
    [TW_OP_SOFTMAX] = {1, 1},
    [TW_OP_CAST] = {1, 1},
    [TW_OP_IDENTITY] = {1, 1},
    [TW_OP_TRANSPOSE] = {1, 1},
};

static const char *const op_names[TW_OP_COUNT] = {
    [TW_OP_CONV] = "Conv",
    [TW_OP_BATCH_NORM] = "BatchNormalization",
    [TW_OP_RELU] = "Relu",
    [TW_OP_CLIP] = "Clip",
    [TW_OP_ADD] = "Add",
    [TW_OP_MUL] = "Mul",
    [TW_OP_SUB] = "Sub",
    [TW_OP_MAX_POOL] = "MaxPool",
    [TW_OP_AVERAGE_POOL] = "AveragePool",
    [TW_OP_GLOBAL_AVERAGE_POOL] = "GlobalAveragePool",
    [TW_OP_CONCAT] = "Concat",
    [TW_OP_FLATTEN] = "Flatten",
    [TW_OP_RESHAPE] = "Reshape",
    [TW_OP_GEMM] = "Gemm",
    [TW_OP_MATMUL] = "MatMul",
    [TW_OP_SOFTMAX] = "Softmax",
    [TW_OP_CAST] = "Cast",
    [TW_OP_IDENTITY] = "Identity",
    [TW_OP_TRANSPOSE] = "Transpose",
};

const char *tw_op_name(tw_op op) {
  return (unsigned)op < TW_OP_COUNT ? op_names[op] : "an unknown operator";
}

tw_status tw_infer_wrong(const tw_node *node, tw_error *error, const char *format, ...) {
  char text[TW_ERROR_MESSAGE_SIZE];
  va_list arguments;
  va_start(arguments, format);
  vsnprintf(text, sizeof text, format, arguments);
  va_end(arguments);
  return tw_error_set(error, TW_E_FORMAT, "node " TW_QUOTED " (%s): %s", node->name, tw_op_name(node->op), text);
}

static tw_status check_inputs(const tw_node *node, tw_error *error) {
  arity wanted = arities[node->op];
  if (node->input_count < wanted.least || node->input_count > wanted.most) {
    return tw_infer_wrong(node, error, "has %zu inputs; it takes %zu to %zu", node->input_count, wanted.least,
                          wanted.most);
  }
  for (size_t i = 0; i < node->input_count; i++) {
    bool optional = node->op == TW_OP_CONV && i == 2 && node->input_count == 4;
    if (node->inputs[i] == NULL && !optional) {
      return tw_infer_wrong(node, error, "its input %zu is missing", i + 1);
    }
  }
  return TW_OK;
}

/* All inputs of one type, and that type one the operator computes with. */
static tw_status check_types(const tw_node *node, tw_error *error) {
  tw_dtype dtype = node->inputs[0]->dtype;
  for (size_t i = 1; i < node->input_count; i++) {
    if (node->inputs[i] != NULL && node->inputs[i]->dtype != dtype) {
      return tw_infer_wrong(node, error, "its inputs are %s and %s; they must be of one type", tw_dtype_name(dtype),
                            tw_dtype_name(node->inputs[i]->dtype));
    }
  }
  bool any = node->op == TW_OP_CONCAT || node->op == TW_OP_FLATTEN || node->op == TW_OP_RESHAPE ||
             node->op == TW_OP_CAST || node->op == TW_OP_IDENTITY || node->op == TW_OP_TRANSPOSE;
  bool arithmetic = node->op == TW_OP_ADD || node->op == TW_OP_MUL || node->op == TW_OP_SUB;
  bool fits = any || tw_dtype_is_float(dtype) || (arithmetic && dtype != TW_DTYPE_BOOL);
  return fits ? TW_OK : tw_infer_wrong(node, error, "does not compute with %s", tw_dtype_name(dtype));
}

static tw_status infer_batch_norm(const tw_node *node, tw_shape *ret_shape, tw_error *error) {
  const tw_shape *x = &node->inputs[0]->shape;
  char text[TW_SHAPE_TEXT_SIZE];
  if (x->rank < 2) {
    return tw_infer_wrong(node, error, "its input has the shape %s; it wants a batch and a channel dimension",
                          tw_shape_text(x, text));
  }
  for (size_t i = 1; i < node->input_count; i++) {
    const tw_shape *shape = &node->inputs[i]->shape;
    if (shape->rank != 1 || shape->dims[0] != x->dims[1]) {
      return tw_infer_wrong(node, error, "input " TW_QUOTED " has the shape %s; %lld channels want %lld numbers",
                            node->inputs[i]->name, tw_shape_text(shape, text), (long long)x->dims[1],
                            (long long)x->dims[1]);
    }
  }
  if (!isfinite(node->attributes.epsilon)) {
    return tw_infer_wrong(node, error, "epsilon is not a finite number");
  }
  *ret_shape = *x;
  return TW_OK;
}

static tw_status infer_arithmetic(const tw_node *node, tw_shape *ret_shape, tw_error *error) {
  const tw_shape *a = &node->inputs[0]->shape;
  const tw_shape *b = &node->inputs[1]->shape;
  if (!tw_shape_broadcast(a, b, ret_shape)) {
    char left[TW_SHAPE_TEXT_SIZE];
    char right[TW_SHAPE_TEXT_SIZE];
    return tw_infer_wrong(node, error,
                          "its inputs have the shapes %s and %s; from the last on, dimensions must be equal or 1",
                          tw_shape_text(a, left), tw_shape_text(b, right));
  }
  return TW_OK;
}

static tw_status infer_global_pool(const tw_node *node, tw_shape *ret_shape, tw_error *error) {
  tw_shape shape = node->inputs[0]->shape;
  char text[TW_SHAPE_TEXT_SIZE];
  if (shape.rank < 3) {
    return tw_infer_wrong(node, error, "its input has the shape %s; it wants batch, channels and pixels",
                          tw_shape_text(&shape, text));
  }
  for (int i = 2; i < shape.rank; i++) {
    shape.dims[i] = 1;
  }
  *ret_shape = shape;
  return TW_OK;
}

static tw_status check_axis(const tw_node *node, int64_t most, tw_error *error) {
  int64_t axis = node->attributes.axis;
  if (axis < 0 || axis > most) {
    char text[TW_SHAPE_TEXT_SIZE];
    return tw_infer_wrong(node, error, "axis %lld is outside its input's shape %s", (long long)axis,
                          tw_shape_text(&node->inputs[0]->shape, text));
  }
  return TW_OK;
}

static tw_status infer_concat(const tw_node *node, tw_shape *ret_shape, tw_error *error) {
  tw_shape shape = node->inputs[0]->shape;
  int axis = (int)node->attributes.axis;
  TW_TRY(check_axis(node, shape.rank - 1, error));
  for (size_t i = 1; i < node->input_count; i++) {
    const tw_shape *other = &node->inputs[i]->shape;
    tw_shape expected = shape;
    if (other->rank == shape.rank) {
      expected.dims[axis] = other->dims[axis];
    }
    if (!tw_shape_equal(&expected, other)) {
      char left[TW_SHAPE_TEXT_SIZE];
      char right[TW_SHAPE_TEXT_SIZE];
      return tw_infer_wrong(node, error, "inputs " TW_QUOTED " (%s) and " TW_QUOTED " (%s) may differ only in axis %d",
                            node->inputs[0]->name, tw_shape_text(&node->inputs[0]->shape, left), node->inputs[i]->name,
                            tw_shape_text(other, right), axis);
    }
    shape.dims[axis] += other->dims[axis]; /* 4096 dimensions below 2^31 each */
  }
  *ret_shape = shape;
  return TW_OK;
}

static tw_status infer_flatten(const tw_node *node, tw_shape *ret_shape, tw_error *error) {
  const tw_shape *x = &node->inputs[0]->shape;
  TW_TRY(check_axis(node, x->rank, error));
  tw_shape shape = {.rank = 2, .dims = {1, 1}};
  for (int i = 0; i < x->rank; i++) {
    shape.dims[i < node->attributes.axis ? 0 : 1] *= x->dims[i]; /* at most TW_MAX_TENSOR_BYTES */
  }
  *ret_shape = shape;
  return TW_OK;
}

static tw_status infer_transpose(const tw_node *node, tw_shape *ret_shape, tw_error *error) {
  const tw_shape *x = &node->inputs[0]->shape;
  const tw_attributes *attributes = &node->attributes;
  tw_shape shape = {.rank = x->rank};
  unsigned seen = 0;
  bool fits = attributes->target_rank == x->rank;
  for (int i = 0; fits && i < x->rank; i++) {
    int64_t from = attributes->target[i];
    fits = from >= 0 && from < x->rank && (seen & 1U << from) == 0;
    if (fits) {
      seen |= 1U << from;
      shape.dims[i] = x->dims[from];
    }
  }
  if (!fits) {
    return tw_infer_wrong(node, error, "its order of dimensions must name each of the %d of its input once", x->rank);
  }
  *ret_shape = shape;
  return TW_OK;
}

static tw_status reshape_misfit(const tw_node *node, tw_error *error) {
  const tw_attributes *attributes = &node->attributes;
  tw_shape target = {.rank = attributes->target_rank};
  memcpy(target.dims, attributes->target, sizeof target.dims);
  char left[TW_SHAPE_TEXT_SIZE];
  char right[TW_SHAPE_TEXT_SIZE];
  return tw_infer_wrong(node, error, "a tensor of shape %s cannot become %s",
                        tw_shape_text(&node->inputs[0]->shape, left), tw_shape_text(&target, right));
}

static tw_status infer_reshape(const tw_node *node, tw_shape *ret_shape, tw_error *error) {
  const tw_shape *x = &node->inputs[0]->shape;
  const tw_attributes *attributes = &node->attributes;
  if (attributes->target_rank < 0 || attributes->target_rank > TW_MAX_RANK) {
    return tw_infer_wrong(node, error, "the target has %d dimensions; up to %d are supported", attributes->target_rank,
                          TW_MAX_RANK);
  }
  tw_shape shape = {.rank = attributes->target_rank};
  int open = -1;
  size_t known = 1;
  for (int i = 0; i < shape.rank; i++) {
    int64_t wanted = attributes->target[i];
    bool copied = wanted == 0 && !attributes->allow_zero;
    if (wanted < -1 || (wanted == -1 && open >= 0) || (copied && i >= x->rank) || (wanted == 0 && !copied)) {
      return reshape_misfit(node, error);
    }
    if (wanted == -1) {
      open = i;
      continue;
    }
    shape.dims[i] = copied ? x->dims[i] : wanted;
    if (!tw_mul_size(known, (size_t)shape.dims[i], &known)) {
      return reshape_misfit(node, error);
    }
  }
  size_t count;
  if (!tw_shape_count(x, &count) || known == 0 || count % known != 0 || (open < 0 && count != known)) {
    return reshape_misfit(node, error);
  }
  if (open >= 0) {
    shape.dims[open] = (int64_t)(count / known);
  }
  *ret_shape = shape;
  return TW_OK;
}

/* c may be of any shape that broadcasts to that of the product without changing it. */
static tw_status infer_gemm(const tw_node *node, tw_shape *ret_shape, tw_error *error) {
  const tw_shape *a = &node->inputs[0]->shape;
  const tw_shape *b = &node->inputs[1]->shape;
  const tw_attributes *attributes = &node->attributes;
  char left[TW_SHAPE_TEXT_SIZE];
  char right[TW_SHAPE_TEXT_SIZE];
  if (a->rank != 2 || b->rank != 2) {
    return tw_infer_wrong(node, error, "its inputs have the shapes %s and %s; both must be matrices",
                          tw_shape_text(a, left), tw_shape_text(b, right));
  }
  int64_t inner_a = a->dims[attributes->transpose_a ? 0 : 1];
  int64_t inner_b = b->dims[attributes->transpose_b ? 1 : 0];
  if (inner_a != inner_b) {
    return tw_infer_wrong(node, error, "the shapes %s%s and %s%s do not multiply: %lld columns meet %lld rows",
                          tw_shape_text(a, left), attributes->transpose_a ? " (transposed)" : "",
                          tw_shape_text(b, right), attributes->transpose_b ? " (transposed)" : "", (long long)inner_a,
                          (long long)inner_b);
  }
  tw_shape shape = {.rank = 2,
                    .dims = {a->dims[attributes->transpose_a ? 1 : 0], b->dims[attributes->transpose_b ? 0 : 1]}};
  tw_shape sum;
  const tw_shape *c = node->input_count == 3 ? &node->inputs[2]->shape : NULL;
  if (c != NULL && (!tw_shape_broadcast(&shape, c, &sum) || !tw_shape_equal(&sum, &shape))) {
    return tw_infer_wrong(node, error, "the addend's shape %s does not broadcast to the product's %s",
                          tw_shape_text(c, left), tw_shape_text(&shape, right));
  }
  *ret_shape = shape;
  return TW_OK;
}

/* numpy's matmul: vectors are given a dimension that the result loses again, leading dimensions broadcast. */
static tw_status infer_matmul(const tw_node *node, tw_shape *ret_shape, tw_error *error) {
  const tw_shape *given[2] = {&node->inputs[0]->shape, &node->inputs[1]->shape};
  char left[TW_SHAPE_TEXT_SIZE];
  char right[TW_SHAPE_TEXT_SIZE];
  tw_shape lead[2];
  int64_t rows = given[0]->rank >= 2 ? given[0]->dims[given[0]->rank - 2] : 0;
  int64_t columns = given[1]->rank >= 2 ? given[1]->dims[given[1]->rank - 1] : 0;
  bool fits = given[0]->rank >= 1 && given[1]->rank >= 1;
  tw_shape shape = {0};
  if (fits) {
    int64_t inner = given[1]->dims[given[1]->rank >= 2 ? given[1]->rank - 2 : 0];
    for (int i = 0; i < 2; i++) {
      lead[i] = *given[i];
      lead[i].rank = given[i]->rank >= 2 ? given[i]->rank - 2 : 0;
    }
    fits = given[0]->dims[given[0]->rank - 1] == inner && tw_shape_broadcast(&lead[0], &lead[1], &shape);
  }
  if (!fits) {
    return tw_infer_wrong(node, error, "the shapes %s and %s do not multiply", tw_shape_text(given[0], left),
                          tw_shape_text(given[1], right));
  }
  if (given[0]->rank >= 2) {
    shape.dims[shape.rank++] = rows;
  }
  if (given[1]->rank >= 2) {
    shape.dims[shape.rank++] = columns;
  }
  *ret_shape = shape;
  return TW_OK;
}

static tw_status check_activation(const tw_node *node, tw_error *error) {
  const tw_attributes *attributes = &node->attributes;
  bool clips = node->op == TW_OP_CLIP || attributes->activation == TW_ACTIVATION_CLIP;
  if (clips && (isnan(attributes->low) || isnan(attributes->high))) {
    return tw_infer_wrong(node, error, "a bound is not a number");
  }
  if (attributes->activation > TW_ACTIVATION_CLIP) {
    return tw_infer_wrong(node, error, "unknown activation %d", (int)attributes->activation);
  }
  return TW_OK;
}

static tw_status infer_shape(const tw_node *node, tw_shape *ret_shape, tw_error *error) {
  const tw_shape *x = &node->inputs[0]->shape;
  switch (node->op) {
    case TW_OP_CONV: return tw_infer_conv(node, ret_shape, error);
    case TW_OP_BATCH_NORM: return infer_batch_norm(node, ret_shape, error);
    case TW_OP_ADD:
    case TW_OP_MUL:
    case TW_OP_SUB: return infer_arithmetic(node, ret_shape, error);
    case TW_OP_MAX_POOL:
    case TW_OP_AVERAGE_POOL: return tw_infer_pool(node, ret_shape, error);
    case TW_OP_GLOBAL_AVERAGE_POOL: return infer_global_pool(node, ret_shape, error);
    case TW_OP_CONCAT: return infer_concat(node, ret_shape, error);
    case TW_OP_FLATTEN: return infer_flatten(node, ret_shape, error);
    case TW_OP_RESHAPE: return infer_reshape(node, ret_shape, error);
    case TW_OP_TRANSPOSE: return infer_transpose(node, ret_shape, error);
    case TW_OP_GEMM: return infer_gemm(node, ret_shape, error);
    case TW_OP_MATMUL: return infer_matmul(node, ret_shape, error);
    case TW_OP_SOFTMAX: TW_TRY(check_axis(node, x->rank - 1, error)); break;
    case TW_OP_RELU:
    case TW_OP_CLIP:
    case TW_OP_CAST:
    case TW_OP_IDENTITY:
    case TW_OP_COUNT: break;
  }
  *ret_shape = *x;
  return TW_OK;
}

tw_status tw_infer(const tw_node *node, tw_dtype *ret_dtype, tw_shape *ret_shape, tw_error *error) {
  TW_TRY(check_inputs(node, error));
  TW_TRY(check_types(node, error));
  TW_TRY(check_activation(node, error));
  tw_dtype dtype = node->op == TW_OP_CAST ? node->attributes.to : node->inputs[0]->dtype;
  if (tw_dtype_size(dtype) == 0) {
    return tw_infer_wrong(node, error, "cannot give %s (number %d)", tw_dtype_name(dtype), (int)dtype);
  }
  tw_shape shape;
  TW_TRY(infer_shape(node, &shape, error));
  tw_error reason;
  tw_status status = tw_shape_check("its result", &shape, dtype, &reason);
  if (status != TW_OK) {
    tw_infer_wrong(node, error, "%s", reason.message);
    return error == NULL ? status : (error->code = status);
  }
  *ret_dtype = dtype;
  *ret_shape = shape;
  return TW_OK;
}
