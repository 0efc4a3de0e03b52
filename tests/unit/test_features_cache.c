/* The cache: what is put is there again, in other processes too, whatever happens to its file. */
#include <pthread.h>
#include <signal.h>
#include <sys/resource.h>

#include "features/cache.h"
#include "features/cache_folder.h"
#include "test_features_tree.h"

enum { DIMENSIONS = 1280, SMALL = 10 };

static tw_hash hash_number(uint64_t number) {
  return tw_hash_of(&number, sizeof number);
}

static const tw_hash trunk = {{1, 2, 3}};

static void features_of(uint64_t number, float *features, size_t dimensions) {
  for (size_t i = 0; i < dimensions; i++) {
    features[i] = (float)number + (float)i / 1024;
  }
}

static tw_cache *open_cache(const char *relative, size_t map_bytes) {
  tw_cache *cache = NULL;
  char *note = NULL;
  tw_cache_knobs knobs = {.map_bytes = map_bytes};
  tree_require(tw_cache_open_with(tree_path(relative), &knobs, &cache, &note, NULL) == TW_OK, "the cache opens");
  tree_require(note == NULL, note);
  return cache;
}

/* Opens it and expects a note with these words; returns the cache, NULL or not. */
static tw_cache *open_with_note(const char *relative, const char *words) {
  tw_cache *cache = NULL;
  char *note = NULL;
  tree_require(tw_cache_open(tree_path(relative), &cache, &note, NULL) == TW_OK, "the cache opens");
  tree_require(note != NULL && strstr(note, words) != NULL, note == NULL ? words : note);
  tw_free(note);
  return cache;
}

static bool put(tw_cache *cache, uint64_t number, size_t dimensions) {
  float features[DIMENSIONS];
  tw_hash content = hash_number(number);
  features_of(number, features, dimensions);
  return tw_cache_put(cache, &content, &trunk, features, dimensions);
}

/* Whether it is there, and right. */
static bool has(tw_cache *cache, uint64_t number, size_t dimensions) {
  float features[DIMENSIONS];
  float expected[DIMENSIONS];
  tw_hash content = hash_number(number);
  if (!tw_cache_get(cache, &content, &trunk, features, dimensions)) {
    return false;
  }
  features_of(number, expected, dimensions);
  return memcmp(features, expected, dimensions * sizeof *features) == 0;
}

static void fill(const char *relative, uint64_t from, uint64_t to, size_t dimensions) {
  tw_cache *cache = open_cache(relative, 0);
  for (uint64_t i = from; i < to; i++) {
    assert_true(put(cache, i, dimensions));
  }
  tw_cache_close(cache);
}

static size_t count_present(const char *relative, uint64_t from, uint64_t to, size_t dimensions) {
  tw_cache *cache = open_cache(relative, 0);
  size_t count = 0;
  for (uint64_t i = from; i < to; i++) {
    count += has(cache, i, dimensions) ? 1 : 0;
  }
  tw_cache_close(cache);
  return count;
}

static tw_cache_info inspect(const char *relative) {
  tw_cache_info info;
  tw_error error = {0};
  if (tw_cache_inspect(tree_path(relative), &info, &error) != TW_OK) {
    fail_msg("%s", error.message);
  }
  tw_free(info.folder);
  info.folder = NULL;
  return info;
}

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

/* Runs work(number) in processes of their own and expects all to succeed. */
static void in_processes(int count, bool (*work)(int number)) {
  pid_t children[8];
  for (int i = 0; i < count; i++) {
    children[i] = tree_fork();
    if (children[i] == 0) {
      _exit(work(i) ? 0 : 1);
    }
  }
  for (int i = 0; i < count; i++) {
    int status;
    assert_int_equal(waitpid(children[i], &status, 0), children[i]);
    assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
  }
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

/* ---- What can be wrong with it ----------------------------------------------------------------------------------- */

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
      cmocka_unit_test(what_is_put_is_there_again),
      cmocka_unit_test(every_float_survives),
      cmocka_unit_test(a_small_map_grows),
      cmocka_unit_test(opened_twice_is_one_cache),
      cmocka_unit_test(many_processes_share_it),
      cmocka_unit_test(opening_and_closing_at_once_is_fine),
      cmocka_unit_test(threads_share_it),
      cmocka_unit_test(a_killed_process_leaves_what_it_committed),
      cmocka_unit_test(garbage_is_no_cache),
      cmocka_unit_test(a_truncated_file_is_no_cache),
      cmocka_unit_test(changed_bytes_are_harmless),
      cmocka_unit_test(a_changed_value_is_found_out),
      cmocka_unit_test(network_file_systems_are_refused),
      cmocka_unit_test(a_cache_that_cannot_be_written_is_read),
      cmocka_unit_test(a_full_disk_is_a_note),
      cmocka_unit_test(a_file_in_the_way_is_a_note),
      cmocka_unit_test(the_folder_follows_the_environment),
      cmocka_unit_test(inspecting_counts),
      cmocka_unit_test(clearing_removes),
      cmocka_unit_test(pruning_keeps_the_newest),
      cmocka_unit_test(pruning_leaves_other_processes_alone),
      cmocka_unit_test(memory_may_run_out),
  };
  return cmocka_run_group_tests_name("features_cache", tests, tree_setup, tree_teardown);
}
