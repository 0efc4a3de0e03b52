/* The sample that a precision is calibrated and checked on. Not for what is done with it (calibration.c, the engine).
 *
 * Pictures are put in the order of hash(seed, content), so that names, folders, the disk and the number of threads
 * decide nothing, and copies count once. The seed is fixed and not that of the parts: trainings with several seeds
 * share a calibration, and the sample is not the test part, which is drawn the same way. Pictures are not kept in
 * memory: they are read again, file by file, whenever the engine asks for one. */
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "features/calibration.h"
#include "features/contents.h"

enum {
  CHECKED_SHARE = 5, /* of the sample a fifth is for the check, */
  MAX_CHECKED = TW_MAX_CALIBRATION / 4,
  MIN_SHARED = 2 * TW_MIN_CALIBRATION, /* unless there are fewer than so many */
  AT_A_TIME = 64                       /* pictures read between two looks at the clock */
};

/* A picture of the data set; the order of the sample is that of `rank`. */
typedef struct candidate {
  tw_hash rank;
  tw_hash content;
  size_t file;
  bool good; /* it can be read */
} candidate;

/* What a thread needs to read a picture. */
typedef struct reading {
  struct reading *next;
  tw_image_reader *reader;
  tw_content content;
} reading;

struct tw_picture_sample {
  const tw_trunk *trunk;
  const tw_precision_request *request;
  candidate *candidates; /* all pictures; then, in front, those of the sample */
  size_t count;
  size_t first;         /* of those that are being read at the moment */
  pthread_mutex_t lock; /* guards `idle` */
  reading *idle;
};

/* ---- Reading ----------------------------------------------------------------------------------------------------- */

static void reading_free(reading *reading) {
  if (reading != NULL) {
    tw_image_reader_free(reading->reader);
    tw_content_done(&reading->content);
    tw_free(reading);
  }
}

/* NULL when out of memory. */
static reading *take_reading(tw_picture_sample *sample) {
  pthread_mutex_lock(&sample->lock);
  reading *taken = sample->idle;
  sample->idle = taken == NULL ? NULL : taken->next;
  pthread_mutex_unlock(&sample->lock);
  if (taken != NULL) {
    return taken;
  }
  taken = tw_alloc(1, sizeof *taken);
  if (taken != NULL) {
    taken->reader = tw_image_reader_create();
  }
  if (taken == NULL || taken->reader == NULL) {
    reading_free(taken);
    return NULL;
  }
  return taken;
}

static void give_back(tw_picture_sample *sample, reading *reading) {
  pthread_mutex_lock(&sample->lock);
  reading->next = sample->idle;
  sample->idle = reading;
  pthread_mutex_unlock(&sample->lock);
}

static tw_status read_content(tw_picture_sample *sample, const candidate *candidate, reading *reading,
                              tw_error *error) {
  const char *path = sample->request->paths[candidate->file];
  tw_status status = tw_content_read(path, &reading->content, error);
  return status == TW_OK ? TW_OK : tw_error_prefix(error, status, "%s", path);
}

/* The picture as the network's input. */
static tw_status read_tensor(tw_picture_sample *sample, const candidate *candidate, reading *reading, float *ret_input,
                             tw_error *error) {
  const char *path = sample->request->paths[candidate->file];
  TW_TRY(read_content(sample, candidate, reading, error));
  tw_hash content = tw_hash_of(reading->content.data, reading->content.size);
  if (tw_hash_compare(&content, &candidate->content) != 0) {
    return tw_error_set(error, TW_E_IO, "%s: was changed while it was used", path);
  }
  tw_status status = tw_image_read(reading->reader, (tw_bytes){reading->content.data, reading->content.size},
                                   tw_trunk_preprocess(sample->trunk), ret_input, error);
  return status == TW_OK ? TW_OK : tw_error_prefix(error, status, "%s", path);
}

static tw_status give_picture(void *context, size_t index, float *ret_input, tw_error *error) {
  tw_picture_sample *sample = context;
  reading *reading = take_reading(sample);
  if (reading == NULL) {
    return tw_error_memory(error);
  }
  tw_status status = read_tensor(sample, &sample->candidates[index], reading, ret_input, error);
  give_back(sample, reading);
  return status;
}

/* ---- Tasks ------------------------------------------------------------------------------------------------------- */

static tw_status hash_one(void *context, size_t task, tw_error *error) {
  static const char seed[] = "topwork calibration 0";
  tw_picture_sample *sample = context;
  candidate *candidate = &sample->candidates[sample->first + task];
  reading *reading = take_reading(sample);
  tw_hasher *hasher = tw_hasher_create();
  tw_status status = reading == NULL || hasher == NULL ? tw_error_memory(error) : TW_OK;
  if (status == TW_OK) {
    tw_error unwanted;
    tw_status readable = read_content(sample, candidate, reading, &unwanted);
    status = readable == TW_E_MEMORY ? tw_error_memory(error) : TW_OK;
    candidate->good = readable == TW_OK;
    candidate->content = tw_hash_of(reading->content.data, candidate->good ? reading->content.size : 0);
    tw_hasher_add_text(hasher, seed);
    tw_hasher_add(hasher, candidate->content.bytes, sizeof candidate->content.bytes);
    candidate->rank = tw_hasher_result(hasher);
  }
  tw_hasher_free(hasher);
  if (reading != NULL) {
    give_back(sample, reading);
  }
  return status;
}

/* Whether the picture can be read. What short memory brings is no judgement of it. */
static tw_status try_one(void *context, size_t task, tw_error *error) {
  tw_picture_sample *sample = context;
  candidate *candidate = &sample->candidates[sample->first + task];
  float *tensor = tw_alloc_aligned(tw_preprocess_count(tw_trunk_preprocess(sample->trunk)) * sizeof *tensor);
  if (tensor == NULL) {
    return tw_error_memory(error);
  }
  tw_error reason;
  tw_status status = give_picture(sample, sample->first + task, tensor, &reason);
  candidate->good = status == TW_OK;
  tw_free(tensor);
  return status == TW_E_MEMORY ? tw_error_memory(error) : TW_OK;
}

/* Runs `task` for the next candidates, at most AT_A_TIME of those up to `end`; ret_done: how many. */
static tw_status run_some(tw_picture_sample *sample, tw_task_fn task, size_t end, size_t total, size_t *ret_done,
                          tw_error *error) {
  const tw_precision_request *request = sample->request;
  size_t left = end - sample->first;
  size_t count = left < AT_A_TIME ? left : AT_A_TIME;
  TW_TRY(tw_parallel(tw_thread_count(request->threads), count, task, sample, error));
  *ret_done = count;
  tw_progress progress = {.stage = "sample", .done = sample->first + count, .total = total};
  bool last = sample->first + count == end;
  return request->ticker == NULL || tw_ticker_report(request->ticker, &progress, last)
             ? TW_OK
             : tw_error_set(error, TW_E_CANCELLED, "stopped while the sample for the calibration was read");
}

/* ---- Drawing ----------------------------------------------------------------------------------------------------- */

static int by_rank(const void *a, const void *b) {
  const candidate *left = a;
  const candidate *right = b;
  return tw_hash_compare(&left->rank, &right->rank);
}

static tw_status hash_all(tw_picture_sample *sample, tw_error *error) {
  for (size_t done = 0; sample->first < sample->count; sample->first += done) {
    TW_TRY(run_some(sample, hash_one, sample->count, sample->count, &done, error));
  }
  return TW_OK;
}

/* Leaves out what could not be read, and copies. */
static void sort_out(tw_picture_sample *sample) {
  qsort(sample->candidates, sample->count, sizeof *sample->candidates, by_rank);
  size_t kept = 0;
  for (size_t i = 0; i < sample->count; i++) {
    const candidate *candidate = &sample->candidates[i];
    if (candidate->good &&
        (kept == 0 || tw_hash_compare(&sample->candidates[kept - 1].content, &candidate->content) != 0)) {
      sample->candidates[kept++] = *candidate;
    }
  }
  sample->count = kept;
}

/* Keeps the first ones that are pictures, as many as a sample has at most. */
static tw_status choose(tw_picture_sample *sample, tw_error *error) {
  enum { WANTED = TW_MAX_CALIBRATION + MAX_CHECKED };
  size_t kept = 0;
  size_t done = 0;
  for (sample->first = 0; kept < WANTED && sample->first < sample->count; sample->first += done) {
    size_t wanted = WANTED - kept < sample->count - sample->first ? WANTED - kept : sample->count - sample->first;
    TW_TRY(run_some(sample, try_one, sample->first + wanted, sample->first + wanted, &done, error));
    for (size_t i = sample->first; i < sample->first + done; i++) {
      if (sample->candidates[i].good) {
        sample->candidates[kept++] = sample->candidates[i];
      }
    }
  }
  sample->count = kept;
  return TW_OK;
}

tw_status tw_picture_sample_draw(const tw_trunk *trunk, const tw_precision_request *request,
                                 tw_picture_sample **ret_sample, tw_error *error) {
  tw_picture_sample *sample = tw_alloc(1, sizeof *sample);
  if (sample == NULL) {
    return tw_error_memory(error);
  }
  pthread_mutex_init(&sample->lock, NULL);
  sample->trunk = trunk;
  sample->request = request;
  sample->count = request->count;
  sample->candidates = tw_alloc(request->count, sizeof *sample->candidates);
  for (size_t i = 0; sample->candidates != NULL && i < sample->count; i++) {
    sample->candidates[i].file = i;
  }
  tw_status status = sample->candidates == NULL ? tw_error_memory(error) : hash_all(sample, error);
  if (status == TW_OK) {
    sort_out(sample);
    status = choose(sample, error);
  }
  if (status != TW_OK) {
    tw_picture_sample_free(sample);
    return status;
  }
  *ret_sample = sample;
  return TW_OK;
}

void tw_picture_sample_free(tw_picture_sample *sample) {
  if (sample == NULL) {
    return;
  }
  while (sample->idle != NULL) {
    reading *next = sample->idle->next;
    reading_free(sample->idle);
    sample->idle = next;
  }
  pthread_mutex_destroy(&sample->lock);
  tw_free(sample->candidates);
  tw_free(sample);
}

size_t tw_picture_sample_checks(size_t pictures) {
  size_t share = pictures / CHECKED_SHARE;
  return pictures < MIN_SHARED ? 0 : share < MAX_CHECKED ? share : MAX_CHECKED;
}

tw_sample tw_picture_sample_engine(tw_picture_sample *sample) {
  size_t checks = tw_picture_sample_checks(sample->count);
  return (tw_sample){.count = sample->count - checks, .checks = checks, .picture = give_picture, .context = sample};
}
