import CMongoC

/// What went wrong while an operation ran: at the server or on the way to it, or in the store's own logic.
enum MongoError: Error {
    case server(MongoFailure)
    case store(StoreError)

    var storeError: StoreError {
        switch self {
        case .server(let failure): failure.storeError
        case .store(let error): error
        }
    }
}

/// An error that libmongoc or the server reported.
struct MongoFailure: Equatable, CustomStringConvertible {
    /// What was tried, as `find chat_rooms`.
    var operation: String
    /// `mongoc_error_domain_t`: where the error comes from.
    var domain: UInt32
    /// The server's code, or one of `mongoc_error_code_t`, as the domain has it.
    var code: UInt32
    var message: String
    /// What the server says can be done about it, as `RetryableWriteError`.
    var labels: [String] = []

    init(operation: String, domain: UInt32, code: UInt32, message: String, labels: [String] = []) {
        self.operation = operation
        self.domain = domain
        self.code = code
        self.message = message
        self.labels = labels
    }

    init(_ operation: String, _ error: inout bson_error_t, reply: BSONDocument? = nil) {
        self.init(
            operation: operation,
            domain: error.domain,
            code: error.code,
            message: withUnsafeBytes(of: &error.message) { bytes in
                String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
            },
            labels: reply?.read { $0.strings(in: "errorLabels") } ?? []
        )
    }

    /// No server answered, or the one that did cannot do it now: trying again may help.
    var isUnavailable: Bool {
        if labels.contains("RetryableWriteError") || labels.contains("TransientTransactionError") { return true }
        switch mongoc_error_domain_t(rawValue: domain) {
        case MONGOC_ERROR_STREAM, MONGOC_ERROR_SERVER_SELECTION, MONGOC_ERROR_POOL, MONGOC_ERROR_WRITE_CONCERN:
            return true
        case MONGOC_ERROR_CLIENT where code == MONGOC_ERROR_CLIENT_AUTHENTICATE.rawValue:
            // Trying again does not make the password right.
            return false
        case MONGOC_ERROR_CLIENT, MONGOC_ERROR_PROTOCOL:
            // Not an argument that this program got wrong, but a broken or refused connection.
            return true
        default:
            return Self.transientCodes.contains(code)
        }
    }

    static let serverDomain = MONGOC_ERROR_SERVER.rawValue

    /// The server's codes for: cannot be reached, timed out, shuts down, is not or no longer the primary, has no majority,
    /// is interrupted, has no room on its disk.
    private static let transientCodes: Set<UInt32> = [
        6, 7, 50, 64, 89, 91, 100, 112, 133, 134, 175, 189, 202, 246, 262, 317, 365, 9001, 10058, 10107, 11600, 11601,
        11602, 13388, 13435,
        13436, 14031,
    ]

    var storeError: StoreError { StoreError(isUnavailable ? .unavailable : .failed, description) }

    /// Without the values that a server quotes from a unique index: they may be what users write.
    var description: String {
        let quote = message.firstRange(of: " dup key:")?.lowerBound ?? message.endIndex
        let labels = labels.isEmpty ? "" : " [\(labels.joined(separator: ", "))]"
        return "mongodb \(operation): \(message[..<quote]) (domain \(domain), code \(code))\(labels)"
    }
}
