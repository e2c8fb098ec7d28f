import HTTPServer
import Primitives

/// One client that is sent an answer's text by an `AnswerEncoder`: whenever it can take more, all that the answer has grown
/// by, as one piece where that is not too much. A slow client so makes nobody hold more than one piece for it.
final class AnswerSubscriber: LogWatcher, BodyProducer {
    private let subscription: AnswerSubscription
    private var watchers: LoopWatchers?
    private var hasBegun = false
    /// How much of the answer has been encoded, in bytes.
    private var offset = 0
    private var pending: PendingBytes?
    /// Whether a stop takes back what is pending, as long as nothing of it has left.
    private var isRevocable = false
    /// Whether that is a piece of the answer's text.
    private var isPiece = false
    /// Whether the end is encoded.
    private var hasEnded = false

    /// The longest piece of text, in bytes: of one that has begun to leave, a stop lets the rest go out.
    private static let pieceLimit = 16_384

    init(_ subscription: AnswerSubscription, outlet: BodyOutlet) {
        self.subscription = subscription
        super.init(outlet: outlet)
        subscription.metrics.subscribers.add(1, ordering: .relaxed)
        watchers = subscription.log.watchers(on: outlet.loop)
        watchers?.add(self)
    }

    func fill(_ batch: inout WriteBatch) -> BodyState {
        if isRevocable, let pending, !pending.hasBegun, !subscription.log.showsAnswer { self.pending = nil }
        // While something waited for the socket, the answer may have grown.
        let whenSent = pending == nil ? encodeNext() : hasEnded ? .finished : .more
        if let pending { batch.append(pending.rest, of: pending.owner) }
        return whenSent
    }

    private func encodeNext() -> BodyState {
        var bytes: [UInt8] = []
        guard hasBegun else {
            hasBegun = true
            subscription.encoder.appendBeginning(to: &bytes)
            hold(bytes)
            return .more
        }
        var text: [UInt8] = []
        let whenRead = subscription.log.readAnswer(from: offset, atMost: Self.pieceLimit, to: &text)
        offset += text.count
        let hasText = !text.isEmpty
        if hasText { subscription.encoder.append(text, to: &bytes) }
        if case .finished = whenRead {
            hasEnded = true
            subscription.encoder.appendEnd(to: &bytes)
        }
        hold(bytes)
        isPiece = hasText
        // A log that has ended is not stopped any more.
        isRevocable = !hasEnded
        return whenRead
    }

    private func hold(_ bytes: [UInt8]) {
        isRevocable = false
        isPiece = false
        guard outlet.isChunked else {
            if !bytes.isEmpty { pending = PendingBytes(bytes) }
            return
        }
        var chunks: [UInt8] = []
        if !bytes.isEmpty { chunks.append(chunk: bytes) }
        if hasEnded { chunks.append(ascii: "0\r\n\r\n") }
        if !chunks.isEmpty { pending = PendingBytes(chunks) }
    }

    func didSend(_ count: Int) {
        subscription.metrics.sentBytes.add(count)
        var count = count
        guard pending?.take(&count) == true else { return }
        pending = nil
        if isPiece { subscription.metrics.sentEvents.add() }
    }

    func keepAlive() {
        guard pending == nil, !hasEnded else { return }
        pending = PendingBytes(SSEText.comment(isChunked: outlet.isChunked))
        isRevocable = false
        isPiece = false
    }

    func didClose() {
        watchers?.remove(self)
        if let watchers, watchers.isEmpty { subscription.log.remove(watchers) }
        watchers = nil
        subscription.metrics.subscribers.subtract(1, ordering: .relaxed)
        let isFinished = hasEnded && pending == nil
        subscription.reader?.didEnd(isFinished ? .finished : .closed, subscription.log, at: outlet.loop.now)
        subscription.whenClosed?()
    }
}
