/* Reading a constant's elements, and giving back the memory that they take. Computing with them is evaluate.c. */
#include <string.h>

#include "graph/graph.h"

/* Elements next to each other, each with a factor of its own. */
static void scale_each(const uint8_t *from, const double *factors, size_t count, float *to) {
  for (size_t i = 0; i < count; i++) {
    float element;
    memcpy(&element, from + i * sizeof element, sizeof element);
    to[i] = (float)((double)element * factors[i]);
  }
}

static void scale_run(const uint8_t *from, double factor, size_t count, float *to) {
  for (size_t i = 0; i < count; i++) {
    float element;
    memcpy(&element, from + i * sizeof element, sizeof element);
    to[i] = (float)((double)element * factor);
  }
}

void tw_constant_floats(const tw_value *constant, float *to) {
  const tw_scaling *scaling = constant->scaling;
  const uint8_t *from = constant->data;
  if (scaling == NULL) {
    memcpy(to, from, constant->data_size);
    return;
  }
  size_t plane = scaling->channels * scaling->inner;
  for (size_t i = 0; i < scaling->outer; i++, from += plane * sizeof *to, to += plane) {
    if (scaling->inner == 1) {
      scale_each(from, scaling->factors, scaling->channels, to);
      continue;
    }
    for (size_t c = 0; c < scaling->channels; c++) {
      size_t first = c * scaling->inner;
      scale_run(from + first * sizeof *to, scaling->factors[c], scaling->inner, to + first);
    }
  }
}

void tw_graph_release(const tw_graph *graph, const tw_value *constant) {
  uintptr_t begin = (uintptr_t)graph->mapped.data;
  uintptr_t at = (uintptr_t)constant->data;
  if (at >= begin && at - begin < graph->mapped.size) {
    tw_map_release((tw_bytes){constant->data, constant->data_size});
  }
}
