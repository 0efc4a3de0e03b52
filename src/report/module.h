/* Private to the floor `report`: modules that hold what only some files of a report need. */
#ifndef TW_REPORT_MODULE_H
#define TW_REPORT_MODULE_H

/* What the module `file` exports as `symbol`; NULL when it cannot be opened. It stays open for the life of the process,
 * as its libraries keep things that they never free. Thread-safe. */
const void *tw_report_module(const char *file, const char *symbol);

#endif
