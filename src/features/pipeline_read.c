/* The reading side of the pipeline: files into memory, hashed, looked up. What is neither a repetition nor in the cache
 * becomes a job for the workers. */
#include "features/pipeline.h"

bool tw_pipeline_may_read(const tw_pipeline *pipeline) {
  return pipeline->next_file < pipeline->extraction->count && pipeline->queued_bytes < TW_PIPELINE_MAX_QUEUED;
}

void tw_pipeline_finish(tw_pipeline *pipeline, bool cached) {
  pthread_mutex_lock(&pipeline->lock);
  pipeline->done++;
  pipeline->cached += cached ? 1 : 0;
  if (pipeline->done == pipeline->extraction->count) {
    pthread_cond_broadcast(&pipeline->news);
  }
  pthread_mutex_unlock(&pipeline->lock);
}

void tw_pipeline_fail(tw_pipeline *pipeline, size_t file, tw_status status, const tw_error *error) {
  pthread_mutex_lock(&pipeline->lock);
  if (pipeline->status == TW_OK || file < pipeline->failed_file) {
    pipeline->failed_file = file;
    pipeline->status = status;
    pipeline->error = *error;
  }
  pipeline->stop = true;
  pthread_cond_broadcast(&pipeline->work);
  pthread_cond_broadcast(&pipeline->room);
  pthread_cond_broadcast(&pipeline->news);
  pthread_mutex_unlock(&pipeline->lock);
}

void tw_pipeline_refuse(tw_pipeline *pipeline, size_t file, const tw_error *error) {
  tw_extracted *item = &pipeline->extraction->items[file];
  tw_error memory = {0};
  item->reason = tw_strdup(error->message);
  item->status = error->code;
  if (item->reason == NULL) {
    tw_pipeline_fail(pipeline, file, tw_error_memory(&memory), &memory);
  }
  tw_pipeline_finish(pipeline, false);
}

/* Puts the file at the end of the queue; takes the bytes out of `scratch`. */
static void add_job(tw_pipeline *pipeline, size_t file, tw_content *scratch) {
  tw_error error = {0};
  tw_job *job = tw_alloc(1, sizeof *job);
  if (job == NULL) {
    tw_pipeline_fail(pipeline, file, tw_error_memory(&error), &error);
    return;
  }
  if (scratch->capacity / 2 > scratch->size) { /* it has held a larger file before */
    size_t size = scratch->size == 0 ? 1 : scratch->size;
    uint8_t *smaller = tw_realloc(scratch->data, size, 1);
    scratch->capacity = smaller == NULL ? scratch->capacity : size;
    scratch->data = smaller == NULL ? scratch->data : smaller;
  }
  job->file = file;
  job->content = *scratch;
  *scratch = (tw_content){0};
  pthread_mutex_lock(&pipeline->lock);
  if (pipeline->queue == NULL) {
    pipeline->queue = job;
  } else {
    pipeline->queue_end->next = job;
  }
  pipeline->queue_end = job;
  pipeline->queued_bytes += job->content.capacity;
  pipeline->jobs++;
  pthread_cond_signal(&pipeline->work);
  pthread_mutex_unlock(&pipeline->lock);
}

/* Whether this is the first file of its content. */
static bool is_first(tw_pipeline *pipeline, size_t file) {
  pthread_mutex_lock(&pipeline->lock);
  size_t first = tw_firsts_find(&pipeline->firsts, pipeline->extraction->items, file);
  pthread_mutex_unlock(&pipeline->lock);
  pipeline->first[file] = first;
  return first == file;
}

static void look_up(tw_pipeline *pipeline, size_t file, tw_content *scratch) {
  tw_extraction *extraction = pipeline->extraction;
  tw_extracted *item = &extraction->items[file];
  item->content = tw_hash_of(scratch->data, scratch->size);
  if (!is_first(pipeline, file)) {
    tw_pipeline_finish(pipeline, false);
    return;
  }
  float *row = extraction->rows + file * extraction->dimensions;
  item->cached = pipeline->cache != NULL &&
                 tw_cache_get(pipeline->cache, &item->content, &pipeline->key, row, extraction->dimensions);
  if (item->cached) {
    tw_pipeline_finish(pipeline, true);
  } else {
    add_job(pipeline, file, scratch);
  }
}

void tw_pipeline_read_next(tw_pipeline *pipeline, tw_content *scratch) {
  size_t file = pipeline->next_file++;
  pipeline->reading++;
  pthread_mutex_unlock(&pipeline->lock);
  tw_error error = {0};
  tw_status status = tw_content_read(pipeline->paths[file], scratch, &error);
  if (status == TW_OK) {
    look_up(pipeline, file, scratch);
  } else if (status == TW_E_MEMORY) {
    tw_error_prefix(&error, status, "%s", pipeline->paths[file]);
    tw_pipeline_fail(pipeline, file, status, &error);
  } else {
    tw_pipeline_refuse(pipeline, file, &error);
  }
  pthread_mutex_lock(&pipeline->lock);
  pipeline->reading--;
  if (pipeline->next_file == pipeline->extraction->count && pipeline->reading == 0) {
    pthread_cond_broadcast(&pipeline->work); /* whoever waits for jobs need not any more */
  }
}
