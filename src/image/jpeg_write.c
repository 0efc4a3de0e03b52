/* Writes small JPEGs: thumbnails for reports. Nothing here is read back by topwork.
 *
 * As in jpeg.c, libjpeg reports an error by a jump out of the call; what must survive it lives in `encoder`. */
#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>

#include <jpeglib.h> /* takes stdio.h for granted */

#include <jerror.h>

#include "image/image.h"

typedef struct encoder {
  struct jpeg_compress_struct info; /* first: the callbacks get a pointer to it */
  struct jpeg_error_mgr errors;
  jmp_buf jump;
  unsigned char *data; /* libjpeg's, by malloc */
  unsigned long size;
} encoder;

static void on_error(j_common_ptr info) {
  longjmp(((encoder *)(void *)info)->jump, 1);
}

static void on_message(j_common_ptr info, int level) {
  (void)info;
  (void)level;
}

static bool run(encoder *encoder, const tw_image *image, int quality) {
  if (setjmp(encoder->jump) != 0) {
    return false;
  }
  struct jpeg_compress_struct *info = &encoder->info;
  jpeg_create_compress(info);
  jpeg_mem_dest(info, &encoder->data, &encoder->size);
  info->image_width = (JDIMENSION)image->width;
  info->image_height = (JDIMENSION)image->height;
  info->input_components = 3;
  info->in_color_space = JCS_RGB;
  jpeg_set_defaults(info);
  jpeg_set_quality(info, quality, TRUE);
  info->optimize_coding = TRUE;
  jpeg_start_compress(info, TRUE);
  while (info->next_scanline < info->image_height) {
    JSAMPROW row = image->rgb + info->next_scanline * image->width * 3;
    jpeg_write_scanlines(info, &row, 1);
  }
  jpeg_finish_compress(info);
  return true;
}

tw_status tw_image_encode_jpeg(const tw_image *image, int quality, tw_buffer *buffer, tw_error *error) {
  if (image->width == 0 || image->height == 0 || image->width > TW_IMAGE_MAX_SIDE ||
      image->height > TW_IMAGE_MAX_SIDE) {
    return tw_error_set(error, TW_E_LIMIT, "a JPEG has 1 to %d pixels a side", TW_IMAGE_MAX_SIDE);
  }
  encoder encoder = {.size = 0};
  encoder.info.err = jpeg_std_error(&encoder.errors);
  encoder.errors.error_exit = on_error;
  encoder.errors.emit_message = on_message;
  bool good = run(&encoder, image, quality);
  if (good) {
    tw_buffer_append(buffer, encoder.data, encoder.size);
  }
  jpeg_destroy_compress(&encoder.info);
  free(encoder.data);
  return good ? tw_buffer_status(buffer, error) : tw_error_memory(error);
}
