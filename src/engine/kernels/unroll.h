/* Loops over vectors that have to stay in registers. */
#ifndef TW_ENGINE_KERNELS_UNROLL_H
#define TW_ENGINE_KERNELS_UNROLL_H

#if defined(__clang__)
#define UNROLL _Pragma("clang loop unroll(full)")
#else
#define UNROLL _Pragma("GCC unroll 16")
#endif
/* A loop that is unrolled: with literal bounds, so that every compiler can do that before it inlines. */
#define EACH(i, most, count)          \
  UNROLL                              \
  for (size_t i = 0; i < (most); i++) \
    if (i < (count))

#endif
