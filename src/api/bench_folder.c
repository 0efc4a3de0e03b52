/* `bench`: the pictures of a folder. Stage by stage on one core, and from files to features on all, which shows what
 * the stages hide behind each other. */
#include <stdlib.h>
#include <sys/resource.h>
#include <time.h>

#include "api/bench.h"

/* ---- Stages ------------------------------------------------------------------------------------------------------ */

enum { WARM_UP = 5 }; /* pictures */

typedef struct moment {
  double cpu;
  double wall;
} moment;

/* What one thread takes the stages with. */
typedef struct stages {
  tw_bench *bench;
  const tw_preprocess *preprocess;
  tw_image_reader *reader;
  tw_buffer file;
  float *tensor;
  tw_session *sessions[TW_PRECISION_COUNT]; /* of the rows */
  float *features;
} stages;

static moment now(void) {
  struct timespec cpu;
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &cpu);
  return (moment){(double)cpu.tv_sec + 1e-9 * (double)cpu.tv_nsec, tw_seconds()};
}

/* Adds what has passed since *since, which becomes now. */
static void add_stage(tw_bench_span *span, moment *since) {
  moment at = now();
  span->cpu += at.cpu - since->cpu;
  span->wall += at.wall - since->wall;
  *since = at;
}

static void stages_done(stages *stages) {
  for (size_t i = 0; i < stages->bench->row_count; i++) {
    tw_session_free(stages->sessions[i]);
  }
  tw_free(stages->features);
  tw_free(stages->tensor);
  tw_buffer_done(&stages->file);
  tw_image_reader_free(stages->reader);
}

static tw_status stages_init(stages *stages, tw_bench *bench, const tw_trunk *trunk, tw_error *error) {
  *stages = (struct stages){.bench = bench, .preprocess = tw_trunk_preprocess(trunk)};
  stages->reader = tw_image_reader_create();
  stages->tensor = tw_alloc(tw_preprocess_count(stages->preprocess), sizeof *stages->tensor);
  stages->features = tw_alloc(tw_trunk_dimensions(trunk), sizeof *stages->features);
  if (stages->reader == NULL || stages->tensor == NULL || stages->features == NULL) {
    return tw_error_memory(error);
  }
  for (size_t i = 0; i < bench->row_count; i++) {
    if (bench->rows[i].trunk != NULL) {
      TW_TRY(tw_session_create(bench->rows[i].single, &stages->sessions[i], error));
    }
  }
  return TW_OK;
}

/* One picture through all stages; false when it cannot be read, and then nothing of it counts. */
static bool read_picture(stages *stages, const char *path, moment *since) {
  tw_bench *bench = stages->bench;
  tw_bench_span read = {0};
  tw_bench_span decode = {0};
  tw_bench_span resize = {0};
  tw_image image;
  if (tw_file_read(path, TW_IMAGE_MAX_FILE, &stages->file, NULL) != TW_OK) {
    return false;
  }
  add_stage(&read, since);
  if (tw_image_decode(stages->reader, tw_buffer_bytes(&stages->file), stages->preprocess, &image, NULL) != TW_OK) {
    return false;
  }
  add_stage(&decode, since);
  if (tw_image_normalise(stages->reader, &image, stages->preprocess, stages->tensor, NULL) != TW_OK) {
    return false;
  }
  add_stage(&resize, since);
  tw_bench_span *const totals[] = {&bench->read, &bench->decode, &bench->resize};
  const tw_bench_span parts[] = {read, decode, resize};
  for (size_t i = 0; i < sizeof parts / sizeof *parts; i++) {
    totals[i]->cpu += parts[i].cpu;
    totals[i]->wall += parts[i].wall;
  }
  return true;
}

static tw_status run_networks(stages *stages, moment *since, tw_error *error) {
  float *const outputs[1] = {stages->features};
  for (size_t i = 0; i < stages->bench->row_count; i++) {
    if (stages->sessions[i] != NULL) {
      TW_TRY(tw_session_run(stages->sessions[i], stages->tensor, outputs, error));
      add_stage(&stages->bench->rows[i].network, since);
    }
  }
  return TW_OK;
}

static void divide(tw_bench_span *span, size_t pictures) {
  span->cpu = pictures == 0 ? 0 : span->cpu / (double)pictures;
  span->wall = pictures == 0 ? 0 : span->wall / (double)pictures;
}

static tw_status run_stages(stages *stages, size_t count, tw_error *error) {
  for (size_t i = 0; i < count; i++) {
    moment since = now();
    if (read_picture(stages, stages->bench->paths[i], &since)) {
      TW_TRY(run_networks(stages, &since, error));
      stages->bench->staged++;
    }
  }
  return TW_OK;
}

/* Makes what was added up the times of one picture; staged 0: zeros. */
static void divide_stages(tw_bench *bench) {
  divide(&bench->read, bench->staged);
  divide(&bench->decode, bench->staged);
  divide(&bench->resize, bench->staged);
  for (size_t i = 0; i < bench->row_count; i++) {
    divide(&bench->rows[i].network, bench->staged);
  }
}

/* The first pictures twice: at first memory is touched for the first time. */
static tw_status warm_up(stages *stages, size_t count, tw_error *error) {
  tw_bench *bench = stages->bench;
  TW_TRY(run_stages(stages, count < WARM_UP ? count : WARM_UP, error));
  bench->staged = 0;
  divide_stages(bench);
  return TW_OK;
}

static tw_status time_stages(tw_bench *bench, const tw_trunk *trunk, tw_error *error) {
  stages stages;
  tw_status status = stages_init(&stages, bench, trunk, error);
  size_t count = bench->path_count < TW_BENCH_PICTURES ? bench->path_count : TW_BENCH_PICTURES;
  if (status == TW_OK) {
    status = warm_up(&stages, count, error);
  }
  if (status == TW_OK) {
    status = run_stages(&stages, count, error);
  }
  divide_stages(bench);
  stages_done(&stages);
  if (status == TW_OK && bench->staged == 0) {
    return tw_error_set(error, TW_E_DATA, "no picture could be read");
  }
  return status;
}

/* ---- The pipeline ------------------------------------------------------------------------------------------------ */

static double process_cpu(void) {
  struct rusage usage;
  getrusage(RUSAGE_SELF, &usage);
  return (double)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) +
         1e-6 * (double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec);
}

/* Different contents that were computed: one that is there twice is computed once. */
static size_t count_distinct(const tw_extraction *extraction, tw_error *error) {
  tw_hash *contents = tw_alloc(extraction->count, sizeof *contents);
  if (contents == NULL) {
    tw_error_memory(error);
    return 0;
  }
  size_t count = 0;
  for (size_t i = 0; i < extraction->count; i++) {
    if (extraction->items[i].status == TW_OK) {
      contents[count++] = extraction->items[i].content;
    }
  }
  qsort(contents, count, sizeof *contents, tw_hash_order);
  size_t distinct = count > 0;
  for (size_t i = 1; i < count; i++) {
    distinct += tw_hash_compare(&contents[i - 1], &contents[i]) != 0;
  }
  tw_free(contents);
  return distinct;
}

static tw_status time_pipeline(tw_bench *bench, tw_bench_row *row, tw_error *error) {
  tw_ticker ticker = tw_api_ticker(bench->tool);
  tw_extract_options options = {.threads = bench->cores, .head = TW_HEAD_FEATURES, .ticker = &ticker};
  tw_extraction *extraction;
  double cpu = process_cpu();
  double begin = tw_seconds();
  TW_TRY(tw_extract(row->trunk, NULL, bench->paths, bench->path_count, &options, &extraction, error));
  row->pipeline = tw_seconds() - begin;
  row->pipeline_cpu = process_cpu() - cpu;
  bench->distinct = count_distinct(extraction, error);
  tw_extraction_free(extraction);
  if (bench->distinct == 0) {
    return TW_E_MEMORY; /* time_stages has read a picture */
  }
  row->pipeline /= (double)bench->distinct;
  row->pipeline_cpu /= (double)bench->distinct;
  return TW_OK;
}

tw_status tw_bench_time_folder(tw_bench *bench, tw_error *error) {
  const tw_trunk *trunk = NULL;
  for (size_t i = 0; trunk == NULL && i < bench->row_count; i++) {
    trunk = bench->rows[i].trunk;
  }
  TW_TRY(time_stages(bench, trunk, error));
  for (size_t i = 0; i < bench->row_count; i++) {
    if (bench->rows[i].trunk != NULL) {
      TW_TRY(time_pipeline(bench, &bench->rows[i], error));
    }
  }
  return TW_OK;
}
