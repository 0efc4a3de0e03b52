/* All passes, in order. */
#include "graph/internal.h"

typedef struct pass {
  const char *name;
  tw_status (*run)(tw_graph *graph, tw_error *error);
} pass;

enum { PASS_COUNT = 4 };

static tw_status run(const pass passes[PASS_COUNT], tw_graph *graph, tw_pass_observer observe, void *context,
                     tw_error *error) {
  for (size_t i = 0; i < PASS_COUNT; i++) {
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

tw_status tw_graph_optimise(tw_graph *graph, tw_pass_observer observe, void *context, tw_error *error) {
  static const pass passes[PASS_COUNT] = {
      {"fold constants", tw_graph_fold_for_engine},
      {"remove identities", tw_graph_remove_identities},
      {"fold batch norms", tw_graph_fold_batch_norms},
      {"fuse", tw_graph_fuse},
  };
  return run(passes, graph, observe, context, error);
}

tw_status tw_graph_optimise_for_plan(tw_graph *graph, tw_error *error) {
  static const pass passes[PASS_COUNT] = {
      {"fold constants", tw_graph_fold_for_engine},
      {"remove identities", tw_graph_remove_identities},
      {"fold batch norms", tw_graph_fold_batch_norms_late},
      {"fuse", tw_graph_fuse},
  };
  return run(passes, graph, NULL, NULL, error);
}
