/* Floor `features`, private: what the two sides of the pipeline share. */
#ifndef TW_FEATURES_PIPELINE_H
#define TW_FEATURES_PIPELINE_H

#include <pthread.h>

#include "features/cache.h"
#include "features/contents.h"
#include "features/trunk.h"
#include "features/worker.h"

/* A file that must be computed. */
typedef struct tw_job {
  struct tw_job *next;
  size_t file;
  tw_content content;
} tw_job;

typedef struct tw_pipeline {
  tw_trunk *trunk;
  tw_cache *cache; /* NULL: none */
  tw_hash key;
  tw_trunk_head head;
  int threads; /* workers */
  int cores;   /* of a single picture */
  const char *const *paths;
  tw_extraction *extraction;
  size_t *first; /* of each file, the first file with the same content */

  pthread_mutex_t lock; /* guards all that follows */
  pthread_cond_t work;  /* a job, the end of the files, or the end of all */
  pthread_cond_t room;  /* the queue has become shorter */
  pthread_cond_t news;  /* all is done, or something has failed */
  tw_firsts firsts;
  size_t next_file; /* the first one nobody reads yet */
  size_t reading;   /* files being read */
  tw_job *queue;
  tw_job *queue_end;
  size_t queued_bytes;
  size_t jobs; /* so far, in all */
  size_t done;
  size_t cached;
  bool stop;
  size_t failed_file; /* of the failure that ends all: the lowest one */
  tw_status status;
  tw_error error;
} tw_pipeline;

/* Reads the next file, hashes it and looks it up: done, or a job. `scratch` is the thread's own. The lock is held
 * before and after, not meanwhile. */
void tw_pipeline_read_next(tw_pipeline *pipeline, tw_content *scratch);
/* Whether there is a file to read and room for it; the lock is held. */
bool tw_pipeline_may_read(const tw_pipeline *pipeline);

/* Ends the whole extraction by a failure at this file. */
void tw_pipeline_fail(tw_pipeline *pipeline, size_t file, tw_status status, const tw_error *error);
/* This one file has come to nothing, for the reason in *error. */
void tw_pipeline_refuse(tw_pipeline *pipeline, size_t file, const tw_error *error);
/* This file is done, one way or another. */
void tw_pipeline_finish(tw_pipeline *pipeline, bool cached);

#endif
