/* The weights of one convolution in 8 bits. */
#ifndef TW_ENGINE_WEIGH_H
#define TW_ENGINE_WEIGH_H

#include "engine/quantised.h"

/* Fills in everything of *node but its index and `wide`. scales, means: of the channels that the node reads, a byte's
 * step and the measured average. Memory is the arena's. TW_E_DATA: weights or biases that are not finite. */
tw_status tw_weigh(const tw_node *graph_node, const float *scales, const double *means, tw_arena *arena,
                   tw_quantised_node *node, tw_error *error);

#endif
