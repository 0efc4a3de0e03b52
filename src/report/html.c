/* Names, texts and numbers as HTML, SVG and JSON want them. */
#include "report/html.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define ELLIPSIS "\xe2\x80\xa6"
#define REPLACEMENT "\xef\xbf\xbd"

void tw_html_text(tw_buffer *buffer, const char *text) {
  static const char special[] = "&<>\"'";
  static const char *const written[] = {"&amp;", "&lt;", "&gt;", "&quot;", "&#39;"};
  while (*text != '\0') {
    size_t plain = strcspn(text, special);
    tw_buffer_append(buffer, text, plain);
    text += plain;
    if (*text != '\0') {
      tw_buffer_text(buffer, written[strchr(special, *text) - special]);
      text++;
    }
  }
}

/* ---- Labels ------------------------------------------------------------------------------------------------------ */

static void append_visible(tw_buffer *buffer, const char *bytes) {
  tw_buffer valid = {0};
  tw_utf8_append_replaced(&valid, bytes);
  for (size_t i = 0; i < valid.size; i++) {
    uint8_t byte = valid.data[i];
    switch (byte) {
      case '\n': tw_buffer_text(buffer, "\\n"); break;
      case '\t': tw_buffer_text(buffer, "\\t"); break;
      case '\r': tw_buffer_text(buffer, "\\r"); break;
      default:
        if (byte < 0x20 || byte == 0x7f) {
          tw_buffer_text(buffer, REPLACEMENT);
        } else {
          tw_buffer_append(buffer, &byte, 1);
        }
    }
  }
  buffer->failed = buffer->failed || valid.failed;
  tw_buffer_done(&valid);
}

static bool begins_character(uint8_t byte) {
  return (byte & 0xc0) != 0x80;
}

/* Where character `index` of valid UTF-8 begins. */
static size_t offset_of(const tw_buffer *text, size_t index) {
  size_t at = 0;
  for (size_t seen = 0; at < text->size; at++) {
    if (begins_character(text->data[at]) && seen++ == index) {
      break;
    }
  }
  return at;
}

void tw_label_set(tw_buffer *buffer, const char *bytes, size_t limit) {
  buffer->size = 0;
  append_visible(buffer, bytes);
  size_t characters = 0;
  for (size_t i = 0; i < buffer->size; i++) {
    characters += begins_character(buffer->data[i]);
  }
  if (characters > limit && !buffer->failed) {
    size_t front = offset_of(buffer, limit / 2);
    size_t back = offset_of(buffer, characters - (limit - 1 - limit / 2));
    size_t rest = buffer->size - back;
    memmove(buffer->data + front + strlen(ELLIPSIS), buffer->data + back, rest);
    memcpy(buffer->data + front, ELLIPSIS, strlen(ELLIPSIS));
    buffer->size = front + strlen(ELLIPSIS) + rest;
  }
  tw_buffer_append(buffer, "", 1);
  buffer->size -= buffer->size > 0;
}

void tw_html_name(tw_buffer *buffer, const char *bytes, size_t limit) {
  tw_buffer label = {0};
  tw_label_set(&label, bytes, limit);
  tw_buffer_text(buffer, "<bdi>");
  if (label.failed) {
    buffer->failed = true;
  } else {
    tw_html_text(buffer, (const char *)label.data);
  }
  tw_buffer_text(buffer, "</bdi>");
  tw_buffer_done(&label);
}

/* ---- JSON -------------------------------------------------------------------------------------------------------- */

void tw_html_json_text(tw_buffer *buffer, const char *text) {
  for (; *text != '\0'; text++) {
    if ((uint8_t)*text < 0x20 || strchr("\"\\<>&'", *text) != NULL) {
      tw_buffer_format(buffer, "\\u%04x", (unsigned)(uint8_t)*text);
    } else {
      tw_buffer_append(buffer, text, 1);
    }
  }
}

/* ---- Numbers ----------------------------------------------------------------------------------------------------- */

void tw_html_fixed(tw_buffer *buffer, double value, int decimals) {
  long long unit = 1;
  for (int i = 0; i < decimals; i++) {
    unit *= 10;
  }
  if (!isfinite(value) || fabs(value) > 1e12) {
    tw_buffer_text(buffer, "-");
    return;
  }
  long long whole = llround(fabs(value) * (double)unit);
  tw_buffer_format(buffer, "%s%lld", value < 0 && whole > 0 ? "-" : "", whole / unit);
  if (decimals > 0) {
    tw_buffer_format(buffer, ".%0*lld", decimals, whole % unit);
  }
}

void tw_html_short(tw_buffer *buffer, double value) {
  char text[TW_NUMBER_TEXT_SIZE];
  if (isfinite(value) && value != 0) {
    int power = 2 - (int)floor(log10(fabs(value)));
    /* Divided rather than multiplied by a fraction: 31.6 and not 31.600000000000001. */
    double scale = pow(10, abs(power));
    value = power >= 0 ? round(value * scale) / scale : round(value / scale) * scale;
  }
  tw_buffer_text(buffer, tw_number_text(value, text));
}

void tw_html_percent(tw_buffer *buffer, double share) {
  tw_html_fixed(buffer, 100 * share, 1);
  tw_buffer_text(buffer, "\xc2\xa0%");
}

void tw_html_count(tw_buffer *buffer, size_t count, const char *one, const char *many) {
  tw_buffer_format(buffer, "%zu %s", count, count == 1 ? one : many);
}

/* ---- Widths ------------------------------------------------------------------------------------------------------ */

/* Of a character in ems, rounded up from DejaVu Sans, the widest of the usual faces. */
static double character_width(const uint8_t *at) {
  if (*at >= 0xe1) {
    return 1.05; /* U+1000 and up: among others the ideographs */
  }
  if (*at >= 0x80) {
    return 0.7;
  }
  if (strchr("iljtfrI.,:;'!|()[] -\"", *at) != NULL) {
    return 0.42;
  }
  if (strchr("mwMW@%", *at) != NULL) {
    return 1.0;
  }
  return *at >= 'A' && *at <= 'Z' ? 0.75 : 0.645;
}

double tw_label_width(const char *text, double size) {
  double width = 0;
  for (const uint8_t *at = (const uint8_t *)text; *at != 0; at++) {
    width += begins_character(*at) ? character_width(at) : 0;
  }
  return width * size;
}
