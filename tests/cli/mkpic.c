/* mkpic: makes one small picture for a command-line test. Not a part of topwork and not linked to it.
 *
 *   mkpic OUT.jpg|OUT.png WIDTHxHEIGHT SEED KIND
 *
 * KIND is COLOUR-PATTERN: red, green, blue, yellow, grey or black (which has no noise); plain, stripes, rings or
 * checks. The seed moves the pattern, varies the colour and adds noise, so that pictures of one kind are alike and no
 * two the same; the same arguments always give the same file. For PNG also KIND `alpha` (a disc on nothing), `header`
 * (the header of such a picture and nothing after it) and `grey16` (16 bits a sample). */
#include <math.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <jpeglib.h>
#include <png.h>

typedef struct picture {
  unsigned width;
  unsigned height;
  unsigned channels; /* bytes a pixel: 3, 4 with alpha, 2 for 16-bit grey */
  uint8_t *samples;
} picture;

/* splitmix64 (Steele, Lea and Flood, 2014). */
static uint64_t next_random(uint64_t *state) {
  uint64_t z = (*state += 0x9e3779b97f4a7c15u);
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
  z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
  return z ^ (z >> 31);
}

static double next_unit(uint64_t *state) {
  return (double)(next_random(state) >> 11) * 0x1p-53;
}

static _Noreturn void fail(const char *what, const char *detail) {
  fprintf(stderr, "mkpic: %s: %s\n", what, detail);
  exit(2);
}

/* How light the pattern is at a place: 0 or 1. The place is in units of the shorter side. */
static double pattern_at(const char *pattern, double x, double y, const double shift[3]) {
  double period = 0.12 + 0.06 * shift[2];
  if (strcmp(pattern, "plain") == 0) {
    return 1;
  }
  if (strcmp(pattern, "stripes") == 0) {
    return fmod(x + 0.3 * y + shift[0], period) < period / 2;
  }
  if (strcmp(pattern, "rings") == 0) {
    return fmod(hypot(x - 0.5 - 0.2 * shift[0], y - 0.5 - 0.2 * shift[1]), period) < period / 2;
  }
  if (strcmp(pattern, "checks") == 0) {
    bool across = fmod(x + shift[0], period) < period / 2;
    bool down = fmod(y + shift[1], period) < period / 2;
    return across == down;
  }
  fail("no such pattern", pattern);
}

static void colour_of(const char *name, size_t length, double rgb[3]) {
  static const struct {
    const char *name;
    double rgb[3];
  } colours[] = {
      {"red", {210, 40, 40}},     {"green", {40, 170, 60}},  {"blue", {40, 70, 210}},
      {"yellow", {225, 210, 40}}, {"grey", {130, 130, 130}}, {"black", {0, 0, 0}},
  };
  for (size_t i = 0; i < sizeof colours / sizeof *colours; i++) {
    if (strlen(colours[i].name) == length && memcmp(colours[i].name, name, length) == 0) {
      memcpy(rgb, colours[i].rgb, sizeof colours[i].rgb);
      return;
    }
  }
  fail("no such colour", name);
}

static uint8_t clamp(double value) {
  return (uint8_t)(value < 0 ? 0 : value > 255 ? 255 : value + 0.5);
}

static void paint(picture *picture, const char *kind, uint64_t seed) {
  uint64_t random = seed * 0x2545f4914f6cdd1du + 1;
  const double shift[3] = {next_unit(&random), next_unit(&random), next_unit(&random)};
  const double shade = 0.85 + 0.3 * next_unit(&random);
  bool alpha = picture->channels == 4;
  const char *dash = strchr(kind, '-');
  double rgb[3] = {60, 120, 60};
  if (!alpha) {
    if (dash == NULL) {
      fail("KIND is COLOUR-PATTERN", kind);
    }
    colour_of(kind, (size_t)(dash - kind), rgb);
  }
  double noise = rgb[0] + rgb[1] + rgb[2] > 0 ? 24 : 0;
  double side = picture->width < picture->height ? picture->width : picture->height;
  uint8_t *sample = picture->samples;
  for (unsigned row = 0; row < picture->height; row++) {
    for (unsigned column = 0; column < picture->width; column++) {
      double x = column / side;
      double y = row / side;
      double light = alpha ? 1 : 0.35 + 0.65 * pattern_at(dash + 1, x, y, shift);
      for (int c = 0; c < 3; c++) {
        *sample++ = clamp(rgb[c] * shade * light + noise * (next_unit(&random) - 0.5));
      }
      if (alpha) {
        *sample++ = hypot(x - 0.5, y - 0.5) < 0.25 + 0.2 * shift[0] ? 255 : 0;
      }
    }
  }
}

static void write_jpeg(FILE *file, const picture *picture) {
  struct jpeg_compress_struct jpeg;
  struct jpeg_error_mgr errors;
  jpeg.err = jpeg_std_error(&errors);
  jpeg_create_compress(&jpeg);
  jpeg_stdio_dest(&jpeg, file);
  jpeg.image_width = picture->width;
  jpeg.image_height = picture->height;
  jpeg.input_components = 3;
  jpeg.in_color_space = JCS_RGB;
  jpeg_set_defaults(&jpeg);
  jpeg_set_quality(&jpeg, 90, TRUE);
  jpeg_start_compress(&jpeg, TRUE);
  while (jpeg.next_scanline < jpeg.image_height) {
    JSAMPROW row = picture->samples + (size_t)jpeg.next_scanline * picture->width * 3;
    jpeg_write_scanlines(&jpeg, &row, 1);
  }
  jpeg_finish_compress(&jpeg);
  jpeg_destroy_compress(&jpeg);
}

/* bits is 8, or 16 for grey. Without samples the header alone. */
static void write_png(FILE *file, const picture *picture, int bits) {
  png_structp png = png_create_write_struct(PNG_LIBPNG_VER_STRING, NULL, NULL, NULL);
  png_infop info = png == NULL ? NULL : png_create_info_struct(png);
  if (info == NULL || setjmp(png_jmpbuf(png)) != 0) {
    fail("libpng", "cannot write this");
  }
  int type = bits == 16 ? PNG_COLOR_TYPE_GRAY : picture->channels == 4 ? PNG_COLOR_TYPE_RGBA : PNG_COLOR_TYPE_RGB;
  png_init_io(png, file);
  png_set_IHDR(png, info, picture->width, picture->height, bits, type, PNG_INTERLACE_NONE, PNG_COMPRESSION_TYPE_DEFAULT,
               PNG_FILTER_TYPE_DEFAULT);
  png_write_info(png, info);
  if (picture->samples != NULL) {
    for (unsigned row = 0; row < picture->height; row++) {
      png_write_row(png, picture->samples + (size_t)row * picture->width * picture->channels);
    }
    png_write_end(png, NULL);
  }
  png_destroy_write_struct(&png, &info);
}

static void parse_size(const char *text, picture *picture) {
  char *end = NULL;
  picture->width = (unsigned)strtoul(text, &end, 10);
  picture->height = *end == 'x' ? (unsigned)strtoul(end + 1, &end, 10) : 0;
  if (picture->width < 1 || picture->height < 1 || picture->width > 65500 || picture->height > 65500 || *end != '\0') {
    fail("not WIDTHxHEIGHT", text);
  }
}

static void make_samples(picture *picture, const char *kind, uint64_t seed) {
  bool grey16 = strcmp(kind, "grey16") == 0;
  picture->channels = strcmp(kind, "alpha") == 0 ? 4 : grey16 ? 2 : 3;
  size_t size = (size_t)picture->width * picture->height * picture->channels;
  picture->samples = malloc(size);
  if (picture->samples == NULL) {
    fail("out of memory", kind);
  }
  if (!grey16) {
    paint(picture, kind, seed);
    return;
  }
  for (size_t i = 0; i < size; i++) {
    picture->samples[i] = (uint8_t)next_random(&seed);
  }
}

int main(int argc, char **argv) {
  if (argc != 5) {
    fail("usage", "mkpic OUT.jpg|OUT.png WIDTHxHEIGHT SEED KIND");
  }
  const char *kind = argv[4];
  picture picture = {.channels = 3};
  parse_size(argv[2], &picture);
  if (strcmp(kind, "header") != 0) {
    make_samples(&picture, kind, strtoull(argv[3], NULL, 10));
  }
  const char *dot = strrchr(argv[1], '.');
  bool jpeg = dot != NULL && strcmp(dot, ".jpg") == 0;
  if (jpeg && (picture.samples == NULL || picture.channels != 3)) {
    fail("a kind for PNG only", kind);
  }
  FILE *file = fopen(argv[1], "wb");
  if (file == NULL) {
    fail("cannot write", argv[1]);
  }
  if (jpeg) {
    write_jpeg(file, &picture);
  } else {
    write_png(file, &picture, picture.channels == 2 ? 16 : 8);
  }
  free(picture.samples);
  return fclose(file) == 0 ? 0 : 1;
}
