/* Softmax along one axis, or (before opset 13) over all dimensions from an axis on. */
#include "engine/dnnl/internal.h"

static int64_t product(const tw_shape *shape, int begin, int end) {
  int64_t result = 1;
  for (int i = begin; i < end; i++) {
    result *= shape->dims[i];
  }
  return result;
}

tw_status tw_build_softmax(tw_builder *builder, const tw_node *node, tw_error *error) {
  const tw_shape *shape = &node->output->shape;
  int axis = (int)node->attributes.axis;
  int end = node->attributes.flat_softmax ? shape->rank : axis + 1;
  if (shape->rank == 0) {
    axis = end = 0;
  }
  const tw_shape view = {
      .rank = 3, .dims = {product(shape, 0, axis), product(shape, axis, end), product(shape, end, shape->rank)}};
  dnnl_memory_desc_t plain = tw_layout_plain(&view);
  tw_operand from;
  TW_TRY(tw_builder_source(builder, node->inputs[0], &plain, &from, error));
  dnnl_softmax_desc_t op;
  TW_TRY(
      tw_engine_status(dnnl_softmax_forward_desc_init(&op, dnnl_forward_inference, &from.desc, 1), "softmax", error));
  dnnl_primitive_desc_t desc;
  TW_TRY(tw_primitive_desc(builder, &op, NULL, &desc, error));
  return tw_builder_unary(builder, "softmax", desc, &from, true, node->output, error);
}
