/* The cache when something is wrong with its file, its folder or the disk: never a failure of the run. */
#include <signal.h>
#include <sys/resource.h>

#include "features/cache_folder.h"
#include "test_features_cache.h"

static tw_buffer read_data_file(const char *relative) {
  char name[128];
  tw_buffer bytes = {0};
  snprintf(name, sizeof name, "%s/features.lmdb", relative);
  assert_int_equal(tw_file_read(tree_path(name), SIZE_MAX, &bytes, NULL), TW_OK);
  return bytes;
}

static void write_data_file(const char *relative, const uint8_t *data, size_t size) {
  char name[128];
  snprintf(name, sizeof name, "%s/features.lmdb", relative);
  tree_file(name, data, size);
}

static void garbage_is_no_cache(void **state) {
  (void)state;
  char text[20000];
  memset(text, 'g', sizeof text);
  static const size_t sizes[] = {1, 100, 4096, 4200, 20000};
  for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
    tree_file("garbage/features.lmdb", text, sizes[i]);
    assert_null(open_with_note("garbage", "topwork cache clear"));
  }
  tw_cache_info info;
  tw_error error;
  assert_int_equal(tw_cache_inspect(tree_path("garbage"), &info, &error), TW_E_FORMAT);
  assert_non_null(strstr(error.message, "topwork cache clear"));
  size_t dropped;
  assert_int_equal(tw_cache_prune(tree_path("garbage"), 10, &dropped, &error), TW_E_FORMAT);
  assert_int_equal(tw_cache_clear(tree_path("garbage"), NULL), TW_OK);
  fill("garbage", 0, 10, SMALL);
  assert_int_equal(count_present("garbage", 0, 10, SMALL), 10);
  tree_file("garbage/features.lmdb", "", 0); /* an empty file is a new cache */
  fill("garbage", 0, 10, SMALL);
}

static void a_truncated_file_is_no_cache(void **state) {
  (void)state;
  fill("cut", 0, 40, DIMENSIONS);
  tw_buffer bytes = read_data_file("cut");
  size_t refused = 0;
  for (size_t size = 4096; size < bytes.size; size += 4096) {
    write_data_file("cut", bytes.data, size - 7);
    tw_cache *cache = NULL;
    char *note = NULL;
    assert_int_equal(tw_cache_open(tree_path("cut"), &cache, &note, NULL), TW_OK);
    refused += cache == NULL ? 1 : 0;
    assert_true((cache == NULL) == (note != NULL));
    tw_free(note);
    tw_cache_close(cache);
  }
  assert_true(refused > 20);
  tw_buffer_done(&bytes);
}

/* Whether everything that this cache gives is right, and putting into it does not hurt; whatever it is worth. */
static bool is_harmless(const char *relative, size_t dimensions) {
  tw_cache *cache = NULL;
  char *note = NULL;
  if (tw_cache_open(tree_path(relative), &cache, &note, NULL) != TW_OK) {
    return false;
  }
  tw_free(note);
  if (cache == NULL) {
    return true;
  }
  bool right = true;
  float features[DIMENSIONS];
  float expected[DIMENSIONS];
  for (uint64_t i = 0; i < 60; i++) {
    tw_hash content = hash_number(i);
    if (tw_cache_get(cache, &content, &trunk, features, dimensions)) {
      features_of(i, expected, dimensions);
      right = right && memcmp(features, expected, dimensions * sizeof *features) == 0;
    }
  }
  for (uint64_t i = 1000; i < 1020; i++) {
    put(cache, i, dimensions);
  }
  tw_cache_close(cache);
  return right;
}

/* Bytes changed at seeded places: never a crash, never a wrong number. A child of its own, so that a crash is one
 * failure. */
static bool survives_flips(const char *relative, size_t dimensions) {
  tw_random random;
  tw_random_init(&random, dimensions);
  tw_buffer bytes = read_data_file(relative);
  bool right = true;
  for (int i = 0; i < 400 && right; i++) {
    tw_buffer copy = {0};
    tw_buffer_append(&copy, bytes.data, bytes.size);
    for (uint64_t flips = 1 + tw_random_below(&random, 4); flips > 0; flips--) {
      size_t page = i % 2 == 0 ? tw_random_below(&random, bytes.size / 4096) : (size_t)i / 2 % 4; /* heads more often */
      size_t offset = tw_random_below(&random, i % 3 == 0 ? 64 : 4096);
      copy.data[page * 4096 + offset] ^= (uint8_t)(1 + tw_random_below(&random, 255));
    }
    write_data_file(relative, copy.data, copy.size);
    tw_buffer_done(&copy);
    right = is_harmless(relative, dimensions);
  }
  tw_buffer_done(&bytes);
  return right;
}

static bool flips_of(int number) {
  return number == 0 ? survives_flips("flips-large", DIMENSIONS) : survives_flips("flips-small", SMALL);
}

static void changed_bytes_are_harmless(void **state) {
  (void)state;
  fill("flips-large", 0, 30, DIMENSIONS);
  fill("flips-large", 30, 60, DIMENSIONS);
  fill("flips-small", 0, 30, SMALL);
  fill("flips-small", 30, 60, SMALL);
  in_processes(2, flips_of);
}

static void a_changed_value_is_found_out(void **state) {
  (void)state;
  fill("value", 0, 1, DIMENSIONS);
  tw_buffer bytes = read_data_file("value");
  float features[DIMENSIONS];
  features_of(0, features, DIMENSIONS);
  uint8_t *at = memmem(bytes.data, bytes.size, features + 100, 64);
  assert_non_null(at);
  at[3] ^= 1;
  write_data_file("value", bytes.data, bytes.size);
  tw_buffer_done(&bytes);
  tw_cache *cache = open_cache("value", 0);
  assert_false(has(cache, 0, DIMENSIONS));
  assert_non_null(strstr(tw_cache_note(cache), "damaged"));
  assert_false(put(cache, 1, DIMENSIONS));
  tw_cache_close(cache);
}

static void network_file_systems_are_refused(void **state) {
  (void)state;
  assert_string_equal(tw_cache_remote_name(0x6969), "NFS");
  assert_string_equal(tw_cache_remote_name(0xff534d42), "CIFS");
  assert_null(tw_cache_remote_name(0xef53)); /* ext4 */
  assert_null(tw_cache_remote("/dev/shm"));
  tw_cache *cache = (tw_cache *)1;
  char *note = NULL;
  assert_int_equal(tw_cache_open_with(tree_path("far"), &(tw_cache_knobs){.remote = "NFS"}, &cache, &note, NULL),
                   TW_OK);
  assert_null(cache);
  assert_non_null(strstr(note, "NFS"));
  assert_non_null(strstr(note, "--cache DIR"));
  tw_free(note);
}

static bool reads_only(void) {
  tw_cache *cache = open_with_note("read-only", "cannot be written");
  bool right = cache != NULL && has(cache, 5, DIMENSIONS) && !put(cache, 50, DIMENSIONS) && !has(cache, 50, DIMENSIONS);
  tw_cache_close(cache);
  tw_cache_info info;
  right = right && tw_cache_inspect(tree_path("read-only"), &info, NULL) == TW_OK && info.entries == 10;
  tw_cache_info_done(&info);
  return right && tw_cache_clear(tree_path("read-only"), NULL) == TW_E_IO;
}

static bool cannot_be_made(void) {
  return open_with_note("forbidden/cache", "Permission denied") == NULL;
}

static bool cannot_be_made_inside(void) {
  return open_with_note("forbidden", "Permission denied") == NULL;
}

static void a_cache_that_cannot_be_written_is_read(void **state) {
  (void)state;
  fill("read-only", 0, 10, DIMENSIONS);
  chmod(tree_path("read-only/features.lmdb"), 0444);
  chmod(tree_path("read-only"), 0555);
  assert_true(tree_as_nobody(reads_only)); /* the lock file cannot be written either */
  chmod(tree_path("read-only/features.lmdb-lock"), 0666);
  assert_true(tree_as_nobody(reads_only));
  chmod(tree_path("read-only"), 0755);
  tree_folder("forbidden");
  chmod(tree_path("forbidden"), 0555);
  assert_true(tree_as_nobody(cannot_be_made));
  assert_true(tree_as_nobody(cannot_be_made_inside));
}

static bool puts_on_a_full_disk(void) {
  signal(SIGXFSZ, SIG_IGN);
  struct rlimit limit = {200000, 200000};
  if (setrlimit(RLIMIT_FSIZE, &limit) != 0) {
    return false;
  }
  tw_cache *cache = open_cache("full", 0);
  bool taken = true;
  for (uint64_t i = 0; i < 1000; i++) {
    taken = put(cache, i, DIMENSIONS);
  }
  const char *note = tw_cache_note(cache);
  bool right = !taken && has(cache, 5000, DIMENSIONS) && note != NULL && strstr(note, "cannot be written") != NULL;
  tw_cache_close(cache);
  return right;
}

static void a_full_disk_is_a_note(void **state) {
  (void)state;
  fill("full", 5000, 5010, DIMENSIONS);
  chmod(tree_path("full"), 0777);
  chmod(tree_path("full/features.lmdb"), 0666);
  chmod(tree_path("full/features.lmdb-lock"), 0666);
  chmod(tree_path("full/features.lock"), 0666);
  assert_true(tree_as_nobody(puts_on_a_full_disk));
  assert_int_equal(count_present("full", 5000, 5010, DIMENSIONS), 10);
  fill("full", 0, 10, DIMENSIONS);
}

static void a_file_in_the_way_is_a_note(void **state) {
  (void)state;
  tree_text("in-the-way", "text");
  assert_null(open_with_note("in-the-way", "--cache DIR"));
  tree_folder("in-the-way-2/features.lmdb");
  assert_null(open_with_note("in-the-way-2", "going on without it"));
}

static void the_folder_follows_the_environment(void **state) {
  (void)state;
  char *folder;
  setenv("HOME", "/home/me", 1);
  setenv("XDG_CACHE_HOME", "/var/caches", 1);
  assert_int_equal(tw_cache_folder(NULL, &folder, NULL), TW_OK);
  assert_string_equal(folder, "/var/caches/topwork");
  tw_free(folder);
  setenv("XDG_CACHE_HOME", "relative", 1);
  assert_int_equal(tw_cache_folder(NULL, &folder, NULL), TW_OK);
  assert_string_equal(folder, "/home/me/.cache/topwork");
  tw_free(folder);
  unsetenv("HOME");
  tw_cache *cache = (tw_cache *)1;
  char *note;
  assert_int_equal(tw_cache_open(NULL, &cache, &note, NULL), TW_OK);
  assert_null(cache);
  assert_non_null(strstr(note, "HOME"));
  tw_free(note);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(garbage_is_no_cache),
      cmocka_unit_test(a_truncated_file_is_no_cache),
      cmocka_unit_test(changed_bytes_are_harmless),
      cmocka_unit_test(a_changed_value_is_found_out),
      cmocka_unit_test(network_file_systems_are_refused),
      cmocka_unit_test(a_cache_that_cannot_be_written_is_read),
      cmocka_unit_test(a_full_disk_is_a_note),
      cmocka_unit_test(a_file_in_the_way_is_a_note),
      cmocka_unit_test(the_folder_follows_the_environment),
  };
  return cmocka_run_group_tests_name("features_cache_bad", tests, tree_setup, tree_teardown);
}
