/* `bench`: the network alone, in turns of all precisions and all ways to use the cores, so that what is compared was
 * measured side by side. The machine is probed before and after each sample; samples beside a bad probe do not count,
 * and are taken again as long as there is patience. */
#include <stdlib.h>
#include <string.h>

#include "api/bench.h"

enum { WAYS = 3, MAX_MEASURES = WAYS * TW_PRECISION_COUNT };

/* One precision in one way: sessions that are kept from sample to sample. */
typedef struct measure {
  double *result; /* seconds a picture; of the row */
  int workers;
  size_t pictures; /* of each worker in one sample */
  tw_session *sessions[TW_MAX_THREADS];
  float *outputs[TW_MAX_THREADS];
  const float *input;
} measure;

typedef struct sample {
  const measure *of;
  double seconds; /* a picture */
  tw_probe before;
  tw_probe after;
} sample;

typedef struct series {
  tw_bench *bench;
  measure measures[MAX_MEASURES];
  size_t measure_count;
  sample samples[MAX_MEASURES * TW_BENCH_MOST_ROUNDS];
  float *input; /* one picture, for all */
} series;

/* ---- Making ------------------------------------------------------------------------------------------------------ */

static void measure_done(measure *measure) {
  for (int i = 0; i < measure->workers; i++) {
    tw_session_free(measure->sessions[i]);
    tw_free(measure->outputs[i]);
  }
}

static void series_free(series *series) {
  for (size_t i = 0; i < series->measure_count; i++) {
    measure_done(&series->measures[i]);
  }
  tw_free(series->input);
  tw_free(series);
}

static tw_status add_measure(series *series, const tw_plan *plan, int workers, double *result, tw_error *error) {
  measure *measure = &series->measures[series->measure_count++];
  *measure = (struct measure){.result = result, .workers = workers, .pictures = 1, .input = series->input};
  for (int i = 0; i < workers; i++) {
    TW_TRY(tw_session_create(plan, &measure->sessions[i], error));
    measure->outputs[i] = tw_alloc(tw_plan_output_count(plan, 0), sizeof *measure->outputs[i]);
    if (measure->outputs[i] == NULL) {
      return tw_error_memory(error);
    }
  }
  return TW_OK;
}

static tw_status add_row(series *series, tw_bench_row *row, tw_error *error) {
  int cores = series->bench->cores;
  TW_TRY(add_measure(series, row->single, cores, &row->many, error));
  TW_TRY(add_measure(series, row->single, 1, &row->one_core, error));
  return add_measure(series, row->joint, 1, &row->all_cores, error);
}

/* Numbers in [-1, 1): as pictures are, neither all the same nor so small that arithmetic slows down. */
static tw_status fill_input(series *series, const tw_plan *plan, tw_error *error) {
  size_t count = tw_plan_input_count(plan);
  series->input = tw_alloc(count, sizeof *series->input);
  if (series->input == NULL) {
    return tw_error_memory(error);
  }
  tw_random random;
  tw_random_init(&random, 1);
  for (size_t i = 0; i < count; i++) {
    series->input[i] = (float)(2 * tw_random_unit(&random) - 1);
  }
  return TW_OK;
}

/* ---- Running ----------------------------------------------------------------------------------------------------- */

static tw_status run_worker(void *context, size_t task, tw_error *error) {
  const measure *measure = context;
  float *const outputs[1] = {measure->outputs[task]};
  for (size_t i = 0; i < measure->pictures; i++) {
    TW_TRY(tw_session_run(measure->sessions[task], measure->input, outputs, error));
  }
  return TW_OK;
}

static tw_status time_once(measure *measure, double *ret_seconds, tw_error *error) {
  double begin = tw_seconds();
  TW_TRY(tw_parallel(measure->workers, (size_t)measure->workers, run_worker, measure, error));
  *ret_seconds = (tw_seconds() - begin) / (double)(measure->pictures * (size_t)measure->workers);
  return TW_OK;
}

/* Warms up, and finds out how many pictures make a sample. */
static tw_status prepare(measure *measure, tw_error *error) {
  double seconds;
  for (int i = 0; i < 2; i++) {
    TW_TRY(time_once(measure, &seconds, error));
  }
  double pictures = TW_BENCH_ROUND_SECONDS / (seconds * measure->workers);
  measure->pictures = pictures > 1 ? (size_t)pictures : 1;
  return TW_OK;
}

static bool is_good(const tw_bench *bench, const sample *sample) {
  return tw_probe_slowness(&sample->before, &bench->fastest) <= TW_PROBE_BAD &&
         tw_probe_slowness(&sample->after, &bench->fastest) <= TW_PROBE_BAD;
}

/* Every measure has enough good samples. */
static bool is_enough(const series *series) {
  for (size_t m = 0; m < series->measure_count; m++) {
    size_t good = 0;
    for (size_t i = 0; i < series->bench->samples; i++) {
      good += series->samples[i].of == &series->measures[m] && is_good(series->bench, &series->samples[i]);
    }
    if (good < TW_BENCH_GOOD) {
      return false;
    }
  }
  return true;
}

static tw_status take_sample(series *series, measure *measure, tw_probe *last, tw_error *error) {
  tw_bench *bench = series->bench;
  sample *sample = &series->samples[bench->samples];
  *sample = (struct sample){.of = measure, .before = *last};
  TW_TRY(time_once(measure, &sample->seconds, error));
  TW_TRY(tw_probe_machine(bench->cores, last, error));
  sample->after = *last;
  tw_probe_note_fastest(&bench->fastest, last);
  bench->samples++;
  return TW_OK;
}

static tw_status take_samples(series *series, tw_error *error) {
  tw_bench *bench = series->bench;
  tw_ticker ticker = tw_api_ticker(bench->tool);
  tw_probe last;
  TW_TRY(tw_probe_machine(bench->cores, &last, error));
  bench->fastest = last;
  double begin = tw_seconds();
  for (size_t round = 0; round < TW_BENCH_MOST_ROUNDS; round++) {
    bool late = tw_seconds() - begin > TW_BENCH_PATIENCE_SECONDS;
    bool enough = round >= TW_BENCH_ROUNDS && (late || is_enough(series));
    tw_progress progress = {.stage = "network", .done = round, .total = TW_BENCH_ROUNDS};
    progress.total = enough ? round : progress.total > round ? progress.total : round + 1;
    if (!tw_ticker_report(&ticker, &progress, enough)) {
      return tw_error_set(error, TW_E_CANCELLED, "stopped");
    }
    if (enough) {
      break;
    }
    for (size_t m = 0; m < series->measure_count; m++) {
      TW_TRY(take_sample(series, &series->measures[m], &last, error));
    }
  }
  return TW_OK;
}

/* ---- What came of it --------------------------------------------------------------------------------------------- */

static int compare_doubles(const void *a, const void *b) {
  double x = *(const double *)a;
  double y = *(const double *)b;
  return (x > y) - (x < y);
}

/* The median of the measure's samples, of the good ones where only those are wanted; there is at least one. */
static double median_of(const series *series, const measure *measure, bool good_only) {
  double values[TW_BENCH_MOST_ROUNDS];
  size_t count = 0;
  for (size_t i = 0; i < series->bench->samples; i++) {
    const sample *sample = &series->samples[i];
    if (sample->of == measure && (!good_only || is_good(series->bench, sample))) {
      values[count++] = sample->seconds;
    }
  }
  qsort(values, count, sizeof *values, compare_doubles);
  return values[count / 2];
}

static void conclude(series *series) {
  tw_bench *bench = series->bench;
  bench->steady = is_enough(series);
  bench->slowest = 1;
  for (size_t i = 0; i < bench->samples; i++) {
    double slowness = tw_probe_slowness(&series->samples[i].after, &bench->fastest);
    bench->slowest = slowness > bench->slowest ? slowness : bench->slowest;
    bench->thrown_away += bench->steady && !is_good(bench, &series->samples[i]);
  }
  for (size_t m = 0; m < series->measure_count; m++) {
    *series->measures[m].result = median_of(series, &series->measures[m], bench->steady);
  }
}

static tw_status run(series *series, tw_error *error) {
  tw_bench *bench = series->bench;
  for (size_t i = 0; i < bench->row_count; i++) {
    tw_bench_row *row = &bench->rows[i];
    if (row->trunk == NULL) {
      continue;
    }
    if (series->input == NULL) {
      TW_TRY(fill_input(series, row->single, error));
    }
    TW_TRY(add_row(series, row, error));
  }
  for (size_t m = 0; m < series->measure_count; m++) {
    TW_TRY(prepare(&series->measures[m], error));
  }
  TW_TRY(take_samples(series, error));
  conclude(series);
  return TW_OK;
}

tw_status tw_bench_time_network(tw_bench *bench, tw_error *error) {
  series *series = tw_alloc(1, sizeof *series);
  if (series == NULL) {
    return tw_error_memory(error);
  }
  series->bench = bench;
  tw_status status = run(series, error);
  series_free(series);
  return status;
}
