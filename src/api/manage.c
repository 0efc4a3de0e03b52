/* `models` and `cache`: what is installed and what is kept. */
#include <jansson.h>
#include <sys/stat.h>

#include "api/internal.h"
#include "formats/formats.h"

static tw_status write_json(const tw_tool *tool, json_t *value, tw_error *error) {
  tw_buffer buffer = {0};
  tw_json_append(&buffer, value);
  tw_buffer_text(&buffer, "\n");
  tw_status status = tw_api_write(tool, &buffer, error);
  tw_buffer_done(&buffer);
  return status;
}

/* ---- models ------------------------------------------------------------------------------------------------------ */

static tw_status append_trunk(const char *name, tw_buffer *buffer, json_t *list, tw_error *error) {
  tw_trunk *trunk;
  TW_TRY(tw_trunk_open(name, NULL, &trunk, error));
  struct stat status;
  const char *file = tw_trunk_file(trunk);
  double size = file != NULL && stat(file, &status) == 0 ? (double)status.st_size : 0;
  const char *licence = tw_trunk_licence(trunk);
  const char *description = tw_trunk_description(trunk);
  tw_buffer_format(buffer, "%-20s %6.1f MB  %5zu features  %-12s %s\n", name, size / 1e6, tw_trunk_dimensions(trunk),
                   licence == NULL ? "-" : licence, description == NULL ? "" : description);
  json_array_append_new(
      list, json_pack("{s:s, s:I, s:I, s:s?, s:s?}", "name", name, "bytes", (json_int_t)size, "features",
                      (json_int_t)tw_trunk_dimensions(trunk), "licence", licence, "description", description));
  tw_trunk_free(trunk);
  return TW_OK;
}

tw_status tw_tool_models(const tw_tool *tool, tw_error *error) {
  char **names;
  size_t count;
  TW_TRY(tw_trunk_names(&names, &count, error));
  tw_buffer buffer = {0};
  json_t *list = json_array();
  tw_status status = TW_OK;
  for (size_t i = 0; status == TW_OK && i < count; i++) {
    status = append_trunk(names[i], &buffer, list, error);
  }
  if (status == TW_OK) {
    status = tool->json ? write_json(tool, json_incref(list), error) : tw_api_write(tool, &buffer, error);
  }
  json_decref(list);
  tw_buffer_done(&buffer);
  tw_trunk_names_free(names, count);
  return status;
}

/* ---- cache ------------------------------------------------------------------------------------------------------- */

tw_status tw_tool_cache_info(const tw_tool *tool, tw_error *error) {
  tw_cache_info info;
  TW_TRY(tw_cache_inspect(tool->cache, &info, error));
  tw_status status;
  if (tool->json) {
    status = write_json(tool,
                        json_pack("{s:s, s:I, s:I, s:I}", "folder", info.folder, "entries", (json_int_t)info.entries,
                                  "bytes", (json_int_t)info.bytes, "trunks", (json_int_t)info.trunks),
                        error);
  } else {
    tw_buffer buffer = {0};
    tw_text_append_escaped(&buffer, info.folder);
    tw_buffer_format(&buffer, ": %zu entries of %zu trunk%s, %.1f MB\n", info.entries, info.trunks,
                     info.trunks == 1 ? "" : "s", (double)info.bytes / 1e6);
    status = tw_api_write(tool, &buffer, error);
    tw_buffer_done(&buffer);
  }
  tw_cache_info_done(&info);
  return status;
}

tw_status tw_tool_cache_clear(const tw_tool *tool, tw_error *error) {
  TW_TRY(tw_cache_clear(tool->cache, error));
  tw_api_note(tool, "the cache is empty");
  return TW_OK;
}

tw_status tw_tool_cache_prune(const tw_tool *tool, uint64_t max_size, tw_error *error) {
  size_t dropped;
  TW_TRY(tw_cache_prune(tool->cache, (size_t)max_size, &dropped, error));
  tw_api_note(tool, "dropped %zu entries", dropped);
  return TW_OK;
}
