/* What the files of `bench` share: the figures, and who fills them in. Not the command itself (tool.h). */
#ifndef TW_API_BENCH_H
#define TW_API_BENCH_H

#include "api/internal.h"
#include "api/probe.h"

enum {
  TW_BENCH_ROUNDS = 7,       /* of each measurement; more when some fall into bad moments */
  TW_BENCH_MOST_ROUNDS = 21, /* at the latest then all samples count, and the machine is called unsteady */
  TW_BENCH_GOOD = 5,         /* good samples that a median wants */
  TW_BENCH_PICTURES = 200,   /* of the folder, for the times by stage and for the peak of memory */
};
#define TW_BENCH_ROUND_SECONDS 0.2    /* of one sample, at least one picture */
#define TW_BENCH_PATIENCE_SECONDS 30. /* no further rounds then but the first TW_BENCH_ROUNDS */

/* Seconds a picture. */
typedef struct tw_bench_span {
  double cpu;
  double wall;
} tw_bench_span;

/* One precision. */
typedef struct tw_bench_row {
  tw_precision precision;
  char left_out[TW_ERROR_MESSAGE_SIZE]; /* why it was not measured; empty: it was */
  double start;                         /* seconds from the start of a process to its first result, on all cores */
  size_t peak_bytes;                    /* of a process with a worker a core */
  size_t weight_bytes;
  size_t session_bytes;
  double many;           /* seconds a picture of the network, one picture a core on all cores */
  double one_core;       /* on one core, the others idle */
  double all_cores;      /* one picture on all cores */
  tw_bench_span network; /* within the stages */
  double pipeline;       /* seconds a picture from files to features, all cores, no cache */
  double pipeline_cpu;   /* CPU seconds a picture of that */

  tw_trunk *trunk; /* NULL when left out */
  const tw_plan *single;
  const tw_plan *joint;
} tw_bench_row;

typedef struct tw_bench {
  const tw_tool *tool;
  const tw_tool_trunk *request;
  tw_tool quiet; /* `tool` without progress and notes */
  int cores;
  double loaded;        /* CPU seconds that the process had spent when the command began: what starting it cost */
  tw_listing *pictures; /* NULL without a folder */
  const char **paths;   /* of the pictures; NULL without a folder */
  size_t path_count;

  tw_probe fastest;
  double slowest; /* of all probes, how many times slower than the fastest */
  size_t samples;
  size_t thrown_away; /* of the samples */
  bool steady;        /* every median is one of good samples */

  size_t staged;   /* pictures that the times by stage are of */
  size_t distinct; /* pictures with different contents that could be read */
  tw_bench_span read;
  tw_bench_span decode;
  tw_bench_span resize; /* with cropping and normalising */

  tw_bench_row rows[TW_PRECISION_COUNT];
  size_t row_count;
} tw_bench;

/* Opens the trunk in a precision, calibrated on the pictures of the folder unless a calibration is kept (bench.c). */
tw_status tw_bench_open_trunk(const tw_bench *bench, tw_precision precision, tw_trunk **ret_trunk, tw_error *error);

/* The two that follow work in processes of their own, forked for them: call them before this process has threads of
 * any kind. A failure of the child is one of the call (bench_start.c). */

/* So that a calibration is there, and kept where it can be, before anything is timed. Errors: those of
 * tw_trunk_choose_precision. */
tw_status tw_bench_prepare(const tw_bench *bench, tw_precision precision, tw_error *error);
tw_status tw_bench_time_start(const tw_bench *bench, tw_bench_row *row, tw_error *error);

/* Network alone, all rows in turns, and the machine's probes (bench_network.c). */
tw_status tw_bench_time_network(tw_bench *bench, tw_error *error);

/* Stages and pipeline; there is a folder (bench_folder.c). */
tw_status tw_bench_time_folder(tw_bench *bench, tw_error *error);

/* The figures as text and as JSON (bench_table.c). */
void tw_bench_append_table(tw_buffer *buffer, const tw_bench *bench);
struct json_t *tw_bench_json(const tw_bench *bench); /* NULL: out of memory */

#endif
