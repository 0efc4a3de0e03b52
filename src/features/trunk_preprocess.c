/* How pictures become a trunk's input: what the caller says, else what is written beside the network, else what the
 * network's file itself begins with, else the way of retrain.py with the caller's mean and scale. Single fields of any
 * of these can be set by the caller. */
#include "features/trunk.h"

/* TensorFlow's decoding and its ResizeBilinear of old, as retrain.py feeds every network. */
static const tw_preprocess RETRAIN = {.dct = TW_DCT_IFAST,
                                      .orientation = TW_ORIENTATION_IGNORED,
                                      .alpha = TW_ALPHA_DROPPED,
                                      .filter = TW_FILTER_BILINEAR_LEGACY,
                                      .geometry = TW_GEOMETRY_SQUASH,
                                      .crop = 1,
                                      .rounding = TW_ROUNDING_FLOAT,
                                      .layout = TW_LAYOUT_NCHW};

static tw_status no_preprocessing(const tw_preprocess_source *source, tw_error *error) {
  const tw_trunk_options *options = source->options;
  const char *file = source->file;
  if (source->card_path != NULL) {
    return tw_error_set(error, TW_E_FORMAT, "%s: \"preprocessing\" is missing; docs/PREPROCESSING.md lists its fields",
                        source->card_path);
  }
  if (options->mean != NULL || options->scale != NULL) {
    return tw_error_set(error, TW_E_ARGUMENT,
                        "%s: a pixel becomes (pixel - mean) * scale: give %s, too (--mean 127.5 --scale 0.00784314 for "
                        "many networks, --mean 0 --scale 1 for pixels as they are)",
                        file, options->mean == NULL ? "--mean" : "--scale");
  }
  return tw_error_set(error, TW_E_ARGUMENT,
                      "%s: nothing says how pictures become its input; give --mean and --scale (a pixel becomes (pixel "
                      "- mean) * scale) and, where the file leaves it open, --input-size; or write a file %s.json with "
                      "the line {\"preprocessing\": \"...\"}, or give --preprocess; docs/PREPROCESSING.md lists the "
                      "fields",
                      file, tw_path_base(file));
}

/* The way of retrain.py, at the size that the network takes. */
static tw_status plain(const tw_preprocess_source *source, tw_preprocess *ret_preprocess, tw_error *error) {
  const tw_trunk_options *options = source->options;
  if (options->mean == NULL || options->scale == NULL) {
    return no_preprocessing(source, error);
  }
  *ret_preprocess = RETRAIN;
  const tw_graph *graph = source->graph;
  if (graph->input_count == 1 && graph->inputs[0]->shape.rank == 4) {
    const int64_t *dims = graph->inputs[0]->shape.dims;
    bool fits = dims[2] <= TW_PREPROCESS_MAX_SIDE && dims[3] <= TW_PREPROCESS_MAX_SIDE;
    ret_preprocess->height = fits ? (uint32_t)dims[2] : 0;
    ret_preprocess->width = fits ? (uint32_t)dims[3] : 0;
  }
  return TW_OK;
}

static tw_status parse(const char *text, const char *where, tw_preprocess *ret_preprocess, tw_error *error) {
  tw_status status = tw_preprocess_parse(text, ret_preprocess, error);
  return status == TW_OK ? TW_OK : tw_error_prefix(error, status, "%s", where);
}

static tw_status base_of(const tw_preprocess_source *source, tw_preprocess *ret_preprocess, tw_error *error) {
  if (source->options->preprocess != NULL) {
    return parse(source->options->preprocess, "preprocessing", ret_preprocess, error);
  }
  if (source->card_text != NULL) {
    tw_status status = parse(source->card_text, "\"preprocessing\"", ret_preprocess, error);
    return status == TW_OK ? TW_OK : tw_error_prefix(error, status, "%s", source->card_path);
  }
  if (source->graph->preprocessing != NULL) {
    return parse(source->graph->preprocessing, source->file, ret_preprocess, error);
  }
  return plain(source, ret_preprocess, error);
}

tw_status tw_trunk_find_preprocess(const tw_preprocess_source *source, tw_preprocess *ret_preprocess, tw_error *error) {
  const tw_trunk_options *options = source->options;
  tw_preprocess preprocess;
  TW_TRY(base_of(source, &preprocess, error));
  if (options->input_size != 0) {
    preprocess.width = preprocess.height = options->input_size;
  }
  preprocess.decode = options->fast_decode ? TW_DECODE_DRAFT : preprocess.decode;
  for (int c = 0; c < 3; c++) {
    preprocess.mean[c] = options->mean == NULL ? preprocess.mean[c] : (float)*options->mean;
    preprocess.scale[c] = options->scale == NULL ? preprocess.scale[c] : (float)*options->scale;
  }
  char *text = tw_preprocess_text(&preprocess);
  if (text == NULL) {
    return tw_error_memory(error);
  }
  tw_status status = parse(text, source->file, ret_preprocess, error);
  tw_free(text);
  return status;
}
