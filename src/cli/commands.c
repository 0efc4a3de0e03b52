/* The table of commands, each a few lines that hand the settings to the library. */
#include "cli/commands.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "cli/paths.h"
#include "cli/recipe.h"
#include "cli/terminal.h"

static int misused(const settings *settings, const char *what) {
  fprintf(stderr, "topwork %s: %s; see 'topwork %s --help'\n", settings->command, what, settings->command);
  return MISUSED;
}

/* The exit status of a command that ended like this. */
static int finish(const settings *settings, tw_status status, const tw_error *error, size_t skipped) {
  if (status != TW_OK) {
    if (!tw_terminal_broken()) {
      tw_terminal_error(error->message);
    }
    return FAILED;
  }
  if (settings->strict && skipped > 0) {
    char line[96];
    snprintf(line, sizeof line, "%zu file%s skipped, and --strict was said", skipped, skipped == 1 ? " was" : "s were");
    tw_terminal_error(line);
    return FAILED;
  }
  return DONE;
}

static tw_tool_trunk trunk_of(const settings *settings) {
  return (tw_tool_trunk){.name = settings->trunk == NULL ? "efficientnet-lite0" : settings->trunk,
                         .cut = settings->cut,
                         .preprocess = settings->preprocess,
                         .input_size = (uint32_t)settings->input_size,
                         .mean = isnan(settings->mean) ? NULL : &settings->mean,
                         .scale = isnan(settings->scale) ? NULL : &settings->scale,
                         .labels = settings->labels,
                         .fast_decode = settings->fast_decode,
                         .precision = settings->precision,
                         .recalibrate = settings->recalibrate};
}

/* What is wrong with the options of the precision; NULL: nothing. */
static const char *conflict_of_precision(const settings *settings) {
  bool calibrated = settings->precision != NULL && strcmp(settings->precision, "f32") != 0;
  return settings->recalibrate && !calibrated ? "--recalibrate goes with --precision int8, bf16 or auto" : NULL;
}

static const double default_validation = 0.24;
static const double default_test = 0.16;

static double share_of(double given, double otherwise) {
  return isnan(given) ? otherwise : given;
}

/* What is wrong with the options that choose the parts; NULL: nothing. */
static const char *conflict_of_parts(const settings *settings) {
  double test = share_of(settings->test, default_test);
  if (settings->train_per_class > 0 && !(isnan(settings->validation) && isnan(settings->test))) {
    return "--train-per-class leaves all others for the test: leave out --val and --test";
  }
  if (settings->folds > 0 && (settings->train_per_class > 0 || settings->repeat > 0)) {
    return settings->train_per_class > 0 ? "--folds tests every picture: leave out --train-per-class, or --folds"
                                         : "--folds tests every picture: leave out --repeat, or --folds";
  }
  if (settings->repeat > 0 && test == 0) {
    return "--repeat measures on the test part, and --test 0 leaves none";
  }
  if (settings->seed > INT64_MAX - settings->repeat) {
    return "--repeat draws with the seeds from --seed on: this one is too large for that";
  }
  return share_of(settings->validation, default_validation) + test < 1
             ? NULL
             : "--val and --test together leave nothing for training";
}

static int run_train(const settings *settings) {
  bool from_files = settings->features != NULL || settings->names != NULL;
  if (settings->output == NULL) {
    return misused(settings, "wants -o FILE, the model to write");
  }
  if (from_files ? settings->operand_count != 0 : settings->operand_count != 1) {
    return misused(settings, "wants either DIR, or --features F.npy and --names F.tsv");
  }
  if (from_files && (settings->features == NULL || settings->names == NULL)) {
    return misused(settings, "--features and --names go together");
  }
  const char *conflict = conflict_of_parts(settings);
  conflict = conflict != NULL ? conflict : tw_cli_recipe_conflict(settings);
  conflict = conflict != NULL ? conflict : conflict_of_precision(settings);
  if (from_files && settings->precision != NULL) {
    conflict = "--precision is the trunk's, and features from a file have none";
  }
  if (conflict != NULL) {
    return misused(settings, conflict);
  }
  tw_tool tool = tw_terminal_tool(settings);
  tw_tool_train request = {.folder = from_files ? NULL : settings->operands[0],
                           .features = settings->features,
                           .names = settings->names,
                           .output = settings->output,
                           .report = true,
                           .trunk = trunk_of(settings),
                           .validation = share_of(settings->validation, default_validation),
                           .test = share_of(settings->test, default_test),
                           .folds = (size_t)settings->folds,
                           .seed = settings->seed,
                           .train_per_class = (size_t)settings->train_per_class,
                           .repeat = (size_t)settings->repeat,
                           .recipe = tw_cli_recipe_of(settings)};
  tw_error error;
  tw_tool_summary summary = {0};
  return finish(settings, tw_tool_run_train(&tool, &request, &summary, NULL, &error), &error, summary.skipped);
}

static int run_evaluate(const settings *settings) {
  tw_tool tool = tw_terminal_tool(settings);
  tw_error error;
  tw_tool_summary summary = {0};
  tw_status status = tw_tool_evaluate(&tool, settings->operands[0], settings->operands[1], settings->include_training,
                                      &summary, &error);
  return finish(settings, status, &error, summary.skipped);
}

static int run_report(const settings *settings) {
  tw_tool tool = tw_terminal_tool(settings);
  tw_error error;
  tw_tool_summary summary = {0};
  tw_status status =
      tw_tool_report(&tool, settings->operands[0], settings->operands[1], settings->output, &summary, &error);
  return finish(settings, status, &error, summary.skipped);
}

static int run_predict(const settings *settings) {
  tw_tool tool = tw_terminal_tool(settings);
  tw_error error;
  tw_tool_summary summary = {0};
  paths paths;
  if (!tw_cli_paths_collect(settings, 1, &paths)) {
    return misused(settings, "standard input holds more paths than fit in memory");
  }
  int format = settings->json || (settings->format != NULL && strcmp(settings->format, "json") == 0) ? 2
               : settings->format != NULL && strcmp(settings->format, "csv") == 0                    ? 1
                                                                                                     : 0;
  size_t k = settings->k == 0 ? 2 : (size_t)settings->k;
  tw_status status =
      tw_tool_predict(&tool, settings->operands[0], paths.list, paths.count, k, format, &summary, &error);
  tw_cli_paths_done(&paths);
  return finish(settings, status, &error, summary.skipped);
}

static int run_export(const settings *settings) {
  if (settings->output == NULL) {
    return misused(settings, "wants -o FILE.pb, the graph to write");
  }
  tw_tool tool = tw_terminal_tool(settings);
  tw_error error;
  return finish(settings, tw_tool_export(&tool, settings->operands[0], settings->output, settings->labels, &error),
                &error, 0);
}

static int run_classify(const settings *settings) {
  tw_tool tool = tw_terminal_tool(settings);
  tw_error error;
  tw_tool_summary summary = {0};
  paths paths;
  if (!tw_cli_paths_collect(settings, 0, &paths)) {
    return misused(settings, "standard input holds more paths than fit in memory");
  }
  size_t k = settings->k == 0 ? 5 : (size_t)settings->k;
  tw_tool_trunk trunk = trunk_of(settings);
  tw_status status = tw_tool_classify(&tool, &trunk, paths.list, paths.count, k, &summary, &error);
  tw_cli_paths_done(&paths);
  return finish(settings, status, &error, summary.skipped);
}

/* What `draw` draws: each kind's operands. */
typedef struct drawing {
  const char *name;
  tw_tool_drawing kind;
  size_t least; /* operands after the name; with `most` the first is a model */
  size_t most;
  const char *wants;
} drawing;

static const drawing drawings[] = {
    {"features", TW_DRAW_FEATURES, 1, 2, "features wants PICTURE, or MODEL PICTURE"},
    {"bars", TW_DRAW_BARS, 1, 2, "bars wants PICTURE, or MODEL PICTURE"},
    {"grid", TW_DRAW_GRID, 2, 2, "grid wants MODEL and DIR, the folder of its pictures"},
    {"confusion", TW_DRAW_CONFUSION, 2, 2, "confusion wants MODEL and DIR, the folder of its pictures"},
    {"curves", TW_DRAW_CURVES, 1, 1, "curves wants MODEL or history.csv"},
};

static const drawing *find_drawing(const char *name) {
  for (size_t i = 0; i < sizeof drawings / sizeof *drawings; i++) {
    if (strcmp(drawings[i].name, name) == 0) {
      return &drawings[i];
    }
  }
  return NULL;
}

/* What is wrong with the options of a drawing with so many operands after its name; NULL: nothing. */
static const char *conflict_of_drawing(const settings *settings, const drawing *drawing, size_t given) {
  if (given < drawing->least || given > drawing->most) {
    return drawing->wants;
  }
  if (settings->output == NULL) {
    return "wants -o FILE.png, or .svg for a chart";
  }
  if (settings->k != 0 && drawing->kind != TW_DRAW_BARS) {
    return "-k goes with bars alone";
  }
  if (settings->k > TW_TOOL_MAX_BARS) {
    return "-k: there is room for 50 bars";
  }
  if (settings->seed != 0 && drawing->kind != TW_DRAW_GRID) {
    return "--seed goes with grid alone";
  }
  bool of_trunk = settings->trunk != NULL || settings->cut != NULL || settings->preprocess != NULL ||
                  settings->labels != NULL || settings->input_size != 0 || !isnan(settings->mean) ||
                  !isnan(settings->scale) || settings->fast_decode || settings->precision != NULL;
  return of_trunk && given == drawing->most
             ? "--trunk and what belongs to it go with a picture alone: a model has its own"
             : NULL;
}

static int run_draw(const settings *settings) {
  const drawing *drawing = find_drawing(settings->operands[0]);
  size_t given = settings->operand_count - 1;
  const char *conflict = drawing == NULL ? "draws features, bars, grid, confusion or curves"
                                         : conflict_of_drawing(settings, drawing, given);
  if (conflict != NULL) {
    return misused(settings, conflict);
  }
  bool of_model = given == drawing->most;
  tw_tool tool = tw_terminal_tool(settings);
  tw_tool_draw request = {.kind = drawing->kind,
                          .model = of_model ? settings->operands[1] : NULL,
                          .subject = settings->operands[of_model && given > 1 ? 2 : 1],
                          .trunk = trunk_of(settings),
                          .k = settings->k == 0 ? 5 : (size_t)settings->k,
                          .seed = settings->seed,
                          .output = settings->output};
  tw_error error;
  return finish(settings, tw_tool_run_draw(&tool, &request, &error), &error, 0);
}

static int run_features(const settings *settings) {
  if (settings->output == NULL) {
    return misused(settings, "wants -o FILE.npy, the features to write");
  }
  const char *conflict = conflict_of_precision(settings);
  if (conflict != NULL) {
    return misused(settings, conflict);
  }
  tw_tool tool = tw_terminal_tool(settings);
  tw_error error;
  tw_tool_summary summary = {0};
  tw_tool_trunk trunk = trunk_of(settings);
  tw_status status = tw_tool_features(&tool, settings->operands[0], settings->output, &trunk, &summary, &error);
  return finish(settings, status, &error, summary.skipped);
}

static int run_run(const settings *settings) {
  if (settings->input == NULL || settings->output == NULL) {
    return misused(settings, "wants --input X.npy and -o Y.npy");
  }
  tw_tool tool = tw_terminal_tool(settings);
  tw_error error;
  tw_status status =
      tw_tool_run(&tool, settings->operands[0], settings->input, settings->output, settings->output_node, &error);
  return finish(settings, status, &error, 0);
}

static int run_inspect(const settings *settings) {
  if (settings->precision != NULL && (!settings->plan || strcmp(settings->precision, "auto") == 0)) {
    return misused(settings, settings->plan ? "shows the plan of one precision: f32, bf16 or int8"
                                            : "--precision goes with --plan");
  }
  tw_tool tool = tw_terminal_tool(settings);
  tw_error error;
  return finish(
      settings,
      tw_tool_inspect(&tool, settings->operands[0], settings->passes, settings->plan, settings->precision, &error),
      &error, 0);
}

static int run_models(const settings *settings) {
  tw_tool tool = tw_terminal_tool(settings);
  tw_error error;
  return finish(settings, tw_tool_models(&tool, &error), &error, 0);
}

static int run_pull(const settings *settings) {
  tw_tool tool = tw_terminal_tool(settings);
  tw_error error;
  return finish(settings, tw_tool_pull(&tool, settings->operands[0], settings->from, &error), &error, 0);
}

static int run_cache(const settings *settings) {
  tw_tool tool = tw_terminal_tool(settings);
  tw_error error;
  const char *action = settings->operands[0];
  if (strcmp(action, "info") == 0) {
    return finish(settings, tw_tool_cache_info(&tool, &error), &error, 0);
  }
  if (strcmp(action, "clear") == 0) {
    return finish(settings, tw_tool_cache_clear(&tool, &error), &error, 0);
  }
  if (strcmp(action, "prune") == 0) {
    return settings->max_size == 0
               ? misused(settings, "prune wants --max-size SIZE")
               : finish(settings, tw_tool_cache_prune(&tool, settings->max_size, &error), &error, 0);
  }
  return misused(settings, "wants info, clear or prune");
}

static int run_bench(const settings *settings) {
  tw_tool tool = tw_terminal_tool(settings);
  tw_error error;
  const char *folder = settings->operand_count > 0 ? settings->operands[0] : NULL;
  tw_tool_trunk trunk = trunk_of(settings);
  bool is_one = settings->precision == NULL || strcmp(settings->precision, "auto") != 0;
  const char *conflict = is_one ? NULL : "measures f32, bf16 and int8; without --precision all of them";
  if (conflict == NULL && settings->recalibrate && folder == NULL) {
    conflict = "--recalibrate wants DIR, to calibrate on";
  }
  if (conflict != NULL) {
    return misused(settings, conflict);
  }
  return finish(settings, tw_tool_bench(&tool, &trunk, folder, &error), &error, 0);
}

#define COMMON "json quiet threads"
#define CACHED COMMON " cache no-cache strict"
#define NETWORK "trunk preprocess input-size mean scale fast-decode"
#define TRUNK NETWORK " cut"

const command tw_cli_commands[] = {
    {"train", "DIR -o MODEL.onnx", "Train a classifier on a folder of pictures, test it and write it.",
     "DIR has one subfolder a class. What was measured and every prediction go into the folder MODEL.report.\n"
     "With --features and --names instead of DIR it trains on features computed elsewhere.\n"
     "With --solver sgd, momentum or adam it trains by the tutorial's recipe, an epoch a line on stderr.",
     0, 1,
     "o " TRUNK " precision recalibrate val test folds train-per-class repeat seed solver epochs batch lr decay "
     "decay-steps momentum patience "
     "checkpoint checkpoint-every resume features names " CACHED,
     run_train},
    {"evaluate", "MODEL DIR", "Test a model on a folder of pictures it has not seen.",
     "Pictures that training has used are told apart by their content and counted on a line of their own.", 2, 2,
     "include-training " CACHED, run_evaluate},
    {"report", "MODEL DIR", "Write the report of a model again, from the folder of its pictures.",
     "The figures are of the model's test part, which is known by content. The report goes into MODEL.report, or where "
     "-o "
     "says.",
     2, 2, "o " CACHED, run_report},
    {"predict", "MODEL FILE|DIR...", "Say what pictures show: path, class, probability, next best.",
     "'-' reads paths from standard input, one a line (or ended by NULs).", 2, SIZE_MAX, "k format " CACHED,
     run_predict},
    {"export", "MODEL -o GRAPH.pb", "Write a model as a frozen graph of TensorFlow, and its labels.",
     "The output is called final_result. The labels go into labels.txt beside the graph, or where --labels says.\n"
     "docs/EXPORT.md has the lines of Python that load it.",
     1, 1, "o labels quiet", run_export},
    {"classify", "FILE|DIR...", "Say what the trunk itself takes pictures for (its own classes, such as ImageNet's).",
     NULL, 1, SIZE_MAX, "k labels " NETWORK " precision json quiet threads cache no-cache strict", run_classify},
    {"draw", "KIND WHAT... -o FILE.png", "Draw one of the tutorial's pictures.",
     "  topwork draw features panda.jpg -o f.png          a picture beside its features\n"
     "  topwork draw bars panda.jpg -k 5 -o b.svg         what the trunk takes it for\n"
     "  topwork draw bars birds.onnx photo.jpg -o b.svg   what a model takes it for\n"
     "  topwork draw grid birds.onnx birds/ -o g.png      nine test pictures at random\n"
     "  topwork draw confusion birds.onnx birds/ -o c.svg the confusion matrix of the test part\n"
     "  topwork draw curves birds.onnx -o l.svg           loss and accuracy over the epochs\n"
     "  topwork draw curves birds.report/history.csv -o l.svg   the same\n\n"
     "Charts are PNG or SVG, as FILE is called; features and grid hold photographs and are PNG.",
     1, 3, "o k seed labels " TRUNK " precision quiet threads cache no-cache", run_draw},
    {"features", "DIR -o F.npy", "Write the features of a folder's pictures (F.npy) and their names (F.tsv).", NULL, 1,
     1, "o " TRUNK " precision recalibrate quiet threads cache no-cache strict", run_features},
    {"run", "NETWORK --input X.npy -o Y.npy", "Run a bare network on a tensor.", NULL, 1, 1, "o input output threads",
     run_run},
    {"inspect", "FILE", "Show what is in a network or in a model.", NULL, 1, 1,
     "passes plan precision json threads cache", run_inspect},
    {"models", "", "List the trunks that are installed and those that can be pulled.", NULL, 0, 0, "json", run_models},
    {"pull", "NAME", "Fetch a trunk of the catalogue, verify and install it.",
     "'topwork models' lists the catalogue. An interrupted download goes on where it stopped. Size and checksum of "
     "the\n"
     "archive and of every file in it must be right, or nothing is installed. Trunks go into\n"
     "$XDG_DATA_HOME/topwork/models (~/.local/share/topwork/models). Proxies: http_proxy, https_proxy, no_proxy.\n"
     "For a machine without network fetch the archive on another one, and say --from FILE.",
     1, 1, "from json quiet", run_pull},
    {"cache", "info|clear|prune", "Show, empty or shrink the features cache.", NULL, 1, 1, "cache max-size json quiet",
     run_cache},
    {"bench", "[DIR]", "Measure this machine with a trunk, and with the pictures of DIR.",
     "Without --precision all are measured that this processor has. int8 wants DIR, to calibrate on, unless a\n"
     "calibration is kept. The machine is measured, too: what falls into bad moments does not count.",
     0, 1, NETWORK " precision recalibrate json quiet threads cache", run_bench},
};
const size_t tw_cli_command_count = sizeof tw_cli_commands / sizeof *tw_cli_commands;
