/* Writing a graph as ONNX, opset 13. It is the graph as imported that is written, so that what comes back has the same
 * hash: what we keep as attributes becomes constants again where ONNX wants inputs, and nothing else changes. */
#include <math.h>
#include <string.h>

#include "formats/formats.h"
#include "graph/internal.h"

enum { EXPORT_OPSET = 13, EXPORT_IR_VERSION = 7, MOST_ATTRIBUTES = 8, MOST_NEW_CONSTANTS = 2 };

typedef struct exporter {
  const tw_graph *graph;
  tw_arena *scratch;
  bool *needed;  /* by value index */
  bool *written; /* constants, by value index */
  tw_names made; /* names that are not the graph's */
  tw_onnx_model model;
} exporter;

static tw_status refuse(const tw_node *node, tw_status code, const char *why, tw_error *error) {
  return tw_error_set(error, code, "node " TW_QUOTED " (%s): %s", node->name, tw_op_name(node->op), why);
}

/* ---- Attributes -------------------------------------------------------------------------------------------------- */

static tw_onnx_attribute *add_attribute(tw_onnx_node *to, const char *name, int32_t type) {
  tw_onnx_attribute *attribute = &to->attributes[to->attribute_count++];
  attribute->name = tw_bytes_of(name);
  attribute->type = type;
  return attribute;
}

static void add_float(tw_onnx_node *to, const char *name, float value) {
  add_attribute(to, name, 1)->f = value;
}

static void add_int(tw_onnx_node *to, const char *name, int64_t value) {
  add_attribute(to, name, 2)->i = value;
}

/* The numbers stay the graph's. */
static void add_ints(tw_onnx_node *to, const char *name, const int64_t *numbers, int count) {
  tw_onnx_attribute *attribute = add_attribute(to, name, 7);
  attribute->ints = numbers;
  attribute->count = (size_t)count;
}

static tw_status add_window(exporter *at, tw_onnx_node *to, const tw_attributes *from, bool dilations,
                            tw_error *error) {
  int spatial = from->spatial;
  int64_t *pads = tw_arena_alloc(at->scratch, 2 * TW_MAX_SPATIAL, sizeof *pads);
  if (pads == NULL) {
    return tw_error_memory(error);
  }
  memcpy(pads, from->pads_begin, (size_t)spatial * sizeof *pads);
  memcpy(pads + spatial, from->pads_end, (size_t)spatial * sizeof *pads);
  if (dilations) {
    add_ints(to, "dilations", from->dilations, spatial);
  }
  add_ints(to, "kernel_shape", from->kernel, spatial);
  add_ints(to, "pads", pads, 2 * spatial);
  add_ints(to, "strides", from->strides, spatial);
  return TW_OK;
}

static tw_status add_pool(exporter *at, tw_onnx_node *to, const tw_node *node, tw_error *error) {
  const tw_attributes *from = &node->attributes;
  bool max = node->op == TW_OP_MAX_POOL;
  add_int(to, "ceil_mode", from->ceil_mode);
  if (!max) {
    add_int(to, "count_include_pad", from->count_include_pad);
  }
  for (int i = 0; !max && i < from->spatial; i++) {
    if (from->dilations[i] != 1) {
      return refuse(node, TW_E_UNSUPPORTED, "ONNX's operators of version 13 have no dilations here", error);
    }
  }
  return add_window(at, to, from, max, error);
}

static tw_status add_attributes(exporter *at, tw_onnx_node *to, const tw_node *node, tw_error *error) {
  const tw_attributes *from = &node->attributes;
  switch (node->op) {
    case TW_OP_CONV: add_int(to, "group", from->group); return add_window(at, to, from, true, error);
    case TW_OP_MAX_POOL:
    case TW_OP_AVERAGE_POOL: return add_pool(at, to, node, error);
    case TW_OP_BATCH_NORM: add_float(to, "epsilon", from->epsilon); return TW_OK;
    case TW_OP_CAST: add_int(to, "to", (int64_t)from->to); return TW_OK;
    case TW_OP_SOFTMAX:
      if (from->flat_softmax) {
        return refuse(node, TW_E_UNSUPPORTED, "ONNX's operators of version 13 have none over several dimensions",
                      error);
      }
      add_int(to, "axis", from->axis);
      return TW_OK;
    case TW_OP_CONCAT:
    case TW_OP_FLATTEN: add_int(to, "axis", from->axis); return TW_OK;
    case TW_OP_TRANSPOSE: add_ints(to, "perm", from->target, from->target_rank); return TW_OK;
    case TW_OP_GEMM:
      add_float(to, "alpha", from->alpha);
      add_float(to, "beta", from->beta);
      add_int(to, "transA", from->transpose_a);
      add_int(to, "transB", from->transpose_b);
      return TW_OK;
    default: return TW_OK;
  }
}

/* ---- Constants --------------------------------------------------------------------------------------------------- */

static void put_initializer(exporter *at, tw_bytes name, tw_dtype dtype, const tw_shape *shape, const void *data,
                            size_t size) {
  tw_onnx_tensor *tensor = &at->model.initializers[at->model.initializer_count++];
  *tensor = (tw_onnx_tensor){.name = name, .type = (int32_t)dtype, .rank = shape->rank, .raw = {data, size}};
  memcpy(tensor->dims, shape->dims, sizeof shape->dims);
}

static void write_constant(exporter *at, const tw_value *value) {
  if (value != NULL && value->data != NULL && !at->written[value->index]) {
    at->written[value->index] = true;
    put_initializer(at, tw_bytes_of(value->name), value->dtype, &value->shape, value->data, value->data_size);
  }
}

static tw_status make_name(exporter *at, const tw_node *node, const char *what, tw_bytes *ret_name, tw_error *error) {
  char name[TW_MAX_NAME + 1];
  unsigned long number = 1;
  do {
    tw_name_candidate(node->output->name, what, number++, name);
  } while (tw_graph_find(at->graph, name) != NULL || tw_names_find(&at->made, tw_bytes_of(name)) != NULL);
  const char *copy = tw_arena_strdup(at->scratch, name);
  if (copy == NULL) {
    return tw_error_memory(error);
  }
  *ret_name = tw_bytes_of(copy);
  return tw_names_add(&at->made, *ret_name, (void *)copy, error);
}

/* An input of the node that the graph keeps as an attribute. `data` stays the graph's. */
static tw_status add_constant_input(exporter *at, tw_onnx_node *to, const tw_node *node, const char *what,
                                    tw_dtype dtype, const tw_shape *shape, const void *data, tw_error *error) {
  size_t count = 0;
  tw_bytes name;
  tw_shape_count(shape, &count);
  TW_TRY(make_name(at, node, what, &name, error));
  put_initializer(at, name, dtype, shape, data, count * tw_dtype_size(dtype));
  to->inputs[to->input_count++] = name;
  return TW_OK;
}

static tw_status add_constant_inputs(exporter *at, tw_onnx_node *to, const tw_node *node, tw_error *error) {
  const tw_attributes *from = &node->attributes;
  tw_shape shape = {0};
  if (node->op == TW_OP_RESHAPE) {
    shape = (tw_shape){.rank = 1, .dims = {from->target_rank}};
    return add_constant_input(at, to, node, "shape", TW_DTYPE_I64, &shape, from->target, error);
  }
  if (node->op != TW_OP_CLIP) {
    return TW_OK;
  }
  if (from->low != -INFINITY) {
    TW_TRY(add_constant_input(at, to, node, "min", TW_DTYPE_F32, &shape, &from->low, error));
  } else if (from->high != INFINITY) {
    to->inputs[to->input_count++] = (tw_bytes){0};
  }
  return from->high == INFINITY ? TW_OK
                                : add_constant_input(at, to, node, "max", TW_DTYPE_F32, &shape, &from->high, error);
}

/* ---- Nodes, inputs, outputs -------------------------------------------------------------------------------------- */

static tw_status export_node(exporter *at, const tw_node *node, tw_error *error) {
  if (node->attributes.activation != TW_ACTIVATION_NONE || (node->op == TW_OP_CONV && node->input_count > 3)) {
    return refuse(node, TW_E_ARGUMENT, "a fused network cannot be written as ONNX", error);
  }
  tw_onnx_node *to = &at->model.nodes[at->model.node_count++];
  to->name = tw_bytes_of(node->name);
  to->op = tw_bytes_of(tw_op_name(node->op));
  to->inputs = tw_arena_alloc(at->scratch, node->input_count + MOST_NEW_CONSTANTS, sizeof *to->inputs);
  to->outputs = tw_arena_alloc(at->scratch, 1, sizeof *to->outputs);
  to->attributes = tw_arena_alloc(at->scratch, MOST_ATTRIBUTES, sizeof *to->attributes);
  if (to->inputs == NULL || to->outputs == NULL || to->attributes == NULL) {
    return tw_error_memory(error);
  }
  for (size_t i = 0; i < node->input_count; i++) {
    write_constant(at, node->inputs[i]);
    to->inputs[to->input_count++] = node->inputs[i] == NULL ? (tw_bytes){0} : tw_bytes_of(node->inputs[i]->name);
  }
  to->outputs[to->output_count++] = tw_bytes_of(node->output->name);
  TW_TRY(add_constant_inputs(at, to, node, error));
  return add_attributes(at, to, node, error);
}

static void export_info(const exporter *at, const tw_value *value, tw_onnx_value_info *info) {
  *info = (tw_onnx_value_info){.name = tw_bytes_of(value->name), .type = (int32_t)value->dtype};
  info->rank = value->shape.rank;
  memcpy(info->dims, value->shape.dims, sizeof value->shape.dims);
  if (at->graph->dynamic_batch && info->rank > 0) {
    info->dims[0] = -1;
  }
}

/* Room for the most that can come: each node brings at most so many constants of its own. */
static tw_status make_room(exporter *at, size_t metadata_count, tw_error *error) {
  const tw_graph *graph = at->graph;
  tw_onnx_model *model = &at->model;
  at->written = tw_arena_alloc(at->scratch, graph->value_count, sizeof *at->written);
  model->nodes = tw_arena_alloc(at->scratch, graph->node_count, sizeof *model->nodes);
  model->initializers = tw_arena_alloc(at->scratch, graph->value_count + MOST_NEW_CONSTANTS * graph->node_count,
                                       sizeof *model->initializers);
  model->inputs = tw_arena_alloc(at->scratch, graph->input_count, sizeof *model->inputs);
  model->outputs = tw_arena_alloc(at->scratch, graph->output_count, sizeof *model->outputs);
  model->properties = tw_arena_alloc(at->scratch, metadata_count, sizeof *model->properties);
  bool room = at->written != NULL && model->nodes != NULL && model->initializers != NULL && model->inputs != NULL &&
              model->outputs != NULL && model->properties != NULL;
  return room ? TW_OK : tw_error_memory(error);
}

static tw_status export_graph(exporter *at, const tw_metadata *metadata, size_t metadata_count, tw_error *error) {
  const tw_graph *graph = at->graph;
  tw_onnx_model *model = &at->model;
  TW_TRY(make_room(at, metadata_count, error));
  for (size_t i = 0; i < graph->node_count; i++) {
    if (at->needed[graph->nodes[i]->output->index]) {
      TW_TRY(export_node(at, graph->nodes[i], error));
    }
  }
  for (size_t i = 0; i < graph->input_count; i++) {
    export_info(at, graph->inputs[i], &model->inputs[model->input_count++]);
  }
  for (size_t i = 0; i < graph->output_count; i++) {
    write_constant(at, graph->outputs[i]);
    export_info(at, graph->outputs[i], &model->outputs[model->output_count++]);
  }
  for (size_t i = 0; i < metadata_count; i++) {
    model->properties[model->property_count++] =
        (tw_onnx_property){.key = tw_bytes_of(metadata[i].key), .value = metadata[i].value};
  }
  return TW_OK;
}

tw_status tw_graph_export_onnx(const tw_graph *graph, const tw_metadata *metadata, size_t metadata_count,
                               tw_buffer *buffer, tw_error *error) {
  if (graph->output_count == 0) {
    return tw_error_set(error, TW_E_ARGUMENT, "a network without an output cannot be written");
  }
  if (metadata_count > TW_MAX_METADATA) {
    return tw_error_set(error, TW_E_LIMIT, "%zu metadata entries; the limit is %d", metadata_count, TW_MAX_METADATA);
  }
  exporter at = {.graph = graph,
                 .scratch = tw_arena_create(),
                 .model = {.ir_version = EXPORT_IR_VERSION, .opset = EXPORT_OPSET, .producer = tw_bytes_of("topwork")}};
  tw_status status = at.scratch == NULL ? tw_error_memory(error) : TW_OK;
  if (status == TW_OK) {
    status = tw_graph_mark_needed(graph, graph->outputs, graph->output_count, &at.needed, error);
  }
  if (status == TW_OK) {
    status = export_graph(&at, metadata, metadata_count, error);
  }
  if (status == TW_OK) {
    status = tw_onnx_write(&at.model, buffer, error);
  }
  tw_names_done(&at.made);
  tw_free(at.needed);
  tw_arena_free(at.scratch);
  return status;
}
