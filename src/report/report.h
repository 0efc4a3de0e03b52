/* Floor `report`: what came of a training or an evaluation, as text, page and charts for people, as JSON and CSV for
 * programs. Computes nothing that decides anything; writes no file: it appends to buffers. */
#ifndef TW_REPORT_H
#define TW_REPORT_H

#include "base/base.h"
#include "features/features.h"
#include "model/model.h"
#include "train/train.h"

/* Parts of rows beside those of tw_part: pictures that training has not seen; those of a class the model does not know.
 */
#define TW_PART_UNSEEN "unseen"
#define TW_PART_UNKNOWN_CLASS "unknown class"

/* What is known of one picture (or row of features) after a run. */
typedef struct tw_report_row {
  const char *path;  /* any bytes */
  const char *label; /* the class its folder says */
  const char *part;  /* "training", "test", "fold 2", "duplicate", ...: static or the outcome's */
  const char *prediction;
  float probability; /* of the prediction */
  bool tested;       /* it is one of those that `test` counts; the rest is then set */
  uint32_t label_index;
  uint32_t predicted_index;
  float own_probability; /* of its own class */
} tw_report_row;

typedef struct tw_outcome {
  bool evaluation;                     /* of a model that was there before, by `evaluate` */
  const char *folder;                  /* of the pictures; NULL with features from a file */
  bool again;                          /* the report of a model that was there before, by `report` */
  const char *model_path;              /* written or evaluated */
  const char *report_path;             /* folder; NULL when none was written */
  bool charts;                         /* they are in it */
  const char *trunk_name;              /* NULL: features were given */
  const tw_trunk_precision *precision; /* of the trunk; NULL: features were given */

  size_t class_count;
  const char *const *classes;
  size_t part_counts[6];   /* by tw_part */
  size_t pictures;         /* found, those without features not among them */
  size_t small_classes;    /* with fewer than ten contents: too few to judge */
  size_t untested_classes; /* of them, with too few for a test part: training only */

  const tw_metrics *test;        /* of the test part, or of all folds together; NULL when there was none */
  const tw_metrics *used;        /* evaluation: pictures that were used in training; NULL when none */
  bool counts_used;              /* evaluation with --include-training: `test` is of all pictures */
  size_t folds;                  /* 0: a test part */
  const double *fold_accuracies; /* folds */
  double fold_mean;
  double fold_deviation; /* standard deviation over the folds, n - 1 */
  const tw_path *path;   /* training only; NULL: not known */
  uint64_t seed;
  double strength;
  double objective;

  /* Training by a recipe; history NULL: the exact top. `strength` is then that of the exact top, for comparison. */
  const tw_history *history;
  double recipe_objective;      /* J at `strength` on the training part, of the recipe's top */
  double exact_objective;       /* the least there is */
  const tw_metrics *exact_test; /* of the exact top on the test part; NULL without one */

  /* Several draws of the parts (--repeat), the model being of the first; 0: one draw. */
  size_t repeats;
  const double *repeat_accuracies;       /* repeats */
  const double *repeat_class_accuracies; /* averaged over the classes */
  double repeat_mean, repeat_deviation;  /* standard deviation, n - 1 */
  double repeat_class_mean, repeat_class_deviation;
  size_t train_per_class; /* 0: parts by shares */

  size_t skipped_count;
  const tw_skipped *skipped;
  size_t loose_count; /* pictures directly in the folder */
  size_t ignored;     /* other files */
  size_t empty_count; /* folders without a picture */
  char *const *empty;
  size_t unknown_count; /* evaluation: classes that the model does not know */
  const char *const *unknown;
  size_t unknown_pictures;
  size_t missing_count; /* evaluation: classes of the model without a picture here */

  size_t row_count;
  const tw_report_row *rows; /* in the order of the listing */
  const float *features;     /* row_count x dimensions; NULL: not known, and no picture of them is shown */
  size_t dimensions;

  size_t unseen_count; /* with `again`: pictures that are in none of the model's parts */
  size_t note_count;
  char *const *notes; /* what looks odd about the folder: whole sentences */

  double seconds; /* the whole run */
  size_t cached;  /* pictures whose features came from the cache */
} tw_outcome;

/* The summary people read: a screen of text. */
void tw_report_text(const tw_outcome *outcome, tw_buffer *buffer);
/* The object of `--json` and metrics.json (docs/JSON.md), one object and a newline. */
tw_status tw_report_json(const tw_outcome *outcome, tw_buffer *buffer, tw_error *error);
struct json_t;
/* The value of "fidelity" there: how near the features are to those in float32; JSON's null where that was not measured
 * and for NULL. NULL when out of memory. */
struct json_t *tw_report_fidelity(const tw_trunk_precision *precision);
/* confusion.csv: a header row of predicted classes, a row a true class. */
void tw_report_confusion_csv(const tw_outcome *outcome, tw_buffer *buffer);
/* predictions.csv: path, part, label, prediction, probability. */
void tw_report_predictions_csv(const tw_outcome *outcome, tw_buffer *buffer);

/* ---- The page and the charts ------------------------------------------------------------------------------------- */

enum {
  TW_REPORT_MAX_BYTES = 8000000, /* of index.html */
  TW_REPORT_MAX_MISTAKES = 1500, /* shown */
  TW_REPORT_MAX_RIGHT = 12,      /* right ones shown of a class */
  TW_REPORT_THUMBNAIL = 96,      /* pixels of the longer side */
  TW_REPORT_GRID = 9,            /* test pictures at random, three by three */
  TW_REPORT_MAX_BARS = 50,       /* classes in the bar chart of a picture */
};

/* index.html: one file that needs nothing else, readable without script. Reads the pictures it shows from rows[].path,
 * on `threads` threads; those that are gone are shown as boxes. `ticker` may be NULL. Errors: TW_E_MEMORY,
 * TW_E_CANCELLED. */
tw_status tw_report_page(const tw_outcome *outcome, int threads, tw_ticker *ticker, tw_buffer *buffer, tw_error *error);

typedef enum tw_report_chart {
  TW_CHART_CONFUSION_PNG,
  TW_CHART_CONFUSION_SVG,
  TW_CHART_PATH,
  TW_CHART_CLASSES,
  TW_CHART_CURVES_PNG,
  TW_CHART_CURVES_SVG,
  TW_CHART_COUNT,
} tw_report_chart;

const char *tw_report_chart_file(tw_report_chart chart); /* "confusion.png"; static */
/* Whether the outcome has what the chart shows. */
bool tw_report_has_chart(const tw_outcome *outcome, tw_report_chart chart);
/* Appends the file: black on white. TW_E_UNSUPPORTED when the module with cairo is not installed. */
tw_status tw_report_draw(const tw_outcome *outcome, tw_report_chart chart, tw_buffer *buffer, tw_error *error);

/* ---- The tutorial's pictures (docs/REPORT.md) ----------------------------------------------------------------------
 */

/* Each appends a whole file. Errors of all: TW_E_UNSUPPORTED when the module with cairo is not installed, TW_E_MEMORY.
 * Names may be any bytes. */

/* Loss and accuracy over the epochs, training and validation, the best epoch marked. history->count > 0; options are
 * not looked at. */
tw_status tw_report_draw_curves(const tw_history *history, bool png, tw_buffer *buffer, tw_error *error);
/* The `count` classes (1..TW_REPORT_MAX_BARS) that `by` (a trunk's or a model's name) gives a picture, as bars in this
 * order. labels: count texts. */
tw_status tw_report_draw_bars(const char *picture, const char *by, const char *const *labels,
                              const float *probabilities, size_t count, bool png, tw_buffer *buffer, tw_error *error);
/* A PNG: the picture `image` beside its features as rows of cells, coloured from the least to the largest. */
tw_status tw_report_draw_features(const char *picture, const char *by, const tw_image *image, const float *features,
                                  size_t dimensions, tw_buffer *buffer, tw_error *error);
/* A PNG: at most TW_REPORT_GRID of the tested rows, drawn by `seed`, with what was said of them; wrong ones are framed,
 * crossed and called wrong. Reads the pictures from rows[].path; those that are gone are boxes. outcome->test must be
 * there. */
tw_status tw_report_draw_grid(const tw_outcome *outcome, uint64_t seed, tw_buffer *buffer, tw_error *error);
/* The rows of such a grid; returns how many. They depend on the seed and on which rows are tested only. */
size_t tw_report_grid_choose(const tw_outcome *outcome, uint64_t seed, size_t ret_rows[TW_REPORT_GRID]);
/* rows x columns for `count` features: the whole division nearest to 1:2 (2048: 32 x 64); for counts that have none
 * near it the last row is not full. */
void tw_report_features_shape(size_t count, size_t *ret_rows, size_t *ret_columns);

/* ---- The history of a recipe ---------------------------------------------------------------------------------------
 */

enum { TW_HISTORY_MAX_BYTES = 64 << 20 /* of a history.csv that is read */ };

/* history.csv: a header, then one row an epoch: epoch (from 1), learning_rate, training_loss, training_accuracy,
 * validation_loss, validation_accuracy, seconds. What there is not (no validation part) is empty. Numbers read back as
 * they were. */
void tw_report_history_csv(const tw_history *history, tw_buffer *buffer);
/* Reads it back; `best` by its rule, options zero but for the number of epochs. ret_history->epochs is the caller's, to
 * tw_free. `path` is for messages. Errors: TW_E_FORMAT (names the line), TW_E_LIMIT, TW_E_MEMORY. */
tw_status tw_report_history_parse(const char *path, tw_bytes file, tw_history *ret_history, tw_error *error);
/* history.xlsx: a workbook of one sheet, a row an epoch under the same headings, with a chart of loss and one of
 * accuracy. The bytes do not depend on the clock. TW_E_UNSUPPORTED when the module with libxlsxwriter is not
 * installed, or finds no room for its temporary files. */
tw_status tw_report_history_xlsx(const tw_history *history, tw_buffer *buffer, tw_error *error);

/* ---- Predictions ------------------------------------------------------------------------------------------------- */

typedef enum tw_report_format { TW_FORMAT_TEXT, TW_FORMAT_CSV, TW_FORMAT_JSON } tw_report_format;

/* The header line of a format that has one, for lines with `k` labels. */
void tw_report_prediction_header(tw_report_format format, size_t k, tw_buffer *buffer);
/* One picture's line: its path, then label and probability of the `k` most probable classes. Text: tab-separated,
 * escaped; CSV: quoted; JSON: an object with path, label, probability, top. order: k indices into `classes` and
 * `probabilities`, most probable first. */
void tw_report_prediction(tw_report_format format, const char *path, const char *const *classes,
                          const float *probabilities, const size_t *order, size_t k, tw_buffer *buffer);

/* What a network itself says of one picture, one of its outputs. */
typedef struct tw_report_answer {
  size_t index; /* of the output */
  float probability;
  const char *label;  /* the whole one */
  size_t shown;       /* bytes of it that are shown where it has to be short */
  const char *synset; /* NULL when not known */
} tw_report_answer;

/* The lines of `classify`. Text: a line each, "0.8923 giant panda", the path before them unless it is NULL. JSON: the
 * object of tw_report_prediction, each entry of `top` with index, short label and synset, too. k > 0. */
void tw_report_answers_text(const char *path, const tw_report_answer *answers, size_t k, tw_buffer *buffer);
void tw_report_answers_json(const char *path, const tw_report_answer *answers, size_t k, tw_buffer *buffer);

#endif
