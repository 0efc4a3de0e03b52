/* Add, Mul and Sub with broadcasting.
 *
 * The idea: a single number is an element-wise linear step; else the smaller operand is brought into the layout of the
 * larger one, and where a constant is combined with the result and nobody else reads that (a batch norm on its own:
 * Mul, then Add), both are one step. */
#include <string.h>

#include "engine/dnnl/internal.h"

static dnnl_alg_kind_t algorithm(tw_op op) {
  return op == TW_OP_ADD ? dnnl_binary_add : op == TW_OP_MUL ? dnnl_binary_mul : dnnl_binary_sub;
}

tw_status tw_builder_combine_into(tw_builder *builder, dnnl_alg_kind_t kind, const tw_operand *result,
                                  const tw_operand *other, tw_error *error) {
  const tw_argument arguments[] = {{DNNL_ARG_SRC_0, *result}, {DNNL_ARG_SRC_1, *other}, {DNNL_ARG_DST, *result}};
  dnnl_binary_desc_t op;
  TW_TRY(tw_engine_status(dnnl_binary_desc_init(&op, kind, &result->desc, &other->desc, &result->desc),
                          "binary operation", error));
  dnnl_primitive_desc_t desc;
  TW_TRY(tw_primitive_desc(builder, &op, NULL, &desc, error));
  return tw_builder_step(builder, "binary", desc, arguments, 3, 0, error);
}

/* ---- A single number --------------------------------------------------------------------------------------------- */

static bool is_number(const tw_value *value, float *ret) {
  if (value->data == NULL || value->data_size != sizeof(float)) {
    return false;
  }
  memcpy(ret, value->data, sizeof *ret);
  return true;
}

/* Whether the node is alpha * x + beta with x of the result's shape. */
static bool is_linear(const tw_node *node, const tw_value **ret_x, float *ret_alpha, float *ret_beta) {
  float number;
  bool second = is_number(node->inputs[1], &number);
  if (!second && !is_number(node->inputs[0], &number)) {
    return false;
  }
  *ret_x = node->inputs[second ? 0 : 1];
  *ret_alpha = node->op == TW_OP_MUL ? number : node->op == TW_OP_SUB && !second ? -1.0F : 1.0F;
  *ret_beta = node->op == TW_OP_MUL ? 0.0F : node->op == TW_OP_SUB && second ? -number : number;
  return tw_shape_equal(&(*ret_x)->shape, &node->output->shape);
}

/* ---- Two tensors ------------------------------------------------------------------------------------------------- */

/* Ones before the dimensions, up to `rank`. */
static tw_shape widened(const tw_shape *shape, int rank) {
  tw_shape wide = {.rank = rank == 0 ? 1 : rank};
  for (int i = 0; i < wide.rank; i++) {
    int own = i - (wide.rank - shape->rank);
    wide.dims[i] = own < 0 ? 1 : shape->dims[own];
  }
  return wide;
}

/* The layout of the result: that of an operand of its shape, a computed one rather than a constant, a blocked one
 * rather than a row-major one. */
static dnnl_memory_desc_t result_layout(tw_builder *builder, const tw_node *node, const tw_shape *shape) {
  dnnl_memory_desc_t best = tw_layout_plain(shape);
  for (size_t i = 0; i < 2; i++) {
    tw_shape wide = widened(&node->inputs[i]->shape, shape->rank);
    if (tw_shape_equal(&wide, shape) && node->inputs[i]->data == NULL && tw_layout_is_plain(&best)) {
      best = tw_builder_layout(builder, node->inputs[i], shape);
    }
  }
  return best;
}

static tw_status operand(tw_builder *builder, const tw_value *value, const dnnl_memory_desc_t *model,
                         tw_operand *ret_operand, tw_error *error) {
  tw_shape wide = widened(&value->shape, model->ndims);
  dnnl_memory_desc_t wanted = tw_layout_like(model, &wide);
  return tw_builder_source(builder, value, &wanted, ret_operand, error);
}

/* The node that alone reads this one's result and combines it with a constant into the same shape; NULL when there is
 * none. */
static const tw_node *follower(tw_builder *builder, const tw_node *node, size_t *ret_index, size_t *ret_constant) {
  const tw_tensor *tensor = tw_builder_tensor(builder, node->output);
  if (tensor->reader_count != 1 || tensor->last_reader == TW_NEVER_DIES ||
      node->attributes.activation != TW_ACTIVATION_NONE) {
    return NULL;
  }
  const tw_node *next = builder->graph->nodes[tensor->last_reader];
  if ((next->op != TW_OP_ADD && next->op != TW_OP_MUL) || !tw_shape_equal(&next->output->shape, &node->output->shape)) {
    return NULL;
  }
  *ret_index = tensor->last_reader;
  *ret_constant = next->inputs[0] == node->output ? 1 : 0;
  const tw_value *constant = next->inputs[*ret_constant];
  return constant->data != NULL && constant->dtype == TW_DTYPE_F32 ? next : NULL;
}

/* With post-ops the library's kernel computes wrong numbers in the last, partly filled block of channels: there the
 * activation is a step of its own, and a follower, too. */
static bool takes_post_ops(const dnnl_memory_desc_t *layout) {
  return !tw_layout_is_padded(layout);
}

static tw_status create(tw_builder *builder, const tw_node *node, const tw_argument *arguments, const tw_node *next,
                        const tw_operand *constant, dnnl_primitive_desc_t *ret_desc, tw_error *error) {
  dnnl_binary_desc_t op;
  TW_TRY(tw_engine_status(dnnl_binary_desc_init(&op, algorithm(node->op), &arguments[0].operand.desc,
                                                &arguments[1].operand.desc, &arguments[2].operand.desc),
                          "binary operation", error));
  dnnl_post_ops_t post_ops;
  TW_TRY(tw_engine_status(dnnl_post_ops_create(&post_ops), "post-operation", error));
  tw_status status = TW_OK;
  if (next != NULL) {
    status = tw_engine_status(dnnl_post_ops_append_binary(post_ops, algorithm(next->op), &constant->desc),
                              "post-operation", error);
  }
  if (status == TW_OK && takes_post_ops(&arguments[2].operand.desc)) {
    status = tw_append_activation(post_ops, next != NULL ? &next->attributes : &node->attributes, error);
  }
  status = status != TW_OK ? status : tw_primitive_desc(builder, &op, post_ops, ret_desc, error);
  dnnl_post_ops_destroy(post_ops);
  return status;
}

static tw_status combine(tw_builder *builder, const tw_node *node, tw_error *error) {
  tw_shape shape = widened(&node->output->shape, node->output->shape.rank);
  dnnl_memory_desc_t layout = result_layout(builder, node, &shape);
  tw_argument arguments[4] = {{.role = DNNL_ARG_SRC_0},
                              {.role = DNNL_ARG_SRC_1},
                              {.role = DNNL_ARG_DST},
                              {.role = DNNL_ARG_ATTR_MULTIPLE_POST_OP(0) | DNNL_ARG_SRC_1}};
  tw_operand *operands[4] = {&arguments[0].operand, &arguments[1].operand, &arguments[2].operand,
                             &arguments[3].operand};
  TW_TRY(operand(builder, node->inputs[0], &layout, operands[0], error));
  TW_TRY(operand(builder, node->inputs[1], &layout, operands[1], error));
  size_t next_index;
  size_t constant;
  const tw_node *next = takes_post_ops(&layout) ? follower(builder, node, &next_index, &constant) : NULL;
  if (next != NULL) {
    TW_TRY(operand(builder, next->inputs[constant], &layout, operands[3], error));
  }
  *operands[2] = *operands[0];
  if (!tw_layout_same_dims(&operands[0]->desc, &layout) || !tw_builder_may_overwrite(builder, operands[0]) ||
      tw_builder_shares(builder, operands[0], operands[1])) {
    TW_TRY(tw_builder_room(builder, &layout, operands[2], error));
  }
  dnnl_primitive_desc_t desc;
  TW_TRY(create(builder, node, arguments, next, operands[3], &desc, error));
  TW_TRY(tw_builder_step(builder, "binary", desc, arguments, next != NULL ? 4 : 3, 0, error));
  if (next != NULL) {
    builder->done[next_index] = true;
    TW_TRY(tw_builder_join_name(builder, next, error));
  }
  if (!takes_post_ops(&layout)) {
    TW_TRY(tw_builder_activate(builder, &node->attributes, operands[2], error));
  }
  return tw_builder_set(builder, next != NULL ? next->output : node->output, operands[2], error);
}

tw_status tw_build_binary(tw_builder *builder, const tw_node *node, tw_error *error) {
  const tw_value *x;
  float alpha;
  float beta;
  if (is_linear(node, &x, &alpha, &beta)) {
    TW_TRY(tw_build_eltwise(builder, node, x, dnnl_eltwise_linear, alpha, beta, error));
    return tw_builder_activate(builder, &node->attributes, &tw_builder_tensor(builder, node->output)->forms[0], error);
  }
  return combine(builder, node, error);
}
