/* Runs a command and writes into a file how much memory it had at most, in bytes. The system counts what a process was
 * forked from, too, until it runs another program: a large one that measures must have a small one in between.
 *
 * bench_run FILE COMMAND [ARGUMENT]...   ends as the command does; 127: it could not be run */
#include <stdio.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

int main(int argc, char **argv) {
  enum { NOT_RUN = 127 };
  if (argc < 3) {
    fprintf(stderr, "usage: bench_run FILE COMMAND [ARGUMENT]...\n");
    return NOT_RUN;
  }
  pid_t child = fork();
  if (child == 0) {
    execvp(argv[2], argv + 2);
    perror(argv[2]);
    _exit(NOT_RUN);
  }
  int status;
  struct rusage usage;
  if (child < 0 || wait4(child, &status, 0, &usage) < 0) {
    perror("bench_run");
    return NOT_RUN;
  }
  FILE *file = fopen(argv[1], "w");
  if (file == NULL || fprintf(file, "%ld\n", usage.ru_maxrss * 1024) < 0 || fclose(file) != 0) {
    perror(argv[1]);
    return NOT_RUN;
  }
  return WIFEXITED(status) ? WEXITSTATUS(status) : NOT_RUN;
}
