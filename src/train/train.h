/* Floor `train`: parts, the top, the path of strengths, folds and metrics. Knows rows of features with labels and
 * content hashes; nothing of pictures, networks or files.
 *
 * Everything here is deterministic: the result depends on the set of (content, label, features) and the options, not on
 * the order of the samples nor on the number of threads. Sums run in double or over fixed blocks of TW_BLOCK_ROWS rows
 * in a fixed order. Samples are put in the order of (label, content) first. */
#ifndef TW_TRAIN_H
#define TW_TRAIN_H

#include "base/base.h"

enum {
  TW_MAX_CLASSES = 65536,
  TW_BLOCK_ROWS = 512,
  TW_SELECTION_FOLDS = 5,
  TW_SELECTION_MIN_PER_CLASS = 30, /* fewer training + validation samples a class on average: strengths by folds */
  TW_MAX_FOLDS = 100,
};
#define TW_MAX_FEATURE_BYTES ((size_t)1 << 36) /* of one feature matrix: 64 GiB */

/* n samples. All arrays borrowed; samples in any order, contents may repeat where a function says so. */
typedef struct tw_samples {
  size_t count;            /* n */
  size_t dimensions;       /* d */
  size_t classes;          /* K */
  const float *features;   /* n x d, row-major; may be NULL for the functions that draw parts and folds */
  const uint32_t *labels;  /* n, in 0..K-1 */
  const tw_hash *contents; /* n */
} tw_samples;

/* ---- Parts ------------------------------------------------------------------------------------------------------- */

typedef enum tw_part {
  TW_PART_TRAINING = 0,
  TW_PART_VALIDATION,
  TW_PART_TEST,
  TW_PART_DUPLICATE, /* an exact copy, in the same class, of a sample that has a part (the first one in the list) */
  TW_PART_CONFLICT,  /* the same content stands under two classes: in no part */
  TW_PART_LEAKED,    /* given as training, but the same content is given in another part too: in no part */
  TW_PART_UNSET      /* only as input: draw it */
} tw_part;

const char *tw_part_name(
    tw_part part); /* "training", "validation", "test", "duplicate", "conflict", "leaked"; static */

typedef struct tw_parts_options {
  double validation; /* share of each class, in [0, 1); default 0.24 */
  double test;       /* default 0.16; validation + test < 1 */
  uint64_t seed;
} tw_parts_options;

tw_parts_options tw_parts_defaults(void);

/* ret_parts[i], i < n, one tw_part each. For each class: unique contents sorted by hash(seed, content); the first
 * round(test * m) are test, the next round(validation * m) validation, the rest training; with m >= 3 at least one test
 * (when test > 0) and one training; m < 3: training only.
 *
 * `given` is NULL, or has one tw_part for each sample: training, validation or test where folders say so, unset (counts
 * as training) where they do not. Parts that no sample is given (validation, test) are then drawn from those given as
 * training, by the same rule; with given parts the shares of the parts that are given are ignored. A content given both
 * as training and in another part: the training one is LEAKED; in validation and test: the validation one is LEAKED.
 * Errors: TW_E_DATA for a class whose only samples are test ones (message names class `labels[i]` by `class_names`,
 * which may be NULL), or when no training sample is left. */
tw_status tw_parts_draw(const tw_samples *samples, const uint8_t *given, const tw_parts_options *options,
                        const char *const *class_names, uint8_t *ret_parts, tw_error *error);

/* ret_folds[i] in 0..folds-1, or -1 for duplicates and conflicts. Stratified: each class is dealt round-robin in the
 * order of hash(seed, content), going on where the class before it stopped, so that the folds' sizes differ by at most
 * one. */
tw_status tw_folds_draw(const tw_samples *samples, size_t folds, uint64_t seed, int32_t *ret_folds, tw_error *error);

/* ---- The top ----------------------------------------------------------------------------------------------------- */

/* Multinomial logistic regression: probabilities = softmax(features * weights^T + intercepts). */
typedef struct tw_top {
  size_t classes;    /* K */
  size_t dimensions; /* d */
  float *weights;    /* K x d, row-major */
  float *intercepts; /* K */
} tw_top;

tw_top *tw_top_create(size_t classes, size_t dimensions); /* zeros; NULL when out of memory or too large */
void tw_top_free(tw_top *top);

/* features: n x d -> ret_probabilities: n x K, each row summing to 1. The same row gives the same digits whatever n,
 * the rows around it and `threads` are: this is the one path from features to probabilities of the whole program. */
tw_status tw_top_apply(const tw_top *top, const float *features, size_t count, int threads, float *ret_probabilities,
                       tw_error *error);
/* The class of the largest probability, the first one of equals. */
uint32_t tw_top_best(const float *probabilities, size_t classes);

typedef struct tw_fit_options {
  double tolerance;      /* stop when J is estimated to be within tolerance * J of the optimum; default 2e-9 */
  size_t max_iterations; /* default 1000; reaching it is no error but is said in the report */
  int threads;           /* 0: all */
  tw_ticker *ticker;     /* may be NULL; cancels between iterations; stages "path" and "fit" */
} tw_fit_options;

tw_fit_options tw_fit_defaults(void);

typedef struct tw_fit_report {
  double objective; /* J(W, b) = C * sum_i cross-entropy_i + 1/2 |W|^2, intercepts free; natural logarithm */
  double distance;  /* the last step's estimate of (J - its minimum) / J */
  size_t iterations;
  bool converged; /* within the tolerance, or as near as float32 gradients lead; false: max_iterations came first */
} tw_fit_report;

/* The intercept of a class without a sample: its optimum is minus infinity. Its weights are 0. */
#define TW_ABSENT_INTERCEPT (-1e30f)

/* Fits to the optimum on the samples rows[0..row_count-1] (indices into `samples`; each content once). `start` (may be
 * NULL) is the first guess. Classes without a sample get weights 0 and TW_ABSENT_INTERCEPT. The intercepts of the
 * others sum to 0, which the probabilities do not see. Needs row_count * d floats more, and as much again as 48 tops.
 * ret_report may be NULL. Errors: TW_E_DATA for features that are not finite (names the row) and for fewer than two
 * classes with samples; TW_E_ARGUMENT for a strength that is not finite and positive; TW_E_LIMIT. */
tw_status tw_top_fit(const tw_samples *samples, const size_t *rows, size_t row_count, double strength,
                     const tw_top *start, const tw_fit_options *options, tw_top **ret_top, tw_fit_report *ret_report,
                     tw_error *error);

/* J of `top` on these rows, in double. */
double tw_top_objective(const tw_samples *samples, const size_t *rows, size_t row_count, double strength,
                        const tw_top *top);

/* ---- The path ---------------------------------------------------------------------------------------------------- */

typedef struct tw_path_point {
  double strength; /* C */
  double log_loss; /* mean over the validation samples (over those of all folds) */
  double accuracy;
  size_t iterations; /* the most of any fold */
} tw_path_point;

/* The strengths tried, ascending, and the one chosen: of the lowest log loss, but a weaker regularisation must gain
 * 0.005 nats over a stronger one to be worth it. */
typedef struct tw_path {
  size_t count;
  tw_path_point *points;
  size_t chosen;
  bool by_folds; /* scored by TW_SELECTION_FOLDS folds instead of the validation part */
} tw_path;

void tw_path_free(tw_path *path);

/* Chooses C on a warm-started path from strong regularisation to weak, scored by log loss on the samples of part
 * validation (or by folds over training + validation: too few a class, or no validation sample), stops when the log
 * loss has clearly turned or gains nothing more, tries once where a parabola through the best three has its lowest
 * point, then refits on training + validation. `parts` has one tw_part for each sample; those not training or
 * validation are ignored. seed: of the selection folds. ret_report: of the final fit; may be NULL. */
tw_status tw_top_train(const tw_samples *samples, const uint8_t *parts, uint64_t seed, const tw_fit_options *options,
                       tw_top **ret_top, tw_path **ret_path, tw_fit_report *ret_report, tw_error *error);

/* ---- Metrics ----------------------------------------------------------------------------------------------------- */

/* Of one class. A ratio without a denominator is NAN. */
typedef struct tw_class_metrics {
  size_t support;   /* samples of this class */
  size_t predicted; /* samples predicted as it */
  size_t correct;
  double precision;
  double recall;
  double f1;
} tw_class_metrics;

typedef struct tw_metrics {
  size_t count;
  size_t classes; /* K */
  size_t correct;
  double accuracy;    /* NAN when count is 0 */
  double interval[2]; /* Wilson's, 95 % */
  double baseline;    /* what always guessing the class that is largest in training would get here */
  uint32_t baseline_class;
  double log_loss;        /* mean, natural logarithm, probabilities clipped at 1e-15 */
  double top5;            /* the true class among the five largest; NAN when K <= 5 */
  double macro_accuracy;  /* recall averaged over the classes with samples */
  tw_class_metrics *each; /* K */
  size_t *confusion;      /* K x K: [true * K + predicted] */
  /* The largest cell off the diagonal; worst_count is 0 when there is none. The first one of equals. */
  uint32_t worst_true;
  uint32_t worst_predicted;
  size_t worst_count;
} tw_metrics;

/* probabilities: n x K, labels: n. baseline_class as defined above. */
tw_status tw_metrics_compute(const float *probabilities, const uint32_t *labels, size_t count, size_t classes,
                             uint32_t baseline_class, tw_metrics **ret_metrics, tw_error *error);
void tw_metrics_free(tw_metrics *metrics);

/* Wilson's score interval (Wilson, 1927) for `correct` of `count`, z = 1.959964; [0, 1] when count is 0. */
void tw_wilson(size_t correct, size_t count, double ret_interval[2]);

#endif
