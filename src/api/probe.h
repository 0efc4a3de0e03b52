/* How fast is this machine just now? A fixed amount of arithmetic, timed on one thread and on several at once. A
 * measurement stands between two probes, and is thrown away when one of them fell into a bad moment: another machine on
 * the same processor, a clock turned down, somebody compiling. */
#ifndef TW_API_PROBE_H
#define TW_API_PROBE_H

#include "base/base.h"

/* A probe this much slower than the fastest of the run is a bad moment. */
#define TW_PROBE_BAD 1.15

typedef struct tw_probe {
  double one; /* seconds on one thread */
  double all; /* seconds when each of the threads does as much at once: as long as one where there is a core for each */
} tw_probe;

/* Some 15 ms for each of the two. TW_E_MEMORY is the only failure. */
tw_status tw_probe_machine(int threads, tw_probe *ret_probe, tw_error *error);
/* Keeps the smaller of each in *fastest, which starts as the first probe. */
void tw_probe_note_fastest(tw_probe *fastest, const tw_probe *probe);
/* How many times slower than the fastest, by the worse of the two figures; at least 1. */
double tw_probe_slowness(const tw_probe *probe, const tw_probe *fastest);

#endif
