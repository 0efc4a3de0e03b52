/* Running a plan over a sample of pictures, a session a core. What is done with the results is the caller's. */
#ifndef TW_ENGINE_PICTURES_H
#define TW_ENGINE_PICTURES_H

#include "engine/engine.h"

/* Called after each picture, from several threads at once but never twice at once with the same `worker` (below
 * tw_pictures_workers): what is kept for each worker needs no lock. `outputs` are all of the plan's. */
typedef tw_status (*tw_pictures_fn)(void *context, size_t worker, size_t picture, const float *input,
                                    float *const *outputs, tw_error *error);

typedef struct tw_pictures_job {
  const tw_plan *plan; /* for one thread */
  const tw_sample *sample;
  size_t first; /* pictures first .. first + count - 1 */
  size_t count;
  int threads;
  tw_ticker *ticker; /* may be NULL */
  size_t before;     /* what the ticker is told: pictures done before these, and of how many */
  size_t total;
} tw_pictures_job;

size_t tw_pictures_workers(const tw_pictures_job *job);
/* The error of the first picture that fails. */
tw_status tw_pictures_run(const tw_pictures_job *job, tw_pictures_fn run, void *context, tw_error *error);

#endif
