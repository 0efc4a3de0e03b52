/* Pruning the cache: the entries that were put last are copied into a new file, as many as fit, and that file takes the
 * name of the old one. So the file really shrinks, and a run that is interrupted leaves the old one as it was. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "features/cache_admin.h"
#include "features/cache_folder.h"

#define NEW_FILE "features.new"
enum { COPIED_AT_ONCE = 1000 }; /* entries a transaction */

/* An entry of the old file. */
typedef struct kept {
  uint8_t key[TW_STORE_KEY];
  uint64_t number;
  size_t size;
} kept;

typedef struct prune {
  size_t bytes; /* that the file may have */
  size_t dropped;
  tw_store *old;
  MDB_txn *reading;
  uint64_t next; /* number of the next entry that is put */
  kept *entries;
  size_t count;
} prune;

static tw_status lmdb_failed(const char *folder, int code, tw_error *error) {
  return code == ENOMEM ? tw_error_memory(error)
                        : tw_error_set(error, TW_E_IO, "%s/%s: %s", folder, NEW_FILE, mdb_strerror(code));
}

/* All intact entries of the old file. */
static tw_status list_entries(prune *prune, tw_error *error) {
  MDB_cursor *cursor;
  MDB_val key;
  MDB_val value;
  prune->entries = tw_alloc(tw_store_entries(prune->old, prune->reading) + 1, sizeof *prune->entries);
  if (prune->entries == NULL || mdb_cursor_open(prune->reading, prune->old->entries, &cursor) != 0) {
    return tw_error_memory(error);
  }
  while (mdb_cursor_get(cursor, &key, &value, MDB_NEXT) == 0) {
    if (key.mv_size == TW_STORE_KEY && tw_store_intact(key.mv_data, value.mv_data, value.mv_size)) {
      kept *entry = &prune->entries[prune->count++];
      memcpy(entry->key, key.mv_data, TW_STORE_KEY);
      entry->number = tw_store_number(value.mv_data);
      entry->size = value.mv_size;
    }
  }
  mdb_cursor_close(cursor);
  return TW_OK;
}

static int newest_first(const void *a, const void *b) {
  uint64_t left = ((const kept *)a)->number;
  uint64_t right = ((const kept *)b)->number;
  return left < right ? 1 : left > right ? -1 : 0;
}

static int by_key(const void *a, const void *b) {
  return memcmp(((const kept *)a)->key, ((const kept *)b)->key, TW_STORE_KEY);
}

/* How many of the entries, which are sorted newest first, fit by an estimate: LMDB puts a value that is larger than
 * about half a page on pages of its own, with a header of 16 bytes. */
static size_t fitting(const prune *prune, size_t bytes) {
  enum { PAGE = 4096, NODE = 8 + TW_STORE_KEY + 2, LARGE = PAGE / 2 - 64, FIXED = 8 * PAGE };
  size_t used = FIXED;
  size_t fit = 0;
  for (; fit < prune->count; fit++) {
    size_t size = prune->entries[fit].size;
    bool large = size > LARGE;
    size_t more = large ? NODE + 8 + (size + 16 + PAGE - 1) / PAGE * PAGE : NODE + size;
    if (used > bytes || more > bytes - used) {
      break;
    }
    used += more;
  }
  return fit;
}

/* Copies entries [from, to), which are sorted by key, in one transaction; LMDB's code. */
static int copy_once(const prune *prune, tw_store *fresh, size_t from, size_t to) {
  MDB_txn *writing;
  int code = tw_store_begin(fresh, true, &writing);
  if (code != 0) {
    return code;
  }
  for (size_t i = from; i < to && code == 0; i++) {
    MDB_val key = {TW_STORE_KEY, prune->entries[i].key};
    MDB_val value;
    code = mdb_get(prune->reading, prune->old->entries, &key, &value);
    code = code == 0 ? mdb_put(writing, fresh->entries, &key, &value, MDB_APPEND) : code;
  }
  if (code == 0 && to == prune->count) {
    code = tw_store_set_next(fresh, writing, prune->next);
  }
  int end = tw_store_end(fresh, writing, code == 0);
  return code == 0 ? end : code;
}

static int copy_all(const prune *prune, tw_store *fresh) {
  int code = 0;
  size_t from = 0;
  do {
    size_t to = prune->count - from < COPIED_AT_ONCE ? prune->count : from + COPIED_AT_ONCE;
    code = copy_once(prune, fresh, from, to);
    if (code == MDB_MAP_FULL) {
      code = tw_store_grow(fresh);
    } else {
      from = to;
    }
  } while (code == 0 && from < prune->count);
  return code == 0 ? mdb_env_sync(fresh->env, 1) : code;
}

static tw_status remove_new(const char *folder, tw_error *error) {
  TW_TRY(tw_cache_remove(folder, NEW_FILE, error));
  return tw_cache_remove(folder, NEW_FILE "-lock", error);
}

/* Writes the new file with the first `count` entries, which are then sorted by key. */
static tw_status write_new(const char *folder, prune *prune, size_t count, tw_error *error) {
  tw_store *fresh;
  TW_TRY(remove_new(folder, error));
  prune->count = count;
  qsort(prune->entries, count, sizeof *prune->entries, by_key);
  tw_cache_knobs knobs = {.map_bytes = prune->bytes + (1 << 20), .file = NEW_FILE};
  tw_status status = tw_store_open(folder, &knobs, true, &fresh, error);
  if (status != TW_OK) {
    return tw_error_prefix(error, status, "%s/%s", folder, NEW_FILE);
  }
  int code = copy_all(prune, fresh);
  tw_store_close(fresh);
  return code == 0 ? TW_OK : lmdb_failed(folder, code, error);
}

/* Writes new files until one is small enough; the estimate makes the first one so nearly always. */
static tw_status shrink(const char *folder, prune *prune, tw_error *error) {
  size_t total = tw_store_entries(prune->old, prune->reading);
  int code = tw_store_next(prune->old, prune->reading, &prune->next);
  if (code != 0) {
    return lmdb_failed(folder, code, error);
  }
  TW_TRY(list_entries(prune, error));
  size_t target = prune->bytes;
  for (;;) {
    qsort(prune->entries, prune->count, sizeof *prune->entries, newest_first);
    TW_TRY(write_new(folder, prune, fitting(prune, target), error));
    size_t written = tw_cache_file_bytes(folder, NEW_FILE);
    prune->dropped = total - prune->count;
    if (written <= prune->bytes || prune->count == 0) {
      return TW_OK;
    }
    target -= written - prune->bytes < target ? written - prune->bytes : target;
  }
}

static tw_status take_place(const char *folder, tw_error *error) {
  char *from = tw_path_join(folder, NEW_FILE);
  char *to = tw_path_join(folder, TW_STORE_FILE);
  tw_status status = from == NULL || to == NULL ? tw_error_memory(error) : TW_OK;
  status = status == TW_OK ? tw_cache_remove(folder, TW_STORE_FILE "-lock", error) : status;
  if (status == TW_OK && rename(from, to) != 0) {
    status = tw_error_errno(error, errno, "%s: cannot be replaced", to);
  }
  tw_free(from);
  tw_free(to);
  return status;
}

static tw_status prune_open(const char *folder, prune *prune, tw_error *error) {
  int code = tw_store_begin(prune->old, false, &prune->reading);
  if (code != 0) {
    return lmdb_failed(folder, code, error);
  }
  tw_status status = shrink(folder, prune, error);
  tw_store_end(prune->old, prune->reading, false);
  return status;
}

static tw_status prune_alone(void *context, const char *folder, tw_error *error) {
  prune *prune = context;
  if (tw_cache_file_bytes(folder, TW_STORE_FILE) <= prune->bytes) {
    return TW_OK;
  }
  TW_TRY(tw_cache_open_existing(folder, &prune->old, error));
  tw_status status = prune_open(folder, prune, error);
  tw_store_close(prune->old);
  status = status == TW_OK ? take_place(folder, error) : status;
  tw_status removed = remove_new(folder, status == TW_OK ? error : NULL);
  if (status == TW_OK && prune->count == 0) { /* an empty file may be larger than what was asked for; none is not */
    status = tw_cache_remove(folder, TW_STORE_FILE, error);
  }
  return status == TW_OK ? removed : status;
}

tw_status tw_cache_prune(const char *folder, size_t bytes, size_t *ret_dropped, tw_error *error) {
  char *where;
  prune prune = {.bytes = bytes};
  TW_TRY(tw_cache_folder(folder, &where, error));
  tw_status status = access(where, F_OK) == 0 ? tw_cache_alone(where, prune_alone, &prune, error) : TW_OK;
  tw_free(where);
  tw_free(prune.entries);
  if (status == TW_OK) {
    *ret_dropped = prune.dropped;
  }
  return status;
}
