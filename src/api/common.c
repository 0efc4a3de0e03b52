/* Output, outputs, and the cache as the commands use them. */
#include <stdlib.h>
#include <sys/stat.h>

#include "api/internal.h"
#include "formats/formats.h"
#include "pull/pull.h"

void tw_api_note(const tw_tool *tool, const char *format, ...) {
  if (tool->note == NULL) {
    return;
  }
  tw_error line; /* only for its text: cut and kept on one line as messages are */
  char text[TW_ERROR_MESSAGE_SIZE];
  va_list arguments;
  va_start(arguments, format);
  vsnprintf(text, sizeof text, format, arguments);
  va_end(arguments);
  tw_error_set(&line, TW_OK, "%s", text);
  tool->note(tool->context, line.message);
}

tw_status tw_api_write(const tw_tool *tool, tw_buffer *buffer, tw_error *error) {
  TW_TRY(tw_buffer_status(buffer, error));
  bool wanted =
      buffer->size == 0 || tool->write == NULL || tool->write(tool->context, (const char *)buffer->data, buffer->size);
  buffer->size = 0;
  return wanted ? TW_OK : tw_error_set(error, TW_E_CANCELLED, "nobody takes the results any more: stopped");
}

tw_status tw_api_write_json(const tw_tool *tool, struct json_t *value, tw_error *error) {
  tw_buffer buffer = {0};
  tw_json_append(&buffer, value);
  tw_buffer_text(&buffer, "\n");
  tw_status status = tw_api_write(tool, &buffer, error);
  tw_buffer_done(&buffer);
  return status;
}

tw_status tw_api_check_output(const char *path, tw_error *error) {
  struct stat status;
  if (stat(path, &status) == 0 && !S_ISDIR(status.st_mode) && !S_ISREG(status.st_mode)) {
    return TW_OK; /* opening a pipe would wait for its reader */
  }
  tw_output *output;
  TW_TRY(tw_output_open(path, &output, error));
  tw_output_discard(output);
  return TW_OK;
}

tw_ticker tw_api_ticker(const tw_tool *tool) {
  return (tw_ticker){.callback = tool->progress, .context = tool->context};
}

void tw_api_note_skipped(const tw_tool *tool, const char *path, const char *reason) {
  tw_buffer text = {0};
  tw_text_append_escaped(&text, path);
  if (!text.failed) {
    tw_api_note(tool, "%s: skipped: %s", (const char *)(text.data == NULL ? (uint8_t *)"" : text.data), reason);
  }
  tw_buffer_done(&text);
}

tw_status tw_api_open_cache(const tw_tool *tool, tw_cache **ret_cache, tw_error *error) {
  *ret_cache = NULL;
  if (tool->no_cache) {
    return TW_OK;
  }
  char *note = NULL;
  tw_status status = tw_cache_open(tool->cache, ret_cache, &note, error);
  if (status == TW_OK && note != NULL) {
    tw_api_note(tool, "%s", note);
  }
  tw_free(note);
  return status;
}

void tw_api_close_cache(const tw_tool *tool, tw_cache *cache) {
  const char *note = cache == NULL ? NULL : tw_cache_note(cache);
  if (note != NULL) {
    tw_api_note(tool, "%s", note);
  }
  tw_cache_close(cache);
}

tw_status tw_api_say(const tw_tool *tool, const tw_outcome *outcome, tw_error *error) {
  tw_buffer buffer = {0};
  tw_status status = TW_OK;
  if (tool->json) {
    status = tw_report_json(outcome, &buffer, error);
  } else {
    tw_report_text(outcome, &buffer);
  }
  if (status == TW_OK) {
    status = tw_api_write(tool, &buffer, error);
  }
  tw_buffer_done(&buffer);
  return status;
}

tw_status tw_api_open_trunk(const tw_tool_trunk *request, tw_trunk **ret_trunk, tw_error *error) {
  tw_trunk_options options = {.cut = request->cut,
                              .preprocess = request->preprocess,
                              .input_size = request->input_size,
                              .mean = request->mean,
                              .scale = request->scale,
                              .labels = request->labels,
                              .fast_decode = request->fast_decode};
  tw_status status = tw_trunk_open(request->name, &options, ret_trunk, error);
  const tw_pull_entry *entry = status == TW_E_ARGUMENT ? tw_pull_find(request->name) : NULL;
  uint64_t bytes;
  tw_pull_state state = entry == NULL ? TW_PULL_INSTALLED : tw_pull_look(entry, NULL, &bytes, NULL);
  if (state == TW_PULL_ABSENT || state == TW_PULL_PARTIAL) {
    return tw_error_set(error, status, "the trunk %s is not installed: 'topwork pull %s' brings it here", entry->name,
                        entry->name);
  }
  return status;
}

void tw_api_tell_repeats(const tw_model_record *record, tw_outcome *outcome) {
  if (record->repeats == 0) {
    return;
  }
  outcome->repeats = record->repeats;
  outcome->repeat_accuracies = record->repeat_accuracies;
  outcome->repeat_class_accuracies = record->repeat_class_accuracies;
  tw_mean_and_deviation(record->repeat_accuracies, record->repeats, &outcome->repeat_mean, &outcome->repeat_deviation);
  tw_mean_and_deviation(record->repeat_class_accuracies, record->repeats, &outcome->repeat_class_mean,
                        &outcome->repeat_class_deviation);
}
