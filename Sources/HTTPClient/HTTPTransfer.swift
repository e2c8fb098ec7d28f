import CCurl
import HTTPServer

/// A request under way and its response, as far as it has come. Confined to its loop, on which it must also be let go of: that
/// ends it.
package final class HTTPTransfer {
    /// How it has ended.
    package enum End: Sendable, Equatable {
        case complete
        case failed(TransferError)
    }

    /// Nil as long as more may come.
    package private(set) var end: End?

    private let multi: CurlMulti
    private var easy: CurlEasy?
    /// What libcurl refers to, freed after it.
    private let lines: UnsafeMutablePointer<curl_slist>?
    private let errorText: UnsafeMutablePointer<CChar>
    private var received: [UInt8] = []
    private var isPaused = false
    private var fieldBytes = 0
    private let wake: () -> Void

    /// How much is held for somebody who does not take it, in bytes; then the other side has to wait.
    private static let heldLimit = 1 << 18

    init(_ request: ClientRequest, on multi: CurlMulti, wake: @escaping () -> Void) {
        self.multi = multi
        self.wake = wake
        errorText = .allocate(capacity: Int(CURL_ERROR_SIZE))
        errorText.initialize(repeating: 0, count: Int(CURL_ERROR_SIZE))
        var lines: UnsafeMutablePointer<curl_slist>?
        for (name, value) in request.headers { lines = curl_slist_append(lines, "\(name): \(value)") }
        // Without it libcurl waits for a leave to send large bodies, which few servers give.
        lines = curl_slist_append(lines, "Expect:")
        self.lines = lines
        let easy = CurlEasy(request, lines: lines, errorText: errorText)
        self.easy = easy
        easy.deliver(to: self)
        multi.add(easy)
    }

    deinit {
        if let easy { end == nil ? multi.abort(easy) : multi.remove(easy) }
        errorText.deallocate()
        curl_slist_free_all(lines)
    }

    // MARK: Reading

    /// The status of the response; nil as long as there is none.
    package var status: Int? { easy?.status }

    /// The value of `Content-Type`, or nothing.
    package var contentType: String { easy?.contentType ?? "" }

    /// The value of `Retry-After`, in seconds.
    package var retryAfter: Int? { easy?.retryAfter }

    /// Whether there is anything of the body to be taken.
    package var hasBytes: Bool { !received.isEmpty }

    /// Hands the bytes of the body that have come since the last call over to `take`, and forgets them.
    package func takeBytes(_ take: (borrowing [UInt8]) -> Void) {
        take(received)
        // What a burst has needed is not kept for each of thousands.
        received.removeAll(keepingCapacity: received.capacity <= Self.keptCapacity)
        guard isPaused, let easy else { return }
        isPaused = false
        curl_easy_pause(easy.handle, Int32(CURLPAUSE_CONT))
    }

    private static let keptCapacity = 4096

    /// Lets go of a response of which no more is needed, but lets it come to its end soon, so that its connection can be used again.
    package func finish() {
        guard let easy, end == nil else { return }
        self.easy = nil
        // The header fields have been sent.
        multi.linger(easy)
    }

    // MARK: libcurl's side

    /// - Returns: how much was taken, or that the other side has to wait.
    func take(_ bytes: UnsafeRawBufferPointer) -> Int {
        guard received.count < Self.heldLimit else {
            isPaused = true
            return Int(CURL_WRITEFUNC_PAUSE)
        }
        let wasEmpty = received.isEmpty
        received.append(contentsOf: bytes)
        if wasEmpty { wake() }
        return bytes.count
    }

    /// A header field, or one of a trailer, of so many bytes.
    ///
    /// - Returns: how many are taken; fewer end the transfer.
    func takeField(_ count: Int) -> Int {
        fieldBytes += count
        return fieldBytes <= Self.fieldLimit ? count : 0
    }

    /// For all fields of a response together, in bytes.
    private static let fieldLimit = 1 << 18

    func didEnd(_ result: CURLcode) {
        end = result == CURLE_OK ? .complete : .failed(TransferError(result, detail: String(cString: errorText)))
        wake()
    }
}
