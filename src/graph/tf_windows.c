/* Convolutions, pools, and the zeros around pictures, of a GraphDef. */
#include <string.h>

#include "graph/tf_import.h"

/* ---- Convolutions ------------------------------------------------------------------------------------------------ */

/* What is convolved: before its padding when that is zeros around the pixels, which the convolution adds itself. */
static const tw_tf_slot *source_of(const tw_tf_slot *slot) {
  const tw_tf_slot *input = slot->inputs[0];
  return input->unpadded != NULL ? input->unpadded : input;
}

static tw_status convert_any_conv(tw_tf_importer *importer, tw_tf_slot *slot, tw_tf_form form, tw_error *error) {
  tw_value *values[2];
  tw_attributes attributes = {0};
  TW_TRY(tw_tf_result_input(slot, 0, 4, &values[0], error));
  if (slot->input_count < 2 || slot->inputs[1]->constant == NULL) {
    return tw_tf_wrong(slot->node, TW_E_UNSUPPORTED, error,
                       "its weights must be constant: only frozen networks, variables turned into constants, are read");
  }
  TW_TRY(tw_tf_input(importer, slot, 1, form, &values[1], error));
  memcpy(attributes.kernel, slot->inputs[1]->shape.dims, 2 * sizeof attributes.kernel[0]);
  TW_TRY(tw_tf_get_window(slot->node, &slot->inputs[0]->shape.dims[1], NULL, &attributes, error));
  const tw_tf_slot *source = source_of(slot);
  for (int i = 0; i < 2; i++) {
    attributes.pads_begin[i] += slot->inputs[0]->pads[2 * i];
    attributes.pads_end[i] += slot->inputs[0]->pads[2 * i + 1];
  }
  int64_t channels = slot->inputs[0]->shape.dims[3];
  int64_t taken = slot->inputs[1]->shape.dims[2];
  if (taken < 1 || (form == TW_TF_DEPTHWISE ? channels != taken : channels % taken != 0)) {
    return tw_tf_wrong(slot->node, TW_E_FORMAT, error, "its weights take %lld channels; its input has %lld",
                       (long long)taken, (long long)channels);
  }
  attributes.group = form == TW_TF_DEPTHWISE ? channels : channels / taken; /* several groups since TensorFlow 2 */
  values[0] = source->value;
  return tw_tf_finish(importer, slot, TW_OP_CONV, values, 2, &attributes, error);
}

tw_status tw_tf_convert_conv(tw_tf_importer *importer, tw_tf_slot *slot, tw_error *error) {
  return convert_any_conv(importer, slot, TW_TF_FILTER, error);
}

tw_status tw_tf_convert_depthwise(tw_tf_importer *importer, tw_tf_slot *slot, tw_error *error) {
  return convert_any_conv(importer, slot, TW_TF_DEPTHWISE, error);
}

/* ---- Pools ------------------------------------------------------------------------------------------------------- */

/* SAME leaves its padding out of an average's divisor. */
static tw_status convert_pool(tw_tf_importer *importer, tw_tf_slot *slot, tw_op op, tw_error *error) {
  tw_value *x;
  tw_attributes attributes = {0};
  TW_TRY(tw_tf_result_input(slot, 0, 4, &x, error));
  if (tw_tf_attribute_find(slot->node, "ksize") == NULL) {
    return tw_tf_wrong(slot->node, TW_E_FORMAT, error, "the attribute 'ksize' is missing");
  }
  TW_TRY(tw_tf_get_window(slot->node, &slot->inputs[0]->shape.dims[1], "ksize", &attributes, error));
  return tw_tf_finish(importer, slot, op, &x, 1, &attributes, error);
}

tw_status tw_tf_convert_max_pool(tw_tf_importer *importer, tw_tf_slot *slot, tw_error *error) {
  return convert_pool(importer, slot, TW_OP_MAX_POOL, error);
}

tw_status tw_tf_convert_average_pool(tw_tf_importer *importer, tw_tf_slot *slot, tw_error *error) {
  return convert_pool(importer, slot, TW_OP_AVERAGE_POOL, error);
}

/* ---- Pad --------------------------------------------------------------------------------------------------------- */

/* Zeros around the pixels are a convolution's own business; for whom else needs them they are a convolution by one, a
 * channel for itself, which changes no number. With channels of zeros before and after, each result takes its channel.
 */
static tw_status emit_padding(tw_tf_importer *importer, tw_tf_slot *slot, tw_value *x, const int64_t channels[2],
                              tw_error *error) {
  int64_t own = slot->inputs[0]->shape.dims[3];
  bool same = channels[0] == 0 && channels[1] == 0;
  tw_shape shape = {.rank = 4, .dims = {own + channels[0] + channels[1], same ? 1 : own, 1, 1}};
  tw_attributes attributes = {.spatial = 2, .group = same ? own : 1};
  tw_value *values[2] = {x, NULL};
  float *weights;
  for (int i = 0; i < 2; i++) {
    attributes.pads_begin[i] = slot->pads[2 * i];
    attributes.pads_end[i] = slot->pads[2 * i + 1];
  }
  TW_TRY(tw_shape_check("its result", &shape, TW_DTYPE_F32, error));
  TW_TRY(tw_tf_new_constant(importer, slot, "ones", &shape, &weights, &values[1], error));
  memset(weights, 0, (size_t)(shape.dims[0] * shape.dims[1]) * sizeof *weights);
  for (int64_t i = 0; i < own; i++) {
    weights[same ? i : (channels[0] + i) * own + i] = 1;
  }
  return tw_tf_finish(importer, slot, TW_OP_CONV, values, 2, &attributes, error);
}

/* pads: of the four dimensions, before and after. */
static tw_status get_pads(const tw_tf_slot *slot, int64_t pads[8], tw_error *error) {
  int count;
  TW_TRY(tw_tf_integers(slot, 1, "its list of paddings", pads, 8, &count, error));
  const tw_value *filling = slot->input_count > 2 ? slot->inputs[2]->constant : NULL;
  if (slot->input_count > 2 && (filling == NULL || filling->data_size != sizeof(float) || tw_load_u32(filling->data))) {
    return tw_tf_wrong(slot->node, TW_E_UNSUPPORTED, error, "supported only with zeros");
  }
  if (count != 8) {
    return tw_tf_wrong(slot->node, TW_E_FORMAT, error, "its list of paddings has %d numbers; wanted are 8", count);
  }
  for (int i = 0; i < 8; i++) {
    if (pads[i] < 0 || pads[i] > INT32_MAX || (i < 2 && pads[i] != 0)) {
      return tw_tf_wrong(slot->node, TW_E_UNSUPPORTED, error, "supported only of height, width and channels");
    }
  }
  return TW_OK;
}

tw_status tw_tf_convert_pad(tw_tf_importer *importer, tw_tf_slot *slot, tw_error *error) {
  tw_value *x;
  int64_t pads[8];
  TW_TRY(tw_tf_result_input(slot, 0, 4, &x, error));
  TW_TRY(get_pads(slot, pads, error));
  memcpy(slot->pads, pads + 2, sizeof slot->pads);
  TW_TRY(emit_padding(importer, slot, x, pads + 6, error));
  const tw_tf_slot *input = slot->inputs[0];
  if (pads[6] != 0 || pads[7] != 0) {
    memset(slot->pads, 0, sizeof slot->pads);
    return TW_OK;
  }
  slot->unpadded = input->unpadded != NULL ? input->unpadded : slot->inputs[0];
  for (int i = 0; i < 4; i++) {
    slot->pads[i] += input->pads[i]; /* of two in a row the convolution adds both */
  }
  return TW_OK;
}
