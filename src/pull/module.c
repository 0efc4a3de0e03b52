/* The core's side of topwork-pull.so: opens it when the first pull begins. Not linking it keeps libcurl, libarchive,
 * libcrypto and the dozens of libraries that these need out of every start. */
#include <dlfcn.h>
#include <pthread.h>

#include "pull/internal.h"

/* The module stays open for the life of the process: its libraries keep what cannot be started twice. */
static struct {
  pthread_once_t once;
  const tw_pull_module *module; /* NULL: not to be had, `reason` says why */
  char reason[512];
} loaded = {.once = PTHREAD_ONCE_INIT};

#define REMEDY                                                                                         \
  "install libcurl, libarchive and libcrypto (Debian: apt install libcurl4 libarchive13 libssl3) and " \
  "topwork's module " TW_PULL_FILE

static void load(void) {
  char *path = tw_module_path(TW_PULL_FILE);
  if (path == NULL) {
    snprintf(loaded.reason, sizeof loaded.reason, "the module " TW_PULL_FILE " is not installed: " REMEDY);
    return;
  }
  void *handle = dlopen(path, RTLD_NOW | RTLD_LOCAL | RTLD_NODELETE);
  tw_free(path);
  const tw_pull_module *module = handle == NULL ? NULL : dlsym(handle, TW_PULL_SYMBOL);
  if (module == NULL) {
    const char *text = dlerror();
    snprintf(loaded.reason, sizeof loaded.reason, "%s: " REMEDY, text == NULL ? "the module does not open" : text);
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
