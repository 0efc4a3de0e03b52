/* What every test program includes: cmocka, and where the reference data is. */
#ifndef TW_TESTS_SUPPORT_H
#define TW_TESTS_SUPPORT_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

/* Exit status of a program that found nothing to test. */
enum { TW_TEST_SKIPPED = 77 };

/* `relative` inside the folder of reference data (TOPWORK_SHARED, or `shared` beside the checkout); NULL when it is not
 * there. The text is static and overwritten by the next call. */
static inline const char *shared_path(const char *relative) {
  static char path[4096];
  const char *folder = getenv("TOPWORK_SHARED");
  snprintf(path, sizeof path, "%s/%s", folder != NULL ? folder : TW_SOURCE_DIR "/../shared", relative);
  return access(path, R_OK) == 0 ? path : NULL;
}

#endif
