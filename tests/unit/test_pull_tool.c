/* The commands `pull` and `models` on a catalogue of the test's own: its definitions stand in the place of
 * src/pull/catalogue.c, which is not linked then. */
#include <jansson.h>

#include "api/tool.h"
#include "test_pull.h"

static sample the_sample;

const tw_pull_entry *tw_pull_catalogue(size_t *ret_count) {
  *ret_count = 1;
  return &the_sample.entry;
}

const tw_pull_entry *tw_pull_find(const char *name) {
  return strcmp(name, the_sample.entry.name) == 0 ? &the_sample.entry : NULL;
}

uint64_t tw_pull_installed_size(const tw_pull_entry *entry) {
  uint64_t size = 0;
  for (size_t i = 0; i < entry->count; i++) {
    size += entry->members[i].size;
  }
  return size;
}

/* ---- What a command says ----------------------------------------------------------------------------------------- */

static tw_buffer written;
static tw_buffer noted;

static bool on_write(void *context, const char *text, size_t size) {
  (void)context;
  tw_buffer_append(&written, text, size);
  return true;
}

static void on_line(void *context, const char *line) {
  (void)context;
  tw_buffer_format(&noted, "%s\n", line);
}

static tw_tool tool(bool json) {
  written.size = noted.size = 0;
  return (tw_tool){.write = on_write, .note = on_line, .json = json};
}

static int setup(void **state) {
  char data[256];
  if (pull_setup(state) != 0) {
    return -1;
  }
  sample_init(&the_sample);
  snprintf(data, sizeof data, "%s/topwork", pull_root);
  if (mkdir(data, 0700) != 0 || setenv("XDG_DATA_HOME", pull_root, 1) != 0) {
    return -1;
  }
  pull_save("sample.tgz", tw_buffer_bytes(&the_sample.archive));
  return 0;
}

static int teardown(void **state) {
  sample_done(&the_sample);
  tw_buffer_done(&written);
  tw_buffer_done(&noted);
  return pull_teardown(state);
}

static void says(const char *wanted) {
  if (!tw_bytes_is(tw_buffer_bytes(&written), wanted)) {
    fail_msg("'%.*s' should be '%s'", (int)written.size, (const char *)written.data, wanted);
  }
}

static json_t *said(void) {
  json_t *value = json_loadb((const char *)written.data, written.size, 0, NULL);
  assert_non_null(value);
  return value;
}

/* ---- Tests ------------------------------------------------------------------------------------------------------- */

static void pull_says_where(void **state) {
  (void)state;
  tw_error error;
  char wanted[512];
  tw_tool text = tool(false);
  const char *place = pull_path("topwork/models/sample");
  assert_int_equal(tw_tool_pull(&text, "sample", pull_root, &error), TW_OK);
  snprintf(wanted, sizeof wanted, "%s: sample is installed, 0.3 MB\n", place);
  says(wanted);
  assert_int_equal(noted.size, 0);
  written.size = 0;
  assert_int_equal(tw_tool_pull(&text, "sample", pull_root, &error), TW_OK);
  snprintf(wanted, sizeof wanted, "%s: sample is there and intact, 0.3 MB\n", place);
  says(wanted);
}

static void pull_says_it_in_json(void **state) {
  (void)state;
  for (int already = 0; already < 2; already++) {
    tw_error error;
    tw_tool json = tool(true);
    assert_int_equal(tw_tool_pull(&json, "sample", pull_root, &error), TW_OK);
    json_t *value = said();
    assert_int_equal(json_object_size(value), 4);
    assert_string_equal(json_string_value(json_object_get(value, "name")), "sample");
    assert_string_equal(json_string_value(json_object_get(value, "folder")), pull_path("topwork/models/sample"));
    assert_int_equal(json_integer_value(json_object_get(value, "bytes")), tw_pull_installed_size(&the_sample.entry));
    assert_int_equal(json_is_true(json_object_get(value, "already")), already);
    json_decref(value);
  }
}

static void pull_passes_on_notes_and_failures(void **state) {
  (void)state;
  tw_error error;
  tw_tool text = tool(false);
  assert_int_equal(tw_tool_pull(&text, "other", NULL, &error), TW_E_ARGUMENT);
  assert_string_equal(error.message, "there is no 'other' in the catalogue, which has: sample");
  assert_int_equal(tw_tool_pull(&text, "sample", pull_root, &error), TW_OK);
  pull_save("topwork/models/sample/labels.txt", tw_bytes_of("no"));
  written.size = 0;
  assert_int_equal(tw_tool_pull(&text, "sample", pull_path("nowhere"), &error), TW_E_IO);
  assert_int_equal(written.size, 0);
  tw_buffer_append(&noted, "", 1);
  assert_non_null(strstr((const char *)noted.data, "labels.txt: is not labels.txt: it has 2 bytes instead of 8"));
}

/* The state of `name` in the list, and whether there is a problem said of it. */
static void is_listed(const char *name, const char *wanted, bool problem) {
  tw_error error;
  size_t at;
  json_t *row;
  bool found = false;
  tw_tool json = tool(true);
  assert_int_equal(tw_tool_models(&json, &error), TW_OK);
  json_t *list = said();
  json_array_foreach(list, at, row) {
    if (strcmp(json_string_value(json_object_get(row, "name")), name) == 0) {
      assert_false(found);
      assert_string_equal(json_string_value(json_object_get(row, "state")), wanted);
      assert_int_equal(json_is_string(json_object_get(row, "problem")), problem);
      assert_int_equal(json_object_size(row), 10);
      found = true;
    }
  }
  assert_true(found);
  json_decref(list);
}

static void models_says_what_there_is(void **state) {
  (void)state;
  tw_error error;
  tw_tool text = tool(false);
  is_listed("sample", "absent", false);
  is_listed("efficientnet-lite0", "installed", false);
  assert_int_equal(tw_folder_make(pull_path("topwork/models"), &error), TW_OK);
  pull_save("topwork/models/sample.part", (tw_bytes){the_sample.archive.data, the_sample.archive.size / 2});
  is_listed("sample", "partial", false);
  assert_int_equal(tw_tool_pull(&text, "sample", pull_root, &error), TW_OK);
  is_listed("sample", "damaged", true); /* whole, but its network is none */
  unlink(pull_path("topwork/models/sample/trunk.json"));
  is_listed("sample", "damaged", true);
  is_listed("efficientnet-lite0", "installed", false);
}

#define LOCAL(function) cmocka_unit_test_setup_teardown(function, setup, teardown)

int main(void) {
  const struct CMUnitTest tests[] = {
      LOCAL(pull_says_where),
      LOCAL(pull_says_it_in_json),
      LOCAL(pull_passes_on_notes_and_failures),
      LOCAL(models_says_what_there_is),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
