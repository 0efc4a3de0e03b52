/* The body of the recipe's inner loops, compiled once for each kind of processor by a file that defines
 *
 *   WIDTH     numbers of a vector: 4 or 8
 *   TARGET    the attribute that lets functions use them; may be empty
 *
 * and includes this one. The vectors are the compiler's own; the digits are the same whatever the width. */
#include <math.h>
#include <string.h>

#include "train/recipe_kernels.h"

enum {
  LANES = 16,              /* partial sums of a product, as in vector.c */
  VECTORS = LANES / WIDTH, /* that hold them */
  PAIR = WIDTH / 4,        /* rows multiplied at once */
  TRIPLE = 3,              /* with so many classes: twelve vectors of sums stay in registers */
  STRIP = 2 * WIDTH,       /* columns summed at once */
  GROUP = 5,               /* for so many classes: ten vectors of sums */
  PACKED_ROWS = 128        /* of a strip that more classes than a group want: copied side by side */
};

/* At any address. */
typedef float vector __attribute__((vector_size(WIDTH * sizeof(float)), aligned(sizeof(float)), may_alias));

#define INLINE TARGET static inline __attribute__((always_inline))

INLINE vector load(const float *from) {
  return *(const vector *)(const void *)from;
}

INLINE void store(float *to, vector value) {
  *(vector *)(void *)to = value;
}

/* ---- Products ---------------------------------------------------------------------------------------------------- */

/* The end of a product: what does not fill all lanes, and the sum of the lanes in their order. */
INLINE float finish_product(const vector sums[VECTORS], const float *a, const float *b, size_t left) {
  float lanes[LANES];
  memcpy(lanes, sums, sizeof lanes);
  for (size_t lane = 0; lane < left; lane++) {
    lanes[lane] += a[lane] * b[lane];
  }
  float sum = 0;
  for (size_t lane = 0; lane < LANES; lane++) {
    sum += lanes[lane];
  }
  return sum;
}

/* row_count x class_count products; both are constants where this is inlined. ret: row stride `classes`. */
INLINE void multiply_tile(const float *const *rows, size_t row_count, const float *weights, size_t class_count,
                          size_t dimensions, float *ret, size_t classes) {
  vector sums[PAIR][TRIPLE][VECTORS] = {0};
  size_t whole = dimensions / LANES * LANES;
  for (size_t j = 0; j < whole; j += LANES) {
#pragma GCC unroll 4
    for (size_t v = 0; v < VECTORS; v++) {
#pragma GCC unroll 3
      for (size_t k = 0; k < class_count; k++) {
        vector weight = load(weights + k * dimensions + j + v * WIDTH);
#pragma GCC unroll 2
        for (size_t i = 0; i < row_count; i++) {
          sums[i][k][v] += load(rows[i] + j + v * WIDTH) * weight;
        }
      }
    }
  }
#pragma GCC unroll 3
  for (size_t k = 0; k < class_count; k++) {
#pragma GCC unroll 2
    for (size_t i = 0; i < row_count; i++) {
      ret[i * classes + k] =
          finish_product(sums[i][k], rows[i] + whole, weights + k * dimensions + whole, dimensions - whole);
    }
  }
}

INLINE void multiply_classes(const float *const *rows, size_t count, const float *weights, size_t class_count,
                             size_t dimensions, float *ret, size_t classes) {
  size_t i = 0;
  for (; i + PAIR <= count; i += PAIR) {
    multiply_tile(rows + i, PAIR, weights, class_count, dimensions, ret + i * classes, classes);
  }
  if (i < count) {
    multiply_tile(rows + i, 1, weights, class_count, dimensions, ret + i * classes, classes);
  }
}

TARGET static void multiply(const float *const *rows, size_t count, const float *weights, size_t classes,
                            size_t dimensions, float *ret) {
  size_t k = 0;
  for (; k + TRIPLE <= classes; k += TRIPLE) {
    multiply_classes(rows, count, weights + k * dimensions, TRIPLE, dimensions, ret + k, classes);
  }
  if (classes - k == 2) {
    multiply_classes(rows, count, weights + k * dimensions, 2, dimensions, ret + k, classes);
  } else if (classes - k == 1) {
    multiply_classes(rows, count, weights + k * dimensions, 1, dimensions, ret + k, classes);
  }
}

/* ---- Sums -------------------------------------------------------------------------------------------------------- */

/* A strip of columns of class_count classes, a constant where this is inlined. residuals: row stride `classes`. */
INLINE void accumulate_strip(const float *const *rows, size_t offset, size_t count, const float *residuals,
                             size_t classes, size_t class_count, float *sums, size_t dimensions) {
  vector low[GROUP];
  vector high[GROUP];
#pragma GCC unroll 5
  for (size_t k = 0; k < class_count; k++) {
    low[k] = load(sums + k * dimensions);
    high[k] = load(sums + k * dimensions + WIDTH);
  }
  for (size_t i = 0; i < count; i++) {
    vector left = load(rows[i] + offset);
    vector right = load(rows[i] + offset + WIDTH);
#pragma GCC unroll 5
    for (size_t k = 0; k < class_count; k++) {
      float residual = residuals[i * classes + k];
      low[k] += residual * left;
      high[k] += residual * right;
    }
  }
#pragma GCC unroll 5
  for (size_t k = 0; k < class_count; k++) {
    store(sums + k * dimensions, low[k]);
    store(sums + k * dimensions + WIDTH, high[k]);
  }
}

INLINE void accumulate_classes(const float *const *rows, size_t offset, size_t count, const float *residuals,
                               size_t classes, float *sums, size_t dimensions) {
  size_t k = 0;
  for (; k + GROUP <= classes; k += GROUP) {
    accumulate_strip(rows, offset, count, residuals + k, classes, GROUP, sums + k * dimensions, dimensions);
  }
  float *rest = sums + k * dimensions;
  switch (classes - k) {
    case 4: accumulate_strip(rows, offset, count, residuals + k, classes, 4, rest, dimensions); break;
    case 3: accumulate_strip(rows, offset, count, residuals + k, classes, 3, rest, dimensions); break;
    case 2: accumulate_strip(rows, offset, count, residuals + k, classes, 2, rest, dimensions); break;
    case 1: accumulate_strip(rows, offset, count, residuals + k, classes, 1, rest, dimensions); break;
    default: break;
  }
}

/* For many classes: the strip's columns are far apart in memory, often in the same few places of the caches. */
INLINE void accumulate_packed(const float *const *rows, size_t offset, size_t count, const float *residuals,
                              size_t classes, float *sums, size_t dimensions) {
  float packed[PACKED_ROWS][STRIP];
  const float *packed_rows[PACKED_ROWS];
  for (size_t begin = 0; begin < count; begin += PACKED_ROWS) {
    size_t used = count - begin < PACKED_ROWS ? count - begin : PACKED_ROWS;
    for (size_t i = 0; i < used; i++) {
      memcpy(packed[i], rows[begin + i] + offset, sizeof packed[i]);
      packed_rows[i] = packed[i];
    }
    accumulate_classes(packed_rows, 0, used, residuals + begin * classes, classes, sums, dimensions);
  }
}

TARGET static void accumulate(const float *const *rows, size_t count, const float *residuals, size_t classes,
                              size_t dimensions, size_t begin, size_t end, float *sums) {
  size_t j = begin;
  for (; j + STRIP <= end; j += STRIP) {
    if (classes > GROUP) {
      accumulate_packed(rows, j, count, residuals, classes, sums + j, dimensions);
    } else {
      accumulate_classes(rows, j, count, residuals, classes, sums + j, dimensions);
    }
  }
  for (size_t k = 0; k < classes; k++) {
    for (size_t i = 0; i < count; i++) {
      for (size_t rest = j; rest < end; rest++) {
        sums[k * dimensions + rest] += residuals[i * classes + k] * rows[i][rest];
      }
    }
  }
}

/* ---- Updates ----------------------------------------------------------------------------------------------------- */

TARGET static void sgd(float *restrict point, const float *restrict sums, size_t count, float scale, float rate) {
  for (size_t i = 0; i < count; i++) {
    point[i] -= rate * (sums[i] * scale);
  }
}

TARGET static void momentum(float *restrict point, float *restrict velocity, const float *restrict sums, size_t count,
                            float scale, float rate, float factor) {
  for (size_t i = 0; i < count; i++) {
    velocity[i] = factor * velocity[i] - rate * (sums[i] * scale);
    point[i] += velocity[i];
  }
}

TARGET static void adam(float *restrict point, float *restrict mean, float *restrict square, const float *restrict sums,
                        size_t count, float scale, float rate) {
  const float beta1 = 0.9f;
  const float beta2 = 0.999f;
  const float epsilon = 1e-7f;
  for (size_t i = 0; i < count; i++) {
    float gradient = sums[i] * scale;
    mean[i] += (gradient - mean[i]) * (1 - beta1);
    square[i] += (gradient * gradient - square[i]) * (1 - beta2);
    point[i] -= rate * mean[i] / (sqrtf(square[i]) + epsilon);
  }
}

static const tw_recipe_kernels kernels = {multiply, accumulate, sgd, momentum, adam};
