/* tw_error: one line that reads outside in. */
#include <errno.h>
#include <string.h>

#include "base/base.h"

/* Marks a message that did not fit. */
static void mark_if_cut(tw_error *error, int wanted) {
  if (wanted >= TW_ERROR_MESSAGE_SIZE) {
    memcpy(error->message + TW_ERROR_MESSAGE_SIZE - 4, "...", 4);
  }
}

/* A message is one line on a terminal, whatever a file name holds. */
static void keep_on_one_line(char *text) {
  for (; *text != '\0'; text++) {
    unsigned char byte = (unsigned char)*text;
    if (byte < 0x20 || byte == 0x7f) {
      *text = '?';
    }
  }
}

tw_status tw_error_set(tw_error *error, tw_status code, const char *format, ...) {
  if (error != NULL) {
    va_list arguments;
    va_start(arguments, format);
    int wanted = vsnprintf(error->message, sizeof error->message, format, arguments);
    va_end(arguments);
    error->code = code;
    mark_if_cut(error, wanted);
    keep_on_one_line(error->message);
  }
  return code;
}

tw_status tw_error_prefix(tw_error *error, tw_status code, const char *format, ...) {
  if (error == NULL) {
    return code;
  }
  char inner[TW_ERROR_MESSAGE_SIZE];
  memcpy(inner, error->message, sizeof inner);
  va_list arguments;
  va_start(arguments, format);
  int used = vsnprintf(error->message, sizeof error->message, format, arguments);
  va_end(arguments);
  if (used >= 0 && used < TW_ERROR_MESSAGE_SIZE) {
    size_t room = sizeof error->message - (size_t)used;
    int wanted = snprintf(error->message + used, room, ": %s", inner);
    mark_if_cut(error, used + wanted);
  } else {
    mark_if_cut(error, used);
  }
  keep_on_one_line(error->message);
  return error->code;
}

tw_status tw_error_errno(tw_error *error, int errno_value, const char *format, ...) {
  tw_status code = errno_value == ENOMEM ? TW_E_MEMORY : TW_E_IO;
  if (error == NULL) {
    return code;
  }
  char what[TW_ERROR_MESSAGE_SIZE];
  va_list arguments;
  va_start(arguments, format);
  vsnprintf(what, sizeof what, format, arguments);
  va_end(arguments);
  char reason_buffer[128];
  const char *reason = strerror_r(errno_value, reason_buffer, sizeof reason_buffer);
  return tw_error_set(error, code, "%s: %s", what, reason);
}

tw_status tw_error_memory(tw_error *error) {
  return tw_error_set(error, TW_E_MEMORY, "out of memory");
}
