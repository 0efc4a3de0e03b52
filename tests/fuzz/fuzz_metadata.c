/* Model files whose check sum is right and whose metadata is anything: the input is what the metadata entries hold. */
#include <string.h>

#include "formats/formats.h"
#include "model/metadata.h"
#include "model/model.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* A graph of features -> probabilities for 2 classes x 2 features. */
static void append_graph(tw_buffer *file) {
  static const float weights[4] = {1, 2, 3, 4};
  static const float intercepts[2] = {0, 1};
  tw_graph *graph = tw_graph_create();
  tw_shape shape = {.rank = 2, .dims = {1, 2}};
  tw_shape square = {.rank = 2, .dims = {2, 2}};
  tw_shape two = {.rank = 1, .dims = {2}};
  tw_value *inputs[3];
  tw_value *logits;
  tw_value *probabilities;
  tw_attributes gemm = {.alpha = 1, .beta = 1, .transpose_b = true};
  tw_attributes softmax = {.axis = 1};
  if (graph != NULL && tw_graph_add_input(graph, TW_NAME_FEATURES, TW_DTYPE_F32, &shape, &inputs[0], NULL) == TW_OK &&
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

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  static const char *const keys[] = {TW_META_LABELS, TW_META_PARTS,         TW_META_TRAINING, TW_META_TEST,
                                     TW_META_TRUNK,  TW_META_PREPROCESSING, TW_META_FORMAT};
  tw_buffer file = {0};
  append_graph(&file);
  append_entry(&file, TW_META_FORMAT, "1", 1);
  /* One entry a line of the input, in the order of the keys. */
  for (size_t i = 0; i < sizeof keys / sizeof *keys && size > 0; i++) {
    const uint8_t *end = memchr(data, '\n', size);
    size_t length = end == NULL ? size : (size_t)(end - data);
    append_entry(&file, keys[i], data, length);
    size -= end == NULL ? size : length + 1;
    data += end == NULL ? length : length + 1;
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
