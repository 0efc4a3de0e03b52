/* Our convolution of bytes by itself, against plain loops, over many shapes from a seeded generator: the same to the
 * bit, whatever the number of threads. Running is skipped where the processor has no AVX2. */
#include "engine/kernels/conv_bytes.h"

#include <math.h>
#include <string.h>

#include "support.h"

enum { ROUNDS = 300, GUARD = 64, THREADS = 3 };

static size_t random_in(tw_random *random, size_t least, size_t most) {
  return least + (size_t)tw_random_below(random, most - least + 1);
}

static float random_float(tw_random *random) {
  return (float)(2 * tw_random_unit(random) - 1);
}

/* ---- A convolution ----------------------------------------------------------------------------------------------- */

typedef struct problem {
  tw_byte_conv conv;
  uint8_t *source;
  int8_t *weights;
  uint8_t *padding;
  float *scales;
  float *biases;
  uint8_t *before; /* what lies in the result */
  size_t count;    /* of the result */
} problem;

static size_t weight_count(const tw_byte_conv *conv) {
  return conv->results * conv->channels * conv->kernel[0] * conv->kernel[1];
}

static uint8_t *random_bytes(tw_random *random, size_t count) {
  uint8_t *bytes = test_malloc(count);
  for (size_t i = 0; i < count; i++) {
    bytes[i] = tw_random_below(random, 8) == 0 ? UINT8_MAX : (uint8_t)tw_random_below(random, UINT8_MAX + 1);
  }
  return bytes;
}

/* Weights as large as quads allow: 128 in one of the four, or 32 in each. */
static int8_t *random_weights(tw_random *random, const tw_byte_conv *conv) {
  int8_t *weights = test_malloc(weight_count(conv));
  const size_t taps = conv->kernel[0] * conv->kernel[1];
  for (size_t i = 0; i < weight_count(conv); i++) {
    const size_t channel = i / taps % conv->channels;
    const bool alone = (i / taps / conv->channels + i % taps) % 3 == 0;
    const bool chosen = channel % TW_BYTES_GROUP == 1 || channel % TW_BYTES_GROUP == 6;
    weights[i] = alone ? (int8_t)(chosen ? tw_random_below(random, 2) == 0 ? -128 : 127 : 0)
                       : (int8_t)(tw_random_below(random, 65) - 32);
  }
  return weights;
}

static void describe(tw_random *random, bool winograd, tw_byte_conv *ret_conv) {
  tw_byte_conv conv = {.channels = TW_BYTES_GROUP * (winograd ? 2U : 1U) * random_in(random, 1, 5),
                       .results = random_in(random, 1, 40),
                       .floats = tw_random_below(random, 3) == 0};
  for (int i = 0; i < 2; i++) {
    conv.kernel[i] = winograd ? 3 : random_in(random, 1, 4);
    conv.strides[i] = winograd ? 1 : random_in(random, 1, 3);
    conv.dilations[i] = winograd ? 1 : random_in(random, 1, 2);
    conv.pads[i] = tw_random_below(random, conv.kernel[i]);
    const size_t reach = (conv.kernel[i] - 1) * conv.dilations[i] + 1;
    conv.source[i] = reach + tw_random_below(random, 14);
    const size_t behind = tw_random_below(random, conv.kernel[i]);
    conv.result[i] = (conv.source[i] + conv.pads[i] + behind - reach) / conv.strides[i] + 1;
  }
  conv.low = conv.floats && tw_random_below(random, 2) == 0 ? 0 : -INFINITY;
  conv.high = conv.floats && tw_random_below(random, 2) == 0 ? 6 : INFINITY;
  conv.added = !conv.floats && tw_random_below(random, 2) == 0 ? 0.75F : 0;
  *ret_conv = conv;
}

static problem make_problem(tw_random *random, const tw_byte_conv *described) {
  problem problem = {.conv = *described};
  tw_byte_conv *conv = &problem.conv;
  problem.count = conv->results * conv->result[0] * conv->result[1];
  problem.source = random_bytes(random, conv->channels * conv->source[0] * conv->source[1]);
  problem.padding = random_bytes(random, conv->channels);
  problem.weights = random_weights(random, conv);
  problem.before = random_bytes(random, problem.count);
  problem.scales = test_malloc((conv->results + TW_BYTES_PANEL) * sizeof(float));
  problem.biases = test_malloc((conv->results + TW_BYTES_PANEL) * sizeof(float));
  for (size_t i = 0; i < conv->results + TW_BYTES_PANEL; i++) {
    problem.scales[i] = 0.002F + 0.001F * random_float(random);
    problem.biases[i] = 40000 * random_float(random);
  }
  conv->padding = problem.padding;
  conv->scales = problem.scales;
  conv->biases = problem.biases;
  return problem;
}

static void free_problem(problem *problem) {
  test_free(problem->source);
  test_free(problem->weights);
  test_free(problem->padding);
  test_free(problem->before);
  test_free(problem->scales);
  test_free(problem->biases);
}

/* ---- Plain loops ------------------------------------------------------------------------------------------------- */

static const uint8_t *pixel_at(const problem *problem, ptrdiff_t y, ptrdiff_t x) {
  const tw_byte_conv *conv = &problem->conv;
  bool inside = y >= 0 && x >= 0 && y < (ptrdiff_t)conv->source[0] && x < (ptrdiff_t)conv->source[1];
  return inside ? problem->source + ((size_t)y * conv->source[1] + (size_t)x) * conv->channels : problem->padding;
}

static int32_t sum_at(const problem *problem, size_t y, size_t x, size_t result) {
  const tw_byte_conv *conv = &problem->conv;
  const size_t taps = conv->kernel[0] * conv->kernel[1];
  int32_t sum = 0;
  for (size_t t = 0; t < taps; t++) {
    const size_t down = y * conv->strides[0] + t / conv->kernel[1] * conv->dilations[0];
    const size_t right = x * conv->strides[1] + t % conv->kernel[1] * conv->dilations[1];
    const uint8_t *pixel =
        pixel_at(problem, (ptrdiff_t)down - (ptrdiff_t)conv->pads[0], (ptrdiff_t)right - (ptrdiff_t)conv->pads[1]);
    for (size_t c = 0; c < conv->channels; c++) {
      sum += pixel[c] * problem->weights[(result * conv->channels + c) * taps + t];
    }
  }
  return sum;
}

/* The element at `at` as it has to be: of floats, or a byte. */
static float expected_at(const problem *problem, size_t at) {
  const tw_byte_conv *conv = &problem->conv;
  const size_t result = at % conv->results;
  const size_t pixel = at / conv->results;
  const int32_t sum = sum_at(problem, pixel / conv->result[1], pixel % conv->result[1], result);
  const float value = ((float)sum + conv->biases[result]) * conv->scales[result];
  if (conv->floats) {
    return fminf(fmaxf(value, conv->low), conv->high);
  }
  const float added = conv->added > 0 ? fmaf((float)problem->before[at], conv->added, value) : value;
  return rintf(fminf(fmaxf(added, 0), UINT8_MAX));
}

/* ---- Tests ------------------------------------------------------------------------------------------------------- */

static size_t result_bytes(const problem *problem) {
  return problem->count * (problem->conv.floats ? sizeof(float) : 1);
}

/* Room for the result between guards, with what lies there before. */
static uint8_t *start(const problem *problem) {
  uint8_t *memory = test_malloc(result_bytes(problem) + 2 * GUARD);
  memset(memory, GUARD, result_bytes(problem) + 2 * GUARD);
  memcpy(memory + GUARD, problem->before, problem->count);
  return memory;
}

/* Frees it, too. */
static void check_result(const problem *problem, uint8_t *memory) {
  for (size_t i = 0; i < GUARD; i++) {
    assert_true(memory[i] == GUARD && memory[GUARD + result_bytes(problem) + i] == GUARD);
  }
  for (size_t i = 0; i < problem->count; i++) {
    float found = memory[GUARD + i];
    if (problem->conv.floats) {
      memcpy(&found, memory + GUARD + i * sizeof found, sizeof found);
    }
    const float expected = expected_at(problem, i);
    if (found < expected || found > expected) {
      fail_msg("element %zu is %g, not %g", i, (double)found, (double)expected);
    }
  }
  test_free(memory);
}

static void check_direct(const problem *problem) {
  assert_true(tw_byte_conv_fits(&problem->conv, problem->weights));
  int8_t *packed = tw_alloc_aligned(tw_byte_conv_packed_bytes(&problem->conv));
  assert_non_null(packed);
  tw_byte_conv_pack(&problem->conv, problem->weights, packed);
  for (int threads = 1; threads <= THREADS; threads++) {
    uint8_t *result = start(problem);
    tw_byte_conv_run(&problem->conv, problem->source, packed, result + GUARD, threads);
    check_result(problem, result);
  }
  tw_free(packed);
}

static void check_winograd(const problem *problem) {
  int16_t *packed = tw_alloc_aligned(tw_byte_winograd_packed_bytes(&problem->conv));
  void *scratch = tw_alloc_aligned(tw_byte_winograd_scratch_bytes(&problem->conv, THREADS));
  assert_non_null(packed);
  assert_non_null(scratch);
  tw_byte_winograd_pack(&problem->conv, problem->weights, packed);
  for (int threads = 1; threads <= THREADS; threads++) {
    uint8_t *result = start(problem);
    tw_byte_winograd_run(&problem->conv, problem->source, packed, result + GUARD, scratch, threads);
    check_result(problem, result);
  }
  tw_free(packed);
  tw_free(scratch);
}

/* That many problems, by one of the two algorithms. */
static void check_many(uint64_t seed, int rounds, bool winograd) {
  tw_random random;
  tw_random_init(&random, seed);
  for (int i = 0; i < rounds; i++) {
    tw_byte_conv conv;
    describe(&random, winograd, &conv);
    problem problem = make_problem(&random, &conv);
    (winograd ? check_winograd : check_direct)(&problem);
    free_problem(&problem);
  }
}

static void the_same_as_plain_loops(void **state) {
  (void)state;
  if (!tw_byte_conv_possible()) {
    skip();
  }
  check_many(11, ROUNDS, false);
}

static void winograd_is_exact(void **state) {
  (void)state;
  if (!tw_byte_conv_possible()) {
    skip();
  }
  check_many(12, ROUNDS / 3, true);
}

/* A picture of more than one block, in both. */
static void several_blocks(void **state) {
  (void)state;
  if (!tw_byte_conv_possible()) {
    skip();
  }
  tw_random random;
  tw_random_init(&random, 13);
  const tw_byte_conv conv = {.channels = 64,
                             .results = 20,
                             .kernel = {3, 3},
                             .strides = {1, 1},
                             .dilations = {1, 1},
                             .source = {30, 31},
                             .result = {30, 31},
                             .pads = {1, 1}};
  problem problem = make_problem(&random, &conv);
  check_direct(&problem);
  check_winograd(&problem);
  free_problem(&problem);
}

/* Few tiles, or another window: the direct one. */
static void winograd_where_it_pays(void **state) {
  (void)state;
  tw_byte_conv conv = {.channels = 32,
                       .results = 32,
                       .kernel = {3, 3},
                       .strides = {1, 1},
                       .dilations = {1, 1},
                       .source = {16, 16},
                       .result = {16, 16}};
  assert_true(tw_byte_winograd_pays(&conv));
  conv.result[0] = 14;
  assert_false(tw_byte_winograd_pays(&conv));
  conv.result[0] = 16;
  conv.channels = 24;
  assert_false(tw_byte_winograd_pays(&conv));
  conv.channels = 4096;
  assert_false(tw_byte_winograd_pays(&conv));
  conv.channels = 32;
  conv.strides[1] = 2;
  assert_false(tw_byte_winograd_pays(&conv));
  conv.strides[1] = 1;
  conv.kernel[0] = 1;
  assert_false(tw_byte_winograd_pays(&conv));
}

/* One more in any quad is too much; one more in another is not. */
static void quads_keep_to_their_bounds(void **state) {
  (void)state;
  const tw_byte_conv conv = {.channels = 16, .results = 2, .kernel = {1, 3}};
  const size_t quad_of[TW_BYTES_GROUP] = {0, 0, 1, 1, 0, 0, 1, 1};
  int8_t weights[2 * 16 * 3];
  for (int sign = -1; sign <= 1; sign += 2) {
    for (size_t i = 0; i < sizeof weights; i++) {
      weights[i] = (int8_t)(32 * sign);
    }
    assert_true(tw_byte_conv_fits(&conv, weights));
    for (size_t i = 0; i < sizeof weights; i++) {
      const size_t other = i / 3 % TW_BYTES_GROUP == 0 ? i + 3 : i - i / 3 % TW_BYTES_GROUP * 3; /* of the group */
      const bool together = quad_of[i / 3 % TW_BYTES_GROUP] == quad_of[other / 3 % TW_BYTES_GROUP];
      weights[i] = (int8_t)(weights[i] + sign);
      assert_false(tw_byte_conv_fits(&conv, weights));
      weights[other] = (int8_t)(weights[other] - sign);
      assert_int_equal(tw_byte_conv_fits(&conv, weights), together);
      weights[i] = (int8_t)(32 * sign);
      weights[other] = (int8_t)(32 * sign);
      weights[i] = (int8_t)(-32 * sign); /* of the other sign: by itself */
      assert_true(tw_byte_conv_fits(&conv, weights));
      weights[i] = (int8_t)(32 * sign);
    }
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(the_same_as_plain_loops),
      cmocka_unit_test(winograd_is_exact),
      cmocka_unit_test(several_blocks),
      cmocka_unit_test(winograd_where_it_pays),
      cmocka_unit_test(quads_keep_to_their_bounds),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
