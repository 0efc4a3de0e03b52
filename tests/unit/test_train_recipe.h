/* Small trainings by the recipe, for its tests and the fuzz target of its checkpoints. */
#ifndef TW_TEST_TRAIN_RECIPE_H
#define TW_TEST_TRAIN_RECIPE_H

#include "test_train_data.h"

/* Every fourth sample is validation, every tenth test, the rest training; only training without `watched`. */
static inline uint8_t *recipe_parts(size_t count, bool watched) {
  uint8_t *parts = set_memory(count, 1);
  for (size_t i = 0; i < count && watched; i++) {
    parts[i] = i % 10 == 9 ? TW_PART_TEST : i % 4 == 3 ? TW_PART_VALIDATION : TW_PART_TRAINING;
  }
  return parts;
}

static inline tw_recipe_options recipe_options(tw_solver solver, size_t epochs) {
  tw_recipe_options options = tw_recipe_defaults();
  options.solver = solver;
  options.epochs = epochs;
  options.batch = 16;
  options.rate = 0.05;
  options.decay_steps = 10;
  options.seed = 3;
  options.threads = 1;
  return options;
}

static inline tw_recipe *recipe_start(const set *set, const uint8_t *parts, const tw_recipe_options *options) {
  tw_recipe *recipe;
  tw_error error = {.message = ""};
  tw_status status = tw_recipe_create(&set->samples, parts, options, &recipe, &error);
  assert_string_equal(error.message, "");
  assert_int_equal(status, TW_OK);
  return recipe;
}

/* Until `epochs` are behind it, or it is done. */
static inline void recipe_run(tw_recipe *recipe, size_t epochs) {
  while (tw_recipe_history(recipe)->count < epochs && !tw_recipe_done(recipe)) {
    tw_error error = {.message = ""};
    tw_status status = tw_recipe_epoch(recipe, &error);
    assert_string_equal(error.message, "");
    assert_int_equal(status, TW_OK);
  }
}

static inline tw_buffer recipe_checkpoint(const tw_recipe *recipe) {
  tw_buffer buffer = {0};
  tw_recipe_save(recipe, &buffer);
  assert_false(buffer.failed);
  return buffer;
}

/* All of a history but its times. */
static inline bool same_histories(const tw_history *a, const tw_history *b) {
  bool same = a->count == b->count && a->best == b->best && a->stopped_early == b->stopped_early;
  for (size_t i = 0; same && i < a->count; i++) {
    same = memcmp(&a->epochs[i], &b->epochs[i], offsetof(tw_epoch, seconds)) == 0;
  }
  return same;
}

#endif
