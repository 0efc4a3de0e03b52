/* Work shared between the threads that the kernel library uses, too: libgomp's, by its own functions, since the
 * compiler's -fopenmp may mean another runtime. */
#include "engine/kernels/kernels.h"

/* libgomp's. */
void GOMP_parallel(void (*run)(void *), void *data, unsigned threads, unsigned flags);
int omp_get_thread_num(void);
int omp_get_num_threads(void);

/* libgomp starts and joins its threads in ways that the thread sanitizer does not see: it is told. */
#if defined(__SANITIZE_THREAD__)
void __tsan_acquire(void *address);
void __tsan_release(void *address);
#define SEES(address) __tsan_acquire(address)
#define SHOWS(address) __tsan_release(address)
#else
#define SEES(address) ((void)(address))
#define SHOWS(address) ((void)(address))
#endif

typedef struct work {
  tw_kernel_part run;
  const void *context;
} work;

static void run_part(void *data) {
  SEES(data);
  const work *work = data;
  work->run(work->context, (size_t)omp_get_thread_num(), (size_t)omp_get_num_threads());
  SHOWS(data);
}

void tw_kernels_parallel(int threads, tw_kernel_part run, const void *context) {
  if (threads <= 1) {
    run(context, 0, 1);
    return;
  }
  work work = {run, context};
  SHOWS(&work);
  GOMP_parallel(run_part, &work, (unsigned)threads, 0);
  SEES(&work);
}
