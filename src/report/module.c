/* Opens topwork's modules of this floor. */
#include "report/module.h"

#include <dlfcn.h>

#include "base/base.h"

const void *tw_report_module(const char *file, const char *symbol) {
  char *path = tw_module_path(file);
  void *handle = path == NULL ? NULL : dlopen(path, RTLD_NOW | RTLD_LOCAL | RTLD_NODELETE);
  tw_free(path);
  return handle == NULL ? NULL : dlsym(handle, symbol);
}
