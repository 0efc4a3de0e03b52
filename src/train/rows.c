/* The ordered, centred and scaled copy of the samples, and the way back to the caller's coordinates. */
#include "train/rows.h"

#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum {
  COLUMNS = 256, /* a task's share of the columns: a kilobyte of each row */
  LINE = 16      /* floats of a cache line */
};

typedef struct row_key {
  uint32_t group;
  uint32_t label;
  tw_hash content;
  size_t index;
} row_key;

static int compare_keys(const void *left, const void *right) {
  const row_key *a = left;
  const row_key *b = right;
  if (a->group != b->group) {
    return a->group < b->group ? -1 : 1;
  }
  if (a->label != b->label) {
    return a->label < b->label ? -1 : 1;
  }
  int order = tw_hash_compare(&a->content, &b->content);
  return order != 0 ? order : (a->index > b->index) - (a->index < b->index);
}

typedef struct filling {
  const tw_samples *samples;
  const row_key *keys;
  tw_rows *rows;
  double *squares; /* for each task its sum of (x - mean)^2 */
} filling;

tw_status tw_rows_check(const tw_samples *samples, size_t index, tw_error *error) {
  const float *row = samples->features + index * samples->dimensions;
  for (size_t j = 0; j < samples->dimensions; j++) {
    if (!isfinite(row[j])) {
      return tw_error_set(error, TW_E_DATA, "features of row %zu: number %zu is %s; all must be finite", index, j,
                          isnan(row[j]) ? "not a number" : "infinite");
    }
  }
  return TW_OK;
}

static tw_status check_block(void *context, size_t task, tw_error *error) {
  const filling *fill = context;
  size_t end = (task + 1) * TW_BLOCK_ROWS < fill->rows->count ? (task + 1) * TW_BLOCK_ROWS : fill->rows->count;
  for (size_t i = task * TW_BLOCK_ROWS; i < end; i++) {
    TW_TRY(tw_rows_check(fill->samples, fill->keys[i].index, error));
  }
  return TW_OK;
}

/* Mean and squared deviation of some columns, each column summed in the order of the rows. */
static tw_status measure_columns(void *context, size_t task, tw_error *error) {
  (void)error;
  filling *fill = context;
  tw_rows *rows = fill->rows;
  size_t d = rows->dimensions;
  size_t begin = task * COLUMNS;
  size_t width = d - begin < COLUMNS ? d - begin : COLUMNS;
  double sums[COLUMNS] = {0};
  double squares[COLUMNS] = {0};
  for (size_t i = 0; i < rows->count; i++) {
    const float *row = fill->samples->features + fill->keys[i].index * d + begin;
    for (size_t j = 0; j < width; j++) {
      sums[j] += (double)row[j];
    }
  }
  for (size_t j = 0; j < width; j++) {
    rows->mean[begin + j] = sums[j] / (double)rows->count;
  }
  for (size_t i = 0; i < rows->count; i++) {
    const float *row = fill->samples->features + fill->keys[i].index * d + begin;
    for (size_t j = 0; j < width; j++) {
      double deviation = (double)row[j] - rows->mean[begin + j];
      squares[j] += deviation * deviation;
    }
  }
  for (size_t j = 0; j < width; j++) {
    fill->squares[task] += squares[j];
  }
  return TW_OK;
}

static tw_status copy_rows(void *context, size_t task, tw_error *error) {
  (void)error;
  const filling *fill = context;
  tw_rows *rows = fill->rows;
  size_t d = rows->dimensions;
  size_t end = (task + 1) * TW_BLOCK_ROWS < rows->count ? (task + 1) * TW_BLOCK_ROWS : rows->count;
  double factor = 1 / rows->scale;
  for (size_t i = task * TW_BLOCK_ROWS; i < end; i++) {
    const float *from = fill->samples->features + fill->keys[i].index * d;
    float *to = rows->features + i * rows->stride;
    for (size_t j = 0; j < d; j++) {
      to[j] = (float)(((double)from[j] - rows->mean[j]) * factor);
    }
    rows->labels[i] = fill->keys[i].label;
  }
  return TW_OK;
}

/* The power of two next below the root mean square deviation; 1 when there is none. */
static double power_of_two(double squares, double count) {
  double deviation = sqrt(squares / count);
  int exponent = 0;
  if (deviation > 0) {
    frexp(deviation, &exponent);
  }
  return deviation > 0 ? ldexp(0.5, exponent) : 1.0;
}

static tw_status fill_rows(filling *fill, int threads, tw_error *error) {
  tw_rows *rows = fill->rows;
  size_t blocks = (rows->count + TW_BLOCK_ROWS - 1) / TW_BLOCK_ROWS;
  size_t strips = (rows->dimensions + COLUMNS - 1) / COLUMNS;
  fill->squares = tw_alloc(strips, sizeof *fill->squares);
  if (fill->squares == NULL) {
    return tw_error_memory(error);
  }
  tw_status status = tw_parallel(threads, blocks, check_block, fill, error);
  if (status == TW_OK) {
    status = tw_parallel(threads, strips, measure_columns, fill, error);
  }
  if (status == TW_OK) {
    double squares = 0;
    for (size_t i = 0; i < strips; i++) {
      squares += fill->squares[i];
    }
    rows->scale = power_of_two(squares, (double)rows->count * (double)rows->dimensions);
    status = tw_parallel(threads, blocks, copy_rows, fill, error);
  }
  tw_free(fill->squares);
  return status;
}

static tw_status make_keys(const tw_samples *samples, const size_t *list, const uint32_t *groups, size_t count,
                           row_key **ret_keys, tw_error *error) {
  row_key *keys = tw_alloc(count, sizeof *keys);
  if (keys == NULL) {
    return tw_error_memory(error);
  }
  for (size_t i = 0; i < count; i++) {
    size_t index = list[i];
    if (index >= samples->count || samples->labels[index] >= samples->classes) {
      tw_free(keys);
      return tw_error_set(error, TW_E_ARGUMENT, "row %zu: there are %zu rows of %zu classes", index, samples->count,
                          samples->classes);
    }
    keys[i] = (row_key){groups == NULL ? 0 : groups[i], samples->labels[index], samples->contents[index], index};
  }
  qsort(keys, count, sizeof *keys, compare_keys);
  *ret_keys = keys;
  return TW_OK;
}

tw_status tw_rows_order(const tw_samples *samples, const size_t *list, const uint32_t *groups, size_t count,
                        size_t *ret_order, tw_error *error) {
  row_key *keys;
  TW_TRY(make_keys(samples, list, groups, count, &keys, error));
  for (size_t i = 0; i < count; i++) {
    ret_order[i] = keys[i].index;
  }
  tw_free(keys);
  return TW_OK;
}

tw_status tw_rows_check_sizes(const tw_samples *samples, size_t count, size_t *ret_bytes, tw_error *error) {
  if (samples->dimensions == 0 || samples->classes == 0 || samples->classes > TW_MAX_CLASSES) {
    return tw_error_set(error, TW_E_LIMIT, "%zu numbers a row, %zu classes: at least 1 of each, at most %d classes",
                        samples->dimensions, samples->classes, TW_MAX_CLASSES);
  }
  size_t row;
  if (!tw_mul_size(samples->dimensions, sizeof(float), &row) || !tw_mul_size(row, count, ret_bytes) ||
      *ret_bytes > TW_MAX_FEATURE_BYTES) {
    return tw_error_set(error, TW_E_LIMIT, "features of %zu rows x %zu: more than %zu GiB", count, samples->dimensions,
                        TW_MAX_FEATURE_BYTES >> 30);
  }
  return TW_OK;
}

/* The distance between rows of `dimensions` floats: an odd number of cache lines. Columns of a matrix whose rows lie a
 * multiple of a page apart share a few sets of the cache, and the products that read them take twice the time. */
static size_t stride_of(size_t dimensions) {
  return ((dimensions + LINE - 1) / LINE | 1) * LINE;
}

static tw_rows *allocate(const tw_samples *samples, size_t count, size_t group_count) {
  size_t stride = stride_of(samples->dimensions);
  size_t bytes;
  if (!tw_mul_size(stride * sizeof(float), count, &bytes)) {
    return NULL;
  }
  tw_rows *rows = tw_alloc(1, sizeof *rows);
  if (rows == NULL) {
    return NULL;
  }
  rows->count = count;
  rows->dimensions = samples->dimensions;
  rows->stride = stride;
  rows->classes = samples->classes;
  rows->group_count = group_count;
  rows->features = tw_alloc_aligned(bytes);
  rows->labels = tw_alloc(count, sizeof *rows->labels);
  rows->mean = tw_alloc(rows->dimensions, sizeof *rows->mean);
  rows->group_begin = tw_alloc(group_count + 1, sizeof *rows->group_begin);
  if (rows->features == NULL || rows->labels == NULL || rows->mean == NULL || rows->group_begin == NULL) {
    tw_rows_free(rows);
    return NULL;
  }
  return rows;
}

tw_status tw_rows_create(const tw_samples *samples, const size_t *list, const uint32_t *groups, size_t count,
                         size_t group_count, int threads, tw_rows **ret_rows, tw_error *error) {
  size_t bytes;
  TW_TRY(tw_rows_check_sizes(samples, count, &bytes, error));
  row_key *keys;
  TW_TRY(make_keys(samples, list, groups, count, &keys, error));
  tw_rows *rows = allocate(samples, count, group_count);
  tw_status status = TW_OK;
  if (rows == NULL) {
    status = tw_error_memory(error);
  } else {
    for (size_t i = 0; i < count; i++) {
      rows->group_begin[keys[i].group + 1]++;
    }
    for (size_t g = 0; g < group_count; g++) {
      rows->group_begin[g + 1] += rows->group_begin[g];
    }
    filling fill = {.samples = samples, .keys = keys, .rows = rows};
    status = fill_rows(&fill, threads, error);
  }
  tw_free(keys);
  if (status != TW_OK) {
    tw_rows_free(rows);
    return status;
  }
  *ret_rows = rows;
  return TW_OK;
}

void tw_rows_free(tw_rows *rows) {
  if (rows != NULL) {
    tw_free(rows->features);
    tw_free(rows->labels);
    tw_free(rows->mean);
    tw_free(rows->group_begin);
    tw_free(rows);
  }
}

/* The mean over the classes that are present of column j of `values`. */
static double column_mean(const float *values, const bool *present, size_t classes, size_t stride) {
  double sum = 0;
  size_t count = 0;
  for (size_t k = 0; k < classes; k++) {
    sum += present[k] ? (double)values[k * stride] : 0.0;
    count += present[k];
  }
  return count == 0 ? 0.0 : sum / (double)count;
}

static float to_float(double value) {
  return (float)fmin(fmax(value, -(double)FLT_MAX), (double)FLT_MAX);
}

/* The intercept of class k for the caller's features; the weights are those of `top`, so that their rounding cancels.
 */
static double moved_intercept(const tw_rows *rows, const float *point, const tw_top *top, size_t k) {
  size_t d = rows->dimensions;
  double intercept = (double)point[rows->classes * d + k];
  for (size_t j = 0; j < d; j++) {
    intercept -= (double)top->weights[k * d + j] * rows->mean[j];
  }
  return intercept;
}

void tw_rows_to_top(const tw_rows *rows, const float *point, const bool *present, tw_top *ret_top) {
  size_t classes = rows->classes;
  size_t d = rows->dimensions;
  for (size_t j = 0; j < d; j++) {
    double middle = column_mean(point + j, present, classes, d);
    for (size_t k = 0; k < classes; k++) {
      ret_top->weights[k * d + j] = present[k] ? to_float(((double)point[k * d + j] - middle) / rows->scale) : 0.0f;
    }
  }
  double total = 0;
  size_t count = 0;
  for (size_t k = 0; k < classes; k++) {
    total += present[k] ? moved_intercept(rows, point, ret_top, k) : 0.0;
    count += present[k];
  }
  for (size_t k = 0; k < classes; k++) {
    ret_top->intercepts[k] =
        present[k] ? to_float(moved_intercept(rows, point, ret_top, k) - total / (double)count) : TW_ABSENT_INTERCEPT;
  }
}

void tw_rows_from_top(const tw_rows *rows, const tw_top *top, const bool *present, float *ret_point) {
  size_t d = rows->dimensions;
  for (size_t k = 0; k < rows->classes; k++) {
    double intercept = (double)top->intercepts[k];
    for (size_t j = 0; j < d; j++) {
      double weight = (double)top->weights[k * d + j];
      intercept += weight * rows->mean[j];
      ret_point[k * d + j] = present[k] ? to_float(weight * rows->scale) : 0.0f;
    }
    ret_point[rows->classes * d + k] = present[k] ? to_float(intercept) : 0.0f;
  }
}
