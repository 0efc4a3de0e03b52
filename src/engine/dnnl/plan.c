/* Making a plan: each node of the graph through the function of its operator, then the outputs, then memory. Chooses
 * nothing about single operators. */
#include <string.h>

#include "engine/dnnl/internal.h"
#include "engine/lifetimes.h"

static const tw_build_fn build_functions[TW_OP_COUNT] = {
    [TW_OP_CONV] = tw_build_conv,
    [TW_OP_RELU] = tw_build_activation,
    [TW_OP_CLIP] = tw_build_activation,
    [TW_OP_ADD] = tw_build_binary,
    [TW_OP_MUL] = tw_build_binary,
    [TW_OP_SUB] = tw_build_binary,
    [TW_OP_MAX_POOL] = tw_build_pool,
    [TW_OP_AVERAGE_POOL] = tw_build_pool,
    [TW_OP_GLOBAL_AVERAGE_POOL] = tw_build_global_pool,
    [TW_OP_CONCAT] = tw_build_concat,
    [TW_OP_FLATTEN] = tw_build_view,
    [TW_OP_RESHAPE] = tw_build_view,
    [TW_OP_GEMM] = tw_build_gemm,
    [TW_OP_MATMUL] = tw_build_matmul,
    [TW_OP_SOFTMAX] = tw_build_softmax,
    [TW_OP_CAST] = tw_build_view,
    [TW_OP_IDENTITY] = tw_build_view,
    [TW_OP_TRANSPOSE] = tw_build_transpose,
};

/* ---- Nodes ------------------------------------------------------------------------------------------------------- */

static tw_status check_value(const tw_value *value, tw_error *error) {
  size_t count;
  size_t bytes;
  char text[TW_SHAPE_TEXT_SIZE];
  if (value->dtype != TW_DTYPE_F32) {
    return tw_error_set(error, TW_E_UNSUPPORTED, "'%s' is %s; the engine computes in float32", value->name,
                        tw_dtype_name(value->dtype));
  }
  if (!tw_shape_count(&value->shape, &count) || !tw_mul_size(count, sizeof(float), &bytes) ||
      bytes > TW_MAX_TENSOR_BYTES) {
    return tw_error_set(error, TW_E_LIMIT, "'%s' is %s; a tensor may have %zu bytes", value->name,
                        tw_shape_text(&value->shape, text), TW_MAX_TENSOR_BYTES);
  }
  if (count == 0) {
    return tw_error_set(error, TW_E_UNSUPPORTED, "'%s' is %s; the engine takes no empty tensors", value->name,
                        tw_shape_text(&value->shape, text));
  }
  return TW_OK;
}

/* A single number may become a part of its step and is then never packed, where others are checked. */
static tw_status check_number(const tw_value *value, tw_error *error) {
  return value->data == NULL || value->data_size != sizeof(float) || tw_all_finite(value->data, 1)
             ? TW_OK
             : tw_error_set(error, TW_E_DATA, "its constant '%s' is not finite (NaN or infinity)", value->name);
}

static tw_status build_node(tw_builder *builder, const tw_node *node, tw_error *error) {
  for (size_t i = 0; i < node->input_count; i++) {
    if (node->inputs[i] != NULL) {
      TW_TRY(check_value(node->inputs[i], error));
      TW_TRY(check_number(node->inputs[i], error));
    }
  }
  TW_TRY(check_value(node->output, error));
  if (builder->quantised != NULL) {
    bool done;
    TW_TRY(tw_build_in_bytes(builder, node, &done, error));
    if (done) {
      return TW_OK;
    }
  }
  tw_build_fn build = build_functions[node->op];
  if (build == NULL) {
    return tw_error_set(error, TW_E_UNSUPPORTED, "the engine has no %s by itself; the graph's passes remove it",
                        tw_op_name(node->op));
  }
  return build(builder, node, error);
}

static tw_status build_nodes(tw_builder *builder, tw_error *error) {
  const tw_graph *graph = builder->graph;
  for (size_t i = 0; i < graph->node_count; i++) {
    builder->node_index = i;
    builder->node = graph->nodes[i];
    if (builder->done[i]) {
      continue;
    }
    tw_status status = build_node(builder, graph->nodes[i], error);
    if (status != TW_OK) {
      return tw_error_prefix(error, status, "node '%s' (%s)", graph->nodes[i]->name, tw_op_name(graph->nodes[i]->op));
    }
  }
  builder->node_index = graph->node_count;
  builder->node = NULL;
  return TW_OK;
}

/* ---- Ends -------------------------------------------------------------------------------------------------------- */

static tw_status build_input(tw_builder *builder, tw_error *error) {
  const tw_graph *graph = builder->graph;
  tw_plan *plan = builder->plan;
  if (graph->input_count != 1) {
    return tw_error_set(error, TW_E_UNSUPPORTED, "the network has %zu inputs; the engine runs networks with one",
                        graph->input_count);
  }
  const tw_value *value = graph->inputs[0];
  TW_TRY(check_value(value, error));
  plan->input_desc = tw_layout_plain(&value->shape);
  tw_shape_count(&value->shape, &plan->input_count);
  const tw_operand operand = {{TW_PLACE_INPUT, 0, 0}, plan->input_desc};
  return tw_builder_set(builder, value, &operand, error);
}

static tw_status build_output(tw_builder *builder, size_t index, tw_error *error) {
  const tw_value *value = builder->graph->outputs[index];
  TW_TRY(check_value(value, error));
  const dnnl_memory_desc_t plain = tw_layout_plain(&value->shape);
  tw_operand from = {.desc = tw_builder_layout(builder, value, NULL)};
  TW_TRY(tw_builder_source(builder, value, &from.desc, &from, error));
  if (tw_layout_is_plain(&from.desc)) {
    from.desc = tw_layout_typed(plain, from.desc.data_type); /* drops padding behind the last element */
  }
  const tw_operand to = {{TW_PLACE_OUTPUT, index, 0}, plain};
  return tw_builder_reorder(builder, &from, &to, error);
}

static tw_status build_outputs(tw_builder *builder, tw_error *error) {
  tw_plan *plan = builder->plan;
  plan->output_number = builder->graph->output_count;
  plan->output_counts = tw_arena_alloc(plan->arena, plan->output_number, sizeof *plan->output_counts);
  if (plan->output_counts == NULL) {
    return tw_error_memory(error);
  }
  for (size_t i = 0; i < plan->output_number; i++) {
    tw_status status = build_output(builder, i, error);
    if (status != TW_OK) {
      return tw_error_prefix(error, status, "output '%s'", builder->graph->outputs[i]->name);
    }
    tw_shape_count(&builder->graph->outputs[i]->shape, &plan->output_counts[i]);
  }
  return TW_OK;
}

/* ---- Memory ------------------------------------------------------------------------------------------------------ */

static void find_lifetimes(const tw_builder *builder, tw_lifetime *lifetimes) {
  for (size_t i = 0; i < builder->storage_count; i++) {
    lifetimes[i] = (tw_lifetime){.bytes = builder->storages[i].bytes, .first = SIZE_MAX};
  }
  for (size_t s = 0; s < builder->plan->step_count; s++) {
    const tw_step *step = &builder->plan->steps[s];
    for (size_t i = 0; i < step->argument_count; i++) {
      const tw_place *place = &step->arguments[i].operand.place;
      if (place->kind == TW_PLACE_STORAGE) {
        size_t unused;
        tw_lifetime *lifetime = &lifetimes[tw_builder_root(builder, place->index, &unused)];
        lifetime->first = lifetime->first == SIZE_MAX ? s : lifetime->first;
        lifetime->last = s;
      }
    }
  }
}

/* From storages to offsets in the block. Roots only are placed; slices follow them. */
static tw_status plan_memory(tw_builder *builder, tw_error *error) {
  tw_plan *plan = builder->plan;
  tw_lifetime *lifetimes = tw_alloc(builder->storage_count, sizeof *lifetimes);
  tw_lifetime *used = tw_alloc(builder->storage_count, sizeof *used);
  size_t *index = tw_alloc(builder->storage_count, sizeof *index);
  tw_status status = lifetimes == NULL || used == NULL || index == NULL ? tw_error_memory(error) : TW_OK;
  size_t count = 0;
  if (status == TW_OK) {
    find_lifetimes(builder, lifetimes);
    for (size_t i = 0; i < builder->storage_count; i++) {
      if (lifetimes[i].first != SIZE_MAX) {
        index[i] = count;
        used[count++] = lifetimes[i];
      }
    }
    status = tw_lifetimes_place(used, count, TW_MAX_SESSION_BYTES, &plan->block_bytes, error);
  }
  for (size_t s = 0; status == TW_OK && s < plan->step_count; s++) {
    tw_step *step = &plan->steps[s];
    plan->argument_count += step->argument_count;
    for (size_t i = 0; i < step->argument_count; i++) {
      tw_place *place = &step->arguments[i].operand.place;
      if (place->kind == TW_PLACE_STORAGE) {
        size_t offset;
        size_t root = tw_builder_root(builder, place->index, &offset);
        place->offset += offset + used[index[root]].offset;
      }
    }
  }
  tw_free(lifetimes);
  tw_free(used);
  tw_free(index);
  return status;
}

/* ---- Plan -------------------------------------------------------------------------------------------------------- */

static tw_status build(tw_plan *plan, const tw_graph *graph, const tw_quantised *quantised, tw_error *error) {
  tw_builder builder;
  tw_status status = tw_builder_init(&builder, plan, graph, error);
  status = status != TW_OK || quantised == NULL ? status : tw_builder_use(&builder, quantised, error);
  status = status != TW_OK ? status : build_input(&builder, error);
  status = status != TW_OK ? status : build_nodes(&builder, error);
  status = status != TW_OK ? status : build_outputs(&builder, error);
  status = status != TW_OK ? status : plan_memory(&builder, error);
  tw_builder_done(&builder);
  return status != TW_OK ? status : tw_plan_finish(plan, graph, error);
}

static tw_status check_options(const tw_plan_options *options, tw_precision *ret_precision, tw_error *error) {
  const char *note;
  if (options->threads < 1 || options->threads > TW_MAX_THREADS) {
    return tw_error_set(error, TW_E_ARGUMENT, "a plan for %d threads; 1 to %d are possible", options->threads,
                        (int)TW_MAX_THREADS);
  }
  if (options->precision == TW_PRECISION_INT8 && options->quantised == NULL) {
    return tw_error_set(error, TW_E_ARGUMENT, "a plan in int8 without a calibration");
  }
  return tw_engine_precision(options->precision, ret_precision, &note, error);
}

tw_status tw_plan_create_with(const tw_graph *graph, const tw_plan_options *options, tw_plan **ret_plan,
                              tw_error *error) {
  tw_precision precision;
  TW_TRY(check_options(options, &precision, error));
  TW_TRY(tw_graph_verify(graph, error));
  if (precision == TW_PRECISION_INT8) {
    TW_TRY(tw_quantised_check(options->quantised, graph, error));
  }
  tw_plan *plan = tw_alloc(1, sizeof *plan);
  tw_arena *arena = tw_arena_create();
  if (plan == NULL || arena == NULL) {
    tw_free(plan);
    tw_arena_free(arena);
    return tw_error_memory(error);
  }
  plan->arena = arena;
  plan->threads = options->threads;
  plan->precision = precision;
  const tw_quantised *quantised = precision == TW_PRECISION_INT8 ? options->quantised : NULL;
  int before = omp_get_max_threads();
  omp_set_num_threads(plan->threads);
  tw_status status = tw_engine_status(dnnl_engine_create(&plan->engine, dnnl_cpu, 0), "engine", error);
  status = status != TW_OK ? status : build(plan, graph, quantised, error);
  omp_set_num_threads(before);
  if (status != TW_OK) {
    tw_plan_free(plan);
    return status;
  }
  *ret_plan = plan;
  return TW_OK;
}

tw_status tw_plan_create(const tw_graph *graph, int threads, tw_plan **ret_plan, tw_error *error) {
  const tw_plan_options options = {.threads = threads, .precision = TW_PRECISION_F32};
  return tw_plan_create_with(graph, &options, ret_plan, error);
}

void tw_plan_free(tw_plan *plan) {
  if (plan == NULL) {
    return;
  }
  for (size_t i = 0; i < plan->step_count; i++) {
    dnnl_primitive_destroy(plan->steps[i].primitive);
    dnnl_primitive_desc_destroy(plan->steps[i].desc);
  }
  dnnl_engine_destroy(plan->engine);
  tw_free(plan->steps);
  tw_free(plan->weights);
  tw_free(plan->weight_block);
  tw_arena_free(plan->arena);
  tw_free(plan);
}

size_t tw_plan_input_count(const tw_plan *plan) {
  return plan->input_count;
}

size_t tw_plan_output_number(const tw_plan *plan) {
  return plan->output_number;
}

size_t tw_plan_output_count(const tw_plan *plan, size_t output) {
  return plan->output_counts[output];
}

size_t tw_plan_weight_bytes(const tw_plan *plan) {
  return plan->weight_bytes;
}

size_t tw_plan_session_bytes(const tw_plan *plan) {
  return plan->block_bytes;
}

size_t tw_plan_step_count(const tw_plan *plan) {
  return plan->step_count;
}

const tw_plan_step *tw_plan_step_at(const tw_plan *plan, size_t index) {
  return &plan->steps[index].info;
}
