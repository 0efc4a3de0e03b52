/* Reading TensorFlow's GraphDef, the message that a frozen network is. Walked twice, first to count and then to fill,
 * so that memory is asked only for what is there. Field numbers are those of tensorflow/core/framework. */
#include "formats/graphdef_reader.h"

enum { GRAPH_NODE = 1, GRAPH_LIBRARY = 2, GRAPH_VERSION = 3, GRAPH_VERSIONS = 4, NODE_LAST = 7 };

/* Fields of a newer TensorFlow are skipped. */
static tw_status count_nodes(const tw_wire_reader *reader, size_t *ret_count, tw_error *error) {
  size_t count = 0;
  tw_wire wire = tw_wire_open(reader->file);
  tw_wire_field field;
  while (tw_wire_next(&wire, &field)) {
    tw_bytes ignored;
    if (field.number == GRAPH_NODE) {
      TW_TRY(tw_wire_take_bytes(reader, &wire, &field, "a node", &ignored, error));
      count++;
    }
  }
  TW_TRY(tw_wire_ended(reader, &wire, "the network", error));
  if (count > TW_GRAPHDEF_MAX_NODES) {
    return tw_error_set(error, TW_E_LIMIT, "the network has %zu nodes; the limit is %zu", count, TW_GRAPHDEF_MAX_NODES);
  }
  *ret_count = count;
  return TW_OK;
}

/* Elements that one value stands for are bounded by what the file holds: a small file cannot ask for much. */
static size_t most_expanded(size_t file) {
  enum { FACTOR = 16 };
  return file > TW_GRAPHDEF_MAX_EXPANDED / FACTOR ? TW_GRAPHDEF_MAX_EXPANDED
                                                  : TW_GRAPHDEF_EXPANDED_BASE + FACTOR * file;
}

tw_status tw_graphdef_read(tw_bytes file, tw_arena *arena, tw_tf_graph *ret_graph, tw_error *error) {
  tw_wire_reader reader = {.file = file,
                           .arena = arena,
                           .attributes_left = TW_GRAPHDEF_MAX_ATTRIBUTES,
                           .values_left = TW_GRAPHDEF_MAX_INPUTS,
                           .bytes_left = most_expanded(file.size)};
  tw_tf_graph graph = {0};
  size_t count;
  TW_TRY(count_nodes(&reader, &count, error));
  graph.nodes = tw_arena_alloc(arena, count, sizeof *graph.nodes);
  if (graph.nodes == NULL) {
    return tw_error_memory(error);
  }
  tw_wire wire = tw_wire_open(file);
  tw_wire_field field;
  while (tw_wire_next(&wire, &field)) {
    if (field.number == GRAPH_NODE) {
      TW_TRY(tw_graphdef_read_node(&reader, field.bytes, &graph.nodes[graph.node_count], error));
      graph.node_count++;
    }
  }
  *ret_graph = graph;
  return TW_OK;
}

/* ---- What a file is ---------------------------------------------------------------------------------------------- */

/* The first byte of a message of which only the head may be there: a field of bytes, of a node's numbers. */
static bool begins_like_a_node(const tw_wire *wire) {
  uint64_t tag = 0;
  uint64_t size;
  tw_wire inner = *wire;
  if (!tw_wire_varint(&inner, &tag) || tag != (GRAPH_NODE << 3 | TW_WIRE_BYTES) || !tw_wire_varint(&inner, &size)) {
    return false;
  }
  return tw_wire_varint(&inner, &tag) && (tag & 7) == TW_WIRE_BYTES && tag >> 3 >= 1 && tag >> 3 <= NODE_LAST;
}

bool tw_graphdef_sniff(tw_bytes head) {
  tw_wire wire = tw_wire_open(head);
  tw_wire_field field;
  do { /* versions and a library may come before the first node */
    if (begins_like_a_node(&wire)) {
      return true;
    }
  } while (tw_wire_next(&wire, &field) &&
           (field.type == TW_WIRE_BYTES ? field.number == GRAPH_LIBRARY || field.number == GRAPH_VERSIONS
                                        : field.number == GRAPH_VERSION && field.type == TW_WIRE_VARINT));
  return false;
}
