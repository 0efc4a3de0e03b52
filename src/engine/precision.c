/* The names of the precisions. What a processor can do is the kernel library's to say (dnnl/precision.c). */
#include <string.h>

#include "engine/engine.h"

static const char *const names[TW_PRECISION_COUNT] = {
    [TW_PRECISION_F32] = "f32", [TW_PRECISION_BF16] = "bf16", [TW_PRECISION_INT8] = "int8"};

const char *tw_precision_name(tw_precision precision) {
  return names[precision];
}

bool tw_precision_parse(const char *name, tw_precision *ret_precision) {
  for (int i = 0; i < TW_PRECISION_COUNT; i++) {
    if (strcmp(name, names[i]) == 0) {
      *ret_precision = (tw_precision)i;
      return true;
    }
  }
  return false;
}
