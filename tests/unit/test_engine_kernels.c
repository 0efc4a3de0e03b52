/* Our own kernels by themselves, against plain loops in double, over many shapes from a seeded generator. Skipped where
 * the processor has no AVX2; what is for AVX-512 runs in pairs of AVX2's vectors where that is missing. */
#include <math.h>
#include <string.h>

#include "engine/kernels/internal.h"
#include "support.h"

#if defined(__x86_64__) && defined(__GNUC__)

#include "lanes_pair.h"

#include "engine/kernels/pool_body.h"
#include "engine/kernels/winograd_body.h"

static const tw_kernel_set pairs = {winograd_run, pool_run};

#else

static const tw_kernel_set pairs = {NULL, NULL};

#endif

enum { ROUNDS = 20, GUARD = 64 };
static const float guard = 12345;

static const tw_kernel_set *set_of(size_t lanes) {
  const tw_kernel_set *wide = tw_kernel_set_avx512();
  return lanes == 8 ? tw_kernel_set_avx2() : wide != NULL ? wide : &pairs;
}

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

/* A picture in blocks of channels. */
typedef struct form {
  size_t lanes;
  size_t channels;
  size_t high;
  size_t wide;
} form;

static size_t padded_channels(const form *form) {
  return (form->channels + form->lanes - 1) / form->lanes * form->lanes;
}

static size_t size_of(const form *form) {
  return padded_channels(form) * form->high * form->wide;
}

static size_t index_of(const form *form, size_t channel, size_t y, size_t x) {
  const size_t lanes = form->lanes;
  return ((channel / lanes * form->high + y) * form->wide + x) * lanes + channel % lanes;
}

static float *random_picture(tw_random *random, const form *form) {
  float *picture = guarded(size_of(form));
  memset(picture, 0, size_of(form) * sizeof *picture);
  for (size_t c = 0; c < form->channels; c++) {
    for (size_t y = 0; y < form->high; y++) {
      for (size_t x = 0; x < form->wide; x++) {
        picture[index_of(form, c, y, x)] = random_float(random);
      }
    }
  }
  return picture;
}

static void check_padding_is_zero(const float *picture, const form *form) {
  for (size_t c = form->channels; c < padded_channels(form); c++) {
    for (size_t y = 0; y < form->high; y++) {
      for (size_t x = 0; x < form->wide; x++) {
        assert_true(picture[index_of(form, c, y, x)] == 0);
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

static void free_filters(filters *filters) {
  test_free(filters->bytes);
  if (filters->bias != NULL) {
    test_free(filters->bias);
  }
}

static form source_of(const tw_kernel_conv *conv) {
  return (form){conv->lanes, conv->channels, conv->source[0], conv->source[1]};
}

static form result_of(const tw_kernel_conv *conv) {
  return (form){conv->lanes, conv->results, conv->result[0], conv->result[1]};
}

static double reference_sum(const tw_kernel_conv *conv, const filters *filters, const float *source, size_t result,
                            size_t y, size_t x) {
  const form form = source_of(conv);
  double sum = filters->bias != NULL ? (double)filters->bias[result] : 0;
  for (size_t c = 0; c < conv->channels; c++) {
    for (size_t i = 0; i < conv->kernel[0]; i++) {
      for (size_t j = 0; j < conv->kernel[1]; j++) {
        const size_t v = y + i - conv->pads[0];
        const size_t u = x + j - conv->pads[1];
        if (v < form.high && u < form.wide) {
          sum += (double)source[index_of(&form, c, v, u)] * (double)weight_of(filters, result, c, i, j);
        }
      }
    }
  }
  return fmin(fmax(sum, (double)conv->low), (double)conv->high);
}

/* The largest difference to the reference; *ret_largest: the largest number in that. */
static double worst_difference(const tw_kernel_conv *conv, const filters *filters, const float *source,
                               const float *result, double *ret_largest) {
  const form form = result_of(conv);
  double worst = 0;
  *ret_largest = 0;
  for (size_t o = 0; o < form.channels; o++) {
    for (size_t y = 0; y < form.high; y++) {
      for (size_t x = 0; x < form.wide; x++) {
        const double expected = reference_sum(conv, filters, source, o, y, x);
        const double found = (double)result[index_of(&form, o, y, x)];
        assert_true(isfinite(found));
        worst = fmax(worst, fabs(found - expected));
        *ret_largest = fmax(*ret_largest, fabs(expected));
      }
    }
  }
  return worst;
}

/* Not further from the truth than `most` (of the largest result) and `bound`, and the same for one, two and three
 * threads; nothing outside is touched. */
static void check_winograd(const tw_winograd *winograd, const filters *filters, const float *source, double most,
                           double bound) {
  const tw_kernel_conv *conv = &winograd->conv;
  const form form = result_of(conv);
  const size_t packed_count = tw_winograd_packed_bytes(winograd) / sizeof(float);
  float *packed = guarded(packed_count);
  float *one = guarded(size_of(&form));
  tw_winograd_pack(winograd, filters->bytes + 1, filters->strides, packed);
  for (int threads = 1; threads <= 3; threads++) {
    const size_t scratch_count = tw_winograd_scratch_bytes(winograd, threads) / sizeof(float);
    float *scratch = guarded(scratch_count);
    float *result = guarded(size_of(&form));
    set_of(conv->lanes)->winograd(winograd, source, packed, filters->bias, result, scratch, threads);
    if (threads == 1) {
      double largest;
      const double worst = worst_difference(conv, filters, source, result, &largest);
      if (!(worst <= most * largest + bound)) {
        print_message("%s, %zu lanes, %zu to %zu channels: off by %.2g of %.2g\n", winograd->name, conv->lanes,
                      conv->channels, conv->results, worst, largest);
      }
      assert_true(worst <= most * largest + bound);
      check_padding_is_zero(result, &form);
      memcpy(one, result, size_of(&form) * sizeof *one);
    }
    assert_memory_equal(result, one, size_of(&form) * sizeof *one);
    free_guarded(result, size_of(&form));
    free_guarded(scratch, scratch_count);
  }
  free_guarded(one, size_of(&form));
  free_guarded(packed, packed_count);
}

static const size_t kernels[][2] = {{3, 3}, {5, 5}, {1, 7}, {7, 1}, {1, 3}, {3, 1}};
enum { KERNELS = sizeof kernels / sizeof *kernels };

static tw_kernel_conv random_conv(tw_random *random, size_t lanes, const size_t kernel[2]) {
  static const float bounds[][2] = {{-INFINITY, INFINITY}, {0, INFINITY}, {0, 6}, {-1, 2}};
  const float *bound = bounds[tw_random_below(random, 4)];
  tw_kernel_conv conv = {.lanes = lanes,
                         .channels = random_in(random, 1, 40),
                         .results = random_in(random, 1, 60),
                         .low = bound[0],
                         .high = bound[1]};
  for (int i = 0; i < 2; i++) {
    conv.kernel[i] = kernel[i];
    conv.pads[i] = random_in(random, 0, kernel[i]); /* even more than a network would ask for */
    conv.source[i] = random_in(random, 1, 24);
    const size_t extent = conv.source[i] + conv.pads[i] + random_in(random, 0, kernel[i]);
    conv.result[i] = extent < kernel[i] ? 1 : extent - kernel[i] + 1;
  }
  return conv;
}

static void winograd_is_a_convolution(void **state) {
  (void)state;
  tw_random random;
  tw_random_init(&random, 6);
  for (size_t i = 0; i < ROUNDS * 2 * KERNELS; i++) {
    const tw_kernel_conv conv = random_conv(&random, i % 2 == 0 ? 8 : 16, kernels[i / 2 % KERNELS]);
    const form form = source_of(&conv);
    filters filters = random_filters(&random, &conv);
    float *source = random_picture(&random, &form);
    tw_winograd forms[TW_WINOGRAD_FORMS];
    const size_t count = tw_winograd_describe(&conv, forms);
    assert_int_equal(count, conv.kernel[0] == 3 && conv.kernel[1] == 3 ? 2 : 1);
    for (size_t k = 0; k < count; k++) {
      check_winograd(&forms[k], &filters, source, 0, 1e-5 * sqrt((double)(9 * conv.channels)));
    }
    free_guarded(source, size_of(&form));
    free_filters(&filters);
  }
}

/* As near to the truth as the comment beside the algorithms says, on what a layer sees: sums over 192 channels of
 * numbers that are not negative. */
static void winograd_is_accurate(void **state) {
  (void)state;
  static const double most[KERNELS] = {3e-6, 2e-6, 6e-6, 6e-6, 2e-6, 2e-6};
  tw_random random;
  tw_random_init(&random, 7);
  for (size_t i = 0; i < KERNELS; i++) {
    const size_t *kernel = kernels[i];
    const tw_kernel_conv conv = {.lanes = 8,
                                 .channels = 192,
                                 .results = 16,
                                 .kernel = {kernel[0], kernel[1]},
                                 .source = {12, 12},
                                 .result = {13 - kernel[0], 13 - kernel[1]},
                                 .low = -INFINITY,
                                 .high = INFINITY};
    const form form = source_of(&conv);
    filters filters = random_filters(&random, &conv);
    float *source = random_picture(&random, &form);
    for (size_t k = 0; k < size_of(&form); k++) {
      source[k] = source[k] > 0 ? source[k] : 0;
    }
    tw_winograd forms[TW_WINOGRAD_FORMS];
    assert_true(tw_winograd_describe(&conv, forms) > 0);
    check_winograd(&forms[0], &filters, source, most[i], 0);
    free_guarded(source, size_of(&form));
    free_filters(&filters);
  }
}

static const char *choice(const tw_kernel_conv *conv) {
  tw_winograd winograd;
  return tw_winograd_choose(conv, &winograd) ? winograd.name : "direct";
}

static tw_kernel_conv square(size_t channels, size_t results, size_t high, size_t wide, size_t size) {
  return (tw_kernel_conv){.lanes = 8,
                          .channels = channels,
                          .results = results,
                          .kernel = {high, wide},
                          .source = {size, size},
                          .result = {size, size},
                          .pads = {high / 2, wide / 2},
                          .high = INFINITY};
}

/* The rule. */
static void choice_by_shape(void **state) {
  (void)state;
  const struct {
    tw_kernel_conv conv;
    const char *name;
  } cases[] = {
      {square(80, 192, 3, 3, 71), "winograd 4x4,3x3"},
      {square(96, 96, 3, 3, 35), "winograd 4x4,3x3"},
      {square(448, 384, 3, 3, 8), "winograd 2x2,3x3"}, /* few tiles, many weights */
      {square(48, 64, 5, 5, 35), "winograd 2x2,5x5"},
      {square(128, 192, 1, 7, 17), "winograd 1x4,1x7"},
      {square(192, 192, 7, 1, 17), "winograd 4x1,7x1"},
      {square(384, 384, 1, 3, 8), "winograd 1x4,1x3"},
      {square(384, 384, 3, 1, 8), "winograd 4x1,3x1"},
      {square(512, 512, 3, 3, 2), "direct"},   /* memory alone */
      {square(4, 4, 1, 3, 35), "direct"},      /* transforms alone */
      {square(60000, 60, 3, 3, 35), "direct"}, /* a tile would not fit into any cache */
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
  const form form = {pool->lanes, pool->channels, pool->source[0], pool->source[1]};
  double all = pool->average ? 0 : -INFINITY;
  size_t count = 0;
  for (size_t i = 0; i < pool->kernel[0]; i++) {
    for (size_t j = 0; j < pool->kernel[1]; j++) {
      const size_t v = y * pool->strides[0] + i - pool->pads[0];
      const size_t u = x * pool->strides[1] + j - pool->pads[1];
      if (v < form.high && u < form.wide) {
        const double value = (double)source[index_of(&form, channel, v, u)];
        all = pool->average ? all + value : fmax(all, value);
        count++;
      }
    }
  }
  assert_true(count > 0);
  return !pool->average ? all : all / (double)(pool->count_padding ? pool->kernel[0] * pool->kernel[1] : count);
}

static void check_pool(const tw_kernel_pool *pool, const float *source, const float *result) {
  const form form = {pool->lanes, pool->channels, pool->result[0], pool->result[1]};
  for (size_t c = 0; c < form.channels; c++) {
    for (size_t y = 0; y < form.high; y++) {
      for (size_t x = 0; x < form.wide; x++) {
        const double expected = reference_pool(pool, source, c, y, x);
        assert_true(fabs((double)result[index_of(&form, c, y, x)] - expected) <= 1e-6);
      }
    }
  }
  check_padding_is_zero(result, &form);
}

static tw_kernel_pool random_pool(tw_random *random, size_t lanes) {
  tw_kernel_pool pool = {.lanes = lanes,
                         .average = tw_random_below(random, 2) == 0,
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
  for (int round = 0; round < 12 * ROUNDS; round++) {
    const tw_kernel_pool pool = random_pool(&random, round % 2 == 0 ? 8 : 16);
    const form source_form = {pool.lanes, pool.channels, pool.source[0], pool.source[1]};
    const form result_form = {pool.lanes, pool.channels, pool.result[0], pool.result[1]};
    float *source = random_picture(&random, &source_form);
    for (int threads = 1; threads <= 3; threads++) { /* no sum depends on their number */
      const size_t scratch_count = tw_kernel_pool_scratch_bytes(&pool, threads) / sizeof(float);
      float *scratch = guarded(scratch_count);
      float *result = guarded(size_of(&result_form));
      set_of(pool.lanes)->pool(&pool, source, result, scratch, threads);
      check_pool(&pool, source, result);
      free_guarded(result, size_of(&result_form));
      free_guarded(scratch, scratch_count);
    }
    free_guarded(source, size_of(&source_form));
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
  if (!tw_kernels_possible(8)) {
    return TW_TEST_SKIPPED;
  }
  const struct CMUnitTest tests[] = {cmocka_unit_test(winograd_is_a_convolution),
                                     cmocka_unit_test(winograd_is_accurate), cmocka_unit_test(choice_by_shape),
                                     cmocka_unit_test(pools_are_pools), cmocka_unit_test(each_part_is_done_once)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
