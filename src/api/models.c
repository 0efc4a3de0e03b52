/* `models`: the trunks that are installed and those of the catalogue, in one list. One that is damaged is a line that
 * says so. */
#include <jansson.h>
#include <string.h>
#include <sys/stat.h>

#include "api/internal.h"
#include "pull/pull.h"

/* All that is known of one trunk. */
typedef struct row {
  const char *name;
  const tw_pull_entry *entry; /* NULL: it is not in the catalogue */
  tw_trunk *trunk;            /* NULL: it is not installed, or damaged */
  tw_pull_state state;
  uint64_t downloaded; /* bytes of a part */
  tw_error problem;    /* of a damaged one */
} row;

/* installed: it is found by its name. */
static tw_status row_init(row *row, const char *name, bool installed, tw_error *error) {
  *row = (struct row){.name = name, .entry = tw_pull_find(name)};
  row->state = row->entry == NULL ? TW_PULL_ABSENT : tw_pull_look(row->entry, NULL, &row->downloaded, &row->problem);
  if (!installed || row->state == TW_PULL_DAMAGED) {
    return TW_OK;
  }
  row->state = TW_PULL_INSTALLED;
  tw_status status = tw_trunk_open(name, NULL, &row->trunk, &row->problem);
  if (status == TW_E_MEMORY) {
    return tw_error_memory(error);
  }
  row->state = status == TW_OK ? TW_PULL_INSTALLED : TW_PULL_DAMAGED;
  return TW_OK;
}

static uint64_t network_size(const row *row) {
  struct stat status;
  const char *file = row->trunk == NULL ? NULL : tw_trunk_file(row->trunk);
  if (file != NULL && stat(file, &status) == 0) {
    return (uint64_t)status.st_size;
  }
  return row->entry == NULL ? 0 : row->entry->members[0].size;
}

static const char *licence_of(const row *row) {
  return row->trunk != NULL ? tw_trunk_licence(row->trunk) : row->entry != NULL ? row->entry->licence : NULL;
}

static const char *description_of(const row *row) {
  return row->trunk != NULL ? tw_trunk_description(row->trunk) : row->entry != NULL ? row->entry->description : NULL;
}

static const char *source_of(const row *row) {
  return row->entry != NULL ? row->entry->url : row->trunk != NULL ? tw_trunk_origin(row->trunk) : NULL;
}

/* ---- Text -------------------------------------------------------------------------------------------------------- */

static void append_text(const row *row, tw_buffer *buffer) {
  static const char *const states[] = {"not installed", "", "installed", "damaged"};
  const char *licence = licence_of(row);
  const char *description = description_of(row);
  const char *source = source_of(row);
  char state[32];
  snprintf(state, sizeof state, "%s", states[row->state]);
  if (row->state == TW_PULL_PARTIAL) {
    snprintf(state, sizeof state, "%.0f %% fetched",
             100.0 * (double)row->downloaded / (double)row->entry->archive.size);
  }
  tw_buffer_format(buffer, "%-20s %6.1f MB  %-12s  ", row->name, (double)network_size(row) / 1e6,
                   licence == NULL ? "-" : licence);
  if (description == NULL) {
    tw_buffer_format(buffer, "%s\n", state);
  } else {
    tw_buffer_format(buffer, "%-13s  %s\n", state, description);
  }
  if (source != NULL) {
    tw_buffer_format(buffer, "    from %s\n", source);
  }
  if (row->state == TW_PULL_DAMAGED) {
    tw_buffer_format(buffer, "    %s\n", row->problem.message);
  }
  if (row->entry != NULL && row->state != TW_PULL_INSTALLED) {
    tw_buffer_format(buffer, "    topwork pull %s: %.1f MB to fetch\n", row->name,
                     (double)(row->entry->archive.size - row->downloaded) / 1e6);
  }
}

/* ---- JSON -------------------------------------------------------------------------------------------------------- */

static json_t *size_or_null(bool known, uint64_t size) {
  return known ? json_integer((json_int_t)size) : json_null();
}

/* Messages hold names of files, which may be any bytes. */
static json_t *text_or_null(const char *text) {
  if (text == NULL) {
    return json_null();
  }
  tw_buffer buffer = {0};
  tw_utf8_append_replaced(&buffer, text);
  json_t *value = buffer.failed ? NULL : json_stringn(buffer.size == 0 ? "" : (const char *)buffer.data, buffer.size);
  tw_buffer_done(&buffer);
  return value;
}

static json_t *json_of(const row *row) {
  static const char *const states[] = {"absent", "partial", "installed", "damaged"};
  bool in_catalogue = row->entry != NULL;
  bool known = row->trunk != NULL || in_catalogue;
  return json_pack("{s:o, s:s, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o}", "name", text_or_null(row->name), "state",
                   states[row->state], "bytes", size_or_null(known, network_size(row)), "features",
                   size_or_null(row->trunk != NULL, row->trunk != NULL ? tw_trunk_dimensions(row->trunk) : 0),
                   "licence", text_or_null(licence_of(row)), "description", text_or_null(description_of(row)), "source",
                   text_or_null(source_of(row)), "download_bytes",
                   size_or_null(in_catalogue, in_catalogue ? row->entry->archive.size : 0), "downloaded_bytes",
                   size_or_null(in_catalogue, row->downloaded), "problem",
                   text_or_null(row->state == TW_PULL_DAMAGED ? row->problem.message : NULL));
}

/* ---- The list ---------------------------------------------------------------------------------------------------- */

static tw_status append_row(const char *name, bool installed, tw_buffer *buffer, json_t *list, tw_error *error) {
  row row;
  TW_TRY(row_init(&row, name, installed, error));
  append_text(&row, buffer);
  bool appended = json_array_append_new(list, json_of(&row)) == 0;
  tw_trunk_free(row.trunk);
  return appended ? TW_OK : tw_error_memory(error);
}

/* Both lists are sorted. */
static tw_status append_all(char *const *names, size_t count, tw_buffer *buffer, json_t *list, tw_error *error) {
  size_t entry_count;
  const tw_pull_entry *entries = tw_pull_catalogue(&entry_count);
  for (size_t i = 0, j = 0; i < count || j < entry_count;) {
    int order = i == count ? 1 : j == entry_count ? -1 : strcmp(names[i], entries[j].name);
    TW_TRY(append_row(order <= 0 ? names[i] : entries[j].name, order <= 0, buffer, list, error));
    i += order <= 0 ? 1 : 0;
    j += order >= 0 ? 1 : 0;
  }
  return TW_OK;
}

tw_status tw_tool_models(const tw_tool *tool, tw_error *error) {
  char **names;
  size_t count;
  TW_TRY(tw_trunk_names(&names, &count, error));
  tw_buffer buffer = {0};
  json_t *list = json_array();
  tw_status status = append_all(names, count, &buffer, list, error);
  if (status == TW_OK) {
    status = tool->json ? tw_api_write_json(tool, json_incref(list), error) : tw_api_write(tool, &buffer, error);
  }
  json_decref(list);
  tw_buffer_done(&buffer);
  tw_trunk_names_free(names, count);
  return status;
}
