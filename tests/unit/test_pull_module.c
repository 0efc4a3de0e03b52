/* A pull without its module: one clear line. A program of its own, because the answer is remembered for the life of the
 * process. */
#include <string.h>

#include "pull/pull.h"
#include "support.h"

static char folder[] = "/tmp/topwork-test-XXXXXX";

static void says_what_to_install(void **state) {
  (void)state;
  const tw_pull_entry *entry = tw_pull_find("inception-2015");
  tw_pull_options options = {.folder = folder, .from = folder};
  tw_pulled pulled;
  tw_error error;
  for (size_t i = 0; i < 2; i++) {
    assert_int_equal(tw_pull(entry, &options, &pulled, &error), TW_E_UNSUPPORTED);
    assert_int_equal(error.code, TW_E_UNSUPPORTED);
    assert_memory_equal(error.message, "nothing can be pulled: ", 23);
    assert_non_null(strstr(error.message, "install libcurl, libarchive and libcrypto"));
    assert_non_null(strstr(error.message, "topwork-pull.so"));
  }
  uint64_t bytes;
  assert_int_equal(tw_pull_look(entry, folder, &bytes, NULL), TW_PULL_ABSENT);
}

int main(void) {
  if (mkdtemp(folder) == NULL || setenv("TOPWORK_MODULES", folder, 1) != 0) {
    return 1;
  }
  char *path = tw_path_join(folder, "topwork-pull.so");
  if (tw_output_save(path, tw_bytes_of("not a module"), NULL) != TW_OK) {
    return 1;
  }
  const struct CMUnitTest tests[] = {cmocka_unit_test(says_what_to_install)};
  int failed = cmocka_run_group_tests(tests, NULL, NULL);
  unlink(path);
  rmdir(folder);
  tw_free(path);
  return failed;
}
