/* A graph with more of its values among the outputs, to look at what flows in it. */
#ifndef TW_ENGINE_PROBE_H
#define TW_ENGINE_PROBE_H

#include "engine/engine.h"

typedef struct tw_probe {
  tw_graph graph;    /* borrows all but its list of outputs: first the graph's own, then the values, each once */
  size_t *output_of; /* by value: which output it is; of the graph's input none (0) */
} tw_probe;

/* Needs tw_probe_done, also after a failure. */
tw_status tw_probe_init(tw_probe *probe, const tw_graph *graph, const tw_value *const *values, size_t count,
                        tw_error *error);
void tw_probe_done(tw_probe *probe);

#endif
