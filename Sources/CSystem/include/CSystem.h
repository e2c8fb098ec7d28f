// What Swift's Glibc module lacks: epoll, eventfd, accept4, renameat2, and a thread-local pointer.
// `_GNU_SOURCE` stays in the .c file: here it would make types differ from those of the Glibc module.
#pragma once
#include <stdint.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>

/// The event loop that runs on this thread, or null. Set once, by the loop's own thread.
void *_Nullable cs_current_loop(void);
void cs_set_current_loop(void *_Nullable loop);

/// The calling thread's number, from 1 on: threads are numbered when they first ask.
uint32_t cs_thread_number(void);

/// accept4(2) with SOCK_NONBLOCK and SOCK_CLOEXEC; the peer's address goes to `address`.
int cs_accept(int listener, struct sockaddr_storage *_Nonnull address);

/// Whether the peer of a TCP socket has acknowledged nothing for that long, though there is something to acknowledge.
int cs_is_silent(int socket, uint32_t milliseconds);

/// epoll_pwait2(2) without a signal mask; `timeout_ns` < 0 waits for ever.
int cs_epoll_wait(int epoll, struct epoll_event *_Nonnull events, int count, int64_t timeout_ns);

/// epoll_ctl(2), with the 64 bits that come back in the event.
int cs_epoll_control(int epoll, int operation, int descriptor, uint32_t events, uint64_t data);

/// Has the processor fetch so many cache lines, from that address on. It need not be one of anything: nothing is read.
static inline void cs_prefetch(uintptr_t address, int lines) {
    for (int line = 0; line < lines; line++) __builtin_prefetch((const void *)(address + 64 * line), 1);
}

/// Asks the scheduler to serve the calling thread in short slices (`sched_attr.sched_runtime`, Linux 6.12): it then runs
/// soon after it wakes, also while another thread is in the middle of a longer slice. Its share of the core stays the
/// same. Systems that know no such thing do as before.
void cs_prefer_wakeups(uint64_t slice_ns);

/// renameat2(2) with RENAME_NOREPLACE: a name that exists is left as it is (EEXIST). Some file systems cannot (EINVAL).
int cs_rename_to_new(const char *_Nonnull path, const char *_Nonnull target);

/// Names the calling thread, for `top -H` and `perf`: 15 bytes at most.
void cs_name_thread(const char *_Nonnull name);
