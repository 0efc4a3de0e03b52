/* `export`: a model as TensorFlow's frozen graph, with its labels beside it. What the nodes are is floor graph's
 * business (src/graph/graphdef_export*.c). */
#include <string.h>
#include <strings.h>
#include <sys/stat.h>

#include "api/internal.h"
#include "formats/formats.h"

#define LABELS_NAME "labels.txt"
#define OUTPUT_NAME "final_result" /* as TensorFlow's retrain.py calls it */

/* ---- What is written where --------------------------------------------------------------------------------------- */

static bool same_file(const char *a, const char *b) {
  struct stat left;
  struct stat right;
  if (strcmp(a, b) == 0) {
    return true;
  }
  return stat(a, &left) == 0 && stat(b, &right) == 0 && left.st_dev == right.st_dev && left.st_ino == right.st_ino;
}

static tw_status check_names(const char *model, const char *output, const char *labels, tw_error *error) {
  size_t length = strlen(output);
  if (length > 5 && strcasecmp(output + length - 5, ".onnx") == 0) {
    return tw_error_set(error, TW_E_ARGUMENT,
                        "%s: what is exported is a graph of TensorFlow, its name should end in .pb; an ONNX file is "
                        "what %s already is",
                        output, model);
  }
  if (same_file(model, output) || same_file(model, labels)) {
    return tw_error_set(error, TW_E_ARGUMENT, "%s: is the model itself; give another name", model);
  }
  if (same_file(output, labels)) {
    return tw_error_set(error, TW_E_ARGUMENT, "%s: graph and labels cannot be the same file; give --labels FILE",
                        output);
  }
  return TW_OK;
}

/* labels.txt in the folder of `path`. */
static char *labels_beside(const char *path) {
  size_t folder = (size_t)(tw_path_base(path) - path);
  return tw_format("%.*s" LABELS_NAME, (int)folder, path);
}

/* A label a line, as retrain.py writes them. */
static tw_status labels_text(const tw_model_record *record, tw_buffer *text, tw_error *error) {
  for (size_t i = 0; i < record->class_count; i++) {
    if (strpbrk(record->classes[i], "\n\r") != NULL) {
      tw_buffer name = {0};
      tw_text_append_escaped(&name, record->classes[i]);
      tw_error_set(error, TW_E_DATA,
                   "the class '%.200s' has a line break in its name; a file with a label a line cannot hold it",
                   name.failed ? "" : (const char *)name.data);
      tw_buffer_done(&name);
      return TW_E_DATA;
    }
    tw_buffer_format(text, "%s\n", record->classes[i]);
  }
  return tw_buffer_status(text, error);
}

/* A file of labels that nobody named: it may be another network's. */
static tw_status check_found_labels(const char *path, const tw_buffer *text, tw_error *error) {
  struct stat found;
  if (stat(path, &found) != 0) {
    return TW_OK;
  }
  tw_buffer there = {0};
  tw_error unread;
  bool same = S_ISREG(found.st_mode) && tw_file_read(path, TW_LABELS_MAX_TEXT, &there, &unread) == TW_OK &&
              tw_bytes_equal(tw_buffer_bytes(&there), tw_buffer_bytes(text));
  tw_buffer_done(&there);
  return same ? TW_OK
              : tw_error_set(error, TW_E_DATA,
                             "%s: is there already and holds something else; give --labels FILE to say where the "
                             "labels go",
                             path);
}

/* ---- The graph --------------------------------------------------------------------------------------------------- */

static tw_graphdef_input input_of(const tw_model *model) {
  return model->trunk == NULL ? TW_GRAPHDEF_FLOAT : tw_graphdef_input_of(tw_trunk_preprocess(model->trunk));
}

static tw_status make_graph(const tw_model *model, tw_buffer *file, tw_error *error) {
  tw_graph *graph;
  TW_TRY(tw_model_graph(model, &graph, error));
  tw_status status =
      tw_graph_export_graphdef(graph, input_of(model), model->trunk == NULL ? NULL : tw_trunk_preprocess(model->trunk),
                               OUTPUT_NAME, file, error);
  tw_graph_free(graph);
  return status;
}

static size_t count_nodes(const tw_buffer *file) {
  enum { NODE = 1 };
  tw_wire wire = tw_wire_open(tw_buffer_bytes(file));
  tw_wire_field field;
  size_t count = 0;
  while (tw_wire_next(&wire, &field)) {
    count += field.number == NODE;
  }
  return count;
}

/* ---- What is said of it ------------------------------------------------------------------------------------------ */

static tw_status say_input(const tw_tool *tool, const tw_model *model, tw_error *error) {
  if (model->trunk == NULL) {
    tw_api_note(tool, "input '%s': float32, N x %zu, rows of features", TW_GRAPHDEF_INPUT_NAME, model->top->dimensions);
    return TW_OK;
  }
  tw_preprocess preprocess = *tw_trunk_preprocess(model->trunk);
  if (input_of(model) == TW_GRAPHDEF_JPEG) {
    tw_api_note(tool, "input '%s': the bytes of one JPEG file", TW_GRAPHDEF_JPEG_NAME);
    return TW_OK;
  }
  preprocess.layout = TW_LAYOUT_NHWC;
  char *text = tw_preprocess_text(&preprocess);
  if (text == NULL) {
    return tw_error_memory(error);
  }
  tw_api_note(tool, "input '%s': float32, N x %u x %u x 3, pictures after this preprocessing: %s",
              TW_GRAPHDEF_INPUT_NAME, (unsigned)preprocess.height, (unsigned)preprocess.width, text);
  tw_free(text);
  return TW_OK;
}

static tw_status say(const tw_tool *tool, const tw_model *model, const char *output, const char *labels,
                     const tw_buffer *file, tw_error *error) {
  size_t classes = model->record.class_count;
  tw_api_note(tool, "%s: %zu nodes, %zu bytes; %s: %zu labels", output, count_nodes(file), file->size, labels, classes);
  TW_TRY(say_input(tool, model, error));
  if (model->trunk != NULL && tw_trunk_get_precision(model->trunk)->precision != TW_PRECISION_F32) {
    tw_api_note(tool, "the graph computes in f32, topwork this model in %s: their probabilities differ a little",
                tw_precision_name(tw_trunk_get_precision(model->trunk)->precision));
  }
  tw_api_note(tool, "output '%s': float32, %s x %zu, probabilities", OUTPUT_NAME,
              input_of(model) == TW_GRAPHDEF_JPEG ? "1" : "N", classes);
  return TW_OK;
}

/* ---- The command ------------------------------------------------------------------------------------------------- */

/* Both files are there under their names, or neither is, unless the second renaming fails. */
static tw_status save(const char *output, const tw_buffer *file, const char *labels, const tw_buffer *text,
                      tw_error *error) {
  tw_output *graph;
  TW_TRY(tw_output_open(output, &graph, error));
  tw_output_write(graph, file->data, file->size);
  tw_status status = tw_output_save(labels, tw_buffer_bytes(text), error);
  if (status != TW_OK) {
    tw_output_discard(graph);
    return status;
  }
  return tw_output_commit(graph, error);
}

static tw_status export_model(const tw_tool *tool, const tw_model *model, const char *path, const char *output,
                              const char *labels, bool labels_found, tw_error *error) {
  tw_buffer file = {0};
  tw_buffer text = {0};
  tw_status status = labels_text(&model->record, &text, error);
  if (status == TW_OK) {
    status = make_graph(model, &file, error);
  }
  if (status != TW_OK) {
    tw_error_prefix(error, status, "%s", path);
  } else if (labels_found) {
    status = check_found_labels(labels, &text, error);
  }
  if (status == TW_OK) {
    status = save(output, &file, labels, &text, error);
  }
  if (status == TW_OK) {
    status = say(tool, model, output, labels, &file, error);
  }
  tw_buffer_done(&text);
  tw_buffer_done(&file);
  return status;
}

tw_status tw_tool_export(const tw_tool *tool, const char *model, const char *output, const char *labels,
                         tw_error *error) {
  char *beside = labels == NULL ? labels_beside(output) : NULL;
  const char *path = labels == NULL ? beside : labels;
  if (path == NULL) {
    return tw_error_memory(error);
  }
  tw_model *opened = NULL;
  tw_status status = check_names(model, output, path, error);
  if (status == TW_OK) {
    status = tw_api_check_output(output, error);
  }
  if (status == TW_OK) {
    status = tw_api_check_output(path, error);
  }
  if (status == TW_OK) {
    status = tw_model_open(model, &opened, error);
  }
  if (status == TW_OK) {
    status = export_model(tool, opened, model, output, path, labels == NULL, error);
  }
  tw_model_free(opened);
  tw_free(beside);
  return status;
}
