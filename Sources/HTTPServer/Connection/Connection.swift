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
        /// All is said. What still comes in is thrown away for a moment, as closing a socket with unread bytes would
        /// reset it, and the client might never see the response.
        case lingering
    }

    /// A request of which the head is there.
    struct PendingRequest {
        var head: HTTPRequestHead
        var body: [UInt8] = []
    }

    let loop: EventLoop
    let socket: Int32
    let peer: SocketAddress
    unowned let server: LoopServer
    var token = ChannelToken(descriptor: -1, generation: 0)
    /// The place in the server's list.
    var index = 0

    var phase = Phase.reading
    var parser: HTTPRequestParser
    var request: PendingRequest?
    /// Bytes that were read behind the request that is being answered.
    var inbound: [UInt8] = []
    /// Bytes of responses that are not sent yet, from `outboundStart` on.
    var outbound: [UInt8] = []
    var outboundStart = 0

    /// Whether the socket may have more to read than was read.
    var isReadable = false
    /// Whether the client has said that it sends no more; the end itself may still have to be read.
    var isHalfClosed = false
    var isWritable = true
    /// Whether the connection waits for its next share of the loop.
    var isQueued = false
    /// Whether the client speaks HTTP/1.0.
    var isOldVersion = false
    /// Whether the client may be sending what nobody will read.
    var isRefused = false
    /// Whether the connection ends with the current response.
    var closesAfterResponse = false
    /// Whether the current response goes to a `HEAD` request, which gets no body.
    var omitsBody = false
    /// When the phase has lasted too long, as monotonic time.
    var deadline: Int64
    /// When the socket last took a byte, or when the first of those that wait was given to it.
    var lastProgress: Int64

    init(socket: Int32, peer: SocketAddress, server: LoopServer) {
        self.socket = socket
        self.peer = peer
        self.server = server
        loop = server.loop
        parser = HTTPRequestParser(limits: server.configuration.limits)
        deadline = loop.now + server.configuration.idleTimeout
        lastProgress = loop.now
    }

    var isOpen: Bool { token.descriptor >= 0 }

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
            if events & EPOLLRDHUP.rawValue != 0 { isHalfClosed = true }
            read()
        }
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
        if case .streaming(let producer) = phase { producer.didClose() }
        phase = .lingering
        loop.unregister(token)
        token = ChannelToken(descriptor: -1, generation: 0)
        Glibc.close(socket)
        loop.buffers.give(&outbound)
        inbound = []
        request = nil
        server.didClose(self)
    }
}

extension Connection {
    /// The server ends: an idle connection is closed, any other one ends with its current response.
    func drain() {
        closesAfterResponse = true
        if case .reading = phase, parser.isIdle, outbound.isEmpty, !isReadable { close() }
    }
}
