/* Where a network is cut, and making what comes out there one row of features. */
#include <string.h>

#include "features/trunk.h"

/* ---- Which value ------------------------------------------------------------------------------------------------- */

enum { SUGGESTIONS = 3, LONGEST_COMPARED = 128 };

/* Levenshtein's distance of two texts, each cut at LONGEST_COMPARED bytes. */
static size_t distance(const char *a, const char *b) {
  size_t row[LONGEST_COMPARED + 1];
  size_t height = strnlen(a, LONGEST_COMPARED);
  size_t width = strnlen(b, LONGEST_COMPARED);
  for (size_t j = 0; j <= width; j++) {
    row[j] = j;
  }
  for (size_t i = 1; i <= height; i++) {
    size_t corner = row[0];
    row[0] = i;
    for (size_t j = 1; j <= width; j++) {
      size_t replaced = corner + (a[i - 1] == b[j - 1] ? 0 : 1);
      size_t shorter = (row[j] < row[j - 1] ? row[j] : row[j - 1]) + 1;
      corner = row[j];
      row[j] = replaced < shorter ? replaced : shorter;
    }
  }
  return row[width];
}

static tw_status unknown_cut(const tw_graph *graph, const char *cut, tw_error *error) {
  const char *names[SUGGESTIONS] = {0};
  size_t distances[SUGGESTIONS];
  size_t count = 0;
  for (size_t i = 0; i < graph->node_count; i++) {
    size_t far = distance(cut, graph->nodes[i]->name);
    size_t at = count;
    while (at > 0 && far < distances[at - 1]) {
      at--;
    }
    if (at < SUGGESTIONS) {
      size_t moved = (count < SUGGESTIONS ? count : SUGGESTIONS - 1) - at;
      memmove(names + at + 1, names + at, moved * sizeof *names);
      memmove(distances + at + 1, distances + at, moved * sizeof *distances);
      names[at] = graph->nodes[i]->name;
      distances[at] = far;
      count += count < SUGGESTIONS ? 1 : 0;
    }
  }
  if (count == 0) {
    return tw_error_set(error, TW_E_ARGUMENT, "there is no node '%s': the network has none at all", cut);
  }
  return tw_error_set(error, TW_E_ARGUMENT,
                      "there is no node '%s'; the nearest names are '%s'%s%s%s%s%s%s; 'topwork inspect' lists all", cut,
                      names[0], count > 1 ? ", '" : "", count > 1 ? names[1] : "", count > 1 ? "'" : "",
                      count > 2 ? ", '" : "", count > 2 ? names[2] : "", count > 2 ? "'" : "");
}

tw_status tw_trunk_cut(const tw_graph *graph, const char *cut, tw_value **ret_value, tw_error *error) {
  if (graph->output_count == 0) {
    return tw_error_set(error, TW_E_FORMAT, "the network has no output");
  }
  tw_value *value = cut == NULL ? tw_graph_features_value(graph) : tw_graph_find(graph, cut);
  if (value == NULL && cut != NULL) {
    return unknown_cut(graph, cut, error);
  }
  value = value == NULL ? graph->outputs[graph->output_count - 1] : value;
  if (value->producer == NULL) {
    return tw_error_set(
        error, TW_E_ARGUMENT,
        "features would be taken at '%s', where nothing is computed yet: name a node further on by --cut", value->name);
  }
  *ret_value = value;
  return TW_OK;
}

/* ---- One row ----------------------------------------------------------------------------------------------------- */

/* A node on top of `value`, named like `wanted` but as no other. */
static tw_status append(tw_graph *graph, const char *wanted, tw_op op, const tw_attributes *attributes, tw_value *value,
                        tw_value **ret_value, tw_error *error) {
  char *name = tw_strdup(wanted);
  for (unsigned i = 2; name != NULL && tw_graph_find(graph, name) != NULL; i++) {
    tw_free(name);
    name = tw_format("%s_%u", wanted, i);
  }
  tw_status status = name == NULL ? tw_error_memory(error)
                                  : tw_graph_add_node(graph, name, op, &value, 1, attributes, name, ret_value, error);
  tw_free(name);
  return status;
}

tw_status tw_trunk_flatten(tw_graph *graph, tw_value *value, tw_value **ret_features, tw_error *error) {
  const tw_shape *shape = &value->shape;
  char text[TW_SHAPE_TEXT_SIZE];
  if (value->dtype != TW_DTYPE_F32) {
    return tw_error_set(error, TW_E_UNSUPPORTED, "'%s' holds %s; features must be float32", value->name,
                        tw_dtype_name(value->dtype));
  }
  bool row = shape->rank == 2 && shape->dims[0] == 1;
  bool spatial = shape->rank == 4 && shape->dims[0] == 1;
  if ((!row && !spatial) || shape->dims[1] < 1) {
    return tw_error_set(
        error, TW_E_UNSUPPORTED,
        "'%s' is %s; features must be 1 x d, or 1 x d x height x width to be averaged: name another node "
        "by --cut",
        value->name, tw_shape_text(shape, text));
  }
  if (spatial && (shape->dims[2] != 1 || shape->dims[3] != 1)) {
    TW_TRY(append(graph, "topwork.average", TW_OP_GLOBAL_AVERAGE_POOL, NULL, value, &value, error));
  }
  if (spatial) {
    TW_TRY(append(graph, "topwork.features", TW_OP_FLATTEN, &(tw_attributes){.axis = 1}, value, &value, error));
  }
  *ret_features = value;
  return TW_OK;
}

/* ---- What the network itself says -------------------------------------------------------------------------------- */

bool tw_trunk_is_answer(const tw_value *value) {
  const tw_node *node = value->producer;
  while (node != NULL && (node->op == TW_OP_IDENTITY || node->op == TW_OP_FLATTEN || node->op == TW_OP_RESHAPE ||
                          node->op == TW_OP_CAST)) {
    value = node->inputs[0];
    node = value->producer;
  }
  if (node == NULL || node->op != TW_OP_SOFTMAX) {
    return false;
  }
  size_t all;
  size_t summed = 1; /* what adds up to 1 */
  int64_t axis = node->attributes.axis;
  for (int64_t i = axis; i < value->shape.rank && (i == axis || node->attributes.flat_softmax); i++) {
    summed *= (size_t)value->shape.dims[i];
  }
  return tw_shape_count(&value->shape, &all) && summed == all;
}

/* ---- The other end ----------------------------------------------------------------------------------------------- */

tw_status tw_trunk_check_input(const tw_graph *graph, const tw_preprocess *preprocess, tw_error *error) {
  if (graph->input_count != 1) {
    return tw_error_set(error, TW_E_UNSUPPORTED, "the network has %zu inputs; wanted is one, the picture",
                        graph->input_count);
  }
  const tw_value *input = graph->inputs[0];
  const int64_t *dims = input->shape.dims;
  char text[TW_SHAPE_TEXT_SIZE];
  tw_shape_text(&input->shape, text);
  if (input->dtype != TW_DTYPE_F32) {
    return tw_error_set(error, TW_E_UNSUPPORTED, "input '%s' takes %s; wanted is float32", input->name,
                        tw_dtype_name(input->dtype));
  }
  bool picture = input->shape.rank == 4 && dims[0] == 1;
  if (picture && dims[1] != 3 && dims[3] == 3) {
    return tw_error_set(error, TW_E_UNSUPPORTED,
                        "input '%s' is %s, colours last; only networks that take colours first, 1x3xHxW, are run yet",
                        input->name, text);
  }
  if (!picture || dims[1] != 3) {
    return tw_error_set(error, TW_E_UNSUPPORTED, "input '%s' is %s; wanted is one picture of three colours, 1x3xHxW",
                        input->name, text);
  }
  if (preprocess->layout != TW_LAYOUT_NCHW) {
    return tw_error_set(error, TW_E_ARGUMENT, "input '%s' is %s, so the preprocessing must have layout=nchw",
                        input->name, text);
  }
  if (dims[2] != (int64_t)preprocess->height || dims[3] != (int64_t)preprocess->width) {
    return tw_error_set(
        error, TW_E_ARGUMENT, "input '%s' is %s, but the preprocessing says size=%ux%u; wanted is size=%lldx%lld",
        input->name, text, preprocess->width, preprocess->height, (long long)dims[3], (long long)dims[2]);
  }
  return TW_OK;
}
