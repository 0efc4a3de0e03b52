/* Choosing a precision: what is made, kept and found again, what is said, and what is refused. */
#include <dirent.h>
#include <unistd.h>

#include "features/calibration.h"
#include "test_features_networks.h"

enum { PICTURES = 40, MANY_NOTES = 8 };

static char *paths[PICTURES];
static char *others[PICTURES]; /* another data set */

static int setup(void **state) {
  if (tree_setup(state) != 0) {
    return -1;
  }
  net_pictures("pictures", 0, PICTURES, paths);
  net_pictures("others", 500, PICTURES, others);
  return 0;
}

static int teardown(void **state) {
  net_free_paths(paths, PICTURES);
  net_free_paths(others, PICTURES);
  return tree_teardown(state);
}

/* ---- What is said ------------------------------------------------------------------------------------------------ */

static char *notes[MANY_NOTES];
static size_t note_count;

static void take_note(void *context, const char *line) {
  (void)context;
  assert_true(note_count < MANY_NOTES);
  notes[note_count++] = tw_strdup(line);
}

static void forget_notes(void) {
  while (note_count > 0) {
    tw_free(notes[--note_count]);
  }
}

static bool was_said(const char *words) {
  for (size_t i = 0; i < note_count; i++) {
    if (strstr(notes[i], words) != NULL) {
      return true;
    }
  }
  return false;
}

/* ---- Choosing ---------------------------------------------------------------------------------------------------- */

static tw_precision_request int8_of(char *const *files, size_t count, const char *cache) {
  return (tw_precision_request){.precision = TW_PRECISION_INT8,
                                .paths = (const char *const *)files,
                                .count = count,
                                .cache = tree_path(cache),
                                .threads = 2,
                                .note = take_note};
}

/* A new trunk in the precision that was asked for. */
static tw_trunk *chosen(const tw_precision_request *request) {
  tw_trunk *trunk = net_create(net_plain(), "flat");
  tw_error error = {0};
  forget_notes();
  net_ok(tw_trunk_choose_precision(trunk, request, &error), &error);
  return trunk;
}

static void expect_refused(const tw_precision_request *request, tw_status status, const char *words) {
  tw_trunk *trunk = net_create(net_plain(), "flat");
  tw_error error = {0};
  forget_notes();
  assert_int_equal(tw_trunk_choose_precision(trunk, request, &error), status);
  if (strstr(error.message, words) == NULL) {
    fail_msg("'%s' is not in: %s", words, error.message);
  }
  assert_int_equal(tw_trunk_get_precision(trunk)->precision, TW_PRECISION_F32);
  tw_trunk_free(trunk);
}

static void expect_same_integers(const tw_trunk *a, const tw_trunk *b, bool same) {
  tw_hash left = *tw_quantised_hash(tw_trunk_quantised(a));
  tw_hash right = *tw_quantised_hash(tw_trunk_quantised(b));
  tw_hash left_key = tw_trunk_key(a);
  tw_hash right_key = tw_trunk_key(b);
  assert_int_equal(tw_hash_compare(&left, &right) == 0, same);
  assert_int_equal(tw_hash_compare(&left_key, &right_key) == 0, same);
}

static size_t count_kept(const char *cache) {
  char *path = tw_format("%s/" TW_CALIBRATIONS, tree_path(cache));
  DIR *folder = opendir(path);
  size_t count = 0;
  for (const struct dirent *at = folder == NULL ? NULL : readdir(folder); at != NULL; at = readdir(folder)) {
    count += at->d_name[0] != '.';
  }
  if (folder != NULL) {
    closedir(folder);
  }
  tw_free(path);
  return count;
}

static void a_calibration_is_made_once(void **state) {
  (void)state;
  tw_precision_request request = int8_of(paths, PICTURES, "once");
  tw_trunk *first = chosen(&request);
  const tw_trunk_precision *precision = tw_trunk_get_precision(first);
  assert_int_equal(precision->precision, TW_PRECISION_INT8);
  assert_int_equal(precision->calibrated, 32);
  assert_int_equal(precision->fidelity.pictures, 8);
  assert_true(precision->unseen);
  assert_true(precision->fidelity.mean >= TW_FIDELITY_MEAN && precision->fidelity.mean <= 1);
  assert_true(precision->fidelity.worst >= TW_FIDELITY_WORST);
  assert_int_equal(precision->layers, 1);
  assert_true(was_said("over 8 pictures that calibration has not seen"));
  assert_false(was_said("measured before"));
  assert_int_equal(note_count, 1);
  assert_int_equal(count_kept("once"), 1);

  /* Other pictures, or none: the one that is kept, and all that was known of it. */
  tw_precision_request second = int8_of(others, PICTURES, "once");
  for (size_t count = 0; count <= PICTURES; count += PICTURES) {
    second.count = count;
    tw_trunk *again = chosen(&second);
    expect_same_integers(first, again, true);
    assert_true(was_said("; measured before, and kept"));
    const tw_trunk_precision *kept = tw_trunk_get_precision(again);
    assert_int_equal(kept->calibrated, precision->calibrated);
    assert_int_equal(kept->fidelity.pictures, precision->fidelity.pictures);
    assert_true(kept->unseen && kept->fidelity.mean == precision->fidelity.mean);
    assert_int_equal(kept->layers, precision->layers);
    tw_trunk_free(again);
  }
  second.recalibrate = true;
  tw_trunk *renewed = chosen(&second);
  expect_same_integers(first, renewed, false);
  second.recalibrate = false;
  tw_trunk *after = chosen(&second);
  expect_same_integers(renewed, after, true);
  assert_int_equal(count_kept("once"), 1);
  tw_trunk_free(after);
  tw_trunk_free(renewed);
  tw_trunk_free(first);
}

static void threads_and_order_change_nothing(void **state) {
  (void)state;
  char *reversed[PICTURES];
  for (size_t i = 0; i < PICTURES; i++) {
    reversed[i] = paths[PICTURES - 1 - i];
  }
  tw_precision_request request = int8_of(paths, PICTURES, "never");
  request.no_cache = true;
  request.threads = 1;
  tw_trunk *one = chosen(&request);
  request = int8_of(reversed, PICTURES, "never");
  request.no_cache = true;
  request.threads = 4;
  tw_trunk *four = chosen(&request);
  expect_same_integers(one, four, true);
  assert_int_equal(count_kept("never"), 0);
  tw_trunk_free(one);
  tw_trunk_free(four);
}

/* The features are near those of float32, and are cached apart from them. */
static void features_are_cached_by_precision(void **state) {
  (void)state;
  tw_precision_request request = int8_of(paths, PICTURES, "cached");
  tw_trunk *f32 = net_create(net_plain(), "flat");
  tw_trunk *int8 = chosen(&request);
  tw_cache *cache = NULL;
  char *note = NULL;
  tw_error error = {0};
  net_ok(tw_cache_open(tree_path("cached"), &cache, &note, &error), &error);
  assert_null(note);
  const tw_extract_options options = {.threads = 2};
  tw_extraction *rows[4];
  for (size_t i = 0; i < 4; i++) {
    tw_trunk *trunk = i % 2 == 0 ? f32 : int8;
    net_ok(tw_extract(trunk, cache, (const char *const *)paths, PICTURES, &options, &rows[i], &error), &error);
    assert_int_equal(rows[i]->cached, i < 2 ? 0 : PICTURES);
  }
  size_t floats = PICTURES * rows[0]->dimensions;
  assert_memory_equal(rows[0]->rows, rows[2]->rows, floats * sizeof(float));
  assert_memory_equal(rows[1]->rows, rows[3]->rows, floats * sizeof(float));
  assert_int_not_equal(memcmp(rows[0]->rows, rows[1]->rows, floats * sizeof(float)), 0);
  for (size_t i = 0; i < floats; i++) {
    double difference = (double)rows[0]->rows[i] - (double)rows[1]->rows[i];
    assert_true(difference < 0.1 && difference > -0.1);
  }
  for (size_t i = 0; i < 4; i++) {
    tw_extraction_free(rows[i]);
  }
  tw_cache_close(cache);
  tw_trunk_free(int8);
  tw_trunk_free(f32);
}

/* What the network itself says goes on behind the features, in float32. */
static void the_own_head_runs_on_int8_features(void **state) {
  (void)state;
  tw_precision_request request = int8_of(paths, PICTURES, "own");
  tw_trunk *int8 = chosen(&request);
  tw_trunk *f32 = net_create(net_plain(), "flat");
  uint8_t pixels[3 * 30 * 20];
  for (size_t i = 0; i < sizeof pixels; i++) {
    pixels[i] = (uint8_t)(i * 37);
  }
  const tw_source source = {.rgb = pixels, .width = 30, .height = 20, .stride = 90};
  float a[NET_CLASSES];
  float b[NET_CLASSES];
  tw_error error = {0};
  net_ok(tw_extract_one(int8, &source, TW_HEAD_OWN, 1, a, &error), &error);
  net_ok(tw_extract_one(f32, &source, TW_HEAD_OWN, 1, b, &error), &error);
  for (size_t i = 0; i < NET_CLASSES; i++) {
    assert_true(a[i] - b[i] < 0.02F && b[i] - a[i] < 0.02F);
  }
  tw_trunk_free(f32);
  tw_trunk_free(int8);
}

/* ---- What goes wrong --------------------------------------------------------------------------------------------- */

static char *kept_path(const char *cache) {
  tw_trunk *trunk = net_create(net_plain(), "flat");
  char *path = NULL;
  tw_error error = {0};
  net_ok(tw_calibration_path(trunk, TW_PRECISION_INT8, tree_path(cache), &path, &error), &error);
  tw_trunk_free(trunk);
  return path;
}

static void a_damaged_calibration_is_made_anew(void **state) {
  (void)state;
  tw_precision_request request = int8_of(paths, PICTURES, "damaged");
  tw_trunk *good = chosen(&request);
  char *path = kept_path("damaged");
  tw_buffer file = {0};
  tw_error error = {0};
  assert_int_equal(tw_file_read(path, SIZE_MAX, &file, NULL), TW_OK);
  static const size_t places[] = {0, 10, 30, 130, 200};
  for (size_t i = 0; i < sizeof places / sizeof *places; i++) {
    file.data[places[i]] ^= 4;
    net_ok(tw_output_save(path, tw_buffer_bytes(&file), &error), &error);
    file.data[places[i]] ^= 4;
    tw_trunk *anew = chosen(&request);
    assert_true(was_said("(it is made anew)"));
    expect_same_integers(good, anew, true);
    tw_trunk_free(anew);
    tw_buffer again = {0};
    assert_int_equal(tw_file_read(path, SIZE_MAX, &again, NULL), TW_OK);
    assert_true(tw_bytes_equal(tw_buffer_bytes(&file), tw_buffer_bytes(&again)));
    tw_buffer_done(&again);
  }
  net_ok(tw_output_save(path, (tw_bytes){file.data, file.size / 2}, &error), &error);
  request.count = 0;
  expect_refused(&request, TW_E_ARGUMENT, "no calibration of the trunk flat for int8 is kept");
  tw_buffer_done(&file);
  tw_free(path);
  tw_trunk_free(good);
}

static bool goes_on_without_keeping(void) {
  tw_precision_request request = int8_of(paths, PICTURES, "locked");
  tw_trunk *trunk = net_create(net_plain(), "flat");
  tw_error error = {0};
  bool fine = tw_trunk_choose_precision(trunk, &request, &error) == TW_OK;
  tw_trunk_free(trunk);
  return fine && was_said("the calibration is not kept for the next time") && was_said("int8: cosine");
}

static void a_folder_that_cannot_be_written_is_a_note(void **state) {
  (void)state;
  forget_notes();
  tree_folder("locked");
  assert_int_equal(chmod(tree_path("locked"), 0555), 0);
  assert_true(tree_as_nobody(goes_on_without_keeping));
  assert_int_equal(count_kept("locked"), 0);
}

static void pictures_that_do_not_do_are_refused(void **state) {
  (void)state;
  tw_precision_request few = int8_of(paths, TW_MIN_CALIBRATION - 1, "bad");
  expect_refused(&few, TW_E_DATA, "flat in int8: 9 of the 9 pictures can be read and differ");
  char *same[PICTURES];
  for (size_t i = 0; i < PICTURES; i++) {
    same[i] = paths[0];
  }
  tw_precision_request copies = int8_of(same, PICTURES, "bad");
  expect_refused(&copies, TW_E_DATA, "flat in int8: 1 of the 40 pictures can be read and differ");
  tw_precision_request none = int8_of(NULL, 0, "bad");
  expect_refused(&none, TW_E_ARGUMENT, "'topwork features DIR -o F.npy --precision int8'");
  assert_int_equal(count_kept("bad"), 0);
}

static bool stop(void *context, const tw_progress *progress) {
  (void)progress;
  return --*(int *)context > 0;
}

static void who_stops_it_has_no_calibration(void **state) {
  (void)state;
  int left = 1;
  tw_ticker ticker = {.callback = stop, .context = &left};
  tw_precision_request request = int8_of(paths, PICTURES, "stopped");
  request.ticker = &ticker;
  expect_refused(&request, TW_E_CANCELLED, "");
  assert_int_equal(count_kept("stopped"), 0);
}

/* ---- Automatically ----------------------------------------------------------------------------------------------- */

static void auto_takes_the_first_that_does(void **state) {
  (void)state;
  tw_precision_request request = int8_of(paths, PICTURES, "auto");
  request.automatic = true;
  request.precision = TW_PRECISION_F32;
  tw_trunk *trunk = chosen(&request);
  assert_int_equal(tw_trunk_get_precision(trunk)->precision, TW_PRECISION_INT8);
  assert_int_equal(note_count, 1);
  tw_trunk_free(trunk);

  /* Too few for int8: bf16 where the processor has it, or f32; the line says why in either case. */
  request = int8_of(paths, TW_MIN_CALIBRATION - 1, "auto-few");
  request.automatic = true;
  trunk = chosen(&request);
  assert_int_not_equal(tw_trunk_get_precision(trunk)->precision, TW_PRECISION_INT8);
  assert_int_equal(note_count, 1);
  assert_true(was_said("; not int8: "));
  assert_true(strncmp(notes[0], "f32; not int8", 13) == 0 || strncmp(notes[0], "bf16: cosine", 12) == 0);
  tw_trunk_free(trunk);
}

static void f32_needs_nothing_and_says_nothing(void **state) {
  (void)state;
  const tw_precision_request request = {.precision = TW_PRECISION_F32, .note = take_note};
  tw_trunk *plain = net_create(net_plain(), "flat");
  tw_trunk *trunk = chosen(&request);
  assert_int_equal(note_count, 0);
  tw_hash a = tw_trunk_key(plain);
  tw_hash b = tw_trunk_key(trunk);
  assert_int_equal(tw_hash_compare(&a, &b), 0);
  tw_trunk_free(trunk);
  tw_trunk_free(plain);
}

static void memory_that_runs_out_is_an_error(void **state) {
  (void)state;
  tw_precision_request request = int8_of(paths, PICTURES, "memory");
  tw_trunk *kept = chosen(&request);
  tw_trunk_free(kept);
  request.count = 0;
  bool done = false;
  for (size_t n = 1; !done; n++) {
    tw_trunk *trunk = net_create(net_plain(), "flat");
    tw_error error = {0};
    tw_memory_fail_after(n);
    tw_status status = tw_trunk_choose_precision(trunk, &request, &error);
    tw_memory_fail_after(0);
    forget_notes();
    assert_true(status == TW_OK || status == TW_E_MEMORY);
    done = status == TW_OK;
    tw_trunk_free(trunk);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(a_calibration_is_made_once),
      cmocka_unit_test(threads_and_order_change_nothing),
      cmocka_unit_test(features_are_cached_by_precision),
      cmocka_unit_test(the_own_head_runs_on_int8_features),
      cmocka_unit_test(a_damaged_calibration_is_made_anew),
      cmocka_unit_test(a_folder_that_cannot_be_written_is_a_note),
      cmocka_unit_test(pictures_that_do_not_do_are_refused),
      cmocka_unit_test(who_stops_it_has_no_calibration),
      cmocka_unit_test(auto_takes_the_first_that_does),
      cmocka_unit_test(f32_needs_nothing_and_says_nothing),
      cmocka_unit_test(memory_that_runs_out_is_an_error),
  };
  return cmocka_run_group_tests(tests, setup, teardown);
}
