/* Reads the model file. Everything in it is checked: a file from elsewhere must end in an error, not in a crash or in
 * labels that do not fit. */
#include <jansson.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "formats/formats.h"
#include "model/metadata.h"
#include "model/model.h"
#include "model/model_precision.h"
#include "model/model_recipe.h"

/* ---- Metadata ---------------------------------------------------------------------------------------------------- */

tw_status tw_metadata_wrong(const char *key, const char *what, tw_error *error) {
  return tw_error_set(error, TW_E_FORMAT, "metadata '%s': %s", key, what);
}

tw_status tw_metadata_json(const tw_graph *graph, const char *key, bool optional, json_t **ret, tw_error *error) {
  tw_bytes bytes = tw_graph_metadata(graph, key);
  if (bytes.data == NULL) {
    *ret = NULL;
    return optional ? TW_OK : tw_metadata_wrong(key, "is missing", error);
  }
  if (bytes.size > TW_MODEL_MAX_JSON) {
    return tw_error_set(error, TW_E_LIMIT, "metadata '%s': larger than %d bytes", key, TW_MODEL_MAX_JSON);
  }
  json_error_t reason;
  json_t *value = json_loadb((const char *)bytes.data, bytes.size, JSON_REJECT_DUPLICATES, &reason);
  if (value == NULL) {
    return tw_error_set(error, TW_E_FORMAT, "metadata '%s': is not JSON: %s", key, reason.text);
  }
  *ret = value;
  return TW_OK;
}

static tw_status read_labels(const tw_graph *graph, tw_model_record *record, tw_error *error) {
  json_t *list;
  TW_TRY(tw_metadata_json(graph, TW_META_LABELS, false, &list, error));
  size_t count = json_array_size(list);
  tw_status status = TW_OK;
  if (count < 2 || count > TW_MAX_CLASSES) {
    status = tw_metadata_wrong(TW_META_LABELS, "is not a list of two classes or more", error);
  } else {
    record->classes = tw_alloc(count, sizeof *record->classes);
    status = record->classes == NULL ? tw_error_memory(error) : TW_OK;
  }
  for (size_t i = 0; status == TW_OK && i < count; i++) {
    const char *name = json_string_value(json_array_get(list, i));
    if (name == NULL || strlen(name) > TW_MODEL_MAX_LABEL) {
      status = tw_metadata_wrong(TW_META_LABELS, "holds something that is no class name", error);
    } else if (i > 0 && strcmp(record->classes[i - 1], name) >= 0) {
      status = tw_metadata_wrong(TW_META_LABELS, "is not sorted, or names a class twice", error);
    } else {
      record->classes[i] = tw_strdup(name);
      record->class_count = i + 1;
      status = record->classes[i] == NULL ? tw_error_memory(error) : TW_OK;
    }
  }
  json_decref(list);
  return status;
}

static tw_status read_hashes(const json_t *text, tw_hash **ret_hashes, size_t *ret_count, tw_error *error) {
  enum { DIGITS = TW_HASH_TEXT_SIZE - 1 };
  size_t length = json_string_length(text);
  size_t count = length / DIGITS;
  if (!json_is_string(text) || length % DIGITS != 0) {
    return tw_metadata_wrong(TW_META_PARTS, "is not a run of hashes for each part", error);
  }
  tw_hash *hashes = tw_alloc(count, sizeof *hashes);
  if (hashes == NULL) {
    return tw_error_memory(error);
  }
  for (size_t i = 0; i < count; i++) {
    char hex[TW_HASH_TEXT_SIZE] = "";
    memcpy(hex, json_string_value(text) + i * DIGITS, DIGITS);
    if (!tw_hash_parse(hex, &hashes[i]) || (i > 0 && tw_hash_compare(&hashes[i - 1], &hashes[i]) >= 0)) {
      tw_free(hashes);
      return tw_metadata_wrong(TW_META_PARTS, "holds a malformed or unsorted hash", error);
    }
  }
  *ret_hashes = hashes;
  *ret_count = count;
  return TW_OK;
}

static tw_status read_parts(const tw_graph *graph, tw_model_record *record, tw_error *error) {
  json_t *parts;
  TW_TRY(tw_metadata_json(graph, TW_META_PARTS, false, &parts, error));
  tw_status status = TW_OK;
  for (int part = TW_PART_TRAINING; status == TW_OK && part <= TW_PART_TEST; part++) {
    status = read_hashes(json_object_get(parts, tw_part_name((tw_part)part)), &record->contents[part],
                         &record->content_counts[part], error);
  }
  json_decref(parts);
  return status;
}

static double number_or_nan(const json_t *value) {
  return json_is_number(value) ? json_number_value(value) : (double)NAN;
}

/* A count; SIZE_MAX when it is none. */
static size_t count_of(const json_t *object, const char *key) {
  const json_t *value = json_object_get(object, key);
  return json_is_integer(value) && json_integer_value(value) >= 0 ? (size_t)json_integer_value(value) : SIZE_MAX;
}

/* The path is there to be drawn; models that do not have it, or not at the strength that was chosen, are read without.
 */
static tw_status read_path(const json_t *list, tw_model_record *record, tw_error *error) {
  size_t count = json_array_size(list);
  if (count == 0 || count > TW_MODEL_MAX_PATH) {
    return TW_OK;
  }
  tw_path_point *points = tw_alloc(count, sizeof *points);
  if (points == NULL) {
    return tw_error_memory(error);
  }
  size_t chosen = SIZE_MAX;
  bool good = true;
  for (size_t i = 0; i < count; i++) {
    const json_t *point = json_array_get(list, i);
    points[i] = (tw_path_point){.strength = json_number_value(json_array_get(point, 0)),
                                .log_loss = number_or_nan(json_array_get(point, 1)),
                                .accuracy = number_or_nan(json_array_get(point, 2)),
                                .iterations = (size_t)json_integer_value(json_array_get(point, 3))};
    good = good && points[i].strength > 0 && isfinite(points[i].strength) &&
           (i == 0 || points[i].strength > points[i - 1].strength);
    chosen = points[i].strength == record->strength ? i : chosen;
  }
  if (!good || chosen == SIZE_MAX) {
    tw_free(points);
    return TW_OK;
  }
  record->path = (tw_path){.count = count, .points = points, .chosen = chosen, .by_folds = record->by_folds};
  return TW_OK;
}

/* Draws of the parts: all or none of them. */
static tw_status read_repeats(const json_t *list, tw_model_record *record, tw_error *error) {
  size_t count = json_array_size(list);
  if (count == 0) {
    return TW_OK;
  }
  if (count > TW_MAX_REPEATS) {
    return tw_metadata_wrong(TW_META_TRAINING, "has too many draws of the parts", error);
  }
  record->repeat_accuracies = tw_alloc(count, sizeof *record->repeat_accuracies);
  record->repeat_class_accuracies = tw_alloc(count, sizeof *record->repeat_class_accuracies);
  if (record->repeat_accuracies == NULL || record->repeat_class_accuracies == NULL) {
    return tw_error_memory(error);
  }
  for (size_t i = 0; i < count; i++) {
    const json_t *draw = json_array_get(list, i);
    record->repeat_accuracies[i] = number_or_nan(json_array_get(draw, 0));
    record->repeat_class_accuracies[i] = number_or_nan(json_array_get(draw, 1));
  }
  record->repeats = count;
  return TW_OK;
}

static tw_status read_training(const tw_graph *graph, tw_model_record *record, tw_error *error) {
  json_t *training;
  TW_TRY(tw_metadata_json(graph, TW_META_TRAINING, false, &training, error));
  record->seed = (uint64_t)json_integer_value(json_object_get(training, "seed"));
  record->validation_share = number_or_nan(json_object_get(training, "validation_share"));
  record->test_share = number_or_nan(json_object_get(training, "test_share"));
  record->folds = count_of(training, "folds");
  record->strength = number_or_nan(json_object_get(training, "strength"));
  record->by_folds = json_is_true(json_object_get(training, "chosen_by_folds"));
  record->objective = number_or_nan(json_object_get(training, "objective"));
  size_t per_class = count_of(training, "train_per_class");
  record->train_per_class = per_class == SIZE_MAX ? 0 : per_class; /* models of other parts have none */
  tw_status status = read_path(json_object_get(training, "path"), record, error);
  if (status == TW_OK) {
    status = read_repeats(json_object_get(training, "repeats"), record, error);
  }
  if (status == TW_OK) {
    status = tw_model_recipe_read(json_object_get(training, "recipe"), record, error);
    status = status == TW_OK ? TW_OK : tw_error_prefix(error, status, "metadata '%s'", TW_META_TRAINING);
  }
  json_decref(training);
  TW_TRY(status);
  return record->folds > TW_MAX_FOLDS ? tw_metadata_wrong(TW_META_TRAINING, "has no number of folds", error) : TW_OK;
}

static tw_status read_test(const tw_graph *graph, tw_model_record *record, tw_error *error) {
  json_t *test;
  TW_TRY(tw_metadata_json(graph, TW_META_TEST, true, &test, error));
  if (test == NULL) {
    return TW_OK;
  }
  record->test_count = count_of(test, "count");
  record->test_correct = count_of(test, "correct");
  record->test_log_loss = number_or_nan(json_object_get(test, "log_loss"));
  record->baseline = number_or_nan(json_object_get(test, "baseline"));
  json_decref(test);
  bool good = record->test_count != SIZE_MAX && record->test_correct <= record->test_count;
  return good ? TW_OK : tw_metadata_wrong(TW_META_TEST, "counts make no sense", error);
}

static tw_status read_record(const tw_graph *graph, tw_model_record *record, tw_error *error) {
  tw_bytes format = tw_graph_metadata(graph, TW_META_FORMAT);
  char expected[16];
  snprintf(expected, sizeof expected, "%d", TW_MODEL_FORMAT);
  if (!tw_bytes_is(format, expected)) {
    return tw_error_set(error, TW_E_UNSUPPORTED, "a model of format %.*s; this topwork reads format %s",
                        format.size > 20 ? 20 : (int)format.size, (const char *)format.data, expected);
  }
  TW_TRY(read_labels(graph, record, error));
  TW_TRY(read_parts(graph, record, error));
  TW_TRY(read_training(graph, record, error));
  return read_test(graph, record, error);
}

/* ---- The graph --------------------------------------------------------------------------------------------------- */

static tw_value *output_named(const tw_graph *graph, const char *name) {
  for (size_t i = 0; i < graph->output_count; i++) {
    if (strcmp(graph->outputs[i]->name, name) == 0) {
      return graph->outputs[i];
    }
  }
  return NULL;
}

static bool is_f32_constant(const tw_value *value, size_t count) {
  return value != NULL && value->data != NULL && value->dtype == TW_DTYPE_F32 &&
         value->data_size == count * sizeof(float);
}

/* Takes the top out of softmax(gemm(features, weights, intercepts)). */
static tw_status read_top(const tw_graph *graph, size_t classes, tw_value **ret_features, tw_top **ret_top,
                          tw_error *error) {
  tw_value *features = output_named(graph, TW_NAME_FEATURES);
  tw_value *probabilities = output_named(graph, TW_NAME_PROBABILITIES);
  const tw_node *softmax = probabilities == NULL ? NULL : probabilities->producer;
  const tw_node *gemm = softmax == NULL || softmax->op != TW_OP_SOFTMAX ? NULL : softmax->inputs[0]->producer;
  if (features == NULL || gemm == NULL || gemm->op != TW_OP_GEMM || gemm->input_count != 3 ||
      gemm->inputs[0] != features || features->shape.rank != 2 || !gemm->attributes.transpose_b) {
    return tw_error_set(error, TW_E_FORMAT,
                        "its graph does not end in features and probabilities as a topwork model's does");
  }
  size_t dimensions = (size_t)features->shape.dims[1];
  size_t cells;
  if (!tw_mul_size(classes, dimensions, &cells) || cells > SIZE_MAX / sizeof(float) ||
      !is_f32_constant(gemm->inputs[1], cells) || !is_f32_constant(gemm->inputs[2], classes)) {
    return tw_error_set(error, TW_E_FORMAT, "its weights are not %zu classes x %zu features", classes, dimensions);
  }
  tw_top *top = tw_top_create(classes, dimensions);
  if (top == NULL) {
    return tw_error_memory(error);
  }
  memcpy(top->weights, gemm->inputs[1]->data, cells * sizeof(float));
  memcpy(top->intercepts, gemm->inputs[2]->data, classes * sizeof(float));
  for (size_t i = 0; i < cells + classes; i++) {
    float weight = i < cells ? top->weights[i] : top->intercepts[i - cells];
    if (!isfinite(weight)) {
      tw_top_free(top);
      return tw_error_set(error, TW_E_FORMAT, "one of its weights is not a finite number");
    }
  }
  *ret_features = features;
  *ret_top = top;
  return TW_OK;
}

static tw_status read_preprocessing(const tw_graph *graph, tw_preprocess *ret_preprocess, tw_error *error) {
  tw_bytes text = tw_graph_metadata(graph, TW_META_PREPROCESSING);
  if (text.data == NULL || text.size > TW_PREPROCESS_MAX_TEXT) {
    return tw_metadata_wrong(TW_META_PREPROCESSING, text.data == NULL ? "is missing" : "is too long", error);
  }
  char *copy = tw_strndup((const char *)text.data, text.size);
  if (copy == NULL) {
    return tw_error_memory(error);
  }
  tw_status status = tw_preprocess_parse(copy, ret_preprocess, error);
  tw_free(copy);
  return status;
}

/* Takes over `graph`, also on failure. *ret_trunk is NULL for a model that takes features. */
static tw_status read_trunk(tw_graph *graph, tw_value *features, tw_trunk **ret_trunk, tw_error *error) {
  if (features->producer == NULL) {
    tw_graph_free(graph);
    *ret_trunk = NULL;
    return TW_OK;
  }
  json_t *about = NULL;
  tw_preprocess preprocess;
  tw_status status = read_preprocessing(graph, &preprocess, error);
  if (status == TW_OK) {
    status = tw_metadata_json(graph, TW_META_TRUNK, false, &about, error);
  }
  const char *name = json_string_value(json_object_get(about, "name"));
  if (status == TW_OK && name == NULL) {
    status = tw_metadata_wrong(TW_META_TRUNK, "has no name", error);
  }
  tw_trunk *trunk = NULL;
  if (status == TW_OK) {
    status = tw_trunk_create(graph, features, &preprocess, name, &trunk, error);
  } else {
    tw_graph_free(graph);
  }
  json_decref(about);
  if (status == TW_OK) {
    status = tw_model_precision_read(trunk, error);
  }
  if (status != TW_OK) {
    tw_trunk_free(trunk);
    return status;
  }
  *ret_trunk = trunk;
  return TW_OK;
}

/* Whether the file ends in the hash of what comes before it. */
static tw_status check_complete(tw_bytes file, const tw_graph *graph, tw_error *error) {
  if (tw_graph_metadata(graph, TW_META_FORMAT).data == NULL) {
    return tw_error_set(error, TW_E_FORMAT,
                        "is a network but no topwork model: a model comes from 'topwork train'; "
                        "to see what a network itself says use 'topwork classify --trunk FILE'");
  }
  tw_bytes hash = tw_graph_metadata(graph, TW_META_COMPLETE);
  char hex[TW_HASH_TEXT_SIZE];
  if (file.size > TW_META_COMPLETE_SIZE) {
    tw_hash real = tw_hash_of(file.data, file.size - TW_META_COMPLETE_SIZE);
    tw_bytes last = {file.data + file.size - (sizeof hex - 1), sizeof hex - 1};
    if (tw_bytes_is(hash, tw_hash_text(&real, hex)) && tw_bytes_equal(hash, last)) {
      return TW_OK;
    }
  }
  return tw_error_set(error, TW_E_FORMAT,
                      "the model file is damaged or cut short: its check sum does not fit its content");
}

/* Takes over `graph`, also on failure. */
static tw_status read_graph(tw_bytes file, tw_graph *graph, tw_model **ret_model, tw_error *error) {
  tw_model_record record = {0};
  tw_value *features;
  tw_top *top = NULL;
  tw_trunk *trunk;
  tw_status status = check_complete(file, graph, error);
  if (status == TW_OK) {
    status = read_record(graph, &record, error);
  }
  if (status == TW_OK) {
    status = read_top(graph, record.class_count, &features, &top, error);
  }
  if (status != TW_OK) {
    tw_graph_free(graph);
  } else {
    status = read_trunk(graph, features, &trunk, error);
  }
  if (status != TW_OK) {
    tw_top_free(top);
    tw_model_record_done(&record);
    return status;
  }
  return tw_model_create(trunk, top, &record, ret_model, error);
}

tw_status tw_model_open_bytes(tw_bytes file, tw_model **ret_model, tw_error *error) {
  tw_graph *graph;
  TW_TRY(tw_graph_import_bytes(file, &graph, error));
  return read_graph(file, graph, ret_model, error);
}

tw_status tw_model_open(const char *path, tw_model **ret_model, tw_error *error) {
  if (path == NULL || ret_model == NULL) {
    return tw_error_set(error, TW_E_ARGUMENT, "%s must not be NULL", path == NULL ? "path" : "ret_model");
  }
  tw_graph *graph;
  TW_TRY(tw_graph_import(path, &graph, error));
  tw_map *map;
  tw_status status = tw_map_open(path, &map, error);
  if (status != TW_OK) {
    tw_graph_free(graph);
    return status;
  }
  status = read_graph(tw_map_bytes(map), graph, ret_model, error);
  tw_map_close(map);
  return status == TW_OK ? TW_OK : tw_error_prefix(error, status, "%s", path);
}
