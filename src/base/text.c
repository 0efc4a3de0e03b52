/* Text: UTF-8, and the quoting rules of the formats topwork prints. */
#include <string.h>

#include "base/base.h"

/* The length of the well-formed UTF-8 sequence at `text` (Unicode 15, table 3-7), 0 when there is none. */
static size_t sequence_length(const unsigned char *text, size_t left) {
  unsigned char first = text[0];
  if (first < 0x80) {
    return 1;
  }
  size_t length = first >= 0xc2 && first <= 0xdf   ? 2
                  : (first & 0xf0) == 0xe0         ? 3
                  : first >= 0xf0 && first <= 0xf4 ? 4
                                                   : 0;
  if (length == 0 || length > left) {
    return 0;
  }
  unsigned char low = first == 0xe0 ? 0xa0 : first == 0xf0 ? 0x90 : 0x80;
  unsigned char high = first == 0xed ? 0x9f : first == 0xf4 ? 0x8f : 0xbf;
  if (text[1] < low || text[1] > high) {
    return 0;
  }
  for (size_t i = 2; i < length; i++) {
    if ((text[i] & 0xc0) != 0x80) {
      return 0;
    }
  }
  return length;
}

bool tw_utf8_valid(const char *text, size_t length) {
  const unsigned char *bytes = (const unsigned char *)text;
  for (size_t at = 0; at < length;) {
    size_t step = sequence_length(bytes + at, length - at);
    if (step == 0) {
      return false;
    }
    at += step;
  }
  return true;
}

void tw_utf8_append_replaced(tw_buffer *buffer, const char *text) {
  const unsigned char *bytes = (const unsigned char *)text;
  size_t length = strlen(text);
  bool replacing = false;
  for (size_t at = 0; at < length;) {
    size_t step = sequence_length(bytes + at, length - at);
    if (step == 0) {
      if (!replacing) {
        tw_buffer_text(buffer, "\xef\xbf\xbd");
      }
      replacing = true;
      at++;
    } else {
      tw_buffer_append(buffer, bytes + at, step);
      replacing = false;
      at += step;
    }
  }
}

void tw_text_append_escaped(tw_buffer *buffer, const char *text) {
  for (; *text != '\0'; text++) {
    switch (*text) {
      case '\\': tw_buffer_text(buffer, "\\\\"); break;
      case '\t': tw_buffer_text(buffer, "\\t"); break;
      case '\n': tw_buffer_text(buffer, "\\n"); break;
      case '\r': tw_buffer_text(buffer, "\\r"); break;
      default: tw_buffer_append(buffer, text, 1);
    }
  }
}

void tw_csv_append_field(tw_buffer *buffer, const char *text) {
  if (strpbrk(text, ",\"\n\r") == NULL) {
    tw_buffer_text(buffer, text);
    return;
  }
  tw_buffer_text(buffer, "\"");
  for (; *text != '\0'; text++) {
    tw_buffer_append(buffer, text, 1);
    if (*text == '"') {
      tw_buffer_text(buffer, "\"");
    }
  }
  tw_buffer_text(buffer, "\"");
}

void tw_base64_append(tw_buffer *buffer, const void *data, size_t size) {
  static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  const uint8_t *bytes = data;
  for (size_t at = 0; at < size; at += 3) {
    size_t left = size - at;
    unsigned group = (unsigned)bytes[at] << 16;
    group |= left > 1 ? (unsigned)bytes[at + 1] << 8 : 0;
    group |= left > 2 ? bytes[at + 2] : 0;
    char text[4] = {digits[group >> 18], digits[group >> 12 & 63], '=', '='};
    text[2] = left > 1 ? digits[group >> 6 & 63] : '=';
    text[3] = left > 2 ? digits[group & 63] : '=';
    tw_buffer_append(buffer, text, 4);
  }
}
