/* The name table: open addressing, linear probing, at most half full, nothing is ever removed singly. */
#include "graph/names.h"

#include <string.h>

enum { FIRST_CAPACITY = 64 };

struct tw_names_entry {
  uint64_t hash;
  tw_bytes name;
  void *item; /* NULL: free */
};

static uint64_t hash_of(tw_bytes name) {
  tw_hash hash = tw_hash_of(name.data, name.size);
  return tw_load_u64(hash.bytes);
}

static struct tw_names_entry *slot_of(const tw_names *names, tw_bytes name, uint64_t hash) {
  size_t at = (size_t)hash & (names->capacity - 1);
  for (;; at = (at + 1) & (names->capacity - 1)) {
    struct tw_names_entry *entry = &names->entries[at];
    if (entry->item == NULL || (entry->hash == hash && tw_bytes_equal(entry->name, name))) {
      return entry;
    }
  }
}

static tw_status grow(tw_names *names, tw_error *error) {
  tw_names larger = {.count = names->count, .capacity = names->capacity == 0 ? FIRST_CAPACITY : 2 * names->capacity};
  larger.entries = tw_alloc(larger.capacity, sizeof *larger.entries);
  if (larger.entries == NULL) {
    return tw_error_memory(error);
  }
  for (size_t i = 0; i < names->capacity; i++) {
    const struct tw_names_entry *entry = &names->entries[i];
    if (entry->item != NULL) {
      *slot_of(&larger, entry->name, entry->hash) = *entry;
    }
  }
  tw_free(names->entries);
  *names = larger;
  return TW_OK;
}

tw_status tw_names_add(tw_names *names, tw_bytes name, void *item, tw_error *error) {
  if (names->count >= names->capacity / 2) {
    TW_TRY(grow(names, error));
  }
  uint64_t hash = hash_of(name);
  *slot_of(names, name, hash) = (struct tw_names_entry){hash, name, item};
  names->count++;
  return TW_OK;
}

void *tw_names_find(const tw_names *names, tw_bytes name) {
  return names->capacity == 0 ? NULL : slot_of(names, name, hash_of(name))->item;
}

void tw_names_clear(tw_names *names) {
  if (names->capacity != 0) {
    memset(names->entries, 0, names->capacity * sizeof *names->entries);
    names->count = 0;
  }
}

void tw_names_done(tw_names *names) {
  tw_free(names->entries);
  *names = (tw_names){0};
}
