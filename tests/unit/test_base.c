/* The floor `base`: each function at its edges. */
#include <locale.h>
#include <math.h>
#include <string.h>
#include <unistd.h>

#include "base/base.h"
#include "support.h"

static void errors_read_outside_in(void **state) {
  (void)state;
  tw_error error;
  assert_int_equal(tw_error_set(&error, TW_E_FORMAT, "kernel %dx%d", 3, 3), TW_E_FORMAT);
  tw_error_prefix(&error, TW_E_FORMAT, "node '%s'", "stem");
  assert_string_equal(error.message, "node 'stem': kernel 3x3");
  assert_int_equal(tw_error_set(NULL, TW_E_IO, "x"), TW_E_IO);
  tw_error_set(&error, TW_E_DATA, "a\nb");
  assert_string_equal(error.message, "a?b");
  tw_error_set(&error, TW_E_DATA, "%2000d", 1);
  assert_string_equal(error.message + TW_ERROR_MESSAGE_SIZE - 4, "...");
}

static void allocations_fail_on_request(void **state) {
  (void)state;
  tw_memory_fail_after(2);
  void *first = tw_alloc(1, 1);
  void *second = tw_alloc(1, 1);
  tw_memory_fail_after(0);
  assert_non_null(first);
  assert_null(second);
  tw_free(first);
  assert_null(tw_alloc(SIZE_MAX / 2, 3));
  assert_null(tw_realloc(NULL, SIZE_MAX / 2, 3));
}

static void arena_aligns_and_grows(void **state) {
  (void)state;
  tw_arena *arena = tw_arena_create();
  char *before = tw_arena_strdup(arena, "kept");
  for (size_t i = 1; i < 300; i++) {
    uint8_t *memory = tw_arena_alloc(arena, i, 16);
    assert_non_null(memory);
    assert_int_equal((uintptr_t)memory % 16, 0);
    memset(memory, 0xff, i * 16);
    assert_int_equal((uintptr_t)tw_arena_aligned(arena, i) % 64, 0);
  }
  assert_non_null(tw_arena_alloc(arena, 1, 1 << 20));
  assert_null(tw_arena_alloc(arena, SIZE_MAX / 2, 4));
  assert_string_equal(before, "kept");
  tw_arena_free(arena);
}

static void utf8_follows_unicode(void **state) {
  (void)state;
  static const char *const good[] = {"", "a", "\xc3\xa9", "\xe2\x82\xac", "\xf0\x9f\x90\xbc", "\xf4\x8f\xbf\xbf"};
  static const char *const bad[] = {"\xc3", "\x80", "\xc0\xaf", "\xed\xa0\x80", "\xf4\x90\x80\x80", "\xe2\x82", "\xff"};
  for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
    assert_true(tw_utf8_valid(good[i], strlen(good[i])));
  }
  for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
    assert_false(tw_utf8_valid(bad[i], strlen(bad[i])));
  }
  tw_buffer text = {0};
  tw_utf8_append_replaced(&text,
                          "a\xff\xfe"
                          "b");
  assert_string_equal((char *)text.data,
                      "a\xef\xbf\xbd"
                      "b");
  tw_buffer_done(&text);
}

static void quoting(void **state) {
  (void)state;
  tw_buffer text = {0};
  tw_text_append_escaped(&text, "a\tb\\c\n");
  tw_buffer_text(&text, "|");
  tw_csv_append_field(&text, "plain");
  tw_buffer_text(&text, ",");
  tw_csv_append_field(&text, "say \"a, b\"");
  tw_buffer_text(&text, "|");
  tw_base64_append(&text, "Man", 3);
  tw_base64_append(&text, "Ma", 2);
  tw_base64_append(&text, "M", 1);
  assert_string_equal((char *)text.data, "a\\tb\\\\c\\n|plain,\"say \"\"a, b\"\"\"|TWFuTWE=TQ==");
  tw_buffer_done(&text);
}

static void numbers_ignore_the_locale(void **state) {
  (void)state;
  setlocale(LC_ALL, "de_DE.UTF-8"); /* has an effect only where that locale is installed */
  char text[TW_NUMBER_TEXT_SIZE];
  assert_string_equal(tw_number_text(0.1, text), "0.1");
  assert_string_equal(tw_number_text(1.0 / 3, text), "0.3333333333333333");
  assert_string_equal(tw_number_text(-INFINITY, text), "-inf");
  assert_string_equal(tw_number_text(100, text), "100");
  assert_string_equal(tw_number_text(-999999, text), "-999999");
  assert_string_equal(tw_number_text(1e6, text), "1e+06");
  assert_string_equal(tw_number_text_f32(20, text), "20");
  assert_string_equal(tw_number_text_f32(0.1f, text), "0.1");
  double value;
  assert_true(tw_number_parse("-1.5e3", &value));
  assert_true(value == -1500);
  assert_false(tw_number_parse("1,5", &value));
  assert_false(tw_number_parse("", &value));
  assert_false(tw_number_parse("nan", &value));
  assert_false(tw_number_parse("1e999", &value));
  setlocale(LC_ALL, "C");
}

static void half_precision_round_trips(void **state) {
  (void)state;
  for (uint32_t bits = 0; bits < 0x10000; bits++) {
    float value = tw_f16_to_f32((uint16_t)bits);
    if (!isnan(value)) {
      assert_int_equal(tw_f32_to_f16(value), bits);
    }
  }
  assert_true(tw_f16_to_f32(0x3c00) == 1.0f);
  assert_true(tw_f16_to_f32(0x0001) == 0x1p-24f);
  assert_int_equal(tw_f32_to_f16(65519.0f), 0x7bff);
  assert_int_equal(tw_f32_to_f16(65520.0f), 0x7c00);
  assert_int_equal(tw_f32_to_f16(1.0f + 0x1p-11f), 0x3c00); /* a tie goes to even */
  assert_int_equal(tw_f32_to_f16(0x1p-25f), 0);
}

static void outputs_appear_whole(void **state) {
  (void)state;
  char folder[] = "/tmp/topwork-test-XXXXXX";
  assert_non_null(mkdtemp(folder));
  char *path = tw_path_join(folder, "a.txt");
  tw_error error;
  assert_int_equal(tw_output_save(path, tw_bytes_of("one"), &error), TW_OK);
  tw_output *output;
  assert_int_equal(tw_output_open(path, &output, &error), TW_OK);
  tw_output_write(output, "two", 3);
  tw_output_discard(output);
  tw_buffer content = {0};
  assert_int_equal(tw_file_read(path, 100, &content, &error), TW_OK);
  assert_string_equal((char *)content.data, "one");
  assert_int_equal(tw_file_read(path, 2, &content, &error), TW_E_LIMIT);
  assert_int_equal(tw_file_read(folder, 2, &content, &error), TW_E_IO);
  assert_int_equal(tw_output_open(folder, &output, &error), TW_E_IO);
  tw_map *map;
  assert_int_equal(tw_map_open(path, &map, &error), TW_OK);
  assert_true(tw_bytes_is(tw_map_bytes(map), "one"));
  tw_map_close(map);
  assert_int_equal(tw_map_open("/nonexistent", &map, &error), TW_E_IO);
  tw_buffer_done(&content);
  unlink(path);
  tw_free(path);
  assert_int_equal(rmdir(folder), 0); /* nothing half-written is left */
}

static void paths(void **state) {
  (void)state;
  char *a = tw_path_with_suffix("x.y/birds.onnx", ".report");
  char *b = tw_path_with_suffix("x.y/.hidden", ".report");
  char *c = tw_path_join("a/", "b");
  assert_string_equal(a, "x.y/birds.report");
  assert_string_equal(b, "x.y/.hidden.report");
  assert_string_equal(c, "a/b");
  assert_string_equal(tw_path_base("a/b"), "b");
  tw_free(a);
  tw_free(b);
  tw_free(c);
}

static void hashes(void **state) {
  (void)state;
  char text[TW_HASH_TEXT_SIZE];
  tw_hash hash = tw_hash_of("", 0);
  assert_string_equal(tw_hash_text(&hash, text), "99aa06d3014798d86001c324468d497f"); /* xxHash's own test vector */
  tw_hash parsed;
  assert_true(tw_hash_parse(text, &parsed));
  assert_int_equal(tw_hash_compare(&hash, &parsed), 0);
  assert_false(tw_hash_parse("99aa", &parsed));
  tw_hasher *one = tw_hasher_create();
  tw_hasher *other = tw_hasher_create();
  tw_hasher_add_text(one, "ab");
  tw_hasher_add_text(one, "c");
  tw_hasher_add_text(other, "a");
  tw_hasher_add_text(other, "bc");
  tw_hash first = tw_hasher_result(one);
  tw_hash second = tw_hasher_result(other);
  assert_int_not_equal(tw_hash_compare(&first, &second), 0);
  assert_int_equal(tw_hash_order(&first, &second), tw_hash_compare(&first, &second));
  tw_hasher_free(one);
  tw_hasher_free(other);
}

static tw_status fail_from_seven(void *context, size_t task, tw_error *error) {
  __atomic_fetch_add((size_t *)context, 1, __ATOMIC_RELAXED);
  return task >= 7 ? tw_error_set(error, TW_E_DATA, "task %zu", task) : TW_OK;
}

static void the_first_failure_is_reported(void **state) {
  (void)state;
  for (int threads = 1; threads <= 4; threads++) {
    size_t calls = 0;
    tw_error error;
    assert_int_equal(tw_parallel(threads, 7, fail_from_seven, &calls, &error), TW_OK);
    assert_int_equal(calls, 7);
    assert_int_equal(tw_parallel(threads, 1000, fail_from_seven, &calls, &error), TW_E_DATA);
    assert_string_equal(error.message, "task 7");
  }
  assert_true(tw_thread_count(0) >= 1);
  assert_int_equal(tw_thread_count(100000), TW_MAX_THREADS);
}

static void random_numbers_repeat(void **state) {
  (void)state;
  tw_random one;
  tw_random other;
  tw_random_init(&one, 7);
  tw_random_init(&other, 7);
  size_t counts[3] = {0};
  for (int i = 0; i < 30000; i++) {
    uint64_t value = tw_random_below(&one, 3);
    assert_int_equal(value, tw_random_below(&other, 3));
    counts[value]++;
  }
  for (int i = 0; i < 3; i++) {
    assert_in_range(counts[i], 9500, 10500);
  }
  double unit = tw_random_unit(&one);
  assert_true(unit >= 0 && unit < 1);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(errors_read_outside_in),
      cmocka_unit_test(allocations_fail_on_request),
      cmocka_unit_test(arena_aligns_and_grows),
      cmocka_unit_test(utf8_follows_unicode),
      cmocka_unit_test(quoting),
      cmocka_unit_test(numbers_ignore_the_locale),
      cmocka_unit_test(half_precision_round_trips),
      cmocka_unit_test(outputs_appear_whole),
      cmocka_unit_test(paths),
      cmocka_unit_test(hashes),
      cmocka_unit_test(the_first_failure_is_reported),
      cmocka_unit_test(random_numbers_repeat),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
