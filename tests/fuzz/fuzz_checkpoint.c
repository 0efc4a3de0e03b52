/* Fuzz target: a checkpoint of the recipe, restored into a small training as it is and with the check sum it ought to
 * have. A refused one must leave the training as it was; a restored one must be written again byte by byte, and the
 * training must go on. */
#include <stdlib.h>
#include <string.h>

#include "train/train.h"

enum { N = 12, D = 3, K = 2, EPOCHS = 4 };

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(bool fine) {
  if (!fine) {
    abort();
  }
}

static tw_recipe *start(void) {
  static float features[N * D];
  static uint32_t labels[N];
  static tw_hash contents[N];
  static uint8_t parts[N];
  for (size_t i = 0; i < N; i++) {
    labels[i] = (uint32_t)(i % K);
    contents[i] = tw_hash_of(&labels[i], sizeof labels[i]);
    contents[i].bytes[0] = (uint8_t)i;
    parts[i] = i >= 8 ? TW_PART_VALIDATION : TW_PART_TRAINING;
    for (size_t j = 0; j < D; j++) {
      features[i * D + j] = (float)((i * 7 + j * 3) % 11) / 8;
    }
  }
  tw_samples samples = {
      .count = N, .dimensions = D, .classes = K, .features = features, .labels = labels, .contents = contents};
  tw_recipe_options options = tw_recipe_defaults();
  options.solver = TW_SOLVER_MOMENTUM;
  options.epochs = EPOCHS;
  options.batch = 3;
  options.threads = 1;
  tw_recipe *recipe;
  check(tw_recipe_create(&samples, parts, &options, &recipe, NULL) == TW_OK);
  return recipe;
}

static void try_restoring(tw_bytes file) {
  tw_recipe *recipe = start();
  tw_buffer before = {0};
  tw_buffer after = {0};
  tw_error error = {0};
  tw_recipe_save(recipe, &before);
  tw_status status = tw_recipe_restore(recipe, "f", file, &error);
  tw_recipe_save(recipe, &after);
  check(!before.failed && !after.failed && (status == TW_OK || error.message[0] != '\0'));
  check(tw_bytes_equal(tw_buffer_bytes(&after), status == TW_OK ? file : tw_buffer_bytes(&before)));
  while (!tw_recipe_done(recipe) && tw_recipe_epoch(recipe, &error) == TW_OK) {
  }
  tw_buffer_done(&before);
  tw_buffer_done(&after);
  tw_recipe_free(recipe);
}

/* Before anything is invented: what is written here is read here. */
int LLVMFuzzerInitialize(int *argc, char ***argv) {
  (void)argc;
  (void)argv;
  tw_recipe *recipe = start();
  tw_buffer checkpoint = {0};
  check(tw_recipe_epoch(recipe, NULL) == TW_OK && tw_recipe_epoch(recipe, NULL) == TW_OK);
  tw_recipe_save(recipe, &checkpoint);
  tw_recipe_free(recipe);
  recipe = start();
  check(tw_recipe_restore(recipe, "f", tw_buffer_bytes(&checkpoint), NULL) == TW_OK);
  tw_recipe_free(recipe);
  tw_buffer_done(&checkpoint);
  return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  try_restoring((tw_bytes){data, size});
  if (size > sizeof(tw_hash)) {
    tw_buffer forged = {0};
    tw_buffer_append(&forged, data, size - sizeof(tw_hash));
    tw_hash hash = tw_hash_of(forged.data, forged.size);
    tw_buffer_append(&forged, hash.bytes, sizeof hash.bytes);
    check(!forged.failed);
    try_restoring(tw_buffer_bytes(&forged));
    tw_buffer_done(&forged);
  }
  return 0;
}
