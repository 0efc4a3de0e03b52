/* GraphDefs against TensorFlow's numbers: the small networks stored here, all that are there
 * (tests/peers/make_graphdef_goldens.py), and the networks of the reference data on its 44 pictures, through the whole
 * way from the picture's file on. */
#include <dirent.h>
#include <math.h>
#include <string.h>

#include "features/features.h"
#include "formats/formats.h"
#include "sha256.h"
#include "support.h"

enum { FILES = 44 };

static const char SMALL[] = TW_SOURCE_DIR "/tests/golden/data/graphdef";

/* ---- Arrays ------------------------------------------------------------------------------------------------------ */

typedef struct array {
  tw_shape shape;
  size_t count;
  float *values;
} array;

static array read_array(const char *path) {
  tw_map *map;
  tw_npy npy;
  tw_error error = {0};
  if (tw_map_open(path, &map, &error) != TW_OK || tw_npy_read(tw_map_bytes(map), &npy, &error) != TW_OK) {
    fail_msg("%s: %s", path, error.message);
  }
  array array = {.shape = {.rank = npy.rank}, .count = npy.count, .values = calloc(npy.count, sizeof(float))};
  assert_non_null(array.values);
  for (int i = 0; i < npy.rank; i++) {
    array.shape.dims[i] = (int64_t)npy.dims[i];
  }
  assert_int_equal(tw_npy_to_f32(&npy, 0, npy.count, array.values, &error), TW_OK);
  tw_map_close(map);
  return array;
}

/* From N x H x W x C, as TensorFlow has it, to N x C x H x W; others stay. */
static void colours_first(array *array) {
  if (array->shape.rank != 4) {
    return;
  }
  const int64_t *dims = array->shape.dims;
  size_t pixels = (size_t)(dims[1] * dims[2]);
  size_t channels = (size_t)dims[3];
  float *turned = calloc(array->count, sizeof *turned);
  assert_non_null(turned);
  for (size_t i = 0; i < array->count; i++) {
    size_t n = i / (pixels * channels);
    size_t p = i / channels % pixels;
    turned[(n * channels + i % channels) * pixels + p] = array->values[i];
  }
  free(array->values);
  array->values = turned;
  array->shape = (tw_shape){.rank = 4, .dims = {dims[0], dims[3], dims[1], dims[2]}};
}

static double largest_difference(const float *a, const float *b, size_t count) {
  double worst = 0;
  for (size_t i = 0; i < count; i++) {
    double difference = fabs((double)a[i] - (double)b[i]);
    worst = difference <= worst ? worst : difference;
  }
  return worst;
}

/* ---- Small networks ---------------------------------------------------------------------------------------------- */

/* Optimised, up to the node `output`; the graph of the caller stays as it was imported. */
static tw_graph *prepare(const tw_graph *graph) {
  tw_graph *copy = NULL;
  tw_error error = {0};
  assert_int_equal(tw_graph_copy(graph, &copy, &error), TW_OK);
  tw_value *output = tw_graph_find(copy, "output");
  assert_non_null(output);
  tw_status status = tw_graph_cut(copy, &output, 1, &error);
  status = status == TW_OK ? tw_graph_optimise(copy, NULL, NULL, &error) : status;
  assert_string_equal(error.message, "");
  assert_int_equal(status, TW_OK);
  return copy;
}

static void run(const tw_graph *graph, const float *input, float *output) {
  tw_plan *plan;
  tw_session *session;
  tw_error error = {0};
  tw_status status = tw_plan_create(graph, 1, &plan, &error);
  assert_string_equal(error.message, "");
  assert_int_equal(status, TW_OK);
  assert_int_equal(tw_session_create(plan, &session, &error), TW_OK);
  assert_int_equal(tw_session_run(session, input, (float *[]){output}, &error), TW_OK);
  tw_session_free(session);
  tw_plan_free(plan);
}

/* The network as imported, and what is left of it after it was written as ONNX and read again. */
static bool same_as_tensorflow(const char *name, const tw_graph *graph, const array *input, const array *expected) {
  tw_graph *copy = prepare(graph);
  float *output = calloc(expected->count, sizeof *output);
  assert_non_null(output);
  bool fits = tw_shape_equal(&copy->inputs[0]->shape, &input->shape) &&
              tw_shape_equal(&copy->outputs[0]->shape, &expected->shape);
  double difference = INFINITY;
  if (fits) {
    run(copy, input->values, output);
    difference = largest_difference(output, expected->values, expected->count);
  }
  if (!(difference <= 2e-5)) {
    char in[TW_SHAPE_TEXT_SIZE];
    char out[TW_SHAPE_TEXT_SIZE];
    print_message("%s: %s -> %s, largest difference %.3g\n", name, tw_shape_text(&copy->inputs[0]->shape, in),
                  tw_shape_text(&copy->outputs[0]->shape, out), difference);
  }
  free(output);
  tw_graph_free(copy);
  return difference <= 2e-5;
}

static bool survives_onnx(const char *name, const tw_graph *graph, const array *input, const array *expected) {
  tw_buffer bytes = {0};
  tw_graph *again = NULL;
  tw_error error = {0};
  tw_status status = tw_graph_export_onnx(graph, NULL, 0, &bytes, &error);
  status = status == TW_OK ? tw_graph_import_bytes(tw_buffer_bytes(&bytes), &again, &error) : status;
  if (status != TW_OK) {
    print_message("%s: as ONNX: %s\n", name, error.message);
    tw_buffer_done(&bytes);
    return false;
  }
  tw_hash hashes[2];
  assert_int_equal(tw_graph_hash(graph, tw_graph_find(graph, "output"), &hashes[0], &error), TW_OK);
  assert_int_equal(tw_graph_hash(again, tw_graph_find(again, "output"), &hashes[1], &error), TW_OK);
  assert_int_equal(tw_hash_compare(&hashes[0], &hashes[1]), 0);
  bool same = same_as_tensorflow(name, again, input, expected);
  tw_graph_free(again);
  tw_buffer_done(&bytes);
  return same;
}

static bool check_small(const char *name) {
  char path[4096];
  tw_graph *graph = NULL;
  tw_error error = {0};
  snprintf(path, sizeof path, "%s/%s.pb", SMALL, name);
  if (tw_graph_import(path, &graph, &error) != TW_OK) {
    print_message("%s\n", error.message);
    return false;
  }
  snprintf(path, sizeof path, "%s/%s.in.npy", SMALL, name);
  array input = read_array(path);
  snprintf(path, sizeof path, "%s/%s.out.npy", SMALL, name);
  array expected = read_array(path);
  colours_first(&input);
  colours_first(&expected);
  bool same = same_as_tensorflow(name, graph, &input, &expected) && survives_onnx(name, graph, &input, &expected);
  free(input.values);
  free(expected.values);
  tw_graph_free(graph);
  return same;
}

static void small_networks(void **state) {
  (void)state;
  struct dirent **entries;
  int count = scandir(SMALL, &entries, NULL, alphasort);
  int checked = 0;
  int failed = 0;
  for (int i = 0; i < count; i++) {
    char name[256];
    snprintf(name, sizeof name, "%s", entries[i]->d_name);
    free(entries[i]);
    char *end = strrchr(name, '.');
    if (end == NULL || strcmp(end, ".pb") != 0) {
      continue;
    }
    *end = '\0';
    checked++;
    failed += !check_small(name);
  }
  free(entries);
  print_message("%d networks, %d wrong\n", checked, failed);
  assert_true(checked > 100);
  assert_int_equal(failed, 0);
}

/* ---- The reference data ------------------------------------------------------------------------------------------ */

static char *pictures[FILES];

static int read_pictures(void **state) {
  (void)state;
  tw_buffer list = {0};
  const char *path = shared_path("goldens/files.txt");
  if (path == NULL || tw_file_read(path, 1 << 20, &list, NULL) != TW_OK) {
    return 0;
  }
  char *line = (char *)list.data;
  for (size_t i = 0; i < FILES; i++) {
    size_t length = strcspn(line, "\n");
    line[length] = '\0';
    pictures[i] = tw_strdup(shared_path(line));
    line += length + 1;
  }
  tw_buffer_done(&list);
  return 0;
}

static int free_pictures(void **state) {
  (void)state;
  for (size_t i = 0; i < FILES; i++) {
    tw_free(pictures[i]);
  }
  return 0;
}

static tw_trunk *open_trunk(const char *file, const tw_trunk_options *options) {
  tw_trunk *trunk = NULL;
  tw_error error = {0};
  if (tw_trunk_open(file, options, &trunk, &error) != TW_OK) {
    fail_msg("%s", error.message);
  }
  return trunk;
}

/* All pictures' rows against the reference. */
static void check_rows(tw_trunk *trunk, tw_trunk_head head, const char *reference, double tolerance) {
  tw_extraction *extraction = NULL;
  tw_error error = {0};
  const tw_extract_options options = {.head = head};
  char *path = strdup(shared_path(reference));
  assert_non_null(path);
  array expected = read_array(path);
  if (tw_extract(trunk, NULL, (const char *const *)pictures, FILES, &options, &extraction, &error) != TW_OK) {
    fail_msg("%s", error.message);
  }
  assert_int_equal(extraction->failed, 0);
  assert_int_equal(extraction->count * extraction->dimensions, expected.count);
  double difference = largest_difference(extraction->rows, expected.values, expected.count);
  print_message("%s: largest difference %.3g\n", reference, difference);
  assert_true(difference <= tolerance);
  size_t width = extraction->dimensions;
  for (size_t i = 0; head == TW_HEAD_OWN && i < FILES; i++) { /* the five most likely in the same order */
    bool taken[2][4096] = {{false}};
    for (int k = 0; k < 5 && k < (int)width; k++) {
      const float *rows[2] = {extraction->rows + i * width, expected.values + i * width};
      size_t best[2];
      for (int side = 0; side < 2; side++) {
        best[side] = SIZE_MAX;
        for (size_t j = 0; j < width; j++) {
          bool better = !taken[side][j] && (best[side] == SIZE_MAX || rows[side][j] > rows[side][best[side]]);
          best[side] = better ? j : best[side];
        }
        taken[side][best[side]] = true;
      }
      assert_int_equal(best[0], best[1]);
    }
  }
  tw_extraction_free(extraction);
  free(expected.values);
  free(path);
}

static void trunk_of_inception(void **state) {
  (void)state;
  const char *file = shared_path("models/inception-2015/trunk_mixed8.pb");
  if (file == NULL) {
    skip();
  }
  tw_trunk *trunk = open_trunk(file, NULL);
  assert_string_equal(tw_trunk_features(trunk)->name, "pool_3/_reshape");
  assert_int_equal(tw_trunk_dimensions(trunk), 1280);
  assert_string_equal(tw_trunk_preprocess_text(trunk),
                      "dct=ifast upsampling=fancy orientation=ignored icc=ignored cmyk=pillow alpha=dropped "
                      "filter=bilinear-legacy geometry=squash crop=1 rounding=float size=299x299 mean=128,128,128 "
                      "scale=0.0078125,0.0078125,0.0078125 colour=rgb layout=nchw");
  check_rows(trunk, TW_HEAD_FEATURES, "goldens/inception-2015-trunk.pool_3.npy", 2e-3);
  tw_trunk_free(trunk);
}

/* The graph of the full structure, made anew unless it is here already; false without Python. */
static bool make_full(const char *file) {
  static const char wanted[] = "68d07ef61b8f89619e42de72729f12ac31ad49d3b88604a976d919e47017390d";
  for (int attempt = 0; attempt < 2; attempt++) {
    tw_buffer bytes = {0};
    char text[SHA256_TEXT_SIZE] = "";
    if (tw_file_read(file, (size_t)1 << 28, &bytes, NULL) == TW_OK) {
      sha256_text(bytes.data, bytes.size, text);
    }
    tw_buffer_done(&bytes);
    if (strcmp(text, wanted) == 0) {
      return true;
    }
    char command[16384];
    char *trunk = strdup(shared_path("models/inception-2015/trunk_mixed8.pb"));
    const char *tool = shared_path("tools/make_full_inception.py");
    int length = tool == NULL ? -1 : snprintf(command, sizeof command, "python3 '%s' '%s' '%s'", tool, trunk, file);
    free(trunk);
    if (attempt == 1 || length < 0 || (size_t)length >= sizeof command || system(command) != 0) {
      return false;
    }
  }
  return false;
}

static void whole_inception(void **state) {
  (void)state;
  static const char file[] = "full_inception.pb";
  if (shared_path("models/inception-2015/trunk_mixed8.pb") == NULL || !make_full(file)) {
    skip();
  }
  tw_trunk *trunk = open_trunk(file, NULL);
  assert_string_equal(tw_trunk_features(trunk)->name, "pool_3/_reshape");
  check_rows(trunk, TW_HEAD_FEATURES, "goldens/inception-2015-full.pool_3.npy", 2e-3);
  check_rows(trunk, TW_HEAD_OWN, "goldens/inception-2015-full.softmax.npy", 1e-4);
  tw_trunk_free(trunk);
}

static void mobilenet(void **state) {
  (void)state;
  static const char *const names[] = {"frozen_graph", "retrained_graph"};
  static const double mean = 127.5;
  static const double scale = 1 / 127.5;
  const tw_trunk_options options = {.mean = &mean, .scale = &scale};
  for (size_t i = 0; i < 2; i++) {
    char relative[256];
    snprintf(relative, sizeof relative, "models/mobilenet-v1-0.25-224/%s.pb", names[i]);
    const char *file = shared_path(relative);
    if (file == NULL) {
      skip();
    }
    tw_trunk *trunk = open_trunk(file, &options);
    assert_int_equal(tw_trunk_dimensions(trunk), i == 0 ? 256 : 1001);
    snprintf(relative, sizeof relative, "goldens/mobilenet-v1-0.25.%s.npy", names[i]);
    check_rows(trunk, TW_HEAD_OWN, relative, 1e-4);
    tw_trunk_free(trunk);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(small_networks),
      cmocka_unit_test(trunk_of_inception),
      cmocka_unit_test(whole_inception),
      cmocka_unit_test(mobilenet),
  };
  return cmocka_run_group_tests_name("golden_graphdef", tests, read_pictures, free_pictures);
}
