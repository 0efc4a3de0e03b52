/* The main of a fuzz target in a normal build: runs the target over every file of the folders and over the files given
 * as arguments, in byte order of their names. Not a fuzzer: it invents nothing. A folder without a file is an error,
 * lest a test pass that tests nothing. */
#include <dirent.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Optional, as with libFuzzer. */
__attribute__((weak)) int LLVMFuzzerInitialize(int *argc, char ***argv);

static size_t replay_file(const char *path) {
  FILE *file = fopen(path, "rb");
  if (file == NULL) {
    perror(path);
    exit(1);
  }
  fseek(file, 0, SEEK_END);
  long size = ftell(file);
  rewind(file);
  /* Exactly as large as the input, so that the address sanitizer sees the first byte read past its end. */
  uint8_t *data = size < 0 ? NULL : malloc(size == 0 ? 1 : (size_t)size);
  if (data == NULL || fread(data, 1, (size_t)size, file) != (size_t)size) {
    perror(path);
    exit(1);
  }
  fclose(file);
  LLVMFuzzerTestOneInput(data, (size_t)size);
  free(data);
  return 1;
}

static size_t replay_folder(const char *path) {
  struct dirent **entries = NULL;
  int count = scandir(path, &entries, NULL, alphasort);
  if (count < 0) {
    perror(path);
    exit(1);
  }
  size_t files = 0;
  for (int i = 0; i < count; i++) {
    char name[4096];
    struct stat status;
    snprintf(name, sizeof name, "%s/%s", path, entries[i]->d_name);
    if (stat(name, &status) == 0 && S_ISREG(status.st_mode)) {
      files += replay_file(name);
    }
    free(entries[i]);
  }
  free(entries);
  if (files == 0) {
    fprintf(stderr, "%s: no files\n", path);
    exit(1);
  }
  return files;
}

int main(int argc, char **argv) {
  if (LLVMFuzzerInitialize != NULL) {
    LLVMFuzzerInitialize(&argc, &argv);
  }
  size_t files = 0;
  for (int i = 1; i < argc; i++) {
    struct stat status;
    files += stat(argv[i], &status) == 0 && S_ISDIR(status.st_mode) ? replay_folder(argv[i]) : replay_file(argv[i]);
  }
  printf("%zu inputs\n", files);
  return files == 0 ? 1 : 0;
}
