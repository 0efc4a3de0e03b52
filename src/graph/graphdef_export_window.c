/* Convolutions and pools for TensorFlow, which has SAME and VALID where we have numbers of pads.
 *
 * Pads at the end that no window reaches do not count. What is exactly SAME or VALID then is written so; everything
 * else becomes a Pad before a VALID window, which is the same for convolutions (zeros) and the largest of a window
 * (minus infinity); means are corrected by a constant where padding does not count in their divisor. */
#include <math.h>
#include <string.h>

#include "graph/evaluate.h"
#include "graph/graphdef_export.h"

#define MAX_SPREAD_BYTES ((size_t)1 << 26) /* of depthwise weights with the zeros between them */

typedef struct window {
  const char *padding; /* "SAME" or "VALID" */
  bool padded;         /* written out */
  int64_t begin[2];    /* pads that windows reach */
  int64_t end[2];
} window;

static int64_t extent_of(const tw_attributes *attributes, int i) {
  return attributes->dilations[i] * (attributes->kernel[i] - 1) + 1;
}

static window window_of(const tw_node *node) {
  const tw_attributes *attributes = &node->attributes;
  window window = {.padding = "VALID"};
  bool same = true;
  bool any = false;
  for (int i = 0; i < 2; i++) {
    int64_t in = node->inputs[0]->shape.dims[i + 2];
    int64_t out = node->output->shape.dims[i + 2];
    int64_t stride = attributes->strides[i];
    int64_t reached = (out - 1) * stride + extent_of(attributes, i) - in - attributes->pads_begin[i];
    int64_t same_total = ((in + stride - 1) / stride - 1) * stride + extent_of(attributes, i) - in;
    same_total = same_total > 0 ? same_total : 0;
    window.begin[i] = attributes->pads_begin[i];
    window.end[i] = reached > 0 ? reached : 0;
    any = any || window.begin[i] != 0 || window.end[i] != 0;
    same = same && out == (in + stride - 1) / stride && window.begin[i] == same_total / 2 &&
           window.end[i] == same_total - same_total / 2;
  }
  window.padding = any && same ? "SAME" : "VALID";
  window.padded = any && !same;
  return window;
}

/* Pad, or PadV2 with another value than zero, below `name`. */
static const char *pad(tw_exporter *to, const char *name, const char *input, const window *window, float value) {
  const int64_t pads[8] = {0, 0, window->begin[0], window->end[0], window->begin[1], window->end[1], 0, 0};
  const char *numbers = tw_export_integers(to, tw_export_part(to, name, "paddings"), 2, 8, pads);
  const char *padded = tw_export_part(to, name, "pad");
  tw_tf_node *node;
  if (value == 0) {
    node = tw_export_simple(to, padded, "Pad", input, numbers, NULL);
  } else {
    const char *filling = tw_export_scalar(to, tw_export_part(to, name, "filling"), value);
    node = tw_export_simple(to, padded, "PadV2", input, numbers, filling, NULL);
  }
  tw_export_type(to, node, "Tpaddings", TW_TF_INT32);
  return padded;
}

/* The input as the window wants it, padded where that has to be written out. */
static const char *window_input(tw_exporter *to, const tw_node *node, const char *name, const window *window,
                                float filling) {
  const char *input = tw_export_operand(to, node->inputs[0], TW_ORDER_CHANNELS_LAST);
  return window->padded ? pad(to, name, input, window, filling) : input;
}

static tw_status check_dimensions(const tw_node *node, tw_error *error) {
  return node->attributes.spatial == 2
             ? TW_OK
             : tw_export_refuse(node, TW_E_UNSUPPORTED, "only windows over height and width can be written", error);
}

/* ---- Convolutions ------------------------------------------------------------------------------------------------ */

static void convolve(tw_exporter *to, const tw_node *node, const char *name, const char *input, const char *weights,
                     const window *window) {
  const tw_attributes *attributes = &node->attributes;
  tw_tf_node *conv = tw_export_simple(to, name, "Conv2D", input, weights, NULL);
  tw_export_window(to, conv, "strides", attributes->strides[0], attributes->strides[1]);
  tw_export_text(to, conv, "padding", window->padding);
  tw_export_text(to, conv, "data_format", "NHWC");
  if (attributes->dilations[0] != 1 || attributes->dilations[1] != 1) {
    tw_export_window(to, conv, "dilations", attributes->dilations[0], attributes->dilations[1]);
  }
}

/* The shape of DepthwiseConv2dNative's weights: height, width, channels, multiplier. False when they are too many. */
static bool depthwise_shape(const tw_node *node, tw_shape *ret_shape) {
  int64_t group = node->attributes.group;
  size_t count;
  *ret_shape = (tw_shape){.rank = 4,
                          .dims = {extent_of(&node->attributes, 0), extent_of(&node->attributes, 1), group,
                                   node->inputs[1]->shape.dims[0] / group}};
  return tw_shape_count(ret_shape, &count) && count <= MAX_SPREAD_BYTES / sizeof(float);
}

/* The weights with the zeros between them that a dilation means: TensorFlow's operator has none on the CPU. */
static const char *depthwise_weights(tw_exporter *to, const tw_node *node, const char *name, const tw_shape *shape) {
  static const int64_t perm[4] = {2, 3, 0, 1};
  const tw_attributes *attributes = &node->attributes;
  const int64_t *kernel = attributes->kernel;
  tw_shape given = {.rank = 4, .dims = {shape->dims[2], shape->dims[3], kernel[0], kernel[1]}};
  size_t row = (size_t)(shape->dims[2] * shape->dims[3]);
  size_t count = 0;
  tw_shape_count(shape, &count);
  float *dense = tw_export_floats(to, row * (size_t)(kernel[0] * kernel[1]));
  float *data = tw_export_floats(to, count);
  if (data != NULL) {
    tw_permute(node->inputs[1]->data, &given, sizeof *dense, perm, dense);
    for (int64_t y = 0; y < kernel[0]; y++) {
      for (int64_t x = 0; x < kernel[1]; x++) {
        size_t at = (size_t)(y * attributes->dilations[0] * shape->dims[1] + x * attributes->dilations[1]);
        memcpy(data + at * row, dense + (size_t)(y * kernel[1] + x) * row, row * sizeof *data);
      }
    }
    tw_export_constant(to, name, shape, data);
  }
  return name;
}

static tw_status depthwise(tw_exporter *to, const tw_node *node, const char *name, const char *input,
                           const window *window, tw_error *error) {
  const tw_attributes *attributes = &node->attributes;
  tw_shape shape;
  if (attributes->strides[0] != attributes->strides[1]) {
    return tw_export_refuse(node, TW_E_UNSUPPORTED,
                            "TensorFlow's DepthwiseConv2dNative wants the same stride for height and width", error);
  }
  if (!depthwise_shape(node, &shape)) {
    return tw_export_refuse(node, TW_E_LIMIT, "its dilation would take more than 64 MiB of zeros", error);
  }
  const char *weights = depthwise_weights(to, node, tw_export_name(to, node->inputs[1]->name), &shape);
  tw_tf_node *conv = tw_export_simple(to, name, "DepthwiseConv2dNative", input, weights, NULL);
  tw_export_window(to, conv, "strides", attributes->strides[0], attributes->strides[1]);
  tw_export_text(to, conv, "padding", window->padding);
  tw_export_text(to, conv, "data_format", "NHWC");
  return TW_OK;
}

/* The weights of one of the groups: they follow each other in the graph's order. */
static const char *group_weights(tw_exporter *to, const tw_node *node, int64_t number, const char *base) {
  static const int64_t perm[4] = {2, 3, 1, 0};
  tw_shape given = node->inputs[1]->shape;
  given.dims[0] /= node->attributes.group;
  tw_shape permuted = given;
  size_t count = 0;
  tw_shape_count(&given, &count);
  float *data = tw_export_floats(to, count);
  const char *name = tw_export_part(to, base, "weights");
  if (data != NULL) {
    for (int i = 0; i < 4; i++) {
      permuted.dims[i] = given.dims[perm[i]];
    }
    const uint8_t *all = node->inputs[1]->data;
    tw_permute(all + (size_t)number * count * sizeof *data, &given, sizeof *data, perm, data);
    tw_export_constant(to, name, &permuted, data);
  }
  return name;
}

/* Split, a convolution a group, ConcatV2: the form that every version of TensorFlow runs. */
static void grouped(tw_exporter *to, const tw_node *node, const char *name, const char *input, const window *window) {
  int64_t group = node->attributes.group;
  const char *axis = tw_export_integers(to, tw_export_part(to, name, "axis"), 0, 1, (const int64_t[1]){3});
  const char *split = tw_export_part(to, name, "split");
  tw_export_int(to, tw_export_simple(to, split, "Split", axis, input, NULL), "num_split", group);
  const char **parts = tw_arena_alloc(to->scratch, (size_t)group, sizeof *parts);
  to->failed = to->failed || parts == NULL;
  for (int64_t i = 0; !to->failed && i < group; i++) {
    size_t size = strlen(split) + 24;
    char *part = tw_arena_alloc(to->scratch, size, 1);
    to->failed = to->failed || part == NULL;
    if (to->failed) {
      return;
    }
    snprintf(part, size, i == 0 ? "%s" : "%s:%lld", split, (long long)i);
    parts[i] = tw_export_part(to, name, "group");
    convolve(to, node, parts[i], part, group_weights(to, node, i, parts[i]), window);
  }
  tw_tf_node *join = tw_export_node(to, name, "ConcatV2", (size_t)group + 1);
  for (int64_t i = 0; !to->failed && i < group; i++) {
    tw_export_input(to, join, parts[i]);
  }
  tw_export_input(to, join, axis);
  tw_export_int(to, join, "N", group);
  tw_export_type(to, join, "T", TW_TF_FLOAT);
  tw_export_type(to, join, "Tidx", TW_TF_INT32);
}

tw_status tw_export_conv(tw_exporter *to, const tw_node *node, tw_error *error) {
  TW_TRY(check_dimensions(node, error));
  if (node->inputs[1]->data == NULL) {
    return tw_export_refuse(node, TW_E_UNSUPPORTED, "its weights are not constants", error);
  }
  const tw_value *bias = node->input_count > 2 ? node->inputs[2] : NULL;
  const char *result = tw_export_value_name(to, node->output);
  const char *name = bias == NULL ? result : tw_export_part(to, result, "conv");
  window window = window_of(node);
  const char *input = window_input(to, node, result, &window, 0);
  int64_t group = node->attributes.group;
  if (group == 1) {
    convolve(to, node, name, input, tw_export_operand(to, node->inputs[1], TW_ORDER_WEIGHTS), &window);
  } else if (node->inputs[1]->shape.dims[1] == 1) {
    TW_TRY(depthwise(to, node, name, input, &window, error));
  } else {
    grouped(to, node, name, input, &window);
  }
  if (bias != NULL) {
    tw_tf_node *add = tw_export_simple(to, result, "BiasAdd", name, tw_export_operand(to, bias, TW_ORDER_GRAPH), NULL);
    tw_export_text(to, add, "data_format", "NHWC");
  }
  tw_export_define(to, node->output, TW_ORDER_CHANNELS_LAST, result);
  return TW_OK;
}

/* ---- Pools ------------------------------------------------------------------------------------------------------- */

/* How many elements of the window at `position` along dimension i count in the divisor of its mean. */
static int64_t counted(const tw_node *node, int i, int64_t position) {
  const tw_attributes *attributes = &node->attributes;
  bool pads = attributes->count_include_pad;
  int64_t first = position * attributes->strides[i] - attributes->pads_begin[i];
  int64_t low = pads ? -attributes->pads_begin[i] : 0;
  int64_t high = node->inputs[0]->shape.dims[i + 2] + (pads ? attributes->pads_end[i] : 0);
  int64_t end = first + attributes->kernel[i];
  return (end < high ? end : high) - (first > low ? first : low);
}

/* What the means of whole windows are multiplied with, 1 x height x width x 1; NULL when that is 1 everywhere. */
static const char *correction(tw_exporter *to, const tw_node *node, const char *name) {
  const tw_shape *shape = &node->output->shape;
  const int64_t *kernel = node->attributes.kernel;
  tw_shape map = {.rank = 4, .dims = {1, shape->dims[2], shape->dims[3], 1}};
  float *factors = tw_export_floats(to, (size_t)(shape->dims[2] * shape->dims[3]));
  bool any = false;
  float *at = factors;
  for (int64_t y = 0; at != NULL && y < shape->dims[2]; y++) {
    for (int64_t x = 0; x < shape->dims[3]; x++) {
      int64_t divisor = counted(node, 0, y) * counted(node, 1, x);
      any = any || divisor != kernel[0] * kernel[1];
      *at++ = (float)((double)(kernel[0] * kernel[1]) / (double)divisor);
    }
  }
  return any ? tw_export_constant(to, tw_export_part(to, name, "divisor"), &map, factors) : NULL;
}

tw_status tw_export_pool(tw_exporter *to, const tw_node *node, tw_error *error) {
  const tw_attributes *attributes = &node->attributes;
  bool max = node->op == TW_OP_MAX_POOL;
  TW_TRY(check_dimensions(node, error));
  if (attributes->dilations[0] != 1 || attributes->dilations[1] != 1) {
    return tw_export_refuse(node, TW_E_UNSUPPORTED, "TensorFlow's pools have no dilations", error);
  }
  const char *result = tw_export_value_name(to, node->output);
  window window = window_of(node);
  if (!max && strcmp(window.padding, "SAME") == 0 && attributes->count_include_pad) {
    window.padding = "VALID"; /* TensorFlow's SAME leaves padding out of the divisor */
    window.padded = true;
  }
  const char *input = window_input(to, node, result, &window, max ? -INFINITY : 0);
  const char *factors = max || !window.padded ? NULL : correction(to, node, result);
  const char *name = factors == NULL ? result : tw_export_part(to, result, "mean");
  tw_tf_node *pool = tw_export_simple(to, name, max ? "MaxPool" : "AvgPool", input, NULL);
  tw_export_window(to, pool, "ksize", attributes->kernel[0], attributes->kernel[1]);
  tw_export_window(to, pool, "strides", attributes->strides[0], attributes->strides[1]);
  tw_export_text(to, pool, "padding", window.padding);
  tw_export_text(to, pool, "data_format", "NHWC");
  if (factors != NULL) {
    tw_export_simple(to, result, "Mul", name, factors, NULL);
  }
  tw_export_define(to, node->output, TW_ORDER_CHANNELS_LAST, result);
  return TW_OK;
}
