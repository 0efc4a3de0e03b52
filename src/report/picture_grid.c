/* Test pictures at random, three by three, with what they are and what was said of them. Wrong ones are framed, crossed
 * and called wrong: no colour is needed to see them. */
#include <math.h>

#include "report/html.h"
#include "report/picture.h"

enum { BORDER = 16, TOP = 64, PER_ROW = 3, WIDTH = 250, PHOTO = 200, TEXTS = 66, GAP = 18, FONT = 13, BADGE = 22 };
enum { PIXELS = 400 /* of a photograph's longer side, as it is drawn at twice its size */ };

typedef struct grid {
  const tw_outcome *outcome;
  uint64_t seed;
  size_t rows[TW_REPORT_GRID];
  size_t count;
  tw_image_reader *reader;
} grid;

/* Reservoir sampling (Vitter, 1985, algorithm R): one pass, each tested row equally likely. */
size_t tw_report_grid_choose(const tw_outcome *outcome, uint64_t seed, size_t ret_rows[TW_REPORT_GRID]) {
  tw_random random;
  tw_random_init(&random, seed);
  size_t seen = 0;
  for (size_t i = 0; i < outcome->row_count; i++) {
    if (!outcome->rows[i].tested) {
      continue;
    }
    uint64_t place = seen < TW_REPORT_GRID ? seen : tw_random_below(&random, seen + 1);
    seen++;
    if (place < TW_REPORT_GRID) {
      ret_rows[place] = i;
    }
  }
  size_t count = seen < TW_REPORT_GRID ? seen : TW_REPORT_GRID;
  for (size_t i = count; i > 1; i--) { /* the first ones would otherwise stand in the order of their classes */
    size_t j = (size_t)tw_random_below(&random, i);
    size_t row = ret_rows[i - 1];
    ret_rows[i - 1] = ret_rows[j];
    ret_rows[j] = row;
  }
  return count;
}

static bool is_right(const tw_report_row *row) {
  return row->label_index == row->predicted_index;
}

/* ---- One picture ------------------------------------------------------------------------------------------------- */

static void draw_gone(tw_canvas *canvas, tw_box box) {
  canvas->rectangle(canvas, box.left, box.top, box.width, box.height);
  tw_draw_stroke(canvas, TW_INK_MUTED, 1);
  tw_label label = {
      .x = box.left + box.width / 2, .y = box.top + box.height / 2, .size = FONT, .anchor = TW_ANCHOR_MIDDLE};
  tw_draw_text(canvas, "picture gone", 20, label, TW_INK_MUTED);
}

/* Returns where it lies. */
static tw_box draw_photo(const grid *grid, tw_canvas *canvas, const char *path, tw_box box) {
  tw_map *map;
  tw_image image;
  if (tw_map_open(path, &map, NULL) != TW_OK) {
    draw_gone(canvas, box);
    return box;
  }
  tw_status status = tw_image_thumbnail(grid->reader, tw_map_bytes(map), PIXELS, &image, NULL);
  if (status == TW_OK) {
    box = tw_picture_draw(canvas, &image, box, true);
  } else {
    draw_gone(canvas, box);
    canvas->failed = canvas->failed || status == TW_E_MEMORY;
  }
  tw_map_close(map);
  return box;
}

/* A frame around the photograph and a cross in its corner. */
static void mark_wrong(tw_canvas *canvas, tw_box place) {
  enum { FRAME = 5, INSIDE = 6 };
  canvas->rectangle(canvas, place.left - FRAME / 2.0, place.top - FRAME / 2.0, place.width + FRAME,
                    place.height + FRAME);
  tw_draw_stroke(canvas, TW_INK_SECOND, FRAME);
  double left = place.left + place.width - BADGE;
  canvas->rectangle(canvas, left, place.top, BADGE, BADGE);
  tw_draw_fill(canvas, TW_INK_SECOND);
  canvas->line(canvas, left + INSIDE, place.top + INSIDE, left + BADGE - INSIDE, place.top + BADGE - INSIDE);
  canvas->line(canvas, left + INSIDE, place.top + BADGE - INSIDE, left + BADGE - INSIDE, place.top + INSIDE);
  tw_draw_stroke(canvas, TW_INK_PAPER, 3);
}

/* "true: robin", the name cut to what there is room for. */
static void draw_line(tw_canvas *canvas, const char *before, const char *name, double x, double y, bool bold) {
  enum { BOLD = 25 /* pixels that a bold line is wider */ };
  tw_buffer text = {0};
  tw_buffer_format(&text, "%s%s", before, name);
  tw_buffer_append(&text, "", 1);
  if (!text.failed) {
    tw_label label = {.x = x, .y = y, .size = FONT, .bold = bold};
    tw_draw_fitted(canvas, (const char *)text.data, WIDTH - (bold ? BOLD : 0), label, TW_INK_TEXT);
  }
  canvas->failed = canvas->failed || text.failed;
  tw_buffer_done(&text);
}

static void draw_tile(const grid *grid, tw_canvas *canvas, const tw_report_row *row, double left, double top) {
  bool right = is_right(row);
  tw_box place = draw_photo(grid, canvas, row->path, (tw_box){left, top, WIDTH, PHOTO});
  if (!right) {
    mark_wrong(canvas, place);
  }
  draw_line(canvas, "true: ", row->label, left, top + PHOTO + 22, false);
  draw_line(canvas, right ? "predicted: " : "WRONG: ", row->prediction, left, top + PHOTO + 40, !right);
  tw_buffer share = {0};
  tw_buffer_text(&share, "probability ");
  tw_html_percent(&share, (double)row->probability);
  tw_draw_buffer(canvas, &share, (tw_label){.x = left, .y = top + PHOTO + 58, .size = FONT}, TW_INK_TEXT);
}

/* ---- The whole --------------------------------------------------------------------------------------------------- */

static tw_extent extent_of(const grid *grid) {
  size_t rows = (grid->count + PER_ROW - 1) / PER_ROW;
  return (tw_extent){2 * BORDER + PER_ROW * WIDTH + (PER_ROW - 1) * GAP,
                     TOP + (double)rows * (PHOTO + TEXTS + GAP) + BORDER - GAP};
}

static void draw_head(const grid *grid, tw_canvas *canvas) {
  size_t right = 0;
  for (size_t i = 0; i < grid->count; i++) {
    right += is_right(&grid->outcome->rows[grid->rows[i]]);
  }
  tw_buffer title = {0};
  tw_html_count(&title, grid->count, "picture", "pictures");
  tw_buffer_format(&title, " at random: %zu right, %zu wrong", right, grid->count - right);
  tw_draw_buffer(canvas, &title, (tw_label){.x = BORDER, .y = 28, .size = 15, .bold = true}, TW_INK_TEXT);
  tw_buffer of = {0};
  tw_chart_of_what(grid->outcome, &of);
  tw_buffer_format(&of, "; seed %llu", (unsigned long long)grid->seed);
  tw_draw_buffer(canvas, &of, (tw_label){.x = BORDER, .y = 47, .size = FONT - 1}, TW_INK_MUTED);
}

static void draw(const void *what, tw_canvas *canvas) {
  const grid *grid = what;
  draw_head(grid, canvas);
  for (size_t i = 0; i < grid->count; i++) {
    draw_tile(grid, canvas, &grid->outcome->rows[grid->rows[i]], BORDER + (double)(i % PER_ROW) * (WIDTH + GAP),
              TOP + (double)(i / PER_ROW) * (PHOTO + TEXTS + GAP));
  }
}

tw_status tw_report_draw_grid(const tw_outcome *outcome, uint64_t seed, tw_buffer *buffer, tw_error *error) {
  grid grid = {.outcome = outcome, .seed = seed, .reader = tw_image_reader_create()};
  if (grid.reader == NULL) {
    return tw_error_memory(error);
  }
  grid.count = tw_report_grid_choose(outcome, seed, grid.rows);
  tw_status status = tw_chart_save(draw, &grid, extent_of(&grid), true, buffer, error);
  tw_image_reader_free(grid.reader);
  return status;
}
