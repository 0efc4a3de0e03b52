/* Private to the floor `image`: what the core and the module topwork-vips.so say to each other. Neither is linked to
 * the other; the core opens the module and asks for one symbol, TW_VIPS_SYMBOL, a tw_vips_module. */
#ifndef TW_IMAGE_VIPS_MODULE_H
#define TW_IMAGE_VIPS_MODULE_H

#include "image/reader.h"

enum { TW_VIPS_VERSION = 1, TW_VIPS_MESSAGE_SIZE = 256 };
#define TW_VIPS_FILE "topwork-vips.so"
#define TW_VIPS_SYMBOL "tw_vips_module_entry"

typedef enum tw_vips_result {
  TW_VIPS_OK = 0,
  TW_VIPS_DAMAGED,     /* libvips could not read it: `message` is its own first line */
  TW_VIPS_UNSUPPORTED, /* `message` says what kind of picture it is */
  TW_VIPS_REFUSED,     /* `reserve` gave no memory */
} tw_vips_result;

typedef struct tw_vips_request {
  tw_bytes file;
  tw_image_format format;
  /* Called once, when the header has been read and no pixel yet. Gives memory for width x height `pixels` or NULL. */
  uint8_t *(*reserve)(void *context, size_t width, size_t height, tw_pixels pixels);
  void *context;
  int orientation;                    /* out: EXIF's 1..8 */
  char message[TW_VIPS_MESSAGE_SIZE]; /* out */
} tw_vips_request;

typedef struct tw_vips_module {
  int version; /* TW_VIPS_VERSION */
  /* Once a process, before any read; false when libvips does not start. */
  bool (*start)(void);
  /* Thread-safe. */
  tw_vips_result (*read)(tw_vips_request *request);
} tw_vips_module;

#endif
