/* The builder's values, storages and weights: where each value of the graph is, and in which layouts. Chooses no
 * primitives. */
#include <stdlib.h>
#include <string.h>

#include "engine/dnnl/internal.h"

void *tw_append(void *array_address, size_t *count, size_t *capacity, size_t size) {
  void *array;
  memcpy(&array, array_address, sizeof array);
  if (*count == *capacity) {
    size_t larger = *capacity == 0 ? 8 : *capacity * 2;
    void *moved = tw_realloc(array, larger, size);
    if (moved == NULL) {
      return NULL;
    }
    array = moved;
    memcpy(array_address, &array, sizeof array);
    *capacity = larger;
  }
  void *element = (uint8_t *)array + *count * size;
  memset(element, 0, size);
  (*count)++;
  return element;
}

/* ---- Values ------------------------------------------------------------------------------------------------------ */

static int by_address(const void *a, const void *b) {
  uintptr_t x = (uintptr_t)((const tw_tensor *)a)->value;
  uintptr_t y = (uintptr_t)((const tw_tensor *)b)->value;
  return x < y ? -1 : x > y;
}

tw_tensor *tw_builder_tensor(const tw_builder *builder, const tw_value *value) {
  tw_tensor key = {.value = value};
  return bsearch(&key, builder->tensors, builder->tensor_count, sizeof key, by_address);
}

static size_t most_tensors(const tw_graph *graph) {
  size_t count = graph->input_count + graph->output_count;
  for (size_t i = 0; i < graph->node_count; i++) {
    count += graph->nodes[i]->input_count + 1;
  }
  return count;
}

static void collect(tw_builder *builder) {
  const tw_graph *graph = builder->graph;
  tw_tensor *tensors = builder->tensors;
  size_t count = 0;
  for (size_t i = 0; i < graph->input_count; i++) {
    tensors[count++].value = graph->inputs[i];
  }
  for (size_t i = 0; i < graph->output_count; i++) {
    tensors[count++].value = graph->outputs[i];
  }
  for (size_t i = 0; i < graph->node_count; i++) {
    const tw_node *node = graph->nodes[i];
    tensors[count++].value = node->output;
    for (size_t k = 0; k < node->input_count; k++) {
      if (node->inputs[k] != NULL) {
        tensors[count++].value = node->inputs[k];
      }
    }
  }
  qsort(tensors, count, sizeof *tensors, by_address);
  size_t kept = 0;
  for (size_t i = 0; i < count; i++) {
    if (kept == 0 || tensors[kept - 1].value != tensors[i].value) {
      tensors[kept++].value = tensors[i].value;
    }
  }
  builder->tensor_count = kept;
}

static void find_readers(tw_builder *builder) {
  const tw_graph *graph = builder->graph;
  for (size_t i = 0; i < graph->node_count; i++) {
    const tw_node *node = graph->nodes[i];
    tw_builder_tensor(builder, node->output)->last_reader = i;
    for (size_t k = 0; k < node->input_count; k++) {
      if (node->inputs[k] != NULL) {
        tw_tensor *tensor = tw_builder_tensor(builder, node->inputs[k]);
        tensor->last_reader = i;
        tensor->reader_count++;
      }
    }
  }
  for (size_t i = 0; i < graph->output_count; i++) {
    tw_tensor *tensor = tw_builder_tensor(builder, graph->outputs[i]);
    tensor->last_reader = TW_NEVER_DIES;
    tensor->reader_count++;
  }
}

tw_status tw_builder_init(tw_builder *builder, tw_plan *plan, const tw_graph *graph, tw_error *error) {
  *builder = (tw_builder){.plan = plan, .graph = graph};
  builder->type = plan->precision == TW_PRECISION_BF16 ? dnnl_bf16 : dnnl_f32;
  builder->tensors = tw_alloc(most_tensors(graph), sizeof *builder->tensors);
  builder->done = tw_alloc(graph->node_count, sizeof *builder->done);
  if (builder->tensors == NULL || builder->done == NULL) {
    return tw_error_memory(error);
  }
  collect(builder);
  find_readers(builder);
  return TW_OK;
}

void tw_builder_done(tw_builder *builder) {
  for (size_t i = 0; i < builder->tensor_count; i++) {
    tw_free(builder->tensors[i].forms);
  }
  tw_free(builder->tensors);
  tw_free(builder->storages);
  tw_free(builder->done);
  tw_free(builder->int8);
  tw_flow_done(&builder->flow);
}

/* ---- Storages ---------------------------------------------------------------------------------------------------- */

tw_status tw_builder_room(tw_builder *builder, const dnnl_memory_desc_t *desc, tw_operand *ret_operand,
                          tw_error *error) {
  size_t bytes = tw_layout_bytes(desc);
  if (bytes == 0 || bytes > TW_MAX_SESSION_BYTES) {
    return tw_error_set(error, bytes == 0 ? TW_E_UNSUPPORTED : TW_E_LIMIT, "a result of %zu bytes%s", bytes,
                        bytes == 0 ? " (a dimension is 0)" : " is too large");
  }
  tw_storage *storage =
      tw_append(&builder->storages, &builder->storage_count, &builder->storage_capacity, sizeof *storage);
  if (storage == NULL) {
    return tw_error_memory(error);
  }
  *storage = (tw_storage){.bytes = bytes, .parent = TW_NO_STORAGE, .last_reader = builder->node_index};
  *ret_operand = (tw_operand){{TW_PLACE_STORAGE, builder->storage_count - 1, 0}, *desc};
  return TW_OK;
}

size_t tw_builder_root(const tw_builder *builder, size_t storage, size_t *ret_offset) {
  size_t offset = 0;
  while (builder->storages[storage].parent != TW_NO_STORAGE) {
    offset += builder->storages[storage].offset;
    storage = (size_t)builder->storages[storage].parent;
  }
  *ret_offset = offset;
  return storage;
}

bool tw_builder_may_overwrite(const tw_builder *builder, const tw_operand *operand) {
  if (operand->place.kind != TW_PLACE_STORAGE) {
    return false;
  }
  const tw_storage *storage = &builder->storages[operand->place.index];
  return storage->parent == TW_NO_STORAGE && storage->last_reader <= builder->node_index;
}

static void note_reader(tw_builder *builder, size_t storage, size_t node) {
  size_t unused;
  tw_storage *root = &builder->storages[tw_builder_root(builder, storage, &unused)];
  root->last_reader = node > root->last_reader ? node : root->last_reader;
}

void tw_builder_make_slice(tw_builder *builder, size_t root, size_t parent, size_t offset) {
  builder->storages[root].parent = (ptrdiff_t)parent;
  builder->storages[root].offset = offset;
  note_reader(builder, root, builder->storages[root].last_reader);
}

bool tw_builder_shares(const tw_builder *builder, const tw_operand *a, const tw_operand *b) {
  size_t unused;
  return a->place.kind == TW_PLACE_STORAGE && b->place.kind == TW_PLACE_STORAGE &&
         tw_builder_root(builder, a->place.index, &unused) == tw_builder_root(builder, b->place.index, &unused);
}

/* ---- Forms ------------------------------------------------------------------------------------------------------- */

static tw_status add_form(tw_builder *builder, tw_tensor *tensor, const tw_operand *operand, tw_error *error) {
  tw_operand *form = tw_append(&tensor->forms, &tensor->form_count, &tensor->form_capacity, sizeof *form);
  if (form == NULL) {
    return tw_error_memory(error);
  }
  *form = *operand;
  if (operand->place.kind == TW_PLACE_STORAGE) {
    note_reader(builder, operand->place.index, tensor->last_reader);
  }
  return TW_OK;
}

tw_status tw_builder_set(tw_builder *builder, const tw_value *value, const tw_operand *operand, tw_error *error) {
  tw_operand form = *operand;
  dnnl_memory_desc_t plain = tw_layout_plain(&value->shape);
  if (!tw_layout_same_dims(&form.desc, &plain)) {
    form.desc = tw_layout_typed(plain, operand->desc.data_type);
  }
  return add_form(builder, tw_builder_tensor(builder, value), &form, error);
}

static const tw_operand *find_form(const tw_tensor *tensor, const dnnl_memory_desc_t *wanted) {
  for (size_t i = 0; i < tensor->form_count; i++) {
    if (tw_layout_same(&tensor->forms[i].desc, wanted)) {
      return &tensor->forms[i];
    }
  }
  return NULL;
}

static tw_status convert(tw_builder *builder, tw_tensor *tensor, const tw_operand *from,
                         const dnnl_memory_desc_t *wanted, tw_operand *ret_operand, tw_error *error) {
  tw_operand to;
  TW_TRY(tw_builder_room(builder, wanted, &to, error));
  if (tw_layout_is_narrow(&from->desc) != tw_layout_is_narrow(wanted)) {
    TW_TRY(tw_builder_convert_bytes(builder, tensor->value, from, &to, error));
  } else {
    TW_TRY(tw_builder_reorder(builder, from, &to, error));
  }
  TW_TRY(add_form(builder, tensor, &to, error));
  *ret_operand = to;
  return TW_OK;
}

/* The value in a row-major layout of float32. */
static tw_status plain_form(tw_builder *builder, tw_tensor *tensor, tw_operand *ret_operand, tw_error *error) {
  for (size_t i = 0; i < tensor->form_count; i++) {
    if (tw_layout_is_plain(&tensor->forms[i].desc) && tensor->forms[i].desc.data_type == dnnl_f32) {
      *ret_operand = tensor->forms[i];
      return TW_OK;
    }
  }
  dnnl_memory_desc_t plain = tw_layout_plain(&tensor->value->shape);
  tw_operand from = tensor->forms[0];
  return convert(builder, tensor, &from, &plain, ret_operand, error);
}

/* A constant that is used in another order of its dimensions: `desc` says where an element of `view` is, which has the
 * value's dimensions, the first of them perhaps split in two (groups). False when it is none of that. */
static bool is_transposed_constant(const tw_value *value, const tw_shape *view, dnnl_memory_desc_t *desc) {
  const tw_node *node = value->producer;
  if (node == NULL || node->op != TW_OP_TRANSPOSE || node->inputs[0]->data == NULL) {
    return false;
  }
  const tw_shape *stored = &node->inputs[0]->shape;
  const dnnl_memory_desc_t plain = tw_layout_plain(stored);
  int more = view->rank - stored->rank;
  bool split = more == 1 && view->dims[0] * view->dims[1] == value->shape.dims[0];
  int64_t strides[TW_MAX_RANK + 1];
  if ((more != 0 && !split) || stored->rank < 1) {
    return false;
  }
  for (int i = split ? 1 : 0; i < stored->rank; i++) {
    if (view->dims[i + more] != value->shape.dims[i]) {
      return false;
    }
    strides[i + more] = plain.format_desc.blocking.strides[node->attributes.target[i]];
  }
  if (split) {
    strides[1] = plain.format_desc.blocking.strides[node->attributes.target[0]];
    strides[0] = strides[1] * view->dims[1];
  }
  *desc = tw_layout_strided(view, strides);
  return true;
}

const tw_value *tw_builder_constant(const tw_value *value, dnnl_memory_desc_t *ret_desc) {
  if (value->data != NULL) {
    *ret_desc = tw_layout_plain(&value->shape);
    return value;
  }
  return is_transposed_constant(value, &value->shape, ret_desc) ? value->producer->inputs[0] : NULL;
}

tw_status tw_builder_source(tw_builder *builder, const tw_value *value, const dnnl_memory_desc_t *wanted,
                            tw_operand *ret_operand, tw_error *error) {
  tw_tensor *tensor = tw_builder_tensor(builder, value);
  const tw_operand *found = find_form(tensor, wanted);
  if (found != NULL) {
    *ret_operand = (tw_operand){found->place, *wanted};
    return TW_OK;
  }
  if (value->data != NULL) {
    tw_shape view = tw_layout_shape(wanted);
    dnnl_memory_desc_t plain = tw_layout_plain(&view);
    tw_operand packed;
    TW_TRY(tw_builder_weights(builder, value, &plain, wanted, 1, &packed, error));
    *ret_operand = packed;
    return add_form(builder, tensor, &packed, error);
  }
  if (tensor->form_count == 0) {
    tw_shape view = tw_layout_shape(wanted);
    dnnl_memory_desc_t desc;
    dnnl_memory_desc_t plain = tw_layout_plain(&value->shape);
    bool fits = is_transposed_constant(value, &view, &desc);
    if (!fits && !is_transposed_constant(value, &value->shape, &desc)) {
      return tw_error_set(error, TW_E_ENGINE, "'%s' is used before it is made", value->name);
    }
    tw_operand packed;
    TW_TRY(tw_builder_weights(builder, value->producer->inputs[0], &desc, fits ? wanted : &plain, 1, &packed, error));
    TW_TRY(add_form(builder, tensor, &packed, error));
    if (fits) {
      *ret_operand = packed;
      return TW_OK;
    }
  }
  tw_operand from = tensor->forms[0];
  if (!tw_layout_same_dims(&from.desc, wanted)) {
    TW_TRY(plain_form(builder, tensor, &from, error));
    tw_shape view = tw_layout_shape(wanted);
    from.desc = tw_layout_plain(&view);
    if (tw_layout_same(&from.desc, wanted)) {
      *ret_operand = (tw_operand){from.place, *wanted};
      return TW_OK;
    }
  }
  return convert(builder, tensor, &from, wanted, ret_operand, error);
}

dnnl_memory_desc_t tw_builder_layout(tw_builder *builder, const tw_value *value, const tw_shape *view) {
  const tw_tensor *tensor = tw_builder_tensor(builder, value);
  dnnl_memory_desc_t plain = tw_layout_plain(view != NULL ? view : &value->shape);
  if (tensor->form_count == 0 || !tw_layout_same_dims(&tensor->forms[0].desc, &plain)) {
    return plain;
  }
  const dnnl_memory_desc_t *made = &tensor->forms[0].desc;
  return tw_layout_is_narrow(made) ? tw_layout_typed(*made, dnnl_f32) : *made;
}

/* ---- Weights ----------------------------------------------------------------------------------------------------- */

tw_status tw_builder_pack(tw_builder *builder, const tw_weights *given, tw_operand *ret_operand, tw_error *error) {
  tw_plan *plan = builder->plan;
  size_t bytes = tw_layout_bytes(&given->desc);
  if (plan->weight_bytes > TW_MAX_WEIGHT_BYTES || bytes > TW_MAX_WEIGHT_BYTES - plan->weight_bytes) {
    return tw_error_set(error, TW_E_LIMIT, "the network's weights need more than %zu bytes", TW_MAX_WEIGHT_BYTES);
  }
  tw_weights *weights = tw_append(&plan->weights, &plan->weights_count, &plan->weights_capacity, sizeof *weights);
  if (weights == NULL) {
    return tw_error_memory(error);
  }
  *weights = *given;
  weights->offset = plan->weight_bytes;
  weights->node = builder->node != NULL ? builder->node->name : "output";
  plan->weight_bytes += (bytes + 63) & ~(size_t)63;
  *ret_operand = (tw_operand){{TW_PLACE_WEIGHTS, plan->weights_count - 1, 0}, weights->desc};
  return TW_OK;
}

tw_status tw_builder_weights(tw_builder *builder, const tw_value *constant, const dnnl_memory_desc_t *source_desc,
                             const dnnl_memory_desc_t *wanted, float scale, tw_operand *ret_operand, tw_error *error) {
  const tw_weights weights = {.constant = constant, .source_desc = *source_desc, .desc = *wanted, .scale = scale};
  return tw_builder_pack(builder, &weights, ret_operand, error);
}

tw_status tw_builder_elements(tw_builder *builder, const void *elements, const dnnl_memory_desc_t *source_desc,
                              const dnnl_memory_desc_t *wanted, tw_operand *ret_operand, tw_error *error) {
  const tw_weights weights = {.elements = elements, .source_desc = *source_desc, .desc = *wanted, .scale = 1};
  return tw_builder_pack(builder, &weights, ret_operand, error);
}
