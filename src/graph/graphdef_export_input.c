/* The nodes before the network: a placeholder, or the preprocessing of TensorFlow's image networks of 2015, under the
 * names that their graphs have. */
#include <string.h>

#include "graph/graphdef_export.h"

/* The first field that these nodes do not compute; NULL when they compute it all. Fields that no JPEG has (alpha) and
 * those with a single value do not matter. */
static const char *what_differs(const tw_preprocess *preprocess) {
  return preprocess->decode != TW_DECODE_FULL                ? "decode=full"
         : preprocess->filter != TW_FILTER_BILINEAR_LEGACY   ? "filter=bilinear-legacy"
         : preprocess->rounding != TW_ROUNDING_FLOAT         ? "rounding=float"
         : preprocess->geometry != TW_GEOMETRY_SQUASH        ? "geometry=squash"
         : preprocess->orientation != TW_ORIENTATION_IGNORED ? "orientation=ignored"
         : preprocess->colour != TW_COLOUR_RGB               ? "colour=rgb"
                                                             : NULL;
}

tw_graphdef_input tw_graphdef_input_of(const tw_preprocess *preprocess) {
  return what_differs(preprocess) == NULL ? TW_GRAPHDEF_JPEG : TW_GRAPHDEF_FLOAT;
}

static void decode(tw_exporter *to, const char *name, const char *contents, const tw_preprocess *preprocess) {
  tw_tf_node *node = tw_export_node(to, name, "DecodeJpeg", 1);
  tw_export_input(to, node, contents);
  tw_export_int(to, node, "channels", 3);
  tw_export_int(to, node, "ratio", 1);
  tw_export_bool(to, node, "fancy_upscaling", preprocess->upsampling == TW_UPSAMPLING_FANCY);
  tw_export_bool(to, node, "try_recover_truncated", false);
  tw_export_float(to, node, "acceptable_fraction", 1);
  if (preprocess->dct == TW_DCT_ISLOW) { /* the other is the default, and versions of 2015 had no such attribute */
    tw_export_text(to, node, "dct_method", "INTEGER_ACCURATE");
  }
}

/* A scalar when the three are equal. */
static const char *triple(tw_exporter *to, const char *name, const float *values) {
  if (values[0] == values[1] && values[1] == values[2]) {
    return tw_export_scalar(to, name, values[0]);
  }
  float *kept = tw_export_floats(to, 3);
  if (kept != NULL) {
    memcpy(kept, values, 3 * sizeof *kept);
    tw_export_constant(to, name, &(tw_shape){.rank = 1, .dims = {3}}, kept);
  }
  return name;
}

/* Returns the name of the last node, 1 x height x width x 3. */
static const char *begin_with_jpeg(tw_exporter *to, const tw_preprocess *preprocess) {
  enum { CONTENTS, DECODE, CAST, DIM, EXPAND, SIZE, RESIZE, MEAN, SUB, SCALE, MUL, COUNT };
  static const char *const usual[COUNT] = {
      TW_GRAPHDEF_JPEG_NAME, "DecodeJpeg", "Cast", "ExpandDims/dim", "ExpandDims", "ResizeBilinear/size",
      "ResizeBilinear",      "Sub/y",      "Sub",  "Mul/y",          "Mul"};
  const char *names[COUNT];
  for (int i = 0; i < COUNT; i++) {
    names[i] = tw_export_name(to, usual[i]);
  }
  tw_export_string(to, names[CONTENTS], "");
  decode(to, names[DECODE], names[CONTENTS], preprocess);
  tw_tf_node *cast = tw_export_node(to, names[CAST], "Cast", 1);
  tw_export_input(to, cast, names[DECODE]);
  tw_export_type(to, cast, "SrcT", TW_TF_UINT8);
  tw_export_type(to, cast, "DstT", TW_TF_FLOAT);
  tw_export_integers(to, names[DIM], 0, 1, (const int64_t[1]){0});
  tw_tf_node *expand = tw_export_simple(to, names[EXPAND], "ExpandDims", names[CAST], names[DIM], NULL);
  tw_export_type(to, expand, "Tdim", TW_TF_INT32);
  const int64_t size[2] = {preprocess->height, preprocess->width};
  tw_export_integers(to, names[SIZE], 1, 2, size);
  tw_tf_node *resize = tw_export_simple(to, names[RESIZE], "ResizeBilinear", names[EXPAND], names[SIZE], NULL);
  tw_export_bool(to, resize, "align_corners", false);
  tw_export_simple(to, names[SUB], "Sub", names[RESIZE], triple(to, names[MEAN], preprocess->mean), NULL);
  tw_export_simple(to, names[MUL], "Mul", names[SUB], triple(to, names[SCALE], preprocess->scale), NULL);
  return names[MUL];
}

static const char *begin_with_floats(tw_exporter *to, const tw_value *input, tw_export_order order) {
  int64_t dims[TW_MAX_RANK] = {-1};
  for (int i = 1; i < input->shape.rank; i++) {
    dims[order == TW_ORDER_CHANNELS_LAST ? tw_export_axis(i) : i] = input->shape.dims[i];
  }
  const char *name = tw_export_name(to, TW_GRAPHDEF_INPUT_NAME);
  tw_tf_node *node = tw_export_node(to, name, "Placeholder", 0);
  tw_export_type(to, node, "dtype", TW_TF_FLOAT);
  tw_export_shape(to, node, "shape", input->shape.rank, dims);
  return name;
}

static bool takes_picture(const tw_value *input, tw_export_order order, const tw_preprocess *preprocess) {
  const int64_t *dims = input->shape.dims;
  bool last = order == TW_ORDER_CHANNELS_LAST;
  return input->shape.rank == 4 && dims[last ? 1 : 3] == 3 && dims[last ? 2 : 1] == preprocess->height &&
         dims[last ? 3 : 2] == preprocess->width;
}

tw_status tw_export_begin(tw_exporter *to, tw_graphdef_input input, const tw_preprocess *preprocess, tw_error *error) {
  const tw_value *value = to->graph->inputs[0];
  bool as_fed = value->shape.rank != 4 || (value->shape.dims[1] != 3 && value->shape.dims[3] == 3);
  tw_export_order order = as_fed ? TW_ORDER_GRAPH : TW_ORDER_CHANNELS_LAST;
  if (input == TW_GRAPHDEF_FLOAT) {
    tw_export_define(to, value, order, begin_with_floats(to, value, order));
    return TW_OK;
  }
  const char *differs = what_differs(preprocess);
  if (differs != NULL) {
    return tw_error_set(error, TW_E_UNSUPPORTED,
                        "TensorFlow's nodes prepare pictures by %s only, and this network wants another way", differs);
  }
  if (!takes_picture(value, order, preprocess)) {
    char text[TW_SHAPE_TEXT_SIZE];
    return tw_error_set(error, TW_E_ARGUMENT, "the network's input has the shape %s, its preprocessing gives %ux%u",
                        tw_shape_text(&value->shape, text), preprocess->width, preprocess->height);
  }
  tw_export_define(to, value, order, begin_with_jpeg(to, preprocess));
  return TW_OK;
}
