/* How near plans come to float32, over the pictures that check. */
#ifndef TW_ENGINE_FIDELITY_H
#define TW_ENGINE_FIDELITY_H

#include "engine/engine.h"

/* The rows that float32 gives, kept for several comparisons. */
typedef struct tw_fidelity_check {
  const tw_graph *graph;
  const tw_sample *sample;
  size_t first; /* pictures first .. first + count - 1 of the sample */
  size_t count;
  int threads;
  tw_ticker *ticker; /* may be NULL */
  size_t before;     /* for the ticker */
  size_t total;
  size_t row; /* floats of the first output */
  float *rows;
} tw_fidelity_check;

/* Makes the rows. The fields from graph to total are the caller's to set. Needs tw_fidelity_check_done. */
tw_status tw_fidelity_check_init(tw_fidelity_check *check, tw_error *error);
void tw_fidelity_check_done(tw_fidelity_check *check);
/* The same network in another precision (or with a tw_quantised). */
tw_status tw_fidelity_check_run(const tw_fidelity_check *check, const tw_plan_options *options,
                                tw_fidelity *ret_fidelity, tw_error *error);

#endif
