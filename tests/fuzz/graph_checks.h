/* What the fuzz targets of networks check alike. */
#ifndef TW_FUZZ_GRAPH_CHECKS_H
#define TW_FUZZ_GRAPH_CHECKS_H

#include <stdio.h>
#include <stdlib.h>

#include "graph/graph.h"

static inline void check_at(bool fine, const char *file, int line, const char *what) {
  if (!fine) {
    fprintf(stderr, "%s:%d: not so: %s\n", file, line, what);
    abort();
  }
}
#define check(fine) check_at(fine, __FILE__, __LINE__, #fine)

static inline void optimise_copy(const tw_graph *graph) {
  tw_error error = {0};
  tw_graph *copy = NULL;
  check(tw_graph_copy(graph, &copy, &error) == TW_OK);
  tw_status status = tw_graph_optimise(copy, NULL, NULL, &error);
  check(status == TW_OK || status == TW_E_LIMIT);
  check(status != TW_OK || tw_graph_verify(copy, &error) == TW_OK);
  tw_graph_free(copy);
}

/* Every output of both. */
static inline void same_hashes(const tw_graph *a, const tw_graph *b) {
  check(a->output_count == b->output_count);
  for (size_t i = 0; i < a->output_count; i++) {
    tw_hash left;
    tw_hash right;
    check(tw_graph_hash(a, a->outputs[i], &left, NULL) == TW_OK);
    check(tw_graph_hash(b, b->outputs[i], &right, NULL) == TW_OK);
    check(tw_hash_compare(&left, &right) == 0);
  }
}

#endif
