/* All commands, in the order in which help lists them. */
#ifndef TW_CLI_COMMANDS_H
#define TW_CLI_COMMANDS_H

#include "api/tool.h"
#include "cli/settings.h"

enum { DONE = 0, FAILED = 1, MISUSED = 2 }; /* exit statuses */

extern const command tw_cli_commands[];
extern const size_t tw_cli_command_count;

#endif
