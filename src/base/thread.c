/* How many processors there are for us, and running tasks on them. */
#include <pthread.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/base.h"

/* The first whitespace-separated words of a small file; false when it cannot be read. */
static bool read_words(const char *path, char first[64], char second[64]) {
  FILE *file = fopen(path, "re");
  if (file == NULL) {
    return false;
  }
  int got = fscanf(file, "%63s %63s", first, second);
  fclose(file);
  return got >= 1;
}

/* The cgroup's quota in whole processors, rounded up; 0 when there is none. */
static int cgroup_quota(void) {
  char quota[64] = "";
  char period[64] = "";
  char unused[64];
  if (!read_words("/sys/fs/cgroup/cpu.max", quota, period) &&
      !(read_words("/sys/fs/cgroup/cpu/cpu.cfs_quota_us", quota, unused) &&
        read_words("/sys/fs/cgroup/cpu/cpu.cfs_period_us", period, unused))) {
    return 0;
  }
  double allowed;
  double each;
  if (!tw_number_parse(quota, &allowed) || !tw_number_parse(period, &each) || allowed <= 0 || each <= 0) {
    return 0;
  }
  double processors = allowed / each;
  return processors >= TW_MAX_THREADS ? TW_MAX_THREADS : (int)(processors + 0.999);
}

int tw_cpu_count(void) {
  cpu_set_t set;
  int count = sched_getaffinity(0, sizeof set, &set) == 0 ? CPU_COUNT(&set) : (int)sysconf(_SC_NPROCESSORS_ONLN);
  int quota = cgroup_quota();
  if (quota > 0 && quota < count) {
    count = quota;
  }
  return count < 1 ? 1 : count > TW_MAX_THREADS ? TW_MAX_THREADS : count;
}

/* The fourth word of /proc/loadavg, "running/all", counts the threads that run or wait for a processor, this one among
 * them (proc(5)). */
int tw_idle_cpu_count(void) {
  int count = tw_cpu_count();
  int running = 0;
  FILE *file = fopen("/proc/loadavg", "re");
  if (file != NULL) {
    running = fscanf(file, "%*f %*f %*f %d/", &running) == 1 ? running : 0;
    fclose(file);
  }
  long idle = sysconf(_SC_NPROCESSORS_ONLN) - (running < 1 ? 0 : running - 1);
  return idle >= count ? count : idle < 1 ? 1 : (int)idle;
}

int tw_thread_count(int requested) {
  return requested <= 0 ? tw_cpu_count() : requested > TW_MAX_THREADS ? TW_MAX_THREADS : requested;
}

typedef struct job {
  tw_task_fn run;
  void *context;
  size_t count;
  size_t next;
  pthread_mutex_t lock; /* guards next and what follows */
  size_t failed_task;
  tw_status status;
  tw_error error;
} job;

static void *work(void *argument) {
  job *job = argument;
  for (;;) {
    pthread_mutex_lock(&job->lock);
    size_t task = job->status == TW_OK ? job->next : job->count;
    job->next += task < job->count ? 1 : 0;
    pthread_mutex_unlock(&job->lock);
    if (task >= job->count) {
      return NULL;
    }
    tw_error error = {0};
    tw_status status = job->run(job->context, task, &error);
    if (status != TW_OK) {
      pthread_mutex_lock(&job->lock);
      if (job->status == TW_OK || task < job->failed_task) {
        job->failed_task = task;
        job->status = status;
        job->error = error;
      }
      pthread_mutex_unlock(&job->lock);
    }
  }
}

tw_status tw_parallel(int threads, size_t count, tw_task_fn run, void *context, tw_error *error) {
  job job = {.run = run, .context = context, .count = count, .status = TW_OK};
  pthread_mutex_init(&job.lock, NULL);
  pthread_t others[TW_MAX_THREADS];
  size_t wanted = threads < 1 ? 0 : (size_t)(threads > TW_MAX_THREADS ? TW_MAX_THREADS : threads) - 1;
  size_t started = 0;
  while (started < wanted && started + 1 < count && pthread_create(&others[started], NULL, work, &job) == 0) {
    started++;
  }
  work(&job);
  for (size_t i = 0; i < started; i++) {
    pthread_join(others[i], NULL);
  }
  pthread_mutex_destroy(&job.lock);
  if (job.status != TW_OK && error != NULL) {
    *error = job.error;
  }
  return job.status;
}

double tw_seconds(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return (double)now.tv_sec + (double)now.tv_nsec * 1e-9;
}

bool tw_ticker_report(tw_ticker *ticker, const tw_progress *progress, bool last) {
  const double interval = 0.1; /* seconds */
  if (ticker->callback == NULL || ticker->cancelled) {
    return !ticker->cancelled;
  }
  double now = tw_seconds();
  if (last || now - ticker->last >= interval) {
    ticker->last = now;
    ticker->cancelled = !ticker->callback(ticker->context, progress);
  }
  return !ticker->cancelled;
}
