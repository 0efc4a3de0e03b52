/* libtopwork: a folder of labelled photographs in, a tested classifier out; and predictions from its model file.
 *
 * Every function that can fail returns a tw_status and writes the details into the caller's tw_error (which may be
 * NULL). Out-parameters are called ret_x, come last but for the error, and are untouched on failure. Paths are bytes as
 * the system has them; class names are UTF-8. The library never prints, never exits, and has no global state of its
 * own. */
#ifndef TOPWORK_TOPWORK_H
#define TOPWORK_TOPWORK_H

#include "topwork/status.h"

#ifdef __cplusplus
extern "C" {
#endif

#define TW_VERSION_MAJOR 0
#define TW_VERSION_MINOR 1
#define TW_VERSION_PATCH 0

/* "0.1.0"; static. */
TW_API const char *tw_version(void);

/* ---- Predicting -------------------------------------------------------------------------------------------------- */

/* A trained classifier. It may be shared between threads: predictions from one model may run in many threads at once.
 */
typedef struct tw_model tw_model;

/* Opens a model file that `topwork train` or tw_train wrote. Free it with tw_model_free. */
TW_API tw_status tw_model_open(const char *path, tw_model **ret_model, tw_error *error);
TW_API void tw_model_free(tw_model *model); /* NULL is fine */

/* K, and the classes' names, sorted as bytes; NULL for an index of K or more. The texts are the model's. */
TW_API size_t tw_model_class_count(const tw_model *model);
TW_API const char *tw_model_class_name(const tw_model *model, size_t index);

/* Probabilities of a picture: ret_probabilities has room for K floats, in the order of the classes; they sum to 1.
 * Errors: TW_E_IO, TW_E_FORMAT (a corrupt picture), TW_E_UNSUPPORTED (no picture topwork reads), TW_E_LIMIT,
 * TW_E_ENGINE, TW_E_MEMORY; TW_E_ARGUMENT for a model that takes features instead of pictures. */
TW_API tw_status tw_model_predict_file(const tw_model *model, const char *path, float *ret_probabilities,
                                       tw_error *error);
/* The same for the `size` bytes of a picture's file in memory. */
TW_API tw_status tw_model_predict_memory(const tw_model *model, const void *file, size_t size, float *ret_probabilities,
                                         tw_error *error);

/* ---- Training ---------------------------------------------------------------------------------------------------- */

/* Initialise it with tw_train_options_init, then change what you want. */
typedef struct tw_train_options {
  const char *trunk; /* name or file; NULL: the one that ships */
  const char *cut;   /* node of the trunk where features are taken; NULL: the input of its last fully connected layer */
  const char *preprocess; /* canonical text (docs/PREPROCESSING.md); NULL: the trunk's own */
  double validation;      /* share of each class; 0.24 */
  double test;            /* 0.16 */
  size_t folds;           /* 0: a test part; 2..100: tested by folds, trained on all */
  uint64_t seed;          /* of the draw of the parts: below 2^63 */
  const char *cache;      /* folder of the features cache; NULL: $XDG_CACHE_HOME/topwork */
  bool no_cache;
  int threads;             /* 0: all cores */
  tw_progress_fn progress; /* may be NULL */
  void *progress_context;
} tw_train_options;

TW_API void tw_train_options_init(tw_train_options *options);

/* The result of a test. Shares and probabilities are in 0..1. */
typedef struct tw_test_result {
  size_t count; /* pictures of the test part; 0: there was none, and the rest means nothing */
  size_t correct;
  double accuracy;
  double interval[2]; /* Wilson's, 95 % */
  double baseline;    /* what always guessing the largest class would get */
  double log_loss;
  size_t skipped; /* files with the name of a picture that are none */
} tw_test_result;

/* Trains on `folder` (one subfolder a class) and writes the model file `model_path`, which appears only when it is
 * complete; no report folder. `options` may be NULL, ret_result too. Errors: TW_E_DATA when the folder does not allow a
 * training (one class only, ...), TW_E_CANCELLED when the progress callback said so, and the others. */
TW_API tw_status tw_train(const char *folder, const char *model_path, const tw_train_options *options,
                          tw_test_result *ret_result, tw_error *error);

#ifdef __cplusplus
}
#endif
#endif
