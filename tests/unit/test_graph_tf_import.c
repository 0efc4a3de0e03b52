/* What GraphDefs become: order, outputs, inputs, preprocessing, dimensions. That the numbers are TensorFlow's is in
 * golden/golden_graphdef.c. */
#include <math.h>

#include "graphdef_builder.h"
#include "image/image.h"

static size_t count_op(const tw_graph *graph, tw_op op) {
  size_t count = 0;
  for (size_t i = 0; i < graph->node_count; i++) {
    count += graph->nodes[i]->op == op;
  }
  return count;
}

/* ---- Order and ends ---------------------------------------------------------------------------------------------- */

static void every_operator(void **state) {
  (void)state;
  graphdef g = {0};
  char text[TW_SHAPE_TEXT_SIZE];
  gd_every_operator(&g);
  tw_graph *graph = gd_graph(&g);
  assert_int_equal(graph->input_count, 1);
  assert_string_equal(graph->inputs[0]->name, "Mul");
  assert_string_equal(tw_shape_text(&graph->inputs[0]->shape, text), "1x3x8x9");
  assert_int_equal(graph->output_count, 1);
  assert_string_equal(graph->outputs[0]->name, "softmax");
  assert_string_equal(tw_shape_text(&graph->outputs[0]->shape, text), "1x5");
  assert_string_equal(tw_graph_features_value(graph)->name, "flat");
  assert_true(graph->colours_last);
  assert_non_null(tw_graph_find(graph, "identity"));
  assert_ptr_equal(tw_graph_find(graph, "join:0"), tw_graph_find(graph, "join"));
  assert_null(tw_graph_find(graph, "join:1"));
  tw_graph_free(graph);
  gd_done(&g);
}

/* Nodes may stand anywhere in the file; the digits and the hash are the same. */
static void any_order_of_nodes(void **state) {
  (void)state;
  tw_hash hashes[2];
  for (int backwards = 0; backwards < 2; backwards++) {
    graphdef g = {0};
    tw_buffer turned = {0};
    gd_every_operator(&g);
    tw_bytes file = gd_bytes(&g);
    tw_wire wire = tw_wire_open(file);
    tw_wire_field field;
    size_t before = 0;
    while (backwards && tw_wire_next(&wire, &field)) {
      size_t at = (size_t)(wire.at - file.data);
      tw_buffer grown = {0};
      tw_buffer_append(&grown, file.data + before, at - before);
      tw_buffer_append(&grown, turned.size == 0 ? (const void *)"" : turned.data, turned.size);
      tw_buffer_done(&turned);
      turned = grown;
      before = at;
    }
    if (backwards) {
      tw_buffer_done(&g.file);
      g.file = turned;
    }
    tw_graph *graph = gd_graph(&g);
    assert_int_equal(tw_graph_hash(graph, graph->outputs[0], &hashes[backwards], NULL), TW_OK);
    tw_graph_free(graph);
    gd_done(&g);
  }
  assert_int_equal(tw_hash_compare(&hashes[0], &hashes[1]), 0);
}

/* What nothing needs is not looked at: unknown operators, missing inputs, circles, a picture's decoder beside. */
static void only_what_is_needed(void **state) {
  (void)state;
  graphdef g = {0};
  GD_INPUT(&g, 1, 6, 6, 3);
  gd_network(&g, "x");
  gd_node(&g, "Frobnicate", "beside", "conv,nowhere");
  gd_node(&g, "Assert", "control", "beside");
  gd_node(&g, "Loop", "loop1", "loop2");
  gd_node(&g, "Loop", "loop2", "loop1");
  gd_node(&g, "ArgMax", "answer", "softmax,axes");
  gd_node(&g, "NoOp", "init", "^softmax,^control");
  gd_placeholder(&g, "raw", 0, NULL);
  gd_node(&g, "DecodeJpeg", "decoded", "raw");
  tw_graph *graph = gd_graph(&g);
  assert_int_equal(graph->output_count, 1);
  assert_string_equal(graph->outputs[0]->name, "softmax");
  assert_string_equal(graph->inputs[0]->name, "x");
  assert_null(graph->preprocessing);
  tw_graph_free(graph);
  gd_done(&g);
}

/* The probabilities are the last output, wherever they stand. */
static void several_outputs(void **state) {
  (void)state;
  graphdef g = {0};
  GD_INPUT(&g, 1, 6, 6, 3);
  gd_network(&g, "x");
  gd_node(&g, "Relu", "other", "mean");
  tw_graph *graph = gd_graph(&g);
  assert_int_equal(graph->output_count, 2);
  assert_string_equal(graph->outputs[0]->name, "other");
  assert_string_equal(graph->outputs[1]->name, "softmax");
  tw_graph_free(graph);
  gd_done(&g);
}

static void a_dropout_that_drops_nothing(void **state) {
  (void)state;
  graphdef g = {0};
  GD_INPUT(&g, 1, 6, 6, 3);
  gd_network(&g, "x");
  gd_scalar(&g, "one", 1);
  gd_node(&g, "PlaceholderWithDefault", "keep", "one");
  gd_node(&g, "Shape", "shape", "mean");
  gd_node(&g, "RandomUniform", "random", "shape");
  gd_node(&g, "Add", "sum", "keep,random");
  gd_node(&g, "Floor", "mask", "sum");
  gd_node(&g, "RealDiv", "kept", "mean,keep");
  gd_node(&g, "Mul", "dropped", "kept,mask");
  gd_node(&g, "Softmax", "final", "dropped");
  tw_graph *graph = gd_graph(&g);
  assert_non_null(tw_graph_find(graph, "final"));
  assert_int_equal(tw_graph_find(graph, "dropped")->producer->op, TW_OP_IDENTITY);
  tw_graph_free(graph);
  gd_done(&g);
}

/* ---- Inputs ------------------------------------------------------------------------------------------------------ */

static tw_status import_hinted(graphdef *g, uint32_t width, uint32_t height, tw_graph **ret_graph, tw_error *error) {
  char path[] = "/tmp/topwork-test-XXXXXX";
  int file = mkstemp(path);
  assert_true(file >= 0);
  tw_bytes bytes = gd_bytes(g);
  assert_int_equal(write(file, bytes.data, bytes.size), (ssize_t)bytes.size);
  close(file);
  const tw_graph_hints hints = {.width = width, .height = height};
  tw_status status = tw_graph_import_hinted(path, &hints, ret_graph, error);
  unlink(path);
  return status;
}

static void a_placeholder_that_leaves_its_size_open(void **state) {
  (void)state;
  char text[TW_SHAPE_TEXT_SIZE];
  graphdef g = {0};
  tw_graph *graph = NULL;
  tw_error error = {0};
  GD_INPUT(&g, -1, -1, -1, 3);
  gd_network(&g, "x");
  assert_int_equal(import_hinted(&g, 7, 6, &graph, &error), TW_OK);
  assert_string_equal(tw_shape_text(&graph->inputs[0]->shape, text), "1x3x6x7");
  assert_true(graph->dynamic_batch);
  tw_graph_free(graph);
  gd_fails(&g, TW_E_ARGUMENT, "node 'x' (Placeholder): the file does not say how large the pictures are");
}

/* A file for 32 pictures is one for one. */
static void a_batch_in_the_constants(void **state) {
  (void)state;
  graphdef g = {0};
  GD_INPUT(&g, 32, 4, 4, 3);
  GD_LIST(&g, "target", 32, 48);
  gd_node(&g, "Reshape", "flat", "x,target");
  GD_WEIGHTS(&g, "w", 48, 2);
  gd_node(&g, "MatMul", "y", "flat,w");
  gd_gives(&g, "y", "1x2");
}

/* ---- Preprocessing ----------------------------------------------------------------------------------------------- */

static void preprocessing_is(graphdef *g, const char *input, const char *part) {
  tw_graph *graph = gd_graph(g);
  tw_preprocess preprocess;
  tw_error error;
  assert_string_equal(graph->inputs[0]->name, input);
  assert_non_null(graph->preprocessing);
  if (strstr(graph->preprocessing, part) == NULL) {
    fail_msg("'%s' instead of '%s'", graph->preprocessing, part);
  }
  assert_int_equal(tw_preprocess_parse(graph->preprocessing, &preprocess, &error), TW_OK);
  assert_int_equal(preprocess.height, 8);
  assert_int_equal(preprocess.width, 9);
  tw_graph_free(graph);
  gd_done(g);
}

static void slow_and_plain(graphdef *g) {
  gd_text(g, "dct_method", "INTEGER_ACCURATE");
  gd_number(g, "fancy_upscaling", TW_TF_ATTR_BOOL, 0);
}

/* From the resizing on: a node each, "op constant" in the order given; the network takes what comes last. */
static void jpeg_with(graphdef *g, size_t count, const char *const *ops, const float *numbers) {
  char before[32] = "ResizeBilinear";
  gd_jpeg(g, NULL);
  for (size_t i = 0; i < count; i++) {
    char name[32];
    char constant[32];
    char inputs[80];
    snprintf(name, sizeof name, "n%zu", i);
    snprintf(constant, sizeof constant, "c%zu", i);
    snprintf(inputs, sizeof inputs, "%s,%s", before, constant);
    gd_scalar(g, constant, numbers[i]);
    gd_node(g, ops[i], name, inputs);
    memcpy(before, name, sizeof before);
  }
  gd_network(g, before);
}
#define JPEG_WITH(g, ops, ...) jpeg_with(g, sizeof(ops) / sizeof *(ops), ops, (const float[]){__VA_ARGS__})

static void preprocessing_is_read_from_the_nodes(void **state) {
  (void)state;
  static const char *const sub_mul[] = {"Sub", "Mul"};
  static const char *const mul_sub[] = {"Mul", "Sub"};
  static const char *const add[] = {"Add"};
  static const char *const sub_div[] = {"Sub", "RealDiv"};
  graphdef g = {0};
  gd_jpeg(&g, NULL);
  gd_network(&g, "ResizeBilinear");
  preprocessing_is(&g, "ResizeBilinear",
                   "dct=ifast upsampling=fancy orientation=ignored icc=ignored cmyk=pillow alpha=dropped "
                   "filter=bilinear-legacy geometry=squash crop=1 rounding=float size=9x8 mean=0,0,0 scale=1,1,1 "
                   "colour=rgb layout=nchw");
  gd_jpeg(&g, slow_and_plain);
  gd_network(&g, "ResizeBilinear");
  preprocessing_is(&g, "ResizeBilinear", "dct=islow upsampling=plain ");
  JPEG_WITH(&g, sub_mul, 127.5F, 0.1F);
  preprocessing_is(&g, "n1", "mean=127.5,127.5,127.5 scale=0.1,0.1,0.1 ");
  JPEG_WITH(&g, mul_sub, 0.0078125F, 1);
  preprocessing_is(&g, "n1", "mean=128,128,128 scale=0.0078125,0.0078125,0.0078125 ");
  JPEG_WITH(&g, add, -3);
  preprocessing_is(&g, "n0", "mean=3,3,3 scale=1,1,1 ");
  JPEG_WITH(&g, sub_div, 128, 64);
  preprocessing_is(&g, "n1", "mean=128,128,128 scale=0.015625,0.015625,0.015625 ");
}

/* What cannot be said to the bit stays in the network. */
static void the_rest_stays_in_the_network(void **state) {
  (void)state;
  static const char *const mul_sub[] = {"Mul", "Sub"};
  static const char *const mul_sub_mul[] = {"Mul", "Sub", "Mul"};
  static const char *const div[] = {"RealDiv"};
  static const char *const mul[] = {"Mul"};
  graphdef g = {0};
  JPEG_WITH(&g, mul, 0);
  preprocessing_is(&g, "ResizeBilinear", "mean=0,0,0 scale=1,1,1 ");
  JPEG_WITH(&g, mul_sub, 0.1F, 1);
  preprocessing_is(&g, "n0", "mean=0,0,0 scale=0.1,0.1,0.1 ");
  JPEG_WITH(&g, mul_sub_mul, 0.5F, 1, 2);
  preprocessing_is(&g, "n1", "mean=2,2,2 scale=0.5,0.5,0.5 ");
  JPEG_WITH(&g, div, 255);
  preprocessing_is(&g, "ResizeBilinear", "mean=0,0,0 scale=1,1,1 ");
}

static void three_colours(void **state) {
  (void)state;
  static const float means[] = {123.5F, 117, 104.25F};
  graphdef g = {0};
  tw_buffer fields = {0};
  gd_jpeg(&g, NULL);
  tw_wire_put_bytes(&fields, 4, means, sizeof means);
  gd_const_fields(&g, "means", TW_TF_FLOAT, 1, DIMS(3), &fields);
  gd_node(&g, "Sub", "centred", "ResizeBilinear,means");
  gd_network(&g, "centred");
  preprocessing_is(&g, "centred", "mean=123.5,117,104.25 scale=1,1,1 ");
}

/* A value that two nodes use is where the network begins. */
static void preprocessing_ends_at_a_fork(void **state) {
  (void)state;
  graphdef g = {0};
  gd_jpeg(&g, NULL);
  gd_scalar(&g, "c", 2);
  gd_node(&g, "Mul", "a", "ResizeBilinear,c");
  gd_node(&g, "Sub", "b", "ResizeBilinear,c");
  gd_node(&g, "Add", "sum", "a,b");
  gd_network(&g, "sum");
  preprocessing_is(&g, "ResizeBilinear", "mean=0,0,0 scale=1,1,1 ");
}

/* ---- Dimensions -------------------------------------------------------------------------------------------------- */

static void transposes_only_where_dimensions_mix(void **state) {
  (void)state;
  graphdef g = {0};
  GD_INPUT(&g, 1, 4, 4, 3);
  GD_LIST(&g, "t", 1, 48);
  gd_node(&g, "Reshape", "mixed", "x,t");
  gd_node(&g, "Relu", "y", "mixed");
  tw_graph *graph = gd_graph(&g);
  assert_int_equal(count_op(graph, TW_OP_TRANSPOSE), 1);
  tw_graph_free(graph);
  gd_done(&g);
  GD_INPUT(&g, 1, 1, 1, 48);
  GD_LIST(&g, "t", -1, 48);
  gd_node(&g, "Reshape", "same", "x,t");
  gd_node(&g, "Relu", "y", "same");
  graph = gd_graph(&g);
  assert_int_equal(count_op(graph, TW_OP_TRANSPOSE), 0);
  tw_graph_free(graph);
  gd_done(&g);
}

/* A padding before a convolution becomes the convolution's. */
static void paddings_are_merged(void **state) {
  (void)state;
  graphdef g = {0};
  GD_INPUT(&g, 1, 6, 6, 3);
  tw_buffer pads = {0};
  for (int i = 0; i < 8; i++) {
    tw_wire_put_varint(&pads, 7, i == 2 || i == 4 ? 1 : i == 3 || i == 5 ? 2 : 0);
  }
  gd_const_fields(&g, "pads", TW_TF_INT32, 2, DIMS(4, 2), &pads);
  gd_node(&g, "Pad", "pad", "x,pads");
  GD_WEIGHTS(&g, "w", 3, 3, 3, 2);
  gd_node(&g, "Conv2D", "y", "pad,w");
  gd_window(&g, "VALID");
  tw_graph *graph = gd_graph(&g);
  assert_int_equal(count_op(graph, TW_OP_CONV), 1);
  const tw_attributes *attributes = &tw_graph_find(graph, "y")->producer->attributes;
  assert_int_equal(attributes->pads_begin[0], 1);
  assert_int_equal(attributes->pads_end[0], 2);
  assert_int_equal(tw_graph_find(graph, "y")->shape.dims[2], 7);
  tw_graph_free(graph);
  gd_done(&g);
}

static void features_before_a_convolution_that_is_a_layer(void **state) {
  (void)state;
  graphdef g = {0};
  GD_INPUT(&g, 1, 1, 1, 8);
  gd_node(&g, "Relu", "before", "x");
  GD_WEIGHTS(&g, "w", 1, 1, 8, 4);
  gd_node(&g, "Conv2D", "conv", "before,w");
  gd_window(&g, "SAME");
  gd_node(&g, "Squeeze", "row", "conv");
  GD_INTS(&g, "squeeze_dims", 1, 2);
  gd_node(&g, "Softmax", "y", "row");
  tw_graph *graph = gd_graph(&g);
  assert_string_equal(tw_graph_features_value(graph)->name, "before");
  tw_graph_free(graph);
  gd_done(&g);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(every_operator),
      cmocka_unit_test(any_order_of_nodes),
      cmocka_unit_test(only_what_is_needed),
      cmocka_unit_test(several_outputs),
      cmocka_unit_test(a_dropout_that_drops_nothing),
      cmocka_unit_test(a_placeholder_that_leaves_its_size_open),
      cmocka_unit_test(a_batch_in_the_constants),
      cmocka_unit_test(preprocessing_is_read_from_the_nodes),
      cmocka_unit_test(the_rest_stays_in_the_network),
      cmocka_unit_test(three_colours),
      cmocka_unit_test(preprocessing_ends_at_a_fork),
      cmocka_unit_test(transposes_only_where_dimensions_mix),
      cmocka_unit_test(paddings_are_merged),
      cmocka_unit_test(features_before_a_convolution_that_is_a_layer),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
