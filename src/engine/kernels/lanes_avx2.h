/* Vectors of eight floats: AVX2 with fused multiply-adds. */
#include <immintrin.h>

#define TARGET __attribute__((target("avx2,fma")))
#define INLINE static inline __attribute__((always_inline)) TARGET

enum { WIDTH = 8 };
typedef __m256 vector;

INLINE vector load(const float *from) {
  return _mm256_loadu_ps(from);
}
INLINE void store(float *to, vector a) {
  _mm256_storeu_ps(to, a);
}
INLINE vector spread(const float *from) {
  return _mm256_broadcast_ss(from);
}
INLINE vector zeros(void) {
  return _mm256_setzero_ps();
}
INLINE vector add(vector a, vector b) {
  return _mm256_add_ps(a, b);
}
INLINE vector subtract(vector a, vector b) {
  return _mm256_sub_ps(a, b);
}
INLINE vector times(vector a, vector b) {
  return _mm256_mul_ps(a, b);
}
INLINE vector larger(vector a, vector b) {
  return _mm256_max_ps(a, b);
}
INLINE vector smaller(vector a, vector b) {
  return _mm256_min_ps(a, b);
}
/* a * b + c and c - a * b, rounded once. */
INLINE vector multiply_add(vector a, vector b, vector c) {
  return _mm256_fmadd_ps(a, b, c);
}
INLINE vector multiply_subtract(vector a, vector b, vector c) {
  return _mm256_fnmadd_ps(a, b, c);
}
