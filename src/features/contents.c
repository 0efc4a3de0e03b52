/* Whole files into memory, and the table that tells which files have the same content. */
#include "features/contents.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "features/open.h"

void tw_content_done(tw_content *content) {
  tw_free(content->data);
  *content = (tw_content){0};
}

static tw_status reserve(tw_content *content, size_t capacity, tw_error *error) {
  if (capacity <= content->capacity) {
    return TW_OK;
  }
  tw_content_done(content); /* what is in it is not wanted any more: no copy */
  content->data = tw_realloc(NULL, capacity, 1);
  if (content->data == NULL) {
    return tw_error_memory(error);
  }
  content->capacity = capacity;
  return TW_OK;
}

static tw_status open_file(const char *path, int *ret_file, size_t *ret_size, tw_error *error) {
  struct stat status;
  int file = tw_open_any(path, O_RDONLY);
  if (file < 0) {
    return errno == ENOENT ? tw_error_set(error, TW_E_IO, "there is no such file")
                           : tw_error_errno(error, errno, "cannot be opened");
  }
  const char *wrong = NULL;
  if (fstat(file, &status) != 0 || !S_ISREG(status.st_mode)) {
    wrong = S_ISDIR(status.st_mode) ? "is a folder, not a file" : "is not a regular file";
  }
  if (wrong != NULL || (uint64_t)status.st_size > TW_IMAGE_MAX_FILE) {
    close(file);
    return wrong != NULL ? tw_error_set(error, TW_E_IO, "%s", wrong)
                         : tw_error_set(error, TW_E_LIMIT, "larger than %d MB", TW_IMAGE_MAX_FILE >> 20);
  }
  *ret_file = file;
  *ret_size = (size_t)status.st_size;
  return TW_OK;
}

static tw_status read_all(int file, size_t size, tw_content *content, tw_error *error) {
  TW_TRY(reserve(content, size == 0 ? 1 : size, error));
  content->size = 0;
  while (content->size < size) {
    ssize_t got = read(file, content->data + content->size, size - content->size);
    if (got < 0 && errno == EINTR) {
      continue;
    }
    if (got < 0) {
      return tw_error_errno(error, errno, "cannot be read");
    }
    if (got == 0) { /* it has become shorter meanwhile */
      break;
    }
    content->size += (size_t)got;
  }
  return TW_OK;
}

tw_status tw_content_read(const char *path, tw_content *content, tw_error *error) {
  int file;
  size_t size;
  TW_TRY(open_file(path, &file, &size, error));
  tw_status status = read_all(file, size, content, error);
  close(file);
  return status;
}

/* ---- The same again ---------------------------------------------------------------------------------------------- */

tw_status tw_firsts_init(tw_firsts *firsts, size_t count, tw_error *error) {
  size_t capacity = 16;
  while (capacity / 2 < count) {
    if (!tw_mul_size(capacity, 2, &capacity)) {
      return tw_error_memory(error);
    }
  }
  firsts->slots = tw_alloc(capacity, sizeof *firsts->slots);
  firsts->capacity = capacity;
  return firsts->slots == NULL ? tw_error_memory(error) : TW_OK;
}

void tw_firsts_done(tw_firsts *firsts) {
  tw_free(firsts->slots);
  *firsts = (tw_firsts){0};
}

size_t tw_firsts_find(tw_firsts *firsts, const tw_extracted *items, size_t file) {
  const tw_hash *content = &items[file].content;
  for (size_t at = (size_t)tw_load_u64(content->bytes);; at++) {
    size_t *slot = &firsts->slots[at & (firsts->capacity - 1)];
    if (*slot == 0) {
      *slot = file + 1;
      return file;
    }
    if (tw_hash_compare(&items[*slot - 1].content, content) == 0) {
      return *slot - 1;
    }
  }
}
