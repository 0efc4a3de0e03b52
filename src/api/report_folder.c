/* The folder beside a model: index.html, the charts, the tables. */
#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "api/internal.h"

/* Whether something can be made in the nearest folder above `path` that is there. */
static tw_status check_parent(const char *path, tw_error *error) {
  char *parent = tw_strdup(path);
  if (parent == NULL) {
    return tw_error_memory(error);
  }
  char *slash;
  do {
    slash = strrchr(parent, '/');
    if (slash != NULL) {
      slash[slash == parent ? 1 : 0] = '\0';
    }
  } while (slash != NULL && slash != parent && access(parent, F_OK) != 0);
  const char *folder = slash == NULL ? "." : parent;
  tw_status status =
      access(folder, W_OK | X_OK) == 0 ? TW_OK : tw_error_errno(error, errno, "%s: cannot be made in %s", path, folder);
  tw_free(parent);
  return status;
}

tw_status tw_api_check_report(const char *path, tw_error *error) {
  struct stat there;
  if (stat(path, &there) != 0) {
    return check_parent(path, error);
  }
  if (!S_ISDIR(there.st_mode)) {
    return tw_error_set(error, TW_E_IO, "%s: is a file, but the folder of the report has to go there", path);
  }
  if (access(path, W_OK | X_OK) != 0) {
    return tw_error_errno(error, errno, "%s: cannot be written", path);
  }
  return TW_OK;
}

static tw_status save_as(const char *folder, const char *name, const tw_buffer *buffer, tw_error *error) {
  char *path = tw_path_join(folder, name);
  tw_status status = path == NULL ? tw_error_memory(error) : tw_buffer_status(buffer, error);
  if (status == TW_OK) {
    status = tw_output_save(path, tw_buffer_bytes(buffer), error);
  }
  tw_free(path);
  return status;
}

/* Saves `buffer` as `name` in the report folder and empties it. */
static tw_status save(const char *folder, const char *name, tw_buffer *buffer, tw_error *error) {
  tw_status status = save_as(folder, name, buffer, error);
  buffer->size = 0;
  return status;
}

/* A file of an earlier report that this one has not would be taken for a part of it. */
static tw_status drop(const char *folder, const char *name, tw_error *error) {
  char *path = tw_path_join(folder, name);
  if (path == NULL) {
    return tw_error_memory(error);
  }
  unlink(path);
  tw_free(path);
  return TW_OK;
}

static tw_status save_tables(const tw_outcome *outcome, tw_buffer *buffer, tw_error *error) {
  const char *folder = outcome->report_path;
  TW_TRY(tw_report_json(outcome, buffer, error));
  TW_TRY(save(folder, "metrics.json", buffer, error));
  if (outcome->test != NULL) {
    tw_report_confusion_csv(outcome, buffer);
    TW_TRY(save(folder, "confusion.csv", buffer, error));
  } else {
    TW_TRY(drop(folder, "confusion.csv", error));
  }
  tw_report_predictions_csv(outcome, buffer);
  return save(folder, "predictions.csv", buffer, error);
}

/* A file that needs a library which may not be there: saved, or removed with a note (once: *said). `status` is what
 * making it into `buffer` gave; `why` its error. */
static tw_status save_optional(const tw_tool *tool, const char *folder, const char *name, tw_status status,
                               const tw_error *why, tw_buffer *buffer, bool *said, tw_error *error) {
  if (status == TW_OK) {
    return save(folder, name, buffer, error);
  }
  if (status != TW_E_UNSUPPORTED) {
    return tw_error_set(error, status, "%s: %s", name, why->message);
  }
  buffer->size = 0;
  if (!*said) {
    tw_api_note(tool, "%s", why->message);
    *said = true;
  }
  return drop(folder, name, error);
}

/* What there is of a training by a recipe beside its curves. */
static tw_status save_history(const tw_tool *tool, const tw_outcome *outcome, tw_buffer *buffer, tw_error *error) {
  const char *folder = outcome->report_path;
  if (outcome->history == NULL) {
    TW_TRY(drop(folder, "history.csv", error));
    return drop(folder, "history.xlsx", error);
  }
  tw_report_history_csv(outcome->history, buffer);
  TW_TRY(save(folder, "history.csv", buffer, error));
  bool said = false;
  tw_error why;
  tw_status status = tw_report_history_xlsx(outcome->history, buffer, &why);
  return save_optional(tool, folder, "history.xlsx", status, &why, buffer, &said, error);
}

static tw_status save_charts(const tw_tool *tool, tw_outcome *outcome, tw_buffer *buffer, tw_error *error) {
  bool said = false;
  for (tw_report_chart chart = 0; chart < TW_CHART_COUNT; chart++) {
    const char *name = tw_report_chart_file(chart);
    if (!tw_report_has_chart(outcome, chart)) {
      TW_TRY(drop(outcome->report_path, name, error));
      continue;
    }
    tw_error why;
    tw_status status = tw_report_draw(outcome, chart, buffer, &why);
    outcome->charts = outcome->charts || status == TW_OK;
    TW_TRY(save_optional(tool, outcome->report_path, name, status, &why, buffer, &said, error));
  }
  return TW_OK;
}

tw_status tw_api_make_page(const tw_tool *tool, const tw_outcome *outcome, tw_buffer *page, tw_error *error) {
  tw_ticker ticker = tw_api_ticker(tool);
  return tw_report_page(outcome, tool->threads, &ticker, page, error);
}

tw_status tw_api_write_report(const tw_tool *tool, tw_outcome *outcome, const tw_buffer *page, tw_error *error) {
  tw_buffer buffer = {0};
  tw_status status = tw_folder_make(outcome->report_path, error);
  if (status == TW_OK) {
    status = save_tables(outcome, &buffer, error);
  }
  if (status == TW_OK) {
    status = save_as(outcome->report_path, "index.html", page, error);
  }
  if (status == TW_OK) {
    status = save_history(tool, outcome, &buffer, error);
  }
  if (status == TW_OK) {
    status = save_charts(tool, outcome, &buffer, error);
  }
  tw_buffer_done(&buffer);
  return status;
}
