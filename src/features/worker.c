/* One picture from the bytes of its file to its row: decode, then the network. What a worker needs is made when its
 * first picture comes, so that a run without work makes nothing. */
#include <math.h>

#include <string.h>

#include "features/trunk.h"
#include "features/worker.h"

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

/* The picture as the tensor the network wants. */
static tw_status read_source(tw_worker *worker, const tw_preprocess *preprocess, const tw_source *source,
                             tw_error *error) {
  if (source->rgb == NULL) {
    return tw_image_read(worker->reader, source->file, preprocess, worker->tensor, error);
  }
  tw_image image;
  TW_TRY(tw_image_borrow(worker->reader, source->rgb, source->width, source->height, source->stride, &image, error));
  return tw_image_normalise(worker->reader, &image, preprocess, worker->tensor, error);
}

static tw_status decode(tw_worker *worker, tw_trunk *trunk, const tw_source *source, bool *ret_picture,
                        tw_error *error) {
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
  tw_status status = read_source(worker, preprocess, source, error);
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

static tw_status not_finite(tw_worker *worker, tw_error *error) {
  const char *name;
  TW_TRY(tw_session_find_not_finite(worker->session, worker->tensor, &name, error));
  return tw_error_set(error, TW_E_DATA, "the network gives no finite numbers for it%s%.160s%s",
                      name == NULL ? "" : "; the first that are not come from its node '", name == NULL ? "" : name,
                      name == NULL ? "" : "'");
}

tw_status tw_worker_run(tw_worker *worker, tw_trunk *trunk, const tw_source *source, tw_trunk_head head,
                        int (*threads)(void *context), void *context, size_t dimensions, float *ret_row,
                        bool *ret_picture, tw_error *error) {
  TW_TRY(decode(worker, trunk, source, ret_picture, error));
  *ret_picture = false;
  if (worker->session == NULL) {
    TW_TRY(make_session(worker, trunk, head, threads(context), dimensions, error));
  }
  TW_TRY(tw_session_run(worker->session, worker->tensor, (float *const[]){ret_row}, error));
  for (size_t i = 0; i < dimensions; i++) {
    if (!isfinite(ret_row[i])) {
      *ret_picture = true;
      return not_finite(worker, error);
    }
  }
  return TW_OK;
}

static int given_threads(void *context) {
  return *(const int *)context;
}

tw_status tw_extract_one(tw_trunk *trunk, const tw_source *source, tw_trunk_head head, int threads, float *ret_row,
                         tw_error *error) {
  size_t dimensions;
  threads = tw_trunk_cores(trunk, threads);
  TW_TRY(tw_trunk_able(trunk, error));
  TW_TRY(tw_trunk_head_size(trunk, head, &dimensions, error));
  tw_pool *pool = tw_trunk_pool(trunk);
  tw_pooled *pooled = tw_pool_take(pool, head, threads);
  if (pooled == NULL) {
    return tw_error_memory(error);
  }
  if (pooled->row == NULL) {
    pooled->row = tw_alloc(dimensions, sizeof *pooled->row);
  }
  bool picture = false;
  tw_status status = pooled->row == NULL ? tw_error_memory(error)
                                         : tw_worker_run(&pooled->worker, trunk, source, head, given_threads, &threads,
                                                         dimensions, pooled->row, &picture, error);
  if (status == TW_OK) {
    memcpy(ret_row, pooled->row, dimensions * sizeof *ret_row);
  }
  tw_pool_return(pool, pooled, status == TW_OK || picture);
  return status;
}
