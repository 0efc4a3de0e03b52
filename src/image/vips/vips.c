/* The module topwork-vips.so: WebP, GIF, TIFF, HEIC and AVIF by libvips. It delivers 8-bit pixels of the first page and
 * the orientation; what becomes of them is decided by the core, by the same rules as for JPEG and PNG.
 *
 * libvips starts once and stays: loaders that it calls untrusted are blocked, it makes no threads of its own for us and
 * caches nothing. Its error texts go into one buffer for all threads; so a failed picture is read once more while no
 * other is read, which makes the text the right one. */
#include <pthread.h>
#include <string.h>

#include <vips/vips.h>

#include "image/vips/module.h"

__attribute__((visibility("default"))) extern const tw_vips_module tw_vips_module_entry;

enum { STRIP = 64 }; /* rows read at a time */

static void quiet(const gchar *domain, GLogLevelFlags level, const gchar *message, gpointer context) {
  (void)domain;
  (void)level;
  (void)message;
  (void)context;
}

static bool start(void) {
  if (vips_init("topwork") != 0) {
    return false;
  }
  g_log_set_handler("VIPS", G_LOG_LEVEL_WARNING | G_LOG_LEVEL_INFO | G_LOG_LEVEL_DEBUG, quiet, NULL);
  vips_block_untrusted_set(TRUE);
  vips_concurrency_set(1);
  vips_cache_set_max(0);
  return true;
}

/* Opens the file: libvips reads its header. NULL: vips_error says why. */
static VipsImage *open_image(const tw_vips_request *request) {
  void *data = (void *)(uintptr_t)request->file.data; /* read only, but libvips takes no const */
  size_t size = request->file.size;
  VipsImage *image = NULL;
  VipsAccess access = VIPS_ACCESS_SEQUENTIAL;
  VipsFailOn fail = VIPS_FAIL_ON_TRUNCATED;
  switch (request->format) {
    case TW_IMAGE_WEBP: vips_webpload_buffer(data, size, &image, "access", access, "fail_on", fail, NULL); break;
    case TW_IMAGE_GIF: vips_gifload_buffer(data, size, &image, "access", access, "fail_on", fail, NULL); break;
    case TW_IMAGE_TIFF: vips_tiffload_buffer(data, size, &image, "access", access, "fail_on", fail, NULL); break;
    default: vips_heifload_buffer(data, size, &image, "access", access, "fail_on", fail, NULL); break;
  }
  return image;
}

/* Puts `changed`, which was made from *image, in its place; false when making it failed, with `status`. */
static bool replace(VipsImage **image, int status, VipsImage **changed) {
  if (status != 0) {
    return false;
  }
  g_object_unref(*image);
  *image = *changed;
  return true;
}

/* To 8 bits: of 16 the high byte is kept. */
static bool to_8_bits(VipsImage **image) {
  VipsImage *changed = NULL;
  if (vips_image_get_format(*image) != VIPS_FORMAT_USHORT) {
    return true;
  }
  return replace(image, vips_cast(*image, &changed, VIPS_FORMAT_UCHAR, "shift", TRUE, NULL), &changed);
}

/* CIELAB and the like become sRGB; grey, RGB and CMYK stay as they are, without any colour profile. */
static bool to_plain_colours(VipsImage **image) {
  VipsImage *changed = NULL;
  switch (vips_image_get_interpretation(*image)) {
    case VIPS_INTERPRETATION_LAB:
    case VIPS_INTERPRETATION_LABS:
    case VIPS_INTERPRETATION_LABQ:
    case VIPS_INTERPRETATION_XYZ:
    case VIPS_INTERPRETATION_scRGB:
      return replace(image, vips_colourspace(*image, &changed, VIPS_INTERPRETATION_sRGB, NULL), &changed);
    default: return true;
  }
}

/* How the image's pixels lie; bands behind those that count are dropped. False: a kind that is not read. */
static bool settle_pixels(VipsImage **image, tw_pixels *ret_pixels) {
  int bands = vips_image_get_bands(*image);
  bool cmyk = vips_image_get_interpretation(*image) == VIPS_INTERPRETATION_CMYK;
  static const tw_pixels by_bands[] = {TW_PIXELS_GREY, TW_PIXELS_GREY_ALPHA, TW_PIXELS_RGB, TW_PIXELS_RGBA};
  if (vips_image_get_format(*image) != VIPS_FORMAT_UCHAR || bands < 1 || (cmyk && bands < 4)) {
    return false;
  }
  *ret_pixels = cmyk ? TW_PIXELS_CMYK : by_bands[bands < 4 ? bands - 1 : 3];
  VipsImage *changed = NULL;
  return bands <= 4 || replace(image, vips_extract_band(*image, &changed, 0, "n", 4, NULL), &changed);
}

/* Rows from top to bottom, in this thread. */
static bool copy_pixels(VipsImage *image, uint8_t *to) {
  int width = vips_image_get_width(image);
  int height = vips_image_get_height(image);
  size_t row = (size_t)width * (size_t)vips_image_get_bands(image);
  VipsRegion *region = vips_region_new(image);
  bool fine = region != NULL;
  for (int top = 0; fine && top < height; top += STRIP) {
    VipsRect strip = {0, top, width, VIPS_MIN(STRIP, height - top)};
    fine = vips_region_prepare(region, &strip) == 0;
    for (int y = top; fine && y < top + strip.height; y++) {
      memcpy(to + (size_t)y * row, region->data + (size_t)(y - region->valid.top) * (size_t)region->bpl, row);
    }
  }
  if (region != NULL) {
    g_object_unref(region);
  }
  return fine;
}

static tw_vips_result unsupported(tw_vips_request *request, VipsImage *image) {
  g_snprintf(request->message, sizeof request->message, "channels: %d, type: %s", vips_image_get_bands(image),
             vips_enum_nick(VIPS_TYPE_BAND_FORMAT, vips_image_get_format(image)));
  return TW_VIPS_UNSUPPORTED;
}

static tw_vips_result read_image(tw_vips_request *request, VipsImage **image) {
  tw_pixels pixels;
  request->orientation = vips_image_get_orientation(*image);
  if (!to_plain_colours(image) || !to_8_bits(image)) {
    return TW_VIPS_DAMAGED;
  }
  if (!settle_pixels(image, &pixels)) {
    return unsupported(request, *image);
  }
  uint8_t *to = request->reserve(request->context, (size_t)vips_image_get_width(*image),
                                 (size_t)vips_image_get_height(*image), pixels);
  if (to == NULL) {
    return TW_VIPS_REFUSED;
  }
  return copy_pixels(*image, to) ? TW_VIPS_OK : TW_VIPS_DAMAGED;
}

static tw_vips_result attempt(tw_vips_request *request) {
  VipsImage *image = open_image(request);
  if (image == NULL) {
    return TW_VIPS_DAMAGED;
  }
  tw_vips_result result = read_image(request, &image);
  g_object_unref(image);
  return result;
}

static pthread_rwlock_t lock = PTHREAD_RWLOCK_INITIALIZER;

static void take_message(tw_vips_request *request) {
  const char *text = vips_error_buffer();
  size_t length = strcspn(text, "\n");
  g_snprintf(request->message, sizeof request->message, "%.*s", (int)VIPS_MIN(length, TW_VIPS_MESSAGE_SIZE), text);
}

static tw_vips_result read_picture(tw_vips_request *request) {
  pthread_rwlock_rdlock(&lock);
  tw_vips_result result = attempt(request);
  pthread_rwlock_unlock(&lock);
  if (result == TW_VIPS_DAMAGED) {
    pthread_rwlock_wrlock(&lock);
    vips_error_clear();
    result = attempt(request);
    if (result == TW_VIPS_DAMAGED) {
      take_message(request);
    }
    vips_error_clear();
    pthread_rwlock_unlock(&lock);
  }
  vips_thread_shutdown();
  return result;
}

const tw_vips_module tw_vips_module_entry = {TW_VIPS_VERSION, start, read_picture};
