/* Asks a relay for answers, and its upstream for some directly at the same time; checks all tokens, and times them.
 *
 *   load OPTION=VALUE…
 *
 *   port=P pid=P        the relay; pid for its CPU time and memory
 *   kind=KIND           how it is asked: service: RoomService's /api/chat/message; completions: OpenAI's API
 *   sessions=FILE       session ids of the service, one a line; connection i has line i
 *   connections=N       answers asked of the relay
 *   direct=N upstream_port=P upstream_pid=P   answers asked of upstream.c beside them
 *   ramp=N              how many of both a second; the direct ones are spread among the others
 *   tokens=N rate=R     of each answer, as upstream.c was told
 *   warmup=S window=S   the window begins `warmup` after the last answer has its first token
 *   patience=S          or after the last was asked for, where some do not come
 *   finish=S            how long after the window the answers may take to end; 0: do not wait for it
 *
 * The delay of a token is the time from its timestamp, which upstream.c takes when it writes it, to when it is read
 * here: the same for all kinds. Of each answer every token must come once and in order, from one answer of the upstream,
 * which nobody else gets; then its end, and [DONE]. One JSON object is printed. */
#define _GNU_SOURCE
#include "../streams/bytes.h"
#include "../streams/figures.h"

enum { MOST_ANSWERS = 1 << 20 };

static struct {
    char kind[16], sessions[4096];
    double port, pid, upstream_port, upstream_pid, connections, direct, ramp, tokens, rate, warmup, window, patience,
        finish;
} options = {.kind = "completions", .ramp = 1000, .tokens = 100, .rate = 10, .warmup = 1, .window = 5, .patience = 30};

/* What came by one of the two ways. */
struct way {
    struct histogram delay;
    long tokens, window_tokens, running;
};

struct connection {
    enum state state;
    int fd, index, is_direct, is_ended, has_done;
    struct bytes unparsed, text;
    long events, next; /* `next`: the token that is expected */
    int answer; /* its number at the upstream */
    int64_t first; /* when the first token was due, by the schedule that it has begun */
};

#include "../streams/client.h"

static struct connection *readers;
static struct way relayed, direct;
static int opened, ready, in_window;
static int64_t window_start, window_end;
static long lost, repeated, completes, short_answers;
static struct histogram lateness; /* the upstream's */
static struct sample before, at_start, at_end, upstream_start, upstream_end;
static char has_answer[MOST_ANSWERS]; /* by its number at the upstream */

/* ---- Checks */

static struct way *way_of(const struct connection *it) {
    return it->is_direct ? &direct : &relayed;
}

static void begin_answer(struct connection *it, int answer, int64_t made) {
    it->answer = answer;
    it->first = made;
    if (has_answer[answer]++) fault("the answer %d came twice", answer);
    ready++;
}

static void take_token(struct connection *it, int64_t made, int answer, long number, int64_t time) {
    struct way *way = way_of(it);
    if (it->is_ended) fault("a token after the end of the answer %d", it->answer);
    if (!it->first) begin_answer(it, answer, made);
    if (answer != it->answer) fault("a token of the answer %d in the answer %d", answer, it->answer);
    if (number > it->next) lost += number - it->next;
    if (number < it->next) repeated++;
    it->next = number + 1;
    way->tokens++;
    if (!in_window) return;
    way->window_tokens++;
    record(&way->delay, time - made);
    record(&lateness, made - it->first - (int64_t)(number * (SECOND / options.rate)));
}

/* All tokens in a text: `t=<time> <answer>:<n> `. A relay may bring several at a time. With `whole` it is the whole
 * answer once more, in an event that ends it. (Numbers end within what was read: a text is followed by a line's end.) */
static void take_tokens(struct connection *it, const char *text, const char *end, int whole, int64_t time) {
    long count = 0;
    while ((text = memmem(text, end - text, "t=", 2))) {
        char *after;
        int64_t made = strtoll(text + 2, &after, 10);
        long answer = *after == ' ' ? strtol(after + 1, &after, 10) : -1;
        long number = *after == ':' ? strtol(after + 1, &after, 10) : -1;
        if (answer < 0 || answer >= MOST_ANSWERS || number < 0 || *after != ' ') {
            fault("the token %.*s", end - text > 60 ? 60 : (int)(end - text), text);
            return;
        }
        if (!whole) take_token(it, made, answer, number, time);
        else if (number != count++ || answer != it->answer) fault("the whole answer %d has %ld", it->answer, number);
        text = after;
    }
    if (whole && count != it->next) fault("the whole answer %d has %ld tokens, not %ld", it->answer, count, it->next);
}

static void take_terminal(struct connection *it) {
    if (it->is_ended++) fault("a second end of the answer %d", it->answer);
    completes++;
    short_answers += it->next != (long)options.tokens;
}

static void take_data(struct connection *it, const char *data, const char *end, int64_t time) {
    static const char complete[] = "{\"status\":\"complete\"", reason_name[] = "\"finish_reason\":";
    it->events++;
    if (starts(data, end, "[DONE]")) {
        if (!it->is_ended || it->has_done++) fault("[DONE] in the middle of the answer %d", it->answer);
        return;
    }
    if (*data != '{' || end[-1] != '}') fault("the data %.*s", end - data > 80 ? 80 : (int)(end - data), data);
    int is_service = !it->is_direct && *options.kind == 's', is_complete = is_service && starts(data, end, complete);
    take_tokens(it, data, end, is_complete, time);
    if (is_service) {
        if (is_complete) take_terminal(it);
        else if (!starts(data, end, "{\"status\":\"st")) fault("the event %.*s", (int)(end - data), data);
        return;
    }
    const char *reason = memmem(data, end - data, reason_name, sizeof reason_name - 1);
    if (reason && memmem(reason, end - reason, "\"stop\"", 6)) take_terminal(it);
}

static void take_event(struct connection *it, const char *text, const char *end, int64_t time) {
    while (text < end) {
        const char *line_end = memchr(text, '\n', end - text);
        if (!line_end) line_end = end;
        if (starts(text, line_end, "data: ")) take_data(it, text + 6, line_end, time);
        else if (*text != ':' && !starts(text, line_end, "id: ") && !starts(text, line_end, "retry: "))
            fault("the line %.*s", line_end - text > 80 ? 80 : (int)(line_end - text), text);
        text = line_end + 1;
    }
}

static void take_end(struct connection *it) {
    if (!it->has_done) fault("no [DONE] in the answer %d", it->answer);
}

static size_t take(struct connection *it, const char *text, size_t size, int64_t time) {
    size_t used = it->state == HEAD_EXPECTED ? take_head(it, text, size) : 0;
    return it->state == BODY ? used + take_body(it, text + used, text + size, time) : used;
}

/* ---- Requests */

static void greet(struct connection *it) {
    static const char question[] = "How does a streamed answer reach me?";
    if (!finish_connecting(it)) return;
    if (it->is_direct || *options.kind != 's')
        request(
            it, "POST /v1/chat/completions HTTP/1.1\r\nAuthorization: Bearer sk-key-of-the-relays-benchmark",
            "{\"model\":\"bench\",\"stream\":true,\"stream_options\":{\"include_usage\":true},"
            "\"messages\":[{\"role\":\"user\",\"content\":\"%s\"}]}",
            question);
    else
        request(
            it, "POST /api/chat/message HTTP/1.1", "{\"query\":\"%s\",\"session_id\":\"%s\"}", question,
            session_of(it));
}

/* Connections of both ways, in the proportion of their numbers. */
static void open_next(void) {
    static int directs;
    struct connection *it = &readers[opened];
    double all = options.connections + options.direct;
    it->is_direct = directs < options.direct && (opened + 0.5) * options.direct / all >= directs;
    int index = it->is_direct ? directs++ : opened - directs;
    open_connection(it, it->is_direct ? options.upstream_port : options.port, index, 0);
    opened++;
}

/* ---- Beginning and end */

static void begin_window(void) {
    take_sample(&at_start, options.pid, "");
    take_sample(&upstream_start, options.upstream_pid, "");
    window_start = now();
    window_end = window_start + options.window * SECOND;
    in_window = 1;
}

static void end_window(void) {
    in_window = 0;
    for (int index = 0; index < opened; index++)
        way_of(&readers[index])->running += readers[index].state == BODY && !readers[index].is_ended;
    take_sample(&at_end, options.pid, "");
    take_sample(&upstream_end, options.upstream_pid, "");
}

static int is_over(int64_t time) {
    if (in_window && time >= window_end) end_window();
    if (!window_end || in_window) return 0;
    if (time >= window_end + options.finish * SECOND) return 1;
    for (int index = 0; index < opened; index++)
        if (readers[index].state != ENDED) return 0;
    return 1;
}

static void run(void) {
    static struct epoll_event arrived[512];
    int64_t start = now(), ready_at = 0, opened_at = 0, last_check = 0;
    int all = options.connections + options.direct;
    for (;;) {
        int64_t time = now();
        for (int batch = 0; batch < 16 && opened < all && (time - start) / 1e9 * options.ramp >= opened; batch++)
            open_next();
        if (!opened_at && opened == all) opened_at = time;
        if (!ready_at && opened_at && (ready + failures >= all || time >= opened_at + options.patience * SECOND))
            ready_at = time;
        if (ready_at && !window_end && time >= ready_at + options.warmup * SECOND) begin_window();
        if (time - last_check > SECOND / 1000) {
            last_check = time;
            if (is_over(time)) return;
        }
        int count = epoll_wait(poll_fd, arrived, 512, 1);
        for (int place = 0; place < count; place++) {
            struct connection *it = arrived[place].data.ptr;
            if (it->state == CONNECTING) greet(it);
            else if (it->state != ENDED) receive(it);
        }
    }
}

static void print_way(const char *prefix, const struct way *way) {
    double window = at_end.at - at_start.at;
    printf("\"%srunning\": %ld", prefix, way->running);
    printf(", \"%stokens\": %ld, \"%swindow_tokens\": %ld", prefix, way->tokens, prefix, way->window_tokens);
    printf(", \"%stokens_per_s\": %.1f", prefix, way->window_tokens / window);
    printf(", \"%sp50_ms\": %.4f", prefix, milliseconds(&way->delay, 0.5));
    printf(", \"%sp99_ms\": %.4f", prefix, milliseconds(&way->delay, 0.99));
    printf(", \"%smax_ms\": %.4f, ", prefix, way->delay.max / 1e6);
}

static void print_result(void) {
    double window = at_end.at - at_start.at, own = at_end.own - at_start.own, server = at_end.server - at_start.server;
    double upstream = upstream_end.server - upstream_start.server;
    double known = own + server + (options.pid == options.upstream_pid ? 0 : upstream);
    printf("{");
    print_way("", &relayed);
    print_way("direct_", &direct);
    printf("\"lost\": %ld, \"repeated\": %ld, \"completes\": %ld", lost, repeated, completes);
    printf(", \"short\": %ld, \"ready\": %d, \"reads\": %ld, \"window_s\": %.3f", short_answers, ready, reads, window);
    printf(", \"late_p99_ms\": %.3f", milliseconds(&lateness, 0.99));
    printf(", \"server_cpu_s\": %.3f, \"server_cpu\": %.3f", server, server / window);
    printf(", \"upstream_cpu_s\": %.3f, \"upstream_cpu\": %.3f", upstream, upstream / window);
    printf(", \"load_cpu\": %.3f", own / window);
    printf(", \"others_cpu\": %.3f", (at_end.machine - at_start.machine - known) / window);
    printf(", \"rss_before_kib\": %ld, \"rss_start_kib\": %ld", before.rss, at_start.rss);
    printf(", \"rss_end_kib\": %ld", at_end.rss);
    print_faults();
    printf("}\n");
}

int main(int argc, char **argv) {
    const struct option known[] = {
        {"kind", NULL, options.kind, sizeof options.kind},
        {"sessions", NULL, options.sessions, sizeof options.sessions}, {"port", &options.port, NULL, 0},
        {"pid", &options.pid, NULL, 0}, {"upstream_port", &options.upstream_port, NULL, 0},
        {"upstream_pid", &options.upstream_pid, NULL, 0}, {"connections", &options.connections, NULL, 0},
        {"direct", &options.direct, NULL, 0}, {"ramp", &options.ramp, NULL, 0}, {"tokens", &options.tokens, NULL, 0},
        {"rate", &options.rate, NULL, 0}, {"warmup", &options.warmup, NULL, 0}, {"window", &options.window, NULL, 0},
        {"patience", &options.patience, NULL, 0}, {"finish", &options.finish, NULL, 0},
    };
    for (int place = 1; place < argc; place++) set_option(known, sizeof known / sizeof *known, argv[place]);
    if (options.sessions[0]) read_sessions(options.sessions);
    readers = calloc(options.connections + options.direct, sizeof *readers);
    poll_fd = epoll_create1(EPOLL_CLOEXEC);
    take_sample(&before, options.pid, "");
    run();
    print_result();
    return 0;
}
