/* The machine's probe: fused multiply-adds in registers, as many at once as the processor can have in flight, so that
 * nothing but the processor itself counts. Not a benchmark of anything of topwork's. */
#include "api/probe.h"

#include <math.h>

enum {
  LANES = 96,
#ifdef NDEBUG
  ROUNDS = 6000000
#else
  ROUNDS = 100000 /* a build that is no measure of anything, and slow */
#endif
};

static inline __attribute__((always_inline)) float spin(bool fused) {
  float lanes[LANES];
  for (int i = 0; i < LANES; i++) {
    lanes[i] = (float)i;
  }
  for (int round = 0; round < ROUNDS; round++) {
    for (int i = 0; i < LANES; i++) {
      lanes[i] = fused ? fmaf(lanes[i], 0.999f, 0.001f) : lanes[i] * 0.999f + 0.001f;
    }
  }
  float sum = 0;
  for (int i = 0; i < LANES; i++) {
    sum += lanes[i];
  }
  return sum;
}

#if defined(__x86_64__)
__attribute__((target("avx2,fma"))) static float spin_fused(void) {
  return spin(true);
}

static float spin_best(void) {
  return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") ? spin_fused() : spin(false);
}
#else
static float spin_best(void) {
  return spin(false);
}
#endif

static tw_status run_spin(void *context, size_t task, tw_error *error) {
  (void)context;
  (void)task;
  (void)error;
  volatile float kept = spin_best(); /* so that the loop is not left out */
  (void)kept;
  return TW_OK;
}

static tw_status time_spin(int threads, double *ret_seconds, tw_error *error) {
  double begin = tw_seconds();
  TW_TRY(tw_parallel(threads, (size_t)threads, run_spin, NULL, error));
  *ret_seconds = tw_seconds() - begin;
  return TW_OK;
}

tw_status tw_probe_machine(int threads, tw_probe *ret_probe, tw_error *error) {
  tw_probe probe;
  TW_TRY(time_spin(1, &probe.one, error));
  TW_TRY(time_spin(threads, &probe.all, error));
  *ret_probe = probe;
  return TW_OK;
}

void tw_probe_note_fastest(tw_probe *fastest, const tw_probe *probe) {
  fastest->one = probe->one < fastest->one ? probe->one : fastest->one;
  fastest->all = probe->all < fastest->all ? probe->all : fastest->all;
}

double tw_probe_slowness(const tw_probe *probe, const tw_probe *fastest) {
  double one = probe->one / fastest->one;
  double all = probe->all / fastest->all;
  return one > all ? one : all;
}
