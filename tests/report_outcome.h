/* Outcomes made by formula, of any number of classes and predictions, for tests of the report. */
#ifndef TW_TESTS_REPORT_OUTCOME_H
#define TW_TESTS_REPORT_OUTCOME_H

#include <stdio.h>
#include <string.h>

#include "report/report.h"

enum { MADE_EPOCHS = 50, MADE_BEST = 37 /* index of the epoch that was kept */, MADE_FEATURES = 1280 };

typedef struct made_outcome {
  tw_outcome outcome;
  char **names;
  char **paths;
  tw_report_row *rows;
  float *probabilities;
  uint32_t *labels;
  tw_metrics *metrics;
  tw_path path;
  tw_path_point points[7];
  tw_history history;
  tw_epoch epochs[MADE_EPOCHS];
  float *features;
} made_outcome;

/* One prediction: right four times in five, otherwise mostly a neighbour of the class. */
static inline uint32_t made_prediction(tw_random *random, uint32_t label, size_t classes) {
  double luck = tw_random_unit(random);
  if (luck < 0.8) {
    return label;
  }
  return (uint32_t)(luck < 0.93 ? (label + 1) % classes : tw_random_below(random, classes));
}

static inline void make_rows(made_outcome *made, size_t classes, size_t count, char *const *paths, size_t path_count) {
  tw_random random;
  tw_random_init(&random, classes);
  for (size_t i = 0; i < count; i++) {
    uint32_t label = (uint32_t)(i * classes / count);
    uint32_t predicted = made_prediction(&random, label, classes);
    float sure = (float)(0.4 + 0.6 * tw_random_unit(&random));
    float *row = made->probabilities + i * classes;
    for (size_t j = 0; j < classes; j++) {
      row[j] = (1 - sure) / (float)classes;
    }
    row[predicted] += sure;
    made->labels[i] = label;
    made->rows[i] = (tw_report_row){.path = path_count > 0 ? paths[i % path_count] : made->paths[i],
                                    .label = made->names[label],
                                    .part = "test",
                                    .prediction = made->names[predicted],
                                    .probability = row[predicted],
                                    .tested = true,
                                    .label_index = label,
                                    .predicted_index = predicted,
                                    .own_probability = row[label]};
  }
}

static inline void make_path(made_outcome *made) {
  for (size_t i = 0; i < 7; i++) {
    double off = (double)i - 4;
    double strength = 0.001;
    for (size_t j = 0; j < i; j++) {
      strength *= 10;
    }
    made->points[i] = (tw_path_point){strength, 0.3 + 0.02 * off * off, 0.9 - 0.01 * off * off, 20 + i};
  }
  made->path = (tw_path){.count = 7, .points = made->points, .chosen = 4};
}

/* A validation loss that is lowest at MADE_BEST, values whose digits a file may lose. */
static inline void make_history(made_outcome *made) {
  for (size_t i = 0; i < MADE_EPOCHS; i++) {
    double off = (double)i - MADE_BEST;
    made->epochs[i] = (tw_epoch){.rate = i < 25 ? 0.01 : 0.009,
                                 .training_loss = 1.7 / (double)(i + 1),
                                 .training_accuracy = 1 - 0.6 / (double)(i + 1),
                                 .validation_loss = 0.3 + off * off / 1700,
                                 .validation_accuracy = 0.9 - off * off / 3000,
                                 .seconds = 0.0125};
  }
  made->history = (tw_history){.count = MADE_EPOCHS, .epochs = made->epochs, .best = MADE_BEST};
}

/* Zeros and a few large ones, as a trunk with clipped outputs has them. */
static inline void make_features(made_outcome *made, size_t count) {
  made->features = tw_alloc(count, MADE_FEATURES * sizeof(float));
  for (size_t i = 0; i < count * MADE_FEATURES; i += 7) {
    made->features[i] = (float)(i % 13) / 5;
  }
}

/* `classes` classes and `count` tested rows, whose pictures are `paths` in turn (path_count 0: files that are not
 * there). Free it with made_outcome_free. */
static inline made_outcome *make_outcome_of(size_t classes, size_t count, char *const *paths, size_t path_count) {
  made_outcome *made = tw_alloc(1, sizeof *made);
  made->names = tw_alloc(classes, sizeof *made->names);
  made->paths = tw_alloc(count, sizeof *made->paths);
  made->rows = tw_alloc(count, sizeof *made->rows);
  made->probabilities = tw_alloc(count * classes, sizeof(float));
  made->labels = tw_alloc(count, sizeof(uint32_t));
  for (size_t i = 0; i < classes; i++) {
    made->names[i] = tw_format("%03zu.class-number-%zu", i + 1, i + 1);
  }
  for (size_t i = 0; i < count; i++) {
    made->paths[i] = tw_format("photos/%03zu/no-such-picture-%zu.jpg", i * classes / count + 1, i);
  }
  make_rows(made, classes, count, paths, path_count);
  tw_metrics_compute(made->probabilities, made->labels, count, classes, 0, &made->metrics, NULL);
  make_path(made);
  make_history(made);
  make_features(made, count);
  static const tw_trunk_precision in_f32;
  made->outcome = (tw_outcome){.model_path = "folder/made.onnx",
                               .folder = "photos",
                               .report_path = "made.report",
                               .trunk_name = "efficientnet-lite0",
                               .precision = &in_f32,
                               .class_count = classes,
                               .classes = (const char *const *)made->names,
                               .part_counts = {3 * count, count, count, 0, 0, 0},
                               .pictures = 5 * count,
                               .test = made->metrics,
                               .path = &made->path,
                               .history = &made->history,
                               .features = made->features,
                               .dimensions = MADE_FEATURES,
                               .strength = 10,
                               .objective = 3.5,
                               .row_count = count,
                               .rows = made->rows};
  return made;
}

/* Takes over `name`. */
static inline void made_rename(made_outcome *made, size_t class, char *name) {
  for (size_t i = 0; i < made->outcome.row_count; i++) {
    tw_report_row *row = &made->rows[i];
    row->label = row->label == made->names[class] ? name : row->label;
    row->prediction = row->prediction == made->names[class] ? name : row->prediction;
  }
  tw_free(made->names[class]);
  made->names[class] = name;
}

/* `size` times the character. */
static inline char *made_long_name(char character, size_t size) {
  char *name = tw_alloc(size + 1, 1);
  memset(name, character, size);
  return name;
}

enum { MADE_HOSTILE = 6 /* classes that make_names_hostile names */ };

/* Gives the classes names that a careless page would take for something else. */
static inline void make_names_hostile(made_outcome *made) {
  static const char *const hostile[MADE_HOSTILE] = {
      "</script><img src=x onerror=alert(1)>", "'\"><svg onload=alert(1)>", "&lt;b&gt; & <!--", "line\nbreak\ttab\x01",
      "\xe2\x80\xaeright to left\xe2\x80\xa8", "]]></style>{{7*7}}${x}\\"};
  for (size_t i = 0; i < MADE_HOSTILE && i < made->outcome.class_count; i++) {
    made_rename(made, i, tw_strdup(hostile[i]));
  }
}

static inline void made_outcome_free(made_outcome *made) {
  for (size_t i = 0; i < made->outcome.class_count; i++) {
    tw_free(made->names[i]);
  }
  for (size_t i = 0; i < made->outcome.row_count; i++) {
    tw_free(made->paths[i]);
  }
  tw_metrics_free(made->metrics);
  tw_free(made->names);
  tw_free(made->paths);
  tw_free(made->rows);
  tw_free(made->probabilities);
  tw_free(made->labels);
  tw_free(made->features);
  tw_free(made);
}

#endif
