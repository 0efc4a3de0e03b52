/* Reading the attributes of a GraphDef's node, with the rules that TensorFlow gives them. */
#include "graph/tf_import.h"

const tw_tf_attribute *tw_tf_attribute_find(const tw_tf_node *node, const char *name) {
  for (size_t i = 0; i < node->attribute_count; i++) {
    if (tw_bytes_is(node->attributes[i].name, name)) {
      return &node->attributes[i];
    }
  }
  return NULL;
}

static tw_status find_typed(const tw_tf_node *node, const char *name, tw_tf_kind kind, const char *kind_name,
                            const tw_tf_attribute **ret_attribute, tw_error *error) {
  const tw_tf_attribute *attribute = tw_tf_attribute_find(node, name);
  if (attribute != NULL && attribute->kind != kind) {
    return tw_tf_wrong(node, TW_E_FORMAT, error, "the attribute '%s' must be %s", name, kind_name);
  }
  *ret_attribute = attribute;
  return TW_OK;
}

tw_status tw_tf_get_flag(const tw_tf_node *node, const char *name, bool *ret, tw_error *error) {
  const tw_tf_attribute *attribute;
  TW_TRY(find_typed(node, name, TW_TF_ATTR_BOOL, "true or false", &attribute, error));
  *ret = attribute == NULL ? *ret : attribute->i != 0;
  return TW_OK;
}

tw_status tw_tf_get_int(const tw_tf_node *node, const char *name, int64_t *ret, tw_error *error) {
  const tw_tf_attribute *attribute;
  TW_TRY(find_typed(node, name, TW_TF_ATTR_INT, "an integer", &attribute, error));
  *ret = attribute == NULL ? *ret : attribute->i;
  return TW_OK;
}

tw_status tw_tf_get_type(const tw_tf_node *node, const char *name, int32_t *ret, tw_error *error) {
  const tw_tf_attribute *attribute;
  TW_TRY(find_typed(node, name, TW_TF_ATTR_TYPE, "a type", &attribute, error));
  *ret = attribute == NULL ? *ret : (int32_t)attribute->i;
  return TW_OK;
}

tw_status tw_tf_get_float(const tw_tf_node *node, const char *name, float *ret, tw_error *error) {
  const tw_tf_attribute *attribute;
  TW_TRY(find_typed(node, name, TW_TF_ATTR_FLOAT, "a number", &attribute, error));
  *ret = attribute == NULL ? *ret : attribute->f;
  return TW_OK;
}

tw_status tw_tf_get_text(const tw_tf_node *node, const char *name, tw_bytes *ret, tw_error *error) {
  const tw_tf_attribute *attribute;
  TW_TRY(find_typed(node, name, TW_TF_ATTR_TEXT, "a text", &attribute, error));
  *ret = attribute == NULL ? *ret : attribute->s;
  return TW_OK;
}

tw_status tw_tf_check_layout(const tw_tf_node *node, tw_error *error) {
  tw_bytes layout = tw_bytes_of("NHWC");
  TW_TRY(tw_tf_get_text(node, "data_format", &layout, error));
  if (tw_bytes_is(layout, "NHWC")) {
    return TW_OK;
  }
  return tw_tf_wrong(node, TW_E_UNSUPPORTED, error,
                     "the attribute 'data_format' is '%.*s'; only NHWC, colours last, is supported",
                     tw_onnx_name_length(layout), layout.data);
}

/* ---- Windows ----------------------------------------------------------------------------------------------------- */

/* Height and width of a list of four; those of batch and channels must be 1. */
static tw_status get_sides(const tw_tf_node *node, const char *name, int64_t sides[2], tw_error *error) {
  const tw_tf_attribute *attribute;
  TW_TRY(find_typed(node, name, TW_TF_ATTR_LIST, "a list of integers", &attribute, error));
  if (attribute == NULL) {
    return TW_OK;
  }
  if (attribute->count != 4) {
    return tw_tf_wrong(node, TW_E_FORMAT, error, "'%s' has %zu numbers; wanted are 4", name, attribute->count);
  }
  if (attribute->ints[0] != 1 || attribute->ints[3] != 1) {
    return tw_tf_wrong(node, TW_E_UNSUPPORTED, error, "'%s' must be 1 for pictures and channels", name);
  }
  sides[0] = attribute->ints[1];
  sides[1] = attribute->ints[2];
  for (int i = 0; i < 2; i++) {
    if (sides[i] < 1 || sides[i] > INT32_MAX) {
      return tw_tf_wrong(node, TW_E_FORMAT, error, "'%s' holds %lld; it must be at least 1", name, (long long)sides[i]);
    }
  }
  return TW_OK;
}

/* "SAME": the result has ceil(size / stride) pixels; what is missing is added half before, half and the odd one after.
 * https://www.tensorflow.org/api_docs/python/tf/nn#notes_on_padding_2 */
static void pad_same(const int64_t size[2], tw_attributes *attributes) {
  for (int i = 0; i < 2; i++) {
    int64_t stride = attributes->strides[i];
    int64_t extent = attributes->dilations[i] * (attributes->kernel[i] - 1) + 1;
    int64_t wanted = ((size[i] + stride - 1) / stride - 1) * stride + extent - size[i];
    wanted = wanted < 0 ? 0 : wanted;
    attributes->pads_begin[i] = wanted / 2;
    attributes->pads_end[i] = wanted - wanted / 2;
  }
}

static tw_status pad_explicit(const tw_tf_node *node, tw_attributes *attributes, tw_error *error) {
  const tw_tf_attribute *attribute;
  TW_TRY(find_typed(node, "explicit_paddings", TW_TF_ATTR_LIST, "a list of integers", &attribute, error));
  const int64_t *pads = attribute == NULL ? NULL : attribute->ints;
  if (attribute == NULL || attribute->count != 8 || pads[0] != 0 || pads[1] != 0 || pads[6] != 0 || pads[7] != 0) {
    return tw_tf_wrong(node, TW_E_FORMAT, error,
                       "'explicit_paddings' must be 8 numbers, those for pictures and channels 0");
  }
  for (int i = 0; i < 2; i++) {
    attributes->pads_begin[i] = pads[2 + 2 * i];
    attributes->pads_end[i] = pads[3 + 2 * i];
  }
  return TW_OK;
}

tw_status tw_tf_get_window(const tw_tf_node *node, const int64_t size[2], const char *kernel, tw_attributes *attributes,
                           tw_error *error) {
  tw_bytes padding = {0};
  attributes->spatial = 2;
  for (int i = 0; i < 2; i++) {
    attributes->strides[i] = 1;
    attributes->dilations[i] = 1;
  }
  TW_TRY(tw_tf_check_layout(node, error));
  if (kernel != NULL) {
    TW_TRY(get_sides(node, kernel, attributes->kernel, error));
  }
  TW_TRY(get_sides(node, "strides", attributes->strides, error));
  TW_TRY(get_sides(node, "dilations", attributes->dilations, error));
  TW_TRY(tw_tf_get_text(node, "padding", &padding, error));
  if (tw_bytes_is(padding, "SAME")) {
    pad_same(size, attributes);
    return TW_OK;
  }
  if (tw_bytes_is(padding, "EXPLICIT")) {
    return pad_explicit(node, attributes, error);
  }
  return tw_bytes_is(padding, "VALID")
             ? TW_OK
             : tw_tf_wrong(node, TW_E_FORMAT, error, "the attribute 'padding' is '%.*s'; it must be SAME or VALID",
                           tw_onnx_name_length(padding), padding.data);
}
