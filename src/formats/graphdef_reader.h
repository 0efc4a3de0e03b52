/* What the files that read GraphDef share. */
#ifndef TW_FORMATS_GRAPHDEF_READER_H
#define TW_FORMATS_GRAPHDEF_READER_H

#include "formats/wire_reader.h"

/* TensorShapeProto: rank (-1: unknown) and dims (-1: unknown) of *tensor. */
tw_status tw_graphdef_read_shape(tw_wire_reader *reader, tw_bytes message, tw_tf_tensor *tensor, tw_error *error);
/* TensorProto. */
tw_status tw_graphdef_read_tensor(tw_wire_reader *reader, tw_bytes message, tw_tf_tensor *ret_tensor, tw_error *error);
/* NodeDef. Errors name the node. */
tw_status tw_graphdef_read_node(tw_wire_reader *reader, tw_bytes message, tw_tf_node *ret_node, tw_error *error);

#endif
