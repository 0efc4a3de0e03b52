/* Label files of every kind. The first byte says how many outputs the network has; a line of only "---" in the rest
 * separates Inception's two files, and a plain file has none. */
#include <string.h>

#include "formats/formats.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const uint8_t *find_separator(const uint8_t *data, size_t size) {
  return size == 0 ? NULL : memmem(data, size, "\n---\n", 5);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  if (size == 0) {
    return 0;
  }
  size_t count = data[0];
  tw_bytes all = {data + 1, size - 1};
  tw_labels labels;
  tw_error error;
  tw_labels_sniff(all);
  if (tw_labels_parse("labels", all, count, &labels, &error) == TW_OK) {
    for (size_t i = 0; i < count; i++) {
      if (tw_label_short_length(labels.texts[i]) <= 0) {
        __builtin_trap();
      }
    }
    tw_labels_done(&labels);
  }
  const uint8_t *separator = find_separator(all.data, all.size);
  if (separator == NULL) {
    return 0;
  }
  tw_bytes map = {all.data, (size_t)(separator - all.data)};
  tw_bytes names = {separator + 5, all.size - map.size - 5};
  if (tw_labels_parse_imagenet("map", map, "names", names, count, &labels, &error) == TW_OK) {
    for (size_t i = 0; i < count; i++) {
      if ((labels.texts[i] == NULL) != (labels.synsets[i] == NULL)) {
        __builtin_trap();
      }
    }
    tw_labels_done(&labels);
  }
  return 0;
}
