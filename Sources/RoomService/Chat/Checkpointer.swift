import HTTPServer
import Primitives
import Storage
import Streaming

/// Stores what is new of the texts of running answers about once a second, so that a crash costs about a second; a portion of
/// the streams at a time, so that neither the loop nor the store is busy with them for long.
///
/// While the store is away the streams go on, and what it has missed is stored when it is back. When their texts need
/// more memory than `memoryLimit`, they pause until then.
struct Checkpointer: Sendable {
    let store: any Store
    let tracker: ActiveStreamTracker
    let backlog: StoreBacklog
    let instanceID: String
    /// For the events of running streams while the store is away, in bytes.
    let memoryLimit: Int
    let time: any TimeSource
    let logger: Logger

    /// How often each stream has its turn, in nanoseconds.
    private static let interval: Int64 = 1_000_000_000
    /// Streams are told to be alive this often, in nanoseconds: with the time that storing takes, at least every 5 s.
    private static let heartbeatInterval: Int64 = 3_000_000_000
    /// How many streams have their turn together at the least, as each turn is a transaction; and of all, at the most.
    private static let smallestPortion = 125
    private static let largestShare = 16
    /// How much text is stored at once, in bytes; one answer's may be more.
    private static let largestText = 2 << 20
    /// An answer is stored as a whole when it has run for so long, in nanoseconds, or so much of it, in bytes, is stored in parts.
    private static let wholeInterval: Int64 = 60_000_000_000
    private static let largestParts = 1 << 20
    /// How often parts that nobody needs are let go of, in nanoseconds.
    private static let forgettingInterval: Int64 = 10_000_000_000

    private struct State {
        /// Those whose turn is yet to come.
        var pending: ArraySlice<LiveStream> = []
        var portion = 1
        var pause = Checkpointer.interval
        var heartbeatAt: Int64
        var forgottenAt: Int64
        var awaySince: Int64?

        mutating func begin(_ streams: [LiveStream]) {
            pending = streams[...]
            portion = max(Checkpointer.smallestPortion, (streams.count + largestShare - 1) / largestShare)
            pause = interval / Int64(max(1, (streams.count + portion - 1) / portion))
        }
    }

    /// Runs until its task is cancelled.
    func run(on loop: EventLoop) async {
        var state = State(heartbeatAt: loop.now, forgottenAt: loop.now)
        while (try? await loop.sleep(until: loop.now + state.pause)) != nil {
            if state.pending.isEmpty { state.begin(running) }
            do throws(StoreError) {
                try await tellHeartbeats(&state, now: loop.now)
                let hasStored = try await storeTexts(of: state.pending.prefix(state.portion), now: loop.now)
                state.pending = state.pending.dropFirst(state.portion)
                if state.pending.isEmpty { try await forgetParts(&state, now: loop.now) }
                // A store that had no answers to take since it failed is not known to be away.
                if hasStored || running.isEmpty { storeIsBack(&state.awaySince, now: loop.now) }
            } catch {
                // What was not stored is part of the next checkpoint.
                storeIsAway(&state.awaySince, now: loop.now, error)
                state.begin([])
            }
            if state.pending.isEmpty { await backlog.offer(to: store) }
        }
        await forgetAllParts()
    }

    /// The answers that the store knows of. One that it is just told of would be taken for one that others have ended.
    private var running: [LiveStream] { tracker.running.filter { $0.isStored && $0.hasBegun } }

    /// - Returns: whether there was anything to store.
    private func storeTexts(of streams: ArraySlice<LiveStream>, now: Int64) async throws(StoreError) -> Bool {
        var rest = streams
        var hasStored = false
        repeat {
            var checkpoint = Checkpoint(time: now)
            var stored: [StoredText] = []
            while checkpoint.byteCount < Self.largestText, let stream = rest.popFirst() {
                if let text = add(stream, to: &checkpoint, now: now) { stored.append(text) }
            }
            try await store.checkpoint(checkpoint)
            for text in stored { text.note(now: now) }
            hasStored = hasStored || !stored.isEmpty
        } while !rest.isEmpty
        return hasStored
    }

    /// What is stored of a stream with the checkpoint that it is part of.
    private struct StoredText {
        var stream: LiveStream
        var byteCount: Int
        var isWhole: Bool

        func note(now: Int64) {
            let known = stream.stored.byteCount.exchange(byteCount, ordering: .relaxed)
            if isWhole { stream.stored.wholeByteCount.store(byteCount, ordering: .relaxed) }
            if isWhole || known == 0 { stream.stored.since.store(now, ordering: .relaxed) }
        }
    }

    /// - Returns: nil when there is nothing to store.
    private func add(_ stream: LiveStream, to checkpoint: inout Checkpoint, now: Int64) -> StoredText? {
        let known = stream.stored.byteCount.load(ordering: .relaxed)
        let parts = known - stream.stored.wholeByteCount.load(ordering: .relaxed)
        let since = stream.stored.since.load(ordering: .relaxed)
        let isDue = parts > Self.largestParts || (parts > 0 && now - since >= Self.wholeInterval)
        if store.storesWholeTexts, stream.log.answerByteCount == known { return nil }
        let isWhole = isDue || store.storesWholeTexts
        let count = checkpoint.parts.count
        let byteCount = checkpoint.add(
            conversationID: stream.conversationID,
            streamID: stream.id,
            from: isWhole ? 0 : known,
            isWhole: isWhole
        ) { stream.log.copyAnswer(from: isWhole ? 0 : known, to: &$0) }
        guard checkpoint.parts.count > count else { return nil }
        return StoredText(stream: stream, byteCount: byteCount, isWhole: isWhole)
    }

    /// Lets go of the parts of answers that have ended, or that were stored whole since. Called when all have had their turn.
    private func forgetParts(_ state: inout State, now: Int64) async throws(StoreError) {
        guard now - state.forgottenAt >= Self.forgettingInterval else { return }
        state.forgottenAt = now
        // Of those that begin from now on, nothing is stored before now.
        try await store.forgetParts(before: min(now, oldestPart))
    }

    /// The service ends, and so have all answers: the next start has nothing to read.
    private func forgetAllParts() async {
        do throws(StoreError) {
            try await store.forgetParts(before: oldestPart)
        } catch {
            logger.warning("parts of ended answers not removed", ["error": .error(error)])
        }
    }

    /// Since when there are parts that are needed, in monotonic nanoseconds: of running answers, and of those whose ends are not stored.
    private var oldestPart: Int64 {
        running.reduce(backlog.partsNeededSince) { min($0, $1.stored.partsNeededSince) }
    }

    /// Only where other programs would otherwise take the answers for those of a dead instance.
    private func tellHeartbeats(_ state: inout State, now: Int64) async throws(StoreError) {
        guard store.isShared, now - state.heartbeatAt >= Self.heartbeatInterval else { return }
        let ended = try await store.recordHeartbeats(
            of: running.map(\.id),
            instanceID: instanceID,
            at: time.now
        )
        state.heartbeatAt = now
        await stop(ended)
    }

    /// Answers that another program has ended or deleted need not go on. Those that have ended by themselves are not touched.
    private func stop(_ streamIDs: [String]) async {
        for id in streamIDs { await tracker.running(id: id)?.cancel(.stopped, by: .store) }
    }

    private func storeIsAway(_ awaySince: inout Int64?, now: Int64, _ error: StoreError) {
        if awaySince == nil {
            logger.error(
                "running answers cannot be stored: they go on, and are stored when the store is back",
                ["streams": .integer(running.count), "error": .error(error)]
            )
        }
        awaySince = awaySince ?? now
        pauseAnswersIfNeeded()
    }

    private func storeIsBack(_ awaySince: inout Int64?, now: Int64) {
        guard let since = awaySince else { return }
        awaySince = nil
        backlog.pauseAnswers(false)
        logger.info(
            "running answers are stored again",
            ["seconds_away": .integer(Int((now - since) / 1_000_000_000)), "waiting_ends": .integer(backlog.count)]
        )
    }

    private func pauseAnswersIfNeeded() {
        guard !backlog.pausesAnswers else { return }
        let byteCount = tracker.running.reduce(0) { $0 + $1.log.memoryByteCount }
        guard byteCount > memoryLimit else { return }
        backlog.pauseAnswers(true)
        logger.warning(
            "running answers pause until the store is back: they need all the memory that STREAM_MEMORY_MB allows",
            ["bytes": .integer(byteCount)]
        )
    }
}
