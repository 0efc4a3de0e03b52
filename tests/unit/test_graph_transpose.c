/* Transpose: its shapes, its numbers as a constant and in the engine, its way through ONNX; and weights that are stored
 * in another order, which stay so until the engine packs them. */
#include "engine_reference.h"

static tw_attributes order_of(int rank, const int64_t *order) {
  tw_attributes attributes = {.target_rank = rank};
  memcpy(attributes.target, order, (size_t)rank * sizeof *order);
  return attributes;
}

/* A random order of so many dimensions. */
static tw_attributes random_order(tw_random *random, int rank) {
  int64_t order[TW_MAX_RANK];
  for (int i = 0; i < rank; i++) {
    int at = (int)random_in(random, 0, i);
    order[i] = order[at];
    order[at] = i;
  }
  return order_of(rank, order);
}

/* ---- Shapes ------------------------------------------------------------------------------------------------------ */

static void shapes_and_bad_orders(void **state) {
  (void)state;
  static const int64_t bad[][3] = {{0, 1, 1}, {0, 1, 3}, {-1, 0, 1}};
  net net;
  char text[TW_SHAPE_TEXT_SIZE];
  net_init(&net, 1);
  tw_value *x = net_input(&net, SHAPE(1, 2, 3));
  tw_attributes order = order_of(3, (const int64_t[]){2, 0, 1});
  assert_string_equal(tw_shape_text(&NODE(&net, TW_OP_TRANSPOSE, &order, x)->shape, text), "3x1x2");
  for (size_t i = 0; i < 4; i++) {
    tw_error error = {0};
    order = i < 3 ? order_of(3, bad[i]) : order_of(2, (const int64_t[]){1, 0});
    assert_int_equal(tw_graph_add_node(net.graph, "bad", TW_OP_TRANSPOSE, &x, 1, &order, "bad", NULL, &error),
                     TW_E_FORMAT);
    assert_non_null(strstr(error.message, "node 'bad' (Transpose): its order of dimensions must name each of the 3"));
  }
  tw_graph_free(net.graph);
}

/* ---- Numbers ----------------------------------------------------------------------------------------------------- */

static void in_the_engine(void **state) {
  (void)state;
  for (uint64_t seed = 0; seed < 60; seed++) {
    net net;
    net_init(&net, seed);
    int rank = (int)random_in(&net.random, 1, 5);
    tw_shape shape = {.rank = rank, .dims = {1}};
    for (int i = 1; i < rank; i++) {
      shape.dims[i] = random_in(&net.random, 1, 17);
    }
    tw_value *x = net_input(&net, shape);
    if (rank == 4 && seed % 2 == 0) { /* out of a layout in blocks */
      tw_attributes one = {.group = 1};
      x = NODE(&net, TW_OP_CONV, &one, x, net_constant(&net, SHAPE(16, shape.dims[1], 1, 1)));
    }
    tw_attributes order = random_order(&net.random, rank);
    tw_value *y = NODE(&net, TW_OP_TRANSPOSE, &order, x);
    net_output(&net, seed % 3 == 0 ? y : NODE(&net, TW_OP_RELU, NULL, y));
    check_net(&net, 1e-5);
  }
}

/* The same constant, transposed by the graph's pass and by the reference. */
static void of_constants(void **state) {
  (void)state;
  for (uint64_t seed = 0; seed < 30; seed++) {
    net net;
    tw_error error;
    net_init(&net, seed);
    int rank = (int)random_in(&net.random, 1, 5);
    tw_shape shape = {.rank = rank};
    for (int i = 0; i < rank; i++) {
      shape.dims[i] = random_in(&net.random, 1, 7);
    }
    tw_attributes order = random_order(&net.random, rank);
    tw_value *turned = NODE(&net, TW_OP_TRANSPOSE, &order, net_constant(&net, shape));
    tw_shape one = {.rank = rank, .dims = {1, 1, 1, 1, 1}};
    net_output(&net, NODE(&net, TW_OP_ADD, NULL, net_input(&net, one), turned));
    if (seed % 2 == 0) {
      reference *ref = calloc(1, sizeof *ref);
      ref_transpose(ref, turned->producer);
      assert_int_equal(tw_graph_fold_constants(net.graph, &error), TW_OK);
      assert_int_equal(net.graph->node_count, 1);
      for (size_t i = 0; i < count_of(&turned->shape); i++) {
        float value;
        memcpy(&value, (const uint8_t *)turned->data + i * sizeof value, sizeof value);
        assert_true((double)value == ref_get(ref, turned)[i]);
      }
      for (size_t i = 0; i < ref->count; i++) {
        free(ref->data[i]);
      }
      free(ref);
    }
    check_net(&net, 1e-6); /* without the pass the engine transposes it itself */
  }
}

static void of_other_types(void **state) {
  (void)state;
  static const int64_t longs[] = {1, 2, 3, 4, 5, 6};
  static const int64_t expected[] = {1, 4, 2, 5, 3, 6};
  tw_graph *graph = tw_graph_create();
  tw_value *constant;
  tw_value *turned;
  tw_error error;
  const tw_attributes order = order_of(2, (const int64_t[]){1, 0});
  const tw_shape shape = SHAPE(2, 3);
  assert_int_equal(tw_graph_add_constant(graph, "c", TW_DTYPE_I64, &shape, longs, &constant, &error), TW_OK);
  assert_int_equal(tw_graph_add_node(graph, "t", TW_OP_TRANSPOSE, &constant, 1, &order, "t", &turned, &error), TW_OK);
  tw_graph_add_output(graph, turned, &error);
  assert_int_equal(tw_graph_fold_constants(graph, &error), TW_OK);
  assert_memory_equal(turned->data, expected, sizeof expected);
  tw_graph_free(graph);
}

/* ---- Weights ----------------------------------------------------------------------------------------------------- */

/* A convolution whose weights are stored in another order; its groups may be several. */
static tw_value *stored_conv(net *net, tw_value *x, int64_t outputs, int64_t group) {
  const int64_t hwio[] = {3, 2, 0, 1};
  tw_attributes order = order_of(4, hwio);
  tw_attributes attributes = {.group = group, .pads_begin = {1, 0}, .pads_end = {1, 1}};
  int64_t inputs = x->shape.dims[1] / group;
  tw_value *weights = NODE(net, TW_OP_TRANSPOSE, &order, net_constant(net, SHAPE(3, 2, inputs, outputs)));
  return NODE(net, TW_OP_CONV, &attributes, x, weights);
}

static void stored_weights_in_the_engine(void **state) {
  (void)state;
  static const int64_t cases[][3] = {{3, 16, 1}, {16, 8, 1}, {16, 16, 16}, {6, 12, 6}, {8, 12, 2}, {5, 7, 1}};
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    net net;
    net_init(&net, i);
    tw_value *x = net_input(&net, SHAPE(1, cases[i][0], 9, 8));
    net_output(&net, stored_conv(&net, x, cases[i][1], cases[i][2]));
    check_net(&net, 1e-5);
  }
}

static float one_run(const tw_graph *graph, const float *input, float *result) {
  tw_plan *plan = NULL;
  tw_error error = {0};
  assert_int_equal(tw_plan_create(graph, 1, &plan, &error), TW_OK);
  run_plan(plan, input, &result);
  tw_plan_free(plan);
  return result[0];
}

/* A batch norm is folded into weights in whatever order they are stored; sums and digits do not change. */
static void norms_go_into_stored_weights(void **state) {
  (void)state;
  enum { CHANNELS = 6, IN = 3 * 7 * 7, OUT = CHANNELS * 7 * 6 };
  for (int shared = 0; shared < 2; shared++) {
    net net;
    tw_error error;
    float input[IN];
    float results[2][2 * OUT];
    net_init(&net, 3);
    tw_value *x = net_input(&net, SHAPE(1, 3, 7, 7));
    tw_value *conv = stored_conv(&net, x, CHANNELS, 1);
    tw_value *y = NODE(&net, TW_OP_MUL, NULL, conv, net_constant(&net, SHAPE(CHANNELS, 1, 1)));
    y = NODE(&net, TW_OP_ADD, NULL, y, net_constant(&net, SHAPE(CHANNELS, 1, 1)));
    if (shared) { /* the same weights elsewhere must stay as they are */
      tw_attributes attributes = conv->producer->attributes;
      tw_value *other = NODE(&net, TW_OP_CONV, &attributes, x, conv->producer->inputs[1]);
      y = NODE(&net, TW_OP_SUB, NULL, y, other);
    }
    net_output(&net, y);
    for (size_t i = 0; i < IN; i++) {
      input[i] = random_float(&net.random);
    }
    one_run(net.graph, input, results[0]);
    tw_graph *copy;
    assert_int_equal(tw_graph_copy(net.graph, &copy, &error), TW_OK);
    assert_int_equal(tw_graph_optimise(copy, NULL, NULL, &error), TW_OK);
    assert_int_equal(tw_graph_verify(copy, &error), TW_OK);
    assert_int_equal(copy->node_count, shared ? 3 : 2); /* not shared: the transposition stays, the engine takes it */
    one_run(copy, input, results[1]);
    for (size_t i = 0; i < OUT; i++) {
      assert_true(fabsf(results[0][i] - results[1][i]) < 1e-5F);
    }
    tw_graph_free(copy);
    tw_graph_free(net.graph);
  }
}

static void through_onnx(void **state) {
  (void)state;
  net net;
  tw_buffer file = {0};
  tw_graph *again = NULL;
  tw_hash hashes[2];
  tw_error error = {0};
  net_init(&net, 5);
  tw_attributes order = order_of(4, (const int64_t[]){0, 2, 3, 1});
  tw_value *y = NODE(&net, TW_OP_TRANSPOSE, &order, stored_conv(&net, net_input(&net, SHAPE(1, 3, 7, 7)), 4, 1));
  net_output(&net, y);
  assert_int_equal(tw_graph_export_onnx(net.graph, NULL, 0, &file, &error), TW_OK);
  assert_int_equal(tw_graph_import_bytes(tw_buffer_bytes(&file), &again, &error), TW_OK);
  assert_int_equal(tw_graph_hash(net.graph, y, &hashes[0], &error), TW_OK);
  assert_int_equal(tw_graph_hash(again, again->outputs[0], &hashes[1], &error), TW_OK);
  assert_int_equal(tw_hash_compare(&hashes[0], &hashes[1]), 0);
  tw_graph_free(again);
  tw_buffer_done(&file);
  tw_graph_free(net.graph);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(shapes_and_bad_orders),
      cmocka_unit_test(in_the_engine),
      cmocka_unit_test(of_constants),
      cmocka_unit_test(of_other_types),
      cmocka_unit_test(stored_weights_in_the_engine),
      cmocka_unit_test(norms_go_into_stored_weights),
      cmocka_unit_test(through_onnx),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
