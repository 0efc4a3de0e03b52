/* From a URL to the whole part: attempts, each of which goes on where the one before it ended, until every byte is
 * there or too many of them in a row have brought nothing new. What an answer means is decided here; how it comes is
 * the module's matter. */
#include <inttypes.h>
#include <string.h>
#include <time.h>

#include "pull/internal.h"

typedef struct download {
  tw_pull_job *job;
  const char *url;
  const char *shown; /* the URL for messages */
  tw_part *part;
  uint64_t best; /* bytes that the part has had at most */
  bool reached;  /* there was an answer */
  bool again;    /* the failure in *error may pass */
  tw_status status;
  tw_error *error;
} download;

/* ---- Texts ------------------------------------------------------------------------------------------------------- */

static bool parse_u64(const char **text, uint64_t *ret) {
  uint64_t value = 0;
  const char *at = *text;
  for (; *at >= '0' && *at <= '9'; at++) {
    if (__builtin_mul_overflow(value, (uint64_t)10, &value) ||
        __builtin_add_overflow(value, (uint64_t)(*at - '0'), &value)) {
      return false;
    }
  }
  bool good = at != *text;
  *text = at;
  *ret = value;
  return good;
}

bool tw_range_parse(const char *text, uint64_t *ret_first, uint64_t *ret_last, uint64_t *ret_total) {
  uint64_t first;
  uint64_t last;
  uint64_t total = 0;
  if (strncmp(text, "bytes ", 6) != 0) {
    return false;
  }
  text += 6;
  if (!parse_u64(&text, &first) || *text++ != '-' || !parse_u64(&text, &last) || *text++ != '/') {
    return false;
  }
  if (strcmp(text, "*") != 0 && (!parse_u64(&text, &total) || *text != '\0' || last >= total)) {
    return false;
  }
  if (first > last) {
    return false;
  }
  *ret_first = first;
  *ret_last = last;
  *ret_total = total;
  return true;
}

char *tw_url_shown(const char *url) {
  const char *host = strstr(url, "://");
  host = host == NULL ? url : host + 3;
  const char *at = memchr(host, '@', strcspn(host, "/?#"));
  for (const char *next = at; next != NULL; next = memchr(next + 1, '@', strcspn(next + 1, "/?#"))) {
    at = next;
  }
  return at == NULL ? tw_strdup(url) : tw_format("%.*s%s", (int)(host - url), url, at + 1);
}

/* ---- What the server's answer means ------------------------------------------------------------------------------ */

/* Ends the request with this failure. */
static bool fail(download *download, tw_status status) {
  download->status = status;
  return false;
}

static bool wrong_size(download *download, uint64_t size) {
  const tw_pull_file *archive = &download->job->entry->archive;
  return fail(download,
              tw_error_set(download->error, TW_E_FORMAT, "%s: is not %s: it has %" PRIu64 " bytes instead of %" PRIu64,
                           download->shown, archive->name, size, archive->size));
}

static bool begin_whole(download *download, const tw_fetch_head *head) {
  tw_part *part = download->part;
  if (head->has_length && head->length != part->size) {
    return wrong_size(download, head->length);
  }
  if (part->have > 0) {
    tw_pull_note(download->job, "%s: cannot go on in the middle, or the file has changed: starting again",
                 download->shown);
  }
  tw_status status = tw_part_restart(part, head, download->error);
  tw_pull_stage(download->job, "downloading", part->size, 0);
  return status == TW_OK || fail(download, status);
}

/* Gives up what is there. */
static bool drop(download *download) {
  tw_status status = tw_part_restart(download->part, &(tw_fetch_head){0}, download->error);
  return status == TW_OK || fail(download, status);
}

static bool begin_rest(download *download, const tw_fetch_head *head) {
  uint64_t first;
  uint64_t last;
  uint64_t total;
  if (download->part->have == 0 || !tw_range_parse(head->range, &first, &last, &total) ||
      first != download->part->have) {
    return fail(download, tw_error_set(download->error, TW_E_IO, "%s: the server answers with another part than asked",
                                       download->shown));
  }
  if (total == 0 || total == download->part->size) {
    return true;
  }
  return drop(download) && wrong_size(download, total); /* and so what is there of it is no use */
}

static bool on_begin(void *context, const tw_fetch_head *head) {
  download *download = context;
  download->reached = true;
  switch (head->status) {
    case 200: return begin_whole(download, head);
    case 206: return begin_rest(download, head);
    default:
      return fail(download,
                  tw_error_set(download->error, TW_E_IO, "%s: the server answers with status %ld, not the file",
                               download->shown, head->status));
  }
}

static bool on_write(void *context, const void *data, size_t size) {
  download *download = context;
  tw_part *part = download->part;
  if (size > part->size - part->have) {
    return drop(download) &&
           fail(download,
                tw_error_set(download->error, TW_E_FORMAT, "%s: is not %s: it has more than %" PRIu64 " bytes",
                             download->shown, download->job->entry->archive.name, part->size));
  }
  tw_status status = tw_part_append(part, data, size, download->error);
  if (status != TW_OK) {
    return fail(download, status);
  }
  return tw_pull_advance(download->job, size) || fail(download, tw_pull_cancelled(download->job, download->error));
}

static bool on_wait(void *context) {
  download *download = context;
  return tw_pull_advance(download->job, 0) || fail(download, tw_pull_cancelled(download->job, download->error));
}

/* ---- An attempt -------------------------------------------------------------------------------------------------- */

#define REMEDY "on a machine without network: bring the archive from elsewhere, and 'topwork pull %s --from FILE'"

static tw_status refused(download *download, const tw_fetch_request *request) {
  long code = request->head.status;
  static const long passing[] = {408, 425, 429, 500, 502, 503, 504};
  for (size_t i = 0; i < sizeof passing / sizeof *passing; i++) {
    download->again = download->again || code == passing[i];
  }
  if (code == 416 && download->part->have > 0) { /* there are no bytes after ours: the file has changed */
    download->again = drop(download);
    if (!download->again) {
      return download->status;
    }
  }
  const char *why = code == 404 || code == 410                  ? " (there is no such file)"
                    : code == 401 || code == 403 || code == 407 ? " (not without leave)"
                                                                : "";
  return tw_error_set(download->error, TW_E_IO,
                      "%s: the server answers with status %ld%s; another source: --from URL|FILE", download->shown,
                      code, why);
}

/* One request for what is missing. */
static tw_status attempt(download *download) {
  const tw_pull_options *options = download->job->options;
  tw_part *part = download->part;
  tw_fetch_request request = {
      .url = download->url,
      .agent = "topwork/" TOPWORK_VERSION,
      .offset = part->have,
      .only_if = part->only_if[0] == '\0' ? NULL : part->only_if,
      .redirects = TW_PULL_MAX_REDIRECTS,
      .connect_seconds = TW_PULL_CONNECT_SECONDS,
      .stall_seconds = options->stall_seconds == 0 ? TW_PULL_STALL_SECONDS : (long)options->stall_seconds,
      .context = download,
      .begin = on_begin,
      .write = on_write,
      .go_on = on_wait,
  };
  const char *name = download->job->entry->name;
  download->again = false;
  switch (download->job->module->fetch(&request)) {
    case TW_FETCH_OK:
      if (part->have == part->size) {
        return TW_OK;
      }
      download->again = true;
      return tw_error_set(download->error, TW_E_IO, "%s: ends after %" PRIu64 " of %" PRIu64 " bytes", download->shown,
                          part->have, part->size);
    case TW_FETCH_STOPPED: return download->status;
    case TW_FETCH_REFUSED: return refused(download, &request);
    case TW_FETCH_UNREACHABLE:
      download->again = download->reached; /* a moment ago */
      return tw_error_set(download->error, TW_E_IO, "%s: cannot be reached: %s; " REMEDY, download->shown,
                          request.message, name);
    case TW_FETCH_DROPPED:
      download->again = true;
      return tw_error_set(download->error, TW_E_IO,
                          "%s: the connection broke after %" PRIu64 " of %" PRIu64 " bytes: %s", download->shown,
                          part->have, part->size, request.message);
    case TW_FETCH_MEMORY: return tw_error_memory(download->error);
    default: return tw_error_set(download->error, TW_E_IO, "%s: %s", download->shown, request.message);
  }
}

/* ---- Attempts ---------------------------------------------------------------------------------------------------- */

/* Waits before an attempt, `failures` after the last that brought something. */
static tw_status wait_before(download *download, unsigned failures) {
  enum { SLICE = 20 /* milliseconds */ };
  const tw_pull_options *options = download->job->options;
  unsigned first = options->retry_milliseconds == 0 ? TW_PULL_RETRY_MILLISECONDS : options->retry_milliseconds;
  unsigned wait = first;
  for (unsigned i = 1; i < failures && wait < TW_PULL_RETRY_MAX_MILLISECONDS; i++) {
    wait *= 2;
  }
  wait = wait > TW_PULL_RETRY_MAX_MILLISECONDS ? TW_PULL_RETRY_MAX_MILLISECONDS : wait;
  for (unsigned done = 0; done < wait; done += SLICE) {
    unsigned slice = wait - done < SLICE ? wait - done : SLICE;
    nanosleep(&(struct timespec){.tv_nsec = (long)slice * 1000 * 1000}, NULL);
    if (!tw_pull_advance(download->job, 0)) {
      return tw_pull_cancelled(download->job, download->error);
    }
  }
  return TW_OK;
}

static tw_status give_up(download *download, tw_status status, unsigned attempts) {
  tw_error why = *download->error;
  const char *kept = download->part->have > 0 ? "; what has come is kept, and the next pull goes on from there" : "";
  return tw_error_set(download->error, status, "%s; given up after %u attempts%s", why.message, attempts, kept);
}

static tw_status run(download *download) {
  tw_part *part = download->part;
  unsigned failures = 0; /* in a row without a new byte */
  for (unsigned i = 1; part->have < part->size; i++) {
    tw_status status = attempt(download);
    if (status == TW_OK) {
      break;
    }
    if (!download->again) {
      return status;
    }
    failures = part->have > download->best ? 1 : failures + 1;
    download->best = part->have > download->best ? part->have : download->best;
    if (failures >= TW_PULL_MAX_FAILURES || i >= TW_PULL_MAX_ATTEMPTS) {
      return give_up(download, status, i);
    }
    tw_pull_note(download->job, "%s; trying again", download->error->message);
    TW_TRY(wait_before(download, failures));
  }
  return TW_OK;
}

tw_status tw_pull_download(tw_pull_job *job, const char *url, const char *shown, tw_part *part, tw_error *error) {
  download download = {.job = job, .url = url, .shown = shown, .part = part, .best = part->have, .error = error};
  tw_pull_stage(job, "downloading", part->size, part->have);
  if (part->have > 0 && part->have < part->size) {
    tw_pull_note(job, "going on after %.1f of %.1f MB", (double)part->have / 1e6, (double)part->size / 1e6);
  }
  return run(&download);
}
