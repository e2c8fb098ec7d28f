import CCurl
import CSystem
import Glibc
import HTTPServer

/// A socket of libcurl's, in the eyes of the loop. Level-triggered, as libcurl need not read all there is.
final class CurlSocket: IOChannel {
    private let multi: CurlMulti
    private let socket: curl_socket_t
    private var token: ChannelToken?

    init(_ socket: curl_socket_t, _ what: Int32, multi: CurlMulti) {
        self.multi = multi
        self.socket = socket
        do throws(SystemError) {
            token = try multi.loop.register(socket, events: Self.events(what), channel: self)
        } catch {
            // Of an open socket that is not yet watched, no memory is the one reason there is.
            preconditionFailure("A socket cannot be watched: \(error)")
        }
    }

    func update(_ what: Int32) {
        if let token { multi.loop.update(token, events: Self.events(what)) }
    }

    func unregister() {
        if let token { multi.loop.unregister(token) }
        token = nil
    }

    func handle(events: UInt32) {
        var flags: Int32 = 0
        if events & (EPOLLIN.rawValue | EPOLLHUP.rawValue) != 0 { flags |= CURL_CSELECT_IN }
        if events & EPOLLOUT.rawValue != 0 { flags |= CURL_CSELECT_OUT }
        if events & EPOLLERR.rawValue != 0 { flags |= CURL_CSELECT_ERR }
        multi.act(on: socket, flags)
    }

    private static func events(_ what: Int32) -> UInt32 {
        (what & CURL_POLL_IN != 0 ? EPOLLIN.rawValue : 0) | (what & CURL_POLL_OUT != 0 ? EPOLLOUT.rawValue : 0)
    }
}
