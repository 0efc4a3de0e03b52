/* The cache of features: (content, trunk key) -> floats. What is put waits in memory and is written in batches, so that
 * a transaction never stays open while a picture is computed and other processes wait for moments only. Not for the
 * bytes of records (cache_record.c), nor for LMDB's environment (cache_store.c).
 *
 * LMDB wants one environment a process and file: caches that are opened twice are the same object, counted. */
#include "features/cache.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "features/cache_folder.h"

enum { MAX_WAITING = 16 * TW_CACHE_COMMIT_ENTRIES }; /* then whoever puts writes */
static const double longest_wait = 1.0;              /* seconds from the first put of a batch */

typedef struct waiting {
  uint8_t key[TW_STORE_KEY];
  size_t size;
  uint8_t *value; /* header and floats */
} waiting;

typedef struct batch {
  waiting *entries;
  size_t count;
  size_t capacity;
  double since; /* the first put */
} batch;

struct tw_cache {
  tw_cache *next; /* of the caches that are open */
  size_t references;
  pid_t process;
  dev_t device; /* of the folder */
  ino_t inode;
  tw_store *store;
  pthread_mutex_t writing; /* held while a batch is written: one at a time */
  pthread_mutex_t lock;    /* guards what follows */
  batch waiting;
  batch written; /* being written; read by tw_cache_get, changed only by who holds `writing` */
  bool closed_to_writing;
  char *note;
};

/* The caches that this process has open: LMDB must know a file once a process. */
static pthread_mutex_t opened_lock = PTHREAD_MUTEX_INITIALIZER;
static tw_cache *opened;

/* ---- Batches ----------------------------------------------------------------------------------------------------- */

static void batch_done(batch *batch) {
  for (size_t i = 0; i < batch->count; i++) {
    tw_free(batch->entries[i].value);
  }
  tw_free(batch->entries);
  *batch = (struct batch){0};
}

static const waiting *batch_find(const batch *batch, const uint8_t key[TW_STORE_KEY]) {
  for (size_t i = 0; i < batch->count; i++) {
    if (memcmp(batch->entries[i].key, key, TW_STORE_KEY) == 0) {
      return &batch->entries[i];
    }
  }
  return NULL;
}

/* Takes over entry.value; false when out of memory. */
static bool batch_add(batch *batch, waiting entry) {
  if (batch->count == batch->capacity) {
    size_t capacity = batch->capacity == 0 ? TW_CACHE_COMMIT_ENTRIES : batch->capacity * 2;
    waiting *entries = tw_realloc(batch->entries, capacity, sizeof *entries);
    if (entries == NULL) {
      tw_free(entry.value);
      return false;
    }
    batch->entries = entries;
    batch->capacity = capacity;
  }
  batch->since = batch->count == 0 ? tw_seconds() : batch->since;
  batch->entries[batch->count++] = entry;
  return true;
}

static bool batch_due(const batch *batch) {
  return batch->count >= TW_CACHE_COMMIT_ENTRIES || (batch->count > 0 && tw_seconds() - batch->since >= longest_wait);
}

/* ---- Writing ----------------------------------------------------------------------------------------------------- */

/* From now on nothing is written; the first reason is kept. `note` is taken over and may be NULL. */
static void close_to_writing(tw_cache *cache, char *note) {
  pthread_mutex_lock(&cache->lock);
  cache->closed_to_writing = true;
  if (cache->note == NULL) {
    cache->note = note;
    note = NULL;
  }
  pthread_mutex_unlock(&cache->lock);
  tw_free(note);
}

static char *damaged_note(const tw_cache *cache, const char *what) {
  return tw_format(
      "%s: is damaged (%s); what is intact is still used, nothing is added: 'topwork cache clear' makes "
      "room for a new one",
      cache->store->file, what);
}

/* A write that ends half-way is an input/output error to LMDB, whatever the reason. */
static int reason_of(const tw_cache *cache, int code) {
  const uint64_t little = 64 * 1024; /* bytes */
  struct statvfs disk;
  bool full = code == EIO && statvfs(cache->store->file, &disk) == 0 && disk.f_bavail * disk.f_frsize < little;
  return full ? ENOSPC : code;
}

static char *unwritten_note(const tw_cache *cache, int code) {
  bool damaged = code == MDB_CORRUPTED || code == MDB_PAGE_NOTFOUND || code == MDB_VERSION_MISMATCH;
  return damaged ? damaged_note(cache, mdb_strerror(code))
                 : tw_format("%s: cannot be written (%s); features computed from then on are not remembered",
                             cache->store->file, mdb_strerror(reason_of(cache, code)));
}

/* One transaction with all of the batch; LMDB's code. */
static int write_once(tw_store *store, batch *batch) {
  MDB_txn *transaction;
  uint64_t number;
  int code = tw_store_begin(store, true, &transaction);
  if (code != 0) {
    return code;
  }
  code = tw_store_next(store, transaction, &number);
  for (size_t i = 0; i < batch->count && code == 0; i++) {
    waiting *entry = &batch->entries[i];
    tw_store_seal(entry->key, number, entry->value, entry->size);
    MDB_val key = {TW_STORE_KEY, entry->key};
    MDB_val value = {entry->size, entry->value};
    code = mdb_put(transaction, store->entries, &key, &value, MDB_NOOVERWRITE);
    number += code == 0 ? 1 : 0;
    code = code == MDB_KEYEXIST ? 0 : code; /* another process was faster */
  }
  code = code == 0 ? tw_store_set_next(store, transaction, number) : code;
  int end = tw_store_end(store, transaction, code == 0);
  return code == 0 ? end : code;
}

static int write_batch(tw_store *store, batch *batch) {
  int code = write_once(store, batch);
  while (code == MDB_MAP_FULL) {
    code = tw_store_grow(store);
    code = code == 0 ? write_once(store, batch) : code;
  }
  return code;
}

void tw_cache_settle(tw_cache *cache, bool all) {
  pthread_mutex_lock(&cache->writing);
  pthread_mutex_lock(&cache->lock);
  bool due = cache->waiting.count > 0 && (all || batch_due(&cache->waiting));
  if (due) {
    cache->written = cache->waiting;
    cache->waiting = (batch){0};
  }
  bool write = due && !cache->closed_to_writing;
  pthread_mutex_unlock(&cache->lock);
  if (write) {
    int code = write_batch(cache->store, &cache->written);
    if (code != 0) {
      close_to_writing(cache, unwritten_note(cache, code));
    }
  }
  pthread_mutex_lock(&cache->lock);
  batch_done(&cache->written);
  pthread_mutex_unlock(&cache->lock);
  pthread_mutex_unlock(&cache->writing);
}

bool tw_cache_put_later(tw_cache *cache, const tw_hash *content, const tw_hash *key, const float *features,
                        size_t dimensions) {
  size_t bytes;
  if (!tw_mul_size(dimensions, 4, &bytes) || bytes > UINT32_MAX / 2) {
    return false;
  }
  waiting entry = {.size = tw_store_value_size(dimensions)};
  tw_store_key(content, key, entry.key);
  entry.value = tw_alloc(entry.size, 1);
  if (entry.value == NULL) {
    return false;
  }
  tw_store_encode(features, dimensions, entry.value);
  pthread_mutex_lock(&cache->lock);
  bool taken = !cache->closed_to_writing;
  bool there =
      taken && (batch_find(&cache->waiting, entry.key) != NULL || batch_find(&cache->written, entry.key) != NULL);
  if (taken && !there) {
    taken = batch_add(&cache->waiting, entry);
  } else {
    tw_free(entry.value);
  }
  bool many = cache->waiting.count >= MAX_WAITING;
  pthread_mutex_unlock(&cache->lock);
  if (many) {
    tw_cache_settle(cache, false);
  }
  return taken;
}

bool tw_cache_put(tw_cache *cache, const tw_hash *content, const tw_hash *key, const float *features,
                  size_t dimensions) {
  bool taken = tw_cache_put_later(cache, content, key, features, dimensions);
  pthread_mutex_lock(&cache->lock);
  bool due = batch_due(&cache->waiting);
  pthread_mutex_unlock(&cache->lock);
  if (due) {
    tw_cache_settle(cache, false);
  }
  return taken;
}

/* ---- Reading ----------------------------------------------------------------------------------------------------- */

static bool get_waiting(tw_cache *cache, const uint8_t key[TW_STORE_KEY], float *ret_features, size_t dimensions) {
  pthread_mutex_lock(&cache->lock);
  const waiting *entry = batch_find(&cache->waiting, key);
  entry = entry == NULL ? batch_find(&cache->written, key) : entry;
  bool found = entry != NULL && entry->size == tw_store_value_size(dimensions);
  if (found) {
    tw_store_decode(entry->value, dimensions, ret_features);
  }
  pthread_mutex_unlock(&cache->lock);
  return found;
}

bool tw_cache_get(tw_cache *cache, const tw_hash *content, const tw_hash *key, float *ret_features, size_t dimensions) {
  uint8_t bytes[TW_STORE_KEY];
  tw_store_key(content, key, bytes);
  if (get_waiting(cache, bytes, ret_features, dimensions)) {
    return true;
  }
  MDB_txn *transaction;
  if (tw_store_begin(cache->store, false, &transaction) != 0) {
    return false;
  }
  MDB_val name = {sizeof bytes, bytes};
  MDB_val value;
  bool there = mdb_get(transaction, cache->store->entries, &name, &value) == 0;
  bool found = there && value.mv_size == tw_store_value_size(dimensions);
  bool intact = !there || tw_store_intact(bytes, value.mv_data, value.mv_size);
  if (found && intact) {
    tw_store_decode(value.mv_data, dimensions, ret_features);
  }
  tw_store_end(cache->store, transaction, false);
  if (!intact) {
    close_to_writing(cache, damaged_note(cache, "an entry does not fit its checksum"));
  }
  return found && intact;
}

const char *tw_cache_note(const tw_cache *cache) {
  tw_cache *changeable = (tw_cache *)cache; /* only to lock it */
  pthread_mutex_lock(&changeable->lock);
  const char *note = cache->note;
  pthread_mutex_unlock(&changeable->lock);
  return note;
}

tw_store *tw_cache_store(tw_cache *cache) {
  return cache->store;
}

/* ---- Opening and closing ----------------------------------------------------------------------------------------- */

/* The open cache of this folder, or NULL; `opened_lock` is held. A child of fork must not use its parent's. */
static tw_cache *find_opened(const struct stat *folder) {
  for (tw_cache *cache = opened; cache != NULL; cache = cache->next) {
    if (cache->device == folder->st_dev && cache->inode == folder->st_ino && cache->process == getpid()) {
      return cache;
    }
  }
  return NULL;
}

tw_cache *tw_cache_opened(const char *folder) {
  struct stat status;
  if (stat(folder, &status) != 0) {
    return NULL;
  }
  pthread_mutex_lock(&opened_lock);
  tw_cache *cache = find_opened(&status);
  if (cache != NULL) {
    cache->references++;
  }
  pthread_mutex_unlock(&opened_lock);
  return cache;
}

/* A cache on the store that it takes over, also on failure; `opened_lock` is held. */
static tw_cache *register_cache(tw_store *store, const struct stat *folder) {
  tw_cache *cache = tw_alloc(1, sizeof *cache);
  if (cache == NULL) {
    tw_store_close(store);
    return NULL;
  }
  cache->references = 1;
  cache->process = getpid();
  cache->device = folder->st_dev;
  cache->inode = folder->st_ino;
  cache->store = store;
  cache->closed_to_writing = store->failure != 0;
  pthread_mutex_init(&cache->writing, NULL);
  pthread_mutex_init(&cache->lock, NULL);
  cache->next = opened;
  opened = cache;
  return cache;
}

/* Opens the store under the lock of the folder; `opened_lock` is held. */
static tw_status open_store(const char *folder, const tw_cache_knobs *knobs, tw_store **ret_store, tw_error *error) {
  int lock = tw_cache_lock(folder);
  if (lock == -2) {
    return tw_error_set(error, TW_E_IO, "another process does not let go of it");
  }
  tw_status status = tw_store_open(folder, knobs, true, ret_store, error);
  tw_cache_unlock(lock);
  return status;
}

static char *folder_refusal(const char *why) {
  return tw_format("%s; going on without the cache, nothing is remembered: name a folder by --cache DIR", why);
}

/* What the user is told when there is no cache. Allocated. */
static char *refusal(const char *folder, const tw_error *error) {
  if (error->code == TW_E_FORMAT) {
    return tw_format("%s/%s: is damaged (%s); going on without it: 'topwork cache clear' makes room for a new one",
                     folder, TW_STORE_FILE, error->message);
  }
  return tw_format(
      "%s: the cache cannot be opened (%s); going on without it, nothing is remembered: name another folder "
      "by --cache DIR",
      folder, error->message);
}

static char *remote_refusal(const char *folder, const char *remote) {
  return tw_format(
      "%s: is on a network file system (%s), where the cache would not be safe; going on without it, nothing "
      "is remembered: name a folder on a disk of this machine by --cache DIR",
      folder, remote);
}

static char *read_only_note(const tw_store *store) {
  return tw_format(
      "%s: cannot be written (%s); what is in it is used, nothing is added: name another folder by --cache "
      "DIR",
      store->file, mdb_strerror(store->failure));
}

/* What came of opening: a cache, or a note, or both; neither: out of memory. */
typedef struct outcome {
  tw_cache *cache;
  char *note;
} outcome;

/* `opened_lock` is held. */
static outcome open_in(const char *folder, const tw_cache_knobs *knobs) {
  outcome outcome = {0};
  tw_error error = {0};
  struct stat status;
  if (tw_folder_make(folder, &error) != TW_OK || stat(folder, &status) != 0) {
    outcome.note = error.code == TW_E_MEMORY ? NULL : folder_refusal(error.message);
    return outcome;
  }
  outcome.cache = find_opened(&status);
  if (outcome.cache != NULL) {
    outcome.cache->references++;
    return outcome;
  }
  const char *remote = knobs->remote != NULL ? knobs->remote : tw_cache_remote(folder);
  if (remote != NULL) {
    outcome.note = remote_refusal(folder, remote);
    return outcome;
  }
  tw_store *store;
  if (open_store(folder, knobs, &store, &error) != TW_OK) {
    outcome.note = error.code == TW_E_MEMORY ? NULL : refusal(folder, &error);
    return outcome;
  }
  outcome.cache = register_cache(store, &status);
  if (outcome.cache != NULL && store->failure != 0) {
    outcome.note = read_only_note(store);
  }
  return outcome;
}

tw_status tw_cache_open_with(const char *folder, const tw_cache_knobs *knobs, tw_cache **ret_cache, char **ret_note,
                             tw_error *error) {
  char *where;
  tw_error inner = {0};
  tw_status status = tw_cache_folder(folder, &where, &inner);
  outcome outcome = {0};
  if (status == TW_OK) {
    pthread_mutex_lock(&opened_lock);
    outcome = open_in(where, knobs);
    pthread_mutex_unlock(&opened_lock);
    tw_free(where);
  } else if (status == TW_E_IO) {
    outcome.note = folder_refusal(inner.message);
  }
  if (outcome.cache == NULL && outcome.note == NULL) {
    return tw_error_memory(error);
  }
  *ret_cache = outcome.cache;
  *ret_note = outcome.note;
  return TW_OK;
}

tw_status tw_cache_open(const char *folder, tw_cache **ret_cache, char **ret_note, tw_error *error) {
  return tw_cache_open_with(folder, &(tw_cache_knobs){0}, ret_cache, ret_note, error);
}

static void unregister(const tw_cache *cache) {
  for (tw_cache **at = &opened; *at != NULL; at = &(*at)->next) {
    if (*at == cache) {
      *at = cache->next;
      return;
    }
  }
}

/* LMDB takes its lock file apart when the last process leaves; nobody may be opening it meanwhile. */
static void close_store(tw_store *store) {
  char *folder = tw_strndup(store->file, (size_t)(tw_path_base(store->file) - store->file));
  int lock = folder == NULL ? -1 : tw_cache_lock(folder);
  tw_store_close(store);
  tw_cache_unlock(lock);
  tw_free(folder);
}

void tw_cache_close(tw_cache *cache) {
  if (cache == NULL) {
    return;
  }
  tw_cache_settle(cache, true);
  pthread_mutex_lock(&opened_lock);
  bool last = --cache->references == 0;
  if (last) {
    unregister(cache);
    close_store(cache->store);
  }
  pthread_mutex_unlock(&opened_lock);
  if (last) {
    batch_done(&cache->waiting);
    pthread_mutex_destroy(&cache->writing);
    pthread_mutex_destroy(&cache->lock);
    tw_free(cache->note);
    tw_free(cache);
  }
}
