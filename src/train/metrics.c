/* What a set of predictions is worth, and how sure that is. Knows nothing of how the predictions came about. */
#include <math.h>

#include "train/train.h"

void tw_mean_and_deviation(const double *values, size_t count, double *ret_mean, double *ret_deviation) {
  double sum = 0;
  double squares = 0;
  double numbers = 0;
  for (size_t i = 0; i < count; i++) {
    sum += isnan(values[i]) ? 0 : values[i];
    numbers += !isnan(values[i]);
  }
  double mean = sum / numbers;
  for (size_t i = 0; i < count; i++) {
    double off = values[i] - mean;
    squares += isnan(off) ? 0 : off * off;
  }
  *ret_mean = mean;
  *ret_deviation = numbers > 1 ? sqrt(squares / (numbers - 1)) : numbers > 0 ? 0 : (double)NAN;
}

void tw_wilson(size_t correct, size_t count, double ret_interval[2]) {
  const double z = 1.959964;
  if (count == 0) {
    ret_interval[0] = 0;
    ret_interval[1] = 1;
    return;
  }
  double n = (double)count;
  double p = (double)correct / n;
  double centre = p + z * z / (2 * n);
  double spread = z * sqrt(p * (1 - p) / n + z * z / (4 * n * n));
  double scale = 1 / (1 + z * z / n);
  /* The ends are exact where nothing or everything is correct; rounding would leave them beside 0 and 1. */
  ret_interval[0] = correct == 0 ? 0 : fmax(0, (centre - spread) * scale);
  ret_interval[1] = correct == count ? 1 : fmin(1, (centre + spread) * scale);
}

static double ratio(double part, double whole) {
  return whole > 0 ? part / whole : (double)NAN;
}

/* Is `label` among the five largest? Equals of a lower number come first, as in tw_top_best. */
static bool among_five(const float *probabilities, size_t classes, uint32_t label) {
  size_t before = 0;
  for (size_t k = 0; k < classes; k++) {
    before += probabilities[k] > probabilities[label] || (probabilities[k] == probabilities[label] && k < label);
  }
  return before < 5;
}

static void finish_classes(tw_metrics *metrics) {
  double recalls = 0;
  size_t with_samples = 0;
  for (size_t k = 0; k < metrics->classes; k++) {
    tw_class_metrics *each = &metrics->each[k];
    double correct = (double)each->correct;
    each->precision = ratio(correct, (double)each->predicted);
    each->recall = ratio(correct, (double)each->support);
    each->f1 = ratio(2 * correct, (double)each->predicted + (double)each->support);
    recalls += each->support > 0 ? each->recall : 0;
    with_samples += each->support > 0;
    for (size_t j = 0; j < metrics->classes; j++) {
      size_t cell = metrics->confusion[k * metrics->classes + j];
      if (j != k && cell > metrics->worst_count) {
        metrics->worst_count = cell;
        metrics->worst_true = (uint32_t)k;
        metrics->worst_predicted = (uint32_t)j;
      }
    }
  }
  metrics->macro_accuracy = ratio(recalls, (double)with_samples);
}

static void count_all(tw_metrics *metrics, const float *probabilities, const uint32_t *labels) {
  size_t five = 0;
  for (size_t i = 0; i < metrics->count; i++) {
    const float *row = probabilities + i * metrics->classes;
    uint32_t best = tw_top_best(row, metrics->classes);
    uint32_t label = labels[i];
    metrics->each[label].support++;
    metrics->each[best].predicted++;
    metrics->each[label].correct += best == label;
    metrics->correct += best == label;
    metrics->confusion[label * metrics->classes + best]++;
    metrics->log_loss -= log(fmax((double)row[label], 1e-15));
    five += metrics->classes > 5 && among_five(row, metrics->classes, label);
  }
  double n = (double)metrics->count;
  metrics->accuracy = ratio((double)metrics->correct, n);
  metrics->log_loss = ratio(metrics->log_loss, n);
  metrics->top5 = metrics->classes > 5 ? ratio((double)five, n) : (double)NAN;
  metrics->baseline = ratio((double)metrics->each[metrics->baseline_class].support, n);
  tw_wilson(metrics->correct, metrics->count, metrics->interval);
}

static tw_metrics *allocate(size_t count, size_t classes, uint32_t baseline_class) {
  size_t cells;
  if (!tw_mul_size(classes, classes, &cells)) {
    return NULL;
  }
  tw_metrics *metrics = tw_alloc(1, sizeof *metrics);
  if (metrics == NULL) {
    return NULL;
  }
  metrics->count = count;
  metrics->classes = classes;
  metrics->baseline_class = baseline_class;
  metrics->each = tw_alloc(classes, sizeof *metrics->each);
  metrics->confusion = tw_alloc(cells, sizeof *metrics->confusion);
  if (metrics->each == NULL || metrics->confusion == NULL) {
    tw_metrics_free(metrics);
    return NULL;
  }
  return metrics;
}

tw_status tw_metrics_compute(const float *probabilities, const uint32_t *labels, size_t count, size_t classes,
                             uint32_t baseline_class, tw_metrics **ret_metrics, tw_error *error) {
  if (classes == 0 || classes > TW_MAX_CLASSES || baseline_class >= classes) {
    return tw_error_set(error, TW_E_ARGUMENT, "%zu classes, baseline class %u: between 1 and %d classes", classes,
                        baseline_class, TW_MAX_CLASSES);
  }
  for (size_t i = 0; i < count; i++) {
    if (labels[i] >= classes) {
      return tw_error_set(error, TW_E_ARGUMENT, "row %zu: label %u, but there are %zu classes", i, labels[i], classes);
    }
  }
  tw_metrics *metrics = allocate(count, classes, baseline_class);
  if (metrics == NULL) {
    return tw_error_memory(error);
  }
  count_all(metrics, probabilities, labels);
  finish_classes(metrics);
  *ret_metrics = metrics;
  return TW_OK;
}

void tw_metrics_free(tw_metrics *metrics) {
  if (metrics != NULL) {
    tw_free(metrics->each);
    tw_free(metrics->confusion);
    tw_free(metrics);
  }
}
