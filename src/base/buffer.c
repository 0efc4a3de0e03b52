/* Runs of bytes: borrowed (tw_bytes) and growing (tw_buffer). */
#include <string.h>

#include "base/base.h"

tw_bytes tw_bytes_of(const char *text) {
  return (tw_bytes){(const uint8_t *)text, strlen(text)};
}

bool tw_bytes_equal(tw_bytes a, tw_bytes b) {
  return a.size == b.size && (a.size == 0 || memcmp(a.data, b.data, a.size) == 0);
}

bool tw_bytes_is(tw_bytes bytes, const char *text) {
  return tw_bytes_equal(bytes, tw_bytes_of(text));
}

/* Makes room for `more` bytes and a NUL after them. */
static bool reserve(tw_buffer *buffer, size_t more) {
  size_t needed;
  if (buffer->failed || !tw_add_size(buffer->size, more, &needed) || !tw_add_size(needed, 1, &needed)) {
    buffer->failed = true;
    return false;
  }
  if (needed <= buffer->capacity) {
    return true;
  }
  size_t capacity = buffer->capacity < 256 ? 256 : buffer->capacity;
  while (capacity < needed) {
    if (!tw_mul_size(capacity, 2, &capacity)) {
      capacity = needed;
    }
  }
  uint8_t *data = tw_realloc(buffer->data, capacity, 1);
  if (data == NULL) {
    buffer->failed = true;
    return false;
  }
  buffer->data = data;
  buffer->capacity = capacity;
  return true;
}

void tw_buffer_append(tw_buffer *buffer, const void *data, size_t size) {
  if (reserve(buffer, size)) {
    if (size != 0) {
      memcpy(buffer->data + buffer->size, data, size);
    }
    buffer->size += size;
    buffer->data[buffer->size] = '\0';
  }
}

void tw_buffer_text(tw_buffer *buffer, const char *text) {
  tw_buffer_append(buffer, text, strlen(text));
}

void tw_buffer_format(tw_buffer *buffer, const char *format, ...) {
  va_list arguments;
  va_list again;
  va_start(arguments, format);
  va_copy(again, arguments);
  int length = vsnprintf(NULL, 0, format, arguments);
  va_end(arguments);
  if (length < 0) {
    buffer->failed = true;
  } else if (reserve(buffer, (size_t)length)) {
    vsnprintf((char *)buffer->data + buffer->size, (size_t)length + 1, format, again);
    buffer->size += (size_t)length;
  }
  va_end(again);
}

void tw_buffer_done(tw_buffer *buffer) {
  tw_free(buffer->data);
  *buffer = (tw_buffer){0};
}

tw_status tw_buffer_status(const tw_buffer *buffer, tw_error *error) {
  return buffer->failed ? tw_error_memory(error) : TW_OK;
}

tw_bytes tw_buffer_bytes(const tw_buffer *buffer) {
  return (tw_bytes){buffer->data, buffer->size};
}
