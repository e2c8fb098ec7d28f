import HTTPServer
import Synchronization

/// A script in Lua that Redis runs. Made once, and used by all clients.
package final class RedisScript: Sendable {
    package let source: String
    /// By which Redis knows it, once it has said so: the same everywhere, as it is made from the source.
    private let known = Mutex<[UInt8]?>(nil)

    package init(_ source: String) {
        self.source = source
    }

    var digest: [UInt8]? { known.withLock { $0 } }

    /// Has Redis keep the script, and tell its digest.
    func load(on connection: RedisConnection) {
        connection.send(["SCRIPT", "LOAD", .text(source)]) { [self] reply in
            if case .success(let value) = reply, let digest = value.bytes { known.withLock { $0 = digest } }
        }
    }
}

/// The scripts that a client has run. Confined to its loop.
final class ScriptShelf {
    private var scripts: [ObjectIdentifier: RedisScript] = [:]

    /// A Redis that has started again knows no script: each gets them before it is asked to run one.
    func load(on connection: RedisConnection) {
        for script in scripts.values { script.load(on: connection) }
    }

    func run(
        _ script: RedisScript,
        keys: [RedisArgument],
        arguments: [RedisArgument],
        on connection: RedisConnection,
        then: @escaping (RedisConnection.Reply) -> Void
    ) {
        let isNew = scripts.updateValue(script, forKey: ObjectIdentifier(script)) == nil
        guard let digest = script.digest else {
            return runWhole(script, keys: keys, arguments: arguments, on: connection, then: then)
        }
        if isNew { script.load(on: connection) }
        connection.send(Self.command("EVALSHA", .bytes(digest), keys, arguments)) { [self] reply in
            guard case .failure(let error) = reply, error.isUnknownScript else { return then(reply) }
            // Nothing of it has been executed.
            runWhole(script, keys: keys, arguments: arguments, on: connection, then: then)
        }
    }

    private func runWhole(
        _ script: RedisScript,
        keys: [RedisArgument],
        arguments: [RedisArgument],
        on connection: RedisConnection,
        then: @escaping (RedisConnection.Reply) -> Void
    ) {
        script.load(on: connection)
        connection.send(Self.command("EVAL", .text(script.source), keys, arguments), then: then)
    }

    private static func command(
        _ name: RedisArgument,
        _ script: RedisArgument,
        _ keys: [RedisArgument],
        _ arguments: [RedisArgument]
    ) -> [RedisArgument] {
        var command: [RedisArgument] = []
        command.reserveCapacity(3 + keys.count + arguments.count)
        command.append(name)
        command.append(script)
        command.append(.integer(keys.count))
        command += keys
        command += arguments
        return command
    }
}
