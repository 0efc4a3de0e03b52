/* The tutorial's pictures: what is where on them, seen as pixels. Skipped where the module with cairo is not to be had.
 */
#include <math.h>
#include <string.h>

#include "report/chart.h"
#include "report_outcome.h"
#include "support.h"

/* ---- Looking at a picture ---------------------------------------------------------------------------------------- */

static void must(tw_status status, const tw_error *error) {
  if (status == TW_E_UNSUPPORTED) {
    fprintf(stderr, "%s\n", error->message);
    exit(TW_TEST_SKIPPED);
  }
  assert_string_equal(status == TW_OK ? "" : error->message, "");
}

/* The pixels of a PNG; valid until the reader's next call. Empties the file. */
static tw_image pixels_of(tw_image_reader *reader, tw_buffer *file) {
  tw_preprocess preprocess = {.alpha = TW_ALPHA_WHITE};
  tw_image image;
  tw_error error = {0};
  must(tw_image_decode(reader, tw_buffer_bytes(file), &preprocess, &image, &error), &error);
  tw_buffer_done(file);
  return image;
}

static bool is_colour(const uint8_t *pixel, tw_rgb colour) {
  return pixel[0] == colour.r && pixel[1] == colour.g && pixel[2] == colour.b;
}

static size_t count_colour(const tw_image *image, tw_rgb colour) {
  size_t count = 0;
  for (size_t i = 0; i < image->width * image->height; i++) {
    count += is_colour(image->rgb + 3 * i, colour);
  }
  return count;
}

static const char *svg_text(tw_buffer *file) {
  tw_buffer_append(file, "", 1);
  assert_false(file->failed);
  return (const char *)file->data;
}

/* A blue picture on the disk. */
static char *make_picture(void) {
  enum { SIDE = 40 };
  uint8_t rgb[SIDE * SIDE * 3];
  for (size_t i = 0; i < sizeof rgb; i += 3) {
    rgb[i] = rgb[i + 1] = 0;
    rgb[i + 2] = 254;
  }
  tw_image image = {SIDE, SIDE, rgb};
  tw_buffer jpeg = {0};
  char *path = tw_strdup("/tmp/topwork-pictures-XXXXXX");
  int file = mkstemp(path);
  assert_true(file >= 0);
  close(file);
  assert_int_equal(tw_image_encode_jpeg(&image, 100, &jpeg, NULL), TW_OK);
  assert_int_equal(tw_output_save(path, tw_buffer_bytes(&jpeg), NULL), TW_OK);
  tw_buffer_done(&jpeg);
  return path;
}

/* ---- Features ---------------------------------------------------------------------------------------------------- */

static void features_get_the_shape_nearest_to_one_by_two(void **state) {
  (void)state;
  static const size_t cases[][3] = {{2048, 32, 64}, {1280, 32, 40}, {1024, 32, 32},   {512, 16, 32}, {2, 1, 2},
                                    {1, 1, 1},      {18, 3, 6},     {1536, 32, 48},   {768, 24, 32}, {3, 1, 3},
                                    {1009, 23, 45}, {7, 1, 7},      {65536, 256, 256}};
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    size_t rows;
    size_t columns;
    tw_report_features_shape(cases[i][0], &rows, &columns);
    assert_int_equal(rows, cases[i][1]);
    assert_int_equal(columns, cases[i][2]);
  }
  for (size_t count = 1; count < 3000; count++) {
    size_t rows;
    size_t columns;
    tw_report_features_shape(count, &rows, &columns);
    assert_true(rows * columns >= count && (rows - 1) * columns < count);
    assert_true(columns <= 8 * rows);
  }
}

static tw_buffer features_file(const float *features, size_t count) {
  enum { SIDE = 10 };
  static uint8_t rgb[SIDE * SIDE * 3];
  memset(rgb, 0, sizeof rgb);
  for (size_t i = 0; i < sizeof rgb; i += 3) {
    rgb[i] = 250;
  }
  tw_image image = {SIDE, SIDE, rgb};
  tw_buffer file = {0};
  tw_error error = {0};
  must(tw_report_draw_features("d/red.jpg", "a trunk", &image, features, count, &file, &error), &error);
  return file;
}

static void features_are_cells_in_order_beside_the_picture(void **state) {
  (void)state;
  enum { COUNT = 2048 };
  float features[COUNT] = {0};
  features[0] = 2;
  features[63] = 1;
  tw_image_reader *reader = tw_image_reader_create();
  tw_buffer file = features_file(features, COUNT);
  tw_image image = pixels_of(reader, &file);
  /* Cells of 12 pixels at twice the size; the key adds steps of 15 x 12. */
  size_t cell = 24 * 24;
  size_t key = 30 * 24;
  assert_in_range(count_colour(&image, tw_ink_colour(TW_INK_HEAT + TW_HEAT_LEVELS - 1)), key + cell * 3 / 4,
                  key + cell);
  assert_in_range(count_colour(&image, tw_ink_colour(TW_INK_HEAT + TW_HEAT_LEVELS / 2)), key + cell * 3 / 4,
                  key + cell);
  assert_in_range(count_colour(&image, tw_ink_colour(TW_INK_HEAT)), (COUNT - 2) * cell * 19 / 20,
                  (COUNT - 2) * cell + key);
  assert_in_range(count_colour(&image, (tw_rgb){250, 0, 0}), 500000, 4 * 384 * 384);
  /* The first feature is left of the 64th, in the same row. */
  size_t first = SIZE_MAX;
  size_t last = SIZE_MAX;
  for (size_t i = image.width * 140; i < image.width * 141; i++) {
    first = is_colour(image.rgb + 3 * i, tw_ink_colour(TW_INK_HEAT + TW_HEAT_LEVELS - 1)) ? i : first;
    last = is_colour(image.rgb + 3 * i, tw_ink_colour(TW_INK_HEAT + TW_HEAT_LEVELS / 2)) ? i : last;
  }
  assert_true(first != SIZE_MAX && last != SIZE_MAX);
  assert_in_range(last - first, 62 * 24, 64 * 24);
  tw_image_reader_free(reader);
}

static void odd_features(void **state) {
  (void)state;
  static float features[70000];
  tw_image_reader *reader = tw_image_reader_create();
  const size_t counts[] = {1, 2, 1009, 70000};
  for (size_t i = 0; i < sizeof counts / sizeof *counts; i++) {
    features[0] = (float)NAN;
    features[1] = (float)INFINITY;
    tw_buffer file = features_file(features, counts[i]);
    tw_image image = pixels_of(reader, &file);
    assert_in_range(image.width, 1000, 8000);
    assert_in_range(image.height, 900, 8000);
  }
  tw_image_reader_free(reader);
}

/* ---- The grid ---------------------------------------------------------------------------------------------------- */

static void the_grid_draws_each_row_alike(void **state) {
  (void)state;
  enum { ROWS = 40, SEEDS = 4000 };
  made_outcome *made = make_outcome_of(4, ROWS, NULL, 0);
  made->rows[7].tested = false;
  size_t drawn[ROWS] = {0};
  for (uint64_t seed = 0; seed < SEEDS; seed++) {
    size_t rows[TW_REPORT_GRID];
    size_t again[TW_REPORT_GRID];
    assert_int_equal(tw_report_grid_choose(&made->outcome, seed, rows), TW_REPORT_GRID);
    tw_report_grid_choose(&made->outcome, seed, again);
    assert_memory_equal(rows, again, sizeof rows);
    for (size_t i = 0; i < TW_REPORT_GRID; i++) {
      drawn[rows[i]]++;
      for (size_t j = 0; j < i; j++) {
        assert_true(rows[i] != rows[j]);
      }
    }
  }
  assert_int_equal(drawn[7], 0);
  for (size_t i = 0; i < ROWS; i++) { /* 923 expected, standard deviation 27 */
    assert_true(i == 7 || (drawn[i] > 780 && drawn[i] < 1070));
  }
  made_outcome_free(made);
}

static size_t draw_grid(const tw_outcome *outcome, tw_rgb colour, size_t *ret_height) {
  tw_image_reader *reader = tw_image_reader_create();
  tw_buffer file = {0};
  tw_error error = {0};
  must(tw_report_draw_grid(outcome, 3, &file, &error), &error);
  tw_image image = pixels_of(reader, &file);
  *ret_height = image.height;
  size_t count = count_colour(&image, colour);
  tw_image_reader_free(reader);
  return count;
}

static void wrong_ones_are_framed(void **state) {
  (void)state;
  char *picture = make_picture();
  made_outcome *made = make_outcome_of(3, 30, &picture, 1);
  size_t height;
  for (size_t i = 0; i < 30; i++) {
    made->rows[i].predicted_index = made->rows[i].label_index;
  }
  assert_int_equal(draw_grid(&made->outcome, tw_ink_colour(TW_INK_SECOND), &height), 0);
  assert_in_range(draw_grid(&made->outcome, (tw_rgb){0, 0, 254}, &height), 9 * 380 * 380, 9 * 400 * 400);
  for (size_t i = 0; i < 30; i++) {
    made->rows[i].predicted_index = (made->rows[i].label_index + 1) % 3;
  }
  /* A frame of 5 around a side of 200, and a badge of 22 with a cross, at twice the size. */
  assert_in_range(draw_grid(&made->outcome, tw_ink_colour(TW_INK_SECOND), &height), 9 * 16000, 9 * 19000);
  made_outcome_free(made);
  unlink(picture);
  tw_free(picture);
}

static void fewer_pictures_and_gone_ones(void **state) {
  (void)state;
  size_t nine;
  size_t four;
  made_outcome *made = make_outcome_of(2, 9, NULL, 0);
  draw_grid(&made->outcome, (tw_rgb){0, 0, 254}, &nine);
  made->outcome.row_count = 4;
  draw_grid(&made->outcome, (tw_rgb){0, 0, 254}, &four);
  assert_true(four < nine);
  made->outcome.row_count = 9;
  make_names_hostile(made);
  made_rename(made, 1, made_long_name('W', 10000));
  draw_grid(&made->outcome, (tw_rgb){0, 0, 254}, &four);
  assert_int_equal(four, nine);
  made_outcome_free(made);
}

/* ---- Bars -------------------------------------------------------------------------------------------------------- */

static void bars_are_as_long_as_their_shares(void **state) {
  (void)state;
  static const char *const labels[] = {"giant panda", "<script>", "\xe7\x8c\xab\xe7\x86\x8a \xff", ""};
  static const float probabilities[] = {0.75f, 0.25f, 0, 1e-9f};
  tw_image_reader *reader = tw_image_reader_create();
  tw_buffer file = {0};
  tw_error error = {0};
  must(tw_report_draw_bars("d/panda.jpg", "a trunk", labels, probabilities, 2, true, &file, &error), &error);
  tw_image image = pixels_of(reader, &file);
  /* 420 pixels are all; 20 high; at twice the size. */
  assert_in_range(count_colour(&image, tw_ink_colour(TW_INK_MAIN)), 420 * 20 * 4 * 98 / 100, 420 * 20 * 4);
  must(tw_report_draw_bars("d/&\n.jpg", "a trunk", labels, probabilities, 4, false, &file, &error), &error);
  assert_null(strstr(svg_text(&file), "<script"));
  assert_non_null(strstr((const char *)file.data, "</svg>"));
  tw_buffer_done(&file);
  tw_image_reader_free(reader);
}

/* ---- Curves ------------------------------------------------------------------------------------------------------ */

/* Drawn on the page's canvas, whose text stays text. */
static tw_buffer curves_text(const tw_history *history) {
  tw_buffer out = {0};
  tw_extent extent = tw_curves_extent();
  tw_canvas *canvas = tw_svg_begin(&out, extent.width, extent.height, "");
  tw_curves_draw(history, canvas);
  tw_svg_end(canvas);
  svg_text(&out);
  return out;
}

static size_t count_of(const tw_buffer *text, const char *what) {
  size_t count = 0;
  for (const char *at = (const char *)text->data; (at = strstr(at, what)) != NULL; at++) {
    count++;
  }
  return count;
}

static void curves_say_what_was_kept(void **state) {
  (void)state;
  made_outcome *made = make_outcome_of(2, 2, NULL, 0);
  tw_buffer out = curves_text(&made->history);
  assert_int_equal(count_of(&out, "50 epochs; the weights of epoch 38 were kept: lowest validation loss"), 1);
  assert_int_equal(count_of(&out, "validation loss 0.3000, accuracy 90.0\xc2\xa0%"), 1);
  assert_int_equal(count_of(&out, "stroke-dasharray"), 3); /* validation twice, and the key */
  assert_int_equal(count_of(&out, "nan"), 0);
  tw_buffer_done(&out);
  for (size_t i = 0; i < MADE_EPOCHS; i++) {
    made->epochs[i].validation_loss = (double)NAN;
    made->epochs[i].validation_accuracy = (double)NAN;
  }
  made->history.best = MADE_EPOCHS - 1;
  out = curves_text(&made->history);
  assert_int_equal(count_of(&out, "the weights of epoch 50 were kept: the last one"), 1);
  assert_int_equal(count_of(&out, "stroke-dasharray"), 0);
  assert_int_equal(count_of(&out, "validation"), 0);
  assert_int_equal(count_of(&out, "nan"), 0);
  tw_buffer_done(&out);
  made_outcome_free(made);
}

static void odd_histories(void **state) {
  (void)state;
  static const double losses[] = {0, 1e-300, 1e17, 1e300, (double)NAN, (double)INFINITY};
  for (size_t i = 0; i < sizeof losses / sizeof *losses; i++) {
    tw_epoch epochs[3] = {
        {.training_loss = losses[i]}, {.training_loss = losses[i], .validation_loss = 1}, {.rate = 1}};
    for (size_t count = 1; count <= 3; count++) {
      tw_history history = {.count = count, .epochs = epochs, .best = count - 1};
      tw_buffer out = curves_text(&history);
      assert_true(out.size < 20000);
      assert_int_equal(count_of(&out, "nan"), 0);
      assert_int_equal(count_of(&out, "inf"), 0);
      tw_buffer_done(&out);
    }
  }
}

/* A hundred thousand epochs with one spike, which must not be lost. */
static void long_histories_stay_small_and_keep_spikes(void **state) {
  (void)state;
  tw_epoch *epochs = tw_alloc(TW_RECIPE_MAX_EPOCHS, sizeof *epochs);
  for (size_t i = 0; i < TW_RECIPE_MAX_EPOCHS; i++) {
    epochs[i] = (tw_epoch){.training_loss = 0.5, .validation_loss = 0.5};
  }
  epochs[77777].validation_loss = 10;
  tw_history history = {.count = TW_RECIPE_MAX_EPOCHS, .epochs = epochs};
  tw_buffer out = curves_text(&history);
  assert_true(out.size < 100000);
  /* The loss panel is 170 high from 66: 10 of 10 is its top. */
  assert_true(count_of(&out, " 66L") > 0);
  tw_buffer_done(&out);
  tw_free(epochs);
}

/* ---- Memory ------------------------------------------------------------------------------------------------------ */

typedef enum drawing { GRID, BARS, FEATURES, CURVES, DRAWINGS } drawing;

static tw_status draw_one(const made_outcome *made, drawing what, tw_buffer *file) {
  static const char *const labels[] = {"a", "b"};
  static const float shares[] = {0.5f, 0.25f};
  static uint8_t rgb[12];
  tw_image image = {2, 2, rgb};
  switch (what) {
    case GRID: return tw_report_draw_grid(&made->outcome, 1, file, NULL);
    case BARS: return tw_report_draw_bars("a.jpg", "b", labels, shares, 2, false, file, NULL);
    case FEATURES: return tw_report_draw_features("a.jpg", "b", &image, made->features, 2, file, NULL);
    default: return tw_report_draw_curves(&made->history, false, file, NULL);
  }
}

static void every_failed_allocation_is_an_error(void **state) {
  (void)state;
  char *picture = make_picture();
  made_outcome *made = make_outcome_of(2, 2, &picture, 1);
  for (int what = 0; what < DRAWINGS; what++) {
    size_t n = 1;
    for (tw_status status = TW_E_MEMORY; status != TW_OK; n++) {
      tw_buffer file = {0};
      tw_memory_fail_after(n);
      status = draw_one(made, (drawing)what, &file);
      tw_memory_fail_after(0);
      tw_buffer_done(&file);
      assert_true(status == TW_OK || status == TW_E_MEMORY);
    }
    assert_true(n > 5);
  }
  made_outcome_free(made);
  unlink(picture);
  tw_free(picture);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(features_get_the_shape_nearest_to_one_by_two),
      cmocka_unit_test(features_are_cells_in_order_beside_the_picture),
      cmocka_unit_test(odd_features),
      cmocka_unit_test(the_grid_draws_each_row_alike),
      cmocka_unit_test(wrong_ones_are_framed),
      cmocka_unit_test(fewer_pictures_and_gone_ones),
      cmocka_unit_test(bars_are_as_long_as_their_shares),
      cmocka_unit_test(curves_say_what_was_kept),
      cmocka_unit_test(odd_histories),
      cmocka_unit_test(long_histories_stay_small_and_keep_spikes),
      cmocka_unit_test(every_failed_allocation_is_an_error),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
