/* Administration of the cache: inspecting, clearing, pruning. */
#include "test_features_cache.h"

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

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(inspecting_counts),
      cmocka_unit_test(clearing_removes),
      cmocka_unit_test(pruning_keeps_the_newest),
      cmocka_unit_test(pruning_leaves_other_processes_alone),
  };
  return cmocka_run_group_tests_name("features_cache_admin", tests, tree_setup, tree_teardown);
}
