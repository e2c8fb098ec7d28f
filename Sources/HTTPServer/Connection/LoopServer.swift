import CSystem
import Glibc
import Primitives

/// The part of a server that lives on one loop: its listening socket and its connections.
///
/// `@unchecked Sendable`: confined to its loop but for the constants; other threads reach it through `loop.execute`.
final class LoopServer: IOChannel, LoopWork, @unchecked Sendable {
    /// How often deadlines are looked at, in nanoseconds: one timer serves all connections.
    static let tickInterval: Int64 = 1_000_000_000
    /// How long a client may take to read the last response before its connection is closed, in nanoseconds.
    static let lingerTime: Int64 = 2_000_000_000

    let loop: EventLoop
    let configuration: ServerConfiguration
    let service: any HTTPService
    /// How many connections this loop may have.
    let connectionLimit: Int
    /// How many more may be open at a time to be told so; those beyond are closed without a word.
    let refusalLimit: Int

    private let listener: Listener
    private var listenerToken: ChannelToken?
    private var connections: [Connection] = []
    /// The connections that go on at the end of the turn, and the empty array that takes its place meanwhile.
    private var queue: [Connection] = []
    private var spareQueue: [Connection] = []
    private var spareIncoming: [IncomingRequest] = []
    private var runningTasks = 0
    private var isTicking = false
    private var whenEmpty: [CheckedContinuation<Void, Never>] = []
    private(set) var isDraining = false

    init(
        loop: EventLoop,
        listener: Listener,
        configuration: ServerConfiguration,
        connectionLimit: Int,
        refusalLimit: Int,
        service: any HTTPService
    ) {
        self.loop = loop
        self.listener = listener
        self.configuration = configuration
        self.connectionLimit = connectionLimit
        self.refusalLimit = refusalLimit
        self.service = service
    }

    func start() throws(SystemError) {
        try startAccepting()
    }

    // MARK: Accepting

    private func startAccepting() throws(SystemError) {
        listenerToken = try loop.register(listener.socket, events: EPOLLIN.rawValue, channel: self)
    }

    private static let acceptsPerTurn = 64
    private static let spareLimit = 16
    private static let acceptPause: Int64 = 100_000_000

    func handle(events: UInt32) {
        accept(atMost: Self.acceptsPerTurn)
    }

    private func accept(atMost limit: Int) {
        for _ in 0..<limit {
            var address = sockaddr_storage()
            let socket = cs_accept(listener.socket, &address)
            guard socket >= 0 else {
                if errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM { pauseAccepting() }
                return
            }
            add(socket, peer: SocketAddress(address))
        }
    }

    private func add(_ socket: Int32, peer: SocketAddress) {
        guard connections.count < connectionLimit + refusalLimit else {
            close(socket)
            return
        }
        let connection = Connection(socket: socket, peer: peer, server: self)
        let events = EPOLLIN.rawValue | EPOLLOUT.rawValue | EPOLLRDHUP.rawValue | EPOLLET.rawValue
        guard let token = try? loop.register(socket, events: events, channel: connection) else {
            // The kernel has no memory for another descriptor: the client is let go and may try again.
            close(socket)
            return
        }
        connection.token = token
        connection.index = connections.count
        connections.append(connection)
        configuration.metrics.connections.add(1, ordering: .relaxed)
        configuration.metrics.accepted.add(1, ordering: .relaxed)
        startTicking()
        if connections.count > connectionLimit {
            connection.refuse(HTTPParseError(.serviceUnavailable, "Too many connections"))
        }
    }

    /// Without descriptors or memory, accepting would fail again at once and for ever: a moment's rest instead.
    private func pauseAccepting() {
        if let listenerToken { loop.unregister(listenerToken) }
        listenerToken = nil
        loop.schedule(at: loop.now + Self.acceptPause) { [self] in
            guard !isDraining else { return }
            do throws(SystemError) { try startAccepting() } catch { pauseAccepting() }
        }
    }

    // MARK: Connections

    func takeIncomingRequest() -> IncomingRequest {
        spareIncoming.popLast() ?? IncomingRequest(limits: configuration.limits)
    }

    /// Takes an idle one back for the next connection that reads a request.
    func give(_ incoming: IncomingRequest) {
        if spareIncoming.count < Self.spareLimit { spareIncoming.append(incoming) }
    }

    func didClose(_ connection: Connection) {
        configuration.metrics.connections.subtract(1, ordering: .relaxed)
        let last = connections.removeLast()
        if last !== connection {
            connections[connection.index] = last
            last.index = connection.index
        }
        resumeIfEmpty()
    }

    func didStartTask() { runningTasks += 1 }

    func didEndTask() {
        runningTasks -= 1
        resumeIfEmpty()
    }

    /// Gives the connection its next share when the others have had theirs.
    func resumeLater(_ connection: Connection) {
        guard !connection.isQueued else { return }
        connection.isQueued = true
        if queue.isEmpty { loop.flush(self) }
        queue.append(connection)
    }

    func run(on loop: EventLoop) {
        swap(&queue, &spareQueue)
        for connection in spareQueue { connection.resume() }
        spareQueue.removeAll(keepingCapacity: true)
    }

    private func startTicking() {
        guard !isTicking else { return }
        isTicking = true
        loop.schedule(at: loop.now + Self.tickInterval) { [self] in
            isTicking = false
            // Backwards: a connection that closes has the last one put in its place.
            for index in connections.indices.reversed() where index < connections.count { connections[index].tick() }
            if !connections.isEmpty { startTicking() }
        }
    }

    // MARK: Ending

    /// Accepts no more, closes idle connections, and lets the others end with their current response.
    func drain() {
        guard !isDraining else { return }
        // What the kernel has accepted for us would be reset by closing the socket.
        if listenerToken != nil { accept(atMost: Int(Listener.backlog)) }
        isDraining = true
        if let listenerToken { loop.unregister(listenerToken) }
        listenerToken = nil
        close(listener.socket)
        for connection in connections.reversed() { connection.drain() }
    }

    func closeAll() {
        drain()
        for connection in connections.reversed() { connection.close() }
    }

    /// Returns when there is no connection left and no handler runs.
    func waitUntilEmpty() async {
        await withCheckedContinuation { (continuation: CheckedContinuation<Void, Never>) in
            loop.execute { [self] in
                whenEmpty.append(continuation)
                resumeIfEmpty()
            }
        }
    }

    private func resumeIfEmpty() {
        guard connections.isEmpty, runningTasks == 0, !whenEmpty.isEmpty else { return }
        let continuations = whenEmpty
        whenEmpty = []
        for continuation in continuations { continuation.resume() }
    }
}
