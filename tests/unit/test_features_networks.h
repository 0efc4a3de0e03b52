/* Small networks, their files, and small pictures, for the tests of trunks and of the pipeline. */
#ifndef TW_TEST_FEATURES_NETWORKS_H
#define TW_TEST_FEATURES_NETWORKS_H

#include <png.h>

#include "features/features.h"
#include "test_features_tree.h"

enum { NET_SIDE = 8, NET_CHANNELS = 5, NET_CLASSES = 4 };

#define NET_PREPROCESS                                                                                \
  "dct=islow upsampling=fancy orientation=exif icc=ignored cmyk=pillow alpha=white filter=bicubic "   \
  "geometry=squash crop=1 rounding=u8 size=8x8 mean=127,127,127 scale=0.0078125,0.0078125,0.0078125 " \
  "colour=rgb layout=nchw"

static inline void net_ok(tw_status status, const tw_error *error) {
  if (status != TW_OK) {
    fail_msg("%s", error->message);
  }
}

static inline tw_value *net_constant(tw_graph *graph, const char *name, int rank, int64_t a, int64_t b, int64_t side) {
  tw_shape shape = {.rank = rank, .dims = {a, b, side, side}};
  size_t count;
  tw_error error = {0};
  assert_true(tw_shape_count(&shape, &count));
  float *data = tw_arena_alloc(graph->arena, count, sizeof *data);
  tw_random random;
  tw_random_init(&random, count);
  for (size_t i = 0; i < count; i++) {
    data[i] = (float)(tw_random_unit(&random) - 0.5);
  }
  tw_value *value = NULL;
  net_ok(tw_graph_add_constant(graph, name, TW_DTYPE_F32, &shape, data, &value, &error), &error);
  return value;
}

static inline tw_value *net_node(tw_graph *graph, const char *name, tw_op op, const tw_attributes *attributes,
                                 tw_value *a, tw_value *b) {
  tw_value *inputs[] = {a, b};
  tw_value *value = NULL;
  tw_error error = {0};
  net_ok(tw_graph_add_node(graph, name, op, inputs, b == NULL ? 1 : 2, attributes, name, &value, &error), &error);
  return value;
}

/* input 1x3x8x8 -> conv -> relu (1x5x3x3) -> pool -> flat (1x5) -> dense -> softmax (1x4). */
static inline tw_graph *net_plain(void) {
  tw_graph *graph = tw_graph_create();
  tw_value *at = NULL;
  tw_error error = {0};
  net_ok(tw_graph_add_input(graph, "picture", TW_DTYPE_F32, &(tw_shape){4, {1, 3, NET_SIDE, NET_SIDE}}, &at, &error),
         &error);
  tw_attributes conv = {.spatial = 2, .kernel = {3, 3}, .strides = {2, 2}, .dilations = {1, 1}, .group = 1};
  at = net_node(graph, "conv", TW_OP_CONV, &conv, at, net_constant(graph, "weights", 4, NET_CHANNELS, 3, 3));
  at = net_node(graph, "relu", TW_OP_RELU, NULL, at, NULL);
  at = net_node(graph, "pool", TW_OP_GLOBAL_AVERAGE_POOL, NULL, at, NULL);
  at = net_node(graph, "flat", TW_OP_FLATTEN, &(tw_attributes){.axis = 1}, at, NULL);
  tw_attributes gemm = {.alpha = 1, .beta = 1};
  at = net_node(graph, "dense", TW_OP_GEMM, &gemm, at, net_constant(graph, "matrix", 2, NET_CHANNELS, NET_CLASSES, 0));
  at = net_node(graph, "answer", TW_OP_SOFTMAX, &(tw_attributes){.axis = 1}, at, NULL);
  net_ok(tw_graph_add_output(graph, at, &error), &error);
  return graph;
}

/* One that can be cut, but that the engine cannot run: it goes through whole numbers. */
static inline tw_graph *net_unplannable(void) {
  tw_graph *graph = tw_graph_create();
  tw_value *at = NULL;
  tw_error error = {0};
  net_ok(tw_graph_add_input(graph, "picture", TW_DTYPE_F32, &(tw_shape){4, {1, 3, NET_SIDE, NET_SIDE}}, &at, &error),
         &error);
  at = net_node(graph, "whole", TW_OP_CAST, &(tw_attributes){.to = TW_DTYPE_I32}, at, NULL);
  at = net_node(graph, "back", TW_OP_CAST, &(tw_attributes){.to = TW_DTYPE_F32}, at, NULL);
  net_ok(tw_graph_add_output(graph, at, &error), &error);
  return graph;
}

/* Writes the graph as ONNX and frees it. `key`: a metadata entry, or NULL. */
static inline void net_save(tw_graph *graph, const char *relative, const char *key) {
  tw_buffer bytes = {0};
  tw_error error = {0};
  tw_metadata entry = {.key = key, .value = tw_bytes_of("x")};
  net_ok(tw_graph_export_onnx(graph, &entry, key == NULL ? 0 : 1, &bytes, &error), &error);
  tree_file(relative, bytes.data, bytes.size);
  tw_buffer_done(&bytes);
  tw_graph_free(graph);
}

static inline tw_trunk *net_open(const char *name, const tw_trunk_options *options) {
  tw_trunk *trunk = NULL;
  tw_error error = {0};
  net_ok(tw_trunk_open(name, options, &trunk, &error), &error);
  return trunk;
}

/* A trunk of a graph that is there already. */
static inline tw_trunk *net_create(tw_graph *graph, const char *features) {
  tw_preprocess preprocess;
  tw_trunk *trunk = NULL;
  tw_error error = {0};
  net_ok(tw_preprocess_parse(NET_PREPROCESS, &preprocess, &error), &error);
  net_ok(tw_trunk_create(graph, tw_graph_find(graph, features), &preprocess, features, &trunk, &error), &error);
  return trunk;
}

/* A PNG of 40 x 30 pixels; another seed, another picture. */
static inline void net_picture(const char *relative, uint64_t seed) {
  enum { WIDTH = 40, HEIGHT = 30 };
  uint8_t pixels[WIDTH * HEIGHT * 3];
  tw_random random;
  tw_random_init(&random, seed);
  uint64_t tint = tw_random_u64(&random);
  for (size_t i = 0; i < sizeof pixels; i++) {
    pixels[i] = (uint8_t)((tint >> 8 * (i % 3) & 0x7f) + tw_random_below(&random, 128));
  }
  tree_file(relative, "", 0);
  png_image image = {.version = PNG_IMAGE_VERSION, .width = WIDTH, .height = HEIGHT, .format = PNG_FORMAT_RGB};
  assert_true(png_image_write_to_file(&image, tree_path(relative), 0, pixels, 0, NULL));
}

/* Pictures seed, seed + 1, ... as folder/0.png, folder/1.png, ...; ret_paths: `count` of them, to be freed each. */
static inline void net_pictures(const char *folder, uint64_t seed, size_t count, char **ret_paths) {
  for (size_t i = 0; i < count; i++) {
    char name[64];
    snprintf(name, sizeof name, "%s/%zu.png", folder, i);
    net_picture(name, seed + i);
    ret_paths[i] = tw_strdup(tree_path(name));
  }
}

static inline void net_free_paths(char **paths, size_t count) {
  for (size_t i = 0; i < count; i++) {
    tw_free(paths[i]);
  }
}

#endif
