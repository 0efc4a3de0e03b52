/* PNG by libpng, with the pixels that Pillow's convert('RGBA') gives: palettes looked up, 16 bits cut to their high
 * byte, a transparent colour compared after that. One thing is not Pillow's: it clips grey of 16 bits at 255, which
 * leaves most such pictures white; here they keep their high byte, too.
 *
 * libpng reports an error by a jump out of the call. What must survive the jump lives in `decoder`. */
#include <png.h>
#include <string.h>

#include "image/reader.h"

enum {
  SIGNATURE_SIZE = 8,
  CHUNK_FRAME = 12,                                /* bytes around a chunk's content: length, name, checksum */
  HEADER_SIZE = SIGNATURE_SIZE + CHUNK_FRAME + 13, /* IHDR has 13 and comes first */
  DEFLATE_MAX_RATIO = 1032, /* no compressed byte becomes more: RFC 1951, 258 bytes from two bits */
};

typedef struct decoder {
  png_structp png;
  png_infop info;
  tw_bytes rest; /* of the file */
  bool ended;    /* more bytes were asked for than there are */
  tw_image_reader *reader;
  tw_error *error;
  tw_status status; /* set before a jump that is ours */
  char message[128];
  size_t width;
  size_t height;
  tw_pixels pixels;
  bool has_key;   /* one colour is transparent */
  uint8_t key[3]; /* that colour, as Pillow sees it */
} decoder;

/* ---- libpng's callbacks ------------------------------------------------------------------------------------------ */

static void on_error(png_structp png, png_const_charp text) {
  decoder *decoder = png_get_error_ptr(png);
  snprintf(decoder->message, sizeof decoder->message, "%s", text);
  png_longjmp(png, 1);
}

static void on_warning(png_structp png, png_const_charp text) {
  (void)png;
  (void)text;
}

static void on_read(png_structp png, png_bytep to, size_t size) {
  decoder *decoder = png_get_io_ptr(png);
  if (size > decoder->rest.size) {
    decoder->ended = true;
    png_error(png, "end of file");
  }
  memcpy(to, decoder->rest.data, size);
  decoder->rest.data += size;
  decoder->rest.size -= size;
}

/* ---- The chunks, before libpng sees them ------------------------------------------------------------------------- */

static uint32_t big_endian(const uint8_t *bytes) {
  return (uint32_t)bytes[0] << 24 | (uint32_t)bytes[1] << 16 | (uint32_t)bytes[2] << 8 | bytes[3];
}

static tw_status cut_off(tw_error *error) {
  return tw_error_set(error, TW_E_FORMAT, "PNG: the file ends before the picture does, it was cut off");
}

/* Sizes against the limits and against what so many bytes can hold at all. */
static tw_status check_header(tw_bytes file, tw_error *error) {
  static const uint8_t channels[] = {1, 0, 3, 1, 2, 0, 4};
  if (file.size < HEADER_SIZE) {
    return cut_off(error);
  }
  if (memcmp(file.data + SIGNATURE_SIZE + 4, "IHDR", 4) != 0) {
    return tw_error_set(error, TW_E_FORMAT, "PNG: the file is damaged (it does not begin with its header)");
  }
  size_t width = big_endian(file.data + 16);
  size_t height = big_endian(file.data + 20);
  TW_TRY(tw_image_check_size(width, height, error));
  uint8_t depth = file.data[24];
  uint8_t colour = file.data[25];
  size_t bits = colour < sizeof channels ? (size_t)channels[colour] * depth : 0;
  if (width * bits / 8 * height / DEFLATE_MAX_RATIO > file.size) {
    return tw_error_set(error, TW_E_FORMAT, "PNG: %zu bytes cannot hold %zu x %zu pixels, the file was cut off",
                        file.size, width, height);
  }
  return TW_OK;
}

/* The metadata that matter, wherever in the file they are. */
typedef struct metadata {
  tw_bytes exif;
  tw_bytes xmp; /* with its keyword before it; a compressed one is not searched */
} metadata;

/* Walks over all chunks, so that each is known to be there as a whole, and no length is believed that is not. */
static tw_status survey(tw_bytes file, metadata *ret_metadata, tw_error *error) {
  static const char xmp[] = "XML:com.adobe.xmp"; /* its NUL belongs to it */
  metadata found = {0};
  for (size_t at = SIGNATURE_SIZE;;) {
    if (file.size - at < CHUNK_FRAME || big_endian(file.data + at) > file.size - at - CHUNK_FRAME) {
      return cut_off(error);
    }
    const uint8_t *name = file.data + at + 4;
    tw_bytes content = {name + 4, big_endian(file.data + at)};
    if (memcmp(name, "eXIf", 4) == 0) {
      found.exif = content;
    } else if (memcmp(name, "iTXt", 4) == 0 && content.size > sizeof xmp &&
               memcmp(content.data, xmp, sizeof xmp) == 0) {
      found.xmp = content;
    } else if (memcmp(name, "IEND", 4) == 0) {
      *ret_metadata = found;
      return TW_OK;
    }
    at += CHUNK_FRAME + content.size;
  }
}

/* ---- Decoding ---------------------------------------------------------------------------------------------------- */

/* The transparent colour of a picture without palette. Pillow keeps its low byte, whatever the depth, and for black and
 * white takes anything but 0 as white. Palettes and grey of 16 bits are libpng's: see set_transforms. */
static void read_key(decoder *decoder, int colour, int depth) {
  png_color_16p values = NULL;
  if (colour == PNG_COLOR_TYPE_PALETTE || (colour == PNG_COLOR_TYPE_GRAY && depth == 16) ||
      png_get_tRNS(decoder->png, decoder->info, NULL, NULL, &values) == 0 || values == NULL) {
    return;
  }
  decoder->has_key = true;
  if (colour == PNG_COLOR_TYPE_GRAY) {
    decoder->key[0] = (uint8_t)(depth > 1 ? values->gray & 255 : values->gray != 0 ? 255 : 0);
  } else {
    decoder->key[0] = (uint8_t)(values->red & 255);
    decoder->key[1] = (uint8_t)(values->green & 255);
    decoder->key[2] = (uint8_t)(values->blue & 255);
  }
}

static void set_transforms(decoder *decoder) {
  png_structp png = decoder->png;
  int colour = png_get_color_type(png, decoder->info);
  int depth = png_get_bit_depth(png, decoder->info);
  bool alpha = (colour & PNG_COLOR_MASK_ALPHA) != 0;
  read_key(decoder, colour, depth);
  bool grey16 = colour == PNG_COLOR_TYPE_GRAY && depth == 16;
  if (colour == PNG_COLOR_TYPE_PALETTE) {
    png_set_palette_to_rgb(png);
  }
  if (colour == PNG_COLOR_TYPE_PALETTE || grey16) {
    if (png_get_valid(png, decoder->info, PNG_INFO_tRNS) != 0) {
      png_set_tRNS_to_alpha(png);
      alpha = true;
    }
  }
  if (depth < 8) {
    png_set_packing(png);
    png_set_expand_gray_1_2_4_to_8(png);
  } else if (depth == 16) {
    png_set_strip_16(png);
  }
  bool grey = (colour & PNG_COLOR_MASK_COLOR) == 0;
  decoder->pixels = grey ? alpha ? TW_PIXELS_GREY_ALPHA : TW_PIXELS_GREY : alpha ? TW_PIXELS_RGBA : TW_PIXELS_RGB;
}

/* All rows into `to`, `stride` bytes apart; an interlaced picture in seven passes over it. */
static void read_rows(decoder *decoder, uint8_t *to, size_t stride) {
  int passes = png_set_interlace_handling(decoder->png);
  png_read_update_info(decoder->png, decoder->info);
  if (png_get_rowbytes(decoder->png, decoder->info) != stride) {
    png_error(decoder->png, "unexpected row size");
  }
  for (; passes > 0; passes--) {
    for (size_t y = 0; y < decoder->height; y++) {
      png_read_row(decoder->png, to + y * stride, NULL);
    }
  }
}

/* Pixels of the transparent colour become background. `rgb` still has the picture's own colours. */
static void apply_key(const decoder *decoder, tw_alpha alpha, uint8_t *rgb) {
  uint8_t key[3];
  for (size_t c = 0; c < 3; c++) {
    key[c] = decoder->key[decoder->pixels == TW_PIXELS_GREY ? 0 : c];
  }
  for (size_t i = 0; i < decoder->width * decoder->height; i++) {
    if (memcmp(rgb + 3 * i, key, 3) == 0) {
      memset(rgb + 3 * i, alpha == TW_ALPHA_WHITE ? 255 : 0, 3);
    }
  }
}

static void read_picture(decoder *decoder, const tw_preprocess *preprocess) {
  tw_image_reader *reader = decoder->reader;
  size_t count = decoder->width * decoder->height;
  size_t size = tw_pixels_size(decoder->pixels);
  bool direct = decoder->pixels == TW_PIXELS_RGB;
  decoder->status = tw_store_reserve(&reader->rgb, count * 3, decoder->error);
  if (decoder->status == TW_OK && !direct) {
    decoder->status = tw_store_reserve(&reader->raw, count * size, decoder->error);
  }
  if (decoder->status != TW_OK) {
    png_longjmp(decoder->png, 1);
  }
  uint8_t *pixels = direct ? reader->rgb.data : reader->raw.data;
  read_rows(decoder, pixels, decoder->width * size);
  png_read_end(decoder->png, NULL);
  if (!direct) {
    tw_pixels_to_rgb(pixels, decoder->pixels, count, preprocess->alpha, reader->rgb.data);
  }
  if (decoder->has_key && preprocess->alpha != TW_ALPHA_DROPPED) {
    apply_key(decoder, preprocess->alpha, reader->rgb.data);
  }
}

static tw_status failure(const decoder *decoder) {
  if (decoder->status != TW_OK) {
    return decoder->status;
  }
  if (decoder->ended) {
    return cut_off(decoder->error);
  }
  return tw_error_set(decoder->error, TW_E_FORMAT, "PNG: the file is damaged (%s)", decoder->message);
}

/* Apart from the function that owns `decoder`, so that a jump finds nothing in registers. */
static tw_status run(decoder *decoder, const tw_preprocess *preprocess) {
  if (setjmp(png_jmpbuf(decoder->png)) != 0) {
    return failure(decoder);
  }
  png_set_read_fn(decoder->png, decoder, on_read);
  png_set_user_limits(decoder->png, TW_IMAGE_MAX_SIDE, TW_IMAGE_MAX_SIDE);
  png_set_keep_unknown_chunks(decoder->png, PNG_HANDLE_CHUNK_NEVER, NULL, -1); /* nothing but pixels is decompressed */
  png_read_info(decoder->png, decoder->info);
  decoder->width = png_get_image_width(decoder->png, decoder->info);
  decoder->height = png_get_image_height(decoder->png, decoder->info);
  set_transforms(decoder);
  read_picture(decoder, preprocess);
  return TW_OK;
}

tw_status tw_png_decode(tw_image_reader *reader, tw_bytes file, const tw_preprocess *preprocess,
                        tw_decoded *ret_decoded, tw_error *error) {
  metadata metadata;
  TW_TRY(check_header(file, error));
  TW_TRY(survey(file, &metadata, error));
  decoder decoder = {.rest = file, .reader = reader, .error = error};
  decoder.png = png_create_read_struct(PNG_LIBPNG_VER_STRING, &decoder, on_error, on_warning);
  decoder.info = decoder.png == NULL ? NULL : png_create_info_struct(decoder.png);
  tw_status status = decoder.info == NULL ? tw_error_memory(error) : run(&decoder, preprocess);
  png_destroy_read_struct(&decoder.png, &decoder.info, NULL);
  if (status == TW_OK) {
    *ret_decoded = (tw_decoded){decoder.width, decoder.height, tw_exif_orientation(metadata.exif, metadata.xmp)};
  }
  return status;
}
