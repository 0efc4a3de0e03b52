/* A photograph beside its features: what goes into the network and what comes out. */
#include <math.h>

#include "report/html.h"
#include "report/picture.h"

enum { BORDER = 16, TOP = 66, BETWEEN = 28, PHOTO = 384, CELLS = 768, NOTE = 12 };

typedef struct drawing {
  const char *picture;
  const char *by;
  const tw_image *image;
  tw_features_cells cells;
} drawing;

static tw_extent extent_of(const drawing *drawing) {
  tw_extent cells = tw_features_cells_extent(&drawing->cells);
  return (tw_extent){BORDER + PHOTO + BETWEEN + cells.width + BORDER, TOP + fmax(cells.height, PHOTO) + BORDER};
}

static void draw(const void *what, tw_canvas *canvas) {
  const drawing *drawing = what;
  const tw_features_cells *cells = &drawing->cells;
  double left = BORDER + PHOTO + BETWEEN;
  tw_extent extent = extent_of(drawing);
  tw_label title = {.x = BORDER, .y = 30, .size = 15, .bold = true};
  tw_draw_fitted(canvas, tw_path_base(drawing->picture), PHOTO - 30, title, TW_INK_TEXT);
  title.x = left;
  tw_buffer text = {0};
  tw_html_count(&text, cells->count, "feature", "features");
  tw_buffer_format(&text, " of %s", drawing->by);
  tw_buffer_append(&text, "", 1);
  if (!text.failed) {
    tw_draw_fitted(canvas, (const char *)text.data, extent.width - left - BORDER - 30, title, TW_INK_TEXT);
  }
  canvas->failed = canvas->failed || text.failed;
  tw_buffer_done(&text);
  tw_buffer note = {0};
  tw_buffer_format(&note, "%zu rows of %zu, the first one top left", cells->rows, cells->columns);
  tw_draw_buffer(canvas, &note, (tw_label){.x = left, .y = 50, .size = NOTE}, TW_INK_MUTED);
  tw_picture_draw(canvas, drawing->image, (tw_box){BORDER, TOP, PHOTO, PHOTO}, false);
  tw_features_cells_draw(cells, canvas, left, TOP);
}

tw_status tw_report_draw_features(const char *picture, const char *by, const tw_image *image, const float *features,
                                  size_t dimensions, tw_buffer *buffer, tw_error *error) {
  drawing drawing = {
      .picture = picture, .by = by, .image = image, .cells = tw_features_cells_of(features, dimensions, CELLS)};
  return tw_chart_save(draw, &drawing, extent_of(&drawing), true, buffer, error);
}
