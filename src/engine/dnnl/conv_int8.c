/* Convolution in int8: bytes and weights of 8 bits, sums in 32, bytes or floats out.
 *
 * The idea: with x = s (byte - z), and the s of each channel inside the weights already,
 *
 *   y = t * (sum(W * byte) - sum(W * z)) + b     for each channel of the result, t its scale, b its bias,
 *
 * and its byte is y / s' + z'. The library computes (sum + bias) * scale, then the post-ops, then rounds and clamps to
 * 0..255. So scale = t / s', and the bias takes in b, the zeros that are read and the one that is written; the clamp is
 * the activation, because what bytes can say never reaches past it. A residual is added to the byte's place. */
#include "engine/dnnl/internal.h"

typedef struct conv {
  tw_builder *builder;
  const tw_node *node;
  const tw_quantised_node *weights;
  const tw_value *addend;       /* or NULL */
  const tw_byte_scales *source; /* of what is read */
  const tw_byte_scales *result; /* NULL: floats */
  const tw_byte_scales *added;  /* NULL without addend */
  tw_window window;
  tw_byte_grid grid; /* of what is read */
  tw_operand from;   /* in that grid, once the library has said that it can */
  float *scales;     /* the library's, and room for TW_BYTES_PANEL more; so in biases */
  float *biases;
  dnnl_primitive_desc_t desc;
} conv;

/* ---- Numbers ----------------------------------------------------------------------------------------------------- */

/* The sum of W * z for one channel of the result: what reading the zeros as bytes adds too much. */
static double zeros_read(const conv *conv, size_t channel) {
  const tw_node *node = conv->node;
  const tw_shape *shape = &node->inputs[1]->shape;
  size_t inputs = (size_t)shape->dims[1];
  size_t kernel = conv->weights->size / conv->weights->channels / inputs;
  size_t group = channel / ((size_t)shape->dims[0] / (size_t)node->attributes.group);
  const int8_t *weights = conv->weights->weights + channel * inputs * kernel;
  int64_t sum = 0;
  for (size_t i = 0; i < inputs; i++) {
    int64_t of_input = 0;
    int64_t zero = conv->source->zeros[group * inputs + i];
    for (size_t k = 0; zero != 0 && k < kernel; k++) {
      of_input += weights[i * kernel + k];
    }
    sum += of_input * zero;
  }
  return (double)sum;
}

static tw_status make_numbers(conv *conv, tw_error *error) {
  const tw_quantised_node *weights = conv->weights;
  conv->scales = tw_arena_alloc(conv->builder->plan->arena, weights->channels + TW_BYTES_PANEL, sizeof(float));
  conv->biases = tw_arena_alloc(conv->builder->plan->arena, weights->channels + TW_BYTES_PANEL, sizeof(float));
  if (conv->scales == NULL || conv->biases == NULL) {
    return tw_error_memory(error);
  }
  for (size_t i = 0; i < weights->channels; i++) {
    double scale = (double)weights->scales[i];
    double bias = (double)weights->biases[i];
    if (conv->result != NULL) {
      bias += (double)conv->result->scales[i] * conv->result->zeros[i];
    }
    if (conv->added != NULL) {
      bias -= (double)conv->added->scales[i] * conv->added->zeros[i];
    }
    conv->biases[i] = (float)(bias / scale - zeros_read(conv, i));
    conv->scales[i] = (float)(conv->result != NULL ? scale / (double)conv->result->scales[i] : scale);
  }
  return TW_OK;
}

/* ---- Description ------------------------------------------------------------------------------------------------- */

static dnnl_memory_desc_t channels_last(const tw_shape *shape, bool floats) {
  return tw_layout_typed(tw_layout_narrow(shape), floats ? dnnl_f32 : dnnl_u8);
}

/* What the byte of a residual counts in the result's; 0 without one. */
static float factor_of_added(const conv *conv) {
  return conv->added != NULL ? conv->added->scales[0] / conv->result->scales[0] : 0;
}

static tw_status add_post_ops(const conv *conv, dnnl_post_ops_t post_ops, tw_error *error) {
  if (conv->added != NULL) {
    TW_TRY(tw_engine_status(dnnl_post_ops_append_sum(post_ops, factor_of_added(conv)), "residual sum", error));
  }
  return conv->result != NULL ? TW_OK : tw_append_activation(post_ops, &conv->node->attributes, error);
}

/* TW_E_UNSUPPORTED when the library has none that is compiled. */
static tw_status describe(conv *conv, tw_error *error) {
  const tw_window *window = &conv->window;
  const tw_shape shape = tw_conv_weights_shape(conv->node);
  const tw_shape channels = {.rank = 1, .dims = {(int64_t)conv->weights->channels}};
  const dnnl_memory_desc_t source = tw_layout_framed(conv->node->inputs[0], &conv->grid);
  const dnnl_memory_desc_t result = channels_last(&conv->node->output->shape, conv->result == NULL);
  const dnnl_memory_desc_t bias = tw_layout_plain(&channels);
  const dnnl_memory_desc_t weights = tw_layout_typed(tw_layout_any(&shape), dnnl_s8);
  dnnl_convolution_desc_t op;
  TW_TRY(tw_engine_status(dnnl_dilated_convolution_forward_desc_init(
                              &op, dnnl_forward_inference, dnnl_convolution_direct, &source, &weights, &bias, &result,
                              window->strides, window->dilations, window->pads_begin, window->pads_end),
                          "convolution", error));
  dnnl_post_ops_t post_ops;
  TW_TRY(tw_engine_status(dnnl_post_ops_create(&post_ops), "post-operation", error));
  tw_status status = add_post_ops(conv, post_ops, error);
  if (status == TW_OK) {
    status = tw_primitive_desc_scaled(conv->builder, &op, post_ops, conv->scales, conv->weights->channels, &conv->desc,
                                      error);
  }
  dnnl_post_ops_destroy(post_ops);
  if (status == TW_OK && !tw_primitive_is_compiled(conv->desc)) {
    return tw_error_set(error, TW_E_UNSUPPORTED, "the kernel library has no fast convolution of this form");
  }
  return status;
}

/* ---- Step -------------------------------------------------------------------------------------------------------- */

/* The addend's bytes in a place that may be overwritten, or room for the result. */
static tw_status place_result(conv *conv, tw_operand *ret_operand, tw_error *error) {
  tw_builder *builder = conv->builder;
  const dnnl_memory_desc_t layout = channels_last(&conv->node->output->shape, conv->result == NULL);
  if (conv->addend == NULL) {
    return tw_builder_room(builder, &layout, ret_operand, error);
  }
  tw_operand addend;
  TW_TRY(tw_builder_source(builder, conv->addend, &layout, &addend, error));
  if (tw_builder_may_overwrite(builder, &addend) && !tw_builder_shares(builder, &addend, &conv->from)) {
    *ret_operand = addend;
    return TW_OK;
  }
  TW_TRY(tw_builder_room(builder, &layout, ret_operand, error));
  return tw_builder_reorder(builder, &addend, ret_operand, error);
}

static tw_status add_step(conv *conv, tw_error *error) {
  tw_builder *builder = conv->builder;
  TW_TRY(tw_builder_framed(builder, conv->node->inputs[0], &conv->grid, &conv->from, error));
  tw_argument arguments[] = {
      {DNNL_ARG_SRC, conv->from}, {.role = DNNL_ARG_WEIGHTS}, {.role = DNNL_ARG_DST}, {.role = DNNL_ARG_BIAS}};
  TW_TRY(place_result(conv, &arguments[2].operand, error));
  dnnl_memory_desc_t layout = tw_primitive_layout(conv->desc, dnnl_query_weights_md);
  const tw_shape shape = tw_conv_weights_shape(conv->node);
  const dnnl_memory_desc_t stored = tw_layout_typed(tw_layout_plain(&shape), dnnl_s8);
  TW_TRY(tw_builder_elements(builder, conv->weights->weights, &stored, &layout, &arguments[1].operand, error));
  const tw_shape channels = {.rank = 1, .dims = {(int64_t)conv->weights->channels}};
  layout = tw_layout_plain(&channels);
  TW_TRY(tw_builder_elements(builder, conv->biases, &layout, &layout, &arguments[3].operand, error));
  dnnl_primitive_desc_t desc = conv->desc;
  conv->desc = NULL;
  TW_TRY(tw_builder_step(builder, "convolution", desc, arguments, 4, tw_node_multiplications(conv->node), error));
  return tw_builder_set(builder, conv->node->output, &arguments[2].operand, error);
}

/* ---- Ours -------------------------------------------------------------------------------------------------------- */

enum { SOURCE, WEIGHTS, RESULT, SCRATCH, OPERANDS };

typedef struct kernel {
  const char *name;
  size_t (*packed_bytes)(const tw_byte_conv *conv);
  size_t (*scratch_bytes)(const tw_byte_conv *conv, int threads); /* NULL: none */
  void (*pack)(const tw_weights *weights, const void *elements, void *ret_packed);
  void (*run)(const void *how, void *const *data, int threads);
} kernel;

static void pack_quads(const tw_weights *weights, const void *elements, void *ret_packed) {
  tw_byte_conv_pack(weights->how, elements, ret_packed);
}

static void run_quads(const void *how, void *const *data, int threads) {
  tw_byte_conv_run(how, data[SOURCE], data[WEIGHTS], data[RESULT], threads);
}

static void pack_winograd(const tw_weights *weights, const void *elements, void *ret_packed) {
  tw_byte_winograd_pack(weights->how, elements, ret_packed);
}

static void run_winograd(const void *how, void *const *data, int threads) {
  tw_byte_winograd_run(how, data[SOURCE], data[WEIGHTS], data[RESULT], data[SCRATCH], threads);
}

static const kernel quads = {"int8 in quads avx2", tw_byte_conv_packed_bytes, NULL, pack_quads, run_quads};
static const kernel winograd = {"int8 winograd 2x2,3x3 avx2", tw_byte_winograd_packed_bytes,
                                tw_byte_winograd_scratch_bytes, pack_winograd, run_winograd};

static tw_byte_conv describe_own(const conv *conv) {
  const tw_window *window = &conv->window;
  tw_byte_conv own = {.channels = (size_t)conv->node->inputs[0]->shape.dims[1],
                      .results = conv->weights->channels,
                      .padding = conv->source->zeros,
                      .scales = conv->scales,
                      .biases = conv->biases,
                      .added = conv->result != NULL ? factor_of_added(conv) : 0,
                      .floats = conv->result == NULL};
  tw_activation_bounds(&conv->node->attributes, &own.low, &own.high);
  for (int i = 0; i < 2; i++) {
    own.kernel[i] = (size_t)window->kernel[i];
    own.strides[i] = (size_t)window->strides[i];
    own.dilations[i] = (size_t)window->dilations[i] + 1;
    own.source[i] = (size_t)conv->node->inputs[0]->shape.dims[2 + i];
    own.result[i] = (size_t)conv->node->output->shape.dims[2 + i];
    own.pads[i] = (size_t)window->pads_begin[i];
  }
  return own;
}

/* Which of our own kernels does this convolution, or NULL. */
static const kernel *choose_own(const conv *conv, const tw_byte_conv *own) {
  if (!tw_own_possible_in_bytes() || conv->window.spatial != 2 || (conv->result == NULL && conv->added != NULL)) {
    return NULL;
  }
  if (conv->node->attributes.group > 1 || own->channels % TW_BYTES_GROUP != 0 ||
      conv->weights->size / conv->weights->channels < TW_BYTES_DEPTH ||
      !tw_byte_conv_fits(own, conv->weights->weights)) {
    return NULL;
  }
  return tw_byte_winograd_pays(own) ? &winograd : &quads;
}

static tw_status add_own_step(conv *conv, const kernel *kernel, const tw_byte_conv *described, tw_error *error) {
  tw_builder *builder = conv->builder;
  tw_byte_conv *own = tw_arena_alloc(builder->plan->arena, 1, sizeof *own);
  if (own == NULL) {
    return tw_error_memory(error);
  }
  *own = *described;
  const tw_weights weights = {.elements = conv->weights->weights,
                              .desc = tw_layout_row(kernel->packed_bytes(own)),
                              .scale = 1,
                              .pack = kernel->pack,
                              .how = own};
  const dnnl_memory_desc_t source = tw_layout_narrow(&conv->node->inputs[0]->shape);
  tw_argument arguments[OPERANDS] = {[SOURCE] = {.role = DNNL_ARG_SRC},
                                     [WEIGHTS] = {.role = DNNL_ARG_WEIGHTS},
                                     [RESULT] = {.role = DNNL_ARG_DST},
                                     [SCRATCH] = {.role = DNNL_ARG_SCRATCHPAD}};
  TW_TRY(tw_builder_source(builder, conv->node->inputs[0], &source, &conv->from, error));
  arguments[SOURCE].operand = conv->from;
  TW_TRY(tw_builder_pack(builder, &weights, &arguments[WEIGHTS].operand, error));
  TW_TRY(place_result(conv, &arguments[RESULT].operand, error));
  if (kernel->scratch_bytes != NULL) {
    const dnnl_memory_desc_t scratch = tw_layout_row(kernel->scratch_bytes(own, builder->plan->threads));
    TW_TRY(tw_builder_room(builder, &scratch, &arguments[SCRATCH].operand, error));
  }
  const tw_own step = {kernel->run, own};
  TW_TRY(tw_builder_own(builder, "convolution", kernel->name, &step, arguments,
                        kernel->scratch_bytes != NULL ? OPERANDS : SCRATCH, tw_node_multiplications(conv->node),
                        error));
  return tw_builder_set(builder, conv->node->output, &arguments[RESULT].operand, error);
}

/* ---- The node ---------------------------------------------------------------------------------------------------- */

tw_status tw_build_conv_int8(tw_builder *builder, const tw_node *node, const tw_quantised_node *weights, bool *ret_done,
                             tw_error *error) {
  conv conv = {
      .builder = builder, .node = node, .weights = weights, .addend = node->input_count > 3 ? node->inputs[3] : NULL};
  TW_TRY(tw_window_of(node, &conv.window, error));
  TW_TRY(tw_builder_scales(builder, node->inputs[0], &conv.source, error));
  if (builder->flow.narrow[node->output->index]) {
    TW_TRY(tw_builder_scales(builder, node->output, &conv.result, error));
  }
  if (conv.addend != NULL) {
    TW_TRY(tw_builder_scales(builder, conv.addend, &conv.added, error));
  }
  TW_TRY(make_numbers(&conv, error));
  const tw_byte_conv own = describe_own(&conv);
  const kernel *kernel = choose_own(&conv, &own);
  if (kernel != NULL) {
    *ret_done = true;
    return add_own_step(&conv, kernel, &own, error);
  }
  TW_TRY(tw_builder_frame(builder, node->inputs[0], &conv.window, &conv.grid, error));
  tw_status status = describe(&conv, error);
  *ret_done = status != TW_E_UNSUPPORTED;
  status = status == TW_OK ? add_step(&conv, error) : status == TW_E_UNSUPPORTED ? TW_OK : status;
  dnnl_primitive_desc_destroy(conv.desc);
  return status;
}
