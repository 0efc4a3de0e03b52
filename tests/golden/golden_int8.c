/* int8 on real networks and pictures: how near its features come to those of float32, on pictures that it was not
 * calibrated on. The bounds are what Intel's NNCF reaches with the same networks. */
#include <string.h>

#include "features/features.h"
#include "image/image.h"
#include "support.h"

enum { FILES = 44, CALIBRATE = 24 };

typedef struct pictures {
  const tw_preprocess *preprocess;
  char *paths[FILES]; /* every second one calibrates first, the rest check */
} pictures;

/* Read again each time: the network takes longer. */
static tw_status read_picture(void *context, size_t index, float *ret_input, tw_error *error) {
  const pictures *pictures = context;
  size_t at = index < CALIBRATE ? index : FILES - 1 - (index - CALIBRATE);
  tw_image_reader *reader = tw_image_reader_create();
  tw_buffer file = {0};
  tw_status status =
      reader == NULL ? tw_error_memory(error) : tw_file_read(pictures->paths[at], SIZE_MAX, &file, error);
  if (status == TW_OK) {
    status = tw_image_read(reader, tw_buffer_bytes(&file), pictures->preprocess, ret_input, error);
  }
  tw_buffer_done(&file);
  tw_image_reader_free(reader);
  return status;
}

/* Every second file comes first, so that all folders are in both halves. */
static bool read_paths(pictures *pictures) {
  tw_buffer list = {0};
  const char *listed = shared_path("goldens/files.txt");
  if (listed == NULL || tw_file_read(listed, 1 << 20, &list, NULL) != TW_OK) {
    return false;
  }
  char *line = (char *)list.data;
  for (size_t i = 0; i < FILES; i++) {
    size_t length = strcspn(line, "\n");
    line[length] = '\0';
    pictures->paths[i % 2 == 0 ? i / 2 : FILES / 2 + i / 2] = tw_strdup(shared_path(line));
    line += length + 1;
  }
  tw_buffer_done(&list);
  return true;
}

static void check_network(const char *name, double mean, double worst) {
  pictures pictures = {0};
  tw_trunk *trunk = NULL;
  tw_graph *graph = NULL;
  tw_quantised *quantised = NULL;
  tw_error error = {0};
  assert_true(read_paths(&pictures));
  if (tw_trunk_open(name, NULL, &trunk, &error) != TW_OK) {
    fail_msg("%s", error.message);
  }
  pictures.preprocess = tw_trunk_preprocess(trunk);
  assert_int_equal(tw_graph_copy(tw_trunk_graph(trunk), &graph, &error), TW_OK);
  tw_value *features = tw_graph_find(graph, tw_trunk_features(trunk)->name);
  assert_int_equal(tw_graph_cut(graph, &features, 1, &error), TW_OK);
  assert_int_equal(tw_graph_optimise_for_plan(graph, &error), TW_OK);
  const tw_sample sample = {CALIBRATE, FILES - CALIBRATE, read_picture, &pictures};
  if (tw_quantise(graph, &sample, 0, NULL, &quantised, &error) != TW_OK) {
    fail_msg("%s", error.message);
  }
  const tw_fidelity fidelity = tw_quantised_fidelity(quantised);
  size_t wide;
  size_t nodes = tw_quantised_nodes(quantised, &wide);
  print_message("%s: %zu nodes, %zu wide, mean %.5f, worst %.5f\n", tw_trunk_name(trunk), nodes, wide, fidelity.mean,
                fidelity.worst);
  assert_int_equal(fidelity.pictures, FILES - CALIBRATE);
  assert_int_equal(wide, 0);
  assert_true(fidelity.mean >= mean && fidelity.worst >= worst);
  tw_quantised_free(quantised);
  tw_graph_free(graph);
  tw_trunk_free(trunk);
  for (size_t i = 0; i < FILES; i++) {
    tw_free(pictures.paths[i]);
  }
}

static void the_trunk_that_ships(void **state) {
  (void)state;
  check_network(TW_TRUNK_DEFAULT, 0.990, 0.975);
}

static void the_network_of_2015(void **state) {
  (void)state;
  char *name = tw_strdup(shared_path("models/inception-2015/trunk_mixed8.pb")); /* the next path overwrites it */
  check_network(name, 0.997, 0.994);
  tw_free(name);
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(the_trunk_that_ships), cmocka_unit_test(the_network_of_2015)};
  return shared_path("goldens/files.txt") == NULL ? TW_TEST_SKIPPED : cmocka_run_group_tests(tests, NULL, NULL);
}
