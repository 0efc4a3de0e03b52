/* How the model was made: parts, trunk, precision, the path of strengths. */
#include "report/page.h"

static void begin_fact(tw_page *page, const char *name) {
  tw_page_put(page, "<tr><th scope=\"row\">");
  tw_page_put(page, name);
  tw_page_put(page, "</th><td>");
}

static void end_fact(tw_page *page) {
  tw_page_put(page, "</td></tr>\n");
}

static void append_parts(tw_page *page) {
  const tw_outcome *outcome = page->outcome;
  begin_fact(page, outcome->trunk_name == NULL ? "Rows" : "Pictures");
  tw_buffer_format(page->out, "%zu in %zu classes", outcome->pictures, outcome->class_count);
  end_fact(page);
  begin_fact(page, "Parts");
  if (outcome->folds > 0) {
    tw_buffer_format(page->out, "tested by %zu folds, each once; the model is then trained on all", outcome->folds);
  } else if (outcome->train_per_class > 0) {
    tw_buffer_format(page->out, "%zu training (%zu of each class), %zu test: all others",
                     outcome->part_counts[TW_PART_TRAINING], outcome->train_per_class,
                     outcome->part_counts[TW_PART_TEST]);
  } else {
    tw_buffer_format(page->out, "%zu training, %zu validation, %zu test", outcome->part_counts[TW_PART_TRAINING],
                     outcome->part_counts[TW_PART_VALIDATION], outcome->part_counts[TW_PART_TEST]);
  }
  end_fact(page);
}

static void append_trunk(tw_page *page) {
  const tw_outcome *outcome = page->outcome;
  begin_fact(page, "Trunk");
  if (outcome->trunk_name == NULL) {
    tw_page_put(page, "none: the features came from a file");
  } else {
    tw_html_name(page->out, outcome->trunk_name, TW_PAGE_NAME);
  }
  end_fact(page);
  if (outcome->trunk_name != NULL) {
    begin_fact(page, "Precision");
    char *precision = tw_trunk_precision_text(outcome->precision);
    page->out->failed = page->out->failed || precision == NULL;
    tw_page_put(page, precision == NULL ? "" : precision);
    tw_free(precision);
    end_fact(page);
  }
}

static void append_top(tw_page *page) {
  const tw_outcome *outcome = page->outcome;
  begin_fact(page, "Top");
  if (outcome->history != NULL) {
    tw_page_recipe_fact(page);
    end_fact(page);
    begin_fact(page, "For comparison");
    tw_page_put(page, "the exact top: ");
  }
  tw_page_put(page, "logistic regression with L2, C = ");
  tw_html_short(page->out, outcome->strength);
  if (outcome->path != NULL) {
    tw_page_put(page, ", chosen by log loss on ");
    tw_page_put(page, outcome->path->by_folds ? "5 folds of training + validation" : "the validation part");
  }
  end_fact(page);
  begin_fact(page, "Objective");
  tw_html_fixed(page->out, outcome->objective, 4);
  if (outcome->history != NULL) {
    tw_page_put(page, " by the recipe, ");
    tw_html_fixed(page->out, outcome->exact_objective, 4);
    tw_page_put(page, " at the optimum");
  }
  end_fact(page);
  begin_fact(page, "Seed");
  tw_buffer_format(page->out, "%llu", (unsigned long long)outcome->seed);
  end_fact(page);
}

static void append_time(tw_page *page) {
  const tw_outcome *outcome = page->outcome;
  begin_fact(page, "Time");
  tw_html_fixed(page->out, outcome->seconds, 1);
  tw_page_put(page, "\xc2\xa0s until this page was begun");
  if (outcome->trunk_name != NULL) {
    tw_buffer_format(page->out, "; %zu of %zu pictures' features came from the cache", outcome->cached,
                     outcome->pictures);
  }
  end_fact(page);
}

static void append_points(tw_page *page, const tw_path *path) {
  tw_page_put(
      page,
      "<details><summary>The path as a table</summary>\n<div class=\"wide\"><table><thead><tr><th scope=\"col\">C</th>"
      "<th scope=\"col\">Log loss</th><th scope=\"col\">Accuracy</th><th scope=\"col\">Iterations</th>"
      "</tr></thead>\n<tbody>\n");
  for (size_t i = 0; i < path->count; i++) {
    const tw_path_point *point = &path->points[i];
    tw_page_put(page, i == path->chosen ? "<tr class=\"chosen\"><th scope=\"row\">" : "<tr><th scope=\"row\">");
    tw_html_short(page->out, point->strength);
    tw_page_put(page, "</th><td>");
    tw_html_fixed(page->out, point->log_loss, 5);
    tw_page_put(page, "</td><td>");
    tw_html_percent(page->out, point->accuracy);
    tw_buffer_format(page->out, "</td><td>%zu</td></tr>\n", point->iterations);
  }
  tw_page_put(page, "</tbody></table></div></details>\n");
}

/* The draws of the parts, the model being of the first. */
static void append_draws(tw_page *page) {
  const tw_outcome *outcome = page->outcome;
  if (outcome->repeats == 0) {
    return;
  }
  tw_page_put(page,
              "<details><summary>The draws of the parts as a table</summary>\n<div class=\"wide\"><table><thead><tr>"
              "<th scope=\"col\">Seed</th><th scope=\"col\">Accuracy</th><th scope=\"col\">Averaged over the "
              "classes</th></tr></thead>\n<tbody>\n");
  for (size_t i = 0; i < outcome->repeats; i++) {
    tw_page_put(page, i == 0 ? "<tr class=\"chosen\"><th scope=\"row\">" : "<tr><th scope=\"row\">");
    tw_buffer_format(page->out, "%llu</th><td>", (unsigned long long)(outcome->seed + i));
    tw_html_percent(page->out, outcome->repeat_accuracies[i]);
    tw_page_put(page, "</td><td>");
    tw_html_percent(page->out, outcome->repeat_class_accuracies[i]);
    tw_page_put(page, "</td></tr>\n");
  }
  tw_page_put(page, "</tbody></table></div></details>\n");
}

static void append_path(tw_page *page) {
  const tw_path *path = page->outcome->path;
  if (path == NULL || path->count == 0) {
    tw_page_put(page, "<p>The model file does not say which strengths were tried.</p>\n");
    return;
  }
  tw_page_put(page, "<h3>Strengths that were tried</h3>\n<p class=\"of\">");
  tw_page_put(page, path->by_folds ? "5 folds of training + validation" : "Validation part");
  tw_page_put(page, "</p>\n<div class=\"wide\">");
  tw_extent extent = tw_path_extent();
  tw_canvas *canvas = tw_svg_begin(page->out, extent.width, extent.height,
                                   "class=\"chart\" role=\"img\" aria-label=\"Log loss and accuracy by strength\"");
  if (canvas != NULL) {
    tw_path_draw(page->outcome, canvas);
  }
  tw_svg_end(canvas);
  tw_page_put(page, "</div>\n");
  append_points(page, path);
}

void tw_page_training(tw_page *page) {
  tw_page_section(page, "training", "Training", false);
  tw_page_put(page, "<table class=\"facts\"><tbody>\n");
  append_parts(page);
  append_trunk(page);
  append_top(page);
  append_time(page);
  tw_page_put(page, "</tbody></table>\n");
  append_draws(page);
  tw_page_curves(page);
  append_path(page);
  tw_page_features(page);
  tw_page_put(page, "</section>\n");
}
