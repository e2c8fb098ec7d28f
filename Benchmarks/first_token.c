/* How long a client waits for the first word of an answer.
 *
 *   first_token PORT TOKENS <session-ids
 *
 * Asks one question in each session, one after the other, and prints one line each: the microseconds from just before
 * the request was sent until the first event with the status "streaming" had been received. Every question has a
 * connection of its own, which is open before the clock starts. */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

static double now_us(void) {
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return time.tv_sec * 1e6 + time.tv_nsec / 1e3;
}

static int connect_to(int port) {
    struct sockaddr_in address = {
        .sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int on = 1, connection = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (connection < 0 || connect(connection, (struct sockaddr *)&address, sizeof address)) {
        perror("connect");
        exit(1);
    }
    setsockopt(connection, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    return connection;
}

/* The time to the first word, or a negative number when the answer had none. Reads the answer to its end. */
static double ask(int port, const char *session, int tokens) {
    static char answer[1 << 20];
    char body[512], request[1024];
    int length = snprintf(
        body, sizeof body,
        "{\"query\":\"How long does it take?\",\"session_id\":\"%s\","
        "\"context\":{\"demo\":{\"tokens\":%d,\"rate\":0}}}",
        session, tokens);
    int size = snprintf(
        request, sizeof request,
        "POST /api/chat/message HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n"
        "Content-Type: application/json\r\nContent-Length: %d\r\n\r\n%s",
        length, body);

    int connection = connect_to(port);
    double start = now_us(), first = -1;
    if (send(connection, request, size, MSG_NOSIGNAL) != size) return -1;
    size_t have = 0;
    ssize_t count;
    while ((count = recv(connection, answer + have, sizeof answer - have, 0)) > 0) {
        have += count;
        if (first < 0 && memmem(answer, have, "\"status\":\"streaming\"", 20)) first = now_us() - start;
    }
    close(connection);
    return memmem(answer, have, "\"status\":\"complete\"", 19) ? first : -1;
}

int main(int argc, char **argv) {
    if (argc != 3) {
        fprintf(stderr, "usage: first_token PORT TOKENS <session-ids\n");
        return 2;
    }
    char session[256];
    while (scanf("%255s", session) == 1) {
        double time = ask(atoi(argv[1]), session, atoi(argv[2]));
        if (time < 0) {
            fprintf(stderr, "no answer in session %s\n", session);
            return 1;
        }
        printf("%.1f\n", time);
    }
    return 0;
}
