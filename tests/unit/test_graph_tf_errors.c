/* GraphDefs that are refused: one clear line each, naming the node. */
#include "graphdef_builder.h"

/* ---- Structure --------------------------------------------------------------------------------------------------- */

static void missing_inputs_and_circles(void **state) {
  (void)state;
  graphdef g = {0};
  GD_INPUT(&g, 1, 6, 6, 3);
  gd_network(&g, "nowhere");
  gd_node(&g, "Add", "y", "x,softmax");
  gd_fails(&g, TW_E_FORMAT, "node 'conv' (Conv2D): its input 'nowhere' is no node of the file");
  GD_INPUT(&g, 1, 6);
  gd_node(&g, "Add", "a", "x,c");
  gd_node(&g, "Relu", "b", "a");
  gd_node(&g, "Relu", "c", "b");
  gd_node(&g, "Softmax", "y", "c");
  gd_fails(&g, TW_E_FORMAT, "depends on its own result");
  GD_INPUT(&g, 1, 6);
  gd_node(&g, "Add", "a", "x,b");
  gd_node(&g, "Relu", "b", "a");
  gd_fails(&g, TW_E_FORMAT, "every node is used by another one, in a circle");
  GD_INPUT(&g, 1, 6);
  gd_node(&g, "Relu", "a", "x");
  gd_node(&g, "Relu", "a", "x");
  gd_fails(&g, TW_E_FORMAT, "two nodes have the name 'a'");
  GD_INPUT(&g, 1, 6);
  tw_wire_put_bytes(&g.file, 1, "\x12\x04Relu", 6);
  gd_fails(&g, TW_E_FORMAT, "of the file has no name");
  GD_INPUT(&g, 1, 6);
  gd_node(&g, "Relu", "y", "x:1");
  gd_fails(&g, TW_E_UNSUPPORTED, "node 'y' (Relu): it uses 'x:1', a further output of an operator Placeholder");
  GD_INPUT(&g, 1, 6);
  gd_node(&g, "Relu", "y", "");
  gd_fails(&g, TW_E_FORMAT, "no node at its end depends on an input");
  GD_INPUT(&g, 1, 6);
  gd_node(&g, "Add", "y", "x");
  gd_fails(&g, TW_E_FORMAT, "node 'y' (Add): its input 2 is missing");
}

static void unknown_operators(void **state) {
  (void)state;
  graphdef g = {0};
  GD_INPUT(&g, 1, 6);
  gd_node(&g, "Frobnicate", "deep", "x");
  gd_node(&g, "Softmax", "y", "deep");
  gd_fails(&g, TW_E_UNSUPPORTED, "node 'deep': the operator 'Frobnicate' is not supported; supported are Add, AddV2,");
  GD_INPUT(&g, 1, 6);
  gd_node(&g, "VariableV2", "w", "");
  gd_node(&g, "Mul", "y", "x,w");
  gd_fails(&g, TW_E_UNSUPPORTED, "the operator 'VariableV2' is not supported: the network is not frozen");
  GD_INPUT(&g, 1, 6);
  gd_node(&g, "Switch", "s", "x,x");
  gd_node(&g, "Softmax", "y", "s");
  gd_fails(&g, TW_E_UNSUPPORTED, "left over from training");
  GD_INPUT(&g, 1, 6);
  gd_node(&g, "Rsqrt", "y", "x");
  gd_fails(&g, TW_E_UNSUPPORTED, "node 'y' (Rsqrt): supported only of constants");
}

static void inputs(void **state) {
  (void)state;
  graphdef g = {0};
  GD_INPUT(&g, 1, 6);
  gd_placeholder(&g, "keep_prob", 0, NULL);
  gd_node(&g, "Mul", "y", "x,keep_prob");
  gd_fails(&g, TW_E_UNSUPPORTED, "the network has several inputs ('x', 'keep_prob')");
  gd_scalar(&g, "c", 1);
  gd_node(&g, "Relu", "y", "c");
  gd_fails(&g, TW_E_FORMAT, "the network has no output");
  gd_node(&g, "Placeholder", "x", "");
  gd_number(&g, "dtype", TW_TF_ATTR_TYPE, TW_TF_UINT8);
  gd_node(&g, "Relu", "y", "x");
  gd_fails(&g, TW_E_UNSUPPORTED, "node 'x' (Placeholder): the attribute 'dtype' is 4; it must be 1, float32");
  GD_INPUT(&g, 1, (int64_t)1 << 20, (int64_t)1 << 20, 3);
  gd_node(&g, "Relu", "y", "x");
  gd_fails(&g, TW_E_LIMIT, "'x'");
  GD_INPUT(&g, 1, INT64_MAX, INT64_MAX, 3);
  gd_node(&g, "Relu", "y", "x");
  gd_fails(&g, TW_E_LIMIT, "'x'");
  GD_INPUT(&g, 1, 0, 5, 3);
  gd_node(&g, "Relu", "y", "x");
  gd_fails(&g, TW_E_FORMAT, "every dimension must be at least 1");
  GD_INPUT(&g, 1, 6);
  GD_LIST(&g, "t", 2, 3);
  gd_node(&g, "Reshape", "y", "x,t");
  gd_fails(&g, TW_E_UNSUPPORTED, "node 'y' (Reshape): the output has the shape 2x3 for one picture");
}

/* ---- Operators --------------------------------------------------------------------------------------------------- */

static void conv(graphdef *g, const int64_t *weights, const char *padding) {
  GD_INPUT(g, 1, 6, 6, 3);
  gd_weights(g, "w", 4, weights);
  gd_node(g, "Conv2D", "y", "x,w");
  gd_text(g, "padding", padding);
}

static void convolutions(void **state) {
  (void)state;
  graphdef g = {0};
  conv(&g, DIMS(3, 3, 2, 4), "SAME");
  gd_fails(&g, TW_E_FORMAT, "node 'y' (Conv2D): its weights take 2 channels; its input has 3");
  conv(&g, DIMS(7, 7, 3, 4), "VALID");
  gd_fails(&g, TW_E_FORMAT, "does not fit");
  conv(&g, DIMS(3, 3, 3, 4), "WIDE");
  gd_fails(&g, TW_E_FORMAT, "the attribute 'padding' is 'WIDE'; it must be SAME or VALID");
  conv(&g, DIMS(3, 3, 3, 4), "SAME");
  gd_text(&g, "data_format", "NCHW");
  gd_fails(&g, TW_E_UNSUPPORTED, "node 'y' (Conv2D): the attribute 'data_format' is 'NCHW'; only NHWC");
  conv(&g, DIMS(3, 3, 3, 4), "SAME");
  GD_INTS(&g, "strides", 2, 1, 1, 1);
  gd_fails(&g, TW_E_UNSUPPORTED, "'strides' must be 1 for pictures and channels");
  conv(&g, DIMS(3, 3, 3, 4), "SAME");
  GD_INTS(&g, "strides", 1, 0, 1, 1);
  gd_fails(&g, TW_E_FORMAT, "'strides' holds 0");
  conv(&g, DIMS(3, 3, 3, 4), "SAME");
  GD_INTS(&g, "strides", 1, 1, 1);
  gd_fails(&g, TW_E_FORMAT, "'strides' has 3 numbers; wanted are 4");
  conv(&g, DIMS(3, 3, 3, 4), "EXPLICIT");
  gd_fails(&g, TW_E_FORMAT, "'explicit_paddings' must be 8 numbers");
  GD_INPUT(&g, 1, 6, 6, 3);
  gd_node(&g, "Conv2D", "y", "x,x");
  gd_window(&g, "SAME");
  gd_fails(&g, TW_E_UNSUPPORTED, "its weights must be constant");
  GD_INPUT(&g, 1, 6);
  GD_WEIGHTS(&g, "w", 3, 3, 3, 4);
  gd_node(&g, "Conv2D", "y", "x,w");
  gd_fails(&g, TW_E_FORMAT, "its input 'x' is 1x6; it must have 4 dimensions");
  GD_INPUT(&g, 1, 6, 6, 3);
  GD_WEIGHTS(&g, "w", 3, 3);
  gd_node(&g, "Conv2D", "y", "x,w");
  gd_fails(&g, TW_E_FORMAT, "its weights are 3x3; they must have 4 dimensions");
}

static void other_operators(void **state) {
  (void)state;
  graphdef g = {0};
  GD_INPUT(&g, 1, 6, 6, 3);
  GD_WEIGHTS(&g, "p", 3);
  gd_node(&g, "FusedBatchNormV3", "y", "x,p,p,p,p");
  gd_fails(&g, TW_E_UNSUPPORTED, "the attribute 'is_training' is true");
  GD_INPUT(&g, 1, 6, 6, 3);
  GD_WEIGHTS(&g, "p", 4);
  gd_node(&g, "FusedBatchNorm", "y", "x,p,p,p,p");
  gd_number(&g, "is_training", TW_TF_ATTR_BOOL, 0);
  gd_fails(&g, TW_E_FORMAT, "'y'");
  GD_INPUT(&g, 1, 6, 6, 3);
  GD_LIST(&g, "axes", 1);
  gd_node(&g, "Mean", "y", "x,axes");
  gd_fails(&g, TW_E_UNSUPPORTED, "supported only as the mean over all pixels");
  GD_INPUT(&g, 1, 6, 6, 3);
  GD_LIST(&g, "t", 1, 100);
  gd_node(&g, "Reshape", "y", "x,t");
  gd_fails(&g, TW_E_FORMAT, "node 'y' (Reshape): a tensor of shape 1x6x6x3 cannot become 1x100");
  GD_INPUT(&g, 1, 6);
  gd_node(&g, "Reshape", "y", "x,x");
  gd_fails(&g, TW_E_UNSUPPORTED, "its target must be constant");
  GD_INPUT(&g, 1, 6, 6, 3);
  gd_node(&g, "Squeeze", "y", "x");
  GD_INTS(&g, "squeeze_dims", 1);
  gd_fails(&g, TW_E_FORMAT, "dimension 1 of 1x6x6x3 is not 1");
  GD_INPUT(&g, 1, 6);
  GD_INTEGER(&g, "axis", 2);
  gd_node(&g, "ConcatV2", "y", "x,x,axis");
  gd_fails(&g, TW_E_FORMAT, "axis 2 does not exist in 2 dimensions");
  GD_INPUT(&g, 1, 6);
  GD_WEIGHTS(&g, "w", 5, 2);
  gd_node(&g, "MatMul", "y", "x,w");
  gd_fails(&g, TW_E_FORMAT, "'y'");
  GD_INPUT(&g, 1, 6, 6, 3);
  gd_node(&g, "MaxPool", "y", "x");
  gd_window(&g, "SAME");
  gd_fails(&g, TW_E_FORMAT, "the attribute 'ksize' is missing");
  GD_INPUT(&g, 1, 6);
  GD_INTEGER(&g, "whole", 3);
  gd_node(&g, "Mul", "y", "x,whole");
  gd_fails(&g, TW_E_FORMAT, "must be of one type");
  GD_INPUT(&g, 1, 6);
  gd_node(&g, "Const", "c", "");
  gd_node(&g, "Add", "y", "x,c");
  gd_fails(&g, TW_E_FORMAT, "node 'c' (Const): it has no value");
}

/* ---- Preprocessing ----------------------------------------------------------------------------------------------- */

static void one_channel(graphdef *g) {
  gd_number(g, "channels", TW_TF_ATTR_INT, 1);
}

static void half_size(graphdef *g) {
  gd_number(g, "ratio", TW_TF_ATTR_INT, 2);
}

static void recovering(graphdef *g) {
  gd_number(g, "try_recover_truncated", TW_TF_ATTR_BOOL, 1);
}

static void strange_method(graphdef *g) {
  gd_text(g, "dct_method", "FLOAT");
}

static void decoders(void **state) {
  (void)state;
  static const struct {
    void (*tamper)(graphdef *g);
    const char *part;
  } cases[] = {
      {half_size, "node 'DecodeJpeg' (DecodeJpeg): the attribute 'ratio' must be 1"},
      {recovering, "the attribute 'try_recover_truncated' accepts broken pictures"},
      {strange_method, "the attribute 'dct_method' must be INTEGER_FAST or INTEGER_ACCURATE"},
  };
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    graphdef g = {0};
    gd_jpeg(&g, cases[i].tamper);
    gd_network(&g, "ResizeBilinear");
    gd_fails(&g, TW_E_UNSUPPORTED, cases[i].part);
  }
  graphdef g = {0};
  gd_placeholder(&g, "contents", 0, NULL);
  gd_node(&g, "DecodeJpeg", "decoder", "contents");
  one_channel(&g);
  gd_node(&g, "Relu", "y", "decoder");
  gd_fails(&g, TW_E_UNSUPPORTED, "node 'decoder' (DecodeJpeg): the attribute 'channels' must be 3");
  GD_INPUT(&g, 1, 8, 9, 3);
  gd_jpeg(&g, NULL);
  gd_node(&g, "Add", "both", "x,ResizeBilinear");
  gd_network(&g, "both");
  gd_fails(&g, TW_E_UNSUPPORTED, "the network has several inputs");
}

/* A decoder, then `op` on its picture, then the rest. */
static void resizing(void **state) {
  (void)state;
  graphdef g = {0};
  gd_jpeg(&g, NULL);
  gd_number(&g, "align_corners", TW_TF_ATTR_BOOL, 1);
  gd_network(&g, "ResizeBilinear");
  gd_fails(&g, TW_E_UNSUPPORTED, "node 'ResizeBilinear' (ResizeBilinear): the attribute 'align_corners' is true");
  gd_jpeg(&g, NULL);
  gd_number(&g, "half_pixel_centers", TW_TF_ATTR_BOOL, 1);
  gd_network(&g, "ResizeBilinear");
  gd_fails(&g, TW_E_UNSUPPORTED, "the attribute 'half_pixel_centers' is true");
  gd_jpeg(&g, NULL);
  gd_network(&g, "Cast");
  gd_fails(&g, TW_E_UNSUPPORTED, "stands between DecodeJpeg and ResizeBilinear");
  gd_jpeg(&g, NULL);
  gd_node(&g, "ResizeBilinear", "again", "Cast,ResizeBilinear/size");
  gd_network(&g, "again");
  gd_fails(&g, TW_E_UNSUPPORTED, "its picture must come through ExpandDims");
  gd_jpeg(&g, NULL);
  gd_node(&g, "ResizeBilinear", "other", "ExpandDims,ResizeBilinear/size");
  gd_node(&g, "Add", "both", "other,ResizeBilinear");
  gd_network(&g, "both");
  gd_fails(&g, TW_E_UNSUPPORTED, "node 'ExpandDims' (ExpandDims): its picture must go to one node");
  gd_jpeg(&g, NULL);
  GD_LIST(&g, "large", 5000, 5);
  gd_node(&g, "ResizeBilinear", "other", "ExpandDims,large");
  gd_network(&g, "other");
  gd_fails(&g, TW_E_LIMIT, "its size is 5000 x 5; each side must be 1 to 4096");
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(missing_inputs_and_circles),
      cmocka_unit_test(unknown_operators),
      cmocka_unit_test(inputs),
      cmocka_unit_test(convolutions),
      cmocka_unit_test(other_operators),
      cmocka_unit_test(decoders),
      cmocka_unit_test(resizing),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
