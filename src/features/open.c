/* Opening files. The kernel refuses a path of more than PATH_MAX bytes, but not a longer way taken in several steps;
 * trees that deep exist (unpacked archives, folders moved into folders), and what the walk lists must open later. */
#include "features/open.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <unistd.h>

enum { STEP = PATH_MAX - 1 }; /* bytes of a path that the kernel takes at once */

/* Opens the folder named by the first `length` bytes of `path`, seen from `folder`. */
static int open_step(int folder, const char *path, size_t length) {
  char step[PATH_MAX];
  memcpy(step, path, length);
  step[length] = '\0';
  return openat(folder, step, O_PATH | O_DIRECTORY | O_CLOEXEC);
}

/* The length of the longest run of whole components at the start of `path` that fits one step; 0 when there is none. */
static size_t step_length(const char *path) {
  size_t length = STEP;
  while (length > 0 && path[length] != '/') {
    length--;
  }
  return length;
}

int tw_open_any(const char *path, int flags) {
  flags |= O_CLOEXEC | O_NOCTTY | O_NONBLOCK;
  int folder = AT_FDCWD;
  int failure = 0;
  while (failure == 0 && strlen(path) > STEP) {
    size_t length = step_length(path);
    int next = length == 0 ? -1 : open_step(folder, path, length);
    failure = next >= 0 ? 0 : length == 0 ? ENAMETOOLONG : errno;
    if (folder != AT_FDCWD) {
      close(folder);
    }
    folder = next;
    path += length;
    path += strspn(path, "/");
  }
  if (failure != 0) {
    errno = failure;
    return -1;
  }
  int file = openat(folder, *path == '\0' && folder != AT_FDCWD ? "." : path, flags);
  failure = errno;
  if (folder != AT_FDCWD) {
    close(folder);
  }
  errno = failure;
  return file;
}
