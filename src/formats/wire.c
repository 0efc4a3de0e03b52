/* Protobuf's wire format, one message at a time: a walker that copies nothing and never reads past its message, and
 * the few appends that a writer needs. It does not descend by itself, so depth is the reader's: readers here have a
 * function for each kind of message and never call themselves.
 *
 * A walker that met a malformed byte has `end` NULL and `at` there. */
#include <string.h>

#include "formats/formats.h"

enum { TYPE_VARINT = 0, TYPE_FIXED64 = 1, TYPE_BYTES = 2, TYPE_FIXED32 = 5 };

tw_wire tw_wire_open(tw_bytes message) {
  static const uint8_t nothing[1];
  const uint8_t *begin = message.data == NULL ? nothing : message.data;
  return (tw_wire){begin, begin + message.size};
}

bool tw_wire_ok(const tw_wire *wire) {
  return wire->end != NULL;
}

static bool fail(tw_wire *wire) {
  wire->end = NULL;
  return false;
}

bool tw_wire_varint(tw_wire *wire, uint64_t *ret_value) {
  uint64_t value = 0;
  if (wire->end == NULL || wire->at == wire->end) {
    return false;
  }
  for (unsigned shift = 0; wire->at < wire->end; shift += 7) {
    uint8_t byte = *wire->at;
    if (shift == 63 && byte > 1) {
      return fail(wire);
    }
    wire->at++;
    value |= (uint64_t)(byte & 0x7f) << shift;
    if (byte < 0x80) {
      *ret_value = value;
      return true;
    }
  }
  return fail(wire);
}

/* The next `size` bytes. */
static bool take(tw_wire *wire, uint64_t size, tw_bytes *ret_bytes) {
  if (size > (uint64_t)(wire->end - wire->at)) {
    return fail(wire);
  }
  *ret_bytes = (tw_bytes){wire->at, (size_t)size};
  wire->at += size;
  return true;
}

static bool read_value(tw_wire *wire, tw_wire_field *field) {
  tw_bytes fixed;
  uint64_t size;
  switch (field->type) {
    case TYPE_VARINT: return tw_wire_varint(wire, &field->integer) || fail(wire);
    case TYPE_FIXED64:
      if (!take(wire, 8, &fixed)) {
        return false;
      }
      field->integer = tw_load_u64(fixed.data);
      return true;
    case TYPE_FIXED32:
      if (!take(wire, 4, &fixed)) {
        return false;
      }
      field->integer = tw_load_u32(fixed.data);
      return true;
    case TYPE_BYTES: return tw_wire_varint(wire, &size) ? take(wire, size, &field->bytes) : fail(wire);
    default: return fail(wire);
  }
}

bool tw_wire_next(tw_wire *wire, tw_wire_field *ret_field) {
  uint64_t tag;
  if (!tw_wire_varint(wire, &tag)) {
    return false;
  }
  if (tag > UINT32_MAX || tag >> 3 == 0) {
    return fail(wire);
  }
  tw_wire_field field = {.number = (uint32_t)(tag >> 3), .type = tag & 7};
  if (!read_value(wire, &field)) {
    return false;
  }
  *ret_field = field;
  return true;
}

/* ---- Writing ----------------------------------------------------------------------------------------------------- */

static void append_varint(tw_buffer *buffer, uint64_t value) {
  uint8_t bytes[10];
  size_t size = 0;
  do {
    bytes[size] = (uint8_t)((value & 0x7f) | (value > 0x7f ? 0x80 : 0));
    value >>= 7;
    size++;
  } while (value != 0);
  tw_buffer_append(buffer, bytes, size);
}

static void append_tag(tw_buffer *buffer, uint32_t number, uint32_t type) {
  append_varint(buffer, (uint64_t)number << 3 | type);
}

void tw_wire_put_varint(tw_buffer *buffer, uint32_t number, uint64_t value) {
  append_tag(buffer, number, TYPE_VARINT);
  append_varint(buffer, value);
}

void tw_wire_put_head(tw_buffer *buffer, uint32_t number, size_t size) {
  append_tag(buffer, number, TYPE_BYTES);
  append_varint(buffer, size);
}

void tw_wire_put_bytes(tw_buffer *buffer, uint32_t number, const void *data, size_t size) {
  tw_wire_put_head(buffer, number, size);
  tw_buffer_append(buffer, data, size);
}

void tw_wire_put_text(tw_buffer *buffer, uint32_t number, const char *text) {
  tw_wire_put_bytes(buffer, number, text, strlen(text));
}

void tw_wire_put_f32(tw_buffer *buffer, uint32_t number, float value) {
  uint32_t bits;
  memcpy(&bits, &value, sizeof bits);
  uint8_t bytes[4] = {(uint8_t)bits, (uint8_t)(bits >> 8), (uint8_t)(bits >> 16), (uint8_t)(bits >> 24)};
  append_tag(buffer, number, TYPE_FIXED32);
  tw_buffer_append(buffer, bytes, sizeof bytes);
}
