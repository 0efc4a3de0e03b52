/* How fast is this machine just now? Prints the seconds that a fixed amount of arithmetic takes on one thread, and on
 * all threads at once (src/api/probe.h): a comparison runs it between its samples and throws away those that fell into
 * a bad moment. */
#include "api/probe.h"

int main(void) {
  enum { TIMES = 3 };
  int threads = tw_cpu_count();
  tw_probe best = {1e9, 1e9};
  for (int i = 0; i < TIMES; i++) {
    tw_probe probe;
    tw_error error;
    if (tw_probe_machine(threads, &probe, &error) != TW_OK) {
      fprintf(stderr, "bench_probe: %s\n", error.message);
      return 1;
    }
    tw_probe_note_fastest(&best, &probe);
  }
  printf("%.6f %.6f\n", best.one, best.all);
  return 0;
}
