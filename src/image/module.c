/* The core's side of topwork-vips.so: opens it when the first picture that needs it appears, and finishes what it
 * delivers. Not linking it keeps a hundred libraries and 30 ms out of every start. */
#include <pthread.h>

#include "image/vips/module.h"

/* The module stays open for the life of the process: libvips cannot be started twice. */
static struct {
  pthread_once_t once;
  const tw_vips_module *module; /* NULL: not to be had, `reason` says why */
  char reason[TW_MODULE_REASON_SIZE + 256];
} loaded = {.once = PTHREAD_ONCE_INIT};

static const char *const REMEDY = "install libvips (Debian: apt install libvips42) and topwork's module " TW_VIPS_FILE;

static void load(void) {
  char why[TW_MODULE_REASON_SIZE];
  const tw_vips_module *module = tw_module_open(TW_VIPS_FILE, TW_VIPS_SYMBOL, why);
  if (module == NULL) {
    snprintf(loaded.reason, sizeof loaded.reason, "%s: %s", why, REMEDY);
  } else if (module->version != TW_VIPS_VERSION) {
    snprintf(loaded.reason, sizeof loaded.reason, "the module " TW_VIPS_FILE " belongs to another version of topwork");
  } else if (!module->start()) {
    snprintf(loaded.reason, sizeof loaded.reason, "libvips does not start: %s", REMEDY);
  } else {
    loaded.module = module;
  }
}

/* What `reserve` below needs to know, and what it found out. */
typedef struct transfer {
  tw_image_reader *reader;
  tw_decoded decoded;
  tw_pixels pixels;
  tw_status status;
  tw_error *error;
} transfer;

static uint8_t *reserve(void *context, size_t width, size_t height, tw_pixels pixels) {
  transfer *transfer = context;
  transfer->decoded.width = width;
  transfer->decoded.height = height;
  transfer->pixels = pixels;
  transfer->status = tw_image_check_size(width, height, transfer->error);
  if (transfer->status == TW_OK) {
    transfer->status =
        tw_store_reserve(&transfer->reader->raw, width * height * tw_pixels_size(pixels), transfer->error);
  }
  return transfer->status == TW_OK ? transfer->reader->raw.data : NULL;
}

/* A fourth channel of a TIFF is alpha only when the file says so (ExtraSamples 1 or 2); it may be near infrared. */
static tw_alpha alpha_of(tw_bytes file, tw_image_format format, tw_alpha wanted) {
  enum { TAG_EXTRA_SAMPLES = 338 };
  bool classic = format == TW_IMAGE_TIFF && (file.data[2] == '*' || file.data[3] == '*');
  int extra = classic ? tw_tiff_value(file, TAG_EXTRA_SAMPLES) : 2;
  return extra == 1 || extra == 2 ? wanted : TW_ALPHA_DROPPED;
}

static tw_status finish(transfer *transfer, tw_alpha alpha, tw_decoded *ret_decoded) {
  tw_image_reader *reader = transfer->reader;
  size_t count = transfer->decoded.width * transfer->decoded.height;
  TW_TRY(tw_store_reserve(&reader->rgb, count * 3, transfer->error));
  tw_pixels_to_rgb(reader->raw.data, transfer->pixels, count, alpha, reader->rgb.data);
  *ret_decoded = transfer->decoded;
  return TW_OK;
}

tw_status tw_vips_decode(tw_image_reader *reader, tw_bytes file, tw_image_format format,
                         const tw_preprocess *preprocess, tw_decoded *ret_decoded, tw_error *error) {
  const char *name = tw_image_format_name(format);
  pthread_once(&loaded.once, load);
  if (loaded.module == NULL) {
    return tw_error_set(error, TW_E_UNSUPPORTED, "%s cannot be read: %s", name, loaded.reason);
  }
  transfer transfer = {.reader = reader, .error = error};
  tw_vips_request request = {.file = file, .format = format, .reserve = reserve, .context = &transfer};
  switch (loaded.module->read(&request)) {
    case TW_VIPS_OK: break;
    case TW_VIPS_REFUSED: return transfer.status;
    case TW_VIPS_UNSUPPORTED:
      return tw_error_set(error, TW_E_UNSUPPORTED,
                          "%s of a rare kind that is not read (%s): save it with 8 bits a colour", name,
                          request.message);
    case TW_VIPS_DAMAGED:
      return tw_error_set(error, TW_E_FORMAT, "%s: the file is damaged or cut off (%s)", name, request.message);
  }
  bool known = request.orientation >= 1 && request.orientation <= 8;
  transfer.decoded.orientation = known ? request.orientation : 1;
  return finish(&transfer, alpha_of(file, format, preprocess->alpha), ret_decoded);
}
