/* The mark for streams: what one core does with epoll and one send() an event, and nothing else.
 *
 *   reference
 *
 * Listens on a free port of 127.0.0.1 and prints it.
 *
 *   GET /stream?rate=R&count=N&i=I  N events, R a second; 0: as fast as the socket takes them, 32 at a turn. Streams
 *                                   with different I are spread evenly over the period, whenever they began
 *   GET /fan                        all that is published
 *   POST /pub                       publishes its body, as the content of one event for each reader of /fan
 *
 * Events are the service's, byte for byte but for the words: an id, and JSON in one chunk, whose content begins with
 * the time the event was due (unpaced: made). What is missing is what a service is for: the last event does not hold
 * the whole answer, nothing is stored, held, resumed, stopped or limited, and requests are hardly looked at. */
#define _GNU_SOURCE
#include "server.h"

enum { TURN = 32, REQUEST = 4096, EVENT = 512 };

static char *append_number(char *end, uint64_t number) {
    char digits[20];
    int count = 0;
    do digits[count++] = '0' + number % 10;
    while (number /= 10);
    while (count) *end++ = digits[--count];
    return end;
}

static char *append_stream(char *end, int index) {
    memcpy(end, "stream_0000000000000000000000", 29);
    char digits[20];
    size_t count = append_number(digits, index) - digits;
    memcpy(end + 29 - count, digits, count);
    return end + 29;
}

/* One event in a chunk. Returns its size; it begins at *begin, as the chunk's size has two or three digits. */
static size_t make_event(
    char buffer[EVENT], char **begin, int stream, long sequence, const char *status, const char *content, size_t size
) {
    char *end = APPEND(buffer + 5, "id: ");
    end = append_stream(end, stream);
    *end++ = ':';
    end = append_number(end, sequence);
    end = APPEND(end, "\ndata: {\"status\":\"");
    end = mempcpy(end, status, strlen(status));
    end = APPEND(end, "\",\"content\":\"");
    end = mempcpy(end, content, size);
    end = APPEND(end, "\",\"agent_type\":\"assistant\",\"stream_id\":\"");
    end = append_stream(end, stream);
    end = APPEND(end, "\"}\n\n");
    unsigned payload = end - (buffer + 5);
    for (int place = 0; place < 3; place++) buffer[place] = "0123456789abcdef"[payload >> (8 - 4 * place) & 15];
    memcpy(buffer + 3, "\r\n", 2);
    end = APPEND(end, "\r\n");
    *begin = buffer + (payload < 256);
    return end - *begin;
}

/* The next event of a stream. False when there is none left to send, or nobody to send it to. */
static int deliver_next(int fd, int64_t time) {
    struct connection *it = &connections[fd];
    char event[EVENT], content[64] = "t=", *begin;
    size_t size;
    if (it->sequence == it->count + 1) {
        size = make_event(event, &begin, it->index, it->sequence, "complete", "", 0);
        memcpy(begin + size, "e\r\ndata: [DONE]\n\n\r\n0\r\n\r\n", 24);
        leave_list(fd);
        deliver(fd, begin, size + 24);
        return 0;
    }
    char *end = append_number(content + 2, time);
    end = APPEND(end, " token ");
    size = make_event(event, &begin, it->index, it->sequence++, "streaming", content, end - content);
    return deliver(fd, begin, size);
}

/* Each stream that has room gets its turn: unpaced ones stop where the socket is full. */
static void deliver_unpaced(void) {
    for (int place = unpaced.size; place-- > 0;) {
        int fd = unpaced.fds[place];
        for (int turn = 0; turn < TURN && !connections[fd].waits_for_room && deliver_next(fd, now()); turn++) continue;
    }
}

static void publish(const char *content, size_t size) {
    static long sequence;
    char event[EVENT], *begin;
    size = make_event(event, &begin, 0, sequence++, "streaming", content, size > 256 ? 256 : size);
    for (int place = fan.size; place-- > 0;) deliver(fan.fds[place], begin, size);
}

static double parameter(const char *path, const char *name) {
    const char *found = strstr(path, name);
    return found ? atof(found + strlen(name)) : 0;
}

static void begin_stream(int fd, const char *path) {
    struct connection *it = &connections[fd];
    double rate = parameter(path, "rate=");
    it->index = parameter(path, "&i=");
    char event[EVENT], *begin;
    size_t size = make_event(event, &begin, it->index, it->sequence++, "started", "", 0);
    if (!deliver(fd, begin, size)) return;
    it->count = parameter(path, "count=");
    if (rate > 0) return schedule(fd, rate);
    it->mode = UNPACED;
    add(&unpaced, fd);
}

static void answer(int fd, const char *request, const char *body, size_t size) {
    static const char head[] =
        "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n";
    static const char accepted[] = "HTTP/1.1 202 Accepted\r\nContent-Length: 0\r\n\r\n";
    if (!strncmp(request, "POST /pub", 9)) {
        publish(body, size);
        deliver(fd, accepted, sizeof accepted - 1);
    } else if (deliver(fd, head, sizeof head - 1)) {
        if (!strncmp(request, "GET /stream", 11)) return begin_stream(fd, request);
        connections[fd].mode = FAN;
        add(&fan, fd);
    }
}

/* A request is small enough to come in one piece, with its body. */
static void receive(int fd) {
    static char request[REQUEST + 1];
    ssize_t count = recv(fd, request, REQUEST, MSG_DONTWAIT);
    if (count < 0 && errno == EAGAIN) return;
    request[count < 0 ? 0 : count] = 0;
    char *end = strstr(request, "\r\n\r\n");
    if (!end) return hang_up(fd);
    answer(fd, request, end + 4, request + count - (end + 4));
}

int main(void) {
    listen_anywhere();
    for (;;) {
        turn(unpaced.size > 0);
        deliver_unpaced();
    }
}
