/* Floor `model`: trunk + top + labels + preprocessing, the one path from bytes to probabilities, and the model file.
 *
 * The model file is plain ONNX: outputs `probabilities` (N x K) and `features` (N x d), everything else about the model
 * in metadata_props under `topwork.`. It holds no times, dates, paths, host names or thread counts: the same training
 * gives the same bytes. */
#ifndef TW_MODEL_H
#define TW_MODEL_H

#include "base/base.h"
#include "features/features.h"
#include "train/train.h"

enum {
  TW_MODEL_FORMAT = 1,         /* of the metadata; another one is refused */
  TW_MODEL_MAX_JSON = 1 << 30, /* bytes of one metadata entry */
  TW_MODEL_MAX_LABEL = 65536,  /* bytes of a class's name */
  TW_MODEL_MAX_PATH = 10000,   /* strengths tried */
};

/* How the model was made and what it reached: what the metadata holds beside trunk, top and preprocessing. */
typedef struct tw_model_record {
  size_t class_count; /* K */
  char **classes;     /* K names, UTF-8, in byte order */
  /* Contents of the parts, each sorted: [TW_PART_TRAINING], [TW_PART_VALIDATION], [TW_PART_TEST]. */
  size_t content_counts[3];
  tw_hash *contents[3];
  uint64_t seed;
  double validation_share; /* as asked for; NAN where folders gave the part */
  double test_share;
  size_t folds;           /* 0: a test part; K: tested by folds, trained on all */
  size_t train_per_class; /* 0: parts by shares; N: N of each class for training, all others for the test */
  /* Accuracy on the test part of every draw of the parts, the model being of the first; and averaged over the classes.
   */
  size_t repeats; /* 0: one draw */
  double *repeat_accuracies;
  double *repeat_class_accuracies;
  double strength;        /* C */
  bool by_folds;          /* how C was chosen */
  double objective;       /* J of the final fit; by a recipe: that of its top on the training part */
  tw_history *history;    /* NULL: the exact top. Owned; read from a file its times are 0 */
  double exact_objective; /* by a recipe: the least J on the training part */
  tw_path path;           /* the strengths tried; without points in models that do not say */
  /* The test result; test_count is 0 when there was no test part. */
  size_t test_count;
  size_t test_correct;
  double test_log_loss;
  double baseline;
} tw_model_record;

void tw_model_record_done(tw_model_record *record);

typedef struct tw_model {
  tw_trunk *trunk; /* NULL: the model takes features */
  tw_top *top;
  tw_model_record record;
} tw_model;

/* Takes over trunk (may be NULL), top and what `record` holds, also on failure. */
tw_status tw_model_create(tw_trunk *trunk, tw_top *top, tw_model_record *record, tw_model **ret_model, tw_error *error);
TW_API void tw_model_free(tw_model *model); /* the public library's; NULL is fine */

/* Trunk and top as one network, outputs `probabilities` and `features`: what the model file holds. It borrows the
 * model's constants: free it first. */
tw_status tw_model_graph(const tw_model *model, tw_graph **ret_graph, tw_error *error);
/* Appends the model file. */
tw_status tw_model_write(const tw_model *model, tw_buffer *buffer, tw_error *error);
/* The public library's: reads one; errors name the file. A network that is no topwork model is TW_E_FORMAT and says so;
 * so is a truncated file. */
TW_API tw_status tw_model_open(const char *path, tw_model **ret_model, tw_error *error);
/* The same from bytes, borrowed until the model is freed. For tests and fuzzing. */
tw_status tw_model_open_bytes(tw_bytes file, tw_model **ret_model, tw_error *error);

/* The part this content had in training: training, validation, test; TW_PART_UNSET when it was not there. */
tw_part tw_model_part_of(const tw_model *model, const tw_hash *content);
/* The class called `name`; SIZE_MAX when there is none. */
size_t tw_model_class(const tw_model *model, const char *name);

/* Pictures to probabilities. ret_probabilities: count x K, allocated, rows of failed pictures are zeros. `cache` may be
 * NULL. Errors: those of tw_extract; TW_E_ARGUMENT for a model that takes features. */
tw_status tw_model_predict(const tw_model *model, tw_cache *cache, const char *const *paths, size_t count, int threads,
                           tw_ticker *ticker, tw_extraction **ret_extraction, float **ret_probabilities,
                           tw_error *error);
/* One picture in memory; ret_probabilities: K. Thread-safe, as are the two below. */
tw_status tw_model_predict_one(const tw_model *model, const tw_source *source, int threads, float *ret_probabilities,
                               tw_error *error);
/* Its features; ret_features: d. */
tw_status tw_model_features_one(const tw_model *model, const tw_source *source, int threads, float *ret_features,
                                tw_error *error);
/* Features to probabilities; TW_E_DATA when one of them is not finite. */
tw_status tw_model_apply(const tw_model *model, const float *features, float *ret_probabilities, tw_error *error);

/* The indices of the `k` largest of `count` values, largest first, the lower index first of equals; k <= count. */
void tw_largest(const float *values, size_t count, size_t k, size_t *ret_indices);

#endif
