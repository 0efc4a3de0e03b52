/* A training by the recipe in the model file: its options and what it did epoch by epoch. Times stay outside, so that
 * the same training gives the same bytes, interrupted or not. */
#include "model/model_recipe.h"

#include <math.h>
#include <string.h>

enum { NUMBERS = 5 /* of an epoch */ };

static json_t *number_or_null(double value) {
  return isfinite(value) ? json_real(value) : json_null();
}

static json_t *epochs_json(const tw_history *history) {
  json_t *list = json_array();
  for (size_t i = 0; i < history->count; i++) {
    const tw_epoch *epoch = &history->epochs[i];
    json_array_append_new(
        list, json_pack("[f, f, f, o, o]", epoch->rate, epoch->training_loss, epoch->training_accuracy,
                        number_or_null(epoch->validation_loss), number_or_null(epoch->validation_accuracy)));
  }
  if (json_array_size(list) != history->count) {
    json_decref(list);
    return NULL;
  }
  return list;
}

json_t *tw_model_recipe_json(const tw_model_record *record) {
  const tw_history *history = record->history;
  const tw_recipe_options *options = &history->options;
  json_t *object =
      json_pack("{s:s, s:I, s:I, s:f, s:f, s:I, s:f, s:I, s:I, s:b, s:f}", "solver", tw_solver_name(options->solver),
                "epochs", (json_int_t)options->epochs, "batch", (json_int_t)options->batch, "rate", options->rate,
                "decay", options->decay, "decay_steps", (json_int_t)options->decay_steps, "momentum", options->momentum,
                "patience", (json_int_t)options->patience, "best", (json_int_t)history->best, "stopped_early",
                history->stopped_early, "exact_objective", record->exact_objective);
  if (object == NULL || json_object_set_new(object, "history", epochs_json(history)) != 0) {
    json_decref(object);
    return NULL;
  }
  return object;
}

static double number_of(const json_t *value) {
  return json_is_number(value) ? json_number_value(value) : (double)NAN;
}

/* A whole number in 0..most; SIZE_MAX when it is none. */
static size_t whole_of(const json_t *object, const char *key, size_t most) {
  const json_t *value = json_object_get(object, key);
  bool good = json_is_integer(value) && json_integer_value(value) >= 0 && (size_t)json_integer_value(value) <= most;
  return good ? (size_t)json_integer_value(value) : SIZE_MAX;
}

static bool read_options(const json_t *recipe, tw_recipe_options *options) {
  const char *solver = json_string_value(json_object_get(recipe, "solver"));
  options->epochs = whole_of(recipe, "epochs", TW_RECIPE_MAX_EPOCHS);
  options->batch = whole_of(recipe, "batch", TW_RECIPE_MAX_BATCH);
  options->rate = number_of(json_object_get(recipe, "rate"));
  options->decay = number_of(json_object_get(recipe, "decay"));
  options->decay_steps = whole_of(recipe, "decay_steps", SIZE_MAX - 1);
  options->momentum = number_of(json_object_get(recipe, "momentum"));
  options->patience = whole_of(recipe, "patience", SIZE_MAX - 1);
  return solver != NULL && tw_solver_parse(solver, &options->solver) && options->epochs != SIZE_MAX &&
         options->batch != SIZE_MAX && options->decay_steps != SIZE_MAX && options->patience != SIZE_MAX &&
         isfinite(options->rate) && isfinite(options->decay) && isfinite(options->momentum);
}

static bool read_epoch(const json_t *numbers, tw_epoch *epoch) {
  *epoch = (tw_epoch){.rate = number_of(json_array_get(numbers, 0)),
                      .training_loss = number_of(json_array_get(numbers, 1)),
                      .training_accuracy = number_of(json_array_get(numbers, 2)),
                      .validation_loss = number_of(json_array_get(numbers, 3)),
                      .validation_accuracy = number_of(json_array_get(numbers, 4))};
  return json_array_size(numbers) == NUMBERS && isfinite(epoch->rate) && isfinite(epoch->training_loss) &&
         isfinite(epoch->training_accuracy);
}

static tw_status wrong(tw_error *error) {
  return tw_error_set(error, TW_E_FORMAT, "its recipe makes no sense");
}

/* Takes over `history`, also on failure. */
static tw_status read_history(const json_t *recipe, tw_history *history, tw_model_record *record, tw_error *error) {
  const json_t *list = json_object_get(recipe, "history");
  size_t count = json_array_size(list);
  history->epochs = tw_alloc(count, sizeof *history->epochs);
  history->count = count;
  history->best = whole_of(recipe, "best", SIZE_MAX - 1);
  history->stopped_early = json_is_true(json_object_get(recipe, "stopped_early"));
  bool good = history->epochs != NULL && history->best < count;
  for (size_t i = 0; good && i < count; i++) {
    good = read_epoch(json_array_get(list, i), &history->epochs[i]);
  }
  if (!good) {
    tw_status status = history->epochs == NULL ? tw_error_memory(error) : wrong(error);
    tw_history_free(history);
    return status;
  }
  record->history = history;
  return TW_OK;
}

tw_status tw_model_recipe_read(const json_t *recipe, tw_model_record *record, tw_error *error) {
  if (recipe == NULL) {
    return TW_OK;
  }
  tw_recipe_options options = {.seed = record->seed};
  record->exact_objective = number_of(json_object_get(recipe, "exact_objective"));
  if (!read_options(recipe, &options) || !isfinite(record->exact_objective) ||
      json_array_size(json_object_get(recipe, "history")) > options.epochs) {
    return wrong(error);
  }
  tw_history *history = tw_alloc(1, sizeof *history);
  if (history == NULL) {
    return tw_error_memory(error);
  }
  history->options = options;
  return read_history(recipe, history, record, error);
}
