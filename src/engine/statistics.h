/* What activations look like over a sample: ranges, distributions, means of channels. Knows nothing of bytes.
 *
 * The idea: everything that several workers gather is a count, a minimum or a maximum, and the means are kept for each
 * picture: so nothing depends on who did what in which order. */
#ifndef TW_ENGINE_STATISTICS_H
#define TW_ENGINE_STATISTICS_H

#include "engine/engine.h"

/* Magnitudes from 2^-24 to 2^24 in sixteen steps an octave; the first and last take what is beyond. */
enum { TW_BINS_AN_OCTAVE = 16, TW_BIN_OCTAVES = 48, TW_BINS = TW_BINS_AN_OCTAVE * TW_BIN_OCTAVES };

typedef struct tw_distribution {
  float low;
  float high;
  uint64_t positive[TW_BINS]; /* how many elements have that magnitude; zeros are not counted */
  uint64_t negative[TW_BINS];
} tw_distribution;

float tw_bin_middle(size_t bin);

typedef struct tw_statistics {
  size_t value_count;
  const tw_value **values; /* rank 4, channels second, one picture */
  tw_distribution *distributions;
  double **means; /* of each value's channels over all pictures */
} tw_statistics;

/* Runs the graph in float32 over the pictures 0 .. sample->count - 1. Errors: TW_E_DATA for pictures that all are the
 * same or of a single colour, and for an activation that is not finite (names its node), those of the plan and the
 * pictures. Needs tw_statistics_done, also after a failure. `values` is borrowed. */
tw_status tw_statistics_init(tw_statistics *statistics, const tw_graph *graph, const tw_value **values,
                             size_t value_count, const tw_sample *sample, int threads, tw_ticker *ticker, size_t total,
                             tw_error *error);
void tw_statistics_done(tw_statistics *statistics);

#endif
