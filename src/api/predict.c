/* `predict`: a model's answers, a line a picture. Not for what a trunk itself says (classify.c). */
#include "api/stream.h"

/* What turns a row into a line. */
typedef struct answer {
  const tw_tool *tool;
  const tw_model *model;
  const char *const *labels;
  size_t label_count;
  size_t k;
  tw_report_format format;
  float *probabilities;
  size_t *order;
  tw_buffer buffer;
} answer;

static tw_status answer_init(answer *answer, tw_error *error) {
  answer->k = answer->k > answer->label_count ? answer->label_count : answer->k;
  answer->probabilities = tw_alloc(answer->label_count, sizeof *answer->probabilities);
  answer->order = tw_alloc(answer->label_count, sizeof *answer->order);
  return answer->probabilities == NULL || answer->order == NULL ? tw_error_memory(error) : TW_OK;
}

static void answer_done(answer *answer) {
  tw_free(answer->probabilities);
  tw_free(answer->order);
  tw_buffer_done(&answer->buffer);
}

static tw_status predict_row(void *context, const char *path, const float *row, tw_error *error) {
  answer *answer = context;
  TW_TRY(tw_top_apply(answer->model->top, row, 1, 1, answer->probabilities, error));
  tw_largest(answer->probabilities, answer->label_count, answer->k, answer->order);
  tw_report_prediction(answer->format, path, answer->labels, answer->probabilities, answer->order, answer->k,
                       &answer->buffer);
  return tw_api_write(answer->tool, &answer->buffer, error);
}

tw_status tw_tool_predict(const tw_tool *tool, const char *model, const char *const *paths, size_t count, size_t k,
                          int format, tw_tool_summary *ret_summary, tw_error *error) {
  tw_model *opened;
  TW_TRY(tw_model_open(model, &opened, error));
  answer answer = {.tool = tool,
                   .model = opened,
                   .labels = (const char *const *)opened->record.classes,
                   .label_count = opened->record.class_count,
                   .k = k,
                   .format = (tw_report_format)format};
  tw_status status = answer_init(&answer, error);
  if (status == TW_OK && opened->trunk == NULL) {
    status =
        tw_error_set(error, TW_E_ARGUMENT,
                     "%s: takes rows of %zu features, not pictures: it was trained with --features; a model trained "
                     "on a folder takes pictures",
                     model, opened->top->dimensions);
  }
  if (status == TW_OK) {
    tw_api_note_precision(tool, opened);
    tw_report_prediction_header(answer.format, answer.k, &answer.buffer);
    status = tw_api_write(tool, &answer.buffer, error);
  }
  if (status == TW_OK) {
    status = tw_api_stream(tool, opened->trunk, TW_HEAD_FEATURES, paths, count, predict_row, &answer,
                           &ret_summary->skipped, error);
  }
  answer_done(&answer);
  tw_model_free(opened);
  return status;
}
