/* Computing a node whose inputs are all constants. */
#ifndef TW_GRAPH_EVALUATE_H
#define TW_GRAPH_EVALUATE_H

#include "graph/graph.h"

/* Whether constants of the node's operator and types can be computed at all. */
bool tw_can_evaluate(const tw_node *node);

/* Fills `to` with node->output's elements. Every input has data; node->output has dtype and shape. tw_can_evaluate
 * said yes. */
void tw_evaluate(const tw_node *node, void *to);

/* Elements of `size` bytes in another order of dimensions: dimension i of `to` is dimension order[i] of `from`, whose
 * shape this is. Neither has to be aligned. */
void tw_permute(const void *from, const tw_shape *shape, size_t size, const int64_t *order, void *to);

/* Element i of a constant as a number. */
double tw_constant_f64(const tw_value *constant, size_t i);
int64_t tw_constant_i64(const tw_value *constant, size_t i);
/* All elements of a float constant as float32. */
void tw_constant_to_f32(const tw_value *constant, float *to);

#endif
