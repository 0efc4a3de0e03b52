/* Floor `features`: folders to lists of pictures, trunks, the cache, and the pipeline that turns pictures into rows of
 * floats. Knows nothing of parts, tops or models.
 *
 * Promise 2 of the design lives here: a picture's features are computed once, keyed by the content of its file. */
#ifndef TW_FEATURES_H
#define TW_FEATURES_H

#include "base/base.h"
#include "engine/engine.h"
#include "graph/graph.h"
#include "image/image.h"

enum {
  TW_WALK_MAX_DEPTH = 64,
  TW_TRUNK_MAX_TEXT = 16 << 20,  /* bytes of trunk.json */
  TW_CACHE_COMMIT_ENTRIES = 256, /* a transaction is committed after so many, or after a second */
};
#define TW_WALK_MAX_FILES ((size_t)20000000)
#define TW_PIPELINE_MAX_QUEUED ((size_t)16 << 20) /* bytes of files read ahead: seconds of work, at least one file */
#define TW_EXTRACT_MAX_BYTES ((size_t)1 << 36)    /* of all rows of one extraction: 64 GiB */

/* ---- Walking ----------------------------------------------------------------------------------------------------- */

typedef enum tw_given_part { /* the values of tw_part (train/train.h) that folders can give */
                             TW_GIVEN_TRAINING = 0,
                             TW_GIVEN_VALIDATION = 1,
                             TW_GIVEN_TEST = 2,
                             TW_GIVEN_NONE = 6
} tw_given_part;

typedef struct tw_picture {
  char *path;     /* the folder as the caller named it + '/' + what is below it; any bytes */
  uint32_t label; /* index of its class; 0 in a list without classes */
  uint8_t part;   /* tw_given_part */
} tw_picture;

typedef struct tw_skipped {
  char *path;
  char *reason; /* plain words: "0 bytes", "JPEG: ends after 312 of its rows", "SVG pictures are not read" */
} tw_skipped;

typedef struct tw_listing {
  size_t count;
  tw_picture *pictures; /* sorted by class, then by path, as bytes */
  size_t class_count;
  char **classes;       /* names of the first-level subfolders that hold a picture, in byte order, UTF-8 */
  bool has_parts;       /* folders train, val..., test... were taken as parts */
  size_t skipped_count; /* names of pictures without a picture in them, unreadable files, SVGs */
  tw_skipped *skipped;
  size_t empty_count; /* first-level subfolders without a picture */
  char **empty;
  size_t loose_count; /* pictures directly in DIR: in no class, not in `pictures` */
  char **loose;
  size_t ignored; /* other files: sounds, texts, ... (hidden ones not counted) */
} tw_listing;

/* Lists DIR as classes: a class is a first-level subfolder, deeper folders belong to it. A file is a picture by its
 * first bytes, never by its name. Hidden files and folders are ignored; symbolic links are followed, each folder and
 * each link's target once. Folders `train`, `val|valid|validation`, `test|testing` are taken as parts only when all
 * (not hidden) subfolders of DIR are among these names, `train` is there, at most one of each kind, and each holds
 * class folders; then classes are those of all parts together. Errors: TW_E_IO (missing, no folder, unreadable: the
 * message says so), TW_E_DATA (no picture in it; a class folder whose name is not UTF-8: names it), TW_E_LIMIT. An
 * unreadable subfolder is a skipped entry. */
tw_status tw_walk_classes(const char *folder, tw_listing **ret_listing, tw_error *error);

/* Lists files and, recursively, folders, without classes, in the order given (folders' contents in byte order). A path
 * named by the caller is a picture or a skipped entry, never ignored; one that does not exist is a skipped entry with
 * its reason. */
tw_status tw_walk_files(const char *const *paths, size_t count, tw_listing **ret_listing, tw_error *error);

void tw_listing_free(tw_listing *listing);

/* ---- Trunks ------------------------------------------------------------------------------------------------------ */

/* A network cut where its features are, its preprocessing, its own labels. Immutable but for the plans, which are made
 * when first asked for, and the workers of tw_extract_one; safe to share between threads. */
typedef struct tw_trunk tw_trunk;

typedef struct tw_trunk_options {
  const char
      *cut; /* name of the node or value where features are taken; NULL: the input of the last fully connected layer */
  const char
      *preprocess; /* canonical text (image/image.h); NULL: what comes with the trunk, or what the three below say */
  /* For networks without one: bilinear, squashed, as retrain.py resizes; of one that is there they change one field. */
  uint32_t input_size; /* pixels of a side; 0: not given */
  const double *mean;  /* tensor = (pixel - mean) * scale, all colours alike; NULL: not given */
  const double *scale;
  const char *labels; /* a label file (formats/formats.h); NULL: those that come with the trunk */
  bool fast_decode;   /* JPEGs are decoded as small as they may be (image.h, TW_DECODE_DRAFT) */
} tw_trunk_options;

/* The folder of calibrations, in that of the cache. */
#define TW_CALIBRATIONS "calibrations"

/* The name of the trunk that ships. */
#define TW_TRUNK_DEFAULT "efficientnet-lite0"

/* `name` is a trunk's name, looked up as models/NAME/trunk.json in the user's data folder (tw_user_data_path, where
 * trunks that were pulled are) and then in topwork's own (tw_data_path), or a file (it holds a '/' or '.', or
 * exists). A file's preprocessing comes from options, or from a trunk.json beside it, or from FILE.json, else it is an
 * error that says what to write; so is a topwork model ("metadata topwork.complete"). `options` may be NULL. */
tw_status tw_trunk_open(const char *name, const tw_trunk_options *options, tw_trunk **ret_trunk, tw_error *error);
/* From a graph that is already there (a model file): `features` is the value that holds the features. Takes over
 * `graph`, also on failure. No labels. */
tw_status tw_trunk_create(tw_graph *graph, tw_value *features, const tw_preprocess *preprocess, const char *name,
                          tw_trunk **ret_trunk, tw_error *error);
void tw_trunk_free(tw_trunk *trunk);

/* Names of the trunks that are installed in either folder, sorted, each once; freed with tw_trunk_names_free. */
tw_status tw_trunk_names(char ***ret_names, size_t *ret_count, tw_error *error);
void tw_trunk_names_free(char **names, size_t count);

const char *tw_trunk_name(const tw_trunk *trunk); /* "efficientnet-lite0", or the file's base name without extension */
const char *tw_trunk_file(const tw_trunk *trunk); /* NULL for one made of a graph */
const char *tw_trunk_licence(const tw_trunk *trunk);     /* SPDX; NULL when not known */
const char *tw_trunk_origin(const tw_trunk *trunk);      /* where it comes from; NULL when not known */
const char *tw_trunk_description(const tw_trunk *trunk); /* one line; NULL when not known */
const tw_graph *tw_trunk_graph(
    const tw_trunk *trunk);                         /* as imported, with a pool appended where features were spatial */
tw_value *tw_trunk_features(const tw_trunk *trunk); /* 1 x d */
size_t tw_trunk_dimensions(const tw_trunk *trunk);  /* d */
const tw_preprocess *tw_trunk_preprocess(const tw_trunk *trunk);
const char *tw_trunk_preprocess_text(const tw_trunk *trunk);
/* The labels of the network's own outputs: those of the options, or the card's, or those that lie beside it. Labels
 * that are missing or wrong keep nobody from opening a trunk, only from what tw_trunk_check_answer stands before. */
size_t tw_trunk_label_count(const tw_trunk *trunk); /* as many as outputs; 0: there are none */
/* The whole label; NULL for an output without one (Inception 2015 has 1008 outputs and 1000 labels). */
const char *tw_trunk_label(const tw_trunk *trunk, size_t index);
const char *tw_trunk_synset(const tw_trunk *trunk, size_t index); /* NULL when not known */
/* TW_OK when the network by itself says what a picture shows: its own output (TW_HEAD_OWN) is one row of probabilities
 * and has labels. Otherwise the error says what is missing or wrong. */
tw_status tw_trunk_check_answer(const tw_trunk *trunk, tw_error *error);
tw_hash tw_trunk_hash(const tw_trunk *trunk); /* tw_graph_hash at the features */
/* Trunk, preprocessing, precision, calibration, engine, format version: all that a picture's features depend on but the
 * picture. */
tw_hash tw_trunk_key(const tw_trunk *trunk);

typedef enum tw_trunk_head {
  TW_HEAD_FEATURES, /* the output is the features */
  TW_HEAD_OWN,      /* the output is the network's own last one, probabilities before others: what the trunk says */
} tw_trunk_head;

/* The plan for `threads` cores a picture (1: one worker a core). Made once, kept until the trunk is freed. Thread-safe.
 */
tw_status tw_trunk_plan(tw_trunk *trunk, tw_trunk_head head, int threads, const tw_plan **ret_plan, tw_error *error);

/* ---- Precision --------------------------------------------------------------------------------------------------- */

/* What a trunk computes in, and what that was measured to cost. A trunk is opened in float32. */
typedef struct tw_trunk_precision {
  tw_precision precision;
  tw_fidelity fidelity; /* of its features; pictures 0: not measured */
  bool unseen;          /* that is over pictures which the calibration has not seen */
  size_t calibrated;    /* int8: pictures of the calibration */
  size_t layers;        /* int8: nodes with weights */
  size_t wide;          /* of these, in float32 */
} tw_trunk_precision;

/* As it was set: on a processor that cannot do it the trunk may compute in another one. */
const tw_trunk_precision *tw_trunk_get_precision(const tw_trunk *trunk);
/* "int8: cosine to f32 0.9981 on average, 0.9967 at worst, over 50 pictures that calibration has not seen; 3 of 94
 * layers in float32". Allocated; NULL when out of memory. */
char *tw_trunk_precision_text(const tw_trunk_precision *precision);
/* What is to be said of a trunk that computes in another precision than was set; NULL: nothing. Static. */
const char *tw_trunk_precision_note(const tw_trunk *trunk);
/* NULL unless it was set to int8. */
const tw_quantised *tw_trunk_quantised(const tw_trunk *trunk);

/* Sets what is known of the precision already, before anything is computed with the trunk. Takes over `quantised`, also
 * on failure (NULL but for int8); what that borrows must stay as long as the trunk. `layers` and `wide` are set from
 * it. A processor that cannot do the precision is no error here: who then computes with the trunk gets it. */
tw_status tw_trunk_set_precision(tw_trunk *trunk, const tw_trunk_precision *precision, tw_quantised *quantised,
                                 tw_error *error);

typedef struct tw_precision_request {
  tw_precision precision;
  bool automatic; /* instead: the first of int8, bf16, f32 that the processor has and whose features are near enough to
                     float32's, by TW_FIDELITY_MEAN and TW_FIDELITY_WORST. Nothing is timed */
  /* Calibrations are kept in the folder TW_CALIBRATIONS in that of the cache, under trunk and preprocessing, whatever
   * the pictures, and are used again. */
  const char *cache; /* NULL: where tw_cache_open looks */
  bool no_cache;     /* neither read nor write any */
  bool recalibrate;  /* made anew, though one is kept */
  /* The pictures that the sample is drawn from: at most TW_MAX_CALIBRATION, and for the check a quarter of them more.
   * Which ones depends on the contents alone. Those that cannot be read are left out. */
  const char *const *paths;
  size_t count;                                  /* 0: only a calibration that is kept will do */
  int threads;                                   /* 0: all */
  tw_ticker *ticker;                             /* may be NULL; stages "sample" and those of tw_quantise */
  void (*note)(void *context, const char *line); /* what there is to say; may be NULL */
  void *context;
} tw_precision_request;

/* Makes or finds what the precision needs and sets it. The trunk stays in float32, which is a note, where the processor
 * has no bf16. Errors: TW_E_DATA (the pictures do not do: too few, all alike; features too far from float32's),
 * TW_E_ARGUMENT (no calibration is kept, and there are no pictures), TW_E_UNSUPPORTED (not on this processor),
 * TW_E_CANCELLED, those of the engine. A calibration that is damaged or cannot be kept is a note. */
tw_status tw_trunk_choose_precision(tw_trunk *trunk, const tw_precision_request *request, tw_error *error);

/* ---- Cache ------------------------------------------------------------------------------------------------------- */

/* An LMDB environment: (content, trunk key) -> features. One a process and folder. Safe to share between threads. */
typedef struct tw_cache tw_cache;

/* folder NULL: $XDG_CACHE_HOME/topwork, or ~/.cache/topwork. ret_note gets a line (allocated, or NULL) when the run has
 * to go on with less: on a network file system or when the cache cannot be opened at all *ret_cache is NULL and the
 * note says why and what to do; when the cache cannot be written it is used read-only. Only TW_E_MEMORY and
 * TW_E_ARGUMENT are failures. */
tw_status tw_cache_open(const char *folder, tw_cache **ret_cache, char **ret_note, tw_error *error);
/* Commits and closes. NULL is fine. */
void tw_cache_close(tw_cache *cache);

/* False when it is not there (or has another length). */
bool tw_cache_get(tw_cache *cache, const tw_hash *content, const tw_hash *key, float *ret_features, size_t dimensions);
/* Puts it into the batch that is written next. A full disk or a read-only cache is no failure of the run: false, and
 * the cache stays unwritten from then on (tw_cache_note says why, once, at the end; NULL when all is well, or when
 * opening has said it already). */
bool tw_cache_put(tw_cache *cache, const tw_hash *content, const tw_hash *key, const float *features,
                  size_t dimensions);
const char *tw_cache_note(const tw_cache *cache);

typedef struct tw_cache_info {
  char *folder;
  size_t entries;
  size_t bytes;  /* of the file on disk */
  size_t trunks; /* different keys */
} tw_cache_info;

tw_status tw_cache_inspect(const char *folder, tw_cache_info *ret_info, tw_error *error);
void tw_cache_info_done(tw_cache_info *info);
/* Of features, and of calibrations. */
tw_status tw_cache_clear(const char *folder, tw_error *error);
/* Drops the entries that were put first until the file is at most `bytes`; the file shrinks. ret_dropped: entries. Like
 * clearing it is refused (TW_E_ARGUMENT) while this process has the cache open; other processes that have it open go on
 * with the old file, and what they add from then on is lost. */
tw_status tw_cache_prune(const char *folder, size_t bytes, size_t *ret_dropped, tw_error *error);

/* ---- The pipeline ------------------------------------------------------------------------------------------------ */

typedef struct tw_extract_options {
  int threads; /* workers; 0: all */
  tw_trunk_head head;
  tw_ticker *ticker; /* may be NULL; stage "features" */
} tw_extract_options;

/* What came of one picture. */
typedef struct tw_extracted {
  tw_status status;
  char *reason;    /* NULL when status is TW_OK: plain words, without the path */
  tw_hash content; /* zeros when the file could not be read */
  bool cached;
} tw_extracted;

typedef struct tw_extraction {
  size_t count;      /* as the paths */
  size_t dimensions; /* d: features, or the network's own outputs */
  float *rows;       /* count x d; a failed one's is zeros */
  tw_extracted *items;
  size_t failed;
  size_t cached;
} tw_extraction;

/* Reads files ahead of the workers (a queue bounded in bytes), one worker a core: hash, cache, decode, network. A
 * content that occurs more than once is computed once. A file that cannot be read or decoded is an item with its
 * reason, not a failure. No plan is made and no module opened while everything comes from the cache. `cache` may be
 * NULL; with TW_HEAD_OWN it is not used. A single picture runs on all cores that are
 * idle when the trunk is opened. The digits do not depend on `threads`.
 * Errors: TW_E_CANCELLED (what is computed is in the cache), TW_E_ENGINE, TW_E_MEMORY, those of the plan. */
tw_status tw_extract(tw_trunk *trunk, tw_cache *cache, const char *const *paths, size_t count,
                     const tw_extract_options *options, tw_extraction **ret_extraction, tw_error *error);
/* A picture in memory, borrowed: the bytes of its file, or, when rgb is not NULL, its pixels as tw_image_borrow takes
 * them. */
typedef struct tw_source {
  tw_bytes file;
  const uint8_t *rgb;
  size_t width;
  size_t height;
  size_t stride;
} tw_source;

/* One picture from memory, on the calling thread and `threads` cores (0: all that are idle when the trunk is
 * opened); ret_row: d floats, untouched on failure.
 * Not cached. Thread-safe: the trunk keeps a bounded pool of sessions and readers for it. */
tw_status tw_extract_one(tw_trunk *trunk, const tw_source *source, tw_trunk_head head, int threads, float *ret_row,
                         tw_error *error);
void tw_extraction_free(tw_extraction *extraction);

#endif
