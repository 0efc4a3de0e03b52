/* The sample that a precision is measured on, and the files that keep what came of it. */
#include <unistd.h>

#include "features/calibration.h"
#include "test_features_networks.h"

enum { PICTURES = 40, FLOATS = 3 * NET_SIDE * NET_SIDE };

static char *paths[PICTURES];
static tw_trunk *trunk;

static int setup(void **state) {
  if (tree_setup(state) != 0) {
    return -1;
  }
  net_pictures("pictures", 0, PICTURES, paths);
  net_save(net_plain(), "net.onnx", NULL);
  trunk = net_open(tree_path("net.onnx"), &(const tw_trunk_options){.preprocess = NET_PREPROCESS});
  return 0;
}

static int teardown(void **state) {
  tw_trunk_free(trunk);
  net_free_paths(paths, PICTURES);
  return tree_teardown(state);
}

/* ---- The sample -------------------------------------------------------------------------------------------------- */

static tw_picture_sample *draw(const tw_precision_request *request) {
  tw_picture_sample *sample = NULL;
  tw_error error = {0};
  net_ok(tw_picture_sample_draw(trunk, request, &sample, &error), &error);
  return sample;
}

static void same_samples(tw_picture_sample *a, tw_picture_sample *b) {
  tw_sample left = tw_picture_sample_engine(a);
  tw_sample right = tw_picture_sample_engine(b);
  float left_floats[FLOATS];
  float right_floats[FLOATS];
  tw_error error = {0};
  assert_int_equal(left.count, right.count);
  assert_int_equal(left.checks, right.checks);
  for (size_t i = 0; i < left.count + left.checks; i++) {
    net_ok(left.picture(left.context, i, left_floats, &error), &error);
    net_ok(right.picture(right.context, i, right_floats, &error), &error);
    assert_memory_equal(left_floats, right_floats, sizeof left_floats);
  }
}

static tw_precision_request request_of(char *const *files, size_t count, int threads) {
  return (tw_precision_request){.paths = (const char *const *)files, .count = count, .threads = threads};
}

static void only_contents_decide_the_sample(void **state) {
  (void)state;
  tw_precision_request request = request_of(paths, PICTURES, 1);
  tw_picture_sample *sample = draw(&request);
  tw_sample engine = tw_picture_sample_engine(sample);
  assert_int_equal(engine.count, PICTURES - PICTURES / 5);
  assert_int_equal(engine.checks, PICTURES / 5);

  /* Other names, another order, every picture twice, and files that are none. */
  char *others[2 * PICTURES + 3];
  size_t count = 0;
  for (size_t i = PICTURES; i-- > 0;) {
    tw_buffer bytes = {0};
    char name[32];
    assert_int_equal(tw_file_read(paths[i], SIZE_MAX, &bytes, NULL), TW_OK);
    snprintf(name, sizeof name, "others/x%zu", PICTURES - i);
    tree_file(name, bytes.data, bytes.size);
    others[count++] = tw_strdup(tree_path(name));
    others[count++] = tw_strdup(paths[i]);
    tw_buffer_done(&bytes);
  }
  tree_file("others/empty.png", "", 0);
  tree_file("others/bad.png", "\x89PNG\r\n\x1a\n and no more", 20);
  others[count++] = tw_strdup(tree_path("others/empty.png"));
  others[count++] = tw_strdup(tree_path("others/bad.png"));
  others[count++] = tw_strdup(tree_path("others/not-there.png"));
  for (int threads = 1; threads <= 5; threads += 2) {
    tw_precision_request other = request_of(others, count, threads);
    tw_picture_sample *again = draw(&other);
    same_samples(sample, again);
    tw_picture_sample_free(again);
  }
  for (size_t i = 0; i < count; i++) {
    tw_free(others[i]);
  }
  tw_picture_sample_free(sample);
}

static void the_check_gets_its_share(void **state) {
  (void)state;
  static const size_t shares[][2] = {{0, 0}, {9, 0}, {10, 0}, {19, 0}, {20, 4}, {100, 20}, {250, 50}};
  for (size_t i = 0; i < sizeof shares / sizeof *shares; i++) {
    assert_int_equal(tw_picture_sample_checks(shares[i][0]), shares[i][1]);
  }
}

/* More pictures than are wanted: those in front, and the limit is kept. */
static void the_sample_is_limited(void **state) {
  (void)state;
  enum { MANY = 300 };
  char *many[MANY];
  for (size_t i = 0; i < MANY; i++) {
    char name[32];
    snprintf(name, sizeof name, "many/%zu.png", i);
    net_picture(name, 1000 + i);
    many[i] = tw_strdup(tree_path(name));
  }
  tw_precision_request request = request_of(many, MANY, 2);
  tw_picture_sample *sample = draw(&request);
  tw_sample engine = tw_picture_sample_engine(sample);
  assert_int_equal(engine.count, TW_MAX_CALIBRATION);
  assert_int_equal(engine.checks, TW_MAX_CALIBRATION / 4);
  tw_picture_sample_free(sample);
  for (size_t i = 0; i < MANY; i++) {
    tw_free(many[i]);
  }
}

static void a_picture_that_changes_meanwhile_is_an_error(void **state) {
  (void)state;
  net_picture("changing.png", 77);
  char *changing = tw_strdup(tree_path("changing.png"));
  tw_precision_request request = request_of(&changing, 1, 1);
  tw_picture_sample *sample = draw(&request);
  tw_sample engine = tw_picture_sample_engine(sample);
  assert_int_equal(engine.count, 1);
  float floats[FLOATS];
  tw_error error = {0};
  net_ok(engine.picture(engine.context, 0, floats, &error), &error);
  net_picture("changing.png", 78);
  assert_int_equal(engine.picture(engine.context, 0, floats, &error), TW_E_IO);
  assert_non_null(strstr(error.message, "changing.png: was changed"));
  tw_picture_sample_free(sample);
  tw_free(changing);
}

static bool stop(void *context, const tw_progress *progress) {
  (void)context;
  return strcmp(progress->stage, "sample") != 0;
}

static void who_stops_it_gets_no_sample(void **state) {
  (void)state;
  tw_ticker ticker = {.callback = stop};
  tw_precision_request request = request_of(paths, PICTURES, 2);
  request.ticker = &ticker;
  tw_picture_sample *sample = NULL;
  tw_error error = {0};
  assert_int_equal(tw_picture_sample_draw(trunk, &request, &sample, &error), TW_E_CANCELLED);
  assert_null(sample);
}

static void memory_that_runs_out_is_an_error(void **state) {
  (void)state;
  enum { FEW = 4 };
  tw_precision_request request = request_of(paths, FEW, 1);
  bool done = false;
  for (size_t n = 1; !done; n++) {
    tw_picture_sample *sample = NULL;
    tw_error error = {0};
    tw_memory_fail_after(n);
    tw_status status = tw_picture_sample_draw(trunk, &request, &sample, &error);
    tw_memory_fail_after(0);
    assert_true(status == TW_OK || status == TW_E_MEMORY);
    done = status == TW_OK;
    assert_int_equal(sample != NULL, done);
    if (done) { /* nothing was taken for a bad picture */
      assert_int_equal(tw_picture_sample_engine(sample).count, FEW);
    }
    tw_picture_sample_free(sample);
  }
}

/* ---- Files ------------------------------------------------------------------------------------------------------- */

static char *path_in(const char *folder, tw_precision precision) {
  char *path = NULL;
  tw_error error = {0};
  net_ok(tw_calibration_path(trunk, precision, tree_path(folder), &path, &error), &error);
  return path;
}

static const tw_trunk_precision measured = {
    .precision = TW_PRECISION_BF16, .fidelity = {50, 0.9998, 0.9991}, .unseen = true, .calibrated = 200};

static void a_file_reads_back(void **state) {
  (void)state;
  char *path = path_in("kept", TW_PRECISION_BF16);
  char *other = path_in("kept", TW_PRECISION_INT8);
  assert_string_not_equal(path, other);
  assert_non_null(strstr(path, "/kept/" TW_CALIBRATIONS "/"));
  tw_calibration calibration = {.about = measured};
  tw_calibration read = {0};
  tw_error error = {0};
  assert_int_equal(tw_calibration_read(path, TW_PRECISION_BF16, &read, &error), TW_E_IO);
  net_ok(tw_calibration_write(path, &calibration, &error), &error);
  net_ok(tw_calibration_read(path, TW_PRECISION_BF16, &read, &error), &error);
  assert_int_equal(read.about.precision, TW_PRECISION_BF16);
  assert_int_equal(read.about.fidelity.pictures, 50);
  assert_true(read.about.fidelity.mean == 0.9998 && read.about.fidelity.worst == 0.9991);
  assert_true(read.about.unseen);
  assert_int_equal(read.about.calibrated, 200);
  assert_null(read.quantised);
  tw_calibration_done(&read);
  tw_free(other);
  tw_free(path);
}

static void damage_is_found(void **state) {
  (void)state;
  char *path = path_in("damaged", TW_PRECISION_BF16);
  tw_calibration calibration = {.about = measured};
  tw_calibration read = {0};
  tw_buffer file = {0};
  tw_error error = {0};
  net_ok(tw_calibration_write(path, &calibration, &error), &error);
  assert_int_equal(tw_file_read(path, SIZE_MAX, &file, NULL), TW_OK);
  enum { SAID = 96 }; /* bytes that say something; zeros follow */
  for (size_t at = 0; at < SAID; at++) {
    file.data[at] ^= 0x10;
    net_ok(tw_output_save(path, tw_buffer_bytes(&file), &error), &error);
    assert_int_equal(tw_calibration_read(path, TW_PRECISION_BF16, &read, &error), TW_E_FORMAT);
    assert_non_null(strstr(error.message, path));
    file.data[at] ^= 0x10;
  }
  for (size_t size = 0; size < file.size; size += 5) {
    net_ok(tw_output_save(path, (tw_bytes){file.data, size}, &error), &error);
    assert_int_equal(tw_calibration_read(path, TW_PRECISION_BF16, &read, &error), TW_E_FORMAT);
  }
  tw_buffer_text(&file, "more");
  net_ok(tw_output_save(path, tw_buffer_bytes(&file), &error), &error);
  assert_int_equal(tw_calibration_read(path, TW_PRECISION_BF16, &read, &error), TW_E_FORMAT);
  tw_buffer_done(&file);
  tw_free(path);
}

/* Under another trunk's name, or as another precision's. */
static void a_file_under_another_name_is_not_taken(void **state) {
  (void)state;
  char *path = path_in("names", TW_PRECISION_BF16);
  char *renamed = tw_strdup(path);
  tw_calibration calibration = {.about = measured};
  tw_calibration read = {0};
  tw_error error = {0};
  net_ok(tw_calibration_write(path, &calibration, &error), &error);
  assert_int_equal(tw_calibration_read(path, TW_PRECISION_INT8, &read, &error), TW_E_FORMAT);
  char *digit = (char *)tw_path_base(renamed);
  *digit = *digit == '0' ? '1' : '0';
  assert_int_equal(rename(path, renamed), 0);
  assert_int_equal(tw_calibration_read(renamed, TW_PRECISION_BF16, &read, &error), TW_E_FORMAT);
  assert_int_equal(tw_calibration_read(tree_path("names/short.bf16"), TW_PRECISION_BF16, &read, &error), TW_E_FORMAT);
  assert_int_equal(tw_calibration_write(tree_path("names/short.bf16"), &calibration, &error), TW_E_ARGUMENT);
  tw_free(renamed);
  tw_free(path);
}

/* `cache clear` takes them along, and nothing else that lies there. */
static void clearing_removes_them(void **state) {
  (void)state;
  char *path = path_in("cleared", TW_PRECISION_BF16);
  tw_calibration calibration = {.about = measured};
  tw_error error = {0};
  net_ok(tw_calibration_write(path, &calibration, &error), &error);
  tree_file("cleared/" TW_CALIBRATIONS "/mine.txt", "x", 1);
  net_ok(tw_cache_clear(tree_path("cleared"), &error), &error);
  assert_int_equal(access(path, F_OK), -1);
  assert_int_equal(access(tree_path("cleared/" TW_CALIBRATIONS "/mine.txt"), F_OK), 0);
  assert_int_equal(unlink(tree_path("cleared/" TW_CALIBRATIONS "/mine.txt")), 0);
  net_ok(tw_cache_clear(tree_path("cleared"), &error), &error);
  assert_int_equal(access(tree_path("cleared/" TW_CALIBRATIONS), F_OK), -1);
  net_ok(tw_cache_clear(tree_path("not-there"), &error), &error);
  tw_free(path);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(only_contents_decide_the_sample),
      cmocka_unit_test(the_check_gets_its_share),
      cmocka_unit_test(the_sample_is_limited),
      cmocka_unit_test(a_picture_that_changes_meanwhile_is_an_error),
      cmocka_unit_test(who_stops_it_gets_no_sample),
      cmocka_unit_test(memory_that_runs_out_is_an_error),
      cmocka_unit_test(a_file_reads_back),
      cmocka_unit_test(damage_is_found),
      cmocka_unit_test(a_file_under_another_name_is_not_taken),
      cmocka_unit_test(clearing_removes_them),
  };
  return cmocka_run_group_tests(tests, setup, teardown);
}
