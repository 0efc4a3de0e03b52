/* The cache: what is put is there again, in other processes too, whatever happens to its file. */
#include <pthread.h>
#include <signal.h>
#include <sys/resource.h>

#include "features/cache_folder.h"
#include "test_features_cache.h"

static void what_is_put_is_there_again(void **state) {
  (void)state;
  tw_cache *cache = open_cache("basic/folder", 0);
  assert_false(has(cache, 1, DIMENSIONS));
  assert_true(put(cache, 1, DIMENSIONS));
  assert_true(has(cache, 1, DIMENSIONS)); /* before it is written */
  assert_true(put(cache, 1, DIMENSIONS));
  tw_hash other = {{9}};
  float features[DIMENSIONS];
  tw_hash content = hash_number(1);
  assert_false(tw_cache_get(cache, &content, &other, features, DIMENSIONS));
  assert_false(tw_cache_get(cache, &content, &trunk, features, DIMENSIONS - 1));
  tw_cache_close(cache);
  cache = open_cache("basic/folder", 0);
  assert_true(has(cache, 1, DIMENSIONS));
  assert_false(has(cache, 2, DIMENSIONS));
  assert_false(tw_cache_get(cache, &content, &trunk, features, DIMENSIONS - 1));
  assert_null(tw_cache_note(cache));
  tw_cache_close(cache);
  tw_cache_close(NULL);
}

static void every_float_survives(void **state) {
  (void)state;
  static const uint32_t bits[] = {0, 0x80000000u, 1, 0x7f800000u, 0xff800000u, 0x7fc00001u, 0x7f7fffffu, 0x3f800000u};
  float features[8];
  float back[8];
  memcpy(features, bits, sizeof bits);
  tw_hash content = hash_number(1);
  tw_cache *cache = open_cache("floats", 0);
  assert_true(tw_cache_put(cache, &content, &trunk, features, 8));
  assert_true(tw_cache_put(cache, &content, &content, features, 0));
  tw_cache_close(cache);
  cache = open_cache("floats", 0);
  assert_true(tw_cache_get(cache, &content, &trunk, back, 8));
  assert_memory_equal(back, bits, sizeof bits);
  assert_true(tw_cache_get(cache, &content, &content, back, 0));
  assert_false(tw_cache_put(cache, &content, &trunk, features, SIZE_MAX / 2));
  tw_cache_close(cache);
}

static void a_small_map_grows(void **state) {
  (void)state;
  enum { COUNT = 2000 };
  tw_cache *cache = open_cache("growth", 1 << 16);
  for (uint64_t i = 0; i < COUNT; i++) {
    assert_true(put(cache, i, DIMENSIONS));
  }
  for (uint64_t i = 0; i < COUNT; i++) {
    assert_true(has(cache, i, DIMENSIONS));
  }
  assert_null(tw_cache_note(cache));
  tw_cache_close(cache);
  assert_int_equal(inspect("growth").entries, COUNT);
  cache = open_cache("growth", 1 << 16); /* smaller than the file */
  assert_true(has(cache, COUNT - 1, DIMENSIONS));
  tw_cache_close(cache);
}

static void opened_twice_is_one_cache(void **state) {
  (void)state;
  tree_folder("twice");
  tree_link("twice", "twice-link");
  tw_cache *first = open_cache("twice", 0);
  tw_cache *second = open_cache("twice-link", 0);
  assert_ptr_equal(first, second);
  assert_true(put(first, 1, SMALL));
  tw_cache_close(first);
  assert_true(has(second, 1, SMALL));
  assert_int_equal(tw_cache_clear(tree_path("twice"), NULL), TW_E_ARGUMENT);
  assert_int_equal(inspect("twice").entries, 1);
  tw_cache_close(second);
  assert_int_equal(tw_cache_clear(tree_path("twice"), NULL), TW_OK);
  assert_int_equal(count_present("twice", 1, 2, SMALL), 0);
}
static bool put_and_get_many(int number) {
  tw_cache *cache;
  char *note;
  if (tw_cache_open_with(tree_path("many"), &(tw_cache_knobs){.map_bytes = 1 << 16}, &cache, &note, NULL) != TW_OK ||
      cache == NULL) {
    return false;
  }
  bool right = note == NULL;
  for (uint64_t i = 0; i < 1500; i++) { /* two thirds are the next one's, too */
    right = put(cache, (uint64_t)number * 500 + i, DIMENSIONS) && right;
    right = has(cache, (uint64_t)number * 500 + i / 2, DIMENSIONS) && right;
  }
  right = tw_cache_note(cache) == NULL && right;
  tw_cache_close(cache);
  return right;
}

static void many_processes_share_it(void **state) {
  (void)state;
  tw_cache *held = open_cache("many", 1 << 16); /* this one learns of the others' growth late */
  in_processes(4, put_and_get_many);
  assert_true(has(held, 2999, DIMENSIONS));
  assert_true(put(held, 5000, DIMENSIONS));
  assert_null(tw_cache_note(held));
  tw_cache_close(held);
  assert_int_equal(count_present("many", 0, 3000, DIMENSIONS), 3000);
  assert_int_equal(inspect("many").entries, 3001);
}

static bool opens_and_closes(int number) {
  for (uint64_t i = 0; i < 50; i++) {
    tw_cache *cache;
    char *note;
    if (tw_cache_open(tree_path("doors"), &cache, &note, NULL) != TW_OK || cache == NULL || note != NULL) {
      return false;
    }
    bool right = put(cache, (uint64_t)number * 50 + i, SMALL);
    tw_cache_close(cache);
    if (!right) {
      return false;
    }
  }
  return true;
}

static void opening_and_closing_at_once_is_fine(void **state) {
  (void)state;
  in_processes(4, opens_and_closes);
  assert_int_equal(count_present("doors", 0, 200, SMALL), 200);
}

static void *put_from_thread(void *argument) {
  tw_cache *cache = open_cache("threads", 1 << 16);
  for (uint64_t i = 0; i < 600; i++) {
    put(cache, i, DIMENSIONS);
    has(cache, i + (uintptr_t)argument, DIMENSIONS);
  }
  tw_cache_close(cache);
  return NULL;
}

static void threads_share_it(void **state) {
  (void)state;
  pthread_t threads[4];
  for (uintptr_t i = 0; i < 4; i++) {
    assert_int_equal(pthread_create(&threads[i], NULL, put_from_thread, (void *)i), 0);
  }
  for (int i = 0; i < 4; i++) {
    pthread_join(threads[i], NULL);
  }
  assert_int_equal(count_present("threads", 0, 600, DIMENSIONS), 600);
}

static void put_until_killed(void) {
  tw_cache *cache = open_cache("killed", 0);
  for (uint64_t i = 0; i < 2000; i++) {
    put(cache, i, DIMENSIONS);
  }
  raise(SIGKILL);
}

static void a_killed_process_leaves_what_it_committed(void **state) {
  (void)state;
  pid_t child = tree_fork();
  if (child == 0) {
    put_until_killed();
    _exit(1);
  }
  int status;
  waitpid(child, &status, 0);
  assert_true(WIFSIGNALED(status));
  assert_true(count_present("killed", 0, 2000, DIMENSIONS) >= 2000 - TW_CACHE_COMMIT_ENTRIES);
  fill("killed", 3000, 3010, DIMENSIONS);
}

/* ---- Administration ---------------------------------------------------------------------------------------------- */

static void inspecting_counts(void **state) {
  (void)state;
  tw_cache_info info = inspect("nowhere");
  assert_int_equal(info.entries, 0);
  assert_int_equal(info.bytes, 0);
  assert_int_equal(access(tree_path("nowhere"), F_OK), -1);
  tw_cache *cache = open_cache("counted", 0);
  float features[SMALL] = {0};
  for (uint64_t i = 0; i < 300; i++) {
    tw_hash content = hash_number(i);
    tw_hash key = {{(uint8_t)(i % 3 == 0 ? 0xff : i % 3), 0xff}};
    assert_true(tw_cache_put(cache, &content, &key, features, SMALL));
  }
  info = inspect("counted");
  assert_int_equal(info.entries, 300);
  assert_int_equal(info.trunks, 3);
  tw_cache_close(cache);
  info = inspect("counted");
  assert_int_equal(info.entries, 300);
  assert_int_equal(info.trunks, 3);
  assert_true(info.bytes > 300 * 40);
}

static void clearing_removes(void **state) {
  (void)state;
  fill("cleared", 0, 10, SMALL);
  tree_text("cleared/mine.txt", "not the cache's");
  assert_int_equal(tw_cache_clear(tree_path("cleared"), NULL), TW_OK);
  assert_int_equal(access(tree_path("cleared/features.lmdb"), F_OK), -1);
  assert_int_equal(access(tree_path("cleared/mine.txt"), F_OK), 0);
  assert_int_equal(tw_cache_clear(tree_path("cleared"), NULL), TW_OK);
  assert_int_equal(tw_cache_clear(tree_path("never/was"), NULL), TW_OK);
  assert_int_equal(access(tree_path("never"), F_OK), -1);
}

static void pruning_keeps_the_newest(void **state) {
  (void)state;
  size_t dropped = 77;
  fill("pruned", 0, 1500, DIMENSIONS);
  fill("pruned", 1500, 2000, DIMENSIONS);
  size_t before = inspect("pruned").bytes;
  assert_int_equal(tw_cache_prune(tree_path("pruned"), before, &dropped, NULL), TW_OK);
  assert_int_equal(dropped, 0);
  assert_int_equal(tw_cache_prune(tree_path("pruned"), before / 2, &dropped, NULL), TW_OK);
  tw_cache_info info = inspect("pruned");
  assert_true(info.bytes <= before / 2 && info.bytes > before / 2 - before / 20);
  assert_int_equal(info.entries, 2000 - dropped);
  assert_int_equal(count_present("pruned", 0, dropped, DIMENSIONS), 0);
  assert_int_equal(count_present("pruned", dropped, 2000, DIMENSIONS), 2000 - dropped);
  assert_int_equal(access(tree_path("pruned/features.new"), F_OK), -1);
  assert_int_equal(access(tree_path("pruned/features.new-lock"), F_OK), -1);
  fill("pruned", 3000, 3001, DIMENSIONS); /* newer than all */
  assert_int_equal(tw_cache_prune(tree_path("pruned"), 60000, &dropped, NULL), TW_OK);
  assert_int_equal(count_present("pruned", 3000, 3001, DIMENSIONS), 1);
  assert_int_equal(tw_cache_prune(tree_path("pruned"), 0, &dropped, NULL), TW_OK);
  assert_int_equal(inspect("pruned").bytes, 0);
  assert_int_equal(tw_cache_prune(tree_path("pruned"), 0, &dropped, NULL), TW_OK);
  assert_int_equal(dropped, 0);
}

static bool put_after_pruning(int number) {
  (void)number;
  size_t dropped;
  return tw_cache_prune(tree_path("others"), 100000, &dropped, NULL) == TW_OK && dropped > 0;
}

static void pruning_leaves_other_processes_alone(void **state) {
  (void)state;
  tw_cache *cache = open_cache("others", 0);
  for (uint64_t i = 0; i < 100; i++) {
    put(cache, i, DIMENSIONS);
  }
  tw_cache_settle(cache, true);
  in_processes(1, put_after_pruning);
  assert_true(has(cache, 0, DIMENSIONS)); /* the old file is still this process's */
  assert_true(put(cache, 200, DIMENSIONS));
  tw_cache_close(cache);
  assert_true(count_present("others", 0, 100, DIMENSIONS) < 20);
  fill("others", 300, 400, DIMENSIONS);
  assert_int_equal(count_present("others", 300, 400, DIMENSIONS), 100);
}

static void memory_may_run_out(void **state) {
  (void)state;
  fill("memory", 0, 10, SMALL);
  for (size_t n = 1;; n++) {
    tw_cache *cache = NULL;
    char *note = NULL;
    tw_memory_fail_after(n);
    tw_status status = tw_cache_open(tree_path("memory"), &cache, &note, NULL);
    bool stored = status == TW_OK && cache != NULL && put(cache, 100 + n, SMALL);
    tw_memory_fail_after(0);
    bool all = stored && has(cache, 100 + n, SMALL);
    assert_true(status == TW_OK || status == TW_E_MEMORY);
    tw_cache_close(cache);
    tw_free(note);
    if (all) {
      assert_true(n > 5);
      return;
    }
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(what_is_put_is_there_again), cmocka_unit_test(every_float_survives),
      cmocka_unit_test(a_small_map_grows),          cmocka_unit_test(opened_twice_is_one_cache),
      cmocka_unit_test(many_processes_share_it),    cmocka_unit_test(opening_and_closing_at_once_is_fine),
      cmocka_unit_test(threads_share_it),           cmocka_unit_test(a_killed_process_leaves_what_it_committed),
      cmocka_unit_test(inspecting_counts),          cmocka_unit_test(clearing_removes),
      cmocka_unit_test(pruning_keeps_the_newest),   cmocka_unit_test(pruning_leaves_other_processes_alone),
      cmocka_unit_test(memory_may_run_out),
  };
  return cmocka_run_group_tests_name("features_cache", tests, tree_setup, tree_teardown);
}
