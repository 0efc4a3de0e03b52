/* A small trunk, folders of small pictures and a model of them, for the tests of the public library. */
#ifndef TW_TEST_LIBRARY_H
#define TW_TEST_LIBRARY_H

#include "test_features_networks.h"
#include "topwork/topwork.h"

enum { LIBRARY_CLASSES = 3, LIBRARY_PICTURES = 8 /* of each class */ };

static inline void library_ok(tw_status status, const tw_error *error) {
  if (status != TW_OK) {
    fail_msg("status %d: %s", (int)status, error->message);
  }
}

/* The status is this one, the error says so, too, and what it says holds these words. */
static inline void library_fails(tw_status status, tw_status wanted, const tw_error *error, const char *words) {
  if (status != wanted || error->code != wanted || strstr(error->message, words) == NULL) {
    fail_msg("status %d, wanted %d; '%s' should hold '%s'", (int)status, (int)wanted, error->message, words);
  }
}

/* A path that stays, other than those of tree_path. */
enum { LIBRARY_PATH = 128 };
static inline const char *library_path(const char *relative, char path[LIBRARY_PATH]) {
  snprintf(path, LIBRARY_PATH, "%s/%s", tree_root, relative);
  return path;
}

static inline void library_picture(const char *relative, uint64_t seed) {
  net_picture(relative, seed);
}

/* `folder`/a, b, c with pictures of their own; another `first`, other pictures. */
static inline void library_folder(const char *folder, uint64_t first) {
  for (size_t class = 0; class < LIBRARY_CLASSES; class ++) {
    for (size_t i = 0; i < LIBRARY_PICTURES; i++) {
      char name[128];
      snprintf(name, sizeof name, "%s/%c/%zu.png", folder, (char)('a' + class), i);
      library_picture(name, first + class * LIBRARY_PICTURES + i);
    }
  }
}

/* Options for a quick training on the small trunk, without a cache. */
static inline tw_train_options library_options(void) {
  static _Thread_local char trunk[LIBRARY_PATH];
  tw_train_options options;
  tw_train_options_init(&options);
  options.trunk = library_path("net.onnx", trunk);
  options.no_cache = true;
  options.threads = 2;
  return options;
}

/* The small trunk as net.onnx, the folder `data`, and model.onnx trained on it. */
static inline int library_setup(void **state) {
  if (tree_setup(state) != 0) {
    return -1;
  }
  net_save(net_plain(), "net.onnx", NULL);
  tree_text("net.onnx.json", "{\"preprocessing\": \"" NET_PREPROCESS "\"}");
  library_folder("data", 1);
  tw_train_options options = library_options();
  tw_error error;
  library_ok(tw_train(tree_path("data"), tree_path("model.onnx"), &options, NULL, &error), &error);
  return 0;
}

static inline tw_model *library_open(const char *relative) {
  tw_model *model = NULL;
  tw_error error;
  library_ok(tw_model_open(tree_path(relative), &model, &error), &error);
  return model;
}

static inline tw_buffer library_read(const char *relative) {
  tw_buffer file = {0};
  tw_error error;
  library_ok(tw_file_read(tree_path(relative), SIZE_MAX, &file, &error), &error);
  return file;
}

#endif
