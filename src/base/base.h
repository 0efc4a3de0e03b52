/* Floor `base`: what every other floor stands on. Status and error, memory, bytes, files, hashing, threads, progress,
 * random numbers, text. Nothing here knows of pictures or networks.
 *
 * Conventions of the whole project: out-parameters are called ret_x, come last but for the error, and are untouched on
 * failure. `_create/_free`, `_open/_close`, `_init/_done` are pairs; freeing NULL does nothing. */
#ifndef TW_BASE_H
#define TW_BASE_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "topwork/status.h"

/* ---- Errors ------------------------------------------------------------------------------------------------------ */

/* Writes code and message into *error (which may be NULL) and returns code, so that `return tw_error_set(...)` works.
 */
tw_status tw_error_set(tw_error *error, tw_status code, const char *format, ...) TW_PRINTF(3, 4);

/* Puts "<prefix>: " before the message already in *error: each level adds where it was. Returns error->code, or
 * `code` when error is NULL. */
tw_status tw_error_prefix(tw_error *error, tw_status code, const char *format, ...) TW_PRINTF(3, 4);

/* "<what>: <strerror(errno_value)>", TW_E_IO (TW_E_MEMORY for ENOMEM). */
tw_status tw_error_errno(tw_error *error, int errno_value, const char *format, ...) TW_PRINTF(3, 4);

tw_status tw_error_memory(tw_error *error); /* TW_E_MEMORY, "out of memory" */

/* Propagates a failure: `TW_TRY(tw_plan_create(...))`. Only where nothing has to be released. */
#define TW_TRY(expression)                   \
  do {                                       \
    tw_status tw_try_status_ = (expression); \
    if (tw_try_status_ != TW_OK) {           \
      return tw_try_status_;                 \
    }                                        \
  } while (0)

/* ---- Memory ------------------------------------------------------------------------------------------------------ */

/* All memory of topwork itself comes from these, so that a test can make the n-th allocation fail
 * (tw_memory_fail_after). NULL when out of memory or when count * size overflows. A count or size of 0 gives a unique
 * pointer. tw_alloc's memory is zeroed. */
void *tw_alloc(size_t count, size_t size);
void *tw_realloc(void *memory, size_t count, size_t size); /* what is new is not zeroed */
void *tw_alloc_aligned(size_t size);                       /* 64-byte aligned, not zeroed; freed by tw_free */
void tw_free(void *memory);
char *tw_strdup(const char *text);
char *tw_strndup(const char *text, size_t length); /* exactly `length` bytes and a NUL */
char *tw_format(const char *format, ...) TW_PRINTF(1, 2);

/* For tests: the n-th allocation from now (1 = the next) and all after it fail; 0 switches that off. Not thread-safe.
 */
void tw_memory_fail_after(size_t n);

/* *ret = a * b or a + b; false on overflow. */
bool tw_mul_size(size_t a, size_t b, size_t *ret);
bool tw_add_size(size_t a, size_t b, size_t *ret);

/* Memory that is freed all at once. Not thread-safe. */
typedef struct tw_arena tw_arena;
tw_arena *tw_arena_create(void);
void *tw_arena_alloc(tw_arena *arena, size_t count, size_t size); /* zeroed, 16-byte aligned; NULL when out of memory */
void *tw_arena_aligned(tw_arena *arena, size_t size);             /* 64-byte aligned, not zeroed */
char *tw_arena_strndup(tw_arena *arena, const char *text, size_t length);
char *tw_arena_strdup(tw_arena *arena, const char *text);
void tw_arena_free(tw_arena *arena);

/* ---- Bytes ------------------------------------------------------------------------------------------------------- */

/* A borrowed run of bytes. Text in it is not NUL-terminated. */
typedef struct tw_bytes {
  const uint8_t *data;
  size_t size;
} tw_bytes;

tw_bytes tw_bytes_of(const char *text); /* without the NUL */
bool tw_bytes_equal(tw_bytes a, tw_bytes b);
bool tw_bytes_is(tw_bytes bytes, const char *text);

/* A growing run of bytes. Zero-initialise it. After a failed append `failed` stays set and later appends do nothing,
 * so that a writer checks once, at its end (tw_buffer_status). */
typedef struct tw_buffer {
  uint8_t *data;
  size_t size;
  size_t capacity;
  bool failed;
} tw_buffer;

void tw_buffer_append(tw_buffer *buffer, const void *data, size_t size);
void tw_buffer_text(tw_buffer *buffer, const char *text);
void tw_buffer_format(tw_buffer *buffer, const char *format, ...) TW_PRINTF(2, 3);
void tw_buffer_done(tw_buffer *buffer);                               /* frees; the buffer is empty and usable again */
tw_status tw_buffer_status(const tw_buffer *buffer, tw_error *error); /* TW_E_MEMORY when an append failed */
tw_bytes tw_buffer_bytes(const tw_buffer *buffer);

/* ---- Text -------------------------------------------------------------------------------------------------------- */

bool tw_utf8_valid(const char *text, size_t length);
/* `text` (any bytes) with every maximal invalid sequence replaced by U+FFFD, appended. */
void tw_utf8_append_replaced(tw_buffer *buffer, const char *text);
/* For text and TSV: backslash, tab, newline and return become \\ \t \n \r; all other bytes as they are. */
void tw_text_append_escaped(tw_buffer *buffer, const char *text);
/* A CSV field by RFC 4180: quoted only when it holds a comma, a quote, a newline or a return. */
void tw_csv_append_field(tw_buffer *buffer, const char *text);
void tw_base64_append(tw_buffer *buffer, const void *data, size_t size);
/* The shortest decimal that reads back as the same value, with '.' whatever the locale; whole numbers below a million
 * without an exponent; "nan", "inf", "-inf". Returns `text`. */
enum { TW_NUMBER_TEXT_SIZE = 32 };
char *tw_number_text(double value, char text[TW_NUMBER_TEXT_SIZE]);
char *tw_number_text_f32(float value, char text[TW_NUMBER_TEXT_SIZE]);
/* Parses all of `text` as a finite decimal number whatever the locale; false when it is none. */
bool tw_number_parse(const char *text, double *ret);

/* ---- Numbers ----------------------------------------------------------------------------------------------------- */

float tw_f16_to_f32(uint16_t half);
uint16_t tw_f32_to_f16(float value); /* round to nearest even */
float tw_bf16_to_f32(uint16_t half);
uint32_t tw_load_u32(const uint8_t *bytes); /* little-endian */
uint64_t tw_load_u64(const uint8_t *bytes);

/* ---- Files ------------------------------------------------------------------------------------------------------- */

/* A whole file mapped read-only. Empty files give size 0. Error messages open with the path. Regular files only. */
typedef struct tw_map tw_map;
tw_status tw_map_open(const char *path, tw_map **ret_map, tw_error *error);
tw_bytes tw_map_bytes(const tw_map *map);
void tw_map_close(tw_map *map);
/* Tells the system that the whole pages inside `bytes` (a part of a mapping) will not be needed soon. */
void tw_map_release(tw_bytes bytes);

/* Reads a whole regular file; TW_E_LIMIT when it is larger than `limit` bytes. The buffer is overwritten. */
tw_status tw_file_read(const char *path, size_t limit, tw_buffer *buffer, tw_error *error);

/* An output that appears under its name only when it is complete: written to a temporary file in the same folder,
 * synced and renamed by tw_output_commit. tw_output_discard (NULL is fine) removes what was written so far; both free
 * `output`. A failed write is remembered and returned by commit. Opening checks at once that the folder can be
 * written, and that `path` is no folder. */
typedef struct tw_output tw_output;
tw_status tw_output_open(const char *path, tw_output **ret_output, tw_error *error);
void tw_output_write(tw_output *output, const void *data, size_t size);
tw_status tw_output_commit(tw_output *output, tw_error *error);
void tw_output_discard(tw_output *output);
/* open + write + commit. */
tw_status tw_output_save(const char *path, tw_bytes bytes, tw_error *error);

tw_status tw_folder_make(const char *path, tw_error *error); /* with its parents; fine when it is there */
char *tw_path_join(const char *folder, const char *name);    /* NULL when out of memory */
const char *tw_path_base(const char *path);                  /* what follows the last slash; points into path */
/* `path` without its last extension (a dot in the last component, not its first character), plus `suffix`. */
char *tw_path_with_suffix(const char *path, const char *suffix);

/* Where topwork's own files are, for the installed and the uninstalled program and library alike: `relative` below
 * $TOPWORK_DATA, then below share/topwork beside the folder of the running binary, then below the installed data
 * folder. tw_module_path does the same for loadable modules ($TOPWORK_MODULES, lib/topwork). The first one that exists;
 * NULL when there is none. Allocated. */
char *tw_data_path(const char *relative);
char *tw_module_path(const char *name);
/* What the module `name` exports as `symbol`; it stays open for the life of the process, as its libraries keep things
 * that cannot be started twice. On failure NULL, and ret_reason (may be NULL) says why in a phrase. Thread-safe. */
enum { TW_MODULE_REASON_SIZE = 512 };
const void *tw_module_open(const char *name, const char *symbol, char ret_reason[TW_MODULE_REASON_SIZE]);
/* `relative` below the user's own data folder, whether it exists or not: $XDG_DATA_HOME/topwork, or
 * ~/.local/share/topwork when that variable is not set or holds no absolute path (XDG Base Directory Specification).
 * NULL when there is no home folder either, or out of memory. Allocated. */
char *tw_user_data_path(const char *relative);

/* ---- Hashing ----------------------------------------------------------------------------------------------------- */

/* XXH3-128 in its canonical (big-endian) byte order. */
typedef struct tw_hash {
  uint8_t bytes[16];
} tw_hash;

enum { TW_HASH_TEXT_SIZE = 33 };

tw_hash tw_hash_of(const void *data, size_t size);
char *tw_hash_text(const tw_hash *hash, char text[TW_HASH_TEXT_SIZE]); /* lower-case hexadecimal; returns text */
bool tw_hash_parse(const char *text, tw_hash *ret);                    /* 32 hexadecimal digits */
int tw_hash_compare(const tw_hash *a, const tw_hash *b);               /* as memcmp */
int tw_hash_order(const void *a, const void *b);                       /* the same for qsort and bsearch */

/* A hash of several pieces. Numbers are fed little-endian, texts with their length first, so that two different
 * sequences of pieces never feed the same bytes. */
typedef struct tw_hasher tw_hasher;
tw_hasher *tw_hasher_create(void); /* NULL when out of memory */
void tw_hasher_add(tw_hasher *hasher, const void *data, size_t size);
void tw_hasher_add_u64(tw_hasher *hasher, uint64_t value);
void tw_hasher_add_text(tw_hasher *hasher, const char *text);
tw_hash tw_hasher_result(const tw_hasher *hasher);
void tw_hasher_free(tw_hasher *hasher);

/* ---- Threads ----------------------------------------------------------------------------------------------------- */

enum { TW_MAX_THREADS = 256 };

/* The processors this process may use: affinity and the cgroup's quota (v1 and v2) respected, at least 1. */
int tw_cpu_count(void);
/* Those of them that nothing else runs on at this moment, at least 1; all where the system does not say. */
int tw_idle_cpu_count(void);
/* `requested` clamped to 1..TW_MAX_THREADS; 0 means tw_cpu_count(). */
int tw_thread_count(int requested);

/* Calls run(context, task) for each task in 0..count-1 on up to `threads` threads (the calling one among them), each
 * task once, in any order; returns the status of the failed task with the lowest index and its error. After a failure
 * tasks not yet begun are left out. Falls back to fewer threads when they cannot be had. */
typedef tw_status (*tw_task_fn)(void *context, size_t task, tw_error *error);
tw_status tw_parallel(int threads, size_t count, tw_task_fn run, void *context, tw_error *error);

/* ---- Progress ---------------------------------------------------------------------------------------------------- */

/* Limits a callback to ten calls a second. Not thread-safe: the caller holds its own lock. */
typedef struct tw_ticker {
  tw_progress_fn callback; /* may be NULL */
  void *context;
  double last;    /* seconds, of tw_seconds */
  bool cancelled; /* the callback said stop; stays set */
} tw_ticker;

/* Returns false when the job should stop. `last` forces the call. */
bool tw_ticker_report(tw_ticker *ticker, const tw_progress *progress, bool last);

double tw_seconds(void); /* monotonic */

/* ---- Random ------------------------------------------------------------------------------------------------------ */

/* xoshiro256** seeded by splitmix64 (Blackman and Vigna, 2018). The same seed gives the same sequence everywhere. */
typedef struct tw_random {
  uint64_t state[4];
} tw_random;

void tw_random_init(tw_random *random, uint64_t seed);
uint64_t tw_random_u64(tw_random *random);
double tw_random_unit(tw_random *random);                    /* in [0, 1) */
uint64_t tw_random_below(tw_random *random, uint64_t bound); /* 0..bound-1, unbiased; bound > 0 */

#endif
