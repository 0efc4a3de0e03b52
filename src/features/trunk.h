/* Floor `features`, private: what the parts of a trunk share. */
#ifndef TW_FEATURES_TRUNK_H
#define TW_FEATURES_TRUNK_H

#include "features/features.h"
#include "features/worker.h"
#include "formats/formats.h"

/* ---- trunk.json -------------------------------------------------------------------------------------------------- */

/* What a trunk.json says; texts are allocated, NULL where it says nothing. */
typedef struct tw_trunk_card {
  char *name;
  char *description;
  char *network;     /* path of the network's file, its folder included */
  char *labels;      /* path of the labels' file */
  char *label_names; /* of Inception's second file, when `labels` is its first */
  char *preprocessing;
  char *licence;
  char *source;
} tw_trunk_card;

/* Reads it; keys that are not known are ignored. Errors name the file and the key. */
tw_status tw_trunk_card_read(const char *path, tw_trunk_card *ret_card, tw_error *error);
void tw_trunk_card_done(tw_trunk_card *card);

/* ---- Labels ------------------------------------------------------------------------------------------------------ */

/* The label file that lies beside the network `network`, where nothing says which one is meant: NAME.labels.txt (NAME
 * without the network's extension), Inception's map, labels.txt, in this order; *ret_path NULL: none. Allocated. */
tw_status tw_trunk_labels_beside(const char *network, char **ret_path, tw_error *error);
/* Reads a label file of either kind for a network of `count` outputs. names: the second file of Inception's two; NULL:
 * the one of its usual name beside the first, should `path` be that. Errors name the file and the line. */
tw_status tw_trunk_labels_read(const char *path, const char *names, size_t count, tw_labels *ret_labels,
                               tw_error *error);

/* ---- Where trunks are -------------------------------------------------------------------------------------------- */

typedef struct tw_trunk_place {
  char *card;    /* path of the trunk.json; NULL: there is none */
  char *network; /* path of the network; NULL: the card says where */
} tw_trunk_place;

/* From what the user calls the trunk to files. Errors say what there is. */
tw_status tw_trunk_find(const char *name, tw_trunk_place *ret_place, tw_error *error);
void tw_trunk_place_done(tw_trunk_place *place);

/* ---- Preprocessing ----------------------------------------------------------------------------------------------- */

/* All that may say how pictures become the input. */
typedef struct tw_preprocess_source {
  const char *file; /* the network's */
  const tw_graph *graph;
  const tw_trunk_options *options;
  const char *card_path; /* NULL: there is none */
  const char *card_text; /* what it says of preprocessing; may be NULL */
} tw_preprocess_source;

tw_status tw_trunk_find_preprocess(const tw_preprocess_source *source, tw_preprocess *ret_preprocess, tw_error *error);

/* ---- The cut ----------------------------------------------------------------------------------------------------- */

/* The value of the graph where features are taken: `cut` (a node's or value's name) or, NULL, the default. */
tw_status tw_trunk_cut(const tw_graph *graph, const char *cut, tw_value **ret_value, tw_error *error);
/* Makes the features 1 x d: spatial ones are averaged and flattened by nodes appended to the graph. */
tw_status tw_trunk_flatten(tw_graph *graph, tw_value *value, tw_value **ret_features, tw_error *error);
/* The value that this head gives. Of the network's own outputs it is the last one that holds probabilities, or else the
 * last. */
const tw_value *tw_trunk_head_value(const tw_trunk *trunk, tw_trunk_head head);
/* Whether the value is one row of probabilities: a softmax over all there is, perhaps reshaped. */
bool tw_trunk_is_answer(const tw_value *value);
/* Floats in one row of this head. */
tw_status tw_trunk_head_size(const tw_trunk *trunk, tw_trunk_head head, size_t *ret_size, tw_error *error);
/* A copy of the graph up to this head, optimised: what the engine is given. */
tw_status tw_trunk_plan_graph(const tw_trunk *trunk, tw_trunk_head head, tw_graph **ret_graph, tw_error *error);
/* Takes over the map that the precision set last borrows from; it stays as long as the trunk. */
void tw_trunk_keep_map(tw_trunk *trunk, tw_map *map);
/* Whether this processor can compute with the trunk in its precision. */
tw_status tw_trunk_able(const tw_trunk *trunk, tw_error *error);
/* The cores that a single picture gets when `threads` are asked for, 0: those that were idle when the trunk was opened.
 * Threads that share a picture wait for each other after each step, so on a core that others use they make it slower.
 */
int tw_trunk_cores(const tw_trunk *trunk, int threads);
/* The workers of tw_extract_one. */
tw_pool *tw_trunk_pool(tw_trunk *trunk);
/* Whether the graph takes what this preprocessing makes. */
tw_status tw_trunk_check_input(const tw_graph *graph, const tw_preprocess *preprocess, tw_error *error);

#endif
