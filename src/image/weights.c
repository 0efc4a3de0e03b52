/* The weights of Pillow's resampling filters: a kernel stretched to the scale when shrinking, sampled at the centres of
 * the input pixels around each output pixel's centre, cut at the border and normalised. Computed in double, in Pillow's
 * order of operations, so that every weight is the same to the bit. */
#include <math.h>
#include <string.h>

#include "image/resample.h"

typedef struct kernel {
  double (*value)(double x);
  double support;
} kernel;

static double box(double x) {
  return x > -0.5 && x <= 0.5 ? 1.0 : 0.0;
}

static double triangle(double x) {
  x = fabs(x);
  return x < 1.0 ? 1.0 - x : 0.0;
}

/* Keys' cubic convolution with a = -1/2. */
static double cubic(double x) {
  const double a = -0.5;
  x = fabs(x);
  if (x < 1.0) {
    return ((a + 2.0) * x - (a + 3.0)) * x * x + 1;
  }
  return x < 2.0 ? (((x - 5) * x + 8) * x - 4) * a : 0.0;
}

static double sinc(double x) {
  if (x == 0.0) {
    return 1.0;
  }
  x *= M_PI;
  return sin(x) / x;
}

static double lanczos3(double x) {
  return x >= -3.0 && x < 3.0 ? sinc(x) * sinc(x / 3) : 0.0;
}

static const kernel KERNELS[] = {
    [TW_FILTER_BOX] = {box, 0.5},
    [TW_FILTER_BILINEAR] = {triangle, 1.0},
    [TW_FILTER_BICUBIC] = {cubic, 2.0},
    [TW_FILTER_LANCZOS] = {lanczos3, 3.0},
};
static const kernel IDENTITY = {box, 0.5};

/* The writable side of tw_weights. */
typedef struct table {
  uint32_t *first;
  uint32_t *used;
  double *exact;
  int32_t *fixed;
  int16_t *high;
  int16_t *low;
} table;

/* Inputs that output `i` of `whole` is made from, and their weights; `weights` has room for all. */
static void fill_output(const kernel *kernel, size_t input, size_t whole, size_t i, uint32_t *first, uint32_t *used,
                        double *weights) {
  double scale = (double)input / (double)whole;
  double stretch = scale < 1.0 ? 1.0 : scale;
  double support = kernel->support * stretch;
  double centre = ((double)i + 0.5) * scale;
  double inverse = 1.0 / stretch;
  double from = centre - support + 0.5;
  double to = centre + support + 0.5;
  size_t begin = from < 0 ? 0 : (size_t)from;
  size_t end = to > (double)input ? input : (size_t)to;
  double sum = 0;
  for (size_t x = begin; x < end; x++) {
    double weight = kernel->value(((double)x - centre + 0.5) * inverse);
    weights[x - begin] = weight;
    sum += weight;
  }
  for (size_t x = begin; x < end && sum != 0; x++) {
    weights[x - begin] /= sum;
  }
  *first = (uint32_t)begin;
  *used = (uint32_t)(end - begin);
}

static void fix(const double *exact, size_t count, int32_t *fixed, int16_t *high, int16_t *low) {
  for (size_t i = 0; i < count; i++) {
    double scaled = exact[i] * (1 << TW_WEIGHT_BITS);
    fixed[i] = (int32_t)(scaled < 0 ? scaled - 0.5 : scaled + 0.5);
    high[i] = (int16_t)(fixed[i] >> TW_WEIGHT_LOW_BITS);
    low[i] = (int16_t)(fixed[i] & ((1 << TW_WEIGHT_LOW_BITS) - 1));
  }
}

/* Cuts one store into the arrays; each begins on 64 bytes. */
static tw_status lay_out(tw_store *store, size_t outputs, size_t weights, bool fixed, table *ret_table,
                         tw_error *error) {
  const size_t sizes[] = {outputs * sizeof(uint32_t),
                          outputs * sizeof(uint32_t),
                          weights * sizeof(double),
                          fixed ? weights * sizeof(int32_t) : 0,
                          fixed ? weights * sizeof(int16_t) : 0,
                          fixed ? weights * sizeof(int16_t) : 0};
  size_t offsets[6];
  size_t total = 0;
  for (size_t i = 0; i < 6; i++) {
    offsets[i] = total;
    total += (sizes[i] + 63) & ~(size_t)63;
  }
  TW_TRY(tw_store_reserve(store, total, error));
  memset(store->data, 0, total);
  *ret_table = (table){
      .first = (uint32_t *)(void *)(store->data + offsets[0]),
      .used = (uint32_t *)(void *)(store->data + offsets[1]),
      .exact = (double *)(void *)(store->data + offsets[2]),
      .fixed = fixed ? (int32_t *)(void *)(store->data + offsets[3]) : NULL,
      .high = fixed ? (int16_t *)(void *)(store->data + offsets[4]) : NULL,
      .low = fixed ? (int16_t *)(void *)(store->data + offsets[5]) : NULL,
  };
  return TW_OK;
}

tw_status tw_weights_make(tw_store *store, tw_filter filter, size_t input, tw_span span, tw_rounding rounding,
                          tw_weights *ret_weights, tw_error *error) {
  const kernel *kernel = input == span.whole ? &IDENTITY : &KERNELS[filter];
  double scale = (double)input / (double)span.whole;
  size_t most = (size_t)ceil(kernel->support * (scale < 1.0 ? 1.0 : scale)) * 2 + 1;
  size_t stride = (most + 3) & ~(size_t)3;
  size_t weights;
  if (!tw_mul_size(span.count, stride, &weights)) {
    return tw_error_memory(error);
  }
  table table;
  TW_TRY(lay_out(store, span.count, weights, rounding == TW_ROUNDING_U8, &table, error));
  for (size_t i = 0; i < span.count; i++) {
    fill_output(kernel, input, span.whole, span.first + i, &table.first[i], &table.used[i], table.exact + i * stride);
  }
  if (rounding == TW_ROUNDING_U8) {
    fix(table.exact, weights, table.fixed, table.high, table.low);
  }
  *ret_weights =
      (tw_weights){span.count, stride, table.first, table.used, table.exact, table.fixed, table.high, table.low};
  return TW_OK;
}
