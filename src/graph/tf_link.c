/* A GraphDef's nodes as a graph: who uses whom, what of it is needed, and which nodes are the network's outputs. Files
 * of real training runs hold much beside the network: summaries, savers, pictures' decoders; what no output needs is
 * not looked at, whatever its operator. */
#include <string.h>

#include "graph/tf_import.h"

struct tw_tf_visit {
  tw_tf_slot *slot;
  size_t next; /* input to look at */
};

enum { SLOT_NEW = 0, SLOT_OPEN, SLOT_DONE };

static bool is_op(const tw_tf_slot *slot, const char *op) {
  return tw_bytes_is(slot->node->op, op);
}

/* ---- Names ------------------------------------------------------------------------------------------------------- */

static bool is_control(tw_bytes input) {
  return input.size != 0 && input.data[0] == '^';
}

/* "name:1" without the number; *ret_output gets it. */
static tw_bytes split_output(tw_bytes input, size_t *ret_output) {
  size_t at = input.size;
  while (at > 0 && input.data[at - 1] >= '0' && input.data[at - 1] <= '9') {
    at--;
  }
  *ret_output = 0;
  if (at == 0 || at == input.size || input.size - at > 6 || input.data[at - 1] != ':') {
    return input;
  }
  for (size_t i = at; i < input.size; i++) {
    *ret_output = 10 * *ret_output + (size_t)(input.data[i] - '0');
  }
  return (tw_bytes){input.data, at - 1};
}

static tw_status link_inputs(tw_tf_importer *importer, tw_tf_slot *slot, tw_error *error) {
  const tw_tf_node *node = slot->node;
  slot->inputs = tw_arena_alloc(importer->scratch, node->input_count, sizeof(tw_tf_slot *));
  slot->outputs = tw_arena_alloc(importer->scratch, node->input_count, sizeof *slot->outputs);
  if (slot->inputs == NULL || slot->outputs == NULL) {
    return tw_error_memory(error);
  }
  for (size_t i = 0; i < node->input_count && !is_control(node->inputs[i]); i++) {
    tw_bytes name = split_output(node->inputs[i], &slot->outputs[i]);
    slot->inputs[i] = tw_names_find(&importer->names, name);
    slot->input_count++;
  }
  slot->end = slot->input_count;
  return TW_OK;
}

/* ---- What is left of a dropout ----------------------------------------------------------------------------------- */

static bool makes_random_numbers(const tw_tf_slot *slot, int depth) {
  if (slot == NULL || depth == 0) {
    return false;
  }
  bool found = is_op(slot, "RandomUniform");
  for (size_t i = 0; !found && i < slot->input_count && i < 2; i++) {
    found = makes_random_numbers(slot->inputs[i], depth - 1);
  }
  return found;
}

/* Whether the slot is literally this number. */
static bool is_number(const tw_tf_slot *slot, float number) {
  const tw_tf_tensor *tensor = slot == NULL ? NULL : tw_tf_literal(slot);
  float value;
  if (tensor == NULL || tensor->type != TW_TF_FLOAT || tensor->content.size != sizeof value) {
    return false;
  }
  memcpy(&value, tensor->content.data, sizeof value);
  return value == number;
}

/* With nothing to drop, a dropout's mask is floor(1 + u), or u >= 0 as a number, u in [0, 1): always 1. */
static bool is_full_mask(const tw_tf_slot *slot) {
  enum { DEPTH = 5 };
  if (slot == NULL || slot->input_count != 1 || slot->inputs[0] == NULL || slot->inputs[0]->input_count != 2) {
    return false;
  }
  const tw_tf_slot *inner = slot->inputs[0];
  tw_tf_slot *const *sides = inner->inputs;
  if (is_op(slot, "Floor") && (is_op(inner, "Add") || is_op(inner, "AddV2"))) {
    return (is_number(sides[0], 1) && makes_random_numbers(sides[1], DEPTH)) ||
           (is_number(sides[1], 1) && makes_random_numbers(sides[0], DEPTH));
  }
  return is_op(slot, "Cast") && is_op(inner, "GreaterEqual") && is_number(sides[1], 0) &&
         makes_random_numbers(sides[0], DEPTH);
}

/* The inputs that matter. A picture's decoder is fed from outside. */
static void find_needs(tw_tf_slot *slot) {
  if (is_op(slot, "DecodeJpeg")) {
    slot->end = 0;
  } else if (is_op(slot, "Mul") && slot->input_count == 2) {
    bool second = is_full_mask(slot->inputs[1]);
    bool first = !second && is_full_mask(slot->inputs[0]);
    slot->first = first ? 1 : 0;
    slot->end = second ? 1 : 2;
  }
}

tw_status tw_tf_link(tw_tf_importer *importer, tw_error *error) {
  size_t count = importer->file.node_count;
  importer->slots = tw_arena_alloc(importer->scratch, count, sizeof *importer->slots);
  importer->stack = tw_arena_alloc(importer->scratch, count, sizeof *importer->stack);
  importer->outputs = tw_arena_alloc(importer->scratch, count, sizeof(tw_tf_slot *));
  if (importer->slots == NULL || importer->stack == NULL || importer->outputs == NULL) {
    return tw_error_memory(error);
  }
  for (size_t i = 0; i < count; i++) {
    tw_tf_slot *slot = &importer->slots[i];
    slot->node = &importer->file.nodes[i];
    if (slot->node->name.size == 0) {
      return tw_error_set(error, TW_E_FORMAT, "node %zu of the file has no name", i + 1);
    }
    if (tw_names_find(&importer->names, slot->node->name) != NULL) {
      return tw_error_set(error, TW_E_FORMAT, "two nodes have the name '%.*s'", tw_onnx_name_length(slot->node->name),
                          slot->node->name.data);
    }
    TW_TRY(tw_names_add(&importer->names, slot->node->name, slot, error));
  }
  for (size_t i = 0; i < count; i++) {
    TW_TRY(link_inputs(importer, &importer->slots[i], error));
  }
  for (size_t i = 0; i < count; i++) {
    find_needs(&importer->slots[i]);
  }
  return TW_OK;
}

/* ---- Walking ----------------------------------------------------------------------------------------------------- */

void tw_tf_begin_walks(tw_tf_importer *importer) {
  for (size_t i = 0; i < importer->file.node_count; i++) {
    importer->slots[i].state = SLOT_NEW;
  }
}

static tw_status check_input(const tw_tf_slot *slot, size_t i, tw_error *error) {
  tw_bytes name = slot->node->inputs[i];
  const tw_tf_slot *input = slot->inputs[i];
  if (input == NULL) {
    return tw_tf_wrong(slot->node, TW_E_FORMAT, error, "its input '%.*s' is no node of the file",
                       tw_onnx_name_length(name), name.data);
  }
  if (slot->outputs[i] != 0) {
    return tw_tf_wrong(slot->node, TW_E_UNSUPPORTED, error, "it uses '%.*s', a further output of an operator %.*s",
                       tw_onnx_name_length(name), name.data, tw_onnx_name_length(input->node->op),
                       input->node->op.data);
  }
  if (input->state == SLOT_OPEN) {
    return tw_tf_wrong(slot->node, TW_E_FORMAT, error, "its input '%.*s' depends on its own result",
                       tw_onnx_name_length(name), name.data);
  }
  return TW_OK;
}

tw_status tw_tf_walk(tw_tf_importer *importer, tw_tf_slot *root, bool strict, tw_tf_visit_fn visit, tw_error *error) {
  size_t depth = 0;
  if (root->state == SLOT_NEW) {
    root->state = SLOT_OPEN;
    importer->stack[depth++] = (struct tw_tf_visit){root, root->first};
  }
  while (depth > 0) {
    struct tw_tf_visit *top = &importer->stack[depth - 1];
    tw_tf_slot *slot = top->slot;
    if (top->next == slot->end) {
      TW_TRY(visit(importer, slot, error));
      slot->state = SLOT_DONE;
      depth--;
      continue;
    }
    if (strict) {
      TW_TRY(check_input(slot, top->next, error));
    }
    tw_tf_slot *input = slot->inputs[top->next++];
    if (input != NULL && input->state == SLOT_NEW) {
      input->state = SLOT_OPEN;
      importer->stack[depth++] = (struct tw_tf_visit){input, input->first};
    }
  }
  return TW_OK;
}

/* ---- Outputs ----------------------------------------------------------------------------------------------------- */

static bool is_any(const tw_tf_slot *slot, const char *const *ops) {
  bool found = false;
  for (; *ops != NULL && !found; ops++) {
    found = is_op(slot, *ops);
  }
  return found;
}

static tw_status survey_slot(tw_tf_importer *importer, tw_tf_slot *slot, tw_error *error) {
  static const char *const inputs[] = {"Placeholder", "PlaceholderWithDefault", "DecodeJpeg", NULL};
  static const char *const weighted[] = {"Conv2D", "DepthwiseConv2dNative", "MatMul", NULL};
  static const char *const renaming[] = {"Identity", "Reshape", "Squeeze", "CheckNumerics", "StopGradient", NULL};
  (void)importer;
  (void)error;
  slot->supported = tw_tf_is_known(slot->node);
  slot->fed = is_any(slot, inputs);
  slot->weighted = is_any(slot, weighted);
  slot->softmaxed = is_op(slot, "Softmax");
  for (size_t i = slot->first; i < slot->end; i++) {
    const tw_tf_slot *input = slot->inputs[i];
    slot->supported = slot->supported && input != NULL && input->supported;
    bool circle = input != NULL && input->state == SLOT_OPEN; /* to be told when an output needs it */
    slot->fed = slot->fed || circle || (input != NULL && input->fed);
    slot->weighted = slot->weighted || (input != NULL && input->weighted);
  }
  if (is_any(slot, renaming) && slot->end > 0 && slot->inputs[0] != NULL) {
    slot->softmaxed = slot->inputs[0]->softmaxed;
  }
  return TW_OK;
}

/* Whether the slot is an end that says nothing of the network: what is before it may be an output. */
static bool is_tail(const tw_tf_slot *slot) {
  static const char *const tails[] = {
      "ArgMax", "Assert",        "HistogramSummary", "ImageSummary",    "InTopK", "MergeSummary",
      "NoOp",   "ScalarSummary", "SaveV2",           "TensorSummaryV2", "TopK",   "TopKV2",
      NULL};
  return is_any(slot, tails);
}

/* How many data or control edges leave each slot, those into tails not counted. `counts` by slot. */
static void count_uses(const tw_tf_importer *importer, size_t *counts) {
  for (size_t i = 0; i < importer->file.node_count; i++) {
    const tw_tf_slot *slot = &importer->slots[i];
    for (size_t j = 0; !is_tail(slot) && j < slot->node->input_count; j++) {
      tw_bytes name = slot->node->inputs[j];
      const tw_tf_slot *input = j < slot->input_count ? slot->inputs[j] : NULL;
      if (j >= slot->input_count && is_control(name)) {
        input = tw_names_find(&importer->names, (tw_bytes){name.data + 1, name.size - 1});
      }
      if (input != NULL) {
        counts[input - importer->slots]++;
      }
    }
  }
}

/* Of several candidates those stay that have what `flag` tells, if any has. */
static void prefer(tw_tf_importer *importer, bool (*flag)(const tw_tf_slot *slot)) {
  size_t kept = 0;
  for (size_t i = 0; i < importer->output_count; i++) {
    kept += flag(importer->outputs[i]);
  }
  size_t count = kept == 0 ? importer->output_count : 0;
  for (size_t i = 0; kept != 0 && i < importer->output_count; i++) {
    if (flag(importer->outputs[i])) {
      importer->outputs[count++] = importer->outputs[i];
    }
  }
  importer->output_count = count;
}

static bool is_weighted(const tw_tf_slot *slot) {
  return slot->weighted;
}

static bool is_supported(const tw_tf_slot *slot) {
  return slot->supported;
}

/* Probabilities last: a network's own answer is its last output. */
static tw_status put_softmax_last(tw_tf_importer *importer, tw_error *error) {
  size_t count = importer->output_count;
  tw_tf_slot **sorted = tw_arena_alloc(importer->scratch, count, sizeof(tw_tf_slot *));
  if (sorted == NULL) {
    return tw_error_memory(error);
  }
  size_t at = 0;
  for (int softmaxed = 0; softmaxed < 2; softmaxed++) {
    for (size_t i = 0; i < count; i++) {
      if (importer->outputs[i]->softmaxed == (softmaxed == 1)) {
        sorted[at++] = importer->outputs[i];
      }
    }
  }
  importer->outputs = sorted;
  return TW_OK;
}

tw_status tw_tf_find_outputs(tw_tf_importer *importer, tw_error *error) {
  size_t count = importer->file.node_count;
  size_t *uses = tw_arena_alloc(importer->scratch, count, sizeof *uses);
  if (uses == NULL) {
    return tw_error_memory(error);
  }
  tw_tf_begin_walks(importer);
  for (size_t i = 0; i < count; i++) {
    TW_TRY(tw_tf_walk(importer, &importer->slots[i], false, survey_slot, error));
  }
  count_uses(importer, uses);
  bool ends = false;
  for (size_t i = 0; i < count; i++) {
    tw_tf_slot *slot = &importer->slots[i];
    bool end = uses[i] == 0 && !is_tail(slot);
    ends = ends || end;
    if (end && slot->fed && slot->input_count > 0 && !is_op(slot, "DecodeJpeg")) {
      importer->outputs[importer->output_count++] = slot;
    }
  }
  if (importer->output_count == 0) {
    return tw_error_set(error, TW_E_FORMAT, "the network has no output: %s",
                        ends ? "no node at its end depends on an input (Placeholder or DecodeJpeg)"
                             : "every node is used by another one, in a circle");
  }
  prefer(importer, is_weighted);
  prefer(importer, is_supported);
  return put_softmax_last(importer, error);
}

/* ---- What is needed ---------------------------------------------------------------------------------------------- */

static tw_status mark_slot(tw_tf_importer *importer, tw_tf_slot *slot, tw_error *error) {
  (void)importer;
  (void)error;
  slot->needed = true;
  for (size_t i = slot->first; i < slot->end; i++) {
    slot->inputs[i]->user_count++;
    slot->inputs[i]->user = slot;
  }
  return TW_OK;
}

tw_status tw_tf_mark_needed(tw_tf_importer *importer, tw_error *error) {
  tw_tf_begin_walks(importer);
  for (size_t i = 0; i < importer->output_count; i++) {
    TW_TRY(tw_tf_walk(importer, importer->outputs[i], true, mark_slot, error));
  }
  return TW_OK;
}
