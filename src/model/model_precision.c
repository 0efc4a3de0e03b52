/* The precision of a model's trunk in its file: two metadata entries, and for int8 the attachment with the integers, so
 * that whoever predicts computes with the same ones and quantises nothing. The check sum of the whole file covers all
 * of it. Not for choosing a precision (features/calibration.c). */
#include "model/model_precision.h"

#include <math.h>

#include "formats/formats.h"
#include "model/metadata.h"

/* ---- Writing ----------------------------------------------------------------------------------------------------- */

json_t *tw_model_fidelity_json(const tw_trunk *trunk) {
  const tw_trunk_precision *precision = tw_trunk_get_precision(trunk);
  const tw_fidelity *fidelity = &precision->fidelity;
  const tw_quantised *quantised = tw_trunk_quantised(trunk);
  json_t *object = json_pack("{s:I, s:b}", "pictures", (json_int_t)fidelity->pictures, "unseen", precision->unseen);
  bool good = object != NULL;
  if (fidelity->pictures > 0) {
    good = good && json_object_set_new(object, "mean", json_real(fidelity->mean)) == 0 &&
           json_object_set_new(object, "worst", json_real(fidelity->worst)) == 0;
  }
  if (quantised != NULL) {
    char hex[TW_HASH_TEXT_SIZE];
    good =
        good && json_object_set_new(object, "calibrated", json_integer((json_int_t)precision->calibrated)) == 0 &&
        json_object_set_new(object, "layers", json_integer((json_int_t)precision->layers)) == 0 &&
        json_object_set_new(object, "layers_f32", json_integer((json_int_t)precision->wide)) == 0 &&
        json_object_set_new(object, "calibration", json_string(tw_hash_text(tw_quantised_hash(quantised), hex))) == 0;
  }
  if (!good) {
    json_decref(object);
    return NULL;
  }
  return object;
}

tw_status tw_model_precision_attach(const tw_trunk *trunk, size_t begin, tw_buffer *buffer, tw_error *error) {
  const tw_quantised *quantised = trunk == NULL ? NULL : tw_trunk_quantised(trunk);
  if (quantised == NULL) {
    return TW_OK;
  }
  tw_buffer content = {0};
  tw_status status = tw_quantised_write(quantised, &content, error);
  status = status == TW_OK ? tw_buffer_status(&content, error) : status;
  if (status == TW_OK && content.size > TW_ONNX_MAX_WRITTEN - (buffer->size - begin)) {
    status = tw_error_set(error, TW_E_LIMIT,
                          "the network and its integers take more than the %zu bytes that an ONNX file may have",
                          TW_ONNX_MAX_WRITTEN);
  }
  if (status == TW_OK) {
    tw_onnx_put_attachment(buffer, begin, tw_buffer_bytes(&content));
    status = tw_buffer_status(buffer, error);
  }
  tw_buffer_done(&content);
  return status;
}

/* ---- Reading ----------------------------------------------------------------------------------------------------- */

static tw_status read_name(const tw_graph *graph, tw_precision *ret_precision, tw_error *error) {
  enum { LONGEST = 16 };
  tw_bytes name = tw_graph_metadata(graph, TW_META_PRECISION);
  char text[LONGEST + 1];
  if (name.data == NULL) {
    return tw_metadata_wrong(TW_META_PRECISION, "is missing", error);
  }
  snprintf(text, sizeof text, "%.*s", name.size > LONGEST ? LONGEST : (int)name.size, (const char *)name.data);
  return tw_precision_parse(text, ret_precision)
             ? TW_OK
             : tw_error_set(error, TW_E_UNSUPPORTED, "metadata '%s': is '%s'; this topwork knows f32, bf16 and int8",
                            TW_META_PRECISION, text);
}

static tw_status read_fidelity(const tw_graph *graph, tw_trunk_precision *precision, tw_error *error) {
  json_t *object;
  TW_TRY(tw_metadata_json(graph, TW_META_FIDELITY, false, &object, error));
  json_int_t pictures = json_integer_value(json_object_get(object, "pictures"));
  json_int_t calibrated = json_integer_value(json_object_get(object, "calibrated"));
  double mean = json_number_value(json_object_get(object, "mean"));
  double worst = json_number_value(json_object_get(object, "worst"));
  precision->unseen = json_is_true(json_object_get(object, "unseen"));
  json_decref(object);
  if (pictures < 0 || calibrated < 0 || !isfinite(mean) || !isfinite(worst)) {
    return tw_metadata_wrong(TW_META_FIDELITY, "makes no sense", error);
  }
  precision->fidelity = (tw_fidelity){(size_t)pictures, mean, worst};
  precision->calibrated = (size_t)calibrated;
  return TW_OK;
}

tw_status tw_model_precision_read(tw_trunk *trunk, tw_error *error) {
  const tw_graph *graph = tw_trunk_graph(trunk);
  tw_trunk_precision precision = {0};
  TW_TRY(read_name(graph, &precision.precision, error));
  if (precision.precision == TW_PRECISION_F32) {
    return TW_OK;
  }
  TW_TRY(read_fidelity(graph, &precision, error));
  tw_quantised *quantised = NULL;
  if (precision.precision == TW_PRECISION_INT8) {
    if (graph->attachment.data == NULL) {
      return tw_metadata_wrong(TW_META_PRECISION, "is int8, but the file holds no integers", error);
    }
    tw_status status = tw_quantised_read(graph->attachment, &quantised, error);
    if (status != TW_OK) {
      return tw_error_prefix(error, status, "its integers");
    }
  }
  return tw_trunk_set_precision(trunk, &precision, quantised, error);
}
