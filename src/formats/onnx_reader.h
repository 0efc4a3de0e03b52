/* What the files that read ONNX share: where they are, and how they fail. */
#ifndef TW_FORMATS_ONNX_READER_H
#define TW_FORMATS_ONNX_READER_H

#include "formats/formats.h"

enum { TW_WIRE_VARINT = 0, TW_WIRE_FIXED64 = 1, TW_WIRE_BYTES = 2, TW_WIRE_FIXED32 = 5 };

typedef struct tw_onnx_reader {
  tw_bytes file;
  tw_arena *arena;
  size_t attributes_left; /* of TW_ONNX_MAX_ATTRIBUTES_TOTAL */
  size_t values_left;     /* of TW_ONNX_MAX_NODE_VALUES */
} tw_onnx_reader;

/* "the file is damaged: ... at byte 1234", TW_E_FORMAT. */
tw_status tw_onnx_damaged(const tw_onnx_reader *reader, const uint8_t *at, const char *what, tw_error *error);
/* TW_OK when the walker came to the end of its message. */
tw_status tw_onnx_ended(const tw_onnx_reader *reader, const tw_wire *wire, const char *what, tw_error *error);
/* *ret = the field's bytes; fails when the field is of another type. */
tw_status tw_onnx_take_bytes(const tw_onnx_reader *reader, const tw_wire *wire, const tw_wire_field *field,
                             const char *what, tw_bytes *ret, tw_error *error);
tw_status tw_onnx_take_integer(const tw_onnx_reader *reader, const tw_wire *wire, const tw_wire_field *field,
                               const char *what, int64_t *ret, tw_error *error);

/* How many numbers of the given unpacked type a field of a repeated number holds: one, or a packed list. */
tw_status tw_onnx_list_count(const tw_onnx_reader *reader, const tw_wire *wire, const tw_wire_field *field,
                             uint32_t type, const char *what, size_t *ret_count, tw_error *error);

/* onnx_tensor.c */
tw_status tw_onnx_read_tensor(tw_onnx_reader *reader, tw_bytes message, tw_onnx_tensor *ret_tensor, tw_error *error);
/* onnx_node.c */
tw_status tw_onnx_read_node(tw_onnx_reader *reader, tw_bytes message, tw_onnx_node *ret_node, tw_error *error);

#endif
