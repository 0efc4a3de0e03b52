/* The floor `train`: what one step of the recipe does, down to its inner loops. */
#include <math.h>

#include "test_train_recipe.h"
#include "train/recipe_kernels.h"
#include "train/vector.h"

static const tw_solver solvers[] = {TW_SOLVER_SGD, TW_SOLVER_MOMENTUM, TW_SOLVER_ADAM};
enum { SOLVERS = sizeof solvers / sizeof *solvers };

/* ---- The inner loops --------------------------------------------------------------------------------------------- */

typedef struct loops {
  const float **rows;
  float *weights;
  float *residuals;
  size_t count;
  size_t classes;
  size_t dimensions;
} loops;

static float some_number(size_t i) {
  return (float)((i * 7919 + i * i * 31 + 3) % 2000) / 700 - 1.4f;
}

static float *some_numbers(size_t count, size_t from) {
  float *numbers = set_memory(count, sizeof *numbers);
  for (size_t i = 0; i < count; i++) {
    numbers[i] = some_number(from + i);
  }
  return numbers;
}

static void products_and_sums(const tw_recipe_kernels *kernels, const loops *loops, float *products, float *sums) {
  size_t d = loops->dimensions;
  kernels->multiply(loops->rows, loops->count, loops->weights, loops->classes, d, products);
  memset(sums, 0, loops->classes * d * sizeof *sums);
  kernels->accumulate(loops->rows, loops->count, loops->residuals, loops->classes, d, 0, d / 3, sums);
  kernels->accumulate(loops->rows, loops->count, loops->residuals, loops->classes, d, d / 3, d, sums);
}

static void check_against_plain_loops(const loops *loops, const float *products, const float *sums) {
  size_t d = loops->dimensions;
  for (size_t k = 0; k < loops->classes; k++) {
    for (size_t i = 0; i < loops->count; i++) {
      float product = tw_vector_dot_row(loops->rows[i], loops->weights + k * d, d);
      assert_memory_equal(&products[i * loops->classes + k], &product, sizeof product);
    }
    for (size_t j = 0; j < d; j++) {
      float sum = 0;
      for (size_t i = 0; i < loops->count; i++) {
        sum += loops->residuals[i * loops->classes + k] * loops->rows[i][j];
      }
      assert_memory_equal(&sums[k * d + j], &sum, sizeof sum);
    }
  }
}

static void check_loops(size_t count, size_t classes, size_t dimensions) {
  float *features = some_numbers(count * dimensions, 1);
  loops loops = {.rows = set_memory(count, sizeof *loops.rows),
                 .weights = some_numbers(classes * dimensions, 17),
                 .residuals = some_numbers(count * classes, 5),
                 .count = count,
                 .classes = classes,
                 .dimensions = dimensions};
  for (size_t i = 0; i < count; i++) {
    loops.rows[i] = features + (i * 7 + 2) % count * dimensions;
  }
  float *products = set_memory(count * classes, sizeof *products);
  float *sums = set_memory(classes * dimensions, sizeof *sums);
  const tw_recipe_kernels *both[] = {tw_recipe_kernels_portable(), tw_recipe_kernels_avx2()};
  for (size_t i = 0; i < 2; i++) {
    if (both[i] != NULL) {
      products_and_sums(both[i], &loops, products, sums);
      check_against_plain_loops(&loops, products, sums);
    }
  }
  free(sums);
  free(products);
  free(loops.residuals);
  free(loops.weights);
  free(loops.rows);
  free(features);
}

static void loops_have_the_digits_of_plain_ones(void **state) {
  (void)state;
  static const size_t dimensions[] = {1, 7, 16, 31, 48, 100};
  for (size_t i = 0; i < sizeof dimensions / sizeof *dimensions; i++) {
    for (size_t classes = 1; classes <= 12; classes++) {
      check_loops(classes % 2 == 0 ? 6 : 1 + classes, classes, dimensions[i]);
    }
  }
  check_loops(300, 7, 40); /* more rows than are packed at once */
}

static void updates_have_the_same_digits(void **state) {
  (void)state;
  enum { COUNT = 77 };
  const tw_recipe_kernels *both[] = {tw_recipe_kernels_portable(), tw_recipe_kernels_choose()};
  float *results[2][SOLVERS];
  for (size_t i = 0; i < 2; i++) {
    float *sums = some_numbers(COUNT, 4);
    float *moments[2];
    for (size_t solver = 0; solver < SOLVERS; solver++) {
      results[i][solver] = some_numbers(COUNT, 9);
      moments[0] = set_memory(COUNT, sizeof(float));
      moments[1] = set_memory(COUNT, sizeof(float));
      for (size_t step = 0; step < 3; step++) {
        float *point = results[i][solver];
        switch (solvers[solver]) {
          case TW_SOLVER_MOMENTUM: both[i]->momentum(point, moments[0], sums, COUNT, 0.25f, 0.1f, 0.9f); break;
          case TW_SOLVER_ADAM: both[i]->adam(point, moments[0], moments[1], sums, COUNT, 0.25f, 0.1f); break;
          default: both[i]->sgd(point, sums, COUNT, 0.25f, 0.1f); break;
        }
      }
      free(moments[0]);
      free(moments[1]);
    }
    free(sums);
  }
  for (size_t solver = 0; solver < SOLVERS; solver++) {
    assert_memory_equal(results[0][solver], results[1][solver], COUNT * sizeof(float));
    free(results[0][solver]);
    free(results[1][solver]);
  }
}

/* ---- Against a plain reference ----------------------------------------------------------------------------------- */

/* The recipe in double, one row at a time. Same weights to begin with, same order of the rows. */
typedef struct reference {
  const set *set;
  tw_recipe_options options;
  size_t *rows; /* training, in the order of (label, content) */
  size_t *order;
  size_t count;
  double *point; /* K (d + 1) */
  double *gradient;
  double *first;
  double *second;
  tw_random random;
  size_t step;
} reference;

static bool comes_before(const set *set, size_t a, size_t b) {
  if (set->labels[a] != set->labels[b]) {
    return set->labels[a] < set->labels[b];
  }
  return tw_hash_compare(&set->contents[a], &set->contents[b]) < 0;
}

static reference reference_start(const set *set, const uint8_t *parts, const tw_recipe_options *options) {
  size_t n = set->samples.count;
  size_t classes = set->samples.classes;
  size_t d = set->samples.dimensions;
  size_t size = classes * (d + 1);
  reference made = {.set = set,
                    .options = *options,
                    .rows = set_memory(n, sizeof *made.rows),
                    .order = set_memory(n, sizeof *made.order),
                    .point = set_memory(size, sizeof *made.point),
                    .gradient = set_memory(size, sizeof *made.gradient),
                    .first = set_memory(size, sizeof *made.first),
                    .second = set_memory(size, sizeof *made.second)};
  for (size_t i = 0; i < n; i++) {
    if (parts[i] == TW_PART_TRAINING) {
      size_t at = made.count++;
      for (; at > 0 && comes_before(set, i, made.rows[at - 1]); at--) {
        made.rows[at] = made.rows[at - 1];
      }
      made.rows[at] = i;
    }
  }
  tw_random_init(&made.random, options->seed);
  for (size_t j = 0; j < classes * d; j++) {
    made.point[j] = (2 * tw_random_unit(&made.random) - 1) * sqrt(6.0 / (double)(d + classes));
  }
  return made;
}

static void reference_free(reference *reference) {
  free(reference->rows);
  free(reference->order);
  free(reference->point);
  free(reference->gradient);
  free(reference->first);
  free(reference->second);
}

static void reference_add_row(reference *reference, size_t row, double share) {
  size_t classes = reference->set->samples.classes;
  size_t d = reference->set->samples.dimensions;
  const float *features = reference->set->features + row * d;
  double p[16];
  double sum = 0;
  for (size_t k = 0; k < classes; k++) {
    p[k] = reference->point[classes * d + k];
    for (size_t j = 0; j < d; j++) {
      p[k] += reference->point[k * d + j] * (double)features[j];
    }
    p[k] = exp(p[k]);
    sum += p[k];
  }
  for (size_t k = 0; k < classes; k++) {
    double residual = share * (p[k] / sum - (reference->set->labels[row] == k ? 1 : 0));
    for (size_t j = 0; j < d; j++) {
      reference->gradient[k * d + j] += residual * (double)features[j];
    }
    reference->gradient[classes * d + k] += residual;
  }
}

static void reference_update(reference *reference) {
  size_t size = reference->set->samples.classes * (reference->set->samples.dimensions + 1);
  const tw_recipe_options *options = &reference->options;
  double rate = options->rate * pow(options->decay, floor((double)reference->step / (double)options->decay_steps));
  double t = (double)++reference->step;
  for (size_t j = 0; j < size; j++) {
    double g = reference->gradient[j];
    double *m = &reference->first[j];
    double *v = &reference->second[j];
    if (options->solver == TW_SOLVER_SGD) {
      reference->point[j] -= rate * g;
    } else if (options->solver == TW_SOLVER_MOMENTUM) {
      *m = options->momentum * *m - rate * g;
      reference->point[j] += *m;
    } else {
      *m = 0.9 * *m + 0.1 * g;
      *v = 0.999 * *v + 0.001 * g * g;
      reference->point[j] -= rate * sqrt(1 - pow(0.999, t)) / (1 - pow(0.9, t)) * *m / (sqrt(*v) + 1e-7);
    }
    reference->gradient[j] = 0;
  }
}

static void reference_epoch(reference *reference) {
  size_t batch = reference->options.batch;
  memcpy(reference->order, reference->rows, reference->count * sizeof *reference->order);
  for (size_t i = reference->count; i > 1; i--) {
    size_t other = (size_t)tw_random_below(&reference->random, i);
    size_t kept = reference->order[i - 1];
    reference->order[i - 1] = reference->order[other];
    reference->order[other] = kept;
  }
  for (size_t begin = 0; begin < reference->count; begin += batch) {
    size_t rows = reference->count - begin < batch ? reference->count - begin : batch;
    for (size_t i = 0; i < rows; i++) {
      reference_add_row(reference, reference->order[begin + i], 1 / (double)rows);
    }
    reference_update(reference);
  }
}

static double farthest(const reference *reference, const tw_top *top) {
  size_t weights = top->classes * top->dimensions;
  double most = 0;
  for (size_t j = 0; j < weights + top->classes; j++) {
    double weight = (double)(j < weights ? top->weights[j] : top->intercepts[j - weights]);
    most = fmax(most, fabs(weight - reference->point[j]));
  }
  return most;
}

/* Without validation the weights of the last epoch are kept, so that each epoch can be compared. */
static void check_reference(size_t count, size_t dimensions, size_t classes, size_t batch, tw_solver solver) {
  set set = set_make(count, dimensions, classes);
  uint8_t *parts = recipe_parts(count, false);
  tw_recipe_options options = recipe_options(solver, 6);
  options.batch = batch;
  tw_recipe *recipe = recipe_start(&set, parts, &options);
  reference reference = reference_start(&set, parts, &options);
  assert_true(farthest(&reference, tw_recipe_best(recipe)) < 1e-7);
  double began = reference.point[0];
  for (size_t epoch = 1; epoch <= 6; epoch++) {
    recipe_run(recipe, epoch);
    reference_epoch(&reference);
    assert_true(farthest(&reference, tw_recipe_best(recipe)) < 2e-5);
  }
  assert_true(fabs(reference.point[0] - began) > 1e-3);
  tw_recipe_free(recipe);
  reference_free(&reference);
  free(parts);
  set_free(&set);
}

static void follows_the_reference(void **state) {
  (void)state;
  for (size_t i = 0; i < SOLVERS; i++) {
    check_reference(50, 7, 3, 16, solvers[i]);
    check_reference(1200, 33, 6, 1100, solvers[i]); /* batches of several blocks */
    check_reference(9, 1, 2, 1, solvers[i]);
  }
}

/* ---- What it minimises ------------------------------------------------------------------------------------------- */

/* tw_top_objective with a strength so large that the penalty vanishes: the mean cross-entropy. */
static double mean_loss(const set *set, const tw_top *top) {
  const double strength = 1e12;
  return tw_top_objective(&set->samples, set->rows, set->samples.count, strength, top) /
         (strength * (double)set->samples.count);
}

static void one_step_is_the_gradient(void **state) {
  (void)state;
  enum { N = 40, D = 5, K = 4 };
  set set = set_make(N, D, K);
  uint8_t *parts = recipe_parts(N, false);
  tw_recipe_options options = recipe_options(TW_SOLVER_SGD, 1);
  options.batch = N;
  options.rate = 1;
  tw_recipe *recipe = recipe_start(&set, parts, &options);
  tw_top *start = tw_top_create(K, D);
  const tw_top *end = tw_recipe_best(recipe);
  memcpy(start->weights, end->weights, K * D * sizeof(float));
  recipe_run(recipe, 1);
  for (size_t j = 0; j < K * D + K; j++) {
    float *weight = j < K * D ? &start->weights[j] : &start->intercepts[j - K * D];
    float moved = j < K * D ? end->weights[j] : end->intercepts[j - K * D];
    float kept = *weight;
    *weight = kept + 0.01f;
    double above = mean_loss(&set, start);
    double width = (double)*weight;
    *weight = kept - 0.01f;
    width -= (double)*weight;
    double slope = (above - mean_loss(&set, start)) / width;
    *weight = kept;
    assert_true(fabs(slope - (double)(kept - moved)) < 1e-4);
  }
  tw_top_free(start);
  tw_recipe_free(recipe);
  free(parts);
  set_free(&set);
}

/* Two classes in one dimension that overlap: the loss has a minimum without a penalty. */
static void comes_to_the_optimum(void **state) {
  (void)state;
  enum { N = 60 };
  set set = set_make(N, 1, 2);
  uint8_t *parts = recipe_parts(N, false);
  tw_fit_options fit = tw_fit_defaults();
  tw_top *exact;
  assert_int_equal(tw_top_fit(&set.samples, set.rows, N, 1e6, NULL, &fit, &exact, NULL, NULL), TW_OK);
  double least = mean_loss(&set, exact);
  for (size_t i = 0; i < SOLVERS; i++) {
    tw_recipe_options options = recipe_options(solvers[i], 3000);
    options.batch = N;
    options.rate = solvers[i] == TW_SOLVER_SGD ? 1 : 0.1;
    options.decay_steps = 500;
    tw_recipe *recipe = recipe_start(&set, parts, &options);
    recipe_run(recipe, 3000);
    double reached = mean_loss(&set, tw_recipe_best(recipe));
    assert_true(reached > least - 1e-7 && reached < least + 1e-5);
    assert_true(fabs(tw_recipe_history(recipe)->epochs[2999].training_loss - reached) < 1e-6);
    tw_recipe_free(recipe);
  }
  tw_top_free(exact);
  free(parts);
  set_free(&set);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(loops_have_the_digits_of_plain_ones),
      cmocka_unit_test(updates_have_the_same_digits),
      cmocka_unit_test(follows_the_reference),
      cmocka_unit_test(one_step_is_the_gradient),
      cmocka_unit_test(comes_to_the_optimum),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
