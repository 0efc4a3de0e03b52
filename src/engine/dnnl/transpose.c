/* Transpose: the source as it lies in memory, its dimensions renamed, brought into row-major order. A constant is
 * transposed when it is packed for whoever uses it (tw_builder_source). */
#include "engine/dnnl/internal.h"

tw_status tw_build_transpose(tw_builder *builder, const tw_node *node, tw_error *error) {
  const tw_value *source = node->inputs[0];
  if (source->data != NULL) {
    return TW_OK;
  }
  dnnl_memory_desc_t layout = tw_builder_layout(builder, source, NULL);
  tw_operand from;
  TW_TRY(tw_builder_source(builder, source, &layout, &from, error));
  int order[DNNL_MAX_NDIMS] = {0}; /* the library wants where a dimension goes, not where it comes from */
  for (int i = 0; i < node->attributes.target_rank; i++) {
    order[node->attributes.target[i]] = i;
  }
  if (source->shape.rank > 0) {
    TW_TRY(tw_engine_status(dnnl_memory_desc_permute_axes(&from.desc, &layout, order), "transposition", error));
  }
  dnnl_memory_desc_t plain = tw_layout_plain(&node->output->shape);
  tw_operand to;
  TW_TRY(tw_builder_room(builder, &plain, &to, error));
  TW_TRY(tw_builder_reorder(builder, &from, &to, error));
  return tw_builder_set(builder, node->output, &to, error);
}
