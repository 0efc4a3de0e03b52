/* The public library, first part: models and predictions. A thin layer that checks what it is given; the path from a
 * picture to its probabilities is the floor `model`'s. tw_model_open and tw_model_free are that floor's own. */
#include "api/internal.h"

const char *tw_version(void) {
  return TOPWORK_VERSION;
}

/* ---- What a model is --------------------------------------------------------------------------------------------- */

size_t tw_model_class_count(const tw_model *model) {
  return model == NULL ? 0 : model->record.class_count;
}

const char *tw_model_class_name(const tw_model *model, size_t index) {
  return index < tw_model_class_count(model) ? model->record.classes[index] : NULL;
}

size_t tw_model_feature_count(const tw_model *model) {
  return model == NULL ? 0 : model->top->dimensions;
}

const char *tw_model_trunk_name(const tw_model *model) {
  return model == NULL || model->trunk == NULL ? NULL : tw_trunk_name(model->trunk);
}

const char *tw_model_precision(const tw_model *model) {
  if (model == NULL) {
    return NULL;
  }
  return tw_precision_name(model->trunk == NULL ? TW_PRECISION_F32 : tw_trunk_get_precision(model->trunk)->precision);
}

tw_status tw_model_test(const tw_model *model, tw_test_result *ret_result, tw_error *error) {
  TW_TRY(tw_api_present(model, "model", error));
  TW_TRY(tw_api_present(ret_result, "ret_result", error));
  const tw_model_record *record = &model->record;
  tw_test_result result = tw_api_no_test();
  result.count = record->test_count;
  if (record->test_count > 0) {
    result.correct = record->test_correct;
    result.accuracy = (double)record->test_correct / (double)record->test_count;
    tw_wilson(record->test_correct, record->test_count, result.interval);
    result.baseline = record->baseline;
    result.log_loss = record->test_log_loss;
  }
  *ret_result = result;
  return TW_OK;
}

/* ---- Predicting -------------------------------------------------------------------------------------------------- */

/* What is wanted of a picture, and where it goes. */
typedef enum wanted { PROBABILITIES, FEATURES } wanted;

typedef struct answer {
  const tw_model *model;
  wanted wanted;
  size_t count; /* floats at `values`, as the caller says */
  float *values;
} answer;

static tw_status check_count(size_t count, size_t right, const char *what, tw_error *error) {
  return count == right
             ? TW_OK
             : tw_error_set(error, TW_E_ARGUMENT, "%zu %s given or asked for; the model has %zu", count, what, right);
}

static tw_status check_answer(const answer *answer, tw_error *error) {
  TW_TRY(tw_api_present(answer->model, "model", error));
  if (answer->wanted == FEATURES) {
    TW_TRY(tw_api_present(answer->values, "ret_features", error));
    return check_count(answer->count, tw_model_feature_count(answer->model), "features", error);
  }
  TW_TRY(tw_api_present(answer->values, "ret_probabilities", error));
  return check_count(answer->count, tw_model_class_count(answer->model), "probabilities", error);
}

static tw_status give(const answer *answer, const tw_source *source, tw_error *error) {
  enum { ONE_CORE = 1 }; /* the caller's threads are the workers */
  return answer->wanted == FEATURES ? tw_model_features_one(answer->model, source, ONE_CORE, answer->values, error)
                                    : tw_model_predict_one(answer->model, source, ONE_CORE, answer->values, error);
}

static tw_status give_memory(const answer *answer, const void *file, size_t size, tw_error *error) {
  TW_TRY(check_answer(answer, error));
  if (size > 0) {
    TW_TRY(tw_api_present(file, "file", error));
  }
  tw_source source = {.file = {file, size}};
  return give(answer, &source, error);
}

static tw_status give_file(const answer *answer, const char *path, tw_error *error) {
  TW_TRY(check_answer(answer, error));
  TW_TRY(tw_api_present(path, "path", error));
  tw_buffer file = {0};
  tw_status status = tw_file_read(path, TW_IMAGE_MAX_FILE, &file, error);
  if (status == TW_OK) {
    tw_source source = {.file = tw_buffer_bytes(&file)};
    status = give(answer, &source, error);
    status = status == TW_OK ? TW_OK : tw_error_prefix(error, status, "%s", path);
  }
  tw_buffer_done(&file);
  return status;
}

static tw_status give_pixels(const answer *answer, const uint8_t *rgb, size_t width, size_t height, size_t stride,
                             tw_error *error) {
  TW_TRY(check_answer(answer, error));
  TW_TRY(tw_api_present(rgb, "rgb", error));
  tw_source source = {.rgb = rgb, .width = width, .height = height, .stride = stride};
  return give(answer, &source, error);
}

tw_status tw_model_predict_file(const tw_model *model, const char *path, size_t count, float *ret_probabilities,
                                tw_error *error) {
  return give_file(&(answer){model, PROBABILITIES, count, ret_probabilities}, path, error);
}

tw_status tw_model_predict_memory(const tw_model *model, const void *file, size_t size, size_t count,
                                  float *ret_probabilities, tw_error *error) {
  return give_memory(&(answer){model, PROBABILITIES, count, ret_probabilities}, file, size, error);
}

tw_status tw_model_predict_pixels(const tw_model *model, const uint8_t *rgb, size_t width, size_t height, size_t stride,
                                  size_t count, float *ret_probabilities, tw_error *error) {
  return give_pixels(&(answer){model, PROBABILITIES, count, ret_probabilities}, rgb, width, height, stride, error);
}

tw_status tw_model_predict_features(const tw_model *model, const float *features, size_t feature_count, size_t count,
                                    float *ret_probabilities, tw_error *error) {
  TW_TRY(check_answer(&(answer){model, PROBABILITIES, count, ret_probabilities}, error));
  TW_TRY(tw_api_present(features, "features", error));
  TW_TRY(check_count(feature_count, tw_model_feature_count(model), "features", error));
  return tw_model_apply(model, features, ret_probabilities, error);
}

tw_status tw_model_features_file(const tw_model *model, const char *path, size_t count, float *ret_features,
                                 tw_error *error) {
  return give_file(&(answer){model, FEATURES, count, ret_features}, path, error);
}

tw_status tw_model_features_memory(const tw_model *model, const void *file, size_t size, size_t count,
                                   float *ret_features, tw_error *error) {
  return give_memory(&(answer){model, FEATURES, count, ret_features}, file, size, error);
}

tw_status tw_model_features_pixels(const tw_model *model, const uint8_t *rgb, size_t width, size_t height,
                                   size_t stride, size_t count, float *ret_features, tw_error *error) {
  return give_pixels(&(answer){model, FEATURES, count, ret_features}, rgb, width, height, stride, error);
}
