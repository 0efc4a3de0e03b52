/* Writes the model file: the trunk's graph as imported, the top as Gemm and Softmax, and the metadata. */
#include <jansson.h>
#include <math.h>
#include <string.h>

#include "formats/formats.h"
#include "model/metadata.h"
#include "model/model.h"
#include "model/model_precision.h"
#include "model/model_recipe.h"

/* ---- The graph --------------------------------------------------------------------------------------------------- */

/* Gives every other value called `name` another name, so that ours can have it. */
static tw_status free_name(tw_graph *graph, const char *name, const tw_value *except, tw_error *error) {
  tw_value *holder = NULL;
  for (size_t i = 0; i < graph->node_count; i++) {
    tw_value *value = graph->nodes[i]->output;
    holder = value != except && strcmp(value->name, name) == 0 ? value : holder;
    for (size_t j = 0; j < graph->nodes[i]->input_count; j++) {
      value = graph->nodes[i]->inputs[j];
      holder = value != NULL && value != except && strcmp(value->name, name) == 0 ? value : holder;
    }
  }
  if (holder == NULL) {
    return TW_OK;
  }
  for (unsigned suffix = 1;; suffix++) {
    char *other = tw_format("%s.%u", name, suffix);
    const char *kept = other == NULL ? NULL : tw_arena_strdup(graph->arena, other);
    tw_free(other);
    if (kept == NULL) {
      return tw_error_memory(error);
    }
    if (tw_graph_find(graph, kept) == NULL) {
      holder->name = kept;
      return TW_OK;
    }
  }
}

static tw_status prepare_names(tw_graph *graph, tw_value *features, tw_error *error) {
  static const char *const ours[] = {TW_NAME_FEATURES, TW_NAME_PROBABILITIES, TW_NAME_LOGITS, TW_NAME_WEIGHTS,
                                     TW_NAME_INTERCEPTS};
  for (size_t i = 0; i < sizeof ours / sizeof *ours; i++) {
    TW_TRY(free_name(graph, ours[i], features, error));
  }
  features->name = TW_NAME_FEATURES;
  return TW_OK;
}

/* The trunk's graph up to its features, or a graph of nothing but an input of features. */
static tw_status start_graph(const tw_model *model, tw_graph **ret_graph, tw_value **ret_features, tw_error *error) {
  tw_graph *graph = NULL;
  tw_value *features = NULL;
  tw_status status;
  if (model->trunk == NULL) {
    graph = tw_graph_create();
    tw_shape shape = {.rank = 2, .dims = {1, (int64_t)model->top->dimensions}};
    status = graph == NULL ? tw_error_memory(error)
                           : tw_graph_add_input(graph, TW_NAME_FEATURES, TW_DTYPE_F32, &shape, &features, error);
    if (graph != NULL) {
      graph->dynamic_batch = true;
    }
  } else {
    status = tw_graph_copy(tw_trunk_graph(model->trunk), &graph, error);
    if (status == TW_OK) {
      features = tw_graph_find(graph, tw_trunk_features(model->trunk)->name);
      status = tw_graph_cut(graph, &features, 1, error);
    }
    if (status == TW_OK) {
      status = prepare_names(graph, features, error);
    }
  }
  if (status != TW_OK) {
    tw_graph_free(graph);
    return status;
  }
  *ret_graph = graph;
  *ret_features = features;
  return TW_OK;
}

static tw_status add_top(tw_graph *graph, tw_value *features, const tw_top *top, tw_error *error) {
  tw_shape weights_shape = {.rank = 2, .dims = {(int64_t)top->classes, (int64_t)top->dimensions}};
  tw_shape intercepts_shape = {.rank = 1, .dims = {(int64_t)top->classes}};
  tw_value *inputs[3] = {features};
  TW_TRY(tw_graph_add_constant(graph, TW_NAME_WEIGHTS, TW_DTYPE_F32, &weights_shape, top->weights, &inputs[1], error));
  TW_TRY(tw_graph_add_constant(graph, TW_NAME_INTERCEPTS, TW_DTYPE_F32, &intercepts_shape, top->intercepts, &inputs[2],
                               error));
  tw_attributes gemm = {.alpha = 1, .beta = 1, .transpose_b = true};
  tw_value *logits;
  TW_TRY(tw_graph_add_node(graph, TW_NAME_LOGITS, TW_OP_GEMM, inputs, 3, &gemm, TW_NAME_LOGITS, &logits, error));
  tw_attributes softmax = {.axis = 1};
  tw_value *probabilities;
  TW_TRY(tw_graph_add_node(graph, TW_NAME_PROBABILITIES, TW_OP_SOFTMAX, &logits, 1, &softmax, TW_NAME_PROBABILITIES,
                           &probabilities, error));
  tw_value *outputs[2] = {probabilities, features};
  return tw_graph_cut(graph, outputs, 2, error);
}

tw_status tw_model_graph(const tw_model *model, tw_graph **ret_graph, tw_error *error) {
  tw_graph *graph;
  tw_value *features;
  TW_TRY(start_graph(model, &graph, &features, error));
  tw_status status = add_top(graph, features, model->top, error);
  if (status != TW_OK) {
    tw_graph_free(graph);
    return status;
  }
  *ret_graph = graph;
  return TW_OK;
}

/* ---- The metadata ------------------------------------------------------------------------------------------------ */

/* The entries while they are put together; the texts are owned. */
typedef struct entries {
  tw_metadata list[16];
  char *texts[16];
  size_t count;
  bool failed;
} entries;

/* Takes over `text`; NULL counts as out of memory. */
static void add_text(entries *entries, const char *key, char *text) {
  if (text == NULL) {
    entries->failed = true;
    return;
  }
  entries->texts[entries->count] = text;
  entries->list[entries->count++] = (tw_metadata){key, tw_bytes_of(text)};
}

/* Takes over `value`. */
static void add_json(entries *entries, const char *key, json_t *value) {
  tw_buffer text = {0};
  tw_json_append(&text, value);
  add_text(entries, key, text.failed ? NULL : tw_strdup((const char *)text.data));
  tw_buffer_done(&text);
}

static json_t *number_or_null(double value) {
  return isfinite(value) ? json_real(value) : json_null();
}

static json_t *labels_json(const tw_model_record *record) {
  json_t *list = json_array();
  for (size_t i = 0; i < record->class_count; i++) {
    if (json_array_append_new(list, json_string(record->classes[i])) != 0) {
      json_decref(list);
      return NULL;
    }
  }
  return list;
}

static json_t *joined_hashes(const tw_hash *hashes, size_t count) {
  tw_buffer text = {0};
  char hex[TW_HASH_TEXT_SIZE];
  for (size_t i = 0; i < count; i++) {
    tw_buffer_text(&text, tw_hash_text(&hashes[i], hex));
  }
  json_t *value = text.failed ? NULL : json_stringn(text.data == NULL ? "" : (char *)text.data, text.size);
  tw_buffer_done(&text);
  return value;
}

static json_t *parts_json(const tw_model_record *record) {
  json_t *parts = json_object();
  for (int part = TW_PART_TRAINING; part <= TW_PART_TEST; part++) {
    json_object_set_new(parts, tw_part_name((tw_part)part),
                        joined_hashes(record->contents[part], record->content_counts[part]));
  }
  if (json_object_size(parts) != 3) {
    json_decref(parts);
    return NULL;
  }
  return parts;
}

/* [strength, log loss, accuracy, iterations] for each strength tried, ascending. */
static json_t *path_json(const tw_path *path) {
  json_t *list = json_array();
  for (size_t i = 0; i < path->count; i++) {
    const tw_path_point *point = &path->points[i];
    json_array_append_new(list, json_pack("[f, o, o, I]", point->strength, number_or_null(point->log_loss),
                                          number_or_null(point->accuracy), (json_int_t)point->iterations));
  }
  if (json_array_size(list) != path->count) {
    json_decref(list);
    return NULL;
  }
  return list;
}

/* [accuracy, accuracy averaged over the classes] for each draw of the parts. */
static json_t *repeats_json(const tw_model_record *record) {
  json_t *list = json_array();
  for (size_t i = 0; i < record->repeats; i++) {
    json_array_append_new(list, json_pack("[o, o]", number_or_null(record->repeat_accuracies[i]),
                                          number_or_null(record->repeat_class_accuracies[i])));
  }
  if (json_array_size(list) != record->repeats) {
    json_decref(list);
    return NULL;
  }
  return list;
}

/* What only the author's protocol has: other models keep the bytes they had before. */
static bool add_protocol(const tw_model_record *record, json_t *object) {
  return (record->train_per_class == 0 ||
          json_object_set_new(object, "train_per_class", json_integer((json_int_t)record->train_per_class)) == 0) &&
         (record->repeats == 0 || json_object_set_new(object, "repeats", repeats_json(record)) == 0);
}

static json_t *training_json(const tw_model_record *record) {
  json_t *object = json_pack("{s:I, s:o, s:o, s:I, s:f, s:b, s:f}", "seed", (json_int_t)record->seed,
                             "validation_share", number_or_null(record->validation_share), "test_share",
                             number_or_null(record->test_share), "folds", (json_int_t)record->folds, "strength",
                             record->strength, "chosen_by_folds", record->by_folds, "objective", record->objective);
  if (!add_protocol(record, object) ||
      (record->history != NULL && json_object_set_new(object, "recipe", tw_model_recipe_json(record)) != 0) ||
      (record->path.count > 0 && json_object_set_new(object, "path", path_json(&record->path)) != 0)) {
    json_decref(object);
    return NULL;
  }
  return object;
}

static void collect(const tw_model *model, entries *entries) {
  const tw_model_record *record = &model->record;
  char hex[TW_HASH_TEXT_SIZE];
  add_text(entries, TW_META_FORMAT, tw_format("%d", TW_MODEL_FORMAT));
  add_json(entries, TW_META_LABELS, labels_json(record));
  if (model->trunk != NULL) {
    tw_hash hash = tw_trunk_hash(model->trunk);
    add_json(entries, TW_META_TRUNK,
             json_pack("{s:s, s:s}", "name", tw_trunk_name(model->trunk), "hash", tw_hash_text(&hash, hex)));
    add_text(entries, TW_META_PREPROCESSING, tw_strdup(tw_trunk_preprocess_text(model->trunk)));
  }
  tw_precision precision = model->trunk == NULL ? TW_PRECISION_F32 : tw_trunk_get_precision(model->trunk)->precision;
  add_text(entries, TW_META_PRECISION, tw_strdup(tw_precision_name(precision)));
  if (precision != TW_PRECISION_F32) {
    add_json(entries, TW_META_FIDELITY, tw_model_fidelity_json(model->trunk));
  }
  add_json(entries, TW_META_TRAINING, training_json(record));
  add_json(entries, TW_META_PARTS, parts_json(record));
  if (record->test_count > 0) {
    add_json(
        entries, TW_META_TEST,
        json_pack("{s:I, s:I, s:f, s:f}", "count", (json_int_t)record->test_count, "correct",
                  (json_int_t)record->test_correct, "log_loss", record->test_log_loss, "baseline", record->baseline));
  }
}

static void append_complete(tw_buffer *buffer, size_t begin) {
  char hex[TW_HASH_TEXT_SIZE];
  tw_hash hash = tw_hash_of(buffer->data + begin, buffer->size - begin);
  tw_buffer entry = {0};
  tw_wire_put_text(&entry, 1, TW_META_COMPLETE);
  tw_wire_put_text(&entry, 2, tw_hash_text(&hash, hex));
  tw_wire_put_bytes(buffer, TW_META_FIELD, entry.data, entry.size);
  buffer->failed = buffer->failed || entry.failed;
  tw_buffer_done(&entry);
}

tw_status tw_model_write(const tw_model *model, tw_buffer *buffer, tw_error *error) {
  tw_graph *graph;
  TW_TRY(tw_model_graph(model, &graph, error));
  entries entries = {0};
  collect(model, &entries);
  tw_status status = entries.failed ? tw_error_memory(error) : TW_OK;
  size_t begin = buffer->size;
  if (status == TW_OK) {
    status = tw_graph_export_onnx(graph, entries.list, entries.count, buffer, error);
  }
  if (status == TW_OK) {
    status = tw_model_precision_attach(model->trunk, begin, buffer, error);
  }
  if (status == TW_OK) {
    append_complete(buffer, begin);
    status = tw_buffer_status(buffer, error);
  }
  for (size_t i = 0; i < entries.count; i++) {
    tw_free(entries.texts[i]);
  }
  tw_graph_free(graph);
  return status;
}
