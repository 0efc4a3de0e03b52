/* The outcome as one JSON object: `train --json`, `evaluate --json`, metrics.json. Its keys are documented in
 * docs/JSON.md and stay stable. */
#include <jansson.h>
#include <math.h>

#include "formats/formats.h"
#include "report/report.h"

static json_t *real(double value) {
  return isfinite(value) ? json_real(value) : json_null();
}

static json_t *integer(size_t value) {
  return json_integer((json_int_t)value);
}

static json_t *text(const char *value) {
  return value == NULL ? json_null() : json_string(value);
}

static json_t *names(const char *const *list, size_t count) {
  json_t *array = json_array();
  for (size_t i = 0; i < count; i++) {
    json_array_append_new(array, json_string(list[i]));
  }
  return array;
}

static json_t *classes_json(const tw_outcome *outcome) {
  json_t *array = json_array();
  for (size_t i = 0; i < outcome->class_count; i++) {
    json_t *object = json_pack("{s:s}", "name", outcome->classes[i]);
    if (outcome->test != NULL) {
      const tw_class_metrics *each = &outcome->test->each[i];
      json_object_set_new(object, "support", integer(each->support));
      json_object_set_new(object, "predicted", integer(each->predicted));
      json_object_set_new(object, "correct", integer(each->correct));
      json_object_set_new(object, "precision", real(each->precision));
      json_object_set_new(object, "recall", real(each->recall));
      json_object_set_new(object, "f1", real(each->f1));
    }
    json_array_append_new(array, object);
  }
  return array;
}

static json_t *metrics_json(const tw_outcome *outcome, const tw_metrics *metrics) {
  if (metrics == NULL) {
    return json_null();
  }
  json_t *object = json_object();
  json_object_set_new(object, "accuracy", real(metrics->accuracy));
  json_object_set_new(object, "interval", json_pack("[f, f]", metrics->interval[0], metrics->interval[1]));
  json_object_set_new(object, "count", integer(metrics->count));
  json_object_set_new(object, "correct", integer(metrics->correct));
  json_object_set_new(object, "baseline", real(metrics->baseline));
  json_object_set_new(object, "baseline_class", text(outcome->classes[metrics->baseline_class]));
  json_object_set_new(object, "log_loss", real(metrics->log_loss));
  json_object_set_new(object, "top5", real(metrics->top5));
  json_object_set_new(object, "macro_accuracy", real(metrics->macro_accuracy));
  json_t *worst = metrics->worst_count == 0
                      ? json_null()
                      : json_pack("{s:s, s:s, s:o}", "label", outcome->classes[metrics->worst_true], "prediction",
                                  outcome->classes[metrics->worst_predicted], "count", integer(metrics->worst_count));
  json_object_set_new(object, "worst_confusion", worst);
  return object;
}

static json_t *test_json(const tw_outcome *outcome) {
  json_t *object = metrics_json(outcome, outcome->test);
  if (outcome->test != NULL && outcome->folds > 0) {
    json_t *each = json_array();
    for (size_t i = 0; i < outcome->folds; i++) {
      json_array_append_new(each, real(outcome->fold_accuracies[i]));
    }
    json_object_set_new(object, "fold_accuracies", each);
    json_object_set_new(object, "fold_mean", real(outcome->fold_mean));
    json_object_set_new(object, "fold_deviation", real(outcome->fold_deviation));
  }
  return object;
}

static json_t *skipped_json(const tw_outcome *outcome) {
  json_t *array = json_array();
  for (size_t i = 0; i < outcome->skipped_count; i++) {
    json_t *object = json_object();
    tw_json_set_path(object, outcome->skipped[i].path);
    json_object_set_new(object, "reason", json_string(outcome->skipped[i].reason));
    json_array_append_new(array, object);
  }
  return array;
}

static json_t *path_json(const tw_path *path) {
  if (path == NULL) {
    return json_null();
  }
  json_t *points = json_array();
  for (size_t i = 0; i < path->count; i++) {
    const tw_path_point *point = &path->points[i];
    json_array_append_new(
        points, json_pack("{s:f, s:o, s:o, s:o}", "strength", point->strength, "log_loss", real(point->log_loss),
                          "accuracy", real(point->accuracy), "iterations", integer(point->iterations)));
  }
  return json_pack("{s:o, s:o, s:s}", "points", points, "chosen", integer(path->chosen), "scored_by",
                   path->by_folds ? "folds" : "validation");
}

static json_t *parts_json(const tw_outcome *outcome) {
  json_t *object = json_object();
  for (int part = TW_PART_TRAINING; part <= TW_PART_LEAKED; part++) {
    json_object_set_new(object, tw_part_name((tw_part)part), integer(outcome->part_counts[part]));
  }
  return object;
}

/* Several draws of the parts; null after one. */
static json_t *repeat_json(const tw_outcome *outcome) {
  if (outcome->repeats == 0) {
    return json_null();
  }
  json_t *draws = json_array();
  for (size_t i = 0; i < outcome->repeats; i++) {
    json_array_append_new(draws, json_pack("{s:I, s:o, s:o}", "seed", (json_int_t)(outcome->seed + i), "accuracy",
                                           real(outcome->repeat_accuracies[i]), "macro_accuracy",
                                           real(outcome->repeat_class_accuracies[i])));
  }
  return json_pack("{s:o, s:o, s:o, s:o, s:o}", "mean", real(outcome->repeat_mean), "deviation",
                   real(outcome->repeat_deviation), "macro_mean", real(outcome->repeat_class_mean), "macro_deviation",
                   real(outcome->repeat_class_deviation), "draws", draws);
}

/* Training by the recipe; null for the exact top. */
static json_t *recipe_json(const tw_outcome *outcome) {
  const tw_history *history = outcome->history;
  if (history == NULL) {
    return json_null();
  }
  json_t *epochs = json_array();
  for (size_t i = 0; i < history->count; i++) {
    const tw_epoch *epoch = &history->epochs[i];
    json_array_append_new(epochs,
                          json_pack("{s:o, s:o, s:o, s:o, s:o, s:o}", "rate", real(epoch->rate), "training_loss",
                                    real(epoch->training_loss), "training_accuracy", real(epoch->training_accuracy),
                                    "validation_loss", real(epoch->validation_loss), "validation_accuracy",
                                    real(epoch->validation_accuracy), "seconds", real(epoch->seconds)));
  }
  const tw_recipe_options *options = &history->options;
  return json_pack("{s:s, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:b, s:o}", "solver",
                   tw_solver_name(options->solver), "epochs", integer(options->epochs), "batch",
                   integer(options->batch), "rate", real(options->rate), "decay", real(options->decay), "decay_steps",
                   integer(options->decay_steps), "momentum",
                   options->solver == TW_SOLVER_MOMENTUM ? real(options->momentum) : json_null(), "patience",
                   integer(options->patience), "history", epochs, "kept_epoch", integer(history->best + 1),
                   "stopped_early", history->stopped_early, "objective", real(outcome->recipe_objective));
}

/* The exact top beside a recipe's; null without a recipe. */
static json_t *exact_json(const tw_outcome *outcome) {
  if (outcome->history == NULL) {
    return json_null();
  }
  return json_pack("{s:o, s:o, s:o}", "objective", real(outcome->exact_objective), "distance",
                   real(outcome->recipe_objective / outcome->exact_objective - 1), "test",
                   metrics_json(outcome, outcome->exact_test));
}

json_t *tw_report_fidelity(const tw_trunk_precision *precision) {
  if (precision == NULL || precision->fidelity.pictures == 0) {
    return json_null();
  }
  json_t *object = json_pack("{s:o, s:o, s:o, s:b}", "mean", real(precision->fidelity.mean), "worst",
                             real(precision->fidelity.worst), "pictures", integer(precision->fidelity.pictures),
                             "unseen", precision->unseen);
  if (precision->precision == TW_PRECISION_INT8) {
    json_object_set_new(object, "calibrated", integer(precision->calibrated));
    json_object_set_new(object, "layers", integer(precision->layers));
    json_object_set_new(object, "layers_f32", integer(precision->wide));
  }
  return object;
}

static json_t *outcome_json(const tw_outcome *outcome) {
  json_t *object = json_object();
  json_object_set_new(object, "test", test_json(outcome));
  json_object_set_new(object, "classes", classes_json(outcome));
  json_object_set_new(object, "skipped", skipped_json(outcome));
  json_object_set_new(object, "pictures", integer(outcome->pictures));
  json_object_set_new(object, "ignored", integer(outcome->ignored));
  json_object_set_new(object, "loose", integer(outcome->loose_count));
  json_object_set_new(object, "empty", names((const char *const *)outcome->empty, outcome->empty_count));
  json_object_set_new(object, "trunk", text(outcome->trunk_name));
  json_object_set_new(object, "precision",
                      text(outcome->precision == NULL ? "f32" : tw_precision_name(outcome->precision->precision)));
  json_object_set_new(object, "fidelity", tw_report_fidelity(outcome->precision));
  json_object_set_new(object, "seconds", real(outcome->seconds));
  json_object_set_new(object, "cached", integer(outcome->cached));
  json_object_set_new(object, "notes", names((const char *const *)outcome->notes, outcome->note_count));
  if (outcome->evaluation) {
    json_object_set_new(object, "used_in_training", metrics_json(outcome, outcome->used));
    json_object_set_new(object, "includes_training", json_boolean(outcome->counts_used));
    json_object_set_new(object, "unknown_classes", names(outcome->unknown, outcome->unknown_count));
    json_object_set_new(object, "unknown_pictures", integer(outcome->unknown_pictures));
  } else {
    if (outcome->again) {
      json_object_set_new(object, "unseen", integer(outcome->unseen_count));
    }
    json_object_set_new(object, "parts", parts_json(outcome));
    json_object_set_new(object, "folds", integer(outcome->folds));
    json_object_set_new(object, "train_per_class", integer(outcome->train_per_class));
    json_object_set_new(object, "repeat", repeat_json(outcome));
    json_object_set_new(object, "strength", real(outcome->strength));
    json_object_set_new(object, "objective", real(outcome->objective));
    json_object_set_new(object, "path", path_json(outcome->path));
    json_object_set_new(object, "recipe", recipe_json(outcome));
    json_object_set_new(object, "exact", exact_json(outcome));
  }
  return object;
}

tw_status tw_report_json(const tw_outcome *outcome, tw_buffer *buffer, tw_error *error) {
  tw_json_append(buffer, outcome_json(outcome));
  tw_buffer_text(buffer, "\n");
  return tw_buffer_status(buffer, error);
}
