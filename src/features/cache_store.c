/* The LMDB environment under a cache: opened for writing, or as far as that is allowed; checked before it is trusted
 * (cache_check.c); its map grown when it is full or when another process has grown the file. */
#include "features/cache_store.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "features/cache_check.h"

#define FIRST_MAP ((size_t)1 << 30)  /* bytes */
#define LEAST_MAP ((size_t)16 << 20) /* settled for where address space is scarce */
enum { READERS = 1000 };             /* read transactions at once, of all processes */

static tw_status lmdb_error(int code, tw_error *error) {
  if (code == ENOMEM) {
    return tw_error_memory(error);
  }
  bool format = code == MDB_INVALID || code == MDB_VERSION_MISMATCH || code == MDB_CORRUPTED ||
                code == MDB_PAGE_NOTFOUND || code == MDB_INCOMPATIBLE;
  if (code == MDB_VERSION_MISMATCH) {
    return tw_error_set(error, TW_E_FORMAT, "was written by another version");
  }
  return tw_error_set(error, format ? TW_E_FORMAT : TW_E_IO, "%s", mdb_strerror(code));
}

/* Checks the head of the file before LMDB sees it. */
static tw_status check_file(const char *path, tw_error *error) {
  int file = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  if (file < 0) {
    return errno == ENOENT ? TW_OK : tw_error_errno(error, errno, "cannot be opened");
  }
  tw_status status = tw_cache_check_header(file, error);
  close(file);
  return status;
}

/* One try at opening with these flags; LMDB's code. */
static int try_open(tw_store *store, unsigned flags) {
  int code = mdb_env_create(&store->env);
  if (code != 0) {
    return code;
  }
  code = mdb_env_set_maxreaders(store->env, READERS);
  code = code == 0 ? mdb_env_set_mapsize(store->env, store->map_bytes) : code;
  code =
      code == 0 ? mdb_env_open(store->env, store->file, MDB_NOSUBDIR | MDB_NOTLS | MDB_NOMETASYNC | flags, 0666) : code;
  if (code != 0) {
    mdb_env_close(store->env);
    store->env = NULL;
  }
  return code;
}

static bool forbidden(int code) {
  return code == EACCES || code == EROFS || code == EPERM;
}

/* For writing; where that is forbidden for reading; where the lock file is out of reach too, without locks: then a
 * reader relies on each transaction being over long before two others have been committed. */
static int open_as_allowed(tw_store *store, bool create) {
  bool exists = access(store->file, F_OK) == 0;
  int code = create || exists ? try_open(store, 0) : ENOENT;
  if (forbidden(code) && exists) {
    store->failure = code;
    code = try_open(store, MDB_RDONLY);
    code = forbidden(code) ? try_open(store, MDB_RDONLY | MDB_NOLOCK) : code;
  }
  return code;
}

static tw_status open_environment(tw_store *store, bool create, tw_error *error) {
  int code = open_as_allowed(store, create);
  while (code == ENOMEM && store->map_bytes > LEAST_MAP) {
    store->map_bytes /= 2;
    code = open_as_allowed(store, create);
  }
  return code == 0 ? TW_OK : lmdb_error(code, error);
}

/* Checks what a snapshot reaches, and finds the one table. */
static tw_status check_once(tw_store *store, tw_error *error) {
  MDB_txn *transaction;
  int file;
  uint64_t number;
  int code = tw_store_begin(store, false, &transaction);
  if (code != 0) {
    return lmdb_error(code, error);
  }
  mdb_env_get_fd(store->env, &file);
  tw_status status = tw_cache_check_snapshot(file, mdb_txn_id(transaction), error);
  if (status == TW_OK) {
    code = mdb_dbi_open(transaction, NULL, 0, &store->entries);
    code = code == 0 ? tw_store_next(store, transaction, &number) : code;
    status = code == 0 ? TW_OK : lmdb_error(code, error);
  }
  tw_store_end(store, transaction, false);
  return status;
}

/* Without locks a writer may have changed pages under the check: then once more. */
static tw_status check_store(tw_store *store, tw_error *error) {
  tw_status status = check_once(store, error);
  for (int tries = 0; status == TW_E_FORMAT && store->failure != 0 && tries < 3; tries++) {
    status = check_once(store, error);
  }
  return status;
}

tw_status tw_store_open(const char *folder, const tw_cache_knobs *knobs, bool create, tw_store **ret_store,
                        tw_error *error) {
  tw_store *store = tw_alloc(1, sizeof *store);
  if (store == NULL) {
    return tw_error_memory(error);
  }
  pthread_rwlockattr_t attributes;
  pthread_rwlockattr_init(&attributes);
  pthread_rwlockattr_setkind_np(&attributes, PTHREAD_RWLOCK_PREFER_WRITER_NONRECURSIVE_NP);
  pthread_rwlock_init(&store->map, &attributes);
  pthread_rwlockattr_destroy(&attributes);
  store->map_bytes = knobs->map_bytes == 0 ? FIRST_MAP : knobs->map_bytes;
  store->file = tw_path_join(folder, knobs->file == NULL ? TW_STORE_FILE : knobs->file);
  tw_status status = store->file == NULL ? tw_error_memory(error) : check_file(store->file, error);
  status = status == TW_OK ? open_environment(store, create, error) : status;
  status = status == TW_OK ? check_store(store, error) : status;
  if (status != TW_OK) {
    tw_store_close(store);
    return status;
  }
  int dead;
  mdb_reader_check(store->env, &dead); /* slots of processes that were killed */
  *ret_store = store;
  return TW_OK;
}

void tw_store_close(tw_store *store) {
  if (store != NULL) {
    if (store->env != NULL) {
      mdb_env_close(store->env);
    }
    pthread_rwlock_destroy(&store->map);
    tw_free(store->file);
    tw_free(store);
  }
}

/* ---- The map ----------------------------------------------------------------------------------------------------- */

/* The size the map needs for what is in the file now. */
static size_t needed_bytes(tw_store *store) {
  MDB_envinfo info;
  MDB_stat stat;
  size_t bytes;
  if (mdb_env_info(store->env, &info) != 0 || mdb_env_stat(store->env, &stat) != 0 ||
      !tw_mul_size(info.me_last_pgno + 1, stat.ms_psize, &bytes)) {
    return SIZE_MAX;
  }
  return bytes;
}

/* Whether so much more address space can be had; LMDB gives the old map up before it asks for the new one. */
static bool room_for(size_t bytes) {
  void *probe = mmap(NULL, bytes, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (probe == MAP_FAILED) {
    return false;
  }
  munmap(probe, bytes);
  return true;
}

/* Doubles the map until it is larger than `beyond` bytes and holds the file. */
static int grow_beyond(tw_store *store, size_t beyond) {
  pthread_rwlock_wrlock(&store->map);
  size_t bytes = store->map_bytes;
  size_t needed = store->lost ? SIZE_MAX : needed_bytes(store);
  while ((bytes <= beyond || bytes < needed) && bytes < SIZE_MAX / 4) {
    bytes *= 2;
  }
  int code = 0;
  if (store->lost || bytes < needed || bytes <= beyond) {
    code = MDB_PANIC;
  } else if (bytes > store->map_bytes && !room_for(bytes - store->map_bytes)) {
    code = ENOMEM;
  } else if (bytes > store->map_bytes) {
    code = mdb_env_set_mapsize(store->env, bytes);
    store->lost = code != 0;
    store->map_bytes = bytes;
  }
  pthread_rwlock_unlock(&store->map);
  return code;
}

int tw_store_grow(tw_store *store) {
  pthread_rwlock_rdlock(&store->map);
  size_t bytes = store->map_bytes;
  pthread_rwlock_unlock(&store->map);
  return grow_beyond(store, bytes);
}

int tw_store_begin(tw_store *store, bool write, MDB_txn **ret_transaction) {
  for (int tries = 0;; tries++) {
    pthread_rwlock_rdlock(&store->map);
    int code = store->lost ? MDB_PANIC : mdb_txn_begin(store->env, NULL, write ? 0 : MDB_RDONLY, ret_transaction);
    if (code == 0) {
      return 0;
    }
    pthread_rwlock_unlock(&store->map);
    if (code != MDB_MAP_RESIZED || tries == 8) {
      return code;
    }
    code = grow_beyond(store, 0);
    if (code != 0) {
      return code;
    }
  }
}

int tw_store_end(tw_store *store, MDB_txn *transaction, bool commit) {
  int code = 0;
  if (commit) {
    code = mdb_txn_commit(transaction);
  } else {
    mdb_txn_abort(transaction);
  }
  pthread_rwlock_unlock(&store->map);
  return code;
}
