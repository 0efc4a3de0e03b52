/* Pixels of other kinds to RGB, and pictures turned upright. All rules are Pillow's, to the bit. */
#include <string.h>

#include "image/reader.h"

size_t tw_pixels_size(tw_pixels pixels) {
  static const size_t sizes[] = {1, 2, 3, 4, 4};
  return sizes[pixels];
}

/* alpha_composite over an opaque background: coefficients of 7 more bits than the product needs, then its quick
 * division by 255. */
static uint8_t composite(uint32_t value, uint32_t alpha, uint32_t background) {
  uint32_t sum = value * alpha + background * (255 - alpha) + 128;
  return (uint8_t)((sum * 128 + (sum >> 1)) >> 15);
}

static void grey_to_rgb(const uint8_t *from, size_t count, uint8_t *rgb) {
  for (size_t i = 0; i < count; i++) {
    memset(rgb + 3 * i, from[i], 3);
  }
}

static void grey_alpha_to_rgb(const uint8_t *from, size_t count, tw_alpha alpha, uint8_t *rgb) {
  uint32_t background = alpha == TW_ALPHA_WHITE ? 255 : 0;
  for (size_t i = 0; i < count; i++) {
    uint8_t value = from[2 * i];
    memset(rgb + 3 * i, alpha == TW_ALPHA_DROPPED ? value : composite(value, from[2 * i + 1], background), 3);
  }
}

static void rgba_to_rgb(const uint8_t *from, size_t count, tw_alpha alpha, uint8_t *rgb) {
  uint32_t background = alpha == TW_ALPHA_WHITE ? 255 : 0;
  for (size_t i = 0; i < count; i++) {
    uint32_t opacity = alpha == TW_ALPHA_DROPPED ? 255 : from[4 * i + 3];
    for (size_t c = 0; c < 3; c++) {
      rgb[3 * i + c] = composite(from[4 * i + c], opacity, background);
    }
  }
}

static void cmyk_to_rgb(const uint8_t *from, size_t count, uint8_t *rgb) {
  for (size_t i = 0; i < count; i++) {
    uint32_t light = 255u - from[4 * i + 3];
    for (size_t c = 0; c < 3; c++) {
      uint32_t product = from[4 * i + c] * light + 128;
      rgb[3 * i + c] = (uint8_t)(light - ((product + (product >> 8)) >> 8));
    }
  }
}

void tw_pixels_to_rgb(const uint8_t *from, tw_pixels pixels, size_t count, tw_alpha alpha, uint8_t *rgb) {
  switch (pixels) {
    case TW_PIXELS_GREY: grey_to_rgb(from, count, rgb); break;
    case TW_PIXELS_GREY_ALPHA: grey_alpha_to_rgb(from, count, alpha, rgb); break;
    case TW_PIXELS_RGB: memmove(rgb, from, count * 3); break;
    case TW_PIXELS_RGBA: rgba_to_rgb(from, count, alpha, rgb); break;
    case TW_PIXELS_CMYK: cmyk_to_rgb(from, count, rgb); break;
  }
}

/* The source is walked in tiles, so that of a turned picture neither side misses the cache at every pixel. */
enum { TILE = 32 };

/* Pixel (x, y) goes to offset origin + x * step_x + y * step_y, in pixels. */
static void scatter(const uint8_t *from, size_t width, size_t height, ptrdiff_t origin, ptrdiff_t step_x,
                    ptrdiff_t step_y, uint8_t *to) {
  for (size_t top = 0; top < height; top += TILE) {
    size_t bottom = height - top < TILE ? height : top + TILE;
    for (size_t left = 0; left < width; left += TILE) {
      size_t right = width - left < TILE ? width : left + TILE;
      for (size_t y = top; y < bottom; y++) {
        const uint8_t *source = from + 3 * (y * width + left);
        uint8_t *target = to + 3 * (origin + (ptrdiff_t)left * step_x + (ptrdiff_t)y * step_y);
        for (size_t x = left; x < right; x++, source += 3, target += 3 * step_x) {
          memcpy(target, source, 3);
        }
      }
    }
  }
}

void tw_pixels_orient(const uint8_t *from, size_t width, size_t height, int orientation, uint8_t *to) {
  ptrdiff_t w = (ptrdiff_t)width;
  ptrdiff_t h = (ptrdiff_t)height;
  switch (orientation) {
    case 2: scatter(from, width, height, w - 1, -1, w, to); break;
    case 3: scatter(from, width, height, w * h - 1, -1, -w, to); break;
    case 4: scatter(from, width, height, w * (h - 1), 1, -w, to); break;
    case 5: scatter(from, width, height, 0, h, 1, to); break;
    case 6: scatter(from, width, height, h - 1, h, -1, to); break;
    case 7: scatter(from, width, height, w * h - 1, -h, -1, to); break;
    case 8: scatter(from, width, height, h * (w - 1), -h, 1, to); break;
    default: memcpy(to, from, width * height * 3); break;
  }
}
