/* Several draws of the parts: `train --repeat`. A single test figure depends on which pictures happen to be in the test
 * part; the mean over draws and their spread say how much. The features are there already: each draw is only parts, top
 * and test, with the seed after that of the draw before. The model is that of the first. */
#include <math.h>

#include "api/train_run.h"

/* All draws as one stage of the progress. */
typedef struct draws {
  const tw_tool *tool;
  size_t done;
  size_t total;
} draws;

static bool on_progress(void *context, const tw_progress *progress) {
  (void)progress;
  const draws *draws = context;
  const tw_progress all = {.stage = "draws", .done = draws->done, .total = draws->total};
  return draws->tool->progress == NULL || draws->tool->progress(draws->tool->context, &all);
}

static bool pass_on_result(void *context, const char *text, size_t size) {
  const tw_tool *tool = ((const draws *)context)->tool;
  return tool->write == NULL || tool->write(tool->context, text, size);
}

static void pass_on_note(void *context, const char *line) {
  const tw_tool *tool = ((const draws *)context)->tool;
  if (tool->note != NULL) {
    tool->note(tool->context, line);
  }
}

/* The tool for a draw: its progress is the draws', and only the model's own draw has anything to say. */
static tw_tool tool_for_draw(draws *draws, bool first) {
  tw_tool tool = *draws->tool;
  tool.context = draws;
  tool.progress = on_progress;
  tool.write = first ? pass_on_result : NULL;
  tool.note = first ? pass_on_note : NULL;
  return tool;
}

static tw_status first_draw(tw_train_run *run, draws *draws, tw_error *error) {
  tw_tool tool = tool_for_draw(draws, true);
  run->tool = &tool;
  tw_status status = tw_train_draw(run, error);
  run->tool = draws->tool;
  TW_TRY(status);
  if (run->test == NULL) {
    return tw_error_set(error, TW_E_DATA, "no picture is left for the test, so --repeat has nothing to measure");
  }
  return TW_OK;
}

/* Trains and tests with the parts of draw `number` and forgets all but the metrics. */
static tw_status other_draw(const tw_train_run *run, draws *draws, size_t number, tw_metrics **ret_test,
                            tw_error *error) {
  tw_tool tool = tool_for_draw(draws, false);
  tw_tool_train request = *run->request;
  request.seed += number;
  request.recipe.checkpoint = NULL;
  request.recipe.resume = NULL;
  tw_train_run draw = {.tool = &tool, .request = &request, .dataset = run->dataset, .samples = run->samples};
  tw_status status = tw_train_draw(&draw, error);
  if (status == TW_OK) {
    *ret_test = draw.test;
    draw.test = NULL;
  }
  draw.dataset = NULL;
  tw_train_run_done(&draw);
  return status;
}

/* NAN for a draw without a test. */
static tw_status keep(tw_train_run *run, draws *draws, const tw_metrics *test, tw_error *error) {
  run->repeat_accuracies[draws->done] = test == NULL ? (double)NAN : test->accuracy;
  run->repeat_class_accuracies[draws->done] = test == NULL ? (double)NAN : test->macro_accuracy;
  draws->done++;
  return on_progress(draws, NULL) ? TW_OK : tw_error_set(error, TW_E_CANCELLED, "cancelled");
}

tw_status tw_train_repeat(tw_train_run *run, tw_error *error) {
  size_t repeats = run->request->repeat;
  if (run->dataset->given != NULL) {
    return tw_error_set(error, TW_E_ARGUMENT,
                        "%s: its folders give the parts, so --repeat has nothing to draw; leave it out",
                        run->request->folder);
  }
  run->repeat_accuracies = tw_alloc(repeats, sizeof *run->repeat_accuracies);
  run->repeat_class_accuracies = tw_alloc(repeats, sizeof *run->repeat_class_accuracies);
  if (run->repeat_accuracies == NULL || run->repeat_class_accuracies == NULL) {
    return tw_error_memory(error);
  }
  draws draws = {.tool = run->tool, .total = repeats};
  TW_TRY(first_draw(run, &draws, error));
  TW_TRY(keep(run, &draws, run->test, error));
  while (draws.done < repeats) {
    tw_metrics *test;
    TW_TRY(other_draw(run, &draws, draws.done, &test, error));
    tw_status status = keep(run, &draws, test, error);
    tw_metrics_free(test);
    TW_TRY(status);
  }
  return TW_OK;
}
