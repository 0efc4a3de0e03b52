/* Writes a bare network's first output as GraphDef, for check_graphdef_export.py: export_network NETWORK GRAPH.pb.
 * `topwork export` writes models only. */
#include <stdio.h>

#include "base/base.h"
#include "graph/graph.h"

int main(int count, char **arguments) {
  tw_error error = {0};
  tw_graph *graph = NULL;
  tw_buffer file = {0};
  if (count != 3) {
    fprintf(stderr, "export_network NETWORK GRAPH.pb\n");
    return 2;
  }
  tw_status status = tw_graph_import(arguments[1], &graph, &error);
  if (status == TW_OK) {
    status = tw_graph_export_graphdef(graph, TW_GRAPHDEF_FLOAT, NULL, "final_result", &file, &error);
  }
  if (status == TW_OK) {
    status = tw_output_save(arguments[2], tw_buffer_bytes(&file), &error);
  }
  if (status != TW_OK) {
    fprintf(stderr, "%s\n", error.message);
  }
  tw_buffer_done(&file);
  tw_graph_free(graph);
  return status == TW_OK ? 0 : 1;
}
