/* Reading an ONNX file: ModelProto, GraphProto, ValueInfoProto. Each message is walked twice, first to count and then
 * to fill, so that memory is asked only for what is there. Field numbers are those of onnx.proto. */
#include <string.h>

#include "formats/onnx_reader.h"

enum {
  MODEL_IR_VERSION = 1,
  MODEL_PRODUCER = 2,
  MODEL_GRAPH = 7,
  MODEL_OPSET = 8,
  MODEL_PROPERTY = 14,
  MODEL_LAST = 25,

  GRAPH_NODE = 1,
  GRAPH_INITIALIZER = 5,
  GRAPH_INPUT = 11,
  GRAPH_OUTPUT = 12,
  GRAPH_SPARSE = 15,
};

int tw_onnx_name_length(tw_bytes name) {
  enum { MOST = 160 };
  return name.size > MOST ? MOST : (int)name.size;
}

/* ---- Inputs and outputs of the network --------------------------------------------------------------------------- */

static tw_status read_dimension(const tw_wire_reader *reader, tw_bytes message, int64_t *ret_size, tw_error *error) {
  enum { DIM_VALUE = 1 };
  int64_t size = -1;
  tw_wire wire = tw_wire_open(message);
  tw_wire_field field;
  while (tw_wire_next(&wire, &field)) {
    if (field.number == DIM_VALUE) {
      TW_TRY(tw_wire_take_integer(reader, &wire, &field, "a dimension", &size, error));
    }
  }
  *ret_size = size < 0 ? -1 : size;
  return tw_wire_ended(reader, &wire, "a dimension", error);
}

static tw_status read_shape(const tw_wire_reader *reader, tw_bytes message, tw_onnx_value_info *info, tw_error *error) {
  enum { SHAPE_DIM = 1 };
  tw_wire wire = tw_wire_open(message);
  tw_wire_field field;
  info->rank = 0;
  while (tw_wire_next(&wire, &field)) {
    if (field.number != SHAPE_DIM) {
      continue;
    }
    tw_bytes bytes;
    TW_TRY(tw_wire_take_bytes(reader, &wire, &field, "a shape", &bytes, error));
    if (info->rank == 8) {
      return tw_error_set(error, TW_E_LIMIT, "'%.*s' has more than 8 dimensions", tw_onnx_name_length(info->name),
                          info->name.data);
    }
    TW_TRY(read_dimension(reader, bytes, &info->dims[info->rank++], error));
  }
  return tw_wire_ended(reader, &wire, "a shape", error);
}

static tw_status read_tensor_type(const tw_wire_reader *reader, tw_bytes message, tw_onnx_value_info *info,
                                  tw_error *error) {
  enum { TENSOR_TYPE_ELEMENT = 1, TENSOR_TYPE_SHAPE = 2 };
  tw_wire wire = tw_wire_open(message);
  tw_wire_field field;
  while (tw_wire_next(&wire, &field)) {
    int64_t number;
    tw_bytes bytes;
    if (field.number == TENSOR_TYPE_ELEMENT) {
      TW_TRY(tw_wire_take_integer(reader, &wire, &field, "a type", &number, error));
      info->type = number >= 0 && number < INT32_MAX ? (int32_t)number : -1;
    } else if (field.number == TENSOR_TYPE_SHAPE) {
      TW_TRY(tw_wire_take_bytes(reader, &wire, &field, "a type", &bytes, error));
      TW_TRY(read_shape(reader, bytes, info, error));
    }
  }
  return tw_wire_ended(reader, &wire, "a type", error);
}

/* TypeProto: only tensors have a type and a shape here; sequences and maps keep type 0 and rank -1. */
static tw_status read_type(const tw_wire_reader *reader, tw_bytes message, tw_onnx_value_info *info, tw_error *error) {
  enum { TYPE_TENSOR = 1 };
  tw_wire wire = tw_wire_open(message);
  tw_wire_field field;
  while (tw_wire_next(&wire, &field)) {
    tw_bytes bytes;
    if (field.number == TYPE_TENSOR) {
      TW_TRY(tw_wire_take_bytes(reader, &wire, &field, "a type", &bytes, error));
      TW_TRY(read_tensor_type(reader, bytes, info, error));
    }
  }
  return tw_wire_ended(reader, &wire, "a type", error);
}

static tw_status read_value_info(const tw_wire_reader *reader, tw_bytes message, tw_onnx_value_info *ret_info,
                                 tw_error *error) {
  enum { INFO_NAME = 1, INFO_TYPE = 2 };
  tw_onnx_value_info info = {.rank = -1};
  tw_wire wire = tw_wire_open(message);
  tw_wire_field field;
  while (tw_wire_next(&wire, &field)) {
    tw_bytes bytes;
    if (field.number == INFO_NAME) {
      TW_TRY(tw_wire_take_bytes(reader, &wire, &field, "an input or output", &info.name, error));
    } else if (field.number == INFO_TYPE) {
      TW_TRY(tw_wire_take_bytes(reader, &wire, &field, "an input or output", &bytes, error));
      TW_TRY(read_type(reader, bytes, &info, error));
    }
  }
  *ret_info = info;
  return tw_wire_ended(reader, &wire, "an input or output", error);
}

/* ---- The graph --------------------------------------------------------------------------------------------------- */

static tw_status survey_graph(const tw_wire_reader *reader, tw_bytes message, tw_onnx_model *model, tw_error *error) {
  tw_wire wire = tw_wire_open(message);
  tw_wire_field field;
  while (tw_wire_next(&wire, &field)) {
    bool ours = field.number == GRAPH_NODE || field.number == GRAPH_INITIALIZER || field.number == GRAPH_INPUT ||
                field.number == GRAPH_OUTPUT;
    if (ours && field.type != TW_WIRE_BYTES) {
      return tw_wire_damaged(reader, wire.at, "the network", error);
    }
    model->node_count += field.number == GRAPH_NODE;
    model->initializer_count += field.number == GRAPH_INITIALIZER;
    model->input_count += field.number == GRAPH_INPUT;
    model->output_count += field.number == GRAPH_OUTPUT;
    if (field.number == GRAPH_SPARSE) {
      return tw_error_set(error, TW_E_UNSUPPORTED, "the network has sparse weights, which are not supported");
    }
  }
  return tw_wire_ended(reader, &wire, "the network", error);
}

static tw_status check_count(size_t count, size_t limit, const char *what, tw_error *error) {
  return count <= limit
             ? TW_OK
             : tw_error_set(error, TW_E_LIMIT, "the network has %zu %s; the limit is %zu", count, what, limit);
}

static tw_status make_room(const tw_wire_reader *reader, tw_onnx_model *model, tw_error *error) {
  TW_TRY(check_count(model->node_count, TW_ONNX_MAX_NODES, "nodes", error));
  TW_TRY(check_count(model->initializer_count, TW_ONNX_MAX_INITIALIZERS, "weights", error));
  TW_TRY(check_count(model->input_count, TW_ONNX_MAX_VALUE_INFOS, "inputs", error));
  TW_TRY(check_count(model->output_count, TW_ONNX_MAX_VALUE_INFOS, "outputs", error));
  model->nodes = tw_arena_alloc(reader->arena, model->node_count, sizeof *model->nodes);
  model->initializers = tw_arena_alloc(reader->arena, model->initializer_count, sizeof *model->initializers);
  model->inputs = tw_arena_alloc(reader->arena, model->input_count, sizeof *model->inputs);
  model->outputs = tw_arena_alloc(reader->arena, model->output_count, sizeof *model->outputs);
  bool room = model->nodes != NULL && model->initializers != NULL && model->inputs != NULL && model->outputs != NULL;
  return room ? TW_OK : tw_error_memory(error);
}

static tw_status read_graph(tw_wire_reader *reader, tw_bytes message, tw_onnx_model *model, tw_error *error) {
  TW_TRY(survey_graph(reader, message, model, error));
  TW_TRY(make_room(reader, model, error));
  tw_onnx_node *node = model->nodes;
  tw_onnx_tensor *initializer = model->initializers;
  tw_onnx_value_info *input = model->inputs;
  tw_onnx_value_info *output = model->outputs;
  tw_wire wire = tw_wire_open(message);
  tw_wire_field field;
  while (tw_wire_next(&wire, &field)) {
    switch (field.number) {
      case GRAPH_NODE: TW_TRY(tw_onnx_read_node(reader, field.bytes, node++, error)); break;
      case GRAPH_INITIALIZER: TW_TRY(tw_onnx_read_tensor(reader, field.bytes, initializer++, error)); break;
      case GRAPH_INPUT: TW_TRY(read_value_info(reader, field.bytes, input++, error)); break;
      case GRAPH_OUTPUT: TW_TRY(read_value_info(reader, field.bytes, output++, error)); break;
      default: break;
    }
  }
  return TW_OK;
}

/* ---- The model --------------------------------------------------------------------------------------------------- */

/* OperatorSetIdProto: keeps the version of the default domain. */
static tw_status read_opset(const tw_wire_reader *reader, tw_bytes message, tw_onnx_model *model, tw_error *error) {
  enum { OPSET_DOMAIN = 1, OPSET_VERSION = 2 };
  tw_bytes domain = {0};
  int64_t version = 0;
  tw_wire wire = tw_wire_open(message);
  tw_wire_field field;
  while (tw_wire_next(&wire, &field)) {
    if (field.number == OPSET_DOMAIN) {
      TW_TRY(tw_wire_take_bytes(reader, &wire, &field, "an operator set", &domain, error));
    } else if (field.number == OPSET_VERSION) {
      TW_TRY(tw_wire_take_integer(reader, &wire, &field, "an operator set", &version, error));
    }
  }
  if (domain.size == 0 || tw_bytes_is(domain, "ai.onnx")) {
    model->opset = version;
  }
  return tw_wire_ended(reader, &wire, "an operator set", error);
}

static tw_status read_property(const tw_wire_reader *reader, tw_bytes message, tw_onnx_property *ret_property,
                               tw_error *error) {
  enum { PROPERTY_KEY = 1, PROPERTY_VALUE = 2 };
  tw_onnx_property property = {0};
  tw_wire wire = tw_wire_open(message);
  tw_wire_field field;
  while (tw_wire_next(&wire, &field)) {
    if (field.number == PROPERTY_KEY || field.number == PROPERTY_VALUE) {
      tw_bytes *to = field.number == PROPERTY_KEY ? &property.key : &property.value;
      TW_TRY(tw_wire_take_bytes(reader, &wire, &field, "a metadata entry", to, error));
    }
  }
  *ret_property = property;
  return tw_wire_ended(reader, &wire, "a metadata entry", error);
}

static tw_status read_attachment(const tw_wire_reader *reader, const tw_wire *wire, const tw_wire_field *field,
                                 tw_bytes *ret_content, tw_error *error) {
  tw_bytes bytes;
  TW_TRY(tw_wire_take_bytes(reader, wire, field, "an attachment", &bytes, error));
  size_t skipped = bytes.size == 0 ? 0 : bytes.data[0];
  if (ret_content->data != NULL || skipped == 0 || skipped > bytes.size) {
    return tw_wire_damaged(reader, wire->at, "an attachment", error);
  }
  *ret_content = (tw_bytes){bytes.data + skipped, bytes.size - skipped};
  return TW_OK;
}

/* The scalars of the model, where its graph is, and its attachment; counts the rest. */
static tw_status survey_model(const tw_wire_reader *reader, tw_onnx_model *model, tw_bytes *ret_graph,
                              tw_error *error) {
  size_t opsets = 0;
  size_t graphs = 0;
  tw_wire wire = tw_wire_open(reader->file);
  tw_wire_field field;
  while (tw_wire_next(&wire, &field)) {
    tw_bytes bytes;
    switch (field.number) {
      case MODEL_IR_VERSION:
        TW_TRY(tw_wire_take_integer(reader, &wire, &field, "the version", &model->ir_version, error));
        break;
      case MODEL_PRODUCER:
        TW_TRY(tw_wire_take_bytes(reader, &wire, &field, "the producer", &model->producer, error));
        break;
      case MODEL_GRAPH:
        TW_TRY(tw_wire_take_bytes(reader, &wire, &field, "the network", ret_graph, error));
        graphs++;
        break;
      case MODEL_OPSET:
        TW_TRY(tw_wire_take_bytes(reader, &wire, &field, "an operator set", &bytes, error));
        TW_TRY(check_count(++opsets, TW_ONNX_MAX_OPSETS, "operator sets", error));
        TW_TRY(read_opset(reader, bytes, model, error));
        break;
      case MODEL_PROPERTY:
        TW_TRY(tw_wire_take_bytes(reader, &wire, &field, "a metadata entry", &bytes, error));
        model->property_count++;
        break;
      case TW_ONNX_ATTACHMENT_FIELD: TW_TRY(read_attachment(reader, &wire, &field, &model->attachment, error)); break;
      default: break;
    }
  }
  TW_TRY(tw_wire_ended(reader, &wire, "the file", error));
  return graphs == 1 ? TW_OK
                     : tw_error_set(error, TW_E_FORMAT,
                                    graphs == 0 ? "the file holds no network; it may be cut short"
                                                : "the file holds more than one network");
}

static tw_status read_properties(const tw_wire_reader *reader, tw_onnx_model *model, tw_error *error) {
  TW_TRY(check_count(model->property_count, TW_ONNX_MAX_PROPERTIES, "metadata entries", error));
  model->properties = tw_arena_alloc(reader->arena, model->property_count, sizeof *model->properties);
  if (model->properties == NULL) {
    return tw_error_memory(error);
  }
  tw_onnx_property *property = model->properties;
  tw_wire wire = tw_wire_open(reader->file);
  tw_wire_field field;
  while (tw_wire_next(&wire, &field)) {
    if (field.number == MODEL_PROPERTY) {
      TW_TRY(read_property(reader, field.bytes, property++, error));
    }
  }
  return TW_OK;
}

tw_status tw_onnx_read(tw_bytes file, tw_arena *arena, tw_onnx_model *ret_model, tw_error *error) {
  tw_wire_reader reader = {.file = file,
                           .arena = arena,
                           .attributes_left = TW_ONNX_MAX_ATTRIBUTES_TOTAL,
                           .values_left = TW_ONNX_MAX_NODE_VALUES};
  tw_onnx_model model = {0};
  tw_bytes graph = {0};
  TW_TRY(survey_model(&reader, &model, &graph, error));
  TW_TRY(read_graph(&reader, graph, &model, error));
  TW_TRY(read_properties(&reader, &model, error));
  *ret_model = model;
  return TW_OK;
}

bool tw_onnx_sniff(tw_bytes head) {
  tw_wire wire = tw_wire_open(head);
  tw_wire_field field;
  /* Writers put fields in the order of their numbers, and the first is the version, below 100 for long to come. */
  if (!tw_wire_next(&wire, &field) || field.number != MODEL_IR_VERSION || field.type != TW_WIRE_VARINT ||
      field.integer == 0 || field.integer >= 100) {
    return false;
  }
  while (tw_wire_next(&wire, &field)) {
    bool text = field.number == MODEL_PRODUCER || field.number == MODEL_GRAPH || field.number == MODEL_OPSET;
    bool known = field.number <= MODEL_LAST || field.number == TW_ONNX_ATTACHMENT_FIELD;
    if (!known || (text && field.type != TW_WIRE_BYTES)) {
      return false;
    }
  }
  return true; /* the head may end inside a field */
}
