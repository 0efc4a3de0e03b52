/* What readers of protobuf messages do again and again: fields of a certain type, lists of numbers, packed or not, and
 * messages that say where a file is malformed. */
#include "formats/wire_reader.h"

#include <string.h>

tw_status tw_wire_damaged(const tw_wire_reader *reader, const uint8_t *at, const char *what, tw_error *error) {
  size_t offset = at >= reader->file.data ? (size_t)(at - reader->file.data) : 0;
  return tw_error_set(error, TW_E_FORMAT, "the file is damaged or cut short: %s is malformed at byte %zu", what,
                      offset > reader->file.size ? reader->file.size : offset);
}

tw_status tw_wire_ended(const tw_wire_reader *reader, const tw_wire *wire, const char *what, tw_error *error) {
  return tw_wire_ok(wire) ? TW_OK : tw_wire_damaged(reader, wire->at, what, error);
}

tw_status tw_wire_take_bytes(const tw_wire_reader *reader, const tw_wire *wire, const tw_wire_field *field,
                             const char *what, tw_bytes *ret, tw_error *error) {
  if (field->type != TW_WIRE_BYTES) {
    return tw_wire_damaged(reader, wire->at, what, error);
  }
  *ret = field->bytes;
  return TW_OK;
}

tw_status tw_wire_take_integer(const tw_wire_reader *reader, const tw_wire *wire, const tw_wire_field *field,
                               const char *what, int64_t *ret, tw_error *error) {
  if (field->type != TW_WIRE_VARINT) {
    return tw_wire_damaged(reader, wire->at, what, error);
  }
  *ret = (int64_t)field->integer;
  return TW_OK;
}

tw_status tw_wire_list_count(const tw_wire_reader *reader, const tw_wire *wire, const tw_wire_field *field,
                             uint32_t type, const char *what, size_t *ret_count, tw_error *error) {
  size_t count = 1;
  if (field->type == TW_WIRE_BYTES && type == TW_WIRE_VARINT) {
    count = 0;
    for (size_t i = 0; i < field->bytes.size; i++) {
      count += field->bytes.data[i] < 0x80;
    }
  } else if (field->type == TW_WIRE_BYTES) {
    size_t size = type == TW_WIRE_FIXED32 ? 4 : 8;
    if (field->bytes.size % size != 0) {
      return tw_wire_damaged(reader, wire->at, what, error);
    }
    count = field->bytes.size / size;
  } else if (field->type != type) {
    return tw_wire_damaged(reader, wire->at, what, error);
  }
  *ret_count = count;
  return TW_OK;
}

tw_status tw_wire_gather(const tw_wire_reader *reader, tw_bytes message, uint32_t number, uint32_t type, size_t size,
                         uint8_t *to, tw_error *error) {
  tw_wire wire = tw_wire_open(message);
  tw_wire_field field;
  while (tw_wire_next(&wire, &field)) {
    if (field.number != number) {
      continue;
    }
    bool packed = field.type == TW_WIRE_BYTES;
    if (packed && type != TW_WIRE_VARINT) {
      if (field.bytes.size != 0) {
        memcpy(to, field.bytes.data, field.bytes.size);
      }
      to += field.bytes.size;
      continue;
    }
    tw_wire list = tw_wire_open(field.bytes);
    uint64_t value = field.integer;
    while (packed ? tw_wire_varint(&list, &value) : true) {
      for (size_t i = 0; i < size; i++) {
        *to++ = (uint8_t)(value >> 8 * i);
      }
      if (!packed) {
        break;
      }
    }
    if (packed) {
      TW_TRY(tw_wire_ended(reader, &list, "a tensor's elements", error));
    }
  }
  return TW_OK;
}
