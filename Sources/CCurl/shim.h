/* libcurl, and what of it Swift cannot call: functions with variable arguments. */
#define CURL_DISABLE_TYPECHECK
#include <curl/curl.h>

static inline CURLcode cc_set_long(CURL *easy, CURLoption option, long value) {
    return curl_easy_setopt(easy, option, value);
}

static inline CURLcode cc_set_text(CURL *easy, CURLoption option, const char *value) {
    return curl_easy_setopt(easy, option, value);
}

static inline CURLcode cc_set_pointer(CURL *easy, CURLoption option, void *value) {
    return curl_easy_setopt(easy, option, value);
}

static inline CURLcode cc_set_bytes(CURL *easy, CURLoption option, const void *value) {
    return curl_easy_setopt(easy, option, value);
}

/* With the callback's last argument. */
static inline CURLcode cc_set_write(CURL *easy, curl_write_callback callback, void *argument) {
    CURLcode result = curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, callback);
    return result ? result : curl_easy_setopt(easy, CURLOPT_WRITEDATA, argument);
}

static inline CURLcode cc_set_header(CURL *easy, curl_write_callback callback, void *argument) {
    CURLcode result = curl_easy_setopt(easy, CURLOPT_HEADERFUNCTION, callback);
    return result ? result : curl_easy_setopt(easy, CURLOPT_HEADERDATA, argument);
}

static inline CURLcode cc_set_close(CURL *easy, curl_closesocket_callback callback, void *argument) {
    CURLcode result = curl_easy_setopt(easy, CURLOPT_CLOSESOCKETFUNCTION, callback);
    return result ? result : curl_easy_setopt(easy, CURLOPT_CLOSESOCKETDATA, argument);
}

static inline CURLMcode cc_multi_set_long(CURLM *multi, CURLMoption option, long value) {
    return curl_multi_setopt(multi, option, value);
}

static inline CURLMcode cc_multi_set_socket(CURLM *multi, curl_socket_callback callback, void *argument) {
    CURLMcode result = curl_multi_setopt(multi, CURLMOPT_SOCKETFUNCTION, callback);
    return result ? result : curl_multi_setopt(multi, CURLMOPT_SOCKETDATA, argument);
}

static inline CURLMcode cc_multi_set_timer(CURLM *multi, curl_multi_timer_callback callback, void *argument) {
    CURLMcode result = curl_multi_setopt(multi, CURLMOPT_TIMERFUNCTION, callback);
    return result ? result : curl_multi_setopt(multi, CURLMOPT_TIMERDATA, argument);
}

static inline CURLcode cc_get_long(CURL *easy, CURLINFO info, long *value) {
    return curl_easy_getinfo(easy, info, value);
}

/* CURLINFO_RETRY_AFTER and its like. */
static inline CURLcode cc_get_offset(CURL *easy, CURLINFO info, curl_off_t *value) {
    return curl_easy_getinfo(easy, info, value);
}

static inline CURLcode cc_get_socket(CURL *easy, CURLINFO info, curl_socket_t *value) {
    return curl_easy_getinfo(easy, info, value);
}

static inline CURLcode cc_get_text(CURL *easy, CURLINFO info, const char **value) {
    return curl_easy_getinfo(easy, info, value);
}

static inline CURLcode cc_get_pointer(CURL *easy, CURLINFO info, void **value) {
    return curl_easy_getinfo(easy, info, value);
}

/* What CURLMsg.data holds of a transfer that is done. */
static inline CURLcode cc_result(const CURLMsg *message) { return message->data.result; }
