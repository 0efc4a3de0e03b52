/* Photographs on a canvas. */
#include "report/picture.h"

#include <math.h>

tw_box tw_picture_draw(tw_canvas *canvas, const tw_image *image, tw_box box, bool bottom) {
  double scale = fmin(box.width / (double)image->width, box.height / (double)image->height);
  tw_box place = {.left = box.left, .width = (double)image->width * scale, .height = (double)image->height * scale};
  place.top = box.top + (bottom ? box.height - place.height : 0);
  if (canvas->image != NULL) {
    tw_pixels pixels = {image->width, image->height, image->rgb};
    canvas->image(canvas, place.left, place.top, place.width, place.height, &pixels);
  }
  return place;
}
