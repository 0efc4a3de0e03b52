/* The floor `image`: recognising files, the text of preprocessing, the resize and what becomes of a pixel. */
#include <locale.h>
#include <math.h>
#include <string.h>

#include "image/resample.h"
#include "support.h"

/* ---- Recognising ------------------------------------------------------------------------------------------------- */

typedef struct sample {
  const char *bytes;
  size_t size;
  tw_image_format format;
} sample;

#define SAMPLE(text, format) \
  { text, sizeof text - 1, format }

static void sniffs_by_content(void **state) {
  (void)state;
  static const sample samples[] = {
      SAMPLE("", TW_IMAGE_UNKNOWN),
      SAMPLE("\xff\xd8\xff\xe0", TW_IMAGE_JPEG),
      SAMPLE("\xff\xd8", TW_IMAGE_UNKNOWN),
      SAMPLE("\x89PNG\r\n\x1a\n", TW_IMAGE_PNG),
      SAMPLE("\x89PNG\n\x1a\n\0", TW_IMAGE_UNKNOWN),
      SAMPLE("RIFF\1\2\3\4WEBPVP8 ", TW_IMAGE_WEBP),
      SAMPLE("RIFF\1\2\3\4WAVE", TW_IMAGE_UNKNOWN),
      SAMPLE("GIF87a", TW_IMAGE_GIF),
      SAMPLE("GIF89a\1", TW_IMAGE_GIF),
      SAMPLE("GIF88a", TW_IMAGE_UNKNOWN),
      SAMPLE("II*\0\10\0\0\0", TW_IMAGE_TIFF),
      SAMPLE("MM\0*\0\0\0\10", TW_IMAGE_TIFF),
      SAMPLE("II+\0\10\0\0\0", TW_IMAGE_TIFF),
      SAMPLE("MM\0+\0\10\0\0", TW_IMAGE_TIFF),
      SAMPLE("\0\0\0\30ftypheic\0\0\0\0mif1heic", TW_IMAGE_HEIC),
      SAMPLE("\0\0\0\30ftypmif1\0\0\0\0mif1avif", TW_IMAGE_AVIF),
      SAMPLE("\0\0\0\30ftypmif1\0\0\0\0mif1heix", TW_IMAGE_HEIC),
      SAMPLE("\0\0\0\24ftypmsf1\0\0\0\0msf1", TW_IMAGE_HEIC),
      SAMPLE("\0\0\0\24ftypavis\0\0\0\0avis", TW_IMAGE_AVIF),
      SAMPLE("\0\0\0\24ftypheim\0\0\0\0heim", TW_IMAGE_HEIC),
      SAMPLE("\0\0\0\24ftypmp42\0\0\0\0isom", TW_IMAGE_UNKNOWN),
      SAMPLE("\0\0\0\20ftypmp42\0\0\0\0heic", TW_IMAGE_UNKNOWN), /* behind the end of the box */
      SAMPLE("\0\0\0\20ftypmp42avif", TW_IMAGE_UNKNOWN),         /* the version is no brand */
      SAMPLE("\xff\xff\xff\xff"
             "ftyp",
             TW_IMAGE_UNKNOWN),
      SAMPLE("<svg xmlns=''/>", TW_IMAGE_SVG),
      SAMPLE("<svg>", TW_IMAGE_SVG),
      SAMPLE("<svgs>", TW_IMAGE_UNKNOWN),
      SAMPLE("\xef\xbb\xbf<?xml version='1.0'?>\n<!-- a <svg> -->\n<!-- b -->\r\n\t<svg\n", TW_IMAGE_SVG),
      SAMPLE("<?xml version='1.0'?><!DOCTYPE svg PUBLIC ''", TW_IMAGE_SVG),
      SAMPLE("<?xml version='1.0'?><html><svg>", TW_IMAGE_UNKNOWN),
      SAMPLE("<!-- <svg>", TW_IMAGE_UNKNOWN),
      SAMPLE("BM\0\0\0\0", TW_IMAGE_UNKNOWN),
      SAMPLE("just a text", TW_IMAGE_UNKNOWN),
  };
  for (size_t i = 0; i < sizeof samples / sizeof *samples; i++) {
    uint8_t *exact = malloc(samples[i].size + 1); /* of the exact size, so that a sanitizer sees reads beyond it */
    memcpy(exact, samples[i].bytes, samples[i].size);
    exact = realloc(exact, samples[i].size == 0 ? 1 : samples[i].size);
    tw_image_format format = tw_image_sniff((tw_bytes){exact, samples[i].size});
    free(exact);
    if (format != samples[i].format) {
      fail_msg("sample %zu: %s", i, tw_image_format_name(format));
    }
  }
  assert_string_equal(tw_image_format_name(TW_IMAGE_WEBP), "WebP");
  assert_string_equal(tw_image_format_name((tw_image_format)99), "unknown");
}

static void knows_names_of_pictures(void **state) {
  (void)state;
  static const char *const yes[] = {"a.jpg", "x/B.PNG", "c.JPeG", "d.e.heic", "f.svg", "g.bmp", "h.tif"};
  static const char *const no[] = {"", "jpg", ".jpg", "x.jpg/readme", "a.jpgs", "a.txt", "a.", "a.jpg "};
  for (size_t i = 0; i < sizeof yes / sizeof *yes; i++) {
    assert_true(tw_image_is_picture_name(yes[i]));
  }
  for (size_t i = 0; i < sizeof no / sizeof *no; i++) {
    assert_false(tw_image_is_picture_name(no[i]));
  }
}

/* ---- Preprocessing as text --------------------------------------------------------------------------------------- */

static const char CANONICAL[] =
    "dct=islow upsampling=fancy orientation=exif icc=ignored cmyk=pillow alpha=white filter=bicubic geometry=crop "
    "crop=0.875 rounding=u8 size=224x224 mean=127,127,127 scale=0.0078125,0.0078125,0.0078125 colour=rgb layout=nchw";

static const tw_preprocess CANONICAL_VALUES = {
    .filter = TW_FILTER_BICUBIC,
    .geometry = TW_GEOMETRY_CROP,
    .crop = 0.875,
    .width = 224,
    .height = 224,
    .mean = {127, 127, 127},
    .scale = {0.0078125f, 0.0078125f, 0.0078125f},
};

static void expect_round_trip(const tw_preprocess *preprocess) {
  tw_preprocess again;
  tw_error error = {0};
  char *text = tw_preprocess_text(preprocess);
  assert_non_null(text);
  assert_true(strlen(text) < TW_PREPROCESS_MAX_TEXT);
  tw_status status = tw_preprocess_parse(text, &again, &error);
  assert_string_equal(error.message, "");
  assert_int_equal(status, TW_OK);
  char *second = tw_preprocess_text(&again);
  assert_string_equal(second, text);
  assert_memory_equal(again.mean, preprocess->mean, sizeof again.mean);
  assert_memory_equal(again.scale, preprocess->scale, sizeof again.scale);
  assert_true(again.crop == preprocess->crop);
  tw_free(text);
  tw_free(second);
}

static void text_is_canonical(void **state) {
  (void)state;
  char *text = tw_preprocess_text(&CANONICAL_VALUES);
  assert_string_equal(text, CANONICAL);
  tw_free(text);
  assert_int_equal(tw_preprocess_count(&CANONICAL_VALUES), 3 * 224 * 224);
  tw_random random;
  tw_random_init(&random, 3);
  for (int i = 0; i < 500; i++) {
    tw_preprocess p = {
        .decode = (tw_decode)tw_random_below(&random, 2),
        .dct = (tw_dct)tw_random_below(&random, 2),
        .upsampling = (tw_upsampling)tw_random_below(&random, 2),
        .orientation = (tw_orientation)tw_random_below(&random, 2),
        .alpha = (tw_alpha)tw_random_below(&random, 3),
        .filter = (tw_filter)tw_random_below(&random, 4),
        .geometry = (tw_geometry)tw_random_below(&random, 2),
        .crop = 1,
        .rounding = (tw_rounding)tw_random_below(&random, 2),
        .width = 1 + (uint32_t)tw_random_below(&random, 4096),
        .height = 1 + (uint32_t)tw_random_below(&random, 4096),
        .colour = (tw_colour)tw_random_below(&random, 2),
        .layout = (tw_layout)tw_random_below(&random, 2),
    };
    for (int c = 0; c < 3; c++) {
      p.mean[c] = (float)(tw_random_unit(&random) * 300 - 20);
      p.scale[c] = (float)exp(tw_random_unit(&random) * 40 - 30);
    }
    if (p.geometry == TW_GEOMETRY_CROP) {
      p.crop = 0.1 + 0.9 * tw_random_unit(&random);
    }
    expect_round_trip(&p);
  }
}

static void text_ignores_the_locale(void **state) {
  (void)state;
  if (setlocale(LC_ALL, "de_DE.UTF-8") == NULL) {
    print_message("no German locale\n");
  }
  expect_round_trip(&CANONICAL_VALUES);
  setlocale(LC_ALL, "C");
}

static void fields_come_in_any_order(void **state) {
  (void)state;
  static const char text[] =
      "  layout=nhwc colour=bgr scale=1e0,2,+3.0  mean=0,-1,2.5 size=32x1 rounding=float crop=1 geometry=squash "
      "filter=bilinear-legacy alpha=dropped cmyk=pillow icc=ignored orientation=ignored upsampling=plain dct=ifast ";
  tw_preprocess p;
  assert_int_equal(tw_preprocess_parse(text, &p, NULL), TW_OK);
  char *canonical = tw_preprocess_text(&p);
  assert_string_equal(canonical,
                      "dct=ifast upsampling=plain orientation=ignored icc=ignored cmyk=pillow alpha=dropped "
                      "filter=bilinear-legacy geometry=squash crop=1 rounding=float size=32x1 mean=0,-1,2.5 "
                      "scale=1,2,3 colour=bgr layout=nhwc");
  tw_free(canonical);
}

/* Texts from before there was a choice mean what they meant, and stay what they were: they are in keys and models. */
static void full_decoding_is_not_written(void **state) {
  (void)state;
  tw_preprocess p;
  char *draft = tw_format("decode=draft %s", CANONICAL);
  char *full = tw_format("%s decode=full", CANONICAL);
  assert_int_equal(tw_preprocess_parse(CANONICAL, &p, NULL), TW_OK);
  assert_int_equal(p.decode, TW_DECODE_FULL);
  assert_int_equal(tw_preprocess_parse(draft, &p, NULL), TW_OK);
  assert_int_equal(p.decode, TW_DECODE_DRAFT);
  char *text = tw_preprocess_text(&p);
  assert_string_equal(text, draft);
  tw_free(text);
  assert_int_equal(tw_preprocess_parse(full, &p, NULL), TW_OK);
  text = tw_preprocess_text(&p);
  assert_string_equal(text, CANONICAL);
  tw_free(text);
  tw_free(draft);
  tw_free(full);
}

/* CANONICAL with the first `from` in it replaced. */
static char *altered(const char *from, const char *to) {
  const char *at = strstr(CANONICAL, from);
  assert_non_null(at);
  return tw_format("%.*s%s%s", (int)(at - CANONICAL), CANONICAL, to, at + strlen(from));
}

static void errors_name_field_and_values(void **state) {
  (void)state;
  static const struct {
    const char *from;
    const char *to;
    const char *message;
  } cases[] = {
      {"dct=islow", "dct=fast", "field 'dct' is 'fast', it must be islow or ifast"},
      {"dct=islow ", "", "field 'dct' is missing, it must be islow or ifast"},
      {"alpha=white", "alpha=white alpha=white", "field 'alpha' appears twice"},
      {"dct=islow", "dct=islow decode=draft decode=full", "field 'decode' appears twice"},
      {"dct=islow", "dct=islow decode=quick", "field 'decode' is 'quick', it must be full or draft"},
      {"alpha=white", "alpha=White", "it must be white, black or dropped"},
      {"filter=bicubic", "filter=nearest", "it must be box, bilinear, bicubic, lanczos or bilinear-legacy"},
      {"filter=bicubic", "filter=bilinear-legacy", "field 'rounding' must be float"},
      {"geometry=crop", "geometry=squash", "field 'crop' must be 1 when 'geometry' is squash"},
      {"crop=0.875", "crop=0", "field 'crop' must be a number above 0 and not above 1"},
      {"crop=0.875", "crop=1.01", "field 'crop' must be a number above 0 and not above 1"},
      {"crop=0.875", "crop=nan", "field 'crop' is 'nan'"},
      {"crop=0.875", "crop=1e-9", "'crop' is too small"},
      {"crop=0.875", "crop=0,875", "field 'crop' is '0,875'"},
      {"size=224x224", "size=224", "field 'size' is '224', it must be WIDTHxHEIGHT"},
      {"size=224x224", "size=0x224", "field 'size'"},
      {"size=224x224", "size=224x4097", "each from 1 to 4096"},
      {"size=224x224", "size=99999999999999999999x1", "field 'size'"},
      {"size=224x224", "size=+1x1", "field 'size'"},
      {"mean=127,127,127", "mean=127,127", "field 'mean' is '127,127', it must be three numbers"},
      {"mean=127,127,127", "mean=1,2,3,4", "field 'mean'"},
      {"mean=127,127,127", "mean=1,,3", "field 'mean'"},
      {"mean=127,127,127", "mean=1,2,inf", "field 'mean'"},
      {"mean=127,127,127", "mean=1,2,1e300", "field 'mean'"},
      {"scale=0.0078125,0.0078125,0.0078125", "scale=1,0,1", "no scale of them 0"},
      {"colour=rgb", "colour", "'colour' has no '='"},
      {"colour=rgb", "color=rgb", "unknown field 'color'"},
      {"layout=nchw", "layout=", "field 'layout' is '', it must be nchw or nhwc"},
  };
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    tw_preprocess p = {.width = 77};
    tw_error error = {0};
    char *text = altered(cases[i].from, cases[i].to);
    tw_status status = tw_preprocess_parse(text, &p, &error);
    tw_free(text);
    assert_int_equal(status, TW_E_FORMAT);
    if (strstr(error.message, cases[i].message) == NULL) {
      fail_msg("'%s' instead of '%s'", error.message, cases[i].message);
    }
    assert_int_equal(p.width, 77);
  }
  char *longest = tw_format("%*s", TW_PREPROCESS_MAX_TEXT + 1, CANONICAL);
  tw_preprocess p;
  assert_int_equal(tw_preprocess_parse(longest, &p, NULL), TW_E_LIMIT);
  tw_free(longest);
  assert_int_equal(tw_preprocess_parse("", &p, NULL), TW_E_FORMAT);
}

/* ---- Resizing ---------------------------------------------------------------------------------------------------- */

static void fill(uint8_t *bytes, size_t count, tw_random *random) {
  bool extreme = tw_random_below(random, 2) == 0; /* only 0 and 255: the sums go beyond both ends */
  for (size_t i = 0; i < count; i++) {
    uint64_t value = tw_random_below(random, 256);
    bytes[i] = (uint8_t)(extreme ? (value & 1) * 255 : value);
  }
}

/* A window of a side between 1 and `most` pixels. */
static tw_span some_span(tw_random *random, uint64_t most) {
  tw_span span = {.whole = 1 + (size_t)tw_random_below(random, most)};
  span.first = (size_t)tw_random_below(random, span.whole);
  span.count = 1 + (size_t)tw_random_below(random, span.whole - span.first);
  return span;
}

static void vectors_give_the_same_bits(void **state) {
  (void)state;
  if (tw_passes_avx2() == NULL) {
    print_message("this processor has no AVX2\n");
    return;
  }
  tw_random random;
  tw_random_init(&random, 11);
  tw_image_reader *one = tw_image_reader_create();
  tw_image_reader *two = tw_image_reader_create();
  for (int i = 0; i < 400; i++) {
    tw_image image = {1 + (size_t)tw_random_below(&random, i < 300 ? 90 : 5000),
                      1 + (size_t)tw_random_below(&random, 60), NULL};
    image.rgb = malloc(image.width * image.height * 3); /* of the exact size: reads beyond it are seen */
    fill(image.rgb, image.width * image.height * 3, &random);
    tw_filter filter = (tw_filter)tw_random_below(&random, 4);
    tw_span columns = some_span(&random, 150);
    tw_span lines = some_span(&random, 80);
    uint8_t *portable;
    uint8_t *vector;
    assert_int_equal(tw_resample_u8(one, &image, filter, columns, lines, &tw_passes_portable, &portable, NULL), TW_OK);
    assert_int_equal(tw_resample_u8(two, &image, filter, columns, lines, tw_passes_avx2(), &vector, NULL), TW_OK);
    assert_memory_equal(portable, vector, columns.count * lines.count * 3);
    free(image.rgb);
  }
  tw_image_reader_free(one);
  tw_image_reader_free(two);
}

static void a_window_is_a_part_of_the_whole(void **state) {
  (void)state;
  tw_random random;
  tw_random_init(&random, 12);
  tw_image_reader *reader = tw_image_reader_create();
  tw_image_reader *other = tw_image_reader_create();
  for (int i = 0; i < 100; i++) {
    tw_image image = {1 + (size_t)tw_random_below(&random, 70), 1 + (size_t)tw_random_below(&random, 70), NULL};
    image.rgb = malloc(image.width * image.height * 3);
    fill(image.rgb, image.width * image.height * 3, &random);
    tw_filter filter = (tw_filter)tw_random_below(&random, 4);
    tw_span columns = some_span(&random, 60);
    tw_span lines = some_span(&random, 60);
    tw_image whole;
    uint8_t *window;
    assert_int_equal(tw_image_resize(reader, &image, filter, columns.whole, lines.whole, &whole, NULL), TW_OK);
    assert_int_equal(tw_resample_u8(other, &image, filter, columns, lines, tw_passes_best(), &window, NULL), TW_OK);
    for (size_t y = 0; y < lines.count; y++) {
      assert_memory_equal(window + y * columns.count * 3,
                          whole.rgb + ((lines.first + y) * whole.width + columns.first) * 3, columns.count * 3);
    }
    free(image.rgb);
  }
  tw_image_reader_free(reader);
  tw_image_reader_free(other);
}

static void resize_keeps_what_it_must(void **state) {
  (void)state;
  uint8_t pixels[6 * 4 * 3];
  tw_random random;
  tw_random_init(&random, 5);
  fill(pixels, sizeof pixels, &random);
  tw_image image = {6, 4, pixels};
  tw_image same;
  tw_image large;
  tw_image_reader *reader = tw_image_reader_create();
  for (tw_filter filter = TW_FILTER_BOX; filter <= TW_FILTER_LANCZOS; filter++) {
    assert_int_equal(tw_image_resize(reader, &image, filter, 6, 4, &same, NULL), TW_OK);
    assert_memory_equal(same.rgb, pixels, sizeof pixels);
  }
  /* A result is taken as the next call's picture. */
  assert_int_equal(tw_image_resize(reader, &image, TW_FILTER_BOX, 60, 40, &large, NULL), TW_OK);
  assert_int_equal(tw_image_resize(reader, &large, TW_FILTER_BOX, 6, 4, &same, NULL), TW_OK);
  assert_memory_equal(same.rgb, pixels, sizeof pixels);
  tw_error error;
  assert_int_equal(tw_image_resize(reader, &image, TW_FILTER_BOX, 0, 4, &same, &error), TW_E_FORMAT);
  assert_int_equal(tw_image_resize(reader, &image, TW_FILTER_BOX, 65501, 4, &same, &error), TW_E_LIMIT);
  assert_int_equal(tw_image_resize(reader, &image, TW_FILTER_BOX, 60000, 60000, &same, &error), TW_E_LIMIT);
  assert_int_equal(tw_image_resize(reader, &image, TW_FILTER_BILINEAR_LEGACY, 6, 4, &same, &error), TW_E_ARGUMENT);
  tw_image_reader_free(reader);
}

/* ---- Normalising ------------------------------------------------------------------------------------------------- */

/* A picture whose pixel (x, y) has red x, green y, blue 200. */
static tw_image ramp(size_t width, size_t height) {
  tw_image image = {width, height, malloc(width * height * 3)};
  for (size_t i = 0; i < width * height; i++) {
    image.rgb[3 * i] = (uint8_t)(i % width);
    image.rgb[3 * i + 1] = (uint8_t)(i / width);
    image.rgb[3 * i + 2] = 200;
  }
  return image;
}

static void layouts_and_colours(void **state) {
  (void)state;
  tw_image image = ramp(5, 3);
  tw_image_reader *reader = tw_image_reader_create();
  tw_preprocess p = {.crop = 1, .width = 5, .height = 3, .mean = {1, 2, 4}, .scale = {0.5f, 0.25f, -3}};
  float tensor[45];
  for (int variant = 0; variant < 8; variant++) {
    p.layout = (tw_layout)(variant & 1);
    p.colour = (tw_colour)(variant >> 1 & 1);
    p.rounding = (tw_rounding)(variant >> 2);
    assert_int_equal(tw_image_normalise(reader, &image, &p, tensor, NULL), TW_OK);
    for (size_t i = 0; i < 45; i++) {
      size_t c = p.layout == TW_LAYOUT_NCHW ? i / 15 : i % 3;
      size_t at = p.layout == TW_LAYOUT_NCHW ? i % 15 : i / 3;
      size_t channel = p.colour == TW_COLOUR_RGB ? c : 2 - c;
      assert_true(tensor[i] == ((float)image.rgb[3 * at + channel] - p.mean[c]) * p.scale[c]);
    }
  }
  free(image.rgb);
  tw_image_reader_free(reader);
}

/* With the size of the network no resize happens, and the ramp shows which window was taken. */
static void the_centre_is_cropped(void **state) {
  (void)state;
  static const struct {
    size_t width, height; /* of the picture: round(net / crop) on the side that covers */
    uint32_t net_width, net_height;
    double crop;
    int left, top;
  } cases[] = {
      {10, 10, 8, 8, 0.8, 1, 1},  {11, 10, 8, 8, 0.8, 1, 1},   {10, 15, 8, 8, 0.8, 1, 3}, {9, 9, 8, 8, 0.9, 0, 0},
      {30, 10, 16, 8, 0.8, 7, 1}, {20, 40, 16, 8, 0.8, 2, 16}, {8, 21, 8, 8, 1, 0, 6},    {255, 8, 8, 8, 1, 123, 0},
  };
  tw_image_reader *reader = tw_image_reader_create();
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    float tensor[16 * 8 * 3];
    tw_image image = ramp(cases[i].width, cases[i].height);
    tw_preprocess p = {.geometry = TW_GEOMETRY_CROP,
                       .crop = cases[i].crop,
                       .width = cases[i].net_width,
                       .height = cases[i].net_height,
                       .scale = {1, 1, 1},
                       .layout = TW_LAYOUT_NHWC};
    assert_int_equal(tw_image_normalise(reader, &image, &p, tensor, NULL), TW_OK);
    assert_int_equal((int)tensor[0], cases[i].left);
    assert_int_equal((int)tensor[1], cases[i].top);
    size_t last = 3 * (size_t)(cases[i].net_width * cases[i].net_height - 1);
    assert_int_equal((int)tensor[last], cases[i].left + (int)cases[i].net_width - 1);
    assert_int_equal((int)tensor[last + 1], cases[i].top + (int)cases[i].net_height - 1);
    free(image.rgb);
  }
  tw_image_reader_free(reader);
}

static void long_pictures_cost_no_more_than_their_window(void **state) {
  (void)state;
  uint8_t *pixels = calloc(65500, 3);
  float *tensor = malloc(3 * 224 * 224 * sizeof *tensor);
  tw_image tall = {1, 65500, pixels};
  tw_image wide = {65500, 1, pixels};
  tw_image_reader *reader = tw_image_reader_create();
  assert_int_equal(tw_image_normalise(reader, &tall, &CANONICAL_VALUES, tensor, NULL), TW_OK);
  assert_int_equal(tw_image_normalise(reader, &wide, &CANONICAL_VALUES, tensor, NULL), TW_OK);
  assert_true(tensor[0] == -127.0f * 0.0078125f);
  tw_preprocess bad = CANONICAL_VALUES;
  bad.width = 0;
  assert_int_equal(tw_image_normalise(reader, &wide, &bad, tensor, NULL), TW_E_ARGUMENT);
  bad = CANONICAL_VALUES;
  bad.filter = (tw_filter)17;
  assert_int_equal(tw_image_normalise(reader, &wide, &bad, tensor, NULL), TW_E_ARGUMENT);
  tw_image empty = {0, 0, pixels};
  assert_int_equal(tw_image_normalise(reader, &empty, &CANONICAL_VALUES, tensor, NULL), TW_E_FORMAT);
  tw_image_reader_free(reader);
  free(pixels);
  free(tensor);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(sniffs_by_content),
      cmocka_unit_test(knows_names_of_pictures),
      cmocka_unit_test(full_decoding_is_not_written),
      cmocka_unit_test(text_is_canonical),
      cmocka_unit_test(text_ignores_the_locale),
      cmocka_unit_test(fields_come_in_any_order),
      cmocka_unit_test(errors_name_field_and_values),
      cmocka_unit_test(vectors_give_the_same_bits),
      cmocka_unit_test(a_window_is_a_part_of_the_whole),
      cmocka_unit_test(resize_keeps_what_it_must),
      cmocka_unit_test(layouts_and_colours),
      cmocka_unit_test(the_centre_is_cropped),
      cmocka_unit_test(long_pictures_cost_no_more_than_their_window),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
