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

/* Which network to stand on, and how it is fed. Zero-initialised: name alone. */
typedef struct tw_tool_trunk {
  const char *name; /* an installed trunk's name, or a file */
  const char *cut;
  const char *preprocess;
  uint32_t input_size; /* pixels of a side; 0: not given */
  const double *mean;  /* NULL: not given */
  const double *scale;
  const char *labels;    /* a label file; NULL: what comes with the trunk */
  bool fast_decode;      /* JPEGs are decoded as small as the trunk's input allows */
  const char *precision; /* "f32", "bf16", "int8", "auto"; NULL: f32 */
  bool recalibrate;      /* make the calibration of int8 anew, though one is kept */
} tw_tool_trunk;

/* What train and evaluate did besides succeeding. */
typedef struct tw_tool_summary {
  size_t skipped; /* files that --strict makes an error of */
} tw_tool_summary;

/* The tutorial's way of training (src/train/train.h, tw_recipe_options). */
typedef struct tw_tool_recipe {
  const char *solver; /* "sgd", "momentum", "adam"; NULL or "exact": the optimum, and the rest is ignored */
  size_t epochs;
  size_t batch;
  double rate;
  double decay;
  size_t decay_steps;
  double momentum;
  size_t patience;         /* 0: no early stopping */
  const char *checkpoint;  /* written every so many epochs, at the end and when cancelled; NULL: none */
  size_t checkpoint_every; /* epochs */
  const char *resume;      /* a checkpoint to go on from; NULL: from the start */
} tw_tool_recipe;

tw_tool_recipe tw_tool_recipe_defaults(void); /* solver NULL, no checkpoint, but one every 10 epochs if there is one */

typedef struct tw_tool_train {
  const char *folder;   /* or features and names */
  const char *features; /* .npy */
  const char *names;    /* .tsv with header path, class */
  const char *output;
  bool report; /* write the folder OUTPUT without extension + ".report" */
  tw_tool_trunk trunk;
  double validation;
  double test;
  size_t folds;
  uint64_t seed;
  size_t train_per_class; /* 0: by the shares */
  size_t repeat;          /* draws of the parts with seeds seed, seed + 1, ...; 0 or 1: one */
  tw_tool_recipe recipe;  /* solver NULL: the exact top */
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

/* Writes the model as a frozen GraphDef of TensorFlow, output `final_result`, and its classes, a line each, into
 * `labels`; NULL: labels.txt beside it, where another one is not overwritten. docs/EXPORT.md. */
tw_status tw_tool_export(const tw_tool *tool, const char *model, const char *output, const char *labels,
                         tw_error *error);

typedef enum tw_tool_drawing {
  TW_DRAW_FEATURES,  /* a picture beside its features; PNG */
  TW_DRAW_GRID,      /* nine test pictures at random; PNG */
  TW_DRAW_BARS,      /* the most probable classes of a picture */
  TW_DRAW_CONFUSION, /* the confusion matrix */
  TW_DRAW_CURVES,    /* loss and accuracy over the epochs */
} tw_tool_drawing;

typedef struct tw_tool_draw {
  tw_tool_drawing kind;
  const char *model;   /* FEATURES and BARS: NULL for what `trunk` says; CURVES: a model or a history.csv */
  const char *subject; /* a picture; GRID and CONFUSION: the folder of the model's pictures; CURVES: NULL */
  tw_tool_trunk trunk;
  size_t k;           /* BARS: 1..TW_TOOL_MAX_BARS */
  uint64_t seed;      /* GRID */
  const char *output; /* ends in .png or .svg */
} tw_tool_draw;

enum { TW_TOOL_MAX_BARS = 50 };

/* Draws one picture. GRID and CONFUSION are of the model's test part, or, when nothing of it is in the folder, of the
 * pictures that training has not seen. */
tw_status tw_tool_run_draw(const tw_tool *tool, const tw_tool_draw *request, tw_error *error);

/* format: 0 text, 1 CSV, 2 JSON. One line a picture in the order given; skipped files are notes. */
tw_status tw_tool_predict(const tw_tool *tool, const char *model, const char *const *paths, size_t count, size_t k,
                          int format, tw_tool_summary *ret_summary, tw_error *error);
/* What the trunk itself says. */
tw_status tw_tool_classify(const tw_tool *tool, const tw_tool_trunk *trunk, const char *const *paths, size_t count,
                           size_t k, tw_tool_summary *ret_summary, tw_error *error);
/* Features of a folder as OUTPUT (.npy, n x d float32) and OUTPUT without extension + ".tsv" (path, class). */
tw_status tw_tool_features(const tw_tool *tool, const char *folder, const char *output, const tw_tool_trunk *trunk,
                           tw_tool_summary *ret_summary, tw_error *error);
/* The bare network on a tensor, batch first. output_node NULL: the network's first output. */
tw_status tw_tool_run(const tw_tool *tool, const char *network, const char *input, const char *output,
                      const char *output_node, tw_error *error);
/* A network or a model. passes: what each pass does; plan: every step of the plan, in `precision` ("f32", "bf16",
 * "int8"; NULL: that of the model, f32 for a network). int8 needs a model that holds it or, for a network, a
 * calibration that is kept. */
tw_status tw_tool_inspect(const tw_tool *tool, const char *file, bool passes, bool plan, const char *precision,
                          tw_error *error);
/* Trunks that are installed and those of the catalogue. One that is damaged says so in the list and is no failure. */
tw_status tw_tool_models(const tw_tool *tool, tw_error *error);
/* Brings a trunk of the catalogue onto this machine. from: NULL: from where the catalogue says; a URL, the archive's
 * file, or a folder with it or with the files in it (src/pull/pull.h). */
tw_status tw_tool_pull(const tw_tool *tool, const char *name, const char *from, tw_error *error);
tw_status tw_tool_cache_info(const tw_tool *tool, tw_error *error);
tw_status tw_tool_cache_clear(const tw_tool *tool, tw_error *error);
tw_status tw_tool_cache_prune(const tw_tool *tool, uint64_t max_size, tw_error *error);
/* Start, network, memory and pipeline of a trunk, in the precision that is asked for, or, when none is (NULL), in all
 * that can be had; folder NULL: the network only. Starts processes of its own; call it before there are threads. */
tw_status tw_tool_bench(const tw_tool *tool, const tw_tool_trunk *trunk, const char *folder, tw_error *error);

#endif
