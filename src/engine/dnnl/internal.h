/* What the files of this folder share: the plan, and the builder that makes one. The only place besides them that may
 * know oneDNN.
 *
 * A plan is a list of steps. A step is a oneDNN primitive (or a plain copy) and its operands; an operand is a layout
 * and a place. While the plan is built, a place is a storage: a buffer whose address is not known yet. A storage may be
 * a slice of another one (that is how concatenation costs nothing). When all steps are known, storages get offsets in
 * the session's block by their lifetimes. */
#ifndef TW_ENGINE_DNNL_INTERNAL_H
#define TW_ENGINE_DNNL_INTERNAL_H

#include <dnnl.h>

#include "engine/engine.h"
#include "engine/kernels/bytes.h"
#include "engine/kernels/conv_bytes.h"
#include "engine/kernels/kernels.h"
#include "engine/quantised.h"

/* libgomp's, as oneDNN uses them; <omp.h> would be the compiler's own. */
void omp_set_num_threads(int count);
int omp_get_max_threads(void);

/* ---- Operands ---------------------------------------------------------------------------------------------------- */

typedef enum tw_place_kind {
  TW_PLACE_NONE,
  TW_PLACE_STORAGE, /* index: of the builder's storages; once planned the offset is that in the session's block */
  TW_PLACE_WEIGHTS, /* index: of the plan's weights */
  TW_PLACE_INPUT,   /* the caller's input */
  TW_PLACE_OUTPUT   /* index: the caller's output; a step that writes an unwanted one is left out */
} tw_place_kind;

typedef struct tw_place {
  tw_place_kind kind;
  size_t index;
  size_t offset; /* bytes */
} tw_place;

typedef struct tw_operand {
  tw_place place;
  dnnl_memory_desc_t desc;
} tw_operand;

typedef struct tw_argument {
  int role; /* DNNL_ARG_... */
  tw_operand operand;
} tw_argument;

/* ---- Plan -------------------------------------------------------------------------------------------------------- */

/* A step that the library does not do. data: where each argument lies. */
typedef struct tw_own {
  void (*run)(const void *how, void *const *data, int threads); /* NULL: none */
  const void *how;                                              /* the plan's */
} tw_own;

typedef struct tw_step {
  tw_plan_step info;
  dnnl_primitive_desc_t desc; /* NULL for one of our own */
  dnnl_primitive_t primitive;
  tw_own own;  /* where desc is NULL, too: a copy from the first argument to the second */
  bool single; /* made for one thread, and run on one: its digits would depend on their number */
  size_t argument_count;
  tw_argument *arguments;
} tw_step;

/* A constant in the layout its step wants, and how it gets there. */
typedef struct tw_weights tw_weights;
struct tw_weights {
  size_t offset; /* in the plan's block of weights, bytes: a multiple of 64 */
  dnnl_memory_desc_t desc;
  const tw_value *constant; /* of the graph; NULL once packed, and for elements of another kind */
  const void *elements;     /* not of the graph, of source_desc's type; NULL likewise */
  const char *node;         /* the graph's name of who uses it */
  dnnl_memory_desc_t source_desc;
  float scale; /* multiplied in */
  /* Packs as one of our own kernels wants it; NULL: as desc says, by the library. */
  void (*pack)(const tw_weights *weights, const void *elements, void *ret_packed);
  const void *how; /* that kernel's description */
};

struct tw_plan {
  tw_arena *arena; /* names, arguments */
  dnnl_engine_t engine;
  int threads;
  tw_precision precision;
  size_t step_count;
  size_t step_capacity;
  tw_step *steps;
  size_t weights_count;
  size_t weights_capacity;
  tw_weights *weights;
  size_t weight_bytes;
  uint8_t *weight_block; /* one for all: large enough for large pages */
  size_t block_bytes;
  size_t argument_count; /* of all steps */
  dnnl_memory_desc_t input_desc;
  size_t input_count;
  size_t output_number;
  size_t *output_counts;
};

/* ---- Builder ----------------------------------------------------------------------------------------------------- */

enum { TW_NO_STORAGE = -1 };
#define TW_NEVER_DIES SIZE_MAX

typedef struct tw_storage {
  size_t bytes;
  ptrdiff_t parent;   /* the storage this is a slice of, or TW_NO_STORAGE */
  size_t offset;      /* in the parent */
  size_t last_reader; /* of a root: the last node that reads any value in it or its slices; TW_NEVER_DIES: outputs */
} tw_storage;

/* A value of the graph, and the layouts in which it exists. */
typedef struct tw_tensor {
  const tw_value *value;
  size_t last_reader; /* node; TW_NEVER_DIES for outputs */
  size_t reader_count;
  size_t form_count;
  size_t form_capacity;
  tw_operand *forms;            /* [0]: as it was made; empty for constants not yet wanted */
  const tw_byte_scales *scales; /* of its forms in bytes; NULL until there is one */
} tw_tensor;

typedef struct tw_builder {
  tw_plan *plan;
  const tw_graph *graph;
  tw_tensor *tensors; /* sorted by value's address */
  size_t tensor_count;
  tw_storage *storages;
  size_t storage_count;
  size_t storage_capacity;
  size_t node_index; /* of the node being planned */
  const tw_node *node;
  dnnl_data_type_t type;          /* of what convolutions read and make: float32, or bfloat16; others take what comes */
  bool *done;                     /* node_count: planned already, as a part of an earlier one */
  const tw_quantised *quantised;  /* of a plan in int8, else NULL; what follows is then NULL, too */
  const tw_quantised_node **int8; /* node_count: the node runs in int8, with these weights */
  tw_flow flow;
} tw_builder;

/* ---- layout.c: memory descriptors -------------------------------------------------------------------------------- */

/* Row-major f32 of these dimensions; rank 0 becomes one dimension of 1. */
dnnl_memory_desc_t tw_layout_plain(const tw_shape *shape);
/* f32 of any layout: the primitive chooses. */
dnnl_memory_desc_t tw_layout_any(const tw_shape *shape);
/* The same with elements of another type. */
dnnl_memory_desc_t tw_layout_typed(dnnl_memory_desc_t desc, dnnl_data_type_t type);
/* f32 with explicit strides, in elements. */
dnnl_memory_desc_t tw_layout_strided(const tw_shape *shape, const int64_t *strides);
/* The blocking and order of `model`, dense, with these dimensions (same rank). */
dnnl_memory_desc_t tw_layout_like(const dnnl_memory_desc_t *model, const tw_shape *shape);
/* Bytes (u8), channels last, of a picture's four dimensions. */
dnnl_memory_desc_t tw_layout_narrow(const tw_shape *shape);
/* That many bytes in a row: what only our own kernels know the order of. */
dnnl_memory_desc_t tw_layout_row(size_t bytes);
bool tw_layout_is_narrow(const dnnl_memory_desc_t *desc);
/* How many channels lie side by side in each pixel of this dense picture of one (1 for nchw, 8 for nChw8c, all for
 * nhwc); 0 when it is none of these. */
size_t tw_layout_channel_block(const dnnl_memory_desc_t *desc);
tw_shape tw_layout_shape(const dnnl_memory_desc_t *desc);
size_t tw_layout_bytes(const dnnl_memory_desc_t *desc);
/* The elements in memory are in a row-major tensor's order (whatever the layout calls itself). */
bool tw_layout_is_plain(const dnnl_memory_desc_t *desc);
/* Same dimensions and type, and each element at the same offset. */
bool tw_layout_same(const dnnl_memory_desc_t *a, const dnnl_memory_desc_t *b);
/* Some dimension is padded to whole blocks. */
bool tw_layout_is_padded(const dnnl_memory_desc_t *desc);
bool tw_layout_same_dims(const dnnl_memory_desc_t *a, const dnnl_memory_desc_t *b);
/* When dimension `axis` of this dense layout is the outermost, so that a slice along it is contiguous: how many
 * neighbours along it lie in one block (8 for nChw8c, 1 for nchw): slices begin at multiples of that. Otherwise 0. */
int64_t tw_layout_slice_block(const dnnl_memory_desc_t *desc, int axis);
/* "nChw8c"; returns text. */
enum { TW_LAYOUT_TEXT_SIZE = 64 };
char *tw_layout_text(const dnnl_memory_desc_t *desc, char text[TW_LAYOUT_TEXT_SIZE]);

/* ---- builder.c: values, storages, weights ------------------------------------------------------------------------ */

tw_status tw_builder_init(tw_builder *builder, tw_plan *plan, const tw_graph *graph, tw_error *error);
void tw_builder_done(tw_builder *builder);
/* From now on nodes are planned in int8 where `quantised` (of this graph) says so. */
tw_status tw_builder_use(tw_builder *builder, const tw_quantised *quantised, tw_error *error);

/* Appends a zeroed element to a growing array and returns its address; NULL when out of memory. */
void *tw_append(void *array_address, size_t *count, size_t *capacity, size_t size);

tw_tensor *tw_builder_tensor(const tw_builder *builder, const tw_value *value);

/* `value` in the layout `wanted`, whose dimensions may be another row-major view of the value's: where it is already,
 * or where a reorder added here puts it; constants are packed. */
tw_status tw_builder_source(tw_builder *builder, const tw_value *value, const dnnl_memory_desc_t *wanted,
                            tw_operand *ret_operand, tw_error *error);

/* The layout in which the value was made, for steps that take what comes; a constant is row-major. With `view`, the
 * row-major view of these dimensions instead when they differ from the value's. */
dnnl_memory_desc_t tw_builder_layout(tw_builder *builder, const tw_value *value, const tw_shape *view);

/* A constant of the graph, stored as `source_desc` says, times `scale`, in the layout `wanted`. */
tw_status tw_builder_weights(tw_builder *builder, const tw_value *constant, const dnnl_memory_desc_t *source_desc,
                             const dnnl_memory_desc_t *wanted, float scale, tw_operand *ret_operand, tw_error *error);
/* The same of elements that are not the graph's; they must live until the plan is finished. */
tw_status tw_builder_elements(tw_builder *builder, const void *elements, const dnnl_memory_desc_t *source_desc,
                              const dnnl_memory_desc_t *wanted, tw_operand *ret_operand, tw_error *error);

/* The constant that holds the value's elements, perhaps in another order (a constant behind a Transpose): the element
 * of the value at indices i is at the sum of i * the strides of *ret_desc. NULL when the value is none. */
const tw_value *tw_builder_constant(const tw_value *value, dnnl_memory_desc_t *ret_desc);
/* What these two have in common; of `weights` offset and node are filled in. */
tw_status tw_builder_pack(tw_builder *builder, const tw_weights *weights, tw_operand *ret_operand, tw_error *error);

/* A new storage for a result in that layout. */
tw_status tw_builder_room(tw_builder *builder, const dnnl_memory_desc_t *desc, tw_operand *ret_operand,
                          tw_error *error);

/* Says where the value is: with the value's dimensions, or another row-major view of them in a row-major layout. */
tw_status tw_builder_set(tw_builder *builder, const tw_value *value, const tw_operand *operand, tw_error *error);

/* Nothing but the node being planned will read what lies in the operand's storage, and it is nobody's slice. The caller
 * checks that the node does not read it twice (tw_builder_shares). */
bool tw_builder_may_overwrite(const tw_builder *builder, const tw_operand *operand);
bool tw_builder_shares(const tw_builder *builder, const tw_operand *a, const tw_operand *b);
/* The storage at the root of the slices, and where in it this one begins, in bytes. */
size_t tw_builder_root(const tw_builder *builder, size_t storage, size_t *ret_offset);

/* Makes a root storage the part of `parent` that begins at `offset`. */
void tw_builder_make_slice(tw_builder *builder, size_t root, size_t parent, size_t offset);

/* ---- steps.c ----------------------------------------------------------------------------------------------------- */

/* Appends a step that executes `desc` (owned by the plan from now on, also on failure), with its scratchpad. */
tw_status tw_builder_step(tw_builder *builder, const char *kind, dnnl_primitive_desc_t desc,
                          const tw_argument *arguments, size_t count, uint64_t multiplications, tw_error *error);
/* The same for a step with one source that computes `result`; with `in_place` it overwrites the source where nobody
 * reads that any more. */
tw_status tw_builder_unary(tw_builder *builder, const char *kind, dnnl_primitive_desc_t desc, const tw_operand *from,
                           bool in_place, const tw_value *result, tw_error *error);
/* Appends a step of our own. */
tw_status tw_builder_own(tw_builder *builder, const char *kind, const char *implementation, const tw_own *own,
                         const tw_argument *arguments, size_t count, uint64_t multiplications, tw_error *error);
/* Says that the last step does this node's work, too. */
tw_status tw_builder_join_name(tw_builder *builder, const tw_node *node, tw_error *error);
/* Appends a reorder, or a copy where the layouts are the same. */
tw_status tw_builder_reorder(tw_builder *builder, const tw_operand *from, const tw_operand *to, tw_error *error);

/* A primitive descriptor with user-mode scratchpad; post_ops may be NULL. One whose digits would depend on the number
 * of threads is made for one thread. TW_E_UNSUPPORTED when oneDNN has none. */
tw_status tw_primitive_desc(tw_builder *builder, const void *op_desc, dnnl_post_ops_t post_ops,
                            dnnl_primitive_desc_t *ret_desc, tw_error *error);
/* The same, result channel i times scales[i] before the post-ops. */
tw_status tw_primitive_desc_scaled(tw_builder *builder, const void *op_desc, dnnl_post_ops_t post_ops,
                                   const float *scales, size_t channels, dnnl_primitive_desc_t *ret_desc,
                                   tw_error *error);
/* Compiled for this processor, rather than the library's slow reference. */
bool tw_primitive_is_compiled(const_dnnl_primitive_desc_t desc);
tw_status tw_concat_desc(tw_builder *builder, const dnnl_memory_desc_t *joined, int axis,
                         const dnnl_memory_desc_t *layouts, size_t count, dnnl_primitive_desc_t *ret_desc,
                         tw_error *error);
const char *tw_primitive_implementation(const_dnnl_primitive_desc_t desc);
dnnl_memory_desc_t tw_primitive_layout(const_dnnl_primitive_desc_t desc, dnnl_query_t what);

/* Whether `count` floats, which need not be aligned, are all finite. */
bool tw_all_finite(const void *floats, size_t count);

/* oneDNN's status as ours. */
tw_status tw_engine_status(dnnl_status_t status, const char *what, tw_error *error);

/* Creates primitives and packs weights, on several threads; what is packed of the graph's file need not stay in memory.
 * TW_E_DATA for weights that are not finite. */
tw_status tw_plan_finish(tw_plan *plan, const tw_graph *graph, tw_error *error);

/* ---- window.c ---------------------------------------------------------------------------------------------------- */

enum { TW_MAX_WINDOW = 65536 }; /* extent of a window, its stride, its padding */

typedef struct tw_window {
  int spatial;
  dnnl_dims_t kernel;
  dnnl_dims_t strides;
  dnnl_dims_t dilations; /* the library's: 0 for neighbours */
  dnnl_dims_t pads_begin;
  dnnl_dims_t pads_end;
} tw_window;

/* The window of a convolution or pool. TW_E_UNSUPPORTED, TW_E_LIMIT. */
tw_status tw_window_of(const tw_node *node, tw_window *ret_window, tw_error *error);

/* ---- own.c: our own kernels ---------------------------------------------------------------------------------------
 */

/* Whether steps may be our own for blocks of that many channels: the processor has what they are written in, and the
 * library may use it, too. */
bool tw_own_possible(size_t lanes);
/* The same for convolutions of bytes: and the library has nothing better. */
bool tw_own_possible_in_bytes(void);
/* Makes the node a step of our own where the library would choose these layouts and that pays; *ret_made says so. */
tw_status tw_own_conv(tw_builder *builder, const tw_node *node, const dnnl_memory_desc_t *source,
                      const dnnl_memory_desc_t *result, bool *ret_made, tw_error *error);
tw_status tw_own_pool(tw_builder *builder, const tw_node *node, const tw_window *window, dnnl_alg_kind_t kind,
                      const tw_operand *from, bool *ret_made, tw_error *error);

/* ---- Operators --------------------------------------------------------------------------------------------------- */

typedef tw_status (*tw_build_fn)(tw_builder *builder, const tw_node *node, tw_error *error);

tw_status tw_build_conv(tw_builder *builder, const tw_node *node, tw_error *error);
tw_status tw_build_pool(tw_builder *builder, const tw_node *node, tw_error *error);
tw_status tw_build_global_pool(tw_builder *builder, const tw_node *node, tw_error *error);
tw_status tw_build_activation(tw_builder *builder, const tw_node *node, tw_error *error);
tw_status tw_build_binary(tw_builder *builder, const tw_node *node, tw_error *error);
tw_status tw_build_concat(tw_builder *builder, const tw_node *node, tw_error *error);
tw_status tw_build_view(tw_builder *builder, const tw_node *node, tw_error *error);
tw_status tw_build_transpose(tw_builder *builder, const tw_node *node, tw_error *error);
tw_status tw_build_gemm(tw_builder *builder, const tw_node *node, tw_error *error);
tw_status tw_build_matmul(tw_builder *builder, const tw_node *node, tw_error *error);
tw_status tw_build_softmax(tw_builder *builder, const tw_node *node, tw_error *error);

/* ---- int8 -------------------------------------------------------------------------------------------------------- */

/* bytes.c. Whether the node is a convolution in int8, or passes bytes on; then it is planned when *ret_done is true
 * afterwards, else (the library has no fast kernel) it is to be planned in float32. */
tw_status tw_build_in_bytes(tw_builder *builder, const tw_node *node, bool *ret_done, tw_error *error);
/* The scales of a value that is, or is to be, in bytes; in the plan's arena. */
tw_status tw_builder_scales(tw_builder *builder, const tw_value *value, const tw_byte_scales **ret_scales,
                            tw_error *error);
/* The grid of a value in bytes as a window reads it: within a frame of zeros where the window pads and a zero is not
 * byte 0; then the window pads no more. */
tw_status tw_builder_frame(tw_builder *builder, const tw_value *value, tw_window *window, tw_byte_grid *ret_grid,
                           tw_error *error);
dnnl_memory_desc_t tw_layout_framed(const tw_value *value, const tw_byte_grid *grid);
/* The value in bytes, in that grid. */
tw_status tw_builder_framed(tw_builder *builder, const tw_value *value, const tw_byte_grid *grid,
                            tw_operand *ret_operand, tw_error *error);
/* Appends the step between bytes and floats of the value; `from` or `to` is in bytes. */
tw_status tw_builder_convert_bytes(tw_builder *builder, const tw_value *value, const tw_operand *from,
                                   const tw_operand *to, tw_error *error);

/* conv_int8.c */
tw_status tw_build_conv_int8(tw_builder *builder, const tw_node *node, const tw_quantised_node *weights, bool *ret_done,
                             tw_error *error);
/* Weights as the library wants them: the first dimension split into groups. */
tw_shape tw_conv_weights_shape(const tw_node *node);

/* ---- Shared by operators ----------------------------------------------------------------------------------------- */

/* An element-wise step; alpha and beta as dnnl_eltwise_* says. */
tw_status tw_build_eltwise(tw_builder *builder, const tw_node *node, const tw_value *source, dnnl_alg_kind_t kind,
                           float alpha, float beta, tw_error *error);
/* The fused activation of an operator as a step of its own, in place; nothing when there is none. */
tw_status tw_builder_activate(tw_builder *builder, const tw_attributes *attributes, const tw_operand *operand,
                              tw_error *error);
/* The same as bounds of what it lets through. */
void tw_activation_bounds(const tw_attributes *attributes, float *ret_low, float *ret_high);
/* The same as a post-op. */
tw_status tw_append_activation(dnnl_post_ops_t post_ops, const tw_attributes *attributes, tw_error *error);
/* to = factor * from. */
tw_status tw_builder_scale(tw_builder *builder, float factor, const tw_operand *from, const tw_operand *to,
                           tw_error *error);
/* result = result op other (broadcast), in place. */
tw_status tw_builder_combine_into(tw_builder *builder, dnnl_alg_kind_t kind, const tw_operand *result,
                                  const tw_operand *other, tw_error *error);

#endif
