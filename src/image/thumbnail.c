/* Pictures made small for people to look at. Not what networks get: see normalise.c. */
#include "image/reader.h"

/* JPEGs are decoded down to this many times the side, so that the last step still averages. */
enum { ENOUGH = 2 };

tw_status tw_image_thumbnail(tw_image_reader *reader, tw_bytes file, size_t side, tw_image *ret_image,
                             tw_error *error) {
  static const tw_preprocess upright = {.dct = TW_DCT_IFAST,
                                        .upsampling = TW_UPSAMPLING_PLAIN,
                                        .orientation = TW_ORIENTATION_EXIF,
                                        .icc = TW_ICC_IGNORED,
                                        .cmyk = TW_CMYK_PILLOW,
                                        .alpha = TW_ALPHA_WHITE};
  tw_image image;
  reader->enough = ENOUGH * side;
  tw_status status = tw_image_decode(reader, file, &upright, &image, error);
  reader->enough = 0;
  TW_TRY(status);
  size_t longer = image.width > image.height ? image.width : image.height;
  if (longer > side) {
    size_t width = (image.width * side + longer / 2) / longer;
    size_t height = (image.height * side + longer / 2) / longer;
    TW_TRY(tw_image_resize(reader, &image, TW_FILTER_BOX, width == 0 ? 1 : width, height == 0 ? 1 : height, &image,
                           error));
  }
  *ret_image = image;
  return TW_OK;
}
