/* Loads a server with event streams, and checks all it gets.
 *
 *   load OPTION=VALUE…
 *
 *   port=P pid=P        the server; pid for its CPU time and memory
 *   kind=KIND           what each connection asks for:
 *                       ask: a question (POST), watch: a session (GET), both of the service;
 *                       stream: /stream, fan: /fan, both of the reference
 *   sessions=FILE       session ids, one a line; connection i has line i, and begins anew after the last one
 *   connections=N ramp=N   how many, and how many of them a second
 *   tokens=N rate=R     of each answer
 *   warmup=S window=S   the window begins `warmup` after the last connection has its first token, or watches
 *   finish=S            how long after the window the streams may take to end; 0: do not wait for it
 *   source=1            with watch: asks the question in the first session when the window begins;
 *                       with fan: publishes `tokens` events, `rate` a second
 *   stops=N             stops N streams, spread over the window
 *   cuts=1              cuts each connection once, at a random moment of the window, and resumes
 *   deaf=1              one more watcher, which never reads
 *   counter=FILE        two 64-bit numbers that the server counts in (count_calls.c)
 *   seed=N
 *
 * Every byte is checked: the chunks, the fields, the ids of each stream (`<stream>:<n>`, one after the other), and that
 * it ends once. Delivery is measured from when an event was due: from its timestamp, or, where that is earlier, from
 * its place in the schedule that the stream's first event has begun. So a server that falls behind cannot hide it.
 * One JSON object is printed. */
#define _GNU_SOURCE
#include "events.h"

/* The answer to a stop; the control connection is free again. */
static size_t take_stop_answer(struct connection *it, const char *text, size_t size, int64_t time) {
    const char *end = memmem(text, size, "\r\n\r\n", 4), *length = memmem(text, size, "Content-Length: ", 16);
    if (!end || !length || (size_t)(end + 4 - text) + atoi(length + 16) > size) return 0;
    if (memcmp(text, "HTTP/1.1 200", 12) || !memmem(text, size, "stop_requested", 14)) {
        failures++;
        fault("the stop's answer %.*s", size > 150 ? 150 : (int)size, end + 4);
    } else {
        it->stopped->stop_answered = time;
        note_stop(it->stopped);
    }
    record(&answer_times, time - it->asked);
    it->stopped = NULL;
    return size;
}

static size_t take(struct connection *it, const char *text, size_t size, int64_t time) {
    if (it->role == CONTROL) return it->stopped ? take_stop_answer(it, text, size, time) : size;
    if (it->role == SOURCE && *options.kind == 'f') return size;
    size_t used = 0;
    if (it->state == HEAD_EXPECTED && (used = take_head(it, text, size)) && it->state == BODY)
        ready += it->role == READER && (*options.kind == 'w' || *options.kind == 'f');
    return it->state == BODY ? used + take_body(it, text + used, text + size, time) : used;
}

static void take_end(struct connection *it) {
    if (!it->is_ended) fault("an end without a terminal event in %s", it->stream);
    int wants_done = *options.kind == 'a' && it->role == READER && !it->is_cut;
    if (wants_done && !it->has_done) fault("no [DONE] in %s", it->stream);
}

/* ---- Requests */

static void connect_it(struct connection *it, enum role role, int index) {
    it->role = role;
    open_connection(it, options.port, index, role == DEAF ? 4096 : 0);
}

static void ask(struct connection *it) {
    request(
        it, "POST /api/chat/message HTTP/1.1",
        "{\"query\":\"How does a streamed answer reach me?\",\"session_id\":\"%s\","
        "\"context\":{\"demo\":{\"tokens\":%.0f,\"rate\":%g,\"timestamps\":true}}}",
        session_of(it), options.tokens, options.rate);
}

static void greet(struct connection *it) {
    char start[512];
    if (!finish_connecting(it)) return;
    if (it->role == DEAF) epoll_ctl(poll_fd, EPOLL_CTL_DEL, it->fd, NULL);
    if (it->role == CONTROL || (it->role == SOURCE && *options.kind == 'f')) return;
    if (it->role == SOURCE || (*options.kind == 'a' && !it->is_cut)) return ask(it);
    int length;
    if (*options.kind == 's')
        length = snprintf(
            start, sizeof start, "GET /stream?rate=%g&count=%.0f&i=%d HTTP/1.1", options.rate, options.tokens,
            it->index);
    else if (*options.kind == 'f') length = snprintf(start, sizeof start, "GET /fan HTTP/1.1");
    else length = snprintf(start, sizeof start, "GET /api/chat/message?session_id=%s HTTP/1.1", session_of(it));
    if (it->is_cut)
        snprintf(start + length, sizeof start - length, "\r\nLast-Event-ID: %s:%ld", it->stream, it->next - 1);
    request(it, start, "%s", "");
}

/* ---- What happens at its time */

/* Every second connection is cut hard, so that the server sees a reset, the others as a client does that leaves. */
static void cut(struct connection *it) {
    if (it->state != BODY || it->is_ended || !it->next) return;
    struct linger reset = {.l_onoff = it->index % 2, .l_linger = 0};
    setsockopt(it->fd, SOL_SOCKET, SO_LINGER, &reset, sizeof reset);
    end_connection(it);
    it->is_cut = 1;
    resumed++;
    connect_it(it, READER, it->index);
}

static void stop(struct connection *control, struct connection *it) {
    char start[256];
    if (it->is_ended || it->state != BODY) return;
    it->is_stopping = 1;
    control->stopped = it;
    control->asked = now();
    stops++;
    snprintf(start, sizeof start, "POST /api/session/%s/stop HTTP/1.1", session_of(it));
    request(control, start, "%s", "");
}

static void publish(void) {
    request(&source, "POST /pub HTTP/1.1", "t=%lld token ", (long long)now());
}

/* What is due by now of `count` acts that are spread over the window, from *done on. */
static int is_due(long done, long count, int64_t time) {
    return in_window && done < count && time >= window_start + (window_end - window_start) * (done + 0.5) / count;
}

static void act(int64_t time) {
    static long cuts, stop_turns, published;
    while (options.cuts && is_due(cuts, opened, time)) cut(&readers[cut_order[cuts++]]);
    for (int index = 0; index < CONTROLS && is_due(stop_turns, options.stops, time); index++)
        if (!controls[index].stopped)
            stop(&controls[index], &readers[(long)(stop_turns++ * (double)opened / options.stops)]);
    if (*options.kind == 'f' && options.source && published < options.tokens && in_window
        && time >= window_start + published * (SECOND / options.rate)) {
        published++;
        publish();
    }
}

static void begin_window(void) {
    take_sample(&at_start, options.pid, options.counter);
    window_start = now();
    window_end = window_start + options.window * SECOND;
    in_window = 1;
    if (options.source && *options.kind == 'w') connect_it(&source, SOURCE, 0);
}

static int is_over(int64_t time) {
    if (in_window && time >= window_end) {
        in_window = 0;
        for (int index = 0; index < opened; index++)
            running += readers[index].state == BODY && !readers[index].is_ended;
        take_sample(&at_end, options.pid, options.counter);
    }
    if (!window_end || in_window) return 0;
    if (time >= window_end + options.finish * SECOND) return 1;
    /* A watcher stays for the session's next stream. */
    int stays = *options.kind == 'w';
    for (int index = 0; index < opened; index++)
        if (readers[index].state != ENDED && !(readers[index].is_ended && (stays || readers[index].is_cut))) return 0;
    return 1;
}

static void run(void) {
    static struct epoll_event ended[512];
    int64_t start = now(), ready_at = 0, last_check = 0;
    for (;;) {
        int64_t time = now();
        for (int batch = 0; batch < 64 && opened < options.connections; batch++) {
            if ((time - start) / 1e9 * options.ramp < opened) break;
            connect_it(&readers[opened], READER, opened);
            opened++;
        }
        if (!ready_at && ready + failures >= options.connections) ready_at = time;
        if (ready_at && !window_end && time >= ready_at + options.warmup * SECOND) begin_window();
        if (!window_end && time > start + 120 * SECOND) fault("not all connections were answered"), exit(1);
        act(time);
        if (time - last_check > SECOND / 1000) {
            last_check = time;
            if (is_over(time)) return;
        }
        int count = epoll_wait(poll_fd, ended, 512, 1);
        for (int place = 0; place < count; place++) {
            struct connection *it = ended[place].data.ptr;
            if (it->state == CONNECTING) greet(it);
            else if (it->state != ENDED) receive(it);
        }
    }
}

/* ---- Beginning and end */

static void print_arrivals(void) {
    long complete = 0;
    for (long number = 0; arrivals && number < MOST_TOKENS; number++) {
        if (arrivals[number].count < options.connections) continue;
        complete++;
        record(&spread, arrivals[number].last - arrivals[number].due);
    }
    printf(", \"reached_all\": %ld, \"last_p50_ms\": %.3f", complete, milliseconds(&spread, 0.5));
    printf(", \"last_max_ms\": %.3f", spread.max / 1e6);
}

static void print_result(void) {
    double window = at_end.at - at_start.at;
    long least = -1, most = 0;
    for (int index = 0; index < opened; index++) {
        long count = readers[index].window_events;
        if (least < 0 || count < least) least = count;
        if (count > most) most = count;
    }
    printf("{\"connections\": %d, \"ready\": %d, \"running\": %ld", opened, ready, running);
    printf(", \"window_s\": %.3f", window);
    printf(", \"events\": %ld, \"events_s\": %.4f, \"reads\": %ld", events, (last_event - first_event) / 1e9, reads);
    printf(", \"window_events\": %ld, \"window_min\": %ld, \"window_max\": %ld", window_events, least, most);
    printf(", \"first_end_min\": %ld, \"first_end_max\": %ld", first_end_min, first_end_max);
    printf(", \"lost\": %ld, \"repeated\": %ld, \"terminals\": %ld", lost, repeated, terminals);
    printf(", \"completes\": %ld, \"short\": %ld, \"resumed\": %ld", completes, short_streams, resumed);
    printf(", \"p50_ms\": %.3f, \"p99_ms\": %.3f", milliseconds(&delivery, 0.5), milliseconds(&delivery, 0.99));
    printf(", \"max_ms\": %.3f, \"made_p99_ms\": %.3f", delivery.max / 1e6, milliseconds(&carriage, 0.99));
    printf(", \"stops\": %ld, \"stops_measured\": %ld", stops, stop_times.count);
    printf(", \"stop_p50_ms\": %.3f", milliseconds(&stop_times, 0.5));
    printf(", \"stop_p99_ms\": %.3f, \"stop_max_ms\": %.3f", milliseconds(&stop_times, 0.99), stop_times.max / 1e6);
    printf(", \"stop_answer_p50_ms\": %.3f", milliseconds(&answer_times, 0.5));
    printf(", \"stop_answer_p99_ms\": %.3f", milliseconds(&answer_times, 0.99));
    printf(", \"late_tokens\": %ld", late_tokens);
    print_arrivals();
    printf(", \"server_cpu_s\": %.3f", at_end.server - at_start.server);
    double used = at_end.server - at_start.server + at_end.own - at_start.own;
    printf(", \"load_cpu\": %.3f", (at_end.own - at_start.own) / window);
    printf(", \"others_cpu\": %.3f", (at_end.machine - at_start.machine - used) / window);
    printf(", \"rss_before_kib\": %ld, \"rss_start_kib\": %ld", before.rss, at_start.rss);
    printf(", \"rss_end_kib\": %ld", at_end.rss);
    printf(", \"allocations\": %ld", (long)(at_end.counters[0] - at_start.counters[0]));
    printf(", \"sends\": %ld", (long)(at_end.counters[1] - at_start.counters[1]));
    print_faults();
    printf("}\n");
}

/* A random order, the same for the same seed. */
static void shuffle(void) {
    unsigned seed = options.seed;
    cut_order = calloc(options.connections, sizeof *cut_order);
    for (int index = 0; index < options.connections; index++) {
        int other = rand_r(&seed) % (index + 1);
        cut_order[index] = cut_order[other];
        cut_order[other] = index;
    }
}

int main(int argc, char **argv) {
    const struct option known[] = {
        {"kind", NULL, options.kind, sizeof options.kind},
        {"sessions", NULL, options.sessions, sizeof options.sessions},
        {"counter", NULL, options.counter, sizeof options.counter}, {"port", &options.port, NULL, 0},
        {"pid", &options.pid, NULL, 0}, {"connections", &options.connections, NULL, 0},
        {"ramp", &options.ramp, NULL, 0}, {"tokens", &options.tokens, NULL, 0}, {"rate", &options.rate, NULL, 0},
        {"warmup", &options.warmup, NULL, 0}, {"window", &options.window, NULL, 0},
        {"finish", &options.finish, NULL, 0}, {"source", &options.source, NULL, 0}, {"stops", &options.stops, NULL, 0},
        {"cuts", &options.cuts, NULL, 0}, {"deaf", &options.deaf, NULL, 0}, {"seed", &options.seed, NULL, 0},
    };
    for (int place = 1; place < argc; place++) set_option(known, sizeof known / sizeof *known, argv[place]);
    if (options.sessions[0]) read_sessions(options.sessions);
    readers = calloc(options.connections, sizeof *readers);
    if (options.source) arrivals = calloc(MOST_TOKENS, sizeof *arrivals);
    poll_fd = epoll_create1(EPOLL_CLOEXEC);
    shuffle();
    take_sample(&before, options.pid, options.counter);
    for (int index = 0; options.stops && index < CONTROLS; index++) connect_it(&controls[index], CONTROL, index);
    if (options.source && *options.kind == 'f') connect_it(&source, SOURCE, 0);
    if (options.deaf) connect_it(&deaf, DEAF, 0);
    run();
    print_result();
    /* Reset, so that the server sees at once that nobody is there; an end alone could be that of the requests. */
    struct linger reset = {.l_onoff = 1, .l_linger = 0};
    for (int index = 0; index < opened; index++)
        if (readers[index].state != ENDED) setsockopt(readers[index].fd, SOL_SOCKET, SO_LINGER, &reset, sizeof reset);
    return 0;
}
