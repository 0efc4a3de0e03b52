/* The loops of our kernels in AVX2. */
#include <string.h>

#include "engine/kernels/internal.h"

#if defined(__x86_64__) && defined(__GNUC__)

#include "engine/kernels/lanes_avx2.h"
#include "engine/kernels/pool_body.h"
#include "engine/kernels/winograd_body.h"

const tw_kernel_set *tw_kernel_set_avx2(void) {
  static const tw_kernel_set set = {winograd_run, pool_run};
  return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") ? &set : NULL;
}

#else

const tw_kernel_set *tw_kernel_set_avx2(void) {
  return NULL;
}

#endif
