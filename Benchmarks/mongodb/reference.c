/* What libmongoc does when it is used directly, on as many threads as the service has: the yardstick for the Swift layer.
 *   reference URI DATABASE OPERATION THREADS SECONDS
 * OPERATION: find (a session by its id, all fields read), or insert (its room looked up, and a session stored).
 * Prints: operations, seconds, CPU microseconds per operation. */
#include <mongoc/mongoc.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>

#define TIME_OF_TEST 1767225600000LL

static mongoc_client_pool_t *pool;
static const char *database;
static int inserts;
static double deadline;
static atomic_long total;

static double now(void) {
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return time.tv_sec + time.tv_nsec / 1e9;
}

static double cpu(void) {
    struct rusage usage;
    getrusage(RUSAGE_SELF, &usage);
    return usage.ru_utime.tv_sec + usage.ru_stime.tv_sec + (usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e6;
}

static void fail(const char *what, const bson_error_t *error) {
    fprintf(stderr, "%s: %s\n", what, error->message);
    exit(1);
}

/* Returns how many fields it has read. */
static int find(mongoc_client_t *client, const char *name, const bson_t *filter, const bson_t *options) {
    mongoc_collection_t *collection = mongoc_client_get_collection(client, database, name);
    mongoc_cursor_t *cursor = mongoc_collection_find_with_opts(collection, filter, options, NULL);
    const bson_t *document;
    bson_error_t error;
    int fields = 0;
    while (mongoc_cursor_next(cursor, &document)) {
        bson_iter_t iterator;
        bson_iter_init(&iterator, document);
        while (bson_iter_next(&iterator)) fields++;
    }
    if (mongoc_cursor_error(cursor, &error)) fail("find", &error);
    mongoc_cursor_destroy(cursor);
    mongoc_collection_destroy(collection);
    return fields;
}

static void find_session(mongoc_client_t *client, const char *id) {
    bson_t filter = BSON_INITIALIZER;
    BSON_APPEND_UTF8(&filter, "session_id", id);
    if (find(client, "sessions", &filter, NULL) == 0) {
        fprintf(stderr, "no session\n");
        exit(1);
    }
    bson_destroy(&filter);
}

static void insert_session(mongoc_client_t *client, const char *id) {
    bson_t filter = BSON_INITIALIZER, options = BSON_INITIALIZER, child, array;
    BSON_APPEND_UTF8(&filter, "room_id", "benchmark");
    BSON_APPEND_DOCUMENT_BEGIN(&filter, "is_deleted", &child);
    BSON_APPEND_ARRAY_BEGIN(&child, "$nin", &array);
    BSON_APPEND_BOOL(&array, "0", true);
    bson_append_array_end(&child, &array);
    bson_append_document_end(&filter, &child);
    BSON_APPEND_INT64(&options, "limit", 1);
    BSON_APPEND_BOOL(&options, "singleBatch", true);
    if (find(client, "chat_rooms", &filter, &options) == 0) {
        fprintf(stderr, "no room\n");
        exit(1);
    }
    bson_destroy(&filter);
    bson_destroy(&options);

    bson_t document = BSON_INITIALIZER, empty;
    BSON_APPEND_UTF8(&document, "session_id", id);
    BSON_APPEND_UTF8(&document, "user_id", "benchmark");
    BSON_APPEND_UTF8(&document, "room_id", "benchmark");
    BSON_APPEND_DATE_TIME(&document, "created_at", TIME_OF_TEST);
    BSON_APPEND_DATE_TIME(&document, "last_activity", TIME_OF_TEST);
    BSON_APPEND_DATE_TIME(&document, "expires_at", TIME_OF_TEST + 1);
    BSON_APPEND_NULL(&document, "active_agent");
    BSON_APPEND_NULL(&document, "context_from");
    BSON_APPEND_ARRAY_BEGIN(&document, "context_from_by_agent", &empty);
    bson_append_array_end(&document, &empty);
    BSON_APPEND_INT32(&document, "context_version", 0);
    mongoc_collection_t *collection = mongoc_client_get_collection(client, database, "sessions");
    bson_error_t error;
    if (!mongoc_collection_insert_one(collection, &document, NULL, NULL, &error)) fail("insert", &error);
    mongoc_collection_destroy(collection);
    bson_destroy(&document);
}

static void *work(void *argument) {
    long count = 0;
    char id[64];
    while (now() < deadline) {
        mongoc_client_t *client = mongoc_client_pool_pop(pool);
        if (inserts) {
            snprintf(id, sizeof id, "c-%p-%ld", argument, count);
            insert_session(client, id);
        } else {
            snprintf(id, sizeof id, "benchmark-%ld", (long) argument);
            find_session(client, id);
        }
        mongoc_client_pool_push(pool, client);
        count++;
    }
    atomic_fetch_add(&total, count);
    return NULL;
}

int main(int count, char **arguments) {
    if (count != 6) {
        fprintf(stderr, "usage: reference URI DATABASE find|insert THREADS SECONDS\n");
        return 2;
    }
    database = arguments[2];
    inserts = strcmp(arguments[3], "insert") == 0;
    int threads = atoi(arguments[4]);
    double seconds = atof(arguments[5]);
    pthread_t ids[256];
    if (threads < 1 || threads > 256) return 2;

    mongoc_init();
    mongoc_uri_t *uri = mongoc_uri_new(arguments[1]);
    mongoc_uri_set_option_as_int32(uri, MONGOC_URI_MAXPOOLSIZE, threads);
    mongoc_write_concern_t *concern = mongoc_write_concern_new();
    mongoc_write_concern_set_wmajority(concern, 24000);
    mongoc_uri_set_write_concern(uri, concern);
    pool = mongoc_client_pool_new(uri);
    mongoc_client_pool_set_error_api(pool, MONGOC_ERROR_API_VERSION_2);

    double start = now(), used = cpu();
    deadline = start + seconds;
    for (long i = 0; i < threads; i++) pthread_create(&ids[i], NULL, work, (void *) i);
    for (int i = 0; i < threads; i++) pthread_join(ids[i], NULL);
    double took = now() - start;
    used = cpu() - used;
    printf("%ld %.3f %.2f\n", (long) total, took, used * 1e6 / total);

    mongoc_client_pool_destroy(pool);
    mongoc_write_concern_destroy(concern);
    mongoc_uri_destroy(uri);
    mongoc_cleanup();
    return 0;
}
