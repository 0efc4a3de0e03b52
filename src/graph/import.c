/* Opening a network's file: maps it, tells its format by its content, and hands it to that format's importer. */
#include <string.h>

#include "formats/formats.h"
#include "graph/internal.h"
#include "graph/onnx_import.h"
#include "graph/tf_import.h"

/* What a file that is no network looks like to its owner. */
static tw_status not_a_network(tw_bytes file, tw_error *error) {
  if (file.size == 0) {
    return tw_error_set(error, TW_E_FORMAT, "the file is empty; it should be a network in ONNX format or a GraphDef");
  }
  if (file.size > 5 && (memcmp(file.data, "node {", 6) == 0 || memcmp(file.data, "node{", 5) == 0)) {
    return tw_error_set(error, TW_E_UNSUPPORTED, "this is a GraphDef written as text; save it in its binary form");
  }
  return tw_error_set(error, TW_E_FORMAT, "this is neither a network in ONNX format nor a GraphDef of TensorFlow");
}

static tw_status import(tw_bytes file, const tw_graph_hints *hints, tw_graph *graph, tw_error *error) {
  if (file.size > TW_MAX_NETWORK_FILE) {
    return tw_error_set(error, TW_E_LIMIT, "the file has %zu bytes; the limit is %zu", file.size, TW_MAX_NETWORK_FILE);
  }
  if (tw_graphdef_sniff(file)) {
    TW_TRY(tw_tf_import(file, hints, graph, error));
  } else if (tw_onnx_sniff(file)) {
    TW_TRY(tw_onnx_import(file, graph, error));
  } else {
    return not_a_network(file, error);
  }
#ifndef NDEBUG
  TW_TRY(tw_graph_verify(graph, error));
#endif
  return TW_OK;
}

static tw_status import_bytes(tw_bytes file, const tw_graph_hints *hints, tw_graph **ret_graph, tw_error *error) {
  static const tw_graph_hints none = {0};
  tw_graph *graph = tw_graph_create();
  tw_status status = graph == NULL ? tw_error_memory(error) : import(file, hints == NULL ? &none : hints, graph, error);
  if (status != TW_OK) {
    tw_graph_free(graph);
    return status;
  }
  *ret_graph = graph;
  return TW_OK;
}

tw_status tw_graph_import_bytes(tw_bytes file, tw_graph **ret_graph, tw_error *error) {
  return import_bytes(file, NULL, ret_graph, error);
}

tw_status tw_graph_import_hinted(const char *path, const tw_graph_hints *hints, tw_graph **ret_graph, tw_error *error) {
  tw_map *map;
  TW_TRY(tw_map_open(path, &map, error));
  struct tw_graph_source *source = tw_alloc(1, sizeof *source);
  tw_graph *graph = NULL;
  tw_status status = source == NULL ? tw_error_memory(error) : import_bytes(tw_map_bytes(map), hints, &graph, error);
  if (status != TW_OK) {
    tw_map_close(map);
    tw_free(source);
    return tw_error_prefix(error, status, "%s", path);
  }
  source->map = map;
  graph->source = source;
  graph->mapped = tw_map_bytes(map);
  *ret_graph = graph;
  return TW_OK;
}

tw_status tw_graph_import(const char *path, tw_graph **ret_graph, tw_error *error) {
  return tw_graph_import_hinted(path, NULL, ret_graph, error);
}
