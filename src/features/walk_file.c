/* One file of a walk: picture, something else, or worth a word. By its first bytes, never by its name; the name only
 * decides whether something else is worth a word. */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "features/open.h"
#include "features/walk.h"

char *tw_reason_errno(const char *what, int errno_value) {
  char buffer[128];
  return tw_format("%s: %s", what, strerror_r(errno_value, buffer, sizeof buffer));
}

/* Kinds of files that are often taken for pictures. */
static const struct signature {
  uint8_t offset;
  uint8_t size;
  const char *bytes;
  const char *reason;
} signatures[] = {
    {0, 2, "BM", "BMP pictures are not read"},
    {0, 12, "\0\0\0\x0cJXL \r\n\x87\n", "JPEG XL pictures are not read"},
    {0, 2, "\xff\x0a", "JPEG XL pictures are not read"},
    {0, 12, "\0\0\0\x0cjP  \r\n\x87\n", "JPEG 2000 pictures are not read"},
    {0, 4, "\xff\x4f\xff\x51", "JPEG 2000 pictures are not read"},
    {0, 4, "8BPS", "Photoshop pictures are not read"},
    {0, 4, "\0\0\1\0", "icons are not read"},
    {0, 4, "\0\0\2\0", "cursors are not read"},
    {0, 2, "P1", "PNM pictures are not read"},
    {0, 2, "P2", "PNM pictures are not read"},
    {0, 2, "P3", "PNM pictures are not read"},
    {0, 2, "P4", "PNM pictures are not read"},
    {0, 2, "P5", "PNM pictures are not read"},
    {0, 2, "P6", "PNM pictures are not read"},
    {0, 2, "P7", "PNM pictures are not read"},
    {0, 4, "DDS ", "DDS pictures are not read"},
    {0, 4, "\x76\x2f\x31\x01", "OpenEXR pictures are not read"},
    {0, 10, "#?RADIANCE", "Radiance pictures are not read"},
    {0, 15, "FUJIFILMCCD-RAW", "raw pictures of a camera are not read"},
    {0, 4, "IIRO", "raw pictures of a camera are not read"},
    {0, 4, "IIU\0", "raw pictures of a camera are not read"},
    {4, 8, "ftypcrx ", "raw pictures of a camera are not read"},
    {0, 5, "%PDF-", "is a PDF document, not a picture"},
    {0, 4, "PK\3\4", "is a ZIP archive, not a picture"},
    {0, 2, "\x1f\x8b", "is a gzip archive, not a picture"},
    {4, 4, "ftyp", "is a video, not a picture"},
    {0, 4, "\x1a\x45\xdf\xa3", "is a video, not a picture"},
    {0, 4, "OggS", "is a sound or video, not a picture"},
    {0, 3, "ID3", "is a sound, not a picture"},
    {8, 4, "WAVE", "is a sound, not a picture"},
    {8, 4, "AVI ", "is a video, not a picture"},
    {0, 16, "version https://", "is the pointer of a Git LFS file, not the picture itself"},
};

static bool matches(tw_bytes head, const struct signature *signature) {
  return head.size >= (size_t)signature->offset + signature->size &&
         memcmp(head.data + signature->offset, signature->bytes, signature->size) == 0;
}

static bool all_zero(tw_bytes head) {
  for (size_t i = 0; i < head.size; i++) {
    if (head.data[i] != 0) {
      return false;
    }
  }
  return true;
}

/* Valid UTF-8 without control bytes; a character cut at the end of `head` is fine. */
static bool is_text(tw_bytes head) {
  for (size_t i = 0; i < head.size; i++) {
    uint8_t byte = head.data[i];
    if (byte < 0x20 && (byte < '\t' || byte > '\r') && byte != 0x1b) {
      return false;
    }
  }
  const char *text = (const char *)head.data;
  for (size_t cut = 0; cut < 4 && cut < head.size; cut++) {
    if (tw_utf8_valid(text, head.size - cut)) {
      return cut == 0 || head.size >= TW_IMAGE_SNIFF_SIZE;
    }
  }
  return false;
}

/* Whether the text begins, after blanks and a byte order mark, with `word`, in any case. */
static bool opens_with(tw_bytes head, const char *word) {
  size_t at = head.size >= 3 && memcmp(head.data, "\xef\xbb\xbf", 3) == 0 ? 3 : 0;
  while (at < head.size && head.data[at] <= ' ') {
    at++;
  }
  size_t length = strlen(word);
  return head.size - at >= length && strncasecmp((const char *)head.data + at, word, length) == 0;
}

/* An SVG whose first bytes are all comment is told by its name. */
static bool is_svg(const char *name, tw_bytes head) {
  size_t length = strlen(name);
  return tw_image_sniff(head) == TW_IMAGE_SVG ||
         (length > 4 && strcasecmp(name + length - 4, ".svg") == 0 && opens_with(head, "<"));
}

const char *tw_file_reason(const char *name, tw_bytes head) {
  if (head.size == 0) {
    return "0 bytes";
  }
  if (is_svg(name, head)) {
    return "SVG pictures are not read";
  }
  for (size_t i = 0; i < sizeof signatures / sizeof *signatures; i++) {
    if (matches(head, &signatures[i])) {
      return signatures[i].reason;
    }
  }
  if (all_zero(head)) {
    return "begins with nothing but zeros, is no picture";
  }
  if (opens_with(head, "<!doctype html") || opens_with(head, "<html")) {
    return "is a web page, not a picture";
  }
  return is_text(head) ? "is text, not a picture" : "is no picture that topwork knows";
}

static ssize_t read_head(int file, uint8_t head[TW_IMAGE_SNIFF_SIZE]) {
  size_t size = 0;
  while (size < TW_IMAGE_SNIFF_SIZE) {
    ssize_t got = read(file, head + size, TW_IMAGE_SNIFF_SIZE - size);
    if (got < 0 && errno == EINTR) {
      continue;
    }
    if (got < 0) {
      return -1;
    }
    if (got == 0) {
      break;
    }
    size += (size_t)got;
  }
  return (ssize_t)size;
}

/* Worth a word only when the file was asked for or its name claims a picture. */
static tw_file_kind skipped_or_ignored(bool wanted, char *reason, char **ret_reason) {
  if (!wanted) {
    tw_free(reason);
    return TW_FILE_IGNORED;
  }
  *ret_reason = reason;
  return TW_FILE_SKIPPED;
}

tw_file_kind tw_file_look(int folder, const char *name, bool named, char **ret_reason) {
  bool wanted = named || tw_image_is_picture_name(name);
  int file = folder == AT_FDCWD ? tw_open_any(name, O_RDONLY)
                                : openat(folder, name, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
  if (file < 0) {
    return skipped_or_ignored(wanted, tw_reason_errno("cannot be opened", errno), ret_reason);
  }
  uint8_t head[TW_IMAGE_SNIFF_SIZE];
  ssize_t size = read_head(file, head);
  int failure = errno;
  close(file);
  if (size < 0) {
    return skipped_or_ignored(wanted, tw_reason_errno("cannot be read", failure), ret_reason);
  }
  tw_bytes bytes = {head, (size_t)size};
  tw_image_format format = tw_image_sniff(bytes);
  if (format != TW_IMAGE_UNKNOWN && format != TW_IMAGE_SVG) {
    return TW_FILE_PICTURE;
  }
  wanted = wanted || format == TW_IMAGE_SVG;
  return wanted ? skipped_or_ignored(true, tw_strdup(tw_file_reason(name, bytes)), ret_reason) : TW_FILE_IGNORED;
}
