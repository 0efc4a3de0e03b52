/* Writing an ONNX file. Fields go out in the order of their numbers; nothing depends on anything but the model, so the
 * same model gives the same bytes. */
#include <string.h>

#include "formats/formats.h"

/* A message inside a message has its size first: small ones are made aside. */
static void put_message(tw_buffer *buffer, uint32_t number, tw_buffer *message) {
  buffer->failed = buffer->failed || message->failed;
  tw_wire_put_bytes(buffer, number, message->data, message->size);
  tw_buffer_done(message);
}

static void put_bytes(tw_buffer *buffer, uint32_t number, tw_bytes bytes) {
  tw_wire_put_bytes(buffer, number, bytes.data, bytes.size);
}

/* TensorProto. Elements are appended straight to `buffer`: weights are not copied twice. */
static void put_tensor(tw_buffer *buffer, uint32_t number, const tw_onnx_tensor *tensor) {
  tw_buffer head = {0};
  for (int i = 0; i < tensor->rank; i++) {
    tw_wire_put_varint(&head, 1, (uint64_t)tensor->dims[i]);
  }
  tw_wire_put_varint(&head, 2, (uint64_t)tensor->type);
  if (tensor->name.size != 0) {
    put_bytes(&head, 8, tensor->name);
  }
  tw_wire_put_head(&head, 9, tensor->raw.size);
  buffer->failed = buffer->failed || head.failed;
  tw_wire_put_head(buffer, number, head.size + tensor->raw.size);
  tw_buffer_append(buffer, head.data, head.size);
  tw_buffer_append(buffer, tensor->raw.data, tensor->raw.size);
  tw_buffer_done(&head);
}

static void put_attribute(tw_buffer *buffer, uint32_t number, const tw_onnx_attribute *attribute) {
  tw_buffer message = {0};
  put_bytes(&message, 1, attribute->name);
  switch (attribute->type) {
    case 1: tw_wire_put_f32(&message, 2, attribute->f); break;
    case 2: tw_wire_put_varint(&message, 3, (uint64_t)attribute->i); break;
    case 3: put_bytes(&message, 4, attribute->s); break;
    case 4: put_tensor(&message, 5, &attribute->tensor); break;
    case 6:
      for (size_t i = 0; i < attribute->count; i++) {
        tw_wire_put_f32(&message, 7, attribute->floats[i]);
      }
      break;
    default:
      for (size_t i = 0; i < attribute->count; i++) {
        tw_wire_put_varint(&message, 8, (uint64_t)attribute->ints[i]);
      }
      break;
  }
  tw_wire_put_varint(&message, 20, (uint64_t)attribute->type);
  put_message(buffer, number, &message);
}

static void put_node(tw_buffer *buffer, uint32_t number, const tw_onnx_node *node) {
  tw_buffer message = {0};
  for (size_t i = 0; i < node->input_count; i++) {
    put_bytes(&message, 1, node->inputs[i]);
  }
  for (size_t i = 0; i < node->output_count; i++) {
    put_bytes(&message, 2, node->outputs[i]);
  }
  put_bytes(&message, 3, node->name);
  put_bytes(&message, 4, node->op);
  for (size_t i = 0; i < node->attribute_count; i++) {
    put_attribute(&message, 5, &node->attributes[i]);
  }
  if (node->domain.size != 0) {
    put_bytes(&message, 7, node->domain);
  }
  put_message(buffer, number, &message);
}

/* TensorShapeProto; an open dimension is called N. */
static void put_shape(tw_buffer *buffer, uint32_t number, const tw_onnx_value_info *info) {
  tw_buffer shape = {0};
  for (int i = 0; i < info->rank; i++) {
    tw_buffer dimension = {0};
    if (info->dims[i] < 0) {
      tw_wire_put_text(&dimension, 2, "N");
    } else {
      tw_wire_put_varint(&dimension, 1, (uint64_t)info->dims[i]);
    }
    put_message(&shape, 1, &dimension);
  }
  put_message(buffer, number, &shape);
}

static void put_value_info(tw_buffer *buffer, uint32_t number, const tw_onnx_value_info *info) {
  tw_buffer message = {0};
  tw_buffer type = {0};
  tw_buffer tensor = {0};
  tw_wire_put_varint(&tensor, 1, (uint64_t)info->type);
  if (info->rank >= 0) {
    put_shape(&tensor, 2, info);
  }
  put_message(&type, 1, &tensor);
  put_bytes(&message, 1, info->name);
  put_message(&message, 2, &type);
  put_message(buffer, number, &message);
}

static void put_graph(tw_buffer *buffer, const tw_onnx_model *model) {
  for (size_t i = 0; i < model->node_count; i++) {
    put_node(buffer, 1, &model->nodes[i]);
  }
  tw_wire_put_text(buffer, 2, "topwork"); /* a graph must have a name */
  for (size_t i = 0; i < model->initializer_count; i++) {
    put_tensor(buffer, 5, &model->initializers[i]);
  }
  for (size_t i = 0; i < model->input_count; i++) {
    put_value_info(buffer, 11, &model->inputs[i]);
  }
  for (size_t i = 0; i < model->output_count; i++) {
    put_value_info(buffer, 12, &model->outputs[i]);
  }
}

tw_status tw_onnx_write(const tw_onnx_model *model, tw_buffer *buffer, tw_error *error) {
  tw_buffer graph = {0};
  put_graph(&graph, model);
  if (graph.size > TW_ONNX_MAX_WRITTEN) {
    tw_buffer_done(&graph);
    return tw_error_set(error, TW_E_LIMIT, "the network takes more than the %zu bytes that an ONNX file may have",
                        TW_ONNX_MAX_WRITTEN);
  }
  tw_wire_put_varint(buffer, 1, (uint64_t)model->ir_version);
  if (model->producer.size != 0) {
    put_bytes(buffer, 2, model->producer);
  }
  put_message(buffer, 7, &graph);
  tw_buffer opset = {0};
  tw_wire_put_text(&opset, 1, "");
  tw_wire_put_varint(&opset, 2, (uint64_t)model->opset);
  put_message(buffer, 8, &opset);
  for (size_t i = 0; i < model->property_count; i++) {
    tw_buffer property = {0};
    put_bytes(&property, 1, model->properties[i].key);
    put_bytes(&property, 2, model->properties[i].value);
    put_message(buffer, 14, &property);
  }
  return tw_buffer_status(buffer, error);
}

void tw_onnx_put_attachment(tw_buffer *buffer, size_t begin, tw_bytes content) {
  static const uint8_t zeros[2 * TW_ONNX_ATTACHMENT_ALIGNMENT];
  tw_buffer head = {0};
  size_t padding = 1;
  size_t behind = 0;
  do { /* the padding is counted in the head, whose size depends on it: at most twice the alignment */
    head.size = 0;
    tw_wire_put_head(&head, TW_ONNX_ATTACHMENT_FIELD, padding + content.size);
    behind = (buffer->size - begin + head.size + padding) % TW_ONNX_ATTACHMENT_ALIGNMENT;
    padding += behind == 0 ? 0 : 1;
  } while (behind != 0 && !head.failed);
  buffer->failed = buffer->failed || head.failed;
  tw_buffer_append(buffer, head.data, head.size);
  tw_buffer_append(buffer, &(uint8_t){(uint8_t)padding}, 1);
  tw_buffer_append(buffer, zeros, padding - 1);
  tw_buffer_append(buffer, content.data, content.size);
  tw_buffer_done(&head);
}
