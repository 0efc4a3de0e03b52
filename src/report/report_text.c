/* The summary that `train` and `evaluate` print: what people read first, so every figure says which part it is of. */
#include <math.h>
#include <string.h>

#include "report/history.h"
#include "report/report.h"

enum { LISTED = 10 /* names of a list that are printed before "and N more" */ };

static const char *plural(size_t count) {
  return count == 1 ? "" : "s";
}

static void append_name(tw_buffer *buffer, const char *name) {
  tw_buffer_text(buffer, "'");
  tw_text_append_escaped(buffer, name);
  tw_buffer_text(buffer, "'");
}

static void append_percent(tw_buffer *buffer, double share) {
  tw_buffer_format(buffer, "%.1f %%", 100 * share);
}

/* "accuracy 98.8 % (95 % interval 93.2 to 99.8 %), 79 of 80 pictures right". */
static void append_accuracy(tw_buffer *buffer, const tw_metrics *metrics) {
  append_percent(buffer, metrics->accuracy);
  tw_buffer_format(buffer, " (95 %% interval %.1f to %.1f %%), %zu of %zu right\n", 100 * metrics->interval[0],
                   100 * metrics->interval[1], metrics->correct, metrics->count);
}

/* With the author's protocol and with several draws: each class counted alike, however many test pictures it has. */
static void append_class_accuracy(tw_buffer *buffer, const tw_outcome *outcome) {
  if (outcome->train_per_class > 0 || outcome->repeats > 0) {
    tw_buffer_text(buffer, "by class    ");
    append_percent(buffer, outcome->test->macro_accuracy);
    tw_buffer_text(buffer, " averaged over the classes\n");
  }
}

static void append_repeats(tw_buffer *buffer, const tw_outcome *outcome) {
  tw_buffer_format(buffer,
                   "draws       %zu, seeds %llu to %llu: mean accuracy %.1f %%, standard deviation %.1f points\n"
                   "            averaged over the classes: mean %.1f %%, standard deviation %.1f points\n",
                   outcome->repeats, (unsigned long long)outcome->seed,
                   (unsigned long long)(outcome->seed + outcome->repeats - 1), 100 * outcome->repeat_mean,
                   100 * outcome->repeat_deviation, 100 * outcome->repeat_class_mean,
                   100 * outcome->repeat_class_deviation);
}

static void append_baseline(tw_buffer *buffer, const tw_outcome *outcome) {
  tw_buffer_text(buffer, "baseline    ");
  append_percent(buffer, outcome->test->baseline);
  tw_buffer_text(buffer, " by always saying ");
  append_name(buffer, outcome->classes[outcome->test->baseline_class]);
  tw_buffer_text(buffer, "\n");
}

static void append_worst(tw_buffer *buffer, const tw_outcome *outcome) {
  const tw_metrics *test = outcome->test;
  if (test->worst_count == 0) {
    tw_buffer_text(buffer, "confusion   none: every picture right\n");
    return;
  }
  tw_buffer_text(buffer, "confusion   ");
  append_name(buffer, outcome->classes[test->worst_true]);
  tw_buffer_text(buffer, " taken for ");
  append_name(buffer, outcome->classes[test->worst_predicted]);
  tw_buffer_format(buffer, " %zu time%s, the most of any pair\n", test->worst_count, plural(test->worst_count));
}

static void append_test(tw_buffer *buffer, const tw_outcome *outcome) {
  if (outcome->test == NULL) {
    tw_buffer_text(buffer, outcome->evaluation
                               ? "test        no picture that training has not seen\n"
                               : "test        none: no test part was asked for, so how good the model is "
                                 "was not measured\n");
    return;
  }
  if (outcome->folds > 0) {
    tw_buffer_format(buffer, "folds       %zu: mean accuracy %.1f %%, standard deviation %.1f points\n", outcome->folds,
                     100 * outcome->fold_mean, 100 * outcome->fold_deviation);
    tw_buffer_text(buffer, "all folds   ");
  } else if (outcome->repeats > 0 && !outcome->evaluation) {
    append_repeats(buffer, outcome);
    tw_buffer_text(buffer, "accuracy    (test part of the first draw) ");
  } else if (outcome->counts_used) {
    tw_buffer_text(buffer, "accuracy    (pictures used in training included: not a test) ");
  } else {
    tw_buffer_text(buffer,
                   outcome->evaluation ? "accuracy    (pictures training has not seen) " : "accuracy    (test part) ");
  }
  append_accuracy(buffer, outcome->test);
  append_class_accuracy(buffer, outcome);
  append_baseline(buffer, outcome);
  tw_buffer_format(buffer, "log loss    %.4f\n", outcome->test->log_loss);
  if (!isnan(outcome->test->top5)) {
    tw_buffer_text(buffer, "top 5       ");
    append_percent(buffer, outcome->test->top5);
    tw_buffer_text(buffer, "\n");
  }
  append_worst(buffer, outcome);
}

static void append_parts(tw_buffer *buffer, const tw_outcome *outcome) {
  if (outcome->train_per_class > 0) {
    tw_buffer_format(buffer, ": %zu training (%zu of each class), %zu test", outcome->part_counts[TW_PART_TRAINING],
                     outcome->train_per_class, outcome->part_counts[TW_PART_TEST]);
  } else {
    tw_buffer_format(buffer, ": %zu training, %zu validation, %zu test", outcome->part_counts[TW_PART_TRAINING],
                     outcome->part_counts[TW_PART_VALIDATION], outcome->part_counts[TW_PART_TEST]);
  }
}

static void append_sizes(tw_buffer *buffer, const tw_outcome *outcome) {
  const char *what = outcome->trunk_name == NULL ? "row" : "picture";
  tw_buffer_format(buffer, "%-10s  %zu %s%s in %zu classes", outcome->trunk_name == NULL ? "features" : "pictures",
                   outcome->pictures, what, plural(outcome->pictures), outcome->class_count);
  if (!outcome->evaluation && outcome->folds == 0) {
    append_parts(buffer, outcome);
  }
  tw_buffer_text(buffer, "\n");
  if (outcome->small_classes > 0) {
    tw_buffer_format(buffer, "            %zu class%s with under 10 pictures: too few to judge\n",
                     outcome->small_classes, outcome->small_classes == 1 ? "" : "es");
  }
  if (outcome->untested_classes > 0) {
    tw_buffer_format(buffer, "            %zu class%s with under 3 pictures: used for training only, not tested\n",
                     outcome->untested_classes, outcome->untested_classes == 1 ? "" : "es");
  }
}

static void append_left_out(tw_buffer *buffer, const tw_outcome *outcome) {
  static const struct {
    tw_part part;
    const char *why;
  } rows[] = {
      {TW_PART_DUPLICATE, "exact copies, each counted once"},
      {TW_PART_CONFLICT, "the same picture under two classes: left out"},
      {TW_PART_LEAKED, "training pictures that are in another part too: left out of training"},
  };
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    if (outcome->part_counts[rows[i].part] > 0) {
      tw_buffer_format(buffer, "%-11s %zu: %s\n", tw_part_name(rows[i].part), outcome->part_counts[rows[i].part],
                       rows[i].why);
    }
  }
  for (size_t i = 0, listed = 0; i < outcome->row_count; i++) {
    const tw_report_row *row = &outcome->rows[i];
    bool list = row->part == tw_part_name(TW_PART_CONFLICT) || row->part == tw_part_name(TW_PART_LEAKED);
    if (list && listed < LISTED) {
      tw_buffer_format(buffer, "            %s ", row->part);
      tw_text_append_escaped(buffer, row->path);
      tw_buffer_text(buffer, "\n");
      listed++;
    }
  }
}

/* How many of the skipped files share the reason of file `at`, and whether it is the first of them. */
static size_t count_reason(const tw_outcome *outcome, size_t at, bool *ret_first) {
  size_t count = 0;
  *ret_first = true;
  for (size_t i = 0; i < outcome->skipped_count; i++) {
    if (strcmp(outcome->skipped[i].reason, outcome->skipped[at].reason) == 0) {
      *ret_first = *ret_first && i >= at;
      count++;
    }
  }
  return count;
}

/* Each reason once: with its file, or, when it is that of many, with their number and the first of them. */
static void append_reasons(tw_buffer *buffer, const tw_outcome *outcome) {
  size_t left = outcome->skipped_count;
  size_t listed = 0;
  for (size_t i = 0; i < outcome->skipped_count && listed < LISTED; i++) {
    bool first;
    size_t count = count_reason(outcome, i, &first);
    if (!first) {
      continue;
    }
    tw_buffer_text(buffer, "            ");
    if (count > 1) {
      tw_buffer_format(buffer, "%zu files: %s; the first is ", count, outcome->skipped[i].reason);
      tw_text_append_escaped(buffer, outcome->skipped[i].path);
      tw_buffer_text(buffer, "\n");
    } else {
      tw_text_append_escaped(buffer, outcome->skipped[i].path);
      tw_buffer_format(buffer, ": %s\n", outcome->skipped[i].reason);
    }
    left -= count;
    listed++;
  }
  if (left > 0) {
    tw_buffer_format(buffer, "            and %zu more\n", left);
  }
}

static void append_skipped(tw_buffer *buffer, const tw_outcome *outcome) {
  if (outcome->skipped_count > 0) {
    tw_buffer_format(buffer, "skipped     %zu file%s:\n", outcome->skipped_count, plural(outcome->skipped_count));
    append_reasons(buffer, outcome);
  }
  if (outcome->ignored > 0) {
    tw_buffer_format(buffer, "ignored     %zu other file%s\n", outcome->ignored, plural(outcome->ignored));
  }
  if (outcome->loose_count > 0) {
    tw_buffer_format(buffer, "loose       %zu picture%s directly in the folder, in no class: not used\n",
                     outcome->loose_count, plural(outcome->loose_count));
  }
  for (size_t i = 0; i < outcome->empty_count && i < LISTED; i++) {
    tw_buffer_text(buffer, "empty       folder ");
    append_name(buffer, outcome->empty[i]);
    tw_buffer_text(buffer, " has no picture: no class\n");
  }
}

/* How the folder fits a model that was there before. */
static void append_matching(tw_buffer *buffer, const tw_outcome *outcome) {
  if (outcome->used != NULL) {
    tw_buffer_text(buffer, "training    (pictures used in training, no test) ");
    append_accuracy(buffer, outcome->used);
  }
  if (outcome->unknown_count > 0) {
    tw_buffer_format(
        buffer, "unknown     %zu picture%s in %zu class%s the model does not know:", outcome->unknown_pictures,
        plural(outcome->unknown_pictures), outcome->unknown_count, outcome->unknown_count == 1 ? "" : "es");
    for (size_t i = 0; i < outcome->unknown_count && i < LISTED; i++) {
      tw_buffer_text(buffer, i == 0 ? " " : ", ");
      append_name(buffer, outcome->unknown[i]);
    }
    tw_buffer_text(buffer, outcome->unknown_count > LISTED ? ", ...\n" : "\n");
  }
  if (outcome->again && !outcome->evaluation && outcome->unseen_count > 0) {
    tw_buffer_format(buffer,
                     "unseen      %zu picture%s in none of the model's parts: not in these figures, 'topwork evaluate' "
                     "tests on them\n",
                     outcome->unseen_count, plural(outcome->unseen_count));
  }
  if (outcome->missing_count > 0) {
    tw_buffer_format(buffer, "missing     %zu of the model's classes have no picture here\n", outcome->missing_count);
  }
}

static void append_notes(tw_buffer *buffer, const tw_outcome *outcome) {
  for (size_t i = 0; i < outcome->note_count; i++) {
    tw_buffer_text(buffer, "note        ");
    tw_text_append_escaped(buffer, outcome->notes[i]);
    tw_buffer_text(buffer, "\n");
  }
}

static void append_written(tw_buffer *buffer, const tw_outcome *outcome) {
  bool model = !outcome->evaluation && !outcome->again;
  if (model) {
    tw_buffer_text(buffer, "wrote       ");
    tw_text_append_escaped(buffer, outcome->model_path);
    tw_buffer_text(buffer, "\n");
  }
  if (outcome->report_path != NULL) {
    tw_buffer_text(buffer, model ? "            " : "wrote       ");
    tw_text_append_escaped(buffer, outcome->report_path);
    tw_buffer_format(buffer, "/: index.html (the report), %s%smetrics.json, %spredictions.csv\n",
                     outcome->charts ? "charts, " : "", outcome->history == NULL ? "" : "history.csv, ",
                     outcome->test == NULL ? "" : "confusion.csv, ");
  }
}

void tw_history_distance(const tw_outcome *outcome, char ret_text[TW_DISTANCE_TEXT_SIZE]) {
  double ratio = outcome->recipe_objective / outcome->exact_objective;
  if (!isfinite(ratio)) {
    snprintf(ret_text, TW_DISTANCE_TEXT_SIZE, "at an unknown distance from the optimum");
  } else if (ratio < 2) {
    snprintf(ret_text, TW_DISTANCE_TEXT_SIZE, "%.1f %% above the optimum", 100 * (ratio - 1));
  } else {
    snprintf(ret_text, TW_DISTANCE_TEXT_SIZE, "at %.3g times the optimum", ratio);
  }
}

/* How a training by the recipe went. */
static void append_recipe(tw_buffer *buffer, const tw_outcome *outcome) {
  const tw_history *history = outcome->history;
  if (history == NULL) {
    return;
  }
  const tw_recipe_options *options = &history->options;
  tw_buffer_format(buffer, "recipe      %s, %zu epoch%s of batches of %zu", tw_solver_name(options->solver),
                   history->count, plural(history->count), options->batch);
  if (history->stopped_early) {
    tw_buffer_format(buffer, ", stopped early after %zu without a lower validation loss", options->patience);
  }
  double loss = history->epochs[history->best].validation_loss;
  tw_buffer_format(buffer, "; kept epoch %zu", history->best + 1);
  tw_buffer_text(buffer, isnan(loss) ? "\n" : ", of the lowest validation loss, ");
  if (!isnan(loss)) {
    tw_buffer_format(buffer, "%.4f\n", loss);
  }
  char distance[TW_DISTANCE_TEXT_SIZE];
  tw_history_distance(outcome, distance);
  tw_buffer_format(buffer, "            stopped %s: J %.4g on the training part, at least %.4g\n", distance,
                   outcome->recipe_objective, outcome->exact_objective);
  if (outcome->exact_test != NULL) {
    tw_buffer_text(buffer, "            the exact top gets ");
    append_percent(buffer, outcome->exact_test->accuracy);
    tw_buffer_format(buffer, " of the same test part, log loss %.4f\n", outcome->exact_test->log_loss);
  }
}

/* Not for float32, of which there is nothing to say. */
static void append_precision(tw_buffer *buffer, const tw_outcome *outcome) {
  if (outcome->precision == NULL || outcome->precision->precision == TW_PRECISION_F32) {
    return;
  }
  char *text = tw_trunk_precision_text(outcome->precision);
  buffer->failed = buffer->failed || text == NULL;
  tw_buffer_format(buffer, "precision   %s\n", text == NULL ? "" : text);
  tw_free(text);
}

static void append_top(tw_buffer *buffer, const tw_outcome *outcome) {
  if (!outcome->evaluation && outcome->path != NULL) {
    tw_buffer_format(buffer, "%-10s  C = %.3g, chosen by log loss on %s\n",
                     outcome->history == NULL ? "top" : "exact top", outcome->strength,
                     outcome->path->by_folds ? "5 folds" : "the validation part");
  }
}

void tw_report_text(const tw_outcome *outcome, tw_buffer *buffer) {
  append_sizes(buffer, outcome);
  append_test(buffer, outcome);
  append_matching(buffer, outcome);
  append_left_out(buffer, outcome);
  append_skipped(buffer, outcome);
  append_notes(buffer, outcome);
  append_recipe(buffer, outcome);
  append_top(buffer, outcome);
  append_precision(buffer, outcome);
  append_written(buffer, outcome);
}
