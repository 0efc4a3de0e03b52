/* What kind of picture a file holds, from its first bytes, and which names pictures go by. Looks at signatures only: a
 * file that is recognised here may still be corrupt. */
#include <string.h>
#include <strings.h>

#include "image/image.h"

static bool starts(tw_bytes bytes, size_t offset, const char *text, size_t length) {
  return bytes.size >= offset + length && memcmp(bytes.data + offset, text, length) == 0;
}

/* ISO base media file: `ftyp` holds a major brand, a version and compatible brands, four bytes each. The first brand
 * that says HEVC or AV1 decides; `mif1` and `msf1` alone leave that open, and the same loader reads both. */
static tw_image_format sniff_heif(tw_bytes head) {
  static const char avif[][5] = {"avif", "avis"};
  static const char heic[][5] = {"heic", "heix", "heim", "heis", "hevc", "hevx", "hevm", "hevs"};
  size_t size = (size_t)head.data[0] << 24 | (size_t)head.data[1] << 16 | (size_t)head.data[2] << 8 | head.data[3];
  size_t end = size < head.size ? size : head.size;
  tw_image_format found = TW_IMAGE_UNKNOWN;
  for (size_t at = 8; at + 4 <= end; at += at == 8 ? 8 : 4) { /* the version follows the first brand */
    for (size_t i = 0; i < sizeof avif / sizeof *avif; i++) {
      if (starts(head, at, avif[i], 4)) {
        return TW_IMAGE_AVIF;
      }
    }
    for (size_t i = 0; i < sizeof heic / sizeof *heic; i++) {
      if (starts(head, at, heic[i], 4)) {
        return TW_IMAGE_HEIC;
      }
    }
    if (starts(head, at, "mif1", 4) || starts(head, at, "msf1", 4)) {
      found = TW_IMAGE_HEIC;
    }
  }
  return found;
}

static bool is_space(uint8_t byte) {
  return byte == ' ' || byte == '\t' || byte == '\n' || byte == '\r';
}

/* The offset just behind the next `mark` at or after `at`; head.size when there is none. */
static size_t behind(tw_bytes head, size_t at, const char *mark) {
  size_t length = strlen(mark);
  for (; at + length <= head.size; at++) {
    if (starts(head, at, mark, length)) {
      return at + length;
    }
  }
  return head.size;
}

/* The root element of an XML document, after byte order mark, declaration, comments and document type. */
static bool sniff_svg(tw_bytes head) {
  size_t at = starts(head, 0, "\xef\xbb\xbf", 3) ? 3 : 0;
  for (;;) {
    while (at < head.size && is_space(head.data[at])) {
      at++;
    }
    if (starts(head, at, "<svg", 4) || starts(head, at, "<!DOCTYPE svg", 13)) {
      size_t end = at + (head.data[at + 1] == '!' ? 13 : 4);
      return end == head.size || is_space(head.data[end]) || strchr("/>:[", head.data[end]) != NULL;
    }
    if (starts(head, at, "<!--", 4)) {
      at = behind(head, at + 4, "-->");
    } else if (starts(head, at, "<?", 2)) {
      at = behind(head, at + 2, "?>");
    } else {
      return false;
    }
  }
}

tw_image_format tw_image_sniff(tw_bytes head) {
  static const struct {
    const char *text;
    size_t length;
    tw_image_format format;
  } signatures[] = {
      {"\xff\xd8\xff", 3, TW_IMAGE_JPEG}, {"\x89PNG\r\n\x1a\n", 8, TW_IMAGE_PNG},
      {"GIF87a", 6, TW_IMAGE_GIF},        {"GIF89a", 6, TW_IMAGE_GIF},
      {"II*\0", 4, TW_IMAGE_TIFF},        {"MM\0*", 4, TW_IMAGE_TIFF},
      {"II+\0", 4, TW_IMAGE_TIFF},        {"MM\0+", 4, TW_IMAGE_TIFF},
  };
  if (head.size > TW_IMAGE_SNIFF_SIZE) {
    head.size = TW_IMAGE_SNIFF_SIZE;
  }
  for (size_t i = 0; i < sizeof signatures / sizeof *signatures; i++) {
    if (starts(head, 0, signatures[i].text, signatures[i].length)) {
      return signatures[i].format;
    }
  }
  if (starts(head, 0, "RIFF", 4) && starts(head, 8, "WEBP", 4)) {
    return TW_IMAGE_WEBP;
  }
  if (starts(head, 4, "ftyp", 4)) {
    return sniff_heif(head);
  }
  return sniff_svg(head) ? TW_IMAGE_SVG : TW_IMAGE_UNKNOWN;
}

const char *tw_image_format_name(tw_image_format format) {
  static const char *const names[] = {
      [TW_IMAGE_UNKNOWN] = "unknown", [TW_IMAGE_JPEG] = "JPEG", [TW_IMAGE_PNG] = "PNG",
      [TW_IMAGE_WEBP] = "WebP",       [TW_IMAGE_GIF] = "GIF",   [TW_IMAGE_TIFF] = "TIFF",
      [TW_IMAGE_HEIC] = "HEIC",       [TW_IMAGE_AVIF] = "AVIF", [TW_IMAGE_SVG] = "SVG",
  };
  return (size_t)format < sizeof names / sizeof *names ? names[format] : names[TW_IMAGE_UNKNOWN];
}

bool tw_image_is_picture_name(const char *path) {
  static const char *const extensions[] = {
      "jpg",  "jpeg", "jpe", "jfif", "png", "apng", "webp", "gif", "tif", "tiff", "heic", "heif", "hif",
      "avif", "svg",  "bmp", "dib",  "ppm", "pgm",  "pbm",  "pnm", "jp2", "jxl",  "ico",  "tga",  "psd",
  };
  const char *name = tw_path_base(path);
  const char *dot = strrchr(name, '.');
  if (dot == NULL || dot == name) {
    return false;
  }
  for (size_t i = 0; i < sizeof extensions / sizeof *extensions; i++) {
    if (strcasecmp(dot + 1, extensions[i]) == 0) {
      return true;
    }
  }
  return false;
}
