import TestSupport
import Testing

@testable import Agents

struct WaitingLineTests {
    @Test func `who finds a place has it, who comes later waits, and who finds too many waiting is turned away`() {
        var line = WaitingLine<String>(limit: 2, waitingLimit: 2)
        #expect([1, 2, 3, 4, 5].map { line.enter($0, "\($0)") } == [.running, .running, .waiting, .waiting, .refused])
        #expect(line.running == 2 && line.waitingCount == 2)
    }

    @Test func `places are given in the order of coming`() {
        var line = WaitingLine<String>(limit: 1, waitingLimit: 10)
        for id in 1...4 { _ = line.enter(id, "\(id)") }
        line.giveUp(3)
        #expect([line.leave()?.member, line.leave()?.member, line.leave()?.member] == ["2", "4", nil])
        #expect(line.running == 0)
    }

    @Test func `who gives up makes room for another to wait`() {
        var line = WaitingLine<String>(limit: 1, waitingLimit: 1)
        #expect([1, 2, 3].map { line.enter($0, "") } == [.running, .waiting, .refused])
        line.giveUp(2)
        // Twice, or unknown: nothing.
        line.giveUp(2)
        line.giveUp(77)
        #expect(line.enter(4, "") == .waiting)
        #expect(line.leave()?.id == 4)
    }

    @Test func `a line may let nobody wait`() {
        var line = WaitingLine<String>(limit: 1, waitingLimit: 0)
        #expect([1, 2].map { line.enter($0, "") } == [.running, .refused])
        #expect(line.leave() == nil)
        #expect(line.enter(3, "") == .running)
    }

    @Test(arguments: 0..<20) func `it does what a plain list does`(seed: UInt64) {
        var random = SeededGenerator(seed: seed)
        let limit = Int.random(in: 1...5, using: &random)
        let waitingLimit = Int.random(in: 0...6, using: &random)
        var line = WaitingLine<Int>(limit: limit, waitingLimit: waitingLimit)
        // Who is there, in the order of coming: those with a place first.
        var present: [Int] = []
        for id in 0..<2000 {
            switch Int.random(in: 0..<5, using: &random) {
            case 0, 1:
                let expected: WaitingLine<Int>.Entry =
                    present.count < limit ? .running : present.count < limit + waitingLimit ? .waiting : .refused
                #expect(line.enter(id, -id) == expected)
                if expected != .refused { present.append(id) }
            case 2 where present.count > limit:
                let place = Int.random(in: limit..<present.count, using: &random)
                line.giveUp(present.remove(at: place))
            default:
                guard !present.isEmpty else { continue }
                present.remove(at: Int.random(in: 0..<min(limit, present.count), using: &random))
                let next = line.leave()
                #expect(next?.id == (present.count >= limit ? present[limit - 1] : nil))
                #expect(next?.member == next.map { -$0.id })
            }
            #expect(line.running == min(limit, present.count))
            #expect(line.waitingCount == max(0, present.count - limit))
        }
    }
}
