/* For the engine's tests: networks made by hand, and a second, naive way to compute them, in double, straight from
 * ONNX's definitions. Slow on purpose. */
#ifndef TW_TESTS_ENGINE_REFERENCE_H
#define TW_TESTS_ENGINE_REFERENCE_H

#include <math.h>
#include <string.h>

#include "engine/engine.h"
#include "graph/graph.h"
#include "support.h"

/* ---- Making networks --------------------------------------------------------------------------------------------- */

typedef struct net {
  tw_graph *graph;
  tw_random random;
  int names;
} net;

static inline void net_init(net *net, uint64_t seed) {
  net->graph = tw_graph_create();
  assert_non_null(net->graph);
  net->names = 0;
  tw_random_init(&net->random, seed);
}

static inline tw_shape shape_of(int rank, const int64_t *dims) {
  tw_shape shape = {.rank = rank};
  memcpy(shape.dims, dims, (size_t)rank * sizeof *dims);
  return shape;
}
#define SHAPE(...) shape_of((int)(sizeof((int64_t[]){__VA_ARGS__}) / sizeof(int64_t)), (const int64_t[]){__VA_ARGS__})

static inline float random_float(tw_random *random) {
  return (float)(2 * tw_random_unit(random) - 1);
}

static inline int64_t random_in(tw_random *random, int64_t least, int64_t most) {
  return least + (int64_t)tw_random_below(random, (uint64_t)(most - least + 1));
}

static inline tw_value *net_input(net *net, tw_shape shape) {
  tw_value *value;
  tw_error error;
  assert_int_equal(tw_graph_add_input(net->graph, "x", TW_DTYPE_F32, &shape, &value, &error), TW_OK);
  return value;
}

static inline tw_value *net_constant(net *net, tw_shape shape) {
  char name[32];
  size_t count;
  tw_value *value;
  tw_error error;
  assert_true(tw_shape_count(&shape, &count));
  float *data = tw_arena_alloc(net->graph->arena, count, sizeof *data);
  assert_non_null(data);
  for (size_t i = 0; i < count; i++) {
    data[i] = random_float(&net->random);
  }
  snprintf(name, sizeof name, "c%d", net->names++);
  assert_int_equal(tw_graph_add_constant(net->graph, name, TW_DTYPE_F32, &shape, data, &value, &error), TW_OK);
  return value;
}

static inline tw_value *net_node(net *net, tw_op op, const tw_attributes *attributes, size_t count,
                                 tw_value *const *inputs) {
  const tw_attributes none = {0};
  char name[32];
  tw_value *value;
  tw_error error = {0};
  snprintf(name, sizeof name, "n%d", net->names++);
  tw_status status = tw_graph_add_node(net->graph, name, op, inputs, count, attributes != NULL ? attributes : &none,
                                       name, &value, &error);
  if (status != TW_OK) {
    print_message("%s\n", error.message);
  }
  assert_int_equal(status, TW_OK);
  return value;
}
#define NODE(net, op, attributes, ...)                                                          \
  net_node((net), (op), (attributes), sizeof((tw_value *[]){__VA_ARGS__}) / sizeof(tw_value *), \
           (tw_value *[]){__VA_ARGS__})

static inline void net_output(net *net, tw_value *value) {
  tw_error error;
  assert_int_equal(tw_graph_add_output(net->graph, value, &error), TW_OK);
}

/* ---- The reference ----------------------------------------------------------------------------------------------- */

/* The result of each value so far, by position in `values`. */
typedef struct reference {
  size_t count;
  const tw_value *values[512];
  double *data[512];
} reference;

static inline size_t count_of(const tw_shape *shape) {
  size_t count;
  assert_true(tw_shape_count(shape, &count));
  return count;
}

static inline double *ref_put(reference *ref, const tw_value *value) {
  assert_true(ref->count < 512);
  ref->values[ref->count] = value;
  ref->data[ref->count] = calloc(count_of(&value->shape), sizeof(double));
  assert_non_null(ref->data[ref->count]);
  return ref->data[ref->count++];
}

static inline double *ref_floats(reference *ref, const tw_value *value, const float *from) {
  double *to = ref_put(ref, value);
  for (size_t i = 0; i < count_of(&value->shape); i++) {
    to[i] = from[i];
  }
  return to;
}

static inline const double *ref_get(reference *ref, const tw_value *value) {
  for (size_t i = 0; i < ref->count; i++) {
    if (ref->values[i] == value) {
      return ref->data[i];
    }
  }
  return ref_floats(ref, value, value->data);
}

static inline double ref_activate(const tw_attributes *attributes, double x) {
  if (attributes->activation == TW_ACTIVATION_RELU) {
    return x > 0 ? x : 0;
  }
  if (attributes->activation == TW_ACTIVATION_CLIP) {
    return x < attributes->low ? attributes->low : x > attributes->high ? attributes->high : x;
  }
  return x;
}

/* Dimensions padded to three of pixels, by ones in front. */
typedef struct grid {
  int64_t channels, in[3], out[3], kernel[3], stride[3], dilation[3], begin[3], end[3];
} grid;

static inline grid grid_of(const tw_node *node) {
  const tw_attributes *a = &node->attributes;
  grid g = {.channels = node->inputs[0]->shape.dims[1]};
  int missing = 3 - a->spatial;
  for (int i = 0; i < 3; i++) {
    bool own = i >= missing;
    g.in[i] = own ? node->inputs[0]->shape.dims[2 + i - missing] : 1;
    g.out[i] = own ? node->output->shape.dims[2 + i - missing] : 1;
    g.kernel[i] = own ? a->kernel[i - missing] : 1;
    g.stride[i] = own ? a->strides[i - missing] : 1;
    g.dilation[i] = own ? a->dilations[i - missing] : 1;
    g.begin[i] = own ? a->pads_begin[i - missing] : 0;
    g.end[i] = own ? a->pads_end[i - missing] : 0;
  }
  return g;
}

/* Kernel position k (flat) seen from result position o (flat): the flat input position, or -1 outside of the input.
 * *ret_padded: inside of input and padding. */
static inline int64_t grid_at(const grid *g, int64_t o, int64_t k, bool *ret_padded) {
  int64_t at = 0;
  bool inside = true;
  *ret_padded = true;
  int64_t o_at[3] = {o / (g->out[1] * g->out[2]), o / g->out[2] % g->out[1], o % g->out[2]};
  int64_t k_at[3] = {k / (g->kernel[1] * g->kernel[2]), k / g->kernel[2] % g->kernel[1], k % g->kernel[2]};
  for (int i = 0; i < 3; i++) {
    int64_t x = o_at[i] * g->stride[i] + k_at[i] * g->dilation[i] - g->begin[i];
    inside = inside && x >= 0 && x < g->in[i];
    *ret_padded = *ret_padded && x < g->in[i] + g->end[i];
    at = at * g->in[i] + x;
  }
  return inside ? at : -1;
}

static inline int64_t volume(const int64_t dims[3]) {
  return dims[0] * dims[1] * dims[2];
}

static inline void ref_conv(reference *ref, const tw_node *node) {
  grid g = grid_of(node);
  const double *x = ref_get(ref, node->inputs[0]);
  const double *w = ref_get(ref, node->inputs[1]);
  const double *bias = node->input_count > 2 && node->inputs[2] != NULL ? ref_get(ref, node->inputs[2]) : NULL;
  const double *addend = node->input_count > 3 ? ref_get(ref, node->inputs[3]) : NULL;
  double *y = ref_put(ref, node->output);
  int64_t out_channels = node->output->shape.dims[1];
  int64_t depth = g.channels / node->attributes.group;
  int64_t taps = volume(g.kernel);
  for (int64_t c = 0; c < out_channels; c++) {
    int64_t first = c / (out_channels / node->attributes.group) * depth;
    for (int64_t o = 0; o < volume(g.out); o++) {
      double sum = bias != NULL ? bias[c] : 0;
      for (int64_t i = 0; i < depth; i++) {
        for (int64_t k = 0; k < taps; k++) {
          bool unused;
          int64_t at = grid_at(&g, o, k, &unused);
          sum += at < 0 ? 0 : x[(first + i) * volume(g.in) + at] * w[(c * depth + i) * taps + k];
        }
      }
      int64_t to = c * volume(g.out) + o;
      y[to] = ref_activate(&node->attributes, sum + (addend != NULL ? addend[to] : 0));
    }
  }
}

static inline void ref_pool(reference *ref, const tw_node *node) {
  grid g = grid_of(node);
  const double *x = ref_get(ref, node->inputs[0]);
  double *y = ref_put(ref, node->output);
  for (int64_t c = 0; c < g.channels; c++) {
    for (int64_t o = 0; o < volume(g.out); o++) {
      double sum = 0;
      double most = -INFINITY;
      int64_t inside = 0;
      int64_t padded = 0;
      for (int64_t k = 0; k < volume(g.kernel); k++) {
        bool in_padding;
        int64_t at = grid_at(&g, o, k, &in_padding);
        double value = at < 0 ? 0 : x[c * volume(g.in) + at];
        sum += value;
        most = at >= 0 && value > most ? value : most;
        inside += at >= 0;
        padded += in_padding;
      }
      double divisor = (double)(node->attributes.count_include_pad ? padded : inside);
      y[c * volume(g.out) + o] = node->op == TW_OP_MAX_POOL ? most : sum / divisor;
    }
  }
}

static inline void ref_global_pool(reference *ref, const tw_node *node) {
  const double *x = ref_get(ref, node->inputs[0]);
  double *y = ref_put(ref, node->output);
  size_t channels = count_of(&node->output->shape);
  size_t each = count_of(&node->inputs[0]->shape) / channels;
  for (size_t c = 0; c < channels; c++) {
    for (size_t i = 0; i < each; i++) {
      y[c] += x[c * each + i] / (double)each;
    }
  }
}

/* The flat position in a tensor of that shape which broadcasts to `to`, for flat position `at` of `to`. */
static inline size_t broadcast_at(const tw_shape *shape, const tw_shape *to, size_t at) {
  size_t result = 0;
  size_t stride = 1;
  for (int i = to->rank - 1; i >= 0; i--) {
    int own = i - (to->rank - shape->rank);
    size_t index = at % (size_t)to->dims[i];
    at /= (size_t)to->dims[i];
    if (own >= 0) {
      result += shape->dims[own] == 1 ? 0 : index * stride;
      stride *= (size_t)shape->dims[own];
    }
  }
  return result;
}

static inline void ref_binary(reference *ref, const tw_node *node) {
  const double *a = ref_get(ref, node->inputs[0]);
  const double *b = ref_get(ref, node->inputs[1]);
  double *y = ref_put(ref, node->output);
  const tw_shape *to = &node->output->shape;
  for (size_t i = 0; i < count_of(to); i++) {
    double p = a[broadcast_at(&node->inputs[0]->shape, to, i)];
    double q = b[broadcast_at(&node->inputs[1]->shape, to, i)];
    y[i] = ref_activate(&node->attributes, node->op == TW_OP_ADD ? p + q : node->op == TW_OP_MUL ? p * q : p - q);
  }
}

static inline size_t product_of(const tw_shape *shape, int begin, int end) {
  size_t product = 1;
  for (int i = begin; i < end; i++) {
    product *= (size_t)shape->dims[i];
  }
  return product;
}

static inline void ref_concat(reference *ref, const tw_node *node) {
  double *y = ref_put(ref, node->output);
  int axis = (int)node->attributes.axis;
  const tw_shape *to = &node->output->shape;
  size_t outer = product_of(to, 0, axis);
  size_t row = product_of(to, axis, to->rank);
  size_t begin = 0;
  for (size_t n = 0; n < node->input_count; n++) {
    const double *x = ref_get(ref, node->inputs[n]);
    size_t part = product_of(&node->inputs[n]->shape, axis, to->rank);
    for (size_t o = 0; o < outer; o++) {
      memcpy(&y[o * row + begin], &x[o * part], part * sizeof *x);
    }
    begin += part;
  }
}

static inline void ref_softmax(reference *ref, const tw_node *node) {
  const double *x = ref_get(ref, node->inputs[0]);
  double *y = ref_put(ref, node->output);
  const tw_shape *shape = &node->output->shape;
  int axis = (int)node->attributes.axis;
  int end = node->attributes.flat_softmax ? shape->rank : axis + 1;
  size_t length = product_of(shape, axis, end);
  size_t inner = product_of(shape, end, shape->rank);
  for (size_t o = 0; o < product_of(shape, 0, axis) * inner; o++) {
    size_t base = o / inner * length * inner + o % inner;
    double sum = 0;
    double most = -INFINITY;
    for (size_t i = 0; i < length; i++) {
      most = x[base + i * inner] > most ? x[base + i * inner] : most;
    }
    for (size_t i = 0; i < length; i++) {
      sum += exp(x[base + i * inner] - most);
    }
    for (size_t i = 0; i < length; i++) {
      y[base + i * inner] = exp(x[base + i * inner] - most) / sum;
    }
  }
}

static inline void ref_gemm(reference *ref, const tw_node *node) {
  const tw_attributes *at = &node->attributes;
  const double *a = ref_get(ref, node->inputs[0]);
  const double *b = ref_get(ref, node->inputs[1]);
  const double *c = node->input_count > 2 ? ref_get(ref, node->inputs[2]) : NULL;
  double *y = ref_put(ref, node->output);
  int64_t m = node->output->shape.dims[0];
  int64_t n = node->output->shape.dims[1];
  int64_t k = node->inputs[0]->shape.dims[at->transpose_a ? 0 : 1];
  for (int64_t i = 0; i < m * n; i++) {
    int64_t row = i / n;
    int64_t column = i % n;
    double sum = 0;
    for (int64_t j = 0; j < k; j++) {
      sum += a[at->transpose_a ? j * m + row : row * k + j] * b[at->transpose_b ? column * k + j : j * n + column];
    }
    double more = c == NULL ? 0 : c[broadcast_at(&node->inputs[2]->shape, &node->output->shape, (size_t)i)];
    y[i] = ref_activate(at, at->alpha * sum + at->beta * more);
  }
}

static inline void ref_matmul(reference *ref, const tw_node *node) {
  const double *a = ref_get(ref, node->inputs[0]);
  const double *b = ref_get(ref, node->inputs[1]);
  double *y = ref_put(ref, node->output);
  tw_shape sa = node->inputs[0]->shape;
  tw_shape sb = node->inputs[1]->shape;
  tw_shape sy = node->output->shape;
  if (sa.rank == 1) {
    sa = SHAPE(1, sa.dims[0]);
    sy.dims[sy.rank++] = 1;
    if (node->inputs[1]->shape.rank > 1) {
      sy.dims[sy.rank - 1] = sy.dims[sy.rank - 2];
      sy.dims[sy.rank - 2] = 1;
    }
  }
  if (sb.rank == 1) {
    sb = SHAPE(sb.dims[0], 1);
    sy.dims[sy.rank++] = 1;
  }
  int64_t m = sa.dims[sa.rank - 2];
  int64_t k = sa.dims[sa.rank - 1];
  int64_t n = sb.dims[sb.rank - 1];
  tw_shape lead_a = sa;
  tw_shape lead_b = sb;
  tw_shape lead = sy;
  lead_a.rank -= 2;
  lead_b.rank -= 2;
  lead.rank -= 2;
  for (size_t batch = 0; batch < count_of(&lead); batch++) {
    const double *left = a + (int64_t)broadcast_at(&lead_a, &lead, batch) * m * k;
    const double *right = b + (int64_t)broadcast_at(&lead_b, &lead, batch) * k * n;
    for (int64_t i = 0; i < m * n; i++) {
      double sum = 0;
      for (int64_t j = 0; j < k; j++) {
        sum += left[i / n * k + j] * right[j * n + i % n];
      }
      y[(int64_t)batch * m * n + i] = sum;
    }
  }
}

static inline void ref_transpose(reference *ref, const tw_node *node) {
  const tw_shape *from = &node->inputs[0]->shape;
  const tw_shape *to = &node->output->shape;
  const double *x = ref_get(ref, node->inputs[0]);
  double *y = ref_put(ref, node->output);
  for (size_t i = 0; i < count_of(to); i++) {
    int64_t at[TW_MAX_RANK];
    size_t rest = i;
    for (int d = to->rank - 1; d >= 0; d--) {
      at[node->attributes.target[d]] = (int64_t)(rest % (size_t)to->dims[d]);
      rest /= (size_t)to->dims[d];
    }
    size_t source = 0;
    for (int d = 0; d < from->rank; d++) {
      source = source * (size_t)from->dims[d] + (size_t)at[d];
    }
    y[i] = x[source];
  }
}

static inline void ref_simple(reference *ref, const tw_node *node) {
  const double *x = ref_get(ref, node->inputs[0]);
  double *y = ref_put(ref, node->output);
  for (size_t i = 0; i < count_of(&node->output->shape); i++) {
    tw_attributes attributes = node->attributes;
    attributes.activation = node->op == TW_OP_RELU   ? TW_ACTIVATION_RELU
                            : node->op == TW_OP_CLIP ? TW_ACTIVATION_CLIP
                                                     : TW_ACTIVATION_NONE;
    y[i] = ref_activate(&attributes, x[i]);
  }
}

static inline void ref_node(reference *ref, const tw_node *node) {
  switch (node->op) {
    case TW_OP_CONV: ref_conv(ref, node); break;
    case TW_OP_MAX_POOL:
    case TW_OP_AVERAGE_POOL: ref_pool(ref, node); break;
    case TW_OP_GLOBAL_AVERAGE_POOL: ref_global_pool(ref, node); break;
    case TW_OP_ADD:
    case TW_OP_MUL:
    case TW_OP_SUB: ref_binary(ref, node); break;
    case TW_OP_CONCAT: ref_concat(ref, node); break;
    case TW_OP_SOFTMAX: ref_softmax(ref, node); break;
    case TW_OP_GEMM: ref_gemm(ref, node); break;
    case TW_OP_MATMUL: ref_matmul(ref, node); break;
    case TW_OP_TRANSPOSE: ref_transpose(ref, node); break;
    default: ref_simple(ref, node); break;
  }
}

/* ---- Comparing --------------------------------------------------------------------------------------------------- */

static inline void run_plan(const tw_plan *plan, const float *input, float **outputs) {
  tw_session *session;
  tw_error error = {0};
  assert_int_equal(tw_session_create(plan, &session, &error), TW_OK);
  assert_int_equal(tw_session_run(session, input, outputs, &error), TW_OK);
  tw_session_free(session);
}

/* Runs the network on an input at the given offset (in floats) from an aligned address; fills result (all outputs, one
 * after the other). */
static inline void run_net(const net *net, int threads, const float *input, size_t offset, float *result) {
  tw_plan *plan = NULL;
  tw_error error = {0};
  tw_status status = tw_plan_create(net->graph, threads, &plan, &error);
  if (status != TW_OK) {
    print_message("%s\n", error.message);
  }
  assert_int_equal(status, TW_OK);
  float *outputs[8];
  assert_true(tw_plan_output_number(plan) <= 8);
  for (size_t i = 0; i < tw_plan_output_number(plan); i++) {
    outputs[i] = result;
    result += tw_plan_output_count(plan, i);
  }
  size_t count = tw_plan_input_count(plan);
  float *moved = tw_alloc_aligned((count + offset) * sizeof *moved);
  assert_non_null(moved);
  memcpy(moved + offset, input, count * sizeof *moved);
  run_plan(plan, moved + offset, outputs);
  tw_free(moved);
  tw_plan_free(plan);
}

static inline void compare(const net *net, reference *ref, const float *result, double tolerance) {
  for (size_t k = 0; k < net->graph->output_count; k++) {
    const double *expected = ref_get(ref, net->graph->outputs[k]);
    size_t count = count_of(&net->graph->outputs[k]->shape);
    double bound = 1;
    for (size_t i = 0; i < count; i++) {
      bound = fabs(expected[i]) > bound ? fabs(expected[i]) : bound;
    }
    bound *= tolerance;
    for (size_t i = 0; i < count; i++) {
      if (!(fabs(result[i] - expected[i]) <= bound)) {
        print_message("output %zu, element %zu: %.9g instead of %.9g\n", k, i, (double)result[i], expected[i]);
      }
      assert_true(fabs(result[i] - expected[i]) <= bound);
    }
    result += count;
  }
}

/* The engine agrees with the reference to `tolerance` times the largest result (or 1); one thread, two threads and an
 * unaligned input give the same bits. Frees the network. */
static inline void check_net(net *net, double tolerance) {
  size_t in = count_of(&net->graph->inputs[0]->shape);
  size_t out = 0;
  for (size_t i = 0; i < net->graph->output_count; i++) {
    out += count_of(&net->graph->outputs[i]->shape);
  }
  float *input = calloc(in, sizeof *input);
  float *one = calloc(out, sizeof *one);
  float *two = calloc(out, sizeof *two);
  reference *ref = calloc(1, sizeof *ref);
  assert_true(input != NULL && one != NULL && two != NULL && ref != NULL);
  for (size_t i = 0; i < in; i++) {
    input[i] = random_float(&net->random);
  }
  run_net(net, 1, input, 0, one);
  ref_floats(ref, net->graph->inputs[0], input);
  for (size_t i = 0; i < net->graph->node_count; i++) {
    ref_node(ref, net->graph->nodes[i]);
  }
  compare(net, ref, one, tolerance);
  run_net(net, 2, input, 0, two);
  assert_memory_equal(one, two, out * sizeof *one);
  run_net(net, 2, input, 1, two);
  assert_memory_equal(one, two, out * sizeof *one);
  for (size_t i = 0; i < ref->count; i++) {
    free(ref->data[i]);
  }
  free(ref);
  free(input);
  free(one);
  free(two);
  tw_graph_free(net->graph);
}

#endif
