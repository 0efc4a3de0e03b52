/* What the tests of the cache share: numbered pictures with features that can be told, put and found again. */
#ifndef TW_TEST_FEATURES_CACHE_H
#define TW_TEST_FEATURES_CACHE_H

#include "features/cache.h"
#include "test_features_tree.h"

enum { DIMENSIONS = 1280, SMALL = 10 };

static inline tw_hash hash_number(uint64_t number) {
  return tw_hash_of(&number, sizeof number);
}

static const tw_hash trunk = {{1, 2, 3}};

static inline void features_of(uint64_t number, float *features, size_t dimensions) {
  for (size_t i = 0; i < dimensions; i++) {
    features[i] = (float)number + (float)i / 1024;
  }
}

static inline tw_cache *open_cache(const char *relative, size_t map_bytes) {
  tw_cache *cache = NULL;
  char *note = NULL;
  tw_cache_knobs knobs = {.map_bytes = map_bytes};
  tree_require(tw_cache_open_with(tree_path(relative), &knobs, &cache, &note, NULL) == TW_OK, "the cache opens");
  tree_require(note == NULL, note);
  return cache;
}

/* Opens it and expects a note with these words; returns the cache, NULL or not. */
static inline tw_cache *open_with_note(const char *relative, const char *words) {
  tw_cache *cache = NULL;
  char *note = NULL;
  tree_require(tw_cache_open(tree_path(relative), &cache, &note, NULL) == TW_OK, "the cache opens");
  tree_require(note != NULL && strstr(note, words) != NULL, note == NULL ? words : note);
  tw_free(note);
  return cache;
}

static inline bool put(tw_cache *cache, uint64_t number, size_t dimensions) {
  float features[DIMENSIONS];
  tw_hash content = hash_number(number);
  features_of(number, features, dimensions);
  return tw_cache_put(cache, &content, &trunk, features, dimensions);
}

/* Whether it is there, and right. */
static inline bool has(tw_cache *cache, uint64_t number, size_t dimensions) {
  float features[DIMENSIONS];
  float expected[DIMENSIONS];
  tw_hash content = hash_number(number);
  if (!tw_cache_get(cache, &content, &trunk, features, dimensions)) {
    return false;
  }
  features_of(number, expected, dimensions);
  return memcmp(features, expected, dimensions * sizeof *features) == 0;
}

static inline void fill(const char *relative, uint64_t from, uint64_t to, size_t dimensions) {
  tw_cache *cache = open_cache(relative, 0);
  for (uint64_t i = from; i < to; i++) {
    assert_true(put(cache, i, dimensions));
  }
  tw_cache_close(cache);
}

static inline size_t count_present(const char *relative, uint64_t from, uint64_t to, size_t dimensions) {
  tw_cache *cache = open_cache(relative, 0);
  size_t count = 0;
  for (uint64_t i = from; i < to; i++) {
    count += has(cache, i, dimensions) ? 1 : 0;
  }
  tw_cache_close(cache);
  return count;
}

static inline tw_cache_info inspect(const char *relative) {
  tw_cache_info info;
  tw_error error = {0};
  if (tw_cache_inspect(tree_path(relative), &info, &error) != TW_OK) {
    fail_msg("%s", error.message);
  }
  tw_free(info.folder);
  info.folder = NULL;
  return info;
}

/* Runs work(number) in processes of their own and expects all to succeed. */
static inline void in_processes(int count, bool (*work)(int number)) {
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

#endif
