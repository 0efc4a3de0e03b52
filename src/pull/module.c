/* The core's side of topwork-pull.so: opens it when the first pull begins. Not linking it keeps libcurl, libarchive,
 * libcrypto and the dozens of libraries that these need out of every start. */
#include <pthread.h>

#include "pull/internal.h"

/* The module stays open for the life of the process: its libraries keep what cannot be started twice. */
static struct {
  pthread_once_t once;
  const tw_pull_module *module; /* NULL: not to be had, `reason` says why */
  char reason[TW_MODULE_REASON_SIZE + 256];
} loaded = {.once = PTHREAD_ONCE_INIT};

#define REMEDY                                                                                         \
  "install libcurl, libarchive and libcrypto (Debian: apt install libcurl4 libarchive13 libssl3) and " \
  "topwork's module " TW_PULL_FILE

static void load(void) {
  char why[TW_MODULE_REASON_SIZE];
  const tw_pull_module *module = tw_module_open(TW_PULL_FILE, TW_PULL_SYMBOL, why);
  if (module == NULL) {
    snprintf(loaded.reason, sizeof loaded.reason, "%s: %s", why, REMEDY);
  } else if (module->version != TW_PULL_VERSION) {
    snprintf(loaded.reason, sizeof loaded.reason, "the module " TW_PULL_FILE " belongs to another version of topwork");
  } else if (!module->start()) {
    snprintf(loaded.reason, sizeof loaded.reason, "libcurl does not start: " REMEDY);
  } else {
    loaded.module = module;
  }
}

tw_status tw_pull_module_open(const tw_pull_module **ret_module, tw_error *error) {
  pthread_once(&loaded.once, load);
  if (loaded.module == NULL) {
    return tw_error_set(error, TW_E_UNSUPPORTED, "nothing can be pulled: %s", loaded.reason);
  }
  *ret_module = loaded.module;
  return TW_OK;
}
