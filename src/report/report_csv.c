/* The two tables beside a model: confusion.csv and predictions.csv. RFC 4180 but for line ends, which are plain
 * newlines. */
#include "report/report.h"

void tw_report_confusion_csv(const tw_outcome *outcome, tw_buffer *buffer) {
  tw_buffer_text(buffer, "true \\ predicted");
  for (size_t i = 0; i < outcome->class_count; i++) {
    tw_buffer_text(buffer, ",");
    tw_csv_append_field(buffer, outcome->classes[i]);
  }
  tw_buffer_text(buffer, "\n");
  for (size_t i = 0; i < outcome->class_count; i++) {
    tw_csv_append_field(buffer, outcome->classes[i]);
    for (size_t j = 0; j < outcome->class_count; j++) {
      tw_buffer_format(buffer, ",%zu", outcome->test->confusion[i * outcome->class_count + j]);
    }
    tw_buffer_text(buffer, "\n");
  }
}

void tw_report_predictions_csv(const tw_outcome *outcome, tw_buffer *buffer) {
  char number[TW_NUMBER_TEXT_SIZE];
  tw_buffer_text(buffer, "path,part,label,prediction,probability\n");
  for (size_t i = 0; i < outcome->row_count; i++) {
    const tw_report_row *row = &outcome->rows[i];
    tw_csv_append_field(buffer, row->path);
    tw_buffer_text(buffer, ",");
    tw_csv_append_field(buffer, row->part);
    tw_buffer_text(buffer, ",");
    tw_csv_append_field(buffer, row->label);
    tw_buffer_text(buffer, ",");
    tw_csv_append_field(buffer, row->prediction);
    tw_buffer_format(buffer, ",%s\n", tw_number_text_f32(row->probability, number));
  }
}
