/* What load.c measures with: histograms, and samples of the server's and its own use of the machine. */
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define SECOND 1000000000LL

/* 32 buckets for each power of two: within 3 %. */
struct histogram {
    long count, buckets[64 * 32];
    int64_t max;
};

struct sample {
    double server, own, machine, at; /* seconds of CPU time, and when */
    long rss;
    uint64_t counters[2];
};

static int64_t now(void) {
    struct timespec time;
    clock_gettime(CLOCK_REALTIME, &time);
    return time.tv_sec * SECOND + time.tv_nsec;
}

static void fail(const char *what) {
    perror(what);
    exit(1);
}

static void record(struct histogram *histogram, int64_t value) {
    uint64_t number = value < 0 ? 0 : value;
    int shift = number < 64 ? 0 : 58 - __builtin_clzll(number);
    histogram->buckets[shift * 32 + (number >> shift)]++;
    histogram->count++;
    if (value > histogram->max) histogram->max = value;
}

static double milliseconds(const struct histogram *histogram, double quantile) {
    long wanted = quantile * histogram->count, seen = 0;
    for (int place = 0; place < 64 * 32; place++) {
        seen += histogram->buckets[place];
        int shift = place < 64 ? 0 : place / 32 - 1;
        if (seen > wanted) return ((uint64_t)(place - shift * 32) << shift) / 1e6;
    }
    return histogram->max / 1e6;
}

/* `counter` is a file that count_calls.c writes, or nothing. */
static void take_sample(struct sample *sample, int pid, const char *counter_path) {
    char path[64], text[1024] = "";
    long user = 0, kernel = 0;
    snprintf(path, sizeof path, "/proc/%d/stat", pid);
    FILE *file = fopen(path, "r");
    if (file && fread(text, 1, sizeof text - 1, file) && strrchr(text, ')'))
        sscanf(strrchr(text, ')') + 2, "%*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %ld %ld", &user, &kernel);
    if (file) fclose(file);
    sample->server = (user + kernel) / (double)sysconf(_SC_CLK_TCK);
    snprintf(path, sizeof path, "/proc/%d/status", pid);
    file = fopen(path, "r");
    while (file && fgets(text, sizeof text, file)) sscanf(text, "VmRSS: %ld", &sample->rss);
    if (file) fclose(file);
    long ticks[8] = {0};
    file = fopen("/proc/stat", "r");
    if (file && fscanf(file, "cpu %ld %ld %ld %ld %ld %ld %ld %ld", ticks, ticks + 1, ticks + 2, ticks + 3, ticks + 4,
                       ticks + 5, ticks + 6, ticks + 7) != 8) ticks[0] = 0;
    if (file) fclose(file);
    /* All but idle and waiting for a disk; stolen by the host is used, too. */
    long busy = ticks[0] + ticks[1] + ticks[2] + ticks[5] + ticks[6] + ticks[7];
    sample->machine = busy / (double)sysconf(_SC_CLK_TCK);
    int counter = open(counter_path, O_RDONLY);
    if (counter >= 0 && read(counter, sample->counters, sizeof sample->counters) < 0) fail("counter");
    if (counter >= 0) close(counter);
    struct timespec used;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &used);
    sample->own = used.tv_sec + used.tv_nsec / 1e9;
    sample->at = now() / 1e9;
}
