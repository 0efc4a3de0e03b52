/* What a model file says of the precision of its trunk, and what becomes of it where it is read. */
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
      cmocka_unit_test(a_precision_that_does_not_fit_is_an_error),
  };
  return cmocka_run_group_tests(tests, tree_setup, tree_teardown);
}
