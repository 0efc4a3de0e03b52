/* Whole networks through the engine: the shipped one against ONNX Runtime's numbers stored here (made by
 * tests/peers/make_engine_goldens.py), and every network of the reference data that can be imported. One thread and two
 * threads give the same bits in all of them. */
#include <dirent.h>
#include <math.h>
#include <string.h>

#include "engine/engine.h"
#include "formats/formats.h"
#include "graph/graph.h"
#include "support.h"

static const char *const shipped = "models/efficientnet-lite0/efficientnet-lite0.onnx";

/* ---- Arrays ------------------------------------------------------------------------------------------------------ */

static float *read_npy(const char *path, size_t *ret_count) {
  tw_map *map;
  tw_npy npy;
  tw_error error = {0};
  assert_int_equal(tw_map_open(path, &map, &error), TW_OK);
  assert_int_equal(tw_npy_read(tw_map_bytes(map), &npy, &error), TW_OK);
  float *values = calloc(npy.count, sizeof *values);
  assert_non_null(values);
  assert_int_equal(tw_npy_to_f32(&npy, 0, npy.count, values, &error), TW_OK);
  tw_map_close(map);
  *ret_count = npy.count;
  return values;
}

static void assert_near(const char *what, const float *got, const float *expected, size_t count, double tolerance) {
  double worst = 0;
  for (size_t i = 0; i < count; i++) {
    double difference = fabs((double)got[i] - (double)expected[i]);
    worst = difference <= worst ? worst : difference;
  }
  print_message("%s: largest difference %.3g\n", what, worst);
  assert_true(worst <= tolerance);
}

/* ---- Running ----------------------------------------------------------------------------------------------------- */

static tw_graph *optimised(const tw_graph *graph) {
  tw_graph *copy;
  tw_error error = {0};
  assert_int_equal(tw_graph_copy(graph, &copy, &error), TW_OK);
  tw_status status = tw_graph_optimise(copy, NULL, NULL, &error);
  assert_string_equal(error.message, "");
  assert_int_equal(status, TW_OK);
  return copy;
}

/* Runs pictures one by one; outputs[i] gets output i of all of them. */
static void run(const tw_graph *graph, int threads, const float *input, size_t pictures, float *const *outputs) {
  tw_plan *plan;
  tw_session *session;
  tw_error error = {0};
  tw_status status = tw_plan_create(graph, threads, &plan, &error);
  assert_string_equal(error.message, "");
  assert_int_equal(status, TW_OK);
  assert_int_equal(tw_session_create(plan, &session, &error), TW_OK);
  for (size_t p = 0; p < pictures; p++) {
    float *here[2];
    assert_true(tw_plan_output_number(plan) <= 2);
    for (size_t i = 0; i < tw_plan_output_number(plan); i++) {
      here[i] = outputs[i] + p * tw_plan_output_count(plan, i);
    }
    assert_int_equal(tw_session_run(session, input + p * tw_plan_input_count(plan), here, &error), TW_OK);
  }
  tw_session_free(session);
  tw_plan_free(plan);
}

/* ---- The shipped network ----------------------------------------------------------------------------------------- */

static const char *shipped_path(void) {
  const char *own = TW_SOURCE_DIR "/models/efficientnet-lite0/efficientnet-lite0.onnx";
  return access(own, R_OK) == 0 ? own : shared_path(shipped);
}

static void shipped_network(void **state) {
  (void)state;
  enum { FEATURES = 1280, CLASSES = 1000, PIXELS = 3 * 224 * 224 };
  const char *path = shipped_path();
  if (path == NULL) {
    skip();
  }
  tw_graph *graph;
  tw_error error = {0};
  assert_int_equal(tw_graph_import(path, &graph, &error), TW_OK);
  tw_graph *copy = optimised(graph);
  float *input = calloc(PIXELS, sizeof *input);
  assert_non_null(input);
  tw_random random;
  tw_random_init(&random, 1);
  for (size_t i = 0; i < PIXELS; i++) {
    input[i] = (float)(2 * tw_random_unit(&random) - 1);
  }
  static float results[3][FEATURES + CLASSES];
  for (int threads = 1; threads <= 3; threads++) {
    float *float_results = results[threads - 1];
    run(copy, threads, input, 1, (float *[]){float_results, float_results + FEATURES});
  }
  size_t count;
  float *features = read_npy(TW_SOURCE_DIR "/tests/golden/data/efficientnet-lite0.features.npy", &count);
  assert_int_equal(count, FEATURES);
  float *probabilities = read_npy(TW_SOURCE_DIR "/tests/golden/data/efficientnet-lite0.probabilities.npy", &count);
  assert_int_equal(count, CLASSES);
  assert_near("features", results[0], features, FEATURES, 2e-5);
  assert_near("probabilities", results[0] + FEATURES, probabilities, CLASSES, 1e-6);
  assert_memory_equal(results[0], results[1], sizeof results[0]);
  assert_memory_equal(results[0], results[2], sizeof results[0]);
  free(features);
  free(probabilities);
  free(input);
  tw_graph_free(copy);
  tw_graph_free(graph);
}

/* ---- The zoo ----------------------------------------------------------------------------------------------------- */

static void zoo_network(const char *folder, const char *name, const tw_graph *graph) {
  char path[4096];
  size_t in;
  size_t out;
  snprintf(path, sizeof path, "%s/%s.in.npy", folder, name);
  float *input = read_npy(path, &in);
  snprintf(path, sizeof path, "%s/%s.out.npy", folder, name);
  float *expected = read_npy(path, &out);
  size_t each;
  assert_true(tw_shape_count(&graph->inputs[0]->shape, &each));
  float *one = calloc(out, sizeof *one);
  float *two = calloc(out, sizeof *two);
  assert_true(one != NULL && two != NULL);
  run(graph, 1, input, in / each, &one);
  run(graph, 2, input, in / each, &two);
  assert_near(name, one, expected, out, 1e-4);
  assert_memory_equal(one, two, out * sizeof *one);
  free(input);
  free(expected);
  free(one);
  free(two);
}

static bool is_importable(const char *path, const char *name, tw_graph **ret_graph) {
  tw_error error = {0};
  if (tw_graph_import(path, ret_graph, &error) == TW_OK) {
    return true;
  }
  print_message("%s: not imported: %s\n", name, error.message);
  assert_int_equal(error.code, TW_E_UNSUPPORTED);
  return false;
}

static void zoo(void **state) {
  (void)state;
  const char *found = shared_path("models/zoo");
  if (found == NULL) {
    skip();
  }
  char *folder = strdup(found); /* the next question overwrites it */
  assert_non_null(folder);
  struct dirent **entries;
  int count = scandir(folder, &entries, NULL, alphasort);
  int run_count = 0;
  for (int i = 0; i < count; i++) {
    char name[512];
    char path[4096];
    snprintf(name, sizeof name, "%s", entries[i]->d_name);
    snprintf(path, sizeof path, "%s/%s", folder, name);
    free(entries[i]);
    char *end = strstr(name, ".onnx");
    tw_graph *graph;
    if (end == NULL) {
      continue;
    }
    *end = '\0';
    if (is_importable(path, name, &graph)) {
      tw_graph *copy = optimised(graph);
      zoo_network(folder, name, copy);
      tw_graph_free(copy);
      tw_graph_free(graph);
      run_count++;
    }
  }
  free(entries);
  free(folder);
  assert_true(run_count >= 4);
}

int main(void) {
  if (shipped_path() == NULL && shared_path("models/zoo") == NULL) {
    return TW_TEST_SKIPPED;
  }
  const struct CMUnitTest tests[] = {cmocka_unit_test(shipped_network), cmocka_unit_test(zoo)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
