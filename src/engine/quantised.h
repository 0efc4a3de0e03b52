/* A tw_quantised from inside the engine's floor. */
#ifndef TW_ENGINE_QUANTISED_H
#define TW_ENGINE_QUANTISED_H

#include "engine/flow.h"

/* A node with weights. y = scales[o] * sum(weights[o] * byte-wise differences from zero) + biases[o], where the scales
 * of what is read are in the weights already. */
typedef struct tw_quantised_node {
  size_t index;          /* in the graph's nodes */
  tw_hash fingerprint;   /* of the node in its graph */
  bool wide;             /* stays in float32; what follows is then not used */
  size_t channels;       /* of the result */
  size_t size;           /* of the weights */
  float *scales;         /* a channel */
  float *biases;         /* a channel */
  const int8_t *weights; /* as the graph's lie: channels x inputs of the group x kernel */
} tw_quantised_node;

/* A source of the flow: x = scale * (byte - zero). */
typedef struct tw_quantised_source {
  size_t producer; /* node; TW_FLOW_INPUT: the graph's input */
  float scale;
  uint8_t zero;
} tw_quantised_source;

struct tw_quantised {
  tw_arena *arena;
  size_t graph_nodes; /* of the whole graph */
  size_t node_count;
  tw_quantised_node *nodes; /* by index */
  size_t source_count;
  tw_quantised_source *sources; /* by producer; the input comes last */
  tw_fidelity fidelity;
  tw_hash hash;
};

/* Without content but for the arena; NULL when out of memory. */
tw_quantised *tw_quantised_create(void);

/* What a node is known by: operator, attributes, shapes, and the first of its weights. */
tw_status tw_quantised_fingerprint(const tw_node *node, tw_hash *ret_hash, tw_error *error);
/* TW_E_DATA, with the node's name, when it was made from another network. */
tw_status tw_quantised_check(const tw_quantised *quantised, const tw_graph *graph, tw_error *error);

const tw_quantised_source *tw_quantised_source_of(const tw_quantised *quantised, size_t producer); /* or NULL */
/* Channel by channel what the value's sources have; room for its channels in both. TW_E_DATA: a source without. */
tw_status tw_quantised_scales(const tw_quantised *quantised, const tw_flow *flow, const tw_value *value,
                              float *ret_scales, uint8_t *ret_zeros, tw_error *error);

#endif
