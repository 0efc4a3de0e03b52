/* The last part of making a plan: creating the primitives (which compiles their kernels) and packing the weights, both
 * shared between threads; the work is independent and its results do not depend on who does it. */
#include <string.h>

#include "engine/dnnl/internal.h"

static tw_status create_primitive(const tw_plan *plan, tw_step *step, tw_error *error) {
  if (step->desc == NULL) {
    return TW_OK;
  }
  /* The library takes the number of threads from the creating thread. */
  omp_set_num_threads(step->single ? 1 : plan->threads);
  dnnl_status_t status = dnnl_primitive_create(&step->primitive, step->desc);
  return status == dnnl_success
             ? TW_OK
             : tw_error_prefix(error, tw_engine_status(status, "kernel", error), "node '%s'", step->info.name);
}

static tw_status run_reorder(const tw_plan *plan, dnnl_primitive_desc_t desc, const tw_weights *weights,
                             tw_error *error) {
  dnnl_engine_t engine = plan->engine;
  dnnl_primitive_t reorder = NULL;
  dnnl_stream_t stream = NULL;
  dnnl_memory_t from = NULL;
  dnnl_memory_t to = NULL;
  union {
    const void *source;
    void *data;
  } handle = {.source = weights->source};
  dnnl_status_t status = dnnl_primitive_create(&reorder, desc);
  status = status != dnnl_success ? status : dnnl_stream_create(&stream, engine, dnnl_stream_default_flags);
  status = status != dnnl_success ? status : dnnl_memory_create(&from, &weights->source_desc, engine, handle.data);
  status = status != dnnl_success
               ? status
               : dnnl_memory_create(&to, &weights->desc, engine, plan->weight_block + weights->offset);
  if (status == dnnl_success) {
    const dnnl_exec_arg_t arguments[] = {{DNNL_ARG_FROM, from}, {DNNL_ARG_TO, to}};
    status = dnnl_primitive_execute(reorder, stream, 2, arguments);
    status = status != dnnl_success ? status : dnnl_stream_wait(stream);
  }
  dnnl_memory_destroy(to);
  dnnl_memory_destroy(from);
  dnnl_stream_destroy(stream);
  dnnl_primitive_destroy(reorder);
  return tw_engine_status(status, "packing of weights", error);
}

static tw_status reorder_weights(const tw_plan *plan, const tw_weights *weights, tw_error *error) {
  dnnl_engine_t engine = plan->engine;
  dnnl_primitive_attr_t attributes;
  TW_TRY(tw_engine_status(dnnl_primitive_attr_create(&attributes), "attributes", error));
  dnnl_primitive_desc_t desc = NULL;
  dnnl_status_t status =
      weights->scale == 1.0F ? dnnl_success : dnnl_primitive_attr_set_output_scales(attributes, 1, 0, &weights->scale);
  if (status == dnnl_success) {
    status =
        dnnl_reorder_primitive_desc_create(&desc, &weights->source_desc, engine, &weights->desc, engine, attributes);
  }
  dnnl_primitive_attr_destroy(attributes);
  TW_TRY(tw_engine_status(status, "packing of weights", error));
  tw_status packed = run_reorder(plan, desc, weights, error);
  dnnl_primitive_desc_destroy(desc);
  return packed;
}

static tw_status pack(const tw_plan *plan, tw_weights *weights, tw_error *error) {
  if (weights->winograd != NULL) {
    tw_own_pack(weights, plan->weight_block + weights->offset);
  } else if (weights->scale == 1.0F && tw_layout_same(&weights->source_desc, &weights->desc)) {
    memcpy(plan->weight_block + weights->offset, weights->source, tw_layout_bytes(&weights->desc));
  } else {
    omp_set_num_threads(1);
    TW_TRY(reorder_weights(plan, weights, error));
  }
  weights->source = NULL;
  return TW_OK;
}

static tw_status finish_one(void *context, size_t task, tw_error *error) {
  tw_plan *plan = context;
  return task < plan->step_count ? create_primitive(plan, &plan->steps[task], error)
                                 : pack(plan, &plan->weights[task - plan->step_count], error);
}

tw_status tw_plan_finish(tw_plan *plan, tw_error *error) {
  plan->weight_block = tw_alloc_aligned(plan->weight_bytes);
  if (plan->weight_block == NULL) {
    return tw_error_memory(error);
  }
  return tw_parallel(tw_cpu_count(), plan->step_count + plan->weights_count, finish_one, plan, error);
}
