/* The cache of features at scale: fills one with made-up features, or opens one and reads every row of it. For
 * compare.py; not a comparison by itself, and not installed.
 *
 * bench_cache fill FOLDER COUNT DIMENSIONS
 * bench_cache read FOLDER COUNT DIMENSIONS   prints {"open": seconds, "pass": seconds, "rows": found} */
#include <stdlib.h>
#include <string.h>

#include "features/features.h"

typedef struct work {
  const char *folder;
  size_t count;
  size_t dimensions;
  float *row;
  tw_hash key; /* of the trunk */
} work;

static void fail(const char *what) {
  fprintf(stderr, "bench_cache: %s\n", what);
  exit(1);
}

static tw_cache *open_cache(const work *work) {
  tw_cache *cache;
  char *note = NULL;
  tw_error error;
  if (tw_cache_open(work->folder, &cache, &note, &error) != TW_OK) {
    fail(error.message);
  }
  if (cache == NULL || note != NULL) {
    fail(note == NULL ? "no cache" : note);
  }
  return cache;
}

static tw_hash content_of(size_t index) {
  uint64_t number = index;
  return tw_hash_of(&number, sizeof number);
}

static void fill(const work *work) {
  tw_cache *cache = open_cache(work);
  tw_random random;
  tw_random_init(&random, 1);
  for (size_t i = 0; i < work->count; i++) {
    for (size_t j = 0; j < work->dimensions; j++) {
      work->row[j] = (float)tw_random_unit(&random);
    }
    tw_hash content = content_of(i);
    if (!tw_cache_put(cache, &content, &work->key, work->row, work->dimensions)) {
      fail("a row could not be put");
    }
  }
  const char *note = tw_cache_note(cache);
  if (note != NULL) {
    fail(note);
  }
  tw_cache_close(cache);
}

static void read_all(const work *work) {
  double begin = tw_seconds();
  tw_cache *cache = open_cache(work);
  double opened = tw_seconds();
  size_t found = 0;
  for (size_t i = 0; i < work->count; i++) {
    tw_hash content = content_of(i);
    found += tw_cache_get(cache, &content, &work->key, work->row, work->dimensions);
  }
  double done = tw_seconds();
  tw_cache_close(cache);
  printf("{\"open\": %.4f, \"pass\": %.4f, \"rows\": %zu}\n", opened - begin, done - opened, found);
}

int main(int argc, char **argv) {
  if (argc != 5 || (strcmp(argv[1], "fill") != 0 && strcmp(argv[1], "read") != 0)) {
    fail("usage: bench_cache fill|read FOLDER COUNT DIMENSIONS");
  }
  work work = {.folder = argv[2],
               .count = strtoul(argv[3], NULL, 10),
               .dimensions = strtoul(argv[4], NULL, 10),
               .key = tw_hash_of("bench_cache", sizeof "bench_cache")};
  work.row = tw_alloc(work.dimensions, sizeof *work.row);
  if (work.row == NULL) {
    fail("out of memory");
  }
  if (argv[1][0] == 'f') {
    fill(&work);
  } else {
    read_all(&work);
  }
  tw_free(work.row);
  return 0;
}
