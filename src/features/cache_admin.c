/* Looking at the cache and clearing it; pruning is cache_prune.c. A file goes together with its lock file while nobody
 * opens or closes the cache (tw_cache_lock). A process that has the old one open goes on with it undisturbed; what it
 * adds from then on is lost with the old file. */
#include "features/cache_admin.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "features/cache_folder.h"
#include "features/calibration.h"

/* ---- Files ------------------------------------------------------------------------------------------------------- */

tw_status tw_cache_remove(const char *folder, const char *name, tw_error *error) {
  char *path = tw_path_join(folder, name);
  if (path == NULL) {
    return tw_error_memory(error);
  }
  tw_status status =
      unlink(path) == 0 || errno == ENOENT ? TW_OK : tw_error_errno(error, errno, "%s: cannot be removed", path);
  tw_free(path);
  return status;
}

static tw_status remove_store(const char *folder, tw_error *error) {
  TW_TRY(tw_cache_remove(folder, TW_STORE_FILE, error));
  return tw_cache_remove(folder, TW_STORE_FILE "-lock", error);
}

size_t tw_cache_file_bytes(const char *folder, const char *name) {
  struct stat status;
  char *path = tw_path_join(folder, name);
  size_t bytes = path != NULL && stat(path, &status) == 0 ? (size_t)status.st_size : 0;
  tw_free(path);
  return bytes;
}

tw_status tw_cache_alone(const char *folder, tw_cache_change_fn change, void *context, tw_error *error) {
  tw_cache *cache = tw_cache_opened(folder);
  if (cache != NULL) {
    tw_cache_close(cache);
    return tw_error_set(error, TW_E_ARGUMENT, "%s: the cache is in use by this very program", folder);
  }
  int lock = tw_cache_lock(folder);
  if (lock == -2) {
    return tw_error_set(error, TW_E_IO, "%s: another process does not let go of the cache", folder);
  }
  tw_status status = change(context, folder, error);
  tw_cache_unlock(lock);
  return status;
}

tw_status tw_cache_open_existing(const char *folder, tw_store **ret_store, tw_error *error) {
  tw_error inner = {0};
  tw_status status = tw_store_open(folder, &(tw_cache_knobs){0}, false, ret_store, &inner);
  if (status == TW_E_FORMAT) {
    return tw_error_set(error, status, "%s/%s: is damaged (%s); 'topwork cache clear' makes room for a new one", folder,
                        TW_STORE_FILE, inner.message);
  }
  return status == TW_OK ? TW_OK : tw_error_set(error, status, "%s/%s: %s", folder, TW_STORE_FILE, inner.message);
}

/* ---- Looking ----------------------------------------------------------------------------------------------------- */

/* Different trunk keys: they are the first half of the keys, so that one step a trunk is enough. */
static size_t count_trunks(tw_store *store, MDB_txn *transaction) {
  MDB_cursor *cursor;
  if (mdb_cursor_open(transaction, store->entries, &cursor) != 0) {
    return 0;
  }
  uint8_t from[TW_STORE_KEY] = {0};
  MDB_val key = {sizeof from, from};
  MDB_val value;
  size_t count = 0;
  int code = mdb_cursor_get(cursor, &key, &value, MDB_SET_RANGE);
  while (code == 0) {
    if (key.mv_size != TW_STORE_KEY) { /* the record of the cache itself */
      code = mdb_cursor_get(cursor, &key, &value, MDB_NEXT);
      continue;
    }
    count++;
    memcpy(from, key.mv_data, 16);
    memset(from + 16, 0xff, 16);
    key = (MDB_val){sizeof from, from};
    code = mdb_cursor_get(cursor, &key, &value, MDB_SET_RANGE);
    if (code == 0 && key.mv_size == TW_STORE_KEY && memcmp(key.mv_data, from, sizeof from) == 0) {
      code = mdb_cursor_get(cursor, &key, &value, MDB_NEXT);
    }
  }
  mdb_cursor_close(cursor);
  return count;
}

static tw_status look(tw_store *store, tw_cache_info *info, tw_error *error) {
  MDB_txn *transaction;
  int code = tw_store_begin(store, false, &transaction);
  if (code != 0) {
    return tw_error_set(error, TW_E_IO, "%s: %s", store->file, mdb_strerror(code));
  }
  info->entries = tw_store_entries(store, transaction);
  info->trunks = count_trunks(store, transaction);
  tw_store_end(store, transaction, false);
  return TW_OK;
}

static tw_status look_alone(void *context, const char *folder, tw_error *error) {
  tw_store *store;
  TW_TRY(tw_cache_open_existing(folder, &store, error));
  tw_status status = look(store, context, error);
  tw_store_close(store);
  return status;
}

tw_status tw_cache_inspect(const char *folder, tw_cache_info *ret_info, tw_error *error) {
  tw_cache_info info = {0};
  tw_error unwanted;
  error = error == NULL ? &unwanted : error;
  TW_TRY(tw_cache_folder(folder, &info.folder, error));
  info.bytes = tw_cache_file_bytes(info.folder, TW_STORE_FILE);
  tw_status status = TW_OK;
  tw_cache *cache = tw_cache_opened(info.folder);
  if (cache != NULL) {
    tw_cache_settle(cache, true);
    info.bytes = tw_cache_file_bytes(info.folder, TW_STORE_FILE);
    status = look(tw_cache_store(cache), &info, error);
    tw_cache_close(cache);
  } else if (info.bytes > 0) {
    status = tw_cache_alone(info.folder, look_alone, &info, error);
  }
  if (status != TW_OK) {
    tw_cache_info_done(&info);
    return status;
  }
  *ret_info = info;
  return TW_OK;
}

void tw_cache_info_done(tw_cache_info *info) {
  tw_free(info->folder);
  *info = (tw_cache_info){0};
}

/* ---- Clearing ---------------------------------------------------------------------------------------------------- */

static tw_status clear(void *context, const char *folder, tw_error *error) {
  (void)context;
  return remove_store(folder, error);
}

tw_status tw_cache_clear(const char *folder, tw_error *error) {
  char *where;
  TW_TRY(tw_cache_folder(folder, &where, error));
  tw_status status = access(where, F_OK) == 0 ? tw_cache_alone(where, clear, NULL, error) : TW_OK;
  status = status == TW_OK ? tw_calibrations_clear(where, error) : status;
  tw_free(where);
  return status;
}
