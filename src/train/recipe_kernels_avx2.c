/* The recipe's inner loops in AVX2. */
#include "train/recipe_kernels.h"

#if defined(__x86_64__) && defined(__GNUC__)

#define WIDTH 8
#define TARGET __attribute__((target("avx2")))
#include "train/recipe_kernels_body.h"

const tw_recipe_kernels *tw_recipe_kernels_avx2(void) {
  return __builtin_cpu_supports("avx2") ? &kernels : NULL;
}

#else

const tw_recipe_kernels *tw_recipe_kernels_avx2(void) {
  return NULL;
}

#endif
