/* topwork-pull.so: an archive's entries, one after the other, by libarchive. Nothing is written here: paths are texts
 * that the core looks at, contents are handed on. What is uncompressed is counted while it is read, so that an archive
 * that unpacks into more than it should is left in the middle of it. */
#include <archive.h>
#include <archive_entry.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "pull/module/module.h"

/* Small, because the limit is checked once a block: a block uncompresses into a thousand times as much at most. */
enum { BLOCK = 1 << 13, PIECE = 1 << 17 };

typedef struct reading {
  tw_unpack_request *request;
  off_t at;
  bool beyond; /* the limit */
  char block[BLOCK];
  char piece[PIECE];
} reading;

static bool is_beyond(reading *reading, struct archive *archive) {
  la_int64_t size = archive_filter_bytes(archive, 0);
  reading->beyond = reading->beyond || (size > 0 && (uint64_t)size > reading->request->limit);
  return reading->beyond;
}

static la_ssize_t on_read(struct archive *archive, void *context, const void **ret_data) {
  reading *reading = context;
  if (is_beyond(reading, archive)) {
    archive_set_error(archive, EFBIG, "too large");
    return -1;
  }
  ssize_t got;
  do {
    got = pread(reading->request->file, reading->block, sizeof reading->block, reading->at);
  } while (got < 0 && errno == EINTR);
  if (got < 0) {
    archive_set_error(archive, errno, "the file cannot be read");
    return -1;
  }
  reading->at += got;
  *ret_data = reading->block;
  return got;
}

static tw_entry_kind kind_of(struct archive_entry *entry) {
  if (archive_entry_hardlink(entry) != NULL || archive_entry_symlink(entry) != NULL) {
    return TW_ENTRY_LINK;
  }
  switch (archive_entry_filetype(entry)) {
    case AE_IFREG: return TW_ENTRY_FILE;
    case AE_IFDIR: return TW_ENTRY_FOLDER;
    case AE_IFLNK: return TW_ENTRY_LINK;
    default: return TW_ENTRY_OTHER;
  }
}

static tw_unpack_result damaged(reading *reading, struct archive *archive) {
  const char *text = archive_error_string(archive);
  snprintf(reading->request->message, sizeof reading->request->message, "%.255s",
           text == NULL ? "cannot be read" : text);
  return is_beyond(reading, archive) ? TW_UNPACK_LIMIT : TW_UNPACK_DAMAGED;
}

static tw_unpack_result read_contents(reading *reading, struct archive *archive) {
  const tw_unpack_request *request = reading->request;
  for (;;) {
    la_ssize_t got = archive_read_data(archive, reading->piece, sizeof reading->piece);
    if (got == 0) {
      return TW_UNPACK_OK;
    }
    if (got < 0) {
      return damaged(reading, archive);
    }
    if (!request->data(request->context, reading->piece, (size_t)got)) {
      return TW_UNPACK_STOPPED;
    }
  }
}

static tw_unpack_result read_entries(reading *reading, struct archive *archive) {
  const tw_unpack_request *request = reading->request;
  struct archive_entry *entry;
  for (;;) {
    int status = archive_read_next_header(archive, &entry);
    if (status == ARCHIVE_EOF) {
      return TW_UNPACK_OK;
    }
    if (status < ARCHIVE_WARN || is_beyond(reading, archive)) {
      return damaged(reading, archive);
    }
    tw_unpack_entry seen = {.path = archive_entry_pathname(entry),
                            .kind = kind_of(entry),
                            .has_size = archive_entry_size_is_set(entry) && archive_entry_size(entry) >= 0};
    seen.size = seen.has_size ? (uint64_t)archive_entry_size(entry) : 0;
    if (!request->entry(request->context, &seen)) {
      return TW_UNPACK_STOPPED;
    }
    tw_unpack_result result = seen.kind == TW_ENTRY_FILE ? read_contents(reading, archive) : TW_UNPACK_OK;
    if (result != TW_UNPACK_OK) {
      return result;
    }
  }
}

tw_unpack_result tw_module_unpack(tw_unpack_request *request) {
  reading *reading = calloc(1, sizeof *reading);
  struct archive *archive = archive_read_new();
  tw_unpack_result result = TW_UNPACK_MEMORY;
  request->message[0] = '\0';
  if (reading != NULL && archive != NULL) {
    reading->request = request;
    bool ready = archive_read_support_format_tar(archive) == ARCHIVE_OK &&
                 archive_read_support_filter_gzip(archive) == ARCHIVE_OK &&
                 archive_read_open(archive, reading, NULL, on_read, NULL) == ARCHIVE_OK;
    result = ready ? read_entries(reading, archive) : damaged(reading, archive);
  }
  archive_read_free(archive);
  free(reading);
  return result;
}
