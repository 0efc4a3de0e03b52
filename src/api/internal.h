/* What the commands of this floor share: output, the cache, and data sets. */
#ifndef TW_API_INTERNAL_H
#define TW_API_INTERNAL_H

#include "api/tool.h"
#include "base/base.h"
#include "features/features.h"
#include "model/model.h"
#include "report/report.h"
#include "train/train.h"

/* ---- Output (common.c) ------------------------------------------------------------------------------------------- */

void tw_api_note(const tw_tool *tool, const char *format, ...) TW_PRINTF(2, 3);
/* Writes and empties the buffer. TW_E_CANCELLED when nobody reads any more. */
tw_status tw_api_write(const tw_tool *tool, tw_buffer *buffer, tw_error *error);
struct json_t;
/* Writes `value` and a newline, and releases it; NULL: out of memory. */
tw_status tw_api_write_json(const tw_tool *tool, struct json_t *value, tw_error *error);
/* Times the steps of a plan for `threads` cores and appends them to text, or gives them as a new JSON object; either
 * may be NULL (inspect_plan.c). */
tw_status tw_api_describe_plan(const tw_plan *plan, int threads, tw_buffer *text, struct json_t **ret_json,
                               tw_error *error);
/* Writes the outcome as JSON or as text. */
tw_status tw_api_say(const tw_tool *tool, const tw_outcome *outcome, tw_error *error);
/* `path`: fails early when it cannot be written; what is there stays. */
tw_status tw_api_check_output(const char *path, tw_error *error);
tw_ticker tw_api_ticker(const tw_tool *tool);
/* Puts into the outcome what the record says of several draws of the parts, borrowed from it. */
void tw_api_tell_repeats(const tw_model_record *record, tw_outcome *outcome);
/* "a.jpg: reason" as a note. */
void tw_api_note_skipped(const tw_tool *tool, const char *path, const char *reason);
/* *ret_cache is NULL with --no-cache and where the cache cannot be used; what there is to say is noted. */
tw_status tw_api_open_cache(const tw_tool *tool, tw_cache **ret_cache, tw_error *error);
void tw_api_close_cache(const tw_tool *tool, tw_cache *cache);

/* Opens the trunk that the command line asks for, in float32. */
tw_status tw_api_open_trunk(const tw_tool_trunk *request, tw_trunk **ret_trunk, tw_error *error);
/* Sets the precision that was asked for, calibrated on these pictures unless that is known already; count 0: only what
 * is known. What was chosen and why is noted (precision.c). */
tw_status tw_api_choose_precision(const tw_tool *tool, const tw_tool_trunk *request, tw_trunk *trunk,
                                  const char *const *paths, size_t count, tw_error *error);
/* What there is to say of the precision of a model that was opened. */
void tw_api_note_precision(const tw_tool *tool, const tw_model *model);

/* ---- The public library (library_jobs.c) ------------------------------------------------------------------------- */

/* TW_E_ARGUMENT, "<name> must not be NULL", for NULL. */
tw_status tw_api_present(const void *pointer, const char *name, tw_error *error);
/* A result without a test: zeros and NAN. */
tw_test_result tw_api_no_test(void);
tw_test_result tw_api_test_result(const tw_outcome *outcome);

/* tw_tool_evaluate of an open model, called `model_path` in messages; ret_summary and ret_result may be NULL
 * (evaluate.c). */
tw_status tw_api_evaluate(const tw_tool *tool, const tw_model *model, const char *model_path, const char *folder,
                          bool include_training, tw_tool_summary *ret_summary, tw_test_result *ret_result,
                          tw_error *error);

/* ---- Data sets (dataset.c) --------------------------------------------------------------------------------------- */

/* Rows of features with all that is known of them, from a folder of pictures or from files of features. */
typedef struct tw_dataset {
  size_t count;      /* n */
  size_t dimensions; /* d */
  size_t class_count;
  char **classes;       /* sorted; owned */
  float *features;      /* n x d; owned */
  uint32_t *labels;     /* n */
  tw_hash *contents;    /* n */
  uint8_t *given;       /* n, tw_part as folders give it; NULL when they give none */
  char **paths;         /* n; owned */
  size_t skipped_count; /* found by the walk and by decoding */
  tw_skipped *skipped;
  size_t loose_count;
  size_t ignored;
  size_t empty_count;
  char **empty;
  size_t cached;
} tw_dataset;

/* Walks `folder`, computes what the cache has not. request: the precision that the trunk is to have, chosen with the
 * pictures of the folder; NULL: that which it has. */
tw_status tw_dataset_from_folder(const tw_tool *tool, const char *folder, tw_trunk *trunk, const tw_tool_trunk *request,
                                 tw_dataset **ret_dataset, tw_error *error);
/* features: .npy of n x d floats of 2, 4 or 8 bytes; names: .tsv with a header and the columns path and class. */
tw_status tw_dataset_from_files(const char *features, const char *names, tw_dataset **ret_dataset, tw_error *error);
/* With room for `count` rows and none yet; NULL when out of memory. */
tw_dataset *tw_dataset_create(size_t count);
/* Metrics over the rows that are `counted`; *ret_metrics stays as it is when there is none.
 * probabilities: count x classes. */
tw_status tw_api_measure(const float *probabilities, const uint32_t *labels, const bool *counted, size_t count,
                         size_t classes, uint32_t baseline_class, tw_metrics **ret_metrics, tw_error *error);
void tw_dataset_free(tw_dataset *dataset);
tw_samples tw_dataset_samples(const tw_dataset *dataset);

/* ---- The report folder (report_folder.c) ------------------------------------------------------------------------- */

#define TW_REPORT_SUFFIX ".report" /* of the folder beside the model, in the place of its extension */

/* Fails early when the folder `path` cannot be written. It need not be there. */
tw_status tw_api_check_report(const char *path, tw_error *error);
/* Makes index.html, which takes time and can be cancelled, before anything is written. */
tw_status tw_api_make_page(const tw_tool *tool, const tw_outcome *outcome, tw_buffer *page, tw_error *error);
/* Writes everything into outcome->report_path: page, charts, tables. What an earlier run left there and this one does
 * not write is removed. Charts that cannot be drawn for want of a library are a note; outcome->charts says whether
 * there are any. */
tw_status tw_api_write_report(const tw_tool *tool, tw_outcome *outcome, const tw_buffer *page, tw_error *error);

/* ---- What looks odd (report_notes.c) ----------------------------------------------------------------------------- */

/* Sentences about a folder that is probably not what its owner means. Zero-initialise it. */
typedef struct tw_notes {
  char **list;
  size_t count;
  bool failed; /* out of memory */
} tw_notes;

void tw_notes_add(tw_notes *notes, const char *format, ...) TW_PRINTF(2, 3);
/* A folder one level too high or too low, classes that differ by case or blanks only, classes of copies. `folder` NULL:
 * rows of features, for which only names and copies are looked at. duplicates: n, whether the row is one. */
void tw_notes_look(tw_notes *notes, const tw_dataset *dataset, const char *folder, const bool *duplicates);
/* Whether every class's pictures lie in two or more folders inside it, and none directly. */
bool tw_notes_too_high(const tw_dataset *dataset, const char *folder);
void tw_notes_done(tw_notes *notes);

#endif
