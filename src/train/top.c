/* A top at work: the one path from features to probabilities. Nothing of training.
 *
 * Each logit is a dot product in an order that depends on the number of dimensions alone, so that a row has the same
 * digits alone, among others and on any thread; a matrix product would block by the number of rows. */
#include <float.h>
#include <math.h>

#include "train/train.h"
#include "train/vector.h"

enum { ROWS = 64 }; /* of one task */

tw_top *tw_top_create(size_t classes, size_t dimensions) {
  size_t count;
  size_t bytes;
  if (classes == 0 || classes > TW_MAX_CLASSES || dimensions == 0 || !tw_mul_size(classes, dimensions, &count) ||
      !tw_mul_size(count, sizeof(float), &bytes) || bytes > TW_MAX_FEATURE_BYTES) {
    return NULL;
  }
  tw_top *top = tw_alloc(1, sizeof *top);
  if (top == NULL) {
    return NULL;
  }
  top->classes = classes;
  top->dimensions = dimensions;
  top->weights = tw_alloc(count, sizeof *top->weights);
  top->intercepts = tw_alloc(classes, sizeof *top->intercepts);
  if (top->weights == NULL || top->intercepts == NULL) {
    tw_top_free(top);
    return NULL;
  }
  return top;
}

void tw_top_free(tw_top *top) {
  if (top != NULL) {
    tw_free(top->weights);
    tw_free(top->intercepts);
    tw_free(top);
  }
}

static void softmax(float *row, size_t classes) {
  float largest = row[tw_top_best(row, classes)];
  double sum = 0;
  for (size_t k = 0; k < classes; k++) {
    sum += exp((double)row[k] - (double)largest);
  }
  for (size_t k = 0; k < classes; k++) {
    row[k] = (float)(exp((double)row[k] - (double)largest) / sum);
  }
}

typedef struct application {
  const tw_top *top;
  const float *features;
  size_t count;
  float *probabilities;
} application;

static tw_status apply_rows(void *context, size_t task, tw_error *error) {
  (void)error;
  const application *apply = context;
  const tw_top *top = apply->top;
  size_t d = top->dimensions;
  size_t end = (task + 1) * ROWS < apply->count ? (task + 1) * ROWS : apply->count;
  for (size_t i = task * ROWS; i < end; i++) {
    float *row = apply->probabilities + i * top->classes;
    for (size_t k = 0; k < top->classes; k++) {
      float logit = tw_vector_dot_row(apply->features + i * d, top->weights + k * d, d) + top->intercepts[k];
      row[k] = logit > FLT_MAX ? FLT_MAX : logit < -FLT_MAX ? -FLT_MAX : logit;
    }
    softmax(row, top->classes);
  }
  return TW_OK;
}

tw_status tw_top_apply(const tw_top *top, const float *features, size_t count, int threads, float *ret_probabilities,
                       tw_error *error) {
  application apply = {.top = top, .features = features, .count = count, .probabilities = ret_probabilities};
  return tw_parallel(threads, count / ROWS + (count % ROWS != 0), apply_rows, &apply, error);
}

uint32_t tw_top_best(const float *probabilities, size_t classes) {
  size_t best = 0;
  for (size_t k = 1; k < classes; k++) {
    best = probabilities[k] > probabilities[best] ? k : best;
  }
  return (uint32_t)best;
}

static double cross_entropy(const tw_top *top, const float *features, uint32_t label, double *logits) {
  double largest = -(double)INFINITY;
  for (size_t k = 0; k < top->classes; k++) {
    logits[k] = (double)top->intercepts[k];
    for (size_t j = 0; j < top->dimensions; j++) {
      logits[k] += (double)top->weights[k * top->dimensions + j] * (double)features[j];
    }
    largest = fmax(largest, logits[k]);
  }
  double sum = 0;
  for (size_t k = 0; k < top->classes; k++) {
    sum += exp(logits[k] - largest);
  }
  return log(sum) + largest - logits[label];
}

double tw_top_objective(const tw_samples *samples, const size_t *rows, size_t row_count, double strength,
                        const tw_top *top) {
  double *logits = tw_alloc(top->classes, sizeof *logits);
  if (logits == NULL) {
    return (double)NAN;
  }
  double loss = 0;
  for (size_t i = 0; i < row_count; i++) {
    loss += cross_entropy(top, samples->features + rows[i] * samples->dimensions, samples->labels[rows[i]], logits);
  }
  tw_free(logits);
  double squares = 0;
  for (size_t j = 0; j < top->classes * top->dimensions; j++) {
    squares += (double)top->weights[j] * (double)top->weights[j];
  }
  return strength * loss + 0.5 * squares;
}
