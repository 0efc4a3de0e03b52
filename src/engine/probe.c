/* A graph with more of its values among the outputs. */
#include "engine/probe.h"

tw_status tw_probe_init(tw_probe *probe, const tw_graph *graph, const tw_value *const *values, size_t count,
                        tw_error *error) {
  size_t *place = tw_alloc(graph->value_count, sizeof *place); /* by value->index: which output, from 1 */
  *probe = (tw_probe){.graph = *graph};
  probe->graph.outputs = tw_alloc(graph->output_count + count, sizeof(tw_value *));
  probe->output_of = tw_alloc(count, sizeof *probe->output_of);
  if (place == NULL || probe->graph.outputs == NULL || probe->output_of == NULL) {
    tw_free(place);
    return tw_error_memory(error);
  }
  size_t outputs = 0;
  for (; outputs < graph->output_count; outputs++) {
    probe->graph.outputs[outputs] = graph->outputs[outputs];
    place[graph->outputs[outputs]->index] = outputs + 1;
  }
  for (size_t i = 0; i < count; i++) {
    const tw_value *value = values[i];
    if (value->producer == NULL) {
      continue;
    }
    if (place[value->index] == 0) {
      probe->graph.outputs[outputs++] = value->producer->output;
      place[value->index] = outputs;
    }
    probe->output_of[i] = place[value->index] - 1;
  }
  probe->graph.output_count = outputs;
  tw_free(place);
  return TW_OK;
}

void tw_probe_done(tw_probe *probe) {
  tw_free(probe->graph.outputs);
  tw_free(probe->output_of);
}
