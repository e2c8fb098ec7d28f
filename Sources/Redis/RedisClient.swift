import HTTPServer

/// Redis for one loop: keeps a connection, and makes it again when it is lost, after 0.1 to 2 seconds. What is asked meanwhile
/// fails at once.
///
/// `@unchecked Sendable`: confined to its loop, on which all its functions must be called.
package final class RedisClient: @unchecked Sendable {
    package let loop: EventLoop
    private let link: RedisLink
    private let scripts: ScriptShelf

    package init(_ address: RedisAddress, options: RedisOptions = RedisOptions(), loop: EventLoop) {
        let scripts = ScriptShelf()
        self.loop = loop
        self.scripts = scripts
        link = RedisLink(address, options: options, loop: loop) { scripts.load(on: $0) }
    }

    /// Begins to connect. To be called once.
    package func start() { link.start() }

    /// Closes the connection for good. All that wait for replies hear that it is not available; observers hear nothing more.
    package func close() { link.close() }

    /// Whether commands can be sent now.
    package var isConnected: Bool { link.open != nil }

    /// Why there is no connection; nil when there is one.
    package var fault: RedisError? { isConnected ? nil : link.fault }

    /// Has `observer` called on the loop when the connection is there, and when it is lost or does not come about: once for each
    /// change. What waited for replies has failed by then.
    ///
    /// - Returns: what `removeObserver` takes.
    package func observe(_ observer: @escaping (RedisAvailability) -> Void) -> Int { link.observe(observer) }

    package func removeObserver(_ id: Int) { link.removeObserver(id) }

    /// Sends a command, and returns its reply. The task must run on the loop.
    ///
    /// - Throws: what `RedisConnection.send` does.
    package func send(_ command: [RedisArgument]) async throws(RedisError) -> RedisValue {
        guard let connection = link.open else { throw unavailable }
        return try await connection.send(command)
    }

    /// Sends a command, and hands over its reply, without a task. `then` is called on the loop, before this returns where there
    /// is no connection or too much under way.
    package func send(_ command: [RedisArgument], then: @escaping (RedisConnection.Reply) -> Void) {
        guard let connection = link.open else { return then(.failure(unavailable)) }
        connection.send(command, then: then)
    }

    private var unavailable: RedisError {
        if case .unavailable = link.fault { link.fault } else { .unavailable(link.fault.description) }
    }

    // MARK: Scripts

    /// Runs a script in one round trip. The task must run on the loop.
    ///
    /// - Throws: what `send` does; a script's own errors are `.refused`.
    package func run(_ script: RedisScript, keys: [RedisArgument], arguments: [RedisArgument] = [])
        async throws(RedisError)
        -> RedisValue
    {
        try await withUnsafeContinuation { (continuation: UnsafeContinuation<RedisConnection.Reply, Never>) in
            run(script, keys: keys, arguments: arguments) { continuation.resume(returning: $0) }
        }.get()
    }

    /// Runs a script, and hands over its reply, without a task.
    ///
    /// Runs are executed in their order, unless Redis has been told to forget its scripts (`SCRIPT FLUSH`) while the connection was
    /// open: one that meets that is sent again, behind those that have been sent meanwhile.
    package func run(
        _ script: RedisScript,
        keys: [RedisArgument],
        arguments: [RedisArgument] = [],
        then: @escaping (RedisConnection.Reply) -> Void
    ) {
        guard let connection = link.open else { return then(.failure(unavailable)) }
        scripts.run(script, keys: keys, arguments: arguments, on: connection, then: then)
    }
}
