/* `pull`: a trunk of the catalogue onto this machine. The work is that of the floor `pull`; here are names, notes and
 * what is said at the end. */
#include <jansson.h>

#include "api/internal.h"
#include "pull/pull.h"

static tw_status no_such_entry(const char *name, tw_error *error) {
  size_t count;
  const tw_pull_entry *entries = tw_pull_catalogue(&count);
  tw_buffer list = {0};
  for (size_t i = 0; i < count; i++) {
    tw_buffer_format(&list, "%s%s", i == 0 ? "" : ", ", entries[i].name);
  }
  tw_status status = tw_buffer_status(&list, error);
  if (status == TW_OK) {
    status = tw_error_set(error, TW_E_ARGUMENT, "there is no '%s' in the catalogue, which has: %s", name,
                          (const char *)list.data);
  }
  tw_buffer_done(&list);
  return status;
}

static void on_note(void *context, const char *line) {
  tw_api_note(context, "%s", line);
}

static tw_status say(const tw_tool *tool, const tw_pull_entry *entry, const tw_pulled *pulled, tw_error *error) {
  uint64_t size = tw_pull_installed_size(entry);
  tw_buffer buffer = {0};
  tw_utf8_append_replaced(&buffer, pulled->folder);
  TW_TRY(tw_buffer_status(&buffer, error));
  tw_status status;
  if (tool->json) {
    json_t *object = json_pack("{s:s, s:s%, s:I, s:b}", "name", entry->name, "folder", (const char *)buffer.data,
                               buffer.size, "bytes", (json_int_t)size, "already", (int)pulled->already);
    status = tw_api_write_json(tool, object, error);
  } else {
    buffer.size = 0;
    tw_text_append_escaped(&buffer, pulled->folder);
    tw_buffer_format(&buffer, ": %s %s, %.1f MB\n", entry->name,
                     pulled->already ? "is there and intact" : "is installed", (double)size / 1e6);
    status = tw_api_write(tool, &buffer, error);
  }
  tw_buffer_done(&buffer);
  return status;
}

tw_status tw_tool_pull(const tw_tool *tool, const char *name, const char *from, tw_error *error) {
  const tw_pull_entry *entry = tw_pull_find(name);
  if (entry == NULL) {
    return no_such_entry(name, error);
  }
  tw_ticker ticker = tw_api_ticker(tool);
  tw_pull_options options = {.from = from, .ticker = &ticker, .note = on_note, .context = (void *)tool};
  tw_pulled pulled;
  TW_TRY(tw_pull(entry, &options, &pulled, error));
  tw_status status = say(tool, entry, &pulled, error);
  tw_pulled_done(&pulled);
  return status;
}
