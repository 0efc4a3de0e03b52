/* Writing a GraphDef: what is written is what the reader reads, and always the same bytes. */
#include <string.h>

#include "formats/formats.h"
#include "support.h"

static const int64_t INTS[3] = {1, -2, INT64_MAX};

/* An attribute of every kind. */
static tw_tf_attribute attributes[] = {
    {.name = {(const uint8_t *)"list", 4}, .kind = TW_TF_ATTR_LIST, .count = 3, .ints = INTS},
    {.name = {(const uint8_t *)"none", 4}, .kind = TW_TF_ATTR_LIST},
    {.name = {(const uint8_t *)"text", 4}, .kind = TW_TF_ATTR_TEXT, .s = {(const uint8_t *)"SAME", 4}},
    {.name = {(const uint8_t *)"int", 3}, .kind = TW_TF_ATTR_INT, .i = -7},
    {.name = {(const uint8_t *)"float", 5}, .kind = TW_TF_ATTR_FLOAT, .f = 0.1f},
    {.name = {(const uint8_t *)"yes", 3}, .kind = TW_TF_ATTR_BOOL, .i = 1},
    {.name = {(const uint8_t *)"no", 2}, .kind = TW_TF_ATTR_BOOL, .i = 0},
    {.name = {(const uint8_t *)"T", 1}, .kind = TW_TF_ATTR_TYPE, .i = TW_TF_HALF},
    {.name = {(const uint8_t *)"shape", 5}, .kind = TW_TF_ATTR_SHAPE, .tensor = {.rank = 3, .dims = {-1, 0, 5}}},
    {.name = {(const uint8_t *)"scalar", 6}, .kind = TW_TF_ATTR_SHAPE},
    {.name = {(const uint8_t *)"any", 3}, .kind = TW_TF_ATTR_SHAPE, .tensor = {.rank = -1}},
    {.name = {(const uint8_t *)"value", 5},
     .kind = TW_TF_ATTR_TENSOR,
     .tensor = {.type = TW_TF_INT32,
                .rank = 2,
                .dims = {1, 2},
                .content = {(const uint8_t *)"\x01\x00\x00\x00\xff\xff\xff\xff", 8}}},
    {.name = {(const uint8_t *)"string", 6},
     .kind = TW_TF_ATTR_TENSOR,
     .tensor = {.type = TW_TF_STRING, .content = {(const uint8_t *)"", 0}}},
    {.name = {(const uint8_t *)"half", 4},
     .kind = TW_TF_ATTR_TENSOR,
     .tensor = {.type = TW_TF_HALF, .content = {(const uint8_t *)"\x00\x3c", 2}}},
};
static tw_bytes inputs[] = {{(const uint8_t *)"x", 1}, {(const uint8_t *)"x:1", 3}, {(const uint8_t *)"^x", 2}};
static tw_tf_node nodes[] = {
    {.name = {(const uint8_t *)"x", 1}, .op = {(const uint8_t *)"Placeholder", 11}},
    {.name = {(const uint8_t *)"a/b", 3},
     .op = {(const uint8_t *)"Const", 5},
     .input_count = 3,
     .inputs = inputs,
     .attribute_count = sizeof attributes / sizeof *attributes,
     .attributes = attributes},
};
static const tw_tf_graph graph = {.node_count = 2, .nodes = nodes};

static void same_tensor(const tw_tf_tensor *a, const tw_tf_tensor *b) {
  assert_int_equal(a->rank, b->rank);
  for (int i = 0; i < a->rank; i++) {
    assert_int_equal(a->dims[i], b->dims[i]);
  }
  assert_int_equal(a->type, b->type);
  assert_true(tw_bytes_equal(a->content, b->content));
}

static void same_attribute(const tw_tf_attribute *a, const tw_tf_attribute *b) {
  assert_true(tw_bytes_equal(a->name, b->name));
  assert_int_equal(a->kind, b->kind);
  assert_int_equal(a->i, b->i);
  assert_true(a->f == b->f);
  assert_true(tw_bytes_equal(a->s, b->s));
  assert_int_equal(a->count, b->count);
  for (size_t i = 0; i < a->count; i++) {
    assert_int_equal(a->ints[i], b->ints[i]);
  }
  if (a->kind == TW_TF_ATTR_SHAPE || a->kind == TW_TF_ATTR_TENSOR) {
    same_tensor(&a->tensor, &b->tensor);
  }
}

static void what_is_written_is_read(void **state) {
  (void)state;
  tw_buffer file = {0};
  tw_arena *arena = tw_arena_create();
  tw_tf_graph again;
  tw_error error;
  assert_int_equal(tw_graphdef_write(&graph, &file, &error), TW_OK);
  assert_true(tw_graphdef_sniff(tw_buffer_bytes(&file)));
  if (tw_graphdef_read(tw_buffer_bytes(&file), arena, &again, &error) != TW_OK) {
    fail_msg("%s", error.message);
  }
  assert_int_equal(again.node_count, graph.node_count);
  for (size_t i = 0; i < graph.node_count; i++) {
    const tw_tf_node *a = &graph.nodes[i];
    const tw_tf_node *b = &again.nodes[i];
    assert_true(tw_bytes_equal(a->name, b->name));
    assert_true(tw_bytes_equal(a->op, b->op));
    assert_int_equal(a->input_count, b->input_count);
    for (size_t j = 0; j < a->input_count; j++) {
      assert_true(tw_bytes_equal(a->inputs[j], b->inputs[j]));
    }
    assert_int_equal(a->attribute_count, b->attribute_count);
    for (size_t j = 0; j < a->attribute_count; j++) {
      same_attribute(&a->attributes[j], &b->attributes[j]);
    }
  }
  tw_arena_free(arena);
  tw_buffer_done(&file);
}

/* The bytes of a graph of one node, from the protocol's description. */
static void bytes_are_the_protocol_s(void **state) {
  (void)state;
  static tw_tf_attribute attribute = {.name = {(const uint8_t *)"T", 1}, .kind = TW_TF_ATTR_TYPE, .i = TW_TF_FLOAT};
  static tw_bytes input = {(const uint8_t *)"x", 1};
  static tw_tf_node node = {.name = {(const uint8_t *)"y", 1},
                            .op = {(const uint8_t *)"Relu", 4},
                            .input_count = 1,
                            .inputs = &input,
                            .attribute_count = 1,
                            .attributes = &attribute};
  static const char expected[] =
      "\x0a\x15"          /* GraphDef.node */
      "\x0a\x01y"         /* name */
      "\x12\x04Relu"      /* op */
      "\x1a\x01x"         /* input */
      "\x2a\x07"          /* attr */
      "\x0a\x01T"         /* key */
      "\x12\x02\x30\x01"  /* value: type = 1 */
      "\x22\x02\x08\x1a"; /* GraphDef.versions: producer = 26 */
  tw_buffer file = {0};
  tw_error error;
  tw_buffer_text(&file, "before");
  assert_int_equal(tw_graphdef_write(&(tw_tf_graph){.node_count = 1, .nodes = &node}, &file, &error), TW_OK);
  assert_int_equal(file.size, 6 + sizeof expected - 1);
  assert_memory_equal(file.data + 6, expected, sizeof expected - 1);
  tw_buffer_done(&file);
}

/* What cannot be is known before memory is asked for. */
static void too_large_is_refused(void **state) {
  (void)state;
  static tw_tf_attribute values[2] = {
      {.name = {(const uint8_t *)"value", 5}, .kind = TW_TF_ATTR_TENSOR, .tensor = {.type = TW_TF_FLOAT, .rank = 1}},
      {.name = {(const uint8_t *)"value", 5}, .kind = TW_TF_ATTR_TENSOR, .tensor = {.type = TW_TF_FLOAT, .rank = 1}}};
  static tw_tf_node node = {.name = {(const uint8_t *)"w", 1},
                            .op = {(const uint8_t *)"Const", 5},
                            .attribute_count = 2,
                            .attributes = values};
  tw_tf_graph large = {.node_count = 1, .nodes = &node};
  tw_buffer file = {0};
  tw_error error;
  values[0].tensor.content.size = TW_GRAPHDEF_MAX_WRITTEN / 2;
  values[1].tensor.content.size = TW_GRAPHDEF_MAX_WRITTEN / 2 + 2;
  assert_int_equal(tw_graphdef_write(&large, &file, &error), TW_E_LIMIT);
  assert_non_null(strstr(error.message, "GraphDef may have"));
  values[1].tensor.content.size = SIZE_MAX;
  assert_int_equal(tw_graphdef_write(&large, &file, &error), TW_E_LIMIT);
  assert_int_equal(file.size, 0);
  tw_buffer_done(&file);
}

static void memory_may_run_out(void **state) {
  (void)state;
  tw_status status = TW_E_MEMORY;
  for (size_t n = 1; status == TW_E_MEMORY; n++) {
    tw_buffer file = {0};
    tw_error error;
    tw_memory_fail_after(n);
    status = tw_graphdef_write(&graph, &file, &error);
    tw_memory_fail_after(0);
    tw_buffer_done(&file);
    assert_true(n < 10000);
  }
  assert_int_equal(status, TW_OK);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(what_is_written_is_read),
      cmocka_unit_test(bytes_are_the_protocol_s),
      cmocka_unit_test(too_large_is_refused),
      cmocka_unit_test(memory_may_run_out),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
