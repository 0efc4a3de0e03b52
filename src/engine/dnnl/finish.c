/* The last part of making a plan: creating the primitives (which compiles their kernels) and packing the weights, both
 * shared between threads; the work is independent and its results do not depend on who does it.
 *
 * Memory is the idea: weights go from the file's pages, through a buffer of the thread's where they have to be scaled,
 * into the plan, and the pages are given back at once, so that no more than the plan itself stays. */
#include <pthread.h>
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

/* ---- Packing ----------------------------------------------------------------------------------------------------- */

static tw_status run_reorder(const tw_plan *plan, dnnl_primitive_desc_t desc, const tw_weights *weights,
                             const void *source, tw_error *error) {
  dnnl_engine_t engine = plan->engine;
  dnnl_primitive_t reorder = NULL;
  dnnl_stream_t stream = NULL;
  dnnl_memory_t from = NULL;
  dnnl_memory_t to = NULL;
  union {
    const void *source;
    void *data;
  } handle = {.source = source};
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

static tw_status reorder_weights(const tw_plan *plan, const tw_weights *weights, const void *source, tw_error *error) {
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
  tw_status packed = run_reorder(plan, desc, weights, source, error);
  dnnl_primitive_desc_destroy(desc);
  return packed;
}

/* What the threads share while they finish a plan. */
typedef struct finishing {
  tw_plan *plan;
  const tw_graph *graph;
  size_t room_bytes;    /* of the largest constant that has to be scaled */
  pthread_mutex_t lock; /* guards the two that follow */
  float *rooms[TW_MAX_THREADS];
  size_t idle; /* rooms[0..idle-1] are free */
} finishing;

/* A buffer for one constant; NULL when out of memory. */
static float *take_room(finishing *finishing) {
  pthread_mutex_lock(&finishing->lock);
  float *room = finishing->idle > 0 ? finishing->rooms[--finishing->idle] : NULL;
  pthread_mutex_unlock(&finishing->lock);
  return room != NULL ? room : tw_alloc_aligned(finishing->room_bytes);
}

static void return_room(finishing *finishing, float *room) {
  if (room == NULL) {
    return;
  }
  pthread_mutex_lock(&finishing->lock);
  finishing->rooms[finishing->idle++] = room; /* there are no more than threads */
  pthread_mutex_unlock(&finishing->lock);
}

static tw_status check_finite(const char *node, const tw_value *constant, const void *floats, tw_error *error) {
  return tw_all_finite(floats, constant->data_size / sizeof(float))
             ? TW_OK
             : tw_error_set(error, TW_E_DATA,
                            "node '%.160s': its weights '%.160s' hold numbers that are not finite (NaN or infinity): "
                            "the file is damaged, or its training has failed",
                            node, constant->name);
}

static tw_status pack_elements(const tw_plan *plan, const tw_weights *weights, const void *elements, tw_error *error) {
  if (weights->pack != NULL) {
    weights->pack(weights, elements, plan->weight_block + weights->offset);
    return TW_OK;
  }
  if (weights->scale == 1.0F && tw_layout_same(&weights->source_desc, &weights->desc)) {
    memcpy(plan->weight_block + weights->offset, elements, tw_layout_bytes(&weights->desc));
    return TW_OK;
  }
  omp_set_num_threads(1);
  return reorder_weights(plan, weights, elements, error);
}

static tw_status pack_constant(finishing *finishing, const tw_weights *weights, tw_error *error) {
  const tw_value *constant = weights->constant;
  const void *floats = constant->data;
  float *room = NULL;
  if (constant->scaling != NULL) {
    room = take_room(finishing);
    if (room == NULL) {
      return tw_error_memory(error);
    }
    tw_constant_floats(constant, room);
    floats = room;
  }
  tw_status status = check_finite(weights->node, constant, floats, error);
  status = status == TW_OK ? pack_elements(finishing->plan, weights, floats, error) : status;
  return_room(finishing, room);
  tw_graph_release(finishing->graph, constant);
  return status;
}

static tw_status pack(finishing *finishing, tw_weights *weights, tw_error *error) {
  TW_TRY(weights->constant != NULL ? pack_constant(finishing, weights, error)
                                   : pack_elements(finishing->plan, weights, weights->elements, error));
  weights->constant = NULL;
  weights->elements = NULL;
  weights->node = NULL;
  return TW_OK;
}

/* ---- All of it --------------------------------------------------------------------------------------------------- */

static tw_status finish_one(void *context, size_t task, tw_error *error) {
  finishing *finishing = context;
  tw_plan *plan = finishing->plan;
  return task < plan->step_count ? create_primitive(plan, &plan->steps[task], error)
                                 : pack(finishing, &plan->weights[task - plan->step_count], error);
}

tw_status tw_plan_finish(tw_plan *plan, const tw_graph *graph, tw_error *error) {
  finishing finishing = {.plan = plan, .graph = graph};
  plan->weight_block = tw_alloc_aligned(plan->weight_bytes);
  if (plan->weight_block == NULL) {
    return tw_error_memory(error);
  }
  for (size_t i = 0; i < plan->weights_count; i++) {
    const tw_value *constant = plan->weights[i].constant;
    bool larger = constant != NULL && constant->scaling != NULL && constant->data_size > finishing.room_bytes;
    finishing.room_bytes = larger ? constant->data_size : finishing.room_bytes;
  }
  pthread_mutex_init(&finishing.lock, NULL);
  tw_status status = tw_parallel(tw_cpu_count(), plan->step_count + plan->weights_count, finish_one, &finishing, error);
  pthread_mutex_destroy(&finishing.lock);
  for (size_t i = 0; i < finishing.idle; i++) {
    tw_free(finishing.rooms[i]);
  }
  return status;
}
