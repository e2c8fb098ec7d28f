import CCurl

/// Why a transfer has not come to its end.
package struct TransferError: Error, Sendable, Equatable, CustomStringConvertible {
    package enum Kind: Sendable {
        /// No connection came about: nothing of the request was sent.
        case unreachable
        /// It did not come about in time.
        case connectTimeout
        /// The connection ended before the response did.
        case cut
        /// What came is no HTTP.
        case malformed
    }

    package var kind: Kind
    /// libcurl's words, for the log.
    package var description: String

    init(_ code: CURLcode, detail: String) {
        kind =
            switch code {
            case CURLE_OPERATION_TIMEDOUT: .connectTimeout
            case CURLE_SEND_ERROR, CURLE_RECV_ERROR, CURLE_GOT_NOTHING, CURLE_PARTIAL_FILE, CURLE_HTTP2,
                CURLE_HTTP2_STREAM, CURLE_SEND_FAIL_REWIND, CURLE_ABORTED_BY_CALLBACK:
                .cut
            case CURLE_WEIRD_SERVER_REPLY, CURLE_UNSUPPORTED_PROTOCOL, CURLE_BAD_CONTENT_ENCODING, CURLE_WRITE_ERROR:
                .malformed
            default: .unreachable
            }
        description = detail.isEmpty ? String(cString: curl_easy_strerror(code)) : detail
    }
}
