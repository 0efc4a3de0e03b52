/* `bench`: how long a new process takes to its first result, and how much memory one with a worker a core has at its
 * peak. Both are of a process's whole life, so each is measured in a child forked for it; the parent has no threads
 * then, and next to nothing in memory. For the same reason calibrations are made in a child, too. */
#include <errno.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "api/bench.h"

/* What a child says through its pipe; less than PIPE_BUF bytes, so written in one piece. */
typedef struct answer {
  tw_error error; /* code TW_OK: it went well */
  double seconds;
} answer;

typedef tw_status (*job_fn)(const tw_bench *bench, tw_precision precision, tw_error *error);

enum { PICTURES_A_WORKER = 3 }; /* without a folder: memory is at its peak after the first */

static tw_status run_once(const tw_plan *plan, size_t times, tw_error *error) {
  tw_session *session;
  TW_TRY(tw_session_create(plan, &session, error));
  float *input = tw_alloc(tw_plan_input_count(plan), sizeof *input);
  float *output = tw_alloc(tw_plan_output_count(plan, 0), sizeof *output);
  tw_status status = input == NULL || output == NULL ? tw_error_memory(error) : TW_OK;
  float *const outputs[1] = {output};
  for (size_t i = 0; status == TW_OK && i < times; i++) {
    status = tw_session_run(session, input, outputs, error);
  }
  tw_free(output);
  tw_free(input);
  tw_session_free(session);
  return status;
}

static tw_status first_result(const tw_bench *bench, tw_precision precision, tw_error *error) {
  tw_trunk *trunk;
  const tw_plan *plan;
  TW_TRY(tw_bench_open_trunk(bench, precision, &trunk, error));
  TW_TRY(tw_trunk_plan(trunk, TW_HEAD_FEATURES, bench->cores, &plan, error));
  return run_once(plan, 1, error);
}

static tw_status prepare(const tw_bench *bench, tw_precision precision, tw_error *error) {
  tw_trunk *trunk;
  tw_tool_trunk request = *bench->request;
  request.precision = tw_precision_name(precision);
  TW_TRY(tw_api_open_trunk(&request, &trunk, error));
  return tw_api_choose_precision(bench->tool, &request, trunk, bench->paths, bench->path_count, error);
}

static tw_status run_worker(void *context, size_t task, tw_error *error) {
  (void)task;
  return run_once(context, PICTURES_A_WORKER, error);
}

static tw_status run_workers(const tw_bench *bench, tw_precision precision, tw_error *error) {
  tw_trunk *trunk;
  TW_TRY(tw_bench_open_trunk(bench, precision, &trunk, error));
  if (bench->paths != NULL) {
    tw_extract_options options = {.threads = bench->cores, .head = TW_HEAD_FEATURES};
    size_t count = bench->path_count < TW_BENCH_PICTURES ? bench->path_count : TW_BENCH_PICTURES;
    tw_extraction *extraction;
    return tw_extract(trunk, NULL, bench->paths, count, &options, &extraction, error);
  }
  const tw_plan *plan;
  TW_TRY(tw_trunk_plan(trunk, TW_HEAD_FEATURES, 1, &plan, error));
  return tw_parallel(bench->cores, (size_t)bench->cores, run_worker, (void *)plan, error);
}

/* The child's whole life. It frees nothing: its end does, and faster. */
static _Noreturn void live(const tw_bench *bench, tw_precision precision, job_fn job, int pipe_end) {
  answer answer = {.error = {.code = TW_OK}};
  double begin = tw_seconds();
  if (job(bench, precision, &answer.error) == TW_OK) {
    answer.error.code = TW_OK;
  }
  answer.seconds = tw_seconds() - begin;
  bool told = write(pipe_end, &answer, sizeof answer) == (ssize_t)sizeof answer;
  _exit(told ? 0 : 1);
}

static tw_status read_answer(int pipe_end, pid_t child, answer *answer, size_t *ret_peak, tw_error *error) {
  ssize_t got;
  do {
    got = read(pipe_end, answer, sizeof *answer);
  } while (got < 0 && errno == EINTR);
  int ended;
  struct rusage usage;
  while (wait4(child, &ended, 0, &usage) < 0) {
    if (errno != EINTR) {
      return tw_error_errno(error, errno, "waiting for a process of bench");
    }
  }
  if (got != (ssize_t)sizeof *answer) {
    return tw_error_set(error, TW_E_ENGINE, "a process that bench started for a measurement ended before its result");
  }
  *ret_peak = (size_t)usage.ru_maxrss * 1024;
  return answer->error.code == TW_OK ? TW_OK : tw_error_set(error, answer->error.code, "%s", answer->error.message);
}

/* ret_seconds: of the job; ret_peak: bytes of the child, all in all. */
static tw_status in_child(const tw_bench *bench, tw_precision precision, job_fn job, double *ret_seconds,
                          size_t *ret_peak, tw_error *error) {
  int ends[2];
  if (pipe(ends) != 0) {
    return tw_error_errno(error, errno, "a pipe to a process of bench");
  }
  pid_t child = fork();
  if (child < 0) {
    int reason = errno;
    close(ends[0]);
    close(ends[1]);
    return tw_error_errno(error, reason, "a process of bench");
  }
  if (child == 0) {
    close(ends[0]);
    live(bench, precision, job, ends[1]);
  }
  close(ends[1]);
  answer answer;
  tw_status status = read_answer(ends[0], child, &answer, ret_peak, error);
  close(ends[0]);
  if (status == TW_OK) {
    *ret_seconds = answer.seconds;
  }
  return status;
}

tw_status tw_bench_prepare(const tw_bench *bench, tw_precision precision, tw_error *error) {
  double seconds;
  size_t peak;
  return in_child(bench, precision, prepare, &seconds, &peak, error);
}

tw_status tw_bench_time_start(const tw_bench *bench, tw_bench_row *row, tw_error *error) {
  double seconds;
  size_t peak;
  TW_TRY(in_child(bench, row->precision, first_result, &seconds, &peak, error));
  row->start = bench->loaded + seconds;
  TW_TRY(in_child(bench, row->precision, run_workers, &seconds, &row->peak_bytes, error));
  return TW_OK;
}
