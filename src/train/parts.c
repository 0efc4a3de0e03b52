/* Which sample is for training, which for validation, which for the test; and folds. Chosen by content alone: neither
 * names nor the order of the list have a say, and a new picture moves at most a picture at a boundary. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "train/train.h"

typedef struct sample {
  tw_hash content;
  tw_hash draw; /* hash(seed, content): the order in which a class is dealt */
  uint32_t label;
  size_t index;
} sample;

const char *tw_part_name(tw_part part) {
  static const char *const names[] = {"training", "validation", "test", "duplicate", "conflict", "leaked", "unset"};
  return (size_t)part < sizeof names / sizeof *names ? names[part] : "unknown";
}

tw_parts_options tw_parts_defaults(void) {
  return (tw_parts_options){.validation = 0.24, .test = 0.16, .seed = 0};
}

static tw_hash hash_of_draw(uint64_t seed, const tw_hash *content) {
  uint8_t bytes[8 + sizeof content->bytes];
  for (size_t i = 0; i < 8; i++) {
    bytes[i] = (uint8_t)(seed >> 8 * i);
  }
  memcpy(bytes + 8, content->bytes, sizeof content->bytes);
  return tw_hash_of(bytes, sizeof bytes);
}

static int by_content(const void *left, const void *right) {
  const sample *a = left;
  const sample *b = right;
  int order = tw_hash_compare(&a->content, &b->content);
  return order != 0 ? order : (a->index > b->index) - (a->index < b->index);
}

static int by_draw(const void *left, const void *right) {
  const sample *a = left;
  const sample *b = right;
  if (a->label != b->label) {
    return a->label < b->label ? -1 : 1;
  }
  int order = tw_hash_compare(&a->draw, &b->draw);
  return order != 0 ? order : by_content(left, right);
}

/* The samples in the order of their contents. Allocated. */
static tw_status list_samples(const tw_samples *samples, uint64_t seed, sample **ret_list, tw_error *error) {
  sample *list = tw_alloc(samples->count, sizeof *list);
  if (list == NULL) {
    return tw_error_memory(error);
  }
  for (size_t i = 0; i < samples->count; i++) {
    if (samples->labels[i] >= samples->classes) {
      tw_status status = tw_error_set(error, TW_E_ARGUMENT, "row %zu: label %u, but there are %zu classes", i,
                                      samples->labels[i], samples->classes);
      tw_free(list);
      return status;
    }
    list[i] = (sample){samples->contents[i], hash_of_draw(seed, &samples->contents[i]), samples->labels[i], i};
  }
  qsort(list, samples->count, sizeof *list, by_content);
  *ret_list = list;
  return TW_OK;
}

/* The part that a sample was given; unset is training that may be drawn from. */
static tw_part given_part(const uint8_t *given, size_t index) {
  return given == NULL || given[index] == TW_PART_UNSET ? TW_PART_TRAINING : (tw_part)given[index];
}

/* What becomes of the copies list[0..count-1] of one content: one keeps its part, the others get none. */
static void settle_copies(const sample *list, size_t count, const uint8_t *given, uint8_t *parts) {
  bool conflict = false;
  tw_part strongest = TW_PART_TRAINING; /* then validation, then test */
  for (size_t i = 0; i < count; i++) {
    tw_part part = given_part(given, list[i].index);
    conflict = conflict || list[i].label != list[0].label;
    strongest = part > strongest ? part : strongest;
  }
  bool kept = false;
  for (size_t i = 0; i < count; i++) {
    tw_part part = given_part(given, list[i].index);
    uint8_t *ret = &parts[list[i].index];
    if (conflict) {
      *ret = TW_PART_CONFLICT;
    } else if (part != strongest) {
      *ret = TW_PART_LEAKED;
    } else {
      *ret = (uint8_t)(kept ? TW_PART_DUPLICATE : part);
      kept = true;
    }
  }
}

static void settle_all(const sample *list, size_t count, const uint8_t *given, uint8_t *parts) {
  for (size_t begin = 0; begin < count;) {
    size_t end = begin + 1;
    while (end < count && tw_hash_compare(&list[end].content, &list[begin].content) == 0) {
      end++;
    }
    settle_copies(list + begin, end - begin, given, parts);
    begin = end;
  }
}

tw_status tw_parts_settle(const tw_samples *samples, const uint8_t *given, uint8_t *ret_parts, tw_error *error) {
  sample *list;
  TW_TRY(list_samples(samples, 0, &list, error));
  settle_all(list, samples->count, given, ret_parts);
  tw_free(list);
  return TW_OK;
}

/* Leaves in `list` only the samples whose part is training, in the order in which they are dealt; their number. */
static size_t keep_pool(sample *list, size_t count, const uint8_t *parts) {
  size_t kept = 0;
  for (size_t i = 0; i < count; i++) {
    if (parts[list[i].index] == TW_PART_TRAINING) {
      list[kept++] = list[i];
    }
  }
  qsort(list, kept, sizeof *list, by_draw);
  return kept;
}

static size_t end_of_class(const sample *list, size_t count, size_t begin) {
  size_t end = begin;
  while (end < count && list[end].label == list[begin].label) {
    end++;
  }
  return end;
}

/* Of one class of m samples in their order: the first ones test, the next validation, by rounded count. */
static void draw_class(const sample *list, size_t m, double validation, double test, uint8_t *parts) {
  if (m < 3) {
    return;
  }
  size_t tests = (size_t)floor(test * (double)m + 0.5);
  size_t validations = (size_t)floor(validation * (double)m + 0.5);
  tests = test > 0 && tests == 0 ? 1 : tests > m - 1 ? m - 1 : tests;
  validations = validations > m - 1 - tests ? m - 1 - tests : validations;
  for (size_t i = 0; i < tests + validations; i++) {
    parts[list[i].index] = (uint8_t)(i < tests ? TW_PART_TEST : TW_PART_VALIDATION);
  }
}

/* "class 'red'" or "class 3". */
static void name_class(const char *const *class_names, size_t class, char *text, size_t size) {
  if (class_names != NULL) {
    snprintf(text, size, "class '%.80s'", class_names[class]);
  } else {
    snprintf(text, size, "class %zu", class);
  }
}

static tw_status too_small(const char *const *class_names, size_t class, size_t count, size_t per_class,
                           tw_error *error) {
  char name[128];
  name_class(class_names, class, name, sizeof name);
  if (count < 2) {
    return tw_error_set(error, TW_E_DATA,
                        "%s has %zu different picture%s: with a fixed number of each class for training every class "
                        "needs at least two",
                        name, count, count == 1 ? "" : "s");
  }
  return tw_error_set(error, TW_E_DATA,
                      "%s has %zu different pictures: %zu of each class for training leave%s none of it for the test; "
                      "at most %zu work here",
                      name, count, per_class, per_class == 1 ? "s" : "", count - 1);
}

/* Each class needs more than per_class samples in the pool: the smallest one that has not is named. */
static tw_status check_numbers(const sample *list, size_t pool, const tw_samples *samples, size_t per_class,
                               const char *const *class_names, tw_error *error) {
  size_t *counts = tw_alloc(samples->classes, sizeof *counts);
  if (counts == NULL) {
    return tw_error_memory(error);
  }
  for (size_t i = 0; i < pool; i++) {
    counts[list[i].label]++;
  }
  size_t smallest = 0;
  for (size_t k = 1; k < samples->classes; k++) {
    smallest = counts[k] < counts[smallest] ? k : smallest;
  }
  tw_status status = samples->classes > 0 && counts[smallest] <= per_class
                         ? too_small(class_names, smallest, counts[smallest], per_class, error)
                         : TW_OK;
  tw_free(counts);
  return status;
}

static bool any_given(const uint8_t *given, size_t count, tw_part part) {
  bool found = false;
  for (size_t i = 0; given != NULL && i < count; i++) {
    found = found || given[i] == part;
  }
  return found;
}

static tw_status check_options(const tw_samples *samples, const uint8_t *given, const tw_parts_options *options,
                               tw_error *error) {
  double validation = options->validation;
  double test = options->test;
  if (!(validation >= 0 && validation < 1 && test >= 0 && test < 1 && validation + test < 1)) {
    return tw_error_set(error, TW_E_ARGUMENT,
                        "shares %g for validation and %g for the test: each must be at least 0, their sum below 1",
                        validation, test);
  }
  if (options->per_class > 0 && given != NULL) {
    return tw_error_set(error, TW_E_ARGUMENT, "parts that are given leave no number of each class to draw");
  }
  for (size_t i = 0; given != NULL && i < samples->count; i++) {
    if (given[i] > TW_PART_TEST && given[i] != TW_PART_UNSET) {
      return tw_error_set(error, TW_E_ARGUMENT, "row %zu: '%s' is no part that can be given", i,
                          tw_part_name((tw_part)given[i]));
    }
  }
  return TW_OK;
}

/* A class that has samples must be trained, and something must be. */
static tw_status check_classes(const tw_samples *samples, const uint8_t *parts, const char *const *class_names,
                               tw_error *error) {
  enum { TRAINED = 1, TESTED = 2, CONFLICTING = 4 };
  uint8_t *seen = tw_alloc(samples->classes, 1);
  if (seen == NULL) {
    return tw_error_memory(error);
  }
  bool training = false;
  for (size_t i = 0; i < samples->count; i++) {
    tw_part part = (tw_part)parts[i];
    training = training || part == TW_PART_TRAINING;
    seen[samples->labels[i]] |= part == TW_PART_TRAINING || part == TW_PART_VALIDATION ? TRAINED
                                : part == TW_PART_TEST                                 ? TESTED
                                : part == TW_PART_CONFLICT                             ? CONFLICTING
                                                                                       : 0;
  }
  tw_status status = TW_OK;
  for (size_t k = 0; k < samples->classes && status == TW_OK; k++) {
    if (seen[k] != 0 && (seen[k] & TRAINED) == 0) {
      char name[128];
      name_class(class_names, k, name, sizeof name);
      status = tw_error_set(error, TW_E_DATA, "%s %s: nothing to train it on", name,
                            (seen[k] & TESTED) != 0 ? "is only in the test part"
                                                    : "has nothing of its own, all of it is in other classes, too");
    }
  }
  if (status == TW_OK && !training) {
    status = tw_error_set(error, TW_E_DATA, "nothing is left to train on");
  }
  tw_free(seen);
  return status;
}

/* Deals the pool, class by class, by the shares that are to be drawn. */
static void draw_shares(const sample *list, size_t pool, const uint8_t *given, size_t count,
                        const tw_parts_options *options, uint8_t *parts) {
  double validation = any_given(given, count, TW_PART_VALIDATION) ? 0 : options->validation;
  double test = any_given(given, count, TW_PART_TEST) ? 0 : options->test;
  for (size_t begin = 0; begin < pool;) {
    size_t end = end_of_class(list, pool, begin);
    draw_class(list + begin, end - begin, validation, test, parts);
    begin = end;
  }
}

/* The author's protocol: of each class of the pool the first per_class samples stay training, all others are test. So
 * what is training with N a class is training with N + 1, too. */
static tw_status draw_numbers(const sample *list, size_t pool, const tw_samples *samples, size_t per_class,
                              const char *const *class_names, uint8_t *parts, tw_error *error) {
  TW_TRY(check_classes(samples, parts, class_names, error));
  TW_TRY(check_numbers(list, pool, samples, per_class, class_names, error));
  for (size_t begin = 0; begin < pool;) {
    size_t end = end_of_class(list, pool, begin);
    for (size_t i = begin + per_class; i < end; i++) {
      parts[list[i].index] = TW_PART_TEST;
    }
    begin = end;
  }
  return TW_OK;
}

tw_status tw_parts_draw(const tw_samples *samples, const uint8_t *given, const tw_parts_options *options,
                        const char *const *class_names, uint8_t *ret_parts, tw_error *error) {
  TW_TRY(check_options(samples, given, options, error));
  sample *list;
  TW_TRY(list_samples(samples, options->seed, &list, error));
  uint8_t *parts = tw_alloc(samples->count, 1);
  if (parts == NULL) {
    tw_free(list);
    return tw_error_memory(error);
  }
  settle_all(list, samples->count, given, parts);
  size_t pool = keep_pool(list, samples->count, parts);
  tw_status status;
  if (options->per_class > 0) {
    status = draw_numbers(list, pool, samples, options->per_class, class_names, parts, error);
  } else {
    draw_shares(list, pool, given, samples->count, options, parts);
    status = check_classes(samples, parts, class_names, error);
  }
  if (status == TW_OK && samples->count > 0) {
    memcpy(ret_parts, parts, samples->count);
  }
  tw_free(parts);
  tw_free(list);
  return status;
}

tw_status tw_folds_draw(const tw_samples *samples, size_t folds, uint64_t seed, int32_t *ret_folds, tw_error *error) {
  if (folds < 2 || folds > TW_MAX_FOLDS) {
    return tw_error_set(error, TW_E_ARGUMENT, "%zu folds: at least 2, at most %d", folds, TW_MAX_FOLDS);
  }
  sample *list;
  TW_TRY(list_samples(samples, seed, &list, error));
  uint8_t *parts = tw_alloc(samples->count, 1);
  if (parts == NULL) {
    tw_free(list);
    return tw_error_memory(error);
  }
  settle_all(list, samples->count, NULL, parts);
  size_t pool = keep_pool(list, samples->count, parts);
  tw_status status = TW_OK;
  if (pool < folds) {
    status = tw_error_set(error, TW_E_DATA, "%zu different pictures cannot be dealt into %zu folds", pool, folds);
  } else {
    for (size_t i = 0; i < samples->count; i++) {
      ret_folds[i] = -1;
    }
    for (size_t i = 0; i < pool; i++) {
      ret_folds[list[i].index] = (int32_t)(i % folds);
    }
  }
  tw_free(parts);
  tw_free(list);
  return status;
}
