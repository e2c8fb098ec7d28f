import HTTPServer
import Primitives

/// One client that watches a stream: a cursor into the log, and what stands before and behind the log's events.
///
/// Owns no copy of any event. Confined to its connection's loop.
final class Subscriber: LogWatcher, BodyProducer {
    private let sendsDone: Bool
    /// How much has gone out of what stands behind the log's events, once it has ended. Small, as there are many readers.
    private var sentBehind: Int16 = 0
    /// How many of the batch's bytes are the log's.
    private var logBytesInBatch: Int32 = 0
    private let metrics: StreamMetrics?
    private let tracker: ActiveStreamTracker?
    private let follower: SessionFollower?
    private let reader: StreamReader?
    private var result = StreamReader.Result.closed
    private var log: StreamLog?
    private var watchers: LoopWatchers?
    /// In bytes, into the log.
    private var cursor = 0
    private var sent = SentEvents()
    /// Bytes besides the log's that go out before its events.
    private var before: PendingBytes?

    init(_ subscription: Subscription, outlet: BodyOutlet) {
        sendsDone = subscription.sendsDone
        metrics = subscription.metrics
        reader = subscription.reader
        tracker = subscription.tracker
        before = PendingBytes(SSEText.retry(milliseconds: subscription.retryMilliseconds, isChunked: outlet.isChunked))
        follower = subscription.followedSession.map { SessionFollower(loop: outlet.loop, session: $0) }
        super.init(outlet: outlet)
        follower?.subscriber = self
        metrics?.subscribers.add(1, ordering: .relaxed)
        if let log = subscription.log { watch(log, from: subscription.cursor) }
        if let follower { tracker?.follow(follower) }
    }

    /// Reads from `log` from now on. Where that place is no longer held, all of the stream so far comes as one event.
    private func watch(_ log: StreamLog, from cursor: Int) {
        self.log = log
        self.cursor = cursor
        if !log.holds(cursor), !log.isCut { reset(log) }
        sent = SentEvents(from: log.eventCount(before: self.cursor) ?? 0)
        watchers = log.watchers(on: outlet.loop)
        watchers?.add(self)
    }

    private func reset(_ log: StreamLog) {
        let snapshot = log.snapshot
        cursor = snapshot.cursor
        var encoder = StreamEventEncoder(
            streamID: log.streamID,
            agentType: log.agentType,
            firstSequence: snapshot.sequence
        )
        encoder.encodeReset(answer: snapshot.answer)
        let event = outlet.isChunked ? encoder.bytes : encoder.payload
        before = PendingBytes((before.map { Array($0.rest) } ?? []) + event)
        metrics?.resets.add(1, ordering: .relaxed)
        metrics?.sentEvents.add()
    }

    private func unwatch() {
        guard let log, let watchers else { return }
        // What it was sent of a part that it has not got to the end of.
        if let count = log.eventCount(before: cursor) { metrics?.sentEvents.add(sent.take(upToSequence: count)) }
        watchers.remove(self)
        if watchers.isEmpty { log.remove(watchers) }
        self.watchers = nil
        self.log = nil
    }

    func fill(_ batch: inout WriteBatch) -> BodyState {
        logBytesInBatch = 0
        while true {
            if log == nil, let follower {
                switch follower.next() {
                case .log(let log): watch(log, from: 0)
                case .waiting: return fillBefore(&batch, then: .waiting)
                case .finished: return finish(&batch)
                }
            }
            guard let log else { return fillBefore(&batch, then: .waiting) }
            let count = fillBefore(&batch)
            guard
                let state = log.read(from: &cursor, into: &batch, isChunked: outlet.isChunked, counting: &sent)
            else {
                // Too far behind, or given up. What it has missed it gets when it comes again.
                metrics?.cutForLag.add(1, ordering: .relaxed)
                result = .lagged
                outlet.abort()
                return .waiting
            }
            logBytesInBatch = Int32(batch.byteCount - count)
            guard case .finished = state else { return state }
            guard follower != nil else { return finish(&batch) }
            // A follower goes on with the session's next stream when all of this one is sent.
            guard batch.byteCount == 0 else { return .more }
            unwatch()
        }
    }

    /// Adds what goes out before the log's events; returns how much that is.
    @discardableResult
    private func fillBefore(_ batch: inout WriteBatch) -> Int {
        if let before { batch.append(before.rest, of: before.owner) }
        return batch.byteCount
    }

    private func fillBefore(_ batch: inout WriteBatch, then state: BodyState) -> BodyState {
        fillBefore(&batch)
        return state
    }

    private func finish(_ batch: inout WriteBatch) -> BodyState {
        if log == nil { fillBefore(&batch) }
        let ending = SSEText.ending(sendsDone: sendsDone, isChunked: outlet.isChunked)
        let rest = UnsafeRawBufferPointer(
            start: ending.utf8Start + Int(sentBehind),
            count: ending.utf8CodeUnitCount - Int(sentBehind)
        )
        let count = batch.byteCount
        guard !batch.isFull else { return .more }
        batch.append(rest, of: nil)
        guard batch.byteCount - count == rest.count else { return .more }
        result = .finished
        return .finished
    }

    func didSend(_ total: Int) {
        var count = total
        if before?.take(&count) == true { before = nil }
        let fromLog = min(count, Int(logBytesInBatch))
        metrics?.sentBytes.add(total)
        if fromLog > 0, let log {
            cursor = log.place(fromLog, after: cursor, isChunked: outlet.isChunked)
            let events = sent.take(upTo: cursor)
            if events > 0 { metrics?.sentEvents.add(events) }
        }
        // The body has ended where more was sent than that.
        sentBehind += Int16(count - fromLog)
    }

    func keepAlive() {
        // In the middle of an event, the rest of it has to be next.
        guard before == nil, sentBehind == 0, log?.isBetweenEvents(cursor) ?? true else { return }
        before = PendingBytes(SSEText.comment(isChunked: outlet.isChunked))
    }

    func didClose() {
        reader?.didEnd(
            result,
            log,
            lastEvent: log?.lastEvent(before: cursor),
            session: follower?.session,
            at: outlet.loop.now
        )
        unwatch()
        metrics?.subscribers.subtract(1, ordering: .relaxed)
        if let follower {
            tracker?.unfollow(follower)
            follower.subscriber = nil
        }
    }
}
