/* All passes, in order. */
#include "graph/internal.h"

typedef struct pass {
  const char *name;
  tw_status (*run)(tw_graph *graph, tw_error *error);
} pass;

static const pass passes[] = {
    {"fold constants", tw_graph_fold_for_engine},
    {"remove identities", tw_graph_remove_identities},
    {"fold batch norms", tw_graph_fold_batch_norms},
    {"fuse", tw_graph_fuse},
};

tw_status tw_graph_optimise(tw_graph *graph, tw_pass_observer observe, void *context, tw_error *error) {
  for (size_t i = 0; i < sizeof passes / sizeof *passes; i++) {
    tw_status status = passes[i].run(graph, error);
#ifndef NDEBUG
    if (status == TW_OK) {
      status = tw_graph_verify(graph, error);
    }
#endif
    if (status != TW_OK) {
      return tw_error_prefix(error, status, "%s", passes[i].name);
    }
    if (observe != NULL) {
      observe(context, passes[i].name, graph);
    }
  }
  return TW_OK;
}
