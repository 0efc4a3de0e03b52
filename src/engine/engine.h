/* Floor `engine`: runs a graph on the CPU by oneDNN. Only src/engine/dnnl/ knows oneDNN, so that another version of it
 * is one folder's work.
 *
 * A plan is immutable and shared: packed weights, primitives, offsets, for one picture (batch 1). A session is what one
 * thread needs to run it: one block of memory. Work is split by picture, one session a core; a plan made for n threads
 * runs a single picture on n cores. */
#ifndef TW_ENGINE_H
#define TW_ENGINE_H

#include "base/base.h"
#include "graph/graph.h"

enum {
  TW_MAX_PLAN_STEPS = 65536,
};
/* Activations and scratchpad of one session, of which there is one a core: 2 GiB. ResNet-50 needs some
 * 0.6 GB for a picture of 2048 x 2048 (two results of 256 x 512 x 512 and a smaller one), far more than networks that
 * classify whole pictures are made for. */
#define TW_MAX_SESSION_BYTES ((size_t)1 << 31)
/* Packed weights of a plan, of which there is one: 8 GiB. A file may have 4 (TW_MAX_NETWORK_FILE), and float16 ones
 * become twice as large. */
#define TW_MAX_WEIGHT_BYTES ((size_t)1 << 33)

/* "oneDNN 2.6.3 avx2": version and effective instruction set. Part of the cache key: another text, other bits. Static.
 */
const char *tw_engine_identity(void);

/* ---- Plan -------------------------------------------------------------------------------------------------------- */

typedef struct tw_plan tw_plan;

/* `graph` is optimised (tw_graph_optimise), float32, one picture; the plan keeps nothing of it. `threads` >= 1: how
 * many cores one run uses. Errors: TW_E_UNSUPPORTED (an operator in a form the engine has not, named with its node),
 * TW_E_LIMIT, TW_E_ENGINE, TW_E_MEMORY. */
tw_status tw_plan_create(const tw_graph *graph, int threads, tw_plan **ret_plan, tw_error *error);
void tw_plan_free(tw_plan *plan);

size_t tw_plan_input_count(const tw_plan *plan); /* floats */
size_t tw_plan_output_number(const tw_plan *plan);
size_t tw_plan_output_count(const tw_plan *plan, size_t output); /* floats of that output */
size_t tw_plan_weight_bytes(const tw_plan *plan);                /* packed */
size_t tw_plan_session_bytes(const tw_plan *plan);

/* One step, for `inspect --plan`. Texts are the plan's. */
typedef struct tw_plan_step {
  const char *name;           /* the graph's node, fused ones joined by '+' */
  const char *kind;           /* "convolution", "reorder", "copy", "pool", ... */
  const char *implementation; /* oneDNN's own words: "jit:avx2"; "ours" for ours */
  const char *layout;         /* of source and destination: "nchw -> nChw8c" */
  uint64_t multiplications;   /* multiply-adds */
  size_t bytes;               /* read and written: activations and weights */
} tw_plan_step;

size_t tw_plan_step_count(const tw_plan *plan);
const tw_plan_step *tw_plan_step_at(const tw_plan *plan, size_t index);

/* ---- Session ----------------------------------------------------------------------------------------------------- */

typedef struct tw_session tw_session;

/* The plan must outlive its sessions. */
tw_status tw_session_create(const tw_plan *plan, tw_session **ret_session, tw_error *error);
void tw_session_free(tw_session *session);

/* input: tw_plan_input_count floats in the graph's logical order (row-major); outputs[i]: room for output i, row-major;
 * NULL where it is not wanted. topwork itself allocates nothing here. A session is used by one thread at a time. The
 * digits are the same in every session and thread of a plan. The calling thread's number of OpenMP threads is the same
 * before and after. */
tw_status tw_session_run(tw_session *session, const float *input, float *const *outputs, tw_error *error);
/* The same, and ret_seconds[step] += the time of each step. */
tw_status tw_session_profile(tw_session *session, const float *input, double *ret_seconds, tw_error *error);

/* ---- Matrix product ---------------------------------------------------------------------------------------------- */

/* C = alpha * op(A) * op(B) + beta * C in float32, row-major, op(A): m x k, op(B): k x n, C: m x n, lda/ldb/ldc the
 * distance between the rows as stored. Runs on the calling thread alone; the same shapes give the same digits. */
tw_status tw_engine_sgemm(bool transpose_a, bool transpose_b, size_t m, size_t n, size_t k, float alpha, const float *a,
                          size_t lda, const float *b, size_t ldb, float beta, float *c, size_t ldc, tw_error *error);

#endif
