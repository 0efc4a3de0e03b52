/* `inspect`: what is in a file. The network's nodes and the plan's steps as tables; a model's record on top of them. */
#include <jansson.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "api/internal.h"
#include "formats/formats.h"

static void append_share(tw_buffer *buffer, double count) {
  static const char *const units[] = {"", " k", " M", " G", " T"};
  size_t unit = 0;
  while (count >= 1000 && unit + 1 < sizeof units / sizeof *units) {
    count /= 1000;
    unit++;
  }
  tw_buffer_format(buffer, unit == 0 ? "%.0f%s" : "%.2f%s", count, units[unit]);
}

static uint64_t total_multiplications(const tw_graph *graph) {
  uint64_t total = 0;
  for (size_t i = 0; i < graph->node_count; i++) {
    total += tw_node_multiplications(graph->nodes[i]);
  }
  return total;
}

static size_t node_parameters(const tw_node *node) {
  size_t total = 0;
  for (size_t i = 0; i < node->input_count; i++) {
    const tw_value *value = node->inputs[i];
    size_t count;
    if (value != NULL && value->data != NULL && tw_shape_count(&value->shape, &count)) {
      total += count;
    }
  }
  return total;
}

/* ---- Text -------------------------------------------------------------------------------------------------------- */

static void append_values(tw_buffer *buffer, const char *what, tw_value *const *values, size_t count) {
  char shape[TW_SHAPE_TEXT_SIZE];
  for (size_t i = 0; i < count; i++) {
    tw_buffer_format(buffer, "%-14s ", i == 0 ? what : "");
    tw_text_append_escaped(buffer, values[i]->name);
    tw_buffer_format(buffer, " %s %s\n", tw_shape_text(&values[i]->shape, shape), tw_dtype_name(values[i]->dtype));
  }
}

static void append_nodes(tw_buffer *buffer, const tw_graph *graph) {
  char shape[TW_SHAPE_TEXT_SIZE];
  tw_buffer_format(buffer, "\n%-44s %-18s %-18s %12s %14s\n", "node", "operator", "result", "parameters",
                   "multiply-adds");
  for (size_t i = 0; i < graph->node_count; i++) {
    const tw_node *node = graph->nodes[i];
    tw_buffer name = {0};
    tw_text_append_escaped(&name, node->name);
    tw_buffer_format(buffer, "%-44s %-18s %-18s %12zu %14llu\n", name.data == NULL ? "" : (const char *)name.data,
                     tw_op_name(node->op), tw_shape_text(&node->output->shape, shape), node_parameters(node),
                     (unsigned long long)tw_node_multiplications(node));
    tw_buffer_done(&name);
  }
}

static void append_network(tw_buffer *buffer, const tw_graph *graph) {
  append_values(buffer, "input", graph->inputs, graph->input_count);
  append_values(buffer, "outputs", graph->outputs, graph->output_count);
  tw_value *features = tw_graph_features_value(graph);
  if (features != NULL) {
    append_values(buffer, "features at", &features, 1);
  }
  if (graph->colours_last) {
    tw_buffer_format(buffer, "%-14s N x H x W x C in the file and for 'topwork run', N x C x H x W here\n", "pictures");
  }
  if (graph->preprocessing != NULL) {
    tw_buffer_format(buffer, "%-14s %s\n", "preprocessing", graph->preprocessing);
  }
  tw_buffer_format(buffer, "%-14s %zu\n%-14s ", "nodes", graph->node_count, "parameters");
  append_share(buffer, (double)tw_graph_parameters(graph));
  tw_buffer_format(buffer, "\n%-14s ", "multiply-adds");
  append_share(buffer, (double)total_multiplications(graph));
  tw_buffer_text(buffer, " a picture\n");
}

static void append_test(tw_buffer *buffer, const tw_model_record *record) {
  if (record->test_count == 0) {
    tw_buffer_format(buffer, "%-14s none\n", "test");
    return;
  }
  double interval[2];
  tw_wilson(record->test_correct, record->test_count, interval);
  tw_buffer_format(buffer, "%-14s %zu of %zu right (%.1f %%, 95 %% interval %.1f to %.1f %%), baseline %.1f %%\n",
                   record->folds > 0 ? "folds" : "test", record->test_correct, record->test_count,
                   100.0 * (double)record->test_correct / (double)record->test_count, 100 * interval[0],
                   100 * interval[1], 100 * record->baseline);
}

static void append_draws(tw_buffer *buffer, const tw_model_record *record) {
  tw_outcome outcome = {0};
  tw_api_tell_repeats(record, &outcome);
  if (outcome.repeats > 0) {
    tw_buffer_format(buffer, "%-14s %zu of the parts: mean accuracy %.1f %%, standard deviation %.1f points\n", "draws",
                     outcome.repeats, 100 * outcome.repeat_mean, 100 * outcome.repeat_deviation);
  }
}

static void append_top(tw_buffer *buffer, const tw_model_record *record) {
  const tw_history *history = record->history;
  if (history != NULL) {
    tw_buffer_format(buffer, "%-14s softmax by the recipe: %s, %zu epochs, kept epoch %zu, seed %llu\n", "top",
                     tw_solver_name(history->options.solver), history->count, history->best + 1,
                     (unsigned long long)record->seed);
    return;
  }
  tw_buffer_format(buffer, "%-14s logistic regression, C = %.3g, chosen by %s, seed %llu\n", "top", record->strength,
                   record->by_folds ? "5 folds" : "the validation part", (unsigned long long)record->seed);
}

static void append_precision(tw_buffer *buffer, const tw_model *model) {
  if (model->trunk == NULL) {
    return;
  }
  char *text = tw_trunk_precision_text(tw_trunk_get_precision(model->trunk));
  buffer->failed = buffer->failed || text == NULL;
  tw_buffer_format(buffer, "%-14s %s\n", "precision", text == NULL ? "" : text);
  tw_free(text);
}

static void append_model(tw_buffer *buffer, const tw_model *model) {
  const tw_model_record *record = &model->record;
  if (model->trunk != NULL) {
    char hex[TW_HASH_TEXT_SIZE];
    tw_hash hash = tw_trunk_hash(model->trunk);
    tw_buffer_format(buffer, "%-14s %s, %zu features, content %s\n%-14s %s\n", "trunk", tw_trunk_name(model->trunk),
                     tw_trunk_dimensions(model->trunk), tw_hash_text(&hash, hex), "preprocessing",
                     tw_trunk_preprocess_text(model->trunk));
  } else {
    tw_buffer_format(buffer, "%-14s none: takes rows of %zu features\n", "trunk", model->top->dimensions);
  }
  append_precision(buffer, model);
  append_top(buffer, record);
  tw_buffer_format(buffer, "%-14s %zu training, %zu validation, %zu test\n", "parts", record->content_counts[0],
                   record->content_counts[1], record->content_counts[2]);
  if (record->train_per_class > 0) {
    tw_buffer_format(buffer, "%-14s %zu of each class for training, all others for the test\n", "",
                     record->train_per_class);
  }
  append_test(buffer, record);
  append_draws(buffer, record);
  tw_buffer_format(buffer, "%-14s %zu\n", "classes", record->class_count);
  for (size_t i = 0; i < record->class_count; i++) {
    tw_buffer_text(buffer, "  ");
    tw_text_append_escaped(buffer, record->classes[i]);
    tw_buffer_text(buffer, "\n");
  }
}

static void append_pass(void *context, const char *pass, const tw_graph *graph) {
  size_t counts[TW_OP_COUNT] = {0};
  for (size_t i = 0; i < graph->node_count; i++) {
    counts[graph->nodes[i]->op]++;
  }
  tw_buffer *buffer = context;
  tw_buffer_format(buffer, "%-24s %5zu nodes:", pass, graph->node_count);
  for (int op = 0; op < TW_OP_COUNT; op++) {
    if (counts[op] > 0) {
      tw_buffer_format(buffer, " %s %zu", tw_op_name((tw_op)op), counts[op]);
    }
  }
  tw_buffer_text(buffer, "\n");
}

/* ---- JSON -------------------------------------------------------------------------------------------------------- */

static json_t *value_json(const tw_value *value) {
  json_t *dims = json_array();
  for (int i = 0; i < value->shape.rank; i++) {
    json_array_append_new(dims, json_integer(value->shape.dims[i]));
  }
  return json_pack("{s:s, s:o, s:s}", "name", value->name, "shape", dims, "type", tw_dtype_name(value->dtype));
}

static json_t *network_json(const tw_graph *graph) {
  json_t *inputs = json_array();
  json_t *outputs = json_array();
  json_t *nodes = json_array();
  for (size_t i = 0; i < graph->input_count; i++) {
    json_array_append_new(inputs, value_json(graph->inputs[i]));
  }
  for (size_t i = 0; i < graph->output_count; i++) {
    json_array_append_new(outputs, value_json(graph->outputs[i]));
  }
  for (size_t i = 0; i < graph->node_count; i++) {
    const tw_node *node = graph->nodes[i];
    json_array_append_new(
        nodes, json_pack("{s:s*, s:s, s:o, s:I, s:I}", "name", node->name, "operator", tw_op_name(node->op), "result",
                         value_json(node->output), "parameters", (json_int_t)node_parameters(node), "multiply_adds",
                         (json_int_t)tw_node_multiplications(node)));
  }
  return json_pack("{s:o, s:o, s:o, s:s*, s:b, s:I, s:I}", "inputs", inputs, "outputs", outputs, "nodes", nodes,
                   "preprocessing", graph->preprocessing, "colours_last", graph->colours_last, "parameters",
                   (json_int_t)tw_graph_parameters(graph), "multiply_adds", (json_int_t)total_multiplications(graph));
}

static json_t *model_json(const tw_model *model) {
  const tw_model_record *record = &model->record;
  json_t *classes = json_array();
  for (size_t i = 0; i < record->class_count; i++) {
    json_array_append_new(classes, json_string(record->classes[i]));
  }
  json_t *object =
      json_pack("{s:o, s:s?, s:s?, s:I, s:f, s:I, s:I, s:{s:I, s:I, s:I}}", "classes", classes, "trunk",
                model->trunk == NULL ? NULL : tw_trunk_name(model->trunk), "preprocessing",
                model->trunk == NULL ? NULL : tw_trunk_preprocess_text(model->trunk), "seed", (json_int_t)record->seed,
                "strength", record->strength, "folds", (json_int_t)record->folds, "train_per_class",
                (json_int_t)record->train_per_class, "parts", "training", (json_int_t)record->content_counts[0],
                "validation", (json_int_t)record->content_counts[1], "test", (json_int_t)record->content_counts[2]);
  const tw_trunk_precision *precision = model->trunk == NULL ? NULL : tw_trunk_get_precision(model->trunk);
  json_object_set_new(object, "precision", json_string(tw_model_precision(model)));
  json_object_set_new(object, "fidelity", tw_report_fidelity(precision));
  json_object_set_new(
      object, "solver",
      json_string(tw_solver_name(record->history == NULL ? TW_SOLVER_EXACT : record->history->options.solver)));
  if (record->test_count > 0) {
    json_object_set_new(object, "test",
                        json_pack("{s:I, s:I, s:f}", "count", (json_int_t)record->test_count, "correct",
                                  (json_int_t)record->test_correct, "baseline", record->baseline));
  }
  return object;
}

/* plan: NULL, or taken over. */
static tw_status append_json(tw_buffer *buffer, const tw_graph *graph, const tw_model *model, json_t *plan,
                             tw_error *error) {
  json_t *object = json_pack("{s:s, s:o}", "kind", model != NULL ? "model" : "network", "network", network_json(graph));
  if (model != NULL) {
    json_object_set_new(object, "model", model_json(model));
  }
  if (plan != NULL) {
    json_object_set_new(object, "plan", plan);
  }
  tw_json_append(buffer, object);
  tw_buffer_text(buffer, "\n");
  return tw_buffer_status(buffer, error);
}

/* ---- The command ------------------------------------------------------------------------------------------------- */

/* What is asked for of one file. */
typedef struct request {
  const tw_tool *tool;
  const char *file;
  bool passes;
  bool plan;
  tw_precision precision; /* of the plan */
} request;

/* The trunk's own plan where the precision goes with a trunk: what a model holds, or what is kept of a network. */
static tw_status describe_trunk_plan(const request *request, const tw_model *model, tw_buffer *text, json_t **ret_json,
                                     tw_error *error) {
  const tw_tool *tool = request->tool;
  const tw_tool_trunk file = {.name = request->file, .precision = tw_precision_name(request->precision)};
  tw_trunk *opened = NULL;
  if (model == NULL) {
    TW_TRY(tw_api_open_trunk(&file, &opened, error));
  }
  int threads = tw_thread_count(tool->threads);
  const tw_plan *plan;
  tw_status status = model != NULL ? TW_OK : tw_api_choose_precision(tool, &file, opened, NULL, 0, error);
  status = status == TW_OK
               ? tw_trunk_plan(model != NULL ? model->trunk : opened, TW_HEAD_FEATURES, threads, &plan, error)
               : status;
  status = status == TW_OK ? tw_api_describe_plan(plan, threads, text, ret_json, error) : status;
  tw_trunk_free(opened);
  return status;
}

static tw_status describe_graph_plan(const request *request, const tw_graph *graph, tw_buffer *text, json_t **ret_json,
                                     tw_error *error) {
  const tw_plan_options options = {.threads = tw_thread_count(request->tool->threads), .precision = request->precision};
  tw_precision possible;
  const char *note;
  TW_TRY(tw_engine_precision(request->precision, &possible, &note, error));
  if (note != NULL) {
    tw_api_note(request->tool, "%s", note);
  }
  tw_plan *plan;
  TW_TRY(tw_plan_create_with(graph, &options, &plan, error));
  tw_status status = tw_api_describe_plan(plan, options.threads, text, ret_json, error);
  tw_plan_free(plan);
  return status;
}

/* What passes and plan show, on a copy: the graph itself stays as imported. `text` is NULL where the plan is wanted as
 * JSON. */
static tw_status describe_optimised(const request *request, const tw_graph *graph, const tw_model *model,
                                    tw_buffer *text, json_t **ret_plan, tw_error *error) {
  tw_graph *copy;
  TW_TRY(tw_graph_copy(graph, &copy, error));
  bool passes = request->passes && text != NULL;
  if (passes) {
    tw_buffer_text(text, "\n");
    append_pass(text, "as imported", copy);
  }
  tw_status status = tw_graph_optimise(copy, passes ? append_pass : NULL, text, error);
  if (status == TW_OK && request->plan) {
    status = request->precision == TW_PRECISION_INT8 ? describe_trunk_plan(request, model, text, ret_plan, error)
                                                     : describe_graph_plan(request, copy, text, ret_plan, error);
  }
  tw_graph_free(copy);
  return status;
}

/* The precision of the plan that is to be shown. */
static tw_status find_precision(const char *name, const tw_model *model, tw_precision *ret_precision, tw_error *error) {
  tw_precision own =
      model == NULL || model->trunk == NULL ? TW_PRECISION_F32 : tw_trunk_get_precision(model->trunk)->precision;
  *ret_precision = own;
  if (name != NULL && !tw_precision_parse(name, ret_precision)) {
    return tw_error_set(error, TW_E_ARGUMENT, "there is no precision '%s'", name);
  }
  return model == NULL || own == *ret_precision || *ret_precision != TW_PRECISION_INT8
             ? TW_OK
             : tw_error_set(error, TW_E_ARGUMENT,
                            "a model that computes in %s; 'topwork train --precision int8' makes one that computes in "
                            "int8",
                            tw_precision_name(own));
}

tw_status tw_tool_inspect(const tw_tool *tool, const char *file, bool passes, bool plan, const char *precision,
                          tw_error *error) {
  request request = {.tool = tool, .file = file, .passes = passes, .plan = plan};
  tw_graph *graph;
  TW_TRY(tw_graph_import(file, &graph, error));
  tw_model *model = NULL;
  tw_status status = TW_OK;
  if (tw_graph_metadata(graph, "topwork.format").data != NULL) {
    status = tw_model_open(file, &model, error);
  }
  if (status == TW_OK) {
    status = find_precision(precision, model, &request.precision, error);
    status = status == TW_OK ? TW_OK : tw_error_prefix(error, status, "%s", file);
  }
  tw_buffer buffer = {0};
  if (status == TW_OK && tool->json) {
    json_t *described = NULL;
    status = plan ? describe_optimised(&request, graph, model, NULL, &described, error) : TW_OK;
    status = status == TW_OK ? append_json(&buffer, graph, model, described, error)
                             : tw_error_prefix(error, status, "%s", file);
  } else if (status == TW_OK) {
    tw_text_append_escaped(&buffer, file);
    tw_buffer_text(&buffer, model != NULL ? ": a topwork model\n" : ": a network\n");
    if (model != NULL) {
      append_model(&buffer, model);
    }
    append_network(&buffer, graph);
    if (passes || plan) {
      status = describe_optimised(&request, graph, model, &buffer, NULL, error);
    } else {
      append_nodes(&buffer, graph);
    }
    status = status == TW_OK ? TW_OK : tw_error_prefix(error, status, "%s", file);
  }
  if (status == TW_OK) {
    status = tw_api_write(tool, &buffer, error);
  }
  tw_buffer_done(&buffer);
  tw_model_free(model);
  tw_graph_free(graph);
  return status;
}
