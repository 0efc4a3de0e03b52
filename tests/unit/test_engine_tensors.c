/* All operators but convolutions and pools against the naive reference, alone and in small networks. */
#include "engine_reference.h"

static const double tolerance = 1e-5;

/* A 1x1 convolution: brings a value into the layout of convolutions. */
static tw_value *blocked(net *net, tw_value *x, int64_t channels) {
  tw_attributes one = {.group = 1};
  tw_shape shape = {.rank = x->shape.rank, .dims = {channels, x->shape.dims[1]}};
  for (int i = 2; i < shape.rank; i++) {
    shape.dims[i] = 1;
  }
  return NODE(net, TW_OP_CONV, &one, x, net_constant(net, shape));
}

static void finish(net *net, tw_value *y) {
  net_output(net, y);
  check_net(net, tolerance);
}

/* ---- Element by element ------------------------------------------------------------------------------------------ */

static void activations(void **state) {
  (void)state;
  const tw_shape shapes[] = {SHAPE(1, 12, 5, 5), SHAPE(1, 1000), SHAPE(7), SHAPE(1, 2, 3, 4, 5, 6)};
  const float bounds[][2] = {{0, 6},           {-0.5F, 0.25F},        {-INFINITY, 0.1F},
                             {0.1F, INFINITY}, {-INFINITY, INFINITY}, {0, INFINITY}};
  for (size_t i = 0; i < sizeof shapes / sizeof shapes[0]; i++) {
    for (size_t k = 0; k < sizeof bounds / sizeof bounds[0]; k++) {
      net net;
      net_init(&net, i);
      tw_value *x = net_input(&net, shapes[i]);
      x = i == 0 ? blocked(&net, x, 12) : x;
      tw_attributes clip = {.low = bounds[k][0], .high = bounds[k][1]};
      tw_value *y = NODE(&net, TW_OP_CLIP, &clip, x);
      finish(&net, k % 2 == 0 ? NODE(&net, TW_OP_RELU, NULL, y) : y);
    }
  }
}

/* Both operands computed, one constant, both orders, with every kind of broadcasting. */
static void broadcasting(void **state) {
  (void)state;
  const tw_shape shapes[][2] = {{SHAPE(1, 16, 5, 6), SHAPE(1, 16, 5, 6)},
                                {SHAPE(1, 16, 5, 6), SHAPE(16, 1, 1)},
                                {SHAPE(1, 12, 5, 6), SHAPE(1, 12, 1, 1)},
                                {SHAPE(1, 16, 5, 6), SHAPE(6)},
                                {SHAPE(1, 16, 5, 6), SHAPE(5, 1)},
                                {SHAPE(1, 16, 5, 6), SHAPE(1, 1, 5, 6)},
                                {SHAPE(1, 16, 5, 6), SHAPE(1)},
                                {SHAPE(3, 1), SHAPE(1, 4)},
                                {SHAPE(1, 10), SHAPE(10)},
                                {SHAPE(7), SHAPE(2, 3, 7)},
                                {SHAPE(1, 16, 5), SHAPE(16, 1)},
                                {SHAPE(1, 8, 2, 3, 4), SHAPE(8, 1, 1, 1)},
                                {SHAPE(4), SHAPE(1, 1)},
                                {SHAPE(2, 1, 3, 1, 2, 2), SHAPE(4, 1, 5, 1, 2)}};
  const tw_op ops[] = {TW_OP_ADD, TW_OP_MUL, TW_OP_SUB};
  for (size_t i = 0; i < sizeof shapes / sizeof shapes[0] * 12; i++) {
    net net;
    net_init(&net, i);
    const tw_shape *pair = shapes[i / 12];
    tw_value *x = net_input(&net, pair[0]);
    x = pair[0].rank == 4 ? blocked(&net, x, pair[0].dims[1]) : x;
    tw_value *other = net_constant(&net, pair[1]);
    if (i / 3 % 2 == 0) { /* computed, but from a constant */
      other = NODE(&net, TW_OP_RELU, NULL, other);
    }
    tw_attributes relu = {.activation = i % 3 == 0 ? TW_ACTIVATION_RELU : TW_ACTIVATION_NONE};
    bool swapped = i / 6 % 2 == 0;
    finish(&net, NODE(&net, ops[i % 3], &relu, swapped ? other : x, swapped ? x : other));
  }
}

/* Mul and Add of constants that follow each other, as batch norms leave them; and when somebody else reads the product.
 */
static void scale_and_shift(void **state) {
  (void)state;
  for (int form = 0; form < 6; form++) {
    net net;
    net_init(&net, (uint64_t)form);
    tw_value *x = blocked(&net, net_input(&net, SHAPE(1, 16, 5, 6)), form % 2 == 0 ? 16 : 12);
    tw_shape channels = SHAPE(1, x->shape.dims[1], 1, 1);
    tw_attributes relu = {.activation = TW_ACTIVATION_RELU};
    tw_value *product = NODE(&net, TW_OP_MUL, NULL, x, net_constant(&net, channels));
    tw_value *y = NODE(&net, TW_OP_ADD, &relu, net_constant(&net, channels), product);
    if (form / 2 == 1) {
      y = NODE(&net, TW_OP_ADD, NULL, y, product);
    } else if (form / 2 == 2) {
      net_output(&net, product);
    }
    finish(&net, y);
  }
}

/* The same value twice, and a sum into a buffer that is read again. */
static void in_place(void **state) {
  (void)state;
  net net;
  net_init(&net, 1);
  tw_value *x = blocked(&net, net_input(&net, SHAPE(1, 16, 4, 4)), 16);
  tw_value *a = NODE(&net, TW_OP_RELU, NULL, x);
  tw_value *b = NODE(&net, TW_OP_ADD, NULL, x, x);
  tw_value *c = NODE(&net, TW_OP_MUL, NULL, b, b);
  tw_value *d = NODE(&net, TW_OP_SUB, NULL, c, a);
  tw_value *e = NODE(&net, TW_OP_IDENTITY, NULL, d);
  tw_value *f = NODE(&net, TW_OP_RELU, NULL, e);
  tw_value *g = NODE(&net, TW_OP_ADD, NULL, f, d);
  net_output(&net, e);
  finish(&net, g);
}

/* ---- Shapes ------------------------------------------------------------------------------------------------------ */

static void views(void **state) {
  (void)state;
  for (int form = 0; form < 8; form++) {
    net net;
    net_init(&net, (uint64_t)form);
    int64_t channels = form % 2 == 0 ? 16 : 12;
    int64_t size = form / 2 % 2 == 0 ? 1 : 3;
    tw_value *x = blocked(&net, net_input(&net, SHAPE(1, 3, size, size)), channels);
    tw_attributes flatten = {.axis = 1};
    tw_attributes reshape = {.target_rank = 3, .target = {size, -1, 4}};
    tw_value *y = form < 4 ? NODE(&net, TW_OP_FLATTEN, &flatten, x) : NODE(&net, TW_OP_RESHAPE, &reshape, x);
    y = NODE(&net, TW_OP_IDENTITY, NULL, y);
    net_output(&net, y);
    finish(&net, NODE(&net, TW_OP_RELU, NULL, y));
  }
}

static void concatenations(void **state) {
  (void)state;
  for (uint64_t seed = 0; seed < 40; seed++) {
    net net;
    net_init(&net, seed);
    static const int64_t widths[] = {8, 16, 24, 4, 3};
    tw_value *x = net_input(&net, SHAPE(1, 8, 4, 5));
    tw_value *parts[4];
    size_t count = (size_t)random_in(&net.random, 1, 4);
    for (size_t i = 0; i < count; i++) {
      switch (tw_random_below(&net.random, 6)) {
        case 0: parts[i] = x; break;
        case 1: parts[i] = net_constant(&net, SHAPE(1, 5, 4, 5)); break;
        case 2: parts[i] = i > 0 ? parts[0] : NODE(&net, TW_OP_RELU, NULL, x); break;
        default: parts[i] = blocked(&net, x, widths[tw_random_below(&net.random, seed % 2 == 0 ? 3 : 5)]);
      }
    }
    tw_attributes channels = {.axis = 1};
    tw_value *y = net_node(&net, TW_OP_CONCAT, &channels, count, parts);
    if (tw_random_below(&net.random, 2) == 0) { /* branches read after the join, and the join after that */
      tw_value *again = NODE(&net, TW_OP_RELU, NULL, parts[count - 1]);
      net_output(&net, again);
      y = NODE(&net, TW_OP_CONCAT, &channels, y, again, parts[0]);
    }
    net_output(&net, NODE(&net, TW_OP_RELU, NULL, y));
    finish(&net, blocked(&net, y, 8));
  }
}

/* Both ways in which networks of dense blocks are written: each join of the one before and a new branch, or each of
 * all branches so far. */
static void dense_blocks(void **state) {
  (void)state;
  for (int form = 0; form < 4; form++) {
    net net;
    net_init(&net, (uint64_t)form);
    int64_t growth = form % 2 == 0 ? 8 : 12;
    tw_attributes channels = {.axis = 1};
    tw_value *parts[5] = {blocked(&net, net_input(&net, SHAPE(1, 3, 6, 6)), 16)};
    tw_value *joined = parts[0];
    for (size_t i = 1; i < 5; i++) {
      parts[i] = blocked(&net, NODE(&net, TW_OP_RELU, NULL, joined), growth);
      joined = form < 2 ? NODE(&net, TW_OP_CONCAT, &channels, joined, parts[i])
                        : net_node(&net, TW_OP_CONCAT, &channels, i + 1, parts);
    }
    finish(&net, joined);
  }
}

static void other_axes(void **state) {
  (void)state;
  for (int axis = 0; axis < 4; axis++) {
    for (int form = 0; form < 2; form++) {
      net net;
      net_init(&net, (uint64_t)axis);
      tw_value *x = net_input(&net, SHAPE(1, form == 0 ? 8 : 1, 4, 5));
      tw_value *a = blocked(&net, x, x->shape.dims[1]);
      tw_attributes attributes = {.axis = axis};
      finish(&net, NODE(&net, TW_OP_CONCAT, &attributes, a, x, NODE(&net, TW_OP_RELU, NULL, x)));
    }
  }
}

/* Whether the step brings a tensor into another order. */
static bool is_turned(const tw_plan_step *step) {
  const char *arrow = strstr(step->layout, " -> ");
  assert_non_null(arrow);
  size_t length = (size_t)(arrow - step->layout);
  return strlen(arrow + 4) != length || strncmp(step->layout, arrow + 4, length) != 0;
}

/* A concatenation costs nothing when its branches can be told where to write, and a copy in their own order where the
 * channels are last. */
static void branches_are_written_in_place(void **state) {
  (void)state;
  net net;
  net_init(&net, 1);
  tw_value *x = blocked(&net, net_input(&net, SHAPE(1, 3, 6, 6)), 16);
  tw_attributes channels = {.axis = 1};
  tw_value *a = blocked(&net, x, 16);
  net_output(&net, blocked(&net, NODE(&net, TW_OP_CONCAT, &channels, a, blocked(&net, x, 32)), 16));
  tw_plan *plan;
  tw_error error;
  assert_int_equal(tw_plan_create(net.graph, 1, &plan, &error), TW_OK);
  size_t convolutions = 0; /* between them there is nothing, or the two copies */
  size_t copies = 0;
  for (size_t i = 0; i < tw_plan_step_count(plan); i++) {
    const tw_plan_step *step = tw_plan_step_at(plan, i);
    bool is = strcmp(step->kind, "convolution") == 0;
    bool between = !is && convolutions > 0 && convolutions < 4;
    assert_true(!between || !is_turned(step));
    copies += between;
    convolutions += is;
  }
  assert_true(copies == (strstr(tw_plan_step_at(plan, tw_plan_step_count(plan) - 2)->layout, "nhwc") != NULL ? 2 : 0));
  assert_int_equal(convolutions, 4);
  tw_plan_free(plan);
  tw_graph_free(net.graph);
}

/* ---- Products ---------------------------------------------------------------------------------------------------- */

static void gemms(void **state) {
  (void)state;
  static const int64_t sizes[] = {1, 3, 8, 17, 40};
  for (uint64_t seed = 0; seed < 120; seed++) {
    net net;
    net_init(&net, seed);
    int64_t m = sizes[tw_random_below(&net.random, 5)];
    int64_t k = sizes[tw_random_below(&net.random, 5)];
    int64_t n = sizes[tw_random_below(&net.random, 5)];
    tw_attributes attributes = {.alpha = 1, .beta = 1};
    attributes.transpose_a = tw_random_below(&net.random, 3) == 0;
    attributes.transpose_b = tw_random_below(&net.random, 2) == 0;
    attributes.alpha = tw_random_below(&net.random, 2) == 0 ? 1 : 0.5F;
    attributes.beta = tw_random_below(&net.random, 2) == 0 ? 1 : (float)tw_random_below(&net.random, 3) * -0.75F;
    attributes.activation = tw_random_below(&net.random, 2) == 0 ? TW_ACTIVATION_RELU : TW_ACTIVATION_NONE;
    tw_value *a = net_input(&net, attributes.transpose_a ? SHAPE(k, m) : SHAPE(m, k));
    tw_value *b = net_constant(&net, attributes.transpose_b ? SHAPE(n, k) : SHAPE(k, n));
    b = tw_random_below(&net.random, 3) == 0 ? NODE(&net, TW_OP_RELU, NULL, b) : b;
    const tw_shape addends[] = {SHAPE(n), SHAPE(1, n), SHAPE(m, n), SHAPE(m, 1), SHAPE(1), {.rank = 0}};
    tw_value *c = net_constant(&net, addends[tw_random_below(&net.random, 6)]);
    c = tw_random_below(&net.random, 3) == 0 ? NODE(&net, TW_OP_RELU, NULL, c) : c;
    finish(&net, tw_random_below(&net.random, 4) == 0 ? NODE(&net, TW_OP_GEMM, &attributes, a, b)
                                                      : NODE(&net, TW_OP_GEMM, &attributes, a, b, c));
  }
}

static void matmuls(void **state) {
  (void)state;
  const tw_shape shapes[][2] = {{SHAPE(1, 24), SHAPE(24, 10)},
                                {SHAPE(5, 24), SHAPE(24, 10)},
                                {SHAPE(1, 7, 24), SHAPE(24, 9)},
                                {SHAPE(2, 3, 7, 8), SHAPE(8, 16)},
                                {SHAPE(24), SHAPE(24, 10)},
                                {SHAPE(5, 24), SHAPE(24)},
                                {SHAPE(24), SHAPE(24)},
                                {SHAPE(1, 3, 4, 5), SHAPE(1, 3, 5, 6)},
                                {SHAPE(3, 4, 5), SHAPE(1, 5, 6)},
                                {SHAPE(4, 5), SHAPE(2, 3, 5, 6)},
                                {SHAPE(2, 1, 4, 5), SHAPE(3, 5, 1)},
                                {SHAPE(5), SHAPE(2, 5, 3)},
                                {SHAPE(2, 3, 5), SHAPE(5)}};
  for (size_t i = 0; i < sizeof shapes / sizeof shapes[0] * 2; i++) {
    net net;
    net_init(&net, i);
    tw_value *a = net_input(&net, shapes[i / 2][0]);
    tw_value *b = net_constant(&net, shapes[i / 2][1]);
    finish(&net, NODE(&net, TW_OP_MATMUL, NULL, a, i % 2 == 0 ? b : NODE(&net, TW_OP_RELU, NULL, b)));
  }
}

/* A long sum: where a matrix product might share it between threads. */
static void long_products(void **state) {
  (void)state;
  for (int form = 0; form < 4; form++) {
    net net;
    net_init(&net, (uint64_t)form);
    tw_attributes attributes = {.alpha = 1, .beta = 1, .transpose_b = form % 2 == 0};
    tw_value *a = net_input(&net, form < 2 ? SHAPE(1, 5000) : SHAPE(3, 5000));
    tw_value *b = net_constant(&net, form % 2 == 0 ? SHAPE(20, 5000) : SHAPE(5000, 20));
    b = form == 3 ? NODE(&net, TW_OP_RELU, NULL, b) : b;
    finish(&net, NODE(&net, TW_OP_GEMM, &attributes, a, b, net_constant(&net, SHAPE(20))));
  }
}

static void softmaxes(void **state) {
  (void)state;
  const tw_shape shapes[] = {SHAPE(1, 1000), SHAPE(3, 5, 7), SHAPE(1, 16, 3, 3)};
  for (size_t i = 0; i < sizeof shapes / sizeof shapes[0]; i++) {
    for (int axis = 0; axis < shapes[i].rank * 2; axis++) {
      net net;
      net_init(&net, i);
      tw_value *x = net_input(&net, shapes[i]);
      x = shapes[i].rank == 4 ? blocked(&net, x, 12) : x;
      tw_attributes attributes = {.axis = axis / 2, .flat_softmax = axis % 2 == 0};
      finish(&net, NODE(&net, TW_OP_SOFTMAX, &attributes, x));
    }
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(activations),  cmocka_unit_test(broadcasting), cmocka_unit_test(scale_and_shift),
      cmocka_unit_test(in_place),     cmocka_unit_test(views),        cmocka_unit_test(concatenations),
      cmocka_unit_test(dense_blocks), cmocka_unit_test(other_axes),   cmocka_unit_test(branches_are_written_in_place),
      cmocka_unit_test(gemms),        cmocka_unit_test(matmuls),      cmocka_unit_test(long_products),
      cmocka_unit_test(softmaxes)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
