/* The two label files of Inception 2015: a map from outputs to WordNet's synsets in protobuf's text format, and a list
 * of 21842 synsets with their names. Not for labels.txt (labels.c).
 *
 * Of the text format (https://protobuf.dev/reference/protobuf/textformat-spec) only what the map is written in is read:
 *
 *   # comment
 *   entry {
 *     target_class: 449
 *     target_class_string: "n01440764"
 *   }
 */
#include <stdlib.h>
#include <string.h>

#include "formats/labels_lines.h"

enum { TARGET_DIGITS = 9, SHOWN = 40 /* bytes of a word in a message */ };

/* ---- Names ------------------------------------------------------------------------------------------------------- */

typedef struct name {
  const uint8_t *synset; /* TW_SYNSET_SIZE bytes */
  tw_bytes text;
  size_t line;
} name;

typedef struct name_list {
  const char *path;
  name *list; /* sorted by synset */
  size_t count;
} name_list;

static int compare_names(const void *a, const void *b) {
  return memcmp(((const name *)a)->synset, ((const name *)b)->synset, TW_SYNSET_SIZE);
}

/* "n02510455", a tab, "giant panda, panda, panda bear". */
static tw_status read_name(const tw_label_lines *lines, tw_bytes line, name *ret_name, tw_error *error) {
  TW_TRY(tw_label_line_check(lines, line, error));
  size_t at = TW_SYNSET_SIZE;
  if (!tw_label_has_synset(line) || line.size == at || line.data[at] != '\t') {
    return tw_error_set(error, TW_E_FORMAT,
                        "%s: line %zu: wanted is a synset, a tab and its name, such as 'n02510455 <tab> giant panda'",
                        lines->path, lines->number);
  }
  while (tw_label_is_blank(line.data[at])) { /* a line does not end with a blank */
    at++;
  }
  *ret_name = (name){.synset = line.data, .text = {line.data + at, line.size - at}, .line = lines->number};
  return TW_OK;
}

static tw_status sort_names(name_list *names, tw_error *error) {
  if (names->count > 0) {
    qsort(names->list, names->count, sizeof *names->list, compare_names);
  }
  for (size_t i = 1; i < names->count; i++) {
    const name *one = &names->list[i - 1];
    const name *two = &names->list[i];
    if (compare_names(one, two) == 0) {
      return tw_error_set(error, TW_E_FORMAT, "%s: lines %zu and %zu both name the synset %.*s", names->path,
                          one->line < two->line ? one->line : two->line, one->line < two->line ? two->line : one->line,
                          TW_SYNSET_SIZE, (const char *)one->synset);
    }
  }
  return TW_OK;
}

static size_t count_lines(tw_label_lines lines) {
  for (tw_bytes line; tw_label_lines_next(&lines, &line);) {
  }
  return lines.number;
}

/* ret_names->list is the caller's to free, also on failure. */
static tw_status read_names(const char *path, tw_bytes text, name_list *ret_names, tw_error *error) {
  tw_label_lines lines;
  TW_TRY(tw_label_lines_open(path, text, &lines, error));
  size_t count = count_lines(lines);
  if (count > TW_LABELS_MAX_NAMES) {
    return tw_error_set(error, TW_E_LIMIT, "%s: names more than %zu synsets", path, TW_LABELS_MAX_NAMES);
  }
  *ret_names = (name_list){.path = path, .list = tw_alloc(count, sizeof *ret_names->list)};
  if (ret_names->list == NULL) {
    return tw_error_memory(error);
  }
  for (tw_bytes line; tw_label_lines_next(&lines, &line); ret_names->count++) {
    TW_TRY(read_name(&lines, line, &ret_names->list[ret_names->count], error));
  }
  return sort_names(ret_names, error);
}

/* ---- The words of the map ---------------------------------------------------------------------------------------- */

typedef enum word_kind { WORD_END, WORD_NAME, WORD_NUMBER, WORD_TEXT, WORD_MARK, WORD_WRONG } word_kind;

typedef struct word {
  word_kind kind;
  tw_bytes bytes; /* of a text: without its quotes */
} word;

typedef struct map_reader {
  const char *path;
  tw_bytes rest;
  size_t line;
  word word; /* the one to be read next */
} map_reader;

static bool is_letter(uint8_t byte) {
  return (byte >= 'a' && byte <= 'z') || (byte >= 'A' && byte <= 'Z') || byte == '_';
}

static bool is_digit(uint8_t byte) {
  return byte >= '0' && byte <= '9';
}

/* Blanks, line ends and comments. */
static void skip_space(map_reader *reader) {
  bool comment = false;
  size_t at = 0;
  for (; at < reader->rest.size; at++) {
    uint8_t byte = reader->rest.data[at];
    comment = byte != '\n' && (comment || byte == '#');
    reader->line += byte == '\n' ? 1 : 0;
    if (!comment && byte != '\n' && byte != '\r' && !tw_label_is_blank(byte)) {
      break;
    }
  }
  reader->rest = (tw_bytes){reader->rest.data + at, reader->rest.size - at};
}

/* The length of the text between quotes that begins at data[0], quotes included; 0: it does not end on its line. */
static size_t text_length(tw_bytes bytes) {
  for (size_t at = 1; at < bytes.size && bytes.data[at] != '\n'; at++) {
    if (bytes.data[at] == bytes.data[0]) {
      return at + 1;
    }
  }
  return 0;
}

static void next_word(map_reader *reader) {
  skip_space(reader);
  tw_bytes rest = reader->rest;
  size_t length = 0;
  word_kind kind = WORD_WRONG;
  if (rest.size == 0) {
    kind = WORD_END;
  } else if (is_letter(rest.data[0])) {
    kind = WORD_NAME;
    for (; length < rest.size && (is_letter(rest.data[length]) || is_digit(rest.data[length])); length++) {
    }
  } else if (is_digit(rest.data[0])) {
    kind = WORD_NUMBER;
    for (; length < rest.size && is_digit(rest.data[length]); length++) {
    }
  } else if (rest.data[0] == '"' || rest.data[0] == '\'') {
    length = text_length(rest);
    kind = length == 0 ? WORD_WRONG : WORD_TEXT;
  } else if (strchr("{}:", rest.data[0]) != NULL && rest.data[0] != '\0') {
    kind = WORD_MARK;
    length = 1;
  }
  reader->word = (word){kind, {rest.data, length}};
  if (kind == WORD_TEXT) {
    reader->word.bytes = (tw_bytes){rest.data + 1, length - 2};
  }
  reader->rest = (tw_bytes){rest.data + length, rest.size - length};
}

static tw_status unexpected(const map_reader *reader, const char *wanted, tw_error *error) {
  tw_bytes bytes = reader->word.bytes;
  bool shown = reader->word.kind != WORD_WRONG && reader->word.kind != WORD_END && bytes.size <= SHOWN &&
               tw_utf8_valid((const char *)bytes.data, bytes.size);
  if (shown) {
    return tw_error_set(error, TW_E_FORMAT, "%s: line %zu: wanted is %s, not '%.*s'", reader->path, reader->line,
                        wanted, (int)bytes.size, (const char *)bytes.data);
  }
  return tw_error_set(error, TW_E_FORMAT, "%s: line %zu: wanted is %s%s", reader->path, reader->line, wanted,
                      reader->word.kind == WORD_END ? ", but the file ends" : "");
}

/* Takes this mark or name. */
static tw_status take(map_reader *reader, word_kind kind, const char *bytes, tw_error *error) {
  if (reader->word.kind != kind || !tw_bytes_is(reader->word.bytes, bytes)) {
    char wanted[32];
    snprintf(wanted, sizeof wanted, "'%s'", bytes);
    return unexpected(reader, wanted, error);
  }
  next_word(reader);
  return TW_OK;
}

/* ---- Entries of the map ------------------------------------------------------------------------------------------ */

typedef struct entry {
  size_t target;
  size_t target_line; /* 0: not read yet */
  const uint8_t *synset;
  size_t synset_line; /* 0: not read yet */
} entry;

static tw_status read_target(map_reader *reader, entry *entry, tw_error *error) {
  if (reader->word.kind != WORD_NUMBER || reader->word.bytes.size > TARGET_DIGITS) {
    return unexpected(reader, "the number of an output", error);
  }
  entry->target = 0;
  for (size_t i = 0; i < reader->word.bytes.size; i++) {
    entry->target = entry->target * 10 + (size_t)(reader->word.bytes.data[i] - '0');
  }
  entry->target_line = reader->line;
  return TW_OK;
}

static tw_status read_synset(map_reader *reader, entry *entry, tw_error *error) {
  if (reader->word.kind != WORD_TEXT || reader->word.bytes.size != TW_SYNSET_SIZE ||
      !tw_label_has_synset(reader->word.bytes)) {
    return unexpected(reader, "a synset such as \"n02510455\"", error);
  }
  entry->synset = reader->word.bytes.data;
  entry->synset_line = reader->line;
  return TW_OK;
}

/* One line of an entry: which of the two it is, a colon, its value. */
static tw_status read_field(map_reader *reader, entry *entry, tw_error *error) {
  bool target = tw_bytes_is(reader->word.bytes, "target_class");
  if (reader->word.kind != WORD_NAME || (!target && !tw_bytes_is(reader->word.bytes, "target_class_string"))) {
    return unexpected(reader, "target_class or target_class_string", error);
  }
  if ((target ? entry->target_line : entry->synset_line) != 0) {
    return tw_error_set(error, TW_E_FORMAT, "%s: line %zu: %s is there twice in one entry", reader->path, reader->line,
                        target ? "target_class" : "target_class_string");
  }
  next_word(reader);
  TW_TRY(take(reader, WORD_MARK, ":", error));
  TW_TRY(target ? read_target(reader, entry, error) : read_synset(reader, entry, error));
  next_word(reader);
  return TW_OK;
}

static tw_status read_entry(map_reader *reader, entry *ret_entry, tw_error *error) {
  entry entry = {0};
  TW_TRY(take(reader, WORD_NAME, "entry", error));
  if (reader->word.kind == WORD_MARK && tw_bytes_is(reader->word.bytes, ":")) { /* the format allows it */
    next_word(reader);
  }
  TW_TRY(take(reader, WORD_MARK, "{", error));
  while (reader->word.kind != WORD_MARK || !tw_bytes_is(reader->word.bytes, "}")) {
    TW_TRY(read_field(reader, &entry, error));
  }
  if (entry.target_line == 0 || entry.synset_line == 0) {
    return tw_error_set(error, TW_E_FORMAT, "%s: line %zu: the entry that ends here has no %s", reader->path,
                        reader->line, entry.target_line == 0 ? "target_class" : "target_class_string");
  }
  next_word(reader);
  *ret_entry = entry;
  return TW_OK;
}

/* ---- Both together ----------------------------------------------------------------------------------------------- */

/* What has been given away so far. */
typedef struct taken {
  const name_list *names;
  size_t *target_lines; /* of each output the line of its entry; 0: none */
  size_t *synset_lines; /* of each name likewise */
} taken;

static tw_status twice(const map_reader *reader, size_t first, size_t second, const char *what, tw_error *error) {
  return tw_error_set(error, TW_E_FORMAT, "%s: lines %zu and %zu both have the %s", reader->path, first, second, what);
}

static tw_status put_entry(const map_reader *reader, const entry *entry, taken *taken, tw_labels *labels,
                           tw_error *error) {
  char what[48];
  if (entry->target >= labels->count) {
    return tw_error_set(error, TW_E_FORMAT, "%s: line %zu: target_class is %zu, but the network has %zu outputs",
                        reader->path, entry->target_line, entry->target, labels->count);
  }
  if (taken->target_lines[entry->target] != 0) {
    snprintf(what, sizeof what, "target_class %zu", entry->target);
    return twice(reader, taken->target_lines[entry->target], entry->target_line, what, error);
  }
  name wanted = {.synset = entry->synset};
  const name *found =
      bsearch(&wanted, taken->names->list, taken->names->count, sizeof *taken->names->list, compare_names);
  if (found == NULL) {
    return tw_error_set(error, TW_E_FORMAT, "%s: line %zu: the synset %.*s has no name in %s", reader->path,
                        entry->synset_line, TW_SYNSET_SIZE, (const char *)entry->synset, taken->names->path);
  }
  size_t *synset_line = &taken->synset_lines[found - taken->names->list];
  if (*synset_line != 0) {
    snprintf(what, sizeof what, "synset %.*s", TW_SYNSET_SIZE, (const char *)entry->synset);
    return twice(reader, *synset_line, entry->synset_line, what, error);
  }
  taken->target_lines[entry->target] = entry->target_line;
  *synset_line = entry->synset_line;
  labels->texts[entry->target] = tw_strndup((const char *)found->text.data, found->text.size);
  labels->synsets[entry->target] = tw_strndup((const char *)found->synset, TW_SYNSET_SIZE);
  return labels->texts[entry->target] == NULL || labels->synsets[entry->target] == NULL ? tw_error_memory(error)
                                                                                        : TW_OK;
}

static tw_status read_map(const char *path, tw_bytes text, taken *taken, tw_labels *labels, tw_error *error) {
  map_reader reader = {.path = path, .rest = text, .line = 1};
  next_word(&reader);
  if (reader.word.kind == WORD_END) {
    return tw_error_set(error, TW_E_FORMAT, "%s: has no entry", path);
  }
  while (reader.word.kind != WORD_END) {
    entry entry;
    TW_TRY(read_entry(&reader, &entry, error));
    TW_TRY(put_entry(&reader, &entry, taken, labels, error));
  }
  return TW_OK;
}

static tw_status wrong_place(const char *path, bool map, tw_error *error) {
  return tw_error_set(error, TW_E_FORMAT, "%s: is the %s, which belongs in the place of the other file", path,
                      map ? "map from outputs to synsets" : "list of synsets and their names");
}

/* Both files are what they are given as, and `map` has neither a BOM nor what else tw_label_lines_open takes off. */
static tw_status check_kinds(const char *map_path, tw_bytes *map, const char *names_path, tw_bytes names,
                             tw_error *error) {
  tw_label_lines lines;
  TW_TRY(tw_label_lines_open(map_path, *map, &lines, error));
  if (tw_labels_sniff(*map) == TW_LABELS_IMAGENET_NAMES) {
    return wrong_place(map_path, false, error);
  }
  if (tw_labels_sniff(names) == TW_LABELS_IMAGENET_MAP) {
    return wrong_place(names_path, true, error);
  }
  *map = lines.rest;
  return TW_OK;
}

tw_status tw_labels_parse_imagenet(const char *map_path, tw_bytes map, const char *names_path, tw_bytes names,
                                   size_t count, tw_labels *ret_labels, tw_error *error) {
  name_list known = {0};
  tw_labels labels = {0};
  TW_TRY(check_kinds(map_path, &map, names_path, names, error));
  tw_status status = read_names(names_path, names, &known, error);
  status = status == TW_OK ? tw_labels_init(map_path, count, true, &labels, error) : status;
  taken taken = {.names = &known,
                 .target_lines = tw_alloc(labels.count, sizeof *taken.target_lines),
                 .synset_lines = tw_alloc(known.count, sizeof *taken.synset_lines)};
  if (status == TW_OK && (taken.target_lines == NULL || taken.synset_lines == NULL)) {
    status = tw_error_memory(error);
  }
  status = status == TW_OK ? read_map(map_path, map, &taken, &labels, error) : status;
  tw_free(taken.target_lines);
  tw_free(taken.synset_lines);
  tw_free(known.list);
  if (status != TW_OK) {
    tw_labels_done(&labels);
    return status;
  }
  *ret_labels = labels;
  return TW_OK;
}
