/* Computing a node whose inputs are all constants: Cast, Add, Mul, Sub, Concat, Transpose, and those that only rename
 * or reshape.
 * Elements are read by memcpy since constants lie in the file as they like. Floats are computed in double and rounded
 * to the type, which for float32 gives the digits of float32 arithmetic; integers wrap. */
#include "graph/evaluate.h"

#include <math.h>
#include <string.h>

static const uint8_t *element(const tw_value *constant, size_t i) {
  return (const uint8_t *)constant->data + i * tw_dtype_size(constant->dtype);
}

static uint16_t load_u16(const uint8_t *bytes) {
  return (uint16_t)(bytes[0] | bytes[1] << 8);
}

static bool is_float(tw_dtype dtype) {
  return dtype == TW_DTYPE_F32 || dtype == TW_DTYPE_F16 || dtype == TW_DTYPE_BF16 || dtype == TW_DTYPE_F64;
}

static double load_float(tw_dtype dtype, const uint8_t *bytes) {
  double wide;
  float single;
  switch (dtype) {
    case TW_DTYPE_F16: return (double)tw_f16_to_f32(load_u16(bytes));
    case TW_DTYPE_BF16: return (double)tw_bf16_to_f32(load_u16(bytes));
    case TW_DTYPE_F64: memcpy(&wide, bytes, sizeof wide); return wide;
    default: memcpy(&single, bytes, sizeof single); return (double)single;
  }
}

static int64_t load_integer(tw_dtype dtype, const uint8_t *bytes) {
  switch (dtype) {
    case TW_DTYPE_U8: return bytes[0];
    case TW_DTYPE_BOOL: return bytes[0] != 0;
    case TW_DTYPE_I8: return (int8_t)bytes[0];
    case TW_DTYPE_U16: return load_u16(bytes);
    case TW_DTYPE_I16: return (int16_t)load_u16(bytes);
    case TW_DTYPE_I32: return (int32_t)tw_load_u32(bytes);
    default: return (int64_t)tw_load_u64(bytes);
  }
}

/* Ties to even. */
static uint16_t to_bf16(float value) {
  uint32_t bits;
  memcpy(&bits, &value, sizeof bits);
  if (isnan(value)) {
    return (uint16_t)(bits >> 16 | 0x40);
  }
  return (uint16_t)((bits + 0x7fff + (bits >> 16 & 1)) >> 16);
}

static void store_integer(tw_dtype dtype, uint8_t *bytes, int64_t value) {
  uint64_t bits = dtype == TW_DTYPE_BOOL ? value != 0 : (uint64_t)value;
  for (size_t i = 0; i < tw_dtype_size(dtype); i++) {
    bytes[i] = (uint8_t)(bits >> 8 * i);
  }
}

static void store_float(tw_dtype dtype, uint8_t *bytes, double value) {
  float single = (float)value;
  switch (dtype) {
    case TW_DTYPE_F16: store_integer(TW_DTYPE_U16, bytes, tw_f32_to_f16(single)); break;
    case TW_DTYPE_BF16: store_integer(TW_DTYPE_U16, bytes, to_bf16(single)); break;
    case TW_DTYPE_F64: memcpy(bytes, &value, sizeof value); break;
    default: memcpy(bytes, &single, sizeof single); break;
  }
}

double tw_constant_f64(const tw_value *constant, size_t i) {
  return is_float(constant->dtype) ? load_float(constant->dtype, element(constant, i))
                                   : (double)load_integer(constant->dtype, element(constant, i));
}

/* A float as an integer: cut towards zero, kept within 64 bits; not a number is 0. */
static int64_t truncate(double value) {
  return isnan(value) ? 0 : value >= 0x1p63 ? INT64_MAX : value <= -0x1p63 ? INT64_MIN : (int64_t)value;
}

int64_t tw_constant_i64(const tw_value *constant, size_t i) {
  return is_float(constant->dtype) ? truncate(load_float(constant->dtype, element(constant, i)))
                                   : load_integer(constant->dtype, element(constant, i));
}

/* ---- Cast -------------------------------------------------------------------------------------------------------- */

/* float16 to float32 without branches, for weights by the million. Subnormals go through an integer, so that no mode of
 * the processor that flushes them matters. */
static void f16_to_f32(const uint8_t *from, float *to, size_t count) {
  for (size_t i = 0; i < count; i++) {
    uint16_t half;
    memcpy(&half, from + 2 * i, sizeof half);
    uint32_t magnitude = half & 0x7fff;
    uint32_t is_tiny = 0u - (uint32_t)(magnitude < 0x400);
    uint32_t is_special = 0u - (uint32_t)(magnitude >= 0x7c00);
    float tiny = (float)(int32_t)magnitude * 0x1p-24f;
    uint32_t bits;
    memcpy(&bits, &tiny, sizeof bits);
    bits &= is_tiny;
    bits |= ((magnitude << 13) + 0x38000000u + (0x38000000u & is_special)) & ~is_tiny;
    bits |= (uint32_t)(half & 0x8000) << 16;
    memcpy(&to[i], &bits, sizeof bits);
  }
}

static void bf16_to_f32(const uint8_t *from, float *to, size_t count) {
  for (size_t i = 0; i < count; i++) {
    to[i] = tw_bf16_to_f32(load_u16(from + 2 * i));
  }
}

void tw_constant_to_f32(const tw_value *constant, float *to) {
  size_t count = constant->data_size / tw_dtype_size(constant->dtype);
  if (constant->dtype == TW_DTYPE_F32) {
    memcpy(to, constant->data, constant->data_size);
  } else if (constant->dtype == TW_DTYPE_F16) {
    f16_to_f32(constant->data, to, count);
  } else if (constant->dtype == TW_DTYPE_BF16) {
    bf16_to_f32(constant->data, to, count);
  } else {
    for (size_t i = 0; i < count; i++) {
      to[i] = (float)tw_constant_f64(constant, i);
    }
  }
}

static void cast(const tw_value *from, tw_dtype dtype, uint8_t *to) {
  size_t count = from->data_size / tw_dtype_size(from->dtype);
  size_t size = tw_dtype_size(dtype);
  for (size_t i = 0; i < count; i++) {
    if (is_float(dtype)) {
      store_float(dtype, to + i * size, tw_constant_f64(from, i));
    } else if (dtype == TW_DTYPE_BOOL) {
      to[i] = tw_constant_f64(from, i) != 0;
    } else {
      store_integer(dtype, to + i * size, tw_constant_i64(from, i));
    }
  }
}

/* ---- Arithmetic -------------------------------------------------------------------------------------------------- */

/* Elements between neighbours of `shape` in each dimension of a result of `rank`; 0 where it is repeated. */
static void broadcast_steps(const tw_shape *shape, int rank, size_t steps[TW_MAX_RANK]) {
  size_t step = 1;
  for (int i = 1; i <= rank; i++) {
    int64_t size = i <= shape->rank ? shape->dims[shape->rank - i] : 1;
    steps[rank - i] = size == 1 ? 0 : step;
    step *= (size_t)size;
  }
}

static double apply_f64(tw_op op, double a, double b) {
  return op == TW_OP_ADD ? a + b : op == TW_OP_SUB ? a - b : a * b;
}

static int64_t apply_i64(tw_op op, int64_t a, int64_t b) {
  uint64_t left = (uint64_t)a;
  uint64_t right = (uint64_t)b;
  return (int64_t)(op == TW_OP_ADD ? left + right : op == TW_OP_SUB ? left - right : left * right);
}

static void arithmetic(const tw_node *node, uint8_t *to) {
  const tw_shape *shape = &node->output->shape;
  const tw_value *a = node->inputs[0];
  const tw_value *b = node->inputs[1];
  tw_dtype dtype = node->output->dtype;
  size_t size = tw_dtype_size(dtype);
  size_t steps[2][TW_MAX_RANK];
  broadcast_steps(&a->shape, shape->rank, steps[0]);
  broadcast_steps(&b->shape, shape->rank, steps[1]);
  size_t at[TW_MAX_RANK] = {0};
  size_t left = 0;
  size_t right = 0;
  for (;;) {
    if (is_float(dtype)) {
      store_float(dtype, to, apply_f64(node->op, tw_constant_f64(a, left), tw_constant_f64(b, right)));
    } else {
      store_integer(dtype, to, apply_i64(node->op, tw_constant_i64(a, left), tw_constant_i64(b, right)));
    }
    to += size;
    int i = shape->rank - 1;
    for (; i >= 0; i--) {
      left += steps[0][i];
      right += steps[1][i];
      if (++at[i] < (size_t)shape->dims[i]) {
        break;
      }
      left -= at[i] * steps[0][i];
      right -= at[i] * steps[1][i];
      at[i] = 0;
    }
    if (i < 0) {
      return;
    }
  }
}

static void concat(const tw_node *node, uint8_t *to) {
  const tw_shape *shape = &node->output->shape;
  size_t rows = 1;
  for (int i = 0; i < (int)node->attributes.axis; i++) {
    rows *= (size_t)shape->dims[i];
  }
  for (size_t row = 0; row < rows; row++) {
    for (size_t i = 0; i < node->input_count; i++) {
      size_t size = node->inputs[i]->data_size / rows;
      memcpy(to, (const uint8_t *)node->inputs[i]->data + row * size, size);
      to += size;
    }
  }
}

/* Copies of single elements, fastest where a copy of a constant size is. */
static void gather(const uint8_t *from, size_t count, size_t step, size_t size, uint8_t *to) {
  for (size_t i = 0; size == sizeof(uint32_t) && i < count; i++) {
    memcpy(to + i * sizeof(uint32_t), from + i * step, sizeof(uint32_t));
  }
  for (size_t i = 0; size != sizeof(uint32_t) && i < count; i++) {
    memcpy(to + i * size, from + i * step, size);
  }
}

/* Rows of the result are gathered one after the other. */
void tw_permute(const void *from, const tw_shape *shape, size_t size, const int64_t *order, void *to) {
  size_t of_from[TW_MAX_RANK];
  size_t steps[TW_MAX_RANK] = {0};
  size_t step = size;
  for (int i = shape->rank - 1; i >= 0; i--) {
    of_from[i] = step;
    step *= (size_t)shape->dims[i];
  }
  for (int i = 0; i < shape->rank; i++) {
    steps[i] = of_from[order[i]];
  }
  const uint8_t *read = from;
  uint8_t *write = to;
  int last = shape->rank - 1;
  size_t width = last < 0 ? 1 : (size_t)shape->dims[order[last]];
  size_t at[TW_MAX_RANK] = {0};
  for (;;) {
    gather(read, width, last < 0 ? 0 : steps[last], size, write);
    write += width * size;
    int i = last - 1;
    for (; i >= 0; i--) {
      read += steps[i];
      if (++at[i] < (size_t)shape->dims[order[i]]) {
        break;
      }
      read -= at[i] * steps[i];
      at[i] = 0;
    }
    if (i < 0) {
      return;
    }
  }
}

static void transpose(const tw_node *node, uint8_t *to) {
  const tw_value *x = node->inputs[0];
  tw_permute(x->data, &x->shape, tw_dtype_size(x->dtype), node->attributes.target, to);
}

bool tw_can_evaluate(const tw_node *node) {
  switch (node->op) {
    case TW_OP_CAST:
    case TW_OP_IDENTITY:
    case TW_OP_RESHAPE:
    case TW_OP_FLATTEN:
    case TW_OP_MUL:
    case TW_OP_SUB:
    case TW_OP_CONCAT:
    case TW_OP_TRANSPOSE: return true;
    case TW_OP_ADD: return node->attributes.activation == TW_ACTIVATION_NONE;
    default: return false;
  }
}

void tw_evaluate(const tw_node *node, void *to) {
  const tw_value *x = node->inputs[0];
  switch (node->op) {
    case TW_OP_CAST:
      if (node->output->dtype == TW_DTYPE_F32) {
        tw_constant_to_f32(x, to);
      } else {
        cast(x, node->output->dtype, to);
      }
      break;
    case TW_OP_ADD:
    case TW_OP_MUL:
    case TW_OP_SUB: arithmetic(node, to); break;
    case TW_OP_CONCAT: concat(node, to); break;
    case TW_OP_TRANSPOSE: transpose(node, to); break;
    default: memcpy(to, x->data, x->data_size); break;
  }
}
