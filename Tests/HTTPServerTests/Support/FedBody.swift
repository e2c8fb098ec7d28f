import HTTPServer
import Synchronization

/// A streamed body that a test feeds, and that tells what happens to it.
final class FedBody: StreamedBody {
    enum Event: Equatable {
        case started(isChunked: Bool)
        case keptAlive(at: Int64)
        case closed
    }

    private struct State {
        var waiting: [UInt8] = []
        var isFinished = false
        var outlet: BodyOutlet?
        var handed = 0
    }

    private let state = Mutex(State())
    /// What a keep-alive sends.
    let comment: [UInt8]
    let events: AsyncStream<Event>
    private let tell: AsyncStream<Event>.Continuation

    /// Whether its producer aborts the connection once more when it hears that it is closed.
    let abortsWhenClosed: Bool

    init(comment: String = ":", abortsWhenClosed: Bool = false) {
        self.abortsWhenClosed = abortsWhenClosed
        self.comment = Array(comment.utf8)
        (events, tell) = AsyncStream.makeStream()
    }

    /// How many bytes have been given to sockets.
    var handedCount: Int { state.withLock { $0.handed } }

    func start(_ outlet: BodyOutlet) -> any BodyProducer {
        state.withLock { $0.outlet = outlet }
        tell.yield(.started(isChunked: outlet.isChunked))
        return FedProducer(self, isChunked: outlet.isChunked)
    }

    /// Appends `text`; the body ends behind it if that `isLast`. Goes out at once if the body has started.
    func push(_ text: String, isLast: Bool = false) {
        push(Array(text.utf8), isLast: isLast)
    }

    func push(_ bytes: [UInt8], isLast: Bool = false) {
        let outlet = state.withLock { state in
            state.waiting += bytes
            state.isFinished = isLast
            return state.outlet
        }
        guard let outlet else { return }
        outlet.loop.execute { outlet.pump() }
    }

    /// Ends the connection.
    func abort() {
        guard let outlet = state.withLock({ $0.outlet }) else { return }
        outlet.loop.execute { outlet.abort() }
    }

    fileprivate func take(atMost limit: Int) -> (bytes: [UInt8], isLast: Bool) {
        state.withLock { state in
            let bytes = Array(state.waiting.prefix(limit))
            state.waiting.removeFirst(bytes.count)
            return (bytes, state.isFinished && state.waiting.isEmpty)
        }
    }

    fileprivate func didHand(_ count: Int) { state.withLock { $0.handed += count } }

    fileprivate func tell(_ event: Event) { tell.yield(event) }

    fileprivate func didClose() {
        let outlet = state.withLock { $0.outlet }
        outlet?.pump()
        if abortsWhenClosed { outlet?.abort() }
        tell.yield(.closed)
    }
}

private final class FedProducer: BodyProducer {
    private let body: FedBody
    private let isChunked: Bool
    /// Bytes that are framed and stay in place until they are sent.
    private var staged = UnsafeMutableRawBufferPointer(start: nil, count: 0)
    private var sent = 0
    private var isLastStaged = false

    private static let pieceLimit = 32_768

    init(_ body: FedBody, isChunked: Bool) {
        self.body = body
        self.isChunked = isChunked
    }

    deinit { staged.deallocate() }

    func fill(_ batch: inout WriteBatch) -> BodyState {
        if sent == staged.count, !isLastStaged {
            let (bytes, isLast) = body.take(atMost: Self.pieceLimit)
            isLastStaged = isLast
            stage(framed(bytes, isLast: isLast))
        }
        if sent < staged.count { batch.append(UnsafeRawBufferPointer(rebasing: staged[sent...]), of: nil) }
        return isLastStaged ? .finished : sent < staged.count ? .more : .waiting
    }

    private func framed(_ bytes: [UInt8], isLast: Bool) -> [UInt8] {
        guard isChunked else { return bytes }
        var framed: [UInt8] = []
        if !bytes.isEmpty { framed += Array("\(String(bytes.count, radix: 16))\r\n".utf8) + bytes + Array("\r\n".utf8) }
        if isLast { framed += Array("0\r\n\r\n".utf8) }
        return framed
    }

    private func stage(_ bytes: [UInt8]) {
        staged.deallocate()
        staged = .allocate(byteCount: bytes.count, alignment: 1)
        staged.copyBytes(from: bytes)
        sent = 0
    }

    func didSend(_ count: Int) {
        sent += count
        body.didHand(count)
    }

    func keepAlive() {
        if sent == staged.count { stage(framed(body.comment, isLast: false)) }
        body.tell(.keptAlive(at: body.now))
    }

    func didClose() {
        body.didClose()
    }
}

extension FedBody {
    fileprivate var now: Int64 {
        state.withLock { $0.outlet?.loop.now ?? 0 }
    }
}
