/* Walking folders: every rule of the listing on trees made here. */
#include <sys/socket.h>
#include <sys/un.h>

#include "features/features.h"
#include "test_features_tree.h"

static tw_listing *walk(const char *relative) {
  tw_listing *listing = NULL;
  tw_error error = {0};
  if (tw_walk_classes(tree_path(relative), &listing, &error) != TW_OK) {
    fail_msg("%s", error.message);
  }
  return listing;
}

static void walk_fails(const char *path, tw_status expected, const char *words) {
  tw_listing *untouched = (tw_listing *)1;
  tw_listing *listing = untouched;
  tw_error error = {0};
  assert_int_equal(tw_walk_classes(path, &listing, &error), expected);
  assert_ptr_equal(listing, untouched);
  assert_non_null(strstr(error.message, words));
}

/* Whether the path below the tree's root is `relative`. */
static bool is_path(const char *path, const char *relative) {
  return strcmp(path, tree_path(relative)) == 0;
}

static const char *reason_of(const tw_listing *listing, const char *relative) {
  for (size_t i = 0; i < listing->skipped_count; i++) {
    if (is_path(listing->skipped[i].path, relative)) {
      return listing->skipped[i].reason;
    }
  }
  return "not skipped";
}

static void classes_are_first_level_folders(void **state) {
  (void)state;
  tree_jpeg("plain/dog/b.jpg");
  tree_jpeg("plain/dog/a.jpg");
  tree_jpeg("plain/dog/deep/er/c");
  tree_jpeg("plain/dog/deep.jpg");
  tree_jpeg("plain/cat/z.txt"); /* by its bytes, not by its name */
  tree_jpeg("plain/cat/.hidden.jpg");
  tree_jpeg("plain/.hidden/x.jpg");
  tree_text("plain/cat/sound.wav", "RIFF");
  tree_text("plain/cat/notes.txt", "notes");
  tree_jpeg("plain/loose.jpg");
  tree_text("plain/readme.txt", "readme");
  tree_folder("plain/empty/inner");
  tree_jpeg("plain/folder.jpg/in.jpg");
  tw_listing *listing = walk("plain");
  assert_int_equal(listing->class_count, 3);
  assert_string_equal(listing->classes[0], "cat");
  assert_string_equal(listing->classes[1], "dog");
  assert_string_equal(listing->classes[2], "folder.jpg");
  assert_int_equal(listing->count, 6);
  static const char *const paths[] = {"plain/cat/z.txt",    "plain/dog/a.jpg",     "plain/dog/b.jpg",
                                      "plain/dog/deep.jpg", "plain/dog/deep/er/c", "plain/folder.jpg/in.jpg"};
  static const uint32_t labels[] = {0, 1, 1, 1, 1, 2};
  for (size_t i = 0; i < 6; i++) {
    assert_true(is_path(listing->pictures[i].path, paths[i]));
    assert_int_equal(listing->pictures[i].label, labels[i]);
    assert_int_equal(listing->pictures[i].part, TW_GIVEN_NONE);
  }
  assert_false(listing->has_parts);
  assert_int_equal(listing->loose_count, 1);
  assert_true(is_path(listing->loose[0], "plain/loose.jpg"));
  assert_int_equal(listing->empty_count, 1);
  assert_string_equal(listing->empty[0], "empty");
  assert_int_equal(listing->ignored, 3);
  assert_int_equal(listing->skipped_count, 0);
  tw_listing_free(listing);
}

static void trailing_slashes_do_not_double(void **state) {
  (void)state;
  tree_jpeg("slash/a/1.jpg");
  tw_listing *listing = walk("slash/");
  assert_true(is_path(listing->pictures[0].path, "slash/a/1.jpg"));
  tw_listing_free(listing);
}

static void non_pictures_say_what_they_are(void **state) {
  (void)state;
  static const struct {
    const char *name;
    const char *bytes;
    size_t size;
    const char *reason;
  } cases[] = {
      {"zero.jpg", "", 0, "0 bytes"},
      {"text.jpg", "hello\n", 6, "is text, not a picture"},
      {"latin.jpg", "caf\xe9 noir", 9, "is no picture that topwork knows"},
      {"page.png", "\n<!DOCTYPE HTML><p>404", 22, "is a web page, not a picture"},
      {"paint.bmp", "BM......", 8, "BMP pictures are not read"},
      {"drawing.svg", "<?xml version='1.0'?><svg xmlns='x'/>", 37, "SVG pictures are not read"},
      {"drawing.txt", "<svg xmlns='x'/>", 16, "SVG pictures are not read"},
      {"new.jxl", "\xff\x0a\x01\x02", 4, "JPEG XL pictures are not read"},
      {"zeros.jpg", "\0\0\0\0\0\0\0\0\0\0\0\0", 12, "begins with nothing but zeros, is no picture"},
      {"doc.jpg", "%PDF-1.4", 8, "is a PDF document, not a picture"},
      {"film.heic",
       "\0\0\0\x18"
       "ftypisom",
       12, "is a video, not a picture"},
      {"dust.png", "\x01\x02\x03", 3, "is no picture that topwork knows"},
  };
  tree_jpeg("not/a/ok.jpg");
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    char path[128];
    snprintf(path, sizeof path, "not/a/%s", cases[i].name);
    tree_file(path, cases[i].bytes, cases[i].size);
  }
  char comment[700] = "<!--";
  memset(comment + 4, 'x', sizeof comment - 5);
  tree_text("not/a/long.svg", comment);
  tw_listing *listing = walk("not");
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    char path[128];
    snprintf(path, sizeof path, "not/a/%s", cases[i].name);
    assert_string_equal(reason_of(listing, path), cases[i].reason);
  }
  assert_string_equal(reason_of(listing, "not/a/long.svg"), "SVG pictures are not read");
  assert_int_equal(listing->skipped_count, sizeof cases / sizeof *cases + 1);
  assert_int_equal(listing->count, 1);
  tw_listing_free(listing);
}

static void links_are_followed_once(void **state) {
  (void)state;
  tree_jpeg("links/a/1.jpg");
  tree_jpeg("links/b/2.jpg");
  tree_jpeg("pool/3.jpg");
  tree_jpeg("pool/inner/4.jpg");
  tree_link("../b", "links/a/to-b"); /* a class keeps its pictures */
  tree_link("..", "links/a/up");     /* a loop */
  tree_link(".", "links/a/self");    /* another */
  tree_link("../../pool/3.jpg", "links/a/x.jpg");
  tree_link("../../pool/3.jpg", "links/a/y.jpg"); /* the same target: once */
  tree_link("../../pool/3.jpg", "links/b/z.jpg"); /* under another class: seen there too */
  tree_link("nowhere", "links/a/gone.jpg");
  tree_link("nowhere", "links/a/gone");
  tree_link("round.jpg", "links/a/round.jpg");
  tree_link("../pool", "links/c");
  tree_link("../pool", "links/d"); /* the folder is in the list already */
  tw_listing *listing = walk("links");
  static const char *const paths[] = {"links/a/1.jpg", "links/a/x.jpg", "links/b/2.jpg",
                                      "links/b/z.jpg", "links/c/3.jpg", "links/c/inner/4.jpg"};
  assert_int_equal(listing->count, 6);
  for (size_t i = 0; i < 6; i++) {
    assert_true(is_path(listing->pictures[i].path, paths[i]));
  }
  assert_int_equal(listing->class_count, 3);
  assert_string_equal(reason_of(listing, "links/a/gone.jpg"), "is a link to a file that is not there");
  assert_string_equal(reason_of(listing, "links/a/round.jpg"), "is a link that leads to itself");
  assert_string_equal(reason_of(listing, "links/d"), "a link to a folder that is in the list already");
  assert_int_equal(listing->skipped_count, 3);
  assert_int_equal(listing->empty_count, 1);
  assert_string_equal(listing->empty[0], "d");
  tw_listing_free(listing);
}

static void pipes_and_sockets_are_never_opened(void **state) {
  (void)state;
  tree_jpeg("pipes/a/1.jpg");
  assert_int_equal(mkfifo(tree_path("pipes/a/pipe.jpg"), 0644), 0);
  int file = socket(AF_UNIX, SOCK_STREAM, 0);
  struct sockaddr_un address = {.sun_family = AF_UNIX};
  snprintf(address.sun_path, sizeof address.sun_path, "%s", tree_path("pipes/a/socket.jpg"));
  assert_int_equal(bind(file, (struct sockaddr *)&address, sizeof address), 0);
  tree_link("pipe.jpg", "pipes/a/link.jpg");
  tree_link("/dev/zero", "pipes/a/zero.jpg");
  tw_listing *listing = walk("pipes");
  close(file);
  assert_int_equal(listing->count, 1);
  assert_int_equal(listing->ignored, 4);
  assert_int_equal(listing->skipped_count, 0);
  tw_listing_free(listing);
}

static void names_may_be_any_bytes(void **state) {
  (void)state;
  tree_jpeg("bytes/a \"b\",c\n/x\xff\xfe.jpg");
  tree_jpeg("bytes/-dash/1.jpg");
  tree_jpeg("bytes/\xc3\xa9t\xc3\xa9/1.jpg");
  tw_listing *listing = walk("bytes");
  assert_int_equal(listing->class_count, 3);
  assert_string_equal(listing->classes[0], "-dash");
  assert_string_equal(listing->classes[1], "a \"b\",c\n");
  assert_true(is_path(listing->pictures[1].path, "bytes/a \"b\",c\n/x\xff\xfe.jpg"));
  tw_listing_free(listing);
  tree_text("bytes/\xe9t\xe9/none.txt", "no class without a picture");
  tw_listing_free(walk("bytes"));
  tree_jpeg("bytes/\xe9t\xe9/1.jpg");
  walk_fails(tree_path("bytes"), TW_E_DATA, "\xef\xbf\xbdt\xef\xbf\xbd");
}

static void parts_are_taken_only_when_all_fits(void **state) {
  (void)state;
  tree_jpeg("parts/train/cat/1.jpg");
  tree_jpeg("parts/train/dog/2.jpg");
  tree_jpeg("parts/valid/dog/3.jpg");
  tree_jpeg("parts/test/cat/4.jpg");
  tree_folder("parts/test/dog");
  tree_folder("parts/.git/x");
  tree_jpeg("parts/train/loose.jpg");
  tw_listing *listing = walk("parts");
  assert_true(listing->has_parts);
  assert_int_equal(listing->class_count, 2);
  assert_int_equal(listing->count, 4);
  static const uint8_t parts[] = {TW_GIVEN_TEST, TW_GIVEN_TRAINING, TW_GIVEN_TRAINING, TW_GIVEN_VALIDATION};
  static const char *const paths[] = {"parts/test/cat/4.jpg", "parts/train/cat/1.jpg", "parts/train/dog/2.jpg",
                                      "parts/valid/dog/3.jpg"};
  for (size_t i = 0; i < 4; i++) {
    assert_int_equal(listing->pictures[i].part, parts[i]);
    assert_int_equal(listing->pictures[i].label, i / 2);
    assert_true(is_path(listing->pictures[i].path, paths[i]));
  }
  assert_int_equal(listing->loose_count, 1);
  assert_int_equal(listing->empty_count, 1);
  assert_string_equal(listing->empty[0], "test/dog");
  tw_listing_free(listing);
}

/* What makes train and test plain classes: another folder beside them, two of a kind, no train, one without folders. */
static void parts_are_classes_otherwise(void **state) {
  (void)state;
  static const char *const files[][4] = {
      {"o1/train/cat/1.jpg", "o1/test/cat/2.jpg", "o1/other/3.jpg", NULL},
      {"o2/train/cat/1.jpg", "o2/val/cat/2.jpg", "o2/valid/cat/3.jpg", NULL},
      {"o3/val/cat/1.jpg", "o3/test/cat/2.jpg", NULL},
      {"o4/train/cat/1.jpg", "o4/test/2.jpg", NULL},
      {"o5/train/1.jpg", NULL},
  };
  for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
    size_t count = 0;
    for (; files[i][count] != NULL; count++) {
      tree_jpeg(files[i][count]);
    }
    char folder[3] = {files[i][0][0], files[i][0][1]};
    tw_listing *listing = walk(folder);
    assert_false(listing->has_parts);
    assert_int_equal(listing->count, count);
    assert_int_equal(listing->class_count, count);
    tw_listing_free(listing);
  }
  tree_jpeg("one/train/cat/1.jpg");
  tree_jpeg("one/readme.jpg");
  tw_listing *listing = walk("one");
  assert_true(listing->has_parts);
  assert_string_equal(listing->classes[0], "cat");
  assert_int_equal(listing->loose_count, 1);
  tw_listing_free(listing);
}

static void bad_folders_are_errors(void **state) {
  (void)state;
  walk_fails(tree_path("missing"), TW_E_IO, "No such file");
  tree_text("a-file", "text");
  walk_fails(tree_path("a-file"), TW_E_IO, "is not a folder");
  tree_folder("nothing");
  walk_fails(tree_path("nothing"), TW_E_DATA, "holds no picture");
  tree_text("texts/a/1.txt", "text");
  tree_text("texts/a/2.txt", "text");
  walk_fails(tree_path("texts"), TW_E_DATA, "only 2 other files");
  tree_text("zero/a/1.jpg", "");
  walk_fails(tree_path("zero"), TW_E_DATA, "0 bytes");
  assert_int_equal(mkfifo(tree_path("pipe"), 0644), 0);
  walk_fails(tree_path("pipe"), TW_E_IO, "is not a folder");
}

static void only_loose_pictures_are_a_listing(void **state) {
  (void)state;
  tree_jpeg("flat/1.jpg");
  tree_jpeg("flat/2.jpg");
  tw_listing *listing = walk("flat");
  assert_int_equal(listing->count, 0);
  assert_int_equal(listing->class_count, 0);
  assert_int_equal(listing->loose_count, 2);
  tw_listing_free(listing);
}

static bool locked_is_skipped(void) {
  tw_listing *listing = NULL;
  if (tw_walk_classes(tree_path("locked"), &listing, NULL) != TW_OK) {
    return false;
  }
  bool right = listing->count == 1 && listing->skipped_count == 2 &&
               strcmp(reason_of(listing, "locked/a/2.jpg"), "cannot be opened: Permission denied") == 0 &&
               strcmp(reason_of(listing, "locked/b"), "a folder that cannot be opened: Permission denied") == 0;
  tw_listing_free(listing);
  return right;
}

static bool locked_is_an_error(void) {
  tw_listing *listing = NULL;
  tw_error error;
  return tw_walk_classes(tree_path("locked/b"), &listing, &error) == TW_E_IO &&
         strstr(error.message, "Permission denied") != NULL;
}

static void unreadable_is_skipped(void **state) {
  (void)state;
  tree_jpeg("locked/a/1.jpg");
  tree_jpeg("locked/a/2.jpg");
  tree_jpeg("locked/b/3.jpg");
  chmod(tree_path("locked/a/2.jpg"), 0);
  chmod(tree_path("locked/b"), 0);
  assert_true(tree_as_nobody(locked_is_skipped));
  assert_true(tree_as_nobody(locked_is_an_error));
  chmod(tree_path("locked/b"), 0755);
}

/* Folders within folders, each with a long name, so that the path is far longer than the kernel takes. */
static void long_paths_are_walked(void **state) {
  (void)state;
  char name[201];
  memset(name, 'n', 200);
  name[200] = '\0';
  tree_folder("long/class");
  int folder = open(tree_path("long/class"), O_RDONLY | O_DIRECTORY);
  enum { LEVELS = 40 };
  for (int i = 0; i < LEVELS; i++) {
    assert_int_equal(mkdirat(folder, name, 0755), 0);
    int next = openat(folder, name, O_RDONLY | O_DIRECTORY);
    close(folder);
    folder = next;
  }
  int file = openat(folder, "1.jpg", O_WRONLY | O_CREAT, 0644);
  assert_int_equal(write(file, "\xff\xd8\xff\xe0", 4), 4);
  close(file);
  close(folder);
  tw_listing *listing = walk("long");
  assert_int_equal(listing->count, 1);
  assert_true(strlen(listing->pictures[0].path) > LEVELS * 200);
  const char *path = listing->pictures[0].path;
  tw_listing *again = NULL;
  assert_int_equal(tw_walk_files(&path, 1, &again, NULL), TW_OK);
  assert_int_equal(again->count, 1);
  tw_listing_free(again);
  tw_listing_free(listing);
}

static void too_deep_is_skipped(void **state) {
  (void)state;
  tree_jpeg("deep/a/1.jpg");
  tw_buffer path = {0};
  tw_buffer_text(&path, "deep/a");
  for (int i = 0; i < TW_WALK_MAX_DEPTH + 2; i++) {
    tw_buffer_text(&path, "/d");
  }
  tw_buffer_format(&path, "/2.jpg%c", 0);
  tree_jpeg((const char *)path.data);
  tw_buffer_done(&path);
  tw_listing *listing = walk("deep");
  assert_int_equal(listing->count, 1);
  assert_int_equal(listing->skipped_count, 1);
  assert_string_equal(listing->skipped[0].reason, "a folder in more than 64 others");
  tw_listing_free(listing);
}

static void named_paths_are_never_ignored(void **state) {
  (void)state;
  tree_jpeg("named/b/2.jpg");
  tree_jpeg("named/b/1.jpg");
  tree_text("named/b/3.txt", "text");
  tree_jpeg("named/a.jpg");
  tree_text("named/c.txt", "text");
  tree_jpeg("named/.d.jpg");
  assert_int_equal(mkfifo(tree_path("named/pipe"), 0644), 0);
  char paths[7][256];
  static const char *const relative[] = {"named/b",      "named/a.jpg", "named/c.txt", "named/missing.jpg",
                                         "named/.d.jpg", "named/pipe",  "named/a.jpg"};
  const char *given[8];
  for (size_t i = 0; i < 7; i++) {
    snprintf(paths[i], sizeof paths[i], "%s", tree_path(relative[i]));
    given[i] = paths[i];
  }
  given[7] = "";
  tw_listing *listing = NULL;
  assert_int_equal(tw_walk_files(given, 8, &listing, NULL), TW_OK);
  static const char *const found[] = {"named/b/1.jpg", "named/b/2.jpg", "named/a.jpg", "named/.d.jpg", "named/a.jpg"};
  assert_int_equal(listing->count, 5);
  for (size_t i = 0; i < 5; i++) {
    assert_true(is_path(listing->pictures[i].path, found[i]));
    assert_int_equal(listing->pictures[i].label, 0);
  }
  assert_int_equal(listing->skipped_count, 4);
  assert_string_equal(reason_of(listing, "named/c.txt"), "is text, not a picture");
  assert_string_equal(reason_of(listing, "named/missing.jpg"), "there is no such file");
  assert_string_equal(reason_of(listing, "named/pipe"), "is neither a file nor a folder");
  assert_string_equal(listing->skipped[3].path, "");
  assert_int_equal(listing->ignored, 1);
  assert_int_equal(listing->class_count, 0);
  tw_listing_free(listing);
  assert_int_equal(tw_walk_files(NULL, 0, &listing, NULL), TW_OK);
  assert_int_equal(listing->count, 0);
  tw_listing_free(listing);
}

/* Without memory from the n-th allocation on: an error each time, no crash, no leak. */
static void memory_may_run_out(void **state) {
  (void)state;
  tree_jpeg("memory/a/1.jpg");
  tree_jpeg("memory/b/deep/2.jpg");
  tree_text("memory/b/3.jpg", "");
  tree_jpeg("memory/4.jpg");
  tree_folder("memory/empty");
  tree_link("../b/deep/2.jpg", "memory/a/l.jpg");
  tree_link("../../parts", "memory/b/l");
  const char *path = tree_path("memory");
  size_t failures = 0;
  for (size_t n = 1;; n++) {
    tw_listing *listing = NULL;
    tw_error error = {0};
    tw_memory_fail_after(n);
    tw_status status = tw_walk_classes(path, &listing, &error);
    tw_memory_fail_after(0);
    if (status == TW_OK) {
      tw_listing_free(listing);
      break;
    }
    assert_int_equal(status, TW_E_MEMORY);
    assert_int_equal(error.code, TW_E_MEMORY);
    failures++;
  }
  assert_true(failures > 20);
  for (size_t n = 1;; n++) {
    tw_listing *listing = NULL;
    tw_memory_fail_after(n);
    tw_status status = tw_walk_files(&path, 1, &listing, NULL);
    tw_memory_fail_after(0);
    if (status == TW_OK) {
      tw_listing_free(listing);
      return;
    }
    assert_int_equal(status, TW_E_MEMORY);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(classes_are_first_level_folders),
      cmocka_unit_test(trailing_slashes_do_not_double),
      cmocka_unit_test(non_pictures_say_what_they_are),
      cmocka_unit_test(links_are_followed_once),
      cmocka_unit_test(pipes_and_sockets_are_never_opened),
      cmocka_unit_test(names_may_be_any_bytes),
      cmocka_unit_test(parts_are_taken_only_when_all_fits),
      cmocka_unit_test(parts_are_classes_otherwise),
      cmocka_unit_test(bad_folders_are_errors),
      cmocka_unit_test(only_loose_pictures_are_a_listing),
      cmocka_unit_test(unreadable_is_skipped),
      cmocka_unit_test(long_paths_are_walked),
      cmocka_unit_test(too_deep_is_skipped),
      cmocka_unit_test(named_paths_are_never_ignored),
      cmocka_unit_test(memory_may_run_out),
  };
  return cmocka_run_group_tests_name("features_walk", tests, tree_setup, tree_teardown);
}
