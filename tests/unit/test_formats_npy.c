/* NumPy's .npy: what numpy writes is read, in every type and order; what it does not write is refused. */
#include <math.h>
#include <string.h>

#include "formats/formats.h"
#include "support.h"

/* A file of the given version with that header and data. */
static void make_file(tw_buffer *file, uint8_t version, const char *header, const void *data, size_t size) {
  size_t length = strlen(header);
  const uint8_t head[6] = {version, 0, (uint8_t)length, (uint8_t)(length >> 8), 0, 0};
  tw_buffer_done(file);
  tw_buffer_append(file, "\x93NUMPY", 6);
  tw_buffer_append(file, head, version == 1 ? 4 : 6);
  tw_buffer_text(file, header);
  tw_buffer_append(file, data, size);
}

static void check_values(const char *header, const void *data, size_t size, const float *values, size_t count) {
  tw_buffer file = {0};
  tw_npy npy;
  tw_error error;
  float got[16];
  for (uint8_t version = 1; version <= 3; version++) {
    make_file(&file, version, header, data, size);
    if (tw_npy_read(tw_buffer_bytes(&file), &npy, &error) != TW_OK) {
      fail_msg("%s: %s", header, error.message);
    }
    assert_int_equal(npy.count, count);
    assert_int_equal(tw_npy_to_f32(&npy, 0, count, got, &error), TW_OK);
    assert_memory_equal(got, values, count * sizeof *values);
    for (size_t i = 0; i < count; i++) { /* any part of it */
      assert_int_equal(tw_npy_to_f32(&npy, i, 1, got, &error), TW_OK);
      assert_memory_equal(got, values + i, sizeof *values);
    }
  }
  tw_buffer_done(&file);
}

/* Bytes as numpy's save wrote them. */
static void floats_of_every_kind(void **state) {
  (void)state;
  static const float pair[] = {1.5f, -2.0f};
  static const float six[] = {1, 2, 3, 4, 5, 6};
  static const float one[] = {3};
  check_values("{'descr': '<f4', 'fortran_order': False, 'shape': (2,), }      \n", "\x00\x00\xc0?\x00\x00\x00\xc0", 8,
               pair, 2);
  check_values("{'descr': '>f8', 'fortran_order': False, 'shape': (2, 3), }\n",
               "?\xf0\x00\x00\x00\x00\x00\x00@\x00\x00\x00\x00\x00\x00\x00@\x08\x00\x00\x00\x00\x00\x00"
               "@\x10\x00\x00\x00\x00\x00\x00@\x14\x00\x00\x00\x00\x00\x00@\x18\x00\x00\x00\x00\x00\x00",
               48, six, 6);
  check_values("{'descr': '<f2', 'fortran_order': True, 'shape': (2, 3), }\n",
               "\x00<\x00"
               "D\x00@\x00"
               "E\x00"
               "B\x00"
               "F",
               12, six, 6);
  check_values("{'descr': '<f2', 'fortran_order': False, 'shape': (1, 2, 1, 3), }\n",
               "\x00<\x00@\x00"
               "B\x00"
               "D\x00"
               "E\x00"
               "F",
               12, six, 6);
  check_values("{'descr': '>f2', 'fortran_order': False, 'shape': (2, 3), }\n",
               "<\x00@\x00"
               "B\x00"
               "D\x00"
               "E\x00"
               "F\x00",
               12, six, 6);
  check_values("{'descr': '<f4', 'fortran_order': False, 'shape': (), }\n", "\x00\x00@@", 4, one, 1);
  check_values("{'descr': '=f4', 'fortran_order': True, 'shape': (2L,)}", "\x00\x00\xc0?\x00\x00\x00\xc0", 8, pair, 2);
  check_values("{ \"shape\":(2,),\"fortran_order\":False ,\"descr\":\"<f4\"}", "\x00\x00\xc0?\x00\x00\x00\xc0", 8, pair,
               2);
}

static void not_finite_values_pass(void **state) {
  (void)state;
  tw_buffer file = {0};
  tw_npy npy;
  tw_error error;
  float got[2];
  make_file(&file, 1, "{'descr': '<f2', 'fortran_order': False, 'shape': (2,), }", "\x00\x7c\x00\x7e", 4);
  assert_int_equal(tw_npy_read(tw_buffer_bytes(&file), &npy, &error), TW_OK);
  assert_int_equal(tw_npy_to_f32(&npy, 0, 2, got, &error), TW_OK);
  assert_true(isinf(got[0]) && isnan(got[1]));
  tw_buffer_done(&file);
}

/* They are described, not converted. */
static void other_numbers_are_described(void **state) {
  (void)state;
  static const struct {
    const char *header;
    char kind;
    size_t item_size;
    bool big_endian;
  } cases[] = {
      {"{'descr': '|b1', 'fortran_order': False, 'shape': (1, 8), }", 'b', 1, false},
      {"{'descr': '|u1', 'fortran_order': False, 'shape': (8,), }", 'u', 1, false},
      {"{'descr': '|i1', 'fortran_order': False, 'shape': (8,), }", 'i', 1, false},
      {"{'descr': '<i2', 'fortran_order': False, 'shape': (4,), }", 'i', 2, false},
      {"{'descr': '>u4', 'fortran_order': False, 'shape': (2,), }", 'u', 4, true},
      {"{'descr': '<i8', 'fortran_order': False, 'shape': (1,), }", 'i', 8, false},
  };
  tw_buffer file = {0};
  tw_error error;
  float value;
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    tw_npy npy;
    make_file(&file, 1, cases[i].header, "12345678", 8);
    assert_int_equal(tw_npy_read(tw_buffer_bytes(&file), &npy, &error), TW_OK);
    assert_int_equal(npy.kind, cases[i].kind);
    assert_int_equal(npy.item_size, cases[i].item_size);
    assert_int_equal(npy.big_endian, cases[i].big_endian);
    assert_int_equal(npy.data.size, 8);
    assert_int_equal(tw_npy_to_f32(&npy, 0, 1, &value, &error), TW_E_UNSUPPORTED);
  }
  tw_buffer_done(&file);
}

static void bad_headers_are_refused(void **state) {
  (void)state;
  static const struct {
    const char *header;
    tw_status status;
    const char *part;
  } cases[] = {
      {"", TW_E_FORMAT, "no dictionary"},
      {"{'descr': '<f4', 'fortran_order': False, 'shape': (2,), ", TW_E_FORMAT, "key is missing"},
      {"{'descr': '<f4', 'fortran_order': False, }", TW_E_FORMAT, "is missing"},
      {"{'descr': '<f4', 'fortran_order': False, 'shape': (2,), 'more': 1}", TW_E_FORMAT, "unknown key"},
      {"{'descr': '<f4', 'descr': '<f4', 'fortran_order': False, 'shape': (2,)}", TW_E_FORMAT, "twice"},
      {"{'descr': '<f4' 'fortran_order': False, 'shape': (2,)}", TW_E_FORMAT, "comma"},
      {"{'descr': '<f4', 'fortran_order': false, 'shape': (2,)}", TW_E_FORMAT, "True or False"},
      {"{'descr': '<f4', 'fortran_order': False, 'shape': (2)}", TW_E_FORMAT, "not a tuple"},
      {"{'descr': '<f4', 'fortran_order': False, 'shape': [2]}", TW_E_FORMAT, "no tuple"},
      {"{'descr': '<f4', 'fortran_order': False, 'shape': (-2,)}", TW_E_FORMAT, "tuple of numbers"},
      {"{'descr': '<f4', 'fortran_order': False, 'shape': (99999999999999999999,)}", TW_E_FORMAT, "tuple of numbers"},
      {"{'descr': '<f4', 'fortran_order': False, 'shape': (9999999999, 9999999999)}", TW_E_FORMAT, "any memory"},
      {"{'descr': '<f4', 'fortran_order': False, 'shape': (4611686018427387904,)}", TW_E_FORMAT, "any memory"},
      {"{'descr': '<f4', 'fortran_order': False, 'shape': (1,1,1,1,1,1,1,1,2)}", TW_E_LIMIT, "more than 8"},
      {"{'descr': '<f4', 'fortran_order': False, 'shape': (2,)} x", TW_E_FORMAT, "follows"},
      {"{'descr': 4, 'fortran_order': False, 'shape': (2,)}", TW_E_FORMAT, "no text"},
      {"{'descr': '|O', 'fortran_order': False, 'shape': (2,)}", TW_E_UNSUPPORTED, "'|O'"},
      {"{'descr': '<U4', 'fortran_order': False, 'shape': (2,)}", TW_E_UNSUPPORTED, "'<U4'"},
      {"{'descr': '<c8', 'fortran_order': False, 'shape': (1,)}", TW_E_UNSUPPORTED, "'<c8'"},
      {"{'descr': '<f16', 'fortran_order': False, 'shape': (1,)}", TW_E_UNSUPPORTED, "'<f16'"},
      {"{'descr': 'f4', 'fortran_order': False, 'shape': (2,)}", TW_E_UNSUPPORTED, "'f4'"},
      {"{'descr': '', 'fortran_order': False, 'shape': (2,)}", TW_E_UNSUPPORTED, "''"},
      {"{'descr': [('a', '<f4')], 'fortran_order': False, 'shape': (2,)}", TW_E_UNSUPPORTED, "records"},
  };
  tw_buffer file = {0};
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    tw_npy npy;
    tw_error error = {0};
    make_file(&file, 1, cases[i].header, "12345678", 8);
    tw_status status = tw_npy_read(tw_buffer_bytes(&file), &npy, &error);
    if (status != cases[i].status || strstr(error.message, cases[i].part) == NULL) {
      fail_msg("%s: %d %s", cases[i].header, (int)status, error.message);
    }
  }
  tw_buffer_done(&file);
}

/* Every way to cut a file short, and bytes too many. */
static void sizes_must_agree(void **state) {
  (void)state;
  tw_buffer file = {0};
  tw_npy npy;
  tw_error error;
  make_file(&file, 1, "{'descr': '<f4', 'fortran_order': False, 'shape': (2,), }\n", "12345678", 8);
  for (size_t size = 0; size < file.size; size++) {
    uint8_t *exact = tw_alloc(size, 1); /* so that a sanitizer sees a byte read too many */
    if (size != 0) {
      memcpy(exact, file.data, size);
    }
    assert_int_equal(tw_npy_read((tw_bytes){exact, size}, &npy, &error), TW_E_FORMAT);
    tw_free(exact);
  }
  assert_non_null(strstr(error.message, "has 7 bytes of data; its header promises 2 elements of 4 bytes, 8 in all"));
  tw_buffer_append(&file, "x", 1);
  assert_int_equal(tw_npy_read(tw_buffer_bytes(&file), &npy, &error), TW_E_FORMAT);
  make_file(&file, 4, "{}", "", 0);
  assert_int_equal(tw_npy_read(tw_buffer_bytes(&file), &npy, &error), TW_E_UNSUPPORTED);
  make_file(&file, 1, "{'descr': '<f4', 'fortran_order': True, 'shape': (0, 4), }", "", 0);
  assert_int_equal(tw_npy_read(tw_buffer_bytes(&file), &npy, &error), TW_OK);
  assert_int_equal(npy.count, 0);
  assert_int_equal(tw_npy_to_f32(&npy, 0, 0, NULL, &error), TW_OK);
  float value;
  assert_int_equal(tw_npy_to_f32(&npy, 0, 1, &value, &error), TW_E_ARGUMENT);
  assert_int_equal(tw_npy_to_f32(&npy, 1, SIZE_MAX, &value, &error), TW_E_ARGUMENT);
  static const uint8_t huge[] = "\x93NUMPY\x02\x00\xff\xff\xff\xff{}";
  assert_int_equal(tw_npy_read((tw_bytes){huge, sizeof huge - 1}, &npy, &error), TW_E_LIMIT);
  tw_buffer_done(&file);
}

static void what_is_written_is_read(void **state) {
  (void)state;
  static const size_t dims[TW_NPY_MAX_RANK] = {2, 3, 1, 1, 1, 1, 1, 1};
  static const float values[] = {1, -2, 3, -4, 5, -6};
  tw_error error;
  for (int rank = 2; rank <= TW_NPY_MAX_RANK; rank++) {
    tw_buffer file = {0};
    tw_npy npy;
    float got[6];
    assert_int_equal(tw_npy_header_f32(dims, rank, &file, &error), TW_OK);
    assert_int_equal(file.size % 64, 0);
    assert_int_equal(file.data[file.size - 1], '\n');
    tw_buffer_append(&file, values, sizeof values);
    assert_int_equal(tw_npy_read(tw_buffer_bytes(&file), &npy, &error), TW_OK);
    assert_int_equal(npy.rank, rank);
    assert_int_equal(tw_npy_to_f32(&npy, 0, 6, got, &error), TW_OK);
    assert_memory_equal(got, values, sizeof values);
    tw_buffer_done(&file);
  }
  static const struct {
    int rank;
    const char *shape;
  } small[] = {{0, "'shape': (), }"}, {1, "'shape': (2,), }"}, {2, "'shape': (2, 3), }"}};
  for (size_t i = 0; i < sizeof small / sizeof *small; i++) {
    tw_buffer file = {0};
    assert_int_equal(tw_npy_header_f32(dims, small[i].rank, &file, &error), TW_OK);
    assert_non_null(strstr((const char *)file.data + 10, small[i].shape));
    tw_buffer_done(&file);
  }
  tw_buffer file = {0};
  assert_int_equal(tw_npy_header_f32(dims, TW_NPY_MAX_RANK + 1, &file, &error), TW_E_ARGUMENT);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(floats_of_every_kind),
      cmocka_unit_test(not_finite_values_pass),
      cmocka_unit_test(other_numbers_are_described),
      cmocka_unit_test(bad_headers_are_refused),
      cmocka_unit_test(sizes_must_agree),
      cmocka_unit_test(what_is_written_is_read),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
