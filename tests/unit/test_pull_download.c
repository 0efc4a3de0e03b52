/* Pulling over HTTP, from a server on the loopback that has every fault: dropped and silent connections, no ranges,
 * wrong lengths, changed files, redirects; and pulls that are stopped, killed, or two at once. */
#include "test_pull_server.h"

typedef struct fixture {
  sample sample;
  server *server;
} fixture;

static int setup(void **state) {
  static fixture fixture;
  if (pull_setup(state) != 0) {
    return -1;
  }
  sample_init(&fixture.sample);
  fixture.server = server_start(tw_buffer_bytes(&fixture.sample.archive));
  *state = &fixture;
  return 0;
}

static int teardown(void **state) {
  fixture *fixture = *state;
  server_stop(fixture->server);
  sample_done(&fixture->sample);
  return pull_teardown(state);
}

static void asked(const fixture *fixture, unsigned count) {
  assert_int_equal(atomic_load(&fixture->server->requests), count);
}

/* The next `drops` answers end after so many bytes. */
static void drop(server *server, unsigned drops, size_t after) {
  server->drops = drops;
  server->drop_after = after;
}

/* A part of so many bytes, as a pull that was cut off leaves it. */
static void make_part(fixture *fixture, size_t size) {
  drop(fixture->server, 1, size);
  fixture->server->status = 404; /* so that the next attempt ends it */
  tw_error error = {0};
  tw_pulled pulled;
  pid_t child = fork();
  assert_true(child >= 0);
  if (child == 0) {
    fixture->server->stalls = true;
    pull_run(&fixture->sample, fixture->server->url, NULL, &pulled, &error);
    _exit(0);
  }
  while (pull_size("models/sample.part") < size) {
    usleep(1000);
  }
  kill(child, SIGKILL);
  waitpid(child, NULL, 0);
  fixture->server->stalls = false;
  atomic_store(&fixture->server->requests, 0);
  assert_int_equal(pull_size("models/sample.part"), size);
  sample_is_absent();
}

/* ---- Downloads that work ----------------------------------------------------------------------------------------- */

static void it_comes_and_is_installed(void **state) {
  fixture *fixture = *state;
  pull_works(&fixture->sample, fixture->server->url, false);
  asked(fixture, 1);
  server_was_asked(fixture->server, "GET /sample.tgz HTTP/1.1\r\n");
  server_was_asked(fixture->server, "\r\nUser-Agent: topwork/");
  server_was_not_asked(fixture->server, "Range");
  pull_works(&fixture->sample, fixture->server->url, true);
  asked(fixture, 1);
}

static void the_catalogue_says_where_from(void **state) {
  fixture *fixture = *state;
  fixture->sample.entry.url = fixture->server->url;
  pull_works(&fixture->sample, NULL, false);
  asked(fixture, 1);
}

static void a_mirror_is_a_folder_or_a_file(void **state) {
  fixture *fixture = *state;
  char url[128];
  snprintf(url, sizeof url, "HTTP://127.0.0.1:%u/some/mirror/", fixture->server->port);
  pull_works(&fixture->sample, url, false);
  server_was_asked(fixture->server, "GET /some/mirror/sample.tgz HTTP");
}

static void a_proxy_is_used(void **state) {
  fixture *fixture = *state;
  char proxy[64];
  snprintf(proxy, sizeof proxy, "http://127.0.0.1:%u", fixture->server->port);
  assert_int_equal(setenv("http_proxy", proxy, 1), 0);
  pull_works(&fixture->sample, "http://nowhere.invalid/sample.tgz", false);
  assert_int_equal(unsetenv("http_proxy"), 0);
  server_was_asked(fixture->server, "GET http://nowhere.invalid/sample.tgz HTTP");
}

static void redirects_are_followed(void **state) {
  fixture *fixture = *state;
  server *server = fixture->server;
  snprintf(server->location, sizeof server->location, "http://127.0.0.1:%u/elsewhere", server->port);
  server->redirects = TW_PULL_MAX_REDIRECTS;
  drop(server, 1, 1000);
  pull_works(&fixture->sample, server->url, false);
  asked(fixture, TW_PULL_MAX_REDIRECTS + 2);
  server_was_asked(server, "\r\nRange: bytes=1000-\r\n");
  server_was_asked(server, "\r\nIf-Range: \"v1\"\r\n"); /* the file's, not the redirect's */
}

static void dropped_connections_are_gone_on_with(void **state) {
  fixture *fixture = *state;
  drop(fixture->server, 3, 70000);
  pull_works(&fixture->sample, fixture->server->url, false);
  asked(fixture, 4);
  server_was_asked(fixture->server, "\r\nRange: bytes=210000-\r\n");
  server_was_asked(fixture->server, "\r\nIf-Range: \"v1\"\r\n");
  assert_non_null(strstr(pull_notes, "the connection broke after 70000 of "));
  assert_non_null(strstr(pull_notes, "trying again"));
}

static void without_ranges_it_starts_anew(void **state) {
  fixture *fixture = *state;
  fixture->server->ranges = false;
  drop(fixture->server, 2, 200000);
  pull_works(&fixture->sample, fixture->server->url, false);
  asked(fixture, 3);
  server_was_asked(fixture->server, "\r\nRange: bytes=200000-\r\n");
  assert_non_null(strstr(pull_notes, "starting again"));
}

static void a_server_may_say_no_length(void **state) {
  fixture *fixture = *state;
  fixture->server->no_length = true;
  drop(fixture->server, 2, 100000);
  pull_works(&fixture->sample, fixture->server->url, false);
  asked(fixture, 3);
  server_was_asked(fixture->server, "\r\nRange: bytes=200000-\r\n");
}

static void a_silent_connection_is_given_up(void **state) {
  fixture *fixture = *state;
  drop(fixture->server, 1, 123456);
  fixture->server->stalls = true;
  pull_works(&fixture->sample, fixture->server->url, false);
  asked(fixture, 2);
  server_was_asked(fixture->server, "\r\nRange: bytes=123456-\r\n");
}

static void faults_that_pass_are_waited_for(void **state) {
  fixture *fixture = *state;
  static const int statuses[] = {500, 502, 503, 504, 408, 429};
  for (size_t i = 0; i < sizeof statuses / sizeof *statuses; i++) {
    char relative[64];
    fixture->server->status = statuses[i];
    fixture->server->failures = 2;
    atomic_store(&fixture->server->requests, 0);
    pull_works(&fixture->sample, fixture->server->url, false);
    asked(fixture, 3);
    snprintf(relative, sizeof relative, "status %d", statuses[i]);
    assert_non_null(strstr(pull_notes, relative));
    assert_int_equal(nftw(pull_path("models"), pull_remove_one, 8, FTW_DEPTH | FTW_PHYS), 0);
  }
}

/* ---- Going on ---------------------------------------------------------------------------------------------------- */

static void a_killed_pull_is_gone_on_with(void **state) {
  fixture *fixture = *state;
  uint64_t bytes;
  make_part(fixture, 150000);
  assert_int_equal(tw_pull_look(&fixture->sample.entry, pull_path("models"), &bytes, NULL), TW_PULL_PARTIAL);
  assert_int_equal(bytes, 150000);
  pull_works(&fixture->sample, fixture->server->url, false);
  asked(fixture, 1);
  server_was_asked(fixture->server, "\r\nRange: bytes=150000-\r\n");
  server_was_asked(fixture->server, "\r\nIf-Range: \"v1\"\r\n");
  assert_string_equal(pull_notes, "going on after 0.1 of 0.3 MB\n");
}

static void a_changed_file_starts_anew(void **state) {
  fixture *fixture = *state;
  make_part(fixture, 150000);
  snprintf(fixture->server->etag, sizeof fixture->server->etag, "\"v2\"");
  pull_works(&fixture->sample, fixture->server->url, false);
  asked(fixture, 1);
  server_was_asked(fixture->server, "\r\nIf-Range: \"v1\"\r\n");
  assert_non_null(strstr(pull_notes, "starting again"));
}

static void a_weak_etag_is_not_enough(void **state) {
  fixture *fixture = *state;
  snprintf(fixture->server->etag, sizeof fixture->server->etag, "W/\"v1\"");
  snprintf(fixture->server->modified, sizeof fixture->server->modified, "Sat, 05 Dec 2015 10:00:00 GMT");
  make_part(fixture, 1000);
  pull_works(&fixture->sample, fixture->server->url, false);
  asked(fixture, 1);
  server_was_asked(fixture->server, "\r\nIf-Range: Sat, 05 Dec 2015 10:00:00 GMT\r\n");
  server_was_asked(fixture->server, "\r\nRange: bytes=1000-\r\n");
}

static void without_etag_and_date_the_checksum_decides(void **state) {
  fixture *fixture = *state;
  fixture->server->etag[0] = '\0';
  make_part(fixture, 1000);
  pull_works(&fixture->sample, fixture->server->url, false);
  asked(fixture, 1);
  server_was_not_asked(fixture->server, "If-Range");
  server_was_asked(fixture->server, "\r\nRange: bytes=1000-\r\n");
}

static void a_part_from_elsewhere_is_not_gone_on_with(void **state) {
  fixture *fixture = *state;
  char url[128];
  make_part(fixture, 1000);
  snprintf(url, sizeof url, "http://127.0.0.1:%u/other/", fixture->server->port);
  pull_works(&fixture->sample, url, false);
  server_was_not_asked(fixture->server, "Range");
}

static void a_part_without_its_note_is_not_gone_on_with(void **state) {
  fixture *fixture = *state;
  make_part(fixture, 1000);
  pull_save("models/sample.part.from", tw_bytes_of("topwork part 1\n"));
  pull_works(&fixture->sample, fixture->server->url, false);
  server_was_not_asked(fixture->server, "Range");
}

static void a_part_that_is_too_long_is_not_gone_on_with(void **state) {
  fixture *fixture = *state;
  make_part(fixture, 1000);
  assert_int_equal(truncate(pull_path("models/sample.part"), SAMPLE_NETWORK * 2), 0);
  pull_works(&fixture->sample, fixture->server->url, false);
  server_was_not_asked(fixture->server, "Range");
}

static void a_whole_part_is_not_fetched_again(void **state) {
  fixture *fixture = *state;
  assert_int_equal(mkdir(pull_path("models"), 0700), 0);
  pull_save("models/sample.part", tw_buffer_bytes(&fixture->sample.archive));
  pull_works(&fixture->sample, fixture->server->url, false);
  asked(fixture, 0);
}

static void a_part_in_the_way_is_no_file(void **state) {
  fixture *fixture = *state;
  assert_int_equal(mkdir(pull_path("models"), 0700), 0);
  pull_save("kept", tw_bytes_of("kept"));
  assert_int_equal(symlink(pull_path("kept"), pull_path("models/sample.part")), 0);
  pull_fails(&fixture->sample, fixture->server->url, TW_E_IO, "sample.part: cannot be written");
  unlink(pull_path("models/sample.part"));
  assert_int_equal(mkfifo(pull_path("models/sample.part"), 0600), 0);
  pull_fails(&fixture->sample, fixture->server->url, TW_E_IO, "sample.part: is in the way");
  assert_true(pull_holds("kept", tw_bytes_of("kept")));
  asked(fixture, 0);
}

static void nothing_after_the_part_starts_anew(void **state) {
  fixture *fixture = *state;
  make_part(fixture, 1000);
  fixture->server->status = 416;
  fixture->server->failures = 1;
  pull_works(&fixture->sample, fixture->server->url, false);
  asked(fixture, 2);
  server_was_not_asked(fixture->server, "Range");
}

/* ---- Downloads that fail ----------------------------------------------------------------------------------------- */

static void it_is_given_up_in_the_end(void **state) {
  fixture *fixture = *state;
  drop(fixture->server, 1000, 0);
  pull_fails(&fixture->sample, fixture->server->url, TW_E_IO, "given up after 6 attempts");
  asked(fixture, TW_PULL_MAX_FAILURES);
  assert_false(pull_exists("models/sample.part"));
  fixture->server->ranges = false;
  drop(fixture->server, 1000, 1000);
  pull_fails(&fixture->sample, fixture->server->url, TW_E_IO, "what has come is kept");
  asked(fixture, 2 * TW_PULL_MAX_FAILURES);
  assert_int_equal(pull_size("models/sample.part"), 1000);
  fixture->server->status = 503;
  fixture->server->failures = 1000;
  pull_fails(&fixture->sample, fixture->server->url, TW_E_IO, "the server answers with status 503");
  asked(fixture, 3 * TW_PULL_MAX_FAILURES);
  sample_is_absent();
}

static void crumbs_are_not_collected_for_ever(void **state) {
  fixture *fixture = *state;
  drop(fixture->server, 100000, 1);
  pull_fails(&fixture->sample, fixture->server->url, TW_E_IO, "given up after 200 attempts");
  asked(fixture, TW_PULL_MAX_ATTEMPTS);
  assert_int_equal(pull_size("models/sample.part"), TW_PULL_MAX_ATTEMPTS);
}

static void a_refusal_is_final(void **state) {
  fixture *fixture = *state;
  static const int statuses[] = {404, 403, 401, 410, 400};
  for (size_t i = 0; i < sizeof statuses / sizeof *statuses; i++) {
    char words[64];
    fixture->server->status = statuses[i];
    fixture->server->failures = 1;
    snprintf(words, sizeof words, "/sample.tgz: the server answers with status %d", statuses[i]);
    pull_fails(&fixture->sample, fixture->server->url, TW_E_IO, words);
    asked(fixture, (unsigned)i + 1);
  }
  fixture->server->status = 204;
  fixture->server->failures = 1;
  pull_fails(&fixture->sample, fixture->server->url, TW_E_IO, "status 204, not the file");
  sample_is_absent();
}

static void another_length_is_another_file(void **state) {
  fixture *fixture = *state;
  make_part(fixture, 1000);
  fixture->server->ranges = false;
  fixture->server->says = 77;
  pull_fails(&fixture->sample, fixture->server->url, TW_E_FORMAT, "is not sample.tgz: it has 77 bytes instead of ");
  asked(fixture, 1);
  assert_int_equal(pull_size("models/sample.part"), 1000); /* a page of somebody's gateway takes nothing away */
  fixture->server->says = 0;
  fixture->server->ranges = true;
  pull_works(&fixture->sample, fixture->server->url, false);
  server_was_asked(fixture->server, "\r\nRange: bytes=1000-\r\n");
}

static void another_length_of_the_same_file_is_dropped(void **state) {
  fixture *fixture = *state;
  make_part(fixture, 1000);
  fixture->server->size = 400000;
  pull_fails(&fixture->sample, fixture->server->url, TW_E_FORMAT, "it has 400000 bytes instead of ");
  assert_false(pull_exists("models/sample.part"));
}

static void more_than_all_is_too_much(void **state) {
  fixture *fixture = *state;
  fixture->server->no_length = true;
  fixture->server->size = SERVER_MAX_BODY;
  pull_fails(&fixture->sample, fixture->server->url, TW_E_FORMAT, "it has more than ");
  asked(fixture, 1);
  assert_false(pull_exists("models/sample.part"));
  sample_is_absent();
}

static void less_than_all_is_too_little(void **state) {
  fixture *fixture = *state;
  fixture->server->no_length = true;
  fixture->server->ranges = false;
  fixture->server->size = 5000;
  pull_fails(&fixture->sample, fixture->server->url, TW_E_IO, "ends after 5000 of ");
  asked(fixture, TW_PULL_MAX_FAILURES);
  sample_is_absent();
}

static void another_range_is_not_taken(void **state) {
  fixture *fixture = *state;
  make_part(fixture, 1000);
  fixture->server->shift = 1;
  pull_fails(&fixture->sample, fixture->server->url, TW_E_IO, "answers with another part than asked");
  sample_is_absent();
}

static void a_wrong_checksum_installs_nothing(void **state) {
  fixture *fixture = *state;
  fixture->server->body[1000] ^= 1;
  pull_fails(
      &fixture->sample, fixture->server->url, TW_E_FORMAT,
      "/sample.tgz: is not sample.tgz: it has the right size, but another checksum; what was downloaded is removed");
  sample_is_absent();
  assert_false(pull_exists("models/sample.part"));
  assert_false(pull_exists("models/sample.part.from"));
  fixture->server->body[1000] ^= 1;
  pull_works(&fixture->sample, fixture->server->url, false);
}

static void redirects_have_an_end(void **state) {
  fixture *fixture = *state;
  server *server = fixture->server;
  snprintf(server->location, sizeof server->location, "/round");
  server->redirects = 1000;
  pull_fails(&fixture->sample, server->url, TW_E_IO, "redirects");
  asked(fixture, TW_PULL_MAX_REDIRECTS + 1);
  static const char *const elsewhere[] = {"file:///etc/passwd", "ftp://127.0.0.1/x", "gopher://127.0.0.1/x"};
  for (size_t i = 0; i < sizeof elsewhere / sizeof *elsewhere; i++) {
    snprintf(server->location, sizeof server->location, "%s", elsewhere[i]);
    server->redirects = 1;
    pull_fails(&fixture->sample, server->url, TW_E_IO, "rotocol");
  }
  sample_is_absent();
}

static void no_network_says_what_to_do(void **state) {
  fixture *fixture = *state;
  char url[128];
  server *gone = server_start(tw_bytes_of("x"));
  snprintf(url, sizeof url, "http://me:secret@127.0.0.1:%u/", gone->port);
  server_stop(gone);
  tw_error error = {0};
  tw_pulled pulled;
  assert_int_equal(pull_run(&fixture->sample, url, NULL, &pulled, &error), TW_E_IO);
  assert_non_null(strstr(error.message, "cannot be reached"));
  assert_non_null(strstr(error.message, "'topwork pull sample --from FILE'"));
  assert_null(strstr(error.message, "secret"));
  assert_string_equal(pull_notes, "");
  assert_false(pull_exists("models/sample.part"));
}

/* ---- Stopped, and two at once ------------------------------------------------------------------------------------ */

typedef struct watch {
  size_t stop_at; /* bytes of the download */
  size_t last;
  size_t total;
} watch;

static bool on_progress(void *context, const tw_progress *progress) {
  watch *watch = context;
  if (strcmp(progress->stage, "downloading") != 0) {
    return true;
  }
  assert_true(progress->bytes && progress->done >= watch->last && progress->done <= progress->total);
  watch->last = progress->done;
  watch->total = progress->total;
  return progress->done < watch->stop_at;
}

static void it_can_be_stopped_and_gone_on_with(void **state) {
  fixture *fixture = *state;
  watch watch = {.stop_at = 1};
  tw_ticker ticker = {.callback = on_progress, .context = &watch};
  tw_error error = {0};
  tw_pulled pulled;
  drop(fixture->server, 1, 100000); /* silent then, and so it is stopped there */
  fixture->server->stalls = true;
  assert_int_equal(pull_run(&fixture->sample, fixture->server->url, &ticker, &pulled, &error), TW_E_CANCELLED);
  assert_non_null(strstr(error.message, "are kept: the next 'topwork pull sample' goes on from there"));
  assert_int_equal(watch.total, fixture->sample.archive.size);
  sample_is_absent();
  size_t have = pull_size("models/sample.part");
  assert_true(have > 0 && have <= 100000);
  watch = (struct watch){.stop_at = SIZE_MAX, .last = have};
  ticker = (tw_ticker){.callback = on_progress, .context = &watch};
  fixture->server->drops = 0;
  assert_int_equal(pull_run(&fixture->sample, fixture->server->url, &ticker, &pulled, &error), TW_OK);
  tw_pulled_done(&pulled);
  assert_int_equal(watch.last, fixture->sample.archive.size);
  char range[64];
  snprintf(range, sizeof range, "\r\nRange: bytes=%zu-\r\n", have);
  server_was_asked(fixture->server, range);
  sample_is_installed(&fixture->sample);
}

static void the_second_of_two_fails(void **state) {
  fixture *fixture = *state;
  drop(fixture->server, 1, 100000);
  fixture->server->stalls = true;
  pid_t child = fork();
  assert_true(child >= 0);
  if (child == 0) {
    tw_error error = {0};
    tw_pulled pulled;
    _exit(pull_run(&fixture->sample, fixture->server->url, NULL, &pulled, &error) == TW_OK ? 0 : 1);
  }
  while (pull_size("models/sample.part") < 100000) {
    usleep(1000);
  }
  pull_save("sample.tgz", tw_buffer_bytes(&fixture->sample.archive));
  pull_fails(&fixture->sample, pull_root, TW_E_IO, "another topwork is pulling sample just now");
  sample_is_absent();
  kill(child, SIGKILL);
  waitpid(child, NULL, 0);
  fixture->server->drops = 0;
  pull_works(&fixture->sample, fixture->server->url, false);
  server_was_asked(fixture->server, "\r\nRange: bytes=100000-\r\n");
}

#define SERVED(function) cmocka_unit_test_setup_teardown(function, setup, teardown)

int main(void) {
  static const char *const proxies[] = {"http_proxy", "https_proxy", "all_proxy", "ALL_PROXY", "no_proxy", "NO_PROXY"};
  for (size_t i = 0; i < sizeof proxies / sizeof *proxies; i++) {
    unsetenv(proxies[i]);
  }
  const struct CMUnitTest tests[] = {
      SERVED(it_comes_and_is_installed),
      SERVED(the_catalogue_says_where_from),
      SERVED(a_mirror_is_a_folder_or_a_file),
      SERVED(a_proxy_is_used),
      SERVED(redirects_are_followed),
      SERVED(dropped_connections_are_gone_on_with),
      SERVED(without_ranges_it_starts_anew),
      SERVED(a_server_may_say_no_length),
      SERVED(a_silent_connection_is_given_up),
      SERVED(faults_that_pass_are_waited_for),
      SERVED(a_killed_pull_is_gone_on_with),
      SERVED(a_changed_file_starts_anew),
      SERVED(a_weak_etag_is_not_enough),
      SERVED(without_etag_and_date_the_checksum_decides),
      SERVED(a_part_from_elsewhere_is_not_gone_on_with),
      SERVED(a_part_without_its_note_is_not_gone_on_with),
      SERVED(a_part_that_is_too_long_is_not_gone_on_with),
      SERVED(a_whole_part_is_not_fetched_again),
      SERVED(a_part_in_the_way_is_no_file),
      SERVED(nothing_after_the_part_starts_anew),
      SERVED(it_is_given_up_in_the_end),
      SERVED(crumbs_are_not_collected_for_ever),
      SERVED(a_refusal_is_final),
      SERVED(another_length_is_another_file),
      SERVED(another_length_of_the_same_file_is_dropped),
      SERVED(more_than_all_is_too_much),
      SERVED(less_than_all_is_too_little),
      SERVED(another_range_is_not_taken),
      SERVED(a_wrong_checksum_installs_nothing),
      SERVED(redirects_have_an_end),
      SERVED(no_network_says_what_to_do),
      SERVED(it_can_be_stopped_and_gone_on_with),
      SERVED(the_second_of_two_fails),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
