/* How fast is this machine just now? Prints the seconds that a fixed amount of arithmetic takes on one thread, and on
 * all threads at once. A comparison runs it between its samples and throws away those that fell into a bad moment
 * (another machine on the same processor, a clock turned down). Not a benchmark of anything of topwork's. */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

enum { LANES = 16, ROUNDS = 20000000, MAX_THREADS = 64 };

static double seconds(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

static void *work(void *result) {
  float lanes[LANES];
  for (int i = 0; i < LANES; i++) {
    lanes[i] = (float)i;
  }
  for (int round = 0; round < ROUNDS; round++) {
    for (int i = 0; i < LANES; i++) {
      lanes[i] = lanes[i] * 0.999f + 0.001f;
    }
  }
  *(float *)result = lanes[0] + lanes[LANES - 1];
  return NULL;
}

static double time_of(int threads) {
  pthread_t ids[MAX_THREADS];
  float results[MAX_THREADS];
  double start = seconds();
  for (int i = 0; i < threads; i++) {
    if (pthread_create(&ids[i], NULL, work, &results[i]) != 0) {
      exit(1);
    }
  }
  volatile float sum = 0;
  for (int i = 0; i < threads; i++) {
    pthread_join(ids[i], NULL);
    sum = sum + results[i];
  }
  return seconds() - start;
}

int main(void) {
  long processors = sysconf(_SC_NPROCESSORS_ONLN);
  int threads = processors < 1 ? 1 : processors > MAX_THREADS ? MAX_THREADS : (int)processors;
  printf("%.6f", time_of(1));
  printf(" %.6f\n", time_of(threads));
  return 0;
}
