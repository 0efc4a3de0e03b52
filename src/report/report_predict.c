/* One line a picture: what `predict` prints; and what `classify` does. */
#include <jansson.h>

#include "formats/formats.h"
#include "report/report.h"

static void text_line(const char *path, const char *const *classes, const float *probabilities, const size_t *order,
                      size_t k, tw_buffer *buffer) {
  tw_text_append_escaped(buffer, path);
  for (size_t i = 0; i < k; i++) {
    tw_buffer_text(buffer, "\t");
    tw_text_append_escaped(buffer, classes[order[i]]);
    tw_buffer_format(buffer, "\t%.4f", (double)probabilities[order[i]]);
  }
  tw_buffer_text(buffer, "\n");
}

static void csv_line(const char *path, const char *const *classes, const float *probabilities, const size_t *order,
                     size_t k, tw_buffer *buffer) {
  char number[TW_NUMBER_TEXT_SIZE];
  tw_csv_append_field(buffer, path);
  for (size_t i = 0; i < k; i++) {
    tw_buffer_text(buffer, ",");
    tw_csv_append_field(buffer, classes[order[i]]);
    tw_buffer_format(buffer, ",%s", tw_number_text_f32(probabilities[order[i]], number));
  }
  tw_buffer_text(buffer, "\n");
}

/* The object of one picture; takes over `top`. */
static void append_object(const char *path, const char *label, float probability, json_t *top, tw_buffer *buffer) {
  json_t *object = json_object();
  tw_json_set_path(object, path);
  json_object_set_new(object, "label", json_string(label));
  json_object_set_new(object, "probability", tw_json_f32(probability));
  json_object_set_new(object, "top", top);
  tw_json_append(buffer, object);
  tw_buffer_text(buffer, "\n");
}

static void json_line(const char *path, const char *const *classes, const float *probabilities, const size_t *order,
                      size_t k, tw_buffer *buffer) {
  json_t *top = json_array();
  for (size_t i = 0; i < k; i++) {
    json_array_append_new(
        top, json_pack("{s:s, s:o}", "label", classes[order[i]], "probability", tw_json_f32(probabilities[order[i]])));
  }
  append_object(path, classes[order[0]], probabilities[order[0]], top, buffer);
}

void tw_report_prediction_header(tw_report_format format, size_t k, tw_buffer *buffer) {
  if (format == TW_FORMAT_CSV) {
    tw_buffer_text(buffer, "path,label,probability");
    for (size_t i = 2; i <= k; i++) {
      tw_buffer_format(buffer, ",label_%zu,probability_%zu", i, i);
    }
    tw_buffer_text(buffer, "\n");
  }
}

void tw_report_prediction(tw_report_format format, const char *path, const char *const *classes,
                          const float *probabilities, const size_t *order, size_t k, tw_buffer *buffer) {
  switch (format) {
    case TW_FORMAT_TEXT: text_line(path, classes, probabilities, order, k, buffer); break;
    case TW_FORMAT_CSV: csv_line(path, classes, probabilities, order, k, buffer); break;
    case TW_FORMAT_JSON: json_line(path, classes, probabilities, order, k, buffer); break;
  }
}

/* ---- What a network itself says ---------------------------------------------------------------------------------- */

void tw_report_answers_text(const char *path, const tw_report_answer *answers, size_t k, tw_buffer *buffer) {
  if (path != NULL) {
    tw_text_append_escaped(buffer, path);
    tw_buffer_text(buffer, "\n");
  }
  for (size_t i = 0; i < k; i++) {
    tw_buffer_format(buffer, "%.4f %.*s\n", (double)answers[i].probability, (int)answers[i].shown, answers[i].label);
  }
}

void tw_report_answers_json(const char *path, const tw_report_answer *answers, size_t k, tw_buffer *buffer) {
  json_t *top = json_array();
  for (size_t i = 0; i < k; i++) {
    const tw_report_answer *answer = &answers[i];
    json_array_append_new(top, json_pack("{s:s, s:o, s:I, s:s%, s:s?}", "label", answer->label, "probability",
                                         tw_json_f32(answer->probability), "index", (json_int_t)answer->index, "short",
                                         answer->label, answer->shown, "synset", answer->synset));
  }
  append_object(path, answers[0].label, answers[0].probability, top, buffer);
}
