/* Which options belong to a recipe, which to each other, and what is taken where none is given. */
#include "cli/recipe.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

static bool is_exact(const settings *settings) {
  return settings->solver == NULL || strcmp(settings->solver, "exact") == 0;
}

/* The first option given that only a recipe has; NULL: none. */
static const char *recipe_option(const settings *settings) {
  const struct {
    const char *name;
    bool given;
  } rows[] = {
      {"epochs", settings->epochs > 0},
      {"batch", settings->batch > 0},
      {"lr", !isnan(settings->rate)},
      {"decay", !isnan(settings->decay)},
      {"decay-steps", settings->decay_steps != SETTINGS_NOT_GIVEN},
      {"momentum", !isnan(settings->momentum)},
      {"patience", settings->patience > 0},
      {"checkpoint", settings->checkpoint != NULL},
      {"checkpoint-every", settings->checkpoint_every > 0},
      {"resume", settings->resume != NULL},
  };
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    if (rows[i].given) {
      return rows[i].name;
    }
  }
  return NULL;
}

const char *tw_cli_recipe_conflict(const settings *settings) {
  static char text[160];
  const char *option = recipe_option(settings);
  if (is_exact(settings)) {
    snprintf(text, sizeof text, "--%s belongs to a recipe: add --solver sgd, momentum or adam",
             option == NULL ? "" : option);
    return option == NULL ? NULL : text;
  }
  if (settings->folds > 0) {
    return "--folds tests the exact top: leave it out, or --solver";
  }
  if (settings->decay > 1) {
    return "--decay makes the learning rate fall: it wants a number above 0, at most 1";
  }
  if (!isnan(settings->momentum) && strcmp(settings->solver, "momentum") != 0) {
    return "--momentum goes with --solver momentum";
  }
  if (settings->checkpoint_every > 0 && settings->checkpoint == NULL) {
    return "--checkpoint-every wants --checkpoint FILE, too";
  }
  return NULL;
}

static double real_of(double given, double otherwise) {
  return isnan(given) ? otherwise : given;
}

static size_t whole_of(uint64_t given, size_t otherwise) {
  return given == 0 ? otherwise : (size_t)given;
}

tw_tool_recipe tw_cli_recipe_of(const settings *settings) {
  tw_tool_recipe recipe = tw_tool_recipe_defaults();
  recipe.solver = settings->solver;
  recipe.epochs = whole_of(settings->epochs, recipe.epochs);
  recipe.batch = whole_of(settings->batch, recipe.batch);
  recipe.rate = real_of(settings->rate, recipe.rate);
  recipe.decay = real_of(settings->decay, recipe.decay);
  recipe.decay_steps = settings->decay_steps == SETTINGS_NOT_GIVEN ? recipe.decay_steps : (size_t)settings->decay_steps;
  recipe.momentum = real_of(settings->momentum, recipe.momentum);
  recipe.patience = (size_t)settings->patience;
  recipe.checkpoint = settings->checkpoint;
  recipe.checkpoint_every = whole_of(settings->checkpoint_every, recipe.checkpoint_every);
  recipe.resume = settings->resume;
  return recipe;
}
