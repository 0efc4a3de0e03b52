/* `features`: the rows of a folder as .npy, their names as .tsv. */
#include "api/internal.h"
#include "formats/formats.h"

static void append_names(const tw_dataset *dataset, tw_buffer *buffer) {
  tw_buffer_text(buffer, "path\tclass\n");
  for (size_t i = 0; i < dataset->count; i++) {
    tw_text_append_escaped(buffer, dataset->paths[i]);
    tw_buffer_text(buffer, "\t");
    tw_text_append_escaped(buffer, dataset->classes[dataset->labels[i]]);
    tw_buffer_text(buffer, "\n");
  }
}

static tw_status save_rows(const tw_dataset *dataset, const char *path, tw_error *error) {
  tw_buffer header = {0};
  const size_t dims[2] = {dataset->count, dataset->dimensions};
  tw_output *output = NULL;
  tw_status status = tw_npy_header_f32(dims, 2, &header, error);
  if (status == TW_OK) {
    status = tw_buffer_status(&header, error);
  }
  if (status == TW_OK) {
    status = tw_output_open(path, &output, error);
  }
  if (status == TW_OK) {
    tw_output_write(output, header.data, header.size);
    tw_output_write(output, dataset->features, dataset->count * dataset->dimensions * sizeof(float));
    status = tw_output_commit(output, error);
  }
  tw_buffer_done(&header);
  return status;
}

static tw_status save(const tw_tool *tool, const tw_dataset *dataset, const char *output, const char *names,
                      tw_error *error) {
  tw_buffer text = {0};
  append_names(dataset, &text);
  tw_status status = tw_buffer_status(&text, error);
  if (status == TW_OK) {
    status = save_rows(dataset, output, error);
  }
  if (status == TW_OK) {
    status = tw_output_save(names, tw_buffer_bytes(&text), error);
  }
  tw_buffer_done(&text);
  if (status == TW_OK) {
    tw_api_note(tool, "%zu pictures, %zu features each, %zu from the cache: %s, %s", dataset->count,
                dataset->dimensions, dataset->cached, output, names);
  }
  return status;
}

tw_status tw_tool_features(const tw_tool *tool, const char *folder, const char *output, const tw_tool_trunk *trunk,
                           tw_tool_summary *ret_summary, tw_error *error) {
  TW_TRY(tw_api_check_output(output, error));
  tw_trunk *opened;
  TW_TRY(tw_api_open_trunk(trunk, &opened, error));
  tw_dataset *dataset = NULL;
  char *names = tw_path_with_suffix(output, ".tsv");
  tw_status status =
      names == NULL ? tw_error_memory(error) : tw_dataset_from_folder(tool, folder, opened, trunk, &dataset, error);
  if (status == TW_OK) {
    for (size_t i = 0; i < dataset->skipped_count; i++) {
      tw_api_note_skipped(tool, dataset->skipped[i].path, dataset->skipped[i].reason);
    }
    if (dataset->loose_count > 0) {
      tw_api_note(tool, "%zu pictures directly in %s are in no class: not used", dataset->loose_count, folder);
    }
    ret_summary->skipped = dataset->skipped_count;
    status = save(tool, dataset, output, names, error);
  }
  tw_dataset_free(dataset);
  tw_free(names);
  tw_trunk_free(opened);
  return status;
}
