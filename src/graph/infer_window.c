/* Shape inference of the operators that slide a window: Conv, MaxPool, AveragePool. */
#include "graph/internal.h"

enum { MAX_NUMBER = 0x7fffffff }; /* of kernels, strides, dilations, pads: their products fit 64 bits */

/* Kernel, strides, dilations and pads are sane, and the input has as many pixel dimensions as they. */
static tw_status check_window(const tw_node *node, tw_error *error) {
  const tw_attributes *attributes = &node->attributes;
  char text[TW_SHAPE_TEXT_SIZE];
  if (attributes->spatial < 1 || attributes->spatial > TW_MAX_SPATIAL ||
      node->inputs[0]->shape.rank != attributes->spatial + 2) {
    return tw_infer_wrong(node, error, "its input has the shape %s; it wants batch, channels and 1 to %d of pixels",
                          tw_shape_text(&node->inputs[0]->shape, text), TW_MAX_SPATIAL);
  }
  for (int i = 0; i < attributes->spatial; i++) {
    int64_t least = attributes->kernel[i];
    int64_t most = attributes->kernel[i];
    const int64_t others[2] = {attributes->strides[i], attributes->dilations[i]};
    for (int j = 0; j < 2; j++) {
      least = others[j] < least ? others[j] : least;
      most = others[j] > most ? others[j] : most;
    }
    if (least < 1 || most > MAX_NUMBER) {
      return tw_infer_wrong(node, error, "kernel, strides and dilations must be 1 to %d; they are %lld, %lld and %lld",
                            MAX_NUMBER, (long long)attributes->kernel[i], (long long)attributes->strides[i],
                            (long long)attributes->dilations[i]);
    }
    if (attributes->pads_begin[i] < 0 || attributes->pads_end[i] < 0 || attributes->pads_begin[i] > MAX_NUMBER ||
        attributes->pads_end[i] > MAX_NUMBER) {
      return tw_infer_wrong(node, error, "pads must be 0 to %d; they are %lld and %lld", MAX_NUMBER,
                            (long long)attributes->pads_begin[i], (long long)attributes->pads_end[i]);
    }
  }
  return TW_OK;
}

/* How often the window fits into dimension i. With ceil_mode a last window that hangs over the end counts, but not one
 * that starts in the padding at the end. */
static int64_t window_count(const tw_attributes *attributes, int i, int64_t size) {
  int64_t extent = attributes->dilations[i] * (attributes->kernel[i] - 1) + 1;
  int64_t room = size + attributes->pads_begin[i] + attributes->pads_end[i] - extent;
  if (room < 0) {
    return 0;
  }
  int64_t stride = attributes->strides[i];
  int64_t count = room / stride + 1;
  bool hangs_over = attributes->ceil_mode && room % stride != 0;
  return hangs_over && count * stride < size + attributes->pads_begin[i] ? count + 1 : count;
}

static tw_status infer_pixels(const tw_node *node, tw_shape *shape, tw_error *error) {
  const tw_attributes *attributes = &node->attributes;
  for (int i = 0; i < attributes->spatial; i++) {
    int64_t size = node->inputs[0]->shape.dims[i + 2];
    int64_t count = window_count(attributes, i, size);
    if (count < 1) {
      return tw_infer_wrong(node, error,
                            "a kernel of %lld (dilation %lld) does not fit into %lld pixels with pads of %lld and %lld",
                            (long long)attributes->kernel[i], (long long)attributes->dilations[i], (long long)size,
                            (long long)attributes->pads_begin[i], (long long)attributes->pads_end[i]);
    }
    shape->dims[i + 2] = count;
  }
  return TW_OK;
}

static tw_status check_weights(const tw_node *node, tw_error *error) {
  const tw_shape *x = &node->inputs[0]->shape;
  const tw_shape *weights = &node->inputs[1]->shape;
  const tw_attributes *attributes = &node->attributes;
  char left[TW_SHAPE_TEXT_SIZE];
  char right[TW_SHAPE_TEXT_SIZE];
  int64_t group = attributes->group;
  bool fits = weights->rank == x->rank && group >= 1 && x->dims[1] % group == 0 &&
              weights->dims[1] == x->dims[1] / group && weights->dims[0] % group == 0;
  for (int i = 0; fits && i < attributes->spatial; i++) {
    fits = weights->dims[i + 2] == attributes->kernel[i];
  }
  if (!fits) {
    return tw_infer_wrong(node, error, "weights of shape %s do not fit an input of shape %s in %lld groups",
                          tw_shape_text(weights, left), tw_shape_text(x, right), (long long)group);
  }
  const tw_shape *bias = node->input_count > 2 && node->inputs[2] != NULL ? &node->inputs[2]->shape : NULL;
  if (bias != NULL && (bias->rank != 1 || bias->dims[0] != weights->dims[0])) {
    return tw_infer_wrong(node, error, "the bias has the shape %s; %lld output channels want %lld numbers",
                          tw_shape_text(bias, left), (long long)weights->dims[0], (long long)weights->dims[0]);
  }
  return TW_OK;
}

tw_status tw_infer_conv(const tw_node *node, tw_shape *ret_shape, tw_error *error) {
  TW_TRY(check_window(node, error));
  TW_TRY(check_weights(node, error));
  tw_shape shape = node->inputs[0]->shape;
  shape.dims[1] = node->inputs[1]->shape.dims[0];
  TW_TRY(infer_pixels(node, &shape, error));
  if (node->input_count == 4 && !tw_shape_equal(&node->inputs[3]->shape, &shape)) {
    char left[TW_SHAPE_TEXT_SIZE];
    char right[TW_SHAPE_TEXT_SIZE];
    return tw_infer_wrong(node, error, "the addend has the shape %s, the result %s; they must be equal",
                          tw_shape_text(&node->inputs[3]->shape, left), tw_shape_text(&shape, right));
  }
  *ret_shape = shape;
  return TW_OK;
}

tw_status tw_infer_pool(const tw_node *node, tw_shape *ret_shape, tw_error *error) {
  TW_TRY(check_window(node, error));
  const tw_attributes *attributes = &node->attributes;
  for (int i = 0; i < attributes->spatial; i++) {
    int64_t extent = attributes->dilations[i] * (attributes->kernel[i] - 1) + 1;
    if (attributes->pads_begin[i] >= extent || attributes->pads_end[i] >= extent) {
      return tw_infer_wrong(node, error, "pads of %lld and %lld must be smaller than the kernel, %lld",
                            (long long)attributes->pads_begin[i], (long long)attributes->pads_end[i],
                            (long long)extent);
    }
  }
  tw_shape shape = node->inputs[0]->shape;
  TW_TRY(infer_pixels(node, &shape, error));
  *ret_shape = shape;
  return TW_OK;
}
