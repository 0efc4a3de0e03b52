/* Photographs on a canvas. */
#include "report/picture.h"

#include <math.h>

tw_box tw_picture_draw(tw_canvas *canvas, const tw_image *image, tw_box box) {
  double scale = fmin(box.width / (double)image->width, box.height / (double)image->height);
  tw_box place = {.width = (double)image->width * scale, .height = (double)image->height * scale};
  place.left = box.left + (box.width - place.width) / 2;
  place.top = box.top + (box.height - place.height) / 2;
  if (canvas->image != NULL) {
    tw_pixels pixels = {image->width, image->height, image->rgb};
    canvas->image(canvas, place.left, place.top, place.width, place.height, &pixels);
  }
  return place;
}
