/* Writing a GraphDef. Knows the messages, not what operators mean. Nothing depends on anything but the graph, so the
 * same graph gives the same bytes.
 *
 * Nodes are the file's only top-level fields beside its version: each is put together aside and appended, so that no
 * more than one node's tensor is in memory twice. */
#include <string.h>

#include "formats/formats.h"

/* What TensorFlow 1.8 wrote: none of the operators of frozen networks is deprecated in it, and every later version
 * reads it. */
enum { GRAPHDEF_PRODUCER = 26 };

/* A message inside a message has its size first. */
static void put_message(tw_buffer *buffer, uint32_t number, tw_buffer *message) {
  buffer->failed = buffer->failed || message->failed;
  tw_wire_put_bytes(buffer, number, message->data, message->size);
  tw_buffer_done(message);
}

static void put_bytes(tw_buffer *buffer, uint32_t number, tw_bytes bytes) {
  tw_wire_put_bytes(buffer, number, bytes.data, bytes.size);
}

/* TensorShapeProto. */
static void put_shape(tw_buffer *buffer, uint32_t number, const tw_tf_tensor *tensor) {
  tw_buffer shape = {0};
  for (int i = 0; i < tensor->rank; i++) {
    tw_buffer dimension = {0};
    tw_wire_put_varint(&dimension, 1, (uint64_t)tensor->dims[i]);
    put_message(&shape, 2, &dimension);
  }
  if (tensor->rank < 0) {
    tw_wire_put_varint(&shape, 3, 1);
  }
  put_message(buffer, number, &shape);
}

/* TensorProto. */
static void put_tensor(tw_buffer *buffer, uint32_t number, const tw_tf_tensor *tensor) {
  enum { CONTENT = 4, STRINGS = 8 };
  tw_buffer message = {0};
  tw_wire_put_varint(&message, 1, (uint64_t)tensor->type);
  put_shape(&message, 2, tensor);
  put_bytes(&message, tensor->type == TW_TF_STRING ? STRINGS : CONTENT, tensor->content);
  put_message(buffer, number, &message);
}

/* AttrValue.ListValue of ints; readers take them packed or not. */
static void put_ints(tw_buffer *buffer, uint32_t number, const tw_tf_attribute *attribute) {
  tw_buffer list = {0};
  for (size_t i = 0; i < attribute->count; i++) {
    tw_wire_put_varint(&list, 3, (uint64_t)attribute->ints[i]);
  }
  put_message(buffer, number, &list);
}

/* One entry of NodeDef.attr, a map. */
static void put_attribute(tw_buffer *buffer, uint32_t number, const tw_tf_attribute *attribute) {
  tw_buffer entry = {0};
  tw_buffer value = {0};
  uint32_t kind = (uint32_t)attribute->kind;
  switch (attribute->kind) {
    case TW_TF_ATTR_LIST: put_ints(&value, kind, attribute); break;
    case TW_TF_ATTR_TEXT: put_bytes(&value, kind, attribute->s); break;
    case TW_TF_ATTR_INT:
    case TW_TF_ATTR_BOOL:
    case TW_TF_ATTR_TYPE: tw_wire_put_varint(&value, kind, (uint64_t)attribute->i); break;
    case TW_TF_ATTR_FLOAT: tw_wire_put_f32(&value, kind, attribute->f); break;
    case TW_TF_ATTR_SHAPE: put_shape(&value, kind, &attribute->tensor); break;
    case TW_TF_ATTR_TENSOR: put_tensor(&value, kind, &attribute->tensor); break;
    case TW_TF_ATTR_OTHER: break;
  }
  put_bytes(&entry, 1, attribute->name);
  put_message(&entry, 2, &value);
  put_message(buffer, number, &entry);
}

static void put_node(tw_buffer *message, const tw_tf_node *node) {
  put_bytes(message, 1, node->name);
  put_bytes(message, 2, node->op);
  for (size_t i = 0; i < node->input_count; i++) {
    put_bytes(message, 3, node->inputs[i]);
  }
  for (size_t i = 0; i < node->attribute_count; i++) {
    put_attribute(message, 5, &node->attributes[i]);
  }
}

static tw_status too_large(tw_error *error) {
  return tw_error_set(error, TW_E_LIMIT, "the network takes more than the %zu bytes that a GraphDef may have",
                      TW_GRAPHDEF_MAX_WRITTEN);
}

/* Bytes of all tensors: known before memory is asked for. */
static bool tensors_fit(const tw_tf_graph *graph) {
  size_t bytes = 0;
  for (size_t i = 0; i < graph->node_count; i++) {
    for (size_t j = 0; j < graph->nodes[i].attribute_count; j++) {
      const tw_tf_attribute *attribute = &graph->nodes[i].attributes[j];
      size_t more = attribute->kind == TW_TF_ATTR_TENSOR ? attribute->tensor.content.size : 0;
      if (!tw_add_size(bytes, more, &bytes) || bytes > TW_GRAPHDEF_MAX_WRITTEN) {
        return false;
      }
    }
  }
  return true;
}

tw_status tw_graphdef_write(const tw_tf_graph *graph, tw_buffer *buffer, tw_error *error) {
  size_t begin = buffer->size;
  if (!tensors_fit(graph)) {
    return too_large(error);
  }
  for (size_t i = 0; i < graph->node_count; i++) {
    tw_buffer message = {0};
    put_node(&message, &graph->nodes[i]);
    put_message(buffer, 1, &message);
    if (buffer->size - begin > TW_GRAPHDEF_MAX_WRITTEN) {
      return too_large(error);
    }
  }
  tw_buffer versions = {0};
  tw_wire_put_varint(&versions, 1, GRAPHDEF_PRODUCER);
  put_message(buffer, 4, &versions);
  return tw_buffer_status(buffer, error);
}
