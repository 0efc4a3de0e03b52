/* What the files that read protobuf messages share: where they are, and how they fail. */
#ifndef TW_FORMATS_WIRE_READER_H
#define TW_FORMATS_WIRE_READER_H

#include "formats/formats.h"

enum { TW_WIRE_VARINT = 0, TW_WIRE_FIXED64 = 1, TW_WIRE_BYTES = 2, TW_WIRE_FIXED32 = 5 };

typedef struct tw_wire_reader {
  tw_bytes file;
  tw_arena *arena;
  size_t attributes_left; /* of all nodes together */
  size_t values_left;     /* inputs and outputs of all nodes together */
  size_t bytes_left;      /* that may be asked for elements which the file does not spell out */
} tw_wire_reader;

/* "the file is damaged: ... at byte 1234", TW_E_FORMAT. */
tw_status tw_wire_damaged(const tw_wire_reader *reader, const uint8_t *at, const char *what, tw_error *error);
/* TW_OK when the walker came to the end of its message. */
tw_status tw_wire_ended(const tw_wire_reader *reader, const tw_wire *wire, const char *what, tw_error *error);
/* *ret = the field's bytes; fails when the field is of another type. */
tw_status tw_wire_take_bytes(const tw_wire_reader *reader, const tw_wire *wire, const tw_wire_field *field,
                             const char *what, tw_bytes *ret, tw_error *error);
tw_status tw_wire_take_integer(const tw_wire_reader *reader, const tw_wire *wire, const tw_wire_field *field,
                               const char *what, int64_t *ret, tw_error *error);

/* How many numbers of the given unpacked type a field of a repeated number holds: one, or a packed list. */
tw_status tw_wire_list_count(const tw_wire_reader *reader, const tw_wire *wire, const tw_wire_field *field,
                             uint32_t type, const char *what, size_t *ret_count, tw_error *error);
/* The numbers of all fields `number` of the message, of the given unpacked type and counted before, as little-endian
 * bytes, each cut to `size` of them. */
tw_status tw_wire_gather(const tw_wire_reader *reader, tw_bytes message, uint32_t number, uint32_t type, size_t size,
                         uint8_t *to, tw_error *error);

#endif
