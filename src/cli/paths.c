/* Paths that a command is given: operands, and those read from standard input. */
#include "cli/paths.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "api/tool.h"

static char *read_all_of_stdin(size_t *ret_size) {
  size_t size = 0;
  size_t capacity = 1 << 16;
  char *text = malloc(capacity);
  while (text != NULL) {
    size_t got = fread(text + size, 1, capacity - size - 1, stdin);
    size += got;
    if (got == 0) {
      break;
    }
    if (size + 1 == capacity) {
      char *larger = capacity < TW_TOOL_MAX_STDIN ? realloc(text, capacity * 2) : NULL;
      if (larger == NULL) {
        free(text);
        return NULL;
      }
      text = larger;
      capacity *= 2;
    }
  }
  if (text != NULL) {
    text[size] = '\0';
    *ret_size = size;
  }
  return text;
}

bool tw_cli_paths_collect(const settings *settings, size_t first, paths *ret_paths) {
  paths paths = {0};
  size_t size = 0;
  size_t lines = 0;
  for (size_t i = first; i < settings->operand_count; i++) {
    if (strcmp(settings->operands[i], "-") == 0 && paths.text == NULL) {
      paths.text = read_all_of_stdin(&size);
      if (paths.text == NULL) {
        return false;
      }
    }
  }
  char separator = paths.text != NULL && memchr(paths.text, '\0', size) != NULL ? '\0' : '\n';
  for (size_t i = 0; i < size; i++) {
    lines += paths.text[i] == separator;
  }
  paths.list = calloc(settings->operand_count + lines + 1, sizeof *paths.list);
  if (paths.list == NULL) {
    free(paths.text);
    return false;
  }
  bool used = false;
  for (size_t i = first; i < settings->operand_count; i++) {
    if (strcmp(settings->operands[i], "-") != 0) {
      paths.list[paths.count++] = settings->operands[i];
      continue;
    }
    for (size_t at = 0; !used && at < size;) {
      char *end = memchr(paths.text + at, separator, size - at);
      size_t length = end == NULL ? size - at : (size_t)(end - (paths.text + at));
      paths.text[at + length] = '\0';
      if (length > 0) {
        paths.list[paths.count++] = paths.text + at;
      }
      at += length + 1;
    }
    used = true;
  }
  *ret_paths = paths;
  return true;
}

void tw_cli_paths_done(paths *paths) {
  free(paths->list);
  free(paths->text);
}
