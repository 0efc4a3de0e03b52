/* A trunk: network, cut, preprocessing, labels, and the plans that are made of it when somebody asks. Where its files
 * are is trunk_find.c, what they say trunk_card.c, where the network is cut trunk_cut.c. */
#include "features/trunk.h"

#include <pthread.h>
#include <string.h>

/* Part of the cache key. Another number: features of earlier versions are not found any more. */
enum { FEATURES_FORMAT = 1 };

typedef struct made_plan {
  struct made_plan *next;
  tw_trunk_head head;
  int threads;
  tw_plan *plan;
} made_plan;

struct tw_trunk {
  char *name;
  char *file;
  char *licence;
  char *source;
  char *description;
  tw_graph *graph;
  tw_value *features;
  tw_preprocess preprocess;
  char *preprocess_text;
  tw_labels labels;        /* count 0: none */
  tw_error labels_problem; /* why there are none; TW_OK: there are, or none were found */
  tw_hash hash;
  tw_trunk_precision precision; /* as set */
  tw_precision computed;        /* what it computes in: by this processor */
  const char *precision_note;   /* why that is another one; NULL: it is not */
  tw_error unable;              /* why this processor cannot compute at all; TW_OK: it can */
  tw_quantised *quantised;      /* NULL unless it is int8 */
  tw_map *map;                  /* what that borrows from; NULL: the graph's own file, or nothing */
  tw_hash key;
  int idle_cores;       /* when it was opened */
  pthread_mutex_t lock; /* guards plans */
  made_plan *plans;
  tw_pool pool;
};

void tw_trunk_free(tw_trunk *trunk) {
  if (trunk == NULL) {
    return;
  }
  tw_pool_done(&trunk->pool); /* sessions before their plans */
  for (made_plan *at = trunk->plans; at != NULL;) {
    made_plan *next = at->next;
    tw_plan_free(at->plan);
    tw_free(at);
    at = next;
  }
  tw_quantised_free(trunk->quantised); /* before the map, or the graph, whose bytes it may borrow */
  tw_map_close(trunk->map);
  tw_labels_done(&trunk->labels);
  tw_graph_free(trunk->graph);
  pthread_mutex_destroy(&trunk->lock);
  tw_free(trunk->preprocess_text);
  tw_free(trunk->description);
  tw_free(trunk->licence);
  tw_free(trunk->source);
  tw_free(trunk->file);
  tw_free(trunk->name);
  tw_free(trunk);
}

/* ---- Making ------------------------------------------------------------------------------------------------------ */

static tw_status make_key(tw_trunk *trunk, tw_error *error) {
  tw_hasher *hasher = tw_hasher_create();
  if (hasher == NULL) {
    return tw_error_memory(error);
  }
  tw_hasher_add_text(hasher, "topwork features");
  tw_hasher_add_u64(hasher, FEATURES_FORMAT);
  tw_hasher_add(hasher, trunk->hash.bytes, sizeof trunk->hash.bytes);
  tw_hasher_add_text(hasher, trunk->preprocess_text);
  tw_hasher_add_text(hasher, tw_precision_name(trunk->computed));
  if (trunk->computed == TW_PRECISION_INT8) {
    tw_hasher_add(hasher, tw_quantised_hash(trunk->quantised)->bytes, sizeof(tw_hash));
  }
  tw_hasher_add_text(hasher, tw_engine_identity());
  tw_hasher_add_u64(hasher, tw_trunk_dimensions(trunk));
  trunk->key = tw_hasher_result(hasher);
  tw_hasher_free(hasher);
  return TW_OK;
}

/* From the graph, the cut and the preprocessing, which are set, to all that follows from them. */
static tw_status complete(tw_trunk *trunk, tw_value *cut, tw_error *error) {
  TW_TRY(tw_trunk_check_input(trunk->graph, &trunk->preprocess, error));
  TW_TRY(tw_trunk_flatten(trunk->graph, cut, &trunk->features, error));
  TW_TRY(tw_graph_hash(trunk->graph, trunk->features, &trunk->hash, error));
  trunk->preprocess_text = tw_preprocess_text(&trunk->preprocess);
  if (trunk->preprocess_text == NULL) {
    return tw_error_memory(error);
  }
  return make_key(trunk, error);
}

static tw_trunk *trunk_new(void) {
  tw_trunk *trunk = tw_alloc(1, sizeof *trunk);
  if (trunk != NULL) {
    trunk->idle_cores = tw_idle_cpu_count();
    pthread_mutex_init(&trunk->lock, NULL);
    tw_pool_init(&trunk->pool);
  }
  return trunk;
}

tw_status tw_trunk_create(tw_graph *graph, tw_value *features, const tw_preprocess *preprocess, const char *name,
                          tw_trunk **ret_trunk, tw_error *error) {
  tw_trunk *trunk = trunk_new();
  if (trunk == NULL) {
    tw_graph_free(graph);
    return tw_error_memory(error);
  }
  trunk->graph = graph;
  trunk->preprocess = *preprocess;
  trunk->name = tw_strdup(name);
  tw_status status = trunk->name == NULL ? tw_error_memory(error) : complete(trunk, features, error);
  if (status != TW_OK) {
    tw_trunk_free(trunk);
    return status;
  }
  *ret_trunk = trunk;
  return TW_OK;
}

/* ---- Opening ----------------------------------------------------------------------------------------------------- */

/* The file's base name without its last extension. */
static char *name_of_file(const char *file) {
  return tw_path_with_suffix(tw_path_base(file), "");
}

/* Texts of the card become the trunk's; its name only where the user has named the card or the trunk, not a file. */
static tw_status take_card(tw_trunk *trunk, tw_trunk_card *card, bool by_file, tw_error *error) {
  trunk->licence = card->licence;
  trunk->source = card->source;
  trunk->description = card->description;
  card->licence = card->source = card->description = NULL;
  if (card->name != NULL && !by_file) {
    trunk->name = card->name;
    card->name = NULL;
  } else {
    trunk->name = name_of_file(trunk->file);
  }
  return trunk->name == NULL ? tw_error_memory(error) : TW_OK;
}

/* The network itself, first: what a file is matters more than what is written about it. */
static tw_status import_network(tw_trunk *trunk, const tw_trunk_options *options, tw_error *error) {
  const tw_graph_hints hints = {.width = options->input_size, .height = options->input_size};
  TW_TRY(tw_graph_import_hinted(trunk->file, &hints, &trunk->graph, error));
  if (tw_graph_metadata(trunk->graph, "topwork.complete").data == NULL) {
    return TW_OK;
  }
  return tw_error_set(error, TW_E_ARGUMENT,
                      "%s: is a topwork model, not a trunk: use it with 'topwork predict', or name the trunk it was "
                      "made from",
                      trunk->file);
}

static tw_status cut_network(tw_trunk *trunk, const tw_trunk_options *options, tw_error *error) {
  tw_value *cut;
  tw_status status = tw_trunk_cut(trunk->graph, options->cut, &cut, error);
  status = status == TW_OK ? complete(trunk, cut, error) : status;
  return status == TW_OK ? status : tw_error_prefix(error, status, "%s", trunk->file);
}

static tw_status read_labels(tw_trunk *trunk, const char *path, const char *names, tw_error *error) {
  size_t count = 0;
  TW_TRY(tw_trunk_head_size(trunk, TW_HEAD_OWN, &count, error));
  return tw_trunk_labels_read(path, names, count, &trunk->labels, error);
}

/* A label file that is missing or wrong is no reason not to train on the network: the problem is kept for those who
 * want the labels (tw_trunk_check_answer). */
static tw_status take_labels(tw_trunk *trunk, const tw_trunk_options *options, const tw_trunk_card *card,
                             tw_error *error) {
  char *found = NULL;
  const char *path = options->labels != NULL ? options->labels : card->labels;
  const char *names = options->labels != NULL ? NULL : card->label_names;
  if (path == NULL) {
    TW_TRY(tw_trunk_labels_beside(trunk->file, &found, error));
    path = found;
  }
  tw_status status = path == NULL ? TW_OK : read_labels(trunk, path, names, &trunk->labels_problem);
  tw_free(found);
  return status == TW_E_MEMORY ? tw_error_memory(error) : TW_OK;
}

static tw_status open_place(tw_trunk *trunk, const tw_trunk_place *place, const tw_trunk_options *options,
                            tw_trunk_card *card, tw_error *error) {
  if (place->card != NULL) {
    TW_TRY(tw_trunk_card_read(place->card, card, error));
  }
  if (place->network == NULL && card->network == NULL) {
    return tw_error_set(error, TW_E_FORMAT, "%s: \"network\" is missing", place->card);
  }
  trunk->file = tw_strdup(place->network != NULL ? place->network : card->network);
  if (trunk->file == NULL) {
    return tw_error_memory(error);
  }
  TW_TRY(take_card(trunk, card, place->network != NULL, error));
  TW_TRY(import_network(trunk, options, error));
  const tw_preprocess_source source = {trunk->file, trunk->graph, options, place->card, card->preprocessing};
  TW_TRY(tw_trunk_find_preprocess(&source, &trunk->preprocess, error));
  TW_TRY(cut_network(trunk, options, error));
  return take_labels(trunk, options, card, error);
}

tw_status tw_trunk_open(const char *name, const tw_trunk_options *options, tw_trunk **ret_trunk, tw_error *error) {
  tw_trunk_options defaults = {0};
  tw_trunk_place place = {0};
  tw_trunk_card card = {0};
  TW_TRY(tw_trunk_find(name, &place, error));
  tw_trunk *trunk = trunk_new();
  tw_status status = trunk == NULL ? tw_error_memory(error)
                                   : open_place(trunk, &place, options == NULL ? &defaults : options, &card, error);
  tw_trunk_card_done(&card);
  tw_trunk_place_done(&place);
  if (status != TW_OK) {
    tw_trunk_free(trunk);
    return status;
  }
  *ret_trunk = trunk;
  return TW_OK;
}

/* ---- Questions --------------------------------------------------------------------------------------------------- */

const char *tw_trunk_name(const tw_trunk *trunk) {
  return trunk->name;
}

const char *tw_trunk_file(const tw_trunk *trunk) {
  return trunk->file;
}

const char *tw_trunk_licence(const tw_trunk *trunk) {
  return trunk->licence;
}

const char *tw_trunk_origin(const tw_trunk *trunk) {
  return trunk->source;
}

const char *tw_trunk_description(const tw_trunk *trunk) {
  return trunk->description;
}

const tw_graph *tw_trunk_graph(const tw_trunk *trunk) {
  return trunk->graph;
}

tw_value *tw_trunk_features(const tw_trunk *trunk) {
  return trunk->features;
}

size_t tw_trunk_dimensions(const tw_trunk *trunk) {
  return (size_t)trunk->features->shape.dims[1];
}

const tw_preprocess *tw_trunk_preprocess(const tw_trunk *trunk) {
  return &trunk->preprocess;
}

const char *tw_trunk_preprocess_text(const tw_trunk *trunk) {
  return trunk->preprocess_text;
}

size_t tw_trunk_label_count(const tw_trunk *trunk) {
  return trunk->labels.count;
}

const char *tw_trunk_label(const tw_trunk *trunk, size_t index) {
  return index < trunk->labels.count ? trunk->labels.texts[index] : NULL;
}

const char *tw_trunk_synset(const tw_trunk *trunk, size_t index) {
  return index < trunk->labels.count && trunk->labels.synsets != NULL ? trunk->labels.synsets[index] : NULL;
}

tw_status tw_trunk_check_answer(const tw_trunk *trunk, tw_error *error) {
  const char *called = trunk->file == NULL ? trunk->name : trunk->file;
  const tw_value *value = tw_trunk_head_value(trunk, TW_HEAD_OWN);
  if (!tw_trunk_is_answer(value)) {
    return tw_error_set(error, TW_E_DATA,
                        "%s: says nothing about pictures by itself: its output '%s' is no row of probabilities (it "
                        "comes from %s, not from Softmax)",
                        called, value->name, value->producer == NULL ? "no node" : tw_op_name(value->producer->op));
  }
  if (trunk->labels_problem.code != TW_OK) {
    return tw_error_set(error, trunk->labels_problem.code, "%s", trunk->labels_problem.message);
  }
  if (trunk->labels.count == 0) {
    return tw_error_set(error, TW_E_DATA,
                        "%s: comes without labels, so it cannot say what a picture shows; give them by --labels FILE",
                        called);
  }
  return TW_OK;
}

tw_hash tw_trunk_hash(const tw_trunk *trunk) {
  return trunk->hash;
}

tw_hash tw_trunk_key(const tw_trunk *trunk) {
  return trunk->key;
}

tw_pool *tw_trunk_pool(tw_trunk *trunk) {
  return &trunk->pool;
}

/* ---- Precision --------------------------------------------------------------------------------------------------- */

const tw_trunk_precision *tw_trunk_get_precision(const tw_trunk *trunk) {
  return &trunk->precision;
}

const char *tw_trunk_precision_note(const tw_trunk *trunk) {
  return trunk->precision_note;
}

const tw_quantised *tw_trunk_quantised(const tw_trunk *trunk) {
  return trunk->quantised;
}

tw_status tw_trunk_set_precision(tw_trunk *trunk, const tw_trunk_precision *precision, tw_quantised *quantised,
                                 tw_error *error) {
  if ((precision->precision == TW_PRECISION_INT8) != (quantised != NULL)) {
    tw_quantised_free(quantised);
    return tw_error_set(error, TW_E_ARGUMENT, "%s: int8 goes with a calibration, and only int8", trunk->name);
  }
  tw_quantised_free(trunk->quantised);
  trunk->quantised = quantised;
  trunk->precision = *precision;
  trunk->computed = precision->precision;
  trunk->precision_note = NULL;
  trunk->unable.code =
      tw_engine_precision(precision->precision, &trunk->computed, &trunk->precision_note, &trunk->unable);
  if (quantised != NULL) {
    trunk->precision.layers = tw_quantised_nodes(quantised, &trunk->precision.wide);
  }
  return make_key(trunk, error);
}

void tw_trunk_keep_map(tw_trunk *trunk, tw_map *map) {
  tw_map_close(trunk->map);
  trunk->map = map;
}

tw_status tw_trunk_able(const tw_trunk *trunk, tw_error *error) {
  return trunk->unable.code == TW_OK
             ? TW_OK
             : tw_error_set(error, trunk->unable.code, "%s: %s", trunk->name, trunk->unable.message);
}

/* ---- Plans ------------------------------------------------------------------------------------------------------- */

const tw_value *tw_trunk_head_value(const tw_trunk *trunk, tw_trunk_head head) {
  const tw_graph *graph = trunk->graph;
  for (size_t i = graph->output_count; head == TW_HEAD_OWN && i > 0; i--) {
    if (tw_trunk_is_answer(graph->outputs[i - 1])) {
      return graph->outputs[i - 1];
    }
  }
  return head == TW_HEAD_OWN ? graph->outputs[graph->output_count - 1] : trunk->features;
}

tw_status tw_trunk_head_size(const tw_trunk *trunk, tw_trunk_head head, size_t *ret_size, tw_error *error) {
  const tw_value *value = tw_trunk_head_value(trunk, head);
  if (value->dtype != TW_DTYPE_F32 || value->shape.rank < 1 || !tw_shape_count(&value->shape, ret_size) ||
      *ret_size == 0) {
    return tw_error_set(error, TW_E_UNSUPPORTED, "%s: its output '%s' is no row of float32", trunk->name, value->name);
  }
  return TW_OK;
}

tw_status tw_trunk_plan_graph(const tw_trunk *trunk, tw_trunk_head head, tw_graph **ret_graph, tw_error *error) {
  tw_graph *graph;
  TW_TRY(tw_graph_copy(trunk->graph, &graph, error));
  const tw_value *wanted = tw_trunk_head_value(trunk, head);
  tw_value *output = tw_graph_find(graph, wanted->name);
  tw_status status = output == NULL ? tw_error_set(error, TW_E_ENGINE, "'%s' is lost in the copy", wanted->name)
                                    : tw_graph_cut(graph, &output, 1, error);
  status = status == TW_OK ? tw_graph_optimise_for_plan(graph, error) : status;
  if (status != TW_OK) {
    tw_graph_free(graph);
    return status;
  }
  *ret_graph = graph;
  return TW_OK;
}

static tw_status make_plan(const tw_trunk *trunk, tw_trunk_head head, int threads, tw_plan **ret_plan,
                           tw_error *error) {
  tw_graph *graph = NULL;
  const tw_plan_options options = {.threads = threads, .precision = trunk->computed, .quantised = trunk->quantised};
  tw_status status = tw_trunk_plan_graph(trunk, head, &graph, error);
  status = status == TW_OK ? tw_plan_create_with(graph, &options, ret_plan, error) : status;
  tw_graph_free(graph);
  return status == TW_OK ? status
                         : tw_error_prefix(error, status, "%s", trunk->file == NULL ? trunk->name : trunk->file);
}

static tw_status find_or_make(tw_trunk *trunk, tw_trunk_head head, int threads, const tw_plan **ret_plan,
                              tw_error *error) {
  for (made_plan *at = trunk->plans; at != NULL; at = at->next) {
    if (at->head == head && at->threads == threads) {
      *ret_plan = at->plan;
      return TW_OK;
    }
  }
  made_plan *made = tw_alloc(1, sizeof *made);
  if (made == NULL) {
    return tw_error_memory(error);
  }
  tw_status status = make_plan(trunk, head, threads, &made->plan, error);
  if (status != TW_OK) {
    tw_free(made);
    return status;
  }
  made->head = head;
  made->threads = threads;
  made->next = trunk->plans;
  trunk->plans = made;
  *ret_plan = made->plan;
  return TW_OK;
}

int tw_trunk_cores(const tw_trunk *trunk, int threads) {
  return threads == 0 ? trunk->idle_cores : tw_thread_count(threads);
}

tw_status tw_trunk_plan(tw_trunk *trunk, tw_trunk_head head, int threads, const tw_plan **ret_plan, tw_error *error) {
  TW_TRY(tw_trunk_able(trunk, error));
  pthread_mutex_lock(&trunk->lock);
  tw_status status = find_or_make(trunk, head, tw_thread_count(threads), ret_plan, error);
  pthread_mutex_unlock(&trunk->lock);
  return status;
}
