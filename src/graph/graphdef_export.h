/* What the files that write a graph as GraphDef share: the exporter, and the few calls that put TensorFlow's nodes
 * together.
 *
 * A value of four dimensions may be there in two orders, as the graph has it and with the channels last; operators ask
 * for the one that TensorFlow wants, and a transposition is written where it is not there yet. All other values have
 * only the graph's order. */
#ifndef TW_GRAPH_GRAPHDEF_EXPORT_H
#define TW_GRAPH_GRAPHDEF_EXPORT_H

#include "formats/formats.h"
#include "graph/internal.h"
#include "image/image.h"

typedef enum tw_export_order {
  TW_ORDER_GRAPH,
  TW_ORDER_CHANNELS_LAST, /* NHWC */
  TW_ORDER_WEIGHTS,       /* a convolution's constants: height, width, in, out */
  TW_ORDER_COUNT
} tw_export_order;

/* What TensorFlow's nodes call a value of the graph; NULL for an order that is not there yet. */
typedef struct tw_export_slot {
  const char *names[TW_ORDER_COUNT];
} tw_export_slot;

/* Memory or nodes that run out are remembered, and all calls do nothing from then on: checked once, at the end. */
typedef struct tw_exporter {
  tw_graph *graph;   /* a copy with folded constants */
  tw_arena *scratch; /* all that is made for the file */
  bool failed;
  bool too_many;  /* nodes, which is why it failed */
  tw_names taken; /* names of TensorFlow's nodes -> unsigned long *, the last number given behind that name */
  tw_tf_node **nodes;
  size_t node_count;
  size_t node_capacity;
  tw_export_slot *slots;              /* by value index */
  const char *orders[TW_ORDER_COUNT]; /* names of the constants that turn values into that order */
  const char *output_name;
  tw_tf_node spare; /* what calls get when memory is out */
} tw_exporter;

/* ---- graphdef_export_emit.c: TensorFlow's nodes ------------------------------------------------------------------ */

enum { TW_EXPORT_MOST_ATTRIBUTES = 8 };

/* A free name of a node, as near to `wanted` as TensorFlow allows. Never NULL. */
const char *tw_export_name(tw_exporter *to, const char *wanted);
/* A free name below `base`: "base/what". */
const char *tw_export_part(tw_exporter *to, const char *base, const char *what);

/* Appends a node; `name` is one of the above. Never NULL; valid until the exporter is done. */
tw_tf_node *tw_export_node(tw_exporter *to, const char *name, const char *op, size_t input_room);
/* The same for one of floats (T) with these inputs, five at most, ended by NULL. */
tw_tf_node *tw_export_simple(tw_exporter *to, const char *name, const char *op, ...);
void tw_export_input(tw_exporter *to, tw_tf_node *node, const char *name);

void tw_export_int(tw_exporter *to, tw_tf_node *node, const char *attribute, int64_t value);
void tw_export_bool(tw_exporter *to, tw_tf_node *node, const char *attribute, bool value);
void tw_export_float(tw_exporter *to, tw_tf_node *node, const char *attribute, float value);
void tw_export_type(tw_exporter *to, tw_tf_node *node, const char *attribute, int32_t type);
void tw_export_text(tw_exporter *to, tw_tf_node *node, const char *attribute, const char *text);
/* [1, height, width, 1], as windows have it. */
void tw_export_window(tw_exporter *to, tw_tf_node *node, const char *attribute, int64_t height, int64_t width);
void tw_export_shape(tw_exporter *to, tw_tf_node *node, const char *attribute, int rank, const int64_t *dims);

/* Constants; their data are borrowed, except integers, which are copied. Return `name`. */
const char *tw_export_constant(tw_exporter *to, const char *name, const tw_shape *shape, const float *data);
const char *tw_export_scalar(tw_exporter *to, const char *name, float value);
/* int32; rank 0: a scalar, 1: a list, 2: rows of two. */
const char *tw_export_integers(tw_exporter *to, const char *name, int rank, size_t count, const int64_t *values);
const char *tw_export_string(tw_exporter *to, const char *name, const char *text);
/* Room for floats, kept until the exporter is done; NULL when memory is out. */
float *tw_export_floats(tw_exporter *to, size_t count);

/* ---- graphdef_export_values.c: the graph's values ---------------------------------------------------------------- */

/* The name for the node that gives this value. */
const char *tw_export_value_name(tw_exporter *to, const tw_value *value);
/* The value is there under this name. */
void tw_export_define(tw_exporter *to, const tw_value *value, tw_export_order order, const char *name);
/* The order that costs nothing. */
tw_export_order tw_export_order_of(const tw_exporter *to, const tw_value *value);
/* The value's name in that order; a constant or a transposition is written when it is not there yet. */
const char *tw_export_operand(tw_exporter *to, const tw_value *value, tw_export_order order);
/* The value's name in the order in which a reshape may take it: the graph's, or one whose elements lie the same. */
const char *tw_export_elements(tw_exporter *to, const tw_value *value);
/* Where the channels-last order has dimension `axis` of four. */
int tw_export_axis(int axis);

/* ---- Operators: each writes the nodes for one of the graph's ----------------------------------------------------- */

tw_status tw_export_refuse(const tw_node *node, tw_status code, const char *why, tw_error *error);

/* graphdef_export_window.c */
tw_status tw_export_conv(tw_exporter *to, const tw_node *node, tw_error *error);
tw_status tw_export_pool(tw_exporter *to, const tw_node *node, tw_error *error);
/* graphdef_export_operators.c: all others */
tw_status tw_export_operator(tw_exporter *to, const tw_node *node, tw_error *error);

/* graphdef_export_input.c: the nodes before the network; defines the graph's input. */
tw_status tw_export_begin(tw_exporter *to, tw_graphdef_input input, const tw_preprocess *preprocess, tw_error *error);

#endif
