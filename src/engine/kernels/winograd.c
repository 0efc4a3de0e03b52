/* Winograd's minimal filtering algorithms (S. Winograd, Arithmetic Complexity of Computations, 1980; A. Lavin, S. Gray,
 * Fast Algorithms for Convolutional Neural Networks, 2016): which one a convolution takes, its constants, and the
 * weights' transform. The loops that run are in winograd_body.h.
 *
 * F(m, r) computes m results of a filter of r taps with n = m + r - 1 products instead of m * r: source and filter are
 * polynomials, evaluated at n points, multiplied there, and the result's coefficients are found from the products. Here
 * the points are 0, infinity and pairs +-a, so that one half of each sum serves two points. In two directions the
 * algorithms nest. Over channels the products of one point are a matrix product, which is where the time goes. */
#include <math.h>
#include <string.h>

#include "engine/kernels/internal.h"

typedef struct algorithm {
  size_t kernel[2];
  size_t results[2]; /* of a tile */
  const char *name;
} algorithm;

/* Those that keep single precision: the largest error, as a part of the largest result, is 1e-6 with 4 or 6 points,
 * 2e-6 with 10 or two times 6; 12 points would already make it 1e-5. */
static const algorithm algorithms[] = {
    {{3, 3}, {4, 4}, "winograd 4x4,3x3"}, {{3, 3}, {2, 2}, "winograd 2x2,3x3"}, {{5, 5}, {2, 2}, "winograd 2x2,5x5"},
    {{1, 7}, {1, 4}, "winograd 1x4,1x7"}, {{7, 1}, {4, 1}, "winograd 4x1,7x1"}, {{1, 3}, {1, 4}, "winograd 1x4,1x3"},
    {{3, 1}, {4, 1}, "winograd 4x1,3x1"},
};

/* By the number of pairs: those of the least error, found by trying all multiples of 1/8. */
static const double point_pairs[TW_WINOGRAD_PAIRS + 1][TW_WINOGRAD_PAIRS] = {
    [1] = {1},
    [2] = {0.625, 1.5},
    [4] = {0.375, 0.875, 1.25, 2.5},
};

/* ---- Constants --------------------------------------------------------------------------------------------------- */

/* Coefficients of the product of (x^2 - a^2) over all pairs but `without`, in powers of x^2, lowest first. */
static size_t square_product(const double *pairs, size_t count, size_t without, double *ret_coefficients) {
  size_t degree = 0;
  ret_coefficients[0] = 1;
  for (size_t i = 0; i < count; i++) {
    if (i == without) {
      continue;
    }
    const double square = pairs[i] * pairs[i];
    ret_coefficients[degree + 1] = ret_coefficients[degree];
    for (size_t k = degree; k > 0; k--) {
      ret_coefficients[k] = ret_coefficients[k - 1] - square * ret_coefficients[k];
    }
    ret_coefficients[0] *= -square;
    degree++;
  }
  return degree;
}

/* The product of the distances of the point to all others but infinity. */
static double distances(const double *pairs, size_t count, double point) {
  double product = point == 0 ? 1 : point;
  for (size_t i = 0; i < count; i++) {
    const double factor = (point - pairs[i]) * (point + pairs[i]);
    product *= factor != 0 ? factor : 2 * point; /* of its own pair only the other one */
  }
  return product;
}

static void evaluate(double point, double scale, size_t taps, double *ret_row) {
  double power = scale;
  for (size_t k = 0; k < taps; k++) {
    ret_row[k] = power;
    power *= point;
  }
}

static void make_axis(size_t taps, size_t results, tw_winograd_axis *axis) {
  *axis = (tw_winograd_axis){.taps = taps, .results = results, .points = 1};
  axis->weights[0][0] = 1;
  if (taps == 1) {
    return;
  }
  const size_t pairs = (taps + results - 3) / 2;
  const double *a = point_pairs[pairs];
  double coefficients[TW_WINOGRAD_PAIRS + 1];
  axis->pairs = pairs;
  axis->points = 2 * pairs + 2;
  square_product(a, pairs, pairs, coefficients);
  for (size_t k = 0; k <= pairs; k++) {
    axis->all[k] = (float)coefficients[k];
  }
  evaluate(0, 1 / distances(a, pairs, 0), taps, axis->weights[0]);
  for (size_t i = 0; i < pairs; i++) {
    axis->pair[i] = (float)a[i];
    square_product(a, pairs, i, coefficients);
    for (size_t k = 0; k < pairs; k++) {
      axis->others[i][k] = (float)coefficients[k];
    }
    for (size_t j = 0; j < results; j++) {
      axis->powers[i][j] = (float)pow(a[i], (double)j);
    }
    evaluate(a[i], 1 / distances(a, pairs, a[i]), taps, axis->weights[1 + 2 * i]);
    evaluate(-a[i], 1 / distances(a, pairs, -a[i]), taps, axis->weights[2 + 2 * i]);
  }
  axis->weights[axis->points - 1][taps - 1] = 1;
}

/* ---- Choice ------------------------------------------------------------------------------------------------------ */

enum {
  BLOCK_BYTES = 384 << 10,    /* of a block of tiles in transformed form: most of a second-level cache of 512 KB */
  MOST_BLOCK_BYTES = 8 << 20, /* of the smallest block that there is, for ten thousands of channels: then direct */
};

static size_t round_up(size_t count, size_t multiple) {
  return (count + multiple - 1) / multiple * multiple;
}

static void describe(const tw_kernel_conv *conv, const algorithm *algorithm, tw_winograd *ret_winograd) {
  tw_winograd winograd = {.conv = *conv, .name = algorithm->name, .points = 1};
  for (int i = 0; i < 2; i++) {
    make_axis(algorithm->kernel[i], algorithm->results[i], &winograd.axis[i]);
    winograd.points *= winograd.axis[i].points;
    winograd.tiles[i] = (conv->result[i] + algorithm->results[i] - 1) / algorithm->results[i];
  }
  winograd.channels = round_up(conv->channels, conv->lanes);
  winograd.results = round_up(conv->results, conv->lanes);
  const size_t tile_bytes = winograd.points * (winograd.channels + winograd.results) * sizeof(float);
  const size_t most = BLOCK_BYTES / tile_bytes / TW_KERNEL_ROWS * TW_KERNEL_ROWS;
  winograd.block = most < 2 * TW_KERNEL_ROWS ? 2 * TW_KERNEL_ROWS : most;
  *ret_winograd = winograd;
}

/* What weighs as much as a multiply-add: bringing a weight from memory costs FETCH of them, evaluating a channel of a
 * tile at one point, or interpolating one, TRANSFORM (measured on Zen 3). Below DIRECT_PART of what the direct
 * algorithm takes, ours is taken. */
static const double FETCH = 15;
static const double TRANSFORM = 7;
static const double DIRECT_PART = 0.8;

/* Infinite where one block of tiles would be far beyond any cache. */
static double cost(const tw_winograd *winograd) {
  const double tiles = (double)winograd->tiles[0] * (double)winograd->tiles[1];
  const double channels = (double)winograd->channels;
  const double results = (double)winograd->results;
  if (tw_winograd_scratch_bytes(winograd, 1) > MOST_BLOCK_BYTES) {
    return INFINITY;
  }
  return (double)winograd->points * ((tiles + FETCH) * channels * results + tiles * TRANSFORM * (channels + results));
}

/* Of the library's kernels, which compute whole blocks of channels, too. */
static double direct_cost(const tw_kernel_conv *conv) {
  const double pixels = (double)conv->result[0] * (double)conv->result[1];
  return (double)conv->kernel[0] * (double)conv->kernel[1] * (pixels + FETCH) *
         (double)round_up(conv->channels, conv->lanes) * (double)round_up(conv->results, conv->lanes);
}

size_t tw_winograd_describe(const tw_kernel_conv *conv, tw_winograd ret_winograds[TW_WINOGRAD_FORMS]) {
  size_t count = 0;
  if (!(conv->low <= 0 && conv->high >= 0)) {
    return 0;
  }
  for (size_t i = 0; i < sizeof algorithms / sizeof *algorithms; i++) {
    if (conv->kernel[0] == algorithms[i].kernel[0] && conv->kernel[1] == algorithms[i].kernel[1]) {
      describe(conv, &algorithms[i], &ret_winograds[count++]);
    }
  }
  return count;
}

bool tw_winograd_choose(const tw_kernel_conv *conv, tw_winograd *ret_winograd) {
  tw_winograd winograds[TW_WINOGRAD_FORMS];
  double least = DIRECT_PART * direct_cost(conv);
  bool found = false;
  for (size_t i = tw_winograd_describe(conv, winograds); i-- > 0;) {
    if (cost(&winograds[i]) < least) {
      least = cost(&winograds[i]);
      *ret_winograd = winograds[i];
      found = true;
    }
  }
  return found;
}

/* ---- Sizes ------------------------------------------------------------------------------------------------------- */

/* Packed: for each point the weights in panels of two vectors of results (the last perhaps of one),
 * each channel by channel. */
size_t tw_winograd_packed_bytes(const tw_winograd *winograd) {
  return winograd->points * winograd->channels * winograd->results * sizeof(float);
}

size_t tw_winograd_scratch_bytes(const tw_winograd *winograd, int threads) {
  const size_t stride = winograd->block * (winograd->channels + winograd->results) + 2 * TW_KERNEL_SKEW;
  return (size_t)threads * winograd->points * stride * sizeof(float);
}

/* ---- Weights ----------------------------------------------------------------------------------------------------- */

enum { MOST_PANEL = 32, MOST_TAPS = 7, MOST_POINTS = 36 };

/* ret_sums[o] = the sum of factors[k] * terms[k][o], o < count. */
static void combine(const double *factors, double terms[][MOST_PANEL], size_t term_count, size_t count,
                    double *ret_sums) {
  for (size_t o = 0; o < count; o++) {
    ret_sums[o] = factors[0] * terms[0][o];
  }
  for (size_t k = 1; k < term_count; k++) {
    for (size_t o = 0; o < count; o++) {
      ret_sums[o] += factors[k] * terms[k][o];
    }
  }
}

/* The filters of one channel to `count` results, at their points: points x MOST_PANEL. */
static void transform_filters(const tw_winograd *winograd, const uint8_t *weights, const size_t strides[4],
                              size_t count, float ret_points[][MOST_PANEL]) {
  const tw_winograd_axis *rows = &winograd->axis[0];
  const tw_winograd_axis *columns = &winograd->axis[1];
  double taps[MOST_TAPS][MOST_PANEL];
  double half[TW_WINOGRAD_POINTS][MOST_TAPS][MOST_PANEL];
  double sums[MOST_PANEL];
  for (size_t x = 0; x < columns->taps; x++) {
    for (size_t y = 0; y < rows->taps; y++) {
      const uint8_t *from = weights + (y * strides[2] + x * strides[3]) * sizeof(float);
      for (size_t o = 0; o < count; o++) {
        float weight;
        memcpy(&weight, from + o * strides[0] * sizeof weight, sizeof weight);
        taps[y][o] = (double)weight;
      }
    }
    for (size_t i = 0; i < rows->points; i++) {
      combine(rows->weights[i], taps, rows->taps, count, half[i][x]);
    }
  }
  for (size_t i = 0; i < rows->points; i++) {
    for (size_t j = 0; j < columns->points; j++) {
      combine(columns->weights[j], half[i], columns->taps, count, sums);
      for (size_t o = 0; o < count; o++) {
        ret_points[i * columns->points + j][o] = (float)sums[o];
      }
    }
  }
}

void tw_winograd_pack(const tw_winograd *winograd, const void *weights, const size_t strides[4], float *ret_packed) {
  const size_t counted = winograd->conv.results;
  const size_t point_size = winograd->channels * winograd->results;
  const size_t panel = 2 * winograd->conv.lanes;
  float points[MOST_POINTS][MOST_PANEL];
  if (winograd->channels != winograd->conv.channels || winograd->results != counted) {
    memset(ret_packed, 0, tw_winograd_packed_bytes(winograd));
  }
  for (size_t o = 0; o < counted; o += panel) {
    const size_t count = counted - o < panel ? counted - o : panel;
    const size_t width = winograd->results - o < panel ? winograd->results - o : panel;
    for (size_t c = 0; c < winograd->conv.channels; c++) {
      transform_filters(winograd, (const uint8_t *)weights + (o * strides[0] + c * strides[1]) * sizeof(float), strides,
                        count, points);
      float *to = ret_packed + o * winograd->channels + c * width;
      for (size_t p = 0; p < winograd->points; p++) {
        memcpy(to + p * point_size, points[p], count * sizeof(float));
      }
    }
  }
}
