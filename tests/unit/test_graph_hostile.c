/* Files made to hurt: flipped bytes, cuts, and sizes at the limits. Each gives an error or a valid graph; the
 * sanitizers and the suite's time limit see the rest. */
#include <string.h>

#include "hostile.h"
#include "onnx_builder.h"

/* Imports, and if that works does everything that is done to a network. Returns whether it worked. */
static bool use(tw_bytes file, bool all) {
  tw_graph *graph = NULL;
  tw_error error = {0};
  tw_status status = tw_graph_import_bytes(file, &graph, &error);
  if (status != TW_OK) {
    assert_null(graph);
    assert_int_equal(error.code, status);
    assert_true(strlen(error.message) > 0 && status != TW_E_MEMORY && status != TW_E_ARGUMENT);
    return false;
  }
  assert_int_equal(tw_graph_verify(graph, &error), TW_OK);
  if (all) {
    tw_graph *copy = NULL;
    assert_int_equal(tw_graph_copy(graph, &copy, &error), TW_OK);
    status = tw_graph_optimise(copy, NULL, NULL, &error);
    assert_true(status == TW_OK || status == TW_E_LIMIT);
    assert_true(status != TW_OK || tw_graph_verify(copy, &error) == TW_OK);
    tw_graph_free(copy);
    hash_of_output(graph, 0);
  }
  tw_graph_free(graph);
  return true;
}

static void small_networks_survive_flips(void **state) {
  (void)state;
  builder b;
  builder_every_operator(&b);
  tw_graph_free(builder_graph(&b));
  assert_true(use(tw_buffer_bytes(&b.file), true));
  hostile_flip(use, b.file.data, b.file.size, 10000, 4);
  assert_true(use(tw_buffer_bytes(&b.file), true));
  builder_done(&b);
}

/* Without metadata behind it, no shorter file is a network. */
static void small_networks_survive_cuts(void **state) {
  (void)state;
  builder b;
  builder_every_operator(&b);
  tw_graph_free(builder_graph(&b));
  for (size_t size = 0; size < b.file.size; size++) {
    assert_false(hostile_cut(use, tw_buffer_bytes(&b.file), size));
  }
  builder_done(&b);
}

static void the_shipped_network_survives(void **state) {
  (void)state;
  const char *path = shared_path("models/efficientnet-lite0/efficientnet-lite0.onnx");
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
  do { /* every top-level boundary; the last is the end */
    size_t size = (size_t)(wire.at - bytes.data);
    bool worked = hostile_cut(use, bytes, size);
    assert_true(!worked || size == bytes.size || field.number >= 8);
  } while (tw_wire_next(&wire, &field));
  tw_random random;
  tw_random_init(&random, 100);
  for (int i = 0; i < 100; i++) {
    hostile_cut(use, bytes, (size_t)tw_random_below(&random, bytes.size));
  }
  hostile_flip(use, file.data, file.size, 10000, 200);
  tw_buffer_done(&file);
}

/* ---- Size -------------------------------------------------------------------------------------------------------- */

/* A long chain of one operator; `backwards` writes the last node first. */
static void write_chain(tw_buffer *file, size_t count, bool backwards, const char *op) {
  tw_arena *arena = tw_arena_create();
  tw_onnx_model model = {.ir_version = 7, .opset = 13, .node_count = count, .input_count = 1, .output_count = 1};
  tw_onnx_value_info input = {.name = tw_bytes_of("v0"), .type = 1, .rank = 2, .dims = {-1, 3}};
  tw_onnx_value_info output = {.type = 1, .rank = -1};
  tw_error error;
  model.inputs = &input;
  model.outputs = &output;
  model.nodes = tw_arena_alloc(arena, count, sizeof *model.nodes);
  tw_bytes *names = tw_arena_alloc(arena, count + 1, sizeof *names);
  for (size_t i = 0; i <= count; i++) {
    char name[32];
    snprintf(name, sizeof name, "v%zu", i);
    names[i] = tw_bytes_of(tw_arena_strdup(arena, name));
  }
  for (size_t i = 0; i < count; i++) {
    size_t from = backwards ? count - 1 - i : i;
    model.nodes[i] = (tw_onnx_node){.op = tw_bytes_of(op), .input_count = 1, .output_count = 1};
    model.nodes[i].inputs = &names[from];
    model.nodes[i].outputs = &names[from + 1];
  }
  output.name = names[count];
  assert_int_equal(tw_onnx_write(&model, file, &error), TW_OK);
  tw_arena_free(arena);
}

static void long_chains_take_linear_time(void **state) {
  (void)state;
  for (int backwards = 0; backwards < 2; backwards++) {
    tw_buffer file = {0};
    write_chain(&file, TW_MAX_NODES, backwards, backwards ? "Identity" : "Relu");
    assert_true(use(tw_buffer_bytes(&file), true));
    tw_buffer_done(&file);
  }
  tw_buffer file = {0};
  write_chain(&file, TW_MAX_NODES + 1, false, "Relu");
  assert_false(use(tw_buffer_bytes(&file), false));
  tw_buffer_done(&file);
}

/* As many weights as there may be, joined in two steps and multiplied with the input. */
static void many_weights_take_linear_time(void **state) {
  (void)state;
  enum { COUNT = 100000, WIDTH = 4000, JOINED = COUNT / WIDTH };
  static const float one = 1;
  tw_onnx_value_info input = {.name = tw_bytes_of("x"), .type = 1, .rank = 2, .dims = {-1, 1}};
  tw_onnx_value_info output = {.name = tw_bytes_of("y"), .type = 1, .rank = -1};
  tw_onnx_attribute axis = {.name = tw_bytes_of("axis"), .type = 2};
  tw_bytes all = tw_bytes_of("all");
  tw_bytes factors[2] = {input.name, all};
  tw_bytes joined[JOINED];
  tw_onnx_node nodes[JOINED + 2] = {0};
  tw_arena *arena = tw_arena_create();
  tw_bytes *names = tw_arena_alloc(arena, COUNT, sizeof *names);
  tw_onnx_tensor *weights = tw_arena_alloc(arena, COUNT, sizeof *weights);
  char name[32];
  for (size_t i = 0; i < COUNT; i++) {
    snprintf(name, sizeof name, "w%zu", i);
    names[i] = tw_bytes_of(tw_arena_strdup(arena, name));
    weights[i] =
        (tw_onnx_tensor){.name = names[i], .type = 1, .rank = 1, .dims = {1}, .raw = {(const uint8_t *)&one, 4}};
  }
  for (size_t i = 0; i < JOINED; i++) {
    snprintf(name, sizeof name, "joined%zu", i);
    joined[i] = tw_bytes_of(tw_arena_strdup(arena, name));
    nodes[i] = (tw_onnx_node){{0}, tw_bytes_of("Concat"), {0}, WIDTH, names + i * WIDTH, 1, &joined[i], 1, &axis};
  }
  nodes[JOINED] = (tw_onnx_node){{0}, tw_bytes_of("Concat"), {0}, JOINED, joined, 1, &all, 1, &axis};
  nodes[JOINED + 1] = (tw_onnx_node){{0}, tw_bytes_of("Mul"), {0}, 2, factors, 1, &output.name, 0, NULL};
  tw_onnx_model model = {7, 13, {0}, JOINED + 2, nodes, COUNT, weights, 1, &input, 1, &output, 0, NULL, {0}};
  tw_buffer file = {0};
  tw_error error;
  assert_int_equal(tw_onnx_write(&model, &file, &error), TW_OK);
  assert_true(use(tw_buffer_bytes(&file), true));
  tw_buffer_done(&file);
  tw_arena_free(arena);
}

/* A chain of casts of the same weights asks for many times the file. */
static void casts_do_not_explode(void **state) {
  (void)state;
  enum { COUNT = 1 << 16 };
  builder b;
  BUILD(&b, -1, COUNT);
  builder_tensor(&b, "w", TW_DTYPE_F32, 1, DIMS(COUNT), NULL);
  for (int i = 0; i < 60; i++) { /* 30 MB as float64 and float32 in turn */
    char *in = builder_room(&b, 16, 1);
    char *out = builder_room(&b, 16, 1);
    snprintf(in, 16, i == 0 ? "w" : "c%d", i - 1);
    snprintf(out, 16, "c%d", i);
    builder_node(&b, "Cast", "", in, out);
    builder_int(&b, "to", i % 2 == 0 ? TW_DTYPE_F64 : TW_DTYPE_F32);
  }
  builder_node(&b, "Add", "", "x,c59", "y");
  builder_output(&b, "y");
  tw_graph *graph = builder_graph(&b);
  tw_error error;
  tw_status status = tw_graph_optimise(graph, NULL, NULL, &error);
  assert_int_equal(status, TW_OK);
  assert_true(graph->folded_bytes <= ((size_t)64 << 20) + 16 * COUNT * sizeof(float));
  tw_graph_free(graph);
  builder_done(&b);
}

/* Every failed allocation is an error, and nothing is lost. */
static void memory_may_run_out(void **state) {
  (void)state;
  builder b;
  builder_every_operator(&b);
  tw_graph_free(builder_graph(&b));
  tw_status status = TW_E_MEMORY;
  for (size_t n = 1; status == TW_E_MEMORY; n++) {
    tw_graph *graph = NULL;
    tw_buffer out = {0};
    tw_error error = {0};
    tw_memory_fail_after(n);
    status = tw_graph_import_bytes(tw_buffer_bytes(&b.file), &graph, &error);
    status = status == TW_OK ? tw_graph_export_onnx(graph, NULL, 0, &out, &error) : status;
    status = status == TW_OK ? tw_graph_optimise(graph, NULL, NULL, &error) : status;
    tw_memory_fail_after(0);
    tw_graph_free(graph);
    tw_buffer_done(&out);
    assert_true(n < 100000);
  }
  assert_int_equal(status, TW_OK);
  builder_done(&b);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(small_networks_survive_flips),
      cmocka_unit_test(small_networks_survive_cuts),
      cmocka_unit_test(the_shipped_network_survives),
      cmocka_unit_test(long_chains_take_linear_time),
      cmocka_unit_test(many_weights_take_linear_time),
      cmocka_unit_test(casts_do_not_explode),
      cmocka_unit_test(memory_may_run_out),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
