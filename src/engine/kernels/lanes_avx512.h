/* Vectors of sixteen floats: AVX-512. */
#include <immintrin.h>

#define TARGET __attribute__((target("avx512f")))
#define INLINE static inline __attribute__((always_inline)) TARGET

enum { WIDTH = 16 };
typedef __m512 vector;

INLINE vector load(const float *from) {
  return _mm512_loadu_ps(from);
}
INLINE void store(float *to, vector a) {
  _mm512_storeu_ps(to, a);
}
INLINE vector spread(const float *from) {
  return _mm512_set1_ps(*from);
}
INLINE vector zeros(void) {
  return _mm512_setzero_ps();
}
INLINE vector add(vector a, vector b) {
  return _mm512_add_ps(a, b);
}
INLINE vector subtract(vector a, vector b) {
  return _mm512_sub_ps(a, b);
}
INLINE vector times(vector a, vector b) {
  return _mm512_mul_ps(a, b);
}
INLINE vector larger(vector a, vector b) {
  return _mm512_max_ps(a, b);
}
INLINE vector smaller(vector a, vector b) {
  return _mm512_min_ps(a, b);
}
/* a * b + c and c - a * b, rounded once. */
INLINE vector multiply_add(vector a, vector b, vector c) {
  return _mm512_fmadd_ps(a, b, c);
}
INLINE vector multiply_subtract(vector a, vector b, vector c) {
  return _mm512_fnmadd_ps(a, b, c);
}
