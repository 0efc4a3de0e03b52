/* `classify`: what a trunk itself says a picture shows, by its own outputs and labels. Not for models (predict.c).
 *
 * Outputs without a label take no part: Inception 2015 has 1008 outputs, of which 1000 mean something. */
#include <string.h>

#include "api/stream.h"
#include "formats/formats.h"

typedef struct classifier {
  const tw_tool *tool;
  const tw_trunk *trunk;
  size_t count;    /* outputs with a label */
  size_t *outputs; /* which these are, ascending */
  float *values;   /* their probabilities */
  size_t k;        /* at most `count` */
  size_t *order;   /* the k most probable, as indices into `outputs` */
  tw_report_answer *answers;
  bool show_path;
  tw_buffer buffer;
} classifier;

static void classifier_done(classifier *classifier) {
  tw_free(classifier->outputs);
  tw_free(classifier->values);
  tw_free(classifier->order);
  tw_free(classifier->answers);
  tw_buffer_done(&classifier->buffer);
}

/* classifier->trunk has labels, and k > 0 is what was asked for. */
static tw_status classifier_init(classifier *classifier, tw_error *error) {
  size_t all = tw_trunk_label_count(classifier->trunk);
  classifier->outputs = tw_alloc(all, sizeof *classifier->outputs);
  classifier->values = tw_alloc(all, sizeof *classifier->values);
  classifier->order = tw_alloc(all, sizeof *classifier->order);
  classifier->answers = tw_alloc(all, sizeof *classifier->answers);
  if (classifier->outputs == NULL || classifier->values == NULL || classifier->order == NULL ||
      classifier->answers == NULL) {
    return tw_error_memory(error);
  }
  for (size_t i = 0; i < all; i++) {
    if (tw_trunk_label(classifier->trunk, i) != NULL) {
      classifier->outputs[classifier->count++] = i;
    }
  }
  classifier->k = classifier->k > classifier->count ? classifier->count : classifier->k;
  return TW_OK;
}

/* A label that comes with a synset is a list of synonyms, of which the first is enough; others are shown as they are.
 */
static tw_report_answer answer_of(const tw_trunk *trunk, size_t output, float probability) {
  const char *label = tw_trunk_label(trunk, output);
  const char *synset = tw_trunk_synset(trunk, output);
  size_t shown = synset == NULL ? strlen(label) : (size_t)tw_label_short_length(label);
  return (tw_report_answer){output, probability, label, shown, synset};
}

static tw_status classify_row(void *context, const char *path, const float *row, tw_error *error) {
  classifier *classifier = context;
  for (size_t i = 0; i < classifier->count; i++) {
    classifier->values[i] = row[classifier->outputs[i]];
  }
  tw_largest(classifier->values, classifier->count, classifier->k, classifier->order);
  for (size_t i = 0; i < classifier->k; i++) {
    size_t output = classifier->outputs[classifier->order[i]];
    classifier->answers[i] = answer_of(classifier->trunk, output, row[output]);
  }
  if (classifier->tool->json) {
    tw_report_answers_json(path, classifier->answers, classifier->k, &classifier->buffer);
  } else {
    tw_report_answers_text(classifier->show_path ? path : NULL, classifier->answers, classifier->k,
                           &classifier->buffer);
  }
  return tw_api_write(classifier->tool, &classifier->buffer, error);
}

tw_status tw_tool_classify(const tw_tool *tool, const tw_tool_trunk *request, const char *const *paths, size_t count,
                           size_t k, tw_tool_summary *ret_summary, tw_error *error) {
  tw_trunk *trunk;
  TW_TRY(tw_api_open_trunk(request, &trunk, error));
  classifier classifier = {.tool = tool, .trunk = trunk, .k = k, .show_path = count > 1};
  tw_status status = tw_trunk_check_answer(trunk, error);
  status = status == TW_OK ? tw_api_choose_precision(tool, request, trunk, NULL, 0, error) : status;
  status = status == TW_OK ? classifier_init(&classifier, error) : status;
  if (status == TW_OK) {
    status =
        tw_api_stream(tool, trunk, TW_HEAD_OWN, paths, count, classify_row, &classifier, &ret_summary->skipped, error);
  }
  classifier_done(&classifier);
  tw_trunk_free(trunk);
  return status;
}
