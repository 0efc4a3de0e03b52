/* Steps that our own kernels do instead of the library: whether a node is one, and its operands. The kernels themselves
 * know nothing of plans (engine/kernels/kernels.h).
 *
 * The idea: the library is asked first, so that layouts are what they would be without us; a node becomes ours where
 * the library would work in nChw8c or nChw16c on both sides. */
#include <math.h>
#include <stdio.h>

#include "engine/dnnl/internal.h"

/* ---- Conditions -------------------------------------------------------------------------------------------------- */

/* How many channels there are in a block when the layout is nChw8c or nChw16c and our kernels may run, otherwise 0. */
static size_t lanes_of(const dnnl_memory_desc_t *desc) {
  const dnnl_blocking_desc_t *blocking = &desc->format_desc.blocking;
  const int64_t *strides = blocking->strides;
  const bool blocked = desc->data_type == dnnl_f32 && desc->format_kind == dnnl_blocked && desc->ndims == 4 &&
                       desc->dims[0] == 1 && desc->offset0 == 0 && desc->extra.flags == 0 &&
                       blocking->inner_nblks == 1 && blocking->inner_idxs[0] == 1 &&
                       strides[3] == blocking->inner_blks[0] && strides[2] == strides[3] * desc->dims[3] &&
                       strides[1] == strides[2] * desc->dims[2];
  return blocked && tw_own_possible((size_t)blocking->inner_blks[0]) ? (size_t)blocking->inner_blks[0] : 0;
}

static bool is_plain_window(const tw_window *window, int64_t group) {
  bool plain = window->spatial == 2 && group <= 1;
  for (int i = 0; plain && i < 2; i++) {
    plain = window->strides[i] == 1 && window->dilations[i] == 0;
  }
  return plain;
}

static tw_kernel_conv describe(const tw_node *node, const tw_window *window, size_t lanes) {
  tw_kernel_conv conv = {.lanes = lanes,
                         .channels = (size_t)node->inputs[0]->shape.dims[1],
                         .results = (size_t)node->output->shape.dims[1]};
  tw_activation_bounds(&node->attributes, &conv.low, &conv.high);
  for (int i = 0; i < 2; i++) {
    conv.kernel[i] = (size_t)window->kernel[i];
    conv.source[i] = (size_t)node->inputs[0]->shape.dims[2 + i];
    conv.result[i] = (size_t)node->output->shape.dims[2 + i];
    conv.pads[i] = (size_t)window->pads_begin[i];
  }
  return conv;
}

/* ---- Convolution ------------------------------------------------------------------------------------------------- */

enum { SOURCE, WEIGHTS, RESULT, SCRATCH, OPERANDS, BIAS = OPERANDS };

static void run_winograd(const void *how, void *const *data, int threads) {
  tw_winograd_run(how, data[SOURCE], data[WEIGHTS], NULL, data[RESULT], data[SCRATCH], threads);
}

static void run_winograd_bias(const void *how, void *const *data, int threads) {
  tw_winograd_run(how, data[SOURCE], data[WEIGHTS], data[BIAS], data[RESULT], data[SCRATCH], threads);
}

static void pack_winograd(const tw_weights *weights, const void *floats, void *ret_packed) {
  const int64_t *stored = weights->source_desc.format_desc.blocking.strides;
  size_t strides[4];
  for (int i = 0; i < 4; i++) {
    strides[i] = (size_t)stored[i];
  }
  tw_winograd_pack(weights->how, floats, strides, ret_packed);
}

static tw_status add_winograd(tw_builder *builder, const tw_node *node, const tw_winograd *winograd,
                              const dnnl_memory_desc_t *source, const dnnl_memory_desc_t *result,
                              const tw_value *constant, const dnnl_memory_desc_t *stored, tw_error *error) {
  const dnnl_memory_desc_t scratch = tw_layout_row(tw_winograd_scratch_bytes(winograd, builder->plan->threads));
  const tw_weights weights = {
      .constant = constant,
      .source_desc = *stored,
      .desc = tw_layout_row(tw_winograd_packed_bytes(winograd)),
      .scale = 1,
      .pack = pack_winograd,
      .how = winograd,
  };
  tw_argument arguments[OPERANDS + 1] = {[SOURCE] = {.role = DNNL_ARG_SRC},
                                         [WEIGHTS] = {.role = DNNL_ARG_WEIGHTS},
                                         [RESULT] = {.role = DNNL_ARG_DST},
                                         [SCRATCH] = {.role = DNNL_ARG_SCRATCHPAD},
                                         [BIAS] = {.role = DNNL_ARG_BIAS}};
  TW_TRY(tw_builder_source(builder, node->inputs[0], source, &arguments[SOURCE].operand, error));
  TW_TRY(tw_builder_pack(builder, &weights, &arguments[WEIGHTS].operand, error));
  TW_TRY(tw_builder_room(builder, result, &arguments[RESULT].operand, error));
  TW_TRY(tw_builder_room(builder, &scratch, &arguments[SCRATCH].operand, error));
  const tw_value *bias = node->input_count > 2 ? node->inputs[2] : NULL;
  if (bias != NULL) {
    const dnnl_memory_desc_t plain = tw_layout_plain(&bias->shape);
    TW_TRY(tw_builder_source(builder, bias, &plain, &arguments[BIAS].operand, error));
  }
  const tw_own own = {bias != NULL ? run_winograd_bias : run_winograd, winograd};
  char name[64];
  snprintf(name, sizeof name, "%s %s", winograd->name, winograd->conv.lanes == 8 ? "avx2" : "avx512");
  const char *implementation = tw_arena_strdup(builder->plan->arena, name);
  if (implementation == NULL) {
    return tw_error_memory(error);
  }
  TW_TRY(tw_builder_own(builder, "convolution", implementation, &own, arguments, bias != NULL ? OPERANDS + 1 : OPERANDS,
                        tw_node_multiplications(node), error));
  return tw_builder_set(builder, node->output, &arguments[RESULT].operand, error);
}

tw_status tw_own_conv(tw_builder *builder, const tw_node *node, const dnnl_memory_desc_t *source,
                      const dnnl_memory_desc_t *result, bool *ret_made, tw_error *error) {
  *ret_made = false;
  tw_window window;
  TW_TRY(tw_window_of(node, &window, error));
  dnnl_memory_desc_t stored;
  const tw_value *constant = tw_builder_constant(node->inputs[1], &stored);
  const size_t lanes = lanes_of(result);
  if (lanes == 0 || lanes_of(source) != lanes || !is_plain_window(&window, node->attributes.group) ||
      constant == NULL) {
    return TW_OK;
  }
  const tw_kernel_conv conv = describe(node, &window, lanes);
  tw_winograd *winograd = tw_arena_alloc(builder->plan->arena, 1, sizeof *winograd);
  if (winograd == NULL) {
    return tw_error_memory(error);
  }
  if (!tw_winograd_choose(&conv, winograd)) {
    return TW_OK;
  }
  *ret_made = true;
  return add_winograd(builder, node, winograd, source, result, constant, &stored, error);
}

/* ---- Pool -------------------------------------------------------------------------------------------------------- */

static void run_pool(const void *how, void *const *data, int threads) {
  tw_kernel_pool_run(how, data[0], data[1], data[2], threads);
}

static bool describe_pool(const tw_node *node, const tw_window *window, dnnl_alg_kind_t kind, size_t lanes,
                          tw_kernel_pool *ret_pool) {
  *ret_pool = (tw_kernel_pool){.lanes = lanes,
                               .average = kind != dnnl_pooling_max,
                               .count_padding = kind == dnnl_pooling_avg_include_padding,
                               .channels = (size_t)node->output->shape.dims[1]};
  for (int i = 0; i < 2; i++) {
    if (window->dilations[i] != 0 || window->pads_begin[i] >= window->kernel[i] ||
        window->pads_end[i] >= window->kernel[i]) {
      return false;
    }
    ret_pool->kernel[i] = (size_t)window->kernel[i];
    ret_pool->strides[i] = (size_t)window->strides[i];
    ret_pool->source[i] = (size_t)node->inputs[0]->shape.dims[2 + i];
    ret_pool->result[i] = (size_t)node->output->shape.dims[2 + i];
    ret_pool->pads[i] = (size_t)window->pads_begin[i];
  }
  return true;
}

tw_status tw_own_pool(tw_builder *builder, const tw_node *node, const tw_window *window, dnnl_alg_kind_t kind,
                      const tw_operand *from, bool *ret_made, tw_error *error) {
  *ret_made = false;
  tw_kernel_pool pool;
  const size_t lanes = lanes_of(&from->desc);
  if (lanes == 0 || window->spatial != 2 || !describe_pool(node, window, kind, lanes, &pool)) {
    return TW_OK;
  }
  tw_kernel_pool *kept = tw_arena_alloc(builder->plan->arena, 1, sizeof *kept);
  if (kept == NULL) {
    return tw_error_memory(error);
  }
  *kept = pool;
  const dnnl_memory_desc_t layout = tw_layout_like(&from->desc, &node->output->shape);
  const dnnl_memory_desc_t scratch = tw_layout_row(tw_kernel_pool_scratch_bytes(kept, builder->plan->threads));
  tw_argument arguments[] = {{DNNL_ARG_SRC, *from}, {.role = DNNL_ARG_DST}, {.role = DNNL_ARG_SCRATCHPAD}};
  TW_TRY(tw_builder_room(builder, &layout, &arguments[1].operand, error));
  TW_TRY(tw_builder_room(builder, &scratch, &arguments[2].operand, error));
  const tw_own own = {run_pool, kept};
  TW_TRY(tw_builder_own(builder, "pool", lanes == 8 ? "separable avx2" : "separable avx512", &own, arguments, 3, 0,
                        error));
  *ret_made = true;
  return tw_builder_set(builder, node->output, &arguments[1].operand, error);
}
