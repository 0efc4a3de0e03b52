/* The recipe's inner loops for every processor, and the choice between them and the faster ones. */
#include "train/recipe_kernels.h"

#define WIDTH 4
#define TARGET
#include "train/recipe_kernels_body.h"

const tw_recipe_kernels *tw_recipe_kernels_portable(void) {
  return &kernels;
}

const tw_recipe_kernels *tw_recipe_kernels_choose(void) {
  const tw_recipe_kernels *avx2 = tw_recipe_kernels_avx2();
  return avx2 != NULL ? avx2 : &kernels;
}
