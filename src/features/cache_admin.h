/* Floor `features`, private: what looking at the cache, clearing and pruning it share. */
#ifndef TW_FEATURES_CACHE_ADMIN_H
#define TW_FEATURES_CACHE_ADMIN_H

#include "features/cache.h"

/* Runs change(context) while no other process opens, closes or replaces the cache; TW_E_ARGUMENT when this one has it
 * open. */
typedef tw_status (*tw_cache_change_fn)(void *context, const char *folder, tw_error *error);
tw_status tw_cache_alone(const char *folder, tw_cache_change_fn change, void *context, tw_error *error);

/* The store in `folder`, which must be there; errors name the file and the remedy. */
tw_status tw_cache_open_existing(const char *folder, tw_store **ret_store, tw_error *error);

/* Removes a file of the folder; fine when it is not there. */
tw_status tw_cache_remove(const char *folder, const char *name, tw_error *error);
size_t tw_cache_file_bytes(const char *folder, const char *name); /* 0 when it is not there */

#endif
