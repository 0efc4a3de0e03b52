/* Floor `features`, private: the folder the cache is in. */
#ifndef TW_FEATURES_CACHE_FOLDER_H
#define TW_FEATURES_CACHE_FOLDER_H

#include "features/features.h"

/* `folder` itself, or where the cache is when the caller names none: $XDG_CACHE_HOME/topwork or ~/.cache/topwork.
 * Allocated; NULL with TW_E_MEMORY or, when neither is set, TW_E_IO. */
tw_status tw_cache_folder(const char *folder, char **ret_folder, tw_error *error);

/* The name of the network file system of this number (statfs's f_type): "NFS"; NULL for any other. FUSE file systems
 * are told apart by tw_cache_remote. Static. */
const char *tw_cache_remote_name(unsigned long type);
/* The name of the network file system `folder` (which exists) lies on; NULL when it is local or not known. Static. */
const char *tw_cache_remote(const char *folder);

/* Keeps other processes from opening, closing or replacing the cache in `folder`, for moments only. The descriptor, to
 * be given to tw_cache_unlock; -1 when the folder cannot be written and so nobody replaces anything; -2 when another
 * process does not let go. */
int tw_cache_lock(const char *folder);
void tw_cache_unlock(int lock);

#endif
