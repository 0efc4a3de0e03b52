/* topwork-pull.so: one HTTP request by libcurl. Proxies are those of curl's environment variables (http_proxy,
 * https_proxy, all_proxy, no_proxy); a bundle of certificates may be named by CURL_CA_BUNDLE or SSL_CERT_FILE, as for
 * the command `curl`. Not for deciding what an answer means or whether to ask again. */
#include <curl/curl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "pull/module/module.h"

typedef struct transfer {
  tw_fetch_request *request;
  CURL *handle;
  bool begun;
  bool stopped; /* by a callback */
  char message[CURL_ERROR_SIZE];
} transfer;

/* ---- What libcurl calls ------------------------------------------------------------------------------------------ */

/* Copies the value of a header line that opens with `name` and a colon. */
static void take_field(const char *line, size_t length, const char *name, char field[TW_PULL_FIELD_SIZE]) {
  size_t used = strlen(name);
  if (length <= used || line[used] != ':' || strncasecmp(line, name, used) != 0) {
    return;
  }
  used++;
  while (used < length && (line[used] == ' ' || line[used] == '\t')) {
    used++;
  }
  while (length > used && strchr(" \t\r\n", line[length - 1]) != NULL) {
    length--;
  }
  size_t size = length - used;
  bool fits = size < TW_PULL_FIELD_SIZE && memchr(line + used, '\0', size) == NULL;
  memcpy(field, line + used, fits ? size : 0);
  field[fits ? size : 0] = '\0';
}

static size_t on_header(char *line, size_t one, size_t length, void *context) {
  transfer *transfer = context;
  tw_fetch_head *head = &transfer->request->head;
  (void)one;
  if (length >= 5 && memcmp(line, "HTTP/", 5) == 0) { /* the answer after a redirect, after a proxy's, ... */
    *head = (tw_fetch_head){0};
  }
  take_field(line, length, "content-range", head->range);
  take_field(line, length, "etag", head->etag);
  take_field(line, length, "last-modified", head->modified);
  return length;
}

/* Before the first byte of a body, or at the end of an answer without one. */
static bool begin(transfer *transfer) {
  tw_fetch_head *head = &transfer->request->head;
  curl_off_t length = -1;
  transfer->begun = true;
  curl_easy_getinfo(transfer->handle, CURLINFO_RESPONSE_CODE, &head->status);
  curl_easy_getinfo(transfer->handle, CURLINFO_CONTENT_LENGTH_DOWNLOAD_T, &length);
  head->has_length = length >= 0;
  head->length = length >= 0 ? (uint64_t)length : 0;
  transfer->stopped = !transfer->request->begin(transfer->request->context, head);
  return !transfer->stopped;
}

static size_t on_body(char *data, size_t one, size_t size, void *context) {
  transfer *transfer = context;
  (void)one;
  if (!transfer->begun && !begin(transfer)) {
    return size == 0 ? 1 : 0; /* another number than `size` ends the transfer */
  }
  transfer->stopped = !transfer->request->write(transfer->request->context, data, size);
  return transfer->stopped ? (size == 0 ? 1 : 0) : size;
}

static int on_progress(void *context, curl_off_t total, curl_off_t done, curl_off_t up_total, curl_off_t up_done) {
  transfer *transfer = context;
  (void)total, (void)done, (void)up_total, (void)up_done;
  transfer->stopped = transfer->stopped || !transfer->request->go_on(transfer->request->context);
  return transfer->stopped;
}

/* ---- Settings ---------------------------------------------------------------------------------------------------- */

#define SET(handle, option, value) (curl_easy_setopt(handle, option, value) == CURLE_OK)

static bool set_protocols(CURL *handle) {
#if LIBCURL_VERSION_NUM >= 0x075500
  return SET(handle, CURLOPT_PROTOCOLS_STR, "http,https") && SET(handle, CURLOPT_REDIR_PROTOCOLS_STR, "http,https");
#else
  return SET(handle, CURLOPT_PROTOCOLS, (long)(CURLPROTO_HTTP | CURLPROTO_HTTPS)) &&
         SET(handle, CURLOPT_REDIR_PROTOCOLS, (long)(CURLPROTO_HTTP | CURLPROTO_HTTPS));
#endif
}

static bool set_certificates(CURL *handle) {
  const char *bundle = getenv("CURL_CA_BUNDLE");
  bundle = bundle == NULL || *bundle == '\0' ? getenv("SSL_CERT_FILE") : bundle;
  return bundle == NULL || *bundle == '\0' || SET(handle, CURLOPT_CAINFO, bundle);
}

static bool set_range(CURL *handle, const tw_fetch_request *request, struct curl_slist **headers) {
  if (request->offset == 0) {
    return true;
  }
  char text[TW_PULL_FIELD_SIZE + 16];
  snprintf(text, sizeof text, "%llu-", (unsigned long long)request->offset);
  if (!SET(handle, CURLOPT_RANGE, text)) {
    return false;
  }
  if (request->only_if == NULL) {
    return true;
  }
  snprintf(text, sizeof text, "If-Range: %s", request->only_if);
  *headers = curl_slist_append(NULL, text);
  return *headers != NULL && SET(handle, CURLOPT_HTTPHEADER, *headers);
}

static bool set_all(transfer *transfer, struct curl_slist **headers) {
  CURL *handle = transfer->handle;
  const tw_fetch_request *request = transfer->request;
  return SET(handle, CURLOPT_URL, request->url) && SET(handle, CURLOPT_USERAGENT, request->agent) &&
         SET(handle, CURLOPT_NOSIGNAL, 1L) && SET(handle, CURLOPT_FAILONERROR, 1L) &&
         SET(handle, CURLOPT_FOLLOWLOCATION, 1L) && SET(handle, CURLOPT_MAXREDIRS, request->redirects) &&
         SET(handle, CURLOPT_CONNECTTIMEOUT, request->connect_seconds) && SET(handle, CURLOPT_LOW_SPEED_LIMIT, 1L) &&
         SET(handle, CURLOPT_LOW_SPEED_TIME, request->stall_seconds) &&
         SET(handle, CURLOPT_ERRORBUFFER, transfer->message) && SET(handle, CURLOPT_HEADERFUNCTION, on_header) &&
         SET(handle, CURLOPT_HEADERDATA, transfer) && SET(handle, CURLOPT_WRITEFUNCTION, on_body) &&
         SET(handle, CURLOPT_WRITEDATA, transfer) && SET(handle, CURLOPT_NOPROGRESS, 0L) &&
         SET(handle, CURLOPT_XFERINFOFUNCTION, on_progress) && SET(handle, CURLOPT_XFERINFODATA, transfer) &&
         set_protocols(handle) && set_certificates(handle) && set_range(handle, request, headers);
}

/* ---- The request ------------------------------------------------------------------------------------------------- */

static tw_fetch_result classify(CURLcode code, CURL *handle) {
  curl_off_t connected = 0; /* microseconds; 0: it never was */
  switch (code) {
    case CURLE_OK: return TW_FETCH_OK;
    case CURLE_OUT_OF_MEMORY: return TW_FETCH_MEMORY;
    case CURLE_HTTP_RETURNED_ERROR: return TW_FETCH_REFUSED;
    case CURLE_COULDNT_RESOLVE_PROXY:
    case CURLE_COULDNT_RESOLVE_HOST:
    case CURLE_COULDNT_CONNECT: return TW_FETCH_UNREACHABLE;
    case CURLE_OPERATION_TIMEDOUT:
      curl_easy_getinfo(handle, CURLINFO_CONNECT_TIME_T, &connected);
      return connected > 0 ? TW_FETCH_DROPPED : TW_FETCH_UNREACHABLE;
    case CURLE_PARTIAL_FILE:
    case CURLE_GOT_NOTHING:
    case CURLE_SEND_ERROR:
    case CURLE_RECV_ERROR:
    case CURLE_SSL_CONNECT_ERROR:
    case CURLE_HTTP2:
    case CURLE_HTTP2_STREAM: return TW_FETCH_DROPPED;
    default: return TW_FETCH_FAILED;
  }
}

static tw_fetch_result perform(transfer *transfer) {
  tw_fetch_request *request = transfer->request;
  CURLcode code = curl_easy_perform(transfer->handle);
  if (code == CURLE_OK && !transfer->begun) {
    begin(transfer);
  }
  if (transfer->stopped) {
    return TW_FETCH_STOPPED;
  }
  curl_easy_getinfo(transfer->handle, CURLINFO_RESPONSE_CODE, &request->head.status);
  snprintf(request->message, sizeof request->message, "%.255s",
           transfer->message[0] != '\0' ? transfer->message : curl_easy_strerror(code));
  return classify(code, transfer->handle);
}

tw_fetch_result tw_module_fetch(tw_fetch_request *request) {
  transfer transfer = {.request = request, .handle = curl_easy_init()};
  struct curl_slist *headers = NULL;
  request->head = (tw_fetch_head){0};
  request->message[0] = '\0';
  if (transfer.handle == NULL) {
    return TW_FETCH_MEMORY;
  }
  tw_fetch_result result = set_all(&transfer, &headers) ? perform(&transfer) : TW_FETCH_MEMORY;
  curl_easy_cleanup(transfer.handle);
  curl_slist_free_all(headers);
  return result;
}
