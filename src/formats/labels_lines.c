/* What all label files are: lines of text. Not for what the lines mean (labels.c, labels_imagenet.c).
 *
 * Files come from every system and editor: CRLF, a BOM and blank lines at the end are no mistakes; UTF-16, control
 * characters and blank lines in the middle are. */
#include "formats/labels_lines.h"

#include <string.h>

bool tw_label_is_blank(uint8_t byte) {
  return byte == ' ' || byte == '\t';
}

static bool is_space(uint8_t byte) {
  return tw_label_is_blank(byte) || byte == '\r' || byte == '\n';
}

static tw_bytes drop(tw_bytes bytes, size_t count) {
  return (tw_bytes){bytes.data + count, bytes.size - count};
}

static bool begins(tw_bytes bytes, const char *with) {
  size_t size = strlen(with);
  return bytes.size >= size && memcmp(bytes.data, with, size) == 0;
}

tw_status tw_label_lines_open(const char *path, tw_bytes text, tw_label_lines *ret_lines, tw_error *error) {
  if (text.size > TW_LABELS_MAX_TEXT) {
    return tw_error_set(error, TW_E_LIMIT, "%s: is longer than %zu MiB, too much for a file of labels", path,
                        TW_LABELS_MAX_TEXT >> 20);
  }
  if (begins(text, "\xff\xfe") || begins(text, "\xfe\xff")) {
    return tw_error_set(error, TW_E_FORMAT, "%s: is UTF-16; save it as UTF-8", path);
  }
  if (begins(text, "\xef\xbb\xbf")) {
    text = drop(text, 3);
  }
  while (text.size > 0 && is_space(text.data[text.size - 1])) {
    text.size--;
  }
  *ret_lines = (tw_label_lines){.path = path, .rest = text};
  return TW_OK;
}

bool tw_label_lines_next(tw_label_lines *lines, tw_bytes *ret_line) {
  if (lines->rest.size == 0) {
    return false;
  }
  const uint8_t *end = memchr(lines->rest.data, '\n', lines->rest.size);
  size_t length = end == NULL ? lines->rest.size : (size_t)(end - lines->rest.data);
  tw_bytes line = {lines->rest.data, length};
  lines->rest = drop(lines->rest, end == NULL ? length : length + 1);
  lines->number++;
  if (line.size > 0 && line.data[line.size - 1] == '\r') {
    line.size--;
  }
  while (line.size > 0 && tw_label_is_blank(line.data[line.size - 1])) {
    line.size--;
  }
  while (line.size > 0 && tw_label_is_blank(line.data[0])) {
    line = drop(line, 1);
  }
  *ret_line = line;
  return true;
}

tw_status tw_label_line_check(const tw_label_lines *lines, tw_bytes line, tw_error *error) {
  if (line.size == 0) {
    return tw_error_set(error, TW_E_FORMAT, "%s: line %zu is empty; wanted is one label a line", lines->path,
                        lines->number);
  }
  for (size_t i = 0; i < line.size; i++) {
    if ((line.data[i] < 0x20 && line.data[i] != '\t') || line.data[i] == 0x7f) {
      return tw_error_set(error, TW_E_FORMAT,
                          "%s: line %zu holds the control character 0x%02x; wanted is plain text, a label a line",
                          lines->path, lines->number, line.data[i]);
    }
  }
  if (!tw_utf8_valid((const char *)line.data, line.size)) {
    return tw_error_set(error, TW_E_FORMAT, "%s: line %zu is not UTF-8", lines->path, lines->number);
  }
  return TW_OK;
}

/* ---- Kinds of files ---------------------------------------------------------------------------------------------- */

bool tw_label_has_synset(tw_bytes bytes) {
  if (bytes.size < TW_SYNSET_SIZE || bytes.data[0] != 'n') {
    return false;
  }
  for (size_t i = 1; i < TW_SYNSET_SIZE; i++) {
    if (bytes.data[i] < '0' || bytes.data[i] > '9') {
      return false;
    }
  }
  return true;
}

/* "entry {", "item {": a message of protobuf's text format begins. */
static bool opens_message(tw_bytes line) {
  size_t at = 0;
  while (at < line.size && ((line.data[at] >= 'a' && line.data[at] <= 'z') || line.data[at] == '_')) {
    at++;
  }
  size_t name = at;
  while (at < line.size && (tw_label_is_blank(line.data[at]) || line.data[at] == ':')) {
    at++;
  }
  return name > 0 && at < line.size && line.data[at] == '{';
}

tw_labels_kind tw_labels_sniff(tw_bytes text) {
  tw_label_lines lines;
  tw_bytes line = {NULL, 0};
  if (tw_label_lines_open("", text, &lines, NULL) != TW_OK) {
    return TW_LABELS_PLAIN;
  }
  while (tw_label_lines_next(&lines, &line) && (line.size == 0 || line.data[0] == '#')) {
  }
  if (tw_label_has_synset(line) && line.size > TW_SYNSET_SIZE && line.data[TW_SYNSET_SIZE] == '\t') {
    return TW_LABELS_IMAGENET_NAMES;
  }
  return opens_message(line) ? TW_LABELS_IMAGENET_MAP : TW_LABELS_PLAIN;
}

/* ---- Labels ------------------------------------------------------------------------------------------------------ */

static void free_texts(char **texts, size_t count) {
  for (size_t i = 0; texts != NULL && i < count; i++) {
    tw_free(texts[i]);
  }
  tw_free(texts);
}

void tw_labels_done(tw_labels *labels) {
  free_texts(labels->texts, labels->count);
  free_texts(labels->synsets, labels->count);
  *labels = (tw_labels){0};
}

tw_status tw_labels_init(const char *path, size_t count, bool synsets, tw_labels *ret_labels, tw_error *error) {
  if (count > TW_LABELS_MAX_COUNT) {
    return tw_error_set(error, TW_E_LIMIT, "%s: the network has %zu outputs; labels are read for at most %zu", path,
                        count, TW_LABELS_MAX_COUNT);
  }
  tw_labels labels = {.count = count, .texts = tw_alloc(count, sizeof *labels.texts)};
  labels.synsets = synsets ? tw_alloc(count, sizeof *labels.synsets) : NULL;
  if (labels.texts == NULL || (synsets && labels.synsets == NULL)) {
    tw_labels_done(&labels);
    return tw_error_memory(error);
  }
  *ret_labels = labels;
  return TW_OK;
}

int tw_label_short_length(const char *label) {
  size_t length = strcspn(label, ",");
  return (int)(length == 0 ? strlen(label) : length);
}
