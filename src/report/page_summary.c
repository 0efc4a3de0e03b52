/* What people read first: the accuracy with its interval beside what guessing would get, and what to be wary of. */
#include <math.h>

#include "report/page.h"

static void append_tile(tw_page *page, const char *name, const char *explained) {
  tw_page_put(page, "<div class=\"tile\"><dt>");
  tw_page_put(page, name);
  tw_page_put(page, "</dt><dd class=\"why\">");
  tw_page_put(page, explained);
  tw_page_put(page, "</dd><dd class=\"figure\">");
}

static void end_tile(tw_page *page) {
  tw_page_put(page, "</dd></div>\n");
}

static void append_position(tw_page *page, const char *kind, double from, double to) {
  tw_buffer_format(page->out, "<i class=\"%s\" style=\"left:", kind);
  tw_html_fixed(page->out, 100 * from, 2);
  tw_page_put(page, "%;width:");
  tw_html_fixed(page->out, 100 * (to - from), 2);
  tw_page_put(page, "%\"></i>");
}

static void append_accuracy(tw_page *page, const tw_metrics *test) {
  tw_page_put(page, "<p class=\"accuracy\"><strong>");
  tw_html_percent(page->out, test->accuracy);
  tw_page_put(page, "</strong> accuracy</p>\n<p>95\xc2\xa0% interval ");
  tw_html_percent(page->out, test->interval[0]);
  tw_page_put(page, " to ");
  tw_html_percent(page->out, test->interval[1]);
  tw_buffer_format(page->out, " (Wilson). %zu of %zu %s right. Always saying ", test->correct, test->count,
                   tw_report_unit(page->outcome, test->count != 1));
  tw_page_name(page, test->baseline_class);
  const tw_outcome *outcome = page->outcome;
  tw_page_put(page, outcome->evaluation            ? ", the largest class here, would get "
                    : outcome->train_per_class > 0 ? ", as large in training as the others, would get "
                                                   : ", the largest class of training, would get ");
  tw_html_percent(page->out, test->baseline);
  tw_page_put(page, ".</p>\n<div class=\"scale\" aria-hidden=\"true\">");
  append_position(page, "range", test->interval[0], test->interval[1]);
  append_position(page, "dot", test->accuracy, test->accuracy);
  append_position(page, "base", test->baseline, test->baseline);
  tw_page_put(page,
              "</div>\n<p class=\"key\" aria-hidden=\"true\"><span class=\"dot\"></span>accuracy and its interval "
              "<span class=\"base\"></span>largest class</p>\n");
}

static void append_spread(tw_page *page, const char *name, const char *explained, double mean, double deviation) {
  append_tile(page, name, explained);
  tw_html_percent(page->out, mean);
  tw_page_put(page, " \xc2\xb1 ");
  tw_html_fixed(page->out, 100 * deviation, 1);
  end_tile(page);
}

static void append_repeats(tw_page *page) {
  const tw_outcome *outcome = page->outcome;
  append_spread(page, "Mean of the draws", "accuracy over all draws of the parts, and its standard deviation",
                outcome->repeat_mean, outcome->repeat_deviation);
  append_spread(page, "Mean of the draws, by class", "the same of the mean recall", outcome->repeat_class_mean,
                outcome->repeat_class_deviation);
}

static void append_tiles(tw_page *page, const tw_metrics *test) {
  tw_page_put(page, "<dl class=\"tiles\">\n");
  if (page->outcome->folds > 0 && page->outcome->fold_accuracies != NULL) {
    append_spread(page, "Mean of the folds", "each tested by a top that had not seen it", page->outcome->fold_mean,
                  page->outcome->fold_deviation);
  }
  if (page->outcome->repeats > 0 && !page->outcome->evaluation) {
    append_repeats(page);
  }
  if (isfinite(test->top5)) {
    append_tile(page, "Top 5", "the true class among the five most probable");
    tw_html_percent(page->out, test->top5);
    end_tile(page);
  }
  append_tile(page, "Log loss", "mean of \xe2\x88\x92ln(probability of the true class); 0 is perfect");
  tw_html_fixed(page->out, test->log_loss, 4);
  end_tile(page);
  append_tile(page, "Mean recall", "each class counted alike");
  tw_html_percent(page->out, test->macro_accuracy);
  end_tile(page);
  append_tile(page, "Mistakes", "counted in the figures above");
  tw_buffer_format(page->out, "%zu", test->count - test->correct);
  end_tile(page);
  tw_page_put(page, "</dl>\n");
}

static void append_warnings(tw_page *page) {
  const tw_outcome *outcome = page->outcome;
  tw_page_put(page, "<ul class=\"notes\">\n");
  if (outcome->counts_used) {
    tw_page_put(page, "<li>Pictures that training has used are counted: these figures are no test.</li>\n");
  }
  for (size_t i = 0; i < outcome->note_count; i++) {
    tw_page_put(page, "<li>");
    tw_html_name(page->out, outcome->notes[i], 600);
    tw_page_put(page, "</li>\n");
  }
  if (outcome->small_classes > 0) {
    tw_page_put(page, "<li>");
    tw_html_count(page->out, outcome->small_classes, "class has", "classes have");
    tw_buffer_format(page->out, " under %d %s in all: too few to judge.</li>\n", TW_PAGE_SMALL,
                     tw_report_unit(page->outcome, true));
  }
  if (outcome->untested_classes > 0) {
    tw_page_put(page, "<li>");
    tw_html_count(page->out, outcome->untested_classes, "class has", "classes have");
    tw_page_put(page, " under 3: used for training only, not tested.</li>\n");
  }
  tw_page_put(page, "</ul>\n");
}

static void append_no_test(tw_page *page) {
  tw_page_put(page, page->outcome->evaluation
                        ? "<p>There is no picture here that the model was tested on or that training has not seen, so "
                          "there is nothing to show how good it is.</p>\n"
                        : "<p>No test part was asked for, so how good the model is was not measured.</p>\n");
}

void tw_page_summary(tw_page *page) {
  const tw_outcome *outcome = page->outcome;
  tw_page_section(page, "summary", "Result", outcome->test != NULL);
  if (outcome->test != NULL) {
    append_accuracy(page, outcome->test);
    append_tiles(page, outcome->test);
  } else {
    append_no_test(page);
  }
  tw_page_recipe_distance(page);
  append_warnings(page);
  tw_page_put(page, "</section>\n");
}
