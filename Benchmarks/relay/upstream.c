/* A language model's API as far as a relay sees it: any number of answers at a time, each token at its time.
 *
 *   upstream TOKENS RATE
 *
 * Listens on a free port of 127.0.0.1 and prints it. Any `POST …/chat/completions` is answered by a stream of chunks
 * of OpenAI's form: one that names the role, TOKENS with a token each, RATE of them a second, and together, when the
 * next one would be due, `finish_reason`, usage and `[DONE]`. What is asked is not looked at. Each chunk is one chunk
 * of HTTP, and one send(). Connections are kept.
 *
 * A token is `t=<nanoseconds of CLOCK_REALTIME when it was written> <answer>:<n> `: where it is read, its delay can be
 * measured, and whether it is the right one. Answers and tokens are counted from 0. */
#define _GNU_SOURCE
#include <stdarg.h>
#include <sys/prctl.h>

#include "../streams/server.h"

enum { REQUEST = 1 << 20, CHUNKS = 2048 };

/* The part of a request that has come, by descriptor. */
static struct {
    char *text;
    size_t size;
} requests[MAX_FD];

static long tokens;
static double rate;
static int answers;

/* A chunk for an answer, in a chunk of HTTP. Returns where it ends. */
__attribute__((format(printf, 3, 4))) static char *append_chunk(char *end, int answer, const char *format, ...) {
    char text[512];
    va_list values;
    int size = sprintf(
        text, "data: {\"id\":\"chatcmpl-BenchmarkOfTheRelay%08d\",\"object\":\"chat.completion.chunk\","
        "\"created\":1764000000,\"model\":\"bench-2025-11-24\",\"system_fingerprint\":\"fp_44709d6fcb\",", answer);
    va_start(values, format);
    size += vsnprintf(text + size, sizeof text - size, format, values);
    va_end(values);
    return end + sprintf(end, "%x\r\n%s}\n\n\r\n", size + 3, text);
}

#define CHOICE(delta, reason) \
    "\"choices\":[{\"index\":0,\"delta\":" delta ",\"logprobs\":null,\"finish_reason\":" reason "}],\"usage\":null"

static char *append_end(char *end, int answer) {
    end = append_chunk(end, answer, CHOICE("{}", "\"stop\""));
    end = append_chunk(
        end, answer, "\"choices\":[],\"usage\":{\"prompt_tokens\":20,\"completion_tokens\":%ld,\"total_tokens\":%ld}",
        tokens, tokens + 20);
    return APPEND(end, "e\r\ndata: [DONE]\n\n\r\n0\r\n\r\n");
}

/* The connection is free for the next request after the last one. */
static int deliver_next(int fd, int64_t due) {
    struct connection *it = &connections[fd];
    char chunks[CHUNKS];
    (void)due;
    if (it->sequence == it->count) {
        leave_list(fd);
        deliver(fd, chunks, append_end(chunks, it->index) - chunks);
        return 0;
    }
    char *end = append_chunk(
        chunks, it->index, CHOICE("{\"content\":\"t=%lld %d:%ld \"}", "null"), (long long)now(), it->index,
        it->sequence++);
    return deliver(fd, chunks, end - chunks);
}

static void answer(int fd, int is_known) {
    static const char unknown[] = "HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n";
    struct connection *it = &connections[fd];
    char chunks[CHUNKS];
    if (!is_known) {
        deliver(fd, unknown, sizeof unknown - 1);
        return;
    }
    it->index = answers++;
    it->sequence = 0;
    it->count = tokens;
    char *end = APPEND(
        chunks, "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream; charset=utf-8\r\nCache-Control: no-cache\r\n"
        "Transfer-Encoding: chunked\r\n\r\n");
    end = append_chunk(
        end, it->index, CHOICE("{\"role\":\"assistant\",\"content\":\"\",\"refusal\":null}", "null"));
    if (deliver(fd, chunks, end - chunks)) schedule(fd, rate);
}

static void forget_request(int fd) {
    free(requests[fd].text);
    requests[fd].text = NULL;
    requests[fd].size = 0;
}

/* The size of the whole request, body included, once its head is there; 0 before. */
static size_t request_size(const char *text) {
    const char *end = strstr(text, "\r\n\r\n"), *length = strcasestr(text, "\r\nContent-Length:");
    if (!end) return 0;
    return end + 4 - text + (length && length < end ? atol(length + 17) : 0);
}

static void receive(int fd) {
    static char piece[65536];
    ssize_t count = recv(fd, piece, sizeof piece, MSG_DONTWAIT);
    if (count < 0 && errno == EAGAIN) return;
    size_t held = requests[fd].size;
    /* Nothing may be asked while an answer runs. */
    if (count <= 0 || connections[fd].mode != IDLE || held + count > REQUEST) {
        forget_request(fd);
        return hang_up(fd);
    }
    char *text = requests[fd].text = realloc(requests[fd].text, held + count + 1);
    memcpy(text + held, piece, count);
    requests[fd].size = held += count;
    text[held] = 0;
    size_t wanted = request_size(text);
    if (!wanted || held < wanted) return;
    const char *path_end = strstr(text, " HTTP/1.1\r\n");
    int is_known = !strncmp(text, "POST ", 5) && path_end && path_end - text > 22
                   && !strncmp(path_end - 17, "/chat/completions", 17);
    forget_request(fd);
    answer(fd, is_known);
}

int main(int argc, char **argv) {
    if (argc == 3) tokens = atol(argv[1]), rate = atof(argv[2]);
    if (tokens < 1 || !(rate > 0)) return fprintf(stderr, "upstream TOKENS RATE\n"), 2;
    /* Each token at its time: the kernel would gather those of 50 µs. */
    prctl(PR_SET_TIMERSLACK, 1);
    listen_anywhere();
    for (;;) turn(0);
}
