import CSystem
import Glibc
import Primitives

extension Connection {
    /// Reads what the socket has, once a turn, and handles the requests in it.
    func read() {
        guard isOpen, isReadable else { return }
        switch phase {
        case .answering, .streaming: return
        // What was read before comes first; and who reads no responses is not read any further.
        case .reading where !inbound.isEmpty || outbound.count >= Self.outboundLimit: return
        case .reading, .ending, .lingering: break
        }
        let count = recv(socket, loop.readBuffer.baseAddress, loop.readBuffer.count, 0)
        guard count > 0 else {
            if count == 0 { didReadEnd() } else { didFailToRead() }
            return
        }
        // A read that fills the buffer may not be all; neither is one before the end that was announced.
        isReadable = count == loop.readBuffer.count || isHalfClosed
        if isReadable { server.resumeLater(self) }
        guard case .reading = phase else { return }
        let bytes = UnsafeBufferPointer(rebasing: loop.readBuffer[..<count])
        let used = consume(bytes)
        if isOpen, used < count { inbound = Array(bytes[used...]) }
        flush()
    }

    private func didFailToRead() {
        switch errno {
        case EAGAIN: isReadable = false
        case EINTR: server.resumeLater(self)
        default: close()
        }
    }

    /// The client sends no more. Requests it has sent whole are still answered (RFC 9112, section 9.6).
    private func didReadEnd() {
        isReadable = false
        hasReadEnd = true
        closesAfterResponse = true
        switch phase {
        case .reading where !isBetweenRequests:
            refuse(HTTPParseError(.badRequest, "The request ended in the middle"))
        case .reading:
            phase = .ending
            flush()
        case .lingering: close()
        case .ending, .answering, .streaming: break
        }
    }

    /// Feeds bytes to the parser until they are used up or a request has to wait for its answer; returns how many it
    /// has taken. The bytes stay in place until it returns: nothing that it calls reads from the socket.
    private func consume(_ buffer: UnsafeBufferPointer<UInt8>) -> Int {
        let bytes = buffer.span
        var offset = 0
        let incoming = incoming ?? server.takeIncomingRequest()
        self.incoming = incoming
        do {
            while case .reading = phase, outbound.count < Self.outboundLimit {
                switch try incoming.parser.next(bytes, from: &offset) {
                case .needsMore:
                    if awaitsRequest, !incoming.isIdle { awaitRequest(for: server.configuration.headerTimeout) }
                    dropIncomingIfFresh()
                    return offset
                case .head(let head): didReadHead(head, of: incoming, isLast: offset == bytes.count)
                case .body(let range): incoming.body.append(contentsOf: buffer[range])
                case .end: answer(incoming)
                }
            }
        } catch {
            refuse(error)
            return bytes.count
        }
        dropIncomingIfFresh()
        return offset
    }

    private func dropIncomingIfFresh() {
        guard let incoming, incoming.isFresh else { return }
        self.incoming = nil
        server.give(incoming)
    }

    /// The next part of the request is to come within that time.
    private func awaitRequest(for time: Int64) {
        awaitsRequest = false
        deadline = loop.now + time
    }

    /// A client that sends requests and reads no responses is not read any further beyond this many bytes.
    private static let outboundLimit = 262_144

    /// Memory for a body is taken as it comes, beyond this many bytes: an announced length costs the client nothing.
    private static let reservedBody = 65_536

    private func didReadHead(_ head: HTTPRequestHead, of incoming: IncomingRequest, isLast: Bool) {
        awaitRequest(for: server.configuration.bodyTimeout)
        incoming.head = head
        if case .length(let count) = head.framing { incoming.body.reserveCapacity(min(count, Self.reservedBody)) }
        if head.expectsContinue, isLast {
            borrowOutbound()
            outbound.append(ascii: "HTTP/1.1 100 Continue\r\n\r\n")
            flush()
        }
    }

    private func answer(_ incoming: IncomingRequest) {
        guard let head = incoming.head else { return }
        let request = HTTPRequest(head: head, body: incoming.body, peer: peer, loop: loop)
        incoming.head = nil
        incoming.body = []
        deadline = .max
        omitsBody = head.method == .head
        if !head.keepsAlive {
            closesAfterResponse = true
            endsUnasked = false
        }
        isOldVersion = head.minorVersion == 0
        phase = .answering
        switch server.service.answer(request) {
        case .now(let response): respond(response)
        case .later(let work): run(work)
        }
    }

    /// Runs a handler as a task on the loop. It holds no connection, only its token: the client may leave meanwhile.
    private func run(_ work: @escaping @Sendable () async -> HTTPResponse) {
        let (loop, token, server) = (loop, token, server)
        server.didStartTask()
        Task(executorPreference: loop) {
            let response = await work()
            server.didEndTask()
            guard let connection = loop.channel(token) as? Connection else { return }
            connection.respond(response)
            connection.goOn()
        }
    }

    /// After a response that was not there at once, or one that had to wait for the client: the requests behind it.
    func goOn() {
        if case .reading = phase, !inbound.isEmpty {
            // Held here, as a connection that is closed lets go of them.
            let (bytes, start) = (inbound, inboundStart)
            let used = bytes.withUnsafeBufferPointer { consume(UnsafeBufferPointer(rebasing: $0[start...])) }
            inboundStart = start + used
            if inboundStart >= inbound.count { dropInbound() }
        }
        flush()
        read()
    }

    /// Says why the request is refused, and ends the connection: where the next one would begin is unknown.
    func refuse(_ error: HTTPParseError) {
        let head = incoming?.head ?? incoming?.parser.refusedHead
        incoming = nil
        closesAfterResponse = true
        endsUnasked = true
        omitsBody = head?.method == .head
        phase = .answering
        respond(server.service.response(to: error, head: head))
        flush()
    }
}
