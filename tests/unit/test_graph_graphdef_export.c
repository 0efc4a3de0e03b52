/* Writing graphs as GraphDef: which nodes stand for what, names, what is refused. That TensorFlow computes the same
 * from them is peers/check_graphdef_export.py's to say. */
#include <string.h>

#include "graphdef_networks.h"
#include "image/image.h"

/* A file and what the reader makes of it. */
typedef struct written {
  tw_buffer file;
  tw_arena *arena;
  tw_tf_graph graph;
} written;

static void written_done(written *written) {
  tw_arena_free(written->arena);
  tw_buffer_done(&written->file);
}

static written write_graph(const tw_graph *graph, tw_graphdef_input input, const tw_preprocess *preprocess) {
  written written = {.arena = tw_arena_create()};
  tw_error error;
  if (tw_graph_export_graphdef(graph, input, preprocess, "final_result", &written.file, &error) != TW_OK ||
      tw_graphdef_read(tw_buffer_bytes(&written.file), written.arena, &written.graph, &error) != TW_OK) {
    fail_msg("%s", error.message);
  }
  return written;
}

static written write_network(void (*build)(builder *b)) {
  builder b;
  build(&b);
  tw_graph *graph = builder_graph(&b);
  written written = write_graph(graph, TW_GRAPHDEF_FLOAT, NULL);
  tw_graph_free(graph);
  builder_done(&b);
  return written;
}

static const tw_tf_node *node_named(const tw_tf_graph *graph, tw_bytes name) {
  for (size_t i = 0; i < graph->node_count; i++) {
    if (tw_bytes_equal(graph->nodes[i].name, name)) {
      return &graph->nodes[i];
    }
  }
  return NULL;
}

static const tw_tf_node *node_called(const written *written, const char *name) {
  const tw_tf_node *node = node_named(&written->graph, tw_bytes_of(name));
  if (node == NULL) {
    fail_msg("there is no node '%s'", name);
  }
  return node;
}

static const tw_tf_attribute *attribute_of(const tw_tf_node *node, const char *name) {
  for (size_t i = 0; i < node->attribute_count; i++) {
    if (tw_bytes_is(node->attributes[i].name, name)) {
      return &node->attributes[i];
    }
  }
  return NULL;
}

/* The operators in order, without constants: "Placeholder Conv2D ...". */
static void check_operators(const written *written, const char *expected) {
  tw_buffer text = {0};
  for (size_t i = 0; i < written->graph.node_count; i++) {
    tw_bytes op = written->graph.nodes[i].op;
    if (!tw_bytes_is(op, "Const")) {
      tw_buffer_format(&text, text.size == 0 ? "%.*s" : " %.*s", (int)op.size, op.data);
    }
  }
  assert_string_equal((const char *)text.data, expected);
  tw_buffer_done(&text);
}

static void check_padding(const written *written, const char *name, const char *padding) {
  const tw_tf_attribute *attribute = attribute_of(node_called(written, name), "padding");
  assert_true(tw_bytes_is(attribute->s, padding));
}

/* An int32 constant. */
static void check_integers(const written *written, const char *name, const int32_t *expected, size_t count) {
  const tw_tf_attribute *value = attribute_of(node_called(written, name), "value");
  assert_int_equal(value->tensor.type, TW_TF_INT32);
  assert_int_equal(value->tensor.content.size, count * sizeof *expected);
  assert_memory_equal(value->tensor.content.data, expected, count * sizeof *expected);
}

/* ---- What every file must be ------------------------------------------------------------------------------------- */

/* [A-Za-z0-9.][A-Za-z0-9_.\\/>-]* */
static bool name_is_allowed(tw_bytes name) {
  static const char first[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789.";
  bool allowed = name.size > 0 && memchr(first, name.data[0], sizeof first - 1) != NULL;
  for (size_t i = 1; allowed && i < name.size; i++) {
    allowed = memchr(first, name.data[i], sizeof first - 1) != NULL || memchr("_\\/>-", name.data[i], 5) != NULL;
  }
  return allowed;
}

/* Every input names an earlier node, every name is allowed and unique, the last node is the output. */
static void check_file(const char *network, const tw_tf_graph *graph) {
  for (size_t i = 0; i < graph->node_count; i++) {
    const tw_tf_node *node = &graph->nodes[i];
    if (!name_is_allowed(node->name) || node_named(graph, node->name) != node) {
      fail_msg("%s: the name '%.*s'", network, (int)node->name.size, node->name.data);
    }
    for (size_t j = 0; j < node->input_count; j++) {
      tw_bytes input = node->inputs[j];
      const uint8_t *colon = memchr(input.data, ':', input.size);
      input.size = colon == NULL ? input.size : (size_t)(colon - input.data);
      const tw_tf_node *from = node_named(graph, input);
      if (from == NULL || from >= node) {
        fail_msg("%s: the input '%.*s'", network, (int)input.size, input.data);
      }
    }
  }
  assert_true(tw_bytes_is(graph->nodes[graph->node_count - 1].name, "final_result"));
}

static void files_are_sound(void **state) {
  (void)state;
  for (size_t i = 0; i < network_count; i++) {
    written written = write_network(networks[i].build);
    const tw_tf_node *input = node_called(&written, "input");
    assert_true(tw_bytes_is(input->op, "Placeholder"));
    assert_int_equal(attribute_of(input, "shape")->tensor.dims[0], -1); /* any batch */
    check_file(networks[i].name, &written.graph);
    written_done(&written);
  }
}

static void the_same_graph_gives_the_same_bytes(void **state) {
  (void)state;
  builder b;
  net_average_pools(&b);
  tw_graph *graph = builder_graph(&b);
  tw_hash before = hash_of_output(graph, 0);
  written first = write_graph(graph, TW_GRAPHDEF_FLOAT, NULL);
  written second = write_graph(graph, TW_GRAPHDEF_FLOAT, NULL);
  tw_hash after = hash_of_output(graph, 0);
  assert_true(tw_bytes_equal(tw_buffer_bytes(&first.file), tw_buffer_bytes(&second.file)));
  assert_int_equal(tw_hash_compare(&before, &after), 0);
  written_done(&first);
  written_done(&second);
  tw_graph_free(graph);
  builder_done(&b);
}

/* ---- Operators --------------------------------------------------------------------------------------------------- */

static void padding_is_same_only_where_it_is(void **state) {
  (void)state;
  written written = write_network(net_conv_same);
  check_operators(&written, "Placeholder Conv2D BiasAdd Conv2D");
  check_padding(&written, "c1/conv", "SAME");
  check_padding(&written, "final_result", "SAME");
  written_done(&written);
  written = write_network(net_conv_padded);
  check_operators(&written, "Placeholder Pad Conv2D Pad Conv2D");
  check_padding(&written, "c1", "VALID");
  /* The second pad of 8 pixels is reached by no window of stride 2. */
  check_integers(&written, "c1/paddings", (const int32_t[]){0, 0, 1, 0, 1, 0, 0, 0}, 8);
  check_integers(&written, "final_result/paddings", (const int32_t[]){0, 0, 3, 0, 0, 2, 0, 0}, 8);
  written_done(&written);
  written = write_network(net_conv_valid);
  check_operators(&written, "Placeholder Conv2D");
  check_padding(&written, "final_result", "VALID");
  const tw_tf_attribute *strides = attribute_of(node_called(&written, "final_result"), "strides");
  assert_memory_equal(strides->ints, ((const int64_t[]){1, 3, 2, 1}), 4 * sizeof(int64_t));
  written_done(&written);
}

static void groups_become_what_tensorflow_has(void **state) {
  (void)state;
  written written = write_network(net_depthwise);
  check_operators(&written,
                  "Placeholder DepthwiseConv2dNative Pad DepthwiseConv2dNative BiasAdd DepthwiseConv2dNative");
  const tw_tf_tensor *spread = &attribute_of(node_called(&written, "u"), "value")->tensor;
  assert_int_equal(spread->dims[0], 5); /* 3 with a zero between each */
  assert_int_equal(spread->dims[1], 4);
  assert_int_equal(spread->dims[2], 6);
  assert_int_equal(spread->dims[3], 1);
  written_done(&written);
  written = write_network(net_grouped);
  check_operators(&written, "Placeholder Split Conv2D Conv2D ConcatV2 BiasAdd");
  written_done(&written);
}

static void pools_count_as_ours(void **state) {
  (void)state;
  written written = write_network(net_max_pools);
  check_operators(&written, "Placeholder MaxPool PadV2 MaxPool MaxPool PadV2 MaxPool Mean Mean ConcatV2");
  written_done(&written);
  written = write_network(net_average_pools);
  check_operators(&written,
                  "Placeholder AvgPool Pad AvgPool Pad AvgPool Mul Pad AvgPool Mul Pad AvgPool Mul Mean Mean "
                  "Mean ConcatV2");
  check_padding(&written, "m1", "SAME");
  check_padding(&written, "m2", "VALID");
  written_done(&written);
}

static void pixels_are_put_in_order_where_they_mix(void **state) {
  (void)state;
  written written = write_network(net_flatten);
  check_operators(&written, "Placeholder Relu Transpose Reshape Transpose Reshape MatMul MatMul BiasAdd ConcatV2");
  written_done(&written);
  written = write_network(net_reshape_back);
  check_operators(&written,
                  "Placeholder Reshape Transpose Conv2D ConcatV2 Mean Transpose MaxPool Mean ConcatV2 Reshape");
  written_done(&written);
  written = write_network(net_transpose); /* to channels last costs nothing */
  check_operators(&written, "Placeholder Relu Identity BatchMatMulV2 Transpose Transpose MaxPool Transpose Reshape");
  written_done(&written);
}

static void the_rest_is_what_it_is_called(void **state) {
  (void)state;
  written written = write_network(net_clips);
  check_operators(&written, "Placeholder Relu Relu6 Relu Maximum Minimum Maximum Minimum Identity ConcatV2");
  written_done(&written);
  written = write_network(net_batch_norm);
  check_operators(&written, "Placeholder FusedBatchNorm Mean Reshape Mul Add");
  assert_true(attribute_of(node_called(&written, "n1"), "epsilon")->f == 0.25f);
  written_done(&written);
  written = write_network(net_stored_weights);
  check_operators(&written, "Placeholder Conv2D");
  written_done(&written);
  written = write_network(net_products);
  check_operators(&written,
                  "Placeholder MatMul Mul BiasAdd MatMul Mul Add MatMul Mul MatMul Add MatMul Identity Softmax");
  written_done(&written);
  written = write_network(net_concat);
  check_operators(&written, "Placeholder Relu ConcatV2 ConcatV2 ConcatV2 Identity");
  check_integers(&written, "c1/axis", (const int32_t[]){3}, 1);
  check_integers(&written, "c2/axis", (const int32_t[]){1}, 1);
  check_integers(&written, "c3/axis", (const int32_t[]){2}, 1);
  written_done(&written);
}

/* Transposed, and as halves when that loses nothing. */
static void weights_are_small(void **state) {
  (void)state;
  written written = write_network(net_halves);
  check_operators(&written, "Placeholder Cast Conv2D");
  const tw_tf_tensor *tensor = &attribute_of(node_called(&written, "w/half"), "value")->tensor;
  assert_int_equal(tensor->type, TW_TF_HALF);
  assert_memory_equal(tensor->dims, ((const int64_t[]){3, 3, 3, 48}), 4 * sizeof(int64_t));
  uint16_t half;
  memcpy(&half, tensor->content.data + sizeof half, sizeof half);
  assert_true(tw_f16_to_f32(half) == (float)((27 * 7 % 31) - 12) / 16); /* the second filter's first weight */
  written_done(&written);

  builder b;
  net_halves(&b);
  ((float *)(uintptr_t)b.model.initializers[0].raw.data)[7] = 0.1f;
  tw_graph *graph = builder_graph(&b);
  written = write_graph(graph, TW_GRAPHDEF_FLOAT, NULL);
  check_operators(&written, "Placeholder Conv2D");
  assert_int_equal(attribute_of(node_called(&written, "w"), "value")->tensor.type, TW_TF_FLOAT);
  written_done(&written);
  tw_graph_free(graph);
  builder_done(&b);
}

static void names_stay_where_they_can(void **state) {
  (void)state;
  written written = write_network(net_names);
  static const char *const expected[] = {"input",     "w_0",     "final_result_1", "w_0_1",       "w_0_1_1",
                                         "node__w_0", "input_1", "node___",        "final_result"};
  assert_int_equal(written.graph.node_count, sizeof expected / sizeof *expected);
  for (size_t i = 0; i < written.graph.node_count; i++) {
    if (!tw_bytes_is(written.graph.nodes[i].name, expected[i])) {
      fail_msg("'%.*s' instead of '%s'", (int)written.graph.nodes[i].name.size, written.graph.nodes[i].name.data,
               expected[i]);
    }
  }
  written_done(&written);
}

/* A network of nothing, and one of all there is. */
static void every_graph_has_its_output(void **state) {
  (void)state;
  builder b;
  BUILD(&b, -1, 3, 4, 4);
  builder_output(&b, "x");
  tw_graph *graph = builder_graph(&b);
  written written = write_graph(graph, TW_GRAPHDEF_FLOAT, NULL);
  check_operators(&written, "Placeholder Identity");
  written_done(&written);
  tw_graph_free(graph);
  builder_done(&b);
  builder_every_operator(&b);
  graph = builder_graph(&b);
  written = write_graph(graph, TW_GRAPHDEF_FLOAT, NULL);
  check_file("every operator", &written.graph);
  assert_null(node_named(&written.graph, tw_bytes_of("gemm"))); /* the first output is `features` */
  written_done(&written);
  tw_graph_free(graph);
  builder_done(&b);
}

/* ---- Preprocessing ----------------------------------------------------------------------------------------------- */

static const tw_preprocess INCEPTION = {.dct = TW_DCT_IFAST,
                                        .orientation = TW_ORIENTATION_IGNORED,
                                        .filter = TW_FILTER_BILINEAR_LEGACY,
                                        .geometry = TW_GEOMETRY_SQUASH,
                                        .crop = 1,
                                        .rounding = TW_ROUNDING_FLOAT,
                                        .width = 7,
                                        .height = 8,
                                        .mean = {128, 128, 128},
                                        .scale = {0.0078125f, 0.0078125f, 0.0078125f}};

static void jpegs_are_decoded_by_the_usual_nodes(void **state) {
  (void)state;
  static const char *const usual[] = {
      "DecodeJpeg/contents", "DecodeJpeg", "Cast", "ExpandDims/dim", "ExpandDims", "ResizeBilinear/size",
      "ResizeBilinear",      "Sub/y",      "Sub",  "Mul/y",          "Mul"};
  builder b;
  net_conv_same(&b);
  tw_graph *graph = builder_graph(&b);
  assert_int_equal(tw_graphdef_input_of(&INCEPTION), TW_GRAPHDEF_JPEG);
  written written = write_graph(graph, TW_GRAPHDEF_JPEG, &INCEPTION);
  check_operators(&written, "DecodeJpeg Cast ExpandDims ResizeBilinear Sub Mul Conv2D BiasAdd Conv2D");
  check_file("inception", &written.graph);
  for (size_t i = 0; i < sizeof usual / sizeof *usual; i++) {
    node_called(&written, usual[i]);
  }
  check_integers(&written, "ResizeBilinear/size", (const int32_t[]){8, 7}, 2);
  assert_int_equal(attribute_of(node_called(&written, "Sub/y"), "value")->tensor.rank, 0);
  const tw_tf_node *decode = node_called(&written, "DecodeJpeg");
  assert_int_equal(attribute_of(decode, "channels")->i, 3);
  assert_int_equal(attribute_of(decode, "fancy_upscaling")->i, 1);
  assert_null(attribute_of(decode, "dct_method"));
  written_done(&written);

  tw_preprocess other = INCEPTION;
  other.dct = TW_DCT_ISLOW;
  other.upsampling = TW_UPSAMPLING_PLAIN;
  other.mean[1] = 117;
  written = write_graph(graph, TW_GRAPHDEF_JPEG, &other);
  decode = node_called(&written, "DecodeJpeg");
  assert_true(tw_bytes_is(attribute_of(decode, "dct_method")->s, "INTEGER_ACCURATE"));
  assert_int_equal(attribute_of(decode, "fancy_upscaling")->i, 0);
  const tw_tf_tensor *mean = &attribute_of(node_called(&written, "Sub/y"), "value")->tensor;
  assert_int_equal(mean->rank, 1);
  assert_memory_equal(mean->content.data, other.mean, sizeof other.mean);
  written_done(&written);
  tw_graph_free(graph);
  builder_done(&b);
}

static void check_refused(const tw_graph *graph, tw_graphdef_input input, const tw_preprocess *preprocess,
                          tw_status status, const char *part) {
  tw_buffer file = {0};
  tw_error error = {0};
  tw_status got = tw_graph_export_graphdef(graph, input, preprocess, "final_result", &file, &error);
  if (got != status || strstr(error.message, part) == NULL) {
    fail_msg("status %d, message '%s' instead of %d, '%s'", (int)got, error.message, (int)status, part);
  }
  assert_int_equal(file.size, 0);
  tw_buffer_done(&file);
}

static void other_preprocessing_is_refused(void **state) {
  (void)state;
  builder b;
  net_conv_same(&b);
  tw_graph *graph = builder_graph(&b);
  tw_preprocess other[6];
  static const char *const fields[6] = {"filter=", "rounding=", "geometry=", "orientation=", "colour=", "8x7"};
  for (size_t i = 0; i < 6; i++) {
    other[i] = INCEPTION;
  }
  other[0].filter = TW_FILTER_BILINEAR;
  other[1].rounding = TW_ROUNDING_U8;
  other[2].geometry = TW_GEOMETRY_CROP;
  other[3].orientation = TW_ORIENTATION_EXIF;
  other[4].colour = TW_COLOUR_BGR;
  other[5].width = 8;
  other[5].height = 7;
  for (size_t i = 0; i < 6; i++) {
    assert_int_equal(tw_graphdef_input_of(&other[i]), i < 5 ? TW_GRAPHDEF_FLOAT : TW_GRAPHDEF_JPEG);
    check_refused(graph, TW_GRAPHDEF_JPEG, &other[i], i < 5 ? TW_E_UNSUPPORTED : TW_E_ARGUMENT, fields[i]);
  }
  tw_graph_free(graph);
  builder_done(&b);
}

/* ---- What cannot be written -------------------------------------------------------------------------------------- */

/* Builds the graph, checks that its export is refused with those words, and is done with the builder. */
static void refuses(builder *b, const char *part) {
  builder_output(b, "y");
  tw_graph *graph = builder_graph(b);
  check_refused(graph, TW_GRAPHDEF_FLOAT, NULL, TW_E_UNSUPPORTED, part);
  tw_graph_free(graph);
  builder_done(b);
}

static void what_tensorflow_has_not_is_refused(void **state) {
  (void)state;
  builder b;
  BUILD(&b, -1, 3, 9);
  WEIGHTS(&b, "w", 2, 3, 3);
  builder_node(&b, "Conv", "c", "x,w", "y");
  refuses(&b, "node 'c' (Conv): only windows over height and width");
  BUILD(&b, -1, 3, 9);
  builder_node(&b, "AveragePool", "p", "x", "y");
  INTS(&b, "kernel_shape", 3);
  refuses(&b, "node 'p' (AveragePool): only windows over height and width");
  BUILD(&b, -1, 3, 9, 9);
  builder_node(&b, "Conv", "c", "x,x", "y"); /* of a batch of one, the picture is its own weights */
  INTS(&b, "kernel_shape", 9, 9);
  refuses(&b, "weights are not constants");
  BUILD(&b, -1, 3, 9, 9);
  WEIGHTS(&b, "w", 3, 1, 3, 3);
  builder_node(&b, "Conv", "c", "x,w", "y");
  builder_int(&b, "group", 3);
  INTS(&b, "strides", 2, 1);
  refuses(&b, "same stride");
  BUILD(&b, -1, 3, 9, 9);
  builder_node(&b, "MaxPool", "p", "x", "y");
  INTS(&b, "kernel_shape", 3, 3);
  INTS(&b, "dilations", 2, 2);
  refuses(&b, "pools have no dilations");
  BUILD(&b, -1, 3, 2);
  WEIGHTS(&b, "v", 1, 1, 2);
  builder_node(&b, "Concat", "c", "x,v", "y");
  builder_int(&b, "axis", 1);
  refuses(&b, "joins a constant");
  BUILD(&b, -1, 3);
  WEIGHTS(&b, "v", 3);
  builder_node(&b, "MatMul", "m", "x,v", "y");
  refuses(&b, "multiplies no vectors");
  BUILD(&b, -1, 3, 4, 5);
  builder_node(&b, "Softmax", "s", "x", "y");
  builder_int(&b, "axis", 2);
  refuses(&b, "over the last dimension");
}

static void what_is_no_imported_graph_is_refused(void **state) {
  (void)state;
  builder b;
  tw_error error;
  tw_shape shape = {.rank = 2, .dims = {1, 3}};
  tw_value *values[3];
  tw_graph *graph = tw_graph_create();
  check_refused(graph, TW_GRAPHDEF_FLOAT, NULL, TW_E_ARGUMENT, "without an output");
  assert_int_equal(tw_graph_add_input(graph, "a", TW_DTYPE_F32, &shape, &values[0], &error), TW_OK);
  assert_int_equal(tw_graph_add_input(graph, "b", TW_DTYPE_F32, &shape, &values[1], &error), TW_OK);
  assert_int_equal(tw_graph_add_node(graph, "sum", TW_OP_ADD, values, 2, NULL, NULL, &values[2], &error), TW_OK);
  assert_int_equal(tw_graph_add_output(graph, values[2], &error), TW_OK);
  check_refused(graph, TW_GRAPHDEF_FLOAT, NULL, TW_E_UNSUPPORTED, "has 2 inputs");
  tw_graph_free(graph);
  graph = tw_graph_create();
  assert_int_equal(tw_graph_add_input(graph, "a", TW_DTYPE_F16, &shape, &values[0], &error), TW_OK);
  assert_int_equal(tw_graph_add_node(graph, "r", TW_OP_RELU, values, 1, NULL, NULL, &values[1], &error), TW_OK);
  assert_int_equal(tw_graph_add_output(graph, values[1], &error), TW_OK);
  check_refused(graph, TW_GRAPHDEF_FLOAT, NULL, TW_E_UNSUPPORTED, "node 'r' (Relu): computes with float16");
  tw_graph_free(graph);
  builder_every_operator(&b);
  graph = builder_graph(&b);
  assert_int_equal(tw_graph_optimise(graph, NULL, NULL, &error), TW_OK);
  check_refused(graph, TW_GRAPHDEF_FLOAT, NULL, TW_E_ARGUMENT, "fused");
  tw_graph_free(graph);
  builder_done(&b);
}

/* ---- The way back ------------------------------------------------------------------------------------------------ */

/* The order of a Transpose as somebody else's file may have it. */
static void orders_of_dimensions_are_checked(void **state) {
  (void)state;
  static const struct {
    int32_t order[4];
    int64_t count;
    const char *part; /* of the message; NULL: fine */
  } cases[] = {{{0, 2, 1, 3}, 4, NULL},
               {{0, -2, 1, -1}, 4, NULL},
               {{0, 1, 1, 3}, 4, "each of the 4"},
               {{0, 1, 2, 4}, 4, "axis 4"},
               {{0, 2, 1, 0}, 3, "each of the 4"}};
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    tw_tf_attribute shape = {
        .name = tw_bytes_of("shape"), .kind = TW_TF_ATTR_SHAPE, .tensor = {.rank = 4, .dims = {-1, 4, 5, 3}}};
    tw_tf_attribute value = {.name = tw_bytes_of("value"), .kind = TW_TF_ATTR_TENSOR};
    value.tensor = (tw_tf_tensor){.type = TW_TF_INT32, .rank = 1, .dims = {cases[i].count}};
    value.tensor.content = (tw_bytes){(const uint8_t *)cases[i].order, (size_t)cases[i].count * sizeof(int32_t)};
    tw_bytes inputs[2] = {tw_bytes_of("x"), tw_bytes_of("order")};
    tw_tf_node nodes[3] = {
        {.name = inputs[0], .op = tw_bytes_of("Placeholder"), .attribute_count = 1, .attributes = &shape},
        {.name = inputs[1], .op = tw_bytes_of("Const"), .attribute_count = 1, .attributes = &value},
        {.name = tw_bytes_of("y"), .op = tw_bytes_of("Transpose"), .input_count = 2, .inputs = inputs}};
    tw_buffer file = {0};
    tw_graph *graph = NULL;
    tw_error error = {0};
    assert_int_equal(tw_graphdef_write(&(tw_tf_graph){.node_count = 3, .nodes = nodes}, &file, &error), TW_OK);
    tw_status status = tw_graph_import_bytes(tw_buffer_bytes(&file), &graph, &error);
    if (cases[i].part == NULL ? status != TW_OK : strstr(error.message, cases[i].part) == NULL) {
      fail_msg("case %zu: status %d, message '%s'", i, (int)status, error.message);
    }
    if (graph != NULL) {
      char text[TW_SHAPE_TEXT_SIZE]; /* the file has 1x5x4x3 */
      assert_string_equal(tw_shape_text(&graph->outputs[0]->shape, text), "1x3x5x4");
    }
    tw_graph_free(graph);
    tw_buffer_done(&file);
  }
}

static void memory_may_run_out(void **state) {
  (void)state;
  for (size_t i = 0; i < network_count; i++) {
    builder b;
    networks[i].build(&b);
    tw_graph *graph = builder_graph(&b);
    tw_status status = TW_E_MEMORY;
    for (size_t n = 1; status == TW_E_MEMORY; n++) {
      tw_buffer file = {0};
      tw_error error;
      tw_memory_fail_after(n);
      status = tw_graph_export_graphdef(graph, TW_GRAPHDEF_FLOAT, NULL, "final_result", &file, &error);
      tw_memory_fail_after(0);
      tw_buffer_done(&file);
      assert_true(n < 10000);
    }
    assert_int_equal(status, TW_OK);
    tw_graph_free(graph);
    builder_done(&b);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(files_are_sound),
      cmocka_unit_test(the_same_graph_gives_the_same_bytes),
      cmocka_unit_test(padding_is_same_only_where_it_is),
      cmocka_unit_test(groups_become_what_tensorflow_has),
      cmocka_unit_test(pools_count_as_ours),
      cmocka_unit_test(pixels_are_put_in_order_where_they_mix),
      cmocka_unit_test(the_rest_is_what_it_is_called),
      cmocka_unit_test(weights_are_small),
      cmocka_unit_test(names_stay_where_they_can),
      cmocka_unit_test(every_graph_has_its_output),
      cmocka_unit_test(jpegs_are_decoded_by_the_usual_nodes),
      cmocka_unit_test(other_preprocessing_is_refused),
      cmocka_unit_test(what_tensorflow_has_not_is_refused),
      cmocka_unit_test(what_is_no_imported_graph_is_refused),
      cmocka_unit_test(orders_of_dimensions_are_checked),
      cmocka_unit_test(memory_may_run_out),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
