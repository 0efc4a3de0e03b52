/* One picture from the bytes of its file to its row: decode, then the network. What a worker needs is made when its
 * first picture comes, so that a run without work makes nothing. */
#include <math.h>

#include "features/pipeline.h"

void tw_worker_done(tw_worker *worker) {
  tw_session_free(worker->session);
  tw_image_reader_free(worker->reader);
  tw_free(worker->tensor);
  *worker = (tw_worker){0};
}

/* Whether a picture may be to blame for this; what is short of memory or broken in the engine ends the run. */
static bool is_the_pictures(tw_status status) {
  return status != TW_E_MEMORY && status != TW_E_ENGINE;
}

static tw_status decode(tw_worker *worker, tw_trunk *trunk, tw_bytes file, bool *ret_picture, tw_error *error) {
  const tw_preprocess *preprocess = tw_trunk_preprocess(trunk);
  *ret_picture = false;
  if (worker->reader == NULL) {
    worker->reader = tw_image_reader_create();
  }
  if (worker->tensor == NULL) {
    worker->tensor = tw_alloc_aligned(tw_preprocess_count(preprocess) * sizeof *worker->tensor);
  }
  if (worker->reader == NULL || worker->tensor == NULL) {
    return tw_error_memory(error);
  }
  tw_status status = tw_image_read(worker->reader, file, preprocess, worker->tensor, error);
  *ret_picture = is_the_pictures(status);
  return status;
}

static tw_status make_session(tw_worker *worker, tw_trunk *trunk, tw_trunk_head head, int threads, size_t dimensions,
                              tw_error *error) {
  const tw_plan *plan;
  TW_TRY(tw_trunk_plan(trunk, head, threads, &plan, error));
  if (tw_plan_input_count(plan) != tw_preprocess_count(tw_trunk_preprocess(trunk)) ||
      tw_plan_output_count(plan, 0) != dimensions) {
    return tw_error_set(error, TW_E_ENGINE, "the plan of %s does not fit its network", tw_trunk_name(trunk));
  }
  return tw_session_create(plan, &worker->session, error);
}

tw_status tw_worker_run(tw_worker *worker, tw_trunk *trunk, tw_bytes file, tw_trunk_head head,
                        int (*threads)(void *context), void *context, size_t dimensions, float *ret_row,
                        bool *ret_picture, tw_error *error) {
  TW_TRY(decode(worker, trunk, file, ret_picture, error));
  *ret_picture = false;
  if (worker->session == NULL) {
    TW_TRY(make_session(worker, trunk, head, threads(context), dimensions, error));
  }
  TW_TRY(tw_session_run(worker->session, worker->tensor, (float *const[]){ret_row}, error));
  for (size_t i = 0; i < dimensions; i++) {
    if (!isfinite(ret_row[i])) {
      *ret_picture = true;
      return tw_error_set(error, TW_E_DATA, "the network gives no finite numbers for it");
    }
  }
  return TW_OK;
}

static int given_threads(void *context) {
  return *(const int *)context;
}

tw_status tw_extract_bytes(tw_trunk *trunk, tw_bytes file, tw_trunk_head head, int threads, float *ret_row,
                           tw_error *error) {
  size_t dimensions;
  TW_TRY(tw_trunk_head_size(trunk, head, &dimensions, error));
  float *row = tw_alloc(dimensions, sizeof *row); /* so that ret_row is untouched on failure */
  if (row == NULL) {
    return tw_error_memory(error);
  }
  tw_worker worker = {0};
  bool picture;
  tw_status status =
      tw_worker_run(&worker, trunk, file, head, given_threads, &threads, dimensions, row, &picture, error);
  for (size_t i = 0; i < dimensions && status == TW_OK; i++) {
    ret_row[i] = row[i];
  }
  tw_worker_done(&worker);
  tw_free(row);
  return status;
}
