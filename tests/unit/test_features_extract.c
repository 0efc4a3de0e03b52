/* The pipeline: the same digits on any number of threads and from the cache, bad files named and nothing else lost,
 * stopped and continued. */
#include "test_features_networks.h"

enum { PICTURES = 24 };

static const tw_trunk_options plain_options = {.preprocess = NET_PREPROCESS};
static char *paths[PICTURES];
static tw_trunk *trunk;

static int setup(void **state) {
  if (tree_setup(state) != 0) {
    return -1;
  }
  net_pictures("pictures", 0, PICTURES, paths);
  net_save(net_plain(), "net.onnx", NULL);
  trunk = net_open(tree_path("net.onnx"), &plain_options);
  return 0;
}

static int teardown(void **state) {
  tw_trunk_free(trunk);
  net_free_paths(paths, PICTURES);
  return tree_teardown(state);
}

static tw_cache *open_cache(const char *relative) {
  tw_cache *cache = NULL;
  char *note = NULL;
  tw_error error = {0};
  net_ok(tw_cache_open(tree_path(relative), &cache, &note, &error), &error);
  assert_null(note);
  return cache;
}

static tw_extraction *extract(tw_trunk *with, tw_cache *cache, char **files, size_t count, int threads) {
  tw_extraction *extraction = NULL;
  tw_extract_options options = {.threads = threads};
  tw_error error = {0};
  net_ok(tw_extract(with, cache, (const char *const *)files, count, &options, &extraction, &error), &error);
  assert_int_equal(extraction->count, count);
  return extraction;
}

static void same_rows(const tw_extraction *a, const tw_extraction *b) {
  assert_int_equal(a->count, b->count);
  assert_int_equal(a->dimensions, b->dimensions);
  assert_memory_equal(a->rows, b->rows, a->count * a->dimensions * sizeof(float));
}

static bool is_zero(const tw_extraction *extraction, size_t item) {
  for (size_t i = 0; i < extraction->dimensions; i++) {
    if (extraction->rows[item * extraction->dimensions + i] != 0) {
      return false;
    }
  }
  return true;
}

static void threads_do_not_change_digits(void **state) {
  (void)state;
  tw_extraction *one = extract(trunk, NULL, paths, PICTURES, 1);
  assert_int_equal(one->failed, 0);
  assert_int_equal(one->cached, 0);
  for (size_t i = 0; i < PICTURES; i++) {
    assert_false(is_zero(one, i));
    tw_buffer bytes = {0};
    assert_int_equal(tw_file_read(paths[i], SIZE_MAX, &bytes, NULL), TW_OK);
    tw_hash content = tw_hash_of(bytes.data, bytes.size);
    tw_buffer_done(&bytes);
    assert_int_equal(tw_hash_compare(&content, &one->items[i].content), 0);
  }
  for (int threads = 2; threads <= 8; threads *= 2) {
    tw_extraction *more = extract(trunk, NULL, paths, PICTURES, threads);
    same_rows(one, more);
    tw_extraction_free(more);
  }
  for (size_t i = 0; i < 4; i++) { /* alone on all cores */
    tw_extraction *single = extract(trunk, NULL, paths + i, 1, 2);
    assert_memory_equal(single->rows, one->rows + i * one->dimensions, one->dimensions * sizeof(float));
    tw_extraction_free(single);
  }
  tw_extraction_free(one);
}

static void bytes_give_the_same_row(void **state) {
  (void)state;
  tw_extraction *one = extract(trunk, NULL, paths, 1, 1);
  tw_buffer bytes = {0};
  assert_int_equal(tw_file_read(paths[0], SIZE_MAX, &bytes, NULL), TW_OK);
  float row[NET_CHANNELS];
  tw_error error = {0};
  for (int threads = 0; threads < 3; threads++) {
    net_ok(tw_extract_one(trunk, &(tw_source){.file = tw_buffer_bytes(&bytes)}, TW_HEAD_FEATURES, threads, row, &error),
           &error);
    assert_memory_equal(row, one->rows, sizeof row);
  }
  row[0] = 77;
  bytes.size /= 2;
  assert_int_equal(
      tw_extract_one(trunk, &(tw_source){.file = tw_buffer_bytes(&bytes)}, TW_HEAD_FEATURES, 1, row, &error),
      TW_E_FORMAT);
  assert_true(row[0] == 77);
  tw_buffer_done(&bytes);
  tw_extraction_free(one);
}

static void the_own_head_answers(void **state) {
  (void)state;
  tw_extraction *extraction = NULL;
  tw_extract_options options = {.threads = 2, .head = TW_HEAD_OWN};
  tw_error error = {0};
  tw_cache *cache = open_cache("own");
  for (int i = 0; i < 2; i++) { /* never from the cache */
    net_ok(tw_extract(trunk, cache, (const char *const *)paths, PICTURES, &options, &extraction, &error), &error);
    assert_int_equal(extraction->dimensions, NET_CLASSES);
    assert_int_equal(extraction->cached, 0);
    for (size_t row = 0; row < PICTURES; row++) {
      float sum = 0;
      for (size_t k = 0; k < NET_CLASSES; k++) {
        sum += extraction->rows[row * NET_CLASSES + k];
      }
      assert_true(sum > 0.999f && sum < 1.001f);
    }
    tw_extraction_free(extraction);
  }
  tw_cache_close(cache);
}

static void the_cache_gives_the_same(void **state) {
  (void)state;
  tw_cache *cache = open_cache("cache");
  tw_extraction *first = extract(trunk, cache, paths, PICTURES, 2);
  assert_int_equal(first->cached, 0);
  tw_cache_close(cache);
  cache = open_cache("cache");
  tw_extraction *second = extract(trunk, cache, paths, PICTURES, 2);
  assert_int_equal(second->cached, PICTURES);
  assert_true(second->items[3].cached);
  same_rows(first, second);
  tw_extraction_free(second);
  net_picture("pictures/new.png", 1000);
  char *more[] = {paths[0], tw_strdup(tree_path("pictures/new.png")), paths[1]};
  second = extract(trunk, cache, more, 3, 2);
  assert_int_equal(second->cached, 2);
  assert_false(second->items[1].cached);
  tw_extraction_free(second);
  tw_free(more[1]);
  tw_cache_close(cache);
  tw_extraction_free(first);
}

/* A trunk whose plan cannot be made does its work all the same when everything is in the cache. */
static void no_plan_is_made_when_all_is_cached(void **state) {
  (void)state;
  tw_trunk *unplannable = net_create(net_unplannable(), "back");
  tw_cache *cache = open_cache("unplannable");
  tw_extraction *extraction = NULL;
  tw_extract_options options = {.threads = 2};
  tw_error error = {0};
  assert_int_equal(tw_extract(unplannable, cache, (const char *const *)paths, PICTURES, &options, &extraction, &error),
                   TW_E_UNSUPPORTED);
  assert_null(extraction);
  assert_non_null(strstr(error.message, "pictures/"));
  tw_extraction *known = extract(trunk, NULL, paths, PICTURES, 2);
  tw_hash key = tw_trunk_key(unplannable);
  for (size_t i = 0; i < PICTURES; i++) {
    float features[3] = {(float)i, 1, 2};
    assert_true(tw_cache_put(cache, &known->items[i].content, &key, features, 3));
  }
  extraction = extract(unplannable, cache, paths, PICTURES, 2);
  assert_int_equal(extraction->cached, PICTURES);
  for (size_t i = 0; i < PICTURES; i++) {
    assert_true(extraction->rows[3 * i] == (float)i);
  }
  tw_extraction_free(extraction);
  tw_extraction_free(known);
  tw_cache_close(cache);
  tw_trunk_free(unplannable);
}

static void the_same_content_is_computed_once(void **state) {
  (void)state;
  char *files[3 * PICTURES];
  for (size_t i = 0; i < 3 * PICTURES; i++) {
    files[i] = paths[i / 2 % PICTURES];
  }
  tw_extraction *single = extract(trunk, NULL, paths, PICTURES, 1);
  tw_cache *cache = open_cache("repeated");
  tw_extraction *many = extract(trunk, cache, files, 3 * PICTURES, 2);
  for (size_t i = 0; i < 3 * PICTURES; i++) {
    assert_memory_equal(many->rows + i * many->dimensions, single->rows + i / 2 % PICTURES * many->dimensions,
                        many->dimensions * sizeof(float));
    assert_int_equal(many->items[i].status, TW_OK);
  }
  assert_int_equal(many->cached, 0);
  tw_extraction_free(many);
  tw_cache_info info;
  assert_int_equal(tw_cache_inspect(tree_path("repeated"), &info, NULL), TW_OK);
  assert_int_equal(info.entries, PICTURES);
  tw_cache_info_done(&info);
  many = extract(trunk, cache, files, 3 * PICTURES, 2);
  assert_int_equal(many->cached, 3 * PICTURES);
  tw_extraction_free(many);
  tw_cache_close(cache);
  tw_extraction_free(single);
}

static void bad_files_are_named_and_nothing_is_lost(void **state) {
  (void)state;
  tree_text("bad/text.jpg", "text");
  tree_text("bad/zero.jpg", "");
  tree_text("bad/zero-again.jpg", "");
  tree_text("bad/cut.jpg", "\xff\xd8\xff\xe0");
  tree_folder("bad/folder.jpg");
  assert_int_equal(mkfifo(tree_path("bad/pipe.jpg"), 0644), 0);
  static const char *const names[] = {"bad/text.jpg", "bad/zero.jpg",   "bad/zero-again.jpg", "bad/cut.jpg",
                                      "bad/gone.jpg", "bad/folder.jpg", "bad/pipe.jpg"};
  enum { BAD = 7 };
  char *files[BAD + 2] = {paths[0], paths[1]};
  for (size_t i = 0; i < BAD; i++) {
    files[i + 2] = tw_strdup(tree_path(names[i]));
  }
  for (int threads = 1; threads <= 2; threads++) {
    tw_extraction *extraction = extract(trunk, NULL, files, BAD + 2, threads);
    assert_int_equal(extraction->failed, BAD);
    for (size_t i = 0; i < 2; i++) {
      assert_int_equal(extraction->items[i].status, TW_OK);
      assert_null(extraction->items[i].reason);
      assert_false(is_zero(extraction, i));
    }
    for (size_t i = 2; i < BAD + 2; i++) {
      assert_int_not_equal(extraction->items[i].status, TW_OK);
      assert_non_null(extraction->items[i].reason);
      assert_true(strlen(extraction->items[i].reason) > 5);
      assert_null(strstr(extraction->items[i].reason, tree_root));
      assert_true(is_zero(extraction, i));
    }
    assert_string_equal(extraction->items[3].reason, extraction->items[4].reason);
    assert_string_equal(extraction->items[6].reason, "there is no such file");
    assert_string_equal(extraction->items[7].reason, "is a folder, not a file");
    assert_string_equal(extraction->items[8].reason, "is not a regular file");
    tw_hash none = {{0}};
    assert_int_equal(tw_hash_compare(&extraction->items[6].content, &none), 0);
    tw_extraction_free(extraction);
  }
  for (size_t i = 0; i < BAD; i++) {
    tw_free(files[i + 2]);
  }
}

/* Pixels times nearly what float32 can hold: the sums of the convolution overflow, and that is said. Where all of them
 * overflow downwards the activation hides it. */
static void numbers_that_overflow_name_their_node(void **state) {
  (void)state;
  const double scale = 2.5e36;
  tw_trunk_options options = plain_options;
  options.scale = &scale;
  tw_trunk *large = net_open(tree_path("net.onnx"), &options);
  tw_extraction *extraction = extract(large, NULL, paths, PICTURES, 2);
  assert_true(extraction->failed > 0);
  for (size_t i = 0; i < PICTURES; i++) {
    if (extraction->items[i].status != TW_OK) {
      assert_int_equal(extraction->items[i].status, TW_E_DATA);
      const char *at = strstr(extraction->items[i].reason, "no finite numbers for it; the first that are not");
      assert_non_null(at); /* the sum of the convolution, or, where that still fits, the sum of the pool */
      assert_true(strstr(at, "its node 'conv") != NULL || strstr(at, "its node 'pool'") != NULL);
      assert_true(is_zero(extraction, i));
    }
  }
  tw_extraction_free(extraction);
  tw_trunk_free(large);
}

static void too_large_a_file_is_refused_unread(void **state) {
  (void)state;
  tree_text("huge.png", "");
  assert_int_equal(truncate(tree_path("huge.png"), (off_t)TW_IMAGE_MAX_FILE + 1), 0);
  char *file = tw_strdup(tree_path("huge.png"));
  tw_extraction *extraction = extract(trunk, NULL, &file, 1, 1);
  assert_int_equal(extraction->items[0].status, TW_E_LIMIT);
  assert_string_equal(extraction->items[0].reason, "larger than 512 MB");
  tw_extraction_free(extraction);
  tw_free(file);
}

static void no_files_are_no_rows(void **state) {
  (void)state;
  tw_extraction *extraction = extract(trunk, NULL, NULL, 0, 2);
  assert_int_equal(extraction->failed, 0);
  tw_extraction_free(extraction);
  tw_extract_options options = {0};
  tw_error error = {0};
  assert_int_equal(tw_extract(trunk, NULL, NULL, SIZE_MAX / 8, &options, &extraction, &error), TW_E_LIMIT);
  assert_non_null(strstr(error.message, "64 GB"));
}

typedef struct seen {
  size_t calls;
  size_t stop_at; /* a call that says stop; 0: none */
  size_t done;
  size_t total;
  size_t cached;
} seen;

static bool see(void *context, const tw_progress *progress) {
  seen *seen = context;
  seen->calls++;
  assert_string_equal(progress->stage, "features");
  assert_true(progress->done >= seen->done && progress->done <= progress->total);
  seen->done = progress->done;
  seen->total = progress->total;
  seen->cached = progress->cached;
  return seen->calls != seen->stop_at;
}

static void progress_ends_at_the_total(void **state) {
  (void)state;
  tw_cache *cache = open_cache("progress");
  for (size_t round = 0; round < 2; round++) {
    seen seen = {0};
    tw_ticker ticker = {.callback = see, .context = &seen};
    tw_extract_options options = {.threads = 2, .ticker = &ticker};
    tw_extraction *extraction = NULL;
    tw_error error = {0};
    net_ok(tw_extract(trunk, cache, (const char *const *)paths, PICTURES, &options, &extraction, &error), &error);
    assert_true(seen.calls >= 1);
    assert_int_equal(seen.done, PICTURES);
    assert_int_equal(seen.total, PICTURES);
    assert_int_equal(seen.cached, round * PICTURES);
    tw_extraction_free(extraction);
  }
  tw_cache_close(cache);
}

/* The shipped trunk on many pictures takes longer than the time between two reports: the first one stops it. */
static void stopping_keeps_what_was_computed(void **state) {
  (void)state;
  enum { MANY = 150 };
  char *files[MANY];
  for (size_t i = 0; i < MANY; i++) {
    char name[32];
    snprintf(name, sizeof name, "many/%zu.png", i);
    net_picture(name, 2000 + i);
    files[i] = tw_strdup(tree_path(name));
  }
  tw_trunk *shipped = net_open(TW_TRUNK_DEFAULT, NULL);
  tw_cache *cache = open_cache("stopped");
  seen seen = {.stop_at = 1};
  tw_ticker ticker = {.callback = see, .context = &seen};
  tw_extract_options options = {.threads = 2, .ticker = &ticker};
  tw_extraction *extraction = NULL;
  tw_error error = {0};
  assert_int_equal(tw_extract(shipped, cache, (const char *const *)files, MANY, &options, &extraction, &error),
                   TW_E_CANCELLED);
  assert_int_equal(error.code, TW_E_CANCELLED);
  assert_null(extraction);
  assert_int_equal(seen.calls, 1);
  assert_true(ticker.cancelled);
  tw_cache_info info;
  assert_int_equal(tw_cache_inspect(tree_path("stopped"), &info, NULL), TW_OK);
  assert_true(info.entries >= seen.done && info.entries < MANY);
  tw_cache_close(cache);
  cache = open_cache("stopped");
  tw_extraction *rest = extract(shipped, cache, files, MANY, 2);
  assert_int_equal(rest->cached, info.entries);
  tw_extraction *whole = extract(shipped, NULL, files, MANY, 1);
  same_rows(rest, whole);
  tw_cache_info_done(&info);
  tw_cache_close(cache);
  tw_extraction_free(rest);
  tw_extraction_free(whole);
  tw_trunk_free(shipped);
  for (size_t i = 0; i < MANY; i++) {
    tw_free(files[i]);
  }
}

static void the_shipped_trunk_is_the_same_on_all_cores(void **state) {
  (void)state;
  tw_trunk *shipped = net_open(TW_TRUNK_DEFAULT, NULL);
  tw_extraction *one = extract(shipped, NULL, paths, 6, 1);
  tw_extraction *two = extract(shipped, NULL, paths, 6, 2);
  tw_extraction *four = extract(shipped, NULL, paths, 6, 4);
  same_rows(one, two);
  same_rows(one, four);
  tw_extraction *single = extract(shipped, NULL, paths, 1, 4);
  assert_memory_equal(single->rows, one->rows, one->dimensions * sizeof(float));
  tw_extraction_free(single);
  tw_extraction_free(one);
  tw_extraction_free(two);
  tw_extraction_free(four);
  tw_trunk_free(shipped);
}

/* A file longer than the queue: it comes through all the same. */
static void files_larger_than_the_queue_come_through(void **state) {
  (void)state;
  char *files[6];
  for (size_t i = 0; i < 6; i++) {
    char name[32];
    snprintf(name, sizeof name, "long/%zu.png", i);
    net_picture(name, 3000 + i);
    files[i] = tw_strdup(tree_path(name));
  }
  tw_extraction *before = extract(trunk, NULL, files, 6, 2);
  for (size_t i = 0; i < 6; i++) { /* what follows a PNG's end does not count */
    assert_int_equal(truncate(files[i], (off_t)TW_PIPELINE_MAX_QUEUED + 4096 + (off_t)i), 0);
  }
  tw_extraction *after = extract(trunk, NULL, files, 6, 2);
  assert_int_equal(after->failed, 0);
  same_rows(before, after);
  tw_extraction_free(before);
  tw_extraction_free(after);
  for (size_t i = 0; i < 6; i++) {
    unlink(files[i]);
    tw_free(files[i]);
  }
}

static void memory_may_run_out(void **state) {
  (void)state;
  size_t failures = 0;
  for (size_t n = 1;; n++) {
    tw_trunk *fresh = net_open(tree_path("net.onnx"), &plain_options);
    tw_cache *cache = open_cache("memory");
    tw_extraction *extraction = NULL;
    tw_extract_options options = {.threads = 2};
    tw_error error = {0};
    tw_memory_fail_after(n);
    tw_status status = tw_extract(fresh, cache, (const char *const *)paths, 4, &options, &extraction, &error);
    tw_memory_fail_after(0);
    tw_cache_close(cache);
    tw_trunk_free(fresh);
    assert_int_equal(tw_cache_clear(tree_path("memory"), NULL), TW_OK);
    tw_extraction_free(extraction);
    if (status == TW_OK) {
      break;
    }
    assert_int_equal(status, TW_E_MEMORY);
    failures++;
  }
  assert_true(failures > 30);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(threads_do_not_change_digits),
      cmocka_unit_test(bytes_give_the_same_row),
      cmocka_unit_test(the_own_head_answers),
      cmocka_unit_test(the_cache_gives_the_same),
      cmocka_unit_test(no_plan_is_made_when_all_is_cached),
      cmocka_unit_test(the_same_content_is_computed_once),
      cmocka_unit_test(bad_files_are_named_and_nothing_is_lost),
      cmocka_unit_test(numbers_that_overflow_name_their_node),
      cmocka_unit_test(too_large_a_file_is_refused_unread),
      cmocka_unit_test(no_files_are_no_rows),
      cmocka_unit_test(progress_ends_at_the_total),
      cmocka_unit_test(stopping_keeps_what_was_computed),
      cmocka_unit_test(the_shipped_trunk_is_the_same_on_all_cores),
      cmocka_unit_test(files_larger_than_the_queue_come_through),
      cmocka_unit_test(memory_may_run_out),
  };
  return cmocka_run_group_tests_name("features_extract", tests, setup, teardown);
}
