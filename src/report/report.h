/* Floor `report`: what came of a training or an evaluation, as text for people, as JSON and CSV for programs. Computes
 * nothing that decides anything; writes no file: it appends to buffers. */
#ifndef TW_REPORT_H
#define TW_REPORT_H

#include "base/base.h"
#include "features/features.h"
#include "model/model.h"
#include "train/train.h"

/* What is known of one picture (or row of features) after a run. */
typedef struct tw_report_row {
  const char *path;  /* any bytes */
  const char *label; /* the class its folder says */
  const char *part;  /* "training", "test", "fold 2", "duplicate", ...: static or the outcome's */
  const char *prediction;
  float probability; /* of the prediction */
} tw_report_row;

typedef struct tw_outcome {
  bool evaluation;         /* of a model that was there before, by `evaluate` */
  const char *model_path;  /* written or evaluated */
  const char *report_path; /* folder; NULL when none was written */
  const char *trunk_name;  /* NULL: features were given */
  const char *precision;

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
  const tw_path *path;   /* training only */
  double strength;
  double objective;

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

  double seconds; /* the whole run */
  size_t cached;  /* pictures whose features came from the cache */
} tw_outcome;

/* The summary people read: a screen of text. */
void tw_report_text(const tw_outcome *outcome, tw_buffer *buffer);
/* The object of `--json` and metrics.json (docs/JSON.md), one object and a newline. */
tw_status tw_report_json(const tw_outcome *outcome, tw_buffer *buffer, tw_error *error);
/* confusion.csv: a header row of predicted classes, a row a true class. */
void tw_report_confusion_csv(const tw_outcome *outcome, tw_buffer *buffer);
/* predictions.csv: path, part, label, prediction, probability. */
void tw_report_predictions_csv(const tw_outcome *outcome, tw_buffer *buffer);

/* ---- Predictions ------------------------------------------------------------------------------------------------- */

typedef enum tw_report_format { TW_FORMAT_TEXT, TW_FORMAT_CSV, TW_FORMAT_JSON } tw_report_format;

/* The header line of a format that has one, for lines with `k` labels. */
void tw_report_prediction_header(tw_report_format format, size_t k, tw_buffer *buffer);
/* One picture's line: its path, then label and probability of the `k` most probable classes. Text: tab-separated,
 * escaped; CSV: quoted; JSON: an object with path, label, probability, top. order: k indices into `classes` and
 * `probabilities`, most probable first. */
void tw_report_prediction(tw_report_format format, const char *path, const char *const *classes,
                          const float *probabilities, const size_t *order, size_t k, tw_buffer *buffer);

#endif
