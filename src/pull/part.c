/* The archive as far as it has come, and a note beside it of where it comes from, so that a later run goes on only with
 * bytes of the same file. The note is on disk before the first byte that it is about. */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "pull/internal.h"

#define FIRST_LINE "topwork part 1"

char *tw_part_path(const char *folder, const char *name) {
  return tw_format("%s/%s.part", folder, name);
}

/* ---- The note ---------------------------------------------------------------------------------------------------- */

/* What goes into a header of ours: printable, no line's end. */
static bool is_field(const char *text) {
  for (; *text != '\0'; text++) {
    unsigned char byte = (unsigned char)*text;
    if (byte < 0x20 || byte == 0x7f) {
      return false;
    }
  }
  return true;
}

/* The rest of the line when it opens with these words; moves *text behind it. */
static bool take_line(tw_bytes *text, const char *words, char *ret, size_t size) {
  size_t used = strlen(words);
  const uint8_t *end = text->size == 0 ? NULL : memchr(text->data, '\n', text->size);
  if (end == NULL || (size_t)(end - text->data) < used || memcmp(text->data, words, used) != 0) {
    return false;
  }
  size_t length = (size_t)(end - text->data) - used;
  if (length >= size || memchr(text->data + used, '\0', length) != NULL) {
    return false;
  }
  memcpy(ret, text->data + used, length);
  ret[length] = '\0';
  *text = (tw_bytes){end + 1, text->size - used - length - 1};
  return true;
}

bool tw_part_note_parse(tw_bytes text, const tw_hash *source, uint64_t size, char only_if[TW_PULL_FIELD_SIZE]) {
  char line[TW_PULL_FIELD_SIZE];
  char wanted_source[TW_HASH_TEXT_SIZE];
  char wanted_size[24];
  snprintf(wanted_size, sizeof wanted_size, "%" PRIu64, size);
  tw_hash_text(source, wanted_source);
  if (!take_line(&text, FIRST_LINE, line, sizeof line) || line[0] != '\0' ||
      !take_line(&text, "source ", line, sizeof line) || strcmp(line, wanted_source) != 0 ||
      !take_line(&text, "size ", line, sizeof line) || strcmp(line, wanted_size) != 0 ||
      !take_line(&text, "if-range ", line, sizeof line) || text.size != 0 || !is_field(line)) {
    return false;
  }
  memcpy(only_if, line, sizeof line);
  return true;
}

static tw_status write_note(const tw_part *part, tw_error *error) {
  tw_buffer buffer = {0};
  char source[TW_HASH_TEXT_SIZE];
  tw_buffer_format(&buffer, FIRST_LINE "\nsource %s\nsize %" PRIu64 "\nif-range %s\n",
                   tw_hash_text(&part->source, source), part->size, part->only_if);
  tw_status status = tw_buffer_status(&buffer, error);
  status = status == TW_OK ? tw_output_save(part->note, tw_buffer_bytes(&buffer), error) : status;
  tw_buffer_done(&buffer);
  return status;
}

/* Whether what is there may be gone on with. */
static bool read_note(tw_part *part) {
  tw_buffer buffer = {0};
  bool good = tw_file_read(part->note, TW_PART_MAX_NOTE, &buffer, NULL) == TW_OK &&
              tw_part_note_parse(tw_buffer_bytes(&buffer), &part->source, part->size, part->only_if);
  tw_buffer_done(&buffer);
  return good;
}

/* What If-Range may ask for: a strong ETag, or the date (RFC 9110, 13.1.5). */
static void choose_only_if(tw_part *part, const tw_fetch_head *head) {
  const char *text = head->etag[0] == '"' && is_field(head->etag) ? head->etag
                     : is_field(head->modified)                   ? head->modified
                                                                  : "";
  snprintf(part->only_if, sizeof part->only_if, "%s", text);
}

/* ---- The bytes --------------------------------------------------------------------------------------------------- */

bool tw_write_all(int file, const void *data, size_t size) {
  const uint8_t *at = data;
  while (size > 0) {
    ssize_t done = write(file, at, size);
    if (done < 0 && errno != EINTR) {
      return false;
    }
    at += done > 0 ? done : 0;
    size -= done > 0 ? (size_t)done : 0;
  }
  return true;
}

static tw_status cannot_be_written(const char *path, tw_error *error) {
  return tw_error_errno(error, errno, "%s: cannot be written", path);
}

static tw_status empty(tw_part *part, tw_error *error) {
  if (ftruncate(part->file, 0) != 0 || lseek(part->file, 0, SEEK_SET) != 0) {
    return cannot_be_written(part->path, error);
  }
  part->have = 0;
  return TW_OK;
}

static tw_status open_file(tw_part *part, tw_error *error) {
  struct stat status;
  part->file = open(part->path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK, 0666);
  if (part->file < 0) {
    return cannot_be_written(part->path, error);
  }
  if (fstat(part->file, &status) != 0) {
    return tw_error_errno(error, errno, "%s", part->path);
  }
  if (!S_ISREG(status.st_mode)) {
    return tw_error_set(error, TW_E_IO, "%s: is in the way of the download: it is no file", part->path);
  }
  part->have = (uint64_t)status.st_size;
  bool whole = part->have == part->size;
  bool good = part->have < part->size && read_note(part);
  if (!whole && !good) {
    return empty(part, error);
  }
  return lseek(part->file, 0, SEEK_END) >= 0 ? TW_OK : tw_error_errno(error, errno, "%s", part->path);
}

tw_status tw_part_open(const tw_pull_job *job, const char *url, tw_part *ret_part, tw_error *error) {
  tw_part part = {.path = tw_part_path(job->folder, job->entry->name),
                  .file = -1,
                  .size = job->entry->archive.size,
                  .source = tw_hash_of(url, strlen(url))};
  part.note = part.path == NULL ? NULL : tw_format("%s.from", part.path);
  tw_status status = part.note == NULL ? tw_error_memory(error) : open_file(&part, error);
  if (status != TW_OK) {
    tw_part_close(&part);
    return status;
  }
  *ret_part = part;
  return TW_OK;
}

tw_status tw_part_restart(tw_part *part, const tw_fetch_head *head, tw_error *error) {
  TW_TRY(empty(part, error));
  choose_only_if(part, head);
  return write_note(part, error);
}

tw_status tw_part_append(tw_part *part, const void *data, size_t size, tw_error *error) {
  if (!tw_write_all(part->file, data, size)) {
    return cannot_be_written(part->path, error);
  }
  part->have += size;
  return TW_OK;
}

void tw_part_remove(const tw_part *part) {
  unlink(part->path);
  unlink(part->note);
}

void tw_part_close(tw_part *part) {
  if (part->file >= 0) {
    close(part->file);
  }
  tw_free(part->path);
  tw_free(part->note);
  *part = (tw_part){.file = -1};
}
