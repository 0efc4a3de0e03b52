/* The floor `train` alone on a matrix of features: for tuning it and for checking it against a peer (bench_top.py,
 * tests/peers/check_top.py). Not a comparison by itself, and not installed.
 *
 * bench_top FEATURES.npy CLASSES.i32 PARTS.u8 THREADS          the path, and the fit of training and validation
 * bench_top FEATURES.npy CLASSES.i32 PARTS.u8 THREADS C [OUT]  one fit at strength C
 *
 * CLASSES.i32, PARTS.u8: little-endian numbers, one a row; parts as tw_part. Prints one JSON object. OUT: the top as
 * float32, K x d weights and then K intercepts. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "formats/formats.h"
#include "train/train.h"

enum { MOST_STRENGTHS = 64 };

typedef struct data {
  tw_samples samples;
  uint8_t *parts;
} data;

/* When the strengths were begun, to a tenth of a second, in the order tried; and the final fit. */
typedef struct clock_of_path {
  double begin;
  size_t count;
  double begun[MOST_STRENGTHS];
  double fit;
} clock_of_path;

static void fail(const char *what) {
  fprintf(stderr, "bench_top: %s\n", what);
  exit(1);
}

static void check(tw_status status, const tw_error *error) {
  if (status != TW_OK) {
    fail(error->message);
  }
}

static void *read_numbers(const char *path, size_t count, size_t size) {
  tw_error error;
  tw_map *map;
  check(tw_map_open(path, &map, &error), &error);
  if (tw_map_bytes(map).size != count * size) {
    fail("a file has another number of rows than the features");
  }
  void *numbers = tw_alloc(count, size);
  if (numbers == NULL) {
    fail("out of memory");
  }
  memcpy(numbers, tw_map_bytes(map).data, count * size);
  tw_map_close(map);
  return numbers;
}

static void read_features(const char *path, tw_samples *samples) {
  tw_error error;
  tw_map *map;
  tw_npy npy;
  check(tw_map_open(path, &map, &error), &error);
  check(tw_npy_read(tw_map_bytes(map), &npy, &error), &error);
  if (npy.rank != 2) {
    fail("the features are no matrix");
  }
  samples->count = npy.dims[0];
  samples->dimensions = npy.dims[1];
  float *features = tw_alloc(npy.count, sizeof *features);
  tw_hash *contents = tw_alloc(samples->count, sizeof *contents);
  if (features == NULL || contents == NULL) {
    fail("out of memory");
  }
  check(tw_npy_to_f32(&npy, 0, npy.count, features, &error), &error);
  for (size_t i = 0; i < samples->count; i++) {
    contents[i] = tw_hash_of(features + i * samples->dimensions, samples->dimensions * sizeof *features);
  }
  samples->features = features;
  samples->contents = contents;
  tw_map_close(map);
}

static data read_data(char **paths) {
  data data = {0};
  read_features(paths[0], &data.samples);
  uint32_t *labels = read_numbers(paths[1], data.samples.count, sizeof *labels);
  data.parts = read_numbers(paths[2], data.samples.count, 1);
  for (size_t i = 0; i < data.samples.count; i++) {
    data.samples.classes = labels[i] >= data.samples.classes ? labels[i] + 1 : data.samples.classes;
  }
  data.samples.labels = labels;
  return data;
}

static void print_report(double seconds, const tw_fit_report *report) {
  printf("{\"seconds\": %.4f, \"objective\": %.12g, \"distance\": %.3g, \"iterations\": %zu, \"converged\": %s",
         seconds, report->objective, report->distance, report->iterations, report->converged ? "true" : "false");
}

/* A tw_progress_fn. */
static bool note_time(void *context, const tw_progress *progress) {
  clock_of_path *clock = context;
  double now = tw_seconds() - clock->begin;
  bool on_path = strcmp(progress->stage, "path") == 0;
  while (on_path && clock->count <= progress->done && clock->count < MOST_STRENGTHS) {
    clock->begun[clock->count++] = now;
  }
  clock->fit = on_path ? now : clock->fit;
  return true;
}

/* Seconds of what comes before the path, of each strength tried, of the final fit. */
static void print_clock(const clock_of_path *clock, const tw_path *path, double end) {
  printf(", \"before\": %.2f, \"each\": [", clock->begun[0]);
  for (size_t i = 0; i < path->count && i < clock->count; i++) {
    double next = i + 1 < path->count && i + 1 < clock->count ? clock->begun[i + 1] : clock->fit;
    printf("%s%.2f", i == 0 ? "" : ", ", next - clock->begun[i]);
  }
  printf("], \"fit\": %.2f", end - clock->fit);
}

static void print_path(const tw_path *path) {
  printf(", \"strength\": %.6g, \"path\": [", path->points[path->chosen].strength);
  for (size_t i = 0; i < path->count; i++) {
    printf("%s[%.6g, %.6f, %.5f, %zu]", i == 0 ? "" : ", ", path->points[i].strength, path->points[i].log_loss,
           path->points[i].accuracy, path->points[i].iterations);
  }
  printf("]");
}

static double test_accuracy(const data *data, const tw_top *top) {
  tw_error error;
  size_t tested = 0;
  size_t correct = 0;
  float *row = tw_alloc(top->classes, sizeof *row);
  for (size_t i = 0; row != NULL && i < data->samples.count; i++) {
    if (data->parts[i] == TW_PART_TEST) {
      check(tw_top_apply(top, data->samples.features + i * top->dimensions, 1, 1, row, &error), &error);
      correct += tw_top_best(row, top->classes) == data->samples.labels[i];
      tested++;
    }
  }
  tw_free(row);
  return tested == 0 ? 0 : (double)correct / (double)tested;
}

static void save(const char *path, const tw_top *top) {
  tw_error error;
  tw_output *output;
  check(tw_output_open(path, &output, &error), &error);
  tw_output_write(output, top->weights, top->classes * top->dimensions * sizeof(float));
  tw_output_write(output, top->intercepts, top->classes * sizeof(float));
  check(tw_output_commit(output, &error), &error);
}

/* Training and validation rows. Allocated. */
static size_t *list_rows(const data *data, size_t *ret_count) {
  size_t *rows = tw_alloc(data->samples.count, sizeof *rows);
  if (rows == NULL) {
    fail("out of memory");
  }
  *ret_count = 0;
  for (size_t i = 0; i < data->samples.count; i++) {
    if (data->parts[i] == TW_PART_TRAINING || data->parts[i] == TW_PART_VALIDATION) {
      rows[(*ret_count)++] = i;
    }
  }
  return rows;
}

int main(int argc, char **argv) {
  if (argc < 5 || argc > 7) {
    fail("usage: bench_top FEATURES.npy CLASSES.i32 PARTS.u8 THREADS [C [OUT]]");
  }
  data data = read_data(argv + 1);
  tw_fit_options options = tw_fit_defaults();
  options.threads = (int)strtol(argv[4], NULL, 10);
  tw_top *top;
  tw_path *path = NULL;
  tw_fit_report report;
  tw_error error;
  size_t count;
  size_t *rows = list_rows(&data, &count);
  clock_of_path clock = {.begin = tw_seconds()};
  tw_ticker ticker = {.callback = note_time, .context = &clock};
  options.ticker = &ticker;
  if (argc == 5) {
    check(tw_top_train(&data.samples, data.parts, 0, &options, &top, &path, &report, &error), &error);
  } else {
    check(tw_top_fit(&data.samples, rows, count, strtod(argv[5], NULL), NULL, &options, &top, &report, &error), &error);
  }
  double seconds = tw_seconds() - clock.begin;
  print_report(seconds, &report);
  printf(", \"test\": %.5f", test_accuracy(&data, top));
  if (path != NULL) {
    print_path(path);
    print_clock(&clock, path, seconds);
  }
  printf("}\n");
  if (argc == 7) {
    save(argv[6], top);
  }
  tw_path_free(path);
  tw_top_free(top);
  tw_free(rows);
  tw_free(data.parts);
  return 0;
}
