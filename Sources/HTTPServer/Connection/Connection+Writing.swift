import CSystem
import Glibc
import Primitives

extension Connection {
    func borrowOutbound() {
        if outbound.capacity == 0 { outbound = loop.buffers.take() }
    }

    /// Puts the response behind those that wait. `flush` sends them together.
    func respond(_ response: HTTPResponse) {
        borrowOutbound()
        let connectionField: HTTPResponse.ConnectionField =
            closesAfterResponse ? .close : isOldVersion ? .keepAlive : .none
        switch response.body {
        case .bytes(let bytes):
            let hasBody = response.status.code >= 200 && response.status.code != 204 && response.status.code != 304
            response.appendHead(
                to: &outbound,
                connection: connectionField,
                framing: hasBody ? .length(bytes.count) : .none,
                loop: loop
            )
            if hasBody && !omitsBody { outbound.append(contentsOf: bytes) }
            didRespond()
        case .stream(let body):
            // HTTP/1.0 knows no chunks: the end of the connection is the end of the body (RFC 9112, section 6.3).
            let isChunked = !isOldVersion
            if !isChunked { closesAfterResponse = true }
            response.appendHead(
                to: &outbound,
                connection: isChunked ? connectionField : .close,
                framing: isChunked ? .chunked : .none,
                loop: loop
            )
            guard !omitsBody else {
                didRespond()
                return
            }
            lastProgress = loop.now
            phase = .streaming(body.start(BodyOutlet(loop: loop, isChunked: isChunked, connection: self)))
            pump()
        }
    }

    /// The response is complete in `outbound`, or sent.
    private func didRespond() {
        if closesAfterResponse {
            phase = .ending
        } else {
            phase = .reading
            awaitsRequest = true
            deadline = loop.now + server.configuration.idleTimeout
        }
    }

    /// Sends what waits in `outbound`.
    func flush() {
        guard isOpen else { return }
        defer { countBuffers() }
        if outbound.count > outboundStart, isWritable {
            let count = outbound.withUnsafeBytes { bytes in
                send(socket, bytes.baseAddress! + outboundStart, bytes.count - outboundStart, Int32(MSG_NOSIGNAL))
            }
            guard didWrite(count, of: outbound.count - outboundStart) else { return }
            outboundStart += max(0, count)
        }
        guard outboundStart == outbound.count else {
            if isWritable { server.resumeLater(self) }
            return
        }
        if outbound.capacity > 0 {
            outboundStart = 0
            loop.buffers.give(&outbound)
            // Requests may wait that were held back because the client did not read its responses.
            if isReadable || !inbound.isEmpty { server.resumeLater(self) }
        }
        if case .ending = phase { endAfterResponse() }
    }

    /// Tells how much memory the buffers take, where that has changed.
    func countBuffers() {
        let byteCount = Int32(clamping: outbound.capacity + inbound.capacity)
        guard byteCount != countedBufferBytes else { return }
        server.configuration.metrics.bufferBytes.add(Int(byteCount - countedBufferBytes))
        countedBufferBytes = byteCount
    }

    /// Whether the socket is still good. It is full when it has taken less than was offered: `epoll` tells when it
    /// takes more.
    private func didWrite(_ count: Int, of offered: Int) -> Bool {
        if count >= 0 {
            server.configuration.metrics.sentBytes.add(count)
            lastProgress = loop.now
            isWritable = count == offered
            return true
        }
        switch errno {
        case EAGAIN:
            lastProgress = loop.now
            isWritable = false
        case EINTR: break
        default:
            close()
            return false
        }
        return true
    }

    /// Closes at once where nothing can be lost by it, else after the client has had time to read the response.
    private func endAfterResponse() {
        guard !hasReadEnd, isReadable || endsUnasked || !inbound.isEmpty else {
            close()
            return
        }
        dropInbound()
        phase = .lingering
        deadline = loop.now + LoopServer.lingerTime
        shutdown(socket, Int32(SHUT_WR))
        // Not `read` now: the bytes in the loop's buffer may still be in use.
        if isReadable { server.resumeLater(self) }
    }

    /// Sends what the streamed body has, one batch a turn, so that every connection gets its share.
    func pump() {
        guard isOpen else { return }
        if !outbound.isEmpty {
            // The head leaves first. With it out of the way, the body may follow at once.
            flush()
            guard outbound.isEmpty else { return }
        }
        guard case .streaming(let producer) = phase, isWritable else { return }
        let state = producer.fill(&loop.batch)
        defer { loop.batch.removeAll() }
        // The producer may have ended the connection, here and below.
        guard isOpen else { return }
        let offered = loop.batch.byteCount
        if offered > 0 {
            let count = loop.batch.send(to: socket)
            guard didWrite(count, of: offered) else { return }
            producer.didSend(max(0, count))
            guard isOpen else { return }
            guard count == offered else {
                if isWritable { server.resumeLater(self) }
                return
            }
        }
        switch state {
        case .more: server.resumeLater(self)
        case .waiting: break
        case .finished: endStream(producer)
        }
    }

    private func endStream(_ producer: any BodyProducer) {
        phase = .answering
        producer.didClose()
        guard isOpen else { return }
        didRespond()
        flush()
        // Requests may have come meanwhile.
        if isOpen { server.resumeLater(self) }
    }
}
