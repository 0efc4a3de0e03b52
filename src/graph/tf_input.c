/* How a GraphDef is fed: by a placeholder, or, when it begins with DecodeJpeg, by a picture's file. Then the nodes from
 * there on are preprocessing: they become the canonical text of image/image.h, and the network begins where they end.
 *
 * The text computes (pixel - mean) * scale. Arithmetic after the resizing is taken into it as far as it gives the same
 * bits; what does not fit stays in the network. What stands before or in the resizing is what the text can say, or is
 * refused: nothing is approximated. */
#include <math.h>
#include <string.h>

#include "graph/tf_import.h"
#include "image/image.h"

static bool is_op(const tw_tf_slot *slot, const char *op) {
  return tw_bytes_is(slot->node->op, op);
}

/* ---- Arithmetic after resizing ----------------------------------------------------------------------------------- */

typedef struct affine {
  bool shifted;
  bool scaled;
  float mean[3];
  float scale[3];
} affine;

/* One number, or three for the colours. */
static bool literal_colours(const tw_tf_slot *slot, float colours[3]) {
  const tw_tf_tensor *tensor = slot == NULL ? NULL : tw_tf_literal(slot);
  if (tensor == NULL || tensor->type != TW_TF_FLOAT || tensor->rank > 4) {
    return false;
  }
  bool three = tensor->content.size == 3 * sizeof(float) && tensor->rank > 0 && tensor->dims[tensor->rank - 1] == 3;
  if (!three && tensor->content.size != sizeof(float)) {
    return false;
  }
  for (size_t i = 0; i < 3; i++) {
    memcpy(&colours[i], tensor->content.data + (three ? i : 0) * sizeof(float), sizeof(float));
    if (!isfinite(colours[i])) {
      return false;
    }
  }
  return true;
}

static bool is_power_of_two(float value) {
  int exponent;
  return value != 0 && fabsf(frexpf(value, &exponent)) == 0.5F && fabsf(value) > 0x1p-60F && fabsf(value) < 0x1p60F;
}

/* x - by. After a scaling by a power of two, (x * s) - m is (x - m / s) * s to the bit. */
static bool shift(affine *map, const float by[3]) {
  if (map->shifted) {
    return false;
  }
  for (int i = 0; map->scaled && i < 3; i++) {
    bool fits = is_power_of_two(map->scale[i]) && (by[i] == 0 || (fabsf(by[i]) > 0x1p-60F && fabsf(by[i]) < 0x1p60F));
    if (!fits) {
      return false;
    }
  }
  for (int i = 0; i < 3; i++) {
    map->mean[i] = by[i] == 0 ? 0 : by[i] / map->scale[i];
  }
  map->shifted = true;
  return true;
}

/* x * by. The text has no scale of 0: a picture multiplied away stays the network's business. */
static bool scale(affine *map, const float by[3]) {
  if (map->scaled || by[0] == 0 || by[1] == 0 || by[2] == 0) {
    return false;
  }
  memcpy(map->scale, by, sizeof map->scale);
  map->scaled = true;
  return true;
}

/* Whether `slot`, which uses `before`, could be taken into the map. */
static bool take_arithmetic(const tw_tf_slot *slot, const tw_tf_slot *before, affine *map) {
  float by[3] = {0};
  bool first = slot->input_count == 2 && slot->inputs[0] == before && literal_colours(slot->inputs[1], by);
  bool second = slot->input_count == 2 && slot->inputs[1] == before && literal_colours(slot->inputs[0], by);
  if (is_op(slot, "Identity")) {
    return true;
  }
  if (is_op(slot, "Sub")) {
    return first && shift(map, by);
  }
  if (is_op(slot, "Add") || is_op(slot, "AddV2")) {
    const float negated[3] = {-by[0], -by[1], -by[2]};
    return (first || second) && shift(map, negated);
  }
  if (is_op(slot, "Mul")) {
    return (first || second) && scale(map, by);
  }
  if ((is_op(slot, "RealDiv") || is_op(slot, "Div")) && first) {
    for (int i = 0; i < 3; i++) {
      if (!is_power_of_two(by[i])) {
        return false;
      }
      by[i] = 1 / by[i];
    }
    return scale(map, by);
  }
  return false;
}

/* ---- Decoding and resizing --------------------------------------------------------------------------------------- */

static tw_status refuse(const tw_tf_slot *slot, const char *attribute, const char *why, tw_error *error) {
  return tw_tf_wrong(slot->node, TW_E_UNSUPPORTED, error, "the attribute '%s' %s", attribute, why);
}

/* https://www.tensorflow.org/api_docs/python/tf/raw_ops/DecodeJpeg */
static tw_status read_decode(const tw_tf_slot *slot, tw_preprocess *preprocess, tw_error *error) {
  int64_t channels = 0;
  int64_t ratio = 1;
  bool fancy = true;
  bool recover = false;
  float fraction = 1;
  tw_bytes method = {0};
  TW_TRY(tw_tf_get_int(slot->node, "channels", &channels, error));
  TW_TRY(tw_tf_get_int(slot->node, "ratio", &ratio, error));
  TW_TRY(tw_tf_get_flag(slot->node, "fancy_upscaling", &fancy, error));
  TW_TRY(tw_tf_get_flag(slot->node, "try_recover_truncated", &recover, error));
  TW_TRY(tw_tf_get_float(slot->node, "acceptable_fraction", &fraction, error));
  TW_TRY(tw_tf_get_text(slot->node, "dct_method", &method, error));
  if (channels != 3) {
    return refuse(slot, "channels", "must be 3: only networks for colour pictures are supported", error);
  }
  if (ratio != 1) {
    return refuse(slot, "ratio", "must be 1: pictures are decoded at their full size", error);
  }
  if (recover || fraction != 1) {
    return refuse(slot, recover ? "try_recover_truncated" : "acceptable_fraction",
                  "accepts broken pictures, which is not supported", error);
  }
  bool fast = method.size == 0 || tw_bytes_is(method, "INTEGER_FAST");
  if (!fast && !tw_bytes_is(method, "INTEGER_ACCURATE")) {
    return refuse(slot, "dct_method", "must be INTEGER_FAST or INTEGER_ACCURATE", error);
  }
  preprocess->dct = fast ? TW_DCT_IFAST : TW_DCT_ISLOW;
  preprocess->upsampling = fancy ? TW_UPSAMPLING_FANCY : TW_UPSAMPLING_PLAIN;
  return TW_OK;
}

/* A literal list of int32. */
static bool literal_integers(const tw_tf_slot *slot, size_t count, int64_t *numbers) {
  const tw_tf_tensor *tensor = slot == NULL ? NULL : tw_tf_literal(slot);
  if (tensor == NULL || tensor->type != TW_TF_INT32 || tensor->content.size != count * 4) {
    return false;
  }
  for (size_t i = 0; i < count; i++) {
    numbers[i] = (int32_t)tw_load_u32(tensor->content.data + 4 * i);
  }
  return true;
}

static tw_status read_resize(const tw_tf_slot *slot, tw_preprocess *preprocess, tw_error *error) {
  bool align = false;
  bool centres = false;
  int64_t size[2];
  TW_TRY(tw_tf_get_flag(slot->node, "align_corners", &align, error));
  TW_TRY(tw_tf_get_flag(slot->node, "half_pixel_centers", &centres, error));
  if (align || centres) {
    return refuse(slot, align ? "align_corners" : "half_pixel_centers",
                  "is true; only the plain grid (both false) is supported", error);
  }
  if (slot->input_count != 2 || !literal_integers(slot->inputs[1], 2, size)) {
    return tw_tf_wrong(slot->node, TW_E_UNSUPPORTED, error, "its size must be a constant of two integers");
  }
  for (int i = 0; i < 2; i++) {
    if (size[i] < 1 || size[i] > TW_PREPROCESS_MAX_SIDE) {
      return tw_tf_wrong(slot->node, TW_E_LIMIT, error, "its size is %lld x %lld; each side must be 1 to %d",
                         (long long)size[0], (long long)size[1], TW_PREPROCESS_MAX_SIDE);
    }
  }
  preprocess->height = (uint32_t)size[0];
  preprocess->width = (uint32_t)size[1];
  return TW_OK;
}

/* A node between the decoder and the resizing: one that changes no pixel. */
static tw_status pass_over(const tw_tf_slot *slot, bool *expanded, tw_error *error) {
  int32_t type = 0;
  int64_t axis = -1;
  if (is_op(slot, "Cast")) {
    TW_TRY(tw_tf_get_type(slot->node, "DstT", &type, error));
    return type == TW_TF_FLOAT ? TW_OK : refuse(slot, "DstT", "must be float32", error);
  }
  if (is_op(slot, "ExpandDims") && slot->input_count == 2 && literal_integers(slot->inputs[1], 1, &axis) &&
      (axis == 0 || axis == -4) && !*expanded) {
    *expanded = true;
    return TW_OK;
  }
  if (is_op(slot, "Identity")) {
    return TW_OK;
  }
  return tw_tf_wrong(slot->node, TW_E_UNSUPPORTED, error,
                     "stands between DecodeJpeg and ResizeBilinear, where only Cast to float32 and ExpandDims in front "
                     "are supported");
}

static tw_status only_user(const tw_tf_slot *slot, tw_tf_slot **ret_user, tw_error *error) {
  if (slot->user_count != 1) {
    return tw_tf_wrong(slot->node, TW_E_UNSUPPORTED, error,
                       "its picture must go to one node, and on to ResizeBilinear; it goes to %zu", slot->user_count);
  }
  *ret_user = slot->user;
  return TW_OK;
}

/* From the decoder to where the network begins. */
static tw_status recognise(tw_tf_slot *decoder, tw_preprocess *preprocess, tw_tf_slot **ret_end, tw_error *error) {
  affine map = {.scale = {1, 1, 1}};
  bool expanded = false;
  tw_tf_slot *at;
  TW_TRY(read_decode(decoder, preprocess, error));
  decoder->before_input = true;
  TW_TRY(only_user(decoder, &at, error));
  while (!is_op(at, "ResizeBilinear")) {
    TW_TRY(pass_over(at, &expanded, error));
    at->before_input = true;
    TW_TRY(only_user(at, &at, error));
  }
  TW_TRY(read_resize(at, preprocess, error));
  if (!expanded) {
    return tw_tf_wrong(at->node, TW_E_UNSUPPORTED, error, "its picture must come through ExpandDims");
  }
  while (at->user_count == 1 && take_arithmetic(at->user, at, &map)) {
    at->before_input = true;
    at = at->user;
  }
  memcpy(preprocess->mean, map.mean, sizeof map.mean);
  memcpy(preprocess->scale, map.scale, sizeof map.scale);
  *ret_end = at;
  return TW_OK;
}

/* ---- The input --------------------------------------------------------------------------------------------------- */

/* shape: in the file's order. */
static tw_status put_input(tw_tf_importer *importer, tw_tf_slot *slot, const tw_shape *shape, tw_error *error) {
  tw_shape ours = *shape;
  tw_value *value;
  if (shape->rank == 4) {
    ours = (tw_shape){.rank = 4, .dims = {shape->dims[0], shape->dims[3], shape->dims[1], shape->dims[2]}};
  }
  TW_TRY(tw_graph_put_input(importer->graph, slot->node->name, TW_DTYPE_F32, &ours, &value, error));
  tw_tf_settle(slot, value);
  slot->end = slot->first; /* what made it is not looked at any more */
  return TW_OK;
}

static tw_status begin_with_decoder(tw_tf_importer *importer, tw_tf_slot *decoder, tw_error *error) {
  tw_preprocess preprocess = {.orientation = TW_ORIENTATION_IGNORED,
                              .alpha = TW_ALPHA_DROPPED,
                              .filter = TW_FILTER_BILINEAR_LEGACY,
                              .geometry = TW_GEOMETRY_SQUASH,
                              .crop = 1,
                              .rounding = TW_ROUNDING_FLOAT,
                              .layout = TW_LAYOUT_NCHW};
  tw_tf_slot *end;
  TW_TRY(recognise(decoder, &preprocess, &end, error));
  char *text = tw_preprocess_text(&preprocess);
  importer->graph->preprocessing = text == NULL ? NULL : tw_arena_strdup(importer->graph->arena, text);
  tw_free(text);
  if (importer->graph->preprocessing == NULL) {
    return tw_error_memory(error);
  }
  tw_shape shape = {.rank = 4, .dims = {1, preprocess.height, preprocess.width, 3}};
  importer->file_batch = 1;
  importer->graph->dynamic_batch = true; /* past the decoder nothing says that there is one picture only */
  return put_input(importer, end, &shape, error);
}

/* What a placeholder says of its shape; what it leaves open comes from the hints. */
static tw_status placeholder_shape(const tw_tf_importer *importer, const tw_tf_slot *slot, tw_shape *ret_shape,
                                   int64_t *ret_batch, tw_error *error) {
  const tw_tf_attribute *given = tw_tf_attribute_find(slot->node, "shape");
  tw_shape shape = {.rank = 4, .dims = {-1, -1, -1, 3}};
  if (given != NULL && given->kind == TW_TF_ATTR_SHAPE && given->tensor.rank > 0) {
    shape.rank = given->tensor.rank;
    memcpy(shape.dims, given->tensor.dims, sizeof shape.dims);
  }
  *ret_batch = shape.dims[0];
  shape.dims[0] = 1;
  const uint32_t hints[2] = {importer->hints->height, importer->hints->width};
  for (int i = 1; i < shape.rank; i++) {
    bool hinted = shape.rank == 4 && i < 3 && shape.dims[i] < 0 && hints[i - 1] != 0;
    shape.dims[i] = hinted ? (int64_t)hints[i - 1] : shape.dims[i];
    if (shape.dims[i] < 0) {
      return tw_tf_wrong(slot->node, TW_E_ARGUMENT, error,
                         "the file does not say how large the pictures are that it takes; give --input-size");
    }
  }
  *ret_shape = shape;
  return TW_OK;
}

static tw_status begin_with_placeholder(tw_tf_importer *importer, tw_tf_slot *slot, tw_error *error) {
  int32_t type = TW_TF_FLOAT;
  tw_shape shape;
  int64_t batch;
  TW_TRY(tw_tf_get_type(slot->node, "dtype", &type, error));
  if (type != TW_TF_FLOAT) {
    return tw_tf_wrong(slot->node, TW_E_UNSUPPORTED, error, "the attribute 'dtype' is %d; it must be 1, float32",
                       (int)type);
  }
  TW_TRY(placeholder_shape(importer, slot, &shape, &batch, error));
  importer->graph->dynamic_batch = batch < 0;
  importer->file_batch = batch < 1 ? 1 : batch;
  return put_input(importer, slot, &shape, error);
}

/* A placeholder with a constant default may be a setting; of four dimensions it is a picture. */
static bool is_picture_with_default(const tw_tf_slot *slot) {
  const tw_tf_attribute *shape = tw_tf_attribute_find(slot->node, "shape");
  return is_op(slot, "PlaceholderWithDefault") && shape != NULL && shape->kind == TW_TF_ATTR_SHAPE &&
         shape->tensor.rank == 4 && slot->input_count == 1 && slot->inputs[0] != NULL && !slot->inputs[0]->fed;
}

static tw_status several(const tw_tf_slot *a, const tw_tf_slot *b, tw_error *error) {
  return tw_error_set(error, TW_E_UNSUPPORTED, "the network has several inputs ('%.*s', '%.*s'); it must have one",
                      tw_onnx_name_length(a->node->name), a->node->name.data, tw_onnx_name_length(b->node->name),
                      b->node->name.data);
}

tw_status tw_tf_find_input(tw_tf_importer *importer, tw_error *error) {
  tw_tf_slot *found = NULL;
  tw_tf_slot *by_default = NULL;
  for (size_t i = 0; i < importer->file.node_count; i++) {
    tw_tf_slot *slot = &importer->slots[i];
    if (!slot->needed) {
      continue;
    }
    if (is_op(slot, "Placeholder") || is_op(slot, "DecodeJpeg")) {
      if (found != NULL) {
        return several(found, slot, error);
      }
      found = slot;
    } else if (is_picture_with_default(slot)) {
      by_default = slot;
    }
  }
  found = found == NULL ? by_default : found;
  if (found == NULL) {
    return tw_error_set(error, TW_E_FORMAT, "the network has no input (Placeholder or DecodeJpeg)");
  }
  return is_op(found, "DecodeJpeg") ? begin_with_decoder(importer, found, error)
                                    : begin_with_placeholder(importer, found, error);
}
