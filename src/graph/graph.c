/* Making a graph: its values, nodes and names. What a node's result looks like is in infer.c. */
#include <string.h>

#include "graph/internal.h"

tw_graph *tw_graph_create(void) {
  tw_graph *graph = tw_alloc(1, sizeof *graph);
  if (graph == NULL) {
    return NULL;
  }
  graph->arena = tw_arena_create();
  graph->names = tw_alloc(1, sizeof *graph->names);
  if (graph->arena == NULL || graph->names == NULL) {
    tw_graph_free(graph);
    return NULL;
  }
  return graph;
}

void tw_graph_free(tw_graph *graph) {
  if (graph == NULL) {
    return;
  }
  if (graph->names != NULL) {
    tw_names_done(&graph->names->values);
    tw_names_done(&graph->names->nodes);
    tw_free(graph->names);
  }
  if (graph->source != NULL) {
    tw_map_close(graph->source->map);
    tw_free(graph->source);
  }
  tw_arena_free(graph->arena);
  tw_free(graph);
}

/* ---- Names ------------------------------------------------------------------------------------------------------- */

static tw_status check_name(tw_bytes name, tw_error *error) {
  if (name.size == 0) {
    return tw_error_set(error, TW_E_FORMAT, "a value or node has no name");
  }
  if (name.size > TW_MAX_NAME) {
    return tw_error_set(error, TW_E_LIMIT, "the name '%.40s...' has %zu bytes; the limit is %d", name.data, name.size,
                        TW_MAX_NAME);
  }
  const char *text = (const char *)name.data;
  if (memchr(text, '\0', name.size) != NULL || !tw_utf8_valid(text, name.size)) {
    return tw_error_set(error, TW_E_FORMAT, "the name '%.*s' is not text in UTF-8", (int)name.size, text);
  }
  return TW_OK;
}

static tw_status check_value_name(const tw_graph *graph, tw_bytes name, tw_error *error) {
  TW_TRY(check_name(name, error));
  if (tw_names_find(&graph->names->values, name) != NULL) {
    return tw_error_set(error, TW_E_FORMAT, "the value '%.*s' is defined twice", (int)name.size, name.data);
  }
  return TW_OK;
}

static tw_value *find_exactly(const tw_graph *graph, tw_bytes name) {
  tw_value *value = tw_names_find(&graph->names->values, name);
  if (value != NULL) {
    return value;
  }
  tw_node *node = tw_names_find(&graph->names->nodes, name);
  return node == NULL ? NULL : node->output;
}

tw_value *tw_graph_find(const tw_graph *graph, const char *name) {
  tw_bytes bytes = tw_bytes_of(name);
  tw_value *value = find_exactly(graph, bytes);
  bool numbered = bytes.size > 2 && memcmp(name + bytes.size - 2, ":0", 2) == 0;
  return value != NULL || !numbered ? value : find_exactly(graph, (tw_bytes){bytes.data, bytes.size - 2});
}

void tw_name_candidate(const char *base, const char *what, unsigned long number, char name[TW_MAX_NAME + 1]) {
  enum { SUFFIX = 40 };
  char suffix[SUFFIX];
  int used = number == 1 ? snprintf(suffix, sizeof suffix, "/%s", what)
                         : snprintf(suffix, sizeof suffix, "/%s.%lu", what, number);
  size_t length = strlen(base);
  length = length > TW_MAX_NAME - SUFFIX ? TW_MAX_NAME - SUFFIX : length;
  while (!tw_utf8_valid(base, length)) { /* the limit fell inside a character */
    length--;
  }
  memcpy(name, base, length);
  memcpy(name + length, suffix, (size_t)used + 1);
}

const char *tw_graph_free_name(const tw_graph *graph, const char *base, const char *what) {
  char name[TW_MAX_NAME + 1];
  unsigned long number = 1;
  do {
    tw_name_candidate(base, what, number++, name);
  } while (tw_graph_find(graph, name) != NULL);
  return tw_arena_strdup(graph->arena, name);
}

static tw_status rename_value(tw_graph *graph, tw_value *value, tw_error *error) {
  if (value == NULL || tw_names_find(&graph->names->values, tw_bytes_of(value->name)) == value) {
    return TW_OK;
  }
  return tw_names_add(&graph->names->values, tw_bytes_of(value->name), value, error);
}

tw_status tw_graph_rebuild_names(tw_graph *graph, tw_error *error) {
  tw_names_clear(&graph->names->values);
  tw_names_clear(&graph->names->nodes);
  for (size_t i = 0; i < graph->input_count; i++) {
    TW_TRY(rename_value(graph, graph->inputs[i], error));
  }
  for (size_t i = 0; i < graph->node_count; i++) {
    tw_node *node = graph->nodes[i];
    for (size_t j = 0; j < node->input_count; j++) {
      TW_TRY(rename_value(graph, node->inputs[j], error));
    }
    TW_TRY(rename_value(graph, node->output, error));
    TW_TRY(tw_names_add(&graph->names->nodes, tw_bytes_of(node->name), node, error));
  }
  for (size_t i = 0; i < graph->output_count; i++) {
    TW_TRY(rename_value(graph, graph->outputs[i], error));
  }
  return TW_OK;
}

/* ---- Values ------------------------------------------------------------------------------------------------------ */

/* Appends to an array in the arena that grows whenever its length is a power of two. */
static tw_status append_value(tw_graph *graph, tw_value ***values, size_t *count, tw_value *value, tw_error *error) {
  if ((*count & (*count - 1)) == 0) {
    tw_value **larger = tw_arena_alloc(graph->arena, *count == 0 ? 1 : 2 * *count, sizeof *larger);
    if (larger == NULL) {
      return tw_error_memory(error);
    }
    if (*count != 0) {
      memcpy(larger, *values, *count * sizeof *larger);
    }
    *values = larger;
  }
  (*values)[(*count)++] = value;
  return TW_OK;
}

/* A value that is already findable. */
static tw_status new_value(tw_graph *graph, tw_bytes name, tw_dtype dtype, const tw_shape *shape, tw_value **ret_value,
                           tw_error *error) {
  tw_value *value = tw_arena_alloc(graph->arena, 1, sizeof *value);
  char *text = tw_arena_strndup(graph->arena, (const char *)name.data, name.size);
  if (value == NULL || text == NULL) {
    return tw_error_memory(error);
  }
  *value = (tw_value){.name = text, .dtype = dtype, .index = graph->value_count};
  value->shape.rank = shape->rank;
  memcpy(value->shape.dims, shape->dims, (size_t)shape->rank * sizeof *shape->dims);
  TW_TRY(tw_names_add(&graph->names->values, tw_bytes_of(text), value, error));
  graph->value_count++;
  *ret_value = value;
  return TW_OK;
}

static tw_status check_value(const tw_graph *graph, const char *kind, tw_bytes name, tw_dtype dtype,
                             const tw_shape *shape, tw_error *error) {
  TW_TRY(check_value_name(graph, name, error));
  if (tw_dtype_size(dtype) == 0) {
    return tw_error_set(error, TW_E_UNSUPPORTED, "the %s '%.*s' has elements of an unsupported type (number %d)", kind,
                        (int)name.size, name.data, (int)dtype);
  }
  char what[256];
  snprintf(what, sizeof what, "the %s '%.*s'", kind, name.size > 160 ? 160 : (int)name.size, name.data);
  return tw_shape_check(what, shape, dtype, error);
}

tw_status tw_graph_put_input(tw_graph *graph, tw_bytes name, tw_dtype dtype, const tw_shape *shape,
                             tw_value **ret_value, tw_error *error) {
  TW_TRY(check_value(graph, "input", name, dtype, shape, error));
  tw_value *value;
  TW_TRY(new_value(graph, name, dtype, shape, &value, error));
  TW_TRY(append_value(graph, &graph->inputs, &graph->input_count, value, error));
  if (ret_value != NULL) {
    *ret_value = value;
  }
  return TW_OK;
}

tw_status tw_graph_put_constant(tw_graph *graph, tw_bytes name, tw_dtype dtype, const tw_shape *shape, const void *data,
                                tw_value **ret_value, tw_error *error) {
  if (data == NULL) {
    return tw_error_set(error, TW_E_ARGUMENT, "the constant '%.*s' has no data", (int)name.size, name.data);
  }
  TW_TRY(check_value(graph, "constant", name, dtype, shape, error));
  size_t count = 1;
  tw_value *value;
  TW_TRY(new_value(graph, name, dtype, shape, &value, error));
  tw_shape_count(shape, &count);
  value->data = data;
  value->data_size = count * tw_dtype_size(dtype);
  graph->constant_bytes += value->data_size;
  if (ret_value != NULL) {
    *ret_value = value;
  }
  return TW_OK;
}

tw_status tw_graph_add_input(tw_graph *graph, const char *name, tw_dtype dtype, const tw_shape *shape,
                             tw_value **ret_value, tw_error *error) {
  return tw_graph_put_input(graph, tw_bytes_of(name), dtype, shape, ret_value, error);
}

tw_status tw_graph_add_constant(tw_graph *graph, const char *name, tw_dtype dtype, const tw_shape *shape,
                                const void *data, tw_value **ret_value, tw_error *error) {
  return tw_graph_put_constant(graph, tw_bytes_of(name), dtype, shape, data, ret_value, error);
}

tw_status tw_graph_add_output(tw_graph *graph, tw_value *value, tw_error *error) {
  if (value == NULL) {
    return tw_error_set(error, TW_E_ARGUMENT, "an output without a value");
  }
  return append_value(graph, &graph->outputs, &graph->output_count, value, error);
}

/* ---- Nodes ------------------------------------------------------------------------------------------------------- */

static tw_status append_node(tw_graph *graph, tw_node *node, tw_error *error) {
  if (graph->node_count == graph->node_capacity) {
    size_t capacity = graph->node_capacity == 0 ? 64 : 2 * graph->node_capacity;
    tw_node **larger = tw_arena_alloc(graph->arena, capacity, sizeof(tw_node *));
    if (larger == NULL) {
      return tw_error_memory(error);
    }
    if (graph->node_count != 0) {
      memcpy(larger, graph->nodes, graph->node_count * sizeof(tw_node *));
    }
    graph->nodes = larger;
    graph->node_capacity = capacity;
  }
  graph->nodes[graph->node_count++] = node;
  return TW_OK;
}

/* Optional inputs left out at the end are not counted. */
static size_t given_inputs(tw_value *const *inputs, size_t count) {
  while (count > 0 && inputs[count - 1] == NULL) {
    count--;
  }
  return count;
}

/* The node without its output. Nothing of it is in the graph yet. */
static tw_status new_node(tw_graph *graph, tw_bytes name, tw_op op, tw_value *const *inputs, size_t input_count,
                          const tw_attributes *attributes, tw_node **ret_node, tw_error *error) {
  tw_node *node = tw_arena_alloc(graph->arena, 1, sizeof *node);
  char *text = tw_arena_strndup(graph->arena, (const char *)name.data, name.size);
  tw_value **own = tw_arena_alloc(graph->arena, input_count, sizeof(tw_value *));
  if (node == NULL || text == NULL || own == NULL) {
    return tw_error_memory(error);
  }
  if (input_count != 0) {
    memcpy(own, inputs, input_count * sizeof(tw_value *));
  }
  *node = (tw_node){.name = text, .op = op, .input_count = input_count, .inputs = own};
  if (attributes != NULL) {
    node->attributes = *attributes;
  }
  tw_attributes_normalise(node);
  *ret_node = node;
  return TW_OK;
}

tw_status tw_graph_make_node(tw_graph *graph, tw_bytes name, tw_op op, tw_value *const *inputs, size_t input_count,
                             const tw_attributes *attributes, tw_bytes output_name, tw_node **ret_node,
                             tw_error *error) {
  if ((unsigned)op >= TW_OP_COUNT) {
    return tw_error_set(error, TW_E_ARGUMENT, "operator number %d does not exist", (int)op);
  }
  if (name.size == 0 || tw_names_find(&graph->names->nodes, name) != NULL) {
    name = output_name;
  }
  TW_TRY(check_name(name, error));
  TW_TRY(check_value_name(graph, output_name, error));
  if (tw_names_find(&graph->names->nodes, name) != NULL) {
    return tw_error_set(error, TW_E_FORMAT, "two nodes have the name '%.*s'", (int)name.size, name.data);
  }
  tw_node *node;
  TW_TRY(new_node(graph, name, op, inputs, given_inputs(inputs, input_count), attributes, &node, error));
  tw_dtype dtype;
  tw_shape shape;
  TW_TRY(tw_infer(node, &dtype, &shape, error));
  TW_TRY(new_value(graph, output_name, dtype, &shape, &node->output, error));
  node->output->producer = node;
  TW_TRY(tw_names_add(&graph->names->nodes, tw_bytes_of(node->name), node, error));
  *ret_node = node;
  return TW_OK;
}

tw_status tw_graph_put_node(tw_graph *graph, tw_bytes name, tw_op op, tw_value *const *inputs, size_t input_count,
                            const tw_attributes *attributes, tw_bytes output_name, tw_value **ret_value,
                            tw_error *error) {
  if (graph->node_count >= TW_MAX_NODES) {
    return tw_error_set(error, TW_E_LIMIT, "more than %d nodes", TW_MAX_NODES);
  }
  tw_node *node;
  TW_TRY(tw_graph_make_node(graph, name, op, inputs, input_count, attributes, output_name, &node, error));
  TW_TRY(append_node(graph, node, error));
  if (ret_value != NULL) {
    *ret_value = node->output;
  }
  return TW_OK;
}

tw_status tw_graph_add_node(tw_graph *graph, const char *name, tw_op op, tw_value *const *inputs, size_t input_count,
                            const tw_attributes *attributes, const char *output_name, tw_value **ret_value,
                            tw_error *error) {
  const char *either = name == NULL ? output_name : name;
  if (either == NULL) {
    return tw_error_set(error, TW_E_ARGUMENT, "a node without a name");
  }
  if (name != NULL && tw_names_find(&graph->names->nodes, tw_bytes_of(name)) != NULL) {
    return tw_error_set(error, TW_E_FORMAT, "two nodes have the name " TW_QUOTED, name);
  }
  return tw_graph_put_node(graph, tw_bytes_of(either), op, inputs, input_count, attributes,
                           tw_bytes_of(output_name == NULL ? either : output_name), ret_value, error);
}
