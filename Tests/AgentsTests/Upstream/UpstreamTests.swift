import Synchronization
import TestSupport
import Testing

@testable import Agents

@Suite(.timeLimit(.minutes(1))) struct UpstreamTests {
    private func upstream(concurrent: Int = 1, waiting: Int = 10, breakerFailures: Int = 2) throws -> Upstream {
        var limits = Upstream.Limits()
        limits.concurrent = concurrent
        limits.waiting = waiting
        limits.breakerFailures = breakerFailures
        limits.breakerTime = 10
        return Upstream(try UpstreamEndpoint(baseURL: "http://model.test/v1"), limits: limits)
    }

    private func place(_ upstream: Upstream) throws -> Upstream.Place { try upstream.place {} }

    // MARK: Places

    @Test func `a place goes to the first who waits when it is let go of, and that one is told`() throws {
        let upstream = try upstream()
        let told = Mutex<[String]>([])
        var first: Upstream.Place? = try place(upstream)
        let second = try upstream.place { told.withLock { $0.append("second") } }
        var third: Upstream.Place? = try upstream.place { told.withLock { $0.append("third") } }
        #expect(first?.hasBeenServed == true && !second.hasBeenServed && third?.hasBeenServed == false)
        #expect(upstream.health.running == 1 && upstream.health.waiting == 2)
        first = nil
        #expect(told.withLock { $0 } == ["second"])
        #expect(second.hasBeenServed && third?.hasBeenServed == false)
        #expect(second.hasBeenServed)
        third = nil
        #expect(upstream.health.running == 1 && upstream.health.waiting == 0)
    }

    @Test func `a place that was given to somebody who never looked goes to the next`() throws {
        let upstream = try upstream()
        var first: Upstream.Place? = try place(upstream)
        var second: Upstream.Place? = try place(upstream)
        let third = try place(upstream)
        #expect(first != nil && second != nil)
        first = nil
        second = nil
        #expect(third.hasBeenServed)
        #expect(upstream.health.running == 1 && upstream.health.waiting == 0)
    }

    @Test func `who finds too many waiting is told so`() throws {
        let upstream = try upstream(waiting: 0)
        var place: Upstream.Place? = try self.place(upstream)
        #expect(place?.hasBeenServed == true)
        #expect(throws: Upstream.busy) { try self.place(upstream) }
        #expect(Upstream.busy.code == .rateLimited)
        place = nil
        #expect(upstream.health.running == 0)
        #expect(try self.place(upstream).hasBeenServed)
    }

    /// Who has a place at the same time.
    private final class Tally: Sendable {
        private let state = Mutex((now: 0, most: 0, count: 0))

        var most: Int { state.withLock { $0.most } }
        var count: Int { state.withLock { $0.count } }

        func enter() {
            state.withLock { state in
                state.now += 1
                state.count += 1
                state.most = max(state.most, state.now)
            }
        }

        func leave() { state.withLock { $0.now -= 1 } }
    }

    @Test func `no place is lost when owners leave while they are served`() async throws {
        let upstream = try upstream(concurrent: 3, waiting: 1000)
        let tally = Tally()
        await withTaskGroup { tasks in
            for seed in 0..<8 {
                tasks.addTask {
                    var random = SeededGenerator(seed: UInt64(seed))
                    for _ in 0..<20_000 {
                        guard let place = try? upstream.place(wake: {}) else { continue }
                        // Some stay until they are served, some look a few times, some leave without a look.
                        let looks = [0, 1, 3, Int.max].randomElement(using: &random)!
                        var count = 0
                        while count < looks, !place.hasBeenServed, !Task.isCancelled {
                            count += 1
                            await Task.yield()
                        }
                        guard looks > 0, place.hasBeenServed else { continue }
                        tally.enter()
                        if Bool.random(using: &random) { await Task.yield() }
                        tally.leave()
                    }
                }
            }
        }
        #expect(upstream.health.running == 0 && upstream.health.waiting == 0)
        #expect(tally.most <= 3)
        #expect(tally.count > 40_000)
        // All three are there again.
        let places = try (0..<4).map { _ in try place(upstream) }
        #expect(places.map(\.hasBeenServed) == [true, true, true, false])
    }

    @Test func `everybody who waits is told, by whichever thread leaves`() async throws {
        let upstream = try upstream(concurrent: 2, waiting: 1000)
        await withTaskGroup { tasks in
            for _ in 0..<200 {
                tasks.addTask {
                    let (wakes, wake) = AsyncStream<Void>.makeStream()
                    guard let place = try? upstream.place(wake: { wake.finish() }) else {
                        Issue.record("there is room for all to wait")
                        return
                    }
                    if place.hasBeenServed { return }
                    for await _ in wakes {}
                    #expect(place.hasBeenServed)
                }
            }
        }
        #expect(upstream.health.running == 0 && upstream.health.waiting == 0)
    }

    // MARK: Requests

    @Test func `after so many failures the service is left alone, and then asked once`() throws {
        let upstream = try upstream()
        for _ in 0..<2 { try upstream.begin(at: 100).didFail("status 500", at: 100) }
        #expect(upstream.health.circuit == .open)
        let error = #expect(throws: AgentError.self) { try upstream.begin(at: 109) }
        #expect(error?.code == .unavailable && error?.retryAfter == 1)
        #expect(error?.detail == "not asked, after failures in a row; the last: status 500")
        let probe = try upstream.begin(at: 110)
        #expect(upstream.health.circuit == .halfOpen)
        #expect(throws: AgentError.self) { try upstream.begin(at: 110) }
        probe.didSucceed()
        #expect(upstream.health.circuit == .closed)
    }

    @Test func `only the first outcome of a request counts`() throws {
        let upstream = try upstream()
        let attempt = try upstream.begin(at: 0)
        for _ in 0..<5 { attempt.didFail("status 500", at: 0) }
        attempt.didSucceed()
        #expect(upstream.health.circuit == .closed)
        try upstream.begin(at: 0).didFail("status 500", at: 0)
        #expect(upstream.health.circuit == .open)
    }

    @Test func `a probe that is let go of without an outcome leaves the next one to be the probe`() throws {
        let upstream = try upstream()
        for _ in 0..<2 { try upstream.begin(at: 0).didFail("status 500", at: 0) }
        for time in [10, 10, 11] as [Int64] { _ = try upstream.begin(at: time) }
        #expect(upstream.health.circuit == .open)
        let probe = try upstream.begin(at: 12)
        probe.didFail("status 500", at: 15)
        #expect(throws: AgentError.self) { try upstream.begin(at: 24) }
        try upstream.begin(at: 25).didSucceed()
        #expect(upstream.health.circuit == .closed)
    }

    @Test func `a request that was let go of counts for nothing`() throws {
        let upstream = try upstream()
        for _ in 0..<10 { _ = try upstream.begin(at: 0) }
        try upstream.begin(at: 0).didFail("status 500", at: 0)
        _ = try upstream.begin(at: 0)
        #expect(upstream.health.circuit == .closed)
        try upstream.begin(at: 0).didFail("status 500", at: 0)
        #expect(upstream.health.circuit == .open)
    }
}
