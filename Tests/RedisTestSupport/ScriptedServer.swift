import Foundation
import Redis
import Synchronization

/// A server on a free port that does with each connection what the test says, on a thread.
package final class ScriptedServer: Sendable {
    package let port: Int
    private let listener: Int32
    private let sockets = Mutex<[TestSocket]>([])
    private let counter = Atomic(0)

    /// - Parameter serve: when it returns or throws, the connection is closed.
    package init(_ serve: @escaping @Sendable (TestSocket) throws -> Void) throws {
        (listener, port) = try TestSocket.listen()
        Thread.detachNewThread { [self] in
            while case let descriptor = accept(listener, nil, nil), descriptor >= 0 {
                let socket = TestSocket(adopting: descriptor)
                counter.wrappingAdd(1, ordering: .relaxed)
                sockets.withLock { $0.append(socket) }
                Thread.detachNewThread { [self] in
                    try? serve(socket)
                    sockets.withLock { $0.removeAll { $0 === socket } }
                    socket.end()
                }
            }
            Glibc.close(listener)
        }
    }

    /// How many connections have come.
    package var connectionCount: Int { counter.load(ordering: .relaxed) }

    package var address: RedisAddress { RedisAddress(host: "127.0.0.1", port: port) }

    /// Ends all connections that there are.
    package func cut() { sockets.withLock { for socket in $0 { socket.end() } } }

    /// Accepts no more, and ends all connections.
    package func close() {
        shutdown(listener, Int32(SHUT_RDWR))
        cut()
    }
}

extension TestSocket {
    /// Answers what a connection begins with, up to and with its `PING`.
    package func greet(ping: String = "+PONG\r\n") throws {
        while try command() != ["PING"] { try write("+OK\r\n") }
        try write(ping)
    }
}
