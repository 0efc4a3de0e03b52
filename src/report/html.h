/* Private to the floor `report`: what every writer of HTML and SVG here uses. Nothing of the outcome reaches the page
 * but through tw_html_text, tw_html_name or a number: that is what keeps a class called "<script>" a class. */
#ifndef TW_REPORT_HTML_H
#define TW_REPORT_HTML_H

#include "base/base.h"

/* Appends text (valid UTF-8) with & < > " ' written as references: for elements and quoted attributes alike. */
void tw_html_text(tw_buffer *buffer, const char *text);
/* Any bytes as a label of at most `limit` characters: what is no UTF-8 becomes U+FFFD, newline, tab and return become
 * \n \t \r, other control characters U+FFFD, and what is too long loses its middle to an ellipsis. Not escaped for
 * HTML. The buffer's content is replaced and ends in a NUL that is not counted. */
void tw_label_set(tw_buffer *buffer, const char *bytes, size_t limit);
/* tw_label_set, escaped, in <bdi>: a name of any script leaves the line around it as it is. */
void tw_html_name(tw_buffer *buffer, const char *bytes, size_t limit);
/* The inside of a JSON string, fit for <script>: '<', '>' and '&' are written as \u003c and so on. */
void tw_html_json_text(tw_buffer *buffer, const char *text);
/* A number with this many decimals, '.' whatever the locale; "-" for what is no number. */
void tw_html_fixed(tw_buffer *buffer, double value, int decimals);
void tw_html_short(tw_buffer *buffer, double value);   /* three significant digits */
void tw_html_percent(tw_buffer *buffer, double share); /* "93.1 %" with a no-break space */
/* "1 picture", "2 pictures". */
void tw_html_count(tw_buffer *buffer, size_t count, const char *one, const char *many);

/* Pixels that `text` (UTF-8) is wide at most, in the usual sans-serif faces, at this size. */
double tw_label_width(const char *text, double size);

#endif
