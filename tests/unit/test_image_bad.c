/* Bad pictures: cut off anywhere, flipped bits, absurd sizes, metadata that lies, memory that runs out. What comes back
 * is a picture or one clear line, never a crash. */
#include "image/reader.h"
#include "test_image_pictures.h"

static void nothing_and_something_else(void **state) {
  tw_image_reader *reader = *state;
  tw_error error;
  assert_int_equal(attempt(reader, (const uint8_t *)"", 0, &error), TW_E_FORMAT);
  assert_string_equal(error.message, "the file is empty");
  assert_int_equal(attempt(reader, (const uint8_t *)"hello", 5, &error), TW_E_UNSUPPORTED);
  assert_int_equal(attempt(reader, (const uint8_t *)"<svg>", 5, &error), TW_E_UNSUPPORTED);
  assert_non_null(strstr(error.message, "SVG"));
  assert_int_equal(attempt(reader, (const uint8_t *)"\xff\xd8\xff", 3, &error), TW_E_FORMAT);
  assert_int_equal(attempt(reader, (const uint8_t *)"\x89PNG\r\n\x1a\n", 8, &error), TW_E_FORMAT);
  tw_image image;
  tw_bytes huge = {(const uint8_t *)"", (size_t)TW_IMAGE_MAX_FILE + 1};
  assert_int_equal(tw_image_decode(reader, huge, &PLAIN, &image, &error), TW_E_LIMIT);
}

static const char *const KINDS[] = {"420.jpg",
                                    "444-progressive.jpg",
                                    "grey.jpg",
                                    "cmyk-adobe.jpg",
                                    "restart.jpg",
                                    "exif6.jpg",
                                    "size-1x1.jpg",
                                    "rgb8.png",
                                    "rgba16.png",
                                    "grey16-interlaced.png",
                                    "palette4-alpha.png",
                                    "grey1-key.png",
                                    "exif8-behind.png",
                                    "rgba8-interlaced.png",
                                    "xmp5.png"};
enum { KIND_COUNT = sizeof KINDS / sizeof *KINDS };

/* A JPEG may lack its last bytes when all rows are there; a PNG is whole or it is not. */
static void cut_off_anywhere(void **state) {
  tw_image_reader *reader = *state;
  tw_error error;
  for (size_t k = 0; k < KIND_COUNT; k++) {
    tw_buffer file = load(KINDS[k]);
    assert_int_equal(attempt(reader, file.data, file.size, &error), TW_OK);
    bool png = file.data[0] == 0x89;
    for (size_t size = 0; size < file.size; size++) {
      tw_status status = attempt(reader, file.data, size, &error);
      if (status == TW_OK ? png || size + 4 < file.size : status != TW_E_FORMAT && size > 8) {
        fail_msg("%s cut to %zu of %zu bytes: %d %s", KINDS[k], size, file.size, status, error.message);
      }
    }
    tw_buffer_done(&file);
  }
}

static void bits_flipped(void **state) {
  enum { ROUNDS = 300 };
  tw_image_reader *reader = *state;
  tw_error error;
  tw_random random;
  tw_random_init(&random, 2024);
  size_t counts[TW_E_ENGINE + 1] = {0};
  for (size_t k = 0; k < KIND_COUNT; k++) {
    tw_buffer file = load(KINDS[k]);
    uint8_t *damaged = malloc(file.size);
    for (int round = 0; round < ROUNDS; round++) {
      memcpy(damaged, file.data, file.size);
      for (uint64_t flips = 1 + tw_random_below(&random, 4); flips > 0; flips--) {
        /* Not in the size of a PNG: such files are tried in absurd_sizes, and large ones take long. */
        damaged[24 + tw_random_below(&random, file.size - 24)] ^= (uint8_t)(1u << tw_random_below(&random, 8));
      }
      counts[attempt(reader, damaged, file.size, &error)]++;
    }
    free(damaged);
    tw_buffer_done(&file);
  }
  print_message("of %d damaged files %zu were read\n", (int)KIND_COUNT * ROUNDS, counts[TW_OK]);
  assert_true(counts[TW_OK] > 0 && counts[TW_E_FORMAT] > 0);
  assert_int_equal(counts[TW_E_MEMORY] + counts[TW_E_IO] + counts[TW_E_ARGUMENT] + counts[TW_E_ENGINE], 0);
}

static void store_u32(uint8_t *to, uint32_t value) {
  for (int i = 0; i < 4; i++) {
    to[i] = (uint8_t)(value >> (24 - 8 * i));
  }
}

/* No memory is taken: with every allocation failing the answer is the same. */
static void absurd_sizes(void **state) {
  tw_image_reader *reader = *state;
  static const struct {
    uint32_t width, height;
    tw_status status;
  } sizes[] = {
      {60000, 60000, TW_E_LIMIT}, {65501, 1, TW_E_LIMIT},      {1, 0xffffffff, TW_E_LIMIT},
      {0, 10, TW_E_FORMAT},       {16384, 16384, TW_E_FORMAT}, {0x80000000, 0x80000000, TW_E_LIMIT},
  };
  tw_error error;
  tw_buffer file = load("rgb8.png");
  for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
    store_u32(file.data + 16, sizes[i].width);
    store_u32(file.data + 20, sizes[i].height);
    tw_memory_fail_after(1);
    tw_status status = attempt(reader, file.data, file.size, &error);
    tw_memory_fail_after(0);
    assert_int_equal(status, sizes[i].status);
  }
  tw_buffer_done(&file);
  file = load("420.jpg");
  uint8_t *frame = memmem(file.data, file.size, "\xff\xc0", 2);
  assert_non_null(frame);
  memset(frame + 5, 0xff, 4);
  tw_memory_fail_after(1);
  tw_status status = attempt(reader, file.data, file.size, &error);
  tw_memory_fail_after(0);
  assert_int_equal(status, TW_E_LIMIT);
  tw_buffer_done(&file);
}

static void rare_kinds_of_jpeg(void **state) {
  tw_image_reader *reader = *state;
  tw_error error;
  tw_buffer file = load("420.jpg");
  uint8_t *frame = memmem(file.data, file.size, "\xff\xc0", 2);
  assert_non_null(frame);
  frame[4] = 12;
  assert_int_equal(attempt(reader, file.data, file.size, &error), TW_E_UNSUPPORTED);
  assert_non_null(strstr(error.message, "12 bits"));
  frame[4] = 8;
  frame[1] = 0xc3; /* lossless */
  assert_int_equal(attempt(reader, file.data, file.size, &error), TW_E_UNSUPPORTED);
  assert_non_null(strstr(error.message, "rare kind"));
  tw_buffer_done(&file);
}

/* A progressive JPEG whose last scan is there a hundred times: small, but each costs a pass over the picture. */
static void too_many_scans(void **state) {
  tw_image_reader *reader = *state;
  tw_error error;
  tw_buffer file = load("444-progressive.jpg");
  size_t last = 0;
  for (size_t at = 0; at + 1 < file.size; at++) {
    last = file.data[at] == 0xff && file.data[at + 1] == 0xda ? at : last;
  }
  size_t scan = file.size - 2 - last;
  tw_buffer many = {0};
  tw_buffer_append(&many, file.data, last);
  for (int i = 0; i < TW_IMAGE_MAX_SCANS; i++) {
    tw_buffer_append(&many, file.data + last, scan);
  }
  tw_buffer_append(&many, file.data + file.size - 2, 2);
  assert_int_equal(attempt(reader, many.data, many.size, &error), TW_E_LIMIT);
  assert_non_null(strstr(error.message, "scans"));
  tw_buffer_done(&many);
  tw_buffer_done(&file);
}

/* ---- Metadata ---------------------------------------------------------------------------------------------------- */

static int orientation_of(const uint8_t *exif, size_t size) {
  uint8_t *exact = malloc(size == 0 ? 1 : size);
  memcpy(exact, exif, size);
  int orientation = tw_exif_orientation((tw_bytes){exact, size}, (tw_bytes){0});
  free(exact);
  return orientation;
}

static void exif_of_every_form(void **state) {
  (void)state;
#define LITTLE "II*\0\10\0\0\0\1\0\22\1"
#define BIG "MM\0*\0\0\0\10\0\1\1\22"
#define CASE(text, orientation) \
  { text, sizeof text - 1, orientation }
  static const struct {
    const char *exif;
    size_t size;
    int orientation;
  } cases[] = {
      CASE("", 1),
      CASE(LITTLE "\3\0\1\0\0\0\6\0\0\0", 6),
      CASE(BIG "\0\3\0\0\0\1\0\6\0\0", 6),
      CASE("Exif\0\0" BIG "\0\3\0\0\0\1\0\10\0\0", 8),
      CASE("Exif\0\0Exif\0\0" BIG "\0\3\0\0\0\1\0\10\0\0", 8),
      CASE(LITTLE "\4\0\1\0\0\0\3\0\0\0", 3),                      /* a long */
      CASE(LITTLE "\3\0\2\0\0\0\5\0\6\0", 5),                      /* two shorts: the first */
      CASE(LITTLE "\3\0\3\0\0\0\32\0\0\0\0\0\0\0\7\0\1\0\1\0", 7), /* three, elsewhere */
      CASE(LITTLE "\3\0\3\0\0\0\33\0\0\0\0\0\0\0\7\0\1\0\1\0", 1), /* a byte too far */
      CASE(LITTLE "\3\0\3\0\0\0\xff\xff\xff\xff", 1),
      CASE(LITTLE "\3\0\xff\xff\xff\xff\0\0\0\0", 1),
      CASE(LITTLE "\3\0\0\0\0\0\6\0\0\0", 1), /* no value */
      CASE(LITTLE "\2\0\1\0\0\0"
                  "6\0\0\0",
           1),                                  /* a text */
      CASE(LITTLE "\x63\0\1\0\0\0\6\0\0\0", 1), /* no such type */
      CASE(LITTLE "\3\0\1\0\0\0\11\0\0\0", 1),
      CASE(LITTLE "\3\0\1\0\0\0\0\0\0\0", 1),
      CASE(LITTLE "\3\0\1\0\0\0\6\0\0", 1), /* cut off */
      CASE("II*\0\xff\xff\xff\xff\1\0", 1),
      CASE("II*\0\10\0\0\0", 1),
      CASE("II*\0\7\0\0\0\1", 1),
      CASE("XX*\0\10\0\0\0\1\0\22\1\3\0\1\0\0\0\6\0\0\0", 1),
      CASE("II*\0\10\0\0\0\xff\xff\22\1\3\0\1\0\0\0\6\0\0\0", 6), /* fewer entries than promised */
  };
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    int orientation = orientation_of((const uint8_t *)cases[i].exif, cases[i].size);
    if (orientation != cases[i].orientation) {
      fail_msg("case %zu: %d", i, orientation);
    }
  }
}

static void xmp_when_there_is_no_exif(void **state) {
  (void)state;
  static const struct {
    const char *xmp;
    int orientation;
  } cases[] = {
      {"<a tiff:Orientation=\"6\"/>", 6}, {"<tiff:Orientation>8</tiff:Orientation>", 8},
      {"tiff:Orientation='6'", 1},        {"tiff:Orientation=\"x\" tiff:Orientation=\"3\"", 3},
      {"tiff:Orientation=\"", 1},         {"tiff:Orientation", 1},
      {"tiff:Orientation>9<", 1},         {"", 1},
  };
  const tw_bytes upright = {(const uint8_t *)LITTLE "\3\0\1\0\0\0\1\0\0\0", 22};
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    size_t size = strlen(cases[i].xmp);
    uint8_t *exact = malloc(size + 1);
    memcpy(exact, cases[i].xmp, size);
    exact = realloc(exact, size == 0 ? 1 : size);
    assert_int_equal(tw_exif_orientation((tw_bytes){0}, (tw_bytes){exact, size}), cases[i].orientation);
    assert_int_equal(tw_exif_orientation(upright, (tw_bytes){exact, size}), 1);
    free(exact);
  }
}

static void random_metadata(void **state) {
  (void)state;
  tw_random random;
  tw_random_init(&random, 8);
  for (int i = 0; i < 20000; i++) {
    uint8_t exif[64] = LITTLE;
    size_t size = (size_t)tw_random_below(&random, sizeof exif);
    for (size_t at = i % 2 == 0 ? 4 : 12; at < sizeof exif; at++) {
      exif[at] = (uint8_t)tw_random_below(&random, i % 3 == 0 ? 256 : 14);
    }
    assert_in_range(orientation_of(exif, size), 1, 8);
    uint8_t file[96] = "\xff\xd8\xff\xe1";
    memcpy(file + 4 + i % 5, exif, sizeof exif);
    size = (size_t)tw_random_below(&random, sizeof file);
    uint8_t *exact = malloc(size == 0 ? 1 : size);
    memcpy(exact, file, size);
    assert_in_range(tw_exif_orientation_jpeg((tw_bytes){exact, size}), 1, 8);
    free(exact);
  }
}

/* ---- Memory ------------------------------------------------------------------------------------------------------ */

static void memory_runs_out(void **state) {
  (void)state;
  static const char *const names[] = {"exif6.jpg", "cmyk-adobe.jpg", "rgba8.png", "grey16.png"};
  static const tw_rounding roundings[] = {TW_ROUNDING_U8, TW_ROUNDING_FLOAT};
  float tensor[8 * 8 * 3];
  for (size_t i = 0; i < 8; i++) {
    tw_buffer file = load(names[i / 2]);
    tw_preprocess preprocess = PLAIN;
    preprocess.rounding = roundings[i % 2];
    tw_status status = TW_E_MEMORY;
    size_t n = 1;
    for (; status == TW_E_MEMORY && n < 100; n++) {
      tw_image_reader *reader = tw_image_reader_create();
      tw_memory_fail_after(n);
      status = tw_image_read(reader, tw_buffer_bytes(&file), &preprocess, tensor, NULL);
      tw_memory_fail_after(0);
      tw_image_reader_free(reader);
    }
    assert_int_equal(status, TW_OK);
    assert_true(n > 4);
    tw_buffer_done(&file);
  }
  tw_memory_fail_after(1);
  tw_image_reader *none = tw_image_reader_create();
  char *text = tw_preprocess_text(&PLAIN);
  tw_memory_fail_after(0);
  assert_null(none);
  assert_null(text);
  tw_image_reader_free(NULL);
}

int main(void) {
  tw_image_reader *reader = tw_image_reader_create();
  const struct CMUnitTest tests[] = {
      cmocka_unit_test_prestate(nothing_and_something_else, reader),
      cmocka_unit_test_prestate(cut_off_anywhere, reader),
      cmocka_unit_test_prestate(bits_flipped, reader),
      cmocka_unit_test_prestate(absurd_sizes, reader),
      cmocka_unit_test_prestate(rare_kinds_of_jpeg, reader),
      cmocka_unit_test_prestate(too_many_scans, reader),
      cmocka_unit_test(exif_of_every_form),
      cmocka_unit_test(xmp_when_there_is_no_exif),
      cmocka_unit_test(random_metadata),
      cmocka_unit_test(memory_runs_out),
  };
  int failed = cmocka_run_group_tests(tests, NULL, NULL);
  tw_image_reader_free(reader);
  return failed;
}
