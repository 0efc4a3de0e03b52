/* Private to the floor `report`: what the core and the module topwork-xlsx.so share. It holds no function of the core
 * that the module would have to be linked to. */
#ifndef TW_REPORT_XLSX_H
#define TW_REPORT_XLSX_H

#include <stdbool.h>
#include <stddef.h>

enum { TW_XLSX_VERSION = 1 };
#define TW_XLSX_FILE "topwork-xlsx.so"
#define TW_XLSX_SYMBOL "tw_xlsx_module_entry"

/* A chart beside the table: columns over the first one. */
typedef struct tw_xlsx_chart {
  const char *title;
  const char *value_name; /* of the axis */
  size_t columns[2];
  size_t column_count; /* 1 or 2 */
} tw_xlsx_chart;

/* A workbook of one sheet: a row of headings, rows of numbers. */
typedef struct tw_xlsx_request {
  const char *sheet;
  const char *const *headings; /* columns */
  size_t columns;
  size_t rows;
  const double *values; /* rows x columns; what is no finite number is an empty cell */
  const tw_xlsx_chart *charts;
  size_t chart_count;
  /* Takes the file's bytes in order; false: no room, give up. */
  bool (*write)(void *context, const unsigned char *data, size_t size);
  void *context;
} tw_xlsx_request;

typedef struct tw_xlsx_module {
  int version;                                         /* TW_XLSX_VERSION */
  const char *(*save)(const tw_xlsx_request *request); /* NULL: done; otherwise why not, static */
} tw_xlsx_module;

#endif
