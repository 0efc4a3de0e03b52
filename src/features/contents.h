/* Floor `features`, private: files as the pipeline reads them, and which of them have the same content. */
#ifndef TW_FEATURES_CONTENTS_H
#define TW_FEATURES_CONTENTS_H

#include "features/features.h"

/* ---- Reading ----------------------------------------------------------------------------------------------------- */

/* A file's bytes. Zero-initialise it; used again for the next file without giving its memory back. */
typedef struct tw_content {
  uint8_t *data;
  size_t size;
  size_t capacity;
} tw_content;

/* Reads a whole regular file of at most TW_IMAGE_MAX_FILE bytes. Errors do not name the path: TW_E_IO, TW_E_LIMIT,
 * TW_E_MEMORY. */
tw_status tw_content_read(const char *path, tw_content *content, tw_error *error);
void tw_content_done(tw_content *content);

/* ---- The same again ---------------------------------------------------------------------------------------------- */

/* The first file of each content, for files numbered from 0 on. Not thread-safe. */
typedef struct tw_firsts {
  size_t *slots; /* number of the file + 1, open addressing; 0: free */
  size_t capacity;
} tw_firsts;

tw_status tw_firsts_init(tw_firsts *firsts, size_t count, tw_error *error); /* room for `count` files */
void tw_firsts_done(tw_firsts *firsts);
/* The number of the file that has this content; it is `file` when there was none. items[n].content is the content of
 * the file n. */
size_t tw_firsts_find(tw_firsts *firsts, const tw_extracted *items, size_t file);

#endif
