/* Data sets from features computed elsewhere: a .npy of rows and a .tsv that names them. */
#include <stdlib.h>
#include <string.h>

#include "api/internal.h"
#include "formats/formats.h"

enum { MAX_NAMES_FILE = 1 << 30 };

/* One field of a line, unescaped in place: `*at` moves past it and its tab. */
static char *next_field(char **at) {
  char *field = *at;
  char *write = field;
  char *read = field;
  for (; *read != '\0' && *read != '\t'; read++) {
    if (*read == '\\' && read[1] != '\0') {
      read++;
      *write++ = *read == 't' ? '\t' : *read == 'n' ? '\n' : *read == 'r' ? '\r' : *read;
    } else {
      *write++ = *read;
    }
  }
  *at = *read == '\0' ? read : read + 1;
  *write = '\0';
  return field;
}

/* The next line, without its end; NULL at the end of the text. */
static char *next_line(char **at) {
  char *line = *at;
  if (*line == '\0') {
    return NULL;
  }
  char *end = strchr(line, '\n');
  *at = end == NULL ? line + strlen(line) : end + 1;
  if (end != NULL) {
    *end = '\0';
  }
  size_t length = strlen(line);
  if (length > 0 && line[length - 1] == '\r') {
    line[length - 1] = '\0';
  }
  return line;
}

/* Which columns the header calls path and class. */
static tw_status read_header(char *line, const char *names, size_t *ret_path, size_t *ret_class, tw_error *error) {
  *ret_path = *ret_class = SIZE_MAX;
  size_t column = 0;
  for (char *at = line; at != NULL && *at != '\0'; column++) {
    const char *field = next_field(&at);
    if (strcmp(field, "path") == 0) {
      *ret_path = column;
    } else if (strcmp(field, "class") == 0) {
      *ret_class = column;
    }
  }
  if (*ret_path == SIZE_MAX || *ret_class == SIZE_MAX) {
    return tw_error_set(error, TW_E_FORMAT,
                        "%s: its first line must name the columns 'path' and 'class', tab between them", names);
  }
  return TW_OK;
}

typedef struct named_row {
  const char *path;
  const char *class_name;
} named_row;

static tw_status parse_names(char *text, const char *names, size_t count, named_row *rows, tw_error *error) {
  char *at = text;
  char *line = next_line(&at);
  size_t path_column;
  size_t class_column;
  TW_TRY(read_header(line, names, &path_column, &class_column, error));
  size_t have = 0;
  for (line = next_line(&at); line != NULL; line = next_line(&at)) {
    named_row row = {NULL, NULL};
    char *field_at = line;
    for (size_t column = 0; column <= path_column || column <= class_column; column++) {
      const char *field = next_field(&field_at);
      row.path = column == path_column ? field : row.path;
      row.class_name = column == class_column ? field : row.class_name;
    }
    if (*row.class_name == '\0' || !tw_utf8_valid(row.class_name, strlen(row.class_name))) {
      return tw_error_set(error, TW_E_FORMAT, "%s: line %zu: the class is empty or not UTF-8", names, have + 2);
    }
    if (strlen(row.class_name) > TW_MODEL_MAX_LABEL) {
      return tw_error_set(error, TW_E_LIMIT, "%s: line %zu: the class has more than %d bytes, the limit", names,
                          have + 2, TW_MODEL_MAX_LABEL);
    }
    if (have < count) {
      rows[have] = row;
    }
    have++;
  }
  if (have != count) {
    return tw_error_set(error, TW_E_DATA, "%s: names %zu rows, but there are %zu rows of features", names, have, count);
  }
  return TW_OK;
}

static int compare_texts(const void *a, const void *b) {
  return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* Classes are the sorted different names; labels follow. */
static tw_status number_classes(tw_dataset *dataset, const named_row *rows, tw_error *error) {
  const char **sorted = tw_alloc(dataset->count, sizeof *sorted);
  if (sorted == NULL) {
    return tw_error_memory(error);
  }
  for (size_t i = 0; i < dataset->count; i++) {
    sorted[i] = rows[i].class_name;
  }
  qsort(sorted, dataset->count, sizeof *sorted, compare_texts);
  size_t classes = 0;
  for (size_t i = 0; i < dataset->count; i++) {
    if (i == 0 || strcmp(sorted[i], sorted[classes - 1]) != 0) {
      sorted[classes++] = sorted[i];
    }
  }
  tw_status status = TW_OK;
  if (classes > TW_MAX_CLASSES) {
    status = tw_error_set(error, TW_E_LIMIT, "%zu classes; the limit is %d", classes, TW_MAX_CLASSES);
  }
  dataset->classes = status == TW_OK ? tw_alloc(classes, sizeof *dataset->classes) : NULL;
  for (size_t i = 0; dataset->classes != NULL && i < classes; i++) {
    dataset->classes[i] = tw_strdup(sorted[i]);
    dataset->class_count = dataset->classes[i] == NULL ? dataset->class_count : i + 1;
  }
  if (status == TW_OK && dataset->class_count != classes) {
    status = tw_error_memory(error);
  }
  for (size_t i = 0; status == TW_OK && i < dataset->count; i++) {
    const char **found = bsearch(&rows[i].class_name, sorted, classes, sizeof *sorted, compare_texts);
    dataset->labels[i] = (uint32_t)(found - sorted);
    dataset->paths[i] = tw_strdup(rows[i].path);
    status = dataset->paths[i] == NULL ? tw_error_memory(error) : TW_OK;
  }
  tw_free(sorted);
  return status;
}

static tw_status read_names(tw_dataset *dataset, const char *names, tw_error *error) {
  tw_buffer text = {0};
  tw_status status = tw_file_read(names, MAX_NAMES_FILE, &text, error);
  if (status == TW_OK && (text.size == 0 || memchr(text.data, '\0', text.size) != NULL)) {
    status = tw_error_set(error, TW_E_FORMAT, "%s: is not a text of tab-separated columns", names);
  }
  named_row *rows = status == TW_OK ? tw_alloc(dataset->count, sizeof *rows) : NULL;
  if (status == TW_OK && rows == NULL) {
    status = tw_error_memory(error);
  }
  if (status == TW_OK) {
    status = parse_names((char *)text.data, names, dataset->count, rows, error);
  }
  if (status == TW_OK) {
    status = number_classes(dataset, rows, error);
  }
  tw_free(rows);
  tw_buffer_done(&text);
  return status;
}

static tw_status read_features(tw_bytes file, const char *features, tw_dataset **ret_dataset, tw_error *error) {
  tw_npy npy;
  tw_status status = tw_npy_read(file, &npy, error);
  if (status != TW_OK) {
    return tw_error_prefix(error, status, "%s", features);
  }
  if (npy.rank != 2 || npy.kind != 'f' || npy.dims[0] == 0 || npy.dims[1] == 0) {
    return tw_error_set(error, TW_E_DATA, "%s: must be rows x features of 2, 4 or 8 byte floats", features);
  }
  if (npy.count > TW_MAX_FEATURE_BYTES / sizeof(float)) {
    return tw_error_set(error, TW_E_LIMIT, "%s: larger than the limit of %zu GiB", features,
                        TW_MAX_FEATURE_BYTES >> 30);
  }
  tw_dataset *dataset = tw_dataset_create(npy.dims[0]);
  if (dataset != NULL) {
    dataset->count = npy.dims[0];
    dataset->dimensions = npy.dims[1];
    dataset->features = tw_alloc_aligned(npy.count * sizeof(float)); /* within the limit above */
  }
  if (dataset == NULL || dataset->features == NULL) {
    tw_dataset_free(dataset);
    return tw_error_memory(error);
  }
  status = tw_npy_to_f32(&npy, 0, npy.count, dataset->features, error);
  if (status != TW_OK) {
    tw_dataset_free(dataset);
    return tw_error_prefix(error, status, "%s", features);
  }
  for (size_t i = 0; i < dataset->count; i++) {
    dataset->contents[i] = tw_hash_of(dataset->features + i * dataset->dimensions, dataset->dimensions * sizeof(float));
  }
  *ret_dataset = dataset;
  return TW_OK;
}

tw_status tw_dataset_from_files(const char *features, const char *names, tw_dataset **ret_dataset, tw_error *error) {
  tw_map *map;
  TW_TRY(tw_map_open(features, &map, error));
  tw_dataset *dataset = NULL;
  tw_status status = read_features(tw_map_bytes(map), features, &dataset, error);
  tw_map_close(map);
  if (status == TW_OK) {
    status = read_names(dataset, names, error);
  }
  if (status != TW_OK) {
    tw_dataset_free(dataset);
    return status;
  }
  *ret_dataset = dataset;
  return TW_OK;
}
