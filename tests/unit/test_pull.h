/* A small trunk to pull, its archive made by libarchive and its checksums by libcrypto, for the tests of the floor
 * `pull`; and folders to pull it into. */
#ifndef TW_TEST_PULL_H
#define TW_TEST_PULL_H

#include <archive.h>
#include <archive_entry.h>
#include <ftw.h>
#include <openssl/evp.h>
#include <string.h>
#include <sys/stat.h>

#include "base/base.h"
#include "pull/internal.h"
#include "pull/pull.h"
#include "support.h"

enum { SAMPLE_MEMBERS = 4, SAMPLE_NETWORK = 300000, SAMPLE_MAX_ITEMS = 80 };

/* ---- Folders ----------------------------------------------------------------------------------------------------- */

static char pull_root[64];

/* The texts are static; eight stay valid at a time. */
static inline const char *pull_path(const char *relative) {
  static char paths[8][512];
  static unsigned next;
  char *path = paths[next++ % 8];
  snprintf(path, sizeof paths[0], "%s/%s", pull_root, relative);
  return path;
}

static inline int pull_remove_one(const char *path, const struct stat *status, int kind, struct FTW *place) {
  (void)status, (void)kind, (void)place;
  return remove(path);
}

static inline int pull_setup(void **state) {
  (void)state;
  snprintf(pull_root, sizeof pull_root, "/tmp/topwork-test-XXXXXX");
  return mkdtemp(pull_root) == NULL ? -1 : 0;
}

static inline int pull_teardown(void **state) {
  (void)state;
  return nftw(pull_root, pull_remove_one, 8, FTW_DEPTH | FTW_PHYS);
}

static inline void pull_save(const char *relative, tw_bytes bytes) {
  tw_error error;
  if (tw_output_save(pull_path(relative), bytes, &error) != TW_OK) {
    fail_msg("%s", error.message);
  }
}

static inline bool pull_exists(const char *relative) {
  struct stat status;
  return lstat(pull_path(relative), &status) == 0;
}

static inline size_t pull_size(const char *relative) {
  struct stat status;
  return lstat(pull_path(relative), &status) == 0 ? (size_t)status.st_size : 0;
}

static inline bool pull_holds(const char *relative, tw_bytes wanted) {
  tw_buffer buffer = {0};
  bool same = tw_file_read(pull_path(relative), (size_t)1 << 30, &buffer, NULL) == TW_OK &&
              tw_bytes_equal(tw_buffer_bytes(&buffer), wanted);
  tw_buffer_done(&buffer);
  return same;
}

/* ---- Archives ---------------------------------------------------------------------------------------------------- */

typedef struct item {
  const char *path;
  mode_t type; /* AE_IFREG, ... */
  tw_bytes content;
  const char *symlink;
  const char *hardlink;
} item;

static inline la_ssize_t pull_on_packed(struct archive *archive, void *context, const void *data, size_t size) {
  (void)archive;
  tw_buffer_append(context, data, size);
  return (la_ssize_t)size;
}

/* A .tgz of these items, as hostile as they are. */
static inline void pull_pack(const item *items, size_t count, tw_buffer *archive) {
  struct archive *writer = archive_write_new();
  assert_int_equal(archive_write_set_format_pax_restricted(writer), ARCHIVE_OK);
  assert_int_equal(archive_write_add_filter_gzip(writer), ARCHIVE_OK);
  assert_int_equal(archive_write_open(writer, archive, NULL, pull_on_packed, NULL), ARCHIVE_OK);
  for (size_t i = 0; i < count; i++) {
    struct archive_entry *entry = archive_entry_new();
    archive_entry_set_pathname(entry, items[i].path);
    archive_entry_set_filetype(entry, items[i].type);
    archive_entry_set_perm(entry, 0644);
    archive_entry_set_size(entry, (la_int64_t)items[i].content.size);
    if (items[i].symlink != NULL) {
      archive_entry_set_symlink(entry, items[i].symlink);
    }
    if (items[i].hardlink != NULL) {
      archive_entry_set_hardlink(entry, items[i].hardlink);
    }
    assert_int_equal(archive_write_header(writer, entry), ARCHIVE_OK);
    if (items[i].content.size > 0) {
      assert_int_equal(archive_write_data(writer, items[i].content.data, items[i].content.size), items[i].content.size);
    }
    archive_entry_free(entry);
  }
  assert_int_equal(archive_write_close(writer), ARCHIVE_OK);
  archive_write_free(writer);
  assert_false(archive->failed);
}

/* Any bytes, compressed by gzip. */
static inline void pull_gzip(tw_bytes bytes, tw_buffer *packed) {
  struct archive *writer = archive_write_new();
  struct archive_entry *entry = archive_entry_new();
  assert_int_equal(archive_write_set_format_raw(writer), ARCHIVE_OK);
  assert_int_equal(archive_write_add_filter_gzip(writer), ARCHIVE_OK);
  assert_int_equal(archive_write_open(writer, packed, NULL, pull_on_packed, NULL), ARCHIVE_OK);
  archive_entry_set_filetype(entry, AE_IFREG);
  assert_int_equal(archive_write_header(writer, entry), ARCHIVE_OK);
  assert_int_equal(archive_write_data(writer, bytes.data, bytes.size), bytes.size);
  assert_int_equal(archive_write_close(writer), ARCHIVE_OK);
  archive_entry_free(entry);
  archive_write_free(writer);
  assert_false(packed->failed);
}

static inline void pull_blob_id(tw_bytes bytes, char ret_text[TW_PULL_BLOB_TEXT_SIZE]) {
  char head[32];
  unsigned char digest[EVP_MAX_MD_SIZE];
  int length = snprintf(head, sizeof head, "blob %zu", bytes.size);
  EVP_MD_CTX *hash = EVP_MD_CTX_new();
  assert_int_equal(EVP_DigestInit_ex(hash, EVP_sha1(), NULL), 1);
  assert_int_equal(EVP_DigestUpdate(hash, head, (size_t)length + 1), 1);
  assert_int_equal(EVP_DigestUpdate(hash, bytes.data, bytes.size), 1);
  assert_int_equal(EVP_DigestFinal_ex(hash, digest, NULL), 1);
  EVP_MD_CTX_free(hash);
  for (size_t i = 0; i < 20; i++) {
    snprintf(ret_text + 2 * i, 3, "%02x", digest[i]);
  }
}

/* ---- The sample -------------------------------------------------------------------------------------------------- */

static const char sample_card[] = "{\"name\": \"sample\", \"network\": \"network.bin\"}\n";

/* A trunk of four files: one that does not compress, a text, an empty one, a licence. */
typedef struct sample {
  uint8_t network[SAMPLE_NETWORK];
  item items[SAMPLE_MEMBERS];
  tw_pull_file members[SAMPLE_MEMBERS];
  char blobs[SAMPLE_MEMBERS + 1][TW_PULL_BLOB_TEXT_SIZE];
  tw_buffer archive;
  tw_pull_entry entry;
} sample;

/* Says that these are the bytes of the archive, whatever they are. */
static inline void sample_set_archive(sample *sample) {
  pull_blob_id(tw_buffer_bytes(&sample->archive), sample->blobs[SAMPLE_MEMBERS]);
  sample->entry.archive = (tw_pull_file){"sample.tgz", sample->archive.size, sample->blobs[SAMPLE_MEMBERS]};
}

static inline void sample_init(sample *sample) {
  tw_random random;
  tw_random_init(&random, 5);
  *sample = (struct sample){0};
  for (size_t i = 0; i < SAMPLE_NETWORK; i++) {
    sample->network[i] = (uint8_t)tw_random_u64(&random);
  }
  sample->items[0] = (item){.path = "network.bin", .content = {sample->network, SAMPLE_NETWORK}};
  sample->items[1] = (item){.path = "labels.txt", .content = tw_bytes_of("one\ntwo\n")};
  sample->items[2] = (item){.path = "empty", .content = {(const uint8_t *)"", 0}};
  sample->items[3] = (item){.path = "LICENSE", .content = tw_bytes_of("Apache License\n")};
  for (size_t i = 0; i < SAMPLE_MEMBERS; i++) {
    sample->items[i].type = AE_IFREG;
    pull_blob_id(sample->items[i].content, sample->blobs[i]);
    sample->members[i] = (tw_pull_file){sample->items[i].path, sample->items[i].content.size, sample->blobs[i]};
  }
  pull_pack(sample->items, SAMPLE_MEMBERS, &sample->archive);
  sample->entry = (tw_pull_entry){.name = "sample",
                                  .description = "A sample",
                                  .licence = "Apache-2.0",
                                  .url = "http://127.0.0.1:9/none",
                                  .count = SAMPLE_MEMBERS,
                                  .members = sample->members,
                                  .card = sample_card};
  sample_set_archive(sample);
}

static inline void sample_done(sample *sample) {
  tw_buffer_done(&sample->archive);
}

/* Every file of it is in models/sample, and nothing else is in models but the lock. */
static inline void sample_is_installed(const sample *sample) {
  uint64_t bytes;
  tw_error problem = {0};
  for (size_t i = 0; i < SAMPLE_MEMBERS; i++) {
    char path[128];
    snprintf(path, sizeof path, "models/sample/%s", sample->items[i].path);
    if (!pull_holds(path, sample->items[i].content)) {
      fail_msg("%s is not as it should be", path);
    }
  }
  assert_true(pull_holds("models/sample/trunk.json", tw_bytes_of(sample_card)));
  assert_int_equal(tw_pull_look(&sample->entry, pull_path("models"), &bytes, &problem), TW_PULL_INSTALLED);
  assert_int_equal(bytes, 0);
  assert_false(pull_exists("models/.sample.new"));
  assert_false(pull_exists("models/.sample.old"));
  assert_false(pull_exists("models/sample.part"));
  assert_false(pull_exists("models/sample.part.from"));
}

static inline void sample_is_absent(void) {
  assert_false(pull_exists("models/sample"));
  assert_false(pull_exists("models/.sample.new"));
  assert_false(pull_exists("models/.sample.old"));
}

/* ---- Pulling ----------------------------------------------------------------------------------------------------- */

/* What the notes of the last pull said, one a line. */
static char pull_notes[8192];

static inline void pull_on_note(void *context, const char *line) {
  (void)context;
  size_t used = strlen(pull_notes);
  snprintf(pull_notes + used, sizeof pull_notes - used, "%s\n", line);
}

static inline tw_status pull_run(const sample *sample, const char *from, tw_ticker *ticker, tw_pulled *ret_pulled,
                                 tw_error *error) {
  tw_pull_options options = {.folder = pull_path("models"),
                             .from = from,
                             .ticker = ticker,
                             .note = pull_on_note,
                             .retry_milliseconds = 1,
                             .stall_seconds = 1};
  pull_notes[0] = '\0';
  return tw_pull(&sample->entry, &options, ret_pulled, error);
}

/* It works; already: because it was there. */
static inline void pull_works(const sample *sample, const char *from, bool already) {
  tw_error error = {0};
  tw_pulled pulled = {0};
  tw_status status = pull_run(sample, from, NULL, &pulled, &error);
  if (status != TW_OK) {
    fail_msg("status %d: %s", (int)status, error.message);
  }
  assert_string_equal(pulled.folder, pull_path("models/sample"));
  assert_int_equal(pulled.already, already);
  tw_pulled_done(&pulled);
  sample_is_installed(sample);
}

/* It fails with this status and one line that holds these words. */
static inline void pull_fails(const sample *sample, const char *from, tw_status wanted, const char *words) {
  tw_error error = {0};
  tw_pulled pulled = {.folder = (char *)"untouched"};
  tw_status status = pull_run(sample, from, NULL, &pulled, &error);
  if (status != wanted || error.code != wanted || strstr(error.message, words) == NULL) {
    fail_msg("status %d, wanted %d; '%s' should hold '%s'", (int)status, (int)wanted, error.message, words);
  }
  assert_string_equal(pulled.folder, "untouched");
  assert_false(pull_exists("models/.sample.new"));
  assert_false(pull_exists("models/.sample.old"));
}

#endif
