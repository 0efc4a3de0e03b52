/* The rows that a top is trained on, as the solver wants them: one copy, in a fixed order, centred and scaled.
 *
 * Training on z = (x - mean) / scale is the same problem (the intercept is free, the penalty is rescaled), but well
 * conditioned whatever the features are; scale is a power of two, so that dividing by it rounds nothing. */
#ifndef TW_TRAIN_ROWS_H
#define TW_TRAIN_ROWS_H

#include "train/train.h"

typedef struct tw_rows {
  size_t count;      /* n */
  size_t dimensions; /* d */
  size_t classes;    /* K */
  size_t stride;     /* floats from a row to the next, at least d */
  float *features;   /* n x d, what lies between the rows is not to be read */
  uint32_t *labels;  /* n */
  double *mean;      /* d, of the features as given */
  double scale;
  size_t group_count;
  size_t *group_begin; /* group_count + 1: group g is the rows group_begin[g] .. group_begin[g + 1] - 1 */
} tw_rows;

/* Copies the samples list[0..count-1], ordered by (group, label, content). groups: one number in 0..group_count-1 for
 * each entry of `list`; NULL: one group. Errors: TW_E_DATA for features that are not finite, TW_E_LIMIT, TW_E_MEMORY,
 * TW_E_ARGUMENT for labels beyond the classes. */
tw_status tw_rows_create(const tw_samples *samples, const size_t *list, const uint32_t *groups, size_t count,
                         size_t group_count, int threads, tw_rows **ret_rows, tw_error *error);
void tw_rows_free(tw_rows *rows);

/* Between the rows' coordinates and the caller's. point: K x d weights, then K intercepts. Absent classes get 0 and
 * TW_ABSENT_INTERCEPT, the other intercepts and each column of weights the sum 0. */
void tw_rows_to_top(const tw_rows *rows, const float *point, const bool *present, tw_top *ret_top);
void tw_rows_from_top(const tw_rows *rows, const tw_top *top, const bool *present, float *ret_point);

/* Also for training that needs no copy. TW_E_DATA unless all features of sample `index` are finite. */
tw_status tw_rows_check(const tw_samples *samples, size_t index, tw_error *error);
/* The bytes of `count` rows; TW_E_LIMIT when they, the dimensions or the classes are beyond the limits. */
tw_status tw_rows_check_sizes(const tw_samples *samples, size_t count, size_t *ret_bytes, tw_error *error);
/* ret_order: list[0..count-1] in the order of (group, label, content); groups as above. Errors: TW_E_ARGUMENT for
 * labels beyond the classes, TW_E_MEMORY. */
tw_status tw_rows_order(const tw_samples *samples, const size_t *list, const uint32_t *groups, size_t count,
                        size_t *ret_order, tw_error *error);

#endif
