/* Pulling without a network: archives and folders of this machine, hostile archives, what is there already, and the
 * small parsers. */
#include "test_pull.h"

#include <errno.h>

/* ---- Sources ----------------------------------------------------------------------------------------------------- */

static void an_archive_is_installed(void **state) {
  (void)state;
  sample sample;
  sample_init(&sample);
  pull_save("any name.bin", tw_buffer_bytes(&sample.archive));
  pull_works(&sample, pull_path("any name.bin"), false);
  pull_works(&sample, pull_path("any name.bin"), true);
  assert_string_equal(pull_notes, "");
  assert_true(pull_exists("any name.bin"));
  sample_done(&sample);
}

static void a_folder_with_the_archive_is_installed(void **state) {
  (void)state;
  sample sample;
  sample_init(&sample);
  pull_save("sample.tgz", tw_buffer_bytes(&sample.archive));
  pull_works(&sample, pull_root, false);
  sample_done(&sample);
}

static void save_members(const sample *sample, const char *folder) {
  assert_int_equal(tw_folder_make(pull_path(folder), NULL), TW_OK);
  for (size_t i = 0; i < SAMPLE_MEMBERS; i++) {
    char path[128];
    snprintf(path, sizeof path, "%s/%s", folder, sample->items[i].path);
    pull_save(path, sample->items[i].content);
  }
}

static void a_folder_with_the_files_is_installed(void **state) {
  (void)state;
  sample sample;
  sample_init(&sample);
  save_members(&sample, "files");
  pull_save("files/more", tw_bytes_of("is not looked at"));
  pull_works(&sample, pull_path("files"), false);
  assert_false(pull_exists("models/sample/more"));
  sample_done(&sample);
}

static void files_of_a_folder_are_verified(void **state) {
  (void)state;
  sample sample;
  sample_init(&sample);
  save_members(&sample, "files");
  pull_save("files/labels.txt", tw_bytes_of("one\ntwp\n"));
  pull_fails(&sample, pull_path("files"), TW_E_FORMAT, "files: 'labels.txt': has a wrong checksum");
  pull_save("files/labels.txt", tw_bytes_of("one\n"));
  pull_fails(&sample, pull_path("files"), TW_E_FORMAT, "'labels.txt': has not 8 bytes");
  pull_save("files/labels.txt", tw_bytes_of("one\ntwo\nthree\n"));
  pull_fails(&sample, pull_path("files"), TW_E_FORMAT, "'labels.txt': has not 8 bytes");
  unlink(pull_path("files/labels.txt"));
  pull_fails(&sample, pull_path("files"), TW_E_IO, "files/labels.txt: No such file");
  sample_is_absent();
  sample_done(&sample);
}

static void wrong_sources_say_what_is_wrong(void **state) {
  (void)state;
  sample sample;
  sample_init(&sample);
  tw_buffer bytes = {0};
  tw_buffer_append(&bytes, sample.archive.data, sample.archive.size);
  bytes.data[bytes.size / 2] ^= 1;
  pull_save("flipped", tw_buffer_bytes(&bytes));
  pull_save("short", (tw_bytes){sample.archive.data, sample.archive.size - 1});
  assert_int_equal(mkfifo(pull_path("fifo"), 0600), 0);
  assert_int_equal(mkdir(pull_path("bare"), 0700), 0);
  pull_fails(&sample, pull_path("flipped"), TW_E_FORMAT,
             "flipped: is not sample.tgz: it has the right size, but another");
  pull_fails(&sample, pull_path("short"), TW_E_FORMAT, "short: is not sample.tgz: it has ");
  pull_fails(&sample, pull_path("fifo"), TW_E_FORMAT, "fifo: is not sample.tgz");
  pull_fails(&sample, pull_path("bare"), TW_E_IO, "bare: holds neither sample.tgz nor the files in it (network.bin");
  pull_fails(&sample, pull_path("nowhere"), TW_E_IO, "nowhere: No such file");
  pull_fails(&sample, "", TW_E_IO, "No such file");
  pull_fails(&sample, "ftp://127.0.0.1/x", TW_E_ARGUMENT, "only http:// and https://");
  pull_fails(&sample, "file:///etc/passwd", TW_E_ARGUMENT, "only http:// and https://");
  sample_is_absent();
  tw_buffer_done(&bytes);
  sample_done(&sample);
}

static void a_place_that_cannot_be_written_says_so(void **state) {
  (void)state;
  sample sample;
  sample_init(&sample);
  pull_save("models", tw_bytes_of("a file in the way"));
  pull_fails(&sample, pull_root, TW_E_IO, "models: ");
  assert_true(pull_holds("models", tw_bytes_of("a file in the way")));
  sample_done(&sample);
}

/* ---- Hostile archives -------------------------------------------------------------------------------------------- */

/* The archive of the sample's items with these after them, or in the place of item `replaced`. */
static void hostile(const char *words, const item *more, size_t count, size_t replaced) {
  static sample sample;
  item items[SAMPLE_MAX_ITEMS];
  size_t used = 0;
  sample_init(&sample);
  for (size_t i = 0; i < SAMPLE_MEMBERS; i++) {
    if (i != replaced) {
      items[used++] = sample.items[i];
    }
  }
  for (size_t i = 0; i < count; i++) {
    items[used++] = more[i];
  }
  sample.archive.size = 0;
  pull_pack(items, used, &sample.archive);
  sample_set_archive(&sample);
  pull_save("hostile.tgz", tw_buffer_bytes(&sample.archive));
  pull_fails(&sample, pull_path("hostile.tgz"), TW_E_FORMAT, words);
  sample_is_absent();
  sample_done(&sample);
}

static void entries_that_do_not_belong_are_refused(void **state) {
  (void)state;
  enum { NONE = SAMPLE_MEMBERS, LABELS = 1, EMPTY = 2 };
  const tw_bytes labels = tw_bytes_of("one\ntwo\n");
  const struct {
    const char *words;
    item item;
    size_t replaced;
  } cases[] = {
      {"'/tmp/labels.txt', a path that leads out", {"/tmp/labels.txt", AE_IFREG, labels, NULL, NULL}, LABELS},
      {"'/labels.txt', a path that leads out", {"/labels.txt", AE_IFREG, labels, NULL, NULL}, LABELS},
      {"'../labels.txt', a path that leads out", {"../labels.txt", AE_IFREG, labels, NULL, NULL}, LABELS},
      {"'a/../../labels.txt', a path that leads", {"a/../../labels.txt", AE_IFREG, labels, NULL, NULL}, LABELS},
      {"'./../labels.txt', a path that leads", {"./../labels.txt", AE_IFREG, labels, NULL, NULL}, LABELS},
      {"leads out", {"..", AE_IFDIR, {NULL, 0}, NULL, NULL}, NONE},
      {"leads out", {"a/..", AE_IFDIR, {NULL, 0}, NULL, NULL}, NONE},
      {"'a/labels.txt', which does not belong", {"a/labels.txt", AE_IFREG, labels, NULL, NULL}, LABELS},
      {"'trunk.json', which does not belong", {"trunk.json", AE_IFREG, labels, NULL, NULL}, NONE},
      {"'LABELS.txt', which does not belong", {"LABELS.txt", AE_IFREG, labels, NULL, NULL}, LABELS},
      {"'folder/', which does not belong", {"folder/", AE_IFDIR, {NULL, 0}, NULL, NULL}, NONE},
      {"which does not belong", {"labels.txt", AE_IFDIR, {NULL, 0}, NULL, NULL}, LABELS},
      {"'labels.txt', a link", {"labels.txt", AE_IFLNK, {NULL, 0}, "/etc/passwd", NULL}, LABELS},
      {"'labels.txt', a link", {"labels.txt", AE_IFREG, {NULL, 0}, NULL, "network.bin"}, LABELS},
      {"'labels.txt', a link", {"labels.txt", AE_IFREG, {NULL, 0}, NULL, "/etc/passwd"}, LABELS},
      {"neither a file nor a folder", {"labels.txt", AE_IFCHR, {NULL, 0}, NULL, NULL}, LABELS},
      {"neither a file nor a folder", {"labels.txt", AE_IFIFO, {NULL, 0}, NULL, NULL}, LABELS},
      {"'labels.txt', twice", {"labels.txt", AE_IFREG, labels, NULL, NULL}, NONE},
      {"'labels.txt', twice", {"./labels.txt", AE_IFREG, labels, NULL, NULL}, NONE},
      {"not the size", {"labels.txt", AE_IFREG, tw_bytes_of("one\ntwo\n3"), NULL, NULL}, LABELS},
      {"not the size", {"labels.txt", AE_IFREG, tw_bytes_of("one\n"), NULL, NULL}, LABELS},
      {"not the size", {"empty", AE_IFREG, tw_bytes_of("x"), NULL, NULL}, EMPTY},
      {"hostile.tgz: 'labels.txt': has a wrong checksum",
       {"labels.txt", AE_IFREG, tw_bytes_of("one\ntwp\n"), NULL, NULL},
       LABELS},
  };
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    hostile(cases[i].words, &cases[i].item, 1, cases[i].replaced);
  }
  hostile("holds no 'labels.txt'", NULL, 0, LABELS);
  hostile("holds no 'empty'", NULL, 0, EMPTY);
  item many[TW_PULL_MAX_ENTRIES];
  for (size_t i = 0; i < TW_PULL_MAX_ENTRIES; i++) {
    many[i] = (item){.path = "./", .type = AE_IFDIR};
  }
  hostile("more entries than it may have", many, TW_PULL_MAX_ENTRIES, NONE);
}

static void a_dot_before_names_is_fine(void **state) {
  (void)state;
  sample sample;
  sample_init(&sample);
  item items[SAMPLE_MEMBERS + 1] = {{.path = "./", .type = AE_IFDIR}};
  memcpy(items + 1, sample.items, sizeof sample.items);
  items[1].path = "./network.bin";
  items[2].path = ".//./labels.txt";
  sample.archive.size = 0;
  pull_pack(items, SAMPLE_MEMBERS + 1, &sample.archive);
  sample_set_archive(&sample);
  pull_save("a.tgz", tw_buffer_bytes(&sample.archive));
  pull_works(&sample, pull_path("a.tgz"), false);
  sample_done(&sample);
}

/* Bytes that the catalogue takes for the archive. */
static void refused(const char *words, tw_bytes bytes) {
  static sample sample;
  sample_init(&sample);
  sample.archive.size = 0;
  tw_buffer_append(&sample.archive, bytes.data, bytes.size);
  sample_set_archive(&sample);
  pull_save("bad.tgz", bytes);
  pull_fails(&sample, pull_path("bad.tgz"), TW_E_FORMAT, words);
  sample_is_absent();
  sample_done(&sample);
}

static void what_is_no_archive_is_refused(void **state) {
  (void)state;
  static sample sample;
  sample_init(&sample);
  refused("bad.tgz: cannot be unpacked (", tw_bytes_of("<html>please log in</html>"));
  refused("bad.tgz: cannot be unpacked (", (tw_bytes){(const uint8_t *)"", 0});
  static const size_t cuts[] = {1, 10, 100, 1000, SAMPLE_NETWORK / 2, SAMPLE_NETWORK};
  for (size_t i = 0; i < sizeof cuts / sizeof *cuts; i++) {
    refused("bad.tgz: ", (tw_bytes){sample.archive.data, cuts[i]});
  }
  sample_done(&sample);
}

/* A header of the tar format (POSIX.1-1988, ustar) for contents of so many bytes. */
static void tar_header(uint8_t header[512], const char *name, char kind, size_t size) {
  memset(header, 0, 512);
  memcpy(header, name, strlen(name));
  memcpy(header + 100, "0000644", 7);
  memcpy(header + 108, "0000000", 7);
  memcpy(header + 116, "0000000", 7);
  snprintf((char *)header + 124, 12, "%011zo", size);
  memcpy(header + 136, "00000000000", 11);
  memset(header + 148, ' ', 8);
  header[156] = (uint8_t)kind;
  memcpy(header + 257, "ustar\00000", 8);
  unsigned sum = 0;
  for (size_t i = 0; i < 512; i++) {
    sum += header[i];
  }
  snprintf((char *)header + 148, 8, "%06o", sum);
}

/* 64 MB of nothing behind a header, in 64 kB. */
static void bombs_are_left_in_the_middle(void **state) {
  (void)state;
  const size_t size = (size_t)1 << 26;
  static const struct {
    const char *words;
    const char *name;
    char kind;
  } bombs[] = {
      {"bad.tgz: holds no 'network.bin'", "./", '5'},
      {"bad.tgz: cannot be unpacked (", "bomb", 'g'},
      {"bad.tgz: cannot be unpacked (", "bomb", 'x'},
      {"bad.tgz: cannot be unpacked (", "bomb", 'L'},
      {"bad.tgz: cannot be unpacked (", "bomb", 'K'},
      {"bad.tgz: holds 'bomb', ", "bomb", '0'},
      {"bad.tgz: holds 'network.bin', which has not the size", "network.bin", '0'},
  };
  uint8_t *tar = tw_alloc(1, 512 + size);
  assert_non_null(tar);
  for (size_t i = 0; i < sizeof bombs / sizeof *bombs; i++) {
    tw_buffer packed = {0};
    tar_header(tar, bombs[i].name, bombs[i].kind, size);
    pull_gzip((tw_bytes){tar, 512 + size}, &packed);
    refused(bombs[i].words, tw_buffer_bytes(&packed));
    tw_buffer_done(&packed);
  }
  tw_free(tar);
}

/* Headers that libarchive takes, one after the other without end. */
static void many_headers_are_left_in_the_middle(void **state) {
  (void)state;
  enum { HEADERS = 64, SIZE = 1 << 19 };
  tw_buffer packed = {0};
  uint8_t *tar = tw_alloc(HEADERS, 512 + SIZE);
  assert_non_null(tar);
  for (size_t i = 0; i < HEADERS; i++) {
    uint8_t *at = tar + i * (512 + SIZE);
    tar_header(at, "names", 'L', SIZE);
    memset(at + 512, 'a', SIZE);
  }
  pull_gzip((tw_bytes){tar, HEADERS * (size_t)(512 + SIZE)}, &packed);
  refused("bad.tgz: unpacks into more than ", tw_buffer_bytes(&packed));
  tw_buffer_done(&packed);
  tw_free(tar);
}

/* ---- What is there ----------------------------------------------------------------------------------------------- */

static tw_pull_state look(const sample *sample, tw_error *problem) {
  uint64_t bytes = 99;
  tw_pull_state state = tw_pull_look(&sample->entry, pull_path("models"), &bytes, problem);
  assert_int_equal(bytes, 0);
  return state;
}

static void a_damaged_trunk_is_pulled_again(void **state) {
  (void)state;
  sample sample;
  tw_error problem = {0};
  sample_init(&sample);
  assert_int_equal(look(&sample, &problem), TW_PULL_ABSENT);
  pull_save("sample.tgz", tw_buffer_bytes(&sample.archive));
  pull_works(&sample, pull_root, false);
  assert_int_equal(look(&sample, &problem), TW_PULL_INSTALLED);

  pull_save("models/sample/labels.txt", tw_bytes_of("one\ntwp\n"));
  assert_int_equal(look(&sample, &problem), TW_PULL_INSTALLED); /* lists look at sizes only */
  pull_works(&sample, pull_root, false);
  assert_non_null(strstr(pull_notes, "labels.txt: is not labels.txt"));

  pull_save("models/sample/network.bin", tw_bytes_of("short"));
  assert_int_equal(look(&sample, &problem), TW_PULL_DAMAGED);
  assert_non_null(strstr(problem.message, "network.bin: has 5 bytes"));
  pull_works(&sample, pull_root, false);

  unlink(pull_path("models/sample/LICENSE"));
  assert_int_equal(look(&sample, &problem), TW_PULL_DAMAGED);
  pull_works(&sample, pull_root, false);

  unlink(pull_path("models/sample/trunk.json"));
  assert_int_equal(look(&sample, &problem), TW_PULL_DAMAGED);
  pull_works(&sample, pull_root, true);
  pull_save("models/sample/trunk.json", tw_bytes_of("{}"));
  pull_works(&sample, pull_root, true);
  sample_done(&sample);
}

static void a_failure_leaves_what_is_there(void **state) {
  (void)state;
  sample sample;
  sample_init(&sample);
  pull_save("sample.tgz", tw_buffer_bytes(&sample.archive));
  pull_works(&sample, pull_root, false);
  pull_save("models/sample/labels.txt", tw_bytes_of("mine"));
  pull_save("sample.tgz", tw_bytes_of("nothing"));
  pull_fails(&sample, pull_root, TW_E_FORMAT, "sample.tgz: is not sample.tgz");
  assert_true(pull_holds("models/sample/labels.txt", tw_bytes_of("mine")));
  assert_true(pull_holds("models/sample/network.bin", sample.items[0].content));
  sample_done(&sample);
}

static void what_others_put_there_is_not_replaced(void **state) {
  (void)state;
  sample sample;
  sample_init(&sample);
  pull_save("sample.tgz", tw_buffer_bytes(&sample.archive));
  pull_works(&sample, pull_root, false);
  pull_save("models/sample/labels.txt", tw_bytes_of("mine"));
  pull_save("models/sample/notes.txt", tw_bytes_of("a year's work"));
  pull_fails(&sample, pull_root, TW_E_IO, "models/sample: holds 'notes.txt', which is no part of sample");
  assert_true(pull_exists("models/sample/notes.txt"));
  assert_true(pull_holds("models/sample/labels.txt", tw_bytes_of("mine")));
  sample_done(&sample);
}

static void a_file_in_the_place_is_not_replaced(void **state) {
  (void)state;
  sample sample;
  sample_init(&sample);
  pull_save("sample.tgz", tw_buffer_bytes(&sample.archive));
  assert_int_equal(mkdir(pull_path("models"), 0700), 0);
  pull_save("models/sample", tw_bytes_of("a file"));
  pull_fails(&sample, pull_root, TW_E_IO, "models/sample: is in the way");
  assert_true(pull_holds("models/sample", tw_bytes_of("a file")));
  sample_done(&sample);
}

static void what_a_killed_pull_left_goes(void **state) {
  (void)state;
  sample sample;
  sample_init(&sample);
  pull_save("sample.tgz", tw_buffer_bytes(&sample.archive));
  assert_int_equal(tw_folder_make(pull_path("models/.sample.new/deep"), NULL), TW_OK);
  assert_int_equal(tw_folder_make(pull_path("models/.sample.old"), NULL), TW_OK);
  pull_save("models/.sample.new/labels.txt", tw_bytes_of("half"));
  pull_save("kept", tw_bytes_of("kept"));
  assert_int_equal(symlink(pull_path("kept"), pull_path("models/.sample.old/LICENSE")), 0);
  pull_works(&sample, pull_root, false);
  assert_true(pull_holds("kept", tw_bytes_of("kept")));
  sample_done(&sample);
}

static bool stop(void *context, const tw_progress *progress) {
  const char *stage = context;
  assert_true(progress->bytes);
  assert_true(progress->done <= progress->total);
  return strcmp(progress->stage, stage) != 0;
}

static void it_can_be_stopped_anywhere(void **state) {
  (void)state;
  sample sample;
  static const char *const stages[] = {"checking", "unpacking"};
  sample_init(&sample);
  pull_save("sample.tgz", tw_buffer_bytes(&sample.archive));
  for (size_t i = 0; i < 2; i++) {
    tw_error error = {0};
    tw_pulled pulled;
    tw_ticker ticker = {.callback = stop, .context = (void *)stages[i]};
    assert_int_equal(pull_run(&sample, pull_root, &ticker, &pulled, &error), TW_E_CANCELLED);
    assert_string_equal(error.message, "stopped; nothing was installed");
    sample_is_absent();
  }
  sample_done(&sample);
}

static void memory_may_run_out_anywhere(void **state) {
  (void)state;
  sample sample;
  sample_init(&sample);
  pull_save("sample.tgz", tw_buffer_bytes(&sample.archive));
  tw_status status = TW_E_MEMORY;
  size_t n = 1;
  for (; status != TW_OK && n < 1000; n++) {
    tw_pulled pulled;
    tw_error error = {0};
    const char *folder = pull_path("models");
    tw_pull_options options = {.folder = folder, .from = pull_root};
    tw_memory_fail_after(n);
    status = tw_pull(&sample.entry, &options, &pulled, &error);
    tw_memory_fail_after(0);
    if (status == TW_OK) {
      tw_pulled_done(&pulled);
    } else {
      assert_int_equal(status, TW_E_MEMORY);
      assert_true(error.code == TW_E_MEMORY && error.message[0] != 0);
      sample_is_absent();
    }
  }
  assert_true(n > 10 && n < 1000);
  sample_is_installed(&sample);
  sample_done(&sample);
}

/* ---- Texts ------------------------------------------------------------------------------------------------------- */

static void content_ranges_are_parsed(void **state) {
  (void)state;
  uint64_t first;
  uint64_t last;
  uint64_t total;
  assert_true(tw_range_parse("bytes 100-199/200", &first, &last, &total));
  assert_true(first == 100 && last == 199 && total == 200);
  assert_true(tw_range_parse("bytes 0-18446744073709551615/*", &first, &last, &total));
  assert_true(first == 0 && last == UINT64_MAX && total == 0);
  static const char *const wrong[] = {"",
                                      "bytes",
                                      "bytes ",
                                      "bytes */200",
                                      "bytes 1-2",
                                      "bytes 1-2/",
                                      "bytes 2-1/200",
                                      "bytes 1-200/200",
                                      "bytes -1-2/200",
                                      "bytes 1-2/200x",
                                      "bytes 1-2/20 0",
                                      "lines 1-2/200",
                                      "bytes 1-18446744073709551616/*",
                                      "bytes 99999999999999999999-1/*"};
  for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
    if (tw_range_parse(wrong[i], &first, &last, &total)) {
      fail_msg("'%s' is taken for a range", wrong[i]);
    }
  }
}

static void notes_of_parts_are_parsed(void **state) {
  (void)state;
  char only_if[TW_PULL_FIELD_SIZE] = "untouched";
  tw_hash source = tw_hash_of("a", 1);
  char text[TW_HASH_TEXT_SIZE];
  char note[1024];
  tw_hash_text(&source, text);
#define NOTE "topwork part 1\nsource %s\nsize 77\nif-range "
  snprintf(note, sizeof note, NOTE "\"v1\"\n", text);
  assert_true(tw_part_note_parse(tw_bytes_of(note), &source, 77, only_if));
  assert_string_equal(only_if, "\"v1\"");
  assert_false(tw_part_note_parse(tw_bytes_of(note), &source, 78, only_if));
  tw_hash other = tw_hash_of("b", 1);
  assert_false(tw_part_note_parse(tw_bytes_of(note), &other, 77, only_if));
  for (size_t length = 0; length < strlen(note); length++) {
    assert_false(tw_part_note_parse((tw_bytes){(const uint8_t *)note, length}, &source, 77, only_if));
  }
  snprintf(note, sizeof note, NOTE "\n", text);
  assert_true(tw_part_note_parse(tw_bytes_of(note), &source, 77, only_if));
  assert_string_equal(only_if, "");
  snprintf(note, sizeof note, NOTE "a\rX: b\n", text);
  assert_false(tw_part_note_parse(tw_bytes_of(note), &source, 77, only_if));
  snprintf(note, sizeof note, NOTE "a\nX: b\n", text);
  assert_false(tw_part_note_parse(tw_bytes_of(note), &source, 77, only_if));
  snprintf(note, sizeof note, NOTE "%0300d\n", text, 0);
  assert_false(tw_part_note_parse(tw_bytes_of(note), &source, 77, only_if));
}

static void passwords_are_not_shown(void **state) {
  (void)state;
  static const char *const pairs[][2] = {
      {"http://a.b/c", "http://a.b/c"},
      {"http://me:secret@a.b/c", "http://a.b/c"},
      {"https://me:se@cret@a.b:80/c@d", "https://a.b:80/c@d"},
      {"http://a.b/c?mail=x@y", "http://a.b/c?mail=x@y"},
      {"http://a.b?mail=x@y", "http://a.b?mail=x@y"},
  };
  for (size_t i = 0; i < sizeof pairs / sizeof *pairs; i++) {
    char *shown = tw_url_shown(pairs[i][0]);
    assert_string_equal(shown, pairs[i][1]);
    tw_free(shown);
  }
}

/* ---- The catalogue ----------------------------------------------------------------------------------------------- */

static void is_file(const tw_pull_file *file) {
  assert_null(strchr(file->name, '/'));
  assert_true(file->name[0] != '.' && file->size > 0);
  assert_int_equal(strlen(file->blob), 40);
  assert_int_equal(strspn(file->blob, "0123456789abcdef"), 40);
}

static void the_catalogue_is_sound(void **state) {
  (void)state;
  size_t count;
  const tw_pull_entry *entries = tw_pull_catalogue(&count);
  assert_int_equal(count, 1);
  for (size_t i = 0; i < count; i++) {
    const tw_pull_entry *entry = &entries[i];
    assert_true(i == 0 || strcmp(entries[i - 1].name, entry->name) < 0);
    assert_null(strpbrk(entry->name, "/."));
    assert_ptr_equal(tw_pull_find(entry->name), entry);
    assert_int_equal(strncmp(entry->url, "http", 4), 0);
    is_file(&entry->archive);
    assert_string_equal(tw_path_base(entry->url), entry->archive.name);
    assert_true(entry->count > 0 && entry->count <= TW_PULL_MAX_ENTRIES);
    for (size_t j = 0; j < entry->count; j++) {
      is_file(&entry->members[j]);
    }
    assert_non_null(strstr(entry->card, entry->members[0].name));
    assert_non_null(strstr(entry->card, entry->name));
  }
  assert_null(tw_pull_find("inception"));
  assert_int_equal(tw_pull_installed_size(entries), 95673916 + 2683 + 64986 + 741401 + 11416);
}

/* The small files of the real archive, where they are. */
static void its_checksums_are_those_of_the_files(void **state) {
  (void)state;
  const tw_pull_entry *entry = tw_pull_find("inception-2015");
  assert_non_null(entry);
  if (shared_path("models/inception-2015") == NULL) {
    skip();
  }
  size_t checked = 0;
  for (size_t i = 0; i < entry->count; i++) {
    char name[128];
    char blob[TW_PULL_BLOB_TEXT_SIZE];
    tw_buffer buffer = {0};
    snprintf(name, sizeof name, "models/inception-2015/%s", entry->members[i].name);
    if (shared_path(name) != NULL && tw_file_read(shared_path(name), 1 << 20, &buffer, NULL) == TW_OK) {
      assert_int_equal(buffer.size, entry->members[i].size);
      pull_blob_id(tw_buffer_bytes(&buffer), blob);
      assert_string_equal(blob, entry->members[i].blob);
      checked++;
    }
    tw_buffer_done(&buffer);
  }
  assert_int_equal(checked, 4);
}

#define LOCAL(function) cmocka_unit_test_setup_teardown(function, pull_setup, pull_teardown)

int main(void) {
  const struct CMUnitTest tests[] = {
      LOCAL(an_archive_is_installed),
      LOCAL(a_folder_with_the_archive_is_installed),
      LOCAL(a_folder_with_the_files_is_installed),
      LOCAL(files_of_a_folder_are_verified),
      LOCAL(wrong_sources_say_what_is_wrong),
      LOCAL(a_place_that_cannot_be_written_says_so),
      LOCAL(entries_that_do_not_belong_are_refused),
      LOCAL(a_dot_before_names_is_fine),
      LOCAL(what_is_no_archive_is_refused),
      LOCAL(bombs_are_left_in_the_middle),
      LOCAL(many_headers_are_left_in_the_middle),
      LOCAL(a_damaged_trunk_is_pulled_again),
      LOCAL(a_failure_leaves_what_is_there),
      LOCAL(what_others_put_there_is_not_replaced),
      LOCAL(a_file_in_the_place_is_not_replaced),
      LOCAL(what_a_killed_pull_left_goes),
      LOCAL(it_can_be_stopped_anywhere),
      LOCAL(memory_may_run_out_anywhere),
      cmocka_unit_test(content_ranges_are_parsed),
      cmocka_unit_test(notes_of_parts_are_parsed),
      cmocka_unit_test(passwords_are_not_shown),
      cmocka_unit_test(the_catalogue_is_sound),
      cmocka_unit_test(its_checksums_are_those_of_the_files),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
