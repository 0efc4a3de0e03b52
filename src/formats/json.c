/* JSON by jansson, as topwork writes it. */
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "formats/formats.h"

void tw_json_append(tw_buffer *buffer, json_t *value) {
  /* 15 digits: what any decimal of that length keeps as a double, so that 0.1 does not become 0.10000000000000001. */
  char *dumped = value == NULL ? NULL : json_dumps(value, JSON_COMPACT | JSON_ENCODE_ANY | JSON_REAL_PRECISION(15));
  json_decref(value);
  if (dumped == NULL) {
    buffer->failed = true;
    return;
  }
  tw_buffer_text(buffer, dumped);
  free(dumped);
}

json_t *tw_json_f32(float value) {
  char text[TW_NUMBER_TEXT_SIZE];
  double shortest;
  return tw_number_parse(tw_number_text_f32(value, text), &shortest) ? json_real(shortest) : json_null();
}

void tw_json_set_path(json_t *object, const char *path) {
  if (tw_utf8_valid(path, strlen(path))) {
    json_object_set_new(object, "path", json_string(path));
    return;
  }
  tw_buffer buffer = {0};
  tw_utf8_append_replaced(&buffer, path);
  json_object_set_new(object, "path", json_stringn((const char *)buffer.data, buffer.size));
  buffer.size = 0;
  tw_base64_append(&buffer, path, strlen(path));
  json_object_set_new(object, "path_base64", json_stringn((const char *)buffer.data, buffer.size));
  tw_buffer_done(&buffer);
}
