/* Status, error and progress: the few types that every floor of topwork and every program that uses it share.
 *
 * A function that can fail returns a tw_status; what exactly happened goes into the caller's tw_error, which may be
 * NULL. The library never prints, never exits and keeps no global state of its own. */
#ifndef TOPWORK_STATUS_H
#define TOPWORK_STATUS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#if defined(__GNUC__)
#define TW_API __attribute__((visibility("default")))
#define TW_PRINTF(format_index, first) __attribute__((format(printf, format_index, first)))
#else
#define TW_API
#define TW_PRINTF(format_index, first)
#endif

#ifdef __cplusplus
extern "C" {
#endif

/* The values stay; new ones come after them. */
typedef enum tw_status {
  TW_OK = 0,
  TW_E_MEMORY = 1,      /* an allocation failed */
  TW_E_IO = 2,          /* a file or folder could not be opened, read, written or renamed */
  TW_E_FORMAT = 3,      /* the bytes are not what the format demands: corrupt, truncated, or another format */
  TW_E_LIMIT = 4,       /* an input is beyond one of the named limits */
  TW_E_UNSUPPORTED = 5, /* valid, but topwork does not do it (an operator, an image format, a data type) */
  TW_E_ARGUMENT = 6,    /* the caller passed something that makes no sense */
  TW_E_DATA = 7,        /* well-formed data that does not allow what was asked: one class only, no pictures, ... */
  TW_E_CANCELLED = 8,   /* a progress callback asked to stop */
  TW_E_ENGINE = 9       /* the kernel library refused or failed */
} tw_status;

enum { TW_ERROR_MESSAGE_SIZE = 1024 };

/* One line, without a newline at its end, that reads outside in:
 * `birds.onnx: node 'stem': kernel 3x3 wants 4 pads, has 2`. A message that does not fit is cut and ends in "...". */
typedef struct tw_error {
  tw_status code;
  char message[TW_ERROR_MESSAGE_SIZE];
} tw_error;

/* Where a long job is, valid during the call. `total` is 0 while it is not known. New fields come after these. */
typedef struct tw_progress {
  const char *stage; /* "features", "path", ...: a static string */
  size_t done;
  size_t total;
  size_t cached; /* of `done`, how many came from the cache */
  bool bytes;    /* these are bytes, of a file; otherwise pictures, steps, ... */
} tw_progress;

/* Called by one thread at a time, not more often than ten times a second but always at the end of a stage.
 * Returns false to stop the job, which then ends with TW_E_CANCELLED; what is in the cache stays there. */
typedef bool (*tw_progress_fn)(void *context, const tw_progress *progress);

#ifdef __cplusplus
}
#endif
#endif
