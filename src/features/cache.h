/* Floor `features`, private: what the pipeline and the tests need of the cache beyond features.h. */
#ifndef TW_FEATURES_CACHE_H
#define TW_FEATURES_CACHE_H

#include "features/cache_store.h"

/* As tw_cache_open. */
tw_status tw_cache_open_with(const char *folder, const tw_cache_knobs *knobs, tw_cache **ret_cache, char **ret_note,
                             tw_error *error);

/* As tw_cache_put, but writes nothing to disk unless very much is waiting: somebody calls tw_cache_settle. */
bool tw_cache_put_later(tw_cache *cache, const tw_hash *content, const tw_hash *key, const float *features,
                        size_t dimensions);
/* Writes what is waiting when there is enough of it or when it has waited long enough; `all`: in any case. */
void tw_cache_settle(tw_cache *cache, bool all);

/* The cache of this folder that this process has open, referenced (tw_cache_close gives it back), or NULL. */
tw_cache *tw_cache_opened(const char *folder);
tw_store *tw_cache_store(tw_cache *cache);

#endif
