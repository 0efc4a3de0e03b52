/* The matrix product under training: right, on the calling thread alone, and always the same digits. */
#include <math.h>
#include <pthread.h>

#include "engine/engine.h"
#include "test_train_data.h"

int omp_get_max_threads(void);
void omp_set_num_threads(int threads);

enum { M = 37, N = 19, K = 53, SPARE = 16 };

typedef struct operands {
  float a[M * K + SPARE];
  float b[K * N + SPARE];
  float c[M * N + SPARE];
} operands;

/* Fills a and b from `shift` floats on, so that they lie differently. */
static void fill(operands *to, size_t shift) {
  for (size_t i = 0; i < M * K; i++) {
    to->a[shift + i] = (float)((i * 7919 + 11) % 1000) / 500 - 1;
  }
  for (size_t i = 0; i < K * N; i++) {
    to->b[shift + i] = (float)((i * 104729 + 5) % 1000) / 500 - 1;
  }
}

static tw_status multiply(operands *with, size_t shift, bool ta, bool tb, float alpha, float beta) {
  return tw_engine_sgemm(ta, tb, M, N, K, alpha, with->a + shift, ta ? M : K, with->b + shift, tb ? K : N, beta,
                         with->c + shift, N, NULL);
}

static void agrees_with_the_definition(void **state) {
  (void)state;
  static operands with;
  fill(&with, 0);
  for (int form = 0; form < 4; form++) {
    bool ta = (form & 1) != 0;
    bool tb = (form & 2) != 0;
    for (size_t i = 0; i < M * N; i++) {
      with.c[i] = 2;
    }
    assert_int_equal(multiply(&with, 0, ta, tb, 0.5f, 3), TW_OK);
    for (size_t i = 0; i < M; i++) {
      for (size_t j = 0; j < N; j++) {
        double sum = 0;
        for (size_t k = 0; k < K; k++) {
          sum += (double)with.a[ta ? k * M + i : i * K + k] * (double)with.b[tb ? j * K + k : k * N + j];
        }
        assert_true(fabs((double)with.c[i * N + j] - (0.5 * sum + 6)) < 1e-5);
      }
    }
  }
}

static void beta_zero_reads_nothing(void **state) {
  (void)state;
  static operands with;
  fill(&with, 0);
  for (size_t i = 0; i < M * N; i++) {
    with.c[i] = (float)NAN;
  }
  assert_int_equal(multiply(&with, 0, false, true, 1, 0), TW_OK);
  for (size_t i = 0; i < M * N; i++) {
    assert_true(isfinite(with.c[i]));
  }
}

static void *multiply_elsewhere(void *with) {
  return multiply(with, 5, false, true, 1, 0) == TW_OK ? with : NULL;
}

static void digits_depend_on_nothing_else(void **state) {
  (void)state;
  static operands first;
  static operands other;
  fill(&first, 0);
  assert_int_equal(multiply(&first, 0, false, true, 1, 0), TW_OK);
  for (size_t shift = 1; shift < SPARE; shift++) {
    fill(&other, shift);
    assert_int_equal(multiply(&other, shift, false, true, 1, 0), TW_OK);
    assert_memory_equal(other.c + shift, first.c, M * N * sizeof(float));
  }
  fill(&other, 5);
  pthread_t thread;
  void *done;
  assert_int_equal(pthread_create(&thread, NULL, multiply_elsewhere, &other), 0);
  pthread_join(thread, &done);
  assert_ptr_equal(done, &other);
  assert_memory_equal(other.c + 5, first.c, M * N * sizeof(float));
}

/* A shape that oneDNN would split: 128 x 64 over 1280 with two threads gives other digits. */
static void openmp_state_has_no_say_and_is_kept(void **state) {
  (void)state;
  enum { ROWS = 128, COLUMNS = 64, INNER = 1280 };
  float *a = set_memory(ROWS * INNER, sizeof *a);
  float *b = set_memory(COLUMNS * INNER, sizeof *b);
  float *c = set_memory(4 * ROWS * COLUMNS, sizeof *c);
  for (size_t i = 0; i < ROWS * INNER; i++) {
    a[i] = (float)((i * 7919 + 11) % 1000) / 500 - 1;
    b[i % (COLUMNS * INNER)] = (float)((i * 104729 + 5) % 1000) / 500 - 1;
  }
  int before = omp_get_max_threads();
  for (int threads = 1; threads <= 4; threads++) {
    omp_set_num_threads(threads);
    float *to = c + (threads - 1) * ROWS * COLUMNS;
    assert_int_equal(tw_engine_sgemm(false, true, ROWS, COLUMNS, INNER, 1, a, INNER, b, INNER, 0, to, COLUMNS, NULL),
                     TW_OK);
    assert_int_equal(omp_get_max_threads(), threads);
    assert_memory_equal(to, c, ROWS * COLUMNS * sizeof *c);
  }
  omp_set_num_threads(before);
  free(a);
  free(b);
  free(c);
}

static void bad_shapes_are_errors(void **state) {
  (void)state;
  static operands with;
  tw_error error;
  assert_int_equal(tw_engine_sgemm(false, false, SIZE_MAX, N, K, 1, with.a, K, with.b, N, 0, with.c, N, &error),
                   TW_E_LIMIT);
  assert_int_equal(tw_engine_sgemm(false, false, M, N, K, 1, with.a, K - 1, with.b, N, 0, with.c, N, &error),
                   TW_E_ENGINE);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(agrees_with_the_definition),    cmocka_unit_test(beta_zero_reads_nothing),
      cmocka_unit_test(digits_depend_on_nothing_else), cmocka_unit_test(openmp_state_has_no_say_and_is_kept),
      cmocka_unit_test(bad_shapes_are_errors),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
