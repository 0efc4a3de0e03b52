/* There and back: a network written as GraphDef, read again and run gives what it gave before. The small networks take
 * every way there is; the trunk that ships is the real thing. */
#include <math.h>
#include <string.h>

#include "engine/engine.h"
#include "image/image.h"
#include "unit/graphdef_networks.h"

static const float LIMIT = 1e-5f;

/* Networks with operators that are written but not read: Split, Maximum, PadV2 with minus infinity, BatchMatMulV2.
 * TensorFlow checks these (peers/check_graphdef_export.py). */
static const char *const one_way[] = {"grouped", "clips", "max-pools", "stacks", "transpose"};

/* The first output for `input`; ret_count floats, to be freed with tw_free. */
static float *run(const tw_graph *graph, const float *input, size_t *ret_count) {
  tw_graph *copy;
  tw_plan *plan = NULL;
  tw_session *session = NULL;
  tw_error error;
  float *output = NULL;
  tw_status status = tw_graph_copy(graph, &copy, &error);
  if (status == TW_OK) {
    status = tw_graph_cut(copy, copy->outputs, 1, &error);
  }
  if (status == TW_OK) {
    status = tw_graph_optimise(copy, NULL, NULL, &error);
  }
  if (status == TW_OK) {
    status = tw_plan_create(copy, 1, &plan, &error);
  }
  if (status == TW_OK) {
    status = tw_session_create(plan, &session, &error);
  }
  if (status == TW_OK) {
    *ret_count = tw_plan_output_count(plan, 0);
    output = tw_alloc(*ret_count, sizeof *output);
    assert_non_null(output);
    status = tw_session_run(session, input, &output, &error);
  }
  if (status != TW_OK) {
    fail_msg("%s", error.message);
  }
  tw_session_free(session);
  tw_plan_free(plan);
  tw_graph_free(copy);
  return output;
}

static float *random_input(const tw_graph *graph) {
  size_t count = 0;
  tw_random random;
  tw_random_init(&random, 3);
  tw_shape_count(&graph->inputs[0]->shape, &count);
  float *input = tw_alloc(count, sizeof *input);
  assert_non_null(input);
  for (size_t i = 0; i < count; i++) {
    input[i] = (float)(4 * tw_random_unit(&random) - 2);
  }
  return input;
}

static void check_same(const char *name, const tw_graph *graph, const tw_graph *again) {
  char left[TW_SHAPE_TEXT_SIZE];
  char right[TW_SHAPE_TEXT_SIZE];
  assert_string_equal(tw_shape_text(&graph->inputs[0]->shape, left), tw_shape_text(&again->inputs[0]->shape, right));
  assert_string_equal(tw_shape_text(&graph->outputs[0]->shape, left), tw_shape_text(&again->outputs[0]->shape, right));
  size_t counts[2] = {0};
  float *input = random_input(graph);
  float *expected = run(graph, input, &counts[0]);
  float *came = run(again, input, &counts[1]);
  assert_int_equal(counts[0], counts[1]);
  for (size_t i = 0; i < counts[0]; i++) {
    if (!(fabsf(expected[i] - came[i]) <= LIMIT * fmaxf(1, fabsf(expected[i])))) {
      fail_msg("%s: value %zu is %g instead of %g", name, i, (double)came[i], (double)expected[i]);
    }
  }
  tw_free(input);
  tw_free(expected);
  tw_free(came);
}

static bool is_one_way(const char *name) {
  for (size_t i = 0; i < sizeof one_way / sizeof *one_way; i++) {
    if (strcmp(one_way[i], name) == 0) {
      return true;
    }
  }
  return false;
}

/* A network that says how a picture becomes its input says the same again. */
static void there_and_back(const char *name, const tw_graph *graph) {
  tw_graph *again = NULL;
  tw_buffer file = {0};
  tw_error error;
  tw_preprocess preprocess = {0};
  bool says = graph->preprocessing != NULL;
  tw_status status = says ? tw_preprocess_parse(graph->preprocessing, &preprocess, &error) : TW_OK;
  if (status == TW_OK) {
    status = tw_graph_export_graphdef(graph, says ? TW_GRAPHDEF_JPEG : TW_GRAPHDEF_FLOAT, &preprocess, "final_result",
                                      &file, &error);
  }
  if (status != TW_OK) {
    fail_msg("%s: %s", name, error.message);
  }
  status = tw_graph_import_bytes(tw_buffer_bytes(&file), &again, &error);
  if (is_one_way(name)) {
    assert_int_equal(status, TW_E_UNSUPPORTED); /* or it should be taken off the list */
  } else if (status != TW_OK) {
    fail_msg("%s: %s", name, error.message);
  } else {
    assert_non_null(tw_graph_find(again, "final_result"));
    assert_int_equal(again->preprocessing != NULL, says);
    assert_true(!says || strcmp(again->preprocessing, graph->preprocessing) == 0);
    check_same(name, graph, again);
  }
  tw_graph_free(again);
  tw_buffer_done(&file);
}

static void small_networks(void **state) {
  (void)state;
  for (size_t i = 0; i < network_count; i++) {
    builder b;
    networks[i].build(&b);
    tw_graph *graph = builder_graph(&b);
    there_and_back(networks[i].name, graph);
    tw_graph_free(graph);
    builder_done(&b);
  }
}

static void file_there_and_back(const char *path) {
  tw_graph *graph;
  tw_error error;
  if (tw_graph_import(path, &graph, &error) != TW_OK) {
    fail_msg("%s", error.message);
  }
  there_and_back(path, graph);
  tw_graph_free(graph);
}

static void the_trunk_that_ships(void **state) {
  (void)state;
  file_there_and_back(TW_SOURCE_DIR "/models/efficientnet-lite0/efficientnet-lite0.onnx");
}

/* The reference data's networks, where they are. */
static void trunks_that_are_graphdefs(void **state) {
  (void)state;
  static const char *const files[] = {"models/inception-2015/trunk_mixed8.pb",
                                      "models/mobilenet-v1-0.25-224/frozen_graph.pb",
                                      "models/mobilenet-v1-0.25-224/retrained_graph.pb"};
  for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
    const char *path = shared_path(files[i]);
    if (path == NULL) {
      skip();
    }
    file_there_and_back(path);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(small_networks),
      cmocka_unit_test(the_trunk_that_ships),
      cmocka_unit_test(trunks_that_are_graphdefs),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
