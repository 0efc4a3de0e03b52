/* The names of the metadata entries of a model file, in the order in which they are written. */
#ifndef TW_MODEL_METADATA_H
#define TW_MODEL_METADATA_H

#include <jansson.h>

#include "base/base.h"
#include "graph/graph.h"

#define TW_META_FORMAT "topwork.format"               /* TW_MODEL_FORMAT in decimal */
#define TW_META_LABELS "topwork.labels"               /* JSON: list of the classes */
#define TW_META_TRUNK "topwork.trunk"                 /* JSON: name, hash; absent when the model takes features */
#define TW_META_PREPROCESSING "topwork.preprocessing" /* canonical text (image/image.h); absent likewise */
#define TW_META_PRECISION "topwork.precision"         /* "f32", "bf16", "int8" */
#define TW_META_FIDELITY "topwork.fidelity"           /* JSON: what that costs, measured; absent for f32 */
#define TW_META_TRAINING "topwork.training"           /* JSON: seed, shares, folds, strength, ... */
#define TW_META_PARTS "topwork.parts"       /* JSON: part -> content hashes, 32 hexadecimal digits each, joined */
#define TW_META_TEST "topwork.test"         /* JSON: count, correct, log loss, baseline */
#define TW_META_COMPLETE "topwork.complete" /* the last bytes of the file: hash of all before this entry */

enum {
  TW_META_FIELD = 14, /* ModelProto.metadata_props */
  /* The bytes of the last entry: tag and length, then key and value with a tag and a length each. */
  TW_META_COMPLETE_SIZE = 2 + 2 + 16 + 2 + 32,
};
_Static_assert(sizeof TW_META_COMPLETE - 1 == 16, "TW_META_COMPLETE_SIZE counts this key");

/* "metadata 'topwork.parts': is missing", TW_E_FORMAT (model_read.c). */
tw_status tw_metadata_wrong(const char *key, const char *what, tw_error *error);
/* The JSON of an entry, to be released; *ret is NULL when `optional` and not there (model_read.c). */
tw_status tw_metadata_json(const tw_graph *graph, const char *key, bool optional, json_t **ret, tw_error *error);

/* Names of the values in the model's graph. */
#define TW_NAME_FEATURES "features"
#define TW_NAME_PROBABILITIES "probabilities"
#define TW_NAME_LOGITS "topwork.logits"
#define TW_NAME_WEIGHTS "topwork.weights"
#define TW_NAME_INTERCEPTS "topwork.intercepts"

#endif
