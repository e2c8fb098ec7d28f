import Testing

@testable import Agents

struct CircuitBreakerTests {
    typealias State = CircuitBreaker.State

    enum Step {
        /// What a request is told that asks for leave.
        case enters(CircuitBreaker.Leave?)
        case succeeds
        case fails(CircuitBreaker.Leave)
        case givesUp(CircuitBreaker.Leave)
        case after(Int64)
    }

    /// Opens after three failures, for ten.
    private func state(after steps: [Step]) -> State {
        var breaker = CircuitBreaker(failureLimit: 3, openTime: 10)
        var now: Int64 = 100
        for (index, step) in steps.enumerated() {
            switch step {
            case .enters(let leave): #expect(breaker.enter(at: now) == leave, "step \(index)")
            case .succeeds: breaker.didSucceed()
            case .fails(let leave): breaker.didFail(leave, at: now)
            case .givesUp(let leave): breaker.didGiveUp(leave, at: now)
            case .after(let time): now += time
            }
        }
        return breaker.state
    }

    private static let opening: [Step] = [.fails(.usual), .fails(.usual), .fails(.usual)]
    private static let probing: [Step] = opening + [.after(10), .enters(.probe)]

    @Test(
        arguments: [
            ([], .closed), ([.enters(.usual), .enters(.usual), .succeeds], .closed),
            ([.fails(.usual), .fails(.usual), .enters(.usual)], .closed),
            // Only failures in a row count.
            ([.fails(.usual), .fails(.usual), .succeeds, .fails(.usual), .fails(.usual)], .closed),
            ([.fails(.usual), .fails(.usual), .givesUp(.usual), .fails(.usual)], .open(until: 110)),
        ] as [([Step], State)]
    )
    func `it opens after so many failures in a row`(steps: [Step], state: State) {
        #expect(self.state(after: steps) == state)
    }

    @Test func `while it is open nothing is let through, and after it one probe`() {
        let steps = Self.opening + [.enters(nil), .after(9), .enters(nil), .after(1), .enters(.probe), .enters(nil)]
        #expect(state(after: steps) == .halfOpen)
        #expect(state(after: Self.opening + [.after(1000), .enters(.probe), .after(1000), .enters(nil)]) == .halfOpen)
    }

    @Test func `a probe's success closes it, with a clean slate`() {
        #expect(state(after: Self.probing + [.succeeds, .enters(.usual)]) == .closed)
        #expect(state(after: Self.probing + [.succeeds, .fails(.usual), .fails(.usual)]) == .closed)
        #expect(state(after: Self.probing + [.succeeds] + Self.opening) == .open(until: 120))
    }

    @Test func `a probe's failure opens it again at once`() {
        #expect(state(after: Self.probing + [.after(5), .fails(.probe), .enters(nil)]) == .open(until: 125))
        #expect(state(after: Self.probing + [.fails(.probe), .after(10), .enters(.probe)]) == .halfOpen)
    }

    @Test func `a probe that is given up leaves the next one to be the probe`() {
        let steps = Self.probing + [.givesUp(.probe), .enters(.probe), .enters(nil)]
        #expect(state(after: steps) == .halfOpen)
    }

    @Test func `a failure of a request that began before it opened does not keep it open for longer`() {
        #expect(state(after: Self.opening + [.after(5), .fails(.usual), .fails(.usual)]) == .open(until: 110))
        // Nor does it speak for the probe.
        #expect(state(after: Self.probing + [.fails(.usual), .givesUp(.usual)]) == .halfOpen)
    }

    @Test func `an answer to a request that began before it opened tells that the service is in order`() {
        #expect(state(after: Self.opening + [.after(5), .succeeds, .enters(.usual)]) == .closed)
        #expect(state(after: Self.probing + [.succeeds, .enters(.usual), .givesUp(.probe)]) == .closed)
        #expect(state(after: Self.probing + [.succeeds, .fails(.probe)]) == .open(until: 120))
    }
}
