/* A training by the recipe as bytes and back. Not the file: who writes it does so in one piece.
 *
 *   "topwork checkpoint 1\n"
 *   what it belongs to: pictures, classes, features, rows of training and validation; three hashes; the options
 *   the epochs so far, the state of the random numbers
 *   weights, moments, best weights: float32, K x d and then K each
 *   XXH3-128 of all bytes before
 *
 * Numbers are little-endian, 8 bytes each but for the weights. Everything is checked before anything is changed. */
#include <math.h>
#include <string.h>

#include "train/recipe.h"

#define MAGIC "topwork checkpoint 1\n"

enum {
  MAGIC_SIZE = sizeof MAGIC - 1,
  HASH_SIZE = sizeof(tw_hash),
  PIECE = 1024, /* numbers encoded at a time */
};

/* Everything that comes before the epochs. */
typedef struct owner {
  tw_recipe_identity identity;
  uint64_t classes;
  uint64_t dimensions;
  uint64_t training_count;
  uint64_t validation_count;
  uint64_t solver;
  uint64_t batch;
  double rate;
  double decay;
  uint64_t decay_steps;
  double momentum; /* 0 where the solver has none */
  uint64_t seed;
} owner;

static owner owner_of(const tw_recipe *recipe) {
  const tw_recipe_options *options = &recipe->history.options;
  return (owner){.identity = recipe->identity,
                 .classes = recipe->samples.classes,
                 .dimensions = recipe->samples.dimensions,
                 .training_count = recipe->training_count,
                 .validation_count = recipe->validation_count,
                 .solver = (uint64_t)options->solver,
                 .batch = options->batch,
                 .rate = options->rate,
                 .decay = options->decay_steps == 0 ? 1 : options->decay,
                 .decay_steps = options->decay_steps,
                 .momentum = options->solver == TW_SOLVER_MOMENTUM ? options->momentum : 0,
                 .seed = options->seed};
}

/* ---- Writing ----------------------------------------------------------------------------------------------------- */

static void put_bits(uint8_t *to, uint64_t bits, size_t bytes) {
  for (size_t i = 0; i < bytes; i++) {
    to[i] = (uint8_t)(bits >> 8 * i);
  }
}

static void put_u64(tw_buffer *buffer, uint64_t value) {
  uint8_t bytes[8];
  put_bits(bytes, value, sizeof bytes);
  tw_buffer_append(buffer, bytes, sizeof bytes);
}

static void put_f64(tw_buffer *buffer, double value) {
  uint64_t bits;
  memcpy(&bits, &value, sizeof bits);
  put_u64(buffer, bits);
}

static void put_floats(tw_buffer *buffer, const float *values, size_t count) {
  uint8_t bytes[PIECE * sizeof(float)];
  for (size_t begin = 0; begin < count; begin += PIECE) {
    size_t piece = count - begin < PIECE ? count - begin : PIECE;
    for (size_t i = 0; i < piece; i++) {
      uint32_t bits;
      memcpy(&bits, &values[begin + i], sizeof bits);
      put_bits(bytes + i * sizeof bits, bits, sizeof bits);
    }
    tw_buffer_append(buffer, bytes, piece * sizeof(float));
  }
}

static void put_owner(tw_buffer *buffer, const owner *owner) {
  put_u64(buffer, owner->identity.pictures);
  put_u64(buffer, owner->classes);
  put_u64(buffer, owner->dimensions);
  put_u64(buffer, owner->training_count);
  put_u64(buffer, owner->validation_count);
  tw_buffer_append(buffer, owner->identity.pictures_hash.bytes, HASH_SIZE);
  tw_buffer_append(buffer, owner->identity.parts_hash.bytes, HASH_SIZE);
  tw_buffer_append(buffer, owner->identity.features_hash.bytes, HASH_SIZE);
  put_u64(buffer, owner->solver);
  put_u64(buffer, owner->batch);
  put_f64(buffer, owner->rate);
  put_f64(buffer, owner->decay);
  put_u64(buffer, owner->decay_steps);
  put_f64(buffer, owner->momentum);
  put_u64(buffer, owner->seed);
}

void tw_recipe_save(const tw_recipe *recipe, tw_buffer *buffer) {
  size_t begin = buffer->size;
  owner owner = owner_of(recipe);
  tw_buffer_text(buffer, MAGIC);
  put_owner(buffer, &owner);
  put_u64(buffer, recipe->history.count);
  for (size_t i = 0; i < recipe->history.count; i++) {
    const tw_epoch *epoch = &recipe->history.epochs[i];
    put_f64(buffer, epoch->rate);
    put_f64(buffer, epoch->training_loss);
    put_f64(buffer, epoch->training_accuracy);
    put_f64(buffer, epoch->validation_loss);
    put_f64(buffer, epoch->validation_accuracy);
    put_f64(buffer, epoch->seconds);
  }
  for (size_t i = 0; i < sizeof recipe->random.state / sizeof *recipe->random.state; i++) {
    put_u64(buffer, recipe->random.state[i]);
  }
  put_floats(buffer, recipe->point, recipe->size);
  for (size_t i = 0; i < recipe->moment_count; i++) {
    put_floats(buffer, recipe->moments[i], recipe->size);
  }
  put_floats(buffer, recipe->best->weights, recipe->size - recipe->samples.classes);
  put_floats(buffer, recipe->best->intercepts, recipe->samples.classes);
  if (!buffer->failed) {
    tw_hash hash = tw_hash_of(buffer->data + begin, buffer->size - begin);
    tw_buffer_append(buffer, hash.bytes, sizeof hash.bytes);
  }
}

/* ---- Reading ----------------------------------------------------------------------------------------------------- */

/* What is left of a checkpoint. Reading beyond its end gives zeros and sets `failed`. */
typedef struct cursor {
  tw_bytes left;
  bool failed;
} cursor;

/* The next `size` bytes; NULL beyond the end. */
static const uint8_t *take(cursor *cursor, size_t size) {
  if (size > cursor->left.size) {
    cursor->failed = true;
    return NULL;
  }
  const uint8_t *data = cursor->left.data;
  cursor->left = (tw_bytes){data + size, cursor->left.size - size};
  return data;
}

static uint64_t take_u64(cursor *cursor) {
  const uint8_t *bytes = take(cursor, 8);
  return bytes == NULL ? 0 : tw_load_u64(bytes);
}

static double take_f64(cursor *cursor) {
  uint64_t bits = take_u64(cursor);
  double value;
  memcpy(&value, &bits, sizeof value);
  return value;
}

static tw_hash take_hash(cursor *cursor) {
  tw_hash hash = {0};
  const uint8_t *bytes = take(cursor, HASH_SIZE);
  if (bytes != NULL) {
    memcpy(hash.bytes, bytes, HASH_SIZE);
  }
  return hash;
}

static owner take_owner(cursor *cursor) {
  owner owner = {0};
  owner.identity.pictures = (size_t)take_u64(cursor);
  owner.classes = take_u64(cursor);
  owner.dimensions = take_u64(cursor);
  owner.training_count = take_u64(cursor);
  owner.validation_count = take_u64(cursor);
  owner.identity.pictures_hash = take_hash(cursor);
  owner.identity.parts_hash = take_hash(cursor);
  owner.identity.features_hash = take_hash(cursor);
  owner.solver = take_u64(cursor);
  owner.batch = take_u64(cursor);
  owner.rate = take_f64(cursor);
  owner.decay = take_f64(cursor);
  owner.decay_steps = take_u64(cursor);
  owner.momentum = take_f64(cursor);
  owner.seed = take_u64(cursor);
  return owner;
}

/* ---- Whose it is ------------------------------------------------------------------------------------------------- */

/* The beginning of a hash, to tell two of them apart. */
static const char *hash_word(const tw_hash *hash, char text[TW_HASH_TEXT_SIZE]) {
  tw_hash_text(hash, text);
  text[8] = '\0';
  return text;
}

static tw_status check_pictures(const owner *there, const owner *here, tw_error *error) {
  char a[TW_HASH_TEXT_SIZE];
  char b[TW_HASH_TEXT_SIZE];
  if (there->identity.pictures != here->identity.pictures || there->classes != here->classes ||
      tw_hash_compare(&there->identity.pictures_hash, &here->identity.pictures_hash) != 0) {
    return tw_error_set(error, TW_E_DATA, "is of other pictures: %zu in %llu classes (%s) there, %zu in %llu (%s) here",
                        there->identity.pictures, (unsigned long long)there->classes,
                        hash_word(&there->identity.pictures_hash, a), here->identity.pictures,
                        (unsigned long long)here->classes, hash_word(&here->identity.pictures_hash, b));
  }
  if (there->training_count != here->training_count || there->validation_count != here->validation_count ||
      tw_hash_compare(&there->identity.parts_hash, &here->identity.parts_hash) != 0) {
    return tw_error_set(error, TW_E_DATA,
                        "is of other parts of these pictures: %llu training and %llu validation by seed %llu (%s) "
                        "there, %llu and %llu by seed %llu (%s) here",
                        (unsigned long long)there->training_count, (unsigned long long)there->validation_count,
                        (unsigned long long)there->seed, hash_word(&there->identity.parts_hash, a),
                        (unsigned long long)here->training_count, (unsigned long long)here->validation_count,
                        (unsigned long long)here->seed, hash_word(&here->identity.parts_hash, b));
  }
  if (there->dimensions != here->dimensions ||
      tw_hash_compare(&there->identity.features_hash, &here->identity.features_hash) != 0) {
    return tw_error_set(error, TW_E_DATA,
                        "is of other features of these pictures, as another trunk gives: %llu a picture (%s) there, "
                        "%llu (%s) here",
                        (unsigned long long)there->dimensions, hash_word(&there->identity.features_hash, a),
                        (unsigned long long)here->dimensions, hash_word(&here->identity.features_hash, b));
  }
  return TW_OK;
}

/* One option as its bits and as text. */
typedef struct entry {
  const char *what;
  uint64_t bits;
  char text[TW_NUMBER_TEXT_SIZE];
} entry;

enum { ENTRIES = 7 };

static entry whole_entry(const char *what, uint64_t value) {
  entry entry = {.what = what, .bits = value};
  snprintf(entry.text, sizeof entry.text, "%llu", (unsigned long long)value);
  return entry;
}

static entry real_entry(const char *what, double value) {
  entry entry = {.what = what};
  memcpy(&entry.bits, &value, sizeof entry.bits);
  tw_number_text(value, entry.text);
  return entry;
}

static void list_options(const owner *owner, entry ret_entries[ENTRIES]) {
  bool known = owner->solver >= TW_SOLVER_SGD && owner->solver <= TW_SOLVER_ADAM;
  ret_entries[0] = whole_entry("solver", owner->solver);
  snprintf(ret_entries[0].text, sizeof ret_entries[0].text, "%s",
           known ? tw_solver_name((tw_solver)owner->solver) : "unknown");
  ret_entries[1] = whole_entry("batches of", owner->batch);
  ret_entries[2] = real_entry("learning rate", owner->rate);
  ret_entries[3] = whole_entry("decay steps", owner->decay_steps);
  ret_entries[4] = real_entry("decay", owner->decay);
  ret_entries[5] = real_entry("momentum", owner->momentum);
  ret_entries[6] = whole_entry("seed", owner->seed);
}

static tw_status check_options(const owner *there, const owner *here, tw_error *error) {
  entry theirs[ENTRIES];
  entry ours[ENTRIES];
  list_options(there, theirs);
  list_options(here, ours);
  for (size_t i = 0; i < ENTRIES; i++) {
    if (theirs[i].bits != ours[i].bits) {
      return tw_error_set(error, TW_E_DATA, "is of another recipe: %s %s there, %s here", ours[i].what, theirs[i].text,
                          ours[i].text);
    }
  }
  return TW_OK;
}

/* ---- Restoring --------------------------------------------------------------------------------------------------- */

static tw_status damaged(tw_error *error) {
  return tw_error_set(error, TW_E_FORMAT, "the checkpoint is damaged or cut short: its check sum does not fit");
}

bool tw_recipe_is_checkpoint(tw_bytes bytes) {
  return bytes.size >= MAGIC_SIZE && memcmp(bytes.data, MAGIC, MAGIC_SIZE) == 0;
}

/* The bytes between magic and hash. */
static tw_status open_checkpoint(tw_bytes file, cursor *ret_cursor, tw_error *error) {
  if (!tw_recipe_is_checkpoint(file)) {
    return tw_error_set(error, TW_E_FORMAT, "is no checkpoint that this topwork reads");
  }
  if (file.size < MAGIC_SIZE + HASH_SIZE) {
    return damaged(error);
  }
  tw_hash hash = tw_hash_of(file.data, file.size - HASH_SIZE);
  if (memcmp(hash.bytes, file.data + file.size - HASH_SIZE, HASH_SIZE) != 0) {
    return damaged(error);
  }
  *ret_cursor = (cursor){{file.data + MAGIC_SIZE, file.size - MAGIC_SIZE - HASH_SIZE}, false};
  return TW_OK;
}

static bool good_epoch(const tw_epoch *epoch, bool watched) {
  return isfinite(epoch->rate) && isfinite(epoch->training_loss) && isfinite(epoch->training_accuracy) &&
         isfinite(epoch->seconds) && (isfinite(epoch->validation_loss) != 0) == watched &&
         (isfinite(epoch->validation_accuracy) != 0) == watched;
}

/* Reads `count` epochs; into `ret_epochs` unless it is NULL. */
static bool take_epochs(cursor *cursor, size_t count, bool watched, tw_epoch *ret_epochs) {
  for (size_t i = 0; i < count; i++) {
    tw_epoch epoch;
    epoch.rate = take_f64(cursor);
    epoch.training_loss = take_f64(cursor);
    epoch.training_accuracy = take_f64(cursor);
    epoch.validation_loss = take_f64(cursor);
    epoch.validation_accuracy = take_f64(cursor);
    epoch.seconds = take_f64(cursor);
    if (cursor->failed || !good_epoch(&epoch, watched)) {
      return false;
    }
    if (ret_epochs != NULL) {
      ret_epochs[i] = epoch;
    }
  }
  return true;
}

/* Reads `count` finite numbers; into `ret` unless it is NULL. */
static bool take_floats(cursor *cursor, size_t count, float *ret) {
  size_t bytes;
  const uint8_t *data = tw_mul_size(count, sizeof(float), &bytes) ? take(cursor, bytes) : NULL;
  for (size_t i = 0; data != NULL && i < count; i++) {
    uint32_t bits = tw_load_u32(data + i * sizeof bits);
    float value;
    memcpy(&value, &bits, sizeof value);
    if (!isfinite(value)) {
      return false;
    }
    if (ret != NULL) {
      ret[i] = value;
    }
  }
  return data != NULL;
}

/* Everything from the epochs on, into the recipe when `keep`, only looked at otherwise. */
static bool take_state(cursor cursor, tw_recipe *recipe, size_t count, bool keep) {
  bool watched = recipe->validation_count > 0;
  size_t weights = recipe->size - recipe->samples.classes;
  bool good = take_epochs(&cursor, count, watched, keep ? recipe->history.epochs : NULL);
  tw_random random;
  uint64_t any = 0;
  for (size_t i = 0; i < sizeof random.state / sizeof *random.state; i++) {
    random.state[i] = take_u64(&cursor);
    any |= random.state[i];
  }
  good = good && any != 0 && take_floats(&cursor, recipe->size, keep ? recipe->point : NULL);
  for (size_t i = 0; good && i < recipe->moment_count; i++) {
    good = take_floats(&cursor, recipe->size, keep ? recipe->moments[i] : NULL);
  }
  good = good && take_floats(&cursor, weights, keep ? recipe->best->weights : NULL) &&
         take_floats(&cursor, recipe->samples.classes, keep ? recipe->best->intercepts : NULL);
  if (keep) {
    recipe->random = random;
    recipe->history.count = count;
    tw_recipe_judge(&recipe->history);
  }
  return good && !cursor.failed && cursor.left.size == 0;
}

static tw_status restore(tw_recipe *recipe, tw_bytes checkpoint, tw_error *error) {
  cursor cursor;
  TW_TRY(open_checkpoint(checkpoint, &cursor, error));
  owner there = take_owner(&cursor);
  uint64_t count = take_u64(&cursor);
  if (cursor.failed) {
    return damaged(error);
  }
  owner here = owner_of(recipe);
  TW_TRY(check_pictures(&there, &here, error));
  TW_TRY(check_options(&there, &here, error));
  if (count > recipe->history.options.epochs) {
    return tw_error_set(error, TW_E_DATA, "has %llu epochs behind it, more than the %zu asked for",
                        (unsigned long long)count, recipe->history.options.epochs);
  }
  if (!take_state(cursor, recipe, (size_t)count, false)) {
    return damaged(error);
  }
  take_state(cursor, recipe, (size_t)count, true);
  return TW_OK;
}

tw_status tw_recipe_restore(tw_recipe *recipe, const char *path, tw_bytes checkpoint, tw_error *error) {
  tw_status status = restore(recipe, checkpoint, error);
  return status == TW_OK ? TW_OK : tw_error_prefix(error, status, "%s", path);
}
