/* The object that int8 needs beside a network: what it holds, and which network it belongs to. How it is made is
 * quantise.c, its bytes are quantised_file.c. */
#include "engine/quantised.h"

#include <string.h>

tw_quantised *tw_quantised_create(void) {
  tw_quantised *quantised = tw_alloc(1, sizeof *quantised);
  tw_arena *arena = tw_arena_create();
  if (quantised == NULL || arena == NULL) {
    tw_arena_free(arena);
    tw_free(quantised);
    return NULL;
  }
  quantised->arena = arena;
  return quantised;
}

void tw_quantised_free(tw_quantised *quantised) {
  if (quantised != NULL) {
    tw_arena_free(quantised->arena);
    tw_free(quantised);
  }
}

tw_fidelity tw_quantised_fidelity(const tw_quantised *quantised) {
  return quantised->fidelity;
}

size_t tw_quantised_nodes(const tw_quantised *quantised, size_t *ret_wide) {
  size_t wide = 0;
  for (size_t i = 0; i < quantised->node_count; i++) {
    wide += quantised->nodes[i].wide;
  }
  *ret_wide = wide;
  return quantised->node_count;
}

const tw_hash *tw_quantised_hash(const tw_quantised *quantised) {
  return &quantised->hash;
}

/* ---- Which network ----------------------------------------------------------------------------------------------- */

enum { SAMPLE = 256 }; /* bytes of a constant that are looked at: all of them would cost a start its time */

static void add_value(tw_hasher *hasher, const tw_value *value) {
  tw_hasher_add_u64(hasher, value == NULL ? 0 : (uint64_t)value->shape.rank + 1);
  if (value == NULL) {
    return;
  }
  for (int i = 0; i < value->shape.rank; i++) {
    tw_hasher_add_u64(hasher, (uint64_t)value->shape.dims[i]);
  }
  if (value->data == NULL && value->producer != NULL && value->producer->op == TW_OP_TRANSPOSE) {
    value = value->producer->inputs[0];
  }
  if (value->data != NULL) {
    tw_hasher_add(hasher, value->data, value->data_size < SAMPLE ? value->data_size : SAMPLE);
  }
}

tw_status tw_quantised_fingerprint(const tw_node *node, tw_hash *ret_hash, tw_error *error) {
  tw_hasher *hasher = tw_hasher_create();
  if (hasher == NULL) {
    return tw_error_memory(error);
  }
  const tw_attributes *attributes = &node->attributes;
  tw_hasher_add_u64(hasher, (uint64_t)node->op);
  for (int i = 0; i < attributes->spatial; i++) {
    tw_hasher_add_u64(hasher, (uint64_t)attributes->strides[i]);
    tw_hasher_add_u64(hasher, (uint64_t)attributes->dilations[i]);
    tw_hasher_add_u64(hasher, (uint64_t)attributes->pads_begin[i]);
    tw_hasher_add_u64(hasher, (uint64_t)attributes->pads_end[i]);
  }
  tw_hasher_add_u64(hasher, (uint64_t)attributes->group);
  tw_hasher_add_u64(hasher, (uint64_t)attributes->activation);
  tw_hasher_add_u64(hasher, node->input_count);
  for (size_t i = 0; i < node->input_count; i++) {
    add_value(hasher, node->inputs[i]);
  }
  add_value(hasher, node->output);
  *ret_hash = tw_hasher_result(hasher);
  tw_hasher_free(hasher);
  return TW_OK;
}

static tw_status check_node(const tw_quantised_node *node, const tw_graph *graph, tw_error *error) {
  const tw_node *own = graph->nodes[node->index];
  size_t count;
  tw_hash fingerprint;
  TW_TRY(tw_quantised_fingerprint(own, &fingerprint, error));
  bool same = tw_flow_takes_int8(own) && tw_hash_compare(&fingerprint, &node->fingerprint) == 0;
  if (same && !node->wide) {
    same = tw_shape_count(&own->inputs[1]->shape, &count) && count == node->size &&
           own->output->shape.dims[1] == (int64_t)node->channels;
  }
  return same ? TW_OK
              : tw_error_set(error, TW_E_DATA, "node '%s': the calibration belongs to another network", own->name);
}

tw_status tw_quantised_check(const tw_quantised *quantised, const tw_graph *graph, tw_error *error) {
  size_t known = quantised->node_count == 0 ? 0 : quantised->nodes[quantised->node_count - 1].index + 1;
  if (graph->node_count < known) {
    const char *name = graph->node_count > 0 ? graph->nodes[graph->node_count - 1]->name : "";
    return tw_error_set(error, TW_E_DATA,
                        "the calibration belongs to another network: that has %zu nodes or more, this one, which ends "
                        "with '%s', %zu",
                        known, name, graph->node_count);
  }
  for (size_t i = 0; i < quantised->node_count; i++) {
    TW_TRY(check_node(&quantised->nodes[i], graph, error));
  }
  return TW_OK;
}

/* ---- Scales ------------------------------------------------------------------------------------------------------ */

const tw_quantised_source *tw_quantised_source_of(const tw_quantised *quantised, size_t producer) {
  size_t low = 0;
  size_t high = quantised->source_count;
  while (low < high) {
    size_t middle = low + (high - low) / 2;
    if (quantised->sources[middle].producer < producer) {
      low = middle + 1;
    } else {
      high = middle;
    }
  }
  bool found = low < quantised->source_count && quantised->sources[low].producer == producer;
  return found ? &quantised->sources[low] : NULL;
}

tw_status tw_quantised_scales(const tw_quantised *quantised, const tw_flow *flow, const tw_value *value,
                              float *ret_scales, uint8_t *ret_zeros, tw_error *error) {
  if (tw_flow_is_source(value)) {
    const tw_quantised_source *source = tw_quantised_source_of(quantised, flow->node_of[value->index]);
    if (source == NULL) {
      return tw_error_set(error, TW_E_DATA, "'%s': the calibration has no scale for it", value->name);
    }
    for (int64_t i = 0; i < value->shape.dims[1]; i++) {
      ret_scales[i] = source->scale;
      ret_zeros[i] = source->zero;
    }
    return TW_OK;
  }
  const tw_node *node = value->producer;
  for (size_t i = 0; i < node->input_count; i++) { /* a pool has one */
    TW_TRY(tw_quantised_scales(quantised, flow, node->inputs[i], ret_scales, ret_zeros, error));
    ret_scales += node->inputs[i]->shape.dims[1];
    ret_zeros += node->inputs[i]->shape.dims[1];
  }
  return TW_OK;
}
