/* Command lines by one table. */
#include "cli/settings.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FIELD(name) offsetof(settings, name)

static const option options[] = {
    {"o", 'o', OPTION_TEXT, "FILE", "write the result to FILE", FIELD(output), 0, 0, NULL},
    {"trunk", 0, OPTION_TEXT, "NAME|FILE", "the network to stand on (default efficientnet-lite0)", FIELD(trunk), 0, 0,
     NULL},
    {"cut", 0, OPTION_TEXT, "NODE", "take the features at NODE instead of before the last fully connected layer",
     FIELD(cut), 0, 0, NULL},
    {"preprocess", 0, OPTION_TEXT, "TEXT", "how pictures become tensors, instead of what the trunk says",
     FIELD(preprocess), 0, 0, NULL},
    {"input-size", 0, OPTION_NUMBER, "PIXELS", "sides of the network's input, for a network that does not say",
     FIELD(input_size), 1, 4096, NULL},
    {"mean", 0, OPTION_REAL, "X", "what is subtracted from pixels of 0..255", FIELD(mean), 0, 0, NULL},
    {"scale", 0, OPTION_REAL, "X", "what they are multiplied with then", FIELD(scale), 0, 0, NULL},
    {"fast-decode", 0, OPTION_FLAG, NULL, "decode JPEGs at 1/2, 1/4 or 1/8 where the network needs no more",
     FIELD(fast_decode), 0, 0, NULL},
    {"labels", 0, OPTION_TEXT, "FILE", "labels of the network's outputs (docs/LABELS.md)", FIELD(labels), 0, 0, NULL},
    {"precision", 0, OPTION_CHOICE, "NAME", "f32 (default), bf16, int8, or auto: int8 where it is near enough to f32",
     FIELD(precision), 0, 0, "f32|bf16|int8|auto"},
    {"recalibrate", 0, OPTION_FLAG, NULL, "calibrate int8 anew, on these pictures", FIELD(recalibrate), 0, 0, NULL},
    {"from", 0, OPTION_TEXT, "URL|FILE|DIR", "a mirror's URL, the archive, or a folder with it or its files",
     FIELD(from), 0, 0, NULL},
    {"val", 0, OPTION_SHARE, "F", "share of each class for validation (default 0.24)", FIELD(validation), 0, 0, NULL},
    {"test", 0, OPTION_SHARE, "F", "share of each class for the test (default 0.16)", FIELD(test), 0, 0, NULL},
    {"folds", 0, OPTION_NUMBER, "K", "test by K folds and train the model on all pictures", FIELD(folds), 2, 100, NULL},
    {"train-per-class", 0, OPTION_NUMBER, "N", "train on N pictures of each class and test on all others",
     FIELD(train_per_class), 1, INT32_MAX, NULL},
    {"repeat", 0, OPTION_NUMBER, "R", "draw the parts R times (seed, seed + 1, ...) and give mean and spread",
     FIELD(repeat), 1, 1000, NULL},
    {"seed", 0, OPTION_NUMBER, "N", "seed of what is drawn at random (default 0)", FIELD(seed), 0, INT64_MAX, NULL},
    {"solver", 0, OPTION_CHOICE, "NAME", "exact (default), or the tutorial's recipe: sgd, momentum or adam",
     FIELD(solver), 0, 0, "exact|sgd|momentum|adam"},
    {"epochs", 0, OPTION_NUMBER, "N", "recipe: epochs in all (default 200)", FIELD(epochs), 1, 100000, NULL},
    {"batch", 0, OPTION_NUMBER, "N", "recipe: rows of a mini-batch (default 128)", FIELD(batch), 1, 1 << 20, NULL},
    {"lr", 0, OPTION_POSITIVE, "X", "recipe: learning rate at the beginning (default 0.01)", FIELD(rate), 0, 0, NULL},
    {"decay", 0, OPTION_POSITIVE, "X", "recipe: factor on it at each step of its fall (default 0.9)", FIELD(decay), 0,
     0, NULL},
    {"decay-steps", 0, OPTION_NUMBER, "N", "recipe: batches between those steps (default 500; 0: no fall)",
     FIELD(decay_steps), 0, INT32_MAX, NULL},
    {"momentum", 0, OPTION_SHARE, "X", "recipe momentum: share of the last step kept (default 0.9)", FIELD(momentum), 0,
     0, NULL},
    {"patience", 0, OPTION_NUMBER, "N", "recipe: stop after N epochs without a lower validation loss", FIELD(patience),
     1, 100000, NULL},
    {"checkpoint", 0, OPTION_TEXT, "FILE", "recipe: keep its state in FILE as it goes, and on Ctrl-C",
     FIELD(checkpoint), 0, 0, NULL},
    {"checkpoint-every", 0, OPTION_NUMBER, "N", "epochs between two checkpoints (default 10)", FIELD(checkpoint_every),
     1, 100000, NULL},
    {"resume", 0, OPTION_TEXT, "FILE", "recipe: go on from a checkpoint, to the same model", FIELD(resume), 0, 0, NULL},
    {"features", 0, OPTION_TEXT, "F.npy", "train on these features instead of pictures", FIELD(features), 0, 0, NULL},
    {"names", 0, OPTION_TEXT, "F.tsv", "paths and classes of the features' rows", FIELD(names), 0, 0, NULL},
    {"include-training", 0, OPTION_FLAG, NULL, "count pictures that training has used, too", FIELD(include_training), 0,
     0, NULL},
    {"k", 'k', OPTION_NUMBER, "N", "show the N most probable classes", FIELD(k), 1, 65536, NULL},
    {"format", 0, OPTION_CHOICE, "FORMAT", "text, csv or json", FIELD(format), 0, 0, "text|csv|json"},
    {"input", 0, OPTION_TEXT, "X.npy", "the tensor to run on, batch first", FIELD(input), 0, 0, NULL},
    {"output", 0, OPTION_TEXT, "NODE", "the node whose value is wanted (default the network's first output)",
     FIELD(output_node), 0, 0, NULL},
    {"passes", 0, OPTION_FLAG, NULL, "show what each pass leaves of the network", FIELD(passes), 0, 0, NULL},
    {"plan", 0, OPTION_FLAG, NULL, "show every step of the plan and time it", FIELD(plan), 0, 0, NULL},
    {"max-size", 0, OPTION_SIZE, "SIZE", "bytes to keep at most: 500M, 2G", FIELD(max_size), 0, 0, NULL},
    {"json", 0, OPTION_FLAG, NULL, "print JSON (docs/JSON.md)", FIELD(json), 0, 0, NULL},
    {"quiet", 0, OPTION_FLAG, NULL, "no progress and no notes, only results and errors", FIELD(quiet), 0, 0, NULL},
    {"cache", 0, OPTION_TEXT, "DIR", "folder of the features cache (default ~/.cache/topwork)", FIELD(cache), 0, 0,
     NULL},
    {"no-cache", 0, OPTION_FLAG, NULL, "neither read nor write the features cache", FIELD(no_cache), 0, 0, NULL},
    {"threads", 0, OPTION_NUMBER, "N", "cores to use (default all)", FIELD(threads), 1, 256, NULL},
    {"strict", 0, OPTION_FLAG, NULL, "exit with status 1 when a file was skipped", FIELD(strict), 0, 0, NULL},
    {"help", 'h', OPTION_FLAG, NULL, "show this help", FIELD(help), 0, 0, NULL},
};
static const size_t option_count = sizeof options / sizeof *options;

/* Whether `words`, separated by `separator`, hold this word. */
static bool holds(const char *words, char separator, const char *word, size_t length) {
  while (words != NULL && *words != '\0') {
    const char *end = strchr(words, separator);
    size_t size = end == NULL ? strlen(words) : (size_t)(end - words);
    if (size == length && memcmp(words, word, length) == 0) {
      return true;
    }
    words = end == NULL ? NULL : end + 1;
  }
  return false;
}

static bool takes(const command *command, const option *option) {
  return strcmp(option->name, "help") == 0 || holds(command->options, ' ', option->name, strlen(option->name));
}

static bool is_long_name(const option *option) {
  return option->name[1] != '\0';
}

/* The option of `command` with this long name; NULL when it has none. */
static const option *option_by_name(const command *command, const char *name, size_t length) {
  for (size_t i = 0; i < option_count; i++) {
    const option *option = &options[i];
    if (is_long_name(option) && strlen(option->name) == length && memcmp(option->name, name, length) == 0 &&
        takes(command, option)) {
      return option;
    }
  }
  return NULL;
}

static const option *option_by_letter(const command *command, char letter) {
  for (size_t i = 0; i < option_count; i++) {
    const option *option = &options[i];
    if (option->letter != 0 && option->letter == letter && takes(command, option)) {
      return option;
    }
  }
  return NULL;
}

/* ---- Suggestions ------------------------------------------------------------------------------------------------- */

enum { LONGEST_WORD = 40 };

/* Levenshtein's distance of two short words. */
static size_t distance(const char *a, size_t a_length, const char *b, size_t b_length) {
  size_t row[LONGEST_WORD + 1];
  for (size_t j = 0; j <= b_length; j++) {
    row[j] = j;
  }
  for (size_t i = 1; i <= a_length; i++) {
    size_t diagonal = row[0];
    row[0] = i;
    for (size_t j = 1; j <= b_length; j++) {
      size_t replaced = diagonal + (a[i - 1] != b[j - 1]);
      diagonal = row[j];
      size_t shorter = row[j] < row[j - 1] ? row[j] + 1 : row[j - 1] + 1;
      row[j] = replaced < shorter ? replaced : shorter;
    }
  }
  return row[b_length];
}

void tw_cli_nearest(const char *word, const char *words, char *ret_nearest, size_t size) {
  size_t best = 3; /* further away is another word */
  size_t length = strlen(word);
  ret_nearest[0] = '\0';
  while (length <= LONGEST_WORD && words != NULL && *words != '\0') {
    const char *end = strchr(words, ' ');
    size_t width = end == NULL ? strlen(words) : (size_t)(end - words);
    if (width <= LONGEST_WORD && width < size && distance(word, length, words, width) < best) {
      best = distance(word, length, words, width);
      memcpy(ret_nearest, words, width);
      ret_nearest[width] = '\0';
    }
    words = end == NULL ? NULL : end + 1;
  }
}

/* ---- Parsing ----------------------------------------------------------------------------------------------------- */

static bool wrong(const command *command, const char *format, const char *a, const char *b) {
  fprintf(stderr, "topwork %s: ", command->name);
  fprintf(stderr, format, a, b);
  fprintf(stderr, "; see 'topwork %s --help'\n", command->name);
  return false;
}

static bool parse_whole(const char *text, uint64_t *ret) {
  if (*text < '0' || *text > '9') {
    return false;
  }
  char *end;
  errno = 0;
  unsigned long long value = strtoull(text, &end, 10);
  *ret = value;
  return *end == '\0' && errno == 0;
}

static bool parse_size(const char *text, uint64_t *ret) {
  static const char units[] = "KMGT";
  size_t length = strlen(text);
  const char *unit = length > 1 ? strchr(units, text[length - 1]) : NULL;
  char digits[24];
  size_t used = unit == NULL ? length : length - 1;
  uint64_t value;
  if (used >= sizeof digits) {
    return false;
  }
  memcpy(digits, text, used);
  digits[used] = '\0';
  if (!parse_whole(digits, &value)) {
    return false;
  }
  for (const char *at = units; unit != NULL && at <= unit; at++) {
    if (__builtin_mul_overflow(value, 1024u, &value)) {
      return false;
    }
  }
  *ret = value;
  return true;
}

static bool set(const command *command, const option *option, const char *value, settings *settings) {
  char *field = (char *)settings + option->offset;
  char range[96];
  uint64_t number;
  switch (option->kind) {
    case OPTION_FLAG: *(bool *)field = true; return true;
    case OPTION_TEXT: *(const char **)field = value; return true;
    case OPTION_SHARE: {
      char *end;
      double share = strtod(value, &end);
      bool good = *value != '\0' && *end == '\0' && share >= 0 && share < 1;
      *(double *)field = share;
      return good || wrong(command, "--%s wants a share from 0 to below 1, not '%s'", option->name, value);
    }
    case OPTION_REAL: {
      char *end;
      *(double *)field = strtod(value, &end);
      bool good = *value != '\0' && *end == '\0' && isfinite(*(double *)field);
      return good || wrong(command, "--%s wants a number, not '%s'", option->name, value);
    }
    case OPTION_POSITIVE: {
      char *end;
      *(double *)field = strtod(value, &end);
      bool good = *value != '\0' && *end == '\0' && isfinite(*(double *)field) && *(double *)field > 0;
      return good || wrong(command, "--%s wants a number above 0, not '%s'", option->name, value);
    }
    case OPTION_NUMBER:
      if (!parse_whole(value, &number) || number < option->low || number > option->high) {
        snprintf(range, sizeof range, "%s%s wants a whole number from %llu to %llu", is_long_name(option) ? "--" : "-",
                 option->name, (unsigned long long)option->low, (unsigned long long)option->high);
        return wrong(command, "%s, not '%s'", range, value);
      }
      *(uint64_t *)field = number;
      return true;
    case OPTION_SIZE:
      return parse_size(value, (uint64_t *)field) ||
             wrong(command, "--%s wants bytes, as in 500M or 2G, not '%s'", option->name, value);
    case OPTION_CHOICE:
      *(const char **)field = value;
      snprintf(range, sizeof range, "%s wants one of %s", option->name, option->choices);
      return holds(option->choices, '|', value, strlen(value)) || wrong(command, "--%s, not '%s'", range, value);
  }
  return false;
}

static bool unknown_option(const command *command, const char *text, const char *name) {
  char nearest[LONGEST_WORD + 1];
  char suggestion[LONGEST_WORD + 32] = "";
  tw_cli_nearest(name, command->options, nearest, sizeof nearest);
  if (nearest[0] != '\0') {
    snprintf(suggestion, sizeof suggestion, "; did you mean '--%s'?", nearest);
  }
  return wrong(command, "has no option '%s'%s", text, suggestion);
}

/* One option at arguments[*at]; moves *at to its last word. */
static bool parse_option(const command *command, int count, char **arguments, int *at, settings *settings) {
  const char *text = arguments[*at];
  bool is_long = text[1] == '-';
  const char *name = text + (is_long ? 2 : 1);
  const char *equals = is_long ? strchr(name, '=') : NULL;
  const option *found = is_long ? option_by_name(command, name, equals == NULL ? strlen(name) : (size_t)(equals - name))
                                : option_by_letter(command, *name);
  if (found == NULL) {
    return unknown_option(command, text, name);
  }
  if (found->kind == OPTION_FLAG) {
    if (equals != NULL || (!is_long && name[1] != '\0')) {
      return wrong(command, "'%s': --%s takes no value", text, found->name);
    }
    return set(command, found, NULL, settings);
  }
  const char *value = equals != NULL ? equals + 1 : !is_long && name[1] != '\0' ? name + 1 : NULL;
  if (value == NULL) {
    if (*at + 1 >= count) {
      return wrong(command, "'%s' wants a value: %s", text, found->argument);
    }
    value = arguments[++*at];
  }
  return set(command, found, value, settings);
}

bool tw_cli_parse(const command *command, int count, char **arguments, settings *ret_settings) {
  settings settings = {.command = command->name,
                       .validation = NAN,
                       .test = NAN,
                       .rate = NAN,
                       .decay = NAN,
                       .decay_steps = SETTINGS_NOT_GIVEN,
                       .momentum = NAN,
                       .mean = NAN,
                       .scale = NAN};
  settings.operands = calloc((size_t)count + 1, sizeof *settings.operands);
  if (settings.operands == NULL) {
    return wrong(command, "%s%s", "out of memory", "");
  }
  bool options_ended = false;
  bool good = true;
  for (int at = 0; good && at < count; at++) {
    const char *text = arguments[at];
    if (options_ended || text[0] != '-' || text[1] == '\0') {
      settings.operands[settings.operand_count++] = text;
    } else if (strcmp(text, "--") == 0) {
      options_ended = true;
    } else {
      good = parse_option(command, count, arguments, &at, &settings);
    }
  }
  if (good && !settings.help && (settings.operand_count < command->least || settings.operand_count > command->most)) {
    good = settings.operand_count < command->least
               ? wrong(command, "wants %s%s", command->operands, settings.operand_count == 0 ? "" : " (one is missing)")
               : wrong(command, "does not know what to do with '%s'%s", settings.operands[command->most], "");
  }
  if (!good) {
    free(settings.operands);
    return false;
  }
  *ret_settings = settings;
  return true;
}

/* ---- Help -------------------------------------------------------------------------------------------------------- */

void tw_cli_help(const command *command) {
  printf("topwork %s%s%s [options]\n\n%s\n", command->name, *command->operands == '\0' ? "" : " ", command->operands,
         command->summary);
  if (command->details != NULL) {
    printf("\n%s\n", command->details);
  }
  printf("\nOptions:\n");
  for (size_t i = 0; i < option_count; i++) {
    const option *option = &options[i];
    if (!takes(command, option)) {
      continue;
    }
    char left[64];
    char letter[8] = "";
    if (option->letter != 0) {
      snprintf(letter, sizeof letter, "-%c%s", option->letter, is_long_name(option) ? ", " : "");
    }
    snprintf(left, sizeof left, "%s%s%s%s%s", letter, is_long_name(option) ? "--" : "",
             is_long_name(option) ? option->name : "", option->argument == NULL ? "" : " ",
             option->argument == NULL ? "" : option->argument);
    printf("  %-26s  %s\n", left, option->help);
  }
}
