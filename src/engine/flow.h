/* What of a graph runs in int8, as far as its structure says: the same on every processor. Knows no kernels.
 *
 * The idea: convolutions compute in bytes, and what stands between them (pools, joins) only passes bytes on, with the
 * scales of what it reads. So a scale belongs to a source: the graph's input, or the result of any other node. */
#ifndef TW_ENGINE_FLOW_H
#define TW_ENGINE_FLOW_H

#include "engine/engine.h"

typedef struct tw_flow {
  const tw_graph *graph;
  size_t *node_of; /* by value->index: the node that makes it; TW_FLOW_INPUT for the rest */
  bool *narrow;    /* by value->index: somebody wants it in bytes */
} tw_flow;
#define TW_FLOW_INPUT SIZE_MAX

/* Convolutions of pictures with constant weights (and what a convolution adds has one scale). */
bool tw_flow_takes_int8(const tw_node *node);
/* The constant that holds these float32 weights, and the distance there between neighbours along each dimension, in
 * elements. They may be a transposed constant (a GraphDef's). NULL when they are none. */
const tw_value *tw_flow_weights(const tw_value *value, size_t ret_strides[TW_MAX_RANK]);
/* The channel-by-channel ones: their weights meet one byte each and may be twice as large. */
bool tw_flow_is_depthwise(const tw_node *node);
/* The average of all pixels of a picture: from bytes, but never to them. */
bool tw_flow_averages(const tw_node *node);
/* Max pools, other average pools and joins of channels, of bytes. */
bool tw_flow_passes(const tw_node *node);

/* int8[i]: node i (one that takes it) runs in int8. Needs tw_flow_done, also after a failure. */
tw_status tw_flow_init(tw_flow *flow, const tw_graph *graph, const bool *int8, tw_error *error);
void tw_flow_done(tw_flow *flow);

/* The source that gives the value its one scale; NULL when there are several. */
const tw_value *tw_flow_source(const tw_value *value);
/* The value is somebody's source: no pool or join of others. */
bool tw_flow_is_source(const tw_value *value);

#endif
