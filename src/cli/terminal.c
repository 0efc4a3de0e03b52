/* The terminal: results on stdout, everything else on stderr, a progress bar where somebody looks, Ctrl-C. */
#include "cli/terminal.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static volatile sig_atomic_t interrupted;
static bool quiet;
static bool bar_is_shown;
static int write_error; /* errno of the first result that could not be written */
static struct timespec stage_began;
static char stage_shown[32];

static void on_interrupt(int signal_number) {
  (void)signal_number;
  interrupted = 1;
}

void tw_terminal_open(void) {
  struct sigaction action = {.sa_handler = on_interrupt, .sa_flags = (int)SA_RESETHAND};
  sigaction(SIGINT, &action, NULL);
  sigaction(SIGTERM, &action, NULL);
  signal(SIGPIPE, SIG_IGN);
}

static void clear_bar(void) {
  if (bar_is_shown) {
    fputs("\r\033[K", stderr);
    bar_is_shown = false;
  }
}

static bool write_result(void *context, const char *text, size_t size) {
  (void)context;
  clear_bar();
  if (fwrite(text, 1, size, stdout) != size) {
    write_error = errno;
  }
  return write_error == 0;
}

static void write_note(void *context, const char *line) {
  (void)context;
  if (!quiet) {
    clear_bar();
    fprintf(stderr, "%s\n", line);
  }
}

void tw_terminal_error(const char *message) {
  clear_bar();
  fprintf(stderr, "topwork: %s\n", message);
}

bool tw_terminal_broken(void) {
  return write_error != 0;
}

bool tw_terminal_close(void) {
  clear_bar();
  if (write_error == 0 && fflush(stdout) != 0) {
    write_error = errno;
  }
  if (write_error == 0) {
    return true;
  }
  char message[128];
  snprintf(message, sizeof message, "standard output: %s", write_error == EPIPE ? "was closed" : strerror(write_error));
  tw_terminal_error(message);
  return false;
}

/* ---- The bar ----------------------------------------------------------------------------------------------------- */

static double seconds_since(const struct timespec *begin) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return (double)(now.tv_sec - begin->tv_sec) + 1e-9 * (double)(now.tv_nsec - begin->tv_nsec);
}

/* "1200/4000" and "310.0/s", or "34.2/88.9 MB" and "4.1 MB/s". */
static void show_counts(const tw_progress *progress) {
  if (progress->bytes) {
    fprintf(stderr, " %.1f/%.1f MB", (double)progress->done / 1e6, (double)progress->total / 1e6);
  } else {
    fprintf(stderr, " %zu/%zu", progress->done, progress->total);
  }
}

static void show_rate(const tw_progress *progress, double rate) {
  if (progress->bytes) {
    fprintf(stderr, "  %.1f MB/s", rate / 1e6);
  } else {
    fprintf(stderr, "  %.1f/s", rate);
  }
}

/* "features [#####.....] 1200/4000  310.0/s  0:09 left". The rate is that of what had to be computed or fetched. */
static void show_bar(const tw_progress *progress) {
  enum { WIDTH = 24 };
  if (strcmp(stage_shown, progress->stage) != 0) {
    snprintf(stage_shown, sizeof stage_shown, "%s", progress->stage);
    clock_gettime(CLOCK_MONOTONIC, &stage_began);
  }
  char bar[WIDTH + 1];
  size_t filled = progress->total == 0 ? 0 : WIDTH * progress->done / progress->total;
  memset(bar, '.', WIDTH);
  memset(bar, '#', filled > WIDTH ? WIDTH : filled);
  bar[WIDTH] = '\0';
  double spent = seconds_since(&stage_began);
  size_t computed = progress->done > progress->cached ? progress->done - progress->cached : 0;
  double rate = spent > 0 ? (double)computed / spent : 0;
  fprintf(stderr, "\r\033[K%s [%s]", progress->stage, bar);
  show_counts(progress);
  if (rate > 0 && spent > 0.5 && progress->total > progress->done) {
    double left = (double)(progress->total - progress->done) / rate;
    show_rate(progress, rate);
    fprintf(stderr, "  %d:%02d left", (int)(left / 60), (int)left % 60);
  }
  fflush(stderr);
  bar_is_shown = true;
}

static bool on_progress(void *context, const tw_progress *progress) {
  (void)context;
  if (!quiet && isatty(STDERR_FILENO)) {
    show_bar(progress);
  }
  return !interrupted;
}

tw_tool tw_terminal_tool(const settings *settings) {
  quiet = settings->quiet;
  return (tw_tool){
      .write = write_result,
      .note = write_note,
      .progress = on_progress,
      .json = settings->json,
      .cache = settings->cache,
      .no_cache = settings->no_cache,
      .threads = (int)settings->threads,
  };
}
