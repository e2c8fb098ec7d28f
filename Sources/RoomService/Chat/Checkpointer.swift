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

    private struct State {
        /// Those whose turn is yet to come.
        var pending: ArraySlice<LiveStream> = []
        var portion = 1
        var pause = Checkpointer.interval
        var heartbeatAt: Int64
        var awaySince: Int64?

        mutating func begin(_ streams: [LiveStream]) {
            pending = streams[...]
            portion = max(Checkpointer.smallestPortion, (streams.count + largestShare - 1) / largestShare)
            pause = interval / Int64(max(1, (streams.count + portion - 1) / portion))
        }
    }

    /// Runs until its task is cancelled.
    func run(on loop: EventLoop) async {
        var state = State(heartbeatAt: loop.now)
        while (try? await loop.sleep(until: loop.now + state.pause)) != nil {
            if state.pending.isEmpty { state.begin(tracker.running) }
            do throws(StoreError) {
                try await tellHeartbeats(&state, now: loop.now)
                let hasStored = try await storeTexts(of: state.pending.prefix(state.portion))
                state.pending = state.pending.dropFirst(state.portion)
                // A store that had no answers to take since it failed is not known to be away.
                if hasStored || tracker.runningCount == 0 { storeIsBack(&state.awaySince, now: loop.now) }
            } catch {
                // What was not stored is part of the next checkpoint.
                storeIsAway(&state.awaySince, now: loop.now, error)
                state.begin([])
            }
            if state.pending.isEmpty { await backlog.offer(to: store) }
        }
    }

    /// - Returns: whether there was anything new.
    private func storeTexts(of streams: ArraySlice<LiveStream>) async throws(StoreError) -> Bool {
        var rest = streams
        var hasStored = false
        repeat {
            var checkpoint = Checkpoint()
            var stored: [(stream: LiveStream, byteCount: Int)] = []
            while checkpoint.byteCount < Self.largestText, let stream = rest.popFirst() {
                let known = stream.storedByteCount.load(ordering: .relaxed)
                let byteCount = add(stream, from: known, to: &checkpoint)
                if byteCount > known { stored.append((stream, byteCount)) }
            }
            try await store.checkpoint(checkpoint)
            for (stream, byteCount) in stored { stream.storedByteCount.store(byteCount, ordering: .relaxed) }
            hasStored = hasStored || !stored.isEmpty
        } while !rest.isEmpty
        return hasStored
    }

    /// - Returns: how much of the answer is then stored, in bytes.
    private func add(_ stream: LiveStream, from known: Int, to checkpoint: inout Checkpoint) -> Int {
        let isWhole = store.storesWholeTexts
        return checkpoint.add(
            conversationID: stream.conversationID,
            streamID: stream.id,
            from: isWhole ? 0 : known
        ) { text in
            guard !isWhole || stream.log.answerByteCount > known else { return }
            stream.log.copyAnswer(from: isWhole ? 0 : known, to: &text)
        }
    }

    /// Only where other programs would otherwise take the answers for those of a dead instance.
    private func tellHeartbeats(_ state: inout State, now: Int64) async throws(StoreError) {
        guard store.isShared, now - state.heartbeatAt >= Self.heartbeatInterval else { return }
        let ended = try await store.recordHeartbeats(
            of: tracker.running.map(\.id),
            instanceID: instanceID,
            at: time.now
        )
        state.heartbeatAt = now
        await stop(ended)
    }

    /// Answers that another program has ended or deleted need not go on. Those that have ended by themselves are not touched.
    private func stop(_ streamIDs: [String]) async {
        for id in streamIDs { await tracker.running(id: id)?.cancel(.stopped) }
    }

    private func storeIsAway(_ awaySince: inout Int64?, now: Int64, _ error: StoreError) {
        if awaySince == nil {
            logger.error(
                "running answers cannot be stored: they go on, and are stored when the store is back",
                ["streams": .integer(tracker.runningCount), "error": .error(error)]
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
