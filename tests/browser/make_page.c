/* Writes a report page with made-up predictions, for looking at it and for measuring:
 *
 *   make_page CLASSES PREDICTIONS OUTPUT.html PICTURE...
 *
 * CLASSES is a number, or "hostile": a few classes whose names are markup. The pictures are used in turn. Says on
 * standard output how long it took and how large it is. */
#include <stdlib.h>

#include "report_outcome.h"

int main(int argument_count, char **arguments) {
  if (argument_count < 4) {
    fprintf(stderr, "usage: make_page CLASSES PREDICTIONS OUTPUT.html PICTURE...\n");
    return 2;
  }
  bool hostile = strcmp(arguments[1], "hostile") == 0;
  size_t classes = hostile ? MADE_HOSTILE : strtoul(arguments[1], NULL, 10);
  size_t count = strtoul(arguments[2], NULL, 10);
  made_outcome *made = make_outcome_of(classes, count, arguments + 4, (size_t)(argument_count - 4));
  made->outcome.folder = NULL;
  if (hostile) {
    make_names_hostile(made);
  }
  tw_buffer page = {0};
  tw_error error;
  double started = tw_seconds();
  tw_status status = tw_report_page(&made->outcome, 0, NULL, &page, &error);
  double seconds = tw_seconds() - started;
  if (status == TW_OK) {
    status = tw_output_save(arguments[3], tw_buffer_bytes(&page), &error);
  }
  if (status != TW_OK) {
    fprintf(stderr, "%s\n", error.message);
  } else {
    printf("%zu classes, %zu predictions: %zu bytes in %.2f s\n", classes, count, page.size, seconds);
  }
  tw_buffer_done(&page);
  made_outcome_free(made);
  return status == TW_OK ? 0 : 1;
}
