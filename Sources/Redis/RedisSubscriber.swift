import HTTPServer

/// What is published on channels of Redis, for one loop, over a connection of its own that is made again when it is lost.
///
/// `@unchecked Sendable`: confined to its loop, on which all its functions must be called, and handlers are.
package final class RedisSubscriber: @unchecked Sendable {
    /// What a handler hears of its channel.
    package enum Event: Sendable, Equatable {
        /// From now on nothing is missed.
        case subscribed
        /// The subscription is in effect again. What was published since its connection was lost is missed.
        case gap
        case message([UInt8])
    }

    /// A handler's subscription.
    package struct Subscription: Sendable, Hashable {
        let channel: [UInt8]
        let id: Int
    }

    private struct Handler {
        let id: Int
        let handle: (Event) -> Void
        /// Whether it has been told that its subscription is in effect.
        var wasTold = false
    }

    private final class Channel {
        let name: [UInt8]
        var handlers: [Handler] = []
        /// Over the connection that is there, if there is one.
        var isInEffect = false
        /// Why Redis refuses it.
        var refusal: RedisError?
        var waiting: [UnsafeContinuation<Result<Void, RedisError>, Never>] = []

        init(name: [UInt8]) {
            self.name = name
        }

        func confirm(_ result: Result<Void, RedisError>) {
            let waiting = waiting
            self.waiting = []
            for continuation in waiting { continuation.resume(returning: result) }
        }
    }

    package let loop: EventLoop
    private var channels: [[UInt8]: Channel] = [:]
    private var count = 0
    private lazy var link = RedisLink(address, options: options, loop: loop) { [weak self] in self?.subscribeAll(on: $0)
    }
    private let address: RedisAddress
    private let options: RedisOptions

    package init(_ address: RedisAddress, options: RedisOptions = RedisOptions(), loop: EventLoop) {
        self.address = address
        self.options = options
        self.loop = loop
    }

    /// Begins to connect. To be called once.
    package func start() { link.start() }

    /// Closes the connection for good. Handlers hear nothing more.
    package func close() {
        link.close()
        let channels = channels
        self.channels = [:]
        for channel in channels.values { channel.confirm(.failure(link.fault)) }
    }

    /// Whether there is a connection now.
    package var isConnected: Bool { link.open != nil }

    /// As `RedisClient.observe`.
    package func observe(_ observer: @escaping (RedisAvailability) -> Void) -> Int { link.observe(observer) }

    package func removeObserver(_ id: Int) { link.removeObserver(id) }

    // MARK: Subscriptions

    /// Subscribes to a channel until `unsubscribe`, over all connections. While there is none, the subscription comes into
    /// effect with the next one. `handler` is called on the loop, for one event after the other, and not before this has returned.
    package func subscribe(_ channel: String, _ handler: @escaping (Event) -> Void) -> Subscription {
        loop.preconditionOnLoop()
        count += 1
        let subscription = Subscription(channel: Array(channel.utf8), id: count)
        let known = channels[subscription.channel]
        let channel = known ?? Channel(name: subscription.channel)
        channels[subscription.channel] = channel
        channel.handlers.append(Handler(id: subscription.id, handle: handler))
        if known == nil {
            if let connection = link.open { subscribe(channel, on: connection) }
        } else if isInEffect(channel) {
            loop.execute { [weak self] in self?.tellOfEffect(subscription) }
        }
        return subscription
    }

    /// Ends a subscription: its handler is not called again. Harmless when it has ended.
    package func unsubscribe(_ subscription: Subscription) {
        loop.preconditionOnLoop()
        guard let channel = channels[subscription.channel] else { return }
        channel.handlers.removeAll { $0.id == subscription.id }
        guard channel.handlers.isEmpty else { return }
        channels[subscription.channel] = nil
        link.open?.sendAndForget(["UNSUBSCRIBE", .bytes(channel.name)])
        channel.confirm(.failure(.unavailable("the subscription has ended")))
    }

    /// Returns when a subscription is in effect: what is published from then on reaches its handler. The task must run on the loop.
    ///
    /// - Throws: `.unavailable` when there is no connection, or it is lost meanwhile, or the subscription has ended; else why Redis
    ///   refuses it. The subscription stays all the same.
    package func confirmation(of subscription: Subscription) async throws(RedisError) {
        loop.preconditionOnLoop()
        guard let channel = channels[subscription.channel] else { throw .unavailable("the subscription has ended") }
        guard isConnected else { throw link.fault }
        if channel.isInEffect { return }
        if let refusal = channel.refusal { throw refusal }
        try await withUnsafeContinuation { (continuation: UnsafeContinuation<Result<Void, RedisError>, Never>) in
            channel.waiting.append(continuation)
        }.get()
    }

    private func subscribeAll(on connection: RedisConnection) {
        connection.onMessage = { [weak self] in self?.deliver($1, on: $0) }
        for channel in channels.values {
            channel.isInEffect = false
            channel.refusal = nil
            subscribe(channel, on: connection)
        }
    }

    private func subscribe(_ channel: Channel, on connection: RedisConnection) {
        connection.send(["SUBSCRIBE", .bytes(channel.name)]) { [weak self] reply in
            // The name may have been given up, or even been subscribed to anew.
            guard let self, channels[channel.name] === channel else { return }
            switch reply {
            case .success:
                channel.isInEffect = true
                for handler in channel.handlers {
                    tellOfEffect(Subscription(channel: channel.name, id: handler.id))
                }
                channel.confirm(.success(()))
            case .failure(let error):
                channel.isInEffect = false
                channel.refusal = error
                channel.confirm(.failure(error))
            }
        }
    }

    private func tellOfEffect(_ subscription: Subscription) {
        guard let channel = channels[subscription.channel], isInEffect(channel),
            let index = channel.handlers.firstIndex(where: { $0.id == subscription.id })
        else { return }
        let handler = channel.handlers[index]
        channel.handlers[index].wasTold = true
        handler.handle(handler.wasTold ? .gap : .subscribed)
    }

    private func deliver(_ payload: [UInt8], on name: [UInt8]) {
        guard let channel = channels[name], channel.isInEffect else { return }
        for handler in channel.handlers where handler.wasTold {
            // One of those before may have ended it.
            guard channel.handlers.contains(where: { $0.id == handler.id }) else { continue }
            handler.handle(.message(payload))
        }
    }

    private func isInEffect(_ channel: Channel) -> Bool { channel.isInEffect && isConnected }
}
