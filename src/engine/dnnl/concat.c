/* Concatenation without copying where that is possible.
 *
 * The idea: when nothing but ones comes before the axis, each branch's part of the joined tensor is contiguous, so a
 * branch that is already made can be told, before any memory is given out, that its storage is a slice of the joined
 * one. Branches that cannot move (constants, the caller's input, those that are a slice of something else already,
 * those in another layout) are reordered into their slice. Channels last, the layout of AVX-512, a part is a few
 * elements of every pixel: all branches are copied there, in the order that they and who reads them have. */
#include <string.h>

#include "engine/dnnl/internal.h"

typedef struct join {
  tw_builder *builder;
  const tw_node *node;
  int axis;
  tw_operand whole;
} join;

static bool only_ones_before(const tw_shape *shape, int axis) {
  for (int i = 0; i < axis; i++) {
    if (shape->dims[i] != 1) {
      return false;
    }
  }
  return true;
}

/* ---- Choosing the layout ----------------------------------------------------------------------------------------- */

/* Whether every branch begins at a block of that layout. */
static bool branches_fit(const tw_node *node, int axis, const dnnl_memory_desc_t *layout) {
  int64_t block = tw_layout_slice_block(layout, axis);
  int64_t begin = 0;
  for (size_t i = 0; i < node->input_count; i++) {
    if (block == 0 || begin % block != 0) {
      return false;
    }
    begin += node->inputs[i]->shape.dims[axis];
  }
  return true;
}

/* Whether the axis is the innermost of a layout without blocks, so that a slice along it is one with gaps. */
static bool leaves_gaps(const dnnl_memory_desc_t *layout, int axis) {
  const dnnl_blocking_desc_t *blocking = &layout->format_desc.blocking;
  return !tw_layout_is_narrow(layout) && blocking->inner_nblks == 0 && blocking->strides[axis] == 1;
}

/* The layout of the first branch that is not row-major, if all fit into it; else row-major. */
static dnnl_memory_desc_t joined_layout(tw_builder *builder, const tw_node *node, int axis) {
  const tw_shape *shape = &node->output->shape;
  for (size_t i = 0; i < node->input_count; i++) {
    dnnl_memory_desc_t branch = tw_builder_layout(builder, node->inputs[i], NULL);
    if (branch.format_kind == dnnl_blocked && !tw_layout_is_plain(&branch)) {
      dnnl_memory_desc_t joined = tw_layout_like(&branch, shape);
      bool possible = branches_fit(node, axis, &joined) || leaves_gaps(&joined, axis);
      return possible ? joined : tw_layout_plain(shape);
    }
  }
  return tw_layout_plain(shape);
}

/* ---- Slices ------------------------------------------------------------------------------------------------------ */

/* The part of the joined tensor that begins at `begin` along the axis, for a branch of that shape. */
static tw_operand slice_at(const join *join, int64_t begin, const tw_shape *shape) {
  const dnnl_memory_desc_t *whole = &join->whole.desc;
  const int64_t *strides = whole->format_desc.blocking.strides;
  int64_t block = tw_layout_slice_block(whole, join->axis);
  tw_operand slice = {join->whole.place, block == 0 ? tw_layout_strided(shape, strides) : tw_layout_like(whole, shape)};
  slice.desc.data_type = whole->data_type;
  slice.place.offset =
      (size_t)(begin / (block == 0 ? 1 : block) * strides[join->axis]) * dnnl_data_type_size(whole->data_type);
  return slice;
}

/* Whether the branch lies in the slice already. */
static bool is_there(const join *join, const tw_operand *branch, const tw_operand *slice) {
  size_t offset;
  return branch->place.kind == TW_PLACE_STORAGE && tw_layout_same(&branch->desc, &slice->desc) &&
         tw_builder_root(join->builder, branch->place.index, &offset) == join->whole.place.index &&
         offset + branch->place.offset == slice->place.offset;
}

/* Whether the storage `root`, put at `offset` of the joined one, would hold nothing there but branches where they
 * belong: every byte of it is then a branch's own. */
static bool belongs(const join *join, size_t root, size_t offset) {
  tw_builder *builder = join->builder;
  size_t covered = 0;
  int64_t begin = 0;
  for (size_t i = 0; i < join->node->input_count; i++) {
    const tw_value *value = join->node->inputs[i];
    const tw_tensor *tensor = tw_builder_tensor(builder, value);
    tw_operand slice = slice_at(join, begin, &value->shape);
    begin += value->shape.dims[join->axis];
    if (tensor->form_count == 0 || tensor->forms[0].place.kind != TW_PLACE_STORAGE) {
      continue;
    }
    size_t inside;
    size_t of = tw_builder_root(builder, tensor->forms[0].place.index, &inside);
    inside += tensor->forms[0].place.offset;
    if (of == root && offset + inside == slice.place.offset && tw_layout_same(&tensor->forms[0].desc, &slice.desc)) {
      covered += tw_layout_bytes(&slice.desc);
    }
  }
  return covered == builder->storages[root].bytes;
}

/* Makes the branch's storage a slice of the joined one; false when it must stay where it is. */
static bool move_in(const join *join, const tw_operand *branch, const tw_operand *slice) {
  tw_builder *builder = join->builder;
  if (branch->place.kind != TW_PLACE_STORAGE || !tw_layout_same(&branch->desc, &slice->desc)) {
    return false;
  }
  size_t inside;
  size_t root = tw_builder_root(builder, branch->place.index, &inside);
  inside += branch->place.offset;
  if (root == join->whole.place.index || inside > slice->place.offset) {
    return false;
  }
  bool alone = inside == 0 && builder->storages[root].bytes == tw_layout_bytes(&slice->desc);
  if (!alone && !belongs(join, root, slice->place.offset - inside)) {
    return false;
  }
  tw_builder_make_slice(builder, root, join->whole.place.index, slice->place.offset - inside);
  return true;
}

static tw_status add_branch(const join *join, const tw_value *value, int64_t begin, tw_error *error) {
  tw_builder *builder = join->builder;
  const tw_tensor *tensor = tw_builder_tensor(builder, value);
  const tw_operand slice = slice_at(join, begin, &value->shape);
  tw_operand branch = {.desc = slice.desc};
  if (tensor->form_count == 0 || tw_layout_is_narrow(&tensor->forms[0].desc)) {
    TW_TRY(tw_builder_source(builder, value, &slice.desc, &branch, error));
  } else {
    branch = tensor->forms[0];
  }
  if (is_there(join, &branch, &slice) || move_in(join, &branch, &slice)) {
    return TW_OK;
  }
  return tw_builder_reorder(builder, &branch, &slice, error);
}

/* ---- The library's way ------------------------------------------------------------------------------------------- */

/* Copies everything: for an axis that has other dimensions before it. */
static tw_status copy_all(tw_builder *builder, const tw_node *node, int axis, tw_error *error) {
  size_t count = node->input_count;
  tw_argument *arguments = tw_alloc(count + 1, sizeof *arguments);
  dnnl_memory_desc_t *layouts = tw_alloc(count, sizeof *layouts);
  const dnnl_memory_desc_t joined = tw_layout_plain(&node->output->shape);
  dnnl_primitive_desc_t desc = NULL;
  tw_status status = arguments == NULL || layouts == NULL ? tw_error_memory(error) : TW_OK;
  for (size_t i = 0; status == TW_OK && i < count; i++) {
    layouts[i] = tw_layout_plain(&node->inputs[i]->shape);
    arguments[i].role = DNNL_ARG_MULTIPLE_SRC + (int)i;
    status = tw_builder_source(builder, node->inputs[i], &layouts[i], &arguments[i].operand, error);
  }
  status = status != TW_OK ? status : tw_concat_desc(builder, &joined, axis, layouts, count, &desc, error);
  if (status == TW_OK) {
    arguments[count].role = DNNL_ARG_DST;
    status = tw_builder_room(builder, &joined, &arguments[count].operand, error);
  }
  if (status == TW_OK) {
    status = tw_builder_step(builder, "concatenation", desc, arguments, count + 1, 0, error);
    desc = NULL;
  }
  status = status != TW_OK ? status : tw_builder_set(builder, node->output, &arguments[count].operand, error);
  dnnl_primitive_desc_destroy(desc);
  tw_free(arguments);
  tw_free(layouts);
  return status;
}

tw_status tw_build_concat(tw_builder *builder, const tw_node *node, tw_error *error) {
  int axis = (int)node->attributes.axis;
  if (!only_ones_before(&node->output->shape, axis)) {
    return copy_all(builder, node, axis, error);
  }
  join join = {.builder = builder, .node = node, .axis = axis};
  const dnnl_memory_desc_t layout = joined_layout(builder, node, axis);
  TW_TRY(tw_builder_room(builder, &layout, &join.whole, error));
  int64_t begin = 0;
  for (size_t i = 0; i < node->input_count; i++) {
    TW_TRY(add_branch(&join, node->inputs[i], begin, error));
    begin += node->inputs[i]->shape.dims[axis];
  }
  return tw_builder_set(builder, node->output, &join.whole, error);
}
