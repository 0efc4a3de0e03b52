/* The inner loops of training that are no matrix product. Written for the vectoriser: fixed lanes, no reassociation. */
#include "train/vector.h"

#include <math.h>

enum { LANES = 16, STRETCH = 1024 };

static float sum_lanes(const float lanes[LANES]) {
  float sum = 0;
  for (size_t lane = 0; lane < LANES; lane++) {
    sum += lanes[lane];
  }
  return sum;
}

float tw_vector_dot_row(const float *a, const float *b, size_t count) {
  float lanes[LANES] = {0};
  size_t i = 0;
  for (; i + LANES <= count; i += LANES) {
    for (size_t lane = 0; lane < LANES; lane++) {
      lanes[lane] += a[i + lane] * b[i + lane];
    }
  }
  for (size_t lane = 0; i < count; i++, lane++) {
    lanes[lane] += a[i] * b[i];
  }
  return sum_lanes(lanes);
}

double tw_vector_dot(const float *a, const float *b, size_t count) {
  double sum = 0;
  for (size_t i = 0; i < count; i += STRETCH) {
    sum += (double)tw_vector_dot_row(a + i, b + i, count - i < STRETCH ? count - i : STRETCH);
  }
  return sum;
}

void tw_vector_sum(float *ret, const float *y, double factor, const float *x, size_t count) {
  float f = (float)factor;
  for (size_t i = 0; i < count; i++) {
    ret[i] = y[i] + f * x[i];
  }
}

void tw_vector_add(float *y, double factor, const float *x, size_t count) {
  tw_vector_sum(y, y, factor, x, count);
}

void tw_vector_scale(float *y, double factor, size_t count) {
  float f = (float)factor;
  for (size_t i = 0; i < count; i++) {
    y[i] *= f;
  }
}

/* The first largest logit among the classes that are present; `classes` when there is none. */
static size_t largest(const float *logits, const bool *present, size_t classes) {
  size_t best = classes;
  for (size_t k = 0; k < classes; k++) {
    if (present[k] && (best == classes || logits[k] > logits[best])) {
      best = k;
    }
  }
  return best;
}

tw_softmax tw_softmax_residual(float *logits, const bool *present, size_t classes, uint32_t label) {
  size_t best = largest(logits, present, classes);
  float top = best == classes ? 0.0f : logits[best];
  double gap = (double)top - (double)logits[label];
  double others = 0;
  for (size_t k = 0; k < classes; k++) {
    logits[k] = present[k] ? expf(logits[k] - top) : 0.0f;
    others += k == label ? 0.0 : (double)logits[k];
  }
  double own = (double)logits[label];
  double sum = own + others;
  double scale = 1 / sum;
  for (size_t k = 0; k < classes; k++) {
    logits[k] = (float)((double)logits[k] * scale);
  }
  tw_softmax result = {.correct = best == label};
  if (!present[label]) {
    result.loss = INFINITY;
    logits[label] = 0.0f;
    return result;
  }
  result.loss = gap + (best == label ? log1p(others) : log(sum));
  logits[label] = (float)(-others * scale);
  return result;
}
