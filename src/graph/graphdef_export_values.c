/* The graph's values among TensorFlow's nodes: what they are called, and the two orders of their dimensions. */
#include <string.h>

#include "graph/evaluate.h"
#include "graph/graphdef_export.h"

/* Dimension i in that order is dimension PERMUTATIONS[..][i] of the graph's, or, of the graph's, of channels last. */
static const int64_t PERMUTATIONS[TW_ORDER_COUNT][4] = {
    [TW_ORDER_GRAPH] = {0, 3, 1, 2},
    [TW_ORDER_CHANNELS_LAST] = {0, 2, 3, 1},
    [TW_ORDER_WEIGHTS] = {2, 3, 1, 0},
};
static const char *const ORDER_NAMES[TW_ORDER_COUNT] = {
    [TW_ORDER_GRAPH] = "nchw", [TW_ORDER_CHANNELS_LAST] = "nhwc", [TW_ORDER_WEIGHTS] = "hwio"};

static tw_export_slot *slot_of(const tw_exporter *to, const tw_value *value) {
  return &to->slots[value->index];
}

const char *tw_export_value_name(tw_exporter *to, const tw_value *value) {
  return value == to->graph->outputs[0] ? to->output_name : tw_export_name(to, value->name);
}

void tw_export_define(tw_exporter *to, const tw_value *value, tw_export_order order, const char *name) {
  slot_of(to, value)->names[order] = name;
}

tw_export_order tw_export_order_of(const tw_exporter *to, const tw_value *value) {
  const tw_export_slot *slot = slot_of(to, value);
  return slot->names[TW_ORDER_GRAPH] == NULL && slot->names[TW_ORDER_CHANNELS_LAST] != NULL ? TW_ORDER_CHANNELS_LAST
                                                                                            : TW_ORDER_GRAPH;
}

int tw_export_axis(int axis) {
  return (int)PERMUTATIONS[TW_ORDER_GRAPH][axis];
}

/* ---- Constants --------------------------------------------------------------------------------------------------- */

/* A constant of fewer than four dimensions counts as one with ones before them. */
static tw_shape four_dimensions(const tw_shape *shape) {
  tw_shape wide = {.rank = 4, .dims = {1, 1, 1, 1}};
  for (int i = 0; i < shape->rank && i < 4; i++) {
    wide.dims[4 - shape->rank + i] = shape->dims[i];
  }
  return wide;
}

static void write_constant(tw_exporter *to, const tw_value *value, tw_export_order order) {
  tw_export_slot *slot = slot_of(to, value);
  bool first = slot->names[0] == NULL && slot->names[1] == NULL && slot->names[2] == NULL;
  const char *name = first ? tw_export_name(to, value->name) : tw_export_part(to, value->name, ORDER_NAMES[order]);
  slot->names[order] = name;
  if (order == TW_ORDER_GRAPH) {
    tw_export_constant(to, name, &value->shape, value->data);
    return;
  }
  tw_shape given = four_dimensions(&value->shape);
  tw_shape permuted = given;
  size_t count = 0;
  tw_shape_count(&given, &count);
  float *data = tw_export_floats(to, count);
  if (data != NULL) {
    for (int i = 0; i < 4; i++) {
      permuted.dims[i] = given.dims[PERMUTATIONS[order][i]];
    }
    tw_permute(value->data, &given, sizeof *data, PERMUTATIONS[order], data);
    tw_export_constant(to, name, &permuted, data);
  }
}

/* ---- Operands ---------------------------------------------------------------------------------------------------- */

/* The constant that turns a value of the other order into this one; one serves all. */
static const char *permutation(tw_exporter *to, tw_export_order order) {
  if (to->orders[order] == NULL) {
    const char *name = tw_export_part(to, "transpose", ORDER_NAMES[order]);
    to->orders[order] = tw_export_integers(to, name, 1, 4, PERMUTATIONS[order]);
  }
  return to->orders[order];
}

/* Elements lie the same in both orders. */
static bool orders_agree(const tw_shape *shape) {
  return shape->dims[1] == 1 || shape->dims[2] * shape->dims[3] == 1;
}

const char *tw_export_operand(tw_exporter *to, const tw_value *value, tw_export_order order) {
  tw_export_slot *slot = slot_of(to, value);
  if (value->data != NULL) {
    size_t count = 0;
    tw_shape_count(&value->shape, &count);
    order = count == 1 && order == TW_ORDER_CHANNELS_LAST ? TW_ORDER_GRAPH : order;
  } else if (value->shape.rank != 4) {
    order = TW_ORDER_GRAPH;
  }
  if (slot->names[order] == NULL && value->data != NULL) {
    write_constant(to, value, order);
  } else if (slot->names[order] == NULL) {
    const char *other = slot->names[tw_export_order_of(to, value)];
    const char *name = tw_export_part(to, other == NULL ? value->name : other, ORDER_NAMES[order]);
    tw_tf_node *node = tw_export_simple(to, name, "Transpose", other, permutation(to, order), NULL);
    tw_export_type(to, node, "Tperm", TW_TF_INT32);
    slot->names[order] = name;
  }
  return slot->names[order];
}

const char *tw_export_elements(tw_exporter *to, const tw_value *value) {
  const tw_export_slot *slot = slot_of(to, value);
  if (value->shape.rank == 4 && slot->names[TW_ORDER_CHANNELS_LAST] != NULL && orders_agree(&value->shape)) {
    return slot->names[TW_ORDER_CHANNELS_LAST];
  }
  return tw_export_operand(to, value, TW_ORDER_GRAPH);
}
