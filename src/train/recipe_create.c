/* A training by the recipe before its first epoch: options, the rows in their order, what a checkpoint will be known
 * by, memory, and the first weights. */
#include <math.h>
#include <string.h>

#include "train/fit.h"
#include "train/recipe.h"
#include "train/rows.h"

static const size_t residual_budget = (size_t)64 << 20; /* bytes */

size_t tw_recipe_chunks(size_t rows) {
  return rows / TW_RECIPE_CHUNK + (rows % TW_RECIPE_CHUNK != 0);
}

const char *tw_solver_name(tw_solver solver) {
  static const char *const names[] = {"exact", "sgd", "momentum", "adam"};
  return names[solver];
}

bool tw_solver_parse(const char *name, tw_solver *ret_solver) {
  for (tw_solver solver = TW_SOLVER_SGD; solver <= TW_SOLVER_ADAM; solver++) {
    if (strcmp(name, tw_solver_name(solver)) == 0) {
      *ret_solver = solver;
      return true;
    }
  }
  return false;
}

tw_recipe_options tw_recipe_defaults(void) {
  return (tw_recipe_options){.solver = TW_SOLVER_SGD,
                             .epochs = 200,
                             .batch = 128,
                             .rate = 0.01,
                             .decay = 0.9,
                             .decay_steps = 500,
                             .momentum = 0.9};
}

void tw_history_free(tw_history *history) {
  if (history != NULL) {
    tw_free(history->epochs);
    tw_free(history);
  }
}

tw_history *tw_history_copy(const tw_history *history) {
  tw_history *copy = tw_alloc(1, sizeof *copy);
  if (copy == NULL) {
    return NULL;
  }
  *copy = *history;
  copy->epochs = tw_alloc(history->count, sizeof *copy->epochs);
  if (copy->epochs == NULL) {
    tw_free(copy);
    return NULL;
  }
  memcpy(copy->epochs, history->epochs, history->count * sizeof *copy->epochs);
  return copy;
}

/* ---- Creation ---------------------------------------------------------------------------------------------------- */

static tw_status check_options(const tw_recipe_options *options, tw_error *error) {
  if (options->solver < TW_SOLVER_SGD || options->solver > TW_SOLVER_ADAM) {
    return tw_error_set(error, TW_E_ARGUMENT, "solver %d is no recipe", (int)options->solver);
  }
  if (options->epochs < 1 || options->epochs > TW_RECIPE_MAX_EPOCHS) {
    return tw_error_set(error, TW_E_ARGUMENT, "%zu epochs: must be 1 to %d", options->epochs, TW_RECIPE_MAX_EPOCHS);
  }
  if (options->batch < 1 || options->batch > TW_RECIPE_MAX_BATCH) {
    return tw_error_set(error, TW_E_ARGUMENT, "batches of %zu: must be 1 to %d", options->batch, TW_RECIPE_MAX_BATCH);
  }
  if (!(options->rate > 0) || !isfinite(options->rate)) {
    return tw_error_set(error, TW_E_ARGUMENT, "learning rate %g: must be a number above 0", options->rate);
  }
  if (!(options->decay > 0) || !(options->decay <= 1)) {
    return tw_error_set(error, TW_E_ARGUMENT, "decay %g: must be above 0, and at most 1", options->decay);
  }
  if (!(options->momentum >= 0) || !(options->momentum < 1)) {
    return tw_error_set(error, TW_E_ARGUMENT, "momentum %g: must be from 0 to below 1", options->momentum);
  }
  return TW_OK;
}

/* The samples of the parts up to `last`, in the order of (part, label, content) when `by_part`, otherwise of (label,
 * content). */
static tw_status list_parts(const tw_samples *samples, const uint8_t *parts, tw_part last, bool by_part,
                            size_t **ret_list, size_t *ret_count, tw_error *error) {
  size_t *list = tw_alloc(samples->count, sizeof *list);
  uint32_t *groups = tw_alloc(samples->count, sizeof *groups);
  tw_status status = list == NULL || groups == NULL ? tw_error_memory(error) : TW_OK;
  size_t count = 0;
  for (size_t i = 0; status == TW_OK && i < samples->count; i++) {
    if (parts[i] <= last) {
      groups[count] = by_part ? parts[i] : 0;
      list[count++] = i;
    }
  }
  if (status == TW_OK) {
    status = tw_rows_order(samples, list, groups, count, list, error);
  }
  tw_free(groups);
  if (status != TW_OK) {
    tw_free(list);
    return status;
  }
  *ret_list = list;
  *ret_count = count;
  return TW_OK;
}

static tw_status identify_pictures(tw_recipe *recipe, const uint8_t *parts, tw_error *error) {
  const tw_samples *samples = &recipe->samples;
  size_t *list;
  TW_TRY(list_parts(samples, parts, TW_PART_TEST, false, &list, &recipe->identity.pictures, error));
  tw_hasher *pictures = tw_hasher_create();
  tw_hasher *drawn = tw_hasher_create();
  bool complete = pictures != NULL && drawn != NULL;
  for (size_t i = 0; complete && i < recipe->identity.pictures; i++) {
    tw_hasher_add_u64(pictures, samples->labels[list[i]]);
    tw_hasher_add(pictures, samples->contents[list[i]].bytes, sizeof samples->contents[list[i]].bytes);
    tw_hasher_add(drawn, &parts[list[i]], 1);
  }
  if (complete) {
    recipe->identity.pictures_hash = tw_hasher_result(pictures);
    recipe->identity.parts_hash = tw_hasher_result(drawn);
  }
  tw_hasher_free(pictures);
  tw_hasher_free(drawn);
  tw_free(list);
  return complete ? TW_OK : tw_error_memory(error);
}

static tw_status check_features(void *context, size_t task, tw_error *error) {
  const tw_recipe *recipe = context;
  size_t count = recipe->training_count + recipe->validation_count;
  for (size_t i = task * TW_RECIPE_CHUNK; i < count && i < (task + 1) * TW_RECIPE_CHUNK; i++) {
    TW_TRY(tw_rows_check(&recipe->samples, recipe->rows[i], error));
  }
  return TW_OK;
}

static tw_status identify_features(tw_recipe *recipe, tw_error *error) {
  size_t count = recipe->training_count + recipe->validation_count;
  size_t d = recipe->samples.dimensions;
  TW_TRY(tw_parallel(tw_thread_count(recipe->history.options.threads), tw_recipe_chunks(count), check_features, recipe,
                     error));
  tw_hasher *hasher = tw_hasher_create();
  if (hasher == NULL) {
    return tw_error_memory(error);
  }
  for (size_t i = 0; i < count; i++) {
    tw_hasher_add(hasher, recipe->samples.features + recipe->rows[i] * d, d * sizeof(float));
  }
  recipe->identity.features_hash = tw_hasher_result(hasher);
  tw_hasher_free(hasher);
  return TW_OK;
}

static tw_status choose_rows(tw_recipe *recipe, const uint8_t *parts, tw_error *error) {
  size_t count;
  TW_TRY(list_parts(&recipe->samples, parts, TW_PART_VALIDATION, true, &recipe->rows, &count, error));
  for (size_t i = 0; i < count; i++) {
    recipe->training_count += parts[recipe->rows[i]] == TW_PART_TRAINING;
  }
  recipe->validation_count = count - recipe->training_count;
  TW_TRY(tw_fit_check_classes(&recipe->samples, recipe->rows, recipe->training_count, error));
  if (recipe->history.options.patience > 0 && recipe->validation_count == 0) {
    return tw_error_set(error, TW_E_ARGUMENT,
                        "stopping early watches the validation loss, and there is no validation part");
  }
  size_t bytes;
  TW_TRY(tw_rows_check_sizes(&recipe->samples, count, &bytes, error));
  TW_TRY(identify_features(recipe, error));
  return identify_pictures(recipe, parts, error);
}

static size_t choose_at_hand(const tw_recipe *recipe) {
  size_t most = recipe->training_count > recipe->validation_count ? recipe->training_count : recipe->validation_count;
  size_t affordable = residual_budget / (recipe->samples.classes * sizeof(float));
  size_t rows = affordable < most ? affordable : most;
  return tw_recipe_chunks(rows) * TW_RECIPE_CHUNK;
}

static tw_status allocate(tw_recipe *recipe, tw_error *error) {
  const tw_recipe_options *options = &recipe->history.options;
  size_t classes = recipe->samples.classes;
  size_t d = recipe->samples.dimensions;
  size_t cells;
  if (!tw_mul_size(classes, d + 1, &recipe->size) || recipe->size > TW_MAX_FEATURE_BYTES / sizeof(float)) {
    return tw_error_set(error, TW_E_LIMIT, "a top of %zu classes x %zu features: more than %zu GiB", classes, d,
                        TW_MAX_FEATURE_BYTES >> 30);
  }
  recipe->at_hand = choose_at_hand(recipe);
  if (!tw_mul_size(recipe->at_hand, classes, &cells)) {
    return tw_error_memory(error);
  }
  recipe->moment_count = options->solver == TW_SOLVER_ADAM ? 2 : options->solver == TW_SOLVER_MOMENTUM ? 1 : 0;
  recipe->present = tw_alloc(classes, sizeof *recipe->present);
  recipe->point = tw_alloc(recipe->size, sizeof *recipe->point);
  recipe->sums = tw_alloc(recipe->size, sizeof *recipe->sums);
  recipe->columns = tw_alloc(classes, sizeof *recipe->columns);
  recipe->order = tw_alloc(recipe->training_count, sizeof *recipe->order);
  recipe->residuals = tw_alloc(cells, sizeof *recipe->residuals);
  recipe->tiles = tw_alloc(recipe->at_hand / TW_RECIPE_CHUNK, sizeof *recipe->tiles);
  recipe->history.epochs = tw_alloc(options->epochs, sizeof *recipe->history.epochs);
  recipe->best = tw_top_create(classes, d);
  bool blocks = options->batch > TW_BLOCK_ROWS && recipe->training_count > TW_BLOCK_ROWS;
  recipe->totals = blocks ? tw_alloc(recipe->size, sizeof *recipe->totals) : NULL;
  bool complete = recipe->present != NULL && recipe->point != NULL && recipe->sums != NULL && recipe->columns != NULL &&
                  recipe->order != NULL && recipe->residuals != NULL && recipe->tiles != NULL &&
                  recipe->history.epochs != NULL && recipe->best != NULL && (recipe->totals != NULL || !blocks);
  for (size_t i = 0; complete && i < recipe->moment_count; i++) {
    recipe->moments[i] = tw_alloc(recipe->size, sizeof *recipe->moments[i]);
    complete = recipe->moments[i] != NULL;
  }
  return complete ? TW_OK : tw_error_memory(error);
}

void tw_recipe_keep(tw_recipe *recipe) {
  size_t classes = recipe->samples.classes;
  size_t weights = recipe->size - classes;
  memcpy(recipe->best->weights, recipe->point, weights * sizeof *recipe->point);
  memcpy(recipe->best->intercepts, recipe->point + weights, classes * sizeof *recipe->point);
}

/* Uniform in +-sqrt(6 / (d + K)); the intercepts are 0. */
static void initialise(tw_recipe *recipe) {
  size_t classes = recipe->samples.classes;
  double bound = sqrt(6 / (double)(recipe->samples.dimensions + classes));
  tw_random_init(&recipe->random, recipe->history.options.seed);
  for (size_t j = 0; j < recipe->size - classes; j++) {
    recipe->point[j] = (float)((2 * tw_random_unit(&recipe->random) - 1) * bound);
  }
  for (size_t k = 0; k < classes; k++) {
    recipe->present[k] = true;
  }
  tw_recipe_keep(recipe);
}

tw_status tw_recipe_create(const tw_samples *samples, const uint8_t *parts, const tw_recipe_options *options,
                           tw_recipe **ret_recipe, tw_error *error) {
  TW_TRY(check_options(options, error));
  tw_recipe *recipe = tw_alloc(1, sizeof *recipe);
  if (recipe == NULL) {
    return tw_error_memory(error);
  }
  recipe->samples = *samples;
  recipe->history.options = *options;
  recipe->kernels = tw_recipe_kernels_choose();
  tw_status status = choose_rows(recipe, parts, error);
  if (status == TW_OK) {
    status = allocate(recipe, error);
  }
  if (status != TW_OK) {
    tw_recipe_free(recipe);
    return status;
  }
  initialise(recipe);
  *ret_recipe = recipe;
  return TW_OK;
}

void tw_recipe_free(tw_recipe *recipe) {
  if (recipe == NULL) {
    return;
  }
  tw_free(recipe->rows);
  tw_free(recipe->present);
  tw_free(recipe->point);
  for (size_t i = 0; i < TW_RECIPE_MOMENTS; i++) {
    tw_free(recipe->moments[i]);
  }
  tw_free(recipe->history.epochs);
  tw_top_free(recipe->best);
  tw_free(recipe->order);
  tw_free(recipe->sums);
  tw_free(recipe->totals);
  tw_free(recipe->columns);
  tw_free(recipe->residuals);
  tw_free(recipe->tiles);
  tw_free(recipe);
}
