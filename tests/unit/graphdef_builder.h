/* For tests: GraphDefs made in a few lines, byte by byte, so that every way of writing a tensor can be had. Attributes
 * and fields go to the node begun last. Everything fails the test at once when out of memory. */
#ifndef TW_TESTS_GRAPHDEF_BUILDER_H
#define TW_TESTS_GRAPHDEF_BUILDER_H

#include <string.h>

#include "formats/formats.h"
#include "graph/graph.h"
#include "support.h"

typedef struct graphdef {
  tw_buffer file;
  tw_buffer node;
} graphdef;

/* ---- Messages ---------------------------------------------------------------------------------------------------- */

static inline void put_inside(tw_buffer *outer, uint32_t number, tw_buffer *inner) {
  tw_wire_put_bytes(outer, number, inner->size == 0 ? (const void *)"" : inner->data, inner->size);
  tw_buffer_done(inner);
}

/* The node begun last is complete. */
static inline void gd_end(graphdef *g) {
  if (g->node.size != 0) {
    put_inside(&g->file, 1, &g->node);
  }
  assert_false(g->file.failed);
}

static inline void gd_done(graphdef *g) {
  tw_buffer_done(&g->file);
  tw_buffer_done(&g->node);
}

/* inputs: names with commas, "x,w:0,^y"; "" for none. */
static inline void gd_node(graphdef *g, const char *op, const char *name, const char *inputs) {
  gd_end(g);
  tw_wire_put_text(&g->node, 1, name);
  tw_wire_put_text(&g->node, 2, op);
  for (const char *at = inputs; *at != '\0';) {
    size_t length = strcspn(at, ",");
    tw_wire_put_bytes(&g->node, 3, at, length);
    at += length + (at[length] == ',');
  }
}

static inline void gd_attribute(graphdef *g, const char *name, tw_buffer *value) {
  tw_buffer entry = {0};
  tw_wire_put_text(&entry, 1, name);
  put_inside(&entry, 2, value);
  put_inside(&g->node, 5, &entry);
}

static inline void gd_text(graphdef *g, const char *name, const char *text) {
  tw_buffer value = {0};
  tw_wire_put_text(&value, TW_TF_ATTR_TEXT, text);
  gd_attribute(g, name, &value);
}

/* kind: TW_TF_ATTR_INT, _BOOL or _TYPE. */
static inline void gd_number(graphdef *g, const char *name, tw_tf_kind kind, int64_t number) {
  tw_buffer value = {0};
  tw_wire_put_varint(&value, (uint32_t)kind, (uint64_t)number);
  gd_attribute(g, name, &value);
}

static inline void gd_float(graphdef *g, const char *name, float number) {
  tw_buffer value = {0};
  tw_wire_put_f32(&value, TW_TF_ATTR_FLOAT, number);
  gd_attribute(g, name, &value);
}

static inline void gd_ints(graphdef *g, const char *name, const int64_t *numbers, size_t count) {
  tw_buffer list = {0};
  tw_buffer value = {0};
  for (size_t i = 0; i < count; i++) { /* not packed */
    tw_wire_put_varint(&list, 3, (uint64_t)numbers[i]);
  }
  put_inside(&value, TW_TF_ATTR_LIST, &list);
  gd_attribute(g, name, &value);
}

#define DIMS(...) ((const int64_t[]){__VA_ARGS__})
#define RANK(...) ((int)(sizeof(DIMS(__VA_ARGS__)) / sizeof(int64_t)))
#define GD_INTS(g, name, ...) gd_ints(g, name, DIMS(__VA_ARGS__), (size_t)RANK(__VA_ARGS__))

/* ---- Tensors ----------------------------------------------------------------------------------------------------- */

static inline void put_shape(tw_buffer *outer, uint32_t number, int rank, const int64_t *dims) {
  tw_buffer shape = {0};
  for (int i = 0; i < rank; i++) {
    tw_buffer dim = {0};
    tw_wire_put_varint(&dim, 1, (uint64_t)dims[i]);
    put_inside(&shape, 2, &dim);
  }
  put_inside(outer, number, &shape);
}

/* A Const whose tensor has this type and shape, and what `fields` holds besides; consumes `fields`. */
static inline void gd_const_fields(graphdef *g, const char *name, int32_t type, int rank, const int64_t *dims,
                                   tw_buffer *fields) {
  tw_buffer tensor = {0};
  tw_buffer value = {0};
  gd_node(g, "Const", name, "");
  gd_number(g, "dtype", TW_TF_ATTR_TYPE, type);
  tw_wire_put_varint(&tensor, 1, (uint64_t)type);
  put_shape(&tensor, 2, rank, dims);
  tw_buffer_append(&tensor, fields->size == 0 ? (const void *)"" : fields->data, fields->size);
  tw_buffer_done(fields);
  put_inside(&value, TW_TF_ATTR_TENSOR, &tensor);
  gd_attribute(g, "value", &value);
}

/* float32 elements 0.5, -0.25, ...: small, varied, exact. */
static inline void gd_weights(graphdef *g, const char *name, int rank, const int64_t *dims) {
  size_t count = 1;
  for (int i = 0; i < rank; i++) {
    count *= (size_t)dims[i];
  }
  float *values = calloc(count + 1, sizeof *values);
  assert_non_null(values);
  for (size_t i = 0; i < count; i++) {
    values[i] = (float)((int)(i * 7 % 31) - 12) / 16;
  }
  tw_buffer fields = {0};
  tw_wire_put_bytes(&fields, 4, values, count * sizeof *values);
  gd_const_fields(g, name, TW_TF_FLOAT, rank, dims, &fields);
  free(values);
}
#define GD_WEIGHTS(g, name, ...) gd_weights(g, name, RANK(__VA_ARGS__), DIMS(__VA_ARGS__))

/* One number. */
static inline void gd_scalar(graphdef *g, const char *name, float number) {
  tw_buffer fields = {0};
  tw_wire_put_f32(&fields, 5, number);
  gd_const_fields(g, name, TW_TF_FLOAT, 0, NULL, &fields);
}

static inline void gd_integers(graphdef *g, const char *name, const int64_t *numbers, size_t count, bool scalar) {
  tw_buffer fields = {0};
  for (size_t i = 0; i < count; i++) {
    tw_wire_put_varint(&fields, 7, (uint64_t)numbers[i]);
  }
  gd_const_fields(g, name, TW_TF_INT32, scalar ? 0 : 1, DIMS((int64_t)count), &fields);
}
#define GD_LIST(g, name, ...) gd_integers(g, name, DIMS(__VA_ARGS__), (size_t)RANK(__VA_ARGS__), false)
#define GD_INTEGER(g, name, number) gd_integers(g, name, DIMS(number), 1, true)

static inline void gd_placeholder(graphdef *g, const char *name, int rank, const int64_t *dims) {
  tw_buffer value = {0};
  gd_node(g, "Placeholder", name, "");
  gd_number(g, "dtype", TW_TF_ATTR_TYPE, TW_TF_FLOAT);
  put_shape(&value, TW_TF_ATTR_SHAPE, rank, dims);
  gd_attribute(g, "shape", &value);
}
#define GD_INPUT(g, ...) gd_placeholder(g, "x", RANK(__VA_ARGS__), DIMS(__VA_ARGS__))

/* A window of SAME padding and strides of 1 by 1. */
static inline void gd_window(graphdef *g, const char *padding) {
  gd_text(g, "padding", padding);
  GD_INTS(g, "strides", 1, 1, 1, 1);
}

/* ---- Whole files ------------------------------------------------------------------------------------------------- */

/* DecodeJpeg, Cast, ExpandDims, ResizeBilinear to 8 x 9; `tamper` (may be NULL) adds to the decoder's attributes. */
static inline void gd_jpeg(graphdef *g, void (*tamper)(graphdef *g)) {
  tw_buffer none = {0};
  gd_const_fields(g, "DecodeJpeg/contents", TW_TF_STRING, 0, NULL, &none);
  gd_node(g, "DecodeJpeg", "DecodeJpeg", "DecodeJpeg/contents");
  gd_number(g, "channels", TW_TF_ATTR_INT, 3);
  if (tamper != NULL) {
    tamper(g);
  }
  gd_node(g, "Cast", "Cast", "DecodeJpeg");
  gd_number(g, "DstT", TW_TF_ATTR_TYPE, TW_TF_FLOAT);
  GD_INTEGER(g, "ExpandDims/dim", 0);
  gd_node(g, "ExpandDims", "ExpandDims", "Cast,ExpandDims/dim");
  GD_LIST(g, "ResizeBilinear/size", 8, 9);
  gd_node(g, "ResizeBilinear", "ResizeBilinear", "ExpandDims,ResizeBilinear/size");
}

/* A convolution and a softmax over what `input` gives, three channels. */
static inline void gd_network(graphdef *g, const char *input) {
  char inputs[128];
  snprintf(inputs, sizeof inputs, "%s,w", input);
  GD_WEIGHTS(g, "w", 3, 3, 3, 4);
  gd_node(g, "Conv2D", "conv", inputs);
  gd_window(g, "SAME");
  GD_LIST(g, "axes", 1, 2);
  gd_node(g, "Mean", "mean", "conv,axes");
  gd_node(g, "Softmax", "softmax", "mean");
}

static inline tw_bytes gd_bytes(graphdef *g) {
  gd_end(g);
  return tw_buffer_bytes(&g->file);
}

/* The graph of a file that must be fine. */
static inline tw_graph *gd_graph(graphdef *g) {
  tw_graph *graph = NULL;
  tw_error error = {0};
  if (tw_graph_import_bytes(gd_bytes(g), &graph, &error) != TW_OK) {
    fail_msg("%s", error.message);
  }
  assert_int_equal(tw_graph_verify(graph, &error), TW_OK);
  return graph;
}

/* The import must fail with that status and a message of one line that holds `part`; the builder is done then. */
static inline void gd_fails(graphdef *g, tw_status status, const char *part) {
  tw_graph *graph = NULL;
  tw_error error = {0};
  tw_status got = tw_graph_import_bytes(gd_bytes(g), &graph, &error);
  if (got != status || strstr(error.message, part) == NULL) {
    fail_msg("status %d, message '%s' instead of %d, '%s'", (int)got, error.message, (int)status, part);
  }
  assert_null(graph);
  assert_null(strchr(error.message, '\n'));
  gd_done(g);
}

/* The shape of a value as text, ours (N x C x H x W); the builder is done then. */
static inline void gd_gives(graphdef *g, const char *value, const char *shape) {
  char text[TW_SHAPE_TEXT_SIZE];
  tw_graph *graph = gd_graph(g);
  assert_non_null(tw_graph_find(graph, value));
  assert_string_equal(tw_shape_text(&tw_graph_find(graph, value)->shape, text), shape);
  tw_graph_free(graph);
  gd_done(g);
}

/* A network with many operators. */
static inline void gd_every_operator(graphdef *g) {
  gd_jpeg(g, NULL);
  gd_scalar(g, "Sub/y", 128);
  gd_node(g, "Sub", "Sub", "ResizeBilinear,Sub/y");
  gd_scalar(g, "Mul/y", 0.0078125F);
  gd_node(g, "Mul", "Mul", "Sub,Mul/y");
  GD_WEIGHTS(g, "w", 3, 3, 3, 4);
  gd_node(g, "Conv2D", "conv", "Mul,w");
  gd_window(g, "SAME");
  GD_WEIGHTS(g, "four", 4);
  gd_scalar(g, "small", 0.001F);
  gd_node(g, "Mul", "squares", "four,four");
  gd_node(g, "AddV2", "variance", "squares,small");
  gd_node(g, "Rsqrt", "rsqrt", "variance");
  gd_node(g, "Mul", "scaled", "conv,rsqrt");
  gd_node(g, "FusedBatchNorm", "norm", "scaled,four,four,four,variance");
  gd_number(g, "is_training", TW_TF_ATTR_BOOL, 0);
  gd_node(g, "CheckNumerics", "checked", "norm");
  gd_node(g, "Identity", "identity", "norm,^checked");
  gd_node(g, "Relu6", "relu6", "identity:0");
  GD_WEIGHTS(g, "dw", 3, 3, 4, 2);
  gd_node(g, "DepthwiseConv2dNative", "depthwise", "relu6,dw");
  gd_window(g, "VALID");
  tw_buffer pads = {0};
  for (int i = 0; i < 8; i++) {
    tw_wire_put_varint(&pads, 7, i == 2 || i == 5 ? 1 : 0);
  }
  gd_const_fields(g, "pads", TW_TF_INT32, 2, DIMS(4, 2), &pads);
  gd_node(g, "Pad", "pad", "depthwise,pads");
  gd_node(g, "MaxPool", "pool", "pad");
  gd_window(g, "SAME");
  GD_INTS(g, "ksize", 1, 2, 2, 1);
  GD_INTEGER(g, "axis", 3);
  gd_node(g, "ConcatV2", "join", "pool,pad,axis");
  gd_node(g, "Shape", "shape", "join");
  GD_INTEGER(g, "zero", 0);
  GD_LIST(g, "begin", 0);
  GD_LIST(g, "end", 1);
  gd_node(g, "StridedSlice", "batch", "shape,begin,end,end");
  gd_number(g, "shrink_axis_mask", TW_TF_ATTR_INT, 1);
  GD_INTEGER(g, "rest", -1);
  gd_node(g, "Pack", "target", "batch,rest");
  gd_node(g, "Reshape", "flat", "join,target");
  GD_WEIGHTS(g, "dense", 5, 896);
  gd_node(g, "MatMul", "product", "flat,dense");
  gd_number(g, "transpose_b", TW_TF_ATTR_BOOL, 1);
  GD_WEIGHTS(g, "bias", 5);
  gd_node(g, "BiasAdd", "logits", "product,bias");
  gd_node(g, "Softmax", "softmax", "logits");
}

#endif
