/* Constants of a GraphDef: what the file holds, what follows from that alone (spelt-out batch norms are full of it),
 * and how they come into the graph. Their bytes stay where they are; another order of dimensions is a Transpose in the
 * graph, which the pass that folds constants takes away when the network is to be run. */
#include <math.h>
#include <string.h>

#include "graph/evaluate.h"
#include "graph/tf_import.h"

static bool is_op(const tw_tf_slot *slot, const char *op) {
  return tw_bytes_is(slot->node->op, op);
}

/* ---- Taking ------------------------------------------------------------------------------------------------------ */

static tw_dtype dtype_of(int32_t type) {
  static const struct {
    int32_t theirs;
    tw_dtype ours;
  } types[] = {{TW_TF_FLOAT, TW_DTYPE_F32},  {TW_TF_DOUBLE, TW_DTYPE_F64}, {TW_TF_INT32, TW_DTYPE_I32},
               {TW_TF_UINT8, TW_DTYPE_U8},   {TW_TF_INT16, TW_DTYPE_I16},  {TW_TF_INT8, TW_DTYPE_I8},
               {TW_TF_INT64, TW_DTYPE_I64},  {TW_TF_BOOL, TW_DTYPE_BOOL},  {TW_TF_BFLOAT16, TW_DTYPE_BF16},
               {TW_TF_UINT16, TW_DTYPE_U16}, {TW_TF_HALF, TW_DTYPE_F16}};
  for (size_t i = 0; i < sizeof types / sizeof *types; i++) {
    if (types[i].theirs == type) {
      return types[i].ours;
    }
  }
  return 0;
}

static tw_status set_constant(tw_tf_importer *importer, tw_tf_slot *slot, tw_dtype dtype, const tw_shape *shape,
                              const void *data, size_t size, tw_error *error) {
  tw_value *constant = tw_arena_alloc(importer->scratch, 1, sizeof *constant);
  const char *name = tw_arena_strndup(importer->scratch, (const char *)slot->node->name.data, slot->node->name.size);
  if (constant == NULL || name == NULL) {
    return tw_error_memory(error);
  }
  *constant = (tw_value){.name = name, .dtype = dtype, .shape = *shape, .data = data, .data_size = size};
  slot->constant = constant;
  slot->shape = *shape;
  return TW_OK;
}

tw_status tw_tf_take_constant(tw_tf_importer *importer, tw_tf_slot *slot, const tw_tf_tensor *tensor, tw_error *error) {
  tw_dtype dtype = dtype_of(tensor->type);
  if (dtype == 0) {
    return tw_tf_wrong(slot->node, TW_E_UNSUPPORTED, error, "holds elements of type number %d, which is not supported",
                       (int)tensor->type);
  }
  tw_shape shape = {.rank = tensor->rank};
  memcpy(shape.dims, tensor->dims, sizeof shape.dims);
  return set_constant(importer, slot, dtype, &shape, tensor->content.data, tensor->content.size, error);
}

const tw_tf_tensor *tw_tf_literal(const tw_tf_slot *slot) {
  enum { FEW = 8 };
  for (int i = 0; i < FEW && slot != NULL && !is_op(slot, "Const"); i++) {
    bool hands_on = is_op(slot, "Identity") || is_op(slot, "PlaceholderWithDefault");
    slot = hands_on && slot->input_count == 1 ? slot->inputs[0] : NULL;
  }
  const tw_tf_attribute *value = slot == NULL ? NULL : tw_tf_attribute_find(slot->node, "value");
  return value != NULL && value->kind == TW_TF_ATTR_TENSOR ? &value->tensor : NULL;
}

/* ---- Computing --------------------------------------------------------------------------------------------------- */

static tw_status room_for(tw_tf_importer *importer, const tw_tf_slot *slot, size_t bytes, void **ret_room,
                          tw_error *error) {
  if (bytes > importer->room_left) {
    return tw_tf_wrong(slot->node, TW_E_LIMIT, error, "computing the network's constants would take too much memory");
  }
  importer->room_left -= bytes;
  *ret_room = tw_arena_aligned(importer->graph->arena, bytes);
  return *ret_room == NULL ? tw_error_memory(error) : TW_OK;
}

/* By one of our own operators. */
static tw_status fold_by(tw_tf_importer *importer, tw_tf_slot *slot, tw_op op, tw_value *const *inputs,
                         size_t input_count, const tw_attributes *attributes, tw_error *error) {
  char *name = tw_arena_strndup(importer->scratch, (const char *)slot->node->name.data, slot->node->name.size);
  if (name == NULL) {
    return tw_error_memory(error);
  }
  tw_value output = {.name = name};
  tw_node node = {.name = name, .op = op, .input_count = input_count, .inputs = (tw_value **)inputs, .output = &output};
  if (attributes != NULL) {
    node.attributes = *attributes;
  }
  tw_attributes_normalise(&node);
  TW_TRY(tw_infer(&node, &output.dtype, &output.shape, error));
  size_t count = 0;
  void *room;
  tw_shape_count(&output.shape, &count);
  size_t bytes = count * tw_dtype_size(output.dtype);
  TW_TRY(room_for(importer, slot, bytes, &room, error));
  tw_evaluate(&node, room);
  return set_constant(importer, slot, output.dtype, &output.shape, room, bytes, error);
}

static tw_value *constant_of(const tw_tf_slot *slot, size_t i) {
  return (tw_value *)slot->inputs[i]->constant;
}

static tw_status fold_cast(tw_tf_importer *importer, tw_tf_slot *slot, tw_error *error) {
  int32_t type = 0;
  TW_TRY(tw_tf_get_type(slot->node, "DstT", &type, error));
  tw_attributes attributes = {.to = dtype_of(type)};
  tw_value *x = constant_of(slot, 0);
  return fold_by(importer, slot, TW_OP_CAST, &x, 1, &attributes, error);
}

static float divide(float a, float b) {
  return a / b;
}

static float reciprocal_root(float a, float unused) {
  (void)unused;
  return 1 / sqrtf(a);
}

static float root(float a, float unused) {
  (void)unused;
  return sqrtf(a);
}

static float square(float a, float unused) {
  (void)unused;
  return a * a;
}

static float negate(float a, float unused) {
  (void)unused;
  return -a;
}

static float reciprocal(float a, float unused) {
  (void)unused;
  return 1 / a;
}

typedef struct float_fold {
  const char *op;
  size_t inputs;
  float (*apply)(float a, float b);
} float_fold;

static const float_fold float_folds[] = {
    {"Rsqrt", 1, reciprocal_root}, {"Sqrt", 1, root},      {"Square", 1, square}, {"Neg", 1, negate},
    {"Reciprocal", 1, reciprocal}, {"Inv", 1, reciprocal}, {"Div", 2, divide},    {"RealDiv", 2, divide},
};

/* Element by element, in float32. A second input is one number, or as large as the first. */
static tw_status fold_floats(tw_tf_importer *importer, tw_tf_slot *slot, const float_fold *fold, bool *ret_done,
                             tw_error *error) {
  const tw_value *a = constant_of(slot, 0);
  const tw_value *b = fold->inputs == 2 ? constant_of(slot, 1) : a;
  bool one = b->data_size == sizeof(float);
  *ret_done = a->dtype == TW_DTYPE_F32 && b->dtype == TW_DTYPE_F32 &&
              (tw_shape_equal(&a->shape, &b->shape) || (one && b->shape.rank <= a->shape.rank));
  if (!*ret_done) {
    return TW_OK;
  }
  void *room;
  TW_TRY(room_for(importer, slot, a->data_size, &room, error));
  float *to = room;
  for (size_t i = 0; i < a->data_size / sizeof *to; i++) {
    to[i] = fold->apply((float)tw_constant_f64(a, i), (float)tw_constant_f64(b, one ? 0 : i));
  }
  return set_constant(importer, slot, TW_DTYPE_F32, &a->shape, to, a->data_size, error);
}

static bool all_constant(const tw_tf_slot *slot) {
  bool constant = slot->end > slot->first;
  for (size_t i = slot->first; i < slot->end; i++) {
    constant = constant && slot->inputs[i]->constant != NULL;
  }
  return constant;
}

tw_status tw_tf_fold(tw_tf_importer *importer, tw_tf_slot *slot, bool *ret_done, tw_error *error) {
  static const struct {
    const char *op;
    tw_op ours;
  } arithmetic[] = {
      {"Add", TW_OP_ADD}, {"AddV2", TW_OP_ADD}, {"BiasAdd", TW_OP_ADD}, {"Sub", TW_OP_SUB}, {"Mul", TW_OP_MUL}};
  static const char *const handing_on[] = {"Identity", "CheckNumerics", "PlaceholderWithDefault", "StopGradient"};
  *ret_done = false;
  if (!all_constant(slot)) {
    return TW_OK;
  }
  size_t count = slot->end - slot->first;
  *ret_done = true;
  for (size_t i = 0; i < sizeof handing_on / sizeof *handing_on; i++) {
    if (is_op(slot, handing_on[i]) && count == 1) {
      const tw_value *x = constant_of(slot, slot->first);
      return set_constant(importer, slot, x->dtype, &x->shape, x->data, x->data_size, error);
    }
  }
  for (size_t i = 0; i < sizeof arithmetic / sizeof *arithmetic; i++) {
    if (is_op(slot, arithmetic[i].op) && count == 2) {
      tw_value *inputs[2] = {constant_of(slot, 0), constant_of(slot, 1)};
      return fold_by(importer, slot, arithmetic[i].ours, inputs, 2, NULL, error);
    }
  }
  if (is_op(slot, "Cast") && count == 1) {
    return fold_cast(importer, slot, error);
  }
  for (size_t i = 0; i < sizeof float_folds / sizeof *float_folds; i++) {
    if (is_op(slot, float_folds[i].op) && count == float_folds[i].inputs) {
      return fold_floats(importer, slot, &float_folds[i], ret_done, error);
    }
  }
  *ret_done = false;
  return TW_OK;
}

/* ---- Into the graph ---------------------------------------------------------------------------------------------- */

static tw_status put(tw_tf_importer *importer, const tw_tf_slot *slot, const tw_shape *shape, const char *what,
                     tw_value **ret_value, tw_error *error) {
  tw_bytes name = slot->node->name;
  const tw_value *constant = slot->constant;
  if (tw_names_find(&importer->graph->names->values, name) != NULL) {
    TW_TRY(tw_tf_invent_name(importer, slot, what, &name, error));
  }
  return tw_graph_put_constant(importer->graph, name, constant->dtype, shape, constant->data, ret_value, error);
}

/* Put with these dimensions, then transposed. */
static tw_status put_transposed(tw_tf_importer *importer, const tw_tf_slot *slot, const tw_shape *shape,
                                const int64_t order[4], tw_value **ret_value, tw_error *error) {
  tw_attributes attributes = {.target_rank = 4};
  tw_value *value;
  memcpy(attributes.target, order, 4 * sizeof *order);
  TW_TRY(put(importer, slot, shape, "stored", &value, error));
  return tw_tf_emit(importer, slot, TW_OP_TRANSPOSE, &value, 1, &attributes, "transposed", false, ret_value, error);
}

static tw_status put_picture(tw_tf_importer *importer, const tw_tf_slot *slot, tw_value **ret_value, tw_error *error) {
  static const int64_t order[4] = {0, 3, 1, 2};
  const tw_shape *shape = &slot->constant->shape;
  tw_shape wide = {.rank = 4, .dims = {1, 1, 1, 1}};
  if (shape->rank == 0) {
    return put(importer, slot, shape, "number", ret_value, error);
  }
  memcpy(&wide.dims[4 - shape->rank], shape->dims, (size_t)shape->rank * sizeof wide.dims[0]);
  if (wide.dims[3] != 1 && (wide.dims[1] != 1 || wide.dims[2] != 1)) {
    return put_transposed(importer, slot, &wide, order, ret_value, error);
  }
  tw_shape turned = {.rank = 4, .dims = {wide.dims[0], wide.dims[3], wide.dims[1], wide.dims[2]}};
  if (shape->rank < 4) {
    turned = (tw_shape){.rank = 3, .dims = {turned.dims[1], turned.dims[2], turned.dims[3]}};
  }
  return put(importer, slot, &turned, "channels", ret_value, error);
}

static tw_status put_filter(tw_tf_importer *importer, const tw_tf_slot *slot, bool depthwise, tw_value **ret_value,
                            tw_error *error) {
  static const int64_t order[4] = {3, 2, 0, 1};
  tw_shape shape = slot->constant->shape;
  if (shape.rank != 4) {
    char text[TW_SHAPE_TEXT_SIZE];
    return tw_error_set(error, TW_E_FORMAT, "its weights are %s; they must have 4 dimensions",
                        tw_shape_text(&shape, text));
  }
  TW_TRY(tw_shape_check("its weights", &shape, slot->constant->dtype, error));
  if (depthwise) {
    shape.dims[3] *= shape.dims[2]; /* of a tensor that is there */
    shape.dims[2] = 1;
  }
  return put_transposed(importer, slot, &shape, order, ret_value, error);
}

tw_status tw_tf_form_of(tw_tf_importer *importer, tw_tf_slot *slot, tw_tf_form form, tw_value **ret_value,
                        tw_error *error) {
  tw_value **known = &slot->forms[form];
  if (*known == NULL) {
    switch (form) {
      case TW_TF_PICTURE: TW_TRY(put_picture(importer, slot, known, error)); break;
      case TW_TF_FILTER:
      case TW_TF_DEPTHWISE: TW_TRY(put_filter(importer, slot, form == TW_TF_DEPTHWISE, known, error)); break;
      default: TW_TRY(put(importer, slot, &slot->constant->shape, "plain", known, error)); break;
    }
  }
  *ret_value = *known;
  return TW_OK;
}

tw_status tw_tf_new_constant(tw_tf_importer *importer, const tw_tf_slot *slot, const char *what, const tw_shape *shape,
                             float **ret_data, tw_value **ret_value, tw_error *error) {
  size_t count = 0;
  void *room;
  tw_bytes name;
  tw_shape_count(shape, &count);
  TW_TRY(room_for(importer, slot, count * sizeof(float), &room, error));
  TW_TRY(tw_tf_invent_name(importer, slot, what, &name, error));
  TW_TRY(tw_graph_put_constant(importer->graph, name, TW_DTYPE_F32, shape, room, ret_value, error));
  *ret_data = room;
  return TW_OK;
}

tw_status tw_tf_set_integers(tw_tf_importer *importer, tw_tf_slot *slot, const int64_t *numbers, int count, bool scalar,
                             tw_error *error) {
  tw_shape shape = {.rank = scalar ? 0 : 1, .dims = {scalar ? 0 : count}};
  uint8_t *bytes = tw_arena_alloc(importer->graph->arena, (size_t)count, 4);
  if (bytes == NULL) {
    return tw_error_memory(error);
  }
  for (size_t i = 0; i < 4 * (size_t)count; i++) {
    bytes[i] = (uint8_t)((uint64_t)numbers[i / 4] >> 8 * (i % 4));
  }
  return set_constant(importer, slot, TW_DTYPE_I32, &shape, bytes, 4 * (size_t)count, error);
}

tw_status tw_tf_integers(const tw_tf_slot *slot, size_t i, const char *what, int64_t *ret_numbers, int room,
                         int *ret_count, tw_error *error) {
  const tw_value *constant = i < slot->input_count ? slot->inputs[i]->constant : NULL;
  if (constant == NULL) {
    return tw_tf_wrong(slot->node, i < slot->input_count ? TW_E_UNSUPPORTED : TW_E_FORMAT, error, "%s %s", what,
                       i < slot->input_count ? "must be constant; the network computes it" : "is missing");
  }
  size_t count = 0;
  tw_shape_count(&constant->shape, &count);
  if (tw_dtype_is_float(constant->dtype) || constant->dtype == TW_DTYPE_BOOL || count > (size_t)room) {
    return tw_tf_wrong(slot->node, TW_E_FORMAT, error, "%s must be up to %d integers", what, room);
  }
  for (size_t j = 0; j < count; j++) {
    ret_numbers[j] = tw_constant_i64(constant, j);
  }
  *ret_count = (int)count;
  return TW_OK;
}
