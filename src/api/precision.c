/* The precision that a command asks for, and what is said about it. How it is chosen is the floor `features`'s. */
#include "api/internal.h"

#include <string.h>

static void note_line(void *context, const char *line) {
  tw_api_note(context, "%s", line);
}

tw_status tw_api_choose_precision(const tw_tool *tool, const tw_tool_trunk *request, tw_trunk *trunk,
                                  const char *const *paths, size_t count, tw_error *error) {
  tw_ticker ticker = tw_api_ticker(tool);
  tw_tool copy = *tool;
  tw_precision_request choice = {.cache = tool->cache,
                                 .no_cache = tool->no_cache,
                                 .recalibrate = request->recalibrate,
                                 .paths = paths,
                                 .count = count,
                                 .threads = tool->threads,
                                 .ticker = &ticker,
                                 .note = note_line,
                                 .context = &copy};
  if (request->precision == NULL) {
    return TW_OK;
  }
  choice.automatic = strcmp(request->precision, "auto") == 0;
  if (!choice.automatic && !tw_precision_parse(request->precision, &choice.precision)) {
    return tw_error_set(error, TW_E_ARGUMENT, "precision is '%s'; it must be f32, bf16, int8 or auto",
                        request->precision);
  }
  return tw_trunk_choose_precision(trunk, &choice, error);
}

void tw_api_note_precision(const tw_tool *tool, const tw_model *model) {
  const char *note = model->trunk == NULL ? NULL : tw_trunk_precision_note(model->trunk);
  if (note != NULL) {
    tw_api_note(tool, "the model was trained in %s: %s",
                tw_precision_name(tw_trunk_get_precision(model->trunk)->precision), note);
  }
}
