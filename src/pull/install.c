/* The trunk's folder, from its first file to its name: put together under a hidden name beside its place, synced, and
 * renamed, so that a trunk under its name is a whole one. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "pull/internal.h"

/* ---- Members ----------------------------------------------------------------------------------------------------- */

tw_status tw_member_open(const tw_pull_job *job, const tw_pull_file *wanted, tw_member *ret_member, tw_error *error) {
  tw_member member = {.wanted = wanted, .path = tw_path_join(job->fresh, wanted->name), .file = -1};
  member.blob = member.path == NULL ? NULL : tw_blob_begin(job->module, wanted->size);
  if (member.blob == NULL) {
    tw_free(member.path);
    return tw_error_memory(error);
  }
  member.file = open(member.path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0666);
  if (member.file < 0) {
    tw_status status = tw_error_errno(error, errno, "%s: cannot be written", member.path);
    tw_member_discard(job, &member);
    return status;
  }
  *ret_member = member;
  return TW_OK;
}

static tw_status wrong_size(const tw_member *member, tw_error *error) {
  return tw_error_set(error, TW_E_FORMAT, "'%s': has not %" PRIu64 " bytes as it should: nothing was installed",
                      member->wanted->name, member->wanted->size);
}

tw_status tw_member_write(tw_pull_job *job, tw_member *member, const void *data, size_t size, tw_error *error) {
  if (size > member->wanted->size - member->have) {
    return wrong_size(member, error);
  }
  TW_TRY(tw_blob_add(job->module, member->blob, data, size, error));
  if (!tw_write_all(member->file, data, size)) {
    return tw_error_errno(error, errno, "%s: cannot be written", member->path);
  }
  member->have += size;
  return tw_pull_advance(job, size) ? TW_OK : tw_pull_cancelled(job, error);
}

void tw_member_discard(const tw_pull_job *job, tw_member *member) {
  if (member->blob != NULL) {
    bool right;
    tw_blob_end(job->module, member->blob, "", &right, NULL);
    if (member->file >= 0) {
      close(member->file);
    }
    tw_free(member->path);
  }
  *member = (tw_member){0};
}

tw_status tw_member_close(const tw_pull_job *job, tw_member *member, tw_error *error) {
  if (member->blob == NULL) {
    return TW_OK;
  }
  void *blob = member->blob;
  bool right = false;
  tw_status status = tw_blob_end(job->module, blob, member->wanted->blob, &right, error);
  if (status == TW_OK && member->have != member->wanted->size) {
    status = wrong_size(member, error);
  } else if (status == TW_OK && !right) {
    status =
        tw_error_set(error, TW_E_FORMAT, "'%s': has a wrong checksum: nothing was installed", member->wanted->name);
  }
  bool synced = fsync(member->file) == 0;
  int code = errno;
  bool closed = close(member->file) == 0;
  if (status == TW_OK && (!synced || !closed)) {
    status = tw_error_errno(error, synced ? errno : code, "%s: cannot be written", member->path);
  }
  tw_free(member->path);
  *member = (tw_member){0};
  return status;
}

/* ---- Copies ------------------------------------------------------------------------------------------------------ */

static tw_status copy_bytes(tw_pull_job *job, int file, const char *path, tw_member *member, tw_error *error) {
  uint8_t piece[TW_PULL_PIECE];
  for (;;) {
    ssize_t got = read(file, piece, sizeof piece);
    if (got < 0 && errno == EINTR) {
      continue;
    }
    if (got < 0) {
      return tw_error_errno(error, errno, "%s", path);
    }
    if (got == 0) {
      return TW_OK;
    }
    TW_TRY(tw_member_write(job, member, piece, (size_t)got, error));
  }
}

/* `from`: the folder that `path` is in, for messages. */
static tw_status copy_member(tw_pull_job *job, const char *from, const char *path, const tw_pull_file *wanted,
                             tw_error *error) {
  tw_member member;
  int file = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  if (file < 0) {
    return tw_error_errno(error, errno, "%s", path);
  }
  tw_status status = tw_member_open(job, wanted, &member, error);
  if (status == TW_OK) {
    status = copy_bytes(job, file, path, &member, error);
    status = status == TW_OK ? tw_member_close(job, &member, error) : status;
    if (status == TW_E_FORMAT) {
      tw_error_prefix(error, status, "%s", from);
    }
    tw_member_discard(job, &member);
  }
  close(file);
  return status;
}

tw_status tw_install_begin(tw_pull_job *job, tw_error *error) {
  tw_pull_stage(job, "unpacking", tw_pull_installed_size(job->entry), 0);
  return mkdir(job->fresh, 0777) == 0 ? TW_OK : tw_error_errno(error, errno, "%s: cannot be made", job->fresh);
}

tw_status tw_install_copy(tw_pull_job *job, const char *from, tw_error *error) {
  TW_TRY(tw_install_begin(job, error));
  for (size_t i = 0; i < job->entry->count; i++) {
    char *path = tw_path_join(from, job->entry->members[i].name);
    tw_status status =
        path == NULL ? tw_error_memory(error) : copy_member(job, from, path, &job->entry->members[i], error);
    tw_free(path);
    TW_TRY(status);
  }
  return TW_OK;
}

/* ---- The folder -------------------------------------------------------------------------------------------------- */

static int remove_one(const char *path, const struct stat *status, int kind, struct FTW *place) {
  (void)status, (void)kind, (void)place;
  return remove(path);
}

/* A folder with all that is in it; links are removed, not followed. Fine when it is not there. */
static tw_status remove_folder(const char *path, tw_error *error) {
  enum { OPEN_FOLDERS = 8 };
  struct stat status;
  if (lstat(path, &status) != 0 && errno == ENOENT) {
    return TW_OK;
  }
  return nftw(path, remove_one, OPEN_FOLDERS, FTW_DEPTH | FTW_PHYS) == 0
             ? TW_OK
             : tw_error_errno(error, errno, "%s: cannot be removed", path);
}

tw_status tw_install_clear(const tw_pull_job *job, tw_error *error) {
  TW_TRY(remove_folder(job->fresh, error));
  return remove_folder(job->old, error);
}

static tw_status sync_folder(const char *path, tw_error *error) {
  int folder = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (folder < 0) {
    return tw_error_errno(error, errno, "%s", path);
  }
  bool synced = fsync(folder) == 0 || errno == EINVAL; /* some file systems have nothing to sync */
  int code = errno;
  close(folder);
  return synced ? TW_OK : tw_error_errno(error, code, "%s: cannot be written", path);
}

static tw_status write_card(const tw_pull_job *job, const char *folder, tw_error *error) {
  char *path = tw_path_join(folder, TW_PULL_CARD);
  tw_status status = path == NULL ? tw_error_memory(error) : tw_output_save(path, tw_bytes_of(job->entry->card), error);
  tw_free(path);
  return status;
}

tw_status tw_install_finish(const tw_pull_job *job, tw_error *error) {
  TW_TRY(write_card(job, job->fresh, error));
  TW_TRY(sync_folder(job->fresh, error));
  struct stat status;
  bool there = lstat(job->place, &status) == 0;
  if (there && rename(job->place, job->old) != 0) {
    return tw_error_errno(error, errno, "%s: cannot be replaced", job->place);
  }
  if (rename(job->fresh, job->place) != 0) {
    tw_status failed = tw_error_errno(error, errno, "%s: cannot be made", job->place);
    if (there && rename(job->old, job->place) != 0) {
      tw_error_prefix(error, failed, "what was there is now %s", job->old);
    }
    return failed;
  }
  remove_folder(job->old, NULL); /* what cannot be removed now is by the next pull */
  return sync_folder(job->folder, error);
}

/* ---- What is installed ------------------------------------------------------------------------------------------- */

static tw_status check_member(tw_pull_job *job, const tw_pull_file *wanted, tw_error *error) {
  char *path = tw_path_join(job->place, wanted->name);
  if (path == NULL) {
    return tw_error_memory(error);
  }
  int file = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  tw_status status =
      file < 0 ? tw_error_errno(error, errno, "%s", path) : tw_blob_check(job, file, path, wanted, error);
  if (file >= 0) {
    close(file);
  }
  tw_free(path);
  return status;
}

static bool has_right_card(const tw_pull_job *job) {
  tw_buffer buffer = {0};
  char *path = tw_path_join(job->place, TW_PULL_CARD);
  bool right = path != NULL && tw_file_read(path, strlen(job->entry->card), &buffer, NULL) == TW_OK &&
               tw_bytes_is(tw_buffer_bytes(&buffer), job->entry->card);
  tw_buffer_done(&buffer);
  tw_free(path);
  return right;
}

static bool is_ours(const tw_pull_entry *entry, const char *name) {
  bool ours = strcmp(name, ".") == 0 || strcmp(name, "..") == 0 || strcmp(name, TW_PULL_CARD) == 0 ||
              strncmp(name, TW_PULL_CARD ".tmp-", sizeof TW_PULL_CARD ".tmp-" - 1) == 0;
  for (size_t i = 0; !ours && i < entry->count; i++) {
    ours = strcmp(name, entry->members[i].name) == 0;
  }
  return ours;
}

/* A damaged trunk is replaced, but not what somebody else has put under its name. */
static tw_status check_replaceable(const tw_pull_job *job, tw_error *error) {
  DIR *folder = opendir(job->place);
  if (folder == NULL) {
    return tw_error_errno(error, errno, "%s: is in the way: move it elsewhere", job->place);
  }
  tw_status status = TW_OK;
  for (const struct dirent *at = readdir(folder); at != NULL && status == TW_OK; at = readdir(folder)) {
    if (!is_ours(job->entry, at->d_name)) {
      status = tw_error_set(error, TW_E_IO, "%s: holds '%s', which is no part of %s: move it elsewhere", job->place,
                            at->d_name, job->entry->name);
    }
  }
  closedir(folder);
  return status;
}

tw_status tw_install_check(tw_pull_job *job, bool *ret_intact, tw_error *error) {
  *ret_intact = false;
  struct stat there;
  if (lstat(job->place, &there) != 0) {
    return TW_OK;
  }
  tw_error problem;
  tw_pull_stage(job, "checking", tw_pull_installed_size(job->entry), 0);
  for (size_t i = 0; i < job->entry->count; i++) {
    tw_status status = check_member(job, &job->entry->members[i], &problem);
    if (status == TW_E_CANCELLED || status == TW_E_MEMORY || status == TW_E_UNSUPPORTED) {
      return tw_error_set(error, status, "%s", problem.message);
    }
    if (status != TW_OK) {
      tw_pull_note(job, "%s: pulling it again", problem.message);
      return check_replaceable(job, error);
    }
  }
  if (!has_right_card(job)) {
    TW_TRY(write_card(job, job->place, error));
  }
  *ret_intact = true;
  return TW_OK;
}
