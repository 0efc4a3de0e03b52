/* The terminal: results on stdout, everything else on stderr, a progress bar where somebody looks, Ctrl-C. */
#ifndef TW_CLI_TERMINAL_H
#define TW_CLI_TERMINAL_H

#include "api/tool.h"
#include "cli/settings.h"

/* Catches Ctrl-C (the first one stops the run cleanly, the second ends it) and closed pipes. Called once. */
void tw_terminal_open(void);
/* Where the commands' output goes. */
tw_tool tw_terminal_tool(const settings *settings);
/* "topwork: MESSAGE" on stderr, the progress bar cleared first. */
void tw_terminal_error(const char *message);
/* Whether results could not be written; tw_terminal_close will say why. */
bool tw_terminal_broken(void);
/* Whether everything has reached stdout; says what went wrong otherwise. */
bool tw_terminal_close(void);

#endif
