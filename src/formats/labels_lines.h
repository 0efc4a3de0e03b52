/* Floor `formats`, private: the lines of a label file, checked one by one, and what kind of label file it is. */
#ifndef TW_FORMATS_LABELS_LINES_H
#define TW_FORMATS_LABELS_LINES_H

#include "formats/formats.h"

enum { TW_SYNSET_SIZE = 9 }; /* "n02510455": WordNet's nouns by their eight digits */

/* What is left to read of a text. */
typedef struct tw_label_lines {
  const char *path; /* for messages */
  tw_bytes rest;
  size_t number; /* of the line that was read last, from 1 */
} tw_label_lines;

/* Skips a BOM and drops blank lines at the end. TW_E_LIMIT: longer than TW_LABELS_MAX_TEXT; TW_E_FORMAT: UTF-16. */
tw_status tw_label_lines_open(const char *path, tw_bytes text, tw_label_lines *ret_lines, tw_error *error);
/* The next line without its end (LF or CRLF) and without blanks around it; false after the last one. */
bool tw_label_lines_next(tw_label_lines *lines, tw_bytes *ret_line);
/* Whether the line that was read last is text: not blank, UTF-8, no control character but tabs. TW_E_FORMAT names it.
 */
tw_status tw_label_line_check(const tw_label_lines *lines, tw_bytes line, tw_error *error);

bool tw_label_is_blank(uint8_t byte);     /* space or tab */
bool tw_label_has_synset(tw_bytes bytes); /* whether they begin with one */

/* Room for `count` labels, none of them set. TW_E_LIMIT: more than TW_LABELS_MAX_COUNT. */
tw_status tw_labels_init(const char *path, size_t count, bool synsets, tw_labels *ret_labels, tw_error *error);

#endif
