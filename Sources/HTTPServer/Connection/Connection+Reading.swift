import CSystem
import Glibc
import Primitives

extension Connection {
    /// Reads what the socket has, once a turn, and handles the requests in it.
    func read() {
        guard isOpen, isReadable else { return }
        switch phase {
        case .answering, .streaming: return
        case .reading, .lingering: break
        }
        let count = recv(socket, loop.readBuffer.baseAddress, loop.readBuffer.count, 0)
        if count < 0 {
            isReadable = false
            if errno != EAGAIN && errno != EINTR { close() }
            return
        }
        guard count > 0 else {
            didReadEnd()
            return
        }
        // A read that fills the buffer may not be all; neither is one before the end that was announced.
        isReadable = count == loop.readBuffer.count || isHalfClosed
        if isReadable { server.resumeLater(self) }
        guard case .reading = phase else { return }
        if parser.isIdle { deadline = loop.now + server.configuration.headerTimeout }
        consume(UnsafeBufferPointer(rebasing: loop.readBuffer[..<count]))
        flush()
    }

    /// The client sends no more. Requests it has sent whole are still answered (RFC 9112, section 9.6).
    private func didReadEnd() {
        isReadable = false
        closesAfterResponse = true
        if case .reading = phase, !parser.isIdle {
            refuse(HTTPParseError(.badRequest, "The request ended in the middle"))
        } else if outbound.isEmpty {
            close()
        } else {
            phase = .lingering
        }
    }

    /// Feeds bytes to the parser until they are used up or a request has to wait for its answer.
    /// The bytes stay in place until it returns: they are the loop's, or the caller's own.
    private func consume(_ buffer: UnsafeBufferPointer<UInt8>) {
        let bytes = buffer.span
        var offset = 0
        do {
            while case .reading = phase, isOpen, outbound.count < Self.outboundLimit {
                switch try parser.next(bytes, from: &offset) {
                case .needsMore: return
                case .head(let head): didReadHead(head, isLast: offset == bytes.count)
                case .body(let range): request?.body.append(contentsOf: buffer[range])
                case .end: answer()
                }
            }
        } catch {
            refuse(error)
            return
        }
        if isOpen, offset < bytes.count { inbound = Array(buffer[offset...]) }
    }

    /// A client that sends requests and reads no responses is not read any further beyond this many bytes.
    private static let outboundLimit = 262_144

    private func didReadHead(_ head: HTTPRequestHead, isLast: Bool) {
        deadline = loop.now + server.configuration.bodyTimeout
        request = PendingRequest(head: head)
        if case .length(let count) = head.framing { request?.body.reserveCapacity(count) }
        if head.expectsContinue, isLast {
            borrowOutbound()
            outbound.append(ascii: "HTTP/1.1 100 Continue\r\n\r\n")
            flush()
        }
    }

    private func answer() {
        guard let pending = request else { return }
        request = nil
        deadline = .max
        omitsBody = pending.head.method == .head
        if !pending.head.keepsAlive || server.isDraining { closesAfterResponse = true }
        isOldVersion = pending.head.minorVersion == 0
        phase = .answering
        let request = HTTPRequest(head: pending.head, body: pending.body, peer: peer, loop: loop)
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
        if isOpen, case .reading = phase, !inbound.isEmpty {
            let bytes = inbound
            inbound = []
            bytes.withUnsafeBufferPointer { consume($0) }
        }
        flush()
        read()
    }

    /// Says why the request is refused, and ends the connection: where the next one would begin is unknown.
    func refuse(_ error: HTTPParseError) {
        request = nil
        closesAfterResponse = true
        isRefused = true
        omitsBody = false
        phase = .answering
        respond(server.service.response(to: error, head: parser.refusedHead))
        flush()
    }
}
