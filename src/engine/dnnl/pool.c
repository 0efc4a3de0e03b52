/* Maximum, average and global average pooling, 1-D to 3-D.
 *
 * The idea: ONNX's ceil_mode is more padding at the end; how much follows from the size of the result. */
#include <string.h>

#include "engine/dnnl/internal.h"

typedef struct pool {
  tw_builder *builder;
  const tw_node *node;
  tw_shape source; /* a view of the node's input */
  tw_shape result;
  dnnl_alg_kind_t kind;
  tw_window window;
  const float *factors; /* one a result pixel, or NULL */
} pool;

/* ---- Divisors ---------------------------------------------------------------------------------------------------- */

/* How much of the window at `position` along dimension i lies in the picture or its padding, not in what ceil_mode adds
 * at the end. */
static int64_t counted(const pool *pool, int i, int64_t position) {
  const tw_window *window = &pool->window;
  int64_t begin = position * window->strides[i];
  int64_t end = pool->source.dims[2 + i] + window->pads_begin[i] + pool->node->attributes.pads_end[i];
  int64_t step = window->dilations[i] + 1;
  int64_t fit = (end - begin + step - 1) / step;
  return fit < window->kernel[i] ? fit : window->kernel[i];
}

/* The library divides by the whole window, ONNX by what is counted of it: their ratio for each result pixel. */
static tw_status make_factors(pool *pool, tw_error *error) {
  tw_shape pixels = {.rank = pool->window.spatial};
  size_t count;
  memcpy(pixels.dims, &pool->result.dims[2], (size_t)pixels.rank * sizeof pixels.dims[0]);
  tw_shape_count(&pixels, &count);
  float *factors = tw_arena_alloc(pool->builder->plan->arena, count, sizeof *factors);
  if (factors == NULL) {
    return tw_error_memory(error);
  }
  for (size_t k = 0; k < count; k++) {
    size_t rest = k;
    double factor = 1;
    for (int i = pixels.rank - 1; i >= 0; i--) {
      int64_t position = (int64_t)(rest % (size_t)pixels.dims[i]);
      rest /= (size_t)pixels.dims[i];
      factor *= (double)pool->window.kernel[i] / (double)counted(pool, i, position);
    }
    factors[k] = (float)factor;
  }
  pool->factors = factors;
  return TW_OK;
}

static tw_status add_factors(const pool *pool, const tw_operand *result, tw_error *error) {
  tw_operand factors;
  tw_shape shape = pool->result;
  shape.dims[0] = 1;
  shape.dims[1] = 1;
  const dnnl_memory_desc_t plain = tw_layout_plain(&shape);
  TW_TRY(tw_builder_elements(pool->builder, pool->factors, &plain, &plain, &factors, error));
  return tw_builder_combine_into(pool->builder, dnnl_binary_mul, result, &factors, error);
}

/* ---- Step -------------------------------------------------------------------------------------------------------- */

static tw_status add_pool(const pool *pool, tw_error *error) {
  tw_builder *builder = pool->builder;
  const tw_window *window = &pool->window;
  dnnl_memory_desc_t layout = tw_builder_layout(builder, pool->node->inputs[0], &pool->source);
  layout.data_type = pool->factors != NULL ? dnnl_f32 : layout.data_type;
  tw_operand from;
  TW_TRY(tw_builder_source(builder, pool->node->inputs[0], &layout, &from, error));
  const dnnl_memory_desc_t any = tw_layout_typed(tw_layout_any(&pool->result), from.desc.data_type);
  bool made = false;
  if (pool->factors == NULL && pool->node->op != TW_OP_GLOBAL_AVERAGE_POOL) {
    TW_TRY(tw_own_pool(builder, pool->node, window, pool->kind, &from, &made, error));
  }
  if (made) {
    return TW_OK;
  }
  dnnl_pooling_v2_desc_t op;
  TW_TRY(tw_engine_status(
      dnnl_pooling_v2_forward_desc_init(&op, dnnl_forward_inference, pool->kind, &from.desc, &any, window->strides,
                                        window->kernel, window->dilations, window->pads_begin, window->pads_end),
      "pool", error));
  dnnl_primitive_desc_t desc;
  TW_TRY(tw_primitive_desc(builder, &op, NULL, &desc, error));
  TW_TRY(tw_builder_unary(builder, "pool", desc, &from, false, pool->node->output, error));
  if (pool->factors != NULL) {
    return add_factors(pool, &tw_builder_tensor(builder, pool->node->output)->forms[0], error);
  }
  return TW_OK;
}

/* ---- Operators --------------------------------------------------------------------------------------------------- */

static dnnl_alg_kind_t kind_of(const tw_node *node, bool padded) {
  if (node->op == TW_OP_MAX_POOL) {
    return dnnl_pooling_max;
  }
  return node->attributes.count_include_pad && padded ? dnnl_pooling_avg_include_padding
                                                      : dnnl_pooling_avg_exclude_padding;
}

tw_status tw_build_pool(tw_builder *builder, const tw_node *node, tw_error *error) {
  pool pool = {.builder = builder, .node = node, .source = node->inputs[0]->shape, .result = node->output->shape};
  TW_TRY(tw_window_of(node, &pool.window, error));
  tw_window *window = &pool.window;
  bool padded = false;
  bool extended = false;
  for (int i = 0; i < window->spatial; i++) {
    int64_t reach = (window->kernel[i] - 1) * (window->dilations[i] + 1) + 1;
    int64_t covered = (pool.result.dims[2 + i] - 1) * window->strides[i] + reach;
    int64_t needed = covered - pool.source.dims[2 + i] - window->pads_begin[i];
    padded |= window->pads_begin[i] > 0 || window->pads_end[i] > 0;
    if (needed > window->pads_end[i]) {
      window->pads_end[i] = needed;
      extended = true;
    }
  }
  pool.kind = kind_of(node, padded);
  if (extended && pool.kind == dnnl_pooling_avg_include_padding) {
    TW_TRY(make_factors(&pool, error));
  }
  return add_pool(&pool, error);
}

tw_status tw_build_global_pool(tw_builder *builder, const tw_node *node, tw_error *error) {
  pool pool = {
      .builder = builder, .node = node, .source = node->inputs[0]->shape, .kind = dnnl_pooling_avg_exclude_padding};
  tw_shape *source = &pool.source;
  if (source->rank > 2 + TW_MAX_SPATIAL) {
    for (int i = 3; i < source->rank; i++) {
      source->dims[2] *= source->dims[i];
    }
    source->rank = 3;
  }
  pool.result = *source;
  pool.window.spatial = source->rank - 2;
  for (int i = 0; i < pool.window.spatial; i++) {
    pool.result.dims[2 + i] = 1;
    pool.window.kernel[i] = source->dims[2 + i];
    pool.window.strides[i] = 1;
  }
  return add_pool(&pool, error);
}
