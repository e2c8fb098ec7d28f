import Agents
import HTTPServer
import Primitives
import Streaming
import Synchronization

/// Asks an agent for the pieces of one answer, and appends them to the stream's log as events. It runs on its loop whenever
/// the agent may have something: a token costs neither a task's wake-up nor an allocation, and a stream has no task before its end.
///
/// `@unchecked Sendable`: confined to its loop; from other threads only `loop.flush(pump)` and the closures that do that.
final class AnswerPump: LoopWork, @unchecked Sendable {
    /// How the asking has ended, if no error was thrown.
    enum Outcome: Sendable {
        case complete
        /// The answer is as long as one may be, and the agent had more to say.
        case cutAtLimit
        /// The stream takes no more: it is cancelled.
        case cancelled
    }

    private(set) var progress: Reply.Progress
    /// What the agent told about the answer, once that has ended.
    private(set) var metadata: JSONObject = [:]

    private let stream: LiveStream
    private let log: StreamLog
    /// A copy of the stream's, as all else that is looked at for each piece is here.
    private let isCancelled = Atomic(false)
    private let backlog: StoreBacklog
    /// For the answer's text, in bytes.
    private let limit: Int
    private let loop: EventLoop
    /// What the next piece is going to use.
    private var hints = CacheHints()
    private let frameHint: CacheHint
    private var encoder: StreamEventEncoder
    private let scratch: AnswerScratch
    /// Where other instances are told of what is appended.
    private let feed: StreamFeed?
    private let fed: FedStream?
    private var timer: EventLoop.Timer?
    /// Nil before the first piece is asked for, and after the end: the answer may hold what wakes the pump.
    private var answer: (any AgentAnswer)?
    private var whenEnded: (@Sendable (Result<Outcome, any Error>) -> Void)?

    /// How many pieces an answer that never has to wait may give before the others have their turn.
    private static let piecesPerTurn = 32
    /// How many pieces the hints are good for: only now and then is anything moved, as it has grown.
    private static let piecesPerHints = 8
    /// How long an answer that pauses waits until it looks again, in nanoseconds.
    private static let pauseInterval: Int64 = 1_000_000_000
    private static let doubtInterval: Int64 = 50_000_000

    init(
        _ stream: LiveStream,
        encoder: StreamEventEncoder,
        backlog: StoreBacklog,
        limit: Int,
        scratch: AnswerScratch,
        feed: (StreamFeed, FedStream)?,
        loop: EventLoop
    ) {
        self.scratch = scratch
        self.feed = feed?.0
        fed = feed?.1
        frameHint = encoder.hint
        self.stream = stream
        log = stream.log
        self.encoder = encoder
        self.backlog = backlog
        self.limit = limit
        self.loop = loop
        progress = Reply.Progress(startedAt: loop.now)
    }

    /// Begins the answer, and has its pieces asked for until the agent has said all, or nobody wants to hear more. To be
    /// called on the loop, once.
    ///
    /// - Parameter whenEnded: called once, on the loop; with what the agent threw, if it did.
    func start(
        _ agent: any Agent,
        _ prompt: AgentPrompt,
        whenEnded: @escaping @Sendable (Result<Outcome, any Error>) -> Void
    ) {
        self.whenEnded = whenEnded
        answer = agent.answer(prompt, clock: LoopClock(loop: loop), wake: { [self] in loop.flush(self) })
        loop.flush(self)
        stream.whenCancelled { [self] in
            isCancelled.store(true, ordering: .releasing)
            loop.flush(self)
        }
    }

    func run(on loop: EventLoop) {
        guard let answer else { return }
        // Whatever an agent leaves in it is no other answer's.
        defer { scratch.piece.removeAll(keepingCapacity: true) }
        if let timer { loop.cancel(timer) }
        timer = nil
        do {
            for _ in 0..<Self.piecesPerTurn {
                if isCancelled.load(ordering: .acquiring) { return end(.success(.cancelled)) }
                if backlog.pausesAnswers { return wait(until: loop.now + Self.pauseInterval) }
                // Others may have ended the answer: nothing more is shown before that is known.
                if feed?.isInDoubt == true { return wait(until: loop.now + Self.doubtInterval) }
                switch try answer.next(appendingTo: &scratch.piece) {
                case .piece: if let outcome = takePiece() { return end(.success(outcome)) }
                case .event(let event): guard take(event) else { return end(.success(.cancelled)) }
                case .waiting(let deadline): return wait(until: deadline)
                case .ended: return end(.success(.complete))
                }
            }
            // Behind the others.
            loop.flush(self)
        } catch {
            end(.failure(error))
        }
    }

    /// - Returns: how the answer ends with this piece, if it does.
    private func takePiece() -> Outcome? {
        defer { scratch.piece.removeAll(keepingCapacity: true) }
        let room = limit - progress.byteCount
        let isCut = scratch.piece.count > room
        if isCut { scratch.piece.cutText(to: room) }
        if !scratch.piece.isEmpty {
            guard encoder.append(scratch.piece, to: log, using: &scratch.buffers) else { return .cancelled }
            progress.didAppend(scratch.piece.count, at: loop.now)
            if let feed, let fed { feed.mark(fed, isUrgent: progress.chunks == 1) }
        }
        return isCut ? .cutAtLimit : nil
    }

    /// - Returns: false when the stream takes no more.
    private func take(_ event: AgentEvent) -> Bool {
        encoder.encode(status: event.status, members: event.members)
        defer { encoder.buffers = EventBuffers() }
        guard log.append(encoder.bytes) else { return false }
        progress.didAppendEvent()
        if let feed, let fed { feed.mark(fed) }
        return true
    }

    private func wait(until deadline: Int64) {
        if deadline < .max { timer = loop.schedule(self, at: deadline) }
        if progress.chunks % Self.piecesPerHints == 1 { renewHints() }
        hints.replaceFirst(with: log.tailHint)
    }

    func prefetch() { hints.prefetch() }

    private func renewHints() {
        hints = CacheHints()
        hints.add(CacheHint())
        if let answer {
            hints.add(CacheHint(answer, lines: 3))
            hints.add(answer.hint)
        }
        hints.add(frameHint)
        log.addHints(to: &hints)
    }

    private func end(_ result: Result<Outcome, any Error>) {
        metadata = answer?.metadata ?? [:]
        answer = nil
        whenEnded?(result)
        whenEnded = nil
    }
}

/// Memory that all answers of one loop use in turn, each while it takes a piece.
///
/// `@unchecked Sendable`: confined to its loop.
final class AnswerScratch: @unchecked Sendable {
    var piece: [UInt8] = []
    var buffers = EventBuffers()
}
