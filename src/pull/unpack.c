/* Which entries of an archive are let through: those that the catalogue names, once each, as plain files of their size.
 * Any other ends it, whatever it is. A path of the archive is compared, and never used to open anything. */
#include <inttypes.h>
#include <string.h>

#include "pull/internal.h"

typedef struct unpacking {
  tw_pull_job *job;
  const char *path; /* of the archive */
  bool *seen;       /* one a member */
  size_t entries;
  tw_member member; /* the one that is being written; all zeros: none */
  tw_status status;
  tw_error *error;
} unpacking;

static bool fail(unpacking *unpacking, tw_status status) {
  unpacking->status = status;
  return false;
}

/* "'a/../b'", cut and on one line whatever the archive says. */
static bool refuse(unpacking *unpacking, const char *name, const char *why) {
  return fail(unpacking, tw_error_set(unpacking->error, TW_E_FORMAT, "%s: holds '%.200s', %s: nothing was installed",
                                      unpacking->path, name, why));
}

/* "./a" is "a". */
static const char *without_dots(const char *path) {
  while (path[0] == '.' && path[1] == '/') {
    for (path += 2; *path == '/'; path++) {
    }
  }
  return path;
}

static bool is_unsafe(const char *path) {
  size_t length = strlen(path);
  return path[0] == '/' || strcmp(path, "..") == 0 || strncmp(path, "../", 3) == 0 || strstr(path, "/../") != NULL ||
         (length >= 3 && strcmp(path + length - 3, "/..") == 0);
}

/* Passes on how a member went; what is wrong with it is wrong with the archive. */
static bool pass(unpacking *unpacking, tw_status status) {
  if (status == TW_E_FORMAT) {
    tw_error_prefix(unpacking->error, status, "%s", unpacking->path);
  }
  return status == TW_OK || fail(unpacking, status);
}

static bool finish_member(unpacking *unpacking) {
  return pass(unpacking, tw_member_close(unpacking->job, &unpacking->member, unpacking->error));
}

static bool begin_member(unpacking *unpacking, const char *name, const tw_unpack_entry *entry) {
  const tw_pull_entry *wanted = unpacking->job->entry;
  size_t i = 0;
  while (i < wanted->count && strcmp(wanted->members[i].name, name) != 0) {
    i++;
  }
  if (i == wanted->count) {
    return refuse(unpacking, name, "which does not belong into it");
  }
  if (unpacking->seen[i]) {
    return refuse(unpacking, name, "twice");
  }
  if (!entry->has_size || entry->size != wanted->members[i].size) {
    return refuse(unpacking, name, "which has not the size that it should have");
  }
  unpacking->seen[i] = true;
  return pass(unpacking, tw_member_open(unpacking->job, &wanted->members[i], &unpacking->member, unpacking->error));
}

static bool on_entry(void *context, const tw_unpack_entry *entry) {
  unpacking *unpacking = context;
  if (!finish_member(unpacking)) {
    return false;
  }
  if (entry->path == NULL) {
    return refuse(unpacking, "?", "a name that cannot be read");
  }
  if (++unpacking->entries > TW_PULL_MAX_ENTRIES) {
    return refuse(unpacking, entry->path, "and more entries than it may have");
  }
  if (is_unsafe(entry->path)) {
    return refuse(unpacking, entry->path, "a path that leads out of the folder");
  }
  const char *name = without_dots(entry->path);
  switch (entry->kind) {
    case TW_ENTRY_FILE: return begin_member(unpacking, name, entry);
    case TW_ENTRY_FOLDER:
      return *name == '\0' || strcmp(name, ".") == 0 || refuse(unpacking, name, "which does not belong into it");
    case TW_ENTRY_LINK: return refuse(unpacking, name, "a link");
    default: return refuse(unpacking, name, "which is neither a file nor a folder");
  }
}

static bool on_data(void *context, const void *data, size_t size) {
  unpacking *unpacking = context;
  return pass(unpacking, tw_member_write(unpacking->job, &unpacking->member, data, size, unpacking->error));
}

static tw_status check_all_seen(const unpacking *unpacking) {
  const tw_pull_entry *entry = unpacking->job->entry;
  for (size_t i = 0; i < entry->count; i++) {
    if (!unpacking->seen[i]) {
      return tw_error_set(unpacking->error, TW_E_FORMAT, "%s: holds no '%s': nothing was installed", unpacking->path,
                          entry->members[i].name);
    }
  }
  return TW_OK;
}

static tw_status run(unpacking *unpacking, int archive) {
  tw_unpack_request request = {.file = archive,
                               .limit = tw_pull_installed_size(unpacking->job->entry) + TW_PULL_MAX_OVERHEAD,
                               .context = unpacking,
                               .entry = on_entry,
                               .data = on_data};
  switch (unpacking->job->module->unpack(&request)) {
    case TW_UNPACK_OK: return finish_member(unpacking) ? check_all_seen(unpacking) : unpacking->status;
    case TW_UNPACK_STOPPED: return unpacking->status;
    case TW_UNPACK_LIMIT:
      return tw_error_set(unpacking->error, TW_E_FORMAT,
                          "%s: unpacks into more than %" PRIu64 " bytes: nothing was installed", unpacking->path,
                          request.limit);
    case TW_UNPACK_MEMORY: return tw_error_memory(unpacking->error);
    default:
      return tw_error_set(unpacking->error, TW_E_FORMAT, "%s: cannot be unpacked (%s): nothing was installed",
                          unpacking->path, request.message);
  }
}

tw_status tw_pull_unpack(tw_pull_job *job, int archive, const char *path, tw_error *error) {
  unpacking unpacking = {.job = job, .path = path, .seen = tw_alloc(job->entry->count, sizeof(bool)), .error = error};
  tw_status status = unpacking.seen == NULL ? tw_error_memory(error) : run(&unpacking, archive);
  tw_member_discard(job, &unpacking.member);
  tw_free(unpacking.seen);
  return status;
}
