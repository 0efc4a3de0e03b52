/* What a command line says, and the table of all options: one row gives parsing, checking and help. */
#ifndef TW_CLI_SETTINGS_H
#define TW_CLI_SETTINGS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SETTINGS_NOT_GIVEN UINT64_MAX /* of a number for which 0 says something */

typedef struct settings {
  const char *command;
  size_t operand_count;
  const char **operands; /* owned list; texts are argv's */

  const char *output;
  const char *trunk;
  const char *cut;
  const char *preprocess;
  const char *labels;
  const char *precision;
  const char *from;
  bool fast_decode;
  uint64_t input_size;
  double mean; /* NAN: not given, as of all OPTION_REAL without another default */
  double scale;
  const char *features;
  const char *names;
  const char *cache;
  const char *format;
  const char *input;
  const char *output_node;
  double validation; /* NAN: not given */
  double test;
  uint64_t folds;
  uint64_t train_per_class;
  uint64_t repeat;
  uint64_t seed;
  const char *solver; /* NULL: not given */
  uint64_t epochs;    /* 0: not given, as of the other numbers */
  uint64_t batch;
  double rate;
  double decay;
  uint64_t decay_steps; /* SETTINGS_NOT_GIVEN */
  double momentum;
  uint64_t patience;
  const char *checkpoint;
  uint64_t checkpoint_every;
  const char *resume;
  uint64_t k;
  uint64_t threads;
  uint64_t max_size;
  bool include_training;
  bool passes;
  bool plan;
  bool recalibrate;
  bool json;
  bool quiet;
  bool no_cache;
  bool strict;
  bool help;
} settings;

typedef enum option_kind {
  OPTION_FLAG,     /* bool */
  OPTION_TEXT,     /* const char * */
  OPTION_SHARE,    /* double in [0, 1) */
  OPTION_REAL,     /* double, finite */
  OPTION_POSITIVE, /* double above 0, finite */
  OPTION_NUMBER,   /* uint64_t in low..high */
  OPTION_SIZE,     /* uint64_t of bytes: 500M, 2G */
  OPTION_CHOICE    /* const char *, one of `choices` */
} option_kind;

typedef struct option {
  const char *name; /* unique; without dashes; a single letter: there is no long one */
  char letter;      /* 0: none */
  option_kind kind;
  const char *argument; /* "FILE"; NULL for a flag */
  const char *help;
  size_t offset; /* in settings */
  uint64_t low;
  uint64_t high;
  const char *choices; /* "text|csv|json" */
} option;

typedef struct command {
  const char *name;
  const char *operands; /* "DIR", for help */
  const char *summary;  /* one line */
  const char *details;  /* paragraphs; may be NULL */
  size_t least;         /* operands */
  size_t most;
  const char *options; /* names of the options it takes, separated by spaces */
  int (*run)(const settings *settings);
} command;

/* Parses what follows the command's name. Prints one line on stderr and returns false when it is wrong. */
bool tw_cli_parse(const command *command, int count, char **arguments, settings *ret_settings);
/* Prints the command's help on stdout. */
void tw_cli_help(const command *command);
/* The word of `words` (separated by spaces) nearest to `word`, when it is near; an empty text otherwise. */
void tw_cli_nearest(const char *word, const char *words, char *ret_nearest, size_t size);

#endif
