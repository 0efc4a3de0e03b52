/* Which nodes hurt most in int8. */
#ifndef TW_ENGINE_WORST_H
#define TW_ENGINE_WORST_H

#include "engine/quantised.h"

/* Fills ret_order (room for quantised->node_count) with indices of its nodes, the worst first. */
tw_status tw_worst_nodes(const tw_graph *graph, const tw_quantised *quantised, const tw_sample *sample,
                         size_t *ret_order, tw_error *error);

#endif
