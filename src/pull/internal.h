/* Private to the floor `pull`: what its parts share. A job is one pull; its parts are blob.c (checksums), part.c (the
 * archive as far as it has come), download.c, unpack.c (which entries of an archive are let through), install.c (the
 * folder, from its first file to its name) and pull.c, which puts them in order. */
#ifndef TW_PULL_INTERNAL_H
#define TW_PULL_INTERNAL_H

#include "pull/module/module.h"
#include "pull/pull.h"

#define TW_PULL_CARD "trunk.json"
enum { TW_PULL_PIECE = 1 << 17 /* bytes read or hashed at a time */ };

typedef struct tw_pull_job {
  const tw_pull_entry *entry;
  const tw_pull_options *options;
  const tw_pull_module *module;
  const char *folder;  /* of all trunks */
  char *place;         /* FOLDER/NAME, where the trunk will be */
  char *fresh;         /* FOLDER/.NAME.new, where it is put together */
  char *old;           /* FOLDER/.NAME.old, where a damaged one goes */
  tw_progress reached; /* what is reported */
} tw_pull_job;

/* ---- What a job says (pull.c) ------------------------------------------------------------------------------------ */

void tw_pull_note(const tw_pull_job *job, const char *format, ...) TW_PRINTF(2, 3);
/* A new stage of so many bytes, of which `had` were there before. */
void tw_pull_stage(tw_pull_job *job, const char *stage, uint64_t total, uint64_t had);
/* Moves on by so many bytes (0: only asks). False when the job should stop. */
bool tw_pull_advance(tw_pull_job *job, uint64_t bytes);
tw_status tw_pull_cancelled(const tw_pull_job *job, tw_error *error);

/* ---- The module (module.c) --------------------------------------------------------------------------------------- */

/* Opens topwork-pull.so the first time. TW_E_UNSUPPORTED with what to install. Thread-safe. */
tw_status tw_pull_module_open(const tw_pull_module **ret_module, tw_error *error);

/* ---- Checksums (blob.c) ------------------------------------------------------------------------------------------ */

/* The git blob id of bytes that come piece by piece; `size` must be known before. NULL: out of memory. */
void *tw_blob_begin(const tw_pull_module *module, uint64_t size);
tw_status tw_blob_add(const tw_pull_module *module, void *blob, const void *data, size_t size, tw_error *error);
/* Frees it in any case; *ret_right: it is this one. */
tw_status tw_blob_end(const tw_pull_module *module, void *blob, const char *wanted, bool *ret_right, tw_error *error);
/* TW_E_FORMAT, "<path>: ...", when the open file is not `wanted`, byte for byte. Reads it by pread; advances the job.
 */
tw_status tw_blob_check(tw_pull_job *job, int file, const char *path, const tw_pull_file *wanted, tw_error *error);

/* ---- The part (part.c) ------------------------------------------------------------------------------------------- */

enum { TW_PART_MAX_NOTE = 1024 /* bytes of the file beside it */ };

/* FOLDER/NAME.part, and FOLDER/NAME.part.from beside it, which says where it comes from. */
typedef struct tw_part {
  char *path;
  char *note;                       /* path of the file beside it */
  int file;                         /* open for reading and writing */
  uint64_t have;                    /* bytes */
  uint64_t size;                    /* bytes of all of it */
  tw_hash source;                   /* of the URL, which may hold a password */
  char only_if[TW_PULL_FIELD_SIZE]; /* what If-Range asks; empty: the server gave nothing that would do */
} tw_part;

char *tw_part_path(const char *folder, const char *name);
/* What a note says of a part of `size` bytes from `source`: false when it is about another one, or no such note. */
bool tw_part_note_parse(tw_bytes text, const tw_hash *source, uint64_t size, char only_if[TW_PULL_FIELD_SIZE]);
/* Opens what is there, or an empty one. What cannot be gone on with is emptied: it comes from elsewhere, or is too
 * large; all of the archive is kept whatever its source. */
tw_status tw_part_open(const tw_pull_job *job, const char *url, tw_part *ret_part, tw_error *error);
/* Empties it, for bytes of which the server says so. */
tw_status tw_part_restart(tw_part *part, const tw_fetch_head *head, tw_error *error);
tw_status tw_part_append(tw_part *part, const void *data, size_t size, tw_error *error);
void tw_part_remove(const tw_part *part); /* the files; the part stays open */
void tw_part_close(tw_part *part);        /* the files stay */

/* ---- Downloading (download.c) ------------------------------------------------------------------------------------ */

/* A Content-Range, "bytes 100-199/200" (RFC 9110, 14.4): *ret_total is 0 for "*". False when it is none. */
bool tw_range_parse(const char *text, uint64_t *ret_first, uint64_t *ret_last, uint64_t *ret_total);
/* Brings the part to the archive's size. Its contents are not checked. shown: the URL for messages; error: not NULL. */
tw_status tw_pull_download(tw_pull_job *job, const char *url, const char *shown, tw_part *part, tw_error *error);
/* `url` as it may be shown: without user and password. Allocated; NULL when out of memory. */
char *tw_url_shown(const char *url);

/* ---- Unpacking (unpack.c) ---------------------------------------------------------------------------------------- */

/* Writes the archive's members into job->fresh, all of them or TW_E_FORMAT: any entry that is not one of them, or
 * twice, or not a plain file of the right size and blob id is an error. `path` is for messages. */
tw_status tw_pull_unpack(tw_pull_job *job, int archive, const char *path, tw_error *error);

/* ---- Installing (install.c) -------------------------------------------------------------------------------------- */

/* A member on its way into job->fresh. */
typedef struct tw_member {
  const tw_pull_file *wanted;
  char *path;
  int file;
  void *blob;
  uint64_t have;
} tw_member;

tw_status tw_member_open(const tw_pull_job *job, const tw_pull_file *wanted, tw_member *ret_member, tw_error *error);
tw_status tw_member_write(tw_pull_job *job, tw_member *member, const void *data, size_t size, tw_error *error);
/* Checks and syncs it; frees it in any case, also one that is all zeros. */
tw_status tw_member_close(const tw_pull_job *job, tw_member *member, tw_error *error);
void tw_member_discard(const tw_pull_job *job, tw_member *member);

/* Removes what an earlier pull may have left, job->fresh and job->old. */
tw_status tw_install_clear(const tw_pull_job *job, tw_error *error);
/* Makes job->fresh, and begins the stage "unpacking". */
tw_status tw_install_begin(tw_pull_job *job, tw_error *error);
/* Copies the members out of a folder that holds them. */
tw_status tw_install_copy(tw_pull_job *job, const char *from, tw_error *error);
/* Writes the card and gives job->fresh its name; what was under that name goes. */
tw_status tw_install_finish(const tw_pull_job *job, tw_error *error);
/* *ret_intact: every byte of what is in job->place is right. Its card is written again when it says something else.
 * TW_E_IO when it is not, and something else lies there that replacing it would lose. */
tw_status tw_install_check(tw_pull_job *job, bool *ret_intact, tw_error *error);

/* Writes all of it at the file's position. False and errno. */
bool tw_write_all(int file, const void *data, size_t size);

#endif
