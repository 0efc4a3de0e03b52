/* Convolution: grouped, depthwise, dilated, 1-D to 3-D, any padding; with bias, a residual sum and an activation fused.
 *
 * The idea: the library chooses the layouts of its result and weights. A residual is cheapest when its buffer may be
 * overwritten with the result (the sum post-op adds to what is there); else it is one more operand (the binary
 * post-op); where the library has that not, or only as its reference, its copy is overwritten. */
#include <string.h>

#include "engine/dnnl/internal.h"

typedef enum fusion { FUSION_NONE, FUSION_SUM, FUSION_BINARY } fusion;

typedef struct conv {
  tw_builder *builder;
  const tw_node *node;
  const tw_value *bias;   /* or NULL */
  const tw_value *addend; /* or NULL */
  tw_window window;
  dnnl_memory_desc_t source; /* as asked for: any, or as it was made */
  dnnl_convolution_desc_t op;
  dnnl_primitive_desc_t desc;
} conv;

/* ---- Description ------------------------------------------------------------------------------------------------- */

tw_shape tw_conv_weights_shape(const tw_node *node) {
  tw_shape shape = node->inputs[1]->shape;
  int64_t group = node->attributes.group;
  if (group <= 1) {
    return shape;
  }
  tw_shape grouped = {.rank = shape.rank + 1, .dims = {group, shape.dims[0] / group}};
  memcpy(&grouped.dims[2], &shape.dims[1], (size_t)(shape.rank - 1) * sizeof shape.dims[0]);
  return grouped;
}

static tw_status describe(conv *conv, const dnnl_memory_desc_t *result, tw_error *error) {
  const tw_node *node = conv->node;
  const tw_window *window = &conv->window;
  const tw_shape weights_shape = tw_conv_weights_shape(node);
  const dnnl_data_type_t type = conv->builder->type;
  const dnnl_memory_desc_t weights = tw_layout_typed(tw_layout_any(&weights_shape), type);
  dnnl_memory_desc_t bias;
  if (conv->bias != NULL) {
    bias = tw_layout_plain(&conv->bias->shape);
  }
  return tw_engine_status(dnnl_dilated_convolution_forward_desc_init(
                              &conv->op, dnnl_forward_inference, dnnl_convolution_direct, &conv->source, &weights,
                              conv->bias != NULL ? &bias : NULL, result, window->strides, window->dilations,
                              window->pads_begin, window->pads_end),
                          "convolution", error);
}

/* Makes conv->desc anew; `addend` is the layout of the binary post-op's operand. */
static tw_status choose(conv *conv, fusion fusion, const dnnl_memory_desc_t *result, const dnnl_memory_desc_t *addend,
                        tw_error *error) {
  dnnl_primitive_desc_destroy(conv->desc);
  conv->desc = NULL;
  TW_TRY(describe(conv, result, error));
  dnnl_post_ops_t post_ops;
  TW_TRY(tw_engine_status(dnnl_post_ops_create(&post_ops), "post-operation", error));
  dnnl_status_t added = fusion == FUSION_SUM      ? dnnl_post_ops_append_sum(post_ops, 1)
                        : fusion == FUSION_BINARY ? dnnl_post_ops_append_binary(post_ops, dnnl_binary_add, addend)
                                                  : dnnl_success;
  tw_status status = tw_engine_status(added, "residual sum", error);
  status = status != TW_OK ? status : tw_append_activation(post_ops, &conv->node->attributes, error);
  status = status != TW_OK ? status : tw_primitive_desc(conv->builder, &conv->op, post_ops, &conv->desc, error);
  dnnl_post_ops_destroy(post_ops);
  return status;
}

/* Makes conv->desc anew where the library would reorder blocks for a convolution in groups and can do without: with
 * AVX-512 its own choice for depthwise ones is channels last, even between others in blocks. */
static void keep_layout(conv *conv, fusion fusion) {
  const tw_node *node = conv->node;
  const dnnl_data_type_t type = conv->builder->type;
  const dnnl_memory_desc_t source = tw_layout_typed(tw_builder_layout(conv->builder, node->inputs[0], NULL), type);
  const dnnl_memory_desc_t chosen = tw_primitive_layout(conv->desc, dnnl_query_src_md);
  if (node->attributes.group <= 1 || source.format_kind != dnnl_blocked ||
      source.format_desc.blocking.inner_nblks == 0 || tw_layout_same(&source, &chosen)) {
    return;
  }
  const dnnl_memory_desc_t result = tw_layout_typed(tw_layout_like(&source, &node->output->shape), type);
  const dnnl_memory_desc_t any = conv->source;
  dnnl_primitive_desc_t desc = conv->desc;
  conv->desc = NULL;
  conv->source = source;
  if (choose(conv, fusion, &result, NULL, NULL) == TW_OK && tw_primitive_is_compiled(conv->desc)) {
    dnnl_primitive_desc_destroy(desc);
    return;
  }
  dnnl_primitive_desc_destroy(conv->desc);
  conv->desc = desc;
  conv->source = any;
}

/* ---- Residual ---------------------------------------------------------------------------------------------------- */

/* Where the result goes, given that conv->desc is the one with the sum post-op; may choose another one, and then
 * *ret_count is the number of arguments (0 or 1) that this adds to `arguments`. */
static tw_status place_residual(conv *conv, const tw_operand *source, tw_operand *ret_result, tw_argument *arguments,
                                size_t *ret_count, tw_error *error) {
  tw_builder *builder = conv->builder;
  const dnnl_memory_desc_t result = tw_primitive_layout(conv->desc, dnnl_query_dst_md);
  tw_operand addend;
  *ret_count = 0;
  TW_TRY(tw_builder_source(builder, conv->addend, &result, &addend, error));
  if (tw_builder_may_overwrite(builder, &addend) && !tw_builder_shares(builder, &addend, source)) {
    *ret_result = addend;
    return TW_OK;
  }
  TW_TRY(tw_builder_room(builder, &result, ret_result, error));
  if (choose(conv, FUSION_BINARY, &result, &addend.desc, NULL) == TW_OK && tw_primitive_is_compiled(conv->desc)) {
    arguments[0] = (tw_argument){DNNL_ARG_ATTR_MULTIPLE_POST_OP(0) | DNNL_ARG_SRC_1, addend};
    *ret_count = 1;
    return TW_OK;
  }
  TW_TRY(choose(conv, FUSION_SUM, &result, NULL, error));
  return tw_builder_reorder(builder, &addend, ret_result, error);
}

/* ---- Step -------------------------------------------------------------------------------------------------------- */

static tw_status add_step(conv *conv, tw_error *error) {
  const tw_node *node = conv->node;
  tw_builder *builder = conv->builder;
  tw_argument arguments[5] = {{.role = DNNL_ARG_SRC}, {.role = DNNL_ARG_WEIGHTS}, {.role = DNNL_ARG_DST}};
  size_t count = 3;
  dnnl_memory_desc_t layout = tw_primitive_layout(conv->desc, dnnl_query_src_md);
  TW_TRY(tw_builder_source(builder, node->inputs[0], &layout, &arguments[0].operand, error));
  if (conv->addend != NULL) {
    size_t more;
    TW_TRY(place_residual(conv, &arguments[0].operand, &arguments[2].operand, &arguments[3], &more, error));
    count += more;
    layout = tw_primitive_layout(conv->desc, dnnl_query_src_md);
    TW_TRY(tw_builder_source(builder, node->inputs[0], &layout, &arguments[0].operand, error));
  } else {
    layout = tw_primitive_layout(conv->desc, dnnl_query_dst_md);
    TW_TRY(tw_builder_room(builder, &layout, &arguments[2].operand, error));
  }
  layout = tw_primitive_layout(conv->desc, dnnl_query_weights_md);
  TW_TRY(tw_builder_source(builder, node->inputs[1], &layout, &arguments[1].operand, error));
  if (conv->bias != NULL) {
    layout = tw_layout_plain(&conv->bias->shape);
    arguments[count].role = DNNL_ARG_BIAS;
    TW_TRY(tw_builder_source(builder, conv->bias, &layout, &arguments[count++].operand, error));
  }
  dnnl_primitive_desc_t desc = conv->desc;
  conv->desc = NULL;
  TW_TRY(tw_builder_step(builder, "convolution", desc, arguments, count, tw_node_multiplications(node), error));
  return tw_builder_set(builder, node->output, &arguments[2].operand, error);
}

tw_status tw_build_conv(tw_builder *builder, const tw_node *node, tw_error *error) {
  conv conv = {.builder = builder,
               .node = node,
               .bias = node->input_count > 2 ? node->inputs[2] : NULL,
               .addend = node->input_count > 3 ? node->inputs[3] : NULL,
               .source = tw_layout_typed(tw_layout_any(&node->inputs[0]->shape), builder->type)};
  TW_TRY(tw_window_of(node, &conv.window, error));
  const dnnl_memory_desc_t any = tw_layout_typed(tw_layout_any(&node->output->shape), builder->type);
  const fusion fusion = conv.addend != NULL ? FUSION_SUM : FUSION_NONE;
  tw_status status = choose(&conv, fusion, &any, NULL, error);
  if (status == TW_OK) {
    keep_layout(&conv, fusion);
  }
  bool made = false;
  if (status == TW_OK && conv.addend == NULL) {
    const dnnl_memory_desc_t source = tw_primitive_layout(conv.desc, dnnl_query_src_md);
    const dnnl_memory_desc_t result = tw_primitive_layout(conv.desc, dnnl_query_dst_md);
    status = tw_own_conv(builder, node, &source, &result, &made, error);
  }
  status = status != TW_OK || made ? status : add_step(&conv, error);
  dnnl_primitive_desc_destroy(conv.desc);
  return status;
}
