/* From a GraphDef to our graph: the steps in order. What each operator becomes is in tf_operators.c. */
#include "graph/tf_import.h"

#include <string.h>

static tw_status convert_needed(tw_tf_importer *importer, tw_error *error) {
  tw_tf_begin_walks(importer);
  for (size_t i = 0; i < importer->file.node_count; i++) {
    tw_tf_slot *slot = &importer->slots[i];
    if (slot->needed && !slot->before_input) {
      TW_TRY(tw_tf_walk(importer, slot, true, tw_tf_convert, error));
    }
  }
  return TW_OK;
}

static tw_status check_output(const tw_tf_slot *slot, tw_error *error) {
  if (slot->value == NULL || slot->value->producer == NULL) {
    return tw_tf_wrong(slot->node, TW_E_UNSUPPORTED, error, "it is an output that does not depend on the input");
  }
  if (slot->shape.rank < 1 || slot->shape.dims[0] != 1) {
    char text[TW_SHAPE_TEXT_SIZE];
    return tw_tf_wrong(slot->node, TW_E_UNSUPPORTED, error,
                       "the output has the shape %s for one picture; its first dimension must be the batch",
                       tw_shape_text(&slot->shape, text));
  }
  return TW_OK;
}

static tw_status add_outputs(tw_tf_importer *importer, tw_error *error) {
  for (size_t i = 0; i < importer->output_count; i++) {
    TW_TRY(check_output(importer->outputs[i], error));
    TW_TRY(tw_graph_add_output(importer->graph, importer->outputs[i]->value, error));
  }
  return TW_OK;
}

/* What constants may take that follow from others: bounded by the file. */
static size_t room_for_constants(size_t file) {
  enum { FACTOR = 16 };
  const size_t base = (size_t)64 << 20;
  return file > TW_MAX_FOLDED_BYTES / FACTOR ? TW_MAX_FOLDED_BYTES : base + FACTOR * file;
}

static tw_status build(tw_tf_importer *importer, tw_error *error) {
  TW_TRY(tw_tf_link(importer, error));
  TW_TRY(tw_tf_find_outputs(importer, error));
  TW_TRY(tw_tf_mark_needed(importer, error));
  TW_TRY(tw_tf_find_input(importer, error));
  TW_TRY(convert_needed(importer, error));
  TW_TRY(add_outputs(importer, error));
  return tw_graph_sweep(importer->graph, error);
}

/* The file's structures live as long as the graph: elements that the file does not spell out are among them. */
tw_status tw_tf_import(tw_bytes file, const tw_graph_hints *hints, tw_graph *graph, tw_error *error) {
  tw_tf_importer importer = {
      .hints = hints, .graph = graph, .scratch = tw_arena_create(), .room_left = room_for_constants(file.size)};
  tw_status status = importer.scratch == NULL ? tw_error_memory(error) : TW_OK;
  graph->colours_last = true;
  if (status == TW_OK) {
    status = tw_graphdef_read(file, graph->arena, &importer.file, error);
  }
  if (status == TW_OK) {
    status = build(&importer, error);
  }
  tw_names_done(&importer.names);
  tw_arena_free(importer.scratch);
  return status;
}
