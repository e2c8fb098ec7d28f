/* What the servers in C have in common: connections, what they do not take at once, and a schedule.
 *
 * The program says what it does with what a connection sends, and what is due next. */
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

enum { MAX_FD = 65536, LAG = 1 << 20 };
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

/* The program's. `deliver_next` is false when there is nothing left to send, or nobody to send it to. */
static void receive(int fd);
static int deliver_next(int fd, int64_t time);

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

#define APPEND(end, text) mempcpy(end, text, sizeof(text) - 1)

static void deliver_due(void) {
    int64_t time = now();
    while (paced.size && connections[paced.fds[0]].due <= time) {
        int fd = paced.fds[0];
        if (!deliver_next(fd, connections[fd].due)) continue;
        connections[fd].due += connections[fd].period;
        sift(connections[fd].place, fd);
    }
}

/* `rate` events a second from now on, the first within a period. Connections with different `index` are spread evenly
 * over the period by the golden ratio, which leaves no gap however many there are, whenever they began. */
static void schedule(int fd, double rate) {
    struct connection *it = &connections[fd];
    double phase = it->index * 0.6180339887498949;
    it->mode = PACED;
    it->period = 1e9 / rate;
    int64_t time = now(), offset = (phase - (int64_t)phase) * it->period;
    it->due = time + (offset - time % it->period + it->period) % it->period;
    add(&paced, fd);
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

/* What has come, and what is due; waits for either, unless it hurries. */
static void turn(int hurries) {
    static struct epoll_event events[512];
    int64_t wait = paced.size ? connections[paced.fds[0]].due - now() : 1000000000;
    if (wait < 0 || hurries) wait = 0;
    struct timespec timeout = {wait / 1000000000, wait % 1000000000};
    int count = epoll_pwait2(poll_fd, events, 512, &timeout, NULL);
    for (int place = 0; place < count; place++) {
        int fd = events[place].data.fd;
        if (fd == listener) accept_all();
        else if (events[place].events & EPOLLOUT) deliver_unsent(fd);
        else receive(fd);
    }
    deliver_due();
}
