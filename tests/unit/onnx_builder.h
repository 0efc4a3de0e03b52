/* For tests: ONNX files made in a few lines. Attributes go to the node added last. Inputs and outputs are texts with
 * commas, "x,w,b". Everything fails the test at once when out of memory or room. */
#ifndef TW_TESTS_ONNX_BUILDER_H
#define TW_TESTS_ONNX_BUILDER_H

#include <string.h>

#include "formats/formats.h"
#include "graph/graph.h"
#include "support.h"

enum { BUILDER_ROOM = 64 };

typedef struct builder {
  tw_arena *arena;
  tw_onnx_model model;
  tw_buffer file;
} builder;

static inline void *builder_room(builder *b, size_t count, size_t size) {
  void *room = tw_arena_alloc(b->arena, count, size);
  assert_non_null(room);
  return room;
}

/* One float32 input "x" of the given shape; -1 is symbolic. Rank 0: no input. */
static inline void builder_init(builder *b, int rank, const int64_t *dims) {
  *b = (builder){.arena = tw_arena_create(), .model = {.ir_version = 7, .opset = 13}};
  b->model.nodes = builder_room(b, BUILDER_ROOM, sizeof(tw_onnx_node));
  b->model.initializers = builder_room(b, BUILDER_ROOM, sizeof(tw_onnx_tensor));
  b->model.inputs = builder_room(b, BUILDER_ROOM, sizeof(tw_onnx_value_info));
  b->model.outputs = builder_room(b, BUILDER_ROOM, sizeof(tw_onnx_value_info));
  b->model.properties = builder_room(b, BUILDER_ROOM, sizeof(tw_onnx_property));
  if (rank > 0) {
    tw_onnx_value_info *input = &b->model.inputs[b->model.input_count++];
    *input = (tw_onnx_value_info){.name = tw_bytes_of("x"), .type = 1, .rank = rank};
    memcpy(input->dims, dims, (size_t)rank * sizeof *dims);
  }
}

static inline void builder_done(builder *b) {
  tw_buffer_done(&b->file);
  tw_arena_free(b->arena);
}

#define DIMS(...) ((const int64_t[]){__VA_ARGS__})
#define BUILD(b, ...) builder_init(b, (int)(sizeof(DIMS(__VA_ARGS__)) / sizeof(int64_t)), DIMS(__VA_ARGS__))

static inline tw_bytes *builder_split(builder *b, const char *names, size_t *ret_count) {
  tw_bytes *list = builder_room(b, BUILDER_ROOM, sizeof *list);
  const char *at = names;
  *ret_count = 0;
  while (*names != '\0') {
    size_t length = strcspn(at, ",");
    list[(*ret_count)++] = (tw_bytes){(const uint8_t *)at, length};
    if (at[length] == '\0') {
      break;
    }
    at += length + 1;
  }
  return list;
}

static inline tw_onnx_node *builder_node(builder *b, const char *op, const char *name, const char *inputs,
                                         const char *outputs) {
  assert_true(b->model.node_count < BUILDER_ROOM);
  tw_onnx_node *node = &b->model.nodes[b->model.node_count++];
  *node = (tw_onnx_node){.name = tw_bytes_of(name), .op = tw_bytes_of(op)};
  node->inputs = builder_split(b, inputs, &node->input_count);
  node->outputs = builder_split(b, outputs, &node->output_count);
  node->attributes = builder_room(b, 16, sizeof *node->attributes);
  return node;
}

static inline tw_onnx_attribute *builder_attribute(builder *b, const char *name, int32_t type) {
  tw_onnx_node *node = &b->model.nodes[b->model.node_count - 1];
  assert_true(node->attribute_count < 16);
  tw_onnx_attribute *attribute = &node->attributes[node->attribute_count++];
  *attribute = (tw_onnx_attribute){.name = tw_bytes_of(name), .type = type};
  return attribute;
}

static inline void builder_float(builder *b, const char *name, float value) {
  builder_attribute(b, name, 1)->f = value;
}

static inline void builder_int(builder *b, const char *name, int64_t value) {
  builder_attribute(b, name, 2)->i = value;
}

static inline void builder_string(builder *b, const char *name, const char *text) {
  builder_attribute(b, name, 3)->s = tw_bytes_of(text);
}

static inline void builder_list(builder *b, const char *name, const int64_t *numbers, size_t count) {
  tw_onnx_attribute *attribute = builder_attribute(b, name, 7);
  attribute->count = count;
  attribute->ints = memcpy(builder_room(b, count, sizeof *numbers), numbers, count * sizeof *numbers);
}
#define INTS(b, name, ...) builder_list(b, name, DIMS(__VA_ARGS__), sizeof(DIMS(__VA_ARGS__)) / sizeof(int64_t))

/* A tensor of any type; `data` is copied. Rank 0 with NULL dims is a scalar. */
static inline tw_onnx_tensor *builder_tensor(builder *b, const char *name, tw_dtype dtype, int rank,
                                             const int64_t *dims, const void *data) {
  assert_true(b->model.initializer_count < BUILDER_ROOM);
  tw_onnx_tensor *tensor = &b->model.initializers[b->model.initializer_count++];
  *tensor = (tw_onnx_tensor){.name = tw_bytes_of(name), .type = (int32_t)dtype, .rank = rank};
  size_t count = 1;
  for (int i = 0; i < rank; i++) {
    tensor->dims[i] = dims[i];
    count *= (size_t)dims[i];
  }
  size_t bytes = count * tw_dtype_size(dtype);
  void *copy = builder_room(b, bytes, 1);
  if (data != NULL && bytes != 0) {
    memcpy(copy, data, bytes);
  }
  tensor->raw = (tw_bytes){copy, bytes};
  return tensor;
}

/* float32 weights 0.5, -0.25, 0.125, ... : small, varied, exact. */
static inline void builder_weights(builder *b, const char *name, int rank, const int64_t *dims) {
  tw_onnx_tensor *tensor = builder_tensor(b, name, TW_DTYPE_F32, rank, dims, NULL);
  float *values = (float *)(uintptr_t)tensor->raw.data;
  for (size_t i = 0; i < tensor->raw.size / sizeof *values; i++) {
    values[i] = (float)((int)(i * 7 % 31) - 12) / 16;
  }
}
#define WEIGHTS(b, name, ...) \
  builder_weights(b, name, (int)(sizeof(DIMS(__VA_ARGS__)) / sizeof(int64_t)), DIMS(__VA_ARGS__))

static inline void builder_scalar(builder *b, const char *name, float value) {
  builder_tensor(b, name, TW_DTYPE_F32, 0, NULL, &value);
}

static inline void builder_integers(builder *b, const char *name, const int64_t *numbers, size_t count) {
  builder_tensor(b, name, TW_DTYPE_I64, 1, DIMS((int64_t)count), numbers);
}

static inline void builder_output(builder *b, const char *name) {
  b->model.outputs[b->model.output_count++] = (tw_onnx_value_info){.name = tw_bytes_of(name), .type = 1, .rank = -1};
}

static inline tw_status builder_import(builder *b, tw_graph **ret_graph, tw_error *error) {
  tw_buffer_done(&b->file);
  assert_int_equal(tw_onnx_write(&b->model, &b->file, error), TW_OK);
  return tw_graph_import_bytes(tw_buffer_bytes(&b->file), ret_graph, error);
}

/* The graph of a file that must be fine. */
static inline tw_graph *builder_graph(builder *b) {
  tw_graph *graph = NULL;
  tw_error error = {0};
  tw_status status = builder_import(b, &graph, &error);
  if (status != TW_OK) {
    fail_msg("%s", error.message);
  }
  assert_int_equal(tw_graph_verify(graph, &error), TW_OK);
  return graph;
}

/* The import must fail with that status and a message that holds `part`. */
static inline void builder_fails(builder *b, tw_status status, const char *part) {
  tw_graph *graph = NULL;
  tw_error error = {0};
  tw_status got = builder_import(b, &graph, &error);
  if (got != status || strstr(error.message, part) == NULL) {
    fail_msg("status %d, message '%s' instead of %d, '%s'", (int)got, error.message, (int)status, part);
  }
  assert_null(graph);
  assert_int_equal(error.code, status);
  builder_done(b);
}

/* The shape of the network's first output as text; the builder is done then. */
static inline void builder_gives(builder *b, const char *shape) {
  char text[TW_SHAPE_TEXT_SIZE];
  tw_graph *graph = builder_graph(b);
  assert_string_equal(tw_shape_text(&graph->outputs[0]->shape, text), shape);
  tw_graph_free(graph);
  builder_done(b);
}

static inline tw_hash hash_of_output(const tw_graph *graph, size_t i) {
  tw_hash hash;
  tw_error error;
  assert_int_equal(tw_graph_hash(graph, graph->outputs[i], &hash, &error), TW_OK);
  return hash;
}

/* A network with every operator. */
static inline void builder_every_operator(builder *b) {
  BUILD(b, -1, 2, 9, 9);
  uint16_t halves[36];
  for (size_t i = 0; i < 36; i++) {
    halves[i] = tw_f32_to_f16((float)i / 16 - 1);
  }
  builder_tensor(b, "h", TW_DTYPE_F16, 4, DIMS(2, 2, 3, 3), halves);
  WEIGHTS(b, "v", 2);
  WEIGHTS(b, "k", 2, 1, 1);
  WEIGHTS(b, "g", 5, 8);
  WEIGHTS(b, "gc", 5);
  WEIGHTS(b, "m", 5, 6);
  builder_scalar(b, "zero", 0);
  builder_scalar(b, "six", 6);
  builder_node(b, "Cast", "cast", "h", "w");
  builder_int(b, "to", 1);
  builder_node(b, "Conv", "conv", "x,w,v", "n1");
  INTS(b, "pads", 1, 0, 1, 2);
  builder_node(b, "BatchNormalization", "bn", "n1,v,v,v,v", "n2");
  builder_node(b, "Relu", "relu", "n2", "n3");
  builder_node(b, "Clip", "clip", "n3,zero,six", "n4");
  builder_node(b, "Clip", "upper", "n4,,six", "n5");
  builder_node(b, "Mul", "mul", "n5,k", "n6");
  builder_node(b, "Sub", "sub", "k,n6", "n7");
  builder_node(b, "Add", "add", "n7,n6", "n8");
  builder_node(b, "MaxPool", "max", "n8", "n9");
  INTS(b, "kernel_shape", 3, 3);
  INTS(b, "strides", 2, 2);
  builder_int(b, "ceil_mode", 1);
  builder_node(b, "AveragePool", "avg", "n8", "n10");
  INTS(b, "kernel_shape", 3, 3);
  INTS(b, "strides", 2, 2);
  INTS(b, "pads", 1, 1, 1, 1);
  builder_int(b, "count_include_pad", 1);
  builder_node(b, "GlobalAveragePool", "gap1", "n9", "n11");
  builder_node(b, "GlobalAveragePool", "gap2", "n10", "n12");
  builder_node(b, "Concat", "cat", "n11,n12,n11,n12", "n13");
  builder_int(b, "axis", 1);
  builder_node(b, "Identity", "id", "n13", "n14");
  builder_node(b, "Flatten", "flat", "n14", "features");
  builder_node(b, "Gemm", "gemm", "features,g,gc", "n15");
  builder_int(b, "transB", 1);
  builder_node(b, "MatMul", "matmul", "n15,m", "n16");
  builder_node(b, "Reshape", "shape", "n16,target", "n17");
  builder_integers(b, "target", DIMS(0, 2, -1), 3);
  builder_node(b, "Softmax", "soft", "n17", "probabilities");
  builder_output(b, "features");
  builder_output(b, "probabilities");
}

typedef tw_status (*pass_fn)(tw_graph *graph, tw_error *error);

/* Runs the pass and checks the graph after it; the builder is done then. */
static inline tw_graph *run_pass(builder *b, tw_buffer *ret_file, pass_fn pass) {
  tw_error error;
  tw_graph *graph = builder_graph(b);
  *ret_file = b->file; /* the graph's constants lie in it */
  b->file = (tw_buffer){0};
  builder_done(b);
  if (pass(graph, &error) != TW_OK || tw_graph_verify(graph, &error) != TW_OK) {
    fail_msg("%s", error.message);
  }
  return graph;
}

/* "Conv Relu": the operators in order. */
static inline void check_ops(const tw_graph *graph, const char *expected) {
  tw_buffer text = {0};
  for (size_t i = 0; i < graph->node_count; i++) {
    tw_buffer_format(&text, i == 0 ? "%s" : " %s", tw_op_name(graph->nodes[i]->op));
  }
  tw_buffer_text(&text, "");
  assert_string_equal((const char *)text.data, expected);
  tw_buffer_done(&text);
}

static inline void finish(tw_graph *graph, tw_buffer *file) {
  tw_graph_free(graph);
  tw_buffer_done(file);
}

#endif
