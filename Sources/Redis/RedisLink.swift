import HTTPServer

/// What becomes of the connection to Redis.
package enum RedisAvailability: Sendable, Equatable {
    case connected
    /// Or it did not come about.
    case lost(RedisError)
}

/// A connection that is made again whenever it is lost. Confined to its loop, hence `@unchecked Sendable`.
final class RedisLink: @unchecked Sendable {
    let loop: EventLoop
    private let address: RedisAddress
    private let options: RedisOptions
    private let lookup: HostLookup
    /// What a new connection is prepared with, before anyone else may use it.
    private let prepare: (RedisConnection) -> Void
    private var connection: RedisConnection?
    private var isRunning = false
    private var backoff = Backoff()
    private var openedAt: Int64 = 0
    private lazy var alarm = Alarm(on: loop) { [weak self] in self?.connect() }

    private var observers: [Int: (RedisAvailability) -> Void] = [:]
    private var observerCount = 0
    private var lastTold: RedisAvailability?
    /// Why there is no connection at the moment.
    private(set) var fault = RedisError.unavailable("there is no connection yet")

    init(
        _ address: RedisAddress,
        options: RedisOptions,
        loop: EventLoop,
        prepare: @escaping (RedisConnection) -> Void
    ) {
        self.address = address
        self.options = options
        self.loop = loop
        self.prepare = prepare
        lookup = HostLookup(loop: loop)
    }

    /// The connection, as long as it is open.
    var open: RedisConnection? {
        guard let connection, connection.isOpen else { return nil }
        return connection
    }

    func start() {
        loop.preconditionOnLoop()
        precondition(!isRunning, "It has been started")
        isRunning = true
        connect()
    }

    func close() {
        loop.preconditionOnLoop()
        isRunning = false
        alarm.cancel()
        fault = .unavailable("it was closed")
        observers = [:]
        connection?.close()
        connection = nil
    }

    /// - Returns: by which it is removed.
    func observe(_ observer: @escaping (RedisAvailability) -> Void) -> Int {
        loop.preconditionOnLoop()
        observerCount += 1
        observers[observerCount] = observer
        return observerCount
    }

    func removeObserver(_ id: Int) {
        loop.preconditionOnLoop()
        observers[id] = nil
    }

    private func connect() {
        let connection = RedisConnection(address, options: options, lookup: lookup, loop: loop)
        self.connection = connection
        connection.onLoss = { [weak self] in self?.retry(after: $0) }
        connection.connect { [weak self] result in
            guard let self, isRunning else { return }
            switch result {
            case .failure(let error): retry(after: error)
            case .success:
                openedAt = loop.now
                prepare(connection)
                tell(.connected)
            }
        }
    }

    private func retry(after error: RedisError) {
        guard isRunning else { return }
        connection = nil
        fault = error
        // One that is lost as soon as it is there, as with a replica, is no reason to begin with short delays again.
        if lastTold == .connected, loop.now - openedAt >= Backoff.longest { backoff = Backoff() }
        alarm.set(at: loop.now + backoff.next())
        tell(.lost(error))
    }

    /// Tells the observers, once for each change.
    private func tell(_ news: RedisAvailability) {
        if case .lost = news, case .lost = lastTold { return }
        lastTold = news
        for (_, observer) in observers.sorted(by: { $0.key < $1.key }) { observer(news) }
    }
}

/// How long to wait before the next try: twice as long each time, at random, so that not all come at once.
struct Backoff {
    private var upper = Self.shortest * 2

    /// In nanoseconds.
    static let shortest: Int64 = 100_000_000
    static let longest: Int64 = 2_000_000_000

    mutating func next() -> Int64 {
        defer { upper = min(upper * 2, Self.longest) }
        return Int64.random(in: (upper / 2)...upper)
    }
}
