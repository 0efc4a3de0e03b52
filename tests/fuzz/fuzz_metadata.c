/* Model files whose check sum is right and whose metadata is anything: the input is what the metadata entries hold. */
#include <string.h>

#include "formats/formats.h"
#include "model/metadata.h"
#include "model/model.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* What is before the top: an input of two features, or a trunk that gives two. NULL when memory is short. */
static tw_value *add_features(tw_graph *graph, bool trunk) {
  tw_shape shape = {.rank = 2, .dims = {1, 2}};
  tw_shape picture = {.rank = 4, .dims = {1, 3, 4, 4}};
  tw_shape kernel = {.rank = 4, .dims = {2, 3, 1, 1}};
  static const float weights[6] = {1, 2, 3, 4, 5, 6};
  const tw_attributes conv = {.spatial = 2, .kernel = {1, 1}, .strides = {1, 1}, .dilations = {1, 1}, .group = 1};
  tw_value *inputs[2];
  tw_value *at;
  if (!trunk) {
    return tw_graph_add_input(graph, TW_NAME_FEATURES, TW_DTYPE_F32, &shape, &at, NULL) == TW_OK ? at : NULL;
  }
  return tw_graph_add_input(graph, "picture", TW_DTYPE_F32, &picture, &inputs[0], NULL) == TW_OK &&
                 tw_graph_add_constant(graph, "k", TW_DTYPE_F32, &kernel, weights, &inputs[1], NULL) == TW_OK &&
                 tw_graph_add_node(graph, "c", TW_OP_CONV, inputs, 2, &conv, "c", &at, NULL) == TW_OK &&
                 tw_graph_add_node(graph, "a", TW_OP_GLOBAL_AVERAGE_POOL, &at, 1, NULL, "a", &at, NULL) == TW_OK &&
                 tw_graph_add_node(graph, "f", TW_OP_FLATTEN, &at, 1, &(tw_attributes){.axis = 1}, TW_NAME_FEATURES,
                                   &at, NULL) == TW_OK
             ? at
             : NULL;
}

/* A graph of features -> probabilities for 2 classes x 2 features. */
static void append_graph(tw_buffer *file, bool trunk) {
  static const float weights[4] = {1, 2, 3, 4};
  static const float intercepts[2] = {0, 1};
  tw_graph *graph = tw_graph_create();
  tw_shape square = {.rank = 2, .dims = {2, 2}};
  tw_shape two = {.rank = 1, .dims = {2}};
  tw_value *inputs[3] = {graph == NULL ? NULL : add_features(graph, trunk)};
  tw_value *logits;
  tw_value *probabilities;
  tw_attributes gemm = {.alpha = 1, .beta = 1, .transpose_b = true};
  tw_attributes softmax = {.axis = 1};
  if (inputs[0] != NULL &&
      tw_graph_add_constant(graph, "w", TW_DTYPE_F32, &square, weights, &inputs[1], NULL) == TW_OK &&
      tw_graph_add_constant(graph, "b", TW_DTYPE_F32, &two, intercepts, &inputs[2], NULL) == TW_OK &&
      tw_graph_add_node(graph, "g", TW_OP_GEMM, inputs, 3, &gemm, "g", &logits, NULL) == TW_OK &&
      tw_graph_add_node(graph, "p", TW_OP_SOFTMAX, &logits, 1, &softmax, TW_NAME_PROBABILITIES, &probabilities, NULL) ==
          TW_OK) {
    tw_value *outputs[2] = {probabilities, inputs[0]};
    if (tw_graph_cut(graph, outputs, 2, NULL) == TW_OK) {
      tw_graph_export_onnx(graph, NULL, 0, file, NULL);
    }
  }
  tw_graph_free(graph);
}

static void append_entry(tw_buffer *file, const char *key, const void *value, size_t size) {
  tw_buffer entry = {0};
  tw_wire_put_text(&entry, 1, key);
  tw_wire_put_bytes(&entry, 2, value, size);
  tw_wire_put_bytes(file, TW_META_FIELD, entry.data, entry.size);
  tw_buffer_done(&entry);
}

/* The attachment, with the hash at its end that the engine looks at first. */
static void append_attachment(tw_buffer *file, const uint8_t *data, size_t size) {
  tw_buffer content = {0};
  tw_hash hash = tw_hash_of(data, size);
  tw_buffer_append(&content, data, size);
  tw_buffer_append(&content, hash.bytes, sizeof hash.bytes);
  tw_onnx_put_attachment(file, 0, tw_buffer_bytes(&content));
  tw_buffer_done(&content);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  static const char *const keys[] = {TW_META_LABELS, TW_META_PARTS,         TW_META_TRAINING,  TW_META_TEST,
                                     TW_META_TRUNK,  TW_META_PREPROCESSING, TW_META_PRECISION, TW_META_FIDELITY};
  size_t lines = 0;
  for (size_t i = 0; i < size; i++) {
    lines += data[i] == '\n';
  }
  tw_buffer file = {0};
  append_graph(&file, lines >= sizeof keys / sizeof *keys - 2); /* with a trunk when it is said what its precision is */
  append_entry(&file, TW_META_FORMAT, "1", 1);
  /* One entry a line of the input, in the order of the keys; what is left is attached. */
  for (size_t i = 0; i < sizeof keys / sizeof *keys && size > 0; i++) {
    const uint8_t *end = memchr(data, '\n', size);
    size_t length = end == NULL ? size : (size_t)(end - data);
    append_entry(&file, keys[i], data, length);
    size -= end == NULL ? size : length + 1;
    data += end == NULL ? length : length + 1;
  }
  if (size > 0) {
    append_attachment(&file, data, size);
  }
  char hex[TW_HASH_TEXT_SIZE];
  tw_hash hash = tw_hash_of(file.data, file.size);
  append_entry(&file, TW_META_COMPLETE, tw_hash_text(&hash, hex), TW_HASH_TEXT_SIZE - 1);
  tw_model *model;
  tw_error error;
  if (!file.failed && tw_model_open_bytes(tw_buffer_bytes(&file), &model, &error) == TW_OK) {
    tw_model_free(model);
  }
  tw_buffer_done(&file);
  return 0;
}
