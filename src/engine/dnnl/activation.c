/* Relu and Clip: as a step of their own, and as a post-op of what comes before. */
#include <math.h>

#include "engine/dnnl/internal.h"

/* The library's algorithm for a clip or relu; false when it does nothing. */
static bool choose(tw_activation activation, const tw_attributes *attributes, dnnl_alg_kind_t *ret_kind, float *ret_low,
                   float *ret_high) {
  *ret_kind = dnnl_eltwise_relu;
  *ret_low = 0;
  *ret_high = 0;
  if (activation != TW_ACTIVATION_CLIP) {
    return activation == TW_ACTIVATION_RELU;
  }
  if (attributes->low == 0.0F && attributes->high == INFINITY) {
    return true;
  }
  *ret_kind = dnnl_eltwise_clip;
  *ret_low = attributes->low;
  *ret_high = attributes->high;
  return attributes->low != -INFINITY || attributes->high != INFINITY;
}

void tw_activation_bounds(const tw_attributes *attributes, float *ret_low, float *ret_high) {
  bool clip = attributes->activation == TW_ACTIVATION_CLIP;
  *ret_low = clip ? attributes->low : attributes->activation == TW_ACTIVATION_RELU ? 0 : -INFINITY;
  *ret_high = clip ? attributes->high : INFINITY;
}

tw_status tw_append_activation(dnnl_post_ops_t post_ops, const tw_attributes *attributes, tw_error *error) {
  dnnl_alg_kind_t kind;
  float low;
  float high;
  if (!choose(attributes->activation, attributes, &kind, &low, &high)) {
    return TW_OK;
  }
  return tw_engine_status(dnnl_post_ops_append_eltwise(post_ops, 1, kind, low, high), "activation", error);
}

static tw_status eltwise_desc(tw_builder *builder, const dnnl_memory_desc_t *layout, dnnl_alg_kind_t kind, float alpha,
                              float beta, dnnl_primitive_desc_t *ret_desc, tw_error *error) {
  dnnl_eltwise_desc_t op;
  TW_TRY(tw_engine_status(dnnl_eltwise_forward_desc_init(&op, dnnl_forward_inference, kind, layout, alpha, beta),
                          "activation", error));
  return tw_primitive_desc(builder, &op, NULL, ret_desc, error);
}

tw_status tw_builder_activate(tw_builder *builder, const tw_attributes *attributes, const tw_operand *operand,
                              tw_error *error) {
  dnnl_alg_kind_t kind;
  float low;
  float high;
  if (!choose(attributes->activation, attributes, &kind, &low, &high)) {
    return TW_OK;
  }
  dnnl_primitive_desc_t desc;
  TW_TRY(eltwise_desc(builder, &operand->desc, kind, low, high, &desc, error));
  const tw_argument arguments[] = {{DNNL_ARG_SRC, *operand}, {DNNL_ARG_DST, *operand}};
  return tw_builder_step(builder, "activation", desc, arguments, 2, 0, error);
}

tw_status tw_builder_scale(tw_builder *builder, float factor, const tw_operand *from, const tw_operand *to,
                           tw_error *error) {
  dnnl_primitive_desc_t desc;
  TW_TRY(eltwise_desc(builder, &from->desc, dnnl_eltwise_linear, factor, 0, &desc, error));
  const tw_argument arguments[] = {{DNNL_ARG_SRC, *from}, {DNNL_ARG_DST, *to}};
  return tw_builder_step(builder, "scale", desc, arguments, 2, 0, error);
}

tw_status tw_build_eltwise(tw_builder *builder, const tw_node *node, const tw_value *source, dnnl_alg_kind_t kind,
                           float alpha, float beta, tw_error *error) {
  dnnl_memory_desc_t layout = tw_builder_layout(builder, source, NULL);
  tw_operand from;
  TW_TRY(tw_builder_source(builder, source, &layout, &from, error));
  dnnl_primitive_desc_t desc;
  TW_TRY(eltwise_desc(builder, &from.desc, kind, alpha, beta, &desc, error));
  return tw_builder_unary(builder, "activation", desc, &from, true, node->output, error);
}

tw_status tw_build_activation(tw_builder *builder, const tw_node *node, tw_error *error) {
  dnnl_alg_kind_t kind;
  float low;
  float high;
  tw_activation activation = node->op == TW_OP_RELU ? TW_ACTIVATION_RELU : TW_ACTIVATION_CLIP;
  if (!choose(activation, &node->attributes, &kind, &low, &high)) {
    return tw_build_view(builder, node, error);
  }
  return tw_build_eltwise(builder, node, node->inputs[0], kind, low, high, error);
}
