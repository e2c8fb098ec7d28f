import CSystem
import HTTPServer

extension RedisConnection {
    /// Connects. To be called once; the task must run on the loop.
    ///
    /// - Throws: `.unavailable`, `.loading`, `.authentication`, or `.refused` where the database does not exist. The connection is
    ///   closed then.
    package func connect() async throws(RedisError) {
        try await withUnsafeContinuation { (continuation: UnsafeContinuation<Result<Void, RedisError>, Never>) in
            connect { continuation.resume(returning: $0) }
        }.get()
    }

    /// Connects, and calls `then` on the loop when it has, or has not. To be called once.
    package func connect(then: @escaping (Result<Void, RedisError>) -> Void) {
        loop.preconditionOnLoop()
        precondition(state == .new, "A connection connects once")
        whenConnected = then
        state = .connecting
        connectDeadline = loop.now + options.connectTimeout
        alarm.set(at: connectDeadline)
        switch address.place {
        case .unix(let path): reach { () throws(RedisError) in try RedisContext(path: path) }
        case .tcp(let host, _):
            lookup.addresses(of: host) { [weak self] answer in
                guard let self, state == .connecting else { return }
                switch answer {
                case .success(let hosts):
                    self.hosts = hosts.reversed()
                    reachNextHost(or: .unavailable("\(host) has no address"))
                case .failure(let error): end(error)
                }
            }
        }
    }

    private func reachNextHost(or error: RedisError) {
        guard let host = hosts.popLast(), case .tcp(_, let port) = address.place else { return end(error) }
        reach { () throws(RedisError) in try RedisContext(host: host, port: port) }
    }

    private func reach(_ make: () throws(RedisError) -> RedisContext) {
        do throws(RedisError) {
            let context = try make()
            do throws(SystemError) {
                token = try loop.register(context.descriptor, events: EPOLLOUT.rawValue, channel: self)
            } catch {
                throw .unavailable(error.description)
            }
            self.context = context
        } catch {
            reachNextHost(or: error)
        }
    }

    /// The socket is connected, or will never be.
    func didConnect() {
        guard let context, let token else { return }
        if let fault = context.connectFault {
            disconnect()
            return reachNextHost(or: fault)
        }
        state = .greeting
        loop.update(token, events: EPOLLIN.rawValue)
        greet()
    }

    /// All in one write: a connection costs one round trip more than TCP's.
    private func greet() {
        if let password = address.password {
            send(address.user.map { ["AUTH", .text($0), .text(password)] } ?? ["AUTH", .text(password)]) {
                [self] reply in
                guard case .failure(let error) = reply else { return }
                if case .refused(let text) = error { end(.authentication(text)) } else { end(error) }
            }
        }
        // Whoever may not do that, or whose Redis is too old to know it, has no name.
        sendAndForget(["CLIENT", "SETNAME", .text(options.clientName)])
        if address.database != 0 {
            send(["SELECT", .integer(address.database)]) { [self] reply in
                if case .failure(let error) = reply { end(error) }
            }
        }
        // Says whether it is loading, and whether it wants a password.
        send(["PING"]) { [self] reply in
            switch reply {
            // A user without the right to ask is known, and served.
            case .failure(.refused(let text)) where text.hasPrefix("NOPERM"): didOpen()
            case .failure(let error): end(error)
            case .success: didOpen()
            }
        }
    }

    private func didOpen() {
        state = .open
        watch()
        whenConnected.take()?(.success(()))
    }

    // MARK: Time

    /// Looks whether a time limit has passed, and at last when to look again: soon enough for a command that may be sent by then,
    /// so that none needs a timer of its own.
    func watch() {
        let now = loop.now
        if isOpen, waiting.isEmpty, now >= quietSince + options.pingInterval { sendAndForget(["PING"]) }
        let deadline = silenceDeadline
        if now < deadline {
            alarm.set(at: min(deadline, now + rhythm))
        } else if !hasForgiven, now - alarm.deadline > Self.pauseLimit {
            // The loop has not run for a while, nor has the whole process or machine perhaps: that is not Redis's silence. Once
            // only, or a loop that is always late would never miss a Redis.
            hasForgiven = true
            quietSince = now
            connectDeadline = now + options.connectTimeout
            alarm.set(at: now + rhythm)
        } else {
            end(
                .unavailable(
                    "no answer within \((isOpen ? options.commandTimeout : options.connectTimeout) / 1_000_000) ms"
                )
            )
        }
    }

    /// A timer that is late by more has met such a pause. In nanoseconds.
    private static let pauseLimit: Int64 = 250_000_000

    /// Until when something must have been heard.
    private var silenceDeadline: Int64 {
        guard isOpen else { return connectDeadline }
        guard let since = waiting.waitsSince else { return quietSince + options.pingInterval }
        return max(since, quietSince) + options.commandTimeout
    }

    private var rhythm: Int64 {
        isOpen ? min(options.pingInterval, options.commandTimeout) : options.connectTimeout
    }
}
