/* Reading GraphDef's NodeDef and AttrValue. */
#include <string.h>

#include "formats/graphdef_reader.h"

enum {
  NODE_NAME = 1,
  NODE_OP = 2,
  NODE_INPUT = 3,
  NODE_ATTRIBUTE = 5,

  ENTRY_KEY = 1, /* attributes are a map, whose entries are messages */
  ENTRY_VALUE = 2,

  LIST_INTS = 3,
};

/* ---- Attributes -------------------------------------------------------------------------------------------------- */

/* Two walks: to count, and to fill. */
static tw_status read_ints(tw_wire_reader *reader, tw_bytes message, tw_tf_attribute *attribute, tw_error *error) {
  size_t count = 0;
  tw_wire wire = tw_wire_open(message);
  tw_wire_field field;
  while (tw_wire_next(&wire, &field)) {
    size_t more = 0;
    if (field.number == LIST_INTS) {
      TW_TRY(tw_wire_list_count(reader, &wire, &field, TW_WIRE_VARINT, "a list", &more, error));
    }
    count += more;
  }
  TW_TRY(tw_wire_ended(reader, &wire, "a list", error));
  if (count > TW_GRAPHDEF_MAX_LIST) {
    return tw_error_set(error, TW_E_LIMIT, "the attribute '%.*s' has %zu numbers; the limit is %zu",
                        tw_onnx_name_length(attribute->name), attribute->name.data, count, TW_GRAPHDEF_MAX_LIST);
  }
  int64_t *ints = tw_arena_alloc(reader->arena, count, sizeof *ints);
  uint8_t *bytes = tw_arena_alloc(reader->arena, count, sizeof *ints);
  if (ints == NULL || bytes == NULL) {
    return tw_error_memory(error);
  }
  TW_TRY(tw_wire_gather(reader, message, LIST_INTS, TW_WIRE_VARINT, sizeof *ints, bytes, error));
  for (size_t i = 0; i < count; i++) {
    ints[i] = (int64_t)tw_load_u64(bytes + 8 * i);
  }
  attribute->count = count;
  attribute->ints = ints;
  return TW_OK;
}

static tw_status read_value(tw_wire_reader *reader, const tw_wire *wire, const tw_wire_field *field,
                            tw_tf_attribute *attribute, tw_error *error) {
  static const char what[] = "an attribute";
  uint32_t bits = (uint32_t)field->integer;
  tw_bytes bytes = {0};
  attribute->kind = (tw_tf_kind)field->number;
  switch (field->number) {
    case TW_TF_ATTR_TEXT: return tw_wire_take_bytes(reader, wire, field, what, &attribute->s, error);
    case TW_TF_ATTR_INT:
    case TW_TF_ATTR_BOOL:
    case TW_TF_ATTR_TYPE: return tw_wire_take_integer(reader, wire, field, what, &attribute->i, error);
    case TW_TF_ATTR_FLOAT:
      memcpy(&attribute->f, &bits, sizeof bits);
      return field->type == TW_WIRE_FIXED32 ? TW_OK : tw_wire_damaged(reader, wire->at, what, error);
    case TW_TF_ATTR_LIST:
      TW_TRY(tw_wire_take_bytes(reader, wire, field, what, &bytes, error));
      return read_ints(reader, bytes, attribute, error);
    case TW_TF_ATTR_SHAPE:
      TW_TRY(tw_wire_take_bytes(reader, wire, field, what, &bytes, error));
      return tw_graphdef_read_shape(reader, bytes, &attribute->tensor, error);
    case TW_TF_ATTR_TENSOR:
      TW_TRY(tw_wire_take_bytes(reader, wire, field, what, &bytes, error));
      return tw_graphdef_read_tensor(reader, bytes, &attribute->tensor, error);
    default: attribute->kind = TW_TF_ATTR_OTHER; return TW_OK;
  }
}

static tw_status read_attribute(tw_wire_reader *reader, tw_bytes message, tw_tf_attribute *ret_attribute,
                                tw_error *error) {
  tw_tf_attribute attribute = {0};
  tw_bytes value = {0};
  tw_wire wire = tw_wire_open(message);
  tw_wire_field field;
  while (tw_wire_next(&wire, &field)) {
    if (field.number == ENTRY_KEY || field.number == ENTRY_VALUE) {
      tw_bytes *to = field.number == ENTRY_KEY ? &attribute.name : &value;
      TW_TRY(tw_wire_take_bytes(reader, &wire, &field, "an attribute", to, error));
    }
  }
  TW_TRY(tw_wire_ended(reader, &wire, "an attribute", error));
  wire = tw_wire_open(value);
  while (tw_wire_next(&wire, &field)) {
    TW_TRY(read_value(reader, &wire, &field, &attribute, error));
  }
  TW_TRY(tw_wire_ended(reader, &wire, "an attribute", error));
  *ret_attribute = attribute;
  return TW_OK;
}

/* ---- Nodes ------------------------------------------------------------------------------------------------------- */

/* Counts inputs and attributes, and fills the texts. */
static tw_status survey_node(tw_wire_reader *reader, tw_bytes message, tw_tf_node *node, tw_error *error) {
  tw_wire wire = tw_wire_open(message);
  tw_wire_field field;
  while (tw_wire_next(&wire, &field)) {
    tw_bytes ignored;
    tw_bytes *text = field.number == NODE_NAME ? &node->name : field.number == NODE_OP ? &node->op : &ignored;
    node->input_count += field.number == NODE_INPUT;
    node->attribute_count += field.number == NODE_ATTRIBUTE;
    if (field.number <= NODE_ATTRIBUTE) {
      TW_TRY(tw_wire_take_bytes(reader, &wire, &field, "a node", text, error));
    }
  }
  return tw_wire_ended(reader, &wire, "a node", error);
}

static tw_status fill_node(tw_wire_reader *reader, tw_bytes message, tw_tf_node *node, tw_error *error) {
  if (node->input_count > reader->values_left) {
    return tw_error_set(error, TW_E_LIMIT, "the nodes have more than %zu inputs", TW_GRAPHDEF_MAX_INPUTS);
  }
  if (node->attribute_count > reader->attributes_left) {
    return tw_error_set(error, TW_E_LIMIT, "the nodes have more than %zu attributes", TW_GRAPHDEF_MAX_ATTRIBUTES);
  }
  reader->values_left -= node->input_count;
  reader->attributes_left -= node->attribute_count;
  node->inputs = tw_arena_alloc(reader->arena, node->input_count, sizeof *node->inputs);
  node->attributes = tw_arena_alloc(reader->arena, node->attribute_count, sizeof *node->attributes);
  if (node->inputs == NULL || node->attributes == NULL) {
    return tw_error_memory(error);
  }
  size_t inputs = 0;
  size_t attributes = 0;
  tw_wire wire = tw_wire_open(message);
  tw_wire_field field;
  while (tw_wire_next(&wire, &field)) {
    if (field.number == NODE_INPUT) {
      node->inputs[inputs++] = field.bytes;
    } else if (field.number == NODE_ATTRIBUTE) {
      TW_TRY(read_attribute(reader, field.bytes, &node->attributes[attributes++], error));
    }
  }
  return TW_OK;
}

tw_status tw_graphdef_read_node(tw_wire_reader *reader, tw_bytes message, tw_tf_node *ret_node, tw_error *error) {
  tw_tf_node node = {0};
  tw_status status = survey_node(reader, message, &node, error);
  if (status == TW_OK) {
    status = fill_node(reader, message, &node, error);
  }
  if (status != TW_OK) {
    return node.name.size == 0 ? status
                               : tw_error_prefix(error, status, "node '%.*s' (%.*s)", tw_onnx_name_length(node.name),
                                                 node.name.data, tw_onnx_name_length(node.op), node.op.data);
  }
  *ret_node = node;
  return TW_OK;
}
