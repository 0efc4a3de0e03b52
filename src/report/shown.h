/* Private to the floor `report`: which pictures the page shows, and their thumbnails. */
#ifndef TW_REPORT_SHOWN_H
#define TW_REPORT_SHOWN_H

#include "report/report.h"

enum {
  TW_SHOWN_MAX = 6000,          /* pictures on a page, whatever their size */
  TW_SHOWN_MAX_BYTES = 5000000, /* of all thumbnails as base64 */
};

typedef struct tw_shown {
  size_t row;       /* in outcome->rows */
  tw_buffer base64; /* of its thumbnail, a JPEG; empty: there is none */
  size_t width;     /* of the thumbnail, pixels */
  size_t height;
} tw_shown;

/* Mistakes come first, the most probable one first; then right ones, the least certain of each class first. */
typedef struct tw_shown_set {
  size_t count;
  size_t mistakes; /* of `count` */
  tw_shown *items;
  size_t mistakes_left_out; /* for want of room */
  size_t right_left_out;
  size_t gone;   /* of `count`: pictures that cannot be read any more */
  bool pictures; /* false: features were given, so there are none */
} tw_shown_set;

/* Chooses the pictures, without thumbnails. */
tw_status tw_shown_choose(const tw_outcome *outcome, tw_shown_set *ret_set, tw_error *error);
/* Makes the thumbnails in the order of the set until TW_SHOWN_MAX_BYTES are used, and drops the items after that. */
tw_status tw_shown_draw(tw_shown_set *set, const tw_outcome *outcome, int threads, tw_ticker *ticker, tw_error *error);
void tw_shown_done(tw_shown_set *set);
/* Fills in one picture: its thumbnail of `side` pixels. One that cannot be read is left empty; only TW_E_MEMORY is an
 * error. */
tw_status tw_shown_read(tw_image_reader *reader, const char *path, size_t side, int quality, tw_shown *item,
                        tw_error *error);

#endif
