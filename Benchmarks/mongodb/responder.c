/* Answers like a MongoDB server, at once and from memory, so that whoever asks is what a measurement shows.
 *   responder
 * Prints the port that it listens on, on loopback. It stores nothing, looks at no more of a command than it needs for an
 * answer of the right form, and trusts its clients: it is for measuring alone, never for tests. */
#include <bson/bson.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#define LARGEST (48 << 20)
#define OP_REPLY 1
#define OP_QUERY 2004
#define OP_MSG 2013
#define TIME_OF_TEST 1767225600000LL

typedef struct {
    int socket;
    size_t filled, size;
    uint8_t *bytes;
} connection_t;

static int32_t number_at(const uint8_t *bytes) {
    int32_t number;
    memcpy(&number, bytes, sizeof number);
    return number;
}

static void die(const char *what) {
    perror(what);
    exit(1);
}

static void append_hello(bson_t *reply) {
    BSON_APPEND_BOOL(reply, "ismaster", true);
    BSON_APPEND_BOOL(reply, "isWritablePrimary", true);
    BSON_APPEND_INT32(reply, "maxBsonObjectSize", 16 << 20);
    BSON_APPEND_INT32(reply, "maxMessageSizeBytes", LARGEST);
    BSON_APPEND_INT32(reply, "maxWriteBatchSize", 100000);
    BSON_APPEND_INT32(reply, "logicalSessionTimeoutMinutes", 30);
    BSON_APPEND_INT32(reply, "minWireVersion", 0);
    BSON_APPEND_INT32(reply, "maxWireVersion", 17);
}

/* A room or session with this id. */
static void append_found(bson_t *batch, uint32_t index, const char *key, const char *id) {
    char digits[16];
    const char *name;
    bson_t document, empty;
    bson_uint32_to_string(index, &name, digits, sizeof digits);
    bson_append_document_begin(batch, name, -1, &document);
    BSON_APPEND_UTF8(&document, key, id);
    BSON_APPEND_UTF8(&document, "user_id", "benchmark");
    if (strcmp(key, "session_id") == 0) {
        BSON_APPEND_UTF8(&document, "room_id", "benchmark");
        BSON_APPEND_DATE_TIME(&document, "created_at", TIME_OF_TEST);
        BSON_APPEND_DATE_TIME(&document, "last_activity", TIME_OF_TEST);
        BSON_APPEND_DATE_TIME(&document, "expires_at", TIME_OF_TEST + 1000);
        BSON_APPEND_NULL(&document, "active_agent");
        BSON_APPEND_NULL(&document, "context_from");
        BSON_APPEND_ARRAY_BEGIN(&document, "context_from_by_agent", &empty);
        bson_append_array_end(&document, &empty);
        BSON_APPEND_INT32(&document, "context_version", 0);
    } else {
        BSON_APPEND_UTF8(&document, "room_name", "benchmark");
        BSON_APPEND_DATE_TIME(&document, "created_at", TIME_OF_TEST);
        BSON_APPEND_DATE_TIME(&document, "last_activity", TIME_OF_TEST);
        BSON_APPEND_INT32(&document, "message_count", 0);
        BSON_APPEND_DOCUMENT_BEGIN(&document, "metadata", &empty);
        bson_append_document_end(&document, &empty);
        BSON_APPEND_BOOL(&document, "is_deleted", false);
        BSON_APPEND_INT32(&document, "slot", 0);
    }
    bson_append_document_end(batch, &document);
}

/* Finds all that it is asked for by the filter's first field, be it one id or `$in` of several. */
static void append_cursor(bson_t *reply, const bson_t *command) {
    bson_t cursor, batch;
    bson_iter_t iterator, filter, condition, ids;
    uint32_t count = 0;
    BSON_APPEND_DOCUMENT_BEGIN(reply, "cursor", &cursor);
    BSON_APPEND_ARRAY_BEGIN(&cursor, "firstBatch", &batch);
    if (bson_iter_init_find(&iterator, command, "filter") && bson_iter_recurse(&iterator, &filter)
        && bson_iter_next(&filter)) {
        const char *key = bson_iter_key(&filter);
        if (BSON_ITER_HOLDS_UTF8(&filter)) {
            append_found(&batch, count++, key, bson_iter_utf8(&filter, NULL));
        } else if (bson_iter_recurse(&filter, &condition) && bson_iter_find(&condition, "$in")
                   && bson_iter_recurse(&condition, &ids)) {
            while (bson_iter_next(&ids)) append_found(&batch, count++, key, bson_iter_utf8(&ids, NULL));
        }
    }
    bson_append_array_end(&cursor, &batch);
    BSON_APPEND_INT64(&cursor, "id", 0);
    BSON_APPEND_UTF8(&cursor, "ns", "benchmark.benchmark");
    bson_append_document_end(reply, &cursor);
}

/* The documents in the sequences behind the command (sections of kind 1). */
static int32_t count_written(const uint8_t *bytes, const uint8_t *end) {
    int32_t count = 0;
    while (bytes < end && *bytes == 1) {
        const uint8_t *section_end = bytes + 1 + number_at(bytes + 1);
        bytes += 5 + strlen((const char *) bytes + 5) + 1;
        for (; bytes < section_end; bytes += number_at(bytes)) count++;
    }
    return count;
}

static void answer(connection_t *connection, const uint8_t *message, int32_t length) {
    static uint8_t out[1 << 20];
    int32_t code = number_at(message + 12), head = 16;
    const uint8_t *body = message + (code == OP_MSG ? 21 : 20 + strlen((const char *) message + 20) + 9);
    bson_t command, reply = BSON_INITIALIZER;
    bson_iter_t iterator;
    if (!bson_init_static(&command, body, number_at(body)) || !bson_iter_init(&iterator, &command)
        || !bson_iter_next(&iterator)) exit(1);
    const char *name = bson_iter_key(&iterator);
    if (strcasecmp(name, "isMaster") == 0 || strcmp(name, "hello") == 0) append_hello(&reply);
    else if (strcmp(name, "find") == 0) append_cursor(&reply, &command);
    else if (strcmp(name, "count") == 0) BSON_APPEND_INT32(&reply, "n", 0);
    else if (strcmp(name, "insert") == 0 || strcmp(name, "update") == 0 || strcmp(name, "delete") == 0) {
        int32_t count = count_written(body + number_at(body), message + length);
        BSON_APPEND_INT32(&reply, "n", count);
        if (*name == 'u') BSON_APPEND_INT32(&reply, "nModified", count);
    }
    BSON_APPEND_DOUBLE(&reply, "ok", 1);

    memset(out, 0, 36);
    if (code == OP_MSG) head = 21;                      /* Flags, and the kind of the section: both zero. */
    else out[head + 16] = 1, head = 36;                 /* Flags, a cursor, a position, one document. */
    int32_t header[] = {head + (int32_t) reply.len, 1, number_at(message + 4), code == OP_MSG ? OP_MSG : OP_REPLY};
    if ((size_t) header[0] > sizeof out) exit(1);
    memcpy(out, header, sizeof header);
    memcpy(out + head, bson_get_data(&reply), reply.len);
    bson_destroy(&reply);
    for (int32_t sent = 0; sent < header[0];) {
        ssize_t count = send(connection->socket, out + sent, header[0] - sent, MSG_NOSIGNAL);
        if (count < 0) return;                          /* Gone: the next read tells. */
        sent += count;
    }
}

/* Returns 0 when the client has gone. */
static int serve(connection_t *connection) {
    if (connection->size - connection->filled < 65536) {
        connection->size = connection->size * 2 + 131072;
        connection->bytes = realloc(connection->bytes, connection->size);
        if (!connection->bytes) die("realloc");
    }
    ssize_t count = recv(connection->socket, connection->bytes + connection->filled,
                         connection->size - connection->filled, 0);
    if (count <= 0) return 0;
    connection->filled += count;
    while (connection->filled >= 16) {
        int32_t length = number_at(connection->bytes);
        if (length < 26 || length > LARGEST) return 0;
        if (connection->filled < (size_t) length) break;
        answer(connection, connection->bytes, length);
        connection->filled -= length;
        memmove(connection->bytes, connection->bytes + length, connection->filled);
    }
    return 1;
}

int main(void) {
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof address;
    int one = 1, listener = socket(AF_INET, SOCK_STREAM, 0), poller = epoll_create1(0);
    if (bind(listener, (struct sockaddr *) &address, size) || listen(listener, 64)) die("listen");
    getsockname(listener, (struct sockaddr *) &address, &size);
    printf("%d\n", ntohs(address.sin_port));
    fflush(stdout);
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = NULL}, events[64];
    epoll_ctl(poller, EPOLL_CTL_ADD, listener, &event);
    for (;;) {
        int count = epoll_wait(poller, events, 64, -1);
        for (int i = 0; i < count; i++) {
            connection_t *connection = events[i].data.ptr;
            if (!connection) {
                if (!(connection = calloc(1, sizeof *connection))) die("calloc");
                connection->socket = accept(listener, NULL, NULL);
                setsockopt(connection->socket, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
                event.data.ptr = connection;
                epoll_ctl(poller, EPOLL_CTL_ADD, connection->socket, &event);
            } else if (!serve(connection)) {
                close(connection->socket);
                free(connection->bytes);
                free(connection);
            }
        }
    }
}
