/* Floor `features`, private: whether an LMDB file is what LMDB believes it to be. */
#ifndef TW_FEATURES_CACHE_CHECK_H
#define TW_FEATURES_CACHE_CHECK_H

#include "base/base.h"

/* Checks the two pages at the start of the file, before LMDB maps it. An empty file is fine. TW_E_FORMAT says what is
 * wrong, without the path. */
tw_status tw_cache_check_header(int file, tw_error *error);

/* Checks every page that the snapshot of this transaction reaches, except the bytes of large values (they have
 * checksums). `file` is LMDB's; a read transaction with this number must be open. */
tw_status tw_cache_check_snapshot(int file, size_t transaction, tw_error *error);

#endif
