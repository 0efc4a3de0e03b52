/* From paths to rows. One thread reads ahead, one worker a core decodes and runs the network; a worker that has nothing
 * to do reads, too, so that a slow disk is asked for several files at once and a run from the cache uses all cores. The
 * calling thread reports progress and writes the cache, so that no worker ever waits for the disk.
 *
 * The digits do not depend on who computes what: every plan gives the same (engine/engine.h). */
#include "features/pipeline.h"

#include <string.h>
#include <time.h>

/* ---- Threads ----------------------------------------------------------------------------------------------------- */

static void *read_ahead(void *argument) {
  tw_pipeline *pipeline = argument;
  tw_content scratch = {0};
  pthread_mutex_lock(&pipeline->lock);
  while (!pipeline->stop && pipeline->next_file < pipeline->extraction->count) {
    if (tw_pipeline_may_read(pipeline)) {
      tw_pipeline_read_next(pipeline, &scratch);
    } else {
      pthread_cond_wait(&pipeline->room, &pipeline->lock);
    }
  }
  pthread_mutex_unlock(&pipeline->lock);
  tw_content_done(&scratch);
  return NULL;
}

/* A single picture gets all cores that are idle, many get one each. */
static int cores_for_a_picture(void *context) {
  tw_pipeline *pipeline = context;
  pthread_mutex_lock(&pipeline->lock);
  bool all_read = pipeline->next_file == pipeline->extraction->count && pipeline->reading == 0;
  int threads = all_read && pipeline->jobs == 1 ? pipeline->cores : 1;
  pthread_mutex_unlock(&pipeline->lock);
  return threads;
}

static void compute(tw_pipeline *pipeline, tw_worker *worker, const tw_job *job) {
  tw_extraction *extraction = pipeline->extraction;
  float *row = extraction->rows + job->file * extraction->dimensions;
  tw_source source = {.file = {job->content.data, job->content.size}};
  tw_error error = {0};
  bool picture = false;
  tw_status status = tw_worker_run(worker, pipeline->trunk, &source, pipeline->head, cores_for_a_picture, pipeline,
                                   extraction->dimensions, row, &picture, &error);
  if (status == TW_OK) {
    if (pipeline->cache != NULL) {
      tw_cache_put_later(pipeline->cache, &extraction->items[job->file].content, &pipeline->key, row,
                         extraction->dimensions);
    }
    tw_pipeline_finish(pipeline, false);
  } else if (picture) {
    memset(row, 0, extraction->dimensions * sizeof *row);
    tw_pipeline_refuse(pipeline, job->file, &error);
  } else {
    tw_error_prefix(&error, status, "%s", pipeline->paths[job->file]);
    tw_pipeline_fail(pipeline, job->file, status, &error);
  }
}

static void job_free(tw_job *job) {
  tw_content_done(&job->content);
  tw_free(job);
}

/* The lock is held, and there is one. */
static tw_job *take_job(tw_pipeline *pipeline) {
  tw_job *job = pipeline->queue;
  pipeline->queue = job->next;
  pipeline->queued_bytes -= job->content.capacity;
  pthread_cond_broadcast(&pipeline->room);
  return job;
}

static void *work(void *argument) {
  tw_pipeline *pipeline = argument;
  tw_worker worker = {0};
  tw_content scratch = {0};
  pthread_mutex_lock(&pipeline->lock);
  while (!pipeline->stop) {
    if (pipeline->queue != NULL) {
      tw_job *job = take_job(pipeline);
      pthread_mutex_unlock(&pipeline->lock);
      compute(pipeline, &worker, job);
      job_free(job);
      pthread_mutex_lock(&pipeline->lock);
    } else if (tw_pipeline_may_read(pipeline)) {
      tw_pipeline_read_next(pipeline, &scratch);
    } else if (pipeline->next_file == pipeline->extraction->count && pipeline->reading == 0) {
      break;
    } else {
      pthread_cond_wait(&pipeline->work, &pipeline->lock);
    }
  }
  pthread_mutex_unlock(&pipeline->lock);
  tw_content_done(&scratch);
  tw_worker_done(&worker);
  return NULL;
}

/* ---- The calling thread ------------------------------------------------------------------------------------------ */

static void wait_a_moment(tw_pipeline *pipeline) {
  const long moment = 100 * 1000 * 1000; /* ns */
  struct timespec until;
  clock_gettime(CLOCK_MONOTONIC, &until);
  until.tv_nsec += moment;
  if (until.tv_nsec >= 1000 * 1000 * 1000) {
    until.tv_nsec -= 1000 * 1000 * 1000;
    until.tv_sec++;
  }
  pthread_cond_timedwait(&pipeline->news, &pipeline->lock, &until);
}

static void report(tw_pipeline *pipeline, tw_ticker *ticker, const tw_progress *progress, bool last) {
  tw_error error = {0};
  if (ticker != NULL && !tw_ticker_report(ticker, progress, last)) {
    tw_error_set(&error, TW_E_CANCELLED, "stopped%s",
                 pipeline->cache == NULL ? "" : "; what was computed is kept in the cache");
    tw_pipeline_fail(pipeline, 0, TW_E_CANCELLED, &error);
  }
}

/* Until all is done or something has failed: tells the ticker and writes the cache. */
static void watch(tw_pipeline *pipeline, tw_ticker *ticker) {
  size_t count = pipeline->extraction->count;
  pthread_mutex_lock(&pipeline->lock);
  while (!pipeline->stop && pipeline->done < count) {
    wait_a_moment(pipeline);
    tw_progress progress = {.stage = "features", .done = pipeline->done, .total = count, .cached = pipeline->cached};
    bool going_on = !pipeline->stop && pipeline->done < count;
    pthread_mutex_unlock(&pipeline->lock);
    if (going_on) {
      report(pipeline, ticker, &progress, false);
      if (pipeline->cache != NULL) {
        tw_cache_settle(pipeline->cache, false);
      }
    }
    pthread_mutex_lock(&pipeline->lock);
  }
  pthread_mutex_unlock(&pipeline->lock);
}

static void run_threads(tw_pipeline *pipeline, tw_ticker *ticker) {
  pthread_t threads[TW_MAX_THREADS + 1];
  size_t wanted =
      (size_t)pipeline->threads < pipeline->extraction->count ? (size_t)pipeline->threads : pipeline->extraction->count;
  size_t started = 0;
  while (started < wanted && pthread_create(&threads[started], NULL, work, pipeline) == 0) {
    started++;
  }
  if (started == 0) {
    tw_error error = {0};
    tw_pipeline_fail(pipeline, 0, tw_error_set(&error, TW_E_MEMORY, "no thread can be started"), &error);
  }
  if (started > 0 && pipeline->extraction->count > 1 &&
      pthread_create(&threads[started], NULL, read_ahead, pipeline) == 0) {
    started++;
  }
  watch(pipeline, ticker);
  for (size_t i = 0; i < started; i++) {
    pthread_join(threads[i], NULL);
  }
}

/* ---- The result -------------------------------------------------------------------------------------------------- */

void tw_extraction_free(tw_extraction *extraction) {
  if (extraction == NULL) {
    return;
  }
  for (size_t i = 0; extraction->items != NULL && i < extraction->count; i++) {
    tw_free(extraction->items[i].reason);
  }
  tw_free(extraction->items);
  tw_free(extraction->rows);
  tw_free(extraction);
}

static tw_status make_extraction(size_t count, size_t dimensions, tw_extraction **ret_extraction, tw_error *error) {
  size_t floats;
  size_t bytes;
  if (!tw_mul_size(count, dimensions, &floats) || !tw_mul_size(floats, sizeof(float), &bytes) ||
      bytes > TW_EXTRACT_MAX_BYTES) {
    return tw_error_set(error, TW_E_LIMIT, "%zu pictures of %zu numbers each are more than %zu GB", count, dimensions,
                        TW_EXTRACT_MAX_BYTES >> 30);
  }
  tw_extraction *extraction = tw_alloc(1, sizeof *extraction);
  if (extraction != NULL) {
    extraction->count = count;
    extraction->dimensions = dimensions;
    extraction->rows = tw_alloc(floats, sizeof *extraction->rows);
    extraction->items = tw_alloc(count, sizeof *extraction->items);
  }
  if (extraction == NULL || extraction->rows == NULL || extraction->items == NULL) {
    tw_extraction_free(extraction);
    return tw_error_memory(error);
  }
  *ret_extraction = extraction;
  return TW_OK;
}

/* Gives files with the content of an earlier one what came of that one, and counts. */
static tw_status complete(tw_pipeline *pipeline, tw_error *error) {
  tw_extraction *extraction = pipeline->extraction;
  size_t row = extraction->dimensions;
  for (size_t i = 0; i < extraction->count; i++) {
    tw_extracted *item = &extraction->items[i];
    const tw_extracted *first = &extraction->items[pipeline->first[i]];
    if (first != item) {
      memcpy(extraction->rows + i * row, extraction->rows + pipeline->first[i] * row, row * sizeof(float));
      item->cached = first->cached;
      item->status = first->status;
      item->reason = first->reason == NULL ? NULL : tw_strdup(first->reason);
      if (first->reason != NULL && item->reason == NULL) {
        return tw_error_memory(error);
      }
    }
    extraction->failed += item->status == TW_OK ? 0 : 1;
    extraction->cached += item->cached ? 1 : 0;
  }
  return TW_OK;
}

static void pipeline_init(tw_pipeline *pipeline) {
  pthread_condattr_t attributes;
  pthread_condattr_init(&attributes);
  pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
  pthread_mutex_init(&pipeline->lock, NULL);
  pthread_cond_init(&pipeline->work, NULL);
  pthread_cond_init(&pipeline->room, NULL);
  pthread_cond_init(&pipeline->news, &attributes);
  pthread_condattr_destroy(&attributes);
}

static void pipeline_done(tw_pipeline *pipeline) {
  while (pipeline->queue != NULL) {
    job_free(take_job(pipeline));
  }
  tw_firsts_done(&pipeline->firsts);
  tw_free(pipeline->first);
  pthread_cond_destroy(&pipeline->news);
  pthread_cond_destroy(&pipeline->room);
  pthread_cond_destroy(&pipeline->work);
  pthread_mutex_destroy(&pipeline->lock);
}

static tw_status run(tw_pipeline *pipeline, tw_ticker *ticker, tw_error *error) {
  size_t count = pipeline->extraction->count;
  pipeline->first = tw_alloc(count, sizeof *pipeline->first);
  if (pipeline->first == NULL) {
    return tw_error_memory(error);
  }
  for (size_t i = 0; i < count; i++) {
    pipeline->first[i] = i;
  }
  TW_TRY(tw_firsts_init(&pipeline->firsts, count, error));
  if (count > 0) {
    run_threads(pipeline, ticker);
  }
  if (pipeline->cache != NULL) {
    tw_cache_settle(pipeline->cache, true);
  }
  if (pipeline->status == TW_OK) {
    pipeline->status = complete(pipeline, &pipeline->error);
  }
  if (pipeline->status == TW_OK) {
    tw_progress progress = {.stage = "features", .done = count, .total = count, .cached = pipeline->extraction->cached};
    report(pipeline, ticker, &progress, true);
  }
  if (pipeline->status != TW_OK && error != NULL) {
    *error = pipeline->error;
  }
  return pipeline->status;
}

tw_status tw_extract(tw_trunk *trunk, tw_cache *cache, const char *const *paths, size_t count,
                     const tw_extract_options *options, tw_extraction **ret_extraction, tw_error *error) {
  tw_pipeline pipeline = {
      .trunk = trunk,
      .cache = options->head == TW_HEAD_OWN ? NULL : cache,
      .key = tw_trunk_key(trunk),
      .head = options->head,
      .threads = tw_thread_count(options->threads),
      .cores = tw_trunk_cores(trunk, options->threads),
      .paths = paths,
  };
  size_t dimensions;
  TW_TRY(tw_trunk_able(trunk, error));
  TW_TRY(tw_trunk_head_size(trunk, options->head, &dimensions, error));
  TW_TRY(make_extraction(count, dimensions, &pipeline.extraction, error));
  pipeline_init(&pipeline);
  tw_status status = run(&pipeline, options->ticker, error);
  pipeline_done(&pipeline);
  if (status != TW_OK) {
    tw_extraction_free(pipeline.extraction);
    return status;
  }
  *ret_extraction = pipeline.extraction;
  return TW_OK;
}
