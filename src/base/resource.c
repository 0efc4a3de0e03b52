/* Where topwork's own files are: the trunk that ships, loadable modules, and the folder for what the user adds. */
#include <dlfcn.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/base.h"

/* The folder of the program or library that this code is linked into; NULL when unknown. */
static char *own_folder(void) {
  static const char here;
  Dl_info info;
  char *file = NULL;
  if (dladdr(&here, &info) != 0 && info.dli_fname != NULL && strchr(info.dli_fname, '/') != NULL) {
    file = realpath(info.dli_fname, NULL);
  }
  if (file == NULL) { /* a program found through PATH knows only its name */
    file = realpath("/proc/self/exe", NULL);
  }
  char *folder = file == NULL ? NULL : tw_strndup(file, (size_t)(tw_path_base(file) - file));
  free(file);
  return folder;
}

/* `folder`/`relative` when it exists; NULL otherwise. `folder` may be NULL. */
static char *existing(const char *folder, const char *relative) {
  char *path = folder == NULL ? NULL : tw_path_join(folder, relative);
  if (path != NULL && access(path, F_OK) != 0) {
    tw_free(path);
    path = NULL;
  }
  return path;
}

/* The same below `inner`, which starts from our own folder; the file's real name, without the detour. */
static char *existing_beside(const char *own, const char *inner, const char *relative) {
  char *folder = own == NULL ? NULL : tw_path_join(own, inner);
  char *path = existing(folder, relative);
  char *real = path == NULL ? NULL : realpath(path, NULL);
  tw_free(folder);
  tw_free(path);
  path = real == NULL ? NULL : tw_strdup(real);
  free(real);
  return path;
}

static char *find(const char *variable, const char *const *inner, const char *installed, const char *relative) {
  char *path = existing(getenv(variable), relative);
  char *own = path == NULL ? own_folder() : NULL;
  for (; path == NULL && *inner != NULL; inner++) {
    path = existing_beside(own, *inner, relative);
  }
  tw_free(own);
  return path != NULL ? path : existing(installed, relative);
}

char *tw_data_path(const char *relative) {
  static const char *const inner[] = {"../share/topwork", "../../share/topwork", NULL};
  return find("TOPWORK_DATA", inner, TOPWORK_DATA_FOLDER, relative);
}

char *tw_module_path(const char *name) {
  static const char *const inner[] = {"../lib/topwork", "../" TOPWORK_LIBRARY_FOLDER "/topwork", "topwork", NULL};
  return find("TOPWORK_MODULES", inner, TOPWORK_MODULE_FOLDER, name);
}

char *tw_user_data_path(const char *relative) {
  const char *data = getenv("XDG_DATA_HOME");
  if (data != NULL && data[0] == '/') {
    return tw_format("%s/topwork/%s", data, relative);
  }
  const char *home = getenv("HOME");
  return home != NULL && home[0] == '/' ? tw_format("%s/.local/share/topwork/%s", home, relative) : NULL;
}

const void *tw_module_open(const char *name, const char *symbol, char ret_reason[TW_MODULE_REASON_SIZE]) {
  char *path = tw_module_path(name);
  void *handle = path == NULL ? NULL : dlopen(path, RTLD_NOW | RTLD_LOCAL | RTLD_NODELETE);
  const void *module = handle == NULL ? NULL : dlsym(handle, symbol);
  if (module == NULL && ret_reason != NULL) {
    const char *text = path == NULL ? NULL : dlerror();
    if (path == NULL) {
      snprintf(ret_reason, TW_MODULE_REASON_SIZE, "the module %s is not installed", name);
    } else {
      snprintf(ret_reason, TW_MODULE_REASON_SIZE, "%s", text == NULL ? "the module does not open" : text);
    }
  }
  tw_free(path);
  return module;
}
