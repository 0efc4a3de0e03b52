/* Floor `graph`: a network as our few operators, their shapes, and the passes that make a plan's work small. Importers
 * map foreign operators to ours and nothing else; the same graph, as imported, is what gets hashed and written into a
 * model file.
 *
 * The life of a network: import -> verify -> cut -> (copy) -> fold constants -> remove identities -> fold batch norms
 * -> fuse. Logical order of pictures is NCHW. Shapes have any rank up to TW_MAX_RANK. A graph is for one picture: its
 * batch dimension is 1. */
#ifndef TW_GRAPH_H
#define TW_GRAPH_H

#include "base/base.h"

enum {
  TW_MAX_RANK = 8,
  TW_MAX_SPATIAL = 3, /* of convolutions and pools */
  TW_MAX_NODES = 100000,
  TW_MAX_NODE_INPUTS = 4096,
  TW_MAX_NAME = 4096,     /* bytes of a name */
  TW_MAX_METADATA = 4096, /* entries */
};
#define TW_MAX_TENSOR_BYTES ((size_t)1 << 31) /* of one tensor */
#define TW_MAX_FOLDED_BYTES ((size_t)1 << 30) /* of all constants that one import and its passes compute */
#define TW_MAX_NETWORK_FILE ((size_t)1 << 32)

/* ---- Tensors ----------------------------------------------------------------------------------------------------- */

/* ONNX's numbers (TensorProto.DataType). */
typedef enum tw_dtype {
  TW_DTYPE_F32 = 1,
  TW_DTYPE_U8 = 2,
  TW_DTYPE_I8 = 3,
  TW_DTYPE_U16 = 4,
  TW_DTYPE_I16 = 5,
  TW_DTYPE_I32 = 6,
  TW_DTYPE_I64 = 7,
  TW_DTYPE_BOOL = 9,
  TW_DTYPE_F16 = 10,
  TW_DTYPE_F64 = 11,
  TW_DTYPE_BF16 = 16,
} tw_dtype;

size_t tw_dtype_size(tw_dtype dtype);      /* bytes; 0 for an unknown one */
const char *tw_dtype_name(tw_dtype dtype); /* "float32"; static */

typedef struct tw_shape {
  int rank; /* 0: a scalar */
  int64_t dims[TW_MAX_RANK];
} tw_shape;

/* The product of the dimensions; false on overflow or a negative one. */
bool tw_shape_count(const tw_shape *shape, size_t *ret_count);
bool tw_shape_equal(const tw_shape *a, const tw_shape *b);
enum { TW_SHAPE_TEXT_SIZE = 192 };
char *tw_shape_text(const tw_shape *shape, char text[TW_SHAPE_TEXT_SIZE]); /* "1x3x224x224"; "scalar"; returns text */

typedef struct tw_node tw_node;

/* A factor for each index along one dimension of a tensor of outer x channels x inner elements. */
typedef struct tw_scaling {
  size_t outer;
  size_t channels;
  size_t inner;
  const double *factors; /* channels */
} tw_scaling;

/* What flows: an input, a constant, or a node's result. */
typedef struct tw_value {
  const char *name; /* unique in its graph; never NULL */
  tw_dtype dtype;
  tw_shape shape;
  const void *data; /* a constant's elements, little-endian, row-major, not necessarily aligned; NULL otherwise */
  size_t data_size; /* bytes */
  const tw_scaling *scaling; /* of a float32 constant that tw_graph_optimise_for_plan made: its elements are those of
                                `data` times this (tw_constant_floats); NULL: data's own */
  tw_node *producer;         /* NULL for inputs and constants */
  size_t index;              /* its number in its graph, below value_count: for tables beside the graph */
} tw_value;

/* ---- Nodes ------------------------------------------------------------------------------------------------------- */

/* Semantics are those of ONNX's operators of the same name, opset 13, one output each. */
typedef enum tw_op {
  TW_OP_CONV,       /* x, weights [, bias [, addend]]: addend (same shape as the result) only after fusing */
  TW_OP_BATCH_NORM, /* x, scale, bias, mean, variance */
  TW_OP_RELU,
  TW_OP_CLIP, /* x; bounds are attributes (constant inputs in ONNX since opset 11) */
  TW_OP_ADD,  /* the three: with ONNX's (numpy's) broadcasting */
  TW_OP_MUL,
  TW_OP_SUB,
  TW_OP_MAX_POOL,
  TW_OP_AVERAGE_POOL,
  TW_OP_GLOBAL_AVERAGE_POOL,
  TW_OP_CONCAT,
  TW_OP_FLATTEN,
  TW_OP_RESHAPE, /* x; the target is an attribute (a constant input in ONNX) */
  TW_OP_GEMM,    /* a, b [, c] */
  TW_OP_MATMUL,
  TW_OP_SOFTMAX,
  TW_OP_CAST,      /* to value's dtype */
  TW_OP_IDENTITY,  /* and Dropout, which is nothing else once trained */
  TW_OP_TRANSPOSE, /* x; dimension i of the result is dimension target[i] of x */
  TW_OP_COUNT
} tw_op;

const char *tw_op_name(tw_op op); /* ONNX's: "Conv"; static */

typedef enum tw_activation { TW_ACTIVATION_NONE, TW_ACTIVATION_RELU, TW_ACTIVATION_CLIP } tw_activation;

/* Only the fields that the operator has are set, the rest are 0, so that graphs compare and hash by them. */
typedef struct tw_attributes {
  int spatial; /* conv, pools: number of spatial dimensions */
  int64_t kernel[TW_MAX_SPATIAL];
  int64_t strides[TW_MAX_SPATIAL];
  int64_t dilations[TW_MAX_SPATIAL];
  int64_t pads_begin[TW_MAX_SPATIAL]; /* explicit always: auto_pad is worked out by the importer */
  int64_t pads_end[TW_MAX_SPATIAL];
  int64_t group;
  bool count_include_pad; /* average pool */
  bool ceil_mode;         /* pools; the importer makes padding at the end of it where that is the same */
  float epsilon;          /* batch norm */
  float low;              /* clip, and conv's fused clip: -inf / inf when open */
  float high;
  int64_t axis; /* concat, flatten, softmax: normalised to 0..rank */
  float alpha;  /* gemm */
  float beta;   /* gemm */
  bool transpose_a;
  bool transpose_b;
  int64_t target[TW_MAX_RANK]; /* reshape: as in the file, with 0 and -1; transpose: the permutation */
  int target_rank;
  bool allow_zero;
  bool flat_softmax;        /* over all dimensions from axis on; imported ones are Flatten, Softmax, Reshape */
  tw_activation activation; /* conv, gemm, add: fused, applied last; a fused clip's bounds are low and high */
  tw_dtype to;              /* cast: the result's type */
} tw_attributes;

struct tw_node {
  const char *name; /* unique among nodes; the output's name when the file gives none */
  tw_op op;
  size_t input_count;
  tw_value **inputs; /* an optional input that is left out is NULL */
  tw_value *output;
  tw_attributes attributes;
};

/* Fields may be read by all floors and changed by passes only. */
typedef struct tw_graph {
  tw_arena *arena;
  size_t node_count;
  tw_node **nodes; /* in an order in which every input comes before its use */
  size_t node_capacity;
  size_t input_count;
  tw_value **inputs;
  size_t output_count;
  tw_value **outputs;
  const char *preprocessing; /* how a picture becomes the input, when the file says so itself (a GraphDef that begins
                                with DecodeJpeg): canonical text (image/image.h); NULL otherwise */
  bool colours_last;         /* the file's own pictures are N x H x W x C: a GraphDef; ours never are */
  bool dynamic_batch;        /* the file's inputs had a symbolic first dimension; written back so */
  struct tw_graph_source *source; /* what holds the constants' bytes: the mapped file; NULL for graphs built by hand */
  tw_bytes mapped; /* that file, of which constants may be a part; in copies, too; empty for graphs built by hand */
  size_t metadata_count;
  struct tw_metadata *metadata; /* ONNX's metadata_props, in file order */
  tw_bytes attachment;          /* of an ONNX file (formats/formats.h), borrowed from it; data NULL: there is none */
  size_t constant_bytes;        /* of constants added */
  size_t folded_bytes;          /* of constants that passes have computed */
  size_t value_count;           /* values made so far, those that passes have dropped among them */
  struct tw_graph_names *names; /* what tw_graph_find looks in */
} tw_graph;

typedef struct tw_metadata {
  const char *key;
  tw_bytes value; /* borrowed from the file or the arena */
} tw_metadata;

/* ---- Building ---------------------------------------------------------------------------------------------------- */

tw_graph *tw_graph_create(void); /* NULL when out of memory */
void tw_graph_free(tw_graph *graph);

/* These copy names and attributes into the graph's arena; `data` is borrowed unless copied first. Names must be unique,
 * UTF-8 and not empty; of a node's `name` and `output_name` one may be NULL: then it is the other. The node's output
 * value is made by inference: dtype and shape follow from the inputs. A stride, dilation or group of 0 means 1, a
 * convolution's kernel of 0 is that of its weights, and attributes that the operator has not are left out. `ret_value`
 * may be NULL. Errors: TW_E_FORMAT (inputs that do not fit: the message names the node, both shapes and what would be
 * right), TW_E_LIMIT, TW_E_MEMORY. */
tw_status tw_graph_add_input(tw_graph *graph, const char *name, tw_dtype dtype, const tw_shape *shape,
                             tw_value **ret_value, tw_error *error);
tw_status tw_graph_add_constant(tw_graph *graph, const char *name, tw_dtype dtype, const tw_shape *shape,
                                const void *data, tw_value **ret_value, tw_error *error);
tw_status tw_graph_add_node(tw_graph *graph, const char *name, tw_op op, tw_value *const *inputs, size_t input_count,
                            const tw_attributes *attributes, const char *output_name, tw_value **ret_value,
                            tw_error *error);
tw_status tw_graph_add_output(tw_graph *graph, tw_value *value, tw_error *error);

/* A value by its name or by its node's name; of a name that does not exist an end ":0", as TensorFlow writes results,
 * does not count. NULL when there is none. */
tw_value *tw_graph_find(const tw_graph *graph, const char *name);

/* ---- Files ------------------------------------------------------------------------------------------------------- */

/* What the caller knows of a network and its file may not say. */
typedef struct tw_graph_hints {
  uint32_t width; /* of its pictures, pixels; 0: not known */
  uint32_t height;
} tw_graph_hints;

/* Maps and imports a network: ONNX or TensorFlow's GraphDef, by content. The graph owns the mapping. Constants are not
 * copied, except those that a GraphDef has in another order. Errors name the file, the node and what is supported.
 * tw_graph_import_bytes borrows `file`.
 *
 * A GraphDef is NHWC: convolutions, pools and what stands between them become NCHW, weights are transposed, and where a
 * reshape mixes height, width and channels the importer writes the transposition out. Its outputs are the nodes that
 * nothing uses; its one input is the placeholder, or, of a graph that begins with DecodeJpeg, the tensor that its last
 * preprocessing node gives (named as that node); `preprocessing` then says what the nodes before it did. */
tw_status tw_graph_import(const char *path, tw_graph **ret_graph, tw_error *error);
/* The same; a GraphDef's placeholder whose height and width are open gets those of `hints` (may be NULL). */
tw_status tw_graph_import_hinted(const char *path, const tw_graph_hints *hints, tw_graph **ret_graph, tw_error *error);
tw_status tw_graph_import_bytes(tw_bytes file, tw_graph **ret_graph, tw_error *error);

/* The value of a metadata entry; data NULL when there is none. */
tw_bytes tw_graph_metadata(const tw_graph *graph, const char *key);

/* Appends the graph as ONNX (opset 13, IR version 7), constants in their stored types, with these metadata entries in
 * this order. The same graph and metadata give the same bytes. */
tw_status tw_graph_export_onnx(const tw_graph *graph, const tw_metadata *metadata, size_t metadata_count,
                               tw_buffer *buffer, tw_error *error);

/* Appends the graph as a frozen GraphDef, NHWC. What computes graph->outputs[0] is written, under the graph's own names
 * as far as TensorFlow allows them; that output is called `output_name`. input: how the graph is fed.
 * TW_GRAPHDEF_JPEG: DecodeJpeg, Cast, ExpandDims, ResizeBilinear, Sub, Mul from `preprocess`, fed with a JPEG's bytes
 * at DecodeJpeg/contents; TW_E_UNSUPPORTED when `preprocess` is not what these nodes compute. TW_GRAPHDEF_FLOAT: a
 * float placeholder N x H x W x 3 of what preprocessing gives, or N x d of features; `preprocess` is not looked at.
 * Asymmetric padding is written as Pad and VALID. Errors: TW_E_UNSUPPORTED names the node that TensorFlow has nothing
 * like. */
typedef enum tw_graphdef_input { TW_GRAPHDEF_JPEG, TW_GRAPHDEF_FLOAT } tw_graphdef_input;
#define TW_GRAPHDEF_JPEG_NAME "DecodeJpeg/contents" /* what the file calls its input in either case */
#define TW_GRAPHDEF_INPUT_NAME "input"
struct tw_preprocess;
tw_status tw_graph_export_graphdef(const tw_graph *graph, tw_graphdef_input input,
                                   const struct tw_preprocess *preprocess, const char *output_name, tw_buffer *buffer,
                                   tw_error *error);
/* TW_GRAPHDEF_JPEG when TensorFlow's nodes compute all of `preprocess`. */
tw_graphdef_input tw_graphdef_input_of(const struct tw_preprocess *preprocess);

/* ---- Questions --------------------------------------------------------------------------------------------------- */

/* Checks every invariant of the structure above. Errors are ours: TW_E_ARGUMENT. */
tw_status tw_graph_verify(const tw_graph *graph, tw_error *error);

/* XXH3-128 over operators, attributes, wiring, constants (dtype, shape, bytes) and input shapes of all that `value`
 * depends on; names and what lies past `value` do not count. So a trunk and the model file made from it agree. */
tw_status tw_graph_hash(const tw_graph *graph, const tw_value *value, tw_hash *ret_hash, tw_error *error);

/* The input of the last fully connected layer (Gemm, MatMul with a constant, or, right before the output, a convolution
 * of one pixel by one); NULL when there is none: then the output. */
tw_value *tw_graph_features_value(const tw_graph *graph);

uint64_t tw_node_multiplications(const tw_node *node); /* multiply-adds, 0 for operators without */
size_t tw_graph_parameters(const tw_graph *graph);     /* elements of all floating-point constants */

/* All elements of a float32 constant, its scaling applied: in double, rounded once. */
void tw_constant_floats(const tw_value *constant, float *to);
/* Gives back the memory that a constant's bytes take while they are not looked at, where they are a part of the mapped
 * file: they can be read again at any time. Thread-safe. */
void tw_graph_release(const tw_graph *graph, const tw_value *constant);

/* ---- Passes ------------------------------------------------------------------------------------------------------ */

/* A second graph that borrows the constants' bytes of the first, which must outlive it. */
tw_status tw_graph_copy(const tw_graph *graph, tw_graph **ret_graph, tw_error *error);

/* All that follow change the graph in place, in linear time. The network's outputs keep their names. After a failure
 * the graph can only be freed. */

/* Makes the named values the outputs and drops what they do not need (inputs of the graph stay). */
tw_status tw_graph_cut(tw_graph *graph, tw_value *const *outputs, size_t count, tw_error *error);
tw_status tw_graph_fold_constants(tw_graph *graph, tw_error *error); /* incl. Cast of stored float16 weights */
tw_status tw_graph_remove_identities(tw_graph *graph,
                                     tw_error *error); /* Identity, Cast to the same type, no-op reshapes */
tw_status tw_graph_fold_batch_norms(tw_graph *graph, tw_error *error); /* into a convolution before; else Mul and Add */
tw_status tw_graph_fuse(tw_graph *graph, tw_error *error);             /* activations, residual sums */

/* All passes in order; after each, `observe` (may be NULL) gets its name and the graph. Verifies after each in debug
 * builds. */
typedef void (*tw_pass_observer)(void *context, const char *pass, const tw_graph *graph);
tw_status tw_graph_optimise(tw_graph *graph, tw_pass_observer observe, void *context, tw_error *error);
/* The same for a graph that is to become a plan: weights that would have to be multiplied are left as they are, and
 * `scaling` says by what. Whoever reads them (tw_constant_floats) does it on the way, so that they are not in memory
 * once more. Such a graph is not to be optimised again. */
tw_status tw_graph_optimise_for_plan(tw_graph *graph, tw_error *error);

#endif
