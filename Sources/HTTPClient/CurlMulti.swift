import CCurl
import HTTPServer

/// libcurl's transfers of one loop: tells the loop which sockets and which time libcurl waits for, and libcurl what has come
/// (`curl_multi_socket_action`).
///
/// `@unchecked Sendable`: confined to its loop, once it has been made. libcurl has an unretained reference to it, which is good
/// for as long as it can be used: `deinit` ends that.
final class CurlMulti: LoopWork, @unchecked Sendable {
    let loop: EventLoop
    private let handle: UnsafeMutableRawPointer
    private var sockets: [curl_socket_t: CurlSocket] = [:]
    private var timer: EventLoop.Timer?
    private let idleSockets: IdleSockets
    /// Those that are under way.
    private var transfers: Set<CurlEasy> = []
    /// Transfers that nobody waits for any more, each with the time until which it may come to its end: then its connection can
    /// be used again.
    private var lingering: [CurlEasy: Int64] = [:]
    private var looksAfterLingering = false
    private var isClosed = false

    /// How many idle connections are kept.
    private static let idleConnections = 4096
    /// How long a transfer may linger, in nanoseconds.
    private static let lingeringTime: Int64 = 1_000_000_000

    init(loop: EventLoop) {
        self.loop = loop
        idleSockets = IdleSockets(loop: loop)
        guard let handle = curl_multi_init() else { preconditionFailure("libcurl has no memory") }
        self.handle = handle
        let this = Unmanaged.passUnretained(self).toOpaque()
        cc_multi_set_long(handle, CURLMOPT_MAXCONNECTS, Self.idleConnections)
        cc_multi_set_socket(
            handle,
            { _, socket, what, this, _ in
                if let this { Unmanaged<CurlMulti>.fromOpaque(this).takeUnretainedValue().watch(socket, what) }
                return 0
            },
            this
        )
        cc_multi_set_timer(
            handle,
            { _, milliseconds, this in
                if let this { Unmanaged<CurlMulti>.fromOpaque(this).takeUnretainedValue().wait(milliseconds) }
                return 0
            },
            this
        )
    }

    deinit { cleanUp() }

    /// Closes all connections. No transfer may be left but lingering ones.
    func close() {
        loop.preconditionOnLoop()
        cleanUp()
        if let timer { loop.cancel(timer) }
        timer = nil
    }

    private func cleanUp() {
        guard !isClosed else { return }
        for easy in lingering.keys { free(easy) }
        lingering = [:]
        isClosed = true
        // From here on it has nobody to tell: the sockets are closed, and so out of the loop's sight.
        cc_multi_set_socket(handle, nil, nil)
        cc_multi_set_timer(handle, nil, nil)
        curl_multi_cleanup(handle)
    }

    // MARK: Transfers

    func add(_ easy: CurlEasy) {
        loop.preconditionOnLoop()
        precondition(!isClosed, "The HTTP client has been closed")
        easy.close(by: idleSockets)
        curl_multi_add_handle(handle, easy.handle)
        transfers.insert(easy)
    }

    /// Lets go of a transfer that has ended.
    func remove(_ easy: CurlEasy) {
        loop.preconditionOnLoop()
        free(easy)
    }

    /// Ends a transfer in the middle of its response, so that the other side hears of it at once: its connection is closed, or,
    /// where others share it, its stream is reset (RFC 9113, section 5.4.2).
    func abort(_ easy: CurlEasy) {
        loop.preconditionOnLoop()
        let port = easy.localPort
        // Or a connection that nobody shares would stay open, and with it the stream.
        easy.set(CURLOPT_FORBID_REUSE, 1)
        free(easy)
        // libcurl 7.88 sends the reset only with the next frame of the connection: pausing another of its streams makes one.
        guard let port else { return }
        for other in transfers where other.localPort == port {
            guard curl_easy_pause(other.handle, Int32(CURLPAUSE_RECV)) == CURLE_OK else { continue }
            curl_easy_pause(other.handle, Int32(CURLPAUSE_CONT))
            return
        }
    }

    private func free(_ easy: CurlEasy) {
        transfers.remove(easy)
        if !isClosed { curl_multi_remove_handle(handle, easy.handle) }
        easy.free()
    }

    /// Lets a transfer whose response is as good as over come to its end.
    func linger(_ easy: CurlEasy) {
        loop.preconditionOnLoop()
        easy.ignoreBody()
        lingering[easy] = loop.now + Self.lingeringTime
        lookAfterLingering(at: loop.now + Self.lingeringTime)
    }

    private func lookAfterLingering(at time: Int64) {
        guard !looksAfterLingering else { return }
        looksAfterLingering = true
        loop.schedule(at: time) { [weak self] in self?.endLingering() }
    }

    private func endLingering() {
        looksAfterLingering = false
        for (easy, deadline) in lingering where deadline <= loop.now {
            lingering[easy] = nil
            abort(easy)
        }
        if let next = lingering.values.min() { lookAfterLingering(at: next) }
    }

    // MARK: What libcurl waits for

    /// `what`: `CURL_POLL_IN`, …
    private func watch(_ socket: curl_socket_t, _ what: Int32) {
        if what == CURL_POLL_REMOVE {
            sockets.removeValue(forKey: socket)?.unregister()
        } else if let known = sockets[socket] {
            known.update(what)
        } else {
            idleSockets.unwatch(socket)
            sockets[socket] = CurlSocket(socket, what, multi: self)
        }
    }

    private func wait(_ milliseconds: Int) {
        if let timer { loop.cancel(timer) }
        timer = nil
        if milliseconds == 0 {
            // Not at once: libcurl must not be called from its own callback.
            loop.flush(self)
        } else if milliseconds > 0 {
            timer = loop.schedule(self, at: loop.now + Int64(milliseconds) * 1_000_000)
        }
    }

    /// The time that libcurl has waited for has come.
    func run(on loop: EventLoop) {
        act(on: CURL_SOCKET_TIMEOUT, 0)
    }

    /// Tells libcurl what has happened to a socket (`CURL_CSELECT_IN`, …).
    func act(on socket: curl_socket_t, _ events: Int32) {
        guard !isClosed else { return }
        var running: Int32 = 0
        curl_multi_socket_action(handle, socket, events, &running)
        var count: Int32 = 0
        while let message = curl_multi_info_read(handle, &count) {
            guard message.pointee.msg == CURLMSG_DONE, let pointer = message.pointee.easy_handle else { continue }
            let easy = CurlEasy(handle: pointer)
            let result = cc_result(message)
            transfers.remove(easy)
            if result == CURLE_OK, !easy.isShared, let socket = easy.socket, sockets[socket] == nil {
                idleSockets.watch(socket)
            }
            if lingering.removeValue(forKey: easy) != nil { remove(easy) } else { easy.transfer?.didEnd(result) }
        }
    }
}
