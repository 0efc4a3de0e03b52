/* Running a plan over a sample of pictures. */
#include "engine/pictures.h"

#include <pthread.h>

typedef struct worker {
  tw_session *session;
  float *input;
  float **outputs;
} worker;

typedef struct team {
  const tw_pictures_job *job;
  tw_pictures_fn run;
  void *context;
  worker *workers;
  size_t worker_count;
  pthread_mutex_t lock; /* guards what follows, and the ticker */
  size_t *idle;
  size_t idle_count;
  size_t done;
} team;

size_t tw_pictures_workers(const tw_pictures_job *job) {
  size_t threads = (size_t)tw_thread_count(job->threads);
  return threads < job->count ? threads : job->count;
}

/* ---- Workers ----------------------------------------------------------------------------------------------------- */

static void worker_done(const tw_plan *plan, worker *worker) {
  for (size_t i = 0; worker->outputs != NULL && i < tw_plan_output_number(plan); i++) {
    tw_free(worker->outputs[i]);
  }
  tw_free(worker->outputs);
  tw_free(worker->input);
  tw_session_free(worker->session);
}

static tw_status worker_init(const tw_plan *plan, worker *worker, tw_error *error) {
  size_t outputs = tw_plan_output_number(plan);
  worker->input = tw_alloc(tw_plan_input_count(plan), sizeof(float));
  worker->outputs = tw_alloc(outputs, sizeof(float *));
  if (worker->input == NULL || worker->outputs == NULL) {
    return tw_error_memory(error);
  }
  for (size_t i = 0; i < outputs; i++) {
    worker->outputs[i] = tw_alloc(tw_plan_output_count(plan, i), sizeof(float));
    if (worker->outputs[i] == NULL) {
      return tw_error_memory(error);
    }
  }
  return tw_session_create(plan, &worker->session, error);
}

/* ---- Running ----------------------------------------------------------------------------------------------------- */

static tw_status run_picture(team *team, size_t index, size_t picture, tw_error *error) {
  const worker *worker = &team->workers[index];
  tw_status status = team->job->sample->picture(team->job->sample->context, picture, worker->input, error);
  status = status != TW_OK ? status : tw_session_run(worker->session, worker->input, worker->outputs, error);
  return status != TW_OK ? status : team->run(team->context, index, picture, worker->input, worker->outputs, error);
}

static tw_status report(team *team, tw_error *error) {
  const tw_pictures_job *job = team->job;
  team->done++;
  const tw_progress progress = {.stage = "calibration", .done = job->before + team->done, .total = job->total};
  if (job->ticker != NULL && !tw_ticker_report(job->ticker, &progress, progress.done == progress.total)) {
    return tw_error_set(error, TW_E_CANCELLED, "cancelled");
  }
  return TW_OK;
}

static tw_status run_task(void *context, size_t task, tw_error *error) {
  team *team = context;
  pthread_mutex_lock(&team->lock);
  size_t index = team->idle[--team->idle_count]; /* there are as many as threads */
  pthread_mutex_unlock(&team->lock);
  tw_status status = run_picture(team, index, team->job->first + task, error);
  pthread_mutex_lock(&team->lock);
  team->idle[team->idle_count++] = index;
  status = status != TW_OK ? status : report(team, error);
  pthread_mutex_unlock(&team->lock);
  return status;
}

tw_status tw_pictures_run(const tw_pictures_job *job, tw_pictures_fn run, void *context, tw_error *error) {
  team team = {.job = job, .run = run, .context = context, .worker_count = tw_pictures_workers(job)};
  pthread_mutex_init(&team.lock, NULL);
  team.workers = tw_alloc(team.worker_count, sizeof *team.workers);
  team.idle = tw_alloc(team.worker_count, sizeof *team.idle);
  tw_status status = team.workers == NULL || team.idle == NULL ? tw_error_memory(error) : TW_OK;
  for (size_t i = 0; status == TW_OK && i < team.worker_count; i++) {
    team.idle[team.idle_count++] = i;
    status = worker_init(job->plan, &team.workers[i], error);
  }
  if (status == TW_OK) {
    status = tw_parallel((int)team.worker_count, job->count, run_task, &team, error);
  }
  for (size_t i = 0; team.workers != NULL && i < team.worker_count; i++) {
    worker_done(job->plan, &team.workers[i]);
  }
  tw_free(team.idle);
  tw_free(team.workers);
  pthread_mutex_destroy(&team.lock);
  return status;
}
