/* Vectors of sixteen floats, each two of AVX2: so that what is written for AVX-512 can be tested without it. As
 * engine/kernels/lanes_avx2.h. */
#include <immintrin.h>

#define TARGET __attribute__((target("avx2,fma")))
#define INLINE static inline __attribute__((always_inline)) TARGET

enum { WIDTH = 16 };
typedef struct vector {
  __m256 low;
  __m256 high;
} vector;

INLINE vector load(const float *from) {
  return (vector){_mm256_loadu_ps(from), _mm256_loadu_ps(from + 8)};
}
INLINE void store(float *to, vector a) {
  _mm256_storeu_ps(to, a.low);
  _mm256_storeu_ps(to + 8, a.high);
}
INLINE vector spread(const float *from) {
  return (vector){_mm256_broadcast_ss(from), _mm256_broadcast_ss(from)};
}
INLINE vector zeros(void) {
  return (vector){_mm256_setzero_ps(), _mm256_setzero_ps()};
}
INLINE vector add(vector a, vector b) {
  return (vector){_mm256_add_ps(a.low, b.low), _mm256_add_ps(a.high, b.high)};
}
INLINE vector subtract(vector a, vector b) {
  return (vector){_mm256_sub_ps(a.low, b.low), _mm256_sub_ps(a.high, b.high)};
}
INLINE vector times(vector a, vector b) {
  return (vector){_mm256_mul_ps(a.low, b.low), _mm256_mul_ps(a.high, b.high)};
}
INLINE vector larger(vector a, vector b) {
  return (vector){_mm256_max_ps(a.low, b.low), _mm256_max_ps(a.high, b.high)};
}
INLINE vector smaller(vector a, vector b) {
  return (vector){_mm256_min_ps(a.low, b.low), _mm256_min_ps(a.high, b.high)};
}
INLINE vector multiply_add(vector a, vector b, vector c) {
  return (vector){_mm256_fmadd_ps(a.low, b.low, c.low), _mm256_fmadd_ps(a.high, b.high, c.high)};
}
INLINE vector multiply_subtract(vector a, vector b, vector c) {
  return (vector){_mm256_fnmadd_ps(a.low, b.low, c.low), _mm256_fnmadd_ps(a.high, b.high, c.high)};
}
