// What Swift's Glibc module lacks: epoll, eventfd, accept4, and a thread-local pointer.
#pragma once
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdint.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/uio.h>

/// The event loop that runs on this thread, or null. Set once, by the loop's own thread.
void *_Nullable cs_current_loop(void);
void cs_set_current_loop(void *_Nullable loop);

/// accept4(2) with SOCK_NONBLOCK and SOCK_CLOEXEC; the peer's address goes to `address`.
int cs_accept(int listener, struct sockaddr_storage *_Nonnull address);

/// epoll_pwait2(2) without a signal mask; `timeout_ns` < 0 waits for ever.
int cs_epoll_wait(int epoll, struct epoll_event *_Nonnull events, int count, int64_t timeout_ns);

/// epoll_ctl(2), with the 64 bits that come back in the event.
int cs_epoll_control(int epoll, int operation, int descriptor, uint32_t events, uint64_t data);
