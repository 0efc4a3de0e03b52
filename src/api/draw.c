/* `draw`: one of the tutorial's pictures as a file. What it shows is computed here; how it looks is the report's. */
#include <string.h>

#include "api/report_run.h"
#include "formats/formats.h"

static bool ends_in(const char *path, const char *extension) {
  size_t length = strlen(path);
  size_t size = strlen(extension);
  return length > size && strcmp(path + length - size, extension) == 0;
}

static bool is_photograph(tw_tool_drawing kind) {
  return kind == TW_DRAW_FEATURES || kind == TW_DRAW_GRID;
}

/* PNG or SVG, by the name of the output. */
static tw_status choose_format(const tw_tool_draw *request, bool *ret_png, tw_error *error) {
  if (ends_in(request->output, ".png")) {
    *ret_png = true;
    return TW_OK;
  }
  if (is_photograph(request->kind)) {
    return tw_error_set(error, TW_E_ARGUMENT, "%s: this picture holds photographs and is written as PNG: name it .png",
                        request->output);
  }
  if (ends_in(request->output, ".svg")) {
    *ret_png = false;
    return TW_OK;
  }
  return tw_error_set(error, TW_E_ARGUMENT, "%s: charts are written as PNG or SVG: name it .png or .svg",
                      request->output);
}

/* ---- One picture ------------------------------------------------------------------------------------------------- */

/* What features or probabilities a picture is drawn with, and where they come from. */
typedef struct subject {
  const tw_tool *tool;
  const tw_tool_draw *request;
  tw_model *model; /* NULL: the trunk itself */
  tw_trunk *trunk; /* the model's, or opened for it */
  tw_extraction *row;
} subject;

static void subject_done(subject *subject) {
  tw_extraction_free(subject->row);
  if (subject->model == NULL) {
    tw_trunk_free(subject->trunk);
  }
  tw_model_free(subject->model);
}

static tw_status subject_open(subject *subject, tw_error *error) {
  const char *model = subject->request->model;
  if (model == NULL) {
    const tw_tool_trunk *request = &subject->request->trunk;
    TW_TRY(tw_api_open_trunk(request, &subject->trunk, error));
    return tw_api_choose_precision(subject->tool, request, subject->trunk, NULL, 0, error);
  }
  TW_TRY(tw_model_open(model, &subject->model, error));
  tw_api_note_precision(subject->tool, subject->model);
  subject->trunk = subject->model->trunk;
  return subject->trunk != NULL ? TW_OK
                                : tw_error_set(error, TW_E_ARGUMENT,
                                               "%s: takes rows of features, not pictures: it was trained with "
                                               "--features; give a model that was trained on a folder",
                                               model);
}

static tw_status compute_row(subject *subject, tw_trunk_head head, tw_error *error) {
  const char *path = subject->request->subject;
  tw_ticker ticker = tw_api_ticker(subject->tool);
  tw_extract_options options = {.threads = subject->tool->threads, .head = head, .ticker = &ticker};
  tw_cache *cache = NULL;
  if (head == TW_HEAD_FEATURES) {
    TW_TRY(tw_api_open_cache(subject->tool, &cache, error));
  }
  tw_status status = tw_extract(subject->trunk, cache, &path, 1, &options, &subject->row, error);
  tw_api_close_cache(subject->tool, cache);
  if (status == TW_OK && subject->row->items[0].status != TW_OK) {
    status = tw_error_set(error, subject->row->items[0].status, "%s: %s", path, subject->row->items[0].reason);
  }
  return status;
}

static const char *name_of(const subject *subject) {
  return subject->model == NULL ? tw_trunk_name(subject->trunk) : tw_path_base(subject->request->model);
}

static tw_status draw_features(subject *subject, tw_buffer *file, tw_error *error) {
  enum { PIXELS = 768 /* of the photograph's longer side */ };
  const char *path = subject->request->subject;
  TW_TRY(compute_row(subject, TW_HEAD_FEATURES, error));
  tw_map *map;
  TW_TRY(tw_map_open(path, &map, error));
  tw_image_reader *reader = tw_image_reader_create();
  tw_image image;
  tw_status status =
      reader == NULL ? tw_error_memory(error) : tw_image_thumbnail(reader, tw_map_bytes(map), PIXELS, &image, error);
  if (status == TW_OK) {
    status = tw_report_draw_features(path, tw_trunk_name(subject->trunk), &image, subject->row->rows,
                                     subject->row->dimensions, file, error);
  } else {
    status = tw_error_prefix(error, status, "%s", path);
  }
  tw_image_reader_free(reader);
  tw_map_close(map);
  return status;
}

/* The classes of a model, or the network's own outputs that have a label, with their probabilities. */
typedef struct answers {
  size_t count;
  char **labels; /* owned */
  float *probabilities;
} answers;

static void answers_done(answers *answers) {
  for (size_t i = 0; i < answers->count; i++) {
    tw_free(answers->labels[i]);
  }
  tw_free(answers->labels);
  tw_free(answers->probabilities);
}

static tw_status answers_init(answers *answers, size_t room, tw_error *error) {
  answers->labels = tw_alloc(room, sizeof *answers->labels);
  answers->probabilities = tw_alloc(room, sizeof *answers->probabilities);
  return answers->labels == NULL || answers->probabilities == NULL ? tw_error_memory(error) : TW_OK;
}

static bool answers_add(answers *answers, const char *label, size_t length, float probability) {
  char *copy = tw_strndup(label, length);
  if (copy != NULL) {
    answers->probabilities[answers->count] = probability;
    answers->labels[answers->count++] = copy;
  }
  return copy != NULL;
}

static tw_status ask_model(subject *subject, answers *answers, tw_error *error) {
  const tw_model_record *record = &subject->model->record;
  TW_TRY(compute_row(subject, TW_HEAD_FEATURES, error));
  TW_TRY(answers_init(answers, record->class_count, error));
  TW_TRY(tw_top_apply(subject->model->top, subject->row->rows, 1, 1, answers->probabilities, error));
  for (size_t i = 0; i < record->class_count; i++) {
    if (!answers_add(answers, record->classes[i], strlen(record->classes[i]), answers->probabilities[i])) {
      return tw_error_memory(error);
    }
  }
  return TW_OK;
}

/* Outputs without a label take no part; of a label that is a list of synonyms the first is enough: as `classify`. */
static tw_status ask_trunk(subject *subject, answers *answers, tw_error *error) {
  TW_TRY(tw_trunk_check_answer(subject->trunk, error));
  TW_TRY(compute_row(subject, TW_HEAD_OWN, error));
  size_t count = tw_trunk_label_count(subject->trunk);
  TW_TRY(answers_init(answers, count, error));
  for (size_t i = 0; i < count; i++) {
    const char *label = tw_trunk_label(subject->trunk, i);
    if (label == NULL) {
      continue;
    }
    bool synonyms = tw_trunk_synset(subject->trunk, i) != NULL;
    size_t length = synonyms ? (size_t)tw_label_short_length(label) : strlen(label);
    if (!answers_add(answers, label, length, subject->row->rows[i])) {
      return tw_error_memory(error);
    }
  }
  return TW_OK;
}

static tw_status draw_largest(const subject *subject, const answers *answers, bool png, tw_buffer *file,
                              tw_error *error) {
  size_t order[TW_REPORT_MAX_BARS];
  const char *labels[TW_REPORT_MAX_BARS];
  float probabilities[TW_REPORT_MAX_BARS];
  size_t k = subject->request->k < TW_REPORT_MAX_BARS ? subject->request->k : TW_REPORT_MAX_BARS;
  k = k < answers->count ? k : answers->count;
  tw_largest(answers->probabilities, answers->count, k, order);
  for (size_t i = 0; i < k; i++) {
    labels[i] = answers->labels[order[i]];
    probabilities[i] = answers->probabilities[order[i]];
  }
  return tw_report_draw_bars(subject->request->subject, name_of(subject), labels, probabilities, k, png, file, error);
}

static tw_status draw_bars(subject *subject, bool png, tw_buffer *file, tw_error *error) {
  answers answers = {0};
  tw_status status = subject->model != NULL ? ask_model(subject, &answers, error) : ask_trunk(subject, &answers, error);
  if (status == TW_OK) {
    status = draw_largest(subject, &answers, png, file, error);
  }
  answers_done(&answers);
  return status;
}

static tw_status draw_picture(const tw_tool *tool, const tw_tool_draw *request, bool png, tw_buffer *file,
                              tw_error *error) {
  subject subject = {.tool = tool, .request = request};
  tw_status status = subject_open(&subject, error);
  if (status == TW_OK) {
    status = request->kind == TW_DRAW_FEATURES ? draw_features(&subject, file, error)
                                               : draw_bars(&subject, png, file, error);
  }
  subject_done(&subject);
  return status;
}

/* ---- Test pictures ----------------------------------------------------------------------------------------------- */

static tw_status no_test(const tw_report_run *run, tw_error *error) {
  const char *folder = run->evaluation.folder;
  if (run->model->record.folds > 0) {
    return tw_error_set(error, TW_E_DATA,
                        "%s: the model was tested by folds and then trained on all pictures, so none here is a test; "
                        "the report that 'topwork train' wrote has what the folds said",
                        folder);
  }
  return tw_error_set(error, TW_E_DATA,
                      "%s: holds no picture of the model's test part, and none that training has not seen; give it "
                      "the folder that the model was trained on, or new pictures",
                      folder);
}

static tw_status draw_test(const tw_tool *tool, const tw_tool_draw *request, bool png, tw_buffer *file,
                           tw_error *error) {
  tw_report_run run = {.evaluation = {.tool = tool, .model_path = request->model, .folder = request->subject}};
  tw_status status = tw_report_run_load(&run, error);
  if (status == TW_OK) {
    status = tw_report_run_measure(&run, error);
  }
  if (status == TW_OK && run.test == NULL) {
    status = no_test(&run, error);
  }
  if (status == TW_OK) {
    tw_outcome outcome = tw_report_run_outcome(&run, NULL);
    if (run.unseen) {
      tw_api_note(tool, "nothing of the model's test part is in %s: drawn are pictures that training has not seen",
                  request->subject);
    }
    status = request->kind == TW_DRAW_GRID
                 ? tw_report_draw_grid(&outcome, request->seed, file, error)
                 : tw_report_draw(&outcome, png ? TW_CHART_CONFUSION_PNG : TW_CHART_CONFUSION_SVG, file, error);
  }
  tw_report_run_done(&run);
  return status;
}

/* ---- Curves ------------------------------------------------------------------------------------------------------ */

static tw_status draw_file(const char *path, tw_bytes bytes, bool png, tw_buffer *file, tw_error *error) {
  tw_history history;
  TW_TRY(tw_report_history_parse(path, bytes, &history, error));
  tw_status status = tw_report_draw_curves(&history, png, file, error);
  tw_free(history.epochs);
  return status;
}

static tw_status draw_model(const char *path, bool png, tw_buffer *file, tw_error *error) {
  tw_model *model;
  TW_TRY(tw_model_open(path, &model, error));
  tw_status status =
      model->record.history != NULL
          ? tw_report_draw_curves(model->record.history, png, file, error)
          : tw_error_set(error, TW_E_DATA,
                         "%s: was trained to the exact optimum, which takes no epochs, so it has no curves; a model "
                         "trained with --solver sgd, momentum or adam has",
                         path);
  tw_model_free(model);
  return status;
}

/* A history begins with its header; everything else should be a model. */
static tw_status draw_curves(const tw_tool_draw *request, bool png, tw_buffer *file, tw_error *error) {
  static const char header[] = "epoch,";
  tw_map *map;
  TW_TRY(tw_map_open(request->model, &map, error));
  tw_bytes bytes = tw_map_bytes(map);
  bool is_history = ends_in(request->model, ".csv") ||
                    (bytes.size >= strlen(header) && memcmp(bytes.data, header, strlen(header)) == 0);
  tw_status status = is_history ? draw_file(request->model, bytes, png, file, error) : TW_OK;
  tw_map_close(map);
  return is_history ? status : draw_model(request->model, png, file, error);
}

tw_status tw_tool_run_draw(const tw_tool *tool, const tw_tool_draw *request, tw_error *error) {
  bool png;
  TW_TRY(choose_format(request, &png, error));
  TW_TRY(tw_api_check_output(request->output, error));
  tw_buffer file = {0};
  tw_status status;
  switch (request->kind) {
    case TW_DRAW_FEATURES:
    case TW_DRAW_BARS: status = draw_picture(tool, request, png, &file, error); break;
    case TW_DRAW_CURVES: status = draw_curves(request, png, &file, error); break;
    default: status = draw_test(tool, request, png, &file, error);
  }
  if (status == TW_OK) {
    status = tw_output_save(request->output, tw_buffer_bytes(&file), error);
  }
  tw_buffer_done(&file);
  return status;
}
