/* Private to the floor `report`: photographs on a canvas. */
#ifndef TW_REPORT_PICTURE_H
#define TW_REPORT_PICTURE_H

#include "report/chart.h"

/* A place for a photograph: as large as it gets in width x height, its sides' ratio kept, to the left. */
typedef struct tw_box {
  double left;
  double top;
  double width;
  double height;
} tw_box;

/* Draws `image` into the box, at its bottom or its top; returns where it came to lie. */
tw_box tw_picture_draw(tw_canvas *canvas, const tw_image *image, tw_box box, bool bottom);

#endif
