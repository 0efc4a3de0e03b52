/* Floor `features`, private: the LMDB environment under a cache. Knows keys and values as bytes, opening, checking and
 * growing; knows nothing of batches (cache.c). */
#ifndef TW_FEATURES_CACHE_STORE_H
#define TW_FEATURES_CACHE_STORE_H

#include <lmdb.h>
#include <pthread.h>

#include "features/features.h"

/* For tests only; zeros are the defaults. */
typedef struct tw_cache_knobs {
  size_t map_bytes;   /* of the map at first; 0: 1 GiB */
  const char *remote; /* taken for the name of the file system the folder lies on */
  const char *file;   /* name of the data file; NULL: features.lmdb */
} tw_cache_knobs;

typedef struct tw_store {
  MDB_env *env;
  MDB_dbi entries;
  char *file;  /* path of the data file */
  int failure; /* errno when it is read-only because it could not be opened for writing; 0 otherwise */
  size_t map_bytes;
  bool lost;            /* the map could not be made anew: nothing can be read any more */
  pthread_rwlock_t map; /* held for reading by every transaction, for writing while the map changes */
} tw_store;

/* The name of the data file. */
#define TW_STORE_FILE "features.lmdb"

/* Opens and checks the data file in `folder`, which exists; makes the file when it is not there and `create`. The
 * caller holds tw_cache_lock. Errors: TW_E_IO, TW_E_FORMAT (damaged, or of another version), TW_E_MEMORY. */
tw_status tw_store_open(const char *folder, const tw_cache_knobs *knobs, bool create, tw_store **ret_store,
                        tw_error *error);
void tw_store_close(tw_store *store);

/* Begins and ends a transaction; grows the map when another process has grown the file. Begin returns LMDB's code; end
 * is called only after a begin that returned 0. */
int tw_store_begin(tw_store *store, bool write, MDB_txn **ret_transaction);
int tw_store_end(tw_store *store, MDB_txn *transaction, bool commit);
/* Doubles the map; outside of transactions of the calling thread. */
int tw_store_grow(tw_store *store);

/* ---- Records ----------------------------------------------------------------------------------------------------- */

enum {
  TW_STORE_FORMAT = 1,  /* of keys and values; another number: the cache is made anew */
  TW_STORE_KEY = 32,    /* bytes: trunk key, content */
  TW_STORE_HEADER = 16, /* bytes before the floats of a value: checksum, number in the order of putting */
};

void tw_store_key(const tw_hash *content, const tw_hash *key, uint8_t ret[TW_STORE_KEY]);
size_t tw_store_value_size(size_t dimensions);
/* Writes the floats; the header is written by tw_store_seal. */
void tw_store_encode(const float *features, size_t dimensions, uint8_t *value);
void tw_store_seal(const uint8_t key[TW_STORE_KEY], uint64_t number, uint8_t *value, size_t size);
/* False when the value is not what was put under that key. */
bool tw_store_intact(const uint8_t key[TW_STORE_KEY], const uint8_t *value, size_t size);
void tw_store_decode(const uint8_t *value, size_t dimensions, float *ret_features);
uint64_t tw_store_number(const uint8_t *value);

/* The number the next entry gets, kept in a record of its own; LMDB's code. */
int tw_store_next(tw_store *store, MDB_txn *transaction, uint64_t *ret_number);
int tw_store_set_next(tw_store *store, MDB_txn *transaction, uint64_t number);
size_t tw_store_entries(tw_store *store, MDB_txn *transaction); /* without that record */

#endif
