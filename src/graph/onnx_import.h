/* What the files of the ONNX importer share: the file's names and what they stand for, and the questions that the
 * operators' converters ask. */
#ifndef TW_GRAPH_ONNX_IMPORT_H
#define TW_GRAPH_ONNX_IMPORT_H

#include "formats/formats.h"
#include "graph/internal.h"

enum {
  TW_ONNX_FIRST_OPSET = 7,
  TW_ONNX_LAST_OPSET = 25,
  TW_ONNX_KNOWN_COUNT = 64, /* results of at most so many elements are computed while importing */
};

/* What the importer knows of a value of the graph, by its index. */
typedef struct tw_onnx_fact {
  bool constant;         /* follows from constants alone */
  const tw_value *known; /* its elements, as a constant; NULL when they are many or were not computed */
} tw_onnx_fact;

/* What a name of the file stands for. */
typedef struct tw_onnx_source {
  tw_bytes name;
  const tw_onnx_tensor *tensor; /* an initialiser or Constant */
  const tw_onnx_node *node;     /* what makes it */
  bool first_output;            /* of the node; others are not supported */
  tw_value *value;              /* once it is in the graph */
} tw_onnx_source;

typedef struct tw_onnx_importer {
  const tw_onnx_model *model;
  tw_graph *graph;
  tw_arena *scratch;
  int64_t file_batch; /* the fixed first dimension of the file's input; 1 when it is symbolic */
  tw_names sources;   /* name -> tw_onnx_source */
  tw_onnx_fact *facts;
  size_t fact_count;
} tw_onnx_importer;

/* The name of a node in messages: its own or its first output's. */
tw_bytes tw_onnx_node_title(const tw_onnx_node *node);
/* Of ONNX's own operators, not of a vendor's. */
bool tw_onnx_is_standard(const tw_onnx_node *node);
/* "node 'stem' (Conv): ..." */
tw_status tw_onnx_wrong(const tw_onnx_node *node, tw_status code, tw_error *error, const char *format, ...)
    TW_PRINTF(4, 5);

/* Whether the node has input `i`. */
bool tw_onnx_has_input(const tw_onnx_node *node, size_t i);
/* Input `i` as a value of the graph; NULL when it is left out. Constants enter the graph here. */
tw_status tw_onnx_input(tw_onnx_importer *importer, const tw_onnx_node *node, size_t i, tw_value **ret_value,
                        tw_error *error);
/* Input `i`, whose elements must be known now. NULL when it is left out. `what` is what it is, for the message. */
tw_status tw_onnx_known_input(tw_onnx_importer *importer, const tw_onnx_node *node, size_t i, const char *what,
                              const tw_value **ret_constant, tw_error *error);
/* The same as integers; *ret_count is at most `room`. Fails when it is left out. */
tw_status tw_onnx_known_integers(tw_onnx_importer *importer, const tw_onnx_node *node, size_t i, const char *what,
                                 int64_t *ret_numbers, int room, int *ret_count, tw_error *error);

/* Makes the node's first output. With `last` false the result gets a name of its own: a file's node that becomes
 * several of ours. */
tw_status tw_onnx_emit(tw_onnx_importer *importer, const tw_onnx_node *node, tw_op op, tw_value *const *inputs,
                       size_t input_count, const tw_attributes *attributes, bool last, tw_value **ret_value,
                       tw_error *error);

/* onnx_attributes.c. Each leaves *ret as it was when the node has no such attribute. */
const tw_onnx_attribute *tw_onnx_attribute_find(const tw_onnx_node *node, const char *name);
tw_status tw_onnx_get_int(const tw_onnx_node *node, const char *name, int64_t *ret, tw_error *error);
tw_status tw_onnx_get_flag(const tw_onnx_node *node, const char *name, bool *ret, tw_error *error);
tw_status tw_onnx_get_float(const tw_onnx_node *node, const char *name, float *ret, tw_error *error);
/* Exactly `count` numbers. */
tw_status tw_onnx_get_ints(const tw_onnx_node *node, const char *name, int64_t *ret, size_t count, tw_error *error);
/* A negative axis counts from `rank`. */
tw_status tw_onnx_normalise_axis(const tw_onnx_node *node, int64_t *axis, int rank, tw_error *error);
/* Kernel, strides, dilations, pads and auto_pad of a window over x; kernel and spatial are filled already for a
 * convolution. */
tw_status tw_onnx_get_window(const tw_onnx_node *node, const tw_value *x, tw_attributes *attributes, tw_error *error);
/* The tensor that a Constant node holds. */
tw_status tw_onnx_constant_tensor(const tw_onnx_node *node, tw_arena *arena, const tw_onnx_tensor **ret_tensor,
                                  tw_error *error);

/* onnx_operators.c */
tw_status tw_onnx_convert(tw_onnx_importer *importer, const tw_onnx_node *node, tw_error *error);

/* Builds importer->graph from importer->model. */
tw_status tw_onnx_import(tw_bytes file, tw_graph *graph, tw_error *error);

#endif
