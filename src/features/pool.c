/* The pool of workers of a trunk. Why it is bounded: a session is megabytes, and more pictures at a time than there are
 * processors only drive each other out of the caches. Twice as many as processors keep these busy while a worker
 * changes hands. */
#include "features/worker.h"

void tw_pool_init(tw_pool *pool) {
  *pool = (tw_pool){.limit = 2 * (size_t)tw_cpu_count()};
  pthread_mutex_init(&pool->lock, NULL);
  pthread_cond_init(&pool->returned, NULL);
}

static void pooled_free(tw_pooled *pooled) {
  tw_worker_done(&pooled->worker);
  tw_free(pooled->row);
  tw_free(pooled);
}

void tw_pool_done(tw_pool *pool) {
  while (pool->idle != NULL) {
    tw_pooled *next = pool->idle->next;
    pooled_free(pool->idle);
    pool->idle = next;
  }
  pthread_cond_destroy(&pool->returned);
  pthread_mutex_destroy(&pool->lock);
}

/* Takes a fitting idle worker out of the list; with `any`, one that does not fit when there is no other. */
static tw_pooled *take_idle(tw_pool *pool, tw_trunk_head head, int threads, bool any) {
  tw_pooled **found = NULL;
  for (tw_pooled **at = &pool->idle; *at != NULL; at = &(*at)->next) {
    if ((*at)->head == head && (*at)->threads == threads) {
      found = at;
      break;
    }
    found = any ? at : NULL;
  }
  tw_pooled *pooled = found == NULL ? NULL : *found;
  if (pooled != NULL) {
    *found = pooled->next;
  }
  return pooled;
}

/* An idle worker, or NULL when one more may be made; waits while neither is so. The lock is held. */
static tw_pooled *wait_for_one(tw_pool *pool, tw_trunk_head head, int threads) {
  for (;;) {
    bool full = pool->made == pool->limit;
    tw_pooled *pooled = take_idle(pool, head, threads, full);
    if (pooled != NULL || !full) {
      return pooled;
    }
    pthread_cond_wait(&pool->returned, &pool->lock);
  }
}

tw_pooled *tw_pool_take(tw_pool *pool, tw_trunk_head head, int threads) {
  pthread_mutex_lock(&pool->lock);
  tw_pooled *pooled = wait_for_one(pool, head, threads);
  pool->made += pooled == NULL ? 1 : 0;
  pthread_mutex_unlock(&pool->lock);
  if (pooled == NULL) {
    pooled = tw_alloc(1, sizeof *pooled);
  } else if (pooled->head != head || pooled->threads != threads) {
    tw_worker_done(&pooled->worker);
    tw_free(pooled->row);
    pooled->row = NULL;
  }
  if (pooled == NULL) {
    tw_pool_return(pool, NULL, false);
    return NULL;
  }
  pooled->head = head;
  pooled->threads = threads;
  return pooled;
}

void tw_pool_return(tw_pool *pool, tw_pooled *pooled, bool keep) {
  if (pooled != NULL && !keep) {
    pooled_free(pooled);
    pooled = NULL;
  }
  pthread_mutex_lock(&pool->lock);
  if (pooled != NULL) {
    pooled->next = pool->idle;
    pool->idle = pooled;
  } else {
    pool->made--;
  }
  pthread_cond_signal(&pool->returned);
  pthread_mutex_unlock(&pool->lock);
}
