/* `train --solver`: the recipe, watched. One line an epoch, checkpoints, Ctrl-C, going on; and how far from the exact
 * top it stopped. What an epoch does is in train/recipe.c. */
#include <math.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "api/train_run.h"

enum { CHECKPOINT_EVERY = 10 };

tw_tool_recipe tw_tool_recipe_defaults(void) {
  tw_recipe_options options = tw_recipe_defaults();
  return (tw_tool_recipe){.epochs = options.epochs,
                          .batch = options.batch,
                          .rate = options.rate,
                          .decay = options.decay,
                          .decay_steps = options.decay_steps,
                          .momentum = options.momentum,
                          .checkpoint_every = CHECKPOINT_EVERY};
}

bool tw_train_has_recipe(const tw_tool_train *request) {
  const char *solver = request->recipe.solver;
  return solver != NULL && strcmp(solver, tw_solver_name(TW_SOLVER_EXACT)) != 0;
}

/* A picture or a model in the place of the checkpoint is a slip of the pen, and stays. */
static tw_status check_checkpoint(const char *path, const tw_tool_train *request, tw_error *error) {
  struct stat status;
  if (strcmp(path, request->output) == 0) {
    return tw_error_set(error, TW_E_ARGUMENT, "%s: is to be the model, and cannot be the checkpoint, too", path);
  }
  if (stat(path, &status) == 0 && S_ISREG(status.st_mode) && status.st_size > 0) {
    tw_map *map;
    TW_TRY(tw_map_open(path, &map, error));
    bool good = tw_recipe_is_checkpoint(tw_map_bytes(map));
    tw_map_close(map);
    if (!good) {
      return tw_error_set(error, TW_E_ARGUMENT, "%s: is there and is no checkpoint, so it is not overwritten", path);
    }
  }
  return tw_api_check_output(path, error);
}

tw_status tw_train_check_recipe(const tw_tool_train *request, tw_error *error) {
  const tw_tool_recipe *recipe = &request->recipe;
  if (!tw_train_has_recipe(request)) {
    return TW_OK;
  }
  tw_solver solver;
  if (!tw_solver_parse(recipe->solver, &solver)) {
    return tw_error_set(error, TW_E_ARGUMENT, "there is no solver '%s': exact, sgd, momentum and adam there are",
                        recipe->solver);
  }
  if (request->folds > 0) {
    return tw_error_set(error, TW_E_ARGUMENT,
                        "folds test the exact top: a recipe has the validation and the test part");
  }
  if (recipe->checkpoint != NULL) {
    TW_TRY(check_checkpoint(recipe->checkpoint, request, error));
  }
  if (recipe->resume != NULL) {
    tw_map *map;
    TW_TRY(tw_map_open(recipe->resume, &map, error));
    tw_map_close(map);
  }
  return TW_OK;
}

/* ---- Lines and checkpoints --------------------------------------------------------------------------------------- */

/* One training while it is watched. */
typedef struct watch {
  tw_train_run *run;
  const tw_tool_recipe *request;
  tw_ticker ticker;
  size_t saved; /* epochs in the checkpoint; SIZE_MAX: it is not written yet */
} watch;

static bool is_watched(const tw_history *history) {
  return history->count > 0 && !isnan(history->epochs[0].validation_loss);
}

static void note_header(const watch *watch, bool watched) {
  tw_api_note(watch->run->tool, "epoch        rate  training loss  accuracy%s   seconds",
              watched ? "  validation loss  accuracy" : "");
}

static void note_epoch(const watch *watch) {
  const tw_history *history = tw_recipe_history(watch->run->recipe);
  const tw_epoch *epoch = &history->epochs[history->count - 1];
  if (is_watched(history)) {
    tw_api_note(watch->run->tool, "%5zu  %10.4g  %13.6f  %6.2f %%  %15.6f  %6.2f %%  %8.3f%s", history->count,
                epoch->rate, epoch->training_loss, 100 * epoch->training_accuracy, epoch->validation_loss,
                100 * epoch->validation_accuracy, epoch->seconds, history->best == history->count - 1 ? " *" : "");
  } else {
    tw_api_note(watch->run->tool, "%5zu  %10.4g  %13.6f  %6.2f %%  %8.3f", history->count, epoch->rate,
                epoch->training_loss, 100 * epoch->training_accuracy, epoch->seconds);
  }
}

/* Guessing each class with the same probability has the loss ln K: weights that end up worse have been thrown about. */
static void note_end(const watch *watch) {
  const tw_history *history = tw_recipe_history(watch->run->recipe);
  const tw_epoch *last = &history->epochs[history->count - 1];
  if (is_watched(history)) {
    tw_api_note(watch->run->tool, "%skept the weights of epoch %zu, of the lowest validation loss (*)",
                history->stopped_early ? "stopped early; " : "", history->best + 1);
  }
  double guessing = log((double)watch->run->samples.classes);
  if (last->training_loss > guessing && last->training_loss > history->epochs[0].training_loss) {
    tw_api_note(watch->run->tool,
                "the training loss, %.4g, is above that of guessing, %.4g: the learning rate %g is too high",
                last->training_loss, guessing, history->options.rate);
  }
}

static tw_status save(watch *watch, tw_error *error) {
  if (watch->request->checkpoint == NULL || watch->saved == tw_recipe_history(watch->run->recipe)->count) {
    return TW_OK;
  }
  tw_buffer buffer = {0};
  tw_recipe_save(watch->run->recipe, &buffer);
  tw_status status = tw_buffer_status(&buffer, error);
  if (status == TW_OK) {
    status = tw_output_save(watch->request->checkpoint, tw_buffer_bytes(&buffer), error);
  }
  tw_buffer_done(&buffer);
  watch->saved = status == TW_OK ? tw_recipe_history(watch->run->recipe)->count : watch->saved;
  return status;
}

static tw_status resume(watch *watch, tw_error *error) {
  const char *path = watch->request->resume;
  const char *checkpoint = watch->request->checkpoint;
  if (path == NULL) {
    if (checkpoint != NULL && access(checkpoint, F_OK) == 0) {
      tw_api_note(watch->run->tool, "%s: is written anew; --resume %s would have gone on from it", checkpoint,
                  checkpoint);
    }
    return TW_OK;
  }
  tw_map *map;
  TW_TRY(tw_map_open(path, &map, error));
  tw_status status = tw_recipe_restore(watch->run->recipe, path, tw_map_bytes(map), error);
  tw_map_close(map);
  TW_TRY(status);
  if (checkpoint != NULL && strcmp(checkpoint, path) == 0) {
    watch->saved = tw_recipe_history(watch->run->recipe)->count;
  }
  tw_api_note(watch->run->tool, "%s: going on after epoch %zu", path, tw_recipe_history(watch->run->recipe)->count);
  return TW_OK;
}

/* ---- Training ---------------------------------------------------------------------------------------------------- */

/* What is there of a training that was cancelled is kept. */
static tw_status stop(watch *watch, tw_error *error) {
  const tw_history *history = tw_recipe_history(watch->run->recipe);
  if (history->count == 0) {
    return tw_error_set(error, TW_E_CANCELLED, "stopped before the first epoch");
  }
  if (watch->request->checkpoint == NULL) {
    return tw_error_set(error, TW_E_CANCELLED, "stopped after epoch %zu of %zu; --checkpoint FILE would have kept them",
                        history->count, history->options.epochs);
  }
  TW_TRY(save(watch, error));
  return tw_error_set(
      error, TW_E_CANCELLED,
      "stopped after epoch %zu of %zu, kept in %s: the same command with --resume %s goes on from there",
      history->count, history->options.epochs, watch->request->checkpoint, watch->request->checkpoint);
}

static bool wants_on(watch *watch) {
  const tw_history *history = tw_recipe_history(watch->run->recipe);
  const tw_progress progress = {.stage = "epochs", .done = history->count, .total = history->options.epochs};
  return tw_ticker_report(&watch->ticker, &progress, tw_recipe_done(watch->run->recipe));
}

static tw_status run_epochs(watch *watch, tw_error *error) {
  tw_recipe *recipe = watch->run->recipe;
  const tw_history *history = tw_recipe_history(recipe);
  bool first = true;
  while (wants_on(watch)) {
    if (tw_recipe_done(recipe)) {
      note_end(watch);
      return save(watch, error);
    }
    TW_TRY(tw_recipe_epoch(recipe, error));
    if (first) {
      note_header(watch, is_watched(history));
      first = false;
    }
    note_epoch(watch);
    if (watch->request->checkpoint_every > 0 && history->count % watch->request->checkpoint_every == 0) {
      TW_TRY(save(watch, error));
    }
  }
  return stop(watch, error);
}

static tw_top *copy_top(const tw_top *from) {
  tw_top *top = tw_top_create(from->classes, from->dimensions);
  if (top != NULL) {
    memcpy(top->weights, from->weights, from->classes * from->dimensions * sizeof *top->weights);
    memcpy(top->intercepts, from->intercepts, from->classes * sizeof *top->intercepts);
  }
  return top;
}

tw_status tw_train_by_recipe(tw_train_run *run, tw_error *error) {
  const tw_tool_recipe *request = &run->request->recipe;
  tw_recipe_options options = {.epochs = request->epochs,
                               .batch = request->batch,
                               .rate = request->rate,
                               .decay = request->decay,
                               .decay_steps = request->decay_steps,
                               .momentum = request->momentum,
                               .patience = request->patience,
                               .seed = run->request->seed,
                               .threads = run->tool->threads};
  if (!tw_solver_parse(request->solver, &options.solver)) {
    return tw_error_set(error, TW_E_ARGUMENT, "there is no solver '%s'", request->solver);
  }
  TW_TRY(tw_recipe_create(&run->samples, run->parts, &options, &run->recipe, error));
  watch watch = {.run = run, .request = request, .ticker = tw_api_ticker(run->tool), .saved = SIZE_MAX};
  TW_TRY(resume(&watch, error));
  TW_TRY(run_epochs(&watch, error));
  run->top = copy_top(tw_recipe_best(run->recipe));
  return run->top == NULL ? tw_error_memory(error) : TW_OK;
}

/* ---- The exact top for comparison -------------------------------------------------------------------------------- */

static tw_status measure_exact(tw_train_run *run, const tw_top *exact, tw_error *error) {
  if (run->test == NULL) {
    return TW_OK;
  }
  size_t n = run->samples.count;
  size_t cells;
  float *probabilities = tw_mul_size(n, run->samples.classes, &cells) ? tw_alloc(cells, sizeof *probabilities) : NULL;
  bool *counted = tw_alloc(n, sizeof *counted);
  tw_status status = probabilities == NULL || counted == NULL ? tw_error_memory(error) : TW_OK;
  if (status == TW_OK) {
    status = tw_top_apply(exact, run->samples.features, n, tw_thread_count(run->tool->threads), probabilities, error);
  }
  for (size_t i = 0; status == TW_OK && i < n; i++) {
    counted[i] = run->parts[i] == TW_PART_TEST;
  }
  if (status == TW_OK) {
    status = tw_api_measure(probabilities, run->samples.labels, counted, n, run->samples.classes,
                            run->test->baseline_class, &run->exact_test, error);
  }
  tw_free(counted);
  tw_free(probabilities);
  return status;
}

/* J of both on the training part, where the recipe had to find its top: of the recipe's, and the least, to as many
 * digits as anybody wants of a distance. */
static tw_status compare_objectives(tw_train_run *run, const tw_top *start, tw_fit_options options, tw_error *error) {
  options.tolerance = 1e-6;
  double strength = run->path->points[run->path->chosen].strength;
  size_t *rows = tw_alloc(run->samples.count, sizeof *rows);
  if (rows == NULL) {
    return tw_error_memory(error);
  }
  size_t count = 0;
  for (size_t i = 0; i < run->samples.count; i++) {
    if (run->parts[i] == TW_PART_TRAINING) {
      rows[count++] = i;
    }
  }
  tw_top *least = NULL;
  tw_fit_report report;
  tw_status status = tw_top_fit(&run->samples, rows, count, strength, start, &options, &least, &report, error);
  if (status == TW_OK) {
    run->exact_objective = report.objective;
    run->recipe_objective = tw_top_objective(&run->samples, rows, count, strength, run->top);
  }
  tw_top_free(least);
  tw_free(rows);
  return status;
}

tw_status tw_train_compare(tw_train_run *run, tw_error *error) {
  tw_ticker ticker = tw_api_ticker(run->tool);
  tw_fit_options options = tw_fit_defaults();
  options.threads = run->tool->threads;
  options.ticker = &ticker;
  tw_top *exact = NULL;
  tw_status status =
      tw_top_train(&run->samples, run->parts, run->request->seed, &options, &exact, &run->path, &run->fit, error);
  if (status == TW_OK) {
    status = measure_exact(run, exact, error);
  }
  if (status == TW_OK) {
    status = compare_objectives(run, exact, options, error);
  }
  tw_top_free(exact);
  const char *checkpoint = run->request->recipe.checkpoint;
  if (status == TW_E_CANCELLED && checkpoint != NULL) {
    return tw_error_set(error, status,
                        "stopped after the last epoch, while the exact top was trained; the epochs are kept in %s: the "
                        "same command with --resume %s goes on from there",
                        checkpoint, checkpoint);
  }
  return status;
}
