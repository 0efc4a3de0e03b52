/* The pass that turns every batch normalisation into a scale and a shift a channel, and folds scales and shifts into
 * the convolution before them. What no convolution takes becomes Mul and Add.
 *
 * The order of the work: y = (w * x + b) * scale + shift = (w scale) * x + (b scale + shift). Scales and shifts are
 * computed in double and rounded once, when they meet the weights. */
#include <math.h>
#include <string.h>

#include "graph/evaluate.h"
#include "graph/rewrite.h"

/* y = x * scale[c] + shift[c]. */
typedef struct affine {
  size_t channels;
  double *scale;
  double *shift;
} affine;

static bool is_f32_constant(const tw_value *value) {
  return value->data != NULL && value->dtype == TW_DTYPE_F32;
}

/* ---- What is an affine map a channel ----------------------------------------------------------------------------- */

static bool is_foldable_norm(const tw_node *node) {
  for (size_t i = 1; node->op == TW_OP_BATCH_NORM && i < 5; i++) {
    if (!is_f32_constant(node->inputs[i])) {
      return false;
    }
  }
  return node->op == TW_OP_BATCH_NORM;
}

static void norm_to_affine(const tw_node *node, affine *map) {
  for (size_t c = 0; c < map->channels; c++) {
    double gamma = tw_constant_f64(node->inputs[1], c);
    double beta = tw_constant_f64(node->inputs[2], c);
    double mean = tw_constant_f64(node->inputs[3], c);
    double variance = tw_constant_f64(node->inputs[4], c);
    map->scale[c] = gamma / sqrt(variance + (double)node->attributes.epsilon);
    map->shift[c] = beta - mean * map->scale[c];
  }
}

/* Whether a constant is one number, or one a channel, against a result of that shape. */
static bool is_per_channel(const tw_value *constant, const tw_shape *result) {
  const tw_shape *shape = &constant->shape;
  if (shape->rank > result->rank) {
    return false;
  }
  for (int i = 1; i <= shape->rank; i++) {
    bool channel = result->rank - i == 1;
    if (shape->dims[shape->rank - i] != 1 && !channel) {
      return false;
    }
  }
  return true;
}

/* Which input of Mul, Add or Sub is a constant a channel, 0 or 1; -1 when none is. */
static int constant_input(const tw_node *node) {
  bool arithmetic = node->op == TW_OP_MUL || node->op == TW_OP_ADD || node->op == TW_OP_SUB;
  if (!arithmetic || node->attributes.activation != TW_ACTIVATION_NONE || node->output->shape.rank < 2) {
    return -1;
  }
  int which = is_f32_constant(node->inputs[1]) ? 1 : 0;
  const tw_value *constant = node->inputs[which];
  const tw_value *x = node->inputs[1 - which];
  bool fits = is_f32_constant(constant) && tw_shape_equal(&x->shape, &node->output->shape) &&
              is_per_channel(constant, &x->shape);
  return fits ? which : -1;
}

static void arithmetic_to_affine(const tw_node *node, int which, affine *map) {
  const tw_value *constant = node->inputs[which];
  bool one = constant->data_size == sizeof(float);
  bool negated = node->op == TW_OP_SUB && which == 1;  /* x - constant */
  bool reversed = node->op == TW_OP_SUB && which == 0; /* constant - x */
  for (size_t c = 0; c < map->channels; c++) {
    double number = tw_constant_f64(constant, one ? 0 : c);
    map->scale[c] = node->op == TW_OP_MUL ? number : reversed ? -1 : 1;
    map->shift[c] = node->op == TW_OP_MUL ? 0 : negated ? -number : number;
  }
}

/* ---- Into a convolution ------------------------------------------------------------------------------------------ */

static tw_status put_constant(tw_graph *graph, const tw_node *node, const char *what, const tw_shape *shape,
                              const void *data, tw_value **ret_value, tw_error *error) {
  const char *name = tw_graph_free_name(graph, node->name, what);
  if (name == NULL) {
    return tw_error_memory(error);
  }
  size_t given = graph->constant_bytes; /* what passes compute does not raise the limit of what they may */
  TW_TRY(tw_graph_add_constant(graph, name, TW_DTYPE_F32, shape, data, ret_value, error));
  graph->constant_bytes = given;
  return TW_OK;
}

static tw_status new_constant(tw_graph *graph, const tw_node *node, const char *what, const tw_shape *shape,
                              float **ret_data, tw_value **ret_value, tw_error *error) {
  size_t count = 0;
  void *room;
  tw_shape_count(shape, &count);
  TW_TRY(tw_graph_fold_room(graph, count * sizeof(float), &room, error));
  TW_TRY(put_constant(graph, node, what, shape, room, ret_value, error));
  *ret_data = room;
  return TW_OK;
}

/* Weights that are stored in another order of dimensions: the node that transposes them. */
static tw_node *transposition(const tw_value *weights) {
  tw_node *node = weights->producer;
  return node != NULL && node->op == TW_OP_TRANSPOSE && is_f32_constant(node->inputs[0]) ? node : NULL;
}

/* The convolution whose only use is `value`, if its weights can be changed. */
static tw_node *foldable_conv(const tw_rewrite *rewrite, const tw_value *value) {
  tw_node *node = tw_rewrite_sole_producer(rewrite, value, TW_OP_CONV);
  bool known = node != NULL && (is_f32_constant(node->inputs[1]) ||
                                (transposition(node->inputs[1]) != NULL && rewrite->uses[node->inputs[1]->index] == 1));
  bool fits = known && node->input_count <= 3 && (node->input_count < 3 || is_f32_constant(node->inputs[2]));
  return fits ? node : NULL;
}

/* The pass, and what it has put off: weights are scaled all at once, on all cores, into one block, which the system
 * gives faster than many. */
typedef struct folder {
  tw_rewrite rewrite;
  tw_value **scaled; /* constants with a scaling */
  float **rooms;     /* where each is computed to */
  size_t count;
  size_t capacity;
} folder;

static tw_status scale_weights(void *context, size_t task, tw_error *error) {
  (void)error;
  const folder *folder = context;
  const tw_value *value = folder->scaled[task];
  tw_constant_floats(value, folder->rooms[task]);
  return TW_OK;
}

static size_t bytes_of(const tw_value *value) {
  const size_t alignment = 64;
  return (value->data_size + alignment - 1) & ~(alignment - 1);
}

static tw_status scale_all(folder *folder, tw_error *error) {
  const size_t worth_threads = (size_t)1 << 20;
  size_t bytes = 0;
  for (size_t i = 0; i < folder->count; i++) {
    bytes += bytes_of(folder->scaled[i]); /* as many as the weights they are made of have */
  }
  void *room;
  TW_TRY(tw_graph_fold_room(folder->rewrite.graph, bytes, &room, error));
  uint8_t *at = room;
  for (size_t i = 0; i < folder->count; i++) {
    folder->rooms[i] = (float *)(void *)at;
    at += bytes_of(folder->scaled[i]);
  }
  size_t count = folder->count;
  TW_TRY(tw_parallel(bytes < worth_threads ? 1 : tw_cpu_count(), count, scale_weights, folder, error));
  for (size_t i = 0; i < count; i++) {
    folder->scaled[i]->data = folder->rooms[i];
    folder->scaled[i]->scaling = NULL;
  }
  folder->count = 0;
  return TW_OK;
}

static tw_status put_off(folder *folder, tw_value *scaled, tw_error *error) {
  if (folder->count == folder->capacity) {
    size_t capacity = folder->capacity == 0 ? 64 : 2 * folder->capacity;
    tw_value **values = tw_realloc(folder->scaled, capacity, sizeof(tw_value *));
    folder->scaled = values == NULL ? folder->scaled : values;
    float **rooms = tw_realloc(folder->rooms, capacity, sizeof(float *));
    folder->rooms = rooms == NULL ? folder->rooms : rooms;
    if (values == NULL || rooms == NULL) {
      return tw_error_memory(error);
    }
    folder->capacity = capacity;
  }
  folder->scaled[folder->count++] = scaled;
  return TW_OK;
}

/* The convolution's weights, or what is transposed to be them, times the scale. */
static tw_status scale_inputs(folder *folder, tw_node *conv, const tw_node *node, const affine *map, tw_value **inputs,
                              tw_error *error) {
  tw_graph *graph = folder->rewrite.graph;
  tw_node *turn = transposition(conv->inputs[1]);
  const tw_value *stored = turn != NULL ? turn->inputs[0] : conv->inputs[1];
  int axis = turn != NULL ? (int)turn->attributes.target[0] : 0;
  double *factors = tw_arena_alloc(graph->arena, map->channels, sizeof *factors);
  tw_scaling *scaling = tw_arena_alloc(graph->arena, 1, sizeof *scaling);
  tw_value *scaled;
  if (factors == NULL || scaling == NULL) {
    return tw_error_memory(error);
  }
  if (stored->scaling != NULL) { /* rounded once for each */
    TW_TRY(scale_all(folder, error));
  }
  memcpy(factors, map->scale, map->channels * sizeof *factors);
  *scaling = (tw_scaling){.channels = map->channels, .inner = 1, .factors = factors};
  for (int i = axis + 1; i < stored->shape.rank; i++) {
    scaling->inner *= (size_t)stored->shape.dims[i]; /* of a tensor that is there */
  }
  scaling->outer = stored->data_size / sizeof(float) / map->channels / scaling->inner;
  TW_TRY(put_constant(graph, node, "weights", &stored->shape, stored->data, &scaled, error));
  scaled->scaling = scaling;
  TW_TRY(put_off(folder, scaled, error));
  inputs[1] = turn != NULL ? conv->inputs[1] : scaled;
  if (turn != NULL) {
    turn->inputs[0] = scaled;
  }
  return TW_OK;
}

static bool scales_nothing(const affine *map) {
  bool nothing = true;
  for (size_t c = 0; c < map->channels && nothing; c++) {
    nothing = map->scale[c] == 1;
  }
  return nothing;
}

/* `node` is what is folded into the convolution. */
static tw_status scale_conv(folder *folder, tw_node *conv, const tw_node *node, const affine *map, tw_error *error) {
  tw_graph *graph = folder->rewrite.graph;
  const tw_value *bias = conv->input_count == 3 ? conv->inputs[2] : NULL;
  tw_shape bias_shape = {.rank = 1, .dims = {(int64_t)map->channels}};
  float *new_bias;
  tw_value **inputs = tw_arena_alloc(graph->arena, 3, sizeof(tw_value *));
  if (inputs == NULL) {
    return tw_error_memory(error);
  }
  inputs[1] = conv->inputs[1];
  if (!scales_nothing(map)) {
    TW_TRY(scale_inputs(folder, conv, node, map, inputs, error));
  }
  TW_TRY(new_constant(graph, node, "bias", &bias_shape, &new_bias, &inputs[2], error));
  for (size_t c = 0; c < map->channels; c++) {
    double shift = bias == NULL ? 0 : tw_constant_f64(bias, c);
    new_bias[c] = (float)(shift * map->scale[c] + map->shift[c]);
  }
  inputs[0] = conv->inputs[0];
  conv->inputs = inputs;
  conv->input_count = 3;
  return TW_OK;
}

/* ---- What no convolution takes ----------------------------------------------------------------------------------- */

/* x * scale + shift as two nodes; the second is `norm` itself, remade. */
static tw_status split(tw_rewrite *rewrite, tw_node *norm, const affine *map, tw_error *error) {
  tw_graph *graph = rewrite->graph;
  tw_shape shape = {.rank = norm->output->shape.rank - 1};
  for (int i = 0; i < shape.rank; i++) {
    shape.dims[i] = i == 0 ? (int64_t)map->channels : 1;
  }
  float *scale;
  float *shift;
  tw_value *factors[2] = {norm->inputs[0], NULL};
  tw_value *shift_value;
  TW_TRY(new_constant(graph, norm, "scale", &shape, &scale, &factors[1], error));
  TW_TRY(new_constant(graph, norm, "shift", &shape, &shift, &shift_value, error));
  for (size_t c = 0; c < map->channels; c++) {
    scale[c] = (float)map->scale[c];
    shift[c] = (float)map->shift[c];
  }
  const char *name = tw_graph_free_name(graph, norm->name, "scaled");
  if (name == NULL) {
    return tw_error_memory(error);
  }
  tw_node *product;
  TW_TRY(tw_graph_make_node(graph, tw_bytes_of(name), TW_OP_MUL, factors, 2, NULL, tw_bytes_of(name), &product, error));
  TW_TRY(tw_rewrite_append(rewrite, product, error));
  norm->op = TW_OP_ADD;
  norm->inputs[0] = product->output;
  norm->inputs[1] = shift_value;
  norm->input_count = 2;
  tw_attributes_normalise(norm);
  return tw_rewrite_append(rewrite, norm, error);
}

/* ---- The pass ---------------------------------------------------------------------------------------------------- */

/* `conv` is what takes the map; NULL for a batch norm that none takes. */
static tw_status fold_node(folder *folder, tw_node *node, int which, tw_node *conv, affine *map, tw_error *error) {
  if (which < 0) {
    norm_to_affine(node, map);
  } else {
    arithmetic_to_affine(node, which, map);
  }
  if (conv == NULL) {
    return split(&folder->rewrite, node, map, error);
  }
  TW_TRY(scale_conv(folder, conv, node, map, error));
  return tw_rewrite_absorb(&folder->rewrite, conv, node, error);
}

/* The channels are counted only when there are constants of as many elements: memory follows the file. */
static tw_status visit_node(folder *folder, tw_node *node, tw_error *error) {
  tw_rewrite *rewrite = &folder->rewrite;
  bool is_norm = is_foldable_norm(node);
  int which = constant_input(node);
  tw_node *conv = is_norm || which >= 0 ? foldable_conv(rewrite, node->inputs[which == 0]) : NULL;
  if (!is_norm && conv == NULL) {
    return tw_rewrite_append(rewrite, node, error);
  }
  affine map = {.channels = (size_t)node->output->shape.dims[1]};
  map.scale = tw_alloc(map.channels, sizeof *map.scale);
  map.shift = tw_alloc(map.channels, sizeof *map.shift);
  bool room = map.scale != NULL && map.shift != NULL;
  tw_status status = room ? fold_node(folder, node, which, conv, &map, error) : tw_error_memory(error);
  tw_free(map.scale);
  tw_free(map.shift);
  return status;
}

static tw_status run(tw_graph *graph, bool late, tw_error *error) {
  folder folder = {0};
  TW_TRY(tw_rewrite_begin(graph, &folder.rewrite, error));
  tw_status status = TW_OK;
  for (size_t i = 0; status == TW_OK && i < graph->node_count; i++) {
    status = visit_node(&folder, graph->nodes[i], error);
  }
  status = status == TW_OK && !late ? scale_all(&folder, error) : status;
  tw_free(folder.scaled);
  tw_free(folder.rooms);
  return tw_rewrite_end(&folder.rewrite, status, error);
}

tw_status tw_graph_fold_batch_norms(tw_graph *graph, tw_error *error) {
  return run(graph, false, error);
}

tw_status tw_graph_fold_batch_norms_late(tw_graph *graph, tw_error *error) {
  return run(graph, true, error);
}
