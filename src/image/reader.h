/* Private to the floor `image`: the reader and what its parts hand to each other.
 *
 * A picture passes through three kinds of memory that the reader keeps: `raw` (what a decoder delivers when it is not
 * yet RGB), `rgb` (the decoded picture) and `oriented` (the same, turned upright); then `resized`. */
#ifndef TW_IMAGE_READER_H
#define TW_IMAGE_READER_H

#include "image/image.h"

enum {
  TW_IMAGE_KEEP = 64 << 20,  /* bytes: a store larger than this is given back when a smaller one does */
  TW_IMAGE_ROW_PADDING = 64, /* bytes behind the last byte of a store that vector code may read */
};

/* Memory that is kept from picture to picture; its content does not survive tw_store_reserve. 64-byte aligned. */
typedef struct tw_store {
  uint8_t *data;
  size_t capacity;
} tw_store;

/* At least `size` bytes and TW_IMAGE_ROW_PADDING more. */
tw_status tw_store_reserve(tw_store *store, size_t size, tw_error *error);
void tw_store_done(tw_store *store);

struct tw_image_reader {
  tw_store raw;
  tw_store rgb;
  tw_store oriented;
  tw_store resized;
  tw_store rows;    /* between the two passes of a resize */
  tw_store columns; /* weights of the horizontal pass */
  tw_store lines;   /* weights of the vertical pass */
  size_t enough;    /* pixels of the longer side a JPEG may be decoded down to; 0: none but its own size will do */
};

/* What a decoder delivers: a picture in `rgb` of the reader and how it lies. */
typedef struct tw_decoded {
  size_t width;
  size_t height;
  int orientation; /* EXIF's 1..8; 1 is upright and what a file without EXIF has */
} tw_decoded;

/* TW_E_LIMIT for a picture beyond TW_IMAGE_MAX_SIDE or TW_IMAGE_MAX_PIXELS, TW_E_FORMAT for an empty one. */
tw_status tw_image_check_size(size_t width, size_t height, tw_error *error);

/* TW_E_ARGUMENT or TW_E_LIMIT when a field has a value it must not have. */
tw_status tw_preprocess_check(const tw_preprocess *preprocess, tw_error *error);

/* What a picture, upright, has to cover so that the network's input can be cut out of it: round(width / crop) x
 * round(height / crop), which is the network's size where nothing is cropped. */
void tw_preprocess_cover(const tw_preprocess *preprocess, size_t *ret_width, size_t *ret_height);

/* The decoders: `file` is known to carry the format's signature; sizes are checked before memory is asked for. */
tw_status tw_jpeg_decode(tw_image_reader *reader, tw_bytes file, const tw_preprocess *preprocess,
                         tw_decoded *ret_decoded, tw_error *error);
tw_status tw_png_decode(tw_image_reader *reader, tw_bytes file, const tw_preprocess *preprocess,
                        tw_decoded *ret_decoded, tw_error *error);
tw_status tw_vips_decode(tw_image_reader *reader, tw_bytes file, tw_image_format format,
                         const tw_preprocess *preprocess, tw_decoded *ret_decoded, tw_error *error);

/* ---- Pixels ------------------------------------------------------------------------------------------------------ */

typedef enum tw_pixels {
  TW_PIXELS_GREY,       /* 1 byte a pixel */
  TW_PIXELS_GREY_ALPHA, /* 2 */
  TW_PIXELS_RGB,        /* 3 */
  TW_PIXELS_RGBA,       /* 4 */
  TW_PIXELS_CMYK,       /* 4, 255 is full ink */
} tw_pixels;

size_t tw_pixels_size(tw_pixels pixels); /* bytes a pixel */
/* `count` pixels to RGB. Alpha is removed by Pillow's alpha_composite over an opaque background; CMYK as Pillow's
 * convert('RGB'). `rgb` may be `from` itself when a pixel there has 3 or 4 bytes. */
void tw_pixels_to_rgb(const uint8_t *from, tw_pixels pixels, size_t count, tw_alpha alpha, uint8_t *rgb);
/* Turns a picture upright: width x height in `from` becomes, for orientations 5 to 8, height x width in `to`. */
void tw_pixels_orient(const uint8_t *from, size_t width, size_t height, int orientation, uint8_t *to);

/* ---- EXIF -------------------------------------------------------------------------------------------------------- */

/* The orientation 1..8 that Pillow's ImageOps.exif_transpose would act on; 1 when there is none or it makes no sense.
 * Exif 2.32, section 4.6, and TIFF 6.0, section 2. Reads nothing outside of what it is given. */
int tw_exif_orientation_jpeg(tw_bytes file);
/* The same from the pieces: a TIFF structure with or without "Exif\0\0" before it, and an XMP packet, used when the
 * former has no such tag. Either may be empty. */
int tw_exif_orientation(tw_bytes exif, tw_bytes xmp);
/* The first value of a tag in the first directory of a TIFF structure (not BigTIFF): 0..65535, and 0 for what is no
 * such number; -1 when there is no usable tag. */
int tw_tiff_value(tw_bytes tiff, unsigned tag);

#endif
