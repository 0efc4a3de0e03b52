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

/* ---- Precision --------------------------------------------------------------------------------------------------- */

/* What activations and weights are kept in. Inputs and outputs of a plan are float32 in all of them. */
typedef enum tw_precision {
  TW_PRECISION_F32,
  TW_PRECISION_BF16, /* bfloat16, sums in float32 */
  TW_PRECISION_INT8, /* 8-bit integers where a tw_quantised says so, sums in int32, float32 elsewhere */
  TW_PRECISION_COUNT
} tw_precision;

const char *tw_precision_name(tw_precision precision); /* "f32", "bf16", "int8"; static */
bool tw_precision_parse(const char *name, tw_precision *ret_precision);
/* What a plan of `wanted` computes in on this processor: `wanted`, or float32 for bfloat16 without its instructions;
 * *ret_note is then one line that says so (static), else NULL. TW_E_UNSUPPORTED: the processor can do neither; the
 * message names what it lacks. */
tw_status tw_engine_precision(tw_precision wanted, tw_precision *ret_precision, const char **ret_note, tw_error *error);

/* What int8 needs to know of a network beyond the network: a scale for each activation, weights as 8-bit integers with
 * a scale for each output channel, biases corrected for the rounding of the weights, the nodes that stay in float32,
 * and what all this was measured to cost. Immutable. The weights of neighbouring channels are within -128..128
 * together, so that no processor's 16-bit sums of pairs saturate: the integers are the same everywhere. */
typedef struct tw_quantised tw_quantised;

/* The sample that activations are calibrated on, and the one that checks it. */
typedef struct tw_sample {
  size_t count;  /* pictures to calibrate on, at least TW_MIN_CALIBRATION */
  size_t checks; /* further ones, count .. count + checks - 1, for the check alone; 0: those above check themselves */
  /* Writes picture `index` as the plan's input. Called from several threads at once. */
  tw_status (*picture)(void *context, size_t index, float *ret_input, tw_error *error);
  void *context;
} tw_sample;

enum {
  TW_MIN_CALIBRATION = 10, /* pictures */
  TW_MAX_CALIBRATION = 200,
  TW_QUANTISED_FORMAT = 2, /* of what tw_quantise finds and tw_quantised_write writes: what was kept in another is made
                              anew */
};

/* How near the results are to those of float32: the cosine of the first output's row, over the checked pictures. */
typedef struct tw_fidelity {
  size_t pictures;
  double mean;
  double worst;
} tw_fidelity;
/* What tw_quantise keeps nodes in float32 for: as long as the check is below. */
#define TW_FIDELITY_MEAN 0.990
#define TW_FIDELITY_WORST 0.975

/* `graph` as for tw_plan_create. The result does not depend on `threads` nor on the processor's number of them.
 * Errors: TW_E_DATA (too few pictures, all the same, all black: says what would be right; an activation that is not
 * finite: names the node), those of plan and `picture`. A network that stays below the limits with every
 * node but the first few in float32 is TW_E_DATA, too, with the cosines. */
tw_status tw_quantise(const tw_graph *graph, const tw_sample *sample, int threads, tw_ticker *ticker,
                      tw_quantised **ret_quantised, tw_error *error);
void tw_quantised_free(tw_quantised *quantised);
tw_fidelity tw_quantised_fidelity(const tw_quantised *quantised);
size_t tw_quantised_nodes(const tw_quantised *quantised, size_t *ret_wide); /* with weights; of them in float32 */
const tw_hash *tw_quantised_hash(const tw_quantised *quantised); /* of what tw_quantised_write gives; its last bytes */

/* Appends it in the engine's own format, little-endian; the same object gives the same bytes. */
tw_status tw_quantised_write(const tw_quantised *quantised, tw_buffer *buffer, tw_error *error);
/* Borrows `bytes` (weights stay where they are). Any damage is TW_E_FORMAT; that it belongs to another network is
 * found by tw_plan_create (TW_E_DATA, names the node). */
tw_status tw_quantised_read(tw_bytes bytes, tw_quantised **ret_quantised, tw_error *error);

/* How near a plan of bfloat16 comes to float32, on the same kind of sample (the checks, or all when there are none). */
tw_status tw_engine_fidelity(const tw_graph *graph, tw_precision precision, const tw_quantised *quantised,
                             const tw_sample *sample, int threads, tw_fidelity *ret_fidelity, tw_error *error);

/* ---- Plan -------------------------------------------------------------------------------------------------------- */

typedef struct tw_plan tw_plan;

typedef struct tw_plan_options {
  int threads;                   /* >= 1: how many cores one run uses */
  tw_precision precision;        /* as tw_engine_precision allows it */
  const tw_quantised *quantised; /* with TW_PRECISION_INT8; not kept. Made from this graph, or from one that ends
                                    earlier: nodes behind those it knows are in float32 */
} tw_plan_options;

/* `graph` is optimised (tw_graph_optimise), float32, one picture; the plan keeps nothing of it. Errors:
 * TW_E_UNSUPPORTED (an operator in a form the engine has not, named with its node), TW_E_DATA (weights that are not
 * finite, named with their node), TW_E_LIMIT, TW_E_ENGINE, TW_E_MEMORY. */
tw_status tw_plan_create_with(const tw_graph *graph, const tw_plan_options *options, tw_plan **ret_plan,
                              tw_error *error);
/* In float32. */
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
/* For messages: runs once more and finds the first step whose result holds a number that is not finite. *ret_name: the
 * step's name, the plan's; NULL when there is none. */
tw_status tw_session_find_not_finite(tw_session *session, const float *input, const char **ret_name, tw_error *error);
/* The same as tw_session_run, and ret_seconds[step] += the time of each step. */
tw_status tw_session_profile(tw_session *session, const float *input, double *ret_seconds, tw_error *error);

/* ---- Matrix product ---------------------------------------------------------------------------------------------- */

/* C = alpha * op(A) * op(B) + beta * C in float32, row-major, op(A): m x k, op(B): k x n, C: m x n, lda/ldb/ldc the
 * distance between the rows as stored. Runs on the calling thread alone; the same shapes give the same digits. */
tw_status tw_engine_sgemm(bool transpose_a, bool transpose_b, size_t m, size_t n, size_t k, float alpha, const float *a,
                          size_t lda, const float *b, size_t ldb, float beta, float *c, size_t ldc, tw_error *error);

#endif
