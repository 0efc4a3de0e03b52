/* For tests: small networks whose export as GraphDef takes every way there is. Each has the input `x` and one output;
 * peers/export_network.c writes them for TensorFlow to run. */
#ifndef TW_TESTS_GRAPHDEF_NETWORKS_H
#define TW_TESTS_GRAPHDEF_NETWORKS_H

#include "onnx_builder.h"

/* Pads that are exactly SAME, for odd and even sizes. */
static inline void net_conv_same(builder *b) {
  BUILD(b, -1, 3, 8, 7);
  WEIGHTS(b, "w", 4, 3, 3, 3);
  WEIGHTS(b, "v", 4, 4, 3, 3);
  WEIGHTS(b, "bias", 4);
  builder_node(b, "Conv", "c1", "x,w,bias", "c1");
  INTS(b, "pads", 1, 1, 1, 1);
  builder_node(b, "Conv", "c2", "c1,v", "y");
  INTS(b, "pads", 0, 1, 1, 1);
  INTS(b, "strides", 2, 2);
  builder_output(b, "y");
}

/* PyTorch's padding before a stride: TensorFlow's SAME would shift it by a pixel. */
static inline void net_conv_padded(builder *b) {
  BUILD(b, -1, 3, 8, 8);
  WEIGHTS(b, "w", 4, 3, 3, 3);
  WEIGHTS(b, "v", 2, 4, 5, 3);
  builder_node(b, "Conv", "c1", "x,w", "c1");
  INTS(b, "pads", 1, 1, 1, 1);
  INTS(b, "strides", 2, 2);
  builder_node(b, "Conv", "c2", "c1,v", "y");
  INTS(b, "pads", 3, 0, 1, 2);
  INTS(b, "strides", 2, 1);
  builder_output(b, "y");
}

static inline void net_conv_valid(builder *b) {
  BUILD(b, -1, 3, 9, 8);
  WEIGHTS(b, "w", 4, 3, 3, 2);
  builder_node(b, "Conv", "c1", "x,w", "y");
  INTS(b, "strides", 3, 2);
  builder_output(b, "y");
}

static inline void net_conv_dilated(builder *b) {
  BUILD(b, -1, 3, 11, 10);
  WEIGHTS(b, "w", 4, 3, 3, 3);
  builder_node(b, "Conv", "c1", "x,w", "c1");
  INTS(b, "dilations", 2, 3);
  INTS(b, "pads", 2, 3, 2, 3);
  builder_node(b, "Conv", "c2", "x,w", "c2");
  INTS(b, "dilations", 2, 2);
  builder_node(b, "Conv", "c3", "x,w", "c3");
  INTS(b, "dilations", 2, 2);
  INTS(b, "pads", 0, 1, 2, 3);
  INTS(b, "strides", 2, 2);
  builder_node(b, "GlobalAveragePool", "g1", "c1", "g1");
  builder_node(b, "GlobalAveragePool", "g2", "c2", "g2");
  builder_node(b, "GlobalAveragePool", "g3", "c3", "g3");
  builder_node(b, "Concat", "cat", "g1,g2,g3", "y");
  builder_int(b, "axis", 1);
  builder_output(b, "y");
}

static inline void net_depthwise(builder *b) {
  BUILD(b, -1, 3, 9, 9);
  WEIGHTS(b, "w", 3, 1, 3, 3);
  WEIGHTS(b, "v", 6, 1, 3, 3);
  WEIGHTS(b, "u", 6, 1, 3, 2);
  WEIGHTS(b, "bias", 6);
  builder_node(b, "Conv", "c1", "x,w", "c1");
  builder_int(b, "group", 3);
  INTS(b, "pads", 1, 1, 1, 1);
  builder_node(b, "Conv", "c2", "c1,v,bias", "c2");
  builder_int(b, "group", 3);
  INTS(b, "pads", 2, 0, 0, 1);
  INTS(b, "strides", 2, 2);
  builder_node(b, "Conv", "c3", "c2,u", "y");
  builder_int(b, "group", 6);
  INTS(b, "dilations", 2, 3);
  INTS(b, "pads", 2, 1, 2, 2);
  builder_output(b, "y");
}

static inline void net_grouped(builder *b) {
  BUILD(b, -1, 4, 6, 6);
  WEIGHTS(b, "w", 6, 2, 3, 3);
  WEIGHTS(b, "bias", 6);
  builder_node(b, "Conv", "c1", "x,w,bias", "y");
  builder_int(b, "group", 2);
  INTS(b, "pads", 1, 1, 1, 1);
  builder_output(b, "y");
}

/* More than 1024 weights, all of them exact as halves. */
static inline void net_halves(builder *b) {
  BUILD(b, -1, 3, 6, 6);
  WEIGHTS(b, "w", 48, 3, 3, 3);
  builder_node(b, "Conv", "c1", "x,w", "y");
  builder_output(b, "y");
}

/* Weights in TensorFlow's own order, as those of an imported GraphDef are. */
static inline void net_stored_weights(builder *b) {
  BUILD(b, -1, 3, 6, 6);
  WEIGHTS(b, "w", 3, 2, 3, 4);
  builder_node(b, "Transpose", "turned", "w", "turned");
  INTS(b, "perm", 3, 2, 0, 1);
  builder_node(b, "Conv", "c1", "x,turned", "y");
  builder_output(b, "y");
}

static inline void net_batch_norm(builder *b) {
  static const float variances[3] = {0.5f, 1.5f, 4};
  BUILD(b, -1, 3, 5, 4);
  WEIGHTS(b, "v", 3);
  builder_tensor(b, "s", TW_DTYPE_F32, 1, DIMS(3), variances);
  builder_node(b, "BatchNormalization", "n1", "x,s,v,v,s", "n1");
  builder_float(b, "epsilon", 0.25f);
  builder_node(b, "GlobalAveragePool", "g", "n1", "g");
  builder_node(b, "Flatten", "f", "g", "f");
  builder_node(b, "BatchNormalization", "n2", "f,v,s,v,s", "y");
  builder_output(b, "y");
}

static inline void net_clips(builder *b) {
  BUILD(b, -1, 3, 5, 4);
  builder_scalar(b, "zero", 0);
  builder_scalar(b, "six", 6);
  builder_scalar(b, "low", -0.5f);
  builder_scalar(b, "high", 0.75f);
  builder_node(b, "Relu", "r1", "x", "r1");
  builder_node(b, "Clip", "r2", "x,zero,six", "r2");
  builder_node(b, "Clip", "r3", "x,zero", "r3");
  builder_node(b, "Clip", "r4", "x,low,high", "r4");
  builder_node(b, "Clip", "r5", "x,low", "r5");
  builder_node(b, "Clip", "r6", "x,,high", "r6");
  builder_node(b, "Clip", "r7", "x", "r7");
  builder_node(b, "Concat", "cat", "r1,r2,r3,r4,r5,r6,r7", "y");
  builder_int(b, "axis", 1);
  builder_output(b, "y");
}

/* Constants of every rank that broadcasts, on either side, and a gate of 1 x 1 pixels. */
static inline void net_arithmetic(builder *b) {
  BUILD(b, -1, 3, 5, 4);
  WEIGHTS(b, "k3", 3, 1, 1);
  WEIGHTS(b, "k4", 1, 3, 1, 1);
  WEIGHTS(b, "k1", 4);
  WEIGHTS(b, "k2", 5, 4);
  WEIGHTS(b, "whole", 3, 5, 4);
  WEIGHTS(b, "one", 1, 1, 1);
  builder_scalar(b, "half", 0.5f);
  builder_node(b, "Add", "a1", "x,k3", "a1");
  builder_node(b, "Sub", "a2", "k4,a1", "a2");
  builder_node(b, "Mul", "a3", "a2,k1", "a3");
  builder_node(b, "Add", "a4", "k2,a3", "a4");
  builder_node(b, "Mul", "a5", "a4,whole", "a5");
  builder_node(b, "Sub", "a6", "a5,half", "a6");
  builder_node(b, "Add", "a7", "a6,one", "a7");
  builder_node(b, "Add", "a8", "a7,x", "a8");
  builder_node(b, "GlobalAveragePool", "gate", "a8", "gate");
  builder_node(b, "Mul", "a9", "gate,a8", "y");
  builder_output(b, "y");
}

static inline void net_max_pools(builder *b) {
  BUILD(b, -1, 3, 8, 9);
  builder_node(b, "MaxPool", "m1", "x", "m1"); /* SAME */
  INTS(b, "kernel_shape", 3, 3);
  INTS(b, "pads", 1, 1, 1, 1);
  builder_node(b, "MaxPool", "m2", "m1", "m2"); /* not SAME: the first pixel of all is padding */
  INTS(b, "kernel_shape", 3, 2);
  INTS(b, "pads", 1, 1, 1, 0);
  INTS(b, "strides", 2, 2);
  builder_node(b, "MaxPool", "m3", "m2", "m3");
  INTS(b, "kernel_shape", 2, 2);
  builder_node(b, "MaxPool", "m4", "m2", "m4"); /* hangs over the end */
  INTS(b, "kernel_shape", 3, 3);
  INTS(b, "strides", 2, 2);
  builder_int(b, "ceil_mode", 1);
  builder_node(b, "GlobalAveragePool", "g3", "m3", "g3");
  builder_node(b, "GlobalAveragePool", "g4", "m4", "g4");
  builder_node(b, "Concat", "cat", "g3,g4", "y");
  builder_int(b, "axis", 1);
  builder_output(b, "y");
}

static inline void net_average_pools(builder *b) {
  BUILD(b, -1, 3, 8, 9);
  builder_node(b, "AveragePool", "m1", "x", "m1"); /* SAME, padding not counted */
  INTS(b, "kernel_shape", 3, 3);
  INTS(b, "pads", 1, 1, 1, 1);
  builder_node(b, "AveragePool", "m2", "m1", "m2"); /* SAME, padding counted */
  INTS(b, "kernel_shape", 3, 3);
  INTS(b, "pads", 1, 1, 1, 1);
  builder_int(b, "count_include_pad", 1);
  builder_node(b, "AveragePool", "m3", "m2", "m3"); /* not SAME, padding not counted */
  INTS(b, "kernel_shape", 3, 2);
  INTS(b, "pads", 1, 1, 1, 1);
  INTS(b, "strides", 2, 2);
  builder_node(b, "AveragePool", "m4", "m2", "m4"); /* hangs over the end, padding counted */
  INTS(b, "kernel_shape", 3, 3);
  INTS(b, "pads", 1, 0, 0, 0);
  INTS(b, "strides", 4, 3);
  builder_int(b, "count_include_pad", 1);
  builder_int(b, "ceil_mode", 1);
  builder_node(b, "AveragePool", "m5", "m2", "m5");
  INTS(b, "kernel_shape", 3, 3);
  INTS(b, "strides", 2, 2);
  builder_int(b, "ceil_mode", 1);
  builder_node(b, "GlobalAveragePool", "g3", "m3", "g3");
  builder_node(b, "GlobalAveragePool", "g4", "m4", "g4");
  builder_node(b, "GlobalAveragePool", "g5", "m5", "g5");
  builder_node(b, "Concat", "cat", "g3,g4,g5", "y");
  builder_int(b, "axis", 1);
  builder_output(b, "y");
}

/* Height, width and channels are mixed: the order of the elements matters. */
static inline void net_flatten(builder *b) {
  BUILD(b, -1, 3, 2, 4);
  WEIGHTS(b, "w", 24, 5);
  WEIGHTS(b, "v", 4, 24);
  WEIGHTS(b, "c", 4);
  builder_node(b, "Relu", "r", "x", "r");
  builder_node(b, "Flatten", "flat", "r", "flat");
  builder_node(b, "Reshape", "flat2", "x,target", "flat2");
  builder_integers(b, "target", DIMS(0, -1), 2);
  builder_node(b, "MatMul", "p1", "flat,w", "p1");
  builder_node(b, "Gemm", "p2", "flat2,v,c", "p2");
  builder_int(b, "transB", 1);
  builder_node(b, "Concat", "cat", "p1,p2", "y");
  builder_int(b, "axis", 1);
  builder_output(b, "y");
}

/* Back to pixels: an order that only the graph has becomes channels last. */
static inline void net_reshape_back(builder *b) {
  BUILD(b, -1, 24);
  WEIGHTS(b, "w", 4, 3, 2, 2);
  builder_node(b, "Reshape", "shape", "x,target", "r");
  builder_integers(b, "target", DIMS(0, 3, 2, 4), 4);
  builder_node(b, "Conv", "c", "r,w", "c");
  builder_node(b, "Concat", "rows", "r,r", "rows");
  builder_int(b, "axis", 2);
  builder_node(b, "GlobalAveragePool", "g1", "c", "g1");
  builder_node(b, "MaxPool", "m", "rows", "m");
  INTS(b, "kernel_shape", 4, 3);
  builder_node(b, "GlobalAveragePool", "g2", "m", "g2");
  builder_node(b, "Concat", "cat", "g1,g2", "cat");
  builder_int(b, "axis", 1);
  builder_node(b, "Flatten", "flat", "cat", "y");
  builder_output(b, "y");
}

static inline void net_products(builder *b) {
  BUILD(b, -1, 6);
  WEIGHTS(b, "w", 6, 5);
  WEIGHTS(b, "v", 5, 4);
  WEIGHTS(b, "c", 5);
  WEIGHTS(b, "d", 1, 4);
  builder_scalar(b, "s", 0.25f);
  WEIGHTS(b, "m", 4, 4);
  builder_node(b, "Gemm", "g1", "x,w,c", "g1");
  builder_float(b, "alpha", 0.5f);
  builder_node(b, "Gemm", "g2", "g1,v,d", "g2");
  builder_float(b, "beta", -2);
  builder_node(b, "Gemm", "g3", "g2,m", "g3");
  builder_float(b, "alpha", 3);
  builder_node(b, "Gemm", "g4", "g3,m,s", "g4");
  builder_int(b, "transB", 1);
  builder_node(b, "MatMul", "p", "g4,m", "p");
  builder_node(b, "Identity", "id", "p", "id");
  builder_node(b, "Softmax", "soft", "id", "y");
  builder_output(b, "y");
}

/* Products of stacks of matrices, and softmax over their last dimension. */
static inline void net_stacks(builder *b) {
  BUILD(b, -1, 3, 4, 5);
  WEIGHTS(b, "w", 5, 2);
  builder_node(b, "Relu", "r", "x", "r");
  builder_node(b, "MatMul", "p", "r,w", "p");
  builder_node(b, "Softmax", "s", "p", "s");
  builder_node(b, "Flatten", "f", "s", "y");
  builder_output(b, "y");
}

static inline void net_softmax_of_channels(builder *b) {
  BUILD(b, -1, 3, 4, 5);
  builder_node(b, "Softmax", "s", "x", "y");
  builder_int(b, "axis", 1);
  builder_output(b, "y");
}

/* To channels last and on, and an order of other dimensions. */
static inline void net_transpose(builder *b) {
  BUILD(b, -1, 3, 4, 5);
  WEIGHTS(b, "w", 3, 2);
  builder_node(b, "Relu", "r", "x", "r");
  builder_node(b, "Transpose", "last", "r", "last");
  INTS(b, "perm", 0, 2, 3, 1);
  builder_node(b, "MatMul", "p", "last,w", "p");
  builder_node(b, "Transpose", "back", "p", "back");
  INTS(b, "perm", 0, 3, 1, 2);
  builder_node(b, "MaxPool", "m", "back", "m");
  INTS(b, "kernel_shape", 2, 2);
  builder_node(b, "Transpose", "turned", "m", "turned");
  INTS(b, "perm", 0, 3, 2, 1);
  builder_node(b, "Flatten", "f", "turned", "y");
  builder_output(b, "y");
}

/* Joined along every dimension of pixels. */
static inline void net_concat(builder *b) {
  BUILD(b, -1, 3, 4, 5);
  builder_node(b, "Relu", "r", "x", "r");
  builder_node(b, "Concat", "c1", "x,r", "c1");
  builder_int(b, "axis", 1);
  builder_node(b, "Concat", "c2", "c1,c1,c1", "c2");
  builder_int(b, "axis", 2);
  builder_node(b, "Concat", "c3", "c2,c2", "c3");
  builder_int(b, "axis", 3);
  builder_node(b, "Concat", "c4", "c3", "y");
  builder_int(b, "axis", 1);
  builder_output(b, "y");
}

/* Names that TensorFlow does not allow, that become the same, and that we want for ourselves. */
static inline void net_names(builder *b) {
  BUILD(b, -1, 3);
  WEIGHTS(b, "/w:0", 3);
  WEIGHTS(b, "w:0", 3);
  WEIGHTS(b, "_w 0", 3);
  WEIGHTS(b, "\xc3\xa9", 3);
  builder_node(b, "Add", "", "x,/w:0", "final_result");
  builder_node(b, "Add", "", "final_result,w:0", "w_0_1");
  builder_node(b, "Mul", "", "w_0_1,_w 0", "input");
  builder_node(b, "Add", "", "input,\xc3\xa9", "y");
  builder_output(b, "y");
}

typedef struct network {
  const char *name;
  void (*build)(builder *b);
} network;

static const network networks[] = {
    {"conv-same", net_conv_same},
    {"conv-padded", net_conv_padded},
    {"conv-valid", net_conv_valid},
    {"conv-dilated", net_conv_dilated},
    {"depthwise", net_depthwise},
    {"grouped", net_grouped},
    {"halves", net_halves},
    {"stored-weights", net_stored_weights},
    {"batch-norm", net_batch_norm},
    {"clips", net_clips},
    {"arithmetic", net_arithmetic},
    {"max-pools", net_max_pools},
    {"average-pools", net_average_pools},
    {"flatten", net_flatten},
    {"reshape-back", net_reshape_back},
    {"products", net_products},
    {"stacks", net_stacks},
    {"softmax-of-channels", net_softmax_of_channels},
    {"transpose", net_transpose},
    {"concat", net_concat},
    {"names", net_names},
};
static const size_t network_count = sizeof networks / sizeof *networks;

#endif
