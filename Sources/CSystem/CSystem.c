#define _GNU_SOURCE
#include "CSystem.h"

#include <fcntl.h>
#include <linux/tcp.h>
#include <netinet/in.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdio.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

static _Thread_local void *current_loop;

void *cs_current_loop(void) { return current_loop; }

void cs_set_current_loop(void *loop) { current_loop = loop; }

static _Atomic uint32_t last_thread_number;
static _Thread_local uint32_t thread_number;

uint32_t cs_thread_number(void) {
    if (thread_number == 0) thread_number = atomic_fetch_add_explicit(&last_thread_number, 1, memory_order_relaxed) + 1;
    return thread_number;
}

int cs_accept(int listener, struct sockaddr_storage *address) {
    socklen_t length = sizeof *address;
    return accept4(listener, (struct sockaddr *)address, &length, SOCK_NONBLOCK | SOCK_CLOEXEC);
}

int cs_is_silent(int socket, uint32_t milliseconds) {
    struct tcp_info info;
    socklen_t length = sizeof info;
    if (getsockopt(socket, IPPROTO_TCP, TCP_INFO, &info, &length) != 0) return 0;
    return info.tcpi_unacked > 0 && info.tcpi_last_ack_recv >= milliseconds;
}

int cs_epoll_wait(int epoll, struct epoll_event *events, int count, int64_t timeout_ns) {
    if (timeout_ns < 0) return epoll_pwait2(epoll, events, count, NULL, NULL);
    struct timespec timeout = {timeout_ns / 1000000000, timeout_ns % 1000000000};
    return epoll_pwait2(epoll, events, count, &timeout, NULL);
}

int cs_epoll_control(int epoll, int operation, int descriptor, uint32_t events, uint64_t data) {
    struct epoll_event event = {.events = events, .data.u64 = data};
    return epoll_ctl(epoll, operation, descriptor, &event);
}

void cs_prefer_wakeups(uint64_t slice_ns) {
    // `struct sched_attr` of sched_setattr(2): the C library has none, and the kernel's header clashes with its own.
    struct {
        uint32_t size, policy;
        uint64_t flags;
        int32_t nice;
        uint32_t priority;
        uint64_t runtime, deadline, period;
    } attributes = {.size = sizeof attributes, .nice = getpriority(PRIO_PROCESS, 0), .runtime = slice_ns};
    syscall(SYS_sched_setattr, 0, &attributes, 0);
}

int cs_rename_to_new(const char *path, const char *target) {
    return renameat2(AT_FDCWD, path, AT_FDCWD, target, RENAME_NOREPLACE);
}

void cs_name_thread(const char *name) { pthread_setname_np(pthread_self(), name); }
