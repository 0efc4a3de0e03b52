/* The options of `train` that make it train by the tutorial's recipe. */
#ifndef TW_CLI_RECIPE_H
#define TW_CLI_RECIPE_H

#include "api/tool.h"
#include "cli/settings.h"

/* What is wrong with them, a phrase without an end; NULL: nothing. Static, overwritten by the next call. */
const char *tw_cli_recipe_conflict(const settings *settings);
/* Those given, and defaults for the others. Texts are the settings'. */
tw_tool_recipe tw_cli_recipe_of(const settings *settings);

#endif
