/* Reading GraphDef's messages: every way of writing a tensor's elements, attributes, what is damaged, what is too much.
 */
#include "graphdef_builder.h"

static const tw_tf_tensor *tensor_of(const tw_tf_graph *graph, size_t node) {
  const tw_tf_node *at = &graph->nodes[node];
  for (size_t i = 0; i < at->attribute_count; i++) {
    if (tw_bytes_is(at->attributes[i].name, "value")) {
      return &at->attributes[i].tensor;
    }
  }
  return NULL;
}

/* A tensor of the type and of `count` elements, written as `fields`, has these bytes; consumes `fields`. */
static void holds(int32_t type, int64_t count, tw_buffer *fields, const void *bytes, size_t size) {
  graphdef g = {0};
  tw_tf_graph graph;
  tw_error error = {0};
  tw_arena *arena = tw_arena_create();
  gd_const_fields(&g, "c", type, 1, DIMS(count), fields);
  if (tw_graphdef_read(gd_bytes(&g), arena, &graph, &error) != TW_OK) {
    fail_msg("%s", error.message);
  }
  const tw_tf_tensor *tensor = tensor_of(&graph, 0);
  assert_non_null(tensor);
  assert_int_equal(tensor->type, type);
  assert_int_equal(tensor->rank, 1);
  assert_int_equal(tensor->dims[0], count);
  assert_int_equal(tensor->content.size, size);
  assert_memory_equal(tensor->content.data, bytes, size);
  tw_arena_free(arena);
  gd_done(&g);
}

static void put_f64(tw_buffer *fields, double number) {
  uint8_t bytes[9] = {6 << 3 | 1};
  memcpy(bytes + 1, &number, sizeof number);
  tw_buffer_append(fields, bytes, sizeof bytes);
}

static void floats_in_every_way(void **state) {
  (void)state;
  static const float three[] = {1.5F, -2, 0.25F};
  static const float tail[] = {1.5F, -2, -2};
  static const float same[] = {7, 7, 7};
  static const float zeros[] = {0, 0, 0};
  tw_buffer fields = {0};
  tw_wire_put_bytes(&fields, 4, three, sizeof three);
  holds(TW_TF_FLOAT, 3, &fields, three, sizeof three);
  tw_wire_put_bytes(&fields, 5, three, sizeof three); /* packed */
  holds(TW_TF_FLOAT, 3, &fields, three, sizeof three);
  for (int i = 0; i < 3; i++) {
    tw_wire_put_f32(&fields, 5, three[i]);
  }
  holds(TW_TF_FLOAT, 3, &fields, three, sizeof three);
  tw_wire_put_f32(&fields, 5, three[0]); /* one by itself, two packed */
  tw_wire_put_bytes(&fields, 5, three + 1, 2 * sizeof three[0]);
  holds(TW_TF_FLOAT, 3, &fields, three, sizeof three);
  tw_wire_put_f32(&fields, 5, three[0]);
  tw_wire_put_f32(&fields, 5, three[1]);
  holds(TW_TF_FLOAT, 3, &fields, tail, sizeof tail);
  tw_wire_put_f32(&fields, 5, 7);
  holds(TW_TF_FLOAT, 3, &fields, same, sizeof same);
  holds(TW_TF_FLOAT, 3, &fields, zeros, sizeof zeros);
  holds(TW_TF_FLOAT, 0, &fields, zeros, 0);
}

static void other_types_in_their_fields(void **state) {
  (void)state;
  static const double doubles[] = {1.25, -3, -3};
  static const uint8_t int32s[] = {1, 0, 0, 0, 0xfe, 0xff, 0xff, 0xff};
  static const uint8_t bytes[] = {1, 0xfe};
  static const uint8_t halves[] = {0x00, 0x3c, 0x00, 0x3c};
  static const uint8_t bools[] = {1, 1, 1};
  static const int64_t longs[] = {INT64_MIN, 5};
  tw_buffer fields = {0};
  put_f64(&fields, doubles[0]);
  put_f64(&fields, doubles[1]);
  holds(TW_TF_DOUBLE, 3, &fields, doubles, sizeof doubles);
  for (int pass = 0; pass < 3; pass++) {
    static const int32_t types[] = {TW_TF_INT32, TW_TF_UINT8, TW_TF_INT8};
    tw_wire_put_varint(&fields, 7, 1);
    tw_wire_put_varint(&fields, 7, (uint64_t)-2);
    holds(types[pass], 2, &fields, pass == 0 ? int32s : bytes, pass == 0 ? 8 : 2);
  }
  tw_wire_put_varint(&fields, 13, 0x3c00);
  holds(TW_TF_HALF, 2, &fields, halves, sizeof halves);
  tw_wire_put_varint(&fields, 13, 0x3c00);
  holds(TW_TF_BFLOAT16, 2, &fields, halves, sizeof halves);
  tw_wire_put_varint(&fields, 11, 1);
  holds(TW_TF_BOOL, 3, &fields, bools, sizeof bools);
  tw_buffer packed = {0};
  for (int shift = 0; shift < 9; shift++) { /* INT64_MIN is a byte 1 behind nine of 0x80; 5 is itself */
    tw_buffer_append(&packed, "\x80", 1);
  }
  tw_buffer_append(&packed, "\x01\x05", 2);
  put_inside(&fields, 10, &packed);
  holds(TW_TF_INT64, 2, &fields, longs, sizeof longs);
  tw_wire_put_text(&fields, 8, "first");
  tw_wire_put_text(&fields, 8, "second");
  holds(TW_TF_STRING, 2, &fields, "first", 5);
}

static void attributes_of_every_kind(void **state) {
  (void)state;
  graphdef g = {0};
  tw_tf_graph graph;
  tw_error error = {0};
  tw_arena *arena = tw_arena_create();
  gd_node(&g, "Foo", "a", "b:1,^c");
  gd_text(&g, "text", "NHWC");
  gd_number(&g, "int", TW_TF_ATTR_INT, -7);
  gd_number(&g, "bool", TW_TF_ATTR_BOOL, 1);
  gd_number(&g, "type", TW_TF_ATTR_TYPE, TW_TF_HALF);
  gd_float(&g, "float", 0.25F);
  GD_INTS(&g, "ints", 1, -2, 3);
  tw_buffer value = {0};
  put_shape(&value, TW_TF_ATTR_SHAPE, 3, DIMS(-1, 5, 0));
  gd_attribute(&g, "shape", &value);
  assert_int_equal(tw_graphdef_read(gd_bytes(&g), arena, &graph, &error), TW_OK);
  assert_int_equal(graph.node_count, 1);
  const tw_tf_node *node = graph.nodes;
  assert_true(tw_bytes_is(node->name, "a") && tw_bytes_is(node->op, "Foo"));
  assert_int_equal(node->input_count, 2);
  assert_true(tw_bytes_is(node->inputs[0], "b:1") && tw_bytes_is(node->inputs[1], "^c"));
  assert_int_equal(node->attribute_count, 7);
  const tw_tf_attribute *at = node->attributes;
  assert_true(at[0].kind == TW_TF_ATTR_TEXT && tw_bytes_is(at[0].s, "NHWC"));
  assert_true(at[1].kind == TW_TF_ATTR_INT && at[1].i == -7);
  assert_true(at[2].kind == TW_TF_ATTR_BOOL && at[2].i == 1);
  assert_true(at[3].kind == TW_TF_ATTR_TYPE && at[3].i == TW_TF_HALF);
  assert_true(at[4].kind == TW_TF_ATTR_FLOAT && at[4].f == 0.25F);
  assert_true(at[5].kind == TW_TF_ATTR_LIST && at[5].count == 3 && at[5].ints[1] == -2);
  assert_true(at[6].kind == TW_TF_ATTR_SHAPE && at[6].tensor.rank == 3 && at[6].tensor.dims[0] == -1);
  tw_arena_free(arena);
  gd_done(&g);
}

/* ---- Bad files --------------------------------------------------------------------------------------------------- */

static void read_fails(graphdef *g, tw_status status, const char *part) {
  tw_tf_graph graph;
  tw_error error = {0};
  tw_arena *arena = tw_arena_create();
  tw_status got = tw_graphdef_read(gd_bytes(g), arena, &graph, &error);
  if (got != status || strstr(error.message, part) == NULL) {
    fail_msg("status %d, message '%s' instead of %d, '%s'", (int)got, error.message, (int)status, part);
  }
  tw_arena_free(arena);
  gd_done(g);
}

static void tensors_that_do_not_fit(void **state) {
  (void)state;
  static const float two[] = {1, 2};
  graphdef g = {0};
  tw_buffer fields = {0};
  tw_wire_put_bytes(&fields, 4, two, sizeof two);
  gd_const_fields(&g, "short", TW_TF_FLOAT, 1, DIMS(3), &fields);
  read_fails(&g, TW_E_FORMAT, "node 'short' (Const): its tensor has 8 bytes; its type and shape want 12");
  tw_wire_put_bytes(&fields, 5, two, sizeof two);
  gd_const_fields(&g, "long", TW_TF_FLOAT, 1, DIMS(1), &fields);
  read_fails(&g, TW_E_FORMAT, "node 'long' (Const): its tensor has 2 elements; its type and shape want 1");
  gd_const_fields(&g, "c", TW_TF_FLOAT, 2, DIMS((int64_t)1 << 40, (int64_t)1 << 40), &fields);
  read_fails(&g, TW_E_FORMAT, "more elements than any memory holds");
  gd_const_fields(&g, "c", TW_TF_FLOAT, 1, DIMS(-5), &fields);
  read_fails(&g, TW_E_FORMAT, "dimension 1 of its tensor is unknown or negative");
  gd_const_fields(&g, "c", TW_TF_FLOAT, 9, DIMS(1, 1, 1, 1, 1, 1, 1, 1, 1), &fields);
  read_fails(&g, TW_E_LIMIT, "more than 8 dimensions");
}

/* What the file does not spell out is bounded by its size before memory is asked for. */
static void one_value_for_too_many(void **state) {
  (void)state;
  graphdef g = {0};
  tw_buffer fields = {0};
  tw_wire_put_f32(&fields, 5, 1);
  gd_const_fields(&g, "c", TW_TF_FLOAT, 1, DIMS((int64_t)1 << 40), &fields);
  read_fails(&g, TW_E_LIMIT, "asks for more than the limit");
  for (int i = 0; i < 5; i++) { /* each is within the limit, not all together */
    char name[16];
    snprintf(name, sizeof name, "c%d", i);
    tw_wire_put_f32(&fields, 5, 1);
    gd_const_fields(&g, name, TW_TF_FLOAT, 1, DIMS((int64_t)1 << 22), &fields);
  }
  read_fails(&g, TW_E_LIMIT, "asks for more than the limit");
}

static void malformed_messages(void **state) {
  (void)state;
  static const struct {
    const char *bytes;
    size_t size;
    const char *part;
  } files[] = {
      {"\x0a\x05\x0a\x01", 4, "the network is malformed at byte 2"}, /* a node of five bytes that has two */
      {"\x0a\x02\x08\x01", 4, "a node is malformed"},                /* a name that is a number */
      {"\x0a\x02\x0b\x01", 4, "a node is malformed"},                /* a group */
      {"\x08\x01", 2, "a node is malformed"},                        /* a node that is a number */
      {"\x0a\x06\x0a\x01"
       "a\x2a\x01\x0a",
       8, "node 'a' (): the file is damaged or cut short: an attribute is malformed"},
  };
  for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
    graphdef g = {0};
    tw_buffer_append(&g.file, files[i].bytes, files[i].size);
    read_fails(&g, TW_E_FORMAT, files[i].part);
  }
}

static void too_many_attributes(void **state) {
  (void)state;
  graphdef g = {0};
  gd_node(&g, "Foo", "a", "");
  for (size_t i = 0; i <= TW_GRAPHDEF_MAX_ATTRIBUTES; i++) {
    tw_wire_put_bytes(&g.node, 5, "", 0);
  }
  read_fails(&g, TW_E_LIMIT, "attributes");
  gd_node(&g, "Foo", "a", "");
  for (size_t i = 0; i <= TW_GRAPHDEF_MAX_LIST / 2; i++) {
    GD_INTS(&g, "few", 1, 2);
  }
  tw_buffer list = {0};
  tw_buffer value = {0};
  for (size_t i = 0; i <= TW_GRAPHDEF_MAX_LIST; i++) {
    tw_wire_put_varint(&list, 3, 1);
  }
  put_inside(&value, TW_TF_ATTR_LIST, &list);
  gd_attribute(&g, "many", &value);
  read_fails(&g, TW_E_LIMIT, "the attribute 'many' has 65537 numbers");
}

static void too_many_nodes(void **state) {
  (void)state;
  graphdef g = {0};
  for (size_t i = 0; i <= TW_GRAPHDEF_MAX_NODES; i++) {
    tw_wire_put_bytes(&g.file, 1, "", 0);
  }
  read_fails(&g, TW_E_LIMIT, "the network has 100001 nodes");
}

static void what_a_graphdef_looks_like(void **state) {
  (void)state;
  graphdef g = {0};
  gd_node(&g, "Foo", "a", "");
  assert_true(tw_graphdef_sniff(gd_bytes(&g)));
  assert_true(tw_graphdef_sniff((tw_bytes){g.file.data, 3})); /* cut: still one */
  assert_false(tw_graphdef_sniff((tw_bytes){g.file.data, 2}));
  assert_false(tw_onnx_sniff(gd_bytes(&g)));
  gd_done(&g);
  tw_buffer_append(&g.file, "\x18\x15\x22\x02\x08\x15", 6); /* version and versions come first */
  gd_node(&g, "Foo", "a", "");
  assert_true(tw_graphdef_sniff(gd_bytes(&g)));
  gd_done(&g);
  assert_false(tw_graphdef_sniff(tw_bytes_of("node {\n  name: \"a\"\n}")));
  assert_false(tw_graphdef_sniff(tw_bytes_of("\xff\xd8\xff\xe0 JFIF")));
  assert_false(tw_graphdef_sniff(tw_bytes_of("")));
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(floats_in_every_way),        cmocka_unit_test(other_types_in_their_fields),
      cmocka_unit_test(attributes_of_every_kind),   cmocka_unit_test(tensors_that_do_not_fit),
      cmocka_unit_test(one_value_for_too_many),     cmocka_unit_test(malformed_messages),
      cmocka_unit_test(too_many_attributes),        cmocka_unit_test(too_many_nodes),
      cmocka_unit_test(what_a_graphdef_looks_like),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
