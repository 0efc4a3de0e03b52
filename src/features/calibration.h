/* Floor `features`, private: the sample of pictures that a precision is measured on, and the files that keep what came
 * of it. */
#ifndef TW_FEATURES_CALIBRATION_H
#define TW_FEATURES_CALIBRATION_H

#include "features/features.h"

/* ---- The sample -------------------------------------------------------------------------------------------------- */

/* Pictures that can be read, in an order that only their contents decide: the first ones are for the calibration, those
 * behind them for the check. */
typedef struct tw_picture_sample tw_picture_sample;

/* Hashes all pictures and reads as many as a sample needs. `paths` is borrowed. Errors: TW_E_CANCELLED, TW_E_MEMORY. */
tw_status tw_picture_sample_draw(const tw_trunk *trunk, const tw_precision_request *request,
                                 tw_picture_sample **ret_sample, tw_error *error);
void tw_picture_sample_free(tw_picture_sample *sample);
/* As the engine takes it: `trunk` and `sample` must outlive it. */
tw_sample tw_picture_sample_engine(tw_picture_sample *sample);
/* How many of `pictures` are for the check alone. */
size_t tw_picture_sample_checks(size_t pictures);

/* ---- Files ------------------------------------------------------------------------------------------------------- */

/* What is known of a trunk in a precision. */
typedef struct tw_calibration {
  tw_trunk_precision about;
  tw_quantised *quantised; /* NULL unless about.precision is int8 */
  tw_map *map;             /* what `quantised` borrows from; NULL: nothing */
} tw_calibration;

void tw_calibration_done(tw_calibration *calibration);
/* The name of the file: trunk, preprocessing and precision, and all else that a calibration depends on but the
 * pictures. Allocated. */
tw_status tw_calibration_path(const tw_trunk *trunk, tw_precision precision, const char *cache, char **ret_path,
                              tw_error *error);
/* TW_E_IO: there is none, or it cannot be read; TW_E_FORMAT: it is damaged, or another trunk's. Errors name the file.
 */
tw_status tw_calibration_read(const char *path, tw_precision precision, tw_calibration *ret_calibration,
                              tw_error *error);
/* Makes the folder when it is not there. */
tw_status tw_calibration_write(const char *path, const tw_calibration *calibration, tw_error *error);
/* Removes all that are kept in this folder of the cache. */
tw_status tw_calibrations_clear(const char *cache, tw_error *error);

#endif
