/* A session: one block of memory, the library's memory objects that point into it, and the loop over the steps.
 *
 * The idea: everything is made when the session is created; a run only points the memory objects of the caller's input
 * and outputs anew and executes. */
#include <string.h>

#include "engine/dnnl/internal.h"

typedef struct bound_step {
  dnnl_exec_arg_t *arguments; /* of a primitive */
  void **data;                /* where each argument lies */
  bool has_input;
  size_t output; /* the caller's output it writes; SIZE_MAX: none */
} bound_step;

struct tw_session {
  const tw_plan *plan;
  dnnl_stream_t stream;
  uint8_t *block;
  bound_step *steps;
  dnnl_exec_arg_t *arguments; /* of all steps, plan->argument_count */
  void **data;
};

/* ---- Creation ---------------------------------------------------------------------------------------------------- */

static void *address_of(const tw_session *session, const tw_place *place) {
  switch (place->kind) {
    case TW_PLACE_STORAGE: return session->block + place->offset;
    case TW_PLACE_WEIGHTS: return session->plan->weight_block + session->plan->weights[place->index].offset;
    default: return NULL; /* the caller's: known when it runs */
  }
}

static tw_status bind_step(tw_session *session, const tw_step *step, bound_step *bound, size_t first, tw_error *error) {
  *bound = (bound_step){&session->arguments[first], &session->data[first], false, SIZE_MAX};
  for (size_t i = 0; i < step->argument_count; i++) {
    const tw_operand *operand = &step->arguments[i].operand;
    bound->has_input |= operand->place.kind == TW_PLACE_INPUT;
    bound->output = operand->place.kind == TW_PLACE_OUTPUT ? operand->place.index : bound->output;
    bound->data[i] = address_of(session, &operand->place);
    bound->arguments[i].arg = step->arguments[i].role;
    if (step->primitive != NULL) {
      TW_TRY(tw_engine_status(
          dnnl_memory_create(&bound->arguments[i].memory, &operand->desc, session->plan->engine, bound->data[i]),
          "memory", error));
    }
  }
  return TW_OK;
}

static tw_status bind(tw_session *session, tw_error *error) {
  const tw_plan *plan = session->plan;
  session->block = tw_alloc_aligned(plan->block_bytes);
  session->steps = tw_alloc(plan->step_count, sizeof *session->steps);
  session->arguments = tw_alloc(plan->argument_count, sizeof *session->arguments);
  session->data = tw_alloc(plan->argument_count, sizeof *session->data);
  if (session->block == NULL || session->steps == NULL || session->arguments == NULL || session->data == NULL) {
    return tw_error_memory(error);
  }
  TW_TRY(
      tw_engine_status(dnnl_stream_create(&session->stream, plan->engine, dnnl_stream_default_flags), "stream", error));
  size_t first = 0;
  for (size_t i = 0; i < plan->step_count; i++) {
    TW_TRY(bind_step(session, &plan->steps[i], &session->steps[i], first, error));
    first += plan->steps[i].argument_count;
  }
  return TW_OK;
}

tw_status tw_session_create(const tw_plan *plan, tw_session **ret_session, tw_error *error) {
  tw_session *session = tw_alloc(1, sizeof *session);
  if (session == NULL) {
    return tw_error_memory(error);
  }
  session->plan = plan;
  tw_status status = bind(session, error);
  if (status != TW_OK) {
    tw_session_free(session);
    return status;
  }
  *ret_session = session;
  return TW_OK;
}

void tw_session_free(tw_session *session) {
  if (session == NULL) {
    return;
  }
  for (size_t i = 0; session->arguments != NULL && i < session->plan->argument_count; i++) {
    dnnl_memory_destroy(session->arguments[i].memory);
  }
  dnnl_stream_destroy(session->stream);
  tw_free(session->data);
  tw_free(session->arguments);
  tw_free(session->steps);
  tw_free(session->block);
  tw_free(session);
}

/* ---- Running ----------------------------------------------------------------------------------------------------- */

static dnnl_status_t point_at_caller(const tw_step *step, const bound_step *bound, const float *input, float *output) {
  union {
    const float *input;
    void *data;
  } handle = {.input = input};
  for (size_t i = 0; i < step->argument_count; i++) {
    tw_place_kind kind = step->arguments[i].operand.place.kind;
    if (kind != TW_PLACE_INPUT && kind != TW_PLACE_OUTPUT) {
      continue;
    }
    bound->data[i] = kind == TW_PLACE_INPUT ? handle.data : output;
    dnnl_status_t status = step->primitive == NULL
                               ? dnnl_success
                               : dnnl_memory_set_data_handle(bound->arguments[i].memory, bound->data[i]);
    if (status != dnnl_success) {
      return status;
    }
  }
  return dnnl_success;
}

static dnnl_status_t execute(const tw_session *session, const tw_step *step, const bound_step *bound) {
  if (step->own.run != NULL) {
    step->own.run(step->own.how, bound->data, session->plan->threads);
    return dnnl_success;
  }
  if (step->primitive == NULL) {
    memcpy(bound->data[1], bound->data[0], tw_layout_bytes(&step->arguments[1].operand.desc));
    return dnnl_success;
  }
  int threads = session->plan->threads;
  if (step->single && threads > 1) {
    omp_set_num_threads(1);
  }
  dnnl_status_t status =
      dnnl_primitive_execute(step->primitive, session->stream, (int)step->argument_count, bound->arguments);
  if (step->single && threads > 1) {
    omp_set_num_threads(threads);
  }
  return status;
}

static tw_status run_step(const tw_session *session, size_t index, const float *input, float *const *outputs,
                          tw_error *error) {
  const tw_step *step = &session->plan->steps[index];
  const bound_step *bound = &session->steps[index];
  float *output = outputs == NULL || bound->output == SIZE_MAX ? NULL : outputs[bound->output];
  if (bound->output != SIZE_MAX && output == NULL) {
    return TW_OK;
  }
  dnnl_status_t status = dnnl_success;
  if (bound->has_input || output != NULL) {
    status = point_at_caller(step, bound, input, output);
  }
  status = status != dnnl_success ? status : execute(session, step, bound);
  return status == dnnl_success
             ? TW_OK
             : tw_error_set(error, status == dnnl_out_of_memory ? TW_E_MEMORY : TW_E_ENGINE,
                            "node '%s': the kernel library failed (status %d)", step->info.name, (int)status);
}

static tw_status wait(const tw_session *session, tw_error *error) {
  return tw_engine_status(dnnl_stream_wait(session->stream), "stream", error);
}

/* All steps; ret_seconds may be NULL. */
static tw_status run_steps(const tw_session *session, const float *input, float *const *outputs, double *ret_seconds,
                           tw_error *error) {
  for (size_t i = 0; i < session->plan->step_count; i++) {
    double begin = ret_seconds != NULL ? tw_seconds() : 0;
    TW_TRY(run_step(session, i, input, outputs, error));
    if (ret_seconds != NULL) {
      TW_TRY(wait(session, error));
      ret_seconds[i] += tw_seconds() - begin;
    }
  }
  return wait(session, error);
}

/* ---- What went wrong --------------------------------------------------------------------------------------------- */

static bool all_finite_bf16(const uint16_t *numbers, size_t count) {
  const uint16_t exponent = 0x7f80;
  bool finite = true;
  for (size_t i = 0; i < count; i++) {
    finite = finite && (numbers[i] & exponent) != exponent;
  }
  return finite;
}

/* The results of a step; those in integers are finite. */
static bool is_finite(const bound_step *bound, const tw_step *step) {
  bool finite = true;
  for (size_t i = 0; i < step->argument_count; i++) {
    const dnnl_memory_desc_t *desc = &step->arguments[i].operand.desc;
    if (step->arguments[i].role == DNNL_ARG_DST && desc->data_type == dnnl_f32) {
      finite = finite && tw_all_finite(bound->data[i], tw_layout_bytes(desc) / sizeof(float));
    } else if (step->arguments[i].role == DNNL_ARG_DST && desc->data_type == dnnl_bf16) {
      finite = finite && all_finite_bf16(bound->data[i], tw_layout_bytes(desc) / sizeof(uint16_t));
    }
  }
  return finite;
}

tw_status tw_session_find_not_finite(tw_session *session, const float *input, const char **ret_name, tw_error *error) {
  const tw_plan *plan = session->plan;
  const char *name = NULL;
  tw_status status = TW_OK;
  int before = omp_get_max_threads();
  omp_set_num_threads(plan->threads);
  for (size_t i = 0; status == TW_OK && name == NULL && i < plan->step_count; i++) {
    status = run_step(session, i, input, NULL, error);
    status = status == TW_OK ? wait(session, error) : status;
    bool ran = session->steps[i].output == SIZE_MAX;
    name = status == TW_OK && ran && !is_finite(&session->steps[i], &plan->steps[i]) ? plan->steps[i].info.name : NULL;
  }
  omp_set_num_threads(before);
  if (status == TW_OK) {
    *ret_name = name;
  }
  return status;
}

/* ---- All steps --------------------------------------------------------------------------------------------------- */

/* With the plan's number of threads, the caller's before and after. */
static tw_status run_here(const tw_session *session, const float *input, float *const *outputs, double *ret_seconds,
                          tw_error *error) {
  int before = omp_get_max_threads();
  omp_set_num_threads(session->plan->threads);
  tw_status status = run_steps(session, input, outputs, ret_seconds, error);
  omp_set_num_threads(before);
  return status;
}

tw_status tw_session_run(tw_session *session, const float *input, float *const *outputs, tw_error *error) {
  return run_here(session, input, outputs, NULL, error);
}

tw_status tw_session_profile(tw_session *session, const float *input, double *ret_seconds, tw_error *error) {
  return run_here(session, input, NULL, ret_seconds, error);
}
