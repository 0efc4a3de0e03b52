/* Small samples given by a formula, for the tests of the floor `train`; make_top_goldens.py has the same formula. */
#ifndef TW_TEST_TRAIN_DATA_H
#define TW_TEST_TRAIN_DATA_H

#include <string.h>

#include "support.h"
#include "train/train.h"

typedef struct set {
  tw_samples samples;
  float *features;
  uint32_t *labels;
  tw_hash *contents;
  size_t *rows; /* 0 .. n-1 */
} set;

static inline void *set_memory(size_t count, size_t size) {
  void *memory = calloc(count == 0 ? 1 : count, size);
  assert_non_null(memory);
  return memory;
}

static inline tw_hash set_content(size_t index) {
  uint64_t number = index;
  return tw_hash_of(&number, sizeof number);
}

/* Labels i % K; numbers in [-1, 1) from a remainder, moved by 0.5 in the column of the label. */
static inline set set_make(size_t count, size_t dimensions, size_t classes) {
  set made;
  made.features = set_memory(count * dimensions, sizeof *made.features);
  made.labels = set_memory(count, sizeof *made.labels);
  made.contents = set_memory(count, sizeof *made.contents);
  made.rows = set_memory(count, sizeof *made.rows);
  for (size_t i = 0; i < count; i++) {
    for (size_t j = 0; j < dimensions; j++) {
      double value = (double)((i * i * 7919 + j * 10473 + i * j * j * 31 + 17 * i) % 1000) / 500 - 1;
      made.features[i * dimensions + j] = (float)(value + (j % classes == i % classes ? 0.5 : 0));
    }
    made.labels[i] = (uint32_t)(i % classes);
    made.contents[i] = set_content(i);
    made.rows[i] = i;
  }
  made.samples = (tw_samples){.count = count,
                              .dimensions = dimensions,
                              .classes = classes,
                              .features = made.features,
                              .labels = made.labels,
                              .contents = made.contents};
  return made;
}

static inline void set_free(set *made) {
  free(made->features);
  free(made->labels);
  free(made->contents);
  free(made->rows);
}

/* The same samples in another order: sample i comes from (i * stride + 3) % count; stride and count have no common
 * divisor. */
static inline set set_shuffled(const set *from, size_t stride) {
  size_t n = from->samples.count;
  size_t d = from->samples.dimensions;
  set made = set_make(n, d, from->samples.classes);
  for (size_t i = 0; i < n; i++) {
    size_t source = (i * stride + 3) % n;
    memcpy(made.features + i * d, from->features + source * d, d * sizeof *made.features);
    made.labels[i] = from->labels[source];
    made.contents[i] = from->contents[source];
  }
  return made;
}

static inline bool same_tops(const tw_top *a, const tw_top *b) {
  return a->classes == b->classes && a->dimensions == b->dimensions &&
         memcmp(a->weights, b->weights, a->classes * a->dimensions * sizeof *a->weights) == 0 &&
         memcmp(a->intercepts, b->intercepts, a->classes * sizeof *a->intercepts) == 0;
}

#endif
