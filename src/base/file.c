/* Files: mapped, read whole, written so that a name never stands for half a file. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/base.h"

/* Opens `path` for reading and checks that it is a regular file. */
static tw_status open_regular(const char *path, int *ret_file, size_t *ret_size, tw_error *error) {
  int file = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  struct stat status;
  if (file < 0) {
    return tw_error_errno(error, errno, "%s", path);
  }
  if (fstat(file, &status) != 0) {
    int code = errno;
    close(file);
    return tw_error_errno(error, code, "%s", path);
  }
  if (!S_ISREG(status.st_mode)) {
    close(file);
    return tw_error_set(error, TW_E_IO, "%s: %s", path,
                        S_ISDIR(status.st_mode) ? "is a folder, not a file" : "is not a regular file");
  }
  *ret_file = file;
  *ret_size = (size_t)status.st_size;
  return TW_OK;
}

struct tw_map {
  void *data;
  size_t size;
};

tw_status tw_map_open(const char *path, tw_map **ret_map, tw_error *error) {
  int file;
  size_t size;
  TW_TRY(open_regular(path, &file, &size, error));
  tw_map *map = tw_alloc(1, sizeof *map);
  if (map == NULL) {
    close(file);
    return tw_error_memory(error);
  }
  map->size = size;
  if (size > 0) {
    map->data = mmap(NULL, size, PROT_READ, MAP_PRIVATE, file, 0);
    if (map->data == MAP_FAILED) {
      int code = errno;
      close(file);
      tw_free(map);
      return tw_error_errno(error, code, "%s", path);
    }
  }
  close(file);
  *ret_map = map;
  return TW_OK;
}

tw_bytes tw_map_bytes(const tw_map *map) {
  return (tw_bytes){map->data, map->size};
}

void tw_map_close(tw_map *map) {
  if (map != NULL) {
    if (map->data != NULL) {
      munmap(map->data, map->size);
    }
    tw_free(map);
  }
}

void tw_map_release(tw_bytes bytes) {
  uintptr_t page = (uintptr_t)sysconf(_SC_PAGESIZE);
  uintptr_t begin = ((uintptr_t)bytes.data + page - 1) & ~(page - 1);
  uintptr_t end = ((uintptr_t)bytes.data + bytes.size) & ~(page - 1);
  if (begin < end) {
    madvise((void *)begin, end - begin, MADV_DONTNEED);
  }
}

tw_status tw_file_read(const char *path, size_t limit, tw_buffer *buffer, tw_error *error) {
  int file;
  size_t size;
  TW_TRY(open_regular(path, &file, &size, error));
  buffer->size = 0;
  uint8_t piece[16384];
  tw_status status = TW_OK;
  /* Read to the end rather than `size` bytes: files of /proc say 0, and a file may grow. */
  for (;;) {
    ssize_t got = read(file, piece, sizeof piece);
    if (got < 0 && errno == EINTR) {
      continue;
    }
    if (got < 0) {
      status = tw_error_errno(error, errno, "%s", path);
      break;
    }
    if (got == 0) {
      break;
    }
    if (size > limit || buffer->size + (size_t)got > limit) {
      status = tw_error_set(error, TW_E_LIMIT, "%s: larger than the limit of %zu bytes", path, limit);
      break;
    }
    tw_buffer_append(buffer, piece, (size_t)got);
    if (buffer->failed) {
      status = tw_error_memory(error);
      break;
    }
  }
  close(file);
  return status;
}

struct tw_output {
  char *path;
  char *temporary;
  FILE *stream;
  int failed; /* errno of the first failed write */
};

static void output_free(tw_output *output) {
  tw_free(output->path);
  tw_free(output->temporary);
  tw_free(output);
}

/* A new file beside output->path, with the permissions that open(2) gives, or those of the file that is `replaced` (may
 * be NULL); -1 and errno when it cannot be made. */
static int open_temporary(tw_output *output, const struct stat *replaced) {
  enum { ATTEMPTS = 100 };
  struct timespec now = {0};
  int file = -1;
  for (int attempt = 0; file < 0 && attempt < ATTEMPTS && (attempt == 0 || errno == EEXIST); attempt++) {
    clock_gettime(CLOCK_MONOTONIC, &now);
    tw_free(output->temporary);
    output->temporary = tw_format("%s.tmp-%x-%lx", output->path, (unsigned)getpid(), (unsigned long)now.tv_nsec);
    if (output->temporary == NULL) {
      errno = ENOMEM;
      return -1;
    }
    file = open(output->temporary, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
  }
  if (file >= 0 && replaced != NULL) {
    fchmod(file, replaced->st_mode & 0777);
  }
  return file;
}

static FILE *open_stream(tw_output *output, const struct stat *replaced) {
  if (replaced != NULL && !S_ISREG(replaced->st_mode)) { /* a pipe or a device has no folder to rename in */
    return fopen(output->path, "wbe");
  }
  int file = open_temporary(output, replaced);
  FILE *stream = file < 0 ? NULL : fdopen(file, "wb");
  if (file >= 0 && stream == NULL) {
    close(file);
    unlink(output->temporary);
  }
  return stream;
}

tw_status tw_output_open(const char *path, tw_output **ret_output, tw_error *error) {
  struct stat status;
  bool exists = stat(path, &status) == 0;
  if (exists && S_ISDIR(status.st_mode)) {
    return tw_error_set(error, TW_E_IO, "%s: is a folder, not a file to write", path);
  }
  tw_output *output = tw_alloc(1, sizeof *output);
  if (output == NULL) {
    return tw_error_memory(error);
  }
  output->path = tw_strdup(path);
  output->stream = output->path == NULL ? NULL : open_stream(output, exists ? &status : NULL);
  if (output->stream == NULL) {
    tw_status code =
        output->path == NULL ? tw_error_memory(error) : tw_error_errno(error, errno, "%s: cannot be written", path);
    output_free(output);
    return code;
  }
  *ret_output = output;
  return TW_OK;
}

void tw_output_write(tw_output *output, const void *data, size_t size) {
  if (output->failed == 0 && size != 0 && fwrite(data, 1, size, output->stream) != size) {
    output->failed = errno != 0 ? errno : EIO;
  }
}

void tw_output_discard(tw_output *output) {
  if (output != NULL) {
    fclose(output->stream);
    if (output->temporary != NULL) {
      unlink(output->temporary);
    }
    output_free(output);
  }
}

tw_status tw_output_commit(tw_output *output, tw_error *error) {
  bool in_place = output->temporary == NULL;
  if (output->failed == 0 && (fflush(output->stream) != 0 || (!in_place && fsync(fileno(output->stream)) != 0))) {
    output->failed = errno;
  }
  if (output->failed == 0 && !in_place && rename(output->temporary, output->path) != 0) {
    output->failed = errno;
  }
  if (output->failed != 0) {
    tw_status code = tw_error_errno(error, output->failed, "%s: cannot be written", output->path);
    tw_output_discard(output);
    return code;
  }
  fclose(output->stream);
  output_free(output);
  return TW_OK;
}

tw_status tw_output_save(const char *path, tw_bytes bytes, tw_error *error) {
  tw_output *output;
  TW_TRY(tw_output_open(path, &output, error));
  tw_output_write(output, bytes.data, bytes.size);
  return tw_output_commit(output, error);
}

/* ---- Paths ------------------------------------------------------------------------------------------------------- */

tw_status tw_folder_make(const char *path, tw_error *error) {
  char *copy = tw_strdup(path);
  if (copy == NULL) {
    return tw_error_memory(error);
  }
  tw_status status = TW_OK;
  for (char *at = copy + 1; status == TW_OK; at++) {
    if (*at == '/' || *at == '\0') {
      char was = *at;
      *at = '\0';
      struct stat there;
      int failure = mkdir(copy, 0777) == 0 ? 0 : errno;
      if (failure != 0 && (stat(copy, &there) != 0 || !S_ISDIR(there.st_mode))) {
        status = tw_error_errno(error, failure == EEXIST ? ENOTDIR : failure, "%s: cannot be made", path);
      }
      *at = was;
      if (was == '\0') {
        break;
      }
    }
  }
  tw_free(copy);
  return status;
}

char *tw_path_join(const char *folder, const char *name) {
  size_t length = strlen(folder);
  const char *slash = length == 0 || folder[length - 1] == '/' ? "" : "/";
  return tw_format("%s%s%s", folder, slash, name);
}

const char *tw_path_base(const char *path) {
  const char *slash = strrchr(path, '/');
  return slash == NULL ? path : slash + 1;
}

char *tw_path_with_suffix(const char *path, const char *suffix) {
  const char *base = tw_path_base(path);
  const char *dot = strrchr(base, '.');
  size_t length = dot == NULL || dot == base ? strlen(path) : (size_t)(dot - path);
  return tw_format("%.*s%s", (int)length, path, suffix);
}
