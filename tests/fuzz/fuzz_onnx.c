/* Fuzz target: an ONNX file. What imports must verify, optimise, and come back from its own export with the same hash
 * for every output and the same bytes. */
#include "formats/formats.h"
#include "graph_checks.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void export_and_import(const tw_graph *graph) {
  tw_buffer first = {0};
  tw_buffer second = {0};
  tw_graph *again = NULL;
  tw_error error = {0};
  tw_status status = tw_graph_export_onnx(graph, graph->metadata, graph->metadata_count, &first, &error);
  if (status == TW_OK) {
    check(tw_graph_import_bytes(tw_buffer_bytes(&first), &again, &error) == TW_OK);
    same_hashes(graph, again);
    check(tw_graph_export_onnx(again, again->metadata, again->metadata_count, &second, &error) == TW_OK);
    check(tw_bytes_equal(tw_buffer_bytes(&first), tw_buffer_bytes(&second)));
  } else {
    check(status == TW_E_UNSUPPORTED || status == TW_E_LIMIT);
  }
  tw_graph_free(again);
  tw_buffer_done(&first);
  tw_buffer_done(&second);
}

/* What is written for TensorFlow is a GraphDef at least. */
static void export_graphdef(const tw_graph *graph) {
  tw_buffer file = {0};
  tw_error error = {0};
  tw_status status = tw_graph_export_graphdef(graph, TW_GRAPHDEF_FLOAT, NULL, "final_result", &file, &error);
  if (status == TW_OK) {
    tw_arena *arena = tw_arena_create();
    tw_tf_graph read;
    check(arena != NULL && tw_graphdef_read(tw_buffer_bytes(&file), arena, &read, &error) == TW_OK);
    check(read.node_count > 0);
    tw_arena_free(arena);
  } else {
    check((status == TW_E_UNSUPPORTED || status == TW_E_LIMIT) && file.size == 0 && error.message[0] != '\0');
  }
  tw_buffer_done(&file);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  tw_graph *graph = NULL;
  tw_error error = {0};
  tw_status status = tw_graph_import_bytes((tw_bytes){data, size}, &graph, &error);
  if (status != TW_OK) {
    check(status == error.code && error.message[0] != '\0' && status != TW_E_ARGUMENT);
    return 0;
  }
  check(tw_graph_verify(graph, &error) == TW_OK);
  optimise_copy(graph);
  export_and_import(graph);
  export_graphdef(graph);
  tw_graph_free(graph);
  return 0;
}
