/* What topwork wants from a picture's metadata: which way is up. A reader of TIFF directories and a search in XMP, as
 * Pillow's getexif does both; nothing else of EXIF is read. */
#include <string.h>

#include "image/reader.h"

enum { TAG_ORIENTATION = 274, ENTRY_SIZE = 12, MAX_VALUE = 0xffff };

typedef struct tiff {
  tw_bytes bytes;
  bool big_endian;
} tiff;

static uint32_t load16(const tiff *tiff, size_t at) {
  const uint8_t *b = tiff->bytes.data + at;
  return tiff->big_endian ? (uint32_t)b[0] << 8 | b[1] : (uint32_t)b[1] << 8 | b[0];
}

static uint32_t load32(const tiff *tiff, size_t at) {
  uint32_t first = load16(tiff, at);
  uint32_t second = load16(tiff, at + 2);
  return tiff->big_endian ? first << 16 | second : second << 16 | first;
}

/* Bytes of one value of a TIFF type; 0 for types that do not exist. */
static size_t type_size(uint32_t type) {
  static const uint8_t sizes[] = {0, 1, 1, 2, 4, 8, 1, 1, 2, 4, 8, 4, 8, 4, 0, 0, 8};
  return type < sizeof sizes ? sizes[type] : 0;
}

/* The value of the entry at `at`, which has the tag; -1: the entry is unusable, as if it were not there; 0: it is
 * there, but no number. */
static int entry_value(const tiff *tiff, size_t at) {
  uint32_t type = load16(tiff, at + 2);
  uint64_t size = (uint64_t)type_size(type) * load32(tiff, at + 4);
  size_t value = at + 8;
  if (size == 0) {
    return -1;
  }
  if (size > 4) {
    value = load32(tiff, at + 8);
    if (size > tiff->bytes.size || value > tiff->bytes.size - (size_t)size) {
      return -1;
    }
  }
  uint32_t number = 0;
  switch (type) {
    case 3:
    case 8: number = load16(tiff, value); break;
    case 4:
    case 9:
    case 13: number = load32(tiff, value); break;
    case 6: number = tiff->bytes.data[value]; break;
    default: break;
  }
  return number <= MAX_VALUE ? (int)number : 0;
}

int tw_tiff_value(tw_bytes bytes, unsigned tag) {
  static const char *const headers[] = {"II*\0", "MM\0*", "MM*\0", "II\0*"}; /* the last two: often seen, and wrong */
  bool known = false;
  for (size_t i = 0; bytes.size >= 8 && i < sizeof headers / sizeof *headers; i++) {
    known = known || memcmp(bytes.data, headers[i], 4) == 0;
  }
  if (!known) {
    return -1;
  }
  tiff tiff = {bytes, bytes.data[0] == 'M'};
  size_t at = load32(&tiff, 4);
  if (at > bytes.size || bytes.size - at < 2) {
    return -1;
  }
  size_t left = load16(&tiff, at);
  for (at += 2; left > 0 && bytes.size - at >= ENTRY_SIZE; left--, at += ENTRY_SIZE) {
    int value = load16(&tiff, at) == tag ? entry_value(&tiff, at) : -1;
    if (value >= 0) {
      return value;
    }
  }
  return -1;
}

/* tiff:Orientation="6" or <tiff:Orientation>6 : the first that is followed by a digit. */
static int xmp_orientation(tw_bytes xmp) {
  static const char name[] = "tiff:Orientation";
  const size_t length = sizeof name - 1;
  tw_bytes rest = xmp;
  for (const uint8_t *at; (at = rest.size == 0 ? NULL : memmem(rest.data, rest.size, name, length)) != NULL;) {
    rest.size -= (size_t)(at - rest.data) + length;
    rest.data = at + length;
    size_t skip = rest.size >= 1 && rest.data[0] == '>'                ? 1
                  : rest.size >= 2 && memcmp(rest.data, "=\"", 2) == 0 ? 2
                                                                       : 0;
    if (skip > 0 && rest.size > skip && rest.data[skip] >= '0' && rest.data[skip] <= '9') {
      return rest.data[skip] - '0';
    }
  }
  return 1;
}

int tw_exif_orientation(tw_bytes exif, tw_bytes xmp) {
  for (int i = 0; i < 2 && exif.size >= 6 && memcmp(exif.data, "Exif\0\0", 6) == 0; i++) {
    exif.data += 6;
    exif.size -= 6;
  }
  int orientation = tw_tiff_value(exif, TAG_ORIENTATION);
  if (orientation < 0) {
    orientation = xmp_orientation(xmp);
  }
  return orientation >= 1 && orientation <= 8 ? orientation : 1;
}

/* Whether a segment's content opens with `mark`, which may hold NULs. */
static bool opens(tw_bytes content, const char *mark, size_t length) {
  return content.size >= length && memcmp(content.data, mark, length) == 0;
}

int tw_exif_orientation_jpeg(tw_bytes file) {
  static const char xmp_mark[] = "http://ns.adobe.com/xap/1.0/"; /* its NUL belongs to it */
  tw_bytes exif = {0};
  tw_bytes xmp = {0};
  size_t at = 2;
  while (at + 4 <= file.size) {
    uint8_t marker = file.data[at + 1];
    if (file.data[at] != 0xff || marker == 0xff || marker == 0) { /* padding and junk between segments */
      at++;
      continue;
    }
    if (marker == 0xda || marker == 0xd9) { /* the picture's data begin, or it ends */
      break;
    }
    if (marker == 0x01 || (marker >= 0xd0 && marker <= 0xd8)) { /* markers that stand alone */
      at += 2;
      continue;
    }
    size_t length = (size_t)file.data[at + 2] << 8 | file.data[at + 3];
    if (length < 2 || length > file.size - at - 2) {
      break;
    }
    tw_bytes content = {file.data + at + 4, length - 2};
    if (marker == 0xe1 && exif.size == 0 && opens(content, "Exif\0\0", 6)) {
      exif = content;
    } else if (marker == 0xe1 && opens(content, xmp_mark, sizeof xmp_mark)) {
      xmp = (tw_bytes){content.data + sizeof xmp_mark, content.size - sizeof xmp_mark};
    }
    at += 2 + length;
  }
  return tw_exif_orientation(exif, xmp);
}
