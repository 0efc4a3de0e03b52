/* Everything that can be wrong with an ONNX file, each with a message that says where and what. */
#include <math.h>
#include <string.h>

#include "onnx_builder.h"

/* A network of one operator over x (1 x 2 x 4 x 4), weights w (2 x 2 x 3 x 3) and numbers v (2). */
static void one_node(builder *b, const char *op, const char *inputs) {
  BUILD(b, -1, 2, 4, 4);
  WEIGHTS(b, "w", 2, 2, 3, 3);
  WEIGHTS(b, "v", 2);
  builder_node(b, op, "node", inputs, "y");
  builder_output(b, "y");
}

static void wiring_errors_name_node_and_value(void **state) {
  (void)state;
  builder b;
  one_node(&b, "Relu", "nowhere");
  builder_fails(&b, TW_E_FORMAT, "node 'node' (Relu): its input 'nowhere' is made by no node and is no weight");
  one_node(&b, "Add", "x,y");
  builder_fails(&b, TW_E_FORMAT, "node 'node' (Add): its input 'y' depends on its own result");
  one_node(&b, "Add", "x,loop");
  builder_node(&b, "Relu", "back", "y", "loop");
  builder_fails(&b, TW_E_FORMAT, "depends on its own result");
  one_node(&b, "Add", "x,x");
  builder_node(&b, "Relu", "again", "x", "y");
  builder_fails(&b, TW_E_FORMAT, "the value 'y' is defined twice");
  one_node(&b, "Add", "x,x");
  builder_node(&b, "Relu", "again", "x", "w");
  builder_fails(&b, TW_E_FORMAT, "the value 'w' is defined twice");
  one_node(&b, "Relu", "x");
  builder_output(&b, "z");
  builder_fails(&b, TW_E_FORMAT, "the output 'z' is made by no node");
  one_node(&b, "Relu", "x");
  builder_output(&b, "y");
  builder_fails(&b, TW_E_FORMAT, "the output 'y' is listed twice");
  one_node(&b, "Relu", "x");
  builder_output(&b, "w");
  builder_fails(&b, TW_E_UNSUPPORTED, "the output 'w' is a constant");
  one_node(&b, "Relu", "w");
  builder_fails(&b, TW_E_UNSUPPORTED, "the output 'y' does not depend on the input");
  one_node(&b, "Relu", "x");
  b.model.output_count = 0;
  builder_fails(&b, TW_E_FORMAT, "no output");
  one_node(&b, "Relu", "");
  builder_fails(&b, TW_E_FORMAT, "node 'node' (Relu): its input 1 is missing");
  one_node(&b, "MaxPool", "x");
  INTS(&b, "kernel_shape", 2, 2);
  b.model.nodes[0].outputs = builder_split(&b, "y,indices", &b.model.nodes[0].output_count);
  builder_node(&b, "Relu", "user", "indices", "z");
  builder_output(&b, "z");
  builder_fails(&b, TW_E_UNSUPPORTED, "node 'user' (Relu): it uses 'indices', a further output of an operator MaxPool");
}

static void file_errors_say_what_would_be_right(void **state) {
  (void)state;
  builder b;
  one_node(&b, "Relu", "x");
  b.model.opset = 0;
  builder_fails(&b, TW_E_FORMAT, "does not say which version");
  one_node(&b, "Relu", "x");
  b.model.opset = 6;
  builder_fails(&b, TW_E_UNSUPPORTED, "version 6 of ONNX's operators (opset); 7 to 25 are supported");
  one_node(&b, "Relu", "x");
  b.model.opset = 26;
  builder_fails(&b, TW_E_UNSUPPORTED, "version 26");
  one_node(&b, "HardSwish", "x");
  builder_fails(&b, TW_E_UNSUPPORTED, "node 'node': the operator 'HardSwish' is not supported; supported are Add, ");
  one_node(&b, "Relu", "x");
  b.model.nodes[0].domain = tw_bytes_of("com.microsoft");
  builder_fails(&b, TW_E_UNSUPPORTED, "the operator 'com.microsoft.Relu' is not supported");
  one_node(&b, "Relu", "x");
  b.model.inputs[1] = b.model.inputs[0];
  b.model.inputs[1].name = tw_bytes_of("second");
  b.model.input_count = 2;
  builder_fails(&b, TW_E_UNSUPPORTED, "several inputs ('x', 'second'); it must have one");
  one_node(&b, "Relu", "x");
  b.model.input_count = 0;
  builder_fails(&b, TW_E_FORMAT, "has no input");
  one_node(&b, "Relu", "x");
  b.model.inputs[0].dims[2] = -1;
  builder_fails(&b, TW_E_UNSUPPORTED, "the input 'x' leaves dimension 3 open");
  one_node(&b, "Relu", "x");
  b.model.inputs[0].dims[1] = 0;
  builder_fails(&b, TW_E_FORMAT, "the input 'x' has the shape 1x0x4x4");
  one_node(&b, "Relu", "x");
  b.model.inputs[0].rank = -1;
  builder_fails(&b, TW_E_UNSUPPORTED, "'x' has no shape");
  one_node(&b, "Relu", "x");
  b.model.inputs[0].type = TW_DTYPE_F16;
  builder_fails(&b, TW_E_UNSUPPORTED, "the input 'x' is float16; it must be float32");
  one_node(&b, "Relu", "x");
  b.model.inputs[0].dims[3] = INT64_MAX;
  builder_fails(&b, TW_E_LIMIT, "more than the limit");
  one_node(&b, "Relu", "\xff\xfe");
  builder_fails(&b, TW_E_FORMAT, "is made by no node");
  one_node(&b, "Relu", "x");
  b.model.nodes[0].name = tw_bytes_of("\xff\xfe");
  builder_fails(&b, TW_E_FORMAT, "not text in UTF-8");
}

static void operator_errors_name_the_node(void **state) {
  (void)state;
  builder b;
  one_node(&b, "Conv", "x,v");
  builder_fails(&b, TW_E_FORMAT, "node 'node' (Conv): its weights have 1 dimensions, its input 4");
  one_node(&b, "Conv", "x,w");
  INTS(&b, "strides", 1);
  builder_fails(&b, TW_E_FORMAT, "'strides' has 1 numbers; its input wants 2");
  one_node(&b, "Conv", "x,w");
  INTS(&b, "strides", 0, 1);
  builder_fails(&b, TW_E_FORMAT, "'strides' holds 0");
  one_node(&b, "Conv", "x,w");
  INTS(&b, "pads", 0, -1, 0, 0);
  builder_fails(&b, TW_E_UNSUPPORTED, "negative pads (-1)");
  one_node(&b, "Conv", "x,w");
  builder_string(&b, "auto_pad", "SAME");
  builder_fails(&b, TW_E_FORMAT, "auto_pad is 'SAME'; it can be");
  one_node(&b, "Conv", "x,w");
  builder_int(&b, "group", 0);
  builder_fails(&b, TW_E_FORMAT, "'group' is 0");
  one_node(&b, "Conv", "x,w");
  builder_float(&b, "group", 1);
  builder_fails(&b, TW_E_FORMAT, "the attribute 'group' must be an integer");
  one_node(&b, "MaxPool", "x");
  builder_fails(&b, TW_E_FORMAT, "'kernel_shape' holds 0");
  one_node(&b, "BatchNormalization", "x,v,v,v,v");
  builder_int(&b, "training_mode", 1);
  builder_fails(&b, TW_E_UNSUPPORTED, "after training");
  one_node(&b, "BatchNormalization", "x,v,v,v,x");
  builder_fails(&b, TW_E_UNSUPPORTED, "must be constant");
  one_node(&b, "Add", "x,v");
  builder_int(&b, "axis", 1);
  builder_fails(&b, TW_E_UNSUPPORTED, "before version 7");
  one_node(&b, "Clip", "x,v");
  builder_fails(&b, TW_E_FORMAT, "its bound 'v' must be one number");
  one_node(&b, "Clip", "x,x");
  builder_fails(&b, TW_E_UNSUPPORTED, "a bound ('x') must be constant");
  one_node(&b, "Clip", "x,nan");
  builder_scalar(&b, "nan", NAN);
  builder_fails(&b, TW_E_FORMAT, "not a number");
  one_node(&b, "Reshape", "x,v");
  builder_fails(&b, TW_E_FORMAT, "its target must be a list of up to 8 integers");
  one_node(&b, "Reshape", "x");
  builder_fails(&b, TW_E_FORMAT, "its target is missing");
  one_node(&b, "Reshape", "x,x");
  builder_fails(&b, TW_E_UNSUPPORTED, "its target ('x') must be constant");
  one_node(&b, "Concat", "x,x");
  builder_fails(&b, TW_E_FORMAT, "must have an axis");
  one_node(&b, "Concat", "x,x");
  builder_int(&b, "axis", -5);
  builder_fails(&b, TW_E_FORMAT, "axis -5 does not exist in an input of 4 dimensions");
  one_node(&b, "Softmax", "x");
  builder_int(&b, "axis", 4);
  builder_fails(&b, TW_E_FORMAT, "axis 4");
  one_node(&b, "Cast", "x");
  builder_int(&b, "to", 8);
  builder_fails(&b, TW_E_UNSUPPORTED, "casts to type number 8");
  one_node(&b, "Cast", "x");
  builder_int(&b, "to", TW_DTYPE_F16);
  builder_fails(&b, TW_E_UNSUPPORTED,
                "node 'node' (Cast): computes with float16; only networks that compute in float32");
  one_node(&b, "Dropout", "x,,yes");
  builder_tensor(&b, "yes", TW_DTYPE_BOOL, 0, NULL, "\x01");
  builder_fails(&b, TW_E_UNSUPPORTED, "training mode");
  one_node(&b, "Flatten", "x");
  builder_int(&b, "axis", 4);
  builder_fails(&b, TW_E_UNSUPPORTED, "the output 'y' has the shape 32x1 for one picture");
  one_node(&b, "Constant", "");
  builder_fails(&b, TW_E_UNSUPPORTED, "neither a tensor nor numbers");
}

static void constant_errors_name_the_constant(void **state) {
  (void)state;
  builder b;
  one_node(&b, "Add", "x,t");
  builder_tensor(&b, "t", TW_DTYPE_F32, 2, DIMS(0, 4), NULL);
  builder_fails(&b, TW_E_FORMAT, "node 'node': the constant 't' has the shape 0x4");
  one_node(&b, "Add", "x,t");
  b.model.initializers[b.model.initializer_count++] = (tw_onnx_tensor){.name = tw_bytes_of("t"), .type = 8, .rank = 0};
  builder_fails(&b, TW_E_UNSUPPORTED, "the constant 't' has elements of an unsupported type (number 8)");
  one_node(&b, "Add", "x,t");
  builder_tensor(&b, "t", TW_DTYPE_F16, 1, DIMS(1), "\x00\x3c");
  builder_fails(&b, TW_E_FORMAT, "its inputs are float32 and float16; they must be of one type");
}

static void other_files_are_refused(void **state) {
  (void)state;
  tw_graph *graph = NULL;
  tw_error error;
  assert_int_equal(tw_graph_import_bytes((tw_bytes){NULL, 0}, &graph, &error), TW_E_FORMAT);
  assert_non_null(strstr(error.message, "empty"));
  assert_int_equal(tw_graph_import_bytes(tw_bytes_of("\x89PNG\r\n\x1a\n"), &graph, &error), TW_E_FORMAT);
  assert_non_null(strstr(error.message, "neither a network in ONNX format nor a GraphDef"));
  assert_int_equal(tw_graph_import("/nonexistent/net.onnx", &graph, &error), TW_E_IO);
  assert_int_equal(tw_graph_import(TW_SOURCE_DIR "/CMakeLists.txt", &graph, &error), TW_E_FORMAT);
  assert_non_null(strstr(error.message, "CMakeLists.txt: this is neither"));
  assert_null(graph);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(wiring_errors_name_node_and_value), cmocka_unit_test(file_errors_say_what_would_be_right),
      cmocka_unit_test(operator_errors_name_the_node),     cmocka_unit_test(constant_errors_name_the_constant),
      cmocka_unit_test(other_files_are_refused),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
