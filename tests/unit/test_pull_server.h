/* An HTTP server on the loopback for the tests of downloads: a process of its own, one connection at a time, with every
 * fault that a server or a line may have. What it is to do, and what it was asked, is in memory shared with the test.
 */
#ifndef TW_TEST_PULL_SERVER_H
#define TW_TEST_PULL_SERVER_H

#include <arpa/inet.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include "test_pull.h"

enum { SERVER_MAX_BODY = 1 << 20, SERVER_MAX_REQUEST = 4096 };

typedef struct server {
  /* What it does; the test may change it between requests. */
  uint8_t body[SERVER_MAX_BODY];
  size_t size;       /* of the body */
  bool ranges;       /* answers 206 to a Range */
  bool no_length;    /* says no Content-Length; the end of the connection is the end */
  size_t says;       /* as Content-Length, in the place of the true one; 0: the true one */
  size_t shift;      /* a range begins so many bytes too late */
  char etag[64];     /* empty: none */
  char modified[64]; /* empty: none */
  size_t drop_after; /* bytes of a body, after which the connection is closed ... */
  unsigned drops;    /* ... this many times */
  bool stalls;       /* ... not closed, but silent, until the client closes it */
  int status;        /* answered ... */
  unsigned failures; /* ... this many times */
  char location[128];
  unsigned redirects; /* answers of 302 to `location` */
  /* What it saw. */
  atomic_uint requests;
  char request[SERVER_MAX_REQUEST]; /* the last one */
  /* Its own. */
  int socket;
  unsigned port;
  pid_t process;
  char url[64];
} server;

/* ---- The process ------------------------------------------------------------------------------------------------- */

static inline bool server_send(int connection, const void *data, size_t size) {
  const char *at = data;
  while (size > 0) {
    ssize_t sent = send(connection, at, size, MSG_NOSIGNAL);
    if (sent <= 0) {
      return false;
    }
    at += sent;
    size -= (size_t)sent;
  }
  return true;
}

/* Until the empty line; false when the client goes. */
static inline bool server_receive(server *server, int connection) {
  size_t used = 0;
  while (used + 1 < SERVER_MAX_REQUEST) {
    ssize_t got = recv(connection, server->request + used, SERVER_MAX_REQUEST - 1 - used, 0);
    if (got <= 0) {
      return false;
    }
    used += (size_t)got;
    server->request[used] = '\0';
    if (strstr(server->request, "\r\n\r\n") != NULL) {
      return true;
    }
  }
  return false;
}

/* The offset of a Range that is to be answered with 206; 0: the whole. */
static inline size_t server_range(const server *server) {
  const char *range = strstr(server->request, "\r\nRange: bytes=");
  const char *only_if = strstr(server->request, "\r\nIf-Range: ");
  if (!server->ranges || range == NULL) {
    return 0;
  }
  if (only_if != NULL) {
    only_if += strlen("\r\nIf-Range: ");
    size_t length = strcspn(only_if, "\r");
    const char *now = only_if[0] == '"' ? server->etag : server->modified;
    if (length != strlen(now) || memcmp(only_if, now, length) != 0) {
      return 0;
    }
  }
  return (size_t)strtoul(range + strlen("\r\nRange: bytes="), NULL, 10);
}

static inline size_t server_head(const server *server, size_t offset, char head[1024]) {
  size_t length = server->says != 0 ? server->says : server->size - offset;
  tw_buffer text = {0};
  tw_buffer_text(&text, offset == 0 ? "HTTP/1.1 200 OK\r\n" : "HTTP/1.1 206 Partial Content\r\n");
  if (!server->no_length) {
    tw_buffer_format(&text, "Content-Length: %zu\r\n", length);
  }
  if (offset > 0) {
    tw_buffer_format(&text, "Content-Range: bytes %zu-%zu/%zu\r\n", offset + server->shift, server->size - 1,
                     server->says != 0 ? server->says : server->size);
  }
  if (server->etag[0] != '\0') {
    tw_buffer_format(&text, "ETag: %s\r\n", server->etag);
  }
  if (server->modified[0] != '\0') {
    tw_buffer_format(&text, "Last-Modified: %s\r\n", server->modified);
  }
  tw_buffer_text(&text, "Connection: close\r\n\r\n");
  memcpy(head, text.data, text.size);
  size_t size = text.size;
  tw_buffer_done(&text);
  return size;
}

static inline void server_answer(server *server, int connection) {
  char head[1024];
  if (server->failures > 0) {
    server->failures--;
    int size = snprintf(head, sizeof head, "HTTP/1.1 %d No\r\nContent-Length: 3\r\nConnection: close\r\n\r\nno\n",
                        server->status);
    server_send(connection, head, (size_t)size);
    return;
  }
  if (server->redirects > 0) {
    server->redirects--;
    int size = snprintf(head, sizeof head,
                        "HTTP/1.1 302 Found\r\nLocation: %s\r\nETag: \"of the redirect\"\r\nContent-Length: "
                        "4\r\nConnection: close\r\n\r\ngone",
                        server->location);
    server_send(connection, head, (size_t)size);
    return;
  }
  size_t offset = server_range(server);
  size_t length = server->size - offset;
  bool drop = server->drops > 0;
  length = drop && length > server->drop_after ? server->drop_after : length;
  server->drops -= drop ? 1 : 0;
  bool good = server_send(connection, head, server_head(server, offset, head)) &&
              server_send(connection, server->body + offset, length);
  if (good && drop && server->stalls) {
    recv(connection, head, sizeof head, 0);
  }
}

static inline void server_serve(server *server) {
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  for (;;) {
    int connection = accept(server->socket, NULL, NULL);
    if (connection < 0) {
      _exit(1);
    }
    if (server_receive(server, connection)) {
      atomic_fetch_add(&server->requests, 1);
      server_answer(server, connection);
    }
    shutdown(connection, SHUT_RDWR);
    close(connection);
  }
}

/* ---- For the test ------------------------------------------------------------------------------------------------ */

/* Serves these bytes, under any path. Ends with server_stop, or with the test. */
static inline server *server_start(tw_bytes body) {
  server *server = mmap(NULL, sizeof *server, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
  socklen_t size = sizeof address;
  assert_ptr_not_equal(server, MAP_FAILED);
  assert_true(body.size <= SERVER_MAX_BODY);
  memcpy(server->body, body.data, body.size);
  server->size = body.size;
  server->ranges = true;
  snprintf(server->etag, sizeof server->etag, "\"v1\"");
  server->socket = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  assert_true(server->socket >= 0);
  assert_int_equal(bind(server->socket, (struct sockaddr *)&address, sizeof address), 0);
  assert_int_equal(listen(server->socket, 16), 0);
  assert_int_equal(getsockname(server->socket, (struct sockaddr *)&address, &size), 0);
  server->port = ntohs(address.sin_port);
  snprintf(server->url, sizeof server->url, "http://127.0.0.1:%u/sample.tgz", server->port);
  pid_t process = fork(); /* not into the shared memory, where the child would write, too */
  assert_true(process >= 0);
  if (process == 0) {
    server_serve(server);
  }
  server->process = process;
  close(server->socket);
  return server;
}

static inline void server_stop(server *server) {
  kill(server->process, SIGKILL);
  waitpid(server->process, NULL, 0);
  munmap(server, sizeof *server);
}

/* The last request holds these words. */
static inline void server_was_asked(const server *server, const char *words) {
  if (strstr(server->request, words) == NULL) {
    fail_msg("the request '%s' should hold '%s'", server->request, words);
  }
}

static inline void server_was_not_asked(const server *server, const char *words) {
  if (strstr(server->request, words) != NULL) {
    fail_msg("the request '%s' should not hold '%s'", server->request, words);
  }
}

#endif
