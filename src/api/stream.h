/* Pictures one after the other, computed many at a time: what predict, classify and features stand on. */
#ifndef TW_API_STREAM_H
#define TW_API_STREAM_H

#include "api/internal.h"

/* Called for each picture in the order of the listing; row: its features, or the trunk's own output. */
typedef tw_status (*tw_row_fn)(void *context, const char *path, const float *row, tw_error *error);

/* Walks the paths, computes TW_STREAM_CHUNK pictures at a time in parallel and hands them on; what is no picture
 * becomes a note and counts in *ret_skipped. */
enum { TW_STREAM_CHUNK = 2048 };
tw_status tw_api_stream(const tw_tool *tool, tw_trunk *trunk, tw_trunk_head head, const char *const *paths,
                        size_t count, tw_row_fn each, void *context, size_t *ret_skipped, tw_error *error);

#endif
