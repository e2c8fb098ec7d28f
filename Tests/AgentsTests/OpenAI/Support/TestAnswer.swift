import Agents
import HTTPServer
import Primitives
import Synchronization

/// An answer on its loop, for tests that are not there. It is let go of with this.
final class TestAnswer: Sendable {
    /// What the loop has of it.
    ///
    /// `@unchecked Sendable`: `answer` is touched on the loop alone.
    private final class Place: @unchecked Sendable {
        var answer: (any AgentAnswer)?
        /// How often it has been woken, and how often before it was last asked.
        let wakes = Mutex((all: 0, seen: 0))
    }

    enum Step: Equatable, Sendable {
        case piece(String)
        case event(AgentEvent)
        case waiting(until: Int64)
        case ended
        case failed(AgentError)

        var error: AgentError? { if case .failed(let error) = self { error } else { nil } }
    }

    private let loop: EventLoop
    private let place = Place()
    private let wakes: AsyncStream<Void>
    private let wake: AsyncStream<Void>.Continuation

    init(_ agent: any Agent, _ prompt: AgentPrompt, clock: ManualClock, on loop: EventLoop) async {
        self.loop = loop
        (wakes, wake) = AsyncStream.makeStream(bufferingPolicy: .bufferingNewest(1))
        await onLoop { [place, wake] in
            place.answer = agent.answer(prompt, clock: clock) { [weak place] in
                place?.wakes.withLock { $0.all += 1 }
                wake.yield()
            }
        }
    }

    deinit { loop.execute { [place] in place.answer = nil } }

    private func onLoop<Result: Sendable>(_ body: @escaping @Sendable () -> Result) async -> Result {
        await withCheckedContinuation { continuation in
            loop.execute { continuation.resume(returning: body()) }
        }
    }

    /// Asks once.
    func next() async -> Step {
        await onLoop { [place] in
            guard let answer = place.answer else { return .ended }
            place.wakes.withLock { $0.seen = $0.all }
            var piece: [UInt8] = []
            do {
                switch try answer.next(appendingTo: &piece) {
                case .piece: return .piece(String(decoding: piece, as: UTF8.self))
                case .event(let event): return .event(event)
                case .waiting(let time): return .waiting(until: time)
                case .ended: return .ended
                }
            } catch {
                return .failed(error as? AgentError ?? AgentError(.protocolViolation, "\(error)"))
            }
        }
    }

    /// Asks, each time it is woken, until there is something else than to wait.
    func nextThing() async -> Step {
        await next { if case .waiting = $0 { false } else { true } }
    }

    /// Asks, each time it is woken, until it waits for another time than before, or there is something else.
    func nextChange(from time: Int64) async -> Step { await next { $0 != .waiting(until: time) } }

    /// Asks when it has been woken since it was last asked.
    func nextAfterWake() async -> Step {
        await waitForWake()
        return await next()
    }

    private func next(until isIt: (Step) -> Bool) async -> Step {
        while true {
            let step = await next()
            if isIt(step) { return step }
            await waitForWake()
        }
    }

    private func waitForWake() async {
        var wakes = wakes.makeAsyncIterator()
        while place.wakes.withLock({ $0.all == $0.seen }) { await wakes.next() }
    }

    /// All that comes up to its end.
    func all() async -> [Step] {
        var steps: [Step] = []
        while true {
            steps.append(await nextThing())
            switch steps.last {
            case .ended, .failed: return steps
            default: break
            }
        }
    }

    func metadata() async -> JSONObject { await onLoop { [place] in place.answer?.metadata ?? [:] } }

    func letGo() async { await onLoop { [place] in place.answer = nil } }
}
