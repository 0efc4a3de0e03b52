/* Whether the subfolders of a folder are parts (train, val, test) that hold classes, rather than classes. They are only
 * when everything fits: a class may be called "test", too. */
#include <dirent.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "features/walk.h"

tw_given_part tw_walk_part(const char *name) {
  static const struct {
    const char *name;
    tw_given_part part;
  } names[] = {
      {"train", TW_GIVEN_TRAINING},        {"val", TW_GIVEN_VALIDATION}, {"valid", TW_GIVEN_VALIDATION},
      {"validation", TW_GIVEN_VALIDATION}, {"test", TW_GIVEN_TEST},      {"testing", TW_GIVEN_TEST},
  };
  for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
    if (strcmp(names[i].name, name) == 0) {
      return names[i].part;
    }
  }
  return TW_GIVEN_NONE;
}

/* Whether the entry `name` is a folder, a link to one included. */
static bool is_folder(int folder, const char *name) {
  struct stat status;
  return fstatat(folder, name, &status, 0) == 0 && S_ISDIR(status.st_mode);
}

/* Calls see(context, name) for each visible subfolder of `name` in `folder` until it returns false. */
static void each_subfolder(int folder, const char *name, bool (*see)(void *context, const char *name), void *context) {
  int file = openat(folder, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NONBLOCK);
  DIR *list = file < 0 ? NULL : fdopendir(file);
  if (list == NULL) {
    if (file >= 0) {
      close(file);
    }
    return;
  }
  for (const struct dirent *entry = readdir(list); entry != NULL; entry = readdir(list)) {
    bool file_surely = entry->d_type != DT_DIR && entry->d_type != DT_LNK && entry->d_type != DT_UNKNOWN;
    if (entry->d_name[0] != '.' && !file_surely && is_folder(file, entry->d_name) && !see(context, entry->d_name)) {
      break;
    }
  }
  closedir(list);
}

static bool see_any(void *context, const char *name) {
  (void)name;
  *(bool *)context = true;
  return false;
}

typedef struct parts_seen {
  int folder;
  bool seen[3]; /* by tw_given_part */
  bool other;   /* a subfolder that rules parts out */
} parts_seen;

static bool see_part(void *context, const char *name) {
  parts_seen *parts = context;
  tw_given_part part = tw_walk_part(name);
  bool holds_folders = false;
  if (part != TW_GIVEN_NONE) {
    each_subfolder(parts->folder, name, see_any, &holds_folders);
  }
  if (part == TW_GIVEN_NONE || parts->seen[part] || !holds_folders) {
    parts->other = true;
    return false;
  }
  parts->seen[part] = true;
  return true;
}

bool tw_walk_holds_parts(int file) {
  parts_seen parts = {.folder = file};
  each_subfolder(file, ".", see_part, &parts);
  return parts.seen[TW_GIVEN_TRAINING] && !parts.other;
}
