import CSystem
import Glibc
import Primitives

/// One client's connection: reads requests, has them answered in their order, writes the responses.
///
/// Confined to its loop. Edge-triggered: what `epoll` has told of once is remembered until the socket says otherwise.
/// Buffers exist only while bytes are in flight.
final class Connection: IOChannel {
    enum Phase {
        /// Waiting for a request, or in the middle of one.
        case reading
        /// A request is being answered; what the client sends meanwhile stays in the socket.
        case answering
        case streaming(any BodyProducer)
        /// All is said, and on its way to the client. What still comes in is thrown away.
        case ending
        /// All is sent. What still comes in is thrown away for a moment, as closing a socket with unread bytes would
        /// reset it, and the client might never see the response.
        case lingering
    }

    let loop: EventLoop
    let socket: Int32
    let peer: SocketAddress
    /// A cycle only until the connection is closed: then the server forgets it.
    let server: LoopServer
    var token = ChannelToken(descriptor: -1, generation: 0)
    /// The place in the server's list.
    var index = 0

    var phase = Phase.reading
    /// The request that is being read; nil between two.
    var incoming: IncomingRequest?
    /// Bytes that were read behind the request that is being answered, from `inboundStart` on.
    var inbound: [UInt8] = []
    var inboundStart = 0
    /// Bytes of responses that are not sent yet, from `outboundStart` on.
    var outbound: [UInt8] = []
    var outboundStart = 0

    /// Whether the socket may have more to read than was read.
    var isReadable = false
    /// Whether the client has said that it sends no more; the end itself may still have to be read.
    var isHalfClosed = false
    /// Whether that end has been read.
    var hasReadEnd = false
    var isWritable = true
    /// Whether the connection waits for its next share of the loop.
    var isQueued = false
    /// Whether the client speaks HTTP/1.0.
    var isOldVersion = false
    /// Whether the connection ends without the client having asked for it: it may be sending what nobody will read.
    var endsUnasked = false
    /// Whether the connection ends with the current response.
    var closesAfterResponse = false
    /// Whether the current response goes to a `HEAD` request, which gets no body.
    var omitsBody = false
    /// Whether nothing of the next request has come: `deadline` is that of an idle connection.
    var awaitsRequest = true
    /// The memory of `inbound` and `outbound`, as it was last told, in bytes.
    var countedBufferBytes: Int32 = 0
    /// When the phase has lasted too long, as monotonic time.
    var deadline: Int64
    /// When the socket last took a byte, or when it first refused those that wait.
    var lastProgress: Int64

    init(socket: Int32, peer: SocketAddress, server: LoopServer) {
        self.socket = socket
        self.peer = peer
        self.server = server
        loop = server.loop
        deadline = loop.now + server.configuration.idleTimeout
        lastProgress = loop.now
    }

    var isOpen: Bool { token.descriptor >= 0 }

    /// Whether nothing of a next request has come.
    var isBetweenRequests: Bool { incoming?.isIdle ?? true }

    func handle(events: UInt32) {
        if events & (EPOLLERR.rawValue | EPOLLHUP.rawValue) != 0 {
            close()
            return
        }
        if events & EPOLLOUT.rawValue != 0 {
            isWritable = true
            pump()
        }
        if events & (EPOLLIN.rawValue | EPOLLRDHUP.rawValue) != 0 {
            isReadable = true
            if events & EPOLLRDHUP.rawValue != 0 { didHalfClose() }
            read()
        }
    }

    /// The client has said that it sends no more. Most that do so in the middle of a stream are gone altogether, which shows
    /// when they are sent something.
    private func didHalfClose() {
        isHalfClosed = true
        guard case .streaming(let producer) = phase else { return }
        producer.keepAlive()
        pump()
    }

    /// Goes on where the turn's share was used up.
    func resume() {
        isQueued = false
        guard isOpen else { return }
        pump()
        goOn()
    }

    func close() {
        guard isOpen else { return }
        let lastPhase = phase
        phase = .lingering
        loop.unregister(token)
        token = ChannelToken(descriptor: -1, generation: 0)
        Glibc.close(socket)
        outboundStart = 0
        loop.buffers.give(&outbound)
        dropInbound()
        countBuffers()
        incoming = nil
        server.didClose(self)
        // Last, as a producer may use its outlet once more, and must find the connection closed.
        if case .streaming(let producer) = lastPhase { producer.didClose() }
    }

    func dropInbound() {
        inbound = []
        inboundStart = 0
    }
}

extension Connection {
    /// The server ends: an idle connection is closed, any other one ends with its current response.
    func drain() {
        if !closesAfterResponse {
            closesAfterResponse = true
            endsUnasked = true
        }
        guard isIdle else { return }
        // A request may be there that `epoll` has not told of yet.
        isReadable = true
        read()
        guard isIdle else { return }
        if outbound.isEmpty { close() } else { phase = .ending }
    }

    private var isIdle: Bool {
        if case .reading = phase { isOpen && isBetweenRequests && inbound.isEmpty } else { false }
    }
}
