/* Our own kernels by themselves, against plain loops in double, over many shapes from a seeded generator. Skipped where
 * the processor has not what they are written in. */
#include <math.h>
#include <string.h>

#include "engine/kernels/kernels.h"
#include "support.h"

enum { ROUNDS = 40, GUARD = 64, BLOCK = TW_KERNEL_BLOCK };
static const float guard = 12345;

static size_t random_in(tw_random *random, size_t least, size_t most) {
  return least + (size_t)tw_random_below(random, most - least + 1);
}

static float random_float(tw_random *random) {
  return (float)(2 * tw_random_unit(random) - 1);
}

/* ---- Memory ------------------------------------------------------------------------------------------------------ */

/* That many floats between guards, 64-byte aligned. */
static float *guarded(size_t count) {
  float *memory = tw_alloc_aligned((count + 2 * GUARD) * sizeof *memory);
  assert_non_null(memory);
  for (size_t i = 0; i < count + 2 * GUARD; i++) {
    memory[i] = guard;
  }
  return memory + GUARD;
}

static void free_guarded(float *memory, size_t count) {
  for (size_t i = 0; i < GUARD; i++) {
    assert_true(memory[-1 - (ptrdiff_t)i] == guard && memory[count + i] == guard);
  }
  tw_free(memory - GUARD);
}

static size_t blocks_of(size_t channels) {
  return (channels + BLOCK - 1) / BLOCK;
}

static size_t picture_size(size_t channels, const size_t size[2]) {
  return blocks_of(channels) * size[0] * size[1] * BLOCK;
}

/* Where an element of a picture in nChw8c is. */
static size_t at(const size_t size[2], size_t channel, size_t y, size_t x) {
  return ((channel / BLOCK * size[0] + y) * size[1] + x) * BLOCK + channel % BLOCK;
}

static float *random_picture(tw_random *random, size_t channels, const size_t size[2]) {
  float *picture = guarded(picture_size(channels, size));
  memset(picture, 0, picture_size(channels, size) * sizeof *picture);
  for (size_t c = 0; c < channels; c++) {
    for (size_t y = 0; y < size[0]; y++) {
      for (size_t x = 0; x < size[1]; x++) {
        picture[at(size, c, y, x)] = random_float(random);
      }
    }
  }
  return picture;
}

static void check_padding_is_zero(const float *picture, size_t channels, const size_t size[2]) {
  for (size_t c = channels; c < blocks_of(channels) * BLOCK; c++) {
    for (size_t y = 0; y < size[0]; y++) {
      for (size_t x = 0; x < size[1]; x++) {
        assert_true(picture[at(size, c, y, x)] == 0);
      }
    }
  }
}

/* ---- Winograd ---------------------------------------------------------------------------------------------------- */

typedef struct filters {
  uint8_t *bytes; /* the floats begin at an odd address */
  size_t strides[4];
  float *bias; /* or NULL */
} filters;

static float weight_of(const filters *filters, size_t result, size_t channel, size_t y, size_t x) {
  float weight;
  const size_t *strides = filters->strides;
  size_t index = result * strides[0] + channel * strides[1] + y * strides[2] + x * strides[3];
  memcpy(&weight, filters->bytes + 1 + index * sizeof weight, sizeof weight);
  return weight;
}

/* In the order of ONNX or of TensorFlow. */
static filters random_filters(tw_random *random, const tw_kernel_conv *conv) {
  const size_t *kernel = conv->kernel;
  const size_t count = conv->results * conv->channels * kernel[0] * kernel[1];
  filters filters = {.bytes = test_malloc(1 + count * sizeof(float))};
  const size_t onnx[4] = {conv->channels * kernel[0] * kernel[1], kernel[0] * kernel[1], kernel[1], 1};
  const size_t tensorflow[4] = {1, conv->results, kernel[1] * conv->channels * conv->results,
                                conv->channels * conv->results};
  memcpy(filters.strides, tw_random_below(random, 2) == 0 ? onnx : tensorflow, sizeof onnx);
  for (size_t i = 0; i < count; i++) {
    const float weight = random_float(random);
    memcpy(filters.bytes + 1 + i * sizeof weight, &weight, sizeof weight);
  }
  if (tw_random_below(random, 2) == 0) {
    filters.bias = test_malloc(conv->results * sizeof *filters.bias);
    for (size_t i = 0; i < conv->results; i++) {
      filters.bias[i] = 4 * random_float(random);
    }
  }
  return filters;
}

static double reference_sum(const tw_kernel_conv *conv, const filters *filters, const float *source, size_t result,
                            size_t y, size_t x) {
  double sum = filters->bias != NULL ? (double)filters->bias[result] : 0;
  for (size_t c = 0; c < conv->channels; c++) {
    for (size_t i = 0; i < conv->kernel[0]; i++) {
      for (size_t j = 0; j < conv->kernel[1]; j++) {
        const size_t v = y + i - conv->pads[0];
        const size_t u = x + j - conv->pads[1];
        if (v < conv->source[0] && u < conv->source[1]) {
          sum += (double)source[at(conv->source, c, v, u)] * (double)weight_of(filters, result, c, i, j);
        }
      }
    }
  }
  return sum;
}

static void check_result(const tw_kernel_conv *conv, const filters *filters, const float *source, const float *result) {
  const double terms = (double)(conv->channels * conv->kernel[0] * conv->kernel[1]);
  const double bound = 1e-5 * (4 + sqrt(terms)); /* of what sums of that many products reach */
  for (size_t o = 0; o < conv->results; o++) {
    for (size_t y = 0; y < conv->result[0]; y++) {
      for (size_t x = 0; x < conv->result[1]; x++) {
        double expected = reference_sum(conv, filters, source, o, y, x);
        expected = fmin(fmax(expected, (double)conv->low), (double)conv->high);
        const double found = (double)result[at(conv->result, o, y, x)];
        if (!(fabs(found - expected) <= bound)) {
          print_message("%zu -> %zu, %zux%zu at %zu, %zu, %zu: %.9g instead of %.9g\n", conv->channels, conv->results,
                        conv->kernel[0], conv->kernel[1], o, y, x, found, expected);
        }
        assert_true(fabs(found - expected) <= bound);
      }
    }
  }
  check_padding_is_zero(result, conv->results, conv->result);
}

/* Right, and the same for one, two and three threads; nothing outside is touched. */
static void check_winograd(const tw_winograd *winograd, const filters *filters, float *source) {
  const tw_kernel_conv *conv = &winograd->conv;
  const size_t packed_count = tw_winograd_packed_bytes(winograd) / sizeof(float);
  const size_t count = picture_size(conv->results, conv->result);
  float *packed = guarded(packed_count);
  float *one = guarded(count);
  tw_winograd_pack(winograd, filters->bytes + 1, filters->strides, filters->bias, packed);
  for (int threads = 1; threads <= 3; threads++) {
    const size_t scratch_count = tw_winograd_scratch_bytes(winograd, threads) / sizeof(float);
    float *scratch = guarded(scratch_count);
    float *result = guarded(count);
    tw_winograd_run(winograd, source, packed, result, scratch, threads);
    if (threads == 1) {
      memcpy(one, result, count * sizeof *one);
      check_result(conv, filters, source, result);
    }
    assert_memory_equal(result, one, count * sizeof *one);
    free_guarded(result, count);
    free_guarded(scratch, scratch_count);
  }
  free_guarded(one, count);
  free_guarded(packed, packed_count);
}

static tw_kernel_conv random_conv(tw_random *random, const size_t kernel[2]) {
  static const float bounds[][2] = {{-INFINITY, INFINITY}, {0, INFINITY}, {0, 6}, {-1, 2}};
  const float *bound = bounds[tw_random_below(random, 4)];
  tw_kernel_conv conv = {
      .channels = random_in(random, 1, 40), .results = random_in(random, 1, 60), .low = bound[0], .high = bound[1]};
  for (int i = 0; i < 2; i++) {
    conv.kernel[i] = kernel[i];
    conv.pads[i] = random_in(random, 0, kernel[i]); /* even more than a network would ask for */
    conv.source[i] = random_in(random, 1, 24);
    const size_t behind = random_in(random, 0, kernel[i]);
    const size_t extent = conv.source[i] + conv.pads[i] + behind;
    conv.result[i] = extent < kernel[i] ? 1 : extent - kernel[i] + 1;
  }
  return conv;
}

static const size_t kernels[][2] = {{3, 3}, {5, 5}, {1, 7}, {7, 1}, {1, 3}, {3, 1}};
enum { KERNELS = sizeof kernels / sizeof *kernels };

static void winograd_is_a_convolution(void **state) {
  (void)state;
  tw_random random;
  tw_random_init(&random, 6);
  for (size_t i = 0; i < ROUNDS * KERNELS; i++) {
    const tw_kernel_conv conv = random_conv(&random, kernels[i % KERNELS]);
    filters filters = random_filters(&random, &conv);
    float *source = random_picture(&random, conv.channels, conv.source);
    tw_winograd forms[TW_WINOGRAD_FORMS];
    const size_t count = tw_winograd_describe(&conv, forms);
    assert_int_equal(count, conv.kernel[0] == 3 && conv.kernel[1] == 3 ? 2 : 1);
    for (size_t k = 0; k < count; k++) {
      check_winograd(&forms[k], &filters, source);
    }
    free_guarded(source, picture_size(conv.channels, conv.source));
    test_free(filters.bytes);
    if (filters.bias != NULL) {
      test_free(filters.bias);
    }
  }
}

/* As far from the truth as the comment beside the algorithms says, on what a layer sees: sums of 192 channels of
 * numbers that are not negative. */
static void winograd_is_accurate(void **state) {
  (void)state;
  static const double most[KERNELS] = {3e-6, 2e-6, 6e-6, 6e-6, 2e-6, 2e-6};
  tw_random random;
  tw_random_init(&random, 7);
  for (size_t i = 0; i < KERNELS; i++) {
    tw_kernel_conv conv = {192, 16, {kernels[i][0], kernels[i][1]}, {12, 12}, {12, 12}, {0, 0}, -INFINITY, INFINITY};
    conv.result[0] -= kernels[i][0] - 1;
    conv.result[1] -= kernels[i][1] - 1;
    filters filters = random_filters(&random, &conv);
    float *source = random_picture(&random, conv.channels, conv.source);
    for (size_t k = 0; k < picture_size(conv.channels, conv.source); k++) {
      source[k] = source[k] > 0 ? source[k] : 0;
    }
    tw_winograd forms[TW_WINOGRAD_FORMS];
    assert_true(tw_winograd_describe(&conv, forms) > 0);
    float *packed = guarded(tw_winograd_packed_bytes(&forms[0]) / sizeof(float));
    float *scratch = guarded(tw_winograd_scratch_bytes(&forms[0], 1) / sizeof(float));
    float *result = guarded(picture_size(conv.results, conv.result));
    tw_winograd_pack(&forms[0], filters.bytes + 1, filters.strides, filters.bias, packed);
    tw_winograd_run(&forms[0], source, packed, result, scratch, 1);
    double worst = 0;
    double largest = 0;
    for (size_t k = 0; k < conv.results * conv.result[0] * conv.result[1]; k++) {
      const size_t o = k / conv.result[1] / conv.result[0];
      const size_t y = k / conv.result[1] % conv.result[0];
      const size_t x = k % conv.result[1];
      const double expected = reference_sum(&conv, &filters, source, o, y, x);
      worst = fmax(worst, fabs((double)result[at(conv.result, o, y, x)] - expected));
      largest = fmax(largest, fabs(expected));
    }
    if (!(worst <= most[i] * largest)) {
      print_message("%s: %.2g of the largest\n", forms[0].name, worst / largest);
    }
    assert_true(worst <= most[i] * largest);
    free_guarded(result, picture_size(conv.results, conv.result));
    free_guarded(scratch, tw_winograd_scratch_bytes(&forms[0], 1) / sizeof(float));
    free_guarded(packed, tw_winograd_packed_bytes(&forms[0]) / sizeof(float));
    free_guarded(source, picture_size(conv.channels, conv.source));
    test_free(filters.bytes);
    if (filters.bias != NULL) {
      test_free(filters.bias);
    }
  }
}

static const char *choice(const tw_kernel_conv *conv) {
  tw_winograd winograd;
  return tw_winograd_choose(conv, &winograd) ? winograd.name : "direct";
}

static tw_kernel_conv square(size_t channels, size_t results, size_t high, size_t wide, size_t size) {
  return (tw_kernel_conv){channels, results, {high, wide}, {size, size}, {size, size}, {high / 2, wide / 2},
                          0,        INFINITY};
}

/* The rule. */
static void choice_by_shape(void **state) {
  (void)state;
  const struct {
    tw_kernel_conv conv;
    const char *name;
  } cases[] = {
      {square(80, 192, 3, 3, 71), "winograd 4x4,3x3 avx2"},
      {square(96, 96, 3, 3, 35), "winograd 4x4,3x3 avx2"},
      {square(448, 384, 3, 3, 8), "winograd 2x2,3x3 avx2"}, /* few tiles, many weights */
      {square(48, 64, 5, 5, 35), "winograd 2x2,5x5 avx2"},
      {square(128, 192, 1, 7, 17), "winograd 1x4,1x7 avx2"},
      {square(192, 192, 7, 1, 17), "winograd 4x1,7x1 avx2"},
      {square(384, 384, 1, 3, 8), "winograd 1x4,1x3 avx2"},
      {square(384, 384, 3, 1, 8), "winograd 4x1,3x1 avx2"},
      {square(512, 512, 3, 3, 2), "direct"}, /* memory alone */
      {square(4, 4, 3, 3, 35), "direct"},    /* transforms alone */
      {square(64, 64, 1, 1, 35), "direct"},
      {square(64, 64, 7, 7, 35), "direct"},
      {square(64, 64, 3, 5, 35), "direct"},
  };
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    assert_string_equal(choice(&cases[i].conv), cases[i].name);
  }
  tw_kernel_conv shifted = square(96, 96, 3, 3, 35);
  shifted.low = 1; /* channels that pad the last block would become 1 */
  assert_string_equal(choice(&shifted), "direct");
  shifted.low = NAN;
  assert_string_equal(choice(&shifted), "direct");
}

/* ---- Pools ------------------------------------------------------------------------------------------------------- */

static double reference_pool(const tw_kernel_pool *pool, const float *source, size_t channel, size_t y, size_t x) {
  double all = pool->average ? 0 : -INFINITY;
  size_t count = 0;
  for (size_t i = 0; i < pool->kernel[0]; i++) {
    for (size_t j = 0; j < pool->kernel[1]; j++) {
      const size_t v = y * pool->strides[0] + i - pool->pads[0];
      const size_t u = x * pool->strides[1] + j - pool->pads[1];
      if (v < pool->source[0] && u < pool->source[1]) {
        const double value = (double)source[at(pool->source, channel, v, u)];
        all = pool->average ? all + value : fmax(all, value);
        count++;
      }
    }
  }
  assert_true(count > 0);
  return !pool->average ? all : all / (double)(pool->count_padding ? pool->kernel[0] * pool->kernel[1] : count);
}

static tw_kernel_pool random_pool(tw_random *random) {
  tw_kernel_pool pool = {.average = tw_random_below(random, 2) == 0,
                         .count_padding = tw_random_below(random, 2) == 0,
                         .channels = random_in(random, 1, 40)};
  for (int i = 0; i < 2; i++) {
    pool.kernel[i] = random_in(random, 1, 5);
    pool.strides[i] = random_in(random, 1, 3);
    pool.pads[i] = random_in(random, 0, pool.kernel[i] - 1);
    pool.source[i] = random_in(random, pool.kernel[i], 20);
    const size_t behind = random_in(random, 0, pool.kernel[i] - 1);
    pool.result[i] = (pool.source[i] + pool.pads[i] + behind - pool.kernel[i]) / pool.strides[i] + 1;
  }
  return pool;
}

static void pools_are_pools(void **state) {
  (void)state;
  tw_random random;
  tw_random_init(&random, 8);
  for (int round = 0; round < 6 * ROUNDS; round++) {
    const tw_kernel_pool pool = random_pool(&random);
    const size_t count = picture_size(pool.channels, pool.result);
    float *source = random_picture(&random, pool.channels, pool.source);
    float *one = NULL;
    for (int threads = 1; threads <= 3; threads++) {
      const size_t scratch_count = tw_kernel_pool_scratch_bytes(&pool, threads) / sizeof(float);
      float *scratch = guarded(scratch_count);
      float *result = guarded(count);
      tw_kernel_pool_run(&pool, source, result, scratch, threads);
      for (size_t k = 0; k < pool.channels * pool.result[0] * pool.result[1]; k++) {
        const size_t c = k / pool.result[1] / pool.result[0];
        const size_t y = k / pool.result[1] % pool.result[0];
        const size_t x = k % pool.result[1];
        const double expected = reference_pool(&pool, source, c, y, x);
        assert_true(fabs((double)result[at(pool.result, c, y, x)] - expected) <= 1e-6);
      }
      check_padding_is_zero(result, pool.channels, pool.result);
      free_guarded(scratch, scratch_count);
      if (one == NULL) {
        one = result;
      } else {
        assert_memory_equal(result, one, count * sizeof *one);
        free_guarded(result, count);
      }
    }
    free_guarded(one, count);
    free_guarded(source, picture_size(pool.channels, pool.source));
  }
}

/* ---- Threads ----------------------------------------------------------------------------------------------------- */

enum { MOST_PARTS = 4 };

static void note_part(const void *context, size_t part, size_t parts) {
  int *const *done = context;
  assert_true(part < parts && parts <= MOST_PARTS);
  (*done)[part]++;
}

static void each_part_is_done_once(void **state) {
  (void)state;
  for (int threads = 1; threads <= MOST_PARTS; threads++) {
    int counts[MOST_PARTS] = {0};
    int *const done = counts;
    tw_kernels_parallel(threads, note_part, &done);
    for (int i = 0; i < MOST_PARTS; i++) {
      assert_true(counts[i] <= 1 && (i > 0 || counts[i] == 1));
    }
  }
}

int main(void) {
  if (!tw_kernels_possible()) {
    return TW_TEST_SKIPPED;
  }
  const struct CMUnitTest tests[] = {cmocka_unit_test(winograd_is_a_convolution),
                                     cmocka_unit_test(winograd_is_accurate), cmocka_unit_test(choice_by_shape),
                                     cmocka_unit_test(pools_are_pools), cmocka_unit_test(each_part_is_done_once)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
