/* Private to the floor `report`: the page while it is written, one function a section (page_*.c). Sections append to
 * page->out and leave failures of memory to it. */
#ifndef TW_REPORT_PAGE_H
#define TW_REPORT_PAGE_H

#include "report/chart.h"
#include "report/html.h"
#include "report/shown.h"

enum {
  TW_PAGE_NAME = 60,          /* characters of a name that are shown */
  TW_PAGE_CELL_NAME = 32,     /* where there is little room */
  TW_PAGE_SMALL = 10,         /* tested pictures; a class with fewer is too small to judge */
  TW_PAGE_MAX_CLASSES = 2000, /* rows of the table */
  TW_PAGE_MAX_LISTED = 200,   /* files in a list */
};

typedef struct tw_page {
  tw_buffer *out;
  const tw_outcome *outcome;
  tw_shown_set shown;
  tw_heat heat;   /* when outcome->test is there */
  size_t no_room; /* pictures dropped at the end because the page would have become too large */
} tw_page;

/* page.c */
void tw_page_put(tw_page *page, const char *html); /* HTML of ours */
void tw_page_name(tw_page *page, size_t class);
/* Opens a section with its heading; `of` says what its figures are of, NULL: nothing. */
void tw_page_section(tw_page *page, const char *id, const char *heading, bool of_test);

/* Sections. */
void tw_page_summary(tw_page *page);
void tw_page_confusion(tw_page *page);
void tw_page_pairs(tw_page *page);
void tw_page_extremes(tw_page *page);
void tw_page_classes(tw_page *page);
void tw_page_training(tw_page *page);
void tw_page_left_out(tw_page *page);
void tw_page_gallery(tw_page *page);

/* Between others: charts and pictures that are not always there. */
void tw_page_random(tw_page *page);
void tw_page_features(tw_page *page);
void tw_page_curves(tw_page *page);

/* The <img> of a picture, or a box that says that it is gone. */
void tw_page_image(tw_page *page, const tw_shown *item);

/* page_recipe.c; outcome->history is there. How the top was trained, for the table of facts. */
void tw_page_recipe_fact(tw_page *page);
/* How far from the exact top the recipe stopped, a paragraph; nothing without a history. */
void tw_page_recipe_distance(tw_page *page);

/* page_figure.c: a picture with what was said of it. full: with its class and what it was taken for. */
void tw_page_figure(tw_page *page, const tw_shown *item, bool full);
/* A file's path below the folder of the pictures, elided. */
void tw_page_path(tw_page *page, const char *path);

#endif
