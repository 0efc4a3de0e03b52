/* Rounding the weights of one channel of a result. */
#ifndef TW_ENGINE_ROUNDING_H
#define TW_ENGINE_ROUNDING_H

#include "base/base.h"

/* `weights`: inputs x kernel, in units of the step, become the errors of rounding (rounded - exact). Each goes to one
 * of the two integers beside it, most to the nearer one. */
void tw_round_weights(double *weights, size_t inputs, size_t kernel, int8_t *ret_rounded);

#endif
