/* Values in bytes: their scales, the steps between bytes and floats, and the operators that only pass bytes on.
 * Convolutions in int8 are conv_int8.c.
 *
 * The idea: bytes are always channels last, the only order in which the library has fast kernels for them, and always
 * unsigned: a value that may be negative has a zero that is not byte 0. The library never hears of that: the zero is in
 * the biases of who reads it, and where a convolution pads, our own step puts a frame of zeros around the picture. */
#include <string.h>

#include "engine/dnnl/internal.h"

tw_status tw_builder_use(tw_builder *builder, const tw_quantised *quantised, tw_error *error) {
  const tw_graph *graph = builder->graph;
  builder->quantised = quantised;
  builder->int8 = tw_alloc(graph->node_count, sizeof(tw_quantised_node *));
  bool *int8 = tw_alloc(graph->node_count, sizeof *int8);
  if (builder->int8 == NULL || int8 == NULL) {
    tw_free(int8);
    return tw_error_memory(error);
  }
  for (size_t i = 0; i < quantised->node_count; i++) {
    const tw_quantised_node *node = &quantised->nodes[i];
    builder->int8[node->index] = node->wide ? NULL : node;
    int8[node->index] = !node->wide;
  }
  tw_status status = tw_flow_init(&builder->flow, graph, int8, error);
  tw_free(int8);
  return status;
}

/* ---- Scales ------------------------------------------------------------------------------------------------------ */

tw_status tw_builder_scales(tw_builder *builder, const tw_value *value, const tw_byte_scales **ret_scales,
                            tw_error *error) {
  tw_tensor *tensor = tw_builder_tensor(builder, value);
  if (tensor->scales == NULL) {
    tw_arena *arena = builder->plan->arena;
    size_t channels = (size_t)value->shape.dims[1];
    tw_byte_scales *made = tw_arena_alloc(arena, 1, sizeof *made);
    float *scales = tw_arena_alloc(arena, channels, sizeof *scales);
    float *inverses = tw_arena_alloc(arena, channels, sizeof *inverses);
    uint8_t *zeros = tw_arena_alloc(arena, channels, sizeof *zeros);
    if (made == NULL || scales == NULL || inverses == NULL || zeros == NULL) {
      return tw_error_memory(error);
    }
    TW_TRY(tw_quantised_scales(builder->quantised, &builder->flow, value, scales, zeros, error));
    for (size_t i = 0; i < channels; i++) {
      inverses[i] = 1.0F / scales[i];
    }
    *made = (tw_byte_scales){channels, scales, inverses, zeros};
    tensor->scales = made;
  }
  *ret_scales = tensor->scales;
  return TW_OK;
}

static bool has_zeros(const tw_byte_scales *scales) {
  for (size_t i = 0; i < scales->channels; i++) {
    if (scales->zeros[i] != 0) {
      return true;
    }
  }
  return false;
}

static tw_status add_own(tw_builder *builder, const char *kind,
                         void (*run)(const void *how, void *const *data, int threads), const void *how,
                         const tw_argument arguments[2], tw_error *error) {
  const tw_own own = {run, how};
  return tw_builder_own(builder, kind, "ours", &own, arguments, 2, 0, error);
}

/* ---- Between bytes and floats ------------------------------------------------------------------------------------ */

typedef struct conversion {
  tw_byte_scales scales;
  tw_byte_grid grid;
  size_t block; /* of the floats */
} conversion;

static void run_to_bytes(const void *parameters, void *const *data, int threads) {
  (void)threads;
  const conversion *conversion = parameters;
  tw_bytes_from_floats(&conversion->scales, &conversion->grid, conversion->block, data[0], data[1]);
}

static void run_to_floats(const void *parameters, void *const *data, int threads) {
  (void)threads;
  const conversion *conversion = parameters;
  tw_bytes_to_floats(&conversion->scales, conversion->grid.height * conversion->grid.width, conversion->block, data[0],
                     data[1]);
}

static void run_frame(const void *parameters, void *const *data, int threads) {
  (void)threads;
  const conversion *conversion = parameters;
  tw_bytes_frame(&conversion->scales, &conversion->grid, data[0], data[1]);
}

/* In the plan's arena. */
static tw_status conversion_of(tw_builder *builder, const tw_value *value, conversion **ret_conversion,
                               tw_error *error) {
  const tw_byte_scales *scales;
  conversion *conversion = tw_arena_alloc(builder->plan->arena, 1, sizeof *conversion);
  if (conversion == NULL) {
    return tw_error_memory(error);
  }
  TW_TRY(tw_builder_scales(builder, value, &scales, error));
  conversion->scales = *scales;
  conversion->grid.height = (size_t)value->shape.dims[2];
  conversion->grid.width = (size_t)value->shape.dims[3];
  *ret_conversion = conversion;
  return TW_OK;
}

/* `operand`, which is in floats, in an order that our steps read: another one is brought into channels last. */
static tw_status readable(tw_builder *builder, tw_operand *operand, tw_error *error) {
  if (tw_layout_channel_block(&operand->desc) != 0) {
    return TW_OK;
  }
  const tw_shape shape = tw_layout_shape(&operand->desc);
  tw_operand to;
  const dnnl_memory_desc_t desc = tw_layout_typed(tw_layout_narrow(&shape), dnnl_f32);
  TW_TRY(tw_builder_room(builder, &desc, &to, error));
  TW_TRY(tw_builder_reorder(builder, operand, &to, error));
  *operand = to;
  return TW_OK;
}

static tw_status floats_to_bytes(tw_builder *builder, const tw_operand *from, const tw_operand *to,
                                 conversion *conversion, tw_error *error) {
  tw_argument arguments[] = {{DNNL_ARG_SRC, *from}, {DNNL_ARG_DST, *to}};
  TW_TRY(readable(builder, &arguments[0].operand, error));
  conversion->block = tw_layout_channel_block(&arguments[0].operand.desc);
  return add_own(builder, "to bytes", run_to_bytes, conversion, arguments, error);
}

tw_status tw_builder_convert_bytes(tw_builder *builder, const tw_value *value, const tw_operand *from,
                                   const tw_operand *to, tw_error *error) {
  conversion *conversion;
  TW_TRY(conversion_of(builder, value, &conversion, error));
  if (tw_layout_is_narrow(&to->desc)) {
    return floats_to_bytes(builder, from, to, conversion, error);
  }
  tw_argument arguments[] = {{DNNL_ARG_SRC, *from}, {DNNL_ARG_DST, *to}};
  tw_operand *floats = &arguments[1].operand;
  conversion->block = tw_layout_channel_block(&to->desc);
  if (conversion->block == 0) {
    const dnnl_memory_desc_t desc = tw_layout_typed(from->desc, dnnl_f32);
    TW_TRY(tw_builder_room(builder, &desc, floats, error));
    conversion->block = conversion->scales.channels;
  }
  TW_TRY(add_own(builder, "to floats", run_to_floats, conversion, arguments, error));
  return floats->place.index == to->place.index ? TW_OK : tw_builder_reorder(builder, floats, to, error);
}

/* ---- Frames ------------------------------------------------------------------------------------------------------ */

tw_status tw_builder_frame(tw_builder *builder, const tw_value *value, tw_window *window, tw_byte_grid *ret_grid,
                           tw_error *error) {
  const tw_byte_scales *scales;
  TW_TRY(tw_builder_scales(builder, value, &scales, error));
  *ret_grid = (tw_byte_grid){.height = (size_t)value->shape.dims[2], .width = (size_t)value->shape.dims[3]};
  if (has_zeros(scales)) {
    ret_grid->top = (size_t)window->pads_begin[0];
    ret_grid->left = (size_t)window->pads_begin[1];
    ret_grid->bottom = (size_t)window->pads_end[0];
    ret_grid->right = (size_t)window->pads_end[1];
    memset(window->pads_begin, 0, sizeof window->pads_begin);
    memset(window->pads_end, 0, sizeof window->pads_end);
  }
  return TW_OK;
}

dnnl_memory_desc_t tw_layout_framed(const tw_value *value, const tw_byte_grid *grid) {
  tw_shape shape = value->shape;
  shape.dims[2] += (int64_t)(grid->top + grid->bottom);
  shape.dims[3] += (int64_t)(grid->left + grid->right);
  return tw_layout_narrow(&shape);
}

tw_status tw_builder_framed(tw_builder *builder, const tw_value *value, const tw_byte_grid *grid,
                            tw_operand *ret_operand, tw_error *error) {
  const dnnl_memory_desc_t bytes = tw_layout_narrow(&value->shape);
  const dnnl_memory_desc_t framed = tw_layout_framed(value, grid);
  if (tw_layout_same_dims(&bytes, &framed)) {
    return tw_builder_source(builder, value, &bytes, ret_operand, error);
  }
  conversion *conversion;
  TW_TRY(conversion_of(builder, value, &conversion, error));
  conversion->grid = *grid;
  tw_operand from = tw_builder_tensor(builder, value)->forms[0];
  TW_TRY(tw_builder_room(builder, &framed, ret_operand, error));
  if (!tw_layout_is_narrow(&from.desc) && tw_layout_channel_block(&from.desc) != 0) {
    return floats_to_bytes(builder, &from, ret_operand, conversion, error);
  }
  TW_TRY(tw_builder_source(builder, value, &bytes, &from, error));
  const tw_argument arguments[] = {{DNNL_ARG_SRC, from}, {DNNL_ARG_DST, *ret_operand}};
  return add_own(builder, "frame", run_frame, conversion, arguments, error);
}

/* ---- Pools ------------------------------------------------------------------------------------------------------- */

static dnnl_alg_kind_t pool_kind(const tw_node *node) {
  return node->op == TW_OP_MAX_POOL           ? dnnl_pooling_max
         : node->attributes.count_include_pad ? dnnl_pooling_avg_include_padding
                                              : dnnl_pooling_avg_exclude_padding;
}

/* What ceil_mode adds at the end is padding. */
static void pad_to_result(const tw_node *node, tw_window *window) {
  for (int i = 0; i < window->spatial; i++) {
    int64_t covered = (node->output->shape.dims[2 + i] - 1) * window->strides[i] + window->kernel[i];
    int64_t needed = covered - node->inputs[0]->shape.dims[2 + i] - window->pads_begin[i];
    window->pads_end[i] = needed > window->pads_end[i] ? needed : window->pads_end[i];
  }
}

static tw_status build_pool(tw_builder *builder, const tw_node *node, bool *ret_done, tw_error *error) {
  tw_window window;
  TW_TRY(tw_window_of(node, &window, error));
  pad_to_result(node, &window);
  const dnnl_memory_desc_t source = tw_layout_narrow(&node->inputs[0]->shape);
  const dnnl_memory_desc_t result = tw_layout_narrow(&node->output->shape);
  dnnl_pooling_v2_desc_t op;
  dnnl_primitive_desc_t desc;
  dnnl_status_t described =
      dnnl_pooling_v2_forward_desc_init(&op, dnnl_forward_inference, pool_kind(node), &source, &result, window.strides,
                                        window.kernel, window.dilations, window.pads_begin, window.pads_end);
  if (described != dnnl_success || tw_primitive_desc(builder, &op, NULL, &desc, NULL) != TW_OK) {
    return TW_OK;
  }
  if (!tw_primitive_is_compiled(desc)) {
    dnnl_primitive_desc_destroy(desc);
    return TW_OK;
  }
  tw_operand from;
  tw_status status = tw_builder_source(builder, node->inputs[0], &source, &from, error);
  if (status != TW_OK) {
    dnnl_primitive_desc_destroy(desc);
    return status;
  }
  *ret_done = true;
  return tw_builder_unary(builder, "pool", desc, &from, false, node->output, error);
}

/* ---- Global average ---------------------------------------------------------------------------------------------- */

static void run_average(const void *parameters, void *const *data, int threads) {
  (void)threads;
  const conversion *conversion = parameters;
  tw_bytes_average(&conversion->scales, conversion->grid.height * conversion->grid.width, data[0], data[1]);
}

static tw_status build_average(tw_builder *builder, const tw_node *node, tw_error *error) {
  conversion *conversion;
  TW_TRY(conversion_of(builder, node->inputs[0], &conversion, error));
  const dnnl_memory_desc_t bytes = tw_layout_narrow(&node->inputs[0]->shape);
  const dnnl_memory_desc_t plain = tw_layout_plain(&node->output->shape);
  tw_argument arguments[] = {{.role = DNNL_ARG_SRC}, {.role = DNNL_ARG_DST}};
  TW_TRY(tw_builder_source(builder, node->inputs[0], &bytes, &arguments[0].operand, error));
  TW_TRY(tw_builder_room(builder, &plain, &arguments[1].operand, error));
  TW_TRY(add_own(builder, "pool", run_average, conversion, arguments, error));
  return tw_builder_set(builder, node->output, &arguments[1].operand, error);
}

/* ---- Joins ------------------------------------------------------------------------------------------------------- */

typedef struct branch {
  size_t pixels;
  size_t channels;
  size_t stride;
} branch;

static void run_join(const void *parameters, void *const *data, int threads) {
  (void)threads;
  const branch *branch = parameters;
  tw_bytes_join(branch->pixels, branch->channels, branch->stride, data[0], data[1]);
}

static tw_status build_join(tw_builder *builder, const tw_node *node, tw_error *error) {
  const tw_shape *shape = &node->output->shape;
  const dnnl_memory_desc_t joined = tw_layout_narrow(shape);
  tw_operand whole;
  TW_TRY(tw_builder_room(builder, &joined, &whole, error));
  size_t begin = 0;
  for (size_t i = 0; i < node->input_count; i++) {
    const tw_value *value = node->inputs[i];
    const dnnl_memory_desc_t bytes = tw_layout_narrow(&value->shape);
    branch *branch = tw_arena_alloc(builder->plan->arena, 1, sizeof *branch);
    if (branch == NULL) {
      return tw_error_memory(error);
    }
    branch->pixels = (size_t)(shape->dims[2] * shape->dims[3]);
    branch->channels = (size_t)value->shape.dims[1];
    branch->stride = (size_t)shape->dims[1];
    tw_argument arguments[] = {{.role = DNNL_ARG_SRC}, {DNNL_ARG_DST, whole}};
    arguments[1].operand.place.offset = begin;
    TW_TRY(tw_builder_source(builder, value, &bytes, &arguments[0].operand, error));
    TW_TRY(add_own(builder, "join", run_join, branch, arguments, error));
    begin += branch->channels;
  }
  return tw_builder_set(builder, node->output, &whole, error);
}

/* ---- Nodes ------------------------------------------------------------------------------------------------------- */

tw_status tw_build_in_bytes(tw_builder *builder, const tw_node *node, bool *ret_done, tw_error *error) {
  const bool *narrow = builder->flow.narrow;
  const tw_quantised_node *weights = builder->int8[builder->node_index];
  *ret_done = false;
  if (weights != NULL) {
    return tw_build_conv_int8(builder, node, weights, ret_done, error);
  }
  if (tw_flow_averages(node) && narrow[node->inputs[0]->index]) {
    *ret_done = true;
    return build_average(builder, node, error);
  }
  if (!narrow[node->output->index] || !tw_flow_passes(node)) {
    return TW_OK;
  }
  if (node->op == TW_OP_CONCAT) {
    *ret_done = true;
    return build_join(builder, node, error);
  }
  return build_pool(builder, node, ret_done, error);
}
