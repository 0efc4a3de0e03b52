/* Fuzz target: a GraphDef. What imports must verify, optimise, and come back from ONNX with the same hash for every
 * output; its preprocessing must be one that can be read. */
#include <string.h>

#include "graph_checks.h"
#include "image/image.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void through_onnx(const tw_graph *graph) {
  tw_buffer file = {0};
  tw_graph *again = NULL;
  tw_error error = {0};
  tw_status status = tw_graph_export_onnx(graph, NULL, 0, &file, &error);
  check(status == TW_OK || status == TW_E_UNSUPPORTED || status == TW_E_LIMIT);
  if (status == TW_OK) {
    check(tw_graph_import_bytes(tw_buffer_bytes(&file), &again, &error) == TW_OK);
    same_hashes(graph, again);
  }
  tw_graph_free(again);
  tw_buffer_done(&file);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  tw_graph *graph = NULL;
  tw_error error = {0};
  tw_preprocess preprocess;
  tw_status status = tw_graph_import_bytes((tw_bytes){data, size}, &graph, &error);
  if (status != TW_OK) {
    check(status == error.code && error.message[0] != '\0' && strchr(error.message, '\n') == NULL);
    return 0;
  }
  check(tw_graph_verify(graph, &error) == TW_OK);
  check(graph->preprocessing == NULL || tw_preprocess_parse(graph->preprocessing, &preprocess, &error) == TW_OK);
  optimise_copy(graph);
  through_onnx(graph);
  tw_graph_free(graph);
  return 0;
}
