/* What is there of an entry of the catalogue, by names and sizes: for lists, so it reads no contents and needs no
 * module. */
#include <errno.h>
#include <inttypes.h>
#include <string.h>
#include <sys/stat.h>

#include "pull/internal.h"

static tw_status look_at(const char *place, const char *name, const uint64_t *size, tw_error *problem) {
  struct stat status;
  char *path = tw_path_join(place, name);
  if (path == NULL) {
    return tw_error_memory(problem);
  }
  int code = stat(path, &status) == 0 ? 0 : errno;
  tw_free(path);
  if (code != 0) {
    return tw_error_errno(problem, code, "%s/%s", place, name);
  }
  if (!S_ISREG(status.st_mode) || (size != NULL && (uint64_t)status.st_size != *size)) {
    return tw_error_set(problem, TW_E_FORMAT, "%s/%s: has %" PRIu64 " bytes, not as many as it should", place, name,
                        (uint64_t)status.st_size);
  }
  return TW_OK;
}

static tw_pull_state look_inside(const tw_pull_entry *entry, const char *place, tw_error *problem) {
  tw_status status = look_at(place, TW_PULL_CARD, NULL, problem);
  for (size_t i = 0; status == TW_OK && i < entry->count; i++) {
    status = look_at(place, entry->members[i].name, &entry->members[i].size, problem);
  }
  return status == TW_OK ? TW_PULL_INSTALLED : TW_PULL_DAMAGED;
}

static uint64_t size_of_part(const tw_pull_entry *entry, const char *folder) {
  struct stat status;
  char *path = tw_part_path(folder, entry->name);
  bool there = path != NULL && lstat(path, &status) == 0 && S_ISREG(status.st_mode);
  tw_free(path);
  uint64_t size = there ? (uint64_t)status.st_size : 0;
  return size < entry->archive.size ? size : entry->archive.size;
}

tw_pull_state tw_pull_look(const tw_pull_entry *entry, const char *folder, uint64_t *ret_bytes, tw_error *problem) {
  char *users = folder == NULL ? tw_user_data_path("models") : NULL;
  const char *models = folder == NULL ? users : folder;
  char *place = models == NULL ? NULL : tw_path_join(models, entry->name);
  struct stat status;
  tw_pull_state state = TW_PULL_ABSENT;
  *ret_bytes = 0;
  if (place != NULL && lstat(place, &status) == 0) {
    state = look_inside(entry, place, problem);
  } else if (place != NULL) {
    *ret_bytes = size_of_part(entry, models);
    state = *ret_bytes > 0 ? TW_PULL_PARTIAL : TW_PULL_ABSENT;
  }
  tw_free(place);
  tw_free(users);
  return state;
}
