/* Git blob ids: SHA-1 of "blob SIZE", a NUL and the bytes. The hashing itself is the module's. */
#include <errno.h>
#include <inttypes.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "pull/internal.h"

static tw_status no_hash(tw_error *error) {
  return tw_error_set(error, TW_E_UNSUPPORTED, "libcrypto gives no SHA-1, by which everything is verified");
}

void *tw_blob_begin(const tw_pull_module *module, uint64_t size) {
  char head[32];
  int length = snprintf(head, sizeof head, "blob %" PRIu64, size);
  void *blob = module->sha1_begin();
  if (blob != NULL && !module->sha1_add(blob, head, (size_t)length + 1)) {
    uint8_t digest[TW_PULL_SHA1_SIZE];
    module->sha1_end(blob, digest);
    blob = NULL;
  }
  return blob;
}

tw_status tw_blob_add(const tw_pull_module *module, void *blob, const void *data, size_t size, tw_error *error) {
  return module->sha1_add(blob, data, size) ? TW_OK : no_hash(error);
}

tw_status tw_blob_end(const tw_pull_module *module, void *blob, const char *wanted, bool *ret_right, tw_error *error) {
  uint8_t digest[TW_PULL_SHA1_SIZE];
  if (!module->sha1_end(blob, digest)) {
    return no_hash(error);
  }
  char text[TW_PULL_BLOB_TEXT_SIZE];
  for (size_t i = 0; i < sizeof digest; i++) {
    snprintf(text + 2 * i, 3, "%02x", digest[i]);
  }
  *ret_right = strcmp(text, wanted) == 0;
  return TW_OK;
}

static tw_status add_file(tw_pull_job *job, void *blob, int file, const char *path, uint64_t size, tw_error *error) {
  uint8_t piece[TW_PULL_PIECE];
  for (uint64_t at = 0; at < size;) {
    ssize_t got = pread(file, piece, sizeof piece, (off_t)at);
    if (got < 0 && errno == EINTR) {
      continue;
    }
    if (got < 0) {
      return tw_error_errno(error, errno, "%s", path);
    }
    if (got == 0) {
      return tw_error_set(error, TW_E_IO, "%s: becomes shorter while it is read", path);
    }
    TW_TRY(tw_blob_add(job->module, blob, piece, (size_t)got, error));
    at += (uint64_t)got;
    if (!tw_pull_advance(job, (uint64_t)got)) {
      return tw_pull_cancelled(job, error);
    }
  }
  return TW_OK;
}

tw_status tw_blob_check(tw_pull_job *job, int file, const char *path, const tw_pull_file *wanted, tw_error *error) {
  struct stat status;
  if (fstat(file, &status) != 0) {
    return tw_error_errno(error, errno, "%s", path);
  }
  if (!S_ISREG(status.st_mode) || (uint64_t)status.st_size != wanted->size) {
    return tw_error_set(error, TW_E_FORMAT, "%s: is not %s: it has %" PRIu64 " bytes instead of %" PRIu64, path,
                        wanted->name, (uint64_t)status.st_size, wanted->size);
  }
  void *blob = tw_blob_begin(job->module, wanted->size);
  if (blob == NULL) {
    return no_hash(error);
  }
  bool right = false;
  tw_status status_read = add_file(job, blob, file, path, wanted->size, error);
  tw_status status_end = tw_blob_end(job->module, blob, wanted->blob, &right, status_read == TW_OK ? error : NULL);
  TW_TRY(status_read);
  TW_TRY(status_end);
  return right ? TW_OK
               : tw_error_set(error, TW_E_FORMAT, "%s: is not %s: it has the right size, but another checksum", path,
                              wanted->name);
}
