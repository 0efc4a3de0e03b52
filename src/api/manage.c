/* `cache`: what is kept. */
#include <jansson.h>

#include "api/internal.h"
#include "formats/formats.h"

tw_status tw_tool_cache_info(const tw_tool *tool, tw_error *error) {
  tw_cache_info info;
  TW_TRY(tw_cache_inspect(tool->cache, &info, error));
  tw_status status;
  if (tool->json) {
    status =
        tw_api_write_json(tool,
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
