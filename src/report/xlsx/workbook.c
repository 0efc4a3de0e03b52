/* The module topwork-xlsx.so: a table with charts as a workbook, by libxlsxwriter. It decides nothing about what is in
 * the table. A module so that a program that only predicts loads neither it nor the libcrypto it brings.
 *
 * The library writes files only, so it gets one that is in memory. Bytes depend on the request alone: the time of
 * creation, the only one in a workbook that the library does not fix itself, is fixed here. */
#include <math.h>
#include <stdio.h>
#include <sys/mman.h>
#include <unistd.h>

#include <xlsxwriter.h>

#include "report/xlsx.h"

__attribute__((visibility("default"))) extern const tw_xlsx_module tw_xlsx_module_entry;

enum {
  CREATED = 315532800, /* 1980-01-01, as the members of the archive */
  CHART_ROWS = 18,     /* from one chart to the next */
  COLUMN_WIDTH = 19,   /* characters */
};

static void fill_sheet(const tw_xlsx_request *request, lxw_worksheet *sheet, lxw_format *bold) {
  worksheet_set_column(sheet, 0, (lxw_col_t)(request->columns - 1), COLUMN_WIDTH, NULL);
  worksheet_freeze_panes(sheet, 1, 1);
  for (size_t column = 0; column < request->columns; column++) {
    worksheet_write_string(sheet, 0, (lxw_col_t)column, request->headings[column], bold);
  }
  for (size_t i = 0; i < request->rows * request->columns; i++) {
    if (isfinite(request->values[i])) {
      worksheet_write_number(sheet, (lxw_row_t)(1 + i / request->columns), (lxw_col_t)(i % request->columns),
                             request->values[i], NULL);
    }
  }
}

static void add_series(const tw_xlsx_request *request, lxw_chart *chart, size_t column) {
  lxw_chart_series *series = chart_add_series(chart, NULL, NULL);
  lxw_row_t last = (lxw_row_t)request->rows;
  lxw_col_t at = (lxw_col_t)column;
  chart_series_set_categories(series, request->sheet, 1, 0, last, 0);
  chart_series_set_values(series, request->sheet, 1, at, last, at);
  chart_series_set_name_range(series, request->sheet, 0, at);
}

static void add_chart(const tw_xlsx_request *request, const tw_xlsx_chart *what, lxw_workbook *book,
                      lxw_worksheet *sheet, size_t index) {
  lxw_chart *chart = workbook_add_chart(book, LXW_CHART_SCATTER_STRAIGHT);
  for (size_t i = 0; i < what->column_count; i++) {
    add_series(request, chart, what->columns[i]);
  }
  chart_title_set_name(chart, what->title);
  chart_axis_set_name(chart->x_axis, request->headings[0]);
  chart_axis_set_name(chart->y_axis, what->value_name);
  chart_legend_set_position(chart, LXW_CHART_LEGEND_BOTTOM);
  lxw_chart_options place = {.x_scale = 1.25, .y_scale = 1.2};
  worksheet_insert_chart_opt(sheet, (lxw_row_t)(1 + index * CHART_ROWS), (lxw_col_t)(request->columns + 1), chart,
                             &place);
}

/* The workbook as a file called `path`. */
static bool write_book(const tw_xlsx_request *request, const char *path) {
  lxw_workbook *book = workbook_new(path);
  lxw_worksheet *sheet = book == NULL ? NULL : workbook_add_worksheet(book, request->sheet);
  if (sheet == NULL) {
    return false;
  }
  lxw_doc_properties properties = {.created = CREATED};
  workbook_set_properties(book, &properties);
  lxw_format *bold = workbook_add_format(book);
  format_set_bold(bold);
  fill_sheet(request, sheet, bold);
  for (size_t i = 0; i < request->chart_count; i++) {
    add_chart(request, &request->charts[i], book, sheet, i);
  }
  return workbook_close(book) == LXW_NO_ERROR;
}

static bool hand_over(const tw_xlsx_request *request, int file) {
  unsigned char block[1 << 14];
  off_t at = 0;
  ssize_t got;
  while ((got = pread(file, block, sizeof block, at)) > 0) {
    if (!request->write(request->context, block, (size_t)got)) {
      return false;
    }
    at += got;
  }
  return got == 0 && at > 0;
}

static const char *save(const tw_xlsx_request *request) {
  if (request->rows >= LXW_ROW_MAX || request->columns >= LXW_COL_MAX) {
    return "a sheet has no room for so many rows";
  }
  int file = memfd_create("topwork-xlsx", MFD_CLOEXEC);
  if (file < 0) {
    return "no file in memory could be made";
  }
  char path[64];
  snprintf(path, sizeof path, "/proc/self/fd/%d", file);
  const char *why = write_book(request, path) ? NULL : "libxlsxwriter gave up (it needs room for its temporary files)";
  if (why == NULL && !hand_over(request, file)) {
    why = "out of memory";
  }
  close(file);
  return why;
}

const tw_xlsx_module tw_xlsx_module_entry = {.version = TW_XLSX_VERSION, .save = save};
