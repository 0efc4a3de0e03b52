/* A hash table from names to things. Keys are borrowed. Zero-initialise it. */
#ifndef TW_GRAPH_NAMES_H
#define TW_GRAPH_NAMES_H

#include "base/base.h"

typedef struct tw_names {
  size_t count;
  size_t capacity; /* 0 or a power of two */
  struct tw_names_entry *entries;
} tw_names;

/* Adds a name that is not in the table yet; `item` is not NULL. */
tw_status tw_names_add(tw_names *names, tw_bytes name, void *item, tw_error *error);
void *tw_names_find(const tw_names *names, tw_bytes name); /* NULL when there is none */
void tw_names_clear(tw_names *names);                      /* empties it, keeps its memory */
void tw_names_done(tw_names *names);

#endif
