/* Rounding the weights of one channel of a result.
 *
 * The idea: what a kernel meets in one input is alike, neighbours in a picture being so, and errors of rounding that
 * add up to nothing over the kernel do little harm. So some weights, those whose two integers are nearly as near, go to
 * the other one, until the sum is small (the first step of Guo et al., SQuant: On-the-Fly Data-Free Quantization via
 * Diagonal Hessian Approximation, 2022). The same over all inputs of a channel, SQuant's second step, does harm: means
 * are in the biases already, and what is left of the inputs has little in common. */
#include "engine/rounding.h"

#include <math.h>

/* Moves the worst until the errors of one kernel add up to at most a half. */
static void settle(double *errors, size_t kernel, int8_t *rounded) {
  double sum = 0;
  for (size_t i = 0; i < kernel; i++) {
    sum += errors[i];
  }
  while (fabs(sum) > 0.5) {
    size_t worst = 0;
    double sign = sum > 0 ? 1 : -1;
    for (size_t i = 1; i < kernel; i++) {
      worst = sign * errors[i] > sign * errors[worst] ? i : worst;
    }
    rounded[worst] = (int8_t)(rounded[worst] - (int)sign);
    errors[worst] -= sign;
    sum -= sign;
  }
}

void tw_round_weights(double *weights, size_t inputs, size_t kernel, int8_t *ret_rounded) {
  for (size_t i = 0; i < inputs * kernel; i++) {
    double nearest = rint(weights[i]);
    ret_rounded[i] = (int8_t)nearest;
    weights[i] = nearest - weights[i];
  }
  for (size_t i = 0; i < inputs; i++) {
    settle(weights + i * kernel, kernel, ret_rounded + i * kernel);
  }
}
