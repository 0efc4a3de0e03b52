/* Reading ONNX's NodeProto and AttributeProto. */
#include <string.h>

#include "formats/onnx_reader.h"

enum {
  NODE_INPUT = 1,
  NODE_OUTPUT = 2,
  NODE_NAME = 3,
  NODE_OP = 4,
  NODE_ATTRIBUTE = 5,
  NODE_DOMAIN = 7,

  ATTRIBUTE_NAME = 1,
  ATTRIBUTE_F = 2,
  ATTRIBUTE_I = 3,
  ATTRIBUTE_S = 4,
  ATTRIBUTE_T = 5,
  ATTRIBUTE_G = 6,
  ATTRIBUTE_FLOATS = 7,
  ATTRIBUTE_INTS = 8,
  ATTRIBUTE_STRINGS = 9,
  ATTRIBUTE_GRAPHS = 11,
  ATTRIBUTE_TYPE = 20,
  ATTRIBUTE_SPARSE = 22,
  ATTRIBUTE_SPARSES = 23,
};

/* AttributeProto.AttributeType. */
enum { TYPE_FLOAT = 1, TYPE_INT = 2, TYPE_STRING = 3, TYPE_TENSOR = 4, TYPE_FLOATS = 6, TYPE_INTS = 7, TYPE_STRINGS };

static float float_of(uint32_t bits) {
  float value;
  memcpy(&value, &bits, sizeof value);
  return value;
}

/* ---- Attributes -------------------------------------------------------------------------------------------------- */

/* Copies the numbers of one field of a list to where the list has come. */
static tw_status add_ints(const tw_wire_reader *reader, const tw_wire_field *field, int64_t *ints, size_t *count,
                          tw_error *error) {
  if (field->type == TW_WIRE_VARINT) {
    ints[(*count)++] = (int64_t)field->integer;
    return TW_OK;
  }
  tw_wire list = tw_wire_open(field->bytes);
  uint64_t value;
  while (tw_wire_varint(&list, &value)) {
    ints[(*count)++] = (int64_t)value;
  }
  return tw_wire_ended(reader, &list, "an attribute's numbers", error);
}

static void add_floats(const tw_wire_field *field, float *floats, size_t *count) {
  if (field->type == TW_WIRE_FIXED32) {
    floats[(*count)++] = float_of((uint32_t)field->integer);
    return;
  }
  for (size_t i = 0; i < field->bytes.size; i += 4) {
    floats[(*count)++] = float_of(tw_load_u32(field->bytes.data + i));
  }
}

/* The list of the given field; its numbers were counted before. */
static tw_status read_list(const tw_wire_reader *reader, tw_bytes message, uint32_t number, size_t count,
                           tw_onnx_attribute *attribute, tw_error *error) {
  if (count > TW_ONNX_MAX_LIST) {
    return tw_error_set(error, TW_E_LIMIT, "the attribute '%.*s' has %zu numbers; the limit is %zu",
                        tw_onnx_name_length(attribute->name), attribute->name.data, count, TW_ONNX_MAX_LIST);
  }
  int64_t *ints = number == ATTRIBUTE_INTS ? tw_arena_alloc(reader->arena, count, sizeof *ints) : NULL;
  float *floats = number == ATTRIBUTE_FLOATS ? tw_arena_alloc(reader->arena, count, sizeof *floats) : NULL;
  if (ints == NULL && floats == NULL) {
    return tw_error_memory(error);
  }
  tw_wire wire = tw_wire_open(message);
  tw_wire_field field;
  size_t done = 0;
  while (tw_wire_next(&wire, &field)) {
    if (field.number == number && ints != NULL) {
      TW_TRY(add_ints(reader, &field, ints, &done, error));
    } else if (field.number == number) {
      add_floats(&field, floats, &done);
    }
  }
  attribute->ints = ints;
  attribute->floats = floats;
  attribute->count = done;
  return TW_OK;
}

static tw_status unsupported(const tw_onnx_attribute *attribute, const char *what, tw_error *error) {
  return tw_error_set(error, TW_E_UNSUPPORTED, "the attribute '%.*s' holds %s, which is not supported",
                      tw_onnx_name_length(attribute->name), attribute->name.data, what);
}

/* Everything but lists, which are counted. `seen` is the type that the filled fields imply. */
static tw_status read_attribute_field(tw_wire_reader *reader, const tw_wire *wire, const tw_wire_field *field,
                                      tw_onnx_attribute *attribute, int32_t *seen, size_t *count, tw_error *error) {
  int64_t number = 0;
  tw_bytes bytes;
  size_t more;
  switch (field->number) {
    case ATTRIBUTE_NAME: return tw_wire_take_bytes(reader, wire, field, "an attribute", &attribute->name, error);
    case ATTRIBUTE_F:
      if (field->type != TW_WIRE_FIXED32) {
        return tw_wire_damaged(reader, wire->at, "an attribute", error);
      }
      *seen = TYPE_FLOAT;
      attribute->f = float_of((uint32_t)field->integer);
      return TW_OK;
    case ATTRIBUTE_I:
      *seen = TYPE_INT;
      return tw_wire_take_integer(reader, wire, field, "an attribute", &attribute->i, error);
    case ATTRIBUTE_S:
      *seen = TYPE_STRING;
      return tw_wire_take_bytes(reader, wire, field, "an attribute", &attribute->s, error);
    case ATTRIBUTE_T:
      *seen = TYPE_TENSOR;
      TW_TRY(tw_wire_take_bytes(reader, wire, field, "an attribute", &bytes, error));
      return tw_onnx_read_tensor(reader, bytes, &attribute->tensor, error);
    case ATTRIBUTE_FLOATS:
    case ATTRIBUTE_INTS:
      *seen = field->number == ATTRIBUTE_INTS ? TYPE_INTS : TYPE_FLOATS;
      TW_TRY(tw_wire_list_count(reader, wire, field, field->number == ATTRIBUTE_INTS ? TW_WIRE_VARINT : TW_WIRE_FIXED32,
                                "an attribute", &more, error));
      count[field->number == ATTRIBUTE_INTS] += more;
      return TW_OK;
    case ATTRIBUTE_STRINGS: *seen = TYPE_STRINGS; return TW_OK;
    case ATTRIBUTE_G:
    case ATTRIBUTE_GRAPHS: return unsupported(attribute, "a network of its own", error);
    case ATTRIBUTE_SPARSE:
    case ATTRIBUTE_SPARSES: return unsupported(attribute, "a sparse tensor", error);
    case ATTRIBUTE_TYPE:
      TW_TRY(tw_wire_take_integer(reader, wire, field, "an attribute", &number, error));
      attribute->type = number > 0 && number < 100 ? (int32_t)number : 0;
      return TW_OK;
    default: return TW_OK;
  }
}

static tw_status read_attribute(tw_wire_reader *reader, tw_bytes message, tw_onnx_attribute *ret_attribute,
                                tw_error *error) {
  tw_onnx_attribute attribute = {0};
  int32_t seen = 0;
  size_t counts[2] = {0, 0}; /* floats, ints */
  tw_wire wire = tw_wire_open(message);
  tw_wire_field field;
  while (tw_wire_next(&wire, &field)) {
    TW_TRY(read_attribute_field(reader, &wire, &field, &attribute, &seen, counts, error));
  }
  TW_TRY(tw_wire_ended(reader, &wire, "an attribute", error));
  if (attribute.type == 0) { /* files of IR version 1 give none */
    attribute.type = seen;
  }
  if (attribute.type == TYPE_FLOATS || attribute.type == TYPE_INTS) {
    bool ints = attribute.type == TYPE_INTS;
    TW_TRY(read_list(reader, message, ints ? ATTRIBUTE_INTS : ATTRIBUTE_FLOATS, counts[ints], &attribute, error));
  }
  *ret_attribute = attribute;
  return TW_OK;
}

/* ---- Nodes ------------------------------------------------------------------------------------------------------- */

/* Counts inputs, outputs and attributes, and fills the texts. */
static tw_status survey_node(tw_wire_reader *reader, tw_bytes message, tw_onnx_node *node, tw_error *error) {
  tw_wire wire = tw_wire_open(message);
  tw_wire_field field;
  while (tw_wire_next(&wire, &field)) {
    tw_bytes ignored;
    tw_bytes *text = field.number == NODE_NAME     ? &node->name
                     : field.number == NODE_OP     ? &node->op
                     : field.number == NODE_DOMAIN ? &node->domain
                                                   : &ignored;
    node->input_count += field.number == NODE_INPUT;
    node->output_count += field.number == NODE_OUTPUT;
    node->attribute_count += field.number == NODE_ATTRIBUTE;
    if (field.number <= NODE_ATTRIBUTE || field.number == NODE_DOMAIN) {
      TW_TRY(tw_wire_take_bytes(reader, &wire, &field, "a node", text, error));
    }
  }
  return tw_wire_ended(reader, &wire, "a node", error);
}

static tw_status check_limits(tw_wire_reader *reader, const tw_onnx_node *node, tw_error *error) {
  size_t values = node->input_count + node->output_count;
  if (values > reader->values_left) {
    return tw_error_set(error, TW_E_LIMIT, "the nodes have more than %zu inputs and outputs", TW_ONNX_MAX_NODE_VALUES);
  }
  if (node->attribute_count > TW_ONNX_MAX_ATTRIBUTES || node->attribute_count > reader->attributes_left) {
    return tw_error_set(error, TW_E_LIMIT, "more than %d attributes at a node, or than %zu in all",
                        TW_ONNX_MAX_ATTRIBUTES, TW_ONNX_MAX_ATTRIBUTES_TOTAL);
  }
  reader->values_left -= values;
  reader->attributes_left -= node->attribute_count;
  return TW_OK;
}

static tw_status fill_node(tw_wire_reader *reader, tw_bytes message, tw_onnx_node *node, tw_error *error) {
  node->inputs = tw_arena_alloc(reader->arena, node->input_count, sizeof *node->inputs);
  node->outputs = tw_arena_alloc(reader->arena, node->output_count, sizeof *node->outputs);
  node->attributes = tw_arena_alloc(reader->arena, node->attribute_count, sizeof *node->attributes);
  if (node->inputs == NULL || node->outputs == NULL || node->attributes == NULL) {
    return tw_error_memory(error);
  }
  size_t inputs = 0;
  size_t outputs = 0;
  size_t attributes = 0;
  tw_wire wire = tw_wire_open(message);
  tw_wire_field field;
  while (tw_wire_next(&wire, &field)) {
    if (field.number == NODE_INPUT) {
      node->inputs[inputs++] = field.bytes;
    } else if (field.number == NODE_OUTPUT) {
      node->outputs[outputs++] = field.bytes;
    } else if (field.number == NODE_ATTRIBUTE) {
      TW_TRY(read_attribute(reader, field.bytes, &node->attributes[attributes++], error));
    }
  }
  return TW_OK;
}

tw_status tw_onnx_read_node(tw_wire_reader *reader, tw_bytes message, tw_onnx_node *ret_node, tw_error *error) {
  tw_onnx_node node = {0};
  TW_TRY(survey_node(reader, message, &node, error));
  tw_status status = check_limits(reader, &node, error);
  if (status == TW_OK) {
    status = fill_node(reader, message, &node, error);
  }
  if (status != TW_OK) {
    tw_bytes name = node.name.size != 0 || node.output_count == 0 || node.outputs == NULL ? node.name : node.outputs[0];
    return tw_error_prefix(error, status, "node '%.*s' (%.*s)", tw_onnx_name_length(name), name.data,
                           tw_onnx_name_length(node.op), node.op.data);
  }
  *ret_node = node;
  return TW_OK;
}
