/* What the clients have in common: connections, requests, and answers taken apart into events.
 *
 * A program includes bytes.h and figures.h, defines `struct connection` with at least `state`, `fd`, `index`, `events`,
 * and `unparsed` and `text` for what is not a whole head or chunk, and not a whole event; and then includes this. */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <strings.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

enum { ADDRESSES = 8, BUFFER = 1 << 18 };

static int poll_fd, session_count;
static char **sessions;
static long reads;

/* The program's. How many bytes of what has come are done with: those of the rest come again, with what follows. */
static size_t take(struct connection *it, const char *text, size_t size, int64_t time);
/* The lines of one event, without the empty one that ends it. */
static void take_event(struct connection *it, const char *text, const char *end, int64_t time);
/* The end of an answer, where it may be. */
static void take_end(struct connection *it);

/* ---- Answers */

static void end_connection(struct connection *it) {
    close(it->fd);
    it->state = ENDED;
    forget(&it->unparsed);
    forget(&it->text);
}

/* Takes the events that are whole; an event need not end where its chunk ends. */
static void take_text(struct connection *it, const char *text, size_t size, int64_t time) {
    struct bytes held = it->text;
    if (held.size) {
        keep(&held, text, size);
        text = held.start;
        size = held.size;
        it->text = (struct bytes){0};
    }
    const char *end = text + size, *event_end;
    while (text < end && (event_end = memmem(text, end - text, "\n\n", 2))) {
        take_event(it, text, event_end, time);
        text = event_end + 2;
    }
    if (text < end) keep(&it->text, text, end - text);
    free(held.start);
}

/* How many bytes of the body are done with. */
static size_t take_body(struct connection *it, const char *start, const char *end, int64_t time) {
    const char *text = start, *payload;
    size_t size;
    long length;
    while (text < end && (length = chunk_length(text, end, &payload, &size)) != 0) {
        if (length < 0) {
            fault("no chunk: %.*s", end - text > 40 ? 40 : (int)(end - text), text);
            end_connection(it);
            return end - start;
        }
        text += length;
        if (size) {
            take_text(it, payload, size, time);
            continue;
        }
        if (it->text.size || text < end) fault("the end of a response in the middle of an event, or bytes after it");
        take_end(it);
        end_connection(it);
        return end - start;
    }
    return text - start;
}

/* Whether a line of a head begins so, whatever the case. */
static int has_field(const char *head, const char *end, const char *field) {
    size_t size = strlen(field);
    const char *line = head;
    while ((line = memchr(line, '\n', end - line)) && (size_t)(end - ++line) >= size)
        if (!strncasecmp(line, field, size)) return 1;
    return 0;
}

/* The bytes of the head, or 0 as long as it is not whole. The state is `BODY` then, or `ENDED`. */
static size_t take_head(struct connection *it, const char *text, size_t size) {
    const char *end = memmem(text, size, "\r\n\r\n", 4);
    if (!end) return 0;
    if (memcmp(text, "HTTP/1.1 200 ", 13) || !has_field(text, end + 2, "transfer-encoding: chunked\r\n")
        || !has_field(text, end + 2, "content-type: text/event-stream")) {
        failures++;
        fault("the answer %.*s", size > 150 ? 150 : (int)size, text);
        end_connection(it);
        return size;
    }
    it->state = BODY;
    return end + 4 - text;
}

static void receive(struct connection *it) {
    static char buffer[BUFFER];
    ssize_t count = recv(it->fd, buffer, sizeof buffer, MSG_DONTWAIT);
    if (count < 0 && errno == EAGAIN) return;
    if (count <= 0) {
        failures++;
        fault("connection %d was cut, after %ld events", it->index, it->events);
        return end_connection(it);
    }
    reads++;
    int64_t time = now();
    struct bytes held = it->unparsed;
    const char *text = buffer;
    size_t size = count;
    if (held.size) {
        keep(&held, buffer, count);
        text = held.start;
        size = held.size;
    }
    it->unparsed = (struct bytes){0};
    size_t used = take(it, text, size, time);
    /* What is left of a big chunk stays where it is: copying it for each piece would be quadratic. */
    if (used == 0 && held.size) it->unparsed = held;
    else {
        if (used < size) keep(&it->unparsed, text + used, size - used);
        free(held.start);
    }
}

/* ---- Requests */

/* Each address has its own 28,000 ports. A receive buffer of 0 is the usual one. */
static void open_connection(struct connection *it, int port, int index, int receive_buffer) {
    int on = 1;
    it->index = index;
    it->state = CONNECTING;
    it->fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (it->fd < 0) fail("socket");
    setsockopt(it->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    setsockopt(it->fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &on, sizeof on);
    if (receive_buffer) setsockopt(it->fd, SOL_SOCKET, SO_RCVBUF, &receive_buffer, sizeof receive_buffer);
    struct sockaddr_in from = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK + index % ADDRESSES)};
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    if (bind(it->fd, (struct sockaddr *)&from, sizeof from)) fail("bind");
    if (connect(it->fd, (struct sockaddr *)&to, sizeof to) && errno != EINPROGRESS) fail("connect");
    struct epoll_event event = {.events = EPOLLOUT, .data.ptr = it};
    if (epoll_ctl(poll_fd, EPOLL_CTL_ADD, it->fd, &event)) fail("epoll_ctl");
}

/* Whether there is a connection: it is read from then. */
static int finish_connecting(struct connection *it) {
    int error = 0;
    socklen_t size = sizeof error;
    getsockopt(it->fd, SOL_SOCKET, SO_ERROR, &error, &size);
    if (error) {
        failures++;
        fault("could not connect: %s", strerror(error));
        end_connection(it);
        return 0;
    }
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = it};
    epoll_ctl(poll_fd, EPOLL_CTL_MOD, it->fd, &event);
    it->state = HEAD_EXPECTED;
    return 1;
}

/* A request is far smaller than an empty socket's buffer: it is taken whole. */
__attribute__((format(printf, 3, 4))) static void request(
    struct connection *it, const char *start, const char *body_format, ...
) {
    char body[1024], text[2048];
    va_list values;
    va_start(values, body_format);
    int size = vsnprintf(body, sizeof body, body_format, values);
    va_end(values);
    const char *type = size ? "Content-Type: application/json\r\n" : "";
    int length = snprintf(
        text, sizeof text, "%s\r\nHost: localhost\r\n%sContent-Length: %d\r\n\r\n%s", start, type, size, body);
    if (send(it->fd, text, length, MSG_NOSIGNAL) != length) failures++, fault("a request was not taken");
}

/* ---- Options */

struct option {
    const char *name;
    double *number;
    char *text;
    size_t size;
};

static void set_option(const struct option *known, size_t count, const char *text) {
    for (size_t place = 0; place < count; place++) {
        size_t length = strlen(known[place].name);
        if (strncmp(text, known[place].name, length) || text[length] != '=') continue;
        if (known[place].number) *known[place].number = atof(text + length + 1);
        else snprintf(known[place].text, known[place].size, "%s", text + length + 1);
        return;
    }
    fprintf(stderr, "load: unknown option %s (load.c begins with a list)\n", text);
    exit(2);
}

static void read_sessions(const char *path) {
    char line[256];
    FILE *file = fopen(path, "r");
    if (!file) fail(path);
    while (fscanf(file, "%255s", line) == 1) {
        sessions = realloc(sessions, (session_count + 1) * sizeof *sessions);
        sessions[session_count++] = strdup(line);
    }
    fclose(file);
}

static const char *session_of(const struct connection *it) {
    return session_count ? sessions[it->index % session_count] : "";
}
