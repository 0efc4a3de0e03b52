/* What a model file says of the precision of its trunk, and what becomes of it where it is read. */
#include "api/tool.h"
#include "formats/formats.h"
#include "model/metadata.h"
#include "model/model.h"
#include "test_features_networks.h"

enum { K = 2 };

/* A model on the small trunk, in float32 still. */
static tw_model *make_model(void) {
  tw_trunk *trunk = net_create(net_plain(), "flat");
  tw_top *top = tw_top_create(K, NET_CHANNELS);
  for (size_t i = 0; i < K * NET_CHANNELS; i++) {
    top->weights[i] = (float)i / 3 - 1;
  }
  tw_model_record record = {.class_count = K, .classes = tw_alloc(K, sizeof(char *)), .strength = 0.1};
  record.classes[0] = tw_strdup("a");
  record.classes[1] = tw_strdup("b");
  for (size_t part = 0; part < 3; part++) {
    record.contents[part] = tw_alloc(0, sizeof(tw_hash));
  }
  tw_model *model = NULL;
  tw_error error = {0};
  net_ok(tw_model_create(trunk, top, &record, &model, &error), &error);
  return model;
}

static tw_model *read_model(const tw_buffer *file) {
  tw_model *read = NULL;
  tw_error error = {0};
  net_ok(tw_model_open_bytes(tw_buffer_bytes(file), &read, &error), &error);
  return read;
}

static void write_model(const tw_model *model, tw_buffer *file) {
  tw_error error = {0};
  net_ok(tw_model_write(model, file, &error), &error);
}

static bool has_text(const tw_buffer *file, const char *text) {
  return memmem(file->data, file->size, text, strlen(text)) != NULL;
}

static void f32_is_written_as_before(void **state) {
  (void)state;
  tw_model *model = make_model();
  tw_buffer file = {0};
  write_model(model, &file);
  assert_false(has_text(&file, TW_META_FIDELITY));
  tw_model *read = read_model(&file);
  assert_int_equal(tw_trunk_get_precision(read->trunk)->precision, TW_PRECISION_F32);
  assert_null(tw_trunk_quantised(read->trunk));
  assert_null(tw_trunk_precision_note(read->trunk));
  char *text = tw_trunk_precision_text(tw_trunk_get_precision(read->trunk));
  assert_string_equal(text, "f32");
  tw_free(text);
  tw_model_free(read);
  tw_model_free(model);
  tw_buffer_done(&file);
}

/* Also on a processor without bf16, which reads such a model, says so, and computes in float32. */
static void bf16_reads_back(void **state) {
  (void)state;
  static const tw_trunk_precision bf16 = {
      .precision = TW_PRECISION_BF16, .fidelity = {50, 0.9998, 0.9987}, .unseen = true};
  tw_model *model = make_model();
  tw_model *plain = make_model();
  tw_error error = {0};
  tw_hash f32_key = tw_trunk_key(model->trunk);
  net_ok(tw_trunk_set_precision(model->trunk, &bf16, NULL, &error), &error);
  tw_buffer file = {0};
  tw_buffer again = {0};
  write_model(model, &file);
  tw_model *read = read_model(&file);
  const tw_trunk_precision *got = tw_trunk_get_precision(read->trunk);
  assert_int_equal(got->precision, TW_PRECISION_BF16);
  assert_int_equal(got->fidelity.pictures, 50);
  assert_true(got->fidelity.mean == 0.9998 && got->fidelity.worst == 0.9987 && got->unseen);
  char *text = tw_trunk_precision_text(got);
  assert_string_equal(text, "bf16: cosine to f32 0.9998 on average, 0.9987 at worst, over 50 pictures");
  tw_free(text);
  tw_precision possible = TW_PRECISION_F32;
  const char *note = NULL;
  net_ok(tw_engine_precision(TW_PRECISION_BF16, &possible, &note, &error), &error);
  tw_hash key = tw_trunk_key(read->trunk);
  assert_true((note == NULL) == (tw_trunk_precision_note(read->trunk) == NULL));
  assert_int_equal(tw_hash_compare(&key, &f32_key) == 0, possible == TW_PRECISION_F32);
  if (possible == TW_PRECISION_F32) {
    uint8_t pixels[3 * 30 * 20];
    memset(pixels, 200, sizeof pixels);
    const tw_source source = {.rgb = pixels, .width = 30, .height = 20, .stride = 90};
    float a[K];
    float b[K];
    net_ok(tw_model_predict_one(read, &source, 1, a, &error), &error);
    net_ok(tw_model_predict_one(plain, &source, 1, b, &error), &error);
    assert_memory_equal(a, b, sizeof a);
  }
  write_model(read, &again);
  assert_true(tw_bytes_equal(tw_buffer_bytes(&file), tw_buffer_bytes(&again)));
  tw_model_free(read);
  tw_model_free(plain);
  tw_model_free(model);
  tw_buffer_done(&file);
  tw_buffer_done(&again);
}

static size_t notes_of_bf16;

static void take_note(void *context, const char *line) {
  (void)context;
  notes_of_bf16 += strstr(line, "the model was trained in bf16: ") != NULL;
}

/* Said where the processor has no bf16, and only there. */
static void predicting_says_what_the_processor_lacks(void **state) {
  (void)state;
  static const tw_trunk_precision bf16 = {.precision = TW_PRECISION_BF16};
  tw_model *model = make_model();
  tw_buffer file = {0};
  tw_error error = {0};
  net_ok(tw_trunk_set_precision(model->trunk, &bf16, NULL, &error), &error);
  write_model(model, &file);
  net_ok(tw_output_save(tree_path("bf16.onnx"), tw_buffer_bytes(&file), &error), &error);
  net_picture("picture.png", 3);
  const char *picture = tree_path("picture.png");
  const tw_tool tool = {.note = take_note, .no_cache = true, .threads = 1};
  tw_tool_summary summary = {0};
  net_ok(tw_tool_predict(&tool, tree_path("bf16.onnx"), &picture, 1, 1, 0, &summary, &error), &error);
  assert_int_equal(notes_of_bf16, tw_trunk_precision_note(model->trunk) != NULL);
  tw_model_free(model);
  tw_buffer_done(&file);
}

/* ---- int8 -------------------------------------------------------------------------------------------------------- */

enum { PICTURES = 24 };

/* Calibrated on pictures of its own. */
static tw_model *make_int8_model(void) {
  tw_model *model = make_model();
  char *paths[PICTURES];
  for (size_t i = 0; i < PICTURES; i++) {
    char name[32];
    snprintf(name, sizeof name, "%zu.png", i);
    net_picture(name, i);
    paths[i] = tw_strdup(tree_path(name));
  }
  const tw_precision_request request = {.precision = TW_PRECISION_INT8,
                                        .no_cache = true,
                                        .paths = (const char *const *)paths,
                                        .count = PICTURES,
                                        .threads = 2};
  tw_error error = {0};
  net_ok(tw_trunk_choose_precision(model->trunk, &request, &error), &error);
  for (size_t i = 0; i < PICTURES; i++) {
    tw_free(paths[i]);
  }
  return model;
}

static void predict_alike(const tw_model *a, const tw_model *b) {
  uint8_t pixels[3 * 30 * 20];
  for (size_t i = 0; i < sizeof pixels; i++) {
    pixels[i] = (uint8_t)(i * 41);
  }
  const tw_source source = {.rgb = pixels, .width = 30, .height = 20, .stride = 90};
  float left[K];
  float right[K];
  tw_error error = {0};
  net_ok(tw_model_predict_one(a, &source, 1, left, &error), &error);
  net_ok(tw_model_predict_one(b, &source, 2, right, &error), &error);
  assert_memory_equal(left, right, sizeof left);
}

static void int8_reads_back(void **state) {
  (void)state;
  tw_model *model = make_int8_model();
  tw_buffer file = {0};
  tw_buffer again = {0};
  tw_buffer_text(&file, "what was there before"); /* alignment counts from where the file begins */
  size_t lead = file.size;
  write_model(model, &file);
  tw_bytes bytes = {file.data + lead, file.size - lead};
  tw_graph *graph = NULL;
  tw_error error = {0};
  net_ok(tw_graph_import_bytes(bytes, &graph, &error), &error);
  assert_int_equal((size_t)(graph->attachment.data - bytes.data) % TW_ONNX_ATTACHMENT_ALIGNMENT, 0);
  tw_graph_free(graph);
  tw_model *read = NULL;
  net_ok(tw_model_open_bytes(bytes, &read, &error), &error);
  const tw_trunk_precision *wanted = tw_trunk_get_precision(model->trunk);
  const tw_trunk_precision *got = tw_trunk_get_precision(read->trunk);
  assert_int_equal(got->precision, TW_PRECISION_INT8);
  assert_int_equal(got->calibrated, wanted->calibrated);
  assert_int_equal(got->layers, wanted->layers);
  assert_int_equal(got->fidelity.pictures, wanted->fidelity.pictures);
  tw_hash key = tw_trunk_key(model->trunk);
  tw_hash read_key = tw_trunk_key(read->trunk);
  assert_int_equal(tw_hash_compare(&key, &read_key), 0);
  predict_alike(model, read);
  write_model(read, &again);
  assert_true(tw_bytes_equal(bytes, tw_buffer_bytes(&again)));
  tw_model_free(read);
  tw_model_free(model);
  tw_buffer_done(&file);
  tw_buffer_done(&again);
}

static void damage_in_the_integers_is_refused(void **state) {
  (void)state;
  tw_model *model = make_int8_model();
  tw_buffer file = {0};
  tw_error error = {0};
  tw_model *read;
  write_model(model, &file);
  for (size_t at = 0; at < file.size; at++) {
    file.data[at] ^= 0x11;
    assert_int_not_equal(tw_model_open_bytes(tw_buffer_bytes(&file), &read, &error), TW_OK);
    file.data[at] ^= 0x11;
  }
  for (size_t size = 0; size < file.size; size += 3) {
    assert_int_not_equal(tw_model_open_bytes((tw_bytes){file.data, size}, &read, &error), TW_OK);
  }
  tw_model_free(model);
  tw_buffer_done(&file);
}

/* A file whose check sum is right, but that was put together by somebody else. */
static void expect_wrong_attachment(const tw_buffer *file, size_t kept, const char *attachment, size_t size,
                                    const char *words) {
  tw_buffer made = {0};
  tw_buffer entry = {0};
  char hex[TW_HASH_TEXT_SIZE];
  tw_buffer_append(&made, file->data, kept);
  if (attachment != NULL) {
    tw_onnx_put_attachment(&made, 0, (tw_bytes){(const uint8_t *)attachment, size});
  }
  tw_hash hash = tw_hash_of(made.data, made.size);
  tw_wire_put_text(&entry, 1, TW_META_COMPLETE);
  tw_wire_put_text(&entry, 2, tw_hash_text(&hash, hex));
  tw_wire_put_bytes(&made, TW_META_FIELD, entry.data, entry.size);
  tw_model *read = NULL;
  tw_error error = {0};
  assert_int_equal(tw_model_open_bytes(tw_buffer_bytes(&made), &read, &error), TW_E_FORMAT);
  if (strstr(error.message, words) == NULL) {
    fail_msg("'%s' is not in: %s", words, error.message);
  }
  tw_buffer_done(&entry);
  tw_buffer_done(&made);
}

static void int8_without_its_integers_is_refused(void **state) {
  (void)state;
  tw_model *model = make_int8_model();
  tw_buffer file = {0};
  tw_buffer integers = {0};
  tw_error error = {0};
  write_model(model, &file);
  net_ok(tw_quantised_write(tw_trunk_quantised(model->trunk), &integers, &error), &error);
  const uint8_t *at = memmem(file.data, file.size, integers.data, integers.size);
  assert_non_null(at);
  /* The field begins before the padding, with a tag of three bytes and a length of at most three. */
  size_t kept = (size_t)(at - file.data);
  static const uint8_t tag[3] = {0xb2, 0xeb, 0x09};
  while (memcmp(file.data + kept, tag, sizeof tag) != 0) {
    kept--;
  }
  expect_wrong_attachment(&file, kept, NULL, 0, "is int8, but the file holds no integers");
  expect_wrong_attachment(&file, kept, "", 0, "its integers: ");
  expect_wrong_attachment(&file, kept, (const char *)integers.data, integers.size - 1, "its integers: ");
  tw_model_free(model);
  tw_buffer_done(&integers);
  tw_buffer_done(&file);
}

static void memory_that_runs_out_is_an_error(void **state) {
  (void)state;
  tw_model *model = make_int8_model();
  tw_buffer file = {0};
  tw_error error = {0};
  write_model(model, &file);
  bool done = false;
  for (size_t n = 1; !done; n++) {
    tw_model *read = NULL;
    tw_buffer again = {0};
    tw_memory_fail_after(n);
    tw_status status = tw_model_open_bytes(tw_buffer_bytes(&file), &read, &error);
    status = status == TW_OK ? tw_model_write(read, &again, &error) : status;
    tw_memory_fail_after(0);
    assert_true(status == TW_OK || status == TW_E_MEMORY);
    done = status == TW_OK;
    tw_model_free(read);
    tw_buffer_done(&again);
  }
  tw_model_free(model);
  tw_buffer_done(&file);
}

static void a_precision_that_does_not_fit_is_an_error(void **state) {
  (void)state;
  static const tw_trunk_precision int8 = {.precision = TW_PRECISION_INT8};
  tw_trunk *trunk = net_create(net_plain(), "flat");
  tw_error error = {0};
  assert_int_equal(tw_trunk_set_precision(trunk, &int8, NULL, &error), TW_E_ARGUMENT);
  assert_int_equal(tw_trunk_get_precision(trunk)->precision, TW_PRECISION_F32);
  tw_trunk_free(trunk);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(f32_is_written_as_before),
      cmocka_unit_test(bf16_reads_back),
      cmocka_unit_test(predicting_says_what_the_processor_lacks),
      cmocka_unit_test(int8_reads_back),
      cmocka_unit_test(damage_in_the_integers_is_refused),
      cmocka_unit_test(int8_without_its_integers_is_refused),
      cmocka_unit_test(memory_that_runs_out_is_an_error),
      cmocka_unit_test(a_precision_that_does_not_fit_is_an_error),
  };
  return cmocka_run_group_tests(tests, tree_setup, tree_teardown);
}
