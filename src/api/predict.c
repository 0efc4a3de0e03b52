/* `predict`: a model's answers, a line a picture; `classify`: what a trunk itself says. */
#include <string.h>

#include "api/stream.h"

/* What turns a row into a line. */
typedef struct answer {
  const tw_tool *tool;
  const tw_model *model; /* NULL: the row holds the trunk's probabilities already */
  const char *const *labels;
  size_t label_count;
  size_t k;
  tw_report_format format;
  bool show_path; /* classify: a line with the path before the labels */
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

/* Text: the path when there are several, then a line a label: "0.8923 giant panda". */
static tw_status classify_row(void *context, const char *path, const float *row, tw_error *error) {
  answer *answer = context;
  tw_largest(row, answer->label_count, answer->k, answer->order);
  if (answer->format == TW_FORMAT_JSON) {
    tw_report_prediction(TW_FORMAT_JSON, path, answer->labels, row, answer->order, answer->k, &answer->buffer);
  } else {
    if (answer->show_path) {
      tw_text_append_escaped(&answer->buffer, path);
      tw_buffer_text(&answer->buffer, "\n");
    }
    for (size_t i = 0; i < answer->k; i++) {
      tw_buffer_format(&answer->buffer, "%.4f ", (double)row[answer->order[i]]);
      tw_text_append_escaped(&answer->buffer, answer->labels[answer->order[i]]);
      tw_buffer_text(&answer->buffer, "\n");
    }
  }
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

tw_status tw_tool_classify(const tw_tool *tool, const tw_tool_trunk *trunk, const char *const *paths, size_t count,
                           size_t k, tw_tool_summary *ret_summary, tw_error *error) {
  tw_trunk *opened;
  TW_TRY(tw_api_open_trunk(trunk, &opened, error));
  size_t label_count = tw_trunk_label_count(opened);
  const char **labels = tw_alloc(label_count, sizeof *labels);
  tw_status status = labels == NULL ? tw_error_memory(error) : TW_OK;
  if (status == TW_OK && label_count == 0) {
    status =
        tw_error_set(error, TW_E_DATA, "%s: comes without labels, so it cannot say what a picture shows", trunk->name);
  }
  for (size_t i = 0; labels != NULL && i < label_count; i++) {
    labels[i] = tw_trunk_label(opened, i);
  }
  answer answer = {.tool = tool,
                   .labels = labels,
                   .label_count = label_count,
                   .k = k,
                   .format = tool->json ? TW_FORMAT_JSON : TW_FORMAT_TEXT,
                   .show_path = count > 1};
  if (status == TW_OK) {
    status = answer_init(&answer, error);
  }
  if (status == TW_OK) {
    status =
        tw_api_stream(tool, opened, TW_HEAD_OWN, paths, count, classify_row, &answer, &ret_summary->skipped, error);
  }
  answer_done(&answer);
  tw_free(labels);
  tw_trunk_free(opened);
  return status;
}
