/* GraphDefs made to hurt: flipped bytes, cuts at every byte, memory that runs out, and sizes at the limits. Each gives
 * an error of one line or a valid graph; the sanitizers and the suite's time limit see the rest. */
#include "graphdef_builder.h"
#include "hostile.h"

/* Imports, and if that works does everything that is done to a network. Returns whether it worked. */
static bool use(tw_bytes file, bool all) {
  tw_graph *graph = NULL;
  tw_graph *copy = NULL;
  tw_hash hash;
  tw_error error = {0};
  tw_status status = tw_graph_import_bytes(file, &graph, &error);
  if (status != TW_OK) {
    assert_null(graph);
    assert_int_equal(error.code, status);
    assert_true(error.message[0] != '\0' && status != TW_E_MEMORY);
    return false;
  }
  assert_int_equal(tw_graph_verify(graph, &error), TW_OK);
  if (all) {
    assert_int_equal(tw_graph_hash(graph, graph->outputs[0], &hash, &error), TW_OK);
    assert_int_equal(tw_graph_copy(graph, &copy, &error), TW_OK);
    status = tw_graph_optimise(copy, NULL, NULL, &error);
    assert_true(status == TW_OK || status == TW_E_LIMIT);
    assert_true(status != TW_OK || tw_graph_verify(copy, &error) == TW_OK);
    tw_graph_free(copy);
  }
  tw_graph_free(graph);
  return true;
}

static void small_networks_survive(void **state) {
  (void)state;
  graphdef g = {0};
  gd_every_operator(&g);
  tw_bytes file = gd_bytes(&g);
  assert_true(use(file, true));
  for (size_t size = 0; size < file.size; size++) {
    hostile_cut(use, file, size);
  }
  hostile_flip(use, g.file.data, g.file.size, 20000, 4);
  assert_true(use(file, true));
  gd_done(&g);
}

/* A node cut in two is no network, whatever is left of it. */
static void a_cut_file_is_damaged(void **state) {
  (void)state;
  graphdef g = {0};
  tw_graph *graph = NULL;
  gd_every_operator(&g);
  tw_bytes file = gd_bytes(&g);
  tw_wire wire = tw_wire_open(file);
  tw_wire_field field;
  while (tw_wire_next(&wire, &field)) {
    tw_error error = {0};
    size_t size = (size_t)(wire.at - file.data) - field.bytes.size / 2 - 1;
    tw_status status = tw_graph_import_bytes((tw_bytes){file.data, size}, &graph, &error);
    assert_int_equal(status, TW_E_FORMAT);
    assert_non_null(strstr(error.message, "damaged or cut short"));
  }
  gd_done(&g);
}

static void the_reference_network_survives(void **state) {
  (void)state;
  const char *path = shared_path("models/mobilenet-v1-0.25-224/retrained_graph.pb");
  if (path == NULL) {
    skip();
  }
  tw_buffer file = {0};
  tw_error error;
  assert_int_equal(tw_file_read(path, (size_t)1 << 26, &file, &error), TW_OK);
  tw_bytes bytes = tw_buffer_bytes(&file);
  assert_true(use(bytes, true));
  tw_wire wire = tw_wire_open(bytes);
  tw_wire_field field;
  do { /* every boundary between nodes */
    hostile_cut(use, bytes, (size_t)(wire.at - bytes.data));
  } while (tw_wire_next(&wire, &field));
  hostile_flip(use, file.data, file.size, 3000, 500);
  tw_buffer_done(&file);
}

/* ---- Size -------------------------------------------------------------------------------------------------------- */

static void long_chains_take_linear_time(void **state) {
  (void)state;
  enum { COUNT = TW_GRAPHDEF_MAX_NODES - 1 };
  for (int backwards = 0; backwards < 2; backwards++) {
    graphdef g = {0};
    GD_INPUT(&g, 1, 3);
    for (int i = 0; i < COUNT; i++) {
      int n = backwards ? COUNT - i : i + 1;
      char name[16];
      char before[16];
      snprintf(name, sizeof name, "n%d", n);
      snprintf(before, sizeof before, n == 1 ? "x" : "n%d", n - 1);
      gd_node(&g, backwards ? "Relu" : "Identity", name, before);
    }
    assert_true(use(gd_bytes(&g), true));
    gd_done(&g);
  }
}

/* Constants that double with each node ask for more than the file justifies. */
static void constants_do_not_explode(void **state) {
  (void)state;
  graphdef g = {0};
  GD_INPUT(&g, 1, 3);
  GD_WEIGHTS(&g, "column", 8192, 1);
  GD_WEIGHTS(&g, "row", 1, 8192);
  gd_node(&g, "Add", "wide", "column,row"); /* 256 MB */
  gd_node(&g, "MatMul", "y", "x,wide");
  gd_fails(&g, TW_E_LIMIT, "node 'wide' (Add): computing the network's constants would take too much memory");
}

/* Many branches that meet again: each node is looked at once. */
static void diamonds_take_linear_time(void **state) {
  (void)state;
  graphdef g = {0};
  GD_INPUT(&g, 1, 3);
  char before[16] = "x";
  for (int i = 0; i < 1000; i++) {
    char name[16];
    char inputs[48];
    snprintf(name, sizeof name, "n%d", i);
    snprintf(inputs, sizeof inputs, "%s,%s", before, before);
    gd_node(&g, "Add", name, inputs);
    memcpy(before, name, sizeof before);
  }
  assert_true(use(gd_bytes(&g), true));
  gd_done(&g);
}

/* Every failed allocation is an error, and nothing is lost. */
static void memory_may_run_out(void **state) {
  (void)state;
  graphdef g = {0};
  gd_every_operator(&g);
  tw_bytes file = gd_bytes(&g);
  tw_status status = TW_E_MEMORY;
  for (size_t n = 1; status == TW_E_MEMORY; n++) {
    tw_graph *graph = NULL;
    tw_error error = {0};
    tw_memory_fail_after(n);
    status = tw_graph_import_bytes(file, &graph, &error);
    status = status == TW_OK ? tw_graph_optimise(graph, NULL, NULL, &error) : status;
    tw_memory_fail_after(0);
    tw_graph_free(graph);
    assert_true(n < 100000);
  }
  assert_int_equal(status, TW_OK);
  gd_done(&g);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(small_networks_survive),
      cmocka_unit_test(a_cut_file_is_damaged),
      cmocka_unit_test(the_reference_network_survives),
      cmocka_unit_test(long_chains_take_linear_time),
      cmocka_unit_test(constants_do_not_explode),
      cmocka_unit_test(diamonds_take_linear_time),
      cmocka_unit_test(memory_may_run_out),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
