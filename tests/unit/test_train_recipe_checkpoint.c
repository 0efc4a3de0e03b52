/* The floor `train`: checkpoints of the recipe. Going on from one must give the bits of a training never interrupted;
 * one that belongs elsewhere, or is damaged, must be named and change nothing. */
#include <math.h>

#include "test_train_recipe.h"

enum { N = 90, D = 6, K = 3, EPOCHS = 12 };

typedef struct scene {
  set set;
  uint8_t *parts;
  tw_recipe_options options;
} scene;

static scene scene_make(tw_solver solver, bool watched) {
  return (scene){set_make(N, D, K), recipe_parts(N, watched), recipe_options(solver, EPOCHS)};
}

static void scene_free(scene *scene) {
  set_free(&scene->set);
  free(scene->parts);
}

static tw_buffer checkpoint_at(const scene *scene, size_t epochs) {
  tw_recipe *recipe = recipe_start(&scene->set, scene->parts, &scene->options);
  recipe_run(recipe, epochs);
  tw_buffer buffer = recipe_checkpoint(recipe);
  tw_recipe_free(recipe);
  return buffer;
}

/* ---- Going on ---------------------------------------------------------------------------------------------------- */

static void check_resumed(const scene *scene) {
  tw_recipe *whole = recipe_start(&scene->set, scene->parts, &scene->options);
  recipe_run(whole, EPOCHS);
  for (size_t at = 0; at <= EPOCHS; at++) {
    tw_buffer checkpoint = checkpoint_at(scene, at);
    tw_recipe *recipe = recipe_start(&scene->set, scene->parts, &scene->options);
    tw_error error = {.message = ""};
    assert_int_equal(tw_recipe_restore(recipe, "c", tw_buffer_bytes(&checkpoint), &error), TW_OK);
    assert_int_equal(tw_recipe_history(recipe)->count, at);
    tw_buffer again = recipe_checkpoint(recipe);
    assert_int_equal(again.size, checkpoint.size);
    assert_memory_equal(again.data, checkpoint.data, again.size);
    recipe_run(recipe, EPOCHS);
    assert_true(same_tops(tw_recipe_best(recipe), tw_recipe_best(whole)));
    assert_true(same_histories(tw_recipe_history(recipe), tw_recipe_history(whole)));
    tw_buffer_done(&again);
    tw_buffer_done(&checkpoint);
    tw_recipe_free(recipe);
  }
  tw_recipe_free(whole);
}

static void interrupted_anywhere_it_ends_the_same(void **state) {
  (void)state;
  for (tw_solver solver = TW_SOLVER_SGD; solver <= TW_SOLVER_ADAM; solver++) {
    for (int watched = 0; watched < 2; watched++) {
      scene scene = scene_make(solver, watched == 1);
      check_resumed(&scene);
      scene_free(&scene);
    }
  }
}

static void it_goes_on_beyond_its_epochs(void **state) {
  (void)state;
  scene scene = scene_make(TW_SOLVER_ADAM, true);
  tw_buffer checkpoint = checkpoint_at(&scene, EPOCHS);
  scene.options.epochs = 2 * EPOCHS;
  scene.options.threads = 2;
  tw_recipe *whole = recipe_start(&scene.set, scene.parts, &scene.options);
  recipe_run(whole, 2 * EPOCHS);
  tw_recipe *recipe = recipe_start(&scene.set, scene.parts, &scene.options);
  assert_int_equal(tw_recipe_restore(recipe, "c", tw_buffer_bytes(&checkpoint), NULL), TW_OK);
  assert_false(tw_recipe_done(recipe));
  recipe_run(recipe, 2 * EPOCHS);
  assert_true(same_tops(tw_recipe_best(recipe), tw_recipe_best(whole)));
  tw_recipe_free(recipe);
  tw_recipe_free(whole);
  tw_buffer_done(&checkpoint);
  scene_free(&scene);
}

/* Patience is that of the recipe that goes on, not of the one that was interrupted. */
static void patience_counts_from_the_best_epoch(void **state) {
  (void)state;
  scene scene = scene_make(TW_SOLVER_SGD, true);
  scene.options.epochs = 400;
  scene.options.rate = 0.5;
  scene.options.decay_steps = 0;
  tw_recipe *recipe = recipe_start(&scene.set, scene.parts, &scene.options);
  size_t waited = 0;
  for (size_t epoch = 1; waited < 3; epoch++) {
    assert_true(epoch < 400);
    recipe_run(recipe, epoch);
    waited = tw_recipe_history(recipe)->count - 1 - tw_recipe_history(recipe)->best;
  }
  tw_buffer checkpoint = recipe_checkpoint(recipe);
  tw_recipe_free(recipe);
  scene.options.patience = 4;
  recipe = recipe_start(&scene.set, scene.parts, &scene.options);
  assert_int_equal(tw_recipe_restore(recipe, "c", tw_buffer_bytes(&checkpoint), NULL), TW_OK);
  assert_false(tw_recipe_done(recipe));
  tw_recipe_free(recipe);
  scene.options.patience = 3;
  recipe = recipe_start(&scene.set, scene.parts, &scene.options);
  assert_int_equal(tw_recipe_restore(recipe, "c", tw_buffer_bytes(&checkpoint), NULL), TW_OK);
  assert_true(tw_recipe_done(recipe));
  assert_true(tw_recipe_history(recipe)->stopped_early);
  tw_recipe_free(recipe);
  tw_buffer_done(&checkpoint);
  scene_free(&scene);
}

/* ---- Refusals ---------------------------------------------------------------------------------------------------- */

/* Restoring into a training of `scene` must fail with these words and leave it as it was. */
static void expect_refusal(const scene *scene, tw_bytes checkpoint, tw_status status, const char *words) {
  tw_recipe *recipe = recipe_start(&scene->set, scene->parts, &scene->options);
  recipe_run(recipe, 2);
  tw_buffer before = recipe_checkpoint(recipe);
  tw_error error = {.message = ""};
  assert_int_equal(tw_recipe_restore(recipe, "dir/c.ckpt", checkpoint, &error), status);
  if (strstr(error.message, words) == NULL || strncmp(error.message, "dir/c.ckpt: ", 12) != 0) {
    fail_msg("'%s' does not say '%s'", error.message, words);
  }
  tw_buffer after = recipe_checkpoint(recipe);
  assert_int_equal(before.size, after.size);
  assert_memory_equal(before.data, after.data, after.size);
  tw_buffer_done(&before);
  tw_buffer_done(&after);
  tw_recipe_free(recipe);
}

static void of_other_pictures_or_features(void **state) {
  (void)state;
  scene scene = scene_make(TW_SOLVER_SGD, true);
  tw_buffer checkpoint = checkpoint_at(&scene, 4);
  tw_bytes bytes = tw_buffer_bytes(&checkpoint);
  tw_hash kept = scene.set.contents[5];
  scene.set.contents[5] = set_content(7777);
  expect_refusal(&scene, bytes, TW_E_DATA, "is of other pictures: 90 in 3 classes (");
  scene.set.contents[5] = kept;
  scene.set.labels[0] = 1;
  expect_refusal(&scene, bytes, TW_E_DATA, "is of other pictures");
  scene.set.labels[0] = 0;
  scene.parts[0] = TW_PART_DUPLICATE;
  expect_refusal(&scene, bytes, TW_E_DATA, " there, 89 in 3 (");
  scene.parts[0] = TW_PART_VALIDATION;
  expect_refusal(&scene, bytes, TW_E_DATA,
                 "is of other parts of these pictures: 63 training and 18 validation by seed 3 (");
  scene.parts[0] = TW_PART_TRAINING;
  scene.parts[9] = TW_PART_TRAINING; /* sample 9 and 10 change places */
  scene.parts[10] = TW_PART_TEST;
  expect_refusal(&scene, bytes, TW_E_DATA, "is of other parts");
  scene.parts[9] = TW_PART_TEST;
  scene.parts[10] = TW_PART_TRAINING;
  scene.set.features[0] += 0.25f;
  expect_refusal(&scene, bytes, TW_E_DATA, "is of other features of these pictures, as another trunk gives: 6 a");
  scene.set.features[0] -= 0.25f;
  scene.set.samples.dimensions = 5;
  expect_refusal(&scene, bytes, TW_E_DATA, " there, 5 (");
  tw_buffer_done(&checkpoint);
  scene_free(&scene);
}

static void of_another_recipe(void **state) {
  (void)state;
  scene scene = scene_make(TW_SOLVER_MOMENTUM, true);
  tw_buffer checkpoint = checkpoint_at(&scene, 4);
#define REFUSED(field, value, words)                                        \
  do {                                                                      \
    struct scene other = scene;                                             \
    other.options.field = value;                                            \
    expect_refusal(&other, tw_buffer_bytes(&checkpoint), TW_E_DATA, words); \
  } while (0)
  REFUSED(solver, TW_SOLVER_ADAM, "is of another recipe: solver momentum there, adam here");
  REFUSED(batch, 32, "batches of 16 there, 32 here");
  REFUSED(rate, 0.1, "learning rate 0.05 there, 0.1 here");
  REFUSED(decay, 0.5, "decay 0.9 there, 0.5 here");
  REFUSED(decay_steps, 0, "decay steps 10 there, 0 here");
  REFUSED(momentum, 0.5, "momentum 0.9 there, 0.5 here");
  REFUSED(seed, 4, "seed 3 there, 4 here");
  REFUSED(epochs, 3, "has 4 epochs behind it, more than the 3 asked for");
  tw_buffer_done(&checkpoint);
  scene_free(&scene);
}

/* What the solver does not use is no difference. */
static void what_has_no_say_is_not_compared(void **state) {
  (void)state;
  scene scene = scene_make(TW_SOLVER_SGD, true);
  scene.options.decay_steps = 0;
  tw_buffer checkpoint = checkpoint_at(&scene, 4);
  scene.options.momentum = 0.5;
  scene.options.decay = 0.5;
  tw_recipe *recipe = recipe_start(&scene.set, scene.parts, &scene.options);
  assert_int_equal(tw_recipe_restore(recipe, "c", tw_buffer_bytes(&checkpoint), NULL), TW_OK);
  tw_recipe_free(recipe);
  tw_buffer_done(&checkpoint);
  scene_free(&scene);
}

static void damaged_or_cut(void **state) {
  (void)state;
  scene scene = scene_make(TW_SOLVER_ADAM, true);
  tw_buffer checkpoint = checkpoint_at(&scene, 3);
  tw_buffer copy = {0};
  tw_buffer_append(&copy, checkpoint.data, checkpoint.size);
  tw_buffer_append(&copy, "x", 1);
  for (size_t size = 0; size <= copy.size; size += size + 1 == checkpoint.size ? 2 : 1) {
    expect_refusal(&scene, (tw_bytes){copy.data, size}, TW_E_FORMAT,
                   size < strlen("topwork checkpoint 1\n") ? "is no checkpoint" : "is damaged or cut short");
  }
  for (size_t at = 0; at < checkpoint.size; at++) {
    copy.data[at] ^= (uint8_t)(1 << at % 8);
    expect_refusal(&scene, (tw_bytes){copy.data, checkpoint.size}, TW_E_FORMAT,
                   at < strlen("topwork checkpoint 1\n") ? "is no checkpoint" : "is damaged or cut short");
    copy.data[at] = checkpoint.data[at];
  }
  expect_refusal(&scene, tw_bytes_of("not a checkpoint, but a text that is longer than one"), TW_E_FORMAT,
                 "is no checkpoint that this topwork reads");
  tw_buffer_done(&copy);
  tw_buffer_done(&checkpoint);
  scene_free(&scene);
}

/* With a check sum that fits, as only malice makes it. `from_end` bytes before the check sum. */
static void expect_forged_refusal(const scene *scene, const tw_buffer *checkpoint, size_t from_end, const void *bytes,
                                  size_t size) {
  tw_buffer forged = {0};
  tw_buffer_append(&forged, checkpoint->data, checkpoint->size);
  size_t end = forged.size - sizeof(tw_hash);
  memcpy(forged.data + end - from_end, bytes, size);
  tw_hash hash = tw_hash_of(forged.data, end);
  memcpy(forged.data + end, hash.bytes, sizeof hash);
  expect_refusal(scene, tw_buffer_bytes(&forged), TW_E_FORMAT, "is damaged");
  tw_buffer_done(&forged);
}

static void forged_numbers_are_refused(void **state) {
  (void)state;
  enum { POINT = K * (D + 1) * sizeof(float), EPOCH = 6 * sizeof(double), RANDOM = 4 * sizeof(uint64_t) };
  scene scene = scene_make(TW_SOLVER_MOMENTUM, true);
  tw_buffer checkpoint = checkpoint_at(&scene, 3);
  const float bad = NAN;
  const double bad_double = NAN;
  const uint64_t nothing[4] = {0};
  const uint64_t counts[] = {0, 2, 4, 12};
  expect_forged_refusal(&scene, &checkpoint, sizeof bad, &bad, sizeof bad);        /* last of the best */
  expect_forged_refusal(&scene, &checkpoint, 2 * POINT, &bad, sizeof bad);         /* first velocity */
  expect_forged_refusal(&scene, &checkpoint, 3 * POINT, &bad, sizeof bad);         /* first weight */
  expect_forged_refusal(&scene, &checkpoint, 3 * POINT + RANDOM, nothing, RANDOM); /* a generator that stands still */
  expect_forged_refusal(&scene, &checkpoint, 3 * POINT + RANDOM + EPOCH, &bad_double, sizeof bad_double);
  for (size_t i = 0; i < sizeof counts / sizeof *counts; i++) {
    expect_forged_refusal(&scene, &checkpoint, 3 * POINT + RANDOM + 3 * EPOCH + 8, &counts[i], sizeof counts[i]);
  }
  tw_buffer_done(&checkpoint);
  scene_free(&scene);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(interrupted_anywhere_it_ends_the_same),
      cmocka_unit_test(it_goes_on_beyond_its_epochs),
      cmocka_unit_test(patience_counts_from_the_best_epoch),
      cmocka_unit_test(of_other_pictures_or_features),
      cmocka_unit_test(of_another_recipe),
      cmocka_unit_test(what_has_no_say_is_not_compared),
      cmocka_unit_test(damaged_or_cut),
      cmocka_unit_test(forged_numbers_are_refused),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
