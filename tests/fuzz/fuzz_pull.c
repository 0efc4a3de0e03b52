/* Fuzz target: what a pull reads that others have written: an archive (through the module, when it is there), a
 * Content-Range, the note beside a part. Of an archive only the members that are wanted may come into being, each of
 * its size at most; what is parsed must be in its limits. */
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "pull/internal.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(bool fine) {
  if (!fine) {
    abort();
  }
}

static const tw_pull_file members[] = {
    {"a", 3, "f2ba8f84ab5c1bce84a7b441cb1959cfc7093b7f"}, /* "abc" */
    {"b", 0, "e69de29bb2d1d6434b8b29ae775ad8c2e48c5391"}, /* nothing */
};
static const tw_pull_entry entry = {
    .name = "fuzz", .archive = {"fuzz.tgz", 0, ""}, .count = 2, .members = members, .card = "{}"};

static char fresh[] = "/tmp/topwork-fuzz-XXXXXX";

static void remove_fresh(void) {
  rmdir(fresh);
}

static void try_archive(const tw_pull_module *module, const uint8_t *data, size_t size) {
  static const tw_pull_options options = {0};
  static bool begun;
  if (!begun) {
    check(mkdtemp(fresh) != NULL && atexit(remove_fresh) == 0);
    begun = true;
  }
  tw_error error = {0};
  tw_pull_job job = {.entry = &entry, .options = &options, .module = module, .folder = "/nowhere", .fresh = fresh};
  int file = memfd_create("fuzz", MFD_CLOEXEC);
  check(file >= 0 && tw_write_all(file, data, size));
  tw_pull_stage(&job, "unpacking", 3, 0);
  tw_status status = tw_pull_unpack(&job, file, "fuzz.tgz", &error);
  close(file);
  check(status == TW_OK || error.message[0] != '\0');
  for (size_t i = 0; i < entry.count; i++) {
    char path[64];
    struct stat there;
    snprintf(path, sizeof path, "%s/%s", fresh, members[i].name);
    bool made = lstat(path, &there) == 0;
    check(made || status != TW_OK);
    check(!made || (S_ISREG(there.st_mode) && (uint64_t)there.st_size <= members[i].size));
    unlink(path);
  }
  check(rmdir(fresh) == 0 && mkdir(fresh, 0700) == 0); /* nothing else was in it */
}

static void try_texts(const uint8_t *data, size_t size) {
  uint64_t first = 0;
  uint64_t last = 0;
  uint64_t total = 0;
  char only_if[TW_PULL_FIELD_SIZE];
  char *text = tw_strndup((const char *)data, size);
  tw_hash source = tw_hash_of("fuzz", 4);
  check(text != NULL);
  if (tw_range_parse(text, &first, &last, &total)) {
    check(first <= last && (total == 0 || last < total));
  }
  if (tw_part_note_parse((tw_bytes){data, size}, &source, 7, only_if)) {
    check(strpbrk(only_if, "\r\n") == NULL && strlen(only_if) < sizeof only_if);
  }
  char *shown = tw_url_shown(text);
  check(shown != NULL && strlen(shown) <= strlen(text));
  tw_free(shown);
  tw_free(text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  const tw_pull_module *module;
  try_texts(data, size);
  if (tw_pull_module_open(&module, NULL) == TW_OK) {
    try_archive(module, data, size);
  }
  return 0;
}
