/* trunk.json and labels.txt: what comes with a trunk, as files. Not for networks. */
#include <jansson.h>
#include <string.h>

#include "features/trunk.h"

void tw_trunk_card_done(tw_trunk_card *card) {
  tw_free(card->name);
  tw_free(card->description);
  tw_free(card->network);
  tw_free(card->labels);
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

/* ---- Labels ------------------------------------------------------------------------------------------------------ */

static size_t count_lines(tw_bytes text) {
  size_t count = 0;
  for (size_t i = 0; i < text.size; i++) {
    count += text.data[i] == '\n' ? 1 : 0;
  }
  return count + (text.size > 0 && text.data[text.size - 1] != '\n' ? 1 : 0);
}

/* The next line without its end; moves *text behind it. */
static tw_bytes next_line(tw_bytes *text) {
  const uint8_t *end = memchr(text->data, '\n', text->size);
  size_t length = end == NULL ? text->size : (size_t)(end - text->data);
  tw_bytes line = {text->data, length};
  size_t used = end == NULL ? length : length + 1;
  *text = (tw_bytes){text->data + used, text->size - used};
  if (line.size > 0 && line.data[line.size - 1] == '\r') {
    line.size--;
  }
  return line;
}

static tw_status split_labels(const char *path, tw_bytes text, char **labels, size_t count, tw_error *error) {
  for (size_t i = 0; i < count; i++) {
    tw_bytes line = next_line(&text);
    if (line.size == 0) {
      return tw_error_set(error, TW_E_FORMAT, "%s: line %zu is empty; wanted is one label a line", path, i + 1);
    }
    if (memchr(line.data, '\0', line.size) != NULL || !tw_utf8_valid((const char *)line.data, line.size)) {
      return tw_error_set(error, TW_E_FORMAT, "%s: line %zu is not UTF-8", path, i + 1);
    }
    labels[i] = tw_strndup((const char *)line.data, line.size);
    if (labels[i] == NULL) {
      return tw_error_memory(error);
    }
  }
  return TW_OK;
}

static tw_status labels_of(const char *path, tw_bytes text, size_t count, char ***ret_labels, tw_error *error) {
  if (text.size >= 3 && memcmp(text.data, "\xef\xbb\xbf", 3) == 0) {
    text = (tw_bytes){text.data + 3, text.size - 3};
  }
  size_t lines = count_lines(text);
  if (lines > TW_TRUNK_MAX_LABELS) {
    return tw_error_set(error, TW_E_LIMIT, "%s: more than %d labels", path, TW_TRUNK_MAX_LABELS);
  }
  if (lines != count) {
    return tw_error_set(error, TW_E_FORMAT, "%s: has %zu labels, but the network has %zu outputs", path, lines, count);
  }
  char **labels = tw_alloc(count, sizeof *labels);
  if (labels == NULL) {
    return tw_error_memory(error);
  }
  tw_status status = split_labels(path, text, labels, count, error);
  if (status != TW_OK) {
    tw_trunk_names_free(labels, count);
    return status;
  }
  *ret_labels = labels;
  return TW_OK;
}

tw_status tw_trunk_labels_read(const char *path, size_t count, char ***ret_labels, tw_error *error) {
  tw_buffer bytes = {0};
  tw_status status = tw_file_read(path, TW_TRUNK_MAX_TEXT, &bytes, error);
  status = status == TW_OK ? labels_of(path, tw_buffer_bytes(&bytes), count, ret_labels, error) : status;
  tw_buffer_done(&bytes);
  return status;
}
