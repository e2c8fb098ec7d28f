import Glibc
import HTTPServer

/// Finds the numeric addresses of a host. The C library blocks for it, so a thread of its own asks: one at a time, however
/// often one asks while the name servers are silent. Confined to its loop, hence `@unchecked Sendable`.
final class HostLookup: @unchecked Sendable {
    typealias Answer = Result<[String], RedisError>

    private let loop: EventLoop
    private var isUnderWay = false
    /// The last one who has asked: those before have given up.
    private var asker: ((Answer) -> Void)?

    private final class Question: Sendable {
        let host: String
        let lookup: HostLookup

        init(host: String, lookup: HostLookup) {
            self.host = host
            self.lookup = lookup
        }
    }

    init(loop: EventLoop) {
        self.loop = loop
    }

    /// Calls `then` on the loop: at once for a numeric address, and never when another question follows.
    func addresses(of host: String, then: @escaping (Answer) -> Void) {
        if Self.isNumeric(host) { return then(.success([host])) }
        asker = then
        guard !isUnderWay else { return }
        isUnderWay = true
        let question = Unmanaged.passRetained(Question(host: host, lookup: self))
        var thread = pthread_t()
        let status = pthread_create(
            &thread,
            nil,
            { argument in
                // Safe: the creator has retained it for this thread.
                guard let argument else { return nil }
                let question = Unmanaged<Question>.fromOpaque(argument).takeRetainedValue()
                let answer = HostLookup.ask(question.host)
                let lookup = question.lookup
                lookup.loop.execute { lookup.finish(answer) }
                return nil
            },
            question.toOpaque()
        )
        if status == 0 {
            pthread_detach(thread)
        } else {
            question.release()
            finish(.failure(.unavailable("no thread to look up \(host)")))
        }
    }

    private func finish(_ answer: Answer) {
        isUnderWay = false
        let asker = asker.take()
        asker?(answer)
    }

    private static func isNumeric(_ host: String) -> Bool {
        var address = in6_addr()
        return inet_pton(AF_INET, host, &address) == 1 || inet_pton(AF_INET6, host, &address) == 1
    }

    /// Blocks.
    private static func ask(_ host: String) -> Answer {
        var hints = addrinfo()
        hints.ai_socktype = Int32(SOCK_STREAM.rawValue)
        hints.ai_flags = AI_ADDRCONFIG
        var found: UnsafeMutablePointer<addrinfo>?
        let status = getaddrinfo(host, nil, &hints, &found)
        guard status == 0 else {
            return .failure(.unavailable("\(host) cannot be resolved: \(String(cString: gai_strerror(status)))"))
        }
        defer { freeaddrinfo(found) }
        var addresses: [String] = []
        var next = found
        while let entry = next?.pointee {
            if let text = numericText(of: entry) { addresses.append(text) }
            next = entry.ai_next
        }
        return .success(addresses)
    }

    private static func numericText(of entry: addrinfo) -> String? {
        withUnsafeTemporaryAllocation(of: CChar.self, capacity: Int(NI_MAXHOST)) { text in
            let size = socklen_t(text.count)
            let status = getnameinfo(entry.ai_addr, entry.ai_addrlen, text.baseAddress, size, nil, 0, NI_NUMERICHOST)
            return status == 0 ? text.baseAddress.map { String(cString: $0) } : nil
        }
    }
}
