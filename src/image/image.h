/* Floor `image`: from the bytes of a picture's file to the tensor a network wants. Knows pictures and nothing of
 * networks, folders or caches.
 *
 * Preprocessing is data, not code: every decision that changes a digit is a field of tw_preprocess, and its canonical
 * text goes into the cache key and the model file. */
#ifndef TW_IMAGE_H
#define TW_IMAGE_H

#include "base/base.h"

enum {
  TW_IMAGE_MAX_SIDE = 65500,     /* pixels; libjpeg's own limit */
  TW_IMAGE_MAX_FILE = 512 << 20, /* bytes of one picture's file */
  TW_IMAGE_MAX_SCANS = 100, /* of a progressive JPEG: real ones have under 20, each costs a pass over the picture */
  TW_PREPROCESS_MAX_SIDE = 4096, /* pixels of a network's input */
  TW_PREPROCESS_MAX_TEXT = 4096, /* bytes of the canonical text */
};
#define TW_IMAGE_MAX_PIXELS ((size_t)1 << 28) /* width * height of one picture: 268 million, 805 MB as RGB */
#define TW_IMAGE_MAX_RESIZE ((size_t)1 << 32) /* bytes between the two passes of a resize */

/* ---- What a file is ---------------------------------------------------------------------------------------------- */

typedef enum tw_image_format {
  TW_IMAGE_UNKNOWN = 0,
  TW_IMAGE_JPEG,
  TW_IMAGE_PNG,
  TW_IMAGE_WEBP, /* this and the following four need the libvips module */
  TW_IMAGE_GIF,
  TW_IMAGE_TIFF,
  TW_IMAGE_HEIC,
  TW_IMAGE_AVIF,
  TW_IMAGE_SVG, /* recognised so that it can be said that it is not read */
} tw_image_format;

enum { TW_IMAGE_SNIFF_SIZE = 512 }; /* the first bytes that tw_image_sniff may look at */

/* By content alone; `head` is the file's first bytes, TW_IMAGE_SNIFF_SIZE of them or the whole shorter file. HEIC and
 * AVIF are told apart by the first brand that names a codec; "mif1" alone counts as HEIC. */
tw_image_format tw_image_sniff(tw_bytes head);
const char *tw_image_format_name(tw_image_format format); /* "JPEG"; static */
/* Whether `path` ends as names of pictures do (.jpg, .PNG, .heic, .svg, .bmp, ...): such a file without a picture in it
 * is worth a word, another one is not. */
bool tw_image_is_picture_name(const char *path);

/* ---- Preprocessing ----------------------------------------------------------------------------------------------- */

/* How large a JPEG is decoded. Draft: at 1/2, 1/4 or 1/8 of its size, the smallest of these whose two sides still cover
 * what the picture is then resized to, by libjpeg's inverse transform of fewer coefficients. It is what Pillow's
 * Image.draft(None, (round(width / crop), round(height / crop))) chooses, the sides of the network's input exchanged
 * for a picture that is turned; all that follows sees the smaller picture. Pictures of other formats are decoded in
 * full, as by Pillow. */
typedef enum tw_decode { TW_DECODE_FULL, TW_DECODE_DRAFT } tw_decode;
typedef enum tw_dct { TW_DCT_ISLOW, TW_DCT_IFAST } tw_dct;                             /* JPEG's inverse transform */
typedef enum tw_upsampling { TW_UPSAMPLING_FANCY, TW_UPSAMPLING_PLAIN } tw_upsampling; /* of JPEG's chroma */
typedef enum tw_orientation { TW_ORIENTATION_EXIF, TW_ORIENTATION_IGNORED } tw_orientation;
typedef enum tw_icc { TW_ICC_IGNORED } tw_icc;
typedef enum tw_cmyk { TW_CMYK_PILLOW } tw_cmyk; /* as Pillow's convert('RGB'), inverted Adobe files included */
/* What is behind transparent pixels, before resizing: Image.alpha_composite(background, im.convert('RGBA')) of Pillow,
 * to the bit. Dropped: the colours as they are stored (a GIF stores none where it is transparent). */
typedef enum tw_alpha { TW_ALPHA_WHITE, TW_ALPHA_BLACK, TW_ALPHA_DROPPED } tw_alpha;
typedef enum tw_filter {
  TW_FILTER_BOX, /* these four: Pillow's, antialiased when shrinking */
  TW_FILTER_BILINEAR,
  TW_FILTER_BICUBIC,
  TW_FILTER_LANCZOS,
  TW_FILTER_BILINEAR_LEGACY, /* TensorFlow 1's ResizeBilinear without half-pixel centres; needs rounding=float */
} tw_filter;
typedef enum tw_geometry {
  TW_GEOMETRY_SQUASH, /* both sides to the network's, aspect ratio not kept */
  /* Scaled, aspect ratio kept, until it just covers round(width / crop) x round(height / crop), then the centre of the
   * network's size. For a square network: the shorter side to round(side / crop). Sides are rounded half to even. */
  TW_GEOMETRY_CROP,
} tw_geometry;
typedef enum tw_rounding {
  TW_ROUNDING_U8,    /* to 8 bits after each pass of the resize, as Pillow resizes RGB */
  TW_ROUNDING_FLOAT, /* to float, and not clipped to 0..255, as Pillow resizes single channels of mode F */
} tw_rounding;
typedef enum tw_colour { TW_COLOUR_RGB, TW_COLOUR_BGR } tw_colour;
typedef enum tw_layout { TW_LAYOUT_NCHW, TW_LAYOUT_NHWC } tw_layout;

/* Order of steps: decode, orient, remove alpha, resize horizontally, then vertically, crop, normalise. */
typedef struct tw_preprocess {
  tw_decode decode;
  tw_dct dct;
  tw_upsampling upsampling;
  tw_orientation orientation;
  tw_icc icc;
  tw_cmyk cmyk;
  tw_alpha alpha;
  tw_filter filter;
  tw_geometry geometry;
  double crop; /* TW_GEOMETRY_CROP: in (0, 1], the larger side / crop at most TW_IMAGE_MAX_SIDE; 1 otherwise */
  tw_rounding rounding;
  uint32_t width; /* of the network's input, pixels */
  uint32_t height;
  float mean[3]; /* tensor value = (pixel - mean[c]) * scale[c], pixel in 0..255, c in the order of `colour` */
  float scale[3];
  tw_colour colour;
  tw_layout layout;
} tw_preprocess;

/* The canonical text, `name=value` separated by single spaces, all fields, always in this order (and before them
 * decode=draft where it is; a text without `decode` means decode=full, as all did before there was another):
 * dct=islow upsampling=fancy orientation=exif icc=ignored cmyk=pillow alpha=white filter=bicubic geometry=crop
 * crop=0.875 rounding=u8 size=224x224 mean=127,127,127 scale=0.0078125,0.0078125,0.0078125 colour=rgb layout=nchw
 * Allocated; NULL when out of memory. */
char *tw_preprocess_text(const tw_preprocess *preprocess);
/* Reads it back, fields in any order, each exactly once but for `decode`. TW_E_FORMAT names the field and its possible
 * values. */
tw_status tw_preprocess_parse(const char *text, tw_preprocess *ret_preprocess, tw_error *error);
size_t tw_preprocess_count(const tw_preprocess *preprocess); /* 3 * height * width floats */

/* ---- Pictures ---------------------------------------------------------------------------------------------------- */

/* 8-bit RGB, height x width x 3, rows dense. The pixels belong to the reader that made them. */
typedef struct tw_image {
  size_t width;
  size_t height;
  uint8_t *rgb;
} tw_image;

/* A reader keeps its buffers from picture to picture: one a thread. Limits are checked before memory is asked for. */
typedef struct tw_image_reader tw_image_reader;
tw_image_reader *tw_image_reader_create(void); /* NULL when out of memory */
void tw_image_reader_free(tw_image_reader *reader);

/* Decodes, orients and removes alpha; valid until the reader's next call. Errors: TW_E_FORMAT (corrupt or truncated: a
 * picture that is only partly there is no picture; a JPEG with trailing bytes or harmless warnings is one),
 * TW_E_UNSUPPORTED (no picture topwork reads, or the libvips module is missing), TW_E_LIMIT, TW_E_MEMORY.
 *
 * The pixels are those that Pillow's convert gives. So: JPEGs that Pillow reads are read, those it rejects are
 * rejected; of 16 bits a colour the high byte is kept, of grey, too, where Pillow clips at 255 and leaves such pictures
 * white; orientation comes from EXIF, or from XMP when EXIF has none. A PNG must be there up to its
 * last chunk and have right checksums, where Pillow is content with the last row. Of animations and many pages the
 * first is read. HEIC and AVIF are always upright: their decoder turns them whatever `orientation` says. */
tw_status tw_image_decode(tw_image_reader *reader, tw_bytes file, const tw_preprocess *preprocess, tw_image *ret_image,
                          tw_error *error);
/* Pixels of somebody else's as a picture: 8-bit RGB, rows `stride` bytes apart, at least 3 * width. Dense ones are
 * borrowed and never written to, others copied; valid until the reader's next decoding. TW_E_ARGUMENT for an empty
 * picture or too small a stride, TW_E_LIMIT, TW_E_MEMORY. */
tw_status tw_image_borrow(tw_image_reader *reader, const uint8_t *rgb, size_t width, size_t height, size_t stride,
                          tw_image *ret_image, tw_error *error);
/* Pillow's resize of `image` to width x height as two calls, one axis each (8 bits between them). The result is valid
 * until the reader's next call; `image` may be the reader's own. */
tw_status tw_image_resize(tw_image_reader *reader, const tw_image *image, tw_filter filter, size_t width, size_t height,
                          tw_image *ret_image, tw_error *error);
/* Resizes, crops and normalises into ret_tensor: tw_preprocess_count floats in the layout of `preprocess`. */
tw_status tw_image_normalise(tw_image_reader *reader, const tw_image *image, const tw_preprocess *preprocess,
                             float *ret_tensor, tw_error *error);
/* The two together: file bytes to tensor. */
tw_status tw_image_read(tw_image_reader *reader, tw_bytes file, const tw_preprocess *preprocess, float *ret_tensor,
                        tw_error *error);

/* ---- Thumbnails -------------------------------------------------------------------------------------------------- */

/* Decodes upright, with alpha over white, and shrinks (never enlarges) until the longer side is `side` pixels. For
 * eyes, not for networks: large JPEGs are decoded at a fraction of their size. Valid until the reader's next call.
 * Errors: those of tw_image_decode. */
tw_status tw_image_thumbnail(tw_image_reader *reader, tw_bytes file, size_t side, tw_image *ret_image, tw_error *error);
/* Appends `image` as a JPEG of this quality (1..100, libjpeg's), small rather than fast: for thumbnails. Errors:
 * TW_E_LIMIT, TW_E_MEMORY. */
tw_status tw_image_encode_jpeg(const tw_image *image, int quality, tw_buffer *buffer, tw_error *error);

#endif
