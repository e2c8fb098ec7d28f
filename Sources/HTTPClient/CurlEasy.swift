import CCurl
import Primitives

/// A request as libcurl has it (an "easy handle"), with what must live as long.
///
/// The one place where libcurl's options are set. Each fails only for want of memory, or when it is not known.
struct CurlEasy: Hashable {
    let handle: UnsafeMutableRawPointer

    /// For what is read at once, in bytes. Events are small, and thousands of transfers run.
    private static let bufferSize = 8192
    /// After so long of silence the system asks whether the other side still lives, in seconds.
    private static let keepAliveTime = 60

    init(handle: UnsafeMutableRawPointer) {
        self.handle = handle
    }

    /// - Parameters:
    ///   - body: copied.
    ///   - lines: the header fields; must live as long as the handle.
    ///   - errorText: of `CURL_ERROR_SIZE` bytes, likewise.
    init(_ request: ClientRequest, lines: UnsafeMutablePointer<curl_slist>?, errorText: UnsafeMutablePointer<CChar>) {
        guard let handle = curl_easy_init() else { preconditionFailure("libcurl has no memory") }
        self.handle = handle
        set(CURLOPT_URL, request.url)
        set(CURLOPT_PROTOCOLS_STR, "http,https")
        set(CURLOPT_USERAGENT, "RoomService/\(ProgramVersion.current)")
        set(CURLOPT_NOSIGNAL, 1)
        set(CURLOPT_HTTP_VERSION, Int(CURL_HTTP_VERSION_2TLS))
        // Over TLS, where the handshake tells, rather wait a moment for a connection that many can share than open many. Without
        // TLS libcurl would have all others wait until the first response is at its end, to see that nothing can be shared.
        set(CURLOPT_PIPEWAIT, request.url.hasPrefix("https://") ? 1 : 0)
        set(CURLOPT_CONNECTTIMEOUT_MS, request.connectTimeout)
        set(CURLOPT_TCP_KEEPALIVE, 1)
        set(CURLOPT_TCP_KEEPIDLE, Self.keepAliveTime)
        set(CURLOPT_BUFFERSIZE, Self.bufferSize)
        set(CURLOPT_SUPPRESS_CONNECT_HEADERS, 1)
        // A name that is being resolved when nobody wants it any more must not hold the loop up.
        set(CURLOPT_QUICK_EXIT, 1)
        if request.needsFreshConnection { set(CURLOPT_FRESH_CONNECT, 1) }
        if let authorities = request.authorities { set(CURLOPT_CAINFO, authorities) }
        // The one file alone: a folder beside it would be trusted too, and libcurl then reads all of them for each connection.
        cc_set_pointer(handle, CURLOPT_CAPATH, nil)
        set(CURLOPT_POST, 1)
        set(CURLOPT_POSTFIELDSIZE, request.body.count)
        request.body.withUnsafeBytes { body in
            _ = cc_set_bytes(handle, CURLOPT_COPYPOSTFIELDS, body.baseAddress)
        }
        cc_set_pointer(handle, CURLOPT_HTTPHEADER, lines)
        cc_set_pointer(handle, CURLOPT_ERRORBUFFER, errorText)
    }

    func set(_ option: CURLoption, _ value: Int) { cc_set_long(handle, option, value) }
    func set(_ option: CURLoption, _ value: String) { cc_set_text(handle, option, value) }

    /// The transfer that the handle is of; nil when nobody waits for it.
    var transfer: HTTPTransfer? {
        var pointer: UnsafeMutableRawPointer?
        cc_get_pointer(handle, CURLINFO_PRIVATE, &pointer)
        return pointer.map { Unmanaged<HTTPTransfer>.fromOpaque($0).takeUnretainedValue() }
    }

    /// Gives what comes to `transfer`, which must outlive the handle, or be taken from it by `ignoreBody`.
    func deliver(to transfer: HTTPTransfer) {
        let pointer = Unmanaged.passUnretained(transfer).toOpaque()
        cc_set_pointer(handle, CURLOPT_PRIVATE, pointer)
        cc_set_write(
            handle,
            { bytes, size, count, transfer in
                guard let bytes, let transfer else { return 0 }
                return Unmanaged<HTTPTransfer>.fromOpaque(transfer).takeUnretainedValue()
                    .take(UnsafeRawBufferPointer(start: bytes, count: size * count))
            },
            pointer
        )
        // libcurl bounds the fields of the head, but not those of a trailer.
        cc_set_header(
            handle,
            { _, size, count, transfer in
                guard let transfer else { return 0 }
                return Unmanaged<HTTPTransfer>.fromOpaque(transfer).takeUnretainedValue().takeField(size * count)
            },
            pointer
        )
    }

    /// Has the sockets of connections that this request opens closed by `sockets`, which must outlive them.
    func close(by sockets: IdleSockets) {
        cc_set_close(
            handle,
            { sockets, socket in
                guard let sockets else { return -1 }
                return Unmanaged<IdleSockets>.fromOpaque(sockets).takeUnretainedValue().close(socket)
            },
            Unmanaged.passUnretained(sockets).toOpaque()
        )
    }

    func ignoreBody() {
        cc_set_pointer(handle, CURLOPT_PRIVATE, nil)
        cc_set_pointer(handle, CURLOPT_ERRORBUFFER, nil)
        cc_set_pointer(handle, CURLOPT_HTTPHEADER, nil)
        cc_set_write(handle, { _, size, count, _ in size * count }, nil)
        cc_set_header(handle, { _, size, count, _ in size * count }, nil)
    }

    /// The status of the response; nil as long as there is none.
    var status: Int? {
        var status = 0
        cc_get_long(handle, CURLINFO_RESPONSE_CODE, &status)
        return status == 0 ? nil : status
    }

    /// The connection's port on this side, by which connections can be told apart; nil before there is one.
    var localPort: Int? {
        var port = 0
        cc_get_long(handle, CURLINFO_LOCAL_PORT, &port)
        return port > 0 ? port : nil
    }

    /// The socket of a connection that was used and is still open; nil where there is none.
    var socket: curl_socket_t? {
        var socket: curl_socket_t = -1
        cc_get_socket(handle, CURLINFO_ACTIVESOCKET, &socket)
        return socket >= 0 ? socket : nil
    }

    /// Whether others may use the connection at the same time.
    var isShared: Bool {
        var version = 0
        cc_get_long(handle, CURLINFO_HTTP_VERSION, &version)
        return version >= Int(CURL_HTTP_VERSION_2_0)
    }

    /// The value of `Content-Type`; empty where there is none.
    var contentType: String {
        var text: UnsafePointer<CChar>?
        cc_get_text(handle, CURLINFO_CONTENT_TYPE, &text)
        return text.map { String(cString: $0) } ?? ""
    }

    /// The value of `Retry-After`, in seconds from now, whichever of its forms it has.
    var retryAfter: Int? {
        var seconds: curl_off_t = 0
        cc_get_offset(handle, CURLINFO_RETRY_AFTER, &seconds)
        return seconds > 0 ? Int(seconds) : nil
    }

    func free() { curl_easy_cleanup(handle) }
}
