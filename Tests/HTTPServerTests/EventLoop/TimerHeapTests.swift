import TestSupport
import Testing

@testable import HTTPServer

@Suite struct TimerHeapTests {
    /// The simplest thing that does what a timer heap does.
    private struct Model {
        var timers: [(id: TimerHeap<Int>.ID, deadline: Int64, action: Int)] = []

        mutating func popDue(at now: Int64) -> [Int] {
            let due = timers.filter { $0.deadline <= now }
            timers.removeAll { $0.deadline <= now }
            return due.sorted { ($0.deadline, $0.action) < ($1.deadline, $1.action) }.map(\.action)
        }

        mutating func cancel(_ id: TimerHeap<Int>.ID) -> Int? {
            guard let index = timers.firstIndex(where: { $0.id == id }) else { return nil }
            return timers.remove(at: index).action
        }
    }

    @Test(arguments: [1, 2, 3, 4, 5, 6, 7, 8] as [UInt64])
    func `random operations do the same as on a plain list`(seed: UInt64) throws {
        var random = SeededGenerator(seed: seed)
        var heap = TimerHeap<Int>()
        var model = Model()
        var ids: [TimerHeap<Int>.ID] = []
        var deadlines: [Int: Int64] = [:]
        var now: Int64 = 0
        for action in 0..<4000 {
            switch Int.random(in: 0..<10, using: &random) {
            case 0..<5:
                let id = heap.reserve()
                let deadline = now + Int64.random(in: -2...60, using: &random)
                heap.arm(id, deadline: deadline, action: action)
                model.timers.append((id, deadline, action))
                deadlines[action] = deadline
                ids.append(id)
            case 5..<8:
                // Also timers that have fired or were cancelled before, whose places others have now.
                guard let id = ids.randomElement(using: &random) else { continue }
                #expect(heap.cancel(id) == model.cancel(id))
            case 8:
                let id = heap.reserve()
                #expect(heap.cancel(id) == nil)
                #expect(heap.cancel(id) == nil)
            default:
                now += Int64.random(in: 0...20, using: &random)
                let fired = heap.popDue(at: now, portions: Int.random(in: 1...9, using: &random))
                let times = fired.compactMap { deadlines[$0] }
                #expect(times == times.sorted())
                #expect(fired.sorted() == model.popDue(at: now).sorted())
            }
            let earliest = model.timers.map(\.deadline).min()
            if let earliest { #expect(try #require(heap.nextDeadline) <= earliest) }
        }
    }

    @Test func `timers with equal deadlines all fire, once`() {
        var heap = TimerHeap<Int>()
        for action in 0..<100 { heap.arm(heap.reserve(), deadline: 7, action: action) }
        var fired: Set<Int> = []
        for action in heap.popDue(at: 7, portions: 16) { #expect(fired.insert(action).inserted) }
        #expect(fired == Set(0..<100))
        #expect(heap.nextDeadline == nil)
    }

    @Test func `nothing fires before its deadline`() {
        var heap = TimerHeap<Int>()
        heap.arm(heap.reserve(), deadline: 10, action: 1)
        #expect(heap.popDue(at: 9) == [])
        #expect(heap.popDue(at: 10) == [1])
    }

    @Test func `cancelled timers with far deadlines do not pile up`() {
        var heap = TimerHeap<Int>()
        heap.arm(heap.reserve(), deadline: 1_000_000, action: -1)
        for action in 0..<10_000 {
            let id = heap.reserve()
            heap.arm(id, deadline: 2_000_000, action: action)
            #expect(heap.cancel(id) == action)
        }
        #expect(heap.entryCount < 200)
        #expect(heap.popDue(at: 3_000_000) == [-1])
        #expect(heap.popDue(at: 3_000_000) == [])
    }
}

extension TimerHeap {
    /// All actions that are due, taken `portions` at a time.
    fileprivate mutating func popDue(at now: Int64, portions: Int = 1) -> [Action] {
        var (due, portion): ([Action], [Action?]) = ([], [])
        repeat {
            portion = []
            popDue(at: now, atMost: portions, to: &portion)
            #expect(portion.count <= portions)
            due += portion.compactMap { $0 }
        } while !portion.isEmpty
        return due
    }
}
