/* Writing a graph as a frozen GraphDef of TensorFlow. The graph is NCHW, the file NHWC; which operator becomes what is
 * in the files graphdef_export_*.c, formats/graphdef_write.c knows the bytes.
 *
 * A copy of the graph is written whose constants are folded, so that all weights are at hand; those that were halves
 * become halves again, as nothing is lost by it. */
#include <string.h>

#include "graph/graphdef_export.h"

/* All is float32 once the constants are folded. */
static tw_status check_node(const tw_node *node, tw_error *error) {
  const tw_value *other = node->output->dtype == TW_DTYPE_F32 ? NULL : node->output;
  if (node->attributes.activation != TW_ACTIVATION_NONE || (node->op == TW_OP_CONV && node->input_count > 3) ||
      node->attributes.flat_softmax) {
    return tw_export_refuse(node, TW_E_ARGUMENT, "a fused network cannot be written as GraphDef", error);
  }
  for (size_t i = 0; i < node->input_count; i++) {
    const tw_value *input = node->inputs[i];
    other = input != NULL && input->dtype != TW_DTYPE_F32 ? input : other;
  }
  if (other != NULL) {
    char why[96];
    snprintf(why, sizeof why, "computes with %s; only float32 can be written", tw_dtype_name(other->dtype));
    return tw_export_refuse(node, TW_E_UNSUPPORTED, why, error);
  }
  return TW_OK;
}

static tw_status check_graph(const tw_graph *graph, tw_error *error) {
  if (graph->input_count != 1) {
    return tw_error_set(error, TW_E_UNSUPPORTED, "the network has %zu inputs; one can be written", graph->input_count);
  }
  for (size_t i = 0; i < graph->node_count; i++) {
    TW_TRY(check_node(graph->nodes[i], error));
  }
  return TW_OK;
}

/* The output may be the input or a constant. */
static void give_output(tw_exporter *to) {
  const tw_value *output = to->graph->outputs[0];
  if (output->producer == NULL) {
    const char *operand = tw_export_operand(to, output, tw_export_order_of(to, output));
    tw_export_simple(to, to->output_name, "Identity", operand, NULL);
  }
}

static tw_status export_nodes(tw_exporter *to, tw_graphdef_input input, const tw_preprocess *preprocess,
                              const char *output_name, tw_error *error) {
  TW_TRY(check_graph(to->graph, error));
  to->slots = tw_arena_alloc(to->scratch, to->graph->value_count, sizeof *to->slots);
  if (to->slots == NULL) {
    return tw_error_memory(error);
  }
  to->output_name = tw_export_name(to, output_name);
  TW_TRY(tw_export_begin(to, input, preprocess, error));
  for (size_t i = 0; !to->failed && i < to->graph->node_count; i++) {
    TW_TRY(tw_export_operator(to, to->graph->nodes[i], error));
  }
  give_output(to);
  if (to->too_many) {
    return tw_error_set(error, TW_E_LIMIT, "the network takes more than the %zu nodes that can be written",
                        TW_GRAPHDEF_MAX_NODES);
  }
  return to->failed ? tw_error_memory(error) : TW_OK;
}

static tw_status write_nodes(tw_exporter *to, tw_buffer *buffer, tw_error *error) {
  tw_tf_graph file = {.nodes = tw_arena_alloc(to->scratch, to->node_count, sizeof *file.nodes)};
  if (file.nodes == NULL) {
    return tw_error_memory(error);
  }
  for (size_t i = 0; i < to->node_count; i++) {
    file.nodes[file.node_count++] = *to->nodes[i];
  }
  return tw_graphdef_write(&file, buffer, error);
}

static tw_status prepare(const tw_graph *graph, tw_graph **ret_copy, tw_error *error) {
  if (graph->output_count == 0) {
    return tw_error_set(error, TW_E_ARGUMENT, "a network without an output cannot be written");
  }
  tw_graph *copy;
  TW_TRY(tw_graph_copy(graph, &copy, error));
  tw_status status = tw_graph_cut(copy, copy->outputs, 1, error);
  if (status == TW_OK) {
    status = tw_graph_fold_constants(copy, error);
  }
  if (status != TW_OK) {
    tw_graph_free(copy);
    return status;
  }
  *ret_copy = copy;
  return TW_OK;
}

tw_status tw_graph_export_graphdef(const tw_graph *graph, tw_graphdef_input input, const tw_preprocess *preprocess,
                                   const char *output_name, tw_buffer *buffer, tw_error *error) {
  tw_exporter to = {.scratch = tw_arena_create()};
  tw_status status = to.scratch == NULL ? tw_error_memory(error) : prepare(graph, &to.graph, error);
  if (status == TW_OK) {
    status = export_nodes(&to, input, preprocess, output_name, error);
  }
  if (status == TW_OK) {
    status = write_nodes(&to, buffer, error);
  }
  tw_names_done(&to.taken);
  tw_graph_free(to.graph);
  tw_arena_free(to.scratch);
  return status;
}
