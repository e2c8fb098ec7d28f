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
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { MAX_FD = 65536, TURN = 32, REQUEST = 4096, EVENT = 512, LAG = 1 << 20 };
enum mode { IDLE, PACED, UNPACED, FAN };

/* A connection, by its descriptor. `place` is where it stands in the list of its mode. */
struct connection {
    enum mode mode;
    int index, place, waits_for_room;
    long sequence, count;
    int64_t due, period;
    char *unsent;
    size_t unsent_size;
};

/* Connections in any order, or as a heap by the time their next event is due. */
struct list {
    int size, fds[MAX_FD];
};

static struct connection connections[MAX_FD];
static struct list paced, unpaced, fan;
static int poll_fd, listener;

static int64_t now(void) {
    struct timespec time;
    clock_gettime(CLOCK_REALTIME, &time);
    return time.tv_sec * 1000000000LL + time.tv_nsec;
}

static void put(struct list *list, int place, int fd) {
    list->fds[place] = fd;
    connections[fd].place = place;
}

/* Moves `fd` from `place` to where it belongs in the heap of what is due. */
static void sift(int place, int fd) {
    int64_t due = connections[fd].due;
    for (int up; place > 0 && connections[paced.fds[up = (place - 1) / 2]].due > due; place = up)
        put(&paced, place, paced.fds[up]);
    for (int down; (down = 2 * place + 1) < paced.size; place = down) {
        if (down + 1 < paced.size && connections[paced.fds[down + 1]].due < connections[paced.fds[down]].due) down++;
        if (connections[paced.fds[down]].due >= due) break;
        put(&paced, place, paced.fds[down]);
    }
    put(&paced, place, fd);
}

static void add(struct list *list, int fd) {
    put(list, list->size++, fd);
    if (list == &paced) sift(connections[fd].place, fd);
}

static void leave_list(int fd) {
    struct connection *it = &connections[fd];
    struct list *list = it->mode == PACED ? &paced : it->mode == UNPACED ? &unpaced : it->mode == FAN ? &fan : NULL;
    it->mode = IDLE;
    if (!list) return;
    int last = list->fds[--list->size], place = it->place;
    if (last == fd) return;
    put(list, place, last);
    if (list == &paced) sift(place, last);
}

static void hang_up(int fd) {
    leave_list(fd);
    free(connections[fd].unsent);
    connections[fd] = (struct connection){0};
    close(fd);
}

static void wait_for_room(int fd, int waits) {
    connections[fd].waits_for_room = waits;
    struct epoll_event event = {.events = EPOLLIN | (waits ? EPOLLOUT : 0), .data.fd = fd};
    epoll_ctl(poll_fd, EPOLL_CTL_MOD, fd, &event);
}

/* Sends, and keeps what the socket does not take. False when the connection is gone. */
static int deliver(int fd, const char *bytes, size_t size) {
    struct connection *it = &connections[fd];
    ssize_t sent = it->unsent_size ? 0 : send(fd, bytes, size, MSG_NOSIGNAL | MSG_DONTWAIT);
    if (sent == (ssize_t)size) return 1;
    if ((sent < 0 && errno != EAGAIN) || it->unsent_size > LAG) return hang_up(fd), 0;
    if (sent < 0) sent = 0;
    it->unsent = realloc(it->unsent, it->unsent_size + size - sent);
    memcpy(it->unsent + it->unsent_size, bytes + sent, size - sent);
    it->unsent_size += size - sent;
    if (!it->waits_for_room) wait_for_room(fd, 1);
    return 1;
}

static void deliver_unsent(int fd) {
    struct connection *it = &connections[fd];
    ssize_t sent = send(fd, it->unsent, it->unsent_size, MSG_NOSIGNAL | MSG_DONTWAIT);
    if (sent < 0 && errno == EAGAIN) return;
    if (sent < 0) return hang_up(fd);
    it->unsent_size -= sent;
    memmove(it->unsent, it->unsent + sent, it->unsent_size);
    if (!it->unsent_size) wait_for_room(fd, 0);
}

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

#define APPEND(end, text) mempcpy(end, text, sizeof(text) - 1)

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

static void deliver_due(void) {
    int64_t time = now();
    while (paced.size && connections[paced.fds[0]].due <= time) {
        int fd = paced.fds[0];
        if (!deliver_next(fd, connections[fd].due)) continue;
        connections[fd].due += connections[fd].period;
        sift(connections[fd].place, fd);
    }
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

/* Streams are spread over the period by the golden ratio, which leaves no gap however many there are. */
static void begin_stream(int fd, const char *path) {
    struct connection *it = &connections[fd];
    double rate = parameter(path, "rate="), phase = (it->index = parameter(path, "&i=")) * 0.6180339887498949;
    char event[EVENT], *begin;
    size_t size = make_event(event, &begin, it->index, it->sequence++, "started", "", 0);
    if (!deliver(fd, begin, size)) return;
    it->count = parameter(path, "count=");
    it->mode = rate > 0 ? PACED : UNPACED;
    if (rate > 0) {
        it->period = 1e9 / rate;
        int64_t time = now(), offset = (phase - (int64_t)phase) * it->period;
        it->due = time + (offset - time % it->period + it->period) % it->period;
    }
    add(rate > 0 ? &paced : &unpaced, fd);
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

static void accept_all(void) {
    int fd, on = 1;
    while ((fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC)) >= 0) {
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
        struct epoll_event event = {.events = EPOLLIN, .data.fd = fd};
        if (fd >= MAX_FD || epoll_ctl(poll_fd, EPOLL_CTL_ADD, fd, &event)) close(fd);
    }
}

static void listen_anywhere(void) {
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t length = sizeof address;
    listener = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (listener < 0 || bind(listener, (struct sockaddr *)&address, length) || listen(listener, 4096)) exit(1);
    getsockname(listener, (struct sockaddr *)&address, &length);
    printf("%d\n", ntohs(address.sin_port));
    fflush(stdout);
    poll_fd = epoll_create1(EPOLL_CLOEXEC);
    struct epoll_event event = {.events = EPOLLIN, .data.fd = listener};
    epoll_ctl(poll_fd, EPOLL_CTL_ADD, listener, &event);
}

int main(void) {
    static struct epoll_event events[512];
    listen_anywhere();
    for (;;) {
        int64_t wait = paced.size ? connections[paced.fds[0]].due - now() : 1000000000;
        if (wait < 0 || unpaced.size) wait = 0;
        struct timespec timeout = {wait / 1000000000, wait % 1000000000};
        int count = epoll_pwait2(poll_fd, events, 512, &timeout, NULL);
        for (int place = 0; place < count; place++) {
            int fd = events[place].data.fd;
            if (fd == listener) accept_all();
            else if (events[place].events & EPOLLOUT) deliver_unsent(fd);
            else receive(fd);
        }
        deliver_due();
        deliver_unpaced();
    }
}
