/* Putting results into the graph: names, and the two orders of dimensions. A picture whose pixels or channels are one
 * lies in memory the same way in both orders; others are transposed where the file mixes dimensions. */
#include <string.h>

#include "graph/tf_import.h"

tw_status tw_tf_wrong(const tw_tf_node *node, tw_status code, tw_error *error, const char *format, ...) {
  char text[TW_ERROR_MESSAGE_SIZE];
  va_list arguments;
  va_start(arguments, format);
  vsnprintf(text, sizeof text, format, arguments);
  va_end(arguments);
  return tw_error_set(error, code, "node '%.*s' (%.*s): %s", tw_onnx_name_length(node->name), node->name.data,
                      tw_onnx_name_length(node->op), node->op.data, text);
}

/* ---- Nodes of the graph ------------------------------------------------------------------------------------------ */

tw_status tw_tf_invent_name(tw_tf_importer *importer, const tw_tf_slot *slot, const char *what, tw_bytes *ret_name,
                            tw_error *error) {
  const char *base = tw_arena_strndup(importer->scratch, (const char *)slot->node->name.data, slot->node->name.size);
  if (base == NULL) {
    return tw_error_memory(error);
  }
  char name[TW_MAX_NAME + 1];
  unsigned long number = 1;
  do {
    tw_name_candidate(base, what, number++, name);
  } while (tw_names_find(&importer->names, tw_bytes_of(name)) != NULL || tw_graph_find(importer->graph, name) != NULL);
  const char *copy = tw_arena_strdup(importer->scratch, name);
  if (copy == NULL) {
    return tw_error_memory(error);
  }
  *ret_name = tw_bytes_of(copy);
  return TW_OK;
}

/* What the network computes from its input must be float32. */
static tw_status check_float32(const tw_tf_slot *slot, const tw_value *value, tw_error *error) {
  const tw_node *node = value->producer;
  bool constant = node->input_count == 1 && node->inputs[0]->data != NULL;
  if (value->dtype == TW_DTYPE_F32 || constant) {
    return TW_OK;
  }
  return tw_tf_wrong(slot->node, TW_E_UNSUPPORTED, error,
                     "computes with %s; only networks that compute in float32 are supported",
                     tw_dtype_name(value->dtype));
}

tw_status tw_tf_emit(tw_tf_importer *importer, const tw_tf_slot *slot, tw_op op, tw_value *const *inputs,
                     size_t input_count, const tw_attributes *attributes, const char *what, bool last,
                     tw_value **ret_value, tw_error *error) {
  tw_bytes name = slot->node->name;
  if (!last) {
    TW_TRY(tw_tf_invent_name(importer, slot, what, &name, error));
  }
  tw_value *value;
  TW_TRY(tw_graph_put_node(importer->graph, name, op, inputs, input_count, attributes, name, &value, error));
  TW_TRY(check_float32(slot, value, error));
  *ret_value = value;
  return TW_OK;
}

void tw_tf_settle(tw_tf_slot *slot, tw_value *value) {
  slot->value = value;
  slot->shape = value->shape;
  if (value->shape.rank == 4) {
    slot->shape.dims[1] = value->shape.dims[2];
    slot->shape.dims[2] = value->shape.dims[3];
    slot->shape.dims[3] = value->shape.dims[1];
  }
}

tw_status tw_tf_finish(tw_tf_importer *importer, tw_tf_slot *slot, tw_op op, tw_value *const *inputs,
                       size_t input_count, const tw_attributes *attributes, tw_error *error) {
  tw_value *value;
  TW_TRY(tw_tf_emit(importer, slot, op, inputs, input_count, attributes, NULL, true, &value, error));
  tw_tf_settle(slot, value);
  return TW_OK;
}

/* ---- Inputs ------------------------------------------------------------------------------------------------------ */

static tw_status need(const tw_tf_slot *slot, size_t i, tw_error *error) {
  return i < slot->input_count ? TW_OK : tw_tf_wrong(slot->node, TW_E_FORMAT, error, "its input %zu is missing", i + 1);
}

tw_status tw_tf_input(tw_tf_importer *importer, const tw_tf_slot *slot, size_t i, tw_tf_form form, tw_value **ret_value,
                      tw_error *error) {
  TW_TRY(need(slot, i, error));
  tw_tf_slot *input = slot->inputs[i];
  if (input->constant == NULL) {
    *ret_value = input->value;
    return TW_OK;
  }
  tw_status status = tw_tf_form_of(importer, input, form, ret_value, error);
  return status == TW_OK ? TW_OK
                         : tw_error_prefix(error, status, "node '%.*s'", tw_onnx_name_length(slot->node->name),
                                           slot->node->name.data);
}

tw_status tw_tf_result_input(const tw_tf_slot *slot, size_t i, int rank, tw_value **ret_value, tw_error *error) {
  TW_TRY(need(slot, i, error));
  const tw_tf_slot *input = slot->inputs[i];
  char text[TW_SHAPE_TEXT_SIZE];
  if (input->constant != NULL) {
    return tw_tf_wrong(slot->node, TW_E_UNSUPPORTED, error, "its input '%.*s' is a constant; it must be computed",
                       tw_onnx_name_length(input->node->name), input->node->name.data);
  }
  if (rank != 0 && input->shape.rank != rank) {
    return tw_tf_wrong(slot->node, TW_E_FORMAT, error, "its input '%.*s' is %s; it must have %d dimensions",
                       tw_onnx_name_length(input->node->name), input->node->name.data,
                       tw_shape_text(&input->shape, text), rank);
  }
  *ret_value = input->value;
  return TW_OK;
}

/* ---- Other dimensions -------------------------------------------------------------------------------------------- */

/* Whether N x H x W x C and N x C x H x W are the same in memory. */
static bool is_one_order(const tw_shape *shape) {
  return shape->dims[3] == 1 || (shape->dims[1] == 1 && shape->dims[2] == 1);
}

/* Of pictures the first dimension is written as "whatever is left". */
static tw_attributes reshape_to(const tw_shape *shape) {
  tw_attributes attributes = {.target_rank = shape->rank};
  memcpy(attributes.target, shape->dims, sizeof shape->dims);
  if (shape->rank > 0 && shape->dims[0] == 1) {
    attributes.target[0] = -1;
  }
  return attributes;
}

/* `value`, of dimensions `from`, with dimensions `to`; both in the file's order. */
static tw_status reshape(tw_tf_importer *importer, const tw_tf_slot *slot, tw_value *value, const tw_shape *from,
                         const tw_shape *to, bool last, tw_value **ret_value, tw_error *error) {
  static const tw_attributes to_nhwc = {.target_rank = 4, .target = {0, 2, 3, 1}};
  static const tw_attributes to_nchw = {.target_rank = 4, .target = {0, 3, 1, 2}};
  if (tw_shape_equal(from, to)) {
    return tw_tf_emit(importer, slot, TW_OP_IDENTITY, &value, 1, NULL, "same", last, ret_value, error);
  }
  if (from->rank == 4 && !is_one_order(from)) {
    TW_TRY(tw_tf_emit(importer, slot, TW_OP_TRANSPOSE, &value, 1, &to_nhwc, "nhwc", false, &value, error));
  }
  bool turned = to->rank == 4 && !is_one_order(to);
  tw_shape shape = *to;
  if (to->rank == 4 && !turned) {
    shape = (tw_shape){.rank = 4, .dims = {to->dims[0], to->dims[3], to->dims[1], to->dims[2]}};
  }
  tw_attributes attributes = reshape_to(&shape);
  TW_TRY(tw_tf_emit(importer, slot, TW_OP_RESHAPE, &value, 1, &attributes, "reshaped", last && !turned, &value, error));
  if (turned) {
    TW_TRY(tw_tf_emit(importer, slot, TW_OP_TRANSPOSE, &value, 1, &to_nchw, "nchw", last, &value, error));
  }
  *ret_value = value;
  return TW_OK;
}

tw_status tw_tf_reshape(tw_tf_importer *importer, tw_tf_slot *slot, const tw_shape *target, tw_error *error) {
  const tw_tf_slot *input = slot->inputs[0];
  tw_value *value;
  TW_TRY(reshape(importer, slot, input->value, &input->shape, target, true, &value, error));
  tw_tf_settle(slot, value);
  return TW_OK;
}

tw_status tw_tf_widen(tw_tf_importer *importer, const tw_tf_slot *slot, const tw_tf_slot *input, tw_value **ret_value,
                      tw_error *error) {
  tw_shape wide = {.rank = 4, .dims = {1, 1, 1, 1}};
  if (input->shape.rank >= 4) {
    *ret_value = input->value;
    return TW_OK;
  }
  memcpy(&wide.dims[4 - input->shape.rank], input->shape.dims, (size_t)input->shape.rank * sizeof wide.dims[0]);
  return reshape(importer, slot, input->value, &input->shape, &wide, false, ret_value, error);
}
