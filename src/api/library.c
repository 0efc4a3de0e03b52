/* The public library: topwork.h on top of the floors below. */
#include <string.h>

#include "api/internal.h"

const char *tw_version(void) {
  return TOPWORK_VERSION;
}

size_t tw_model_class_count(const tw_model *model) {
  return model->record.class_count;
}

const char *tw_model_class_name(const tw_model *model, size_t index) {
  return index < model->record.class_count ? model->record.classes[index] : NULL;
}

tw_status tw_model_predict_memory(const tw_model *model, const void *file, size_t size, float *ret_probabilities,
                                  tw_error *error) {
  return tw_model_predict_bytes(model, (tw_bytes){file, size}, 1, ret_probabilities, error);
}

tw_status tw_model_predict_file(const tw_model *model, const char *path, float *ret_probabilities, tw_error *error) {
  tw_buffer file = {0};
  tw_status status = tw_file_read(path, TW_IMAGE_MAX_FILE, &file, error);
  if (status == TW_OK) {
    status = tw_model_predict_bytes(model, tw_buffer_bytes(&file), 1, ret_probabilities, error);
    status = status == TW_OK ? TW_OK : tw_error_prefix(error, status, "%s", path);
  }
  tw_buffer_done(&file);
  return status;
}

void tw_train_options_init(tw_train_options *options) {
  tw_parts_options parts = tw_parts_defaults();
  *options = (tw_train_options){.validation = parts.validation, .test = parts.test};
}

tw_status tw_train(const char *folder, const char *model_path, const tw_train_options *options,
                   tw_test_result *ret_result, tw_error *error) {
  tw_train_options defaults;
  tw_train_options_init(&defaults);
  options = options == NULL ? &defaults : options;
  tw_tool tool = {.context = options->progress_context,
                  .progress = options->progress,
                  .cache = options->cache,
                  .no_cache = options->no_cache,
                  .threads = options->threads};
  tw_tool_train request = {.folder = folder,
                           .output = model_path,
                           .trunk = options->trunk == NULL ? TW_TRUNK_DEFAULT : options->trunk,
                           .cut = options->cut,
                           .preprocess = options->preprocess,
                           .validation = options->validation,
                           .test = options->test,
                           .folds = options->folds,
                           .seed = options->seed};
  return tw_tool_run_train(&tool, &request, NULL, ret_result, error);
}
