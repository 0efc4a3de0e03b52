/* What the program needs beside the public library: a function a command. Not installed, not stable.
 *
 * A command writes its results through tw_tool.write, says what people should know through tw_tool.note, and returns a
 * status. It never prints by itself. */
#ifndef TW_API_TOOL_H
#define TW_API_TOOL_H

#include "topwork/topwork.h"

enum { TW_TOOL_MAX_STDIN = 256 << 20 /* bytes of paths read from standard input */ };

/* Where a command's output goes and how it runs. */
typedef struct tw_tool {
  void *context;
  bool (*write)(void *context, const char *text, size_t size); /* results; false: nobody reads any more, stop */
  void (*note)(void *context, const char *line);               /* one line, without its newline */
  tw_progress_fn progress;                                     /* may be NULL */
  bool json;
  const char *cache; /* NULL: the default folder */
  bool no_cache;
  int threads; /* 0: all */
} tw_tool;

/* What train and evaluate did besides succeeding. */
typedef struct tw_tool_summary {
  size_t skipped; /* files that --strict makes an error of */
} tw_tool_summary;

typedef struct tw_tool_train {
  const char *folder;   /* or features and names */
  const char *features; /* .npy */
  const char *names;    /* .tsv with header path, class */
  const char *output;
  bool report; /* write the folder OUTPUT without extension + ".report" */
  const char *trunk;
  const char *cut;
  const char *preprocess;
  double validation;
  double test;
  size_t folds;
  uint64_t seed;
} tw_tool_train;

tw_status tw_tool_run_train(const tw_tool *tool, const tw_tool_train *request, tw_tool_summary *ret_summary,
                            tw_test_result *ret_result, tw_error *error);

/* TW_E_DATA when no picture is fresh and include_training is false; the summary is written all the same. */
tw_status tw_tool_evaluate(const tw_tool *tool, const char *model, const char *folder, bool include_training,
                           tw_tool_summary *ret_summary, tw_error *error);

/* Writes the report folder of a model again from the folder of its pictures; output NULL: MODEL without extension +
 * ".report". */
tw_status tw_tool_report(const tw_tool *tool, const char *model, const char *folder, const char *output,
                         tw_tool_summary *ret_summary, tw_error *error);

/* format: 0 text, 1 CSV, 2 JSON. One line a picture in the order given; skipped files are notes. */
tw_status tw_tool_predict(const tw_tool *tool, const char *model, const char *const *paths, size_t count, size_t k,
                          int format, tw_tool_summary *ret_summary, tw_error *error);
/* What the trunk itself says. */
tw_status tw_tool_classify(const tw_tool *tool, const char *trunk, const char *preprocess, const char *const *paths,
                           size_t count, size_t k, tw_tool_summary *ret_summary, tw_error *error);
/* Features of a folder as OUTPUT (.npy, n x d float32) and OUTPUT without extension + ".tsv" (path, class). */
tw_status tw_tool_features(const tw_tool *tool, const char *folder, const char *output, const char *trunk,
                           const char *cut, const char *preprocess, tw_tool_summary *ret_summary, tw_error *error);
/* The bare network on a tensor, batch first. output_node NULL: the network's first output. */
tw_status tw_tool_run(const tw_tool *tool, const char *network, const char *input, const char *output,
                      const char *output_node, tw_error *error);
/* A network or a model. passes: what each pass does; plan: every step of the plan. */
tw_status tw_tool_inspect(const tw_tool *tool, const char *file, bool passes, bool plan, tw_error *error);
tw_status tw_tool_models(const tw_tool *tool, tw_error *error);
tw_status tw_tool_cache_info(const tw_tool *tool, tw_error *error);
tw_status tw_tool_cache_clear(const tw_tool *tool, tw_error *error);
tw_status tw_tool_cache_prune(const tw_tool *tool, uint64_t max_size, tw_error *error);
/* Start, network and pipeline of a trunk; folder NULL: the network only. */
tw_status tw_tool_bench(const tw_tool *tool, const char *trunk, const char *preprocess, const char *folder,
                        tw_error *error);

#endif
