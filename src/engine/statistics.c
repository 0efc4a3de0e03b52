/* What activations look like over a sample. */
#include "engine/statistics.h"

#include <math.h>
#include <string.h>

#include "engine/pictures.h"
#include "engine/probe.h"

enum { SHIFT = 19, FIRST = (127 - TW_BIN_OCTAVES / 2) * TW_BINS_AN_OCTAVE }; /* a float's exponent and 4 bits more */

typedef struct gathering {
  tw_statistics *statistics;
  tw_probe probe;
  tw_distribution *workers; /* worker x value */
  double *means;            /* picture x all values' channels */
  size_t channels;          /* of all values */
  tw_hash *hashes;          /* of the pictures */
  float *lows;              /* and their ranges */
  float *highs;
  size_t input_count;
} gathering;

float tw_bin_middle(size_t bin) {
  uint32_t bits = ((uint32_t)(bin + FIRST) << SHIFT) + (1U << (SHIFT - 1));
  float middle;
  memcpy(&middle, &bits, sizeof middle);
  return middle;
}

static size_t bin_of(float value) {
  uint32_t bits;
  memcpy(&bits, &value, sizeof bits);
  int bin = (int)((bits & 0x7fffffffU) >> SHIFT) - FIRST;
  return (size_t)(bin < 0 ? 0 : bin >= TW_BINS ? TW_BINS - 1 : bin);
}

/* ---- One picture ------------------------------------------------------------------------------------------------- */

/* False when an element is not finite. */
static bool add_channel(tw_distribution *distribution, const float *elements, size_t count, double *ret_mean) {
  double sum = 0;
  float low = distribution->low;
  float high = distribution->high;
  for (size_t i = 0; i < count; i++) {
    float x = elements[i];
    sum += (double)x;
    low = x < low ? x : low;
    high = x > high ? x : high;
    if (x > 0) {
      distribution->positive[bin_of(x)]++;
    } else if (x < 0) {
      distribution->negative[bin_of(x)]++;
    }
  }
  distribution->low = low;
  distribution->high = high;
  *ret_mean = sum / (double)count;
  return isfinite(sum);
}

static tw_status not_finite(const tw_value *value, size_t picture, tw_error *error) {
  return tw_error_set(error, TW_E_DATA, "%s '%s': its result for picture %zu of the calibration is not finite",
                      value->producer != NULL ? "node" : "input",
                      value->producer != NULL ? value->producer->name : value->name, picture + 1);
}

static void note_picture(gathering *gathering, size_t picture, const float *input) {
  float low = input[0];
  float high = input[0];
  for (size_t i = 1; i < gathering->input_count; i++) {
    low = input[i] < low ? input[i] : low;
    high = input[i] > high ? input[i] : high;
  }
  gathering->lows[picture] = low;
  gathering->highs[picture] = high;
  gathering->hashes[picture] = tw_hash_of(input, gathering->input_count * sizeof *input);
}

static tw_status gather(void *context, size_t worker, size_t picture, const float *input, float *const *outputs,
                        tw_error *error) {
  gathering *gathering = context;
  const tw_statistics *statistics = gathering->statistics;
  double *means = gathering->means + picture * gathering->channels;
  note_picture(gathering, picture, input);
  for (size_t v = 0; v < statistics->value_count; v++) {
    const tw_value *value = statistics->values[v];
    const float *elements = value->producer == NULL ? input : outputs[gathering->probe.output_of[v]];
    size_t pixels = (size_t)(value->shape.dims[2] * value->shape.dims[3]);
    for (int64_t c = 0; c < value->shape.dims[1]; c++) {
      if (!add_channel(&gathering->workers[worker * statistics->value_count + v], elements, pixels, means++)) {
        return not_finite(value, picture, error);
      }
      elements += pixels;
    }
  }
  return TW_OK;
}

/* ---- All pictures ------------------------------------------------------------------------------------------------ */

static void add_distribution(tw_distribution *sum, const tw_distribution *part) {
  sum->low = part->low < sum->low ? part->low : sum->low;
  sum->high = part->high > sum->high ? part->high : sum->high;
  for (size_t i = 0; i < TW_BINS; i++) {
    sum->positive[i] += part->positive[i];
    sum->negative[i] += part->negative[i];
  }
}

static void sum_up(gathering *gathering, size_t workers, size_t pictures) {
  tw_statistics *statistics = gathering->statistics;
  size_t channel = 0;
  for (size_t v = 0; v < statistics->value_count; v++) {
    for (size_t w = 0; w < workers; w++) {
      add_distribution(&statistics->distributions[v], &gathering->workers[w * statistics->value_count + v]);
    }
    for (int64_t c = 0; c < statistics->values[v]->shape.dims[1]; c++, channel++) {
      double sum = 0;
      for (size_t p = 0; p < pictures; p++) {
        sum += gathering->means[p * gathering->channels + channel];
      }
      statistics->means[v][c] = sum / (double)pictures;
    }
  }
}

static tw_status check_pictures(const gathering *gathering, size_t count, tw_error *error) {
  bool flat = true;
  bool same = true;
  for (size_t i = 0; i < count; i++) {
    flat &= !(gathering->lows[i] < gathering->highs[i]);
    same &= tw_hash_compare(&gathering->hashes[i], &gathering->hashes[0]) == 0;
  }
  if (flat) {
    return tw_error_set(error, TW_E_DATA,
                        "all %zu pictures of the calibration are of a single colour; it needs pictures like those that "
                        "the model is for",
                        count);
  }
  return same ? tw_error_set(error, TW_E_DATA,
                             "all %zu pictures of the calibration are the same; it needs different ones", count)
              : TW_OK;
}

static tw_status run(gathering *gathering, tw_pictures_job *job, tw_error *error) {
  tw_plan *plan;
  TW_TRY(tw_plan_create(&gathering->probe.graph, 1, &plan, error));
  job->plan = plan;
  gathering->input_count = tw_plan_input_count(plan);
  tw_status status = tw_pictures_run(job, gather, gathering, error);
  tw_plan_free(plan);
  TW_TRY(status);
  TW_TRY(check_pictures(gathering, job->count, error));
  sum_up(gathering, tw_pictures_workers(job), job->count);
  return TW_OK;
}

static tw_status alloc_statistics(tw_statistics *statistics, size_t *ret_channels, tw_error *error) {
  size_t channels = 0;
  statistics->distributions = tw_alloc(statistics->value_count, sizeof *statistics->distributions);
  statistics->means = tw_alloc(statistics->value_count, sizeof(double *));
  for (size_t v = 0; statistics->means != NULL && v < statistics->value_count; v++) {
    size_t own = (size_t)statistics->values[v]->shape.dims[1];
    statistics->means[v] = tw_alloc(own, sizeof(double));
    if (statistics->means[v] == NULL) {
      return tw_error_memory(error);
    }
    channels += own;
  }
  *ret_channels = channels;
  return statistics->distributions == NULL || statistics->means == NULL ? tw_error_memory(error) : TW_OK;
}

tw_status tw_statistics_init(tw_statistics *statistics, const tw_graph *graph, const tw_value **values,
                             size_t value_count, const tw_sample *sample, int threads, tw_ticker *ticker, size_t total,
                             tw_error *error) {
  *statistics = (tw_statistics){.value_count = value_count, .values = values};
  gathering gathering = {.statistics = statistics};
  tw_pictures_job job = {
      .sample = sample, .count = sample->count, .threads = threads, .ticker = ticker, .total = total};
  TW_TRY(alloc_statistics(statistics, &gathering.channels, error));
  size_t workers = tw_pictures_workers(&job);
  gathering.workers = tw_alloc(workers * value_count, sizeof *gathering.workers);
  size_t means;
  gathering.means = tw_mul_size(sample->count, gathering.channels, &means) ? tw_alloc(means, sizeof(double)) : NULL;
  gathering.hashes = tw_alloc(sample->count, sizeof *gathering.hashes);
  gathering.lows = tw_alloc(sample->count, sizeof(float));
  gathering.highs = tw_alloc(sample->count, sizeof(float));
  bool enough = gathering.workers != NULL && gathering.means != NULL && gathering.hashes != NULL &&
                gathering.lows != NULL && gathering.highs != NULL;
  tw_status status =
      enough ? tw_probe_init(&gathering.probe, graph, values, value_count, error) : tw_error_memory(error);
  status = status != TW_OK ? status : run(&gathering, &job, error);
  tw_probe_done(&gathering.probe);
  tw_free(gathering.workers);
  tw_free(gathering.means);
  tw_free(gathering.hashes);
  tw_free(gathering.lows);
  tw_free(gathering.highs);
  return status;
}

void tw_statistics_done(tw_statistics *statistics) {
  for (size_t v = 0; statistics->means != NULL && v < statistics->value_count; v++) {
    tw_free(statistics->means[v]);
  }
  tw_free(statistics->means);
  tw_free(statistics->distributions);
}
