/* `bench`: how long a trunk takes on this machine, by precision: start, network, memory, and, given a folder, the
 * stages from file to features. The order matters: what forks comes first, while this process has no threads. */
#include <string.h>
#include <time.h>

#include "api/bench.h"
#include "formats/formats.h"

tw_status tw_bench_open_trunk(const tw_bench *bench, tw_precision precision, tw_trunk **ret_trunk, tw_error *error) {
  (void)precision;
  return tw_api_open_trunk(bench->request, ret_trunk, error);
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
  bench->paths = tw_alloc(bench->pictures->count, sizeof *bench->paths);
  if (bench->paths == NULL) {
    return tw_error_memory(error);
  }
  for (size_t i = 0; i < bench->pictures->count; i++) {
    bench->paths[i] = bench->pictures->pictures[i].path;
  }
  return bench->pictures->count > 0 ? TW_OK : tw_error_set(error, TW_E_DATA, "%s: no picture in it", folder);
}

static tw_status plan_row(const tw_bench *bench, tw_bench_row *row, tw_error *error) {
  TW_TRY(tw_bench_open_trunk(bench, row->precision, &row->trunk, error));
  TW_TRY(tw_trunk_plan(row->trunk, TW_HEAD_FEATURES, 1, &row->single, error));
  TW_TRY(tw_trunk_plan(row->trunk, TW_HEAD_FEATURES, bench->cores, &row->joint, error));
  row->weight_bytes = tw_plan_weight_bytes(row->single);
  row->session_bytes = tw_plan_session_bytes(row->single);
  return TW_OK;
}

static tw_status measure(tw_bench *bench, const char *folder, tw_error *error) {
  if (folder != NULL) {
    TW_TRY(list_pictures(bench, folder, error));
  }
  for (size_t i = 0; i < bench->row_count; i++) {
    TW_TRY(tw_bench_time_start(bench, &bench->rows[i], error));
  }
  for (size_t i = 0; i < bench->row_count; i++) {
    TW_TRY(plan_row(bench, &bench->rows[i], error));
  }
  TW_TRY(tw_bench_time_network(bench, error));
  return folder == NULL ? TW_OK : tw_bench_time_folder(bench, error);
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
  bench->cores = tw_thread_count(tool->threads);
  bench->loaded = spent_so_far();
  bench->rows[bench->row_count++].precision = TW_PRECISION_F32;
  tw_status status = measure(bench, folder, error);
  if (status == TW_OK) {
    status = tell(bench, error);
  }
  bench_done(bench);
  tw_free(bench);
  return status;
}
