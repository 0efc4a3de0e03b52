/* How a path that may hold any bytes stands in JSON. */
#ifndef TW_REPORT_JSON_PATH_H
#define TW_REPORT_JSON_PATH_H

#include <jansson.h>

/* Sets `path`; when its bytes are not UTF-8, with U+FFFD in place of what is not, and the bytes in `path_base64`. */
void tw_json_set_path(json_t *object, const char *path);

#endif
