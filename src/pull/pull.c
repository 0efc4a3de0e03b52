/* One pull, in order: the folder and its lock, what is there already, where the archive comes from, the check, the
 * unpacking, the name. Not for how any of these is done. */
#include "pull/pull.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <string.h>
#include <strings.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "pull/internal.h"

/* ---- What a job says --------------------------------------------------------------------------------------------- */

void tw_pull_note(const tw_pull_job *job, const char *format, ...) {
  if (job->options->note == NULL) {
    return;
  }
  char text[TW_ERROR_MESSAGE_SIZE];
  tw_error line; /* only for its text: cut and kept on one line as messages are */
  va_list arguments;
  va_start(arguments, format);
  vsnprintf(text, sizeof text, format, arguments);
  va_end(arguments);
  tw_error_set(&line, TW_OK, "%s", text);
  job->options->note(job->options->context, line.message);
}

void tw_pull_stage(tw_pull_job *job, const char *stage, uint64_t total, uint64_t had) {
  job->reached =
      (tw_progress){.stage = stage, .done = (size_t)had, .total = (size_t)total, .cached = (size_t)had, .bytes = true};
}

bool tw_pull_advance(tw_pull_job *job, uint64_t bytes) {
  job->reached.done += (size_t)bytes;
  bool last = bytes > 0 && job->reached.done == job->reached.total;
  return job->options->ticker == NULL || tw_ticker_report(job->options->ticker, &job->reached, last);
}

tw_status tw_pull_cancelled(const tw_pull_job *job, tw_error *error) {
  bool kept = job->reached.done > 0 && strcmp(job->reached.stage, "downloading") == 0;
  return kept ? tw_error_set(error, TW_E_CANCELLED,
                             "stopped; %.1f of %.1f MB are kept: the next 'topwork pull %s' goes on from there",
                             (double)job->reached.done / 1e6, (double)job->reached.total / 1e6, job->entry->name)
              : tw_error_set(error, TW_E_CANCELLED, "stopped; nothing was installed");
}

/* ---- From where -------------------------------------------------------------------------------------------------- */

/* The whole URL, with the archive's name behind a slash at its end. */
static tw_status complete_url(const tw_pull_job *job, const char *url, char **ret_url, tw_error *error) {
  size_t length = strlen(url);
  if (strncasecmp(url, "http://", 7) != 0 && strncasecmp(url, "https://", 8) != 0) {
    return tw_error_set(error, TW_E_ARGUMENT,
                        "'%s': only http:// and https:// are pulled from; a file goes by its path", url);
  }
  if (length > TW_PULL_MAX_URL) {
    return tw_error_set(error, TW_E_LIMIT, "the URL is longer than %d characters", TW_PULL_MAX_URL);
  }
  *ret_url = url[length - 1] == '/' ? tw_path_join(url, job->entry->archive.name) : tw_strdup(url);
  return *ret_url == NULL ? tw_error_memory(error) : TW_OK;
}

/* Verifies the whole archive, then its members while they are written. */
static tw_status install_archive(tw_pull_job *job, int file, const char *path, tw_error *error) {
  tw_pull_stage(job, "checking", job->entry->archive.size, 0);
  TW_TRY(tw_blob_check(job, file, path, &job->entry->archive, error));
  TW_TRY(tw_install_begin(job, error));
  return tw_pull_unpack(job, file, path, error);
}

static tw_status install_part(tw_pull_job *job, const tw_part *part, const char *shown, tw_error *error) {
  tw_status status = install_archive(job, part->file, shown, error);
  status = status == TW_OK ? tw_install_finish(job, error) : status;
  if (status == TW_OK || status == TW_E_FORMAT) {
    tw_part_remove(part);
  }
  if (status == TW_E_FORMAT) {
    tw_error why = *error;
    tw_error_set(error, status, "%s; what was downloaded is removed: pull again, or from elsewhere by --from URL|FILE",
                 why.message);
  }
  return status;
}

static tw_status from_url(tw_pull_job *job, const char *url, tw_error *error) {
  tw_part part;
  TW_TRY(tw_part_open(job, url, &part, error));
  char *shown = tw_url_shown(url);
  tw_status status = shown == NULL ? tw_error_memory(error) : tw_pull_download(job, url, shown, &part, error);
  status = status == TW_OK ? install_part(job, &part, shown, error) : status;
  if (part.have == 0) {
    tw_part_remove(&part);
  }
  tw_free(shown);
  tw_part_close(&part);
  return status;
}

static tw_status from_file(tw_pull_job *job, const char *path, tw_error *error) {
  int file = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  if (file < 0) {
    return tw_error_errno(error, errno, "%s", path);
  }
  tw_status status = install_archive(job, file, path, error);
  close(file);
  return status == TW_OK ? tw_install_finish(job, error) : status;
}

/* A folder with the archive, or with the files in it. */
static tw_status from_folder(tw_pull_job *job, const char *path, tw_error *error) {
  char *archive = tw_path_join(path, job->entry->archive.name);
  char *first = tw_path_join(path, job->entry->members[0].name);
  tw_status status;
  if (archive == NULL || first == NULL) {
    status = tw_error_memory(error);
  } else if (access(archive, F_OK) == 0) {
    status = from_file(job, archive, error);
  } else if (access(first, F_OK) == 0) {
    status = tw_install_copy(job, path, error);
    status = status == TW_OK ? tw_install_finish(job, error) : status;
  } else {
    status = tw_error_set(error, TW_E_IO, "%s: holds neither %s nor the files in it (%s, ...)", path,
                          job->entry->archive.name, job->entry->members[0].name);
  }
  tw_free(archive);
  tw_free(first);
  return status;
}

static tw_status from_anywhere(tw_pull_job *job, tw_error *error) {
  const char *from = job->options->from == NULL ? job->entry->url : job->options->from;
  if (strstr(from, "://") == NULL) {
    struct stat status;
    if (stat(from, &status) != 0) {
      return tw_error_errno(error, errno, "%s", from);
    }
    return S_ISDIR(status.st_mode) ? from_folder(job, from, error) : from_file(job, from, error);
  }
  char *url = NULL;
  TW_TRY(complete_url(job, from, &url, error));
  tw_status status = from_url(job, url, error);
  tw_free(url);
  return status;
}

/* ---- The job ----------------------------------------------------------------------------------------------------- */

static tw_status job_init(tw_pull_job *job, tw_error *error) {
  const char *name = job->entry->name;
  job->place = tw_path_join(job->folder, name);
  job->fresh = tw_format("%s/.%s.new", job->folder, name);
  job->old = tw_format("%s/.%s.old", job->folder, name);
  return job->place == NULL || job->fresh == NULL || job->old == NULL ? tw_error_memory(error) : TW_OK;
}

static void job_done(tw_pull_job *job) {
  tw_free(job->place);
  tw_free(job->fresh);
  tw_free(job->old);
}

/* The lock stays in the folder: removing it would let two have it. *ret_lock is closed to let go of it. */
static tw_status take_lock(const tw_pull_job *job, int *ret_lock, tw_error *error) {
  char *path = tw_format("%s/.%s.lock", job->folder, job->entry->name);
  if (path == NULL) {
    return tw_error_memory(error);
  }
  tw_status status = TW_OK;
  int file = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0666);
  if (file < 0) {
    status = tw_error_errno(error, errno, "%s: cannot be written", path);
  } else if (flock(file, LOCK_EX | LOCK_NB) != 0) {
    status = errno == EWOULDBLOCK
                 ? tw_error_set(error, TW_E_IO, "another topwork is pulling %s just now: wait until it is done",
                                job->entry->name)
                 : tw_error_errno(error, errno, "%s: cannot be locked", path);
    close(file);
  } else {
    *ret_lock = file;
  }
  tw_free(path);
  return status;
}

static tw_status run_locked(tw_pull_job *job, bool *ret_already, tw_error *error) {
  TW_TRY(tw_install_clear(job, error));
  TW_TRY(tw_install_check(job, ret_already, error));
  if (*ret_already) {
    return TW_OK;
  }
  tw_status status = from_anywhere(job, error);
  if (status != TW_OK) {
    tw_install_clear(job, NULL);
  }
  return status;
}

static tw_status run(tw_pull_job *job, tw_pulled *ret_pulled, tw_error *error) {
  TW_TRY(job_init(job, error));
  TW_TRY(tw_folder_make(job->folder, error));
  int lock;
  bool already = false;
  TW_TRY(take_lock(job, &lock, error));
  tw_status status = run_locked(job, &already, error);
  close(lock);
  if (status == TW_OK) {
    *ret_pulled = (tw_pulled){.folder = job->place, .already = already};
    job->place = NULL;
  }
  return status;
}

static tw_status no_folder(tw_error *error) {
  return tw_error_set(error, TW_E_IO, "there is no place for trunks: neither HOME nor XDG_DATA_HOME is set");
}

tw_status tw_pull(const tw_pull_entry *entry, const tw_pull_options *options, tw_pulled *ret_pulled, tw_error *error) {
  static const tw_pull_options defaults = {0};
  tw_error own; /* so that whoever adds a prefix has something to add it to */
  error = error == NULL ? &own : error;
  tw_pull_job job = {.entry = entry, .options = options == NULL ? &defaults : options};
  TW_TRY(tw_pull_module_open(&job.module, error));
  char *users = job.options->folder == NULL ? tw_user_data_path("models") : NULL;
  job.folder = job.options->folder == NULL ? users : job.options->folder;
  tw_status status = job.folder == NULL ? no_folder(error) : run(&job, ret_pulled, error);
  job_done(&job);
  tw_free(users);
  return status;
}

void tw_pulled_done(tw_pulled *pulled) {
  tw_free(pulled->folder);
  *pulled = (tw_pulled){0};
}
