/* Keys and values of the cache as bytes. A value carries a checksum over its key, its number and its floats, so that
 * neither a damaged file nor a page in the wrong place ever gives wrong features. */
#include <string.h>

#include "features/cache_store.h"

enum { RECORD_SIZE = 16 };
static const char record_key[] = "topwork";

static void store_u64(uint8_t *bytes, uint64_t value) {
  for (size_t i = 0; i < 8; i++) {
    bytes[i] = (uint8_t)(value >> 8 * i);
  }
}

void tw_store_key(const tw_hash *content, const tw_hash *key, uint8_t ret[TW_STORE_KEY]) {
  memcpy(ret, key->bytes, 16);
  memcpy(ret + 16, content->bytes, 16);
}

size_t tw_store_value_size(size_t dimensions) {
  return TW_STORE_HEADER + 4 * dimensions;
}

void tw_store_encode(const float *features, size_t dimensions, uint8_t *value) {
  for (size_t i = 0; i < dimensions; i++) {
    uint32_t bits;
    memcpy(&bits, &features[i], sizeof bits);
    uint8_t *at = value + TW_STORE_HEADER + 4 * i;
    at[0] = (uint8_t)bits;
    at[1] = (uint8_t)(bits >> 8);
    at[2] = (uint8_t)(bits >> 16);
    at[3] = (uint8_t)(bits >> 24);
  }
}

void tw_store_decode(const uint8_t *value, size_t dimensions, float *ret_features) {
  for (size_t i = 0; i < dimensions; i++) {
    uint32_t bits = tw_load_u32(value + TW_STORE_HEADER + 4 * i);
    memcpy(&ret_features[i], &bits, sizeof bits);
  }
}

static uint64_t checksum(const uint8_t key[TW_STORE_KEY], const uint8_t *value, size_t size) {
  uint8_t where[TW_STORE_KEY + 8];
  memcpy(where, key, TW_STORE_KEY);
  memcpy(where + TW_STORE_KEY, value + 8, 8);
  tw_hash of_where = tw_hash_of(where, sizeof where);
  tw_hash of_floats = tw_hash_of(value + TW_STORE_HEADER, size - TW_STORE_HEADER);
  return tw_load_u64(of_where.bytes) ^ tw_load_u64(of_floats.bytes);
}

void tw_store_seal(const uint8_t key[TW_STORE_KEY], uint64_t number, uint8_t *value, size_t size) {
  store_u64(value + 8, number);
  store_u64(value, checksum(key, value, size));
}

bool tw_store_intact(const uint8_t key[TW_STORE_KEY], const uint8_t *value, size_t size) {
  return size >= TW_STORE_HEADER && tw_load_u64(value) == checksum(key, value, size);
}

uint64_t tw_store_number(const uint8_t *value) {
  return tw_load_u64(value + 8);
}

int tw_store_next(tw_store *store, MDB_txn *transaction, uint64_t *ret_number) {
  MDB_val key = {sizeof record_key - 1, (void *)record_key};
  MDB_val value;
  int code = mdb_get(transaction, store->entries, &key, &value);
  if (code == MDB_NOTFOUND) {
    *ret_number = 0;
    return 0;
  }
  if (code != 0) {
    return code;
  }
  const uint8_t *bytes = value.mv_data;
  if (value.mv_size != RECORD_SIZE || tw_load_u64(bytes) != TW_STORE_FORMAT) {
    return MDB_VERSION_MISMATCH;
  }
  *ret_number = tw_load_u64(bytes + 8);
  return 0;
}

int tw_store_set_next(tw_store *store, MDB_txn *transaction, uint64_t number) {
  uint8_t bytes[RECORD_SIZE];
  store_u64(bytes, TW_STORE_FORMAT);
  store_u64(bytes + 8, number);
  MDB_val key = {sizeof record_key - 1, (void *)record_key};
  MDB_val value = {sizeof bytes, bytes};
  return mdb_put(transaction, store->entries, &key, &value, 0);
}

size_t tw_store_entries(tw_store *store, MDB_txn *transaction) {
  MDB_stat stat;
  if (mdb_stat(transaction, store->entries, &stat) != 0) {
    return 0;
  }
  return stat.ms_entries == 0 ? 0 : stat.ms_entries - 1;
}
