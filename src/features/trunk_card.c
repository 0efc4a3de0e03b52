/* trunk.json: what comes with a trunk, as a file. Not for networks, nor for the label files it names (trunk_labels.c).
 */
#include <jansson.h>
#include <string.h>

#include "features/trunk.h"

void tw_trunk_card_done(tw_trunk_card *card) {
  tw_free(card->name);
  tw_free(card->description);
  tw_free(card->network);
  tw_free(card->labels);
  tw_free(card->label_names);
  tw_free(card->preprocessing);
  tw_free(card->licence);
  tw_free(card->source);
  *card = (tw_trunk_card){0};
}

/* The text under `key` into *ret; left alone when the key is not there. */
static tw_status take_text(const json_t *object, const char *path, const char *key, char **ret, tw_error *error) {
  const json_t *value = json_object_get(object, key);
  if (value == NULL) {
    return TW_OK;
  }
  if (!json_is_string(value) || json_string_length(value) == 0) {
    return tw_error_set(error, TW_E_FORMAT, "%s: \"%s\" must be a text, and not an empty one", path, key);
  }
  *ret = tw_strdup(json_string_value(value));
  return *ret == NULL ? tw_error_memory(error) : TW_OK;
}

/* A file beside the card: a plain name, so that a card from elsewhere reaches nothing else. */
static tw_status take_file(const json_t *object, const char *path, const char *key, char **ret, tw_error *error) {
  char *name = NULL;
  TW_TRY(take_text(object, path, key, &name, error));
  if (name == NULL) {
    return TW_OK;
  }
  if (strchr(name, '/') != NULL || strcmp(name, "..") == 0 || strcmp(name, ".") == 0) {
    tw_status status =
        tw_error_set(error, TW_E_FORMAT, "%s: \"%s\" must be the name of a file beside it, not '%s'", path, key, name);
    tw_free(name);
    return status;
  }
  *ret = tw_format("%.*s%s", (int)(tw_path_base(path) - path), path, name);
  tw_free(name);
  return *ret == NULL ? tw_error_memory(error) : TW_OK;
}

static tw_status take_all(const json_t *object, const char *path, tw_trunk_card *card, tw_error *error) {
  if (!json_is_object(object)) {
    return tw_error_set(error, TW_E_FORMAT, "%s: must be one JSON object", path);
  }
  TW_TRY(take_text(object, path, "name", &card->name, error));
  TW_TRY(take_text(object, path, "description", &card->description, error));
  TW_TRY(take_file(object, path, "network", &card->network, error));
  TW_TRY(take_file(object, path, "labels", &card->labels, error));
  TW_TRY(take_file(object, path, "label_names", &card->label_names, error));
  if (card->label_names != NULL && card->labels == NULL) {
    return tw_error_set(error, TW_E_FORMAT, "%s: \"label_names\" is there, but not \"labels\", the map to these names",
                        path);
  }
  TW_TRY(take_text(object, path, "preprocessing", &card->preprocessing, error));
  TW_TRY(take_text(object, path, "source", &card->source, error));
  return take_text(object, path, "licence", &card->licence, error);
}

tw_status tw_trunk_card_read(const char *path, tw_trunk_card *ret_card, tw_error *error) {
  tw_buffer bytes = {0};
  tw_status status = tw_file_read(path, TW_TRUNK_MAX_TEXT, &bytes, error);
  if (status != TW_OK) {
    tw_buffer_done(&bytes);
    return status;
  }
  json_error_t where;
  json_t *object =
      json_loadb(bytes.size == 0 ? "" : (const char *)bytes.data, bytes.size, JSON_REJECT_DUPLICATES, &where);
  tw_buffer_done(&bytes);
  if (object == NULL) {
    return json_error_code(&where) == json_error_out_of_memory
               ? tw_error_memory(error)
               : tw_error_set(error, TW_E_FORMAT, "%s: line %d: %s", path, where.line, where.text);
  }
  tw_trunk_card card = {0};
  status = take_all(object, path, &card, error);
  json_decref(object);
  if (status != TW_OK) {
    tw_trunk_card_done(&card);
    return status;
  }
  *ret_card = card;
  return TW_OK;
}
