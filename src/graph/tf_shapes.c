/* Operators of a GraphDef that move numbers about: Reshape, Squeeze, ExpandDims, Concat; and Mean, which takes pixels
 * away. Dimensions are in the file's order here. */
#include <string.h>

#include "graph/tf_import.h"

/* A constant with other dimensions stays one. */
static tw_status become(tw_tf_importer *importer, tw_tf_slot *slot, const tw_shape *shape, tw_error *error) {
  const tw_value *constant = slot->inputs[0]->constant;
  if (constant == NULL) {
    return tw_tf_reshape(importer, slot, shape, error);
  }
  tw_value *copy = tw_arena_alloc(importer->scratch, 1, sizeof *copy);
  if (copy == NULL) {
    return tw_error_memory(error);
  }
  *copy = *constant;
  copy->shape = *shape;
  slot->constant = copy;
  slot->shape = *shape;
  return TW_OK;
}

static tw_status need_first(const tw_tf_slot *slot, tw_error *error) {
  return slot->input_count > 0 ? TW_OK : tw_tf_wrong(slot->node, TW_E_FORMAT, error, "its input is missing");
}

static tw_status check_axis(const tw_tf_slot *slot, int64_t *axis, int rank, tw_error *error) {
  if (*axis < -rank || *axis >= rank) {
    return tw_tf_wrong(slot->node, TW_E_FORMAT, error, "axis %lld does not exist in %d dimensions", (long long)*axis,
                       rank);
  }
  *axis += *axis < 0 ? rank : 0;
  return TW_OK;
}

/* ---- Reshape and its like ---------------------------------------------------------------------------------------- */

static tw_status misfit(const tw_tf_slot *slot, const tw_shape *target, tw_error *error) {
  char left[TW_SHAPE_TEXT_SIZE];
  char right[TW_SHAPE_TEXT_SIZE];
  return tw_tf_wrong(slot->node, TW_E_FORMAT, error, "a tensor of shape %s cannot become %s",
                     tw_shape_text(&slot->inputs[0]->shape, left), tw_shape_text(target, right));
}

/* Fills in the one open dimension; false when the elements are not as many. */
static bool settle_target(const tw_shape *from, tw_shape *to) {
  size_t count;
  size_t known = 1;
  int open = -1;
  for (int i = 0; i < to->rank; i++) {
    if (to->dims[i] == -1 && open < 0) {
      open = i;
    } else if (to->dims[i] < 1 || !tw_mul_size(known, (size_t)to->dims[i], &known)) {
      return false;
    }
  }
  if (!tw_shape_count(from, &count) || (open < 0 ? count != known : count % known != 0)) {
    return false;
  }
  if (open >= 0) {
    to->dims[open] = (int64_t)(count / known);
  }
  return true;
}

tw_status tw_tf_convert_reshape(tw_tf_importer *importer, tw_tf_slot *slot, tw_error *error) {
  tw_shape given = {0};
  TW_TRY(need_first(slot, error));
  TW_TRY(tw_tf_integers(slot, 1, "its target", given.dims, TW_MAX_RANK, &given.rank, error));
  tw_shape target = given;
  bool fits = settle_target(&slot->inputs[0]->shape, &target);
  if (!fits && given.rank > 0 && importer->file_batch > 1 && given.dims[0] == importer->file_batch) {
    target = given; /* of a file made for so many pictures; ours is one */
    target.dims[0] = 1;
    fits = settle_target(&slot->inputs[0]->shape, &target);
  }
  return fits ? become(importer, slot, &target, error) : misfit(slot, &given, error);
}

tw_status tw_tf_convert_squeeze(tw_tf_importer *importer, tw_tf_slot *slot, tw_error *error) {
  TW_TRY(need_first(slot, error));
  const tw_shape *from = &slot->inputs[0]->shape;
  const tw_tf_attribute *list = tw_tf_attribute_find(slot->node, "squeeze_dims");
  list = list == NULL ? tw_tf_attribute_find(slot->node, "axis") : list;
  unsigned dropped = 0;
  for (size_t i = 0; list != NULL && i < list->count; i++) {
    int64_t axis = list->ints[i];
    TW_TRY(check_axis(slot, &axis, from->rank, error));
    dropped |= 1U << axis;
  }
  tw_shape to = {0};
  for (int i = 0; i < from->rank; i++) {
    bool drops = dropped == 0 ? from->dims[i] == 1 : (dropped & 1U << i) != 0;
    if (drops && from->dims[i] != 1) {
      char text[TW_SHAPE_TEXT_SIZE];
      return tw_tf_wrong(slot->node, TW_E_FORMAT, error, "dimension %d of %s is not 1", i, tw_shape_text(from, text));
    }
    if (!drops) {
      to.dims[to.rank++] = from->dims[i];
    }
  }
  return become(importer, slot, &to, error);
}

tw_status tw_tf_convert_expand_dims(tw_tf_importer *importer, tw_tf_slot *slot, tw_error *error) {
  int64_t axis = 0;
  int count = 0;
  TW_TRY(need_first(slot, error));
  TW_TRY(tw_tf_integers(slot, 1, "its dimension", &axis, 1, &count, error));
  const tw_shape *from = &slot->inputs[0]->shape;
  if (count != 1 || from->rank == TW_MAX_RANK) {
    return tw_tf_wrong(slot->node, TW_E_FORMAT, error, "it must add one dimension to at most %d", TW_MAX_RANK - 1);
  }
  TW_TRY(check_axis(slot, &axis, from->rank + 1, error));
  tw_shape to = {.rank = from->rank + 1};
  for (int i = 0; i < to.rank; i++) {
    to.dims[i] = i == axis ? 1 : from->dims[i < axis ? i : i - 1];
  }
  return become(importer, slot, &to, error);
}

/* ---- Dimensions as numbers ----------------------------------------------------------------------------------------
 */

/* All dimensions are known here, those of one picture: what a file computes from them are constants. */
tw_status tw_tf_convert_shape(tw_tf_importer *importer, tw_tf_slot *slot, tw_error *error) {
  TW_TRY(need_first(slot, error));
  const tw_shape *shape = &slot->inputs[0]->shape;
  return tw_tf_set_integers(importer, slot, shape->dims, shape->rank, false, error);
}

static tw_status refuse_slice(const tw_tf_slot *slot, tw_error *error) {
  return tw_tf_wrong(slot->node, TW_E_UNSUPPORTED, error, "supported only of a list of integers, with one plain range");
}

/* list[begin : end], or one number of it, as files take the batch out of a Shape. */
tw_status tw_tf_convert_strided_slice(tw_tf_importer *importer, tw_tf_slot *slot, tw_error *error) {
  static const char *const masks[] = {"begin_mask", "end_mask", "shrink_axis_mask", "ellipsis_mask", "new_axis_mask"};
  int64_t bits[5] = {0};
  int64_t range[3] = {0};
  int64_t list[TW_MAX_RANK];
  int count;
  TW_TRY(tw_tf_integers(slot, 0, "its list", list, TW_MAX_RANK, &count, error));
  if (slot->inputs[0]->shape.rank != 1) {
    return refuse_slice(slot, error);
  }
  for (size_t i = 0; i < 5; i++) {
    TW_TRY(tw_tf_get_int(slot->node, masks[i], &bits[i], error));
  }
  for (size_t i = 0; i < 3; i++) {
    int one = 0;
    TW_TRY(tw_tf_integers(slot, i + 1, "its range", &range[i], 1, &one, error));
    if (one != 1) {
      return refuse_slice(slot, error);
    }
  }
  bool shrinks = (bits[2] & 1) != 0;
  int64_t begin = (bits[0] & 1) != 0 ? 0 : range[0] < 0 ? range[0] + count : range[0];
  int64_t end = (bits[1] & 1) != 0 ? count : range[1] < 0 ? range[1] + count : range[1];
  end = shrinks ? begin + 1 : end > count ? count : end;
  if (bits[3] != 0 || bits[4] != 0 || range[2] != 1 || begin < 0 || end <= begin || end > count) {
    return refuse_slice(slot, error);
  }
  return tw_tf_set_integers(importer, slot, list + begin, (int)(end - begin), shrinks, error);
}

tw_status tw_tf_convert_pack(tw_tf_importer *importer, tw_tf_slot *slot, tw_error *error) {
  int64_t list[TW_MAX_RANK];
  if (slot->input_count < 1 || slot->input_count > TW_MAX_RANK) {
    return tw_tf_wrong(slot->node, TW_E_UNSUPPORTED, error, "supported only of 1 to %d numbers", TW_MAX_RANK);
  }
  for (size_t i = 0; i < slot->input_count; i++) {
    int one = 0;
    TW_TRY(tw_tf_integers(slot, i, "one of its numbers", &list[i], 1, &one, error));
    if (one != 1 || slot->inputs[i]->shape.rank != 0) {
      return tw_tf_wrong(slot->node, TW_E_UNSUPPORTED, error, "supported only of single numbers");
    }
  }
  return tw_tf_set_integers(importer, slot, list, (int)slot->input_count, false, error);
}

/* A file's four dimensions are ours in another order, before and after. */
tw_status tw_tf_convert_transpose(tw_tf_importer *importer, tw_tf_slot *slot, tw_error *error) {
  static const int64_t of_file[4] = {0, 3, 1, 2}; /* our dimension i in the file */
  static const int64_t of_ours[4] = {0, 2, 3, 1};
  int64_t order[TW_MAX_RANK];
  tw_attributes attributes = {0};
  tw_value *x;
  TW_TRY(tw_tf_result_input(slot, 0, 0, &x, error));
  TW_TRY(tw_tf_integers(slot, 1, "its order of dimensions", order, TW_MAX_RANK, &attributes.target_rank, error));
  int rank = slot->inputs[0]->shape.rank;
  for (int i = 0; i < attributes.target_rank; i++) {
    TW_TRY(check_axis(slot, &order[i], rank, error));
  }
  for (int i = 0; i < attributes.target_rank; i++) {
    attributes.target[i] = rank == 4 && attributes.target_rank == 4 ? of_ours[order[of_file[i]]] : order[i];
  }
  return tw_tf_finish(importer, slot, TW_OP_TRANSPOSE, &x, 1, &attributes, error);
}

/* ---- Mean -------------------------------------------------------------------------------------------------------- */

tw_status tw_tf_convert_mean(tw_tf_importer *importer, tw_tf_slot *slot, tw_error *error) {
  static const tw_attributes flatten = {.axis = 1};
  int64_t axes[TW_MAX_RANK];
  int count;
  bool keep = false;
  tw_value *x;
  TW_TRY(tw_tf_result_input(slot, 0, 0, &x, error));
  TW_TRY(tw_tf_integers(slot, 1, "its list of axes", axes, TW_MAX_RANK, &count, error));
  TW_TRY(tw_tf_get_flag(slot->node, "keep_dims", &keep, error));
  unsigned reduced = 0;
  for (int i = 0; i < count; i++) {
    TW_TRY(check_axis(slot, &axes[i], slot->inputs[0]->shape.rank, error));
    reduced |= 1U << axes[i];
  }
  if (slot->inputs[0]->shape.rank != 4 || reduced != 6) {
    return tw_tf_wrong(slot->node, TW_E_UNSUPPORTED, error,
                       "supported only as the mean over all pixels of each channel");
  }
  if (keep) {
    return tw_tf_finish(importer, slot, TW_OP_GLOBAL_AVERAGE_POOL, &x, 1, NULL, error);
  }
  TW_TRY(tw_tf_emit(importer, slot, TW_OP_GLOBAL_AVERAGE_POOL, &x, 1, NULL, "mean", false, &x, error));
  return tw_tf_finish(importer, slot, TW_OP_FLATTEN, &x, 1, &flatten, error);
}

/* ---- Concat ------------------------------------------------------------------------------------------------------ */

/* Inputs first..first+count-1, which are of the same number of dimensions. */
static tw_status concat(tw_tf_importer *importer, tw_tf_slot *slot, size_t first, size_t count, size_t axis_input,
                        tw_error *error) {
  static const int64_t ours[4] = {0, 2, 3, 1};
  int64_t axis = 0;
  int axes = 0;
  TW_TRY(tw_tf_integers(slot, axis_input, "its dimension", &axis, 1, &axes, error));
  int rank = slot->inputs[first]->shape.rank;
  TW_TRY(check_axis(slot, &axis, rank, error));
  if (axes != 1 || count > TW_MAX_NODE_INPUTS) {
    return tw_tf_wrong(slot->node, TW_E_FORMAT, error, "it must have a dimension and 1 to %d inputs",
                       TW_MAX_NODE_INPUTS);
  }
  tw_value **values = tw_arena_alloc(importer->scratch, count, sizeof(tw_value *));
  if (values == NULL) {
    return tw_error_memory(error);
  }
  for (size_t i = 0; i < count; i++) {
    if (slot->inputs[first + i]->shape.rank != rank) {
      return tw_tf_wrong(slot->node, TW_E_FORMAT, error, "its inputs have %d and %d dimensions", rank,
                         slot->inputs[first + i]->shape.rank);
    }
    TW_TRY(tw_tf_input(importer, slot, first + i, rank == 4 ? TW_TF_PICTURE : TW_TF_PLAIN, &values[i], error));
  }
  tw_attributes attributes = {.axis = rank == 4 ? ours[axis] : axis};
  return tw_tf_finish(importer, slot, TW_OP_CONCAT, values, count, &attributes, error);
}

static tw_status too_few(const tw_tf_slot *slot, tw_error *error) {
  return tw_tf_wrong(slot->node, TW_E_FORMAT, error, "it must have a dimension and at least one input");
}

tw_status tw_tf_convert_concat(tw_tf_importer *importer, tw_tf_slot *slot, tw_error *error) {
  return slot->input_count < 2 ? too_few(slot, error) : concat(importer, slot, 1, slot->input_count - 1, 0, error);
}

tw_status tw_tf_convert_concat_v2(tw_tf_importer *importer, tw_tf_slot *slot, tw_error *error) {
  return slot->input_count < 2 ? too_few(slot, error)
                               : concat(importer, slot, 0, slot->input_count - 1, slot->input_count - 1, error);
}
