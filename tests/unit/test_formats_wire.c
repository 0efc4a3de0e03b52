/* Protobuf's wire format: what is written is read, and what is malformed is seen. */
#include <string.h>

#include "formats/formats.h"
#include "support.h"

static tw_wire open_bytes(const void *bytes, size_t size) {
  return tw_wire_open((tw_bytes){bytes, size});
}
#define OPEN(text) open_bytes(text, sizeof(text) - 1)

static void what_is_written_is_read(void **state) {
  (void)state;
  static const uint64_t numbers[] = {0, 1, 127, 128, 300, UINT32_MAX, UINT64_MAX};
  tw_buffer buffer = {0};
  for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++) {
    tw_wire_put_varint(&buffer, 1, numbers[i]);
  }
  tw_wire_put_text(&buffer, 536870911, "hello");
  tw_wire_put_f32(&buffer, 3, 1.5f);
  tw_wire_put_bytes(&buffer, 4, "", 0);
  tw_wire wire = tw_wire_open(tw_buffer_bytes(&buffer));
  tw_wire_field field;
  for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++) {
    assert_true(tw_wire_next(&wire, &field));
    assert_int_equal(field.number, 1);
    assert_int_equal(field.type, 0);
    assert_true(field.integer == numbers[i]);
  }
  assert_true(tw_wire_next(&wire, &field));
  assert_int_equal(field.number, 536870911);
  assert_true(tw_bytes_is(field.bytes, "hello"));
  assert_true(field.bytes.data > buffer.data && field.bytes.data < buffer.data + buffer.size);
  assert_true(tw_wire_next(&wire, &field));
  assert_int_equal(field.type, 5);
  assert_int_equal(field.integer, 0x3fc00000);
  assert_true(tw_wire_next(&wire, &field));
  assert_int_equal(field.bytes.size, 0);
  assert_false(tw_wire_next(&wire, &field));
  assert_true(tw_wire_ok(&wire));
  tw_buffer_done(&buffer);
}

static void fixed_numbers_are_little_endian(void **state) {
  (void)state;
  tw_wire wire = OPEN("\x09\x01\x02\x03\x04\x05\x06\x07\x08");
  tw_wire_field field;
  assert_true(tw_wire_next(&wire, &field));
  assert_int_equal(field.type, 1);
  assert_true(field.integer == 0x0807060504030201u);
  assert_false(tw_wire_next(&wire, &field));
  assert_true(tw_wire_ok(&wire));
}

static void malformed_bytes_are_seen(void **state) {
  (void)state;
  static const struct {
    const char *bytes;
    size_t size;
  } bad[] = {
      {"\x80", 1},                                              /* a tag without an end */
      {"\x00\x01", 2},                                          /* field number 0 */
      {"\x08", 1},                                              /* a tag without a value */
      {"\x08\x80", 2},                                          /* a varint without an end */
      {"\x08\xff\xff\xff\xff\xff\xff\xff\xff\xff\x02", 11},     /* beyond 64 bits */
      {"\x08\x80\x80\x80\x80\x80\x80\x80\x80\x80\x80\x01", 12}, /* longer than ten bytes */
      {"\x09\x01\x02\x03", 4},                                  /* a short fixed64 */
      {"\x0d\x01\x02\x03", 4},                                  /* a short fixed32 */
      {"\x0a\x02x", 3},                                         /* bytes beyond the end */
      {"\x0a\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01", 11},     /* a size near 2^64 */
      {"\x0b", 1},                                              /* groups */
      {"\x0c", 1},
      {"\x0e", 1}, /* no such types */
      {"\x0f", 1},
      {"\xf8\xff\xff\xff\xff\x01\x00", 7}, /* a field number beyond 2^29 */
  };
  for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
    tw_wire wire = open_bytes(bad[i].bytes, bad[i].size);
    tw_wire_field field;
    assert_false(tw_wire_next(&wire, &field));
    assert_false(tw_wire_ok(&wire));
    assert_false(tw_wire_next(&wire, &field)); /* and stays so */
  }
}

static void an_empty_message_is_fine(void **state) {
  (void)state;
  tw_wire wire = tw_wire_open((tw_bytes){NULL, 0});
  tw_wire_field field;
  assert_false(tw_wire_next(&wire, &field));
  assert_true(tw_wire_ok(&wire));
}

static void packed_numbers_are_walked(void **state) {
  (void)state;
  tw_wire list = OPEN("\x01\xac\x02\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01");
  uint64_t value;
  assert_true(tw_wire_varint(&list, &value));
  assert_int_equal(value, 1);
  assert_true(tw_wire_varint(&list, &value));
  assert_int_equal(value, 300);
  assert_true(tw_wire_varint(&list, &value));
  assert_true((int64_t)value == -1);
  assert_false(tw_wire_varint(&list, &value));
  assert_true(tw_wire_ok(&list));
  list = OPEN("\x01\x80");
  assert_true(tw_wire_varint(&list, &value));
  assert_false(tw_wire_varint(&list, &value));
  assert_false(tw_wire_ok(&list));
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(what_is_written_is_read),   cmocka_unit_test(fixed_numbers_are_little_endian),
      cmocka_unit_test(malformed_bytes_are_seen),  cmocka_unit_test(an_empty_message_is_fine),
      cmocka_unit_test(packed_numbers_are_walked),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
