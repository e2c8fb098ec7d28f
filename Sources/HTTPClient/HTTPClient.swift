import CCurl
import Glibc
import HTTPServer

/// Sends requests to other servers from event loops: a transfer costs a socket, and no thread. Connections are kept and used
/// again, by each loop its own.
///
/// What libcurl does is not ours: TLS 1.2 and later with the system's certificates, HTTP/2 where the other side has it over TLS, name
/// resolution (its own threads, for as long as one takes), and the proxies that the environment names (`https_proxy`, …).
package final class HTTPClient: Sendable {
    private let multis: [CurlMulti]

    package init(group: EventLoopGroup) {
        // Writing into a connection that the other side has closed must not end the process.
        signal(SIGPIPE, SIG_IGN)
        // Safe to be called again, from any thread (libcurl 7.84 and later).
        curl_global_init(Int(CURL_GLOBAL_DEFAULT))
        multis = group.loops.map { CurlMulti(loop: $0) }
    }

    /// Starts a `POST` on the loop on whose thread the caller runs. It ends, and its connection is closed where it is in the
    /// middle of something, when the transfer that is returned is let go of, which must happen on that loop.
    ///
    /// - Parameter wake: called on the loop whenever there is something to be taken, or the transfer has ended. It must not call
    ///   the transfer itself.
    package func post(_ request: ClientRequest, wake: @escaping () -> Void) -> HTTPTransfer {
        guard let loop = EventLoop.current else { preconditionFailure("A request is made on a loop") }
        return HTTPTransfer(request, on: multis[loop.index], wake: wake)
    }

    /// Closes all connections. To be called when no transfer is left, while the loops run.
    package func close() async {
        for multi in multis {
            multi.loop.execute { multi.close() }
            await multi.loop.barrier()
        }
    }
}
