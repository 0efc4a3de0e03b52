/* What the page says of a training by the recipe: how it went, and how far from the exact top it stopped. */
#include <math.h>

#include "report/history.h"
#include "report/page.h"

/* "the tutorial's recipe: sgd, 200 epochs in batches of 128, ...". */
void tw_page_recipe_fact(tw_page *page) {
  const tw_history *history = page->outcome->history;
  const tw_recipe_options *options = &history->options;
  tw_buffer_format(page->out, "softmax by the tutorial's recipe: %s, %zu epochs of batches of %zu, learning rate ",
                   tw_solver_name(options->solver), history->count, options->batch);
  tw_html_short(page->out, options->rate);
  if (options->decay_steps > 0) {
    tw_page_put(page, ", times ");
    tw_html_short(page->out, options->decay);
    tw_buffer_format(page->out, " every %zu steps", options->decay_steps);
  }
  if (options->solver == TW_SOLVER_MOMENTUM) {
    tw_page_put(page, ", momentum ");
    tw_html_short(page->out, options->momentum);
  }
  tw_buffer_format(page->out, "; the weights of epoch %zu were kept", history->best + 1);
  if (isfinite(history->epochs[history->best].validation_loss)) {
    tw_page_put(page, ", those of the lowest validation loss (");
    tw_html_fixed(page->out, history->epochs[history->best].validation_loss, 4);
    tw_page_put(page, ")");
  }
  if (history->stopped_early) {
    tw_buffer_format(page->out, "; stopped early, after %zu epochs without a lower one", options->patience);
  }
}

/* A sentence or two; nothing for the exact top. */
void tw_page_recipe_distance(tw_page *page) {
  const tw_outcome *outcome = page->outcome;
  if (outcome->history == NULL) {
    return;
  }
  tw_page_put(page, "<p class=\"recipe\">Trained by the recipe, which stopped ");
  char distance[TW_DISTANCE_TEXT_SIZE];
  tw_history_distance(outcome, distance);
  tw_page_put(page, distance);
  tw_page_put(page,
              ": C\xc2\xb7\xce\xa3 cross-entropy + \xc2\xbd|W|\xc2\xb2 on the training "
              "part at C\xc2\xa0=\xc2\xa0");
  tw_html_short(page->out, outcome->strength);
  tw_page_put(page, " is ");
  tw_html_fixed(page->out, outcome->recipe_objective, 4);
  tw_page_put(page, ", the least is ");
  tw_html_fixed(page->out, outcome->exact_objective, 4);
  tw_page_put(page, ".");
  if (outcome->exact_test != NULL) {
    tw_page_put(page, " The exact top, topwork\xe2\x80\x99s default, gets ");
    tw_html_percent(page->out, outcome->exact_test->accuracy);
    tw_page_put(page, " of the same test part right, with a log loss of ");
    tw_html_fixed(page->out, outcome->exact_test->log_loss, 4);
    tw_page_put(page, ".");
  }
  tw_page_put(page, "</p>\n");
}
