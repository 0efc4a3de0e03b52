/* From an RGB picture of any size to the tensor: which size to resize to, which window of that to keep, and what number
 * a pixel becomes. */
#include <math.h>

#include "image/resample.h"

/* Pillow users write round(), which is half to even, as rint() is. */
static size_t rounded(double value) {
  double whole = rint(value);
  return whole < 1 ? 1 : (size_t)whole;
}

void tw_preprocess_cover(const tw_preprocess *preprocess, size_t *ret_width, size_t *ret_height) {
  double crop = preprocess->geometry == TW_GEOMETRY_CROP ? preprocess->crop : 1;
  *ret_width = rounded(preprocess->width / crop);
  *ret_height = rounded(preprocess->height / crop);
}

static tw_span centre(size_t whole, size_t wanted) {
  return (tw_span){whole, (whole - wanted) / 2, wanted};
}

/* The picture is scaled, aspect ratio kept, until it just covers round(width / crop) x round(height / crop). For a
 * square network that is the shorter side to round(side / crop). Neither side can come out under the network's: the
 * covering one is its target, and a target is not under the side. */
static void geometry(const tw_image *image, const tw_preprocess *preprocess, tw_span *ret_columns, tw_span *ret_lines) {
  *ret_columns = centre(preprocess->width, preprocess->width);
  *ret_lines = centre(preprocess->height, preprocess->height);
  if (preprocess->geometry == TW_GEOMETRY_CROP) {
    size_t width;
    size_t height;
    tw_preprocess_cover(preprocess, &width, &height);
    double across = (double)width / (double)image->width;
    double down = (double)height / (double)image->height;
    double scale = across > down ? across : down;
    *ret_columns = centre(rounded((double)image->width * scale), preprocess->width);
    *ret_lines = centre(rounded((double)image->height * scale), preprocess->height);
  }
}

/* Where value c of pixel i goes: base + i * step. */
typedef struct target {
  float *base;
  size_t step;
  size_t from; /* the RGB channel that it is */
} target;

static target channel_target(const tw_preprocess *preprocess, size_t channel, float *tensor) {
  size_t plane = (size_t)preprocess->width * preprocess->height;
  bool planar = preprocess->layout == TW_LAYOUT_NCHW;
  return (target){tensor + channel * (planar ? plane : 1), planar ? 1 : 3,
                  preprocess->colour == TW_COLOUR_RGB ? channel : 2 - channel};
}

/* In one pass over the pixels: a byte has 256 values, so what becomes of it is looked up. */
static void write_u8(const tw_preprocess *preprocess, const uint8_t *rgb, float *tensor) {
  size_t count = (size_t)preprocess->width * preprocess->height;
  float values[3][256];
  target targets[3];
  for (size_t c = 0; c < 3; c++) {
    targets[c] = channel_target(preprocess, c, tensor);
    for (int i = 0; i < 256; i++) {
      values[c][i] = ((float)i - preprocess->mean[c]) * preprocess->scale[c];
    }
  }
  size_t step = targets[0].step;
  for (size_t i = 0; i < count; i++, rgb += 3) {
    targets[0].base[i * step] = values[0][rgb[targets[0].from]];
    targets[1].base[i * step] = values[1][rgb[targets[1].from]];
    targets[2].base[i * step] = values[2][rgb[targets[2].from]];
  }
}

static void write_float(const tw_preprocess *preprocess, const float *rgb, float *tensor) {
  size_t count = (size_t)preprocess->width * preprocess->height;
  for (size_t c = 0; c < 3; c++) {
    target target = channel_target(preprocess, c, tensor);
    for (size_t i = 0; i < count; i++) {
      target.base[i * target.step] = (rgb[3 * i + target.from] - preprocess->mean[c]) * preprocess->scale[c];
    }
  }
}

tw_status tw_image_normalise(tw_image_reader *reader, const tw_image *image, const tw_preprocess *preprocess,
                             float *ret_tensor, tw_error *error) {
  TW_TRY(tw_preprocess_check(preprocess, error));
  TW_TRY(tw_image_check_size(image->width, image->height, error));
  tw_span columns;
  tw_span lines;
  geometry(image, preprocess, &columns, &lines);
  if (preprocess->rounding == TW_ROUNDING_U8) {
    uint8_t *rgb;
    TW_TRY(tw_resample_u8(reader, image, preprocess->filter, columns, lines, tw_passes_best(), &rgb, error));
    write_u8(preprocess, rgb, ret_tensor);
    return TW_OK;
  }
  float *rgb;
  if (preprocess->filter == TW_FILTER_BILINEAR_LEGACY) {
    TW_TRY(tw_resample_legacy(reader, image, columns, lines, &rgb, error));
  } else {
    TW_TRY(tw_resample_float(reader, image, preprocess->filter, columns, lines, &rgb, error));
  }
  write_float(preprocess, rgb, ret_tensor);
  return TW_OK;
}

tw_status tw_image_resize(tw_image_reader *reader, const tw_image *image, tw_filter filter, size_t width, size_t height,
                          tw_image *ret_image, tw_error *error) {
  if (filter == TW_FILTER_BILINEAR_LEGACY) {
    return tw_error_set(error, TW_E_ARGUMENT, "the filter bilinear-legacy gives no 8-bit picture");
  }
  TW_TRY(tw_image_check_size(image->width, image->height, error));
  TW_TRY(tw_image_check_size(width, height, error));
  uint8_t *rgb;
  TW_TRY(tw_resample_u8(reader, image, filter, centre(width, width), centre(height, height), tw_passes_best(), &rgb,
                        error));
  *ret_image = (tw_image){width, height, rgb};
  return TW_OK;
}
