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
  TW_MAX_REPEATS = 1000, /* draws of the parts */
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
  size_t per_class;  /* 0: by the shares above. N: N of each class are training, all others test, none validation, for
                        the same seed those of N among those of N + 1; needs `given` NULL. A class with N or fewer
                        contents is TW_E_DATA: the message names the smallest and the largest N that works */
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
 * Errors: TW_E_DATA for a class whose only samples are test ones or conflicts (message names class `labels[i]` by
 * `class_names`, which may be NULL), or when no training sample is left. */
tw_status tw_parts_draw(const tw_samples *samples, const uint8_t *given, const tw_parts_options *options,
                        const char *const *class_names, uint8_t *ret_parts, tw_error *error);

/* Only what becomes of copies: of those of one content one keeps its part (training, or the given one), the others are
 * DUPLICATE or LEAKED, and all are CONFLICT when they are of several classes. No class need have anything left. */
tw_status tw_parts_settle(const tw_samples *samples, const uint8_t *given, uint8_t *ret_parts, tw_error *error);

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
  double proven;         /* or proven to be within proven * J of it; default 5e-6; 0: never */
  size_t max_iterations; /* default 1000; reaching it is no error but is said in the report */
  int threads;           /* 0: all */
  tw_ticker *ticker;     /* may be NULL; cancels between iterations; stages "path" and "fit" */
} tw_fit_options;

tw_fit_options tw_fit_defaults(void);

typedef struct tw_fit_report {
  double objective; /* J(W, b) = C * sum_i cross-entropy_i + 1/2 |W|^2, intercepts free; natural logarithm */
  double distance;  /* (J - its minimum) / J: the last step's estimate, or the bound that was proven */
  size_t iterations;
  bool converged; /* near enough, or as near as float32 gradients lead; false: max_iterations came first */
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

/* ---- The recipe -------------------------------------------------------------------------------------------------- */

/* The tutorial's way to train the same top: Xavier initialisation (Glorot and Bengio, 2010, uniform), mini-batches of
 * the training part in an order that each epoch shuffles anew, a learning rate that decays in steps. Minimises the mean
 * cross-entropy, without regularisation. For those who want to watch it learn; tw_top_train gives the optimum. */
typedef enum tw_solver {
  TW_SOLVER_EXACT, /* tw_top_train, not a recipe */
  TW_SOLVER_SGD,
  TW_SOLVER_MOMENTUM, /* v = momentum * v - rate * gradient; w += v (Polyak, as TensorFlow's and Keras's) */
  TW_SOLVER_ADAM      /* Kingma and Ba, 2015: beta1 0.9, beta2 0.999, epsilon 1e-7 (Keras's) */
} tw_solver;

const char *tw_solver_name(tw_solver solver); /* "exact", "sgd", "momentum", "adam"; static */
/* The recipe of this name; false when there is none, and for "exact". */
bool tw_solver_parse(const char *name, tw_solver *ret_solver);

enum {
  TW_RECIPE_MAX_EPOCHS = 100000,
  TW_RECIPE_MAX_BATCH = 1 << 20,
};

typedef struct tw_recipe_options {
  tw_solver solver;   /* default TW_SOLVER_SGD */
  size_t epochs;      /* default 200 */
  size_t batch;       /* default 128; the last one of an epoch is what is left */
  double rate;        /* default 0.01 */
  double decay;       /* default 0.9: rate * decay ^ floor(step / decay_steps), steps counted in batches from 0 */
  size_t decay_steps; /* default 500; 0: no decay */
  double momentum;    /* default 0.9; TW_SOLVER_MOMENTUM only */
  size_t patience;    /* default 0: all epochs; N: stop after N epochs without a lower validation loss */
  uint64_t seed;      /* of initialisation and shuffling */
  int threads;        /* 0: all; changes no digit */
} tw_recipe_options;

tw_recipe_options tw_recipe_defaults(void);

typedef struct tw_epoch {
  double rate;          /* of its last step */
  double training_loss; /* mean cross-entropy over the training part after the epoch */
  double training_accuracy;
  double validation_loss;     /* NAN without a validation part */
  double validation_accuracy; /* NAN likewise */
  double seconds;             /* of this epoch; 0 in a history read from a model */
} tw_epoch;

typedef struct tw_history {
  tw_recipe_options options;
  size_t count;
  tw_epoch *epochs;
  size_t best;        /* index of the epoch whose weights were kept: lowest validation loss, the last one without
                         validation */
  bool stopped_early; /* by patience */
} tw_history;

void tw_history_free(tw_history *history);
tw_history *tw_history_copy(const tw_history *history); /* NULL when out of memory */

/* A training under way, between two epochs. Not thread-safe. */
typedef struct tw_recipe tw_recipe;

/* `samples` are borrowed until it is freed. Uses rows of part training, watches those of part validation. Errors:
 * TW_E_DATA for features that are not finite and for fewer than two classes in training, TW_E_ARGUMENT for options out
 * of range and for patience without a validation part, TW_E_LIMIT. */
tw_status tw_recipe_create(const tw_samples *samples, const uint8_t *parts, const tw_recipe_options *options,
                           tw_recipe **ret_recipe, tw_error *error);
void tw_recipe_free(tw_recipe *recipe);
bool tw_recipe_done(const tw_recipe *recipe); /* all epochs run, or stopped early */
/* Runs one epoch and appends it to the history. The digits depend on samples, parts and options only. TW_E_DATA when
 * the weights are no longer finite: the message says that the learning rate is too high. */
tw_status tw_recipe_epoch(tw_recipe *recipe, tw_error *error);
const tw_history *tw_recipe_history(const tw_recipe *recipe); /* the recipe's */
const tw_top *tw_recipe_best(const tw_recipe *recipe);        /* the weights kept so far; the recipe's */

/* Appends a checkpoint: weights, the solver's moments, best weights, history, random state, and the hash of what it
 * belongs to: samples (contents, labels, features), parts and options other than epochs, patience and threads. Ends in
 * a hash of all before it. */
void tw_recipe_save(const tw_recipe *recipe, tw_buffer *buffer);
/* Whether these bytes begin as a checkpoint does. */
bool tw_recipe_is_checkpoint(tw_bytes bytes);
/* Puts a recipe just created into the checkpoint's state; going on from there gives the bits of an uninterrupted run.
 * `epochs` and `patience` are those of the recipe, not of the checkpoint. On failure the recipe stays as it was.
 * Errors: TW_E_FORMAT (no checkpoint, damaged, cut short), TW_E_DATA (of other pictures or parts, of other features -
 * another trunk -, of another recipe: the message says which and names both values). `path` is for messages. */
tw_status tw_recipe_restore(tw_recipe *recipe, const char *path, tw_bytes checkpoint, tw_error *error);

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

/* Mean and standard deviation (n - 1; 0 for one value) of the values that are numbers; NAN when none is. */
void tw_mean_and_deviation(const double *values, size_t count, double *ret_mean, double *ret_deviation);

/* Wilson's score interval (Wilson, 1927) for `correct` of `count`, z = 1.959964; [0, 1] when count is 0. */
void tw_wilson(size_t correct, size_t count, double ret_interval[2]);

#endif
