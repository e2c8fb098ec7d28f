/* What the clients keep of a stream that comes in pieces, how they take chunks apart, and what they find wrong. */
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum state { UNUSED, CONNECTING, HEAD_EXPECTED, BODY, ENDED };

/* Bytes that wait for the rest of what they belong to. */
struct bytes {
    char *start;
    size_t size, room;
};

static long faults, failures;
static char fault_text[200];

/* Keeps the first fault's text: the others mostly follow from it. */
__attribute__((format(printf, 1, 2))) static int fault(const char *format, ...) {
    va_list values;
    va_start(values, format);
    if (!faults++) vsnprintf(fault_text, sizeof fault_text, format, values);
    va_end(values);
    return 0;
}

/* As members of the result, the first fault made fit for JSON. */
static void print_faults(void) {
    for (char *character = fault_text; *character; character++)
        if (*character < ' ' || *character == '"' || *character == '\\') *character = '\'';
    printf(", \"failures\": %ld, \"faults\": %ld, \"fault\": \"%s\"", failures, faults, fault_text);
}

static void keep(struct bytes *bytes, const char *start, size_t size) {
    if (bytes->size + size > bytes->room)
        bytes->start = realloc(bytes->start, bytes->room = (bytes->size + size) * (bytes->size ? 2 : 1));
    memmove(bytes->start + bytes->size, start, size);
    bytes->size += size;
}

static void forget(struct bytes *bytes) {
    free(bytes->start);
    *bytes = (struct bytes){0};
}

static int starts(const char *text, const char *end, const char *prefix) {
    size_t size = strlen(prefix);
    return (size_t)(end - text) >= size && !memcmp(text, prefix, size);
}

/* The length of the chunk at `text` with all its framing, 0 when not all of it is there, -1 when it is none. */
static long chunk_length(const char *text, const char *end, const char **payload, size_t *size) {
    const char *digit = text;
    size_t number = 0;
    for (; digit < end && digit - text < 8; digit++) {
        if (*digit >= '0' && *digit <= '9') number = number * 16 + *digit - '0';
        else if (*digit >= 'a' && *digit <= 'f') number = number * 16 + *digit - 'a' + 10;
        else break;
    }
    if (digit == end || (digit > text && digit + 1 == end)) return 0;
    if (digit == text || digit[0] != '\r' || digit[1] != '\n') return -1;
    *payload = digit + 2;
    *size = number;
    if ((size_t)(end - *payload) < number + 2) return 0;
    return memcmp(*payload + number, "\r\n", 2) ? -1 : *payload + number + 2 - text;
}
