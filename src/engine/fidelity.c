/* How near plans come to float32. */
#include "engine/fidelity.h"

#include <math.h>
#include <string.h>

#include "engine/pictures.h"

static tw_status run(const tw_fidelity_check *check, const tw_plan *plan, tw_pictures_fn visit, void *context,
                     tw_ticker *ticker, tw_error *error) {
  const tw_pictures_job job = {.plan = plan,
                               .sample = check->sample,
                               .first = check->first,
                               .count = check->count,
                               .threads = check->threads,
                               .ticker = ticker,
                               .before = check->before,
                               .total = check->total};
  return tw_pictures_run(&job, visit, context, error);
}

/* ---- The rows of float32 ----------------------------------------------------------------------------------------- */

static tw_status keep(void *context, size_t worker, size_t picture, const float *input, float *const *outputs,
                      tw_error *error) {
  (void)worker, (void)input, (void)error;
  const tw_fidelity_check *check = context;
  memcpy(check->rows + (picture - check->first) * check->row, outputs[0], check->row * sizeof(float));
  return TW_OK;
}

tw_status tw_fidelity_check_init(tw_fidelity_check *check, tw_error *error) {
  tw_plan *plan;
  size_t floats;
  check->rows = NULL;
  if (check->graph->output_count == 0) {
    return tw_error_set(error, TW_E_DATA, "the network has no output to compare");
  }
  TW_TRY(tw_plan_create(check->graph, 1, &plan, error));
  check->row = tw_plan_output_count(plan, 0);
  check->rows = tw_mul_size(check->count, check->row, &floats) ? tw_alloc(floats, sizeof(float)) : NULL;
  tw_status status = check->rows == NULL ? tw_error_memory(error) : run(check, plan, keep, check, check->ticker, error);
  tw_plan_free(plan);
  return status;
}

void tw_fidelity_check_done(tw_fidelity_check *check) {
  tw_free(check->rows);
}

/* ---- Comparing --------------------------------------------------------------------------------------------------- */

typedef struct comparison {
  const tw_fidelity_check *check;
  double *cosines; /* a picture */
} comparison;

/* Two rows of zeros are the same; a row that is not finite is like none. */
static double cosine(const float *a, const float *b, size_t count) {
  double ab = 0;
  double aa = 0;
  double bb = 0;
  for (size_t i = 0; i < count; i++) {
    ab += (double)a[i] * (double)b[i];
    aa += (double)a[i] * (double)a[i];
    bb += (double)b[i] * (double)b[i];
  }
  if (!(aa > 0) && !(bb > 0)) {
    return isnan(aa) || isnan(bb) ? 0 : 1;
  }
  double result = ab / sqrt(aa * bb);
  return !isfinite(result) ? 0 : result > 1 ? 1 : result < -1 ? -1 : result;
}

static tw_status compare(void *context, size_t worker, size_t picture, const float *input, float *const *outputs,
                         tw_error *error) {
  (void)worker, (void)input, (void)error;
  const comparison *comparison = context;
  const tw_fidelity_check *check = comparison->check;
  size_t i = picture - check->first;
  comparison->cosines[i] = cosine(check->rows + i * check->row, outputs[0], check->row);
  return TW_OK;
}

tw_status tw_fidelity_check_run(const tw_fidelity_check *check, const tw_plan_options *options,
                                tw_fidelity *ret_fidelity, tw_error *error) {
  tw_plan *plan;
  TW_TRY(tw_plan_create_with(check->graph, options, &plan, error));
  comparison comparison = {check, tw_alloc(check->count, sizeof(double))};
  tw_status status =
      comparison.cosines == NULL ? tw_error_memory(error) : run(check, plan, compare, &comparison, NULL, error);
  if (status == TW_OK) {
    tw_fidelity fidelity = {.pictures = check->count, .worst = 1};
    for (size_t i = 0; i < check->count; i++) {
      fidelity.mean += comparison.cosines[i] / (double)check->count;
      fidelity.worst = comparison.cosines[i] < fidelity.worst ? comparison.cosines[i] : fidelity.worst;
    }
    *ret_fidelity = fidelity;
  }
  tw_free(comparison.cosines);
  tw_plan_free(plan);
  return status;
}

tw_status tw_engine_fidelity(const tw_graph *graph, tw_precision precision, const tw_quantised *quantised,
                             const tw_sample *sample, int threads, tw_fidelity *ret_fidelity, tw_error *error) {
  tw_fidelity_check check = {.graph = graph,
                             .sample = sample,
                             .first = sample->checks > 0 ? sample->count : 0,
                             .count = sample->checks > 0 ? sample->checks : sample->count,
                             .threads = threads};
  const tw_plan_options options = {.threads = 1, .precision = precision, .quantised = quantised};
  if (check.count == 0) {
    return tw_error_set(error, TW_E_DATA, "there are no pictures to compare");
  }
  tw_status status = tw_fidelity_check_init(&check, error);
  status = status != TW_OK ? status : tw_fidelity_check_run(&check, &options, ret_fidelity, error);
  tw_fidelity_check_done(&check);
  return status;
}
