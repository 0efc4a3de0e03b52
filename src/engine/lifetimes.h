/* Placing buffers that live for a while into one block of memory. Knows nothing of kernels or graphs: a buffer is a
 * size and the first and last step that touches it. */
#ifndef TW_ENGINE_LIFETIMES_H
#define TW_ENGINE_LIFETIMES_H

#include "base/base.h"

enum { TW_LIFETIME_ALIGNMENT = 64 };

typedef struct tw_lifetime {
  size_t bytes;
  size_t first; /* steps, both included; first <= last */
  size_t last;
  size_t offset; /* result: a multiple of TW_LIFETIME_ALIGNMENT */
} tw_lifetime;

/* Gives every buffer an offset such that no two that live at the same step overlap; *ret_bytes is the size of the
 * block. The larger are placed first, each into the smallest gap that holds it. The same buffers give the same offsets.
 * Takes time with the square of their number. Errors: TW_E_LIMIT when the block would be larger than `limit`,
 * TW_E_MEMORY. */
tw_status tw_lifetimes_place(tw_lifetime *buffers, size_t count, size_t limit, size_t *ret_bytes, tw_error *error);

#endif
