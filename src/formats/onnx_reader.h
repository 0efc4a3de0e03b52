/* What the files that read ONNX share. */
#ifndef TW_FORMATS_ONNX_READER_H
#define TW_FORMATS_ONNX_READER_H

#include "formats/wire_reader.h"

/* onnx_tensor.c */
tw_status tw_onnx_read_tensor(tw_wire_reader *reader, tw_bytes message, tw_onnx_tensor *ret_tensor, tw_error *error);
/* onnx_node.c */
tw_status tw_onnx_read_node(tw_wire_reader *reader, tw_bytes message, tw_onnx_node *ret_node, tw_error *error);

#endif
