/* Writes GraphDefs for check_graphdef_export.py, which `topwork export` does of models only.
 *
 *   export_network NETWORK GRAPH.pb   the network's first output
 *   export_network FOLDER             all of the suite's small networks, as NAME.onnx and NAME.pb */
#include "unit/graphdef_networks.h"

static tw_status export_graph(const tw_graph *graph, const char *path, tw_error *error) {
  tw_buffer file = {0};
  tw_status status = tw_graph_export_graphdef(graph, TW_GRAPHDEF_FLOAT, NULL, "final_result", &file, error);
  if (status == TW_OK) {
    status = tw_output_save(path, tw_buffer_bytes(&file), error);
  }
  tw_buffer_done(&file);
  return status;
}

static tw_status export_network(const char *network, const char *path, tw_error *error) {
  tw_graph *graph;
  TW_TRY(tw_graph_import(network, &graph, error));
  tw_status status = export_graph(graph, path, error);
  tw_graph_free(graph);
  return status;
}

static tw_status export_small(const network *network, const char *folder, tw_error *error) {
  char *onnx = tw_format("%s/%s.onnx", folder, network->name);
  char *path = tw_format("%s/%s.pb", folder, network->name);
  builder b;
  network->build(&b);
  tw_status status = tw_onnx_write(&b.model, &b.file, error);
  if (status == TW_OK) {
    status = tw_output_save(onnx, tw_buffer_bytes(&b.file), error);
  }
  if (status == TW_OK) {
    status = export_network(onnx, path, error);
  }
  builder_done(&b);
  tw_free(onnx);
  tw_free(path);
  return status;
}

int main(int count, char **arguments) {
  tw_error error = {0};
  tw_status status = TW_OK;
  if (count == 3) {
    status = export_network(arguments[1], arguments[2], &error);
  } else if (count == 2) {
    for (size_t i = 0; status == TW_OK && i < network_count; i++) {
      status = export_small(&networks[i], arguments[1], &error);
    }
  } else {
    fprintf(stderr, "export_network NETWORK GRAPH.pb, or export_network FOLDER\n");
    return 2;
  }
  if (status != TW_OK) {
    fprintf(stderr, "%s\n", error.message);
  }
  return status == TW_OK ? 0 : 1;
}
