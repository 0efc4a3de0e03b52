/* Fuzz target: a history.csv. What is read must be within its bounds, and give itself again when it is written and
 * read. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "report/report.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(bool fine) {
  if (!fine) {
    abort();
  }
}

static bool is_same(double a, double b) {
  return (isnan(a) && isnan(b)) || !(a < b || a > b);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  tw_history history;
  tw_error error = {0};
  if (tw_report_history_parse("history.csv", (tw_bytes){data, size}, &history, &error) != TW_OK) {
    check(error.message[0] != '\0');
    return 0;
  }
  check(history.count > 0 && history.best < history.count);
  tw_buffer again = {0};
  tw_report_history_csv(&history, &again);
  tw_history second;
  check(tw_report_history_parse("again", tw_buffer_bytes(&again), &second, &error) == TW_OK);
  check(second.count == history.count && second.best == history.best);
  for (size_t i = 0; i < history.count; i++) {
    check(is_same(history.epochs[i].training_loss, second.epochs[i].training_loss));
    check(is_same(history.epochs[i].validation_accuracy, second.epochs[i].validation_accuracy));
  }
  tw_free(history.epochs);
  tw_free(second.epochs);
  tw_buffer_done(&again);
  return 0;
}
