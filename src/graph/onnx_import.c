/* From an ONNX file's nodes to ours: names, order, inputs and outputs. What each operator becomes is in
 * onnx_operators.c.
 *
 * Every name of the file is a source (weights, input, or node); nodes are converted in the file's order, or, when that
 * is none, after what they need; only those that an output needs. Constants enter the graph when first used. */
#include "graph/onnx_import.h"

#include <string.h>

#include "graph/evaluate.h"

tw_bytes tw_onnx_node_title(const tw_onnx_node *node) {
  tw_bytes title = node->name.size != 0 || node->output_count == 0 ? node->name : node->outputs[0];
  title.size = title.size > 160 ? 160 : title.size;
  return title;
}

bool tw_onnx_is_standard(const tw_onnx_node *node) {
  return node->domain.size == 0 || tw_bytes_is(node->domain, "ai.onnx");
}

tw_status tw_onnx_wrong(const tw_onnx_node *node, tw_status code, tw_error *error, const char *format, ...) {
  char text[TW_ERROR_MESSAGE_SIZE];
  va_list arguments;
  va_start(arguments, format);
  vsnprintf(text, sizeof text, format, arguments);
  va_end(arguments);
  tw_bytes title = tw_onnx_node_title(node);
  return tw_error_set(error, code, "node '%.*s' (%.*s): %s", (int)title.size, title.data,
                      node->op.size > 160 ? 160 : (int)node->op.size, node->op.data, text);
}

/* ---- Facts ------------------------------------------------------------------------------------------------------- */

static tw_status set_fact(tw_onnx_importer *importer, const tw_value *value, tw_onnx_fact fact, tw_error *error) {
  if (value->index >= importer->fact_count) {
    size_t count = 2 * (value->index + 32);
    tw_onnx_fact *larger = tw_realloc(importer->facts, count, sizeof *larger);
    if (larger == NULL) {
      return tw_error_memory(error);
    }
    memset(larger + importer->fact_count, 0, (count - importer->fact_count) * sizeof *larger);
    importer->facts = larger;
    importer->fact_count = count;
  }
  importer->facts[value->index] = fact;
  return TW_OK;
}

/* Computes a small result of known inputs, for operators whose parameters are computed in the file. */
static tw_status compute_known(tw_onnx_importer *importer, const tw_node *node, const tw_value **ret_known,
                               tw_error *error) {
  size_t count = 0;
  tw_shape_count(&node->output->shape, &count);
  *ret_known = NULL;
  if (count > TW_ONNX_KNOWN_COUNT || node->input_count > TW_ONNX_KNOWN_COUNT || !tw_can_evaluate(node)) {
    return TW_OK;
  }
  tw_value *inputs[TW_ONNX_KNOWN_COUNT];
  for (size_t i = 0; i < node->input_count; i++) {
    const tw_value *known = importer->facts[node->inputs[i]->index].known;
    if (known == NULL) {
      return TW_OK;
    }
    inputs[i] = (tw_value *)known;
  }
  tw_value *result = tw_arena_alloc(importer->scratch, 1, sizeof *result);
  size_t bytes = count * tw_dtype_size(node->output->dtype);
  void *data = tw_arena_alloc(importer->scratch, bytes, 1);
  if (result == NULL || data == NULL) {
    return tw_error_memory(error);
  }
  tw_node computed = *node;
  computed.inputs = inputs;
  tw_evaluate(&computed, data);
  *result = *node->output;
  result->data = data;
  result->data_size = bytes;
  *ret_known = result;
  return TW_OK;
}

/* What the network computes from its input must be float32. */
static tw_status check_float32(const tw_node *node, tw_error *error) {
  tw_dtype dtype = node->output->dtype;
  for (size_t i = 0; dtype == TW_DTYPE_F32 && i < node->input_count; i++) {
    dtype = node->inputs[i] == NULL ? dtype : node->inputs[i]->dtype;
  }
  if (dtype == TW_DTYPE_F32) {
    return TW_OK;
  }
  return tw_error_set(error, TW_E_UNSUPPORTED,
                      "node " TW_QUOTED " (%s): computes with %s; only networks that compute in float32 are supported",
                      node->name, tw_op_name(node->op), tw_dtype_name(dtype));
}

static tw_status note_result(tw_onnx_importer *importer, const tw_node *node, tw_error *error) {
  tw_onnx_fact fact = {.constant = true};
  for (size_t i = 0; i < node->input_count; i++) {
    fact.constant = fact.constant && (node->inputs[i] == NULL || importer->facts[node->inputs[i]->index].constant);
  }
  if (!fact.constant) {
    TW_TRY(check_float32(node, error));
  } else {
    TW_TRY(compute_known(importer, node, &fact.known, error));
  }
  return set_fact(importer, node->output, fact, error);
}

/* ---- Sources ----------------------------------------------------------------------------------------------------- */

static tw_status add_source(tw_onnx_importer *importer, tw_onnx_source given, tw_error *error) {
  if (tw_names_find(&importer->sources, given.name) != NULL) {
    return tw_error_set(error, TW_E_FORMAT, "the value '%.*s' is defined twice", tw_onnx_name_length(given.name),
                        given.name.data);
  }
  tw_onnx_source *source = tw_arena_alloc(importer->scratch, 1, sizeof *source);
  if (source == NULL) {
    return tw_error_memory(error);
  }
  *source = given;
  return tw_names_add(&importer->sources, source->name, source, error);
}

static tw_status find_source(const tw_onnx_importer *importer, tw_bytes name, const tw_onnx_node *user,
                             tw_onnx_source **ret_source, tw_error *error) {
  tw_onnx_source *source = tw_names_find(&importer->sources, name);
  if (source == NULL) {
    return tw_onnx_wrong(user, TW_E_FORMAT, error, "its input '%.*s' is made by no node and is no weight",
                         tw_onnx_name_length(name), name.data);
  }
  if (source->node != NULL && !source->first_output) {
    return tw_onnx_wrong(user, TW_E_UNSUPPORTED, error, "it uses '%.*s', a further output of an operator %.*s",
                         tw_onnx_name_length(name), name.data, tw_onnx_name_length(source->node->op),
                         source->node->op.data);
  }
  *ret_source = source;
  return TW_OK;
}

static tw_status tensor_to_graph(tw_onnx_importer *importer, tw_onnx_source *source, tw_error *error) {
  const tw_onnx_tensor *tensor = source->tensor;
  tw_shape shape = {.rank = tensor->rank};
  memcpy(shape.dims, tensor->dims, sizeof shape.dims);
  static const uint8_t nothing[1];
  const void *data = tensor->raw.data == NULL ? nothing : tensor->raw.data;
  TW_TRY(tw_graph_put_constant(importer->graph, source->name, (tw_dtype)tensor->type, &shape, data, &source->value,
                               error));
  return set_fact(importer, source->value, (tw_onnx_fact){.constant = true, .known = source->value}, error);
}

bool tw_onnx_has_input(const tw_onnx_node *node, size_t i) {
  return i < node->input_count && node->inputs[i].size != 0;
}

tw_status tw_onnx_input(tw_onnx_importer *importer, const tw_onnx_node *node, size_t i, tw_value **ret_value,
                        tw_error *error) {
  if (!tw_onnx_has_input(node, i)) {
    *ret_value = NULL;
    return TW_OK;
  }
  tw_onnx_source *source;
  TW_TRY(find_source(importer, node->inputs[i], node, &source, error));
  if (source->value == NULL && source->tensor != NULL) {
    tw_status status = tensor_to_graph(importer, source, error);
    if (status != TW_OK) {
      tw_bytes title = tw_onnx_node_title(node);
      return tw_error_prefix(error, status, "node '%.*s'", (int)title.size, title.data);
    }
  }
  *ret_value = source->value;
  return TW_OK;
}

tw_status tw_onnx_known_input(tw_onnx_importer *importer, const tw_onnx_node *node, size_t i, const char *what,
                              const tw_value **ret_constant, tw_error *error) {
  tw_value *value;
  TW_TRY(tw_onnx_input(importer, node, i, &value, error));
  const tw_value *known = value == NULL ? NULL : importer->facts[value->index].known;
  if (value != NULL && known == NULL) {
    return tw_onnx_wrong(node, TW_E_UNSUPPORTED, error, "%s ('%.160s') must be constant; it is computed by the network",
                         what, value->name);
  }
  *ret_constant = known;
  return TW_OK;
}

tw_status tw_onnx_known_integers(tw_onnx_importer *importer, const tw_onnx_node *node, size_t i, const char *what,
                                 int64_t *ret_numbers, int room, int *ret_count, tw_error *error) {
  tw_onnx_source *source = tw_onnx_has_input(node, i) ? tw_names_find(&importer->sources, node->inputs[i]) : NULL;
  if (source != NULL && source->tensor != NULL && source->tensor->rank == 1 && source->tensor->dims[0] == 0) {
    *ret_count = 0; /* an empty list is no tensor of ours */
    return TW_OK;
  }
  const tw_value *constant;
  TW_TRY(tw_onnx_known_input(importer, node, i, what, &constant, error));
  if (constant == NULL) {
    return tw_onnx_wrong(node, TW_E_FORMAT, error, "%s is missing", what);
  }
  size_t count = 0;
  tw_shape_count(&constant->shape, &count);
  if (tw_dtype_is_float(constant->dtype) || constant->shape.rank > 1 || count > (size_t)room) {
    return tw_onnx_wrong(node, TW_E_FORMAT, error, "%s must be a list of up to %d integers", what, room);
  }
  for (size_t j = 0; j < count; j++) {
    ret_numbers[j] = tw_constant_i64(constant, j);
  }
  *ret_count = (int)count;
  return TW_OK;
}

/* ---- Nodes ------------------------------------------------------------------------------------------------------- */

/* A name for a result that the file has no name for. */
static tw_status invent_name(tw_onnx_importer *importer, tw_bytes base, tw_op op, tw_bytes *ret_name, tw_error *error) {
  tw_buffer text = {0};
  tw_buffer_format(&text, "%.*s/%s", (int)base.size, base.data, tw_op_name(op));
  size_t length = text.size;
  for (unsigned long i = 2; tw_names_find(&importer->sources, tw_buffer_bytes(&text)) != NULL; i++) {
    text.size = length;
    tw_buffer_format(&text, ".%lu", i);
  }
  char *copy = text.failed ? NULL : tw_arena_strndup(importer->scratch, (const char *)text.data, text.size);
  *ret_name = (tw_bytes){(const uint8_t *)copy, text.size};
  tw_buffer_done(&text);
  if (copy == NULL) {
    return tw_error_memory(error);
  }
  return add_source(importer, (tw_onnx_source){.name = *ret_name}, error);
}

tw_status tw_onnx_emit(tw_onnx_importer *importer, const tw_onnx_node *node, tw_op op, tw_value *const *inputs,
                       size_t input_count, const tw_attributes *attributes, bool last, tw_value **ret_value,
                       tw_error *error) {
  tw_bytes name = node->name;
  tw_bytes output_name = node->outputs[0];
  if (!last) {
    TW_TRY(invent_name(importer, output_name, op, &output_name, error));
    name = output_name;
  }
  tw_value *value;
  TW_TRY(tw_graph_put_node(importer->graph, name, op, inputs, input_count, attributes, output_name, &value, error));
  TW_TRY(note_result(importer, value->producer, error));
  if (last) {
    tw_onnx_source *source = tw_names_find(&importer->sources, node->outputs[0]);
    source->value = value;
  }
  if (ret_value != NULL) {
    *ret_value = value;
  }
  return TW_OK;
}

/* A node on the way to being converted: its next input to look at. */
typedef struct visit {
  const tw_onnx_node *node;
  size_t next;
} visit;

enum { NODE_NEW = 0, NODE_NEEDED, NODE_OPEN, NODE_DONE };

/* Marks the nodes that outputs need. `stack` has room for all nodes. */
static void mark_needed(const tw_onnx_importer *importer, uint8_t *states, visit *stack) {
  const tw_onnx_model *model = importer->model;
  for (size_t i = 0; i < model->output_count; i++) {
    size_t depth = 0;
    const tw_onnx_source *source = tw_names_find(&importer->sources, model->outputs[i].name);
    if (source != NULL && source->node != NULL && states[source->node - model->nodes] == NODE_NEW) {
      states[source->node - model->nodes] = NODE_NEEDED;
      stack[depth++] = (visit){source->node, 0};
    }
    while (depth > 0) {
      visit *top = &stack[depth - 1];
      if (top->next == top->node->input_count) {
        depth--;
        continue;
      }
      source = tw_names_find(&importer->sources, top->node->inputs[top->next++]);
      if (source != NULL && source->node != NULL && states[source->node - model->nodes] == NODE_NEW) {
        states[source->node - model->nodes] = NODE_NEEDED;
        stack[depth++] = (visit){source->node, 0};
      }
    }
  }
}

/* Converts a needed node after all that it needs. */
static tw_status convert_in_order(tw_onnx_importer *importer, const tw_onnx_node *first, uint8_t *states, visit *stack,
                                  tw_error *error) {
  const tw_onnx_node *nodes = importer->model->nodes;
  size_t depth = 1;
  stack[0] = (visit){first, 0};
  states[first - nodes] = NODE_OPEN;
  while (depth > 0) {
    visit *top = &stack[depth - 1];
    if (top->next == top->node->input_count) {
      TW_TRY(tw_onnx_convert(importer, top->node, error));
      states[top->node - nodes] = NODE_DONE;
      depth--;
      continue;
    }
    tw_bytes name = top->node->inputs[top->next++];
    const tw_onnx_source *source = name.size == 0 ? NULL : tw_names_find(&importer->sources, name);
    if (source == NULL || source->node == NULL || states[source->node - nodes] == NODE_DONE) {
      continue;
    }
    if (states[source->node - nodes] == NODE_OPEN) {
      return tw_onnx_wrong(top->node, TW_E_FORMAT, error, "its input '%.*s' depends on its own result",
                           tw_onnx_name_length(name), name.data);
    }
    states[source->node - nodes] = NODE_OPEN;
    stack[depth++] = (visit){source->node, 0};
  }
  return TW_OK;
}

static tw_status convert_nodes(tw_onnx_importer *importer, tw_error *error) {
  const tw_onnx_model *model = importer->model;
  uint8_t *states = tw_arena_alloc(importer->scratch, model->node_count, 1);
  visit *stack = tw_arena_alloc(importer->scratch, model->node_count, sizeof *stack);
  if (states == NULL || stack == NULL) {
    return tw_error_memory(error);
  }
  mark_needed(importer, states, stack);
  for (size_t i = 0; i < model->node_count; i++) {
    if (states[i] == NODE_NEEDED) {
      TW_TRY(convert_in_order(importer, &model->nodes[i], states, stack, error));
    }
  }
  return TW_OK;
}

/* ---- The file ---------------------------------------------------------------------------------------------------- */

static tw_status check_opset(const tw_onnx_model *model, tw_error *error) {
  if (model->opset == 0) {
    return tw_error_set(error, TW_E_FORMAT,
                        "the file does not say which version of ONNX's operators it uses "
                        "(opset_import); it may be cut short");
  }
  if (model->opset < TW_ONNX_FIRST_OPSET || model->opset > TW_ONNX_LAST_OPSET) {
    return tw_error_set(error, TW_E_UNSUPPORTED,
                        "the file uses version %lld of ONNX's operators (opset); %d to %d are supported",
                        (long long)model->opset, TW_ONNX_FIRST_OPSET, TW_ONNX_LAST_OPSET);
  }
  return TW_OK;
}

/* The network's one input: an input that is no weight at the same time. */
static tw_status find_input(const tw_onnx_importer *importer, const tw_onnx_value_info **ret_input, tw_error *error) {
  const tw_onnx_value_info *found = NULL;
  for (size_t i = 0; i < importer->model->input_count; i++) {
    const tw_onnx_value_info *input = &importer->model->inputs[i];
    if (tw_names_find(&importer->sources, input->name) != NULL) {
      continue;
    }
    if (found != NULL) {
      return tw_error_set(error, TW_E_UNSUPPORTED, "the network has several inputs ('%.*s', '%.*s'); it must have one",
                          tw_onnx_name_length(found->name), found->name.data, tw_onnx_name_length(input->name),
                          input->name.data);
    }
    found = input;
  }
  if (found == NULL) {
    return tw_error_set(error, TW_E_FORMAT, "the network has no input");
  }
  *ret_input = found;
  return TW_OK;
}

static tw_status input_shape(const tw_onnx_value_info *input, tw_shape *ret_shape, tw_error *error) {
  int length = tw_onnx_name_length(input->name);
  if (input->rank < 1) {
    return tw_error_set(error, TW_E_UNSUPPORTED, "the input '%.*s' has no shape; its first dimension must be the batch",
                        length, input->name.data);
  }
  if (input->type != TW_DTYPE_F32) {
    return tw_error_set(error, TW_E_UNSUPPORTED, "the input '%.*s' is %s; it must be float32", length, input->name.data,
                        tw_dtype_name((tw_dtype)input->type));
  }
  tw_shape shape = {.rank = input->rank, .dims = {1}};
  for (int i = 1; i < input->rank; i++) {
    if (input->dims[i] < 0) {
      return tw_error_set(error, TW_E_UNSUPPORTED,
                          "the input '%.*s' leaves dimension %d open; only the first, the batch, may be open", length,
                          input->name.data, i + 1);
    }
    shape.dims[i] = input->dims[i];
  }
  *ret_shape = shape;
  return TW_OK;
}

static tw_status add_input(tw_onnx_importer *importer, tw_error *error) {
  const tw_onnx_value_info *input;
  tw_shape shape;
  tw_value *value;
  TW_TRY(find_input(importer, &input, error));
  TW_TRY(input_shape(input, &shape, error));
  TW_TRY(tw_graph_put_input(importer->graph, input->name, TW_DTYPE_F32, &shape, &value, error));
  TW_TRY(set_fact(importer, value, (tw_onnx_fact){0}, error));
  importer->graph->dynamic_batch = input->dims[0] < 0;
  importer->file_batch = input->dims[0] < 1 ? 1 : input->dims[0];
  return add_source(importer, (tw_onnx_source){.name = input->name, .value = value}, error);
}

static tw_status add_node_sources(tw_onnx_importer *importer, const tw_onnx_node *node, tw_error *error) {
  bool constant = tw_onnx_is_standard(node) && tw_bytes_is(node->op, "Constant");
  for (size_t i = 0; i < node->output_count; i++) {
    tw_onnx_source source = {.name = node->outputs[i], .node = node, .first_output = i == 0};
    if (source.name.size == 0) {
      continue;
    }
    if (constant) {
      source.node = NULL;
      TW_TRY(tw_onnx_constant_tensor(node, importer->scratch, &source.tensor, error));
    }
    TW_TRY(add_source(importer, source, error));
  }
  return TW_OK;
}

/* Weights first, so that inputs which give only their default are known; then the input; then results. */
static tw_status add_sources(tw_onnx_importer *importer, tw_error *error) {
  const tw_onnx_model *model = importer->model;
  for (size_t i = 0; i < model->initializer_count; i++) {
    const tw_onnx_tensor *tensor = &model->initializers[i];
    TW_TRY(add_source(importer, (tw_onnx_source){.name = tensor->name, .tensor = tensor}, error));
  }
  TW_TRY(add_input(importer, error));
  for (size_t i = 0; i < model->node_count; i++) {
    TW_TRY(add_node_sources(importer, &model->nodes[i], error));
  }
  return TW_OK;
}

static tw_status check_output(const tw_onnx_importer *importer, const tw_value *value, tw_error *error) {
  if (importer->facts[value->index].constant) {
    return tw_error_set(error, TW_E_UNSUPPORTED, "the output " TW_QUOTED " does not depend on the input", value->name);
  }
  if (value->shape.rank < 1 || value->shape.dims[0] != 1) {
    char text[TW_SHAPE_TEXT_SIZE];
    return tw_error_set(error, TW_E_UNSUPPORTED,
                        "the output " TW_QUOTED
                        " has the shape %s for one picture; its first dimension must be the batch",
                        value->name, tw_shape_text(&value->shape, text));
  }
  return TW_OK;
}

static tw_status add_outputs(tw_onnx_importer *importer, tw_error *error) {
  const tw_onnx_model *model = importer->model;
  bool *listed = tw_arena_alloc(importer->scratch, importer->graph->value_count, sizeof *listed);
  if (listed == NULL) {
    return tw_error_memory(error);
  }
  for (size_t i = 0; i < model->output_count; i++) {
    tw_bytes name = model->outputs[i].name;
    const tw_onnx_source *source = tw_names_find(&importer->sources, name);
    if (source == NULL || source->value == NULL) {
      bool weight = source != NULL && source->tensor != NULL;
      return tw_error_set(error, weight ? TW_E_UNSUPPORTED : TW_E_FORMAT, "the output '%.*s' is %s",
                          tw_onnx_name_length(name), name.data,
                          weight ? "a constant, it does not depend on the input" : "made by no node");
    }
    TW_TRY(check_output(importer, source->value, error));
    if (listed[source->value->index]) {
      return tw_error_set(error, TW_E_FORMAT, "the output '%.*s' is listed twice", tw_onnx_name_length(name),
                          name.data);
    }
    listed[source->value->index] = true;
    TW_TRY(tw_graph_add_output(importer->graph, source->value, error));
  }
  return model->output_count != 0 ? TW_OK : tw_error_set(error, TW_E_FORMAT, "the network has no output");
}

static tw_status add_metadata(tw_onnx_importer *importer, tw_error *error) {
  const tw_onnx_model *model = importer->model;
  tw_graph *graph = importer->graph;
  graph->attachment = model->attachment;
  if (model->property_count > TW_MAX_METADATA) {
    return tw_error_set(error, TW_E_LIMIT, "the file has %zu metadata entries; the limit is %d", model->property_count,
                        TW_MAX_METADATA);
  }
  graph->metadata = tw_arena_alloc(graph->arena, model->property_count, sizeof *graph->metadata);
  if (graph->metadata == NULL) {
    return tw_error_memory(error);
  }
  for (size_t i = 0; i < model->property_count; i++) {
    tw_bytes key = model->properties[i].key;
    const char *text = key.size == 0 ? "" : (const char *)key.data;
    if (memchr(text, '\0', key.size) != NULL || !tw_utf8_valid(text, key.size)) {
      return tw_error_set(error, TW_E_FORMAT, "the name of metadata entry %zu is not text in UTF-8", i + 1);
    }
    graph->metadata[i].key = tw_arena_strndup(graph->arena, text, key.size);
    graph->metadata[i].value = model->properties[i].value.data == NULL ? tw_bytes_of("") : model->properties[i].value;
    if (graph->metadata[i].key == NULL) {
      return tw_error_memory(error);
    }
    graph->metadata_count++;
  }
  return TW_OK;
}

static tw_status build(tw_onnx_importer *importer, tw_error *error) {
  TW_TRY(check_opset(importer->model, error));
  TW_TRY(add_sources(importer, error));
  TW_TRY(convert_nodes(importer, error));
  TW_TRY(add_outputs(importer, error));
  TW_TRY(add_metadata(importer, error));
  return tw_graph_sweep(importer->graph, error);
}

tw_status tw_onnx_import(tw_bytes file, tw_graph *graph, tw_error *error) {
  tw_onnx_model model;
  tw_onnx_importer importer = {.model = &model, .graph = graph, .scratch = tw_arena_create()};
  tw_status status = importer.scratch == NULL ? tw_error_memory(error) : TW_OK;
  if (status == TW_OK) {
    status = tw_onnx_read(file, importer.scratch, &model, error);
  }
  if (status == TW_OK) {
    status = build(&importer, error);
  }
  tw_names_done(&importer.sources);
  tw_free(importer.facts);
  tw_arena_free(importer.scratch);
  return status;
}
