/* Folders and files that the tests of the features floor make for themselves, below one temporary folder. */
#ifndef TW_TEST_FEATURES_TREE_H
#define TW_TEST_FEATURES_TREE_H

#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "base/base.h"
#include "support.h"

static char tree_root[64];

static inline int tree_setup(void **state) {
  (void)state;
  snprintf(tree_root, sizeof tree_root, "/tmp/topwork-features-XXXXXX");
  return mkdtemp(tree_root) == NULL || chmod(tree_root, 0755) != 0 ? -1 : 0;
}

static inline int tree_teardown(void **state) {
  (void)state;
  char command[96];
  snprintf(command, sizeof command, "rm -rf '%s'", tree_root);
  return system(command);
}

/* In a forked child a failed check must end the child, not go on with the next test. */
static bool tree_is_child;

static inline pid_t tree_fork(void) {
  pid_t child = fork();
  tree_is_child = child == 0;
  return child;
}

static inline void tree_require(bool right, const char *words) {
  if (!right && tree_is_child) {
    fprintf(stderr, "in a child: %s\n", words);
    _exit(1);
  }
  if (!right) {
    fail_msg("%s", words);
  }
}

/* What check() returns in a process that may not read or write everything, as root may. */
static inline bool tree_as_nobody(bool (*check)(void)) {
  pid_t child = tree_fork();
  if (child == 0) {
    bool dropped = geteuid() != 0 || (setgid(65534) == 0 && setuid(65534) == 0);
    _exit(dropped && check() ? 0 : 1);
  }
  int status = -1;
  return child > 0 && waitpid(child, &status, 0) == child && WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

/* The path of `relative` in the tree; four of them may be in use at a time. */
static inline const char *tree_path(const char *relative) {
  static _Thread_local char paths[4][8192];
  static _Thread_local size_t next;
  char *path = paths[next++ % 4];
  snprintf(path, sizeof paths[0], "%s/%s", tree_root, relative);
  return path;
}

static inline void tree_folder(const char *relative) {
  assert_int_equal(tw_folder_make(tree_path(relative), NULL), TW_OK);
}

/* Writes a file, its folders included. */
static inline void tree_file(const char *relative, const void *data, size_t size) {
  char *folder = tw_strdup(relative);
  char *slash = strrchr(folder, '/');
  if (slash != NULL) {
    *slash = '\0';
    tree_folder(folder);
  }
  tw_free(folder);
  int file = open(tree_path(relative), O_WRONLY | O_CREAT | O_TRUNC, 0644);
  assert_true(file >= 0);
  assert_int_equal(write(file, data, size), (ssize_t)size);
  close(file);
}

static inline void tree_text(const char *relative, const char *text) {
  tree_file(relative, text, strlen(text));
}

/* A file that begins as a JPEG does. */
static inline void tree_jpeg(const char *relative) {
  tree_text(relative, "\xff\xd8\xff\xe0 as a JPEG begins");
}

static inline void tree_link(const char *target, const char *relative) {
  assert_int_equal(symlink(target, tree_path(relative)), 0);
}

#endif
