/* What the files of the GraphDef importer share: the file's nodes and what they stand for, and the questions that the
 * operators' converters ask.
 *
 * Two orders of dimensions: the file's is TensorFlow's, N x H x W x C; a result of four dimensions is in our graph as
 * N x C x H x W. All others are as in the file. */
#ifndef TW_GRAPH_TF_IMPORT_H
#define TW_GRAPH_TF_IMPORT_H

#include "formats/formats.h"
#include "graph/internal.h"

/* How a constant of the file is used: the same bytes may be in the graph as several values. */
typedef enum tw_tf_form {
  TW_TF_PLAIN,     /* as in the file */
  TW_TF_PICTURE,   /* of up to four dimensions, to be broadcast against N x C x H x W */
  TW_TF_FILTER,    /* H x W x I x O as O x I x H x W */
  TW_TF_DEPTHWISE, /* H x W x C x M as CM x 1 x H x W */
  TW_TF_FORM_COUNT
} tw_tf_form;

/* A node of the file. Exactly one of constant and value is set once it is done. */
typedef struct tw_tf_slot {
  const tw_tf_node *node;
  struct tw_tf_slot **inputs; /* where its data come from, input_count of them; NULL until linked */
  size_t input_count;         /* without control edges */
  size_t *outputs;            /* which output of each */
  size_t first;               /* the inputs that matter: of what is left of a dropout only one does */
  size_t end;
  uint8_t state;
  bool supported;                    /* neither it nor anything it needs has an operator that we do not know */
  bool fed;                          /* depends on an input */
  bool weighted;                     /* depends on a convolution or matrix product */
  bool softmaxed;                    /* is a softmax, or only renames one */
  bool needed;                       /* by an output */
  bool before_input;                 /* preprocessing */
  size_t user_count;                 /* needed nodes that use it */
  struct tw_tf_slot *user;           /* one of them */
  const tw_value *constant;          /* dimensions in the file's order; not in the graph */
  tw_value *forms[TW_TF_FORM_COUNT]; /* of the constant, in the graph; NULL until asked for */
  tw_value *value;                   /* a result in the graph */
  tw_shape shape;                    /* of constant or value, in the file's order */
  struct tw_tf_slot *unpadded;       /* of a Pad with zeros around the pixels: what it pads */
  int64_t pads[4];                   /* top, bottom, left, right */
} tw_tf_slot;

typedef struct tw_tf_importer {
  const tw_graph_hints *hints;
  tw_tf_graph file;
  tw_tf_slot *slots; /* as file.nodes */
  tw_names names;    /* name -> slot */
  tw_graph *graph;
  tw_arena *scratch;
  size_t output_count;
  tw_tf_slot **outputs;
  struct tw_tf_visit *stack; /* room for a walk: one a node */
  int64_t file_batch;        /* the fixed first dimension of the file's input; 1 when it is open */
  size_t room_left;          /* bytes that computing constants may take */
} tw_tf_importer;

/* "node 'stem' (Conv2D): ..." */
tw_status tw_tf_wrong(const tw_tf_node *node, tw_status code, tw_error *error, const char *format, ...) TW_PRINTF(4, 5);

/* ---- tf_link.c: from names to who uses whom, and which nodes are outputs ----------------------------------------- */

tw_status tw_tf_link(tw_tf_importer *importer, tw_error *error);
/* Sets outputs. */
tw_status tw_tf_find_outputs(tw_tf_importer *importer, tw_error *error);
/* Marks what the outputs need, and counts users among it. */
tw_status tw_tf_mark_needed(tw_tf_importer *importer, tw_error *error);

typedef tw_status (*tw_tf_visit_fn)(tw_tf_importer *importer, tw_tf_slot *slot, tw_error *error);
/* Calls `visit` for `root` and all that it needs, each slot once until walks begin anew, inputs before their users.
 * With `strict` an input that is not there, a cycle, and the use of a further output are errors; otherwise they are
 * passed over. */
void tw_tf_begin_walks(tw_tf_importer *importer);
tw_status tw_tf_walk(tw_tf_importer *importer, tw_tf_slot *root, bool strict, tw_tf_visit_fn visit, tw_error *error);

/* ---- tf_input.c -------------------------------------------------------------------------------------------------- */

/* Finds the network's input among what is needed, and puts it into the graph; recognises preprocessing. */
tw_status tw_tf_find_input(tw_tf_importer *importer, tw_error *error);

/* ---- tf_constants.c ---------------------------------------------------------------------------------------------- */

/* A tensor of the file as a constant of its slot. */
tw_status tw_tf_take_constant(tw_tf_importer *importer, tw_tf_slot *slot, const tw_tf_tensor *tensor, tw_error *error);
/* The constant that a slot is without computing anything: a Const, or one that was only handed on; NULL otherwise. */
const tw_tf_tensor *tw_tf_literal(const tw_tf_slot *slot);
/* Computes the result of a node whose inputs are all constants. *ret_done is false when it cannot be computed. */
tw_status tw_tf_fold(tw_tf_importer *importer, tw_tf_slot *slot, bool *ret_done, tw_error *error);
/* The constant as a value of the graph. */
tw_status tw_tf_form_of(tw_tf_importer *importer, tw_tf_slot *slot, tw_tf_form form, tw_value **ret_value,
                        tw_error *error);
/* A new float32 constant beside those of the file; *ret_data is to be filled. */
tw_status tw_tf_new_constant(tw_tf_importer *importer, const tw_tf_slot *slot, const char *what, const tw_shape *shape,
                             float **ret_data, tw_value **ret_value, tw_error *error);
/* The slot is a list of these int32 numbers. */
tw_status tw_tf_set_integers(tw_tf_importer *importer, tw_tf_slot *slot, const int64_t *numbers, int count, bool scalar,
                             tw_error *error);
/* Input `i`, which must be a constant of integers of at most one dimension; `what` is what it is, for the message. */
tw_status tw_tf_integers(const tw_tf_slot *slot, size_t i, const char *what, int64_t *ret_numbers, int room,
                         int *ret_count, tw_error *error);

/* ---- tf_attributes.c: each leaves *ret as it was when the node has no such attribute ----------------------------- */

const tw_tf_attribute *tw_tf_attribute_find(const tw_tf_node *node, const char *name);
tw_status tw_tf_get_flag(const tw_tf_node *node, const char *name, bool *ret, tw_error *error);
tw_status tw_tf_get_int(const tw_tf_node *node, const char *name, int64_t *ret, tw_error *error);
tw_status tw_tf_get_type(const tw_tf_node *node, const char *name, int32_t *ret, tw_error *error);
tw_status tw_tf_get_float(const tw_tf_node *node, const char *name, float *ret, tw_error *error);
tw_status tw_tf_get_text(const tw_tf_node *node, const char *name, tw_bytes *ret, tw_error *error);
/* N x H x W x C is the only order of dimensions that is imported. */
tw_status tw_tf_check_layout(const tw_tf_node *node, tw_error *error);
/* Strides, dilations and padding of a window over the slot's first input; the kernel is filled already, or is that of
 * the attribute `kernel` (may be NULL). `size`: height and width of what it slides over. */
tw_status tw_tf_get_window(const tw_tf_node *node, const int64_t size[2], const char *kernel, tw_attributes *attributes,
                           tw_error *error);

/* ---- tf_emit.c: results ------------------------------------------------------------------------------------------ */

/* A name that neither the file nor the graph has. */
tw_status tw_tf_invent_name(tw_tf_importer *importer, const tw_tf_slot *slot, const char *what, tw_bytes *ret_name,
                            tw_error *error);
/* A node of the graph. With `last` it has the slot's name, otherwise one of its own made from `what`. */
tw_status tw_tf_emit(tw_tf_importer *importer, const tw_tf_slot *slot, tw_op op, tw_value *const *inputs,
                     size_t input_count, const tw_attributes *attributes, const char *what, bool last,
                     tw_value **ret_value, tw_error *error);
/* Says what the slot has become: a result that the graph has in our order. */
void tw_tf_settle(tw_tf_slot *slot, tw_value *value);
/* emit with `last`, and settle. */
tw_status tw_tf_finish(tw_tf_importer *importer, tw_tf_slot *slot, tw_op op, tw_value *const *inputs,
                       size_t input_count, const tw_attributes *attributes, tw_error *error);
/* Input `i` of the slot as a value of the graph, whatever it is; constants in the given form. */
tw_status tw_tf_input(tw_tf_importer *importer, const tw_tf_slot *slot, size_t i, tw_tf_form form, tw_value **ret_value,
                      tw_error *error);
/* Input `i`, which must be a result of so many dimensions. `what` is what it is, for the message. */
tw_status tw_tf_result_input(const tw_tf_slot *slot, size_t i, int rank, tw_value **ret_value, tw_error *error);
/* The slot becomes its input 0 with other dimensions (in the file's order). */
tw_status tw_tf_reshape(tw_tf_importer *importer, tw_tf_slot *slot, const tw_shape *target, tw_error *error);
/* A result with leading dimensions of 1 to make four, as N x C x H x W. */
tw_status tw_tf_widen(tw_tf_importer *importer, const tw_tf_slot *slot, const tw_tf_slot *input, tw_value **ret_value,
                      tw_error *error);

/* ---- tf_operators.c, tf_windows.c, tf_shapes.c ------------------------------------------------------------------- */

typedef tw_status (*tw_tf_convert_fn)(tw_tf_importer *importer, tw_tf_slot *slot, tw_error *error);
/* Whether the importer knows the operator. */
bool tw_tf_is_known(const tw_tf_node *node);
/* The slot's inputs are done; makes it done. */
tw_status tw_tf_convert(tw_tf_importer *importer, tw_tf_slot *slot, tw_error *error);

tw_status tw_tf_convert_conv(tw_tf_importer *importer, tw_tf_slot *slot, tw_error *error);
tw_status tw_tf_convert_depthwise(tw_tf_importer *importer, tw_tf_slot *slot, tw_error *error);
tw_status tw_tf_convert_max_pool(tw_tf_importer *importer, tw_tf_slot *slot, tw_error *error);
tw_status tw_tf_convert_average_pool(tw_tf_importer *importer, tw_tf_slot *slot, tw_error *error);
tw_status tw_tf_convert_pad(tw_tf_importer *importer, tw_tf_slot *slot, tw_error *error);

tw_status tw_tf_convert_reshape(tw_tf_importer *importer, tw_tf_slot *slot, tw_error *error);
tw_status tw_tf_convert_squeeze(tw_tf_importer *importer, tw_tf_slot *slot, tw_error *error);
tw_status tw_tf_convert_expand_dims(tw_tf_importer *importer, tw_tf_slot *slot, tw_error *error);
tw_status tw_tf_convert_shape(tw_tf_importer *importer, tw_tf_slot *slot, tw_error *error);
tw_status tw_tf_convert_strided_slice(tw_tf_importer *importer, tw_tf_slot *slot, tw_error *error);
tw_status tw_tf_convert_transpose(tw_tf_importer *importer, tw_tf_slot *slot, tw_error *error);
tw_status tw_tf_convert_pack(tw_tf_importer *importer, tw_tf_slot *slot, tw_error *error);
tw_status tw_tf_convert_mean(tw_tf_importer *importer, tw_tf_slot *slot, tw_error *error);
tw_status tw_tf_convert_concat(tw_tf_importer *importer, tw_tf_slot *slot, tw_error *error);
tw_status tw_tf_convert_concat_v2(tw_tf_importer *importer, tw_tf_slot *slot, tw_error *error);

/* Builds importer->graph from a GraphDef's bytes. */
tw_status tw_tf_import(tw_bytes file, const tw_graph_hints *hints, tw_graph *graph, tw_error *error);

#endif
