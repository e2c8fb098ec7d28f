import CSystem
import Glibc
import HTTPServer

/// One connection to Redis, on one loop. Commands are sent as they come, and their replies come in the same order; what a turn
/// of the loop has brought leaves in one write.
///
/// It ends once, by `close` or because it was lost: all that wait then hear why. A `PING` in times of silence has it notice a Redis
/// that is gone without a word.
///
/// `@unchecked Sendable`: confined to its loop, on which all its functions must be called.
package final class RedisConnection: IOChannel, LoopWork, @unchecked Sendable {
    package typealias Reply = Result<RedisValue, RedisError>

    enum State {
        case new, connecting, greeting, open, closed
    }

    package let loop: EventLoop
    let address: RedisAddress
    let options: RedisOptions
    var state = State.new
    /// What happens when it comes about, or does not.
    var whenConnected: ((Result<Void, RedisError>) -> Void)?
    /// Called when an open connection is lost, after all that waited have heard of it.
    var onLoss: ((RedisError) -> Void)?
    /// Takes what is published on the channels to which the connection has subscribed.
    var onMessage: ((_ channel: [UInt8], _ payload: [UInt8]) -> Void)?

    /// Numeric addresses that have not been tried yet, the next one last.
    var hosts: [String] = []
    let lookup: HostLookup
    var connectDeadline: Int64 = 0

    var context: RedisContext?
    var token: ChannelToken?
    var waiting = ReplyQueue()
    private var unsent = SendQueue()
    private var isFlushDue = false
    private var waitsForSocket = false
    /// When Redis was heard of last, by the loop's time.
    var quietSince: Int64 = 0
    /// Whether a pause of the loop has been taken out of the silence that lasts since then.
    var hasForgiven = false
    /// Bytes of the reply that is coming.
    private var replySize = 0
    private(set) lazy var alarm = Alarm(on: loop) { [weak self] in self?.watch() }

    /// What hiredis gets to send at once: it moves the rest of it after each write.
    private static let pieceSize = 262_144

    package convenience init(_ address: RedisAddress, options: RedisOptions = RedisOptions(), loop: EventLoop) {
        self.init(address, options: options, lookup: HostLookup(loop: loop), loop: loop)
    }

    init(_ address: RedisAddress, options: RedisOptions, lookup: HostLookup, loop: EventLoop) {
        // hiredis writes into connections that the other side has closed, which must not end the process.
        signal(SIGPIPE, SIG_IGN)
        self.address = address
        self.options = options
        self.lookup = lookup
        self.loop = loop
    }

    /// Whether commands can be sent.
    package var isOpen: Bool { state == .open }

    /// Closes it. All that wait for replies hear that it is not available. Harmless when it is closed.
    package func close() {
        loop.preconditionOnLoop()
        onLoss = nil
        end(.unavailable("the connection was closed"))
    }

    // MARK: Commands

    /// Sends a command, and returns its reply. The task must run on the loop. To cancel it does not end the wait, which the time limit
    /// of commands does.
    ///
    /// For commands that have one reply each, and no pause before it: not for `SUBSCRIBE`, `MONITOR`, `CLIENT REPLY`, `HELLO 3`,
    /// nor for those that block for as long as a Redis may be silent.
    ///
    /// - Throws: what Redis says if its reply is an error; `.unavailable` when there is no connection, when it is lost before the
    ///   reply has come, and when too much is under way.
    package func send(_ command: [RedisArgument]) async throws(RedisError) -> RedisValue {
        try await withUnsafeContinuation { (continuation: UnsafeContinuation<Reply, Never>) in
            send(command, .resume(continuation))
        }.get()
    }

    /// Sends a command, and hands over its reply, without a task. `then` is called on the loop, before this returns where there
    /// is no connection or too much under way.
    package func send(_ command: [RedisArgument], then: @escaping (Reply) -> Void) {
        send(command, .call(then))
    }

    /// Sends a command whose reply nobody needs.
    func sendAndForget(_ command: [RedisArgument]) { send(command, .nobody) }

    private func send(_ command: [RedisArgument], _ receiver: ReplyQueue.Receiver) {
        loop.preconditionOnLoop()
        precondition(!command.isEmpty, "Redis does not answer a command without words")
        guard state == .open || state == .greeting, let context else {
            return receiver.take(.failure(.unavailable("there is no connection")))
        }
        guard waiting.count < options.commandLimit,
            unsent.count + context.unwritten + command.commandSize <= options.sendLimit
        else { return receiver.take(.failure(.unavailable("too much is under way"))) }
        unsent.append(command: command)
        waiting.append(receiver, at: loop.now)
        guard !isFlushDue, !waitsForSocket else { return }
        isFlushDue = true
        loop.flush(self)
    }

    // MARK: The socket

    /// The end of a turn in which commands have come.
    package func run(on loop: EventLoop) {
        isFlushDue = false
        write()
    }

    package func handle(events: UInt32) {
        if state == .connecting { return didConnect() }
        if events & ~EPOLLOUT.rawValue != 0 { read() }
        if events & EPOLLOUT.rawValue != 0 { write() }
    }

    private func write() {
        guard let context, state != .connecting else { return }
        do throws(RedisError) {
            while unsent.count > 0 || context.unwritten > 0 {
                if context.unwritten == 0 { unsent.take(atMost: Self.pieceSize, context.append) }
                try context.write()
                if context.unwritten > 0 { return waitForSocket(true) }
            }
            waitForSocket(false)
        } catch {
            end(error)
        }
    }

    private func waitForSocket(_ waits: Bool) {
        guard waits != waitsForSocket, let token else { return }
        waitsForSocket = waits
        loop.update(token, events: EPOLLIN.rawValue | (waits ? EPOLLOUT.rawValue : 0))
    }

    private func read() {
        guard let context else { return }
        do throws(RedisError) {
            let count = try context.read()
            guard count > 0 else { return }
            quietSince = loop.now
            hasForgiven = false
            replySize += count
            // Who gets a reply may close the connection.
            while state != .closed, let reply = try context.nextReply() {
                replySize = context.unparsed
                deliver(reply)
            }
            if replySize > options.replyLimit { end(.unavailable("a reply of more than \(options.replyLimit) bytes")) }
        } catch {
            end(error)
        }
    }

    private func deliver(_ reply: RedisValue) {
        if let onMessage, case .array(let parts) = reply, parts.count == 3, parts[0] == Self.message,
            let channel = parts[1].bytes, let payload = parts[2].bytes
        {
            return onMessage(channel, payload)
        }
        let receiver = waiting.popFirst()
        if case .error(let text) = reply {
            let error = RedisError(reply: text)
            guard let receiver else { return end(error) }
            if case .refused = error, state == .open, !error.isUnknownScript { options.onRefusal?(error) }
            receiver.take(.failure(error))
            // After a failover the address may lead to the Redis that takes writes.
            if error == .readOnly { end(error) }
        } else if let receiver {
            receiver.take(.success(reply))
        } else {
            end(.unavailable("it does not speak Redis's protocol: a reply to nothing"))
        }
    }

    private static let message = RedisValue.string(Array("message".utf8))

    /// Ends the connection, and tells all that wait for something from it.
    func end(_ error: RedisError) {
        guard state != .closed else { return }
        let wasOpen = state == .open
        state = .closed
        alarm.cancel()
        disconnect()
        unsent.removeAll()
        while let receiver = waiting.popFirst() { receiver.take(.failure(error)) }
        whenConnected.take()?(.failure(error))
        let onLoss = onLoss.take()
        onMessage = nil
        if wasOpen { onLoss?(error) }
    }

    /// Closes the socket.
    func disconnect() {
        if let token { loop.unregister(token) }
        token = nil
        context = nil
    }
}
