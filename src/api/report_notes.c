/* What looks odd about a folder of pictures: the mistakes that people make when they use topwork for the first time.
 * Only says so; nothing here changes what is trained or tested. */
#include <stdlib.h>
#include <string.h>

#include "api/internal.h"

enum {
  MAX_NOTES = 20,   /* of one kind */
  COPIES_FROM = 5,  /* pictures; a class with fewer is not said to be mostly copies */
  COPIES_SHARE = 4, /* copies are more than 1 - 1/4 of a class */
  NAME = 80,        /* bytes of a name in a note */
};

void tw_notes_add(tw_notes *notes, const char *format, ...) {
  char text[TW_ERROR_MESSAGE_SIZE];
  va_list arguments;
  va_start(arguments, format);
  vsnprintf(text, sizeof text, format, arguments);
  va_end(arguments);
  char **list = tw_realloc(notes->list, notes->count + 1, sizeof *list);
  char *copy = tw_strdup(text);
  if (list == NULL || copy == NULL) {
    notes->list = list != NULL ? list : notes->list;
    tw_free(copy);
    notes->failed = true;
    return;
  }
  notes->list = list;
  notes->list[notes->count++] = copy;
}

void tw_notes_done(tw_notes *notes) {
  for (size_t i = 0; i < notes->count; i++) {
    tw_free(notes->list[i]);
  }
  tw_free(notes->list);
  *notes = (tw_notes){0};
}

/* ---- Names that differ by case or blanks only -------------------------------------------------------------------- */

typedef struct folded {
  char *key;
  size_t class;
} folded;

static bool is_blank(char c) {
  return c == ' ' || c == '\t' || c == '\n' || c == '\r' || c == '_' || c == '-';
}

/* ASCII letters small, blanks, hyphens and underscores at the ends left out, runs of them inside as one blank. */
static char *fold(const char *name) {
  char *key = tw_alloc(strlen(name) + 1, 1);
  size_t size = 0;
  bool blank = false;
  for (; key != NULL && *name != '\0'; name++) {
    if (is_blank(*name)) {
      blank = size > 0;
      continue;
    }
    if (blank) {
      key[size++] = ' ';
      blank = false;
    }
    key[size++] = *name >= 'A' && *name <= 'Z' ? (char)(*name - 'A' + 'a') : *name;
  }
  return key;
}

static int by_key(const void *a, const void *b) {
  const folded *x = a;
  const folded *y = b;
  int order = strcmp(x->key, y->key);
  return order != 0 ? order : (x->class > y->class) - (x->class < y->class);
}

static void look_at_names(tw_notes *notes, const tw_dataset *dataset) {
  folded *list = tw_alloc(dataset->class_count, sizeof *list);
  size_t count = 0;
  for (size_t i = 0; list != NULL && i < dataset->class_count; i++) {
    list[i] = (folded){fold(dataset->classes[i]), i};
    if (list[i].key == NULL) {
      break;
    }
    count++;
  }
  if (count < dataset->class_count) {
    notes->failed = true;
  } else {
    qsort(list, count, sizeof *list, by_key);
    for (size_t i = 1, said = 0; i < count && said < MAX_NOTES; i++) {
      if (list[i - 1].key[0] != '\0' && strcmp(list[i - 1].key, list[i].key) == 0) {
        tw_notes_add(notes, "classes '%.*s' and '%.*s' differ only in case or blanks: is one of them misspelt?", NAME,
                     dataset->classes[list[i - 1].class], NAME, dataset->classes[list[i].class]);
        said++;
      }
    }
  }
  for (size_t i = 0; i < count; i++) {
    tw_free(list[i].key);
  }
  tw_free(list);
}

/* ---- Classes of copies ------------------------------------------------------------------------------------------- */

static void look_at_copies(tw_notes *notes, const tw_dataset *dataset, const bool *duplicates) {
  size_t *all = tw_alloc(dataset->class_count, sizeof *all);
  size_t *copies = tw_alloc(dataset->class_count, sizeof *copies);
  if (all == NULL || copies == NULL) {
    notes->failed = true;
  }
  for (size_t i = 0; !notes->failed && i < dataset->count; i++) {
    all[dataset->labels[i]]++;
    copies[dataset->labels[i]] += duplicates[i];
  }
  for (size_t i = 0, said = 0; !notes->failed && i < dataset->class_count && said < MAX_NOTES; i++) {
    if (all[i] >= COPIES_FROM && (all[i] - copies[i]) * COPIES_SHARE < all[i]) {
      tw_notes_add(notes, "class '%.*s' is nearly all copies: its %zu pictures have only %zu different contents", NAME,
                   dataset->classes[i], all[i], all[i] - copies[i]);
      said++;
    }
  }
  tw_free(all);
  tw_free(copies);
}

/* ---- The level of the folder ------------------------------------------------------------------------------------- */

/* The folder inside its class's folder that a picture lies in: a run of bytes; size 0 when it lies in the class's own.
 */
static tw_bytes inner_folder(const tw_dataset *dataset, const char *folder, size_t row) {
  const char *path = dataset->paths[row];
  const char *class = dataset->classes[dataset->labels[row]];
  size_t length = strlen(folder);
  if (strncmp(path, folder, length) == 0) {
    path += length;
    path += strspn(path, "/");
  }
  length = strlen(class);
  if (strncmp(path, class, length) != 0 || path[length] != '/') {
    return (tw_bytes){NULL, 0};
  }
  path += length + 1;
  const char *slash = strchr(path, '/');
  return (tw_bytes){(const uint8_t *)path, slash == NULL ? 0 : (size_t)(slash - path)};
}

/* Whether every class's pictures lie in two or more folders inside it, none directly; and whether these folders have
 * the same names in every class. The rows are sorted by class, then by path. */
static bool all_nested(const tw_dataset *dataset, const char *folder, bool *ret_same_names) {
  size_t folders = 0;       /* of the class at hand */
  size_t first_folders = 0; /* of the first class */
  size_t first_end = 0;     /* rows of the first class */
  bool nested = dataset->count > 0;
  *ret_same_names = true;
  for (size_t i = 0, seen = 0; nested && i < dataset->count; i++) {
    tw_bytes inner = inner_folder(dataset, folder, i);
    bool new_class = i == 0 || dataset->labels[i] != dataset->labels[i - 1];
    if (new_class && i > 0) {
      nested = folders >= 2;
      first_folders = first_end == 0 ? folders : first_folders;
      first_end = first_end == 0 ? i : first_end;
      *ret_same_names = *ret_same_names && folders == first_folders;
      folders = 0;
      seen = 0;
    }
    nested = nested && inner.size > 0;
    if (nested && (new_class || !tw_bytes_equal(inner, inner_folder(dataset, folder, i - 1)))) {
      folders++;
      while (first_end > 0 && seen < first_end && !tw_bytes_equal(inner_folder(dataset, folder, seen), inner)) {
        seen++;
      }
      *ret_same_names = *ret_same_names && seen < (first_end == 0 ? dataset->count : first_end);
    }
  }
  *ret_same_names = *ret_same_names && folders == first_folders;
  return nested && folders >= 2;
}

static void look_at_level(tw_notes *notes, const tw_dataset *dataset, const char *folder) {
  if (dataset->loose_count > dataset->count) {
    tw_notes_add(notes,
                 "more pictures lie directly in %.*s (%zu) than in its subfolders (%zu), and they are in no class: if "
                 "that folder is itself a class, give the folder above it",
                 NAME, folder, dataset->loose_count, dataset->count);
  }
  bool same_names;
  if (dataset->given != NULL || !all_nested(dataset, folder, &same_names)) {
    return;
  }
  tw_bytes inner = inner_folder(dataset, folder, 0);
  const char *first = dataset->classes[dataset->labels[0]];
  if (same_names) {
    tw_notes_add(
        notes,
        "every class holds folders of the same names ('%.*s', ...): if '%.*s' and the others are parts and not "
        "classes, call them train, val and test, or give one of them",
        inner.size > NAME ? NAME : (int)inner.size, (const char *)inner.data, NAME, first);
  } else {
    tw_notes_add(notes,
                 "every class holds only folders ('%.*s/%.*s', ...), no picture directly: if these are the classes, "
                 "this is one level too high; give a folder one level down",
                 NAME, first, inner.size > NAME ? NAME : (int)inner.size, (const char *)inner.data);
  }
}

bool tw_notes_too_high(const tw_dataset *dataset, const char *folder) {
  bool same_names;
  return dataset->given == NULL && all_nested(dataset, folder, &same_names);
}

void tw_notes_look(tw_notes *notes, const tw_dataset *dataset, const char *folder, const bool *duplicates) {
  look_at_names(notes, dataset);
  look_at_copies(notes, dataset, duplicates);
  if (folder != NULL) {
    look_at_level(notes, dataset, folder);
  }
}
