/* Floor `formats`: bytes of files to plain structures and back. Knows formats, not what they mean to topwork.
 *
 * All readers are bounds-checked and copy-free: what they return points into the caller's bytes. */
#ifndef TW_FORMATS_H
#define TW_FORMATS_H

#include "base/base.h"

enum {
  TW_ONNX_MAX_ATTRIBUTES = 256, /* of one node */
  TW_ONNX_MAX_OPSETS = 64,
  /* Bytes that other readers of ONNX skip, as they skip every field that they do not know: a field of ModelProto with a
   * number far from those that ONNX uses. It holds a byte n, n - 1 zeros, and the content. */
  TW_ONNX_ATTACHMENT_FIELD = 20150,
  TW_ONNX_ATTACHMENT_ALIGNMENT = 64,
  TW_NPY_MAX_RANK = 8,
  TW_NPY_MAX_HEADER = 65536, /* bytes */
};
#define TW_ONNX_MAX_NODES ((size_t)100000)
#define TW_ONNX_MAX_INITIALIZERS ((size_t)100000)
#define TW_ONNX_MAX_VALUE_INFOS ((size_t)100000) /* inputs and outputs of the network, each */
#define TW_ONNX_MAX_PROPERTIES ((size_t)100000)
#define TW_ONNX_MAX_NODE_VALUES ((size_t)1 << 20) /* inputs and outputs of all nodes together */
#define TW_ONNX_MAX_ATTRIBUTES_TOTAL ((size_t)1 << 19)
#define TW_ONNX_MAX_LIST ((size_t)1 << 20) /* numbers in one attribute */
#define TW_ONNX_MAX_WRITTEN                                                                 \
  ((size_t)0x7fffffff - ((size_t)1 << 20)) /* protobuf's 2 GiB, less what is around a graph \
                                            */
#define TW_NPY_MAX_FILE ((size_t)1 << 37)
#define TW_GRAPHDEF_MAX_NODES ((size_t)100000)
#define TW_GRAPHDEF_MAX_INPUTS ((size_t)1 << 20)     /* of all nodes together */
#define TW_GRAPHDEF_MAX_ATTRIBUTES ((size_t)1 << 19) /* of all nodes together */
#define TW_GRAPHDEF_EXPANDED_BASE ((size_t)64 << 20) /* bytes of elements that the file does not hold byte by byte: */
#define TW_GRAPHDEF_MAX_EXPANDED ((size_t)1 << 30)   /* the base and 16 times the file, at most so many */
#define TW_GRAPHDEF_MAX_LIST ((size_t)65536)         /* numbers in one attribute */
#define TW_GRAPHDEF_MAX_WRITTEN TW_ONNX_MAX_WRITTEN
#define TW_LABELS_MAX_TEXT ((size_t)64 << 20) /* bytes of a label file */
#define TW_LABELS_MAX_COUNT ((size_t)65536)
#define TW_LABELS_MAX_NAMES ((size_t)1 << 20) /* synsets in the list of their names */

/* ---- Protobuf wire format (https://protobuf.dev/programming-guides/encoding) ------------------------------------- */

typedef struct tw_wire {
  const uint8_t *at;
  const uint8_t *end;
} tw_wire;

typedef struct tw_wire_field {
  uint32_t number;
  uint32_t type;    /* 0 varint, 1 fixed64, 2 bytes, 5 fixed32; groups are errors */
  uint64_t integer; /* types 0, 1, 5 */
  tw_bytes bytes;   /* type 2 */
} tw_wire_field;

tw_wire tw_wire_open(tw_bytes message);
/* The next field; false at the end and at the first malformed byte: tw_wire_ok tells which. */
bool tw_wire_next(tw_wire *wire, tw_wire_field *ret_field);
bool tw_wire_ok(const tw_wire *wire);
/* One varint of a packed list; false at the end or when malformed. */
bool tw_wire_varint(tw_wire *wire, uint64_t *ret_value);
/* There is no limit of depth because nothing descends by itself: a reader has a function for each kind of message. */

void tw_wire_put_varint(tw_buffer *buffer, uint32_t number, uint64_t value);
/* What comes before `size` bytes that the caller appends itself. */
void tw_wire_put_head(tw_buffer *buffer, uint32_t number, size_t size);
void tw_wire_put_bytes(tw_buffer *buffer, uint32_t number, const void *data, size_t size);
void tw_wire_put_text(tw_buffer *buffer, uint32_t number, const char *text);
void tw_wire_put_f32(tw_buffer *buffer, uint32_t number, float value);

/* ---- ONNX (https://github.com/onnx/onnx/blob/main/onnx/onnx.proto), the parts that importers need ---------------- */

typedef struct tw_onnx_tensor {
  tw_bytes name;
  int32_t type; /* TensorProto.DataType */
  int rank;
  int64_t dims[8];
  tw_bytes raw; /* row-major little-endian elements; typed lists (float_data, int64_data, ...) are turned into such
                   bytes in the arena */
} tw_onnx_tensor;

typedef struct tw_onnx_attribute {
  tw_bytes name;
  int32_t type; /* AttributeProto.AttributeType: 1 float, 2 int, 3 string, 4 tensor, 6 floats, 7 ints, 8 strings */
  float f;
  int64_t i;
  tw_bytes s;
  size_t count; /* of ints or floats */
  const int64_t *ints;
  const float *floats;
  tw_onnx_tensor tensor;
} tw_onnx_attribute;

typedef struct tw_onnx_node {
  tw_bytes name;
  tw_bytes op;
  tw_bytes domain;
  size_t input_count;
  tw_bytes *inputs;
  size_t output_count;
  tw_bytes *outputs;
  size_t attribute_count;
  tw_onnx_attribute *attributes;
} tw_onnx_node;

typedef struct tw_onnx_value_info {
  tw_bytes name;
  int32_t type;
  int rank;        /* -1: no shape given */
  int64_t dims[8]; /* -1: symbolic or not given */
} tw_onnx_value_info;

typedef struct tw_onnx_property {
  tw_bytes key;
  tw_bytes value;
} tw_onnx_property;

typedef struct tw_onnx_model {
  int64_t ir_version;
  int64_t opset; /* of the default domain; 0: the file gives none */
  tw_bytes producer;
  size_t node_count;
  tw_onnx_node *nodes;
  size_t initializer_count;
  tw_onnx_tensor *initializers;
  size_t input_count;
  tw_onnx_value_info *inputs;
  size_t output_count;
  tw_onnx_value_info *outputs;
  size_t property_count;
  tw_onnx_property *properties;
  tw_bytes attachment; /* what tw_onnx_put_attachment was given; data NULL: there is none */
} tw_onnx_model;

/* Structures come from `arena`, bytes stay in `file`. Errors: TW_E_FORMAT (malformed: with the offset in the file),
 * TW_E_LIMIT, TW_E_UNSUPPORTED (weights in external files, subgraphs, sparse tensors), TW_E_MEMORY. */
tw_status tw_onnx_read(tw_bytes file, tw_arena *arena, tw_onnx_model *ret_model, tw_error *error);
/* How much of a name to show in a message, by %.*s: at most 160 bytes. */
int tw_onnx_name_length(tw_bytes name);
/* Whether the bytes look like an ONNX file at all. */
bool tw_onnx_sniff(tw_bytes head);
/* Appends `model`, but for `attachment`; the same model gives the same bytes. */
tw_status tw_onnx_write(const tw_onnx_model *model, tw_buffer *buffer, tw_error *error);
/* Appends an attachment to a file that begins at `begin` in the buffer: `content` lies at a multiple of
 * TW_ONNX_ATTACHMENT_ALIGNMENT bytes in it. */
void tw_onnx_put_attachment(tw_buffer *buffer, size_t begin, tw_bytes content);

/* ---- TensorFlow's GraphDef (tensorflow/core/framework/{graph,node_def,attr_value,tensor}.proto) -------------------
 */

enum { /* DataType, those that weights and settings come in */
       TW_TF_FLOAT = 1,
       TW_TF_DOUBLE = 2,
       TW_TF_INT32 = 3,
       TW_TF_UINT8 = 4,
       TW_TF_INT16 = 5,
       TW_TF_INT8 = 6,
       TW_TF_STRING = 7,
       TW_TF_INT64 = 9,
       TW_TF_BOOL = 10,
       TW_TF_BFLOAT16 = 14,
       TW_TF_UINT16 = 17,
       TW_TF_HALF = 19,
};

typedef struct tw_tf_tensor {
  int32_t type;     /* DataType */
  int rank;         /* -1: unknown */
  int64_t dims[8];  /* -1: unknown */
  tw_bytes content; /* row-major little-endian elements, as many as the shape has: tensor_content as it stands in the
                       file; the repeated fields (float_val, ...), whose last value stands for all that are missing, are
                       turned into such bytes in the arena. A string tensor's content is its first string. */
} tw_tf_tensor;

typedef enum tw_tf_kind { /* AttrValue's oneof, by field number */
                          TW_TF_ATTR_LIST = 1,
                          TW_TF_ATTR_TEXT = 2,
                          TW_TF_ATTR_INT = 3,
                          TW_TF_ATTR_FLOAT = 4,
                          TW_TF_ATTR_BOOL = 5,
                          TW_TF_ATTR_TYPE = 6,
                          TW_TF_ATTR_SHAPE = 7,
                          TW_TF_ATTR_TENSOR = 8,
                          TW_TF_ATTR_OTHER = 0, /* func, placeholder: kept out of reach */
} tw_tf_kind;

typedef struct tw_tf_attribute {
  tw_bytes name;
  tw_tf_kind kind;
  int64_t i; /* int, bool, type */
  float f;
  tw_bytes s;   /* text */
  size_t count; /* list: of its ints; lists of other things have 0 */
  const int64_t *ints;
  tw_tf_tensor tensor; /* tensor; shape: rank and dims */
} tw_tf_attribute;

typedef struct tw_tf_node {
  tw_bytes name;
  tw_bytes op;
  size_t input_count;
  tw_bytes *inputs; /* as written: "name", "name:1", "^control" */
  size_t attribute_count;
  tw_tf_attribute *attributes;
} tw_tf_node;

typedef struct tw_tf_graph {
  size_t node_count;
  tw_tf_node *nodes; /* in the file's order, which need not be one of evaluation */
} tw_tf_graph;

/* Structures come from `arena`, bytes stay in `file`. A tensor whose content is not that of its shape is an error that
 * names the node. A library of functions is skipped: a node that calls one has an operator that nobody knows. Errors:
 * TW_E_FORMAT (malformed: with the offset in the file), TW_E_LIMIT, TW_E_MEMORY. */
tw_status tw_graphdef_read(tw_bytes file, tw_arena *arena, tw_tf_graph *ret_graph, tw_error *error);
/* Whether the bytes look like a GraphDef rather than another protobuf message. */
bool tw_graphdef_sniff(tw_bytes head);
/* Appends `graph`, tensors as tensor_content; the same graph gives the same bytes. */
tw_status tw_graphdef_write(const tw_tf_graph *graph, tw_buffer *buffer, tw_error *error);

/* ---- Label files ------------------------------------------------------------------------------------------------- */

/* What the outputs of a network are called. */
typedef struct tw_labels {
  size_t count;   /* as many as the network has outputs */
  char **texts;   /* the whole label, "giant panda, panda, panda bear, ..."; NULL: this output has none */
  char **synsets; /* WordNet's ids, "n02510455"; NULL when the file has none; its entries may be NULL */
} tw_labels;

typedef enum tw_labels_kind {
  TW_LABELS_PLAIN,          /* or anything else */
  TW_LABELS_IMAGENET_MAP,   /* the first of Inception's two files (or another protobuf text) */
  TW_LABELS_IMAGENET_NAMES, /* the second */
} tw_labels_kind;

/* What a label file is, by its beginning. */
tw_labels_kind tw_labels_sniff(tw_bytes text);

/* labels.txt: a label a line, in the order of the outputs; or numbered: "12:cat", "12: cat", in any order, each output
 * once, or "12 cat", in order. A file is numbered when its first line has a number and a colon, or when every line
 * begins with a number and 0 is among these ("2 euro coin" is a label). The same label twice is fine: ImageNet has two
 * cranes. LF or CRLF, a BOM and blank lines at the end are skipped. Errors name the line: TW_E_FORMAT (not UTF-8,
 * control characters, a blank line in the middle, a number twice, beyond the outputs or out of order; the number of
 * labels is not `count`: says both; another kind of file), TW_E_LIMIT, TW_E_MEMORY. `path` is for messages. */
tw_status tw_labels_parse(const char *path, tw_bytes text, size_t count, tw_labels *ret_labels, tw_error *error);
/* The two files of Inception 2015: `map` (imagenet_2012_challenge_label_map_proto.pbtxt: target_class and synset),
 * `names` (imagenet_synset_to_human_label_map.txt: synset, tab, label). Outputs of the network without an entry have no
 * label; a target beyond `count` is an error that says both numbers. Either file in the other's place, entries twice, a
 * synset without a name: errors. */
tw_status tw_labels_parse_imagenet(const char *map_path, tw_bytes map, const char *names_path, tw_bytes names,
                                   size_t count, tw_labels *ret_labels, tw_error *error);
void tw_labels_done(tw_labels *labels);
/* How many bytes of a label people call it by: up to its first comma ("giant panda"). For labels that are lists of
 * synonyms, as those with synsets are. */
int tw_label_short_length(const char *label);

/* ---- NumPy's .npy (https://numpy.org/doc/stable/reference/generated/numpy.lib.format.html), versions 1 to 3 ------ */

typedef struct tw_npy {
  char kind;        /* 'f', 'i', 'u', 'b' */
  size_t item_size; /* bytes */
  int rank;
  size_t dims[TW_NPY_MAX_RANK];
  size_t count;       /* product of dims */
  bool fortran_order; /* data is column-major; rank <= 1 is never so */
  bool big_endian;
  tw_bytes data; /* points into the file's bytes; exactly count * item_size */
} tw_npy;

tw_status tw_npy_read(tw_bytes file, tw_npy *ret_npy, tw_error *error);
/* Elements first..first+count-1 in row-major order as float32 (from 2, 4 or 8 byte floats, either byte order or storage
 * order). */
tw_status tw_npy_to_f32(const tw_npy *npy, size_t first, size_t count, float *ret_values, tw_error *error);
/* Appends the version 1 header (padded to 64) of a C-order little-endian float32 array; its data follow. */
tw_status tw_npy_header_f32(const size_t *dims, int rank, tw_buffer *buffer, tw_error *error);

/* ---- JSON, on top of jansson's json_t ---------------------------------------------------------------------------- */

struct json_t;
/* Appends `value` in its compact form and drops the reference; NULL marks the buffer as failed, as jansson's
 * constructors give NULL when out of memory. */
void tw_json_append(tw_buffer *buffer, struct json_t *value);
/* The shortest decimal that reads back as the same float; null when it is not finite. */
struct json_t *tw_json_f32(float value);
/* Sets `path`; when its bytes are not UTF-8, with U+FFFD for what is not, and the bytes themselves in `path_base64`. */
void tw_json_set_path(struct json_t *object, const char *path);

#endif
