/* Reading and writing ONNX's messages: round trip, both ways that numbers are stored, and damaged files. */
#include <string.h>

#include "formats/formats.h"
#include "support.h"

/* A message inside a message. */
static void put_inside(tw_buffer *outer, uint32_t number, tw_buffer *inner) {
  tw_wire_put_bytes(outer, number, inner->data, inner->size);
  tw_buffer_done(inner);
}

/* A model of one initialiser with those bytes. */
static tw_status read_tensor(tw_buffer *tensor, tw_arena *arena, tw_onnx_tensor *ret_tensor, tw_error *error) {
  static tw_buffer file; /* what is read points into it */
  tw_buffer graph = {0};
  tw_buffer_done(&file);
  put_inside(&graph, 5, tensor);
  tw_wire_put_varint(&file, 1, 8);
  put_inside(&file, 7, &graph);
  tw_onnx_model model;
  tw_status status = tw_onnx_read(tw_buffer_bytes(&file), arena, &model, error);
  if (status == TW_OK) {
    assert_int_equal(model.initializer_count, 1);
    *ret_tensor = model.initializers[0];
  }
  return status;
}

static void a_model_comes_back(void **state) {
  (void)state;
  static const int64_t ints[] = {1, -2, INT64_MAX};
  static const float floats[] = {0.5f, -1.0f};
  static const uint8_t raw[] = {1, 2, 3, 4, 5, 6, 7, 8};
  tw_onnx_attribute attributes[] = {
      {.name = tw_bytes_of("f"), .type = 1, .f = 0.25f},
      {.name = tw_bytes_of("i"), .type = 2, .i = -7},
      {.name = tw_bytes_of("s"), .type = 3, .s = tw_bytes_of("text")},
      {.name = tw_bytes_of("t"), .type = 4, .tensor = {.type = 1, .rank = 1, .dims = {2}, .raw = {raw, 8}}},
      {.name = tw_bytes_of("floats"), .type = 6, .count = 2, .floats = floats},
      {.name = tw_bytes_of("ints"), .type = 7, .count = 3, .ints = ints},
  };
  tw_bytes inputs[] = {tw_bytes_of("a"), {NULL, 0}, tw_bytes_of("b")};
  tw_bytes outputs[] = {tw_bytes_of("y")};
  tw_onnx_node node = {tw_bytes_of("n"), tw_bytes_of("Op"), tw_bytes_of("dom"), 3, inputs, 1, outputs, 6, attributes};
  tw_onnx_tensor tensor = {.name = tw_bytes_of("a"), .type = 7, .rank = 0, .raw = {raw, 8}};
  tw_onnx_value_info input = {.name = tw_bytes_of("b"), .type = 1, .rank = 2, .dims = {-1, 3}};
  tw_onnx_value_info output = {.name = tw_bytes_of("y"), .type = 1, .rank = -1};
  tw_onnx_property property = {tw_bytes_of("key"), tw_bytes_of("value")};
  tw_onnx_model model = {7,      13, tw_bytes_of("us"), 1, &node,     1,        &tensor, 1,
                         &input, 1,  &output,           1, &property, {NULL, 0}};
  tw_buffer file = {0};
  tw_error error;
  assert_int_equal(tw_onnx_write(&model, &file, &error), TW_OK);
  assert_true(tw_onnx_sniff(tw_buffer_bytes(&file)));
  tw_arena *arena = tw_arena_create();
  tw_onnx_model read;
  assert_int_equal(tw_onnx_read(tw_buffer_bytes(&file), arena, &read, &error), TW_OK);
  assert_int_equal(read.ir_version, 7);
  assert_int_equal(read.opset, 13);
  assert_true(tw_bytes_is(read.producer, "us"));
  assert_int_equal(read.node_count, 1);
  assert_int_equal(read.nodes[0].input_count, 3);
  assert_int_equal(read.nodes[0].inputs[1].size, 0);
  assert_true(tw_bytes_is(read.nodes[0].inputs[2], "b"));
  assert_true(tw_bytes_is(read.nodes[0].domain, "dom"));
  const tw_onnx_attribute *got = read.nodes[0].attributes;
  assert_int_equal(read.nodes[0].attribute_count, 6);
  assert_true(got[0].f == 0.25f && got[1].i == -7 && tw_bytes_is(got[2].s, "text"));
  assert_int_equal(got[3].tensor.raw.size, 8);
  assert_true(got[4].count == 2 && got[4].floats[1] == -1.0f);
  assert_true(got[5].count == 3 && got[5].ints[1] == -2 && got[5].ints[2] == INT64_MAX);
  assert_memory_equal(read.initializers[0].raw.data, raw, 8);
  assert_true(read.initializers[0].raw.data > file.data && read.initializers[0].raw.data < file.data + file.size);
  assert_true(read.inputs[0].rank == 2 && read.inputs[0].dims[0] == -1 && read.inputs[0].dims[1] == 3);
  assert_int_equal(read.outputs[0].rank, -1);
  assert_true(tw_bytes_is(read.properties[0].value, "value"));
  tw_buffer again = {0};
  assert_int_equal(tw_onnx_write(&read, &again, &error), TW_OK);
  assert_true(tw_bytes_equal(tw_buffer_bytes(&again), tw_buffer_bytes(&file)));
  tw_buffer_done(&again);
  tw_buffer_done(&file);
  tw_arena_free(arena);
}

/* A file of nothing but a network, `lead` bytes into the buffer. */
static void put_little_file(tw_buffer *file, size_t lead, size_t padding) {
  for (size_t i = 0; i < lead; i++) {
    tw_buffer_append(file, "x", 1);
  }
  tw_wire_put_varint(file, 1, 7);
  tw_wire_put_head(file, 2, padding);
  for (size_t i = 0; i < padding; i++) {
    tw_buffer_append(file, "p", 1);
  }
  tw_wire_put_text(file, 7, "");
}

static void attachments_are_aligned_and_read_back(void **state) {
  (void)state;
  static uint8_t content[20000];
  static const size_t sizes[] = {0, 1, 62, 63, 64, 65, 126, 127, 128, 16300, 16382, 16383, 16384, sizeof content};
  for (size_t i = 0; i < sizeof content; i++) {
    content[i] = (uint8_t)(i * 7);
  }
  for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
    for (size_t lead = 0; lead < 130; lead += 13) {
      for (size_t padding = 0; padding < 70; padding++) {
        tw_buffer file = {0};
        tw_onnx_model read;
        tw_error error = {0};
        put_little_file(&file, lead, padding);
        tw_onnx_put_attachment(&file, lead, (tw_bytes){content, sizes[i]});
        tw_bytes bytes = {file.data + lead, file.size - lead};
        tw_arena *arena = tw_arena_create();
        assert_true(tw_onnx_sniff(bytes));
        assert_int_equal(tw_onnx_read(bytes, arena, &read, &error), TW_OK);
        assert_non_null(read.attachment.data);
        assert_int_equal((size_t)(read.attachment.data - bytes.data) % TW_ONNX_ATTACHMENT_ALIGNMENT, 0);
        assert_int_equal(read.attachment.size, sizes[i]);
        assert_memory_equal(read.attachment.data, content, sizes[i]);
        tw_arena_free(arena);
        tw_buffer_done(&file);
      }
    }
  }
}

static void expect_bad_attachment(const char *bytes, size_t size, int times) {
  tw_buffer file = {0};
  tw_onnx_model read;
  tw_error error = {0};
  put_little_file(&file, 0, 0);
  for (int i = 0; i < times; i++) {
    tw_wire_put_bytes(&file, TW_ONNX_ATTACHMENT_FIELD, bytes, size);
  }
  tw_arena *arena = tw_arena_create();
  assert_int_equal(tw_onnx_read(tw_buffer_bytes(&file), arena, &read, &error), TW_E_FORMAT);
  assert_non_null(strstr(error.message, "an attachment"));
  tw_arena_free(arena);
  tw_buffer_done(&file);
}

static void attachments_that_make_no_sense_are_refused(void **state) {
  (void)state;
  expect_bad_attachment("", 0, 1);
  expect_bad_attachment("\0abc", 4, 1);
  expect_bad_attachment("\5abc", 4, 1);
  expect_bad_attachment("\1abc", 4, 2);
}

/* Packed or one by one, as raw bytes or typed: the same tensor. */
static void elements_come_in_many_ways(void **state) {
  (void)state;
  tw_arena *arena = tw_arena_create();
  tw_onnx_tensor tensor;
  tw_error error;
  static const uint8_t halves[] = {0x00, 0x3c, 0x00, 0xc0}; /* 1, -2 */
  for (int packed = 0; packed < 3; packed++) {
    tw_buffer message = {0};
    tw_wire_put_varint(&message, 1, 2);
    tw_wire_put_varint(&message, 2, 10);
    if (packed == 0) {
      tw_wire_put_varint(&message, 5, 0x3c00);
      tw_wire_put_varint(&message, 5, 0xc000);
    } else if (packed == 1) {
      tw_wire_put_bytes(&message, 5, "\x80\x78\x80\x80\x03", 5);
    } else {
      tw_wire_put_bytes(&message, 9, halves, sizeof halves);
    }
    assert_int_equal(read_tensor(&message, arena, &tensor, &error), TW_OK);
    assert_int_equal(tensor.raw.size, 4);
    assert_memory_equal(tensor.raw.data, halves, 4);
  }
  for (int pieces = 0; pieces < 2; pieces++) {
    static const uint8_t floats[] = {0, 0, 0x80, 0x3f, 0, 0, 0, 0xc0}; /* 1, -2 */
    tw_buffer message = {0};
    tw_wire_put_bytes(&message, 1, "\x02\x01", 2); /* packed dimensions */
    tw_wire_put_varint(&message, 2, 1);
    if (pieces == 0) {
      tw_wire_put_bytes(&message, 4, floats, 8);
    } else {
      tw_wire_put_f32(&message, 4, 1.0f);
      tw_wire_put_bytes(&message, 4, floats + 4, 4);
    }
    assert_int_equal(read_tensor(&message, arena, &tensor, &error), TW_OK);
    assert_int_equal(tensor.rank, 2);
    assert_int_equal(tensor.raw.size, 8);
    assert_memory_equal(tensor.raw.data, floats, 8);
  }
  tw_buffer message = {0}; /* negative 32-bit numbers take ten bytes */
  tw_wire_put_varint(&message, 1, 1);
  tw_wire_put_varint(&message, 2, 6);
  tw_wire_put_varint(&message, 5, (uint64_t)-5);
  assert_int_equal(read_tensor(&message, arena, &tensor, &error), TW_OK);
  assert_memory_equal(tensor.raw.data, "\xfb\xff\xff\xff", 4);
  tw_arena_free(arena);
}

typedef struct bad_tensor {
  tw_status status;
  const char *part; /* of the message */
  uint64_t dims[2];
  uint64_t type;
  size_t raw_size; /* SIZE_MAX: none */
  size_t floats;
} bad_tensor;

static void bad_tensors_are_refused(void **state) {
  (void)state;
  static const bad_tensor cases[] = {
      {TW_E_FORMAT, "has 7 bytes; its type and dimensions want 8", {2, 1}, 1, 7, 0},
      {TW_E_FORMAT, "has 3 elements; its type and dimensions want 4", {2, 2}, 1, SIZE_MAX, 3},
      {TW_E_FORMAT, "negative dimension", {2, (uint64_t)-1}, 1, 8, 0},
      {TW_E_FORMAT, "more elements than any memory", {UINT64_MAX / 2, 8}, 1, 8, 0},
      {TW_E_FORMAT, "more elements than any memory", {UINT64_MAX / 2, 1}, 11, 8, 0},
      {TW_E_FORMAT, "want 4611686018427387904", {(uint64_t)1 << 62, 1}, 2, 8, 0},
  };
  static const uint8_t zeros[16];
  tw_arena *arena = tw_arena_create();
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    tw_buffer message = {0};
    tw_wire_put_varint(&message, 1, cases[i].dims[0]);
    tw_wire_put_varint(&message, 1, cases[i].dims[1]);
    tw_wire_put_varint(&message, 2, cases[i].type);
    tw_wire_put_text(&message, 8, "w");
    if (cases[i].raw_size != SIZE_MAX) {
      tw_wire_put_bytes(&message, 9, zeros, cases[i].raw_size);
    }
    for (size_t j = 0; j < cases[i].floats; j++) {
      tw_wire_put_f32(&message, 4, 0);
    }
    tw_onnx_tensor tensor;
    tw_error error = {0};
    assert_int_equal(read_tensor(&message, arena, &tensor, &error), cases[i].status);
    assert_non_null(strstr(error.message, cases[i].part));
    assert_non_null(strstr(error.message, "'w'"));
  }
  tw_buffer external = {0};
  tw_wire_put_text(&external, 8, "w");
  tw_wire_put_varint(&external, 14, 1);
  tw_onnx_tensor tensor;
  tw_error error;
  assert_int_equal(read_tensor(&external, arena, &tensor, &error), TW_E_UNSUPPORTED);
  assert_non_null(strstr(error.message, "another file"));
  tw_buffer deep = {0};
  for (int i = 0; i < 9; i++) {
    tw_wire_put_varint(&deep, 1, 1);
  }
  assert_int_equal(read_tensor(&deep, arena, &tensor, &error), TW_E_LIMIT);
  tw_arena_free(arena);
}

/* A file whose graph has that node. */
static tw_status read_node(tw_buffer *node, tw_error *error) {
  tw_buffer graph = {0};
  tw_buffer file = {0};
  put_inside(&graph, 1, node);
  put_inside(&file, 7, &graph);
  tw_arena *arena = tw_arena_create();
  tw_onnx_model model;
  tw_status status = tw_onnx_read(tw_buffer_bytes(&file), arena, &model, error);
  tw_arena_free(arena);
  tw_buffer_done(&file);
  return status;
}

static void bad_nodes_are_refused(void **state) {
  (void)state;
  tw_error error;
  tw_buffer node = {0};
  for (int i = 0; i <= TW_ONNX_MAX_ATTRIBUTES; i++) {
    tw_wire_put_text(&node, 5, "");
  }
  assert_int_equal(read_node(&node, &error), TW_E_LIMIT);
  tw_wire_put_varint(&node, 4, 3); /* the operator as a number */
  assert_int_equal(read_node(&node, &error), TW_E_FORMAT);
  tw_buffer attribute = {0};
  tw_wire_put_text(&attribute, 1, "then_branch");
  tw_wire_put_text(&attribute, 6, "");
  tw_wire_put_text(&node, 3, "choice");
  tw_wire_put_text(&node, 4, "If");
  put_inside(&node, 5, &attribute);
  assert_int_equal(read_node(&node, &error), TW_E_UNSUPPORTED);
  assert_non_null(strstr(error.message, "node 'choice' (If): the attribute 'then_branch' holds a network of its own"));
  tw_wire_put_text(&attribute, 1, "pads");
  tw_wire_put_bytes(&attribute, 8, "\x01\x80", 2); /* the second number has no end */
  tw_wire_put_varint(&attribute, 20, 7);
  put_inside(&node, 5, &attribute);
  assert_int_equal(read_node(&node, &error), TW_E_FORMAT);
  tw_wire_put_bytes(&attribute, 7, "\x01\x02\x03", 3); /* floats of three bytes */
  put_inside(&node, 5, &attribute);
  assert_int_equal(read_node(&node, &error), TW_E_FORMAT);
}

/* A list may come in pieces, packed and not; without a type the fields tell it. */
static void lists_come_in_pieces(void **state) {
  (void)state;
  tw_buffer attribute = {0};
  tw_wire_put_text(&attribute, 1, "pads");
  tw_wire_put_varint(&attribute, 8, 1);
  tw_wire_put_bytes(&attribute, 8, "\x02\x03", 2);
  tw_wire_put_varint(&attribute, 8, 4);
  tw_buffer node = {0};
  tw_buffer graph = {0};
  tw_buffer file = {0};
  put_inside(&node, 5, &attribute);
  put_inside(&graph, 1, &node);
  put_inside(&file, 7, &graph);
  tw_arena *arena = tw_arena_create();
  tw_onnx_model model;
  tw_error error;
  assert_int_equal(tw_onnx_read(tw_buffer_bytes(&file), arena, &model, &error), TW_OK);
  const tw_onnx_attribute *got = &model.nodes[0].attributes[0];
  assert_int_equal(got->type, 7);
  assert_int_equal(got->count, 4);
  for (int i = 0; i < 4; i++) {
    assert_int_equal(got->ints[i], i + 1);
  }
  tw_arena_free(arena);
  tw_buffer_done(&file);
}

static void bad_models_are_refused(void **state) {
  (void)state;
  tw_arena *arena = tw_arena_create();
  tw_onnx_model model;
  tw_error error;
  tw_buffer file = {0};
  assert_int_equal(tw_onnx_read(tw_buffer_bytes(&file), arena, &model, &error), TW_E_FORMAT);
  assert_non_null(strstr(error.message, "no network"));
  tw_wire_put_text(&file, 7, "");
  assert_int_equal(tw_onnx_read(tw_buffer_bytes(&file), arena, &model, &error), TW_OK);
  assert_int_equal(model.opset, 0);
  tw_wire_put_text(&file, 7, "");
  assert_int_equal(tw_onnx_read(tw_buffer_bytes(&file), arena, &model, &error), TW_E_FORMAT);
  assert_non_null(strstr(error.message, "more than one"));
  tw_buffer_done(&file);
  tw_wire_put_bytes(&file, 7, "\x7a\x00", 2); /* sparse weights */
  assert_int_equal(tw_onnx_read(tw_buffer_bytes(&file), arena, &model, &error), TW_E_UNSUPPORTED);
  tw_buffer_done(&file);
  tw_wire_put_bytes(&file, 7, "\x0a\x05x", 3); /* a node beyond the end */
  assert_int_equal(tw_onnx_read(tw_buffer_bytes(&file), arena, &model, &error), TW_E_FORMAT);
  assert_non_null(strstr(error.message, "at byte 4"));
  tw_buffer_done(&file);
  tw_buffer nodes = {0};
  for (size_t i = 0; i <= TW_ONNX_MAX_NODES; i++) {
    tw_wire_put_text(&nodes, 1, "");
  }
  put_inside(&file, 7, &nodes);
  assert_int_equal(tw_onnx_read(tw_buffer_bytes(&file), arena, &model, &error), TW_E_LIMIT);
  tw_buffer_done(&file);
  tw_arena_free(arena);
}

static void other_files_are_not_onnx(void **state) {
  (void)state;
  static const char *const others[] = {"",           "\x89PNG\r\n", "\xff\xd8\xff\xe0", "GIF89a", "\x0a\x04node",
                                       "PK\x03\x04", "text\n"};
  for (size_t i = 0; i < sizeof others / sizeof *others; i++) {
    assert_false(tw_onnx_sniff(tw_bytes_of(others[i])));
  }
  assert_true(tw_onnx_sniff((tw_bytes){(const uint8_t *)"\x08\x07\x12\x07pyt", 7}));
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(a_model_comes_back),
      cmocka_unit_test(attachments_are_aligned_and_read_back),
      cmocka_unit_test(attachments_that_make_no_sense_are_refused),
      cmocka_unit_test(elements_come_in_many_ways),
      cmocka_unit_test(bad_tensors_are_refused),
      cmocka_unit_test(bad_nodes_are_refused),
      cmocka_unit_test(lists_come_in_pieces),
      cmocka_unit_test(bad_models_are_refused),
      cmocka_unit_test(other_files_are_not_onnx),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
