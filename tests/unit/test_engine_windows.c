/* Convolutions and pools against the naive reference, in many forms from a seeded generator. */
#include "engine_reference.h"

enum { ROUNDS = 60 };
static const double tolerance = 1e-5;

static tw_attributes window(int spatial, int64_t kernel, int64_t stride, int64_t pad) {
  tw_attributes attributes = {.spatial = spatial, .group = 1};
  for (int i = 0; i < spatial; i++) {
    attributes.kernel[i] = kernel;
    attributes.strides[i] = stride;
    attributes.dilations[i] = 1;
    attributes.pads_begin[i] = pad;
    attributes.pads_end[i] = pad;
  }
  return attributes;
}

static tw_value *conv(net *net, tw_value *x, int64_t channels, const tw_attributes *attributes, bool bias) {
  tw_shape shape = {.rank = x->shape.rank, .dims = {channels, x->shape.dims[1] / attributes->group}};
  for (int i = 0; i < attributes->spatial; i++) {
    shape.dims[2 + i] = attributes->kernel[i];
  }
  tw_value *weights = net_constant(net, shape);
  return bias ? NODE(net, TW_OP_CONV, attributes, x, weights, net_constant(net, SHAPE(channels)))
              : NODE(net, TW_OP_CONV, attributes, x, weights);
}

static tw_shape picture(int spatial, int64_t channels, int64_t size) {
  tw_shape shape = {.rank = spatial + 2, .dims = {1, channels}};
  for (int i = 0; i < spatial; i++) {
    shape.dims[2 + i] = size + i;
  }
  return shape;
}

/* Random kernel, stride, dilation and pads that fit `shape`. */
static tw_attributes random_window(tw_random *random, const tw_shape *shape, bool pool) {
  tw_attributes attributes = {.spatial = shape->rank - 2, .group = 1};
  for (int i = 0; i < attributes.spatial; i++) {
    int64_t most = shape->dims[2 + i] < 5 ? shape->dims[2 + i] : 5;
    attributes.kernel[i] = random_in(random, 1, most);
    attributes.strides[i] = random_in(random, 1, 3);
    attributes.dilations[i] = attributes.kernel[i] * 2 <= shape->dims[2 + i] ? random_in(random, 1, 2) : 1;
    int64_t reach = pool ? attributes.dilations[i] * (attributes.kernel[i] - 1) : 4;
    reach = reach > 3 ? 3 : reach;
    attributes.pads_begin[i] = random_in(random, 0, reach);
    attributes.pads_end[i] = random_in(random, 0, reach);
  }
  return attributes;
}

static void convolutions(void **state) {
  (void)state;
  static const int64_t widths[] = {1, 3, 4, 8, 12, 16, 24, 40};
  for (uint64_t seed = 0; seed < ROUNDS; seed++) {
    net net;
    net_init(&net, seed);
    int spatial = (int)random_in(&net.random, 1, 3);
    int64_t channels = widths[tw_random_below(&net.random, 8)];
    tw_shape shape = picture(spatial, channels, random_in(&net.random, 5, spatial == 3 ? 7 : 14));
    tw_attributes attributes = random_window(&net.random, &shape, false);
    int64_t results = widths[tw_random_below(&net.random, 8)];
    if (tw_random_below(&net.random, 2) == 0) {
      attributes.group = tw_random_below(&net.random, 2) == 0 ? channels : channels % 4 == 0 ? channels / 4 : 1;
      results = attributes.group * random_in(&net.random, 1, 3);
    }
    attributes.activation = (tw_activation)tw_random_below(&net.random, 3);
    attributes.low = -0.5F;
    attributes.high = 1;
    net_output(&net, conv(&net, net_input(&net, shape), results, &attributes, tw_random_below(&net.random, 2) == 0));
    check_net(&net, tolerance);
  }
}

/* The forms that networks for pictures are made of. */
static void picture_convolutions(void **state) {
  (void)state;
  static const int64_t forms[][6] = {/* channels, results, group, kernel, stride, pad */
                                     {3, 32, 1, 3, 2, 1},     {32, 16, 1, 1, 1, 0},   {32, 32, 32, 3, 1, 1},
                                     {96, 96, 96, 3, 2, 1},   {96, 96, 96, 5, 2, 2},  {240, 240, 240, 5, 1, 2},
                                     {40, 240, 1, 1, 1, 0},   {64, 64, 2, 3, 1, 1},   {64, 64, 16, 3, 1, 1},
                                     {3, 64, 1, 7, 2, 3},     {64, 128, 1, 1, 2, 0},  {1, 20, 1, 5, 1, 0},
                                     {17, 19, 1, 3, 1, 1},    {672, 192, 1, 1, 1, 0}, {12, 36, 12, 3, 1, 1},
                                     {1152, 320, 1, 1, 1, 0}, {256, 64, 1, 3, 1, 1}};
  for (size_t i = 0; i < sizeof forms / sizeof forms[0]; i++) {
    net net;
    net_init(&net, i);
    tw_attributes attributes = window(2, forms[i][3], forms[i][4], forms[i][5]);
    attributes.group = forms[i][2];
    attributes.activation = TW_ACTIVATION_CLIP;
    attributes.high = 6;
    tw_value *x = net_input(&net, picture(2, forms[i][0], 14));
    net_output(&net, conv(&net, x, forms[i][1], &attributes, true));
    check_net(&net, 5 * tolerance); /* the sums that are cut off at 6 reach 100 */
  }
}

/* A residual whose buffer may be overwritten, is read later, is the convolution's own source, a constant, the input. */
static void residuals(void **state) {
  (void)state;
  for (int form = 0; form < 10; form++) {
    net net;
    net_init(&net, (uint64_t)form);
    int64_t channels = form % 2 == 0 ? 16 : 12;
    tw_attributes one = window(2, 1, 1, 0);
    tw_attributes three = window(2, 3, 1, 1);
    tw_value *x = net_input(&net, picture(2, channels, 9));
    tw_value *a = conv(&net, x, channels, &three, true);
    tw_value *b = conv(&net, a, channels, &three, false);
    tw_value *addends[] = {a, x, b, net_constant(&net, b->shape), a};
    tw_value *weights = net_constant(&net, SHAPE(channels, channels, 1, 1));
    one.activation = form >= 5 ? TW_ACTIVATION_RELU : TW_ACTIVATION_NONE;
    tw_value *y = net_node(&net, TW_OP_CONV, &one, 4, (tw_value *[]){b, weights, NULL, addends[form % 5]});
    if (form % 5 == 4) {
      y = NODE(&net, TW_OP_ADD, NULL, y, a);
    }
    net_output(&net, y);
    check_net(&net, tolerance);
  }
}

/* A second input of the graph's own making as weights. */
static void computed_weights(void **state) {
  (void)state;
  net net;
  net_init(&net, 5);
  tw_attributes attributes = window(2, 3, 1, 1);
  tw_value *x = net_input(&net, SHAPE(1, 16, 3, 3));
  tw_value *y = NODE(&net, TW_OP_CONV, &attributes, x, NODE(&net, TW_OP_RELU, NULL, x));
  net_output(&net, y);
  check_net(&net, tolerance);
}

static void pools(void **state) {
  (void)state;
  static const int64_t widths[] = {1, 3, 8, 12, 16};
  for (uint64_t seed = 0; seed < 2 * ROUNDS; seed++) {
    net net;
    net_init(&net, seed);
    int spatial = (int)random_in(&net.random, 1, 3);
    int64_t channels = widths[tw_random_below(&net.random, 5)];
    tw_shape shape = picture(spatial, channels, random_in(&net.random, 5, spatial == 3 ? 7 : 12));
    tw_attributes attributes = random_window(&net.random, &shape, true);
    attributes.ceil_mode = tw_random_below(&net.random, 2) == 0;
    attributes.count_include_pad = tw_random_below(&net.random, 2) == 0;
    tw_op op = tw_random_below(&net.random, 2) == 0 ? TW_OP_MAX_POOL : TW_OP_AVERAGE_POOL;
    tw_value *x = net_input(&net, shape);
    if (tw_random_below(&net.random, 2) == 0) { /* from a blocked layout */
      tw_attributes one = window(spatial, 1, 1, 0);
      x = conv(&net, x, channels, &one, false);
    }
    net_output(&net, NODE(&net, op, &attributes, x));
    check_net(&net, tolerance);
  }
}

/* A pool that changes no size must not overwrite what its window still reads. */
static void pools_of_the_same_size(void **state) {
  (void)state;
  for (int i = 0; i < 2; i++) {
    net net;
    net_init(&net, 3);
    tw_attributes one = window(2, 1, 1, 0);
    tw_attributes three = window(2, 3, 1, 1);
    tw_value *x = conv(&net, net_input(&net, picture(2, 16, 9)), 16, &one, false);
    net_output(&net, NODE(&net, i == 0 ? TW_OP_MAX_POOL : TW_OP_AVERAGE_POOL, &three, x));
    check_net(&net, tolerance);
  }
}

static void global_pools(void **state) {
  (void)state;
  const tw_shape shapes[] = {SHAPE(1, 16, 7, 7),   SHAPE(1, 12, 5, 9),      SHAPE(1, 3, 112, 112), SHAPE(1, 8, 11),
                             SHAPE(1, 5, 3, 4, 5), SHAPE(1, 3, 2, 3, 2, 3), SHAPE(2, 4, 5, 5)};
  for (size_t i = 0; i < sizeof shapes / sizeof shapes[0]; i++) {
    net net;
    net_init(&net, i);
    tw_value *x = net_input(&net, shapes[i]);
    if (shapes[i].rank == 4 && shapes[i].dims[0] == 1) {
      tw_attributes one = window(2, 1, 1, 0);
      x = conv(&net, x, 24, &one, true);
    }
    net_output(&net, NODE(&net, TW_OP_GLOBAL_AVERAGE_POOL, NULL, x));
    check_net(&net, tolerance);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(convolutions), cmocka_unit_test(picture_convolutions),
                                     cmocka_unit_test(residuals),    cmocka_unit_test(computed_weights),
                                     cmocka_unit_test(pools),        cmocka_unit_test(pools_of_the_same_size),
                                     cmocka_unit_test(global_pools)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
