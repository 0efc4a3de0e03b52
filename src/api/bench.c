/* `bench`: how long a trunk takes on this machine, by precision: start, network, memory, and, given a folder, the
 * stages from file to features. The order matters: what forks comes first, while this process has no threads. */
#include <string.h>
#include <time.h>

#include "api/bench.h"

tw_status tw_bench_open_trunk(const tw_bench *bench, tw_precision precision, tw_trunk **ret_trunk, tw_error *error) {
  tw_tool_trunk request = *bench->request;
  request.precision = tw_precision_name(precision);
  request.recalibrate = false; /* tw_bench_prepare has */
  tw_trunk *trunk;
  TW_TRY(tw_api_open_trunk(&request, &trunk, error));
  tw_status status = tw_api_choose_precision(&bench->quiet, &request, trunk, bench->paths, bench->path_count, error);
  if (status != TW_OK) {
    tw_trunk_free(trunk);
    return status;
  }
  *ret_trunk = trunk;
  return TW_OK;
}

/* CPU seconds of this process so far: loading the program, which the children of bench_start.c do not repeat. */
static double spent_so_far(void) {
  struct timespec now;
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
  return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

static void bench_done(tw_bench *bench) {
  for (size_t i = 0; i < bench->row_count; i++) {
    tw_trunk_free(bench->rows[i].trunk);
  }
  tw_free(bench->paths);
  tw_listing_free(bench->pictures);
}

static tw_status list_pictures(tw_bench *bench, const char *folder, tw_error *error) {
  TW_TRY(tw_walk_files(&folder, 1, &bench->pictures, error));
  const tw_listing *found = bench->pictures;
  if (found->count == 0) {
    const char *reason = found->skipped_count > 0 ? found->skipped[0].reason : "no picture in it";
    return tw_error_set(error, TW_E_DATA, "%s: %s", found->skipped_count > 0 ? found->skipped[0].path : folder, reason);
  }
  bench->paths = tw_alloc(found->count, sizeof *bench->paths);
  if (bench->paths == NULL) {
    return tw_error_memory(error);
  }
  bench->path_count = found->count;
  for (size_t i = 0; i < found->count; i++) {
    bench->paths[i] = found->pictures[i].path;
  }
  return TW_OK;
}

/* ---- Precisions -------------------------------------------------------------------------------------------------- */

/* TW_OK when this processor computes in the precision, and not in another one instead. */
static tw_status check_processor(tw_precision precision, tw_error *error) {
  tw_precision chosen;
  const char *note;
  TW_TRY(tw_engine_precision(precision, &chosen, &note, error));
  return chosen == precision ? TW_OK : tw_error_set(error, TW_E_UNSUPPORTED, "%s", note);
}

/* Whether a precision that could not be had keeps the others from being measured. */
static bool is_fatal(tw_status status) {
  return status != TW_OK && status != TW_E_UNSUPPORTED && status != TW_E_DATA && status != TW_E_ARGUMENT;
}

static tw_status add_row(tw_bench *bench, tw_precision precision, bool wanted, tw_error *error) {
  tw_bench_row *row = &bench->rows[bench->row_count++];
  row->precision = precision;
  tw_error reason = {.code = TW_OK};
  tw_status status = check_processor(precision, &reason);
  if (status == TW_OK && precision != TW_PRECISION_F32) {
    status = tw_bench_prepare(bench, precision, &reason);
  }
  if (wanted || is_fatal(status)) {
    return status == TW_OK ? TW_OK : tw_error_set(error, status, "%s", reason.message);
  }
  if (status != TW_OK) {
    memcpy(row->left_out, reason.message, sizeof row->left_out);
  }
  return TW_OK;
}

/* One that is asked for must be had; without a wish all are measured that can be. */
static tw_status add_rows(tw_bench *bench, tw_error *error) {
  const char *wish = bench->request->precision;
  tw_precision wanted;
  if (wish == NULL) {
    for (tw_precision precision = 0; precision < TW_PRECISION_COUNT; precision++) {
      TW_TRY(add_row(bench, precision, false, error));
    }
    return TW_OK;
  }
  if (!tw_precision_parse(wish, &wanted)) {
    return tw_error_set(error, TW_E_ARGUMENT, "precision is '%s'; bench measures f32, bf16 and int8", wish);
  }
  return add_row(bench, wanted, true, error);
}

/* ---- Measuring --------------------------------------------------------------------------------------------------- */

static tw_status plan_row(const tw_bench *bench, tw_bench_row *row, tw_error *error) {
  TW_TRY(tw_bench_open_trunk(bench, row->precision, &row->trunk, error));
  TW_TRY(tw_trunk_plan(row->trunk, TW_HEAD_FEATURES, 1, &row->single, error));
  TW_TRY(tw_trunk_plan(row->trunk, TW_HEAD_FEATURES, bench->cores, &row->joint, error));
  row->weight_bytes = tw_plan_weight_bytes(row->single);
  row->session_bytes = tw_plan_session_bytes(row->single);
  return TW_OK;
}

/* Says what is wrong with the trunk as other commands do, before it is opened by halves of this one. */
static tw_status check_trunk(const tw_bench *bench, tw_error *error) {
  tw_trunk *trunk;
  TW_TRY(tw_api_open_trunk(bench->request, &trunk, error));
  tw_trunk_free(trunk);
  return TW_OK;
}

static tw_status measure(tw_bench *bench, const char *folder, tw_error *error) {
  TW_TRY(check_trunk(bench, error));
  if (folder != NULL) {
    TW_TRY(list_pictures(bench, folder, error));
  }
  TW_TRY(add_rows(bench, error));
  for (size_t i = 0; i < bench->row_count; i++) {
    if (bench->rows[i].left_out[0] == '\0') {
      TW_TRY(tw_bench_time_start(bench, &bench->rows[i], error));
    }
  }
  for (size_t i = 0; i < bench->row_count; i++) {
    if (bench->rows[i].left_out[0] == '\0') {
      TW_TRY(plan_row(bench, &bench->rows[i], error));
    }
  }
  if (folder != NULL) {
    TW_TRY(tw_bench_time_folder(bench, error));
  }
  return tw_bench_time_network(bench, error);
}

static tw_status tell(const tw_bench *bench, tw_error *error) {
  if (bench->tool->json) {
    return tw_api_write_json(bench->tool, tw_bench_json(bench), error);
  }
  tw_buffer buffer = {0};
  tw_bench_append_table(&buffer, bench);
  tw_status status = tw_api_write(bench->tool, &buffer, error);
  tw_buffer_done(&buffer);
  return status;
}

tw_status tw_tool_bench(const tw_tool *tool, const tw_tool_trunk *trunk, const char *folder, tw_error *error) {
  tw_bench *bench = tw_alloc(1, sizeof *bench);
  if (bench == NULL) {
    return tw_error_memory(error);
  }
  bench->tool = tool;
  bench->request = trunk;
  bench->quiet = *tool;
  bench->quiet.note = NULL;
  bench->quiet.progress = NULL;
  bench->cores = tw_thread_count(tool->threads);
  bench->loaded = spent_so_far();
  tw_status status = measure(bench, folder, error);
  if (status == TW_OK) {
    status = tell(bench, error);
  }
  bench_done(bench);
  tw_free(bench);
  return status;
}
