/* Reading the attributes of an ONNX node, with the defaults and rules that ONNX gives them. */
#include "graph/onnx_import.h"

enum {
  TYPE_FLOAT = 1,
  TYPE_INT = 2,
  TYPE_STRING = 3,
  TYPE_TENSOR = 4,
  TYPE_FLOATS = 6,
  TYPE_INTS = 7, /* AttributeProto.AttributeType */
  MAX_NUMBER = 0x7fffffff,
};

const tw_onnx_attribute *tw_onnx_attribute_find(const tw_onnx_node *node, const char *name) {
  for (size_t i = 0; i < node->attribute_count; i++) {
    if (tw_bytes_is(node->attributes[i].name, name)) {
      return &node->attributes[i];
    }
  }
  return NULL;
}

static tw_status find_typed(const tw_onnx_node *node, const char *name, int32_t type, const char *type_name,
                            const tw_onnx_attribute **ret_attribute, tw_error *error) {
  const tw_onnx_attribute *attribute = tw_onnx_attribute_find(node, name);
  if (attribute != NULL && attribute->type != type) {
    return tw_onnx_wrong(node, TW_E_FORMAT, error, "the attribute '%s' must be %s", name, type_name);
  }
  *ret_attribute = attribute;
  return TW_OK;
}

tw_status tw_onnx_get_int(const tw_onnx_node *node, const char *name, int64_t *ret, tw_error *error) {
  const tw_onnx_attribute *attribute;
  TW_TRY(find_typed(node, name, TYPE_INT, "an integer", &attribute, error));
  *ret = attribute == NULL ? *ret : attribute->i;
  return TW_OK;
}

tw_status tw_onnx_get_flag(const tw_onnx_node *node, const char *name, bool *ret, tw_error *error) {
  int64_t number = *ret;
  TW_TRY(tw_onnx_get_int(node, name, &number, error));
  *ret = number != 0;
  return TW_OK;
}

tw_status tw_onnx_get_float(const tw_onnx_node *node, const char *name, float *ret, tw_error *error) {
  const tw_onnx_attribute *attribute;
  TW_TRY(find_typed(node, name, TYPE_FLOAT, "a number", &attribute, error));
  *ret = attribute == NULL ? *ret : attribute->f;
  return TW_OK;
}

tw_status tw_onnx_get_ints(const tw_onnx_node *node, const char *name, int64_t *ret, size_t count, tw_error *error) {
  const tw_onnx_attribute *attribute;
  TW_TRY(find_typed(node, name, TYPE_INTS, "a list of integers", &attribute, error));
  if (attribute == NULL) {
    return TW_OK;
  }
  if (attribute->count != count) {
    return tw_onnx_wrong(node, TW_E_FORMAT, error, "'%s' has %zu numbers; its input wants %zu", name, attribute->count,
                         count);
  }
  for (size_t i = 0; i < count; i++) {
    ret[i] = attribute->ints[i];
  }
  return TW_OK;
}

tw_status tw_onnx_normalise_axis(const tw_onnx_node *node, int64_t *axis, int rank, tw_error *error) {
  if (*axis < -rank || *axis > rank) {
    return tw_onnx_wrong(node, TW_E_FORMAT, error, "axis %lld does not exist in an input of %d dimensions",
                         (long long)*axis, rank);
  }
  *axis += *axis < 0 ? rank : 0;
  return TW_OK;
}

/* ---- Windows ----------------------------------------------------------------------------------------------------- */

static tw_status check_range(const tw_onnx_node *node, const char *name, const int64_t *numbers, int count,
                             int64_t least, tw_error *error) {
  for (int i = 0; i < count; i++) {
    if (numbers[i] < 0 && least == 0 && numbers[i] >= -MAX_NUMBER) {
      return tw_onnx_wrong(node, TW_E_UNSUPPORTED, error, "negative pads (%lld) are not supported",
                           (long long)numbers[i]);
    }
    if (numbers[i] < least || numbers[i] > MAX_NUMBER) {
      return tw_onnx_wrong(node, TW_E_FORMAT, error, "'%s' holds %lld; it must be %lld to %d", name,
                           (long long)numbers[i], (long long)least, MAX_NUMBER);
    }
  }
  return TW_OK;
}

/* ONNX's SAME: as many results as input / stride, rounded up; the odd pad goes to the end (UPPER) or the beginning. */
static void pad_same(const tw_value *x, bool upper, tw_attributes *attributes) {
  for (int i = 0; i < attributes->spatial; i++) {
    int64_t size = x->shape.dims[i + 2];
    int64_t stride = attributes->strides[i];
    int64_t extent = attributes->dilations[i] * (attributes->kernel[i] - 1) + 1;
    int64_t count = (size - 1) / stride + 1;
    int64_t total = (count - 1) * stride + extent - size;
    total = total < 0 ? 0 : total;
    attributes->pads_begin[i] = upper ? total / 2 : total - total / 2;
    attributes->pads_end[i] = total - attributes->pads_begin[i];
  }
}

static tw_status get_pads(const tw_onnx_node *node, const tw_value *x, tw_attributes *attributes, tw_error *error) {
  const tw_onnx_attribute *automatic;
  TW_TRY(find_typed(node, "auto_pad", TYPE_STRING, "a text", &automatic, error));
  tw_bytes mode = automatic == NULL || automatic->s.size == 0 ? tw_bytes_of("NOTSET") : automatic->s;
  if (tw_bytes_is(mode, "SAME_UPPER") || tw_bytes_is(mode, "SAME_LOWER")) {
    pad_same(x, tw_bytes_is(mode, "SAME_UPPER"), attributes);
    attributes->ceil_mode = false; /* the pads fill the last window */
    return TW_OK;
  }
  if (tw_bytes_is(mode, "VALID")) {
    return TW_OK;
  }
  if (!tw_bytes_is(mode, "NOTSET")) {
    return tw_onnx_wrong(node, TW_E_FORMAT, error,
                         "auto_pad is '%.*s'; it can be NOTSET, SAME_UPPER, SAME_LOWER or VALID", (int)mode.size,
                         mode.data);
  }
  int64_t pads[2 * TW_MAX_SPATIAL] = {0};
  int spatial = attributes->spatial;
  TW_TRY(tw_onnx_get_ints(node, "pads", pads, 2 * (size_t)spatial, error));
  TW_TRY(check_range(node, "pads", pads, 2 * spatial, 0, error));
  for (int i = 0; i < spatial; i++) {
    attributes->pads_begin[i] = pads[i];
    attributes->pads_end[i] = pads[i + spatial];
  }
  return TW_OK;
}

tw_status tw_onnx_get_window(const tw_onnx_node *node, const tw_value *x, tw_attributes *attributes, tw_error *error) {
  int spatial = x->shape.rank - 2;
  if (spatial < 1 || spatial > TW_MAX_SPATIAL) {
    char text[TW_SHAPE_TEXT_SIZE];
    return tw_onnx_wrong(node, TW_E_UNSUPPORTED, error,
                         "its input has the shape %s; it wants batch, channels and 1 to %d dimensions of pixels",
                         tw_shape_text(&x->shape, text), TW_MAX_SPATIAL);
  }
  attributes->spatial = spatial;
  for (int i = 0; i < spatial; i++) {
    attributes->strides[i] = 1;
    attributes->dilations[i] = 1;
  }
  size_t count = (size_t)spatial;
  TW_TRY(tw_onnx_get_ints(node, "kernel_shape", attributes->kernel, count, error));
  TW_TRY(tw_onnx_get_ints(node, "strides", attributes->strides, count, error));
  TW_TRY(tw_onnx_get_ints(node, "dilations", attributes->dilations, count, error));
  TW_TRY(check_range(node, "kernel_shape", attributes->kernel, spatial, 1, error));
  TW_TRY(check_range(node, "strides", attributes->strides, spatial, 1, error));
  TW_TRY(check_range(node, "dilations", attributes->dilations, spatial, 1, error));
  return get_pads(node, x, attributes, error);
}

/* ---- Constant ---------------------------------------------------------------------------------------------------- */

tw_status tw_onnx_constant_tensor(const tw_onnx_node *node, tw_arena *arena, const tw_onnx_tensor **ret_tensor,
                                  tw_error *error) {
  const tw_onnx_attribute *attribute = NULL;
  static const char *const names[] = {"value", "value_float", "value_floats", "value_int", "value_ints"};
  static const int32_t types[] = {TYPE_TENSOR, TYPE_FLOAT, TYPE_FLOATS, TYPE_INT, TYPE_INTS};
  size_t which = 0;
  for (; which < sizeof names / sizeof *names && attribute == NULL; which++) {
    TW_TRY(find_typed(node, names[which], types[which], "of the type its name says", &attribute, error));
  }
  if (attribute == NULL) {
    return tw_onnx_wrong(node, TW_E_UNSUPPORTED, error, "it holds neither a tensor nor numbers");
  }
  if (attribute->type == TYPE_TENSOR) {
    *ret_tensor = &attribute->tensor;
    return TW_OK;
  }
  tw_onnx_tensor *tensor = tw_arena_alloc(arena, 1, sizeof *tensor);
  if (tensor == NULL) {
    return tw_error_memory(error);
  }
  bool list = attribute->type == TYPE_FLOATS || attribute->type == TYPE_INTS;
  bool floats = attribute->type == TYPE_FLOATS || attribute->type == TYPE_FLOAT;
  const void *single = floats ? (const void *)&attribute->f : (const void *)&attribute->i;
  const void *several = floats ? (const void *)attribute->floats : (const void *)attribute->ints;
  size_t count = list ? attribute->count : 1;
  tensor->type = floats ? TW_DTYPE_F32 : TW_DTYPE_I64;
  tensor->rank = list ? 1 : 0;
  tensor->dims[0] = list ? (int64_t)count : 0;
  tensor->raw = (tw_bytes){list ? several : single, count * (floats ? sizeof(float) : sizeof(int64_t))};
  *ret_tensor = tensor;
  return TW_OK;
}
