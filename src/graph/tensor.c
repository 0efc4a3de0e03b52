/* Element types and shapes: what they are called, how large they are, whether they fit. */
#include <string.h>

#include "graph/internal.h"

typedef struct dtype_facts {
  tw_dtype dtype;
  size_t size;
  const char *name;
  bool is_float;
} dtype_facts;

static const dtype_facts dtypes[] = {
    {TW_DTYPE_F32, 4, "float32", true}, {TW_DTYPE_U8, 1, "uint8", false},     {TW_DTYPE_I8, 1, "int8", false},
    {TW_DTYPE_U16, 2, "uint16", false}, {TW_DTYPE_I16, 2, "int16", false},    {TW_DTYPE_I32, 4, "int32", false},
    {TW_DTYPE_I64, 8, "int64", false},  {TW_DTYPE_BOOL, 1, "bool", false},    {TW_DTYPE_F16, 2, "float16", true},
    {TW_DTYPE_F64, 8, "float64", true}, {TW_DTYPE_BF16, 2, "bfloat16", true},
};

static const dtype_facts *facts_of(tw_dtype dtype) {
  for (size_t i = 0; i < sizeof dtypes / sizeof *dtypes; i++) {
    if (dtypes[i].dtype == dtype) {
      return &dtypes[i];
    }
  }
  return NULL;
}

size_t tw_dtype_size(tw_dtype dtype) {
  const dtype_facts *facts = facts_of(dtype);
  return facts == NULL ? 0 : facts->size;
}

const char *tw_dtype_name(tw_dtype dtype) {
  const dtype_facts *facts = facts_of(dtype);
  return facts == NULL ? "an unknown type" : facts->name;
}

bool tw_dtype_is_float(tw_dtype dtype) {
  const dtype_facts *facts = facts_of(dtype);
  return facts != NULL && facts->is_float;
}

bool tw_shape_count(const tw_shape *shape, size_t *ret_count) {
  size_t count = 1;
  for (int i = 0; i < shape->rank; i++) {
    if (shape->dims[i] < 0 || !tw_mul_size(count, (size_t)shape->dims[i], &count)) {
      return false;
    }
  }
  *ret_count = count;
  return true;
}

bool tw_shape_equal(const tw_shape *a, const tw_shape *b) {
  return a->rank == b->rank && memcmp(a->dims, b->dims, (size_t)a->rank * sizeof *a->dims) == 0;
}

char *tw_shape_text(const tw_shape *shape, char text[TW_SHAPE_TEXT_SIZE]) {
  _Static_assert(TW_SHAPE_TEXT_SIZE > TW_MAX_RANK * 21, "eight dimensions of 20 digits fit");
  if (shape->rank == 0) {
    memcpy(text, "scalar", sizeof "scalar");
    return text;
  }
  size_t used = 0;
  for (int i = 0; i < shape->rank; i++) {
    int length = snprintf(text + used, TW_SHAPE_TEXT_SIZE - used, i == 0 ? "%lld" : "x%lld", (long long)shape->dims[i]);
    used += (size_t)length;
  }
  return text;
}

bool tw_shape_broadcast(const tw_shape *a, const tw_shape *b, tw_shape *ret_shape) {
  tw_shape shape = {.rank = a->rank > b->rank ? a->rank : b->rank};
  for (int i = 1; i <= shape.rank; i++) {
    int64_t left = i <= a->rank ? a->dims[a->rank - i] : 1;
    int64_t right = i <= b->rank ? b->dims[b->rank - i] : 1;
    if (left != right && left != 1 && right != 1) {
      return false;
    }
    shape.dims[shape.rank - i] = left == 1 ? right : left;
  }
  *ret_shape = shape;
  return true;
}

tw_status tw_shape_check(const char *what, const tw_shape *shape, tw_dtype dtype, tw_error *error) {
  char text[TW_SHAPE_TEXT_SIZE];
  if (shape->rank < 0 || shape->rank > TW_MAX_RANK) {
    return tw_error_set(error, TW_E_LIMIT, "%s has %d dimensions; up to %d are supported", what, shape->rank,
                        TW_MAX_RANK);
  }
  for (int i = 0; i < shape->rank; i++) {
    if (shape->dims[i] < 1) {
      return tw_error_set(error, TW_E_FORMAT, "%s has the shape %s; every dimension must be at least 1", what,
                          tw_shape_text(shape, text));
    }
  }
  size_t count;
  size_t bytes;
  if (!tw_shape_count(shape, &count) || !tw_mul_size(count, tw_dtype_size(dtype), &bytes) ||
      bytes > TW_MAX_TENSOR_BYTES) {
    return tw_error_set(error, TW_E_LIMIT, "%s has the shape %s of %s, more than the limit of %zu bytes", what,
                        tw_shape_text(shape, text), tw_dtype_name(dtype), TW_MAX_TENSOR_BYTES);
  }
  return TW_OK;
}
