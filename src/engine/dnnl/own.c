/* Steps that our own kernels do instead of the library: whether a node is one, and its operands. The kernels themselves
 * know nothing of plans (engine/kernels/kernels.h).
 *
 * The idea: the library is asked first, so that layouts are what they would be without us; a node becomes ours where
 * the library would work in nChw8c on both sides, which it does where AVX2 is the best there is. */
#include <math.h>
#include <string.h>

#include "engine/dnnl/internal.h"

/* ---- Conditions -------------------------------------------------------------------------------------------------- */

static bool is_blocked(const dnnl_memory_desc_t *desc) {
  const dnnl_blocking_desc_t *blocking = &desc->format_desc.blocking;
  const int64_t *strides = blocking->strides;
  return desc->data_type == dnnl_f32 && desc->format_kind == dnnl_blocked && desc->ndims == 4 && desc->dims[0] == 1 &&
         desc->offset0 == 0 && desc->extra.flags == 0 && blocking->inner_nblks == 1 && blocking->inner_idxs[0] == 1 &&
         blocking->inner_blks[0] == TW_KERNEL_BLOCK && strides[3] == TW_KERNEL_BLOCK &&
         strides[2] == strides[3] * desc->dims[3] && strides[1] == strides[2] * desc->dims[2];
}

static bool is_plain_window(const tw_window *window, int64_t group) {
  bool plain = window->spatial == 2 && group <= 1;
  for (int i = 0; plain && i < 2; i++) {
    plain = window->strides[i] == 1 && window->dilations[i] == 0;
  }
  return plain;
}

static tw_kernel_conv describe(const tw_node *node, const tw_window *window) {
  const tw_attributes *attributes = &node->attributes;
  tw_kernel_conv conv = {.channels = (size_t)node->inputs[0]->shape.dims[1],
                         .results = (size_t)node->output->shape.dims[1],
                         .low = attributes->activation == TW_ACTIVATION_RELU ? 0 : -INFINITY,
                         .high = INFINITY};
  if (attributes->activation == TW_ACTIVATION_CLIP) {
    conv.low = attributes->low;
    conv.high = attributes->high;
  }
  for (int i = 0; i < 2; i++) {
    conv.kernel[i] = (size_t)window->kernel[i];
    conv.source[i] = (size_t)node->inputs[0]->shape.dims[2 + i];
    conv.result[i] = (size_t)node->output->shape.dims[2 + i];
    conv.pads[i] = (size_t)window->pads_begin[i];
  }
  return conv;
}

/* ---- Convolution ------------------------------------------------------------------------------------------------- */

enum { SOURCE, WEIGHTS, RESULT, SCRATCH, OPERANDS };

static void run_winograd(const void *how, void *const *data, int threads) {
  tw_winograd_run(how, data[SOURCE], data[WEIGHTS], data[RESULT], data[SCRATCH], threads);
}

/* That many bytes of floats, in a row. */
static dnnl_memory_desc_t floats(size_t bytes) {
  const tw_shape shape = {.rank = 1, .dims = {(int64_t)(bytes / sizeof(float))}};
  return tw_layout_plain(&shape);
}

static tw_status add_winograd(tw_builder *builder, const tw_node *node, const tw_winograd *winograd,
                              const dnnl_memory_desc_t *source, const dnnl_memory_desc_t *result,
                              const tw_value *constant, const dnnl_memory_desc_t *stored, tw_error *error) {
  const dnnl_memory_desc_t scratch = floats(tw_winograd_scratch_bytes(winograd, builder->plan->threads));
  const tw_weights weights = {
      .constant = constant,
      .source_desc = *stored,
      .desc = floats(tw_winograd_packed_bytes(winograd)),
      .scale = 1,
      .winograd = winograd,
      .bias = node->input_count > 2 && node->inputs[2] != NULL ? node->inputs[2]->data : NULL,
  };
  tw_argument arguments[OPERANDS] = {[SOURCE] = {.role = DNNL_ARG_SRC},
                                     [WEIGHTS] = {.role = DNNL_ARG_WEIGHTS},
                                     [RESULT] = {.role = DNNL_ARG_DST},
                                     [SCRATCH] = {.role = DNNL_ARG_SCRATCHPAD}};
  TW_TRY(tw_builder_source(builder, node->inputs[0], source, &arguments[SOURCE].operand, error));
  TW_TRY(tw_builder_pack(builder, &weights, &arguments[WEIGHTS].operand, error));
  TW_TRY(tw_builder_room(builder, result, &arguments[RESULT].operand, error));
  TW_TRY(tw_builder_room(builder, &scratch, &arguments[SCRATCH].operand, error));
  const tw_own own = {run_winograd, winograd};
  TW_TRY(tw_builder_own(builder, "convolution", winograd->name, &own, arguments, OPERANDS,
                        tw_node_multiplications(node), error));
  return tw_builder_set(builder, node->output, &arguments[RESULT].operand, error);
}

tw_status tw_own_conv(tw_builder *builder, const tw_node *node, const dnnl_memory_desc_t *source,
                      const dnnl_memory_desc_t *result, bool *ret_made, tw_error *error) {
  *ret_made = false;
  tw_window window;
  TW_TRY(tw_window_of(node, &window, error));
  const tw_value *bias = node->input_count > 2 ? node->inputs[2] : NULL;
  dnnl_memory_desc_t stored;
  const tw_value *constant = tw_builder_constant(node->inputs[1], &stored);
  if (!tw_own_possible() || !is_blocked(source) || !is_blocked(result) ||
      !is_plain_window(&window, node->attributes.group) || (bias != NULL && bias->data == NULL) || constant == NULL) {
    return TW_OK;
  }
  const tw_kernel_conv conv = describe(node, &window);
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

void tw_own_pack(const tw_weights *weights, const void *floats, void *ret_packed) {
  const int64_t *stored = weights->source_desc.format_desc.blocking.strides;
  size_t strides[4];
  for (int i = 0; i < 4; i++) {
    strides[i] = (size_t)stored[i];
  }
  tw_winograd_pack(weights->winograd, floats, strides, weights->bias, ret_packed);
}

/* ---- Pool -------------------------------------------------------------------------------------------------------- */

static void run_pool(const void *how, void *const *data, int threads) {
  tw_kernel_pool_run(how, data[0], data[1], data[2], threads);
}

static bool describe_pool(const tw_node *node, const tw_window *window, dnnl_alg_kind_t kind,
                          tw_kernel_pool *ret_pool) {
  *ret_pool = (tw_kernel_pool){.average = kind != dnnl_pooling_max,
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
  if (!tw_own_possible() || !is_blocked(&from->desc) || window->spatial != 2 ||
      !describe_pool(node, window, kind, &pool)) {
    return TW_OK;
  }
  tw_kernel_pool *kept = tw_arena_alloc(builder->plan->arena, 1, sizeof *kept);
  if (kept == NULL) {
    return tw_error_memory(error);
  }
  *kept = pool;
  const dnnl_memory_desc_t layout = tw_layout_like(&from->desc, &node->output->shape);
  const dnnl_memory_desc_t scratch = floats(tw_kernel_pool_scratch_bytes(kept, builder->plan->threads));
  tw_argument arguments[] = {{DNNL_ARG_SRC, *from}, {.role = DNNL_ARG_DST}, {.role = DNNL_ARG_SCRATCHPAD}};
  TW_TRY(tw_builder_room(builder, &layout, &arguments[1].operand, error));
  TW_TRY(tw_builder_room(builder, &scratch, &arguments[2].operand, error));
  const tw_own own = {run_pool, kept};
  TW_TRY(tw_builder_own(builder, "pool", "separable avx2", &own, arguments, 3, 0, error));
  *ret_made = true;
  return tw_builder_set(builder, node->output, &arguments[1].operand, error);
}
