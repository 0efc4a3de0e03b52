/* libtopwork: a folder of labelled photographs in, a tested classifier out; and predictions from its model file.
 *
 *   tw_model *model;
 *   tw_error error;
 *   if (tw_model_open("birds.onnx", &model, &error) != TW_OK) {
 *     fprintf(stderr, "%s\n", error.message);
 *     return 1;
 *   }
 *   size_t count = tw_model_class_count(model);
 *   float *probabilities = malloc(count * sizeof *probabilities);
 *   if (tw_model_predict_file(model, "bird.jpg", count, probabilities, &error) != TW_OK) ...
 *   tw_model_free(model);
 *
 * What holds for every function here:
 *
 * Errors. A function that can fail returns a tw_status (topwork/status.h) and, unless it is TW_OK, writes that status
 * and one line of plain words into the caller's tw_error. The error need not be initialised, may be NULL, and is left
 * alone on success. The library never prints, never exits, changes no signal handler and no locale. Every function can
 * return TW_E_MEMORY; what has failed has released all that it took.
 *
 * Out-parameters are called ret_x, come last but for the error, and are untouched on failure.
 *
 * NULL. A pointer may be NULL only where its comment says so. Elsewhere NULL gives TW_E_ARGUMENT, from functions
 * without a status 0 or NULL; _free(NULL) does nothing. A pointer to what is freed already cannot be recognised: that
 * is undefined, as it is with free().
 *
 * Ownership. The library keeps no pointer that it is given beyond the call; texts and models that it gives belong to
 * whom the comment says.
 *
 * Threads. All functions may be called from several threads at once, with the same model, too. Only tw_model_free must
 * be the last call with its model. The library starts threads of its own, which end before the call does, but for those
 * of the kernel library's pool; a model must therefore not be used in a child of fork().
 *
 * Units. Probabilities and shares are in 0..1, sizes in bytes, sides in pixels, counts in pictures unless another unit
 * is named. Paths are bytes as the system has them, class names UTF-8; all texts end in NUL.
 *
 * Growth. While the number after .so. stays, functions keep their parameters, enumerators their values and structs
 * their size: new fields come out of `reserved`. New enumerators are added at the end, so treat a tw_status that you do
 * not know as a failure. */
#ifndef TOPWORK_TOPWORK_H
#define TOPWORK_TOPWORK_H

#include "topwork/status.h"

#ifdef __cplusplus
extern "C" {
#endif

/* The version of this header; a new major version is a new .so. number. */
#define TW_VERSION_MAJOR 0
#define TW_VERSION_MINOR 1
#define TW_VERSION_PATCH 0

/* The version of the library that runs: "0.1.0". Static; never NULL. */
TW_API const char *tw_version(void);

/* ---- Models ------------------------------------------------------------------------------------------------------ */

/* A trained classifier: trunk, top, classes and preprocessing, as its file holds them. Never changes once it is open.
 */
typedef struct tw_model tw_model;

/* Opens a model file that `topwork train` or tw_train wrote. *ret_model is the caller's, to be given to tw_model_free.
 * The file may be replaced or removed afterwards, but must not be changed in place while the model is in use.
 * Errors: TW_E_IO (no such file, not readable), TW_E_FORMAT (damaged, cut short, or no topwork model),
 * TW_E_UNSUPPORTED, TW_E_LIMIT. */
TW_API tw_status tw_model_open(const char *path, tw_model **ret_model, tw_error *error);
/* Frees the model and all its texts. NULL is fine. No other call with this model may be under way. */
TW_API void tw_model_free(tw_model *model);

/* K: how many classes it tells apart, 2 or more; so many floats every prediction writes. 0 for NULL. */
TW_API size_t tw_model_class_count(const tw_model *model);
/* The name of class `index`, 0..K-1, in the order of the probabilities, which is that of the names' bytes. The model's.
 * NULL for an index of K or more and for a model of NULL. */
TW_API const char *tw_model_class_name(const tw_model *model, size_t index);
/* d: the numbers that describe a picture to the top (1280 for the trunk that ships). 0 for NULL. */
TW_API size_t tw_model_feature_count(const tw_model *model);
/* The name of the trunk, "efficientnet-lite0" for the one that ships; the model's. NULL for a model that was trained on
 * files of features and has none, and for NULL. */
TW_API const char *tw_model_trunk_name(const tw_model *model);
/* What the trunk was trained in, "f32", "bf16" or "int8": predictions use the same, and for int8 the very integers that
 * the file holds. A processor without bf16 computes such a model in f32, which differs from the third digit on. Static.
 * "f32" for a model without a trunk; NULL for NULL. */
TW_API const char *tw_model_precision(const tw_model *model);

/* ---- Predicting -------------------------------------------------------------------------------------------------- */

/* Probabilities of one picture. What these four have in common:
 *
 * ret_probabilities  room for `count` floats; they are in 0..1, sum to 1, and are in the order of tw_model_class_name.
 * count              K, tw_model_class_count(model); anything else is TW_E_ARGUMENT, and nothing is written.
 *
 * A prediction runs on the calling thread. The first one makes the plan of the network (tens of milliseconds), others
 * meanwhile wait for it. Up to twice as many predictions as there are processors run at the same time, more wait for
 * their turn; each keeps its memory for the next one (6 MB for the trunk that ships, and two copies of the pictures'
 * pixels). The digits do not depend on how many threads predict, and are those of `topwork predict`.
 *
 * Errors: TW_E_FORMAT (a corrupt or truncated picture), TW_E_UNSUPPORTED (no picture that topwork reads, or the module
 * for its format is not installed), TW_E_LIMIT (more than 2^28 pixels, 65500 a side, or 512 MiB), TW_E_DATA (the
 * network gives no finite numbers for it), TW_E_ENGINE; TW_E_ARGUMENT also for pictures when the model takes only
 * features. */

/* Of the picture in the file `path`: JPEG, PNG, WebP, GIF, TIFF, HEIC or AVIF by content, whatever its name.
 * TW_E_IO when it cannot be read. The message begins with the path. */
TW_API tw_status tw_model_predict_file(const tw_model *model, const char *path, size_t count, float *ret_probabilities,
                                       tw_error *error);
/* Of such a file's `size` bytes in memory. `file` may be NULL when size is 0 (TW_E_FORMAT, as an empty file is). */
TW_API tw_status tw_model_predict_memory(const tw_model *model, const void *file, size_t size, size_t count,
                                         float *ret_probabilities, tw_error *error);
/* Of pixels, 8-bit RGB: `height` rows from the top, `stride` bytes apart (at least 3 * width), of `width` pixels of
 * three bytes each, upright and without transparency. The digits are those of a PNG file of the same pixels.
 * TW_E_ARGUMENT when a side is 0 or the stride too small. */
TW_API tw_status tw_model_predict_pixels(const tw_model *model, const uint8_t *rgb, size_t width, size_t height,
                                         size_t stride, size_t count, float *ret_probabilities, tw_error *error);
/* Of features, `feature_count` floats (d, anything else is TW_E_ARGUMENT): what the functions below give, or for a
 * model that was trained on a file of features a row like its. TW_E_DATA when one of them is not a finite number. */
TW_API tw_status tw_model_predict_features(const tw_model *model, const float *features, size_t feature_count,
                                           size_t count, float *ret_probabilities, tw_error *error);

/* Features of one picture, for looking for similar ones or for a classifier of your own: `count` floats, which must be
 * d, tw_model_feature_count(model). All else as for the predictions of the same name. */
TW_API tw_status tw_model_features_file(const tw_model *model, const char *path, size_t count, float *ret_features,
                                        tw_error *error);
TW_API tw_status tw_model_features_memory(const tw_model *model, const void *file, size_t size, size_t count,
                                          float *ret_features, tw_error *error);
TW_API tw_status tw_model_features_pixels(const tw_model *model, const uint8_t *rgb, size_t width, size_t height,
                                          size_t stride, size_t count, float *ret_features, tw_error *error);

/* ---- Tests ------------------------------------------------------------------------------------------------------- */

/* The result of a test. What cannot be computed is NAN, which is not equal to itself. */
typedef struct tw_test_result {
  size_t count; /* pictures tested: each distinct content once, none that training has used */
  size_t correct;
  double accuracy;    /* correct / count */
  double interval[2]; /* of the accuracy: Wilson's, 95 % */
  double baseline;    /* the accuracy of always guessing the largest class */
  double log_loss;    /* mean, natural logarithm: 0 is perfect, log(K) is guessing */
  double top5;        /* share with the true class among the five most probable; NAN for K <= 5 */
  /* Of the folder; 0 from tw_model_test. */
  size_t pictures;     /* that could be read */
  size_t skipped;      /* files with the name of a picture that are none, or that could not be read */
  size_t duplicates;   /* pictures with the content of another one of the same class: not tested again */
  size_t conflicts;    /* pictures whose content is in two classes: in no part */
  size_t unknown;      /* tw_model_evaluate: pictures of classes the model does not know: not tested */
  size_t used;         /* tw_model_evaluate: pictures that training has used */
  size_t used_correct; /* of these; says how well the model remembers, not how good it is */
  uint64_t reserved[17];
} tw_test_result;

/* The test that the model's file remembers. count is 0, and all shares NAN, when it was trained without one.
 * Errors: TW_E_ARGUMENT. */
TW_API tw_status tw_model_test(const tw_model *model, tw_test_result *ret_result, tw_error *error);

/* Says something worth knowing during a long job: one line without its newline, valid during the call. Called on the
 * thread that called tw_train or tw_model_evaluate. */
typedef void (*tw_note_fn)(void *context, const char *line);

/* Initialise it with tw_evaluate_options_init, then change what you want. Texts are read during the call only. */
typedef struct tw_evaluate_options {
  bool include_training;   /* false; count pictures that training has used as if they were a test */
  bool no_cache;           /* false; compute all features anew and remember none */
  int threads;             /* 0: as many as there are processors; at most 256 */
  const char *cache;       /* NULL; folder of the features cache, NULL: $XDG_CACHE_HOME/topwork or ~/.cache/topwork */
  tw_progress_fn progress; /* NULL; may be NULL */
  tw_note_fn note;         /* NULL; may be NULL */
  void *context;           /* NULL; handed to both */
  void *reserved[27];      /* zero */
} tw_evaluate_options;

/* Fills in what the comments above name first. NULL is ignored. */
TW_API void tw_evaluate_options_init(tw_evaluate_options *options);

/* Tests the model on `folder`: one subfolder a class, called as the model calls it. Pictures that training has used are
 * no test and are counted apart. `options` may be NULL; the progress callback is called with the stage "features".
 * Errors: TW_E_IO, TW_E_DATA (no class that the model knows; every picture was used in training; no subfolders with
 * pictures), TW_E_CANCELLED, TW_E_ENGINE; TW_E_ARGUMENT for a model that takes features, and for options out of range.
 */
TW_API tw_status tw_model_evaluate(const tw_model *model, const char *folder, const tw_evaluate_options *options,
                                   tw_test_result *ret_result, tw_error *error);

/* ---- Training ---------------------------------------------------------------------------------------------------- */

/* Initialise it with tw_train_options_init, then change what you want. Texts are read during the call only. */
typedef struct tw_train_options {
  const char *trunk;      /* NULL; name of an installed trunk or path of a network, NULL: the one that ships */
  const char *cut;        /* NULL; node of the trunk where features are taken, NULL: the input of its last layer */
  const char *preprocess; /* NULL; canonical text (docs/PREPROCESSING.md), NULL: the trunk's own */
  double validation;      /* 0.24; share of each class that chooses the strength of the regularisation */
  double test;            /* 0.16; share of each class that tests; 0: no test. Both together below 1 */
  size_t folds;           /* 0; 2..100: tested by so many folds instead, and trained on all pictures */
  uint64_t seed;          /* 0; of the draw of the parts, below 2^63 */
  const char *cache;      /* NULL; folder of the features cache, NULL: $XDG_CACHE_HOME/topwork or ~/.cache/topwork */
  bool no_cache;          /* false; compute all features anew and remember none */
  bool report; /* false; write the folder MODEL.report beside the model (its extension replaced), as the program does */
  int threads; /* 0: as many as there are processors; at most 256. Changes no digit of the model */
  tw_progress_fn progress; /* NULL; may be NULL */
  tw_note_fn note;         /* NULL; may be NULL */
  void *context;           /* NULL; handed to both */
  /* NULL; what the trunk computes in: "f32" (NULL, too), "bf16", "int8", or "auto", the first of int8, bf16 and f32
   * that the processor has and whose features are near enough to float32's. int8 is calibrated on a sample of the
   * folder's pictures (10 at least) unless a calibration of the trunk is in the cache's folder; a note says what was
   * chosen. */
  const char *precision;
  bool recalibrate;   /* false; make that calibration anew, though one is kept */
  void *reserved[18]; /* zero */
} tw_train_options;

/* Fills in what the comments above name first. NULL is ignored. */
TW_API void tw_train_options_init(tw_train_options *options);

/* Trains on `folder`, one subfolder a class, and writes the model file `model_path`, which appears under its name only
 * when it is complete and replaces what was there. Corrupt pictures are counted and skipped. `options` and ret_result
 * may be NULL. The same files and options give the same bytes, whatever the threads, the file names and the cache.
 * Errors: TW_E_IO (the folder, or the place of the model), TW_E_DATA (one class only, no pictures, too few for the
 * folds), TW_E_CANCELLED (the progress callback returned false: features computed so far stay in the cache, no model is
 * written), TW_E_FORMAT, TW_E_UNSUPPORTED and TW_E_LIMIT of the trunk, TW_E_ENGINE, TW_E_ARGUMENT (options out of
 * range). */
TW_API tw_status tw_train(const char *folder, const char *model_path, const tw_train_options *options,
                          tw_test_result *ret_result, tw_error *error);

#ifdef __cplusplus
}
#endif
#endif
