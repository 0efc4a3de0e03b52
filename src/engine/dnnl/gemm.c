/* The matrix product of the floors above, by oneDNN's sgemm. Not for the network itself: its layers are primitives.
 *
 * oneDNN reads the calling thread's OpenMP state at every call and splits the product by it, which would change the
 * order of its sums; so the state is one thread during the call, and afterwards what it was. */
#include <dnnl.h>

#include "engine/engine.h"

/* libgomp is linked by name; omp.h would be the compiler's own, and another runtime's under clang. */
int omp_get_max_threads(void);
void omp_set_num_threads(int threads);

static bool fits(size_t value) {
  return value <= (size_t)INT64_MAX;
}

tw_status tw_engine_sgemm(bool transpose_a, bool transpose_b, size_t m, size_t n, size_t k, float alpha, const float *a,
                          size_t lda, const float *b, size_t ldb, float beta, float *c, size_t ldc, tw_error *error) {
  if (!fits(m) || !fits(n) || !fits(k) || !fits(lda) || !fits(ldb) || !fits(ldc)) {
    return tw_error_set(error, TW_E_LIMIT, "matrix product %zu x %zu x %zu: too large", m, n, k);
  }
  int threads = omp_get_max_threads();
  omp_set_num_threads(1);
  dnnl_status_t status =
      dnnl_sgemm(transpose_a ? 'T' : 'N', transpose_b ? 'T' : 'N', (dnnl_dim_t)m, (dnnl_dim_t)n, (dnnl_dim_t)k, alpha,
                 a, (dnnl_dim_t)lda, b, (dnnl_dim_t)ldb, beta, c, (dnnl_dim_t)ldc);
  omp_set_num_threads(threads);
  if (status == dnnl_out_of_memory) {
    return tw_error_memory(error);
  }
  if (status != dnnl_success) {
    return tw_error_set(error, TW_E_ENGINE, "matrix product %zu x %zu x %zu: oneDNN refused it (status %d)", m, n, k,
                        (int)status);
  }
  return TW_OK;
}
