/* Floor `features`, private: what the parts of the walk share. */
#ifndef TW_FEATURES_WALK_H
#define TW_FEATURES_WALK_H

#include <sys/types.h>

#include "features/features.h"

/* ---- One file ---------------------------------------------------------------------------------------------------- */

typedef enum tw_file_kind {
  TW_FILE_PICTURE,
  TW_FILE_SKIPPED, /* worth a word: *ret_reason says which */
  TW_FILE_IGNORED, /* something else, and its name does not claim a picture */
} tw_file_kind;

/* Looks at the first bytes of the file `name` in the folder `folder` (a descriptor or AT_FDCWD). `named`: the caller
 * asked for this very file, so it is never ignored. A reason is allocated; NULL with TW_FILE_SKIPPED: out of memory. */
tw_file_kind tw_file_look(int folder, const char *name, bool named, char **ret_reason);

/* What a file without a picture in it is, as far as it can be told: "0 bytes", "is text, not a picture". Static. */
const char *tw_file_reason(const char *name, tw_bytes head);

/* "<what>: <strerror>", allocated; NULL when out of memory. */
char *tw_reason_errno(const char *what, int errno_value);

/* ---- Parts ------------------------------------------------------------------------------------------------------- */

/* The part a subfolder of this name would be; TW_GIVEN_NONE for other names. */
tw_given_part tw_walk_part(const char *name);
/* Whether the subfolders of the open folder are parts rather than classes. */
bool tw_walk_holds_parts(int folder);

/* ---- A set of files or folders, by device and inode -------------------------------------------------------------- */

typedef struct tw_inode {
  dev_t device;
  ino_t number;
  size_t scope; /* the same file may be in the set once a scope */
} tw_inode;

/* Zero-initialise it. */
typedef struct tw_inode_set {
  tw_inode *slots; /* open addressing; a free slot has number 0 and device 0 */
  size_t count;
  size_t capacity; /* a power of two, or 0 */
} tw_inode_set;

/* *ret_added: false when it was there already. */
tw_status tw_inode_set_add(tw_inode_set *set, tw_inode inode, bool *ret_added, tw_error *error);
void tw_inode_set_done(tw_inode_set *set);

/* ---- What a walk finds ------------------------------------------------------------------------------------------- */

typedef enum tw_entry_kind { TW_ENTRY_PICTURE, TW_ENTRY_LOOSE, TW_ENTRY_SKIPPED } tw_entry_kind;

typedef struct tw_entry {
  char *path;
  char *reason; /* TW_ENTRY_SKIPPED */
  tw_entry_kind kind;
  tw_file_kind look; /* while its folder is walked */
  bool linked;       /* reached through a symbolic link to the file itself */
  tw_inode target;   /* when linked */
  size_t root;       /* index of the class folder it is in; TW_NO_ROOT */
} tw_entry;

#define TW_NO_ROOT SIZE_MAX

/* A class folder: a first-level subfolder, of DIR or of one of its parts. */
typedef struct tw_root {
  char *name;     /* of the class */
  char *relative; /* below DIR: "cats", "test/cats" */
  tw_given_part part;
  size_t pictures;
  size_t label; /* of its class, once sorted */
} tw_root;

typedef struct tw_found {
  tw_entry *entries;
  size_t count;
  size_t capacity;
  tw_root *roots;
  size_t root_count;
  size_t root_capacity;
  size_t ignored;
} tw_found;

/* Room for one more element in a growing array of `size`-byte elements. */
tw_status tw_grow(void **array, size_t count, size_t *capacity, size_t size, tw_error *error);

/* Takes over path and reason; a NULL path (or reason, when skipped) means out of memory. */
tw_status tw_found_add(tw_found *found, tw_entry entry, tw_error *error);
/* Sorts the entries from `first` on by path and drops repeated links to the same file. */
tw_status tw_found_settle(tw_found *found, size_t first, tw_error *error);
/* Makes the listing and empties `found`, also on failure. `folder` names the classes' folder in errors; NULL for a list
 * without classes. */
tw_status tw_found_listing(tw_found *found, const char *folder, tw_listing **ret_listing, tw_error *error);
void tw_found_done(tw_found *found);

#endif
