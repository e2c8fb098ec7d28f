/* The mark that the service is held against: one thread, one epoll, recv, send, and nothing else.
 *
 *   reference SIZE
 *
 * Listens on a free port of 127.0.0.1 and prints it. Answers every request with the same JSON in SIZE bytes, head
 * included, and keeps the connection. It looks for the end of each request's head and for nothing else: no parsing, no
 * routing, no limits, no time-outs. */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

enum { MAX_EVENTS = 256, BUFFER = 16384, MAX_FD = 4096 };

/* How many bytes of the next head's end, "\r\n\r\n", a connection has sent so far. */
static unsigned char matched[MAX_FD];

static char response[BUFFER];
static size_t response_size;

static void fail(const char *what) {
    perror(what);
    exit(1);
}

/* {"status":"alive"} with a head that is padded until both are `size` bytes. */
static void make_response(size_t size) {
    static const char body[] = "{\"status\":\"alive\"}";
    static const char head[] =
        "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 18\r\nX-Padding: ";
    size_t fixed = sizeof head - 1 + 4 + sizeof body - 1;
    if (size < fixed) size = fixed;
    if (size > sizeof response) size = sizeof response;
    char *end = mempcpy(response, head, sizeof head - 1);
    memset(end, 'x', size - fixed);
    end = mempcpy(end + (size - fixed), "\r\n\r\n", 4);
    memcpy(end, body, sizeof body - 1);
    response_size = size;
}

static int listen_anywhere(void) {
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t length = sizeof address;
    int listener = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (listener < 0 || bind(listener, (struct sockaddr *)&address, length) || listen(listener, 1024)) fail("listen");
    getsockname(listener, (struct sockaddr *)&address, &length);
    printf("%d\n", ntohs(address.sin_port));
    fflush(stdout);
    return listener;
}

static void accept_all(int poll, int listener) {
    int connection;
    while ((connection = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC)) >= 0) {
        if (connection >= MAX_FD) {
            close(connection);
            continue;
        }
        int on = 1;
        setsockopt(connection, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
        matched[connection] = 0;
        struct epoll_event event = {.events = EPOLLIN, .data.fd = connection};
        epoll_ctl(poll, EPOLL_CTL_ADD, connection, &event);
    }
}

/* The number of heads that end in these bytes. */
static int count_heads(int connection, const char *bytes, ssize_t count) {
    static const char end[] = "\r\n\r\n";
    unsigned char state = matched[connection];
    int heads = 0;
    for (ssize_t index = 0; index < count; index++) {
        if (bytes[index] == end[state]) state++;
        else state = bytes[index] == '\r';
        if (state == 4) {
            heads++;
            state = 0;
        }
    }
    matched[connection] = state;
    return heads;
}

static void serve(int connection) {
    char bytes[BUFFER];
    ssize_t count = recv(connection, bytes, sizeof bytes, 0);
    if (count < 0 && errno == EAGAIN) return;
    if (count <= 0) {
        close(connection);
        return;
    }
    for (int heads = count_heads(connection, bytes, count); heads > 0; heads--) {
        /* A client that does not take these few bytes is none that is measured here. */
        if (send(connection, response, response_size, MSG_NOSIGNAL) != (ssize_t)response_size) {
            close(connection);
            return;
        }
    }
}

int main(int argc, char **argv) {
    if (argc != 2) {
        fprintf(stderr, "usage: reference SIZE\n");
        return 2;
    }
    make_response(strtoul(argv[1], NULL, 10));
    int listener = listen_anywhere();
    int poll = epoll_create1(EPOLL_CLOEXEC);
    struct epoll_event events[MAX_EVENTS], event = {.events = EPOLLIN, .data.fd = listener};
    if (poll < 0 || epoll_ctl(poll, EPOLL_CTL_ADD, listener, &event)) fail("epoll");
    for (;;) {
        int count = epoll_wait(poll, events, MAX_EVENTS, -1);
        if (count < 0 && errno != EINTR) fail("epoll_wait");
        for (int index = 0; index < count; index++) {
            if (events[index].data.fd == listener) accept_all(poll, listener);
            else serve(events[index].data.fd);
        }
    }
}
