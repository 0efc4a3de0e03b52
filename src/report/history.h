/* Private to the floor `report`: the columns that history.csv and history.xlsx have alike. */
#ifndef TW_REPORT_HISTORY_H
#define TW_REPORT_HISTORY_H

#include "report/report.h"

typedef enum tw_history_column {
  TW_HISTORY_EPOCH, /* from 1 */
  TW_HISTORY_RATE,
  TW_HISTORY_TRAINING_LOSS,
  TW_HISTORY_TRAINING_ACCURACY,
  TW_HISTORY_VALIDATION_LOSS,
  TW_HISTORY_VALIDATION_ACCURACY,
  TW_HISTORY_SECONDS,
  TW_HISTORY_COLUMNS,
} tw_history_column;

extern const char *const tw_history_headings[TW_HISTORY_COLUMNS];
/* NAN: there is none. */
double tw_history_value(const tw_history *history, size_t epoch, tw_history_column column);

enum { TW_DISTANCE_TEXT_SIZE = 64 };
/* Where a recipe stopped: "12.5 % above the optimum", "at 270 times the optimum". */
void tw_history_distance(const tw_outcome *outcome, char ret_text[TW_DISTANCE_TEXT_SIZE]);

#endif
