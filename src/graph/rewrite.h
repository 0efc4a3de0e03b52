/* What passes that merge nodes share: the graph's nodes are moved, in order, into a new list, where a node that absorbs
 * its only user takes that user's place and result. */
#ifndef TW_GRAPH_REWRITE_H
#define TW_GRAPH_REWRITE_H

#include "graph/internal.h"

typedef struct tw_rewrite {
  tw_graph *graph;
  uint32_t *uses;   /* by value index, of the values that were there at the beginning */
  size_t *places;   /* in the new list, of a value's producer; as above */
  size_t use_count; /* length of both */
  tw_node **nodes;  /* the new list; in the arena */
  size_t node_count;
  size_t node_capacity;
} tw_rewrite;

tw_status tw_rewrite_begin(tw_graph *graph, tw_rewrite *ret_rewrite, tw_error *error);
/* Gives the graph the new list and sweeps it, unless `status` says that the pass failed. */
tw_status tw_rewrite_end(tw_rewrite *rewrite, tw_status status, tw_error *error);

tw_status tw_rewrite_append(tw_rewrite *rewrite, tw_node *node, tw_error *error);
/* `node`, whose output `user` alone uses, is appended in the place of `user` and gives its result. */
tw_status tw_rewrite_absorb(tw_rewrite *rewrite, tw_node *node, const tw_node *user, tw_error *error);

/* The node of the new list whose result is `value`, if it has the operator, and one node alone uses the result, and no
 * activation is on it; NULL otherwise. */
tw_node *tw_rewrite_sole_producer(const tw_rewrite *rewrite, const tw_value *value, tw_op op);

#endif
