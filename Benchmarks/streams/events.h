/* What load.c knows of its connections, and the checks of the events that they get. */
#include "bytes.h"
#include "figures.h"

enum { CONTROLS = 64, STREAM_ID = 64, MOST_TOKENS = 1 << 16 };

static struct {
    char kind[16], sessions[4096], counter[4096];
    double port, pid, connections, ramp, tokens, rate, warmup, window, finish, source, stops, cuts, deaf, seed;
} options = {
    .kind = "ask", .connections = 1, .ramp = 1000, .tokens = 100, .rate = 10, .warmup = 1, .window = 5, .seed = 1};

enum role { READER, CONTROL, SOURCE, DEAF };

struct connection {
    enum role role;
    enum state state;
    int fd, index, has_done, is_cut, is_ended, is_stopping;
    struct bytes unparsed, text; /* not a whole head or chunk; not a whole event */
    char stream[STREAM_ID];
    long next, gap, events, window_events; /* `gap`: how many ids the last event has skipped */
    int64_t first, stop_answered, terminal; /* when, in nanoseconds; 0: not yet */
    struct connection *stopped; /* of a control connection: whose stop it has sent, and when */
    int64_t asked;
};

struct arrival {
    int64_t due, last;
    long count;
};

#include "client.h"

static struct connection *readers, controls[CONTROLS], source, deaf;
static int *cut_order;
static int opened, in_window, ready;
static int64_t window_start, window_end;
static struct histogram delivery, carriage, stop_times, answer_times, spread;
static struct arrival *arrivals;
static struct sample before, at_start, at_end;
static long events, window_events, lost, repeated, terminals, completes, short_streams;
static long resumed, stops, running, late_tokens, first_end_min = -1, first_end_max = -1;
static int64_t first_event, last_event;

static void note_first_end(void) {
    first_end_min = first_end_max = readers[0].events;
    for (int index = 1; index < opened; index++) {
        long count = readers[index].events;
        if (count < first_end_min) first_end_min = count;
        if (count > first_end_max) first_end_max = count;
    }
}

static void note_stop(struct connection *it) {
    if (!it->stop_answered || !it->terminal) return;
    record(&stop_times, it->terminal - it->stop_answered);
    it->stop_answered = 0;
}

static void take_terminal(struct connection *it, int is_complete, int64_t time) {
    if (it->is_ended++) fault("a second terminal event in %s", it->stream);
    if (first_end_min < 0) note_first_end();
    terminals++;
    completes += is_complete;
    /* A stop hides what a reader has not got by then; its terminal event holds the whole answer so far. */
    if (!is_complete) lost -= it->gap;
    if (is_complete && *options.kind != 'f' && it->next != (long)options.tokens + 2) short_streams++;
    it->terminal = time;
    if (it->is_stopping) note_stop(it);
}

static void take_token(struct connection *it, const char *content, const char *end, int64_t time) {
    if (it->is_ended) fault("a token after the end of %s", it->stream);
    ready += it->next == 2 && (*options.kind == 'a' || *options.kind == 's');
    if (end - content < 22 || memcmp(content, "t=", 2)) return;
    int64_t made = strtoll(content + 2, NULL, 10), due = made;
    if (!it->first) it->first = made - (it->next - 2) * (options.rate > 0 ? (int64_t)(SECOND / options.rate) : 0);
    if (options.rate > 0 && *options.kind != 'f') {
        int64_t scheduled = it->first + (int64_t)((it->next - 2) * (SECOND / options.rate));
        if (scheduled < due) due = scheduled;
    }
    if (it->stop_answered && made > it->stop_answered) late_tokens++;
    if (in_window) {
        record(&delivery, time - due);
        record(&carriage, time - made);
    }
    if (arrivals && it->next - 1 < MOST_TOKENS) {
        struct arrival *arrival = &arrivals[it->next - 1];
        arrival->due = due;
        arrival->last = time;
        arrival->count++;
    }
}

/* `<stream>:<n>`: the stream that it was, one number on. A watcher's next stream may begin where the last has ended. */
static int take_id(struct connection *it, const char *id, const char *end) {
    const char *colon = memrchr(id, ':', end - id);
    if (!colon || colon - id >= STREAM_ID || colon + 1 == end) return fault("the id %.*s", (int)(end - id), id);
    long sequence = 0;
    for (const char *digit = colon + 1; digit < end; digit++) {
        if (*digit < '0' || *digit > '9') return fault("the id %.*s", (int)(end - id), id);
        sequence = sequence * 10 + *digit - '0';
    }
    size_t size = colon - id;
    if (strncmp(it->stream, id, size) || it->stream[size]) {
        if (it->stream[0] && !it->is_ended) return fault("%.*s within %s", (int)size, id, it->stream);
        memcpy(it->stream, id, size);
        it->stream[size] = 0;
        it->is_ended = 0;
        it->first = 0;
        it->next = *options.kind == 'f' ? sequence : 0; /* who joins the fan late has missed what was before */
    }
    it->gap = sequence > it->next ? sequence - it->next : 0;
    lost += it->gap;
    if (sequence < it->next) repeated++;
    it->next = sequence + 1;
    return 1;
}

static void take_data(struct connection *it, int has_id, const char *data, const char *end, int64_t time) {
    static const char status[] = "{\"status\":\"", content[] = "\",\"content\":\"";
    if (!has_id && starts(data, end, "[DONE]")) {
        if (!it->is_ended || it->has_done++) fault("[DONE] in the middle of %s", it->stream);
        return;
    }
    if (!has_id || !starts(data, end, status) || end[-1] != '}') {
        fault("the data %.*s", end - data > 80 ? 80 : (int)(end - data), data);
        return;
    }
    data += sizeof status - 1;
    it->events++;
    events++;
    if (!first_event) first_event = time;
    last_event = time;
    if (in_window) it->window_events++, window_events++;
    if (starts(data, end, "streaming\"")) {
        data += 9;
        take_token(it, data + (starts(data, end, content) ? sizeof content - 1 : 0), end, time);
    } else if (starts(data, end, "started\"")) {
        if (it->next != 1) fault("a start within %s", it->stream);
    } else if (starts(data, end, "complete\"") || starts(data, end, "cancelled\"")) {
        take_terminal(it, *data == 'c' && data[1] == 'o', time);
    } else fault("the status %.*s", end - data > 80 ? 80 : (int)(end - data), data);
}

static void take_event(struct connection *it, const char *text, const char *end, int64_t time) {
    const char *data = NULL, *data_end = NULL;
    int has_id = 0;
    while (text < end) {
        const char *line_end = memchr(text, '\n', end - text);
        if (!line_end) line_end = end;
        if (starts(text, line_end, "id: ")) {
            if (!take_id(it, text + 4, line_end)) return;
            has_id = 1;
        } else if (starts(text, line_end, "data: ") && !data) data = text + 6, data_end = line_end;
        else if (*text != ':' && !starts(text, line_end, "retry: "))
            fault("the line %.*s", line_end - text > 80 ? 80 : (int)(line_end - text), text);
        text = line_end + 1;
    }
    if (data) take_data(it, has_id, data, data_end, time);
    else if (has_id) fault("an event without data in %s", it->stream);
}
