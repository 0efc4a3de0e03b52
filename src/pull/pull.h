/* Floor `pull`: trunks from elsewhere. A catalogue of trunks whose sizes and checksums are known, and the one function
 * that brings one of them onto this machine: fetched, verified, unpacked, put in place. Stands on base alone and knows
 * nothing of networks; a network that has been put in place is found by features/.
 *
 * Everything is verified by size and git blob id before it can be seen under its name: the archive as a whole, then
 * each file in it. A git blob id is the SHA-1 of "blob SIZE" and a NUL, followed by the bytes
 * (https://git-scm.com/book/en/v2/Git-Internals-Git-Objects). Whatever fails leaves what was installed before as it
 * was.
 *
 * libcurl, libarchive and libcrypto are in the module topwork-pull.so, opened when a pull begins. */
#ifndef TW_PULL_H
#define TW_PULL_H

#include "base/base.h"

enum {
  TW_PULL_BLOB_TEXT_SIZE = 41,      /* 40 hexadecimal digits and a NUL */
  TW_PULL_MAX_ENTRIES = 64,         /* in an archive: files and folders */
  TW_PULL_MAX_OVERHEAD = 1 << 20,   /* bytes of an unpacked archive besides its files' contents */
  TW_PULL_MAX_REDIRECTS = 8,        /* that are followed */
  TW_PULL_MAX_FAILURES = 6,         /* attempts in a row that bring nothing new */
  TW_PULL_MAX_ATTEMPTS = 200,       /* of one pull in all */
  TW_PULL_MAX_URL = 4096,           /* characters */
  TW_PULL_CONNECT_SECONDS = 30,     /* to get a connection */
  TW_PULL_STALL_SECONDS = 30,       /* without a byte: the connection is given up */
  TW_PULL_RETRY_MILLISECONDS = 500, /* before the first new attempt; doubled each time up to the next */
  TW_PULL_RETRY_MAX_MILLISECONDS = 16000,
};

/* ---- The catalogue ----------------------------------------------------------------------------------------------- */

typedef struct tw_pull_file {
  const char *name; /* a plain name, no path */
  uint64_t size;    /* bytes */
  const char *blob; /* git blob id, 40 lower-case hexadecimal digits */
} tw_pull_file;

typedef struct tw_pull_entry {
  const char *name; /* of the trunk and of its folder; a plain name that holds no dot */
  const char *description;
  const char *licence; /* SPDX */
  const char *url;     /* of the archive; http or https */
  tw_pull_file archive;
  size_t count;
  const tw_pull_file *members; /* count: exactly what the archive holds, the network first */
  const char *card;            /* the bytes of the trunk.json that is written beside them */
} tw_pull_entry;

/* The entries, sorted by name. Static. */
const tw_pull_entry *tw_pull_catalogue(size_t *ret_count);
/* NULL when there is none of that name. */
const tw_pull_entry *tw_pull_find(const char *name);
uint64_t tw_pull_installed_size(const tw_pull_entry *entry); /* bytes of all members */

/* ---- What is there ----------------------------------------------------------------------------------------------- */

typedef enum tw_pull_state {
  TW_PULL_ABSENT,
  TW_PULL_PARTIAL,   /* absent, but a part of the archive is there to go on from */
  TW_PULL_INSTALLED, /* every file is there and has its size; contents are not read */
  TW_PULL_DAMAGED,   /* the folder is there, but a file of it is missing or has another size */
} tw_pull_state;

/* folder: of the trunks; NULL: the user's (tw_user_data_path). *ret_bytes: of the archive that are there, for
 * TW_PULL_PARTIAL; 0 otherwise. problem (may be NULL) says what is wrong with a damaged one. */
tw_pull_state tw_pull_look(const tw_pull_entry *entry, const char *folder, uint64_t *ret_bytes, tw_error *problem);

/* ---- Pulling ----------------------------------------------------------------------------------------------------- */

typedef struct tw_pull_options {
  const char *folder; /* of the trunks, made when missing; NULL: the user's */
  /* Where from: NULL: entry->url; a URL (http or https) of the archive, or of a folder with it when it ends in '/'; the
   * archive's file; a folder with the archive or with the files in it. */
  const char *from;
  tw_ticker *ticker;                             /* may be NULL; stages "downloading", "checking", "unpacking", bytes */
  void (*note)(void *context, const char *line); /* what people should know meanwhile; may be NULL */
  void *context;                                 /* of note */
  unsigned retry_milliseconds;                   /* 0: TW_PULL_RETRY_MILLISECONDS */
  unsigned stall_seconds;                        /* 0: TW_PULL_STALL_SECONDS */
} tw_pull_options;

typedef struct tw_pulled {
  char *folder; /* where the trunk is; allocated, freed with tw_pulled_done */
  bool already; /* it was there, every byte of it right */
} tw_pulled;

/* Brings `entry` into the folder of the trunks, as FOLDER/NAME/ with the members and trunk.json. Nothing is to be seen
 * under that name before all of it is there and verified. A download goes into FOLDER/NAME.part and goes on from there
 * next time, after Ctrl-C, a dropped connection or a killed process alike, as long as the server's file is the same
 * (If-Range with its ETag or date, RFC 9110, 13.1.5 and 14). Two pulls at once into one folder: the second fails.
 *
 * Errors, each one line with the remedy: TW_E_UNSUPPORTED (the module is missing), TW_E_ARGUMENT (from), TW_E_IO
 * (network, files), TW_E_FORMAT (wrong size or checksum, an archive that is not what it should be: the downloaded part
 * is removed), TW_E_CANCELLED (the part is kept), TW_E_MEMORY. Thread-safe for different folders. */
tw_status tw_pull(const tw_pull_entry *entry, const tw_pull_options *options, tw_pulled *ret_pulled, tw_error *error);
void tw_pulled_done(tw_pulled *pulled);

#endif
