/* Floor `features`, private: who turns one picture at a time into its row, and the pool of those that wait. */
#ifndef TW_FEATURES_WORKER_H
#define TW_FEATURES_WORKER_H

#include <pthread.h>

#include "features/features.h"

/* What a worker needs for itself, made when it is first needed. Zero-initialise it. */
typedef struct tw_worker {
  tw_image_reader *reader;
  float *tensor;
  tw_session *session;
} tw_worker;

/* Decodes the picture and runs the network; ret_row: `dimensions` floats. A reason without the path in *error.
 * *ret_picture: whether a failure is the picture's and not the run's. `threads` is asked for only when a session must
 * be made. */
tw_status tw_worker_run(tw_worker *worker, tw_trunk *trunk, const tw_source *source, tw_trunk_head head,
                        int (*threads)(void *context), void *context, size_t dimensions, float *ret_row,
                        bool *ret_picture, tw_error *error);
void tw_worker_done(tw_worker *worker);

/* ---- The pool ---------------------------------------------------------------------------------------------------- */

/* A worker of the pool, and what its session was made for. */
typedef struct tw_pooled {
  struct tw_pooled *next;
  tw_worker worker;
  tw_trunk_head head;
  int threads;
  float *row; /* so that the caller's is untouched on failure */
} tw_pooled;

/* The workers of one trunk for callers who come with single pictures, on any thread: at most `limit` at a time, who
 * comes then waits. They keep their sessions and buffers until the pool is done. */
typedef struct tw_pool {
  pthread_mutex_t lock; /* guards what follows */
  pthread_cond_t returned;
  tw_pooled *idle; /* the one used last comes first: its memory is warm */
  size_t made;     /* idle or in use */
  size_t limit;
} tw_pool;

void tw_pool_init(tw_pool *pool);
/* All workers must be back. */
void tw_pool_done(tw_pool *pool);
/* Waits for a worker when all are in use; NULL when out of memory. One that fits head and threads is preferred. */
tw_pooled *tw_pool_take(tw_pool *pool, tw_trunk_head head, int threads);
/* `keep`: false for one whose state nobody should trust any more. NULL gives back the place of one that could not be
 * made. */
void tw_pool_return(tw_pool *pool, tw_pooled *pooled, bool keep);

#endif
