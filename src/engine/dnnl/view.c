/* Operators that change no number: Flatten, Reshape, Identity, Cast to the same type. The result is the source, seen
 * with other dimensions; a copy is made only when the source is not row-major in memory. */
#include "engine/dnnl/internal.h"

tw_status tw_build_view(tw_builder *builder, const tw_node *node, tw_error *error) {
  const tw_value *source = node->inputs[0];
  dnnl_memory_desc_t layout = tw_builder_layout(builder, source, NULL);
  if (!tw_shape_equal(&source->shape, &node->output->shape)) {
    layout = tw_layout_plain(&node->output->shape);
  }
  tw_operand operand;
  TW_TRY(tw_builder_source(builder, source, &layout, &operand, error));
  return tw_builder_set(builder, node->output, &operand, error);
}
