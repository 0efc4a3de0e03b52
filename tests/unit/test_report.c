/* Summaries, JSON and CSV of an outcome made by hand. */
#include <jansson.h>
#include <math.h>
#include <string.h>

#include "report/report.h"
#include "support.h"

static const char *const classes[2] = {"a, \"b\"", "tab\tbed"};

/* 4 tested: 3 right, one of class 0 taken for class 1. */
static tw_metrics *make_metrics(void) {
  static const float probabilities[8] = {0.9f, 0.1f, 0.4f, 0.6f, 0.2f, 0.8f, 0.3f, 0.7f};
  static const uint32_t labels[4] = {0, 0, 1, 1};
  tw_metrics *metrics;
  assert_int_equal(tw_metrics_compute(probabilities, labels, 4, 2, 1, &metrics, NULL), TW_OK);
  return metrics;
}

static tw_path_point points[2] = {{0.01, 0.9, 0.5, 7}, {0.1, 0.7, 0.75, 9}};
static const tw_trunk_precision in_f32;
static tw_path path = {.count = 2, .points = points, .chosen = 1};
static tw_skipped skipped[1] = {{(char *)"bad\xff\n.jpg", (char *)"0 bytes"}};
static const tw_report_row rows[2] = {
    {.path = "x,y.jpg", .label = "a, \"b\"", .part = "test", .prediction = "tab\tbed", .probability = 0.6f},
    {.path = "z.jpg", .label = "tab\tbed", .part = "training", .prediction = "tab\tbed", .probability = 1}};

static tw_outcome make_outcome(const tw_metrics *metrics) {
  return (tw_outcome){.model_path = "m.onnx",
                      .report_path = "m.report",
                      .trunk_name = "t",
                      .precision = &in_f32,
                      .class_count = 2,
                      .classes = classes,
                      .part_counts = {10, 5, 4, 1, 0, 0},
                      .pictures = 20,
                      .test = metrics,
                      .path = &path,
                      .strength = 0.1,
                      .objective = 3.5,
                      .skipped_count = 1,
                      .skipped = skipped,
                      .row_count = 2,
                      .rows = rows};
}

static void text_says_what_each_figure_is_of(void **state) {
  (void)state;
  tw_metrics *metrics = make_metrics();
  tw_outcome outcome = make_outcome(metrics);
  tw_buffer buffer = {0};
  tw_report_text(&outcome, &buffer);
  const char *text = (const char *)buffer.data;
  assert_non_null(strstr(text, "20 pictures in 2 classes: 10 training, 5 validation, 4 test\n"));
  assert_non_null(strstr(text, "(test part) 75.0 % (95 % interval 30.1 to 95.4 %), 3 of 4 right\n"));
  assert_non_null(strstr(text, "50.0 % by always saying 'tab\\tbed'\n"));
  assert_non_null(strstr(text, "'a, \"b\"' taken for 'tab\\tbed' 1 time, the most of any pair\n"));
  assert_non_null(strstr(text, "bad\xff\\n.jpg: 0 bytes\n"));
  tw_buffer_done(&buffer);
  outcome.test = NULL;
  tw_report_text(&outcome, &buffer);
  assert_non_null(strstr((const char *)buffer.data, "test        none"));
  assert_null(strstr((const char *)buffer.data, "confusion.csv"));
  tw_buffer_done(&buffer);
  tw_metrics_free(metrics);
}

static void json_parses_and_has_its_keys(void **state) {
  (void)state;
  tw_metrics *metrics = make_metrics();
  tw_outcome outcome = make_outcome(metrics);
  tw_buffer buffer = {0};
  assert_int_equal(tw_report_json(&outcome, &buffer, NULL), TW_OK);
  assert_int_equal(buffer.data[buffer.size - 1], '\n');
  json_t *object = json_loadb((const char *)buffer.data, buffer.size, JSON_REJECT_DUPLICATES, NULL);
  assert_non_null(object);
  json_t *test = json_object_get(object, "test");
  assert_true(json_real_value(json_object_get(test, "accuracy")) == 0.75);
  assert_int_equal(json_array_size(json_object_get(test, "interval")), 2);
  assert_int_equal(json_integer_value(json_object_get(test, "count")), 4);
  assert_true(json_real_value(json_object_get(test, "baseline")) == 0.5);
  assert_true(json_is_null(json_object_get(test, "top5")));
  assert_int_equal(json_array_size(json_object_get(object, "classes")), 2);
  json_t *bad = json_array_get(json_object_get(object, "skipped"), 0);
  assert_string_equal(json_string_value(json_object_get(bad, "path")), "bad\xef\xbf\xbd\n.jpg");
  assert_string_equal(json_string_value(json_object_get(bad, "path_base64")), "YmFk/wouanBn");
  assert_int_equal(json_integer_value(json_object_get(json_object_get(object, "path"), "chosen")), 1);
  json_decref(object);
  tw_buffer_done(&buffer);
  tw_metrics_free(metrics);
}

/* ---- The recipe -------------------------------------------------------------------------------------------------- */

static tw_epoch epochs[2] = {{0.5, 0.7, 0.5, 0.75, 0.25, 1.5}, {0.25, 0.6, 0.75, 0.8, 0.5, 2}};

static tw_outcome make_recipe(const tw_metrics *metrics, tw_history *history) {
  *history = (tw_history){.options = tw_recipe_defaults(), .count = 2, .epochs = epochs, .stopped_early = true};
  history->options.solver = TW_SOLVER_ADAM;
  history->options.epochs = 9;
  history->options.patience = 1;
  tw_outcome outcome = make_outcome(metrics);
  outcome.history = history;
  outcome.recipe_objective = 4.5;
  outcome.exact_objective = 4;
  outcome.exact_test = metrics;
  return outcome;
}

static void text_says_how_far_the_recipe_stopped(void **state) {
  (void)state;
  tw_metrics *metrics = make_metrics();
  tw_history history;
  tw_outcome outcome = make_recipe(metrics, &history);
  tw_buffer buffer = {0};
  tw_report_text(&outcome, &buffer);
  tw_buffer_append(&buffer, "", 1);
  const char *text = (const char *)buffer.data;
  assert_non_null(strstr(text,
                         "recipe      adam, 2 epochs of batches of 128, stopped early after 1 without a lower "
                         "validation loss; kept epoch 1, of the lowest validation loss, 0.7500\n"));
  assert_non_null(strstr(text, "stopped 12.5 % above the optimum: J 4.5 on the training part, at least 4\n"));
  assert_non_null(strstr(text, "the exact top gets 75.0 % of the same test part, log loss "));
  assert_non_null(strstr(text, "exact top   C = 0.1, chosen by log loss on the validation part\n"));
  tw_buffer_done(&buffer);
  outcome.recipe_objective = 400;
  outcome.exact_test = NULL;
  tw_report_text(&outcome, &buffer);
  tw_buffer_append(&buffer, "", 1);
  text = (const char *)buffer.data;
  assert_non_null(strstr(text, "stopped at 100 times the optimum"));
  assert_null(strstr(text, "the exact top gets"));
  tw_buffer_done(&buffer);
  tw_metrics_free(metrics);
}

static json_t *parsed(const tw_outcome *outcome) {
  tw_buffer buffer = {0};
  assert_int_equal(tw_report_json(outcome, &buffer, NULL), TW_OK);
  json_t *object = json_loadb((const char *)buffer.data, buffer.size, JSON_REJECT_DUPLICATES, NULL);
  assert_non_null(object);
  tw_buffer_done(&buffer);
  return object;
}

static void json_has_the_recipe_and_the_exact_top(void **state) {
  (void)state;
  tw_metrics *metrics = make_metrics();
  tw_history history;
  tw_outcome outcome = make_recipe(metrics, &history);
  json_t *object = parsed(&outcome);
  json_t *recipe = json_object_get(object, "recipe");
  json_t *second = json_array_get(json_object_get(recipe, "history"), 1);
  json_t *exact = json_object_get(object, "exact");
  assert_string_equal(json_string_value(json_object_get(recipe, "solver")), "adam");
  assert_int_equal(json_integer_value(json_object_get(recipe, "epochs")), 9);
  assert_int_equal(json_integer_value(json_object_get(recipe, "kept_epoch")), 1);
  assert_true(json_is_true(json_object_get(recipe, "stopped_early")));
  assert_true(json_is_null(json_object_get(recipe, "momentum")));
  assert_true(json_real_value(json_object_get(recipe, "objective")) == 4.5);
  assert_true(json_real_value(json_object_get(second, "rate")) == 0.25);
  assert_true(json_real_value(json_object_get(second, "training_loss")) == 0.6);
  assert_true(json_real_value(json_object_get(second, "training_accuracy")) == 0.75);
  assert_true(json_real_value(json_object_get(second, "validation_loss")) == 0.8);
  assert_true(json_real_value(json_object_get(second, "validation_accuracy")) == 0.5);
  assert_true(json_real_value(json_object_get(second, "seconds")) == 2);
  assert_true(json_real_value(json_object_get(exact, "objective")) == 4);
  assert_true(json_real_value(json_object_get(exact, "distance")) == 0.125);
  assert_true(json_real_value(json_object_get(json_object_get(exact, "test"), "accuracy")) == 0.75);
  json_decref(object);
  outcome = make_outcome(metrics);
  object = parsed(&outcome);
  assert_true(json_is_null(json_object_get(object, "recipe")));
  assert_true(json_is_null(json_object_get(object, "exact")));
  json_decref(object);
  tw_metrics_free(metrics);
}

static const double draws[2] = {0.75, 0.5};
static const double class_draws[2] = {0.8, 0.6};

static tw_outcome make_draws(const tw_metrics *metrics) {
  tw_outcome outcome = make_outcome(metrics);
  outcome.part_counts[TW_PART_VALIDATION] = 0;
  outcome.seed = 7;
  outcome.train_per_class = 5;
  outcome.repeats = 2;
  outcome.repeat_accuracies = draws;
  outcome.repeat_class_accuracies = class_draws;
  outcome.repeat_mean = 0.625;
  outcome.repeat_deviation = 0.177;
  outcome.repeat_class_mean = 0.7;
  outcome.repeat_class_deviation = 0.141;
  return outcome;
}

static void text_tells_draws_by_number(void **state) {
  (void)state;
  tw_metrics *metrics = make_metrics();
  tw_outcome outcome = make_draws(metrics);
  tw_buffer buffer = {0};
  tw_report_text(&outcome, &buffer);
  const char *text = (const char *)buffer.data;
  assert_non_null(strstr(text, "in 2 classes: 10 training (5 of each class), 4 test\n"));
  assert_non_null(strstr(text, "draws       2, seeds 7 to 8: mean accuracy 62.5 %, standard deviation 17.7 points\n"));
  assert_non_null(strstr(text, "averaged over the classes: mean 70.0 %, standard deviation 14.1 points\n"));
  assert_non_null(strstr(text, "(test part of the first draw) 75.0 % "));
  assert_non_null(strstr(text, "by class    75.0 % averaged over the classes\n"));
  tw_buffer_done(&buffer);
  outcome.repeats = 0;
  tw_report_text(&outcome, &buffer);
  assert_null(strstr((const char *)buffer.data, "draw"));
  assert_non_null(strstr((const char *)buffer.data, "by class    75.0 % averaged over the classes\n"));
  tw_buffer_done(&buffer);
  outcome = make_draws(metrics);
  outcome.evaluation = true; /* a report on unseen pictures: the draws are not of them */
  tw_report_text(&outcome, &buffer);
  assert_null(strstr((const char *)buffer.data, "draw"));
  tw_buffer_done(&buffer);
  tw_metrics_free(metrics);
}

static void json_has_every_draw(void **state) {
  (void)state;
  tw_metrics *metrics = make_metrics();
  tw_outcome outcome = make_draws(metrics);
  tw_buffer buffer = {0};
  assert_int_equal(tw_report_json(&outcome, &buffer, NULL), TW_OK);
  json_t *object = json_loadb((const char *)buffer.data, buffer.size, JSON_REJECT_DUPLICATES, NULL);
  assert_int_equal(json_integer_value(json_object_get(object, "train_per_class")), 5);
  const json_t *repeat = json_object_get(object, "repeat");
  assert_true(json_real_value(json_object_get(repeat, "mean")) == 0.625);
  assert_true(json_real_value(json_object_get(repeat, "deviation")) == 0.177);
  assert_true(json_real_value(json_object_get(repeat, "macro_mean")) == 0.7);
  assert_true(json_real_value(json_object_get(repeat, "macro_deviation")) == 0.141);
  const json_t *list = json_object_get(repeat, "draws");
  assert_int_equal(json_array_size(list), 2);
  const json_t *second = json_array_get(list, 1);
  assert_int_equal(json_integer_value(json_object_get(second, "seed")), 8);
  assert_true(json_real_value(json_object_get(second, "accuracy")) == 0.5);
  assert_true(json_real_value(json_object_get(second, "macro_accuracy")) == 0.6);
  json_decref(object);
  tw_buffer_done(&buffer);
  outcome.repeats = 0;
  assert_int_equal(tw_report_json(&outcome, &buffer, NULL), TW_OK);
  object = json_loadb((const char *)buffer.data, buffer.size, JSON_REJECT_DUPLICATES, NULL);
  assert_true(json_is_null(json_object_get(object, "repeat")));
  json_decref(object);
  tw_buffer_done(&buffer);
  tw_metrics_free(metrics);
}

static void csv_quotes_what_it_must(void **state) {
  (void)state;
  tw_metrics *metrics = make_metrics();
  tw_outcome outcome = make_outcome(metrics);
  tw_buffer buffer = {0};
  tw_report_confusion_csv(&outcome, &buffer);
  assert_string_equal((const char *)buffer.data,
                      "true \\ predicted,\"a, \"\"b\"\"\",tab\tbed\n\"a, \"\"b\"\"\",1,1\ntab\tbed,0,2\n");
  buffer.size = 0;
  tw_report_predictions_csv(&outcome, &buffer);
  assert_string_equal((const char *)buffer.data,
                      "path,part,label,prediction,probability\n"
                      "\"x,y.jpg\",test,\"a, \"\"b\"\"\",tab\tbed,0.6\nz.jpg,training,tab\tbed,tab\tbed,1\n");
  tw_buffer_done(&buffer);
  tw_metrics_free(metrics);
}

static void predictions_in_three_formats(void **state) {
  (void)state;
  static const float probabilities[2] = {0.25f, 0.75f};
  static const size_t order[2] = {1, 0};
  static const struct {
    tw_report_format format;
    const char *header;
    const char *line;
  } cases[] = {
      {TW_FORMAT_TEXT, "", "p\\n,.jpg\ttab\\tbed\t0.7500\ta, \"b\"\t0.2500\n"},
      {TW_FORMAT_CSV, "path,label,probability,label_2,probability_2\n",
       "\"p\n,.jpg\",tab\tbed,0.75,\"a, \"\"b\"\"\",0.25\n"},
      {TW_FORMAT_JSON, "",
       "{\"path\":\"p\\n,.jpg\",\"label\":\"tab\\tbed\",\"probability\":0.75,\"top\":[{\"label\":\"tab\\tbed\","
       "\"probability\":0.75},{\"label\":\"a, \\\"b\\\"\",\"probability\":0.25}]}\n"},
  };
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    tw_buffer buffer = {0};
    tw_report_prediction_header(cases[i].format, 2, &buffer);
    assert_string_equal(buffer.data == NULL ? "" : (const char *)buffer.data, cases[i].header);
    buffer.size = 0;
    tw_report_prediction(cases[i].format, "p\n,.jpg", classes, probabilities, order, 2, &buffer);
    assert_string_equal((const char *)buffer.data, cases[i].line);
    tw_buffer_done(&buffer);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(text_says_what_each_figure_is_of),
      cmocka_unit_test(json_parses_and_has_its_keys),
      cmocka_unit_test(text_says_how_far_the_recipe_stopped),
      cmocka_unit_test(json_has_the_recipe_and_the_exact_top),
      cmocka_unit_test(text_tells_draws_by_number),
      cmocka_unit_test(json_has_every_draw),
      cmocka_unit_test(csv_quotes_what_it_must),
      cmocka_unit_test(predictions_in_three_formats),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
