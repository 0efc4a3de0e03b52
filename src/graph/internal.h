/* What the files of floor `graph` share among themselves. Nothing here is for other floors. */
#ifndef TW_GRAPH_INTERNAL_H
#define TW_GRAPH_INTERNAL_H

#include "graph/graph.h"
#include "graph/names.h"

/* A name in a message: names may be 4096 bytes, a message has 1024. */
#define TW_QUOTED "'%.160s'"

/* The two sides of tw_graph_find. */
struct tw_graph_names {
  tw_names values; /* name -> tw_value */
  tw_names nodes;  /* name -> tw_node */
};

/* What a graph owns beside its arena. */
struct tw_graph_source {
  tw_map *map;
};

/* ---- graph.c ----------------------------------------------------------------------------------------------------- */

/* As tw_graph_add_input, tw_graph_add_constant and tw_graph_add_node, for names that are not NUL-terminated. A node's
 * name that is taken is no error when its output's name is free for it. */
tw_status tw_graph_put_input(tw_graph *graph, tw_bytes name, tw_dtype dtype, const tw_shape *shape,
                             tw_value **ret_value, tw_error *error);
tw_status tw_graph_put_constant(tw_graph *graph, tw_bytes name, tw_dtype dtype, const tw_shape *shape, const void *data,
                                tw_value **ret_value, tw_error *error);
tw_status tw_graph_put_node(tw_graph *graph, tw_bytes name, tw_op op, tw_value *const *inputs, size_t input_count,
                            const tw_attributes *attributes, tw_bytes output_name, tw_value **ret_value,
                            tw_error *error);
/* The same without appending the node to graph->nodes: for passes. */
tw_status tw_graph_make_node(tw_graph *graph, tw_bytes name, tw_op op, tw_value *const *inputs, size_t input_count,
                             const tw_attributes *attributes, tw_bytes output_name, tw_node **ret_node,
                             tw_error *error);

/* The number-th candidate for the name of something made from `base`: "base/what", "base/what.2", ... The base is cut
 * to fit; `what` is a short word. */
void tw_name_candidate(const char *base, const char *what, unsigned long number, char name[TW_MAX_NAME + 1]);
/* The first candidate that no value and no node has. In the arena; NULL when out of memory. */
const char *tw_graph_free_name(const tw_graph *graph, const char *base, const char *what);

/* Makes the names of all that the graph reaches findable, and only those. */
tw_status tw_graph_rebuild_names(tw_graph *graph, tw_error *error);

/* By value index, whether one of `roots` depends on the value (or is it). To be freed with tw_free. */
tw_status tw_graph_mark_needed(const tw_graph *graph, tw_value *const *roots, size_t root_count, bool **ret_needed,
                               tw_error *error);

/* Removes NULLs from graph->nodes, then all nodes that no output needs, then rebuilds the names. */
tw_status tw_graph_sweep(tw_graph *graph, tw_error *error);

/* How often each value is used by nodes, by value index; being an output of the graph counts as a use by two, so that
 * a value with one use may be fused away. To be freed with tw_free. */
tw_status tw_graph_count_uses(const tw_graph *graph, uint32_t **ret_uses, tw_error *error);

/* tw_graph_fold_constants, but weights of a convolution that are only stored in another order stay so. */
tw_status tw_graph_fold_for_engine(tw_graph *graph, tw_error *error);

/* tw_graph_fold_batch_norms, but weights are not multiplied yet: tw_value.scaling. */
tw_status tw_graph_fold_batch_norms_late(tw_graph *graph, tw_error *error);

/* Room for a constant that a pass computes, within TW_MAX_FOLDED_BYTES and what the constants given justify. */
tw_status tw_graph_fold_room(tw_graph *graph, size_t bytes, void **ret_room, tw_error *error);

/* ---- infer.c, infer_window.c ------------------------------------------------------------------------------------- */

/* The result's dtype and shape from node->op, inputs and attributes; checks all of these. node->output is not read. */
tw_status tw_infer(const tw_node *node, tw_dtype *ret_dtype, tw_shape *ret_shape, tw_error *error);
tw_status tw_infer_conv(const tw_node *node, tw_shape *ret_shape, tw_error *error);
tw_status tw_infer_pool(const tw_node *node, tw_shape *ret_shape, tw_error *error);
/* "node 'stem' (Conv): ...", TW_E_FORMAT. */
tw_status tw_infer_wrong(const tw_node *node, tw_error *error, const char *format, ...) TW_PRINTF(3, 4);

/* numpy's broadcasting; false when the shapes do not fit. */
bool tw_shape_broadcast(const tw_shape *a, const tw_shape *b, tw_shape *ret_shape);
/* Every dimension at least 1 and the bytes within TW_MAX_TENSOR_BYTES. `what` opens the message. */
tw_status tw_shape_check(const char *what, const tw_shape *shape, tw_dtype dtype, tw_error *error);

bool tw_dtype_is_float(tw_dtype dtype);

/* ---- attributes.c ------------------------------------------------------------------------------------------------ */

enum { TW_ATTRIBUTE_NUMBERS = 40 };

/* Defaults filled in, fields that node->op has not set to 0. */
void tw_attributes_normalise(tw_node *node);
/* All fields as numbers in a fixed order, floats by their bits: equal exactly when the attributes are. */
void tw_attributes_numbers(const tw_attributes *attributes, uint64_t ret_numbers[TW_ATTRIBUTE_NUMBERS]);

#endif
