import CCurl
import CSystem
import Glibc
import HTTPServer

/// The sockets of connections that wait for their next request. What comes there now belongs to no request, and libcurl would take it for the
/// response to the next one: such a connection is not used again.
///
/// Confined to its loop. Those over which several requests go at the same time need no watch: there every frame says whose it is.
final class IdleSockets {
    private let loop: EventLoop
    private var sockets: [curl_socket_t: IdleSocket] = [:]

    init(loop: EventLoop) {
        self.loop = loop
    }

    /// Watches a socket until it is used again or closed.
    func watch(_ socket: curl_socket_t) {
        guard sockets[socket] == nil else { return }
        let idle = IdleSocket(socket)
        do throws(SystemError) {
            idle.token = try loop.register(socket, events: EPOLLIN.rawValue, channel: idle)
            sockets[socket] = idle
        } catch {
            // libcurl still waits for it: it is no idle one.
        }
    }

    /// libcurl uses it again.
    func unwatch(_ socket: curl_socket_t) {
        guard let idle = sockets.removeValue(forKey: socket), let token = idle.token else { return }
        loop.unregister(token)
    }

    /// Closes a socket for libcurl.
    func close(_ socket: curl_socket_t) -> Int32 {
        if loop.isCurrent { unwatch(socket) }
        return Glibc.close(socket)
    }
}

private final class IdleSocket: IOChannel {
    let socket: curl_socket_t
    var token: ChannelToken?

    init(_ socket: curl_socket_t) {
        self.socket = socket
    }

    func handle(events: UInt32) {
        // First, so that no more can come, and what is drained has an end.
        shutdown(socket, Int32(SHUT_RDWR))
        // With nothing left to be read, libcurl finds it closed when it wants to use it.
        withUnsafeTemporaryAllocation(byteCount: 4096, alignment: 1) { buffer in
            while recv(socket, buffer.baseAddress, buffer.count, Int32(MSG_DONTWAIT)) > 0 {}
        }
        // Level-triggered, it would be told of for ever.
        if let token { EventLoop.current?.update(token, events: 0) }
    }
}
