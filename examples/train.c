/* From a folder of pictures, one subfolder a class, to a model: train FOLDER MODEL. Ctrl-C stops it cleanly.
 *
 *   cc train.c $(pkg-config --cflags --libs topwork) -o train */
#include <signal.h>
#include <stdio.h>
#include <topwork/topwork.h>

static volatile sig_atomic_t interrupted;

static void interrupt(int signal_number) {
  (void)signal_number;
  interrupted = 1;
}

static bool show_progress(void *context, const tw_progress *progress) {
  (void)context;
  fprintf(stderr, "%s: %zu of %zu\n", progress->stage, progress->done, progress->total);
  return !interrupted;
}

static void show_note(void *context, const char *line) {
  (void)context;
  fprintf(stderr, "%s\n", line);
}

int main(int argc, char **argv) {
  if (argc != 3) {
    fprintf(stderr, "usage: train FOLDER MODEL\n");
    return 2;
  }
  signal(SIGINT, interrupt);
  tw_train_options options;
  tw_train_options_init(&options);
  options.progress = show_progress;
  options.note = show_note;
  tw_test_result result;
  tw_error error;
  if (tw_train(argv[1], argv[2], &options, &result, &error) != TW_OK) {
    fprintf(stderr, "train: %s\n", error.message);
    return 1;
  }
  if (result.count == 0) {
    printf("%s: too few pictures for a test\n", argv[2]);
  } else {
    printf("%s: %zu of %zu test pictures right, %.1f %% (95 %%: %.1f to %.1f); always the largest class: %.1f %%\n",
           argv[2], result.correct, result.count, 100 * result.accuracy, 100 * result.interval[0],
           100 * result.interval[1], 100 * result.baseline);
  }
  return 0;
}
