/* The catalogue: only trunks of which the archive's and every file's size and checksum are known. Not for what is
 * installed. */
#include <string.h>

#include "pull/pull.h"

/* The graph says itself how pictures become its input, so the card has no preprocessing. */
static const char inception_card[] =
    "{\n"
    "  \"name\": \"inception-2015\",\n"
    "  \"description\": \"Inception of December 2015, ImageNet-1k, 2048 features of 299 x 299 pictures\",\n"
    "  \"network\": \"classify_image_graph_def.pb\",\n"
    "  \"labels\": \"imagenet_2012_challenge_label_map_proto.pbtxt\",\n"
    "  \"label_names\": \"imagenet_synset_to_human_label_map.txt\",\n"
    "  \"licence\": \"Apache-2.0\",\n"
    "  \"source\": \"http://download.tensorflow.org/models/image/imagenet/inception-2015-12-05.tgz\"\n"
    "}\n";

static const tw_pull_file inception_members[] = {
    {"classify_image_graph_def.pb", 95673916, "f34cb9b774a4547b5e214ef4202e5775a9c0f436"},
    {"cropped_panda.jpg", 2683, "a8bc27d7034109018070551b16cd2ca6a2e4ebed"},
    {"imagenet_2012_challenge_label_map_proto.pbtxt", 64986, "14c48d18aa98096f2936b91d83362adffb1aaba8"},
    {"imagenet_synset_to_human_label_map.txt", 741401, "913a237e95dfd95cfe92083f6ad51eed6b0b6f3c"},
    {"LICENSE", 11416, "d3da228420e973edaf4123d5eeb42210f4450b0c"},
};

static const tw_pull_entry entries[] = {
    {.name = "inception-2015",
     .description = "Inception of December 2015, ImageNet-1k, 2048 features of 299 x 299 pictures",
     .licence = "Apache-2.0",
     .url = "http://download.tensorflow.org/models/image/imagenet/inception-2015-12-05.tgz",
     .archive = {"inception-2015-12-05.tgz", 88931400, "c0b8db7a2feaf3e26970e968c9bb7452b53e7f32"},
     .count = sizeof inception_members / sizeof *inception_members,
     .members = inception_members,
     .card = inception_card},
};

const tw_pull_entry *tw_pull_catalogue(size_t *ret_count) {
  *ret_count = sizeof entries / sizeof *entries;
  return entries;
}

const tw_pull_entry *tw_pull_find(const char *name) {
  for (size_t i = 0; i < sizeof entries / sizeof *entries; i++) {
    if (strcmp(entries[i].name, name) == 0) {
      return &entries[i];
    }
  }
  return NULL;
}

uint64_t tw_pull_installed_size(const tw_pull_entry *entry) {
  uint64_t size = 0;
  for (size_t i = 0; i < entry->count; i++) {
    size += entry->members[i].size;
  }
  return size;
}
