/* JPEG by libjpeg-turbo, as Pillow uses it: what Pillow reads is read, what it rejects is rejected. libjpeg's warnings
 * (odd markers, a damaged stretch of data) leave a picture and are ignored; running out of bytes before the last row is
 * an error, and running out of them after it is not.
 *
 * libjpeg reports an error by a jump out of the call. What must survive the jump lives in `decoder`. */
#include <setjmp.h>
#include <stdio.h>

#include <jpeglib.h> /* takes stdio.h for granted */

#include <jerror.h>

#include "image/reader.h"

typedef struct decoder {
  struct jpeg_decompress_struct info; /* first: the callbacks get a pointer to it */
  struct jpeg_error_mgr errors;
  struct jpeg_source_mgr source;
  struct jpeg_progress_mgr progress;
  jmp_buf jump;
  tw_image_reader *reader;
  tw_error *error;
  tw_status status; /* what went wrong, set before the jump */
  bool turned;      /* width and height are exchanged after decoding */
} decoder;

_Noreturn static void fail(decoder *decoder, tw_status status) {
  decoder->status = status;
  longjmp(decoder->jump, 1);
}

/* ---- libjpeg's callbacks ----------------------------------------------------------------------------------------- */

static void on_error(j_common_ptr info) {
  decoder *decoder = (struct decoder *)(void *)info;
  char text[JMSG_LENGTH_MAX];
  info->err->format_message(info, text);
  switch (info->err->msg_code) {
    case JERR_IMAGE_TOO_BIG:
      fail(decoder, tw_error_set(decoder->error, TW_E_LIMIT, "the picture is larger than %d pixels a side, the limit",
                                 TW_IMAGE_MAX_SIDE));
    case JERR_OUT_OF_MEMORY: fail(decoder, tw_error_memory(decoder->error));
    case JERR_BAD_PRECISION:
      fail(decoder, tw_error_set(decoder->error, TW_E_UNSUPPORTED,
                                 "JPEG with %d bits a colour, topwork reads those with 8: save it as an ordinary JPEG",
                                 decoder->info.data_precision));
    case JERR_SOF_UNSUPPORTED:
    case JERR_ARITH_NOTIMPL:
    case JERR_CONVERSION_NOTIMPL:
    case JERR_FRACT_SAMPLE_NOTIMPL:
    case JERR_CCIR601_NOTIMPL:
    case JERR_NOTIMPL:
    case JERR_NOT_COMPILED:
      fail(decoder, tw_error_set(decoder->error, TW_E_UNSUPPORTED,
                                 "JPEG of a rare kind that is not read (%s): save it as an ordinary JPEG", text));
    default: fail(decoder, tw_error_set(decoder->error, TW_E_FORMAT, "JPEG: the file is damaged (%s)", text));
  }
}

static void on_warning(j_common_ptr info, int level) {
  if (level < 0) {
    info->err->num_warnings++;
  }
}

static void on_progress(j_common_ptr info) {
  decoder *decoder = (struct decoder *)(void *)info;
  if (decoder->info.input_scan_number > TW_IMAGE_MAX_SCANS) {
    fail(decoder,
         tw_error_set(decoder->error, TW_E_LIMIT, "JPEG with more than %d scans, the limit", TW_IMAGE_MAX_SCANS));
  }
}

static void source_nothing(j_decompress_ptr info) {
  (void)info;
}

/* The whole file is in memory, so asking for more means that it ended. Once every row is there only the end marker can
 * be missing, and it is supplied. */
static boolean source_more(j_decompress_ptr info) {
  static const JOCTET end[] = {0xff, JPEG_EOI};
  decoder *decoder = (struct decoder *)(void *)info;
  if (info->output_height == 0 || info->output_scanline < info->output_height) {
    fail(decoder,
         tw_error_set(decoder->error, TW_E_FORMAT, "JPEG: the file ends before the picture does, it was cut off"));
  }
  info->src->next_input_byte = end;
  info->src->bytes_in_buffer = sizeof end;
  return TRUE;
}

static void source_skip(j_decompress_ptr info, long count) {
  if (count > 0) {
    size_t skipped = (size_t)count < info->src->bytes_in_buffer ? (size_t)count : info->src->bytes_in_buffer;
    info->src->next_input_byte += skipped;
    info->src->bytes_in_buffer -= skipped;
  }
}

/* ---- Decoding ---------------------------------------------------------------------------------------------------- */

static void set_up(decoder *decoder, tw_bytes file) {
  struct jpeg_decompress_struct *info = &decoder->info;
  info->err = jpeg_std_error(&decoder->errors);
  decoder->errors.error_exit = on_error;
  decoder->errors.emit_message = on_warning;
  decoder->source = (struct jpeg_source_mgr){
      .next_input_byte = file.data,
      .bytes_in_buffer = file.size,
      .init_source = source_nothing,
      .fill_input_buffer = source_more,
      .skip_input_data = source_skip,
      .resync_to_restart = jpeg_resync_to_restart,
      .term_source = source_nothing,
  };
  decoder->progress.progress_monitor = on_progress;
}

/* The largest of 8, 4, 2, 1 by which both sides can be divided, rounding down, and still be what is wanted: Pillow's
 * JpegImageFile.draft. */
static unsigned draft_scale(const decoder *decoder, const tw_preprocess *preprocess) {
  const struct jpeg_decompress_struct *info = &decoder->info;
  size_t width;
  size_t height;
  tw_preprocess_cover(preprocess, &width, &height);
  size_t across = info->image_width / (decoder->turned ? height : width);
  size_t down = info->image_height / (decoder->turned ? width : height);
  unsigned scale = 8;
  while (scale > 1 && (across < scale || down < scale)) {
    scale /= 2;
  }
  return scale;
}

/* For eyes: the longer side may be as small as `enough`. */
static unsigned thumbnail_scale(const decoder *decoder) {
  const struct jpeg_decompress_struct *info = &decoder->info;
  size_t longer = info->image_width > info->image_height ? info->image_width : info->image_height;
  unsigned scale = 1;
  while (scale < 8 && longer / (2 * scale) >= decoder->reader->enough) {
    scale *= 2;
  }
  return scale;
}

static void read_header(decoder *decoder, const tw_preprocess *preprocess) {
  struct jpeg_decompress_struct *info = &decoder->info;
  jpeg_read_header(info, TRUE);
  tw_status status = tw_image_check_size(info->image_width, info->image_height, decoder->error);
  if (status != TW_OK) {
    fail(decoder, status);
  }
  if (info->num_components != 1 && info->num_components != 3 && info->num_components != 4) {
    fail(decoder,
         tw_error_set(decoder->error, TW_E_UNSUPPORTED,
                      "JPEG with %d colours a pixel, topwork reads those with 1, 3 or 4", info->num_components));
  }
  info->out_color_space = info->num_components == 4 ? JCS_CMYK : JCS_RGB;
  info->dct_method = preprocess->dct == TW_DCT_IFAST ? JDCT_IFAST : JDCT_ISLOW;
  info->do_fancy_upsampling = preprocess->upsampling == TW_UPSAMPLING_FANCY;
  info->scale_num = 1;
  info->scale_denom = decoder->reader->enough > 0             ? thumbnail_scale(decoder)
                      : preprocess->decode == TW_DECODE_DRAFT ? draft_scale(decoder, preprocess)
                                                              : 1;
}

/* Pillow takes every JPEG of four colours as one of Adobe's, which store light where others store ink. */
static void cmyk_row_to_rgb(uint8_t *row, size_t width, uint8_t *rgb) {
  for (size_t i = 0; i < 4 * width; i++) {
    row[i] = (uint8_t)~row[i];
  }
  tw_pixels_to_rgb(row, TW_PIXELS_CMYK, width, TW_ALPHA_DROPPED, rgb);
}

static void read_rows(decoder *decoder) {
  struct jpeg_decompress_struct *info = &decoder->info;
  size_t width = info->output_width;
  bool cmyk = info->out_color_space == JCS_CMYK;
  tw_image_reader *reader = decoder->reader;
  tw_status status = tw_store_reserve(&reader->rgb, width * info->output_height * 3, decoder->error);
  if (status == TW_OK && cmyk) {
    status = tw_store_reserve(&reader->raw, width * 4, decoder->error);
  }
  if (status != TW_OK) {
    fail(decoder, status);
  }
  while (info->output_scanline < info->output_height) {
    uint8_t *rgb = reader->rgb.data + info->output_scanline * width * 3;
    JSAMPROW row = cmyk ? reader->raw.data : rgb;
    jpeg_read_scanlines(info, &row, 1);
    if (cmyk) {
      cmyk_row_to_rgb(row, width, rgb);
    }
  }
}

/* Apart from the function that owns `decoder`, so that a jump finds nothing in registers. */
static tw_status run(decoder *decoder, const tw_preprocess *preprocess) {
  if (setjmp(decoder->jump) != 0) {
    return decoder->status;
  }
  jpeg_create_decompress(&decoder->info);
  decoder->info.src = &decoder->source;
  decoder->info.progress = &decoder->progress;
  read_header(decoder, preprocess);
  jpeg_start_decompress(&decoder->info);
  read_rows(decoder);
  jpeg_finish_decompress(&decoder->info);
  return TW_OK;
}

tw_status tw_jpeg_decode(tw_image_reader *reader, tw_bytes file, const tw_preprocess *preprocess,
                         tw_decoded *ret_decoded, tw_error *error) {
  int orientation = tw_exif_orientation_jpeg(file);
  bool upright = preprocess->orientation == TW_ORIENTATION_EXIF;
  decoder decoder = {.reader = reader, .error = error, .turned = upright && orientation >= 5};
  set_up(&decoder, file);
  tw_status status = run(&decoder, preprocess);
  if (status == TW_OK) {
    *ret_decoded = (tw_decoded){decoder.info.output_width, decoder.info.output_height, orientation};
  }
  jpeg_destroy_decompress(&decoder.info);
  return status;
}
