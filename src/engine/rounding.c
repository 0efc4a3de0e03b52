/* Rounding the weights of one channel of a result.
 *
 * The idea: what a kernel meets in one input is alike, neighbours in a picture being so, and errors of rounding that
 * add up to nothing over the kernel do little harm; the same, weighted by what the inputs are on average, over all
 * inputs. So some weights, those whose two integers are nearly as near, go to the other one, until the sums are small
 * (Guo et al., SQuant: On-the-Fly Data-Free Quantization via Diagonal Hessian Approximation, 2022; there without the
 * means). */
#include "engine/rounding.h"

#include <math.h>

/* To the other integer. */
static void flip(double *error, int8_t *rounded) {
  int step = *error > 0 ? -1 : 1;
  *rounded = (int8_t)(*rounded + step);
  *error += step;
}

/* Flips the worst until the errors of one kernel add up to at most a half; returns their sum. */
static double settle_kernel(double *errors, size_t kernel, int8_t *rounded) {
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
    flip(&errors[worst], &rounded[worst]);
    sum -= sign;
  }
  return sum;
}

/* Over all inputs: flips what is nearly as near to the other integer while that makes the weighted sum smaller. */
static void settle_channel(double *errors, size_t inputs, size_t kernel, const double *means, double sum,
                           int8_t *rounded) {
  for (double least = 0.45; least > 0.2; least -= 0.05) {
    for (size_t i = 0; i < inputs * kernel; i++) {
      double mean = means[i / kernel];
      double change = errors[i] > 0 ? -mean : mean;
      double magnitude = fabs(errors[i]);
      if (magnitude >= least && magnitude <= 0.5 && fabs(sum + change) < fabs(sum)) {
        flip(&errors[i], &rounded[i]);
        sum += change;
      }
    }
  }
}

void tw_round_weights(double *weights, size_t inputs, size_t kernel, const double *means, int8_t *ret_rounded) {
  double sum = 0;
  for (size_t i = 0; i < inputs * kernel; i++) {
    double nearest = rint(weights[i]);
    ret_rounded[i] = (int8_t)nearest;
    weights[i] = nearest - weights[i];
  }
  for (size_t i = 0; i < inputs; i++) {
    sum += means[i] * settle_kernel(weights + i * kernel, kernel, ret_rounded + i * kernel);
  }
  settle_channel(weights, inputs, kernel, means, sum, ret_rounded);
}
