/* Private to the floor `pull`: what the core and the module topwork-pull.so say to each other. Neither is linked to the
 * other; the core opens the module and asks for one symbol, TW_PULL_SYMBOL, a tw_pull_module. The module knows libcurl,
 * libarchive and libcrypto and decides nothing: what is fetched, gone on with, written or refused is the core's to say,
 * in the callbacks. A callback that returns false ends the call, which then returns ..._STOPPED. */
#ifndef TW_PULL_MODULE_H
#define TW_PULL_MODULE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
  TW_PULL_VERSION = 1,
  TW_PULL_MESSAGE_SIZE = 256,
  TW_PULL_FIELD_SIZE = 256, /* of a header's value; longer ones are as if they were not there */
  TW_PULL_SHA1_SIZE = 20
};
#define TW_PULL_FILE "topwork-pull.so"
#define TW_PULL_SYMBOL "tw_pull_module_entry"

/* ---- Fetching ---------------------------------------------------------------------------------------------------- */

typedef enum tw_fetch_result {
  TW_FETCH_OK = 0,
  TW_FETCH_STOPPED,     /* by a callback */
  TW_FETCH_REFUSED,     /* an HTTP status of 400 or more, in head.status */
  TW_FETCH_UNREACHABLE, /* no name, no connection */
  TW_FETCH_DROPPED,     /* there was a connection, and it broke or fell silent */
  TW_FETCH_FAILED,      /* trying again would not help: a bad address, a certificate, too many redirects */
  TW_FETCH_MEMORY,
} tw_fetch_result;

/* Of the answer that is not a redirect. Texts are empty when the header is not there. */
typedef struct tw_fetch_head {
  long status;
  bool has_length;
  uint64_t length; /* of the body */
  char range[TW_PULL_FIELD_SIZE];
  char etag[TW_PULL_FIELD_SIZE];
  char modified[TW_PULL_FIELD_SIZE];
} tw_fetch_head;

typedef struct tw_fetch_request {
  const char *url;     /* http or https */
  const char *agent;   /* User-Agent */
  uint64_t offset;     /* 0: the whole; otherwise the range from here to the end */
  const char *only_if; /* If-Range; NULL: none */
  long redirects;
  long connect_seconds;
  long stall_seconds;
  void *context;
  bool (*begin)(void *context, const tw_fetch_head *head); /* once, before the body; not for a status of 400 or more */
  bool (*write)(void *context, const void *data, size_t size);
  bool (*go_on)(void *context);       /* asked about once a second, and oftener while something comes */
  tw_fetch_head head;                 /* out */
  char message[TW_PULL_MESSAGE_SIZE]; /* out: what libcurl says of a failure */
} tw_fetch_request;

/* ---- Unpacking --------------------------------------------------------------------------------------------------- */

typedef enum tw_unpack_result {
  TW_UNPACK_OK = 0,
  TW_UNPACK_STOPPED, /* by a callback */
  TW_UNPACK_DAMAGED, /* what libarchive says is in `message` */
  TW_UNPACK_LIMIT,   /* more than `limit` bytes */
  TW_UNPACK_MEMORY,
} tw_unpack_result;

typedef enum tw_entry_kind { TW_ENTRY_FILE, TW_ENTRY_FOLDER, TW_ENTRY_LINK, TW_ENTRY_OTHER } tw_entry_kind;

typedef struct tw_unpack_entry {
  const char *path; /* as it is in the archive; NULL when it cannot be read */
  tw_entry_kind kind;
  bool has_size;
  uint64_t size;
} tw_unpack_entry;

/* A tar archive, compressed by gzip or not at all. */
typedef struct tw_unpack_request {
  int file;       /* open for reading; read from its beginning by pread */
  uint64_t limit; /* bytes of the archive, uncompressed */
  void *context;
  bool (*entry)(void *context, const tw_unpack_entry *entry);
  /* The contents of a TW_ENTRY_FILE, in order; the contents of others are passed over. */
  bool (*data)(void *context, const void *data, size_t size);
  char message[TW_PULL_MESSAGE_SIZE]; /* out */
} tw_unpack_request;

/* ---- The module -------------------------------------------------------------------------------------------------- */

typedef struct tw_pull_module {
  int version; /* TW_PULL_VERSION */
  /* Once a process, before all else; false when a library does not start. */
  bool (*start)(void);
  tw_fetch_result (*fetch)(tw_fetch_request *request);
  tw_unpack_result (*unpack)(tw_unpack_request *request);
  void *(*sha1_begin)(void); /* NULL: out of memory, or SHA-1 is not to be had */
  bool (*sha1_add)(void *hash, const void *data, size_t size);
  bool (*sha1_end)(void *hash, uint8_t digest[TW_PULL_SHA1_SIZE]); /* frees it, in any case */
} tw_pull_module;

/* Implemented by the module's own files. */
tw_fetch_result tw_module_fetch(tw_fetch_request *request);
tw_unpack_result tw_module_unpack(tw_unpack_request *request);

#endif
