/* The charts of a report as files: which there are, and what each is called. */
#include "report/chart.h"

static void draw_heat(const void *heat, tw_canvas *canvas) {
  tw_heat_draw(heat, canvas);
}

static void draw_path(const void *outcome, tw_canvas *canvas) {
  tw_path_draw(outcome, canvas);
}

static void draw_rows(const void *rows, tw_canvas *canvas) {
  tw_class_rows_draw(rows, canvas);
}

static tw_status confusion(const tw_outcome *outcome, bool png, tw_buffer *buffer, tw_error *error) {
  tw_heat heat;
  tw_status status = tw_heat_init(&heat, outcome, error);
  if (status == TW_OK) {
    status = tw_chart_save(draw_heat, &heat, tw_heat_extent(&heat), png, buffer, error);
  }
  tw_heat_done(&heat);
  return status;
}

static tw_status classes(const tw_outcome *outcome, tw_buffer *buffer, tw_error *error) {
  tw_class_rows rows;
  tw_status status = tw_class_rows_init(&rows, outcome, error);
  if (status == TW_OK) {
    status = tw_chart_save(draw_rows, &rows, tw_class_rows_extent(&rows), false, buffer, error);
  }
  tw_class_rows_done(&rows);
  return status;
}

const char *tw_report_chart_file(tw_report_chart chart) {
  static const char *const names[] = {"confusion.png", "confusion.svg", "path.svg",
                                      "classes.svg",   "curves.png",    "curves.svg"};
  return names[chart];
}

bool tw_report_has_chart(const tw_outcome *outcome, tw_report_chart chart) {
  switch (chart) {
    case TW_CHART_PATH: return outcome->path != NULL && outcome->path->count > 0;
    case TW_CHART_CURVES_PNG:
    case TW_CHART_CURVES_SVG: return outcome->history != NULL && outcome->history->count > 0;
    default: return outcome->test != NULL;
  }
}

tw_status tw_report_draw(const tw_outcome *outcome, tw_report_chart chart, tw_buffer *buffer, tw_error *error) {
  switch (chart) {
    case TW_CHART_CONFUSION_PNG: return confusion(outcome, true, buffer, error);
    case TW_CHART_CONFUSION_SVG: return confusion(outcome, false, buffer, error);
    case TW_CHART_PATH: return tw_chart_save(draw_path, outcome, tw_path_extent(), false, buffer, error);
    case TW_CHART_CURVES_PNG:
    case TW_CHART_CURVES_SVG:
      return tw_report_draw_curves(outcome->history, chart == TW_CHART_CURVES_PNG, buffer, error);
    default: return classes(outcome, buffer, error);
  }
}
