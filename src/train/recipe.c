/* Running the recipe: shuffled mini-batches, and the watch over training and validation after each epoch.
 *
 * A small batch is worth no second thread, but a chunk of its rows, forward and backward, stays in the second cache;
 * the watch is a forward pass over all rows, chunk by chunk on all threads. Each row's residuals depend on that row
 * alone, each element of the gradient is summed row by row, and losses are summed chunk by chunk: neither threads nor
 * the order of the samples show in the digits. */
#include <math.h>
#include <string.h>

#include "train/recipe.h"
#include "train/vector.h"

enum { COLUMNS = 256 /* of one task of a gradient */ };
static const double worth_a_thread = 1e7; /* multiply-adds below which threads cost more than they give */
static const double adam_beta1 = 0.9;
static const double adam_beta2 = 0.999;

/* ---- Forward ----------------------------------------------------------------------------------------------------- */

/* A list of samples, at most at_hand, on their way through the top. */
typedef struct pass {
  const tw_recipe *recipe;
  const size_t *list;
  size_t count;
} pass;

static const float *row_of(const tw_recipe *recipe, size_t index) {
  return recipe->samples.features + index * recipe->samples.dimensions;
}

/* The residuals of one chunk, and what they say. */
static tw_status forward_chunk(void *context, size_t task, tw_error *error) {
  (void)error;
  const pass *pass = context;
  const tw_recipe *recipe = pass->recipe;
  size_t classes = recipe->samples.classes;
  const size_t *list = pass->list + task * TW_RECIPE_CHUNK;
  size_t count =
      pass->count - task * TW_RECIPE_CHUNK < TW_RECIPE_CHUNK ? pass->count - task * TW_RECIPE_CHUNK : TW_RECIPE_CHUNK;
  float *residuals = recipe->residuals + task * TW_RECIPE_CHUNK * classes;
  const float *rows[TW_RECIPE_CHUNK];
  for (size_t i = 0; i < count; i++) {
    rows[i] = row_of(recipe, list[i]);
  }
  recipe->kernels->multiply(rows, count, recipe->point, classes, recipe->samples.dimensions, residuals);
  const float *intercepts = recipe->point + (recipe->size - classes);
  tw_recipe_tile tile = {0};
  for (size_t i = 0; i < count; i++) {
    float *logits = residuals + i * classes;
    for (size_t k = 0; k < classes; k++) {
      logits[k] += intercepts[k];
    }
    tw_softmax softmax = tw_softmax_residual(logits, recipe->present, classes, recipe->samples.labels[list[i]]);
    tile.loss += softmax.loss;
    tile.correct += softmax.correct;
  }
  recipe->tiles[task] = tile;
  return TW_OK;
}

static int threads_worth(const tw_recipe *recipe, size_t rows) {
  double work = (double)rows * (double)recipe->samples.classes * (double)recipe->samples.dimensions;
  return work < worth_a_thread ? 1 : tw_thread_count(recipe->history.options.threads);
}

static tw_status forward(pass *pass, int threads, tw_error *error) {
  return tw_parallel(threads, tw_recipe_chunks(pass->count), forward_chunk, pass, error);
}

/* ---- A step ------------------------------------------------------------------------------------------------------ */

/* The rows of a group, for the tasks that sum their columns. */
typedef struct group {
  tw_recipe *recipe;
  const float *rows[TW_BLOCK_ROWS];
  size_t count;
} group;

static tw_status accumulate_columns(void *context, size_t task, tw_error *error) {
  (void)error;
  const group *group = context;
  tw_recipe *recipe = group->recipe;
  size_t d = recipe->samples.dimensions;
  size_t end = d - task * COLUMNS < COLUMNS ? d : (task + 1) * COLUMNS;
  recipe->kernels->accumulate(group->rows, group->count, recipe->residuals, recipe->samples.classes, d, task * COLUMNS,
                              end, recipe->sums);
  return TW_OK;
}

/* Adds the gradient of these rows, at most a block, to sums and columns. */
static tw_status add_group(tw_recipe *recipe, const size_t *list, size_t count, int threads, tw_error *error) {
  size_t classes = recipe->samples.classes;
  pass pass = {.recipe = recipe, .list = list, .count = count};
  TW_TRY(forward(&pass, threads, error));
  group group = {.recipe = recipe, .count = count};
  for (size_t i = 0; i < count; i++) {
    group.rows[i] = row_of(recipe, list[i]);
    for (size_t k = 0; k < classes; k++) {
      recipe->columns[k] += (double)recipe->residuals[i * classes + k];
    }
  }
  size_t tasks = (recipe->samples.dimensions + COLUMNS - 1) / COLUMNS;
  return tw_parallel(threads, tasks, accumulate_columns, &group, error);
}

/* The same of a whole batch: blocks of TW_BLOCK_ROWS rows are summed in double. */
static tw_status add_batch(tw_recipe *recipe, const size_t *list, size_t count, tw_error *error) {
  size_t weights = recipe->size - recipe->samples.classes;
  int threads = threads_worth(recipe, count);
  size_t most = threads > 1 && recipe->at_hand > TW_BLOCK_ROWS ? TW_BLOCK_ROWS
                : threads > 1                                  ? recipe->at_hand
                                                               : TW_RECIPE_CHUNK;
  bool several = count > TW_BLOCK_ROWS;
  memset(recipe->columns, 0, recipe->samples.classes * sizeof *recipe->columns);
  memset(recipe->sums, 0, recipe->size * sizeof *recipe->sums);
  if (several) {
    memset(recipe->totals, 0, recipe->size * sizeof *recipe->totals);
  }
  for (size_t begin = 0; begin < count;) {
    size_t end = (begin / TW_BLOCK_ROWS + 1) * TW_BLOCK_ROWS;
    end = end < count ? end : count;
    size_t rows = end - begin < most ? end - begin : most;
    TW_TRY(add_group(recipe, list + begin, rows, threads, error));
    begin += rows;
    for (size_t j = 0; several && begin == end && j < weights; j++) {
      recipe->totals[j] += (double)recipe->sums[j];
      recipe->sums[j] = 0;
    }
  }
  for (size_t j = 0; several && j < weights; j++) {
    recipe->sums[j] = (float)recipe->totals[j];
  }
  for (size_t k = 0; k < recipe->samples.classes; k++) {
    recipe->sums[weights + k] = (float)recipe->columns[k];
  }
  return TW_OK;
}

static double rate_of_step(const tw_recipe_options *options, size_t step) {
  return options->decay_steps == 0 ? options->rate
                                   : options->rate * pow(options->decay, (double)(step / options->decay_steps));
}

static void update(tw_recipe *recipe, size_t count, size_t step) {
  const tw_recipe_options *options = &recipe->history.options;
  double rate = rate_of_step(options, step);
  float scale = (float)(1 / (double)count);
  double t = (double)step + 1;
  switch (options->solver) {
    case TW_SOLVER_MOMENTUM:
      recipe->kernels->momentum(recipe->point, recipe->moments[0], recipe->sums, recipe->size, scale, (float)rate,
                                (float)options->momentum);
      break;
    case TW_SOLVER_ADAM:
      rate *= sqrt(1 - pow(adam_beta2, t)) / (1 - pow(adam_beta1, t));
      recipe->kernels->adam(recipe->point, recipe->moments[0], recipe->moments[1], recipe->sums, recipe->size, scale,
                            (float)rate);
      break;
    default: recipe->kernels->sgd(recipe->point, recipe->sums, recipe->size, scale, (float)rate); break;
  }
}

/* ---- An epoch ---------------------------------------------------------------------------------------------------- */

static void shuffle(tw_recipe *recipe) {
  memcpy(recipe->order, recipe->rows, recipe->training_count * sizeof *recipe->order);
  for (size_t i = recipe->training_count; i > 1; i--) {
    size_t other = (size_t)tw_random_below(&recipe->random, i);
    size_t kept = recipe->order[i - 1];
    recipe->order[i - 1] = recipe->order[other];
    recipe->order[other] = kept;
  }
}

/* Mean cross-entropy and accuracy over a list of rows; NAN when it is empty. */
static tw_status watch(const tw_recipe *recipe, const size_t *list, size_t count, double *ret_loss,
                       double *ret_accuracy, tw_error *error) {
  int threads = threads_worth(recipe, count);
  double loss = 0;
  size_t correct = 0;
  for (size_t begin = 0; begin < count; begin += recipe->at_hand) {
    size_t rows = count - begin < recipe->at_hand ? count - begin : recipe->at_hand;
    pass pass = {.recipe = recipe, .list = list + begin, .count = rows};
    TW_TRY(forward(&pass, threads, error));
    for (size_t i = 0; i < tw_recipe_chunks(rows); i++) {
      loss += recipe->tiles[i].loss;
      correct += recipe->tiles[i].correct;
    }
  }
  *ret_loss = count == 0 ? (double)NAN : loss / (double)count;
  *ret_accuracy = count == 0 ? (double)NAN : (double)correct / (double)count;
  return TW_OK;
}

static tw_status check_finite(const tw_recipe *recipe, double loss, tw_error *error) {
  bool finite = isfinite(loss);
  for (size_t j = 0; finite && j < recipe->size; j++) {
    finite = isfinite(recipe->point[j]);
  }
  double rate = recipe->history.options.rate;
  return finite ? TW_OK
                : tw_error_set(error, TW_E_DATA,
                               "epoch %zu: the weights are no longer finite numbers: the learning rate %g is too high "
                               "for these features; try %g",
                               recipe->history.count + 1, rate, rate / 10);
}

void tw_recipe_judge(tw_history *history) {
  history->best = history->count == 0 ? 0 : history->count - 1;
  for (size_t i = history->count; i > 0; i--) {
    if (history->epochs[i - 1].validation_loss <= history->epochs[history->best].validation_loss) {
      history->best = i - 1;
    }
  }
  size_t patience = history->options.patience;
  size_t waited = history->count == 0 ? 0 : history->count - 1 - history->best;
  history->stopped_early = patience > 0 && waited >= patience && history->count < history->options.epochs;
}

bool tw_recipe_done(const tw_recipe *recipe) {
  return recipe->history.count >= recipe->history.options.epochs || recipe->history.stopped_early;
}

tw_status tw_recipe_epoch(tw_recipe *recipe, tw_error *error) {
  if (tw_recipe_done(recipe)) {
    return tw_error_set(error, TW_E_ARGUMENT, "all %zu epochs have been run", recipe->history.count);
  }
  double began = tw_seconds();
  size_t batch = recipe->history.options.batch;
  size_t steps = recipe->training_count / batch + (recipe->training_count % batch != 0);
  size_t step = recipe->history.count * steps;
  shuffle(recipe);
  for (size_t begin = 0; begin < recipe->training_count; begin += batch, step++) {
    size_t count = recipe->training_count - begin < batch ? recipe->training_count - begin : batch;
    TW_TRY(add_batch(recipe, recipe->order + begin, count, error));
    update(recipe, count, step);
  }
  tw_epoch epoch = {.rate = rate_of_step(&recipe->history.options, step - 1)};
  TW_TRY(watch(recipe, recipe->rows, recipe->training_count, &epoch.training_loss, &epoch.training_accuracy, error));
  TW_TRY(check_finite(recipe, epoch.training_loss, error));
  TW_TRY(watch(recipe, recipe->rows + recipe->training_count, recipe->validation_count, &epoch.validation_loss,
               &epoch.validation_accuracy, error));
  epoch.seconds = tw_seconds() - began;
  recipe->history.epochs[recipe->history.count++] = epoch;
  tw_recipe_judge(&recipe->history);
  if (recipe->history.best == recipe->history.count - 1) {
    tw_recipe_keep(recipe);
  }
  return TW_OK;
}

const tw_history *tw_recipe_history(const tw_recipe *recipe) {
  return &recipe->history;
}

const tw_top *tw_recipe_best(const tw_recipe *recipe) {
  return recipe->best;
}
