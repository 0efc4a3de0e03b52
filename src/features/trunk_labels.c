/* What a network's outputs are called: which file says so, and reading it. Not for what is in label files
 * (formats/labels.c).
 *
 * A file that was put beside a network by hand is found without a card, so that the classic archive and what retrain.py
 * writes work as they are. */
#include <string.h>
#include <unistd.h>

#include "features/trunk.h"

static const char imagenet_map[] = "imagenet_2012_challenge_label_map_proto.pbtxt";
static const char imagenet_names[] = "imagenet_synset_to_human_label_map.txt";

/* The path of `name` in the folder of `file`; NULL when out of memory. */
static char *beside(const char *file, const char *name) {
  return tw_format("%.*s%s", (int)(tw_path_base(file) - file), file, name);
}

tw_status tw_trunk_labels_beside(const char *network, char **ret_path, tw_error *error) {
  char *paths[] = {tw_path_with_suffix(network, ".labels.txt"), beside(network, imagenet_map),
                   beside(network, "labels.txt")};
  char *found = NULL;
  tw_status status = TW_OK;
  for (size_t i = 0; i < sizeof paths / sizeof *paths; i++) {
    if (paths[i] == NULL) {
      status = tw_error_memory(error);
    } else if (found == NULL && access(paths[i], F_OK) == 0) {
      found = paths[i];
      continue;
    }
    tw_free(paths[i]);
  }
  if (status != TW_OK) {
    tw_free(found);
    return status;
  }
  *ret_path = found;
  return TW_OK;
}

static tw_status read_imagenet(const char *path, tw_bytes map, const char *names_path, size_t count,
                               tw_labels *ret_labels, tw_error *error) {
  tw_buffer names = {0};
  tw_status status = tw_file_read(names_path, TW_LABELS_MAX_TEXT, &names, error);
  if (status != TW_OK) {
    status = tw_error_prefix(error, status, "%s: the names of its synsets", path);
  } else {
    status = tw_labels_parse_imagenet(path, map, names_path, tw_buffer_bytes(&names), count, ret_labels, error);
  }
  tw_buffer_done(&names);
  return status;
}

static tw_status read_either(const char *path, tw_bytes text, const char *names, size_t count, tw_labels *ret_labels,
                             tw_error *error) {
  if (names != NULL) {
    return read_imagenet(path, text, names, count, ret_labels, error);
  }
  if (tw_labels_sniff(text) != TW_LABELS_IMAGENET_MAP) {
    return tw_labels_parse(path, text, count, ret_labels, error);
  }
  char *usual = beside(path, imagenet_names);
  tw_status status =
      usual == NULL ? tw_error_memory(error) : read_imagenet(path, text, usual, count, ret_labels, error);
  tw_free(usual);
  return status;
}

tw_status tw_trunk_labels_read(const char *path, const char *names, size_t count, tw_labels *ret_labels,
                               tw_error *error) {
  tw_buffer text = {0};
  tw_status status = tw_file_read(path, TW_LABELS_MAX_TEXT, &text, error);
  status = status == TW_OK ? read_either(path, tw_buffer_bytes(&text), names, count, ret_labels, error) : status;
  tw_buffer_done(&text);
  return status;
}
