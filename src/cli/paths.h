/* Paths that a command is given: operands, and those read from standard input. */
#ifndef TW_CLI_PATHS_H
#define TW_CLI_PATHS_H

#include "cli/settings.h"

typedef struct paths {
  const char **list;
  size_t count;
  char *text; /* what was read */
} paths;

/* Operands from `first` on, with those read from standard input in the place of "-": one a line, or ended by NULs when
 * there are any. False when out of memory, and when there are more than TW_TOOL_MAX_STDIN bytes of them. */
bool tw_cli_paths_collect(const settings *settings, size_t first, paths *ret_paths);
void tw_cli_paths_done(paths *paths);

#endif
