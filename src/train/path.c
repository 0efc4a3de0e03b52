/* Choosing the strength C: from strong regularisation to weak in steps of half a decade, each solution carried over to
 * the next, scored by log loss on rows that were left out; then one finer step to where a parabola through the best
 * three has its lowest point. Accuracy is too coarse a score: on small validation parts many strengths share it. */
#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "train/fit.h"

enum {
  UNITS = 8,       /* strengths are 10^(u / UNITS) for whole u */
  COARSE = 4,      /* units of a coarse step */
  MAX_COARSE = 24, /* steps upward; as many units of a decade as float32 tells apart */
  MAX_DOWN = 8,    /* steps downward from the first one */
  MAX_POINTS = MAX_COARSE + MAX_DOWN + 1,
  MAX_UNITS = 150 * UNITS,
  PATIENCE = 2 /* coarse steps without a real gain before the path ends */
};
static const tw_lbfgs_goal path_goal = {.estimated = 1e-4};
/* In nats: a smaller gain is no reason to regularise less. Where the classes separate, the loss falls for ever with
 * rising C, by next to nothing, while the probabilities become more extreme than any validation part can justify. */
static const double real_gain = 0.005;
static const double turned = 0.01; /* relative: a larger rise above the best ends the path at once */

typedef struct path_run {
  tw_team *team;
  tw_path_point *points; /* MAX_POINTS, in the order tried */
  int *units;
  size_t count;
  size_t best;  /* in points */
  float **kept; /* for each member its solution at the best strength */
} path_run;

void tw_path_free(tw_path *path) {
  if (path != NULL) {
    tw_free(path->points);
    tw_free(path);
  }
}

static double strength_of(int units) {
  return pow(10, (double)units / UNITS);
}

/* ---- Trying strengths -------------------------------------------------------------------------------------------- */

/* Whether the last point is better than the best: a stronger regularisation is when its loss is not higher, a weaker
 * one when its loss is lower by `gain`. */
static bool better(const path_run *run, double gain) {
  const tw_path_point *last = &run->points[run->count];
  const tw_path_point *best = &run->points[run->best];
  return last->strength < best->strength ? last->log_loss <= best->log_loss : last->log_loss < best->log_loss - gain;
}

static size_t most_iterations(const tw_team *team) {
  size_t most = 0;
  for (size_t i = 0; i < team->count; i++) {
    size_t iterations = tw_lbfgs_iterations(team->members[i].solver);
    most = iterations > most ? iterations : most;
  }
  return most;
}

/* Trains and scores at one strength and keeps the solutions when it is the best one yet (see better). */
static tw_status try_strength(path_run *run, int units, double ahead, double gain, tw_error *error) {
  tw_team *team = run->team;
  const tw_progress progress = {.stage = "path", .done = run->count};
  double strength = strength_of(units);
  TW_TRY(tw_team_run(team, strength, ahead, path_goal, &progress, error));
  double loss;
  size_t correct;
  size_t count;
  TW_TRY(tw_team_score(team, &loss, &correct, &count, error));
  run->units[run->count] = units;
  run->points[run->count] = (tw_path_point){.strength = strength,
                                            .log_loss = loss / (double)count,
                                            .accuracy = (double)correct / (double)count,
                                            .iterations = most_iterations(team)};
  if (run->count == 0 || better(run, gain)) {
    run->best = run->count;
    for (size_t i = 0; i < team->count; i++) {
      memcpy(run->kept[i], tw_lbfgs_x(team->members[i].solver), team->size * sizeof(float));
    }
  }
  run->count++;
  return TW_OK;
}

/* Back to the best solutions, each member to its own: from another's, which has seen the rows that this one leaves out,
 * a rough solution would score too well. */
static void return_to_best(path_run *run) {
  for (size_t i = 0; i < run->team->count; i++) {
    tw_member_put(&run->team->members[i], run->kept[i], TW_STAND_MOVED);
  }
}

/* The coarse step next below the strength at which regularisation ceases to rule. */
static int first_units(const tw_team *team) {
  double units = COARSE * floor(log10(tw_fit_first_strength(team)) * UNITS / COARSE);
  return (int)fmin(fmax(units, -MAX_UNITS), MAX_UNITS);
}

static tw_status walk_up(path_run *run, int first, tw_error *error) {
  double gained = (double)FLT_MAX; /* the loss at the last real gain */
  size_t idle = 0;
  for (size_t i = 0; i < MAX_COARSE; i++) {
    TW_TRY(try_strength(run, first + (int)i * COARSE, 1, real_gain, error));
    double loss = run->points[run->count - 1].log_loss;
    bool gain = loss < gained - real_gain;
    gained = gain ? loss : gained;
    idle = gain ? 0 : idle + 1;
    if (idle >= PATIENCE || loss > run->points[run->best].log_loss * (1 + turned)) {
      return TW_OK;
    }
  }
  return TW_OK;
}

/* When the strongest regularisation was the best one, even stronger ones, as long as they gain. */
static tw_status walk_down(path_run *run, int first, tw_error *error) {
  for (size_t i = 0; i < MAX_DOWN && run->units[run->best] == first - (int)i * COARSE; i++) {
    double before = run->points[run->best].log_loss;
    return_to_best(run);
    TW_TRY(try_strength(run, first - (int)(i + 1) * COARSE, 0, real_gain, error));
    if (run->points[run->best].log_loss > before - real_gain) {
      return TW_OK;
    }
  }
  return TW_OK;
}

/* The loss at `units`; false when it was not tried. */
static bool loss_at(const path_run *run, int units, double *ret_loss) {
  for (size_t i = 0; i < run->count; i++) {
    if (run->units[i] == units) {
      *ret_loss = run->points[i].log_loss;
      return true;
    }
  }
  return false;
}

static tw_status refine(path_run *run, tw_error *error) {
  int units = run->units[run->best];
  double middle = run->points[run->best].log_loss;
  double below;
  double above;
  if (!loss_at(run, units - COARSE, &below) || !loss_at(run, units + COARSE, &above)) {
    return TW_OK;
  }
  double bend = below - 2 * middle + above;
  int offset = bend > 0 ? (int)lround(COARSE * (below - above) / (2 * bend)) : 0;
  if (offset == 0 || abs(offset) >= COARSE) {
    return TW_OK;
  }
  return_to_best(run);
  return try_strength(run, units + offset, 0, 0, error);
}

static tw_status run_path(path_run *run, tw_error *error) {
  int first = first_units(run->team);
  TW_TRY(walk_up(run, first, error));
  TW_TRY(walk_down(run, first, error));
  TW_TRY(refine(run, error));
  const tw_progress done = {.stage = "path", .done = run->count, .total = run->count};
  return tw_team_report(run->team->options, &done, true, error);
}

/* ---- The path of a set of rows ----------------------------------------------------------------------------------- */

static void path_run_done(path_run *run) {
  for (size_t i = 0; run->kept != NULL && i < run->team->count; i++) {
    tw_free(run->kept[i]);
  }
  tw_free(run->kept);
  tw_free(run->points);
  tw_free(run->units);
}

static tw_status path_run_init(path_run *run, tw_team *team, tw_error *error) {
  *run = (path_run){.team = team};
  run->points = tw_alloc(MAX_POINTS, sizeof *run->points);
  run->units = tw_alloc(MAX_POINTS, sizeof *run->units);
  run->kept = tw_alloc(team->count, sizeof *run->kept);
  bool complete = run->points != NULL && run->units != NULL && run->kept != NULL;
  for (size_t i = 0; complete && i < team->count; i++) {
    run->kept[i] = tw_alloc(team->size, sizeof(float));
    complete = run->kept[i] != NULL;
  }
  return complete ? TW_OK : tw_error_memory(error);
}

static int by_strength(const void *left, const void *right) {
  const tw_path_point *a = left;
  const tw_path_point *b = right;
  return (a->strength > b->strength) - (a->strength < b->strength);
}

static tw_path *path_of(path_run *run, bool by_folds) {
  tw_path *path = tw_alloc(1, sizeof *path);
  if (path == NULL) {
    return NULL;
  }
  double chosen = run->points[run->best].strength;
  qsort(run->points, run->count, sizeof *run->points, by_strength);
  *path = (tw_path){.count = run->count, .points = run->points, .by_folds = by_folds};
  run->points = NULL;
  while (path->points[path->chosen].strength != chosen) {
    path->chosen++;
  }
  return path;
}

/* The mean of the members' best solutions: where the fit on all rows starts. */
static void average_kept(const path_run *run, float *ret_point) {
  size_t members = run->team->count;
  for (size_t j = 0; j < run->team->size; j++) {
    double sum = 0;
    for (size_t i = 0; i < members; i++) {
      sum += (double)run->kept[i][j];
    }
    ret_point[j] = (float)(sum / (double)members);
  }
}

/* Walks the path on `rows` and leaves a start for the final fit in ret_point (K (d + 1)). */
static tw_status choose_strength(const tw_rows *rows, bool by_folds, const tw_fit_options *options, float *ret_point,
                                 tw_path **ret_path, tw_error *error) {
  static const int validation[] = {1};
  static const int folds[TW_SELECTION_FOLDS] = {0, 1, 2, 3, 4};
  tw_team *team;
  TW_TRY(tw_team_create(rows, by_folds ? folds : validation, by_folds ? rows->group_count : 1, options, &team, error));
  path_run run;
  tw_status status = path_run_init(&run, team, error);
  if (status == TW_OK) {
    status = run_path(&run, error);
  }
  if (status == TW_OK) {
    average_kept(&run, ret_point);
    tw_path *path = path_of(&run, by_folds);
    status = path == NULL ? tw_error_memory(error) : TW_OK;
    *ret_path = path == NULL ? *ret_path : path;
  }
  path_run_done(&run);
  tw_team_free(team);
  return status;
}

static tw_status fit_all(const tw_rows *rows, const float *point, double strength, const tw_fit_options *options,
                         tw_top **ret_top, tw_fit_report *ret_report, tw_error *error) {
  static const int left_out[] = {TW_NO_GROUP};
  const tw_progress progress = {.stage = "fit", .total = 1};
  const tw_progress done = {.stage = "fit", .done = 1, .total = 1};
  tw_team *team;
  TW_TRY(tw_team_create(rows, left_out, 1, options, &team, error));
  tw_member_put(&team->members[0], point, TW_STAND_NEW);
  tw_status status = tw_team_run(team, strength, 0, tw_fit_goal(options), &progress, error);
  if (status == TW_OK) {
    status = tw_team_report(options, &done, true, error);
  }
  if (status == TW_OK) {
    status = tw_fit_finish(team, strength, 0, ret_top, ret_report, error);
  }
  tw_team_free(team);
  return status;
}

/* ---- Training ---------------------------------------------------------------------------------------------------- */

/* The samples of training and validation, and the group of each. */
typedef struct choice {
  size_t *list;
  uint32_t *groups;
  size_t count;
  size_t group_count;
  bool by_folds;
} choice;

static void choice_done(choice *choice) {
  tw_free(choice->list);
  tw_free(choice->groups);
}

/* Deals the listed samples into the selection's folds. */
static tw_status deal(const tw_samples *samples, choice *choice, uint64_t seed, tw_error *error) {
  uint32_t *labels = tw_alloc(choice->count, sizeof *labels);
  tw_hash *contents = tw_alloc(choice->count, sizeof *contents);
  int32_t *folds = tw_alloc(choice->count, sizeof *folds);
  tw_status status = labels == NULL || contents == NULL || folds == NULL ? tw_error_memory(error) : TW_OK;
  choice->group_count = choice->count < TW_SELECTION_FOLDS ? choice->count : TW_SELECTION_FOLDS;
  if (status == TW_OK) {
    for (size_t i = 0; i < choice->count; i++) {
      labels[i] = samples->labels[choice->list[i]];
      contents[i] = samples->contents[choice->list[i]];
    }
    tw_samples listed = {.count = choice->count, .classes = samples->classes, .labels = labels, .contents = contents};
    status = tw_folds_draw(&listed, choice->group_count, seed, folds, error);
  }
  for (size_t i = 0; i < choice->count && status == TW_OK; i++) {
    if (folds[i] < 0) {
      status = tw_error_set(error, TW_E_ARGUMENT, "row %zu: its content is there twice", choice->list[i]);
    }
    choice->groups[i] = (uint32_t)folds[i];
  }
  tw_free(labels);
  tw_free(contents);
  tw_free(folds);
  return status;
}

static tw_status choose_samples(const tw_samples *samples, const uint8_t *parts, uint64_t seed, choice *choice,
                                tw_error *error) {
  choice->list = tw_alloc(samples->count, sizeof *choice->list);
  choice->groups = tw_alloc(samples->count, sizeof *choice->groups);
  if (choice->list == NULL || choice->groups == NULL) {
    return tw_error_memory(error);
  }
  size_t validation = 0;
  for (size_t i = 0; i < samples->count; i++) {
    if (parts[i] == TW_PART_TRAINING || parts[i] == TW_PART_VALIDATION) {
      choice->groups[choice->count] = parts[i] == TW_PART_VALIDATION;
      choice->list[choice->count++] = i;
      validation += parts[i] == TW_PART_VALIDATION;
    }
  }
  TW_TRY(tw_fit_check_classes(samples, choice->list, choice->count, error));
  choice->group_count = 2;
  choice->by_folds = validation == 0 || validation == choice->count ||
                     (double)choice->count < (double)samples->classes * TW_SELECTION_MIN_PER_CLASS;
  return choice->by_folds ? deal(samples, choice, seed, error) : TW_OK;
}

static tw_status train_rows(const tw_rows *rows, bool by_folds, const tw_fit_options *options, tw_top **ret_top,
                            tw_path **ret_path, tw_fit_report *ret_report, tw_error *error) {
  size_t size;
  if (!tw_mul_size(rows->classes, rows->dimensions + 1, &size)) {
    return tw_error_memory(error);
  }
  float *point = tw_alloc(size, sizeof *point);
  if (point == NULL) {
    return tw_error_memory(error);
  }
  tw_path *path = NULL;
  tw_status status = choose_strength(rows, by_folds, options, point, &path, error);
  if (status == TW_OK) {
    status = fit_all(rows, point, path->points[path->chosen].strength, options, ret_top, ret_report, error);
  }
  tw_free(point);
  if (status != TW_OK) {
    tw_path_free(path);
    return status;
  }
  *ret_path = path;
  return TW_OK;
}

tw_status tw_top_train(const tw_samples *samples, const uint8_t *parts, uint64_t seed, const tw_fit_options *options,
                       tw_top **ret_top, tw_path **ret_path, tw_fit_report *ret_report, tw_error *error) {
  choice choice = {0};
  tw_rows *rows = NULL;
  tw_status status = choose_samples(samples, parts, seed, &choice, error);
  if (status == TW_OK) {
    status = tw_rows_create(samples, choice.list, choice.groups, choice.count, choice.group_count,
                            tw_thread_count(options->threads), &rows, error);
  }
  if (status == TW_OK) {
    status = train_rows(rows, choice.by_folds, options, ret_top, ret_path, ret_report, error);
  }
  choice_done(&choice);
  tw_rows_free(rows);
  return status;
}
